"""Whether fitted pipelines still load: foreseeing it, trying it in a process of its own, trusting what others made.

A fitted pipeline is a pickle: nothing of it is unpickled in the window's own process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from gui.formats import counted, tr
from gui.jobs import Jobs
from gui.session import Session
from gui.tasks import Problem, Report

if TYPE_CHECKING:
    from storage import Foreseen, Reloaded

Place = tuple[str, str]  # run id and pipeline id
NAMES_SHOWN = 12


@dataclass(frozen=True)
class Refused:
    """A pipeline that was not loaded: why, the digests that would have to be trusted, and what their pickles name."""

    why: str
    digests: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What is known of loading a pipeline: what was foreseen, what came of it, and what refused it."""

    foreseen: str = ""
    outcome: str = ""
    refused: Refused | None = None

    def text(self) -> str:
        """Say all of it."""
        return "\n".join(part for part in (self.foreseen, self.outcome) if part)


class Reloading(QObject):
    """Finds out whether pipelines still load, and remembers it while the workspace is open.

    `changed` tells that more is known.
    """

    changed = Signal()

    def __init__(self, session: Session, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._window = session, jobs, window
        self._known: dict[Place, Known] = {}
        self._looking: Place | None = None  # at what was stored of it, before it is loaded
        self.question: QMessageBox | None = None
        session.closed.connect(self._forget)
        session.opened.connect(self._forget)

    def known(self, place: Place) -> Known:
        """Return what is known of a pipeline."""
        return self._known.get(place, Known())

    def try_loading(self, place: Place) -> None:
        """Say what is foreseen of a pipeline, then load it and predict its stored samples again, as a job."""
        held = self._session.workspace
        if held is None or self._jobs.running(_job_name(place)) is not None:
            return
        root = held.root
        if self._looking == place:
            return
        self._looking = place
        self._put(place, Known(tr("Looking at what it was made with…")))

        def go(foreseen: Foreseen) -> None:
            if self._looking != place:
                return  # another workspace was opened meanwhile
            self._looking = None
            self._put(place, Known(tr("Foreseen: {text}").format(text=foreseen)))
            self._load(root, place, ())

        self._session.tasks.start(partial(foresee, root, place), go, partial(self._fail, place), quiet=True)

    def ask_trust(self, place: Place) -> None:
        """Ask whether to trust a pipeline that was refused; then trust what it is made of and load it."""
        held, refused = self._session.workspace, self.known(place).refused
        if held is None or refused is None or self.question is not None:
            return
        root = held.root
        question = QMessageBox(self._window)
        question.setWindowTitle(tr("Trust and load"))
        question.setIcon(QMessageBox.Icon.Warning)
        question.setTextFormat(Qt.TextFormat.PlainText)  # what a pickle names is anything
        question.setText(tr("Do you know who made {name}, and trust them?").format(name=place[1]))
        question.setInformativeText(
            tr(
                "A fitted pipeline is a pickle, and a pickle is a program: loading it can do whatever you can do on "
                "this computer. Trusted once, it is loaded without asking from now on. It names {names}."
            ).format(names=_shown(refused.names))
        )
        trust = question.addButton(tr("Trust and load"), QMessageBox.ButtonRole.AcceptRole)
        leave = question.addButton(tr("Don't load it"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(leave)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.question = question

        def answer() -> None:
            self.question = None
            if question.clickedButton() is trust:
                self._load(root, place, refused.digests)

        question.finished.connect(lambda _: answer())
        question.open()

    def _load(self, root: Path, place: Place, trusted: tuple[str, ...]) -> None:
        if self._jobs.running(_job_name(place)) is not None:
            return
        self._put(place, replace(self.known(place), outcome=tr("Loading…"), refused=None))
        work = partial(load, root, place, trusted)
        self._jobs.start(
            _job_name(place), work, kept=tr("nothing was changed"), done=partial(self._end, place),
            failed=partial(self._fail, place), speaks=True,
        )  # fmt: skip

    def _end(self, place: Place, found: Reloaded | Refused) -> str:
        before = self.known(place)
        if isinstance(found, Refused):
            self._put(place, replace(before, outcome=found.why, refused=found))
            return tr("{name} was not loaded. Origin, in its details, says why.").format(name=place[1])
        text = found.verdict.text
        if found.warnings:
            text = tr("{verdict} It warned: {warning}").format(verdict=text, warning=found.warnings[0])
        self._put(place, replace(before, outcome=text))
        return tr("{name}: {verdict}").format(name=place[1], verdict=found.verdict.text)

    def _fail(self, place: Place, problem: Problem) -> None:
        self._looking = None
        text = tr("Cancelled.") if problem.kind == "cancelled" else f"{problem.what} {problem.advice}".strip()
        self._put(place, replace(self.known(place), outcome=text))
        if problem.kind == "bug":
            self._session.tasks.unhandled.emit(problem)

    def _put(self, place: Place, known: Known) -> None:
        self._known[place] = known
        self.changed.emit()

    def _forget(self) -> None:
        self._known.clear()
        self._looking = None
        self.changed.emit()


def foresee(root: Path, place: Place, report: Report) -> Foreseen:
    """Find out what loading will come to; nothing is unpickled. The workspace is opened anew, for this thread."""
    from storage import Workspace

    with Workspace.open(root, read_only=True) as workspace:
        return workspace.foresee(*place)


def load(root: Path, place: Place, trusted: tuple[str, ...], report: Report) -> Reloaded | Refused:
    """Load a pipeline in a process of its own, after trusting these digests; says so where it is refused."""
    from storage import Untrusted, Workspace, load_in_child

    if trusted:
        with Workspace.open(root, read_only=True) as workspace:
            workspace.trust(trusted, tr("to load {name}, in the window").format(name=place[1]))
    try:
        return load_in_child(root, *place, report)
    except Untrusted as error:
        return Refused(error.what, error.digests, error.names)


def _job_name(place: Place) -> str:
    return tr("Loading {name}").format(name=place[1])


def _shown(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    if more <= 0:
        return shown
    return tr("{names} and {more}").format(names=shown, more=counted(more, "{n} more", "{n} more"))
