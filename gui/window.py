"""The main window: the panes in their docks, the menus and keys, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QCursor, QDesktopServices, QDragEnterEvent, QDropEvent, QKeyEvent, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QMainWindow,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.bars import StatusLine, TopBar
from gui.centre import Centre
from gui.commands import Commands
from gui.comparison import FEWEST, MOST, Comparison
from gui.crash import Crash, versions_text
from gui.dialogs.demo import DemoDialog
from gui.dialogs.key_sheet import KeysDialog
from gui.dialogs.messages import ErrorDialog, RecordDialog
from gui.dialogs.new_run import NewRunDialog
from gui.dialogs.palette import CommandDialog
from gui.exports import ExportRequest
from gui.formats import tr
from gui.garbage import garbage
from gui.jobs import Job, Jobs
from gui.leaving import Leaving
from gui.migrating import Migrating
from gui.opening import Opening
from gui.panes.catalog import CatalogPane
from gui.panes.compare import ComparePane
from gui.panes.explore import ExplorePane
from gui.panes.health import HealthPane
from gui.panes.jobs import JobsPane
from gui.panes.library import LibraryPane
from gui.panes.pipeline import PipelinePane
from gui.panes.workspace_tree import WorkspaceTree
from gui.pipeline_actions import PipelineActions
from gui.qt_classes import make_classes
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem, Report, Tasks
from gui.theme import theme
from gui.training import Training
from gui.turns import in_turns
from gui.undo import Undo
from gui.welcome import OpeningPage, WelcomePage
from gui.widgets import DATA_SUFFIXES, Notice, dropped_files
from gui.window_shape import WindowShape
from gui.wiring import connect

if TYPE_CHECKING:
    from gui.unfinished import BrokenOff
    from storage import RunRequest, Workspace

BUSY_CURSOR_MS = 300
FIRST_SIZE = (1280, 800)


def _load_chart_library(report: Report) -> None:
    import gui.charts.page  # with pyqtgraph a third of a second, spent where nobody waits
    import gui.panes.samples  # noqa: F401


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
        look.mark(self)
        self.tasks = Tasks(self)
        self.session = Session(self.tasks, self)
        self.selection = Selection(self)
        self.comparison = Comparison(self)
        self.undo = Undo(self)
        self.jobs = Jobs(self.tasks, self)
        self.migrating = Migrating(self.session, self.jobs, self)
        self.training = Training(self.session, self.jobs, self.settings, self)
        self.opening = Opening(self)
        self._leaving = Leaving(self)
        self._closed = False
        self._first_painted = False
        self._charts_asked = False
        self._broken_off: list[BrokenOff] = []  # by a crash, and not brought to its end since
        self._to_go_on: list[BrokenOff] = []  # of these, what nobody has gone on with
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks)
        with look.undressed():
            self._make_panes()
            self.pipelines = PipelineActions(self)
            self.commands = Commands(self)
            self.top.set_menus(self.commands)
            connect(self)
            self.resize(*FIRST_SIZE)
            self._shape = WindowShape(self, self.settings)
        self._shape.restore()
        self.show_workspace()
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
        self.tree = WorkspaceTree(self.session, self.selection, self.settings)
        self.library = LibraryPane(self.session, self.selection, self.jobs, self.settings)
        self.details = PipelinePane(self.session, self.selection, self.settings)
        self.jobs_pane = JobsPane(self.jobs, self.settings)
        self.health = HealthPane(self.session, self.jobs, self.settings)
        self.welcome = WelcomePage(self.tasks, self.settings)
        self.welcome.offer_ways(self.opening.ask, self.opening.ask_new, lambda: self.try_demo(self.welcome.demo.folder))
        self.welcome.wanted.connect(self.open_workspace)
        self.on_its_way = OpeningPage()
        self.on_its_way.cancelled.connect(self.opening.give_up)
        self.centre = Centre(
            self.welcome,
            self.on_its_way,
            self.catalog,
            self.explore,
            self.compare,
            self.comparison,
            self.settings,
            self,
        )
        self.centre.tabs.setCornerWidget(self.catalog.views.button, Qt.Corner.TopRightCorner)
        self.centre.tabs.currentChanged.connect(lambda place: self.catalog.views.button.setEnabled(place == 0))
        self.notice = Notice()
        self.crash_notice = Notice()
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.centre, 1)
        layout.addWidget(self.crash_notice)
        layout.addWidget(self.notice)
        self.setCentralWidget(middle)
        self.tree_dock = self._dock(tr("Runs"), "treeDock", self.tree)
        self.library_dock = self._dock(tr("Library"), "libraryDock", self.library)
        self.details_dock = self._dock(tr("Details"), "detailsDock", self.details)
        self.jobs_dock = self._dock(tr("Jobs"), "jobsDock", self.jobs_pane)
        self.health_dock = self._dock(tr("Health"), "healthDock", self.health)
        self._keepers = (
            self.centre, self.catalog, self.explore, self.compare, self.details, self.library, self.jobs_pane,
            self.health,
        )  # fmt: skip
        self.status = StatusLine(self.jobs, self)
        self.setStatusBar(self.status)
        self._busy = QTimer(self)
        self._busy.setSingleShot(True)
        self._busy.setInterval(BUSY_CURSOR_MS)
        self._busy.timeout.connect(self._show_busy)

    def _dock(self, title: str, name: str, pane: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(pane)
        return dock

    # --- workspaces ---

    def open_workspace(self, path: Path, *, create: bool = False) -> None:
        """Open the workspace at `path`; if that can't be done, say why and keep what is open."""
        self.opening.open(path, create=create)

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

    def show_workspace(self) -> None:
        """Show the workspace that is open, or the welcome page."""
        held = self.session.workspace
        self.centre.show_workspace(held is not None)
        self.commands.show_workspace(held)
        self.top.show_workspace(held)
        self.status.show_workspace(held)
        if held is None:
            self.setWindowTitle("Runshelf")
            self.welcome.refresh()
            self.welcome.begin()  # there is nothing anywhere else
            return
        self.settings.remember_workspace(held.root)
        self.setWindowTitle(f"{held.name} — Runshelf" + (tr(" (read only)") if held.read_only else ""))
        if held.notices:
            self.tell_notice("\n".join(held.notices))
        self.catalog.model.listed.connect(self._begin, Qt.ConnectionType.SingleShotConnection)

    def tell_notice(self, text: str) -> None:
        """Say what the user should know of the workspace, until it is put away."""
        self.notice.say(text, stay=True)

    def _begin(self) -> None:
        """Give the keyboard to where people begin, unless somebody went elsewhere meanwhile."""
        here = self.focusWidget()
        if here is None or not here.isVisible() or isinstance(here, QToolButton | QTabBar):  # Qt's choice: the first
            self.catalog.begin()

    # --- training ---

    def new_run(self, data: Path | None = None, request: RunRequest | None = None) -> NewRunDialog | None:
        """Ask for a training run, with a data file or a whole request filled in, and start it as a job."""
        return self.training.new_run(data, request)

    def ask_demo(self) -> DemoDialog:
        """Say where the demo would be made, and make it if that is wanted."""
        dialog = DemoDialog(self.welcome.demo.folder, self)
        dialog.accepted.connect(lambda: self.try_demo(dialog.place.folder))
        dialog.open()
        return dialog

    def try_demo(self, folder: Path) -> None:
        """Make a workspace with real data and results, and open it when it is ready."""
        self.notice.say(tr("Training some pipelines on real data, in {folder}").format(folder=folder))
        self.training.make_demo(folder)

    def export(self, request: ExportRequest) -> None:
        """Write rows of the catalog to a file, as a job."""
        held = self.session.workspace
        if held is not None:
            self.jobs.export(held.root, request)

    def tell_deed(self, text: str, take_back: Callable[[], object] | None) -> None:
        """Say what was done, and offer to take it back where that is known how."""
        if take_back is None:
            self.notice.say(text)
        else:
            deed = self.undo.push(text, take_back)
            self.notice.say(text, tr("Undo"), partial(self.undo.take_back, deed))

    def job_ended(self, job: Job) -> None:
        """Look at what a job changed and say how it ended."""
        self.session.sync()
        if self._leaving.decided:
            if not self.jobs.busy():
                self.close()
            return
        self._forget_broken_off(job)
        if job.problem is not None and not job.told:
            self.tell(job.problem)
        if job.workspace is not None:
            self.open_workspace(job.workspace)
        text = job.outcome if job.speaks else tr("{name}: {outcome}").format(name=job.name, outcome=job.outcome)
        if job.run_id:
            self.notice.say(text, tr("Show results"), partial(self.show_results, job.run_id))
        elif job.page is not None:
            page = QUrl.fromLocalFile(str(job.page))
            self.notice.say(text, tr("Open report"), partial(QDesktopServices.openUrl, page))
        elif job.file is not None:
            folder = QUrl.fromLocalFile(str(job.file.parent))
            self.notice.say(text, tr("Show folder"), partial(QDesktopServices.openUrl, folder))
        else:
            self.notice.say(text)

    def _forget_broken_off(self, job: Job) -> None:
        """Take the bar about a crash away once all that it broke off has come to its end."""
        left = [one for one in self._broken_off if not one.done_by(job)]
        self._to_go_on = [one for one in self._to_go_on if one in left]
        self.commands.offer_rest()
        if self._broken_off and not left:
            self.crash_notice.hide()
        self._broken_off = left

    def show_results(self, run_id: str) -> None:
        """List the results of a run and go to the first; the details would go on about what isn't listed any more."""
        self.centre.show_catalog()
        self.tree.show_run(run_id)
        self.catalog.enter()

    # --- telling ---

    def tell(self, problem: Problem) -> None:
        """Say what went wrong; the same problem is not told twice at a time."""
        open_ones = self.findChildren(ErrorDialog)
        if problem.kind != "cancelled" and all(one.problem.what != problem.what for one in open_ones):
            ErrorDialog(problem, self).open()

    def offer_crash(self, crash: Crash) -> None:
        """Say that the window ended unexpectedly last time; offer what was recorded and the rest of what it trained."""
        text = tr("Runshelf ended unexpectedly last time. What was saved is safe.")
        show = partial(self._with_versions, lambda versions: RecordDialog.of_crash(crash, versions, self).open())
        record = (tr("Show what was recorded"), show)
        left = self.training.unfinished.taken(crash.processes)
        self._broken_off = left
        if not left:
            self.crash_notice.say(text, *record, stay=True)
            return
        lines = [tr("{name} was broken off; finished pipelines are kept.").format(name=one.name) for one in left]

        self._to_go_on = left
        self.commands.offer_rest()
        words = tr("Run the rest")
        self.crash_notice.say("\n".join([text, *lines]), words, self._go_on, also=record, stay=True)

    @property
    def broken_off(self) -> bool:
        """Whether a crash broke training off that nobody has gone on with; `crash_notice` does it."""
        return bool(self._to_go_on)

    def _go_on(self) -> None:
        left, self._to_go_on = self._to_go_on, []
        for one in left:
            self.training.go_on(one)
        self.commands.offer_rest()
        self.crash_notice.hide()  # from here on Jobs tells of it

    def show_pace(self) -> None:
        """Show that somebody waits, once it has lasted."""
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
        CommandDialog(self.commands.offers(), self.settings, self).open()

    def show_keys(self) -> None:
        """Show the sheet of keys."""
        KeysDialog(self.commands.key_groups(), self).open()

    def show_about(self) -> None:
        """Tell the versions."""
        self._with_versions(lambda versions: RecordDialog.of_versions(versions, self).open())

    def _with_versions(self, show: Callable[[str], None]) -> None:
        self.tasks.start(versions_text, show, quiet=True)

    def leave(self) -> None:
        """Quit without asking: stop what runs, then close."""
        self._leaving.leave()

    def focus_query(self) -> None:
        """Go to the query box."""
        self.query.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.query.selectAll()

    def show_pane(self, number: int) -> None:
        """Show and go to a pane: 1 runs, 2 catalog, 3 details, 4 jobs, 5 library, 6 health, 7 compare."""
        docks = {
            1: self.tree_dock, 3: self.details_dock, 4: self.jobs_dock, 5: self.library_dock, 6: self.health_dock,
        }  # fmt: skip
        if number in docks:
            docks[number].show()
            docks[number].raise_()
            self._shape.keep(docks[number])
        elif number == 2:
            self.centre.show_catalog()
        elif number == 7:
            self.centre.show_comparison()
        if (inside := self._first_of(number)) is not None:
            inside.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_jobs(self) -> None:
        """Show the jobs while something is worked on; it is not remembered as what somebody wanted."""
        self._shape.unfold(self.jobs_dock)

    def _first_of(self, number: int) -> QWidget | None:
        """Return what gets the keyboard in a pane; None where there is nothing.

        Other than `show_pane` it knows the top bar (0), the charts (8), the welcome page (9) and the bars of messages.
        """
        inside: dict[int, QWidget | None] = {
            0: self.query if self.query.isEnabled() else self.top.workspace, 1: self.tree.first, 2: self.catalog.first,
            3: self.details.first, 4: self.jobs_pane.first, 5: self.library.first, 6: self.health.first,
            7: self.compare.first, 8: self.explore.first, 9: self.welcome.first, 10: self.crash_notice.first,
            11: self.notice.first,
        }  # fmt: skip
        return inside[number]

    def step_pane(self, step: int) -> None:
        """Go to the pane after the one with the keyboard, or before it, among those that can be seen."""
        places: tuple[tuple[int, QWidget], ...] = (
            (0, self.top), (1, self.tree), (5, self.library), (9, self.welcome), (2, self.catalog), (8, self.explore),
            (7, self.compare), (10, self.crash_notice), (11, self.notice), (4, self.jobs_pane), (6, self.health),
            (3, self.details),
        )  # fmt: skip
        seen = [
            (number, pane)
            for number, pane in places
            if pane.isVisible() and not self._out_of_sight(pane) and self._first_of(number) is not None
        ]
        focus = QApplication.focusWidget()
        here = next((n for n, (_, pane) in enumerate(seen) if focus is not None and pane.isAncestorOf(focus)), -1)
        if not seen:
            return
        number = seen[(here + step if here >= 0 else 0) % len(seen)][0]
        inside = self._first_of(number)
        if inside is self.query:
            self.focus_query()
        elif inside is not None:
            inside.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Go past what is out of sight (a dock behind another, charts that are folded) and past the arrows of tabs."""
        passed = [self.focusWidget()]
        while super().focusNextPrevChild(forward):
            here = self.focusWidget()
            needless = here is not None and isinstance(here.parentWidget(), QTabBar)  # the arrow keys do as much
            if here is None or here in passed or not (needless or self._out_of_sight(here)):
                return True
            passed.append(here)
        return False

    def _out_of_sight(self, widget: QWidget) -> bool:
        """Whether the part of the window that a widget is in has no room in it; Qt lays such parts outside."""
        part: QWidget | None = widget
        while part is not None and part.parentWidget() is not self and part is not self.explore:
            part = part.parentWidget()
        if part is None or part.isWindow():
            return False
        return self.rect().intersected(QRect(part.mapTo(self, QPoint()), part.size())).height() <= 1

    def check(self, deep: bool = False) -> None:
        """Check the workspace and show what is found."""
        self.health.check(deep=deep)
        self.show_pane(6)

    def show_trash(self) -> None:
        """Show what was deleted and can be brought back."""
        self.health.show_trash()
        self.show_pane(6)

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
        else:
            self.notice.hide()  # what was to do next has been done
        self.show_pane(7)

    def show_comparison(self, page: int) -> None:
        """Show one of the pages of the comparison."""
        self.compare.tabs.setCurrentIndex(page)
        self.show_pane(7)

    def reset_layout(self) -> None:
        """Put docks, sizes and columns back as a new user sees them."""
        self._shape.reset()
        self.catalog.reset_columns()

    # --- events ---

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._first_painted:
            self._first_painted = True
            if self.tasks.idle:
                self.load_charts()
            else:  # when the rows are there: Python does one thing at a time
                self.tasks.calmed.connect(self.load_charts, Qt.ConnectionType.SingleShotConnection)

    def load_charts(self) -> None:
        """Load the chart library, once, and make the charts."""
        if not self._charts_asked:
            self._charts_asked = True
            make_classes(self, self._load_library)

    def _load_library(self) -> None:
        if not self._closed:
            self.tasks.start(_load_chart_library, lambda _: self._make_charts(), quiet=True)

    def _make_charts(self) -> None:
        pieces = [self.details.load_samples, self.details.load_charts, self.explore.load_charts]
        in_turns(self, [*pieces, *self.compare.chart_loads(), garbage.settle])  # together they would be felt

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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        button = self.focusWidget()
        pressed = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if pressed and isinstance(button, QAbstractButton) and button.hasFocus():
            button.click()  # as in a dialog; what means something else where it is pressed does not come here
        elif pressed and isinstance(button, QTabBar) and button.hasFocus():
            self.focusNextChild()  # from the title into what it is the title of
        else:
            super().keyPressEvent(event)

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
            self.opening.end()
            self.session.close()
            self.jobs.close()
            self.tasks.close()
        event.accept()
