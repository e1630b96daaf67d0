"""The results in the index: one wide table with a real column per metric; rows go in, keys and rows come out."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, and_, bindparam, delete, exists, func, select, text
from sqlalchemy import Index as SqlIndex
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import True_
from sqlalchemy.sql.expression import UnaryExpression

from storage.best_values import BestValue, BestValues
from storage.errors import Cancelled, Locked
from storage.moments import from_microseconds
from storage.schema import TEXT_COLUMNS, is_number_type, plain, shared, sql_values

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.index import Index, Prepared
    from storage.metrics import Metric

_CHUNK = 10_000
_PIECE = 500_000  # characters
_MANY = 10_000  # rows from which on making their indexes afterwards pays
_WINDOW = 20_000  # rows at the beginning of an order that are looked at before all are
_TEXTS = {
    "names_text": ("pipeline_name", "config_name", "model_type"),
    "run_text": ("run_id", "run_name", "dataset_name"),
}


@dataclass(frozen=True)
class KeyQuery:
    """A prepared question for row keys: `first` is asked before, and enough if it gives `limit` of them."""

    whole: Prepared
    limit: int | None
    as_text: bool
    first: Prepared | None = None


class PredictionIndex:
    """The table of results of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._inserts: dict[tuple[str, ...], str] = {}

    # ------------------------------------------------------------ going in

    def insert(self, tables: Iterable[pa.Table], count: int) -> None:
        """Insert about `count` rows of meta; text where a number belongs becomes null, unknown text is left.

        When `tables` raise Cancelled the whole change is to be given up: it leaves no indexes behind.
        """
        with self._index.change() as connection:
            self._index.refresh()
            edited = self._index.parts.has_annotations()
            later = self._indexes() if count >= _MANY and self.is_empty() else []
            for one in later:
                one.drop(connection, checkfirst=True)
            try:
                for table in tables:
                    self._index.add_columns(f.name for f in table.schema if is_number_type(f.type))
                    self._insert(connection, table)
                    if edited:
                        ids = table.column("prediction_id").to_pylist()
                        self._index.parts.apply_annotations(connection, ids)
            except Cancelled:
                later = []
                raise
            finally:
                for one in later:
                    one.create(connection)

    def is_empty(self) -> bool:
        return not self._index.raw(("SELECT 1 FROM predictions LIMIT 1", ()))

    def _indexes(self) -> list[SqlIndex]:
        return sorted(self._index.predictions.indexes, key=lambda one: str(one.name))

    def _insert(self, connection: Connection, table: pa.Table) -> None:
        import pyarrow as pa

        try:
            taken = self._converted(table)
        except (pa.ArrowException, ValueError):  # another program wrote it
            taken = self._converted(plain(table))
        if taken.get("prediction_id"):
            names = tuple(taken)
            connection.exec_driver_sql(self._statement(names), list(zip(*taken.values(), strict=True)))

    def _converted(self, table: pa.Table) -> dict[str, list[Any]]:
        """The values by the columns of the index; columns that it doesn't have are left out."""
        by_name = {name.lower(): column for name, column in self._index.catalog_columns.items()}
        taken: dict[str, list[Any]] = {}
        for place, one in enumerate(table.schema):
            column = by_name.get(one.name.lower())
            if column is not None and (values := sql_values(table.column(place), column.info["kind"])) is not None:
                taken[column.name] = values
        return taken | self._texts(table)

    def _texts(self, table: pa.Table) -> dict[str, list[int | None]]:
        """Which texts are those of each row; each different one is looked up once."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns: dict[str, Any] = {}
        for name, parts in _TEXTS.items():
            there = [table.column(part).cast(pa.string()) for part in parts if part in table.column_names]
            if there:
                columns[name] = pc.binary_join_element_wise(*there, "\n", null_handling="replace", null_replacement="")
        if "config" in table.column_names and table.column("config").null_count < table.num_rows:
            columns["config_text"] = table.column("config").cast(pa.string())
        different = {name: column.unique().to_pylist() for name, column in columns.items()}
        configs = [text for text in different.pop("config_text", ()) if text]
        ids = self._index.texts.ids([text for texts in different.values() for text in texts if text], configs)
        return {name: shared(column, ids.get) for name, column in columns.items()}

    def _statement(self, names: tuple[str, ...]) -> str:
        """The statement that inserts these columns, made once for all rows to come."""
        if names not in self._inserts:
            quote = self._index.dialect.identifier_preparer.quote
            columns = ", ".join(quote(name) for name in names)
            marks = ", ".join("?" * len(names))
            self._inserts[names] = f"INSERT OR IGNORE INTO predictions ({columns}) VALUES ({marks})"
        return self._inserts[names]

    def remove(self, connection: Connection, ids: Sequence[str]) -> None:
        """Remove the rows of predictions."""
        p, tags = self._index.predictions, self._index.tables.tags
        values = [{"gone": one} for one in ids]
        if values:
            key = select(p.c.key).where(p.c.prediction_id == bindparam("gone")).scalar_subquery()
            if self._index.parts.has_annotations():
                connection.execute(delete(tags).where(tags.c.key == key), values)
            connection.execute(delete(p).where(p.c.prediction_id == bindparam("gone")), values)

    def known_ids(self, connection: Connection, ids: Sequence[str]) -> Iterator[str]:
        """Those of `ids` that have a row. Ids grow with time: a new part mostly begins after all that is known."""
        if not ids:
            return
        column = self._index.predictions.c.prediction_id
        between = select(column).where(column.between(min(ids), max(ids)))
        if connection.execute(between.limit(1)).first() is None:
            return
        for start in range(0, len(ids), _CHUNK):
            yield from connection.execute(select(column).where(column.in_(ids[start : start + _CHUNK]))).scalars()

    # ------------------------------------------------------------ coming out

    def key_query(
        self, condition: ColumnElement[bool], order: Sequence[Any], limit: int | None, offset: int, narrow: bool = False
    ) -> KeyQuery:
        """How to get the row keys that meet a condition, in order.

        Ties go by key, in the direction of the first column, so that the index of that column gives the order. With a
        condition, walking that index means a look into the table for each row: that is done for the first of them
        alone, for many rows may pass; else the table is read as it lies, and what passes is sorted. `narrow` says that
        an index leads to the rows by itself.
        """
        key = self._index.predictions.c.key
        tie = key.asc() if order and not _falling(order[0]) else key.desc()
        ordered = [*order, tie]
        if not order or narrow or isinstance(condition, True_):
            return self._key_query(select(key).where(condition).order_by(*ordered), limit, offset)
        sorting = select(key).where(condition).order_by(*map(_unindexed, ordered))
        whole = self._key_query(sorting, limit, offset)
        wanted = offset + (limit or 0)
        if limit is None or wanted > _WINDOW // 4:
            return whole
        beginning = select(key).order_by(*ordered).limit(min(_WINDOW, max(1_000, 100 * wanted)))
        return replace(whole, first=self._key_query(sorting.where(key.in_(beginning)), limit, offset).whole)

    def _key_query(self, statement: Any, limit: int | None, offset: int) -> KeyQuery:
        if limit is not None or offset:
            statement = statement.limit(-1 if limit is None else limit).offset(offset)
        as_text = limit is None or limit > _CHUNK
        if as_text:  # a million keys as one text: a third of the time it takes to fetch as many rows
            statement = select(func.group_concat(statement.subquery().c.key))
        return KeyQuery(self._index.prepared(statement), limit, as_text)

    def keys(self, query: KeyQuery) -> array[int]:
        """The row keys a query gives, in order."""
        if query.first is not None:
            rows = self._index.raw(query.first)
            if len(rows) == query.limit:
                return array("q", [row[0] for row in rows])
        rows = self._index.raw(query.whole)
        return _numbers(rows[0][0] or "") if query.as_text else array("q", [row[0] for row in rows])

    def values_at(self, keys: Sequence[int], columns: Sequence[ColumnElement[Any]]) -> list[Sequence[Any]]:
        """The values of columns, one list each, of the rows with these keys, in this order; gone ones are left out."""
        key = self._index.predictions.c.key
        place, *values = self.values_of(key.in_(list(keys)), [key, *columns])
        rows = dict(zip(place, zip(*values, strict=True), strict=True))
        found = [rows[one] for one in keys if one in rows]
        return list(zip(*found, strict=True)) if found else [[] for _ in columns]

    def values_by_key(self, keys: Sequence[int], columns: Sequence[ColumnElement[Any]]) -> list[list[Any]]:
        """The values of columns, one list each with a value for every key; None where a row is gone."""
        key, rows = self._index.predictions.c.key, dict[int, Sequence[Any]]()
        for start in range(0, len(keys), _CHUNK):
            place, *values = self.values_of(key.in_(list(keys[start : start + _CHUNK])), [key, *columns])
            rows.update(zip(place, zip(*values, strict=True), strict=True))
        gone = (None,) * len(columns)
        found = [list(values) for values in zip(*(rows.get(one, gone) for one in keys), strict=True)]
        return found or [[] for _ in columns]

    def values_of(
        self,
        condition: ColumnElement[bool],
        columns: Sequence[ColumnElement[Any]],
        by: Sequence[ColumnElement[Any]] = (),
    ) -> list[Sequence[Any]]:
        """The values of columns, one list each, for all rows that meet a condition, or groups of them, in no order."""
        named = [column.label(f"c{place}") for place, column in enumerate(columns)]
        statement = select(*named).select_from(self._index.predictions).where(condition).group_by(*by)
        rows = self._index.raw(self._index.prepared(statement))  # half the time of SQLAlchemy's rows
        return list(zip(*rows, strict=True)) if rows else [[] for _ in columns]

    def count(self, condition: ColumnElement[bool]) -> int:
        """How many rows meet a condition."""
        statement = select(func.count().label("n")).select_from(self._index.predictions).where(condition)
        return int(self._index.ask(statement)[0]["n"])

    def count_all(self) -> int:
        """How many rows there are."""
        return int(self._index.ask(select(func.count().label("n")).select_from(self._index.predictions))[0]["n"])

    def rows(
        self, keys: Sequence[int], computed: Mapping[str, ColumnElement[Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Whole rows by key, in the order asked, with computed columns; a key that is gone is left out.

        `folder_exists` and `folder_damaged` tell of its pipeline's folder; of copies a sound one counts.
        """
        p, pipelines = self._index.predictions, self._index.tables.pipelines
        damaged = select(func.min(pipelines.c.status == "damaged")).where(
            pipelines.c.prediction_id == p.c.prediction_id
        )
        there = damaged.scalar_subquery().label("folder_damaged")
        shown = [column for column in p.c if column.name not in TEXT_COLUMNS]
        extra = [column.label(name) for name, column in (computed or {}).items()]
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(keys), _CHUNK):
            chunk = list(keys[start : start + _CHUNK])
            statement = select(*shown, there, *extra).where(p.c.key.in_(chunk))
            found.update((row["key"], row) for row in self._index.ask(statement))
        for row in found.values():
            row["folder_exists"] = row["folder_damaged"] is not None
            row["folder_damaged"] = bool(row["folder_damaged"])
            for name in ("created_at", "noted_at"):
                row[name] = None if row[name] is None else from_microseconds(row[name])
        return [found[key] for key in keys if key in found]

    def ids(self, condition: ColumnElement[bool]) -> list[str]:
        """The prediction ids of the rows that meet a condition."""
        statement = select(self._index.predictions.c.prediction_id).where(condition)
        with self._index.lock:
            return list(self._index.connection.execute(statement).scalars())

    def best_values(self, condition: ColumnElement[bool], metrics: Mapping[str, Metric]) -> BestValues:
        """The best value of each metric column by dataset, in one pass over what matches, without their spread.

        A metric with a target takes a pass of its own: beside one single minimum SQLite gives the value it is of.
        """
        columns, found = self._index.columns, BestValues()
        dataset = columns["dataset_name"]
        passes: list[dict[str, list[ColumnElement[Any]]]] = [{}]
        for name, metric in metrics.items():
            column = columns[name]
            if metric.target is not None:
                passes.append({name: [column, func.min(func.abs(column - metric.target))]})
            else:
                passes[0][name] = [func.max(column) if metric.lower_is_better is False else func.min(column)]
        for one in (each for each in passes if each):
            datasets, *values = self.values_of(condition, [dataset, *chain.from_iterable(one.values())], by=[dataset])
            for name, own in zip(one, values, strict=False):
                for of, value in zip(datasets, own, strict=True):
                    if value is not None:
                        found.setdefault(of or "", {})[name] = BestValue(value)
        return found

    def ids_of(self, keys: Sequence[int]) -> list[str]:
        """The prediction ids of these keys, in this order; a key that is gone is left out."""
        found: list[str] = []
        for start in range(0, len(keys), _CHUNK):
            found += self.values_at(keys[start : start + _CHUNK], [self._index.predictions.c.prediction_id])[0]
        return found

    def keys_of(self, ids: Sequence[str]) -> list[int]:
        """The keys of these predictions, in no order; one that isn't there is left out."""
        p, found = self._index.predictions, list[int]()
        for start in range(0, len(ids), _CHUNK):
            wanted = p.c.prediction_id.in_(list(ids[start : start + _CHUNK]))
            found += self.values_of(wanted, [p.c.key])[0]
        return found

    def find(self, prediction_id: str) -> int | None:
        """The key of a prediction, or None."""
        rows = self._index.raw(("SELECT key FROM predictions WHERE prediction_id = ?", (prediction_id,)))
        return int(rows[0][0]) if rows else None

    def values(self, name: str, start: str, limit: int) -> list[str]:
        """Different values of a text column that begin with `start`, in order: each found by one step in its index."""
        self.ensure_sorted([name])
        column = self._index.predictions.c[name]
        found: list[str] = []
        condition = column >= start
        while len(found) < limit:
            rows = self._index.ask(select(column).where(condition).order_by(column).limit(1))
            value = str(rows[0][name]) if rows else ""
            if not rows or not value.startswith(start):
                break
            found.append(value)
            condition = column > value
        return found

    def place_of(self, prediction_id: str) -> tuple[str, str] | None:
        """The run folder and pipeline folder that hold a prediction; of copies a sound one."""
        p = self._index.tables.pipelines
        statement = select(p.c.folder, p.c.pipeline_id).where(p.c.prediction_id == prediction_id)
        rows = self._index.ask(statement.order_by(p.c.status == "damaged").limit(1))
        return (rows[0]["folder"], rows[0]["pipeline_id"]) if rows else None

    def has_run(self, run_id: str) -> bool:
        """Whether there is a result of a run."""
        return bool(self._index.raw(("SELECT 1 FROM predictions WHERE run_id = ? LIMIT 1", (run_id,))))

    def damaged(self) -> ColumnElement[bool]:
        """Rows whose pipeline folder is damaged, and no copy of it is sound."""
        p = self._index.tables.pipelines
        sound = p.alias("sound")
        found = select(p.c.prediction_id).where(
            p.c.status == "damaged",
            p.c.prediction_id != "",
            ~exists().where(sound.c.prediction_id == p.c.prediction_id, sound.c.status != "damaged"),
        )
        return self._index.predictions.c.prediction_id.in_(found)

    def done_before(self, config_hash: str, data_hash: str, seed: int, dataset: str) -> tuple[str, str] | None:
        """Run and pipeline where the same configuration, data, split and seed were completed and still lie."""
        c, p = self._index.predictions.c, self._index.tables.pipelines
        same = and_(
            c.config_hash == config_hash,
            c.data_hash == data_hash,
            c.seed == seed,
            c.dataset_name == dataset,
            c.status == "completed",
            p.c.status == "completed",
        )
        statement = select(p.c.folder, p.c.pipeline_id).join(
            self._index.predictions, c.prediction_id == p.c.prediction_id
        )
        rows = self._index.ask(statement.where(same).limit(1))
        return (rows[0]["folder"], rows[0]["pipeline_id"]) if rows else None

    # ------------------------------------------------------------ pace

    def ensure_sorted(self, names: Sequence[str]) -> None:
        """Make the index a sort needs, the first time it is asked for."""
        wanted = [self._index.predictions.c[name] for name in names if name in self._index.predictions.c]
        name = "by_" + hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
        if not wanted or name in self._index.sorts:
            return
        with suppress(Locked):
            try:
                with self._index.sorting():
                    self._make_sort(name, wanted)
            except OperationalError:  # no room for the temporary files, perhaps
                self._make_sort(name, wanted)

    def _make_sort(self, name: str, wanted: Sequence[Column[Any]]) -> None:
        with self._index.change() as connection:
            quote = connection.dialect.identifier_preparer.quote
            columns = ", ".join(quote(column.name) for column in wanted)
            # As text: an Index would become one of the table, which others describe theirs by.
            connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON predictions ({columns})")
            self._index.sorts.add(name)
            self._analyze(connection)

    def analyze(self) -> None:
        """Tell the planner how the rows are spread, if there are many more than when it was told last."""
        count = self.count_all()
        if count > 2 * int(self._index.fact("analyzed") or 50):
            with suppress(Locked), self._index.change() as connection:
                self._analyze(connection)
                self._index.set_fact("analyzed", str(count))

    def _analyze(self, connection: Connection) -> None:
        connection.execute(text("PRAGMA analysis_limit=1000"))
        connection.execute(text("ANALYZE"))


def _numbers(text: str) -> array[int]:
    """Numbers with commas between, read a piece at a time: a list of a million takes five times their room."""
    found, start = array("q"), 0
    while start < len(text):
        end = text.find(",", start + _PIECE)
        end = end if end >= 0 else len(text)
        found.extend(json.loads(f"[{text[start:end]}]"))
        start = end + 1
    return found


def _falling(order: Any) -> bool:
    """Whether an order goes from high to low."""
    while getattr(order, "modifier", None) is not None:
        if order.modifier is operators.desc_op:
            return True
        order = order.element
    return False


def _unindexed(order: Any) -> Any:
    """The same order, but not by an index."""
    modifiers = []
    while getattr(order, "modifier", None) is not None:
        modifiers.append(order.modifier)
        order = order.element
    order = UnaryExpression(order, operator=operators.custom_op("+"))  # changes no value, and is no column any more
    for modifier in reversed(modifiers):
        order = UnaryExpression(order, modifier=modifier)
    return order
