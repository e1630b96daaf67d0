"""The catalog: every prediction ever made here, sorted, filtered and paged, with the query box above."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.columns import Column
from gui.formats import integer_text, plain_text, tr
from gui.models import CatalogModel, View, rows_of
from gui.panes.column_layout import LEAST_WIDTH, ColumnLayout
from gui.selection import Picked, Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import GRID, ROW_HEIGHT, theme
from gui.widgets import EmptyState, QueryBox

if TYPE_CHECKING:
    from storage import Workspace

ROWS_KEPT_SELECTED = 200
ROWS_COPIED = 10_000


class CatalogPane(QWidget):
    """The table with its states. It follows the selection and sets it; `described` says what is listed."""

    described = Signal(str)
    new_run_wanted = Signal()

    def __init__(
        self,
        session: Session,
        selection: Selection,
        settings: Settings,
        query: QueryBox,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._settings, self._query = session, selection, settings, query
        self.model = CatalogModel(session, self)
        self._filter, self._order = "", settings.order
        self._placing = False
        self.table = QTableView()
        self._make_table()
        self.columns = ColumnLayout(self.table, self.model, settings)
        self._pages = QStackedWidget()
        self._no_runs = EmptyState(
            tr("No results yet"),
            tr("Train pipelines on a data file and every result appears here. You can also drop a file on the window."),
        )
        self._no_runs.offer(tr("New run…"), self.new_run_wanted.emit, primary=True)
        self._no_match = EmptyState(tr("Nothing matches"), "")
        self._no_match.offer(tr("Clear filter"), lambda: query.put(""), primary=True)
        for page in (self.table, self._no_runs, self._no_match):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_strip())
        layout.addWidget(self._pages, 1)
        query.applied.connect(self._apply_filter)
        query.history = settings.queries
        selection.changed.connect(self._follow)
        session.changed.connect(self.refresh)
        session.opened.connect(self._start_over)
        session.closed.connect(self._start_over)
        self.model.listed.connect(self._listed)
        self.model.completed.connect(self._completed)
        self.model.refused.connect(self._refused)
        self.model.dataChanged.connect(self._page_came)
        theme().changed.connect(self.table.viewport().update)

    # --- making ---

    def _make_table(self) -> None:
        table = self.table
        table.setObjectName("catalogTable")
        table.setAccessibleName(tr("Catalog of predictions"))
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setAlternatingRowColors(True)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setTabKeyNavigation(False)
        table.setCornerButtonEnabled(False)
        rows = table.verticalHeader()
        rows.hide()
        rows.setDefaultSectionSize(ROW_HEIGHT)
        rows.setMinimumSectionSize(ROW_HEIGHT)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = table.horizontalHeader()
        header.setSectionsMovable(True)
        header.setSectionsClickable(True)
        header.setHighlightSections(False)
        header.setSortIndicatorShown(True)
        header.setMinimumSectionSize(LEAST_WIDTH)
        # Of its own, always empty: else painting a title asks for every row whether it is selected.
        header.setSelectionModel(QItemSelectionModel(self.model, header))
        header.sectionClicked.connect(self._sort_clicked)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(
            lambda at: self._fill_columns(QMenu(self)).exec(header.mapToGlobal(at))
        )
        table.selectionModel().currentChanged.connect(lambda *_: self._pick_current())
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        copy = QAction(tr("Copy rows"), table)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy_rows)
        table.addAction(copy)

    def _make_strip(self) -> QWidget:
        strip = QWidget()
        heading = QLabel(tr("Catalog"))
        heading.setStyleSheet("font-weight: 600")
        self._count = QLabel()
        self._count.setObjectName("muted")
        layout = QHBoxLayout(strip)
        layout.setContentsMargins(GRID, 2, 4, 2)
        layout.setSpacing(GRID)
        layout.addWidget(heading)
        layout.addWidget(self._count)
        layout.addStretch(1)
        self.sort_button = self._menu_button(tr("Best by"), "runs", self._fill_sorts)
        self.columns_button = self._menu_button(tr("Columns"), "columns", self._fill_columns)
        layout.addWidget(self.sort_button)
        layout.addWidget(self.columns_button)
        return strip

    def _menu_button(self, text: str, icon: str, fill: Any) -> QToolButton:
        button = QToolButton()
        button.setObjectName("flat")
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: fill(menu))
        button.setMenu(menu)
        theme().dress(button, icon)
        return button

    # --- listing ---

    def refresh(self) -> None:
        """List again what is listed, keeping selection and place."""
        top = self.model.row(self.table.rowAt(0)) if self.table.rowAt(0) > 0 else None
        self.model.ask(View(self._filter, self._order, self._selected_ids(), str(top["prediction_id"]) if top else ""))

    def sort_by(self, key: str, *, descending: bool) -> None:
        """Sort by a column."""
        self._order = f"-{key}" if descending else key
        self._settings.order = self._order
        self.model.ask(View(self._filter, self._order, self._selected_ids()))

    def _apply_filter(self, text: str) -> None:
        self._filter = text
        self.model.ask(View(text, self._order, self._selected_ids()))

    def _start_over(self) -> None:
        self.model.clear()
        self._filter = ""
        self._query.blockSignals(True)
        self._query.clear()
        self._query.blockSignals(False)
        self._query.clear_problem()
        self.described.emit("")
        self._count.setText("")
        if self._session.workspace is not None:
            self.model.ask(View("", self._order))

    def _selected_ids(self) -> tuple[str, ...]:
        picked = self._selection.current
        ids = [picked.prediction_id] if picked is not None and picked.prediction_id else []
        for row in self._selected_rows(ROWS_KEPT_SELECTED):
            values = self.model.row(row)
            if values is not None and values["prediction_id"] not in ids:
                ids.append(values["prediction_id"])
        return tuple(ids)

    def _selected_rows(self, most: int) -> list[int]:
        rows: list[int] = []
        selection = self.table.selectionModel().selection()
        for number in range(selection.size()):  # ranges, not rows: all selected is one range
            part = selection.at(number)
            rows.extend(range(part.top(), min(part.bottom() + 1, part.top() + most - len(rows))))
        return rows

    def _listed(self) -> None:
        listing = self.model.listing
        assert listing is not None
        if listing.view.filter and listing.view.filter == self._query.text().strip():
            self._query.clear_problem()
            self._settings.remember_query(listing.view.filter)
            self._query.history = self._settings.queries
        if self.columns.follow():
            self._query.offer(
                [*(column.key for column in self.model.columns), "and", "or", "not", "in", "between", "is null"]
            )
        self._show_order()
        self._placing = True
        self._place(listing.current_row, listing.selected_rows)
        self.table.verticalScrollBar().setValue(listing.top_row)
        self._placing = False
        self._show_page()

    def _completed(self) -> None:
        listing = self.model.listing
        if listing is not None and not self.table.currentIndex().isValid():
            self._placing = True
            self._place(listing.current_row, listing.selected_rows)
            self._placing = False
        self._show_page()

    def _show_page(self) -> None:
        listing = self.model.listing
        assert listing is not None
        shown, total = integer_text(len(listing.keys)), integer_text(listing.total)
        if not listing.complete:
            shown = total = "…"
        if listing.total == 0:
            self._pages.setCurrentWidget(self._no_runs)
        elif not listing.keys:
            self._no_match.say(
                tr("Nothing matches"),
                tr("None of {total} predictions fits  {query}").format(total=total, query=listing.view.filter),
            )
            self._pages.setCurrentWidget(self._no_match)
        else:
            self._pages.setCurrentWidget(self.table)
        count = tr("{shown} of {total}").format(shown=shown, total=total) if listing.view.filter else total
        self._count.setText(count if listing.total else "")
        name = listing.view.order.removeprefix("-")
        place = self.model.column(name)
        title = self.model.columns[place].title if place >= 0 else name
        self.described.emit(
            tr("{count} predictions · sorted by {column}").format(count=count, column=title) if listing.total else ""
        )

    def _refused(self, problem: Problem) -> None:
        if problem.position >= 0:
            self._query.show_problem(problem)
        elif problem.kind != "cancelled":
            self._session.tasks.unhandled.emit(problem)

    # --- selection ---

    def _pick_current(self) -> None:
        if self._placing:
            return
        index = self.table.currentIndex()
        values = self.model.row(index.row()) if index.isValid() else None
        if values is not None:
            self._selection.pick(Picked(values["run_id"], values["pipeline_id"], values["prediction_id"]))

    def _page_came(self) -> None:
        # The current row may have been walked to before its page was here.
        if self.table.currentIndex().isValid() and self.table.hasFocus():
            self._pick_current()

    def _follow(self) -> None:
        picked = self._selection.current
        here = self.table.currentIndex()
        values = self.model.row(here.row()) if here.isValid() else None
        if values is not None and picked is not None and values["prediction_id"] == picked.prediction_id:
            return
        if picked is None or not picked.prediction_id or self.model.listing is None:
            self._placed(-1, None)
            return
        listing = self.model.listing
        work = partial(rows_of, (picked.prediction_id,), listing.keys)
        self._session.query(work, lambda rows: self._placed(rows[0], listing), topic="place", quiet=True)

    def _placed(self, row: int, listing: object) -> None:
        if listing is not None and listing is not self.model.listing:
            return  # listed anew meanwhile, which places the selection itself
        self._placing = True
        self._place(row, (row,) if row >= 0 else ())
        if row >= 0:
            self.table.scrollTo(self.model.index(row, self.columns.first()))
        self._placing = False

    def _place(self, current: int, rows: Sequence[int]) -> None:
        model = self.table.selectionModel()
        flags = QItemSelectionModel.SelectionFlag
        if current < 0:
            model.clear()
            return
        chosen = QItemSelection()
        for row in rows:
            chosen.select(self.model.index(row, 0), self.model.index(row, len(self.model.columns) - 1))
        model.select(chosen, flags.ClearAndSelect | flags.Rows)
        model.setCurrentIndex(self.model.index(current, self.columns.first()), flags.NoUpdate)

    # --- sorting and columns ---

    def _sort_clicked(self, section: int) -> None:
        column = self.model.columns[section]
        order = self._listed_order()
        if order.removeprefix("-") == column.key:
            self.sort_by(column.key, descending=not order.startswith("-"))
        else:
            self.sort_by(column.key, descending=_best_is_high(column))

    def _listed_order(self) -> str:
        return self.model.listing.view.order if self.model.listing is not None else self._order

    def _show_order(self) -> None:
        order_by = self._listed_order()
        place = self.model.column(order_by.removeprefix("-"))
        falling = order_by.startswith("-")
        order = Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder
        self.table.horizontalHeader().setSortIndicator(place, order)
        column = self.model.columns[place] if place >= 0 else None
        best = column is not None and column.metric is not None and _best_is_high(column) is falling
        self.sort_button.setText(
            tr("Best by {column}").format(column=column.title) if best and column else tr("Best by")
        )

    def _fill_sorts(self, menu: QMenu) -> QMenu:
        menu.clear()
        for column in self.model.columns:
            if column.metric is None or column.metric.lower_is_better is None:
                continue
            action = menu.addAction(f"{'▼' if column.metric.lower_is_better else '▲'}  {column.title}")
            action.triggered.connect(partial(self._sort_best, column))
        menu.addSeparator()
        menu.addAction(tr("Newest first")).triggered.connect(lambda: self.sort_by("created_at", descending=True))
        return menu

    def _sort_best(self, column: Column, _checked: bool = False) -> None:
        self.table.setColumnHidden(self.model.column(column.key), False)
        self.sort_by(column.key, descending=_best_is_high(column))

    def _fill_columns(self, menu: QMenu) -> QMenu:
        menu.clear()
        for place, column in enumerate(self.model.columns):
            action = menu.addAction(column.title)
            action.setCheckable(True)
            action.setChecked(not self.table.isColumnHidden(place))
            action.toggled.connect(partial(self.columns.show_column, column.key))
        menu.addSeparator()
        menu.addAction(tr("Standard columns")).triggered.connect(self.reset_columns)
        return menu

    def reset_columns(self) -> None:
        """Show the columns a new user sees."""
        self.columns.reset()

    def save(self) -> None:
        """Remember the columns."""
        self.columns.save()

    # --- copying and the menu ---

    def copy_rows(self) -> None:
        """Put the selected rows on the clipboard with the columns shown, in full precision."""
        keys = [self.model.key(row) for row in self._selected_rows(ROWS_COPIED)]
        if keys:
            self._session.query(
                partial(fetch_text, keys, self.columns.shown_keys()), QGuiApplication.clipboard().setText
            )

    def _show_menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        values = self.model.row(index.row()) if index.isValid() else None
        if values is None:
            return
        column, menu = self.model.columns[index.column()], QMenu(self)
        value = plain_text(values.get(column.key))
        clipboard = QGuiApplication.clipboard()
        menu.addAction(tr("Copy rows")).triggered.connect(self.copy_rows)
        menu.addAction(tr("Copy value")).triggered.connect(lambda: clipboard.setText(value))
        menu.addAction(tr("Copy pipeline name")).triggered.connect(
            lambda: clipboard.setText(str(values.get("pipeline_name") or values["pipeline_id"]))
        )
        menu.addSeparator()
        for key in ("dataset_name", "model_type", "run_id"):
            if values.get(key):
                text = f"{key} = '{str(values[key]).replace(chr(39), chr(39) * 2)}'"
                menu.addAction(tr("Show only {query}").format(query=text)).triggered.connect(
                    partial(self._narrow, text)
                )
        menu.exec(self.table.viewport().mapToGlobal(at))

    def _narrow(self, condition: str, _checked: bool = False) -> None:
        self._query.put(f"({self._filter}) and {condition}" if self._filter else condition)


def fetch_text(keys: Sequence[int], names: Sequence[str], workspace: Workspace) -> str:
    """Write rows as tab-separated text with a header; runs on the workspace's thread."""
    rows = workspace.catalog.rows(array("q", keys))
    lines = ["\t".join(names), *("\t".join(plain_text(row.get(name)) for name in names) for row in rows)]
    return "\n".join(lines)


def _best_is_high(column: Column) -> bool:
    if column.metric is not None:
        return column.metric.lower_is_better is False
    return column.key == "created_at"
