"""Qt's classes, all made on the GUI thread before another thread imports a library that asks for every one of them.

PySide makes a class when it is first asked for, and not safely from two threads: who asks while another one makes it
finds it half made. The chart library asks for all of them, while the window is drawn with some it has not used before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import QObject

from gui.turns import in_turns

MODULES = (QtCore, QtGui, QtWidgets)
AT_ONCE = 24  # some 3 ms; all of them together take a tenth of a second


def make_classes(owner: QObject, done: Callable[[], object]) -> None:
    """Make all classes, some in each turn of the event loop, then call `done`; no more of it once `owner` is gone."""
    names = [(module, name) for module in MODULES for name in dir(module)]
    pieces = [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]
    in_turns(owner, [*(partial(_make, piece) for piece in pieces), done])


def _make(names: Sequence[tuple[ModuleType, str]]) -> None:
    for module, name in names:
        getattr(module, name)
