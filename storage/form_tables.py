"""Parquet tables of a source and the arrays in them, or in JSON: lists of numbers or texts, flat or nested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput, Corrupt

_KEPT_TABLES = 2  # Parquet files held in memory


class Table:
    """A Parquet file that was read: its columns, and its rows by the values of one of them."""

    def __init__(self, table: Any, key: str) -> None:
        self._columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        self.rows: dict[Any, int] = {}
        for row, value in enumerate(self._columns[key].to_pylist() if key in self._columns else ()):
            self.rows.setdefault(value, row)

    def cell(self, name: str, row: int) -> Any:
        """A value, a list as an array; None where there is none. Raises BadInput for what is no list of values."""
        column = self._columns.get(name)
        if column is None:
            return None
        value = column[row]
        if not value.is_valid:
            return None
        values = getattr(value, "values", None)
        try:
            if values is None:
                return value.as_py()
            found = values.to_numpy(zero_copy_only=False)
            return array_of(value.as_py()) if found.dtype == object else found
        except (TypeError, ValueError, NotImplementedError) as error:
            raise BadInput(f"The column {name} has no list of values there.", advice="It is left out.") from error


class Tables:
    """Parquet files of a source; the last few stay in memory, because many pipelines lie in one."""

    def __init__(self) -> None:
        self._held: dict[Path, Table | Corrupt] = {}

    def read(self, path: Path, columns: Sequence[str], key: str) -> Table:
        """A file with those of the columns that are there. Raises Corrupt."""
        if path not in self._held:
            while len(self._held) >= _KEPT_TABLES:
                self._held.pop(next(iter(self._held)))
            try:
                table = read_parquet(path, columns)
                with _parquet_errors(path):
                    self._held[path] = Table(table, key)
            except Corrupt as error:
                self._held[path] = error
        found = self._held[path]
        if isinstance(found, Corrupt):
            raise Corrupt(found.what, found.path, found.advice)
        return found


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> Any:
    """A Parquet file as pyarrow has it, all of it or those of the columns that are there. Raises Corrupt."""
    import pyarrow.parquet as pq

    with _parquet_errors(path), open(path, "rb") as stream:  # by its name pyarrow would take a folder for a data set
        file = pq.ParquetFile(stream)
        there = file.schema_arrow.names
        table = file.read(columns=None if columns is None else [one for one in columns if one in there])
        table.validate()
        return table


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file without what is null. Raises Corrupt."""
    table = read_parquet(path)
    with _parquet_errors(path):
        rows = table.to_pylist()
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise Corrupt(f"{path.name} is damaged: {reason}", path, "Restore it from a copy.") from error


def array_of(value: Any) -> NDArray[Any] | None:
    """Numbers as an array of float64, texts as an array of objects; from a list, or from the JSON text of one.

    None for what is empty or absent. Raises BadInput for what is no table of values.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except (ValueError, RecursionError) as error:
            raise BadInput("An array is damaged.", advice="It is left out.") from error
    if value is None:
        return None
    array = value if isinstance(value, np.ndarray) else _array(value)
    if array.dtype == object and array.ndim == 1 and len(array) and isinstance(array[0], np.ndarray):
        array = _array([one.tolist() for one in array])  # lists in lists, as Parquet gives them
    if array.ndim == 0:
        raise BadInput("An array is one value.", advice="It is left out.")
    return array if array.size else None


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        array = np.asarray(value, dtype=object)
    except ValueError as error:
        raise BadInput("An array is no table of values.", advice="It is left out.") from error
    if any(isinstance(one, (list, tuple, dict)) for one in array.flat):
        raise BadInput("An array is no table of values.", advice="It is left out.")
    return array
