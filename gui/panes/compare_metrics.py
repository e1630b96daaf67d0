"""The metrics of the compared pipelines: bars, the best of each, and how much better or worse than the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import MISSING, number_text, tr
from gui.models.columns import RIGHT, best_of, best_sign
from gui.models.compared import Facts
from gui.panes.compare_table import NOWHERE, AnyIndex, CompareModel, CompareTable, word_colour
from gui.shortening import in_sight
from gui.theme import theme

if TYPE_CHECKING:
    from storage import Metric

CELL = Qt.ItemDataRole.UserRole + 20
LEAST_WIDTH, WIDEST_COLUMN = 184, 260
VALUE_SHARE = 0.38  # of a cell's width; the rest says how much better or worse
BAR_ALPHA, BAR_HEIGHT = 150, 3
MARGIN = 8  # as far from the edges of a cell as in other tables


@dataclass(frozen=True)
class Cell:
    """One metric of one pipeline as it is painted: the bar from `start` to `end` of the width, 0 to 1."""

    value: str
    change: str
    better: bool | None
    best: bool
    start: float
    end: float

    def text(self) -> str:
        """Return it as words."""
        return f"{self.value} ({self.change})" if self.change else self.value


def is_better(metric: Metric | None, value: float, than: float) -> bool | None:
    """Whether a value is better than another; None where they are equal, or where nobody knows."""
    if metric is None or value == than:
        return None
    if metric.target is not None:
        near, far = abs(value - metric.target), abs(than - metric.target)
        return None if near == far else near < far
    return None if metric.lower_is_better is None else (value < than) == metric.lower_is_better


def change_text(metric: Metric | None, value: float, baseline: float) -> str:
    """Say how far a value is from the baseline's, with a sign for up or down and a word for better or worse."""
    if value == baseline:
        return tr("= same")
    better = is_better(metric, value, baseline)
    word = {True: tr("better"), False: tr("worse"), None: ""}[better]
    size = number_text(abs(value - baseline), 2)
    return f"{'▲' if value > baseline else '▼'} {size} {word}".rstrip()


class MetricsModel(CompareModel):
    """Columns are the metrics of one partition; UserRole is the number in full precision."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.partition = "val"
        self._facts = Facts({}, {})
        self._columns: list[str] = []
        self._cells: dict[tuple[int, int], Cell] = {}

    def show_facts(self, facts: Facts, partition: str) -> None:
        """Show the metrics of a partition."""
        self.beginResetModel()
        self._facts, self.partition = facts, partition
        self.arrange()
        self.endResetModel()

    def arrange(self) -> None:
        rows = [one.row for one in self.pipelines]
        self._columns = [
            name
            for name in self._facts.metrics
            if name.startswith(f"{self.partition}_") and any(row.get(name) is not None for row in rows)
        ]
        self._cells = {}
        for column, name in enumerate(self._columns):
            self._fill(column, name)

    def value(self, row: int, column: int) -> float | None:
        """Return a metric of a pipeline, None where it has none."""
        value = self.pipelines[row].row.get(self._columns[column])
        return float(value) if isinstance(value, (int, float)) and not math.isnan(value) else None

    def cell(self, row: int, column: int) -> Cell | None:
        """Return what is painted in a cell."""
        return self._cells.get((row, column))

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def sort_key(self, row: int, column: int) -> float | None:
        return self.value(row, column)

    def title(self, section: int, role: int) -> Any:
        if not 0 <= section < len(self._columns):
            return None
        metric = self._facts.metrics[self._columns[section]]
        if role == Qt.ItemDataRole.DisplayRole:
            return metric.title
        if role == Qt.ItemDataRole.ToolTipRole:
            words = {True: tr("lower is better"), False: tr("higher is better"), None: tr("direction unknown")}
            said = words[metric.lower_is_better]
            if metric.target is not None:
                said = tr("best near {target}").format(target=number_text(metric.target))
            return tr("{title}: {direction}\nIn queries: {key}").format(
                title=metric.title, direction=said, key=self._columns[section]
            )
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.pipelines):
            return None
        if role == Qt.ItemDataRole.UserRole:
            return self.value(index.row(), index.column())
        cell = self.cell(index.row(), index.column())
        if role == CELL:
            return cell
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            text = cell.text() if cell is not None else MISSING
            return tr("{text}, the best").format(text=text) if cell is not None and cell.best else text
        return RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _target(self, row: int) -> str:
        return self._facts.targets.get(self.pipelines[row].picked.prediction_id, "")

    def _has_target_of_baseline(self, row: int) -> bool:
        """Whether a pipeline predicts what the baseline does, as far as is known: no other can be better or worse."""
        base = next((number for number, one in enumerate(self.pipelines) if one.baseline), row)
        return self._target(row) in ("", self._target(base)) or not self._target(base)

    def _fill(self, column: int, name: str) -> None:
        metric = self._facts.metrics[name]
        values = [self.value(row, column) for row in range(len(self.pipelines))]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        same = [self._has_target_of_baseline(row) for row in range(len(values))]
        good = [v for v, is_same in zip(values, same, strict=True) if is_same and v is not None and math.isfinite(v)]
        best = best_of(metric, good) if len(good) > 1 else None
        base = next((v for v, one in zip(values, self.pipelines, strict=True) if one.baseline), None)
        low, high = min([0.0, *finite]), max([0.0, *finite])
        whole = (high - low) or 1.0
        for row, value in enumerate(values):
            if value is None:
                continue
            change, better = "", None
            if self.pipelines[row].baseline:
                change = tr("baseline")
            elif not same[row]:
                change = tr("of {target}").format(target=self._target(row))
            elif base is not None:
                change, better = change_text(metric, value, base), is_better(metric, value, base)
            is_best = best is not None and same[row] and value == best
            shown = number_text(value, metric.digits)
            at = min(max(value, low), high) if math.isfinite(value) else low
            start, end = sorted(((0.0 - low) / whole, (at - low) / whole))
            self._cells[row, column] = Cell(
                f"{best_sign(metric)} {shown}" if is_best else shown, change, better, is_best, start, end
            )


class MetricDelegate(QStyledItemDelegate):
    """Paints a bar below the value, and beside it the change against the baseline."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        styled = QStyleOptionViewItem(option)
        self.initStyleOption(styled, index)
        styled.text = ""
        style = styled.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, styled, painter, styled.widget)
        assert isinstance(styled.widget, QAbstractItemView)
        seen = in_sight(option.rect, styled.widget.viewport().rect())
        if seen.width() < option.rect.width():  # half a number would be another one
            painter.setPen(word_colour("muted"))
            painter.drawText(seen.adjusted(MARGIN, 0, -MARGIN, 0), RIGHT, "…")
            return
        cell = index.data(CELL)
        rect = QRectF(option.rect).adjusted(MARGIN, 0, -MARGIN, 0)
        colours = theme().colours
        painter.save()
        if cell is None:
            painter.setPen(QColor(colours.muted))
            left = QRectF(rect.left(), rect.top(), rect.width() * VALUE_SHARE, rect.height())
            painter.drawText(left, RIGHT, MISSING)
            painter.restore()
            return
        bar = QColor(colours.accent)
        bar.setAlpha(BAR_ALPHA)
        width = max(1.0, (cell.end - cell.start) * rect.width())
        bottom = rect.bottom() - BAR_HEIGHT  # below the words, which are read on the plain ground
        painter.fillRect(QRectF(rect.left() + cell.start * rect.width(), bottom, width, BAR_HEIGHT), bar)
        font = QFont(styled.font)
        font.setBold(cell.best)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        painter.drawText(QRectF(rect.left(), rect.top(), rect.width() * VALUE_SHARE, rect.height()), RIGHT, cell.value)
        painter.setFont(styled.font)
        painter.setPen(word_colour({True: "good", False: "bad", None: "muted"}[cell.better]))
        rest = rect.width() * (1 - VALUE_SHARE)
        painter.drawText(QRectF(rect.right() - rest, rect.top(), rest, rect.height()), RIGHT, cell.change)
        painter.restore()


class MetricsTable(CompareTable):
    """The columns share the width, as many as can be read whole; the others are further to the right."""

    def fit_names(self) -> None:
        super().fit_names()
        room = self.width() - self.verticalHeader().width() - self.verticalScrollBar().sizeHint().width()
        count = max(1, min(self._model.columnCount(), room // LEAST_WIDTH))
        self.horizontalHeader().setDefaultSectionSize(max(LEAST_WIDTH, min(WIDEST_COLUMN, room // count)))

    def columns_need(self) -> int:
        return self._model.columnCount() * LEAST_WIDTH


class MetricsView(QWidget):
    """The table of metrics."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = MetricsModel(self)
        self.table = MetricsTable(self.model, tr("Metrics of the compared pipelines"))
        self.table.setItemDelegate(MetricDelegate(self.table))
        self.table.picked.connect(self.picked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        theme().changed.connect(self.table.viewport().update)
