"""The SQLite sidecar: a cache that lists and finds; delete it at any time and it is made again from the files.

It holds runs, pipelines, results (one wide table, a real column per metric), their words, tags and parameters, and
says which manifest it follows. There are no migrations: a wrong version or any damage means start again. Only the
modules named `…index`, `schema`, `query` and `catalog` know SQL.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Float, Table, create_engine, func, insert, literal, or_, select
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from storage.disk import Disk, cache_lock, make_cache_folder, remove_cache
from storage.errors import Locked, StorageError
from storage.mounts import is_network_folder
from storage.parameters import fold
from storage.part_index import PartIndex
from storage.prediction_index import PredictionIndex
from storage.run_index import RunIndex
from storage.schema import FIXED_COLUMNS, PREDICTION_COLUMNS, STORED_AS, TEXT_COLUMNS, WORDS, declare
from storage.text_index import TextIndex

VERSION = "9"
MAX_COLUMNS = 1_900  # SQLite's own limit is 2,000
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
    }
)
_FILLING_SECONDS = 60  # as long as filling an index with a few million results takes another process
_BUSY_SECONDS = 5  # for the rest; another program that holds on to it makes every command wait so long
_PRAGMAS = ("synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-65536")
_SORTING = ("temp_store=FILE", "cache_size=-2000")  # for it SQLite sorts pieces of the size of its cache
_ON_ANOTHER_MACHINE = "The workspace lies on another machine: its index is kept on this one, which is quick and safe."
_HIDDEN = ("key", *TEXT_COLUMNS)


Prepared = tuple[str, tuple[Any, ...]]  # the text of a statement and its values


class IndexBusy(Locked):
    """Another process is in the way of the index, and has been for as long as one waits."""


class Index:
    """The sidecar of one workspace. Safe to share between threads: one connection, one lock.

    `notices` collects what the user should be told once, such as "the index was damaged and made again". Every process
    opens and replaces the file at `path` under a lock of the `disk`: SQLite opens a database and its journal one after
    the other, and must not find the two of different ones. As long as the workspace is not where it was nothing is
    opened there, and the connection goes on as it can.
    """

    def __init__(self, path: Path, workspace_id: str, disk: Disk, *, writable: bool, cache: Path) -> None:
        # The id comes from a file: it may be a path. The place tells copies of one workspace apart.
        name = hashlib.sha256(f"{workspace_id}\0{os.path.realpath(path)}".encode()).hexdigest()[:32]
        shared = writable and is_network_folder(path.parent)  # SQLite's locks can't be relied on over a network
        self._places = ([path] if writable and not shared else []) + [cache / f"{name}.sqlite"]
        self._remark = _ON_ANOTHER_MACHINE if shared else ""
        self._workspace_id = workspace_id
        self.lock = threading.RLock()
        self._own, self._can_lock = path, disk.can_lock
        self._file_locks = {path: cache_lock(disk.lock_file("index"), _FILLING_SECONDS)}
        self._depth = 0
        self.path: Path | None = None
        self._inode: int | None = None
        self.was_new = False  # whether there was none when it was last opened
        self.unfilled = False  # after starting again, until it was filled
        self.notices: list[str] = []
        self._told: set[str] = set()
        self.sorts: set[str] = set()
        self._schema_version: int | None = None
        self._seen: int | None = None  # the state other connections left, when last asked
        self.results = PredictionIndex(self)
        self.texts = TextIndex(self)
        self.parts = PartIndex(self)
        self.runs = RunIndex(self)
        self._declare([])
        self.connection = self._open_somewhere()

    def notice(self, text: str) -> None:
        """Tell the user, unless that was told before."""
        if text not in self._told:
            self._told.add(text)
            self.notices.append(text)

    # ------------------------------------------------------------ opening and starting again

    def _open_somewhere(self) -> Connection:
        """The index beside the catalog, else in the user's cache, else in memory."""
        for place in self._places:
            try:
                if place.parent.name != "catalog":
                    make_cache_folder(place.parent)
                return self._open(place)
            except (DatabaseError, UnicodeDecodeError, OSError, StorageError):
                continue
        self.notice("The index could be written nowhere; it is kept in memory, so opening takes longer.")
        return self._open(None)

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Keep other processes waiting while the database is filled; wait for one that fills it. Raises IndexBusy."""
        with self.lock, ExitStack() as stack:
            try:
                stack.enter_context(self._held(self.path))
            except TimeoutError as error:
                raise self._busy() from error
            except OSError:
                pass  # the folder of the lock went away: so did the database
            yield

    def _busy(self) -> IndexBusy:
        return IndexBusy("The index is in use by another program.", self.path, "Try again.")

    @contextmanager
    def _held(self, place: Path | None) -> Iterator[None]:
        """Keep every other process from opening or replacing the database at `place`. Raises OSError."""
        if place is None:
            yield
            return
        if place == self._own and not self._can_lock():
            raise FileNotFoundError(place)
        if place not in self._file_locks:
            self._file_locks[place] = cache_lock(Path(f"{place}.lock"), _FILLING_SECONDS)
        with self._file_locks[place]:
            yield

    def _open(self, place: Path | None) -> Connection:
        """Open or make the database at `place`; what is there and is no index of ours is replaced."""
        self.path = place
        with self._held(place):
            if place is not None and _inode(place) is None:
                remove_cache(place)  # the journal of one that was deleted alone
            for attempt in (1, 2):
                connection = self._connect(place)
                try:
                    found = self._look(connection)
                    if found == "new":
                        self._create(connection)
                        if self._remark:
                            self.notice(self._remark)
                    if found in ("new", "current"):
                        self._inode = _inode(place)
                        self.was_new = found == "new"
                        return connection
                    reason = "belonged to another version or workspace"
                except (DatabaseError, UnicodeDecodeError) as error:
                    hindered = isinstance(error, DatabaseError) and (is_busy(error) or is_full(error))
                    if attempt == 2 or place is None or hindered:
                        _let_go(connection)
                        raise
                    reason = "was damaged"
                _let_go(connection)
                assert place is not None
                remove_cache(place)
                self.notices.append(f"The index {reason} and was made again. No results were affected.")
        raise AssertionError("unreachable")

    def _connect(self, place: Path | None) -> Connection:
        if place is not None and place.is_symlink():
            remove_cache(place)  # what it leads to is not ours
        engine = create_engine(
            f"sqlite:///{place}" if place else "sqlite://",
            connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
        )
        connection = engine.connect()
        raw: Any = connection.connection.dbapi_connection
        raw.create_function("fold", 1, lambda text: fold(text) if isinstance(text, str) else text, deterministic=True)
        return connection

    def _look(self, connection: Connection) -> str:
        """ "new", "current" or "other"; raises DatabaseError for what is no database."""
        for pragma in _PRAGMAS:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        names = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")}
        if not names:
            return "new"  # filling it goes to the file at once: the pages of a new file need no journal
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        if "facts" not in names:
            return "other"
        facts = {
            key: value for key, value in connection.execute(select(self.tables.facts.c.key, self.tables.facts.c.value))
        }
        if (facts.get("version"), facts.get("workspace_id")) != (VERSION, self._workspace_id):
            return "other"
        if not set(FIXED_COLUMNS) <= {row[1] for row in connection.exec_driver_sql("PRAGMA table_info(predictions)")}:
            return "other"
        self._read_columns(connection)
        return "current"

    def _create(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        self._make_tables(connection)
        connection.exec_driver_sql("COMMIT")
        self._read_columns(connection)

    def _make_tables(self, connection: Connection) -> None:
        self._declare([])
        self.tables.metadata.create_all(connection, checkfirst=False)
        connection.exec_driver_sql(WORDS)
        made = uuid.uuid4().hex
        facts = {"version": VERSION, "workspace_id": self._workspace_id, "manifest": "", "made": made}
        for key, value in facts.items():
            connection.execute(insert(self.tables.facts), {"key": key, "value": value})

    def start_again(self, reason: str = "", *, elsewhere: bool = False, keep: bool = False) -> None:
        """Delete the database and make an empty one, if need be `elsewhere`; the caller fills it from the files.

        With `keep` the old one is left: another process is at work on it. So is one that another process has put in
        its place.
        """
        with self.lock:
            with suppress(DatabaseError, sqlite3.Error):
                _let_go(self.connection)
            if self.path is not None:
                if not keep:
                    self._remove_own(self.path)
                if elsewhere or keep:
                    self._places = [place for place in self._places if place != self.path]
            if reason:
                self.notices.append(f"The index {reason}. No results were affected.")
            self._open_anew()

    def _remove_own(self, path: Path) -> None:
        with suppress(OSError), self._held(path):
            if _inode(path) in (self._inode, None):
                remove_cache(path)

    def fill_anew(self, fill: Callable[[], object]) -> None:
        """Forget everything and let `fill` find it again; raises what it does.

        Where other processes have the database open they see what was there until it is filled, for it can't be
        taken from under them.
        """
        with self.filling():
            if not self._depth and not self._in_use_elsewhere():
                self.start_again()
                fill()
                self.unfilled = False
                return
            with self.change() as connection:
                self._drop_tables(connection)
                self._make_tables(connection)
                fill()

    def _in_use_elsewhere(self) -> bool:
        """Whether another process has the database open. If not, it has no journal any more."""
        if self.path is None or self.vanished():
            return False
        try:
            self.connection.exec_driver_sql("PRAGMA busy_timeout=0")
            self.connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # SQLite grants it to the only one
            return False
        except DatabaseError as error:
            return is_busy(error)
        finally:
            with suppress(DatabaseError):
                self.connection.exec_driver_sql(f"PRAGMA busy_timeout={int(_BUSY_SECONDS * 1000)}")

    def _drop_tables(self, connection: Connection) -> None:
        self.sorts.clear()
        connection.exec_driver_sql("DROP TABLE words")
        self.tables.metadata.drop_all(connection, checkfirst=True)

    def write_ahead(self) -> None:
        """From now on readers and the writer are not in each other's way; called when a new index is filled."""
        with self.lock, suppress(DatabaseError, OSError):
            if not self._depth and self.raw(("PRAGMA journal_mode", ())) == [("delete",)]:
                with self._held(self.path):
                    if not self.vanished():
                        self.connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def reopen(self) -> None:
        """Open what lies there now, after the file went away under this connection."""
        with self.lock:
            told = len(self.notices)
            with suppress(DatabaseError, sqlite3.Error):
                _let_go(self.connection)
            self._open_anew()
            if self.was_new and len(self.notices) == told:
                self.notices.append("The index was deleted and was made again. No results were affected.")

    def _open_anew(self) -> None:
        self._depth = 0
        self.sorts.clear()
        self.unfilled = True
        self.connection = self._open_somewhere()

    def close(self) -> None:
        with self.lock:
            _let_go(self.connection)

    def vanished(self) -> bool:
        """Whether the file was deleted, emptied or replaced under this connection, which would not notice."""
        if self.path is None:
            return self.connection.invalidated
        return _inode(self.path) != self._inode and (self.path != self._own or self._can_lock())

    def revive(self) -> None:
        """Open the database again where Ctrl+C struck in the middle of a question, which ends the connection."""
        with self.lock:
            if self.connection.invalidated:
                _let_go(self.connection)
                self.connection = self._open(self.path)

    # ------------------------------------------------------------ tables

    def _declare(self, metrics: list[str]) -> None:
        self.tables = declare(tuple(metrics))
        self.predictions: Table = self.tables.predictions

    def changed_elsewhere(self) -> bool:
        """Whether another connection has changed the database since this was last asked."""
        with self.lock:
            version = self.connection.exec_driver_sql("PRAGMA data_version").scalar()
            changed, self._seen = version != self._seen, version
            return changed

    def refresh(self) -> None:
        """Learn of columns that another process added."""
        with self.lock:
            if self.raw(("PRAGMA schema_version", ()))[0][0] != self._schema_version:
                self._read_columns(self.connection)

    def _read_columns(self, connection: Connection) -> None:
        self._schema_version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
        names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(predictions)")]
        metrics = [name for name in names if name not in FIXED_COLUMNS and name not in _HIDDEN]
        if metrics != list(self.columns)[len(FIXED_COLUMNS) :]:
            self._declare(metrics)

    @property
    def columns(self) -> dict[str, Column[Any]]:
        """The columns of results that people see, by name."""
        return {column.name: column for column in self.predictions.c if column.name not in _HIDDEN}

    @property
    def catalog_columns(self) -> dict[str, Column[Any]]:
        """Those of them that come from the meta parts."""
        return {n: c for n, c in self.columns.items() if n in PREDICTION_COLUMNS or n not in FIXED_COLUMNS}

    @property
    def dialect(self) -> Dialect:
        return self.connection.dialect

    def add_columns(self, names: Iterable[str]) -> None:
        """Add a real column for each metric that is new; SQLite's names don't tell upper from lower case."""
        known = {column.name.lower() for column in self.predictions.c}
        fresh = [name for name in dict.fromkeys(names) if name.lower() not in known]
        fresh = fresh[: max(0, MAX_COLUMNS - len(known))]
        if not fresh:
            return
        for name in fresh:
            text = CreateColumn(Column(name, Float)).compile(dialect=self.dialect)
            self.connection.exec_driver_sql(f"ALTER TABLE predictions ADD COLUMN {text}".replace("%%", "%"))
        self._declare([*list(self.columns)[len(FIXED_COLUMNS) :], *fresh])

    # ------------------------------------------------------------ changing and asking

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One write transaction; nested uses join it. Raises IndexBusy where another process is in the way too long."""
        with self.lock:
            if self._depth:
                yield self.connection
                return
            if not self._begin():
                with self.filling():
                    if not self._begin():
                        raise self._busy()
            self._depth = 1
            try:
                yield self.connection
                self.connection.exec_driver_sql("COMMIT")
            except BaseException:
                with suppress(SQLAlchemyError):
                    self.connection.exec_driver_sql("ROLLBACK")
                self._schema_version = None  # columns that were added are gone again
                raise
            finally:
                self._depth = 0

    @contextmanager
    def sorting(self) -> Iterator[None]:
        """Sort pieces that fit a processor's cache, in temporary files: an index of a million rows takes half the time.

        Within a transaction, where SQLite doesn't let it be changed, all is sorted in memory as ever.
        """
        with self.lock:
            if self._depth:
                yield
                return
            try:
                for pragma in _SORTING:
                    self.connection.exec_driver_sql(f"PRAGMA {pragma}")
                yield
            finally:
                with suppress(DatabaseError):  # what went wrong before is to be told
                    for pragma in _PRAGMAS:
                        self.connection.exec_driver_sql(f"PRAGMA {pragma}")

    def _begin(self) -> bool:
        """Begin to write; False where another process is in the way."""
        try:
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")
            return True
        except OperationalError as error:
            if is_busy(error):
                return False
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several questions to one state of the database; nothing is to be changed meanwhile."""
        with self.lock:
            if self._depth:
                yield
                return
            self.connection.exec_driver_sql("BEGIN")
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):
                    self.connection.exec_driver_sql("ROLLBACK")

    def fact(self, key: str) -> str:
        """A fact this index keeps about itself, empty where it has none."""
        rows = self.raw(("SELECT value FROM facts WHERE key = ?", (key,)))
        return str(rows[0][0] or "") if rows else ""

    def made(self) -> str:
        """What tells a database from one that was made anew: keys of rows mean nothing there."""
        return self.fact("made")

    def set_fact(self, key: str, value: str) -> None:
        with self.change() as connection:
            connection.exec_driver_sql("INSERT OR REPLACE INTO facts (key, value) VALUES (?, ?)", (key, value))

    def statistics(self) -> dict[str, int]:
        """How many rows each table holds."""
        tables = {"predictions": self.predictions, "runs": self.tables.runs, "pipelines": self.tables.pipelines}
        return {
            name: int(self.ask(select(func.count().label("n")).select_from(table))[0]["n"])
            for name, table in tables.items()
        }

    def state(self) -> tuple[int, int, int]:
        """What changes with every change of the database, by this connection or another."""
        raw: Any = self.connection.connection.dbapi_connection
        version = raw.execute("PRAGMA data_version").fetchone()[0]
        return id(raw), version, raw.total_changes

    def has_odd_values(self) -> bool:
        """Whether a value is of another type than its column, as after a byte has changed: SQLite notices nothing."""
        for one in (self.tables.runs, self.tables.pipelines, self.predictions):
            told = [func.typeof(c).not_in(STORED_AS[c.info["kind"]]) for c in one.c if "kind" in c.info]
            if self.raw(self.prepared(select(literal(1)).select_from(one).where(or_(*told)).limit(1))):
                return True
        return False

    def prepared(self, statement: Any) -> Prepared:
        """A statement as SQLite takes it, to be asked again and again with `raw`."""
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"render_postcompile": True})
        values = compiled.params  # made anew each time it is looked at
        return str(compiled), tuple(values[name] for name in compiled.positiontup or ())

    def raw(self, prepared: Prepared) -> list[tuple[Any, ...]]:
        """The rows of a prepared statement as plain tuples: for what is asked often, or gives many."""
        with self.lock:
            connection: Any = self.connection.connection.dbapi_connection
            try:
                return connection.execute(*prepared).fetchall()  # type: ignore[no-any-return]
            except sqlite3.DatabaseError as error:
                raise DatabaseError(prepared[0], None, error) from error

    def ask(self, statement: Any) -> list[dict[str, Any]]:
        """The rows a statement gives, as dictionaries."""
        with self.lock:
            return [dict(row) for row in self.connection.execute(statement).mappings()]


def _let_go(connection: Connection) -> None:
    """Close a connection and the file behind it: the pool would keep that open, with its lock."""
    try:
        connection.close()
    finally:
        connection.engine.dispose()


def _inode(place: Path | None) -> int | None:
    """What tells a file from another of its name; None where there is none, or nothing in it."""
    try:
        found = os.stat(place) if place is not None else None
    except OSError:
        return None
    return found.st_ino if found is not None and found.st_size else None


def is_busy(error: DatabaseError) -> bool:
    """Whether another process is in the way."""
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


def is_full(error: DatabaseError) -> bool:
    """Whether SQLite found no room on the disk."""
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: DatabaseError) -> int:
    return (getattr(error.orig, "sqlite_errorcode", 0) or 0) & 0xFF


def is_refused(error: DatabaseError) -> bool:
    """Whether the system would not read or write the file, as on a disk that is full or went away."""
    return _code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def is_damage(error: DatabaseError) -> bool:
    """Whether the database itself is at fault, and not the question."""
    text = str(error.orig)
    if "no such" in text or "has no column" in text or "malformed" in text or "Could not decode" in text:
        return True
    return _code(error) in _DAMAGE
