"""Prediction entries, one for each model, fold and partition, as several forms have them: their scores and arrays.

An entry names its configuration, the step and name of its model, its fold and partition, the score of each partition
by one metric, perhaps further scores, and its arrays.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput, StorageError
from storage.foreign import AVERAGES, FINAL, ForeignArrays, ForeignPipeline, ForeignScore, one_column
from storage.form_files import as_dict, named, unfolded, whole
from storage.form_tables import array_of
from storage.records import TaskType

Partition = Literal["train", "val", "test"]

PARTITIONS: tuple[Partition, ...] = ("train", "val", "test")
ARRAYS = ("y_true", "y_pred", "y_proba", "sample_indices")
_PARTITION_NAMES: Mapping[str, Partition] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "oof": "val",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
_ID_NAMES = ("id", "prediction_id")
_BRANCH_NAMES = ("branch_id", "branch_name", "branch_path")
_TITLES = ("model_name", "custom_model_name", "model_classname", "model_class")
_FOLD = re.compile(r"(?:fold[ _-]?)?(\d+)")
_FINALS = frozenset({"final", "refit"})
_NO_FOLD = frozenset({"", "none", "null", "nan", "all"})
_MEANS = {
    "avg": "avg",
    "w_avg": "w_avg",
    "average": "avg",
    "mean": "avg",
    "weighted_avg": "w_avg",
    "weighted_average": "w_avg",
    "wavg": "w_avg",
}
_SCORES = tuple((f"{partition}_score", partition) for partition in PARTITIONS)
_MOST_CODES = 10_000  # of classes; a code beyond is no code
# What of an entry has its own place in the records.
_PLACED = frozenset(
    {
        *ARRAYS,
        *(f"{name}_id" for name in (*ARRAYS, "weights")),
        *(f"{name}_shape" for name in ARRAYS),
        *(f"{name}_score" for name in PARTITIONS),
        *("id", "prediction_id", "fold_id", "partition", "metric", "scores", "task_type", "n_samples", "n_features"),
        *("config_name", "dataset_name", "model_name", "step_idx"),
    }
)
_KEPT = frozenset({"id", "prediction_id", "fold_id", "partition", "n_samples", "weights"})  # for reading the arrays
_Key = tuple[str, str, str]  # fold, partition, metric


@dataclass(frozen=True, slots=True)
class Entry:
    """One prediction entry: what was recorded, and its arrays, read when they are wanted.

    `read` gives lists, arrays or the JSON text of lists by the names in ARRAYS, under `<name>_shape` the shapes of
    those that were stored flat, and perhaps `weights`. It raises StorageError for what can't be read.
    """

    said: Mapping[str, Any]
    read: Callable[[], Mapping[str, Any]]
    id: str = field(init=False)
    fold: str = field(init=False)
    partition: Partition | None = field(init=False)

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "id", str(named(self.said, _ID_NAMES) or ""))
        keep(self, "fold", fold_name(self.said.get("fold_id")))
        keep(self, "partition", _PARTITION_NAMES.get(str(self.said.get("partition") or "").strip().lower()))

    @property
    def config_name(self) -> str:
        path = str(self.said.get("config_path") or "").replace("\\", "/")
        return str(self.said.get("config_name") or posixpath.basename(path))

    @property
    def model(self) -> tuple[int | None, str, str]:
        """Which model of its configuration it is of: the step, the name, the branch."""
        branch = named(self.said, _BRANCH_NAMES)
        return (
            whole(self.said.get("step_idx")),
            str(named(self.said, _TITLES) or ""),
            "" if branch is None else str(branch),
        )

    @property
    def where(self) -> str:
        """Its partition and fold, for people."""
        return f"{self.said.get('partition')} of fold {self.said.get('fold_id')}"


def fold_name(value: Any) -> str:
    """A fold as the records name it: its number as text, `avg`, `w_avg`, `final`, or empty for none."""
    if value is None or value in AVERAGES:
        return value or ""
    number = whole(value)
    if number is not None and number >= 0:
        return str(number)
    text = str(value).strip()
    low = text.lower()
    if low in _NO_FOLD:
        return ""
    if low in _FINALS:
        return FINAL
    match = _FOLD.fullmatch(low)
    return str(int(match[1])) if match is not None else _MEANS.get(low, text)


def task_of(text: Any) -> TaskType | None:
    """The kind of task from what a source calls it, such as multiclass_classification."""
    low = str(text or "").lower()
    return "classification" if "class" in low else "regression" if "regress" in low else None


def class_of(entries: Iterable[Entry], name: str) -> str:
    """The class of a model as its entries tell it; some have what the model is called in that place."""
    told = Counter(str(named(entry.said, ("model_classname", "model_class")) or "") for entry in entries)
    classes = [one for one, _ in told.most_common() if one]
    return next((one for one in classes if one != name), classes[0] if classes else "")


def params_of(entries: Iterable[Entry]) -> dict[str, Any]:
    """The best parameters that a search found."""
    return next((params for entry in entries if (params := as_dict(entry.said.get("best_params")))), {})


def by_times(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Entries of one model by the times it was run: each list has a fold and partition once.

    An entry that stands there twice, the same in everything, counts once.
    """
    times: list[dict[tuple[str, str], Entry]] = []
    for entry in entries:
        place = (entry.fold, str(entry.said.get("partition")))
        same = [one[place] for one in times if place in one]
        if any(one.id == entry.id and one.said == entry.said for one in same):
            continue
        if len(same) == len(times):
            times.append({})
        times[len(same)][place] = entry
    return [list(one.values()) for one in times]


def fill(pipeline: ForeignPipeline, entries: Sequence[Entry]) -> None:
    """Put what the entries of one model tell into its record: ids, task, sizes, scores, arrays, and all the rest."""
    pipeline.original["predictions"] = [
        {"id": one.id, "partition": one.said.get("partition"), "fold": one.said.get("fold_id")} for one in entries
    ]
    pipeline.task_type = next((task for one in entries if (task := task_of(one.said.get("task_type")))), None)
    pipeline.metric = next((str(one.said["metric"]) for one in entries if one.said.get("metric")), "")
    sizes = [(one.partition == "train", whole(one.said.get("n_samples")) or 0) for one in entries]
    pipeline.n_samples = max(sizes, default=(False, 0))[1] or None
    pipeline.n_features = max((whole(one.said.get("n_features")) or 0 for one in entries), default=0) or None
    pipeline.scores, others = _scores(entries)
    kept = [Entry({k: v for k, v in one.said.items() if k in _KEPT}, one.read) for one in entries]
    pipeline.arrays = lambda: _arrays(kept, pipeline)
    pipeline.document |= _rest(entries)
    if others:
        pipeline.document["scores that differ"] = others
    pipeline.problems += [
        f"The prediction {one.id or one.where} is of the partition {one.said.get('partition')!r}, which is none."
        for one in entries
        if one.partition is None
    ]


# ---------------------------------------------------------------- scores


def _scores(entries: Sequence[Entry]) -> tuple[list[ForeignScore], list[dict[str, Any]]]:
    """Each metric of a partition and fold once, and the values that were recorded for it besides.

    An entry has the scores of all partitions of its fold; that of its own partition counts first.
    """
    own: dict[_Key, float] = {}
    told: list[tuple[str, _Key, float]] = []
    for entry in entries:
        partition = entry.partition or str(entry.said.get("partition") or "")
        for metric, of, value in _entry_scores(entry):
            key = (entry.fold, of, metric)
            if of == partition and key not in own:
                own[key] = value
            else:
                told.append((entry.id, key, value))
    others = []
    for entry_id, key, value in told:
        first = own.setdefault(key, value)
        if first != value and (first == first or value == value):
            fold, of, metric = key
            others.append({"id": entry_id, "metric": metric, "partition": of, "fold": fold, "value": value})
    folds = {entry.fold: i for i, entry in reversed(list(enumerate(entries)))}
    place = {str(partition): i for i, partition in enumerate(PARTITIONS)}
    keys = sorted(own, key=lambda key: (folds[key[0]], place.get(key[1], len(place))))
    return [ForeignScore(metric, own[fold, of, metric], of, fold) for fold, of, metric in keys], others


def _entry_scores(entry: Entry) -> Iterator[tuple[str, str, float]]:
    """Metric, partition and value of all scores of an entry."""
    said = entry.said
    metric = str(said.get("metric") or "score")
    for name, partition in _SCORES:
        value = number_of(said.get(name))
        if value is not None:
            yield metric, partition, value
    for key, value in as_dict(said.get("scores")).items():
        if isinstance(value, dict):
            of = str(_PARTITION_NAMES.get(key.lower(), key))
            yield from ((name, of, number) for name, number in _flat(value))
        else:
            yield from ((name, entry.partition or "", number) for name, number in _flat({key: value}))


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{before}{name}_")
        elif (number := number_of(value)) is not None:
            found.append((f"{before}{name}", number))
    return found


def number_of(value: Any) -> float | None:
    """A score from a number, or from the text of one; None for what is none."""
    if type(value) is float:
        return value
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _rest(entries: Sequence[Entry]) -> dict[str, Any]:
    """What else the entries tell: what all say alike once, the rest by entry."""
    told = [
        {key: value for key, value in one.said.items() if key not in _PLACED and value is not None} for one in entries
    ]
    first = told[0] if told else {}
    alike = {key for key, value in first.items() if all(one.get(key) == value for one in told)}
    found: dict[str, Any] = {}
    if alike:
        found["all predictions"] = {key: unfolded(first[key]) for key in first if key in alike}
    if any(len(one) > len(alike) for one in told):
        found["each prediction"] = [{k: unfolded(v) for k, v in one.items() if k not in alike} for one in told]
    return found


# ---------------------------------------------------------------- arrays


def _arrays(entries: Sequence[Entry], pipeline: ForeignPipeline) -> list[ForeignArrays]:
    """The arrays of entries; what can't be read is a problem of the pipeline, once.

    The weights of the folds, where they lie among the arrays, go into its document then.
    """
    found, problems = [], pipeline.problems
    for entry in entries:
        partition = entry.partition
        if partition is None:
            continue
        try:
            told = entry.read()
            block = _block(entry, partition, told)
            weights = array_of(told.get("weights")) if "weights" not in entry.said else None
        except StorageError as error:
            problem = f"The prediction {entry.id} ({entry.where}) can't be read: {error.what}"
            if problem not in problems:
                problems.append(problem)
            continue
        if block is not None:
            found.append(block)
        if weights is not None:
            pipeline.document.setdefault("weights", {})[entry.fold] = weights.tolist()
    texts = any(array.dtype == object for one in found for array in (one.y_true, one.y_pred))
    if not texts and pipeline.task_type != "classification":
        return found
    coded = _coded(found)
    lost = sum(a.probabilities is not None and b.probabilities is None for a, b in zip(found, coded, strict=True))
    problem = f"The probabilities of {lost} predictions are for other classes and are left out."
    if lost and problem not in problems:
        problems.append(problem)
    return coded


def _block(entry: Entry, partition: Partition, told: Mapping[str, Any]) -> ForeignArrays | None:
    """The arrays of one entry as they were stored; None where it has no predictions. Raises BadInput."""
    indices = array_of(told.get("sample_indices"))
    count = whole(entry.said.get("n_samples")) or 0
    size = len(indices) if indices is not None else count
    true, pred, shares = (_shaped(told, name, size) for name in ("y_true", "y_pred", "y_proba"))
    if pred is None:
        if true is None and shares is None:
            return None
        raise BadInput("It has no predicted values.")
    if true is None:
        true = np.full(pred.shape, np.nan)
    if indices is None:
        indices = np.arange(len(pred))
    if not len(indices) == len(true) == len(pred) or (shares is not None and len(shares) != len(pred)):
        raise BadInput(f"Its arrays are of {len(indices)}, {len(true)} and {len(pred)} samples.")
    return ForeignArrays(partition, entry.fold, _whole_numbers(indices), true, pred, probabilities=shares)


def _shaped(told: Mapping[str, Any], name: str, size: int) -> NDArray[Any] | None:
    """An array in its shape, (n,) or (n, columns); one that was stored flat is folded by its shape or the samples."""
    array = array_of(told.get(name))
    if array is None:
        return None
    shape = array_of(told.get(f"{name}_shape"))
    sizes = [whole(one) or 0 for one in shape.reshape(-1)] if shape is not None else []
    if array.ndim == 1 and len(sizes) in (1, 2) and math.prod(sizes) == array.size and min(sizes) > 0:
        array = array.reshape(sizes)
    elif array.ndim == 1 and size and array.size > size and array.size % size == 0:
        array = array.reshape(size, -1)
    if array.ndim > 2:
        array = array.reshape(len(array), -1)
    if array.dtype == object:
        return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return one_column(array)


def _whole_numbers(indices: NDArray[Any]) -> NDArray[np.int64]:
    """Sample indices, which some forms have as floating-point numbers. Raises BadInput for what is none."""
    flat = indices.reshape(-1)
    try:
        numbers = flat.astype(np.float64)
        found = numbers.astype(np.int64) if np.isfinite(numbers).all() else None
    except (TypeError, ValueError):
        found = None
    if found is None or not np.array_equal(found, numbers):
        raise BadInput("Its sample indices are no whole numbers.")
    return found


def _coded(blocks: Sequence[ForeignArrays]) -> list[ForeignArrays]:
    """Blocks with classes as codes into labels, which are the same for all.

    Whole numbers from 0 on are codes already, and called by their texts; other values become labels themselves.
    """
    values = [array.reshape(-1) for one in blocks for array in (one.y_true, one.y_pred)]
    texts = any(array.dtype == object for array in values)
    columns = {
        one.probabilities.shape[1] for one in blocks if one.probabilities is not None and one.probabilities.ndim == 2
    }
    wide = max(columns, default=0)
    if texts:
        labels = sorted({_label(value) for array in values for value in array})
    else:
        unique = np.unique(np.concatenate([array.astype(np.float64) for array in values])) if values else np.empty(0)
        if not len(unique) or _are_codes(unique, wide):
            highest = int(unique[-1]) if len(unique) else -1
            return [_told(one, [str(i) for i in range(max(highest + 1, wide))]) for one in blocks]
        labels = [_label(value) for value in unique]
    codes = {label: code for code, label in enumerate(labels)}

    def coded(array: NDArray[Any]) -> NDArray[np.float64]:
        return np.array([codes[_label(value)] for value in array.reshape(-1)], np.float64).reshape(array.shape)

    return [_told(replace(one, y_true=coded(one.y_true), y_pred=coded(one.y_pred)), labels) for one in blocks]


def _are_codes(unique: NDArray[np.float64], wide: int) -> bool:
    """Whether values can be codes: whole, from 0 on, and not others where the probabilities are for just as many."""
    whole_ones = np.isfinite(unique).all() and unique[0] >= 0 and bool((unique == np.floor(unique)).all())
    return bool(whole_ones) and unique[-1] < _MOST_CODES and not (wide == len(unique) and unique[-1] >= wide)


def _label(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def _told(block: ForeignArrays, labels: list[str]) -> ForeignArrays:
    """A block with its labels; probabilities of one class of two get those of the other, of other classes are none."""
    shares = block.probabilities
    if shares is not None:
        shares = shares.reshape(len(shares), -1)
        if shares.shape[1] == 1 and len(labels) == 2:
            shares = np.column_stack([1.0 - shares[:, 0], shares[:, 0]])
        elif shares.shape[1] != len(labels):
            shares = None
    return replace(block, labels=labels, probabilities=shares)
