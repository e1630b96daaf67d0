"""Several pipelines selected: in a few lines what they differ in, and the way to the full comparison."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import counted, integer_text, number_text, parameter_text, tr
from gui.models.columns import AnyIndex, best_of
from gui.models.compared import targets_of
from gui.panes.facts import short
from gui.panes.sheets import Sheet
from gui.selection import Picked
from gui.shortening import Cells
from gui.theme import GRID, ROW_HEIGHT, theme
from gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from storage import Metric, Workspace

MOST_READ = 200  # of the selected; the rest is for the comparison and for groups
MOST_VALUES = 6  # told of one parameter
MOST_LINES = 4  # of rows that are wrapped, in row heights
MOST_NAMED = 5  # pipelines that are told by their numbers; of more it is told how many
PARTITIONS = ("val", "test")
TOLD = ("dataset_name", "model_type", "run_id", "status", "seed")


Who = dict[str, list[str]]  # the numbers of the pipelines by what they have


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
    """What some pipelines differ in: each value of `columns` and `parameters`, and each step, with who has it.

    `numbers` are what the pipelines are called by, in the order they were read.
    """

    total: int
    read: int
    metrics: list[MetricRange]
    columns: dict[str, Who]
    steps: Who
    parameters: dict[str, Who]
    numbers: tuple[str, ...] = ()


def fetch_differences(chosen: Sequence[Picked], total: int, workspace: Workspace) -> Differences:
    """Read what some pipelines differ in, from the catalog alone; runs on the workspace's thread."""
    catalog = workspace.catalog
    ids = [one.prediction_id for one in chosen if one.prediction_id][:MOST_READ]
    keys = [key for one in ids if (key := catalog.find(one)) is not None]
    rows = catalog.rows(keys)
    numbers = numbers_of(rows)
    configs = {
        number: _steps_of(catalog.config(str(row["prediction_id"]))) for number, row in zip(numbers, rows, strict=True)
    }
    known = {column.name: column.metric for column in catalog.columns() if column.metric is not None}
    tasks = {str(row["task_type"]) for row in rows if row.get("task_type")}
    targets = targets_of(rows, workspace)
    predicted: Who = {}
    for row, number in zip(rows, numbers, strict=True):
        if target := targets[str(row["prediction_id"])]:
            predicted.setdefault(target, []).append(number)
    names = [f"{part}_{catalog.metrics.main(task).name}" for task in sorted(tasks) for part in PARTITIONS]
    ranges = [_range(name, known[name], rows, numbers) for name in names if name in known]
    sorted_out = {"target": predicted} | {name: _sorted_out(name, rows, numbers) for name in TOLD}
    return Differences(
        total,
        len(rows),
        [one if len(predicted) < 2 else replace(one, best=None) for one in ranges if one is not None],
        {name: who for name, who in sorted_out.items() if len(who) > 1},
        _differing_steps(configs),
        _differing_parameters(configs),
        tuple(numbers),
    )


def numbers_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name pipelines by their numbers; those of several runs with the run, where a number alone would not tell."""
    numbers = [str(row["pipeline_id"]).partition("_")[0] for row in rows]
    often, seen = Counter(numbers), Counter[str]()
    found = []
    for number, row in zip(numbers, rows, strict=True):
        name = number if often[number] == 1 else f"{number} {row.get('run_name') or row['run_id']}"
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} [{seen[name]}]")
    return found


def _sorted_out(name: str, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str]) -> Who:
    who: Who = {}
    for row, number in zip(rows, numbers, strict=True):
        value = row.get(name)
        who.setdefault("" if value is None else str(value), []).append(number)
    return who


def _range(name: str, metric: Metric, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str]) -> MetricRange | None:
    there = [(float(row[name]), number) for row, number in zip(rows, numbers, strict=True) if row.get(name) is not None]
    if not there:
        return None
    values = [value for value, _ in there]
    best = best_of(metric, values)
    whose = next((number for value, number in there if value == best), "")
    return MetricRange(name, metric, min(values), max(values), best, whose)


def _steps_of(config: str | None) -> list[dict[str, Any]]:
    try:
        steps = json.loads(config or "null")
    except (ValueError, RecursionError):
        return []
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _differing_steps(configs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Who:
    """Which pipelines have each step, those left out that all have."""
    who: Who = {}
    for number, steps in configs.items():
        for name in dict.fromkeys(_name(step) for step in steps):
            who.setdefault(name, []).append(number)
    return {name: those for name, those in who.items() if len(those) < len(configs)}


def _differing_parameters(configs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Who]:
    """The values of each parameter that is not the same in all pipelines with that step."""
    values: dict[str, Who] = {}
    for number, steps in configs.items():
        told = dict.fromkeys((key, value) for step in steps for key, value in _parameters(step))
        for key, value in told:
            values.setdefault(key, {}).setdefault(value, []).append(number)
    return {key: who for key, who in sorted(values.items()) if len(who) > 1}


def _parameters(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    params = step.get("params")
    for key, value in (params if isinstance(params, dict) else {}).items():
        yield f"{_name(step)}.{key}", parameter_text(value)


def _name(step: Mapping[str, Any]) -> str:
    return short(str(step.get("class") or step.get("operator") or "?"))


def values_text(who: Who, *, named: bool) -> str:
    """Write values, the commonest first, with how many have them, or with who has them where few are `named`."""
    common = sorted(who.items(), key=lambda one: -len(one[1]))
    told = [
        f"{value or tr('none')} ({', '.join(those) if named else integer_text(len(those))})"
        for value, those in common[:MOST_VALUES]
    ]
    if len(who) > MOST_VALUES:
        told.append(tr("and {n} more").format(n=integer_text(len(who) - MOST_VALUES)))
    return ", ".join(told)


class _Wrapped(Cells):
    """Cells that keep their lines apart from those of the rows around them."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return super().sizeHint(option, index) + QSize(0, GRID)


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
        self.hidden = QLabel()
        self.hidden.setObjectName("muted")
        self.hidden.setWordWrap(True)
        self.hidden.hide()
        self.sheet = Sheet([tr("What"), tr("Values")], tr("What the selected pipelines differ in"))
        self.sheet.setWordWrap(True)
        self.sheet.setItemDelegate(_Wrapped(self.sheet))
        lines = self.sheet.verticalHeader()
        lines.setMinimumSectionSize(ROW_HEIGHT)
        lines.setMaximumSectionSize(MOST_LINES * ROW_HEIGHT)
        lines.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        # A bar to scroll with takes width away after the heights were found.
        self.sheet.horizontalHeader().sectionResized.connect(
            lambda *_: lines.resizeSections(QHeaderView.ResizeMode.ResizeToContents)
        )
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
        words.addWidget(self.hidden)
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

    def show_hidden(self, count: int) -> None:
        """Say how many of them a filter hides from the table; nothing of none."""
        words = counted(
            count,
            "{n} of them is not in the table: the filter hides it.",
            "{n} of them are not in the table: the filter hides them.",
        )
        self.hidden.setText(words)
        self.hidden.setVisible(count > 0)

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
        named = found.total <= MOST_NAMED
        if named:
            self._title.put(
                tr("{n} selected: {numbers}").format(n=integer_text(found.total), numbers=", ".join(found.numbers))
            )
        rows: list[tuple[str, str]] = []
        headings: list[int] = []
        steps = sorted(found.steps.items(), key=lambda one: -len(one[1]))
        for title, lines in (
            (tr("Metrics"), list(_metric_lines(found))),
            (
                tr("Results"),
                [(_column_title(name), values_text(who, named=named)) for name, who in found.columns.items()],
            ),
            (tr("Steps"), [(name, _of(who, found.read, named=named)) for name, who in steps]),
            (tr("Parameters"), [(name, values_text(who, named=named)) for name, who in found.parameters.items()]),
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
        words = tr("{low} to {high}") if one.best is None else tr("best: {name}, {low} to {high}")
        if low == high:
            words = tr("{low}, the same") if one.low == one.high else tr("{low}, the same but for digits not shown")
        yield one.column, words.format(low=low, high=high, name=one.best_name)


def _of(who: Sequence[str], whole: int, *, named: bool) -> str:
    if named:
        return tr("only in {numbers}").format(numbers=", ".join(who))
    return tr("in {n} of {whole}").format(n=integer_text(len(who)), whole=integer_text(whole))


def _column_title(name: str) -> str:
    return {
        "target": tr("Target"),
        "dataset_name": tr("Dataset"),
        "model_type": tr("Model"),
        "run_id": tr("Run"),
        "status": tr("Status"),
        "seed": tr("Seed"),
    }[name]
