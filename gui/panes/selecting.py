"""Selecting rows of the catalog at any size: all of them, those that a further query matches, or the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QWidget

from gui.formats import integer_text, tr
from gui.models.catalog import CatalogModel
from gui.models.listings import Chosen, fetch_where
from gui.models.row_set import RowSet
from gui.panes.catalog_table import CatalogTable
from gui.query_box import QueryBox
from gui.session import Session
from gui.tasks import Problem
from gui.theme import GRID
from gui.widgets import dialog_column

ROWS_KNOWN = 3  # of the selected rows, how many ids are kept to see that keys still mean the same


class Selecting(QObject):
    """Selects in the table of the catalog. `selected` tells how many rows a query selected."""

    selected = Signal(int)

    def __init__(self, session: Session, model: CatalogModel, table: CatalogTable) -> None:
        super().__init__(table)
        self._session, self._model, self._table = session, model, table
        self._later: Callable[[], object] | None = None
        self._rows_then = RowSet()  # what was selected when that was put off
        table.all_wanted.connect(self._all_wanted)
        model.listed.connect(self._forget)
        model.completed.connect(self._reconsider)  # before others place the selection among all rows

    def select_all(self) -> None:
        """Select every row that is listed, loaded or not."""
        self._when_complete(lambda: self._table.chosen.choose(RowSet([0, len(self._model.keys)])))

    def invert(self) -> None:
        """Select the rows that are not, and only those."""
        self._when_complete(
            lambda: self._table.chosen.choose(self._table.chosen.rows().flipped(0, len(self._model.keys)))
        )

    def select_where(self, query: str, refused: Callable[[Problem], None]) -> None:
        """Select the listed rows that a further query matches."""
        self._when_complete(partial(self._select_where, query, refused))

    def chosen(self) -> Chosen:
        """Return the selected rows, to be worked with elsewhere or found again."""
        rows = self._table.chosen.rows()
        known = []
        for row in rows.rows(ROWS_KNOWN):
            values = self._model.loaded(row)
            if values is not None:
                known.append((self._model.keys[row], str(values["prediction_id"])))
        return Chosen(rows, self._model.keys, tuple(known))

    def _select_where(self, query: str, refused: Callable[[Problem], None]) -> None:
        listing = self._model.listing
        if listing is None:
            return

        def take(rows: RowSet) -> None:
            if self._model.listing is listing:  # else listed anew meanwhile
                self._table.chosen.choose(rows)
                self.selected.emit(len(rows))

        work = partial(fetch_where, listing.keys, listing.condition, query)
        self._session.query(work, take, refused, topic="select")

    def _when_complete(self, act: Callable[[], object]) -> None:
        if self._model.listing is None:
            return
        if self._model.listing.complete:
            act()
        else:
            self._put_off(act)

    def _all_wanted(self) -> None:
        if self._model.listing is not None and not self._model.listing.complete:
            self._put_off(self.select_all)

    def _put_off(self, act: Callable[[], object]) -> None:
        self._later, self._rows_then = act, self._table.chosen.rows()

    def _reconsider(self) -> None:
        """Drop what was put off if somebody selected something else by hand meanwhile."""
        if self._table.chosen.rows() != self._rows_then:
            self._later = None

    def _forget(self) -> None:
        self._later = None

    def completed(self) -> None:
        """Do what had to wait until all rows are listed."""
        later, self._later = self._later, None
        if later is not None:
            later()


class SelectWhereDialog(QDialog):
    """Asks for a query; what it matches among the listed rows is selected."""

    wanted = Signal(str)

    def __init__(self, history: Sequence[str], rows: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Select where"))
        self.setMinimumWidth(520)
        words = QLabel(tr("Selects the rows that match, among the {n} listed.").format(n=integer_text(rows)))
        words.setObjectName("muted")
        self.query = QueryBox(self, name="selectEdit", pause=False)
        self.query.setAccessibleName(tr("Query for what to select"))
        self.query.history = list(history)
        self.query.applied.connect(self._want)
        buttons = QDialogButtonBox()
        select = buttons.addButton(tr("Select"), QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        for button in (select, close):
            button.setAutoDefault(False)
        select.setProperty("primary", True)
        select.clicked.connect(lambda: self._want(self.query.text()))
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        layout.addWidget(words)
        layout.addWidget(self.query)
        layout.addWidget(self.query.refusal)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)
        self.query.setFocus()

    def _want(self, text: str) -> None:
        if text.strip():
            self.wanted.emit(text.strip())
