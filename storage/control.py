"""Holding a batch up from another thread: pause, go on, stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.errors import Cancelled


class Control:
    """What somebody wants of a batch at work: that it pauses, goes on, or stops for good. For one batch alone.

    `paused` is what is asked for, `resting` that nothing is being trained any more because of it. Safe to share
    between threads; `on_rest(resting)` is called from whichever thread brings the change about.
    """

    def __init__(self, on_rest: Callable[[bool], None] | None = None) -> None:
        self._changed = threading.Condition()
        self._on_rest = on_rest
        self._at_work = 0
        self._waiting = 0
        self.paused = False
        self.cancelled = False
        self.resting = False

    # ------------------------------------------------------------ from outside

    def pause(self) -> None:
        """Ask for a pause: what is being fitted is fitted to its end, then everything waits."""
        self._ask(paused=True)

    def resume(self) -> None:
        """Let it go on from where it waits."""
        self._ask(paused=False)

    def cancel(self) -> None:
        """Ask it to stop, paused or not."""
        self._ask(cancelled=True)

    def _ask(self, *, paused: bool | None = None, cancelled: bool = False) -> None:
        with self._changed:
            self.paused = self.paused if paused is None else paused
            self.cancelled = self.cancelled or cancelled
            self._changed.notify_all()

    # ------------------------------------------------------------ from the batch

    def check(self) -> None:
        """Called between pipelines and between fits: waits while paused, raises Cancelled when it is to stop."""
        with self._changed:
            if self.paused and not self.cancelled:
                self._waiting += 1
                self._look()
                try:
                    self._changed.wait_for(lambda: not self.paused or self.cancelled)
                finally:
                    self._waiting -= 1
                    self._look()
            if self.cancelled:
                raise Cancelled()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count a thread as training something, from the first check to the last."""
        with self._changed:
            self._at_work += 1
            self._look()
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._look()

    def _look(self) -> None:
        """Note, and tell, whether everything that could train something waits."""
        resting = 0 < self._waiting >= self._at_work
        if resting != self.resting:
            self.resting = resting
            if self._on_rest is not None:
                self._on_rest(resting)
