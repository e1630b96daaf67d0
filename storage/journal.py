"""The journal: large work is written down before its first step; what a kill cuts short, the next open finishes.

A note is one document in `.staging/`. Whoever does the work writes it, does it, and takes it away. The steps behind a
note are such that doing them again does no harm: what is done already is left. So finishing is doing it once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from storage.disk import NOTE, Disk
from storage.errors import StorageError
from storage.layout import Layout
from storage.records import Document, Moment, new_id, read_document, utc_now


class NoteRecord(Document):
    """A note: the kind of work, what people call it, who is at it, and what it takes to do it again."""

    kind: str
    title: str
    writer: str
    begun_at: Moment
    payload: dict[str, Any] = Field(default_factory=dict)


class Work:
    """Work that is noted. After `no_way_back` what goes wrong leaves the note, for the next open to finish it."""

    def __init__(self) -> None:
        self.must_finish = False

    def no_way_back(self) -> None:
        """From here on it can't be left half-way."""
        self.must_finish = True


class Journal:
    """The notes of one workspace."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk

    @contextmanager
    def noted(self, kind: str, title: str, payload: dict[str, Any]) -> Iterator[Work]:
        """Note work while it is done. A known error ends it there and then, unless there was no way back any more."""
        record = NoteRecord(kind=kind, title=title, writer=self._disk.writer, begun_at=utc_now(), payload=payload)
        path = self._layout.staging / f"{NOTE}{new_id()}.json"
        self._disk.write_new(path, record.to_json())
        work = Work()
        try:
            yield work
        except StorageError:
            if not work.must_finish:
                self._disk.remove_files([path])
            raise
        self._disk.remove_files([path])

    def unfinished(self) -> list[tuple[Path, NoteRecord]]:
        """The notes whose writer is gone, oldest first; one that can't be read is left out."""
        found = []
        for path in sorted(self._layout.staging.glob(f"{NOTE}*.json")):
            try:
                record = read_document(path, NoteRecord)
            except StorageError:
                continue  # named by the check
            if record.schema_version <= record.current_schema and not self._disk.is_alive(record.writer):
                found.append((path, record))
        return found

    def forget(self, path: Path) -> None:
        """Take a note away: what it says is done."""
        self._disk.remove_files([path])
