"""A plot whose marks stand for samples: hover names one, a click or an arrow key selects it, a ring shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.charts.plot import MARKERS, Plot
from gui.charts.shown import Shown, row_words
from gui.formats import tr
from gui.models.points import Points
from gui.models.points_rows import Numbers
from gui.theme import theme

REACH = 12.0  # pixels around the mouse in which a mark is meant
RING = 15
LEFT_WIDTH = 60
RIGHT_TOP = (1, 0)
CORNERS = (RIGHT_TOP, (0, 0), (1, 1), (0, 1))
CORNER_SHARE = (0.5, 0.4)  # of width and height that a legend takes
ON_TOP = 100
LIGHTER = 150  # percent: the hue of train is too dark for a thin line on a dark ground
SEEN_THROUGH = 210  # of 255: what a legend lies over can be made out


class SamplePlot(Plot):
    """Draws a Shown. `pointed` is emitted with the sample somebody chose and its row in SampleRows, -1 if it has none.

    A subclass draws in `draw_data`, tells the places of rows in `places`, and which rows it drew through `stand_for`.
    """

    pointed = Signal(int, int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.shown = Shown()
        self.sample: int | None = None
        self._rows: Numbers = np.empty(0, dtype=int)
        self._x: Numbers = np.empty(0)
        self._y: Numbers = np.empty(0)
        self._ring: list[Any] = []
        self._legend: pg.LegendItem | None = None
        self.draw = self._draw_all
        self.getAxis("left").setWidth(LEFT_WIDTH)  # else the plot moves with the numbers beside it
        self.viewport().setMouseTracking(True)
        self.scene().sigMouseClicked.connect(self._click)

    # --- for the page ---

    def show_data(self, shown: Shown) -> None:
        """Draw other data, or the same in another way."""
        self.shown = shown
        self.redraw()

    def mark(self, sample: int | None) -> None:
        """Draw a sample highlighted, or none."""
        if sample != self.sample:
            self.sample = sample
            self._draw_ring()

    def caption(self) -> str:
        """Say in a line how much is drawn."""
        return ""

    def why_empty(self) -> str:
        """Say why there is nothing to draw; empty if there is."""
        return (self.shown.why_empty or tr("Nothing to draw yet.")) if self.shown.data.empty else ""

    # --- for subclasses ---

    def draw_data(self) -> None:
        """Draw what is shown."""

    def places(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return where rows of SampleRows are in the plot; NaN for those that are not."""
        return np.full(len(rows), np.nan), np.full(len(rows), np.nan)

    def stand_for(self, rows: Numbers) -> None:
        """Note which rows the marks that were drawn stand for."""
        self._rows = np.asarray(rows, dtype=int)
        self._x, self._y = self.places(self._rows)

    def tip(self, mark: int) -> str:
        """Say what a mark stands for."""
        return "\n".join(row_words(self.shown.data.rows, mark, self.shown.target))

    def tip_at(self, scene_place: QPointF) -> str:
        """Say what is at a place of the scene; empty where nothing is."""
        mark = self.at(scene_place)
        return self.tip(mark) if mark is not None else ""

    def ordered(self) -> Numbers:
        """Return the marks in the order the arrow keys go through them: from left to right."""
        there = np.flatnonzero(np.isfinite(self._x) & np.isfinite(self._y))
        return np.asarray(self._rows[there[np.lexsort((self._y[there], self._x[there]))]])

    def sample_of(self, marks: Numbers) -> Numbers:
        """Return the samples that marks stand for."""
        return np.asarray(self.shown.data.rows.samples[marks])

    def choose(self, mark: int) -> None:
        """Select the sample of a mark."""
        self.pointed.emit(int(self.sample_of(np.array([mark]))[0]), mark)

    def legend(self, entries: Sequence[tuple[str, QPen]], corner: tuple[int, int] = RIGHT_TOP) -> None:
        """Explain lines in a corner: 1 is right, or below."""
        colours = theme().colours
        ground = QColor(colours.base)
        ground.setAlpha(SEEN_THROUGH)
        made = pg.LegendItem(
            offset=(-6 if corner[0] else 6, -6 if corner[1] else 6), pen=pg.mkPen(colours.line),
            brush=pg.mkBrush(ground), labelTextColor=colours.text, labelTextSize="8pt", verSpacing=0,
        )  # fmt: skip
        made.layout.setContentsMargins(4, 0, 4, 0)
        made.setParentItem(self.getPlotItem().getViewBox())
        for text, how in entries:
            made.addItem(pg.PlotDataItem(pen=how), text)
        self._legend = made

    # --- drawing ---

    def _draw_all(self) -> None:
        if self._legend is not None:
            self.scene().removeItem(self._legend)
            self._legend = None
        self._ring = []
        self.stand_for(np.empty(0, dtype=int))
        self.fits = not self.why_empty()
        if self.fits:
            self.draw_data()
            self.fit_data()
        self._draw_ring()

    def _draw_ring(self) -> None:
        for item in self._ring:
            self.removeItem(item)
        self._ring = []
        if self.sample is None or self.why_empty():
            return
        rows = self.shown.data.rows.of_sample(self.sample)
        x, y = self.places(rows) if len(rows) else (np.empty(0), np.empty(0))
        there = np.isfinite(x) & np.isfinite(y)
        if there.any():
            self.ring(x[there], y[there], self.shown.data.rows.names[int(rows[there][0])])

    def ring(self, x: Numbers, y: Numbers, name: str) -> None:
        """Draw rings around places and a name beside the first."""
        text = theme().colours.text
        rings = pg.ScatterPlotItem(x=x, y=y, symbol="o", size=RING, pen=pg.mkPen(text, width=2), brush=None)
        self._put_on_top(rings)
        self.name_tag(float(x[0]), float(y[0]), name)

    def name_tag(self, x: float, y: float, name: str) -> None:
        """Write the name of the selected sample beside a place, to the side where there is more room."""
        colours = theme().colours
        view = self.getPlotItem().getViewBox().viewRect()
        ground = QColor(colours.base)
        ground.setAlpha(230)
        anchor = (1.15 if x > view.center().x() else -0.15, 0.5)
        tag = pg.TextItem(name, color=colours.text, anchor=anchor, fill=ground, border=pg.mkPen(colours.line))
        tag.setPos(x, y)
        self._put_on_top(tag)

    def _put_on_top(self, item: Any) -> None:
        item.setZValue(ON_TOP)
        self.addItem(item, ignoreBounds=True)
        self._ring.append(item)

    # --- finding ---

    def nearest(self, x: float, y: float) -> int | None:
        """Return the row whose mark is nearest to a place of the plot, None if none is within reach."""
        if not len(self._rows):
            return None
        wide, high = self.getPlotItem().getViewBox().viewPixelSize()
        far = np.hypot((self._x - x) / wide, (self._y - y) / high)
        if np.isnan(far).all():
            return None
        place = int(np.nanargmin(far))
        return int(self._rows[place]) if far[place] <= REACH else None

    def at(self, scene_place: QPointF) -> int | None:
        """Return the row under a place of the scene."""
        box = self.getPlotItem().getViewBox()
        if not box.sceneBoundingRect().contains(scene_place):
            return None
        place = box.mapSceneToView(scene_place)
        return self.nearest(place.x(), place.y())

    def _click(self, event: Any) -> None:
        mark = self.at(event.scenePos()) if event.button() == Qt.MouseButton.LeftButton else None
        if mark is not None:
            self.choose(mark)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if not event.buttons():
            words = self.tip_at(self.mapToScene(event.position().toPoint()))
            QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def leaveEvent(self, event: QEvent) -> None:
        QToolTip.hideText()
        super().leaveEvent(event)

    # --- keys ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self._step(steps[Qt.Key(event.key())])
            return
        event.ignore()  # the page and the window may know the key

    def _step(self, by: int) -> None:
        """Select the next sample in order, after or before the selected one."""
        marks = self.ordered()
        if not len(marks):
            return
        _, first = np.unique(self.sample_of(marks), return_index=True)
        marks = marks[np.sort(first)]  # each sample once, though it may have marks in several partitions
        samples = self.sample_of(marks)
        here = samples == self.sample if self.sample is not None else np.zeros(len(samples), dtype=bool)
        place = int(np.argmax(here)) + by if here.any() else (0 if by > 0 else len(marks) - 1)
        if 0 <= place < len(marks):
            self.choose(int(marks[place]))


def free_corner(x: Numbers, y: Numbers, bounds: QRectF) -> tuple[int, int]:
    """Return the corner with the least in it, for a legend; of equal ones the upper right first."""
    across = (x - bounds.left()) / max(bounds.width(), 1e-12)
    up = (y - bounds.top()) / max(bounds.height(), 1e-12)

    def within(corner: tuple[int, int]) -> int:
        right, low = corner
        there = across > 1 - CORNER_SHARE[0] if right else across < CORNER_SHARE[0]
        return int((there & (up < CORNER_SHARE[1] if low else up > 1 - CORNER_SHARE[1])).sum())

    return min(CORNERS, key=within)


def scatter(points: Points, x: Numbers, y: Numbers) -> Any:
    """Make the marks of one partition, in its hue and with its marker."""
    colour = QColor(getattr(theme().colours, points.partition))
    fill = QColor(colour)
    fill.setAlpha(110)
    below = points.partition == "train"  # and often under those of val, beside which something of it should be seen
    if below and theme().dark:
        colour = colour.lighter(LIGHTER)
    return pg.ScatterPlotItem(
        x=x, y=y, symbol=MARKERS[points.partition], size=10 if below else 7, pen=pg.mkPen(colour, width=1),
        brush=pg.mkBrush(fill), name=points.partition,
    )  # fmt: skip
