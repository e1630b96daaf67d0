"""pipeline.json made again from what of it can still be read, its row in the catalog, and other pipelines of its run.

Which of the run's artifacts were its own is told by what is left of the document; else by a pipeline that has the same
steps on the same data up to there, for equal fits are stored once; else by being the only one of its class that no
other pipeline names. Where one is not known by any of these nothing is made: a wrong model would be worse than none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json

from storage.artifacts import FOLDER, artifact_path
from storage.errors import Conflict, StorageError
from storage.layout import HASH_DIGITS, folder_part, pipeline_number
from storage.reading import is_plain_file
from storage.records import ArtifactRecord, PipelineRecord, SamplesRecord, StepRecord
from storage.stored_samples import with_predictions
from storage.trees import file_digest

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays

_AS_THE_CATALOG_HAS_IT = {  # field: column
    "prediction_id": "prediction_id",
    "name": "pipeline_name",
    "hash": "config_hash",
    "status": "status",
    "created_at": "created_at",
    "created_by": "created_by",
    "seed": "seed",
    "n_samples": "n_samples",
    "n_features": "n_features",
    "n_folds": "n_folds",
    "task_type": "task_type",
    "model_type": "model_type",
    "config_name": "config_name",
    "fit_seconds": "fit_seconds",
}
_OF_EQUAL_DATA = ("dataset_source", "labels", "environment")  # the same for all pipelines on the same data, mostly


def pipeline_record_anew(
    folder: Path,
    read: Mapping[str, Any],
    row: Mapping[str, Any],
    config: str | None,
    arrays: Sequence[PredictionArrays],
    others: Sequence[PipelineRecord],
    free: Collection[str],
) -> PipelineRecord:
    """The document of the pipeline in `folder`.

    `read` is what can be read of the damaged one, whose last field may be cut short; `row`, `config` and `arrays` are
    the catalog's; `others` are the sound pipelines of the run; `free` names the artifact files that nobody else names.
    Raises Conflict where its artifacts are not known.
    """
    whole = dict(list(read.items())[:-1])
    alike = [one for one in others if row.get("data_hash") and one.dataset_source.data_hash == row["data_hash"]]
    fields: dict[str, Any] = {name: getattr(alike[0], name) for name in _OF_EQUAL_DATA} if alike else {}
    fields |= _described(config) | whole | _known(row)
    fields |= {"id": folder.name, "number": pipeline_number(folder.name) or 0}
    fields.pop("artifacts", None)
    record = _record_of(fields)
    if alike and "environment" not in whole and record.environment:
        record.environment["seed"] = record.seed
    if "artifacts" in whole:
        record.artifacts = _artifacts(whole["artifacts"], folder)
    else:
        record.artifacts = _artifacts_of(record, folder, _artifacts(read.get("artifacts"), folder), alike, free)
    if record.thinned is None:
        _check_there(record, folder, arrays, others)
    if record.samples is None and alike:
        record.samples = _samples(alike, arrays)
    return record


def _check_there(
    record: PipelineRecord, folder: Path, arrays: Sequence[PredictionArrays], others: Sequence[PipelineRecord]
) -> None:
    """Refuse one that was thinned, for all it looks like: nothing says where what it had is now."""
    gone = [one for one in record.artifacts if not is_plain_file(artifact_path(folder, one))]
    if gone or (not arrays and any(one.thinned for one in others)):
        what = f"{folder.name} may have been thinned: what it had is not there."
        raise Conflict(what, folder, "Bring its pipeline.json back from a copy, or from its archive.")


def as_the_catalog_says(record: PipelineRecord, row: Mapping[str, Any], config: str | None) -> PipelineRecord:
    """A document with what its row in the catalog says otherwise; the same where nothing is otherwise.

    What the document leaves open the catalog may have from elsewhere.
    """
    told = {field: value for field, value in _known(row).items() if getattr(record, field) not in (None, "")}
    if record.steps:
        told |= {name: value for name, value in _described(config).items() if name == "steps"}
    other = _record_of({**record.model_dump(by_alias=True), **told})
    changed = {field: getattr(other, field) for field in told if getattr(other, field) != getattr(record, field)}
    return record.model_copy(update=changed) if changed else record


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {field: row[column] for field, column in _AS_THE_CATALOG_HAS_IT.items() if row.get(column) is not None}


def _samples(alike: Sequence[PipelineRecord], arrays: Sequence[PredictionArrays]) -> SamplesRecord | None:
    """The stored rows that pipelines on the same data share, with what this one predicted for them."""
    stored = next((one.samples for one in alike if one.samples is not None), None)
    if stored is None:
        return None
    bare = stored.model_copy(update={"predicted": [], "labels": [], "classes": [], "probabilities": []})
    with suppress(KeyError, IndexError, ValueError):  # its predictions are of other samples
        return with_predictions(bare, np.asarray(stored.rows, dtype=np.int64), arrays)
    return None


def _record_of(fields: dict[str, Any]) -> PipelineRecord:
    """The document with these fields, but for those that don't fit."""
    try:
        return PipelineRecord.model_validate(fields)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        if not wrong & fields.keys() or wrong & {"id", "number", "prediction_id"}:
            raise Conflict("What the catalog knows of it makes no document.", advice="Bring it back.") from error
        return _record_of({name: value for name, value in fields.items() if name not in wrong})


def _described(config: str | None) -> dict[str, Any]:
    """Steps, or the free description of a pipeline without any, as the catalog keeps them."""
    with suppress(ValueError, ValidationError, TypeError):
        told = from_json(config or "null")
        if isinstance(told, dict):
            return {"template": told}
        if isinstance(told, list):
            return {"steps": [StepRecord.model_validate({"step": n, **step}) for n, step in enumerate(told)]}
    return {}


# ---------------------------------------------------------------- artifacts


def _artifacts(told: Any, folder: Path) -> list[ArtifactRecord]:
    """Those of the artifacts a document names that are whole records and lie where they should."""
    found = []
    for one in told if isinstance(told, list) else ():
        with suppress(ValidationError, StorageError):
            record = ArtifactRecord.model_validate(one)
            artifact_path(folder, record)
            found.append(record)
    return found


def _artifacts_of(
    record: PipelineRecord,
    folder: Path,
    certain: Sequence[ArtifactRecord],
    alike: Sequence[PipelineRecord],
    free: Collection[str],
) -> list[ArtifactRecord]:
    """One artifact for each step; those of a pipeline that failed are of no use, and may be none."""
    if record.status != "completed":
        return list(certain)
    taken = {Path(one.path).name for one in certain}
    left = [name for name in free if name not in taken and not name.startswith("samples_")]
    if not record.steps and left:
        raise _unknown(folder)
    found = list(certain)
    for step in record.steps:
        if any(one.step == step.step and one.fold is None for one in certain):
            continue
        found += _shared(record, step.step, alike) or [_only_one(step, folder, left)]
    return sorted(found, key=lambda one: (one.fold is not None, one.fold or 0, one.step))


def _shared(record: PipelineRecord, step: int, alike: Sequence[PipelineRecord]) -> list[ArtifactRecord]:
    """The artifact of a step as another pipeline has it that is the same up to there."""
    for other in alike:
        if other.seed == record.seed and other.steps[: step + 1] == record.steps[: step + 1]:
            found = [one for one in other.artifacts if one.step == step and one.fold is None]
            if found:
                return found
    return []


def _only_one(step: StepRecord, folder: Path, left: Sequence[str]) -> ArtifactRecord:
    """The artifact of a step, as the only one of its class that is left. Raises Conflict where there are others."""
    word = folder_part(step.class_name.rpartition(".")[2])
    names = [name for name in left if name.rpartition("_")[0] == word and name.endswith(".pkl")]
    if len(names) != 1:
        raise _unknown(folder)
    path = folder.parent / FOLDER / names[0]
    digest = file_digest(path)
    if digest[:HASH_DIGITS] != path.stem.rpartition("_")[2][:HASH_DIGITS]:
        raise _unknown(folder)
    return ArtifactRecord(
        step=step.step, name=step.operator, sha256=digest, path=f"../{FOLDER}/{path.name}", bytes=path.stat().st_size
    )


def _unknown(folder: Path) -> Conflict:
    what = f"Which artifacts of the run are those of {folder.name} is not known."
    return Conflict(what, folder, "Bring its pipeline.json back from a copy, or train it again.")
