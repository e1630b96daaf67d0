"""Cells that have too little room: names can still be told apart, and of a number nothing is shown rather than a part.

A name is cut so that those which begin alike or end alike still differ. A part of a number reads as another number: "…"
stands there until its column is wide enough, or scrolled into sight.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QIcon
from PySide6.QtWidgets import QAbstractItemView, QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

BREAKS = " _=-/\\"
LONGEST_END = 0.6  # of the room: the beginning tells more
AROUND = 24  # more pixels than any cell leaves free beside a text
EDGE = 4  # pixels between a number and the edge of its cell that nobody misses


def shortened(text: str, metrics: QFontMetrics, room: int) -> str:
    """A text as it fits into `room` pixels: its beginning, "…" and its last word, "pls SG1 n_comp…=4".

    Where the last word is most of the text, or would take most of the room, it is cut in the middle.
    """
    if metrics.horizontalAdvance(text) <= room:
        return text
    place = max(text.rfind(one, 0, len(text) - 1) for one in BREAKS)
    end = f"…{text[place:]}"
    left = room - metrics.horizontalAdvance(end)
    if place <= 0 or left < room * (1 - LONGEST_END):
        return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(0, room))
    return _beginning(text[:place], end, metrics, room) + end


def _beginning(text: str, end: str, metrics: QFontMetrics, room: int) -> str:
    """The longest beginning of a text that fits before this end; together they may be wider than each by itself."""
    fits, too_long = 0, len(text) + 1
    while too_long - fits > 1:
        half = (fits + too_long) // 2
        if metrics.horizontalAdvance(text[:half] + end) <= room:
            fits = half
        else:
            too_long = half
    return text[:fits].rstrip(" ")


def fit(option: QStyleOptionViewItem, covered: int = 0) -> None:
    """Shorten the text of a cell to the room it has; of the table `covered` pixels at the left lie below others."""
    width = option.rect.width()
    if not option.text or width <= 0:  # the latter asks how much room it would like
        return
    if option.displayAlignment & Qt.AlignmentFlag.AlignRight:
        if option.icon.isNull() and option.fontMetrics.horizontalAdvance(option.text) > width - EDGE:
            option.text = "…"
        _show_whole(option, covered)
        return
    if option.features & QStyleOptionViewItem.ViewItemFeature.WrapText:
        return
    if option.icon.isNull() and option.fontMetrics.horizontalAdvance(option.text) + AROUND <= width:
        return  # as most do: each table has hundreds of cells to paint
    style = option.widget.style() if option.widget is not None else QApplication.style()
    margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, option.widget) + 1
    place = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, option.widget)
    option.text = shortened(option.text, option.fontMetrics, place.width() - 2 * margin - 1)


def in_sight(rect: QRect, whole: QRect, covered: int = 0) -> QRect:
    """The part of a cell that is seen of a table that is `whole` wide, the height as it is."""
    left, right = max(rect.left(), whole.left() + covered), min(rect.right(), whole.right())
    return QRect(left, rect.top(), max(0, right - left + 1), rect.height())


def _show_whole(option: QStyleOptionViewItem, covered: int) -> None:
    """Move a number that the edge of the table cuts to where it is seen whole; where that is nowhere, "…" stands."""
    if not isinstance(option.widget, QAbstractItemView):
        return
    whole = option.widget.viewport().rect()
    if covered <= option.rect.left() and option.rect.right() <= whole.right():
        return
    seen = in_sight(option.rect, whole, covered)
    end = option.rect.right() - EDGE
    begin = end - option.fontMetrics.horizontalAdvance(option.text)
    if seen.right() < end or (begin < seen.left() and seen.left() > option.rect.left()):
        option.rect = seen
        if end - begin + AROUND > seen.width():
            option.text, option.icon = "…", QIcon()


class Cells(QStyledItemDelegate):
    """Paints cells whose texts are shortened to the room they have, and whose numbers are whole."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Any) -> None:
        super().initStyleOption(option, index)
        fit(option)
