"""Starting runs: asking for one in the dialog, training again what failed, or the same pipelines on other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from gui.dialogs.new_run import NewRunDialog
from gui.jobs import Job, Jobs
from gui.session import Session
from gui.settings import Settings
from gui.unfinished import BrokenOff, Unfinished

if TYPE_CHECKING:
    from storage import RunRequest, Workspace

Which = Literal["failed", "all"] | Sequence[str]


class Training(QObject):
    """Starts training in the workspace that is open; nothing happens in one that can't be changed.

    `started` is emitted with each Job that was started. What can't be asked for again is told through the session.
    """

    started = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._settings, self._window = session, jobs, settings, window
        self.unfinished = Unfinished(jobs, settings, self)

    def new_run(self, data: Path | None = None, request: RunRequest | None = None) -> NewRunDialog | None:
        """Ask for a training run, with a data file or a whole request filled in, and start it as a job."""
        held = self._session.workspace
        if held is None or held.read_only:
            return None
        dialog = NewRunDialog(self._session, self._settings, data, self._window, request=request)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.start(held.root, dialog.request()))
        QTimer.singleShot(0, dialog, dialog.open)  # making it and showing it at once would be felt
        return dialog

    def start(self, root: Path, request: RunRequest) -> Job:
        """Start training what is asked for."""
        job = self._jobs.train(root, request)
        self.started.emit(job)
        return job

    def rerun(self, run_id: str, only: Which = "failed") -> None:
        """Train pipelines of a run again at once, with the same data and options."""
        held = self._session.workspace
        if held is not None:
            self._ask(run_id, only, True, partial(self.start, held.root))

    def rerun_job(self, job: Job) -> None:
        """Train the pipelines of a job again that failed in it."""
        self.rerun(job.run_id, [event.pipeline_id for event in job.failed])

    def run_rest(self, job: Job) -> None:
        """Train what a stopped job left undone; what it finished is recognised and skipped."""
        if job.demo is not None:
            self.make_demo(job.demo)
        elif job.root is not None and job.request is not None:
            self.start(job.root, _rest_of(job.request))

    def go_on(self, left: BrokenOff) -> None:
        """Train what is left of something; what was finished of it is recognised and skipped."""
        if left.request is None:
            self.make_demo(left.root)
        else:
            self.start(left.root, _rest_of(left.request))

    def make_demo(self, folder: Path) -> Job:
        """Start making the demo in a folder, unless that is under way; what was finished of it is skipped."""
        running = next((job for job in self._jobs.busy() if job.demo == folder), None)
        job = running or self._jobs.make_demo(folder)
        self.started.emit(job)
        return job

    def run_again(self, run_id: str, only: Which = "all") -> None:
        """Ask for the same pipelines again, with everything filled in and open to change."""
        self._ask(run_id, only, False, lambda request: self.new_run(request=request))

    def run_elsewhere(self, run_id: str, only: Which = "all") -> None:
        """Ask for the same pipelines on another dataset, which is still to be chosen."""
        self._ask(run_id, only, False, lambda request: self.new_run(request=_without_data(request)))

    def run_configs(self, wanted: Sequence[dict[str, Any] | Path], name: str = "") -> NewRunDialog | None:
        """Ask for a run of configurations, in files or in none, on data still to be chosen."""
        from storage import RunRequest

        files = [one for one in wanted if isinstance(one, Path)]
        configs = [one for one in wanted if not isinstance(one, Path)]
        return self.new_run(
            request=RunRequest(data=Path(), target=[], test_size=0.25, pipelines=files, configs=configs, run_name=name)
        )

    def _ask(self, run_id: str, only: Which, same_data: bool, act: Callable[[RunRequest], object]) -> None:
        def deliver(request: RunRequest) -> None:
            act(request)

        held = self._session.workspace
        if held is not None and not held.read_only:
            self._session.query(partial(_request, run_id, only, same_data), deliver)


def _request(run_id: str, only: Which, same_data: bool, workspace: Workspace) -> RunRequest:
    return workspace.rerun_request(run_id, only, same_data=same_data)


def _rest_of(request: RunRequest) -> RunRequest:
    return request.model_copy(update={"again": False})


def _without_data(request: RunRequest) -> RunRequest:
    return request.model_copy(update={"data": Path(), "dataset_name": None, "description": "", "again": False})
