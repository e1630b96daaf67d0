"""The way off the GUI thread and back."""

import builtins
import gc
import sys
import threading
import weakref

import pytest
from PySide6.QtCore import QObject, QTimer, Signal

from gui.tasks import Tasks, problem_from
from storage import Cancelled, QueryError, ReadOnly


@pytest.fixture
def tasks(qtbot):
    made = Tasks()
    yield made
    made.close()


def test_work_runs_elsewhere_and_comes_back_here(qtbot, tasks):
    answers = []
    tasks.start(
        lambda report: threading.current_thread().name,
        lambda value: answers.append((value, threading.current_thread())),
    )
    qtbot.waitUntil(lambda: bool(answers))
    assert answers[0][0].startswith("runshelf-side")
    assert answers[0][1] is threading.main_thread()


def test_every_line_of_a_log_arrives_before_the_end(qtbot, tasks):
    seen: list[str] = []
    ended: list[list[str]] = []

    def work(report):
        for number in range(500):  # far more than ten updates a second
            report(number, 500, f"line {number}")

    tasks.start(work, lambda _: ended.append(list(seen)), progress=lambda progress: seen.extend(progress.lines))
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == [[f"line {number}" for number in range(500)]]


def test_stopping_raises_cancelled_in_the_work_and_tells_so(qtbot, tasks):
    begun = threading.Event()
    told = []

    def work(report):
        begun.set()
        while True:
            report(0, 1, "")

    task = tasks.start(work, failed=told.append)
    assert begun.wait(5)
    task.stop()
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].kind == "cancelled"


def test_a_dropped_task_never_calls_back(qtbot, tasks):
    go, called = threading.Event(), []
    task = tasks.start(lambda report: go.wait(5), called.append, called.append)
    tasks.drop(task)
    go.set()
    done = []
    tasks.start(lambda report: None, done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert called == []
    assert tasks.active == 0


def test_errors_are_told_as_what_they_are():
    known = problem_from(ReadOnly("Could not save.", "/place", "Check who owns it."))
    assert (known.kind, known.what, known.advice) == ("known", "Could not save.", "Check who owns it.")
    assert "/place" in known.details
    wrong_word = problem_from(QueryError("There is no column 'x'.", 4, 1))
    assert (wrong_word.position, wrong_word.length) == (4, 1)
    assert problem_from(Cancelled()).kind == "cancelled"
    bug = problem_from(ZeroDivisionError("oops"))
    assert bug.kind == "bug"
    assert "oops" in bug.details


class Sender(QObject):
    happened = Signal(bool)


def test_emitting_a_signal_keeps_the_references_to_true(qtbot):
    # PySide6 6.12.0 on Python 3.11 loses one with each emit, and the process ends after some hundred.
    sender = Sender()
    sender.happened.connect(lambda value: None)
    before = sys.getrefcount(True)
    for _ in range(2000):
        sender.happened.emit(True)
    assert abs(sys.getrefcount(True) - before) < 1000


def test_two_threads_may_import_at_once():
    assert "feature" not in builtins.__import__.__name__  # PySide's own import lets one see half a module


class Circle(QObject):
    """Refers to itself, so that only the garbage collector frees it."""

    def __init__(self) -> None:
        super().__init__()
        self.own = self
        self.clock = QTimer(self)
        self.clock.start(60_000)


def test_no_qt_object_is_freed_on_the_thread_of_a_worker(qtbot, tasks):
    freed: list[str] = []
    gc.collect()
    circle = Circle()
    weakref.finalize(circle, lambda: freed.append(threading.current_thread().name))
    del circle

    def busy(report):
        for _ in range(50):  # far more new objects than Python waits for before it collects
            [[] for _ in range(10_000)]
        return threading.current_thread().name

    with qtbot.waitSignal(tasks.active_changed):
        tasks.start(busy)
    qtbot.waitUntil(lambda: tasks.active == 0)
    gc.collect()
    assert freed == [threading.main_thread().name]


def test_python_collects_by_itself_again_when_the_last_window_is_gone(qtbot):
    first, second = Tasks(), Tasks()
    assert not gc.isenabled()
    first.close()
    assert not gc.isenabled()
    second.close()
    assert gc.isenabled()
