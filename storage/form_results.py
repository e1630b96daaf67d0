"""Results as folders of numbered pickles: `<dataset>/<name>_<hash>/` with pipeline.json, metadata.json and the rest.

The scores and arrays of all configurations of a dataset lie in `<dataset>/predictions.json`, arrays as JSON text. The
report that metadata.json lists may be another configuration's; files are taken from where they lie.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
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
    as_list,
    digest_of,
    file_moment,
    moment,
    named,
    peek,
    read_entries,
    read_json_file,
    subfolders,
    whole,
)

name = "results"
title = "results as folders with numbered pickles"

PREDICTIONS = "predictions.json"
CONFIG = "pipeline.json"
METADATA = "metadata.json"
_ENTRY = re.compile(rb'"(?:config_name|config_path|model_name)"\s*:')
_STEP = re.compile(r"(\d+)_(.+)")


def find(folder: Path) -> Path | None:
    """The folder whose subfolders are datasets with configurations."""
    if _is_place(folder, 1_000):
        return folder
    return next((place for place in subfolders(folder, 200) if _is_place(place, 50)), None)


def runs(place: Path, problems: list[str]) -> Iterator[ForeignRun]:
    """Runs by dataset and day."""
    source = Source(place, problems)
    for dataset in source.folders():
        if is_dataset(source.path(dataset)):
            yield from runs_by_day(_dataset(source, dataset, problems))


def is_dataset(folder: Path) -> bool:
    """Whether a folder has predictions in entries, or configurations with what is known of them."""
    return has_entries(folder / PREDICTIONS) or any(
        (one / METADATA).is_file() and (one / CONFIG).is_file() for one in subfolders(folder, 20)
    )


def has_entries(path: Path) -> bool:
    """Whether a JSON file begins with prediction entries."""
    return _ENTRY.search(peek(path)) is not None


def _is_place(folder: Path, most: int) -> bool:
    """Whether some of the first subfolders, `most` of them, are datasets: a folder may be anything, and large."""
    if any((one / "manifest.yaml").is_file() for one in subfolders(folder / "pipelines", 20)):
        return False  # the same with manifests, which tell more
    return any(is_dataset(one) for one in subfolders(folder, most))


def _dataset(source: Source, dataset: str, problems: list[str]) -> list[Configuration]:
    """The configurations of a dataset with the files that lie beside them."""
    entries, damaged = entries_of(source, dataset, problems)
    by_config: dict[str, list[Entry]] = {}
    for entry in entries:
        by_config.setdefault(entry.config_name, []).append(entry)
    found = []
    for folder in source.folders(dataset):
        at = posixpath.join(dataset, folder)
        if CONFIG in source.files(at) or METADATA in source.files(at) or folder in by_config:
            found.append(_configuration(source, dataset, folder))
        else:
            source.leave_out(source.below(at))
    known = {one.name for one in found}
    for config_name in by_config:
        if config_name not in known:
            found.append(without_folder(source, dataset, config_name))
    for one in found:
        share_out([one], by_config.get(one.name, ()))
    beside = [file for file in source.files(dataset) if file != PREDICTIONS or damaged]
    files = [ForeignFile(file, source.path(posixpath.join(dataset, file))) for file in beside]
    if found:
        attach(files, found)
    else:
        source.leave_out(f"{dataset}/{file.name}" for file in files)
    return found


def entries_of(source: Source, dataset: str, problems: list[str]) -> tuple[list[Entry], bool]:
    """The prediction entries of a dataset, and whether their file is damaged."""
    if PREDICTIONS not in source.files(dataset):
        return [], False
    before = len(problems)
    try:
        said = read_entries(source.path(posixpath.join(dataset, PREDICTIONS)), problems)
    except StorageError as error:
        problems.append(f"{dataset}: {error.what}")
        return [], True
    return [Entry(one, lambda one=one: one) for one in said], len(problems) > before  # type: ignore[misc]


def without_folder(source: Source, dataset: str, config_name: str) -> Configuration:
    """A configuration of which there are predictions alone."""
    return Configuration(
        id=f"{dataset}/{config_name}",
        name=config_name,
        dataset_name=dataset,
        created_at=file_moment(source.path(posixpath.join(dataset, PREDICTIONS))),
        original={"config_name": config_name},
        problems=[f"There is no folder {dataset}/{config_name}; its date is that of {PREDICTIONS}."],
    )


def read_config(source: Source, at: str, file: str, configuration: Configuration) -> Any:
    """A JSON document of a configuration, None where there is none; a damaged one is a problem and kept as a file."""
    if file not in source.files(at):
        return None
    path = source.path(posixpath.join(at, file))
    try:
        return read_json_file(path)
    except StorageError as error:
        configuration.problems.append(error.what)
        configuration.files.append(ForeignFile(file, path))
        return None


def _configuration(source: Source, dataset: str, folder: str) -> Configuration:
    at = posixpath.join(dataset, folder)
    found = Configuration(f"{dataset}/{folder}", folder, dataset, original={"config_name": folder})
    found.config = read_config(source, at, CONFIG, found)
    told = as_dict(read_config(source, at, METADATA, found))
    found.dataset_name = str(told.get("dataset_name") or dataset)
    found.original |= {key: told[key] for key in ("session_id", "pipeline_name", "uid") if key in told}
    found.document = {METADATA: told} if told else {}
    records = _records(told)
    _take_files(source, at, found, records)
    saved = [when for record in records.values() if (when := moment(record.get("saved_at"))) is not None]
    found.created_at = moment(named(told, ("created_at", "date", "timestamp"))) or min(saved, default=None)
    found.completed_at = max(saved, default=None)
    if found.created_at is None:
        kept = [file for file in (CONFIG, METADATA) if file in source.files(at)]
        found.created_at = file_moment(source.path(posixpath.join(at, kept[0] if kept else "")))
        found.problems.append("No date was recorded; it has that of its files.")
    return found


def _records(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is recorded of the files of a configuration, by their names in its folder."""
    found: dict[str, dict[str, Any]] = {}
    for step, records in as_dict(told.get("binaries")).items():
        for record in as_list(records) or [as_dict(records)]:
            record = {"step": whole(step), **as_dict(record)}
            file = str(named(record, ("relative_path", "path", "filename")) or "").replace("\\", "/")
            found[posixpath.basename(file)] = record
    for file, record in as_dict(told.get("files")).items():
        found.setdefault(posixpath.basename(file.replace("\\", "/")), as_dict(record))
    found.pop("", None)
    return found


def _take_files(source: Source, at: str, found: Configuration, records: dict[str, dict[str, Any]]) -> None:
    """All files of a configuration's folder, by what they are; one that is recorded and is not there is a problem."""
    there = set()
    for place in source.below(at):
        file = posixpath.relpath(place, at)
        there.add(posixpath.basename(file))
        if file in (CONFIG, METADATA):
            continue
        record = records.get(posixpath.basename(file), {})
        label = file.partition("/")[0]  # what was saved as a folder is called by it
        match = _STEP.match(label)
        step = whole(record.get("step")) if record.get("step") is not None else whole(match[1]) if match else None
        digest = digest_of(named(record, ("sha256", "hash", "content_hash")))
        one = ForeignFile(file, source.path(place), digest, step or 0)
        ending = posixpath.splitext(file)[1].lower()
        if ending in CHARTS:
            found.charts.append(one)
        elif ending in PLAIN:
            found.files.append(one)
        else:
            found.artifacts.append(Stored(one, step, label=label))
    for file, record in records.items():
        if file not in there and "step" in record:
            found.problems.append(f"{file} was recorded and is not there.")
