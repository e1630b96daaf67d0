"""What can be done with rows of the catalog: the commands, their keys, and the menu of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu
from shiboken6 import isValid

from gui.dialogs.export import ExportDialog
from gui.edits import split_tags
from gui.exports import ExportRequest
from gui.formats import cell_text, counted, integer_text, plain_text, tr
from gui.menus import fill_menu
from gui.models.columns import Column
from gui.models.listings import Chosen, fetch_ids
from gui.panes.selecting import SelectWhereDialog
from gui.query_text import equals, has_tag
from gui.tasks import Problem

if TYPE_CHECKING:
    from gui.panes.catalog import CatalogPane
    from storage import Workspace

ROWS_COPIED = 10_000


class RowActions(QObject):
    """The actions of the catalog. Keys without Ctrl work in the table only, so that they never take a letter away."""

    def __init__(self, pane: CatalogPane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._all: list[QAction] = []
        self.shared: list[QAction | None] = []  # of the menu of a row, those that other panes have too; None is a line
        self.ask_export: Callable[[], ExportDialog | None] = lambda: None  # set by who knows all that can be exported
        self._make()
        pane.table.customContextMenuRequested.connect(self._show_menu)

    def all(self) -> list[QAction]:
        """Return every command of the catalog."""
        return list(self._all)

    def _make(self) -> None:
        pane, table = self._pane, self._pane.table
        self.copy = self._action(tr("&Copy rows"), self.copy_rows, QKeySequence.StandardKey.Copy)
        self.select_all = self._action(tr("Select &all"), pane.selecting.select_all, QKeySequence.StandardKey.SelectAll)
        self.select_where = self._action(tr("Select &where…"), lambda: self.ask_where(), "Ctrl+Shift+A")
        self.invert = self._action(tr("&Invert selection"), pane.selecting.invert, "Ctrl+I")
        self.columns = self._action(tr("C&olumns…"), lambda: pane.choose_columns())
        self.sort = self._action(tr("&Sort by the current column"), partial(self._sort, False), "Ctrl+.")
        self.then = self._action(tr("&Then by the current column"), partial(self._sort, True), "Ctrl+Shift+.")
        self.unsort = self._action(tr("&Remove the current column from the sort"), self._unsort)
        group = pane.grouping.group
        self.groups = [
            self._action(tr("Group by dataset"), partial(group, ("dataset_name",))),
            self._action(tr("Group by model"), partial(group, ("model_type",))),
            self._action(tr("Group by run"), partial(group, ("run_id",))),
            self._action(tr("Group by configuration"), partial(group, ("config_name",))),
            self._action(tr("No groups"), partial(group, ())),
        ]
        self.tag = self._action(tr("&Tag…"), lambda: pane.annotating.ask_tags(), "T")
        self.note = self._action(tr("&Note…"), lambda: pane.annotating.ask_notes(), "N")
        self.star = self._action(tr("&Star on or off"), pane.annotating.toggle_star, "S")
        self.stars = self._action(tr("Sta&rs…"), lambda: pane.annotating.ask_stars(), "Shift+S")
        self.export = self._action(tr("&Export…"), self._ask_export, "E")
        table.addActions(self._all)
        pane.grouping.table.addAction(self.export)

    def _action(
        self, text: str, act: Callable[[], object], keys: str | QKeySequence.StandardKey | None = None
    ) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda _checked=False: act())
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._all.append(action)
        return action

    # --- doing ---

    def copy_rows(self) -> None:
        """Put the selected rows on the clipboard with the columns shown, in full precision; of very many the first."""
        chosen, listing = self._pane.selecting.chosen(), self._pane.model.listing
        if listing is not None and len(chosen.rows):
            work = partial(fetch_text, chosen, listing.filter_for_rows, self._pane.columns.shown_keys())
            self._pane.session.query(work, partial(self._put_on_clipboard, len(chosen.rows)))

    def _put_on_clipboard(self, wanted: int, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        if wanted > ROWS_COPIED:
            words = tr("The first {n} of {all} rows were copied. To take all of them, export them.")
            said = words.format(n=integer_text(ROWS_COPIED), all=integer_text(wanted))
        else:
            said = counted(wanted, "{n} row copied.", "{n} rows copied.")
        self._pane.said.emit(said)

    def ask_where(self) -> SelectWhereDialog | None:
        """Ask for a query and select what it matches."""
        pane = self._pane
        if pane.model.listing is None:
            return None
        dialog = SelectWhereDialog(pane.query.history, len(pane.model.keys), pane)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def refuse(problem: Problem) -> None:
            if isValid(dialog):
                dialog.query.show_problem(problem)

        pane.complete(dialog.query)
        dialog.wanted.connect(lambda text: pane.selecting.select_where(text, refuse))
        pane.selecting.selected.connect(dialog.accept)
        dialog.open()
        return dialog

    def export_rows(self, dialog: ExportDialog) -> None:
        """Write the rows and columns that a dialog asked for to its file."""
        pane, listing = self._pane, self._pane.model.listing
        if listing is None:
            return
        names = pane.columns.shown_keys() if dialog.shown_only else [column.key for column in pane.model.columns]
        request = ExportRequest(
            dialog.path(), listing.condition, listing.view.order, tuple(names), overwrite=dialog.overwrite,
            create=dialog.creates,
        )  # fmt: skip
        chosen = pane.selecting.chosen()
        if not dialog.selection_only or len(chosen.rows) == len(chosen.keys):
            pane.export_wanted.emit(request)
            return

        def go(ids: list[str]) -> None:
            pane.export_wanted.emit(replace(request, ids=tuple(ids)))

        pane.session.query(lambda workspace: fetch_ids(chosen.chosen_keys(), workspace), go)

    def _ask_export(self) -> None:
        """Ask what to export; where no row is selected the one somebody is at is meant. Of groups say what to do."""
        table, groups = self._pane.table, self._pane.grouping.table
        if groups.hasFocus():
            self._pane.said.emit(tr("Enter lists the results of a group, which E then exports; Ctrl+C copies groups."))
            return
        if table.hasFocus() and not table.chosen.rows():
            table.select_current()
        self.ask_export()

    def _sort(self, further: bool) -> None:
        if self._pane.table.currentIndex().isValid():
            self._pane.sorting.click(self._pane.table.currentIndex().column(), further)

    def _unsort(self) -> None:
        if self._pane.table.currentIndex().isValid():
            self._pane.sorting.drop(self._pane.table.currentIndex().column())

    # --- the menu of a row ---

    def _show_menu(self, at: QPoint) -> None:
        table, model = self._pane.table, self._pane.model
        index = table.indexAt(at)
        if not index.isValid():
            index = table.currentIndex()
        values = model.row(index.row()) if index.isValid() else None
        if values is None:
            return
        column, menu = model.columns[index.column()], QMenu(table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        clipboard, value = QGuiApplication.clipboard(), values.get(column.key)
        menu.addAction(self.copy)
        menu.addAction(tr("Copy value"), partial(clipboard.setText, plain_text(value)))
        menu.addSeparator()
        fill_menu(menu, self.shared)
        menu.addSeparator()
        menu.addMenu(tr("Select")).addActions([self.select_all, self.select_where, self.invert])
        others = (equals(key, values[key]) for key in ("dataset_name", "model_type", "run_id") if values.get(key))
        for text in dict.fromkeys((*conditions(column, value), *others)):
            menu.addAction(tr("Show only {query}").format(query=text), partial(self._pane.narrow, text))
        self._pane.sorting.offer(menu.addMenu(tr("Sort")), index.column())
        menu.popup(table.viewport().mapToGlobal(at))


def conditions(column: Column, value: Any) -> list[str]:
    """Write the conditions that results like one may be looked for by."""
    if value is None or column.key in ("prediction_id", "notes"):
        return []
    if column.key == "tags":
        return [has_tag(tag) for tag in split_tags(value)]
    if isinstance(value, float):
        return [f"{column.key} <= {plain_text(value)}", f"{column.key} >= {plain_text(value)}"]
    return [equals(column.key, value)] if isinstance(value, (str, int)) else []


def fetch_text(chosen: Chosen, filter: str, names: Sequence[str], workspace: Workspace) -> str:
    """Write rows as tab-separated text with a header; runs on the workspace's thread."""
    keys = chosen.chosen_keys()[:ROWS_COPIED]
    rows = workspace.catalog.rows(keys, filter)
    lines = ["\t".join(names), *("\t".join(cell_text(row.get(name)) for name in names) for row in rows)]
    return "\n".join(lines)
