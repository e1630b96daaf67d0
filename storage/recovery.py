"""Bringing order after a killed process: what it left unfinished is marked, what it finished is taken in.

Nothing of a living writer is touched. One opener does it; another that comes meanwhile goes on without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storage.catalog import Catalog
from storage.disk import Disk, host_of
from storage.errors import Cancelled, Conflict, Corrupt, Locked, NotFound, StorageError
from storage.folder_deletion import FolderDeletion
from storage.index import Index
from storage.intake import take_in
from storage.journal import Journal
from storage.layout import Layout
from storage.plan import Report
from storage.runs import Run
from storage.trash import Trash

Finishers = Mapping[str, Callable[[Mapping[str, Any], Report], object]]
_NAMED = 5  # results that could not be taken in and are named one by one


class Recovery:
    """One pass over a workspace. `rescan` makes the index look at the run folders again; `notices` is for the user.

    `report` is told of work that may take long; what it raises ends the pass, and the next opening goes on from there.
    `finishers` do the work of the journal's notes once more, by their kind.
    """

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        index: Index,
        catalog: Catalog,
        rescan: Callable[[], Any],
        report: Report,
        finishers: Finishers,
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._index = index
        self._catalog = catalog
        self._rescan = rescan
        self._report = report
        self._finishers = finishers
        self.notices: list[str] = []

    def recover(self) -> None:
        """Bring order after a killed process. One opener does it; another that comes meanwhile goes on without."""
        try:
            with self._disk.lock("recovery", timeout=0):
                self._name_unknown()
                self._disk.sweep()
                self._settle_catalog()
                self._finish_noted()
                self._mark_interrupted()
                self._take_in_uncommitted()
                self._end_abandoned_runs()
        except Locked:
            return

    def _name_unknown(self) -> None:
        """Tell of writers of other machines, whose work stays as it is until somebody says that they have ended."""
        for writer in self._disk.unknown_writers():
            self.notices.append(
                f"{self._disk.owner(writer)} may be at work in this workspace: what was begun there is left as it is. "
                f"If Runshelf does not run on {host_of(writer)} any more, end it with: runshelf check --repair."
            )

    def _settle_catalog(self) -> None:
        try:
            problems = self._catalog.settle()
        except (Corrupt, NotFound) as error:
            problems = [error.what]
        trash = Trash(self._layout, self._disk)
        problems += FolderDeletion(self._layout, self._disk, self._catalog, trash).settle()
        self.notices += [f"{what} What a killed process left there is not settled." for what in problems]

    def _finish_noted(self) -> None:
        """Finish the large work that a killed process noted and did not end; what can't be is tried again next time."""
        journal = Journal(self._layout, self._disk)
        for path, note in journal.unfinished():
            finish = self._finishers.get(note.kind)
            if finish is None:
                continue  # of a newer Runshelf
            try:
                finish(note.payload, self._report)
            except Cancelled:
                raise
            except Conflict as error:  # what it needs is there no more, or taken; nothing of it is half-way
                journal.forget(path)
                self.notices.append(f"“{note.title}” was cut short and is given up: {error.what} Ask for it again.")
                continue
            except (StorageError, OSError, KeyError, TypeError, ValueError) as error:  # a note may be anybody's
                what = error.what if isinstance(error, StorageError) else f"{path.name} does not say all of it."
                self.notices.append(f"“{note.title}” was cut short and can't be finished now: {what}")
                continue
            journal.forget(path)
            self.notices.append(f"“{note.title}” was cut short by a killed process: it is finished now.")

    def _mark_interrupted(self) -> None:
        found = self._dead(self._catalog.ask_index(self._index.runs.unfinished))
        self._each(found, "marked as interrupted", lambda run, row: interrupt(run, row["pipeline_id"]))
        if found:
            count = "One pipeline" if len(found) == 1 else f"{len(found)} pipelines"
            self.notices.append(f"{count} of an earlier session did not finish: shown as interrupted.")
            self._rescan()

    def _take_in_uncommitted(self) -> None:
        """Commit results that are whole on disk and whose row is missing because their writer died before.

        With a damaged part in the catalog nobody knows which rows are missing: then it is left to a repair.
        """
        self._catalog.sync()
        if self._catalog.ask_index(self._index.parts.has_problems):
            return
        places = [
            self._layout.run(row["folder"]) / row["pipeline_id"]
            for row in self._dead(self._catalog.ask_index(self._index.runs.uncommitted))
        ]
        try:
            problems = take_in(self._layout, self._disk, self._catalog, places, self._report).problems
        except Cancelled:
            raise
        except StorageError as error:
            problems = [error.what]
        self.notices += [f"Not taken into the catalog: {one.rstrip('.')}." for one in problems[:_NAMED]]
        if len(problems) > _NAMED:
            self.notices.append(f"{len(problems) - _NAMED:,} more could not be taken into the catalog: run a check.")

    def _end_abandoned_runs(self) -> None:
        """Finalize runs whose writer is gone."""
        found = self._dead(self._catalog.ask_index(self._index.runs.unfinished_runs))
        self._each(found, "ended", lambda run, row: end_abandoned(run))
        self._rescan()

    def _each(self, rows: Iterable[dict[str, Any]], done: str, change: Callable[[Run, dict[str, Any]], object]) -> None:
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


def interrupt(run: Run, pipeline_id: str) -> bool:
    """Mark a pipeline whose process is gone as interrupted; False where it has come to an end itself."""
    pipeline = run.pipeline(pipeline_id)
    if pipeline.record.status != "running":
        return False
    pipeline.interrupt()
    run.log(f"{pipeline_id} was interrupted: its process ended")
    return True


def end_abandoned(run: Run) -> bool:
    """Finalize a run whose process is gone: interrupted if anything asked for is missing, else completed.

    False where a pipeline of it is still said to be running.
    """
    pipelines = run.pipelines()
    if any(pipeline.record.status == "running" for pipeline in pipelines):
        return False
    begun = {pipeline.record.name for pipeline in pipelines}
    missing = [p for p in run.config.pipelines if not p.pipeline_id and p.name not in begun]
    run.finalize("interrupted" if missing else None)
    run.log("finalized by a later session")
    return True
