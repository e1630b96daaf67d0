"""The index is a cache: whatever is done to it while it is in use, the answers are the same."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import Workspace, check_workspace
from tests.faults.specimen import answers, changed, told

ALL = "RUNSHELF_ALL_FAULTS" in os.environ
INDEX = "catalog/index.sqlite"
LOCKING = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("PRAGMA locking_mode = " + sys.argv[2])
held.execute("BEGIN EXCLUSIVE")
held.execute("UPDATE facts SET value = value")
print("held", flush=True)
sys.stdin.read()
"""


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_log(path: Path) -> None:
    for one in path.parent.glob("index.sqlite*"):
        one.unlink()


def without_its_log(path: Path) -> None:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def older(path: Path) -> None:
    """The one a backup would bring: of before the last change."""
    os.replace(path.with_name("older"), path)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 3000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def a_folder(path: Path) -> None:
    deleted_with_its_log(path)
    (path / "inside").mkdir(parents=True)


def not_to_be_written(path: Path) -> None:
    path.chmod(0o444)


HARMS = [deleted, deleted_with_its_log, without_its_log, older, garbage, empty, half, a_folder, not_to_be_written]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_harm_during_use_changes_no_answer(root: Path, harm: Callable[[Path], None]) -> None:
    with Workspace.open(root) as workspace:
        shutil.copyfile(root / INDEX, root / "catalog/older")
        known = workspace.catalog.ids()
        workspace.catalog.annotate(known[:2], stars=3)
        before = answers(workspace)
        harm(root / INDEX)
        assert not changed(before, answers(workspace))
        workspace.catalog.annotate(known[2:3], stars=1)  # and it goes on
        now = answers(workspace)
        assert changed(before, now) == {f"result {known[2]}"}
        with Workspace.open(root) as other:
            assert not changed(now, answers(other))
    assert not changed(now, told(root))
    assert check_workspace(root, deep=True).verdict == "clean" or harm is a_folder


@contextmanager
def holding(path: Path, mode: str) -> Iterator[None]:
    """Another process has the index for itself."""
    arguments = [sys.executable, "-c", LOCKING, str(path), mode]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "held\n"
            yield
        finally:
            child.kill()


def test_one_with_any_page_emptied_is_made_again(root: Path) -> None:
    """Whatever SQLite then stumbles over, and whoever asked."""
    before = told(root)
    path = root / INDEX
    whole = path.read_bytes()
    size = int.from_bytes(whole[16:18], "big")
    for page in range(1, len(whole) // size)[:: 1 if ALL else 6]:
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.write_bytes(whole[: page * size] + bytes(size) + whole[(page + 1) * size :])
        with Workspace.open(root) as workspace:
            assert not changed(before, answers(workspace)), page
            workspace.rebuild_index()
            assert not changed(before, answers(workspace)), page


@pytest.mark.parametrize("mode", ["NORMAL", "EXCLUSIVE"])
def test_one_that_another_process_holds_for_ever_changes_no_answer(
    root: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.index._BUSY_SECONDS", 0.2)
    before = told(root)
    with holding(root / INDEX, mode), Workspace.open(root) as workspace:
        assert not changed(before, answers(workspace))
        workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
        before = answers(workspace)
    assert not changed(before, told(root))


def test_one_that_another_process_holds_during_use_can_still_be_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.index._BUSY_SECONDS", 0.2)
    with Workspace.open(root) as workspace:
        before = answers(workspace)
        with holding(root / INDEX, "NORMAL"):
            assert not changed(before, answers(workspace))
            workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
        assert len(changed(before, answers(workspace))) == 1


@pytest.mark.parametrize("name", ["run_config.json", "run_summary.json", "pipeline.json", "library_metadata.json"])
def test_a_disk_that_fails_for_a_moment_is_not_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = told(root)
    (root / INDEX).unlink()
    opened = os.open

    def fails(path: str | Path, *more: int) -> int:
        if str(path).endswith(name):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return opened(path, *more)

    with Workspace.open(root, read_only=True) as workspace:
        monkeypatch.setattr(os, "open", fails)
        workspace.rebuild_index()
        assert changed(before, answers(workspace))
        monkeypatch.undo()
        workspace.sync()
        assert not changed(before, answers(workspace))
    assert not changed(before, told(root))
