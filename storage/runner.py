"""Running pipelines on a dataset: cross-validate, fit, predict, record. One failure is recorded and the rest goes on.

For each pipeline: k-fold predictions of the training samples (partition "val"), then one fit on all training samples,
which gives the "train" and "test" predictions and is the model that is kept. Work that was done before on the same
data, split and seed is recognised before any time is spent on it.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from storage import configs as configurations
from storage.catalog import Catalog
from storage.configs import PipelineConfig
from storage.datasets import Dataset
from storage.disk import Disk
from storage.errors import BadInput, Cancelled, StorageError
from storage.layout import Layout
from storage.metrics import classification_metrics, regression_metrics
from storage.predictions import PredictionArrays
from storage.records import DatasetSource, RunSummary
from storage.runs import Pipeline, Run, key_metric
from storage.version import VERSION

Report = Callable[[int, int, str], None]
_CHECK_SECONDS = 0.1  # how often a running pipeline asks whether to go on
_PACKAGES = ("scikit-learn", "numpy", "scipy", "pandas", "chemotools", "joblib")


class RunRequest(BaseModel):
    """What a batch is asked for from outside Python: data file, target, configuration files, options."""

    data: Path
    target: list[str]
    id_column: str | None = None
    split_column: str | None = None
    test_size: float | None = None
    task: Literal["regression", "classification"] | None = None
    dataset_name: str | None = None
    pipelines: list[Path]
    run_name: str = ""
    pipeline_names: list[str] = []
    description: str = ""
    units: str = ""
    jobs: int = 1
    seed: int = 0
    again: bool = False
    charts: bool = True


@dataclass(frozen=True)
class Skipped:
    """A pipeline that was not run, and where the same work lies done."""

    name: str
    run_id: str
    pipeline_id: str


@dataclass(frozen=True)
class Failure:
    """A pipeline that failed, in a sentence."""

    pipeline_id: str
    name: str
    message: str


@dataclass
class RunOutcome:
    """What a batch came to. `run_id` is empty when nothing had to be run."""

    run_id: str = ""
    status: str = "completed"
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    summary: RunSummary | None = None


@dataclass(frozen=True)
class _Job:
    """One pipeline to run: configuration, built estimator, its record's fields, and the folds."""

    config: PipelineConfig
    estimator: Any
    fields: dict[str, Any]
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


class _Progress:
    """Counts what is done and passes it on; remembers that somebody said stop. Shared between threads."""

    def __init__(self, total: int, report: Report) -> None:
        self.total = total
        self.done = 0
        self.stopped = threading.Event()
        self._report = report
        self._text = "starting"
        self._last = 0.0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise Cancelled if somebody asked to stop; cheap enough to call between folds."""
        self._tell(time.monotonic() - self._last >= _CHECK_SECONDS)

    def step(self, text: str) -> None:
        """One more pipeline is done."""
        with self._lock:
            self.done += 1
            self._text = text
        self._tell(True)

    def _tell(self, now: bool) -> None:
        if self.stopped.is_set():
            raise Cancelled()
        if not now:
            return
        with self._lock:
            self._last = time.monotonic()
            try:
                self._report(self.done, self.total, self._text)
            except (Cancelled, KeyboardInterrupt):
                self.stopped.set()
                raise


def run_batch(
    layout: Layout,
    disk: Disk,
    catalog: Catalog,
    dataset: Dataset,
    pipelines: Sequence[Any],
    *,
    run_name: str = "",
    pipeline_names: Sequence[str] = (),
    description: str = "",
    jobs: int = 1,
    seed: int = 0,
    again: bool = False,
    charts: bool = True,
    allowed_modules: Sequence[str] = (),
    report: Report | None = None,
) -> RunOutcome:
    """Run pipelines on a dataset, `jobs` at a time in threads; see Workspace.run_batch.

    Everything that can be wrong with the request is found before the first byte is written (BadInput). A failing
    pipeline is recorded and counted. When `report` raises Cancelled, pipelines in work stop at the next fold, the run
    is finalized as cancelled, and Cancelled is raised.
    """
    if jobs < 1:
        raise BadInput(f"{jobs} jobs can't run anything.", advice="Give 1 or more.")
    allowed = (*configurations.ALLOWED_MODULES, *allowed_modules)
    planned = _named([c for source in pipelines for c in configurations.from_object(source)], pipeline_names)
    data_hash = dataset.data_hash()
    outcome = RunOutcome(total=len(planned))
    prepared = _prepare(planned, dataset, seed, allowed)
    todo = list(_not_done_before(prepared, catalog, dataset, data_hash, seed, outcome, again))
    progress = _Progress(len(planned), report or (lambda done, total, text: None))
    progress.done = len(outcome.skipped)
    if charts:
        _draw_missing(layout, disk, catalog, outcome.skipped, progress)
    if not todo:
        return outcome
    run = Run.create(
        layout,
        disk,
        catalog,
        dataset.name,
        run_name,
        description,
        source_of(dataset, data_hash),
        dataset.task_type,
        {"seed": seed, "jobs": jobs},
    )
    outcome.run_id = run.run_id
    run.plan([(job.config.name, job.config.config_file) for job in todo])
    _log_start(run, dataset, todo, outcome)
    batch = _Batch(run, dataset, seed, charts, progress, outcome)
    try:
        with _warnings_to(run):
            batch.run(todo, jobs)
    except (Cancelled, KeyboardInterrupt):
        outcome.status = "cancelled"
        outcome.summary = run.finalize("cancelled")
        run.log("cancelled by the user")
        raise
    outcome.summary = run.finalize()
    run.log(f"completed: {outcome.completed} good, {outcome.failed} failed, {len(outcome.skipped)} skipped")
    return outcome


def source_of(dataset: Dataset, data_hash: str) -> DatasetSource:
    """What the documents say of the data."""
    split = {**dataset.split, "train": len(dataset.train_rows), "test": len(dataset.test_rows)}
    extra = {"ignored_columns": dataset.ignored} if dataset.ignored else {}
    return DatasetSource.model_validate(
        {
            "path": dataset.path,
            "sha256": dataset.sha256,
            "data_hash": data_hash,
            "shape": list(dataset.X.shape),
            "target": dataset.target,
            "units": dataset.units,
            "split": split,
            **extra,
        }
    )


# ---------------------------------------------------------------- before the first fit


def _named(planned: list[PipelineConfig], names: Sequence[str]) -> list[PipelineConfig]:
    if not planned:
        raise BadInput("There are no pipelines to run.", advice="Give at least one configuration.")
    if not names:
        return planned
    if len(names) != len(planned):
        raise BadInput(
            f"{len(names)} pipeline names were given for {len(planned)} pipelines.", advice="Give one name for each."
        )
    return [config.with_name(name) for config, name in zip(planned, names, strict=True)]


def _prepare(planned: list[PipelineConfig], dataset: Dataset, seed: int, allowed: Sequence[str]) -> list[_Job]:
    """Build everything once, so that a wrong class, parameter or fold count is found before anything is written."""
    folds: dict[str, list[Any]] = {}
    jobs = []
    for config in planned:
        estimator = config.build(seed, allowed)
        fields = configurations.fields_of(config, estimator)
        cv = json.dumps(fields["template"]["cv"], sort_keys=True)
        if cv not in folds:
            folds[cv] = _folds(config.cv, dataset, seed, allowed)
        jobs.append(_Job(config, estimator, fields, folds[cv]))
    return jobs


def _folds(cv: Any, dataset: Dataset, seed: int, allowed: Sequence[str]) -> list[Any]:
    splitter = configurations.build_splitter(cv, dataset.task_type, seed, allowed)
    if splitter is None:
        return []
    rows = dataset.train_rows
    try:
        return [(rows[a], rows[b]) for a, b in splitter.split(dataset.X[rows], dataset.y[rows])]
    except ValueError as error:
        raise BadInput(
            f"The {len(rows)} training samples can't be cross-validated: {error}",
            advice="Use fewer folds (cv: n_splits).",
        ) from error


def _not_done_before(
    prepared: Sequence[_Job],
    catalog: Catalog,
    dataset: Dataset,
    data_hash: str,
    seed: int,
    outcome: RunOutcome,
    again: bool,
) -> Iterator[_Job]:
    """The jobs whose result does not lie there yet; the others are named in `outcome.skipped`."""
    seen: dict[str, str] = {}
    for job in prepared:
        digest = job.fields["hash"]
        place = None if again else catalog.done_before(digest, data_hash, seed, dataset.name)
        if place is not None:
            outcome.skipped.append(Skipped(job.config.name, *place))
        elif digest in seen and not again:
            outcome.skipped.append(Skipped(job.config.name, "this batch", seen[digest]))
        else:
            seen[digest] = job.config.name
            yield job


def _log_start(run: Run, dataset: Dataset, todo: Sequence[_Job], outcome: RunOutcome) -> None:
    run.log(
        f"{len(todo)} pipelines on {dataset.name}: {dataset.X.shape[0]} samples, {dataset.X.shape[1]} features, "
        f"{dataset.task_type}, {len(dataset.train_rows)} train, {len(dataset.test_rows)} test"
    )
    if dataset.ignored:
        run.log(f"columns not used: {', '.join(dataset.ignored)}")
    for skipped in outcome.skipped:
        run.log(f"skipped {skipped.name}: done before as {skipped.pipeline_id} in {skipped.run_id}")


@contextmanager
def _warnings_to(run: Run) -> Iterator[None]:
    """Python warnings go to run.log, each text once, and not to the terminal."""
    shown: set[str] = set()

    def write(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        line = f"warning: {category.__name__}: {str(message).splitlines()[0] if str(message) else ''}"
        if line not in shown:
            shown.add(line)
            run.log(line)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = write
        yield


# ---------------------------------------------------------------- the batch


class _Batch:
    """Runs jobs in threads and draws charts in one more, off the training path."""

    def __init__(
        self, run: Run, dataset: Dataset, seed: int, charts: bool, progress: _Progress, outcome: RunOutcome
    ) -> None:
        self._run = run
        self._dataset = dataset
        self._seed = seed
        self._progress = progress
        self._outcome = outcome
        self._environment = environment(seed)
        self._y = np.asarray(dataset.labels)[dataset.y] if dataset.labels else dataset.y
        self._behind = ThreadPoolExecutor(1, "runshelf-behind")
        self._charts = charts
        self._pending: list[Future[None]] = []

    def run(self, todo: Sequence[_Job], jobs: int) -> None:
        """Run all jobs; returns when the last chart is drawn. Raises Cancelled once everything has stopped."""
        import joblib

        try:
            with _blas_threads(jobs):
                parallel = joblib.Parallel(n_jobs=jobs, backend="threading", pre_dispatch="n_jobs")
                parallel(joblib.delayed(self._one)(job) for job in todo)
            for drawn in self._pending:
                drawn.result()
                self._progress.check()
        except BaseException:
            self._progress.stopped.set()
            for waiting in self._pending:
                waiting.cancel()
            raise
        finally:
            self._behind.shutdown(wait=True)
            self._run.catalog.compact()

    def _one(self, job: _Job) -> None:
        """Run one pipeline to its end, good or bad. Only Cancelled and KeyboardInterrupt leave it."""
        self._progress.check()
        name = job.config.name
        pipeline = self._run.add_pipeline(name=name, record={**job.fields, **self._fields(job)})
        try:
            text = self._train(pipeline, job)
            self._outcome.completed += 1
        except (Cancelled, KeyboardInterrupt):
            pipeline.interrupt("cancelled")
            raise
        except StorageError:
            pipeline.interrupt()
            raise  # the disk is full or gone: no other pipeline would fare better
        except Exception as error:  # whatever a user's estimator raises is this pipeline's result
            pipeline.fail(error, traceback.format_exc())
            self._outcome.failed += 1
            self._outcome.failures.append(Failure(pipeline.pipeline_id, name, pipeline.record.error))
            text = f"✗ {name}: {pipeline.record.error}"
        self._run.log(text)
        self._progress.step(text)

    def _fields(self, job: _Job) -> dict[str, Any]:
        return {
            "seed": self._seed,
            "environment": self._environment,
            "n_samples": len(self._dataset.train_rows),
            "n_features": int(self._dataset.X.shape[1]),
            "n_folds": len(job.folds),
            "labels": self._dataset.labels,
            "task_type": self._dataset.task_type,
        }

    def _train(self, pipeline: Pipeline, job: _Job) -> str:
        """Cross-validate, fit, predict and record; returns a line for people."""
        from sklearn.base import clone

        arrays: list[PredictionArrays] = []
        start = time.perf_counter()
        for number, (train, held_out) in enumerate(job.folds):
            self._progress.check()
            model = clone(job.estimator).fit(self._dataset.X[train], self._y[train])
            arrays.append(self._predict(model, "val", held_out, number))
        self._progress.check()
        model = job.estimator.fit(self._dataset.X[self._dataset.train_rows], self._y[self._dataset.train_rows])
        fit_seconds = time.perf_counter() - start
        arrays.append(self._predict(model, "train", self._dataset.train_rows))
        if len(self._dataset.test_rows):
            arrays.append(self._predict(model, "test", self._dataset.test_rows))
        metrics = self._metrics(arrays)
        for number, (step, fitted) in enumerate(model.steps):
            pipeline.save_artifact(step, fitted, number)
        pipeline.save_arrays(arrays, self._dataset.sample_ids, self._dataset.target)
        pipeline.save_metrics(metrics)
        pipeline.complete(fit_seconds=round(fit_seconds, 6))
        if self._charts:
            self._pending.append(self._behind.submit(draw_charts, pipeline))
        return _line(job.config.name, metrics, self._dataset.task_type)

    def _predict(
        self, model: Any, partition: str, rows: NDArray[np.int64], fold: int | None = None
    ) -> PredictionArrays:
        X = self._dataset.X[rows]
        true = self._dataset.y[rows].astype(np.float64)
        pred = np.asarray(model.predict(X))
        labels, probabilities = self._dataset.labels, None
        if labels:
            place = {label: float(code) for code, label in enumerate(labels)}
            pred = np.array([place[str(value)] for value in pred])
            if hasattr(model, "predict_proba"):
                probabilities = np.zeros((len(rows), len(labels)))
                probabilities[:, [int(place[str(c)]) for c in model.classes_]] = model.predict_proba(X)
        elif not np.isfinite(pred).all():
            raise ValueError("the model predicts values that are no numbers")
        return PredictionArrays(partition, fold, rows, true, pred.reshape(true.shape), labels, probabilities)

    def _metrics(self, arrays: Sequence[PredictionArrays]) -> dict[str, Any]:
        """metrics.json: by partition, and per fold with mean and sample standard deviation (n - 1)."""
        import sklearn

        with sklearn.config_context(skip_parameter_validation=True):
            by_partition = {
                name: _scores([a for a in arrays if a.partition == name])
                for name in ("train", "val", "test")
                if any(a.partition == name for a in arrays)
            }
            folds = [{"fold": a.fold_id, **_scores([a], fold=True)} for a in arrays if a.partition == "val"]
        return {**by_partition, **({"cross_validation": _over_folds(folds)} if folds else {})}


def draw_charts(pipeline: Pipeline) -> None:
    """Draw the charts of a finished pipeline. One that can't be drawn is logged: the result stands without it."""
    from storage.figures import charts

    record = pipeline.record
    try:
        title = f"{record.number:04d} {record.name}"
        target = ", ".join(record.dataset_source.target)
        for name, figure in charts(pipeline.arrays(), title, target, record.dataset_source.units).items():
            pipeline.save_chart(name, figure)
    except (ValueError, StorageError) as error:
        pipeline.run.log(f"warning: no chart for {record.id}: {error}")


def _draw_missing(
    layout: Layout, disk: Disk, catalog: Catalog, skipped: Sequence[Skipped], progress: _Progress
) -> None:
    """Draw the charts of pipelines done before, where a session that was stopped did not come to it."""
    for found in skipped:
        folder = layout.run(found.run_id)
        if any((folder / found.pipeline_id).glob("*.png")) or not (folder / found.pipeline_id).is_dir():
            continue
        progress.check()
        draw_charts(Run.open(layout, disk, catalog, folder).pipeline(found.pipeline_id))


def _scores(arrays: Sequence[PredictionArrays], fold: bool = False) -> dict[str, Any]:
    """Metrics of some blocks taken together, or of a single fold."""
    true = np.concatenate([a.y_true for a in arrays])
    pred = np.concatenate([a.y_pred for a in arrays])
    if not arrays[0].labels:
        found = regression_metrics(true, pred)
    else:
        shares = [a.probabilities for a in arrays if a.probabilities is not None]
        probabilities = np.concatenate(shares) if len(shares) == len(arrays) else None
        classes = len(arrays[0].labels)
        found = classification_metrics(true.astype(int), pred.astype(int), classes, probabilities, brief=fold)
    return {**found, "samples": len(true)}


def _over_folds(folds: list[dict[str, Any]]) -> dict[str, Any]:
    names = [n for n in folds[0] if n not in ("fold", "samples") and all(n in fold for fold in folds)]
    values = {name: np.array([fold[name] for fold in folds]) for name in names}
    spread = {f"std_{n}": float(v.std(ddof=1)) for n, v in values.items()} if len(folds) > 1 else {}
    means = {f"mean_{name}": float(value.mean()) for name, value in values.items()}
    return {"folds": len(folds), **means, **spread, "fold_results": folds}


def _line(name: str, metrics: Mapping[str, Any], task_type: str) -> str:
    from storage.metrics import flatten, metric_for

    flat = flatten(metrics)
    key = key_metric(flat, task_type)
    metric = metric_for(key) if key else None
    if key is None or metric is None:
        return f"✓ {name}"
    partition = {"val": "cross-validated", "test": "test", "train": "training"}[key.partition("_")[0]]
    return f"✓ {name}: {partition} {metric.title} {flat[key]:.{metric.digits}g}"


def environment(seed: int) -> dict[str, Any]:
    """What a result depends on beside data and configuration: versions, machine, seed."""
    found = {"python": platform.python_version(), "platform": platform.platform(), "runshelf": VERSION, "seed": seed}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def _blas_threads(jobs: int) -> Iterator[None]:
    """Share the cores between the jobs instead of letting each of them use all."""
    import os

    from threadpoolctl import threadpool_limits

    if jobs == 1:
        yield
        return
    with threadpool_limits(limits=max(1, (os.cpu_count() or 1) // jobs)):
        yield
