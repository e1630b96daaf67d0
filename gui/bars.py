"""The bar above the window (workspace, query, New run) and the line below it (counts, index, jobs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
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

from gui.formats import counted, tr
from gui.jobs import Jobs, progress_text, state_word, time_left_text
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
        row = QWidget()
        layout = QGridLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(GRID)
        layout.setVerticalSpacing(0)
        for column, widget in enumerate((self.workspace, self.query, self.new_run, self.more)):
            layout.addWidget(widget, 0, column)
        layout.addWidget(self.query.refusal, 1, 1, 1, 3)  # what is below makes room: nothing lies under it
        self.addWidget(row)

    def set_menus(self, commands: Commands) -> None:
        """Put the commands where they belong."""
        self.workspace.setMenu(commands.workspace_menu)
        self.new_run.setDefaultAction(commands.new_run)
        self.more.setMenu(commands.more_menu)

    def show_more(self) -> None:
        """Open the menu of all commands, as F10 does everywhere."""
        menu = self.more.menu()
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))
        menu.setActiveAction(menu.actions()[0])

    def show_workspace(self, held: Opened | None) -> None:
        """Show which workspace is open."""
        self.workspace.setText(held.name if held is not None else tr("No workspace"))
        self.workspace.setToolTip(str(held.root) if held is not None else tr("Open or create a workspace"))
        self.query.setEnabled(held is not None)

    def _button(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setAccessibleName(text)
        button.setIconSize(self.iconSize())
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


class StatusLine(QStatusBar):
    """What is listed, what is being worked on, and the job that trains.

    `clicked` asks to see the jobs, `damage_clicked` what is damaged.
    """

    clicked = Signal()
    damage_clicked = Signal()

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._jobs = jobs
        self._listed = QLabel()
        self._state = QLabel()
        self._work = QLabel()
        self.damaged = QToolButton()
        self.damaged.setObjectName("flat")
        self.damaged.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        theme().dress(self.damaged, "damaged", "warning")
        self.damaged.clicked.connect(self.damage_clicked)
        self._job = _JobSign()
        self._job.cancel.clicked.connect(self._cancel)
        self._job.pause.clicked.connect(self._pause_or_resume)
        self._job.name.clicked.connect(self.clicked)
        for label in (self._listed, self._state, self._work):
            label.setContentsMargins(GRID, 0, GRID, 0)
        self.addWidget(self._listed)
        self.addWidget(self._state)
        self.addWidget(self.damaged)
        self.damaged.hide()
        self.addWidget(self._work)
        self.addPermanentWidget(self._job)
        self._job.hide()
        self.setFixedHeight(28)
        for signal in (jobs.began, jobs.changed, jobs.cleared):
            signal.connect(self._show_job)

    def describe(self, text: str) -> None:
        """Say what the catalog lists."""
        self._listed.setText(text)

    def show_workspace(self, held: Opened | None) -> None:
        """Say whether the workspace can be changed."""
        self._state.setText(tr("read only") if held is not None and held.read_only else "")
        if held is None:
            self._listed.setText("")

    def tell_damage(self, runs: int, pipelines: int) -> None:
        """Say how many runs, and pipelines of other runs, can't be read; nothing when all can."""
        found = [counted(runs, "{n} run", "{n} runs")] if runs else []
        found += [counted(pipelines, "{n} pipeline", "{n} pipelines")] if pipelines else []
        self.damaged.setText(tr("{what} damaged").format(what=", ".join(found)))  # a check may find more in each
        tip = tr("{what} can't be read. Check the workspace, and see why in Health").format(what=", ".join(found))
        self.damaged.setToolTip(tip)
        self.damaged.setAccessibleName(f"{self.damaged.text()}: {tip}")
        self.damaged.setVisible(bool(found))

    def work(self, text: str, progress: Progress | None) -> None:
        """Say what is being worked on; nothing with an empty text."""
        if progress is not None and progress.total:
            text = tr("{text}: {percent} %").format(text=text, percent=100 * progress.done // progress.total)
        self._work.setText(text)

    def _show_job(self, *_: object) -> None:
        job = self._jobs.foremost()
        self._job.setVisible(job is not None)
        if job is None:
            return
        others = len(self._jobs.busy()) - 1
        done = progress_text(job) if job.total else ""
        more = tr("and {n} more").format(n=others) if others else ""
        words = state_word(job.state) if job.state in ("pausing", "paused", "stopping") else time_left_text(job)
        self._job.name.setText("  ".join(part for part in (job.name, done, words, more) if part))
        self._job.bar.setRange(0, max(1, job.total))
        self._job.bar.setValue(job.done)
        self._job.cancel.setEnabled(job.state != "stopping")
        self._job.show_pause(job.can_pause, job.can_resume)

    def _cancel(self) -> None:
        job = self._jobs.foremost()
        if job is not None:
            self._jobs.cancel(job)

    def _pause_or_resume(self) -> None:
        job = self._jobs.foremost()
        if job is not None:
            (self._jobs.resume if job.can_resume else self._jobs.pause)(job)


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
        self.pause = QToolButton()
        self.pause.setObjectName("flat")
        self._resuming: bool | None = None
        self.show_pause(False, False)
        self.cancel = QToolButton()
        self.cancel.setObjectName("flat")
        self.cancel.setToolTip(tr("Cancel this job"))
        self.cancel.setAccessibleName(tr("Cancel the running job"))
        theme().dress(self.cancel, "cancel")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(GRID)
        for widget in (self.name, self.bar, self.pause, self.cancel):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            layout.addWidget(widget)

    def show_pause(self, can_pause: bool, can_resume: bool) -> None:
        """Offer to pause or to resume, or neither."""
        self.pause.setEnabled(can_pause or can_resume)
        if can_resume == self._resuming:
            return
        self._resuming = can_resume
        theme().dress(self.pause, "run" if can_resume else "pause")
        self.pause.setToolTip(tr("Resume this job") if can_resume else tr("Pause this job"))
        self.pause.setAccessibleName(tr("Resume the paused job") if can_resume else tr("Pause the running job"))
