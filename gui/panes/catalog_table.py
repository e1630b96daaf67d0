"""The table of the catalog as a widget: its look, its titles, and a selection that stays quick at any size."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.models.columns import ASIDE_ROLE, NOTE_ROLE, SIGN_ROLE, AnyIndex
from gui.models.row_set import RowSet
from gui.panes.catalog_pinned import Pins
from gui.panes.column_layout import LEAST_WIDTH
from gui.panes.sort_header import SortHeader
from gui.shortening import Cells, fit
from gui.theme import ROW_HEIGHT, theme
from gui.widgets import MenuKeys

ASIDE_MARGIN = 8  # as far from the edge of a cell as the style puts a text
SIGN_WIDTH = 88  # narrower ones show the sign alone
MOST_RANGES = 50  # Qt goes through all ranges of a selection for every cell it paints
Flag = QItemSelectionModel.SelectionFlag
Hint = QAbstractItemView.ScrollHint


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
    """Paints the scattered rows as selected, and what a cell says aside (under ASIDE_ROLE) muted at its end."""

    def __init__(self, selection: RowSelection, pins: Pins, parent: QObject) -> None:
        super().__init__(parent)
        self._selection, self._pins = selection, pins
        self.asides = False  # whether any cell says something aside

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        option.decorationPosition = QStyleOptionViewItem.Position.Left
        if not option.icon.isNull():  # few cells have one, and each question to the model takes its time
            if index.data(SIGN_ROLE) and option.rect.width() < SIGN_WIDTH:
                option.text = ""  # the icon tells it, and the tip; who reads with the ears hears the word all the same
            if index.data(NOTE_ROLE):
                option.decorationPosition = QStyleOptionViewItem.Position.Right
        fit(option, self._pins.over_column(index.column()))
        scattered = self._selection.scattered
        if scattered is not None and index.row() in scattered:
            option.state |= QStyle.StateFlag.State_Selected

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        """Put the text of a cell into its editor, but never over what somebody began to write there."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        aside = index.data(ASIDE_ROLE) if self.asides else None
        if aside:
            self._paint_aside(painter, option, index, aside)
        else:
            super().paint(painter, option, index)
        frame_current(painter, option)

    def _paint_aside(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, aside: str) -> None:
        self.initStyleOption(option, index)
        if not option.text.endswith(aside):  # the edge would cut it
            aside = ""
        text, option.text = option.text.removesuffix(aside), ""
        option.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        place = option.rect.adjusted(ASIDE_MARGIN, 0, -ASIDE_MARGIN, 0)
        painter.save()
        painter.setClipRect(option.rect)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(theme().colours.muted))
        painter.setFont(option.widget.font())
        painter.drawText(place, align, aside)
        width = painter.fontMetrics().horizontalAdvance(aside)
        painter.setPen(QColor(theme().colours.text))
        painter.setFont(option.font)
        painter.drawText(place.adjusted(0, 0, -width, 0), align, text)
        painter.restore()


def frame_current(painter: QPainter, option: QStyleOptionViewItem) -> None:
    """Frame the cell somebody is at, where rows are selected as a whole."""
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.save()
        painter.setPen(QColor(theme().colours.accent))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        painter.restore()


class CatalogTable(QTableView):
    """A table of whole rows under sortable titles. `rows_changed` tells that other rows are selected."""

    rows_changed = Signal()
    all_wanted = Signal()
    drag_wanted = Signal()
    editing_ended = Signal()
    resized = Signal()

    def __init__(self, model: QAbstractItemModel) -> None:
        super().__init__()
        self._flipping = False
        self._pressed: QMouseEvent | None = None  # on a row: perhaps the beginning of a drag
        self.titles = SortHeader(self)
        self.pins = Pins(self, self.titles, model)
        self.setHorizontalHeader(self.titles)
        self.setModel(model)
        self.chosen = RowSelection(model, self)
        self.setSelectionModel(self.chosen)
        self.chosen.rows_changed.connect(self.viewport().update)
        self.chosen.rows_changed.connect(self.rows_changed)
        # Letters are keys of commands here.
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        dress_table(self)
        self.cells = RowDelegate(self.chosen, self.pins, self)
        self.setItemDelegate(self.cells)
        self.cells.closeEditor.connect(lambda *_: self.editing_ended.emit())
        self.titles.setMinimumSectionSize(LEAST_WIDTH)
        # Of its own, always empty: else painting a title asks for every row whether it is selected.
        self.titles.setSelectionModel(QItemSelectionModel(model, self.titles))
        self.titles.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.pins.over.setMinimumSectionSize(LEAST_WIDTH)
        self.pins.over.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    # --- pinned columns lie over others ---

    def indexAt(self, at: QPoint) -> QModelIndex:
        place = self.pins.column_at(at.x())
        return self.model().index(self.rowAt(at.y()), place) if place >= 0 else super().indexAt(at)

    def visualRect(self, index: AnyIndex) -> QRect:
        return self.pins.rect(index) or super().visualRect(index)

    def scrollTo(self, index: AnyIndex, hint: Hint = Hint.EnsureVisible) -> None:
        before = self.horizontalScrollBar().value()
        super().scrollTo(index, hint)
        self.pins.uncover(index, before)

    def scrollContentsBy(self, sideways: int, down: int) -> None:
        super().scrollContentsBy(sideways, down)
        self.pins.scrolled(sideways)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self.pins.lie()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.pins.paint(event.region())

    # --- selecting ---

    def selectAll(self) -> None:
        super().selectAll()
        self.all_wanted.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # Whether a row is selected Qt looks up in its own ranges: of scattered ones it would never take one out.
        index = self.indexAt(event.position().toPoint())
        further = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._flipping = self.chosen.scattered is not None and further and index.isValid()
        plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers() and not self.is_editing()
        if plain and index.isValid() and index.row() in self.chosen.rows():
            self._pressed = event.clone()  # it selects when it turns out to be a click
        elif not self._flipping:
            super().mousePressEvent(event)
            if plain and index.isValid() and not self.is_editing():
                self._pressed = event.clone()  # ranges are selected with Shift
        elif event.button() == Qt.MouseButton.LeftButton:
            self.chosen.flip(index.row())
            self.chosen.setCurrentIndex(index, Flag.NoUpdate)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None:
            way = (event.position() - self._pressed.position()).manhattanLength()
            if way >= QApplication.startDragDistance():
                self._pressed = None
                self.drag_wanted.emit()
        elif not self._flipping:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is not None:
            super().mousePressEvent(pressed)
        if not self._flipping:
            super().mouseReleaseEvent(event)
        self._flipping = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down first select the row that is current but not selected, as it is after coming here by key.

        Home and End select the row they lead to also where it is the current one already; Qt does nothing there.
        """
        here = self.currentIndex()
        walking = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and not event.modifiers()
        if walking and here.isValid() and not self.chosen.rows():
            self.select_current()
            return
        super().keyPressEvent(event)
        to_an_end = event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.KeypadModifier)
        if to_an_end and plain and not self.is_editing():
            self.select_current()

    def select_current(self) -> None:
        """Select the row that is current, and no other."""
        here = self.currentIndex()
        if here.isValid() and self.chosen.rows() != RowSet([here.row(), here.row() + 1]):
            self.chosen.setCurrentIndex(here, Flag.ClearAndSelect | Flag.Rows)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Ctrl+Home and Ctrl+End go to the first and the last row and stay in their column."""
        here, rows = self.currentIndex(), self.model().rowCount()
        ends = {QAbstractItemView.CursorAction.MoveHome: 0, QAbstractItemView.CursorAction.MoveEnd: rows - 1}
        if action in ends and modifiers & Qt.KeyboardModifier.ControlModifier and here.isValid():
            return here.siblingAtRow(ends[action])
        return super().moveCursor(action, modifiers)

    def selectionCommand(self, index: AnyIndex, event: QEvent | None = None) -> Flag:
        """Ctrl+Home and Ctrl+End select what they go to, as the arrows do; Qt would leave the old rows selected."""
        if isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            modifiers = event.modifiers() & ~Qt.KeyboardModifier.ControlModifier
            event = QKeyEvent(event.type(), event.key(), modifiers)
        return super().selectionCommand(index, event)

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
            self.setAutoScroll(False)
            self.chosen.setCurrentIndex(current, Flag.NoUpdate)
            self.setAutoScroll(True)


def dress_table(table: QTableView) -> None:
    """Give a table the look of all: fixed rows, no grid, no row titles, scrolling by pixel sideways, whole numbers."""
    MenuKeys(table)
    table.setItemDelegate(Cells(table))
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
