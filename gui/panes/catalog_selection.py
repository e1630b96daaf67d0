"""The selected rows of the catalog and the selection of the window, kept one thing."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from gui.models.catalog import CatalogModel
from gui.models.listings import Listing
from gui.models.row_set import RowSet
from gui.panes.catalog_table import CatalogTable, Flag
from gui.selection import MOST_CHOSEN, Picked, Selection
from gui.session import Session

if TYPE_CHECKING:
    from storage import Workspace


@dataclass(frozen=True)
class Places:
    """The row of the current prediction (-1 without), the rows of all selected ones, and what of them has no row."""

    row: int = -1
    rows: RowSet = field(default_factory=RowSet)
    hidden: int = 0
    current_hidden: bool = False


class CatalogSelection(QObject):
    """Tells the window which rows are selected, and selects the rows of what is selected elsewhere.

    Of very many rows the first thousand are told, with the number of all; those whose page isn't here are read first.
    `first_column` says which column is current in a row that was selected elsewhere. `hidden_changed` tells how many of
    the selected ones the catalog has but the filter hides, and whether the current one is among them.
    """

    hidden_changed = Signal(int, bool)

    def __init__(
        self, session: Session, selection: Selection, model: CatalogModel, table: CatalogTable,
        first_column: Callable[[], int],
    ) -> None:  # fmt: skip
        super().__init__(table)
        self._session, self._selection = session, selection
        self._model, self._table, self._first_column = model, table, first_column
        self._placing = False
        self._column_key = ""  # of the cell somebody went to last
        self._hidden = (0, False)
        self._found = RowSet()
        self._go_on_at = -1  # the row to go on from where those that were selected were deleted
        self._question: object = None  # the last one for selected rows, as long as nothing else was selected
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.tell)
        model.modelAboutToBeReset.connect(self._hurry)
        table.rows_changed.connect(self.tell)
        table.selectionModel().currentChanged.connect(self._current_changed)
        model.dataChanged.connect(self._page_came)
        selection.changed.connect(self._chosen_elsewhere)
        selection.chosen_changed.connect(self._chosen_elsewhere)

    def _hide(self, count: int = 0, current: bool = False) -> None:
        if (count, current) != self._hidden:
            self._hidden = (count, current)
            self.hidden_changed.emit(count, current)

    # --- from the table to the window ---

    def tell(self) -> None:
        """Tell the window what is selected here."""
        self._soon.stop()
        if self._placing:
            return
        self._question = None
        rows = self._table.chosen.rows()
        wanted = rows.rows(MOST_CHOSEN)
        loaded = [self._model.loaded(row) for row in wanted]
        here = self._table.currentIndex()
        values = self._model.row(here.row()) if here.isValid() and here.row() in rows else None
        current = _picked(values) if values is not None else None
        known = [_picked(one) for one in loaded if one is not None]
        if len(known) == len(wanted):
            self._choose(known, len(rows), current)
            return
        if current is not None:
            self._selection.pick(current)
        listing, keys = self._model.listing, array("q", (self._model.keys[row] for row in wanted))
        self._question = question = object()

        def take(chosen: list[Picked]) -> None:
            if question is self._question:  # else something else was selected meanwhile
                self._take(listing, rows, current, chosen)

        self._session.query(partial(fetch_picked, keys), take, topic="chosen", quiet=True)

    def _take(self, listing: object, rows: RowSet, current: Picked | None, chosen: list[Picked]) -> None:
        if listing is not self._model.listing:  # listed anew meanwhile, which knew nothing of these rows
            self._choose(chosen, len(rows), current)
            self._follow()
        elif rows == self._table.chosen.rows():
            self._choose(chosen, len(rows), current)

    def _choose(self, chosen: Sequence[Picked], total: int, current: Picked | None) -> None:
        if current is None and self._selection.current not in chosen and chosen:
            current = chosen[-1]
        if current is not None and current not in chosen:  # it is further down than what is told
            chosen = [*chosen[: MOST_CHOSEN - 1], current]
        self._hide()
        self._placing = True  # what comes back from the window is known here
        self._selection.choose(chosen, total)
        if current is not None:
            self._selection.pick(current)
        self._placing = False

    def _current_changed(self) -> None:
        """The current row changes before the selected ones do: wait for these, in case they follow."""
        if self._placing:
            return
        here = self._table.currentIndex()
        if here.isValid():
            self._column_key = self._model.columns[here.column()].key
        if here.isValid() and here.row() in self._table.chosen.rows():
            self.tell()
        else:
            self._soon.start()

    def _hurry(self) -> None:
        """Tell what was selected a moment ago before the rows are listed anew, which would forget it."""
        if self._soon.isActive() and self._model.listing is not None:
            self.tell()

    def _page_came(self) -> None:
        # The current row may have been walked to before its page was here.
        here = self._table.currentIndex()
        if not (here.isValid() and self._table.hasFocus() and here.row() in self._table.chosen.rows()):
            return
        values = self._model.loaded(here.row())
        if values is not None and _picked(values) != self._selection.current:
            self.tell()

    # --- from the window to the table ---

    def _chosen_elsewhere(self) -> None:
        if not self._placing:
            self._question = None
        self._follow()

    def _follow(self) -> None:
        """Select the rows of what is selected elsewhere, if they are listed."""
        if self._placing or self._model.listing is None:
            return
        chosen, current = self._selection.chosen, self._selection.current
        if self._selection.chosen_total > len(chosen):
            return  # so many are only ever selected here
        ids = tuple(one.prediction_id for one in chosen if one.prediction_id)
        if not ids:
            self._hide()
            self._placed(self._model.listing, Places())
            return
        listing = self._model.listing
        picked = current.prediction_id if current is not None else ""
        asked = self._selected()

        def place(found: Places) -> None:
            if self._selected() == asked:  # else something else was selected meanwhile, here or in the window
                self._placed(listing, found)

        self._session.query(partial(fetch_places, ids, picked, listing.keys), place, topic="place", quiet=True)

    def _selected(self) -> tuple[object, ...]:
        """Return what is selected in the window and which rows are here."""
        return self._selection.chosen, self._selection.current, self._table.chosen.rows()

    def _placed(self, listing: Listing, found: Places) -> None:
        row, rows = found.row, found.rows
        here = self._table.currentIndex()
        if listing is self._model.listing and listing.complete:
            self._hide(found.hidden, found.current_hidden)
        if listing is not self._model.listing or (rows == self._table.chosen.rows() and here.row() == row):
            return  # listed anew meanwhile, which places the selection itself; or here already
        index = self._model.index(row, self._first_column())
        self._placing = True
        self._table.place(index, rows)
        if row >= 0:
            self._table.scrollTo(index)
        self._placing = False

    # --- after listing ---

    def place(self, listing: Listing) -> None:
        """Select again what was selected before it was listed anew."""
        few, current = self._selection.chosen_total <= MOST_CHOSEN, self._selection.current
        outdated = few and current is not None and current.prediction_id != listing.view.current
        self._placing = True
        self._found = RowSet() if outdated else listing.selected  # another one was selected since it was asked for
        self._table.place(self._model.index(listing.current_row, self._column()), self._found)
        self._placing = False
        if few and (outdated or len(listing.selected) < self._selection.chosen_total):
            self._follow()  # rows that come into sight again are still selected
        else:
            self._hide()
        if self._go_on_at >= 0:
            self._take_next(listing)

    def go_on(self) -> None:
        """What is selected was deleted: of the rows that are listed then, select the one that comes in its place."""
        self._go_on_at = next(iter(self._table.chosen.rows().rows(1)), -1)

    def _take_next(self, listing: Listing) -> None:
        row = min(self._go_on_at, len(listing.keys) - 1)
        if row < self._go_on_at and not listing.complete:
            return
        self._go_on_at = -1
        if row >= 0 and not listing.selected:
            self._table.chosen.setCurrentIndex(self._model.index(row, self._column()), Flag.ClearAndSelect | Flag.Rows)
            self._selection.stand_in()

    def _column(self) -> int:
        """Return the column somebody was in, so that its keys go on meaning it; the first one shown if it is gone."""
        there = self._model.column(self._column_key)
        return there if there >= 0 and not self._table.isColumnHidden(there) else self._first_column()

    def place_completed(self, listing: Listing) -> None:
        """Do the same once all is listed, unless somebody selected by hand meanwhile."""
        if self._table.chosen.rows() == self._found:
            self.place(listing)


def fetch_picked(keys: Sequence[int], workspace: Workspace) -> list[Picked]:
    """Read which pipelines some rows are; those that are gone are left out."""
    columns = workspace.catalog.values(keys, ["run_id", "pipeline_id", "prediction_id"])
    return [Picked(*one) for one in zip(*columns.values(), strict=True) if one[2] is not None]


def fetch_places(prediction_ids: Sequence[str], current: str, keys: array[int], workspace: Workspace) -> Places:
    """Find where some predictions are in a table with these keys, and the current one."""
    find = workspace.catalog.find
    known = {one: find(one) for one in (*prediction_ids, current) if one}
    there = [key for one in prediction_ids if (key := known.get(one)) is not None]
    rows, here = RowSet.matching(keys, there), known.get(current)
    try:
        row = keys.index(here) if here is not None else -1
    except ValueError:
        row = -1
    return Places(row, rows, len(there) - len(rows), here is not None and row < 0)


def _picked(values: dict[str, Any]) -> Picked:
    return Picked(str(values["run_id"]), str(values["pipeline_id"]), str(values["prediction_id"]))
