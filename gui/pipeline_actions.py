"""What can be done with pipelines and runs, wherever they are selected: the tree, the table and the menus share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QDrag, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from gui.archiving import Archiving, Wanted
from gui.deleting import Deleting, Doomed
from gui.dialogs.export import ExportDialog
from gui.dragging import Carried, pack
from gui.exports import Taken, TakeRequest, take_pipelines
from gui.formats import counted, integer_text, tr
from gui.keeping import Keeping
from gui.menus import fill_menu
from gui.models.listings import fetch_ids
from gui.models.run_groups import run_text
from gui.query_text import one_of
from gui.reloading import Reloading
from gui.reporting import Reporting, Subject
from gui.selection import Picked, fetch_labels
from gui.thinning import Thinning

if TYPE_CHECKING:
    from gui.window import MainWindow
    from storage import RunRow, Workspace

MOST_NAMES = 1000
FEW = 12  # pipelines, up to which somebody who exports rather means their files than the table


class PipelineActions(QObject):
    """The actions on the selected pipelines, or on the runs selected in the tree, with what they do.

    An action that can't do anything now is disabled and says why in its tip. Keys without Ctrl work in the tree and in
    the table only, so that they never take a letter away.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.deleting = Deleting(window.session, window.jobs, window.undo, window)
        self.keeping = Keeping(window.session, window.jobs, window.undo, window)
        self.archiving = Archiving(window.session, window.jobs, window)
        self.thinning = Thinning(window.session, window.jobs, window)
        self.reporting = Reporting(window.session, window.jobs, window)
        self.reloading = Reloading(window.session, window.jobs, window)
        self._rules: list[tuple[QAction, Callable[[], str]]] = []
        self._seen = (False, False, False)  # whether pipelines and runs are selected, and any of them failed
        self._datasets: list[str] = []  # of what is selected
        self._make()
        rows, tree, table = window.catalog.rows, window.tree.tree, window.catalog.table
        rows.ask_export = self.ask_export
        rows.shared = [self.compare, self.preview, None,
                       rows.tag, rows.note, rows.star, rows.stars, None, self.keep, self.archive, rows.export, None,
                       self.show_in_tree, self.open_folder, self.copy_name, self.copy_id, None,
                       self.load, self.report, self.report_dataset, None,
                       self.run_again, self.run_elsewhere, None, self.delete_results, self.delete_folder]  # fmt: skip
        both = [
            self.compare, self.preview, self.keep, self.archive, self.copy_name, self.copy_id, self.report,
            self.delete_folder,
        ]  # fmt: skip
        tree.addActions([*both, rows.tag, rows.note, rows.star, rows.stars, rows.export])
        tree.delete_wanted.connect(self.delete_folder.trigger)
        table.addActions([*both, self.delete_results])
        self._connect()
        self.update()

    # --- making ---

    def _make(self) -> None:
        rows, pipelines, anything = self._window.catalog.rows, self._no_pipelines, self._nothing
        self.compare = self._action(tr("&Compare"), self._window.compare_chosen, "C", why=pipelines)
        self.preview = self._action(tr("Show charts &large"), self._window.details.preview, "Space", why=pipelines)
        for action in (rows.tag, rows.note, rows.star, rows.stars):
            self._rules.append((action, self._written(pipelines)))
        self._rules.append((rows.export, self._no_workspace))
        self.keep = self._action(tr("&Keep in library…"), lambda: self.ask_keep(), "K", why=self._written(anything))
        self.archive = self._action(tr("Archi&ve…"), self.ask_archive, "A", why=self._written(anything))
        self.show_in_catalog = self._action(tr("Show in c&atalog"), self._show_in_catalog, why=anything)
        self.show_in_tree = self._action(tr("Show in t&ree"), self._show_in_tree, why=pipelines)
        self.open_folder = self._action(tr("&Open folder"), self._open_folder, why=anything)
        self.copy_name = self._action(tr("Copy na&me"), self._copy_name, why=anything)
        self.copy_id = self._action(tr("Copy &id"), self._copy_id, why=anything)
        self.load = self._action(tr("Does it still l&oad?"), self._try_loading, why=pipelines)
        self.report = self._action(tr("Write re&port"), self._report, "R", why=self._written(self._nothing_to_report))
        self.report_dataset = self._action(
            tr("Write report on datase&t"), self._report_datasets, why=self._written(self._no_dataset)
        )
        train = self._window.training
        self.rerun = self._action(
            tr("Train &failed ones again"), partial(self._each_run, train.rerun, "failed"),
            why=self._written(self._none_failed),
        )  # fmt: skip
        self.run_again = self._action(
            tr("R&un again with changes…"), partial(self._first_run, train.run_again), why=self._written(anything)
        )
        self.run_elsewhere = self._action(
            tr("Run on another &dataset…"), partial(self._first_run, train.run_elsewhere), why=self._written(anything)
        )
        self.delete_folder = self._action(  # in the tree Del does the same
            tr("Delete folder to trash"), self._delete_folders, "Shift+Del", why=self._written(anything)
        )
        self.delete_results = self._action(
            tr("Delete result from catalog to trash"), self._delete_results, "Del", why=self._written(pipelines)
        )

    def _action(
        self,
        text: str,
        act: Callable[[], object],
        keys: str = "",
        *,
        why: Callable[[], str],
    ) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda _checked=False: act())
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self._rules.append((action, why))
        return action

    def _connect(self) -> None:
        window = self._window
        window.selection.chosen_changed.connect(self.update)
        window.tree.runs_chosen.connect(self.update)
        window.catalog.table.rows_changed.connect(self.update)
        window.session.opened.connect(self.update)
        window.session.closed.connect(self.update)
        window.tree.model.listed.connect(self.update)
        window.tree.menu_wanted.connect(self._show_menu)
        window.catalog.table.drag_wanted.connect(self._drag)
        self.deleting.done.connect(window.tell_deed)
        self.deleting.gone.connect(lambda gone: window.catalog.rows_selected.go_on() if gone else None)
        self.deleting.gone.connect(window.selection.drop)
        # When the rows are listed anew: in those of before they are not.
        self.deleting.back.connect(window.selection.bring_back, Qt.ConnectionType.QueuedConnection)
        self.keeping.done.connect(window.tell_deed)
        self.archiving.done.connect(window.tell_deed)
        self.thinning.done.connect(window.tell_deed)
        window.details.offer_loading(self.reloading, self.load)

    # --- when they can be done ---

    def update(self) -> None:
        """Enable what can be done now; the rest says in its tip why not."""
        runs = self._window.tree.selected_runs()
        pipelines = bool(self._window.selection.chosen or len(self._window.catalog.table.chosen.rows()))
        known = self._runs()
        self._seen = (pipelines, bool(runs), any(run.failed for run in known))
        named = [run.dataset_name for run in known if run.dataset_name]
        self._datasets = list(dict.fromkeys([*self._window.tree.selected_datasets(), *named]))
        for action, why in self._rules:
            reason = self._no_workspace() or why()
            action.setEnabled(not reason)
            plain = action.text().replace("&", "").rstrip("…")
            action.setProperty("reason", reason)
            action.setToolTip(f"{plain}\n{reason}" if reason else plain)

    def _no_workspace(self) -> str:
        return "" if self._window.session.workspace is not None else tr("Open a workspace first.")

    def _written(self, why: Callable[[], str]) -> Callable[[], str]:
        """Return the rule of an action that changes the workspace."""

        def both() -> str:
            held = self._window.session.workspace
            return tr("The workspace is open for reading only.") if held is not None and held.read_only else why()

        return both

    def _no_pipelines(self) -> str:
        return "" if self._seen[0] else tr("Select a pipeline first.")

    def _nothing(self) -> str:
        return "" if self._seen[0] or self._seen[1] else tr("Select a pipeline or a run first.")

    def _nothing_to_report(self) -> str:
        if self._datasets or self._seen[1]:
            return ""
        return self._nothing() or tr("The run of the selected pipeline is not there.")

    def _no_dataset(self) -> str:
        return "" if self._datasets else tr("Select a dataset, a run or a pipeline first.")

    def _none_failed(self) -> str:
        return "" if self._seen[2] else tr("No pipeline of the selected run failed.")

    # --- what is selected ---

    def carried(self) -> Carried:
        """Return the selected pipelines; the runs selected in the tree where no pipeline is."""
        held = self._window.session.workspace
        chosen = self._window.selection.chosen
        return Carried(held.root if held is not None else Path(), chosen, tuple(self._window.tree.selected_runs()))

    def _runs(self) -> list[RunRow]:
        """Return the selected runs, and those of the selected pipelines."""
        carried, shown = self.carried(), self._window.tree.model.tree
        ids = {*carried.runs, *(one.run_id for one in carried.pipelines)}
        return [run for run in shown.known if run.run_id in ids] if shown is not None and ids else []

    def _only_of(self, run_id: str) -> str | list[str]:
        """Return which pipelines of a run are meant: all of a selected run, else those selected."""
        carried = self.carried()
        if run_id in carried.runs:
            return "all"
        return [one.pipeline_id for one in carried.pipelines if one.run_id == run_id]

    # --- doing ---

    def ask_keep(self, kind: str = "") -> None:
        """Ask as what to keep the selection in the library; a kind may be proposed, as by the tab in use."""
        self.keeping.ask(self.carried(), kind or self._window.library.kind_in_use)

    def ask_archive(self) -> None:
        """Ask as what to archive the selection, and show what that does."""
        pane = self._window.catalog
        ids, rows = pane.annotating.chosen_ids(), pane.selecting.chosen()
        by_rows = rows if not ids and len(rows.rows) else None  # the keyboard is there, or they are too many
        self.archiving.ask(Wanted(ids, by_rows, self.carried().runs))

    def ask_export(self) -> ExportDialog | None:
        """Ask what to take away and where to, then let it be done."""
        window, pane, held = self._window, self._window.catalog, self._window.session.workspace
        if held is None:
            return None
        carried = self.carried()
        there = self._with_folder(carried.pipelines)
        places = [(one.run_id, one.pipeline_id) for one in there] + [(run, "") for run in carried.runs]
        count = len(there) + sum(run.successful for run in self._runs() if run.run_id in carried.runs)
        listed = pane.model.listing is not None
        rows = (len(pane.table.chosen.rows()), len(pane.model.keys)) if listed else None
        columns = (len(pane.columns.shown_keys()), len(pane.model.columns))
        which = carried.pipelines[0].pipeline_id if len(carried.pipelines) == 1 else ""
        dialog = ExportDialog(
            window.settings, f"{held.name}-catalog", rows, columns, pane,
            pipelines=count, which=which, note=self._left_out(len(there)), tasks=window.tasks,
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if window.tree.tree.hasFocus():
            dialog.choose_pipelines(bool(places))
        elif rows is not None and not 0 < count <= FEW:
            dialog.choose_pipelines(False)

        def go() -> None:
            if dialog.takes_pipelines:
                self._take(held.root, TakeRequest(dialog.folder(), tuple(places), dialog.creates), count)
            else:
                pane.rows.export_rows(dialog)

        dialog.accepted.connect(go)
        dialog.open()
        return dialog

    def _with_folder(self, pipelines: Sequence[Picked]) -> list[Picked]:
        """Return the pipelines whose run is there, not in the catalog alone; all while the runs are not known."""
        shown = self._window.tree.model.tree
        if shown is None:
            return list(pipelines)
        there = {run.run_id for run in shown.known if run.folder}
        return [one for one in pipelines if one.run_id in there]

    def _left_out(self, there: int) -> str:
        """Say which of the selected pipelines can't be taken with their files, and why; empty where all can."""
        known, total = len(self._window.selection.chosen), self._window.selection.chosen_total
        lines = []
        if total > known:
            words = tr("With their files go the first {n} of the {total} selected ones; rows go of all.")
            lines.append(words.format(n=integer_text(known), total=integer_text(total)))
        if known == 1 and not there:
            lines.append(tr("The folder of its run is not there: the catalog alone has the result."))
        elif known > there:
            words = tr("Of {n} of them the folder of the run is not there: the catalog alone has the results.")
            lines.append(words.format(n=integer_text(known - there)))
        return " ".join(lines)

    def _take(self, root: Path, request: TakeRequest, count: int) -> None:
        name = counted(count, "Exporting {n} pipeline", "Exporting {n} pipelines")

        def end(taken: Taken) -> str:
            job.file = taken.folders[0]
            return taken.text()

        work = partial(take_pipelines, root, request)
        job = self._window.jobs.start(
            name, work, kept=tr("what was written stays"), done=end, lane="export", speaks=True
        )

    def go_to(self, run_folder: str, pipeline_id: str) -> None:
        """Select a pipeline by its place, or the run, in the tree and everywhere; a pipeline's details are shown."""
        window = self._window

        def show(found: Picked) -> None:
            window.show_pane(1)
            if found.pipeline_id:
                window.details_dock.show()
                window.details_dock.raise_()
                window.selection.pick(found)
                window.tree.show_current()
            else:
                window.tree.select_run(found.run_id)

        window.session.query(partial(fetch_at, run_folder, pipeline_id), show)

    def delete_at(self, run_folder: str, pipeline_id: str) -> None:
        """Move the folder of a pipeline to the trash, by its place."""
        work = partial(fetch_at, run_folder, pipeline_id)
        self._window.session.query(work, lambda found: self.deleting.delete(Doomed(pipelines=(found,))))

    def open_place(self, place: str) -> None:
        """Show the folder of a place below the workspace."""

        def show(folder: Path) -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

        self._window.session.query(partial(fetch_nearest, place), show)

    def report_on(self, dataset: str) -> None:
        """Write the report of a dataset."""
        self.reporting.write((Subject("dataset", dataset),))

    def datasets(self) -> list[str]:
        """Return the datasets of the runs there are, by name."""
        shown = self._window.tree.model.tree
        known = {run.dataset_name for run in shown.known} if shown is not None else set()
        return sorted(known - {""}, key=str.casefold)

    def _report(self) -> None:
        """Report on the datasets selected as such, and on the runs selected or those of the selected pipelines."""
        subjects = [Subject("dataset", name) for name in self._window.tree.selected_datasets()]
        subjects += [Subject("run", run.run_id, run_text(run)) for run in self._runs()]
        self.reporting.write(tuple(subjects))

    def _report_datasets(self) -> None:
        self.reporting.write(tuple(Subject("dataset", name) for name in self._datasets))

    def _show_in_catalog(self) -> None:
        self._window.query.put(one_of("run_id", [run.run_id for run in self._runs()]))
        self._window.show_pane(2)

    def _show_in_tree(self) -> None:
        self._window.show_pane(1)
        self._window.tree.show_current()

    def _foremost(self) -> Picked | None:
        """Return the current one of the selected pipelines, else the first."""
        chosen, current = self._window.selection.chosen, self._window.selection.current
        return current if current in chosen else next(iter(chosen), None)

    def _try_loading(self) -> None:
        one = self._foremost()
        if one is not None:
            self._window.show_pane(3)
            self._window.details.show_origin()
            self.reloading.try_loading((one.run_id, one.pipeline_id))

    def _open_folder(self) -> None:
        carried, one = self.carried(), self._foremost()
        run_id, pipeline_id = carried.runs[0] if carried.runs else "", ""
        if one is not None:
            run_id, pipeline_id = one.run_id, one.pipeline_id

        def show(folder: Path) -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

        self._window.session.query(partial(fetch_folder, run_id, pipeline_id), show)

    def _copy_name(self) -> None:
        carried = self.carried()
        if carried.pipelines:
            work = partial(fetch_labels, carried.pipelines[:MOST_NAMES])
            self._window.session.query(work, lambda names: QGuiApplication.clipboard().setText("\n".join(names)))
        else:
            QGuiApplication.clipboard().setText("\n".join(run_text(run) for run in self._runs()))

    def _copy_id(self) -> None:
        carried = self.carried()
        ids = [one.pipeline_id for one in carried.pipelines] or carried.runs
        QGuiApplication.clipboard().setText("\n".join(ids))

    def _each_run(self, act: Callable[..., object], only: str) -> None:
        for run in self._runs():
            if run.failed:
                act(run.run_id, only)

    def _first_run(self, act: Callable[..., object]) -> None:
        runs = self._runs()
        if runs:
            act(runs[0].run_id, self._only_of(runs[0].run_id))

    def _delete_folders(self) -> None:
        carried = self.carried()
        self.deleting.delete(Doomed(carried.runs, carried.pipelines))

    def _delete_results(self) -> None:
        pane = self._window.catalog
        if ids := pane.annotating.chosen_ids():
            self.deleting.delete(Doomed(results=ids))
            return
        chosen = pane.selecting.chosen()
        called = pane.model.listing.condition if pane.model.listing is not None else ""

        def go(ids: list[str]) -> None:
            self.deleting.delete(Doomed(results=tuple(ids), filter=called))

        self._window.session.query(lambda workspace: fetch_ids(chosen.chosen_keys(), workspace), go)

    # --- menus and drags ---

    def _show_menu(self, at: QPoint) -> None:
        rows = self._window.catalog.rows
        menu = QMenu(self._window.tree)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if (folding := self._window.tree.folding()) is not None:
            folding.setParent(menu)
            fill_menu(menu, [folding, *([None, self.report_dataset] if self.report_dataset.isEnabled() else [])])
            menu.popup(at)
            return
        fill_menu(menu, [
            self.show_in_catalog, self.open_folder, None,
            self.compare, self.preview, None, rows.tag, rows.note, rows.star, rows.stars, None,
            self.keep, self.archive, rows.export, self.copy_name, self.copy_id, None,
            self.load, self.report, self.report_dataset, None,
            self.rerun, self.run_again, self.run_elsewhere, None,
            self.delete_folder,
        ])  # fmt: skip
        menu.popup(at)

    def _drag(self) -> None:
        carried = self.carried()
        if not carried.pipelines:
            return
        table: QWidget = self._window.catalog.table
        drag = QDrag(table)
        drag.setMimeData(pack(carried, "\n".join(one.pipeline_id for one in carried.pipelines)))
        drag.exec(Qt.DropAction.CopyAction)


def fetch_folder(run_id: str, pipeline_id: str, workspace: Workspace) -> Path:
    """Find the folder of a run or pipeline; runs on the workspace's thread. Raises NotFound where it is gone."""
    from storage import NotFound

    row = next((run for run in workspace.runs() if run.run_id == run_id), None)
    folder = workspace.layout.run(row.folder) / pipeline_id if row is not None else None
    if folder is None or not folder.is_dir():
        raise NotFound(
            tr("The folder of {name} is not there.").format(name=pipeline_id or run_id),
            folder,
            tr("Its results stay in the catalog. Look in the trash for the folder."),
        )
    return folder


def fetch_at(run_folder: str, pipeline_id: str, workspace: Workspace) -> Picked:
    """Find the run in a folder, and a pipeline of it where one is named; runs on the workspace's thread.

    Raises NotFound where it is gone.
    """
    from storage import NotFound

    run = next((run for run in workspace.runs() if run.folder == run_folder), None)
    rows = workspace.pipelines(run.run_id) if run is not None and pipeline_id else []
    row = next((row for row in rows if row.pipeline_id == pipeline_id), None)
    if run is None or (pipeline_id and row is None):
        raise NotFound(
            tr("{name} is not there any more.").format(name=pipeline_id or run_folder), advice=tr("Check again.")
        )
    return Picked(run.run_id, pipeline_id, row.prediction_id if row is not None else "")


def fetch_nearest(place: str, workspace: Workspace) -> Path:
    """Find the folder that a place below the workspace is or lies in; runs on the workspace's thread."""
    path = workspace.root / place
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
