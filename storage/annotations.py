"""Tags, notes and stars: edits of results, kept beside them. Of each result the latest edit counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from storage.disk import user_name
from storage.errors import BadInput
from storage.moments import from_microseconds, to_microseconds
from storage.part_index import split_tags
from storage.records import utc_now

MAX_TAG = 50  # characters
MAX_NOTES = 20_000
MAX_STARS = 5
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def checked_tag(tag: str) -> str:
    """A tag in the form it is kept: one line without a comma, at most 50 characters. Raises BadInput."""
    text = unicodedata.normalize("NFC", tag).strip()
    if not text or len(text) > MAX_TAG or "," in text or any(_is_odd(c) for c in text):
        raise BadInput(f"'{tag[:MAX_TAG]}' can't be a tag.", advice=f"Use up to {MAX_TAG} characters without a comma.")
    return text


def _is_odd(sign: str) -> bool:
    """Whether a sign ends a line, steers a terminal, or turns round what is read after it."""
    return unicodedata.category(sign) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(sign) in _TURNING


def checked_notes(notes: str) -> str:
    """Notes in the form they are kept. Raises BadInput when they are too long."""
    text = unicodedata.normalize("NFC", notes).strip()
    if len(text) > MAX_NOTES:
        raise BadInput(f"The notes have {len(text):,} characters.", advice=f"Keep them under {MAX_NOTES:,}.")
    return text


def check_edit(tags: Iterable[str], notes: str | None) -> None:
    """Raise BadInput for a tag or for notes that can't be."""
    for tag in tags:
        checked_tag(tag)
    if notes is not None:
        checked_notes(notes)


def checked_stars(stars: int) -> int:
    """How many stars. Raises BadInput for anything but 0 to 5."""
    if not 0 <= stars <= MAX_STARS:
        raise BadInput(f"{stars} stars can't be given.", advice=f"Give 0 to {MAX_STARS}.")
    return stars


def edited(edits: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of new edits, `add_tags`, `remove_tags`, `notes` and `stars` by id; where nothing changes there is none.

    `known` is the latest edit of each id as the index has it. Every edit is whole: tags, notes and stars. Its time is
    later than that of the one before, also where the clock was set back.
    """
    now, by = utc_now(), user_name()
    rows = []
    for one, edit in edits.items():
        old = known.get(one, {})
        before = {"tags": split_tags(old.get("tags")), "notes": old.get("notes"), "stars": old.get("stars")}
        row = _edited(before, edit)
        if row != before:
            rows.append({"prediction_id": one, **row, "deleted": False, "at": later(now, old), "by": by})
    return rows


def _edited(before: Mapping[str, Any], edit: Mapping[str, Any]) -> dict[str, Any]:
    added = dict.fromkeys(checked_tag(tag) for tag in edit.get("add_tags", ()))
    removed = {checked_tag(tag).casefold() for tag in edit.get("remove_tags", ())}
    tags = [tag for tag in before["tags"] if tag.casefold() not in removed]
    have = {tag.casefold() for tag in tags}
    notes, stars = edit.get("notes"), edit.get("stars")
    return {
        "tags": [*tags, *(tag for tag in added if tag.casefold() not in have)],
        "notes": (before["notes"] if notes is None else checked_notes(notes)) or None,
        "stars": (before["stars"] if stars is None else checked_stars(stars)) or None,
    }


def later(now: datetime, old: Mapping[str, Any]) -> datetime:
    """`now`, or just after the edit before."""
    return from_microseconds(max(to_microseconds(now), int(old.get("at") or 0) + 1))


def marked(ids: Iterable[str], known: Mapping[str, Mapping[str, Any]], deleted: bool) -> list[dict[str, Any]]:
    """The rows of edits that say that results were deleted, or are back; their tags, notes and stars stay."""
    now, by = utc_now(), user_name()
    return [
        {
            "prediction_id": one,
            "tags": split_tags(known.get(one, {}).get("tags")),
            "notes": known.get(one, {}).get("notes"),
            "stars": known.get(one, {}).get("stars"),
            "deleted": deleted,
            "at": later(now, known.get(one, {})),
            "by": by,
        }
        for one in ids
    ]
