"""Results with one manifest for each configuration: `pipelines/<uid>/manifest.yaml`, and objects named by their sha256.

Scores and arrays lie in `<dataset>/predictions.json`, configurations also in `<dataset>/<name>/pipeline.json`, charts
in `outputs/<dataset>_<name>/`: a manifest names them by paths of another computer, and without a digest or a step.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from storage.errors import StorageError
from storage.foreign import ForeignFile, ForeignRun
from storage.form_configurations import Configuration, Stored, attach, runs_by_day, share_out
from storage.form_entries import Entry
from storage.form_files import (
    CHARTS,
    PLAIN,
    Source,
    as_dict,
    digest_of,
    file_moment,
    moment,
    named,
    read_yaml_file,
    subfolders,
    whole,
)
from storage.form_results import CONFIG, PREDICTIONS, entries_of, read_config, without_folder

name = "manifests"
title = "results with manifests and objects named by their digests"

MANIFEST = "manifest.yaml"
_PIPELINES, _OBJECTS, _OUTPUTS, _DATASETS = "pipelines", "artifacts", "outputs", "datasets"
_TAKEN = frozenset({_PIPELINES, _OBJECTS, _OUTPUTS, _DATASETS})
_PLACED = ("uid", "name", "dataset", "pipeline", "created_at")


def find(folder: Path) -> Path | None:
    """The folder in which manifests lie by their ids."""
    return next((place for place in (folder, *subfolders(folder)) if _is_place(place)), None)


def _is_place(folder: Path) -> bool:
    return any((one / MANIFEST).is_file() for one in subfolders(folder / _PIPELINES))


def runs(place: Path, problems: list[str]) -> Iterator[ForeignRun]:
    """Runs by dataset and day."""
    source = Source(place, problems)
    indexed = _index(source, problems)
    used: set[str] = set()
    found: dict[str, list[Configuration]] = {}
    for uid in source.folders(_PIPELINES):
        one = _configuration(source, uid, indexed.get(uid, ("", "")), used)
        found.setdefault(one.dataset_name, []).append(one)
    datasets = [one for one in source.folders() if one not in _TAKEN and _is_dataset(source, one)]
    for dataset in sorted({*datasets, *found}):
        yield from runs_by_day(_dataset(source, dataset, found.get(dataset, []), used, problems))
    for top in (_OBJECTS, _OUTPUTS):
        source.leave_out(file for file in source.below(top) if file not in used)


def _index(source: Source, problems: list[str]) -> dict[str, tuple[str, str]]:
    """Dataset and name of each id, from the indexes of the datasets: for manifests that can't be read."""
    found: dict[str, tuple[str, str]] = {}
    for folder in source.folders(_DATASETS):
        for file in source.files(posixpath.join(_DATASETS, folder)):
            try:
                told = as_dict(read_yaml_file(source.path(posixpath.join(_DATASETS, folder, file))))
            except StorageError as error:
                problems.append(f"{folder}: {error.what}")
                continue
            dataset = str(told.get("dataset") or folder)
            found.update((str(uid), (dataset, called)) for called, uid in as_dict(told.get("pipelines")).items())
    return found


def _is_dataset(source: Source, folder: str) -> bool:
    return PREDICTIONS in source.files(folder) or any(
        CONFIG in source.files(posixpath.join(folder, one)) for one in source.folders(folder)
    )


# ---------------------------------------------------------------- manifests


def read_manifest(source: Source, at: str, found: Configuration) -> dict[str, Any]:
    """Read the manifest in a folder into its configuration; one that can't be read is a problem and kept as a file."""
    path = source.path(posixpath.join(at, MANIFEST))
    try:
        told = as_dict(read_yaml_file(path))
    except StorageError as error:
        found.problems.append(error.what)
        if MANIFEST in source.files(at):
            found.files.append(ForeignFile(MANIFEST, path))
        found.created_at = file_moment(path)
        return {}
    found.name = str(told.get("name") or found.name)
    found.dataset_name = str(told.get("dataset") or found.dataset_name)
    found.original |= {key: told[key] for key in ("uid", "pipeline_id", "pipeline_uid") if told.get(key)}
    found.config = told.get("pipeline")
    found.created_at = moment(told.get("created_at"))
    if found.created_at is None:
        found.created_at = file_moment(path)
        found.problems.append("No date was recorded; it has that of its manifest.")
    found.document["manifest"] = {key: value for key, value in told.items() if key not in _PLACED}
    return told


def artifact_records(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a manifest says of its artifacts: a list, in later versions under `items`."""
    recorded = told.get("artifacts")
    if isinstance(recorded, dict):
        recorded = recorded.get("items", list(recorded.values()))
    return [one for one in recorded if isinstance(one, dict)] if isinstance(recorded, list) else []


def take_artifacts(
    source: Source, found: Configuration, told: Mapping[str, Any], places: Sequence[str], searched: Sequence[str]
) -> set[str]:
    """Take what a manifest lists into its configuration; returns where it lies.

    A file is looked for by its path from each of `places`, then by its digest below each of those `searched`.
    """
    used = set()
    moments = [found.completed_at] if found.completed_at is not None else []
    for record in artifact_records(told):
        called = str(named(record, ("custom_name", "name", "class_name", "path")) or "")
        digest = digest_of(named(record, ("hash", "content_hash", "sha256")))
        place = _place_of(source, str(record.get("path") or ""), digest, called, places, searched)
        saved = moment(named(record, ("saved_at", "created_at")))
        moments += [saved] if saved is not None else []
        found.environment |= _versions(record)
        if place is None:
            found.problems.append(
                f"{called} was recorded{f' with sha256 {digest}' if digest else ''} and is not there."
            )
            continue
        used.add(place)
        _take(found, record, ForeignFile(called, source.path(place), digest))
    found.completed_at = max(moments, default=None)
    return used


def _take(found: Configuration, record: Mapping[str, Any], file: ForeignFile) -> None:
    endings = {posixpath.splitext(one)[1].lower() for one in (file.name, file.path.name)}
    if "chart" in str(record.get("type") or "") or endings & CHARTS:
        _add(found.charts, file)
    elif posixpath.splitext(file.name)[1].lower() in PLAIN:
        _add(found.files, file)
    else:
        step, fold = whole(named(record, ("step", "step_index"))), whole(record.get("fold_id"))
        found.artifacts.append(Stored(file, step, fold, label=posixpath.basename(file.name)))


def _add(files: list[ForeignFile], file: ForeignFile) -> None:
    if all(one.path != file.path for one in files):
        files.append(file)


def _place_of(
    source: Source, path: str, digest: str, called: str, places: Sequence[str], searched: Sequence[str]
) -> str | None:
    base = posixpath.basename(path.replace("\\", "/"))
    for one in (path, base, called):
        for place in places if one and one not in (".", "..") else ():
            if (found := source.file(place, one)) is not None:
                return found
    return next((there for one in searched if (there := source.by_digest(digest, one)) is not None), None)


def _versions(record: Mapping[str, Any]) -> dict[str, str]:
    """Versions that were recorded with an artifact: `sklearn==1.5.2`, and any `<package>_version`."""
    library, _, version = str(record.get("format_version") or "").partition("==")
    found = {library: version} if version else {}
    for key, value in record.items():
        package, _, word = str(key).rpartition("_")
        if word == "version" and package and package != "format" and isinstance(value, str) and value:
            found[package] = value
    return found


# ---------------------------------------------------------------- configurations


def _configuration(source: Source, uid: str, known: tuple[str, str], used: set[str]) -> Configuration:
    dataset, called = known
    at = posixpath.join(_PIPELINES, uid)
    found = Configuration(uid, called or uid, dataset or "unknown", original={"uid": uid})
    told = read_manifest(source, at, found)
    folder = posixpath.join(found.dataset_name, found.name)
    written = read_config(source, folder, CONFIG, found)
    if not found.config:
        found.config = written
    outputs = posixpath.join(_OUTPUTS, f"{found.dataset_name}_{found.name}")
    bases = [_OBJECTS, posixpath.join(_OBJECTS, "objects"), outputs, folder, at]
    used |= take_artifacts(source, found, told, bases, [_OBJECTS])
    for base, skipped in ((at, MANIFEST), (folder, CONFIG), (outputs, "")):
        for place in source.below(base):
            file = posixpath.relpath(place, base)
            if file == skipped:
                continue
            used.add(place)
            kept = found.charts if posixpath.splitext(file)[1].lower() in CHARTS else found.files
            _add(kept, ForeignFile(file, source.path(place)))
    return found


def _dataset(
    source: Source, dataset: str, found: list[Configuration], used: set[str], problems: list[str]
) -> list[Configuration]:
    """The configurations of a dataset, with those that have no manifest, their entries, and what lies beside them."""
    entries, damaged = entries_of(source, dataset, problems)
    by_uid = {str(one.original.get("uid")): one for one in found}
    by_name: dict[str, list[Configuration]] = {}
    for one in sorted(found, key=lambda one: (one.created_at is not None and one.created_at.timestamp(), one.id)):
        by_name.setdefault(one.name, []).append(one)
    loose: dict[str, list[Entry]] = {}
    for entry in entries:
        owner = by_uid.get(str(entry.said.get("pipeline_uid") or ""))
        if owner is not None:
            owner.entries.append(entry)
        else:
            loose.setdefault(entry.config_name, []).append(entry)
    lone = [one for one in source.folders(dataset) if CONFIG in source.files(posixpath.join(dataset, one))]
    for called in sorted({*loose, *lone} - set(by_name)):
        by_name[called] = [_without_manifest(source, dataset, called)]
        found.append(by_name[called][0])
    for called, of_name in loose.items():
        share_out(by_name[called], of_name)
    beside = [file for file in source.files(dataset) if file != PREDICTIONS or damaged]
    files = [ForeignFile(file, source.path(posixpath.join(dataset, file))) for file in beside]
    if found:
        attach(files, found)
    else:
        source.leave_out(f"{dataset}/{file.name}" for file in files)
    return found


def _without_manifest(source: Source, dataset: str, called: str) -> Configuration:
    at = posixpath.join(dataset, called)
    found = without_folder(source, dataset, called)
    found.problems = [f"There is no manifest of {called}; its date is that of its files."]
    if CONFIG in source.files(at):
        found.created_at = file_moment(source.path(posixpath.join(at, CONFIG)))
        found.config = read_config(source, at, CONFIG, found)
    return found
