"""Which parameter matters: how much of the differences in a metric each parameter explains.

For each parameter the results are put into groups by its value, and a one-way analysis of variance asks how far the
groups differ. Two things make the answer hold for what people really train: the metric enters by rank within its
dataset, so that neither a diverged model nor an easier dataset decides it (for one dataset this is the test of
Kruskal and Wallis); and the share of explained variation is omega squared, which unlike eta squared doesn't grow just
because a parameter has many values. W. L. Hays, "Statistics for Psychologists" (1963); W. J. Conover, R. L. Iman, "Rank
Transformations as a Bridge Between Parametric and Nonparametric Statistics", The American Statistician 35 (1981). The
analysis of variance is that of scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_GROUPS = 10  # of numbers; more different ones are put into so many groups of equal size
FEWEST = 5  # results that have both the metric and the parameter
COVERS = 0.25  # of all results with the metric: a parameter that fewer have comes after those that more have


@dataclass(frozen=True)
class Importance:
    """What a parameter explains: `share` of the variation in the metric's ranks, from 0 to 1, among `results` of them.

    `total` is how many results have the metric, whether or not they have the parameter; one that `covers_few` of them
    says little of all, however large its share. `levels` is how many different values it has there, `chance` how
    likely so large a share would be if the parameter didn't matter.
    """

    name: str
    share: float
    results: int
    levels: int
    chance: float
    total: int = 0

    @property
    def covers_few(self) -> bool:
        """Whether less than a quarter of the results have the parameter."""
        return self.results < COVERS * self.total


def rank_parameters(
    metric: Sequence[float | None], parameters: Mapping[str, Sequence[Any]], datasets: Sequence[Any] | None = None
) -> list[Importance]:
    """How much each parameter explains of a metric, most first; all have one value for each result, None for missing.

    A parameter counts among the results that have it; one that few have comes after all that more have. Those with a
    single value, or with fewer than five results, are left out.
    """
    values = np.array([math.nan if one is None else one for one in metric], dtype=np.float64)
    ranks = _ranks(values, datasets)
    total = int(np.isfinite(ranks).sum())
    found = (_importance(name, ranks, own) for name, own in parameters.items())
    told = (replace(one, total=total) for one in found if one is not None)
    return sorted(told, key=lambda one: (one.covers_few, -one.share, one.name))


def _ranks(values: NDArray[np.float64], datasets: Sequence[Any] | None) -> NDArray[np.float64]:
    """The rank of each value within its dataset, from 0 to 1; NaN where there is no value, or no other one there."""
    from scipy.stats import rankdata

    ranks = np.full(len(values), math.nan)
    names = np.array([str(one) for one in datasets] if datasets is not None else [""] * len(values))
    for name in np.unique(names):
        here = np.flatnonzero((names == name) & np.isfinite(values))
        if len(here) > 1:
            ranks[here] = (rankdata(values[here]) - 0.5) / len(here)
    return ranks


def _importance(name: str, ranks: NDArray[np.float64], own: Sequence[Any]) -> Importance | None:
    from sklearn.feature_selection import f_classif

    there = np.array([one is not None for one in own]) & np.isfinite(ranks)
    kept = [one for one, known in zip(own, there, strict=True) if known]
    levels = len(set(kept))
    groups = _groups(kept)
    count, within = len(kept), len(kept) - len(np.unique(groups))
    if levels < 2 or count < FEWEST or within < 1 or len(np.unique(groups)) < 2:
        return None
    chosen = ranks[there]
    if np.ptp(chosen) == 0:
        return Importance(name, 0.0, count, levels, 1.0)
    between = count - within - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        f, chance = (float(one[0]) for one in f_classif(chosen[:, None], groups))
    if math.isinf(f):  # within the groups nothing differs
        return Importance(name, 1.0, count, levels, 0.0)
    share = between * (f - 1) / (between * (f - 1) + count)
    return Importance(name, min(max(share, 0.0), 1.0), count, levels, chance)


def _groups(values: Sequence[Any]) -> NDArray[np.int64]:
    """The group of each value: one for each different value, or of many different numbers groups of equal size."""
    different = set(values)
    if len(different) > MOST_GROUPS and all(isinstance(one, (int, float)) for one in different):
        numbers = np.array(values, dtype=np.float64)
        cuts = np.unique(np.quantile(numbers, np.linspace(0, 1, MOST_GROUPS + 1)[1:-1]))
        return np.searchsorted(cuts, numbers, side="right").astype(np.int64)
    order = {one: place for place, one in enumerate(sorted(different, key=str))}
    return np.array([order[one] for one in values], dtype=np.int64)
