"""The command palette: everything that can be done or gone to, found by a few letters and run from the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.settings import Settings
from gui.theme import GRID, theme

WIDTH, HEIGHT = 560, 420
RECENT_FIRST = 5
SCATTERED = 0  # the best that letters with others between are worth
OWN_WORDS = 1000  # more than words can be worth that something is also known as
OFFER_ROLE = Qt.ItemDataRole.UserRole + 1
MOVES = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)


@dataclass(frozen=True)
class Offer:
    """One line of the palette.

    `group` says where it belongs, `keys` how to do without the palette, `why_not` why it can't be done now. A `quiet`
    one shows up only when somebody types; `known_as` are further words it is found by.
    """

    text: str
    act: Callable[[], object]
    group: str = ""
    keys: str = ""
    why_not: str = ""
    quiet: bool = False
    known_as: str = ""


def closeness(typed: str, text: str) -> int | None:
    """Tell how well what was typed fits, more for better; None when a word of it doesn't occur. The order is free.

    A word fits best as a whole word, less well at the beginning of one, still less inside one. One that only occurs as
    letters with others between makes it SCATTERED at best, which is below all that fits by words.
    """
    low = text.casefold()
    scattered = False
    total = 5 if typed.strip() and low.startswith(typed.strip().casefold()) else 0
    for word in typed.casefold().split():
        place = low.find(word)
        if place < 0:
            if not _in_order(word, low):
                return None
            scattered = True
        else:
            parts = low.replace("(", " ").split()
            total += 7 if word in parts else 6 if any(part.startswith(word) for part in parts) else 3
    return SCATTERED - 100 + total if scattered else total


def _in_order(letters: str, text: str) -> bool:
    """Whether the letters occur one after the other, the first of them beginning a word."""
    starts = [place for place, letter in enumerate(text) if place == 0 or text[place - 1] == " "]
    for start in starts:
        if text[start] == letters[0]:
            rest = iter(text[start:])
            if all(letter in rest for letter in letters):
                return True
    return False


def _fit(typed: str, offer: Offer) -> int | None:
    """Tell how well an offer fits: by its own words, which come before those it is also known as."""
    own = closeness(typed, f"{offer.text} {offer.group}")
    if own is not None and own > SCATTERED:
        return own + OWN_WORDS
    also = closeness(typed, f"{offer.text} {offer.group} {offer.known_as}") if offer.known_as else None
    return max((fit for fit in (own, also) if fit is not None), default=None)


def found(offers: Sequence[Offer], typed: str, recent: Sequence[str]) -> list[Offer]:
    """Return the offers that fit, best first; of equal ones those used lately, then the possible ones."""
    rank = {text: place for place, text in enumerate(recent)}
    late = len(recent)
    if not typed.strip():
        first = [one for text in recent[:RECENT_FIRST] for one in offers if one.text == text and not one.quiet]
        return [*first, *(one for one in offers if not one.quiet and one not in first)]
    fitting = [(fit, one) for one in offers if (fit := _fit(typed, one)) is not None]
    if any(fit > SCATTERED for fit, _ in fitting):
        fitting = [(fit, one) for fit, one in fitting if fit > SCATTERED or not one.quiet]
    fitting.sort(key=lambda pair: (-pair[0], bool(pair[1].why_not), rank.get(pair[1].text, late), pair[1].quiet))
    return [one for _, one in fitting]


class Found(QAbstractListModel):
    """The offers that fit what was typed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._offers: list[Offer] = []

    def put(self, offers: list[Offer]) -> None:
        """Show other offers."""
        self.beginResetModel()
        self._offers = offers
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        return 0 if parent.isValid() else len(self._offers)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        offer = self._offers[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return offer.text
        if role == OFFER_ROLE:
            return offer
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (offer.text, offer.group, offer.keys, offer.why_not) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return offer.text
        return None


class CommandDialog(QDialog):
    """Finds what can be done by a few letters, and does it."""

    def __init__(self, offers: Sequence[Offer], settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Commands"))
        self.resize(WIDTH, HEIGHT)
        self._offers, self._settings = offers, settings
        self._edit = QLineEdit()
        self._edit.setPlaceholderText(tr("What do you want to do?"))
        self._edit.setAccessibleName(tr("Command to run"))
        self._edit.setClearButtonEnabled(True)
        self._edit.installEventFilter(self)
        self._model = Found(self)
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setItemDelegate(_OfferDelegate(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setAccessibleName(tr("Commands found"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._none = QLabel(tr("Nothing is called like that. Fewer letters find more."))
        self._none.setObjectName("muted")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._edit.textChanged.connect(self._find)
        self._edit.returnPressed.connect(self._run)
        self._list.clicked.connect(lambda _: self._run())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(GRID)
        layout.addWidget(self._edit)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._none, 1)
        self._find("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrows move in the list while one goes on typing."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in MOVES:
            page = max(1, self._list.viewport().height() // max(1, self._list.sizeHintForRow(0)) - 1)
            steps = dict(zip(MOVES, (1, -1, page, -page), strict=True))
            self._go(self._list.currentIndex().row() + steps[Qt.Key(event.key())])
            return True
        return super().eventFilter(watched, event)

    def texts(self) -> list[str]:
        """Return what is shown, line by line."""
        return [str(self._model.index(row, 0).data()) for row in range(self._model.rowCount())]

    def _find(self, typed: str) -> None:
        self._model.put(found(self._offers, typed, self._settings.recent_commands))
        there = self._model.rowCount() > 0
        self._list.setVisible(there)
        self._none.setVisible(not there)
        self._go(0)

    def _go(self, row: int) -> None:
        self._list.setCurrentIndex(self._model.index(max(0, min(row, self._model.rowCount() - 1)), 0))

    def _run(self) -> None:
        offer = self._list.currentIndex().data(OFFER_ROLE)
        if offer is None or offer.why_not:
            return
        self._settings.remember_command(offer.text)
        self.accept()
        offer.act()


class _OfferDelegate(QStyledItemDelegate):
    """A line of the palette: what it is, muted where it belongs (or why it can't be done now), and its keys."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        offer: Offer = index.data(OFFER_ROLE)
        option.text = ""
        option.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        colours, metrics = theme().colours, option.fontMetrics
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        inside = option.rect.adjusted(GRID, 0, -GRID, 0)
        painter.save()
        if offer.keys:
            painter.setPen(QColor(colours.muted))
            painter.drawText(inside, right, offer.keys)
            inside.setRight(inside.right() - metrics.horizontalAdvance(offer.keys) - 2 * GRID)
        painter.setPen(QColor(colours.muted if offer.why_not else colours.text))
        text = metrics.elidedText(offer.text, Qt.TextElideMode.ElideMiddle, inside.width())
        painter.drawText(inside, left, text)
        aside = offer.why_not or offer.group
        rest = QRect(inside)
        rest.setLeft(inside.left() + metrics.horizontalAdvance(text) + 2 * GRID)
        if aside and rest.width() > 4 * GRID:
            painter.setPen(QColor(colours.muted))
            painter.drawText(rest, right, metrics.elidedText(aside, Qt.TextElideMode.ElideRight, rest.width()))
        painter.restore()
