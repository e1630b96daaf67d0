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
from tests.faults.test_links import everything
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


CLOSED = [
    "", "runs", "runs/*", "runs/*/0001*", "catalog", "catalog/predictions_meta.parquet", "catalog/archives/filtered",
    "catalog/archives/filtered/*", "library", "library/trained/filtered", "library/trained/filtered/*", ".trash",
    ".trash/*", ".staging",
]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes")
@pytest.mark.parametrize("mode", [0, 0o333])
def test_a_folder_that_may_not_be_read_is_told_in_a_sentence_and_hides_no_other(open_to_all: Path, mode: int) -> None:
    process = processes().Process(target=look_into_closed, args=(open_to_all, mode))
    process.start()
    process.join()
    assert process.exitcode == 0


def look_into_closed(root: Path, mode: int) -> None:
    """Close one folder after the other to a user who owns all of it."""
    read(root, read_only=True)  # what that takes is loaded before
    Workspace.open(root).close()
    if os.geteuid() == 0:
        for path in (root.parent, *root.parent.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.environ |= dict.fromkeys(("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"), str(root.parent))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for where in CLOSED:
        place = next(path for path in sorted(root.glob(where) if where else [root]) if path.is_dir())
        before = place.stat().st_mode
        place.chmod(mode)
        everything(root, writing=False)
        if where in ("library/trained/filtered", "catalog/archives/filtered", ".trash"):
            with Workspace.open(root) as workspace:
                assert any(item.problem and "permission" in item.problem for item in workspace.library.list()) == (
                    where == "library/trained/filtered"
                )
                assert any(one.problem and "permission" in one.problem for one in workspace.archives()) == (
                    where == "catalog/archives/filtered"
                )
                assert workspace.runs() and workspace.catalog.count() and workspace.library.list("template")
                assert [one for one in workspace.check().findings if "permission" in one.what]
        place.chmod(before)
