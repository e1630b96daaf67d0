"""The compared pipelines as every part of the comparison shows them, with names that tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gui.theme import pipeline_colour

if TYPE_CHECKING:
    from gui.selection import Picked
    from storage import ChainGrid, FoldComparisons, Metric, SampleErrors, Workspace


@dataclass(frozen=True)
class Compared:
    """One compared pipeline as every part of the comparison shows it; `row` is its row in the catalog."""

    picked: Picked
    label: str
    place: int
    baseline: bool
    row: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def colour(self) -> str:
        """Its colour as #rrggbb, the same in every chart."""
        return pipeline_colour(self.place)


@dataclass(frozen=True)
class Facts:
    """The catalog rows of the compared pipelines by prediction id, and what is known of their metric columns.

    `fold_metrics` are those that can be compared over folds, by task, as (name, title). `targets` are what they
    predict, by prediction id.
    """

    rows: dict[str, dict[str, Any]]
    metrics: dict[str, Metric]
    fold_metrics: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)


def fetch_facts(prediction_ids: Sequence[str], workspace: Workspace) -> Facts:
    """Read the rows of predictions; those that are gone from the catalog are left out."""
    from storage import comparable_metrics

    keys = [key for one in prediction_ids if (key := workspace.catalog.find(one)) is not None]
    rows = {row["prediction_id"]: row for row in workspace.catalog.rows(keys)}
    metrics = {column.name: column.metric for column in workspace.catalog.columns() if column.metric is not None}
    folds = {
        task: [(name, workspace.metrics.best(name).title) for name in comparable_metrics(task)]
        for task in ("regression", "classification")
    }
    return Facts(rows, metrics, folds, targets_of(list(rows.values()), workspace))


def targets_of(rows: Sequence[Mapping[str, Any]], workspace: Workspace) -> dict[str, str]:
    """Name what each result predicts, by prediction id; empty where its folder is gone.

    Of results on the same data one is looked at.
    """
    data = {str(row["prediction_id"]): str(row.get("data_hash") or row["prediction_id"]) for row in rows}
    known: dict[str, str] = {}
    for row in rows:
        of = data[str(row["prediction_id"])]
        if not known.get(of):
            known[of] = _target_of(row, workspace)
    return {one: known[of] for one, of in data.items()}


def _target_of(row: Mapping[str, Any], workspace: Workspace) -> str:
    from storage import StorageError

    try:
        pipeline = workspace.run(str(row["run_id"])).pipeline(str(row["pipeline_id"]))
    except StorageError:
        return ""
    return ", ".join(pipeline.record.dataset_source.target)


def fetch_errors(
    prediction_ids: Sequence[str], partition: str, target: int, workspace: Workspace
) -> tuple[SampleErrors, str]:
    """Gather the errors of predictions by sample; with them what the target is called, and its unit, for an axis."""
    from storage import Corrupt, NotFound

    errors = workspace.sample_errors(prediction_ids, partition, target)
    try:
        source = workspace.run(str(workspace.catalog.get(prediction_ids[0])["run_id"])).config.dataset_source
    except (NotFound, Corrupt):
        return errors, ""
    name = f" {source.target[target]}" if target < len(source.target) else ""
    return errors, name + (f" ({source.units})" if source.units else "")


def fetch_chains(prediction_ids: Sequence[str], baseline: str, workspace: Workspace) -> ChainGrid:
    """Lay the steps of predictions side by side."""
    return workspace.compare_chains(prediction_ids, baseline)


def fetch_folds(
    prediction_ids: Sequence[str], metric: str, baseline: str, rope: float | None, workspace: Workspace
) -> FoldComparisons:
    """Compare predictions with the baseline over their folds."""
    return workspace.compare_folds(prediction_ids, metric, baseline, rope)


def labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name pipelines as people do; where names repeat, their number and then their run are added."""
    names = [str(row["pipeline_name"] or row["pipeline_id"]) for row in rows]
    numbered = [f"{str(row['pipeline_id'])[:4]} {name}" for row, name in zip(rows, names, strict=True)]
    full = [f"{name} ({row['run_id']})" for row, name in zip(rows, numbered, strict=True)]
    once, twice = Counter(names), Counter(numbered)
    return [
        name if once[name] == 1 else second if twice[second] == 1 else third
        for name, second, third in zip(names, numbered, full, strict=True)
    ]
