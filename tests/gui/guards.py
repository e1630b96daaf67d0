"""What watches every test of the window: files its thread touches, work that holds it up, threads that outlive it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from PySide6.QtCore import QAbstractEventDispatcher

TESTS = str(Path(__file__).resolve().parents[1])
GUI = str(Path(__file__).resolve().parents[2] / "gui")
STORAGE = str(Path(__file__).resolve().parents[2] / "storage")
MAIN = threading.main_thread().ident
FILE_EVENTS = frozenset(
    (
        "open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link",
        "os.symlink", "os.chmod", "os.utime", "os.system", "os.posix_spawn", "shutil.copyfile", "shutil.rmtree",
        "sqlite3.connect", "subprocess.Popen", "socket.connect", "socket.getaddrinfo", "glob.glob",
    )
)  # fmt: skip
# What the window's own thread may read, and why. Imports are let through as well: a module is read once.
ALLOWED = {
    ("theme.py", "_tinted"): "an icon that ships with Runshelf, at its first use",
    ("theme.py", "_sheet"): "where the shipped pictures of the style sheet lie",
    ("crash.py", "open"): "at the start, before there is a window",
    ("crash.py", "_left_behind"): "at the start, before there is a window",
    ("crash.py", "_put_aside"): "at the start, before there is a window",
}
IDLE_S = 0.005  # of the work in `slowness`, on an idle core as the limit is meant for
_records: list[list[str]] = []  # of the tests that run now; empty while nobody watches
_inside = threading.local()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _records and event in FILE_EVENTS and threading.get_ident() == MAIN:
        _note(event, arguments[0] if arguments else "", sys._getframe(1))


def _note(event: str, what: object, frame: FrameType) -> None:
    if getattr(_inside, "noting", False):
        return
    _inside.noting = True
    try:
        place = _place_in_the_window(frame)
        if place:
            _records[-1].append(f"{event} {what!r} by {place}")
    finally:
        _inside.noting = False


def _place_in_the_window(frame: FrameType | None) -> str:
    """Return where in the window's code this happens, or "" when it is none of it.

    It is a test's own work when the test called a plain function of `gui` that is meant for another thread: then no
    object of the window is on the way, and the test is right behind it.
    """
    places, objects = [], False
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith("<frozen importlib"):
            return ""
        if file.startswith(TESTS):
            return " < ".join(places) if places and objects else ""
        if file.startswith(GUI):
            if (os.path.basename(file), name) in ALLOWED:
                return ""
            places.append(f"gui{file[len(GUI) :]}:{frame.f_lineno} {name}")
            objects = objects or "self" in frame.f_locals
        elif places and not file.startswith(STORAGE):
            break  # called by Qt
        frame = frame.f_back
    return " < ".join(places)


def _watched(original: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    """Make a way to look at a file that is seen, as Python has no audit event for it."""

    def look(path: object, *arguments: object, **options: object) -> os.stat_result:
        if _records and threading.get_ident() == MAIN:
            _note(original.__name__, path, sys._getframe(1))
        return original(path, *arguments, **options)

    return look


_looks = {name: getattr(os, name) for name in ("stat", "lstat")}
sys.addaudithook(_audit)


@contextmanager
def watched_files() -> Iterator[list[str]]:
    """Record which files the window's own thread touches."""
    record: list[str] = []
    _records.append(record)
    for name, original in _looks.items():
        setattr(os, name, _watched(original))
    try:
        yield record
    finally:
        _records.remove(record)
        for name, original in _looks.items():
            setattr(os, name, original)


@contextmanager
def unwatched() -> Iterator[None]:
    """For what a test prepares itself: looking at who touches each file takes longer than copying it."""
    _inside.noting = True
    try:
        yield
    finally:
        _inside.noting = False


class Watchdog:
    """Measures how long pieces of work on the event loop compute: what stands between two looks for input.

    Computing time of this thread counts, so that other programs on the machine don't. Works with the event loop of
    GLib, which is Qt's on Linux.
    """

    def __init__(self) -> None:
        self.longest = 0.0  # seconds, since the last reset
        self._began: float | None = None
        self._dispatcher = QAbstractEventDispatcher.instance()
        self.works = "Glib" in self._dispatcher.metaObject().className()
        if self.works:
            self._dispatcher.aboutToBlock.connect(self._begin)
            self._dispatcher.awake.connect(self._end)

    def close(self) -> None:
        """Stop measuring."""
        if self.works:
            self._dispatcher.aboutToBlock.disconnect(self._begin)
            self._dispatcher.awake.disconnect(self._end)

    def _begin(self) -> None:
        self._began = time.thread_time()

    def _end(self) -> None:
        if self._began is not None:
            self.longest = max(self.longest, time.thread_time() - self._began)
            self._began = None


def slowness() -> float:
    """How many times slower this machine computes at the moment than when nothing else runs on it; at least 1.

    What shares a core with others computes half as fast: then 50 ms of ours take 100.
    """
    times = []
    for _ in range(3):
        start, found = time.thread_time(), {}
        for number in range(40_000):
            found[number % 997] = str(number)
        times.append(time.thread_time() - start)
    return max(1.0, min(times) / IDLE_S)


def workers() -> set[str]:
    """Name the threads and processes that are there besides the one of the tests."""
    threads = {f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if not thread.daemon}
    children = {f"process {child.pid}" for child in multiprocessing.active_children()}
    return threads | children | _qt_threads()


def _qt_threads() -> set[str]:
    """Name the threads that a QThread started; only Linux tells. Those of Qt's own pool are not ours."""
    found = set()
    for task in Path("/proc/self/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:  # ended meanwhile
            continue
        if name == "QThread":
            found.add(f"{name} ({task.name})")
    return found
