"""Dialogs: what went wrong, where a new workspace goes, all commands, all keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSortFilterProxyModel, QStringListModel, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.tasks import Problem
from gui.theme import GRID, ROW_HEIGHT, theme


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
        self._more = QPushButton(tr("Show details"))
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
        close.setFocus()
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(self._more)
        buttons.addWidget(copy)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(top)
        layout.addWidget(self._details, 1)
        layout.addLayout(buttons)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def text(self) -> str:
        """Return all of it, as it is copied."""
        return f"{self.problem.what}\n{self.problem.advice}\n\n{self.problem.details}"

    def _unfold(self, shown: bool) -> None:
        self._more.setText(tr("Hide details") if shown else tr("Show details"))
        self._details.setVisible(shown)
        self.adjustSize()


class NewWorkspaceDialog(QDialog):
    """Asks for the name and the place of a new workspace; `path()` is the folder that will be made."""

    def __init__(self, place: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New workspace"))
        self.setMinimumWidth(480)
        self._name = QLineEdit(tr("my-workspace"))
        self._name.selectAll()
        self._place = QLineEdit(str(place))
        browse = QPushButton(tr("Choose…"))
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._place, 1)
        row.addWidget(browse)
        self._shown = QLabel()
        self._shown.setObjectName("muted")
        self._shown.setWordWrap(True)
        form = QFormLayout()
        form.setSpacing(GRID)
        form.addRow(tr("Name"), self._name)
        form.addRow(tr("In folder"), row)
        form.addRow("", self._shown)
        buttons = QDialogButtonBox()
        self._create = buttons.addButton(tr("Create workspace"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
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


class CommandDialog(QDialog):
    """Finds any command by a few letters and runs it: everything in the menus, from the keyboard."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Commands"))
        self.resize(480, 360)
        self._actions = {_label(action): action for action in actions if action.isEnabled() and action.text()}
        self._edit = QLineEdit()
        self._edit.setPlaceholderText(tr("Type a few letters of a command"))
        self._edit.setAccessibleName(tr("Command to run"))
        self._found = QSortFilterProxyModel(self)  # some dozens of lines; never used on the catalog
        self._found.setSourceModel(QStringListModel(sorted(self._actions), self))
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._list = QListView()
        self._list.setModel(self._found)
        self._list.setUniformItemSizes(True)
        self._list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._list.setAccessibleName(tr("Commands found"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._edit.textChanged.connect(self._find)
        self._edit.returnPressed.connect(self._run)
        self._list.activated.connect(lambda _: self._run())
        for key, step in ((Qt.Key.Key_Down, 1), (Qt.Key.Key_Up, -1)):
            move = QAction(self)
            move.setShortcut(QKeySequence(key))
            move.triggered.connect(lambda _=False, step=step: self._move(step))
            self.addAction(move)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self._edit)
        layout.addWidget(self._list, 1)
        self._move(0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._list.doItemsLayout()  # how high rows are is known only now

    def _find(self, text: str) -> None:
        self._found.setFilterFixedString(text)
        self._list.setCurrentIndex(self._found.index(0, 0))

    def _move(self, step: int) -> None:
        row = min(max(0, self._list.currentIndex().row() + step), self._found.rowCount() - 1)
        self._list.setCurrentIndex(self._found.index(max(0, row), 0))

    def _run(self) -> None:
        index = self._list.currentIndex()
        if index.isValid():
            action = self._actions[str(index.data())]
            self.accept()
            action.trigger()


class KeysDialog(QDialog):
    """The sheet of keys."""

    def __init__(self, actions: Sequence[QAction], extra: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys"))
        self.resize(440, 640)
        shown = [(_plain(action), _keys(action)) for action in actions if action.text() and _keys(action)]
        rows = [*shown, *extra]
        table = QTableWidget(len(rows), 2)
        table.setAccessibleName(tr("Keys and what they do"))
        table.setHorizontalHeaderLabels([tr("Command"), tr("Keys")])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        for row, pair in enumerate(rows):
            for column, text in enumerate(pair):
                table.setItem(row, column, QTableWidgetItem(text))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(table, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)


def _plain(action: QAction) -> str:
    return action.text().replace("&", "").rstrip("…")


def _keys(action: QAction) -> str:
    return ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())


def _label(action: QAction) -> str:
    keys = _keys(action)
    return f"{_plain(action)}    {keys}" if keys else _plain(action)
