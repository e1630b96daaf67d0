"""What was done since a moment, or in some runs: as plain data, and as Markdown for people to read and to send on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.catalog import Catalog
from storage.disk import Disk
from storage.errors import Conflict, NotFound, StorageError
from storage.findings import count
from storage.layout import Layout
from storage.listing import RunRow
from storage.markdown import as_text
from storage.metrics import key_metric, metric_for
from storage.reading import is_behind_link
from storage.records import RunSummary, iso, read_document, to_json, utc_now
from storage.trash import TrashEntry

if TYPE_CHECKING:
    from storage.archives import Archive
    from storage.library_items import LibraryItem

_RUN = ("run_id", "dataset_name", "run_name", "status", "total", "successful", "failed", "interrupted")
_BEST = ("prediction_id", "run_id", "pipeline_id", "pipeline_name", "model_type")
_NAMED = 50  # failures that are told one by one


def session_report(
    layout: Layout,
    catalog: Catalog,
    runs: Sequence[RunRow],
    since: datetime | None,
    kept: Iterable[LibraryItem] = (),
    archived: Iterable[Archive] = (),
    deleted: Iterable[TrashEntry] = (),
) -> dict[str, Any]:
    """What was done, as plain data: runs, the best result of each dataset, failures, what was kept and deleted.

    With `since` only what is of that moment or later counts; else all of the `runs`.
    """
    names = ", ".join(f"'{run.run_id.replace(chr(39), chr(39) * 2)}'" for run in runs)
    filter = f"run_id in ({names})" if runs else "run_id is null and run_id is not null"
    rows = catalog.rows(catalog.keys(filter, "created_at"))
    rows = [row for row in rows if since is None or (row["created_at"] is not None and row["created_at"] >= since)]
    return {
        "schema_version": 1,
        "workspace": layout.root.name,
        "since": iso(since) if since is not None else None,
        "until": iso(utc_now()),
        "results": {
            "new": len(rows),
            "completed": sum(row["status"] == "completed" for row in rows),
            "failed": sum(row["status"] == "failed" for row in rows),
        },
        "runs": [_run(layout, run) for run in runs],
        "best": list(_best(catalog, rows)),
        "failures": [failure for run in runs for failure in _failures(layout, run, since)],
        "kept": [{"kind": one.kind, "name": one.name} for one in kept if _is_new(one.created_at, since)],
        "archived": [{"kind": one.kind, "name": one.name} for one in archived if _is_new(one.created_at, since)],
        "deleted": [{"kind": one.kind, "title": one.title} for one in deleted if _is_new(one.deleted_at, since)],
    }


def write_session_report(layout: Layout, disk: Disk, report: Mapping[str, Any]) -> Path:
    """Write a report as Markdown, with its data as JSON beside it; nothing is written over. Returns the first."""
    home = layout.exports / "session_reports"
    disk.make_folders([home])
    stem = f"{utc_now():%Y-%m-%d_%H%M%S}"
    for number in range(1, 1_000):
        path = home / f"{stem if number == 1 else f'{stem}~{number}'}.md"
        beside = path.with_suffix(".json")
        if not path.exists() and disk.write_new(beside, to_json(report)):
            disk.write_new(path, as_markdown(report).encode())
            return path
    raise Conflict(f"There are too many reports named {stem}.", home, "Move some of them away.")


def as_markdown(report: Mapping[str, Any]) -> str:
    """A report as a page of Markdown."""
    since = f" since {report['since']}" if report["since"] else ""
    told = report["results"]
    parts = [
        f"# {as_text(report['workspace'])}: what was done{since}",
        f"{count(told['new'], 'result')} in {count(len(report['runs']), 'run')}, "
        f"{told['completed']:,} completed, {told['failed']:,} failed. Written {report['until']}.",
        _table("Best of each dataset", report["best"], ("dataset_name", "metric", "value", *_BEST[1:])),
        _table("Runs", report["runs"], (*_RUN, "duration_seconds")),
        _table("Failures", report["failures"][:_NAMED], ("run_id", "pipeline_id", "message")),
        _more(len(report["failures"]) - _NAMED),
        _table("Kept in the library", report["kept"], ("kind", "name")),
        _table("Archived", report["archived"], ("kind", "name")),
        _table("Deleted, in the trash", report["deleted"], ("kind", "title")),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _run(layout: Layout, run: RunRow) -> dict[str, Any]:
    summary = _summary(layout, run)
    own = {name: getattr(run, name) for name in _RUN}
    return {**own, "duration_seconds": summary.duration_seconds if summary is not None else None}


def _failures(layout: Layout, run: RunRow, since: datetime | None) -> list[dict[str, Any]]:
    summary = _summary(layout, run)
    found = [one for one in summary.errors if _is_new(one.at, since)] if summary is not None else []
    return [{"run_id": run.run_id, "pipeline_id": one.pipeline_id, "message": one.message} for one in found]


def _summary(layout: Layout, run: RunRow) -> RunSummary | None:
    if not run.folder or is_behind_link(layout.run(run.folder), layout.root):
        return None
    try:
        return read_document(layout.run(run.folder) / "run_summary.json", RunSummary)
    except StorageError:
        return None


def _best(catalog: Catalog, rows: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """The best of these results on each dataset, by the metric most of them are judged by."""
    for dataset in sorted({str(row["dataset_name"]) for row in rows}):
        own = [row for row in rows if str(row["dataset_name"]) == dataset]
        judged = [name for row in own if (name := key_metric(row, row["task_type"])) is not None]
        if not judged:
            continue
        metric = max(dict.fromkeys(judged), key=judged.count)
        rank = _ranking(catalog, metric)
        if rank is not None:
            best = min((row for row in own if row[metric] is not None), key=lambda row: rank(row[metric]))
            named = {name: best[name] for name in _BEST}
            yield {"dataset_name": dataset, "metric": metric, "value": best[metric], **named}


def _ranking(catalog: Catalog, name: str) -> Callable[[float], float] | None:
    metric = catalog.metrics.find(name)
    if metric is None or (metric.target is None and metric.lower_is_better is None):
        return None
    target, sign = metric.target, 1 if metric.lower_is_better else -1
    return (lambda value: abs(value - target)) if target is not None else (lambda value: sign * value)


def _is_new(moment: datetime | None, since: datetime | None) -> bool:
    """Whether something is of the time that is asked for; of chosen runs alone, nothing beside them is."""
    return since is None or (moment is not None and moment >= since)


def _table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    if not rows:
        return ""
    head = [f"| {' | '.join(name.replace('_', ' ') for name in columns)} |", f"|{'---|' * len(columns)}"]
    lines = [f"| {' | '.join(_shown(row.get(name), row.get('metric')) for name in columns)} |" for row in rows]
    return "\n".join([f"## {title}", "", *head, *lines])


def _shown(value: Any, metric: str | None) -> str:
    if isinstance(value, float):
        known = metric_for(metric) if metric else None
        return f"{value:.{known.digits + 1 if known else 4}g}"
    return "–" if value is None or value == "" else as_text(str(value))


def _more(number: int) -> str:
    return f"And {number:,} more." if number > 0 else ""


def chosen_runs(
    runs: Sequence[RunRow], run_ids: Sequence[str], recent: set[str], since: datetime | None
) -> list[RunRow]:
    """The runs that are named, or those begun since a moment or with results since. Raises NotFound."""
    if run_ids:
        known = {run.run_id: run for run in runs}
        missing = next((one for one in run_ids if one not in known), None)
        if missing is not None:
            raise NotFound(f"There is no run '{missing}'.", advice="List them with: runshelf runs list.")
        return [known[one] for one in dict.fromkeys(run_ids)]
    return [run for run in runs if run.run_id in recent or _is_new(run.created_at, since)]


def beginning_of_today() -> datetime:
    """Midnight, where the user is."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
