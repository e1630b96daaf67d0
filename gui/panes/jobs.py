"""The jobs pane: what is being worked on, how far it is and how it ended, its pipelines, its log, and what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    SignalInstance,
)
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from gui.formats import duration_text, tr
from gui.jobs import LINES_KEPT, Job, Jobs
from gui.models.jobs import FAILED_ROLE, SHARE_ROLE, JobsModel, event_text, event_title, metric_text
from gui.selection import Picked
from gui.settings import Settings
from gui.shortening import Cells
from gui.theme import GRID, ROW_HEIGHT, theme
from gui.widgets import EmptyState, first_button

if TYPE_CHECKING:
    from storage import PipelineEvent

LEAST_COUNT = 72  # pixels beside a bar, so that those of most jobs end in line
RESULT_WIDTH = 152  # pixels; what most pipelines come to fits in


class _Bar(Cells):
    """Paints the progress of a job as a bar with its count beside it.

    A pipeline has what came of it instead, of which the number is never cut.
    """

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        share = index.data(SHARE_ROLE)
        if share is None:
            super().paint(painter, option, index)
            return
        whole = QStyleOptionViewItem(option)
        text = str(index.data())
        self.initStyleOption(whole, index)
        whole.text = ""
        if whole.widget is not None:
            whole.widget.style().drawControl(
                whole.widget.style().ControlElement.CE_ItemViewItem, whole, painter, whole.widget
            )
        area = QRectF(whole.rect).adjusted(GRID, 0, -GRID, 0)
        words = max(LEAST_COUNT, whole.fontMetrics.horizontalAdvance(text) + GRID)
        bar = QRectF(area.left(), area.center().y() - 3, max(0.0, area.width() - words), 6)
        colours = theme().colours
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(bar, 3, 3)
        if share > 0:
            painter.setBrush(QColor(colours.bad if index.data(FAILED_ROLE) else colours.accent))
            painter.drawRoundedRect(
                QRectF(bar.topLeft(), bar.bottomLeft()).adjusted(0, 0, bar.width() * share, 0), 3, 3
            )
        painter.setPen(QColor(colours.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, ROW_HEIGHT)


class _JobsTree(QTreeView):
    """The tree with its two keys: Space pauses and resumes, Delete cancels."""

    pause_wanted = Signal()
    cancel_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self.pause_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.cancel_wanted.emit()
        else:
            super().keyPressEvent(event)


class JobsPane(QWidget):
    """Lists the jobs and their pipelines beside the log, or the traceback, of what is selected.

    `rerun_wanted` asks to train the failed pipelines of a job again, `rest_wanted` what a stopped one left undone,
    `results_wanted` to show a run, `picked` to select a pipeline everywhere, `new_run_wanted` for the next one.
    """

    new_run_wanted = Signal()
    rerun_wanted = Signal(object)  # the Job
    rest_wanted = Signal(object)
    results_wanted = Signal(str)
    picked = Signal(object)  # Picked: a pipeline somebody opened with Enter or a double click

    def __init__(self, jobs: Jobs, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._settings = jobs, settings
        self._resuming = False  # what the pause button does
        self.model = JobsModel(jobs, self)
        self.table = _JobsTree()
        self._make_table()
        self._make_log()
        self._make_buttons()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(self.table)
        self._split.addWidget(self.log)
        self._split.setChildrenCollapsible(False)
        self._split.setStretchFactor(0, 1)
        self._split.setSizes(settings.jobs_split or [600, 300])
        self._empty = EmptyState(
            tr("Nothing is being worked on"),
            tr("Training, exports and checks are listed here, with progress and log, while they run and afterwards."),
        )
        self._empty.offer(tr("New run…"), self.new_run_wanted.emit)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._listing())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        jobs.began.connect(self._begin)
        jobs.logged.connect(self._follow_log)
        jobs.changed.connect(lambda _: self._show_buttons())
        jobs.cleared.connect(self._show)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show())
        self.table.activated.connect(lambda _: self._pick())
        theme().changed.connect(self.table.viewport().update)
        self._show()

    def save(self) -> None:
        """Remember the division."""
        self._settings.jobs_split = self._split.sizes()

    def selected(self) -> Job | None:
        """Return the selected job, or the one whose pipeline is selected."""
        return self.model.job(self.table.currentIndex())

    def pipeline(self) -> PipelineEvent | None:
        """Return the selected pipeline."""
        return self.model.pipeline(self.table.currentIndex())

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, None where nothing takes it."""
        return self.table if self._jobs.jobs else first_button(self._empty)

    # --- making ---

    def _make_table(self) -> None:
        table = self.table
        table.setObjectName("jobsTable")
        table.setAccessibleName(tr("Jobs and their pipelines"))
        table.setModel(self.model)
        table.setItemDelegateForColumn(0, Cells(table))  # the ends of names tell them apart
        table.setItemDelegateForColumn(1, _Bar(table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setUniformRowHeights(True)
        table.setAllColumnsShowFocus(True)
        table.setExpandsOnDoubleClick(True)
        table.setIndentation(16)
        table.setStyleSheet(f"QTreeView::item {{ height: {ROW_HEIGHT}px; padding: 0 5px; }}")
        header = table.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        times = [words.format(time=duration_text(3599)) for words in (tr("took {time}"), tr("{time} left"))]
        longest = max(map(table.fontMetrics().horizontalAdvance, times))
        for column, width in ((1, RESULT_WIDTH), (2, longest + 3 * GRID), (3, 120)):
            header.resizeSection(column, width)
        table.pause_wanted.connect(self._pause_or_resume)
        table.cancel_wanted.connect(self._cancel)

    def _make_log(self) -> None:
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(LINES_KEPT)
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setMinimumWidth(160)
        self._shown: tuple[Job | None, PipelineEvent | None, int] = (None, None, 0)

    def _make_buttons(self) -> None:
        def button(text: str, icon: str, act: Callable[[], object], tip: str) -> QPushButton:
            made = QPushButton(text)
            made.setToolTip(tip)
            theme().dress(made, icon)
            made.clicked.connect(lambda: act())
            return made

        self.pause_button = button(
            tr("&Pause"), "pause", self._pause_or_resume, tr("Wait after what is being fitted, and go on later (Space)")
        )
        self.cancel_button = button(tr("Ca&ncel job"), "cancel", self._cancel, tr("Stop this job (Delete)"))
        self.clear_button = button(
            tr("Clear &ended"), "clear", self._jobs.clear_ended, tr("Take the jobs that ended off this list")
        )
        self.rerun_button = button(
            tr("Rerun &failed"), "rescan", lambda: self._want(self.rerun_wanted),
            tr("Train the pipelines that failed again, with the same data and options"),
        )  # fmt: skip
        self.rest_button = button(
            tr("Run the r&est"), "run", lambda: self._want(self.rest_wanted),
            tr("Train what was not trained before the job was stopped"),
        )  # fmt: skip
        self.results_button = button(
            tr("Show res&ults"), "search", self._want_results, tr("List the results of this run in the catalog")
        )
        self.copy_button = button(tr("&Copy log"), "copy", self._copy, tr("Copy all of this text"))

    def _listing(self) -> QWidget:
        """Return the jobs and the log with one row of buttons below both."""
        row = QHBoxLayout()
        row.setContentsMargins(GRID, 4, GRID, 4)
        row.setSpacing(GRID)
        for button in (self.pause_button, self.cancel_button, self.rerun_button, self.rest_button, self.results_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.copy_button)
        row.addWidget(self.clear_button)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._split, 1)
        layout.addLayout(row)
        return page

    # --- acting ---

    def _begin(self, _job: Job) -> None:
        index = self.model.index(0, 0)
        self.table.setExpanded(index, True)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(index, flags)
        self._show()

    def _pause_or_resume(self) -> None:
        job = self.selected()
        if job is not None:
            (self._jobs.resume if job.can_resume else self._jobs.pause)(job)

    def _cancel(self) -> None:
        job = self.selected()
        if job is not None:
            self._jobs.cancel(job)

    def _want(self, signal: SignalInstance) -> None:
        job = self.selected()
        if job is not None:
            signal.emit(job)

    def _want_results(self) -> None:
        job = self.selected()
        if job is not None and job.run_id:
            self.results_wanted.emit(job.run_id)

    def _pick(self) -> None:
        event = self.pipeline()
        if event is not None and event.prediction_id:
            self.picked.emit(Picked(event.run_id, event.pipeline_id, event.prediction_id))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.log.toPlainText())

    # --- showing ---

    def _show(self) -> None:
        self._pages.setCurrentIndex(1 if self._jobs.jobs else 0)
        self._show_buttons()
        job, event = self.selected(), self.pipeline()
        if event is not None:
            self.log.setAccessibleName(tr("What is known of the selected pipeline"))
            self.log.setPlainText(pipeline_text(event))
            self._shown = (job, event, 0)
        else:
            self.log.setAccessibleName(tr("Log of the selected job"))
            lines = job.log if job is not None else []
            self.log.setPlainText("\n".join(lines))
            self._shown = (job, None, job.logged if job is not None else 0)

    def _show_buttons(self) -> None:
        job, event = self.selected(), self.pipeline()
        self.log.setPlaceholderText(no_log_text(job))
        resuming = job is not None and job.can_resume
        if resuming != self._resuming:
            self._resuming = resuming
            self.pause_button.setText(tr("&Resume") if resuming else tr("&Pause"))
            theme().dress(self.pause_button, "run" if resuming else "pause")
        self.pause_button.setEnabled(job is not None and (job.can_pause or job.can_resume))
        self.cancel_button.setEnabled(job is not None and not job.over and job.state != "stopping")
        self.clear_button.setEnabled(any(one.over for one in self._jobs.jobs))
        self.rerun_button.setEnabled(job is not None and job.over and bool(job.failed))
        self.rest_button.setEnabled(job is not None and job.leaves_a_rest)
        self.results_button.setEnabled(job is not None and bool(job.run_id))
        self.copy_button.setText(
            tr("&Copy traceback") if event is not None and event.status == "failed" else
            tr("&Copy text") if event is not None else tr("&Copy log")
        )  # fmt: skip
        self.copy_button.setEnabled(job is not None)

    def _follow_log(self, job: Job) -> None:
        """Add what is new to the log, which keeps the place of a reader."""
        shown, event, count = self._shown
        if job is not shown or event is not None:
            return
        if new := min(job.logged - count, len(job.log)):
            self.log.appendPlainText("\n".join(job.log[-new:]))
        self._shown = (job, None, job.logged)


def no_log_text(job: Job | None) -> str:
    """Say why there is no log to read."""
    if job is None:
        return tr("Select a job to read its log.")
    if job.state == "waiting":
        return tr("It waits until another job has ended. Its log begins when it does.")
    return tr("Nothing is written here yet.")


def pipeline_text(event: PipelineEvent) -> str:
    """Say what is known of a pipeline, with the traceback of one that failed, as it is shown and copied."""
    lines = [event_title(event), event_text(event)]
    if event.metric_name is not None:
        lines.append(metric_text(event))
    if event.seconds is not None:
        lines.append(tr("took {time}").format(time=duration_text(event.seconds)))
    if event.pipeline_id:
        lines.append(f"{event.run_id}/{event.pipeline_id}")
    return "\n".join([*lines, *(["", event.details.rstrip()] if event.details else [])])
