"""Charts of what the catalog lists: parallel coordinates, and a metric against a parameter."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.formats import tr
from gui.panes.catalog import CatalogPane
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.widgets import EmptyState


class ExplorePane(QWidget):
    """Follows what is listed; `narrow_wanted` asks the catalog to add a condition to its query."""

    narrow_wanted = Signal(str)

    def __init__(
        self,
        session: Session,
        selection: Selection,
        catalog: CatalogPane,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.first: QWidget = EmptyState(tr("No charts yet"), "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.first)

    def load_charts(self) -> None:
        """Make the charts; done after the first paint because they load pyqtgraph."""

    def save(self) -> None:
        """Remember how it was left."""
