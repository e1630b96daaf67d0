"""What can go wrong in the environment: every error is a sentence, a place and an advice.

A `StorageError` means the world said no (a missing file, a full disk, a name that is refused).
Any other exception that leaves this package is a bug and shows as one.
"""

from __future__ import annotations

import errno
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

_Class = TypeVar("_Class", bound=type)
_Function = TypeVar("_Function", bound=Callable[..., Any])


class StorageError(Exception):
    """An error a person can do something about.

    `what` is one sentence, `path` the place it concerns, `advice` the next thing to do.
    `exit_code` is what the command line ends with: 2 for wrong use, 1 for work that failed.
    """

    exit_code = 1

    def __init__(self, what: str, path: Path | str | None = None, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.path = Path(path) if path is not None else None
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".strip()


class BadInput(StorageError):
    """What was asked for can't be done as asked: wrong data, configuration or option."""

    exit_code = 2


class QueryError(BadInput):
    """A query `text` is wrong at `position` (0-based) for `length` characters."""

    def __init__(self, what: str, position: int, length: int, advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.position = position
        self.length = length
        self.text = ""


class NotFound(StorageError):
    """What was named is not there."""

    exit_code = 2


class NameRefused(StorageError):
    """A name that can't safely become a folder or file name."""

    exit_code = 2


class Exists(StorageError):
    """Something stands where a new thing was to go; nothing was overwritten."""


class Locked(StorageError):
    """Another process holds what this one needs."""


class ReadOnly(StorageError):
    """The workspace was opened, or lies, where nothing can be written."""


class DiskFull(StorageError):
    """No room is left; the old state stands."""


class Corrupt(StorageError):
    """A file is damaged: it can't be read as what it claims to be."""


class Conflict(StorageError):
    """The thing changed since it was looked at."""


class TooNew(StorageError):
    """Written by a newer Runshelf: it is read as far as possible and never written over."""


class Untrusted(StorageError):
    """An artifact that could execute something and that nobody vouched for.

    `digests` are the sha256 of what would have to be trusted, `names` what it names.
    """

    def __init__(
        self,
        what: str,
        path: Path | str | None = None,
        advice: str = "",
        digests: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> None:
        super().__init__(what, path, advice)
        self.digests = tuple(digests)
        self.names = tuple(names)


class Cancelled(StorageError):
    """The user asked to stop; what was finished before stays."""

    def __init__(self, what: str = "Cancelled.", path: Path | str | None = None, advice: str = "") -> None:
        super().__init__(what, path, advice)


@contextmanager
def os_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` into the `StorageError` it means; `doing` reads like "save pipeline.json"."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, doing, path) from error


def in_sentences(cls: _Class) -> _Class:
    """Let the public methods of a class fail in sentences, as `in_a_sentence` says."""
    for name, method in [(name, one) for name, one in vars(cls).items() if not name.startswith("_")]:
        if isinstance(method, classmethod):
            setattr(cls, name, classmethod(in_a_sentence(method.__func__)))
        elif inspect.isfunction(method):
            setattr(cls, name, in_a_sentence(method))
    return cls


def in_a_sentence(method: _Function) -> _Function:
    """Let a function raise a StorageError for whatever the disk does, and for what no number, text or path can be.

    A value in the index that its column can't hold has the index made again. Other errors are bugs and stay bare.
    """

    @functools.wraps(method)
    def told(*args: Any, **named: Any) -> Any:
        try:
            return method(*args, **named)
        except BrokenPipeError:  # of whoever reads what is reported, not of the disk
            raise
        except OSError as error:
            place = Path(str(error.filename or ""))
            raise from_os_error(error, f"get at {place.name}" if place.name else "go on", place) from error
        except OverflowError as error:
            raise BadInput("A number is too large.", advice="Take a smaller one.") from error
        except UnicodeEncodeError as error:
            raise BadInput("A text has a character that can't be written.", advice="Leave it out.") from error
        except RecursionError as error:
            raise BadInput("What was given is too deep within itself.", advice="Simplify it.") from error
        except (TypeError, ValueError) as error:
            if "null byte" in str(error):
                raise BadInput("A path has a character that no path can have.", advice="Leave it out.") from error
            if args and (mend := getattr(args[0], "_mend_index", None)) is not None and mend():
                raise Corrupt("The index was damaged. It is made again.", None, "Ask once more.") from error
            raise

    return cast(_Function, told)


def from_os_error(error: OSError, doing: str, path: Path) -> StorageError:
    """Name the `StorageError` that stands for `error`, met while `doing` something at `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"Could not {doing}: the disk is full.", path, "Make room and try again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ReadOnly(
            f"Could not {doing}: there is no permission at {path}.", path, "Check who owns the folder, or use another."
        )
    if error.errno == errno.ENOENT:
        return NotFound(f"Could not {doing}: {path} is not there.", path, "It may have been moved or deleted.")
    if error.errno == errno.EEXIST:
        return Exists(f"Could not {doing}: {path} exists already.", path, "Choose another name.")
    if error.errno == errno.ENOTDIR:
        return BadInput(f"Could not {doing}: what lies above {path} is no folder.", path, "Take it away.")
    if error.errno == errno.ELOOP:
        return BadInput(f"Could not {doing}: {path} is a link, which is not followed.", path, "Take the link away.")
    if error.errno == errno.ENAMETOOLONG:
        return NameRefused(f"Could not {doing}: the name is too long for this disk.", path, "Use a shorter name.")
    return StorageError(f"Could not {doing}: {error.strerror or error}.", path, "Try again; see the details.")
