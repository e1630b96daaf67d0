"""The row of a pipeline in the catalog: what its documents say, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.metrics import flatten
from storage.parameters import config_text
from storage.records import PipelineRecord, RunConfig

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays


class Result(NamedTuple):
    """One result as the catalog takes it: its row, and its predictions by partition and fold."""

    row: dict[str, Any]
    arrays: Sequence[PredictionArrays]


def catalog_row(run: RunConfig, record: PipelineRecord, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The catalog row of one pipeline: what its documents say, metrics flattened; a metric takes no column of ours."""
    return {
        **flatten(metrics),
        "prediction_id": record.prediction_id,
        "dataset_name": run.dataset_name,
        "run_id": run.run_id,
        "run_name": run.run_name,
        "run_date": date.fromisoformat(run.run_id[:10]) if _starts_with_date(run.run_id) else run.created_at.date(),
        "pipeline_id": record.id,
        "pipeline_name": record.name,
        "config_name": record.config_name or record.name,
        "config_hash": record.hash,
        "model_type": record.model_type,
        "task_type": record.task_type or run.task_type,
        "status": record.status,
        "created_at": record.created_at,
        "n_samples": record.n_samples,
        "n_features": record.n_features,
        "n_folds": record.n_folds or _folds(metrics),
        "fit_seconds": record.fit_seconds,
        "created_by": record.created_by,
        "data_hash": record.dataset_source.data_hash or None,
        "seed": record.seed,
        "config": config_text(record),
    }


def _folds(metrics: Mapping[str, Any]) -> int | None:
    """How many folds the metrics say there were."""
    said = metrics.get("cross_validation")
    folds = said.get("folds") if isinstance(said, Mapping) else None
    return folds if isinstance(folds, int) and not isinstance(folds, bool) and folds > 0 else None


def _starts_with_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
