"""Group-by and summaries over the whole catalog, beside DuckDB, Polars and pyarrow doing the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, at_most
from tests.benchmarks.grid import configurations
from tests.benchmarks.measure import timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import duckdb_query, later, part_files

BUDGET = at_most(200)
JUDGED = ("val_rmse", "test_rmse", "val_accuracy", "test_accuracy")  # what `summary` takes, left to itself


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Through the public door, on one open workspace."""
    from storage import Workspace

    with Workspace.open(place.catalog) as workspace:
        summaries = (_summary(workspace.catalog, place, by) for by in ("dataset_name", "model_type", "config_hash"))
        yield [*summaries, _comparison(workspace.catalog, place)]


def _summary(catalog: Any, place: Place, by: str) -> Case:
    duck = duckdb_query(_summary_sql(by), place.catalog)

    def ours() -> Any:
        return catalog.summary(by=by)

    def same() -> bool:
        return _values(ours().itertuples(index=False), f"best_{JUDGED[1]}", ours()) == _values(duck(), "", None)

    return Case(
        f"`summary(by='{by}')` over {place.rows:,} rows",
        timed(ours, 9),
        {
            "DuckDB": timed(duck, 9),
            "Polars": timed(later(lambda: _polars_summary(place.catalog, by)), 9),
            "pyarrow": timed(later(lambda: _arrow_summary(place.catalog, by)), 9),
        },
        BUDGET,
        same=same,
    )


def _values(rows: Any, column: str, frame: Any) -> list[tuple[Any, int, float | None]]:
    """Group, results and best test RMSE of each row, to compare; DuckDB has the best in its sixth column."""
    place = 5 if frame is None else list(frame.columns).index(column)
    found = ((row[0], int(row[1]), row[place]) for row in rows)
    return [(name, count, None if best is None or math.isnan(best) else best) for name, count, best in found]


def _summary_sql(by: str) -> str:
    status = [f"count(*) filter (status = '{value}')" for value in ("completed", "failed")]
    metrics = [f"{f}({m})" for m, best in _bests().items() for f in (best, "avg", "stddev_samp")]
    # The order of the columns is that of `_values`: the best of the second metric is looked at, so it comes early.
    first = f"min({JUDGED[1]})"
    columns = ", ".join([by, "count(*) as results", *status, "count(*)", first, *metrics])
    return f"select {columns} from parts group by {by} order by results desc, {by}"


def _bests() -> dict[str, str]:
    return {name: "max" if "accuracy" in name else "min" for name in JUDGED}


def _polars_summary(workspace: Path, by: str) -> Callable[[], Any]:
    import polars as pl

    wanted = [pl.len().alias("results")]
    wanted += [(pl.col("status") == value).sum().alias(value) for value in ("completed", "failed")]
    for name, best in _bests().items():
        column = pl.col(name)
        wanted += [getattr(column, best)().alias(f"best_{name}"), column.mean().alias(f"mean_{name}")]
        wanted.append(column.std().alias(f"std_{name}"))
    query = pl.scan_parquet(part_files(workspace)).group_by(by).agg(wanted).sort("results", descending=True)
    return query.collect


def _arrow_summary(workspace: Path, by: str) -> Callable[[], Any]:
    import pyarrow.parquet as pq

    wanted: list[Any] = [([], "count_all")]
    for name, best in _bests().items():
        wanted += [(name, best), (name, "mean"), (name, "stddev")]

    def ask() -> Any:
        table = pq.read_table(workspace / "catalog/predictions_meta.parquet", columns=[by, "status", *JUDGED])
        completed = table.group_by([by, "status"]).aggregate([([], "count_all")])
        return table.group_by(by).aggregate(wanted).sort_by([("count_all", "descending")]), completed

    return ask


def _comparison(catalog: Any, place: Place) -> Case:
    digest = configurations()[100].digest
    where = f"config_hash = '{digest}' and test_rmse is not null"
    duck = duckdb_query(
        "select dataset_name, count(*), min(test_rmse) as best, arg_min(prediction_id, test_rmse), avg(test_rmse) "
        f"from parts where {where} group by dataset_name order by best",
        place.catalog,
    )

    def ours() -> Any:
        return catalog.compare_datasets(digest, "test_rmse")

    def same() -> bool:
        mine = [row[:4] for row in ours().itertuples(index=False, name=None)]
        return mine == [row[:4] for row in duck()]

    return Case(
        f"`compare_datasets` of one configuration over {place.rows:,} rows",
        timed(ours, 9),
        {"DuckDB": timed(duck, 9), "Polars": timed(later(lambda: _polars_comparison(place.catalog, digest)), 9)},
        BUDGET,
        same=same,
    )


def _polars_comparison(workspace: Path, digest: str) -> Callable[[], Any]:
    import polars as pl

    metric = pl.col("test_rmse")
    chosen = pl.scan_parquet(part_files(workspace)).filter(pl.col("config_hash") == digest, metric.is_not_null())
    wanted = [pl.len(), metric.min().alias("best"), pl.col("prediction_id").sort_by("test_rmse").first()]
    return chosen.group_by("dataset_name").agg(*wanted, metric.mean()).sort("best").collect
