"""The SQLite sidecar: a cache that lists and finds; delete it at any time and it is made again from the files.

It holds runs, pipelines and predictions (one wide table, a real column per metric) and says which manifest it
follows. There are no migrations: a wrong version or any damage means start again. Only this module and `query`
know SQL.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    and_,
    bindparam,
    create_engine,
    delete,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy import Index as SqlIndex
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from storage.disk import make_cache_folder, remove_cache
from storage.errors import Locked, StorageError
from storage.query import from_microseconds
from storage.records import Manifest, PartRecord
from storage.run_index import RunIndex
from storage.schema import PREDICTION_COLUMNS, declare, is_number_type, sql_values

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "1"
MAX_COLUMNS = 1_900  # SQLite's own limit is 2,000
_BUSY_SECONDS = 10


class Index:
    """The sidecar of one workspace. Safe to share between threads: one connection, one lock.

    `notices` collects what the user should be told once, such as "the index was damaged and made again".
    """

    def __init__(self, path: Path, workspace_id: str, *, writable: bool, cache: Path) -> None:
        name = hashlib.sha256(workspace_id.encode()).hexdigest()[:32]  # the id comes from a file: it may be a path
        self._places = ([path] if writable else []) + [cache / f"{name}.sqlite"]
        self._workspace_id = workspace_id
        self._lock = threading.RLock()
        self._depth = 0
        self.path: Path | None = None
        self.notices: list[str] = []
        self._sorts: set[str] = set()
        self._schema_version: int | None = None
        self._seen: int | None = None  # the state other connections left, when last asked
        self._declare([])
        self._connection = self._open_somewhere()
        self.runs = RunIndex(self)

    # ------------------------------------------------------------ opening and starting again

    def _open_somewhere(self) -> Connection:
        """The index beside the catalog, else in the user's cache, else in memory."""
        for place in self._places:
            try:
                if place is not self._places[0] or place.parent.name != "catalog":
                    make_cache_folder(place.parent)
                return self._open(place)
            except (DatabaseError, OSError, StorageError):
                continue
        self.notices.append("The index could be written nowhere; it is kept in memory, so opening takes longer.")
        return self._open(None)

    def _open(self, place: Path | None) -> Connection:
        """Open or make the database at `place`; what is there and is no index of ours is replaced."""
        self.path = place
        for attempt in (1, 2):
            connection = self._connect(place)
            try:
                found = self._look(connection)
                if found == "current":
                    return connection
                if found == "new":
                    self._create(connection)
                    return connection
                reason = "belonged to another version or workspace"
            except DatabaseError as error:
                if attempt == 2 or place is None or _is_busy(error):
                    connection.close()
                    raise
                reason = "was damaged"
            connection.close()
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
        return engine.connect()

    def _look(self, connection: Connection) -> str:
        """ "new", "current" or "other"; raises DatabaseError for what is no database."""
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-65536"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        names = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")}
        if not names:
            return "new"
        if "facts" not in names:
            return "other"
        facts = {
            key: value for key, value in connection.execute(select(self.tables.facts.c.key, self.tables.facts.c.value))
        }
        if (facts.get("version"), facts.get("workspace_id")) != (VERSION, self._workspace_id):
            return "other"
        self._read_columns(connection)
        return "current"

    def _create(self, connection: Connection) -> None:
        self._declare([])
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        self.tables.metadata.create_all(connection)
        facts = {"version": VERSION, "workspace_id": self._workspace_id, "manifest": ""}
        for key, value in facts.items():
            connection.execute(insert(self.tables.facts).prefix_with("OR IGNORE"), {"key": key, "value": value})
        connection.exec_driver_sql("COMMIT")

    def start_again(self, reason: str = "") -> None:
        """Delete the database and make an empty one; the caller fills it from the files."""
        with self._lock:
            with suppress(DatabaseError, sqlite3.Error):
                self._connection.close()
            if self.path is not None:
                remove_cache(self.path)
            if reason:
                self.notices.append(f"The index {reason} and was made again. No results were affected.")
            self._depth = 0
            self._sorts.clear()
            self._connection = self._open_somewhere()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._connection.engine.dispose()

    def vanished(self) -> bool:
        """Whether the file was deleted under this connection, which would go on without noticing."""
        return not self.path.exists() if self.path is not None else self._connection.invalidated

    def revive(self) -> None:
        """Open the database again where Ctrl+C struck in the middle of a question, which ends the connection."""
        with self._lock:
            if self._connection.invalidated:
                self._connection.close()
                self._connection = self._open(self.path)

    # ------------------------------------------------------------ tables

    def _declare(self, metrics: list[str]) -> None:
        self.tables = declare(metrics)
        self.predictions = self.tables.predictions
        self._inserts: dict[frozenset[str], tuple[str, list[str]]] = {}

    def changed_elsewhere(self) -> bool:
        """Whether another connection has changed the database since this was last asked."""
        with self._lock:
            version = self._connection.exec_driver_sql("PRAGMA data_version").scalar()
            changed, self._seen = version != self._seen, version
            return changed

    def refresh(self) -> None:
        """Learn of columns that another process added."""
        with self._lock:
            if self._connection.exec_driver_sql("PRAGMA schema_version").scalar() != self._schema_version:
                self._read_columns(self._connection)

    def _read_columns(self, connection: Connection) -> None:
        self._schema_version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
        names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(predictions)")]
        metrics = [name for name in names if name not in PREDICTION_COLUMNS and name != "key"]
        if metrics != list(self.columns)[len(PREDICTION_COLUMNS) :]:
            self._declare(metrics)

    @property
    def columns(self) -> dict[str, Column[Any]]:
        """The columns of predictions that people see, by name."""
        return {column.name: column for column in self.predictions.c if column.name != "key"}

    def _add_columns(self, names: Iterable[str]) -> None:
        """Add a real column for each metric that is new; SQLite's names don't tell upper from lower case."""
        known = {column.name.lower() for column in self.predictions.c}
        fresh = [name for name in dict.fromkeys(names) if name.lower() not in known]
        fresh = fresh[: max(0, MAX_COLUMNS - len(known))]
        if not fresh:
            return
        for name in fresh:
            text = CreateColumn(Column(name, Float)).compile(dialect=self._connection.dialect)
            self._connection.exec_driver_sql(f"ALTER TABLE predictions ADD COLUMN {text}".replace("%%", "%"))
        self._declare([*list(self.columns)[len(PREDICTION_COLUMNS) :], *fresh])

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One write transaction; nested uses join it. Raises Locked when another process is in the way too long."""
        with self._lock:
            if self._depth:
                yield self._connection
                return
            try:
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if _is_busy(error):
                    raise Locked("The index is in use by another program.", self.path, "Try again.") from error
                raise
            self._depth = 1
            try:
                yield self._connection
                self._connection.exec_driver_sql("COMMIT")
            except BaseException:
                with suppress(SQLAlchemyError):
                    self._connection.exec_driver_sql("ROLLBACK")
                raise
            finally:
                self._depth = 0

    # ------------------------------------------------------------ following the catalog

    def follows(self) -> str:
        """The mark of the manifest this index reflects; compare with `manifest_mark`."""
        with self._lock:
            value = self._connection.execute(
                select(self.tables.facts.c.value).where(self.tables.facts.c.key == "manifest")
            ).scalar()
            return str(value or "")

    def follow_append(self, before: Manifest, after: Manifest, meta: pa.Table) -> None:
        """Take in one commit, if the index stood at the commit before it; else the next sync will."""
        try:
            with self.change() as connection:
                if self.follows() != manifest_mark(before):
                    return
                self._insert(meta)
                self._set_parts(connection, after)
        except Locked:
            pass

    def follow_merge(self, before: Manifest, after: Manifest) -> None:
        """Take in a compaction: other files, the same rows."""
        try:
            with self.change() as connection:
                if self.follows() == manifest_mark(before):
                    self._set_parts(connection, after)
        except Locked:
            pass

    def sync(
        self, manifest_now: Callable[[], Manifest], read: Callable[[PartRecord, Sequence[str] | None], pa.Table]
    ) -> bool:
        """Bring predictions up to the manifest, reading only parts not seen yet; True if anything changed.

        `read(part, columns)` gives a part's table. A damaged part is named in `notices`; the others work.
        """
        if self.follows() == manifest_mark(manifest_now()):
            return False
        with self.change() as connection:
            manifest = manifest_now()  # again: an older one would take back what another process noted meanwhile
            problems = self._take_in_parts(connection, manifest, read)
            while problems and manifest_mark(manifest) != manifest_mark(manifest_now()):  # merged away, not damaged
                manifest = manifest_now()
                problems = self._take_in_parts(connection, manifest, read)
            self._set_parts(connection, manifest, problems)
            if not problems:
                self._drop_deleted(connection, manifest, read)
        self.notices += [f"{what} Its results are missing from the list." for what in problems.values()]
        return True

    def _take_in_parts(
        self,
        connection: Connection,
        manifest: Manifest,
        read: Callable[[PartRecord, Sequence[str] | None], pa.Table],
    ) -> dict[str, str]:
        """Take in the parts not seen yet; returns what is wrong with those that can't be read, by file."""
        seen = set(connection.execute(select(self.tables.parts.c.file)).scalars())
        problems: dict[str, str] = {}
        for part in (p for p in manifest.meta if p.file not in seen):
            try:
                self._take_in(connection, part, read)
            except StorageError as error:
                problems[part.file] = error.what
        return problems

    def _take_in(
        self, connection: Connection, part: PartRecord, read: Callable[[PartRecord, Sequence[str] | None], pa.Table]
    ) -> None:
        """Insert the rows of a part that are not there yet: a merged part brings none."""
        count = connection.execute(select(func.count()).select_from(self.predictions)).scalar() or 0
        if count == 0:
            self._insert(read(part, None))
            return
        ids = read(part, ["prediction_id"]).column(0).to_pylist()
        known = set(self._known_ids(connection, ids))
        if len(known) < len(ids):
            import pyarrow as pa

            table = read(part, None)
            self._insert(table.filter(pa.array([i not in known for i in ids])))

    def _known_ids(self, connection: Connection, ids: Sequence[str]) -> Iterator[str]:
        column = self.predictions.c.prediction_id
        for start in range(0, len(ids), 10_000):
            yield from connection.execute(select(column).where(column.in_(ids[start : start + 10_000]))).scalars()

    def _drop_deleted(
        self,
        connection: Connection,
        manifest: Manifest,
        read: Callable[[PartRecord, Sequence[str] | None], pa.Table],
    ) -> None:
        """Remove rows that no live part holds; told from the count, so that it costs nothing when there are none."""
        count = connection.execute(select(func.count()).select_from(self.predictions)).scalar() or 0
        if count == sum(part.rows for part in manifest.meta):
            return
        live: set[str] = set()
        try:
            for part in manifest.meta:
                live.update(read(part, ["prediction_id"]).column(0).to_pylist())
        except StorageError:
            return  # a part that can't be read may hold them
        gone = [i for i in connection.execute(select(self.predictions.c.prediction_id)).scalars() if i not in live]
        statement = delete(self.predictions).where(self.predictions.c.prediction_id == bindparam("gone"))
        if gone:
            connection.execute(statement, [{"gone": i} for i in gone])

    def _set_parts(self, connection: Connection, manifest: Manifest, problems: Mapping[str, str] | None = None) -> None:
        connection.execute(delete(self.tables.parts))
        rows = [{"file": p.file, "rows": p.rows, "problem": (problems or {}).get(p.file)} for p in manifest.meta]
        if rows:
            connection.execute(insert(self.tables.parts), rows)
        where = self.tables.facts.c.key == "manifest"
        connection.execute(self.tables.facts.update().where(where).values(value=manifest_mark(manifest)))

    def _insert(self, table: pa.Table) -> None:
        """Insert the rows of a meta table; text where a number belongs becomes null, an unknown text column is left."""
        with self.change() as connection:
            self.refresh()
            self._add_columns(f.name for f in table.schema if is_number_type(f.type))
            by_name = {name.lower(): column for name, column in self.columns.items()}
            taken = {
                by_name[f.name.lower()].name: sql_values(table.column(i), by_name[f.name.lower()].info["kind"])
                for i, f in enumerate(table.schema)
                if f.name.lower() in by_name
            }
            text, order = self._insert_statement(frozenset(taken))
            rows = list(zip(*(taken[name] for name in order), strict=True))
            if rows:
                connection.exec_driver_sql(text, rows)

    def _insert_statement(self, names: frozenset[str]) -> tuple[str, list[str]]:
        """The text that inserts these columns and the order of its values; compiled once for all rows to come."""
        if names not in self._inserts:
            order = [column.name for column in self.predictions.c if column.name in names]
            statement = insert(self.predictions).prefix_with("OR IGNORE").values({n: bindparam(n) for n in order})
            self._inserts[names] = str(statement.compile(dialect=self._connection.dialect)), order
        return self._inserts[names]

    # ------------------------------------------------------------ predictions

    def has_problems(self) -> bool:
        """Whether a part of the catalog could not be read."""
        return bool(self.ask(select(self.tables.parts.c.file).where(self.tables.parts.c.problem.is_not(None))))

    def keys(self, condition: ColumnElement[bool], order: Sequence[Any], limit: int | None, offset: int) -> array[int]:
        """Row keys that meet a condition, in order: one query."""
        key = self.predictions.c.key
        statement = select(key).where(condition).order_by(*order, key.desc()).offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        with self._lock:
            return array("q", self._connection.execute(statement).scalars())

    def count(self, condition: ColumnElement[bool]) -> int:
        return int(self.ask(select(func.count().label("n")).select_from(self.predictions).where(condition))[0]["n"])

    def rows(
        self, keys: Sequence[int], computed: Mapping[str, ColumnElement[Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Whole rows by key, in the order asked, with computed columns; a key that is gone is left out."""
        there = exists().where(self.tables.pipelines.c.prediction_id == self.predictions.c.prediction_id)
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(keys), 10_000):
            chunk = list(keys[start : start + 10_000])
            extra = [column.label(name) for name, column in (computed or {}).items()]
            statement = select(self.predictions, there.label("folder_exists"), *extra)
            statement = statement.where(self.predictions.c.key.in_(chunk))
            found.update((row["key"], row) for row in self.ask(statement))
        for row in found.values():
            row["folder_exists"] = bool(row["folder_exists"])
            if row["created_at"] is not None:
                row["created_at"] = from_microseconds(row["created_at"])
        return [found[key] for key in keys if key in found]

    def find(self, prediction_id: str) -> int | None:
        rows = self.ask(select(self.predictions.c.key).where(self.predictions.c.prediction_id == prediction_id))
        return int(rows[0]["key"]) if rows else None

    def place_of(self, prediction_id: str) -> tuple[str, str] | None:
        """The run folder and pipeline folder that hold a prediction."""
        p = self.tables.pipelines
        rows = self.ask(select(p.c.folder, p.c.pipeline_id).where(p.c.prediction_id == prediction_id))
        return (rows[0]["folder"], rows[0]["pipeline_id"]) if rows else None

    def done_before(self, config_hash: str, data_hash: str, seed: int, dataset: str) -> tuple[str, str] | None:
        """Run and pipeline where the same configuration, data, split and seed were completed and still lie."""
        c, p = self.predictions.c, self.tables.pipelines
        statement = (
            select(p.c.folder, p.c.pipeline_id)
            .join(self.predictions, c.prediction_id == p.c.prediction_id)
            .where(
                and_(
                    c.config_hash == config_hash,
                    c.data_hash == data_hash,
                    c.seed == seed,
                    c.dataset_name == dataset,
                    c.status == "completed",
                    p.c.status == "completed",
                )
            )
            .limit(1)
        )
        rows = self.ask(statement)
        return (rows[0]["folder"], rows[0]["pipeline_id"]) if rows else None

    def ensure_sorted(self, names: Sequence[str]) -> None:
        """Make the index a sort needs, the first time it is asked for."""
        wanted = [self.predictions.c[name] for name in names if name in self.columns]
        if not wanted:
            return
        name = "sort_" + hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
        if name in self._sorts:
            return
        with suppress(Locked), self.change() as connection:
            SqlIndex(name, *wanted).create(connection, checkfirst=True)
            self._sorts.add(name)

    def statistics(self) -> dict[str, int]:
        """How many rows each table holds."""
        tables = {"predictions": self.predictions, "runs": self.tables.runs, "pipelines": self.tables.pipelines}
        return {
            name: int(self.ask(select(func.count().label("n")).select_from(table))[0]["n"])
            for name, table in tables.items()
        }

    def ask(self, statement: Any) -> list[dict[str, Any]]:
        """The rows a statement gives, as dictionaries."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(statement).mappings()]


def manifest_mark(manifest: Manifest) -> str:
    """What tells one state of the catalog from another: the generation and the names of the parts."""
    names = "\0".join(part.file for part in manifest.meta)
    return f"{manifest.generation}:{hashlib.sha256(names.encode()).hexdigest()[:16]}"


def _is_busy(error: DatabaseError) -> bool:
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
