"""The catalog: every prediction ever made here, sorted, filtered, grouped and paged, with the query box above."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QStackedWidget, QTableView, QToolButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from gui.formats import counted, integer_text, tr
from gui.models.catalog import CatalogModel
from gui.models.listings import View, fetch_completion, no_match_text
from gui.panes.annotating import MOST_STARS, Annotating
from gui.panes.catalog_selection import CatalogSelection
from gui.panes.catalog_table import CatalogTable
from gui.panes.column_chooser import ColumnChooser
from gui.panes.column_layout import ColumnLayout
from gui.panes.grouping import NEVER_GROUPED, Grouping
from gui.panes.row_actions import RowActions
from gui.panes.selecting import Selecting
from gui.panes.sorting import Sorting
from gui.panes.views import Views
from gui.query_box import QueryBox
from gui.query_text import SortKey, narrowed, sort_keys, split_order
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import GRID, theme
from gui.views import SavedView
from gui.widgets import EmptyState, Veil, first_button

if TYPE_CHECKING:
    from storage import Completion

LATE_MS = 300  # after which rows that are not those of the query look it


class CatalogPane(QWidget):
    """The table with its states. It follows the selection and sets it.

    `described` says what is listed, `said` what was done, `charts_wanted` asks to show or hide the charts of it,
    `export_wanted` carries an ExportRequest.
    """

    described = Signal(str)
    said = Signal(str)
    new_run_wanted = Signal()
    migrate_wanted = Signal()
    charts_wanted = Signal()
    export_wanted = Signal(object)

    def __init__(
        self,
        session: Session,
        selection: Selection,
        settings: Settings,
        query: QueryBox,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.session, self.query, self.settings = session, query, settings
        self._selection = selection
        self.model = CatalogModel(session, self)
        self._filter = ""
        self._stale = self._entering = False
        self.table = CatalogTable(self.model)
        self.model.spread_shown = settings.fold_spread
        self.table.cells.asides = settings.fold_spread
        self.table.setObjectName("catalogTable")
        self.table.setAccessibleName(tr("Catalog of predictions"))
        self.columns = ColumnLayout(self.table, self.model, settings)
        self.sorting = Sorting(self.model, settings, query, self)
        self.grouping = Grouping(session, self.model, settings, self)
        self.selecting = Selecting(session, self.model, self.table)
        self.rows_selected = CatalogSelection(session, selection, self.model, self.table, self.columns.first)
        self.annotating = Annotating(self, selection)
        self.views = Views(self)
        self.rows = RowActions(self)
        self._make_pages()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_strip())
        layout.addWidget(self._pages, 1)
        self._connect()

    # --- making ---

    def _make_pages(self) -> None:
        self._pages = QStackedWidget()
        self._no_runs = EmptyState(
            tr("No results yet"),
            tr("Train pipelines on a data file and every result appears here. You can also drop a file on the window."),
        )
        self._no_runs.offer(tr("New run…"), self.new_run_wanted.emit, primary=True)
        self._no_runs.offer(tr("Migrate…"), self.migrate_wanted.emit)
        self._no_match = EmptyState(tr("Nothing matches"), "")
        self._no_match.offer(tr("Clear filter"), lambda: self.query.put(""), primary=True)
        for page in (self.table, self.grouping.table, self._no_runs, self._no_match):
            self._pages.addWidget(page)
        self.veil = Veil(self._pages, LATE_MS)

    def _make_strip(self) -> QWidget:
        self._count = QLabel()
        self._count.setObjectName("muted")
        self.group_button = _flat_button(tr("Group by"), "data")
        self.sort_button = _flat_button(tr("Best by"), "runs")
        self.columns_button = _flat_button(tr("Columns"), "columns")
        self.charts_button = _flat_button(tr("Charts"), "chart")
        self.charts_button.setToolTip(tr("Show or hide charts of what is listed (Ctrl+Shift+C)"))
        self.charts_button.setCheckable(True)
        self.charts_button.clicked.connect(self.charts_wanted)
        for button, fill in ((self.group_button, self.grouping.offer), (self.sort_button, self._offer_best)):
            menu = QMenu(button)
            menu.aboutToShow.connect(partial(fill, menu))
            button.setMenu(menu)
        self.columns_button.clicked.connect(lambda: self.choose_columns())
        self.columns_button.setToolTip(tr("Choose the columns"))
        whole = (self.group_button, self.sort_button)
        return _Strip(self._count, whole, (self.columns_button, self.charts_button))

    def _connect(self) -> None:
        self.query.applied.connect(self._apply_filter)
        self.query.left.connect(self.enter)
        self.query.history = self.settings.queries
        self.query.offer_more = self.views.offer_in
        self.session.changed.connect(self.refresh)
        self.session.opened.connect(self._start_over)
        self.session.closed.connect(self._start_over)
        self.model.may_list = lambda: not self.table.is_editing()
        self.model.put_off.connect(self._put_off)
        self.model.listed.connect(self._listed)
        self.model.completed.connect(self._completed)
        self.model.refused.connect(self._refused)
        self.sorting.wanted.connect(lambda: self._ask())
        self.sorting.shown_wanted.connect(lambda key: self.columns.show_column(key, True))
        self.grouping.wanted.connect(self._regroup)
        self.grouping.arrived.connect(self._show_page)
        self.grouping.table.narrow_wanted.connect(self._enter_group)
        self.table.rows_changed.connect(self._describe)
        self.table.editing_ended.connect(self._catch_up, Qt.ConnectionType.QueuedConnection)
        self.table.titles.sort_wanted.connect(self.sorting.click)
        self.table.titles.menu_wanted.connect(self._show_title_menu)
        self.table.clicked.connect(self._click_stars)
        self.columns.shown.connect(self._mark_best)
        self.columns.arranged.connect(self.views.refresh)
        self.views.done.connect(self.annotating.done)
        theme().changed.connect(self.table.viewport().update)
        self.complete(self.query)

    def complete(self, box: QueryBox) -> None:
        """Let a query box know what may come next while somebody types in it."""

        def ask(text: str, position: int) -> None:
            def offer(completion: Completion) -> None:
                if isValid(box):
                    box.offer(text, completion)

            work = partial(fetch_completion, text, position)
            self.session.query(work, offer, lambda problem: None, topic="complete", quiet=True)

        box.completion_wanted.connect(ask)

    # --- listing ---

    def refresh(self) -> None:
        """List again what is listed, keeping selection and place; not while somebody writes in a cell."""
        if self.table.is_editing():
            self._stale = True
            return
        self._stale = False
        top = self.model.row(self.table.rowAt(0)) if self.table.rowAt(0) > 0 else None
        self._ask(str(top["prediction_id"]) if top else "")

    def enter(self) -> None:
        """Go to the first row of what the query lists, as soon as that is listed."""
        listing = self.model.listing
        self._entering = listing is None or listing.view.filter != self._filter
        table = self._pages.currentWidget()
        if self._entering or not isinstance(table, QTableView) or not table.model().rowCount():
            return
        table.setFocus(Qt.FocusReason.ShortcutFocusReason)
        table.setCurrentIndex(table.model().index(0, self.columns.first() if table is self.table else 0))

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to: what is listed, else what to do where nothing is."""
        shown = self._pages.currentWidget()
        return shown if isinstance(shown, QTableView) else first_button(shown)

    def begin(self) -> None:
        """Give the keyboard to what is listed, or to the query box where nothing is."""
        table = self._pages.currentWidget()
        listed = table if isinstance(table, QTableView) and table.model().rowCount() else self.query
        listed.setFocus(Qt.FocusReason.OtherFocusReason)

    def sort_by(self, key: str, *, descending: bool) -> None:
        """Sort by one column."""
        self.sorting.sort([SortKey(key, descending)])

    def narrow(self, condition: str) -> None:
        """Add a condition to the query."""
        self.query.put(narrowed(self._filter, condition))

    def _apply_filter(self, text: str) -> None:
        self._filter = text
        self._ask()

    def _ask(self, top: str = "") -> None:
        picked = self._selection.current
        current = picked.prediction_id if picked is not None else ""
        chosen = self.selecting.chosen()
        # Groups first: they are quicker, and it is they that are looked at.
        self.grouping.ask(split_order(self._filter)[0], self._groups_refused)
        listing = self.model.listing
        shown = listing.view.order if listing is not None and not listing.own_order else ""
        view = View(self._filter, self.sorting.order, current, top, chosen if len(chosen.rows) > 1 else None, shown)
        if listing is not None and listing.view.filter != view.filter:
            self.veil.wait()  # what is shown is not what the query says
        self.model.ask(view)

    def _start_over(self) -> None:
        """Show another workspace, in the order and with the columns it was left with."""
        held = self.session.workspace
        self.columns.save()
        self.settings.enter_workspace(held.root if held is not None else None)
        self.veil.lift()
        self.model.clear()
        self._filter = ""
        self.sorting.order = self.settings.order
        self.columns.recall([key.name for key in sort_keys(self.sorting.order)])
        self.grouping.by = tuple(self.settings.group_by)
        self.views.recall()
        self.query.reset()
        self.described.emit("")
        self._count.setText("")
        self.group_button.setText(self.grouping.text())
        if held is not None:
            self._ask()

    def _listed(self) -> None:
        listing = self.model.listing
        assert listing is not None
        self.veil.lift()
        if listing.view.filter and listing.view.filter == self.query.text().strip():
            self.query.clear_problem()
            self.settings.remember_query(listing.view.filter)
            self.query.history = self.settings.queries
        self.columns.follow()
        self.sort_button.setText(self.sorting.best_text())
        self.rows_selected.place(listing)
        self.table.verticalScrollBar().setValue(listing.top_row)
        self._mark_best()
        self._show_page()
        if self._entering:
            self.enter()

    def _completed(self) -> None:
        listing = self.model.listing
        if listing is not None:
            self.rows_selected.place_completed(listing)
        self.columns.follow()
        self._mark_best()
        self.selecting.completed()
        self._show_page()

    def _put_off(self) -> None:
        self.veil.lift()
        self._stale = True  # until nobody writes in a cell any more

    def _catch_up(self) -> None:
        if self._stale:
            self.refresh()

    def _show_page(self) -> None:
        listing = self.model.listing
        if listing is None:
            return
        if listing.total == 0:
            self._pages.setCurrentWidget(self._no_runs)
        elif not listing.keys:
            self._no_match.say(tr("Nothing matches"), no_match_text(listing))
            self._pages.setCurrentWidget(self._no_match)
        else:
            groups = self.grouping.table
            self._pages.setCurrentWidget(groups if self.grouping.by == groups.groups.by != () else self.table)
        self.sort_button.setEnabled(not self.grouping.by)
        self._describe()

    def _mark_best(self) -> None:
        """Have the best value of each metric that is shown marked."""
        if self.model.columns:
            self.model.ask_best(self.columns.shown_keys())

    def _describe(self) -> None:
        """Say how much is listed, sorted by what, and how much of it is selected."""
        self.views.refresh()
        listing = self.model.listing
        if listing is None:
            return
        shown, total = integer_text(len(listing.keys)), integer_text(listing.total)
        if not listing.complete:
            shown = total = "…"
        count = tr("{shown} of {total}").format(shown=shown, total=total) if listing.view.filter else total
        self._count.setText(count if listing.total else "")
        words = tr("{count} predictions").format(count=count)
        if count == "1":
            words = counted(1, "{n} prediction", "{n} predictions")
        parts = [words, tr("sorted by {key}").format(key=self.sorting.text())]
        selected = len(self.table.chosen.rows())
        if self.grouping.by:
            parts[1:] = [counted(self.grouping.table.groups.rowCount(), "{n} group", "{n} groups")]
        elif selected > 1:
            parts.append(tr("{n} selected").format(n=integer_text(selected)))
        elif selected == 1 and listing.complete:  # after sorting it may be far from what is seen
            row = self.table.chosen.rows().rows(1)[0]
            parts.append(tr("row {n} selected").format(n=integer_text(row + 1)))
        self.described.emit(" · ".join(parts) if listing.total else "")

    def _refused(self, problem: Problem) -> None:
        self.veil.lift()
        self._entering = False
        if problem.position >= 0:
            self.query.show_problem(problem)
        elif problem.kind != "cancelled":
            self.session.tasks.unhandled.emit(problem)

    # --- groups ---

    def _groups_refused(self, problem: Problem) -> None:
        if problem.position < 0 and problem.kind != "cancelled":  # of a wrong query the listing tells
            self.session.tasks.unhandled.emit(problem)

    def _regroup(self) -> None:
        self.group_button.setText(self.grouping.text())
        self.settings.group_by = list(self.grouping.by)
        self.views.refresh()
        if self.grouping.by:
            self.grouping.ask(split_order(self._filter)[0], self._groups_refused)
        else:
            self._show_page()
            self.table.setFocus()

    def _enter_group(self, condition: str) -> None:
        self.grouping.by, self.settings.group_by = (), []
        self.group_button.setText(self.grouping.text())
        self.narrow(condition)
        self.table.setFocus()

    # --- views ---

    def as_view(self, name: str) -> SavedView:
        """Return what is shown as a view."""
        columns = tuple(self.columns.entries())
        by, spread = self.grouping.by, self.model.spread_shown
        return SavedView(name, self._filter, self.sorting.order, columns, by, spread)

    def show_view(self, view: SavedView) -> None:
        """Show what a view says, as far as this workspace has it."""
        if view.spread != self.model.spread_shown:
            self.show_spread(view.spread)
        self.columns.restore([dict(one) for one in view.columns], view.first)
        self.sorting.order = self.settings.order = view.order
        self.grouping.by = view.group_by
        self.settings.group_by = list(view.group_by)
        self.group_button.setText(self.grouping.text())
        self._show_page()  # groups that were taken off go at once, not only when the rows are there
        self.query.put(view.query)

    def show_spread(self, shown: bool) -> None:
        """Show behind each metric of a cross-validation how far its folds differ, or not."""
        self.settings.fold_spread = self.table.cells.asides = shown
        self.model.show_spread(shown)
        self.columns.make_room(shown)
        self.views.refresh()

    # --- menus and columns ---

    def choose_columns(self) -> ColumnChooser:
        """Ask which columns to show and in which order; of groups, which metrics."""
        return self.grouping.choose_metrics() if self.grouping.by else self.columns.choose(self)

    def reset_columns(self) -> None:
        """Show the columns a new user sees."""
        self.columns.reset()

    def save(self) -> None:
        """Remember the columns."""
        self.columns.save()

    def _offer_best(self, menu: QMenu) -> None:
        for old in menu.findChildren(QMenu):
            old.deleteLater()
        menu.clear()
        self.sorting.offer_best(menu, self.columns.shown_keys())

    def _click_stars(self, index: QModelIndex) -> None:
        """A click on a star gives as many stars, one on the last of them takes them away."""
        held, place = self.session.workspace, self.model.column("stars")
        values = self.model.loaded(index.row()) if index.column() == place else None
        if values is None or held is None or held.read_only or QGuiApplication.keyboardModifiers():
            return
        at = self.table.viewport().mapFromGlobal(QCursor.pos()).x() - self.table.visualRect(index).left() - GRID
        stars = max(1, min(MOST_STARS, 1 + at // max(1, self.table.fontMetrics().horizontalAdvance("★"))))
        self.annotating.give_stars(index.row(), 0 if stars == (values.get("stars") or 0) else stars)

    def _show_title_menu(self, section: int, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if section >= 0:
            column = self.model.columns[section]
            self.sorting.offer(menu, section)
            menu.addSeparator()
            if column.kind == "text" and column.key not in NEVER_GROUPED:
                group = partial(self.grouping.group, (column.key,))
                menu.addAction(tr("Group by {column}").format(column=column.title), group)
            pinned = self.columns.is_pinned(column.key)
            words = tr("Unpin {column}") if pinned else tr("Pin {column} to the left")
            pin = partial(self.columns.pin, column.key, not pinned)
            menu.addAction(words.format(column=column.title), pin)
            hide = partial(self.columns.show_column, column.key, False)
            menu.addAction(tr("Hide {column}").format(column=column.title), hide)
        menu.addAction(tr("Columns…"), self.choose_columns)
        spread = menu.addAction(tr("Show fold spread"), lambda: self.show_spread(not self.model.spread_shown))
        spread.setCheckable(True)
        spread.setChecked(self.model.spread_shown)
        menu.popup(at)


class _Strip(QWidget):
    """A count and buttons in a row; where there is too little room some of the buttons show their sign alone."""

    def __init__(self, count: QLabel, whole: Sequence[QToolButton], yielding: Sequence[QToolButton]) -> None:
        super().__init__()
        self._parts = (count, *whole)
        self._yielding = tuple(yielding)
        self._wide: dict[QToolButton, int] = {}  # how wide they are with their words
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, 2, 4, 2)
        layout.setSpacing(GRID)
        layout.addWidget(count)
        layout.addStretch(1)
        for button in (*whole, *yielding):
            layout.addWidget(button)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Polish):
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        style = Qt.ToolButtonStyle
        for button in self._yielding:
            if button.toolButtonStyle() == style.ToolButtonTextBesideIcon:
                self._wide[button] = button.sizeHint().width()
        widths = [*(part.sizeHint().width() for part in self._parts), *self._wide.values()]
        fits = sum(width + GRID for width in widths) + GRID <= self.width()
        for button in self._yielding:
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if fits else style.ToolButtonIconOnly)


def _flat_button(text: str, icon: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("flat")
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    theme().dress(button, icon)
    return button
