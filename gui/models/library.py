"""The items of one kind in the library as a table: few enough to be all here, told apart by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QBrush, QColor

from gui.edits import split_tags
from gui.formats import MISSING, bytes_text, full_time_text, number_text, time_text, tr
from gui.models.columns import LEFT, RIGHT, AnyIndex
from gui.theme import theme
from storage import metric_for

if TYPE_CHECKING:
    from storage import LibraryItem

Role = Qt.ItemDataRole
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ItemColumn:
    """One column: its title, how an item's value is written, and what it is sorted by."""

    key: str
    title: str
    text: Callable[[LibraryItem], str]
    order: Callable[[LibraryItem], Any]
    align: Qt.AlignmentFlag = LEFT


COLUMNS = (
    ItemColumn("name", "Name", lambda item: item.name, lambda item: item.name.casefold()),
    ItemColumn("metric", "Best", lambda item: score_text(item), lambda item: _missing_last(item.metric_value), RIGHT),
    ItemColumn("dataset", "Dataset", lambda item: item.dataset_name, lambda item: item.dataset_name.casefold()),
    ItemColumn("model", "Model", lambda item: item.model_type, lambda item: item.model_type.casefold()),
    ItemColumn("tags", "Tags", lambda item: ", ".join(item.tags), lambda item: item.tags),
    ItemColumn("description", "Description", lambda item: item.description, lambda item: item.description.casefold()),
    ItemColumn("bytes", "Size", lambda item: bytes_text(item.bytes), lambda item: item.bytes, RIGHT),
    ItemColumn("when", "Kept", lambda item: time_text(item.created_at), lambda item: item.created_at or LONG_AGO),
)
EDITABLE = ("name", "tags", "description")


def column_number(key: str) -> int:
    """Return the place of a column."""
    return next(number for number, column in enumerate(COLUMNS) if column.key == key)


def score_text(item: LibraryItem) -> str:
    """Write the metric an item is judged by."""
    if item.metric_value is None or not item.metric_name:
        return MISSING
    metric = metric_for(item.metric_name)
    return number_text(item.metric_value, metric.digits if metric is not None else 3)


def _missing_last(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


def source_text(item: LibraryItem) -> str:
    """Say where an item comes from."""
    run = " · ".join(part for part in (item.dataset_name, item.run_name) if part)
    source = " / ".join(part for part in (run, item.pipeline_name or item.pipeline_id) if part)
    return tr("from {source}").format(source=source) if source else ""


def item_tip(item: LibraryItem) -> str:
    """Say all that is known of an item."""
    lines = [
        item.name,
        item.problem or "",
        item.description,
        tr("Tags: {tags}").format(tags=", ".join(item.tags)) if item.tags else "",
        source_text(item),
        f"{item.metric_name} = {item.metric_value!r}" if item.metric_value is not None else "",
        tr("Kept {when} by {who}").format(when=full_time_text(item.created_at), who=item.created_by)
        if item.created_at
        else "",
        f"{bytes_text(item.bytes)}  {item.path}",
    ]
    return "\n".join(line for line in lines if line)


class LibraryModel(QAbstractTableModel):
    """The items of a kind. `edited` asks to change one: it carries the item, the column and the text."""

    edited = Signal(object, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: list[LibraryItem] = []
        self.writable = False
        self._sorted = (0, Qt.SortOrder.AscendingOrder)

    def put(self, items: Sequence[LibraryItem]) -> None:
        """Show these items; those that were here before keep their rows as far as the order allows."""
        wanted = {item.name: item for item in self._in_order(items)}
        for row in reversed(range(len(self.items))):
            if self.items[row].name not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self.items[row]
                self.endRemoveRows()
        there = {item.name: row for row, item in enumerate(self.items)}
        self._rearrange([wanted[name] for name in wanted if name in there])
        for row, item in enumerate(wanted.values()):
            if row >= len(self.items) or self.items[row].name != item.name:
                self.beginInsertRows(QModelIndex(), row, row)
                self.items.insert(row, item)
                self.endInsertRows()

    def item(self, index: AnyIndex) -> LibraryItem | None:
        """Return the item of a row."""
        return self.items[index.row()] if index.isValid() and index.row() < len(self.items) else None

    def row_of(self, name: str) -> int:
        """Return the row of an item, -1 where it isn't here."""
        return next((row for row, item in enumerate(self.items) if item.name == name), -1)

    def _in_order(self, items: Sequence[LibraryItem]) -> list[LibraryItem]:
        column, order = self._sorted
        falling = order == Qt.SortOrder.DescendingOrder
        named = sorted(items, key=lambda item: item.name.casefold())
        return sorted(named, key=COLUMNS[column].order, reverse=falling)

    def _rearrange(self, items: list[LibraryItem]) -> None:
        """Bring the rows into this order and up to date; the items have the same names as before."""
        if [item.name for item in items] == [item.name for item in self.items]:
            changed = items != self.items
            self.items = items
            if changed:
                self.dataChanged.emit(self.index(0, 0), self.index(len(items) - 1, len(COLUMNS) - 1))
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        places = {item.name: row for row, item in enumerate(items)}
        new = [self.createIndex(places[self.items[index.row()].name], index.column()) for index in old]
        self.items = items
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    # --- what the view asks ---

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(COLUMNS):
            self._sorted = (column, order)
            self._rearrange(self._in_order(self.items))

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return tr(COLUMNS[section].title)
        if role == Role.TextAlignmentRole:
            return COLUMNS[section].align
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        item = self.item(index)
        if item is None or not self.writable or COLUMNS[index.column()].key not in EDITABLE:
            return flags
        sound = item.problem is None or COLUMNS[index.column()].key == "name"
        return flags | Qt.ItemFlag.ItemIsEditable if sound else flags

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        item = self.item(index)
        if item is None:
            return None
        column = COLUMNS[index.column()]
        if role in (Role.DisplayRole, Role.EditRole):
            return column.text(item)
        if role == Role.ToolTipRole:
            return item_tip(item)
        if role == Role.TextAlignmentRole:
            return column.align
        if role == Role.AccessibleTextRole and column.key == "name" and item.problem:
            return tr("{name}, damaged: {why}").format(name=item.name, why=item.problem)
        if role == Role.DecorationRole and column.key == "name" and item.problem:
            return theme().icon("damaged", "warning")
        if role == Role.ForegroundRole and column.key != "name":
            return QBrush(QColor(theme().colours.muted)) if column.key in ("bytes", "when") else None
        return None

    def setData(self, index: AnyIndex, value: Any, role: int = Role.EditRole) -> bool:
        item, text = self.item(index), str(value).strip()
        if role != Role.EditRole or item is None:
            return False
        key = COLUMNS[index.column()].key
        same = split_tags(text) == item.tags if key == "tags" else text == COLUMNS[index.column()].text(item)
        if same or (key == "name" and not text):
            return False
        self.edited.emit(item, key, text)
        return False  # the value shown changes when the library says so
