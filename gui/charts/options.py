"""The choices above a chart: target, partitions, metric, how spectra are coloured. Each chart shows those it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from gui.charts.folds import metric_title
from gui.charts.shown import Shown
from gui.formats import tr
from gui.models.points import ChartData
from gui.models.points_rows import PARTITIONS
from gui.theme import theme

HEIGHT = 30
SEVERAL = ("parity", "residuals", "errors")  # charts that show all partitions at once
SINGLE = ("confusion", "roc")
USUAL_PARTITION = ("test", "val", "train")


class Options(QWidget):
    """One line of choices, of the same height for every chart; `changed` follows each choice.

    What is chosen is kept in `chosen`, a dictionary of plain values that the owner may store.
    """

    changed = Signal()

    def __init__(self, chosen: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._here: list[str] = []
        self._kind = ""
        self.setFixedHeight(HEIGHT)
        self.targets = self._combo(tr("Target shown"))
        self.metrics = self._combo(tr("Metric shown"))
        self.colouring = self._combo(tr("Colour of the spectra"))
        self.as_lines = self._toggle(tr("Lines"), tr("Show the spectra"))
        self.as_map = self._toggle(tr("Map"), tr("Show T² against Q, with the limits for outliers"))
        self.outliers = self._toggle(tr("Outliers"), tr("Mark spectra unlike the others"))
        self.partitions = {name: self._partition_toggle(name) for name in PARTITIONS}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.as_lines, self.as_map, self.targets, self.metrics, self.colouring):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.outliers)
        for button in self.partitions.values():
            row.addWidget(button)
        self._connect()

    # --- for the page ---

    def offer(self, data: ChartData, targets: Sequence[str]) -> None:
        """Offer what a pipeline has."""
        rows = data.rows
        codes = set(rows.partitions.tolist()) if len(rows) else set()
        self._here = [name for place, name in enumerate(PARTITIONS) if place in codes]
        _refill(self.targets, [(name, name) for name in targets], self.targets.currentData())
        metrics = [(one.metric, metric_title(one.metric)) for one in data.folds]
        _refill(self.metrics, metrics, self._chosen.get("metric"))
        alone = targets[0] if len(targets) == 1 else ""
        by = tr("by {name}").format(name=alone or tr("target"))
        colourings = [("target", by), ("partition", tr("by partition"))]
        _refill(self.colouring, colourings, self._chosen.get("colouring"))
        self.outliers.setChecked(self._chosen.get("outliers") is not False)

    def show_for(self, kind: str) -> None:
        """Show the choices of a kind of chart."""
        self._kind = kind
        spectra = kind == "spectra"
        self.targets.setVisible(self.targets.count() > 1 and (kind in SEVERAL or spectra))
        self.metrics.setVisible(kind == "folds" and self.metrics.count() > 0)
        for button in (self.as_lines, self.as_map):
            button.setVisible(spectra)
        self.as_lines.setChecked(not self.map_chosen)
        self.as_map.setChecked(self.map_chosen)
        self.colouring.setVisible(spectra and not self.map_chosen)
        self.outliers.setVisible(spectra and not self.map_chosen)
        for name, button in self.partitions.items():
            button.setVisible(name in self._here and kind in (*SEVERAL, *SINGLE))
            button.setChecked(name == self.partition if kind in SINGLE else name not in self._hidden)

    def applied(self, shown: Shown) -> Shown:
        """Return what is shown with the choices made."""
        return replace(
            shown, hidden=frozenset(self._hidden), target=self.target, target_name=self.targets.currentText(),
            partition=self.partition, metric=str(self.metrics.currentData() or ""),
            colouring="partition" if self.colouring.currentData() == "partition" else "target",
            outliers=self.outliers.isChecked(),
        )  # fmt: skip

    @property
    def target(self) -> int:
        """The number of the target that is chosen."""
        return max(0, self.targets.currentIndex())

    @property
    def partition(self) -> str:
        """The partition that is chosen, for charts of one; where it isn't there, the one that tells most."""
        wanted = str(self._chosen.get("partition", ""))
        return wanted if wanted in self._here else next((n for n in USUAL_PARTITION if n in self._here), "test")

    @property
    def map_chosen(self) -> bool:
        """Whether spectra are shown as an outlier map."""
        return self._chosen.get("map") is True

    @property
    def _hidden(self) -> set[str]:
        hidden = self._chosen.get("hidden")
        return set(hidden) if isinstance(hidden, list) else set()

    # --- making ---

    def _combo(self, name: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        combo.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        combo.setMinimumWidth(80)
        combo.setMaximumHeight(HEIGHT)
        return combo

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName("flat")
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _partition_toggle(self, name: str) -> QToolButton:
        button = self._toggle(name, tr("Show or hide the {name} samples").format(name=name))
        theme().dress(button, f"marker-{name}", name)
        button.setIconSize(QSize(12, 12))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _connect(self) -> None:
        self.targets.activated.connect(self.changed)
        self.metrics.activated.connect(lambda: self._keep("metric", self.metrics.currentData()))
        self.colouring.activated.connect(lambda: self._keep("colouring", self.colouring.currentData()))
        self.outliers.clicked.connect(lambda: self._keep("outliers", self.outliers.isChecked()))
        self.as_lines.clicked.connect(lambda: self._keep("map", False))
        self.as_map.clicked.connect(lambda: self._keep("map", True))
        for name, button in self.partitions.items():
            button.clicked.connect(lambda _=False, name=name: self._press(name))

    def _press(self, name: str) -> None:
        if self._kind in SINGLE:
            self._keep("partition", name)
        else:
            self._keep("hidden", sorted(self._hidden ^ {name}))

    def _keep(self, key: str, value: Any) -> None:
        self._chosen[key] = value
        self.changed.emit()


def _refill(combo: QComboBox, entries: Sequence[tuple[str, str]], wanted: Any) -> None:
    """Put entries (value, words) into a list, the wanted one chosen; leave the list alone if it has them already."""
    if [combo.itemText(n) for n in range(combo.count())] != [words for _, words in entries]:
        combo.clear()
        for value, words in entries:
            combo.addItem(words, value)
    place = combo.findData(wanted)
    combo.setCurrentIndex(place if place >= 0 else (0 if entries else -1))
