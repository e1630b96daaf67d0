"""Reports of runs and datasets: which are wanted, and writing them as a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject

from gui.formats import counted, tr
from gui.jobs import Jobs
from gui.session import Session
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Workspace


@dataclass(frozen=True)
class Subject:
    """What a report is about: a run by its id or a dataset by its name, and what people call it."""

    kind: Literal["run", "dataset"]
    name: str
    called: str = ""


@dataclass(frozen=True)
class Written:
    """The pages that were written, and what was wrong with the reports that were not."""

    pages: tuple[Path, ...]
    problems: tuple[str, ...] = ()

    def text(self) -> str:
        """Say what was written where, and what not."""
        text = counted(len(self.pages), "Wrote {n} report", "Wrote {n} reports")
        text = tr("{done} to {path}").format(done=text, path=self.pages[0].parent)
        if self.problems:
            missed = counted(len(self.problems), "{n} was not written", "{n} were not written")
            missed = tr("{missed}, because: {why}").format(missed=missed, why=self.problems[0])
            text = tr("{done}; {missed}").format(done=text, missed=missed)
        return text


class Reporting(QObject):
    """Writes reports to the workspace, as HTML and as Markdown; what is running already is not begun again."""

    def __init__(self, session: Session, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._jobs = session, jobs

    def write(self, subjects: tuple[Subject, ...]) -> None:
        """Write a report about each of these."""
        held = self._session.workspace
        if held is None or not subjects:
            return
        name = counted(len(subjects), "Writing {n} report", "Writing {n} reports")
        if len(subjects) == 1:
            name = tr("Reporting on {name}").format(name=subjects[0].called or subjects[0].name)
        if self._jobs.running(name) is not None:
            return

        def end(written: Written) -> str:
            if len(written.pages) == 1:
                job.page = written.pages[0]
            job.file = written.pages[0]
            return written.text()

        work = partial(write_reports, held.root, subjects)
        job = self._jobs.start(name, work, kept=tr("reports that were written stay"), done=end, speaks=True)


def write_reports(root: Path, subjects: tuple[Subject, ...], report: Report) -> Written:
    """Write a report about each, the workspace opened anew for this thread; the pages are those to be read.

    One that can't be written is told of and the others go on; that none can raises what was wrong with the first.
    """
    from storage import Cancelled, StorageError, Workspace

    pages, problems, first = [], [], None
    with Workspace.open(root) as workspace:
        for number, subject in enumerate(subjects):
            called = subject.called or subject.name
            report(number, len(subjects), called)
            within = report if len(subjects) == 1 else partial(_still_at, report, (number, len(subjects), called))
            try:
                pages.append(_write(subject, workspace, within))
            except Cancelled:
                raise
            except StorageError as error:
                first = first or error
                problems.append(error.what)
    if first is not None and not pages:
        raise first
    report(len(subjects), len(subjects), "")
    return Written(tuple(pages), tuple(problems))


def _write(subject: Subject, workspace: Workspace, report: Report) -> Path:
    write = workspace.report_run if subject.kind == "run" else workspace.report_dataset
    return write(subject.name, ("html", "md"), report=report)[0]


def _still_at(report: Report, where: tuple[int, int, str], done: int, total: int, text: str) -> None:
    """Of several reports those that are written are counted, not their sections; each of these can be the last."""
    report(*where)
