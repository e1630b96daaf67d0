"""What is recorded of crashes, and how the next start knows of one.

The crash log takes unexpected errors, what Qt calls critical and, through faulthandler, the stacks of native crashes. A
window that runs holds a lock file whose name says where in the log its story begins. A clean end removes it; one whose
process is gone tells the next start that the window ended unexpectedly.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import re
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import (
    QLockFile,
    QMessageLogContext,
    QObject,
    QSocketNotifier,
    QStandardPaths,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
    qVersion,
)

from gui.tasks import Report

LOG = logging.getLogger("runshelf.window")
CRASH_LOG = "crash.log"
LARGEST = 1_000_000  # bytes; a log that has become larger is put aside at the next start
SHOWN = 200_000  # characters at most, of the end of the story
MARK = re.compile(r"running-(\d+)-(\d+)\.lock")


@dataclass(frozen=True)
class Crash:
    """What is known of windows that ended unexpectedly: what they recorded (perhaps nothing), and the log it is in.

    `processes` are the numbers that their processes had.
    """

    text: str
    log: Path
    processes: tuple[int, ...] = ()


class CrashLog:
    """The crash log and this window's mark beside it. Without a place for them the window works all the same."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / CRASH_LOG
        self._folder = folder
        self._mark: QLockFile | None = None

    def open(self) -> Crash | None:
        """Begin to record; return what windows left behind that ended unexpectedly, or None if none did."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            crash = self._left_behind()
            self._put_aside()
            stream = self.path.open("a", encoding="utf-8")
        except OSError:
            if sys.stderr is not None:
                faulthandler.enable()
            return None
        begins = stream.tell()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOG.addHandler(handler)
        faulthandler.enable(stream)
        self._mark = QLockFile(str(self._folder / f"running-{os.getpid()}-{begins}.lock"))
        self._mark.setStaleLockTime(0)
        self._mark.tryLock(0)
        return crash

    def close(self) -> None:
        """Say that this window ended as it should."""
        if self._mark is not None:
            self._mark.unlock()
            self._mark = None

    def _left_behind(self) -> Crash | None:
        begins, processes = [], []
        for file in self._folder.glob("running-*.lock"):
            parts = MARK.fullmatch(file.name)
            lock = QLockFile(str(file))
            lock.setStaleLockTime(0)
            if parts is not None and lock.tryLock(0):  # nobody holds it: its process is gone
                processes.append(int(parts.group(1)))
                begins.append(int(parts.group(2)))
                lock.unlock()
        if not begins:
            return None
        text = ""
        with suppress(OSError), self.path.open("rb") as log:
            log.seek(min(begins))
            text = log.read().decode("utf-8", errors="replace")
        return Crash(text[-SHOWN:].strip(), self.path, tuple(processes))

    def _put_aside(self) -> None:
        others = any(self._folder.glob("running-*.lock"))
        if not others and self.path.exists() and self.path.stat().st_size > LARGEST:
            self.path.replace(self.path.with_suffix(".log.1"))


def crash_folder() -> Path:
    """Return the folder of the crash log, in the user's data."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))


def record_everything() -> None:
    """Log what Qt calls critical and what fails on other threads; both still go to the terminal."""
    qInstallMessageHandler(_record_qt)
    threading.excepthook = _record_thread


def version_line() -> str:
    """Name the versions that matter most, without looking anything up."""
    from storage import VERSION

    return f"Runshelf {VERSION}, Python {platform.python_version()}, Qt {qVersion()}, {sys.platform}"


PACKAGES = (
    "scikit-learn", "chemotools", "scipy", "numpy", "pandas", "pyarrow", "sqlalchemy", "pydantic", "matplotlib",
    "joblib", "baycomp", "pyside6-essentials", "pyqtgraph",
)  # fmt: skip


def versions_text(report: Report) -> str:
    """Name the versions of everything that matters, one a line; reads files, so it runs elsewhere."""
    from importlib.metadata import PackageNotFoundError, version

    lines = [part.strip() for part in version_line().split(",")[:-1]]
    lines[0] += " (bundle)" if getattr(sys, "frozen", False) else ""
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            lines.append(f"{name} {version(name)}")
    return "\n".join([*lines, platform.platform()])


class Signals(QObject):
    """Hears Ctrl+C and the wish of the system that the program ends, also while the window is idle.

    `interrupted` is Ctrl+C, which may be answered with a question; `terminated` is not asked about.
    """

    interrupted = Signal()
    terminated = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        import signal
        import socket

        super().__init__(parent)
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)
        signal.set_wakeup_fd(self._far.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # the socket tells of it
        self._bell = QSocketNotifier(self._near.fileno(), QSocketNotifier.Type.Read, self)
        self._bell.activated.connect(self._hear)

    def close(self) -> None:
        """Hear no more."""
        import signal

        self._bell.setEnabled(False)
        signal.set_wakeup_fd(-1)
        self._near.close()
        self._far.close()

    def _hear(self) -> None:
        import signal

        with suppress(OSError):
            numbers = self._near.recv(64)
            if signal.SIGTERM in numbers:
                self.terminated.emit()
            elif signal.SIGINT in numbers:
                self.interrupted.emit()


def _record_qt(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        LOG.critical("Qt: %s", text)
    if sys.stderr is not None:  # None in a program without a console
        print(text, file=sys.stderr)


def _record_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit:
        return
    LOG.critical("unexpected, on another thread", exc_info=failed.exc_value)
    if sys.stderr is not None:
        traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback)
