"""Groups of results as a table: one row for each group with its counts and the best, mean and spread of metrics.

There are few groups compared with results, so they are all held in memory and sorted here. The best value is marked
on each dataset apart, for errors on one say nothing about those on another; where groups have results of several
datasets nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtGui import QFont

from gui.formats import cell_text, integer_text, number_text, parameter_text, plain_text, tr
from gui.models.columns import (
    ALIKE,
    LEFT,
    RIGHT,
    SORT_ROLE,
    TITLES,
    AnyIndex,
    Column,
    best_sign,
    direction_text,
    sort_sign,
    words_text,
)
from gui.query_text import SortKey, also_sorted_by, equals, sorted_by

if TYPE_CHECKING:
    from storage import Metric

COUNTS = {"results": "Results", "completed": "Completed", "failed": "Failed"}
KINDS = {"best": "best {metric}", "mean": "mean {metric}", "std": "std {metric}"}
DATASET = "dataset_name"
Row = dict[str, Any]


class GroupsModel(QAbstractTableModel):
    """Shows groups as `catalog.group` gives them with their datasets; `by` are the columns grouped by.

    `mixed` tells whether a group has results of several datasets.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.by: tuple[str, ...] = ()
        self.mixed = False
        self.columns: list[Column] = []
        self.sorts: tuple[SortKey, ...] = (SortKey("results", True),)
        self._rows: list[Row] = []
        self._best: dict[tuple[str, str], float] = {}  # by column and dataset
        self._bold = QFont()
        self._bold.setBold(True)

    def show(self, by: Sequence[str], rows: Sequence[Row], metrics: Mapping[str, Metric]) -> None:
        """Show these groups, sorted as before as far as the columns are still there."""
        self.beginResetModel()
        self.by = tuple(by)
        told = list(rows[0]) if rows else [*by, *COUNTS]
        names = sorted((name for name in told if name != DATASET or name in by), key=_rank)
        self.columns = [_column(name, self.by, metrics) for name in names]
        self.mixed = DATASET not in by and any(row[DATASET] is None for row in rows)
        self._best = {} if self.mixed else _best(self.columns, rows)
        self.sorts = tuple(key for key in self.sorts if key.name in names) or (SortKey("results", True),)
        self._rows = _sorted(rows, self.sorts)
        self.endResetModel()

    def click(self, section: int, further: bool) -> None:
        """Sort by a column, or by it after the others."""
        column = self.columns[section]
        change = also_sorted_by if further else sorted_by
        self.sorts = change(self.sorts, _first_sort(column))
        self.beginResetModel()
        self._rows = _sorted(self._rows, self.sorts)
        self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)

    def condition(self, row: int) -> str:
        """Write the condition that leaves the results of a group."""
        return " and ".join(equals(name, self._rows[row][name]) for name in self.by)

    def text(self, rows: Sequence[int]) -> str:
        """Write groups as tab-separated lines in full precision, with a header."""
        keys = [column.key for column in self.columns]
        lines = ["\t".join(keys), *("\t".join(cell_text(self._rows[row][key]) for key in keys) for row in rows)]
        return "\n".join(lines)

    # --- what the view asks ---

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._header_tip(column)
        if role in (SORT_ROLE, Qt.ItemDataRole.AccessibleTextRole):
            return sort_sign(column.key, column.title, self.sorts, role)
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column, row = self.columns[index.column()], self._rows[index.row()]
        value = row.get(column.key)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(column, row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align
        if role == Qt.ItemDataRole.UserRole:
            return value
        if role == Qt.ItemDataRole.FontRole:
            return self._bold if self._rank(column, row) == "best" else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(column, row) or None
        return None

    def _text(self, column: Column, row: Row) -> str:
        text, rank = column.format(row.get(column.key)), self._rank(column, row)
        if not rank or column.metric is None:
            return text
        return f"{best_sign(column.metric) if rank == 'best' else ALIKE} {text}"

    def _rank(self, column: Column, row: Row) -> str:
        """Tell whether a value is the "best" on its dataset or can't be told from it as "written"; else ""."""
        best, value = self._best.get((column.key, row.get(DATASET) or "")), row.get(column.key)
        if best is None or value is None:
            return ""
        if value == best:
            return "best"
        return "written" if column.format(value) == column.format(best) else ""

    def _tip(self, column: Column, row: Row) -> str:
        text, rank = plain_text(row.get(column.key)), self._rank(column, row)
        if rank == "best":
            words = tr("The best of {dataset} among these groups")
            return f"{text}\n{words.format(dataset=row.get(DATASET) or tr('what has no dataset'))}"
        return f"{text}\n{tr('As good as the best in the digits shown')}" if rank == "written" else text

    def _header_tip(self, column: Column) -> str | None:
        """Say which end of a metric is best and, where no value is marked, why."""
        if column.metric is None:
            return None
        lines = [tr("{title}: {direction}").format(title=column.metric.title, direction=direction_text(column.metric))]
        if not column.key.startswith("best_"):
            return lines[0]
        if column.metric.target is not None:
            target = parameter_text(column.metric.target)
            lines.append(tr("How far from {target} the nearest value is").format(target=target))
        if self.mixed:
            lines.append(tr("No best value is marked: there are groups with results of several datasets."))
            lines.append(tr("Group by dataset, too, or filter for one dataset."))
        return "\n".join(lines)


def _rank(name: str) -> int:
    """Put the best values first, of the validation before the test: so the main one of each task is in view."""
    if not name.startswith(("best_", "mean_", "std_")):
        return 0
    return 1 if name.startswith("best_val_") else 2 if name.startswith("best_") else 3


def _column(name: str, by: Sequence[str], metrics: Mapping[str, Metric]) -> Column:
    """Make the column of a name that `catalog.group` gives."""
    if name in by:
        return Column(name, tr(TITLES.get(name, name)), LEFT, words_text)
    if name in COUNTS:
        return Column(name, tr(COUNTS[name]), RIGHT, integer_text)
    kind, _, metric_name = name.partition("_")
    metric = metrics.get(metric_name)
    write: Callable[[Any], str] = partial(number_text, digits=metric.digits) if metric is not None else number_text
    title = tr(KINDS[kind]).format(metric=metric_name) if kind in KINDS else name
    return Column(name, title, RIGHT, write, metric)


def _best(columns: Sequence[Column], rows: Sequence[Row]) -> dict[tuple[str, str], float]:
    """Find the best value of each metric on each dataset; of a metric with a target it is the smallest distance."""
    found: dict[tuple[str, str], float] = {}
    for column in columns:
        if column.metric is None or not column.key.startswith("best_"):
            continue
        better = max if column.metric.lower_is_better is False else min
        for row in rows:
            value, place = row.get(column.key), (column.key, row.get(DATASET) or "")
            if value is not None and value == value:
                found[place] = better(found.get(place, value), value)
    return found


def _first_sort(column: Column) -> SortKey:
    if column.metric is None or column.key.startswith("std_"):
        return SortKey(column.key, column.key in COUNTS)
    return SortKey(column.key, column.metric.lower_is_better is False)


def _sorted(rows: Sequence[Row], sorts: Sequence[SortKey]) -> list[Row]:
    """Sort by several keys; what has no value comes last, whichever way."""
    found = list(rows)
    for sort in reversed(sorts):
        there = [row for row in found if row.get(sort.name) is not None]
        missing = [row for row in found if row.get(sort.name) is None]
        found = sorted(there, key=lambda row, name=sort.name: row[name], reverse=sort.falling) + missing  # type: ignore[misc]
    return found
