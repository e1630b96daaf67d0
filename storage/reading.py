"""Reading files that anybody may have put there: whole or in pieces, and nothing that would block or lead elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from storage.errors import BadInput, NotFound, from_os_error

_PIECE = 1024 * 1024  # bytes read at a time


def read_pieces(path: Path, what: str) -> Iterator[bytes]:
    """Read a file in pieces, however large it is; a link is not followed. Raises NotFound or BadInput."""
    try:
        # A FIFO would block, a link would lead to somewhere else.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{path} is not a file.", path, "Name a file.")
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BadInput(f"{path} is a link.", path, "Put the file itself there.") from error
        raise from_os_error(error, f"read the {what}", path) from error


def read_private(path: Path, what: str) -> bytes:
    """Read a file that is for its owner alone. Raises NotFound, or BadInput where others can read or change it."""
    data = b"".join(read_pieces(path, what))
    if os.name != "nt":  # there the folder of the user's own settings keeps others out
        found = os.stat(path)
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid != os.geteuid():
            raise BadInput(f"The {what} {path} is open to others.", path, "Make it yours alone: chmod 600.")
    return data


def read_bytes(path: Path, what: str) -> bytes:
    """Read a whole file; a missing one raises NotFound with a sentence that names `what` it was."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise NotFound(f"{path} is not a file.", path, "Name a file.")  # a FIFO or device would block
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"The {what} {path} is not there.", path, "Check the path.") from error
    except OSError as error:
        raise from_os_error(error, f"read the {what}", path) from error
