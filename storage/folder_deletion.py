"""Deleting runs, pipelines, library items and files: the thing itself is moved into an entry of the trash, and back.

A rename is the moment it is gone, or back. Before it the entry says what is about to happen; a process killed at any
point leaves the thing in one of the two places, and `settle` looks in which.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from storage.catalog import Catalog
from storage.disk import Disk
from storage.errors import Conflict, Corrupt, NotFound, StorageError, TooNew
from storage.layout import Layout
from storage.runs import Run
from storage.trash import Trash, TrashRecord
from storage.trees import tree_bytes

MOVED = ("run", "pipeline", "library", "file")  # kinds whose entry holds the thing itself
_LOCKS = {"run": "runs", "pipeline": "runs", "library": "library"}


class FolderDeletion:
    """Moves things of one workspace to its trash and back."""

    def __init__(self, layout: Layout, disk: Disk, catalog: Catalog, trash: Trash) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog
        self._trash = trash

    def put_away(self, record: TrashRecord, path: Path, guard: Callable[[], None] = lambda: None) -> TrashRecord:
        """Move a file or folder to the trash; returns the entry. `guard` may refuse while nothing can change.

        Raises NotFound, Locked, what `guard` does, and what the disk says; then it is where it was.
        """
        with self._disk.lock("trash"), self._disk.lock(_LOCKS.get(record.kind, "trash")):
            guard()
            now = self._trash.new_record(record.kind, record.title)  # it may have been planned long ago
            place = path.relative_to(self._layout.root).as_posix()
            update = {"trash_id": now.trash_id, "deleted_at": now.deleted_at, "origin": place}
            record = record.model_copy(update={**update, "bytes": tree_bytes(path)})
            self._trash.put(record)
            self._move(record, path, self._trash.content(record))
            self._follow(record)
            self._trash.mark(record, "deleted")
            return record

    def bring_back(self, trash_id: str, target_of: Callable[[TrashRecord], Path]) -> Path:
        """Move what an entry holds to the place `target_of` gives; returns that place. The entry is gone then.

        Raises NotFound, Conflict, Corrupt, TooNew, and what `target_of` does; then it stays in the trash.
        """
        with self._disk.lock("trash"):
            record = self._trash.get(trash_id)
            if record.kind not in MOVED:
                raise TooNew(f"{trash_id} was deleted by a newer Runshelf.", advice="Update Runshelf to restore it.")
            if self._settled(record):
                raise NotFound(f"{trash_id} is back already.", advice="Look again.")
            content = self._trash.content(record)
            if not content.exists():
                raise Corrupt(f"The content of {trash_id} is missing.", content, "It can't be restored.")
            with self._disk.lock(_LOCKS.get(record.kind, "trash")):
                target = target_of(record)
                moved = record.model_copy(update={"origin": target.relative_to(self._layout.root).as_posix()})
                self._trash.mark(moved, "restoring")
                self._move(record, content, target)
                self._follow(moved)
                self._trash.discard(record)
                return target

    def settle(self) -> list[str]:
        """Settle entries that a killed process left half-way; returns what went wrong with those that can't be."""
        problems = []
        for record in self._trash.records():
            if record.kind in MOVED and record.status != "deleted":
                try:
                    with self._disk.lock("trash"):  # held while a living process is at it
                        self._settled(self._trash.get(record.trash_id))
                except NotFound:
                    continue  # another process did it
                except StorageError as error:
                    problems.append(error.what)
        return problems

    def _settled(self, record: TrashRecord) -> bool:
        """Settle an entry by where its content is; True if that is not the trash. The trash is held."""
        if record.status == "deleted":
            return False
        inside = self._trash.content(record).exists()
        self._follow(record)
        if inside:
            self._trash.mark(record, "deleted")
        else:
            self._trash.discard(record)
        return not inside

    def _move(self, record: TrashRecord, source: Path, target: Path) -> None:
        try:
            self._disk.move(source, target)
        except StorageError:
            with suppress(StorageError):  # the next open tries again; what went wrong is told now
                self._settled(record.model_copy(update={"status": "deleting"}))
            raise

    def _follow(self, record: TrashRecord) -> None:
        """Bring the summary of a run up to its pipelines; what can't be read there is left as it is."""
        if record.kind == "pipeline":
            folder = (self._layout.root / record.origin).parent
            with suppress(NotFound, Corrupt, TooNew):
                Run.open(self._layout, self._disk, self._catalog, folder).recount()


def free_place(folder: Path, name: str) -> Path:
    """A place in a folder that nothing takes: `name`, else `name~2` and so on, before the ending of a file."""
    stem, dot, ending = name.rpartition(".") if name.endswith(".json") else (name, "", "")
    taken = {path.name.casefold() for path in folder.iterdir()} if folder.is_dir() else set()
    for number in range(1, 10_000):
        tried = name if number == 1 else f"{stem}~{number}{dot}{ending}"
        if tried.casefold() not in taken:
            return folder / tried
    raise Conflict(f"There are too many named {name}.", folder, "Move some of them away.")
