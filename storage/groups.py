"""Groups of results: from the Parquet parts where these can tell, which is much quicker, else from the index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from storage import aggregates
from storage.arrow_query import translated
from storage.best_values import BestValues, best_values
from storage.errors import BadInput
from storage.expressions import kind_of
from storage.index import Index
from storage.metrics import MAIN_METRIC
from storage.moments import from_microseconds
from storage.query import compile_columns, compile_query
from storage.schema import ANNOTATION_COLUMNS
from storage.sources import Source

if TYPE_CHECKING:
    from storage.parts import Parts

_ARROW = {"number": pa.float64(), "integer": pa.int64(), "time": pa.timestamp("us", tz="UTC")}


class Groups:
    """Groups over one catalog; `source` is what queries may speak of, `ask` the way to the index."""

    def __init__(
        self, index: Index, parts: Callable[[], Parts], source: Callable[[], Source], ask: Callable[[Any], Any]
    ) -> None:
        self._index = index
        self._parts = parts
        self._source = source
        self._ask = ask

    def group(
        self, by: Sequence[str], metrics: Sequence[str] | None, filter: str, datasets: bool = False
    ) -> list[dict[str, Any]]:
        """See `Catalog.group`."""
        known = {name: column.info["kind"] for name, column in self._index.columns.items()}
        if metrics is None:
            judged = [f"{p}_{m}" for m in MAIN_METRIC.values() for p in ("val", "test")]
            metrics = [name for name in judged if name in known]
        wrong = next((name for name in metrics if known.get(name, "number") not in ("number", "integer")), None)
        if wrong is not None or not by:
            raise BadInput(f"'{wrong or ''}' is no column of numbers.", advice="Group by columns, and give metrics.")
        told = datasets and "dataset_name" not in by
        names = list(dict.fromkeys([*by, "status", *metrics, *(["dataset_name"] if told else [])]))
        table = self.columns(names, filter)
        rows = aggregates.group(table, by, list(dict.fromkeys(metrics)), self._source().metrics, datasets=told)
        for name in by:
            if known.get(name) == "date":
                rows = [{**row, name: str(row[name]) if row[name] is not None else None} for row in rows]
        return rows

    def columns(self, names: Sequence[str], filter: str) -> pa.Table:
        """See `Catalog.table`."""
        wanted = list(dict.fromkeys(names))
        table = self._from_parts(wanted, filter)
        return table if table is not None else self._ask(lambda: self._from_index(wanted, filter))

    def best_values(self, names: Sequence[str], metrics: Sequence[str], filter: str) -> BestValues | None:
        """The best values of some metric columns by dataset; `names` are these and what is read beside them.

        None where the parts can't tell what matches.
        """
        table = self._from_parts(names, filter)
        if table is None:
            return None
        best = aggregates.best_rows(table, metrics, self._source().metrics)
        del table
        pa.default_memory_pool().release_unused()  # columns of a million rows were read for a handful of values
        return best_values(best.to_pydict(), metrics, self._source().metrics)

    def _from_parts(self, names: Sequence[str], filter: str) -> pa.Table | None:
        """Columns of the rows that match, from the parts; None where these can't tell."""
        columns = self._index.columns
        if not all(name in columns and name not in ANNOTATION_COLUMNS for name in names):
            return None
        found = translated(self._ask(lambda: compile_query(filter, self._source())).condition)
        if found is None:
            return None
        condition, needed = found
        table = self._parts().read_columns(list(dict.fromkeys([*names, *sorted(needed)])))
        return table.filter(condition) if needed else table

    def _from_index(self, names: Sequence[str], filter: str) -> pa.Table:
        """Columns, also computed ones and parameters, of the rows that match."""
        source = self._source()
        query = compile_query(filter, source)
        columns = compile_columns(names, source, query.computed)
        values = self._index.results.values_of(query.condition, columns)
        made = {}
        for name, column, own in zip(names, columns, values, strict=True):
            kind = kind_of(column)
            shown = [from_microseconds(one) if one is not None else None for one in own] if kind == "time" else own
            made[name] = pa.array(shown, _ARROW.get(kind, pa.string()))
        return pa.table(made)
