"""What a chart needs, made from the stored arrays away from the GUI thread. Plain numpy, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gui.models.points_rows import PARTITIONS, Numbers, SampleRows, sample_rows

if TYPE_CHECKING:
    from storage import PredictionArrays

MOST_POINTS = 4000  # more can't be told apart in a pane and would make every repaint slow
MOST_BINS, FEWEST_BINS = 60, 10
NO_METRIC = ("fold", "fold_id", "samples")


@dataclass(frozen=True)
class Points:
    """Measured against predicted for one target and one partition; `total` counts them before thinning out.

    `names` are what people call the samples, in the order of the points; `rows` are the points' places in SampleRows.
    """

    partition: str
    truth: Numbers
    predicted: Numbers
    samples: Numbers
    total: int
    names: list[str] = field(default_factory=list)
    rows: Numbers = field(default_factory=lambda: np.empty(0, dtype=int))


@dataclass(frozen=True)
class Errors:
    """How the residuals (predicted minus measured) of one partition spread: percent of its samples in each bin.

    `edges` (bins + 1,) are the same for all partitions of a target. `std` has n - 1, NaN for a single sample.
    """

    partition: str
    edges: Numbers
    shares: Numbers
    mean: float
    std: float
    total: int


@dataclass(frozen=True)
class FoldSpread:
    """One metric in each fold of a cross-validation, with their mean and sample standard deviation (n - 1).

    `numbers` are the folds as stored predictions number them, `std` is NaN for a single fold.
    """

    metric: str
    numbers: list[int]
    values: Numbers
    mean: float
    std: float


@dataclass(frozen=True)
class Confusion:
    """How often each class (row) was taken for each (column) in one partition."""

    partition: str
    labels: list[str]
    counts: Numbers


@dataclass(frozen=True)
class ChartData:
    """All charts of one pipeline: per target the points and errors by partition, or for classes a matrix by partition.

    `rows` are all predictions, none thinned out.
    """

    targets: list[list[Points]] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)
    errors: list[list[Errors]] = field(default_factory=list)
    folds: list[FoldSpread] = field(default_factory=list)
    rows: SampleRows = field(default_factory=SampleRows)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.targets and not self.confusions


def chart_data(
    arrays: Sequence[PredictionArrays],
    names: Mapping[int, str] | None = None,
    validation: Mapping[str, Any] | None = None,
) -> ChartData:
    """Gather the arrays of a pipeline by partition; folds are put together.

    `names` are sample names by row, `validation` is what metrics.json says of the cross-validation.
    """
    rows = sample_rows(arrays, names or {})
    folds = fold_spreads((validation or {}).get("fold_results") or [])
    here = [name for name in PARTITIONS if (rows.partitions == PARTITIONS.index(name)).any()]
    if rows.labels:
        return ChartData(confusions=[_confusion(rows, name) for name in here], folds=folds, rows=rows)
    if not here:
        return ChartData(folds=folds)
    targets = [[_points(rows, name, target) for name in here] for target in range(rows.truth.shape[1])]
    errors = [_errors(rows, here, target) for target in range(rows.truth.shape[1])]
    return ChartData(targets, errors=errors, folds=folds, rows=rows)


def fold_spreads(results: Sequence[Mapping[str, Any]]) -> list[FoldSpread]:
    """Gather each metric over the folds; a metric that some fold lacks is told of the others."""
    names: list[str] = []
    for result in results:
        names.extend(name for name, value in result.items() if name not in names and _is_metric(name, value))
    return [_fold_spread(name, results) for name in names]


def _fold_spread(name: str, results: Sequence[Mapping[str, Any]]) -> FoldSpread:
    there = [(n, result) for n, result in enumerate(results) if _is_metric(name, result.get(name))]
    told = [result.get("fold", result.get("fold_id")) for _, result in there]
    numbers = [number if isinstance(number, int) else n for number, (n, _) in zip(told, there, strict=True)]
    values = np.array([float(result[name]) for _, result in there])
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return FoldSpread(name, numbers, values, float(values.mean()), std)


def _is_metric(name: str, value: Any) -> bool:
    return name not in NO_METRIC and isinstance(value, (int, float)) and not isinstance(value, bool)


def _sound(rows: SampleRows, partition: str, target: int) -> Numbers:
    """The rows of a partition where a target was both measured and predicted."""
    here = rows.partitions == PARTITIONS.index(partition)
    return np.flatnonzero(here & np.isfinite(rows.truth[:, target]) & np.isfinite(rows.predicted[:, target]))


def _points(rows: SampleRows, partition: str, target: int) -> Points:
    every = _sound(rows, partition, target)
    shown = every[:: max(1, -(-len(every) // MOST_POINTS))]
    called = [rows.names[row] for row in shown]
    truth, predicted = rows.truth[shown, target], rows.predicted[shown, target]
    return Points(partition, truth, predicted, rows.samples[shown], len(every), called, shown)


def _errors(rows: SampleRows, partitions: Sequence[str], target: int) -> list[Errors]:
    found = {name: _residuals(rows, name, target) for name in partitions}
    edges = _edges(np.concatenate(list(found.values())))
    return [_spread(name, edges, values) for name, values in found.items() if len(values)]


def _residuals(rows: SampleRows, partition: str, target: int) -> Numbers:
    here = _sound(rows, partition, target)
    return np.asarray(rows.predicted[here, target] - rows.truth[here, target])


def _edges(values: Numbers) -> Numbers:
    """Bins as D. Freedman and P. Diaconis choose them (1981), at least ten and at most sixty."""
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    width = 2 * float(np.subtract(*np.percentile(values, [75, 25]))) / len(values) ** (1 / 3)
    wanted = (high - low) / width if width > 0 else MOST_BINS
    return np.linspace(low, high, int(min(max(np.ceil(wanted), FEWEST_BINS), MOST_BINS)) + 1)


def _spread(partition: str, edges: Numbers, values: Numbers) -> Errors:
    counts, _ = np.histogram(values, edges)
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Errors(partition, edges, 100 * counts / len(values), float(values.mean()), std, len(values))


def _confusion(rows: SampleRows, partition: str) -> Confusion:
    here = rows.of_partition(partition)
    counts = np.zeros((len(rows.labels), len(rows.labels)), dtype=int)
    np.add.at(counts, (rows.truth[here, 0].astype(int), rows.predicted[here, 0].astype(int)), 1)
    return Confusion(partition, list(rows.labels), counts)
