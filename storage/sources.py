"""What queries may speak of: columns, metrics and parameters, found by the names people give them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, false, or_

from storage.errors import QueryError
from storage.metrics import Metrics

_FREE_WORDS = ("pipeline_name", "config_name", "dataset_name", "model_type", "run_id")
ALIASES = {"created": "created_at", "noted": "noted_at"}  # what people say
TITLES = {  # short words that stand above columns: they mean these where no parameter is called so
    "dataset": "dataset_name", "model": "model_type", "pipeline": "pipeline_name", "configuration": "config_name",
    "task": "task_type", "run": "run_id", "samples": "n_samples", "features": "n_features", "folds": "n_folds",
}  # fmt: skip

Columns = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Parameter:
    """A pipeline parameter as a query sees it.

    `number` and `text` are its values where `where` looks for rows that meet a condition on them; `value` is that of
    a row, the smallest where its pipeline has several.
    """

    number: ColumnElement[Any]
    text: ColumnElement[Any]
    value: ColumnElement[Any]
    where: Callable[[ColumnElement[bool]], ColumnElement[bool]]


@dataclass(frozen=True)
class Source:
    """What queries may speak of: columns by name, metrics, and how words, tags and parameters are looked up.

    `damaged` are the results whose folder is damaged: a status that no column has.
    """

    columns: Columns
    metrics: Metrics = field(default_factory=Metrics)
    word: Callable[[str], ColumnElement[bool]] | None = None
    tagged: Callable[[str], ColumnElement[bool]] | None = None
    parameter: Callable[[str], Parameter | None] = lambda name: None
    parameter_names: Callable[[], list[str]] = list
    damaged: Callable[[], ColumnElement[bool]] | None = None

    def find(self, text: str) -> ColumnElement[bool]:
        """Rows with a word in them."""
        if self.word is not None:
            return self.word(text)
        names = [self.columns[name] for name in _FREE_WORDS if name in self.columns]
        return or_(false(), *(column.icontains(text, autoescape=True) for column in names))

    def named(self, name: str, computed: Columns, position: int) -> ColumnElement[Any] | Parameter:
        """What a name stands for: a column, one that the query computes, or a parameter.

        Raises QueryError for an unknown one, which stands at `position` in the query.
        """
        columns = {**self.columns, **computed}
        if name in columns:
            return columns[name]
        folded = {key.lower(): key for key in columns}
        if name.lower() in folded:
            return columns[folded[name.lower()]]
        if ALIASES.get(name.lower()) in columns:
            return columns[ALIASES[name.lower()]]
        parameter = self.parameter(name)
        if parameter is not None:
            return parameter
        if TITLES.get(name.lower()) in columns:
            return columns[TITLES[name.lower()]]
        kind, parameters = ("parameter" if "." in name else "column"), self.parameter_names()
        known = {**folded, **{one.lower(): one for one in parameters}}
        close = difflib.get_close_matches(name.lower(), known, 1, cutoff=0.5)
        shown = parameters if "." in name and parameters else list(columns)
        meant = known[close[0]] if close else ""
        hint = f"Did you mean {meant}?" if meant else f"There are {', '.join(shown[:6])}, …"
        raise QueryError(f"There is no {kind} '{name}'.", max(position, 0), len(name), hint)


def value_of(found: ColumnElement[Any] | Parameter) -> ColumnElement[Any]:
    """The value, in a row, of what a name stands for."""
    return found.value if isinstance(found, Parameter) else found
