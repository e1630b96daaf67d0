"""What the names of logged metrics say: `val_rmse` is the RMSE of validation samples, `fold_1_val_rmse` of a fold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from storage.errors import BadInput
from storage.foreign import ForeignScore
from storage.form_mlflow_records import History
from storage.metrics import lower_is_better
from storage.records import TaskType

_PARTITIONS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test", "holdout": "test",
}  # fmt: skip
_WORDS = "|".join(sorted(_PARTITIONS, key=len, reverse=True))
_GAP = r"[_/.\- :]+"
_FIRST = re.compile(rf"({_WORDS}){_GAP}(?=[^\W\d_])", re.IGNORECASE)
_LAST = re.compile(rf"(?:{_GAP}[xX])?{_GAP}({_WORDS})$", re.IGNORECASE)  # autolog says mean_squared_error_X_test
_FOLD = re.compile(rf"(?:^|{_GAP})fold[_/.\- ]?(\d+)(?={_GAP}|$)", re.IGNORECASE)
# The time of a training is no metric of the training samples.
_NONE_OF_IT = re.compile(r"(?:time|size|duration|seconds?|samples?|steps?|epochs?|rows)(?:_\w+)?$", re.IGNORECASE)
_CLASSIFYING = re.compile(r"accuracy|roc_?auc|f1|log_?loss|precision|recall|mcc|kappa|cross_?entropy", re.IGNORECASE)
_REGRESSING = re.compile(
    r"(?:^|[^a-z])(?:n?rmse\w*|mse|mae|r2|r_?squared|rpd|rpiq|mape|sep|r2_score|(?:root_)?mean_\w+_error)(?:[^a-z]|$)",
    re.IGNORECASE,
)


def scores_of(metrics: Mapping[str, History]) -> list[ForeignScore]:
    """A score of each metric: its last value, and its best where it is known what is best of it.

    Two that would come to the same, as `train_rmse` and `training_rmse`, keep their names as they are.
    """
    found: list[ForeignScore] = []
    taken: set[tuple[str, str, str]] = set()
    for name in sorted(metrics):
        place = placed(name)
        metric, partition, fold = place if place not in taken else (name, "", "")
        taken.add((metric, partition, fold))
        found.append(ForeignScore(metric, metrics[name].value, partition, fold, _best(name, metrics[name])))
    return found


def placed(name: str) -> tuple[str, str, str]:
    """Metric, partition and fold that a name tells; the whole name, and nothing else, where it tells no partition."""
    fold = _FOLD.search(name)
    rest = (name[: fold.start()] + name[fold.end() :]).strip("_/.- :") if fold else name
    if (first := _FIRST.match(rest)) is not None:
        metric, word = rest[first.end() :], first[1]
    elif (last := _LAST.search(rest)) is not None and last.start():
        metric, word = rest[: last.start()], last[1]
    else:
        return name, "", ""
    if _NONE_OF_IT.match(metric):
        return name, "", ""
    return metric, _PARTITIONS[word.lower()], str(int(fold[1])) if fold else ""


def task_of(names: Iterable[str]) -> TaskType | None:
    """The task that metrics are about; None where they tell nothing, or both."""
    said = list(names)
    classifying = any(_CLASSIFYING.search(name) for name in said)
    regressing = any(_REGRESSING.search(name) for name in said)
    if classifying == regressing:
        return None
    return "classification" if classifying else "regression"


def _best(name: str, history: History) -> float | None:
    if history.count > 1 and history.low <= history.high:
        with suppress(BadInput):  # nobody knows which end is best: the document has both
            return history.low if lower_is_better(name) else history.high
    return None
