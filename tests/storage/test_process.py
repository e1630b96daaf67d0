"""The child process from outside: pausing, what it tells of each pipeline, and what is left when its parent dies."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from storage import (
    Cancelled,
    Control,
    Dataset,
    PipelineEvent,
    RunRequest,
    StorageError,
    Workspace,
    load_in_child,
    run_in_child,
)
from storage.estimators import ALLOWED_MODULES
from storage.training import make_folds, train

ROOT = Path(__file__).parents[2]
ALPHAS = [float(n) for n in range(1, 9)]


def grid(alphas: list[float]) -> dict[str, Any]:
    return {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}], "grid": {"Ridge__alpha": alphas}}


def request_for(data: Path, alphas: list[float], **more: Any) -> RunRequest:
    return RunRequest(data=data, target=["protein"], split_column="split", configs=[grid(alphas)], charts=False, **more)


def results(root: Path) -> pd.DataFrame:
    with Workspace.open(root) as workspace:
        rows = workspace.catalog.search(order_by="pipeline_name")
    return rows[["pipeline_name", "status", "val_rmse", "test_rmse", "train_r2"]].reset_index(drop=True)


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_is_trained_while_paused_and_the_results_are_the_same(
    root: Path, spectra_csv: Path, tmp_path: Path, jobs: int
) -> None:
    for folder in (root, tmp_path / "unpaused"):
        Workspace.create(folder).close()
    control, events, waited = Control(), list[PipelineEvent](), list[int]()

    def report(done: int, total: int, text: str) -> None:
        if len(events) >= 2 and not control.paused and not waited:
            control.pause()
        elif control.paused and control.resting:
            waited.append(len(events))
            if len(waited) == 10:  # a second, by the clock of the connection
                control.resume()

    outcome = run_in_child(root, request_for(spectra_csv, ALPHAS, jobs=jobs), report, on_pipeline=events.append,
                           control=control)  # fmt: skip
    assert len(waited) >= 10 and len(set(waited)) == 1 and 2 <= waited[0] < len(ALPHAS)
    assert outcome.completed == len(events) == len(ALPHAS) and not control.resting
    run_in_child(tmp_path / "unpaused", request_for(spectra_csv, ALPHAS), lambda *_: None)
    pd.testing.assert_frame_equal(results(root), results(tmp_path / "unpaused"))


def test_a_pause_is_not_taken_for_time_of_fitting(dataset: Dataset) -> None:
    waited = list[float]()

    def check() -> None:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import sklearn.linear_model"], check=True)  # takes its time
        waited.append(time.perf_counter() - began)

    folds = make_folds({"n_splits": 2}, dataset, 0, ALLOWED_MODULES)
    trained = train(make_pipeline(Ridge()), folds, dataset, check)
    assert len(waited) == 3 and trained.fit_seconds < min(waited)


def test_a_paused_batch_can_be_cancelled(root: Path, spectra_csv: Path) -> None:
    Workspace.create(root).close()
    control, events = Control(), list[PipelineEvent]()

    def report(done: int, total: int, text: str) -> None:
        if len(events) >= 2 and not control.paused:
            control.pause()
        elif control.resting:
            raise Cancelled()

    with pytest.raises(Cancelled):
        run_in_child(root, request_for(spectra_csv, ALPHAS), report, on_pipeline=events.append, control=control)
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs()
        assert run.status == "cancelled" and run.successful == len(events) < len(ALPHAS)


def test_each_pipeline_is_told_of(root: Path, spectra_csv: Path) -> None:
    with Workspace.create(root) as workspace:
        workspace.record.allowed_modules.append("tests")
        workspace._disk.write(workspace.layout.marker, workspace.record.to_json())
    first = list[PipelineEvent]()
    run_in_child(root, request_for(spectra_csv, [1.0]), lambda *_: None, on_pipeline=first.append)
    (done,) = first
    assert (done.status, done.name, done.metric_name) == ("completed", "ridge", "val_rmse")
    with Workspace.open(root) as workspace:
        row = workspace.catalog.best_rows("val_rmse")[0]
    assert (done.run_id, done.pipeline_id, done.metric_value) == (row["run_id"], row["pipeline_id"], row["val_rmse"])
    assert done.seconds == row["fit_seconds"]
    fails = {"name": "licensed", "steps": [{"class": "tests.estimators.NeedsFile", "params": {"needed": "/nowhere"}}]}
    second = list[PipelineEvent]()
    request = request_for(spectra_csv, [1.0]).model_copy(update={"configs": [grid([1.0]), fails]})
    run_in_child(root, request, lambda *_: None, on_pipeline=second.append)
    by_status = {event.status: event for event in second}
    assert set(by_status) == {"skipped", "failed"}
    assert by_status["skipped"].pipeline_id == done.pipeline_id
    failed = by_status["failed"]
    assert "the licence file /nowhere is missing" in failed.message
    assert failed.details.startswith("Traceback") and "tests/estimators.py" in failed.details


class Tells(Ridge):
    """Fails, and says what its process was given."""

    def fit(self, X: Any, y: Any) -> Any:
        raise RuntimeError(f"{os.getpid()} {np.random.random()} {os.environ.get('RUNSHELF_TOLD')} {Path.cwd()}")


def test_each_child_has_the_environment_of_now_and_random_numbers_of_its_own(
    root: Path, spectra_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.create(root) as workspace:
        workspace.record.allowed_modules.append("tests")
        workspace._disk.write(workspace.layout.marker, workspace.record.to_json())
    tells = {"name": "tells", "steps": [{"class": "tests.storage.test_process.Tells"}]}
    request = request_for(spectra_csv, [1.0], again=True).model_copy(update={"configs": [tells]})
    told = []
    for number in range(3):
        monkeypatch.setenv("RUNSHELF_TOLD", f"{number}")
        place = tmp_path / f"{number}"
        place.mkdir()
        monkeypatch.chdir(place)
        (failure,) = run_in_child(root, request, lambda *_: None).failures
        process, random, variable, folder = failure.message.removeprefix("RuntimeError: ").split(" ", 3)
        assert (variable, folder) == (f"{number}", str(place))
        told.append((process, random))
    assert len({process for process, _ in told}) == len({random for _, random in told}) == 3


PARENT = """
import os, sys
from pathlib import Path
from storage import BadInput, Control, RunRequest, run_in_child

if __name__ == "__main__":
    control, events = Control(), []
    def report(done, total, text):
        if len(events) >= 2:
            control.pause()
        if control.resting:
            print("resting", flush=True)
            sys.stdin.readline()
    request = RunRequest.model_validate_json(sys.argv[2])
    for _ in range(int(sys.argv[3])):
        try:
            run_in_child(Path(sys.argv[1]), request.model_copy(update={"target": ["none"]}), lambda *_: None)
        except BadInput:
            pass
    run_in_child(Path(sys.argv[1]), request, report, on_pipeline=events.append, control=control)
"""


@pytest.mark.parametrize("before", [0, 1], ids=["the first", "a fork"])
def test_a_paused_child_whose_parent_is_killed_ends(root: Path, spectra_csv: Path, tmp_path: Path, before: int) -> None:
    Workspace.create(root).close()
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    request = request_for(spectra_csv, ALPHAS).model_dump_json()
    with subprocess.Popen(
        [sys.executable, str(script), str(root), request, str(before)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        assert parent.stdout.readline() == "resting\n"
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.communicate(timeout=60)[0] == ""  # the end comes when the child, who has this pipe too, is gone
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs()
        assert run.status == "interrupted" and 2 <= run.successful < len(ALPHAS)
        assert workspace.catalog.count() == run.successful


class Program:
    """Pickled it is a call, made when it is loaded."""

    def __init__(self, call: Callable[..., Any], *args: Any) -> None:
        self.call = (call, args)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def plant(root: Path, *programs: Program) -> tuple[str, str]:
    """Put programs that the user trusts in place of every artifact of a pipeline."""
    data = pickle.dumps(list(programs))
    digest = hashlib.sha256(data).hexdigest()
    with Workspace.open(root) as workspace:
        run_id = workspace.runs()[0].run_id
        (row, *_) = workspace.pipelines(run_id)
        workspace.trust([digest])
    folder = root / "runs" / run_id / row.pipeline_id
    told = json.loads((folder / "pipeline.json").read_text())
    for artifact in told["artifacts"]:
        (folder / artifact["path"]).write_bytes(data)
        artifact.update(sha256=digest, bytes=len(data))
    (folder / "pipeline.json").write_text(json.dumps(told))
    return run_id, row.pipeline_id


def test_a_pipeline_that_kills_or_holds_up_who_loads_it_does_so_to_the_child_alone(
    root: Path, spectra_csv: Path
) -> None:
    Workspace.create(root).close()
    outcome = run_in_child(root, request_for(spectra_csv, [1.0]), lambda *_: None)
    with Workspace.open(root, read_only=True) as workspace:
        (row,) = workspace.pipelines(outcome.run_id)
    good = load_in_child(root, outcome.run_id, row.pipeline_id, lambda *_: None)
    assert good.verdict.outcome == "reproduces" and good.foreseen.outlook == "same"
    with pytest.raises(StorageError, match="the process that loaded it was ended by SIGABRT"):
        load_in_child(root, *plant(root, Program(os.abort)), lambda *_: None)
    began = root.parent / "began"
    place = plant(root, Program(os.mkdir, str(began)), Program(signal.pause))

    def stop(*_: object) -> None:
        if began.is_dir():
            raise Cancelled()

    with pytest.raises(Cancelled):
        load_in_child(root, *place, stop)
    assert not multiprocessing.active_children()
