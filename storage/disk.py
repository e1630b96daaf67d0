"""The only module that changes files.

Write order everywhere: the new bytes go to a staging file, are synced, take their final name by rename, and the
folder is synced. A reader therefore finds the old file or the new one, never a part of one. A `Disk` refuses every
path outside its workspace. Unfinished writes lie in `.staging/<writer>/`; the folder of a writer that is dead is
swept at the next open.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from storage.errors import BadInput, Exists, Locked, NotFound, ReadOnly, StorageError, from_os_error, os_errors
from storage.reading import is_plain_file, read_bytes, read_pieces

NOTE = "plan-"  # notes of the journal in staging; the next open finishes what they say
UPDATE = "Update Runshelf to change it."  # what a newer one made
LOCK_TIMEOUT = 300.0  # seconds a writer waits for another: as long as tagging a million results may take
_FOLDER_MODE = 0o777  # the umask decides, as for any file the user makes
_FILE_MODE = 0o666
_PRIVATE_MODE = 0o600
_NO_LINK = "Take the link away, and open the workspace again."
_NOBODY_KNOWN = "another program"
_WRITER_LOCK = re.compile(r".+-[0-9]+-[0-9a-f]{8}\.lock")
Life = Literal["alive", "dead", "unknown"]


def write_atomic(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a whole file outside a workspace: it is there complete and synced, or not at all.

    With `private` it is for its owner alone.
    """
    with os_errors(f"save {path.name}", path):
        _make_folders(path.parent)
        staged = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            _write_synced(staged, data, _PRIVATE_MODE if private else _FILE_MODE)
            os.replace(staged, path)
        except BaseException:
            discard(staged)
            raise
        _sync_folder(path.parent)


def write_new_private(path: Path, data: bytes) -> bool:
    """Write a file for its owner alone, outside a workspace, unless there is one; False if so. Synced, or not there."""
    with os_errors(f"save {path.name}", path):
        _make_folders(path.parent)
        staged = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            _write_synced(staged, data, _PRIVATE_MODE)
            if not _link_new(staged, path):
                return False
        finally:
            discard(staged)
        _sync_folder(path.parent)
        return True


@contextmanager
def outside_lock(path: Path, timeout: float = 30.0) -> Iterator[None]:
    """Hold a lock file outside a workspace against other threads and processes. Raises Locked, ReadOnly."""
    with os_errors(f"lock {path.name}", path):
        _make_folders(path.parent)
        lock = _file_lock(path, timeout)
        try:
            lock.acquire()
        except Timeout as error:
            raise Locked(
                f"{_owner_of(path)} has held {path} for {timeout:.0f} s.", path, "Wait for it to finish."
            ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replaced_file(path: Path, new: bool = False, *, create: bool = False) -> Iterator[IO[bytes]]:
    """Write a large file outside a workspace, in pieces: it takes its name when all is written, or not at all.

    With `new` it never takes the place of another: Exists. With `create` the folder is made if it isn't there.
    """
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with os_errors(f"save {path.name}", path):
        if create:
            _make_folders(path.parent)
        try:
            with staged.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if not new:
                os.replace(staged, path)
            elif not _link_new(staged, path):
                raise Exists(f"{path} exists already.", path, "Choose another name.")
        finally:
            discard(staged)
        _sync_folder(path.parent)


@contextmanager
def temporary_copies(paths: Iterable[Path]) -> Iterator[Path]:
    """Copies of files in a folder of the system's own for such things, which is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="runshelf-") as folder:
        for path in paths:
            with os_errors(f"copy {path.name}", path), open(Path(folder) / path.name, "xb") as file:
                for piece in read_pieces(path, "file"):
                    file.write(piece)
        yield Path(folder)


@contextmanager
def new_folder(path: Path) -> Iterator[Draft]:
    """Fill a folder outside a workspace: it is there when the block ends, complete and synced, or not at all.

    Folders above it are made. Raises Exists.
    """
    with os_errors(f"make the folder {path}", path):
        _make_folders(path.parent)
    with _draft_at(path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:8]}.tmp")) as draft:
        yield draft
        draft.place(path)


@dataclass(frozen=True)
class Written:
    """A file as it was written: its sha256 and size."""

    sha256: str
    bytes: int


class Draft:
    """A folder that is being written aside, in pieces and without holding them in memory; it is removed if not placed.

    `files` are what was written, by path below the folder with "/" between the names.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Written] = {}
        self._synced: set[str] = set()

    def write(self, name: str, data: bytes) -> None:
        """Add a file with these bytes."""
        self.fill(name, (data,))

    def copy(self, name: str, source: Path, piece_done: Callable[[int], None] | None = None) -> Written:
        """Add a copy of a file; `piece_done` is told the size of every piece. Raises what `read_pieces` does."""

        def pieces() -> Iterator[bytes]:
            for piece in read_pieces(source, "file"):
                yield piece
                if piece_done is not None:
                    piece_done(len(piece))

        return self.fill(name, pieces())

    def fill(self, name: str, pieces: Iterable[bytes]) -> Written:
        """Add a file from pieces; returns what was written. Raises Exists when a file has that name."""
        path = self._inside(name)
        digest, size = hashlib.sha256(), 0
        with os_errors(f"write {name}", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
        self.files[name] = Written(digest.hexdigest(), size)
        return self.files[name]

    def make_folder(self, name: str) -> None:
        """Add an empty folder, where there is none."""
        path = self._inside(name)
        with os_errors(f"make the folder {name}", path):
            path.mkdir(parents=True, exist_ok=True)

    def discard(self, name: str) -> None:
        """Take a folder out again with all that was written below it."""
        shutil.rmtree(self._inside(name), ignore_errors=True)
        self.files = {path: file for path, file in self.files.items() if not path.startswith(f"{name}/")}

    def sync(self) -> None:
        """Make durable what was written until now. Later than the writing, for then the disk can do it at one go."""
        with os_errors("save the folder", self.folder):
            for name in self.files.keys() - self._synced:
                _sync_file(self.folder / name)
                self._synced.add(name)
            for place, _, _ in os.walk(self.folder):
                _sync_folder(Path(place))

    def place(self, path: Path) -> None:
        """Give the folder its name, complete and synced. Raises Exists where something stands."""
        self.sync()
        with os_errors(f"make the folder {path.name}", path):
            if os.path.lexists(path):
                raise Exists(f"{path.name} exists already.", path, "Choose another name.")
            os.rename(self.folder, path)
            _sync_folder(path.parent)

    def _inside(self, name: str) -> Path:
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts) or Path(name).is_absolute() or "\0" in name:
            raise BadInput(f"{name!r} is no name of a file in a folder.", self.folder, "Use a plain name.")
        return self.folder.joinpath(*parts)


@contextmanager
def _draft_at(folder: Path) -> Iterator[Draft]:
    with os_errors(f"make the folder {folder.name}", folder):
        os.mkdir(folder, _FOLDER_MODE)
    try:
        yield Draft(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # of one that was placed nothing lies there any more


class Disk:
    """Every change to the files of one workspace; safe to share between threads.

    `writer` names this object among all writers of all processes. It is alive as long as its lock file is held,
    which the operating system ends with the process, however it ends. With `is_own`, which says whether what lies at
    the root is the workspace that was opened there, nothing is written to what may have come in its place. `look` is
    asked before every change, and calls `only_read` where there is to be none any more.
    """

    def __init__(
        self,
        root: Path,
        staging: Path,
        read_only: bool = False,
        is_own: Callable[[], bool] | None = None,
        look: Callable[[], None] | None = None,
    ) -> None:
        self.root = Path(os.path.realpath(root))
        self.read_only = read_only
        self._way_out = "Open it for writing, or copy it elsewhere."
        self._is_own, self._look = is_own, look
        self._known = _identity(self.root)
        self.writer = f"{writer_prefix(os.getpid())}{uuid.uuid4().hex[:8]}"
        self._staging = staging
        self.patience = LOCK_TIMEOUT
        self._own_lock: FileLock | None = None
        self._own_file: tuple[int, tuple[int, int]] | None = None  # its number among open files, and which it is
        self._locks: dict[str, tuple[threading.RLock, FileLock]] = {}
        self._guard = threading.Lock()

    def only_read(self, way_out: str) -> None:
        """Write nothing from now on; `way_out` tells whoever wants to what would help."""
        self.read_only, self._way_out = True, way_out

    # ------------------------------------------------------------ life of the writer

    def open(self) -> None:
        """Announce this writer: make its staging folder and hold its lock."""
        self._check_inside(self._staging / self.writer)  # sweeping must not follow a link to somewhere else
        with os_errors("open the workspace for writing", self.root):
            self._staging.mkdir(exist_ok=True)
        with self.lock("writers"), os_errors("open the workspace for writing", self.root):
            lock = _file_lock(self._writer_lock(self.writer), timeout=0, on_acquired=self._remember)
            lock.acquire()
            self._own_lock = lock
            (self._staging / self.writer).mkdir()

    def close(self) -> None:
        """Withdraw this writer; what it left unfinished is removed."""
        if self._own_lock is None:
            return
        shutil.rmtree(self._staging / self.writer, ignore_errors=True)
        with suppress(OSError):  # somebody may have closed the files of this process
            self._own_lock.release()
        self._own_lock = None
        with suppress(OSError):
            self._writer_lock(self.writer).unlink()

    def check_held(self) -> None:
        """Raise StorageError where somebody closed the files of this process: neither locks nor the index hold then."""
        if self._own_lock is None or self._own_file is None:
            return
        number, known = self._own_file
        with suppress(OSError):
            found = os.fstat(number)
            if (found.st_dev, found.st_ino) == known:
                return
        raise StorageError("The files of this process were closed.", self.root, "Start Python anew, then go on.")

    def _remember(self, descriptor: int) -> None:
        _sign(descriptor)
        found = os.fstat(descriptor)
        self._own_file = descriptor, (found.st_dev, found.st_ino)

    def is_there(self) -> bool:
        """Whether the workspace still lies where it was opened: its disk may be unmounted, or another one be there."""
        now = _identity(self.root)
        if now is None or now == self._known or self._is_own is None:
            return now is not None
        if not self._is_own():
            return False
        self._known = now  # mounted again
        return True

    def check_there(self) -> None:
        """Raise NotFound where the workspace does not lie there any more."""
        if not self.is_there():
            raise NotFound(
                f"The workspace {self.root} is not there any more.", self.root, "Mount its disk, or move it back."
            )

    def is_alive(self, writer: str) -> bool:
        """Whether the writer of that name is still at work, or may be: nobody's work is taken away from him."""
        return self.life(writer) != "dead"

    def life(self, writer: str) -> Life:
        """Whether the writer of that name is still at work.

        Unknown is one of another machine whose lock is free: on some shares, and in folders that are synchronised, the
        locks of one machine are not seen by another. It is dead once `bury` was told so.
        """
        if writer == self.writer:
            return "alive" if self._own_lock is not None else "dead"
        path = self._writer_lock(writer)
        # The name comes from a document: it may be a path. And nobody holds what is no file: a pipe would never answer.
        if path.parent != self._staging or not is_plain_file(path):
            return "dead"
        if _is_locked(path):
            return "alive"
        return "dead" if host_of(writer) in ("", _short_host()) else "unknown"

    def unknown_writers(self) -> list[str]:
        """The writers of other machines of which nobody here knows whether they are still at work."""
        try:
            names = sorted(os.listdir(self._staging))
        except OSError:
            return []
        writers = [name.removesuffix(".lock") for name in names if _WRITER_LOCK.fullmatch(name)]
        return [writer for writer in writers if self.life(writer) == "unknown"]

    def owner(self, writer: str) -> str:
        """Who a writer is, as it said itself: the user, the machine, the process."""
        host = host_of(writer)  # a full disk keeps it from signing
        return _said(self._writer_lock(writer)) or (f"a process on {host}" if host else _NOBODY_KNOWN)

    def bury(self, writer: str) -> bool:
        """Take an unknown writer for dead from now on, for the user said so; False where it is known what it is."""
        with self.lock("writers"):
            if self.life(writer) != "unknown":
                return False
            self.remove_files([self._writer_lock(writer)])
            return True

    def sweep(self) -> int:
        """Remove what dead writers left in staging; returns how many there were."""
        with self.lock("writers"):  # a writer that is just arriving must not be taken for dead
            return self._sweep()

    def _sweep(self) -> int:
        swept = 0
        for entry in sorted(self._staging.iterdir()):
            writer = entry.name.removesuffix(".lock")
            if entry.name.startswith(("lock-", NOTE)) or writer == self.writer or self.is_alive(writer):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
                swept += 1
            else:
                with suppress(OSError):
                    entry.unlink()
        return swept

    def announce(self, name: str, lines: Sequence[str]) -> None:
        """Say beside the lock `name` what its holder is about to do, for who takes it after a kill; it may be lost."""
        path, data = self._staging / f"lock-{name}-announced", "".join(f"{line}\n" for line in lines).encode()
        with suppress(OSError, BadInput), _plain_file(path, os.O_CREAT) as file:
            os.ftruncate(file, os.write(file, data))  # in this order: on a disk that fails what was said before stays

    def announced(self, name: str) -> list[str]:
        """What the last holder of the lock `name` said and did not take back; a line that was cut short is left out."""
        with suppress(StorageError, UnicodeDecodeError):
            text = read_bytes(self._staging / f"lock-{name}-announced", "announcement").decode()
            return text.split("\n")[:-1]
        return []

    def can_lock(self) -> bool:
        """Whether the workspace lies where it was opened, and its locks would lie in it."""
        return self.is_there() and not os.path.islink(self._staging)

    def lock_file(self, name: str) -> Path:
        """Where the workspace-wide lock `name` lies."""
        return self._staging / f"lock-{name}"

    @contextmanager
    def lock(self, name: str, timeout: float | None = None) -> Iterator[None]:
        """Hold the workspace-wide lock `name` against other threads and processes; re-entrant in one thread.

        It is waited for as long as `timeout` says, else `patience`. Raises Locked.
        """
        timeout = self.patience if timeout is None else timeout
        self._check_writable()
        self._make_staging()
        with self._guard:
            if name not in self._locks:
                self._locks[name] = (threading.RLock(), _file_lock(self.lock_file(name), timeout))
        threads, processes = self._locks[name]
        with threads:
            try:
                processes.acquire(timeout=timeout)
            except Timeout as error:
                raise Locked(
                    f"The workspace is in use: {_owner_of(self._staging / f'lock-{name}')} has been writing for "
                    f"{timeout:.0f} s.",
                    self.root,
                    "Wait for it to finish, or end that program.",
                ) from error
            except OSError as error:
                raise from_os_error(error, "lock the workspace", self.lock_file(name)) from error
            try:
                yield
            finally:
                processes.release()

    # ------------------------------------------------------------ writing

    def write(self, path: Path, data: bytes) -> None:
        """Replace or make one file, atomically and durably."""
        self.write_all([(path, data)])

    def write_all(self, files: Sequence[tuple[Path, bytes]]) -> None:
        """Write several files: all are synced before the first takes its name; names are taken in this order."""
        for path, _ in files:
            self._check_inside(path)
        with os_errors(f"save {files[-1][0].name}", files[-1][0]):
            staged = [self._staged_file(path.name, data) for path, data in files]
            try:
                for source, (path, _) in zip(staged, files, strict=True):
                    _replace(source, path)
            finally:
                for source in staged:
                    discard(source)
            for folder in dict.fromkeys(path.parent for path, _ in files):
                _sync_folder(folder)

    def write_new(self, path: Path, data: bytes) -> bool:
        """Make a file that is not there yet; False, and nothing changed, when something has that name."""
        self._check_inside(path)
        with os_errors(f"save {path.name}", path):
            staged = self._staged_file(path.name, data)
            try:
                if not _link_new(staged, path):
                    return False
            finally:
                discard(staged)
            _sync_folder(path.parent)
            return True

    def place_new(self, staged: Path, path: Path) -> bool:
        """Give a staged file its name; False, and nothing changed, when something has that name."""
        self._check_inside(path)
        with os_errors(f"save {path.name}", path):
            _sync_file(staged)
            if not _link_new(staged, path):
                return False
            _sync_folder(path.parent)
            return True

    def append(self, path: Path, text: str) -> None:
        """Add lines to a log file. Each call is one write; it is not synced, for a log is no result."""
        self._check_inside(path)
        with os_errors(f"write to {path.name}", path), _plain_file(path, os.O_CREAT | os.O_APPEND) as file:
            os.write(file, text.encode())

    def make_folder(self, path: Path) -> bool:
        """Make one folder; False when it is there already. Exactly one of many callers gets True."""
        self._check_inside(path)
        with os_errors(f"make the folder {path.name}", path):
            try:
                os.mkdir(path, _FOLDER_MODE)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def make_folders(self, folders: Iterable[Path]) -> None:
        """Make folders with their parents, where missing."""
        for folder in folders:
            self._check_inside(folder)
            with os_errors(f"make the folder {folder.name}", folder):
                _make_folders(folder, self.root)

    def place_folder(self, path: Path, files: Sequence[tuple[str, bytes]]) -> None:
        """Make a folder with files in it, all at once: it appears complete or not at all. Raises Exists."""
        self._check_inside(path)
        with os_errors(f"make the folder {path.name}", path):
            staged = self._staging_folder() / uuid.uuid4().hex[:12]
            staged.mkdir()
            try:
                for name, data in files:
                    _write_synced(staged / name, data)
                _sync_folder(staged)
                if path.exists():
                    raise Exists(f"{path.name} exists already.", path, "Nothing was changed.")
                os.rename(staged, path)
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)
                raise
            _sync_folder(path.parent)

    @contextmanager
    def draft(self, home: Path) -> Iterator[Draft]:
        """A folder to fill aside, to be placed below `home` by `place_draft`; removed at the end if it was not.

        It lies in staging, or beside where that is another disk.
        """
        self._check_inside(home / "draft")
        staging, name = self._staging_folder(), uuid.uuid4().hex[:12]
        with os_errors(f"make a folder in {home.name}", home):
            _make_folders(home, self.root)
            same_disk = os.stat(staging).st_dev == os.stat(home).st_dev
        with _draft_at(staging / name if same_disk else home / f".{name}.tmp") as draft:
            yield draft

    def place_draft(self, draft: Draft, path: Path) -> None:
        """Give a draft its place in the workspace: it appears complete or not at all. Raises Exists."""
        self._check_inside(path)
        draft.place(path)

    def move(self, source: Path, target: Path) -> None:
        """Rename a file or folder within the workspace, durably. Raises Exists where something stands."""
        self._check_inside(source)
        self._check_inside(target)
        with os_errors(f"move {source.name}", source):
            if os.path.lexists(target) and not os.path.samefile(source, target):  # the same: CORN for corn
                raise Exists(f"{target.name} exists already.", target, "Choose another name.")
            try:
                os.rename(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                raise StorageError(
                    f"{source.name} lies on another disk than {target.parent}.", source, "Move it by hand."
                ) from error
            _sync_folder(target.parent)
            _sync_folder(source.parent)

    def staging_path(self, name: str) -> Path:
        """A path where a library may write a file of its own, to be placed by `place`."""
        return self._staging_folder() / f"{uuid.uuid4().hex[:12]}-{name}"

    def place(self, files: Sequence[tuple[Path, Path]]) -> None:
        """Sync staged files and give them their names, in order; folders are synced after."""
        for staged, path in files:
            self._check_inside(path)
            with os_errors(f"save {path.name}", path):
                _sync_file(staged)
        for staged, path in files:
            with os_errors(f"save {path.name}", path):
                _replace(staged, path)
        for folder in dict.fromkeys(path.parent for _, path in files):
            with os_errors(f"save to {folder.name}", folder):
                _sync_folder(folder)

    def remove_files(self, paths: Iterable[Path]) -> None:
        """Remove files that nothing names any more; one that is gone is no error."""
        for path in paths:
            self._check_inside(path)
            with os_errors(f"remove {path.name}", path):
                path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it: it is gone at once, then its content."""
        self._check_inside(path)
        with os_errors(f"remove {path.name}", path):
            doomed = self._staging_folder() / uuid.uuid4().hex[:12]
            os.rename(path, doomed)
            _sync_folder(path.parent)
            shutil.rmtree(doomed, ignore_errors=True)

    # ------------------------------------------------------------ inside

    def _check_writable(self) -> None:
        if self._look is not None and not self.read_only:
            self._look()
        if self.read_only:
            raise ReadOnly("The workspace is open for reading only.", self.root, self._way_out)
        self.check_there()

    def _check_inside(self, path: Path) -> None:
        """Refuse a path that is not below the root, by its text or through a link."""
        self._check_writable()
        real = os.path.realpath(path.parent)
        if ".." in path.parts or not Path(real).is_relative_to(self.root):
            raise BadInput(f"{path} is outside the workspace; nothing was written.", path, "Use a plain name.")

    def _writer_lock(self, writer: str) -> Path:
        return self._staging / f"{writer}.lock"

    def _staging_folder(self) -> Path:
        self._check_writable()
        self._make_staging()
        folder = self._staging / self.writer
        _refuse_link(folder)
        folder.mkdir(exist_ok=True)
        return folder

    def _make_staging(self) -> None:
        """Make the staging folder where it is missing; a workspace that is not there is not made again."""
        _refuse_link(self._staging)
        if self._staging.is_dir():
            return
        self.check_there()
        with os_errors("write to the workspace", self.root):
            self._staging.mkdir(exist_ok=True)

    def _staged_file(self, name: str, data: bytes) -> Path:
        staged = self._staging_folder() / f"{uuid.uuid4().hex[:12]}-{name[-40:]}"
        try:
            _write_synced(staged, data)
        except BaseException:
            discard(staged)
            raise
        return staged


def make_root(root: Path) -> None:
    """Make the folder that will become a workspace; one without any file in it is taken, any other refused.

    Empty folders may lie there: they are what a creation leaves that was killed half-way.
    """
    with os_errors("create the workspace", root):
        if root.exists() and not root.is_dir():
            raise Exists(f"{root} is a file.", root, "Choose a folder.")
        if any(not path.is_dir() and ".staging" not in path.parts for path in root.rglob("*")):
            raise Exists(f"{root} is not empty.", root, "Choose an empty folder or a new name.")
        _make_folders(root)


def remove_cache(path: Path) -> None:
    """Remove a cache database and its journal files, wherever it lies; one that is gone is no error."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{suffix}")


@contextmanager
def _plain_file(path: Path, flags: int) -> Iterator[int]:
    """Open a file to write to, but no link, which would lead out of the workspace. Raises BadInput for what is none."""
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody reads would never answer
    try:
        file = os.open(path, os.O_WRONLY | flags | safe, _FILE_MODE)
    except OSError as error:
        if error.errno not in (errno.ENXIO, errno.EISDIR):  # a pipe that nobody reads, or a socket
            raise
        raise _no_file(path) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise _no_file(path)
        yield file
    finally:
        os.close(file)


def _refuse_link(folder: Path) -> None:
    if os.path.islink(folder):
        raise BadInput(f"{folder} is a link; nothing is written to where it leads.", folder, _NO_LINK)


def _no_file(path: Path) -> BadInput:
    return BadInput(f"{path} is not a file.", path, "Take it away.")


def discard(staged: Path) -> None:
    """Remove a file that never took its name; one that can't be is swept later, and hides no other error."""
    with suppress(OSError):
        staged.unlink(missing_ok=True)


def remove_outside(path: Path) -> bool:
    """Remove a file outside a workspace that `write_atomic` wrote; False if it was gone."""
    with os_errors(f"remove {path.name}", path):
        if not path.is_file():
            return False
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return True


def cache_lock(path: Path, timeout: float) -> FileLock:
    """A lock file of a cache, re-entrant. To acquire it raises OSError, also where nobody lets go of it in time."""
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)  # not the folders above: a workspace that went away is not made again
    return _Lock(path, timeout=timeout, poll_interval=0.002, thread_local=False, preserve_lock_file=True)


def make_cache_folder(path: Path) -> None:
    """Make a folder for caches outside the workspace."""
    with os_errors("make the cache folder", path):
        path.mkdir(parents=True, exist_ok=True)


def _write_synced(path: Path, data: bytes, mode: int = _FILE_MODE) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows has no handle for a folder and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems can't sync a folder
            raise
    finally:
        os.close(descriptor)


def _make_folders(folder: Path, top: Path | None = None) -> None:
    """Make a folder with its parents, where missing; the names of those that are made are durable.

    `top` is there, or went away: it is not made again.
    """
    if folder.is_dir():
        return
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    if top is not None and top in missing:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(top))
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
    for one in reversed(missing):
        _sync_folder(one.parent)


def _replace(source: Path, target: Path) -> None:
    """Rename over `target`; where a part of the tree lies on another disk, through a copy beside it."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        shutil.copyfile(source, beside)
        _sync_file(beside)
        os.replace(beside, target)
        source.unlink()


def _link_new(source: Path, target: Path) -> bool:
    """Give `source` the name `target` unless something has it; False if so."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:
        # No hard links here (FAT, some network shares): while one looks whether the name is free, nobody takes it.
        with _alone_in(target.parent):
            if os.path.lexists(target):
                return False
            os.rename(source, target)
    return True


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others out who name files in a folder in this way; where a rename takes nobody's place none is needed."""
    if os.name == "nt":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(root: Path) -> tuple[int, int] | None:
    """What tells a folder from another that comes to lie at its place; None where there is none."""
    try:
        found = os.stat(root)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


class _Lock(FileLock):
    """A lock file in a folder that is there: FileLock itself would make it, and with it a workspace that went away."""

    def acquire(self, *arguments: Any, **words: Any) -> Any:
        path = Path(self.lock_file)
        os.stat(path.parent)
        known = _identity(path.parent)
        held = super().acquire(*arguments, **words)
        if _identity(path.parent) != known and os.listdir(path.parent) == [path.name]:
            self._take_back(path)
        return held

    def _take_back(self, path: Path) -> None:
        """Undo what FileLock made: the folder went away after it was looked at. Raises FileNotFoundError."""
        path.unlink()  # while it is held: whoever waits for it looks again
        self.release()
        with suppress(OSError):  # something else was put there
            path.parent.rmdir()
            path.parent.parent.rmdir()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))


def _file_lock(path: Path, timeout: float, on_acquired: Callable[[int], None] | None = None) -> FileLock:
    return _Lock(
        path,
        timeout=timeout,
        poll_interval=0.002,
        thread_local=False,
        preserve_lock_file=True,
        on_acquired=on_acquired or _sign,
    )


def _sign(descriptor: int) -> None:
    """Write into a lock file who holds it, for the one who waits; on a full disk the lock holds without."""
    text = f"{user_name()} on {socket.gethostname()} (process {os.getpid()})"
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text.encode())


def _owner_of(lock_file: Path) -> str:
    return _said(lock_file) or _NOBODY_KNOWN


def _said(lock_file: Path) -> str:
    """What stands in a lock file; empty where nothing can be read."""
    try:
        return read_bytes(lock_file, "lock").decode()
    except (StorageError, ValueError):
        return ""


def _is_locked(path: Path) -> bool:
    """Whether somebody holds a lock file; what can't be told counts as held. It is not signed in our name."""
    lock = FileLock(path, timeout=0, poll_interval=0.002, thread_local=False, preserve_lock_file=True)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True  # can't tell: never take work away from somebody
    lock.release()
    return False


def writer_prefix(pid: int) -> str:
    """How the names of all writers of a process of this machine begin."""
    return f"{_short_host()}-{pid}-"


def host_of(writer: str) -> str:
    """The machine of a writer, as its name says; empty where that is no writer's name."""
    return writer.rsplit("-", 2)[0] if _WRITER_LOCK.fullmatch(f"{writer}.lock") else ""


def user_name() -> str:
    """Who is at work; "unknown" where the machine can't say, as in many containers."""
    try:
        return getpass.getuser().encode(errors="replace").decode()  # it may be no text
    except (OSError, KeyError):
        return "unknown"


def _short_host() -> str:
    return "".join(c for c in socket.gethostname().split(".")[0] if c.isalnum() or c == "-")[:32] or "host"
