"""The guards of the other tests do notice what they are there for."""

import threading
import time
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from gui.welcome import look_for
from gui.widgets import EmptyState
from tests.gui.guards import Watchdog, watched_files, workers


def careless(path: str) -> bool:
    """Touch a file out of the window: a plain function of ours that Qt calls."""
    return look_for([path], lambda *_: None)[0]


def test_files_touched_by_what_qt_calls_are_noticed(qtbot, tmp_path):
    page = EmptyState("", "")
    qtbot.addWidget(page)
    page.offer("Look", partial(look_for, [str(tmp_path)], print))
    button = page.findChildren(type(page.offer("Other", print)))[0]
    with watched_files() as touched:
        QTimer.singleShot(0, button.click)
        qtbot.waitUntil(lambda: bool(touched))
    assert "stat" in touched[0]
    assert "welcome.py" in touched[0]


def test_what_a_test_does_itself_and_what_other_threads_do_is_not_counted(tmp_path):
    with watched_files() as touched:
        Path(tmp_path, "file").write_text("by the test")
        assert not careless(str(tmp_path))
        thread = threading.Thread(target=look_for, args=([str(tmp_path)], print))
        thread.start()
        thread.join()
    assert touched == []


def test_work_on_the_event_loop_is_measured_and_waiting_is_not(qtbot, watchdog: Watchdog):
    if not watchdog.works:
        pytest.skip("not the event loop of GLib")
    done: list[bool] = []

    def compute() -> None:
        end = time.thread_time() + 0.08
        while time.thread_time() < end:
            pass
        done.append(True)

    watchdog.longest = 0.0
    QTimer.singleShot(200, lambda: done.append(False))
    qtbot.waitUntil(lambda: bool(done))
    assert watchdog.longest < 0.05
    QTimer.singleShot(0, compute)
    qtbot.waitUntil(lambda: len(done) == 2)
    assert watchdog.longest >= 0.08


def test_threads_are_noticed():
    before, over = workers(), threading.Event()
    thread = threading.Thread(target=over.wait, name="forgotten")
    thread.start()
    assert any(name.startswith("forgotten") for name in workers() - before)
    over.set()
    thread.join()
    assert workers() == before
