"""Comparing pipelines over shared folds, on results that the runner made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from storage import BadInput, Dataset, Workspace, from_arrays
from storage.metrics import BUILT_IN
from tests.storage.samples import regression_arrays

RIDGE = "sklearn.linear_model.Ridge"


def ridge(name: str, alpha: float, cv: object = None) -> dict[str, object]:
    step = {"class": RIDGE, "params": {"alpha": alpha}}
    return {"name": name, "steps": [step], "cv": cv or {"n_splits": 5}}


def train(workspace: Workspace, dataset: Dataset, *configs: object) -> dict[str, str]:
    """Train; returns prediction ids by pipeline name."""
    workspace.run_batch(dataset, configs, charts=False)
    rows = workspace.catalog.rows(workspace.catalog.keys())
    return {row["pipeline_name"]: row["prediction_id"] for row in rows}


def test_fold_scores_are_those_the_training_recorded(workspace: Workspace, dataset: Dataset) -> None:
    ids = train(workspace, dataset, ridge("sound", 0.1))
    (scores,) = workspace.fold_scores([ids["sound"]], "val_rmse")
    (run,) = workspace.runs()
    recorded = workspace.run(run.run_id).pipelines()[0].metrics()["cross_validation"]
    assert scores.values == pytest.approx([fold["rmse"] for fold in recorded["fold_results"]])
    assert (scores.mean, scores.std) == pytest.approx((recorded["mean_rmse"], recorded["std_rmse"]))


def test_a_clearly_worse_model_is_called_worse_and_an_equal_one_equivalent(
    workspace: Workspace, dataset: Dataset
) -> None:
    ids = train(workspace, dataset, ridge("sound", 0.1), ridge("twin", 0.1000001), ridge("blunt", 1e4))
    found = workspace.compare_folds([ids["sound"], ids["twin"], ids["blunt"]], "val_rmse", ids["sound"])
    twin, blunt = found.pairs
    assert found.rope == pytest.approx(0.01 * workspace.fold_scores([ids["sound"]], "rmse")[0].mean)
    assert (twin.verdict, blunt.verdict) == ("equivalent", "worse")
    assert blunt.sentence.startswith("blunt is worse than sound (")
    assert blunt.difference is not None and blunt.difference > 0 and blunt.folds == 5
    for pair in found.pairs:
        assert pair.better is not None and pair.equivalent is not None and pair.worse is not None
        assert pair.better + pair.equivalent + pair.worse == pytest.approx(1)
    # The other way round, and by a metric of which more is better, the same is said.
    (turned,) = workspace.compare_folds([ids["sound"]], "r2", ids["blunt"]).pairs
    assert turned.verdict == "better" and turned.difference is not None and turned.difference > 0


def test_the_probabilities_are_those_of_the_library(workspace: Workspace, dataset: Dataset) -> None:
    from baycomp import CorrelatedTTest

    ids = train(workspace, dataset, ridge("a", 1.0), ridge("b", 5.0))
    a, b = workspace.fold_scores([ids["a"], ids["b"]], "rmse")
    (pair,) = workspace.compare_folds([ids["b"]], "rmse", ids["a"], rope=0.2).pairs
    expected = CorrelatedTTest.probs(np.array(a.values), np.array(b.values), rope=0.2)
    assert (pair.better, pair.equivalent, pair.worse) == pytest.approx(expected)  # left: b has less error
    (without,) = workspace.compare_folds([ids["b"]], "rmse", ids["a"], rope=0).pairs
    assert without.equivalent == 0 and without.better is not None


def test_repeated_folds_count_as_repetitions(workspace: Workspace, dataset: Dataset) -> None:
    from baycomp import CorrelatedTTest

    splitter = {"class": "sklearn.model_selection.RepeatedKFold", "params": {"n_splits": 4, "n_repeats": 3}}
    ids = train(workspace, dataset, ridge("a", 1.0, splitter), ridge("b", 5.0, splitter))
    a, b = workspace.fold_scores([ids["a"], ids["b"]], "rmse")
    (pair,) = workspace.compare_folds([ids["b"]], "rmse", ids["a"], rope=0.1).pairs
    expected = CorrelatedTTest.probs(np.array(a.values), np.array(b.values), rope=0.1, runs=3)
    assert (pair.folds, pair.worse) == (12, pytest.approx(expected[2]))


def test_what_has_no_shared_folds_is_said_not_to_be_comparable(workspace: Workspace, dataset: Dataset) -> None:
    X, y = regression_arrays()
    wheat = from_arrays("wheat", X, 2 * y, test=np.arange(30) >= 24)
    ids = train(workspace, dataset, ridge("five", 1.0), ridge("six", 1.0, {"n_splits": 6}))
    ids |= train(workspace, dataset, ridge("none", 2.0) | {"cv": None})
    ids |= train(workspace, dataset, ridge("other", 1.0, {"n_splits": 5, "shuffle": False}))
    ids |= {"wheat": train(workspace, wheat, ridge("wheat", 1.0))["wheat"]}
    names = ["six", "none", "other", "wheat"]
    found = workspace.compare_folds([ids[name] for name in names], "rmse", ids["five"])
    assert [pair.verdict for pair in found.pairs] == ["none"] * 4
    assert [pair.problem for pair in found.pairs] == [
        "six has 6 folds, five has 5.",
        "none was not cross-validated.",
        "The folds of other and five hold different samples.",
        "wheat was trained on wheat, five on corn.",
    ]


def test_it_works_when_the_run_folders_are_gone(workspace: Workspace, dataset: Dataset) -> None:
    import shutil

    ids = train(workspace, dataset, ridge("sound", 0.1), ridge("blunt", 1e4))
    for run in workspace.runs():
        shutil.rmtree(workspace.layout.run(run.folder))
    workspace.sync()
    (pair,) = workspace.compare_folds([ids["blunt"]], "mae", ids["sound"]).pairs
    assert pair.verdict == "worse"


def test_equal_scores_are_equivalent_and_endless_ones_tell_nothing(workspace: Workspace) -> None:
    def predicted(name: str, factor: float) -> str:
        pipeline = workspace.create_run("corn").add_pipeline({"k": name}, name=name)
        truth = np.arange(1.0, 13.0)
        table = {"sample_id": range(12), "partition": "val", "fold": np.arange(12) % 3}
        pipeline.save_predictions(pd.DataFrame({**table, "y_true": truth, "y_pred": truth * factor}))
        pipeline.complete()
        return pipeline.prediction_id

    perfect, twin, diverged = predicted("perfect", 1.0), predicted("twin", 1.0), predicted("diverged", 1e200)
    same, endless = workspace.compare_folds([twin, diverged], "rmse", perfect).pairs
    assert (same.verdict, same.equivalent) == ("equivalent", 1.0)
    assert endless.verdict == "none" and endless.problem == "RMSE can't be computed in each fold of diverged."


def test_samples_left_out_one_by_one(workspace: Workspace, dataset: Dataset) -> None:
    leave_one_out = {"class": "sklearn.model_selection.LeaveOneOut"}
    ids = train(workspace, dataset, ridge("sound", 0.1, leave_one_out), ridge("blunt", 1e4, leave_one_out))
    (pair,) = workspace.compare_folds([ids["blunt"]], "rmse", ids["sound"]).pairs
    assert (pair.folds, pair.verdict) == (24, "worse")
    arrays = [a for a in workspace.catalog.arrays(ids["sound"]) if a.partition == "val"]
    (scores,) = workspace.fold_scores([ids["sound"]], "rmse")
    assert scores.values == pytest.approx([abs(a.y_pred[0] - a.y_true[0]) for a in arrays])
    (r2,) = workspace.fold_scores([ids["sound"]], "r2")
    assert r2.problem == "R² can't be computed in each fold of sound."


def test_classes_are_compared_by_their_metrics(workspace: Workspace) -> None:
    X, y = regression_arrays(60)
    dataset = from_arrays("origin", X, np.where(y > 0, "north", "south"))
    logistic = {"class": "sklearn.linear_model.LogisticRegression", "params": {}}
    dummy = {"class": "sklearn.dummy.DummyClassifier", "params": {"strategy": "prior"}}
    ids = train(workspace, dataset, {"name": "logistic", "steps": [logistic]}, {"name": "dummy", "steps": [dummy]})
    for metric in ("accuracy", "log_loss", "roc_auc"):
        (pair,) = workspace.compare_folds([ids["dummy"]], metric, ids["logistic"]).pairs
        assert pair.verdict == "worse", metric
    assert workspace.compare_folds([ids["dummy"]], "accuracy", ids["logistic"]).rope == 0.01


def test_a_metric_that_predictions_do_not_tell_is_refused(workspace: Workspace) -> None:
    pipeline = workspace.create_run("corn").add_pipeline({"model": "mean"}, name="p")
    pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0]}))
    pipeline.complete()
    with pytest.raises(BadInput, match="aic"):
        workspace.fold_scores([pipeline.prediction_id], "aic")
    with pytest.raises(BadInput, match="-1"):
        workspace.compare_folds([pipeline.prediction_id], "rmse", pipeline.prediction_id, rope=-1)


def test_every_metric_offered_is_known_with_what_is_best() -> None:
    from storage import comparable_metrics

    for task in ("regression", "classification"):
        for name in comparable_metrics(task):
            assert BUILT_IN.best(name).name == name
