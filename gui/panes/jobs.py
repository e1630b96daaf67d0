"""The jobs pane: what is being trained, how far it is, how it ended, and its log."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.jobs import SHARE_ROLE, Job, Jobs
from gui.settings import Settings
from gui.theme import GRID, ROW_HEIGHT, theme


class _Bar(QStyledItemDelegate):
    """Paints the progress of a job as a bar with its count beside it."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        whole = QStyleOptionViewItem(option)
        text = str(index.data())
        whole.text = ""
        self.initStyleOption(whole, index)
        whole.text = ""
        if whole.widget is not None:
            whole.widget.style().drawControl(
                whole.widget.style().ControlElement.CE_ItemViewItem, whole, painter, whole.widget
            )
        area = QRectF(whole.rect).adjusted(GRID, 0, -GRID, 0)
        words = 72.0
        bar = QRectF(area.left(), area.center().y() - 3, max(0.0, area.width() - words), 6)
        colours = theme().colours
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(bar, 3, 3)
        share = float(index.data(SHARE_ROLE) or 0.0)
        if share > 0:
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(
                QRectF(bar.topLeft(), bar.bottomLeft()).adjusted(0, 0, bar.width() * share, 0), 3, 3
            )
        painter.setPen(QColor(colours.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, ROW_HEIGHT)


class JobsPane(QWidget):
    """Lists the jobs beside the log of the selected one."""

    def __init__(self, jobs: Jobs, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._settings = jobs, settings
        self.table = QTableView()
        self._make_table()
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setAccessibleName(tr("Log of the selected job"))
        self.log.setPlaceholderText(tr("Select a job to read its log."))
        self.log.setMinimumWidth(160)
        self._lines_shown: tuple[Job | None, int] = (None, 0)
        self.cancel_button = QPushButton(tr("Cancel job"))
        theme().dress(self.cancel_button, "cancel")
        self.cancel_button.clicked.connect(self._cancel)
        self.clear_button = QPushButton(tr("Clear ended"))
        self.clear_button.clicked.connect(jobs.clear_ended)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(GRID, 4, GRID, 4)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.clear_button)
        buttons.addStretch(1)
        left = QWidget()
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(left)
        self._split.addWidget(self.log)
        self._split.setChildrenCollapsible(False)
        self._split.setSizes(settings.jobs_split or [620, 420])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._split)
        jobs.rowsInserted.connect(lambda *_: self.table.selectRow(0))
        jobs.logged.connect(self._show_log)
        jobs.dataChanged.connect(lambda *_: self._show_buttons())
        jobs.modelReset.connect(self._show_log)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_log())
        theme().changed.connect(self.table.viewport().update)
        self._show_log()

    def save(self) -> None:
        """Remember the division."""
        self._settings.jobs_split = self._split.sizes()

    def selected(self) -> Job | None:
        """Return the selected job."""
        row = self.table.currentIndex().row()
        return self._jobs.jobs[row] if 0 <= row < len(self._jobs.jobs) else None

    def _make_table(self) -> None:
        table = self.table
        table.setObjectName("jobsTable")
        table.setAccessibleName(tr("Jobs"))
        table.setModel(self._jobs)
        table.setItemDelegateForColumn(1, _Bar(table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 152), (2, 88), (3, 136)):
            header.resizeSection(column, width)

    def _cancel(self) -> None:
        job = self.selected()
        if job is not None:
            self._jobs.cancel(job)

    def _show_buttons(self) -> None:
        job = self.selected()
        self.cancel_button.setEnabled(job is not None and not job.over and job.state != "stopping")
        self.clear_button.setEnabled(any(one.over for one in self._jobs.jobs))

    def _show_log(self) -> None:
        self._show_buttons()
        job = self.selected()
        lines = job.log if job is not None else []
        shown, count = self._lines_shown
        if job is shown and count <= len(lines) and len(lines) < 5000:
            if count < len(lines):
                self.log.appendPlainText("\n".join(lines[count:]))  # appending keeps the place of a reader
        else:
            self.log.setPlainText("\n".join(lines))
        self._lines_shown = (job, len(lines))
