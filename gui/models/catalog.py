"""The paged table model of the catalog: row keys from one query, pages of rows when they are looked at.

`data()` is a look-up in memory and does no I/O. A page that is not there yet shows "…" and is asked for once.
Another sort or filter is a new query; what was selected and seen is found again by prediction_id.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFont

from gui.formats import (
    full_time_text,
    number_text,
    plain_text,
    status_word,
    time_text,
    tr,
)
from gui.models import listings
from gui.models.columns import (
    ALIKE,
    ASIDE_ROLE,
    EDITABLE,
    SORT_ROLE,
    AnyIndex,
    Column,
    arranged,
    best_sign,
    column_for,
    header_tip,
    name_sign,
    name_text,
    name_tip,
    off_best,
    shown_status,
    sort_sign,
    status_sign,
)
from gui.models.listings import Best, Listing, Page, View, fetch_best, fetch_listing, fetch_pages
from gui.session import Session
from gui.tasks import Problem

PAGES_KEPT = 64
PAGES_AT_ONCE = 4
MARKED_AT_ONCE = 100_000  # rows; among more the best of one column after the other is found
UNANSWERED = frozenset((Qt.ItemDataRole.BackgroundRole, Qt.ItemDataRole.CheckStateRole))  # asked of every cell painted


class CatalogModel(QAbstractTableModel):
    """The catalog as a table of any length.

    `listed` follows each new listing (then `listing` tells where the selected and topmost rows went). Of a very long
    one the first rows come at once and `completed` follows with all; `refused` tells of a filter that is wrong.
    `edited` tells of a row, a column and the text somebody wrote there. While `may_list` says no nothing is listed
    anew: an answer that comes then is dropped, which `put_off` tells.
    """

    listed = Signal()
    completed = Signal()
    put_off = Signal()
    refused = Signal(object)
    edited = Signal(int, str, str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.may_list: Callable[[], bool] = lambda: True
        self.columns: list[Column] = []
        self.listing: Listing | None = None
        self.spread_shown = False
        self._best: dict[str, dict[str, Best]] = {}  # by metric, then by dataset
        self._best_of: tuple[Listing | None, frozenset[str]] = (None, frozenset())
        self._keys: array[int] = array("q")
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._texts: dict[tuple[int, int], str] = {}
        self._wanted: dict[int, None] = {}
        self._asked: set[int] = set()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._ask_pages)
        self._bold = QFont()
        self._bold.setBold(True)

    # --- listing ---

    def ask(self, view: View) -> None:
        """List anew; what is shown stays until the answer is here."""
        limit = (
            None if view.top else listings.HEAD_PAGES * listings.PAGE
        )  # a place further down is only known from all the keys
        self._session.query(partial(fetch_listing, view, limit), self._take, self._refuse, topic="catalog")

    def clear(self) -> None:
        """Show nothing, as without a workspace."""
        self.listing = None  # first: whoever hears of the reset shall see that nothing is listed any more
        self.beginResetModel()
        self.columns, self._keys = [], array("q")
        self._forget_pages()
        self.endResetModel()

    def _take(self, listing: Listing) -> None:
        if not self.may_list():
            self.put_off.emit()
            return
        self.beginResetModel()
        self.columns = [
            column_for(column, computed=column.name in listing.computed)
            for column in arranged(listing.columns, listing.computed)
        ]
        before, self.listing, self._keys = self.listing, listing, listing.keys
        if before is None or before.condition != listing.condition:  # else what was marked stays until it is found anew
            self._best = {}
        if listing.best:
            self._best.setdefault(listing.sorts[0].name, listing.best)
        self._forget_pages()
        self._pages.update(listing.pages)
        self.endResetModel()
        self.listed.emit()
        if not listing.complete:
            rest = partial(fetch_listing, listing.view, None)
            self._session.query(rest, self._complete, self._refuse, topic="catalog", quiet=True)

    def _complete(self, listing: Listing) -> None:
        """Put the rest of the rows under the first ones, which stay as they are."""
        first = len(self._keys)
        if listing.columns != (self.listing.columns if self.listing else ()) or listing.keys[:first] != self._keys:
            self._take(listing)
        else:
            self.beginInsertRows(QModelIndex(), first, len(listing.keys) - 1)
            self.listing, self._keys = listing, listing.keys
            self._asked.clear()
            self.endInsertRows()
        if self.listing is listing:
            self.completed.emit()

    def _refuse(self, problem: Problem) -> None:
        self.refused.emit(problem)

    # --- the best values ---

    def ask_best(self, keys: Sequence[str]) -> None:
        """Find and mark the best values of these columns, in all that is listed; asked once for each listing."""
        listing = self.listing
        names = frozenset(one.key for one in self.columns if one.key in keys and one.has_best)
        if (
            listing is None
            or not listing.complete
            or not names
            or (self._best_of[0] is listing and self._best_of[1] == names)
        ):
            return
        self._best_of = (listing, names)
        ordered = sorted(names)
        many = len(listing.keys) > MARKED_AT_ONCE
        self._ask_best(listing, [[name] for name in ordered] if many else [ordered])

    def _ask_best(self, listing: Listing, left: list[list[str]]) -> None:
        """Ask for the best of some columns, then of the next: among very many a new filter need not wait for all."""
        if not left or listing is not self.listing:
            return

        def take(found: dict[str, dict[str, Best]]) -> None:
            if listing is self.listing and self.columns:
                self._best = {name: one for name, one in self._best.items() if name not in left[0]} | found
                self._rewrite()
                self._ask_best(listing, left[1:])

        work = partial(fetch_best, listing.condition, left[0])
        self._session.query(work, take, lambda problem: None, topic="best", quiet=True)

    def show_spread(self, shown: bool) -> None:
        """Write the spread over folds behind the metrics that have one, or not."""
        self.spread_shown = shown
        self._rewrite()

    def _rewrite(self) -> None:
        self._texts.clear()
        if self._keys and self.columns:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._keys) - 1, len(self.columns) - 1))

    def _forget_pages(self) -> None:
        self._pages.clear()
        self._texts.clear()
        self._wanted.clear()
        self._asked.clear()

    # --- pages ---

    def _want(self, page: int) -> None:
        if page not in self._asked:
            self._wanted.pop(page, None)
            self._wanted[page] = None  # newest last: what is on screen now matters most
            self._soon.start()

    def _ask_pages(self) -> None:
        if self._asked or not self._wanted or self.listing is None:
            return
        pages = list(self._wanted)[-PAGES_AT_ONCE:]
        self._wanted.clear()
        self._asked.update(pages)
        listing = self.listing
        self._session.query(
            partial(fetch_pages, self._keys, listing.filter_for_rows, pages),
            lambda found: self._take_pages(listing, found),
            lambda problem: self._lose_pages(listing, problem),
            quiet=True,
        )

    def _take_pages(self, listing: Listing, found: dict[int, Page]) -> None:
        if listing is not self.listing:
            return
        self._asked.clear()
        for page, rows in found.items():
            self._pages[page] = rows
            last = min((page + 1) * listings.PAGE, len(self._keys)) - 1
            self.dataChanged.emit(self.index(page * listings.PAGE, 0), self.index(last, len(self.columns) - 1))
        while len(self._pages) > PAGES_KEPT:
            old, _ = self._pages.popitem(last=False)
            self._texts = {place: text for place, text in self._texts.items() if place[0] // listings.PAGE != old}
        if self._wanted:
            self._soon.start()

    def _lose_pages(self, listing: Listing, problem: Problem) -> None:
        if listing is self.listing:
            self._asked.clear()
            self.refused.emit(problem)

    # --- what the view asks ---

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._keys)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.align
        if role == Qt.ItemDataRole.ToolTipRole:
            return header_tip(column)
        if role in (SORT_ROLE, Qt.ItemDataRole.AccessibleTextRole) and self.listing is not None:
            return sort_sign(column.key, column.title, self.listing.sorts, role)
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in UNANSWERED or not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.columns[index.column()].align
        row = self.row(index.row())
        if row is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole else None
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index.row(), index.column(), row)
        if role == Qt.ItemDataRole.UserRole:
            return row.get(column.key)
        if role == Qt.ItemDataRole.EditRole:
            return str(row.get(column.key) or "")
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold if self._off_best(row, column) <= 0 else None
        if role == ASIDE_ROLE:
            return self._aside(row, column)
        if column.key == "status":
            return status_sign(shown_status(row), role)
        if column.key == "pipeline_name":
            return name_sign(row, role)
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        held = self._session.workspace
        flags = super().flags(index)
        if held is None or held.read_only or not index.isValid() or self.columns[index.column()].key not in EDITABLE:
            return flags
        values = self.loaded(index.row())
        if values is None or "\n" in str(values.get(self.columns[index.column()].key)):
            return flags  # a cell has one line
        return flags | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass on what somebody wrote; the cell shows it when it is saved."""
        if role != Qt.ItemDataRole.EditRole or str(value) == self.data(index, Qt.ItemDataRole.EditRole):
            return False
        self.edited.emit(index.row(), self.columns[index.column()].key, str(value))
        return False

    def row(self, row: int) -> dict[str, Any] | None:
        """Return the values of a row, or None while its page is on the way (it is then asked for)."""
        page = self._pages.get(row // listings.PAGE)
        if page is None:
            self._want(row // listings.PAGE)
            return None
        self._pages.move_to_end(row // listings.PAGE)
        return page[row % listings.PAGE] if row % listings.PAGE < len(page) else None

    def loaded(self, row: int) -> dict[str, Any] | None:
        """Return the values of a row if its page happens to be here; it is not asked for."""
        page = self._pages.get(row // listings.PAGE, [])
        return page[row % listings.PAGE] if row % listings.PAGE < len(page) else None

    @property
    def keys(self) -> array[int]:
        """The catalog's keys of all rows."""
        return self._keys

    def column(self, key: str) -> int:
        """Return the position of the column called `key`, -1 if there is none."""
        return next((place for place, column in enumerate(self.columns) if column.key == key), -1)

    def _text(self, row_number: int, place: int, row: dict[str, Any]) -> str:
        text = self._texts.get((row_number, place))
        if text is None:
            column = self.columns[place]
            if column.key == "status":
                text = status_word(shown_status(row))
            elif column.key == "pipeline_name":
                text = name_text(row)
            else:
                text = column.format(row.get(column.key))
            rank = self._rank(row, column)
            if rank and column.metric is not None:
                text = f"{best_sign(column.metric) if rank == 'best' else ALIKE} {text}"
            text += self._aside(row, column) or ""
            self._texts[row_number, place] = text
        return text

    def _rank(self, row: dict[str, Any], column: Column) -> str:
        """Tell whether a value is the "best", can't be told from it as "written", or by its "folds"; else ""."""
        best, value, off = self._best_for(row, column), row.get(column.key), self._off_best(row, column)
        if off <= 0:
            return "best"
        if best is None or value is None:
            return ""
        if column.format(value) == column.format(best.value):
            return "written"
        return "folds" if best.error is not None and off <= best.error else ""

    def _off_best(self, row: dict[str, Any], column: Column) -> float:
        """Tell how far a value is from the best one, infinitely where there is no best or no value."""
        best, value = self._best_for(row, column), row.get(column.key)
        if best is None or value is None or column.metric is None:
            return math.inf
        return off_best(column.metric, value, best.value)

    def _best_for(self, row: dict[str, Any], column: Column) -> Best | None:
        """Return the best value of a metric on the dataset of a row."""
        return self._best.get(column.key, {}).get(row.get("dataset_name") or "")

    def _aside(self, row: dict[str, Any], column: Column) -> str | None:
        """Write the spread of a value."""
        spread = row.get(column.spread) if self.spread_shown and column.spread else None
        return f" ± {number_text(spread, 2)}" if spread is not None and row.get(column.key) is not None else None

    def _tip(self, row: dict[str, Any], column: Column) -> str | None:
        value = row.get(column.key)
        if value is None:
            return None
        if column.metric is not None and self._best_for(row, column) is not None:
            return self._value_tip(row, column)
        if column.key == "pipeline_name":
            return name_tip(row)
        if column.key == "status":
            return status_word(shown_status(row))
        if column.format is time_text:
            return full_time_text(value)
        return plain_text(value) or None

    def _value_tip(self, row: dict[str, Any], column: Column) -> str:
        """Write a value in full, and how it stands to the best one."""
        best, lines = self._best_for(row, column), [plain_text(row.get(column.key))]
        spread = row.get(column.spread) if column.spread else None
        if spread is not None:
            words = tr("± {spread} from fold to fold (standard deviation of {n} folds)")
            lines.append(words.format(spread=number_text(spread, 2), n=row.get("n_folds") or "?"))
        rank = self._rank(row, column)
        if rank == "best":
            words = tr("The best of {dataset} among what is listed")
            lines.append(words.format(dataset=row.get("dataset_name") or tr("what has no dataset")))
        elif rank == "written":
            lines.append(tr("As good as the best in the digits shown"))
        elif rank == "folds" and best is not None and best.error is not None:
            words = tr("Within the fold spread of the best: no further from it than one standard error, {error}")
            lines.append(words.format(error=number_text(best.error, 2)))
        return "\n".join(lines)
