"""Two small, real datasets to try Runshelf with, and which of the shipped grids suit them.

They come with chemotools, so nothing is downloaded. What is written is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from storage.disk import write_atomic

if TYPE_CHECKING:
    from pandas import DataFrame

    from storage.requests import Report, RunRequest

_REGION = (950.0, 1500.0)  # cm⁻¹: where sugars absorb; outside it these spectra are mostly noise
_SPECTRA_PER_HOUR = 48  # the probe in the fermenter records one every 1.25 minutes


@dataclass(frozen=True)
class DemoDataset:
    """A dataset and how it is meant to be run: the fields of a run request, and what the numbers are.

    Either `split_column` names the column that says train or test, or `test_size` is the share held back.
    `configs` are file names of the shipped grids.
    """

    name: str
    data: Path
    target: str
    id_column: str
    split_column: str | None
    test_size: float | None
    units: str
    task: Literal["regression", "classification"]
    configs: tuple[str, ...]
    description: str

    def request(self, jobs: int = 1) -> RunRequest:
        """The run request that trains the shipped grids on this dataset."""
        from storage.configs import shipped_configs
        from storage.requests import RunRequest

        return RunRequest(
            data=self.data,
            target=[self.target],
            id_column=self.id_column,
            split_column=self.split_column,
            test_size=self.test_size,
            task=self.task,
            dataset_name=self.name,
            units=self.units,
            pipelines=[path for path in shipped_configs() if path.name in self.configs],
            description=self.description,
            jobs=jobs,
        )


def demo_datasets(folder: Path) -> list[DemoDataset]:
    """The demo datasets as they would lie in `folder`; reads and writes nothing."""
    return [
        DemoDataset(
            name="fermentation",
            data=folder / "fermentation.csv",
            target="glucose",
            id_column="sample_id",
            split_column="split",
            test_size=None,
            units="g/L",
            task="regression",
            configs=("regression-pls.yaml", "regression-other-models.yaml"),
            description=(
                "Glucose in an ethanol fermentation, by mid-infrared spectroscopy. Trained on 21 mixtures made in "
                "the laboratory; tested on the spectra a probe recorded during a real fermentation, at the times of "
                "34 HPLC measurements. 950 to 1500 cm⁻¹."
            ),
        ),
        DemoDataset(
            name="coffee",
            data=folder / "coffee.csv",
            target="origin",
            id_column="sample_id",
            split_column=None,
            test_size=0.25,
            units="",
            task="classification",
            configs=("classification.yaml",),
            description=(
                "Origin of 60 brewed coffees (Brazil, Ethiopia, Vietnam), by mid-infrared spectroscopy. The columns "
                "are numbered: the wavenumbers are not published."
            ),
        ),
    ]


def create_demo(folder: Path, report: Report) -> Path:
    """Write the demo data, make a workspace beside them, train the shipped grids on them; returns the workspace.

    What is there already is kept and what was trained is not trained again. Training runs in a child process;
    `report` counts the pipelines of all datasets, and may raise Cancelled.
    """
    from storage.configs import load_configs
    from storage.process import run_in_child

    root = demo_workspace(folder)
    requests = [dataset.request() for dataset in write_demo_data(folder / "data")]
    counts = [len(load_configs(request.pipelines)) for request in requests]
    for place, request in enumerate(requests):
        run_in_child(root, request, _part_of(report, sum(counts[:place]), sum(counts)))
    return root


def _part_of(report: Report, before: int, total: int) -> Report:
    """A report for one of several batches, of which `before` pipelines of all `total` came before."""
    return lambda done, _, text: report(before + done, total, text)


def demo_workspace(folder: Path) -> Path:
    """The demo workspace below `folder`, made if it is not there."""
    from storage.layout import MARKER
    from storage.workspace import Workspace

    root = folder / "workspace"
    if not (root / MARKER).exists():
        Workspace.create(root).close()
    return root


def write_demo_data(folder: Path) -> list[DemoDataset]:
    """Write the demo datasets as CSV files into `folder`; a file that is already the same is left alone."""
    datasets = demo_datasets(folder)
    for dataset, table in zip(datasets, (_fermentation(), _coffee()), strict=True):
        content = table.to_csv(index=False, lineterminator="\n").encode()
        if not (dataset.data.is_file() and dataset.data.read_bytes() == content):
            write_atomic(dataset.data, content)
    return datasets


def _fermentation() -> DataFrame:
    """Calibration mixtures (train), and for each HPLC measurement the spectrum nearest in time (test)."""
    import numpy as np
    import pandas as pd
    from chemotools.datasets import load_fermentation_test, load_fermentation_train

    spectra, reference = load_fermentation_train()
    online, hplc = load_fermentation_test()
    recorded = np.flatnonzero(online.std(axis=1).to_numpy() > 0)  # the last rows are placeholders, not spectra
    wanted = hplc["time"].to_numpy() * _SPECTRA_PER_HOUR
    nearest = recorded[np.abs(recorded[None, :] - wanted[:, None]).argmin(axis=1)]

    train = _labelled(
        _cut(spectra),
        sample_id=[f"mixture-{number:02d}" for number in range(1, len(spectra) + 1)],
        split=["train"] * len(spectra),
        glucose=reference["glucose"].tolist(),
    )
    test = _labelled(
        _cut(online.iloc[nearest]),
        sample_id=[f"fermentation-{hours:05.2f}h" for hours in hplc["time"]],
        split=["test"] * len(hplc),
        glucose=hplc["glucose"].tolist(),
    )
    return pd.concat([train, test], ignore_index=True)


def _coffee() -> DataFrame:
    from chemotools.datasets import load_coffee

    spectra, labels = load_coffee()
    return _labelled(
        spectra,
        sample_id=[f"coffee-{number:02d}" for number in range(1, len(spectra) + 1)],
        origin=labels["labels"].tolist(),
    )


def _cut(spectra: DataFrame) -> DataFrame:
    """The spectra inside the region, with their wavenumbers as text: `950`, not `950.0`."""
    inside = [column for column in spectra.columns if _REGION[0] <= float(column) <= _REGION[1]]
    return spectra[inside].set_axis([f"{float(column):g}" for column in inside], axis=1)


def _labelled(spectra: DataFrame, **columns: list[Any]) -> DataFrame:
    """The spectra with these columns before them."""
    import pandas as pd

    return pd.concat([pd.DataFrame(columns), spectra.reset_index(drop=True)], axis=1)
