"""Completion for the query language: what may come at a place in a text that is being written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.grammar import MAX_QUERY, expected, quote
from storage.metrics import Metrics
from storage.parameters import PREPROCESSING, fold
from storage.sources import ALIASES, TITLES
from storage.wording import counted

if TYPE_CHECKING:
    from lark import Token

    from storage.index import Index

MAX_SUGGESTIONS = 50
_DAMAGED = "damaged"  # a status that no row has: it is that of the folder
_WRITABLE = re.compile(r"[^\W\d][\w.]*")  # a parameter by another name can't stand in a query
_QUOTED = re.compile(r"'([^'\\]|\\.|'')*'|\"([^\"\\]|\\.)*\"|['\"]")
_OPERATORS = {
    "OPERATOR": ("<", "<=", ">", ">=", "=", "!=", "~", "!~", "contains"),
    "_IN": ("in",),
    "_BETWEEN": ("between",),
    "_IS": ("is null", "is not null"),
    "_HAS": ("has",),
}
_KEYWORDS = {
    "_AND": "and", "_OR": "or", "_NOT": "not", "_AS": "as", "_ORDER": "order by", "_LAST": "last 7 days",
    "RELATIVE": "yesterday",
}  # fmt: skip
_TIMES = ("today", "yesterday", "last week", "7 days ago")
_BEFORE_NAMES = ("_AND", "_OR", "_NOT", "_BY", "LPAR", "COMMA", "SIGN", "TIMES")
_DIRECTIONS = ("best", "asc", "desc")
_NUMBER_OPERATORS = ("<", "<=", ">", ">=", "=", "!=", "between", "is null", "is not null")
_TEXT_OPERATORS = ("=", "!=", "~", "!~", "contains", "in", "is null", "is not null")


@dataclass(frozen=True)
class Suggestion:
    """One thing that may be written: `kind` is column, parameter, operator, value or keyword; `detail` explains it."""

    text: str
    kind: str
    detail: str = ""


@dataclass(frozen=True)
class Completion:
    """What may stand in place of `text[start:end]`."""

    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()


def complete(text: str, position: int, index: Index, metrics: Metrics) -> Completion:
    """What may come where the cursor is; nothing where the text before it is wrong."""
    if len(text) > MAX_QUERY:
        return Completion(position, position)
    before = text[:position]
    begun = _begun(before)
    accepted, tokens = expected(before[: position - len(begun)])
    end = position + len(re.match(r"[\w.]*", text[position:]).group())  # type: ignore[union-attr]
    found = _Suggestions(index, metrics, begun)
    column = _compared(tokens)
    if column is not None and accepted & {"STRING", "NUMBER"} and not begun.startswith('"'):
        made: Iterable[Suggestion] = found.values(column)
    elif begun[:1] in ("'", '"'):
        made = ()
    else:
        made = found.words(accepted, tokens)
    return Completion(position - len(begun), end, tuple(dict.fromkeys(made))[:MAX_SUGGESTIONS])


def _begun(text: str) -> str:
    """The word, or the quoted text without an end, that stands at the end of a text."""
    for quoted in _QUOTED.finditer(text):
        if len(quoted.group()) == 1:
            return text[quoted.start() :]
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] in "._"):
        start -= 1
    return text[start:]


def _compared(tokens: list[Token]) -> str | None:
    """The column whose value comes next, if one does."""
    kinds = [token.type for token in tokens]
    if kinds[-1:] == ["OPERATOR"] or kinds[-1:] == ["_HAS"] or kinds[-1:] == ["_BETWEEN"]:
        return _name_before(tokens, len(tokens) - 1)
    if kinds[-1:] == ["_AND"] and "_BETWEEN" in kinds:
        place = len(kinds) - 1 - kinds[::-1].index("_BETWEEN")
        if "_AND" not in kinds[place:-1]:
            return _name_before(tokens, place)
    if kinds and kinds[-1] in ("LPAR", "COMMA") and "_IN" in kinds:
        place = len(kinds) - 1 - kinds[::-1].index("_IN")
        if set(kinds[place + 1 :]) <= {"LPAR", "COMMA", "STRING", "NAME", "NUMBER", "DATE", "RELATIVE", "SIGN"}:
            return _name_before(tokens, place)
    return None


def _name_before(tokens: list[Token], place: int) -> str | None:
    while place > 0 and tokens[place - 1].type == "_NOT":
        place -= 1
    return str(tokens[place - 1]) if place > 0 and tokens[place - 1].type == "NAME" else None


class _Suggestions:
    """Suggestions that go on with what was begun."""

    def __init__(self, index: Index, metrics: Metrics, begun: str) -> None:
        self._index = index
        self._metrics = metrics
        self._begun = begun

    def words(self, accepted: set[str], tokens: list[Token]) -> Iterator[Suggestion]:
        """Columns where a condition begins; after a column what may be done with it; after a condition what binds."""
        last = tokens[-1].type if tokens else ""
        begins = not tokens or last in _BEFORE_NAMES
        if "NAME" in accepted and begins:
            yield from self._names()
        if last == "NAME":
            yield from self._operators(str(tokens[-1]), accepted)
        if "DIRECTION" in accepted:
            ways = _DIRECTIONS if self._has_best(str(tokens[-1])) else _DIRECTIONS[1:]
            yield from (Suggestion(word, "keyword", _DETAILS[word]) for word in self._going_on(ways))
        words = [word for name, word in _KEYWORDS.items() if name in accepted]
        yield from (Suggestion(word, "keyword", _DETAILS.get(word, "")) for word in self._going_on(words))
        if "NAME" in accepted and not begins and self._begun and last != "_AS":
            yield from self._names()

    def _has_best(self, name: str) -> bool:
        metric = self._metrics.find(name) if name in self._index.columns else None
        return metric is not None and (metric.lower_is_better is not None or metric.target is not None)

    def _names(self) -> Iterator[Suggestion]:
        columns = self._index.columns
        begun = self._begun.lower()
        titled = [name for title, name in TITLES.items() if begun and title.startswith(begun) and name in columns]
        for name in dict.fromkeys([*self._going_on(columns), *titled]):
            metric = self._metrics.find(name)
            yield Suggestion(name, "column", metric.title if metric else str(columns[name].info["kind"]))
        if begun:  # there may be hundreds of parameters
            for name in self._index.texts.spoken_names():
                own = name.lower()
                if not _WRITABLE.fullmatch(name):
                    continue
                if own.startswith(begun) or own.rpartition(".")[2].startswith(begun):
                    detail = "the steps before the model" if name == PREPROCESSING else "parameter of a step"
                    yield Suggestion(name, "parameter", detail)

    def _operators(self, name: str, accepted: set[str]) -> Iterator[Suggestion]:
        column = self._column(name)
        if name == "tags":
            suited: tuple[str, ...] = ("has", "is null", "is not null")
        elif name.lower() == PREPROCESSING:
            suited = _TEXT_OPERATORS
        elif column is None:
            suited = tuple(dict.fromkeys((*_NUMBER_OPERATORS, *_TEXT_OPERATORS)))
        else:
            suited = _TEXT_OPERATORS if column.info["kind"] == "text" else _NUMBER_OPERATORS
        possible = {word for kind, words in _OPERATORS.items() if kind in accepted for word in words}
        for word in self._going_on(word for word in suited if word in possible):
            yield Suggestion(word, "operator", _DETAILS.get(word, ""))

    def _column(self, name: str) -> Any:
        columns, own = self._index.columns, name.lower()
        found = columns.get(ALIASES.get(own, name))
        if found is None and own in TITLES and not self._is_parameter(own):
            found = columns.get(TITLES[own])
        return found

    def _is_parameter(self, name: str) -> bool:
        return any(one.lower().rpartition(".")[2] == name for one in self._index.texts.spoken_names())

    def values(self, name: str) -> Iterator[Suggestion]:
        """Values that the column or parameter has, as they are written in a query."""
        start = self._begun.lstrip("'").replace("''", "'")
        column = self._column(name)
        if name == "tags":
            for tag, count in self._index.texts.known_tags(start, MAX_SUGGESTIONS):
                yield Suggestion(quote(tag), "value", counted(count, "result"))
        elif column is not None and column.info["kind"] in ("text", "date"):
            for value in self._index.results.values(column.name, start, MAX_SUGGESTIONS):
                yield Suggestion(quote(value), "value")
            if name == "status" and _DAMAGED.startswith(start):
                yield Suggestion(quote(_DAMAGED), "value", "its folder can't be read")
        elif column is not None and column.info["kind"] == "time":
            yield from (Suggestion(word, "value") for word in self._going_on(_TIMES))
        elif column is None:
            for value in self._index.texts.parameter_values(name, start, MAX_SUGGESTIONS):
                yield Suggestion(value if _is_number(value) else quote(value), "value")

    def _going_on(self, words: Iterable[str]) -> list[str]:
        """Those that begin as it was begun, then those that contain it."""
        begun = fold(self._begun)
        own = [(fold(word), word) for word in words]
        first = [word for folded, word in own if folded.startswith(begun)]
        return first + [word for folded, word in own if begun and begun in folded[1:] and word not in first]


_DETAILS = {
    "~": "contains",
    "contains": "the same as ~",
    "yesterday": "created then",
    "!~": "does not contain",
    "in": "one of several",
    "is null": "has no value",
    "is not null": "has a value",
    "has": "is tagged with",
    "best": "the best first",
    "asc": "the smallest first",
    "desc": "the largest first",
    "last 7 days": "since then: when it was created, or what stands before",
}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
