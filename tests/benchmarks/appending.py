"""Recording one result (folder, documents, arrays, catalog, index; all durable) in empty and large workspaces."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Budget, Case, at_most, within
from tests.benchmarks.grid import METRICS, SAMPLES
from tests.benchmarks.measure import milliseconds, timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import part_files

COUNT = 200
EMPTY = "empty workspace"


class Appends:
    """So many results in a row, recorded into one run of a workspace when they are first asked about."""

    def __init__(self, open_workspace: Callable[[], Any]) -> None:
        self._open = open_workspace

    @cached_property
    def times(self) -> tuple[list[float], list[float]]:
        """Milliseconds of each catalog commit, and of each result as a whole, the very first first."""
        commit: list[float] = []
        whole: list[float] = []
        with self._open() as workspace:
            run = workspace.create_run("corn", "bench")
            append = workspace.catalog.append
            workspace.catalog.append = lambda *given: commit.append(milliseconds(lambda: append(*given)))
            for number in range(COUNT + 1):
                start = time.perf_counter()
                _record(run, number)
                whole.append((time.perf_counter() - start) * 1e3)
        return commit, whole

    def first(self, which: int) -> list[float]:
        return self.times[which][:1]

    def others(self, which: int) -> list[float]:
        return self.times[which][1:]


def _record(run: Any, number: int) -> None:
    import pandas as pd

    true = [number + i / 10 for i in range(SAMPLES)]
    steps = [{"class": "sklearn.linear_model.Ridge", "params": {"alpha": float(number)}}]
    pipeline = run.add_pipeline({"steps": steps}, name="bench")
    pipeline.save_metrics({"test": dict.fromkeys(METRICS, 0.5 + number)})
    pipeline.save_predictions(pd.DataFrame({"y_true": true, "y_pred": [value + 0.5 for value in true]}))
    pipeline.complete()


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Each commit and each whole, one after the other; the first of a process alone, for it does more."""
    from storage import Workspace

    folder = place.own("appending")
    empty = Appends(lambda: Workspace.create(folder / "empty"))
    large = Appends(lambda: Workspace.open(place.catalog))
    naive = {"read, concat, write (pandas)": timed(_ReadConcatWrite(place, folder).again, 3, seconds=20)}
    file = {"write + fsync of one file": timed(lambda: _synced(folder / "plain.bin"), 50)}
    lines = []
    for which, name, limit in ((0, "its commit to the catalog", 10), (1, "the whole", 30)):
        beside = {EMPTY: lambda which=which: empty.others(which), **(file if which else naive)}
        at_empty = Case(f"append one result to an empty workspace: {name}", beside[EMPTY], file, at_most(limit))
        what = f"append one result to {place.rows:,}: {name}"
        flat = Budget(f"≤ 1.5× {EMPTY}", within(1.5, EMPTY).keeps)
        at_large = Case(what, lambda which=which: large.others(which), beside, at_most(limit) & flat)
        lines += [at_empty, at_large]
    first = Case(f"append one result to {place.rows:,}: the first after opening", lambda: large.first(1))
    yield [*lines, first]


class _ReadConcatWrite:
    """The obvious way: one Parquet file, read whole, one row longer, written whole."""

    def __init__(self, place: Place, folder: Path) -> None:
        self._workspace = place.catalog
        self._file = folder / "catalog.parquet"

    def again(self) -> None:
        import pandas as pd

        source: Any = self._file if self._file.exists() else part_files(self._workspace)
        table = pd.read_parquet(source)
        pd.concat([table, table.tail(1)], ignore_index=True).to_parquet(self._file)


def _synced(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"x" * 8000)
        file.flush()
        os.fsync(file.fileno())
