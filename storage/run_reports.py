"""The report of a run: what was asked, what came out, the best results, how they are spread, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.catalog import Catalog
from storage.drawings import drawable, histogram
from storage.errors import Corrupt, NotFound, StorageError
from storage.grammar import quote
from storage.places import Places
from storage.ranking import Ranking, best_table, ranking
from storage.records import PipelineRecord, RunConfig, RunSummary, read_document
from storage.report_blocks import Block, Facts, Report, Sentence, Table, facts
from storage.report_parts import (
    Planned,
    Tell,
    data_facts,
    environment,
    failures_table,
    file_name,
    made_sections,
    varied,
    whole_pipeline,
)
from storage.runs import Run
from storage.wording import counted, direction, duration, first_line, moment, number, size

TOP = 10
MOST_ERRORS = 1_000  # documents of failed pipelines that are read, where the run's summary doesn't tell


def run_report(run: Run, catalog: Catalog, places: Places, tell: Tell, made: str, mark: str) -> Report:
    """The report of a run. What is damaged in it is said; the catalog knows the results all the same."""
    tell(0, 0, "ranking the results")
    config = run.config
    summary = _summary(run.folder)
    filter = f"run_id = {quote(config.run_id)}"
    source = config.dataset_source
    best = summary.best_pipeline if summary else None
    ranks = ranking(catalog, filter, source.units, best.metric_name if best else None)
    top = _top(catalog, filter, ranks) if ranks else []
    planned: list[Planned] = [
        ("What was asked", lambda: [_asked(config), varied(catalog, filter)]),
        ("What came out", lambda: _outcome(summary, catalog, filter)),
    ]
    if ranks and top:
        target = _target(config)
        title = f"The best {len(top)}" if len(top) > 1 else "The only result"
        planned += [
            ("The best pipeline", lambda: whole_pipeline(top[0], ranks, catalog, places, target)),
            (title, lambda: [_best(top, ranks, catalog)]),
            ("Distribution", lambda: _distribution(catalog, filter, ranks)),
        ]
    else:
        planned.append(("Results", lambda: [Sentence("No result has a metric that it could be ranked by.")]))
    planned += [
        ("Failures", lambda: _failures(run, summary, catalog, filter)),
        ("Environment", lambda: [environment(top[0] if top else None, places, config)]),
    ]
    sections = made_sections(planned, tell)
    return Report(f"Run {config.run_id}", config.description, made, mark, _lead(summary, ranks, top), sections)


def _top(catalog: Catalog, filter: str, ranks: Ranking) -> list[dict[str, Any]]:
    """The best results, of equals the one that was made first, as the run itself judges."""
    there = f"{filter} and status = 'completed' and {ranks.column} is not null"
    return catalog.rows(catalog.keys(there, f"best:{ranks.column},pipeline_id", TOP))


def _summary(folder: Path) -> RunSummary | None:
    try:
        return read_document(folder / "run_summary.json", RunSummary)
    except (NotFound, Corrupt):
        return None


def _target(config: RunConfig) -> str:
    source = config.dataset_source
    name = ", ".join(source.target)
    return f"{name} ({source.units})" if source.units else name


def _lead(summary: RunSummary | None, ranks: Ranking | None, top: Sequence[dict[str, Any]]) -> str:
    parts = []
    if summary is not None and summary.status == "running":
        parts.append("This run has not ended: the report tells what was there when it was made.")
    elif summary is not None:
        completed = f"{summary.successful:,} of {counted(summary.total, 'pipeline')} completed"
        parts.append(f"{completed} in {duration(summary.duration_seconds)}.")
    if ranks and top:
        parts.append(f"The best is {top[0]['pipeline_id']} with {ranks.told_of(top[0])}.")
    return " ".join(parts)


# ---------------------------------------------------------------- sections


def _asked(config: RunConfig) -> Facts:
    files = Counter(file_name(planned.config_file) for planned in config.pipelines if planned.config_file)
    told = {
        "dataset": config.dataset_name,
        **data_facts(config.dataset_source),
        "task": config.task_type or "",
        "configurations": ", ".join(f"{name} ({counted(n, 'pipeline')})" for name, n in files.items()),
        "asked for": moment(config.created_at),
        "by": config.created_by,
    }
    return facts({**{str(name): str(value) for name, value in config.global_params.items()}, **told})


def _outcome(summary: RunSummary | None, catalog: Catalog, filter: str) -> list[Block]:
    seconds = np.array(catalog.table(["fit_seconds"], filter)["fit_seconds"].to_pylist(), dtype=np.float64)
    fits = duration(float(np.nansum(seconds))) if np.isfinite(seconds).any() else ""
    if summary is None or summary.status == "running":
        there = next(iter(catalog.group(["run_id"], [], filter)), {"completed": 0, "failed": 0})
        told = {"completed": f"{there['completed']:,}", "failed": f"{there['failed']:,}", "time of all fits": fits}
        if summary is None:
            return [Sentence("run_summary.json is missing or damaged.", "bad"), facts(told)]
        return [facts({"status": summary.status, "started": moment(summary.started_at), **told})]
    kept = summary.statistics
    share = kept.bytes_saved / (kept.bytes + kept.bytes_saved) if kept.bytes_saved else 0.0
    return [
        facts(
            {
                "status": summary.status,
                "pipelines": f"{summary.total:,}",
                "completed": f"{summary.successful:,}",
                "failed": f"{summary.failed:,}",
                "interrupted": f"{summary.interrupted:,}" if summary.interrupted else "",
                "started": moment(summary.started_at),
                "ended": moment(summary.completed_at) if summary.completed_at else "",
                "duration": duration(summary.duration_seconds) if summary.duration_seconds is not None else "",
                "time of all fits": fits,
                "fitted objects": f"{kept.artifact_count:,}, {size(kept.bytes)}" if kept.artifact_count else "",
                "saved by storing equal ones once": f"{size(kept.bytes_saved)} ({share:.0%})" if share else "",
            }
        )
    ]


def _best(top: Sequence[dict[str, Any]], ranks: Ranking, catalog: Catalog) -> Table:
    return best_table(top, ranks, catalog, f"By {ranks.in_words}. ± is the standard deviation over folds.")


def _distribution(catalog: Catalog, filter: str, ranks: Ranking) -> list[Block]:
    values = np.array(catalog.table([ranks.column], filter)[ranks.column].to_pylist(), dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    quarters = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    names = ("lowest", "first quartile", "median", "third quartile", "highest")
    told = {name: number(float(one), ranks.metric.digits) for name, one in zip(names, quarters, strict=True)}
    shown = values[drawable(values)]
    drawn = [histogram(shown, f"Distribution of {ranks.axis}", ranks.axis)] if len(shown) > 2 else []
    best = {"what is best": direction(ranks.metric)}
    return [*drawn, facts({"metric": ranks.axis, "results": f"{len(values):,}", **told, **best})]


def _failures(run: Run, summary: RunSummary | None, catalog: Catalog, filter: str) -> list[Block]:
    errors = [(one.pipeline_id, first_line(one.message)) for one in summary.errors] if summary else []
    if not errors and (failed := catalog.count(f"{filter} and status = 'failed'")):
        errors = list(_errors(run, catalog, filter)) or [("", f"{counted(failed, 'pipeline')}: why is not known")]
    return [failures_table(errors) or Sentence("No pipeline failed.")]


def _errors(run: Run, catalog: Catalog, filter: str) -> Iterator[tuple[str, str]]:
    """What the documents of failed pipelines say, as far as they can be read."""
    for row in catalog.rows(catalog.keys(f"{filter} and status = 'failed'", "created_at", MOST_ERRORS)):
        try:
            record = read_document(run.folder / Path(str(row["pipeline_id"])).name / "pipeline.json", PipelineRecord)
            yield record.id, first_line(record.error)
        except StorageError:
            continue
