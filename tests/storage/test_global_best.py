"""The best by every metric, one configuration across datasets, summaries by anything: as DuckDB says over the files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from storage import BadInput, Workspace

MODELS = ("PLS", "Ridge")


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Three datasets; metrics with either end best, a target, and one nobody knows."""
    for number, dataset in enumerate(("corn", "oats", "wheat")):
        run = workspace.create_run(dataset)
        for i in range(4):
            config = {"model": MODELS[i % 2], "k": i // 2}
            pipeline = run.add_pipeline(config, name=f"p{i}")
            value = ((7 * i + 3 * number) % 5) / 4
            test = {"rmse": 1 + value, "r2": 1 - value, "bias": value - 0.5, "oddity": value}
            pipeline.save_metrics({"test": test if (number, i) != (2, 3) else {"r2": 0.5}})
            pipeline.complete()
        run.finalize()
    workspace.sync()
    return workspace


def duck(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    files = Path(workspace.root, "catalog", "predictions_meta.parquet", "*.parquet").as_posix()
    return duckdb.sql(sql.replace("META", f"read_parquet('{files}')")).fetchall()


ORDERS = {"test_rmse": "test_rmse", "test_r2": "-test_r2", "test_bias": "abs(test_bias)"}


def test_the_best_by_every_metric_over_all_and_on_each_dataset(filled: Workspace) -> None:
    found = filled.catalog.global_best()
    assert dict(zip(found["metric"], found["best"], strict=True)) == {
        "test_rmse": "lower", "test_r2": "higher", "test_bias": "nearest to 0", "test_oddity": "unknown",
    }  # fmt: skip
    assert found[found["best"] == "unknown"]["value"].isna().all()  # said, not guessed
    each = filled.catalog.global_best(per="dataset")
    for metric, order in ORDERS.items():
        columns = f"dataset_name, {metric}, prediction_id"
        there = f"FROM META WHERE {metric} IS NOT NULL"
        ranked = (
            f"SELECT {columns}, row_number() OVER (PARTITION BY dataset_name ORDER BY {order}, prediction_id) n {there}"
        )
        wanted = duck(filled, f"SELECT {columns} FROM ({ranked}) WHERE n = 1 ORDER BY dataset_name")
        own = each[each["metric"] == metric]
        assert list(own[["dataset_name", "value", "prediction_id"]].itertuples(index=False, name=None)) == wanted
        best = duck(filled, f"SELECT min({order}) {there}")[0][0]
        (value,) = found[found["metric"] == metric]["value"]
        assert {"test_rmse": value, "test_r2": -value, "test_bias": abs(value)}[metric] == best
    assert set(filled.catalog.global_best(["test_r2"])["metric"]) == {"test_r2"}
    for wrong in ({"metrics": ["nothing"]}, {"per": "moon"}, {"metrics": ["dataset_name"]}):
        with pytest.raises(BadInput):
            filled.catalog.global_best(**wrong)


def test_one_configuration_across_datasets(filled: Workspace) -> None:
    (digest,) = {row["config_hash"] for row in filled.catalog.rows(filled.catalog.keys("pipeline_name = 'p3'"))}
    for metric, order in ORDERS.items():
        sql = f"""SELECT dataset_name, count(*), arg_min({metric}, {order}), avg({metric}) FROM META
            WHERE config_hash = '{digest}' AND {metric} IS NOT NULL GROUP BY 1 ORDER BY min({order}), 1"""
        found = filled.catalog.compare_datasets(digest, metric)
        rows = found[["dataset_name", "results", f"best_{metric}", f"mean_{metric}"]]
        assert list(rows.itertuples(index=False, name=None)) == duck(filled, sql)
    with pytest.raises(BadInput):
        filled.catalog.compare_datasets(digest, "test_oddity")


@pytest.mark.parametrize("by", ["dataset_name", "pipeline_name", "config_hash", "status", "run_id", "created_by"])
def test_a_summary_by_any_column(filled: Workspace, by: str) -> None:
    found = filled.catalog.summary(by, ["test_rmse", "test_r2", "test_bias"])
    sql = f"""SELECT {by}, count(*), min(test_rmse), max(test_r2), min(abs(test_bias)), avg(test_rmse),
        stddev_samp(test_r2) FROM META GROUP BY 1"""
    names = [by, "results", "best_test_rmse", "best_test_r2", "best_test_bias", "mean_test_rmse", "std_test_r2"]
    rows = {row[0]: row[1:] for row in found[names].itertuples(index=False, name=None)}
    wanted = {row[0]: row[1:] for row in duck(filled, sql)}
    assert rows.keys() == wanted.keys()
    for name, values in wanted.items():
        assert rows[name] == pytest.approx(values, nan_ok=True)
    assert filled.catalog.summary("pipeline_name", ["test_oddity"]).columns.tolist() == [
        "pipeline_name", "results", "completed", "failed", "mean_test_oddity", "std_test_oddity",
    ]  # fmt: skip
