"""The tables of the comparison: one row for each pipeline, the baseline first, each with its colour and marker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionHeader,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.formats import cell_text, tr
from gui.models.columns import LEFT
from gui.models.compared import Compared
from gui.panes.catalog_table import dress_table, frame_current
from gui.selection import Picked
from gui.shortening import shortened
from gui.theme import theme

AnyIndex = QModelIndex | QPersistentModelIndex
NARROWEST, WIDEST = 120, 184  # of the names
ICON = 28  # the sign before a name, and what is free around it
NOWHERE = QModelIndex()
# Corners and turn (in degrees) of the markers `charts.plot.symbol` chooses, in the same order; no corners is a circle.
_SHAPES = ((0, 0), (4, 45), (3, -90), (4, 0), (3, 90), (5, -90), (6, 0), (10, -90))


class CompareModel(QAbstractTableModel):
    """The compared pipelines as rows. Subclasses say what the columns are and what is in a cell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pipelines: list[Compared] = []

    def put(self, pipelines: Sequence[Compared]) -> None:
        """Show these pipelines, the baseline on top."""
        self.beginResetModel()
        self.pipelines = sorted(pipelines, key=lambda one: not one.baseline)
        self.arrange()
        self.endResetModel()

    def arrange(self) -> None:
        """Take over what the cells show of the pipelines; called while the model is reset."""

    def rowCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.pipelines)

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            return self.title(section, role)
        if not 0 <= section < len(self.pipelines):
            return None
        one = self.pipelines[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return numbered(one)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr("{name}, the baseline").format(name=one.label) if one.baseline else one.label
        if role == Qt.ItemDataRole.DecorationRole:
            return swatch(one.colour, one.place, ringed=one.baseline)
        if role == Qt.ItemDataRole.ToolTipRole:
            return pipeline_tip(one)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT
        if role == Qt.ItemDataRole.FontRole and one.baseline:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def title(self, section: int, role: int) -> Any:
        """Return what the header says of a column."""
        return None

    def sort_key(self, row: int, column: int) -> float | None:
        """Return what a pipeline is sorted by, None to go last."""
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the pipelines below the baseline by a column."""
        sign = 1.0 if order == Qt.SortOrder.AscendingOrder else -1.0

        def key(row: int) -> tuple[bool, bool, float]:
            value = self.sort_key(row, column)
            return not self.pipelines[row].baseline, value is None, sign * (value or 0.0)

        wanted = sorted(range(len(self.pipelines)), key=key)
        self.beginResetModel()
        self.pipelines = [self.pipelines[row] for row in wanted]
        self.arrange()
        self.endResetModel()


class LegendModel(CompareModel):
    """The names alone, beside a chart."""

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else 1

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT
        if role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.DecorationRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.FontRole,
        ):
            return self.headerData(index.row(), Qt.Orientation.Vertical, role)
        return None


class RowNames(QHeaderView):
    """The names of the rows, shortened so that they can be told apart."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.setFixedWidth(NARROWEST)
        self.setHighlightSections(False)
        self.setIconSize(QSize(12, 12))

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, section: int) -> None:
        super().initStyleOptionForIndex(option, section)
        room = self.width() - self.style().pixelMetric(QStyle.PixelMetric.PM_HeaderMargin) * 4 - ICON
        option.text = shortened(option.text, option.fontMetrics, room)


class CompareTable(QTableView):
    """Shows a CompareModel. `picked` tells which pipeline somebody went to."""

    picked = Signal(object)

    def __init__(self, model: CompareModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._placing = False
        self.yielding = 0  # so many of the last columns make room for the names
        self._sorted = (-1, Qt.SortOrder.AscendingOrder)
        self.setModel(model)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalHeader(RowNames(self))
        dress_table(self)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.verticalHeader().setVisible(not isinstance(model, LegendModel))
        titles = self.horizontalHeader()
        titles.setHighlightSections(False)
        titles.setSectionsClickable(True)
        titles.setDefaultAlignment(LEFT)
        titles.sectionClicked.connect(self._sort)
        self.setIconSize(QSize(12, 12))
        self.selectionModel().currentRowChanged.connect(self._tell)
        model.modelAboutToBeReset.connect(self._hold)
        model.modelReset.connect(self._let_go)

    def chosen(self) -> list[Picked]:
        """Return the selected pipelines."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return [self._model.pipelines[row].picked for row in rows]

    def show_current(self, picked: Picked | None) -> None:
        """Make the row of a pipeline the current one, without telling of it."""
        row = next((n for n, one in enumerate(self._model.pipelines) if one.picked == picked), -1)
        if row < 0 or row == self.currentIndex().row():
            return
        self._placing = True
        column = max(0, self.currentIndex().column())
        index = self._model.index(row, column)
        self.selectionModel().setCurrentIndex(
            index, QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        )
        self.scrollTo(index)
        self._placing = False

    def keyboardSearch(self, search: str) -> None:
        """Letters are keys of commands here."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.selected_text())
            return
        super().keyPressEvent(event)

    def selected_text(self) -> str:
        """Return the selected rows with names and titles as tab-separated lines, numbers in full precision."""
        columns = range(self._model.columnCount())
        across = Qt.Orientation.Horizontal
        lines = [["", *(str(self._model.headerData(column, across)) for column in columns)]]
        for row in sorted({index.row() for index in self.selectedIndexes()}):
            values = [self._model.data(self._model.index(row, c), Qt.ItemDataRole.UserRole) for c in columns]
            lines.append([self._model.pipelines[row].label, *(cell_text(value) for value in values)])
        return "\n".join("\t".join(line) for line in lines)

    def _sort(self, column: int) -> None:
        if not self._model.rowCount() or self._model.sort_key(0, column) is None:
            return
        again = self._sorted == (column, Qt.SortOrder.AscendingOrder)
        order = Qt.SortOrder.DescendingOrder if again else Qt.SortOrder.AscendingOrder
        self._sorted = (column, order)
        self.horizontalHeader().setSortIndicator(column, order)
        self.horizontalHeader().setSortIndicatorShown(True)
        self._model.sort(column, order)

    def _hold(self) -> None:
        here = self.currentIndex().row()
        self._held = self._model.pipelines[here].picked if 0 <= here < len(self._model.pipelines) else None

    def _let_go(self) -> None:
        self.show_current(self._held)
        self.fit_names()

    def fit_names(self) -> None:
        """Give the names what they need: at most what the columns leave them, where that is more than the usual."""
        names = self.verticalHeader()
        if names.isHidden():
            return
        bold = QFont(names.font())
        bold.setBold(True)
        room = QFontMetrics(bold)
        widest = max((room.horizontalAdvance(numbered(one)) for one in self._model.pipelines), default=0)
        left = self.width() - self.columns_need() - self.verticalScrollBar().sizeHint().width()
        wanted = min(max(WIDEST, left), max(NARROWEST, widest + 40))
        if wanted != names.width():
            names.setFixedWidth(wanted)

    def columns_need(self) -> int:
        """Return how wide the columns are that shall be in sight, the last one without what it was stretched by."""
        titles = self.horizontalHeader()
        sizes = [titles.sectionSize(column) for column in range(titles.count() - self.yielding)]
        if sizes and not self.yielding and titles.stretchLastSection():
            sizes[-1] = titles.sectionSizeHint(titles.count() - 1)
        return sum(sizes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_names()

    def _tell(self, current: QModelIndex, _before: QModelIndex) -> None:
        if not self._placing and current.isValid():
            self.picked.emit(self._model.pipelines[current.row()].picked)


class CellDelegate(QStyledItemDelegate):
    """Frames the cell somebody is at, where rows are selected as a whole."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        super().paint(painter, option, index)
        frame_current(painter, option)


def legend(model: LegendModel) -> CompareTable:
    """Make the list of names that stands beside a chart."""
    table = CompareTable(model, tr("Compared pipelines"))
    table.horizontalHeader().setStretchLastSection(False)
    table.setAlternatingRowColors(False)
    table.setMinimumWidth(120)
    if model.columnCount():
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in range(1, model.columnCount()):
        table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    return table


def numbered(one: Compared) -> str:
    """Return the name of a pipeline with its number within the run before it."""
    number = str(one.row.get("pipeline_id", "")).partition("_")[0]
    return one.label if not number.isdigit() or one.label.startswith(number) else f"{number}  {one.label}"


def pipeline_tip(one: Compared) -> str:
    """Say which pipeline it is, in full."""
    row = one.row
    lines = [
        tr("Baseline: {name}").format(name=one.label) if one.baseline else one.label,
        str(row.get("pipeline_id", "")),
        f"{row.get('dataset_name', '')} · {row.get('run_id', '')}",
    ]
    return "\n".join(dict.fromkeys(line for line in lines if line.strip(" ·")))


@lru_cache(maxsize=256)
def swatch(colour: str, place: int, *, ringed: bool = False) -> QIcon:
    """Draw the colour and marker of a pipeline, with a ring round that of the baseline."""
    icon = QIcon()
    for size in (12, 24, 36):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        corners, turn = _SHAPES[place % len(_SHAPES)]
        middle, radius = size / 2, size * (0.28 if ringed else 0.42)
        if corners:
            painter.drawPolygon(_polygon(corners, turn, middle, radius))
        else:
            painter.drawEllipse(QPointF(middle, middle), radius, radius)
        if ringed:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colour), size / 10))
            painter.drawEllipse(QPointF(middle, middle), size * 0.44, size * 0.44)
        painter.end()
        icon.addPixmap(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


def _polygon(corners: int, turn: float, middle: float, radius: float) -> QPolygonF:
    points = []
    for number in range(corners):
        angle = math.radians(turn + 360 * number / corners)
        length = radius * (0.45 if corners == 10 and number % 2 else 1.0)
        points.append(QPointF(middle + length * math.cos(angle), middle + length * math.sin(angle)))
    return QPolygonF(points)


def word_colour(name: str) -> QColor:
    """Return a named colour of the theme."""
    return QColor(getattr(theme().colours, name))
