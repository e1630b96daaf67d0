"""What the mouse does on a parallel axis between press and release: make a range, move it, or one of its ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from gui.models.axis import Axis

SNAP = 6.0  # pixels from the end of an axis that mean the end
EDGE = 5.0  # pixels from the end of a range that move it
Range = tuple[float, float]


@dataclass
class Drag:
    """A way of the mouse: on a line (`kind` "line"), on the title of an axis ("axis") or along it ("range").

    `before` is the range that was there, `part` what of it was taken hold of: "low", "high", the "whole", or "".
    """

    kind: str
    axis: int
    start: QPointF
    now: QPointF = field(default_factory=QPointF)
    far: float = 0.0
    before: Range | None = None
    part: str = ""

    def go(self, at: QPointF) -> None:
        """Follow the mouse."""
        self.now = at
        self.far = max(self.far, (at - self.start).manhattanLength())


def part_at(axis: Axis, turned: bool, wanted: Range | None, down: float, frame: QRectF) -> str:
    """Tell which part of a range is at a height of the screen; `turned` says that the axis is the other way up."""
    if wanted is None:
        return ""
    heights = axis.at(np.array(wanted))
    ends = frame.bottom() - (1 - heights if turned else heights) * frame.height()
    for part, end in zip(("low", "high"), ends, strict=True):
        if abs(end - down) <= EDGE:
            return part
    return "whole" if min(ends) < down < max(ends) else ""


def dragged_range(axis: Axis, turned: bool, drag: Drag, frame: QRectF) -> Range:
    """Return the range that the mouse makes of what it took hold of, or anew."""
    from_to = np.array([(frame.bottom() - one.y()) / frame.height() for one in (drag.start, drag.now)])
    if drag.before is not None and drag.part:
        heights = axis.at(np.array(drag.before))
        shift = [float(from_to[1] - from_to[0]) if drag.part in ("whole", part) else 0.0 for part in ("low", "high")]
        from_to = (1 - heights if turned else heights) + shift
    near = SNAP / frame.height()
    ends = []
    for height in np.clip(from_to, 0.0, 1.0):
        snapped = 0.0 if height < near else 1.0 if height > 1 - near else float(height)
        ends.append(axis.value_at(1 - snapped if turned else snapped))
    return axis.range_of(*ends)
