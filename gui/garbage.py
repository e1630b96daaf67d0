"""Python's garbage collector, kept on the GUI thread while a window is open.

By itself it runs on whatever thread happens to make the next object. A Qt object that is part of a circle of
references would then be freed by a worker, and Qt ends the process.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QTimer

EVERY_MS = 1000
BETWEEN_WHOLE_S = 60.0  # looking at every object there is takes long enough to be felt


class Garbage:
    """Collects for as long as anybody `hold`s it; then Python does again by itself."""

    def __init__(self) -> None:
        self._holders = 0
        self._clock: QTimer | None = None
        self._whole = time.monotonic()
        self._settled = False

    def hold(self) -> None:
        """Take over, called on the GUI thread; given back with `release`."""
        self._holders += 1
        if self._clock is None:
            gc.disable()
            self._clock = QTimer()
            self._clock.setInterval(EVERY_MS)
            self._clock.timeout.connect(self.collect)
            self._clock.start()

    def release(self) -> None:
        """Give it back once for each `hold`."""
        self._holders -= 1
        if self._holders == 0 and self._clock is not None:
            self._clock.stop()
            self._clock = None
            gc.enable()

    def settle(self) -> None:
        """Never look again at what is there by now, the modules above all; done once, when all is loaded."""
        if not self._settled:
            self._settled = True
            gc.freeze()

    def collect(self) -> None:
        """Collect what has come up to Python's own thresholds."""
        due = [count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        if due[2] and time.monotonic() - self._whole > BETWEEN_WHOLE_S:
            self._whole = time.monotonic()
            gc.collect()
        elif due[1]:
            gc.collect(1)
        elif due[0]:
            gc.collect(0)


garbage = Garbage()
