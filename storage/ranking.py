"""By what the results of a run or a dataset are ranked, and the best of them as reports tell them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.catalog import Catalog
from storage.metrics import MAIN_METRIC, PARTITIONS, Metric, key_metric, spread_column
from storage.report_blocks import Cell, Column, Table, table
from storage.wording import PARTITION_WORDS, by_relevance, counted, direction, number, with_spread
from storage.worse_on_test import fold_limit, is_much_worse

Row = Mapping[str, Any]
BESIDE = 1  # how many metrics stand in a table beside the one that ranks
_COMPLEMENTS = ("r2", "balanced_accuracy", "rmse", "accuracy")  # what tells most that the ranking metric doesn't
# Metrics that have the unit of the target.
_WITH_UNITS = frozenset({"rmse", "mae", "bias", "sep", "medae", "max_error"})


@dataclass(frozen=True)
class Ranking:
    """The metric column that ranks results: `name` of its `metric`, on the samples of `partition`."""

    column: str
    partition: str
    name: str
    metric: Metric
    units: str = ""

    @property
    def quantity(self) -> str:
        """What the metric is called, with the unit it has."""
        return f"{self.metric.title} ({self.units})" if self.units and self.name in _WITH_UNITS else self.metric.title

    @property
    def axis(self) -> str:
        """`validation RMSE (g/L)`."""
        return f"{PARTITION_WORDS[self.partition]} {self.quantity}"

    @property
    def in_words(self) -> str:
        """`validation RMSE, lower is better`."""
        return f"{PARTITION_WORDS[self.partition]} {self.metric.title}, {direction(self.metric)}"

    def told_of(self, row: Row) -> str:
        """`validation RMSE 1.10 ± 0.21 g/L (lower is better)`, for a row."""
        value = told(row, self.partition, self.name, self.metric)
        unit = f" {self.units}" if self.quantity != self.metric.title else ""
        return f"{PARTITION_WORDS[self.partition]} {self.metric.title} {value}{unit} ({direction(self.metric)})"


def ranking(catalog: Catalog, filter: str, units: str = "", column: str | None = None) -> Ranking | None:
    """By what the results that match are ranked: by `column`, else by what the most of them are judged by.

    None where they have no metric of which it is known what is best.
    """
    if column is None:
        known = {one.name for one in catalog.columns()}
        judged = [f"{part}_{name}" for name in MAIN_METRIC.values() for part in PARTITIONS]
        judged = [name for name in judged if name in known]
        tasks = catalog.group(["task_type"], judged, filter) if judged else []
        found = (key_metric({n: row.get(f"mean_{n}") for n in judged}, row["task_type"]) for row in tasks)
        column = next((one for one in found if one), None)
    if column is None:
        return None
    partition, _, name = column.partition("_")
    metric = catalog.metrics.find(name)
    if partition not in PARTITIONS or metric is None or metric.lower_is_better is None:
        return None
    return Ranking(column, partition, name, metric, units)


def told(row: Row, partition: str, name: str, metric: Metric | None) -> str:
    """A metric of a row on one partition; in validation with its spread over folds."""
    digits = metric.digits if metric else 3
    column = f"{partition}_{name}"
    return with_spread(row.get(column), row.get(spread_column(column) or ""), digits)


def best_table(
    rows: Sequence[Row],
    ranking: Ranking,
    catalog: Catalog,
    note: str,
    where: tuple[str, Callable[[Row], str]] | None = None,
) -> Table:
    """Rows in their order, with the metric that ranks them on every partition and the two most relevant others.

    `where` is the title of one more column and what stands in it.
    """
    metrics = [ranking.name, *_beside(rows, ranking, catalog)]
    pairs = [(ranking.name, partition) for partition in PARTITION_WORDS]
    pairs += [(name, partition) for name in metrics[1:] for partition in ("val", "test")]
    pairs = [pair for pair in pairs if any(_number(row.get(f"{pair[1]}_{pair[0]}")) for row in rows)]
    columns = [Column("#", True), Column("pipeline"), Column("model")]
    columns += [Column(where[0])] if where else []
    for name, partition in pairs:
        columns.append(Column(f"{_title(catalog, name)} {PARTITION_WORDS[partition]}", True))
    lines = []
    for place, row in enumerate(rows, 1):
        cells: list[str | Cell] = [str(place), str(row["pipeline_id"] or ""), str(row["model_type"] or "")]
        cells += [where[1](row)] if where else []
        for name, partition in pairs:
            text = told(row, partition, name, catalog.metrics.find(name))
            ranks = place == 1 and f"{partition}_{name}" == ranking.column
            cells.append(Cell(text, "best" if ranks else "bad" if is_doubtful(row, partition, name, catalog) else ""))
        lines.append(cells)
    return table(columns, lines, f"{note} {doubts(lines)}".strip())


def metrics_table(row: Row, ranking: Ranking, catalog: Catalog) -> Table:
    """Every metric of one result by partition, its mean and spread over folds, and which way is better."""
    names = {
        c.name.removeprefix(f"{p}_") for c in catalog.columns() for p in PARTITION_WORDS if c.name.startswith(f"{p}_")
    }
    there = [n for n in names if any(_number(row.get(f"{p}_{n}")) for p in PARTITION_WORDS)]
    parts = [p for p in PARTITION_WORDS if any(_number(row.get(f"{p}_{n}")) for n in there)]
    folds = any(_number(row.get(f"cross_validation_mean_{n}")) for n in there)
    columns = [Column("metric"), *(Column(PARTITION_WORDS[p], True) for p in parts)]
    columns += [Column("over folds", True)] if folds else []
    lines = []
    for name in by_relevance(there, ranking.name, catalog.metrics):
        metric = catalog.metrics.find(name)
        digits = metric.digits if metric else 3
        cells: list[str | Cell] = [_title(catalog, name)]
        for part in parts:
            doubtful = is_doubtful(row, part, name, catalog)
            cells.append(Cell(number(row.get(f"{part}_{name}"), digits), "bad" if doubtful else ""))
        spread = row.get(f"cross_validation_std_{name}")
        cells += [with_spread(row.get(f"cross_validation_mean_{name}"), spread, digits)] if folds else []
        lines.append([*cells, direction(metric)])
    count = row.get("n_folds")
    note = f"Over folds: mean ± standard deviation over {counted(count, 'fold')}." if folds and count else ""
    return table([*columns, Column("what is best")], lines, f"{note} {doubts(lines)}".strip())


def doubts(lines: Sequence[Sequence[str | Cell]]) -> str:
    """Say what the mark of doubtful values means, where there are any."""
    marked = any(isinstance(cell, Cell) and cell.tone == "bad" for line in lines for cell in line)
    return "(!) marks what is much worse on test than in validation." if marked else ""


def is_doubtful(row: Row, partition: str, name: str, catalog: Catalog) -> bool:
    """Whether a metric is much worse on test than in validation; see `storage.worse_on_test`."""
    metric = catalog.metrics.find(name)
    val, test = row.get(f"val_{name}"), row.get(f"test_{name}")
    if partition != "test" or metric is None or not (_number(val) and _number(test)):
        return False
    mean, spread = (row.get(f"cross_validation_{kind}_{name}") for kind in ("mean", "std"))
    return is_much_worse(metric, float(val), float(test), fold_limit(metric, mean, spread, row.get("n_folds") or 0))  # type: ignore[arg-type]


def _beside(rows: Sequence[Row], ranking: Ranking, catalog: Catalog) -> list[str]:
    """The metrics of most relevance beside the one that ranks, of which it is known what is best."""
    names = set()
    for column in rows[0] if rows else ():
        partition, _, name = column.partition("_")
        if partition in ("val", "test") and name != ranking.name and any(_number(row[column]) for row in rows):
            names.add(name)
    found = [name for name in by_relevance(names, "", catalog.metrics) if _ranks(catalog.metrics.find(name))]
    return sorted(found, key=lambda name: (*_COMPLEMENTS, name).index(name))[:BESIDE]


def _ranks(metric: Metric | None) -> bool:
    return metric is not None and metric.lower_is_better is not None


def _title(catalog: Catalog, name: str) -> str:
    metric = catalog.metrics.find(name)
    return metric.title if metric else name


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
