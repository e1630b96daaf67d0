"""Long work that outlives the click that started it: training, exports, checks, with progress, a log and an outcome.

One job trains at a time, the others wait their turn; exports wait for exports, other work for other work. Jobs run on
their own threads, never on the workspace's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from gui.exports import ExportRequest, write_export
from gui.formats import MISSING, counted, duration_text, integer_text, tr
from gui.tasks import Problem, Progress, Report, Task, Tasks, workers

if TYPE_CHECKING:
    from storage import Control, PipelineEvent, RunOutcome, RunRequest

State = Literal["waiting", "running", "pausing", "paused", "stopping", "completed", "failed", "cancelled"]
Lane = Literal["work", "training", "export"]
ENDED: tuple[State, ...] = ("completed", "failed", "cancelled")
AT_A_TIME: dict[Lane, int] = {"work": 2, "training": 1, "export": 1}
LINES_KEPT = 5000
T = TypeVar("T")


@dataclass(eq=False)
class Job:
    """One piece of long work and what is known of it; `log` keeps the newest lines.

    A job that trains has the pipelines that came to their end, those that failed apart from the others, and the
    `request` it was started with.
    """

    name: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    started: float | None = None
    ended: float | None = None
    outcome: str = ""
    problem: Problem | None = None
    told: bool = False  # somebody else says what went wrong
    value: Any = None  # what the work returned
    run_id: str = ""
    root: Path | None = None  # the workspace it trains in
    demo: Path | None = None  # the folder it makes the demo in
    workspace: Path | None = None  # one that the job made, to be opened
    file: Path | None = None  # one that the job wrote
    page: Path | None = None  # one that it wrote to be read
    kept: str = ""  # what is left when it is cancelled
    speaks: bool = False  # its outcome says what was done, so that its name is not needed beside it
    log: list[str] = field(default_factory=list)
    logged: int = 0  # how many lines there were in all
    task: Task | None = None
    request: RunRequest | None = None
    control: Control | None = None
    failed: list[PipelineEvent] = field(default_factory=list)
    finished: list[PipelineEvent] = field(default_factory=list)
    news: SimpleQueue[PipelineEvent] = field(default_factory=SimpleQueue)  # filled by the thread that trains
    _pace_from: tuple[float, int] | None = None  # since when, and from which count on, things get done
    _rested: float = 0.0  # seconds
    _resting_since: float | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in ENDED

    @property
    def can_pause(self) -> bool:
        """Whether it can be paused now."""
        return self.control is not None and self.state == "running"

    @property
    def leaves_a_rest(self) -> bool:
        """Whether it was stopped before its end and what it left undone can be run."""
        known = self.request is not None or self.demo is not None
        return known and self.over and self.state != "completed" and self.done < self.total

    @property
    def can_resume(self) -> bool:
        """Whether it is, or is about to be, paused."""
        return self.state in ("pausing", "paused")

    def seconds_worked(self) -> float:
        """Return how long it has been at work, pauses left out."""
        if self.started is None:
            return 0.0
        now = self.ended if self.ended is not None else time.monotonic()
        resting = now - self._resting_since if self._resting_since is not None else 0.0
        return max(0.0, now - self.started - self._rested - resting)

    def seconds_left(self) -> float | None:
        """Estimate the time left from the pace so far; None while there is no pace, or nothing left that is counted."""
        if self.over or self.state in ("waiting", "stopping") or self._pace_from is None:
            return None
        since, first = self._pace_from
        if not first < self.done < self.total:
            return None
        return (self.seconds_worked() - since) / (self.done - first) * (self.total - self.done)

    def advance(self, progress: Progress) -> None:
        """Take in how far it is."""
        if self.started is None:
            self.started = time.monotonic()
        if self.state == "waiting":
            self.state = "running"
        if progress.total != self.total or progress.done < self.done:
            self._pace_from = None  # another piece of work has begun
        self.done, self.total = progress.done, progress.total
        if self._pace_from is None and self.total:
            self._pace_from = (self.seconds_worked(), self.done)
        self.rest(self.control is not None and self.control.resting)
        self.say(*progress.lines)

    def say(self, *lines: str) -> None:
        """Add lines to the log."""
        self.log.extend(lines)
        self.logged += len(lines)
        if len(self.log) > 2 * LINES_KEPT:
            del self.log[:-LINES_KEPT]

    def rest(self, resting: bool) -> None:
        """Take in whether everything waits: the time until it goes on is not its own."""
        if resting and self._resting_since is None:
            self._resting_since = time.monotonic()
        elif not resting and self._resting_since is not None:
            self._rested += time.monotonic() - self._resting_since
            self._resting_since = None
        if self.state == "pausing" and resting:
            self.state = "paused"

    def take_news(self) -> bool:
        """Take in the pipelines that came to their end since the last time; False if there were none."""
        before = len(self.failed) + len(self.finished)
        try:
            while True:
                event = self.news.get_nowait()
                self.run_id = event.run_id if event.status != "skipped" else self.run_id
                (self.failed if event.status == "failed" else self.finished).append(event)
        except Empty:
            return len(self.failed) + len(self.finished) > before


def _train(
    root: Path, request: RunRequest, control: Control, news: SimpleQueue[PipelineEvent], report: Report
) -> RunOutcome:
    from storage import run_in_child

    return run_in_child(root, request, report, on_pipeline=news.put, control=control)


def _begin(fn: Callable[[Report], T], report: Report) -> T:
    """Do the work of a job; say first that its turn has come, for it may be long before it tells anything."""
    report(0, 0, "")
    return fn(report)


def _make_demo(folder: Path, report: Report) -> Path:
    from storage import create_demo

    return create_demo(folder, report)


class Jobs(QObject):
    """All jobs of this session, newest first.

    `began`, `changed` (state or progress), `logged`, `trained` (pipelines came to their end) and `ended` are emitted
    with the Job, `cleared` when ended ones were taken off the list.
    """

    began = Signal(object)
    changed = Signal(object)
    logged = Signal(object)
    trained = Signal(object)
    ended = Signal(object)
    cleared = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._lanes = {lane: workers(count, f"runshelf-{lane}") for lane, count in AT_A_TIME.items()}
        self.jobs: list[Job] = []
        self._clock = QTimer(self)  # time left runs on between reports
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)

    # --- starting ---

    def start(
        self,
        name: str,
        fn: Callable[[Report], T],
        *,
        kept: str = "",
        done: Callable[[T], str | None] | None = None,
        failed: Callable[[Problem], None] | None = None,
        lane: Lane = "work",
        speaks: bool = False,
    ) -> Job:
        """Start any long work as a job called `name`.

        `fn(report)` is plain: it holds no Qt object, and opens its own workspace where it needs one. `done(value)` is
        called here when it came back well; what that returns, or a text that `fn` returned, is the outcome shown. A
        Path is taken for the file that was written. With `failed` the window does not tell of the problem. `kept` says
        what is left when it is cancelled. With `speaks` the outcome of a job that came back well says all, and its
        name is not put before it.
        """
        job = Job(name, kept=kept, told=failed is not None)
        return self._start(job, fn, partial(self._complete, done, speaks), lane, failed)

    def train(self, root: Path, request: RunRequest) -> Job:
        """Start a training run in a child process that can be paused and stopped."""
        from storage import Control

        dataset = request.dataset_name or request.data.stem
        name = f"{dataset} · {request.run_name}" if request.run_name else dataset
        job = Job(tr("Training {name}").format(name=name), kept=tr("finished pipelines are kept"))
        job.root, job.request, job.control = root, request, Control()
        fn = partial(_train, root, request, job.control, job.news)
        return self._start(job, fn, self._complete_training, "training")

    def makes_demo(self) -> bool:
        """Whether a demo is being made, which is opened when it is ready."""
        return any(job.demo is not None for job in self.busy())

    def make_demo(self, folder: Path) -> Job:
        """Start making a workspace with real data and trained pipelines to look around in, or go on with it."""
        job = Job(tr("Making the demo"), kept=tr("finished pipelines are kept"), demo=folder)
        return self._start(job, partial(_make_demo, folder), self._complete_demo, "training")

    def export(self, root: Path, request: ExportRequest) -> Job:
        """Start writing rows of the catalog to a file."""
        job = Job(tr("Exporting {name}").format(name=request.path.name), kept=tr("no file was written"))
        complete = partial(self._complete_export, request.path)
        return self._start(job, partial(write_export, root, request), complete, "export")

    def _start(
        self,
        job: Job,
        fn: Callable[[Report], T],
        complete: Callable[[Job, T], None],
        lane: Lane,
        failed: Callable[[Problem], None] | None = None,
    ) -> Job:
        self.jobs.insert(0, job)
        job.task = self._tasks.start(
            partial(_begin, fn), partial(complete, job), partial(self._fail, failed, job), partial(self._advance, job),
            executor=self._lanes[lane], quiet=True,
        )  # fmt: skip
        self._clock.start()
        self.began.emit(job)
        return job

    # --- steering ---

    def pause(self, job: Job) -> None:
        """Let a training job pause as soon as what it fits is fitted."""
        if job.control is not None and job.can_pause:
            job.control.pause()
            self._put(job, "pausing")

    def resume(self, job: Job) -> None:
        """Let a paused job go on."""
        if job.control is not None and job.can_resume:
            job.control.resume()
            self._put(job, "running")

    def toggle_pause(self) -> None:
        """Let the training that is at work pause, or go on."""
        for job in self.busy():
            if job.can_resume:
                self.resume(job)
                return
            if job.can_pause:
                self.pause(job)
                return

    def cancel(self, job: Job) -> None:
        """Stop a job; one that still waits ends at once, one that runs or is paused as soon as it is safe."""
        if job.over or job.task is None:
            return
        if job.task.future is not None and job.task.future.cancel():
            self._tasks.drop(job.task)
            self._end(job, "cancelled", tr("Cancelled before it began."))
            return
        job.task.stop()
        self._put(job, "stopping")

    def cancel_all(self) -> None:
        """Stop every job."""
        for job in self.busy():
            self.cancel(job)

    def busy(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs if not job.over]

    def stopped(self) -> Job | None:
        """Return the newest job that left something undone which no later one has taken up."""
        taken_up: set[tuple[object, ...]] = set()
        for job in self.jobs:
            what = (job.name, job.root, job.demo)
            if job.leaves_a_rest and what not in taken_up:
                return job
            taken_up.add(what)
        return None

    def running(self, name: str) -> Job | None:
        """Return the job of this name that has not ended."""
        return next((job for job in self.busy() if job.name == name), None)

    def foremost(self) -> Job | None:
        """Return the job that one line is best spent on: one at work, else the first that waits."""
        busy = self.busy()
        return next((job for job in busy if job.state != "waiting"), busy[-1] if busy else None)

    def runs_at_work(self) -> dict[str, str]:
        """Say of each run that is trained here how far it is, from its first pipeline on."""
        return {job.run_id: progress_text(job) for job in self.busy() if job.run_id and job.total}

    def clear_ended(self) -> None:
        """Take the jobs that ended off the list."""
        self.jobs = self.busy()
        self.cleared.emit()

    def close(self) -> None:
        """Let the threads go; every job must have ended."""
        self._clock.stop()
        for pool in self._lanes.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _put(self, job: Job, state: State) -> None:
        job.state = state
        self.changed.emit(job)

    # --- what comes back ---

    def _advance(self, job: Job, progress: Progress) -> None:
        if job.over:
            return
        job.advance(progress)
        self._take_news(job)
        if progress.lines:
            self.logged.emit(job)
        self.changed.emit(job)

    def _take_news(self, job: Job) -> None:
        if job.take_news():
            self.trained.emit(job)

    def _complete(self, done: Callable[[Any], str | None] | None, speaks: bool, job: Job, value: Any) -> None:
        job.value, job.speaks = value, speaks
        said = value if isinstance(value, str) else tr("done")
        if isinstance(value, Path):
            job.file = value
            said = tr("in {path}").format(path=value)
        try:
            if done is not None:
                said = done(value) or said
        finally:  # the job is over whatever its owner makes of it
            self._end(job, "completed", said)

    def _complete_training(self, job: Job, outcome: RunOutcome) -> None:
        job.value, job.run_id = outcome, outcome.run_id
        self._take_news(job)
        nothing_good = outcome.failed > 0 and outcome.completed == 0
        self._end(job, "failed" if nothing_good else "completed", outcome_text(outcome))

    def _complete_demo(self, job: Job, root: Path) -> None:
        job.workspace = root
        self._end(job, "completed", tr("ready in {folder}").format(folder=root))

    def _complete_export(self, path: Path, job: Job, rows: int) -> None:
        job.file, job.speaks = path, True
        said = counted(rows, "Exported {n} row", "Exported {n} rows")
        text = tr("{done} to {path}").format(done=said, path=path)
        self._end(job, "completed", text)

    def _fail(self, failed: Callable[[Problem], None] | None, job: Job, problem: Problem) -> None:
        job.problem = problem
        self._take_news(job)
        if problem.kind == "cancelled":
            text = tr("Cancelled; {what}.").format(what=job.kept) if job.kept else tr("Cancelled.")
            self._end(job, "cancelled", text)
        else:
            job.say(problem.details if problem.kind == "bug" else f"{problem.what} {problem.advice}".strip())
            self._end(job, "failed", problem.what)
        if failed is not None:
            failed(problem)

    def _end(self, job: Job, state: State, outcome: str) -> None:
        job.rest(False)
        job.state, job.outcome, job.ended = state, outcome, time.monotonic()
        job.say(outcome)
        if not self.busy():
            self._clock.stop()
        self.changed.emit(job)
        self.logged.emit(job)
        self.ended.emit(job)

    def _tick(self) -> None:
        for job in self.busy():
            self.changed.emit(job)


# --- words ---


def outcome_text(outcome: RunOutcome) -> str:
    """Say in a few words how a run ended."""
    parts = [tr("{n} completed").format(n=integer_text(outcome.completed))]
    if outcome.failed:
        parts.append(tr("{n} failed").format(n=integer_text(outcome.failed)))
    if outcome.skipped:
        parts.append(tr("{n} trained before").format(n=integer_text(len(outcome.skipped))))
    return ", ".join(parts)


def state_word(state: State) -> str:
    """Say the state of a job."""
    words = {
        "waiting": tr("waiting"), "running": tr("running"), "pausing": tr("pausing…"), "paused": tr("paused"),
        "stopping": tr("stopping…"), "completed": tr("completed"), "failed": tr("failed"),
        "cancelled": tr("cancelled"),
    }  # fmt: skip
    return words[state]


def progress_text(job: Job) -> str:
    """Say how far a job is: "14/24"."""
    if not job.total:
        return MISSING
    return tr("{done}/{total}").format(done=integer_text(job.done), total=integer_text(job.total))


def time_left_text(job: Job) -> str:
    """Say how long a job will still take, or how long it took; pauses are not counted."""
    if job.over and job.started is not None:
        return tr("took {time}").format(time=duration_text(job.seconds_worked()))
    left = job.seconds_left()
    return tr("{time} left").format(time=duration_text(max(1.0, left))) if left is not None else MISSING
