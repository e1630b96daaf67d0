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
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Integer,
    MetaData,
    String,
    Table,
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
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from storage.disk import make_cache_folder, remove_cache
from storage.errors import Locked, StorageError
from storage.query import from_microseconds, to_microseconds
from storage.records import Manifest, PartRecord

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "1"
MAX_COLUMNS = 1_900  # SQLite's own limit is 2,000
_BUSY_SECONDS = 10
_TYPES: dict[str, Any] = {"text": String, "integer": Integer, "number": Float, "time": Integer, "date": String}

PREDICTION_COLUMNS = {
    "prediction_id": "text",
    "dataset_name": "text",
    "run_id": "text",
    "run_date": "date",
    "pipeline_id": "text",
    "pipeline_name": "text",
    "config_name": "text",
    "config_hash": "text",
    "model_type": "text",
    "task_type": "text",
    "status": "text",
    "created_at": "time",
    "n_samples": "integer",
    "n_features": "integer",
    "n_folds": "integer",
    "fit_seconds": "number",
    "created_by": "text",
    "run_name": "text",
    "data_hash": "text",
    "seed": "integer",
}
_RUN_COLUMNS = {
    "folder": "text",
    "run_id": "text",
    "dataset_name": "text",
    "run_name": "text",
    "date": "date",
    "created_at": "time",
    "status": "text",
    "writer": "text",
    "total": "integer",
    "successful": "integer",
    "failed": "integer",
    "interrupted": "integer",
    "metric_name": "text",
    "metric_value": "number",
    "task_type": "text",
    "problem": "text",
    "signature": "text",
}
_PIPELINE_COLUMNS = {
    "folder": "text",
    "pipeline_id": "text",
    "number": "integer",
    "name": "text",
    "status": "text",
    "writer": "text",
    "model_type": "text",
    "prediction_id": "text",
    "problem": "text",
    "signature": "text",
}


def _column(name: str, kind: str, **options: Any) -> Column[Any]:
    return Column(name, _TYPES[kind], info={"kind": kind}, **options)


class Index:
    """The sidecar of one workspace. Safe to share between threads: one connection, one lock.

    `notices` collects what the user should be told once, such as "the index was damaged and made again".
    """

    def __init__(self, path: Path, workspace_id: str, *, writable: bool, cache: Path) -> None:
        self._places = ([path] if writable else []) + [cache / f"{workspace_id}.sqlite"]
        self._workspace_id = workspace_id
        self._lock = threading.RLock()
        self._depth = 0
        self.path: Path | None = None
        self.notices: list[str] = []
        self._sorts: set[str] = set()
        self._schema_version: int | None = None
        self._seen: int | None = None  # the state other connections left, when last asked
        self._declare(())
        self._connection = self._open_somewhere()

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
        facts = {key: value for key, value in connection.execute(select(self._facts.c.key, self._facts.c.value))}
        if (facts.get("version"), facts.get("workspace_id")) != (VERSION, self._workspace_id):
            return "other"
        self._read_columns(connection)
        return "current"

    def _create(self, connection: Connection) -> None:
        self._declare(())
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        self._metadata.create_all(connection)
        facts = {"version": VERSION, "workspace_id": self._workspace_id, "manifest": ""}
        for key, value in facts.items():
            connection.execute(insert(self._facts).prefix_with("OR IGNORE"), {"key": key, "value": value})
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
        return self.path is not None and not self.path.exists()

    # ------------------------------------------------------------ tables

    def _declare(self, metrics: Iterable[str]) -> None:
        """Describe the tables; `metrics` are the columns of predictions beyond the fixed ones."""
        self._inserts: dict[frozenset[str], tuple[str, list[str]]] = {}
        self._metadata = MetaData()
        self._facts = Table("facts", self._metadata, Column("key", String, primary_key=True), Column("value", String))
        self._parts = Table(
            "parts",
            self._metadata,
            Column("file", String, primary_key=True),
            Column("rows", Integer),
            Column("problem", String),
        )
        self._runs = Table(
            "runs",
            self._metadata,
            *(_column(name, kind, primary_key=name == "folder") for name, kind in _RUN_COLUMNS.items()),
        )
        self._pipelines = Table(
            "pipelines",
            self._metadata,
            *(
                _column(name, kind, primary_key=name in ("folder", "pipeline_id"))
                for name, kind in _PIPELINE_COLUMNS.items()
            ),
            SqlIndex("pipelines_prediction", "prediction_id"),
            SqlIndex("pipelines_order", "folder", "number"),
        )
        self.predictions = Table(
            "predictions",
            self._metadata,
            Column("key", Integer, primary_key=True),
            *(_column(name, kind, unique=name == "prediction_id") for name, kind in PREDICTION_COLUMNS.items()),
            *(_column(name, "number") for name in metrics),
            SqlIndex("predictions_same", "config_hash", "data_hash"),
            SqlIndex("predictions_run", "run_id"),
        )

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
                with suppress(DatabaseError):
                    self._connection.exec_driver_sql("ROLLBACK")
                raise
            finally:
                self._depth = 0

    # ------------------------------------------------------------ following the catalog

    def follows(self) -> str:
        """The mark of the manifest this index reflects; compare with `manifest_mark`."""
        with self._lock:
            value = self._connection.execute(
                select(self._facts.c.value).where(self._facts.c.key == "manifest")
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

    def sync(self, manifest: Manifest, read: Callable[[PartRecord, Sequence[str] | None], pa.Table]) -> bool:
        """Bring predictions up to the manifest, reading only parts not seen yet; True if anything changed.

        `read(part, columns)` gives a part's table. A damaged part is named in `notices`; the others work.
        """
        if self.follows() == manifest_mark(manifest):
            return False
        with self.change() as connection:
            seen = set(connection.execute(select(self._parts.c.file)).scalars())
            problems: dict[str, str] = {}
            for part in (p for p in manifest.meta if p.file not in seen):
                try:
                    self._take_in(connection, part, read)
                except StorageError as error:
                    problems[part.file] = error.what
            self._set_parts(connection, manifest, problems)
            if not problems:
                self._drop_deleted(connection, manifest, read)
        self.notices += [f"{what} Its results are missing from the list." for what in problems.values()]
        return True

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
        for part in manifest.meta:
            live.update(read(part, ["prediction_id"]).column(0).to_pylist())
        gone = [i for i in connection.execute(select(self.predictions.c.prediction_id)).scalars() if i not in live]
        statement = delete(self.predictions).where(self.predictions.c.prediction_id == bindparam("gone"))
        if gone:
            connection.execute(statement, [{"gone": i} for i in gone])

    def _set_parts(self, connection: Connection, manifest: Manifest, problems: Mapping[str, str] | None = None) -> None:
        connection.execute(delete(self._parts))
        rows = [{"file": p.file, "rows": p.rows, "problem": (problems or {}).get(p.file)} for p in manifest.meta]
        if rows:
            connection.execute(insert(self._parts), rows)
        where = self._facts.c.key == "manifest"
        connection.execute(self._facts.update().where(where).values(value=manifest_mark(manifest)))

    def _insert(self, table: pa.Table) -> None:
        """Insert the rows of a meta table; text where a number belongs becomes null, an unknown text column is left."""
        with self.change() as connection:
            self.refresh()
            self._add_columns(f.name for f in table.schema if _is_number_type(f.type))
            by_name = {name.lower(): column for name, column in self.columns.items()}
            taken = {
                by_name[f.name.lower()].name: _values(table.column(i), by_name[f.name.lower()].info["kind"])
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

    # ------------------------------------------------------------ runs and pipelines

    def run_signatures(self) -> dict[str, str]:
        """The signature of each run folder as it was last read."""
        with self._lock:
            rows = self._connection.execute(select(self._runs.c.folder, self._runs.c.signature))
            return {folder: signature for folder, signature in rows}

    def pipeline_signatures(self, folder: str) -> dict[str, str]:
        """The signature of each pipeline folder of a run as it was last read."""
        p = self._pipelines
        rows = self._all(select(p.c.pipeline_id, p.c.signature).where(p.c.folder == folder))
        return {row["pipeline_id"]: row["signature"] for row in rows}

    def put_run(self, run: Mapping[str, Any], changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> bool:
        """Note one run folder: its own row, pipelines that were read anew, and pipelines that are gone.

        True if anything is different from what was noted before; signatures alone are no difference.
        """
        p, r = self._pipelines, self._runs
        with self.change() as connection:
            before = self._all(select(r).where(r.c.folder == run["folder"]))
            before += self._all(select(p).where(p.c.folder == run["folder"])) if changed else []
            connection.execute(insert(self._runs).prefix_with("OR REPLACE"), _timed(run))
            if changed:
                connection.execute(insert(p).prefix_with("OR REPLACE"), [dict(row) for row in changed])
            for pipeline_id in gone:
                connection.execute(delete(p).where(and_(p.c.folder == run["folder"], p.c.pipeline_id == pipeline_id)))
        known = {_unsigned(row) for row in before}
        return bool(gone) or any(_unsigned(row) not in known for row in (_timed(run), *changed))

    def remove_runs(self, folders: Iterable[str]) -> None:
        with self.change() as connection:
            for folder in folders:
                self._forget_run(connection, folder)

    def _forget_run(self, connection: Connection, folder: str) -> None:
        connection.execute(delete(self._runs).where(self._runs.c.folder == folder))
        connection.execute(delete(self._pipelines).where(self._pipelines.c.folder == folder))

    def runs(self, dataset: str | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """Runs, newest first, with their counts taken from the pipelines themselves."""
        p = self._pipelines
        counted = {
            name: func.count().filter(p.c.status == status).label(name)
            for name, status in (("successful", "completed"), ("failed", "failed"), ("interrupted", "interrupted"))
        }
        counts = select(p.c.folder, func.count().label("total"), *counted.values()).group_by(p.c.folder).subquery()
        own = [c for c in self._runs.c if c.name not in ("total", *counted)]
        statement = (
            select(*own, *(func.coalesce(counts.c[name], 0).label(name) for name in ("total", *counted)))
            .join_from(self._runs, counts, counts.c.folder == self._runs.c.folder, isouter=True)
            .order_by(self._runs.c.date.desc(), self._runs.c.created_at.desc(), self._runs.c.folder)
        )
        if dataset is not None:
            statement = statement.where(self._runs.c.dataset_name == dataset)
        if run_id is not None:
            statement = statement.where(self._runs.c.run_id == run_id)
        return [_dated(row) for row in self._all(statement)]

    def pipelines(self, folder: str, offset: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Pipelines of a run folder by number, each with the columns of its catalog row that exist."""
        own = [c for c in self._pipelines.c if c.name not in ("signature",)]
        statement = (
            select(*own, *(c for name, c in self.columns.items() if c.info["kind"] == "number" and name not in own))
            .join_from(
                self._pipelines,
                self.predictions,
                self.predictions.c.prediction_id == self._pipelines.c.prediction_id,
                isouter=True,
            )
            .where(self._pipelines.c.folder == folder)
            .order_by(self._pipelines.c.number, self._pipelines.c.pipeline_id)
            .offset(offset)
        )
        return self._all(statement.limit(limit) if limit is not None else statement)

    def pipeline_count(self, folder: str) -> int:
        return int(self._all(select(func.count().label("n")).where(self._pipelines.c.folder == folder))[0]["n"])

    def has_problems(self) -> bool:
        """Whether a part of the catalog could not be read."""
        return bool(self._all(select(self._parts.c.file).where(self._parts.c.problem.is_not(None))))

    def uncommitted(self) -> list[dict[str, Any]]:
        """Pipelines that ended, by their own document, and have no row in the catalog."""
        return self._lacking(self._pipelines.c.status.in_(("completed", "failed")))

    def unfinished(self) -> list[dict[str, Any]]:
        """Pipelines and the writers that were working on them."""
        p = self._pipelines
        return self._all(select(p.c.folder, p.c.pipeline_id, p.c.writer).where(p.c.status == "running"))

    def unfinished_runs(self) -> list[dict[str, Any]]:
        """Runs that were never finalized, and their writers."""
        r = self._runs
        return self._all(select(r.c.folder, r.c.writer).where(r.c.status == "running"))

    def _lacking(self, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
        p = self._pipelines
        there = exists().where(self.predictions.c.prediction_id == p.c.prediction_id)
        return self._all(select(p.c.folder, p.c.pipeline_id, p.c.writer).where(and_(condition, ~there)))

    # ------------------------------------------------------------ predictions

    def keys(self, condition: ColumnElement[bool], order: Sequence[Any], limit: int | None, offset: int) -> array[int]:
        """Row keys that meet a condition, in order: one query."""
        key = self.predictions.c.key
        statement = select(key).where(condition).order_by(*order, key.desc()).offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        with self._lock:
            return array("q", self._connection.execute(statement).scalars())

    def count(self, condition: ColumnElement[bool]) -> int:
        return int(self._all(select(func.count().label("n")).select_from(self.predictions).where(condition))[0]["n"])

    def rows(self, keys: Sequence[int]) -> list[dict[str, Any]]:
        """Whole rows by key, in the order asked; a key that is gone is left out."""
        there = exists().where(self._pipelines.c.prediction_id == self.predictions.c.prediction_id)
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(keys), 10_000):
            chunk = list(keys[start : start + 10_000])
            statement = select(self.predictions, there.label("folder_exists")).where(self.predictions.c.key.in_(chunk))
            found.update((row["key"], row) for row in self._all(statement))
        for row in found.values():
            row["folder_exists"] = bool(row["folder_exists"])
            if row["created_at"] is not None:
                row["created_at"] = from_microseconds(row["created_at"])
        return [found[key] for key in keys if key in found]

    def find(self, prediction_id: str) -> int | None:
        rows = self._all(select(self.predictions.c.key).where(self.predictions.c.prediction_id == prediction_id))
        return int(rows[0]["key"]) if rows else None

    def place_of(self, prediction_id: str) -> tuple[str, str] | None:
        """The run folder and pipeline folder that hold a prediction."""
        p = self._pipelines
        rows = self._all(select(p.c.folder, p.c.pipeline_id).where(p.c.prediction_id == prediction_id))
        return (rows[0]["folder"], rows[0]["pipeline_id"]) if rows else None

    def done_before(self, config_hash: str, data_hash: str, seed: int, dataset: str) -> tuple[str, str] | None:
        """Run and pipeline where the same configuration, data, split and seed were completed and still lie."""
        c, p = self.predictions.c, self._pipelines
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
        rows = self._all(statement)
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
        tables = {"predictions": self.predictions, "runs": self._runs, "pipelines": self._pipelines}
        return {
            name: int(self._all(select(func.count().label("n")).select_from(table))[0]["n"])
            for name, table in tables.items()
        }

    def _all(self, statement: Any) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._connection.execute(statement).mappings()]


def manifest_mark(manifest: Manifest) -> str:
    """What tells one state of the catalog from another: the generation and the names of the parts."""
    names = "\0".join(part.file for part in manifest.meta)
    return f"{manifest.generation}:{hashlib.sha256(names.encode()).hexdigest()[:16]}"


def _is_busy(error: DatabaseError) -> bool:
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


def _is_number_type(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _values(column: Any, kind: str) -> list[Any]:
    """The values of an Arrow column in the form the index keeps; what can't be converted is null."""
    import pyarrow as pa

    if kind == "time" and pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    return [_value(value, kind) for value in column.to_pylist()]


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind in ("number", "integer"):
        if not isinstance(value, (int, float)) or value != value:
            return None
        return float(value) if kind == "number" else int(value)
    if kind == "time":
        with suppress(ValueError):
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return None
    if kind == "date":
        return value.isoformat()[:10] if isinstance(value, date) else str(value)
    return str(value)


def _timed(row: Mapping[str, Any]) -> dict[str, Any]:
    moment = row["created_at"]
    return {**row, "created_at": to_microseconds(moment) if moment is not None else None}


def _unsigned(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in row.items() if name != "signature"))


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    moment = row["created_at"]
    return {**row, "created_at": from_microseconds(moment) if moment is not None else None}
