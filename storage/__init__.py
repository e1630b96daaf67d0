"""Runshelf without a window: workspaces, runs, pipelines, the catalog.

    from storage import Workspace
    with Workspace.open("my-workspace") as ws:
        ws.catalog.best("test_rmse", dataset="corn")

Importing this package is cheap; what a name needs is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the aliases say: exported
    from storage.catalog import Catalog as Catalog
    from storage.catalog import CatalogColumn as CatalogColumn
    from storage.completion import Completion as Completion
    from storage.completion import Suggestion as Suggestion
    from storage.configs import ConfigSpec as ConfigSpec
    from storage.configs import PipelineConfig as PipelineConfig
    from storage.configs import load_configs as load_configs
    from storage.configs import shipped_configs as shipped_configs
    from storage.datasets import DataPreview as DataPreview
    from storage.datasets import Dataset as Dataset
    from storage.datasets import from_arrays as from_arrays
    from storage.datasets import load_dataset as load_dataset
    from storage.datasets import preview_data as preview_data
    from storage.demo import create_demo as create_demo
    from storage.errors import BadInput as BadInput
    from storage.errors import Cancelled as Cancelled
    from storage.errors import Conflict as Conflict
    from storage.errors import Corrupt as Corrupt
    from storage.errors import DiskFull as DiskFull
    from storage.errors import Exists as Exists
    from storage.errors import Locked as Locked
    from storage.errors import NameRefused as NameRefused
    from storage.errors import NotFound as NotFound
    from storage.errors import QueryError as QueryError
    from storage.errors import ReadOnly as ReadOnly
    from storage.errors import StorageError as StorageError
    from storage.errors import TooNew as TooNew
    from storage.errors import Untrusted as Untrusted
    from storage.exports import harmless as harmless
    from storage.layout import checked_name as checked_name
    from storage.listing import FileEntry as FileEntry
    from storage.listing import PipelineDetails as PipelineDetails
    from storage.listing import PipelineRow as PipelineRow
    from storage.listing import RunRow as RunRow
    from storage.metrics import Metric as Metric
    from storage.metrics import Metrics as Metrics
    from storage.metrics import metric_for as metric_for
    from storage.pipelines import Pipeline as Pipeline
    from storage.plan import Plan as Plan
    from storage.plan import Step as Step
    from storage.predictions import PredictionArrays as PredictionArrays
    from storage.process import run_in_child as run_in_child
    from storage.records import PipelineRecord as PipelineRecord
    from storage.records import RunConfig as RunConfig
    from storage.records import RunSummary as RunSummary
    from storage.records import StepRecord as StepRecord
    from storage.requests import Failure as Failure
    from storage.requests import RunOutcome as RunOutcome
    from storage.requests import RunRequest as RunRequest
    from storage.requests import Skipped as Skipped
    from storage.runs import Run as Run
    from storage.trash import TrashRecord as TrashRecord
    from storage.version import VERSION as VERSION
    from storage.workspace import Workspace as Workspace
    from storage.workspace import find_workspace as find_workspace

_HOMES = {
    "catalog": ("Catalog", "CatalogColumn"),
    "completion": ("Completion", "Suggestion"),
    "configs": ("ConfigSpec", "PipelineConfig", "load_configs", "shipped_configs"),
    "datasets": ("DataPreview", "Dataset", "from_arrays", "load_dataset", "preview_data"),
    "demo": ("create_demo",),
    "errors": (
        "BadInput",
        "Cancelled",
        "Conflict",
        "Corrupt",
        "DiskFull",
        "Exists",
        "Locked",
        "NameRefused",
        "NotFound",
        "QueryError",
        "ReadOnly",
        "StorageError",
        "TooNew",
        "Untrusted",
    ),
    "exports": ("harmless",),
    "layout": ("checked_name",),
    "metrics": ("Metric", "Metrics", "metric_for"),
    "plan": ("Plan", "Step"),
    "predictions": ("PredictionArrays",),
    "process": ("run_in_child",),
    "records": ("PipelineRecord", "RunConfig", "RunSummary", "StepRecord"),
    "requests": ("Failure", "RunOutcome", "RunRequest", "Skipped"),
    "pipelines": ("Pipeline",),
    "runs": ("Run",),
    "trash": ("TrashRecord",),
    "version": ("VERSION",),
    "listing": ("FileEntry", "PipelineDetails", "PipelineRow", "RunRow"),
    "workspace": ("Workspace", "find_workspace"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'storage' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"storage.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
