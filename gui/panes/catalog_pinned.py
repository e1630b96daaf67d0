"""Pinned columns: those at the left that stay there while the rest of the table is scrolled sideways.

They are the first columns of the table as any others are, and at rest there is nothing to do. Once the table is
scrolled they are painted again over what moved below them, and a second row of titles lies over the first one. So
there is one view, with one selection, one scroll bar and one editor.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, QModelIndex, QObject, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QRegion
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem, QTableView

from gui.models.columns import AnyIndex
from gui.panes.sort_header import SortHeader
from gui.theme import theme

MOST = 0.7  # of the width of the table; wider ones would leave no room for the others and scroll with them


class Pins(QObject):
    """Keeps columns of a table at its left edge: `places` are their positions in the model, from left to right."""

    def __init__(self, table: QTableView, titles: SortHeader, model: QAbstractItemModel) -> None:
        super().__init__(table)
        self._table, self._titles = table, titles
        self.places: tuple[int, ...] = ()
        self.over = SortHeader(table)  # the titles that stay
        self.over.setObjectName("pinnedTitles")
        self.over.setModel(model)
        self.over.setSelectionModel(QItemSelectionModel(model, self.over))
        self.over.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.over.setDefaultAlignment(titles.defaultAlignment())
        self.over.hide()
        self._copying = False
        self.over.sort_wanted.connect(titles.sort_wanted)
        self.over.menu_wanted.connect(titles.menu_wanted)
        self.over.sectionResized.connect(self._resized)
        self.over.sectionMoved.connect(self._moved)
        titles.sectionResized.connect(lambda *_: self.lie())
        titles.geometriesChanged.connect(self.lie)
        table.horizontalScrollBar().valueChanged.connect(lambda _: self.lie())

    def hold(self, places: Sequence[int]) -> None:
        """Pin these columns, which must be the first ones."""
        self.places = tuple(places)
        self.lie()
        self._table.viewport().update()

    @property
    def active(self) -> bool:
        """Whether pinned columns lie over others now."""
        return not self.over.isHidden()

    def width(self) -> int:
        """Return how wide the pinned columns are together."""
        return sum(self._titles.sectionSize(place) for place in self.places)

    def over_column(self, column: int) -> int:
        """Return how many pixels at the left of the table lie over a column of the model now."""
        return self._titles.covered if self._titles.covered and column not in self.places else 0

    def lie(self) -> None:
        """Put the titles in place, if the table is scrolled."""
        width, room = self.width(), self._table.viewport().width()
        wanted = 0 < width <= MOST * room and self._titles.offset() > 0
        if wanted and not self._copying:
            self._copy()
            left = self._titles.geometry()
            self.over.setGeometry(left.left(), left.top(), width, left.height())
        self._titles.covered = width if wanted else 0
        if wanted != self.active:
            self.over.setVisible(wanted)
            self._table.viewport().update()

    def rect(self, index: AnyIndex) -> QRect | None:
        """Return where the cell of a pinned column is in the viewport, None for one that is where it always is."""
        if not self.active or index.column() not in self.places:
            return None
        before = self.places[: self.places.index(index.column())]
        left = sum(self._titles.sectionSize(place) for place in before)
        top, height = self._table.rowViewportPosition(index.row()), self._table.rowHeight(index.row())
        return QRect(left, top, self._titles.sectionSize(index.column()), height)

    def column_at(self, x: int) -> int:
        """Return the pinned column at a place of the viewport, -1 where there is none."""
        left = 0
        for place in self.places if self.active and x >= 0 else ():
            left += self._titles.sectionSize(place)
            if x < left:
                return place
        return -1

    def uncover(self, index: AnyIndex, before: int) -> None:
        """After scrolling to a cell: don't scroll sideways for a pinned one, nor leave another one below them."""
        bar = self._table.horizontalScrollBar()
        if index.column() in self.places:
            bar.setValue(before)
        elif self.active and (hidden := self.width() - self._titles.sectionViewportPosition(index.column())) > 0:
            bar.setValue(bar.value() - hidden)

    def scrolled(self, sideways: int) -> None:
        """The viewport was moved as it was: what lies over it has to be painted where it belongs."""
        if sideways and self.places:
            self._table.viewport().update(0, 0, self.width() + abs(sideways) + 1, self._table.viewport().height())

    def paint(self, region: QRegion) -> None:
        """Paint the pinned cells over the others."""
        table, width = self._table, self.width()
        if not self.active or not region.intersects(QRect(0, 0, width + 1, table.viewport().height())):
            return
        painter = QPainter(table.viewport())
        bounds = region.boundingRect()
        painter.setClipRect(bounds)
        colours = theme().colours
        painter.fillRect(0, bounds.top(), width, bounds.height(), QColor(colours.base))
        first, last = table.rowAt(max(0, bounds.top())), table.rowAt(bounds.bottom())
        last = last if last >= 0 else table.model().rowCount() - 1
        for row in range(first, last + 1) if first >= 0 else ():
            for place in self.places:
                self._paint_cell(painter, table.model().index(row, place))
        painter.setPen(QColor(colours.scroll))
        painter.drawLine(width - 1, bounds.top(), width - 1, bounds.bottom())
        painter.end()

    def _paint_cell(self, painter: QPainter, index: QModelIndex) -> None:
        """Paint a cell as the table itself does."""
        table, state, rect = self._table, QStyle.StateFlag, self.rect(index)
        option = QStyleOptionViewItem()
        table.initViewItemOption(option)
        assert rect is not None
        option.rect = rect
        if table.selectionModel().isSelected(index):
            option.state |= state.State_Selected
        if index == table.currentIndex() and table.hasFocus():
            option.state |= state.State_HasFocus
        if table.alternatingRowColors() and index.row() % 2:
            option.features |= QStyleOptionViewItem.ViewItemFeature.Alternate
        table.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewRow, option, painter, table)
        table.itemDelegateForIndex(index).paint(painter, option, index)

    def _copy(self) -> None:
        """Give the titles that stay the order and widths of those below."""
        self._copying = True
        for visual in range(self._titles.count()):
            place = self._titles.logicalIndex(visual)
            if self.over.visualIndex(place) != visual:
                self.over.moveSection(self.over.visualIndex(place), visual)
            self.over.setSectionHidden(place, place not in self.places)
            if place in self.places:
                self.over.resizeSection(place, self._titles.sectionSize(place))
        self._copying = False

    def _resized(self, place: int, _: int, width: int) -> None:
        if not self._copying:
            self._titles.resizeSection(place, width)

    def _moved(self, _: int, old: int, new: int) -> None:
        if not self._copying:
            self._titles.moveSection(old, new)
