"""Asking again for what was run: from the documents of a run back to a request."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from storage.datasets import file_hash
from storage.errors import BadInput, Corrupt, NotFound, os_errors
from storage.grammar import quote
from storage.layout import pipeline_number
from storage.records import PipelineRecord, first_reason
from storage.requests import RunRequest
from storage.runs import Run

Which = Literal["failed", "all"] | Sequence[str]


def rerun_request(run: Run, only: Which, *, same_data: bool) -> RunRequest:
    """The request that trains pipelines of a run again: those that failed, all, or some by their ids.

    One that failed and was completed later in the same run has not failed. With `same_data` the file they were trained
    on must be there and unchanged. Raises NotFound when it is not, or when nothing is to be trained again; BadInput
    for pipelines that no configuration tells of, or that no single request can ask for; Corrupt.

    Of one whose pipeline.json is damaged the catalog tells the steps, and another one of the same configuration how it
    is validated.
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
    leave_out = (source.model_extra or {}).get("leave_out_incomplete")
    id_column = (source.model_extra or {}).get("id_column")
    configs = [_config(record) for record in chosen]
    try:
        return RunRequest(
            data=Path(source.path),
            target=source.target,
            id_column=id_column if isinstance(id_column, str) else None,
            split_column=split.get("column"),
            test_size=split.get("test_size"),
            leave_out_incomplete=leave_out is True,
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
    sound = [pipeline.record for pipeline in run.pipelines()]
    records = sorted([*sound, *_damaged(run, sound)], key=lambda record: record.number)
    if only == "failed":
        done = {_work(record) for record in records if record.status == "completed"}
        found = [record for record in records if record.status == "failed" and _work(record) not in done]
    elif only == "all":
        found = records
    else:
        found = [record for record in records if record.id in set(only)]
        missing = set(only) - {record.id for record in found}
        if missing:
            name = min(missing)
            if pipeline_number(name) is not None and (run.folder / name).is_dir():
                raise NotFound(
                    f"The pipeline.json of {name} can't be read, and the catalog doesn't know its configuration.",
                    run.folder / name,
                    "Bring it back from a copy, or choose another.",
                )
            raise NotFound(f"There is no pipeline '{name}' in {run.run_id}.", run.folder, "Choose another.")
    if not found:
        what = "failed" if only == "failed" else "is there to be trained again"
        raise NotFound(f"No pipeline of {run.run_id} {what}.", run.folder, "There is nothing to do.")
    return list({_work(record): record for record in found}.values())


def _damaged(run: Run, sound: Sequence[PipelineRecord]) -> Iterator[PipelineRecord]:
    """Records of the pipelines whose document can't be read, as far as a request needs them; from the catalog.

    Left out are those that the catalog doesn't have, or not with the data of the run.
    """
    there = {record.id for record in sound}
    with os_errors(f"look into {run.folder.name}", run.folder):
        lost = {e.name for e in os.scandir(run.folder) if pipeline_number(e.name) is not None and e.is_dir()} - there
    if not lost:
        return
    source = run.config.dataset_source
    names = ", ".join(quote(name) for name in sorted(lost))
    for row in run.catalog.rows(run.catalog.keys(f"run_id = {quote(run.run_id)} and pipeline_id in ({names})")):
        steps = _steps(run.catalog.config(row["prediction_id"]))
        if steps and (row["data_hash"] or "") == source.data_hash:
            alike = (record for record in sound if record.config_name == row["config_name"] and record.template)
            template = next((record.template for record in alike), _plain_template(row))
            yield PipelineRecord(
                id=row["pipeline_id"],
                number=pipeline_number(row["pipeline_id"]) or 0,
                prediction_id=row["prediction_id"],
                name=row["pipeline_name"] or "",
                hash=row["config_hash"] or "",
                status="failed" if row["status"] == "failed" else "completed",
                seed=row["seed"],
                dataset_source=source,
                template={**template, "steps": steps},
            )


def _steps(config: str | None) -> list[dict[str, Any]]:
    """The steps of a catalog's text of a configuration, as a configuration says them; none where it is cut off."""
    try:
        found = json.loads(config or "null")
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list) or not all(isinstance(step, dict) and "class" in step for step in found):
        return []
    return [{key: step[key] for key in ("class", "params") if key in step} for step in found]


def _plain_template(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a catalog row tells of a configuration but for its steps."""
    folds = {"cv": {"n_splits": row["n_folds"]}} if row["n_folds"] else {}
    return {"name": row["config_name"] or row["pipeline_name"], **folds}


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
