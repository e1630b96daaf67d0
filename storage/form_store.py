"""A store of tables: a database, the arrays of each dataset in one Parquet file, artifacts by their sha256.

A chain is one model of a pipeline with the steps before it. The database is read without a trace beside it: one with
changes that wait in its log is copied elsewhere first. Times in it that say no zone are UTC, as SQLite makes them.
"""

from __future__ import annotations

import posixpath
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from storage.errors import StorageError
from storage.foreign import ForeignFile, ForeignPipeline, ForeignRun
from storage.form_bundles import Beside, give, read_beside
from storage.form_chains import artifact_ids, chain_steps, index_of, model_type_of
from storage.form_configurations import tell_apart, tidied
from storage.form_databases import MAGIC, opened
from storage.form_entries import ARRAYS, Entry, by_times, class_of, fill, number_of, params_of
from storage.form_files import (
    Source,
    as_dict,
    as_list,
    digest_of,
    file_moment,
    moment,
    named,
    peek,
    subfolders,
    unfolded,
)
from storage.form_tables import Tables, read_parquet

name = "store"
title = "workspaces with a store of tables"

_NEEDED = frozenset({"pipelines", "predictions"})
_OWN = frozenset({"runs", "pipelines", "chains", "predictions", "artifacts", "projects"})
_ARRAYS, _ARTIFACTS = "arrays", "artifacts"
_COLUMNS = ("prediction_id", *ARRAYS, *(f"{one}_shape" for one in ARRAYS), "weights")
_STATUS: Mapping[str, Literal["completed", "failed"]] = {
    "": "completed",
    "complete": "completed",
    "completed": "completed",
    "done": "completed",
    "success": "completed",
    "failed": "failed",
    "error": "failed",
}
_ERRORS = (sqlite3.Error, UnicodeDecodeError)  # the latter for names and messages in a damaged database
_Row = dict[str, Any]


def find(folder: Path) -> Path | None:
    """The folder with a database that has tables of pipelines and predictions."""
    return next((place for place in (folder, *subfolders(folder)) if _is_place(place)), None)


def _is_place(folder: Path) -> bool:
    """Whether there is such a database, or a damaged one beside arrays: then this is said, and not that nothing is."""
    problems: list[str] = []
    return bool(_databases(folder, problems)) or (bool(problems) and (folder / _ARRAYS).is_dir())


def runs(place: Path, problems: list[str]) -> Iterator[ForeignRun]:
    """Runs as the store has them, each by its datasets."""
    for path in _databases(place, problems):
        try:
            with opened(path) as database:
                found = _Store(place, path, database, problems).runs()
        except (StorageError, *_ERRORS) as error:
            problems.append(f"{path.name} can't be read: {error}")
            continue
        yield from found


# ---------------------------------------------------------------- the database


def _databases(folder: Path, problems: list[str]) -> list[Path]:
    """The databases in a folder that are stores; one that looks like it and is damaged is a problem."""
    found = []
    source = Source(folder, [])
    for file in source.files():
        path = folder / file
        if peek(path, len(MAGIC)) != MAGIC and not peek(folder / f"{file}-wal", 1):
            continue
        try:
            with opened(path) as database:
                if set(_tables(database)) >= _NEEDED:
                    found.append(path)
        except (StorageError, *_ERRORS) as error:
            problems.append(f"{file} can't be read: {error}")
    return found


def _tables(database: sqlite3.Connection) -> list[str]:
    return [str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def _rows(database: sqlite3.Connection, table: str) -> Iterator[_Row]:
    """The rows of a table without what is null. Raises what SQLite says."""
    quoted = table.replace('"', '""')
    cursor = database.execute(f'SELECT * FROM "{quoted}"')
    names = [str(column[0]) for column in cursor.description]
    for row in cursor:
        told = {key: value for key, value in zip(names, row, strict=True) if value is not None}
        yield {key: value.hex() if isinstance(value, bytes) else value for key, value in told.items()}


# ---------------------------------------------------------------- the store


class _Store:
    """Reads one database with what lies beside it."""

    def __init__(self, place: Path, path: Path, database: sqlite3.Connection, problems: list[str]) -> None:
        self._source, self._path, self._problems = Source(place, problems), path, problems
        self._database, self._known = database, set(_tables(database))
        self._arrays = _ArrayFiles(self._source)
        self._artifacts = {str(row.get("artifact_id")): row for row in self._read("artifacts")}
        self._used: set[str] = set()

    def runs(self) -> list[ForeignRun]:
        """All runs. The database isn't needed afterwards."""
        told = {str(row.get("run_id")): row for row in self._read("runs")}
        projects = {str(row.get("project_id")): row for row in self._read("projects")}
        chains = self._by("chains", "pipeline_id")
        predictions = self._by("predictions", "pipeline_id")
        others = {table: self._by(table, "pipeline_id") for table in sorted(self._known - _OWN)}
        by_run: dict[str, list[_Row]] = {}
        pipelines = list(self._read("pipelines"))
        known = {str(row.get("pipeline_id")) for row in pipelines}
        pipelines += [{"pipeline_id": one, "status": "completed"} for one in predictions if one not in known]
        for row in pipelines:
            by_run.setdefault(str(row.get("run_id") or ""), []).append(row)
        found, ids = [], _Ids()
        for run_id, rows in by_run.items():
            run = told.get(run_id, {})
            made: dict[str, list[ForeignPipeline]] = {}
            for row in rows:
                own = str(row.get("pipeline_id"))
                more = {table: rows[own] for table, rows in others.items() if own in rows}
                of_row = self._pipelines(row, chains.get(own, []), predictions.pop(own, []))
                dataset = str(row.get("dataset_name") or next((p.document["dataset"] for p in of_row), ""))
                for pipeline in of_row:
                    _tell_run(pipeline, run, projects.get(str(run.get("project_id")), {}), more)
                    ids.add(pipeline, run, row)
                made.setdefault(dataset or "unknown", []).extend(of_row)
            found += [_run(run, dataset, of_dataset) for dataset, of_dataset in made.items()]
        self._give_beside(found, ids)
        return sorted(found, key=lambda one: (one.date, one.created_at or datetime.min.replace(tzinfo=UTC)))

    def _give_beside(self, found: list[ForeignRun], ids: _Ids) -> None:
        every = [pipeline for run in found for pipeline in run.pipelines]
        for beside in read_beside(self._source, self._problems):
            if every:
                give(beside, ids.of(beside) or every)
            else:
                self._source.leave_out(file.name for file in (*beside.files, *beside.artifacts))
        self._source.leave_out(place for place in self._source.below(_ARTIFACTS) if place not in self._used)

    def _read(self, table: str) -> Iterator[_Row]:
        """The rows of a table, as far as they can be read."""
        if table not in self._known:
            return
        try:
            yield from _rows(self._database, table)
        except _ERRORS as error:
            self._problems.append(f"The table {table} of {self._path.name} can't be read to its end: {error}")

    def _by(self, table: str, key: str) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        lost = 0
        for row in self._read(table) if not table.startswith("sqlite_") else ():
            if row.get(key) is None:
                lost += 1
            else:
                found.setdefault(str(row[key]), []).append(row)
        if lost:
            self._problems.append(f"{lost} rows of the table {table} belong to no pipeline and are left out.")
        return found

    # ------------------------------------------------------------ pipelines

    def _pipelines(self, row: _Row, chains: list[_Row], predictions: list[_Row]) -> list[ForeignPipeline]:
        """One for each chain, and for each model that has predictions and no chain."""
        entries: dict[tuple[str, ...], list[Entry]] = {}
        known = {str(chain.get("chain_id")): chain for chain in chains}
        for said in predictions:
            chain_id = str(said.get("chain_id") or "")
            entry = Entry(said, partial(self._arrays.read, said))
            key = (chain_id,) if chain_id in known else (chain_id, *map(str, entry.model[1:]))
            entries.setdefault(key, []).append(entry)
        for chain_id in known:
            entries.setdefault((chain_id,), [])
        found = [
            self._pipeline(row, known.get(key[0], {}), times)
            for key, of_model in entries.items()
            for times in by_times(of_model) or [[]]
        ] or [self._pipeline(row, {}, [])]
        return tell_apart(found)

    def _pipeline(self, row: _Row, chain: _Row, entries: list[Entry]) -> ForeignPipeline:
        titles = [entry.model[1] for entry in entries]
        model = str(chain.get("model_name") or next((one for one in titles if one), ""))
        class_name = str(chain.get("model_class") or class_of(entries, model))
        config = unfolded(row.get("expanded_config") or row.get("config"))
        steps = chain_steps(config, chain, model, class_name, as_dict(chain.get("best_params")) or params_of(entries))
        made = moment(row.get("created_at"), UTC) or min(
            (when for entry in entries if (when := moment(entry.said.get("created_at"), UTC))), default=None
        )
        own, milliseconds = str(row.get("pipeline_id")), number_of(row.get("duration_ms"))
        pipeline = ForeignPipeline(
            id="/".join(part for part in (own, str(chain.get("chain_id") or model)) if part),
            name=" ".join(part for part in (str(row.get("name") or own), model) if part),
            original={key: row[key] for key in ("run_id", "pipeline_id", "dataset_hash") if key in row},
            created_at=made or file_moment(self._path),
            completed_at=moment(row.get("completed_at"), UTC),
            duration_seconds=None if milliseconds is None else milliseconds / 1000,
            status=_STATUS.get(str(row.get("status") or "").lower(), "interrupted"),
            error=str(row.get("error") or ""),
            config_name=str(row.get("name") or ""),
            config=config,
            steps=steps,
            model_type=model_type_of(steps, class_name or model),
        )
        if made is None:
            pipeline.problems.append(f"No date was recorded; it has that of {self._path.name}.")
        if model:
            pipeline.original["model_name"] = model
        if chain:
            pipeline.original["chain_id"] = chain.get("chain_id")
        dataset = next((str(one.said["dataset_name"]) for one in entries if one.said.get("dataset_name")), "")
        pipeline.document = {
            "dataset": str(row.get("dataset_name") or chain.get("dataset_name") or dataset),
            "pipeline": {key: unfolded(value) for key, value in row.items() if key != "expanded_config"},
        }
        if row.get("original_template") == row.get("expanded_config"):
            pipeline.document["pipeline"].pop("original_template", None)  # once is enough
        if chain:
            pipeline.document["chain"] = {key: unfolded(value) for key, value in chain.items()}
        if entries:
            fill(pipeline, entries)
        pipeline.metric = pipeline.metric or str(row.get("metric") or chain.get("metric") or "")
        self._take_artifacts(pipeline, chain)
        return pipeline

    def _take_artifacts(self, pipeline: ForeignPipeline, chain: _Row) -> None:
        seen = set()
        for artifact_id, step, fold in artifact_ids(chain):
            if artifact_id in seen:
                continue
            seen.add(artifact_id)
            row = self._artifacts.get(artifact_id)
            place = self._place_of(row) if row is not None else None
            if row is None or place is None:
                pipeline.problems.append(f"The artifact {artifact_id} was recorded and is not there.")
                continue
            self._used.add(place)
            index = index_of(pipeline.steps, row, step)
            tail = str(row.get("operator_class") or "").rpartition(".")[2]
            is_model = index == len(pipeline.steps) - 1
            called = (str(pipeline.original.get("model_name") or "") if is_model else "") or tail or artifact_id
            digest = digest_of(row.get("content_hash"))
            path = self._source.path(place)
            pipeline.artifacts.append(ForeignFile(f"{called}{path.suffix}", path, digest, index, fold))

    def _place_of(self, row: _Row) -> str | None:
        path, digest = str(row.get("artifact_path") or ""), digest_of(row.get("content_hash"))
        hashed = posixpath.join(digest[:2], posixpath.basename(path.replace("\\", "/")))
        for one in (path, hashed):
            if one and (place := self._source.file(_ARTIFACTS, one)) is not None:
                return place
        return self._source.by_digest(digest, _ARTIFACTS)


class _Ids:
    """Pipelines by every id that something beside the store may name them by."""

    def __init__(self) -> None:
        self._known: dict[str, list[ForeignPipeline]] = {}

    def add(self, pipeline: ForeignPipeline, run: _Row, row: _Row) -> None:
        native = str(as_dict(run.get("summary")).get("native_results_dir") or "").replace("\\", "/")
        predictions = [str(one.get("id")) for one in pipeline.original.get("predictions", ())]
        ids = {
            *(str(pipeline.original.get(key) or "") for key in ("run_id", "pipeline_id", "chain_id")),
            *predictions,
            posixpath.basename(native),
            str(row.get("name") or ""),
            str(run.get("name") or ""),
        }
        for one in ids - {""}:
            self._known.setdefault(one, []).append(pipeline)

    def of(self, beside: Beside) -> list[ForeignPipeline]:
        """The pipelines that are named first."""
        return next((self._known[one] for one in beside.ids if one in self._known), [])


class _ArrayFiles:
    """The arrays of predictions by their ids, from one file for each dataset."""

    def __init__(self, source: Source) -> None:
        self._source, self._tables = source, Tables()
        self._elsewhere: dict[str, str] | None = None

    def read(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arrays of one prediction; empty where there are none. Raises Corrupt."""
        prediction_id, dataset = str(said.get("prediction_id")), str(said.get("dataset_name") or "")
        for called in dict.fromkeys((dataset, re.sub(r"[^\w.-]", "_", dataset))):
            place = self._source.file(_ARRAYS, f"{called}.parquet") if called else None
            if place is not None and (found := self._row(place, prediction_id)) is not None:
                return found
        place = self._others().get(prediction_id)
        return (self._row(place, prediction_id) if place is not None else None) or {}

    def _row(self, place: str, prediction_id: str) -> Mapping[str, Any] | None:
        table = self._tables.read(self._source.path(place), _COLUMNS, "prediction_id")
        row = table.rows.get(prediction_id)
        return None if row is None else {one: table.cell(one, row) for one in _COLUMNS[1:]}

    def _others(self) -> dict[str, str]:
        if self._elsewhere is None:
            self._elsewhere = {}
            for place in self._source.below(_ARRAYS):
                if not place.endswith(".parquet"):
                    continue
                try:
                    table = read_parquet(self._source.path(place), ["prediction_id"])
                except StorageError:
                    continue  # named where its own predictions are read
                if table.column_names:
                    self._elsewhere |= dict.fromkeys(map(str, table.column(0).to_pylist()), place)
        return self._elsewhere


# ---------------------------------------------------------------- parts of records


def _tell_run(pipeline: ForeignPipeline, run: _Row, project: _Row, more: Mapping[str, list[_Row]]) -> None:
    """Put what was recorded of the run, and in other tables of the pipeline, into a record."""
    told = {key: unfolded(value) for key, value in run.items()}
    config = told.get("config")
    if isinstance(config, dict) and config.get("pipeline") == pipeline.config:
        told["config"] = {key: value for key, value in config.items() if key != "pipeline"}
    pipeline.document["run"] = told
    if project:
        pipeline.document["project"] = dict(project)
        if project.get("name"):
            pipeline.tags = (str(project["name"]),)
    if pipeline.status == "failed" and not pipeline.error:
        pipeline.error = str(run.get("error") or "")
    for table, rows in more.items():
        pipeline.document[table] = [{key: unfolded(value) for key, value in row.items()} for row in rows]


def _run(run: _Row, dataset: str, pipelines: list[ForeignPipeline]) -> ForeignRun:
    made = moment(run.get("created_at"), UTC)
    dated = [one.created_at for one in pipelines if one.created_at is not None]
    made = made or min(dated, default=None)
    data = next((one for one in map(as_dict, as_list(run.get("datasets"))) if one.get("name") == dataset), {})
    return tidied(
        dataset,
        made.date() if made is not None else date(1970, 1, 1),
        pipelines,
        str(run.get("name") or ""),
        made,
        description=str(run.get("description") or ""),
        dataset_path=str(named(data, ("path", "source_path")) or ""),
    )
