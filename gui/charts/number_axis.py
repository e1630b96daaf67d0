"""An axis that writes its numbers as tables do, with the same minus sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from gui.formats import MINUS

OVERHANG = 500  # pixels
EQUAL_FROM = 360  # pixels of the shorter side, from which both axes have one scale whatever the shape
LONGEST = 1.5  # to one: a smaller chart of another shape would be half empty with one scale


class NumberAxis(pg.AxisItem):  # type: ignore[misc]
    """The axis of all charts. Names below it may stand `upright`, ending at the axis."""

    upright = False

    def stand_names(self, upright: bool) -> None:
        """Let the names stand upright, or lie again. As they would lie, upright ones may reach past the axis."""
        self.upright = upright
        self.setStyle(hideOverlappingLabels=OVERHANG if upright else True)

    def updateAutoSIPrefix(self) -> None:
        """Scale nothing: numbers by the axis are those of the data, and no "(x0.001)" has to be reckoned with.

        Switched off alone it would be on again with each new colour of the axis.
        """

    def drawPicture(self, painter: QPainter, axis: Any, ticks: Any, texts: Any) -> None:
        super().drawPicture(painter, axis, ticks, [] if self.upright else texts)
        if not self.upright:
            return
        painter.setPen(self.textPen())
        for place, _, text in texts:
            wide, high = painter.fontMetrics().horizontalAdvance(text) + 2.0, painter.fontMetrics().height()
            painter.save()
            painter.translate(place.center().x(), place.top())
            painter.rotate(-90)
            end = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(-wide, -high / 2, wide, high), end, text)
            painter.restore()

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [text.replace("-", MINUS) for text in super().tickStrings(values, scale, spacing)]


class EqualAxis(NumberAxis):
    """An axis whose ticks are as far apart as those of the other one, where both have the same scale."""

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> Any:
        box = self.linkedView()
        if box is None or not box.state["aspectLocked"] or size <= 0:
            return super().tickSpacing(minVal, maxVal, size)
        shorter = max(1.0, min(box.width(), box.height()))
        return super().tickSpacing(minVal, minVal + (maxVal - minVal) * shorter / size, shorter)


def has_one_scale(box: Any) -> bool:
    """Whether a chart with the same quantity on both axes gives them one scale, in a view of this size."""
    shorter, longer = sorted((max(1.0, box.width()), max(1.0, box.height())))
    return bool(shorter >= EQUAL_FROM or longer <= LONGEST * shorter)
