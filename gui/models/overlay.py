"""What is drawn of the errors of many pipelines: thinned out, ordered, and gathered to what a screen can show.

Plain numpy, no Qt; not imported before the first paint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from storage import SampleErrors

MOST_POINTS = 3000  # of all pipelines together; more would make every repaint slow
FEWEST_POINTS = 60  # of one pipeline
MOST_COLUMNS = 1500  # of a heat map; a screen has no more
Numbers = NDArray[Any]


def thinned(errors: SampleErrors, pipelines: int) -> Numbers:
    """Choose the samples to draw of each pipeline: all, or evenly over what was measured, with some of the outliers."""
    most = max(FEWEST_POINTS, MOST_POINTS // max(1, pipelines))
    count = len(errors.samples)
    if count <= most:
        return np.arange(count)
    by_truth = np.argsort(errors.truth, kind="stable")
    even = by_truth[np.linspace(0, count - 1, most).round().astype(int)]
    return np.unique(np.concatenate([even, np.flatnonzero(errors.outliers)[: most // 10]]))


def recalls(errors: SampleErrors) -> Numbers:
    """Return the share of right answers by class (rows) and pipeline (columns); NaN where there are none."""
    right = 1.0 - errors.values
    found = np.full((len(errors.labels), errors.values.shape[1]), np.nan)
    for code in range(len(errors.labels)):
        own = right[errors.truth == code]
        told = np.isfinite(own).any(axis=0)
        if told.any():
            found[code, told] = np.nanmean(own[:, told], axis=0)
    return found


def mean_size(errors: SampleErrors) -> Numbers:
    """Return how wrong the pipelines are on each sample on average, 0 where none predicts it."""
    sizes = np.abs(errors.values)
    told = np.isfinite(sizes)
    mean: Numbers = np.where(told, sizes, 0.0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    return mean


def ordered(errors: SampleErrors, order: str) -> Numbers:
    """Order the samples: "row" as in the file, "truth" by the measured value, "worst" by their mean error."""
    if order == "truth":
        return np.argsort(errors.truth, kind="stable")
    if order == "worst":
        return np.argsort(-mean_size(errors), kind="stable")
    return np.arange(len(errors.samples))


def gathered(errors: SampleErrors, order: Numbers) -> Numbers:
    """Choose one sample for each column of a heat map: of neighbours that share a column, the worst."""
    step = -(-len(order) // MOST_COLUMNS)
    if step <= 1:
        return order
    size = mean_size(errors)[order]
    starts = np.arange(0, len(order), step)
    return np.array([order[start + int(np.argmax(size[start : start + step]))] for start in starts])


def colour_limit(values: Numbers) -> float:
    """Choose the error at which a heat map's colours end: exceeded by two percent of all."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(np.quantile(sizes, 0.98)) or 1.0 if len(sizes) else 1.0
