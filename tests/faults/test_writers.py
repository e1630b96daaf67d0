"""Writers that are gone, on this machine or on another: their work is taken over, or left until somebody decides."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage import Locked, Workspace, check_workspace
from storage.cli import main
from storage.disk import Disk
from tests.storage.conftest import own_cache
from tests.storage.kills import killed_at

__all__ = ["own_cache"]


def at_work(root: Path, host: str = "") -> None:
    """A process that dies in the middle of its work; of a machine of that name, if it is given."""
    if host:
        socket.gethostname = lambda: host  # the process is another machine to all who look at what it left
    with Workspace.open(root) as workspace:
        run = workspace.create_run("corn")
        done = run.add_pipeline({"k": 0}, name="done")
        done.save_metrics({"test": {"rmse": 1.0}})
        done.save_predictions(pd.DataFrame({"y_true": [1.0], "y_pred": [1.5]}))
        done._write_end("completed", {})  # the row of which the catalog is not to have yet
        for number in range(1, 4):
            run.add_pipeline({"k": number}, name=f"p{number}").save_artifact("model", np.full(100, number))
        os._exit(9)


def left_behind(root: Path, host: str = "") -> None:
    Workspace.create(root).close()
    assert killed_at(10_000, at_work, root, host)


def statuses(root: Path) -> set[str]:
    return {json.loads(path.read_text())["status"] for path in (root / "runs").glob("*/0*/pipeline.json")}


def test_a_dead_process_of_this_machine_is_taken_over_with_a_note(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    left_behind(root)
    with Workspace.open(root) as workspace:
        assert any("did not finish" in notice for notice in workspace.notices)
        assert workspace.catalog.count() == 1  # what it had ended is in
    assert statuses(root) == {"completed", "interrupted"} and check_workspace(root).verdict == "clean"


def test_a_process_of_another_machine_is_left_alone_until_somebody_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "workspace"
    left_behind(root, "frodo")
    staged = sorted((root / ".staging").glob("frodo-*"))
    for signed in (True, False):  # it signs its lock after it has it, and can't on a full disk
        if not signed:
            next((root / ".staging").glob("frodo-*.lock")).write_bytes(b"")
        with Workspace.open(root) as workspace:
            assert any("on frodo" in notice and "check --repair" in notice for notice in workspace.notices)
            assert workspace.catalog.count() == 0
            run = workspace.runs()[0]
            with pytest.raises(Exception, match="being written"):
                workspace.plan_delete_run(run.run_id)
        assert statuses(root) == {"completed", "running"}
        assert sorted((root / ".staging").glob("frodo-*")) == staged and len(staged) == 2
    report = check_workspace(root)
    assert [one.code for one in report.findings] == ["writer-unknown"] and "frodo" in report.findings[0].what
    assert main(["check", "-w", str(root)]) == 1
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0
    assert "1 process taken for ended" in capsys.readouterr().out
    assert statuses(root) == {"completed", "interrupted"} and not list((root / ".staging").glob("frodo-*"))
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 1 and not workspace.notices


def test_a_living_process_of_another_machine_whose_lock_is_seen_is_no_finding(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    Workspace.create(root).close()
    disk = Disk(root, root / ".staging")
    disk.writer = "frodo-12-0123abcd"
    disk.open()
    try:
        assert check_workspace(root).findings == ()
        with Workspace.open(root) as workspace:
            assert not workspace.notices
            assert workspace._disk.life(disk.writer) == "alive" and not workspace._disk.bury(disk.writer)
    finally:
        disk.close()
    assert not os.path.exists(root / f".staging/{disk.writer}.lock")


HOLDING = """
import sys
from storage import Workspace
with Workspace.open(sys.argv[1]) as workspace, workspace._disk.lock("catalog"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_that_was_stopped_while_it_holds_a_lock_keeps_nobody_from_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "workspace"
    left_behind(root)
    monkeypatch.setattr("storage.workspace._PATIENCE", 0.1)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with Workspace.open(root) as workspace:
            assert workspace.runs() and workspace.catalog.count() == 1
            with pytest.raises(Locked):
                workspace._disk.patience = 0.1
                workspace.catalog.annotate(workspace.catalog.ids(), stars=1)
        holder.communicate()
    with Workspace.open(root) as workspace:
        assert workspace.catalog.annotate(workspace.catalog.ids(), stars=1) == 1
