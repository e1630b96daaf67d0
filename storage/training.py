"""Training one pipeline: cross-validate, fit, predict, score. Pure computation; nothing here touches the disk.

For each pipeline: k-fold predictions of the training samples (partition "val"), then one fit on all training samples,
which gives the "train" and "test" predictions and is the model that is kept.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.datasets import Dataset
from storage.errors import BadInput
from storage.estimators import build_splitter
from storage.predictions import PredictionArrays
from storage.scores import classification_metrics, regression_metrics
from storage.version import VERSION

_PACKAGES = ("scikit-learn", "numpy", "scipy", "pandas", "chemotools", "joblib")

MAX_FOLDS = 10_000
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline with its predictions and metrics; `fit_seconds` is the time of all fits, pauses left out."""

    model: Any
    arrays: list[PredictionArrays]
    metrics: dict[str, Any]
    fit_seconds: float


def train(estimator: Any, folds: Sequence[Fold], dataset: Dataset, check: Callable[[], None]) -> Trained:
    """Train a `sklearn.pipeline.Pipeline`; `check` is called between fits; it may wait, or raise Cancelled.

    Whatever the estimator raises is passed on.
    """
    from sklearn.base import clone

    y = np.asarray(dataset.labels)[dataset.y] if dataset.labels else dataset.y
    arrays: list[PredictionArrays] = []
    fit_seconds = 0.0
    for number, (rows, held_out) in enumerate(folds):
        check()
        start = time.perf_counter()
        model = clone(estimator).fit(dataset.X[rows], y[rows])
        arrays.append(_predict(model, dataset, "val", held_out, number))
        fit_seconds += time.perf_counter() - start
    check()
    start = time.perf_counter()
    model = estimator.fit(dataset.X[dataset.train_rows], y[dataset.train_rows])
    fit_seconds += time.perf_counter() - start
    arrays.append(_predict(model, dataset, "train", dataset.train_rows))
    if len(dataset.test_rows):
        arrays.append(_predict(model, dataset, "test", dataset.test_rows))
    return Trained(model, arrays, score(arrays), fit_seconds)


def make_folds(cv: Any, dataset: Dataset, seed: int, allowed: Sequence[str]) -> list[Fold]:
    """The folds of the training samples as row numbers of the dataset; none for no cross-validation.

    Raises BadInput where the samples can't be divided so.
    """
    splitter = build_splitter(cv, dataset.task_type, seed, allowed)
    if splitter is None:
        return []
    rows = dataset.train_rows
    try:
        divided = itertools.islice(splitter.split(dataset.X[rows], dataset.y[rows]), MAX_FOLDS + 1)
        folds = [(rows[a], rows[b]) for a, b in divided]
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"The {len(rows)} training samples can't be cross-validated: {error}",
            advice="Use fewer folds (cv: n_splits).",
        ) from error
    if len(folds) > MAX_FOLDS:
        raise BadInput(f"The cross-validation makes more than {MAX_FOLDS:,} folds.", advice="Use fewer.")
    return folds


def _predict(
    model: Any, dataset: Dataset, partition: str, rows: NDArray[np.int64], fold: int | None = None
) -> PredictionArrays:
    X = dataset.X[rows]
    true = dataset.y[rows].astype(np.float64)
    pred = _known(model.predict(X), "predicts values")
    labels, probabilities = dataset.labels, None
    if labels:
        place = {label: float(code) for code, label in enumerate(labels)}
        pred = np.array([place[str(value)] for value in pred])
        if hasattr(model, "predict_proba"):
            probabilities = np.zeros((len(rows), len(labels)))
            shares = _numbers(_known(model.predict_proba(X), "gives probabilities"), "gives probabilities")
            probabilities[:, [int(place[str(c)]) for c in model.classes_]] = shares
    else:
        pred = _numbers(pred, "predicts values")
        if not np.isfinite(pred).all():
            raise ValueError("the model predicts values that are no numbers")
    return PredictionArrays(partition, fold, rows, true, pred.reshape(true.shape), labels, probabilities)


def _known(found: Any, what: str) -> NDArray[Any]:
    """What a model returned as an array. Raises ValueError where something is missing: an array would forget that."""
    if np.ma.is_masked(found):
        raise ValueError(f"the model {what} that are missing: they are masked")
    return np.asarray(found)


def _numbers(found: NDArray[Any], what: str) -> NDArray[np.float64]:
    """Numbers as everything after this takes them, True as 1. Raises ValueError for what is none."""
    if found.dtype.kind not in "biuf":
        raise ValueError(f"the model {what} that are no numbers")
    return found.astype(np.float64)


def score(arrays: Sequence[PredictionArrays]) -> dict[str, Any]:
    """metrics.json: by partition, and per fold with mean and sample standard deviation (n - 1)."""
    import sklearn

    with sklearn.config_context(skip_parameter_validation=True):
        by_partition = {
            name: _scores([a for a in arrays if a.partition == name])
            for name in ("train", "val", "test")
            if any(a.partition == name for a in arrays)
        }
        folds = [{"fold": a.fold_id, **_scores([a], fold=True)} for a in arrays if a.partition == "val"]
    return {**by_partition, **({"cross_validation": over_folds(folds)} if folds else {})}


def _scores(arrays: Sequence[PredictionArrays], fold: bool = False) -> dict[str, Any]:
    """Metrics of some blocks taken together, or of a single fold."""
    true = np.concatenate([a.y_true for a in arrays])
    pred = np.concatenate([a.y_pred for a in arrays])
    if not arrays[0].labels:
        found = regression_metrics(true, pred)
    else:
        shares = [a.probabilities for a in arrays if a.probabilities is not None]
        probabilities = np.concatenate(shares) if len(shares) == len(arrays) else None
        classes = len(arrays[0].labels)
        found = classification_metrics(true.astype(int), pred.astype(int), classes, probabilities, brief=fold)
    return {**found, "samples": len(true)}


def over_folds(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """The section cross_validation of metrics.json: what all folds have, with mean and spread, and each fold."""
    names = [n for n in folds[0] if n not in ("fold", "samples") and all(n in fold for fold in folds)]
    values = {name: np.array([fold[name] for fold in folds]) for name in names}
    spread = {f"std_{n}": float(v.std(ddof=1)) for n, v in values.items()} if len(folds) > 1 else {}
    means = {f"mean_{name}": float(value.mean()) for name, value in values.items()}
    return {"folds": len(folds), **means, **spread, "fold_results": folds}


def environment(seed: int) -> dict[str, Any]:
    """What a result depends on beside data and configuration: versions, machine, seed."""
    found = {"python": platform.python_version(), "platform": platform.platform(), "runshelf": VERSION, "seed": seed}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def shared_cores(jobs: int) -> Iterator[None]:
    """Share the cores between the jobs instead of letting each of them use all."""
    from threadpoolctl import threadpool_limits

    if jobs == 1:
        yield
        return
    with threadpool_limits(limits=max(1, (os.cpu_count() or 1) // jobs)):
        yield
