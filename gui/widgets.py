"""Small things used by several panes: the empty state, the drop target, the notice line, parts of forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from gui.formats import tr
from gui.shortening import shortened
from gui.theme import GRID, ROW_HEIGHT, theme

_ONE_LINE = (QLineEdit, QComboBox, QAbstractSpinBox)
FIELD_HEIGHT = 28  # of what is written into or chosen from
NOTICE_MS = 10_000
DATA_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".npy", ".npz")
BREAK = "\u200b"  # has no width; a line may end there
CONFIG_SUFFIXES = (".json", ".yaml", ".yml")


def dialog_column(dialog: QDialog, spacing: int = GRID) -> QVBoxLayout:
    """Lay a dialog out one part below the other, with the margins all dialogs have."""
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(16, 16, 16, 12)
    layout.setSpacing(spacing)
    return layout


def breakable(text: str) -> str:
    """Let paths in a text be broken into lines after each folder."""
    return text.replace("/", f"/{BREAK}").replace("\\", f"\\{BREAK}")


class EnterButton(QPushButton):
    """A button that Enter presses, too: outside dialogs Qt leaves that to the space bar alone."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)


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
        for label in (self._title, self._text):
            label.setWordWrap(True)  # a long name must not push the pane wider
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
        button = EnterButton(text)
        button.setProperty("primary", primary)
        button.clicked.connect(lambda: act())
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button

    def say(self, title: str, text: str) -> None:
        """Change the words."""
        self._title.setText(breakable(title))
        self._text.setText(breakable(text))

    def text(self) -> str:
        """Return the words shown."""
        return f"{self._title.text()} {self._text.text()}".replace(BREAK, "")


def first_button(within: QWidget | None) -> QPushButton | None:
    """Return the first button that can be pressed there, such as the first action of an empty state."""
    if within is None:
        return None
    return next((one for one in within.findChildren(QPushButton) if one.isVisibleTo(within) and one.isEnabled()), None)


class MenuKeys(QObject):
    """The menu key and Shift+F10 open the menu of the current row of a view, where that row is.

    Qt says of the menu key where the row is in the view, and of the mouse where it is below the header: taken for the
    same, the key means another row. Of Shift+F10 Qt knows on Windows alone.
    """

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        asked = isinstance(event, QContextMenuEvent) and event.reason() == QContextMenuEvent.Reason.Keyboard
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            asked = (event.key(), event.modifiers()) == (Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
        if not asked or self._view.contextMenuPolicy() != Qt.ContextMenuPolicy.CustomContextMenu:
            return super().eventFilter(watched, event)
        self._view.customContextMenuRequested.emit(self._place())
        return True

    def _place(self) -> QPoint:
        """Where the current row is in the viewport; where no row is if none is current."""
        index = self._view.currentIndex()
        if not index.isValid():
            return QPoint(-1, -1)
        self._view.scrollTo(index)
        return self._view.visualRect(index).center()


class Veil(QWidget):
    """Dims what it lies over, under a thin line, once the new has been waited for so long that it would be felt.

    What lies below stays where it is and can be used.
    """

    def __init__(self, over: QWidget, after_ms: int) -> None:
        super().__init__(over)
        self._over = over
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.late = QTimer(self)
        self.late.setSingleShot(True)
        self.late.setInterval(after_ms)
        self.late.timeout.connect(self._fall)
        over.installEventFilter(self)
        self.hide()

    def wait(self) -> None:
        """Fall if `lift` doesn't come in time."""
        if self.isHidden() and not self.late.isActive():
            self.late.start()

    def lift(self) -> None:
        """The new is there, or won't come."""
        self.late.stop()
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._over:
            self.setGeometry(self._over.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme().colours
        veil = QColor(colours.base)
        veil.setAlpha(150)
        painter = QPainter(self)
        painter.fillRect(self.rect(), veil)
        painter.fillRect(0, 0, self.width(), 2, QColor(colours.accent))

    def _fall(self) -> None:
        self.setGeometry(self._over.rect())
        self.show()
        self.raise_()


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
    """One line at the bottom that says what happened, with one thing to do about it, seldom two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)  # names and messages from elsewhere are not to be drawn
        self._act, self._also = QPushButton(), QPushButton()
        self._close = QToolButton()
        self._close.setObjectName("flat")
        self._close.setAccessibleName(tr("Dismiss"))
        self._close.setToolTip(tr("Dismiss"))
        theme().dress(self._close, "clear")
        self._fades = False
        self._acts: dict[QPushButton, Callable[[], object] | None] = {self._act: None, self._also: None}
        for button in self._acts:
            button.clicked.connect(partial(self._press, button))
        self._close.clicked.connect(self._dismiss)
        self._before: QWidget | None = None  # where the keyboard was before it came here
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._keyboard_moved)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, GRID, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._act)
        layout.addWidget(self._also)
        layout.addWidget(self._close)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setInterval(NOTICE_MS)
        self._clock.timeout.connect(self._fade)
        self.hide()

    def say(
        self,
        text: str,
        button: str = "",
        act: Callable[[], object] | None = None,
        *,
        also: tuple[str, Callable[[], object]] | None = None,
        stay: bool = False,
    ) -> None:
        """Show a sentence for ten seconds, or until dismissed when it should `stay`, with what can be done about it.

        What was done is offered no longer; the sentence goes with the last offer.
        """
        self._text.setText(text)
        for offer, (words, do) in ((self._act, (button, act)), (self._also, also or ("", None))):
            offer.setText(words)
            offer.setVisible(bool(words))
            self._acts[offer] = do
        self.show()
        self._fades = not stay
        self._clock.stop()
        if self._fades and not self.underMouse():
            self._clock.start()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while somebody reads, with the mouse over it."""
        self._clock.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if self._fades and self.isVisible():
            self._clock.start()
        super().leaveEvent(event)

    def text(self) -> str:
        """Return the sentence shown, empty if there is none."""
        return self._text.text() if not self.isHidden() else ""

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to; None where there is nothing to do about the sentence."""
        return next((button for button in self._acts if button.isVisible()), None)

    def do(self) -> None:
        """Do the first thing it offers, as its button would, also after it was put away."""
        self._press(self._act)

    def _fade(self) -> None:
        here = QApplication.focusWidget()
        if here is not None and self.isAncestorOf(here):
            self._clock.start()  # it stays while somebody is there with the keyboard
        else:
            self.hide()

    def _keyboard_moved(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and self.isAncestorOf(new) and old is not None and not self.isAncestorOf(old):
            self._before = old

    def _dismiss(self) -> None:
        """Go away, and give the keyboard back to where it was."""
        here, before = QApplication.focusWidget(), self._before
        if here is not None and self.isAncestorOf(here) and before is not None and isValid(before):
            before.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    def _press(self, button: QPushButton, _checked: bool = False) -> None:
        if all(one.isHidden() for one in self._acts if one is not button):
            self._dismiss()
        button.hide()
        act = self._acts[button]
        if act is not None:
            act()


class ElidedLabel(QLabel):
    """A label that shortens its text to fit; the whole is in the tip and is what gets copied."""

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
        text = shortened(self._whole, self.fontMetrics(), max(0, self.width()))
        if text != self.text():
            self.setText(text)


class FittingCombo(QComboBox):
    """A list to choose from that shortens the text that is chosen where it has no room for it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        room = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = shortened(option.currentText, self.fontMetrics(), room.width() - 4)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def combo_box(name: str, *, editable: bool = False) -> QComboBox:
    """Make a list to choose from, for a form."""
    combo = dress_combo(QComboBox() if editable else FittingCombo(), name)
    combo.setEditable(editable)
    return combo


def dress_combo(combo: QComboBox, name: str) -> QComboBox:
    """Give a list to choose from the looks of all others."""
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setMinimumContentsLength(8)
    combo.setMaxVisibleItems(20)
    combo.setMinimumHeight(ROW_HEIGHT)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


class Form(QFormLayout):
    """A form whose labels stand beside the first line of their fields, where Qt puts them a little higher."""

    def addRow(self, *parts: Any) -> None:
        super().addRow(*parts)
        label = parts[0] if isinstance(parts[0], QWidget) else self.labelForField(parts[-1])
        field = parts[-1]
        several = field.layout() if isinstance(field, QWidget) else field
        if label is not None and (isinstance(field, _ONE_LINE) or isinstance(several, QHBoxLayout)):
            label.setMinimumHeight(FIELD_HEIGHT)


def dress_spin_box(box: QSpinBox | QDoubleSpinBox) -> None:
    """Give a box for numbers the height of other fields, and its number the distance from the edge."""
    box.setMinimumHeight(FIELD_HEIGHT)
    box.lineEdit().setTextMargins(4, 0, 0, 0)  # where the style sheet has no say


def form_layout() -> Form:
    """Make the layout of a form."""
    form = Form()
    form.setSpacing(GRID)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def scrolled(page: QWidget) -> QScrollArea:
    """Let a page be scrolled where there is less room than it needs, rather than be cut."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(page)
    return area


def heading(text: str) -> QLabel:
    """Make the title of a part of a dialog."""
    label = QLabel(text)
    label.setObjectName("title")
    return label
