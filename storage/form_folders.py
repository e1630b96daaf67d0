"""Workspaces of run folders: `runs/<date>_<dataset>/<number>_<name>_<hash>/` with a manifest each, beside `_binaries/`.

Scores lie in `<dataset>.meta.parquet`, the arrays they name by ids in `<dataset>.arrays.parquet`; in earlier versions
in `<dataset>.json`. In later versions the run folder has no date and the objects lie in `binaries/<dataset>/`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from storage.errors import StorageError
from storage.foreign import ForeignFile, ForeignRun
from storage.form_configurations import Configuration, Stored, attach, run_of, runs_by_day, share_out
from storage.form_entries import ARRAYS, Entry
from storage.form_files import (
    CHARTS,
    PLAIN,
    Source,
    file_moment,
    read_entries,
    subfolders,
)
from storage.form_manifests import MANIFEST, read_manifest, take_artifacts
from storage.form_results import CONFIG, has_entries, read_config
from storage.form_tables import Tables, read_rows

name = "folders"
title = "workspaces of run folders"

_RUNS, _BINARIES, _SHARED = "runs", "_binaries", "binaries"
_BESIDE = ("exports", "library", "outputs")
_META, _ARRAYS = ".meta.parquet", ".arrays.parquet"
_COLUMNS = ("array_id", "array_data", "array_shape")
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})(?:_(.*))?")
_IDS = ("pipeline_uid", "pipeline_id", "config_name")


def find(folder: Path) -> Path | None:
    """The folder whose `runs` have pipelines with manifests."""
    return next((place for place in (folder, *subfolders(folder)) if _is_place(place)), None)


def _is_place(folder: Path) -> bool:
    pipelines = (one for run in subfolders(folder / _RUNS) for one in subfolders(run, 20))
    return any((one / MANIFEST).is_file() for one in pipelines)


def runs(place: Path, problems: list[str]) -> Iterator[ForeignRun]:
    """Runs by run folder, and by dataset and day where a folder has no date."""
    source = Source(place, problems)
    used: set[str] = set()
    folders = {run: _configurations(source, run, used) for run in source.folders(_RUNS)}
    every = [one for found in folders.values() for one in found]
    lone = _give_entries(source, every, problems)
    _attach_beside(source, folders, [*every, *lone], problems)
    for run, found in folders.items():
        yield from _runs_of(run, found)
    yield from runs_by_day(lone)
    for at in (*(posixpath.join(_RUNS, run, _BINARIES) for run in folders), _SHARED):
        source.leave_out(file for file in source.below(at) if file not in used)


def _runs_of(folder: str, found: list[Configuration]) -> Iterator[ForeignRun]:
    match = _DATED.fullmatch(folder)
    try:
        day = date.fromisoformat(match[1]) if match is not None else None
    except ValueError:
        day = None
    if match is None or day is None:
        yield from runs_by_day(found)
        return
    for dataset in sorted({one.dataset_name for one in found}):
        rest = match[2] or ""
        named_so = rest == dataset or rest.startswith(f"{dataset}_")
        run_name = rest.removeprefix(dataset).lstrip("_") if named_so else rest
        yield run_of(dataset, day, [one for one in found if one.dataset_name == dataset], run_name)


# ---------------------------------------------------------------- configurations


def _configurations(source: Source, run: str, used: set[str]) -> list[Configuration]:
    at = posixpath.join(_RUNS, run)
    found = []
    for folder in source.folders(at):
        files = source.files(posixpath.join(at, folder))
        if not folder.startswith("_") and (MANIFEST in files or CONFIG in files):
            found.append(_configuration(source, run, folder, used))
    return found


def _configuration(source: Source, run: str, folder: str, used: set[str]) -> Configuration:
    at = posixpath.join(_RUNS, run, folder)
    match = _DATED.fullmatch(run)
    dataset = (match[2] if match is not None else run) or run
    found = Configuration(f"{run}/{folder}", folder, dataset, original={"pipeline_id": folder, "run": run})
    if MANIFEST in source.files(at):
        told: Mapping[str, Any] = read_manifest(source, at, found)
    else:
        told = {}
        found.created_at = file_moment(source.path(posixpath.join(at, CONFIG)))
        found.problems.append(f"There is no manifest of {folder}; its date is that of {CONFIG}.")
    written = read_config(source, at, CONFIG, found)
    if not found.config:
        found.config = written
    own, shared = posixpath.join(_RUNS, run, _BINARIES), posixpath.join(_SHARED, found.dataset_name)
    used |= take_artifacts(source, found, told, [own, shared, at, _SHARED, _RUNS, ""], [own, shared])
    _take_folder(source, at, found, used)
    return found


def _take_folder(source: Source, at: str, found: Configuration, used: set[str]) -> None:
    """What else lies in the folder of a pipeline."""
    known = {one.path for one in (*found.charts, *found.files)}
    for place in source.below(at):
        file, path = posixpath.relpath(place, at), source.path(place)
        if file in (MANIFEST, CONFIG) or place in used or path in known:
            continue
        ending = posixpath.splitext(file)[1].lower()
        if ending in CHARTS:
            found.charts.append(ForeignFile(file, path))
        elif ending in PLAIN or not ending:
            found.files.append(ForeignFile(file, path))
        else:
            found.artifacts.append(Stored(ForeignFile(file, path), label=posixpath.basename(file)))


def _attach_beside(
    source: Source, folders: Mapping[str, list[Configuration]], every: list[Configuration], problems: list[str]
) -> None:
    """Reports beside the pipelines of a run, and what was exported from a workspace."""
    for run, found in folders.items():
        at = posixpath.join(_RUNS, run)
        files = [ForeignFile(one, source.path(posixpath.join(at, one))) for one in source.files(at)]
        if found:
            attach(files, found)
        else:
            source.leave_out(f"{at}/{one.name}" for one in files)
    for top in _BESIDE:
        files = [ForeignFile(posixpath.relpath(one, top), source.path(one)) for one in source.below(top)]
        if every:
            attach(files, every)


# ---------------------------------------------------------------- predictions


def _give_entries(source: Source, every: list[Configuration], problems: list[str]) -> list[Configuration]:
    """Give the entries of all datasets to the configurations they name; returns those that have no folder."""
    known: dict[tuple[str, str], list[Configuration]] = {}
    for one in sorted(every, key=lambda one: (one.created_at is not None and one.created_at.timestamp(), one.id)):
        ids = {one.name, *(str(value) for key, value in one.original.items() if key != "run")}
        for called in ids:
            known.setdefault((one.dataset_name, called), []).append(one)
            known.setdefault(("", called), []).append(one)
    lone: list[Configuration] = []
    tables = Tables()
    for file in source.files():
        waiting: dict[tuple[str, str], list[Entry]] = {}
        for dataset, entry in _entries(source, file, tables, problems):
            waiting.setdefault(_key(entry, dataset, known), []).append(entry)
        for key, entries in waiting.items():
            if key not in known:
                known[key] = [_without_folder(source, file, *key)]
                lone += known[key]
            share_out(known[key], entries)
    return lone


def _key(entry: Entry, dataset: str, known: Mapping[tuple[str, str], Any]) -> tuple[str, str]:
    """What names the configuration of an entry: an id that is known, of its dataset if it can be."""
    told = [str(entry.said.get(name) or "") for name in _IDS]
    keys = [(place, one) for place in (dataset, "") for one in told if one]
    return next((key for key in keys if key in known), (dataset, entry.config_name or "unknown"))


def _without_folder(source: Source, file: str, dataset: str, called: str) -> Configuration:
    return Configuration(
        id=f"{dataset}/{called}",
        name=called,
        dataset_name=dataset,
        created_at=file_moment(source.path(file)),
        original={"config_name": called},
        problems=[f"There is no folder of {called}; its date is that of {file}."],
    )


def _entries(source: Source, file: str, tables: Tables, problems: list[str]) -> Iterator[tuple[str, Entry]]:
    """The entries of a file at the top of a workspace with their datasets; none where it is no such file."""
    path = source.path(file)
    try:
        if file.endswith(_META):
            dataset = file.removesuffix(_META)
            arrays = source.file(f"{dataset}{_ARRAYS}")
            if arrays is None:
                problems.append(f"{dataset}{_ARRAYS} is not there: the scores of {dataset} have no arrays.")
            for said in read_rows(path):
                read = partial(_read, said, tables, source.path(arrays) if arrays is not None else None)
                yield str(said.get("dataset_name") or dataset), Entry(said, read)
        elif file.endswith(".json") and has_entries(path):
            dataset = file.removesuffix(".json")
            for said in read_entries(path, problems):
                yield str(said.get("dataset_name") or dataset), Entry(said, partial(_itself, said))
    except StorageError as error:
        problems.append(error.what)


def _itself(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return said


def _read(said: Mapping[str, Any], tables: Tables, path: Path | None) -> Mapping[str, Any]:
    """The arrays an entry names by their ids, or those that lie in it. Raises Corrupt."""
    found: dict[str, Any] = {name: said[name] for name in ARRAYS if name in said}
    ids = {name: said[f"{name}_id"] for name in (*ARRAYS, "weights") if said.get(f"{name}_id")}
    if path is None or not ids:
        return found
    table = tables.read(path, _COLUMNS, "array_id")
    for name, array_id in ids.items():
        row = table.rows.get(array_id)
        if row is not None:
            found[name] = table.cell("array_data", row)
            found[f"{name}_shape"] = table.cell("array_shape", row)
    return found
