"""Thousands of lines over parallel axes, drawn in pieces so that the window goes on answering while they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.functions import arrayToQPath
from PySide6.QtCore import QObject, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from gui.theme import theme

VERTICES_AT_ONCE = 8_000  # about 10 ms
SMOOTH_VERTICES = 3_000  # up to which lines are drawn smooth
Numbers = NDArray[np.float64]


def toned_down(colour: str, share: float) -> str:
    """Mix a colour with the ground: 1 leaves it as it is, 0 leaves the ground."""
    one, ground = QColor(colour), QColor(theme().colours.base)
    parts = ((one.red(), ground.red()), (one.green(), ground.green()), (one.blue(), ground.blue()))
    return QColor(*(round(b + (a - b) * share) for a, b in parts)).name()


def line_path(x: Numbers, y: Numbers) -> QPainterPath:
    """Make one path of lines y (k, m) over x (m,)."""
    across = np.broadcast_to(x, y.shape)
    connect = np.ones(y.shape, dtype=np.int32)
    connect[:, -1] = 0
    path: QPainterPath = arrayToQPath(
        np.ascontiguousarray(across).ravel(), np.ascontiguousarray(y).ravel(), connect.ravel()
    )
    return path


def distances(y: float, share: float, left: Numbers, right: Numbers, across: float) -> Numbers:
    """Return how far a point is from lines that go from `left` to `right`, at a `share` of the way `across`.

    It is the distance to the line, not the one straight down: steep lines would be hard to hit.
    """
    away: Numbers = np.abs(left + (right - left) * share - y) / np.hypot(1.0, (right - left) / max(1e-9, across))
    return away


class LineLayer(QObject):
    """A picture of lines. While the next one is being made the one before is shown; `ready` is called for each.

    Wishes that come while it is being made are not lost: the newest one is made next.
    """

    def __init__(self, ready: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self.picture: QPixmap | None = None
        self._ready = ready
        self._next: _Wish | None = None
        self._making: _Wish | None = None
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)  # begun anew after each piece: there is time in between for what people do
        self._clock.setInterval(1)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._step)

    def draw(
        self, size: QSize, ratio: float, x: Numbers, y: Numbers, groups: NDArray[np.int64], colours: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Draw lines y (n, m) over x (m,) in the colours of their groups, the last group on top.

        Colours that let others through would take ten times as long.
        """
        order = np.argsort(groups, kind="stable")
        self._next = _Wish(size, ratio, x, y[order], groups[order], colours)
        if self._making is None:
            self._begin()

    def clear(self) -> None:
        """Draw nothing."""
        self._clock.stop()
        self.picture = self._next = self._making = None

    @property
    def busy(self) -> bool:
        """Whether a picture is being made."""
        return self._making is not None

    def _begin(self) -> None:
        self._making, self._next = self._next, None
        if self._making is not None and self._making.few:
            self._step()
        elif self._making is not None:
            self._clock.start()

    def _step(self) -> None:
        wish = self._making
        if wish is None:
            return
        if not wish.go_on():
            self._clock.start()
            return
        self.picture, self._making = wish.picture, None
        self._begin()
        self._ready()


class _Wish:
    """A picture that is being made."""

    def __init__(
        self, size: QSize, ratio: float, x: Numbers, y: Numbers, groups: NDArray[np.int64], colours: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.picture = QPixmap((size.toSizeF() * ratio).toSize())
        self.picture.setDevicePixelRatio(ratio)
        self.picture.fill(Qt.GlobalColor.transparent)
        self._x, self._y, self._groups, self._colours = x, y, groups, colours
        self._at = 0

    @property
    def few(self) -> bool:
        """Whether all is drawn in one go."""
        return self._y.size <= VERTICES_AT_ONCE

    def go_on(self) -> bool:
        """Draw the next piece; True when all is drawn."""
        size = max(1, VERTICES_AT_ONCE // max(1, len(self._x)))
        stop = min(len(self._y), self._at + size)
        painter = QPainter(self.picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._y.size <= SMOOTH_VERTICES)
        here = self._groups[self._at : stop]
        for group in np.unique(here):
            painter.setPen(QPen(QColor(self._colours[group]), 1))
            painter.drawPath(line_path(self._x, self._y[self._at : stop][here == group]))
        painter.end()
        self._at = stop
        return stop >= len(self._y)
