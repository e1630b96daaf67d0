"""Tags, notes and stars: edits of results, kept beside them. Of each result the latest edit counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
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


def checked_tag(tag: str) -> str:
    """A tag in the form it is kept: one line without a comma, at most 50 characters. Raises BadInput."""
    text = unicodedata.normalize("NFC", tag).strip()
    if not text or len(text) > MAX_TAG or "," in text or any(unicodedata.category(c) in ("Cc", "Zl") for c in text):
        raise BadInput(f"'{tag[:MAX_TAG]}' can't be a tag.", advice=f"Use up to {MAX_TAG} characters without a comma.")
    return text


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


def edited(
    ids: Iterable[str],
    known: Mapping[str, Mapping[str, Any]],
    add_tags: Sequence[str] = (),
    remove_tags: Sequence[str] = (),
    notes: str | None = None,
    stars: int | None = None,
) -> list[dict[str, Any]]:
    """The rows of new edits; of what would change nothing there is none.

    `known` is the latest edit of each id as the index has it. Every edit is whole: tags, notes and stars. Its time is
    later than that of the one before, also where the clock was set back.
    """
    now, by = utc_now(), user_name()
    added = list(dict.fromkeys(checked_tag(tag) for tag in add_tags))
    removed = {checked_tag(tag).casefold() for tag in remove_tags}
    rows = []
    for one in dict.fromkeys(ids):
        old = known.get(one, {})
        tags = [tag for tag in split_tags(old.get("tags")) if tag.casefold() not in removed]
        have = {tag.casefold() for tag in tags}
        tags += [tag for tag in added if tag.casefold() not in have]
        row = {
            "tags": tags,
            "notes": (old.get("notes") if notes is None else checked_notes(notes)) or None,
            "stars": (old.get("stars") if stars is None else checked_stars(stars)) or None,
        }
        before = {"tags": split_tags(old.get("tags")), "notes": old.get("notes"), "stars": old.get("stars")}
        if row != before:
            rows.append({"prediction_id": one, **row, "deleted": False, "at": later(now, old), "by": by})
    return rows


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
