"""The main window: the panes in their docks, the menus and keys, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QCursor, QDesktopServices, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from gui.bars import StatusLine, TopBar
from gui.centre import Centre
from gui.commands import Commands
from gui.comparison import FEWEST, MOST, Comparison
from gui.dialogs import CommandDialog, ErrorDialog, KeysDialog, NewWorkspaceDialog
from gui.exporting import ExportRequest
from gui.formats import tr
from gui.jobs import Job, Jobs
from gui.leaving import Leaving
from gui.new_run import NewRunDialog
from gui.panes.catalog import CatalogPane
from gui.panes.compare import ComparePane
from gui.panes.explore import ExplorePane
from gui.panes.jobs import JobsPane
from gui.panes.library import LibraryPane
from gui.panes.pipeline import PipelinePane
from gui.panes.workspace_tree import WorkspaceTree
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings, documents_folder
from gui.tasks import Problem, Report, Tasks
from gui.theme import theme
from gui.widgets import DATA_SUFFIXES, EmptyState, Notice, dropped_files
from gui.window_shape import WindowShape

if TYPE_CHECKING:
    from storage import Workspace

BUSY_CURSOR_MS = 300
FIRST_SIZE = (1280, 800)
DEMO_FOLDER = "runshelf-demo"


def _load_chart_library(report: Report) -> None:
    import pyqtgraph  # noqa: F401 - a quarter of a second, spent where nobody waits


class MainWindow(QMainWindow):
    """One window on one workspace, or on none yet.

    A workspace handed over belongs to the window from then on and is closed with it.
    """

    def __init__(
        self, workspace: Workspace | None = None, settings: Settings | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        look = theme()
        look.choose(self.settings.theme if self.settings.theme in ("light", "dark") else "system")  # type: ignore[arg-type]
        self.tasks = Tasks(self)
        self.session = Session(self.tasks, self)
        self.selection = Selection(self)
        self.comparison = Comparison(self)
        self.jobs = Jobs(self.tasks, self)
        self._leaving = Leaving(self)
        self._closed = False
        self._charts_wanted = False
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks)
        self._make_panes()
        self.commands = Commands(self)
        self.top.set_menus(self.commands)
        self._connect()
        self.resize(*FIRST_SIZE)
        self._shape = WindowShape(self, self.settings)
        self._shape.restore()
        self._show_workspace()
        if workspace is not None:
            self.session.adopt(workspace)

    # --- making ---

    def _make_panes(self) -> None:
        self.top = TopBar(self)
        self.query = self.top.query
        self.addToolBar(self.top)
        self.catalog = CatalogPane(self.session, self.selection, self.settings, self.query)
        self.compare = ComparePane(self.session, self.selection, self.comparison, self.settings)
        self.explore = ExplorePane(self.session, self.selection, self.catalog, self.settings)
        self.tree = WorkspaceTree(self.session, self.selection)
        self.library = LibraryPane(self.session, self.selection, self.jobs, self.settings)
        self.details = PipelinePane(self.session, self.selection, self.settings)
        self.jobs_pane = JobsPane(self.jobs, self.settings)
        self.welcome = EmptyState(
            tr("No workspace is open"),
            tr("A workspace is a folder where Runshelf keeps runs, results and everything needed to find them again."),
        )
        self.welcome.offer(tr("Open workspace…"), self.open_dialog, primary=True)
        self.welcome.offer(tr("New workspace…"), self.create_dialog)
        self.welcome.offer(tr("Try the demo"), self.try_demo)
        self.centre = Centre(
            self.welcome, self.catalog, self.explore, self.compare, self.comparison, self.settings, self
        )
        self.notice = Notice()
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.centre, 1)
        layout.addWidget(self.notice)
        self.setCentralWidget(middle)
        self.tree_dock = self._dock(tr("Runs"), "treeDock", self.tree)
        self.library_dock = self._dock(tr("Library"), "libraryDock", self.library)
        self.details_dock = self._dock(tr("Details"), "detailsDock", self.details)
        self.jobs_dock = self._dock(tr("Jobs"), "jobsDock", self.jobs_pane)
        self._keepers = (
            self.centre, self.catalog, self.explore, self.compare, self.details, self.library, self.jobs_pane,
        )  # fmt: skip
        self.status = StatusLine(self.jobs, self)
        self.setStatusBar(self.status)
        self._busy = QTimer(self)
        self._busy.setSingleShot(True)
        self._busy.setInterval(BUSY_CURSOR_MS)

    def _dock(self, title: str, name: str, pane: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(pane)
        return dock

    def _connect(self) -> None:
        self.session.opened.connect(self._show_workspace)
        self.session.closed.connect(self._show_workspace)
        self.session.opened.connect(self.selection.clear)
        self.session.closed.connect(self.selection.clear)
        self.session.opened.connect(self.comparison.clear)
        self.session.closed.connect(self.comparison.clear)
        self.explore.narrow_wanted.connect(self.catalog.narrow)
        self.tasks.unhandled.connect(self.tell)
        self.tasks.active_changed.connect(self._show_pace)
        self._busy.timeout.connect(self._show_busy)
        self.catalog.described.connect(self.status.describe)
        self.catalog.new_run_wanted.connect(self.new_run)
        self.tree.query_wanted.connect(self.query.put)
        self.jobs.ended.connect(self._job_ended)
        self.catalog.export_wanted.connect(self._export)
        self.catalog.annotating.done.connect(self._tell_edit)
        self.status.clicked.connect(lambda: self.show_pane(4))

    # --- workspaces ---

    def open_workspace(self, path: Path, *, create: bool = False) -> None:
        """Open the workspace at `path`; if that can't be done, say why and keep what is open."""
        self.session.open(path, partial(self._not_opened, path), create=create)

    def open_dialog(self) -> None:
        """Ask for a workspace and open it."""
        place = self.settings.recent[0] if self.settings.recent else documents_folder()
        chosen = QFileDialog.getExistingDirectory(self, tr("Open workspace"), place)
        if chosen:
            self.open_workspace(Path(chosen))

    def create_dialog(self) -> None:
        """Ask for a place and make a workspace there."""
        dialog = NewWorkspaceDialog(Path(documents_folder()), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.open_workspace(dialog.path(), create=True))
        dialog.open()

    def close_workspace(self) -> None:
        """Let go of the workspace and show the welcome page."""
        self.settings.reopen = ""
        self.session.close()

    def rescan(self) -> None:
        """Look at the disk now."""
        self.session.rescan(
            lambda news: self.notice.say(
                tr("Something was new: refreshed.") if news else tr("Nothing new on the disk.")
            )
        )

    def rebuild_index(self) -> None:
        """Build the index again from the files."""
        self.session.rebuild_index(
            lambda progress: self.status.work(tr("Rebuilding the index"), progress),
            lambda: self.notice.say(tr("The index was rebuilt from the files.")),
        )

    def _not_opened(self, path: Path, problem: Problem) -> None:
        self.settings.recent = [other for other in self.settings.recent if other != str(path)]
        if self.settings.reopen == str(path):
            self.settings.reopen = ""
        self._show_workspace()
        self.tell(problem)

    def _show_workspace(self) -> None:
        held = self.session.workspace
        self.centre.show_workspace(held is not None)
        self.commands.show_workspace(held)
        self.top.show_workspace(held)
        self.status.show_workspace(held)
        if held is None:
            self.setWindowTitle("Runshelf")
            return
        self.settings.remember_workspace(held.root)
        self.setWindowTitle(f"{held.name} — Runshelf" + (tr(" (read only)") if held.read_only else ""))
        if held.notices:
            self.notice.say("\n".join(held.notices), stay=True)

    # --- training ---

    def new_run(self, data: Path | None = None) -> NewRunDialog | None:
        """Ask for a training run and start it as a job."""
        held = self.session.workspace
        if held is None or held.read_only:
            return None
        dialog = NewRunDialog(self.tasks, self.settings, data, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._train(held.root, dialog))
        dialog.open()
        return dialog

    def try_demo(self) -> None:
        """Make a workspace with real data and results, and open it when it is ready."""
        folder = Path(documents_folder()) / DEMO_FOLDER
        self.notice.say(tr("Training some pipelines on real data, in {folder}").format(folder=folder))
        self.jobs.make_demo(folder)
        self.jobs_dock.show()

    def _train(self, root: Path, dialog: NewRunDialog) -> None:
        self.jobs.train(root, dialog.request())
        self.jobs_dock.show()

    def _export(self, request: ExportRequest) -> None:
        held = self.session.workspace
        if held is not None:
            self.jobs.export(held.root, request)

    def _tell_edit(self, text: str, undo: Callable[[], None] | None) -> None:
        self.notice.say(text, tr("Undo") if undo is not None else "", self.catalog.annotating.undo)

    def _job_ended(self, job: Job) -> None:
        self.session.sync()
        if self._leaving.decided:
            if not self.jobs.busy():
                self.close()
            return
        if job.problem is not None:
            self.tell(job.problem)
        if job.workspace is not None:
            self.open_workspace(job.workspace)
        text = tr("{name}: {outcome}").format(name=job.name, outcome=job.outcome)
        if job.run_id:
            self.notice.say(text, tr("Show results"), partial(self.tree.show_run, job.run_id))
        elif job.file is not None:
            folder = QUrl.fromLocalFile(str(job.file.parent))
            self.notice.say(text, tr("Show folder"), partial(QDesktopServices.openUrl, folder))
        else:
            self.notice.say(text)

    # --- telling ---

    def tell(self, problem: Problem) -> None:
        """Say what went wrong; the same problem is not told twice at a time."""
        open_ones = self.findChildren(ErrorDialog)
        if problem.kind != "cancelled" and all(one.problem.what != problem.what for one in open_ones):
            ErrorDialog(problem, self).open()

    def _show_pace(self) -> None:
        if self.tasks.active:
            if not self._busy.isActive():
                self._busy.start()
            return
        self._busy.stop()
        self.unsetCursor()
        self.status.work("", None)

    def _show_busy(self) -> None:
        self.setCursor(QCursor(Qt.CursorShape.BusyCursor))
        self.status.work(tr("Working…"), None)

    # --- commands ---

    def show_commands(self) -> None:
        """Offer every command by name."""
        dialog = CommandDialog(self.commands.all(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_keys(self) -> None:
        """Show the sheet of keys."""
        dialog = KeysDialog(self.commands.all(), self.commands.other_keys(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def focus_query(self) -> None:
        """Go to the query box."""
        self.query.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.query.selectAll()

    def show_pane(self, number: int) -> None:
        """Show and go to a pane: 1 runs, 2 catalog, 3 details, 4 jobs, 5 library, 7 compare."""
        docks = {1: self.tree_dock, 3: self.details_dock, 4: self.jobs_dock, 5: self.library_dock}
        if number in docks:
            docks[number].show()
            docks[number].raise_()
        elif number == 2:
            self.centre.show_catalog()
        elif number == 7:
            self.centre.show_comparison()
        inside: dict[int, QWidget] = {
            1: self.tree.tree, 2: self.catalog.table, 3: self.details.tabs, 4: self.jobs_pane.table,
            5: self.library.first, 7: self.compare.first,
        }  # fmt: skip
        inside[number].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def compare_chosen(self) -> None:
        """Compare the selected pipelines side by side."""
        if self.selection.chosen_total < 2:
            self.comparison.add(self.selection.chosen)
        else:
            self.comparison.put(self.selection.chosen)
        if len(self.comparison.pipelines) < FEWEST:
            self.notice.say(tr("One pipeline is set aside for comparing. Select another one and press C again."))
            return
        if self.selection.chosen_total > MOST:
            self.notice.say(tr("The first {n} of the selected pipelines are compared.").format(n=MOST))
        self.show_pane(7)

    def reset_layout(self) -> None:
        """Put docks, sizes and columns back as a new user sees them."""
        self._shape.reset()
        self.catalog.reset_columns()

    # --- events ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._charts_wanted:
            self._charts_wanted = True
            QTimer.singleShot(0, self._after_first_paint)

    def _after_first_paint(self) -> None:
        if not self._closed:
            self.tasks.start(_load_chart_library, lambda _: self._load_charts(), quiet=True)

    def _load_charts(self) -> None:
        for pane in (self.details, self.explore, self.compare):
            pane.load_charts()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.session.sync()  # coming back from another program is when things have changed

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if data := dropped_files(event, DATA_SUFFIXES):
            self.new_run(data[0])
        elif folders := [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]:
            self.open_workspace(Path(folders[0]))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.jobs.busy():
            event.ignore()
            self._leaving.ask()
            return
        if not self._closed:
            self._closed = True
            self._shape.save()
            for pane in self._keepers:
                pane.save()
            self.settings.store.sync()
            self.session.close()
            self.jobs.close()
            self.tasks.close()
        event.accept()
