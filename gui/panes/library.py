"""The library: templates and saved results, to find, describe, run again and take away."""

from __future__ import annotations

from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from gui.formats import tr
from gui.jobs import Jobs
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings


class LibraryPane(QWidget):
    """Shows what was kept, by kind."""

    def __init__(
        self, session: Session, selection: Selection, jobs: Jobs, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("libraryTabs")
        self.tabs.setAccessibleName(tr("Library by kind"))
        self.first: QWidget = self.tabs
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)

    def save(self) -> None:
        """Remember how it was left."""
