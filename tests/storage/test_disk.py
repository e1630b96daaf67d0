"""The module that writes: whole files, the user's modes, exclusive claims, nothing outside the workspace."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.disk import Disk, write_atomic
from storage.errors import BadInput, DiskFull, Exists, Locked, NotFound, ReadOnly


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path, tmp_path / ".staging")
    made.open()
    return made


def test_a_written_file_has_the_users_mode(disk: Disk, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        disk.write(tmp_path / "a.json", b"1")
        write_atomic(tmp_path / "b.json", b"2")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b.json").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_rest(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    disk.write(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull) as caught:
        disk.write(path, b"new")
    assert "disk is full" in caught.value.what
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list((tmp_path / ".staging" / disk.writer).iterdir()) == []
    disk.write(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_folder_that_finds_no_room_leaves_no_rest(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DiskFull):
        disk.place_folder(tmp_path / "folder", [("a", b"x")])
    assert list((tmp_path / ".staging" / disk.writer).iterdir()) == [] and not (tmp_path / "folder").exists()


@pytest.mark.parametrize("escape", ["../outside.txt", "sub/../../outside.txt", "link/outside.txt"])
def test_nothing_is_written_outside(tmp_path: Path, escape: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    disk = Disk(root, root / ".staging")
    disk.open()
    for change in (
        lambda p: disk.write(p, b"x"),
        lambda p: disk.write_new(p, b"x"),
        lambda p: disk.append(p, "x"),
        lambda p: disk.make_folder(p),
        lambda p: disk.place_folder(p, [("a", b"x")]),
    ):
        with pytest.raises(BadInput):
            change(root / escape)
    assert not (tmp_path / "outside.txt").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_write_new_never_overwrites(disk: Disk, tmp_path: Path) -> None:
    assert disk.write_new(tmp_path / "a", b"1")
    assert not disk.write_new(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1"
    disk.place_folder(tmp_path / "folder", [("x", b"1")])
    with pytest.raises(Exists):
        disk.place_folder(tmp_path / "folder", [("x", b"2")])
    assert (tmp_path / "folder" / "x").read_bytes() == b"1"


def test_read_only_refuses_every_change(tmp_path: Path) -> None:
    disk = Disk(tmp_path, tmp_path / ".staging", read_only=True)
    with pytest.raises(ReadOnly):
        disk.write(tmp_path / "a", b"1")
    with pytest.raises(ReadOnly), disk.lock("x"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_names_its_holder(disk: Disk, tmp_path: Path) -> None:
    other = Disk(tmp_path, tmp_path / ".staging")
    with disk.lock("catalog"), pytest.raises(Locked) as caught, other.lock("catalog", timeout=0.01):
        pass
    assert str(os.getpid()) in caught.value.what


def test_a_dead_writer_is_told_from_a_living_one_and_swept(disk: Disk, tmp_path: Path) -> None:
    """A process that is killed holds nothing any more: its lock is free and its rest is removed."""
    code = (
        "import os, sys; from pathlib import Path; from storage.disk import Disk\n"
        "disk = Disk(Path(sys.argv[1]), Path(sys.argv[1]) / '.staging'); disk.open()\n"
        "disk.staging_path('part').write_bytes(b'half'); print(disk.writer, flush=True); os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    dead = child.stdout.strip()
    assert (tmp_path / ".staging" / dead).is_dir()
    assert disk.is_alive(disk.writer) and not disk.is_alive(dead)
    assert disk.sweep() == 1
    left = {p.name for p in (tmp_path / ".staging").iterdir() if not p.name.startswith("lock-")}
    assert left == {disk.writer, f"{disk.writer}.lock"}


def test_a_lock_needs_neither_a_name_nor_room(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("getpass.getuser", nobody)
    with disk.lock("unnamed"):
        pass
    monkeypatch.setattr(os, "write", full)
    with disk.lock("unsigned"):
        pass
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(DiskFull), disk.lock("impossible"):
        pass


def test_a_draft_is_whole_or_gone(tmp_path: Path) -> None:
    disk, source = Disk(tmp_path, tmp_path / ".staging"), tmp_path / "large.bin"
    disk.open()
    source.write_bytes(os.urandom(3 * 1024 * 1024 + 7))
    told: list[int] = []
    with disk.draft(tmp_path / "home") as draft:
        written = draft.copy("a/b/large.bin", source, told.append)
        draft.write("small.json", b"{}")
        draft.make_folder("empty")
        assert written.sha256 == hashlib.sha256(source.read_bytes()).hexdigest() and sum(told) == written.bytes
        assert len(told) == 4 and not (tmp_path / "home" / "item").exists()
        for wrong in ("../x", "/x", "a//b", "", "a/../../x", "."):
            with pytest.raises(BadInput):
                draft.write(wrong, b"x")
        with pytest.raises(Exists):
            draft.write("small.json", b"x")
        disk.place_draft(draft, tmp_path / "home" / "item")
    item = tmp_path / "home" / "item"
    assert sorted(p.relative_to(item).as_posix() for p in item.rglob("*") if p.is_file()) == sorted(draft.files)
    assert (item / "empty").is_dir()
    with pytest.raises(Exists), disk.draft(tmp_path / "home") as second:
        second.write("x", b"x")
        disk.place_draft(second, item)
    with pytest.raises(BadInput), disk.draft(tmp_path / "home") as third:
        disk.place_draft(third, tmp_path.parent / "elsewhere")
    assert not (item / "x").exists() and list((tmp_path / ".staging" / disk.writer).iterdir()) == []
    disk.close()


def test_what_is_moved_is_in_one_place_and_takes_no_other_place(tmp_path: Path) -> None:
    disk = Disk(tmp_path, tmp_path / ".staging")
    disk.open()
    (tmp_path / "from" / "sub").mkdir(parents=True)
    (tmp_path / "taken").mkdir()
    with pytest.raises(Exists):
        disk.move(tmp_path / "from", tmp_path / "taken")
    with pytest.raises(NotFound):
        disk.move(tmp_path / "nothing", tmp_path / "to")
    for outside in (tmp_path.parent / "x", tmp_path / ".." / "x"):
        with pytest.raises(BadInput):
            disk.move(tmp_path / "from", outside)
    disk.move(tmp_path / "from", tmp_path / "to")
    assert (tmp_path / "to" / "sub").is_dir() and not (tmp_path / "from").exists()
    disk.close()
