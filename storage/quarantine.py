"""Putting files aside: copied into the trash before anything else is done with them, and put back from there.

An entry holds the files by their path below the workspace. It is complete before the first of them is taken away: a
process killed between leaves them twice, never nowhere. What was damaged is kept to be looked at and not put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from storage.disk import Disk
from storage.errors import Conflict, NotFound, StorageError
from storage.layout import Layout
from storage.trash import ASIDE, Trash, TrashRecord
from storage.trees import file_digest, read_tree


def copy_aside(layout: Layout, disk: Disk, title: str, paths: Iterable[Path], kind: str = ASIDE) -> TrashRecord | None:
    """Copy files of the workspace into a new entry of the trash; those that are gone are left out.

    Returns None where none is left. Entries of the kind `aside` are not put back, those of `files` are.
    """
    trash = Trash(layout, disk)
    record = trash.new_record(kind, title)
    folder = trash.content(record).parent
    with disk.draft(layout.trash) as draft:
        for path in paths:
            with suppress(NotFound):
                draft.copy(f"content/{path.relative_to(layout.root).as_posix()}", path)
        if not draft.files:
            return None
        record.status = "deleted"
        record.bytes = sum(written.bytes for written in draft.files.values())
        record.sha256 = {name.removeprefix("content/"): written.sha256 for name, written in draft.files.items()}
        draft.write("trash.json", record.to_json())
        disk.place_draft(draft, folder)
    return record


def move_aside(layout: Layout, disk: Disk, title: str, paths: Sequence[Path], kind: str = ASIDE) -> TrashRecord | None:
    """Move files of the workspace into a new entry of the trash; otherwise as `copy_aside`."""
    record = copy_aside(layout, disk, title, paths, kind)
    if record is not None:
        disk.remove_files(layout.root / name for name in record.sha256)
    return record


def put_back(layout: Layout, disk: Disk, record: TrashRecord) -> int:
    """Put the files of an entry back where they were; what stands there is left. Returns how many were put back.

    The entry goes when every file of it is in its place again. Raises Conflict where the run of one is not there: its
    folder alone would be a damaged run, and take the place of the run itself.
    """
    trash = Trash(layout, disk)
    content = trash.content(record)
    names = read_tree(content).files
    for run in {Path(*Path(name).parts[:2]) for name in names if Path(name).parts[0] == layout.runs.name}:
        if not (layout.root / run).is_dir():
            advice = "Restore the run first, if it is in the trash."
            raise Conflict(f"The run {run.name} is not there.", layout.root / run, advice)
    put, stands = 0, 0
    for name in names:
        source, target = content / name, layout.root / name
        if not target.exists():
            disk.make_folders([target.parent])
            disk.move(source, target)
            put += 1
        elif _digest(target) != _digest(source):
            stands += 1
    if not stands:
        trash.discard(record)
    return put


def _digest(path: Path) -> str:
    """The sha256 of a file, empty where it can't be read."""
    try:
        return file_digest(path)
    except StorageError:
        return ""
