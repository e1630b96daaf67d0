"""The titles of a table that is sorted by one column or several: direction and rank are shown, clicks ask for more."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPolygonF
from PySide6.QtWidgets import QHeaderView, QWidget

from gui.models.columns import SORT_ROLE
from gui.shortening import in_sight
from gui.theme import theme

ARROW = 4  # half its width
RANK_SIZE = 0.72  # of the font


class Titles(QHeaderView):
    """Shortens a title that the edge of the table would cut; `covered` pixels at the left lie below others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.covered = 0
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        super().paintSection(painter, in_sight(rect, self.viewport().rect(), self.covered), section)


class SortHeader(Titles):
    """Shows what the model says under SORT_ROLE.

    `sort_wanted` tells which column was clicked, and whether with Shift: as a further one. `menu_wanted` tells on which
    column (-1: on none) and where on the screen a menu was asked for.
    """

    sort_wanted = Signal(int, bool)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._further = False
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.customContextMenuRequested.connect(
            lambda at: self.menu_wanted.emit(self.logicalIndexAt(at), self.mapToGlobal(at))
        )
        self.sectionClicked.connect(lambda section: self.sort_wanted.emit(section, self._further))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._further = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        super().mouseReleaseEvent(event)
        self._further = False

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        super().paintSection(painter, rect, section)
        painter.restore()
        sign = self.model().headerData(section, Qt.Orientation.Horizontal, SORT_ROLE)
        if sign is not None:
            self._paint_sign(painter, rect, *sign)

    def _paint_sign(self, painter: QPainter, rect: QRect, falling: bool, rank: int) -> None:
        """Draw a small arrow at the top, over the title, with the rank beside it."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(theme().colours.accent)
        left, top = rect.center().x() - (ARROW if rank else 0), rect.top() + 2
        tip, base = (top + ARROW, top) if falling else (top, top + ARROW)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        points = [QPointF(left - ARROW, base), QPointF(left + ARROW, base), QPointF(left, tip)]
        painter.drawPolygon(QPolygonF(points))
        if rank:
            font = painter.font()
            font.setPointSizeF(font.pointSizeF() * RANK_SIZE)
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(colour)
            place = QRect(int(left) + ARROW + 2, rect.top() - 1, 16, 11)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, str(rank))
        painter.restore()
