"""The shape of the window: where its docks are, how large it is, and on which screen."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QObject, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget

from gui.settings import Settings

if TYPE_CHECKING:
    from gui.window import MainWindow


FIRST_HEIGHTS = [420, 280]  # of runs and library; it is their proportion that counts
LEAST_CENTRE = 400
CENTRE_SHARE = 45  # percent of the window that stay for the centre, where docks come from a wider window
TITLE = QSize(8, 40)  # about what the system puts around a window
LEAST_BELOW = (320, 112)
BELOW_SHARE, BELOW_CHARTS = 36, 24  # percent of the window, for what comes below it the first time
READABLE_HEALTH = 276  # pixels: a few findings with what can be done about them


class WindowShape(QObject):
    """Lays the docks out as a new user sees them, remembers what was made of it, and puts it back.

    How runs and library share the left side is the user's: it is noted whenever a separator was dragged, and put back
    after a dock below came or went, which Qt would otherwise divide as it likes. A dock that came by itself is not
    remembered as shown unless somebody went to it.
    """

    def __init__(self, window: MainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._heights = FIRST_HEIGHTS
        docks = sorted(dock.objectName() for dock in window.findChildren(QDockWidget))
        self._version = zlib.crc32(" ".join(docks).encode()) & 0x7FFFFFFF  # another set of docks, another arrangement
        self._below = (window.jobs_dock, window.health_dock)
        self._unasked: set[QDockWidget] = set()  # shown because something goes on in them
        self._height_below = 0  # what the user gave them; 0 for a share of the window
        self._wider = 0  # how wide the window was in which the docks got the widths that are still to be fitted
        self._make_room()
        self._first = self._lay_out_docks()
        window.installEventFilter(self)
        for dock in self._below:
            dock.visibilityChanged.connect(self._share_later)
            dock.visibilityChanged.connect(partial(self._note_hidden, dock))
        window.centre.charts_toggled.connect(self._share_later)

    def restore(self) -> None:
        """Put size, place and docks as they were left."""
        geometry, docks = self._settings.geometry(), self._settings.docks()
        if not geometry.isEmpty():
            self._window.restoreGeometry(geometry)
        if not docks.isEmpty():
            self._window.restoreState(docks, self._version)  # does nothing with other docks than there are now
            self._height_below = self._settings.height_below
            self._heights = self._settings.left_heights or FIRST_HEIGHTS
            self._wider = self._settings.width
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if screens and not self._window.isMaximized():
            self._bring_into(screens, placed=not geometry.isEmpty())
        for dock in self._window.findChildren(QDockWidget) if screens else []:
            if dock.isFloating():
                dock.setGeometry(on_screen(dock.geometry(), screens))

    def _bring_into(self, screens: list[QRect], placed: bool) -> None:
        """Let the window be seen whole; one that was never `placed` is put by the system, with its title."""
        wanted = on_screen(self._window.geometry(), screens)
        if placed:
            self._window.setGeometry(wanted)
        else:
            room = screens[0].size() - TITLE
            self._window.resize(wanted.size().boundedTo(room))

    def reset(self) -> None:
        """Put the docks as a new user sees them."""
        self._settings.forget_window()
        self._heights, self._height_below = FIRST_HEIGHTS, 0
        self._window.restoreState(self._first, self._version)
        self._lay_out_docks()

    def unfold(self, dock: QDockWidget) -> None:
        """Show a dock in which something goes on, for now, before those it shares its place with."""
        if dock.isHidden():
            self._unasked.add(dock)
            dock.show()
        dock.raise_()

    def keep(self, dock: QDockWidget) -> None:
        """Somebody went to a dock: it is theirs."""
        self._unasked.discard(dock)

    def _note_hidden(self, dock: QDockWidget, seen: bool) -> None:
        if not seen and dock.isHidden():  # not merely behind another
            self._unasked.discard(dock)

    def save(self) -> None:
        """Remember size, place and docks; the window goes."""
        for dock in list(self._unasked):
            dock.hide()
        self._settings.save_window(self._window.saveGeometry(), self._window.saveState(self._version))
        self._settings.left_heights, self._settings.height_below = self._heights, self._height_below
        self._settings.width = self._window.width()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note what the user made of the separators once one is let go; fit the docks once the window has its size."""
        if event.type() == QEvent.Type.MouseButtonRelease:
            QTimer.singleShot(0, self, self.note)
        elif event.type() == QEvent.Type.Show and self._wider:
            QTimer.singleShot(0, self, self._fit_sides)
        return False

    def note(self) -> None:
        """Take how the left side is divided now, and how high it is below, for what the user wants."""
        if shown := self._shown_below():
            self._height_below = shown[0].height()
        if self._is_shared():
            self._heights = [self._window.tree_dock.height(), self._window.library_dock.height()]

    def _share_later(self) -> None:
        QTimer.singleShot(0, self, self._share)

    def _share(self) -> None:
        """Give what is below its height, and divide the left side as it was before a dock below came or went."""
        window = self._window
        if shown := self._shown_below():
            share = BELOW_CHARTS if window.centre.shows_charts() else BELOW_SHARE
            least = 0 if window.health_dock.visibleRegion().isEmpty() else READABLE_HEALTH  # it may be behind jobs
            height = self._height_below or max(window.height() * share // 100, least)
            window.resizeDocks(shown, [height] * len(shown), Qt.Orientation.Vertical)
        if self._is_shared():
            docks = [window.tree_dock, window.library_dock]
            # As much as they have now: asked for more, Qt would take it from the dock below.
            whole = sum(dock.height() for dock in docks)
            upper = round(whole * self._heights[0] / max(1, sum(self._heights)))
            window.resizeDocks(docks, [upper, whole - upper], Qt.Orientation.Vertical)

    def _fit_sides(self) -> None:
        """Let the docks at the sides give way where they come from a wider window: Qt keeps their pixels."""
        before, self._wider = self._wider, 0
        docks = self._shown_beside()
        taken = sum({self._window.dockWidgetArea(dock): dock.width() for dock in docks}.values())
        room = self._window.width() * (100 - CENTRE_SHARE) // 100
        if self._window.width() < before and taken > room:
            widths = [dock.width() * room // taken for dock in docks]
            self._window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)

    def _shown_beside(self) -> list[QDockWidget]:
        sides = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
        docks = [dock for dock in self._window.findChildren(QDockWidget) if dock.isVisible() and not dock.isFloating()]
        return [dock for dock in docks if self._window.dockWidgetArea(dock) in sides]

    def _shown_below(self) -> list[QDockWidget]:
        here = Qt.DockWidgetArea.BottomDockWidgetArea
        there = [dock for dock in self._below if dock.isVisible() and not dock.isFloating()]
        return [dock for dock in there if self._window.dockWidgetArea(dock) == here]

    def _is_shared(self) -> bool:
        docks = (self._window.tree_dock, self._window.library_dock)
        areas = {self._window.dockWidgetArea(dock) for dock in docks}
        apart = not any(self._window.tabifiedDockWidgets(dock) for dock in docks)
        return apart and len(areas) == 1 and all(dock.isVisible() and not dock.isFloating() for dock in docks)

    def _make_room(self) -> None:
        """Let what is shown later be as narrow as what is shown now: else it would push the docks beside it."""
        window = self._window
        window.centre.setMinimumWidth(LEAST_CENTRE)
        for pane in (window.jobs_pane, window.health):
            pane.setMinimumSize(*LEAST_BELOW)

    def _lay_out_docks(self) -> QByteArray:
        window, sides = self._window, Qt.DockWidgetArea
        window.addDockWidget(sides.LeftDockWidgetArea, window.tree_dock)
        window.addDockWidget(sides.RightDockWidgetArea, window.details_dock)
        window.addDockWidget(sides.BottomDockWidgetArea, window.jobs_dock)
        window.tabifyDockWidget(window.jobs_dock, window.health_dock)
        window.setCorner(Qt.Corner.BottomRightCorner, sides.RightDockWidgetArea)
        window.splitDockWidget(window.tree_dock, window.library_dock, Qt.Orientation.Vertical)
        for dock in (window.tree_dock, window.library_dock, window.details_dock):
            if dock.isFloating():  # else it is laid out anew all the same
                dock.setFloating(False)
            dock.show()
        for dock in (window.jobs_dock, window.health_dock):
            if dock.isFloating():  # else it is laid out anew all the same
                dock.setFloating(False)
            dock.hide()
        window.resizeDocks([window.tree_dock, window.details_dock], [300, 372], Qt.Orientation.Horizontal)
        window.resizeDocks([window.tree_dock, window.library_dock], self._heights, Qt.Orientation.Vertical)
        return window.saveState(self._version)


def on_screen(window: QRect, screens: list[QRect]) -> QRect:
    """Return the place for a window: as it is when its title bar can be reached, else on the first screen."""
    title = QRect(window.left(), window.top(), window.width(), 32)
    seen = [screen.intersected(title) for screen in screens]
    reachable = any(part.width() >= 120 and part.height() >= 16 for part in seen)
    if reachable and any(window.width() <= s.width() and window.height() <= s.height() for s in screens):
        return window
    screen = screens[0]
    width, height = min(window.width(), screen.width()), min(window.height(), screen.height())
    place = QRect(0, 0, width, height)
    place.moveCenter(screen.center())
    return place
