"""What lies in the library: the document of an item, and an item as lists show it. Reading only.

A template is one JSON file, a pipeline configuration with its metadata under the key `library_metadata`. Any other
item is a folder with library_metadata.json. An item is called as its file or folder is called.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from storage.configs import METADATA_KEY, checked_config
from storage.copies import CONFIG, METADATA
from storage.errors import BadInput, Corrupt, NotFound, StorageError, TooNew, from_os_error
from storage.layout import Layout
from storage.packages import Package
from storage.plan import Report
from storage.reading import is_behind_link, read_bytes
from storage.records import (
    MAX_DOCUMENT_BYTES,
    Document,
    Moment,
    PipelineRecord,
    Record,
    RunConfig,
    first_reason,
    read_document,
)
from storage.trees import file_digest, file_signature, listing_digest, read_tree

LIBRARY_KINDS = ("template", "filtered", "pipeline", "fullrun")
_NEEDED = {"filtered": CONFIG, "pipeline": "pipeline.json", "fullrun": "run_config.json"}


class LibrarySource(Record):
    """Where an item comes from."""

    run_id: str = ""
    pipeline_id: str = ""
    prediction_id: str = ""
    dataset_name: str = ""
    run_name: str = ""
    pipeline_name: str = ""
    config_hash: str = ""
    model_type: str = ""
    task_type: str | None = None
    data_hash: str = ""
    seed: int | None = None


class LibraryRecord(Document):
    """library_metadata.json. `digest` is the sha256 of the listing of all other files, see `trees.listing_digest`."""

    kind: str
    name: str
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    created_at: Moment | None = None
    created_by: str = ""
    source: LibrarySource = Field(default_factory=LibrarySource)
    metric_name: str | None = None
    metric_value: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    bytes: int = 0
    digest: str = ""


@dataclass(frozen=True)
class LibraryItem:
    """An item of the library as lists show it. `problem` says what is damaged; the rest is then as far as known.

    `path` is the file of a template, the folder of anything else. `metrics` are flat, as the catalog has them.
    """

    kind: str
    name: str
    path: Path
    description: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    created_by: str = ""
    run_id: str = ""
    pipeline_id: str = ""
    prediction_id: str = ""
    dataset_name: str = ""
    run_name: str = ""
    pipeline_name: str = ""
    config_hash: str = ""
    model_type: str = ""
    metric_name: str | None = None
    metric_value: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    bytes: int = 0
    digest: str = ""
    problem: str | None = None

    def matches(self, text: str) -> bool:
        """Whether every word of `text` is in its name, description, tags, dataset or model, in any case."""
        told = (self.name, self.description, *self.tags, self.dataset_name, self.pipeline_name, self.model_type)
        all_words = "\n".join(told).casefold()
        return all(word in all_words for word in text.casefold().split())


class Shelf:
    """Reads items; one whose files are as they were is not read again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[Path, tuple[str, LibraryItem]] = {}

    def home(self, kind: str) -> Path:
        """The folder the items of a kind lie in. Raises NotFound for a kind that there is not."""
        if kind not in LIBRARY_KINDS:
            raise NotFound(f"There is no kind '{kind}'.", advice=f"Kinds are {', '.join(LIBRARY_KINDS)}.")
        return self._layout.library / ("templates" if kind == "template" else f"trained/{kind}")

    def place(self, kind: str, name: str) -> Path:
        """Where an item of that name lies or would lie. Raises NotFound for a name that can't be one."""
        home = self.home(kind)
        if not name or name[0] == "." or Path(name).name != name or "\\" in name or "\0" in name:
            raise NotFound(f"There is no {kind} '{name}' in the library.", home, "List the library.")
        return home / (f"{name}.json" if kind == "template" else name)

    def names(self, kind: str) -> list[str]:
        """The names of all items of a kind, damaged ones too; none where its folder is behind a link.

        Raises StorageError for a folder that can't be read.
        """
        if is_behind_link(self.home(kind), self._layout.root):
            return []
        try:
            entries = sorted(os.listdir(self.home(kind)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise from_os_error(error, f"read {self.home(kind).name}", self.home(kind)) from error
        if kind == "template":
            entries = [name.removesuffix(".json") for name in entries if name.endswith(".json")]
        return [name for name in entries if name[:1] not in ("", ".")]

    def item(self, kind: str, name: str) -> LibraryItem:
        """One item; what is wrong with it becomes its `problem`. Raises NotFound."""
        path = self.place(kind, name)
        if not os.path.lexists(path) or is_behind_link(path.parent, self._layout.root):
            raise NotFound(f"There is no {kind} '{name}' in the library.", path, "List the library.")
        now = file_signature(path, path / METADATA, path / _NEEDED.get(kind, ""))
        known = self._known.get(path)
        if known is not None and now and known[0] == now:
            return known[1]
        item = self.read(kind, name, path)
        if not item.problem:  # a disk may fail for a moment
            self._known[path] = (now, item)
        return item

    def read(self, kind: str, name: str, path: Path) -> LibraryItem:
        """An item that lies anywhere; what is wrong with it becomes its `problem`."""
        try:
            record = self.record(kind, path)
        except StorageError as error:
            return LibraryItem(kind, name, path, problem=error.what)
        problem = None
        if record.kind != kind:
            problem = f"Its metadata say that it is a {record.kind}."
        elif kind in _NEEDED and not os.path.isfile(path / _NEEDED[kind]):
            problem = f"{_NEEDED[kind]} is missing."
        source = record.source
        return LibraryItem(
            kind,
            name,
            path,
            record.description,
            tuple(record.tags),
            record.created_at,
            record.created_by,
            source.run_id,
            source.pipeline_id,
            source.prediction_id,
            source.dataset_name,
            source.run_name,
            source.pipeline_name,
            source.config_hash,
            source.model_type,
            record.metric_name,
            record.metric_value,
            dict(record.metrics),
            record.bytes,
            record.digest,
            problem,
        )

    def record(self, kind: str, path: Path) -> LibraryRecord:
        """The metadata of an item. Raises NotFound or Corrupt."""
        if path.is_symlink():
            raise Corrupt(f"{path.name} is a link.", path, "Put the item itself there.")
        if kind != "template":
            return read_document(path / METADATA, LibraryRecord)
        return read_template(path)[1]


def read_template(path: Path) -> tuple[Any, LibraryRecord]:
    """The configuration of a template file, or list of them, and its metadata. Raises NotFound or Corrupt."""
    return parse_template(read_bytes(path, "template", MAX_DOCUMENT_BYTES), path)


def parse_template(data: bytes, path: Path) -> tuple[Any, LibraryRecord]:
    """The same from the bytes of one; a file without metadata has those that can be told.

    Raises Corrupt for what is no pipeline configuration.
    """
    try:
        found = json.loads(data)
        entries = found if isinstance(found, list) else [found]
        if not entries:
            raise BadInput("it is empty.", advice="It needs a 'name' and a list of 'steps'.")
        for entry in entries:
            checked_config(entry)
        given = found.get(METADATA_KEY) if isinstance(found, dict) else None
        blank = {"kind": "template", "name": path.stem, "bytes": len(data), "description": _described(entries[0])}
        record = LibraryRecord.model_validate(blank if given is None else given)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{path.name} is damaged: {first_reason(error)}.", path, "Restore it from a copy.") from error
    except BadInput as error:
        raise Corrupt(f"{path.name} is no pipeline configuration: {error.what}", path, error.advice) from error
    return ({k: v for k, v in found.items() if k != METADATA_KEY} if isinstance(found, dict) else found), record


def wrong_with(item: LibraryItem, report: Report | None = None) -> str:
    """What is wrong with the files of an item that is a folder, in a sentence; every byte of them is read."""
    tree = read_tree(item.path)
    digests: dict[str, str] = {}
    for done, path in enumerate(tree.files):
        if report is not None:
            report(done, len(tree.files), f"reading {path}")
        if path != METADATA:
            digests[path] = file_digest(item.path / path)
    whole = not item.digest or listing_digest(digests) == item.digest
    return "" if whole and not tree.odd else "Its files are not what was saved."


def packed_record(package: Package) -> LibraryRecord:
    """The metadata in a package; what they say of its content is true. Raises Corrupt, TooNew."""

    def corrupt(reason: str) -> Corrupt:
        return Corrupt(f"{package.path.name} is damaged: {reason}.", package.path, "Ask for a new package.")

    kind = package.record.kind
    if kind not in LIBRARY_KINDS:
        raise TooNew(f"{package.path.name} holds a '{kind}'.", package.path, "Update Runshelf to import it.")
    record = package.document(METADATA, LibraryRecord)
    others = {file.path: file.sha256 for file in package.record.files if file.path != METADATA}
    if record.kind != kind:
        raise corrupt(f"its metadata say that it is a {record.kind}")
    if record.digest and listing_digest(others) != record.digest:
        raise corrupt("its files are not what was saved")
    if kind == "fullrun":
        package.document("run_config.json", RunConfig)
    if kind == "filtered" and CONFIG not in others:
        raise corrupt(f"it has no {CONFIG}")
    if kind == "pipeline":
        for artifact in package.document("pipeline.json", PipelineRecord).binaries():
            if others.get(artifact.path) != artifact.sha256:
                raise corrupt(f"the artifact {artifact.name} is missing or not what was stored")
    return record


def _described(entry: Mapping[str, Any]) -> str:
    return str(entry.get("description") or "")
