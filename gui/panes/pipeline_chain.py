"""The steps of a pipeline drawn as a chain of boxes, which keys and mouse can go through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from gui.formats import tr
from gui.panes.facts import first_words, step_tip, steps_text
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import ChainStep

ARROW = 22  # room for the arrow between two boxes
PADDING = GRID
WIDEST = 320
MOST_PARTS = 4  # steps within a step that are named in its box


@dataclass(frozen=True)
class _Line:
    """One line of text in a box."""

    text: str
    bold: bool = False


class ChainView(QWidget):
    """Boxes with arrows, in as many lines as needed. `step_chosen` tells the number of the step one wants to see.

    Left, right, Home and End go through the steps, Enter chooses; the tip of a step has all its parameters.
    """

    step_chosen = Signal(int)
    copy_wanted = Signal(bool)  # as text, else as a configuration

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: tuple[ChainStep, ...] = ()
        self.current = 0
        self._hover = -1
        self._boxes: list[QRect] = []
        self._problem = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(tr("Steps"))
        theme().changed.connect(self.update)

    def show_steps(self, steps: tuple[ChainStep, ...], problem: str = "") -> None:
        """Draw these steps, or say why there are none."""
        self.steps, self._problem = steps, problem
        self.current, self._hover = 0, -1
        self._boxes = self._laid_out(self.width())
        self._tell()
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """Return the chain as a line of text."""
        return steps_text(self.steps)

    def boxes(self) -> list[QRect]:
        """Return where the steps are drawn."""
        return list(self._boxes)

    # --- layout ---

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        boxes = self._laid_out(width)
        return max((box.bottom() + 2 for box in boxes), default=self.fontMetrics().height() + 2)

    def sizeHint(self) -> QSize:
        width = max(self.width(), 2 * WIDEST)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.fontMetrics().height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._boxes = self._laid_out(self.width())
        super().resizeEvent(event)

    def _laid_out(self, width: int) -> list[QRect]:
        """Put the boxes side by side, and on the next line where the width ends; those of a line are of one height."""
        room = max(60, width - ARROW)
        sizes = [self._size(step).boundedTo(QSize(min(WIDEST, room), 10_000)) for step in self.steps]
        boxes: list[QRect] = []
        line: list[int] = []
        x = y = 0
        for number, size in enumerate(sizes):
            if line and x + size.width() > room:
                y += max(sizes[n].height() for n in line) + GRID
                x, line = 0, []
            boxes.append(QRect(QPoint(x, y), size))
            line.append(number)
            x += size.width() + ARROW
            height = max(sizes[n].height() for n in line)
            for n in line:
                boxes[n].setHeight(height)
        return boxes

    def _size(self, step: ChainStep) -> QSize:
        lines = self._lines(step)
        widths = [self._metrics(line.bold).horizontalAdvance(line.text) for line in lines]
        heights = [self._metrics(line.bold).height() for line in lines]
        return QSize(max(widths) + 2 * PADDING + 2, sum(heights) + PADDING)

    def _lines(self, step: ChainStep) -> list[_Line]:
        lines = [_Line(step.title, True)]
        if words := first_words(step):
            lines.append(_Line(words))
        for part in step.parts[:MOST_PARTS]:
            words = first_words(part)
            lines.append(_Line(f"› {part.name}: {part.title}" + (f" ({words})" if words else "")))
        if len(step.parts) > MOST_PARTS:
            lines.append(_Line(tr("› and {n} more").format(n=len(step.parts) - MOST_PARTS)))
        return lines

    def _metrics(self, bold: bool) -> QFontMetrics:
        return QFontMetrics(self._font(bold))

    def _font(self, bold: bool) -> QFont:
        font = QFont(self.font())
        font.setBold(bold)
        return font

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.steps:
            painter.setPen(QColor(theme().colours.muted))
            words = self._problem or tr("The steps of this pipeline can not be read.")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        for number, box in enumerate(self._boxes):
            self._paint_box(painter, number, box)
            if number + 1 < len(self._boxes):
                self._paint_arrow(painter, box)
        painter.end()

    def _paint_box(self, painter: QPainter, number: int, box: QRect) -> None:
        colours = theme().colours
        focused = self.hasFocus() and number == self.current
        painter.setPen(QPen(QColor(colours.accent if focused else colours.line), 2 if focused else 1))
        painter.setBrush(QColor(colours.hover if number == self._hover else colours.window))
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 5, 5)
        y = box.top() + PADDING // 2
        for line in self._lines(self.steps[number]):
            metrics = self._metrics(line.bold)
            painter.setFont(self._font(line.bold))
            painter.setPen(QColor(colours.text if line.bold else colours.muted))
            room = box.width() - 2 * PADDING
            text = metrics.elidedText(line.text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(box.left() + PADDING, y, room, metrics.height()), 0, text)
            y += metrics.height()

    @staticmethod
    def _paint_arrow(painter: QPainter, box: QRect) -> None:
        colour = QColor(theme().colours.muted)
        y = float(box.center().y())
        left, right = box.right() + 4.0, box.right() + ARROW - 4.0
        painter.setPen(QPen(colour, 1.4))
        painter.drawLine(QPointF(left, y), QPointF(right - 4, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(right, y), QPointF(right - 6, y - 3.5), QPointF(right - 6, y + 3.5)]))

    # --- keys and mouse ---

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self.steps) - 1
        goals = {
            Qt.Key.Key_Left: self.current - 1, Qt.Key.Key_Right: self.current + 1, Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }  # fmt: skip
        key = Qt.Key(event.key())
        if last >= 0 and key in goals:
            self._go_to(min(max(0, goals[key]), last))
        elif last >= 0 and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.step_chosen.emit(self.current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason) and self.steps:
            self._go_to(self.current)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QToolTip.hideText()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.step_at(event.position().toPoint())
        self.setCursor(Qt.CursorShape.PointingHandCursor if over >= 0 else Qt.CursorShape.ArrowCursor)
        if over != self._hover:
            self._hover = over
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = -1
        self.update()
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        number = self.step_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and number >= 0:
            self.current = number
            self._tell()
            self.step_chosen.emit(number)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.step_at(event.pos())
            QToolTip.showText(event.globalPos(), step_tip(self.steps[number]) if number >= 0 else "", self)
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy configuration"), lambda: self.copy_wanted.emit(False))
        menu.addAction(tr("Copy steps as text"), lambda: self.copy_wanted.emit(True))
        menu.popup(event.globalPos())

    def step_at(self, place: QPoint) -> int:
        """Return the number of the step at a place, -1 where there is none."""
        return next((number for number, box in enumerate(self._boxes) if box.contains(place)), -1)

    def _go_to(self, number: int) -> None:
        self.current = number
        self._tell()
        self.update()
        below = self.mapToGlobal(self._boxes[number].bottomLeft() + QPoint(0, 4))
        QToolTip.showText(below, step_tip(self.steps[number]), self)

    def _tell(self) -> None:
        """Say the chain and where one is in it, for those who don't see it."""
        self.setAccessibleName(tr("Steps: {chain}").format(chain=self.text() or self._problem))
        if self.steps:
            place = tr("step {n} of {count}").format(n=self.current + 1, count=len(self.steps))
            self.setAccessibleDescription(f"{place}: {step_tip(self.steps[self.current])}")
        else:
            self.setAccessibleDescription("")
