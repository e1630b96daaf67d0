"""Runs and pipelines as lists and pages show them: plain values, made from the index and the folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.copies import read_metrics
from storage.errors import NotFound, StorageError, os_errors
from storage.metrics import PARTITIONS, key_metric
from storage.pipelines import Pipeline, read_predictions
from storage.reading import is_plain_file, is_plain_folder
from storage.records import PipelineRecord, RunConfig, has_classes, read_document
from storage.runs import Run

if TYPE_CHECKING:
    from storage.catalog import Catalog
    from storage.chains import Chain
    from storage.predictions import PredictionArrays


@dataclass(frozen=True)
class RunRow:
    """A run as lists show it. `problem` says what is damaged, if anything."""

    run_id: str
    folder: str
    dataset_name: str
    run_name: str
    date: str
    created_at: datetime | None
    status: str
    total: int
    successful: int
    failed: int
    interrupted: int
    metric_name: str | None
    metric_value: float | None
    task_type: str
    problem: str | None


@dataclass(frozen=True)
class PipelineRow:
    """A pipeline as lists show it, with the metric it is judged by."""

    run_id: str
    pipeline_id: str
    number: int
    name: str
    status: str
    model_type: str
    prediction_id: str
    metric_name: str | None
    metric_value: float | None
    problem: str | None
    thinned: str | None = None


@dataclass(frozen=True)
class FileEntry:
    """A file of a pipeline folder."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True)
class PipelineDetails:
    """Everything a pipeline folder holds, as far as it can be read; `problems` say what could not.

    `sample_names` are the names people gave, by the sample_indices of the arrays. `row` and `config` (steps as JSON)
    are what the catalog says; read only where the folder doesn't tell, because it is damaged or `deleted`. `archive` is
    the folder of an archived copy that tells what the pipeline's own folder does not: it is deleted, or was thinned.
    """

    run_id: str
    pipeline_id: str
    folder: Path
    run: RunConfig | None = None
    pipeline: PipelineRecord | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    files: list[FileEntry] = field(default_factory=list)
    charts: list[Path] = field(default_factory=list)
    error: str = ""
    arrays: list[PredictionArrays] = field(default_factory=list)
    sample_names: dict[int, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    chain: Chain | None = None
    config: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False
    archive: Path | None = None


def run_row(row: dict[str, Any]) -> RunRow:
    """A row of the index as a RunRow."""
    return RunRow(*(row[name] for name in RunRow.__dataclass_fields__))


def pipeline_row(row: dict[str, Any], run_id: str) -> PipelineRow:
    """A row of the index, with the columns of its catalog row, as a PipelineRow."""
    name = key_metric(row, None)
    own = {field: row[field] for field in PipelineRow.__dataclass_fields__ if field in row}
    return PipelineRow(**{**own, "run_id": run_id, "metric_name": name, "metric_value": row[name] if name else None})


def pipeline_details(
    run_folder: Path, run_id: str, pipeline_id: str, open_run: Callable[[RunConfig], Run]
) -> PipelineDetails:
    """All there is to see of one pipeline. Raises NotFound when its folder is gone; damage goes to `problems`."""
    folder = run_folder / pipeline_id
    if Path(pipeline_id).name != pipeline_id or not is_plain_folder(folder):
        raise NotFound(f"The folder of {pipeline_id} is gone.", folder, "Its row in the catalog stays.")
    problems: list[str] = []
    config = _tolerant(lambda: read_document(run_folder / "run_config.json", RunConfig), problems)
    record = _tolerant(lambda: read_document(folder / "pipeline.json", PipelineRecord), problems)
    metrics: dict[str, Any] = {}
    arrays: list[PredictionArrays] = []
    if config is not None and record is not None:
        pipeline = open_run(config).pipeline(pipeline_id)
        metrics = _tolerant(pipeline.metrics, problems) or {}
        if record.thinned is None:
            arrays = _tolerant(lambda: _arrays_of(pipeline), problems) or []
    elif record is not None:  # the run's own document is damaged: the files of the pipeline tell all the same
        metrics = _tolerant(lambda: dict(read_metrics(folder)), problems) or {}
        arrays = _tolerant(lambda: read_predictions(folder / "predictions.csv", _has_classes(record, None)), problems)
    files = _files(folder)
    error = folder / "error.log"
    details = PipelineDetails(
        run_id,
        pipeline_id,
        folder,
        config,
        record,
        metrics,
        files,
        [entry.path for entry in files if entry.name.endswith(".png")],
        error.read_text("utf-8", errors="replace") if is_plain_file(error) else "",
        arrays or [],
        sample_names(folder / "predictions.csv"),
        problems,
        _chain(record) if record is not None else None,
    )
    if record is None or record.thinned is None:
        return details
    archive = run_folder.parent.parent / record.thinned.archive
    if not archive.is_dir():
        problems.append(f"It was thinned, and what it had is not in {record.thinned.archive} any more.")
        return details
    return with_archive(details, archive)


def deleted_details(catalog: Catalog, prediction_id: str, archive: Path | None = None) -> PipelineDetails:
    """All that an archive or else the catalog still tells of a pipeline whose folder is gone.

    Raises NotFound where the catalog has no row.
    """
    row = catalog.get(prediction_id)
    blank = PipelineDetails(str(row["run_id"] or ""), str(row["pipeline_id"] or ""), Path(), deleted=True)
    return with_catalog(with_archive(blank, archive) if archive is not None else blank, catalog, prediction_id)


def with_archive(details: PipelineDetails, folder: Path) -> PipelineDetails:
    """Put what an archived copy of a pipeline tells where its own folder tells nothing; damage goes to `problems`."""
    from storage.archives import archived_pipeline, archived_run

    problems = list(details.problems)
    record = details.pipeline or _tolerant(lambda: archived_pipeline(folder), problems)
    run = details.run or archived_run(folder)
    metrics = details.metrics or _tolerant(lambda: dict(read_metrics(folder)), problems) or {}
    has_classes = None if record is None else _has_classes(record, run)
    arrays = details.arrays or _tolerant(lambda: read_predictions(folder / "predictions.csv", has_classes), problems)
    files = _tolerant(lambda: _files(folder), problems) or []
    error = folder / "error.log"
    return replace(
        details,
        run=run,
        pipeline=record,
        metrics=metrics,
        arrays=arrays or [],
        files=files if details.deleted else details.files,
        charts=details.charts or [entry.path for entry in files if entry.name.endswith(".png")],
        error=details.error or (error.read_text("utf-8", errors="replace") if is_plain_file(error) else ""),
        sample_names=details.sample_names or sample_names(folder / "predictions.csv"),
        problems=problems,
        chain=details.chain or (_chain(record) if record is not None else None),
        archive=folder,
    )


def _has_classes(record: PipelineRecord, run: RunConfig | None) -> bool | None:
    return has_classes(record.task_type or (run.task_type if run is not None else None))


def with_catalog(details: PipelineDetails, catalog: Catalog, prediction_id: str) -> PipelineDetails:
    """Put what the catalog knows where the folder of a pipeline tells nothing: row, steps, metrics, predictions.

    What the catalog can't tell either goes to `problems`. Raises NotFound where it has no row.
    """
    from storage.chains import chain_of_config

    row = catalog.get(prediction_id)
    problems = list(details.problems)
    arrays = details.arrays or _tolerant(lambda: catalog.arrays(prediction_id), problems) or []
    name = str(row["pipeline_name"] or row["pipeline_id"])
    config = catalog.config(prediction_id) or ""
    chain = details.chain or chain_of_config(prediction_id, name, config)
    metrics = details.metrics or _metrics_of(row)
    return replace(
        details, row=row, arrays=arrays, chain=chain, config=config, metrics=metrics, problems=problems
    )  # fmt: skip


def _chain(record: PipelineRecord) -> Chain:
    from storage.chains import chain_of_record

    return chain_of_record(record.prediction_id, record.name or record.id, record)


def _metrics_of(row: dict[str, Any]) -> dict[str, Any]:
    """Metrics as metrics.json has them, from the columns of a catalog row."""
    found: dict[str, Any] = {}
    for partition in (*PARTITIONS, "cross_validation"):
        prefix = f"{partition}_"
        own = {key.removeprefix(prefix): value for key, value in row.items() if key.startswith(prefix)}
        own = {key: value for key, value in own.items() if isinstance(value, float)}
        if own:
            found[partition] = own
    return found


def sample_names(path: Path) -> dict[int, str]:
    """The names of samples by their row number; none where the file doesn't tell."""
    if not is_plain_file(path):
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            return {int(row["sample_index"]): row["sample_id"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return {}  # names are a help for people; the numbers come from elsewhere


def _arrays_of(pipeline: Pipeline) -> list[PredictionArrays]:
    """Arrays from the catalog, which is quickest; from the pipeline's own file where the catalog has none."""
    try:
        found = pipeline.run.catalog.arrays(pipeline.prediction_id)
    except StorageError:
        found = []
    return found or pipeline.arrays()


def _tolerant(read: Callable[[], Any], problems: list[str]) -> Any:
    try:
        return read()
    except StorageError as error:
        problems.append(error.what)
        return None


def _files(folder: Path) -> list[FileEntry]:
    with os_errors(f"look into {folder.name}", folder), os.scandir(folder) as entries:
        found = [
            FileEntry(e.name, Path(e.path), e.stat(follow_symlinks=False).st_size)
            for e in entries
            if e.is_file(follow_symlinks=False) and not e.name.startswith(".")
        ]
    return sorted(found, key=lambda entry: entry.name)
