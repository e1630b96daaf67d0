"""Keeping pipelines and runs in the library: asking how, doing it, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gui.dialogs.keep import KeepDialog
from gui.dragging import Carried
from gui.formats import tr
from gui.jobs import Jobs
from gui.kept import Kept, Names, Wish, fetch_names, keep, keep_as_job, kept_text, let_go, things_of
from gui.session import Session
from gui.undo import Undo

MOST_AT_ONCE = 50
MOST_WAITED_FOR = 5  # pipelines that are copied while somebody waits; more, and whole runs, are a job


class Keeping(QObject):
    """Keeps things in the library. `done` says in words what happened, with what undoes it."""

    done = Signal(str, object)
    kept = Signal(str, str)  # kind and name of an item to look at

    def __init__(self, session: Session, jobs: Jobs, undo: Undo, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._undo, self._window = session, jobs, undo, window

    def ask(self, carried: Carried, kind: str = "") -> None:
        """Ask as what and under which names to keep pipelines or runs, then do it; a `kind` may be proposed."""
        if not self._may(carried):
            self.done.emit(tr("Select a pipeline or a run first."), None)
            return
        pipelines, runs = things_of(carried, "pipeline"), things_of(carried, "fullrun")
        if max(len(pipelines), len(runs)) > MOST_AT_ONCE:
            words = tr("Select at most {most} to keep them at once.").format(most=MOST_AT_ONCE)
            self.done.emit(words, None)
            return

        def show(names: Names) -> None:
            dialog = KeepDialog(names, len(pipelines), self._window)
            if kind and (pipelines if kind != "fullrun" else runs):
                dialog.choose(kind)
            dialog.accepted.connect(lambda: self.keep(dialog.wishes()))
            dialog.open()

        self._session.query(partial(fetch_names, [*pipelines, *runs]), show)

    def take(self, carried: Carried, kind: str) -> None:
        """Keep what was dropped, under free names."""
        things = things_of(carried, kind)
        if not self._may(carried):
            return
        if not things:
            self.done.emit(tr("A whole run can only be kept as a full run. Drop it there."), None)
            return

        def go(names: Names) -> None:
            pairs = zip(names.things, names.free[kind], strict=True)
            self.keep([Wish(thing, kind, name) for thing, name in pairs])

        self._session.query(partial(fetch_names, things[:MOST_AT_ONCE]), go)

    def keep(self, wishes: Sequence[Wish]) -> None:
        """Copy things to the library; much of it as a job."""
        held = self._session.workspace
        if held is None or not wishes:
            return
        if wishes[0].kind == "fullrun" or (wishes[0].kind == "pipeline" and len(wishes) > MOST_WAITED_FOR):
            name = tr("Keeping {name}").format(name=wishes[0].name if len(wishes) == 1 else tr("in the library"))
            work = partial(keep_as_job, held.root, tuple(wishes))
            self._jobs.start(name, work, kept=tr("what was copied stays"), done=self._end_job)
        else:
            self._session.change(partial(keep, tuple(wishes)), self._end)

    def _may(self, carried: Carried) -> bool:
        held = self._session.workspace
        return held is not None and not held.read_only and bool(carried.pipelines or carried.runs)

    def _end(self, kept: Kept) -> None:
        self.kept.emit(*kept.items[0])
        self.done.emit(kept_text(kept), partial(self._let_go, kept))

    def _end_job(self, kept: Kept) -> str:
        self.kept.emit(*kept.items[0])
        self._undo.push(kept_text(kept), partial(self._let_go, kept))
        return tr("{text} Ctrl+Z takes it back.").format(text=kept_text(kept))

    def _let_go(self, kept: Kept) -> None:
        text = tr("Moved from the library to the trash.")
        if len(kept.items) == 1:
            text = tr("{what} moved from the library to the trash.").format(what=kept.items[0][1])
        self._session.change(partial(let_go, kept.items), lambda _: self.done.emit(text, None))
