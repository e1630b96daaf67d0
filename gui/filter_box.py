"""A small box that narrows a list while somebody types."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from gui.theme import theme


class FilterBox(QLineEdit):
    """Asks for words. `wanted` carries them after a pause; Enter emits `confirmed`, Down emits `left`, Esc clears."""

    wanted = Signal(str)
    confirmed = Signal()
    left = Signal()

    def __init__(self, words: str, pause_ms: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setClearButtonEnabled(True)
        sign = self.addAction(theme().icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        theme().dress(sign, "search", "muted")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._ask)
        self.textChanged.connect(lambda _: self._pause.start())

    def begin(self) -> None:
        """Go here to type other words."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def reset(self) -> None:
        """Empty the box without asking for anything."""
        self.clear()
        self._pause.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask()
            self.confirmed.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            self._ask()
        else:
            super().keyPressEvent(event)

    def _ask(self) -> None:
        self._pause.stop()
        self.wanted.emit(self.text().strip())
