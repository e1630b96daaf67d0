"""Reading files that anybody may have put there: whole or in pieces, and nothing that would block or lead elsewhere."""

from __future__ import annotations

import errno
import itertools
import operator
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from storage.errors import BadInput, Corrupt, NotFound, from_os_error

_PIECE = 1024 * 1024  # bytes read at a time


def is_plain_file(path: Path) -> bool:
    """Whether there is a file, and no link, pipe or device that would lead elsewhere or never end."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):  # ValueError: no system has such a name
        return False


def is_plain_folder(path: Path) -> bool:
    """Whether there is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):  # ValueError: no system has such a name
        return False


def stamp(path: Path) -> tuple[int, int]:
    """What a file looks like, to tell later whether it was changed: its size and time, -1 where there is none."""
    with suppress(OSError):
        found = os.lstat(path)
        return found.st_size, found.st_mtime_ns
    return -1, -1


def cut_short(table: Path) -> str:
    """How a text table is seen to be cut short by its last byte alone; empty where it ends with a whole line.

    Raises FileNotFoundError.
    """
    size = os.stat(table).st_size
    if size == 0:
        return f"{table.name} is empty."
    if not is_plain_file(table):
        return ""
    with table.open("rb") as file:
        file.seek(size - 1)
        return "" if file.read(1) == b"\n" else f"{table.name} breaks off within a line."


def is_behind_link(path: Path, root: Path) -> bool:
    """Whether a path below `root` is a link or leads through one: what it says is then not in the workspace."""
    if not path.is_relative_to(root):
        return False
    below = itertools.accumulate(path.relative_to(root).parts, operator.truediv, initial=root)
    return any(os.path.islink(place) for place in itertools.islice(below, 1, None))


def read_pieces(path: Path, what: str) -> Iterator[bytes]:
    """Read a file in pieces, however large it is; a link is not followed. Raises NotFound or BadInput."""
    try:
        with _opened(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{path} is not a file.", path, "Name a file.")
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BadInput(f"{path} is a link.", path, "Put the file itself there.") from error
        raise from_os_error(error, f"read the {what}", path) from error


def _opened(path: Path) -> BinaryIO:
    # A FIFO would block, a link would lead to somewhere else.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def read_private(path: Path, what: str) -> bytes:
    """Read a file that is for its owner alone. Raises NotFound, or BadInput where others can read or change it."""
    data = b"".join(read_pieces(path, what))
    if os.name != "nt":  # there the folder of the user's own settings keeps others out
        found = os.stat(path)
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid != os.geteuid():
            raise BadInput(f"The {what} {path} is open to others.", path, "Make it yours alone: chmod 600.")
    return data


def read_bytes(path: Path, what: str, most: int | None = None, *, follow: bool = False) -> bytes:
    """Read a whole file; a missing one raises NotFound with a sentence that names `what` it was.

    Raises Corrupt for one of more than `most` bytes, and for a link unless it is to be followed: what people name may
    be one, what lies in a workspace may come from anybody.
    """
    if follow:
        path = Path(os.path.realpath(path))
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            raise Corrupt(f"{path.name} is a link, which is not followed.", path, "Put the file itself there.")
        if not stat.S_ISREG(mode):
            raise NotFound(f"{path} is not a file.", path, "Name a file.")  # a FIFO or device would block
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                raise Corrupt(f"{path.name} is too large to be a {what} ({size:,} bytes).", path, "Look at the file.")
            return file.read()
    except FileNotFoundError as error:
        raise NotFound(f"The {what} {path} is not there.", path, "Check the path.") from error
    except OSError as error:
        raise from_os_error(error, f"read the {what}", path) from error
