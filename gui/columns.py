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
    duration_text,
    integer_text,
    number_text,
    status_word,
    time_text,
    tr,
)
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
    "config_hash": "Configuration hash", "run_name": "Run name",
}  # fmt: skip
FRONT = ("status", "pipeline_name", "model_type", "dataset_name")
PARTITIONS = ("val", "test", "train")


@dataclass(frozen=True)
class Column:
    """One column of the table: its name in queries, how it is called, aligned and written."""

    key: str
    title: str
    align: Qt.AlignmentFlag
    format: Callable[[Any], str]
    metric: Metric | None = None


def column_for(known: CatalogColumn) -> Column:
    """Make the table's column for one of the catalog."""
    title = known.name if known.metric else tr(TITLES.get(known.name, known.name))
    if known.metric is not None:
        return Column(known.name, title, RIGHT, partial(number_text, digits=known.metric.digits), known.metric)
    if known.name == "status":
        return Column(known.name, title, LEFT, status_word)
    if known.name.endswith("_seconds"):
        return Column(known.name, title, RIGHT, duration_text)
    if known.kind == "time":
        return Column(known.name, title, LEFT, time_text)
    if known.kind == "integer":
        return Column(known.name, title, RIGHT, integer_text)
    if known.kind == "number":
        return Column(known.name, title, RIGHT, number_text)
    return Column(known.name, title, LEFT, lambda value: str(value) if value not in (None, "") else MISSING)


def arranged(columns: Sequence[CatalogColumn]) -> list[CatalogColumn]:
    """Put the columns in the order people read: what it is, how good it is (partitions side by side), then the rest."""

    metrics = list(dict.fromkeys(column.metric.name for column in columns if column.metric is not None))

    def place(column: CatalogColumn) -> tuple[int, int, int]:
        if column.name in FRONT:
            return 0, FRONT.index(column.name), 0
        if column.metric is None:
            return 2, 0, 0
        partition = column.name.split("_", 1)[0]
        within = PARTITIONS.index(partition) if partition in PARTITIONS else len(PARTITIONS)
        return 1, metrics.index(column.metric.name), within

    return sorted(columns, key=place)


def shown_status(row: dict[str, Any]) -> str:
    """Say the status of a catalog row, where a deleted folder comes before what the pipeline once was."""
    return "folder deleted" if row.get("folder_exists") is False else str(row.get("status") or "")


STATUS_COLOURS = {
    "completed": "good", "failed": "bad", "damaged": "warning", "running": "accent", "interrupted": "warning",
}  # fmt: skip


def status_sign(status: str, role: int) -> Any:
    """Shape first, colour only as a third sign."""
    colour = STATUS_COLOURS.get(status, "muted")
    if role == Qt.ItemDataRole.DecorationRole and status in STATUS_ICONS:
        return theme().icon(STATUS_ICONS[status], colour)
    if role == Qt.ItemDataRole.ForegroundRole and status not in ("completed", "failed"):
        return QBrush(QColor(theme().colours.muted))
    return None


def header_tip(column: Column) -> str:
    if column.metric is None:
        return tr("{title}\nIn queries: {key}").format(title=column.title, key=column.key)
    direction = {True: tr("lower is better"), False: tr("higher is better"), None: tr("direction unknown")}
    return tr("{title}: {direction}\nIn queries: {key}").format(
        title=column.metric.title, direction=direction[column.metric.lower_is_better], key=column.key
    )
