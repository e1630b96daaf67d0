"""Which columns of the catalog are shown, in which order and how wide: as the user left them, else what suits."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QTableView

from gui.models import CatalogModel
from gui.settings import Settings
from gui.theme import GRID

SHOWN_AT_FIRST = (
    "status", "pipeline_name", "model_type", "dataset_name", "test_rmse", "test_r2", "val_rmse", "test_accuracy",
    "val_r2", "val_accuracy", "created_at",
)  # fmt: skip
WIDTHS = {"status": 100, "pipeline_name": 168, "model_type": 108, "dataset_name": 92, "created_at": 128}
METRIC_WIDTH = 80
LEAST_WIDTH = 48


class ColumnLayout(QObject):
    """Keeps the columns of a table in order. Once the user has touched one, nothing changes by itself."""

    def __init__(self, table: QTableView, model: CatalogModel, settings: Settings) -> None:
        super().__init__(table)
        self._table, self._model, self._settings = table, model, settings
        self._keys: list[str] = []
        self._by_user = bool(settings.columns)
        self._placing = False
        header = table.horizontalHeader()
        header.sectionMoved.connect(self._touched)
        header.sectionResized.connect(self._touched)

    def follow(self) -> bool:
        """Suit what is listed now; True if there are other columns than before."""
        keys = [column.key for column in self._model.columns]
        new = keys != self._keys
        if new or not self._by_user:
            self._apply(keys)
        return new

    def show_column(self, key: str, shown: bool) -> None:
        """Show or hide a column because the user wants it."""
        self._by_user = True
        self._table.setColumnHidden(self._model.column(key), not shown)

    def reset(self) -> None:
        """Show the columns a new user sees."""
        self._settings.columns, self._by_user = [], False
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
        if not self._by_user or not self._model.columns:
            return
        header = self._table.horizontalHeader()
        self._settings.columns = [
            {
                "key": self._model.columns[place].key,
                "width": header.sectionSize(place) or self._fit_width(place),
                "shown": not header.isSectionHidden(place),
            }
            for place in self.order()
        ]

    def _apply(self, keys: list[str]) -> None:
        """Arrange the columns there are; remembered ones that are gone are skipped, others come after."""
        remembered = {str(entry.get("key")): entry for entry in self._settings.columns}
        header = self._table.horizontalHeader()
        order = [key for key in remembered if key in keys] + [key for key in keys if key not in remembered]
        self._placing = True
        for visual, key in enumerate(order):
            place = keys.index(key)
            header.moveSection(header.visualIndex(place), visual)
            entry = remembered.get(key, {})
            self._table.setColumnHidden(place, not entry.get("shown", self._suits(place)))
            header.resizeSection(place, max(LEAST_WIDTH, int(entry.get("width", self._fit_width(place)))))
        self._placing = False
        self._keys = keys

    def _fit_width(self, place: int) -> int:
        column = self._model.columns[place]
        words = self._table.horizontalHeader().fontMetrics().horizontalAdvance(column.title) + 3 * GRID
        return WIDTHS.get(column.key, max(METRIC_WIDTH, words))

    def _suits(self, place: int) -> bool:
        """Whether a column is shown to somebody who has not chosen any: a metric only where something has it."""
        column, listing = self._model.columns[place], self._model.listing
        if column.key not in SHOWN_AT_FIRST or column.metric is None or listing is None or not listing.keys:
            return column.key in SHOWN_AT_FIRST
        rows = [row for page in listing.pages.values() for row in page]
        return any(row is not None and row.get(column.key) is not None for row in rows)

    def _touched(self, *_: object) -> None:
        if not self._placing and self._model.columns:
            self._by_user = True
