"""The query box: the filter as text, with its history, its mistakes, and what may come next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QInputMethodEvent, QKeyEvent, QTextCharFormat
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QSizePolicy, QToolTip, QWidget

from gui.formats import tr
from gui.suggestions import Suggestions
from gui.tasks import Problem
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import Completion, Suggestion

TYPING_PAUSE_MS = 500
MISTAKE_PAUSE_MS = 1000  # half a condition is no mistake while somebody is writing it
INTO_LIST = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)
MOST_OFFERED, WIDEST_OFFERED = 15, 560


class QueryBox(QLineEdit):
    """The filter of the catalog. An error is shown under the word it is about, in `refusal`, which whoever has the box
    puts below it; Up walks back through the history, Down towards what was typed.

    Esc selects the text at first and clears it when pressed again. `left` asks to go on to what is listed: by Enter on
    a text that is applied already, by Down where the history has nothing newer, or by Ctrl+Down.

    A button at its end, or Alt+Down, lists the history; `offer_more` may add something to that menu.

    `applied` is emitted with the text on Enter and, unless `pause` is denied, after a pause in typing. While one types
    `completion_wanted` asks with text and cursor what may come next; the answer goes to `offer`.
    """

    applied = Signal(str)
    completion_wanted = Signal(str, int)
    left = Signal()

    def __init__(self, parent: QWidget | None = None, *, name: str = "queryEdit", pause: bool = True) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(tr("Filter of the catalog"))
        self.setPlaceholderText(tr("Filter, for example  test_rmse < 0.5 and last 7 days"))
        self.setClearButtonEnabled(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.history: list[str] = []
        self.offer_more: Callable[[QMenu], object] | None = None
        self._at = -1  # in the history; at -1 stands what was typed
        self._past: list[str] = []  # what is walked through, and where the walk began
        self._typed_text = ""
        self._applies_itself = pause
        self._insisted = False
        self._popup = Suggestions(self)
        self._offered_for = ""  # the text that what is offered goes on from
        self._popup.taken.connect(self._take)
        self.textEdited.connect(lambda _: self._ask_completion())
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._apply_text)
        self._applied = ""
        self._entered = False  # whether somebody said that the text is ready
        self._since_typed = QElapsedTimer()
        self._since_typed.start()
        self._mistake: Problem | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._tell_mistake)
        self._make_refusal()
        self.textChanged.connect(self._typed)
        self.returnPressed.connect(self._enter)
        past = self.addAction(theme().icon("history", "muted"), QLineEdit.ActionPosition.TrailingPosition)
        past.setText(tr("Earlier queries"))
        past.setToolTip(tr("Earlier queries and views (Alt+↓)"))
        past.triggered.connect(lambda: self.show_history())
        theme().dress(past, "history", "muted")
        theme().dress(self.addAction(theme().icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search")

    def _make_refusal(self) -> None:
        """Make what tells an error. Its room stays while somebody mends the text: else all below would jump."""
        self._error = QLabel()
        self._error.setObjectName("refusal")
        self._error.setWordWrap(True)
        policy = self._error.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._error.setSizePolicy(policy)
        self._error.hide()
        self.refusal = QWidget()
        self._row = QHBoxLayout(self.refusal)
        self._row.setContentsMargins(0, GRID // 2, 0, 0)
        self._row.addWidget(self._error)
        self._row.addStretch(1)
        self.refusal.hide()

    def offer(self, text: str, completion: Completion) -> None:
        """Show what may come next, if `text` is still what stands here.

        Where nothing is begun only operators and values are shown unasked: after a whole condition people press Enter.
        """
        here = text == self.text() and completion.start <= self.cursorPosition() <= completion.end and self.hasFocus()
        begun = self.cursorPosition() > completion.start
        telling = completion.suggestions[:1] and completion.suggestions[0].kind in ("operator", "value")
        written = text[completion.start : completion.end]
        known = [one.text for one in completion.suggestions] == [written]
        if here and completion.suggestions and not known and (begun or telling or self._insisted):
            place = self.mapToGlobal(QPoint(self._left_of(completion.start), self.height() + 3))
            self._popup.show_at(place, completion, chosen=self._insisted)
            self._offered_for = text
            self._error.hide()
        else:
            self._popup.hide()

    def suggestions(self) -> Suggestions:
        """Return the list of what may come next."""
        return self._popup

    def put(self, text: str) -> None:
        """Show a query and apply it at once."""
        self.setText(text)
        self._apply()

    def reset(self) -> None:
        """Empty the box without asking for anything; its own parts are told, so that the button to clear it goes."""
        self._applies_itself, applies = False, self._applies_itself
        self.clear()
        self._applies_itself = applies
        self._pause.stop()
        self._applied = ""
        self.clear_problem()

    def show_history(self) -> QMenu:
        """Offer the earlier queries, newest first."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for text in self.history[:MOST_OFFERED]:
            shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, WIDEST_OFFERED)
            menu.addAction(shown.replace("&", "&&"), partial(self.put, text)).setToolTip(text)
        if not self.history:
            menu.addAction(tr("No queries yet")).setEnabled(False)
        if self.offer_more is not None:
            menu.addSeparator()
            self.offer_more(menu)
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))
        menu.setActiveAction(menu.actions()[0])
        return menu

    def show_problem(self, problem: Problem) -> None:
        """Underline the offending word and say under it what is wrong; while somebody types, after a pause."""
        self._mistake = problem
        wait = 0 if self._entered else MISTAKE_PAUSE_MS - self._since_typed.elapsed()
        if wait > 0:
            self._later.start(wait)
        else:
            self._tell_mistake()

    def _tell_mistake(self) -> None:
        problem, self._mistake = self._mistake, None
        self._later.stop()
        if problem is None:
            return
        self._mark(problem.position, problem.length)
        self.setProperty("wrong", True)
        self._restyle()
        self._error.setText(f"{problem.what} {problem.advice}".strip())
        self._error.setWordWrap(False)
        self._error.setFixedWidth(min(self.width(), self._error.sizeHint().width()))
        self._error.setWordWrap(True)
        left = max(0, min(self._left_of(max(0, problem.position)), self.width() - self._error.width()))
        self._row.setContentsMargins(left, GRID // 2, 0, 0)
        self._error.setHidden(self._popup.isVisible())
        self.setAccessibleDescription(problem.what)
        if self._entered or not self.hasFocus() or self.refusal.isVisible():
            self.refusal.show()
        elif not self._popup.isVisible():  # while one writes nothing moves: it is told over what is below
            QToolTip.showText(self.mapToGlobal(QPoint(left, self.height() // 2)), self._error.text(), self)

    def clear_problem(self) -> None:
        """Take the error away, and the room it had."""
        self._forget_problem()
        self.refusal.hide()

    def _forget_problem(self) -> None:
        self._mistake = None
        self._later.stop()
        if self.property("wrong"):
            self._mark(-1, 0)
            self.setProperty("wrong", False)
            self._restyle()
            self.setAccessibleDescription("")
            QToolTip.hideText()
        self._error.hide()

    def problem_text(self) -> str:
        """Return the error shown, empty if there is none."""
        return self._error.text() if not (self.refusal.isHidden() or self._error.isHidden()) else ""

    def problem_place(self) -> QPoint:
        """Return where in the window the error is shown."""
        left = self._row.contentsMargins().left()
        return self.mapTo(self.window(), QPoint(left, self.height() + GRID // 2))

    def event(self, event: QEvent) -> bool:
        # Tab is taken by the window before a key event is made of it.
        pressed = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if pressed and event.key() == Qt.Key.Key_Tab and self._popup.isVisible():  # type: ignore[attr-defined]
            if self._offered_for == self.text():
                self._popup.take()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        late = self._popup.isVisible() and self._offered_for != self.text()
        if late and event.key() in INTO_LIST:
            return  # what is listed goes on from an earlier text; what may come next now will be there in a moment
        if not late and self._popup.isVisible() and self._popup.takes_key(Qt.Key(event.key())):
            if not self._popup.isVisible():
                self._entered = True  # the list was put away, to read what is wrong or to go on
                self._tell_mistake()
                self.refusal.setVisible(bool(self.property("wrong")) or self.refusal.isVisible())
                self._error.setVisible(bool(self.property("wrong")))
            return
        if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._ask_completion(insist=True)
            return
        if event.key() == Qt.Key.Key_Down and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.show_history()
            return
        asked = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() == Qt.Key.Key_Down and (asked or (self._at < 0 and self._applies_itself)):
            if self._is_new():
                self._apply()
            self.left.emit()
            return
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if step and self.history:
            self._walk(step)
            return
        if event.key() == Qt.Key.Key_Escape and self.text():
            if self.selectedText() == self.text():
                self.put("")
            else:
                self.selectAll()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
            self._popup.hide()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._popup.hide()
        if self.property("wrong") and event.reason() != Qt.FocusReason.PopupFocusReason:
            QToolTip.hideText()
            self._error.show()
            self.refusal.show()
        super().focusOutEvent(event)

    def _walk(self, step: int) -> None:
        """Show an earlier or later query; after the newest one what was typed before."""
        if self._at < 0:
            # What is listed meanwhile goes to the front of the history, and would be met again on the way.
            self._past, self._typed_text = list(self.history), self.text()
        at = max(-1, min(self._at + step, len(self._past) - 1))
        self.setText(self._past[at] if at >= 0 else self._typed_text)
        self._at = at

    def _ask_completion(self, *, insist: bool = False) -> None:
        self._insisted = insist
        self.completion_wanted.emit(self.text(), self.cursorPosition())

    def _take(self, completion: Completion, suggestion: Suggestion) -> None:
        """Write a suggestion in place of what was begun, as typing would: it can be undone."""
        if self._offered_for != self.text():
            return
        end = completion.end
        if suggestion.text.endswith("'") and self.text()[end : end + 1] == "'":
            end += 1
        space = "" if suggestion.kind == "value" or self.text()[end:].startswith(" ") else " "
        self.setSelection(completion.start, end - completion.start)
        self.insert(suggestion.text + space)
        self._ask_completion()

    def _typed(self) -> None:
        self._at = -1
        self._entered = False
        self._since_typed.restart()
        if self.text():
            self._forget_problem()
        else:
            self.clear_problem()
        if not self._applies_itself:
            return
        if self.text():
            self._pause.start()
        else:
            self._apply()  # cleared: nothing to wait for

    def _is_new(self) -> bool:
        """Whether the text is another one than what is listed, or wrong."""
        wrong = self._mistake is not None or bool(self.property("wrong"))
        other = self._pause.isActive() or self.text().strip() != self._applied
        return other or wrong or not self._applies_itself

    def _enter(self) -> None:
        if self._is_new() or self._popup.isVisible():
            self._apply()
        else:
            self.left.emit()

    def _apply(self) -> None:
        self._entered = True
        self._popup.hide()
        self._apply_text()

    def _apply_text(self) -> None:
        self._pause.stop()
        self._applied = self.text().strip()
        self.applied.emit(self._applied)

    def _left_of(self, position: int) -> int:
        """Return where a character begins."""
        cursor, start, length = self.cursorPosition(), self.selectionStart(), self.selectionLength()
        self.blockSignals(True)
        self.setCursorPosition(position)
        left = self.cursorRect().center().x()
        if start >= 0:
            self.setSelection(start, length)
        else:
            self.setCursorPosition(cursor)
        self.blockSignals(False)
        return left

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
