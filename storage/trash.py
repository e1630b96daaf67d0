"""The trash: what was deleted, in a form that can be brought back.

An entry is a folder with `trash.json` and what was deleted. It is written whole before anything is taken away, and
says `deleting` until that is done: an entry left so by a killed process is settled at the next open, by looking
whether its content is still where it was.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from storage.disk import Disk, user_name
from storage.errors import Corrupt, NotFound, StorageError
from storage.layout import Layout
from storage.records import Document, Moment, new_id, read_document, utc_now

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES = ("meta", "data")


class TrashRecord(Document):
    """trash.json: one thing that was deleted. `kind` says what; `rows` counts results."""

    trash_id: str
    kind: Literal["results"] = "results"
    title: str
    status: Literal["deleting", "deleted", "restoring"] = "deleting"
    deleted_at: Moment
    deleted_by: str = ""
    rows: int = 0
    bytes: int = 0
    sha256: dict[str, str] = Field(default_factory=dict)


class Trash:
    """The trash of one workspace."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk

    def put_results(self, title: str, tables: Mapping[str, pa.Table]) -> TrashRecord:
        """Keep the rows of results that are about to be deleted; the entry says `deleting`."""
        files = [(f"{name}.parquet", _parquet(tables[name])) for name in _TABLES]
        now = utc_now()
        record = TrashRecord(
            trash_id=f"{now:%Y-%m-%d}_results_{new_id()[-8:]}",
            title=title,
            deleted_at=now,
            deleted_by=user_name(),
            rows=tables["meta"].num_rows,
            bytes=sum(len(content) for _, content in files),
            sha256={name: hashlib.sha256(content).hexdigest() for name, content in files},
        )
        self._disk.place_folder(self._folder(record.trash_id), [*files, ("trash.json", record.to_json())])
        return record

    def mark(self, record: TrashRecord, status: Literal["deleting", "deleted", "restoring"]) -> None:
        """Note how far an entry has come."""
        changed = record.model_copy(update={"status": status})
        self._disk.write(self._folder(record.trash_id) / "trash.json", changed.to_json())

    def discard(self, record: TrashRecord) -> None:
        """Remove an entry for good; one that is gone is no error."""
        with suppress(NotFound):
            self._disk.remove_folder(self._folder(record.trash_id))

    def list(self) -> list[TrashRecord]:
        """What can be restored, newest first; a damaged entry is left out."""
        found = []
        for folder in sorted(self._layout.trash.iterdir()) if self._layout.trash.is_dir() else ():
            if folder.is_dir() and not folder.is_symlink():
                try:
                    record = read_document(folder / "trash.json", TrashRecord)
                except StorageError:
                    continue
                found.append(record.model_copy(update={"trash_id": folder.name}))
        return sorted(found, key=lambda record: record.deleted_at, reverse=True)

    def get(self, trash_id: str) -> TrashRecord:
        """An entry by its id. Raises NotFound or Corrupt."""
        folder = self._folder(trash_id)
        return read_document(folder / "trash.json", TrashRecord).model_copy(update={"trash_id": folder.name})

    def read(self, record: TrashRecord, table: str) -> pa.Table:
        """The rows of an entry. Raises NotFound or Corrupt."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder(record.trash_id) / f"{table}.parquet"
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != record.sha256.get(path.name):
                raise Corrupt(f"{path.name} of {record.trash_id} is damaged.", path, "It can't be restored.")
            return pq.read_table(io.BytesIO(content), page_checksum_verification=True)
        except FileNotFoundError as error:
            raise NotFound(f"{path.name} of {record.trash_id} is not there.", path, "It can't be restored.") from error
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path.name} of {record.trash_id} is damaged.", path, "It can't be restored.") from error

    def _folder(self, trash_id: str) -> Path:
        if Path(trash_id).name != trash_id or trash_id in ("", ".", ".."):
            raise NotFound(
                f"There is no '{trash_id}' in the trash.", self._layout.trash, "List it: runshelf trash list."
            )
        return self._layout.trash / trash_id


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()
