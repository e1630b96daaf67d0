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
    from storage.archives import ARCHIVE_KINDS as ARCHIVE_KINDS
    from storage.archives import Archive as Archive
    from storage.best_values import BestValue as BestValue
    from storage.catalog import Catalog as Catalog
    from storage.catalog import CatalogColumn as CatalogColumn
    from storage.chains import Chain as Chain
    from storage.chains import ChainGrid as ChainGrid
    from storage.chains import ChainRow as ChainRow
    from storage.chains import ChainStep as ChainStep
    from storage.chains import ParamChange as ParamChange
    from storage.chains import StepDiff as StepDiff
    from storage.chains import diff_chains as diff_chains
    from storage.check import check_workspace as check_workspace
    from storage.comparison import FoldComparison as FoldComparison
    from storage.comparison import FoldComparisons as FoldComparisons
    from storage.comparison import FoldScores as FoldScores
    from storage.comparison import comparable_metrics as comparable_metrics
    from storage.completion import Completion as Completion
    from storage.completion import Suggestion as Suggestion
    from storage.configs import ConfigSpec as ConfigSpec
    from storage.configs import PipelineConfig as PipelineConfig
    from storage.configs import load_configs as load_configs
    from storage.configs import shipped_configs as shipped_configs
    from storage.control import Control as Control
    from storage.curves import RocCurve as RocCurve
    from storage.curves import RocCurves as RocCurves
    from storage.curves import roc_curves as roc_curves
    from storage.datasets import Dataset as Dataset
    from storage.datasets import Incomplete as Incomplete
    from storage.datasets import from_arrays as from_arrays
    from storage.datasets import load_dataset as load_dataset
    from storage.demo import create_demo as create_demo
    from storage.desktop import install_desktop as install_desktop
    from storage.desktop import uninstall_desktop as uninstall_desktop
    from storage.disk import write_atomic as write_atomic
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
    from storage.findings import Finding as Finding
    from storage.findings import Report as Report
    from storage.importance import Importance as Importance
    from storage.importance import rank_parameters as rank_parameters
    from storage.layout import checked_name as checked_name
    from storage.library import Library as Library
    from storage.library_items import LIBRARY_KINDS as LIBRARY_KINDS
    from storage.library_items import LibraryItem as LibraryItem
    from storage.listing import FileEntry as FileEntry
    from storage.listing import PipelineDetails as PipelineDetails
    from storage.listing import PipelineRow as PipelineRow
    from storage.listing import RunRow as RunRow
    from storage.listing import deleted_details as deleted_details
    from storage.listing import with_catalog as with_catalog
    from storage.loading import LoadedPipeline as LoadedPipeline
    from storage.loading import load_exported as load_exported
    from storage.marker import find_workspace as find_workspace
    from storage.metrics import Metric as Metric
    from storage.metrics import Metrics as Metrics
    from storage.metrics import metric_for as metric_for
    from storage.metrics import spread_column as spread_column
    from storage.pipelines import Pipeline as Pipeline
    from storage.plan import Plan as Plan
    from storage.plan import Step as Step
    from storage.predictions import PredictionArrays as PredictionArrays
    from storage.predictions import telling as telling
    from storage.previews import ColumnPreview as ColumnPreview
    from storage.previews import ConfigPreview as ConfigPreview
    from storage.previews import DataPreview as DataPreview
    from storage.previews import preview_configs as preview_configs
    from storage.previews import preview_data as preview_data
    from storage.process import Reloaded as Reloaded
    from storage.process import load_in_child as load_in_child
    from storage.process import run_in_child as run_in_child
    from storage.records import PipelineRecord as PipelineRecord
    from storage.records import RunConfig as RunConfig
    from storage.records import RunSummary as RunSummary
    from storage.records import StepRecord as StepRecord
    from storage.reloading import Foreseen as Foreseen
    from storage.requests import Failure as Failure
    from storage.requests import PipelineEvent as PipelineEvent
    from storage.requests import RunOutcome as RunOutcome
    from storage.requests import RunPreview as RunPreview
    from storage.requests import RunRequest as RunRequest
    from storage.requests import Skipped as Skipped
    from storage.rescue import plan_rescue as plan_rescue
    from storage.restoration import TrashBin as TrashBin
    from storage.runs import Run as Run
    from storage.sample_errors import SampleErrors as SampleErrors
    from storage.spectra import Spectra as Spectra
    from storage.spectra import SpectralOutliers as SpectralOutliers
    from storage.spectra import spectral_outliers as spectral_outliers
    from storage.stored_samples import Verdict as Verdict
    from storage.trash import KEPT_DAYS as KEPT_DAYS
    from storage.trash import TrashEntry as TrashEntry
    from storage.trash import TrashRecord as TrashRecord
    from storage.trust import TrustedDigest as TrustedDigest
    from storage.usage import Area as Area
    from storage.usage import Usage as Usage
    from storage.usage import measure_workspace as measure_workspace
    from storage.version import VERSION as VERSION
    from storage.wording import in_unit as in_unit
    from storage.workspace import Workspace as Workspace
    from storage.worse_on_test import Worsening as Worsening
    from storage.worse_on_test import worsening as worsening

_HOMES = {
    "archives": ("ARCHIVE_KINDS", "Archive"),
    "best_values": ("BestValue",),
    "catalog": ("Catalog", "CatalogColumn"),
    "chains": ("Chain", "ChainGrid", "ChainRow", "ChainStep", "ParamChange", "StepDiff", "diff_chains"),
    "comparison": ("FoldComparison", "FoldComparisons", "FoldScores", "comparable_metrics"),
    "check": ("check_workspace",),
    "completion": ("Completion", "Suggestion"),
    "configs": ("ConfigSpec", "PipelineConfig", "load_configs", "shipped_configs"),
    "control": ("Control",),
    "curves": ("RocCurve", "RocCurves", "roc_curves"),
    "datasets": ("Dataset", "Incomplete", "from_arrays", "load_dataset"),
    "demo": ("create_demo",),
    "desktop": ("install_desktop", "uninstall_desktop"),
    "disk": ("write_atomic",),
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
    "wording": ("in_unit",),
    "findings": ("Finding", "Report"),
    "importance": ("Importance", "rank_parameters"),
    "layout": ("checked_name",),
    "library": ("Library",),
    "library_items": ("LIBRARY_KINDS", "LibraryItem"),
    "loading": ("LoadedPipeline", "load_exported"),
    "metrics": ("Metric", "Metrics", "metric_for", "spread_column"),
    "plan": ("Plan", "Step"),
    "predictions": ("PredictionArrays", "telling"),
    "previews": ("ColumnPreview", "ConfigPreview", "DataPreview", "preview_configs", "preview_data"),
    "process": ("Reloaded", "load_in_child", "run_in_child"),
    "records": ("PipelineRecord", "RunConfig", "RunSummary", "StepRecord"),
    "reloading": ("Foreseen",),
    "requests": ("Failure", "PipelineEvent", "RunOutcome", "RunPreview", "RunRequest", "Skipped"),
    "pipelines": ("Pipeline",),
    "rescue": ("plan_rescue",),
    "restoration": ("TrashBin",),
    "runs": ("Run",),
    "sample_errors": ("SampleErrors",),
    "spectra": ("SpectralOutliers", "Spectra", "spectral_outliers"),
    "stored_samples": ("Verdict",),
    "trash": ("KEPT_DAYS", "TrashEntry", "TrashRecord"),
    "trust": ("TrustedDigest",),
    "usage": ("Area", "Usage", "measure_workspace"),
    "version": ("VERSION",),
    "listing": ("FileEntry", "PipelineDetails", "PipelineRow", "RunRow", "deleted_details", "with_catalog"),
    "marker": ("find_workspace",),
    "workspace": ("Workspace",),
    "worse_on_test": ("Worsening", "worsening"),
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
