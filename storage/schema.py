"""The tables of the index, and values on their way into them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table

from storage.query import to_microseconds

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
    "problem": "text",
    "signature": "text",
}


def _column(name: str, kind: str, **options: Any) -> Column[Any]:
    return Column(name, _TYPES[kind], info={"kind": kind}, **options)


@dataclass(frozen=True)
class Tables:
    """The tables as SQLAlchemy knows them; `predictions` has a real column per metric."""

    metadata: MetaData
    facts: Table
    parts: Table
    runs: Table
    pipelines: Table
    predictions: Table


def declare(metrics: Iterable[str]) -> Tables:
    """Describe the tables; `metrics` are the columns of predictions beyond the fixed ones."""
    metadata = MetaData()
    facts = Table("facts", metadata, Column("key", String, primary_key=True), Column("value", String))
    parts = Table(
        "parts",
        metadata,
        Column("file", String, primary_key=True),
        Column("rows", Integer),
        Column("problem", String),
    )
    runs = Table(
        "runs", metadata, *(_column(name, kind, primary_key=name == "folder") for name, kind in RUN_COLUMNS.items())
    )
    pipelines = Table(
        "pipelines",
        metadata,
        *(
            _column(name, kind, primary_key=name in ("folder", "pipeline_id"))
            for name, kind in PIPELINE_COLUMNS.items()
        ),
        Index("pipelines_prediction", "prediction_id"),
        Index("pipelines_order", "folder", "number"),
    )
    predictions = Table(
        "predictions",
        metadata,
        Column("key", Integer, primary_key=True),
        *(_column(name, kind, unique=name == "prediction_id") for name, kind in PREDICTION_COLUMNS.items()),
        *(_column(name, "number") for name in metrics),
        Index("predictions_same", "config_hash", "data_hash"),
        Index("predictions_run", "run_id"),
    )
    return Tables(metadata, facts, parts, runs, pipelines, predictions)


def is_number_type(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def sql_values(column: Any, kind: str) -> list[Any]:
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
