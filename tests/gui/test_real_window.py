"""The main paths in a real window on a display, with real focus, popups and stacking: `pytest -m window`."""

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QWidget

from gui.dialogs.messages import NewWorkspaceDialog
from gui.dialogs.palette import CommandDialog
from gui.theme import theme
from gui.window import MainWindow
from storage import RunRequest, Workspace
from tests.gui.samples import write_config, write_data
from tests.gui.test_one_window import STAY

pytestmark = pytest.mark.window
MINUTE = 60_000


@pytest.fixture
def real(qtbot, open_window: Callable[..., MainWindow], root: Path) -> MainWindow:
    """A window on the filled workspace that is in front and has the keyboard."""
    window = open_window(root)
    qtbot.waitExposed(window)
    activate(qtbot, window)
    return window


def activate(qtbot, window: QWidget) -> None:
    window.raise_()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def press(qtbot, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the keyboard is, as people do: whichever window has it."""
    qtbot.keyClick(QApplication.focusWidget() or QApplication.activeWindow(), key, modifier)


def picture(window: QWidget) -> QImage:
    """What the screen shows of a window."""
    return window.screen().grabWindow(window.winId()).toImage()


def test_find_select_and_compare_by_keyboard_alone(qtbot, real):
    press(qtbot, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(real.query.hasFocus)
    qtbot.keyClicks(real.query, "dataset_name = 'wheat' and test_rmse < 1.25")
    with qtbot.waitSignal(real.catalog.model.listed):
        press(qtbot, Qt.Key.Key_Return)
    assert real.catalog.model.rowCount() == 3
    press(qtbot, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(real.catalog.table.hasFocus)
    press(qtbot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: real.selection.chosen_total == 3)
    press(qtbot, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: real.centre.tabs.currentIndex() == 1)
    assert len(real.comparison.pipelines) == 3


def test_the_screen_shows_the_theme_that_was_chosen(qtbot, real):
    seen = {}
    for choice in ("dark", "light"):
        real.commands.themes[choice].trigger()
        expected = theme().colours.window
        qtbot.waitUntil(lambda expected=expected: picture(real).pixelColor(2, 2).name() == expected)
        seen[choice] = picture(real).pixelColor(2, 2).lightness()
    assert seen["dark"] < 80 < 200 < seen["light"]


def test_the_splitter_and_a_dock_are_pulled_with_the_mouse(qtbot, real):
    real.centre.toggle_explore()
    split = real.centre.split
    before = split.sizes()
    handle = split.handle(1)
    drag(qtbot, handle, handle.rect().center(), QPoint(0, -80))
    assert abs(before[0] - split.sizes()[0] - 80) < 8
    real.resize(1700, 900)
    qtbot.waitUntil(lambda: real.centralWidget().width() > 900)  # there is room to pull
    width = real.tree_dock.width()
    edge = real.tree_dock.geometry().topRight() + QPoint(3, 100)
    drag(qtbot, real, edge, QPoint(60, 0))
    qtbot.waitUntil(lambda: abs(real.tree_dock.width() - width - 60) < 8)


def drag(qtbot, widget: QWidget, start: QPoint, way: QPoint) -> None:
    """Pull something with the left button; it may move under the mouse."""
    began = widget.mapToGlobal(start)
    qtbot.mouseMove(widget, start)
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for part in (0.3, 0.7, 1.0):
        qtbot.mouseMove(widget, widget.mapFromGlobal(began + way * part))
        QApplication.processEvents()
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=widget.mapFromGlobal(began + way))


def test_dialogs_and_menus_take_the_keyboard_and_give_it_back(qtbot, real):
    real.catalog.table.setFocus()
    qtbot.waitUntil(real.catalog.table.hasFocus)
    press(qtbot, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), CommandDialog))
    press(qtbot, Qt.Key.Key_Escape)
    activate(qtbot, real)  # as a window manager does when a dialog is gone
    qtbot.waitUntil(real.catalog.table.hasFocus)
    press(qtbot, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), NewWorkspaceDialog))
    press(qtbot, Qt.Key.Key_Escape)
    activate(qtbot, real)
    qtbot.waitUntil(real.catalog.table.hasFocus)
    real.commands.more_menu.popup(real.mapToGlobal(QPoint(100, 40)))
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    qtbot.keyClick(QApplication.activePopupWidget(), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_a_run_is_trained_shown_and_another_one_cancelled(qtbot, real, root, tmp_path):
    data = write_data(tmp_path)
    wanted = RunRequest(data=data, target=["protein"], pipelines=[write_config(tmp_path, 2)])
    with qtbot.waitSignal(real.jobs.ended, timeout=MINUTE):
        job = real.jobs.train(root, wanted)
    assert (job.state, job.outcome) == ("completed", "2 completed")
    qtbot.waitUntil(lambda: real.catalog.model.rowCount() == 43)
    many = RunRequest(data=data, target=["protein"], pipelines=[write_config(tmp_path, 200)], run_name="many")
    with qtbot.waitSignal(real.jobs.ended, timeout=MINUTE):
        job = real.jobs.train(root, many)
        qtbot.waitUntil(lambda: job.done > 0, timeout=MINUTE)
        real.commands.cancel_jobs.trigger()
    assert job.state == "cancelled"


def test_quitting_while_busy_asks_in_front_and_then_ends(qtbot, real, root, tmp_path):
    many = RunRequest(data=write_data(tmp_path), target=["protein"], pipelines=[write_config(tmp_path, 200)])
    job = real.jobs.train(root, many)
    qtbot.waitUntil(lambda: job.done > 0, timeout=MINUTE)
    press(qtbot, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: isinstance(QApplication.activeWindow(), QMessageBox))
    question = QApplication.activeWindow()
    stop = next(button for button in question.buttons() if button.text() == "Stop and quit")
    stop.click()
    qtbot.waitUntil(lambda: not real.isVisible(), timeout=MINUTE)
    with Workspace.open(root) as workspace:
        assert workspace.check().findings == ()


def test_docks_of_a_wide_window_leave_room_for_the_centre_in_a_narrow_one(qtbot, real, open_window, settings, root):
    real.resize(1900, 1000)
    docks = [real.tree_dock, real.details_dock]
    qtbot.waitUntil(lambda: real.width() == 1900)
    real.resizeDocks(docks, [300, 900], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: real.details_dock.width() == 900)
    real.close()
    settings.store.remove("window/geometry")  # as on a smaller screen
    again = open_window(root)
    assert again.width() == 1280
    qtbot.waitUntil(lambda: again.centre.width() >= 500)


def test_a_second_start_brings_the_first_window_to_the_front(qtbot, starter, root):
    starter.environment["QT_QPA_PLATFORM"] = QGuiApplication.platformName()
    with starter.running(STAY, str(root)) as first:
        assert first.stdout.readline() == "open\n"
        command = [sys.executable, "-m", "gui", str(root)]
        again = partial(subprocess.run, command, env=starter.environment, cwd=starter.folder, timeout=60)
        assert again().returncode == 0
        first.send_signal(signal.SIGTERM)
        assert first.communicate(timeout=60)[0] == "raised\n"
        assert first.returncode == 0
