"""Metrics computed from what was predicted.

Definitions are those of scikit-learn; what is computed here for speed has its values. Bias, SEP and RPD, which
scikit-learn lacks, follow T. Næs, T. Isaksson, T. Fearn, T. Davies, "A User-Friendly Guide to Multivariate Calibration
and Classification" (2002), chapter 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def regression_metrics(y_true: NDArray[np.float64], y_pred: NDArray[np.float64]) -> dict[str, float]:
    """RMSE, MAE, R², bias, SEP and RPD in the units of y; arrays are (n,) or (n, targets), targets averaged.

    R², SEP and RPD need two samples that differ and are left out otherwise.
    """
    import numpy as np

    # One computation in place of three calls that check the same arrays again and again: some milliseconds a pipeline.
    error = y_pred - y_true
    squares = (error**2).mean(axis=0)
    found = {"rmse": np.sqrt(squares).mean(), "mae": np.abs(error).mean(), "bias": error.mean()}
    variance = y_true.var(axis=0)
    if len(y_true) > 1 and np.ptp(y_true, axis=0).all() and np.all(variance > squares * 1e-300):
        sep = error.std(axis=0, ddof=1)
        found["r2"] = (1 - squares / variance).mean()
        found["sep"] = sep.mean()
        if np.all(sep):
            found["rpd"] = (y_true.std(axis=0, ddof=1) / sep).mean()
    return {name: float(value) for name, value in found.items()}


def classification_metrics(
    y_true: NDArray[np.int64],
    y_pred: NDArray[np.int64],
    n_classes: int,
    probabilities: NDArray[np.float64] | None = None,
    brief: bool = False,
) -> dict[str, float]:
    """Accuracy, balanced accuracy, macro F1, precision and recall, MCC, and with probabilities log loss and ROC AUC.

    With `brief` the first five alone: what a single fold of a few samples can tell. y are codes 0…n_classes-1,
    probabilities (n, n_classes). ROC AUC is one-vs-rest, macro, and needs every class among `y_true`.
    """
    import numpy as np
    from sklearn import metrics as sk

    matrix = sk.confusion_matrix(y_true, y_pred, labels=np.arange(n_classes)).astype(np.float64)
    found = _from_confusion(matrix)
    if brief:
        found.pop("mcc", None)
    elif probabilities is not None and np.isfinite(probabilities).all():
        found["log_loss"] = sk.log_loss(y_true, probabilities, labels=np.arange(n_classes))
        if matrix.any(axis=1).all():
            scores = probabilities[:, 1] if n_classes == 2 else probabilities
            found["roc_auc"] = sk.roc_auc_score(y_true, scores, multi_class="ovr")
    return {name: float(value) for name, value in found.items()}


def _from_confusion(matrix: NDArray[np.float64]) -> dict[str, Any]:
    """What a confusion matrix (true × predicted) tells; macro averages are over the classes that occur.

    One count in place of five calls that each count again. MCC for several classes: J. Gorodkin, "Comparing two
    K-category assignments by a K-category correlation coefficient", Computational Biology and Chemistry 28 (2004).
    """
    import numpy as np

    right, true, pred, total = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    present = true > 0
    recall = right[present] / true[present]
    precision = np.divide(right, pred, out=np.zeros_like(right), where=pred > 0)[present]
    f1 = 2 * right[present] / (true + pred)[present]
    found = {
        "accuracy": right.sum() / total,
        "balanced_accuracy": recall.mean(),
        "f1": f1.mean(),
        "precision": precision.mean(),
        "recall": recall.mean(),
    }
    spread = (total**2 - (true**2).sum()) * (total**2 - (pred**2).sum())
    if np.count_nonzero(true + pred) > 1:  # undefined where there is a single class
        found["mcc"] = (right.sum() * total - true @ pred) / np.sqrt(spread) if spread > 0 else 0.0
    return found
