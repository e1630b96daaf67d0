"""Long work that outlives the click that started it: training and exports, with progress, a log and an outcome.

One job trains at a time, the others wait their turn; exports wait for exports only. Jobs run on their own threads,
never on the workspace's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, Signal

from gui.columns import LEFT, RIGHT, AnyIndex
from gui.exporting import ExportRequest, write_export
from gui.formats import MISSING, duration_text, integer_text, tr
from gui.tasks import Problem, Progress, Report, Task, Tasks
from gui.theme import theme

if TYPE_CHECKING:
    from storage import RunOutcome, RunRequest

State = Literal["waiting", "running", "stopping", "completed", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("completed", "failed", "cancelled")
LINES_KEPT = 5000
T = TypeVar("T")
SHARE_ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(eq=False)
class Job:
    """One piece of long work and what is known of it; `log` keeps the newest lines."""

    name: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    started: float | None = None
    ended: float | None = None
    outcome: str = ""
    problem: Problem | None = None
    run_id: str = ""
    workspace: Path | None = None  # one that the job made, to be opened
    file: Path | None = None  # one that the job wrote
    kept: str = ""  # what is left when it is cancelled
    log: list[str] = field(default_factory=list)
    task: Task | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in ENDED

    def seconds_left(self) -> float | None:
        """Estimate the time left from the pace so far; None while there is no pace."""
        if self.state != "running" or self.started is None or not self.done or not self.total:
            return None
        return (time.monotonic() - self.started) / self.done * max(0, self.total - self.done)


def _train(root: Path, request: RunRequest, report: Report) -> RunOutcome:
    from storage import run_in_child

    return run_in_child(root, request, report)


def _make_demo(folder: Path, report: Report) -> Path:
    from storage import create_demo

    return create_demo(folder, report)


def outcome_text(outcome: RunOutcome) -> str:
    """Say in a few words how a run ended."""
    parts = [tr("{n} completed").format(n=integer_text(outcome.completed))]
    if outcome.failed:
        parts.append(tr("{n} failed").format(n=integer_text(outcome.failed)))
    if outcome.skipped:
        parts.append(tr("{n} trained before").format(n=integer_text(len(outcome.skipped))))
    return ", ".join(parts)


COLUMNS = ("Job", "Progress", "Time left", "Outcome")


class Jobs(QAbstractTableModel):
    """All jobs of this session, newest first. `ended` is emitted with each Job that ends."""

    ended = Signal(object)
    logged = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="runshelf-job")
        self._exports = ThreadPoolExecutor(max_workers=1, thread_name_prefix="runshelf-export")
        self.jobs: list[Job] = []
        self._clock = QTimer(self)  # time left runs on between reports
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)

    # --- work ---

    def train(self, root: Path, request: RunRequest) -> Job:
        """Start a training run in a child process that can be stopped."""
        dataset = request.dataset_name or request.data.stem
        name = f"{dataset} · {request.run_name}" if request.run_name else dataset
        job = Job(tr("Training {name}").format(name=name), kept=tr("finished pipelines are kept"))
        return self._start(job, partial(_train, root, request), self._complete)

    def make_demo(self, folder: Path) -> Job:
        """Start making a workspace with real data and trained pipelines to look around in."""
        job = Job(tr("Making the demo"), kept=tr("finished pipelines are kept"))
        return self._start(job, partial(_make_demo, folder), self._complete_demo)

    def export(self, root: Path, request: ExportRequest) -> Job:
        """Start writing rows of the catalog to a file."""
        job = Job(tr("Exporting {name}").format(name=request.path.name), kept=tr("no file was written"))
        complete = partial(self._complete_export, request.path)
        return self._start(job, partial(write_export, root, request), complete, self._exports)

    def cancel(self, job: Job) -> None:
        """Stop a job; one that still waits ends at once, one that runs as soon as it is safe."""
        if job.over or job.task is None:
            return
        if job.task.future is not None and job.task.future.cancel():
            self._tasks.drop(job.task)
            self._end(job, "cancelled", tr("Cancelled before it began."))
            return
        job.task.stop()
        job.state = "stopping"
        self._changed(job)

    def cancel_all(self) -> None:
        """Stop every job."""
        for job in self.busy():
            self.cancel(job)

    def busy(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs if not job.over]

    def clear_ended(self) -> None:
        """Take the jobs that ended off the list."""
        self.beginResetModel()
        self.jobs = self.busy()
        self.endResetModel()

    def close(self) -> None:
        """Let the thread go; every job must have ended."""
        self._clock.stop()
        for pool in (self._pool, self._exports):
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(
        self,
        job: Job,
        fn: Callable[[Report], T],
        complete: Callable[[Job, T], None],
        pool: ThreadPoolExecutor | None = None,
    ) -> Job:
        self.beginInsertRows(QModelIndex(), 0, 0)
        self.jobs.insert(0, job)
        self.endInsertRows()
        job.task = self._tasks.start(
            fn, partial(complete, job), partial(self._fail, job), partial(self._advance, job),
            executor=pool or self._pool, quiet=True,
        )  # fmt: skip
        self._clock.start()
        return job

    def _advance(self, job: Job, progress: Progress) -> None:
        if job.over:
            return
        if job.started is None:
            job.started = time.monotonic()
        if job.state == "waiting":
            job.state = "running"
        job.done, job.total = progress.done, progress.total
        if progress.lines:
            job.log = [*job.log, *progress.lines][-LINES_KEPT:]
            self.logged.emit()
        self._changed(job)

    def _complete(self, job: Job, outcome: RunOutcome) -> None:
        job.run_id = outcome.run_id
        for failure in outcome.failures:
            job.log.append(f"{failure.pipeline_id} {failure.name}: {failure.message}")
        nothing_good = outcome.failed > 0 and outcome.completed == 0
        self._end(job, "failed" if nothing_good else "completed", outcome_text(outcome))

    def _complete_demo(self, job: Job, root: Path) -> None:
        job.workspace = root
        self._end(job, "completed", tr("ready in {folder}").format(folder=root))

    def _complete_export(self, path: Path, job: Job, rows: int) -> None:
        job.file = path
        self._end(job, "completed", tr("{n} rows in {path}").format(n=integer_text(rows), path=path))

    def _fail(self, job: Job, problem: Problem) -> None:
        job.problem = problem
        if problem.kind == "cancelled":
            self._end(job, "cancelled", tr("Cancelled; {what}.").format(what=job.kept))
            return
        job.log.append(problem.details if problem.kind == "bug" else f"{problem.what} {problem.advice}".strip())
        self._end(job, "failed", problem.what)

    def _end(self, job: Job, state: State, outcome: str) -> None:
        job.state, job.outcome, job.ended = state, outcome, time.monotonic()
        job.log.append(outcome)
        if not self.busy():
            self._clock.stop()
        self._changed(job)
        self.logged.emit()
        self.ended.emit(job)

    def _changed(self, job: Job) -> None:
        row = self.jobs.index(job)
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _tick(self) -> None:
        if self.jobs:
            self.dataChanged.emit(self.index(0, 2), self.index(len(self.jobs) - 1, 2))

    # --- what the view asks ---

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.jobs)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section == 2 else LEFT
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        job = self.jobs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (job.name, progress_text(job), time_left_text(job), job.outcome or state_word(job.state))[
                index.column()
            ]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if index.column() == 2 else LEFT
        if role == SHARE_ROLE and index.column() == 1:
            return job.done / job.total if job.total else (1.0 if job.state == "completed" else 0.0)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return theme().icon(*STATE_ICONS[job.state])
        if role == Qt.ItemDataRole.ToolTipRole:
            return job.outcome or state_word(job.state)
        return None


STATE_ICONS = {
    "waiting": ("history", "muted"), "running": ("running", "accent"), "stopping": ("interrupted", "warning"),
    "completed": ("completed", "good"), "failed": ("failed", "bad"), "cancelled": ("interrupted", "warning"),
}  # fmt: skip


def state_word(state: State) -> str:
    """Say the state of a job."""
    words = {
        "waiting": tr("waiting"), "running": tr("running"), "stopping": tr("stopping…"), "completed": tr("completed"),
        "failed": tr("failed"), "cancelled": tr("cancelled"),
    }  # fmt: skip
    return words[state]


def progress_text(job: Job) -> str:
    """Say how far a job is: "14 of 24"."""
    return tr("{done} of {total}").format(done=job.done, total=job.total) if job.total else MISSING


def time_left_text(job: Job) -> str:
    """Say how long a job will still take, or how long it took."""
    if job.over and job.started is not None and job.ended is not None:
        return tr("took {time}").format(time=duration_text(job.ended - job.started))
    left = job.seconds_left()
    return duration_text(max(1.0, left)) if left is not None else MISSING
