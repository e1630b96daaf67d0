"""The details of the selected pipeline: what it is made of, how good it is and where, its files and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from gui.formats import tr
from gui.models.run_groups import is_damaged
from gui.models.run_rows import run_words
from gui.panes.facts import dataset_of, fold_columns, fold_rows, parameter_rows, target_names, why_no_charts
from gui.panes.pipeline_charts import ChartPlace
from gui.panes.pipeline_copies import copies_word, copies_words
from gui.panes.pipeline_differences import DifferencesView, fetch_differences
from gui.panes.pipeline_files import Files
from gui.panes.pipeline_origin import Origin
from gui.panes.pipeline_reading import Found, fetch_details, same_predictions
from gui.panes.pipeline_summary import Head, Summary
from gui.panes.sheets import Sheet, folds_sheet, metric_title
from gui.query_text import equals
from gui.reloading import Reloading
from gui.selection import Sample, Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import theme
from gui.widgets import EmptyState, Veil, first_button

if TYPE_CHECKING:
    from gui.charts.page import Charts
    from gui.panes.samples import Samples
    from storage import PipelineDetails, RunRow

SUMMARY, SAMPLES, FOLDS, PARAMETERS, FILES, ORIGIN = range(6)
EMPTY, DETAILS, DIFFERENCES = range(3)
VEIL_MS = 300


class PipelinePane(QWidget):
    """Follows the selection and shows the selected pipeline; of several, what they differ in.

    `compare_wanted` asks to compare what is selected, `run_wanted` to show a run in the tree, `query_wanted` to look
    for results in the catalog, `charts_wanted` to load the charts soon, `check_wanted` to see what is damaged,
    `back_wanted` to bring back what a pipeline of a run had before it was thinned, `folder_wanted` to show a folder;
    `said` has a sentence, the words of a button, and what that does.
    """

    compare_wanted = Signal()
    back_wanted = Signal(str, str)
    folder_wanted = Signal(str)
    run_wanted = Signal(str)
    query_wanted = Signal(str)
    charts_wanted = Signal()
    check_wanted = Signal()
    said = Signal(str, str, object)

    def __init__(
        self, session: Session, selection: Selection, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._settings = session, selection, settings
        self._found: Found | None = None
        self._row = -1  # of the sample that was chosen here
        self._samples: Samples | None = None
        self._preview_wanted = False
        self.details: PipelineDetails | None = None
        self._place = ChartPlace(session, settings)
        self._place.pointed.connect(self._point)
        self._place.cell_chosen.connect(self._show_cell)
        self._place.picture_written.connect(self._tell_picture)
        self._pages = QStackedWidget()
        self._make_tabs()
        self._lay_out()
        selection.changed.connect(self._follow)
        selection.chosen_changed.connect(self._follow_chosen)
        selection.sample_changed.connect(self._mark)
        session.changed.connect(self._follow)
        theme().changed.connect(self._recolour)

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setObjectName("detailTabs")
        self.tabs.setAccessibleName(tr("Details of the selected pipeline"))
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setUsesScrollButtons(True)
        self.tabs.tabBar().setElideMode(Qt.TextElideMode.ElideNone)
        self._head = Head()
        self._summary = Summary()
        self._summary.step_chosen.connect(self._show_step)
        self._samples_place = QWidget()
        self._samples_place.setObjectName("paper")
        self._samples_place.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        QVBoxLayout(self._samples_place).setContentsMargins(0, 0, 0, 0)
        self._folds = folds_sheet()
        self._parameters = Sheet([tr("Step"), tr("Parameter"), tr("Value")], tr("Parameters by step"))
        self._steps_start: list[int] = []
        self._files = Files()
        self._about = Origin()
        self._about.run_wanted.connect(self.run_wanted)
        self._about.query_wanted.connect(self.query_wanted)
        self._about.copies.back_wanted.connect(self.back_wanted)
        self._about.copies.folder_wanted.connect(self.folder_wanted)
        for page, title in (
            (self._summary, tr("Summary")), (self._samples_place, tr("Samples")), (self._folds, tr("Folds")),
            (self._parameters, tr("Parameters")), (self._files, tr("Files")), (self._about, tr("Origin")),
        ):  # fmt: skip
            self.tabs.addTab(page, title)
        self.tabs.setCurrentIndex(min(max(0, self._settings.detail_tab), self.tabs.count() - 1))

    def _lay_out(self) -> None:
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.tabs)
        self._split.addWidget(self._place)
        self._split.setSizes(self._settings.detail_split or [340, 320])
        self.tabs.setMinimumHeight(160)
        self._place.setMinimumHeight(160)
        self._run: RunRow | None = None  # that is selected, where no pipeline is
        self._empty = EmptyState(*_nothing_selected())
        self._check = self._empty.offer(tr("Check…"), self.check_wanted.emit)
        self._check.setToolTip(tr("Check the workspace, and see in Health what can be done"))
        self._results = self._empty.offer(tr("Show its results"), self._show_results)
        self._check.hide()
        self._results.hide()
        self._differences = DifferencesView()
        self._differences.compare_wanted.connect(self.compare_wanted)
        self._differences.details_wanted.connect(lambda: self._pages.setCurrentIndex(DETAILS))
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head)
        layout.addWidget(self._split, 1)
        for page in (self._empty, body, self._differences):
            self._pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        self.veil = Veil(body, VEIL_MS)  # over what belongs to another pipeline than the selected one

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, None while there is nothing to see."""
        pages = {DETAILS: self.tabs, DIFFERENCES: self._differences.sheet}
        return pages.get(self._pages.currentIndex()) or first_button(self._empty)

    def explain_run(self, run: RunRow | None) -> None:
        """Say what came of the run that is selected, or what is damaged of it, where no pipeline is."""
        self._run = run
        if self._selection.current is None:
            self._show_nothing()

    def _show_nothing(self) -> None:
        run = self._run
        damaged = run is not None and is_damaged(run)
        self._check.setVisible(damaged)
        self._results.setVisible(run is not None and not damaged)
        if run is None:
            self._empty.say(*_nothing_selected())
        else:
            self._empty.say(*((tr("This run is damaged"), run.problem or "") if damaged else run_words(run)))

    def _show_results(self) -> None:
        if self._run is not None:
            self.query_wanted.emit(equals("run_id", self._run.run_id))

    def load_samples(self) -> None:
        """Make the table of samples; done after the first paint as it loads numpy."""
        if self._samples is not None:
            return
        from gui.panes.samples import Samples

        self._samples = Samples(self._session.tasks)
        self._samples.row_chosen.connect(self._point_row)
        layout = self._samples_place.layout()
        assert layout is not None
        layout.addWidget(self._samples)

    def load_charts(self) -> None:
        """Make the charts, and the table of samples; done after the first paint as they load pyqtgraph."""
        if self.charts is not None:
            return
        self.load_samples()
        self._place.load()
        self._show_again()
        if self._preview_wanted:
            self.preview()

    def offer_remarks(self, actions: Sequence[QAction]) -> None:
        """Let these actions change stars, tags and notes where they are shown."""
        self._head.remarks.addActions(list(actions))

    def offer_loading(self, reloading: Reloading, action: QAction) -> None:
        """Let this action find out whether the pipeline still loads; what is known of that is shown with its origin."""
        self._about.offer_loading(reloading, action)

    def show_hidden(self, count: int, current: bool) -> None:
        """Say how many of the selected ones, and whether the current one, a filter hides from the table."""
        self._head.hidden.setVisible(current)
        self._differences.show_hidden(count)

    def show_origin(self) -> None:
        """Show where the pipeline comes from, and whether it still loads."""
        self.tabs.setCurrentIndex(ORIGIN)

    def save(self) -> None:
        """Remember the tab, the division and the charts chosen."""
        self._settings.detail_tab = self.tabs.currentIndex()
        self._settings.detail_split = self._split.sizes()
        self._place.save()

    @property
    def charts(self) -> Charts | None:
        """The charts, once made."""
        return self._place.charts

    @property
    def samples(self) -> Samples | None:
        """The table of samples, once made."""
        return self._samples

    def preview(self) -> None:
        """Show the charts large in a window of their own, or put them back; as soon as they are there."""
        self._preview_wanted = self.charts is None
        if self._preview_wanted:
            self.charts_wanted.emit()
        else:
            self._place.preview()

    def _tell_picture(self, path: Path) -> None:
        show = partial(QDesktopServices.openUrl, QUrl.fromLocalFile(str(path.parent)))
        self.said.emit(tr("The picture is saved as {name}.").format(name=path.name), tr("Show folder"), show)

    # --- following the selection ---

    def _follow(self) -> None:
        picked = self._selection.current
        if picked is None:
            self.veil.lift()
            self._found, self.details = None, None
            self._show_nothing()
            self._pages.setCurrentIndex(EMPTY)
            return
        work = partial(fetch_details, picked, self._place.wants_roc)

        def show(found: Found) -> None:
            if self._selection.current == picked:  # else nothing is selected any more
                self._show(found)

        def refuse(problem: Problem) -> None:
            if self._selection.current == picked:
                self._refuse(problem)

        shown = self.details
        if shown is None or (shown.run_id, shown.pipeline_id) != (picked.run_id, picked.pipeline_id):
            self.veil.wait()
        self._session.query(work, show, refuse, topic="details", quiet=True)

    def _follow_chosen(self) -> None:
        chosen, total = self._selection.chosen, self._selection.chosen_total
        if total < 2:
            if self._pages.currentIndex() == DIFFERENCES:
                self._pages.setCurrentIndex(DETAILS if self.details is not None else EMPTY)
            return
        self._differences.show_count(total)
        self._pages.setCurrentIndex(DIFFERENCES)
        work = partial(fetch_differences, chosen, total)
        self._session.query(work, self._differences.show_differences, topic="differences", quiet=True)

    def _refuse(self, problem: Problem) -> None:
        self.veil.lift()
        self._found, self.details = None, None
        self._check.hide()
        self._results.hide()
        self._empty.say(problem.what, problem.advice)
        if self._selection.chosen_total < 2:
            self._pages.setCurrentIndex(EMPTY)
        if problem.kind == "bug":
            self._session.tasks.unhandled.emit(problem)

    def _show_again(self) -> None:
        """Draw what is known anew, in charts that are there only now."""
        found, self._found = self._found, None
        if found is not None:
            self._show(found)

    def _recolour(self) -> None:
        """Show what is known in other colours; the charts do so themselves."""
        if self._found is not None:
            self._show(self._found)

    def _show(self, found: Found) -> None:
        if self.charts is None:
            self.charts_wanted.emit()  # all but them is shown at once
        self.veil.lift()
        details, before = found.details, self._found
        self._found, self.details = found, details
        self._head.show_details(details)
        self._head.remarks.show_remarks(found.remarks)
        self._head.show_copies(copies_word(details, found.archives), copies_words(details, found.archives))
        self._summary.show_details(details)
        parameters = parameter_rows(details.chain.steps if details.chain is not None else ())
        self._steps_start = parameters.starts
        self._parameters.fill(parameters.rows, muted=parameters.defaults)
        self._files.show_details(details)
        self._about.show_details(details)
        held = self._session.workspace
        self._about.copies.show_copies(details, found.archives, may_write=held is not None and not held.read_only)
        validation = details.metrics.get("cross_validation") or {}
        self._folds.fill(fold_rows(validation), columns=[tr("Fold"), *map(metric_title, fold_columns(validation))])
        # However often the disk is looked at: zoom and all stay as long as the predictions are the same.
        if before is None or not same_predictions(before, found):
            if self._samples is not None:
                self._samples.show_rows(found.data.rows, target_names(details)[0], why_no_charts(details))
            self._place.show_found(found)
            self._mark()
        if self._selection.chosen_total < 2:
            self._pages.setCurrentIndex(DETAILS)

    # --- samples ---

    def _point_row(self, row: int) -> None:
        """Select the sample of a row of the table."""
        if self._found is not None:
            self._point(int(self._found.data.rows.samples[row]), row)

    def _point(self, sample: int, row: int) -> None:
        """Select a sample in the whole window; `row` is its row in SampleRows, -1 where no single one is meant."""
        if self.details is None or self._found is None:
            return
        rows = self._found.data.rows
        mine = rows.of_sample(sample)
        wanted = Sample(dataset_of(self.details), sample, rows.names[int(mine[0])] if len(mine) else "")
        self._row = row
        if wanted == self._selection.sample:
            self._mark()  # another row of the same sample
        else:
            self._selection.point(wanted)

    def _mark(self) -> None:
        """Highlight the selected sample, if it is one of this pipeline's dataset."""
        sample, row = self._selection.sample, self._row
        self._row = -1
        if self.details is None or self._samples is None or self.charts is None:
            return
        mine = sample is not None and sample.dataset_name == dataset_of(self.details)
        index = sample.index if mine and sample is not None else None
        self._samples.mark(index, row)
        here = self._samples.current_row()
        self.charts.mark(index, row if row >= 0 or here is None else here)

    def _show_cell(self, partition: str, rows: Any, words: str) -> None:
        """List the samples of a cell of the confusion matrix and go to the first."""
        if self._samples is not None:
            self._samples.narrow(rows, words)
            self.tabs.setCurrentIndex(SAMPLES)
            self._point_row(int(rows[0]))

    def _show_step(self, number: int) -> None:
        """Go to the parameters of a step."""
        self.tabs.setCurrentIndex(PARAMETERS)
        if number < len(self._steps_start):
            row = self._steps_start[number]
            self._parameters.setCurrentCell(row, 0)
            self._parameters.scrollTo(self._parameters.model().index(row, 0), Sheet.ScrollHint.PositionAtTop)
            self._parameters.setFocus(Qt.FocusReason.OtherFocusReason)


def _nothing_selected() -> tuple[str, str]:
    return tr("No pipeline selected"), tr("Select one in the catalog or the tree to see what it is made of.")
