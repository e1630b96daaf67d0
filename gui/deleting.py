"""Deleting runs, pipelines and results: to the trash, at once, and back by Undo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gui.dialogs.plan_preview import PlanDialog
from gui.formats import counted, integer_text, tr
from gui.jobs import Jobs
from gui.models.run_groups import run_in_words
from gui.selection import Picked, fetch_labels
from gui.session import Session
from gui.tasks import Report
from gui.undo import Undo

if TYPE_CHECKING:
    from storage import Workspace

MOST_RUNS, MOST_RESULTS = 1, 100  # that are deleted without being looked at first
MOST_WAITED_FOR = 1000  # results that are deleted while somebody waits; more are a job


@dataclass(frozen=True)
class Doomed:
    """What is to be deleted: folders of runs and pipelines, or results of the catalog by their ids."""

    runs: tuple[str, ...] = ()
    pipelines: tuple[Picked, ...] = ()
    results: tuple[str, ...] = ()
    filter: str = ""  # what the results are called

    def text(self) -> str:
        """Say what it is."""
        words = [
            counted(len(self.runs), "{n} run", "{n} runs") if self.runs else "",
            counted(len(self.pipelines), "{n} pipeline", "{n} pipelines") if self.pipelines else "",
            counted(len(self.results), "{n} result", "{n} results") if self.results else "",
        ]
        return tr(" and ").join(word for word in words if word)

    def large(self) -> bool:
        """Whether it should be looked at before."""
        return len(self.runs) > MOST_RUNS or len(self.pipelines) + len(self.results) > MOST_RESULTS


@dataclass(frozen=True)
class Deleted:
    """What came of it: the trash ids that bring it back, and what was wrong with what is still there.

    `results` are the ids of those that the catalog has no longer, `name` is what people call it if it was one thing.
    """

    trashed: tuple[str, ...]
    problems: tuple[str, ...] = ()
    results: frozenset[str] = frozenset()
    name: str = ""


class Deleting(QObject):
    """Deletes what it is told to. `done` says in words what happened, with what undoes it.

    `gone` tells of results that the catalog has no longer, by their ids, and `back` of those it has again.
    """

    done = Signal(str, object)
    gone = Signal(object)
    back = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, undo: Undo, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._undo, self._window = session, jobs, undo, window

    def delete(self, doomed: Doomed) -> None:
        """Move it to the trash; something large is shown first."""
        held = self._session.workspace
        if held is None or held.read_only or not doomed.text():
            return
        if doomed.large():
            self._session.query(partial(fetch_steps, doomed), partial(self._ask, doomed))
        else:
            self._go(doomed)

    def restore(self, deleted: Deleted) -> None:
        """Bring things back from the trash."""

        def tell(text: str) -> None:
            self.back.emit(deleted.results)
            self.done.emit(text or tr("Restored."), None)

        self._session.change(partial(restore, deleted.trashed), tell)

    def _ask(self, doomed: Doomed, steps: list[tuple[str, int]]) -> None:
        title = tr("Delete {what}?").format(what=doomed.text())
        note = tr("They can be brought back with Undo (Ctrl+Z), or from the trash for thirty days.")
        dialog = PlanDialog(title, steps, tr("Move to trash"), self._window, note=note)
        dialog.accepted.connect(lambda: self._go(doomed))
        dialog.open()

    def _go(self, doomed: Doomed) -> None:
        held = self._session.workspace
        if held is None:
            return
        if len(doomed.results) > MOST_WAITED_FOR:
            name = tr("Deleting {what}").format(what=doomed.text())
            self._jobs.start(
                name, partial(delete_as_job, held.root, doomed), kept=tr("nothing was deleted"),
                done=partial(self._end_job, doomed),
            )  # fmt: skip
        else:
            self._session.change(partial(delete, doomed), partial(self._end, doomed))

    def _end(self, doomed: Doomed, deleted: Deleted) -> None:
        self.gone.emit(deleted.results)
        text = deleted_text(doomed, deleted)
        self.done.emit(text, partial(self.restore, deleted) if deleted.trashed else None)

    def _end_job(self, doomed: Doomed, deleted: Deleted) -> str:
        self.gone.emit(deleted.results)
        text = deleted_text(doomed, deleted)
        self._undo.push(text, partial(self.restore, deleted))
        return tr("{text} Ctrl+Z brings them back.").format(text=text)


def fetch_steps(doomed: Doomed, workspace: Workspace) -> list[tuple[str, int]]:
    """Say what deleting would do, with the bytes it concerns; runs on the workspace's thread."""
    return [(step.what, step.bytes) for plan in _plans(doomed, workspace) for step in plan.steps]


def _plans(doomed: Doomed, workspace: Workspace) -> list[Any]:
    plans: list[Any] = [workspace.plan_delete_run(run_id) for run_id in doomed.runs]
    plans += [workspace.plan_delete_pipeline(one.run_id, one.pipeline_id) for one in _outside(doomed)]
    if doomed.results:
        plans.append(workspace.catalog.plan_delete(doomed.filter, chosen=doomed.results))
    return plans


def _outside(doomed: Doomed) -> list[Picked]:
    """Return the pipelines that don't go with their runs."""
    return [one for one in doomed.pipelines if one.run_id not in doomed.runs]


def delete(doomed: Doomed, workspace: Workspace, report: Report | None = None) -> Deleted:
    """Move things to the trash, one after the other; runs on the workspace's thread.

    What can't be deleted is told of and the others go on; if nothing can, what was wrong with the first is raised.
    """
    from storage import Cancelled, StorageError

    name = _name_of(doomed, workspace)
    parts = [Doomed(runs=(run_id,)) for run_id in doomed.runs]
    parts += [Doomed(pipelines=(one,)) for one in _outside(doomed)]
    if doomed.results:
        parts.append(Doomed(results=doomed.results, filter=doomed.filter))
    trashed: list[str] = []
    problems: list[str] = []
    first: StorageError | None = None
    for part in parts:
        try:
            for plan in _plans(part, workspace):
                plan.apply(report)
                trashed.extend(plan.trashed)
        except Cancelled:
            raise
        except StorageError as error:
            first = first or error
            problems.append(error.what)
    if first is not None and not trashed:
        raise first
    there_no_more = frozenset(doomed.results) if trashed and not problems else frozenset()
    return Deleted(tuple(trashed), tuple(problems), there_no_more, name)


def _name_of(doomed: Doomed, workspace: Workspace) -> str:
    """What people call the one run or pipeline that is to be deleted; empty where there are several things."""
    if doomed.results or len(doomed.runs) + len(_outside(doomed)) != 1:
        return ""
    if doomed.runs:
        return next((run_in_words(run) for run in workspace.runs() if run.run_id == doomed.runs[0]), doomed.runs[0])
    return fetch_labels(_outside(doomed), workspace)[0]


def delete_as_job(root: Path, doomed: Doomed, report: Report) -> Deleted:
    """Delete with a workspace of its own, for the thread of a job."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        return delete(doomed, workspace, report)


def restore(trashed: tuple[str, ...], workspace: Workspace) -> str:
    """Bring things back, the last first, and say so; runs on the workspace's thread."""
    said = [workspace.trash.restore(one) for one in reversed(trashed)]
    return said[0] if len(said) == 1 else tr("Restored {n} things.").format(n=integer_text(len(said)))


def deleted_text(doomed: Doomed, deleted: Deleted) -> str:
    """Say what was deleted, and what not."""
    if deleted.problems:
        words = tr("{n} moved to the trash. {m} could not be: {why}")
        counts = integer_text(len(deleted.trashed)), integer_text(len(deleted.problems))
        return words.format(n=counts[0], m=counts[1], why=deleted.problems[0])
    if not deleted.trashed:
        return tr("Nothing was deleted: it was gone already.")
    if doomed.results:
        return tr("{what} moved to the trash; folders stay where they are.").format(what=doomed.text())
    what = deleted.name or doomed.text()
    return tr("{what} moved to the trash; results stay in the catalog.").format(what=what)
