"""What a batch is asked for, and what came of it: plain values that pass between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, model_validator

from storage.layout import check_text
from storage.records import RunSummary

Report = Callable[[int, int, str], None]
"""`report(done, total, text)`: progress for people; it raises Cancelled when somebody asked to stop."""


class RunRequest(BaseModel):
    """What a batch is asked for from outside Python: data file, target, pipelines, options.

    `pipelines` are configuration files, `configs` configurations as such a file says them. In these `pipeline_name`
    and `config_file` may stand too: what the pipeline was called, and which file it once came from.
    """

    data: Path
    target: list[str]
    id_column: str | None = None
    split_column: str | None = None
    test_size: float | None = None
    leave_out_incomplete: bool = False
    task: Literal["regression", "classification"] | None = None
    dataset_name: str | None = None
    pipelines: list[Path] = []
    configs: list[dict[str, Any]] = []
    run_name: str = ""
    pipeline_names: list[str] = []
    description: str = ""
    units: str = ""
    jobs: int = 1
    seed: int = 0
    again: bool = False
    charts: bool = True

    @model_validator(mode="after")
    def _check_text(self) -> RunRequest:
        """Raise NameRefused for names that no document can hold."""
        names: list[Path | str | None] = [self.data, *self.target, *self.pipelines, *self.pipeline_names]
        names += [self.run_name, self.description, self.id_column, self.split_column, self.dataset_name, self.units]
        for name in names:
            check_text(name or "")
        return self


class Remainder(BaseModel):
    """What is left of a batch whose process died: all but pipelines that `ended`, or `only` some; by their hashes.

    A pipeline that is asked for twice stands there twice.
    """

    ended: list[str] = []
    only: list[str] = []


@dataclass(frozen=True)
class Skipped:
    """A pipeline that was not run, and where the same work lies done."""

    name: str
    run_id: str
    pipeline_id: str


@dataclass(frozen=True)
class Failure:
    """A pipeline that failed, in a sentence."""

    pipeline_id: str
    name: str
    message: str


@dataclass(frozen=True)
class PipelineEvent:
    """One pipeline of a batch that came to its end: completed, failed, or skipped because it was done before.

    The metric is the one it is judged by; `seconds` is the time of its fits, for a failed one the time until it failed,
    pauses left out. One that was skipped has no `prediction_id`.
    `message` says in a sentence why it failed or where it was done before, `details` is the traceback.
    """

    run_id: str
    pipeline_id: str
    name: str
    status: Literal["completed", "failed", "skipped"]
    prediction_id: str = ""
    metric_name: str | None = None
    metric_value: float | None = None
    seconds: float | None = None
    message: str = ""
    details: str = ""


OnPipeline = Callable[[PipelineEvent], None]
"""Called with each PipelineEvent, from any thread, one at a time."""


@dataclass(frozen=True)
class RunPreview:
    """What a batch would do: on which data, which pipelines by name, and which not as they were done before.

    `left_out` names the samples that lack a value and would not be trained on, `unfit` the
    pipelines whose model is made for another task.
    """

    dataset_name: str
    task_type: str
    n_samples: int
    n_features: int
    n_train: int
    n_test: int
    pipelines: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    ignored_columns: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()


@dataclass
class RunOutcome:
    """What a batch came to. `run_id` is empty when nothing had to be run."""

    run_id: str = ""
    status: str = "completed"
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    summary: RunSummary | None = None
