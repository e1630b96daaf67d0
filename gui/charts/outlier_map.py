"""T² against Q: how far each spectrum is from the others, within their common variation and beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from gui.charts.sample_plot import free_corner
from gui.charts.spectra import SpectralPlot, kind_words
from gui.formats import integer_text, number_text, tr
from gui.models.points_rows import Numbers
from gui.models.points_spectra import ORDINARY, OUTLYING, SUSPICIOUS
from gui.theme import theme

LIMITS = ("95 %", "99 %")
NAMED_AT = {90: 0.02, 0: 0.93}  # of the length of a limit, by its angle: where fewest marks and lines are
SYMBOLS = {ORDINARY: "o", SUSPICIOUS: "t1", OUTLYING: "x"}


class OutlierMap(SpectralPlot):
    """One mark a sample; the lines are the limits of 95 and 99 %."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Outlier map: residual Q over Hotelling's T²"), parent)
        self.grid()

    def why_empty(self) -> str:
        if super().why_empty():
            return super().why_empty()
        assert self.lines is not None
        if self.lines.spectra.outliers is None:
            return tr("Too few samples to say which are unlike the others.")
        return ""

    def draw_data(self) -> None:
        lines = self.lines
        if lines is None or lines.spectra.outliers is None:
            return
        found = lines.spectra.outliers
        self.label(tr("Hotelling's T² (no unit)"), tr("residual Q (signal²)"))
        for level, style in ((0, Qt.PenStyle.DotLine), (1, Qt.PenStyle.DashLine)):
            for limit, angle in ((found.t2_limits[level], 90), (found.q_limits[level], 0)):
                if math.isfinite(limit):
                    self._draw_limit(limit, angle, LIMITS[level], style)
        entries = []
        for kind, item in self._marks(lines.kinds, found.t2, found.q):
            self.addItem(item)
            entries.append((item, f"{kind_words(kind)}: {integer_text(int((lines.kinds == kind).sum()))}"))
        right = max(float(np.nanmax(found.t2)), found.t2_limits[1])
        high = max(float(np.nanmax(found.q)), found.q_limits[1] if math.isfinite(found.q_limits[1]) else 0.0)
        bounds = QRectF(0, 0, max(right, 1e-9), max(high, 1e-12))
        self.legend([], free_corner(found.t2, found.q, bounds))
        if self._legend is not None:
            for item, words in entries:
                self._legend.addItem(item, words)
        self.stand_for(np.arange(len(found.t2)))
        self.fit(bounds)

    def _draw_limit(self, at: float, angle: int, words: str, style: Qt.PenStyle) -> None:
        """Draw a limit, upright for 90 degrees, with its name left of it or above it."""
        colour = theme().colours.muted
        right_below = (1, 1)  # the corner of the name that lies on the line
        place = {"position": NAMED_AT[angle], "color": colour, "anchors": [right_below, right_below]}
        line = pg.InfiniteLine(at, angle, pg.mkPen(colour, width=1, style=style), label=words, labelOpts=place)
        self.addItem(line)

    def places(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Rows are places among the spectra here."""
        found = self.lines.spectra.outliers if self.lines is not None else None
        if found is None or not len(rows):
            return super().places(rows)
        return found.t2[rows], found.q[rows]

    def caption(self) -> str:
        found = self.lines.spectra.outliers if self.lines is not None else None
        if found is None:
            return ""
        return tr("PCA, components: {n} ({share} %); limits: 95 and 99 %").format(
            n=found.components, share=number_text(100 * found.explained, 3)
        )

    def _draw_ring(self) -> None:
        for item in self._ring:
            self.removeItem(item)
        self._ring = []
        lines = self.lines
        place = lines.place_of(self.sample) if lines is not None and self.sample is not None else None
        if lines is not None and place is not None and lines.spectra.outliers is not None:
            x, y = self.places(np.array([place]))
            self.ring(x, y, lines.spectra.sample_names[place])

    @staticmethod
    def _marks(kinds: Numbers, t2: Numbers, q: Numbers) -> Iterator[tuple[int, pg.ScatterPlotItem]]:
        colours = theme().colours
        for kind, name in ((ORDINARY, "accent"), (SUSPICIOUS, "warning"), (OUTLYING, "bad")):
            mine = kinds == kind
            colour = QColor(getattr(colours, name))
            fill = QColor(colour)
            fill.setAlpha(110)
            yield kind, pg.ScatterPlotItem(
                x=t2[mine], y=q[mine], symbol=SYMBOLS[kind], size=8, pen=pg.mkPen(colour), brush=pg.mkBrush(fill)
            )  # fmt: skip
