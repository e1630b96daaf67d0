"""Pipelines side by side: their steps, metrics and predictions against a baseline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from gui.comparison import FEWEST, MOST, Comparison
from gui.formats import integer_text, tr
from gui.models.compared import Compared, Facts, fetch_chains, fetch_errors, fetch_facts, fetch_folds, labels
from gui.panes.compare_errors import ErrorsView
from gui.panes.compare_folds import FoldsView
from gui.panes.compare_metrics import MetricsView
from gui.panes.compare_parity import ParityView
from gui.panes.compare_samples import SamplesView
from gui.panes.compare_steps import StepsView
from gui.panes.compare_strip import PARTITIONS, CompareStrip
from gui.panes.compare_table import CompareTable
from gui.selection import Picked, Sample, Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import theme
from gui.widgets import EmptyState, EnterButton

if TYPE_CHECKING:
    from storage import ChainGrid, FoldComparisons, SampleErrors

STEPS, METRICS, PARITY, SAMPLES, FOLDS = range(5)

T = TypeVar("T")


class ComparePane(QWidget):
    """Follows the comparison and shows what is in it; what is not looked at is not fetched.

    Each tab has the pipelines as rows or beside a chart. The current pipeline and the selected sample are those of the
    whole window. `shown` tells that a tab shows everything it was asked for, `compare_wanted` asks to compare what is
    selected.
    """

    shown = Signal()
    compare_wanted = Signal()

    def __init__(
        self,
        session: Session,
        selection: Selection,
        comparison: Comparison,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self.comparison, self._settings = session, selection, comparison, settings
        self.pipelines: list[Compared] = []
        self._facts: Facts | None = None
        self._errors: SampleErrors | None = None
        self._unit = self._nothing = ""
        self._stale: set[int] = set()
        self._unseen = False
        self._partition = settings.compare_partition
        self.steps, self.metrics, self.folds = StepsView(), MetricsView(), FoldsView()
        self.parity, self.samples = ParityView(), SamplesView()
        self._empty = EmptyState("", "")
        self.compare_selected = self._empty.offer("", self.compare_wanted.emit, primary=True)
        self.compare_instead = EnterButton()
        self.compare_instead.setToolTip(tr("Others are selected than those compared here"))
        self.compare_instead.clicked.connect(self.compare_wanted)
        self._make_actions()
        self._make_tabs()
        self._pages = QStackedWidget()
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        self.strip = CompareStrip((self.take_out, self.take_all_out))
        others = QHBoxLayout()
        others.setContentsMargins(12, 0, 12, 0)
        others.addWidget(self.compare_instead)
        others.addStretch(1)
        inside.addWidget(self.strip)
        inside.addLayout(others)
        inside.addWidget(self.tabs, 1)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)
        self._connect()
        self._reload()

    # --- making ---

    def _make_actions(self) -> None:
        self.make_baseline = self._action(tr("Measure against this &pipeline"), self._measure, "B")
        self.take_out = self._action(tr("&Take out of the comparison"), self._take_out, "Del", "cancel")
        self.copy_picture = self._action(tr("Copy picture of the comparison"), self._copy_picture, "")
        self.save_picture = self._action(tr("Save picture of the comparison…"), lambda: self.ask_picture(), "")
        self.take_all_out = self._action(tr("Compare &nothing"), self.comparison.clear, "", "clear")

    def _action(self, text: str, act: Callable[[], object], keys: str, icon: str = "") -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda _checked=False: act())
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if icon:
            theme().dress(action, icon)
        self.addAction(action)
        return action

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setObjectName("compareTabs")
        self.tabs.setAccessibleName(tr("Parts of the comparison"))
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setElideMode(Qt.TextElideMode.ElideNone)
        for view, title in (
            (self.steps, tr("Steps")), (self.metrics, tr("Metrics")), (self.parity, tr("Parity")),
            (self.samples, tr("Samples")), (self.folds, tr("Is it better?")),
        ):  # fmt: skip
            self.tabs.addTab(view, title)
        self.tabs.setCurrentIndex(min(max(0, self._settings.compare_tab), self.tabs.count() - 1))

    def _connect(self) -> None:
        self.comparison.changed.connect(self._rearrange)
        self._session.changed.connect(self._reload)
        self._selection.changed.connect(self._follow)
        self._selection.sample_changed.connect(self._follow)
        self._selection.chosen_changed.connect(self._offer_selected)
        self.tabs.currentChanged.connect(lambda _: self._fetch())
        self.strip.target_chosen.connect(self._forget_errors)
        self.strip.partition_chosen.connect(self.show_partition)
        self.strip.baseline_chosen.connect(self.comparison.measure_against)
        self.folds.wanted.connect(lambda: self._spoil(FOLDS))
        for view in (self.steps, self.metrics, self.parity, self.samples, self.folds):
            view.picked.connect(self._selection.pick)
            view.table.addActions([self.make_baseline, self.take_out])
        for errors_view in self._error_views():
            errors_view.sampled.connect(self._point)
            errors_view.picture_wanted.connect(lambda: self.ask_picture())

    def _error_views(self) -> tuple[ErrorsView, ErrorsView]:
        return self.parity, self.samples

    # --- the window's side ---

    @property
    def first(self) -> QWidget:
        """What to go to first: the table of the tab that is in front."""
        return self.table() if self._pages.currentIndex() == 1 else self._empty

    def table(self) -> CompareTable:
        """Return the table of the tab that is in front."""
        return (self.steps, self.metrics, self.parity, self.samples, self.folds)[self.tabs.currentIndex()].table

    def all(self) -> list[QAction]:
        """Return every command of the comparison."""
        return [self.make_baseline, self.take_out, self.take_all_out, self.copy_picture, self.save_picture]

    def chart_loads(self) -> list[Callable[[], None]]:
        """Return what makes the charts, one by one; for after the first paint because they load pyqtgraph."""
        return [view.load_charts for view in self._error_views()]

    def begin(self) -> None:
        """Compare what is selected, where nothing is compared yet; more than can be compared are only offered."""
        if not self.comparison.pipelines and FEWEST <= self._selection.chosen_total <= MOST:
            self.compare_wanted.emit()

    def save(self) -> None:
        """Remember how it was left."""
        self._settings.compare_tab = self.tabs.currentIndex()
        self._settings.compare_partition = self._partition

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._unseen:
            self._reload()

    # --- fetching ---

    def _reload(self) -> None:
        """Look at the compared pipelines anew, as soon as somebody sees it."""
        pipelines = self.comparison.pipelines
        if len(pipelines) < FEWEST:
            self._show_empty(pipelines)
            return
        self._unseen = not self.isVisible()
        self._offer_selected()
        if not self._unseen:
            ids = [one.prediction_id for one in pipelines]
            work, take = partial(fetch_facts, ids), partial(self._take_answer, frozenset(ids))
            self._session.query(work, take, topic="compare-facts", quiet=bool(self.pipelines))

    def _rearrange(self) -> None:
        """Show another choice of pipelines or another baseline: at once where all of them are known."""
        facts, pipelines = self._facts, self.comparison.pipelines
        known = facts is not None and all(one.prediction_id in facts.rows for one in pipelines)
        if facts is not None and known and len(pipelines) >= FEWEST and self.isVisible():
            self._take_facts(facts)
        else:
            self._reload()

    def _show_empty(self, pipelines: tuple[Picked, ...]) -> None:
        self.pipelines, self._facts, self._errors, self._unseen = [], None, None, False
        text = tr("Select two or more pipelines in the catalog and press C.")
        if pipelines:
            text = tr("One pipeline is set aside. Select another one in the catalog and press C.")
        self._nothing = text
        self._offer_selected()
        self._pages.setCurrentIndex(0)

    def _offer_selected(self) -> None:
        """Offer to compare what is selected, where that is not what is; say nothing while the compared are read."""
        count = self._selection.chosen_total
        awaited = len(self.comparison.pipelines) >= FEWEST
        others = set(self._selection.chosen) != set(self.comparison.pipelines)
        self.compare_instead.setVisible(awaited and others and FEWEST <= count <= MOST)
        self.compare_instead.setText(tr("Compare the {n} selected instead").format(n=count))
        ready = count >= FEWEST and not awaited
        self.compare_selected.setVisible(ready)
        words = tr("Compare the {n} selected") if count <= MOST else tr("Compare the first {n} selected")
        self.compare_selected.setText(words.format(n=min(count, MOST)))
        if awaited:
            self._empty.say("", "")
        elif ready:
            self._empty.say(tr("{n} pipelines selected").format(n=integer_text(count)), "")
        else:
            self._empty.say(tr("Nothing to compare yet"), self._nothing)

    def _take_answer(self, asked: frozenset[str], facts: Facts) -> None:
        """Take what was asked for; of a pipeline that was added since the answer knows nothing, so ask again."""
        if all(one.prediction_id in asked for one in self.comparison.pipelines):
            self._take_facts(facts)
        else:
            self._reload()

    def _take_facts(self, facts: Facts) -> None:
        """Show the pipelines by what the catalog now says of them; one that it lost is no longer compared."""
        gone = [one for one in self.comparison.pipelines if one.prediction_id not in facts.rows]
        if gone:
            self.comparison.remove(gone)  # comes back here without them
            return
        if len(self.comparison.pipelines) < FEWEST:
            return
        rows = [facts.rows[one.prediction_id] for one in self.comparison.pipelines]
        pipelines = [
            Compared(
                one,
                label,
                self.comparison.place(one),
                one == self.comparison.baseline,
                row,
            )
            for one, label, row in zip(self.comparison.pipelines, labels(rows), rows, strict=True)
        ]
        if pipelines == self.pipelines and self._facts is not None and facts.rows == self._facts.rows:
            self._fetch()
            return
        same_set = {one.picked for one in pipelines} == {one.picked for one in self.pipelines}
        self.pipelines, self._facts = pipelines, facts
        self._stale = {STEPS, METRICS, PARITY, SAMPLES, FOLDS}
        if not same_set:
            self._errors = None
        self._show_strip()
        for view in (self.steps, self.metrics, self.folds):
            view.model.put(pipelines)
        self._pages.setCurrentIndex(1)
        self._follow()
        self._fetch()

    def _show_strip(self) -> None:
        """Show the baseline, and the partitions there are."""
        assert self._facts is not None
        base = next(one for one in self.pipelines if one.baseline)
        rows = [one.row for one in self.pipelines]
        known = {
            name.partition("_")[0] for name in self._facts.metrics if any(row.get(name) is not None for row in rows)
        }
        there = [name for name in PARTITIONS if name in known] or list(PARTITIONS)
        if self._partition not in there:
            self._partition = there[0]
        self.strip.show_pipelines(self.pipelines, there, self._partition)
        self.folds.offer(self._facts.fold_metrics.get(str(base.row.get("task_type") or "regression"), []))

    def _fetch(self) -> None:
        """Bring the tab in front up to date."""
        tab = self.tabs.currentIndex()
        for action in (self.copy_picture, self.save_picture):
            action.setEnabled(tab in (PARITY, SAMPLES) and bool(self.pipelines))
        self.strip.enable(partitions=tab in (METRICS, PARITY, SAMPLES), targets=tab in (PARITY, SAMPLES))
        if self._facts is None or tab not in self._stale or not self.pipelines:
            return
        ids = [one.picked.prediction_id for one in self.pipelines]
        base = next(one.picked.prediction_id for one in self.pipelines if one.baseline)
        if tab == STEPS:
            self._session.query(
                partial(fetch_chains, ids, base), self._if_asked(self._show_chains), topic="compare-steps"
            )
        elif tab == METRICS:
            self.metrics.model.show_facts(self._facts, self._partition)
            self._done(METRICS)
        elif tab == FOLDS:
            if self.folds.chosen_metric:
                work = partial(fetch_folds, ids, self.folds.chosen_metric, base, self.folds.rope)
                show, refuse = self._if_asked(self._show_folds), self._if_asked(self._no_folds)
                self._session.query(work, show, refuse, topic="compare-folds")
        elif self._errors is not None:
            self._show_errors((self._errors, self._unit))
        else:
            work_errors = partial(fetch_errors, ids, self._partition, self.strip.target)
            self._session.query(work_errors, self._if_asked(self._show_errors), topic="compare-errors")

    def _if_asked(self, show: Callable[[T], None]) -> Callable[[T], None]:
        """Show an answer only if the question still stands: else it is of others, and its tab is asked for again."""
        asked = self._question()

        def take(answer: T) -> None:
            if self._question() == asked:
                show(answer)

        return take

    def _question(self) -> tuple[object, ...]:
        """Return what answers depend on."""
        compared = tuple((one.picked, one.baseline) for one in self.pipelines)
        return compared, self._partition, self.strip.target

    def _spoil(self, *tabs: int) -> None:
        self._stale.update(tabs)
        self._fetch()

    def _done(self, tab: int) -> None:
        self._stale.discard(tab)
        self._follow()
        self.shown.emit()

    def _show_chains(self, grid: ChainGrid) -> None:
        self.steps.show_grid(grid)
        self._done(STEPS)

    def _show_folds(self, found: FoldComparisons) -> None:
        self.folds.show_found(found)
        self._done(FOLDS)

    def _no_folds(self, problem: Problem) -> None:
        self.folds.refuse(f"{problem.what} {problem.advice}".strip())
        self._done(FOLDS)

    def _show_errors(self, found: tuple[SampleErrors, str]) -> None:
        self._errors, self._unit = found
        self.strip.offer_targets(self._errors.targets)
        tab = self.tabs.currentIndex()
        if tab in (PARITY, SAMPLES):
            (self.parity if tab == PARITY else self.samples).show_errors(self._errors, self.pipelines, self._unit)
            self._done(tab)

    def show_partition(self, partition: str) -> None:
        """Show the metrics and errors of a partition: train, val or test."""
        if partition != self._partition:
            self._partition = partition
            self._stale.add(METRICS)
            self._forget_errors()
        self.strip.check(partition)

    def _forget_errors(self) -> None:
        self._errors = None
        self._spoil(PARITY, SAMPLES)

    # --- selection ---

    def _follow(self) -> None:
        """Show the current pipeline and the selected sample in every part."""
        picked, sample, errors = self._selection.current, self._selection.sample, self._errors
        for view in (self.steps, self.metrics, self.folds):
            view.table.show_current(picked)
        here = picked is not None and any(one.picked == picked for one in self.pipelines)
        for action in (self.make_baseline, self.take_out):
            action.setEnabled(here)
        place = -1
        if errors is not None and sample is not None and sample.dataset_name == errors.dataset_name:
            place = next((n for n, row in enumerate(errors.samples) if row == sample.index), -1)
        for chart in self._error_views():
            current = next((n for n, one in enumerate(chart.pipelines) if one.picked == picked), -1)
            chart.point(current, place if chart.errors is errors else -1)

    def _point(self, place: int) -> None:
        if self._errors is not None:
            index, name = int(self._errors.samples[place]), self._errors.sample_names[place]
            self._selection.point(Sample(self._errors.dataset_name, index, name))

    # --- doing ---

    def ask_picture(self) -> QFileDialog | None:
        """Ask where a picture of the chart in front goes, and write it there."""
        from gui.charts.picture import ask_for_picture

        view = self.tabs.currentWidget()
        if not isinstance(view, ErrorsView) or view.plot is None or not self.pipelines:
            return None
        name = "comparison-parity" if view is self.parity else "comparison-samples"
        return ask_for_picture(view.plot, name, self._session.tasks, self._settings)

    def _copy_picture(self) -> None:
        view = self.tabs.currentWidget()
        if isinstance(view, ErrorsView) and view.plot is not None:
            view.plot.copy_picture()

    def _measure(self) -> None:
        """Make the current pipeline the baseline."""
        if self._selection.current in self.comparison.pipelines:
            self.comparison.measure_against(self._selection.current)

    def _take_out(self) -> None:
        """Compare the selected pipelines of the table in front no more; else the current one."""
        chosen = self.table().chosen()
        current = self._selection.current
        self.comparison.remove(chosen or ([current] if current is not None else []))
