"""What a chart needs, made from the stored arrays away from the GUI thread. Plain numpy, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from storage import PredictionArrays


PARTITIONS = ("train", "val", "test")
MOST_POINTS = 4000  # more can't be told apart in a pane and would make every repaint slow
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Points:
    """Measured against predicted for one target and one partition; `total` counts them before thinning out.

    `names` are what people call the samples, in the order of the points.
    """

    partition: str
    truth: Numbers
    predicted: Numbers
    samples: Numbers
    total: int
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Confusion:
    """How often each class (row) was taken for each (column) in one partition."""

    partition: str
    labels: list[str]
    counts: Numbers


@dataclass(frozen=True)
class ChartData:
    """All charts of one pipeline: per target the points by partition, or for classes a matrix by partition."""

    targets: list[list[Points]] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.targets and not self.confusions


def chart_data(arrays: Sequence[PredictionArrays], names: Mapping[int, str] | None = None) -> ChartData:
    """Gather the arrays of a pipeline by partition; folds are put together. `names` are sample names by row."""
    if any(part.labels for part in arrays):
        return ChartData(confusions=[_confusion(name, _of(name, arrays)) for name in PARTITIONS if _of(name, arrays)])
    if not arrays:
        return ChartData()
    count = max(_columns(part.y_true).shape[1] for part in arrays)
    return ChartData(
        targets=[
            [_points(name, _of(name, arrays), t, names or {}) for name in PARTITIONS if _of(name, arrays)]
            for t in range(count)
        ]
    )


def _of(partition: str, arrays: Sequence[PredictionArrays]) -> list[PredictionArrays]:
    return [part for part in arrays if part.partition == partition and len(part.y_true)]


def _columns(values: Numbers) -> Numbers:
    values = np.asarray(values, dtype=float)
    return values.reshape(len(values), -1)


def _points(partition: str, parts: list[PredictionArrays], target: int, names: Mapping[int, str]) -> Points:
    truth = np.concatenate([_columns(part.y_true)[:, target] for part in parts])
    predicted = np.concatenate([_columns(part.y_pred)[:, target] for part in parts])
    samples = np.concatenate([np.asarray(part.sample_indices) for part in parts])
    sound = np.isfinite(truth) & np.isfinite(predicted)
    truth, predicted, samples = truth[sound], predicted[sound], samples[sound]
    step = max(1, -(-len(truth) // MOST_POINTS))
    shown = samples[::step]
    called = [names.get(int(row), f"row {int(row) + 1}") for row in shown]
    return Points(partition, truth[::step], predicted[::step], shown, len(truth), called)


def _confusion(partition: str, parts: list[PredictionArrays]) -> Confusion:
    labels = list(parts[0].labels)
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    for part in parts:
        truth, predicted = np.asarray(part.y_true).ravel(), np.asarray(part.y_pred).ravel()
        sound = np.isfinite(truth) & np.isfinite(predicted)
        np.add.at(counts, (truth[sound].astype(int), predicted[sound].astype(int)), 1)
    return Confusion(partition, labels, counts)
