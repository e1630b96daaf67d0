"""Every stored prediction of a pipeline as a row: sample, partition, fold, measured, predicted. Plain numpy, no Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from storage import PredictionArrays

PARTITIONS = ("train", "val", "test")
PREFERRED = (1, 2, 0)  # of the rows of one sample: the cross-validated first, then test, then train
Numbers = NDArray[Any]


def _nothing() -> Numbers:
    return np.empty(0)


@dataclass(frozen=True)
class SampleRows:
    """All predictions of a pipeline, n of them, in columns of one length; a sample may have a row in each partition.

    `partitions` are places in PARTITIONS, `folds` NaN where there are none, `samples` row numbers in the data;
    `truth` and `predicted` are (n, targets), for classes (n, 1) codes into `labels`; `probabilities` (n, classes).
    `name_ranks` say how the names sort, numbers within them by their value.
    """

    partitions: Numbers = field(default_factory=_nothing)
    folds: Numbers = field(default_factory=_nothing)
    samples: Numbers = field(default_factory=_nothing)
    names: list[str] = field(default_factory=list)
    truth: Numbers = field(default_factory=lambda: np.empty((0, 1)))
    predicted: Numbers = field(default_factory=lambda: np.empty((0, 1)))
    labels: list[str] = field(default_factory=list)
    probabilities: Numbers | None = None
    name_ranks: Numbers = field(default_factory=_nothing)

    def __len__(self) -> int:
        return len(self.samples)

    def of_sample(self, sample: int) -> Numbers:
        """Return the rows of a sample, the cross-validated first, then test, then train."""
        found = np.flatnonzero(self.samples == sample)
        order = {place: rank for rank, place in enumerate(PREFERRED)}
        return np.asarray(sorted(found.tolist(), key=lambda row: order[int(self.partitions[row])]), dtype=int)

    def of_partition(self, partition: str) -> Numbers:
        """Return the rows of a partition where measured and predicted are numbers."""
        sound = np.isfinite(self.truth).all(axis=1) & np.isfinite(self.predicted).all(axis=1)
        return np.flatnonzero((self.partitions == PARTITIONS.index(partition)) & sound)

    def partition(self, row: int) -> str:
        """Return the partition of a row."""
        return PARTITIONS[int(self.partitions[row])]

    def label(self, code: float) -> str:
        """Return the name of a class; empty for one that is not known."""
        return self.labels[int(code)] if np.isfinite(code) and 0 <= int(code) < len(self.labels) else ""

    def certainty(self) -> Numbers | None:
        """Return the probability of the predicted class in each row, NaN where it is not known."""
        if self.probabilities is None:
            return None
        codes = self.predicted[:, 0]
        sound = np.isfinite(codes) & (codes >= 0) & (codes < self.probabilities.shape[1])
        safe = np.where(sound, codes, 0).astype(int)
        return np.where(sound, self.probabilities[np.arange(len(self)), safe], np.nan)


def sample_rows(arrays: Sequence[PredictionArrays], names: Mapping[int, str]) -> SampleRows:
    """Gather the arrays of a pipeline into rows, partition by partition; `names` are sample names by row number."""
    blocks = [block for name in PARTITIONS for block in arrays if block.partition == name and len(block.y_true)]
    if not blocks:
        return SampleRows()
    sizes = [len(block.y_true) for block in blocks]
    samples = np.concatenate([np.asarray(block.sample_indices) for block in blocks])
    shares = [block.probabilities for block in blocks if block.probabilities is not None]
    called = [names.get(int(sample), f"row {int(sample) + 1}") for sample in samples]
    return SampleRows(
        np.repeat([PARTITIONS.index(block.partition) for block in blocks], sizes).astype(np.int8),
        np.repeat([np.nan if block.fold_id is None else float(block.fold_id) for block in blocks], sizes),
        samples,
        called,
        np.concatenate([columns_of(block.y_true) for block in blocks]),
        np.concatenate([columns_of(block.y_pred) for block in blocks]),
        list(blocks[0].labels),
        np.concatenate(shares) if len(shares) == len(blocks) else None,
        _ranks(called) if names else np.asarray(samples, dtype=np.int64),
    )


def columns_of(values: Any) -> Numbers:
    """Return values as floats in columns, one a target."""
    values = np.asarray(values, dtype=float)
    return np.asarray(values.reshape(len(values), -1))


def _ranks(names: Sequence[str]) -> Numbers:
    """Say for each name which place it has in their order; numbers in names count as numbers."""
    order = {name: rank for rank, name in enumerate(sorted(set(names), key=_natural))}
    return np.fromiter((order[name] for name in names), dtype=np.int64, count=len(names))


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part]
