"""Edits of results, their tags, notes and stars, and how each is undone. Runs on the workspace's thread."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage import Workspace

Row = dict[str, Any]
ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Edit:
    """A change of results; what is None or empty stays as it is. `tags` replaces all tags instead."""

    ids: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    notes: str | None = None
    stars: int | None = None


@dataclass(frozen=True)
class Edited:
    """What came of an edit: how many results it changed, and the edits that undo it."""

    edit: Edit
    changed: int
    undo: tuple[Edit, ...]


def split_tags(text: str | None) -> tuple[str, ...]:
    """Read tags as a row has them: with commas between."""
    return tuple(dict.fromkeys(tag.strip() for tag in (text or "").split(",") if tag.strip()))


def apply_edit(keys: array[int], edit: Edit, workspace: Workspace) -> Edited:
    """Edit the results of these keys. Raises what `catalog.annotate` raises, and has then changed nothing."""
    rows: list[Row] = []
    for start in range(0, len(keys), ROWS_AT_ONCE):
        found = workspace.catalog.rows(keys[start : start + ROWS_AT_ONCE])
        rows.extend({name: row.get(name) for name in ("prediction_id", "tags", "notes", "stars")} for row in found)
    edit = replace(edit, ids=tuple(row["prediction_id"] for row in rows))
    if edit.tags is not None:
        before = dict.fromkeys(tag for row in rows for tag in split_tags(row["tags"]))
        edit = replace(edit, add_tags=edit.tags, remove_tags=tuple(before), tags=None)
    return Edited(edit, _annotate(edit, workspace), _undo(edit, rows))


def undo_edits(edits: Iterable[Edit], workspace: Workspace) -> None:
    """Make results again what they were."""
    for edit in edits:
        _annotate(edit, workspace)


def _annotate(edit: Edit, workspace: Workspace) -> int:
    return workspace.catalog.annotate(
        edit.ids, add_tags=edit.add_tags, remove_tags=edit.remove_tags, notes=edit.notes, stars=edit.stars
    )


def _undo(edit: Edit, rows: Sequence[Row]) -> tuple[Edit, ...]:
    """Write the edits that give each result back what it had: one for all that had the same."""
    undo: list[Edit] = []
    if edit.add_tags or edit.remove_tags:
        for tags, ids in _alike(rows, lambda row: split_tags(row["tags"])).items():
            undo.append(Edit(ids, add_tags=tags, remove_tags=tuple(dict.fromkeys((*tags, *edit.add_tags)))))
    if edit.notes is not None:
        for notes, ids in _alike(rows, lambda row: row["notes"] or "").items():
            undo.append(Edit(ids, notes=notes))
    if edit.stars is not None:
        for stars, ids in _alike(rows, lambda row: row["stars"] or 0).items():
            undo.append(Edit(ids, stars=stars))
    return tuple(undo)


def _alike(rows: Sequence[Row], what: Callable[[Row], Hashable]) -> dict[Any, tuple[str, ...]]:
    groups: dict[Any, list[str]] = defaultdict(list)
    for row in rows:
        groups[what(row)].append(row["prediction_id"])
    return {value: tuple(ids) for value, ids in groups.items()}
