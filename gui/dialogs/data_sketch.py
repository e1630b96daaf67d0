"""What is in a data file, at a glance: its first rows, how the target is distributed, and some of the spectra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from gui.formats import integer_text, number_text, parameter_text, tr
from gui.panes.sheets import Sheet
from gui.theme import HEADER_HEIGHT, ROW_HEIGHT, theme

if TYPE_CHECKING:
    from gui.charts.plot import Plot
    from storage import ColumnPreview, DataPreview

ROWS_SHOWN = 6
CLASSES_NAMED = 12


class DataSketch(QTabWidget):
    """Three small pages; a chart is made when it is first looked at, because that takes longer than a page may."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("What is in the data file"))
        self.setDocumentMode(True)
        self.rows = Sheet([], tr("First rows of the data"))
        self.addTab(self.rows, tr("First rows"))
        self._pages: list[QVBoxLayout] = []  # where the charts will be
        for title in (tr("Target"), tr("Spectra")):
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[-1].setContentsMargins(0, 0, 0, 0)
            self.setTabEnabled(self.addTab(page, title), False)
        self.currentChanged.connect(lambda _: self._draw())
        self.setMinimumHeight(HEADER_HEIGHT + (ROWS_SHOWN + 1) * ROW_HEIGHT + 8)
        self.target_plot: Plot | None = None
        self.spectra_plot: Plot | None = None
        self._preview: DataPreview | None = None
        self._column: ColumnPreview | None = None
        self._units = ""

    def clear(self) -> None:
        """Show nothing, as without a file."""
        self._preview = self._column = None
        self.rows.fill([], columns=[])
        self._draw()

    def show_preview(self, preview: DataPreview) -> None:
        """Show another file."""
        self._preview = preview
        width = max((len(row) for row in preview.head), default=0)
        self.rows.fill(preview.head, columns=preview.columns[:width])
        self._draw()

    def show_target(self, name: str, units: str) -> None:
        """Show how the values of a column are distributed."""
        column = self._preview.described.get(name) if self._preview is not None else None
        if column != self._column or units != self._units:
            self._column, self._units = column, units
            self._draw()

    def _draw(self) -> None:
        """Say which pages there are, and draw the one that is seen; a chart is made when it is first looked at."""
        preview, column = self._preview, self._column
        self.setTabEnabled(1, column is not None)
        self.setTabEnabled(2, preview is not None and bool(preview.spectra))
        self.setTabToolTip(1, column_text(column) if column is not None else "")
        self.setTabToolTip(2, spectra_text(preview) if preview is not None and preview.spectra else "")
        if self.currentIndex() == 1 and column is not None:
            self.target_plot = self.target_plot or self._make_plot(tr("Distribution of the target"), self._draw_target)
            self.target_plot.redraw()
        elif self.currentIndex() == 2 and preview is not None and preview.spectra:
            self.spectra_plot = self.spectra_plot or self._make_plot(tr("Some of the spectra"), self._draw_spectra)
            self.spectra_plot.redraw()

    def _make_plot(self, name: str, draw: Callable[[], None]) -> Plot:
        from gui.charts.plot import Plot

        plot = Plot(name)
        plot.draw = draw
        plot.setMouseEnabled(x=False, y=False)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._pages[self.currentIndex() - 1].addWidget(plot)
        return plot

    def _draw_target(self) -> None:
        plot, column = self.target_plot, self._column
        if plot is None or column is None:
            return
        import pyqtgraph as pg

        if column.classes:
            shown = column.classes[:CLASSES_NAMED]
            plot.ticks("bottom", [label for label, _ in shown])
            places: dict[str, Any] = {"x": list(range(len(shown))), "height": [count for _, count in shown]}
            width = 0.7
        else:
            plot.ticks("bottom", None)
            places = {"x0": list(column.edges[:-1]), "height": list(column.counts)}
            width = column.edges[1] - column.edges[0]
        colours = theme().colours
        plot.addItem(pg.BarGraphItem(**places, width=width, brush=colours.accent, pen=colours.base))
        told = not self._units or column.units == self._units
        plot.label(column.name if told else f"{column.name} [{self._units}]", tr("samples"))
        plot.getPlotItem().autoRange()
        plot.setAccessibleDescription(column_text(column))

    def _draw_spectra(self) -> None:
        plot, preview = self.spectra_plot, self._preview
        if plot is None or preview is None or not preview.spectra:
            return
        gap = (math.nan,)  # one line with gaps is drawn much quicker than many lines
        x = [value for _ in preview.spectra for value in (*preview.axis, *gap)]
        y = [value for spectrum in preview.spectra for value in (*spectrum, *gap)]
        from gui.charts.plot import pen
        from gui.charts.spectra import axis_words

        plot.label(axis_words(preview.axis_unit), tr("measured signal"))
        plot.plot(x, y, pen=pen(theme().colours.accent, 1.0, alpha=70), connect="finite")
        plot.getPlotItem().autoRange()
        plot.setAccessibleDescription(spectra_text(preview))


def spectra_text(preview: DataPreview) -> str:
    """Say which spectra are drawn."""
    return tr("{n} of {total} spectra, from {low} to {high}").format(
        n=integer_text(len(preview.spectra)), total=integer_text(preview.n_rows),
        low=parameter_text(preview.axis[0]), high=parameter_text(preview.axis[-1]),
    )  # fmt: skip


def column_text(column: ColumnPreview) -> str:
    """Say how the values of a column are distributed."""
    if column.classes:
        counts = ", ".join(f"{label}: {integer_text(count)}" for label, count in column.classes[:CLASSES_NAMED])
        return tr("{n} classes: {counts}").format(n=integer_text(column.n_classes), counts=counts)
    if not column.edges:
        return tr("no numbers")
    return tr("{n} values from {low} to {high}").format(
        n=integer_text(sum(column.counts)), low=number_text(column.edges[0]), high=number_text(column.edges[-1])
    )
