"""Signals of ours: none hides one of Qt's own, which would then be heard where ours is meant."""

import importlib
import pkgutil
from collections.abc import Iterator

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtTest import QTest

import gui


def classes() -> Iterator[type[QObject]]:
    for module in pkgutil.walk_packages(gui.__path__, "gui."):
        if not module.name.endswith("__main__"):
            for one in vars(importlib.import_module(module.name)).values():
                if isinstance(one, type) and issubclass(one, QObject) and one.__module__ == module.name:
                    yield one


def test_no_signal_hides_one_of_qt(qapp):
    hidden = []
    for one in classes():
        qt = next(base for base in one.__mro__ if base.__module__.startswith("PySide6"))
        taken = {qt.staticMetaObject.method(n).name().toStdString() for n in range(qt.staticMetaObject.methodCount())}
        hidden += [
            f"{one.__name__}.{name}" for name, value in vars(one).items() if isinstance(value, Signal) and name in taken
        ]
    assert hidden == []


def test_the_mouse_over_the_tree_and_the_library_does_nothing(qtbot, window):
    window.query.put("test_rmse < 2")
    qtbot.waitUntil(lambda: window.tasks.idle)
    for view in (window.tree.tree, *(page.table for page in window.library.pages.values())):
        view.setMouseTracking(True)
        for y in range(10, 120, 9):
            QTest.mouseMove(view.viewport(), QPoint(40, y))
            qtbot.waitUntil(lambda: window.tasks.idle)
    assert window.query.text() == "test_rmse < 2" and window.selection.current is None
    assert window.tree.tree.isExpanded(window.tree.model.index(0, 0)) and not window.jobs.jobs
