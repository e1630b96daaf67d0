"""Is one pipeline better than another? Their scores over shared folds, and what can be concluded from them.

The comparison is the Bayesian correlated t-test of A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, "Time for a
Change: a Tutorial for Comparing Multiple Classifiers Through Bayesian Analysis", Journal of Machine Learning Research
18 (2017), as the library baycomp computes it: the probabilities that the difference lies above, within and below a
region of practical equivalence. Folds share training samples; the test allows for that (Nadeau and Bengio 2003).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput, StorageError
from storage.scores import classification_metrics, regression_metrics

if TYPE_CHECKING:
    from storage.catalog import Catalog
    from storage.metrics import Metric
    from storage.predictions import PredictionArrays

Verdict = Literal["better", "worse", "equivalent", "unclear", "none"]
DECISIVE, LIKELY = 0.95, 0.8  # from which probability a verdict is said outright, and from which with "probably"
ROPE_SHARE = 0.01  # of the baseline's mean, or of the spread of what was measured
ROPE_OF_SHARES = 0.01  # where 1 is perfect
_OF_SHARES = frozenset(
    {"r2", "accuracy", "balanced_accuracy", "f1", "precision", "recall", "mcc", "roc_auc"}
)  # those computed here whose best value is 1
_REGRESSION = ("rmse", "mae", "r2", "sep", "rpd", "bias")
_CLASSES = ("accuracy", "balanced_accuracy", "f1", "precision", "recall", "mcc", "log_loss", "roc_auc")
_BRIEF = frozenset({"accuracy", "balanced_accuracy", "f1", "precision", "recall"})


@dataclass(frozen=True)
class FoldScores:
    """One pipeline's score in each fold of its cross-validation; `problem` says why there are none.

    `std` is the sample standard deviation (n - 1), None for a single fold.
    """

    prediction_id: str
    name: str
    metric: str
    folds: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    mean: float | None = None
    std: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class FoldComparison:
    """One pipeline against the baseline. Of `better`, `equivalent` and `worse` the sum is 1.

    `difference` is this pipeline's mean minus the baseline's, in the unit of the metric. Where the two can't be
    compared the verdict is "none" and `problem` says why.
    """

    prediction_id: str
    name: str
    mean: float | None = None
    baseline_mean: float | None = None
    difference: float | None = None
    better: float | None = None
    equivalent: float | None = None
    worse: float | None = None
    folds: int = 0
    verdict: Verdict = "none"
    sentence: str = ""
    problem: str = ""


@dataclass(frozen=True)
class FoldComparisons:
    """All pipelines against a baseline by one metric; `rope` is half the width of what counts as equivalent.

    A difference from -rope to +rope, in the unit of the metric, is of no practical importance. `scores` are those of
    all pipelines in each fold, the baseline's first.
    """

    metric: str
    title: str
    lower_is_better: bool | None
    baseline: str
    baseline_name: str
    rope: float
    rope_reason: str
    pairs: tuple[FoldComparison, ...]
    scores: tuple[FoldScores, ...] = ()


@dataclass(frozen=True)
class FoldBlocks:
    """The cross-validated predictions of one pipeline by fold, as they are compared."""

    prediction_id: str
    name: str
    dataset_name: str
    blocks: Mapping[int, PredictionArrays]
    problem: str = ""


def comparable_metrics(task_type: str) -> tuple[str, ...]:
    """The metrics that can be computed in each fold from stored predictions."""
    return _CLASSES if task_type == "classification" else _REGRESSION


# ---------------------------------------------------------------- from the catalog


def read_folds(catalog: Catalog, prediction_ids: Sequence[str]) -> list[FoldBlocks]:
    """The cross-validated predictions of some pipelines. One that can't be read says so in its `problem`."""
    found = []
    for one in dict.fromkeys(prediction_ids):
        row = catalog.get(one)
        name = str(row["pipeline_name"] or row["pipeline_id"])
        problem = ""
        blocks: dict[int, PredictionArrays] = {}
        try:
            arrays = [a for a in catalog.arrays(one) if a.partition == "val" and len(a.y_true)]
            blocks = {a.fold_id: a for a in arrays if a.fold_id is not None}
        except StorageError as error:
            problem = error.what
        if not blocks and not problem:
            problem = f"{name} was not cross-validated."
        found.append(FoldBlocks(one, name, str(row["dataset_name"]), blocks, problem))
    return found


def fold_scores(catalog: Catalog, prediction_ids: Sequence[str], metric: str) -> list[FoldScores]:
    """The score of each pipeline in each of its folds. Raises BadInput for a metric that predictions don't tell."""
    name = _computed(catalog, metric).name
    return [scores_of(one, name) for one in read_folds(catalog, prediction_ids)]


def compare_folds(
    catalog: Catalog, prediction_ids: Sequence[str], metric: str, baseline: str, rope: float | None = None
) -> FoldComparisons:
    """Compare pipelines with a baseline over the folds they share.

    Raises BadInput for a metric that predictions don't tell or a rope below 0, NotFound for an unknown prediction.
    """
    found = _computed(catalog, metric)
    if rope is not None and not (np.isfinite(rope) and rope >= 0):
        raise BadInput(f"A difference of {rope:g} can't be one that doesn't matter.", advice="Give 0 or more.")
    folds = read_folds(catalog, [baseline, *(one for one in prediction_ids if one != baseline)])
    return compare(folds, found, rope)


def _computed(catalog: Catalog, metric: str) -> Metric:
    found = catalog.metrics.find(metric)
    if found is None or found.name not in (*_REGRESSION, *_CLASSES):
        raise BadInput(
            f"'{metric}' can't be computed in each fold from the stored predictions.",
            advice=f"There are: {', '.join((*_REGRESSION, *_CLASSES))}.",
        )
    return catalog.metrics.best(found.name)


# ---------------------------------------------------------------- pure computation


def scores_of(folds: FoldBlocks, metric: str) -> FoldScores:
    """The scores of one pipeline, by fold number."""
    if folds.problem:
        return FoldScores(folds.prediction_id, folds.name, metric, problem=folds.problem)
    numbers = sorted(folds.blocks)
    values = _values([folds.blocks[number] for number in numbers], metric)
    if values is None:
        problem = f"{_title(metric)} can't be computed in each fold of {folds.name}."
        return FoldScores(folds.prediction_id, folds.name, metric, problem=problem)
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    scores = tuple(float(value) for value in values)
    return FoldScores(
        folds.prediction_id, folds.name, metric, tuple(numbers), scores, float(values.mean()), spread
    )  # fmt: skip


def compare(folds: Sequence[FoldBlocks], metric: Metric, rope: float | None = None) -> FoldComparisons:
    """Compare the pipelines with the first of them, the baseline."""
    base = folds[0]
    scores = [scores_of(one, metric.name) for one in folds]
    width, reason = (rope, "chosen") if rope is not None else _default_rope(metric, base, scores[0])
    pairs = tuple(
        _pair(base, one, scores[0], own, metric, width) for one, own in zip(folds[1:], scores[1:], strict=True)
    )
    return FoldComparisons(
        metric.name, metric.title, metric.lower_is_better, base.prediction_id, base.name, width, reason, pairs,
        tuple(scores),
    )  # fmt: skip


def _values(blocks: Sequence[PredictionArrays], metric: str) -> NDArray[np.float64] | None:
    """The metric in each block; None where one of them doesn't tell it (R² of a single sample)."""
    if any(not (np.isfinite(block.y_true).all() and np.isfinite(block.y_pred).all()) for block in blocks):
        return None
    classes = bool(blocks[0].labels)
    if metric not in (_CLASSES if classes else _REGRESSION):
        return None
    if all(block.y_true.size == 1 for block in blocks) and metric in ("rmse", "mae", "accuracy"):
        # One sample left out at a time: thousands of folds, and of one sample both errors are its distance.
        distance = np.array([abs(block.y_pred.item() - block.y_true.item()) for block in blocks])
        return (distance == 0).astype(np.float64) if metric == "accuracy" else distance
    import sklearn

    quiet = np.errstate(over="ignore", invalid="ignore")  # of a model that diverged
    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True), quiet:
        found = [_score(block, metric).get(metric) for block in blocks]
    values = np.array(found, dtype=np.float64)  # NaN for None
    return values if np.isfinite(values).all() else None


def _score(block: PredictionArrays, metric: str) -> dict[str, float]:
    if not block.labels:
        return regression_metrics(block.y_true, block.y_pred)
    true, pred = block.y_true.astype(np.int64), block.y_pred.astype(np.int64)
    return classification_metrics(true, pred, len(block.labels), block.probabilities, brief=metric in _BRIEF)


def _default_rope(metric: Metric, base: FoldBlocks, scores: FoldScores) -> tuple[float, str]:
    if metric.name in _OF_SHARES:
        return ROPE_OF_SHARES, "usual where 1 is perfect"
    if metric.target is not None:  # its own mean may be next to nothing
        measured = [block.y_true.ravel() for block in base.blocks.values()]
        spread = float(np.concatenate(measured).std()) if measured else 0.0
        return ROPE_SHARE * spread, f"{_percent(ROPE_SHARE)} of the spread of the measured values"
    return ROPE_SHARE * abs(scores.mean or 0.0), f"{_percent(ROPE_SHARE)} of the baseline's mean"


def _pair(
    base: FoldBlocks, other: FoldBlocks, base_scores: FoldScores, scores: FoldScores, metric: Metric, rope: float
) -> FoldComparison:
    problem = base.problem or other.problem or _why_not_comparable(base, other)
    problem = problem or base_scores.problem or scores.problem
    repeats = _repeats(base)
    if not problem and len(base_scores.values) < 2:
        problem = "A single fold tells nothing about chance."
    if not problem and repeats >= len(base_scores.values):
        problem = "Every fold tests all samples, so the folds tell nothing about chance."
    if problem:
        return FoldComparison(
            other.prediction_id, other.name, scores.mean, base_scores.mean, problem=problem, sentence=problem
        )  # fmt: skip
    assert scores.mean is not None and base_scores.mean is not None
    better, same, worse = _probabilities(_goodness(base_scores, metric), _goodness(scores, metric), rope, repeats)
    verdict, sentence = _verdict(other.name, base.name, (better, same, worse), len(scores.values))
    return FoldComparison(
        other.prediction_id, other.name, scores.mean, base_scores.mean, scores.mean - base_scores.mean,
        better, same, worse, len(scores.values), verdict, sentence,
    )  # fmt: skip


def _why_not_comparable(base: FoldBlocks, other: FoldBlocks) -> str:
    """Why the folds of two pipelines are not the same samples with the same measured values; empty if they are."""
    if base.dataset_name != other.dataset_name:
        return f"{other.name} was trained on {other.dataset_name}, {base.name} on {base.dataset_name}."
    if set(base.blocks) != set(other.blocks):
        return f"{other.name} has {len(other.blocks)} folds, {base.name} has {len(base.blocks)}."
    for number, block in base.blocks.items():
        own = other.blocks[number]
        order, own_order = np.argsort(block.sample_indices), np.argsort(own.sample_indices)
        if not np.array_equal(block.sample_indices[order], own.sample_indices[own_order]):
            return f"The folds of {other.name} and {base.name} hold different samples."
        if block.labels != own.labels or not np.array_equal(block.y_true[order], own.y_true[own_order]):
            return f"{other.name} and {base.name} were trained on different measured values."
    return ""


def _repeats(folds: FoldBlocks) -> float:
    """How often a sample was predicted on average: 1 for k-fold, r where k-fold was done r times."""
    counts = Counter(int(i) for block in folds.blocks.values() for i in block.sample_indices)
    return sum(counts.values()) / len(counts) if counts else 1.0


def _goodness(scores: FoldScores, metric: Metric) -> NDArray[np.float64]:
    """Scores turned so that more is better."""
    values = np.array(scores.values)
    if metric.target is not None:
        return -np.abs(values - metric.target)
    return -values if metric.lower_is_better else values


def _probabilities(
    base: NDArray[np.float64], own: NDArray[np.float64], rope: float, repeats: float
) -> tuple[float, float, float]:
    """The probabilities that `own` is better than, equivalent to, and worse than `base`."""
    from baycomp.single import CorrelatedTTest, Posterior  # only for this: it takes half a second

    if np.array_equal(base, own):  # also without a region of equivalence, where the test would toss a coin
        return 0.0, 1.0, 0.0
    # By the statistics and not by the class itself: that one refuses a share of repetitions, as shuffled splits have.
    mean, variance, freedom = CorrelatedTTest.compute_statistics(base, own, repeats)
    found = Posterior(mean, variance, freedom, rope).probs()
    worse, same, better = found if rope > 0 else (found[0], 0.0, found[1])
    return float(better), max(0.0, float(same)), float(worse)


def _verdict(name: str, base: str, probabilities: tuple[float, float, float], folds: int) -> tuple[Verdict, str]:
    better, same, _ = probabilities
    most = max(probabilities)
    if most < LIKELY:
        return "unclear", f"{folds} folds can't tell {name} and {base} apart."
    sure = most >= DECISIVE
    if most == same:
        words = "are practically equivalent" if sure else "are probably equivalent in practice"
        return "equivalent", f"{name} and {base} {words} ({_percent(same)})."
    word = "better" if most == better else "worse"
    said = f"is {word} than" if sure else f"is probably {word} than"
    return "better" if most == better else "worse", f"{name} {said} {base} ({_percent(most)})."


def _percent(probability: float) -> str:
    """A probability in whole percent, never rounded up to certainty."""
    return "over 99 %" if probability > 0.99 else f"{probability:.0%}".replace("%", " %")


def _title(metric: str) -> str:
    from storage.metrics import metric_for

    known = metric_for(metric)
    return known.title if known is not None else metric
