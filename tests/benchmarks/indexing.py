"""Making the index again from the parts, beside the least SQLite needs: the same rows into the same tables."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.benchmarks.cases import Case, within
from tests.benchmarks.measure import timed
from tests.benchmarks.place import Place

RAW = "raw executemany + same indexes"
CHUNK = 50_000
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-65536")


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """The rebuild as the user asks for it; the raw one is given its rows for nothing."""
    from storage import Workspace

    target = place.own("indexing") / "raw.sqlite"
    index = place.catalog / "catalog/index.sqlite"
    with Workspace.open(place.catalog) as workspace:
        yield [
            Case(
                f"rebuild the index from {place.rows:,} rows",
                timed(workspace.rebuild_index, 3, warmup=0, seconds=30),
                {RAW: lambda: [raw_rebuild(index, target)]},
                within(1.5, RAW),
            )
        ]


def raw_rebuild(source: Path, target: Path) -> float:
    """Milliseconds to fill a new database with all rows of `source`, then to make its indexes.

    The time to read the rows from `source` doesn't count.
    """
    target.unlink(missing_ok=True)
    reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    with closing(reading) as old, closing(sqlite3.connect(target, isolation_level=None)) as new:
        for pragma in PRAGMAS:
            new.execute(f"pragma {pragma}")
        schema = _Schema(old)
        taken = _run(new, ["begin", *schema.tables.values(), *schema.virtual.values()])
        taken += sum(_copy(old, new, table) for table in schema.tables)
        for name, sql in schema.virtual.items():
            if "content=" in sql.replace(" ", ""):  # its text lies in another table
                taken += _run(new, [f"insert into {name}({name}) values ('rebuild')"])
            else:
                taken += _copy(old, new, name, "rowid, *")
        return taken + _run(new, [*schema.indexes, "commit"])


class _Schema:
    """The statements that made a database: ordinary tables, virtual ones (full text), indexes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("select type, name, sql from sqlite_master where sql is not null").fetchall()
        tables = {name: sql for kind, name, sql in found if kind == "table" and not name.startswith("sqlite_")}
        self.virtual = {name: sql for name, sql in tables.items() if sql.lower().startswith("create virtual")}
        behind = tuple(f"{name}_" for name in self.virtual)  # where a virtual table keeps what it has
        self.tables = {
            name: sql for name, sql in tables.items() if name not in self.virtual and not name.startswith(behind)
        }
        self.indexes = [sql for kind, _, sql in found if kind == "index"]


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str, columns: str = "*") -> float:
    rows = old.execute(f'select {columns} from "{table}"')
    names = ", ".join(f'"{column[0]}"' for column in rows.description)
    places = ", ".join("?" * len(rows.description))
    taken = 0.0
    while chunk := rows.fetchmany(CHUNK):
        start = time.perf_counter()
        new.executemany(f'insert into "{table}" ({names}) values ({places})', chunk)
        taken += (time.perf_counter() - start) * 1e3
    return taken


def _run(connection: sqlite3.Connection, statements: list[str]) -> float:
    start = time.perf_counter()
    for statement in statements:
        connection.execute(statement)
    return (time.perf_counter() - start) * 1e3
