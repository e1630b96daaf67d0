"""Predictions of many pipelines in one plot: the current one stands out, the others stand back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QToolTip, QWidget

from gui.charts.number_axis import EqualAxis, has_one_scale
from gui.charts.plot import Plot, symbol
from gui.formats import tr
from gui.models.compared import Compared
from gui.theme import theme

REACH = 12.0  # pixels from a point that still mean it
FEW, SEVERAL = 2, 7  # pipelines of which all can be seen, and of which most can
CROWDED = 400  # points that need to be smaller
ALPHAS = (200, 150, 90)  # of few, of several, of many
STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class PointedPlot(Plot):
    """A plot whose points can be pointed at and walked along.

    `pointed` tells the number of the point that was clicked, `walked` the step an arrow key asks for: samples across,
    pipelines down. `tip` says what a point is.
    """

    pointed = Signal(int)
    walked = Signal(int, int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.tip: Callable[[int], str] = lambda point: ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.scene().sigMouseMoved.connect(self._hover)
        self.scene().sigMouseClicked.connect(self._click)

    def point_at(self, place: QPointF) -> int:
        """Return the number of the point at a place of the scene, -1 where there is none."""
        return -1

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = STEPS.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
        else:
            self.walked.emit(*step)

    def _hover(self, place: QPointF) -> None:
        point = self.point_at(place)
        if point >= 0:
            QToolTip.showText(self.mapToGlobal(self.mapFromScene(place)), self.tip(point), self)
        else:
            QToolTip.hideText()

    def _click(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and (point := self.point_at(event.scenePos())) >= 0:
            self.pointed.emit(point)


class ManyPoints(PointedPlot):
    """Points of many pipelines over the same x; with `joined` those of a pipeline are joined by a line.

    Point number p is that of pipeline `owners[p]`, at (`xs[p]`, `ys[p]`). The current pipeline may have more points
    than were drawn of all: `front` gives them, and they are numbered after the others.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self.draw = self._draw_all
        self.pipelines: Sequence[Compared] = ()
        self.current = -1
        self.joined = False
        self.names: list[str] | None = None
        self.words = ("", "")
        self.xs = self.ys = np.zeros(0)
        self.owners = np.zeros(0, np.int64)
        self._rings = (np.zeros(0), np.zeros(0))
        self.front: Callable[[int], tuple[NDArray[Any], NDArray[Any]]] | None = None
        self._ahead = (np.zeros(0), np.zeros(0))  # the points of the current pipeline
        self._front: list[Any] = []
        self._fitted = False
        self.setAxisItems({side: EqualAxis(side) for side in ("left", "bottom")})
        self._dress()

    def show_points(
        self, pipelines: Sequence[Compared], x: NDArray[Any], y: NDArray[Any], owners: NDArray[np.int64],
        words: tuple[str, str], names: list[str] | None = None, *, joined: bool = False,
    ) -> None:  # fmt: skip
        """Draw points; `words` name the axes, `names` stand along x in place of numbers."""
        self.pipelines, self.xs, self.ys, self.owners = pipelines, x, y, owners
        self.words, self.names, self.joined = words, names, joined
        self._rings = (np.zeros(0), np.zeros(0))
        self._ahead = self._points_of(self.current)
        self._fitted, self.fits = False, not joined and len(x) > 0
        self.redraw()

    def highlight(self, current: int, xs: NDArray[Any], ys: NDArray[Any]) -> None:
        """Let the current pipeline stand out, and draw rings at some places."""
        self.current, self._rings = current, (xs, ys)
        self._ahead = self._points_of(current)
        self._draw_front()

    def point_at(self, place: QPointF) -> int:
        box = self.getPlotItem().getViewBox()
        if not box.sceneBoundingRect().contains(place):
            return -1
        here = box.mapSceneToView(place)
        across, down = box.viewPixelSize()
        xs, ys = np.concatenate([self.xs, self._ahead[0]]), np.concatenate([self.ys, self._ahead[1]])
        distance = ((xs - here.x()) / across) ** 2 + ((ys - here.y()) / down) ** 2
        distance[len(self.xs) :] *= 0.5  # of two at one place, the one in front
        if not np.isfinite(distance).any():
            return -1
        nearest = int(np.nanargmin(distance))
        return nearest if distance[nearest] <= REACH**2 else -1

    def owner(self, point: int) -> int:
        """Return which pipeline a point belongs to."""
        return int(self.owners[point]) if point < len(self.owners) else self.current

    def height_of(self, point: int) -> float:
        """Return the y of a point."""
        ahead = point - len(self.ys)
        return float(self._ahead[1][ahead] if ahead >= 0 else self.ys[point])

    def _points_of(self, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        if not 0 <= number < len(self.pipelines):
            return np.zeros(0), np.zeros(0)
        if self.front is not None:
            return self.front(number)
        own = self.owners == number
        return self.xs[own], self.ys[own]

    # --- drawing ---

    def _draw_all(self) -> None:
        self._front = []
        self.label(*self.words)
        self.grid(x=self.names is None)
        self.ticks("bottom", self.names)
        self.getPlotItem().setAspectLocked(False)
        if not len(self.xs):
            return
        if not self.joined:
            self.getPlotItem().setAspectLocked(has_one_scale(self.getPlotItem().getViewBox()))
            self.guide(0.0, angle=45.0)
        self._draw_back()
        self._draw_front()
        if not self._fitted:
            self._fitted = True
            self.fit_data()

    def fit_data(self) -> None:
        if not self.joined:
            self.getPlotItem().setAspectLocked(has_one_scale(self.getPlotItem().getViewBox()))
        self.fit(self._bounds())

    def _bounds(self) -> QRectF:
        sound = np.isfinite(self.ys)
        if self.joined:
            return QRectF(-0.5, 0.0, max(1.0, float(self.xs.max()) + 1.0), 1.0)
        both = np.concatenate([self.xs[sound], self.ys[sound]]) if sound.any() else np.array([0.0, 1.0])
        low, high = float(both.min()), float(both.max())
        return QRectF(low, low, max(high - low, 1e-9), max(high - low, 1e-9))

    def _draw_back(self) -> None:
        """Draw all pipelines; they stay as they are while one after another comes to the front."""
        few = len(self.pipelines) <= FEW
        if self.joined:
            for number, one in enumerate(self.pipelines):
                own = self.owners == number
                self.line(self.xs[own], self.ys[own], one.colour, place=one.place, faded=not few)
        sound = np.isfinite(self.ys)
        if sound.any():
            self.addItem(self._scatter(sound, size=6, alpha=self._alpha()))

    def _alpha(self) -> int:
        count = len(self.pipelines)
        return ALPHAS[0 if count <= FEW else 1 if count <= SEVERAL else 2]

    def _draw_front(self) -> None:
        """Draw the current pipeline over the others, and the rings over all."""
        for item in self._front:
            self.removeItem(item)
        self._front = []
        xs, ys = self._ahead
        sound = np.isfinite(ys)
        if sound.any():
            one = self.pipelines[self.current]
            if self.joined:
                self._front.append(self.line(xs, ys, one.colour, width=2.5, place=one.place))
            points = pg.ScatterPlotItem(
                x=xs[sound], y=ys[sound], size=8 if len(xs) <= CROWDED else 6, symbol=symbol(one.place),
                brush=pg.mkBrush(one.colour), pen=pg.mkPen(theme().colours.base, width=1),
            )  # fmt: skip
            self.addItem(points, ignoreBounds=True)
            self._front.append(points)
        if len(self._rings[0]):
            ring = pg.ScatterPlotItem(
                x=self._rings[0], y=self._rings[1], symbol="o", size=15, brush=None,
                pen=pg.mkPen(theme().colours.text, width=1.5),
            )  # fmt: skip
            self.addItem(ring, ignoreBounds=True)
            self._front.append(ring)

    def _scatter(self, which: NDArray[np.bool_], *, size: int, alpha: int) -> Any:
        brushes, symbols = [], []
        outlined = len(self.xs) <= CROWDED  # by which points stand out that let others show through
        for one in self.pipelines:
            colour = QColor(one.colour)
            colour.setAlpha(alpha)
            brushes.append(pg.mkBrush(colour))
            symbols.append(symbol(one.place))
        owners = self.owners[which]
        return pg.ScatterPlotItem(
            x=self.xs[which], y=self.ys[which], size=size,
            pen=np.array([pg.mkPen(one.colour) for one in self.pipelines], dtype=object)[owners] if outlined else None,
            brush=np.array(brushes, dtype=object)[owners], symbol=np.array(symbols, dtype=object)[owners],
        )  # fmt: skip


def many_points() -> ManyPoints:
    """Make the plot of predictions."""
    return ManyPoints(tr("Predictions of the compared pipelines"))
