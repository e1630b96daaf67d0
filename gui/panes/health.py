"""The health pane: what a check found, what takes how much room, the trash, and the index."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from gui.formats import integer_text, tr
from gui.jobs import Jobs
from gui.panes.health_findings import FindingsPage
from gui.panes.health_page import HealthPage
from gui.panes.health_storage import IndexPage, StoragePage
from gui.panes.health_trash import TrashPage
from gui.session import Session
from gui.settings import Settings
from gui.widgets import scrolled


class HealthPane(QWidget):
    """Four pages, each read when it is looked at. `said` tells in words what happened."""

    said = Signal(str)

    def __init__(self, session: Session, jobs: Jobs, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._awaited = False  # the trash, by somebody who has the keyboard on its title until something is in it
        self.findings = FindingsPage(session, jobs)
        self.storage = StoragePage(session)
        self.trash = TrashPage(session, jobs)
        self.index = IndexPage(session)
        self.pages: tuple[HealthPage, ...] = (self.findings, self.storage, self.trash, self.index)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("healthTabs")
        self.tabs.setAccessibleName(tr("Health"))
        self.tabs.setDocumentMode(True)
        titles = (tr("Findings"), tr("Storage"), tr("Trash"), tr("Index"))
        for page, title in zip(self.pages, titles, strict=True):
            self.tabs.addTab(scrolled(page), title)
            page.said.connect(self.said)
            page.left.connect(self.tabs.setFocus)
        self.tabs.setCurrentIndex(min(max(0, settings.health_tab), len(self.pages) - 1))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.trash.listed.connect(self._enter_trash)
        self.findings.model.modelReset.connect(self._show_counts)
        self.trash.model.modelReset.connect(self._show_counts)

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to when somebody goes to this pane."""
        return self.pages[self.tabs.currentIndex()].first or self.tabs

    def check(self, *, deep: bool = False) -> None:
        """Show the findings and check the workspace."""
        self.tabs.setCurrentIndex(self.pages.index(self.findings))
        self.findings.check(deep=deep)

    def show_trash(self) -> None:
        """Show the trash."""
        self.tabs.setCurrentIndex(self.pages.index(self.trash))
        self._awaited = self.trash.first is None

    def _enter_trash(self) -> None:
        """Go on from the title of the trash, which had the keyboard until there was something in it.

        A dialog that closes just now may still have the keyboard: what counts is who has it in the window then.
        """
        there = self.tabs.currentIndex() == self.pages.index(self.trash)
        waiting = there and self.window().focusWidget() is self.tabs.tabBar()
        if self._awaited and waiting and self.trash.first is not None:
            self.trash.first.setFocus(Qt.FocusReason.OtherFocusReason)
        self._awaited = self._awaited and waiting and self.trash.first is None

    def save(self) -> None:
        """Remember which page is shown."""
        self._settings.health_tab = self.tabs.currentIndex()

    def _show_counts(self) -> None:
        """How much there is in the lists of findings and of the trash."""
        found, kept = len(self.findings.model.rows), len(self.trash.model.rows)
        for page, title, count in ((0, tr("Findings"), found), (2, tr("Trash"), kept)):
            words = tr("{title} ({n})").format(title=title, n=integer_text(count)) if count else title
            self.tabs.setTabText(page, words)
