"""Several pipelines selected: in a few lines what they differ in, and the way to the full comparison."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.formats import integer_text, number_text, parameter_text, tr
from gui.models.columns import best_of
from gui.panes.facts import short
from gui.panes.sheets import Sheet
from gui.selection import Picked
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from storage import Metric, Workspace

MOST_READ = 200  # of the selected; the rest is for the comparison and for groups
MOST_VALUES = 6  # told of one parameter
PARTITIONS = ("val", "test")
TOLD = ("dataset_name", "model_type", "run_id", "status")


@dataclass(frozen=True)
class MetricRange:
    """A metric over the selected pipelines: its ends, which of them is best, and whose that is."""

    column: str
    metric: Metric
    low: float
    high: float
    best: float | None
    best_name: str


@dataclass(frozen=True)
class Differences:
    """What some pipelines differ in. `columns` and `parameters` have the values with their counts, `steps` counts."""

    total: int
    read: int
    metrics: list[MetricRange]
    columns: dict[str, Counter[str]]
    steps: Counter[str]
    parameters: dict[str, Counter[str]]


def fetch_differences(chosen: Sequence[Picked], total: int, workspace: Workspace) -> Differences:
    """Read what some pipelines differ in, from the catalog alone; runs on the workspace's thread."""
    catalog = workspace.catalog
    ids = [one.prediction_id for one in chosen if one.prediction_id][:MOST_READ]
    keys = [key for one in ids if (key := catalog.find(one)) is not None]
    rows = catalog.rows(keys)
    configs = [_steps_of(catalog.config(str(row["prediction_id"]))) for row in rows]
    known = {column.name: column.metric for column in catalog.columns() if column.metric is not None}
    tasks = {str(row["task_type"]) for row in rows if row.get("task_type")}
    names = [f"{part}_{catalog.metrics.main(task).name}" for task in sorted(tasks) for part in PARTITIONS]
    return Differences(
        total,
        len(rows),
        [found for name in names if name in known and (found := _range(name, known[name], rows)) is not None],
        {name: counts for name in TOLD if len(counts := Counter(str(row.get(name) or "") for row in rows)) > 1},
        _differing_steps(configs),
        _differing_parameters(configs),
    )


def _range(name: str, metric: Metric, rows: Sequence[Mapping[str, Any]]) -> MetricRange | None:
    there = [row for row in rows if row.get(name) is not None]
    values = [float(row[name]) for row in there]
    if not values:
        return None
    best = best_of(metric, values)
    whose = next((row for row in there if row[name] == best), {})
    name_of = str(whose.get("pipeline_name") or whose.get("pipeline_id") or "")
    return MetricRange(name, metric, min(values), max(values), best, name_of)


def _steps_of(config: str | None) -> list[dict[str, Any]]:
    try:
        steps = json.loads(config or "null")
    except (ValueError, RecursionError):
        return []
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _differing_steps(configs: Sequence[Sequence[Mapping[str, Any]]]) -> Counter[str]:
    """How many pipelines have each step, those left out that all have."""
    counts: Counter[str] = Counter()
    for steps in configs:
        counts.update({_name(step) for step in steps})
    return Counter({name: count for name, count in counts.items() if count < len(configs)})


def _differing_parameters(configs: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Counter[str]]:
    """The values of each parameter that is not the same in all pipelines with that step."""
    values: dict[str, Counter[str]] = {}
    for steps in configs:
        told = {(key, value) for step in steps for key, value in _parameters(step)}
        for key, value in told:
            values.setdefault(key, Counter())[value] += 1
    return {key: counts for key, counts in sorted(values.items()) if len(counts) > 1}


def _parameters(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    params = step.get("params")
    for key, value in (params if isinstance(params, dict) else {}).items():
        yield f"{_name(step)}.{key}", parameter_text(value)


def _name(step: Mapping[str, Any]) -> str:
    return short(str(step.get("class") or step.get("operator") or "?"))


def values_text(counts: Counter[str]) -> str:
    """Write values with how often they occur, the commonest first."""
    told = [f"{value or tr('none')} ({integer_text(count)})" for value, count in counts.most_common(MOST_VALUES)]
    if len(counts) > MOST_VALUES:
        told.append(tr("and {n} more").format(n=integer_text(len(counts) - MOST_VALUES)))
    return ", ".join(told)


class DifferencesView(QFrame):
    """`compare_wanted` asks for the full comparison, `details_wanted` to see the current one of them alone."""

    compare_wanted = Signal()
    details_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paper")
        self._title = ElidedLabel()
        self._title.setObjectName("title")
        self._note = QLabel()
        self._note.setObjectName("muted")
        self._note.setWordWrap(True)
        self.sheet = Sheet([tr("What"), tr("Values")], tr("What the selected pipelines differ in"))
        self.compare = QPushButton(tr("Compare"))
        self.compare.setProperty("primary", True)
        self.compare.clicked.connect(self.compare_wanted)
        self.single = QPushButton(tr("Show the current one"))
        self.single.clicked.connect(self.details_wanted)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(12, 0, 12, 0)
        buttons.setSpacing(GRID)
        buttons.addWidget(self.compare)
        buttons.addWidget(self.single)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setContentsMargins(12, GRID, 12, 0)
        words.addWidget(self._title)
        words.addWidget(self._note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(words)
        layout.addWidget(self.sheet, 1)
        layout.addLayout(buttons)
        self._found: Differences | None = None
        theme().changed.connect(self._fill)

    def show_count(self, total: int) -> None:
        """Say how many are selected, before it is known what they differ in."""
        self._title.put(tr("{n} pipelines selected").format(n=integer_text(total)))

    def show_differences(self, found: Differences) -> None:
        """Show what the selected pipelines differ in."""
        self._found = found
        self.show_count(found.total)
        self._fill()

    def _fill(self) -> None:
        found = self._found
        if found is None:
            return
        note = tr("What they differ in. Steps and parameters that all share are left out.")
        if found.read < found.total:
            note = tr("What the first {n} of them differ in.").format(n=integer_text(found.read))
        self._note.setText(note)
        rows: list[tuple[str, str]] = []
        headings: list[int] = []
        for title, lines in (
            (tr("Metrics"), list(_metric_lines(found))),
            (tr("Results"), [(_column_title(name), values_text(counts)) for name, counts in found.columns.items()]),
            (tr("Steps"), [(name, _of(count, found.read)) for name, count in found.steps.most_common()]),
            (tr("Parameters"), [(name, values_text(counts)) for name, counts in found.parameters.items()]),
        ):
            if lines:
                headings.append(len(rows))
                rows += [(title, ""), *lines]
        self.sheet.fill(
            rows or [(tr("Nothing"), tr("They are the same as far as the catalog knows."))], headings=headings
        )


def _metric_lines(found: Differences) -> Iterator[tuple[str, str]]:
    for one in found.metrics:
        low, high = number_text(one.low, one.metric.digits), number_text(one.high, one.metric.digits)
        words = tr("{low} to {high}").format(low=low, high=high)
        if one.best is not None:
            words += tr(", best: {name}").format(name=one.best_name)
        yield one.column, words


def _of(count: int, whole: int) -> str:
    return tr("in {n} of {whole}").format(n=integer_text(count), whole=integer_text(whole))


def _column_title(name: str) -> str:
    return {"dataset_name": tr("Dataset"), "model_type": tr("Model"), "run_id": tr("Run"), "status": tr("Status")}[name]
