"""The tree of runs as a widget: its look, its keys, and rows with a muted remark behind the name."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QElapsedTimer, QEvent, QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from gui.models.columns import AnyIndex
from gui.models.run_rows import MUTED_ROLE
from gui.shortening import fit, shortened
from gui.theme import GRID, theme
from gui.widgets import MenuKeys

SCORE_WIDTH = 60
LEAST_NAME = 0.5  # of the width, which the name keeps beside a long remark; of the state the icon tells, too


class RemarkDelegate(QStyledItemDelegate):
    """Writes a remark in a muted tone behind the name of a row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        remark = index.data(MUTED_ROLE)
        own = QStyleOptionViewItem(option)
        self.initStyleOption(own, index)
        style = own.widget.style() if own.widget is not None else QApplication.style()
        if not remark:
            fit(own)
            style.drawControl(QStyle.ControlElement.CE_ItemViewItem, own, painter, own.widget)
            return
        text, own.text = own.text, ""
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, own, painter, own.widget)
        own.text = text
        place = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, own, own.widget).adjusted(2, 0, 0, 0)
        metrics = own.fontMetrics
        wish = metrics.horizontalAdvance(str(remark)) + GRID
        name_width = max(int(place.width() * LEAST_NAME), place.width() - wish)
        name = shortened(text, metrics, name_width)
        taken = metrics.horizontalAdvance(name) + GRID
        rest = QRect(place.left() + taken, place.top(), max(0, place.width() - taken), place.height())
        painter.save()
        painter.setFont(own.font)
        painter.setPen(own.palette.color(QPalette.ColorRole.Text))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(QColor(theme().colours.muted))
        shown = metrics.elidedText(str(remark), Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class RunTree(QTreeView):
    """A tree of whole rows. `enter_wanted` is emitted when Enter is pressed or a pipeline is clicked twice."""

    enter_wanted = Signal(QModelIndex)  # `entered` is Qt's own: the mouse over a row
    filter_wanted = Signal()
    delete_wanted = Signal()

    def __init__(self, model: QAbstractItemModel) -> None:
        super().__init__()
        self.setModel(model)
        self._typed, self._typing = "", QElapsedTimer()
        self.setItemDelegate(RemarkDelegate(self))
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        MenuKeys(self)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setStyleSheet("QTreeView::item { height: 26px; }")
        self.setIndentation(12)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(16)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, SCORE_WIDTH)
        header.setSectionsMovable(False)
        self.doubleClicked.connect(self._enter_twice_clicked)
        theme().changed.connect(self.viewport().update)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _asks_filter(event):
            event.accept()  # elsewhere it is a key of the window
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.enter_wanted.emit(self.currentIndex().siblingAtColumn(0))
        elif _asks_filter(event):
            self.filter_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self.delete_wanted.emit()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Go to the row that begins as it is typed; a number is that of a pipeline, with or without its zeros."""
        again = self._typing.isValid() and self._typing.elapsed() < QApplication.keyboardInputInterval()
        self._typed = self._typed + search if again else search
        self._typing.start()
        if self._typed.isdecimal():
            super().keyboardSearch("")  # what was typed before is part of the number
            super().keyboardSearch(f"{int(self._typed):04d}")
        else:
            super().keyboardSearch(search)

    def is_open(self, index: QModelIndex) -> bool:
        """Whether what lies beneath an index is unfolded, all the way up."""
        while index.isValid():
            if not self.isExpanded(index):
                return False
            index = index.parent()
        return True

    def top(self) -> QModelIndex:
        """Return the first row in view."""
        return self.indexAt(self.viewport().rect().topLeft())

    def in_view(self, index: QModelIndex) -> bool:
        """Whether a row can be seen now."""
        shown = self.visualRect(index)
        return shown.isValid() and self.viewport().rect().intersects(shown)

    def _enter_twice_clicked(self, index: QModelIndex) -> None:
        if not self.model().hasChildren(index.siblingAtColumn(0)):
            self.enter_wanted.emit(index.siblingAtColumn(0))


def _asks_filter(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_F and event.modifiers() == Qt.KeyboardModifier.ControlModifier
