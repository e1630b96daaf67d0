"""The trash: what was deleted, in a form that can be brought back.

An entry is a folder with `trash.json` and what was deleted: the rows of results as Parquet, everything else as the
file or folder itself, named `content`. `trash.json` is there before anything is taken away and says `deleting` until
that is done: an entry left so by a killed process is settled at the next open, by looking where its content is.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from storage.disk import Disk, user_name
from storage.errors import Corrupt, NotFound, StorageError, from_os_error, in_sentences
from storage.layout import Layout
from storage.reading import is_plain_folder, read_bytes
from storage.records import Document, Moment, new_id, read_document, utc_now

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES = ("meta", "data")
_CONTENT = "content"
FILES, ASIDE = "files", "aside"  # kinds that a repair makes: files to be put back, and damaged ones to be looked at
THINNED = "thinning"  # arrays and models that thinned pipelines had, as archives
KEPT_DAYS = 30  # what is older may go for good
_LONGEST_NAME, _LONGEST_PATH = 255, 1_000  # bytes: the longest name of every file system, and what is below ours


class TrashRecord(Document):
    """trash.json: one thing that was deleted.

    `kind` says what: results, run, pipeline, library, file or thinning. `rows` counts results; `origin` is where
    anything else was, below the workspace. A pipeline says which run it is of, for the run may be renamed meanwhile.
    """

    trash_id: str
    kind: str = "results"
    title: str
    status: Literal["deleting", "deleted", "restoring"] = "deleting"
    deleted_at: Moment
    deleted_by: str = ""
    rows: int = 0
    bytes: int = 0
    sha256: dict[str, str] = Field(default_factory=dict)
    origin: str = ""
    run_id: str = ""
    run_created_at: Moment | None = None
    artifacts: list[str] = Field(default_factory=list)

    @field_validator("origin")
    @classmethod
    def _can_be_a_path(cls, origin: str) -> str:
        path = origin.encode(errors="surrogatepass")
        if b"\0" in path or len(path) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in path.split(b"/")):
            raise ValueError("nothing can have lain there")
        return origin


@dataclass(frozen=True)
class TrashEntry:
    """An entry of the trash as lists show it. `problem` says why it can't be restored, if it can't."""

    trash_id: str
    kind: str
    title: str
    deleted_at: datetime | None
    deleted_by: str
    rows: int
    bytes: int
    origin: str
    problem: str | None

    @property
    def age(self) -> timedelta | None:
        """How long ago it was deleted, None where nobody knows."""
        return None if self.deleted_at is None else utc_now() - self.deleted_at


@in_sentences
class Trash:
    """The trash of one workspace: its entries made, marked and read. Bringing them back is `storage.restoration`."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk

    # ------------------------------------------------------------ making

    def new_record(self, kind: str, title: str) -> TrashRecord:
        """The record of an entry to be made."""
        now = utc_now()
        return TrashRecord(
            trash_id=f"{now:%Y-%m-%d}_{kind}_{new_id()[-8:]}",
            kind=kind,
            title=title,
            deleted_at=now,
            deleted_by=user_name(),
        )

    def put(self, record: TrashRecord) -> None:
        """Make an entry for a file or folder that is about to be moved into it; the entry says `deleting`."""
        self._disk.place_folder(self._folder(record.trash_id), [("trash.json", record.to_json())])

    def put_results(self, title: str, tables: Mapping[str, pa.Table]) -> TrashRecord:
        """Keep the rows of results that are about to be deleted; the entry says `deleting`."""
        files = [(f"{name}.parquet", _parquet(tables[name])) for name in _TABLES]
        record = self.new_record("results", title)
        record.rows = tables["meta"].num_rows
        record.bytes = sum(len(content) for _, content in files)
        record.sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files}
        self._disk.place_folder(self._folder(record.trash_id), [*files, ("trash.json", record.to_json())])
        return record

    def mark(self, record: TrashRecord, status: Literal["deleting", "deleted", "restoring"]) -> None:
        """Note how far an entry has come."""
        changed = record.model_copy(update={"status": status})
        self._disk.write(self._folder(record.trash_id) / "trash.json", changed.to_json())

    def discard(self, record: TrashRecord) -> None:
        """Remove an entry for good; one that is gone is no error."""
        self.remove(record.trash_id)

    def remove(self, trash_id: str) -> None:
        """Remove an entry for good, also a damaged one; one that is gone is no error."""
        with suppress(NotFound):
            self._disk.remove_folder(self._folder(trash_id))

    # ------------------------------------------------------------ reading

    def content(self, record: TrashRecord) -> Path:
        """Where the deleted file or folder itself lies; nothing is there for results."""
        return self._folder(record.trash_id) / _CONTENT

    def records(self, kind: str | None = None) -> list[TrashRecord]:
        """What can be read, newest first, of one kind or all; a damaged entry is left out."""
        found = []
        for folder in self._folders():
            with suppress(StorageError):
                found.append(self.get(folder.name))
        chosen = [record for record in found if kind in (None, record.kind)]
        return sorted(chosen, key=lambda record: record.deleted_at, reverse=True)

    def list(self) -> Sequence[TrashEntry]:
        """Every entry, newest first, damaged ones too: their `problem` says what is wrong."""
        found = [self._entry(folder) for folder in self._folders()]
        return sorted(found, key=lambda entry: (entry.deleted_at is not None, entry.deleted_at or 0), reverse=True)

    def expired(self, days: int = KEPT_DAYS) -> Sequence[TrashEntry]:
        """The entries that were deleted so many days ago or earlier."""
        return [e for e in self.list() if e.age is not None and e.age >= timedelta(days=days)]

    def kept_artifacts(self, run_folder: str) -> set[str] | None:
        """The file names in `runs/<run_folder>/_binaries` that deleted pipelines still need.

        Pipelines of a run that is not where it was count for every run: it may have got this name since. None where an
        entry can't be read: then nobody knows, and every file may be needed.
        """
        here, kept = self._layout.run(run_folder), set[str]()
        try:
            records = [self.get(folder.name) for folder in self._folders()]
        except StorageError:
            return None
        for record in records:
            if record.kind != "pipeline":
                continue
            home = (self._layout.root / record.origin).parent
            if home == here or not home.is_dir():
                kept.update(record.artifacts)
        return kept

    def _folders(self) -> Iterator[Path]:
        if self._layout.trash.is_symlink():
            return
        try:
            with os.scandir(self._layout.trash) as entries:
                found = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise from_os_error(error, "read the trash", self._layout.trash) from error
        yield from (self._layout.trash / name for name in sorted(found))

    def _entry(self, folder: Path) -> TrashEntry:
        try:
            record = self.get(folder.name)
        except StorageError as error:
            problem = error.what
            if os.path.lexists(folder / _CONTENT):
                problem += f" What was deleted lies in .trash/{folder.name}/{_CONTENT}: move it back by hand."
            return TrashEntry(folder.name, "", folder.name, _date_of(folder.name), "", 0, 0, "", problem)
        return TrashEntry(
            record.trash_id,
            record.kind,
            record.title,
            record.deleted_at,
            record.deleted_by,
            record.rows,
            record.bytes,
            record.origin,
            self._problem(folder, record),
        )

    def _problem(self, folder: Path, record: TrashRecord) -> str | None:
        if record.schema_version > record.current_schema:
            return "It was deleted by a newer Runshelf: update to restore it."
        wanted = [f"{table}.parquet" for table in _TABLES] if record.kind == "results" else [_CONTENT]
        missing = [name for name in wanted if not os.path.lexists(folder / name)]
        if missing:
            return f"{missing[0]} is missing."
        if record.kind == ASIDE:
            return f"Put aside because it was damaged: it lies in .trash/{folder.name}/{_CONTENT} to be looked at."
        return None if record.status == "deleted" else "It is being worked on, or a killed process left it half-way."

    def get(self, trash_id: str) -> TrashRecord:
        """An entry by its id. Raises NotFound or Corrupt."""
        folder = self._folder(trash_id)
        if not is_plain_folder(folder):
            raise NotFound(f"{trash_id} is not in the trash any more.", folder, "List it again.")
        return read_document(folder / "trash.json", TrashRecord).model_copy(update={"trash_id": folder.name})

    def read(self, record: TrashRecord, table: str) -> pa.Table:
        """The rows of an entry. Raises NotFound or Corrupt."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder(record.trash_id) / f"{table}.parquet"
        try:
            content = read_bytes(path, "file")
            if hashlib.sha256(content).hexdigest() != record.sha256.get(path.name):
                raise Corrupt(f"{path.name} of {record.trash_id} is damaged.", path, "It can't be restored.")
            return pq.read_table(io.BytesIO(content), page_checksum_verification=True)
        except NotFound as error:
            raise NotFound(f"{path.name} of {record.trash_id} is not there.", path, "It can't be restored.") from error
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path.name} of {record.trash_id} is damaged.", path, "It can't be restored.") from error

    def deleted_results(self) -> dict[str, tuple[datetime, str]]:
        """The predictions that lie here as deleted results, when and by whom; what is damaged is left out."""
        found = {}
        for record in self.records("results"):
            if record.status == "deleted":
                with suppress(StorageError):
                    ids = self.read(record, "meta").column("prediction_id").to_pylist()
                    found.update(dict.fromkeys(ids, (record.deleted_at, record.deleted_by)))
        return found

    def damage(self, trash_id: str) -> str:
        """What is wrong with the rows of deleted results, in a sentence; every byte of them is read."""
        try:
            record = self.get(trash_id)
            for table in _TABLES:
                self.read(record, table)
        except StorageError as error:
            return error.what if self._folder(trash_id).is_dir() else ""  # it may have been restored meanwhile
        return ""

    def _folder(self, trash_id: str) -> Path:
        if Path(trash_id).name != trash_id or trash_id in ("", ".", ".."):
            raise NotFound(
                f"There is no '{trash_id}' in the trash.", self._layout.trash, "List it: runshelf trash list."
            )
        return self._layout.trash / trash_id


def _date_of(trash_id: str) -> datetime | None:
    """The day in an entry's name, for one whose document can't be read."""
    try:
        return datetime.combine(date.fromisoformat(trash_id[:10]), time(), UTC)
    except ValueError:
        return None


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()
