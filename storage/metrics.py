"""The metric registry: what each metric is called, which direction is better, and how it is computed.

Definitions are those of scikit-learn, called and not written again. Bias, SEP and RPD, which scikit-learn lacks,
follow T. Næs, T. Isaksson, T. Fearn, T. Davies, "A User-Friendly Guide to Multivariate Calibration and
Classification" (2002), chapter 13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTITIONS = ("train", "val", "test")
_COUNTS = frozenset({"samples", "folds"})


@dataclass(frozen=True)
class Metric:
    """One metric; `lower_is_better` is None where neither direction is (bias is best near zero)."""

    name: str
    title: str
    lower_is_better: bool | None
    digits: int = 3


_REGISTRY = {
    metric.name: metric
    for metric in (
        Metric("rmse", "RMSE", True),
        Metric("mse", "MSE", True),
        Metric("mae", "MAE", True),
        Metric("medae", "Median AE", True),
        Metric("max_error", "Max error", True),
        Metric("mape", "MAPE", True),
        Metric("sep", "SEP", True),
        Metric("bias", "Bias", None),
        Metric("r2", "R²", False),
        Metric("explained_variance", "Explained variance", False),
        Metric("rpd", "RPD", False),
        Metric("rpiq", "RPIQ", False),
        Metric("accuracy", "Accuracy", False),
        Metric("balanced_accuracy", "Balanced accuracy", False),
        Metric("precision", "Precision", False),
        Metric("recall", "Recall", False),
        Metric("f1", "F1", False),
        Metric("mcc", "MCC", False),
        Metric("kappa", "Cohen's kappa", False),
        Metric("roc_auc", "ROC AUC", False),
        Metric("log_loss", "Log loss", True),
        Metric("brier", "Brier score", True),
    )
}
MAIN_METRIC = {"regression": "rmse", "classification": "accuracy"}


def metric_for(name: str) -> Metric | None:
    """The registered metric a name or column is about: `rmse`, `test_rmse`, `cross_validation_mean_rmse`."""
    spread = False
    for prefix in (*PARTITIONS, "cross_validation"):
        name = name.removeprefix(f"{prefix}_")
    if name.startswith(("mean_", "std_")) and name not in _REGISTRY:
        spread = name.startswith("std_")
        name = name.split("_", 1)[1]
    found = _REGISTRY.get(name)
    if found and spread:
        return Metric(f"std_{found.name}", f"{found.title} spread", True, found.digits)
    return found


def lower_is_better(column: str) -> bool:
    """Which end of a metric column is best. Raises BadInput where nobody can know."""
    metric = metric_for(column)
    if metric is None or metric.lower_is_better is None:
        raise BadInput(
            f"Whether a low or a high '{column}' is better is not known.",
            advice="Sort by the column instead: order by it ascending or descending.",
        )
    return metric.lower_is_better


def key_metric(columns: Mapping[str, Any], task_type: str | None) -> str | None:
    """The column a result is judged by: the main metric of its task, cross-validated before test before train."""
    tasks = [task_type] if task_type in MAIN_METRIC else list(MAIN_METRIC)
    names = [f"{partition}_{MAIN_METRIC[task]}" for task in tasks for partition in ("val", "test", "train")]
    return next((name for name in names if columns.get(name) is not None), None)


def flatten(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Flatten metrics.json to catalog columns: `{"test": {"rmse": 0.4}}` gives `{"test_rmse": 0.4}`.

    Counts (samples, folds) and anything that is no number are left out; None stands for a value that is undefined.
    """
    flat: dict[str, float] = {}
    for partition, values in metrics.items():
        if not isinstance(values, Mapping):
            continue
        for name, value in values.items():
            if name in _COUNTS or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            with suppress(OverflowError):  # a whole number beyond the range of a double
                flat[column_name(f"{partition}_{name}")] = float(value)
    return flat


def column_name(text: str) -> str:
    """A column name from any text: lower case letters, digits and underscores, not starting with a digit."""
    name = re.sub(r"\W+", "_", text.lower(), flags=re.ASCII).strip("_")
    return f"m_{name}" if not name or name[0].isdigit() else name


def regression_metrics(y_true: NDArray[np.float64], y_pred: NDArray[np.float64]) -> dict[str, float]:
    """RMSE, MAE, R², bias, SEP and RPD in the units of y; arrays are (n,) or (n, targets), targets averaged.

    R², SEP and RPD need two samples that differ and are left out otherwise.
    """
    import numpy as np
    from sklearn import metrics as sk

    error = y_pred - y_true
    found = {
        "rmse": sk.root_mean_squared_error(y_true, y_pred),
        "mae": sk.mean_absolute_error(y_true, y_pred),
        "bias": error.mean(),
    }
    if len(y_true) > 1 and np.ptp(y_true, axis=0).all():
        sep = error.std(axis=0, ddof=1)
        found["r2"] = sk.r2_score(y_true, y_pred)
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
