"""Stores of MLflow 2 and 3, tracking databases in SQLite and file stores: each run becomes one pipeline.

Runs are put together by dataset, experiment and day. The dataset is the one that was logged as an input, else what a
tag or parameter calls so, else the experiment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

from storage.findings import count
from storage.foreign import ForeignFile, ForeignPipeline, ForeignRun
from storage.form_mlflow_database import is_database, read_database
from storage.form_mlflow_files import is_experiment, is_file_store, read_file_store
from storage.form_mlflow_metrics import scores_of, task_of
from storage.form_mlflow_places import Artifacts, Places, is_remote, shown, subfolders
from storage.form_mlflow_records import (
    Experiment,
    LoggedDataset,
    LoggedModel,
    LoggedRun,
    MlflowStore,
    moment,
)
from storage.form_mlflow_steps import said, seed_of, steps_of

name = "mlflow"
title = "MLflow tracking stores"

_LEVELS = 2  # below the folder that is named, down to a store
_MAX_FOLDERS = 2_000
_NOTE, _USER, _RUN_NAME, _PARENT = "mlflow.note.content", "mlflow.user", "mlflow.runName", "mlflow.parentRunId"
_HISTORY, _LOGGED = "mlflow.log-model.history", "mlflow.loggedArtifacts"
_DATASET_KEYS = ("dataset", "dataset_name", "Dataset", "dataset.name")
_UNNAMED = "dataset"  # what MLflow calls a dataset that was given no name
_MOST_NAME = 200  # characters
_Status = Literal["completed", "failed", "interrupted"]
_STATUSES: dict[str, _Status] = {"FINISHED": "completed", "FAILED": "failed"}
_MODEL_STATUSES = {"2": "READY", "1": "PENDING", "3": "FAILED"}


def find(folder: Path) -> Path | None:
    """The folder, or the database, that was named, if stores lie in it."""
    return folder if next(_stores(folder), None) is not None else None


def runs(place: Path, problems: list[str]) -> Iterator[ForeignRun]:
    """Every run that was not deleted. A run that two stores have is taken from the database."""
    base = place if place.is_dir() else place.parent
    seen: set[str] = set()
    for where in sorted(_stores(place), key=lambda one: (one.is_dir(), str(one))):
        read = read_file_store if where.is_dir() else read_database
        store = read(where, problems)
        _tell_deleted(store, problems)
        live = [run for run in store.runs.values() if not run.deleted]
        twice = [run for run in live if run.id in seen]
        if twice:
            problems.append(f"{count(len(twice), 'run')} of {where.name} were read from another store already.")
        live = [run for run in live if run.id not in seen]
        seen |= {run.id for run in live}
        yield from _grouped(live, store, base, problems)


def _stores(place: Path) -> Iterator[Path]:
    """Databases and folders of experiments in or at a place."""
    if not place.is_dir():
        if is_database(place):
            yield place
        return
    waiting, looked = [(place, 0)], 0
    while waiting and looked < _MAX_FOLDERS:
        folder, level = waiting.pop(0)
        looked += 1
        yield from (one for one in _files(folder) if is_database(one))
        if is_experiment(folder) or is_file_store(folder):
            yield folder
        elif level < _LEVELS:
            waiting += [(folder / name, level + 1) for name in subfolders(folder) if not name.startswith(".")]


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return []


def _tell_deleted(store: MlflowStore, problems: list[str]) -> None:
    experiments = [one for one in store.experiments.values() if one.deleted]
    for one in experiments:
        runs = sum(run.experiment is one for run in store.runs.values())
        problems.append(f"The experiment {one.name} was deleted in MLflow and is left out with {count(runs, 'run')}.")
    deleted = sum(run.deleted and not run.experiment.deleted for run in store.runs.values())
    if deleted:
        were, are = ("was", "is") if deleted == 1 else ("were", "are")
        problems.append(f"{count(deleted, 'run')} {were} deleted in MLflow and {are} left out.")
    models = [one for run in store.runs.values() if not run.deleted for one in run.models] + store.models
    gone = sum(one.deleted for one in models)
    if gone:
        were, are = ("was", "is") if gone == 1 else ("were", "are")
        problems.append(f"{count(gone, 'logged model')} {were} deleted in MLflow and {are} left out.")


# ---------------------------------------------------------------- runs


def _grouped(live: list[LoggedRun], store: MlflowStore, base: Path, problems: list[str]) -> Iterator[ForeignRun]:
    models = [one for one in store.models if not one.deleted and not _of_deleted(one, store)]
    places = Places(
        base, {run.id for run in live} | {m.id for run in live for m in run.models} | {m.id for m in models}
    )
    groups: dict[tuple[str, str, date], list[tuple[Experiment, LoggedDataset | None, ForeignPipeline]]] = {}
    found_any: dict[str, bool] = {}
    for run in [*live, *(_alone(one, store) for one in models)]:
        dataset = _main_dataset(run)
        pipeline = _pipeline(run, places, found_any)
        made = pipeline.created_at
        key = (_dataset_name(run, dataset), run.experiment.id, made.date() if made else date(1970, 1, 1))
        groups.setdefault(key, []).append((run.experiment, dataset, pipeline))
    for id, found in found_any.items():
        if not found:
            place = store.experiments[id].artifact_location if id in store.experiments else ""
            problems.append(
                f"No artifacts of the experiment {store.experiments[id].name if id in store.experiments else id} are"
                f" here; MLflow kept them at {shown(place) or 'an unknown place'}."
            )
    for (dataset_name, _, day), members in sorted(groups.items(), key=lambda one: one[0]):
        yield _run(dataset_name, day, members)


def _run(
    dataset_name: str, day: date, members: list[tuple[Experiment, LoggedDataset | None, ForeignPipeline]]
) -> ForeignRun:
    experiment = members[0][0]
    pipelines = sorted((one for _, _, one in members), key=lambda one: (_seconds(one), one.id))
    users = {one.created_by for one in pipelines}
    return ForeignRun(
        dataset_name,
        day,
        pipelines,
        run_name=experiment.name if experiment.name != dataset_name else "",
        created_at=next((one.created_at for one in pipelines if one.created_at), None),
        created_by=users.pop() if len(users) == 1 else "",
        description=experiment.tags.get(_NOTE, ""),
        dataset_path=next((path for _, one, _ in members if one is not None and (path := _path(one))), ""),
    )


def _seconds(pipeline: ForeignPipeline) -> float:
    return pipeline.created_at.timestamp() if pipeline.created_at else 0.0


def _of_deleted(model: LoggedModel, store: MlflowStore) -> bool:
    experiment = store.experiments.get(model.experiment_id)
    return experiment is not None and experiment.deleted


def _alone(model: LoggedModel, store: MlflowStore) -> LoggedRun:
    """A model that was logged without a run, as a run of its own."""
    experiment = store.experiments.get(model.experiment_id) or Experiment(model.experiment_id, model.experiment_id)
    status = _MODEL_STATUSES.get(model.status, model.status)
    return LoggedRun(
        model.id,
        experiment,
        model.name,
        {"READY": "FINISHED", "": "FINISHED"}.get(status, status),
        model.tags.get(_USER, ""),
        model.created,
        params=model.params,
        tags=model.tags,
        models=[model],
    )


# ---------------------------------------------------------------- one run


def _pipeline(run: LoggedRun, places: Places, found_any: dict[str, bool]) -> ForeignPipeline:
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
        n_samples=_rows(_main_dataset(run)),
        n_features=mlmodel.get("n_features"),
        seed=seed_of(run.params),
        environment=_environment(run, mlmodel),
        scores=scores_of(run.metrics),
        artifacts=[ForeignFile(name, path, step=last) for name, path in found.artifacts],
        charts=found.charts,
        files=[*found.files, *(ForeignFile(name, path) for name, path in run.files)],
        tags=tuple(sorted(key for key, value in run.tags.items() if _is_mark(key, value))),
        notes=run.tags.get(_NOTE, ""),
        document=_document(run, found),
        problems=run.problems,
    )


def _artifacts(run: LoggedRun, places: Places, found_any: dict[str, bool]) -> Artifacts:
    found = Artifacts()
    folder = places.artifacts(run.id, run.artifact_uri)
    if folder is not None:
        found.add(folder, "", run.problems)
    if found.is_empty and run.artifact_uri:
        where = shown(run.artifact_uri)
        if is_remote(run.artifact_uri):
            run.problems.append(f"Its artifacts lie at {where} and are left out.")
        elif _HISTORY in run.tags or _LOGGED in run.tags:
            run.problems.append(f"Its artifacts are not here; they lay at {where}.")
        elif folder is None:
            found_any.setdefault(run.experiment.id, False)
    if folder is not None:
        found_any[run.experiment.id] = True
    names: set[str] = set()
    for model in run.models:
        if model.deleted:
            continue
        folder = places.artifacts(model.id, model.artifact_uri)
        if folder is None:
            run.problems.append(
                f"The model {model.name or model.id} is not here; it lay at {shown(model.artifact_uri)}."
            )
            continue
        below = model.name if model.name and model.name not in names else f"{model.name or 'model'}-{model.id}"
        names.add(below)
        found.add(folder, f"{below}/", run.problems)
    return found


def _original(run: LoggedRun) -> dict[str, Any]:
    original: dict[str, Any] = {"run_id": run.id, "experiment_id": run.experiment.id, "experiment": run.experiment.name}
    if parent := run.tags.get(_PARENT):
        original["parent_run_id"] = parent
    if models := [one.id for one in run.models]:
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
    if run.models:
        document["models"] = [{**vars(one), "artifact_uri": shown(one.artifact_uri)} for one in run.models]
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


def _main_dataset(run: LoggedRun) -> LoggedDataset | None:
    """The dataset it was trained on, else the first."""
    training = [one for one in run.datasets if one.tags.get("mlflow.data.context", "").lower() in ("train", "training")]
    named = [one for one in training if one.name != _UNNAMED]
    return next(iter([*named, *training, *run.datasets]), None)


def _dataset_name(run: LoggedRun, dataset: LoggedDataset | None) -> str:
    told = [dataset.name] if dataset is not None and dataset.name != _UNNAMED else []
    told += [one.get(key, "") for key in _DATASET_KEYS for one in (run.tags, run.params)]
    usable = (one.strip() for one in told if one.strip() and len(one) <= _MOST_NAME and "\n" not in one.strip())
    return next(usable, run.experiment.name)


def _rows(dataset: LoggedDataset | None) -> int | None:
    rows = _json(dataset.profile).get("num_rows") if dataset is not None else None
    return rows if isinstance(rows, int) and rows >= 0 else None


def _path(dataset: LoggedDataset) -> str:
    source = _json(dataset.source)
    return next((str(source[key]) for key in ("uri", "path", "url") if source.get(key)), "")


def _json(written: str) -> dict[str, Any]:
    try:
        found = json.loads(written) if written else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
