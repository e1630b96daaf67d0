"""The head of the details and their first page: name and status, the chain of steps, errors, metrics by partition."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import STATUS_ICONS, number_text, status_word, tr
from gui.models.columns import STATUS_COLOURS
from gui.panes.facts import configuration_text, dataset_of, pipeline_name, pipeline_status, task_of
from gui.panes.pipeline_chain import ChainView
from gui.panes.sheets import metrics_sheet
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from gui.panes.pipeline_reading import Remarks
    from storage import PipelineDetails


MOST_LINES, MOST_LETTERS = 4, 300  # of notes in the head; all of them are in its tip


class Head(QFrame):
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
        self.copies = QLabel()
        self.copies.setObjectName("muted")
        self.copies.hide()
        line.addWidget(self.copies)
        self.hidden = ElidedLabel(tr("Not in the table: the filter hides it."))
        self.hidden.setObjectName("muted")
        self.hidden.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, GRID, 12, GRID)
        layout.setSpacing(2)
        self.remarks = RemarksLine()
        layout.addLayout(line)
        layout.addWidget(self._where)
        layout.addWidget(self.hidden)
        layout.addWidget(self.remarks)
        self._status = ""
        theme().changed.connect(self._paint_sign)

    def show_details(self, details: PipelineDetails) -> None:
        """Show the name of this pipeline."""
        self._name.put(pipeline_name(details))
        self._status = pipeline_status(details)
        run_name = details.run.run_name if details.run is not None else str(details.row.get("run_name") or "")
        places = [dataset_of(details) or details.run_id, run_name, details.pipeline_id]
        self._where.put("  ·  ".join(part for part in (status_word(self._status), *places) if part))
        self._paint_sign()

    def show_copies(self, word: str, words: str) -> None:
        """Say in a word, and in its tip in full, that copies lie elsewhere; an empty one hides it."""
        self.copies.setText(word)
        self.copies.setToolTip(words)
        self.copies.setAccessibleDescription(words)
        self.copies.setVisible(bool(word))

    def _paint_sign(self) -> None:
        if self._status:
            icon = theme().icon(STATUS_ICONS.get(self._status, "info"), STATUS_COLOURS.get(self._status, "muted"))
            self._sign.setPixmap(icon.pixmap(16, 16))
            self._sign.setAccessibleName(status_word(self._status))


class RemarksLine(QLabel):
    """Stars, tags and notes in plain text; the actions that change them are its own, by menu and by their keys."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QColor(theme().colours.accent))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def show_remarks(self, remarks: Remarks) -> None:
        """Show what people noted of a pipeline."""
        tags = "  ".join(f"#{tag}" for tag in remarks.tags)
        first = "  ".join(part for part in ("★" * remarks.stars, tags) if part)
        start = "\n".join(remarks.notes[:MOST_LETTERS].splitlines()[:MOST_LINES])
        notes = remarks.notes if start == remarks.notes else f"{start.rstrip()}…"
        text = "\n".join(part for part in (first, notes) if part)
        self.setEnabled(remarks.known)
        self.setText(text or tr("☆ no tags, no notes"))
        keys = tr("S gives a star, T tags, N notes.") if remarks.known else ""
        whole = html.escape(remarks.notes).replace("\n", "<br>") if notes != remarks.notes else ""
        self.setToolTip("<br>".join(part for part in (whole, keys) if part))
        self.setAccessibleName(tr("Stars, tags and notes: {text}").format(text=self.text()))
        self.setObjectName("" if text else "muted")
        self.style().unpolish(self)
        self.style().polish(self)


class Summary(QScrollArea):
    """The chain of steps, the error if there was one, and the metrics. `step_chosen` tells which step one wants."""

    step_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setObjectName("summary")
        self.setAccessibleName(tr("Steps and metrics"))
        self._details: PipelineDetails | None = None
        self.chain = ChainView()
        self.chain.step_chosen.connect(self.step_chosen)
        self.chain.copy_wanted.connect(self.copy_configuration)
        self._error = ErrorBox()
        self._problems = QLabel()
        self._problems.setObjectName("bad")
        self._problems.setWordWrap(True)
        self._metrics = metrics_sheet()
        self._metrics.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._metrics.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.warning = QLabel()
        self.warning.setObjectName("warning")
        self.warning.setTextFormat(Qt.TextFormat.PlainText)
        self.warning.setWordWrap(True)
        self.warning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(12, 4, 12, 12)
        layout.setSpacing(GRID)
        layout.addWidget(self._problems)  # before what the catalog still knows
        layout.addLayout(self._make_title())
        for widget in (self.chain, self._error, self.warning, self._metrics):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setWidget(inside)

    def show_details(self, details: PipelineDetails) -> None:
        """Show what this pipeline is made of and how good it is."""
        self._details = details
        chain = details.chain
        self.chain.show_steps(chain.steps if chain is not None else (), chain.problem if chain is not None else "")
        words = [tr("Its folder is deleted. This is what the catalog still knows.")] if details.deleted else []
        self._problems.setText("\n".join([*words, *details.problems]))
        self._problems.setObjectName("bad" if details.problems else "muted")  # what somebody deleted is no fault
        self._problems.style().polish(self._problems)
        self._problems.setVisible(bool(self._problems.text()))
        self._error.show_text(details.error)
        self.warning.setText(worsening_words(details))
        self.warning.setVisible(bool(self.warning.text()))
        self._metrics.fill_metrics(details.metrics)
        self._metrics.setVisible(self._metrics.rowCount() > 0)
        self._metrics.fit_height()
        self.copy.setEnabled(bool(self.chain.steps))

    def copy_configuration(self, as_text: bool = False) -> None:
        """Put the configuration on the clipboard, as JSON that can be run again or as a line of text."""
        if self._details is not None:
            text = self.chain.text() if as_text else configuration_text(self._details)
            QGuiApplication.clipboard().setText(text)

    def _make_title(self) -> QHBoxLayout:
        title = QLabel(tr("Steps"))
        title.setObjectName("heading")
        self.copy = QToolButton()
        self.copy.setObjectName("flat")
        self.copy.setText(tr("Copy configuration"))
        self.copy.setToolTip(tr("Copy the configuration as JSON, to be run again"))
        self.copy.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.DelayedPopup)
        self.copy.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme().dress(self.copy, "copy")
        menu = QMenu(self.copy)
        menu.addAction(tr("Copy steps as text"), lambda: self.copy_configuration(True))
        self.copy.setMenu(menu)
        self.copy.clicked.connect(lambda: self.copy_configuration())
        row = QHBoxLayout()
        row.addWidget(title)
        row.addStretch(1)
        row.addWidget(self.copy)
        return row


def worsening_words(details: PipelineDetails) -> str:
    """Say that a pipeline is much worse on test than in validation; nothing where it isn't."""
    from storage import worsening

    found = worsening(details.metrics, task_of(details))
    if found is None:
        return ""
    title, digits = found.metric.title, found.metric.digits
    return tr(
        "⚠ Much worse on test than in validation: {metric} {test} against {val}. "
        "The test samples may differ from the training samples."
    ).format(metric=title, test=number_text(found.test, digits), val=number_text(found.val, digits))


class ErrorBox(QFrame):
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
        """Show an error; without text the box is hidden."""
        self.setVisible(bool(text))
        lines = [line for line in text.strip().splitlines() if line.strip()]
        self._title.setText(f"<b>{html.escape(lines[-1])}</b>" if lines else "")
        self._text.setPlainText(text)
