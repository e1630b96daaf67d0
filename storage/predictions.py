"""Predictions of one pipeline: as a table (predictions.csv), as arrays, and as rows of the catalog.

The table has sample_id, partition, fold, y_true, y_pred, sample_index and, for classes, one `p_<label>` column each.
For several targets y_true and y_pred become `y_true_<target>` and `y_pred_<target>`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

_PROBABILITY = "p_"
_SMALL_BYTES = 256 * 1024  # a file up to this size is read quicker without pandas, if it is as Runshelf writes it
_LARGEST_FOLD = 2**31


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


def telling(blocks: Sequence[PredictionArrays]) -> list[PredictionArrays]:
    """The predictions that tell how good a pipeline is: of train and test those of the model that is kept.

    Where the models of the folds predicted train and test, too, their predictions count only if there are no others.
    """
    whole = {block.partition for block in blocks if block.fold_id is None}
    return [one for one in blocks if one.fold_id is None or one.partition == "val" or one.partition not in whole]


def to_frame(
    blocks: Sequence[PredictionArrays], sample_ids: Sequence[str] | Mapping[int, str], targets: Sequence[str]
) -> pd.DataFrame:
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
    partition "test", no fold, row numbers. Raises BadInput when y_true or y_pred is missing, ValueError for values that
    are of another kind.
    """
    import pandas as pd

    names = [str(name) for name in table.columns]
    true, pred = _value_columns(names)
    if classes is None:
        classes = table[true[0]].dtype.kind not in "fiu"
    columns = {name: table[name].to_numpy(object if classes else np.float64) for name in (*true, *pred)}
    if "sample_index" in names and table["sample_index"].isna().any():
        raise ValueError("a row has no sample_index")  # as a whole number it would be some other sample
    kinds: dict[str, Any] = {"sample_index": np.int64, "partition": str}
    kinds |= {name: np.float64 for name in names if classes and name.startswith(_PROBABILITY)}
    columns |= {name: table[name].to_numpy(kind) for name, kind in kinds.items() if name in names}
    if "fold" in names:
        columns["fold"] = pd.to_numeric(table["fold"]).to_numpy(float)
        if (np.abs(columns["fold"]) > _LARGEST_FOLD).any():
            raise ValueError("a fold is too large a number")
    return _blocks(columns, len(table), classes)


def as_written(table: pd.DataFrame, classes: bool | None) -> tuple[bytes, list[PredictionArrays]]:
    """A table as the content of predictions.csv, and its arrays. Raises as `from_frame`, or where the two differ."""
    arrays, content = from_frame(table, classes), table.to_csv(index=False).encode()
    if wrong := differ(arrays, _read(content, classes)):
        raise ValueError(f"written as text the table {wrong}")
    return content, arrays


def read_csv(path: Path, classes: bool | None = None) -> list[PredictionArrays]:
    """Read predictions.csv; see `from_frame`. Raises ValueError or BadInput for what is no such table."""
    return _read(path if path.stat().st_size > _SMALL_BYTES else path.read_bytes(), classes)


def _read(source: Path | bytes, classes: bool | None) -> list[PredictionArrays]:
    try:
        found = _read_plainly(source, classes) if isinstance(source, bytes) else None
    except OverflowError as error:  # a fold or a row number that is no such thing
        raise ValueError(str(error)) from error
    if found is not None:
        return found
    import pandas as pd

    text = {c: str for c in ("sample_id", "partition")} | ({"y_true": str, "y_pred": str} if classes else {})
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        return from_frame(pd.read_csv(file, dtype=text, keep_default_na=not classes), classes)
    except (KeyError, TypeError, OverflowError, pd.errors.ParserError) as error:
        raise ValueError(str(error)) from error


def _read_plainly(content: bytes, classes: bool | None) -> list[PredictionArrays] | None:
    """Read a small table without any oddity, as Runshelf writes them: pandas takes fifty times as long. Else None."""
    if len(content) > _SMALL_BYTES:
        return None
    try:
        names, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        texts = dict(zip(names, zip(*rows, strict=True), strict=True))
        true, pred = _value_columns(list(texts))
        columns: dict[str, NDArray[Any]] = {}
        for name, values in texts.items():
            if name in (*true, *pred) and classes:
                columns[name] = np.array(values, dtype=object)
            elif name == "partition":
                columns[name] = np.array(values)
            elif name == "fold" and not any(values):
                columns[name] = np.full(len(values), np.nan)
            elif name in (*true, *pred, "sample_index", "fold") or (classes and name.startswith(_PROBABILITY)):
                if any("_" in value for value in values):  # 1_000 is a number for Python alone
                    return None
                columns[name] = np.array(values).astype(np.int64 if name == "sample_index" else np.float64)
    except (ValueError, csv.Error, BadInput):
        return None
    return _blocks(columns, len(rows), bool(classes)) if len(texts) == len(names) else None


def _value_columns(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns of true and of predicted values. Raises BadInput when they are missing."""
    true = [name for name in names if name == "y_true" or name.startswith("y_true_")]
    pred = [f"y_pred{name.removeprefix('y_true')}" for name in true]
    if not true or not set(pred) <= set(names):
        raise BadInput("Predictions need the columns y_true and y_pred.", advice="Rename the columns of the table.")
    return true, pred


def _blocks(columns: Mapping[str, NDArray[Any]], count: int, classes: bool) -> list[PredictionArrays]:
    """Columns of a table with `count` rows, by partition and fold."""
    true, pred = _value_columns(list(columns))
    labels = _labels(columns, true[0], pred[0]) if classes else []
    shares = [f"{_PROBABILITY}{label}" for label in labels]
    with_probabilities = bool(labels) and all(name in columns for name in shares)
    values = [_values(columns, names, labels) for names in (true, pred)]
    probabilities = np.column_stack([columns[name] for name in shares]) if with_probabilities else None
    index = columns.get("sample_index", np.arange(count))
    partition = columns.get("partition", np.full(count, "test"))
    fold = columns.get("fold", np.full(count, np.nan))
    blocks = []
    for name, number in dict.fromkeys(zip(partition, [None if f != f else int(f) for f in fold], strict=True)):
        rows = (partition == name) & (np.isnan(fold) if number is None else fold == number)
        share = probabilities[rows] if probabilities is not None else None
        blocks.append(PredictionArrays(str(name), number, index[rows], values[0][rows], values[1][rows], labels, share))
    return blocks


def _labels(columns: Mapping[str, NDArray[Any]], true: str, pred: str) -> list[str]:
    given = [name.removeprefix(_PROBABILITY) for name in columns if name.startswith(_PROBABILITY)]
    found = {str(value) for name in (true, pred) for value in columns[name]}
    return given if found <= set(given) else sorted(found)


def _values(columns: Mapping[str, NDArray[Any]], names: Sequence[str], labels: list[str]) -> NDArray[np.float64]:
    if labels:
        codes = {label: float(code) for code, label in enumerate(labels)}
        return np.array([codes[str(value)] for value in columns[names[0]]])
    return columns[names[0]] if len(names) == 1 else np.column_stack([columns[name] for name in names])


def differ(one: Sequence[PredictionArrays], other: Sequence[PredictionArrays]) -> str:
    """What differs between two tellings of the same predictions, in a few words; empty where nothing does.

    Numbers may differ as far as reading a long CSV file makes them.
    """
    blocks = {(block.partition, block.fold_id): block for block in other}
    if {(block.partition, block.fold_id) for block in one} != blocks.keys():
        return "has other partitions or folds"
    for block in one:
        twin = blocks[block.partition, block.fold_id]
        if not np.array_equal(block.sample_indices, twin.sample_indices):
            return f"has other samples of {block.partition}"
        if not all(_same_values(block, twin, name) for name in ("y_true", "y_pred")):
            return f"has other values of {block.partition}"
        shares = block.probabilities is not None and twin.probabilities is not None and block.labels == twin.labels
        if shares and not _close(block.probabilities, twin.probabilities):
            return f"has other probabilities of {block.partition}"
    return ""


def _same_values(one: PredictionArrays, other: PredictionArrays, name: str) -> bool:
    mine, theirs = getattr(one, name), getattr(other, name)
    if one.labels and other.labels and one.labels != other.labels:
        if len(mine) != len(theirs):
            return False
        return [one.labels[int(code)] for code in mine] == [other.labels[int(code)] for code in theirs]
    return _close(mine, theirs)


def _close(one: Any, other: Any) -> bool:
    return bool(one.shape == other.shape and np.allclose(one, other, rtol=1e-12, atol=0.0, equal_nan=True))


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
