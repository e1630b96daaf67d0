"""MLflow's file store: a folder for each experiment with one for each run, of small files of plain text.

`<experiment>/<run>/meta.yaml` with `params/`, `metrics/` and `tags/`, one file for each value; a `/` in a key is a
folder. MLflow 3 keeps models in `<experiment>/models/<model>/`. Deleted experiments lie in `.trash/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.form_mlflow_places import read_yaml, subfolders
from storage.form_mlflow_records import (
    ACTIVE,
    DELETED,
    Experiment,
    History,
    LoggedDataset,
    LoggedModel,
    LoggedRun,
    MlflowStore,
    milliseconds,
    readable,
    status_name,
    text,
)

_META, _TRASH, _MODELS, _DATASETS, _TAGS, _TRACES = "meta.yaml", ".trash", "models", "datasets", "tags", "traces"
_RUN_PARTS = frozenset({"params", "metrics", "tags"})
_OWN = frozenset({_MODELS, _DATASETS, _TAGS, _TRACES})  # folders of an experiment that are no runs
_DATASET_FIELDS = ("name", "digest", "source_type", "source", "schema", "profile")
_MOST = 16 * 1024 * 1024  # bytes of a parameter or tag; MLflow allows some thousand
_AT_ONCE = 8_192  # bytes; a larger buffer takes longer to get than most files to read
_MAX_DEEP = 130  # a key has at most 250 characters
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LAST_LOOKED = 50  # folders looked into before one is taken for no experiment


def is_file_store(folder: Path) -> bool:
    """Whether a folder has experiments in it, by what their documents say."""
    return any(is_experiment(folder / name) for name in subfolders(folder) if not name.startswith("."))


def is_experiment(folder: Path) -> bool:
    """Whether a folder is an experiment: by its document, or where that is lost by the document of a run in it."""
    said = _first_bytes(folder / _META)
    if b"experiment_id:" in said:
        return b"artifact_location:" in said and b"run_id:" not in said and b"model_id:" not in said
    runs = [name for name in subfolders(folder) if name not in _OWN][:_LAST_LOOKED]
    return any(b"artifact_uri:" in _first_bytes(folder / name / _META) for name in runs)


def read_file_store(root: Path, problems: list[str]) -> MlflowStore:
    """Everything in a file store, or in the one experiment that `root` is."""
    store, models = MlflowStore(), dict[str, LoggedModel]()
    if is_experiment(root):
        _read_experiment(root, store, models, problems)
    else:
        for name in _look(root, problems)[0]:
            if name == _TRASH:
                for deleted in subfolders(root / _TRASH):
                    _read_experiment(root / _TRASH / deleted, store, models, problems, deleted=True)
            elif name == _MODELS and not (root / name / _META).exists():
                continue  # the registry, which is read below
            elif is_experiment(root / name):
                _read_experiment(root / name, store, models, problems)
    for run in store.runs.values():
        for id, step in run.document.get("outputs", {}).items():
            if (model := models.get(id)) is not None:
                model.step, model.run_id = step, model.run_id or run.id
    store.assign(models)
    if (root / _MODELS).is_dir() and not is_experiment(root):
        _read_registry(root / _MODELS, store, problems)
    return store


def _read_experiment(
    folder: Path, store: MlflowStore, models: dict[str, LoggedModel], problems: list[str], deleted: bool = False
) -> None:
    said = _mapping(folder / _META, problems)
    deleted = deleted or said.get("lifecycle_stage") == DELETED
    experiment = Experiment(
        text(said.get("experiment_id", folder.name)),
        text(said.get("name")) or folder.name,
        text(said.get("artifact_location")),
        milliseconds(said.get("creation_time")),
        deleted,
    )
    store.experiments[experiment.id] = experiment
    names, _ = _look(folder, problems)
    store.traces += len(subfolders(folder / _TRACES)) if _TRACES in names and not deleted else 0
    if _TAGS in names and not deleted:
        experiment.tags = _values_below(f"{folder}/{_TAGS}", problems)
    datasets: dict[str, LoggedDataset] = {}
    if _DATASETS in names and not deleted:
        datasets = {one: _dataset(folder / _DATASETS / one, problems) for one in subfolders(folder / _DATASETS)}
    for name in names:
        if name not in _OWN and not name.startswith("."):
            _read_run(folder / name, experiment, datasets, store)
    for name in subfolders(folder / _MODELS) if _MODELS in names and not deleted else ():
        model = _model(folder / _MODELS / name, experiment, problems)
        models[model.id] = model


def _read_run(folder: Path, experiment: Experiment, datasets: dict[str, LoggedDataset], store: MlflowStore) -> None:
    problems: list[str] = []
    parts, has_meta = _look(folder, problems)
    if not has_meta and not _RUN_PARTS.intersection(parts) and not problems:
        return
    said = _mapping(folder / _META, problems)
    run = LoggedRun(
        text(said.get("run_id") or said.get("run_uuid")) or folder.name,
        experiment,
        text(said.get("run_name")),
        status_name(said.get("status", "")),
        text(said.get("user_id")),
        milliseconds(said.get("start_time")),
        milliseconds(said.get("end_time")),
        text(said.get("artifact_uri")),
        experiment.deleted or said.get("lifecycle_stage", ACTIVE) == DELETED,
        problems=problems,
    )
    store.runs[run.id] = run
    if run.deleted:
        return
    run.document = {
        key: text(said[key])
        for key in ("source_name", "source_version", "entry_point_name")
        if said.get(key) not in (None, "")
    }
    if "params" in parts:
        run.params = _values_below(f"{folder}/params", problems)
    if "tags" in parts:
        run.tags = _values_below(f"{folder}/tags", problems)
    if "metrics" in parts:
        _read_metrics(folder, run)
    for name in subfolders(folder / "inputs") if "inputs" in parts else ():
        _read_input(folder / "inputs" / name, run, datasets)
    if "outputs" in parts:
        run.document["outputs"] = {
            name: _mapping(folder / "outputs" / name / _META, problems).get("step")
            for name in subfolders(folder / "outputs")
        }


def _read_metrics(folder: Path, run: LoggedRun) -> None:
    about: dict[str, str] = {}
    for name, path in _files_below(f"{folder}/metrics", run.problems):
        history, bad = History(), 0
        try:
            for line in _lines(path):
                fields = line.split(None, 3)
                try:
                    time, value = int(fields[0]), float(fields[1])
                    history.add(int(fields[2]) if len(fields) > 2 else 0, value, time)
                except (ValueError, IndexError, OverflowError):
                    bad += bool(fields)
                    continue
                if len(fields) > 3:  # the dataset it was computed on: name and digest
                    about[name] = fields[3].decode(errors="replace").strip()
        except OSError as error:
            run.problems.append(f"The metric {name} can't be read: {error.strerror}.")
            continue
        if history.count:
            run.metrics[name] = history
        if bad or not history.count:
            told = f"{bad} lines that are no values" if bad else "no value"
            run.problems.append(f"The metric {name} has {told}.")
        if bad or history.kept < history.count:
            run.files.append((f"metrics/{name}", Path(path)))
    if about:
        run.document["metric_datasets"] = about


def _read_input(folder: Path, run: LoggedRun, datasets: dict[str, LoggedDataset]) -> None:
    said = _mapping(folder / _META, run.problems)
    source, kind = text(said.get("source_id")), text(said.get("source_type"))
    if "MODEL" in kind or source.startswith("m-"):
        run.document.setdefault("model_inputs", []).append(source)
        return
    dataset = datasets.get(source)
    if dataset is None:
        run.problems.append(f"The dataset {source or folder.name} of the run is not there.")
        return
    tags = said.get("tags")
    own = {str(key): text(value) for key, value in tags.items()} if isinstance(tags, dict) else {}
    run.datasets.append(replace(dataset, tags=own))


def _dataset(folder: Path, problems: list[str]) -> LoggedDataset:
    said = _mapping(folder / _META, problems)
    return LoggedDataset.read(said.get(key) for key in _DATASET_FIELDS)


def _model(folder: Path, experiment: Experiment, problems: list[str]) -> LoggedModel:
    said = _mapping(folder / _META, problems)
    model = LoggedModel(
        text(said.get("model_id")) or folder.name,
        text(said.get("name")),
        experiment.id,
        text(said.get("source_run_id")),
        text(said.get("model_type")),
        text(said.get("status")),
        text(said.get("artifact_location")),
        milliseconds(said.get("creation_timestamp")),
        said.get("lifecycle_stage") == DELETED,
    )
    parts, _ = _look(folder, problems)
    if model.deleted:
        return model
    if "params" in parts:
        model.params = _values_below(f"{folder}/params", problems)
    if "tags" in parts:
        model.tags = _values_below(f"{folder}/tags", problems)
    for name, path in _files_below(f"{folder}/metrics", problems) if "metrics" in parts else ():
        for line in _lines(path):
            fields = line.decode(errors="replace").split(None, 4)
            try:
                time, value, step = int(fields[0]), float(fields[1]), int(fields[2])
            except (ValueError, IndexError):
                continue
            about = zip(("run_id", "dataset"), (field.strip() for field in fields[3:]), strict=False)
            model.add(name, value, step, time, **dict(about))
    return model


def _read_registry(folder: Path, store: MlflowStore, problems: list[str]) -> None:
    """Note in each run the registered models that were made from it."""
    for name in subfolders(folder):
        aliases = _values_below(f"{folder}/{name}/aliases", problems)
        for version in subfolders(folder / name):
            if not version.startswith("version-"):
                continue
            said = _mapping(folder / name / version / _META, problems)
            run = store.runs.get(text(said.get("run_id")))
            number = text(said.get("version"))
            if run is not None and not run.deleted and said.get("current_stage") != "Deleted_Internal":
                run.document.setdefault("registered", []).append(
                    {
                        "name": text(said.get("name")) or name,
                        "version": number,
                        "stage": text(said.get("current_stage")),
                        "description": text(said.get("description")),
                        "aliases": [alias for alias, at in aliases.items() if at == number],
                        "tags": _values_below(f"{folder}/{name}/{version}/tags", problems),
                    }
                )


# ---------------------------------------------------------------- small files


def _mapping(path: Path, problems: list[str]) -> dict[str, Any]:
    said = read_yaml(path, problems)
    if isinstance(said, dict):
        return said
    if said is not None:
        problems.append(f"{'/'.join(path.parts[-3:])} says nothing that can be read.")
    return {}


def _values_below(folder: str, problems: list[str]) -> dict[str, str]:
    """The texts of all files below a folder by their keys."""
    found = {}
    for name, path in _files_below(folder, problems):
        try:
            data = _bytes(path)
        except OSError as error:
            problems.append(f"{os.path.basename(folder)}/{name} can't be read: {error.strerror}.")
            continue
        if len(data) > _MOST:
            problems.append(f"{os.path.basename(folder)}/{name} is too long; its beginning is kept.")
            data = data[:_MOST]
        found[name] = data.decode(errors="replace")
    return found


def _files_below(folder: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Keys and paths of all files below a folder, in order."""
    found: list[tuple[str, str]] = []
    waiting = [("", folder, 0)]
    while waiting:
        key, path, level = waiting.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.append((readable(key + entry.name), entry.path))
                    elif entry.is_dir(follow_symlinks=False) and level < _MAX_DEEP:
                        waiting.append((f"{key}{entry.name}/", entry.path, level + 1))
                    else:
                        kind = "a link" if entry.is_symlink() else "neither file nor folder"
                        problems.append(
                            f"{os.path.basename(folder)}/{readable(key + entry.name)} is {kind} and is left out."
                        )
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{os.path.basename(folder)}/{readable(key)} can't be read: {error.strerror}.")
    return iter(sorted(found))


def _bytes(path: str) -> bytes:
    """A file whole, up to a little more than is allowed. Ten thousand runs have hundreds of thousands of them."""
    handle = os.open(path, _FLAGS)
    try:
        data = os.read(handle, _AT_ONCE)
        return data if len(data) < _AT_ONCE else data + os.read(handle, _MOST)
    finally:
        os.close(handle)


def _lines(path: str) -> Iterator[bytes]:
    """The lines of a file, however many."""
    handle = os.open(path, _FLAGS)
    data = os.read(handle, _AT_ONCE)
    if len(data) < _AT_ONCE:
        os.close(handle)
        yield from data.splitlines()
        return
    with os.fdopen(handle, "rb") as file:
        file.seek(0)
        yield from file


def _first_bytes(path: Path) -> bytes:
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return b""
    try:
        return os.read(handle, 4096)
    except OSError:
        return b""
    finally:
        os.close(handle)


def _look(folder: Path, problems: list[str]) -> tuple[list[str], bool]:
    """The names of the folders in a folder, sorted, and whether it has a document; links are problems."""
    parts, has_meta = [], False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    parts.append(entry.name)
                elif entry.name == _META:
                    has_meta = True
                elif entry.is_symlink():
                    problems.append(f"{readable(f'{folder.name}/{entry.name}')} is a link and is left out.")
    except OSError as error:
        problems.append(f"The folder {readable(folder.name)} can't be read: {error.strerror}.")
    return sorted(parts), has_meta
