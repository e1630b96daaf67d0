"""The one way off the GUI thread and back onto it.

Work is a plain `fn(report)` that knows nothing of Qt. Its result, its progress and its error travel back through a
queue and a socket, so no Qt object is ever touched, kept alive or destroyed by a worker thread. The callbacks wait
on the GUI thread under a number.
"""

from __future__ import annotations

import builtins
import itertools
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal

from gui.formats import tr
from gui.garbage import garbage
from storage import Cancelled, QueryError, StorageError

# PySide puts an import of its own in place of Python's, for a feature not used here. It reads the source of whatever is
# imported, and when two threads import at once one may find a module half made: one start in ten failed by it.
builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)

T = TypeVar("T")
Report = Callable[[int, int, str], None]
SECONDS_BETWEEN_REPORTS = 0.1  # at most ten updates a second reach the window
TURN_S = 0.01  # after which further results wait for the next turn of the event loop


@dataclass(frozen=True)
class Problem:
    """An error as a person is told of it: what happened, what to do now, and the details to copy.

    `kind` is "known" for something the environment did, "cancelled" for a wish of the user, "bug" for our own fault.
    `position` and `length` name the offending characters when a filter expression is wrong, else `position` is -1.
    """

    what: str
    advice: str
    details: str
    kind: Literal["known", "cancelled", "bug"]
    position: int = -1
    length: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is; `lines` are the texts reported since the last one, none is left out."""

    done: int
    total: int
    lines: tuple[str, ...]


def problem_from(error: BaseException) -> Problem:
    """Translate any exception into a Problem; the only place where that is done."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, Cancelled):
        return Problem(error.what, error.advice, details, "cancelled")
    if isinstance(error, QueryError):
        return Problem(error.what, error.advice, details, "known", error.position, error.length)
    if isinstance(error, StorageError):
        place = f"{error.path}\n\n" if error.path is not None else ""
        return Problem(error.what, _in_the_window(error.advice), place + details, "known")
    return Problem(
        "Runshelf made a mistake it did not expect.",
        "What was saved before is safe. Copy the details and report them, then try again.",
        details,
        "bug",
    )


def _in_the_window(advice: str) -> str:
    """Say what to do here, where an advice names a command of the shell."""
    if "runshelf " not in advice and not advice.endswith("with: search."):
        return advice
    instead = (
        ("runshelf init", tr("Open another folder, or make a workspace: New workspace, Ctrl+Shift+N.")),
        ("runshelf check --deep", tr("Check the workspace deeply: Workspace, Check deeply.")),
        ("runshelf check", tr("Check the workspace and repair it: Workspace, Check the workspace.")),
        ("runshelf trash", tr("Look in the trash: Workspace, Show the trash.")),
        ("runshelf runs", tr("Look for it among the runs, Ctrl+1.")),
        ("search.", tr("Look for it in the catalog, Ctrl+2.")),
    )
    return next((words for command, words in instead if command in advice), advice)


def workers(count: int, name: str) -> ThreadPoolExecutor:
    """Return a pool whose threads are there already.

    Starting a thread waits for it to run, which while another one is at work took up to 0.4 s of the GUI thread.
    """
    pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
    together = threading.Barrier(count + 1)
    for _ in range(count):
        pool.submit(together.wait)
    together.wait()
    return pool


@dataclass(frozen=True)
class _Letter:
    """What a worker sends home: progress, or the end with a value or a problem."""

    number: int
    progress: Progress | None = None
    value: Any = None
    problem: Problem | None = None


class _Channel:
    """A queue with a bell that the event loop hears; plain Python, safe from any thread."""

    def __init__(self) -> None:
        self._letters: SimpleQueue[_Letter] = SimpleQueue()
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        return self._near.fileno()

    def send(self, letter: _Letter) -> None:
        self._letters.put(letter)
        with suppress(OSError):  # full: the bell rings already; closed: nobody listens any more
            self._far.send(b"!")

    def receive(self) -> list[_Letter]:
        with suppress(OSError):
            while self._near.recv(4096):
                pass
        letters = []
        with suppress(Empty):
            while True:
                letters.append(self._letters.get_nowait())
        return letters

    def close(self) -> None:
        self._near.close()
        self._far.close()


class _Reporter:
    """The `report` given to work: raises Cancelled when asked to stop, and thins the updates out."""

    def __init__(self, number: int, channel: _Channel, stop: threading.Event) -> None:
        self._number, self._channel, self._stop = number, channel, stop
        self._last = 0.0
        self._lines: list[str] = []
        self._said = ""
        self._state = (0, 0)

    def __call__(self, done: int, total: int, text: str) -> None:
        self._state = (done, total)
        if text and text != self._said:  # work repeats its last words just to be asked whether to stop
            self._said = text
            self._lines.append(text)
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_REPORTS:
            self._last = now if total or text else self._last  # what only says that it began delays nothing
            self.flush()
        if self._stop.is_set():
            raise Cancelled()

    def flush(self) -> None:
        """Send what has gathered, so that the last lines of a log arrive before its end."""
        lines, self._lines = tuple(self._lines), []
        self._channel.send(_Letter(self._number, progress=Progress(*self._state, lines)))


def _work(number: int, fn: Callable[[Report], Any], channel: _Channel, stop: threading.Event) -> None:
    """Run `fn` on a worker thread and send home how it ended."""
    report = _Reporter(number, channel, stop)
    try:
        letter = _Letter(number, value=fn(report))
    except Exception as error:  # every error crosses here, once, and is told in the window
        letter = _Letter(number, problem=problem_from(error))
    report.flush()
    channel.send(letter)


@dataclass
class Task:
    """A piece of work under way, seen from the GUI thread."""

    number: int
    stopping: threading.Event
    quiet: bool
    done: Callable[[Any], None] | None
    failed: Callable[[Problem], None] | None
    progress: Callable[[Progress], None] | None
    future: Future[None] | None = None

    def stop(self) -> None:
        """Ask the work to stop; its end is still reported."""
        self.stopping.set()


class Tasks(QObject):
    """Starts work on other threads and calls back on this one.

    `active_changed` tells that the number of tasks somebody waits for (`active`) changed; quiet ones don't count.
    `calmed` tells that nothing is under way any more, not even what is quiet.
    """

    active_changed = Signal()
    calmed = Signal()
    unhandled = Signal(object)  # a Problem for which no `failed` was given

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        garbage.hold()
        self._channel = _Channel()
        self._waiting: dict[int, Task] = {}
        self._numbers = itertools.count(1)
        self._side = workers(2, "runshelf-side")
        self._letters: deque[_Letter] = deque()
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self._deliver)
        self._bell = QSocketNotifier(self._channel.fileno(), QSocketNotifier.Type.Read, self)
        self._bell.activated.connect(self._collect)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, not even what is quiet."""
        return not self._waiting

    @property
    def active(self) -> int:
        """How many tasks somebody is waiting for."""
        return sum(not task.quiet for task in self._waiting.values())

    def start(
        self,
        fn: Callable[[Report], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[Problem], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        *,
        executor: Executor | None = None,
        quiet: bool = False,
    ) -> Task:
        """Run `fn(report)` elsewhere and call `done(value)` or `failed(problem)` here, exactly one of them.

        `fn` must not hold any Qt object. Without `executor` it runs beside the workspace, in a small pool.
        """
        task = Task(next(self._numbers), threading.Event(), quiet, done, failed, progress)
        self._waiting[task.number] = task
        pool = executor or self._side
        task.future = pool.submit(_work, task.number, fn, self._channel, task.stopping)
        if not quiet:
            self.active_changed.emit()
        return task

    def drop(self, task: Task) -> None:
        """Forget a task: it is asked to stop, and neither `done` nor `failed` will be called."""
        task.stop()
        if task.future is not None:
            task.future.cancel()
        if self._waiting.pop(task.number, None) is None:
            return
        if not task.quiet:
            self.active_changed.emit()
        if self.idle:
            self.calmed.emit()

    def drop_number(self, number: int) -> None:
        """Drop the task of this number, if it has not ended."""
        if number in self._waiting:
            self.drop(self._waiting[number])

    def close(self) -> None:
        """Drop everything, wait for the threads to end and hang up."""
        for task in list(self._waiting.values()):
            self.drop(task)
        self._side.shutdown(wait=True, cancel_futures=True)
        self._bell.setEnabled(False)
        self._more.stop()
        self._channel.close()
        garbage.release()

    def _collect(self) -> None:
        self._letters.extend(self._channel.receive())
        self._deliver()

    def _deliver(self) -> None:
        """Deliver what has come, in the order it came, as far as a turn of the event loop has time for."""
        until = time.monotonic() + TURN_S
        while self._letters and time.monotonic() < until:
            letter = self._letters.popleft()
            task = self._waiting.get(letter.number)
            if task is None:
                continue  # dropped meanwhile
            if letter.progress is None:
                self._finish(task, letter)
            elif task.progress is not None:
                task.progress(letter.progress)
        if self._letters:
            self._more.start()

    def _finish(self, task: Task, letter: _Letter) -> None:
        del self._waiting[task.number]
        if not task.quiet:
            self.active_changed.emit()
        try:
            if letter.problem is None:
                if task.done is not None:
                    task.done(letter.value)
            elif task.failed is not None:
                task.failed(letter.problem)
            elif letter.problem.kind != "cancelled":
                self.unhandled.emit(letter.problem)
        except Exception:  # one broken reply must not swallow the ones behind it
            sys.excepthook(*sys.exc_info())
        if self.idle:
            self.calmed.emit()
