"""Queries as people write them: alternatives, parentheses, parameters of steps, free words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.cases import Case
from tests.benchmarks.grid import DATASET
from tests.benchmarks.measure import timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import EVERY_COLUMN, duckdb_query, ids_of

SHOWN = 50
PLAIN = f"(dataset_name = '{DATASET}' or model_type = 'Ridge') and not status = 'failed' and test_rmse < 0.4"
NAMES = ("pipeline_name", "config_name", "dataset_name", "model_type", "run_id")
WORDS = "ridge snv"


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Each query to a DataFrame of the best, and counted; beside DuckDB over the parts."""
    from storage import Workspace

    component = r"""PLSRegression", "params": \{[^}]*"n_components": (\d+)"""
    parameter = f"try_cast(regexp_extract(config, '{component}', 1) as integer) >= 8"
    words = " and ".join(
        "(" + " or ".join(f"contains(lower({name}), '{word}')" for name in NAMES) + ")" for word in WORDS.split()
    )
    with Workspace.open(place.catalog) as workspace:
        yield [
            *_queries(workspace.catalog, place, "or, not and parentheses", PLAIN, PLAIN),
            *_queries(
                workspace.catalog,
                place,
                "a parameter of a step",
                f"PLSRegression.n_components >= 8 and dataset_name = '{DATASET}' and test_rmse < 1",
                f"{parameter} and dataset_name = '{DATASET}' and test_rmse < 1",
            ),
            *_queries(workspace.catalog, place, f"the free words {WORDS}", WORDS, words),
        ]


def _queries(catalog: Any, place: Place, kind: str, query: str, condition: str) -> Iterator[Case]:
    """The best rows that match, and how many match in all."""
    parts = f"from parts where {condition}"
    best = duckdb_query(f"select {EVERY_COLUMN} {parts} order by test_rmse nulls last limit {SHOWN}", place.catalog)
    count = duckdb_query(f"select count(*) {parts}", place.catalog)

    def ours() -> Any:
        return catalog.search(query, "test_rmse", SHOWN)

    yield Case(
        f"query with {kind}: best {SHOWN} of {place.rows:,}",
        timed(ours),
        {"DuckDB": timed(best)},
        same=lambda: ours()["prediction_id"].to_list() == ids_of(best()),
    )
    yield Case(
        f"query with {kind}: how many match",
        timed(lambda: catalog.count(query)),
        {"DuckDB": timed(count)},
        same=lambda: catalog.count(query) == count()[0][0],
    )
