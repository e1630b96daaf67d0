"""Dialogs: what went wrong, what was recorded, the versions, and where a new workspace goes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.crash import Crash, version_line
from gui.formats import tr
from gui.tasks import Problem
from gui.theme import GRID, application_icon, theme
from gui.widgets import Form, dialog_column


class ErrorDialog(QDialog):
    """Tells a Problem: the sentence, the advice, and the details to copy, folded away until wanted."""

    def __init__(self, problem: Problem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = problem
        self.setWindowTitle(tr("Runshelf"))
        self.setMinimumWidth(480)
        sign = QLabel()
        sign.setPixmap(theme().icon("damaged", "bad").pixmap(24, 24))
        what, advice = QLabel(problem.what), QLabel(problem.advice)
        what.setObjectName("title")
        for label in (what, advice):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(GRID)
        words.addWidget(what)
        words.addWidget(advice)
        advice.setVisible(bool(problem.advice))
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        self._details = QPlainTextEdit(problem.details)
        self._details.setReadOnly(True)
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setAccessibleName(tr("Details"))
        self._details.setMinimumHeight(200)
        self._details.setVisible(problem.kind == "bug")
        self._more = QPushButton(tr("Hide details") if problem.kind == "bug" else tr("Show details"))
        self._more.setCheckable(True)
        self._more.setChecked(problem.kind == "bug")
        self._more.toggled.connect(self._unfold)
        copy = QPushButton(tr("Copy details"))
        theme().dress(copy, "copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        close = QPushButton(tr("Close"))
        for button in (self._more, copy):
            button.setAutoDefault(False)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(self._more)
        buttons.addWidget(copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = dialog_column(self, 12)
        layout.addLayout(top)
        layout.addWidget(self._details, 1)
        layout.addLayout(buttons)
        close.setFocus()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def text(self) -> str:
        """Return all of it, as it is copied."""
        parts = (f"{self.problem.what}\n{self.problem.advice}", version_line(), self.problem.details)
        return "\n\n".join(part.strip() for part in parts)

    def _unfold(self, shown: bool) -> None:
        self._more.setText(tr("Hide details") if shown else tr("Show details"))
        self._details.setVisible(shown)
        self.adjustSize()


class RecordDialog(QDialog):
    """Shows a text that somebody may have to pass on: a sentence, the text, and "Copy details"."""

    def __init__(self, title: str, sentence: str, advice: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.resize(640, 400)
        self._sign = QLabel()
        self._sentence, self._advice = QLabel(sentence), QLabel(advice)
        self._sentence.setObjectName("title")
        for label in (self._sentence, self._advice):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._advice.setVisible(bool(advice))
        self._text = QPlainTextEdit(text)
        self._text.setObjectName("framed")
        self._text.setReadOnly(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setAccessibleName(tr("Details"))
        self._text.setVisible(bool(text))
        self.copy = QPushButton(tr("Copy details"))
        theme().dress(self.copy, "copy")
        self.copy.setAutoDefault(False)
        self.copy.setVisible(bool(text))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text()))
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        words = QVBoxLayout()
        words.setSpacing(GRID)
        words.addWidget(self._sentence)
        words.addWidget(self._advice)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = dialog_column(self, 12)
        layout.addLayout(top)
        layout.addWidget(self._text, 1)
        layout.addLayout(buttons)
        close.setFocus()

    def text(self) -> str:
        """Return what is copied."""
        return self._text.toPlainText()

    @classmethod
    def of_crash(cls, crash: Crash, versions: str, parent: QWidget | None = None) -> RecordDialog:
        """Show what was recorded of a window that ended unexpectedly."""
        if crash.text:
            advice = tr("Copy the details and report them. The whole record is in {path}").format(path=crash.log)
            text = f"{versions}\n\n{crash.text}"
        else:
            advice = tr("It left no record: it was ended from outside, or the computer stopped.")
            text = ""
        dialog = cls(tr("What was recorded"), tr("Runshelf ended unexpectedly."), advice, text, parent)
        dialog._sign.setPixmap(theme().icon("damaged", "bad").pixmap(24, 24))
        return dialog

    @classmethod
    def of_versions(cls, versions: str, parent: QWidget | None = None) -> RecordDialog:
        """Tell what Runshelf is, and the versions of what it is made of."""
        advice = tr("Finds the best of many pipelines, shows why, and lets you take it with you. MIT licence.")
        dialog = cls(tr("About Runshelf"), versions.partition("\n")[0], advice, versions, parent)
        dialog._sign.setPixmap(application_icon().pixmap(48, 48))
        dialog.copy.setText(tr("Copy"))
        dialog.resize(480, 420)
        return dialog


class NewWorkspaceDialog(QDialog):
    """Asks for the name and the place of a new workspace; `path()` is the folder that will be made."""

    def __init__(self, place: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New workspace"))
        self.setMinimumWidth(480)
        self._name = QLineEdit(tr("my-workspace"))
        self._name.selectAll()
        self._name.setAccessibleName(tr("Name of the workspace"))
        self._place = QLineEdit(str(place))
        self._place.setAccessibleName(tr("Folder for the workspace"))
        browse = QPushButton(tr("Choose…"))
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._place, 1)
        row.addWidget(browse)
        self._shown = QLabel()
        self._shown.setObjectName("muted")
        self._shown.setWordWrap(True)
        form = Form()
        form.setSpacing(GRID)
        form.addRow(tr("Name"), self._name)
        form.addRow(tr("In folder"), row)
        form.addRow("", self._shown)
        buttons = QDialogButtonBox()
        self._create = buttons.addButton(tr("Create workspace"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self, 12)
        layout.addLayout(form)
        layout.addWidget(buttons)
        for edit in (self._name, self._place):
            edit.textChanged.connect(self._show_path)
        self._show_path()

    def path(self) -> Path:
        """Return the folder asked for."""
        return Path(self._place.text().strip()) / self._name.text().strip()

    def _show_path(self) -> None:
        ready = bool(self._name.text().strip() and self._place.text().strip())
        self._create.setEnabled(ready)
        self._shown.setText(
            tr("Runs, catalog and library will lie in {path}").format(path=self.path()) if ready else ""
        )

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder for the workspace"), self._place.text())
        if chosen:
            self._place.setText(chosen)
