"""A workspace with pipelines that were really trained on spectra, and the page of a pipeline without the window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gui.panes.pipeline import PipelinePane
from gui.selection import Picked, Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem, Tasks
from storage import Workspace, load_dataset

SAMPLES, CHANNELS = 60, 120
STRANGE = 7  # the row of the spectrum unlike the others
PLS = {
    "name": "pls",
    "steps": [
        {"class": "sklearn.preprocessing.StandardScaler"},
        {"class": "sklearn.cross_decomposition.PLSRegression", "params": {"n_components": 3}},
    ],
    "cv": {"n_splits": 4},
}
RIDGE = {
    "name": "ridge",
    "steps": [{"class": "sklearn.linear_model.Ridge", "params": {"alpha": 10.0}}],
    "cv": {"n_splits": 4},
}
FOREST = {
    "name": "trees",
    "steps": [{"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2}}],
    "cv": {"n_splits": 4},
}


def write_spectra(path: Path, *, classes: bool = False) -> Path:
    """Write bands whose height is the target, one sample with a band nobody else has."""
    random = np.random.default_rng(11)
    axis = np.linspace(900, 1700, CHANNELS)
    height = random.uniform(5, 15, SAMPLES)
    bands = np.exp(-(((axis - 1200) / 60) ** 2))
    spectra = 0.1 * height[:, None] * bands + 0.02 * random.normal(size=(SAMPLES, CHANNELS))
    spectra[STRANGE] += 1.5 * np.exp(-(((axis - 1550) / 20) ** 2))
    table = pd.DataFrame(spectra, columns=[f"{channel:.0f}" for channel in axis])
    table.insert(0, "sample_id", [f"s{n:02d}" for n in range(SAMPLES)])
    target = np.array(["low", "mid", "high"])[np.digitize(height, [8, 12])] if classes else height
    table.insert(1, "grade" if classes else "protein", target)
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session", name="trained")
def trained_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two regressions and a classification; tests get copies."""
    folder = tmp_path_factory.mktemp("trained")
    numbers = write_spectra(folder / "barley.csv")
    grades = write_spectra(folder / "grades.csv", classes=True)
    with Workspace.create(folder / "workspace") as workspace:
        regression = load_dataset(numbers, ["protein"], test_size=0.25, units="%")
        workspace.run_batch(regression, [PLS, RIDGE], charts=False)
        workspace.run_batch(load_dataset(grades, ["grade"], test_size=0.25), [FOREST], charts=False)
    return folder / "workspace"


@pytest.fixture(name="root")
def trained_root(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained workspace that a test may change."""
    return shutil.copytree(trained, tmp_path / "workspace")


@dataclass
class Page:
    """The page of a pipeline with what it follows; `ids` finds pipelines by name."""

    qtbot: object
    pane: PipelinePane
    selection: Selection
    session: Session
    settings: Settings
    problems: list[Problem]
    root: Path

    def picked(self, name: str) -> Picked:
        """Return the pipeline whose configuration has this name."""
        with Workspace.open(self.root, read_only=True) as workspace:
            keys = workspace.catalog.keys(f"config_name = '{name}'")
            row = workspace.catalog.rows(keys)[0]
        return Picked(row["run_id"], row["pipeline_id"], row["prediction_id"])

    def show(self, name: str) -> Picked:
        """Select a pipeline and wait until the page shows it."""
        picked = self.picked(name)
        self.selection.pick(picked)
        self.wait(lambda: getattr(self.pane.details, "pipeline_id", "") == picked.pipeline_id)
        return picked

    def wait(self, ready) -> None:
        """Let the page work until `ready`."""
        self.qtbot.waitUntil(ready)

    def show_spectra(self) -> None:
        """Choose the spectra and wait until they are read."""
        self.pane.charts.choose("spectra")
        self.wait(lambda: self.pane.charts.plot.lines is not None)


@pytest.fixture(name="page")
def pipeline_page(qtbot, root: Path, settings: Settings) -> Iterator[Page]:
    """The page of a pipeline on the trained workspace."""
    tasks = Tasks()
    session, selection = Session(tasks), Selection()
    pane = PipelinePane(session, selection, settings)
    problems: list[Problem] = []
    tasks.unhandled.connect(problems.append)
    pane.resize(480, 900)
    pane.show()
    session.adopt(Workspace.open(root))
    qtbot.waitUntil(lambda: session.workspace is not None)
    pane.load_charts()
    yield Page(qtbot, pane, selection, session, settings, problems, root)
    pane.save()
    session.close()
    tasks.close()
    pane.close()
    pane.deleteLater()
    assert problems == []
