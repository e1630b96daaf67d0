"""Taking rows of the catalog away: as CSV for spreadsheets, as Parquet for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from storage.disk import replaced_file
from storage.errors import BadInput, Exists
from storage.records import plain

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
    path: Path,
    keys: Sequence[int],
    columns: Mapping[str, str],
    fetch: Callable[[Sequence[int]], list[Sequence[Any]]],
    overwrite: bool,
    report: Report,
    *,
    create: bool = False,
) -> int:
    """Write rows to `path`, .csv or .parquet, all at once; returns how many.

    `columns` are names and kinds, `fetch(keys)` gives the values of these columns, one list each. Raises BadInput for
    another ending, Exists where something is and `overwrite` is not said, and what `report` does.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise BadInput(f"{path.name} is neither .csv nor .parquet.", path, "Give the file one of these endings.")
    if os.path.lexists(path) and not overwrite:
        raise Exists(f"{path} exists already.", path, "Choose another name, or say that it may be replaced.")

    def chunks() -> Iterator[list[Sequence[Any]]]:
        for start in range(0, len(keys), _CHUNK):
            report(start, len(keys), "writing rows")
            yield fetch(keys[start : start + _CHUNK])

    with replaced_file(path, create=create) as file:
        written = _write(file, path.suffix.lower() == ".csv", columns, chunks())
    report(len(keys), len(keys), "written")
    return written


def _write(file: Any, as_csv: bool, columns: Mapping[str, str], chunks: Iterator[list[Sequence[Any]]]) -> int:
    import pyarrow as pa
    import pyarrow.csv as pc_csv
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(kind)) for name, kind in columns.items()])
    if as_csv:
        file.write(b"\xef\xbb\xbf")  # the mark tells Excel that it is UTF-8
        written = pa.schema([(harmless(n), pa.string() if k == "time" else _arrow_type(k)) for n, k in columns.items()])
        writer = pc_csv.CSVWriter(file, written)
    else:
        writer = pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True)
    count = 0
    with writer:
        for values in chunks:
            arrays = [pa.array(own, one.type) for own, one in zip(values, schema, strict=True)]
            if as_csv:
                arrays = [_as_cells(array) for array in arrays]
            writer.write_table(pa.Table.from_arrays(arrays, schema=written if as_csv else schema))
            count += len(values[0])
    return count


def _arrow_type(kind: str) -> Any:
    import pyarrow as pa

    known = {"integer": pa.int64(), "number": pa.float64(), "time": pa.timestamp("us", tz="UTC")}
    return known.get(kind, pa.string())


def _as_cells(array: Any) -> Any:
    """A column as a CSV has it: times in ISO-8601, text that a spreadsheet would run made harmless."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(array.type):
        return pc.strftime(array, format="%Y-%m-%dT%H:%M:%SZ")
    if not pa.types.is_string(array.type):
        return array
    runs = pc.match_substring_regex(array, r"^[=+\-@\t\r]")
    return pc.if_else(runs, pc.binary_join_element_wise("'", array, ""), array)
