"""How the rows of the tree look: groups, runs, ranges and pipelines as text, sign, tip and words for screen readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont

from gui.formats import MISSING, STATUS_ICONS, counted, integer_text, number_text, status_word, tr
from gui.models.columns import LEFT, RIGHT, STATUS_COLOURS
from gui.models.run_groups import SIZE, By, Group, damaged_count, group_text, is_damaged, run_in_words, run_text
from gui.theme import theme
from storage import metric_for

if TYPE_CHECKING:
    from storage import PipelineRow, RunRow

MUTED_ROLE = Qt.ItemDataRole.UserRole + 20  # what stands behind the name, in a muted tone
GROUP_ICONS: dict[By, str] = {"date": "history", "dataset": "data", "name": "runs"}
Role = Qt.ItemDataRole


@dataclass(frozen=True)
class Range:
    """Some rows of a parent with many: those from place `first` of `total` on, and whose they are."""

    owner: Group | RunRow = field(compare=False)  # long to compare, and known by the parent
    number: int
    first: int
    stop: int
    total: int


def ranges_of(owner: Group | RunRow, total: int, *, newest_first: bool) -> list[Range]:
    """Divide the rows of a parent. Where the newest come first, the oldest range is full and keeps its rows."""
    if not newest_first:
        starts = range(0, total, SIZE)
        return [Range(owner, number, start, min(total, start + SIZE), total) for number, start in enumerate(starts)]
    count = -(-total // SIZE)
    stops = [total - SIZE * number for number in range(count)]
    found = [Range(owner, number, max(0, stop - SIZE), stop, total) for number, stop in enumerate(stops)]
    return found[::-1]


def group_data(group: Group, column: int, role: int) -> Any:
    """Answer for a group of runs."""
    if role == Role.DisplayRole:
        return group_text(group) if column == 0 else integer_text(len(group.runs))
    if role == Role.ToolTipRole or (role == Role.AccessibleTextRole and column == 0):
        words = counted(len(group.runs), "{n} run", "{n} runs")
        return f"{group_text(group)}, {words}"
    if role == Role.DecorationRole and column == 0:
        return theme().icon(GROUP_ICONS[group.by], "muted")
    if role == Role.FontRole and column == 0:
        font = QFont()
        font.setWeight(QFont.Weight.DemiBold)
        return font
    return _look(column, role, muted=column == 1)


def range_data(part: Range, column: int, role: int) -> Any:
    """Answer for a range of runs or pipelines."""
    if column == 0 and role in (Role.DisplayRole, Role.ToolTipRole, Role.AccessibleTextRole):
        first, stop, total = (integer_text(count) for count in (part.first + 1, part.stop, part.total))
        if role == Role.DisplayRole:
            return f"{first} – {stop}"
        return tr("{first} to {last} of {total}").format(first=first, last=stop, total=total)
    return _look(column, role, muted=True)


def run_data(run: RunRow, by: By, column: int, role: int, progress: str = "") -> Any:
    """Answer for a run; `progress` says how far it is where that is known."""
    if role == Role.DisplayRole:
        return run_text(run, by) if column == 0 else _run_score(run, progress)
    if role == MUTED_ROLE and column == 0:
        return _run_remark(run)
    if role == Role.ToolTipRole:
        counts = _states_text(run)
        created = run.run_id if run.run_id != run.folder else ""
        folder = tr("folder {name}").format(name=run.folder) if run.folder else ""
        return _tip(run, run_text(run), counts, counts_text(run, damaged_only=True), folder, created)
    if role == Role.AccessibleTextRole and column == 0:
        return _spoken(run_text(run, by), run.status, counts_text(run), run.problem)
    if role == Role.DecorationRole and column == 0 and run.status == "completed" and run.failed and not run.problem:
        return theme().icon(*(("partly", "warning") if run.successful else ("failed", "bad")))
    return _status_look(run, column, role)


def run_words(run: RunRow) -> tuple[str, str]:
    """Say which run one is and what came of it: a title, and sentences below each other."""
    best = ""
    if run.metric_name and run.metric_value is not None:
        best = tr("Best {metric}: {value}").format(metric=run.metric_name, value=score_text(run))
    return run_in_words(run), "\n".join(part for part in (_states_text(run), best) if part)


def _states_text(run: RunRow) -> str:
    states = tr("{good} completed, {bad} failed, {cut} interrupted").format(
        good=integer_text(run.successful), bad=integer_text(run.failed), cut=integer_text(run.interrupted)
    )
    pipelines = counted(run.total, "{n} pipeline", "{n} pipelines")
    return tr("{pipelines}: {states}").format(pipelines=pipelines, states=states)


def pipeline_data(pipeline: PipelineRow, column: int, role: int) -> Any:
    """Answer for a pipeline."""
    text = f"{pipeline.number:04d}  {pipeline.name}" if pipeline.name else pipeline.pipeline_id
    if role == Role.DisplayRole:
        return text if column == 0 else score_text(pipeline)
    if role == MUTED_ROLE and column == 0:
        # The sentence is in the tip: in a narrow tree it would be cut off.
        return status_word("damaged" if pipeline.problem else pipeline.status) if not _is_well(pipeline) else ""
    if role == Role.ToolTipRole:
        return _tip(pipeline, text, f"{pipeline.model_type}  {pipeline.pipeline_id}".strip())
    if role == Role.AccessibleTextRole and column == 0:
        return _spoken(text, pipeline.status, pipeline.problem)
    return _status_look(pipeline, column, role)


def _is_well(row: PipelineRow) -> bool:
    return row.status == "completed" and not row.problem


def _run_remark(run: RunRow) -> str:
    """Say in a word or two what is not well with a run; the sentence is in the tip, where there is room for it."""
    if is_damaged(run):
        return status_word("damaged")
    return tr("a copy") if run.problem else counts_text(run)


def counts_text(run: RunRow, *, damaged_only: bool = False) -> str:
    """Say what is not well with the pipelines of a run; nothing when all is."""
    damaged = damaged_count(run)
    parts = [
        tr("{n} damaged").format(n=integer_text(damaged)) if damaged else "",
        tr("{n} failed").format(n=integer_text(run.failed)) if run.failed and not damaged_only else "",
        status_word(run.status) if run.status not in ("completed", "running") and not damaged_only else "",
    ]
    return ", ".join(part for part in parts if part)


def score_text(row: RunRow | PipelineRow) -> str:
    """Write the metric a row is judged by."""
    if row.metric_value is None or not row.metric_name:
        return MISSING
    metric = metric_for(row.metric_name)
    return number_text(row.metric_value, metric.digits if metric is not None else 3)


def _run_score(run: RunRow, progress: str) -> str:
    """Write the best value of a run, or how far it is while it is trained.

    Where somebody else trains it, nobody here knows how many pipelines there will be.
    """
    if run.status != "running":
        return score_text(run)
    done = run.successful + run.failed + run.interrupted
    return progress or tr("{done} done").format(done=integer_text(done))


def _tip(row: RunRow | PipelineRow, text: str, *more: str) -> str:
    score = ""
    if row.metric_name and row.metric_value is not None:
        metric = metric_for(row.metric_name)
        words = {True: tr("lower is better"), False: tr("higher is better")}
        better = words.get(metric.lower_is_better) if metric is not None and metric.lower_is_better is not None else ""
        score = ", ".join(part for part in (f"{row.metric_name} = {row.metric_value!r}", better) if part)
    return "\n".join(line for line in (text, status_word(row.status), *more, score, row.problem) if line)


def _spoken(*parts: str | None) -> str:
    """Put the parts into one sentence for screen readers; the second is a status."""
    text, status, *more = parts
    words = [text, status_word(status or ""), *more]
    return ", ".join(dict.fromkeys(word for word in words if word))


def _status_look(row: RunRow | PipelineRow, column: int, role: int) -> Any:
    if role == Role.DecorationRole and column == 0:
        worst = "damaged" if row.problem else row.status
        return theme().icon(STATUS_ICONS.get(worst, "info"), STATUS_COLOURS.get(worst, "muted"))
    return _look(column, role, muted=row.status == "folder deleted")


def _look(column: int, role: int, *, muted: bool) -> Any:
    if role == Role.TextAlignmentRole:
        return LEFT if column == 0 else RIGHT
    if role == Role.ForegroundRole and muted:
        return QBrush(QColor(theme().colours.muted))
    return None
