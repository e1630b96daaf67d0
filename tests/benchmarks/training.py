"""The runner beside plain scikit-learn on the demo's batch, the charts, and what sharing artifacts saves."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Budget, Case, at_least, at_most
from tests.benchmarks.measure import milliseconds, timed
from tests.benchmarks.place import Place

PLAIN = "plain scikit-learn"
PAIRS = 3
OVERHEAD = Budget("≤ 30 ms or 5 %, whichever is more", lambda ours, beside: ours <= max(30, 0.05 * beside[PLAIN]))


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """The demo: two datasets, the shipped grids."""
    batches = _Batches(place.own("training"))
    yield [
        Case(
            "runner, demo batch: extra a pipeline, charts aside",
            lambda: batches.found.extra,
            {PLAIN: lambda: batches.found.plain},
            OVERHEAD,
        ),
        *(
            Case(f"draw one chart ({name}, PNG), off the training path", timed(draw, 9), {}, at_most(150))
            for name, draw in _charts().items()
        ),
        Case(
            "storage saved by deduplicated artifacts, demo grid",
            lambda: [_share(batches.found.statistics)],
            {f"{name} alone": lambda name=name: [_share([batches.found.of(name)])] for name in batches.names},
            at_least(30, "%"),
            unit="%",
        ),
    ]


def _share(statistics: list[Any]) -> float:
    """How much of the artifacts' bytes sharing saved, in percent."""
    saved = sum(one.bytes_saved for one in statistics)
    return 100 * saved / (saved + sum(one.bytes for one in statistics))


# ---------------------------------------------------------------- batches


@dataclass
class _Found:
    """Milliseconds a pipeline of each pair, and the statistics of each dataset's run."""

    plain: list[float] = field(default_factory=list)
    extra: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    statistics: list[Any] = field(default_factory=list)

    def of(self, name: str) -> Any:
        return self.statistics[self.names.index(name)]


class _Batches:
    """The demo batch in pairs, once by scikit-learn alone and once by the runner, when first asked about."""

    names = ("fermentation", "coffee")

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def found(self) -> _Found:
        from storage import Workspace

        found = _Found()
        for attempt in range(PAIRS + 1):
            with Workspace.create(self._folder / f"workspace{attempt}") as workspace:
                plain, ours = self._pair(workspace, found if attempt == PAIRS else None)
            if attempt:  # the first warms up
                found.plain.append(plain)
                found.extra.append(ours - plain)
        return found

    def _pair(self, workspace: Any, found: _Found | None) -> tuple[float, float]:
        """Milliseconds a pipeline, plain and ours; `found` gets what the runs say of their artifacts."""
        from storage import load_configs
        from storage.demo import write_demo_data

        plain = ours = count = 0.0
        for demo in write_demo_data(self._folder / "data"):
            data = _load(demo)
            configs = load_configs(demo.request().pipelines)
            plain += milliseconds(lambda data=data, configs=configs: _train_plainly(data, configs))
            start = time.perf_counter()
            outcome = workspace.run_batch(data, configs, charts=False)
            ours += (time.perf_counter() - start) * 1e3
            count += len(configs)
            if found is not None:
                found.names.append(demo.name)
                found.statistics.append(workspace.summary(outcome.run_id).statistics)  # as run_summary.json has it
        return plain / count, ours / count


def _load(demo: Any) -> Any:
    from storage import load_dataset

    return load_dataset(
        demo.data,
        [demo.target],
        name=demo.name,
        split_column=demo.split_column,
        test_size=demo.test_size,
        units=demo.units,
    )


def _train_plainly(data: Any, configs: list[Any]) -> None:
    """What a script of a user would do with the same pipelines: cross-validate, fit, predict; nothing is kept."""
    import numpy as np
    from sklearn.base import clone

    from storage.estimators import build_splitter

    y = np.asarray(data.labels)[data.y] if data.labels else data.y
    train, test = data.train_rows, data.test_rows
    for config in configs:
        model = config.build(0)
        splitter = build_splitter(config.cv, data.task_type, 0)
        for fitted, held_out in splitter.split(data.X[train], y[train]):
            fold = clone(model).fit(data.X[train][fitted], y[train][fitted])
            fold.predict(data.X[train][held_out])
        model.fit(data.X[train], y[train])
        model.predict(data.X[train])
        model.predict(data.X[test])


# ---------------------------------------------------------------- charts


def _charts() -> dict[str, Callable[[], None]]:
    import numpy as np

    from storage import PredictionArrays
    from storage.figures import confusion_matrix, parity, residuals

    rows = np.arange(200)
    values = np.linspace(0, 1, 200)
    numbers = [PredictionArrays(name, None, rows, values, values**2) for name in ("train", "val", "test")]
    classes = [PredictionArrays("test", None, rows, rows % 3, rows // 7 % 3, ("one", "two", "three"))]

    def drawn(make: Callable[[], Any]) -> Callable[[], None]:
        return lambda: make().savefig(io.BytesIO(), dpi=100)

    return {
        "parity": drawn(lambda: parity(numbers, "title", "glucose")),
        "residuals": drawn(lambda: residuals(numbers, "title", "glucose")),
        "confusion matrix": drawn(lambda: confusion_matrix(classes, "title")),
    }
