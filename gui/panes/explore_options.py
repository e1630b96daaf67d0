"""What can be chosen above the charts of the catalog: the kind of chart, what is on the axes, and the colours."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.models.columns import TITLES
from gui.models.explored import Explored, usual_metrics
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel, FittingCombo, dress_combo

KINDS = ("parallel", "parameter")
LEAST_WIDTH, MOST_WIDTH = 104, 300
WORDS_FROM = 560  # pixels


class ExploreOptions(QWidget):
    """The choices above a chart; `changed` names the one that was made.

    `axes_wanted` and `ranges_wanted` ask for a dialog, `clear_wanted` to take all ranges away.
    """

    changed = Signal(str)
    axes_wanted = Signal()
    ranges_wanted = Signal()
    clear_wanted = Signal()
    close_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kinds = QTabBar()
        self.kinds.setAccessibleName(tr("Kind of chart"))
        self.kinds.setDrawBase(False)
        self.kinds.setExpanding(False)
        self.kinds.addTab(tr("Parallel coordinates"))
        self.kinds.addTab(tr("Parameters"))
        self.kinds.setTabToolTip(1, tr("A metric against a parameter, and which parameter matters"))
        self.kinds.setUsesScrollButtons(False)
        self.caption = ElidedLabel()
        self.caption.setObjectName("muted")
        self.measure = _combo(tr("Metric"))
        self.parameter = _combo(tr("Parameter"))
        self.colour = _combo(tr("Colour by"))
        self.log_x, self.log_y = QCheckBox(tr("log x")), QCheckBox(tr("log y"))
        self.axes = _button(tr("Axes…"), tr("Choose the axes and their order"))
        self.ranges = _button(tr("Ranges…"), tr("Choose ranges by keyboard"))
        self.clear = _button(tr("Clear"), tr("Show all lines again and take the ranges out of the query"))
        self.close_button = _button("", tr("Hide the charts (Ctrl+Shift+C)"))
        self.close_button.setAccessibleName(tr("Hide the charts"))
        theme().dress(self.close_button, "clear")
        self.legend_place = QHBoxLayout()
        self._words = {name: QLabel(text) for name, text in (("against", tr("against")), ("colour", tr("Colour by")))}
        self._lay_out()
        self._connect()
        self.show_kind(KINDS[0])

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(GRID)
        first.addWidget(self.kinds)
        first.addWidget(self.caption, 1)
        first.addWidget(self.clear)
        first.addWidget(self.ranges)
        first.addWidget(self.axes)
        first.addWidget(self.close_button)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.setContentsMargins(GRID, 0, GRID, 0)
        widgets: tuple[QWidget, ...] = (self.measure, self._words["against"], self.parameter, self.log_x, self.log_y,
                   self._words["colour"], self.colour)  # fmt: skip
        for widget in widgets:
            second.addWidget(widget)
        second.addLayout(self.legend_place, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(first)
        layout.addLayout(second)

    def _connect(self) -> None:
        self.kinds.currentChanged.connect(self._choose_kind)
        for name, combo in (("y", self.measure), ("x", self.parameter), ("colour", self.colour)):
            combo.activated.connect(lambda _, name=name: self.changed.emit(name))
        for name, box in (("log_x", self.log_x), ("log_y", self.log_y)):
            box.clicked.connect(lambda _, name=name: self.changed.emit(name))
        self.axes.clicked.connect(self.axes_wanted)
        self.ranges.clicked.connect(self.ranges_wanted)
        self.clear.clicked.connect(self.clear_wanted)
        self.close_button.clicked.connect(self.close_wanted)

    def in_order(self) -> list[QWidget]:
        """Return what takes the keyboard here, from the first to the last."""
        return [self.kinds, self.clear, self.ranges, self.axes, self.close_button, self.measure, self.parameter,
                self.log_x, self.log_y, self.colour]  # fmt: skip

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_words()

    def _show_words(self) -> None:
        """Leave the words between the lists out where these would have no room: their tips say the same."""
        roomy, parallel = self.width() >= WORDS_FROM, self.kind == KINDS[0]
        self._words["against"].setVisible(roomy and not parallel)
        self._words["colour"].setVisible(roomy or parallel)

    @property
    def kind(self) -> str:
        """Which chart is shown."""
        return KINDS[self.kinds.currentIndex()]

    def show_kind(self, kind: str) -> None:
        """Offer what one kind of chart can be told."""
        self.kinds.blockSignals(True)
        self.kinds.setCurrentIndex(KINDS.index(kind))
        self.kinds.blockSignals(False)
        parallel = kind == "parallel"
        for button in (self.axes, self.ranges):
            button.setVisible(parallel)
        for widget in (self.measure, self.parameter, self.log_x, self.log_y):
            widget.setVisible(not parallel)
        self._show_words()

    def _choose_kind(self, place: int) -> None:
        self.show_kind(KINDS[place])
        self.changed.emit("kind")

    def offer(self, explored: Explored, sorted_by: str) -> None:
        """Offer what these results have; what was chosen stays if it is there."""
        metrics = usual_metrics(explored, sorted_by)
        parameters, names, numbers = (
            explored.keys(*kinds) for kinds in (("parameter",), ("name",), ("number", "time"))
        )
        told = [key for key in names if len(explored.axes[key].names) > 1]
        _fill(self.measure, [*metrics, *numbers])
        _fill(self.parameter, [*parameters, *told, *numbers, *metrics])
        _fill(self.colour, [*metrics[:1], *told, *(key for key in parameters), *metrics[1:], *numbers])

    def choose(self, combo: QComboBox, key: str) -> str:
        """Choose what is called `key` if it is offered; returns what is chosen then."""
        place = combo.findData(key)
        if place >= 0:
            combo.setCurrentIndex(place)
        elif combo.currentIndex() < 0 and combo.count():
            combo.setCurrentIndex(0)
        return str(combo.currentData() or "")


def title_of(key: str) -> str:
    """Say what an axis is called in a list."""
    return tr(TITLES[key]) if key in TITLES else key


def _fill(combo: QComboBox, keys: Sequence[str]) -> None:
    here = combo.currentData()
    if [combo.itemData(place) for place in range(combo.count())] == list(keys):
        return
    combo.clear()
    for key in keys:
        combo.addItem(title_of(key), key)
    combo.setCurrentIndex(combo.findData(here))


class _RoomyCombo(FittingCombo):
    """A list that is as wide as what is chosen, where there is room for it, and gives way else."""

    def __init__(self) -> None:
        super().__init__()
        self.currentTextChanged.connect(lambda _: self.updateGeometry())

    def sizeHint(self) -> QSize:
        hint, option = super().sizeHint(), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.rect = QRect(0, 0, MOST_WIDTH, hint.height())
        field = QStyle.SubControl.SC_ComboBoxEditField
        inside = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        text = self.fontMetrics().horizontalAdvance(self.currentText()) + GRID
        return QSize(min(MOST_WIDTH, text + MOST_WIDTH - inside.width()), hint.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(LEAST_WIDTH, self.sizeHint().width()), super().minimumSizeHint().height())


def _combo(name: str) -> QComboBox:
    combo = dress_combo(_RoomyCombo(), name)
    combo.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    combo.view().setTextElideMode(Qt.TextElideMode.ElideNone)
    return combo


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("flat")
    button.setText(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
