"""Archiving results: which, as what kind, looked at first, done as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gui.dialogs.archive import ArchiveDialog
from gui.dialogs.plan_preview import PlanDialog
from gui.formats import counted, tr
from gui.jobs import Jobs
from gui.models.listings import Chosen, fetch_ids
from gui.plans import Preview, apply_shown, preview_of
from gui.session import Session
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Workspace


@dataclass(frozen=True)
class Wanted:
    """What is to be archived: results by their ids or as rows of the table, and all that ended of some runs."""

    ids: tuple[str, ...] = ()
    rows: Chosen | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Archived:
    """What was archived, in a sentence, and the folder with the archives of its kind."""

    text: str
    folder: Path


class Archiving(QObject):
    """Archives what it is told to. `done` says in words why nothing is done."""

    done = Signal(str, object)

    def __init__(self, session: Session, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._window = session, jobs, window

    def ask(self, wanted: Wanted) -> None:
        """Ask as what to archive results, then show what will be done."""

        def show(ids: list[str]) -> None:
            if not ids:
                self.done.emit(tr("No result of what is selected has ended."), None)
                return
            dialog = ArchiveDialog(len(ids), self._window)
            dialog.accepted.connect(lambda: self._look(dialog.kind, ids))
            dialog.open()

        self._session.query(partial(fetch_wanted, wanted), show)

    def _look(self, kind: str, ids: list[str]) -> None:
        self._session.query(partial(preview_archive, kind, ids), partial(self._agree, kind, ids))

    def _agree(self, kind: str, ids: list[str], shown: Preview) -> None:
        note = tr("Archives stay when the run is deleted. What is archived already, the same, is left as it is.")
        dialog = PlanDialog(shown.title, shown.steps, tr("Archive"), self._window, note=note)
        dialog.accepted.connect(lambda: self._go(kind, ids, shown))
        dialog.open()

    def _go(self, kind: str, ids: list[str], shown: Preview) -> None:
        held = self._session.workspace
        if held is None:
            return

        def end(archived: Archived) -> str:
            job.file = archived.folder
            self._session.rescan(lambda _: None)  # archives are no news of the catalog, yet pages show them
            return archived.text

        job = self._jobs.start(
            counted(len(ids), "Archiving {n} result", "Archiving {n} results"),
            partial(archive_as_job, held.root, kind, ids, shown),
            kept=tr("archives that were made stay"), done=end, speaks=True,
        )  # fmt: skip


def fetch_wanted(wanted: Wanted, workspace: Workspace) -> list[str]:
    """Look up the ids of what is to be archived, each once; runs on the workspace's thread."""
    ids = [*wanted.ids, *(fetch_ids(wanted.rows.chosen_keys(), workspace) if wanted.rows is not None else ())]
    for run_id in wanted.runs:
        ids += [row.prediction_id for row in workspace.pipelines(run_id) if row.status not in ("running", "damaged")]
    return list(dict.fromkeys(one for one in ids if one))


def preview_archive(kind: str, ids: Sequence[str], workspace: Workspace) -> Preview:
    """Plan to archive results, to be looked at."""
    return preview_of(workspace.plan_archive(kind, prediction_ids=ids))


def archive_as_job(root: Path, kind: str, ids: Sequence[str], shown: Preview, report: Report) -> Archived:
    """Archive results as it was shown, with a workspace of its own."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        text = apply_shown(workspace.plan_archive(kind, prediction_ids=ids), shown, report)
        return Archived(text, workspace.layout.archives(kind))
