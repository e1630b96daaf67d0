"""Samples that are stored with a pipeline: a few rows of its data, and what it predicted for them when it was trained.

By them a model that is loaded later, elsewhere, with other versions, shows whether it still predicts the same; also
where the data are gone.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from storage.datasets import Dataset
from storage.errors import Corrupt
from storage.reading import read_pieces
from storage.records import SamplesRecord

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays

MOST = 16
_MOST_BYTES = 2 * 1024 * 1024
_SAME = 1e-9  # of the largest prediction: what other libraries make of the same arithmetic
Outcome = Literal["reproduces", "differs", "not compared"]


@dataclass(frozen=True)
class Verdict:
    """What came of predicting stored samples again. `largest` is the largest difference, in `units` of the target."""

    outcome: Outcome
    text: str
    largest: float | None = None
    units: str = ""
    samples: int = 0

    def __str__(self) -> str:
        return self.text


def choose_rows(dataset: Dataset) -> NDArray[np.int64]:
    """The numbers of at most 16 samples, half of them for testing where there are such, spread over the data."""
    most = max(1, min(MOST, _MOST_BYTES // max(1, dataset.X.shape[1] * dataset.X.itemsize)))
    test = _spread(dataset.test_rows, most // 2)
    return np.sort(np.concatenate([_spread(dataset.train_rows, most - len(test)), test]))


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)] if most else rows[:0]


def with_predictions(
    stored: SamplesRecord, rows: NDArray[np.int64], arrays: Sequence[PredictionArrays]
) -> SamplesRecord:
    """The record of one pipeline: the stored samples with what its final model predicted, as `training` returns it."""
    final = [one for one in arrays if one.partition in ("train", "test")]
    place = {
        int(one.sample_indices[i]): (one, i) for one in final for i in np.flatnonzero(np.isin(one.sample_indices, rows))
    }
    found = [place[int(row)] for row in rows]
    update: dict[str, Any] = {"rows": rows.tolist()}
    classes = final[0].labels
    if classes:
        update |= {"classes": list(classes), "labels": [classes[int(one.y_pred[i])] for one, i in found]}
        if all(one.probabilities is not None for one in final):
            update["probabilities"] = [
                one.probabilities[i].tolist() for one, i in found if one.probabilities is not None
            ]
    else:
        update["predicted"] = [one.y_pred[i].tolist() for one, i in found]
    return stored.model_copy(update=update)


def read_samples(path: Path, record: SamplesRecord) -> NDArray[np.float64]:
    """The rows that are stored, verified; nothing is unpickled. Raises NotFound, Corrupt."""
    data = b"".join(read_pieces(path, "stored samples"))
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise Corrupt(f"The samples {path.name} are not what was stored.", path, "Run: runshelf check --deep.")
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, SyntaxError) as error:
        raise Corrupt(f"The samples {path.name} can't be read: {error}.", path, "Use another copy.") from error
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "fiu":
        raise Corrupt(f"The samples {path.name} are no table of numbers.", path, "Use another copy.")
    return found


def compare(model: Any, samples: SamplesRecord, X: NDArray[np.float64], units: str = "") -> Verdict:
    """Predict stored samples again and say whether that gives what it gave. X is (samples, features)."""
    import numpy as np

    now = np.asarray(model.predict(X))
    if samples.labels:
        return _compare_labels(model, samples, X, [str(label) for label in now])
    was = np.asarray(samples.predicted, dtype=np.float64)
    now = np.asarray(now, dtype=np.float64).reshape(was.shape)
    return _compare_numbers(now, was, units)


def _compare_numbers(now: Any, was: Any, units: str) -> Verdict:
    import numpy as np

    largest = float(np.abs(now - was).max(initial=0.0))
    scale = float(np.abs(was).max(initial=0.0))
    count = len(was)
    if largest == 0:
        return Verdict(
            "reproduces", f"Reproduces: {count} stored samples are predicted exactly as before.", 0.0, units, count
        )
    if largest <= _SAME * scale:
        text = f"Reproduces: {count} stored samples are predicted as before, to the last digits ({largest:.1g})."
        return Verdict("reproduces", text, largest, units, count)
    shown = f"{largest:.3g}" + (f" {units}" if units else "")
    return Verdict("differs", f"Differs by up to {shown} on {count} stored samples.", largest, units, count)


def _compare_labels(model: Any, samples: SamplesRecord, X: Any, now: list[str]) -> Verdict:
    import numpy as np

    was = [str(label) for label in samples.labels]
    count = len(was)
    if wrong := sum(a != b for a, b in zip(now, was, strict=True)):
        return Verdict(
            "differs", f"Differs: {wrong:,} of {count:,} stored samples get another class.", float(wrong), "", count
        )
    if samples.probabilities and hasattr(model, "predict_proba"):
        known = [str(one) for one in model.classes_]
        shares = np.asarray(samples.probabilities)[:, [samples.classes.index(one) for one in known]]
        largest = float(np.abs(model.predict_proba(X) - shares).max(initial=0.0))
        if largest > _SAME:
            text = f"{count} stored samples get the same classes, but the probabilities differ by {largest:.3g}."
            return Verdict("differs", text, largest, "", count)
    return Verdict("reproduces", f"Reproduces: {count} stored samples get the same classes as before.", 0.0, "", count)
