"""Every item model of ours keeps the rules of Qt's model tester, in use and not only when it is made."""

import importlib
import pkgutil
import re
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractItemView, QWidget

import gui
from gui.dialogs.messages import ErrorDialog
from tests.gui.test_pace import ACTIONS, close_dialogs

TESTS = Path(__file__).parent
TESTER = re.compile(r"QAbstractItemModelTester\(|qtmodeltester\.check\(")
WARN = QAbstractItemModelTester.FailureReportingMode.Warning  # and a Qt warning fails the test


def kinds_of_models() -> set[type]:
    """Find the classes below `gui` that are item models and have no subclass among them."""
    for module in pkgutil.walk_packages(gui.__path__, "gui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: set[type] = set()
    todo: list[type] = [QAbstractItemModel]
    while todo:
        below = [kind for kind in todo.pop().__subclasses__() if kind not in found]
        todo += below
        found.update(below)
    ours = {kind for kind in found if kind.__module__.startswith("gui.")}
    return {kind for kind in ours if not any(other is not kind and issubclass(other, kind) for other in ours)}


def models_in(widget: QWidget) -> set[QAbstractItemModel]:
    """Find the models of ours that something in a widget shows or holds."""
    models = set(widget.findChildren(QAbstractItemModel))
    models |= {view.model() for view in widget.findChildren(QAbstractItemView) if view.model() is not None}
    return {model for model in models if type(model).__module__.startswith("gui.")}


def alone_testing() -> str:
    """The tests that put a model through the tester by itself, as one text."""
    return "\n".join(
        text for file in TESTS.glob("test_*.py") if TESTER.search(text := file.read_text(encoding="utf-8"))
        and file.name != Path(__file__).name
    )  # fmt: skip


def test_every_model_keeps_the_rules_while_people_work_with_it(qtbot, window):
    testers: dict[QAbstractItemModel, QAbstractItemModelTester] = {}

    def watch() -> None:
        for model in models_in(window) - testers.keys():
            testers[model] = QAbstractItemModelTester(model, WARN, window)

    watch()
    for name, act in ACTIONS.items():
        act(window)
        qtbot.waitUntil(lambda: window.tasks.idle)
        watch()
        if name == "select several":
            window.comparison.put(window.selection.chosen)
    for number in (4, 5, 6, 7):
        window.show_pane(number)
    window.check()
    qtbot.waitUntil(lambda: not window.jobs.busy() and window.tasks.idle)
    watch()
    close_dialogs(window)
    assert window.findChildren(ErrorDialog) == []
    seen, alone = {type(model) for model in testers}, alone_testing()
    unseen = {kind.__name__ for kind in kinds_of_models() - seen}
    assert sorted(name for name in unseen if not re.search(rf"\b{name}\b", alone)) == []
