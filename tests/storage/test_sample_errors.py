"""Residuals side by side, and the samples that every model gets wrong."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from storage import Dataset, Workspace, from_arrays
from storage.sample_errors import outlying
from tests.storage.samples import regression_arrays


def ridge(alpha: float, **fields: object) -> dict[str, object]:
    step = {"class": "sklearn.linear_model.Ridge", "params": {"alpha": alpha}}
    return {"name": f"ridge {alpha:g}", "steps": [step], "cv": {"n_splits": 4}, **fields}


def ids_of(workspace: Workspace) -> dict[str, str]:
    rows = workspace.catalog.rows(workspace.catalog.keys())
    return {row["pipeline_name"]: row["prediction_id"] for row in rows}


def test_a_sample_measured_wrongly_is_an_outlier_everywhere(workspace: Workspace) -> None:
    X, y = regression_arrays(60)
    y[17] += 60
    names = [f"vial {n}" for n in range(60)]
    workspace.run_batch(
        from_arrays("corn", X, y, sample_ids=names), [ridge(alpha) for alpha in (0.1, 0.2, 1.0)], charts=False
    )
    ids = ids_of(workspace)
    found = workspace.sample_errors(list(ids.values()), "val")
    assert found.values.shape == (60, 3) and not found.classes
    assert [found.sample_names[i] for i in np.flatnonzero(found.outliers)] == ["vial 17"]
    assert found.share_outlying[17] == 1
    for column, one in enumerate(ids.values()):
        for block in workspace.catalog.arrays(one):
            if block.partition == "val":
                assert found.values[block.sample_indices, column] == pytest.approx(block.y_pred - block.y_true)
    assert found.partitions == ("train", "val")


def test_what_does_not_fit_together_is_said_and_left_empty(workspace: Workspace, dataset: Dataset) -> None:
    X, y = regression_arrays()
    workspace.run_batch(dataset, [ridge(1), ridge(2, cv=None)], charts=False)
    workspace.run_batch(from_arrays("wheat", X, y), [ridge(3)], charts=False)
    workspace.run_batch(from_arrays("corn", X, y + 1, test=np.arange(30) >= 24), [ridge(4)], charts=False)
    ids = ids_of(workspace)
    order = [ids[f"ridge {n}"] for n in (1, 2, 3, 4)]
    found = workspace.sample_errors(order, "val")
    assert [found.problems.get(one) for one in order] == [
        None,
        "It has no val predictions.",
        "It was trained on wheat, not on corn.",
        "It was trained on other measured values.",
    ]
    assert np.isfinite(found.values[:, 0]).all() and np.isnan(found.values[:, 1:]).all()


def test_without_folders_samples_go_by_their_rows(workspace: Workspace, dataset: Dataset) -> None:
    workspace.run_batch(dataset, [ridge(1)], charts=False)
    for run in workspace.runs():
        shutil.rmtree(workspace.layout.run(run.folder))
    workspace.sync()
    found = workspace.sample_errors(list(ids_of(workspace).values()), "test")
    assert found.sample_names[0] == "row 25" and found.samples.tolist() == list(range(24, 30))


def test_wrong_classes_are_shares_and_repeats_their_mean(workspace: Workspace) -> None:
    X, y = regression_arrays(60)
    classes = np.where(y > 0, "north", "south")
    classes[5] = "south" if classes[5] == "north" else "north"
    step = {"class": "sklearn.linear_model.LogisticRegression"}
    repeated = {"class": "sklearn.model_selection.RepeatedStratifiedKFold", "params": {"n_splits": 3, "n_repeats": 2}}
    configs = [{"name": name, "steps": [step], "cv": repeated} for name in ("a", "b")]
    workspace.run_batch(from_arrays("origin", X, classes), configs, charts=False, again=True)
    found = workspace.sample_errors(list(ids_of(workspace).values()), "val")
    assert found.classes and set(np.unique(found.values)) <= {0.0, 0.5, 1.0}
    assert found.values[5].tolist() == [1.0, 1.0] and found.outliers[5]


def test_residuals_stand_out_by_robust_measure_alone() -> None:
    residuals = np.random.default_rng(1).normal(5.0, 1.0, size=(200, 1))  # a biased model is not all outliers
    residuals[3], residuals[4] = 60.0, np.nan
    found = outlying(residuals, classes=False)[:, 0]
    assert found[3] and not found[4] and found.sum() <= 4
    assert not outlying(np.zeros((5, 2)), classes=False).any()
