"""Hundreds of lines over one axis, drawn in slices into a picture that is kept until view, size or data change."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QRectF, QSizeF, Qt, QTimer
from PySide6.QtGui import QPainter, QPen, QPixmap, QPolygonF

from gui.models.points_rows import Numbers

MOST_VERTICES = 160_000  # of all lines together; what is finer than the screen is left out anyway
SMOOTH_VERTICES = 100_000  # up to which smooth lines take no longer
SLICE_SECONDS = 0.012  # of drawing before the window may do something else


@dataclass(frozen=True)
class LineGroup:
    """Lines (k, m) drawn with one pen."""

    values: Numbers
    pen: QPen


class LineField(pg.GraphicsObject):  # type: ignore[misc]
    """Lines over `axis` (m,), which rises. Where the axis is finer than the screen, each bin's extremes are drawn.

    However many lines there are, the window is never held up: what isn't drawn in one go follows in the next ones.
    """

    def __init__(self, axis: Numbers, groups: Sequence[LineGroup], bounds: QRectF) -> None:
        super().__init__()
        self._axis, self._groups, self._bounds = axis, groups, bounds
        self._picture = QPixmap()
        self._key: tuple[Any, ...] = ()
        self._left: Iterator[tuple[QPen, QPolygonF]] | None = None

    @property
    def complete(self) -> bool:
        """Whether all lines are drawn for the view of now."""
        return self._left is None and bool(self._key)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, *_: Any) -> None:
        box = self.getViewBox()
        if box is None:
            return
        view = box.viewRect()
        target = painter.worldTransform().mapRect(view)
        if target.width() < 1 or target.height() < 1:
            return
        painter.save()
        painter.resetTransform()
        if self._exportOpts is not False:  # a picture to take away: all at once, as lines
            self._paint_lines(painter, view, target)
        else:
            self._keep_up(view, target.size(), painter.device().devicePixelRatioF())
            painter.drawPixmap(target.topLeft(), self._picture)
        painter.restore()

    def _paint_lines(self, painter: QPainter, view: QRectF, target: QRectF) -> None:
        painter.setClipRect(target)
        painter.translate(target.topLeft())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen, polygon in self._strokes(view, target.size()):
            painter.setPen(pen)
            painter.drawPolyline(polygon)

    def _keep_up(self, view: QRectF, size: QSizeF, ratio: float) -> None:
        """Begin a new picture if the view is another one, and go on drawing for a moment."""
        key = (view, size, ratio)
        if key != self._key:
            self._key = key
            self._picture = QPixmap((size * ratio).toSize())
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            self._left = self._strokes(view, size)
        if self._left is None:
            return
        end = time.perf_counter() + SLICE_SECONDS
        painter = QPainter(self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._vertices(view, size) <= SMOOTH_VERTICES)
        for pen, polygon in self._left:
            painter.setPen(pen)
            painter.drawPolyline(polygon)
            if time.perf_counter() > end:
                QTimer.singleShot(0, self, self.update)
                break
        else:
            self._left = None
        painter.end()

    def _seen(self, view: QRectF) -> slice:
        first, last = np.searchsorted(self._axis, (view.left(), view.right()))
        return slice(max(0, int(first) - 1), int(last) + 1)

    def _bin_width(self, view: QRectF, size: QSizeF) -> int:
        """How many columns of the axis are drawn as one."""
        lines = sum(len(group.values) for group in self._groups)
        bins = min(size.width() / 2, MOST_VERTICES / (2 * max(1, lines)))
        return max(1, int(-(-len(self._axis[self._seen(view)]) // max(1, int(bins)))))

    def _vertices(self, view: QRectF, size: QSizeF) -> int:
        lines = sum(len(group.values) for group in self._groups)
        return 2 * lines * len(self._axis[self._seen(view)]) // self._bin_width(view, size)

    def _strokes(self, view: QRectF, size: QSizeF) -> Iterator[tuple[QPen, QPolygonF]]:
        """Go through the lines in sight, in pixels; these go down, values go up."""
        seen, width = self._seen(view), self._bin_width(view, size)
        if not len(self._axis[seen]) or view.width() <= 0 or view.height() <= 0:
            return
        for group in self._groups:
            x, y = binned(self._axis[seen], group.values[:, seen], width)
            across = (x - view.left()) * (size.width() / view.width())
            for line in (view.bottom() - y) * (size.height() / view.height()):
                yield group.pen, arrayToQPolygonF(across, line)


def binned(axis: Numbers, values: Numbers, width: int) -> tuple[Numbers, Numbers]:
    """Keep the lowest and the highest value of each `width` columns in their order, so that no peak is lost.

    A width of 1 or 2 keeps all.
    """
    if width <= 2 or len(axis) < 2 * width:
        return axis, values
    whole = len(axis) // width
    inner = values[:, : whole * width].reshape(len(values), whole, width)
    falling = inner[:, :, 0] > inner[:, :, -1]
    low, high = inner.min(axis=2), inner.max(axis=2)
    extremes = np.stack([np.where(falling, high, low), np.where(falling, low, high)], axis=2)
    extremes = extremes.reshape(len(values), 2 * whole)
    starts, ends = axis[: whole * width : width], axis[width - 1 : whole * width : width]
    x = np.column_stack([starts, ends]).ravel()
    return np.append(x, axis[whole * width :]), np.hstack([extremes, values[:, whole * width :]])
