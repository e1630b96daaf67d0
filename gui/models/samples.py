"""The predictions of a pipeline as a table model over arrays: sorted and narrowed with numpy, quick at any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from gui.formats import MISSING, cell_text, number_text, tr
from gui.models.columns import LEFT, RIGHT, SORT_ROLE, AnyIndex, sort_sign
from gui.models.points_rows import Numbers, SampleRows
from gui.query_text import SortKey
from gui.theme import theme

DIGITS = 4
ROWS_COPIED = 50_000


@dataclass(frozen=True)
class SampleColumn:
    """One column: `values` (n,) sort it, `text` writes a row, `plain` is what is copied.

    Where `largest_first`, a first click on the title puts the largest value on top; the partition has its marker.
    """

    title: str
    align: Qt.AlignmentFlag
    values: Numbers
    text: Callable[[int], str]
    plain: Callable[[int], Any]
    largest_first: bool = False
    tip: str = ""
    marker: bool = False


def sample_columns(rows: SampleRows, targets: Sequence[str]) -> list[SampleColumn]:
    """Make the columns of a pipeline's predictions; `targets` name what was predicted.

    What was measured and predicted goes before where the sample was: a narrow pane shows whole numbers.
    """
    columns = [SampleColumn(tr("Sample"), LEFT, rows.name_ranks, rows.names.__getitem__, rows.names.__getitem__)]
    places = [
        SampleColumn(tr("Partition"), LEFT, rows.partitions, rows.partition, rows.partition, marker=True),
        SampleColumn(tr("Fold"), RIGHT, rows.folds, *_numbers(rows.folds, whole=True)),
    ]
    if rows.labels:
        return [*columns, *_class_columns(rows), *places]
    count = rows.truth.shape[1] if len(rows) else 0
    for target in range(count):
        name = f" {targets[target]}" if count > 1 and target < len(targets) else ""
        truth, predicted = rows.truth[:, target], rows.predicted[:, target]
        residual = predicted - truth
        columns += [
            SampleColumn(tr("Measured") + name, RIGHT, truth, *_numbers(truth)),
            SampleColumn(tr("Predicted") + name, RIGHT, predicted, *_numbers(predicted)),
            SampleColumn(
                tr("Residual") + name, RIGHT, np.abs(residual), *_numbers(residual), largest_first=True,
                tip=tr("Predicted minus measured; sorted by size, whatever the sign"),
            ),
        ]  # fmt: skip
    return [*columns, *places]


def _class_columns(rows: SampleRows) -> list[SampleColumn]:
    truth, predicted = rows.truth[:, 0], rows.predicted[:, 0]
    right = truth == predicted

    def class_text(values: Numbers) -> Callable[[int], str]:
        return lambda row: rows.label(values[row]) or MISSING

    def right_text(row: int) -> str:
        return tr("✓ right") if right[row] else tr("✗ wrong")

    columns = [
        SampleColumn(tr("True"), LEFT, truth, class_text(truth), class_text(truth)),
        SampleColumn(tr("Predicted"), LEFT, predicted, class_text(predicted), class_text(predicted)),
        SampleColumn(tr("Right"), LEFT, right.astype(np.int8), right_text, lambda row: bool(right[row])),
    ]
    certainty = rows.certainty()
    if certainty is not None:
        columns.append(SampleColumn(tr("Probability"), RIGHT, certainty, *_numbers(certainty)))
    return columns


def _numbers(values: Numbers, *, whole: bool = False) -> tuple[Callable[[int], str], Callable[[int], Any]]:
    """How numbers are written and copied."""

    def text(row: int) -> str:
        value = float(values[row])
        if value != value:
            return MISSING
        return str(int(value)) if whole else number_text(value, DIGITS)

    def plain(row: int) -> Any:
        value = float(values[row])
        return None if value != value else int(value) if whole else value

    return text, plain


class SamplesModel(QAbstractTableModel):
    """Shows SampleRows, or some of them, in the order of a column; no value comes last either way."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows = SampleRows()
        self.columns: list[SampleColumn] = sample_columns(self.rows, ())
        self.order: Numbers = np.empty(0, dtype=int)  # rows of SampleRows as they are shown
        self._only: Numbers | None = None
        self.sorted_by: tuple[int, bool] | None = None  # column, and whether the largest comes first

    def show(self, rows: SampleRows, targets: Sequence[str]) -> None:
        """Show other predictions, all of them, sorted by the same column if there is one."""
        self.beginResetModel()
        self.rows, self._only = rows, None
        self.columns = sample_columns(rows, targets)
        self.order = self._ordered()
        self.endResetModel()

    def narrow(self, only: Numbers | None) -> None:
        """Show only these rows of SampleRows; None shows all."""
        self.beginResetModel()
        self._only = only
        self.order = self._ordered()
        self.endResetModel()

    def place_of(self, row: int) -> int:
        """Return where a row of SampleRows is shown, -1 if it is not."""
        found = np.flatnonzero(self.order == row)
        return int(found[0]) if len(found) else -1

    def _ordered(self) -> Numbers:
        shown = np.arange(len(self.rows)) if self._only is None else np.asarray(self._only, dtype=int)
        if self.sorted_by is None or self.sorted_by[0] >= len(self.columns):
            return shown
        column, falling = self.sorted_by
        values = np.asarray(self.columns[column].values, dtype=float)[shown]
        missing = np.isnan(values)
        order = np.argsort(np.where(missing, np.inf, -values if falling else values), kind="stable")
        return np.asarray(shown[order])

    def click(self, column: int) -> None:
        """Sort by a column, the next time the other way round, the third time not at all."""
        first = self.columns[column].largest_first
        here = self.sorted_by[1] if self.sorted_by is not None and self.sorted_by[0] == column else None
        if here is None or here == first:
            falling = first if here is None else not first
            self.sort(column, Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder)
        else:
            self.sort(-1)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)

    # --- what the view asks ---

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [int(self.order[index.row()]) for index in before]
        self.sorted_by = (column, order == Qt.SortOrder.DescendingOrder) if column >= 0 else None
        self.order = self._ordered()
        places = {row: self.place_of(row) for row in set(kept)}
        after = [self.index(places[row], index.column()) for row, index in zip(kept, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.order)

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
            return column.tip or None
        if role in (SORT_ROLE, Qt.ItemDataRole.AccessibleTextRole):
            sorts = [SortKey(str(self.sorted_by[0]), self.sorted_by[1])] if self.sorted_by is not None else []
            return sort_sign(str(section), column.title, sorts, role)
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column, row = self.columns[index.column()], int(self.order[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell_text(column.plain(row)) or None
        if role == Qt.ItemDataRole.DecorationRole and column.marker:
            name = self.rows.partition(row)
            return theme().icon(f"marker-{name}", name)
        return None


def rows_text(columns: Sequence[SampleColumn], rows: Sequence[int]) -> str:
    """Write rows as tab-separated lines in full precision, with a header; at most fifty thousand."""
    lines = ["\t".join(column.title for column in columns)]
    lines += ["\t".join(cell_text(column.plain(row)) for column in columns) for row in rows[:ROWS_COPIED]]
    return "\n".join(lines)
