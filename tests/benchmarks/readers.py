"""The baselines' way in: DuckDB, Polars, pyarrow and raw SQLite over the same files.

Each is loaded and connected with its first call, when all that is ours has been measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

EVERY_COLUMN = "* replace (epoch_us(created_at) as created_at)"  # DuckDB needs pytz to give a time with a zone
Answer = TypeVar("Answer")
Rows = Callable[[], list[tuple[Any, ...]]]


def part_files(workspace: Path, kind: str = "meta") -> list[str]:
    """The parts of meta or data. Taken from the folder: nothing lies there that doesn't count."""
    return sorted(str(path) for path in (workspace / f"catalog/predictions_{kind}.parquet").glob("*.parquet"))


def later(make: Callable[[], Callable[[], Answer]]) -> Callable[[], Answer]:
    """What asks with the function that `make` returns, made with the first question."""
    made: list[Callable[[], Answer]] = []

    def ask() -> Answer:
        if not made:
            made.append(make())
        return made[0]()

    return ask


def duckdb_query(sql: str, workspace: Path, kind: str = "meta") -> Rows:
    """What asks DuckDB; `parts` in the SQL are those of the workspace."""

    def connect() -> Rows:
        import duckdb

        connection = duckdb.connect()
        text = sql.replace("from parts", f"from read_parquet({part_files(workspace, kind)!r})")
        return lambda: connection.execute(text).fetchall()

    return later(connect)


def sqlite_query(sql: str, workspace: Path) -> Rows:
    """What asks the sidecar index by plain sqlite3, for reading only."""

    def connect() -> Rows:
        address = f"{(workspace / 'catalog/index.sqlite').as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True)
        return lambda: connection.execute(sql).fetchall()

    return later(connect)


def ids_of(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """The first value of each row."""
    return [row[0] for row in rows]
