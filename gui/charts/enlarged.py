"""A window of its own for charts that are too small where they are; Esc, Space or closing it puts them back."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.formats import tr

SIZE = QSize(1100, 780)
WALKING = (Qt.Key.Key_Up, Qt.Key.Key_Down)


class Enlarged(QWidget):
    """Holds one widget while it is open; `left` tells that it is to be put back.

    Up and down keys go to `walker`, the list one came from, so that one can look at one chart after the other.
    """

    left = Signal()

    def __init__(self, walker: QWidget | None, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Charts"))
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.walker = walker
        screen = parent.screen() or QGuiApplication.primaryScreen()
        self.resize(SIZE.boundedTo(screen.availableSize() * 0.9))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def hold(self, inside: QWidget) -> None:
        """Take a widget in."""
        self._layout.addWidget(inside)
        inside.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Escape):
            self.close()
        elif event.key() in WALKING and self.walker is not None:
            QCoreApplication.sendEvent(self.walker, QKeyEvent(event))
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.left.emit()
        super().closeEvent(event)
