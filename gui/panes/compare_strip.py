"""The line above the comparison: the baseline, how many are compared, which samples are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from gui.formats import integer_text, tr
from gui.models.compared import Compared
from gui.panes.compare_table import swatch
from gui.selection import Picked
from gui.shortening import shortened
from gui.theme import theme

PARTITIONS = ("val", "test", "train")
NAME_WIDTH = 116


class CompareStrip(QWidget):
    """Tells by signals what was chosen: `baseline_chosen` a pipeline, `partition_chosen` its name, `target_chosen`."""

    baseline_chosen = Signal(object)
    partition_chosen = Signal(str)
    target_chosen = Signal()

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pipelines: Sequence[Compared] = ()
        self.baseline_button = _flat()
        self.baseline_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.baseline_button.setToolTip(tr("The pipeline the others are measured against (B makes it the current one)"))
        menu = QMenu(self.baseline_button)
        menu.aboutToShow.connect(lambda: self._offer_baselines(menu))
        self.baseline_button.setMenu(menu)
        self._count = QLabel()
        self._count.setObjectName("muted")
        self._target = QComboBox()
        self._target.setAccessibleName(tr("Target shown"))
        self._target.currentIndexChanged.connect(lambda _: self.target_chosen.emit())
        self._target.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(4)
        layout.addWidget(self.baseline_button)
        layout.addWidget(self._count)
        layout.addStretch(1)
        layout.addWidget(self._target)
        theme().changed.connect(self._mark_baseline)
        self.partition_buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for name in PARTITIONS:
            button = _flat()
            button.setText(name)
            button.setCheckable(True)
            theme().dress(button, f"marker-{name}", name)
            button.setToolTip(tr("Show the {name} samples").format(name=name))
            button.clicked.connect(partial(self._choose_partition, name))
            group.addButton(button)
            self.partition_buttons[name] = button
            layout.addWidget(button)
        for action in actions:
            button = QToolButton()
            button.setObjectName("flat")
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(action.text().replace("&", ""))
            layout.addWidget(button)

    @property
    def target(self) -> int:
        """The target shown, counted from 0."""
        return max(0, self._target.currentIndex())

    def show_pipelines(self, pipelines: Sequence[Compared], partitions: Sequence[str], partition: str) -> None:
        """Show which is the baseline, and the partitions there are."""
        self._pipelines = pipelines
        base = next(one for one in pipelines if one.baseline)
        name = shortened(base.label, self.fontMetrics(), NAME_WIDTH)
        self.baseline_button.setText(tr("Baseline: {name}").format(name=name))
        self._mark_baseline()
        self._count.setText(tr("{n} pipelines").format(n=integer_text(len(pipelines))))
        for name, button in self.partition_buttons.items():
            button.setVisible(name in partitions)
        self.check(partition)

    def _mark_baseline(self) -> None:
        for one in self._pipelines:
            if one.baseline:
                self.baseline_button.setIcon(swatch(one.colour, one.place))

    def check(self, partition: str) -> None:
        """Show which partition is looked at."""
        self.partition_buttons[partition].setChecked(True)

    def enable(self, *, partitions: bool, targets: bool) -> None:
        """Say what can be chosen in the part that is in front."""
        for button in self.partition_buttons.values():
            button.setEnabled(partitions)
        self._target.setEnabled(targets)

    def offer_targets(self, count: int) -> None:
        """Offer the targets where there are several."""
        if self._target.count() != count:
            self._target.blockSignals(True)
            self._target.clear()
            self._target.addItems([tr("target {n}").format(n=n + 1) for n in range(count)])
            self._target.blockSignals(False)
        self._target.setVisible(count > 1)

    def _choose_partition(self, name: str, _checked: bool = False) -> None:
        self.partition_chosen.emit(name)

    def _offer_baselines(self, menu: QMenu) -> None:
        menu.clear()
        for one in self._pipelines:
            action = menu.addAction(swatch(one.colour, one.place), one.label)
            action.setCheckable(True)
            action.setChecked(one.baseline)
            action.triggered.connect(partial(self._choose_baseline, one.picked))

    def _choose_baseline(self, picked: Picked, _checked: bool = False) -> None:
        self.baseline_chosen.emit(picked)


def _flat() -> QToolButton:
    button = QToolButton()
    button.setObjectName("flat")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setIconSize(QSize(12, 12))
    return button
