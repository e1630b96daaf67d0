"""What the charts of the catalog show: the listed results, or a sample of them, with all they can be told apart by.

The first ones in order would do for a table, but not here: the best 5,000 of a million differ too little in what they
are sorted by to tell what makes others worse.

Numpy is loaded with the first results and not with this module, which is there before the first paint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gui.selection import Picked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gui.models.axis import Axis
    from gui.tasks import Report
    from storage import Importance, Workspace

MOST = 5_000  # results that are drawn
NUMBERS = ("n_features", "n_samples", "n_folds", "fit_seconds", "stars", "created_at", "seed")
NAMES = ("model_type", "dataset_name", "config_name", "run_id", "status", "created_by")
PREPROCESSING = "preprocessing"


@dataclass(frozen=True)
class Explored:
    """Listed results: who they are and all their axes by name. `total` is how many are listed."""

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
        import numpy as np

        found = np.ones(len(self), dtype=np.bool_)
        for key, (low, high) in ranges.items():
            if key in self.axes:
                found &= self.axes[key].inside(low, high)
        return found

    def within(self, axis: Axis, ranges: Mapping[str, tuple[float, float]]) -> Axis:
        """Return an axis without the results outside of some ranges."""
        return axis.of(self.inside(ranges)) if ranges else axis

    def rows_of(self, chosen: Sequence[Picked]) -> list[int]:
        """Return the places of pipelines, as far as they are shown."""
        wanted = {one.prediction_id for one in chosen}
        return [place for place, one in enumerate(self.picked) if one.prediction_id in wanted]


def fetch_explored(query: str, order: str, workspace: Workspace) -> Explored:
    """Read the listed results, of many a random sample, and what they can be told apart by.

    Runs on the workspace's thread.
    """
    from gui.models.axis import make_axis

    catalog = workspace.catalog
    keys, total = catalog.sample(query, order, MOST)
    columns = {column.name: column for column in catalog.columns()}
    metrics = [name for name, column in columns.items() if column.metric is not None]
    computed = catalog.computed(query)
    wanted = [*NAMES, *NUMBERS, *metrics, *computed]
    who = ["run_id", "pipeline_id", "prediction_id", "pipeline_name"]
    found = catalog.values(keys, list(dict.fromkeys([*who, *wanted, PREPROCESSING])), query)
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
    parameters = {**catalog.parameters_of(keys), PREPROCESSING: found[PREPROCESSING]}
    for name, values in parameters.items():
        if name not in computed:
            axes[name] = make_axis(name, values, "parameter")
    picked = tuple(Picked(str(a), str(b), str(c)) for a, b, c in zip(*(found[name] for name in who[:3]), strict=True))
    titles = tuple(str(name or one.pipeline_id) for name, one in zip(found["pipeline_name"], picked, strict=True))
    told = {key: axis for key, axis in axes.items() if axis.told.any()}
    return Explored(picked, titles, told, total)


def rank(explored: Explored, metric: str, inside: NDArray[np.bool_], report: Report) -> list[Importance]:
    """Rank the parameters by what they explain of a metric among some results; needs no workspace, but time."""
    from storage import rank_parameters

    def told(key: str) -> list[float | None]:
        values = explored.axes[key].values[inside]
        return [None if one != one else float(one) for one in values]

    keys = [*explored.keys("parameter"), *(["model_type"] if "model_type" in explored.axes else [])]
    datasets = told("dataset_name") if "dataset_name" in explored.axes else None
    return rank_parameters(told(metric), {key: told(key) for key in keys}, datasets)


def usual_axes(explored: Explored, sorted_by: str) -> list[str]:
    """Choose the axes somebody sees first: what was trained, the parameters that most results have, how good it is."""
    differing = [
        key for key in ("dataset_name", "model_type") if key in explored.axes and len(explored.axes[key].names) > 1
    ]
    return [*differing, *_telling_parameters(explored)[:3], *usual_metrics(explored, sorted_by)[:3]]


def usual_parameter(explored: Explored, metric: str) -> str:
    """Choose the parameter that most results with a metric have."""
    measured = explored.axes.get(metric)

    def count(key: str) -> int:
        told = explored.axes[key].told
        return int((told & measured.told if measured is not None else told).sum())

    return max(_telling_parameters(explored), key=count, default="")


def _telling_parameters(explored: Explored) -> list[str]:
    """Name parameters by how much they part the results; of those that part them in the same way, the first one."""
    worth: dict[str, float] = {}
    seen: set[bytes] = set()
    for key in explored.keys("parameter"):
        mark, much = explored.axes[key].parting() if key != PREPROCESSING else (b"", 0.0)
        if much and mark not in seen:
            seen.add(mark)
            worth[key] = much
    return sorted(worth, key=lambda key: -worth[key])


def usual_metrics(explored: Explored, sorted_by: str) -> list[str]:
    """Name the metrics, those first that most is judged by."""
    telling = ["val_rmse", "test_rmse", "val_accuracy", "test_accuracy", "val_r2", "test_r2"]
    there = explored.keys("metric")
    first = [sorted_by, *telling]
    return list(dict.fromkeys([*(key for key in first if key in there), *there]))
