"""A folder or medium that can't be written to: opened for reading, read by every verb; every change is refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import ReadOnly, StorageError, Workspace
from tests.faults.alone import mounted
from tests.faults.reading import read
from tests.storage.kills import processes
from tests.storage.samples import content_of

NOBODY = 65534


@pytest.fixture
def open_to_all(base: Path) -> Iterator[Path]:
    """A copy of the workspace where everybody may go."""
    home = Path(tempfile.mkdtemp(prefix="runshelf-"))
    home.chmod(0o755)
    shutil.copy(base.parent / "kept.zip", home)
    yield shutil.copytree(base, home / base.name)
    for path in home.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(home)


def test_a_medium_that_is_read_only(open_to_all: Path) -> None:
    before = content_of(open_to_all)
    mount = f"mount --bind {open_to_all} {open_to_all} && mount -o remount,bind,ro {open_to_all}"
    done = mounted(mount, "tests.faults.reading", open_to_all)
    assert done.returncode == 0, done.stderr
    assert "read as" in done.stdout and content_of(open_to_all) == before


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes")
def test_a_folder_that_may_not_be_written_to(open_to_all: Path, tmp_path: Path) -> None:
    for path in (open_to_all, *open_to_all.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    before = content_of(open_to_all)
    process = processes().Process(target=look_as_nobody, args=(open_to_all,))
    process.start()
    process.join()
    assert process.exitcode == 0 and content_of(open_to_all) == before


def look_as_nobody(root: Path) -> None:
    """Look as a user without rights; what that takes of Python and its libraries is loaded before."""
    if os.geteuid() == 0:
        read(root, read_only=True)
        home = root.parent / "home"  # goes with the copy
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        os.environ |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"), str(home))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    read(root)
    with Workspace.open(root) as workspace, pytest.raises(ReadOnly) as refused:
        workspace.create_run("oats")
    assert refused.value.advice
    closed = Path(tempfile.mkdtemp())
    closed.chmod(0)
    with pytest.raises(StorageError, match="permission"):
        Workspace.open(closed / "workspace")
    closed.rmdir()
