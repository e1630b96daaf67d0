"""The bar above the window (workspace, query, New run) and the line below it (counts, index, jobs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QSizePolicy,
    QStatusBar,
    QToolBar,
    QToolButton,
    QWidget,
)

from gui.formats import tr
from gui.jobs import Jobs, time_left_text
from gui.query_box import QueryBox
from gui.session import Opened
from gui.tasks import Progress
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from gui.commands import Commands


class TopBar(QToolBar):
    """The workspace's name with its menu, the query box, New run, and everything else behind "⋯"."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(tr("Query and commands"), window)
        self.setObjectName("topBar")
        self.setMovable(False)
        self.setIconSize(QSize(16, 16))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toggleViewAction().setEnabled(False)
        self.workspace = self._button("workspaceButton", tr("Workspace"))
        theme().dress(self.workspace, "workspace")
        self.query = QueryBox(self)
        self.new_run = self._button("newRunButton", tr("New run"))
        self.more = self._button("moreButton", tr("All commands"))
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        theme().dress(self.more, "more")
        for widget in (self.workspace, self.query, self.new_run, self.more):
            self.addWidget(widget)

    def set_menus(self, commands: Commands) -> None:
        """Put the commands where they belong."""
        self.workspace.setMenu(commands.workspace_menu)
        self.new_run.setDefaultAction(commands.new_run)
        self.more.setMenu(commands.more_menu)

    def show_workspace(self, held: Opened | None) -> None:
        """Show which workspace is open."""
        self.workspace.setText(held.name if held is not None else tr("No workspace"))
        self.workspace.setToolTip(str(held.root) if held is not None else tr("Open or create a workspace"))
        self.query.setEnabled(held is not None)

    def _button(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setAccessibleName(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


class StatusLine(QStatusBar):
    """What is listed, what is being worked on, and the job that trains. `clicked` asks to see the jobs."""

    clicked = Signal()

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._jobs = jobs
        self._listed = QLabel()
        self._state = QLabel()
        self._work = QLabel()
        self._job = _JobSign()
        self._job.cancel.clicked.connect(self._cancel)
        self._job.name.clicked.connect(self.clicked)
        for label in (self._listed, self._state, self._work):
            label.setContentsMargins(GRID, 0, GRID, 0)
        self.addWidget(self._listed)
        self.addWidget(self._state)
        self.addWidget(self._work)
        self.addPermanentWidget(self._job)
        self._job.hide()
        self.setFixedHeight(28)
        for signal in (jobs.dataChanged, jobs.rowsInserted, jobs.modelReset):
            signal.connect(self._show_job)

    def describe(self, text: str) -> None:
        """Say what the catalog lists."""
        self._listed.setText(text)

    def show_workspace(self, held: Opened | None) -> None:
        """Say whether the workspace can be changed."""
        self._state.setText(tr("read only") if held is not None and held.read_only else "")
        if held is None:
            self._listed.setText("")

    def work(self, text: str, progress: Progress | None) -> None:
        """Say what is being worked on; nothing with an empty text."""
        if progress is not None and progress.total:
            text = tr("{text}: {percent} %").format(text=text, percent=100 * progress.done // progress.total)
        self._work.setText(text)

    def _show_job(self, *_: object) -> None:
        busy = self._jobs.busy()
        self._job.setVisible(bool(busy))
        if not busy:
            return
        job = next((one for one in busy if one.state != "waiting"), busy[-1])
        done = tr("{done}/{total}").format(done=job.done, total=job.total) if job.total else ""
        left = time_left_text(job)
        more = tr("and {n} more").format(n=len(busy) - 1) if len(busy) > 1 else ""
        words = tr("stopping…") if job.state == "stopping" else left
        self._job.name.setText("  ".join(part for part in (job.name, done, words, more) if part))
        self._job.bar.setRange(0, max(1, job.total))
        self._job.bar.setValue(job.done)
        self._job.cancel.setEnabled(job.state != "stopping")

    def _cancel(self) -> None:
        busy = self._jobs.busy()
        if busy:
            self._jobs.cancel(next((one for one in busy if one.state != "waiting"), busy[-1]))


class _JobSign(QWidget):
    """The running job in one line."""

    def __init__(self) -> None:
        super().__init__()
        self.name = QToolButton()
        self.name.setObjectName("flat")
        self.name.setToolTip(tr("Show the jobs"))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName(tr("Progress of the running job"))
        self.cancel = QToolButton()
        self.cancel.setObjectName("flat")
        self.cancel.setToolTip(tr("Cancel this job"))
        self.cancel.setAccessibleName(tr("Cancel the running job"))
        theme().dress(self.cancel, "cancel")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(GRID)
        for widget in (self.name, self.bar, self.cancel):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            layout.addWidget(widget)
