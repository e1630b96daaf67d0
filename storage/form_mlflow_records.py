"""What both kinds of MLflow stores hold, in one shape: experiments, runs, metrics over steps, datasets, models."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

KEPT_POINTS = 10_000  # of one metric; of a longer history every second, fourth, … is kept

MODEL_POINTS = 1_000  # kept of all metrics of one logged model; its run has them, too

ACTIVE, DELETED = "active", "deleted"
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


class History:
    """The values of one metric over its steps. All are counted; the last, lowest and highest are exact."""

    __slots__ = ("_every", "_steps", "_times", "_values", "count", "high", "last", "low")

    def __init__(self) -> None:
        self._steps, self._values, self._times = array("q"), array("d"), array("q")
        self._every = 1
        self.count = 0
        self.low, self.high = math.inf, -math.inf
        self.last = (-math.inf, -math.inf, math.nan)  # step, time, value: MLflow calls the greatest the latest

    def add(self, step: int, value: float, time: int) -> None:
        """Take in one value. Raises OverflowError for numbers that no store can have."""
        if self.count % self._every == 0:
            self._steps.append(step)
            self._times.append(time)
            self._values.append(value)
        self.count += 1
        if (now := (step, time, value)) > self.last:
            self.last = now
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        if len(self._values) > 2 * KEPT_POINTS:
            self._every *= 2
            self._steps, self._values, self._times = self._steps[::2], self._values[::2], self._times[::2]

    @property
    def value(self) -> float:
        """The last value."""
        return float(self.last[2])

    @property
    def first_time(self) -> int:
        """The earliest time, in milliseconds since 1970."""
        return min(self._times)

    @property
    def kept(self) -> int:
        """How many values `columns` has."""
        return len(self._values)

    def columns(self) -> dict[str, Any]:
        """Steps, values and times in milliseconds since 1970; what JSON has no number for is a text."""
        exact = all(map(math.isfinite, self._values))
        return {
            "step": np.asarray(self._steps),
            "value": np.asarray(self._values) if exact else [v if math.isfinite(v) else str(v) for v in self._values],
            "time": np.asarray(self._times),
        }


@dataclass
class Experiment:
    """An experiment: runs that somebody put together."""

    id: str
    name: str
    artifact_location: str = ""
    created: int | None = None
    deleted: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class LoggedDataset:
    """A dataset as an input of a run. `source`, `schema` and `profile` are JSON texts."""

    name: str
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, values: Iterable[Any]) -> LoggedDataset:
        """A dataset from the values of its fields, in their order and without its tags."""
        name, digest, source_type, source, schema, profile = (text(one) for one in values)
        return cls(name, digest, source_type, source, schema, profile)


@dataclass
class LoggedModel:
    """A model as MLflow 3 keeps it, beside the runs; `run_id` is empty for one that was logged without a run."""

    id: str
    name: str
    experiment_id: str
    run_id: str = ""
    model_type: str = ""
    status: str = ""
    artifact_uri: str = ""
    created: int | None = None
    deleted: bool = False
    step: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    metrics_left_out: int = 0

    def add(self, metric: str, value: float, step: int, time: int, **about: str) -> None:
        """Take in one value of a metric; beyond a number they are counted."""
        if len(self.metrics) < MODEL_POINTS:
            self.metrics.append({"metric": metric, "value": value, "step": step, "time": time, **about})
        else:
            self.metrics_left_out += 1


@dataclass
class LoggedRun:
    """A run: what it was given and what came of it. Times are milliseconds since 1970.

    `files` are files of the store itself that hold more than the records do, by name.
    """

    id: str
    experiment: Experiment
    name: str = ""
    status: str = ""
    user: str = ""
    started: int | None = None
    ended: int | None = None
    artifact_uri: str = ""
    deleted: bool = False
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, History] = field(default_factory=dict)
    datasets: list[LoggedDataset] = field(default_factory=list)
    models: list[LoggedModel] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    files: list[tuple[str, Path]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class MlflowStore:
    """Everything in one store, deleted things as well; `models` are those without a run, `traces` are only counted."""

    experiments: dict[str, Experiment] = field(default_factory=dict)
    runs: dict[str, LoggedRun] = field(default_factory=dict)
    models: list[LoggedModel] = field(default_factory=list)
    traces: int = 0

    def assign(self, models: dict[str, LoggedModel]) -> None:
        """Give the models to their runs, in the order they were made; those without a run stay by themselves."""
        for model in models.values():
            run = self.runs.get(model.run_id)
            (self.models if run is None else run.models).append(model)
        for run in self.runs.values():
            run.models.sort(key=lambda one: (one.created or 0, one.id))


def text(value: Any) -> str:
    """A recorded value as text; nothing for none."""
    return "" if value is None else str(value)


def readable(name: str) -> str:
    """A file name as text that can be written anywhere, also where it has bytes that are no text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def milliseconds(value: Any) -> int | None:
    """A time as it was recorded, in whole milliseconds; None for what is none."""
    try:
        return int(float(value)) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def moment(time: int | None) -> datetime | None:
    """The moment of a time in milliseconds since 1970, in the zone of this computer; None for what is none."""
    try:
        return None if time is None else datetime.fromtimestamp(time / 1000, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def status_name(value: Any) -> str:
    """FINISHED, FAILED, KILLED, RUNNING or SCHEDULED, from this name or from the number that stands for it."""
    number = milliseconds(value)
    return _STATUS.get(number, text(value)) if number is not None else text(value).strip().upper()
