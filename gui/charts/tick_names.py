"""Names along an axis: whole where there is room, else upright or shortened, and never two alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics

GAP = 6  # pixels between two names
LONGEST_WORD = 6  # letters that are not shortened
WORD = re.compile(r"[A-Z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")  # of several words


def short_name(name: str) -> str:
    """The capitals of long words: `SNV→SG` for `StandardNormalVariate → SavitzkyGolay`."""
    text = WORD.sub(lambda word: word[0] if len(word[0]) <= LONGEST_WORD else _capitals(word[0]), name)
    return text.replace(" → ", "→")


def short_names(names: Sequence[str]) -> list[str]:
    """Names in short; those that would be the same in short stay whole."""
    short = [short_name(name) for name in names]
    return [one if short.count(one) == 1 else name for name, one in zip(names, short, strict=True)]


def fitting_names(names: Sequence[str], room: float, height: float, metrics: QFontMetrics) -> tuple[list[str], bool]:
    """Choose how names stand side by side, each with `room` pixels, and whether upright, `height` pixels long at most.

    Where even upright ones would run into each other, some in between are left empty.
    """
    ways = [list(names), short_names(names)]
    wide = [max(metrics.horizontalAdvance(name) for name in way) for way in ways]
    for way, width in zip(ways, wide, strict=True):
        if width <= room - GAP:
            return way, False
    every = max(1, -int(-metrics.height() // max(1.0, room)))
    for way, width in zip(ways, wide, strict=True):
        if width <= height:
            return _thinned(way, every), True
    shown = [metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, round(height)) for name in ways[1]]
    return _thinned(shown, every), True


def _thinned(names: Sequence[str], every: int) -> list[str]:
    return [name if place % every == 0 else "" for place, name in enumerate(names)]


def _capitals(word: str) -> str:
    return "".join(one for one in word if one.isupper())
