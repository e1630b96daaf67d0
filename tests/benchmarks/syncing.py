"""Noticing what others did, in a workspace of many runs; and listing those runs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, at_most
from tests.benchmarks.measure import milliseconds, timed
from tests.benchmarks.place import Place
from tests.benchmarks.readers import duckdb_query, sqlite_query
from tests.benchmarks.workspaces import PER_RUN, add_results

NEW = 10
TIMES = 7
BUDGET = at_most(300)


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """The results that are new were left by another program: a run folder, and a part of the catalog."""
    from storage import Workspace

    folder = place.many_runs
    stats = {"stat of each run and its two documents": timed(lambda: _stat_all(folder / "runs"), 9)}
    with Workspace.open(folder) as workspace:
        news = _News(workspace, folder, place.runs * PER_RUN)
        duck = duckdb_query("select run_id, count(*), max(created_at)::varchar from parts group by run_id", folder)
        raw = sqlite_query("select folder, count(*) from pipelines group by folder", folder)
        yield [
            Case(f"sync when nothing is new, {place.runs:,} runs", timed(workspace.sync, 9), stats),
            Case(f"sync after {NEW} new results, {place.runs:,} runs", news.sample, stats, BUDGET, same=news.came),
            Case(
                f"`runs()` of {place.runs:,}",
                timed(workspace.runs, 9),
                {"raw SQLite, folders and counts": timed(raw, 9), "DuckDB, ids and counts": timed(duck, 9)},
                same=lambda: {run.folder for run in workspace.runs()} == {row[0] for row in raw()},
            ),
        ]


class _News:
    """New results again and again, and how long the workspace needs to notice each time."""

    def __init__(self, workspace: Any, folder: Path, rows: int) -> None:
        self._workspace = workspace
        self._folder = folder
        self._before = rows
        self._made = itertools.count()
        self._rows = rows

    def sample(self) -> list[float]:
        found = []
        for number in self._made:
            add_results(self._folder, NEW, self._before + number * NEW)
            self._rows += NEW
            found.append(milliseconds(self._workspace.sync))
            if len(found) == TIMES:
                break
        return found

    def came(self) -> bool:
        return bool(self._workspace.catalog.count() == self._rows)


def _stat_all(runs: Path) -> int:
    """The least that tells what has changed: the times and sizes of each run folder and its documents."""
    count = 0
    with os.scandir(runs) as entries:
        for entry in entries:
            for name in ("", "run_config.json", "run_summary.json"):
                os.stat(os.path.join(entry.path, name))
                count += 1
    return count
