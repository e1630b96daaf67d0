"""Which columns of the catalog are shown, in which order and how wide: as the user left them, else what suits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QWidget

from gui.formats import tr
from gui.models.catalog import CatalogModel
from gui.models.columns import FRONT
from gui.panes.column_chooser import Choice, ColumnChooser
from gui.settings import Settings
from gui.theme import GRID

if TYPE_CHECKING:
    from gui.panes.catalog_table import CatalogTable

SHOWN_AT_FIRST = (
    "status", "pipeline_name", "stars", "tags", "model_type", "dataset_name", "test_rmse", "test_r2", "val_rmse",
    "test_accuracy", "val_r2", "val_accuracy", "created_at",
)  # fmt: skip
WIDTHS = {
    "status": 56, "pipeline_name": 176, "stars": 72, "tags": 120, "model_type": 104, "dataset_name": 104,
    "created_at": 128, "noted_at": 128, "notes": 200,
}  # fmt: skip
SPARE = {
    "pipeline_name": 400,
    "dataset_name": 200,
    "model_type": 200,
}  # how wide they grow where there is room, by rank
GIVES = {"pipeline_name": 40}  # pixels that a name gives up where that brings the column at the edge into sight
GIVES_ELSE = 24
MARKS = ("stars", "tags")  # shown by themselves as soon as any result has them
PINNED_AT_FIRST = ("pipeline_name",)
METRIC_WIDTH = 80
LONGEST_NUMBER = "▼ 0.000888"  # that a metric is written as with three digits, and the sign of the best before it
SPREAD_WIDTH = 56  # more, where the spread is written behind a metric
LEAST_WIDTH = 48


class ColumnLayout(QObject):
    """Keeps the columns of a table in order. What the user arranged stays; of the columns that nobody chose to see, or
    not to see, a metric is shown where something listed has it.

    Room that the columns leave goes to the names, as far as they need it, then to the first of them; a width
    that the user chose stays.

    Pinned columns are the first ones. `arranged` tells that the user changed something, `shown` that others are shown.
    """

    arranged = Signal()
    shown = Signal()

    def __init__(self, table: CatalogTable, model: CatalogModel, settings: Settings) -> None:
        super().__init__(table)
        self._table, self._model, self._settings = table, model, settings
        self._keys: list[str] = []
        self._arranged = settings.columns  # as the user left them
        self._by_user = bool(self._arranged)
        self._pinned = _pinned_in(self._arranged)
        self._placing = False
        self._marked: frozenset[str] = frozenset()  # of tags and stars; once shown they stay
        self._revealed: set[str] = set()
        self._sized = _sized_in(self._arranged)  # whose width the user chose
        self._chosen = _chosen_in(self._arranged)  # which the user chose to see, or not to see
        self._led: tuple[str, ...] = ()  # which come first, and are shown, as long as the user arranged none
        self._least: dict[str, int] = {}  # widths of SPARE columns without any room to spare
        header = table.horizontalHeader()
        header.sectionMoved.connect(self._moved)
        header.sectionResized.connect(self._resized)
        table.resized.connect(self.share_room)
        model.modelAboutToBeReset.connect(self._note)

    def follow(self) -> bool:
        """Suit what is listed now; True if there are other columns than before."""
        keys = [column.key for column in self._model.columns]
        new = keys != self._keys
        marked = self._model.listing.marked if self._model.listing is not None else frozenset()
        fresh, self._marked = marked - self._marked, self._marked | marked
        if new or not self._by_user:
            self._apply(keys)
        else:
            self._placing = True
            for key in fresh:
                self._table.setColumnHidden(self._model.column(key), False)
            for place, column in enumerate(self._model.columns):
                if column.metric is not None and column.key not in self._chosen and column.key not in self._revealed:
                    self._table.setColumnHidden(place, not self._suits(place))
            self._placing = False
            self._hold()
        return new

    def show_column(self, key: str, shown: bool) -> None:
        """Show or hide a column because the user wants it."""
        self._revealed.discard(key)
        self._chosen.add(key)
        self._table.setColumnHidden(self._model.column(key), not shown)
        self._touched()
        self._hold()

    def pin(self, key: str, pinned: bool) -> None:
        """Keep a column at the left edge because the user wants it, or let it scroll with the others again."""
        self._pinned = [one for one in self._pinned if one != key]
        if pinned:
            self._pinned.append(key)
            self._chosen.add(key)
            self._table.setColumnHidden(self._model.column(key), False)
        self._put_in_order([self._model.columns[place].key for place in self.order()])
        self._touched()

    def is_pinned(self, key: str) -> bool:
        """Whether a column stays at the left edge."""
        return key in self._pinned

    def make_room(self, for_spread: bool) -> None:
        """Make the columns whose spread is shown from now on wider, or as they were."""
        self._placing = True
        for place, column in enumerate(self._model.columns):
            if column.spread and not self._table.isColumnHidden(place):
                width = self._table.columnWidth(place) + (SPREAD_WIDTH if for_spread else -SPREAD_WIDTH)
                self._table.setColumnWidth(place, max(LEAST_WIDTH, width))
        self._placing = False
        self.share_room()

    def share_room(self) -> None:
        """Give the room that is left at the right to the names, as far as the user didn't choose their width."""
        shown = {
            self._model.columns[place].key: place for place in self.order() if not self._table.isColumnHidden(place)
        }
        elastic = {key: shown[key] for key in SPARE if key in shown and key in self._least and key not in self._sized}
        taken = sum(self._table.columnWidth(place) for key, place in shown.items() if key not in elastic)
        room = self._table.viewport().width() - taken - sum(self._least[key] for key in elastic)
        before, self._placing = self._placing, True
        widths = {key: self._least[key] - less for key, less in self._given(shown, elastic).items()}
        for most in ({key: self._table.sizeHintForColumn(place) for key, place in elastic.items()}, SPARE):
            for key in elastic:
                more = max(0, min(room, most[key] - widths[key], SPARE[key] - widths[key]))
                widths[key] += more
                room -= more
        for key, place in elastic.items():
            self._table.setColumnWidth(place, widths[key])
        self._placing = before

    def _given(self, shown: dict[str, int], elastic: dict[str, int]) -> dict[str, int]:
        """How much narrower the names become so that no column stands half in sight; 0 where that is not enough."""
        room = self._table.viewport().width()
        left, most = 0, dict[str, int]()
        for key, place in shown.items():
            right = left + (self._least[key] if key in elastic else self._table.columnWidth(place))
            if key in elastic:
                most[key] = min(GIVES.get(key, GIVES_ELSE), self._least[key] - LEAST_WIDTH)
            elif left < room < right <= room + sum(most.values()):
                given = {}
                for one in most:
                    given[one] = min(most[one], right - room)
                    right -= given[one]
                return {key: given.get(key, 0) for key in elastic}
            left = right
        return dict.fromkeys(elastic, 0)

    def reveal(self, key: str) -> None:
        """Show a column because something was just written there."""
        place = self._model.column(key)
        if place >= 0 and self._table.isColumnHidden(place):
            self._revealed.add(key)
            self._placing = True  # it is not the user who arranges it
            self._table.setColumnHidden(place, False)
            self._placing = False
            self._hold()

    def arrange(self, keys: Sequence[str]) -> None:
        """Put the columns into this order because the user wants it."""
        known = [key for key in keys if self._model.column(key) >= 0]
        self._pinned = [key for key in known if key in self._pinned]
        self._put_in_order(known)
        self._touched()

    def choose(self, parent: QWidget) -> ColumnChooser:
        """Ask which columns to show and in which order."""
        chooser = ColumnChooser(tr("Columns"), tr("Standard columns"), parent)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def reset() -> None:
            self.reset()
            chooser.fill(self.choices())

        def pin(key: str, pinned: bool) -> None:
            self.pin(key, pinned)
            chooser.fill(self.choices())

        chooser.ticked.connect(self.show_column)
        chooser.moved.connect(self.arrange)
        chooser.pin_wanted.connect(pin)
        chooser.reset_wanted.connect(reset)
        chooser.fill(self.choices())
        chooser.open()
        return chooser

    def choices(self) -> list[Choice]:
        """Return all columns from left to right, to choose from."""
        columns = self._model.columns
        return [
            Choice(key, columns[place].title, not self._table.isColumnHidden(place), self.is_pinned(key))
            for place in self.order()
            for key in (columns[place].key,)
        ]

    def reset(self) -> None:
        """Show the columns a new user sees."""
        self.restore([])

    def entries(self) -> list[dict[str, Any]]:
        """Return how the user arranged the columns, to be remembered; nothing if they are the standard ones."""
        self._note()
        return self._arranged if self._by_user else []

    def restore(self, entries: Sequence[dict[str, Any]], first: Sequence[str] = ()) -> None:
        """Arrange the columns as `entries` returned it, as far as they exist; without any, the standard ones.

        Of the standard ones those that are to be `first` come before the others, behind pinned ones.
        """
        self._settings.columns = list(entries)
        self._take(entries, first)
        self._apply([column.key for column in self._model.columns])
        self.arranged.emit()

    def recall(self, sorted_by: Sequence[str] = ()) -> None:
        """Go by what is remembered, as for another workspace; it shows once something is listed.

        What is sorted by is shown, too: else nothing in the table would tell why the rows are in that order.
        """
        self._take(self._settings.columns, [key for key in sorted_by if key not in SHOWN_AT_FIRST])
        self._keys, self._marked = [], frozenset()

    def _take(self, entries: Sequence[dict[str, Any]], first: Sequence[str]) -> None:
        self._arranged, self._by_user = list(entries), bool(entries)
        self._pinned = _pinned_in(self._arranged)
        self._sized = _sized_in(self._arranged)
        self._chosen = _chosen_in(self._arranged)
        self._led = tuple(first)
        self._revealed = set(first)
        self._least.clear()

    def first(self) -> int:
        """Return the column shown first."""
        header = self._table.horizontalHeader()
        return next((place for place in self.order() if not header.isSectionHidden(place)), 0)

    def order(self) -> list[int]:
        """Return the columns from left to right, hidden ones too."""
        header = self._table.horizontalHeader()
        return [header.logicalIndex(visual) for visual in range(header.count())]

    def shown_keys(self) -> list[str]:
        """Name the columns shown, from left to right."""
        return [self._model.columns[place].key for place in self.order() if not self._table.isColumnHidden(place)]

    def save(self) -> None:
        """Remember the columns if the user arranged them."""
        self._note()
        if self._by_user:
            self._settings.columns = self._arranged

    def _note(self) -> None:
        """Note how the user arranged the columns, before there may be others."""
        header = self._table.horizontalHeader()
        if not self._by_user or header.count() != len(self._model.columns) or not self._model.columns:
            return
        self._arranged = [
            {
                "key": self._model.columns[place].key,
                "width": self._own_width(place) or self._fit_width(place),
                "sized": self._model.columns[place].key in self._sized,
                "shown": not header.isSectionHidden(place),
                "chosen": self._model.columns[place].key in self._chosen,
                "pinned": self._model.columns[place].key in self._pinned,
            }
            for place in self.order()
            if not self._passing(place)
        ]

    def _own_width(self, place: int) -> int:
        """Return the width of a column without the room it was given, 0 while it is hidden."""
        key, width = self._model.columns[place].key, self._table.horizontalHeader().sectionSize(place)
        return self._least.get(key, width) if key not in self._sized else width

    def _passing(self, place: int) -> bool:
        """Whether a column is here or hidden by itself, not because the user wants it."""
        column = self._model.columns[place]
        return column.computed or (column.key in MARKS and column.key not in self._marked)

    def _apply(self, keys: list[str]) -> None:
        """Arrange the columns there are; remembered ones that are gone are skipped, others come after."""
        remembered = {str(entry.get("key")): entry for entry in self._arranged}
        header = self._table.horizontalHeader()
        order = self._with_new([key for key in remembered if key in keys], keys)
        if not self._by_user:
            order = sorted(order, key=lambda key: key not in self._led)  # all else stays in order
        self._put_in_order(order)
        self._placing = True
        for place, key in enumerate(keys):
            entry = remembered.get(key, {})
            suited = self._model.columns[place].metric is not None and key not in self._chosen
            shown = (self._suits(place) if suited else entry.get("shown", self._suits(place))) or key in self._revealed
            self._table.setColumnHidden(place, not shown)
            width = max(LEAST_WIDTH, int(entry.get("width", self._fit_width(place))))
            if key in SPARE:
                self._least[key] = width
            header.resizeSection(place, width)
        self._placing = False
        self._keys = keys
        self._hold()

    def _put_in_order(self, keys: Sequence[str]) -> None:
        """Put the columns into this order, pinned ones first."""
        header = self._table.horizontalHeader()
        first = [key for key in self._pinned if key in keys]
        self._placing = True
        for visual, key in enumerate([*first, *(key for key in keys if key not in first)]):
            header.moveSection(header.visualIndex(self._model.column(key)), visual)
        self._placing = False
        self._hold()

    def _hold(self) -> None:
        """Let the table know which columns stay where they are."""
        places = [self._model.column(key) for key in self._pinned]
        self.share_room()
        self._table.pins.hold([place for place in places if place >= 0 and not self._table.isColumnHidden(place)])
        self.shown.emit()

    def _moved(self, *_: object) -> None:
        if self._placing or not self._model.columns:
            return
        order = [self._model.columns[place].key for place in self.order()]
        self._pinned = [key for key in order if key in self._pinned]
        self._put_in_order(order)  # nothing comes between pinned ones
        self._touched()

    def _with_new(self, known: list[str], keys: list[str]) -> list[str]:
        """Put columns that are new behind those remembered, but what a query computes where it is seen."""
        if not known:
            return keys
        fresh = [one.key for one in self._model.columns if one.key not in known]
        telling = [one.key for one in self._model.columns if one.key in fresh and one.computed]
        place = max((known.index(key) + 1 for key in FRONT if key in known), default=0)
        return [*known[:place], *telling, *known[place:], *(key for key in fresh if key not in telling)]

    def _fit_width(self, place: int) -> int:
        column = self._model.columns[place]
        words = self._table.horizontalHeader().fontMetrics().horizontalAdvance(column.title) + 3 * GRID
        if column.metric is not None:
            bold = QFont(self._table.font())
            bold.setBold(True)
            words = max(words, QFontMetrics(bold).horizontalAdvance(LONGEST_NUMBER) + 2 * GRID)
        more = SPREAD_WIDTH if column.spread and self._model.spread_shown else 0
        return WIDTHS.get(column.key, max(METRIC_WIDTH, words) + more)

    def _suits(self, place: int) -> bool:
        """Whether a column is shown to somebody who has not chosen any: a metric only where something has it."""
        column, listing = self._model.columns[place], self._model.listing
        if column.computed:
            return True
        if column.key in MARKS:
            return column.key in self._marked
        if column.key not in SHOWN_AT_FIRST or column.metric is None or listing is None or not listing.keys:
            return column.key in SHOWN_AT_FIRST
        rows = [row for page in listing.pages.values() for row in page]
        return any(row is not None and row.get(column.key) is not None for row in rows)

    def _resized(self, place: int, before: int, width: int) -> None:
        if not self._placing and self._model.columns and before and width:  # not hidden or shown
            self._sized.add(self._model.columns[place].key)
        self._touched()

    def _touched(self, *_: object) -> None:
        if not self._placing and self._model.columns:
            self._by_user = True
            self.arranged.emit()


def _pinned_in(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Name the pinned columns, from left to right; those of a new user if nothing was noted of any."""
    if not any("pinned" in entry for entry in entries):
        return list(PINNED_AT_FIRST)
    return [str(entry.get("key")) for entry in entries if entry.get("pinned")]


def _chosen_in(entries: Sequence[dict[str, Any]]) -> set[str]:
    """Name the columns that the user chose to see, or not to see; where that wasn't noted, all."""
    return {str(entry.get("key")) for entry in entries if "shown" in entry and entry.get("chosen", True)}


def _sized_in(entries: Sequence[dict[str, Any]]) -> set[str]:
    """Name the columns whose width the user chose; where that wasn't noted, all that have one."""
    return {str(entry.get("key")) for entry in entries if "width" in entry and entry.get("sized", True)}
