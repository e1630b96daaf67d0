"""runshelf.json, which marks a folder as a workspace: finding it, reading it, and the metrics noted in it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from storage.disk import Disk
from storage.errors import BadInput, Corrupt, NotFound, StorageError, TooNew
from storage.layout import MARKER, Layout
from storage.metrics import column_name
from storage.reading import read_bytes
from storage.records import (
    MAX_DOCUMENT_BYTES,
    MetricRecord,
    WorkspaceRecord,
    first_reason,
    read_document,
    readable_part,
)

FORMAT_VERSION = 1
_MEND = "Mend it with: runshelf check --repair -w FOLDER."


def find_workspace(start: Path) -> Path:
    """The workspace folder one stands in or above. Raises NotFound."""
    for folder in (start, *start.parents):
        if os.path.isfile(folder / MARKER):
            return folder
    raise NotFound(
        f"{start} is not in a workspace.", start, "Name one with -w FOLDER, set RUNSHELF_WORKSPACE, or: runshelf init."
    )


def write_marker(layout: Layout, disk: Disk) -> None:
    """Make a folder a new workspace."""
    disk.write(layout.marker, WorkspaceRecord(format_version=FORMAT_VERSION).to_json())


def read_marker(root: Path) -> WorkspaceRecord:
    """What marks the folder as a workspace; of a newer Runshelf it may be one that is only to be read: see `is_newer`.

    Raises NotFound where nothing does, Corrupt, or TooNew for what can't be understood.
    """
    if not _is_folder(root):
        raise NotFound(f"There is no folder {root}.", root, "Check the path, or make a workspace with: runshelf init.")
    if not os.path.isfile(root / MARKER):
        if is_left_of_workspace(root):
            raise NotFound(f"{root} has lost its {MARKER}.", root, _MEND)
        raise NotFound(f"{root} is not a workspace.", root, "Make one with: runshelf init FOLDER.")
    try:
        return read_document(root / MARKER, WorkspaceRecord)
    except Corrupt as error:
        if _says_newer(root / MARKER):
            raise TooNew(f"{root} was made by a newer Runshelf.", root, "Update Runshelf to open it.") from error
        raise Corrupt(error.what, error.path, _MEND) from error


def is_newer(record: WorkspaceRecord) -> bool:
    """Whether a newer Runshelf made the workspace, so that nothing of it may be changed."""
    return record.format_version > FORMAT_VERSION


def _says_newer(marker: Path) -> bool:
    """Whether a document that this version doesn't understand says that it is of a newer one."""
    try:
        said = readable_part(read_bytes(marker, "document", MAX_DOCUMENT_BYTES)).get("format_version")
    except StorageError:
        return False
    return isinstance(said, int) and said > FORMAT_VERSION


def is_left_of_workspace(root: Path) -> bool:
    """Whether a folder holds what a workspace does, with or without the document that marks it."""
    return (root / "runs").is_dir() and (root / "catalog").is_dir()


def _is_folder(root: Path) -> bool:
    """Whether a folder is there. Raises StorageError where one may not look."""
    try:
        return root.is_dir()
    except PermissionError as error:
        raise StorageError(f"There is no permission to look at {root}.", root, "Ask who owns it.") from error


def note_metric(
    layout: Layout, disk: Disk, name: str, title: str, lower_is_better: bool | None, target: float | None, digits: int
) -> WorkspaceRecord:
    """Note a metric, in place of one of that name; returns what is noted now. Raises BadInput for one that can't be."""
    try:
        added = MetricRecord(
            name=column_name(name), title=title, lower_is_better=lower_is_better, target=target, digits=digits
        )
    except ValidationError as error:
        raise BadInput(f"The metric '{name}' can't be added: {first_reason(error)}.") from error
    with disk.lock("workspace"):
        record = read_document(layout.marker, WorkspaceRecord)
        record.metrics = [*(m for m in record.metrics if m.name != added.name), added]
        disk.write(layout.marker, record.to_json())
    return record
