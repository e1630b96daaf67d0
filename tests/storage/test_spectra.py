"""The data behind a run, read again from its file, and the samples that are unlike the others."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from storage import Conflict, NotFound, RunRequest, Workspace, spectral_outliers

MEAN = {"name": "mean", "steps": [{"class": "sklearn.dummy.DummyRegressor"}], "cv": {"n_splits": 3}}


def train(workspace: Workspace, data: Path, tmp_path: Path, **fields: object) -> str:
    config = tmp_path / "mean.yaml"
    config.write_text("name: mean\nsteps: [{class: sklearn.dummy.DummyRegressor}]\ncv: {n_splits: 3}\n")
    asked = {"data": data, "target": ["protein"], "pipelines": [config], "charts": False, **fields}
    return workspace.run_request(RunRequest.model_validate(asked)).run_id


def test_the_data_of_a_run_with_the_numbers_its_predictions_use(
    workspace: Workspace, spectra_csv: Path, tmp_path: Path
) -> None:
    run_id = train(workspace, spectra_csv, tmp_path, split_column="split", units="%")
    found = workspace.spectra(run_id)
    table = pd.read_csv(spectra_csv)
    assert found.axis.tolist() == [1100 + 2 * i for i in range(12)] and found.axis_known
    assert found.values.dtype == np.float32 and found.values == pytest.approx(table.iloc[:, 4:].to_numpy(), rel=1e-6)
    assert (found.sample_names, found.target, found.units) == (list(table["sample_id"]), ["protein"], "%")
    assert found.test.sum() == 6
    (pipeline,) = workspace.run(run_id).pipelines()
    for block in workspace.catalog.arrays(pipeline.prediction_id):
        assert found.y[block.sample_indices] == pytest.approx(block.y_true)
    again = workspace.spectra(run_id, pipeline.pipeline_id)
    assert again.values == pytest.approx(found.values)


def test_a_file_that_moved_can_be_named_and_one_that_changed_is_refused(
    workspace: Workspace, spectra_csv: Path, tmp_path: Path
) -> None:
    run_id = train(workspace, spectra_csv, tmp_path, test_size=0.25)
    moved = Path(shutil.move(spectra_csv, tmp_path / "elsewhere.csv"))
    with pytest.raises(NotFound, match="not where it was"):
        workspace.spectra(run_id)
    assert len(workspace.spectra(run_id, data=moved).values) == 30
    converted = tmp_path / "converted.parquet"  # other bytes, the same numbers
    pd.read_csv(moved).to_parquet(converted)
    assert len(workspace.spectra(run_id, data=converted).values) == 30
    table = pd.read_csv(moved)
    table.iloc[3, 5] += 0.5
    table.to_csv(spectra_csv, index=False)
    with pytest.raises(Conflict, match="has changed"):
        workspace.spectra(run_id)
    with pytest.raises(Conflict, match="not what this run"):
        workspace.spectra(run_id, data=Path(shutil.copy(spectra_csv, tmp_path / "other.csv")))


@pytest.mark.parametrize("fields", [{"split": {"seed": "x", "test_size": 0.2}}, {"path": "x" * 5000}])
def test_a_damaged_record_is_told_and_is_no_bug(
    workspace: Workspace, spectra_csv: Path, tmp_path: Path, fields: dict[str, object]
) -> None:
    run_id = train(workspace, spectra_csv, tmp_path, test_size=0.2)
    path = workspace.root / "runs" / run_id / "run_config.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "dataset_source": {**document["dataset_source"], **fields}}))
    with suppress(NotFound, Conflict):
        assert len(workspace.spectra(run_id).values) == 30


def test_a_run_without_a_file_says_so(workspace: Workspace, dataset: object) -> None:
    workspace.run_batch(dataset, [MEAN], charts=False)  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="came from a program"):
        workspace.spectra(workspace.runs()[0].run_id)


def test_an_id_of_an_unusual_name_is_no_part_of_the_spectra(workspace: Workspace, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = pd.DataFrame({"vial": np.arange(100, 120), "protein": random.normal(size=20)})
    table[["a", "b", "c"]] = random.normal(size=(20, 3))
    path = tmp_path / "vials.csv"
    table.to_csv(path, index=False)
    found = workspace.spectra(train(workspace, path, tmp_path, id_column="vial"))
    assert found.values.shape == (20, 3) and not found.axis_known
    assert found.sample_names == [str(n) for n in range(100, 120)]


def spectra(samples: int = 200) -> np.ndarray:
    """Two smooth components in changing amounts, and noise."""
    random = np.random.default_rng(2)
    x = np.linspace(0, 1, 80)
    shapes = np.array([np.exp(-((x - 0.3) ** 2) / 0.01), np.exp(-((x - 0.7) ** 2) / 0.02)])
    return random.normal(size=(samples, 2)) @ shapes + 0.01 * random.normal(size=(samples, 80))


def test_extreme_amounts_and_strange_shapes_are_outliers() -> None:
    X = spectra()
    X[7] *= 30  # far away, but of the usual shape
    X[11, 40:44] += 1.5  # a peak that no other has
    found = spectral_outliers(X)
    assert found is not None and found.explained >= 0.99
    assert found.t2[7] > found.t2_limits[1] and found.q[11] > found.q_limits[1]
    assert found.outlying[[7, 11]].all() and found.outlying.mean() < 0.1
    assert not (found.outlying & found.suspicious).any()


def test_limits_leave_out_the_share_they_say() -> None:
    X = spectra(2000)
    found = spectral_outliers(X)
    assert found is not None and found.components == 2
    for level, share in ((0, 0.05), (1, 0.01)):
        assert (found.t2 > found.t2_limits[level]).mean() == pytest.approx(share, abs=0.015)
        assert (found.q > found.q_limits[level]).mean() == pytest.approx(share, abs=0.025)
    # The T² of the fitted samples sums to components × (n - 1), whatever the data.
    few = spectral_outliers(X[:100])
    assert few is not None and few.t2.sum() == pytest.approx(few.components * 99)
    assert few.t2_limits[0] == pytest.approx(2 * 99 / 98 * stats.f.ppf(0.95, 2, 98))


def test_data_without_variation_or_with_few_samples_have_no_outliers() -> None:
    assert spectral_outliers(np.ones((30, 5))) is None
    assert spectral_outliers(spectra(4)) is None
    line = spectral_outliers(np.outer(np.arange(20.0), np.arange(1.0, 6.0)))  # nothing is left beside one component
    assert line is not None and np.isnan(line.q_limits).all() and not line.outlying.any()
