"""A workspace that can't be opened for want of a document: its repair is shown first, done as a job, then it is opened.

Plain functions for other threads, and the dialog that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gui.dialogs.plan_preview import PlanDialog
from gui.formats import short_path, tr
from gui.plans import Preview, apply_shown, preview_of
from gui.tasks import Problem, Report

if TYPE_CHECKING:
    from gui.window import MainWindow


def preview_rescue(root: Path, report: Report) -> Preview:
    """Plan what makes a folder a workspace that can be opened again; without steps where that is not what it lacks."""
    from storage import plan_rescue

    return preview_of(plan_rescue(root))


def rescue(root: Path, shown: Preview, report: Report) -> str:
    """Do what was shown; returns what was done, in a sentence."""
    from storage import plan_rescue

    return apply_shown(plan_rescue(root), shown, report)


class Rescuing:
    """Offers to repair what could not be opened, for one window; `opened` is called with what was repaired."""

    def __init__(self, window: MainWindow, opened: Callable[[Path], object]) -> None:
        self._window = window
        self._opened = opened

    def consider(self, root: Path, problem: Problem, tell: Callable[[Problem], None]) -> None:
        """Offer the repair of a workspace that could not be opened, or tell the problem where there is none."""
        if problem.kind != "known":
            tell(problem)
            return

        def offer(preview: Preview) -> None:
            if preview.steps:
                self._ask(root, problem, preview)
            else:
                tell(problem)

        self._window.tasks.start(partial(preview_rescue, root), offer, lambda _: tell(problem), quiet=True)

    def _ask(self, root: Path, problem: Problem, preview: Preview) -> None:
        note = tr("What is damaged goes to the trash first. Then {path} is opened.").format(path=short_path(str(root)))
        dialog = PlanDialog(problem.what, preview.steps, tr("Repair"), self._window, note=note)
        dialog.accepted.connect(partial(self._begin, root, preview))
        dialog.open()

    def _begin(self, root: Path, preview: Preview) -> None:
        def done(text: str) -> str:
            self._opened(root)
            return text

        name = tr("Repairing {name}").format(name=root.name)
        self._window.jobs.start(name, partial(rescue, root, preview), kept=tr("what was repaired stays"), done=done)
