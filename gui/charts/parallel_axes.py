"""How one of several parallel axes looks: its title, ticks and range, over the lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from gui.charts.parallel_lines import line_path
from gui.charts.tick_names import short_names
from gui.formats import MINUS, number_text, time_text, tr
from gui.models.axis import Axis
from gui.models.columns import TITLES
from gui.theme import theme

SIDE, TOP, BOTTOM = 64, 44, 28  # pixels around the axes
MISSING = 16  # pixels below the axes: where lines pass that have no value there
BRUSH = 12  # width of a range
HALO = 205  # of 255, how much the ground of a text hides the lines below
MOST_TICKS = 8
Centre = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class AxisLook:
    """Where and how an axis is drawn: at x, within `frame`, with `room` to the next one."""

    x: float
    frame: QRectF
    room: float
    inverted: bool
    focused: bool
    missing: bool
    staggered: int = -1  # where titles would not fit beside each other: the line, 0 or 1, that this one is on


def draw_axis(painter: QPainter, axis: Axis, look: AxisLook, wanted: tuple[float, float] | None) -> None:
    """Draw an axis with its title, ticks and range."""
    colours, frame = theme().colours, look.frame
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colours.accent if look.focused else colours.muted), 2 if look.focused else 1))
    painter.drawLine(round(look.x), round(frame.top()), round(look.x), round(frame.bottom()))
    if wanted is not None:
        _draw_range(painter, axis, look, wanted)
    _draw_ticks(painter, axis, look)
    _draw_title(painter, axis, look)
    painter.restore()


def draw_lines_on_top(
    painter: QPainter, x: NDArray[np.float64], y: NDArray[np.float64], colour: str, width: float
) -> None:
    """Draw a few lines that stand out, with a rim that parts them from those below."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = line_path(x, y)
    painter.setPen(QPen(QColor(theme().colours.base), width + 2.5))
    painter.drawPath(path)
    painter.setPen(QPen(QColor(colour), width))
    painter.drawPath(path)
    painter.restore()


def draw_words(painter: QPainter, at: QPointF, text: str, frame: QRectF) -> None:
    """Say something beside the mouse, within the frame."""
    width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 8
    left = at.x() + SIDE / 2 if at.x() + SIDE / 2 + width < frame.right() + SIDE else at.x() - SIDE / 2 - width
    _write(painter, left, at.y(), text, theme().colours.accent)


def axis_title(key: str) -> tuple[str, str]:
    """Return what an axis is called, and what that belongs to: `n_components` of `PLSRegression`."""
    owner, _, name = key.rpartition(".")
    return tr(TITLES[key]) if key in TITLES else name, owner


def value_text(axis: Axis, value: float) -> str:
    """Write a value of an axis."""
    if axis.names:
        place = min(max(round(value), 0), len(axis.names) - 1)
        return axis.names[place] or tr("others")
    if axis.kind == "time":
        return time_text(datetime.fromtimestamp(value).astimezone())
    plain = value == int(value) and abs(value) < 1e6
    return f"{value:g}".replace("-", MINUS) if plain else number_text(value)


def range_text(axis: Axis, wanted: tuple[float, float]) -> str:
    """Write a range."""
    low, high = wanted
    if axis.names:
        return ", ".join(name or tr("others") for place, name in enumerate(axis.names) if low <= place <= high) or "–"
    return tr("{low} to {high}").format(low=value_text(axis, low), high=value_text(axis, high))


def ticks(axis: Axis) -> list[float]:
    """Choose which values are written along an axis."""
    if axis.names:
        return [float(place) for place in range(len(axis.names))]
    different = np.unique(axis.values[np.isfinite(axis.values)])
    if len(different) <= MOST_TICKS:
        return [float(one) for one in different]
    return [axis.value_at(height) for height in (0.0, 0.25, 0.5, 0.75, 1.0)]


def _down(axis: Axis, look: AxisLook, values: NDArray[np.float64]) -> NDArray[np.float64]:
    heights = axis.at(values)
    return look.frame.bottom() - (1 - heights if look.inverted else heights) * look.frame.height()


def _draw_range(painter: QPainter, axis: Axis, look: AxisLook, wanted: tuple[float, float]) -> None:
    first, last = sorted(_down(axis, look, np.array(wanted)))
    ground = QColor(theme().colours.accent)
    painter.setPen(QPen(ground, 1))
    ground.setAlpha(90)
    painter.setBrush(ground)
    painter.drawRoundedRect(QRectF(look.x - BRUSH / 2, first, BRUSH, max(2.0, last - first)), 2, 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_ticks(painter: QPainter, axis: Axis, look: AxisLook) -> None:
    values = ticks(axis)
    short = short_names([value_text(axis, value) for value in values])
    downs = _down(axis, look, np.array(values))
    written: list[float] = []
    metrics = QFontMetricsF(painter.font())
    room = max(30.0, look.room - BRUSH)
    last = look.x + room > look.frame.right() + SIDE  # the last axis has less room
    for place, (value, down) in enumerate(zip(values, downs, strict=True)):
        if any(abs(down - other) < metrics.height() for other in written):
            continue
        written.append(float(down))
        # In the middle: names often begin alike and end differently.
        width, text = SIDE - BRUSH if last else room, value_text(axis, value)
        if axis.names and metrics.horizontalAdvance(text) > width:
            text = short[place]
        text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)
        _write(painter, look.x + BRUSH / 2 + 2, down, text, theme().colours.text)
        painter.setPen(QColor(theme().colours.muted))
        painter.drawLine(round(look.x) - 3, round(down), round(look.x) + 3, round(down))
    if look.missing:
        _write(painter, look.x + BRUSH / 2 + 2, look.frame.bottom() + MISSING, tr("missing"), theme().colours.muted)


def _write(painter: QPainter, x: float, middle: float, text: str, colour: str) -> None:
    """Write on a ground of its own, so that lines don't run through the letters."""
    metrics = QFontMetricsF(painter.font())
    place = QRectF(x, middle - metrics.height() / 2, metrics.horizontalAdvance(text) + 4, metrics.height())
    ground = QColor(theme().colours.base)
    ground.setAlpha(HALO)
    painter.fillRect(place, ground)
    painter.setPen(QColor(colour))
    painter.drawText(place, Centre, text)


def _draw_title(painter: QPainter, axis: Axis, look: AxisLook) -> None:
    name, owner = axis_title(axis.key)
    colours, metrics = theme().colours, QFontMetricsF(painter.font())
    if look.staggered >= 0:
        _draw_staggered(painter, axis, look)
        return
    width = max(60.0, min(look.room, 2.0 * SIDE) - 6)
    left = min(max(look.x - width / 2, 2.0), look.frame.right() + SIDE - width - 2)
    notes = [owner] if owner else []
    if axis.log:
        notes.append(tr("log"))
    if look.inverted:
        notes.append(tr("turned"))
    if axis.metric is not None:
        notes.append(
            {True: tr("lower is better"), False: tr("higher is better"), None: ""}[axis.metric.lower_is_better]
        )
    for line, (text, colour) in enumerate(
        ((name, colours.text), (" · ".join(one for one in notes if one), colours.muted))
    ):
        place = QRectF(left, 4 + line * metrics.height(), width, metrics.height())
        painter.setPen(QColor(colour))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(place, Centre, shown)


def titles_fit(axes: list[Axis], room: float, metrics: QFontMetricsF) -> bool:
    """Whether the titles of axes fit beside each other."""
    return all(metrics.horizontalAdvance(axis_title(axis.key)[0]) <= room - 6 for axis in axes)


def _draw_staggered(painter: QPainter, axis: Axis, look: AxisLook) -> None:
    """Draw the title on one of two lines in turn, so that each has the room of two."""
    name, owner = axis_title(axis.key)
    colours, metrics = theme().colours, QFontMetricsF(painter.font())
    signs = [sign for sign, there in ((tr("log"), axis.log), (tr("turned"), look.inverted)) if there]
    width = max(60.0, 2.0 * look.room - 8)
    whole = f"{owner}.{name}" if owner else name
    texts = (f"{whole} ({', '.join(signs)})", whole, name) if signs else (whole, name)
    shown = next((text for text in texts if metrics.horizontalAdvance(text) <= width), name)
    shown = metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, width)
    width = metrics.horizontalAdvance(shown) + 2
    left = min(max(look.x - width / 2, 2.0), look.frame.right() + SIDE - width - 2)
    painter.setPen(QColor(colours.text))
    painter.drawText(QRectF(left, 4 + look.staggered * metrics.height(), width, metrics.height()), Centre, shown)
