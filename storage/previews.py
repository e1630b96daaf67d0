"""Looking before training: what a data file seems to hold, and what pipeline configurations come to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.configs import ConfigSpec, PipelineConfig, StepSpec, expand, inline_configs, read_specs
from storage.datasets import (
    ENCODING,
    SPLIT_WORDS,
    TARGET_WORDS,
    TEST_WORDS,
    TRAIN_WORDS,
    WINDOWS,
    Incomplete,
    candidates,
    guess_column,
    guess_id,
    is_number,
    looks_like_classes,
    numbers,
    read_table,
    rows_without,
    units_in,
)

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS_DESCRIBED = 200  # of those that may be a target; spectra are not counted
_CLASSES_SHOWN = 50
_MOST_BINS = 30
_SPECTRA_DRAWN = 40
_POINTS_DRAWN = 500


@dataclass(frozen=True)
class ColumnPreview:
    """A column that may be a target or a split: how its values are distributed.

    For classes `classes` are the most frequent labels with their counts. For numbers `edges` (n + 1) and `counts` (n)
    are a histogram from the lowest to the highest. `split` is how many rows say train and test where every row says
    one of the two.
    """

    name: str
    task: str
    missing: int
    n_classes: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    split: tuple[int, int] | None = None

    @property
    def units(self) -> str:
        """The units its name ends with, empty where it doesn't."""
        return units_in(self.name)


@dataclass(frozen=True)
class DataPreview:
    """What a data file seems to hold: its columns, first rows, and guesses for the roles of columns.

    `columns` names what may be a target first, then the wavelengths. `axis` (points,) and `spectra` (samples, points)
    are some of the samples, thinned out for a small drawing; empty where columns are no wavelengths.
    `gaps` are the rows where a column has no value, for each that has such; `lacking` (samples,) in how many of the
    columns to learn from a sample has none; `named` what may be a target.
    `axis_unit` is empty where the columns don't tell it. `target` is None unless one column alone can be meant.
    """

    path: Path
    n_rows: int
    n_columns: int
    columns: list[str]
    head: list[list[str]]
    target: str | None
    id_column: str | None
    split_column: str | None
    task: str | None
    described: dict[str, ColumnPreview] = field(default_factory=dict)
    features: frozenset[str] = frozenset()
    axis: tuple[float, ...] = ()
    axis_unit: str = ""
    spectra: tuple[tuple[float, ...], ...] = ()
    gaps: dict[str, NDArray[np.int64]] = field(default_factory=dict, compare=False, repr=False)
    lacking: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), compare=False, repr=False)
    named: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    encoding: str = ""

    @property
    def from_windows(self) -> bool:
        """Whether the text of the file was read as Windows-1252, as it is no UTF-8: a guess."""
        return self.encoding == WINDOWS

    @property
    def targets(self) -> list[str]:
        """The columns to choose a target from: all that are no wavelengths; any column where there are no others."""
        named = [column for column in self.columns if not is_number(column)]
        return named or self.columns

    def n_features(self, roles: Sequence[str]) -> int:
        """How many columns are trained on when those of `roles` have another part."""
        return len(self.features.difference(roles))

    def incomplete(self, targets: Sequence[str], roles: Sequence[str]) -> Incomplete:
        """The samples that lack a value of a target, or of a column that is trained on beside those of `roles`."""
        none = np.zeros(0, dtype=np.int64)
        lacking = self.lacking.copy()
        for role in self.features.intersection(roles):
            lacking[self.gaps.get(role, none)] -= 1
        in_features = np.flatnonzero(lacking > 0)
        in_target = np.unique(np.concatenate([none, *(self.gaps.get(target, none) for target in targets)]))
        others = self.features.difference(roles) if len(in_features) else frozenset()
        first = (column for column, rows in self.gaps.items() if column in others and rows[0] == in_features[0])
        return Incomplete(in_target, in_features, next(first, ""))

    def sample_name(self, row: int, id_column: str | None) -> str:
        """What the sample in a row is called, as training calls it."""
        known = self.named is not None and id_column in self.named.columns
        return str(self.named[id_column].iat[row]) if known and self.named is not None else str(row)

    def split_counts(
        self, split_column: str | None, test_size: float | None, left_out: Sequence[int] = ()
    ) -> tuple[int, int] | None:
        """How many samples would be for training and testing; None where the column doesn't say so for every row.

        Rows that are `left_out` are for neither.
        """
        if split_column is not None:
            column = self.described.get(split_column)
            counts = column.split if column is not None else None
            if counts is None or self.named is None or not len(left_out):
                return counts
            fewer = _split_of(self.named[split_column].iloc[list(left_out)], 0) or (0, 0)
            return counts[0] - fewer[0], counts[1] - fewer[1]
        n_rows = self.n_rows - len(left_out)
        n_test = math.ceil(n_rows * test_size) if test_size else 0
        return n_rows - n_test, n_test


def preview_data(path: Path, rows: int = 8, columns: int = 12) -> DataPreview:
    """Look at a data file, so that a form can be filled in. Raises NotFound or BadInput."""
    table, axis_unit = read_table(Path(path))
    names = [str(column) for column in table.columns]
    axis = [column for column in names if is_number(column)]
    named = candidates(table)
    ordered = named + axis
    id_column = guess_id(table, [])
    split_column = guess_column(table, SPLIT_WORDS, [])
    target = _only_target(table, [c for c in named if c not in (id_column, split_column)])
    task = None
    if target is not None:
        task = "classification" if looks_like_classes(table[target]) else "regression"
    shown = table[ordered[:columns]].head(rows)
    head = [[_cell(value) for value in row] for row in shown.to_numpy(dtype=object)]
    numeric = [column for column in named if table[column].dtype.kind in "fiub"]
    points, spectra = _some_spectra(table, axis)
    features, gaps = frozenset(axis or numeric), _gaps(table, named, axis)
    lacking = np.zeros(len(table), dtype=np.int64)
    for column in features.intersection(gaps):
        lacking[gaps[column]] += 1
    return DataPreview(
        Path(path),
        len(table),
        len(names),
        ordered,
        head,
        target,
        id_column,
        split_column,
        task,
        {column: _describe(table[column]) for column in named[:_COLUMNS_DESCRIBED]},
        features,
        points,
        axis_unit,
        spectra,
        gaps,
        lacking,
        table[named],
        table.attrs.get(ENCODING, ""),
    )


def _gaps(table: pd.DataFrame, named: Sequence[str], axis: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The rows where a column has no value, for each that has such, wavelengths in the order of the file."""
    found = {column: rows_without(table[column]) for column in named}
    gaps = ~np.isfinite(numbers(table, axis))
    found |= {axis[place]: np.flatnonzero(gaps[:, place]) for place in np.flatnonzero(gaps.any(axis=0)).tolist()}
    return {column: rows for column, rows in found.items() if len(rows)}


def _only_target(table: pd.DataFrame, named: Sequence[str]) -> str | None:
    """The column with a target's usual name, else the only one of numbers, else the only one.

    None where several may be meant, lest a wrong one be trained on.
    """
    usual = guess_column(table[list(named)], TARGET_WORDS, [])
    numeric = [column for column in named if table[column].dtype.kind in "fiub"]
    meant = [usual] if usual is not None else numeric or named
    return meant[0] if len(meant) == 1 else None


def _cell(value: Any) -> str:
    """A value as a preview shows it: six digits are enough to recognise a number."""
    if value is None or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _describe(values: pd.Series[Any]) -> ColumnPreview:
    name, missing = str(values.name), int(values.isna().sum())
    known = values.dropna()
    if looks_like_classes(values):
        counted = known.astype(str).value_counts()
        shown = tuple((str(label), int(count)) for label, count in counted.head(_CLASSES_SHOWN).items())
        return ColumnPreview(name, "classification", missing, len(counted), shown, split=_split_of(known, missing))
    measured = known.to_numpy(dtype=np.float64)
    measured = measured[np.isfinite(measured)]
    if not len(measured):
        return ColumnPreview(name, "regression", len(values))
    bins = min(_MOST_BINS, max(5, math.ceil(math.sqrt(len(measured)))))
    counts, edges = np.histogram(measured, bins)
    return ColumnPreview(
        name, "regression", len(values) - len(measured), edges=tuple(edges.tolist()), counts=tuple(counts.tolist())
    )


def _split_of(known: pd.Series[Any], missing: int) -> tuple[int, int] | None:
    words = known.astype(str).str.strip().str.lower()
    test, train = int(words.isin(TEST_WORDS).sum()), int(words.isin(TRAIN_WORDS).sum())
    return (train, test) if not missing and train + test == len(words) else None


def _some_spectra(table: pd.DataFrame, axis: Sequence[str]) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Some spectra from all over the file, with so many points as a small drawing can show, in order of the axis."""
    if len(axis) < 2:
        return (), ()
    rows = np.unique(np.linspace(0, len(table) - 1, _SPECTRA_DRAWN).astype(int))
    sorted_axis = sorted(axis, key=float)
    places = np.unique(np.linspace(0, len(sorted_axis) - 1, _POINTS_DRAWN).astype(int))
    columns = [sorted_axis[place] for place in places]
    block = numbers(table.iloc[rows], columns)
    whole = block[np.isfinite(block).all(axis=1)]
    return tuple(float(column) for column in columns), tuple(tuple(row.tolist()) for row in whole)


# ---------------------------------------------------------------- configurations


@dataclass(frozen=True)
class ConfigPreview:
    """What one configuration comes to: its steps, the values its grid tries, how many pipelines that makes.

    `grid` has a name and the values as words for each parameter or step that varies, `cv` says the folds. Of the
    pipelines `for_regression` and `for_classification` have a model made for that task, as far as its name tells.
    """

    name: str
    description: str
    steps: tuple[str, ...]
    grid: tuple[tuple[str, tuple[str, ...]], ...]
    cv: str
    count: int
    for_regression: int = 0
    for_classification: int = 0

    def unfit(self, task: str | None) -> int:
        """How many of the pipelines are made for the other task than `task`."""
        return {"regression": self.for_classification, "classification": self.for_regression}.get(task or "", 0)


def preview_configs(source: Path | Sequence[Mapping[str, Any]]) -> list[ConfigPreview]:
    """Look at a configuration file, or at configurations as a run request holds them. Raises BadInput, NotFound."""
    if isinstance(source, Path):
        file = str(source)
        return [_config_preview(spec, expand(spec, file), source.stem) for spec in read_specs(source)]
    found = []
    for entry in source:
        known = {key: value for key, value in entry.items() if key not in ("pipeline_name", "config_file")}
        name = str(entry.get("pipeline_name") or "")
        pipelines = inline_configs([entry])
        found.append(_config_preview(ConfigSpec.model_validate(known), pipelines, "", name))
    return found


def _config_preview(
    spec: ConfigSpec, pipelines: Iterable[PipelineConfig], fallback: str, name: str = ""
) -> ConfigPreview:
    made_for = Counter(pipeline.made_for() for pipeline in pipelines)
    grid = tuple((key, tuple(_value_text(value) for value in values)) for key, values in (spec.grid or {}).items())
    return ConfigPreview(
        name or spec.name or fallback,
        spec.description,
        tuple(_step_text(step) for step in spec.steps),
        grid,
        _cv_text(spec.cv),
        made_for.total(),
        made_for["regression"],
        made_for["classification"],
    )


def _step_text(step: StepSpec) -> str:
    params = ", ".join(f"{key}={_value_text(value)}" for key, value in step.params.items())
    short = step.class_path.rpartition(".")[2]
    text = f"{short}({params})" if params else short
    return f"{step.name}: {text}" if step.name and step.name != short else text


def _cv_text(cv: Mapping[str, Any] | None) -> str:
    if cv is None:
        return ""
    if "class" in cv:
        return _value_text(dict(cv))
    return f"{cv.get('n_splits', 5)}-fold"


def _value_text(value: Any) -> str:
    """One value of a grid in a few words: a number, a step with its parameters, several steps in a row, none."""
    if value is None or value == []:
        return "none"
    if isinstance(value, Mapping):
        if "class" not in value:
            return ", ".join(f"{key}={_value_text(item)}" for key, item in value.items())
        short = str(value.get("name") or str(value["class"]).rpartition(".")[2])
        params = value.get("params") or {}
        inner = ", ".join(f"{key}={_value_text(item)}" for key, item in params.items()) if params else ""
        return f"{short}({inner})" if inner else short
    if isinstance(value, list):
        together = " + " if any(isinstance(item, Mapping) for item in value) else ", "
        return together.join(_value_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
