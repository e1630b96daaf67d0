"""ROC curves from stored class probabilities, computed by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.predictions import PredictionArrays


@dataclass(frozen=True)
class RocCurve:
    """One class against the rest: false and true positive rates, rising from 0 to 1; `samples` are of the class."""

    label: str
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    auc: float
    samples: int


@dataclass(frozen=True)
class RocCurves:
    """The curves of one partition: one a class, or the second of two classes alone; `problem` says why there are none.

    `macro` is the mean of all curves, each class counting the same; None for two classes, or where a class is missing.
    """

    partition: str
    curves: tuple[RocCurve, ...] = ()
    macro: RocCurve | None = None
    problem: str = ""


def roc_curves(arrays: Sequence[PredictionArrays], partition: str) -> RocCurves:
    """The ROC curves of one partition, one class against the rest; folds are taken together.

    The macro average interpolates each curve and takes the mean, its AUC is the mean of theirs, as `roc_auc` is
    (T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006).
    """
    blocks = [block for block in arrays if block.partition == partition and len(block.y_true)]
    if not blocks:
        return RocCurves(partition, problem="There are no predictions of this partition.")
    labels = blocks[0].labels
    shares = [block.probabilities for block in blocks if block.probabilities is not None]
    if not labels:
        return RocCurves(partition, problem="ROC curves are for classes; this pipeline predicts numbers.")
    if len(shares) < len(blocks):
        return RocCurves(partition, problem="This model gives no class probabilities, so it has no ROC curve.")
    truth = np.concatenate([block.y_true for block in blocks])
    probabilities = np.concatenate(shares)
    sound = np.isfinite(truth) & np.isfinite(probabilities).all(axis=1)
    truth, probabilities = truth[sound].astype(np.int64), probabilities[sound]
    chosen = [1] if len(labels) == 2 else list(range(len(labels)))
    told = [code for code in chosen if 0 < np.sum(truth == code) < len(truth)]
    curves = tuple(_curve(labels[code], truth == code, probabilities[:, code]) for code in told)
    if not curves:
        return RocCurves(partition, problem="All samples are of one class, so there is no ROC curve.")
    complete = len(curves) == len(labels) > 2
    return RocCurves(partition, curves, _macro(curves, len(truth)) if complete else None)


def _curve(label: str, positive: NDArray[np.bool_], score: NDArray[np.float64]) -> RocCurve:
    from sklearn.metrics import auc, roc_curve

    fpr, tpr, _ = roc_curve(positive, score)
    return RocCurve(label, fpr, tpr, float(auc(fpr, tpr)), int(positive.sum()))


def _macro(curves: Sequence[RocCurve], samples: int) -> RocCurve:
    fpr = np.unique(np.concatenate([curve.fpr for curve in curves]))
    tpr = np.mean([np.interp(fpr, curve.fpr, curve.tpr) for curve in curves], axis=0)
    start = np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])  # a mean curve, too, rises from the corner
    return RocCurve("macro", *start, float(np.mean([curve.auc for curve in curves])), samples)
