"""The report of a dataset: all results on it over all runs, the best over time, what they share and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.catalog import Catalog
from storage.drawings import Bar, agreement, bars, drawable, over_time, whiskers
from storage.errors import NotFound, StorageError
from storage.grammar import quote
from storage.metrics import spread_column
from storage.places import Places
from storage.ranking import Ranking, Row, best_table, doubts, is_doubtful, ranking
from storage.records import RunConfig, RunSummary, read_document
from storage.report_blocks import Block, Cell, Column, Report, Sentence, facts, table
from storage.report_parts import (
    Planned,
    Tell,
    data_facts,
    environment,
    failures_table,
    made_sections,
    whole_pipeline,
)
from storage.wording import counted, direction, first_line, moment, number, with_spread, with_units

TOP = 10
MOST_RUNS = 50  # that are listed; all are counted and drawn
MOST_TYPES = 20
MOST_IMPROVEMENTS = 12
MOST_PARAMETERS = 12
RUNS_ASKED = 40  # the newest ones with failures, of which the summaries are read


def dataset_report(name: str, catalog: Catalog, places: Places, tell: Tell, made: str, mark: str) -> Report:
    """The report of a dataset. Raises NotFound where the catalog has no result of it."""
    tell(0, 0, "ranking the results")
    filter = f"dataset_name = {quote(name)}"
    counts = next(iter(catalog.group(["dataset_name"], [], filter)), None)
    if counts is None:
        raise NotFound(f"There are no results of a dataset '{name}'.", advice="See: runshelf catalog summary.")
    run = _newest_run(catalog, places, filter)
    units = run.dataset_source.units if run else ""
    ranks = ranking(catalog, filter, units)
    top = catalog.best_rows(ranks.column, name, TOP) if ranks else []
    planned: list[Planned] = [("The data", lambda: _data(run, counts))]
    if ranks and top:
        target = ", ".join(run.dataset_source.target) if run else ""
        target = with_units(target, units)
        where = ("run", lambda row: str(row["run_id"] or ""))
        note = f"By {ranks.in_words}. ± is the standard deviation over folds."
        planned += [
            ("The best pipeline", lambda: whole_pipeline(top[0], ranks, catalog, places, target)),
            (f"The best {len(top)} of all runs", lambda: [best_table(top, ranks, catalog, note, where)]),
            ("Spread across folds", lambda: _spread(top, ranks)),
            ("The best over time", lambda: _over_time(catalog, filter, ranks)),
        ]
    planned.append(("Runs", lambda: _runs(catalog, filter, ranks)))
    if ranks and top:
        planned += [
            ("Model types", lambda: _model_types(catalog, filter, ranks)),
            ("Validation and test", lambda: _gap(catalog, filter, ranks, top)),
            ("Parameters that matter", lambda: _parameters(catalog, filter, ranks)),
        ]
    planned += [
        ("Failures", lambda: _failures(catalog, places, filter, counts["failed"])),
        ("Environment", lambda: [environment(top[0] if top else None, places, run)]),
    ]
    lead = f"{counted(counts['results'], 'result')}, {counts['completed']:,} completed, {counts['failed']:,} failed."
    if ranks and top:
        lead += f" The best is {top[0]['pipeline_id']} of {top[0]['run_id']} with {ranks.told_of(top[0])}."
    sections = made_sections(planned, tell)
    return Report(f"Dataset {name}", run.description if run else "", made, mark, lead, sections)


def _newest_run(catalog: Catalog, places: Places, filter: str) -> RunConfig | None:
    """What the newest run of which the folder is there says of the data."""
    for row in _runs_by_date(catalog, filter, [])[:RUNS_ASKED]:
        try:
            return read_document(places.run(str(row["run_id"])) / "run_config.json", RunConfig)
        except StorageError:
            continue
    return None


def _runs_by_date(catalog: Catalog, filter: str, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Every run with its counts, newest first."""
    rows = [row for row in catalog.group(["run_id", "run_date"], metrics, filter) if row["run_id"] is not None]
    return sorted(rows, key=lambda row: (row["run_date"] or "", row["run_id"]), reverse=True)


def _data(run: RunConfig | None, counts: Mapping[str, Any]) -> list[Block]:
    told = {"task": run.task_type or "", **data_facts(run.dataset_source)} if run else {}
    number_of = {key: f"{counts[key]:,}" for key in ("results", "completed", "failed")}
    gone = [] if run else [Sentence("The folders of its runs are gone; the catalog has the results.")]
    return [facts({**told, **number_of}), *gone]


# ---------------------------------------------------------------- the best


def _spread(top: Sequence[Row], ranks: Ranking) -> list[Block]:
    column = spread_column(f"val_{ranks.name}") or ""
    mean = f"cross_validation_mean_{ranks.name}"
    known = [row for row in top if _all_drawable(row.get(column), row.get(mean))]
    if not known:
        return [Sentence("No spread over folds is known of the best results.")]
    digits = ranks.metric.digits
    rows = [Bar(str(row["pipeline_id"]), row[mean], row[column]) for row in known]
    caption = "Mean over the folds and their standard deviation to both sides."
    drawn = whiskers(rows, f"{ranks.metric.title} of the best over folds", ranks.quantity, caption)
    columns = [Column("pipeline"), Column("mean", True), Column("standard deviation", True), Column("folds", True)]
    lines = [
        [str(row["pipeline_id"]), number(row[mean], digits), number(row[column], 2), str(row.get("n_folds") or "–")]
        for row in known
    ]
    return [drawn, table(columns, lines, f"{ranks.metric.title} over folds, {direction(ranks.metric)}.")]


def _all_drawable(*values: float | None) -> bool:
    return bool(drawable(np.array(values, dtype=np.float64)).all())


@dataclass(frozen=True)
class _Course:
    """Results in the order they were made: when, how good, the best until then."""

    moments: NDArray[np.float64]  # seconds since 1970
    values: NDArray[np.float64]
    best: NDArray[np.float64]
    pipelines: pa.ChunkedArray

    @property
    def improvements(self) -> list[int]:
        """Where the best became better."""
        return [int(place) for place in np.flatnonzero(np.diff(self.best, prepend=np.nan) != 0)]


def _course(catalog: Catalog, filter: str, ranks: Ranking) -> _Course | None:
    found = catalog.table(["created_at", "pipeline_id", ranks.column], filter).sort_by("created_at")
    values = found[ranks.column].to_numpy().astype(np.float64)
    kept = drawable(values) & found["created_at"].is_valid().to_numpy()
    if not kept.any():
        return None
    there, values = found.filter(kept), values[kept]
    moments = pc.cast(there["created_at"], pa.int64()).to_numpy() / 1e6
    best = np.minimum.accumulate(values) if ranks.metric.lower_is_better else np.maximum.accumulate(values)
    return _Course(moments, values, best, there["pipeline_id"])


def _over_time(catalog: Catalog, filter: str, ranks: Ranking) -> list[Block]:
    course = _course(catalog, filter, ranks)
    if course is None:
        return []
    caption = "Each dot is a result; times are UTC."
    title = "Results by the time they were made"
    drawn = over_time(course.moments, course.values, course.best, title, ranks.axis, caption)
    steps, digits = course.improvements, ranks.metric.digits
    rows = []
    for place in reversed(steps[-MOST_IMPROVEMENTS:]):
        when = moment(datetime.fromtimestamp(course.moments[place], UTC))
        rows.append([when, course.pipelines[place].as_py() or "", number(course.values[place], digits)])
    note = f"{counted(len(steps), 'time')} a result was better than all before"
    note += f"; the last {MOST_IMPROVEMENTS} are listed." if len(steps) > MOST_IMPROVEMENTS else "."
    return [drawn, table([Column("when"), Column("pipeline"), Column(ranks.axis, True)], rows, note)]


# ---------------------------------------------------------------- runs and models


def _runs(catalog: Catalog, filter: str, ranks: Ranking | None) -> list[Block]:
    rows = _runs_by_date(catalog, filter, [ranks.column] if ranks else [])
    columns = [Column("run"), Column("date"), *(Column(name, True) for name in ("results", "completed", "failed"))]
    key = f"best_{ranks.column}" if ranks else ""
    lines: list[list[str | Cell]] = []
    values = [row[key] for row in rows if key and row[key] is not None and row[key] == row[key]]
    best = (min(values) if ranks.metric.lower_is_better else max(values)) if ranks and values else None
    for row in rows[:MOST_RUNS]:
        cells: list[str | Cell] = [str(row["run_id"]), str(row["run_date"] or "–")]
        cells += [f"{row[name]:,}" for name in ("results", "completed", "failed")]
        if ranks:
            is_best = best is not None and row[key] == best
            cells.append(Cell(number(row[key], ranks.metric.digits), "best" if is_best else ""))
        lines.append(cells)
    columns += [Column(f"best {ranks.axis}", True)] if ranks else []
    note = f"The newest {MOST_RUNS} of {len(rows):,} runs." if len(rows) > MOST_RUNS else ""
    return [table(columns, lines, note)]


def _model_types(catalog: Catalog, filter: str, ranks: Ranking) -> list[Block]:
    key = f"best_{ranks.column}"
    groups = [row for row in catalog.group(["model_type"], [ranks.column], filter) if row[key] is not None]
    sign = 1 if ranks.metric.lower_is_better else -1
    groups.sort(key=lambda row: (sign * row[key], str(row["model_type"])))
    digits = ranks.metric.digits
    columns = [Column("model"), Column("results", True), Column(f"best {ranks.axis}", True)]
    columns += [Column("its test value", True), Column("mean ± spread", True), Column("best pipeline")]
    lines: list[list[str | Cell]] = []
    for group in groups[:MOST_TYPES]:
        best = _best_of_type(catalog, filter, ranks, group["model_type"])
        test = best.get(f"test_{ranks.name}")
        doubtful = is_doubtful(best, "test", ranks.name, catalog)
        lines.append(
            [
                str(group["model_type"] or "–"),
                f"{group['results']:,}",
                Cell(number(group[key], digits), "" if lines else "best"),
                Cell(number(test, digits), "bad" if doubtful else ""),
                with_spread(group[f"mean_{ranks.column}"], group[f"std_{ranks.column}"], digits),
                str(best.get("pipeline_id") or ""),
            ]
        )
    note = "Mean and standard deviation are over all results of a type."
    note += f" {doubts(lines)}" if doubts(lines) else ""
    note += f" The best {MOST_TYPES} of {len(groups)} types." if len(groups) > MOST_TYPES else ""
    return [table(columns, lines, note)]


def _best_of_type(catalog: Catalog, filter: str, ranks: Ranking, model: str | None) -> Row:
    own = "model_type is null" if model is None else f"model_type = {quote(model)}"
    keys = catalog.keys(f"{filter} and {own} and {ranks.column} is not null", f"best:{ranks.column}", 1)
    return next(iter(catalog.rows(keys)), {})


# ---------------------------------------------------------------- what they can be trusted for


def _gap(catalog: Catalog, filter: str, ranks: Ranking, top: Sequence[Row]) -> list[Block]:
    known = {column.name for column in catalog.columns()}
    names = [f"val_{ranks.name}", f"test_{ranks.name}"]
    if not set(names) <= known:
        return [Sentence("There are no results with both a validation and a test value.")]
    both = catalog.table(names, filter)
    val, test = (both[name].to_numpy().astype(np.float64) for name in names)
    there = drawable(val) & drawable(test)
    if not there.any():
        return [Sentence("There are no results with both a validation and a test value.")]
    metric, digits = ranks.metric, ranks.metric.digits
    better = "below" if metric.lower_is_better else "above"
    caption = f"{counted(int(there.sum()), 'result')}; {better} the line a result is better on test than in validation."
    drawn = agreement(val[there], test[there], f"{metric.title} on test against validation", ranks.quantity, caption)
    lines: list[list[str | Cell]] = []
    for row in top:
        a, b = (row.get(name) for name in names)
        if a is not None and b is not None:
            doubtful = is_doubtful(row, "test", ranks.name, catalog)
            on_test = Cell(number(b, digits), "bad" if doubtful else "")
            lines.append([str(row["pipeline_id"]), number(a, digits), on_test, number(b - a, digits)])
    columns = [Column("pipeline"), *(Column(title, True) for title in ("validation", "test", "difference"))]
    note = f"{metric.title} of the best {len(top)}, {direction(metric)}. {doubts(lines)}".strip()
    return [drawn, *([table(columns, lines, note)] if lines else [])]


def _parameters(catalog: Catalog, filter: str, ranks: Ranking) -> list[Block]:
    found = [one for one in catalog.parameter_importance(ranks.column, filter) if not one.covers_few][:MOST_PARAMETERS]
    if not found:
        return [Sentence("No parameter differs among enough results to tell.")]
    rows = [Bar(one.name, one.share, told=f"{one.share:.0%}") for one in found]
    caption = "Share of the differences in rank that a parameter explains, each by itself (omega squared)."
    drawn = bars(rows, "What each parameter explains", "share explained", caption)
    columns = [Column("parameter"), Column("explains", True), Column("values", True), Column("results", True)]
    lines = [[one.name, f"{one.share:.0%}", f"{one.levels:,}", f"{one.results:,}"] for one in found]
    return [drawn, table(columns, lines, f"Of {ranks.axis}, among the best {found[0].total:,} results.")]


def _failures(catalog: Catalog, places: Places, filter: str, failed: int) -> list[Block]:
    if not failed:
        return [Sentence("No pipeline failed.")]
    rows = [row for row in _runs_by_date(catalog, filter, []) if row["failed"]]
    found = failures_table(_errors(places, [str(row["run_id"]) for row in rows[:RUNS_ASKED]]))
    said = f"{counted(failed, 'pipeline')} failed in {counted(len(rows), 'run')}."
    said += "" if found else " Why is not known: the folders of the runs are gone."
    return [Sentence(said), *([found] if found else [])]


def _errors(places: Places, run_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The failures that the summaries of runs name, as far as these can be read."""
    for run_id in run_ids:
        try:
            summary = read_document(Path(places.run(run_id)) / "run_summary.json", RunSummary)
        except StorageError:
            continue
        yield from ((f"{run_id}/{one.pipeline_id}", first_line(one.message)) for one in summary.errors)
