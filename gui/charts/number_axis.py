"""An axis that writes its numbers as tables do, with the same minus sign."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg

from gui.formats import MINUS


class NumberAxis(pg.AxisItem):  # type: ignore[misc]
    """The axis of all charts."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [text.replace("-", MINUS) for text in super().tickStrings(values, scale, spacing)]
