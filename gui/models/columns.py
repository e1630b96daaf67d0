"""The columns of the catalog: how each is called, aligned and written, and the sign of a status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor

from gui.formats import (
    MISSING,
    STATUS_ICONS,
    counted,
    duration_text,
    integer_text,
    number_text,
    parameter_text,
    status_word,
    time_text,
    tr,
)
from gui.query_text import SortKey
from gui.theme import theme

if TYPE_CHECKING:
    from storage import CatalogColumn, Metric

AnyIndex = QModelIndex | QPersistentModelIndex
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
TITLES = {
    "status": "Status", "pipeline_name": "Pipeline", "model_type": "Model", "dataset_name": "Dataset",
    "config_name": "Configuration", "task_type": "Task", "created_at": "Created", "run_date": "Run date",
    "n_samples": "Samples", "n_features": "Features", "n_folds": "Folds", "fit_seconds": "Fit time",
    "created_by": "Created by", "run_id": "Run", "pipeline_id": "Pipeline id", "prediction_id": "Prediction id",
    "config_hash": "Configuration hash", "run_name": "Run name", "tags": "Tags", "notes": "Notes", "stars": "Stars",
    "noted_at": "Noted", "preprocessing": "Preprocessing", "seed": "Seed", "data_hash": "Hash of the data",
}  # fmt: skip
SORT_ROLE = Qt.ItemDataRole.UserRole + 10  # of a header: (falling, rank), or None where nothing is sorted by it
ASIDE_ROLE = SORT_ROLE + 1  # of a cell: the end of its text that is said aside, such as the spread of a value
NOTE_ROLE = SORT_ROLE + 2  # of a cell: whether its icon says that there is a note
SIGN_ROLE = SORT_ROLE + 3  # of a cell: whether its icon says all that its text does
FRONT = ("status", "pipeline_name", "model_type", "dataset_name")
NOTED = ("tags", "stars")  # come behind the metrics: the first star pushes none of them out of sight
EDITABLE = ("tags", "notes")
PARTITIONS = ("val", "test", "train")
STAR = "★"
ALIKE = "≈"  # the mark of a value that can't be told from the best


@dataclass(frozen=True)
class Column:
    """One column of the table: its name in queries, how it is called, aligned and written.

    `spread` names the column that has its spread over the folds of a cross-validation.
    """

    key: str
    title: str
    align: Qt.AlignmentFlag
    format: Callable[[Any], str]
    metric: Metric | None = None
    kind: str = "number"
    computed: bool = False
    spread: str = ""

    @property
    def first_sort(self) -> SortKey:
        """How one sorts by it the first time: the best first, the newest first, else the lowest."""
        if self.metric is not None:
            return SortKey(self.key, self.metric.lower_is_better is False, self.metric.target is not None)
        return SortKey(self.key, self.key in ("created_at", "noted_at", "stars"))

    @property
    def has_best(self) -> bool:
        """Whether it is known which of its values is the best."""
        return self.metric is not None and (self.metric.lower_is_better is not None or self.metric.target is not None)


def column_for(known: CatalogColumn, *, computed: bool = False) -> Column:
    """Make the table's column for one of the catalog, or for one that a query computes."""
    if computed:
        return Column(known.name, known.name, RIGHT, number_text, computed=True)
    title = known.name if known.metric else tr(TITLES.get(known.name, known.name))
    if known.metric is not None:
        from storage import spread_column

        write = partial(number_text, digits=known.metric.digits)
        return Column(known.name, title, RIGHT, write, known.metric, spread=spread_column(known.name) or "")
    if known.name == "status":
        return Column(known.name, title, LEFT, status_word, kind=known.kind)
    if known.name.endswith("_seconds"):
        return Column(known.name, title, RIGHT, duration_text)
    if known.kind == "time":
        return Column(known.name, title, LEFT, time_text, kind=known.kind)
    if known.name == "stars":
        return Column(known.name, title, LEFT, stars_text, kind=known.kind)
    if known.name == "notes":
        return Column(known.name, title, LEFT, line_text, kind=known.kind)
    if known.kind == "integer":
        return Column(known.name, title, RIGHT, integer_text, kind=known.kind)
    if known.kind == "number":
        return Column(known.name, title, RIGHT, number_text)
    return Column(known.name, title, LEFT, words_text, kind=known.kind)


def stars_text(value: Any) -> str:
    """Write stars as stars."""
    return STAR * int(value) if value else MISSING


def line_text(value: Any) -> str:
    """Write a text of several lines on one."""
    return " ".join(str(value).split()) if value not in (None, "") else MISSING


def words_text(value: Any) -> str:
    """Write a text, "–" where there is none."""
    return str(value) if value not in (None, "") else MISSING


def arranged(columns: Sequence[CatalogColumn], computed: Sequence[str] = ()) -> list[CatalogColumn]:
    """Put the columns in the order people read: what it is, how good it is (partitions side by side), then the rest.

    What a query computes goes before the metrics: somebody just asked for it.
    """

    metrics = list(dict.fromkeys(column.metric.name for column in columns if column.metric is not None))

    def place(column: CatalogColumn) -> tuple[int, int, int]:
        if column.name in FRONT:
            return 0, FRONT.index(column.name), 0
        if column.name in computed:
            return 0, len(FRONT), computed.index(column.name)
        if column.metric is None:
            return (2, NOTED.index(column.name), 0) if column.name in NOTED else (3, 0, 0)
        partition = column.name.split("_", 1)[0]
        within = PARTITIONS.index(partition) if partition in PARTITIONS else len(PARTITIONS)
        return 1, metrics.index(column.metric.name), within

    return sorted(columns, key=place)


def shown_status(row: dict[str, Any]) -> str:
    """Say the status of a catalog row, where a deleted or damaged folder comes before what the pipeline once was."""
    if row.get("folder_exists") is False:
        return "folder deleted"
    return "damaged" if row.get("folder_damaged") else str(row.get("status") or "")


STATUS_COLOURS = {
    "completed": "good", "failed": "bad", "damaged": "warning", "running": "accent", "interrupted": "warning",
}  # fmt: skip


def status_sign(status: str, role: int) -> Any:
    """Shape first, colour only as a third sign."""
    colour = STATUS_COLOURS.get(status, "muted")
    if role == SIGN_ROLE:
        return status in STATUS_ICONS
    if role == Qt.ItemDataRole.DecorationRole and status in STATUS_ICONS:
        return theme().icon(STATUS_ICONS[status], colour)
    if role == Qt.ItemDataRole.ForegroundRole and status not in ("completed", "failed"):
        return QBrush(QColor(theme().colours.muted))
    return None


def name_text(row: dict[str, Any]) -> str:
    """Write the name of a pipeline, after a star where it has any: how many are told by the column, and the tip."""
    name = str(row.get("pipeline_name") or row.get("pipeline_id") or MISSING)
    return f"{STAR} {name}" if row.get("stars") else name


def name_sign(row: dict[str, Any], role: int) -> Any:
    """Tell by the name of a pipeline that somebody wrote a note about it, and in words what its star means."""
    note = str(row.get("notes") or "").strip()
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return _name_words(row, note)
    if role == Qt.ItemDataRole.DecorationRole:
        return theme().icon("note", "muted") if note else None
    return True if role == NOTE_ROLE and note else None


def name_tip(row: dict[str, Any]) -> str:
    """Write the name of a pipeline in full, with its id, all its stars, and its note."""
    lines = [str(row.get("pipeline_name")), str(row.get("pipeline_id"))]
    if row.get("stars"):
        lines.append(stars_text(row["stars"]))
    note = str(row.get("notes") or "").strip()
    return "\n".join([*lines, "", note] if note else lines)


def _name_words(row: dict[str, Any], note: str) -> str | None:
    """Say a name with its stars and its note, None where there is neither."""
    count = int(row.get("stars") or 0)
    if not count and not note:
        return None
    words = tr("{name}, with {stars}") if count else tr("{name}, with a note: {note}")
    if count and note:
        words = tr("{name}, with {stars} and a note: {note}")
    stars = counted(count, "{n} star", "{n} stars")
    return words.format(name=row.get("pipeline_name") or row.get("pipeline_id"), stars=stars, note=note)


def header_tip(column: Column) -> str:
    if column.metric is None:
        return tr("{title}\nIn queries: {key}").format(title=column.title, key=column.key)
    return tr("{title}: {direction}\nIn queries: {key}").format(
        title=column.metric.title, direction=direction_text(column.metric), key=column.key
    )


def direction_text(metric: Metric) -> str:
    """Say which values of a metric are best."""
    if metric.target is not None:
        return tr("best near {target}").format(target=parameter_text(metric.target))
    direction = {True: tr("lower is better"), False: tr("higher is better"), None: tr("direction unknown")}
    return direction[metric.lower_is_better]


def best_sign(metric: Metric) -> str:
    """Return the mark of the best value: it says which end is best."""
    return {True: "▼", False: "▲", None: "◆"}[metric.lower_is_better]


def off_best(metric: Metric, value: float, best: float) -> float:
    """Return by how much a value is worse than the best one, 0 when it is as good."""
    if metric.target is not None:
        return abs(value - metric.target) - abs(best - metric.target)
    return value - best if metric.lower_is_better else best - value


def best_of(metric: Metric, values: Sequence[float]) -> float | None:
    """Return the best of some values, None where that is not known."""
    if not values or (metric.target is None and metric.lower_is_better is None):
        return None
    if metric.target is not None:
        target = metric.target
        return min(values, key=lambda value: abs(value - target))
    return min(values) if metric.lower_is_better else max(values)


def sort_sign(key: str, title: str, sorts: Sequence[SortKey], role: int) -> Any:
    """Tell a header how its column is sorted by: direction and rank (0 when there is no other), or the words for it."""
    rank = next((place for place, sort in enumerate(sorts, 1) if sort.name == key), 0)
    if role == SORT_ROLE:
        return (sorts[rank - 1].falling, rank if len(sorts) > 1 else 0) if rank else None
    if not rank:
        return title
    words = (
        tr("{title}, sorted falling, rank {rank}")
        if sorts[rank - 1].falling
        else tr("{title}, sorted rising, rank {rank}")
    )
    return words.format(title=title, rank=rank)
