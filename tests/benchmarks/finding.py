"""The best results and pages of the sorted catalog, beside the query that SQLite needs at the least."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.cases import Case, at_most, within
from tests.benchmarks.grid import DATASET
from tests.benchmarks.measure import timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import EVERY_COLUMN, duckdb_query, ids_of, later, part_files, sqlite_query

RAW = "raw SQLite"
FILTER = f"dataset_name = '{DATASET}' and test_rmse is not null"
SHOWN = 50
PAGE = 100


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Through the public door, on one open workspace."""
    from storage import Workspace

    with Workspace.open(place.catalog) as workspace:
        catalog = workspace.catalog
        yield [*_best(catalog, place), *_pages(catalog, place)]


def _best(catalog: Any, place: Place) -> Iterator[Case]:
    sql = f"select %s from %s where {FILTER} order by test_rmse limit {SHOWN}"
    raw = sqlite_query(sql % ("key", "predictions"), place.catalog)
    raw_ids = sqlite_query(sql % ("prediction_id", "predictions"), place.catalog)
    duck = duckdb_query(sql % (EVERY_COLUMN, "parts"), place.catalog)
    polars = later(lambda: _polars_best(place))
    arrow = _arrow_best(place)

    def best() -> Any:
        return catalog.best("test_rmse", dataset=DATASET, n=SHOWN)

    def keys() -> list[int]:
        return list(catalog.keys(FILTER, "test_rmse", SHOWN))

    def same() -> bool:
        ours = best()["prediction_id"].to_list()
        others = (ids_of(raw_ids()), ids_of(duck()), polars()["prediction_id"].to_list(), arrow())
        return all(ours == other for other in others)

    yield Case(
        f"best {SHOWN} of a dataset among {place.rows:,}, to a DataFrame",
        timed(best),
        {"DuckDB": timed(duck), "Polars": timed(polars), "pyarrow": timed(arrow)},
        at_most(10),
        same=same,
    )
    yield Case(
        f"best {SHOWN} of a dataset among {place.rows:,}, the ids alone",
        timed(keys, 50),
        {RAW: timed(raw, 50)},
        within(5, RAW),
        same=lambda: keys() == ids_of(raw()),
    )


def _polars_best(place: Place) -> Any:
    import polars

    table = polars.scan_parquet(part_files(place.catalog))
    chosen = table.filter(polars.col("dataset_name") == DATASET, polars.col("test_rmse").is_not_null())
    return lambda: chosen.sort("test_rmse").head(SHOWN).collect()


def _arrow_best(place: Place) -> Any:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def best() -> list[str]:
        columns = ["prediction_id", "test_rmse"]
        where = [("dataset_name", "=", DATASET)]
        table = pq.read_table(place.catalog / "catalog/predictions_meta.parquet", columns=columns, filters=where)
        table = table.filter(pc.is_valid(table["test_rmse"]))
        order = pc.select_k_unstable(table, SHOWN, [("test_rmse", "ascending")])
        return table.take(order)["prediction_id"].to_pylist()  # type: ignore[no-any-return]

    return best


def _pages(catalog: Any, place: Place) -> Iterator[Case]:
    middle = place.rows // 2
    order = "order by test_rmse nulls last, key"
    keys = f"select key from predictions {order} limit {PAGE} offset {middle}"
    page = sqlite_query(f"select * from predictions where key in ({keys})", place.catalog)
    every = sqlite_query(f"select key from predictions {order}", place.catalog)

    duck = _duck_page(place, middle)

    def ours() -> Any:
        return catalog.search(order_by="test_rmse", limit=PAGE, offset=middle)

    def same() -> bool:
        return ours()["test_rmse"].dropna().to_list() == [value for value in ids_of(duck()) if value is not None]

    yield Case(
        f"a page of {PAGE} from the middle of {place.rows:,} sorted rows",
        timed(ours),
        {RAW: timed(page), "DuckDB": timed(duck)},
        at_most(100),
        same=same,
    )
    yield Case(
        f"the ids of all {place.rows:,} rows, sorted",
        timed(lambda: catalog.keys(order_by="test_rmse"), 7),
        {RAW: timed(every, 7)},
        same=lambda: sorted(catalog.keys(order_by="test_rmse")) == sorted(ids_of(every())),
    )


def _duck_page(place: Place, offset: int) -> Any:
    sql = f"select test_rmse, {EVERY_COLUMN} from parts order by test_rmse nulls last limit {PAGE} offset {offset}"
    return duckdb_query(sql, place.catalog)
