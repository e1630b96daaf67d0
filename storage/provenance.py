"""Where an item of the library comes from, and how good it was: noted when it is saved, for its source may go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from storage.copies import read_metrics
from storage.errors import Corrupt, NotFound
from storage.library_items import LibraryRecord, LibrarySource
from storage.metrics import flatten, key_metric
from storage.records import PipelineRecord, RunConfig, RunSummary, read_document


def note_pipeline(record: LibraryRecord, folder: Path, pipeline: PipelineRecord) -> None:
    """Note the pipeline in `folder` as the source, with its metrics. Raises Corrupt for damaged metrics."""
    record.source = _source_of_run(folder.parent)
    source = record.source
    source.pipeline_id, source.prediction_id = pipeline.id, pipeline.prediction_id
    source.pipeline_name, source.config_hash = pipeline.name, pipeline.hash
    source.model_type, source.seed = pipeline.model_type, pipeline.seed
    source.task_type = pipeline.task_type or source.task_type
    record.metrics = _finite(flatten(read_metrics(folder)))
    record.metric_name = key_metric(record.metrics, source.task_type)
    record.metric_value = record.metrics[record.metric_name] if record.metric_name else None


def note_run(record: LibraryRecord, folder: Path, pipelines: Iterable[PipelineRecord]) -> None:
    """Note the run in `folder` as the source, with the metrics of its best pipeline."""
    record.source = _source_of_run(folder)
    with suppress(NotFound, Corrupt):
        best = read_document(folder / "run_summary.json", RunSummary).best_pipeline
        if best is not None and math.isfinite(best.metric_value):
            record.metric_name, record.metric_value = best.metric_name, best.metric_value
            models = {pipeline.id: pipeline.model_type for pipeline in pipelines}
            record.source.model_type = models.get(best.pipeline_id, "")
            record.metrics = _finite(flatten(read_metrics(folder / Path(best.pipeline_id).name)))


def _source_of_run(folder: Path) -> LibrarySource:
    try:
        run = read_document(folder / "run_config.json", RunConfig)
    except (NotFound, Corrupt):
        return LibrarySource(run_id=folder.name)
    return LibrarySource(
        run_id=run.run_id,
        dataset_name=run.dataset_name,
        run_name=run.run_name,
        task_type=run.task_type,
        data_hash=run.dataset_source.data_hash,
    )


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
