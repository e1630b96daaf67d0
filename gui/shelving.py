"""The work on items of the library: listing, changing, packing and unpacking. Runs off the GUI thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gui.edits import split_tags
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import LibraryItem, Workspace


def fetch_items(text: str, workspace: Workspace) -> tuple[LibraryItem, ...]:
    """List everything in the library that all the words occur in; what is as it was is not read again."""
    return tuple(workspace.library.list(text=text))


def fetch_configs(kind: str, name: str, workspace: Workspace) -> list[dict[str, Any]]:
    """Read the configurations of an item, to run them again."""
    found = workspace.library.config(kind, name)
    return found if isinstance(found, list) else [found]


def edit_item(item: LibraryItem, column: str, text: str, workspace: Workspace) -> LibraryItem:
    """Rename an item, or write its tags or description."""
    if column == "name":
        return workspace.library.rename(item.kind, item.name, text)
    if column == "tags":
        return workspace.library.describe(item.kind, item.name, tags=split_tags(text))
    return workspace.library.describe(item.kind, item.name, description=text)


def delete_items(items: tuple[tuple[str, str], ...], workspace: Workspace) -> tuple[str, ...]:
    """Move items to the trash; returns the trash ids."""
    trashed: list[str] = []
    for kind, name in items:
        plan = workspace.library.plan_delete(kind, name)
        plan.apply()
        trashed.extend(plan.trashed)
    return tuple(trashed)


def pack_item(root: Path, kind: str, name: str, path: Path, report: Report) -> Path:
    """Write an item to a zip file that somebody agreed to replace; for the thread of a job."""
    from storage import Workspace

    with Workspace.open(root, read_only=True) as workspace:
        return workspace.library.export_zip(kind, name, path, report, overwrite=True)


def unpack_item(root: Path, path: Path, report: Report) -> LibraryItem:
    """Put what is in a zip file into the library; for the thread of a job."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        return workspace.library.import_zip(path, report)


def has_source(run_id: str, prediction_id: str, workspace: Workspace) -> bool:
    """Whether the run an item came from, or the result of its pipeline, is still there."""
    if prediction_id and workspace.catalog.find(prediction_id) is not None:
        return True
    return any(run.run_id == run_id for run in workspace.runs())
