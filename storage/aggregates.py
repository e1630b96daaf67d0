"""Aggregates over the whole catalog: groups by any columns, one configuration across datasets, runs.

Computed by pyarrow over the Parquet parts, of which only the columns needed are read; at a million rows that is two
orders of magnitude quicker than a row store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.best_values import known_best
from storage.metrics import PARTITIONS, Metrics

if TYPE_CHECKING:
    from storage.parts import Parts


def best_rows(table: pa.Table, names: Sequence[str], registry: Metrics) -> pa.Table:
    """The rows of `table` that have the best value of their dataset in any of these metric columns."""
    ranks: dict[str, pa.ChunkedArray] = {}
    ends: list[tuple[str, str]] = []
    for name in names:
        metric = known_best(registry, name)
        if metric is not None:
            ranks[name] = table[name] if metric.target is None else pc.abs(pc.subtract(table[name], metric.target))
            ends.append((name, "max" if metric.lower_is_better is False else "min"))
    ranked = pa.table({"dataset_name": table["dataset_name"], **ranks})
    found = ranked.group_by("dataset_name").aggregate(ends)
    places = pc.index_in(table["dataset_name"], value_set=found["dataset_name"].combine_chunks())
    wanted = pa.chunked_array([pa.nulls(table.num_rows, pa.bool_())]).fill_null(False)
    for name, end in ends:
        best = found[f"{name}_{end}"].combine_chunks().take(places)
        wanted = pc.or_(wanted, pc.fill_null(pc.equal(ranks[name], best), False))
    return table.filter(wanted)


def best_ids(parts: Parts, names: Sequence[str], registry: Metrics) -> list[tuple[str, str, str, float]]:
    """Metric, dataset, prediction and value of the best result of each dataset, by each of these metric columns.

    Of several with the best value it is the first by its id. Metrics of which nobody knows what is best have none.
    """
    found: list[tuple[str, str, str, float]] = []
    for name in names:
        if known_best(registry, name) is None:
            continue
        table = parts.read_columns(["dataset_name", "prediction_id", name])
        valid = pc.and_(pc.is_valid(table[name]), pc.invert(pc.is_nan(pc.cast(table[name], pa.float64()))))
        table = table.filter(pc.fill_null(valid, False))
        if table.num_rows:
            best = best_rows(table, [name], registry).sort_by("prediction_id")
            wanted = [("prediction_id", "first"), (name, "first")]
            rows = best.group_by("dataset_name", use_threads=False).aggregate(wanted).sort_by("dataset_name")
            found += [
                (name, r["dataset_name"] or "", r["prediction_id_first"], r[f"{name}_first"]) for r in rows.to_pylist()
            ]
    return found


def group(
    table: pa.Table, by: Sequence[str], metrics: Sequence[str], registry: Metrics, *, datasets: bool = False
) -> list[dict[str, Any]]:
    """One row per group of `table`: how many results, completed, failed; best, mean and spread of metric columns.

    `best_<metric>` follows what is best of the metric and is left out where that is unknown; spread is the sample
    standard deviation (n - 1). Rows are ordered by the number of results, largest first. The table has the columns
    `by`, `metrics` and `status`. With `datasets` it has `dataset_name`, too, and a row tells the one dataset of its
    group, None where there are several.
    """
    for status in ("completed", "failed"):
        table = table.append_column(f"is {status}", pc.cast(pc.equal(table["status"], status), pa.int64()))
    asked: list[Any] = [([], "count_all"), ("is completed", "sum"), ("is failed", "sum")]
    names = {"count_all": "results", "is completed_sum": "completed", "is failed_sum": "failed"}
    if datasets:
        table = table.append_column("its dataset", pc.fill_null(table["dataset_name"], ""))
        asked += [("its dataset", "min"), ("its dataset", "max")]
    for name in metrics:
        metric = registry.find(name)
        if metric is not None and metric.target is not None:
            source = f"off {name}"
            off = pc.subtract(table[name], metric.target)
            table = table.append_column(source, pc.abs(off))
            asked += [(source, "min")]
            names[f"{source}_min"] = f"best_{name}"
        elif metric is not None and metric.lower_is_better is not None:
            best = "min" if metric.lower_is_better else "max"
            asked.append((name, best))
            names[f"{name}_{best}"] = f"best_{name}"
        asked += [(name, "mean"), (name, "stddev", pc.VarianceOptions(ddof=1))]
        names |= {f"{name}_mean": f"mean_{name}", f"{name}_stddev": f"std_{name}"}
    order = [("count_all", "descending"), *((name, "ascending") for name in by)]
    grouped = table.group_by(list(by)).aggregate(asked).sort_by(order)
    found: list[dict[str, Any]] = grouped.rename_columns([names.get(n, n) for n in grouped.column_names]).to_pylist()
    for row in found:
        row.update({name: row[name] or 0 for name in ("completed", "failed")})
        if datasets:
            first, last = row.pop("its dataset_min"), row.pop("its dataset_max")
            row["dataset_name"] = first if first == last else None
    return found


def compare_datasets(parts: Parts, config_hash: str, metric: str, registry: Metrics) -> list[dict[str, Any]]:
    """How one configuration did on each dataset: results, best value with its prediction, mean.

    Rows are ordered best first. Raises BadInput for a metric of which nobody knows what is best.
    """
    known = registry.best(metric)
    table = parts.read_columns(["config_hash", "dataset_name", "prediction_id", metric])
    table = table.filter(pc.and_(pc.equal(table["config_hash"], config_hash), pc.is_valid(table[metric])))
    rank = table[metric] if known.target is None else pc.abs(pc.subtract(table[metric], known.target))
    order = "descending" if known.lower_is_better is False else "ascending"
    table = table.append_column("rank", rank).sort_by([("rank", order), ("prediction_id", "ascending")])
    wanted = [([], "count_all"), (metric, "first"), ("prediction_id", "first"), (metric, "mean")]
    grouped = table.group_by("dataset_name", use_threads=False).aggregate([*wanted, ("rank", "first")])
    grouped = grouped.sort_by([("rank_first", order), ("dataset_name", "ascending")]).drop_columns("rank_first")
    names = {
        "count_all": "results",
        f"{metric}_first": f"best_{metric}",
        "prediction_id_first": "prediction_id",
        f"{metric}_mean": f"mean_{metric}",
    }
    return grouped.rename_columns([names.get(name, name) for name in grouped.column_names]).to_pylist()  # type: ignore[no-any-return]


def runs(parts: Parts, registry: Metrics) -> list[dict[str, Any]]:
    """Every run the catalog has results of, whether its folder is there or not: names, counts, its best result."""
    names = ["run_id", "dataset_name", "run_name", "run_date", "created_at", "task_type"]
    judged = [registry.main(task).name for task in ("regression", "classification")]
    metrics = [f"{p}_{name}" for name in judged for p in ("val", "test", "train")]
    table = parts.read_columns([*names, "status", *metrics])
    firsts = [(name, "min") for name in names[1:]]
    best = [(name, "min" if registry.lower_is_better(name) else "max") for name in metrics]
    for status in ("completed", "failed"):
        table = table.append_column(f"is {status}", pc.cast(pc.equal(table["status"], status), pa.int64()))
    counts: list[Any] = [([], "count_all"), ("is completed", "sum"), ("is failed", "sum")]
    found = table.group_by("run_id").aggregate([*counts, *firsts, *best]).to_pylist()
    return [_run(row, dict(best)) for row in found if row["run_id"]]


def _run(row: Mapping[str, Any], best: Mapping[str, str]) -> dict[str, Any]:
    task = row["task_type_min"]
    judged = [n for n in best if row[f"{n}_{best[n]}"] is not None]
    if task is not None:  # the metric of the task, if there is one
        main = Metrics().main(task).name if task in ("regression", "classification") else ""
        judged = [n for n in judged if n.split("_", 1)[1] == main] or judged
    name = next((n for p in PARTITIONS[1:] + PARTITIONS[:1] for n in judged if n.startswith(p)), None)
    return {
        "run_id": row["run_id"],
        "dataset_name": row["dataset_name_min"] or "",
        "run_name": row["run_name_min"] or "",
        "date": str(row["run_date_min"] or ""),
        "created_at": row["created_at_min"],
        "total": row["count_all"],
        "successful": row["is completed_sum"] or 0,
        "failed": row["is failed_sum"] or 0,
        "task_type": task or "",
        "metric_name": name,
        "metric_value": row[f"{name}_{best[name]}"] if name else None,
    }
