"""The sheet of keys, by where they work; it can be searched, and copied as text to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.theme import GRID, ROW_HEIGHT, theme

SCROLLS = (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Down, Qt.Key.Key_Up)


@dataclass(frozen=True)
class KeyGroup:
    """Where keys work, and the pairs of what is done and with which keys."""

    title: str
    rows: tuple[tuple[str, str], ...]


def sheet_text(groups: Sequence[KeyGroup]) -> str:
    """Write the sheet as plain text in two columns."""
    width = max((len(text) for group in groups for text, _ in group.rows), default=0) + 3
    parts = ["\n".join([group.title, *(f"  {text:<{width}}{keys}" for text, keys in group.rows)]) for group in groups]
    return "\n\n".join(parts) + "\n"


class KeysDialog(QDialog):
    """The sheet of keys."""

    def __init__(self, groups: Sequence[KeyGroup], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keys"))
        self.resize(520, 680)
        self._groups = groups
        self._edit = QLineEdit()
        self._edit.setPlaceholderText(tr("Find a command or a key"))
        self._edit.setAccessibleName(tr("Find a command or a key"))
        self._edit.setClearButtonEnabled(True)
        self._edit.textChanged.connect(self._find)
        self._edit.installEventFilter(self)
        self._sheet = QTreeWidget()
        self._sheet.setAccessibleName(tr("Keys and what they do"))
        self._sheet.setHeaderLabels([tr("Command"), tr("Keys")])
        self._sheet.setRootIsDecorated(False)
        self._sheet.setItemsExpandable(False)
        self._sheet.setIndentation(GRID)
        self._sheet.setUniformRowHeights(True)
        self._sheet.header().setStretchLastSection(False)
        self._sheet.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._sheet.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        copy = QPushButton(tr("Copy as text"))
        copy.setObjectName("copyKeys")
        theme().dress(copy, "copy")
        copy.setAutoDefault(False)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(sheet_text(self._groups)))
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(GRID)
        layout.addWidget(self._edit)
        layout.addWidget(self._sheet, 1)
        layout.addLayout(buttons)
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the keys that scroll do so in the sheet while one goes on typing."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in SCROLLS:
            QCoreApplication.sendEvent(self._sheet.verticalScrollBar(), event)
            return True
        return super().eventFilter(watched, event)

    def _fill(self) -> None:
        self._rows: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        for group in self._groups:
            top = QTreeWidgetItem(self._sheet, [group.title])
            top.setSizeHint(0, QSize(0, ROW_HEIGHT))
            font = top.font(0)
            font.setBold(True)
            top.setFont(0, font)
            top.setFirstColumnSpanned(True)
            top.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self._rows.append((top, [QTreeWidgetItem(top, [text, keys]) for text, keys in group.rows]))
            top.setExpanded(True)

    def _find(self, typed: str) -> None:
        words = typed.casefold().split()
        for top, items in self._rows:
            for item in items:
                text = f"{top.text(0)} {item.text(0)} {item.text(1)}".casefold()
                item.setHidden(not all(word in text for word in words))
            top.setHidden(all(item.isHidden() for item in items))
