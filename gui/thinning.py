"""Making room by thinning, and bringing back what was thinned: asked, looked at first, done as a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gui.dialogs.plan_preview import PlanDialog
from gui.dialogs.thin import Choices, ThinDialog, ThinWish
from gui.formats import tr
from gui.jobs import Jobs
from gui.models.listings import TELLING
from gui.plans import Preview, apply_shown, preview_of
from gui.session import Session
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Plan, Workspace


@dataclass(frozen=True)
class BackWish:
    """What is to be brought back: of one pipeline, of a run, or of all where nothing is named."""

    run_id: str = ""
    pipeline_id: str = ""


class Thinning(QObject):
    """Thins pipelines and brings them back. `done` says in words why nothing is done."""

    done = Signal(str, object)

    def __init__(self, session: Session, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._window = session, jobs, window

    def ask(self) -> None:
        """Ask how many of the best stay whole, then show what will be done with the others."""
        if not self._may():
            return

        def show(choices: Choices) -> None:
            if not choices.metrics:
                self.done.emit(tr("There is no metric yet that tells what is best."), None)
                return
            dialog = ThinDialog(choices, self._window)
            dialog.accepted.connect(lambda: self._look(dialog.wish()))
            dialog.open()

        self._session.query(fetch_choices, show)

    def ask_back(self, run_id: str = "", pipeline_id: str = "") -> None:
        """Show what bringing back would do: for one pipeline of a run, or for all that are thinned."""
        if self._may():
            self._look(BackWish(run_id, pipeline_id))

    def _may(self) -> bool:
        held = self._session.workspace
        return held is not None and not held.read_only

    def _look(self, wish: ThinWish | BackWish) -> None:
        self._session.query(partial(preview, wish), partial(self._agree, wish))

    def _agree(self, wish: ThinWish | BackWish, shown: Preview) -> None:
        back = isinstance(wish, BackWish)
        if back and not shown.steps:
            self.done.emit(tr("No pipeline is thinned: there is nothing to bring back."), None)
            return
        verb = tr("Bring back") if back else tr("Make room")
        sized = tr(", {size} copied back") if back else tr(", {size} removed")
        note = _note(wish) if shown.steps else ""
        dialog = PlanDialog(shown.title, shown.steps, verb, self._window, note=note, sized=sized)
        dialog.accepted.connect(lambda: self._go(wish, shown))
        dialog.open()

    def _go(self, wish: ThinWish | BackWish, shown: Preview) -> None:
        held = self._session.workspace
        if held is None:
            return
        back = isinstance(wish, BackWish)
        name = tr("Bringing back what was thinned") if back else tr("Making room")
        kept = tr("what was brought back stays") if back else tr("nothing was thinned, copies that were made stay")

        def end(text: str) -> str:
            self._session.rescan(lambda _: None)
            return text

        self._jobs.start(name, partial(apply_as_job, held.root, wish, shown), kept=kept, done=end, speaks=True)


def _note(wish: ThinWish | BackWish) -> str:
    """Say how it can be taken back, and when there is more room."""
    if isinstance(wish, BackWish):
        return tr("Each copy is compared with its digests first. The copies stay.")
    if wish.archive:
        return tr(
            "Metrics, tags and notes of all pipelines stay. “Bring back what was thinned” undoes it. "
            "The copies in the archives take room, too; there is more when those are moved to another disk."
        )
    return tr(
        "Metrics, tags and notes of all pipelines stay. “Bring back what was thinned” undoes it as long as the trash "
        "has the copies; there is more room when the trash is emptied."
    )


def fetch_choices(workspace: Workspace) -> Choices:
    """Find out by which metrics pipelines can be judged, the most telling first, and which datasets there are.

    Runs on the workspace's thread.
    """
    found = [
        column.name
        for column in workspace.catalog.columns()
        if column.metric is not None and (column.metric.lower_is_better is not None or column.metric.target is not None)
    ]
    metrics = [*(name for name in TELLING if name in found), *(name for name in found if name not in TELLING)]
    names = {str(row["dataset_name"] or "") for row in workspace.catalog.group(["dataset_name"], [])}
    return Choices(tuple(metrics), tuple(sorted(names - {""}, key=str.casefold)))


def plan_of(wish: ThinWish | BackWish, workspace: Workspace) -> Plan:
    """Plan what is wished for."""
    if isinstance(wish, BackWish):
        return workspace.plan_unthin(wish.run_id, wish.pipeline_id)
    return workspace.plan_thin(wish.keep, wish.metric, wish.dataset, archive=wish.archive)


def preview(wish: ThinWish | BackWish, workspace: Workspace) -> Preview:
    """Plan what is wished for, to be looked at."""
    return preview_of(plan_of(wish, workspace))


def apply_as_job(root: Path, wish: ThinWish | BackWish, shown: Preview, report: Report) -> str:
    """Do what is wished for as it was shown, with a workspace of its own."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        return apply_shown(plan_of(wish, workspace), shown, report)
