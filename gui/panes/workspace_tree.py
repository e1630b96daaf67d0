"""The tree of runs and their pipelines, with the box that narrows it and the choice of how runs are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from gui.filter_box import FilterBox
from gui.formats import status_word, tr
from gui.models.run_groups import ORDERS, Arrangement, By, damage, is_damaged
from gui.models.run_nodes import Key, Node, picked_pipelines
from gui.models.runs import RunsModel
from gui.panes.run_tree import RunTree
from gui.query_text import equals, free_word
from gui.selection import Picked, Selection
from gui.session import Session
from gui.settings import Settings
from gui.theme import theme
from gui.widgets import EmptyState, first_button

if TYPE_CHECKING:
    from storage import RunRow

SHOWN_AT_FIRST = 30  # runs, whose groups are unfolded when nobody has unfolded any yet
PAUSE_MS = 150  # after the last letter in the filter box
Flag = QItemSelectionModel.SelectionFlag


class WorkspaceTree(QWidget):
    """Shows the runs, follows the selection and sets it.

    `query_wanted` asks the catalog to list something, `details_wanted` to look at the selected pipeline, `menu_wanted`
    for the menu of what is selected, at a point of the screen. `runs_chosen` tells that other runs are selected,
    `damage_told` how many runs, and how many pipelines of the others, can't be read.
    """

    query_wanted = Signal(str)
    details_wanted = Signal()
    menu_wanted = Signal(QPoint)
    new_run_wanted = Signal()
    migrate_wanted = Signal()
    runs_chosen = Signal()
    damage_told = Signal(int, int)

    def __init__(
        self, session: Session, selection: Selection, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._settings = session, selection, settings
        self.model = RunsModel(session, self)
        self.model.arrangement = self._remembered()
        self.tree = RunTree(self.model)
        self.tree.setObjectName("workspaceTree")
        self.tree.setAccessibleName(tr("Runs and their pipelines"))
        self._open: set[Key] = set()  # what is unfolded, by keys that outlive any new arrangement
        self._groups: set[Key] | None = None  # the groups shown before, None until the first time
        self._placing = False
        self._anchor: tuple[QPersistentModelIndex, int] | None = None
        self._kept: Key | None = None  # what to bring back to the top after a new arrangement
        self._in_view = False
        self._results = False  # whether the catalog has any
        self._awaited = ""  # the run to go to once the tree isn't narrowed any more
        self._make_pages()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_strip())
        layout.addWidget(self._pages, 1)
        self._connect()

    # --- making ---

    def _make_pages(self) -> None:
        self._no_runs = EmptyState(tr("No runs yet"), tr("Each training run appears here, with its pipelines."))
        self._no_runs.offer(tr("New run…"), self.new_run_wanted.emit, primary=True)
        self._no_runs.offer(tr("Migrate…"), self.migrate_wanted.emit)
        self._no_folders = EmptyState(tr("No run folders here"), "")
        self._no_folders.offer(tr("Show their runs"), partial(self._toggle_deleted, True), primary=True)
        self._no_match = EmptyState(tr("No run matches"), "")
        self._no_match.offer(tr("Look in the catalog"), self._look_in_catalog, primary=True)
        self._pages = QStackedWidget()
        self._no_workspace = EmptyState(tr("No workspace is open"), tr("The runs of the one you open appear here."))
        for page in (self._no_workspace, self.tree, self._no_runs, self._no_folders, self._no_match):
            self._pages.addWidget(page)

    def _make_strip(self) -> QWidget:
        self.filter = FilterBox(tr("Filter runs by name, dataset, status, pipeline number"), PAUSE_MS)
        self.filter.setObjectName("runFilter")
        self.order_button = QToolButton()
        self.order_button.setObjectName("flat")
        self.order_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.order_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.order_button.setAccessibleName(tr("How runs are put together"))
        theme().dress(self.order_button, "runs")
        self.order_button.setMenu(self._make_order_menu())
        strip = QWidget()
        layout = QHBoxLayout(strip)
        layout.setContentsMargins(6, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.filter, 1)
        layout.addWidget(self.order_button)
        return strip

    def _make_order_menu(self) -> QMenu:
        menu, group = QMenu(self.order_button), QActionGroup(self)
        words = {"date": tr("Runs by &date"), "dataset": tr("Runs by da&taset"), "name": tr("Runs by &name")}
        self.orders: dict[By, QAction] = {}
        for by in ORDERS:
            action = menu.addAction(words[by])
            action.setCheckable(True)
            action.setChecked(by == self.model.arrangement.by)
            action.triggered.connect(partial(self._regroup, by))
            group.addAction(action)
            self.orders[by] = action
        menu.addSeparator()
        self.show_deleted = menu.addAction(tr("&Show deleted runs"))
        self.show_deleted.setCheckable(True)
        self.show_deleted.setChecked(self.model.arrangement.deleted)
        self.show_deleted.triggered.connect(self._toggle_deleted)
        self.only_damaged = menu.addAction(tr("Find what is da&maged"))
        self.only_damaged.triggered.connect(lambda: self._find(status_word("damaged")))
        self._name_order()
        return menu

    def _connect(self) -> None:
        tree, model = self.tree, self.model
        tree.selectionModel().selectionChanged.connect(self._take_selected)
        tree.selectionModel().currentChanged.connect(self._take_current)
        tree.expanded.connect(partial(self._note_open, True))
        tree.collapsed.connect(partial(self._note_open, False))
        tree.enter_wanted.connect(self._enter)
        tree.filter_wanted.connect(self.filter.begin)
        tree.customContextMenuRequested.connect(self._show_menu)
        self._selection.changed.connect(self._follow)
        self._selection.chosen_changed.connect(self._follow_chosen)
        self._session.opened.connect(self._start_over)
        self._session.closed.connect(self._start_over)
        self._session.changed.connect(model.ask)
        model.listing.connect(self._note_place)
        model.listed.connect(self._listed)
        self.filter.wanted.connect(self._narrow)
        self.filter.left.connect(self._leave_filter)
        self.filter.confirmed.connect(self._confirm_filter)

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, None where nothing takes it."""
        shown = self._pages.currentWidget()
        return self.tree if shown is self.tree else first_button(shown)

    # --- arranging ---

    def _remembered(self) -> Arrangement:
        by = next((one for one in ORDERS if one == self._settings.tree_by), ORDERS[0])
        return Arrangement(by, deleted=self._settings.tree_deleted)

    def _regroup(self, by: By) -> None:
        self._settings.tree_by = by
        self._arrange(replace(self.model.arrangement, by=by))

    def _toggle_deleted(self, shown: bool) -> None:
        self._settings.tree_deleted = shown
        self.show_deleted.setChecked(shown)
        self._arrange(replace(self.model.arrangement, deleted=shown))

    def _find(self, text: str) -> None:
        self.filter.setText(text)
        self.filter.begin()

    def _narrow(self, text: str) -> None:
        self._arrange(replace(self.model.arrangement, text=text))

    def _arrange(self, arrangement: Arrangement) -> None:
        if arrangement != self.model.arrangement:
            self._groups = None
            self.model.arrange(arrangement)
        self.orders[arrangement.by].setChecked(True)
        self._name_order()

    def _name_order(self) -> None:
        words = {"date": tr("Runs by date"), "dataset": tr("Runs by dataset"), "name": tr("Runs by name")}
        text = words[self.model.arrangement.by]
        self.order_button.setToolTip(text)
        self.order_button.setAccessibleDescription(text)

    def _start_over(self) -> None:
        self.model.clear()
        self._results = False
        self._awaited = ""
        self.filter.reset()
        self.model.arrangement = replace(self.model.arrangement, text="")
        self._open.clear()
        self._groups = None
        self._pages.setCurrentWidget(self._no_workspace if self._session.workspace is None else self.tree)
        self.damage_told.emit(0, 0)
        if self._session.workspace is not None:
            self.model.ask()

    # --- keeping everything in its place ---

    def _note_place(self) -> None:
        """Remember, before rows come and go, what is in view."""
        tree = self.tree
        current, top = tree.currentIndex(), tree.top()
        self._in_view = self._in_view or tree.in_view(current)
        scrolled = tree.verticalScrollBar().value() > 0
        self._anchor = (QPersistentModelIndex(top), tree.visualRect(top).top()) if scrolled and top.isValid() else None
        seen = current if tree.in_view(current) else top
        node = self.model.node(seen) if scrolled else None
        self._kept = node.key if node is not None else None

    def _listed(self) -> None:
        self._placing = True
        if self._groups is None:
            self._unfold()
        else:
            for index in self._new_groups():
                self.tree.expand(index)
        self._groups = {node.key for node in self.model.groups()}
        self._placing = False
        self._show_page()
        if self._awaited and not self.model.arrangement.text:
            run, self._awaited = self._awaited, ""
            self.select_run(run)
        self.damage_told.emit(*damage(self.model.tree.known if self.model.tree is not None else ()))
        self.model.forget_closed(self.tree.is_open)
        self._catch_up()
        # Once the view has laid the rows out, what was in view is brought back to where it was.
        QTimer.singleShot(0, self, self._bring_back)

    def _unfold(self) -> None:
        """Unfold what was open before; the first groups when there was nothing, and all while the tree is narrowed."""
        arrangement, seen = self.model.arrangement, 0
        remembered = {key for key in self._open if key[0] == "group" and key[1] == arrangement.by}
        for node in self.model.groups():
            few = seen == 0 or seen + len(node.row.runs) <= SHOWN_AT_FIRST
            if node.key in remembered or (few and (arrangement.text or not remembered)):
                self.tree.expand(self.model.find(node.key))
            seen += len(node.row.runs)
        first = self.model.groups()[:1]
        if not self._open and first and not arrangement.text:
            self.tree.expand(self.model.run_index(first[0].row.runs[0].run_id))
        for key in sorted(self._open):
            if key[0] in ("run", "range"):
                index = self.model.run_index(key[2] if key[0] == "range" else key[1])
                self.tree.expand(self.model.find(key) if key[0] == "range" else index)

    def _new_groups(self) -> list[QModelIndex]:
        """Return the first group if it is new, so that what arrives is seen."""
        first = self.model.groups()[:1]
        return [
            self.model.find(node.key) for node in first if self._groups is not None and node.key not in self._groups
        ]

    def _bring_back(self) -> None:
        tree, bar = self.tree, self.tree.verticalScrollBar()
        anchor, self._anchor = self._anchor, None
        kept, self._kept = self._kept, None
        if anchor is not None and anchor[0].isValid():
            tree.executeDelayedItemsLayout()
            place = tree.visualRect(anchor[0])
            bar.setValue(bar.value() + (place.top() - anchor[1]) // max(1, place.height()))
        elif kept is not None:
            index = self.model.find(kept)
            if not index.isValid() and kept[0] in ("run", "pipeline"):
                index = self.model.run_index(kept[1])
            if index.isValid():
                tree.scrollTo(index, RunTree.ScrollHint.PositionAtTop)
        elif self._in_view and tree.currentIndex().isValid():
            tree.scrollTo(tree.currentIndex())
        self._in_view = False

    def _note_open(self, is_open: bool, index: QModelIndex) -> None:
        node = self.model.node(index)
        if self.model.moving or node is None or self.model.arrangement.text:
            return
        if is_open:
            self._open.add(node.key)
        else:
            self._open.discard(node.key)

    def _show_page(self) -> None:
        shown = self.model.tree
        if shown is None or shown.groups:
            self._pages.setCurrentWidget(self.tree)
        elif not shown.known and self._results:
            words = tr("The catalog has results, but the folders of their runs are not in this workspace.")
            self._no_folders.say(tr("No run folders here"), words)
            self._pages.setCurrentWidget(self._no_folders)
        elif not shown.known:
            self._pages.setCurrentWidget(self._no_runs)
        else:
            self._no_match.say(tr("No run matches"), tr("Pipelines are found by name and number in the catalog."))
            self._pages.setCurrentWidget(self._no_match)

    def tell_making(self, making: bool) -> None:
        """Say whether a workspace is being made, which is opened when it is ready."""
        if making:
            self._no_workspace.say(tr("The demo is being made"), tr("Its runs appear here when it is ready."))
        else:
            self._no_workspace.say(tr("No workspace is open"), tr("The runs of the one you open appear here."))

    def tell_results(self, there: bool) -> None:
        """Say whether the catalog has results: without any there are no runs yet, else their folders are elsewhere."""
        if there != self._results:
            self._results = there
            if self._session.workspace is not None:
                self._show_page()

    # --- selection ---

    def selected_runs(self) -> list[str]:
        """Return the ids of the runs that are selected as such."""
        return [node.row.run_id for node in self._selected_nodes() if node.kind == "run"]

    def selected_run(self) -> RunRow | None:
        """Return the run that is selected as such; of several the first that is damaged, else none."""
        runs = [node.row for node in self._selected_nodes() if node.kind == "run"]
        return next((run for run in runs if is_damaged(run)), runs[0] if len(runs) == 1 else None)

    def selected_datasets(self) -> list[str]:
        """Return the datasets that are selected as such, where runs are put together by them."""
        groups = [node.row for node in self._selected_nodes() if node.kind == "group"]
        return [group.name for group in groups if group.by == "dataset" and group.name]

    def folding(self) -> QAction | None:
        """Make what opens or closes the selected groups; None where a run or a pipeline is selected."""
        nodes = self._selected_nodes()
        if not nodes or any(node.kind in ("run", "pipeline") for node in nodes):
            return None
        keys = [node.key for node in nodes]
        closed = any(not self.tree.isExpanded(self.model.find(key)) for key in keys)
        action = QAction(tr("&Expand") if closed else tr("&Collapse"), self)
        action.triggered.connect(lambda: self._fold(keys, closed))
        return action

    def _fold(self, keys: Sequence[Key], open_them: bool) -> None:
        for key in keys:
            self.tree.setExpanded(self.model.find(key), open_them)

    def _selected_nodes(self) -> list[Node]:
        nodes = (self.model.node(index) for index in self.tree.selectionModel().selectedRows())
        return sorted((node for node in nodes if node is not None), key=Node.path)

    def _take_selected(self) -> None:
        """Select everywhere what is selected here; a selected run means that no pipeline is."""
        if self._placing or self.model.moving:
            return
        nodes = self._selected_nodes()
        chosen = tuple(picked_pipelines(nodes))
        self._placing = True
        self._selection.choose(chosen)
        here = tuple(picked_pipelines([node for node in [self.model.node(self.tree.currentIndex())] if node]))
        if here and here[0] in chosen:  # by mouse it becomes the current one before it is selected, by key after
            self._selection.pick(here[0])
        elif chosen and self._selection.current not in chosen:
            self._selection.pick(chosen[-1])
        elif nodes and not chosen:
            self._selection.pick(None)  # else the details would go on about one that isn't selected
        self._placing = False
        self.runs_chosen.emit()

    def _take_current(self, index: QModelIndex) -> None:
        pipeline = self.model.pipeline(index)
        if self._placing or self.model.moving or pipeline is None:
            return
        picked = Picked(pipeline.run_id, pipeline.pipeline_id, pipeline.prediction_id)
        if picked in self._selection.chosen:
            self._placing = True
            self._selection.pick(picked)
            self._placing = False

    def _catch_up(self) -> None:
        """After a refresh, go to the selected pipeline again if it came back, unless a run or group is selected."""
        picked, selected = self._selection.current, self._selected_nodes()
        if picked is None or any(node.kind != "pipeline" for node in selected):
            return
        here, there = self.tree.currentIndex(), self.model.find(("pipeline", picked.run_id, picked.pipeline_id))
        if not here.isValid() or (there.isValid() and here.siblingAtColumn(0) != there):
            self._follow()
        self._follow_chosen()

    def _follow(self) -> None:
        picked = self._selection.current
        if self._placing or self.model.tree is None:
            return
        if picked is None:
            self._place(QModelIndex())
            return
        here = self.model.pipeline(self.tree.currentIndex())
        if here is None or (here.run_id, here.pipeline_id) != (picked.run_id, picked.pipeline_id):
            asked = self._here()

            def place(index: QModelIndex) -> None:
                if self._here() == asked:  # else somebody went elsewhere meanwhile
                    self._place(index)

            self.model.reveal(picked, place)

    def _here(self) -> tuple[Picked | None, Key | None]:
        """Return what is current in the window, and in the tree."""
        node = self.model.node(self.tree.currentIndex())
        return self._selection.current, node.key if node is not None else None

    def _place(self, index: QModelIndex) -> None:
        """Make a row the current one; a run that stands for a pipeline not found is not selected by that."""
        self._placing = True
        selection = self.tree.selectionModel()
        if index.isValid():
            selection.setCurrentIndex(index, Flag.NoUpdate)
            self.tree.scrollTo(index)
        else:
            selection.clear()
        self._placing = False
        self._follow_chosen()

    def _follow_chosen(self) -> None:
        """Show as selected those of the selected pipelines that are in the tree."""
        if self._placing or (not self._selection.chosen and self.selected_runs()):
            return
        wanted = QItemSelection()
        for one in self._selection.chosen:
            index = self.model.find(("pipeline", one.run_id, one.pipeline_id))
            if index.isValid():
                wanted.select(index, index.siblingAtColumn(1))
        self._placing = True
        self.tree.selectionModel().select(wanted, Flag.ClearAndSelect)
        self._placing = False
        self.runs_chosen.emit()

    # --- doing ---

    def show_run(self, run_id: str) -> None:
        """List the pipelines of a run in the catalog."""
        self.query_wanted.emit(equals("run_id", run_id))

    def select_run(self, run_id: str) -> None:
        """Go to a run and select it, also where the tree is narrowed to other runs; unknown, nothing happens."""
        index = self.model.run_index(run_id)
        if not index.isValid() and self.filter.text():
            self._awaited = run_id
            self.filter.reset()
            self._narrow("")
        elif index.isValid():
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index)

    def show_current(self) -> None:
        """Bring the selected pipeline into view, also where the tree is narrowed to other runs."""
        if self.filter.text():
            self.filter.reset()
            self._narrow("")
        self._follow()
        if self.tree.currentIndex().isValid():
            self.tree.scrollTo(self.tree.currentIndex())

    def save(self) -> None:
        """Remember how it was left."""

    def _enter(self, index: QModelIndex) -> None:
        node = self.model.node(index)
        if node is None:
            return
        if node.kind == "run":
            self.show_run(node.row.run_id)
        elif node.kind == "pipeline":
            self.details_wanted.emit()
        else:
            self.tree.setExpanded(index, not self.tree.isExpanded(index))

    def _show_menu(self, at: QPoint) -> None:
        index = self.tree.indexAt(at)
        if not index.isValid():  # beside the rows
            index = self.tree.currentIndex()
            at = self.tree.visualRect(index).bottomLeft()
        if index.isValid() and not self.tree.selectionModel().isSelected(index):
            self.tree.setCurrentIndex(index)
        if index.isValid():
            self.menu_wanted.emit(self.tree.viewport().mapToGlobal(at))

    def _leave_filter(self) -> None:
        self.tree.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self.tree.currentIndex().isValid() and self.model.rowCount():
            self.tree.setCurrentIndex(self.model.index(0, 0))

    def _confirm_filter(self) -> None:
        if self._pages.currentWidget() is self._no_match:
            self._look_in_catalog()
        else:
            self._leave_filter()

    def _look_in_catalog(self) -> None:
        self.query_wanted.emit(" and ".join(map(free_word, self.filter.text().split())))
