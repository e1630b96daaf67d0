"""Predictions of one pipeline: as a table (predictions.csv), as arrays, and as rows of the catalog.

The table has sample_id, partition, fold, y_true, y_pred, sample_index and, for classes, one `p_<label>` column each.
For several targets y_true and y_pred become `y_true_<target>` and `y_pred_<target>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

_PROBABILITY = "p_"


@dataclass(frozen=True)
class PredictionArrays:
    """The predictions of one partition, or of one fold of it.

    sample_indices (n,) are row numbers in the data file; y_true and y_pred are (n,) or (n, targets); for
    classification they are codes into `labels`, and probabilities is (n, classes) or None.
    """

    partition: str
    fold_id: int | None
    sample_indices: NDArray[np.int64]
    y_true: NDArray[np.float64]
    y_pred: NDArray[np.float64]
    labels: list[str] = field(default_factory=list)
    probabilities: NDArray[np.float64] | None = None


def to_frame(blocks: Sequence[PredictionArrays], sample_ids: Sequence[str], targets: Sequence[str]) -> pd.DataFrame:
    """The table of predictions.csv from arrays; `sample_ids` are indexed by sample_indices."""
    import pandas as pd

    sizes = [len(block.sample_indices) for block in blocks]
    index = np.concatenate([block.sample_indices for block in blocks])
    folds = [block.fold_id for block in blocks]
    columns: dict[str, Any] = {
        "sample_id": [sample_ids[i] for i in index],
        "partition": np.repeat([block.partition for block in blocks], sizes),
        "fold": np.repeat(np.array(["" if fold is None else str(fold) for fold in folds], dtype=object), sizes),
    }
    labels = blocks[0].labels
    for kind in ("y_true", "y_pred"):
        values = np.concatenate([getattr(block, kind) for block in blocks])
        if labels:
            columns[kind] = np.asarray(labels, dtype=object)[values.astype(int)]
        elif values.ndim == 1:
            columns[kind] = values
        else:
            columns.update({f"{kind}_{target}": values[:, i] for i, target in enumerate(targets)})
    columns["sample_index"] = index
    shares = [block.probabilities for block in blocks if block.probabilities is not None]
    if labels and len(shares) == len(blocks):
        columns.update({f"{_PROBABILITY}{label}": np.concatenate(shares)[:, i] for i, label in enumerate(labels)})
    return pd.DataFrame(columns)


def from_frame(table: pd.DataFrame, classes: bool | None = None) -> list[PredictionArrays]:
    """Read the table back into arrays, one per partition and fold; the inverse of `to_frame`.

    `classes` says whether y holds labels; left out, text is taken for labels. Missing columns are filled in:
    partition "test", no fold, row numbers. Raises BadInput when y_true or y_pred is missing.
    """
    import pandas as pd

    true_columns = [c for c in table.columns if c == "y_true" or str(c).startswith("y_true_")]
    pred_columns = [f"y_pred{c.removeprefix('y_true')}" for c in true_columns]
    if not true_columns or not set(pred_columns) <= set(table.columns):
        raise BadInput("Predictions need the columns y_true and y_pred.", advice="Rename the columns of the table.")
    if classes is None:
        classes = table[true_columns[0]].dtype.kind not in "fiu"
    labels = _labels(table, true_columns[0], pred_columns[0]) if classes else []
    probability_columns = [f"{_PROBABILITY}{label}" for label in labels]
    with_probabilities = bool(labels) and all(column in table for column in probability_columns)
    index = table["sample_index"].to_numpy(np.int64) if "sample_index" in table else np.arange(len(table))
    partition = table["partition"].to_numpy(str) if "partition" in table else np.full(len(table), "test")
    fold = pd.to_numeric(table["fold"]).to_numpy(float) if "fold" in table else np.full(len(table), np.nan)
    blocks = []
    for name, number in dict.fromkeys(zip(partition, [None if f != f else int(f) for f in fold], strict=True)):
        rows = (partition == name) & (np.isnan(fold) if number is None else fold == number)
        blocks.append(
            PredictionArrays(
                str(name),
                number,
                index[rows],
                _values(table, true_columns, rows, labels),
                _values(table, pred_columns, rows, labels),
                labels,
                table.loc[rows, probability_columns].to_numpy(np.float64) if with_probabilities else None,
            )
        )
    return blocks


def _labels(table: pd.DataFrame, true_column: str, pred_column: str) -> list[str]:
    given = [c.removeprefix(_PROBABILITY) for c in table.columns if str(c).startswith(_PROBABILITY)]
    found = {str(v) for column in (true_column, pred_column) for v in table[column]}
    return given if found <= set(given) else sorted(found)


def _values(table: pd.DataFrame, columns: list[Any], rows: NDArray[np.bool_], labels: list[str]) -> NDArray[np.float64]:
    if labels:
        codes = {label: float(code) for code, label in enumerate(labels)}
        return np.array([codes[str(value)] for value in table.loc[rows, columns[0]]])
    values = table.loc[rows, columns].to_numpy(np.float64)
    return values[:, 0] if len(columns) == 1 else values


def to_rows(prediction_id: str, blocks: Iterable[PredictionArrays]) -> list[dict[str, Any]]:
    """Rows of the catalog's data set; matrices are flattened by row, `n_targets` and `labels` give their width."""
    return [
        {
            "prediction_id": prediction_id,
            "partition": block.partition,
            "fold_id": block.fold_id,
            "n_targets": 1 if block.y_true.ndim == 1 else block.y_true.shape[1],
            "sample_indices": block.sample_indices,
            "y_true": block.y_true.ravel(),
            "y_pred": block.y_pred.ravel(),
            "labels": block.labels,
            "probabilities": None if block.probabilities is None else block.probabilities.ravel(),
        }
        for block in blocks
    ]


def from_row(row: Mapping[str, Any]) -> PredictionArrays:
    """Read one row of the catalog's data set back into arrays."""
    n_targets = row.get("n_targets") or 1
    labels = list(row.get("labels") or [])
    probabilities = row.get("probabilities")

    def shaped(values: Any) -> NDArray[np.float64]:
        array = np.asarray(values if values is not None else [], dtype=np.float64)
        return array if n_targets == 1 else array.reshape(-1, n_targets)

    fold = row.get("fold_id")
    return PredictionArrays(
        partition=str(row["partition"]),
        fold_id=None if fold is None else int(fold),
        sample_indices=np.asarray(row["sample_indices"], dtype=np.int64),
        y_true=shaped(row["y_true"]),
        y_pred=shaped(row["y_pred"]),
        labels=labels,
        probabilities=None
        if probabilities is None or len(probabilities) == 0
        else np.asarray(probabilities, dtype=np.float64).reshape(-1, len(labels)),
    )
