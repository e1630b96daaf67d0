"""An axis that writes its numbers as tables do, with the same minus sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from gui.formats import MINUS

OVERHANG = 500  # pixels


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
