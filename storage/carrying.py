"""From what another program recorded of one pipeline to the documents and files of one of ours.

`predictions.csv` gets what the model that is kept predicted for train and test, and what the models of the folds
predicted, each with its fold; means over the folds that are no model's go to `averages.csv`. Metrics are computed from
the predictions; one that the source names with a value has that value. `source.json` keeps all that was recorded, as it
was: ids, configuration, scores of every fold.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from storage.foreign import AVERAGES, FINAL, ForeignArrays, ForeignPipeline, ForeignScore
from storage.predictions import PredictionArrays, telling, to_frame
from storage.records import iso, plain, to_json
from storage.training import over_folds, score

SOURCE = "source.json"
AVERAGED = "averages.csv"
LOGGED, BEST = "logged", "best"  # metrics of no partition: their last values, and their best over the steps
_KEPT_AVERAGE = AVERAGES[0]


def key_of(form: str, pipeline: ForeignPipeline) -> str:
    """What tells a pipeline of a source again, wherever the source lies: a digest of what was recorded of it."""
    told = [
        form,
        pipeline.id,
        iso(pipeline.created_at) if pipeline.created_at else "",
        plain(pipeline.config),
        [vars(one) for one in pipeline.scores],
        [(one.name, one.sha256) for one in pipeline.artifacts],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode(errors="replace")).hexdigest()


def divided(arrays: Iterable[ForeignArrays]) -> tuple[list[PredictionArrays], list[ForeignArrays]]:
    """What goes to predictions.csv, by partition and fold, and the averages that don't.

    A model fitted on all training samples is the one that is kept. Where there is none, the plain mean over the models
    of the folds stands for it on train and test, which is how it was used.
    """
    given = list(arrays)
    whole = {one.partition for one in given if one.fold in ("", FINAL)}
    kept: dict[tuple[str, int | None], PredictionArrays] = {}
    averages = []
    for one in given:
        stands = one.fold == _KEPT_AVERAGE and one.partition not in (*whole, "val")
        fold = int(one.fold) if one.fold.isdecimal() else None
        place = (one.partition, fold)
        if place in kept or (fold is None and one.fold not in ("", FINAL) and not stands):
            averages.append(one)
        else:
            kept[place] = _ours(one, fold)
    return list(kept.values()), averages


def _ours(one: ForeignArrays, fold: int | None) -> PredictionArrays:
    return PredictionArrays(
        one.partition, fold, one.sample_indices, one.y_true, one.y_pred, one.labels, one.probabilities
    )


def predictions_csv(arrays: Sequence[PredictionArrays]) -> bytes:
    """predictions.csv; the samples are called by their numbers in the source."""
    return _csv(arrays, [f"{'' if one.fold_id is None else one.fold_id}" for one in arrays])


def averages_csv(arrays: Sequence[ForeignArrays]) -> bytes:
    """averages.csv: as predictions.csv, with the words `avg` and `w_avg` for the folds."""
    return _csv([_ours(one, None) for one in arrays], [one.fold for one in arrays])


def _csv(arrays: Sequence[PredictionArrays], folds: Sequence[str]) -> bytes:
    indices = {int(index) for one in arrays for index in one.sample_indices}
    width = max((one.y_true.shape[1] for one in arrays if one.y_true.ndim == 2), default=1)
    table = to_frame(arrays, {index: str(index) for index in indices}, [f"y{i}" for i in range(width)])
    table["fold"] = np.repeat(np.array(folds, dtype=object), [len(one.sample_indices) for one in arrays])
    return table.to_csv(index=False).encode()


# ---------------------------------------------------------------- metrics


def metrics_of(scores: Sequence[ForeignScore], arrays: Sequence[PredictionArrays]) -> dict[str, Any]:
    """metrics.json: computed from the predictions, and where the source has a value, that one."""
    found: dict[str, Any] = score(telling(arrays)) if arrays else {}
    whole = {one.partition for one in scores if one.fold in ("", FINAL)}
    folds = {fold["fold"]: fold for fold in found.get("cross_validation", {}).get("fold_results", [])}
    for one in scores:
        if not one.partition:
            _put_logged(found, one)
        elif one.fold in ("", FINAL) or (one.fold == _KEPT_AVERAGE and one.partition not in (*whole, "val")):
            found.setdefault(one.partition, {})[one.metric] = _number(one.value)
        elif one.fold.isdecimal() and one.partition == "val":
            folds.setdefault(int(one.fold), {"fold": int(one.fold)})[one.metric] = _number(one.value)
        if one.best is not None and one.partition:
            found.setdefault(f"{BEST}_{one.partition}", {})[one.metric] = _number(one.best)
    if folds:
        found["cross_validation"] = over_folds([folds[fold] for fold in sorted(folds)])
    return found


def _put_logged(found: dict[str, Any], one: ForeignScore) -> None:
    found.setdefault(LOGGED, {})[one.metric] = _number(one.value)
    if one.best is not None:
        found.setdefault(BEST, {})[one.metric] = _number(one.best)


def _number(value: float) -> float | None:
    """JSON has no number for what is no number; source.json has it as text."""
    return float(value) if math.isfinite(value) else None


# ---------------------------------------------------------------- documents


def record_fields(pipeline: ForeignPipeline, arrays: Sequence[PredictionArrays], task_type: Any) -> dict[str, Any]:
    """The fields of pipeline.json that the source tells."""
    task = pipeline.task_type or task_type
    labels = next((one.labels for one in arrays if one.labels), [])
    folds = len({one.fold_id for one in arrays if one.fold_id is not None})
    ended = pipeline.completed_at or pipeline.created_at
    return {
        "name": pipeline.name,
        "status": pipeline.status,
        "created_at": pipeline.created_at,
        "completed_at": ended,
        "duration_seconds": pipeline.duration_seconds,
        "created_by": pipeline.created_by,
        "seed": pipeline.seed,
        "n_samples": pipeline.n_samples,
        "n_features": pipeline.n_features,
        "n_folds": folds or None,
        "task_type": task or ("classification" if labels else None),
        "labels": labels,
        "model_type": pipeline.model_type,
        "config_name": pipeline.config_name,
        "error": pipeline.error,
        "environment": plain(pipeline.environment),
        "steps": [
            {"step": number, "operator": operator, "class": class_name, "params": plain(params)}
            for number, (operator, class_name, params) in enumerate(pipeline.steps)
        ],
    }


def config_digest(pipeline: ForeignPipeline) -> str:
    """The hash of a configuration: all that was written of it and, as that may be of several models, of which."""
    told = [plain(pipeline.config), [list(step) for step in pipeline.steps], pipeline.model_type]
    return hashlib.sha256(json.dumps(plain(told), sort_keys=True, default=str).encode(errors="replace")).hexdigest()


def source_document(form: str, place: str, pipeline: ForeignPipeline, files: Mapping[str, Any]) -> bytes:
    """source.json: what was recorded, as it was."""
    return to_json(
        {
            "schema_version": 1,
            "form": form,
            "place": place,
            "key": key_of(form, pipeline),
            "id": pipeline.id,
            "original": plain(pipeline.original),
            "metric": pipeline.metric,
            "scores": [score_line(one) for one in pipeline.scores],
            "config": plain(pipeline.config),
            "tags": list(pipeline.tags),
            "notes": pipeline.notes,
            "document": plain(pipeline.document),
            "files": dict(files),
            "problems": list(pipeline.problems),
        }
    )


def score_line(one: ForeignScore) -> dict[str, Any]:
    """A score as source.json has it."""
    line = {"metric": one.metric, "partition": one.partition, "fold": one.fold, "value": _exact(one.value)}
    return line if one.best is None else {**line, "best": _exact(one.best)}


def _exact(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(value)
