"""The paged table model of the catalog: row keys from one query, pages of rows when they are looked at.

`data()` is a look-up in memory and does no I/O. A page that is not there yet shows "…" and is asked for once.
Another sort or filter is a new query; what was selected and seen is found again by prediction_id.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFont

from gui.columns import AnyIndex, Column, arranged, column_for, header_tip, shown_status, status_sign
from gui.formats import (
    MISSING,
    full_time_text,
    plain_text,
    status_word,
    time_text,
)
from gui.session import Session
from gui.tasks import Problem

if TYPE_CHECKING:
    from storage import CatalogColumn, Workspace

PAGE = 128
PAGES_KEPT = 64
PAGES_AT_ONCE = 4
HEAD_PAGES = 2
Page = list[dict[str, Any] | None]
TELLING = ("val_rmse", "val_accuracy", "test_rmse", "test_accuracy")  # choosing by the test set would be peeking


@dataclass(frozen=True)
class View:
    """What to list and how (`order` is a column, "-" before it for descending; "" for the best known default).

    `selected` (current first) and `top` are prediction ids to find again in the new listing.
    """

    filter: str
    order: str
    selected: tuple[str, ...] = ()
    top: str = ""


@dataclass(frozen=True)
class Listing:
    """The answer to a View: all keys in order, and the first pages to be painted."""

    view: View
    columns: tuple[CatalogColumn, ...]
    keys: array[int]
    total: int
    best: Any
    current_row: int
    selected_rows: tuple[int, ...]
    top_row: int
    pages: dict[int, Page]
    complete: bool = True


def fetch_listing(view: View, limit: int | None, workspace: Workspace) -> Listing:
    """Query the catalog for a View; runs on the workspace's thread.

    With a `limit` it stops there and is quick at any size; if more match, the listing is not `complete`.
    """
    catalog = workspace.catalog
    columns = tuple(catalog.columns())
    known = {column.name for column in columns}
    order = view.order if view.order.removeprefix("-") in known else default_order(view.filter, columns, workspace)
    keys = catalog.keys(view.filter, order, limit=limit)
    complete = limit is None or len(keys) < limit
    places = rows_of(view.selected, keys, workspace)
    top = max(0, rows_of((view.top,), keys, workspace)[0]) if view.top else 0
    found = View(view.filter, order, view.selected, view.top)
    return Listing(
        found,
        columns,
        keys,
        catalog.count() if view.filter and complete else len(keys),
        _best(workspace, found, columns, keys),
        places[0] if places else -1,
        tuple(place for place in places if place >= 0),
        top,
        fetch_pages(keys, [top // PAGE, top // PAGE + 1], workspace),
        complete,
    )


def fetch_pages(keys: array[int], pages: Sequence[int], workspace: Workspace) -> dict[int, Page]:
    """Read whole pages of rows; pages past the end are left out, and a row that is gone is None."""
    found: dict[int, Page] = {}
    for page in pages:
        if wanted := keys[page * PAGE : (page + 1) * PAGE]:
            rows = {row["key"]: row for row in workspace.catalog.rows(wanted)}
            found[page] = [rows.get(key) for key in wanted]
    return found


def rows_of(prediction_ids: Sequence[str], keys: array[int], workspace: Workspace) -> list[int]:
    """Find in which row each prediction is, -1 for those not listed."""
    wanted = [workspace.catalog.find(one) if one else None for one in prediction_ids]
    if len(wanted) == 1:
        try:
            return [keys.index(wanted[0])] if wanted[0] is not None else [-1]
        except ValueError:
            return [-1]
    seeking = set(wanted)
    found = {key: row for row, key in enumerate(keys) if key in seeking} if wanted else {}
    return [found.get(key, -1) if key is not None else -1 for key in wanted]


def default_order(filter: str, columns: Sequence[CatalogColumn], workspace: Workspace) -> str:
    """Put the best first by the most telling metric that what is listed has, else the newest."""
    metrics = {column.name: column.metric for column in columns if column.metric is not None}
    for name in TELLING:
        metric = metrics.get(name)
        if metric is None or metric.lower_is_better is None:
            continue
        order = name if metric.lower_is_better else f"-{name}"
        first = workspace.catalog.rows(workspace.catalog.keys(filter, order, limit=1))
        if first and first[0].get(name) is not None:  # what is missing sorts last
            return order
    return "-created_at"


def _best(workspace: Workspace, view: View, columns: Sequence[CatalogColumn], keys: array[int]) -> Any:
    """Find the best value of the metric sorted by, None for any other column."""
    name = view.order.removeprefix("-")
    metric = next((column.metric for column in columns if column.name == name), None)
    if metric is None or metric.lower_is_better is None or not keys:
        return None
    best_first = metric.lower_is_better is not view.order.startswith("-")
    first = keys[0] if best_first else workspace.catalog.keys(view.filter, f"best:{name}", limit=1)[0]
    return workspace.catalog.rows([first])[0].get(name)


class CatalogModel(QAbstractTableModel):
    """The catalog as a table of any length.

    `listed` follows each new listing (then `listing` tells where the selected and topmost rows went). Of a very long
    one the first rows come at once and `completed` follows with all; `refused` tells of a filter that is wrong.
    """

    listed = Signal()
    completed = Signal()
    refused = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.columns: list[Column] = []
        self.listing: Listing | None = None
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
        limit = None if view.top else HEAD_PAGES * PAGE  # a place further down is only known from all the keys
        self._session.query(partial(fetch_listing, view, limit), self._take, self._refuse, topic="catalog")

    def clear(self) -> None:
        """Show nothing, as without a workspace."""
        self.beginResetModel()
        self.columns, self.listing, self._keys = [], None, array("q")
        self._forget_pages()
        self.endResetModel()

    def _take(self, listing: Listing) -> None:
        self.beginResetModel()
        self.columns = [column_for(column) for column in arranged(listing.columns)]
        self.listing, self._keys = listing, listing.keys
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
        self.completed.emit()

    def _refuse(self, problem: Problem) -> None:
        self.refused.emit(problem)

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
            partial(fetch_pages, self._keys, pages),
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
            last = min((page + 1) * PAGE, len(self._keys)) - 1
            self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, len(self.columns) - 1))
        while len(self._pages) > PAGES_KEPT:
            old, _ = self._pages.popitem(last=False)
            self._texts = {place: text for place, text in self._texts.items() if place[0] // PAGE != old}
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
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
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
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold if self._is_best(row, column) else None
        if column.key == "status":
            return status_sign(shown_status(row), role)
        return None

    def row(self, row: int) -> dict[str, Any] | None:
        """Return the values of a row, or None while its page is on the way (it is then asked for)."""
        page = self._pages.get(row // PAGE)
        if page is None:
            self._want(row // PAGE)
            return None
        self._pages.move_to_end(row // PAGE)
        return page[row % PAGE] if row % PAGE < len(page) else None

    def key(self, row: int) -> int:
        """Return the catalog's key of a row."""
        return self._keys[row]

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
                text = str(row.get("pipeline_name") or row.get("pipeline_id") or MISSING)
            else:
                text = column.format(row.get(column.key))
            if self._is_best(row, column) and column.metric is not None:
                text = f"{'▼' if column.metric.lower_is_better else '▲'} {text}"
            self._texts[row_number, place] = text
        return text

    def _is_best(self, row: dict[str, Any], column: Column) -> bool:
        if self.listing is None or self.listing.best is None or column.metric is None:
            return False
        sorted_by = self.listing.view.order.removeprefix("-")
        return column.key == sorted_by and row.get(column.key) == self.listing.best

    def _tip(self, row: dict[str, Any], column: Column) -> str | None:
        value = row.get(column.key)
        if value is None:
            return None
        if column.key == "pipeline_name":
            return f"{row.get('pipeline_name')}\n{row.get('pipeline_id')}"
        if column.format is time_text:
            return full_time_text(value)
        return plain_text(value) or None
