"""Small things used by several panes: the query box, the empty state, the drop target, the notice line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QInputMethodEvent,
    QKeyEvent,
    QTextCharFormat,
)
from PySide6.QtWidgets import (
    QCompleter,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.tasks import Problem
from gui.theme import GRID, theme

TYPING_PAUSE_MS = 500
NOTICE_MS = 10_000
DATA_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".npy", ".npz")
CONFIG_SUFFIXES = (".json", ".yaml", ".yml")


class _Words(QCompleter):
    """Completes the word at the cursor instead of the whole line."""

    def __init__(self, box: QLineEdit) -> None:
        super().__init__(box)
        self._box = box
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)

    def splitPath(self, path: str) -> list[str]:
        start, end = self._word(path)
        return [path[start:end] or "\0"]  # nothing typed: nothing offered

    def pathFromIndex(self, index: object) -> str:
        text, (start, end) = self._box.text(), self._word(self._box.text())
        chosen = str(index.data()) if hasattr(index, "data") else ""
        return text[:start] + chosen + text[end:]

    def _word(self, text: str) -> tuple[int, int]:
        end = self._box.cursorPosition()
        start = end
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        return start, end


class QueryBox(QLineEdit):
    """The filter of the catalog. An error is shown under the word it is about; Up and Down walk through the history.

    `applied` is emitted with the text on Enter and after a pause in typing.
    """

    applied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queryEdit")
        self.setAccessibleName(tr("Filter of the catalog"))
        self.setPlaceholderText(tr("Filter, for example  test_rmse < 0.5 and dataset_name = 'corn'"))
        self.setClearButtonEnabled(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.history: list[str] = []
        self._at = -1
        self._words = QStringListModel(self)
        completer = _Words(self)
        completer.setModel(self._words)
        self.setCompleter(completer)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._apply)
        self._error = QLabel(self.window())
        self._error.setObjectName("floatingError")
        self._error.hide()
        self.textChanged.connect(self._typed)
        self.returnPressed.connect(self._apply)
        theme().dress(self.addAction(theme().icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search")

    def offer(self, words: Sequence[str]) -> None:
        """Offer these words while typing."""
        self._words.setStringList(list(words))

    def put(self, text: str) -> None:
        """Show a query and apply it at once."""
        self.setText(text)
        self._apply()

    def show_problem(self, problem: Problem) -> None:
        """Underline the offending word and say under it what is wrong."""
        self._mark(problem.position, problem.length)
        self.setProperty("wrong", True)
        self._restyle()
        self._error.setParent(self.window())
        self._error.setText(f"{problem.what} {problem.advice}".strip())
        self._error.setMaximumWidth(max(320, self.width()))
        self._error.adjustSize()
        self._error.move(self._below(max(0, problem.position)))
        self._error.raise_()
        self._error.show()
        self.setAccessibleDescription(problem.what)

    def clear_problem(self) -> None:
        """Take the error away."""
        if self.property("wrong"):
            self._mark(-1, 0)
            self.setProperty("wrong", False)
            self._restyle()
            self.setAccessibleDescription("")
        self._error.hide()

    def problem_text(self) -> str:
        """Return the error shown, empty if there is none."""
        return self._error.text() if not self._error.isHidden() else ""

    def problem_place(self) -> QPoint:
        """Return where in the window the error is shown."""
        return self._error.pos()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if step and self.history:
            self._at = min(max(self._at + step, -1), len(self.history) - 1)
            at = self._at
            self.setText(self.history[at] if at >= 0 else "")
            self._at = at
            return
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.put("")
            return
        super().keyPressEvent(event)

    def _typed(self) -> None:
        self._at = -1
        self.clear_problem()
        if self.text():
            self._pause.start()
        else:
            self._apply()  # cleared: nothing to wait for

    def _apply(self) -> None:
        self._pause.stop()
        self.applied.emit(self.text().strip())

    def _below(self, position: int) -> QPoint:
        """Return the place in the window just under a character."""
        cursor = self.cursorPosition()
        self.blockSignals(True)
        self.setCursorPosition(position)
        left = self.cursorRect().center().x()
        self.setCursorPosition(cursor)
        self.blockSignals(False)
        place = self.mapTo(self.window(), QPoint(left, self.height() + 4))
        place.setX(max(GRID, min(place.x(), self.window().width() - self._error.width() - GRID)))
        return place

    def _mark(self, position: int, length: int) -> None:
        # A line edit has no text formats of its own; those of an input method are drawn all the same.
        attributes = []
        if position >= 0:
            wave = QTextCharFormat()
            wave.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            wave.setUnderlineColor(QColor(theme().colours.bad))
            start = position - self.cursorPosition()
            kind = QInputMethodEvent.AttributeType.TextFormat
            attributes.append(QInputMethodEvent.Attribute(kind, start, max(1, length), wave))
        QCoreApplication.sendEvent(self, QInputMethodEvent("", attributes))

    def _restyle(self) -> None:
        self.style().unpolish(self)
        self.style().polish(self)


class EmptyState(QWidget):
    """Says what would be here and offers the next action."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = QLabel(title)
        self._title.setObjectName("title")
        self._text = QLabel(text)
        self._text.setObjectName("muted")
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        self.below = QVBoxLayout()
        self.below.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, GRID, 4 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addStretch(2)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addSpacing(GRID)
        layout.addLayout(self._buttons)
        layout.addSpacing(GRID)
        layout.addLayout(self.below)
        layout.addStretch(3)

    def offer(self, text: str, act: Callable[[], object], *, primary: bool = False) -> QPushButton:
        """Add a button for the next action."""
        button = QPushButton(text)
        button.setProperty("primary", primary)
        button.clicked.connect(lambda: act())
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button

    def say(self, title: str, text: str) -> None:
        """Change the words."""
        self._title.setText(title)
        self._text.setText(text)

    def text(self) -> str:
        """Return the words shown."""
        return f"{self._title.text()} {self._text.text()}"


class DropTarget(QFrame):
    """A place to drop files of certain kinds on; `dropped` is emitted with their paths."""

    dropped = Signal(list)

    def __init__(self, suffixes: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dropTarget")
        self.setAcceptDrops(True)
        self._suffixes = suffixes

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event, self._suffixes):
            event.acceptProposedAction()
            self._light(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._light(False)
        if paths := dropped_files(event, self._suffixes):
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def _light(self, over: bool) -> None:
        self.setProperty("over", over)
        self.style().unpolish(self)
        self.style().polish(self)


def dropped_files(event: QDropEvent, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the local files of a drag that end in one of `suffixes`."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() in suffixes]


class Notice(QFrame):
    """One line at the bottom that says what happened, with at most one thing to do about it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._act = QPushButton()
        self._close = QToolButton()
        self._close.setObjectName("flat")
        self._close.setAccessibleName(tr("Dismiss"))
        self._close.setToolTip(tr("Dismiss"))
        theme().dress(self._close, "clear")
        self._do: Callable[[], object] | None = None
        self._act.clicked.connect(self._press)
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, GRID, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._act)
        layout.addWidget(self._close)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setInterval(NOTICE_MS)
        self._clock.timeout.connect(self.hide)
        self.hide()

    def say(self, text: str, button: str = "", act: Callable[[], object] | None = None, *, stay: bool = False) -> None:
        """Show a sentence for ten seconds, or until dismissed when it should `stay`."""
        self._text.setText(text)
        self._act.setText(button)
        self._act.setVisible(bool(button))
        self._do = act
        self.show()
        if stay:
            self._clock.stop()
        else:
            self._clock.start()

    def text(self) -> str:
        """Return the sentence shown, empty if there is none."""
        return self._text.text() if not self.isHidden() else ""

    def _press(self) -> None:
        self.hide()
        if self._do is not None:
            self._do()


class ElidedLabel(QLabel):
    """A label that shortens its text in the middle to fit; the whole is in the tip and is what gets copied."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.put(text)

    def put(self, text: str) -> None:
        """Show a text."""
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._fit()

    def whole(self) -> str:
        """Return the unshortened text."""
        return self._whole

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.PolishRequest):
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        text = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(0, self.width()))
        if text != self.text():
            self.setText(text)
