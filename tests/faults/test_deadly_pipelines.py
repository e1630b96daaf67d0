"""Pipelines that end, hang or starve the process that trains them: it dies, and the run goes on with the next one."""

from __future__ import annotations

import builtins
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from storage import (
    Cancelled,
    DiskFull,
    PipelineEvent,
    RunRequest,
    Workspace,
    check_workspace,
    from_arrays,
    run_in_child,
)
from storage.prints import MOST
from tests.storage.conftest import own_cache, spectra_csv

__all__ = ["own_cache", "spectra_csv"]
ROOT = Path(__file__).parents[2]
MODULE = "tests.faults.test_deadly_pipelines"
LIMIT = 1_000_000  # seconds that no test lasts


class Mean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the mean; `deed` is done in the fit."""

    def __init__(self, deed: str = "", k: int = 0) -> None:
        self.deed = deed
        self.k = k

    def fit(self, X: Any, y: Any) -> Mean:  # noqa: N803
        match self.deed:
            case "exits":
                os._exit(3)
            case "segfaults":
                ctypes.string_at(0)
            case "eats memory":
                before = resource.getrlimit(resource.RLIMIT_AS)
                now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (now + 2**29, before[1]))  # the others of the process go on
                try:
                    np.ones(2**32)
                finally:
                    resource.setrlimit(resource.RLIMIT_AS, before)
            case "is killed":
                os.kill(os.getpid(), 9)
            case "prints":
                for _ in range(100):
                    print("out " * 10_000)
                    print("err " * 10_000, file=sys.stderr)
            case "says a word":
                print("a word")
            case "hooks imports":
                own = builtins.__import__
                builtins.__import__ = lambda *args, **named: own(*args, **named)
            case "is mute":
                raise Mute()
            case "talks much":
                raise ValueError("much " * 10**7)
            case "says half a character":
                raise ValueError("half \ud800")
            case "locks files away":
                os.umask(0o777)
            case "limits files":
                for limit, few in ((resource.RLIMIT_FSIZE, 100), (resource.RLIMIT_NOFILE, 5)):
                    resource.setrlimit(limit, (few, resource.getrlimit(limit)[1]))
            case "breaks pyarrow":
                pyarrow.parquet.write_table = None
            case "forks":
                os.fork()
            case "interrupts":
                raise KeyboardInterrupt("of its own")
            case "leaves":
                sys.exit(3)
            case "is out of room":
                raise DiskFull("There is no room for it.")
            case "gives up":
                raise Cancelled
            case "closes files":
                os.closerange(3, 256)
            case "lowers a limit":
                resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
            case "replaces functions":
                json.dumps = os.open = builtins.open = None  # type: ignore[assignment]
            case "leaves a mess":
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                os.chdir("/")
                sys.path.clear()
            case "sets an alarm":
                signal.setitimer(signal.ITIMER_REAL, LIMIT)
            case "looks round":
                assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and os.getcwd() != "/" and sys.path
                assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and json.dumps and open and len
                assert resource.getrlimit(resource.RLIMIT_CPU)[1] != LIMIT
            case "hangs":
                while True:
                    time.sleep(0.01)
        self.mean_ = np.mean(y)
        return self

    def __getstate__(self) -> dict[str, Any]:
        if self.deed == "locks files away when pickled":
            os.umask(0o777)
        return dict(super().__getstate__())

    def predict(self, X: Any) -> Any:  # noqa: N803
        found = np.full(len(X), self.mean_)
        match self.deed:
            case "is complex":
                return found + 1j
            case "is a date":
                return found.astype("datetime64[s]")
            case "is masked":
                return np.ma.masked_all(len(X))
            case "is masked once":
                return np.ma.masked_array(found, np.arange(len(X)) == 1)
            case "is true":
                return np.isfinite(found)
        return found


class Guess(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the first class; its probabilities, or its labels, are masked."""

    def __init__(self, masked: str = "") -> None:
        self.masked = masked

    def fit(self, X: Any, y: Any) -> Guess:  # noqa: N803
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        found = np.full(len(X), self.classes_[0])
        return np.ma.masked_array(found, self.masked == "labels")

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        found = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        return np.ma.masked_array(found, self.masked == "probabilities")


class Mute(BaseException):
    """What can't even say what it is about."""

    def __str__(self) -> str:
        raise ValueError


def request_for(data: Path, deeds: list[str], **more: Any) -> RunRequest:
    configs = [
        {
            "name": f"{number} {deed or 'is good'}",
            "steps": [{"class": f"{MODULE}.Mean", "params": {"deed": deed, "k": number}}],
        }
        for number, deed in enumerate(deeds)
    ]
    return RunRequest(data=data, target=["protein"], split_column="split", configs=configs, charts=False, **more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose user allows these classes."""
    root = tmp_path / "workspace"
    Workspace.create(root).close()
    marker = root / "runshelf.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"allowed_modules": [MODULE]}))
    return root


WORDS = {
    "exits": "ended with code 3",
    "segfaults": "SIGSEGV",
    "is killed": "SIGKILL, as by a system that is out of memory",
    "eats memory": "Memory",
    "is complex": "no numbers",
    "is a date": "no numbers",
    "is masked": "missing: they are masked",
    "is masked once": "missing: they are masked",
    "is mute": "Mute",
    "talks much": "much much",
    "says half a character": "half \\ud800",
    "interrupts": "of its own",
    "leaves": "SystemExit: 3",
    "is out of room": "DiskFull: There is no room",
    "gives up": "Cancelled: Cancelled.",
    "closes files": "closed files",
}


def check_ended(root: Path, deeds: list[str]) -> None:
    """Every deed that WORDS names failed and says why, everything else is completed and in the catalog."""
    with Workspace.open(root) as workspace:
        rows = workspace.catalog.search(order_by="pipeline_name").to_dict("records")
    expected = {f"{n} {deed or 'is good'}": "failed" if deed in WORDS else "completed" for n, deed in enumerate(deeds)}
    assert {row["pipeline_name"]: row["status"] for row in rows} == expected and len(rows) == len(deeds)
    log = next((root / "runs").glob("*/run.log")).read_text()
    for row in rows:
        deed = row["pipeline_name"].partition(" ")[2]
        if row["status"] == "failed":
            folder = root / "runs" / row["run_id"] / row["pipeline_id"]
            assert WORDS[deed] in (folder / "error.log").read_text()
            assert WORDS[deed] in json.loads((folder / "pipeline.json").read_text())["error"]
            assert WORDS[deed] in log
    assert check_workspace(root, deep=True).verdict == "clean"


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_run_goes_on_without_those_that_end_their_process(root: Path, spectra_csv: Path, jobs: int) -> None:
    deeds = ["", "exits", "", "segfaults", "eats memory", "is killed", ""]
    events: list[PipelineEvent] = []
    outcome = run_in_child(root, request_for(spectra_csv, deeds, jobs=jobs), lambda *_: None, on_pipeline=events.append)
    assert (outcome.total, outcome.completed, outcome.failed) == (7, 3, 4)
    assert sorted((event.name, event.status) for event in events) == sorted(
        (f"{n} {deed or 'is good'}", "failed" if deed else "completed") for n, deed in enumerate(deeds)
    )
    assert outcome.summary is not None and (outcome.summary.successful, outcome.summary.failed) == (3, 4)
    check_ended(root, deeds)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_no_result_fails_alone(root: Path, spectra_csv: Path, jobs: int) -> None:
    bad = ["is complex", "is a date", "is masked", "is masked once", "is mute", "interrupts"]
    bad += ["talks much", "says half a character", "leaves", "is out of room", "gives up"]
    deeds = ["", *bad, ""]
    events: list[PipelineEvent] = []
    outcome = run_in_child(root, request_for(spectra_csv, deeds, jobs=jobs), lambda *_: None, on_pipeline=events.append)
    assert (outcome.completed, outcome.failed) == (2, len(bad))
    check_ended(root, deeds)
    logs = [path.read_text() for path in root.rglob("error.log")]
    assert max(map(len, logs)) < 10_100 and any("characters are left out" in log for log in logs)
    assert max(len(event.details) for event in events) < 10_100
    assert max(len(failure.message) for failure in outcome.failures) == 1_000
    assert max(path.stat().st_size for path in root.rglob("run*.*")) < 10_000


def test_true_and_false_are_numbers(root: Path, spectra_csv: Path) -> None:
    outcome = run_in_child(root, request_for(spectra_csv, ["is true", ""]), lambda *_: None)
    assert (outcome.completed, outcome.failed) == (2, 0)
    with Workspace.open(root) as workspace:
        [row] = workspace.catalog.search("pipeline_name ~ 'true'").to_dict("records")
        assert all((block.y_pred == 1).all() for block in workspace.catalog.arrays(row["prediction_id"]))
    assert check_workspace(root, deep=True).verdict == "clean"


def test_masked_classes_and_probabilities_fail_alone(root: Path) -> None:
    data = from_arrays("classes", np.arange(40.0).reshape(20, 2), ["a", "b"] * 10, test_size=0.25)
    with Workspace.open(root) as workspace:
        outcome = workspace.run_batch(data, [Guess(), Guess("labels"), Guess("probabilities")], charts=False)
    assert (outcome.completed, outcome.failed) == (1, 2)
    assert all("masked" in failure.message for failure in outcome.failures)


def test_a_result_that_does_not_reach_the_catalog_is_taken_in_by_the_next_opening(
    root: Path, spectra_csv: Path
) -> None:
    outcome = run_in_child(root, request_for(spectra_csv, ["", "breaks pyarrow", ""]), lambda *_: None)
    assert (outcome.completed, outcome.failed) == (3, 0)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count("status = 'completed'") == 3
    assert "completed; what its row lacks" in (root / "runs" / outcome.run_id / "run.log").read_text()
    assert check_workspace(root, deep=True).verdict == "clean"


@pytest.mark.parametrize("deed", ["locks files away", "locks files away when pickled", "limits files", "forks"])
def test_what_a_pipeline_does_to_its_process_is_put_back(root: Path, spectra_csv: Path, deed: str) -> None:
    outcome = run_in_child(root, request_for(spectra_csv, ["", deed, ""]), lambda *_: None)
    assert (outcome.completed, outcome.failed) == (3, 0)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count("status = 'completed'") == len(workspace.pipelines(outcome.run_id)) == 3
    assert all(path.stat().st_mode & 0o400 for path in root.rglob("*"))
    assert (root / "runs" / outcome.run_id / "run.log").read_text().count("✓") == 3
    assert check_workspace(root, deep=True).verdict == "clean"


def test_a_library_that_hooks_imports_is_no_harm(root: Path, spectra_csv: Path) -> None:
    outcome = run_in_child(root, request_for(spectra_csv, ["hooks imports", "", ""], jobs=2), lambda *_: None)
    assert outcome.completed == 3 and len(list((root / "runs").glob("*/0*"))) == 3  # none was tried twice


SPOILS = ["closes files", "lowers a limit", "replaces functions", "sets an alarm"]


@pytest.mark.parametrize(
    ("jobs", "deeds"),
    [
        (1, ["", *(deed for one in [*SPOILS, "leaves a mess"] for deed in (one, "looks round"))]),
        (2, ["limits files", "", "", *SPOILS, ""]),
    ],
)
def test_one_that_spoils_its_process_spoils_no_other(
    root: Path, spectra_csv: Path, capfd: pytest.CaptureFixture[str], jobs: int, deeds: list[str]
) -> None:
    request = request_for(spectra_csv, deeds, jobs=jobs).model_copy(update={"charts": True})
    outcome = run_in_child(root, request, lambda *_: None)
    assert (outcome.completed, outcome.failed) == (len(deeds) - 1, 1)
    assert outcome.summary is not None and outcome.summary.status == "completed"
    check_ended(root, deeds)
    completed = [path.parent for path in root.rglob("predictions.csv")]
    assert len(completed) >= len(deeds) - 1 and all(list(folder.glob("*.png")) for folder in completed)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_in_ones_own_process_too_only_ctrl_c_stops_the_batch(root: Path, spectra_csv: Path) -> None:
    with Workspace.open(root) as workspace:
        outcome = workspace.run_request(request_for(spectra_csv, ["leaves", "", "sets an alarm", "looks round"]))
        assert (outcome.completed, outcome.failed) == (3, 1)
        check_ended(root, ["leaves", "", "sets an alarm", "looks round"])
        with pytest.raises(KeyboardInterrupt):
            workspace.run_request(request_for(spectra_csv, ["interrupts", ""], run_name="stopped"))
        assert {run.status for run in workspace.runs()} == {"completed", "cancelled"}


CLOSES = """
import sys
from pathlib import Path
from storage import StorageError, Workspace
from tests.faults.test_deadly_pipelines import request_for
with Workspace.open(sys.argv[1]) as workspace:
    try:
        workspace.run_request(request_for(Path(sys.argv[2]), ["", "closes files", ""], jobs=int(sys.argv[3])))
    except StorageError as error:
        print(error)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_that_closes_the_files_of_ones_own_process_ends_the_batch_with_a_sentence(
    root: Path, spectra_csv: Path, jobs: int
) -> None:
    command = [sys.executable, "-c", CLOSES, str(root), str(spectra_csv), str(jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "files of this process were closed" in done.stdout
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count("status = 'completed'") >= 2 - jobs  # two are at work at once
    assert check_workspace(root, deep=True).verdict == "clean"


def test_one_that_is_asked_for_again_is_not_run_more_often_for_it(root: Path, spectra_csv: Path) -> None:
    request = request_for(spectra_csv, ["", "exits", ""])
    run_in_child(root, request, lambda *_: None)
    outcome = run_in_child(root, request.model_copy(update={"again": True}), lambda *_: None)
    assert (outcome.completed, outcome.failed, len(outcome.skipped)) == (2, 1, 0)
    outcome = run_in_child(root, request, lambda *_: None)
    assert (outcome.completed, outcome.failed, len(outcome.skipped)) == (0, 1, 2)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 3 + 3 + 1


def test_one_that_hangs_is_ended_when_the_batch_is_cancelled(root: Path, spectra_csv: Path) -> None:
    def cancel(done: int, total: int, text: str) -> None:
        if done:  # the good one has ended, the next one is at work or will be
            raise Cancelled()

    with pytest.raises(Cancelled):
        run_in_child(root, request_for(spectra_csv, ["", "hangs", ""]), cancel)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count("status = 'completed'") == 1
        assert workspace.runs()[0].status in ("interrupted", "cancelled")
    assert check_workspace(root).verdict == "clean"


def test_the_command_line_goes_on_too(root: Path, spectra_csv: Path, tmp_path: Path) -> None:
    deeds = ["exits", "", "segfaults"]
    config = tmp_path / "deeds.json"
    config.write_text(json.dumps(request_for(spectra_csv, deeds).configs))
    asked = ["--target", "protein", "--split-column", "split", "--pipelines", str(config), "--no-charts"]
    command = [sys.executable, "-m", "storage", "run", str(spectra_csv), *asked, "-w", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "1 completed, 2 failed" in done.stdout and "SIGSEGV" in done.stdout + done.stderr
    check_ended(root, deeds)


def test_ctrl_c_says_that_it_waits_and_pressed_again_ends_one_that_hangs(
    root: Path, spectra_csv: Path, tmp_path: Path
) -> None:
    config = tmp_path / "deeds.json"
    config.write_text(json.dumps(request_for(spectra_csv, ["hangs"]).configs))
    asked = ["--target", "protein", "--split-column", "split", "--pipelines", str(config), "--no-charts"]
    command = [sys.executable, "-m", "storage", "run", str(spectra_csv), *asked, "-w", str(root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as batch:
        while not list(root.glob("runs/*/0001*/pipeline.json")):
            assert batch.poll() is None
            time.sleep(0.01)
        batch.send_signal(signal.SIGINT)
        assert batch.stderr is not None
        said = next(line for line in batch.stderr if "Stopping" in line)
        assert "Press Ctrl+C again" in said
        batch.send_signal(signal.SIGINT)
        rest = batch.stderr.read()
    assert batch.returncode == 130, rest
    with Workspace.open(root) as workspace:
        assert [run.status for run in workspace.runs()] == ["interrupted"]
    assert check_workspace(root).verdict == "clean"


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_pipeline_prints_is_seen_in_moderation(root: Path, spectra_csv: Path, tmp_path: Path, jobs: int) -> None:
    config = tmp_path / "deeds.json"
    config.write_text(json.dumps(request_for(spectra_csv, ["prints", "says a word"]).configs))
    asked = ["--target", "protein", "--split-column", "split", "--pipelines", str(config), "--no-charts"]
    command = [sys.executable, "-m", "storage", "run", str(spectra_csv), *asked, "-w", str(root), "--jobs", str(jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "out out" in done.stdout and len(done.stdout + done.stderr) < 2 * MOST + 1_000
    assert (done.stdout + done.stderr).count("what else this pipeline prints is left out") in range(1, 1 + jobs)
    assert jobs > 1 or "a word" in done.stdout
    assert "2 completed" in done.stdout


def test_whoever_asked_for_the_batch_prints_as_he_likes(
    root: Path, spectra_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace.open(root) as workspace:
        workspace.run_request(
            request_for(spectra_csv, ["prints"]), on_pipeline=lambda event: print("heard", event.name)
        )
        assert "heard 0 prints" in capsys.readouterr().out
        print("as before")
    assert "as before" in capsys.readouterr().out
