"""When a result is much worse on test samples than in validation, so that its validated value can't be trusted.

The rule has two parts, and both must hold. First the size: an error (a metric that is better when lower) is more than
twice as large on test, a score (better when higher, at most 1, as R² or accuracy) is more than 0.2 lower. Then the
scatter: where a metric is known of at least three folds, its test value lies beyond their mean by more than three
times their standard deviation (W. A. Shewhart's limits, "Economic Control of Quality of Manufactured Product", 1931);
what the folds differ by among themselves is no news. Without folds the size alone decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from storage.metrics import MAIN_METRIC, Metric, metric_for

TIMES = 2.0  # how much larger an error
LOWER = 0.2  # by how much a score
SPREADS, FEWEST_FOLDS = 3.0, 3
# What results are judged by, if the main metric of their task is not there.
_JUDGED = (*MAIN_METRIC.values(), "mae", "r2", "balanced_accuracy", "f1", "mcc", "roc_auc")


@dataclass(frozen=True)
class Worsening:
    """A metric that is much worse on `test` than in validation, `val`."""

    metric: Metric
    val: float
    test: float


def worsening(
    metrics: Mapping[str, Any], task_type: str = "", find: Callable[[str], Metric | None] = metric_for
) -> Worsening | None:
    """Whether a result, by its `metrics.json`, is much worse on test than in validation; None where it isn't.

    One metric decides, the main one of the task where both partitions have it: many would find something by chance.
    """
    val, test, folds = (_part(metrics, name) for name in ("val", "test", "cross_validation"))
    names = dict.fromkeys([*([MAIN_METRIC[task_type]] if task_type in MAIN_METRIC else []), *_JUDGED])
    name = next((one for one in names if _is_number(val.get(one)) and _is_number(test.get(one))), "")
    metric = find(name) if name else None
    if metric is None or not is_much_worse(metric, val[name], test[name], _limit(metric, name, folds)):
        return None
    return Worsening(metric, float(val[name]), float(test[name]))


def is_much_worse(metric: Metric, val: float, test: float, limit: float | None = None) -> bool:
    """Whether a test value is so much worse than a validated one; `limit` is how bad folds could be, where known.

    False for metrics of which it is not known which end is best, and for scores that may exceed 1.
    """
    if metric.lower_is_better is None or not (math.isfinite(val) and math.isfinite(test)):
        return False
    if metric.lower_is_better:
        return 0 <= TIMES * val < test and (limit is None or test > limit)
    return val <= 1 and val - test > LOWER and (limit is None or test < limit)


def fold_limit(metric: Metric, mean: Any, spread: Any, folds: int) -> float | None:
    """The mean of the folds and three times their spread, to the worse side; None where too few folds are known."""
    if folds < FEWEST_FOLDS or not (_is_number(mean) and _is_number(spread)):
        return None
    return mean + (SPREADS if metric.lower_is_better else -SPREADS) * spread


def _limit(metric: Metric, name: str, folds: Mapping[str, Any]) -> float | None:
    results = folds.get("fold_results")
    known = len(results) if isinstance(results, list) else 0
    return fold_limit(metric, folds.get(f"mean_{name}"), folds.get(f"std_{name}"), known)


def _part(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = metrics.get(name)
    return found if isinstance(found, Mapping) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
