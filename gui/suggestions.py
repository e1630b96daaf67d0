"""The list of what may come next in a query, shown below it while one types, without ever taking the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.formats import tr
from gui.models.columns import AnyIndex
from gui.theme import GRID, ROW_HEIGHT, theme

if TYPE_CHECKING:
    from storage import Completion, Suggestion

DETAIL = Qt.ItemDataRole.UserRole
MOST_ROWS = 10
LEAST_WIDTH, MOST_WIDTH = 240, 480


class _Detailed(QStyledItemDelegate):
    """Paints what a suggestion is at the right, muted."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().paint(painter, option, index)
        detail = str(index.data(DETAIL) or "")
        used = option.fontMetrics.horizontalAdvance(str(index.data())) + 3 * GRID
        place: QRect = option.rect.adjusted(used, 0, -GRID, 0)
        text = option.fontMetrics.elidedText(detail, Qt.TextElideMode.ElideRight, place.width())
        painter.save()
        painter.setPen(QColor(theme().colours.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class Suggestions(QListView):
    """Shows a Completion. `taken` is emitted with it and the suggestion that was chosen."""

    taken = Signal(object, object)

    def __init__(self, box: QWidget) -> None:
        super().__init__(box)
        self.setWindowFlags(Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setObjectName("suggestions")
        self.setAccessibleName(tr("What may come next in the query"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setItemDelegate(_Detailed(self))
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        self._completion: Completion | None = None
        self.clicked.connect(lambda index: self._take(index))
        self.hide()

    def show_at(self, place: QPoint, completion: Completion, *, chosen: bool) -> None:
        """Show these suggestions; the first one is `chosen` when somebody asked for them."""
        self._completion = completion
        self._items.clear()
        for suggestion in completion.suggestions:
            item = QStandardItem(suggestion.text)
            item.setData(suggestion.detail or kind_word(suggestion.kind), DETAIL)
            self._items.appendRow(item)
        self.setCurrentIndex(self._items.index(0 if chosen else -1, 0))
        rows = min(MOST_ROWS, len(completion.suggestions))
        width = min(MOST_WIDTH, max(LEAST_WIDTH, self._wanted_width(completion.suggestions)))
        self.resize(width, rows * ROW_HEIGHT + 2 * self.frameWidth() + 2)
        screen = QGuiApplication.screenAt(place)
        if screen is not None:
            place.setX(
                max(screen.availableGeometry().left(), min(place.x(), screen.availableGeometry().right() - width))
            )
        self.move(place)
        self.show()

    def takes_key(self, key: Qt.Key) -> bool:
        """Do what a key means while the list is shown; False if it means nothing here.

        Enter is taken only once something has been chosen with the arrow keys: it runs the query otherwise.
        """
        row, last = self.currentIndex().row(), self._items.rowCount() - 1
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: MOST_ROWS, Qt.Key.Key_PageUp: -MOST_ROWS}
        if key == Qt.Key.Key_Escape:
            self.hide()
        elif key in steps:
            far = abs(steps[key]) > 1
            row = (
                max(0, min(row + steps[key], last)) if far else (row + steps[key] + (row < 0 > steps[key])) % (last + 1)
            )
            self.setCurrentIndex(self._items.index(row, 0))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.take()
        else:
            return False
        return True

    def take(self) -> None:
        """Take the chosen suggestion, the first one if none is."""
        self._take(self.currentIndex() if self.currentIndex().isValid() else self._items.index(0, 0))

    def texts(self) -> list[str]:
        """Return the suggestions shown, none while hidden."""
        return [self._items.item(row).text() for row in range(self._items.rowCount())] if self.isVisible() else []

    def _take(self, index: QModelIndex) -> None:
        self.hide()
        if self._completion is not None and index.isValid():
            self.taken.emit(self._completion, self._completion.suggestions[index.row()])

    def _wanted_width(self, suggestions: tuple[Suggestion, ...]) -> int:
        measure = self.fontMetrics().horizontalAdvance
        texts = (measure(one.text) + measure(one.detail or kind_word(one.kind)) for one in suggestions)
        return max(texts, default=0) + 6 * GRID


def kind_word(kind: str) -> str:
    """Say what a suggestion is."""
    words = {
        "column": tr("column"), "parameter": tr("parameter"), "operator": "", "value": "", "keyword": "",
    }  # fmt: skip
    return words.get(kind, kind)
