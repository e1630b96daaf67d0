"""Groups over many rows: the same from the parts and from the index, and as DuckDB sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import BadInput, Workspace
from storage.arrow_query import translated
from tests.storage.samples import add_foreign_part, fill

CONDITIONS = st.sampled_from(
    [
        "test_rmse < 1.5",
        "test_rmse >= 1",
        "test_rmse is null",
        "test_r2 is not null",
        "dataset_name = 'd1'",
        "dataset_name in ('d1', 'd2')",
        "dataset_name ~ 'D1'",
        "pipeline_name ~ '100%_'",
        "n_samples between 3 and 7",
        "created_at >= '2026-03-01 00:00'",
        "created_at = 2026-02-01",
        "run_date > '2026-02-10'",
        "test_rmse - test_r2 as gap and gap > 1",
        "test_rmse > 2 * test_r2",
        "status != 'failed'",
        "seed is null",
        "seed > 20261120",
        "n_samples < 3",
        "test_rmse + test_r2 + n_samples > 5",
        "test_rmse * test_r2 * 2 < 1",
        "dataset_name = 'none of them'",
    ]
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})" if " as " not in one else one),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        .filter(lambda both: both[0] != both[2] and " as " not in both[0] + both[2])
        .map(lambda both: f"({both[0]}) {both[1]} ({both[2]})"),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("varied") / "workspace"
    Workspace.create(root).close()
    count, random = 400, np.random.default_rng(5)
    days = pd.Timestamp("2026-01-15", tz="UTC") + pd.to_timedelta(np.arange(count) * 4, unit="h")
    table = pd.DataFrame(
        {
            "prediction_id": [f"p{i:03}" for i in range(count)],
            "dataset_name": [["d1", "d2", "D10", None][i % 4] for i in range(count)],
            "pipeline_name": [f"{'100%_' if i % 3 else '100x '}{i}" for i in range(count)],
            "status": ["failed" if i % 7 == 0 else "completed" for i in range(count)],
            "created_at": days,
            "run_date": days.date,
            "n_samples": np.arange(count) % 10,
            "seed": [20261121 if i % 2 else None for i in range(count)],
            "test_rmse": np.where(np.arange(count) % 7 == 0, np.nan, random.gamma(2, 1, count)),
            "test_r2": random.random(count),
            "test_bias": random.normal(size=count),
        }
    )
    add_foreign_part(root, "meta", table)
    with Workspace.open(root) as workspace:
        yield workspace


@settings(max_examples=150, deadline=None)
@given(filter=FILTERS)
def test_a_condition_holds_for_the_same_rows_in_the_parts_and_in_the_index(varied: Workspace, filter: str) -> None:
    found = translated(varied.catalog._compile(filter).condition)
    assert found is not None, filter
    condition, needed = found
    table = varied.catalog._parts.read_columns(sorted({"prediction_id", *needed})).filter(condition)
    assert sorted(table["prediction_id"].to_pylist()) == sorted(varied.catalog.ids(filter)), filter


def test_groups_agree_with_duckdb(varied: Workspace) -> None:
    found = varied.catalog.group(["dataset_name", "status"], ["test_rmse", "test_bias"], "n_samples > 3")
    sql = (
        "select dataset_name, status, count(*), min(test_rmse), avg(test_rmse), stddev_samp(test_rmse), "
        "min(abs(test_bias)) "
        f"from '{varied.root}/catalog/predictions_meta.parquet/*.parquet' where n_samples > 3 "
        "group by all order by 3 desc, 1 nulls last, 2"
    )
    table = duckdb.connect().sql(sql.replace("test_rmse)", "nullif(test_rmse, 'nan'::double))"))
    names = ["dataset_name", "status", "results", "best_test_rmse", "mean_test_rmse", "std_test_rmse", "best_test_bias"]
    for row, other in zip(found, table.fetchall(), strict=True):
        assert [row[name] for name in names] == pytest.approx(list(other), nan_ok=True)
    assert all(row["completed"] + row["failed"] == row["results"] for row in found)


@pytest.mark.parametrize("filter", ["", "not nosuchword"])  # from the parts, and from the index
def test_groups_tell_their_dataset_if_they_have_but_one(varied: Workspace, filter: str) -> None:
    mixed = varied.catalog.group(["status"], ["test_rmse"], filter, datasets=True)
    assert [row["dataset_name"] for row in mixed] == [None, None] and "dataset_name" not in mixed[0].keys() - {
        "dataset_name"
    }
    seeds = varied.catalog.group(["seed"], [], f"n_samples in (2, 6) {filter and 'and'} {filter}", datasets=True)
    assert {row["dataset_name"] for row in seeds} == {None}
    alone = varied.catalog.group(["status"], [], f"dataset_name = 'd1' {filter and 'and'} {filter}", datasets=True)
    assert [row["dataset_name"] for row in alone] == ["d1", "d1"]
    without = varied.catalog.group(["status"], [], f"dataset_name is null {filter and 'and'} {filter}", datasets=True)
    assert [row["dataset_name"] for row in without] == ["", ""]
    assert varied.catalog.group(["dataset_name"], [], filter, datasets=True) == varied.catalog.group(
        ["dataset_name"], [], filter
    )


def test_groups_of_what_the_parts_do_not_know(workspace: Workspace) -> None:
    ids = fill(workspace, 6)
    workspace.catalog.annotate(ids[:2], add_tags=["final"], stars=5)
    by_tag = workspace.catalog.group(["tags"], ["test_rmse"])
    assert [(row["tags"], row["results"], row["best_test_rmse"]) for row in by_tag] == [
        (None, 4, 3.0),
        ("final", 2, 1.0),
    ]
    assert workspace.catalog.group(["stars"], [], "final") == [{"stars": 5, "results": 2, "completed": 2, "failed": 0}]
    (whole,) = workspace.catalog.group(["model"], ["gap"], "test_rmse - test_r2 as gap")
    assert (whole["model"], whole["results"], whole["mean_gap"]) == ("mean", 6, pytest.approx(2.75))
    for by, metrics in ((["nothing"], []), (["dataset_name"], ["nothing"]), (["dataset_name"], ["status"]), ([], [])):
        with pytest.raises(BadInput):
            workspace.catalog.group(by, metrics)
    for filter in ("test_rmse > 99", "tags has 'nobody'", "nosuchword"):
        assert workspace.catalog.group(["dataset_name", "dataset_name"], ["test_rmse"], filter) == []
    for filter in ("", "final or not final"):  # the same keys from the parts and from the index
        (row,) = workspace.catalog.group(["run_date"], [], filter)
        assert row["run_date"] == workspace.runs()[0].date


def test_runs_without_a_folder_are_known_from_the_catalog(root: Path) -> None:
    import shutil

    with Workspace.create(root) as workspace:
        fill(workspace, 3)
        fill(workspace, 2, "wheat")
        kept, gone = workspace.runs("wheat")[0], workspace.runs("corn")[0]
        shutil.rmtree(root / "runs" / gone.folder)
        workspace.sync()
        assert [run.run_id for run in workspace.runs()] == [kept.run_id]
        (deleted,) = (run for run in workspace.runs(deleted=True) if run.status == "folder deleted")
        assert (deleted.run_id, deleted.dataset_name, deleted.total, deleted.successful) == (gone.run_id, "corn", 3, 3)
        assert (deleted.metric_name, deleted.metric_value, deleted.date) == ("test_rmse", 1.0, gone.date)
        assert len(workspace.runs("wheat", deleted=True)) == 1


def test_a_metric_of_ones_own_is_best_the_way_one_says(root: Path) -> None:
    with Workspace.create(root) as workspace:
        run = workspace.create_run("corn")
        for value in (0.2, 0.9, 1.4):
            pipeline = run.add_pipeline({"k": value})
            pipeline.save_metrics({"test": {"picp": value, "ser": value}})
            pipeline.complete()
        with pytest.raises(BadInput, match="runshelf metrics add picp"):
            workspace.catalog.best("test_picp")
        workspace.add_metric("picp", target=0.95)
        workspace.add_metric("SER", title="Standard error", lower_is_better=True)
        with pytest.raises(BadInput):
            workspace.add_metric("both", lower_is_better=True, target=1)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.best("test_picp")["test_picp"].tolist() == [0.9, 1.4, 0.2]
        first = workspace.catalog.keys(order_by="best:test_ser")
        with Workspace.open(root) as other:
            other.add_metric("ser", lower_is_better=False)
        workspace.sync()
        assert list(workspace.catalog.keys(order_by="best:test_ser")) == list(reversed(first))
        workspace.add_metric("ser", title="Standard error", lower_is_better=True)
        assert workspace.catalog.search("order by test_picp best")["test_picp"].tolist() == [0.9, 1.4, 0.2]
        assert workspace.catalog.search(order_by="best:test_ser", limit=1)["test_ser"].tolist() == [0.2]
        assert workspace.catalog.group(["dataset_name"], ["test_ser", "test_picp"])[0]["best_test_ser"] == 0.2
        column = next(column for column in workspace.catalog.columns() if column.name == "test_ser")
        assert column.metric is not None and column.metric.title == "Standard error"


def test_columns_of_what_matches_are_those_of_the_parts_and_of_the_index(workspace: Workspace) -> None:
    fill(workspace, 5)
    fill(workspace, 2, "wheat")
    found = workspace.catalog.table(["pipeline_id", "test_rmse"], "dataset_name = 'corn' and test_rmse < 4")
    expected = workspace.catalog.search("dataset_name = 'corn' and test_rmse < 4")
    assert sorted(found["test_rmse"].to_pylist()) == sorted(expected["test_rmse"])
    assert set(found["pipeline_id"].to_pylist()) == set(expected["pipeline_id"])
    by_parameter = workspace.catalog.table(["k", "test_rmse"], "k >= 1")  # the parts know nothing of parameters
    assert sorted(by_parameter["k"].to_pylist()) == [1, 1, 2, 3, 4] and by_parameter.num_rows == 5
