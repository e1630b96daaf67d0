"""Choosing columns from a list that may be long: find by name, tick, and put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import integer_text, tr
from gui.theme import GRID, theme

KEY = Qt.ItemDataRole.UserRole
PINNED = KEY + 1


@dataclass(frozen=True)
class Choice:
    """A column that can be chosen: its name in queries, how it is called, whether it is shown and stays at the left."""

    key: str
    title: str
    shown: bool
    pinned: bool = False


class ColumnChooser(QDialog):
    """Shows all columns; each change takes effect at once.

    `ticked` tells of a column shown or hidden, `moved` of the new order of all, `reset_wanted` that the standard ones
    are wanted, and `pin_wanted` that one shall stay at the left or no longer (then call `fill` again).
    """

    ticked = Signal(str, bool)
    moved = Signal(list)
    pin_wanted = Signal(str, bool)
    reset_wanted = Signal()

    def __init__(
        self, title: str, reset_text: str, parent: QWidget, *, movable: bool = True, pins: bool = True
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(360, 520)
        self._movable, self._pins = movable, pins and movable
        self._filling = False
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(tr("Find a column"))
        self.edit.setAccessibleName(tr("Find a column"))
        self.edit.setClearButtonEnabled(True)
        self.edit.textChanged.connect(self._find)
        self.edit.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(title)
        self.list.setObjectName("columnList")
        self.list.setUniformItemSizes(True)
        self.list.itemChanged.connect(self._tick)
        self.list.installEventFilter(self)
        self.list.model().rowsMoved.connect(lambda *_: self.moved.emit(self.keys()))
        self._count = QLabel()
        self._count.setObjectName("muted")
        moving = tr("Space ticks, P pins, Alt+↑ and Alt+↓ move, or drag.")
        if not pins:
            moving = tr("Space ticks, Alt+↑ and Alt+↓ move, or drag.")
        hint = QLabel(moving if movable else tr("Space ticks."))
        hint.setObjectName("muted")
        self.pin = QPushButton(tr("Pin"))
        self.pin.setAutoDefault(False)
        self.pin.setVisible(self._pins)
        self.pin.clicked.connect(self._want_pin)
        self.list.currentItemChanged.connect(lambda *_: self._tell_pin())
        reset = QPushButton(reset_text)
        reset.setAutoDefault(False)
        reset.clicked.connect(self.reset_wanted)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(reset)
        buttons.addWidget(self.pin)
        buttons.addStretch(1)
        buttons.addWidget(close)
        words = QHBoxLayout()
        words.addWidget(hint, 1)
        words.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(GRID)
        layout.addWidget(self.edit)
        layout.addWidget(self.list, 1)
        layout.addLayout(words)
        layout.addLayout(buttons)
        self._allow_drag()

    def fill(self, choices: Sequence[Choice]) -> None:
        """Show these columns in this order."""
        here = self.list.currentItem().data(KEY) if self.list.currentItem() is not None else None
        self._filling = True
        self.list.clear()
        for choice in choices:
            item = QListWidgetItem(choice.title)
            item.setData(KEY, choice.key)
            item.setToolTip(choice.key)
            item.setData(PINNED, choice.pinned)
            if choice.pinned:
                item.setIcon(theme().icon("pin", "muted"))
                item.setToolTip(tr("{key}, pinned to the left").format(key=choice.key))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if choice.shown else Qt.CheckState.Unchecked)
            self.list.addItem(item)
            if choice.key == here:
                self.list.setCurrentItem(item)
        self._filling = False
        self._find(self.edit.text())
        self._tell_count()
        self._tell_pin()

    def keys(self) -> list[str]:
        """Return the names of all columns in the order shown."""
        return [str(item.data(KEY)) for item in self._items()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down in the search box go to the list; Alt with them moves the column."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if watched is self.list and event.key() == Qt.Key.Key_P and self._pins:
            self._want_pin()
            return True
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move_current(step)
            return True
        if step and watched is self.edit:
            self._step(step)
            self.list.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        return False

    def move_current(self, step: int) -> None:
        """Move the current column by one among those shown here."""
        row = self.list.currentRow()
        target = self._neighbour(row, step)
        if not self._movable or row < 0 or target < 0:
            return
        self._filling = True
        item = self.list.takeItem(row)
        self.list.insertItem(target, item)
        self._filling = False
        self.list.setCurrentItem(item)
        self.moved.emit(self.keys())

    def _want_pin(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.pin_wanted.emit(item.data(KEY), not item.data(PINNED))

    def _tell_pin(self) -> None:
        item = self.list.currentItem()
        self.pin.setEnabled(item is not None)
        self.pin.setText(tr("Unpin") if item is not None and item.data(PINNED) else tr("Pin"))

    def _step(self, step: int) -> None:
        target = self._neighbour(self.list.currentRow(), step)
        if target >= 0:
            self.list.setCurrentRow(target)

    def _neighbour(self, row: int, step: int) -> int:
        """Return the next row in a direction that the search shows, -1 if there is none."""
        row += step
        while 0 <= row < self.list.count():
            if not self.list.item(row).isHidden():
                return row
            row += step
        return -1

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _find(self, text: str) -> None:
        words = text.lower().split()
        for item in self._items():
            name = f"{item.text()} {item.data(KEY)}".lower()
            item.setHidden(not all(word in name for word in words))
        here = self.list.currentItem()
        if here is None or here.isHidden():
            self.list.setCurrentRow(self._neighbour(-1, 1))
        self._allow_drag()

    def _allow_drag(self) -> None:
        # Between rows that are hidden nobody sees where a dragged one would go.
        drag = self._movable and not self.edit.text()
        mode = QAbstractItemView.DragDropMode
        self.list.setDragDropMode(mode.InternalMove if drag else mode.NoDragDrop)

    def _tick(self, item: QListWidgetItem) -> None:
        if not self._filling:
            self.ticked.emit(item.data(KEY), item.checkState() == Qt.CheckState.Checked)
            self._tell_count()

    def _tell_count(self) -> None:
        shown = sum(item.checkState() == Qt.CheckState.Checked for item in self._items())
        self._count.setText(
            tr("{shown} of {total} shown").format(shown=integer_text(shown), total=integer_text(self.list.count()))
        )
