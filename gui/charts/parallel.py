"""Parallel coordinates: each result a line over any axes, of which ranges can be chosen with the mouse or by keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from gui.charts.colouring import Colouring, plain_colouring
from gui.charts.parallel_axes import (
    BOTTOM,
    MISSING,
    SIDE,
    TOP,
    AxisLook,
    draw_axis,
    draw_lines_on_top,
    draw_words,
    range_text,
    titles_fit,
)
from gui.charts.parallel_lines import LineLayer, distances, toned_down
from gui.charts.parallel_mouse import Drag, Range, dragged_range, part_at
from gui.charts.plot import Plot
from gui.formats import tr
from gui.models.axis import Axis
from gui.models.explored import Explored
from gui.theme import theme

REACH = 7.0  # pixels from a line that still mean it
GRIP = 14.0  # pixels from an axis that still mean it
LEAST = 3.0  # pixels: a shorter range is a click
FEW = 40  # selected lines that are drawn with a rim around them
FADED = 0.22  # of the colour of a line that is left out; the rest is ground


class ParallelPlot(Plot):
    """Draws an Explored over some of its axes.

    `pointed` tells the result that was clicked and whether it shall be selected beside others. `ranged` tells of a
    range on an axis (None: no more) and whether the mouse still moves. `arranged` tells the axes in their new order,
    `turned` the one that shall be the other way up, `dropped` the one that shall go.
    """

    pointed = Signal(int, bool)
    ranged = Signal(str, object, bool)
    arranged = Signal(list)
    turned = Signal(str)
    dropped = Signal(str)
    ranges_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Parallel coordinates of what is listed"), parent)
        self.getPlotItem().hide()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.tip: Callable[[int], str] = lambda row: ""
        self.explored = Explored()
        self.axes: list[Axis] = []
        self.inverted: frozenset[str] = frozenset()
        self.colouring: Colouring = plain_colouring(0)
        self.ranges: dict[str, Range] = {}
        self.chosen: list[int] = []
        self.current = -1
        self._heights = np.zeros((0, 0))
        self._inside = np.zeros(0, dtype=np.bool_)
        self._hovered = -1
        self._focused = 0
        self._drag: Drag | None = None
        self._back = LineLayer(self.viewport().update, self)
        self._front = LineLayer(self.viewport().update, self)
        self._top = LineLayer(self.viewport().update, self)  # of what is selected, if that is much
        self.draw = self._draw_all

    # --- what is shown ---

    def show_axes(
        self, explored: Explored, keys: Sequence[str], inverted: Sequence[str], colouring: Colouring,
        ranges: Mapping[str, Range],
    ) -> None:  # fmt: skip
        """Draw results over these axes."""
        self.explored, self.colouring = explored, colouring
        self.axes = [explored.axes[key] for key in keys if key in explored.axes]
        self.inverted, self.ranges = frozenset(inverted), dict(ranges)
        self._focused = min(self._focused, max(0, len(self.axes) - 1))
        heights = [self._drawn(axis, axis.heights()) for axis in self.axes]
        self._heights = np.column_stack(heights) if heights else np.zeros((len(explored), 0))
        self._hovered = -1
        self._draw_all()

    def highlight(self, chosen: Sequence[int], current: int) -> None:
        """Let these results stand out, and one of them most."""
        self.chosen, self.current = list(chosen), current
        self._draw_chosen()
        self.viewport().update()

    def _drawn(self, axis: Axis, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - heights if axis.key in self.inverted else heights

    # --- places ---

    def frame(self) -> QRectF:
        """Return where the axes stand: from the highest to the lowest value, from the first to the last axis."""
        size = self.viewport().size()
        return QRectF(SIDE, TOP, max(1, size.width() - 2 * SIDE), max(1, size.height() - TOP - BOTTOM))

    def left_of(self, place: int) -> float:
        """Return where an axis stands."""
        frame = self.frame()
        if self._drag is not None and self._drag.axis == place and self._drag.kind == "axis":
            return min(max(self._drag.now.x(), frame.left()), frame.right())
        return frame.left() + frame.width() * (place / (len(self.axes) - 1) if len(self.axes) > 1 else 0.5)

    def down_of(self, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where heights are in pixels; what is missing lies below the axes."""
        frame = self.frame()
        return np.where(np.isfinite(heights), frame.bottom() - heights * frame.height(), frame.bottom() + MISSING)

    def line_at(self, at: QPointF) -> int:
        """Return the result whose line passes a place, -1 where none does; faded ones don't count."""
        if len(self.axes) < 2 or not len(self.explored):
            return -1
        lefts = np.array([self.left_of(place) for place in range(len(self.axes))])
        place = int(np.clip(np.searchsorted(lefts, at.x()) - 1, 0, len(lefts) - 2))
        share = (at.x() - lefts[place]) / max(1e-9, lefts[place + 1] - lefts[place])
        if not -0.02 <= share <= 1.02:
            return -1
        ends = [self.down_of(self._heights[:, one]) for one in (place, place + 1)]
        far = distances(at.y(), share, ends[0], ends[1], lefts[place + 1] - lefts[place])
        far[~self._inside] = np.inf
        far[self.chosen] *= 0.5
        nearest = int(np.argmin(far))
        return nearest if far[nearest] <= REACH else -1

    def axis_at(self, at: QPointF, reach: float = GRIP) -> int:
        """Return the axis at a place, -1 where there is none."""
        far = [abs(self.left_of(place) - at.x()) for place in range(len(self.axes))]
        return int(np.argmin(far)) if far and min(far) <= reach else -1

    # --- drawing ---

    def _draw_all(self) -> None:
        self._inside = self.explored.inside(self.ranges)
        self._back.clear()
        self._draw_back()
        self._draw_front()
        self._draw_chosen()
        self.viewport().update()

    def _draw_back(self) -> None:
        if self.ranges and len(self.axes) > 1:
            groups = np.zeros(len(self.explored), dtype=np.int64)
            ground = toned_down(theme().colours.scroll, FADED)
            self._draw(self._back, np.ones(len(self.explored), dtype=np.bool_), groups, (ground,))
        else:
            self._back.clear()

    def _draw_front(self) -> None:
        self._draw(self._front, self._inside, self.colouring.groups, self.colouring.colours)

    def _draw_chosen(self) -> None:
        if len(self.chosen) <= FEW:
            self._top.clear()
            return
        which = np.zeros(len(self.explored), dtype=np.bool_)
        which[[row for row in self.chosen if row < len(which)]] = True
        self._draw(self._top, which, np.zeros(len(which), dtype=np.int64), (theme().colours.text,))

    def _draw(
        self, layer: LineLayer, which: NDArray[np.bool_], groups: NDArray[np.int64], colours: tuple[str, ...]
    ) -> None:
        there = len(which) == len(self._heights) == len(groups) and not self.viewport().size().isEmpty()
        if len(self.axes) < 2 or not there:
            layer.clear()
            return
        x = np.array([self.left_of(place) for place in range(len(self.axes))])
        y = self.down_of(self._heights[which])
        order = np.argsort(x, kind="stable")  # an axis that is being dragged passes others
        ratio = self.devicePixelRatioF()
        layer.draw(self.viewport().size(), ratio, x[order], y[:, order], groups[which], colours)

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Paint everything; the scene of a plot has the coordinates of its pixels."""
        for layer in (self._back, self._front, self._top):
            if layer.picture is not None:
                painter.drawPixmap(0, 0, layer.picture)
        self._paint_on_top(painter)
        frame, room = self.frame(), self.frame().width() / max(1, len(self.axes) - 1)
        fit = titles_fit(self.axes, room, QFontMetricsF(painter.font()))
        for place, axis in enumerate(self.axes):
            line = -1 if fit else place % 2
            missing = bool((~np.isfinite(axis.values)).any())
            focused = self.hasFocus() and place == self._focused
            look = AxisLook(self.left_of(place), frame, room, axis.key in self.inverted, focused, missing, line)
            draw_axis(painter, axis, look, self.ranges.get(axis.key))
        drag = self._drag
        if drag is not None and drag.kind == "range" and (key := self.axes[drag.axis].key) in self.ranges:
            draw_words(painter, drag.now, range_text(self.axes[drag.axis], self.ranges[key]), frame)

    def _paint_on_top(self, painter: QPainter) -> None:
        if len(self.axes) < 2:
            return
        x = np.array([self.left_of(place) for place in range(len(self.axes))])
        order = np.argsort(x, kind="stable")
        chosen = [row for row in self.chosen if row < len(self._heights)]
        if 0 < len(chosen) <= FEW:
            draw_lines_on_top(
                painter, x[order], self.down_of(self._heights[chosen][:, order]), theme().colours.text, 1.6
            )
        for row, width in ((self.current, 3.0), (self._hovered, 2.0)):
            if 0 <= row < len(self._heights):
                line = self.down_of(self._heights[[row]][:, order])
                draw_lines_on_top(painter, x[order], line, theme().colours.accent, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_front"):
            self._draw_all()

    # --- mouse ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        at, place = event.position(), self.axis_at(event.position())
        if place >= 0:
            self._focused = place
            self._drag = Drag("axis" if at.y() < self.frame().top() - 8 else "range", place, at, at)
            axis = self.axes[place]
            self._drag.before = before = self.ranges.get(axis.key)
            self._drag.part = part_at(axis, axis.key in self.inverted, before, at.y(), self.frame())
        else:
            self._drag = Drag("line", -1, at, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is None:
            self._hover(event.position())
            return
        drag.go(event.position())
        if drag.kind == "range" and drag.far > LEAST:
            self._set_range(drag)
        elif drag.kind == "axis" and drag.far > LEAST:
            self._draw_front()
            self._draw_back()
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is None or event.button() != Qt.MouseButton.LeftButton:
            return
        further = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if drag.kind == "range" and drag.far > LEAST:
            key = self.axes[drag.axis].key
            if key in self.ranges:
                self.ranged.emit(key, self.ranges[key], False)
        elif drag.kind == "axis" and drag.far > LEAST:
            self._move_axis(drag.axis, drag.now.x())
        elif (row := self.line_at(event.position())) >= 0:
            self.pointed.emit(row, further)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self.axis_at(event.position())
        if place < 0:
            return
        key = self.axes[place].key
        if event.position().y() < self.frame().top() - 8:
            self.turned.emit(key)
        elif key in self.ranges:
            self.change_range(key, None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nothing is zoomed here; what it lies in may scroll."""
        event.ignore()

    def leaveEvent(self, event: object) -> None:
        self._hovered = -1
        self.viewport().update()

    def change_range(self, key: str, wanted: Range | None) -> None:
        """Choose a range on an axis, or none."""
        self.ranges.pop(key, None)
        if wanted is not None:
            self.ranges[key] = wanted
        self._draw_all()
        self.ranged.emit(key, wanted, False)

    def _set_range(self, drag: Drag) -> None:
        """Follow the mouse: the lines outside fade while it moves."""
        axis = self.axes[drag.axis]
        fresh = not self.ranges
        self.ranges[axis.key] = dragged_range(axis, axis.key in self.inverted, drag, self.frame())
        self._inside = self.explored.inside(self.ranges)
        if fresh:
            self._draw_back()
        self._draw_front()
        self.viewport().update()
        self.ranged.emit(axis.key, self.ranges[axis.key], True)

    def _move_axis(self, place: int, x: float) -> None:
        keys = [axis.key for axis in self.axes]
        key = keys.pop(place)
        frame = self.frame()
        wanted = round((x - frame.left()) / frame.width() * len(keys)) if keys else 0
        keys.insert(min(max(wanted, 0), len(keys)), key)
        self.arranged.emit(keys)

    def _hover(self, at: QPointF) -> None:
        place = self.axis_at(at)
        above = place >= 0 and at.y() < self.frame().top() - 8
        shape = Qt.CursorShape.ArrowCursor
        if place >= 0:
            shape = Qt.CursorShape.OpenHandCursor if above else Qt.CursorShape.SizeVerCursor
        self.viewport().setCursor(shape)
        row = -1 if above else self.line_at(at)
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()
        if row >= 0:
            QToolTip.showText(self.mapToGlobal(at.toPoint()), self.tip(row), self)
        elif above:
            QToolTip.showText(self.mapToGlobal(at.toPoint()), self._axis_tip(self.axes[place]), self)
        else:
            QToolTip.hideText()

    def _axis_tip(self, axis: Axis) -> str:
        return tr("{key}\nDrag the title to move the axis, double-click it to turn the axis round.").format(
            key=axis.key
        )

    # --- keys and menu ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not self.axes:
            event.ignore()
            return
        axis = self.axes[self._focused]
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            event.ignore()  # back and forward through selections
        elif step and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            keys = [one.key for one in self.axes]
            target = self._focused + step
            if 0 <= target < len(keys):
                keys.insert(target, keys.pop(self._focused))
                self._focused = target
                self.arranged.emit(keys)
        elif step:
            self._focused = min(max(self._focused + step, 0), len(self.axes) - 1)
            self.viewport().update()
        elif event.key() == Qt.Key.Key_I:
            self.turned.emit(axis.key)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.ranges_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.dropped.emit(axis.key)
        elif event.key() == Qt.Key.Key_Escape and axis.key in self.ranges:
            self.change_range(axis.key, None)
        else:
            event.ignore()

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        place = self.axis_at(QPointF(at))
        if place >= 0:
            key = self.axes[place].key
            menu.addAction(tr("Turn {key} round").format(key=key), lambda: self.turned.emit(key))
            menu.addAction(tr("Remove {key}").format(key=key), lambda: self.dropped.emit(key))
            clear = menu.addAction(tr("Clear its range"), lambda: self.change_range(key, None))
            clear.setEnabled(key in self.ranges)
            menu.addSeparator()
        menu.addAction(tr("Ranges…"), self.ranges_wanted.emit)
        menu.addAction(tr("Copy picture"), self.copy_picture)
        menu.addAction(tr("Save picture…"), self.image_wanted.emit)
        menu.popup(self.viewport().mapToGlobal(at))
