"""The shape of the window: where its docks are, how large it is, and on which screen."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget

from gui.settings import Settings

if TYPE_CHECKING:
    from gui.window import MainWindow


class WindowShape:
    """Lays the docks out as a new user sees them, remembers what was made of it, and puts it back."""

    def __init__(self, window: MainWindow, settings: Settings) -> None:
        self._window, self._settings = window, settings
        docks = sorted(dock.objectName() for dock in window.findChildren(QDockWidget))
        self._version = zlib.crc32(" ".join(docks).encode()) & 0x7FFFFFFF  # another set of docks, another arrangement
        self._first = self._lay_out_docks()

    def restore(self) -> None:
        """Put size, place and docks as they were left."""
        geometry, docks = self._settings.geometry(), self._settings.docks()
        if not geometry.isEmpty():
            self._window.restoreGeometry(geometry)
        if not docks.isEmpty():
            self._window.restoreState(docks, self._version)  # does nothing with other docks than there are now
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if screens and not self._window.isMaximized():
            self._window.setGeometry(on_screen(self._window.geometry(), screens))
        for dock in self._window.findChildren(QDockWidget) if screens else []:
            if dock.isFloating():
                dock.setGeometry(on_screen(dock.geometry(), screens))

    def reset(self) -> None:
        """Put the docks as a new user sees them."""
        self._settings.forget_window()
        self._window.restoreState(self._first, self._version)
        self._lay_out_docks()

    def save(self) -> None:
        """Remember size, place and docks."""
        self._settings.save_window(self._window.saveGeometry(), self._window.saveState(self._version))

    def _lay_out_docks(self) -> QByteArray:
        window, sides = self._window, Qt.DockWidgetArea
        window.addDockWidget(sides.LeftDockWidgetArea, window.tree_dock)
        window.addDockWidget(sides.RightDockWidgetArea, window.details_dock)
        window.addDockWidget(sides.BottomDockWidgetArea, window.jobs_dock)
        window.tabifyDockWidget(window.jobs_dock, window.health_dock)
        window.setCorner(Qt.Corner.BottomRightCorner, sides.RightDockWidgetArea)
        window.splitDockWidget(window.tree_dock, window.library_dock, Qt.Orientation.Vertical)
        for dock in (window.tree_dock, window.library_dock, window.details_dock):
            dock.setFloating(False)
            dock.show()
        for dock in (window.jobs_dock, window.health_dock):
            dock.setFloating(False)
            dock.hide()
        window.resizeDocks([window.tree_dock, window.details_dock], [300, 372], Qt.Orientation.Horizontal)
        window.resizeDocks([window.tree_dock, window.library_dock], [420, 280], Qt.Orientation.Vertical)
        window.resizeDocks([window.jobs_dock], [180], Qt.Orientation.Vertical)
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
