"""Work done piece by piece, so that the window stays awake in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, QTimer


def in_turns(owner: QObject, works: Iterable[Callable[[], object]]) -> None:
    """Do one work after the other, each in a turn of the event loop of its own; no more of them once `owner` is gone.

    Timers that are due at the same time would all be served in one turn.
    """
    left = iter(works)

    def wait() -> None:
        QTimer.singleShot(0, owner, go)  # what the work before gave rise to, painting above all, comes in this turn

    def go() -> None:
        work = next(left, None)
        if work is not None:
            QTimer.singleShot(0, owner, wait)
            work()

    wait()
