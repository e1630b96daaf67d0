"""Stores of MLflow 2 and 3, tracking databases in SQLite and file stores: each run becomes one pipeline.

Runs are put together by dataset, experiment and day. The dataset is the one that was logged as an input, else what a
tag or parameter calls so, else the experiment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from storage.findings import count
from storage.foreign import ForeignPipeline, ForeignRun
from storage.form_mlflow_database import is_database, read_database
from storage.form_mlflow_files import is_experiment, is_file_store, read_file_store
from storage.form_mlflow_pipelines import NOTE, alone, dataset_name_of, day_of, main_dataset, path_of, pipeline_of
from storage.form_mlflow_places import Places, shown, subfolders
from storage.form_mlflow_records import (
    Experiment,
    LoggedDataset,
    LoggedModel,
    LoggedRun,
    MlflowStore,
)

name = "mlflow"
title = "MLflow tracking stores"

_LEVELS = 2  # below the folder that is named, down to a store
_MAX_FOLDERS = 2_000


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
        models = [one for one in store.models if one.id not in seen and not _is_gone(one, store)]
        seen |= {run.id for run in live} | {model.id for model in models}
        yield from _grouped(live, models, store, base, problems)


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
    if store.traces:
        problems.append(f"{count(store.traces, 'trace')} of what models were asked: no results, and left out.")


# ---------------------------------------------------------------- runs


def _grouped(
    live: list[LoggedRun], models: list[LoggedModel], store: MlflowStore, base: Path, problems: list[str]
) -> Iterator[ForeignRun]:
    places = Places(
        base, {run.id for run in live} | {m.id for run in live for m in run.models} | {m.id for m in models}
    )
    groups: dict[tuple[str, str, date], list[tuple[Experiment, LoggedDataset | None, ForeignPipeline]]] = {}
    found_any: dict[str, bool] = {}
    for run in [*live, *(alone(one, store) for one in models)]:
        dataset = main_dataset(run)
        pipeline = pipeline_of(run, places, found_any)
        key = (dataset_name_of(run, dataset), run.experiment.id, day_of(run))
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
        description=experiment.tags.get(NOTE, ""),
        dataset_path=next((path for _, one, _ in members if one is not None and (path := path_of(one))), ""),
    )


def _seconds(pipeline: ForeignPipeline) -> float:
    return pipeline.created_at.timestamp() if pipeline.created_at else 0.0


def _is_gone(model: LoggedModel, store: MlflowStore) -> bool:
    experiment = store.experiments.get(model.experiment_id)
    return model.deleted or (experiment is not None and experiment.deleted)
