"""Pipelines side by side: their steps, metrics and predictions against a baseline."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.comparison import Comparison
from gui.formats import tr
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.widgets import EmptyState


class ComparePane(QWidget):
    """Follows the comparison and shows what is in it."""

    def __init__(
        self,
        session: Session,
        selection: Selection,
        comparison: Comparison,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.first: QWidget = EmptyState(
            tr("Nothing to compare yet"), tr("Select two or more pipelines in the catalog and press C.")
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.first)

    def load_charts(self) -> None:
        """Make the charts; done after the first paint because they load pyqtgraph."""

    def save(self) -> None:
        """Remember how it was left."""
