"""Runshelf without a window: workspaces, runs, pipelines, the catalog.

    from storage import Workspace
    with Workspace.open("my-workspace") as ws:
        ws.catalog.best("test_rmse", dataset="corn")

Importing this package is cheap; what a name needs is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.catalog import Catalog, CatalogColumn
    from storage.configs import ConfigSpec, PipelineConfig, load_configs, shipped_configs
    from storage.datasets import DataPreview, Dataset, from_arrays, load_dataset, preview_data
    from storage.errors import (
        BadInput,
        Cancelled,
        Conflict,
        Corrupt,
        DiskFull,
        Exists,
        Locked,
        NameRefused,
        NotFound,
        QueryError,
        ReadOnly,
        StorageError,
        TooNew,
        Untrusted,
    )
    from storage.layout import checked_name
    from storage.metrics import Metric, metric_for
    from storage.predictions import PredictionArrays
    from storage.process import run_in_child
    from storage.records import PipelineRecord, RunConfig, RunSummary, StepRecord
    from storage.runner import Failure, RunOutcome, RunRequest, Skipped
    from storage.runs import Pipeline, Run
    from storage.version import VERSION
    from storage.workspace import FileEntry, PipelineDetails, PipelineRow, RunRow, Workspace, find_workspace

_HOMES = {
    "catalog": ("Catalog", "CatalogColumn"),
    "configs": ("ConfigSpec", "PipelineConfig", "load_configs", "shipped_configs"),
    "datasets": ("DataPreview", "Dataset", "from_arrays", "load_dataset", "preview_data"),
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
    "layout": ("checked_name",),
    "metrics": ("Metric", "metric_for"),
    "predictions": ("PredictionArrays",),
    "process": ("run_in_child",),
    "records": ("PipelineRecord", "RunConfig", "RunSummary", "StepRecord"),
    "runner": ("Failure", "RunOutcome", "RunRequest", "Skipped"),
    "runs": ("Pipeline", "Run"),
    "version": ("VERSION",),
    "workspace": ("FileEntry", "PipelineDetails", "PipelineRow", "RunRow", "Workspace", "find_workspace"),
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
