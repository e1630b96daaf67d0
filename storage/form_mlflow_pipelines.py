"""One run of MLflow, or one model that was logged without a run, as one pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import Any, Literal

from storage.foreign import ForeignFile, ForeignPipeline
from storage.form_mlflow_metrics import scores_of, task_of
from storage.form_mlflow_places import Artifacts, Places, is_remote, shown
from storage.form_mlflow_records import (
    Experiment,
    History,
    LoggedDataset,
    LoggedModel,
    LoggedRun,
    MlflowStore,
    moment,
)
from storage.form_mlflow_steps import said, seed_of, steps_of

NOTE, _USER, _RUN_NAME, _PARENT = "mlflow.note.content", "mlflow.user", "mlflow.runName", "mlflow.parentRunId"
_HISTORY, _LOGGED = "mlflow.log-model.history", "mlflow.loggedArtifacts"
_DATASET_KEYS = ("dataset", "dataset_name", "Dataset", "dataset.name")
_UNNAMED = "dataset"  # what MLflow calls a dataset that was given no name
_PLAIN_NAME = re.compile(r"(?!\.)[^/\\\0]{1,100}")  # what may stand before the names of its files
_MOST_NAME = 200  # characters
_Status = Literal["completed", "failed", "interrupted"]
_STATUSES: dict[str, _Status] = {"FINISHED": "completed", "FAILED": "failed"}
_MODEL_STATUSES = {"2": "READY", "1": "PENDING", "3": "FAILED"}


def pipeline_of(run: LoggedRun, places: Places, found_any: dict[str, bool]) -> ForeignPipeline:
    """The record of a run. In `found_any` is noted, by experiment, whether artifacts of any of its runs are here."""
    found = _artifacts(run, places, found_any)
    steps, model_type = steps_of(run.params, run.tags)
    mlmodel = next(iter(found.models.values()), {})
    logged = _logged_before(run)
    model_type = model_type or next((one.model_type for one in run.models if one.model_type), "")
    model_type = model_type or _flavor(mlmodel.get("flavors") or logged)
    started, ended = moment(run.started), moment(run.ended)
    if run.started is not None and started is None:
        run.problems.append(f"It began at {run.started}, which is no time.")
    last = max(len(steps) - 1, 0)
    return ForeignPipeline(
        id=run.id,
        name=run.name or run.tags.get(_RUN_NAME, "") or run.id[:8],
        original=_original(run),
        created_at=started,
        completed_at=ended,
        duration_seconds=(run.ended - run.started) / 1000 if started and ended and run.ended and run.started else None,
        status=_STATUSES.get(run.status, "interrupted"),
        created_by=run.user or run.tags.get(_USER, ""),
        config={key: said(value) for key, value in run.params.items()},
        steps=steps,
        model_type=model_type,
        task_type=_task(run, model_type),
        n_samples=_rows(main_dataset(run)),
        n_features=mlmodel.get("n_features"),
        seed=seed_of(run.params),
        environment=_environment(run, mlmodel),
        scores=scores_of(run.metrics),
        artifacts=[ForeignFile(name, path, step=last) for name, path in found.artifacts],
        charts=found.charts,
        files=[*found.files, *(ForeignFile(name, path) for name, path in run.files)],
        tags=tuple(sorted(key for key, value in run.tags.items() if _is_mark(key, value))),
        notes=run.tags.get(NOTE, ""),
        document=_document(run, found),
        problems=run.problems,
    )


def _artifacts(run: LoggedRun, places: Places, found_any: dict[str, bool]) -> Artifacts:
    found = Artifacts()
    alone = any(model.id == run.id for model in run.models)
    folder = None if alone else places.artifacts(run.id, run.artifact_uri, run.problems)
    if folder is not None:
        found.add(folder, "", run.problems)
    if not found.names and run.artifact_uri:
        where = shown(run.artifact_uri)
        if is_remote(run.artifact_uri):
            run.problems.append(f"Its artifacts lie at {where} and are left out.")
        elif _HISTORY in run.tags or _LOGGED in run.tags:
            run.problems.append(f"Its artifacts are not here; they lay at {where}.")
        elif folder is None:
            found_any.setdefault(run.experiment.id, False)
    if folder is not None:
        found_any[run.experiment.id] = True
    names = {name.partition("/")[0] for name in found.names}
    for model in run.models:
        if model.deleted:
            continue
        folder = places.artifacts(model.id, model.artifact_uri, run.problems)
        if folder is None:
            run.problems.append(
                f"The model {model.name or model.id} is not here; it lay at {shown(model.artifact_uri)}."
            )
            continue
        plain = model.name if _PLAIN_NAME.fullmatch(model.name) else "model"
        below = plain if plain not in names else f"{plain}-{model.id}"
        names.add(below)
        found.add(folder, f"{below}/", run.problems)
    return found


def _original(run: LoggedRun) -> dict[str, Any]:
    original: dict[str, Any] = {"run_id": run.id, "experiment_id": run.experiment.id, "experiment": run.experiment.name}
    if parent := run.tags.get(_PARENT):
        original["parent_run_id"] = parent
    if models := [one.id for one in run.models if not one.deleted]:
        original["model_ids"] = models
    return original


def _document(run: LoggedRun, found: Artifacts) -> dict[str, Any]:
    """What has no place elsewhere; all tags and every value of the metrics are here as they were."""
    experiment = run.experiment
    document: dict[str, Any] = {
        "status": run.status,
        "start_time": run.started,
        "end_time": run.ended,
        "artifact_uri": shown(run.artifact_uri),
        "experiment": {"id": experiment.id, "name": experiment.name, "tags": experiment.tags,
                       "artifact_location": shown(experiment.artifact_location), "creation_time": experiment.created},
        "tags": run.tags,
        **run.document,
    }  # fmt: skip
    if run.metrics:
        document["history"] = {key: one.columns() for key, one in run.metrics.items()}
        over_steps = {key: one for key, one in run.metrics.items() if one.count > 1}
        if over_steps:
            document["over_steps"] = {
                key: {"values": one.count, "min": one.low, "max": one.high} for key, one in over_steps.items()
            }
        kept_in_files = {name for name, _ in run.files}
        for key, one in over_steps.items():
            if one.kept < one.count and f"metrics/{key}" not in kept_in_files:
                run.problems.append(f"Of the {one.count:,} values of {key} {one.kept:,} are kept.")
    if run.datasets:
        document["datasets"] = [vars(one) for one in run.datasets]
    if models := [one for one in run.models if not one.deleted]:
        document["models"] = [{**vars(one), "artifact_uri": shown(one.artifact_uri)} for one in models]
        for logged in models:
            if logged.metrics_left_out:
                run.problems.append(
                    f"Of the model {logged.name} {logged.metrics_left_out:,} more values of metrics are left out."
                )
    if found.models:
        document["mlmodels"] = found.models
    return document


def _is_mark(key: str, value: str) -> bool:
    """Whether a tag only says that it is there."""
    return not key.startswith("mlflow.") and value.strip().lower() in ("", "true")


def _environment(run: LoggedRun, mlmodel: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in mlmodel.items() if key.endswith("_version")}
    for tag, key in (("mlflow.source.git.commit", "git_commit"), ("mlflow.source.name", "source")):
        if run.tags.get(tag):
            found[key] = run.tags[tag]
    return found


def _task(run: LoggedRun, model_type: str) -> Any:
    if model_type.endswith("Classifier") or model_type == "classifier":
        return "classification"
    if model_type.endswith("Regressor") or model_type == "regressor":
        return "regression"
    return task_of(run.metrics)


def _logged_before(run: LoggedRun) -> list[str]:
    """The flavors of the first model that MLflow 2 noted in a tag."""
    try:
        noted = json.loads(run.tags.get(_HISTORY, "[]"))
        return sorted(str(one) for one in noted[0]["flavors"]) if noted else []
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return []


def _flavor(flavors: Iterable[str]) -> str:
    return next((one for one in flavors if one != "python_function"), "")


# ---------------------------------------------------------------- datasets


def main_dataset(run: LoggedRun) -> LoggedDataset | None:
    """The dataset it was trained on, else the first."""
    training = [one for one in run.datasets if one.tags.get("mlflow.data.context", "").lower() in ("train", "training")]
    named = [one for one in training if one.name != _UNNAMED]
    return next(iter([*named, *training, *run.datasets]), None)


def dataset_name_of(run: LoggedRun, dataset: LoggedDataset | None) -> str:
    told = [dataset.name] if dataset is not None and dataset.name != _UNNAMED else []
    told += [one.get(key, "") for key in _DATASET_KEYS for one in (run.tags, run.params)]
    usable = (one.strip() for one in told if one.strip() and len(one) <= _MOST_NAME and "\n" not in one.strip())
    return next(usable, run.experiment.name)


def _rows(dataset: LoggedDataset | None) -> int | None:
    rows = _json(dataset.profile).get("num_rows") if dataset is not None else None
    return rows if isinstance(rows, int) and rows >= 0 else None


def path_of(dataset: LoggedDataset) -> str:
    source = _json(dataset.source)
    return next((str(source[key]) for key in ("uri", "path", "url") if source.get(key)), "")


def _json(written: str) -> dict[str, Any]:
    try:
        found = json.loads(written) if written else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def alone(model: LoggedModel, store: MlflowStore) -> LoggedRun:
    """A model that was logged without a run, as a run of its own."""
    experiment = store.experiments.get(model.experiment_id) or Experiment(model.experiment_id, model.experiment_id)
    status = _MODEL_STATUSES.get(model.status, model.status)
    metrics: dict[str, History] = {}
    for one in model.metrics:
        with suppress(TypeError, ValueError, OverflowError):
            metrics.setdefault(one["metric"], History()).add(int(one["step"]), float(one["value"]), int(one["time"]))
    return LoggedRun(
        model.id,
        experiment,
        model.name,
        {"READY": "FINISHED", "": "FINISHED"}.get(status, status),
        model.tags.get(_USER, ""),
        model.created,
        params=model.params,
        tags=model.tags,
        metrics={key: one for key, one in metrics.items() if one.count},
        models=[model],
    )


def day_of(run: LoggedRun) -> date:
    """The day it began, else that of the first thing that is known of it."""
    began = moment(run.started)
    if began is None:
        logged = [time for one in run.metrics.values() if (time := one.first_time) > 0]
        known = (min(logged, default=None), run.ended, run.experiment.created, 0)
        began = next(made for one in known if (made := moment(one)) is not None)
    return began.date()
