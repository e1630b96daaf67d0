"""What the charts of the catalog show: the first listed results with all they can be told apart by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gui.query_text import equals, one_of
from gui.selection import Picked

if TYPE_CHECKING:
    from gui.tasks import Report
    from storage import Importance, Metric, Workspace

MOST = 5_000  # results that are drawn
MOST_NAMES = 24  # on one axis; what is rarer is "others"
WIDE = 100.0  # largest to smallest value from which an axis is logarithmic
NUMBERS = ("n_features", "n_samples", "n_folds", "fit_seconds", "stars", "created_at", "seed")
NAMES = ("model_type", "dataset_name", "config_name", "run_id", "status", "created_by")
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One quantity of all results: `values` (n,), NaN where it is missing; with `names` they are places in these.

    `kind` is "metric", "parameter", "number", "time", "name", or "steps", which no query can speak of. The last of
    `names` is "" where it stands for all rarer ones.
    """

    key: str
    values: Numbers
    names: tuple[str, ...] = ()
    kind: str = "number"
    metric: Metric | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        there = self.values[np.isfinite(self.values)]
        return (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)

    @property
    def log(self) -> bool:
        """Whether it is drawn by powers of ten."""
        low, high = self.bounds
        return not self.names and self.kind != "time" and low > 0 and high / low >= WIDE

    def heights(self) -> Numbers:
        """Return the values from 0 (lowest) to 1 (highest), as they are drawn."""
        return self.at(self.values)

    def at(self, values: Numbers) -> Numbers:
        """Return where values are drawn."""
        low, high = self.bounds
        if self.names:
            return (values + 0.5) / len(self.names)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log(np.maximum(values, 1e-300))
            low, high = float(np.log(low)), float(np.log(high))
        return (values - low) / (high - low) if high > low else np.where(np.isfinite(values), 0.5, np.nan)

    def value_at(self, height: float) -> float:
        """Return the value drawn at a height; among names, their place."""
        low, high = self.bounds
        if self.names:
            return height * len(self.names) - 0.5
        if self.log:
            return float(np.exp(np.log(low) + height * (np.log(high) - np.log(low))))
        return low + height * (high - low)

    def inside(self, low: float, high: float) -> NDArray[np.bool_]:
        """Tell which results lie within a range."""
        return (self.values >= low) & (self.values <= high)

    def condition(self, low: float, high: float) -> str:
        """Write the condition that holds for what lies within a range."""
        if self.names:
            chosen = [place for place in range(len(self.names)) if low <= place <= high]
            return one_of(self.key, [self.names[place] for place in chosen if self.names[place]])
        if self.kind == "time":
            first, last = (datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for one in (low, high))
            return f"{self.key} between {first} and {last}"
        least, most = self.bounds
        if low <= least and high >= most:
            return f"{self.key} is not null"
        if low <= least or high >= most:
            return f"{self.key} <= {high:.10g}" if low <= least else f"{self.key} >= {low:.10g}"
        return equals(self.key, low) if low == high else f"{self.key} between {low:.10g} and {high:.10g}"

    def rounded(self, value: float) -> float:
        """Return a value with no more digits than a mouse can tell apart, but the lowest and highest as they are."""
        low, high = self.bounds
        if self.names or self.kind == "time" or value in (low, high) or not value:
            return value
        finer = max(0, int(np.log10(max(abs(low), abs(high)) / (high - low)))) if high > low else 0
        return float(f"{value:.{4 + finer}g}")


@dataclass(frozen=True)
class Explored:
    """The first listed results: who they are and all their axes by name. `total` is how many there are."""

    picked: tuple[Picked, ...] = ()
    titles: tuple[str, ...] = ()
    axes: dict[str, Axis] = field(default_factory=dict)
    total: int = 0

    def __len__(self) -> int:
        return len(self.picked)

    def keys(self, *kinds: str) -> list[str]:
        """Name the axes of some kinds."""
        return [key for key, axis in self.axes.items() if axis.kind in kinds]

    def inside(self, ranges: Mapping[str, tuple[float, float]]) -> NDArray[np.bool_]:
        """Tell which results lie within all of some ranges."""
        found = np.ones(len(self), dtype=np.bool_)
        for key, (low, high) in ranges.items():
            if key in self.axes:
                found &= self.axes[key].inside(low, high)
        return found

    def within(self, axis: Axis, ranges: Mapping[str, tuple[float, float]]) -> Axis:
        """Return an axis without the results outside of some ranges."""
        return replace(axis, values=np.where(self.inside(ranges), axis.values, np.nan)) if ranges else axis

    def rows_of(self, chosen: Sequence[Picked]) -> list[int]:
        """Return the places of pipelines, as far as they are shown."""
        wanted = {one.prediction_id for one in chosen}
        return [place for place, one in enumerate(self.picked) if one.prediction_id in wanted]


def fetch_explored(query: str, order: str, workspace: Workspace) -> Explored:
    """Read the first listed results and what they can be told apart by; runs on the workspace's thread."""
    catalog = workspace.catalog
    keys = catalog.keys(query, order, MOST)
    columns = {column.name: column for column in catalog.columns()}
    metrics = [name for name, column in columns.items() if column.metric is not None]
    wanted = [*NAMES, *NUMBERS, *metrics, *catalog.computed(query)]
    who = ["run_id", "pipeline_id", "prediction_id", "pipeline_name"]
    found = catalog.values(keys, list(dict.fromkeys([*who, *wanted])), query)
    axes: dict[str, Axis] = {}
    for name in wanted:
        metric = columns[name].metric if name in columns else None
        kind = (
            "metric"
            if metric is not None
            else "name"
            if name in NAMES
            else "time"
            if name == "created_at"
            else "number"
        )
        axes[name] = make_axis(name, found[name], kind, metric)
    for name, values in catalog.parameters_of(keys).items():
        axes[name] = make_axis(name, values, "parameter")
    steps = [(" → ".join(one[:-1]) or "none") if one else None for one in catalog.steps_of(keys)]
    axes["preprocessing"] = make_axis("preprocessing", steps, "steps")
    picked = tuple(Picked(str(a), str(b), str(c)) for a, b, c in zip(*(found[name] for name in who[:3]), strict=True))
    titles = tuple(str(name or one.pipeline_id) for name, one in zip(found["pipeline_name"], picked, strict=True))
    total = len(keys) if len(keys) < MOST else catalog.count(query)
    told = {key: axis for key, axis in axes.items() if np.isfinite(axis.values).any()}
    return Explored(picked, titles, told, total)


def rank(explored: Explored, metric: str, inside: NDArray[np.bool_], report: Report) -> list[Importance]:
    """Rank the parameters by what they explain of a metric among some results; needs no workspace, but time."""
    from storage import rank_parameters

    def told(key: str) -> list[float | None]:
        values = explored.axes[key].values[inside]
        return [None if one != one else float(one) for one in values]

    keys = [*explored.keys("parameter", "steps"), *(["model_type"] if "model_type" in explored.axes else [])]
    datasets = told("dataset_name") if "dataset_name" in explored.axes else None
    return rank_parameters(told(metric), {key: told(key) for key in keys}, datasets)


def make_axis(key: str, values: Sequence[Any], kind: str, metric: Metric | None = None) -> Axis:
    """Make an axis of raw values: numbers where all of them are, else names, the most frequent first."""
    if kind == "time":
        numbers = [np.nan if one is None else one.timestamp() for one in values]
        return Axis(key, np.array(numbers, dtype=np.float64), kind=kind)
    if kind not in ("name", "steps") and all(one is None or isinstance(one, (int, float)) for one in values):
        return Axis(
            key, np.array([np.nan if one is None else one for one in values], dtype=np.float64), (), kind, metric
        )
    texts = [None if one is None else _name(one) for one in values]
    counted = Counter(one for one in texts if one is not None)
    often = [name for name, _ in counted.most_common(MOST_NAMES)]
    names = often if len(counted) <= MOST_NAMES else [*often[:-1], ""]
    place = {name: number for number, name in enumerate(names)}
    rest = float(len(names) - 1)
    numbers = [np.nan if one is None else float(place.get(one, rest)) for one in texts]
    return Axis(key, np.array(numbers, dtype=np.float64), tuple(names), kind, metric)


def usual_axes(explored: Explored, sorted_by: str) -> list[str]:
    """Choose the axes somebody sees first: what was trained, the parameters that most results have, how good it is."""
    differing = [
        key for key in ("dataset_name", "model_type") if key in explored.axes and len(explored.axes[key].names) > 1
    ]
    return [*differing, *_telling_parameters(explored)[:3], *usual_metrics(explored, sorted_by)[:3]]


def usual_parameter(explored: Explored, metric: str) -> str:
    """Choose the parameter that most results with a metric have."""
    values = explored.axes[metric].values if metric in explored.axes else np.zeros(len(explored))
    keys = _telling_parameters(explored)
    return max(keys, key=lambda key: int(np.isfinite(explored.axes[key].values + values).sum()), default="")


def _telling_parameters(explored: Explored) -> list[str]:
    """Name parameters by how much they part the results; of those that part them in the same way, the first one."""
    worth: dict[str, float] = {}
    seen: set[bytes] = set()
    for key in explored.keys("parameter"):
        values = explored.axes[key].values
        there = np.isfinite(values)
        levels, places = np.unique(values[there], return_inverse=True)
        parted = np.where(there, 0, -1)
        parted[there] = places
        if len(levels) > 1 and (mark := parted.tobytes()) not in seen:
            seen.add(mark)
            worth[key] = float(there.mean() * np.log(min(len(levels), 10)))
    return sorted(worth, key=lambda key: -worth[key])


def usual_metrics(explored: Explored, sorted_by: str) -> list[str]:
    """Name the metrics, those first that most is judged by."""
    telling = ["val_rmse", "test_rmse", "val_accuracy", "test_accuracy", "val_r2", "test_r2"]
    there = explored.keys("metric")
    first = [sorted_by, *telling]
    return list(dict.fromkeys([*(key for key in first if key in there), *there]))


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
