"""The tables of the index, and values on their way into them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, column, table
from sqlalchemy.sql.expression import TableClause

from storage.moments import to_microseconds, within_years

STORED_AS = {  # how SQLite calls what a value of a kind may be
    "text": ("text", "null"), "date": ("text", "null"), "integer": ("integer", "null"), "time": ("integer", "null"),
    "number": ("real", "integer", "null"),
}  # fmt: skip
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
ANNOTATION_COLUMNS = {"tags": "text", "notes": "text", "stars": "integer", "noted_at": "time"}
TEXT_COLUMNS = ("names_text", "run_text", "config_text", "note_text")  # where the words of a row lie in `texts`
FIXED_COLUMNS = {**PREDICTION_COLUMNS, **ANNOTATION_COLUMNS}
RUN_COLUMNS = {
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
PIPELINE_COLUMNS = {
    "folder": "text",
    "pipeline_id": "text",
    "number": "integer",
    "name": "text",
    "status": "text",
    "writer": "text",
    "model_type": "text",
    "prediction_id": "text",
    "thinned": "text",
    "problem": "text",
    "signature": "text",
}
WORDS = "CREATE VIRTUAL TABLE words USING fts5(text, tokenize='trigram')"


def _column(name: str, kind: str, **options: Any) -> Column[Any]:
    return Column(name, _TYPES[kind], info={"kind": kind}, **options)


@dataclass(frozen=True)
class Tables:
    """The tables as SQLAlchemy knows them.

    `predictions` has a real column per metric. Its words are kept once for all rows that have the same: `texts` tells
    which are known, `words` is their full text, and the four TEXT_COLUMNS say which are a row's.
    """

    metadata: MetaData
    facts: Table
    parts: Table
    row_groups: Table
    runs: Table
    pipelines: Table
    predictions: Table
    annotations: Table
    tags: Table
    texts: Table
    configs: Table
    parameters: Table
    parameter_names: Table
    words: TableClause


@functools.lru_cache(maxsize=16)
def declare(metrics: tuple[str, ...]) -> Tables:
    """Describe the tables; `metrics` are the columns of predictions beyond the fixed ones.

    Whoever asks for the same gets the same, and changes nothing about it: describing took half the time of opening.
    """
    metadata = MetaData()
    return Tables(
        metadata,
        facts=Table("facts", metadata, Column("key", String, primary_key=True), Column("value", String)),
        runs=Table(
            "runs", metadata, *(_column(name, kind, primary_key=name == "folder") for name, kind in RUN_COLUMNS.items())
        ),
        pipelines=_pipelines(metadata),
        predictions=_predictions(metadata, metrics),
        words=table("words", column("rowid"), column("text")),
        **_parts(metadata),
        **_annotations(metadata),
        **_texts(metadata),
    )


def _pipelines(metadata: MetaData) -> Table:
    return Table(
        "pipelines",
        metadata,
        *(
            _column(name, kind, primary_key=name in ("folder", "pipeline_id"))
            for name, kind in PIPELINE_COLUMNS.items()
        ),
        Index("pipelines_prediction", "prediction_id"),
        Index("pipelines_order", "folder", "number"),
        Index("pipelines_status", "status"),
    )


def _predictions(metadata: MetaData, metrics: Iterable[str]) -> Table:
    return Table(
        "predictions",
        metadata,
        Column("key", Integer, primary_key=True),
        *(Column(name, Integer) for name in TEXT_COLUMNS),
        *(_column(name, kind, unique=name == "prediction_id") for name, kind in FIXED_COLUMNS.items()),
        *(_column(name, "number") for name in metrics),
        Index("predictions_same", "config_hash", "data_hash"),
        Index("predictions_run", "run_id"),
        *(Index(f"predictions_{name}", name, sqlite_where=column(name).is_not(None)) for name in ANNOTATION_COLUMNS),
        sqlite_autoincrement=True,  # a key is never given out twice
    )


def _parts(metadata: MetaData) -> dict[str, Table]:
    return {
        "parts": Table(
            "parts",
            metadata,
            Column("dataset", String, primary_key=True),
            Column("file", String, primary_key=True),
            Column("rows", Integer),
            Column("problem", String),
        ),
        "row_groups": Table(
            "row_groups",
            metadata,
            Column("file", String, primary_key=True),
            Column("row_group", Integer, primary_key=True),
            Column("first_id", String),
            Column("last_id", String),
            sqlite_with_rowid=False,
        ),
    }


def _annotations(metadata: MetaData) -> dict[str, Table]:
    return {
        "annotations": Table(
            "annotations",
            metadata,
            Column("prediction_id", String, primary_key=True),
            Column("tags", String),
            Column("notes", String),
            Column("stars", Integer),
            Column("deleted", Integer),
            Column("at", Integer),
            Column("by", String),
            sqlite_with_rowid=False,
        ),
        "tags": Table(
            "tags",
            metadata,
            Column("folded", String, primary_key=True),
            Column("key", Integer, primary_key=True),
            Column("tag", String),
            Index("tags_key", "key"),
            sqlite_with_rowid=False,
        ),
    }


def _texts(metadata: MetaData) -> dict[str, Table]:
    return {
        "texts": Table(
            "texts", metadata, Column("id", Integer, primary_key=True), Column("digest", LargeBinary, unique=True)
        ),
        "configs": Table(
            "configs",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("config", String),
            Column("preprocessing", String),
        ),
        "parameters": Table(
            "parameters",
            metadata,
            Column("name", String, primary_key=True),
            Column("config_text", Integer, primary_key=True),
            Column("place", Integer, primary_key=True),
            Column("number", Float),
            Column("text", String),
            sqlite_with_rowid=False,
        ),
        "parameter_names": Table("parameter_names", metadata, Column("name", String, primary_key=True)),
    }


def is_number_type(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def sql_values(values: Any, kind: str) -> list[Any] | None:
    """The values of an Arrow column in the form the index keeps; what can't be converted is null. None if all are."""
    import pyarrow as pa

    if values.null_count == len(values):
        return None
    if kind == "time" and pa.types.is_timestamp(values.type):
        return _numbers(within_years(values).cast(pa.int64()))
    if kind == "number" and is_number_type(values.type):
        return values.cast(pa.float64(), safe=False).to_numpy().tolist()  # type: ignore[no-any-return]  # NaN is null
    if kind == "integer" and pa.types.is_integer(values.type) and values.type != pa.uint64():
        return _numbers(values)
    if kind == "text" and pa.types.is_string(values.type):
        return shared(values)
    if kind in ("text", "date"):
        return shared(values, lambda value: _value(value, kind))
    return [_value(value, kind) for value in values.to_pylist()]


def plain(table: Any) -> Any:
    """A table of another program in simple types: whatever is no text, number or time becomes the text of it."""
    import pyarrow as pa

    def plain_column(values: Any) -> Any:
        kind = values.type
        if is_number_type(kind) or pa.types.is_timestamp(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
            return values
        return pa.array([_as_text(value) for value in values.to_pylist()], pa.string())

    return pa.table([plain_column(values) for values in table.columns], names=table.column_names)


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text.encode(errors="replace").decode()


def _numbers(values: Any) -> list[Any]:
    return values.to_pylist() if values.null_count else values.to_numpy().tolist()  # type: ignore[no-any-return]


def shared(values: Any, convert: Callable[[Any], Any] | None = None) -> list[Any]:
    """The values of an Arrow column, each different one made and converted once."""
    import pyarrow as pa

    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    if convert is None and 2 * len(coded.dictionary) > len(coded):
        return whole.to_pylist()  # type: ignore[no-any-return]
    different = coded.dictionary.to_pylist()
    different = [*different, None] if convert is None else [*map(convert, different), None]
    codes = coded.indices.fill_null(len(different) - 1).to_numpy().tolist()
    return [different[code] for code in codes]


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind in ("number", "integer"):
        if not isinstance(value, (int, float)) or value != value:
            return None
        if kind == "number":
            return float(value)
        return int(value) if abs(value) < 2**63 else None  # SQLite counts no further
    if kind == "time":
        with suppress(ValueError):
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return None
    if kind == "date":
        return value.isoformat()[:10] if isinstance(value, date) else str(value)
    return str(value)
