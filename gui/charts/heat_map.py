"""Errors by pipeline (rows) and sample (columns) as colours, with the samples that are outliers everywhere marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPen
from PySide6.QtWidgets import QGraphicsRectItem, QWidget

from gui.charts.many_points import PointedPlot
from gui.formats import tr
from gui.theme import GRID, theme

LOW, HIGH = "#0072b2", "#d55e00"  # Okabe and Ito's blue and vermillion: told apart by everybody
MOST_NAMES = 18
LEAST_NAME, MOST_NAME, NAME_SHARE = 116, 240, 0.2  # pixels, and of the width of the chart
HEAD = 0.07  # of the map's height, above it, for the marks


class HeatMap(PointedPlot):
    """One column for each sample shown, one row for each pipeline; a point's number is row × columns + column."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.draw = self._draw_all
        self.values = np.zeros((0, 0))
        self.outliers = np.zeros(0, dtype=bool)
        self.names: list[str] = []
        self.limit, self.one_sided, self.words = 1.0, False, ""
        self.current, self.column = -1, -1
        self._frames: list[Any] = []
        self._picture: Any = None
        self._new = False
        self.getPlotItem().getViewBox().invertY(True)

    def show_values(
        self, values: NDArray[Any], outliers: NDArray[np.bool_], names: Sequence[str], limit: float, words: str,
        *, one_sided: bool,
    ) -> None:  # fmt: skip
        """Show errors (pipelines, samples); colours end at ±`limit`, or go from 0 to it where they have one sign."""
        self.values, self.outliers, self.limit, self.one_sided, self.words = values, outliers, limit, one_sided, words
        self.names = list(names)
        self.column = -1
        self._new = True
        self.redraw()

    def highlight(self, current: int, column: int) -> None:
        """Frame the row of the current pipeline and the column of the selected sample."""
        self.current, self.column = current, column
        self._draw_frames()

    def point_at(self, place: QPointF) -> int:
        rows, columns = self.values.shape
        box = self.getPlotItem().getViewBox()
        if not box.sceneBoundingRect().contains(place):
            return -1
        here = box.mapSceneToView(place)
        row, column = int(np.floor(here.y())), int(np.floor(here.x()))
        row = 0 if -HEAD * rows <= here.y() < 0 else row  # the marks above the map belong to their column
        return row * columns + column if 0 <= row < rows and 0 <= column < columns else -1

    # --- drawing ---

    def _draw_all(self) -> None:
        self._frames = []
        rows, columns = self.values.shape
        self.label(self.words, "")
        axis = self.getAxis("left")
        axis.setStyle(showValues=rows <= MOST_NAMES)
        if rows <= MOST_NAMES:
            room, letters = int(min(MOST_NAME, max(LEAST_NAME, self.width() * NAME_SHARE))), QFontMetrics(self.font())
            # A name that doesn't fit is not drawn at all.
            names = [letters.elidedText(name, Qt.TextElideMode.ElideMiddle, room) for name in self.names]
            axis.setWidth(min(room, max(map(letters.horizontalAdvance, names), default=0)) + 24)
            self.ticks("left", names, 0.5)
        else:
            axis.setWidth(GRID)
            self.ticks("left", None)
        self.getAxis("bottom").setStyle(showValues=False)
        if not rows or not columns:
            return
        colours = theme().colours
        ground = QGraphicsRectItem(QRectF(0, 0, columns, rows))  # shows where there is no prediction
        ground.setBrush(QColor(colours.scroll))
        ground.setPen(QPen(Qt.PenStyle.NoPen))
        self.addItem(ground)
        ends = [colours.neutral, HIGH] if self.one_sided else [LOW, colours.neutral, HIGH]
        levels = (0.0 if self.one_sided else -self.limit, self.limit)
        image = pg.ImageItem(self.values.T.astype(np.float32), levels=levels, axisOrder="col-major")
        image.setColorMap(pg.ColorMap(np.linspace(0.0, 1.0, len(ends)), [QColor(end) for end in ends]))
        self.addItem(image, ignoreBounds=True)
        self._picture = image
        marks = np.flatnonzero(self.outliers)
        if len(marks):
            self.addItem(
                pg.ScatterPlotItem(
                    x=marks + 0.5, y=np.full(len(marks), -HEAD * rows / 2), symbol="t", size=9, pen=None,
                    brush=pg.mkBrush(colours.text),
                ),
                ignoreBounds=True,
            )  # fmt: skip
        self._draw_frames()
        if self._new:
            self._new = False
            self.fit(QRectF(0, -HEAD * rows, columns, rows * (1 + HEAD)), padding=0.0)

    def _draw_frames(self) -> None:
        for item in self._frames:
            self.removeItem(item)
        self._frames = []
        rows, columns = self.values.shape
        if 0 <= self.current < rows:
            self._frame(QRectF(0, self.current, columns, 1))
        if 0 <= self.column < columns:
            self._frame(QRectF(self.column, 0, 1, rows))

    def _frame(self, rect: QRectF) -> None:
        colours = theme().colours
        for colour, width in ((colours.base, 4.0), (colours.text, 1.5)):  # seen on every colour of the map
            frame = QGraphicsRectItem(rect)
            frame.setPen(pg.mkPen(colour, width=width))
            frame.setBrush(pg.mkBrush(None))
            self.addItem(frame, ignoreBounds=True)
            self._frames.append(frame)


def heat_map() -> HeatMap:
    """Make the map of errors."""
    return HeatMap(tr("Errors by pipeline and sample"))
