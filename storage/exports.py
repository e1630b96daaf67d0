"""Taking rows of the catalog away: as CSV for spreadsheets, as Parquet for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.disk import replaced_file
from storage.errors import BadInput, Exists
from storage.records import plain

if TYPE_CHECKING:
    from storage.catalog import Catalog

Report = Callable[[int, int, str], None]
_CHUNK = 10_000  # rows at a time
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it; all else stays as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_line(values: Sequence[Any]) -> list[Any]:
    """The cells of a CSV line: missing ones empty, times in ISO-8601, text harmless."""
    return [
        "" if value is None else value.isoformat() if isinstance(value, datetime) else harmless(plain(value))
        for value in values
    ]


def export_rows(
    catalog: Catalog,
    path: Path,
    keys: Sequence[int],
    filter: str,
    columns: Sequence[str],
    overwrite: bool,
    report: Report,
) -> int:
    """Write rows to `path`, .csv or .parquet, all at once; returns how many.

    Raises BadInput for another ending, Exists where something is and `overwrite` is not said, and what `report` does.
    """
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    if path.suffix.lower() not in writers:
        raise BadInput(f"{path.name} is neither .csv nor .parquet.", path, "Give the file one of these endings.")
    if path.exists() and not overwrite:
        raise Exists(f"{path} exists already.", path, "Choose another name, or say that it may be replaced.")

    def chunks() -> Iterator[list[dict[str, Any]]]:
        for start in range(0, len(keys), _CHUNK):
            report(start, len(keys), "writing rows")
            yield catalog.rows(keys[start : start + _CHUNK], filter)

    kinds = {column.name: column.kind for column in catalog.columns()}
    with replaced_file(path) as file:
        written = writers[path.suffix.lower()](file, chunks(), columns, kinds)
    report(len(keys), len(keys), "written")
    return written


def _write_csv(file: Any, chunks: Iterator[list[dict[str, Any]]], columns: Sequence[str], kinds: Any) -> int:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)  # the mark tells Excel that it's UTF-8
    writer = csv.writer(text)
    writer.writerow([harmless(name) for name in columns])
    count = 0
    for rows in chunks:
        writer.writerows(csv_line([row.get(name) for name in columns]) for row in rows)
        count += len(rows)
    text.flush()
    text.detach()
    return count


def _write_parquet(file: Any, chunks: Iterator[list[dict[str, Any]]], columns: Sequence[str], kinds: Any) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    known: dict[str, Any] = {
        "text": pa.string(),
        "date": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    fields = [(name, known[kinds.get(name, "number")]) for name in columns if name != "folder_exists"]
    schema = pa.schema([*fields, *([("folder_exists", pa.bool_())] if "folder_exists" in columns else [])])
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        for rows in chunks:
            values = {name: [row.get(name) for row in rows] for name in schema.names}
            writer.write_table(pa.Table.from_pydict(values, schema=schema))
            count += len(rows)
    return count
