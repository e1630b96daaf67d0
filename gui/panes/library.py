"""The library: templates and saved results, to find, describe, run again and take away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHideEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QTabWidget, QToolButton, QVBoxLayout, QWidget

from gui.dialogs.keep import kind_title
from gui.dragging import Carried, unpack
from gui.filter_box import FilterBox
from gui.formats import integer_text, tr
from gui.jobs import Jobs
from gui.kept import KINDS, things_of
from gui.menus import fill_menu
from gui.models.library import source_text
from gui.panes.library_actions import LibraryActions
from gui.panes.library_table import LibraryTab
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.shelving import fetch_items
from gui.tasks import Problem
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel, EmptyState, dropped_files

if TYPE_CHECKING:
    from storage import LibraryItem

LOOK_MS = 2000  # between two looks whether another program changed the library
PAUSE_MS = 150
HOVER_MS = 600  # over the title of a tab, until that tab is shown
EMPTY = {
    "template": ("No templates yet", "Keep the steps of a good pipeline, to run them on other data."),
    "filtered": ("No filtered results yet", "Keep the steps and metrics of a result that you want to come back to."),
    "pipeline": ("No pipelines yet", "Keep a pipeline with its trained model, predictions and charts."),
    "fullrun": ("No full runs yet", "Keep a whole run with all its pipelines."),
}


def _nothing_kept(kind: str) -> tuple[str, str]:
    return tr(EMPTY[kind][0]), tr("Drag one here, or select it and press K.")


class LibraryPane(QWidget):
    """Shows what was kept, by kind, and keeps what is dropped on it.

    `take_wanted` carries what was dropped and the kind to keep it as, `keep_wanted` asks for the dialog and proposes a
    kind.
    """

    take_wanted = Signal(object, str)
    keep_wanted = Signal(str)

    def __init__(
        self, session: Session, selection: Selection, jobs: Jobs, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._jobs, self._settings = session, jobs, settings
        self._items: tuple[LibraryItem, ...] = ()
        self._making = False  # a workspace, which is opened when it is ready
        self._wanted: tuple[str, str] | None = None  # an item to be selected when it is listed
        self.setAcceptDrops(True)
        self.items = LibraryActions(self._page, session, selection, jobs, settings, self)
        self._hovered = -1  # the tab that something is held over
        self._hovering = QTimer(self)
        self._hovering.setSingleShot(True)
        self._hovering.setInterval(HOVER_MS)
        self._hovering.timeout.connect(lambda: self.tabs.setCurrentIndex(self._hovered))
        self._make_tabs()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_strip())
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self._make_words())
        self._clock = QTimer(self)
        self._clock.setInterval(LOOK_MS)
        self._clock.timeout.connect(self.refresh)
        self._connect()
        self._take("", ())

    # --- making ---

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setObjectName("libraryTabs")
        self.tabs.setAccessibleName(tr("Library by kind"))
        bar = self.tabs.tabBar()
        bar.setExpanding(False)
        bar.setUsesScrollButtons(False)  # where there is little room the titles are shortened
        bar.setElideMode(Qt.TextElideMode.ElideRight)
        self.pages: dict[str, LibraryTab] = {}
        self._keep_buttons: list[QPushButton] = []
        for kind in KINDS:
            empty = EmptyState(*_nothing_kept(kind))
            keep = empty.offer(tr("Keep the selected one…"), partial(self.keep_wanted.emit, kind), primary=True)
            self._keep_buttons.append(keep)
            page = LibraryTab(kind, empty)
            page.model.edited.connect(self.items.edit)
            page.item_chosen.connect(self._choose)
            page.table.enter_wanted.connect(self.items.use_item)
            page.table.addAction(self.items.delete)
            page.table.customContextMenuRequested.connect(self._show_menu)
            self.pages[kind] = page
            self.tabs.addTab(page, kind_title(kind))
            self.tabs.setTabToolTip(self.tabs.count() - 1, tr(EMPTY[kind][1]))
        self.tabs.setCurrentIndex(min(self._settings.library_tab, len(KINDS) - 1))

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to when somebody goes to this pane."""
        page = self.pages[KINDS[self.tabs.currentIndex()]]
        return page.table if page.model.rowCount() else self.tabs

    @property
    def kind_in_use(self) -> str:
        """The kind whose tab the keyboard is in, empty while it is elsewhere."""
        focused = self.window().focusWidget()
        return KINDS[self.tabs.currentIndex()] if focused is not None and self.isAncestorOf(focused) else ""

    def _make_strip(self) -> QWidget:
        self.filter = FilterBox(tr("Search the library"), PAUSE_MS)
        self.filter.setObjectName("librarySearch")
        use, more = QToolButton(), QToolButton()
        use.setDefaultAction(self.items.use)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        more.setAccessibleName(tr("All that can be done with the library"))
        more.setToolTip(tr("All that can be done with the library"))
        theme().dress(more, "more")
        menu = QMenu(more)
        fill_menu(menu, self.items.by_rank())
        more.setMenu(menu)
        strip = QWidget()
        layout = QHBoxLayout(strip)
        layout.setContentsMargins(6, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.filter, 1)
        for button in (use, more):
            button.setObjectName("flat")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(button)
        return strip

    def _make_words(self) -> QWidget:
        self._words, self._source = ElidedLabel(), ElidedLabel()
        self._source.setObjectName("muted")
        strip = QWidget()
        strip.setObjectName("paper")
        strip.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QVBoxLayout(strip)
        layout.setContentsMargins(GRID, 4, GRID, 4)
        layout.setSpacing(0)
        layout.addWidget(self._words)
        layout.addWidget(self._source)
        return strip

    def _connect(self) -> None:
        self._session.opened.connect(self._start_over)
        self._session.closed.connect(self._start_over)
        self._session.changed.connect(self.refresh)
        self._jobs.ended.connect(lambda _: self.refresh())
        self.items.item_wanted.connect(self.show_item)
        self.filter.wanted.connect(lambda _: self.refresh())
        self.filter.left.connect(lambda: self._page().table.setFocus())
        self.filter.confirmed.connect(self._enter_found)
        self.tabs.currentChanged.connect(lambda _: self._choose())

    # --- listing ---

    def refresh(self) -> None:
        """List the library again; quick where nothing changed."""
        if self._session.workspace is not None:
            text = self.filter.text().strip()
            take = partial(self._take, text)
            self._session.query(partial(fetch_items, text), take, self._refuse, topic="library", quiet=True)

    def _start_over(self) -> None:
        held = self._session.workspace
        self.filter.reset()
        for page in self.pages.values():
            page.model.writable = held is not None and not held.read_only
        self._take("", ())
        self.refresh()

    def _take(self, text: str, items: tuple[LibraryItem, ...]) -> None:
        self._items = items
        there = self._session.workspace is not None
        self._offer_keeping(there)
        for number, (kind, page) in enumerate(self.pages.items()):
            own = [item for item in items if item.kind == kind]
            page.empty.say(*(_nothing_kept(kind) if there else self._nowhere()))
            page.put(own, narrowed=bool(text))
            count = f" {integer_text(len(own))}" if own else ""
            self.tabs.setTabText(number, f"{kind_title(kind)}{count}")
        if self._wanted is not None and any((item.kind, item.name) == self._wanted for item in items):
            self.show_item(*self._wanted)
        self._choose()

    def tell_making(self, making: bool) -> None:
        """Say whether a workspace is being made, which is opened when it is ready."""
        self._making = making
        if self._session.workspace is None:
            self._take("", ())

    def _nowhere(self) -> tuple[str, str]:
        if self._making:
            return tr("The demo is being made"), tr("What you keep of its results appears here.")
        return tr("No workspace is open"), tr("What you keep of its results appears here.")

    def _refuse(self, problem: Problem) -> None:
        """Say on empty tabs that nothing can be listed, as while the workspace is away, instead of that nothing is."""
        if problem.kind != "known":
            self._session.tasks.unhandled.emit(problem)
            return
        self._offer_keeping(False)
        for page in self.pages.values():
            page.tell(tr("The library can't be read"), f"{problem.what} {problem.advice}")

    def _offer_keeping(self, there: bool) -> None:
        """Offer on empty tabs to keep something, if the library is there to keep it in."""
        for button in self._keep_buttons:
            button.setVisible(there)

    def allow_keeping(self, allowed: bool) -> None:
        """Say whether something is selected that can be kept."""
        for button in self._keep_buttons:
            button.setEnabled(allowed)

    def show_item(self, kind: str, name: str) -> None:
        """Show and select an item, as soon as it is listed."""
        self._wanted = (kind, name)
        if self.pages[kind].model.row_of(name) >= 0:
            self._wanted = None
            self.tabs.setCurrentWidget(self.pages[kind])
            self.pages[kind].select(name)

    def _page(self) -> LibraryTab:
        return self.pages[KINDS[self.tabs.currentIndex()]]

    def _choose(self) -> None:
        """Say about the current item what its row has no room for, and enable what can be done with it."""
        item = self._page().current()
        text = (item.problem or item.description) if item is not None else ""
        self._words.put(f"⚠ {text}" if item is not None and item.problem else text)
        self._source.put(source_text(item) if item is not None else "")
        self.items.update(item)

    def _enter_found(self) -> None:
        """Go to the first tab that has anything the words occur in."""
        if not self._page().model.items:
            with_items = next((page for page in self.pages.values() if page.model.items), None)
            if with_items is not None:
                self.tabs.setCurrentWidget(with_items)
        page = self._page()
        page.table.setFocus()
        if page.model.items and page.current() is None:
            page.table.selectRow(0)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self.items.by_rank())
        menu.popup(self._page().table.viewport().mapToGlobal(at))

    def save(self) -> None:
        """Remember how it was left."""
        self._settings.library_tab = self.tabs.currentIndex()

    # --- dropping ---

    def _kind_at(self, at: QPoint, carried: Carried) -> str:
        """Return the kind that a drop there keeps: that of the tab, or for runs beside the tabs a full run."""
        bar = self.tabs.tabBar()
        place = bar.tabAt(bar.mapFrom(self, at))
        kind = KINDS[place if place >= 0 else self.tabs.currentIndex()]
        if things_of(carried, kind):
            return kind
        return "fullrun" if place < 0 else ""

    def _may_take(self) -> bool:
        held = self._session.workspace
        return held is not None and not held.read_only

    def _carried(self, event: QDropEvent) -> Carried | None:
        held = self._session.workspace
        return unpack(event.mimeData(), held.root if held is not None else None) if self._may_take() else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._carried(event) is not None or (self._may_take() and dropped_files(event, (".zip",))):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        carried, at = self._carried(event), event.position().toPoint()
        if carried is None:
            event.acceptProposedAction()
            return
        kind = self._kind_at(at, carried)
        if not kind:
            event.ignore()
            return
        bar = self.tabs.tabBar()
        self._hover(KINDS.index(kind) if bar.tabAt(bar.mapFrom(self, at)) >= 0 else -1)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def _hover(self, tab: int) -> None:
        """Show a tab once something has been held over its title for a while; passing over it does nothing."""
        if tab != self._hovered:
            self._hovered = tab
            self._hovering.stop()
            if tab >= 0:
                self._hovering.start()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._hover(-1)
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        self._hover(-1)
        carried = self._carried(event)
        if carried is None:
            if self._may_take() and (paths := dropped_files(event, (".zip",))):
                event.acceptProposedAction()
                self.items.unpack_items(paths)
            return
        kind = self._kind_at(event.position().toPoint(), carried)
        if kind:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.tabs.setCurrentIndex(KINDS.index(kind))
            self.take_wanted.emit(carried, kind)

    # --- pace ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
