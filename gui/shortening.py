"""Names that have too little room: cut so that those which begin alike or end alike can still be told apart."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionViewItem

BREAKS = " _=-/\\"
LONGEST_END = 0.6  # of the room: the beginning tells more


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
    return _fitting(text[:place], metrics, left) + end


def _fitting(text: str, metrics: QFontMetrics, room: int) -> str:
    """The longest beginning of a text that fits."""
    fits, too_long = 0, len(text) + 1
    while too_long - fits > 1:
        half = (fits + too_long) // 2
        if metrics.horizontalAdvance(text[:half]) <= room:
            fits = half
        else:
            too_long = half
    return text[:fits].rstrip(" ")


def fit(option: QStyleOptionViewItem) -> None:
    """Shorten the text of a cell to the room it has."""
    if not option.text or option.displayAlignment & Qt.AlignmentFlag.AlignRight:
        return  # numbers are never cut: their column is as wide as they are
    style = option.widget.style() if option.widget is not None else QApplication.style()
    margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, option.widget) + 1
    place = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, option.widget)
    option.text = shortened(option.text, option.fontMetrics, place.width() - 2 * margin)
