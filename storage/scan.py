"""Reading the run folders: what is on disk, and what of it changed since the index last looked.

A folder whose documents have the same times, sizes and inodes is not read again; a document younger than the scan
is read once more next time, for its time stamp may not move. Links are never followed. One damaged folder is named
and the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from storage.errors import BadInput, Corrupt, NotFound, StorageError, TooNew, os_errors
from storage.layout import Layout, pipeline_number
from storage.records import AnyRecord, PipelineRecord, RunConfig, RunSummary, read_document
from storage.trees import file_signature


@dataclass(frozen=True)
class RunScan:
    """What was found of one run folder: its row for the index, pipelines that changed, pipelines that are gone."""

    run: dict[str, Any]
    changed: list[dict[str, Any]]
    gone: list[str]


def run_folders(layout: Layout) -> list[os.DirEntry[str]]:
    """The folders below runs/, links and machine folders left out; none where runs/ itself is a link."""
    if layout.runs.is_symlink():
        return []  # it leads elsewhere
    try:
        with os_errors("list the runs", layout.runs), os.scandir(layout.runs) as entries:
            return [e for e in entries if e.name[0] not in "._" and e.is_dir(follow_symlinks=False)]
    except (NotFound, BadInput):  # the latter: it is no folder, which the check tells
        return []


def changed_runs(
    layout: Layout, known: Mapping[str, str], pipelines_of: Callable[[str], Mapping[str, str]], full: bool = False
) -> Iterator[RunScan]:
    """Read what changed. `known` are signatures by folder, `pipelines_of(folder)` those of its pipelines.

    With `full` every document is looked at; without it, a finished run whose own documents and folder are as they
    were is taken to be unchanged.
    """
    for entry in run_folders(layout):
        signature = run_signature(entry.path)  # of ten thousand runs making paths would take longer than looking
        if not full and signature and known.get(entry.name) == signature:
            continue
        yield scan_run(Path(entry.path), signature, pipelines_of(entry.name))


def scan_run(folder: Path, signature: str, known: Mapping[str, str]) -> RunScan:
    """Read one run folder; whatever is wrong with it becomes its `problem`."""
    config, problem, config_lasts = _read(folder / "run_config.json", RunConfig)
    summary, summary_problem, summary_lasts = _read(folder / "run_summary.json", RunSummary)
    lasts = config_lasts and summary_lasts
    changed: list[dict[str, Any]] = []
    seen: set[str] = set()
    try:
        entries = _pipeline_folders(folder)
    except OSError as error:
        entries, lasts = [], False
        problem = problem or f"{folder.name} can't be read: {error.strerror}."
    for entry in entries:
        seen.add(entry.name)
        own = file_signature(os.path.join(entry.path, "pipeline.json"))
        if not own or known.get(entry.name) != own:
            changed.append(_pipeline_row(folder.name, Path(entry.path), own))
            lasts = lasts and changed[-1]["signature"] == own
    running = summary is None or summary.status == "running"
    best = summary.best_pipeline if summary else None
    row = {
        "folder": folder.name,
        "run_id": config.run_id if config else folder.name,
        "dataset_name": config.dataset_name if config else "",
        "run_name": config.run_name if config else "",
        "date": _date(config, summary, folder),
        "created_at": config.created_at if config else None,
        "status": summary.status if summary else "damaged",
        "writer": summary.writer if summary else "",
        "metric_name": best.metric_name if best else None,
        "metric_value": best.metric_value if best else None,
        "task_type": (config.task_type if config else None) or "",
        "problem": problem or summary_problem,
        "signature": signature if lasts and not running else "",
    }
    return RunScan(row, changed, [name for name in known if name not in seen])


def _date(config: RunConfig | None, summary: RunSummary | None, folder: Path) -> str:
    """The day of a run, as its id says it, else as its time does.

    Of one whose configuration can't be read it is the day it was started, else the one its folder's name begins with:
    so it stays where people look for it. Empty when nothing tells.
    """
    if config is None:
        return summary.started_at.date().isoformat() if summary is not None else _leading_date(folder.name)
    return config.run_id[:10] if config.run_id[:4].isdigit() else config.created_at.date().isoformat()


def _leading_date(name: str) -> str:
    try:
        return date.fromisoformat(name[:10]).isoformat()
    except ValueError:
        return ""


def _pipeline_folders(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [e for e in entries if pipeline_number(e.name) is not None and e.is_dir(follow_symlinks=False)]


def _pipeline_row(run_folder: str, folder: Path, signature: str) -> dict[str, Any]:
    record, problem, lasts = _read(folder / "pipeline.json", PipelineRecord)
    return {
        "folder": run_folder,
        "pipeline_id": folder.name,
        "number": pipeline_number(folder.name),
        "name": record.name if record else "",
        "status": record.status if record else "damaged",
        "writer": record.writer if record else "",
        "model_type": record.model_type if record else "",
        "prediction_id": record.prediction_id if record else "",
        "thinned": record.thinned.archive if record and record.thinned else None,
        "problem": problem,
        "signature": signature if lasts else "",
    }


def _read(path: Path, kind: type[AnyRecord]) -> tuple[AnyRecord | None, str | None, bool]:
    """A document, what is wrong with it, and whether that is so until it changes; a disk may fail for a moment."""
    try:
        return read_document(path, kind), None, True
    except NotFound:
        return None, f"{path.name} is missing.", True
    except StorageError as error:
        return None, error.what, isinstance(error, (Corrupt, TooNew))


def run_signature(folder: Path | str) -> str:
    """What tells whether a run folder changed since it was last read; empty when that can't be told yet."""
    return file_signature(folder, os.path.join(folder, "run_config.json"), os.path.join(folder, "run_summary.json"))
