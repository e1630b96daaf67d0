"""Reading a pipeline for its page, away from the GUI thread: its details, the data of its charts, its ROC curves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gui.edits import split_tags
from gui.selection import Picked

if TYPE_CHECKING:
    from gui.models.points import ChartData
    from storage import Archive, PipelineDetails, PredictionArrays, RocCurves, Workspace


@dataclass(frozen=True)
class Remarks:
    """What people noted of a result; `known` tells whether the catalog has it, so that it can be noted of at all."""

    stars: int = 0
    tags: tuple[str, ...] = ()
    notes: str = ""
    known: bool = False


@dataclass(frozen=True)
class Found:
    """A pipeline's details with the data of its charts; `roc` only where somebody looks at ROC curves."""

    details: PipelineDetails
    data: ChartData
    roc: dict[str, RocCurves] | None = None
    remarks: Remarks = field(default_factory=Remarks)
    archives: tuple[Archive, ...] = ()  # newest first


def fetch_details(picked: Picked, roc: bool, workspace: Workspace) -> Found:
    """Read all there is about a pipeline and make its charts' data; runs on the workspace's thread.

    Where the folder is gone or damaged, the catalog tells what it knows. Raises NotFound where that is nothing.
    """
    from gui.models.points import chart_data
    from storage import telling

    details = _details(picked, workspace)
    details = replace(details, arrays=telling(details.arrays))
    validation = details.metrics.get("cross_validation")
    data = chart_data(details.arrays, details.sample_names, validation if isinstance(validation, dict) else None)
    if not data.folds and picked.prediction_id and any(block.fold_id is not None for block in details.arrays):
        data = _with_computed_folds(data, picked.prediction_id, workspace)
    curves = roc_of(details.arrays) if roc and data.rows.probabilities is not None else None
    remarks, archives = fetch_remarks(picked.prediction_id, workspace), _archives(picked, workspace)
    return Found(details, data, curves, remarks, archives)


def _archives(picked: Picked, workspace: Workspace) -> tuple[Archive, ...]:
    if not picked.prediction_id:
        return ()
    return tuple(workspace.archives(picked.prediction_id, pipeline_id=picked.pipeline_id))


def fetch_remarks(prediction_id: str, workspace: Workspace) -> Remarks:
    """Read what people noted of a result; nothing where the catalog doesn't have it."""
    key = workspace.catalog.find(prediction_id) if prediction_id else None
    rows = workspace.catalog.rows([key]) if key is not None else []
    if not rows:
        return Remarks()
    row = rows[0]
    return Remarks(int(row.get("stars") or 0), split_tags(row.get("tags")), str(row.get("notes") or ""), True)


def _details(picked: Picked, workspace: Workspace) -> PipelineDetails:
    from storage import NotFound, with_catalog

    try:
        details = workspace.details(picked.run_id, picked.pipeline_id)
    except NotFound:
        if not picked.prediction_id:
            raise
        return workspace.deleted_details(picked.prediction_id)
    if (details.pipeline is not None and not details.problems) or not picked.prediction_id:
        return details
    try:
        return with_catalog(details, workspace.catalog, picked.prediction_id)
    except NotFound:
        return details


def _with_computed_folds(data: ChartData, prediction_id: str, workspace: Workspace) -> ChartData:
    """Compute the metrics of the folds from stored predictions, where metrics.json doesn't tell them."""
    import numpy as np

    from gui.models.points import FoldSpread
    from storage import comparable_metrics

    names = comparable_metrics("classification" if data.rows.labels else "regression")
    scores = [workspace.fold_scores([prediction_id], name)[0] for name in names]
    nothing = float("nan")
    folds = [
        FoldSpread(one.metric, list(one.folds), np.array(one.values), one.mean, nothing if one.std is None else one.std)
        for one in scores
        if one.mean is not None
    ]
    return replace(data, folds=folds)


def roc_of(arrays: list[PredictionArrays]) -> dict[str, RocCurves]:
    """Compute the ROC curves of all partitions; loads scikit-learn, so never on the GUI thread."""
    from gui.models.points_rows import PARTITIONS
    from storage import roc_curves

    here = {block.partition for block in arrays if len(block.y_true)}
    return {name: roc_curves(arrays, name) for name in PARTITIONS if name in here}


def same_predictions(one: Found, other: Found) -> bool:
    """Whether two looks at a pipeline found the same predictions and folds."""
    import numpy as np

    a, b = one.data.rows, other.data.rows
    if one.details.pipeline_id != other.details.pipeline_id or one.details.run_id != other.details.run_id:
        return False
    same = partial(np.array_equal, equal_nan=True)
    return (
        len(a) == len(b) and same(a.samples, b.samples) and same(a.truth, b.truth) and same(a.predicted, b.predicted)
        and a.names == b.names and one.details.deleted == other.details.deleted
        and one.details.metrics == other.details.metrics and (one.roc is None or other.roc is not None)
    )  # fmt: skip


def data_key(details: PipelineDetails) -> tuple[Any, ...]:
    """Tell the data of one pipeline from that of another."""
    document = details.pipeline if details.pipeline is not None else details.run
    source = document.dataset_source if document is not None else None
    hashes = (source.path, source.sha256, source.data_hash) if source is not None else ()
    return (details.run_id, details.deleted, *hashes)
