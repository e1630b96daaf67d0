"""The details of the selected pipeline: what it is made of, how good it is and where, its files and its charts."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.columns import STATUS_COLOURS
from gui.formats import (
    STATUS_ICONS,
    bytes_text,
    status_word,
    tr,
)
from gui.panes.facts import (
    about_rows,
    first_words,
    fold_columns,
    fold_rows,
    given_steps,
    parameter_rows,
    short,
    target_names,
    why_no_charts,
)
from gui.panes.sheets import Sheet, folds_sheet, metric_title, metrics_sheet
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel, EmptyState

if TYPE_CHECKING:
    from gui.charts.page import Charts
    from gui.points import ChartData
    from storage import PipelineDetails, Workspace


def fetch_details(run_id: str, pipeline_id: str, workspace: Workspace) -> tuple[PipelineDetails, ChartData]:
    """Read all there is about a pipeline and make its charts' data; runs on the workspace's thread."""
    from gui.points import chart_data

    details = workspace.details(run_id, pipeline_id)
    return details, chart_data(details.arrays, details.sample_names)


class PipelinePane(QWidget):
    """Follows the selection and shows the selected pipeline."""

    def __init__(
        self, session: Session, selection: Selection, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._settings = session, selection, settings
        self._charts: Charts | None = None
        self.details: PipelineDetails | None = None
        self.tabs = QTabWidget()
        self.tabs.setObjectName("detailTabs")
        self.tabs.setAccessibleName(tr("Details of the selected pipeline"))
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setUsesScrollButtons(True)
        self.tabs.tabBar().setElideMode(Qt.TextElideMode.ElideNone)
        self._head = _Head()
        self._summary = _Summary()
        self._folds = folds_sheet()
        self._parameters = Sheet([tr("Step"), tr("Parameter"), tr("Value")], tr("Parameters by step"))
        self._files = _Files()
        self._about = Sheet([tr("What"), tr("Value")], tr("Where this result comes from"))
        for page, title in (
            (self._summary, tr("Summary")), (self._folds, tr("Folds")), (self._parameters, tr("Parameters")),
            (self._files, tr("Files")), (self._about, tr("Origin")),
        ):  # fmt: skip
            self.tabs.addTab(page, title)
        self.tabs.setCurrentIndex(min(max(0, settings.detail_tab), self.tabs.count() - 1))
        self._chart_place = QWidget()
        self._chart_place.setObjectName("paper")
        self._chart_place.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        QVBoxLayout(self._chart_place).setContentsMargins(0, 0, 0, 0)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.tabs)
        self._split.addWidget(self._chart_place)
        self._split.setSizes(settings.detail_split or [340, 320])
        self.tabs.setMinimumHeight(160)
        self._chart_place.setMinimumHeight(160)
        self._empty = EmptyState(
            tr("No pipeline selected"), tr("Select one in the catalog or the tree to see what it is made of.")
        )
        self._pages = QStackedWidget()
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head)
        layout.addWidget(self._split, 1)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)
        selection.changed.connect(self._follow)
        session.changed.connect(self._follow)
        theme().changed.connect(self._follow)

    def load_charts(self) -> None:
        """Make the chart area; done after the first paint because it loads pyqtgraph."""
        if self._charts is None:
            from gui.charts.page import Charts

            self._charts = Charts()
            layout = self._chart_place.layout()
            assert layout is not None
            layout.addWidget(self._charts)
            if self.details is not None:
                self._follow()

    def save(self) -> None:
        """Remember the tab and the division."""
        self._settings.detail_tab = self.tabs.currentIndex()
        self._settings.detail_split = self._split.sizes()

    @property
    def charts(self) -> Charts | None:
        """The chart area, once made."""
        return self._charts

    def _follow(self) -> None:
        picked = self._selection.current
        if picked is None:
            self.details = None
            self._pages.setCurrentIndex(0)
            self._empty.say(
                tr("No pipeline selected"), tr("Select one in the catalog or the tree to see what it is made of.")
            )
            return
        work = partial(fetch_details, picked.run_id, picked.pipeline_id)
        self._session.query(work, self._show, self._refuse, topic="details", quiet=True)

    def _refuse(self, problem: Problem) -> None:
        self.details = None
        self._empty.say(problem.what, problem.advice)
        self._pages.setCurrentIndex(0)
        if problem.kind == "bug":
            self._session.tasks.unhandled.emit(problem)

    def _show(self, answer: tuple[PipelineDetails, ChartData]) -> None:
        details, charts = answer
        self.load_charts()
        self.details = details
        self._head.show_details(details)
        self._summary.show_details(details)
        validation = details.metrics.get("cross_validation") or {}
        self._folds.fill(fold_rows(validation), columns=[tr("Fold"), *map(metric_title, fold_columns(validation))])
        rows, muted = parameter_rows(details)
        self._parameters.fill(rows, muted=muted)
        self._files.show_details(details)
        self._about.fill(about_rows(details))
        if self._charts is not None:
            self._charts.show_data(charts, why_no_charts(details), *target_names(details))
        self._pages.setCurrentIndex(1)


class _Head(QFrame):
    """The name of the pipeline, how it ended, and where it belongs."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("paper")
        self._sign = QLabel()
        self._name = ElidedLabel()
        self._name.setObjectName("title")
        self._where = ElidedLabel()
        self._where.setObjectName("muted")
        line = QHBoxLayout()
        line.setSpacing(GRID)
        line.addWidget(self._sign)
        line.addWidget(self._name, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, GRID, 12, GRID)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self._where)
        self._status = ""
        theme().changed.connect(self._paint_sign)

    def show_details(self, details: PipelineDetails) -> None:
        record, run = details.pipeline, details.run
        self._name.put((record.name if record is not None else "") or details.pipeline_id)
        self._status = record.status if record is not None else "damaged"
        places = [run.dataset_name, run.run_name] if run is not None else [details.run_id]
        self._where.put(
            "  ·  ".join(part for part in (status_word(self._status), *places, details.pipeline_id) if part)
        )
        self._paint_sign()

    def _paint_sign(self) -> None:
        if self._status:
            icon = theme().icon(STATUS_ICONS.get(self._status, "info"), STATUS_COLOURS.get(self._status, "muted"))
            self._sign.setPixmap(icon.pixmap(16, 16))
            self._sign.setAccessibleName(status_word(self._status))


class _Summary(QScrollArea):
    """The chain of steps, the error if there was one, and the metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self._chain = QLabel()
        self._chain.setWordWrap(True)
        self._chain.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chain.setAccessibleName(tr("Steps"))
        self._error = _ErrorBox()
        self._problems = QLabel()
        self._problems.setObjectName("bad")
        self._problems.setWordWrap(True)
        self._metrics = metrics_sheet()
        self._metrics.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._metrics.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(GRID)
        for widget in (self._chain, self._problems, self._error, self._metrics):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setWidget(inside)
        self._steps: list[tuple[str, str]] = []
        theme().changed.connect(self._paint_chain)

    def show_details(self, details: PipelineDetails) -> None:
        self._steps = [
            (short(step.class_name) or step.operator, first_words(given)) for step, given in given_steps(details)
        ]
        self._paint_chain()
        self._problems.setText("\n".join(details.problems))
        self._problems.setVisible(bool(details.problems))
        self._error.show_text(details.error)
        self._metrics.fill_metrics(details.metrics)
        self._metrics.setVisible(self._metrics.rowCount() > 0)
        self._metrics.fit_height()

    def _paint_chain(self) -> None:
        muted = theme().colours.muted
        arrow = f" <span style='color:{muted}'>→</span> "
        self._chain.setText(
            arrow.join(
                f"<b>{html.escape(name)}</b>"
                + (f" <span style='color:{muted}'>{html.escape(words)}</span>" if words else "")
                for name, words in self._steps
            )
            or f"<span style='color:{muted}'>{html.escape(tr('The steps of this pipeline can not be read.'))}</span>"
        )


class _ErrorBox(QFrame):
    """Why a pipeline failed, to read and to copy."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("errorBox")
        self._title = QLabel()
        self._title.setWordWrap(True)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setAccessibleName(tr("Error text"))
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setFixedHeight(120)
        self.copy_button = QPushButton(tr("Copy error"))
        theme().dress(self.copy_button, "copy")
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, GRID, 12, GRID)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_text(self, text: str) -> None:
        self.setVisible(bool(text))
        lines = [line for line in text.strip().splitlines() if line.strip()]
        self._title.setText(f"<b>{html.escape(lines[-1])}</b>" if lines else "")
        self._text.setPlainText(text)


class _Files(QWidget):
    """The files of a pipeline; a double-click or Enter opens one."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("paper")
        self._folder: Path | None = None
        self._paths: list[Path] = []
        self._sheet = Sheet([tr("File"), tr("Size")], tr("Files of the pipeline"), right_from=1)
        self._sheet.activated.connect(lambda index: self._open(self._paths[index.row()]))
        self._button = QPushButton(tr("Open folder"))
        theme().dress(self._button, "folder")
        self._button.clicked.connect(lambda: self._open(self._folder))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.addWidget(self._sheet, 1)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self._button)
        row.addStretch(1)
        layout.addLayout(row)

    def show_details(self, details: PipelineDetails) -> None:
        self._folder = details.folder
        self._paths = [entry.path for entry in details.files]
        icons = ["image" if entry.path.suffix == ".png" else "file" for entry in details.files]
        self._sheet.fill([(entry.name, bytes_text(entry.bytes)) for entry in details.files], icons=icons)
        self._button.setEnabled(bool(details.files))

    @staticmethod
    def _open(path: Path | None) -> None:
        if path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
