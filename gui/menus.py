"""Filling menus."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu


def fill_menu(menu: QMenu, actions: Sequence[QAction | None]) -> None:
    """Put actions into a menu, with a line in place of None."""
    for action in actions:
        if action is None:
            menu.addSeparator()
        else:
            menu.addAction(action)
