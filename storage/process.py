"""Training, and trying a fitted pipeline, in a child process that can be killed.

A segfault, a hang or a full memory takes the child alone.

The child is never a fork of this process, so that it works beside a window and in a frozen app. The first is started by
`spawn`; on Linux those that follow are forks of a server that has made the imports they all begin with, which takes
longer than much of what they do. Progress and finished pipelines come up the connection; "pause", "resume" and "cancel"
go down.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.control import Control
from storage.errors import Cancelled, StorageError
from storage.pipelines import in_a_line
from storage.records import utc_now
from storage.requests import Failure, OnPipeline, PipelineEvent, Remainder, Report, RunOutcome, RunRequest
from storage.surroundings import WORN, Surroundings

if TYPE_CHECKING:
    from storage.pipelines import Pipeline
    from storage.reloading import Foreseen
    from storage.stored_samples import Verdict

GRACE_SECONDS = 5.0  # a cancelled child may finish its fold for so long before it is killed
TIED_SECONDS = 15.0  # the same where Ctrl+C asked for it: it can be pressed once more
_DIED = "The process that trained it"
ORPHANED = 70  # the exit code of a child whose parent is gone
_POLL_SECONDS = 0.1
# What the server of forks imports. The threads that this starts are those of libraries that see to forks themselves.
PRELOADED = (
    "pandas", "pyarrow.dataset", "sklearn.cross_decomposition", "sklearn.linear_model", "sklearn.model_selection",
    "matplotlib.figure", "matplotlib.backends.backend_agg", "storage.workspace", "storage.runner", "storage.figures",
    "storage.loading",
)  # fmt: skip
_started = False  # whether this process had a child before


def run_in_child(
    root: Path,
    request: RunRequest,
    report: Report,
    *,
    on_pipeline: OnPipeline | None = None,
    control: Control | None = None,
    tied: bool = False,
    on_interrupt: Callable[[float], object] = lambda seconds: None,
) -> RunOutcome:
    """Run a batch in a child process and wait for it; blocks, so call it off the GUI thread.

    `report` is called several times a second, also while the batch is paused through `control`. When it raises
    Cancelled, or `control` is cancelled, the child is asked to stop, given a little time, then killed; the run is left
    consistent and Cancelled is raised. A pipeline that ends the child's process is recorded as failed, and the batch
    goes on in another one; StorageError is raised for a child that dies with no pipeline at work. What was finished
    stays. With `tied` the child dies with this process at once, as if all were one; else it comes to a clean end.
    `on_interrupt` is called when Ctrl+C has asked it to stop, with the seconds it may take until it is killed.
    """
    batch = _Parted(root, on_pipeline)
    while True:
        grace = TIED_SECONDS if tied else GRACE_SECONDS
        line = _Line(report, batch.tell, control or Control(), grace)
        left = batch.left()
        wanted = request.model_copy(update={"jobs": 1}) if left.only else request
        began = utc_now()
        try:
            orders = (str(root), wanted.model_dump_json(), left.model_dump_json(), tied)
            ended = _in_child(_work, orders, line, partial(on_interrupt, grace))
        except KeyboardInterrupt:
            _recover(root)
            raise
        if ended.kind == "died" and batch.take_over(ended, began, wanted.jobs):
            continue
        if ended.code != 0:
            _recover(root)
        if ended.kind == "outcome":
            if left.only:
                batch.end_some(ended.content, left.only)
                continue
            return batch.whole(ended.content)
        ended.check("Training")
        raise StorageError(
            f"Training stopped: its process {ended.how()}.",
            advice="Finished pipelines are kept; see run.log, then run again to go on.",
        ) from (RuntimeError(ended.content) if ended.content else None)


class _Parted:
    """A batch that takes several processes, for pipelines of it end theirs.

    Whose process died is failed. Where it may have been another that was at work in it, each that was at work when it
    died is run alone to see which it was.
    """

    def __init__(self, root: Path, on_pipeline: OnPipeline | None) -> None:
        self._root = root
        self._on_pipeline = on_pipeline
        self._told: set[tuple[str, str]] = set()
        self._first = True  # the process that tells which pipelines are skipped
        self._ended: list[str] = []  # hashes
        self._suspects: list[str] = []
        self._counted = RunOutcome()

    def tell(self, event: PipelineEvent) -> None:
        """Pass on that a pipeline came to its end."""
        if event.status == "skipped" and not self._first:
            return
        self._told.add((event.run_id, event.pipeline_id))
        if self._on_pipeline is not None:
            self._on_pipeline(event)

    def left(self) -> Remainder:
        """What the next process is to run."""
        return Remainder(ended=self._ended, only=self._suspects[:1])

    def take_over(self, ended: _Ended, since: datetime, jobs: int) -> bool:
        """Settle what a process left that died; False where no pipeline was at work, whose fault it could be."""
        from storage.workspace import Workspace

        pid, how = ended.pid, ended.how()
        with Workspace.open(self._root) as workspace:  # which marks what was at work as interrupted
            made = workspace.pipelines_of_process(pid, since) if pid is not None else []
            # Whoever closed the connection to us believes us gone and cancels what it is at.
            at_work = [one for one in made if one.record.status not in ("completed", "failed")]
            for one in made[:1]:
                names = ", ".join(each.pipeline_id for each in at_work) or "none"
                one.run.log(f"the process of the batch {how}; at work: {names}")
            sure = jobs == 1 and (len(made) == 1 or ended.code != WORN)
            if len(at_work) == 1 and sure:
                _fail(at_work[0], how, ended.content or "")
            for one in made:
                if one.record.status in ("completed", "failed"):
                    self._count(one)
            for run in {one.run.folder: one.run for one in made}.values():
                self._counted.run_id, self._counted.summary = run.run_id, run.finalize()
        self._first = False
        tried = self._suspects[:1]
        more = [one.record.hash for one in at_work]
        self._suspects = [one for one in [*self._suspects, *more] if one not in self._ended and one not in tried]
        return bool(made)  # else it would die the same way again

    def end_some(self, outcome: RunOutcome, hashes: Sequence[str]) -> None:
        """Take in what came of a process that had one pipeline to run."""
        self._suspects = [one for one in self._suspects if one not in hashes]
        self._ended += hashes
        self._add(outcome)

    def whole(self, last: RunOutcome) -> RunOutcome:
        """The outcome of all processes together."""
        self._add(last)
        counted = self._counted
        return replace(last, run_id=last.run_id or counted.run_id, summary=last.summary or counted.summary,
                       completed=counted.completed, failed=counted.failed, failures=counted.failures)  # fmt: skip

    def _add(self, outcome: RunOutcome) -> None:
        self._counted.completed += outcome.completed
        self._counted.failed += outcome.failed
        self._counted.failures += outcome.failures

    def _count(self, pipeline: Pipeline) -> None:
        """Count a pipeline that ended in a process that died, and tell of it unless that was done."""
        from storage.endings import ended_event

        record = pipeline.record
        self._ended.append(record.hash)
        if record.status == "failed":
            self._counted.failed += 1
            self._counted.failures.append(Failure(record.id, record.name, record.error))
        else:
            self._counted.completed += 1
        if (pipeline.run.run_id, record.id) not in self._told:
            good = record.status == "completed"
            if good or _DIED not in record.error:  # of one whose process it was, the log says it
                pipeline.run.log(f"✓ {record.name}" if good else f"✗ {record.name}: {record.error}")
            seconds = record.duration_seconds or 0.0
            self.tell(ended_event(pipeline, record.task_type or "regression", seconds, record.error))


def _fail(pipeline: Pipeline, how: str, details: str) -> None:
    """Record that a pipeline ended the process that trained it."""
    pipeline.record = pipeline.record.model_copy(update={"status": "running"})
    pipeline.fail(
        f"{_DIED} {how}.",
        f"The process that trained this pipeline {how}.\nIts other pipelines went on in a new one.\n{details}",
    )
    pipeline.run.log(f"✗ {pipeline.record.name}: {pipeline.record.error}")


def _how(code: int | None) -> str:
    """How a process ended, for people."""
    if code == WORN:
        return "ended itself, as a pipeline had closed files, lowered limits or replaced functions that all need"
    if code is None or code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name if -code in {one.value for one in signal.Signals} else f"signal {-code}"
    why = ", as by a system that is out of memory" if name == "SIGKILL" else ""
    return f"was ended by {name}{why}"


@dataclass(frozen=True)
class Reloaded:
    """What came of loading a fitted pipeline elsewhere; see `LoadedPipeline`, of which it lacks the model."""

    foreseen: Foreseen
    verdict: Verdict
    trusted_as: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def load_in_child(root: Path, run_id: str, pipeline_id: str, report: Report) -> Reloaded:
    """Load a fitted pipeline in a child process and predict its stored samples again; blocks as `run_in_child` does.

    Only what came of it is brought home. Raises what `Workspace.load` does; Cancelled, for which the child is killed;
    StorageError for a child that dies.
    """
    line = _Line(report, None, Control(), grace=0.0)
    ended = _in_child(_load, (str(root), run_id, pipeline_id), line)
    if ended.kind == "outcome":
        return ended.content  # type: ignore[no-any-return]
    ended.check("Loading")
    raise StorageError(
        f"{pipeline_id} can't be loaded here: the process that loaded it {ended.how()}.",
        advice="Load it with the versions it was made with, or train it again from its configuration.",
    )


class _Ended(NamedTuple):
    """How a child ended, what it said last (of one that died the traceback), its exit code and its number."""

    kind: str
    content: Any
    code: int | None
    pid: int | None

    def how(self) -> str:
        """How a process ended that died, for people."""
        if not self.content:
            return _how(self.code)
        return f"{_how(self.code)} ({in_a_line(self.content.strip().splitlines()[-1])})"

    def check(self, doing: str) -> None:
        """Raise Cancelled where it was asked to stop, or what it raised itself."""
        if self.kind == "cancelled":
            raise Cancelled(f"{doing} was cancelled.")
        if self.kind == "error":
            raise self.content


def _in_child(
    work: Callable[..., None], args: tuple[Any, ...], line: _Line, on_interrupt: Callable[[], object] = lambda: None
) -> _Ended:
    """Let a child do work and listen to it; returns how it ended."""
    ours, theirs = multiprocessing.Pipe()
    try:
        child = _start(_context(), (work, theirs, *args))
    except EOFError:  # the server of forks was killed
        child = _start(multiprocessing.get_context("spawn"), (work, theirs, *args))
    theirs.close()
    try:
        try:
            kind, content = line.listen(child, ours)
        except KeyboardInterrupt:
            line.cancel()
            on_interrupt()
            line.listen(child, ours)  # it comes to its end by itself, or is killed after a little time
            raise
    finally:
        ours.close()
        _end(child)
    return _Ended(kind, content, child.exitcode, child.pid)


def _start(context: Any, args: tuple[Any, ...]) -> Any:
    environment = dict(os.environ) if context.get_start_method() == "forkserver" else None
    child = context.Process(target=_begin, args=(environment, *args), daemon=True)
    child.start()
    return child


def _context() -> Any:
    """The way to start the next child; who has one alone, as a command has, needs no server beside it."""
    global _started
    again, _started = _started, True
    if again and sys.platform == "linux" and not getattr(sys, "frozen", False):
        from multiprocessing import forkserver

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # Ctrl+C is for this process alone
        try:
            forkserver.ensure_running()
            return context
        except OSError:  # there is no place for its socket
            pass
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return multiprocessing.get_context("spawn")


def _begin(environment: dict[str, str] | None, work: Callable[..., None], *args: Any) -> None:
    """The first of a child. A fork is given what it lacks: the environment of its parent, random numbers of its own."""
    if environment is not None:
        import numpy as np

        gc.freeze()  # what came with the fork is shared as long as nobody looks through it for garbage
        os.environ.clear()
        os.environ.update(environment)
        np.random.seed()
    work(*args)


class _Line:
    """The parent's end of the connection. A child that was asked to stop is killed after `grace` seconds."""

    _child: Any
    _connection: Connection

    def __init__(
        self, report: Report, on_pipeline: OnPipeline | None, control: Control, grace: float = GRACE_SECONDS
    ) -> None:
        self._grace = grace
        self._report = report
        self._on_pipeline = on_pipeline
        self._control = control
        self._latest = (0, 0, "starting")
        self._paused = False  # what the child was told last
        self._deadline: float | None = None  # when a child that was asked to stop is killed

    def listen(self, child: Any, connection: Connection) -> tuple[str, Any]:
        """Pass on what the child says, and our wishes to it, until it says how it ended, or is gone."""
        self._child, self._connection = child, connection
        while True:
            try:
                told = self._connection.recv() if self._connection.poll(_POLL_SECONDS) else None
                # A process that it left behind may hold the connection open.
                gone = told is None and not self._child.is_alive() and not self._connection.poll(0)
                if gone:
                    raise EOFError
            except (EOFError, OSError):
                told = ("died", None)
            if told is not None and not self._take(*told):
                return ("cancelled", None) if told[0] == "died" and self._deadline is not None else told
            if self._deadline is None:
                self._ask()
            elif time.monotonic() > self._deadline:
                self._child.kill()
                self._deadline = float("inf")

    def cancel(self) -> None:
        """Ask the child to stop, the next time it is listened to."""
        self._control.cancel()

    def _take(self, kind: str, content: Any) -> bool:
        """Pass one message on; False if it was the last."""
        if kind == "progress":
            self._latest = content
        elif kind == "resting":
            self._control.resting = content
        elif kind == "pipeline":
            if self._on_pipeline is not None:
                self._on_pipeline(content)
        else:
            return False
        return True

    def _ask(self) -> None:
        """Tell where the batch is, and the child whatever is wanted of it by now."""
        try:
            self._report(*self._latest)
            if self._control.cancelled:
                raise Cancelled()
        except Cancelled:
            self._deadline = time.monotonic() + self._grace
            self._send("cancel")
            return
        if self._control.paused != self._paused:
            self._paused = self._control.paused
            self._send("pause" if self._paused else "resume")

    def _send(self, order: str) -> None:
        with suppress(OSError):  # it may end by itself in this moment
            self._connection.send(order)


def _end(child: Any) -> None:
    child.join(GRACE_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()


def _recover(root: Path) -> None:
    """Open the workspace once: what the dead child left is marked interrupted."""
    from storage.workspace import Workspace

    Workspace.open(root).close()


class _Home:
    """The child's end of the connection. A parent that is gone is the wish to stop, or the end of a `tied` child."""

    def __init__(self, connection: Connection, tied: bool = False) -> None:
        self._connection = connection
        self._tied = tied
        self.done = False
        self._sending = threading.Lock()
        self.control = Control(lambda resting: self.say("resting", resting))
        threading.Thread(target=self._obey, name="runshelf-orders", daemon=True).start()

    def say(self, kind: str, content: Any) -> None:
        """Send one message home."""
        try:
            with self._sending:
                self._connection.send((kind, content))
        except OSError:
            self.control.cancel()

    def _obey(self) -> None:
        orders = {"pause": self.control.pause, "resume": self.control.resume, "cancel": self.control.cancel}
        try:
            while True:
                orders[self._connection.recv()]()
        except (EOFError, OSError):  # the parent is gone, or done with this
            if self.done:
                return
            self.control.cancel()
            time.sleep(0 if self._tied else GRACE_SECONDS)
            os._exit(ORPHANED)  # nobody is there any more to kill what does not come to its end


def _work(connection: Connection, root: str, request: str, left: str, tied: bool) -> None:
    """The child's whole life. Ctrl+C in a terminal reaches it, too: it is left to the parent to say what that means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from storage.workspace import Workspace

    home = _Home(connection, tied)
    with _ending(home):
        with Workspace.open(Path(root)) as workspace:
            outcome = workspace.run_request(
                RunRequest.model_validate_json(request),
                lambda *news: home.say("progress", news),
                on_pipeline=lambda event: home.say("pipeline", event),
                control=home.control,
                left=Remainder.model_validate_json(left),
            )
        home.done = True
        home.say("outcome", outcome)


@contextmanager
def _ending(home: _Home) -> Iterator[None]:
    """Tell home how the work of a child ends. What comes after that in its process is for nobody to see."""
    surroundings = Surroundings(1)
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        home.say("cancelled", None)
    except StorageError as error:
        home.say("error", error)
    except BaseException:
        surroundings.put_back()
        home.say("died", traceback.format_exc())
        os._exit(1)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _load(connection: Connection, root: str, run_id: str, pipeline_id: str) -> None:
    """The whole life of a child that loads."""
    from storage.workspace import Workspace

    home = _Home(connection)
    with _ending(home):
        with Workspace.open(Path(root), read_only=True) as workspace:
            loaded = workspace.load(run_id, pipeline_id)
        home.say("outcome", Reloaded(loaded.foreseen, loaded.verdict, loaded.trusted_as, loaded.warnings))
