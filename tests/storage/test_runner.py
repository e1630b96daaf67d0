"""Batches of real scikit-learn pipelines: right numbers, failures, skipping, cancelling, killing."""

from __future__ import annotations

import functools
import json
import multiprocessing
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from storage import (
    BadInput,
    Cancelled,
    Dataset,
    NameRefused,
    RunRequest,
    StorageError,
    Workspace,
    from_arrays,
    run_in_child,
)
from storage.artifacts import read_artifact
from storage.process import _work
from storage.runner import Remainder
from tests.storage.kills import processes
from tests.storage.samples import regression_arrays

GRID = {
    "name": "ridge",
    "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, {"class": "sklearn.linear_model.Ridge"}],
    "grid": {"Ridge__alpha": [0.1, 1.0, 10.0]},
}


class Refuses(RegressorMixin, BaseEstimator):
    """A step that fails the way users' steps do."""

    def fit(self, X: Any, y: Any) -> Refuses:
        raise RuntimeError("singular matrix")

    def predict(self, X: Any) -> Any:
        return X[:, 0]


class Waits(Refuses):
    """A step that never comes back."""

    def fit(self, X: Any, y: Any) -> Waits:
        threading.Event().wait()
        return self


def test_the_numbers_are_those_of_plain_scikit_learn(workspace: Workspace, dataset: Dataset) -> None:
    outcome = workspace.run_batch(dataset, [PLSRegression(n_components=3)], seed=4)
    assert (outcome.status, outcome.completed, outcome.failed) == ("completed", 1, 0)
    train, test = dataset.train_rows, dataset.test_rows
    X, y = dataset.X, dataset.y
    folds = KFold(5, shuffle=True, random_state=4)
    held_out = cross_val_predict(PLSRegression(n_components=3), X[train], y[train], cv=folds)
    model = PLSRegression(n_components=3).fit(X[train], y[train])
    row = workspace.catalog.best_rows("val_rmse")[0]
    assert row["val_rmse"] == pytest.approx(root_mean_squared_error(y[train], held_out), rel=1e-12)
    assert row["test_rmse"] == pytest.approx(root_mean_squared_error(y[test], model.predict(X[test])), rel=1e-12)
    assert row["train_r2"] == pytest.approx(r2_score(y[train], model.predict(X[train])), rel=1e-12)
    assert (row["n_samples"], row["n_features"], row["n_folds"], row["seed"]) == (24, 12, 5, 4)
    details = workspace.details(row["run_id"], row["pipeline_id"])
    folded = details.metrics["cross_validation"]
    per_fold = [f["rmse"] for f in folded["fold_results"]]
    assert folded["folds"] == 5 and folded["mean_rmse"] == pytest.approx(np.mean(per_fold))
    assert folded["std_rmse"] == pytest.approx(np.std(per_fold, ddof=1))
    table = pd.read_csv(details.folder / "predictions.csv")
    assert table.groupby("partition").size().to_dict() == {"val": 24, "train": 24, "test": 6}
    assert {c.name for c in details.charts} == {"parity.png", "residuals.png"}
    assert details.pipeline is not None
    (artifact,) = details.pipeline.artifacts
    kept = pickle.loads(read_artifact(details.folder, artifact))
    np.testing.assert_array_equal(kept.predict(X[test]), model.predict(X[test]))


def test_classes_with_labels_probabilities_and_a_matrix(workspace: Workspace) -> None:
    X, y = regression_arrays(60)
    labels = np.where(y > 8, "high", np.where(y < -8, "low", "middle"))
    data = from_arrays("levels", X, labels, test_size=0.25)
    workspace.run_batch(data, [make_pipeline(StandardScaler(), LogisticRegression())])
    row = workspace.catalog.best_rows("test_accuracy")[0]
    details = workspace.details(row["run_id"], row["pipeline_id"])
    assert details.pipeline is not None and details.pipeline.labels == ["high", "low", "middle"]
    (test,) = [a for a in details.arrays if a.partition == "test"]
    assert row["test_accuracy"] == accuracy_score(test.y_true, test.y_pred)
    assert test.probabilities is not None and test.probabilities.sum(axis=1) == pytest.approx(1)
    table = pd.read_csv(details.folder / "predictions.csv")
    assert set(table["y_pred"]) <= {"high", "low", "middle"} and "p_middle" in table
    assert [c.name for c in details.charts] == ["confusion_matrix.png"]


def test_several_targets(workspace: Workspace, dataset: Dataset) -> None:
    data = from_arrays("two", dataset.X, np.column_stack([dataset.y, -dataset.y]), target="t")
    assert workspace.run_batch(data, [Ridge()]).completed == 1
    row = workspace.catalog.best_rows("val_rmse")[0]
    assert workspace.catalog.arrays(row["prediction_id"])[0].y_true.shape[1] == 2


def test_work_done_before_is_skipped_and_named(workspace: Workspace, dataset: Dataset) -> None:
    run = functools.partial(workspace.run_batch, charts=False)
    first = run(dataset, [GRID])
    assert first.completed == 3
    second = run(dataset, [make_pipeline(StandardScaler(), Ridge(alpha=1.0)), Ridge(alpha=5)])
    assert second.completed == 1 and [s.pipeline_id[:4] for s in second.skipped] == ["0002"]
    everything = run(dataset, [GRID])
    assert (everything.run_id, everything.completed, len(everything.skipped)) == ("", 0, 3)
    with pytest.raises(NameRefused):
        run(dataset, [GRID], run_name="../../evil")
    assert run(dataset, [GRID], again=True).completed == 3
    assert run(dataset, [GRID], seed=1).completed == 3
    moved = from_arrays("corn", dataset.X, dataset.y, test=np.roll(dataset.test, 1), target="protein")
    assert run(moved, [GRID]).completed == 3
    assert workspace.catalog.count() == 13


def test_charts_a_stopped_session_left_out_are_drawn_the_next_time(workspace: Workspace, dataset: Dataset) -> None:
    run_id = workspace.run_batch(dataset, [GRID], charts=False).run_id
    assert not list(workspace.root.glob("runs/*/*/*.png"))
    assert len(workspace.run_batch(dataset, [GRID]).skipped) == 3
    assert len(list((workspace.root / "runs" / run_id).glob("*/parity.png"))) == 3


def test_a_deleted_result_is_not_taken_for_done(workspace: Workspace, dataset: Dataset) -> None:
    import shutil

    run_id = workspace.run_batch(dataset, [GRID], charts=False).run_id
    shutil.rmtree(workspace.root / "runs" / run_id)
    assert workspace.run_batch(dataset, [GRID], charts=False).completed == 3


def test_one_failure_is_recorded_and_the_batch_goes_on(workspace: Workspace, dataset: Dataset) -> None:
    outcome = workspace.run_batch(dataset, [Ridge(), Refuses(), Ridge(alpha=2)], jobs=2)
    assert (outcome.completed, outcome.failed) == (2, 1)
    (failure,) = outcome.failures
    assert failure.message == "RuntimeError: singular matrix"
    folder = workspace.root / "runs" / outcome.run_id / failure.pipeline_id
    assert "Traceback" in (folder / "error.log").read_text()
    assert workspace.catalog.count("status = 'failed'") == 1 and workspace.catalog.count() == 3
    (run,) = workspace.runs()
    assert (run.status, run.failed, run.successful) == ("completed", 1, 2)


@pytest.mark.parametrize("jobs", [1, 3])
def test_jobs_give_the_same_results(workspace: Workspace, dataset: Dataset, jobs: int) -> None:
    grid = {**GRID, "grid": {"Ridge__alpha": [1, 2, 3, 4, 5, 6]}}
    outcome = workspace.run_batch(dataset, [grid], jobs=jobs, charts=jobs > 1)
    assert outcome.completed == 6
    rows = workspace.catalog.search(order_by="pipeline_name")
    assert rows["test_rmse"].is_unique and rows["pipeline_id"].is_unique
    log = (workspace.root / "runs" / outcome.run_id / "run.log").read_text()
    assert log.count("✓") == 6


def test_wrong_requests_write_nothing(workspace: Workspace, dataset: Dataset) -> None:
    before = sorted(p for p in workspace.root.rglob("*") if ".staging" not in p.parts)
    wrong: list[tuple[list[Any], dict[str, Any]]] = [
        ([], {}),
        ([GRID], {"jobs": 0}),
        ([GRID], {"seed": -1}),
        ([GRID], {"seed": 2**70}),
        ([GRID], {"pipeline_names": ["one"]}),
        ([{"steps": [{"class": "sklearn.linear_model.Ridge", "params": {"alhpa": 1}}]}], {}),
        ([{**GRID, "cv": {"n_splits": 100}}], {}),
        ([{**GRID, "cv": {"folds": 3}}], {}),
        ([{**GRID, "cv": {"class": "sklearn.linear_model.Ridge"}}], {}),
        ([{**GRID, "cv": {"class": 5}}], {}),
        ([{**GRID, "cv": {"class": "sklearn.model_selection.KFold", "params": 3}}], {}),
        ([{**GRID, "cv": {"class": "sklearn.model_selection.LeavePOut", "params": {"p": 9}}}], {}),
        (["not an estimator"], {}),
    ]
    for pipelines, options in wrong:
        with pytest.raises(StorageError) as caught:
            workspace.run_batch(dataset, pipelines, **options)
        assert caught.value.exit_code == 2 and caught.value.advice
    assert sorted(p for p in workspace.root.rglob("*") if ".staging" not in p.parts) == before


def test_cancelling_leaves_a_consistent_run(workspace: Workspace, dataset: Dataset) -> None:
    def stop_after_two(done: int, total: int, text: str) -> None:
        if done >= 2:
            raise Cancelled()

    many = {**GRID, "grid": {"Ridge__alpha": [float(i) for i in range(1, 13)]}}
    with pytest.raises(Cancelled):
        workspace.run_batch(dataset, [many], on_progress=stop_after_two)
    (run,) = workspace.runs()
    assert run.status == "cancelled" and run.successful == workspace.catalog.count() >= 2
    statuses = {p.status for p in workspace.pipelines(run.run_id)}
    assert statuses <= {"completed", "cancelled"} and run.total < 12
    config = json.loads((workspace.root / "runs" / run.folder / "run_config.json").read_text())
    assert len(config["pipelines"]) >= 12  # what was asked stays on record
    outcome = workspace.run_batch(dataset, [many], charts=False)  # and goes on from there
    assert len(outcome.skipped) == run.successful and outcome.completed == 12 - run.successful


def test_warnings_of_estimators_go_to_the_log(workspace: Workspace, dataset: Dataset) -> None:
    from sklearn.neural_network import MLPRegressor

    outcome = workspace.run_batch(dataset, [MLPRegressor(max_iter=2)])
    log = (workspace.root / "runs" / outcome.run_id / "run.log").read_text()
    assert log.count("ConvergenceWarning") == 1


def test_the_environment_and_the_source_are_on_record(workspace: Workspace, spectra_csv: Path, tmp_path: Path) -> None:
    config = tmp_path / "grid.json"
    config.write_text(json.dumps(GRID))
    request = RunRequest(data=spectra_csv, target=["protein"], split_column="split", pipelines=[config], units="%")
    outcome = workspace.run_request(request)
    pipeline = workspace.run(outcome.run_id).pipelines()[0]
    assert pipeline.record.environment["scikit-learn"] and pipeline.record.seed == 0
    source = workspace.run(outcome.run_id).config.dataset_source
    assert (source.path, source.units, source.shape) == (str(spectra_csv), "%", [30, 12])
    assert len(source.sha256) == 64 and source.split["train"] == 24
    assert pipeline.record.dataset_source == source


# ---------------------------------------------------------------- the child process


def request_for(spectra_csv: Path, folder: Path, steps: list[dict[str, Any]]) -> RunRequest:
    config = folder / "configs.json"
    config.write_text(json.dumps([{"name": f"c{i}", "steps": [step]} for i, step in enumerate(steps)]))
    return RunRequest(data=spectra_csv, target=["protein"], pipelines=[config], charts=False)


def allow_tests(root: Path) -> None:
    with Workspace.create(root) as workspace:
        workspace.record.allowed_modules.append("tests")
        workspace._disk.write(workspace.layout.marker, workspace.record.to_json())


def test_a_child_trains_and_reports(root: Path, spectra_csv: Path, tmp_path: Path) -> None:
    Workspace.create(root).close()
    seen: list[tuple[int, int, str]] = []
    request = request_for(spectra_csv, tmp_path, [{"class": "sklearn.linear_model.Ridge"}] * 2)
    outcome = run_in_child(root, request, lambda *news: seen.append(news))
    assert outcome.completed == 1 and len(outcome.skipped) == 1  # the second is the same
    assert any(total == 2 for _, total, _ in seen)
    with pytest.raises(BadInput) as caught:
        run_in_child(root, request.model_copy(update={"target": ["protien"]}), lambda *news: None)
    assert "Did you mean 'protein'" in caught.value.advice


def test_a_child_that_hangs_is_survived(
    root: Path, spectra_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.process.GRACE_SECONDS", 0.5)
    allow_tests(root)
    steps = [{"class": "sklearn.linear_model.Ridge"}, {"class": "tests.storage.test_runner.Waits"}]

    def report(done: int, total: int, text: str) -> None:
        if list(root.glob("runs/*/0002*")):
            raise Cancelled()

    with pytest.raises(Cancelled):
        run_in_child(root, request_for(spectra_csv, tmp_path, steps), report)
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs()
        assert [p.status for p in workspace.pipelines(run.run_id)] == ["completed", "interrupted"]
        assert run.status == "interrupted" and workspace.catalog.count() == 1


class Locks(Ridge):
    """A step that holds something no file can hold."""

    def fit(self, X: Any, y: Any) -> Locks:
        self.lock_ = threading.Lock()
        return super().fit(X, y)  # type: ignore[no-any-return]


def test_a_result_that_can_not_be_stored_is_one_failure(workspace: Workspace, dataset: Dataset) -> None:
    outcome = workspace.run_batch(dataset, [Locks(), Ridge()])
    assert (outcome.completed, outcome.failed) == (1, 1) and "can't be stored" in outcome.failures[0].message


@pytest.mark.parametrize("reason", [Cancelled, RuntimeError])
def test_stopping_waits_for_what_is_at_work(workspace: Workspace, dataset: Dataset, reason: type[Exception]) -> None:
    """With several jobs too: no pipeline is left running, and none fails for a reason that is not its own."""

    def stop(done: int, total: int, text: str) -> None:
        if len(list(workspace.root.glob("runs/*/0*"))) >= 2:
            raise reason()

    forests = [RandomForestRegressor(n_estimators=20 + i) for i in range(4)]
    with pytest.raises(reason):
        workspace.run_batch(dataset, forests, jobs=2, charts=False, on_progress=stop)
    statuses = {p.record.status for run in workspace.runs() for p in workspace.run(run.run_id).pipelines()}
    assert statuses <= {"completed", "cancelled", "interrupted"} and workspace.catalog.count("status = failed") == 0


def test_a_child_whose_parent_is_gone_stops(root: Path, spectra_csv: Path, tmp_path: Path) -> None:
    """A broken connection is the wish to stop, never the failure of a pipeline."""
    Workspace.create(root).close()
    request = request_for(spectra_csv, tmp_path, [{"class": "sklearn.linear_model.Ridge"}] * 2)
    ours, theirs = multiprocessing.Pipe()
    orders = (theirs, str(root), request.model_dump_json(), Remainder().model_dump_json(), False)
    child = processes().Process(target=_work, args=orders)
    ours.close()
    child.start()
    theirs.close()
    child.join()
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count("status = failed") == 0
        assert [run.status for run in workspace.runs()] == ["cancelled"]
