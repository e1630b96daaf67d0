"""MLflow's tracking database in SQLite: tables of runs, parameters, metrics and tags, of many versions of the schema.

Columns and tables that a version does not have are taken as empty. Nothing beside the database is made: one with
writes that wait in its log is copied elsewhere first.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.errors import StorageError
from storage.findings import count
from storage.form_databases import MAGIC, opened
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
    status_name,
    text,
)
from storage.reading import read_pieces

_NEEDED = frozenset({"experiments", "runs", "metrics", "params", "tags"})
_LARGEST = 1.7976931348623157e308  # what MLflow stores for infinity


def is_database(path: Path) -> bool:
    """Whether a file is a tracking database, by its tables."""
    try:
        if next(read_pieces(path, "file"), b"")[: len(MAGIC)] != MAGIC:
            return False
        with opened(path) as database:
            return set(_columns(database)) >= _NEEDED
    except (StorageError, sqlite3.Error, OSError):
        return False


def read_database(path: Path, problems: list[str]) -> MlflowStore:
    """Everything in a tracking database; of a damaged one what can be read."""
    store = MlflowStore()
    try:
        with opened(path) as database:
            _Reader(database, store, problems, path.name).read()
    except (StorageError, sqlite3.Error, OSError) as error:
        problems.append(f"The database {path.name} can't be read: {error}.")
    return store


class _Reader:
    """Reads the tables one after the other, each from its beginning to its end, into the runs they belong to."""

    def __init__(self, database: sqlite3.Connection, store: MlflowStore, problems: list[str], name: str) -> None:
        self._database, self._store, self._problems, self._name = database, store, problems, name
        self._tables = _columns(database)

    def read(self) -> None:
        self._experiments()
        self._runs()
        self._live = {id: run for id, run in self._store.runs.items() if not run.deleted}
        for id, key, value in self._rows("params", "run_uuid", "key", "value"):
            if (run := self._live.get(id)) is not None:
                run.params[text(key)] = text(value)
        for id, key, value in self._rows("tags", "run_uuid", "key", "value"):
            if (run := self._live.get(id)) is not None:
                run.tags[text(key)] = text(value)
        self._metrics()
        models = self._models()
        self._inputs(models)
        self._store.assign(models)
        self._registered()
        self._store.traces = sum(1 for _ in self._rows("trace_info", "request_id"))

    def _rows(self, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a table, with None for columns it doesn't have; of a damaged one those before the damage."""
        there = self._tables.get(table)
        if there is None:
            return
        wanted = ", ".join(f'"{name}"' if name in there else "NULL" for name in columns)
        try:
            yield from self._database.execute(f'SELECT {wanted} FROM "{table}"')
        except sqlite3.Error as error:
            self._problems.append(f"The table {table} of {self._name} is damaged: {error}.")

    def _experiments(self) -> None:
        for id, name, place, stage, created in self._rows(
            "experiments", "experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time"
        ):
            self._store.experiments[text(id)] = Experiment(
                text(id), text(name) or text(id), text(place), milliseconds(created), stage == DELETED
            )
        for id, key, value in self._rows("experiment_tags", "experiment_id", "key", "value"):
            if (experiment := self._store.experiments.get(text(id))) is not None:
                experiment.tags[text(key)] = text(value)

    def _runs(self) -> None:
        further = ("source_type", "source_name", "source_version", "entry_point_name")
        for row in self._rows(
            "runs", "run_uuid", "name", "status", "user_id", "start_time", "end_time", "artifact_uri",
            "lifecycle_stage", "experiment_id", *further,
        ):  # fmt: skip
            id, name, status, user, started, ended, place, stage, of, *rest = row
            experiment = self._store.experiments.get(text(of)) or Experiment(text(of), text(of) or "unknown")
            self._store.runs[id] = LoggedRun(
                text(id), experiment, text(name), status_name(status), text(user), milliseconds(started),
                milliseconds(ended), text(place), experiment.deleted or (stage or ACTIVE) == DELETED,
                document={key: text(value) for key, value in zip(further, rest, strict=True)
                          if value not in (None, "", "UNKNOWN")},
            )  # fmt: skip

    def _metrics(self) -> None:
        bad: dict[str, int] = {}
        for table in ("metrics", "latest_metrics"):
            known = {id: set(run.metrics) for id, run in self._live.items()} if table == "latest_metrics" else {}
            for id, key, value, time, step, is_nan in self._rows(
                table, "run_uuid", "key", "value", "timestamp", "step", "is_nan"
            ):
                run = self._live.get(id)
                if run is None or key in known.get(id, ()):
                    continue
                history = run.metrics.get(key)
                try:
                    number = math.nan if is_nan or value is None else float(value)
                    if number in (_LARGEST, -_LARGEST):
                        number = math.copysign(math.inf, number)
                    if history is None:
                        history = History()
                    history.add(int(step or 0), number, int(time or 0))
                except (TypeError, ValueError, OverflowError):
                    bad[id] = bad.get(id, 0) + 1
                    continue
                run.metrics[text(key)] = history
        for id, number_bad in bad.items():
            self._live[id].problems.append(f"{count(number_bad, 'value')} of its metrics are no numbers.")

    def _models(self) -> dict[str, LoggedModel]:
        models = {}
        for id, name, of, run, kind, status, place, created, stage in self._rows(
            "logged_models", "model_id", "name", "experiment_id", "source_run_id", "model_type", "status",
            "artifact_location", "creation_timestamp_ms", "lifecycle_stage",
        ):  # fmt: skip
            models[text(id)] = LoggedModel(
                text(id), text(name), text(of), text(run), text(kind), text(status), text(place),
                milliseconds(created), stage == DELETED,
            )  # fmt: skip
        for id, key, value in self._rows("logged_model_params", "model_id", "param_key", "param_value"):
            if (model := models.get(text(id))) is not None:
                model.params[text(key)] = text(value)
        for id, key, value in self._rows("logged_model_tags", "model_id", "tag_key", "tag_value"):
            if (model := models.get(text(id))) is not None:
                model.tags[text(key)] = text(value)
        for id, key, value, step, time, run, name, digest in self._rows(
            "logged_model_metrics", "model_id", "metric_name", "metric_value", "metric_step", "metric_timestamp_ms",
            "run_id", "dataset_name", "dataset_digest",
        ):  # fmt: skip
            if (model := models.get(text(id))) is not None:
                about = " ".join(text(part) for part in (name, digest) if part)
                told = {"run_id": text(run), **({"dataset": about} if about else {})}
                model.add(text(key), value, step, time, **told)
        return models

    def _inputs(self, models: dict[str, LoggedModel]) -> None:
        datasets = {
            row[0]: LoggedDataset.read(row[1:])
            for row in self._rows(
                "datasets", "dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source",
                "dataset_schema", "dataset_profile",
            )
        }  # fmt: skip
        tags: dict[Any, dict[str, str]] = {}
        for id, key, value in self._rows("input_tags", "input_uuid", "name", "value"):
            tags.setdefault(id, {})[text(key)] = text(value)
        for id, kind, source, to_kind, to, step in self._rows(
            "inputs", "input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step"
        ):
            if kind == "DATASET" and (run := self._live.get(to)) is not None:
                if (dataset := datasets.get(source)) is None:
                    run.problems.append(f"The dataset {text(source)} of the run is not there.")
                    continue
                run.datasets.append(replace(dataset, tags=tags.get(id, {})))
            elif to_kind == "MODEL_OUTPUT" and (model := models.get(text(to))) is not None:
                model.step, model.run_id = step, model.run_id or text(source)
            elif to_kind == "MODEL_INPUT" and (run := self._live.get(source)) is not None:
                run.document.setdefault("model_inputs", []).append(text(to))

    def _registered(self) -> None:
        aliases: dict[tuple[Any, Any], list[str]] = {}
        for name, alias, version in self._rows("registered_model_aliases", "name", "alias", "version"):
            aliases.setdefault((name, version), []).append(text(alias))
        tags: dict[tuple[Any, Any], dict[str, str]] = {}
        for name, version, key, value in self._rows("model_version_tags", "name", "version", "key", "value"):
            tags.setdefault((name, version), {})[text(key)] = text(value)
        for id, name, version, stage, description in self._rows(
            "model_versions", "run_id", "name", "version", "current_stage", "description"
        ):
            run = self._live.get(id)
            if run is not None and stage != "Deleted_Internal":
                run.document.setdefault("registered", []).append({
                    "name": text(name), "version": text(version), "stage": text(stage),
                    "description": text(description), "aliases": aliases.get((name, version), []),
                    "tags": tags.get((name, version), {}),
                })  # fmt: skip


def _columns(database: sqlite3.Connection) -> dict[str, Sequence[str]]:
    """The columns of each real table; a view could be anything."""
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: [row[1] for row in database.execute("SELECT * FROM pragma_table_info(?)", (name,))] for name in names}
