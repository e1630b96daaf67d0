"""The application as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DRIVER = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui import app
from gui.dialogs import ErrorDialog
from gui.window import MainWindow

application = QApplication([])

def window():
    return next((widget for widget in application.topLevelWidgets() if isinstance(widget, MainWindow)), None)

def look():
    {look}

clock = QTimer()
clock.timeout.connect(look)
clock.start(20)
sys.exit(app.main(sys.argv[1:]))
"""
SAY_WHAT_IS_OPEN = """
    shown = window()
    if shown is not None and shown.details.details is not None:
        print(shown.windowTitle(), shown.catalog.model.rowCount(), shown.details.details.problems)
        shown.close()
    elif shown is not None and shown.catalog.model.rowCount() and not shown.selection.current:
        shown.catalog.table.selectRow(0)
"""
CRASH = """
    shown = window()
    told = shown.findChild(ErrorDialog) if shown is not None else None
    if told is None and shown is not None:
        raise ZeroDivisionError("a fault of ours")
    elif told is not None:
        print(told.problem.kind)
        told.close()
        shown.close()
"""


@pytest.fixture
def start(tmp_path):
    """Start the program with what it does while it is open; return what it printed."""

    def run(look: str, *arguments: str) -> str:
        places = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
        environment = {**os.environ, **places, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", DRIVER.format(look=look), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_opens_the_workspace_named_and_the_same_one_next_time(start, root):
    assert start(SAY_WHAT_IS_OPEN, str(root)) == "workspace — Runshelf 41 []\n"
    assert start(SAY_WHAT_IS_OPEN) == "workspace — Runshelf 41 []\n"


def test_a_fault_of_ours_is_told_and_logged_and_the_window_lives_on(start, tmp_path):
    assert start(CRASH) == "bug\n"
    (log,) = (tmp_path / "XDG_DATA_HOME").rglob("crash.log")
    assert "ZeroDivisionError: a fault of ours" in log.read_text(encoding="utf-8")
