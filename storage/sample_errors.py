"""Which samples go wrong, and with which pipelines: residuals of several pipelines side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from storage.errors import Conflict, NotFound, StorageError
from storage.metrics import PARTITIONS
from storage.predictions import PredictionArrays, telling

if TYPE_CHECKING:
    from storage.catalog import Catalog

OUTLYING_SDS = 3.0
EVERYWHERE = 0.8  # the share of pipelines in which a sample is an outlier "everywhere"
_MAD_TO_SD = 1.4826  # of a normal distribution
_FEWEST = 2


@dataclass(frozen=True)
class SampleErrors:
    """Errors by sample (rows) and pipeline (columns), with the samples that are outliers everywhere.

    `values` (samples, pipelines) are residuals, predicted minus measured, or for `classes` 1 where the class was wrong
    and 0 where it was right; the mean where a sample was predicted several times, NaN where it never was. `samples` are
    row numbers of the data file, `truth` what was measured (codes into `labels` for classes). `problems` says of which
    pipelines nothing is shown, and why; `targets` counts the targets there are.
    """

    prediction_ids: tuple[str, ...]
    names: tuple[str, ...]
    partition: str
    dataset_name: str
    classes: bool
    samples: NDArray[np.int64]
    sample_names: list[str]
    truth: NDArray[np.float64]
    values: NDArray[np.float64]
    share_outlying: NDArray[np.float64]
    outliers: NDArray[np.bool_]
    labels: list[str] = field(default_factory=list)
    partitions: tuple[str, ...] = ()
    targets: int = 1
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    samples: NDArray[np.int64]
    truth: NDArray[np.float64]
    errors: NDArray[np.float64]


def sample_errors(
    catalog: Catalog,
    names_of: Callable[[str], Mapping[int, str]],
    prediction_ids: Sequence[str],
    partition: str = "val",
    target: int = 0,
) -> SampleErrors:
    """Gather the errors of some pipelines on the samples of the first one's dataset; see `SampleErrors`.

    `names_of` gives the names of samples as a pipeline's own file tells them. A pipeline whose arrays can't be read, or
    that was trained on other data, has a column of NaN and a sentence in `problems`.
    """
    ids = list(dict.fromkeys(prediction_ids))
    rows = [catalog.get(one) for one in ids]
    dataset = str(rows[0]["dataset_name"]) if rows else ""
    columns: dict[str, _Column] = {}
    labels: list[str] = []
    problems: dict[str, str] = {}
    partitions: set[str] = set()
    targets = 1
    for one, row in zip(ids, rows, strict=True):
        try:
            arrays = telling(catalog.arrays(one))
            partitions |= {a.partition for a in arrays}
            targets = max([targets, *(a.y_true.shape[1] for a in arrays if a.y_true.ndim > 1)])
            columns[one], own = _column(arrays, partition, target, str(row["dataset_name"]), dataset)
            if len(columns) > 1 and own != labels:
                columns.pop(one)
                raise Conflict("It was trained on other classes.")
            labels = own
        except StorageError as error:
            problems[one] = error.what
    problems |= _drop_strangers(columns)
    names = _sample_names(list(columns), names_of)
    called = tuple(str(row["pipeline_name"] or row["pipeline_id"]) for row in rows)
    there = tuple(name for name in PARTITIONS if name in partitions)
    return _gathered(ids, called, partition, dataset, labels, columns, names, there, targets, problems)


def outlying(values: NDArray[np.float64], classes: bool) -> NDArray[np.bool_]:
    """Which errors (samples, pipelines) stand out from the others of their pipeline.

    A residual does that is more than three robust standard deviations from the pipeline's median residual, robust
    meaning 1.4826 times the median absolute deviation (P. J. Rousseeuw, C. Croux, "Alternatives to the Median Absolute
    Deviation", Journal of the American Statistical Association 88, 1993). For classes: the class was wrong more often
    than right.
    """
    if classes:
        return np.asarray(values > 0.5)
    found = np.zeros(values.shape, dtype=bool)
    for column in range(values.shape[1]):
        own = values[:, column]
        here = np.isfinite(own)
        if here.any():
            distance = np.abs(own - np.median(own[here]))
            spread = _MAD_TO_SD * np.median(distance[here])
            if spread > 0:
                found[here, column] = distance[here] > OUTLYING_SDS * spread
    return found


def _column(
    arrays: Sequence[PredictionArrays], partition: str, target: int, dataset: str, wanted: str
) -> tuple[_Column, list[str]]:
    if dataset != wanted:
        raise Conflict(f"It was trained on {dataset}, not on {wanted}.")
    blocks = [block for block in arrays if block.partition == partition and len(block.sample_indices)]
    if not blocks:
        raise NotFound(f"It has no {partition} predictions.")
    samples = np.concatenate([block.sample_indices for block in blocks])
    truth = np.concatenate([_one_target(block.y_true, target) for block in blocks])
    predicted = np.concatenate([_one_target(block.y_pred, target) for block in blocks])
    labels = list(blocks[0].labels)
    errors = (predicted != truth).astype(np.float64) if labels else predicted - truth
    once, place = np.unique(samples, return_inverse=True)
    counts = np.bincount(place)
    mean = np.bincount(place, errors) / counts
    return _Column(once, np.bincount(place, truth) / counts, mean), labels


def _one_target(values: NDArray[np.float64], target: int) -> NDArray[np.float64]:
    if values.ndim == 1:
        return values
    if target >= values.shape[1]:
        raise NotFound(f"It has {values.shape[1]} targets.")
    return np.asarray(values[:, target])


def _drop_strangers(columns: dict[str, _Column]) -> dict[str, str]:
    """Take away pipelines whose samples have other measured values than the first one's: rows of other data."""
    strangers: dict[str, str] = {}
    first = next(iter(columns.values()), None)
    for one, column in list(columns.items()):
        assert first is not None
        _, own, theirs = np.intersect1d(column.samples, first.samples, return_indices=True)
        if not np.allclose(column.truth[own], first.truth[theirs], rtol=1e-9, atol=1e-12, equal_nan=True):
            strangers[one] = "It was trained on other measured values."
            columns.pop(one)
    return strangers


def _sample_names(ids: Sequence[str], names_of: Callable[[str], Mapping[int, str]]) -> Mapping[int, str]:
    """The names of samples from the first pipeline that still has its file."""
    return next((names for names in map(names_of, ids) if names), {})


def _gathered(
    ids: Sequence[str],
    called: tuple[str, ...],
    partition: str,
    dataset: str,
    labels: list[str],
    columns: Mapping[str, _Column],
    names: Mapping[int, str],
    partitions: tuple[str, ...],
    targets: int,
    problems: Mapping[str, str],
) -> SampleErrors:
    samples = np.unique(np.concatenate([c.samples for c in columns.values()] or [np.zeros(0, np.int64)]))
    values = np.full((len(samples), len(ids)), np.nan)
    truth = np.full(len(samples), np.nan)
    for number, one in enumerate(ids):
        if one in columns:
            place = np.searchsorted(samples, columns[one].samples)
            values[place, number] = columns[one].errors
            truth[place] = columns[one].truth
    predicted = np.isfinite(values).sum(axis=1)
    share = outlying(values, bool(labels)).sum(axis=1) / np.maximum(predicted, 1)
    everywhere = (share >= EVERYWHERE) & (predicted >= min(_FEWEST, max(1, len(columns))))
    named = [names.get(int(sample), f"row {int(sample) + 1}") for sample in samples]
    return SampleErrors(
        tuple(ids), called, partition, dataset, bool(labels), samples, named, truth, values, share, everywhere,
        labels, partitions, targets, problems,
    )  # fmt: skip
