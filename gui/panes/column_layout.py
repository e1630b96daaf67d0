"""Which columns of the catalog are shown, in which order and how wide: as the user left them, else what suits."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QTableView, QWidget

from gui.columns import FRONT
from gui.formats import tr
from gui.models import CatalogModel
from gui.panes.column_chooser import Choice, ColumnChooser
from gui.settings import Settings
from gui.theme import GRID

SHOWN_AT_FIRST = (
    "status", "pipeline_name", "stars", "tags", "model_type", "dataset_name", "test_rmse", "test_r2", "val_rmse",
    "test_accuracy", "val_r2", "val_accuracy", "created_at",
)  # fmt: skip
WIDTHS = {
    "status": 100, "pipeline_name": 168, "stars": 72, "tags": 120, "model_type": 108, "dataset_name": 92,
    "created_at": 128, "notes": 200,
}  # fmt: skip
MARKS = ("stars", "tags")  # shown by themselves as soon as any result has them
METRIC_WIDTH = 80
LEAST_WIDTH = 48


class ColumnLayout(QObject):
    """Keeps the columns of a table in order. Once the user has touched one, nothing changes by itself."""

    def __init__(self, table: QTableView, model: CatalogModel, settings: Settings) -> None:
        super().__init__(table)
        self._table, self._model, self._settings = table, model, settings
        self._keys: list[str] = []
        self._arranged = settings.columns  # as the user left them
        self._by_user = bool(self._arranged)
        self._placing = False
        self._marked: frozenset[str] = frozenset()  # of tags and stars; once shown they stay
        self._revealed: set[str] = set()
        header = table.horizontalHeader()
        header.sectionMoved.connect(self._touched)
        header.sectionResized.connect(self._touched)
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
            for key in fresh:
                self._table.setColumnHidden(self._model.column(key), False)
        return new

    def show_column(self, key: str, shown: bool) -> None:
        """Show or hide a column because the user wants it."""
        self._by_user = True
        self._revealed.discard(key)
        self._table.setColumnHidden(self._model.column(key), not shown)

    def reveal(self, key: str) -> None:
        """Show a column because something was just written there."""
        place = self._model.column(key)
        if place >= 0 and self._table.isColumnHidden(place):
            self._revealed.add(key)
            self._table.setColumnHidden(place, False)

    def arrange(self, keys: Sequence[str]) -> None:
        """Put the columns into this order because the user wants it."""
        header = self._table.horizontalHeader()
        self._by_user = True
        for visual, key in enumerate(keys):
            place = self._model.column(key)
            if place >= 0:
                header.moveSection(header.visualIndex(place), visual)

    def choose(self, parent: QWidget) -> ColumnChooser:
        """Ask which columns to show and in which order."""
        chooser = ColumnChooser(tr("Columns"), tr("Standard columns"), parent)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def reset() -> None:
            self.reset()
            chooser.fill(self.choices())

        chooser.ticked.connect(self.show_column)
        chooser.moved.connect(self.arrange)
        chooser.reset_wanted.connect(reset)
        chooser.fill(self.choices())
        chooser.open()
        return chooser

    def choices(self) -> list[Choice]:
        """Return all columns from left to right, to choose from."""
        columns = self._model.columns
        return [
            Choice(columns[place].key, columns[place].title, not self._table.isColumnHidden(place))
            for place in self.order()
        ]

    def reset(self) -> None:
        """Show the columns a new user sees."""
        self._settings.columns, self._arranged, self._by_user = [], [], False
        self._revealed.clear()
        self._apply([column.key for column in self._model.columns])

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
                "width": header.sectionSize(place) or self._fit_width(place),
                "shown": not header.isSectionHidden(place),
            }
            for place in self.order()
            if not self._passing(place)
        ]

    def _passing(self, place: int) -> bool:
        """Whether a column is here or hidden by itself, not because the user wants it."""
        column = self._model.columns[place]
        return column.computed or (column.key in MARKS and column.key not in self._marked)

    def _apply(self, keys: list[str]) -> None:
        """Arrange the columns there are; remembered ones that are gone are skipped, others come after."""
        remembered = {str(entry.get("key")): entry for entry in self._arranged}
        header = self._table.horizontalHeader()
        order = self._with_new([key for key in remembered if key in keys], keys)
        self._placing = True
        for visual, key in enumerate(order):
            place = keys.index(key)
            header.moveSection(header.visualIndex(place), visual)
            entry = remembered.get(key, {})
            shown = entry.get("shown", self._suits(place)) or key in self._revealed
            self._table.setColumnHidden(place, not shown)
            header.resizeSection(place, max(LEAST_WIDTH, int(entry.get("width", self._fit_width(place)))))
        self._placing = False
        self._keys = keys

    def _with_new(self, known: list[str], keys: list[str]) -> list[str]:
        """Put columns that are new behind those remembered, but marks and what a query computes where they are seen."""
        if not known:
            return keys
        fresh = [one.key for one in self._model.columns if one.key not in known]
        telling = [one.key for one in self._model.columns if one.key in fresh and (one.computed or one.key in MARKS)]
        place = max((known.index(key) + 1 for key in FRONT if key in known), default=0)
        return [*known[:place], *telling, *known[place:], *(key for key in fresh if key not in telling)]

    def _fit_width(self, place: int) -> int:
        column = self._model.columns[place]
        words = self._table.horizontalHeader().fontMetrics().horizontalAdvance(column.title) + 3 * GRID
        return WIDTHS.get(column.key, max(METRIC_WIDTH, words))

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

    def _touched(self, *_: object) -> None:
        if not self._placing and self._model.columns:
            self._by_user = True
