"""The arrays of one prediction among many, the first time in a process and after that.

python -m tests.benchmarks.arrays WORKSPACE ID [loaded]     prints the milliseconds of the first call
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, at_most
from tests.benchmarks.grid import MOST_ARRAYS
from tests.benchmarks.measure import milliseconds, output_of, timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import later, part_files

MODULE = "tests.benchmarks.arrays"
BUDGET = at_most(20)
LOAD = "import numpy, pyarrow.compute, pyarrow.parquet"


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """A prediction picked at random each time, the same ones in each run."""
    from storage import Workspace

    with Workspace.open(place.catalog) as workspace:
        count = min(place.rows, MOST_ARRAYS)
        pick = _picker(workspace.catalog, count)

        def fresh(*flags: str) -> list[float]:
            return [float(output_of("-m", MODULE, str(place.catalog), pick(), *flags)) for _ in range(7)]

        beside = {
            "pyarrow with a filter": timed(lambda: _arrow(place.catalog, pick())),
            "DuckDB": timed(later(lambda: _duck(place.catalog, pick))),
            "Polars": timed(later(lambda: _polars(place.catalog, pick))),
        }
        what = f"arrays of one prediction among {count:,}"
        yield [
            Case(f"{what}, the first after opening", lambda: fresh("loaded"), {}, BUDGET),
            Case(f"{what}, the first of a process, which loads pyarrow", fresh, {"loading pyarrow": _loading}),
            Case(
                f"{what}, any other",
                timed(lambda: workspace.catalog.arrays(pick()), 50),
                beside,
                BUDGET,
                same=lambda: _same(workspace.catalog, place, pick()),
            ),
        ]


def _loading() -> list[float]:
    """What any program pays for the libraries alone."""
    code = f"import time; start = time.perf_counter(); {LOAD}; print((time.perf_counter() - start) * 1e3)"
    return [float(output_of("-c", code)) for _ in range(7)]


def _picker(catalog: Any, count: int) -> Callable[[], str]:
    """What picks one of five hundred predictions among the `count` oldest, which are those that have arrays."""
    chosen = random.Random(1)
    keys = catalog.keys(order_by="created_at", limit=count)
    known = [row["prediction_id"] for row in catalog.rows(sorted(chosen.sample(list(keys), 500)))]
    return lambda: chosen.choice(known)


def _arrow(workspace: Path, prediction_id: str) -> Any:
    import pyarrow.parquet as pq

    where = [("prediction_id", "=", prediction_id)]
    return pq.read_table(workspace / "catalog/predictions_data.parquet", filters=where).to_pylist()


def _duck(workspace: Path, pick: Callable[[], str]) -> Callable[[], Any]:
    import duckdb

    sql = f"select * from read_parquet({part_files(workspace, 'data')!r}) where prediction_id = ?"
    connection = duckdb.connect()
    return lambda: connection.execute(sql, [pick()]).fetchall()


def _polars(workspace: Path, pick: Callable[[], str]) -> Callable[[], Any]:
    import polars

    table = polars.scan_parquet(part_files(workspace, "data"))
    return lambda: table.filter(polars.col("prediction_id") == pick()).collect()


def _same(catalog: Any, place: Place, prediction_id: str) -> bool:
    ours = [list(map(float, one.y_pred.ravel())) for one in catalog.arrays(prediction_id)]
    return ours == [row["y_pred"] for row in _arrow(place.catalog, prediction_id)]


def main() -> int:
    """Print how long the first call takes in a process that has just opened the workspace; see LOAD."""
    from storage import Workspace

    if sys.argv[3:] == ["loaded"]:
        exec(LOAD)
    with Workspace.open(sys.argv[1]) as workspace:
        print(milliseconds(lambda: workspace.catalog.arrays(sys.argv[2])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
