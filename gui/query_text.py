"""Texts of the query language as the window puts them together: conditions, and the order a listing has.

An order is a text such as "test_rmse,-test_r2": columns by rank, "-" before one that falls, "best:" before one whose
best is neither its lowest nor its highest value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gui.formats import plain_text

STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
ORDER_BY = re.compile(r"(?<![\w.])order\s+by\s+", re.IGNORECASE)
WAY = re.compile(r"([-+]?)\s*([^\W\d][\w.-]*)\s*(asc|desc|best)?", re.IGNORECASE)
BARE = re.compile(r"[^\W\d]\w*\s*(=|<|>|<=|>=|!=|~)\s*('[^']*'|[\w.]+)")
COMPARISON = re.compile(
    r"(?<![\w.+*/-])(?<![+*/-] )([^\W\d][\w.]*)\s*(<=|>=|<|>|=)\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?(?![\w.]|\s*[-+*/])"
)

NAMED = re.compile(r"(?<![\w.+*/-])([^\W\d][\w.]*)\s*(==?|~|\bhas\b|\bcontains\b)\s*('+|[^\W\d][\w.-]*)", re.IGNORECASE)

MARKS = {"tag": "tags", "tags": "tags", "note": "notes", "notes": "notes", "star": "stars", "stars": "stars"}

# --- the order ---


@dataclass(frozen=True)
class SortKey:
    """A column to sort by and in which direction, or with the best first."""

    name: str
    falling: bool = False
    best: bool = False

    def turned(self) -> SortKey:
        """Return the key for the other direction."""
        return SortKey(self.name, not self.falling and not self.best)


def sort_keys(order: str) -> tuple[SortKey, ...]:
    """Read an order; a column named twice counts once."""
    keys: dict[str, SortKey] = {}
    for part in (part.strip() for part in order.split(",")):
        name = part.removeprefix("-").removeprefix("best:")
        if name and name not in keys:
            keys[name] = SortKey(name, part.startswith("-"), part.startswith("best:"))
    return tuple(keys.values())


def order_text(keys: Iterable[SortKey]) -> str:
    """Write sort keys as an order."""
    return ",".join(("best:" if key.best else "-" if key.falling else "") + key.name for key in keys)


def sorted_by(keys: Sequence[SortKey], wanted: SortKey) -> tuple[SortKey, ...]:
    """Sort by one column alone, as `wanted` at first; a column that is the first key already is turned round."""
    return (keys[0].turned() if keys and keys[0].name == wanted.name else wanted,)


def also_sorted_by(keys: Sequence[SortKey], wanted: SortKey) -> tuple[SortKey, ...]:
    """Add a column as the last key, as `wanted` at first; then turn it round; then, unless it is alone, take it off."""
    here = next((key for key in keys if key.name == wanted.name), None)
    if here is None:
        return (*keys, wanted)
    if here != wanted and len(keys) > 1:
        return without(keys, wanted.name)
    return tuple(key.turned() if key is here else key for key in keys)


def without(keys: Sequence[SortKey], name: str) -> tuple[SortKey, ...]:
    """Take a column out of the sort keys."""
    return tuple(key for key in keys if key.name != name)


# --- conditions ---


def split_order(query: str) -> tuple[str, str]:
    """Take a query apart into its condition and its order ("best:" before a column that shall be best first).

    An order that can't be read stays where it is: whoever reads the query will say what is wrong with it.
    """
    found = ORDER_BY.search(masked(query))
    if found is None:
        return query, ""
    ways = [WAY.fullmatch(way.strip()) for way in query[found.end() :].split(",")]
    if not all(ways):
        return query, ""
    return query[: found.start()].strip(), ",".join(_way(*way.groups()) for way in ways if way is not None)


def narrowed(query: str, condition: str) -> str:
    """Add a condition to a query, keeping its order."""
    own, _ = split_order(query)
    order = query[len(own) :].strip() if len(own) < len(query) else ""
    both = f"{_closed(own)} and {condition}" if own.strip() else condition
    return f"{both} {order}".strip()


def equals(name: str, value: Any) -> str:
    """Write the condition that a column has this value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return f"{name} is null"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{name} = {plain_text(value)}"
    text = value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    return f"{name} = '{_escaped(text)}'"


def one_of(name: str, values: Sequence[str]) -> str:
    """Write the condition that a column has one of these texts."""
    if len(values) == 1:
        return equals(name, values[0])
    quoted = ", ".join(f"'{_escaped(value)}'" for value in values)
    return f"{name} in ({quoted})"


def none_of(name: str, values: Sequence[str]) -> str:
    """Write the condition that a column has none of these texts; it holds without a value, too."""
    quoted = ", ".join(f"'{_escaped(value)}'" for value in values)
    return f"{name} not in ({quoted})"


def contains(name: str, text: str) -> str:
    """Write the condition that a text occurs in a column."""
    return f"{name} ~ '{_escaped(text)}'"


def free_word(text: str) -> str:
    """Write the condition that a text occurs anywhere a result is told by: in its names, its number, its notes."""
    return f"'{_escaped(text)}'"


def has_tag(tag: str) -> str:
    """Write the condition that a result has a tag."""
    return f"tags has '{_escaped(tag)}'"


def loosened(condition: str) -> list[tuple[str, str, str]]:
    """Take each comparison of a column with a number out in turn.

    Returns the column, its sign, and the condition with "is not null" instead: where the nearest value can be found.
    """
    return [
        (found[1], found[2], f"{condition[: found.start()]}{found[1]} is not null{condition[found.end() :]}")
        for found in COMPARISON.finditer(masked(condition))
    ]


def texts_asked(condition: str) -> list[tuple[str, str, bool]]:
    """Return each column that is compared with a text, the text, and whether a part of the value is asked for.

    "model = PLS" asks for the whole value, "model ~ 'PLS'" for a part of it.
    """
    found = NAMED.finditer(masked(condition))
    return [
        (one[1], unquoted(condition[one.start(3) : one.end(3)]), one[2].lower() in ("~", "contains")) for one in found
    ]


def marks_asked(condition: str) -> list[str]:
    """Return the columns of what people write about results that a condition speaks of: tags, notes and stars."""
    words = re.findall(r"(?<![\w.])[^\W\d]\w*(?![\w.])", masked(condition).lower())
    return list(dict.fromkeys(MARKS[word] for word in words if word in MARKS))


def text_literal(text: str) -> str:
    """Write a text as a query says it."""
    return f"'{_escaped(text)}'"


def unquoted(text: str) -> str:
    """Return the text that stands in a query, in quotes or bare."""
    if text[:1] not in ("'", '"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1].replace("''", "'"))


def masked(query: str) -> str:
    """Return a query with quoted texts blotted out, everything else at its place."""
    return STRING.sub(lambda quoted: "'" * len(quoted[0]), query)


def _way(sign: str, name: str, direction: str | None) -> str:
    if (direction or "").lower() == "best":
        return f"best:{name}"
    return f"-{name}" if sign == "-" or (direction or "").lower() == "desc" else name


def _closed(condition: str) -> str:
    """Put a condition into parentheses unless it is a single comparison."""
    condition = condition.strip()
    return condition if BARE.fullmatch(condition) else f"({condition})"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")
