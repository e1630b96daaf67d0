"""The best value of metrics among some results, and how sure one can be of it: its spread over folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.metrics import Metric, Metrics, spread_column


@dataclass(frozen=True)
class BestValue:
    """The best value of a metric column among some results.

    `spread` is the sample standard deviation of the metric over the folds of the result that has it, and `folds` their
    number; None where that is not known. Of several results with the best value it is the largest spread.
    """

    value: float
    spread: float | None = None
    folds: int | None = None


BestValues = dict[str, dict[str, BestValue]]  # by dataset, then by metric


def best_values(columns: Mapping[str, Sequence[Any]], names: Sequence[str], metrics: Metrics) -> BestValues:
    """The best value in each of these columns among the results of each dataset; see `best_of_one`.

    Errors on one dataset say nothing about those on another, so nothing is compared across the column `dataset_name`
    ("" where there is none). A dataset without any best value is left out.
    """
    rows: dict[str, list[int]] = {}
    for row, dataset in enumerate(columns["dataset_name"]):
        rows.setdefault(dataset or "", []).append(row)
    found = {}
    for dataset, own in rows.items():
        there = {name: [column[row] for row in own] for name, column in columns.items()} if len(rows) > 1 else columns
        found[dataset] = best_of_one(there, names, metrics)
    return {dataset: best for dataset, best in found.items() if best}


def best_of_one(columns: Mapping[str, Sequence[Any]], names: Sequence[str], metrics: Metrics) -> dict[str, BestValue]:
    """The best value in each of these columns; one without a value, or of which nobody knows what is best, is left out.

    The spread is read from the columns `spread_column` names and `n_folds`, as far as they are there.
    """
    found: dict[str, BestValue] = {}
    for name in names:
        metric = known_best(metrics, name)
        if metric is None:
            continue
        told = [(row, value) for row, value in enumerate(columns[name]) if value is not None and value == value]
        ranked = [(_rank(metric, value), row) for row, value in told]
        if not ranked:
            continue
        best = min(ranked)[0]
        rows = [row for rank, row in ranked if rank == best]
        spread = _largest(columns.get(spread_column(name) or ""), rows)
        folds = _largest(columns.get("n_folds"), rows) if spread is not None else None
        found[name] = BestValue(columns[name][rows[0]], spread, int(folds) if folds else None)
    return found


def best_of_all(found: Sequence[tuple[str, str, str, float]], metrics: Metrics) -> list[tuple[str, str, str, float]]:
    """Of metric, dataset, prediction and value of many results the best by each metric; the first of equals."""
    best: dict[str, tuple[str, str, str, float]] = {}
    for one in found:
        metric = known_best(metrics, one[0])
        if metric is not None and (one[0] not in best or _rank(metric, one[3]) < _rank(metric, best[one[0]][3])):
            best[one[0]] = one
    return list(best.values())


def known_best(metrics: Metrics, name: str) -> Metric | None:
    """The metric of a column if it is known what is best of it."""
    metric = metrics.find(name)
    return None if metric is None or (metric.target is None and metric.lower_is_better is None) else metric


def _rank(metric: Metric, value: float) -> float:
    if metric.target is not None:
        return abs(value - metric.target)
    return value if metric.lower_is_better else -value


def _largest(column: Sequence[Any] | None, rows: Sequence[int]) -> Any:
    there = [column[row] for row in rows if column[row] is not None] if column is not None else []
    return max(there, default=None)
