"""The samples of a pipeline with what was measured and predicted; the row one is in is the selected sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.models.points_rows import Numbers, SampleRows
from gui.models.samples import SamplesModel, rows_text
from gui.panes.catalog_table import dress_table
from gui.panes.sort_header import SortHeader
from gui.tasks import Tasks
from gui.theme import GRID
from gui.widgets import ElidedLabel, EmptyState

WIDEST, NARROWEST = 120, 44
WIDEST_NAME = 96  # leaves room for three columns of numbers in a pane of the first width
ROWS_MEASURED = 50  # to find out how wide a column is


class Samples(QWidget):
    """A sortable table. `row_chosen` is emitted with the row of SampleRows that somebody went to."""

    row_chosen = Signal(int)

    def __init__(self, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paper")
        self._tasks = tasks
        self._titles: list[str] = []
        self._silent = False
        self.model = SamplesModel(self)
        self.table = SamplesTable()
        self.table.setModel(self.model)
        # Of its own, always empty: else painting a title asks for every row whether it is selected.
        header = self.table.horizontalHeader()
        header.setSelectionModel(QItemSelectionModel(self.model, header))
        self.table.sort_wanted.connect(self._sort)
        self.table.copy_wanted.connect(self.copy_rows)
        self.table.selectionModel().currentRowChanged.connect(self._went_to)
        self._only = ElidedLabel()
        self._all = QPushButton(tr("Show all"))
        self._all.clicked.connect(lambda: self.narrow(None, ""))
        self._strip = QWidget()
        row = QHBoxLayout(self._strip)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(GRID)
        row.addWidget(self._only, 1)
        row.addWidget(self._all)
        self._strip.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._strip)
        layout.addWidget(self.table, 1)
        self._empty = EmptyState("", "")
        self._empty.hide()
        layout.addWidget(self._empty, 1)

    def show_rows(self, rows: SampleRows, targets: Sequence[str], why_empty: str = "") -> None:
        """Show the predictions of a pipeline, or say why there are none; sort, widths and scroll stay."""
        place = self.table.verticalScrollBar().value()
        self._strip.hide()
        self.table.setVisible(len(rows) > 0)
        self._empty.setVisible(len(rows) == 0)
        self._empty.say("", why_empty)
        self._quietly(partial(self.model.show, rows, targets))
        titles = [column.title for column in self.model.columns]
        if titles != self._titles:
            self._titles = titles
            self._fit_columns()
        self.table.verticalScrollBar().setValue(place)

    def narrow(self, rows: Numbers | None, words: str) -> None:
        """Show only some rows of SampleRows, `words` say which; None shows all."""
        kept = self.current_row()
        self._quietly(partial(self.model.narrow, rows))
        self._only.put(words)
        self._strip.setVisible(rows is not None)
        if kept is not None:
            self._go_to(kept)

    def mark(self, sample: int | None, row: int = -1) -> None:
        """Go to the row of a sample: to `row` if given, unless one is in one of its rows already."""
        if sample is None:
            self._quietly(partial(self.table.setCurrentIndex, QModelIndex()))
            self.table.clearSelection()
            return
        here = self.current_row()
        if here is not None and self.model.rows.samples[here] == sample and row in (-1, here):
            return
        rows = [row] if row >= 0 else [int(one) for one in self.model.rows.of_sample(sample)]
        shown = [one for one in rows if self.model.place_of(one) >= 0]
        if shown:
            self._go_to(shown[0])

    def current_row(self) -> int | None:
        """Return the row of SampleRows one is in."""
        index = self.table.currentIndex()
        return int(self.model.order[index.row()]) if index.isValid() else None

    def copy_rows(self) -> None:
        """Put the selected rows on the clipboard, in full precision; written on another thread as they may be many."""
        ranges = self.table.selectionModel().selection()
        pieces = [ranges.at(number) for number in range(ranges.count())]
        places = [np.arange(one.top(), one.bottom() + 1) for one in pieces]
        if not places:
            return
        rows = self.model.order[np.unique(np.concatenate(places))].tolist()
        columns = list(self.model.columns)
        self._tasks.start(lambda report: rows_text(columns, rows), QGuiApplication.clipboard().setText, quiet=True)

    def _sort(self, column: int) -> None:
        self.model.click(column)
        if self.table.currentIndex().isValid():
            self.table.scrollTo(self.table.currentIndex())

    def _went_to(self, index: QModelIndex) -> None:
        if index.isValid() and not self._silent:
            self.row_chosen.emit(int(self.model.order[index.row()]))

    def _go_to(self, row: int) -> None:
        place = self.model.place_of(row)
        if place >= 0:
            self._quietly(partial(self.table.selectRow, place))
            self.table.scrollTo(self.model.index(place, 0))

    def _quietly(self, act: partial[None]) -> None:
        """Do something to the table that is no wish of the user."""
        self._silent = True
        act()
        self._silent = False

    def _fit_columns(self) -> None:
        for column in range(self.model.columnCount()):
            wanted = self.table.sizeHintForColumn(column)
            title = self.table.horizontalHeader().sectionSizeHint(column)
            widest = WIDEST if column else WIDEST_NAME
            self.table.setColumnWidth(column, min(widest, max(NARROWEST, wanted, title)))


class SamplesTable(QTableView):
    """Whole rows; a click on a title sorts, as does Ctrl+. by the column one is in, and Ctrl+C copies."""

    copy_wanted = Signal()
    sort_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("samplesTable")
        self.setAccessibleName(tr("Samples with what was measured and predicted"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        dress_table(self)
        header = SortHeader(self)
        self.setHorizontalHeader(header)
        header.sort_wanted.connect(lambda column, _further: self.sort_wanted.emit(column))
        header.setResizeContentsPrecision(ROWS_MEASURED)
        header.setStretchLastSection(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif control and event.key() == Qt.Key.Key_Period and self.currentIndex().isValid():
            self.sort_wanted.emit(self.currentIndex().column())
        else:
            super().keyPressEvent(event)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy rows"), self.copy_wanted.emit)
        if self.currentIndex().isValid():
            menu.addAction(tr("Sort by this column"), partial(self.sort_wanted.emit, self.currentIndex().column()))
        menu.popup(self.viewport().mapToGlobal(at))
