"""Whether what was carried over of a pipeline is what lies in the source: every value, every byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.artifacts import artifact_path
from storage.carrying import AVERAGED, SOURCE, averages_csv, divided, metrics_of, score_line
from storage.errors import BadInput, Corrupt, NotFound, StorageError
from storage.foreign import ForeignArrays, ForeignFile, ForeignPipeline
from storage.pipelines import read_predictions
from storage.predictions import PredictionArrays, from_frame
from storage.reading import read_bytes
from storage.records import PipelineRecord, plain, read_document, read_json
from storage.trees import file_digest

Blocks = dict[tuple[str, str], PredictionArrays | ForeignArrays]


def differences(pipeline: ForeignPipeline, folder: Path) -> list[str]:
    """What of a pipeline was not carried over as it is in the source, in sentences. Raises nothing for bad files."""
    try:
        return list(_differences(pipeline, folder))
    except StorageError as error:
        return [error.what]


def _differences(pipeline: ForeignPipeline, folder: Path) -> Iterator[str]:
    record = read_document(folder / "pipeline.json", PipelineRecord)
    source = read_json(folder / SOURCE)
    arrays, averages = divided(pipeline.arrays())
    classes = any(one.labels for one in arrays) or any(one.labels for one in averages)
    yield from _unlike(_by_fold(arrays), _by_fold(read_predictions(folder / "predictions.csv", classes)))
    if not _is_written(averages, folder / AVERAGED):
        yield from _unlike(_by_fold(averages), _by_fold(read_averages(folder / AVERAGED, classes)))
    if source.get("scores") != plain([score_line(one) for one in pipeline.scores]):
        yield "The scores are not those of the source."
    if source.get("config") != plain(pipeline.config):
        yield "The configuration is not that of the source."
    if not _holds(_metrics(folder), plain(metrics_of(pipeline.scores, []))):
        yield "metrics.json has other values than the source."
    yield from _artifacts(pipeline, record, folder)
    yield from _files(pipeline, source.get("files", {}), folder)


def _is_written(averages: Sequence[ForeignArrays], path: Path) -> bool:
    """Whether averages.csv is byte by byte what these averages give, which is quicker than to read it."""
    there = path.is_file()
    return not there if not averages else there and read_bytes(path, "averages") == averages_csv(averages)


def read_averages(path: Path, classes: bool) -> list[ForeignArrays]:
    """The arrays in an averages.csv; none where there is no such file. Raises Corrupt."""
    import pandas as pd

    if not path.is_file():
        return []
    try:
        table = pd.read_csv(path, dtype={"fold": str, "sample_id": str})
        found = []
        for fold, rows in table.groupby("fold", sort=False, dropna=False):
            for one in from_frame(rows.assign(fold="").reset_index(drop=True), classes):
                found.append(ForeignArrays(one.partition, "" if fold != fold else str(fold), *_values(one)))  # type: ignore[arg-type]
        return found
    except (ValueError, KeyError, BadInput) as error:
        raise Corrupt(f"{path.name} is damaged: {error}", path, "Carry it over again.") from error


def _values(one: PredictionArrays) -> tuple[Any, ...]:
    return one.sample_indices, one.y_true, one.y_pred, one.labels, one.probabilities


def _by_fold(arrays: Sequence[PredictionArrays | ForeignArrays]) -> Blocks:
    """Blocks by partition and fold."""
    return {(one.partition, _fold(one)): one for one in arrays}


def _fold(one: PredictionArrays | ForeignArrays) -> str:
    if isinstance(one, ForeignArrays):
        return one.fold
    return "" if one.fold_id is None else str(one.fold_id)


def _unlike(there: Blocks, here: Blocks) -> Iterator[str]:
    for place in there.keys() | here.keys():
        one, other = there.get(place), here.get(place)
        words = " ".join(word for word in (place[0], place[1] and f"fold {place[1]}") if word)
        if one is None or other is None:
            yield f"Predictions of {words} are only {'here' if one is None else 'in the source'}."
        elif not _same(one, other):
            yield f"Predictions of {words} have other values."


def _same(one: PredictionArrays | ForeignArrays, other: PredictionArrays | ForeignArrays) -> bool:
    if not np.array_equal(one.sample_indices, other.sample_indices):
        return False
    for name in ("y_true", "y_pred"):
        if not np.array_equal(_told(one, name), _told(other, name), equal_nan=not one.labels):
            return False
    if (one.probabilities is None) != (other.probabilities is None):
        return False
    if one.probabilities is None or other.probabilities is None:
        return True
    columns = [other.labels.index(label) for label in one.labels if label in other.labels]
    return np.array_equal(one.probabilities, other.probabilities[:, columns], equal_nan=True)


def _told(one: PredictionArrays | ForeignArrays, name: str) -> Any:
    """Values, or labels in place of their codes, which depend on the order of the labels."""
    values = getattr(one, name)
    return np.asarray(one.labels, dtype=object)[values.astype(int)] if one.labels else values


def _metrics(folder: Path) -> Any:
    try:
        return read_json(folder / "metrics.json")
    except NotFound:
        return {}


def _holds(there: Any, wanted: Any) -> bool:
    """Whether a document has every value of another one; the source names a part of the metrics."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            _holds(there.get(name), value) for name, value in wanted.items() if not name.startswith(("mean_", "std_"))
        )
    if isinstance(wanted, list):
        folds = {fold.get("fold"): fold for fold in there or [] if isinstance(fold, dict)}
        return all(_holds(folds.get(fold["fold"]), fold) for fold in wanted)
    return bool(there == wanted)


def _artifacts(pipeline: ForeignPipeline, record: PipelineRecord, folder: Path) -> Iterator[str]:
    here = {(one.name, one.step, one.fold, one.sha256): one for one in record.artifacts}
    for one in pipeline.artifacts:
        digest = _digest(one)
        if digest is None:
            continue  # was told, and is in the report
        artifact = here.get((one.name, one.step, one.fold, digest))
        if artifact is None:
            yield f"The artifact {one.name} was not carried over."
        elif file_digest(artifact_path(folder, artifact)) != digest:
            yield f"The artifact {one.name} has other bytes."


def _files(pipeline: ForeignPipeline, kept: dict[str, Any], folder: Path) -> Iterator[str]:
    names = {(told.get("name"), told.get("sha256")): name for name, told in kept.items() if isinstance(told, dict)}
    for one in (*pipeline.charts, *pipeline.files):
        digest = _digest(one)
        if digest is None:
            continue
        name = names.get((one.name, digest))
        if name is None:
            yield f"The file {one.name} was not carried over."
        elif file_digest(folder / Path(name).name) != digest:
            yield f"The file {one.name} has other bytes."


def _digest(file: ForeignFile) -> str | None:
    """The sha256 of a file of the source; None where it can't be read or is not what was recorded."""
    try:
        digest = file_digest(file.path)
    except StorageError:
        return None
    return digest if file.sha256 in ("", digest) else None
