"""One tab of the library: the table of its items, or what it is for while there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedWidget, QTableView, QWidget

from gui.dialogs.keep import kind_title
from gui.formats import tr
from gui.models.library import COLUMNS, LibraryModel, column_number
from gui.panes.catalog_table import dress_table
from gui.panes.sort_header import Titles
from gui.theme import theme
from gui.widgets import EmptyState

if TYPE_CHECKING:
    from storage import LibraryItem

WIDTHS = {
    "name": 128, "metric": 64, "dataset": 96, "model": 112, "tags": 96, "description": 180, "bytes": 72, "when": 112,
}  # fmt: skip


class ItemTable(QTableView):
    """A table of whole rows, sorted by its titles; Enter and a double click emit `enter_wanted`."""

    enter_wanted = Signal()

    def __init__(self, model: LibraryModel, name: str) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        dress_table(self)
        self.setHorizontalHeader(Titles(self))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        for number, column in enumerate(COLUMNS):
            self.setColumnWidth(number, WIDTHS[column.key])
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(lambda _: self.enter_wanted.emit())
        theme().changed.connect(self.viewport().update)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        writing = self.state() == QAbstractItemView.State.EditingState
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not writing and self.currentIndex().isValid():
            self.enter_wanted.emit()
        else:
            super().keyPressEvent(event)

    def is_writing(self) -> bool:
        """Whether somebody writes in a cell."""
        return self.state() == QAbstractItemView.State.EditingState


class LibraryTab(QStackedWidget):
    """The items of one kind. `item_chosen` tells that another one is selected."""

    item_chosen = Signal()

    def __init__(self, kind: str, empty: EmptyState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind
        self.model = LibraryModel(self)
        self.table = ItemTable(self.model, tr("Library: {kind}").format(kind=kind_title(kind)))
        self.empty = empty
        self._none = EmptyState(tr("Nothing matches"), tr("Nothing of this kind has all the words."))
        for page in (self.table, empty, self._none):
            self.addWidget(page)
        self.setCurrentWidget(empty)
        self.table.selectionModel().currentChanged.connect(lambda *_: self.item_chosen.emit())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.item_chosen.emit())

    def put(self, items: Sequence[LibraryItem], *, narrowed: bool) -> None:
        """Show these items; not while somebody writes in a cell."""
        if self.table.is_writing():
            return
        self.model.put(items)
        self.setCurrentWidget(self.table if items else (self._none if narrowed else self.empty))

    def tell(self, title: str, text: str) -> None:
        """Say why nothing can be listed; what was listed before stays."""
        self.empty.say(title, text)
        if not self.model.items:
            self.setCurrentWidget(self.empty)

    def current(self) -> LibraryItem | None:
        """Return the item the actions are about, None while none is selected."""
        chosen = self.chosen()
        here = self.model.item(self.table.currentIndex())
        return here if here in chosen else (chosen[0] if chosen else None)

    def chosen(self) -> list[LibraryItem]:
        """Return the selected items."""
        found = (self.model.item(index) for index in self.table.selectionModel().selectedRows())
        return [item for item in found if item is not None]

    def select(self, name: str) -> None:
        """Select an item."""
        row = self.model.row_of(name)
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, 0))

    def write(self, column: str) -> None:
        """Begin to write in a cell of the current item."""
        index: QModelIndex = self.table.currentIndex()
        if index.isValid():
            cell = index.siblingAtColumn(column_number(column))
            self.table.setFocus()
            self.table.setCurrentIndex(cell)
            self.table.scrollTo(cell)
            self.table.edit(cell)
