"""Asking again for what was run: from the documents of a run back to a request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from storage.datasets import file_hash
from storage.errors import BadInput, Corrupt, NotFound
from storage.records import PipelineRecord, first_reason
from storage.requests import RunRequest
from storage.runs import Run

Which = Literal["failed", "all"] | Sequence[str]


def rerun_request(run: Run, only: Which, *, same_data: bool) -> RunRequest:
    """The request that trains pipelines of a run again: those that failed, all, or some by their ids.

    One that failed and was completed later in the same run has not failed. With `same_data` the file they were trained
    on must be there and unchanged. Raises NotFound when it is not, or when nothing is to be trained again; BadInput
    for pipelines that no configuration tells of, or that no single request can ask for; Corrupt.
    """
    chosen = _chosen(run, only)
    first = chosen[0]
    source = first.dataset_source
    if any((r.seed, r.dataset_source.data_hash) != (first.seed, source.data_hash) for r in chosen):
        raise BadInput(
            f"The pipelines of {run.run_id} were trained on different data or with different seeds.",
            advice="Choose those of one kind.",
        )
    if same_data:
        _check_data(source.path, source.sha256)
    split = {key: value for key, value in source.split.items() if key in ("column", "test_size")}
    jobs = run.config.global_params.get("jobs")
    id_column = (source.model_extra or {}).get("id_column")
    configs = [_config(record) for record in chosen]
    try:
        return RunRequest(
            data=Path(source.path),
            target=source.target,
            id_column=id_column if isinstance(id_column, str) else None,
            split_column=split.get("column"),
            test_size=split.get("test_size"),
            task=first.task_type or run.config.task_type,
            dataset_name=run.config.dataset_name,
            configs=configs,
            run_name=run.config.run_name,
            description=run.config.description,
            units=source.units,
            jobs=jobs if isinstance(jobs, int) and jobs > 0 else 1,
            seed=first.seed or 0,
            again=any(record.status == "completed" for record in chosen),
        )
    except ValidationError as error:
        reason = f"The pipeline.json of {first.id} is damaged: {first_reason(error)}."
        raise Corrupt(reason, run.folder / first.id, "Start a new run on the data file.") from error


def _chosen(run: Run, only: Which) -> list[PipelineRecord]:
    """The records to train again, each configuration once, by number."""
    records = [pipeline.record for pipeline in run.pipelines()]
    if only == "failed":
        done = {_work(record) for record in records if record.status == "completed"}
        found = [record for record in records if record.status == "failed" and _work(record) not in done]
    elif only == "all":
        found = records
    else:
        found = [record for record in records if record.id in set(only)]
        missing = set(only) - {record.id for record in found}
        if missing:
            raise NotFound(f"There is no pipeline '{min(missing)}' in {run.run_id}.", run.folder, "Choose another.")
    if not found:
        what = "failed" if only == "failed" else "is there to be trained again"
        raise NotFound(f"No pipeline of {run.run_id} {what}.", run.folder, "There is nothing to do.")
    return list({_work(record): record for record in found}.values())


def _work(record: PipelineRecord) -> tuple[str, int | None, str]:
    return record.hash, record.seed, record.dataset_source.data_hash


def _config(record: PipelineRecord) -> dict[str, Any]:
    template = dict(record.template)
    config_file = template.pop("config_file", "")
    if not isinstance(template.get("steps"), list) or not template["steps"]:
        raise BadInput(
            f"{record.id} has no configuration it could be trained from: it was recorded by a script.",
            advice="Run the script again.",
        )
    return {**template, "pipeline_name": record.name, "config_file": config_file}


def _check_data(path: str, sha256: str) -> None:
    if not path:
        raise NotFound(
            "The data of this run came from a script, not from a file.", advice="Run the script again to train on them."
        )
    if not os.path.isfile(path):
        raise NotFound(
            f"The data file {path} is gone.", Path(path), "Put it back, or run the pipelines on another file."
        )
    if sha256 and file_hash(Path(path)) != sha256:
        raise NotFound(
            f"The data file {path} is no longer what these pipelines were trained on.",
            Path(path),
            "Put the old file back, or start a new run with the changed one.",
        )
