"""Bringing along what another program left: asked, looked at first, done as a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from gui.dialogs.migrate import MigrateDialog
from gui.dialogs.plan_preview import PlanDialog
from gui.formats import tr
from gui.jobs import Jobs
from gui.plans import Preview, apply_shown, preview_of
from gui.session import Session
from gui.tasks import Report


@dataclass(frozen=True)
class Migrated:
    """What was done, in a sentence, and the report of it."""

    text: str
    report: Path | None


class Migrating(QObject):
    """Migrates what somebody names into the workspace that is open."""

    def __init__(self, session: Session, jobs: Jobs, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._window = session, jobs, window

    def ask(self) -> None:
        """Ask for the folder, then show what will be done."""
        held = self._session.workspace
        if held is None or held.read_only:
            return
        dialog = MigrateDialog("", self._window)
        dialog.accepted.connect(lambda: self.look(dialog.source(), dialog.run_name.text().strip()))
        dialog.open()

    def look(self, source: Path, run_name: str = "") -> None:
        """Show what migrating a folder would do. Reading many results takes a while, which is a job."""
        held = self._session.workspace
        if held is None or held.read_only:
            return

        def show(shown: Preview) -> str:
            self._agree(source, run_name, shown)
            return tr("Read {name}.").format(name=source.name)

        name = tr("Reading {name}").format(name=source.name)
        self._jobs.start(
            name, partial(preview_as_job, held.root, source, run_name), kept=tr("nothing was changed"), done=show,
            speaks=True,
        )  # fmt: skip

    def _agree(self, source: Path, run_name: str, shown: Preview) -> None:
        note = tr(
            "Afterwards every value is compared with the source. If it is stopped, the same again goes on where it was."
        )
        dialog = PlanDialog(shown.title, shown.steps, tr("Migrate"), self._window, note=note if shown.steps else "")
        dialog.accepted.connect(lambda: self._go(source, run_name, shown))
        dialog.open()

    def _go(self, source: Path, run_name: str, shown: Preview) -> None:
        held = self._session.workspace
        if held is None:
            return

        def end(migrated: Migrated) -> str:
            job.file = migrated.report
            self._session.rescan(lambda _: None)
            return migrated.text

        job = self._jobs.start(
            tr("Migrating {name}").format(name=source.name),
            partial(migrate_as_job, held.root, source, run_name, shown),
            kept=tr("what was carried over stays, the same again goes on"), done=end, speaks=True,
        )  # fmt: skip


def preview_as_job(root: Path, source: Path, run_name: str, report: Report) -> Preview:
    """Look at what migrating a folder would do, with a workspace of its own."""
    from storage import Workspace

    report(0, 0, tr("reading"))
    with Workspace.open(root) as workspace:
        return preview_of(workspace.migration(source, run_name).plan())


def migrate_as_job(root: Path, source: Path, run_name: str, shown: Preview, report: Report) -> Migrated:
    """Migrate a folder as it was shown, with a workspace of its own."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        migration = workspace.migration(source, run_name)
        return Migrated(apply_shown(migration.plan(), shown, report), migration.done.report)
