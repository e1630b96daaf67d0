"""What other programs left, as records: what the reader of each form yields and a migration carries over.

A reader executes nothing and unpickles nothing, writes nothing into the source, and follows no link out of it. What it
can't read it names in `problems` and goes on. The same source yields the same records, with the same ids, each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput
from storage.records import TaskType

AVERAGES = ("avg", "w_avg")  # folds that are means over the others, plain and weighted, and no models
FINAL = "final"  # the fold of a model that was fitted anew on all training samples


@dataclass(frozen=True)
class ForeignArrays:
    """Predictions of one partition by the model of one fold, as they were stored.

    `fold` is the number of the fold as text, one of AVERAGES, FINAL, or empty where there are no folds. The arrays are
    those of `storage.predictions.PredictionArrays`: sample_indices (n,), y_true and y_pred (n,) or (n, targets), for
    classes codes into `labels`; probabilities (n, classes) or None.
    """

    partition: Literal["train", "val", "test"]
    fold: str
    sample_indices: NDArray[np.int64]
    y_true: NDArray[np.float64]
    y_pred: NDArray[np.float64]
    labels: list[str] = field(default_factory=list)
    probabilities: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ForeignScore:
    """One metric of one partition and fold, by the name and with the value that were stored.

    `partition` may be empty where the source names none. `best` is the best value over the steps of a metric that was
    logged again and again; `value` is then the last.
    """

    metric: str
    value: float
    partition: str = ""
    fold: str = ""
    best: float | None = None


@dataclass(frozen=True)
class ForeignFile:
    """A file that belongs to a pipeline: where it lies, what it is called there, and the digest that was recorded.

    Of an artifact, a fitted object, `step` and `fold` say whose it is.
    """

    name: str
    path: Path
    sha256: str = ""
    step: int = 0
    fold: int | None = None


@dataclass
class ForeignPipeline:
    """One model with all before it, and what came of it: one row of a catalog.

    `id` tells it from all others of the source. `original` are the ids it had, `config` its configuration as it was
    written, `steps` its steps as (operator, class, parameters), the model last. `arrays` reads its predictions when
    they are wanted. Times have a zone. `document` is anything else that was recorded and has no place here.
    """

    id: str
    name: str
    original: dict[str, Any]
    created_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    status: Literal["completed", "failed", "interrupted"] = "completed"
    error: str = ""
    created_by: str = ""
    config_name: str = ""
    config: Any = None
    steps: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    model_type: str = ""
    task_type: TaskType | None = None
    n_samples: int | None = None
    n_features: int | None = None
    seed: int | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    metric: str = ""  # by which it was judged
    scores: list[ForeignScore] = field(default_factory=list)
    arrays: Callable[[], Sequence[ForeignArrays]] = tuple
    artifacts: list[ForeignFile] = field(default_factory=list)
    charts: list[ForeignFile] = field(default_factory=list)
    files: list[ForeignFile] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    notes: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class ForeignRun:
    """Pipelines that were made together on one dataset. `date` is the day of the run in its own time zone."""

    dataset_name: str
    date: date
    pipelines: Sequence[ForeignPipeline]
    run_name: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    description: str = ""
    dataset_path: str = ""


class Form(Protocol):
    """A form in which a program keeps its results."""

    name: str  # as reports and documents name it
    title: str  # for people

    def find(self, folder: Path) -> Path | None:
        """The place in or at `folder` where results of this form lie, found by what is there and never by names that
        people give; None where there are none."""

    def runs(self, place: Path, problems: list[str]) -> Iterator[ForeignRun]:
        """Everything at a place. What belongs to no pipeline and can't be carried over goes to `problems`."""


def inside(root: Path, name: str) -> Path | None:
    """The path of a name recorded in a source, if it stays inside: relative, no link out; else None."""
    path = Path(os.path.normpath(root / name))
    if not path.is_relative_to(root) or not path.exists():
        return None
    return path if path.resolve().is_relative_to(root.resolve()) else None


def local_time(text: Any) -> datetime | None:
    """A moment from ISO text; without a zone it is a time of this computer's zone. None for what is none."""
    if isinstance(text, datetime):
        return text.astimezone()
    try:
        return datetime.fromisoformat(str(text)).astimezone()
    except (ValueError, OverflowError):
        return None


def one_column(values: Any) -> NDArray[np.float64]:
    """Numbers as (n,), or (n, targets) where there are several targets. Raises BadInput for what is no such table."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"Predictions are no numbers: {error}.", advice="They are left out.") from error
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
