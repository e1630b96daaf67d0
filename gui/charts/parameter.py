"""A metric against a parameter: each result a point, and where several have the same value, how they are spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QLabel, QSplitter, QToolTip, QVBoxLayout, QWidget

from gui.charts.colouring import Colouring, plain_colouring
from gui.charts.importance import ImportanceTable
from gui.charts.log_axis import LogAxis
from gui.charts.many_points import REACH, PointedPlot
from gui.charts.parallel_axes import axis_title
from gui.charts.tick_names import fitting_names, short_names
from gui.formats import integer_text, tr
from gui.models.axis import Axis
from gui.theme import GRID, theme

MOST_LEVELS = 24  # different values up to which their spread is drawn
BOX = 0.55  # width of a box, of the smallest distance between two values
JITTER = 0.16
LEFT_ROOM = 80
HIGHEST_NAMES = 0.4  # of the chart
RING = 14
RANKING = 272  # pixels, in which the names of parameters can be told apart
ALONE = 0.2  # of a value that stands alone, what is seen below and above it
Numbers = NDArray[np.float64]


class ParameterPlot(PointedPlot):
    """Draws one axis of an Explored against another; point number p is result number `rows[p]`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.bottom_axis: Axis | None = None  # before there is a widget that may be resized
        self.left_axis: Axis | None = None
        super().__init__(tr("Metric against parameter"), parent)
        self.setAxisItems({side: LogAxis(side) for side in ("bottom", "left")})
        self._dress()
        self.colouring: Colouring = plain_colouring(0)
        self.log = (False, False)
        self.chosen: list[int] = []
        self.current = -1
        self.rows = np.zeros(0, dtype=np.int64)
        self._xs = self._ys = self._levels = np.zeros(0)
        self._rings: list[pg.ScatterPlotItem] = []
        self.draw = self._draw_all

    def show_axes(self, x: Axis, y: Axis, colouring: Colouring, log: tuple[bool, bool]) -> None:
        """Draw one axis against another; `log` tells which of both go by powers of ten."""
        self.bottom_axis, self.left_axis, self.colouring, self.log = x, y, colouring, log
        self._place_points()
        self.redraw()
        if len(self.rows):
            self.fit(self._bounds(), padding=0.06)

    def highlight(self, chosen: Sequence[int], current: int) -> None:
        """Put rings around these results, and a wider one around the current one."""
        self.chosen, self.current = list(chosen), current
        self._draw_rings()

    def point_at(self, place: QPointF) -> int:
        box = self.getPlotItem().getViewBox()
        if not len(self.rows) or not box.sceneBoundingRect().contains(place):
            return -1
        here = box.mapSceneToView(place)
        across, down = box.viewPixelSize()
        far = np.hypot((self._xs - here.x()) / across, (self._ys - here.y()) / down)
        nearest = int(np.argmin(far))
        return nearest if far[nearest] <= REACH else -1

    def neighbour(self, row: int, step: int) -> int:
        """Return the result right or left of one, -1 where there is none."""
        order = np.lexsort((self._ys, self._xs))
        places = np.flatnonzero(self.rows[order] == row)
        wanted = (int(places[0]) + step) if len(places) else 0
        return int(self.rows[order[wanted]]) if 0 <= wanted < len(order) else -1

    # --- drawing ---

    def _place_points(self) -> None:
        assert self.bottom_axis is not None and self.left_axis is not None
        xs, ys = _scaled(self.bottom_axis, self.log[0]), _scaled(self.left_axis, self.log[1])
        self.rows = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
        self._xs, self._ys = xs[self.rows], ys[self.rows]
        self._levels = np.unique(self._xs)
        if 1 < len(self._levels) <= MOST_LEVELS:  # points with the same value side by side
            gap = float(np.diff(self._levels).min())
            spread = np.random.default_rng(0).uniform(-1, 1, len(self._xs))
            self._xs = self._xs + spread * JITTER * gap

    def _draw_all(self) -> None:
        self._rings = []
        if self.bottom_axis is None or self.left_axis is None:
            return
        self.label(" ".join(one for one in axis_title(self.bottom_axis.key)[::-1] if one), self.left_axis.key)
        self.grid(x=not self.bottom_axis.names)
        self._write_names()
        for side, log in zip(("bottom", "left"), self.log, strict=True):
            self.getAxis(side).setLogMode(x=log, y=log)
        if not len(self.rows):
            return
        self._draw_boxes()
        groups = self.colouring.groups[self.rows]
        for group in np.unique(groups):
            own = groups == group
            colour = QColor(self.colouring.colours[group])
            outline = pg.mkPen(colour, width=1)  # by which a point stands out that lets others show through
            colour.setAlpha(200 if len(self.rows) < 500 else 120)
            points = pg.ScatterPlotItem(
                x=self._xs[own], y=self._ys[own], size=8 if len(self.rows) < 500 else 6, pen=outline,
                brush=pg.mkBrush(colour), symbol=self.colouring.symbols[group],
            )  # fmt: skip
            self.addItem(points, ignoreBounds=True)
        self._draw_rings()

    def _write_names(self) -> None:
        """Write the names of both axes, as they fit now."""
        for side, axis in (("bottom", self.bottom_axis), ("left", self.left_axis)):
            names = [name or tr("others") for name in axis.names] if axis is not None else []
            if side == "left" or not names:
                shown, upright = [self._fitted(name) for name in short_names(names)], False
            else:
                drawn = range(round(self._levels[0]), round(self._levels[-1]) + 1) if len(self._levels) else range(1)
                room = (self.viewport().width() - LEFT_ROOM) / len(drawn)
                highest = self.viewport().height() * HIGHEST_NAMES
                there = [names[number] for number in drawn]
                shown, upright = fitting_names(there, room, highest, self.fontMetrics())
                shown = [*[""] * drawn[0], *shown]
            if side == "bottom":
                self.getAxis(side).stand_names(upright)
                longest = max((self.fontMetrics().horizontalAdvance(name) for name in shown), default=0)
                self.getAxis(side).setHeight(longest + 2 * self.fontMetrics().height() if upright else None)
            self.ticks(side, shown or None)

    def _fitted(self, name: str) -> str:
        return str(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, LEFT_ROOM))

    def name_at(self, place: QPointF) -> str:
        """Return the whole name that stands at a place of the scene, empty where none does."""
        names = self.bottom_axis.names if self.bottom_axis is not None else ()
        if not names or not self.getAxis("bottom").sceneBoundingRect().contains(place):
            return ""
        number = round(self.getPlotItem().getViewBox().mapSceneToView(place).x())
        return (names[number] or tr("others")) if 0 <= number < len(names) else ""

    def _hover(self, place: QPointF) -> None:
        if name := self.name_at(place):
            QToolTip.showText(self.mapToGlobal(self.mapFromScene(place)), name, self)
        else:
            super()._hover(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.bottom_axis is not None and self.bottom_axis.names and self.plotItem is not None:  # None once closed
            self._write_names()

    def _draw_boxes(self) -> None:
        """Draw the middle half and the median of the results at each value."""
        assert self.bottom_axis is not None
        if not 1 < len(self._levels) <= MOST_LEVELS:
            return
        xs = _scaled(self.bottom_axis, self.log[0])[self.rows]
        half = float(np.diff(self._levels).min()) * BOX / 2
        ground = QColor(theme().colours.muted)
        ground.setAlpha(36)
        medians = []
        for level in self._levels:
            own = self._ys[xs == level]
            low, middle, high = np.quantile(own, (0.25, 0.5, 0.75))
            box = pg.BarGraphItem(x0=[level - half], x1=[level + half], y0=[low], y1=[high], brush=ground, pen=None)
            self.addItem(box, ignoreBounds=True)
            medians.append((level, middle))
        x = np.ravel([(level - half, level + half) for level, _ in medians])
        y = np.repeat([middle for _, middle in medians], 2)
        self.plot(x, y, connect="pairs", pen=pg.mkPen(theme().colours.text, width=2))
        if not self.bottom_axis.names:
            dashes = pg.mkPen(theme().colours.muted, width=1, style=Qt.PenStyle.DashLine)
            self.plot(*np.array(medians).T, pen=dashes)

    def _draw_rings(self) -> None:
        for item in self._rings:
            self.removeItem(item)
        self._rings = []
        for rows, width, colour in (
            (self.chosen, 1.5, theme().colours.text),
            ([self.current], 2.5, theme().colours.accent),
        ):
            own = np.isin(self.rows, np.array(rows, dtype=np.int64))
            if own.any():
                ring = pg.ScatterPlotItem(
                    x=self._xs[own],
                    y=self._ys[own],
                    size=RING,
                    symbol="o",
                    brush=None,
                    pen=pg.mkPen(colour, width=width),
                )
                self.addItem(ring, ignoreBounds=True)
                self._rings.append(ring)

    def _bounds(self) -> QRectF:
        low_x, high_x = _wide(float(self._xs.min()), float(self._xs.max()))
        if 1 < len(self._levels) <= MOST_LEVELS:
            half = float(np.diff(self._levels).min()) * BOX / 2
            low_x, high_x = float(self._levels[0]) - half, float(self._levels[-1]) + half
        around = 0.5 if self.log[1] or (self.left_axis and self.left_axis.names) else ALONE * abs(float(self._ys[0]))
        low_y, high_y = _wide(float(self._ys.min()), float(self._ys.max()), around or 0.5)
        return QRectF(low_x, low_y, high_x - low_x, high_y - low_y)


class ParameterPage(QSplitter):
    """The parameters by what they explain, and beside them the chosen one in a plot."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.ranking, self.plot = ImportanceTable(), ParameterPlot()
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.note.setContentsMargins(GRID, 4, GRID, 4)
        left = QWidget()
        left.setMinimumWidth(RANKING)
        inside = QVBoxLayout(left)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.ranking, 1)
        inside.addWidget(self.note)
        self.addWidget(left)
        self.addWidget(self.plot)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 3)
        self.setSizes([300, 480])
        self.setChildrenCollapsible(False)

    def tell_datasets(self, count: int) -> None:
        """Say how results of several datasets are ranked together."""
        words = tr("Ranked within each of {n} datasets. To look at one, filter by it.")
        self.note.setText(words.format(n=integer_text(count)))
        self.note.setVisible(count > 1)


def _scaled(axis: Axis, log: bool) -> Numbers:
    if not log:
        return axis.values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(axis.values > 0, np.log10(np.maximum(axis.values, 1e-300)), np.nan)


def _wide(low: float, high: float, least: float = 0.5) -> tuple[float, float]:
    return (low, high) if high > low else (low - least, high + least)
