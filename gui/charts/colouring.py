"""Results in colours: by a name, each its own, or by a number, from the best in blue to the worst in orange."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.formats import number_text, time_text, tr
from gui.models.axis import Axis
from gui.theme import GRID, ROW_HEIGHT, pipeline_colour, theme

STEPS = 9  # shades of a number
BEST, WORST = "#0072b2", "#d55e00"  # two of Okabe and Ito's that anybody can tell apart
SWATCH = 10
SYMBOLS = ("o", "s", "t1", "d", "t", "p", "h")  # by name, so that colour is never the only sign


@dataclass(frozen=True)
class Colouring:
    """The group of each result (n,), and of each group its colour and label. The last group is drawn on top.

    `ranked` says that the groups are the steps of one number, from worst to best; `labels` are then those of the ends.
    """

    groups: NDArray[np.int64]
    colours: tuple[str, ...]
    labels: tuple[str, ...]
    symbols: tuple[str, ...]
    ranked: bool = False
    title: str = ""


def plain_colouring(count: int) -> Colouring:
    """Give all results one colour."""
    return Colouring(np.zeros(count, dtype=np.int64), (pipeline_colour(0),), ("",), ("o",))


def colour_by(axis: Axis) -> Colouring:
    """Colour results by what they have on an axis; what has nothing there is muted."""
    return _by_name(axis) if axis.names else _by_number(axis)


def _by_name(axis: Axis) -> Colouring:
    missing = ~np.isfinite(axis.values)
    names = [name or tr("others") for name in axis.names]
    places = np.where(missing, len(names), np.nan_to_num(axis.values)).astype(np.int64)
    own = min(len(names), len(theme().colours.cycle))  # what is rarer than that shares one colour
    places = np.where(places >= own, own, places)
    labels = names[:own] + ([tr("others")] if len(names) > own or missing.any() else [])
    colours = [pipeline_colour(place) for place in range(own)] + [theme().colours.scroll] * (len(labels) - own)
    symbols = [SYMBOLS[place % len(SYMBOLS)] for place in range(own)] + ["x"] * (len(labels) - own)
    return Colouring(places, tuple(colours), tuple(labels), tuple(symbols), title=axis.key)


def _by_number(axis: Axis) -> Colouring:
    """Shades go by rank, so that one result far off leaves them to the others."""
    values, metric = axis.values, axis.metric
    there = np.isfinite(values)
    goodness = values
    if metric is not None and metric.target is not None:
        goodness = -np.abs(values - metric.target)
    elif metric is None or metric.lower_is_better:
        goodness = -values
    order = np.unique(goodness[there])
    rank = np.searchsorted(order, goodness[there]) / max(1, len(order) - 1)
    groups = np.zeros(len(values), dtype=np.int64)
    groups[there] = 1 + np.minimum((rank * STEPS).astype(np.int64), STEPS - 1)
    shades = [_between(step / (STEPS - 1)) for step in range(STEPS)]
    ends = ("", "")
    if there.any():
        worst, best = values[there][np.argmin(goodness[there])], values[there][np.argmax(goodness[there])]
        ends = (_end(axis, float(worst)), _end(axis, float(best)))
    symbols = ("x", *["o"] * STEPS)
    return Colouring(groups, (theme().colours.scroll, *shades), ends, symbols, ranked=True, title=axis.key)


def _end(axis: Axis, value: float) -> str:
    return time_text(datetime.fromtimestamp(value).astimezone()) if axis.kind == "time" else number_text(value)


def _between(share: float) -> str:
    """Mix a colour: 0 the worst, ½ grey, 1 the best."""
    middle, end = QColor(theme().colours.scroll), QColor(WORST if share < 0.5 else BEST)
    part = abs(share - 0.5) * 2
    parts = ((middle.red(), end.red()), (middle.green(), end.green()), (middle.blue(), end.blue()))
    return QColor(*(round(a + (b - a) * part) for a, b in parts)).name()


class Legend(QWidget):
    """Says in one line what the colours mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colouring: Colouring | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def put(self, colouring: Colouring | None) -> None:
        """Explain other colours, or none."""
        self._colouring = colouring
        self.update()
        if colouring is None:
            self.setAccessibleName("")
            self.setToolTip("")
            return
        words = " – ".join(colouring.labels) if colouring.ranked else ", ".join(colouring.labels)
        self.setAccessibleName(tr("Colours by {title}: {words}").format(title=colouring.title, words=words))
        self.setToolTip(words if not colouring.ranked else "")

    def sizeHint(self) -> QSize:
        return QSize(200, ROW_HEIGHT - 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        colouring = self._colouring
        if colouring is None or not colouring.title:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if colouring.ranked:
            self._paint_scale(painter, colouring)
        else:
            self._paint_names(painter, colouring)
        painter.end()

    def _paint_names(self, painter: QPainter, colouring: Colouring) -> None:
        from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol

        left, middle, metrics = GRID, self.height() / 2, self.fontMetrics()
        for label, colour, symbol in zip(colouring.labels, colouring.colours, colouring.symbols, strict=True):
            width = metrics.horizontalAdvance(label)
            if left + SWATCH + width + 3 * GRID > self.width():
                painter.setPen(QColor(theme().colours.muted))
                painter.drawText(QRect(left, 0, 20, self.height()), Qt.AlignmentFlag.AlignVCenter, "…")
                return
            painter.save()
            painter.translate(left + SWATCH / 2, middle)
            drawSymbol(painter, symbol, SWATCH, QPen(Qt.PenStyle.NoPen), QBrush(QColor(colour)))
            painter.restore()
            painter.setPen(QColor(theme().colours.muted))
            left += SWATCH + 5
            painter.drawText(QRect(left, 0, width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, label)
            left += width + 2 * GRID

    def _paint_scale(self, painter: QPainter, colouring: Colouring) -> None:
        left, metrics, colours = GRID, self.fontMetrics(), theme().colours
        words = [tr("{key}: worst {value}").format(key=colouring.title, value=colouring.labels[0]),
                 tr("best {value}").format(value=colouring.labels[1])]  # fmt: skip
        painter.setPen(QColor(colours.muted))
        painter.drawText(QRect(left, 0, self.width(), self.height()), Qt.AlignmentFlag.AlignVCenter, words[0])
        left += metrics.horizontalAdvance(words[0]) + GRID
        for colour in colouring.colours[1:]:
            painter.fillRect(left, (self.height() - SWATCH) // 2, SWATCH, SWATCH, QColor(colour))
            left += SWATCH
        painter.drawText(QRect(left + GRID, 0, self.width(), self.height()), Qt.AlignmentFlag.AlignVCenter, words[1])
