"""The databases of other programs: read as they stand, also while writes wait in a log beside them; nothing is made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from storage.disk import temporary_copies

MAGIC = b"SQLite format 3\0"  # with which every such file begins
_JOURNALS = ("-wal", "-journal")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database that is only read, with nothing made beside it. Raises what SQLite and the disk say."""
    waiting = [path.with_name(path.name + ending) for ending in _JOURNALS]
    waiting = [one for one in waiting if one.is_file() and not one.is_symlink() and one.stat().st_size]
    if not waiting:
        # Unchangeable: no locks, and no files for a log that is not there.
        with closing(_connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1")) as database:
            yield database
        return
    with (
        temporary_copies([path, *waiting]) as folder,
        closing(_connected(f"{(folder / path.name).as_uri()}?mode=rw")) as database,
    ):
        yield database


def _connected(uri: str) -> sqlite3.Connection:
    database = sqlite3.connect(uri, uri=True, isolation_level=None)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA writable_schema = ON")  # else nothing is read of one that was cut short
    return database
