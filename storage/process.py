"""Training, and trying a fitted pipeline, in a child process that can be killed.

A segfault, a hang or a full memory takes the child alone.

The child is started by `spawn`, never by fork, so that it works beside a window and in a frozen app. Progress and
finished pipelines come up the connection; "pause", "resume" and "cancel" go down.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.control import Control
from storage.errors import Cancelled, StorageError
from storage.requests import OnPipeline, Report, RunOutcome, RunRequest

if TYPE_CHECKING:
    from storage.reloading import Foreseen
    from storage.stored_samples import Verdict

GRACE_SECONDS = 5.0  # a cancelled child may finish its fold for so long before it is killed
_POLL_SECONDS = 0.1


def run_in_child(
    root: Path,
    request: RunRequest,
    report: Report,
    *,
    on_pipeline: OnPipeline | None = None,
    control: Control | None = None,
) -> RunOutcome:
    """Run a batch in a child process and wait for it; blocks, so call it off the GUI thread.

    `report` is called several times a second, also while the batch is paused through `control`. When it raises
    Cancelled, or `control` is cancelled, the child is asked to stop, given a little time, then killed; the run is left
    consistent and Cancelled is raised. A child that dies raises StorageError; what it had finished stays.
    """
    line = _Line(report, on_pipeline, control or Control())
    kind, content, code = _in_child(_work, (str(root), request.model_dump_json()), line)
    if code != 0:
        _recover(root)
    if kind == "outcome":
        return content  # type: ignore[no-any-return]
    if kind == "cancelled":
        raise Cancelled("Training was cancelled.")
    if kind == "error":
        raise content
    raise StorageError(
        f"Training stopped: its process ended with code {code}.",
        advice="Finished pipelines are kept; see run.log, then run again to go on.",
    )


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
    kind, content, code = _in_child(_load, (str(root), run_id, pipeline_id), line)
    if kind == "outcome":
        return content  # type: ignore[no-any-return]
    if kind == "cancelled":
        raise Cancelled("Loading was cancelled.")
    if kind == "error":
        raise content
    raise StorageError(
        f"{pipeline_id} can't be loaded here: the process that loaded it ended with code {code}.",
        advice="Load it with the versions it was made with, or train it again from its configuration.",
    )


def _in_child(work: Callable[..., None], args: tuple[str, ...], line: _Line) -> tuple[str, Any, int | None]:
    """Let a child do work and listen to it; returns how it ended, what it said last, and its exit code."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(theirs, *args), daemon=True)
    child.start()
    theirs.close()
    try:
        kind, content = line.listen(child, ours)
    finally:
        ours.close()
        _end(child)
    return kind, content, child.exitcode


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
            except (EOFError, OSError):
                return ("died", None) if self._deadline is None else ("cancelled", None)
            if told is not None and not self._take(*told):
                return told  # type: ignore[no-any-return]
            if self._deadline is None:
                self._ask()
            elif time.monotonic() > self._deadline:
                self._child.kill()
                self._deadline = float("inf")

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
    """The child's end of the connection. A parent that is gone is the wish to stop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
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
        except (EOFError, OSError):
            self.control.cancel()


def _work(connection: Connection, root: str, request: str) -> None:
    """The child's whole life."""
    from storage.workspace import Workspace

    home = _Home(connection)
    try:
        with Workspace.open(Path(root)) as workspace:
            outcome = workspace.run_request(
                RunRequest.model_validate_json(request),
                lambda *news: home.say("progress", news),
                on_pipeline=lambda event: home.say("pipeline", event),
                control=home.control,
            )
        home.say("outcome", outcome)
    except (Cancelled, KeyboardInterrupt):
        home.say("cancelled", None)
    except StorageError as error:
        home.say("error", error)


def _load(connection: Connection, root: str, run_id: str, pipeline_id: str) -> None:
    """The whole life of a child that loads."""
    from storage.workspace import Workspace

    home = _Home(connection)
    try:
        with Workspace.open(Path(root), read_only=True) as workspace:
            loaded = workspace.load(run_id, pipeline_id)
        home.say("outcome", Reloaded(loaded.foreseen, loaded.verdict, loaded.trusted_as, loaded.warnings))
    except (Cancelled, KeyboardInterrupt):
        home.say("cancelled", None)
    except StorageError as error:
        home.say("error", error)
