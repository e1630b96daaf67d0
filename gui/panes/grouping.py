"""The catalog in groups: by which columns, with which metrics, and the table that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTableView, QWidget

from gui.formats import tr
from gui.models.catalog import CatalogModel
from gui.models.columns import Column
from gui.models.groups import GroupsModel
from gui.panes.catalog_table import dress_table
from gui.panes.column_chooser import Choice, ColumnChooser
from gui.panes.column_layout import LEAST_WIDTH
from gui.panes.sort_header import SortHeader
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import GRID

if TYPE_CHECKING:
    from storage import Metric, Workspace

USUAL = ("dataset_name", "model_type", "run_id", "config_name")
NEVER_GROUPED = ("prediction_id", "notes", "noted_at")  # each result has its own
WIDEST, PADDING = 320, GRID
ROWS_MEASURED = 50  # to find out how wide a column is


class GroupsTable(QTableView):
    """One row for each group. `narrow_wanted` is emitted with the condition of the group that was entered."""

    narrow_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.groups = GroupsModel(self)
        titles = SortHeader(self)
        self.setHorizontalHeader(titles)
        self.setModel(self.groups)
        self.setObjectName("groupsTable")
        self.setAccessibleName(tr("Groups of predictions"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        dress_table(self)
        titles.setMinimumSectionSize(LEAST_WIDTH)
        titles.setResizeContentsPrecision(ROWS_MEASURED)
        titles.sort_wanted.connect(self.groups.click)
        self.activated.connect(lambda index: self.enter(index))

    def show_groups(self, by: Sequence[str], rows: Sequence[dict[str, Any]], metrics: Mapping[str, Metric]) -> None:
        """Show these groups; columns get the width of what is in them when they are other ones than before."""
        before = [column.key for column in self.groups.columns]
        here = self.currentIndex().row()
        self.groups.show(by, rows, metrics)
        if [column.key for column in self.groups.columns] != before:
            self.resizeColumnsToContents()
            for place in range(len(self.groups.columns)):
                self.setColumnWidth(place, min(WIDEST, self.columnWidth(place) + PADDING))
        self.setCurrentIndex(self.groups.index(max(0, min(here, len(rows) - 1)), 0))

    def enter(self, index: QModelIndex) -> None:
        """Ask to see the results of a group."""
        if index.isValid():
            self.narrow_wanted.emit(self.groups.condition(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
            QGuiApplication.clipboard().setText(self.groups.text(rows))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.enter(self.currentIndex())
        else:
            super().keyPressEvent(event)


class Grouping(QObject):
    """Holds by what the catalog is grouped (`by` is empty when it is not) and asks for the groups.

    `wanted` tells that something else shall be shown now, `arrived` that the groups are here.
    """

    wanted = Signal()
    arrived = Signal()

    def __init__(self, session: Session, model: CatalogModel, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._model, self._settings, self._pane = session, model, settings, parent
        self.by: tuple[str, ...] = ()
        self.table = GroupsTable()

    def group(self, by: Sequence[str]) -> None:
        """Group by these columns, or no longer."""
        self.by = tuple(dict.fromkeys(by))
        self.wanted.emit()

    def ask(self, condition: str, refused: Callable[[Problem], None]) -> None:
        """Ask for the groups of what matches."""
        by, metrics = self.by, self._settings.group_metrics or None
        if by:
            self._session.query(
                partial(fetch_groups, by, metrics, condition), partial(self._take, by), refused, topic="groups"
            )

    def text(self) -> str:
        """Say by what it is grouped, for the button."""
        titles = ", ".join(column.title for column in self._columns(self.by))
        return tr("Group by {columns}").format(columns=titles) if self.by else tr("Group by")

    def offer(self, menu: QMenu) -> None:
        """Fill the menu of the button."""
        menu.clear()
        first, second = self.by[:1], self.by[1:2]
        self._tick(menu.addAction(tr("No groups"), partial(self.group, ())), not self.by)
        for column in self._columns(USUAL):
            self._offer_column(menu, column, first, (column.key, *second))
        more = menu.addMenu(tr("Other column"))
        for column in self._others(USUAL):
            self._offer_column(more, column, first, (column.key, *second))
        menu.addSeparator()
        then = menu.addMenu(tr("Then by"))
        then.setEnabled(bool(self.by))
        self._tick(then.addAction(tr("Nothing else"), partial(self.group, first)), not second)
        for column in [*self._columns(USUAL), *self._others(USUAL)]:
            if column.key not in first:
                self._offer_column(then, column, second, (*first, column.key))
        menu.addSeparator()
        menu.addAction(tr("Metrics…"), self.choose_metrics).setEnabled(bool(self.by))

    def choose_metrics(self) -> ColumnChooser:
        """Ask of which metrics the groups show best, mean and spread."""
        chooser = ColumnChooser(tr("Metrics of the groups"), tr("Standard metrics"), self._pane, movable=False)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def fill() -> None:
            shown = self._metrics_shown()
            known = [column for column in self._model.columns if column.metric is not None]
            chooser.fill([Choice(column.key, column.title, column.key in shown) for column in known])

        def tick(key: str, wanted: bool) -> None:
            shown = [name for name in self._metrics_shown() if name != key]
            shown = [*shown, key] if wanted else shown
            self._settings.group_metrics = shown
            self.wanted.emit() if shown else reset()

        def reset() -> None:
            self._settings.group_metrics = []
            self.arrived.connect(fill, Qt.ConnectionType.SingleShotConnection)
            self.wanted.emit()

        chooser.ticked.connect(tick)
        chooser.reset_wanted.connect(reset)
        fill()
        chooser.open()
        return chooser

    def _metrics_shown(self) -> list[str]:
        if self._settings.group_metrics:
            return list(self._settings.group_metrics)
        return [one.key.removeprefix("mean_") for one in self.table.groups.columns if one.key.startswith("mean_")]

    def _take(self, by: Sequence[str], found: tuple[tuple[str, ...], list[dict[str, Any]]]) -> None:
        there, rows = found
        if tuple(by) != self.by:
            return
        if there != self.by:  # remembered from where there were other columns
            self.by = by = there
        if self.by:
            metrics = {column.key: column.metric for column in self._model.columns if column.metric is not None}
            self.table.show_groups(by, rows, metrics)
        self.arrived.emit()

    def _columns(self, names: Sequence[str]) -> list[Column]:
        known = {column.key: column for column in self._model.columns}
        return [known[name] for name in names if name in known]

    def _others(self, names: Sequence[str]) -> list[Column]:
        known = [one for one in self._model.columns if one.kind == "text" or one.key == "stars"]
        return [one for one in known if one.key not in (*names, *NEVER_GROUPED)]

    def _offer_column(self, menu: QMenu, column: Column, chosen: Sequence[str], by: Sequence[str]) -> None:
        self._tick(menu.addAction(column.title, partial(self.group, by)), column.key in chosen)

    def _tick(self, action: QAction, on: bool) -> None:
        action.setCheckable(True)
        action.setChecked(on)


def fetch_groups(
    by: Sequence[str], metrics: Sequence[str] | None, condition: str, workspace: Workspace
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Group the results that match; runs on the workspace's thread. Returns also by what they are grouped.

    Columns that are not there are left out; without any there are no groups. So are, without a wish, metrics that no
    group has.
    """
    catalog = workspace.catalog
    known = {column.name for column in catalog.columns()}
    there = tuple(name for name in by if name in known or name in (*catalog.computed(condition), *catalog.parameters()))
    shown = [name for name in metrics or () if name in known]
    rows = catalog.group(there, shown or None, condition, datasets=True) if there else []
    return there, rows if shown else _without_empty(rows)


def _without_empty(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [name.removeprefix("mean_") for name in (rows[0] if rows else ()) if name.startswith("mean_")]
    empty = {name for name in names if all(row[f"mean_{name}"] is None for row in rows)}
    gone = {f"{kind}_{name}" for name in empty for kind in ("best", "mean", "std")}
    return [{key: value for key, value in row.items() if key not in gone} for row in rows]
