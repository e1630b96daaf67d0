"""One window per workspace: whoever wants to open one that is open already gets the window that has it.

A lock file says that a workspace has a window, a local socket asks that window to come to the front. Both lie in a
folder of the user's own, named after the real path of the workspace. A lock or a socket left by a killed process is
taken over. Where there can be neither, or where the other window doesn't answer, the workspace opens all the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEventLoop, QLockFile, QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from gui.tasks import Report, Task, Tasks

ANSWER_MS = 2000  # a window that is alive answers at once; one that hangs is not waited for
RETRY_MS = 50
PATH_SECONDS = 1.0  # to find out where a path leads; a network folder that hangs must not hold up the start
SHOWN = b"shown\n"
TOKENS = ("XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID")


@dataclass
class Claim:
    """The right to show a workspace, or the news that another window has it (`taken`); plain, so that work may hold it.

    `address` is where that window listens, empty where the system offers no place for it.
    """

    address: str
    lock: QLockFile | None = field(default=None, repr=False)
    taken: bool = False

    def release(self) -> None:
        """Let others show the workspace."""
        if self.lock is not None:
            self.lock.unlock()
            self.lock = None


def claim(path: Path, report: Report | None = None) -> Claim:
    """Claim a workspace for a window of this process; looks at the disk, so it runs on another thread."""
    folder = _own_folder()
    if folder is None:
        return Claim("")
    key = _key(path)
    lock = QLockFile(str(folder / f"{key}.lock"))
    lock.setStaleLockTime(0)  # only a lock of a dead process is stale, however old it is
    if lock.tryLock(0):
        return Claim(_address(folder, key), lock)
    return Claim(_address(folder, key), taken=lock.error() == QLockFile.LockError.LockFailedError)


def raise_other(path: Path) -> bool:
    """Bring the window that has this workspace to the front and return True, or False if there is none.

    For the start, before there is a window; waits at most some seconds, and only for a window that hangs.
    """
    found: list[str] = []

    def look() -> None:
        folder = _own_folder()
        if folder is not None:
            found.append(_address(folder, _key(path)))

    looking = threading.Thread(target=look, name="runshelf-path", daemon=True)
    looking.start()
    looking.join(PATH_SECONDS)
    if not found:
        return False
    loop = QEventLoop()
    answers: list[bool] = []

    def hear(answer: bool) -> None:
        answers.append(answer)
        loop.quit()

    knock = Knock(found[0], hear)
    if not answers:
        loop.exec()
    knock.deleteLater()
    return answers[0]


class Knock(QObject):
    """Asks the window behind an address to come to the front; `hear(True)` once it says so, else `hear(False)`.

    With `patient` an address where nobody listens yet is tried again: its window is just starting.
    """

    def __init__(
        self, address: str, hear: Callable[[bool], None], parent: QObject | None = None, *, patient: bool = False
    ) -> None:
        super().__init__(parent)
        self._address, self._hear, self._patient = address, hear, patient
        self._over = False
        self._deadline = QTimer(self)
        self._deadline.setSingleShot(True)
        self._deadline.setInterval(ANSWER_MS)
        self._deadline.timeout.connect(partial(self._end, False))
        self._deadline.start()
        self._socket = QLocalSocket(self)
        self._socket.connected.connect(self._ask)
        self._socket.readyRead.connect(self._listen)
        self._socket.errorOccurred.connect(self._fail)
        self._try()

    def _try(self) -> None:
        if not self._over:
            self._socket.connectToServer(self._address)

    def _ask(self) -> None:
        token = next((os.environ[name] for name in TOKENS if os.environ.get(name)), "")
        self._socket.write(f"show {token}\n".encode())

    def _listen(self) -> None:
        if self._socket.canReadLine():
            self._end(self._socket.readLine().data() == SHOWN)

    def _fail(self, _error: object) -> None:
        if self._patient and not self._over:
            QTimer.singleShot(RETRY_MS, self, self._try)
        else:
            self._end(False)

    def _end(self, answer: bool) -> None:
        if self._over:
            return
        self._over = True
        self._deadline.stop()
        self._socket.abort()
        self._hear(answer)


class _Post(QObject):
    """A claim that is kept, and the ear at its address; `asked` is emitted with the token that lets a window rise."""

    asked = Signal(str)

    def __init__(self, kept: Claim, parent: QObject) -> None:
        super().__init__(parent)
        self.claim = kept
        self._server = QLocalServer(self)
        self._server.newConnection.connect(self._receive)
        if kept.address and kept.lock is not None:
            QLocalServer.removeServer(kept.address)  # left by a killed process: the lock is ours
            self._server.listen(kept.address)

    def leave(self) -> None:
        """Let others have the workspace."""
        self._server.close()
        self.claim.release()
        self.deleteLater()

    def _receive(self) -> None:
        while (visitor := self._server.nextPendingConnection()) is not None:
            visitor.readyRead.connect(partial(self._answer, visitor))
            visitor.disconnected.connect(visitor.deleteLater)
            self._answer(visitor)

    def _answer(self, visitor: QLocalSocket) -> None:
        if not visitor.canReadLine():
            return
        word, _, token = bytes(visitor.readLine().data()).decode(errors="replace").strip().partition(" ")
        if word == "show":
            self.asked.emit(token)
            visitor.write(SHOWN)
            visitor.disconnectFromServer()


class OneWindow(QObject):
    """The claims of one window: on the workspace it shows, and on the one it is about to open.

    `wanted` is emitted when somebody else wanted to open one of them: come to the front.
    """

    wanted = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._held: _Post | None = None
        self._coming: _Post | None = None
        self._asking: Task | None = None
        self._knock: Knock | None = None

    def enter(self, path: Path, go: Callable[[], object], elsewhere: Callable[[], object]) -> None:
        """Call `go` when this window may open the workspace, or `elsewhere` when another one has it and was raised."""
        self.withdraw()

        def decide(made: Claim) -> None:
            self._asking = None
            if made.address and self._held is not None and made.address == self._held.claim.address:
                go()  # it is open here already, and may be opened anew
            elif made.taken:
                self._knock = Knock(made.address, partial(self._heard, go, elsewhere), self, patient=True)
            else:
                self._coming = _Post(made, self)
                self._coming.asked.connect(self._rise)
                go()

        self._asking = self._tasks.start(partial(claim, path), decide, quiet=True)

    def settle(self) -> None:
        """A workspace is open: keep the claim on it, and let go of the one before."""
        if self._coming is not None:
            self.leave()
            self._held, self._coming = self._coming, None

    def withdraw(self) -> None:
        """The workspace entered will not be opened."""
        if self._asking is not None:
            self._tasks.drop(self._asking)
            self._asking = None
        if self._knock is not None:
            self._knock.deleteLater()
            self._knock = None
        if self._coming is not None:
            self._coming.leave()
            self._coming = None

    def leave(self) -> None:
        """The workspace shown is closed: others may have it."""
        if self._held is not None:
            self._held.leave()
            self._held = None

    def close(self) -> None:
        """Let go of everything."""
        self.withdraw()
        self.leave()

    def _heard(self, go: Callable[[], object], elsewhere: Callable[[], object], answer: bool) -> None:
        if self._knock is not None:
            self._knock.deleteLater()
            self._knock = None
        (elsewhere if answer else go)()

    def _rise(self, token: str) -> None:
        if token:
            os.environ[TOKENS[0]] = token  # with it, Wayland lets this window come to the front
        self.wanted.emit()


def _key(path: Path) -> str:
    real = os.path.normcase(os.path.realpath(path))
    return hashlib.sha256(real.encode(errors="surrogateescape")).hexdigest()[:20]


def _address(folder: Path, key: str) -> str:
    if sys.platform == "win32":  # a named pipe, which lies in no folder
        return f"runshelf-{os.getlogin()}-{key}"
    return str(folder / f"{key}.socket")


def _own_folder() -> Path | None:
    """Return a folder that only this user can write to, made at need; None if there is none."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    places = [Path(given) / "runshelf"] if given else []
    places.append(Path(tempfile.gettempdir()) / (f"runshelf-{os.getuid()}" if sys.platform != "win32" else "runshelf"))
    return next((folder for folder in places if _made_ours(folder)), None)


def _made_ours(folder: Path) -> bool:
    """Whether a folder is there, made at need, and belongs to this user alone."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError:
        return False
    if sys.platform == "win32":
        return True  # the temporary folder there is the user's own
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022
