"""The window is killed while it trains: nothing goes on training, and the next start says what became of it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Workspace, check_workspace
from tests.faults.test_deadly_pipelines import request_for, root
from tests.gui.starting import REPOSITORY, Starter
from tests.storage.conftest import own_cache, spectra_csv

__all__ = ["own_cache", "root", "spectra_csv"]
pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a stranger's child is seen on Linux")

TRAIN = """
if shown.session.workspace is not None and "job" not in state:
    from storage import RunRequest
    request = RunRequest.model_validate_json(open(os.environ["REQUEST"]).read())
    state["job"] = shown.training.start(shown.session.workspace.root, request)
elif "job" in state and state["job"].done >= 1 and "told" not in state:
    state["told"] = True
    say("trained one")
"""
LOOK = """
if shown.session.workspace is not None and not shown.tasks.active:
    from PySide6.QtWidgets import QLabel
    say("root", shown.session.workspace.root)
    say("crash", shown.crash_notice.text())
    for label in shown.findChildren(QLabel):
        say("text", label.text().replace(chr(10), " "))
    shown.close()
"""


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    runtime = Path(tempfile.mkdtemp(prefix="rs-"))  # a short path: sockets lie there
    (tmp_path / "user").mkdir()
    made = Starter(tmp_path / "user", runtime)
    made.environment["PYTHONPATH"] = str(REPOSITORY)
    yield made
    shutil.rmtree(runtime, ignore_errors=True)


def running(root: Path) -> list[dict[str, object]]:
    found = [json.loads(path.read_text()) for path in (root / "runs").glob("*/0*/pipeline.json")]
    return [one for one in found if one["status"] == "running"]


def wait_for_end(pid: int, seconds: float) -> None:
    """Wait until a process that is not ours has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        assert poll.poll(seconds * 1000), "it goes on training"
    finally:
        os.close(handle)


def test_a_window_that_is_killed_while_it_trains(
    root: Path, spectra_csv: Path, tmp_path: Path, starter: Starter
) -> None:
    request = tmp_path / "request.json"
    request.write_text(request_for(spectra_csv, ["", "hangs", ""]).model_dump_json())
    starter.environment["REQUEST"] = str(request)
    with starter.running(TRAIN, str(root)) as window:
        assert window.stdout is not None and "trained one" in window.stdout.readline()
        window.send_signal(signal.SIGKILL)
        window.wait()
    for one in running(root):
        wait_for_end(int(str(one["writer"]).rsplit("-", 2)[1]), 60)
    told = starter.run(LOOK)  # without a path: it opens what was open
    assert f"root {root}" in told
    assert "ended unexpectedly" in told.partition("crash ")[2].splitlines()[0]
    assert not running(root)
    with Workspace.open(root) as workspace:
        assert workspace.runs()[0].status == "interrupted"
        assert workspace.catalog.count("status = 'completed'") == 1
    assert check_workspace(root, deep=True).verdict == "clean"
    assert "crash \n" in starter.run(LOOK).replace("crash  ", "crash ")  # that was said once
