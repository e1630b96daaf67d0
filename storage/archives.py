"""The archives: copies of results that survive the deletion of their run. Reading only.

An archive is a folder below `catalog/archives/<kind>/` with archive.json, which says where it comes from and lists
every file with its digest. Archives have no database of their own: the folders are looked through.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from storage.copies import ARCHIVE, CONFIG, SOURCE
from storage.errors import Corrupt, NotFound, ReadOnly, StorageError, from_os_error, in_sentences
from storage.layout import Layout, folder_part
from storage.library_items import LibraryRecord
from storage.packages import PackedFile
from storage.plan import Report
from storage.reading import is_behind_link, read_bytes
from storage.records import ArtifactRecord, PipelineRecord, RunConfig, read_document
from storage.trees import file_digest, file_signature, read_tree

if TYPE_CHECKING:
    import pyarrow as pa

ARCHIVE_KINDS = ("filtered", "pipeline", "best_predictions")
DATA = f"{SOURCE}/predictions_data.parquet"  # the rows of the catalog, as they were
DOCUMENT = f"{SOURCE}/pipeline.json"  # byte by byte; the one above names the artifacts where they are in the copy
RUN = f"{SOURCE}/run_config.json"
PIPELINE_LETTERS = 80  # of a pipeline's id at most, at the end of the name of its archive
DERIVED = frozenset({DATA, "README.md"})  # made by us: the same content may be other bytes another time
_NEEDED = {"filtered": CONFIG, "pipeline": DOCUMENT, "best_predictions": "predictions.csv"}


class ArchiveRecord(LibraryRecord):
    """archive.json. `files` are all others; `digest` is that of the listing of those that were copied as they are."""

    run_date: str = ""
    files: list[PackedFile] = Field(default_factory=list)


@dataclass(frozen=True)
class Archive:
    """An archive as lists show it; `path` is its folder. `problem` says what is damaged."""

    kind: str
    name: str
    path: Path
    created_at: datetime | None = None
    created_by: str = ""
    run_id: str = ""
    run_name: str = ""
    run_date: str = ""
    pipeline_id: str = ""
    pipeline_name: str = ""
    prediction_id: str = ""
    dataset_name: str = ""
    config_hash: str = ""
    model_type: str = ""
    metric_name: str | None = None
    metric_value: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    bytes: int = 0
    files: int = 0
    problem: str | None = None


@in_sentences
class Archives:
    """Reads the archives of one workspace; one whose document is as it was is not read again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[Path, tuple[str, Archive]] = {}

    def home(self, kind: str) -> Path:
        """The folder of a kind. Raises NotFound for a kind that there is not."""
        if kind not in ARCHIVE_KINDS:
            raise NotFound(f"There is no kind '{kind}' of archive.", advice=f"Kinds are {', '.join(ARCHIVE_KINDS)}.")
        return self._layout.archives(kind)

    def list(
        self,
        prediction_id: str | None = None,
        *,
        kind: str | None = None,
        run_id: str | None = None,
        dataset: str | None = None,
        pipeline_id: str | None = None,
    ) -> list[Archive]:
        """The archives that are all of what is given, newest first; damaged ones too, as far as they tell.

        With a `pipeline_id` only folders that are named after it are looked into.
        """
        named = None if pipeline_id is None else f"_{folder_part(pipeline_id, PIPELINE_LETTERS)}"
        wanted = {"prediction_id": prediction_id, "run_id": run_id, "dataset_name": dataset}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        found = []
        for one in ARCHIVE_KINDS if kind is None else (kind,):
            try:
                folders = list(folders_in(self.home(one)))
            except ReadOnly as error:  # it hides those of the other kinds not
                found.append(Archive(one, self.home(one).name, self.home(one), problem=error.what))
                continue
            for path in folders:
                if named is not None and named not in path.name:
                    continue
                archive = self._read(one, path)
                if all(getattr(archive, name) == value for name, value in wanted.items()):
                    found.append(archive)
        return sorted(found, key=lambda one: (one.created_at is not None, one.created_at or 0, one.name), reverse=True)

    def get(self, kind: str, name: str) -> Archive:
        """One archive. Raises NotFound."""
        path = self.home(kind) / name
        if not name or Path(name).name != name or name[0] == "." or path not in folders_in(self.home(kind)):
            raise NotFound(f"There is no {kind} archive '{name}'.", path, "List them with: runshelf archive list.")
        return self._read(kind, path)

    def _read(self, kind: str, path: Path) -> Archive:
        now = file_signature(path / ARCHIVE, path / _NEEDED[kind])
        known = self._known.get(path)
        if known is not None and now and known[0] == now:
            return known[1]
        archive = _archive(kind, path)
        if not archive.problem:  # a disk may fail for a moment
            self._known[path] = (now, archive)
        return archive


def folders_in(home: Path) -> Iterator[Path]:
    """The folders of archives of a kind; links are left out, for the check to name.

    Raises StorageError for a folder that can't be read.
    """
    if is_behind_link(home, home.parents[2]):
        return
    try:
        with os.scandir(home) as entries:
            found = sorted(e.name for e in entries if e.name[0] != "." and e.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise from_os_error(error, f"read {home.name}", home) from error
    yield from (home / name for name in found)


def read_archive(path: Path) -> ArchiveRecord:
    """archive.json of an archive's folder, wherever it lies. Raises NotFound or Corrupt."""
    record = read_document(path / ARCHIVE, ArchiveRecord)
    for file in record.files:
        parts = file.path.split("/")
        if Path(file.path).is_absolute() or any(part in ("", ".", "..") for part in parts):
            raise Corrupt(f"{ARCHIVE} of {path.name} names {file.path!r}, outside its folder.", path, "Don't use it.")
    return record


def wrong_with(path: Path, record: ArchiveRecord, *, deep: bool = False, report: Report | None = None) -> str:
    """What is wrong with an archive's files, in a few words; empty when nothing is. `deep` reads every byte."""
    tree = read_tree(path)
    listed = {file.path: file.bytes for file in record.files}
    there = {name: size for name, size in tree.files.items() if name != ARCHIVE}
    missing = sorted(listed.keys() - there.keys())
    if missing:
        return f"{missing[0]} is missing"
    if tree.odd or there.keys() - listed.keys():
        return f"{[*tree.odd, *sorted(there.keys() - listed.keys())][0]} was put there later"
    changed = next((name for name in listed if listed[name] != there[name]), "")
    for done, file in enumerate(record.files if deep and not changed else ()):
        if report is not None:
            report(done, len(record.files), f"reading {file.path}")
        if file_digest(path / file.path) != file.sha256:
            changed = file.path
            break
    return f"{changed} is not what was archived" if changed else ""


def read_file(path: Path, record: ArchiveRecord, name: str) -> bytes:
    """A file of an archive, compared with its digest. Raises NotFound or Corrupt."""
    import hashlib

    listed = next((file for file in record.files if file.path == name), None)
    if listed is None:
        raise NotFound(f"The archive {path.name} has no {name}.", path, "Look for another one.")
    data = read_bytes(path / name, "file")
    if hashlib.sha256(data).hexdigest() != listed.sha256:
        raise Corrupt(f"{name} of the archive {path.name} is damaged.", path / name, "Bring it back from a copy.")
    return data


def archived_pipeline(path: Path) -> PipelineRecord:
    """The pipeline of an archive, its artifacts named where they are in it. Raises NotFound or Corrupt."""
    return read_document(path / "pipeline.json", PipelineRecord)


def archived_run(path: Path) -> RunConfig | None:
    """run_config.json of the run an archive comes from; None where that was damaged then."""
    try:
        return read_document(path / RUN, RunConfig)
    except StorageError:
        return None


def archived_artifact(path: Path, artifact: ArtifactRecord) -> bytes:
    """The bytes of an artifact in an archive, verified; nothing is unpickled. Raises NotFound or Corrupt."""
    return read_file(path, read_archive(path), artifact.path)


def archived_data(path: Path, record: ArchiveRecord) -> pa.Table | None:
    """The rows of the catalog's arrays in an archive; None where the catalog had none. Raises Corrupt."""
    import io

    import pyarrow.parquet as pq

    if not any(file.path == DATA for file in record.files):
        return None
    return pq.read_table(io.BytesIO(read_file(path, record, DATA)))


def _archive(kind: str, path: Path) -> Archive:
    try:
        record = read_archive(path)
    except StorageError as error:
        return Archive(kind, path.name, path, problem=error.what)
    problem = None
    if record.kind != kind:
        problem = f"Its document says that it is of the kind {record.kind}."
    elif not os.path.isfile(path / _NEEDED[kind]):
        problem = f"{_NEEDED[kind]} is missing."
    source = record.source
    return Archive(
        kind,
        path.name,
        path,
        record.created_at,
        record.created_by,
        source.run_id,
        source.run_name,
        record.run_date,
        source.pipeline_id,
        source.pipeline_name,
        source.prediction_id,
        source.dataset_name,
        source.config_hash,
        source.model_type,
        record.metric_name,
        record.metric_value,
        dict(record.metrics),
        record.bytes,
        len(record.files),
        problem,
    )
