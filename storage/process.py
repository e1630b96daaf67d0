"""Training in a child process that can be killed: a segfault, a hang or a full memory takes the child alone.

The child is started by `spawn`, never by fork, so that it works beside a window and in a frozen app.
"""

from __future__ import annotations

import multiprocessing
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from storage.errors import Cancelled, StorageError
from storage.requests import Report, RunOutcome, RunRequest

GRACE_SECONDS = 5.0  # a cancelled child may finish its fold for so long before it is killed
_POLL_SECONDS = 0.1


def run_in_child(root: Path, request: RunRequest, report: Report) -> RunOutcome:
    """Run a batch in a child process and wait for it; blocks, so call it off the GUI thread.

    `report` is called several times a second. When it raises Cancelled the child is asked to stop, given a little
    time, then killed; the run is left consistent and Cancelled is raised. A child that dies raises StorageError; what
    it had finished stays.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_work, args=(theirs, str(root), request.model_dump_json()), daemon=True)
    child.start()
    theirs.close()
    try:
        kind, content = _listen(child, ours, report)
    finally:
        ours.close()
        _end(child)
    if child.exitcode != 0:
        _recover(root)
    if kind == "outcome":
        return content  # type: ignore[no-any-return]
    if kind == "cancelled":
        raise Cancelled("Training was cancelled.")
    if kind == "error":
        raise content
    raise StorageError(
        f"Training stopped: its process ended with code {child.exitcode}.",
        advice="Finished pipelines are kept; see run.log, then run again to go on.",
    )


def _listen(child: Any, connection: Connection, report: Report) -> tuple[str, Any]:
    """Pass progress on until the child says how it ended, or is gone."""
    latest = (0, 0, "starting")
    deadline: float | None = None
    while True:
        try:
            if connection.poll(_POLL_SECONDS):
                kind, content = connection.recv()
                if kind != "progress":
                    return kind, content
                latest = content
        except (EOFError, OSError):
            return ("cancelled", None) if deadline else ("died", None)
        if deadline is None:
            try:
                report(*latest)
            except Cancelled:
                deadline = time.monotonic() + GRACE_SECONDS
                with suppress(OSError):  # it may end by itself in this moment
                    connection.send("cancel")
        elif time.monotonic() > deadline:
            child.kill()
            deadline = float("inf")


def _end(child: Any) -> None:
    child.join(GRACE_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()


def _recover(root: Path) -> None:
    """Open the workspace once: what the dead child left is marked interrupted."""
    from storage.workspace import Workspace

    Workspace.open(root).close()


def _work(connection: Connection, root: str, request: str) -> None:
    """The child's whole life."""
    from storage.workspace import Workspace

    def report(done: int, total: int, text: str) -> None:
        try:
            connection.send(("progress", (done, total, text)))
            asked_to_stop = connection.poll() and connection.recv()
        except (OSError, EOFError):
            asked_to_stop = True  # the parent is gone
        if asked_to_stop:
            raise Cancelled()

    try:
        with Workspace.open(Path(root)) as workspace:
            outcome = workspace.run_request(RunRequest.model_validate_json(request), report)
        connection.send(("outcome", outcome))
    except Cancelled:
        with suppress(OSError):  # the parent may be gone
            connection.send(("cancelled", None))
    except StorageError as error:
        connection.send(("error", error))
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # the parent is gone
