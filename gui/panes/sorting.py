"""In which order the catalog is listed: what clicks on titles, menus and commands make of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu

from gui.formats import tr
from gui.models.catalog import CatalogModel
from gui.models.columns import Column, best_sign
from gui.query_box import QueryBox
from gui.query_text import SortKey, also_sorted_by, order_text, sort_keys, sorted_by, without
from gui.settings import Settings


class Sorting(QObject):
    """Holds the order wished for.

    `wanted` tells that the catalog shall be listed anew, `shown_wanted` that a column shall be shown.
    """

    wanted = Signal()
    shown_wanted = Signal(str)

    def __init__(self, model: CatalogModel, settings: Settings, query: QueryBox, parent: QObject) -> None:
        super().__init__(parent)
        self._model, self._settings, self._query = model, settings, query
        self.order = settings.order

    def keys(self) -> tuple[SortKey, ...]:
        """Return what is sorted by now, by rank."""
        return self._model.listing.sorts if self._model.listing is not None else sort_keys(self.order)

    def sort(self, keys: Sequence[SortKey]) -> None:
        """Sort by these columns; an order in the query gives way."""
        self.order = self._settings.order = order_text(keys)
        listing = self._model.listing
        if listing is not None and listing.own_order:
            self._query.put(listing.condition)
        else:
            self.wanted.emit()

    def click(self, section: int, further: bool) -> None:
        """Sort by a column, or by it after the others."""
        column = self._model.columns[section]
        change = also_sorted_by if further else sorted_by
        self.sort(change(self.keys(), column.first_sort))

    def drop(self, section: int) -> None:
        """Sort no longer by a column."""
        self.sort(without(self.keys(), self._model.columns[section].key))

    def text(self) -> str:
        """Name the columns sorted by."""
        titles = {column.key: column.title for column in self._model.columns}
        return tr(", then ").join(titles.get(key.name, key.name) for key in self.keys())

    def best_text(self) -> str:
        """Say by which metric the best comes first, if it does."""
        first = self.keys()[0] if self.keys() else None
        column = next((one for one in self._model.columns if first is not None and one.key == first.name), None)
        if column is None or not column.has_best or first != column.first_sort:
            return tr("Best by")
        return tr("Best by {column}").format(column=column.title)

    def offer(self, menu: QMenu, section: int) -> None:
        """Put what can be done with a column's place in the order into a menu."""
        column = self._model.columns[section]
        names = [key.name for key in self.keys()]
        menu.addAction(tr("Sort by {column}").format(column=column.title), partial(self.click, section, False))
        then = menu.addAction(tr("Then by {column}").format(column=column.title), partial(self.click, section, True))
        then.setEnabled(names != [column.key])
        drop = menu.addAction(tr("Remove from sort"), partial(self.drop, section))
        drop.setEnabled(column.key in names and len(names) > 1)

    def offer_best(self, menu: QMenu, shown: Collection[str]) -> None:
        """Offer to put the best first, by each metric that has a direction; those not `shown` a step further down."""
        others = QMenu(tr("Other metrics"), menu)
        for column in self._model.columns:
            if column.metric is not None and column.has_best:
                place = menu if column.key in shown else others
                place.addAction(f"{best_sign(column.metric)}  {column.title}", partial(self._sort_best, column))
        if others.actions():
            menu.addMenu(others)
        menu.addSeparator()
        menu.addAction(tr("Newest first"), partial(self.sort, [SortKey("created_at", True)]))

    def best_first(self) -> list[tuple[Column, Callable[[], object], str]]:
        """Return the metrics that have a best value, with what puts it first and what else the metric is called."""
        return [
            (column, partial(self._sort_best, column), column.metric.title)
            for column in self._model.columns
            if column.metric is not None and column.has_best
        ]

    def _sort_best(self, column: Column) -> None:
        self.shown_wanted.emit(column.key)
        self.sort([column.first_sort])
