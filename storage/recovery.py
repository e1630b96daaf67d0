"""Bringing order after a killed process: what it left unfinished is marked, what it finished is taken in.

Nothing of a living writer is touched. One opener does it; another that comes meanwhile goes on without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from storage.catalog import Catalog
from storage.disk import Disk
from storage.errors import Corrupt, Locked, NotFound, StorageError
from storage.index import Index
from storage.layout import Layout
from storage.runs import Run


class Recovery:
    """One pass over a workspace. `rescan` makes the index look at the run folders again; `notices` is for the user."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        index: Index,
        catalog: Catalog,
        rescan: Callable[[], Any],
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._index = index
        self._catalog = catalog
        self._rescan = rescan
        self.notices: list[str] = []

    def recover(self) -> None:
        """Bring order after a killed process. One opener does it; another that comes meanwhile goes on without."""
        try:
            with self._disk.lock("recovery", timeout=0):
                self._disk.sweep()
                self._settle_catalog()
                self._mark_interrupted()
                self._take_in_uncommitted()
                self._end_abandoned_runs()
        except Locked:
            return

    def _settle_catalog(self) -> None:
        try:
            problems = self._catalog.settle()
        except (Corrupt, NotFound) as error:
            problems = [error.what]
        self.notices += [f"{what} What a killed process left there is not settled." for what in problems]

    def _mark_interrupted(self) -> None:
        found = self._dead(self._index.runs.unfinished())

        def interrupt(run: Run, row: dict[str, Any]) -> None:
            pipeline = run.pipeline(row["pipeline_id"])
            if pipeline.record.status == "running":
                pipeline.interrupt()
                run.log(f"{row['pipeline_id']} was interrupted: its process ended")

        self._each(found, "marked as interrupted", interrupt)
        if found:
            count = "One pipeline" if len(found) == 1 else f"{len(found)} pipelines"
            self.notices.append(f"{count} of an earlier session did not finish: shown as interrupted.")
            self._rescan()

    def _take_in_uncommitted(self) -> None:
        """Commit results that are whole on disk and whose row is missing because their writer died before.

        With a damaged part in the catalog nobody knows which rows are missing: then it is left to a repair.
        """
        self._catalog.sync()
        if self._index.parts.has_problems():
            return
        uncommitted = self._dead(self._index.runs.uncommitted())
        self._each(uncommitted, "taken in", lambda run, row: run.pipeline(row["pipeline_id"]).commit())

    def _end_abandoned_runs(self) -> None:
        """Finalize runs whose writer is gone: interrupted if anything asked for is missing, else completed."""

        def end(run: Run, row: dict[str, Any]) -> None:
            if any(p.record.status == "running" for p in run.pipelines()):
                return
            begun = {pipeline.record.name for pipeline in run.pipelines()}
            missing = [p for p in run.config.pipelines if not p.pipeline_id and p.name not in begun]
            run.finalize("interrupted" if missing else None)
            run.log("finalized by a later session")

        self._each(self._dead(self._index.runs.unfinished_runs()), "ended", end)
        self._rescan()

    def _each(self, rows: Iterable[dict[str, Any]], done: str, change: Callable[[Run, dict[str, Any]], None]) -> None:
        """Make a change for every row; what can't be is named and the others go on."""
        for row in rows:
            run = self._run_at(row["folder"])
            if run is None:
                continue
            try:
                change(run, row)
            except StorageError as error:
                place = "/".join(row[name] for name in ("folder", "pipeline_id") if name in row)
                self.notices.append(f"{place} could not be {done}: {error.what}")

    def _dead(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if not self._disk.is_alive(row["writer"])]

    def _run_at(self, folder: str) -> Run | None:
        """The run of a folder, or None when its document can't be read."""
        try:
            return Run.open(self._layout, self._disk, self._catalog, self._layout.run(folder))
        except (NotFound, Corrupt):
            return None
