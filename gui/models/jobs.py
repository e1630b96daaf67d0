"""The jobs as a tree: each job, and beneath one that trains its pipelines as they come to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt
from PySide6.QtGui import QColor

from gui.formats import MISSING, duration_text, integer_text, number_text, tr
from gui.jobs import Job, Jobs, progress_text, state_word, time_left_text
from gui.models.columns import LEFT, RIGHT, AnyIndex
from gui.theme import theme
from storage import metric_for

if TYPE_CHECKING:
    from storage import PipelineEvent

FAILED_SHOWN, FINISHED_SHOWN = 200, 100
COLUMNS = ("Job", "Progress", "Time", "Outcome")
SHARE_ROLE = Qt.ItemDataRole.UserRole + 1
FAILED_ROLE = Qt.ItemDataRole.UserRole + 2  # whether the bar is that of a job that failed
STATE_ICONS = {
    "waiting": ("history", "muted"), "running": ("running", "accent"), "pausing": ("pause", "accent"),
    "paused": ("pause", "warning"), "stopping": ("interrupted", "warning"), "completed": ("completed", "good"),
    "failed": ("failed", "bad"), "cancelled": ("interrupted", "warning"), "skipped": ("history", "muted"),
}  # fmt: skip
PARTLY = ("partly", "warning")  # completed, but for some pipelines that failed


class _Branch:
    """A job and what the view knows of its pipelines: failed ones stand first, then the newest of the others.

    A tree lays all its rows out again for each that comes, so only so many are shown; the catalog has them all.
    """

    def __init__(self, job: Job, serial: int) -> None:
        self.job, self.serial = job, serial
        self.failed, self.finished = len(job.failed), len(job.finished)  # how many the view knows of
        self.failed_shown = min(self.failed, FAILED_SHOWN)
        self.finished_shown = min(self.finished, FINISHED_SHOWN)
        self.rest = self.failed + self.finished - self.failed_shown - self.finished_shown  # what the last row says

    @property
    def count(self) -> int:
        return self.failed_shown + self.finished_shown + (self.rest > 0)

    def event(self, row: int) -> PipelineEvent | None:
        """The pipeline of a row; None for the last one, which stands for the rest."""
        if row < self.failed_shown:
            return self.job.failed[self.failed - 1 - row]
        row -= self.failed_shown
        return self.job.finished[self.finished - 1 - row] if row < self.finished_shown else None


class JobsModel(QAbstractItemModel):
    """Jobs, newest first, over their pipelines: failed ones first, then newest first."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._serial = 0
        self._branches: list[_Branch] = []
        self._by_serial: dict[int, _Branch] = {}
        for job in reversed(jobs.jobs):
            self._begin(job)
        jobs.began.connect(self._begin)
        jobs.changed.connect(self._change)
        jobs.trained.connect(self._extend)
        jobs.cleared.connect(self._clear)

    def job(self, index: AnyIndex) -> Job | None:
        """Return the job at, or above, an index."""
        branch = self._branch(index) or self._above(index)
        return branch.job if branch is not None else None

    def pipeline(self, index: AnyIndex) -> PipelineEvent | None:
        """Return the pipeline at an index, None for a job and for the line that stands for earlier ones."""
        branch = self._above(index)
        return branch.event(index.row()) if branch is not None else None

    # --- what happens ---

    def _begin(self, job: Job) -> None:
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._serial += 1
        branch = _Branch(job, self._serial)
        self._branches.insert(0, branch)
        self._by_serial[branch.serial] = branch
        self.endInsertRows()

    def _change(self, job: Job) -> None:
        row = next((n for n, branch in enumerate(self._branches) if branch.job is job), None)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _extend(self, job: Job) -> None:
        row = next((n for n, branch in enumerate(self._branches) if branch.job is job), None)
        if row is None:
            return
        branch, parent = self._branches[row], self.index(row, 0)
        if failed := len(job.failed) - branch.failed:
            self._extend_failed(parent, branch, failed)
        if finished := len(job.finished) - branch.finished:
            self._extend_finished(parent, branch, finished)
        self._tell_rest(parent, branch)

    def _extend_failed(self, parent: QModelIndex, branch: _Branch, count: int) -> None:
        coming = min(count, FAILED_SHOWN)
        if (surplus := branch.failed_shown + coming - FAILED_SHOWN) > 0:  # the earliest make room
            self.beginRemoveRows(parent, branch.failed_shown - surplus, branch.failed_shown - 1)
            branch.failed_shown -= surplus
            self.endRemoveRows()
        self.beginInsertRows(parent, 0, coming - 1)
        branch.failed += count
        branch.failed_shown += coming
        self.endInsertRows()

    def _extend_finished(self, parent: QModelIndex, branch: _Branch, count: int) -> None:
        coming, top = min(count, FINISHED_SHOWN), branch.failed_shown
        if (surplus := branch.finished_shown + coming - FINISHED_SHOWN) > 0:
            end = top + branch.finished_shown
            self.beginRemoveRows(parent, end - surplus, end - 1)
            branch.finished_shown -= surplus
            self.endRemoveRows()
        self.beginInsertRows(parent, top, top + coming - 1)
        branch.finished += count
        branch.finished_shown += coming
        self.endInsertRows()

    def _tell_rest(self, parent: QModelIndex, branch: _Branch) -> None:
        """Say at the end how many are not shown."""
        rest = branch.failed + branch.finished - branch.failed_shown - branch.finished_shown
        if rest and not branch.rest:
            self.beginInsertRows(parent, branch.count, branch.count)
            branch.rest = rest
            self.endInsertRows()
        elif rest != branch.rest:
            branch.rest = rest
            last = self.index(branch.count - 1, 0, parent)
            self.dataChanged.emit(last, last)

    def _clear(self) -> None:
        there = set(map(id, self._jobs.jobs))
        for row in reversed(range(len(self._branches))):
            if id(self._branches[row].job) not in there:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._by_serial[self._branches.pop(row).serial]
                self.endRemoveRows()

    # --- what the view asks ---

    def _branch(self, index: AnyIndex) -> _Branch | None:
        return self._branches[index.row()] if index.isValid() and not index.internalId() else None

    def _above(self, index: AnyIndex) -> _Branch | None:
        return self._by_serial.get(index.internalId()) if index.isValid() else None

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        branch = self._branch(parent)
        count = branch.count if branch is not None else 0 if parent.isValid() else len(self._branches)
        if not (0 <= row < count and 0 <= column < len(COLUMNS)):
            return QModelIndex()
        return self.createIndex(row, column, branch.serial if branch is not None else 0)

    def parent(self, index: AnyIndex = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        branch = self._above(index)
        return self.createIndex(self._branches.index(branch), 0, 0) if branch is not None else QModelIndex()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        if not parent.isValid():
            return len(self._branches)
        branch = self._branch(parent)
        return branch.count if branch is not None and parent.column() == 0 else 0

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section == 2 else LEFT
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if index.column() == 2 else LEFT
        above = self._above(index)
        if above is None:
            return _job_data(self._branches[index.row()].job, index.column(), role)
        event = above.event(index.row())
        if event is not None:
            return _event_data(event, index.column(), role)
        return _rest_data(above.rest, index.column(), role)


def _job_data(job: Job, column: int, role: int) -> Any:
    outcome = job.outcome or state_word(job.state)
    if role == Qt.ItemDataRole.DisplayRole:
        return (job.name, progress_text(job), time_left_text(job), outcome)[column]
    if role == SHARE_ROLE and column == 1:
        if job.state == "failed" and job.request is None:
            return 0.0  # nothing came of it, however far it got
        return job.done / job.total if job.total else (1.0 if job.state == "completed" else 0.0)
    if role == FAILED_ROLE and column == 1:
        return job.state == "failed"
    if role == Qt.ItemDataRole.DecorationRole and column == 0:
        return theme().icon(*(PARTLY if job.state == "completed" and job.failed else STATE_ICONS[job.state]))
    if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
        return f"{job.name}, {outcome}" if job.failed else f"{job.name}, {state_word(job.state)}"
    if role == Qt.ItemDataRole.ToolTipRole:
        return "\n".join([job.name, *([progress_text(job)] if job.total else []), outcome])
    return None


def _event_data(event: PipelineEvent, column: int, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        return (event_title(event), metric_text(event), took_text(event), event_text(event))[column]
    if role == Qt.ItemDataRole.DecorationRole and column == 0:
        return theme().icon(*STATE_ICONS[event.status])
    if role == Qt.ItemDataRole.ForegroundRole:
        colours = theme().colours
        return QColor(colours.bad) if event.status == "failed" else QColor(colours.muted) if column == 2 else None
    if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
        return f"{event.name}, {event_text(event)}"
    if role == Qt.ItemDataRole.ToolTipRole:
        lines = [event_title(event), metric_text(event) if event.metric_name is not None else "", event_text(event)]
        return "\n".join(line for line in lines if line)
    return None


def _rest_data(count: int, column: int, role: int) -> Any:
    if role == Qt.ItemDataRole.DisplayRole:
        return tr("{n} earlier ones").format(n=integer_text(count)) if column == 0 else ""
    return QColor(theme().colours.muted) if role == Qt.ItemDataRole.ForegroundRole else None


def event_title(event: PipelineEvent) -> str:
    """Call a pipeline by its number and name."""
    number = event.pipeline_id.partition("_")[0]
    return f"{number}  {event.name}".strip()


def event_text(event: PipelineEvent) -> str:
    """Say how a pipeline ended, and why if it failed or was not trained."""
    words = {"completed": tr("completed"), "failed": tr("failed"), "skipped": tr("trained before")}
    return f"{words[event.status]}: {event.message}" if event.message else words[event.status]


def took_text(event: PipelineEvent) -> str:
    """Say how long a pipeline took."""
    return tr("took {time}").format(time=duration_text(event.seconds)) if event.seconds is not None else MISSING


def metric_text(event: PipelineEvent) -> str:
    """Write the metric a pipeline is judged by: "val RMSE 0.412"."""
    if event.metric_name is None:
        return MISSING
    metric = metric_for(event.metric_name)
    partition = event.metric_name.partition("_")[0]
    title = metric.title if metric is not None else event.metric_name
    return f"{partition} {title} {number_text(event.metric_value, metric.digits if metric is not None else 3)}"
