"""Widgets that take on new colours: those in sight together, all others in turns, so that the window stays awake.

Qt looks up what a style sheet says of a widget once and keeps it. Another style sheet makes it look all of them up anew
in one go, half a second for a window with everything open. So ours stays as it is and names colours by their place in
the palette, and each widget is taken out of the style and put back into it, which looks up its colours alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget
from shiboken6 import isValid

TURN_S = 0.012  # of work at a time
PAUSE_MS = 20  # after which the windows are drawn for sure


class Dressing(QObject):
    """Dresses every widget there is; windows in sight are drawn again only when all that is seen of them is done."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._first: list[Callable[[], None]] = []
        self._left: list[QWidget] = []
        self._held: list[QWidget] = []
        self._parts: list[QWidget] = []
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._turn)

    @property
    def busy(self) -> bool:
        """Whether some widgets still have the colours of before."""
        return self._clock.isActive()

    def hold(self) -> None:
        """Let the windows show what they show until everything in sight is dressed."""
        self._held = [one for one in self._app.topLevelWidgets() if one.isVisible()]
        for window in self._held:
            window.setAttribute(Qt.WidgetAttribute.WA_UpdatesDisabled)  # of the window alone: its parts can be drawn
        children = [one for window in self._held for one in window.children()]
        self._parts = [one for one in children if isinstance(one, QWidget) and one.isVisible()]

    def start(self, first: list[Callable[[], None]]) -> None:
        """Do the `first` things, then dress all widgets; what is still to be done from before is done anew.

        It begins with the next turn of the event loop.
        """
        self._first, self._left = [*first, self._gather], []  # taken from the end
        self._clock.start(PAUSE_MS)

    def _gather(self) -> None:
        self._left = self._app.allWidgets()

    def _turn(self) -> None:
        """Do as much as a turn has time for. What has come into sight meanwhile is next."""
        until = time.monotonic() + TURN_S
        self._clock.start(0)
        while self._first and time.monotonic() < until:
            self._first.pop()()
        self._left = [one for one in self._left if isValid(one)]
        self._left.sort(key=QWidget.isVisible)  # taken from the end
        while self._left and time.monotonic() < until:
            widget = self._left[-1]
            there = isValid(widget)  # dressing one may make another go, such as a menu that is filled anew
            if there and self._held and not widget.isVisible():
                break
            self._left.pop()
            if there:
                _dress(widget)
        if time.monotonic() < until and not self._first:
            self._show()

    def _show(self) -> None:
        """Go on after all in sight is dressed."""
        if self._parts:
            part = self._parts.pop()
            if isValid(part) and part.isVisible():
                part.grab()  # whatever is drawn for the first time takes longer, and then all of it comes together
        elif self._held:
            self._release()
        elif not self._left:
            self._clock.stop()

    def _release(self) -> None:
        held, self._held = self._held, []
        for window in held:
            if isValid(window):
                window.setAttribute(Qt.WidgetAttribute.WA_UpdatesDisabled, False)
                window.repaint()


def _dress(widget: QWidget) -> None:
    widget.style().polish(widget)
    widget.update()
    if isinstance(widget, QDockWidget):  # keeps the pictures of its buttons
        QApplication.sendEvent(widget, QEvent(QEvent.Type.StyleChange))
