"""What is told of a pipeline of a batch that came to its end: a line for people, an event for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.metrics import flatten, key_metric, metric_for
from storage.pipelines import Pipeline
from storage.requests import PipelineEvent, Skipped

SAME_BATCH = "this batch"  # where a pipeline lies that was asked for twice


def ended_line(name: str, metrics: Mapping[str, Any], task_type: str) -> str:
    """Say how good a completed pipeline is, by the metric it is judged by."""
    flat = flatten(metrics)
    key = key_metric(flat, task_type)
    metric = metric_for(key) if key else None
    if key is None or metric is None:
        return f"✓ {name}"
    partition = {"val": "cross-validated", "test": "test", "train": "training"}[key.partition("_")[0]]
    return f"✓ {name}: {partition} {metric.title} {flat[key]:.{metric.digits}g}"


def ended_event(pipeline: Pipeline, task_type: str, seconds: float, details: str) -> PipelineEvent:
    """The event of a pipeline that was completed, or failed after `seconds`; `details` is the traceback."""
    record = pipeline.record
    failed = record.status == "failed"
    flat = {} if failed else flatten(pipeline.metrics())
    key = key_metric(flat, task_type)
    return PipelineEvent(
        run_id=pipeline.run.run_id,
        pipeline_id=record.id,
        name=record.name,
        status="failed" if failed else "completed",
        metric_name=key,
        metric_value=flat[key] if key else None,
        prediction_id=record.prediction_id,
        seconds=seconds if failed else record.fit_seconds,
        message=record.error,
        details=details,
    )


def skipped_event(skipped: Skipped) -> PipelineEvent:
    """The event of a pipeline that was done before, or is asked for twice."""
    if skipped.run_id == SAME_BATCH:
        return PipelineEvent("", "", skipped.name, "skipped", message=f"the same as {skipped.pipeline_id}")
    message = f"done before in {skipped.run_id}"
    return PipelineEvent(skipped.run_id, skipped.pipeline_id, skipped.name, "skipped", message=message)
