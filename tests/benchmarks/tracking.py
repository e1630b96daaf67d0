"""The same question to MLflow with its SQLite store, where an interpreter has it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.cases import Case, NotInstalled
from tests.benchmarks.grid import DATASET
from tests.benchmarks.measure import ROOT, output_of, timed
from tests.benchmarks.place import Place
from tests.benchmarks.workspaces import make_catalog

MOST_RUNS = 10_000
MLFLOW = "MLflow, SQLite store"


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Both with the same number of results."""
    from storage import Workspace

    runs = min(place.rows, MOST_RUNS)
    folder = place.own("tracking")
    make_catalog(folder / "workspace", runs)
    mlflow = _Mlflow(place.tracker_python, folder, runs)
    with Workspace.open(folder / "workspace") as workspace:
        yield [
            Case(
                f"best 50 of a dataset among {runs:,}, beside a tracking server's library",
                timed(lambda: workspace.catalog.best("test_rmse", dataset=DATASET, n=50)),
                {MLFLOW: lambda: mlflow.times("search")},
            ),
            Case(
                f"all runs of a dataset among {runs:,}, to a DataFrame",
                timed(lambda: workspace.catalog.search(f"dataset_name = '{DATASET}'", "test_rmse")),
                {MLFLOW: lambda: mlflow.times("search_all")},
            ),
        ]


class _Mlflow:
    """What MLflow needed, measured in its own interpreter when first asked about."""

    def __init__(self, python: str, folder: Path, runs: int) -> None:
        self._python = python
        self._arguments = (str(folder / "mlflow"), str(runs), DATASET)

    @cached_property
    def _found(self) -> dict[str, list[float]]:
        if not self._python and find_spec("mlflow") is None:
            raise NotInstalled
        script = str(ROOT / "tests/benchmarks/mlflow_runs.py")
        found: dict[str, list[float]] = json.loads(
            output_of(script, *self._arguments, python=self._python or sys.executable)
        )
        return found

    def times(self, name: str) -> list[float]:
        return self._found[name]
