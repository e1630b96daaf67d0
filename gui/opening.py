"""Opening workspaces: asking for one, one window for each, those of late, and what to say when it can't be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog

from gui.dialogs.messages import NewWorkspaceDialog
from gui.formats import tr
from gui.one_window import OneWindow
from gui.rescuing import Rescuing
from gui.settings import documents_folder
from gui.tasks import Problem, Progress

if TYPE_CHECKING:
    from gui.window import MainWindow

LATE_MS = 300  # after which the opening is shown in the middle: most take less


class Opening:
    """The ways into a workspace, for one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._alone = OneWindow(window.tasks, window)
        self._rescuing = Rescuing(window, self.open)
        self._alone.wanted.connect(self._come_to_front)
        window.session.opened.connect(self._alone.settle)
        window.session.closed.connect(self._alone.leave)
        self._late = QTimer(window)
        self._late.setSingleShot(True)
        self._late.setInterval(LATE_MS)
        self._late.timeout.connect(lambda: window.centre.show_opening())
        window.session.opened.connect(self._late.stop)

    def open(
        self,
        path: Path,
        *,
        create: bool = False,
        failed: Callable[[Problem], None] | None = None,
        elsewhere: Callable[[], object] | None = None,
    ) -> None:
        """Open the workspace at `path`; if another window has it, that one comes to the front instead.

        What is open stays when it can't be done, which is told unless there is `failed`; what can be repaired so that
        it opens is offered instead.
        """

        def refuse(problem: Problem) -> None:
            self._back()
            if create:
                self._window.tell(problem)
            else:
                self._rescuing.consider(path, problem, failed or self._window.tell)

        def tell(progress: Progress) -> None:
            self._window.on_its_way.tell(progress)
            if progress.total:
                self._window.status.work(tr("Opening {name}").format(name=path.name), progress)

        def go() -> None:
            self._window.on_its_way.begin(path.name)
            self._late.start()
            self._window.session.open(path, refuse, tell, create=create)

        self._alone.enter(path, go, elsewhere or partial(self._tell_elsewhere, path))

    def give_up(self) -> None:
        """Don't open what is being opened; what was shown before is shown again."""
        self._window.session.give_up_opening()
        self._back()

    def _back(self) -> None:
        self._late.stop()
        self._alone.withdraw()
        self._window.show_workspace()

    def at_start(self, path: Path, *, named: bool) -> None:
        """Open what the command line named, or else what was open last, which may be gone without much ado."""
        self.open(path, failed=None if named else partial(self._tell_gone, path), elsewhere=self._window.close)

    def ask(self) -> None:
        """Ask for a workspace and open it."""
        recent = self._window.settings.recent
        place = str(Path(recent[0]).parent) if recent else documents_folder()
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Open workspace"), place)
        if chosen:
            self.open(Path(chosen))

    def ask_new(self) -> None:
        """Ask for a place and make a workspace there."""
        dialog = NewWorkspaceDialog(Path(documents_folder()), self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.open(dialog.path(), create=True))
        dialog.open()

    def close(self) -> None:
        """Let go of the workspace and show the welcome page."""
        self._window.settings.reopen = ""
        self._window.session.close()

    def forget_recent(self) -> None:
        """Forget the workspaces of late, but for the one that is open."""
        held = self._window.session.workspace
        self._window.settings.recent = [str(held.root)] if held is not None else []
        self._window.show_workspace()

    def end(self) -> None:
        """The window closes: others may have its workspace."""
        self._alone.close()

    def _come_to_front(self) -> None:
        window = self._window
        window.setWindowState((window.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        window.show()
        window.raise_()
        window.activateWindow()
        QApplication.alert(window)  # where the desktop keeps windows from coming forward by themselves

    def _tell_elsewhere(self, path: Path) -> None:
        self._window.notice.say(
            tr("{name} is open in another window, which is in front now.").format(name=path.name or path)
        )

    def _tell_gone(self, path: Path, problem: Problem) -> None:
        """Tell on the welcome page, not in a dialog: a drive may be unplugged, and another workspace be wanted."""
        text = f"{problem.what} {problem.advice}"
        self._window.notice.say(text, tr("Try again"), partial(self.open, path), stay=True)
