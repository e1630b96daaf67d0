"""Batches: running many pipelines on a dataset, each recorded, one failure no end to the rest.

Work that was done before on the same data, split and seed is recognised before any time is spent on it.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import signal
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from storage.catalog import Catalog
from storage.configs import PipelineConfig, fields_of, from_object
from storage.control import Control
from storage.datasets import Dataset
from storage.disk import Disk
from storage.endings import SAME_BATCH, ended_event, ended_line, skipped_event
from storage.errors import BadInput, Cancelled, StorageError
from storage.estimators import ALLOWED_MODULES
from storage.layout import Layout, checked_name
from storage.pipelines import Pipeline, in_a_line
from storage.places import Places
from storage.prints import Prints
from storage.records import DatasetSource
from storage.requests import Failure, OnPipeline, PipelineEvent, Remainder, Report, RunOutcome, RunPreview, Skipped
from storage.runs import Run
from storage.stored_samples import choose_rows, with_predictions
from storage.surroundings import Surroundings
from storage.training import Fold, environment, make_folds, shared_cores, train

_CHECK_SECONDS = 0.1  # how often a running pipeline asks whether to go on
_LIMITED = (errno.EMFILE, errno.EFBIG)  # what a limit of the process refuses, and no disk


@dataclass(frozen=True)
class _Job:
    """One pipeline to run: configuration, built estimator, its record's fields, and the folds."""

    config: PipelineConfig
    estimator: Any
    fields: dict[str, Any]
    folds: list[Fold]


class _Progress:
    """Counts what is done and passes it on; waits and stops where somebody wants that. Shared between threads."""

    def __init__(self, total: int, report: Report, on_pipeline: OnPipeline | None, control: Control) -> None:
        self.total = total
        self.done = 0
        self.control = control
        self.prints = Prints()
        self._report = report
        self._on_pipeline = on_pipeline
        self._text = "starting"
        self._reason: BaseException | None = None  # why the batch is stopped, whichever thread met it first
        self._last = 0.0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Wait while paused, raise Cancelled if somebody asked to stop; cheap enough to call between folds."""
        self.control.check()
        self._tell(time.monotonic() - self._last >= _CHECK_SECONDS)

    def step(self, text: str) -> None:
        """One more pipeline is done."""
        with self._lock:
            self.done += 1
            self._text = text
        self._tell(True)

    def ended(self, event: PipelineEvent) -> None:
        """Tell of a pipeline that came to its end."""
        if self._on_pipeline is not None:
            with self._lock, self._listening():
                self._on_pipeline(event)

    def _tell(self, now: bool) -> None:
        if self.control.cancelled:
            raise Cancelled()
        if not now:
            return
        with self._lock, self._listening():
            self._last = time.monotonic()
            self._report(self.done, self.total, self._text)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Whatever a callback raises stops the batch and is what it ends with."""
        try:
            with self.prints.free():
                yield
        except BaseException as reason:
            self.stop(reason)
            raise

    def stop(self, reason: BaseException) -> BaseException:
        """Stop the batch; returns what it ends with, which is the first reason there was."""
        self._reason = self._reason or reason
        self.control.cancel()
        return self._reason


def run_batch(
    layout: Layout,
    disk: Disk,
    catalog: Catalog,
    places: Places,
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
    on_pipeline: OnPipeline | None = None,
    control: Control | None = None,
    left: Remainder | None = None,
) -> RunOutcome:
    """Run pipelines on a dataset, `jobs` at a time in threads; see Workspace.run_batch.

    Everything that can be wrong with the request is found before the first byte is written (BadInput). A failing
    pipeline is recorded and counted. When `report` raises Cancelled or `control` is cancelled, pipelines in work stop
    at the next fold, the run is finalized as cancelled, and Cancelled is raised. With `left` the batch has this process
    for itself: it runs what is left of it, and ends the process where a pipeline left that unfit for others.
    """
    own_process, left = left is not None, left or Remainder()
    if jobs < 1:
        raise BadInput(f"{jobs} jobs can't run anything.", advice="Give 1 or more.")
    if run_name:
        checked_name(run_name, "run")  # also where nothing is left to do
    data_hash = dataset.data_hash()
    outcome, surroundings = RunOutcome(), Surroundings(jobs)
    todo = _to_do(catalog, dataset, pipelines, pipeline_names, data_hash, seed, again, allowed_modules, outcome, left)
    surroundings.put_back()  # steps of the user were imported and built
    progress = _Progress(outcome.total, report or (lambda done, total, text: None), on_pipeline, control or Control())
    progress.done = len(outcome.skipped) + len(left.ended)
    for skipped in outcome.skipped:
        progress.ended(skipped_event(skipped))
    if charts:
        ended = [catalog.done_before(digest, data_hash, seed, dataset.name) for digest in left.ended]
        old = [*((one.run_id, one.pipeline_id) for one in outcome.skipped), *filter(None, ended)]
        _draw_missing(layout, disk, catalog, old, progress)
    if not todo:
        return outcome
    run = Run.create(
        layout,
        disk,
        catalog,
        places,
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
    surroundings = Surroundings(jobs, own_process=own_process)  # with all that was imported and opened by now
    batch = _Batch(run, dataset, seed, charts, progress, outcome, surroundings)
    try:
        with _warnings_to(run), progress.prints.moderated():
            batch.run(todo, jobs)
    except (Cancelled, KeyboardInterrupt):
        status = _how_it_was_stopped()
        outcome.status = status
        outcome.summary = run.finalize(status)
        run.log("cancelled by the user" if status == "cancelled" else "interrupted: the program that began it is gone")
        raise
    outcome.summary = run.finalize()
    run.log(f"completed: {outcome.completed} good, {outcome.failed} failed, {len(outcome.skipped)} skipped")
    return outcome


def _how_it_was_stopped() -> Literal["cancelled", "interrupted"]:
    """Whether the user stopped the batch, or the end of the program that began it in this process of its own."""
    parent = multiprocessing.parent_process()
    return "cancelled" if parent is None or parent.is_alive() else "interrupted"


def _can_be_interrupted() -> bool:
    """Whether Ctrl+C raises KeyboardInterrupt in this thread; where it doesn't, it was raised by a pipeline."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) != signal.SIG_IGN


def preview_batch(
    catalog: Catalog,
    dataset: Dataset,
    pipelines: Sequence[Any],
    *,
    pipeline_names: Sequence[str] = (),
    seed: int = 0,
    again: bool = False,
    allowed_modules: Sequence[str] = (),
) -> RunPreview:
    """What `run_batch` would run, found out as it does; raises BadInput as it does."""
    outcome, data_hash = RunOutcome(), dataset.data_hash()
    todo = _to_do(
        catalog, dataset, pipelines, pipeline_names, data_hash, seed, again, allowed_modules, outcome, Remainder()
    )
    return RunPreview(
        dataset.name,
        dataset.task_type,
        dataset.X.shape[0],
        dataset.X.shape[1],
        len(dataset.train_rows),
        len(dataset.test_rows),
        tuple(job.config.name for job in todo),
        tuple(outcome.skipped),
        tuple(dataset.ignored),
        tuple(dataset.left_out),
        tuple(job.config.name for job in todo if job.config.made_for() not in (None, dataset.task_type)),
    )


def source_of(dataset: Dataset, data_hash: str) -> DatasetSource:
    """What the documents say of the data."""
    split = {**dataset.split, "train": len(dataset.train_rows), "test": len(dataset.test_rows)}
    extra: dict[str, Any] = {"ignored_columns": dataset.ignored} if dataset.ignored else {}
    if dataset.id_column is not None:
        extra["id_column"] = dataset.id_column
    if dataset.leave_out_incomplete:
        extra |= {"leave_out_incomplete": True, "left_out": len(dataset.left_out)}
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


def _to_do(
    catalog: Catalog,
    dataset: Dataset,
    pipelines: Sequence[Any],
    names: Sequence[str],
    data_hash: str,
    seed: int,
    again: bool,
    allowed_modules: Sequence[str],
    outcome: RunOutcome,
    left: Remainder,
) -> list[_Job]:
    """The pipelines that are to be trained; `outcome` counts all and names those that were done before."""
    if not 0 <= seed < 2**32:
        raise BadInput(f"{seed} can't be a seed.", advice="Give a number from 0 to 4294967295.")
    planned = _named([c for source in pipelines for c in from_object(source)], names)
    outcome.total = len(planned)
    prepared = _prepare(planned, dataset, seed, (*ALLOWED_MODULES, *allowed_modules))
    ended = Counter(left.ended)
    todo = list(_not_done_before(prepared, catalog, dataset, data_hash, seed, outcome, again, ended))
    return [job for job in todo if job.fields["hash"] in left.only] if left.only else todo


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
    folds: dict[str, list[Fold]] = {}
    jobs = []
    for config in planned:
        estimator = config.build(seed, allowed)
        fields = fields_of(config, estimator)
        cv = json.dumps(fields["template"]["cv"], sort_keys=True)
        if cv not in folds:
            folds[cv] = make_folds(config.cv, dataset, seed, allowed)
        jobs.append(_Job(config, estimator, fields, folds[cv]))
    return jobs


def _not_done_before(
    prepared: Sequence[_Job],
    catalog: Catalog,
    dataset: Dataset,
    data_hash: str,
    seed: int,
    outcome: RunOutcome,
    again: bool,
    ended: Counter[str],
) -> Iterator[_Job]:
    """The jobs whose result does not lie there yet; the others are named in `outcome.skipped`, but for `ended` ones."""
    seen: dict[str, str] = {}
    for job in prepared:
        digest = job.fields["hash"]
        if ended[digest]:
            ended[digest] -= 1
            seen[digest] = job.config.name
            continue
        place = None if again else catalog.done_before(digest, data_hash, seed, dataset.name)
        if place is not None:
            outcome.skipped.append(Skipped(job.config.name, *place))
        elif digest in seen and not again:
            outcome.skipped.append(Skipped(job.config.name, SAME_BATCH, seen[digest]))
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
    if dataset.left_out:
        run.log(f"samples left out, as they lack a value: {', '.join(map(in_a_line, dataset.left_out))}")
    for skipped in outcome.skipped:
        run.log(f"skipped {skipped.name}: done before as {skipped.pipeline_id} in {skipped.run_id}")


@contextmanager
def _warnings_to(run: Run) -> Iterator[None]:
    """Python warnings go to run.log, each text once, and not to the terminal."""
    shown: set[str] = set()

    def write(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        line = f"warning: {category.__name__}: {in_a_line(str(message))}"
        if line not in shown:
            shown.add(line)
            run.log(line)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = write
        yield


# ---------------------------------------------------------------- the batch


class _Clock:
    """The time a pipeline takes; what it waits in `check`, because somebody paused the batch, is left out."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._began = time.perf_counter()

    def check(self) -> None:
        waiting = time.perf_counter()
        self._check()
        self._began += time.perf_counter() - waiting

    def seconds(self) -> float:
        return time.perf_counter() - self._began


class _Batch:
    """Runs jobs in threads and draws charts in one more, off the training path."""

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        seed: int,
        charts: bool,
        progress: _Progress,
        outcome: RunOutcome,
        surroundings: Surroundings,
    ) -> None:
        self._run = run
        self._dataset = dataset
        self._seed = seed
        self._progress = progress
        self._outcome = outcome
        self._surroundings = surroundings
        run.artifacts.after_pickling = surroundings.put_back
        self._environment = environment(seed)
        self._rows = choose_rows(dataset)
        self._samples = run.artifacts.save_samples(dataset.X[self._rows])
        self._behind = ThreadPoolExecutor(1, "runshelf-behind")
        self._charts = charts
        self._pending: list[Future[None]] = []

    def run(self, todo: Sequence[_Job], jobs: int) -> None:
        """Run all jobs; returns when the last chart is drawn. Raises Cancelled once everything has stopped."""
        try:
            with shared_cores(jobs):
                self._run_all(todo, jobs)
            for drawn in self._pending:
                drawn.result()
                self._progress.check()
        except BaseException as reason:
            for waiting in self._pending:
                waiting.cancel()
            first = self._progress.stop(reason)
            if first is reason:
                raise
            raise first from None
        finally:
            self._behind.shutdown(wait=True)

    def _run_all(self, todo: Sequence[_Job], jobs: int) -> None:
        """Run all jobs; whatever stops one of them stops all, each at its next fold."""
        import joblib

        if jobs == 1:
            for job in todo:
                self._one(job)
            return
        # What runs in parallel within a pipeline does so in threads, too.
        with ThreadPoolExecutor(jobs, "runshelf-job", joblib.parallel_config, ("threading",)) as pool:
            begun = [pool.submit(self._one, job) for job in todo]
            try:
                for one in begun:
                    one.result()
            except BaseException as reason:
                self._progress.stop(reason)
                raise

    def _one(self, job: _Job) -> None:
        """Run one pipeline, counted as long as it is at work."""
        with self._progress.control.at_work():
            try:
                self._run_one(job)
            except BaseException as reason:
                self._surroundings.put_back()
                if isinstance(reason.__cause__, OSError) and reason.__cause__.errno in _LIMITED:
                    self._surroundings.end_process()
                self._progress.stop(reason)
                raise

    def _run_one(self, job: _Job) -> None:
        """Run one pipeline to its end, good or bad. What the user or the disk says to stop it leaves it."""
        self._check()
        self._progress.prints.begin()
        name = job.config.name
        pipeline = self._run.add_pipeline(name=name, record={**job.fields, **self._fields(job)})
        details = ""
        clock = _Clock(self._check)
        try:
            text = self._train(pipeline, job, clock.check)
            self._outcome.completed += 1
        except BaseException as error:  # whatever a user's estimator raises is this pipeline's result
            self._surroundings.put_back()
            if isinstance(error, Cancelled) or (isinstance(error, KeyboardInterrupt) and _can_be_interrupted()):
                pipeline.interrupt(_how_it_was_stopped())
                raise
            from_disk = isinstance(error, StorageError) and not isinstance(error, BadInput)
            if from_disk or self._progress.control.cancelled:
                pipeline.interrupt()
                raise  # the disk is full or gone: no other pipeline would fare better
            if pipeline.record.status == "completed":
                text = self._stands(pipeline, error)
            else:
                details = pipeline.fail(error, traceback.format_exc())
                text = self._failed(pipeline)
        self._run.log(text)
        self._progress.ended(ended_event(pipeline, self._dataset.task_type, clock.seconds(), details))
        self._progress.step(text)
        self._surroundings.end_if_worn()

    def _failed(self, pipeline: Pipeline) -> str:
        """Count a failure; returns a line for people."""
        record = pipeline.record
        self._outcome.failed += 1
        self._outcome.failures.append(Failure(record.id, record.name, record.error))
        return f"✗ {record.name}: {record.error}"

    def _stands(self, pipeline: Pipeline, error: BaseException) -> str:
        """Count a result that is whole on disk, whatever came in between it and the catalog, or its charts."""
        record = pipeline.record
        self._run.log(f"warning: {record.id} is completed; what its row lacks, the next opening takes in")
        self._run.log(f"warning: {in_a_line(error)}")
        self._outcome.completed += 1
        return ended_line(record.name, pipeline.metrics(), self._dataset.task_type)

    def _check(self) -> None:
        """Put back what a pipeline changed, then wait or stop as asked: what it forked must not speak for the batch."""
        self._surroundings.put_back()
        self._progress.check()

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

    def _train(self, pipeline: Pipeline, job: _Job, check: Callable[[], None]) -> str:
        """Train and record; returns a line for people."""
        asked = _Asked(check)
        try:
            trained = train(job.estimator, job.folds, self._dataset, asked)
        except StorageError as error:
            if error is asked.answer:
                raise
            raise RuntimeError(f"{type(error).__name__}: {error}") from error  # it is the estimator's, not the disk's
        finally:
            self._surroundings.put_back()
            self._run.disk.check_held()
        for number, (step, fitted) in enumerate(trained.model.steps):
            pipeline.save_artifact(step, fitted, number)
        pipeline.save_arrays(trained.arrays, self._dataset.sample_ids, self._dataset.target)
        pipeline.save_metrics(trained.metrics)
        pipeline.record.samples = with_predictions(self._samples, self._rows, trained.arrays)
        pipeline.complete(fit_seconds=round(trained.fit_seconds, 6))
        if self._charts:
            self._pending.append(self._behind.submit(draw_charts, pipeline))
        return ended_line(job.config.name, trained.metrics, self._dataset.task_type)


class _Asked:
    """Asks whether to go on between fits; `answer` is what that raised, to be told from what an estimator raises."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self.answer: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._check()
        except BaseException as error:
            self.answer = error
            raise


def draw_charts(pipeline: Pipeline) -> None:
    """Draw the charts of a finished pipeline. One that can't be drawn is logged: the result stands without it."""
    from storage.figures import charts, png

    record = pipeline.record
    try:
        title = f"{record.number:04d} {record.name}"
        target = ", ".join(record.dataset_source.target)
        for name, figure in charts(pipeline.arrays(), title, target, record.dataset_source.units).items():
            pipeline.save_chart(name, png(figure))
    except (ValueError, StorageError) as error:
        pipeline.run.log(f"warning: no chart for {record.id}: {error}")


def _draw_missing(
    layout: Layout, disk: Disk, catalog: Catalog, places: Sequence[tuple[str, str]], progress: _Progress
) -> None:
    """Draw the charts of pipelines done before, where the session or process that was at it did not come to it."""
    for run_id, pipeline_id in places:
        folder = layout.run(run_id)
        if any((folder / pipeline_id).glob("*.png")) or not (folder / pipeline_id).is_dir():
            continue
        progress.check()
        draw_charts(Run.open(layout, disk, catalog, folder).pipeline(pipeline_id))
