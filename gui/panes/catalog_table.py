"""The table of the catalog as a widget: its look, its titles, and a selection that stays quick at any size."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QItemSelection, QItemSelectionModel, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from gui.columns import AnyIndex
from gui.panes.column_layout import LEAST_WIDTH
from gui.panes.sort_header import SortHeader
from gui.row_set import RowSet
from gui.theme import ROW_HEIGHT

MOST_RANGES = 50  # Qt goes through all ranges of a selection for every cell it paints
Flag = QItemSelectionModel.SelectionFlag


class RowSelection(QItemSelectionModel):
    """Whole rows. In many pieces they are kept in `scattered`, where a row is found at once, and not by Qt."""

    rows_changed = Signal()

    def __init__(self, model: QAbstractItemModel, parent: QObject) -> None:
        super().__init__(model, parent)
        self.scattered: RowSet | None = None
        self.selectionChanged.connect(lambda *_: self.rows_changed.emit())

    def select(self, what: QItemSelection | AnyIndex, command: Flag) -> None:
        """Qt's own door, through which every click and key goes."""
        if self.scattered is None:
            super().select(what, command)
            return
        if command & Flag.Clear:
            self.scattered = None
            super().select(what, command)
        elif command != Flag.NoUpdate:
            ranges = _ranges(what) if isinstance(what, QItemSelection) else [(what.row(), what.row() + 1)]
            for first, stop in ranges:
                self._add(first, stop, command)
        self.rows_changed.emit()

    def flip(self, row: int) -> None:
        """Take one row of a scattered selection out, or put it in."""
        if self.scattered is not None:
            self.scattered = self.scattered.flipped(row, row + 1)
            self.rows_changed.emit()

    def _add(self, first: int, stop: int, command: Flag) -> None:
        assert self.scattered is not None
        rows = self.scattered
        if not command & Flag.Toggle:
            rows = RowSet.of([*rows.ranges(), (first, stop)])
        if not command & Flag.Select:
            rows = rows.flipped(first, stop)
        self.scattered = rows

    def reset(self) -> None:
        self.scattered = None
        super().reset()

    def rows(self) -> RowSet:
        """Return the selected rows."""
        return self.scattered if self.scattered is not None else RowSet.of(_ranges(self.selection()))

    def choose(self, rows: RowSet) -> None:
        """Select exactly these rows; the current one stays."""
        self.scattered = None
        few = len(rows.edges) <= 2 * MOST_RANGES
        selection = QItemSelection()
        last = self.model().columnCount() - 1
        for first, stop in rows.ranges() if few else ():
            selection.select(self.model().index(first, 0), self.model().index(stop - 1, last))
        super().select(selection, Flag.ClearAndSelect | Flag.Rows)
        if not few:
            self.scattered = rows
        self.rows_changed.emit()


def _ranges(selection: QItemSelection) -> list[tuple[int, int]]:
    """Return the ranges of rows; ranges, not rows: all selected is one range."""
    parts = [selection.at(number) for number in range(selection.size())]
    return [(part.top(), part.bottom() + 1) for part in parts]


class RowDelegate(QStyledItemDelegate):
    """Paints the scattered rows as selected."""

    def __init__(self, selection: RowSelection, parent: QObject) -> None:
        super().__init__(parent)
        self._selection = selection

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        scattered = self._selection.scattered
        if scattered is not None and index.row() in scattered:
            option.state |= QStyle.StateFlag.State_Selected


class CatalogTable(QTableView):
    """A table of whole rows under sortable titles. `rows_changed` tells that other rows are selected."""

    rows_changed = Signal()
    all_wanted = Signal()
    editing_ended = Signal()

    def __init__(self, model: QAbstractItemModel) -> None:
        super().__init__()
        self._flipping = False
        self.titles = SortHeader(self)
        self.setHorizontalHeader(self.titles)
        self.setModel(model)
        self.chosen = RowSelection(model, self)
        self.setSelectionModel(self.chosen)
        self.setItemDelegate(RowDelegate(self.chosen, self))
        self.chosen.rows_changed.connect(self.viewport().update)
        self.chosen.rows_changed.connect(self.rows_changed)
        self.itemDelegate().closeEditor.connect(lambda *_: self.editing_ended.emit())
        # Letters are keys of commands here.
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        dress_table(self)
        self.titles.setMinimumSectionSize(LEAST_WIDTH)
        # Of its own, always empty: else painting a title asks for every row whether it is selected.
        self.titles.setSelectionModel(QItemSelectionModel(model, self.titles))
        self.titles.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def selectAll(self) -> None:
        super().selectAll()
        self.all_wanted.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # Whether a row is selected Qt looks up in its own ranges: of scattered ones it would never take one out.
        index = self.indexAt(event.position().toPoint())
        further = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._flipping = self.chosen.scattered is not None and further and index.isValid()
        if not self._flipping:
            super().mousePressEvent(event)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.chosen.flip(index.row())
            self.chosen.setCurrentIndex(index, Flag.NoUpdate)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._flipping:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._flipping:
            super().mouseReleaseEvent(event)
        self._flipping = False

    def is_editing(self) -> bool:
        """Whether somebody is writing in a cell."""
        return self.state() == QAbstractItemView.State.EditingState

    def keyboardSearch(self, search: str) -> None:
        """Letters are keys of commands here; going through a million rows for one that begins so helps nobody."""

    def place(self, current: QModelIndex, rows: RowSet) -> None:
        """Select rows and make one the current one, without scrolling to it."""
        if not current.isValid():
            self.chosen.clear()
        self.chosen.choose(rows)
        if current.isValid():
            self.chosen.setCurrentIndex(current, Flag.NoUpdate)


def dress_table(table: QTableView) -> None:
    """Give a table the look of all: fixed rows, no grid, no row titles, scrolling by pixel sideways."""
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setAlternatingRowColors(True)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.setTabKeyNavigation(False)
    table.setCornerButtonEnabled(False)
    rows = table.verticalHeader()
    rows.hide()
    rows.setDefaultSectionSize(ROW_HEIGHT)
    rows.setMinimumSectionSize(ROW_HEIGHT)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
