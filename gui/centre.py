"""The middle of the window: the welcome page, or the catalog with its charts and the comparison as tabs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QTabWidget, QWidget

from gui.comparison import Comparison
from gui.formats import tr
from gui.panes.catalog import CatalogPane
from gui.panes.compare import ComparePane
from gui.panes.explore import ExplorePane
from gui.settings import Settings

CHARTS_NEED, LEAST_TABLE = 290, 162  # pixels


class Centre(QStackedWidget):
    """Shows `welcome` without a workspace, `opening` while one is on its way, else the tabs.

    `comparison_shown` tells that the comparison came to the front, `charts_toggled` that the charts of what is listed
    were shown or hidden.
    """

    comparison_shown = Signal()
    charts_toggled = Signal()

    def __init__(
        self,
        welcome: QWidget,
        opening: QWidget,
        catalog: CatalogPane,
        explore: ExplorePane,
        compare: ComparePane,
        comparison: Comparison,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._comparison, self._catalog = settings, comparison, catalog
        self.split = QSplitter(Qt.Orientation.Vertical)
        catalog.setMinimumHeight(LEAST_TABLE)  # three rows and what is above them
        self.split.addWidget(catalog)
        self.split.addWidget(explore)
        self.split.setStretchFactor(0, 1)
        self.split.setCollapsible(0, False)
        self.split.setSizes(settings.catalog_split or [500, 0])
        self.tabs = QTabWidget()
        self.tabs.setObjectName("centreTabs")
        self.tabs.setAccessibleName(tr("Catalog and comparison"))
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.split, tr("Catalog"))
        self.tabs.addTab(compare, tr("Compare"))
        self.addWidget(welcome)
        self.addWidget(self.tabs)
        self.addWidget(opening)
        self.tabs.currentChanged.connect(lambda place: self.comparison_shown.emit() if place == 1 else None)
        comparison.changed.connect(self._count)

    def show_workspace(self, there: bool) -> None:
        """Show the tabs if a workspace is there."""
        self.setCurrentIndex(1 if there else 0)

    def show_opening(self) -> None:
        """Show that a workspace is being opened, until `show_workspace`."""
        self.setCurrentIndex(2)

    def show_catalog(self) -> None:
        """Bring the catalog to the front."""
        self.tabs.setCurrentIndex(0)

    def show_comparison(self) -> None:
        """Bring the comparison to the front."""
        self.tabs.setCurrentIndex(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc, where nothing in the comparison has a use for it, leads back to the catalog."""
        if event.key() == Qt.Key.Key_Escape and self.tabs.currentIndex():
            self.show_catalog()
            self._catalog.table.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().keyPressEvent(event)

    def toggle_explore(self) -> None:
        """Show or hide the charts of what is listed; they get what they need where the table can spare it."""
        whole = sum(self.split.sizes())
        charts = 0 if self.shows_charts() else max(whole * 4 // 10, min(CHARTS_NEED, whole - LEAST_TABLE))
        self.split.setSizes([whole - charts, charts])
        self.charts_toggled.emit()

    def shows_charts(self) -> bool:
        """Return whether the charts of what is listed are shown."""
        return self.split.sizes()[1] > 0

    def save(self) -> None:
        """Remember the division."""
        self._settings.catalog_split = self.split.sizes()

    def _count(self) -> None:
        count = len(self._comparison.pipelines)
        self.tabs.setTabText(1, tr("Compare ({n})").format(n=count) if count else tr("Compare"))
