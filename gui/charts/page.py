"""Interactive charts of one pipeline: parity and residuals, or a confusion matrix for classes.

Train, val and test always have the same hue and the same marker. Importing this module loads pyqtgraph, so the window
does it after its first paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import integer_text, number_text, tr
from gui.points import ChartData, Confusion, Points
from gui.theme import GRID, theme

pg.setConfigOptions(antialias=True)
MARKERS = {"train": "o", "val": "t1", "test": "s"}
PARITY, RESIDUALS = 0, 1


class Charts(QWidget):
    """Shows a ChartData; what was chosen (kind, partitions) stays from one pipeline to the next."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Charts of the selected pipeline"))
        self._data = ChartData()
        self._hidden: set[str] = set()
        self._matrix_of = "test"
        self._units = ""
        self._kinds = QButtonGroup(self)
        self._bar = QHBoxLayout()
        self._partition_buttons: dict[str, QToolButton] = {}
        self._target = QComboBox()
        self._make_bar()
        self._plot = pg.PlotWidget()
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setAccessibleName(tr("Chart"))
        self._note = QLabel(tr("Select a pipeline to see its charts."))
        self._note.setObjectName("muted")
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._note.setWordWrap(True)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._note)
        self._pages.addWidget(self._plot)
        self._count = QLabel()
        self._count.setObjectName("muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(4)
        layout.addLayout(self._bar)
        layout.addLayout(self._pages, 1)
        layout.addWidget(self._count)
        theme().changed.connect(self._draw)
        self._draw()

    def show_data(self, data: ChartData, why_empty: str, targets: Sequence[str] = (), units: str = "") -> None:
        """Draw the charts of a pipeline, or say why there are none; `targets` name what was predicted."""
        self._units = units
        self._data = data
        self._note.setText(why_empty)
        here = [points.partition for points in data.targets[0]] if data.targets else []
        here = here or [matrix.partition for matrix in data.confusions]
        for name, button in self._partition_buttons.items():
            button.setVisible(name in here)
        if data.confusions and self._matrix_of not in here:
            self._matrix_of = here[-1]
        names = [*targets, *(tr("target {n}").format(n=n + 1) for n in range(len(targets), len(data.targets)))]
        if [self._target.itemText(n) for n in range(self._target.count())] != names:
            self._target.clear()
            self._target.addItems(names)
        self._target.setVisible(len(data.targets) > 1)
        self._draw()

    def items(self) -> list[Any]:
        """Return what is drawn, for those who want to look closer."""
        return list(self._plot.getPlotItem().items)

    # --- the bar above ---

    def _make_bar(self) -> None:
        self._bar.setSpacing(4)
        for kind, text in ((PARITY, tr("Parity")), (RESIDUALS, tr("Residuals"))):
            button = self._toggle(text)
            button.setChecked(kind == PARITY)
            self._kinds.addButton(button, kind)
            self._bar.addWidget(button)
        self._kinds.idToggled.connect(self._draw)
        self._bar.addStretch(1)
        self._bar.addWidget(self._target)
        self._target.currentIndexChanged.connect(self._draw)
        self._target.setAccessibleName(tr("Target shown"))
        for name in MARKERS:
            button = self._toggle(name)
            button.setChecked(True)
            button.setIcon(theme().icon(f"marker-{name}", name))
            button.setIconSize(QSize(12, 12))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setToolTip(tr("Show or hide the {name} samples").format(name=name))
            button.clicked.connect(lambda _=False, name=name: self._press(name))
            self._partition_buttons[name] = button
            self._bar.addWidget(button)

    def _toggle(self, text: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName("flat")
        button.setText(text)
        button.setCheckable(True)
        return button

    def _press(self, name: str) -> None:
        if self._data.confusions:
            self._matrix_of = name
        else:
            self._hidden ^= {name}
        self._draw()

    # --- drawing ---

    def _draw(self, *_: object) -> None:
        self._dress()
        plot = self._plot.getPlotItem()
        plot.clear()
        matrix = bool(self._data.confusions)
        for button in self._kinds.buttons():
            button.setVisible(bool(self._data.targets))
        for name, button in self._partition_buttons.items():
            button.setChecked(name == self._matrix_of if matrix else name not in self._hidden)
        self._pages.setCurrentIndex(0 if self._data.empty else 1)
        self._count.setText(" ")
        if matrix:
            chosen = [one for one in self._data.confusions if one.partition == self._matrix_of]
            self._draw_confusion((chosen or self._data.confusions)[0])
        elif self._data.targets:
            self._draw_points(self._data.targets[max(0, self._target.currentIndex())])

    def _dress(self) -> None:
        colours = theme().colours
        self._plot.setBackground(colours.base)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(colours.line))
            axis.setTextPen(pg.mkPen(colours.muted))

    def _draw_points(self, parts: list[Points]) -> None:
        plot, colours = self._plot.getPlotItem(), theme().colours
        residuals = self._kinds.checkedId() == RESIDUALS
        shown = [points for points in parts if points.partition not in self._hidden and len(points.truth)]
        plot.getViewBox().invertY(False)
        plot.setAspectLocked(not residuals)
        for side in ("left", "bottom"):
            plot.getAxis(side).setTicks(None)
        plot.showGrid(x=True, y=True, alpha=0.12)
        words = (tr("predicted"), tr("residual")) if residuals else (tr("measured"), tr("predicted"))
        for side, word in zip(("bottom", "left"), words, strict=True):
            plot.setLabel(side, self._axis_text(word), color=colours.muted)
        pen = pg.mkPen(colours.muted, width=1, style=Qt.PenStyle.DashLine)
        plot.addItem(pg.InfiniteLine(pos=(0, 0), angle=0 if residuals else 45, pen=pen))
        for points in shown:
            plot.addItem(_scatter(points, residuals))
        if shown:
            plot.getViewBox().setRange(_bounds(shown, residuals), padding=0.05)
        total = sum(points.total for points in shown)
        drawn = sum(len(points.truth) for points in shown)
        text = tr("{n} samples").format(n=integer_text(total))
        if drawn < total:
            text += tr(", every {k}th drawn").format(k=-(-total // max(1, drawn)))
        self._count.setText(text)

    def _axis_text(self, word: str) -> str:
        target = self._target.currentText()
        return f"{word} {target}" + (f" ({self._units})" if self._units else "")

    def _draw_confusion(self, matrix: Confusion) -> None:
        plot, colours = self._plot.getPlotItem(), theme().colours
        size = len(matrix.labels)
        sums = np.maximum(matrix.counts.sum(axis=1, keepdims=True), 1)
        shares = matrix.counts / sums
        plot.showGrid(x=False, y=False)
        plot.setAspectLocked(False)
        plot.getViewBox().invertY(True)
        ground = pg.ColorMap([0.0, 1.0], [QColor(colours.base), QColor(getattr(colours, matrix.partition))])
        image = pg.ImageItem(shares.T, levels=(0.0, 1.0))
        image.setColorMap(ground)
        plot.addItem(image)
        for side, title in (("left", tr("true")), ("bottom", tr("predicted"))):
            plot.getAxis(side).setTicks([[(n + 0.5, label) for n, label in enumerate(matrix.labels)]])
            plot.setLabel(side, title, color=colours.muted)
        if size <= 12:
            for row, column in np.ndindex(size, size):
                dark = shares[row, column] > 0.5
                text = pg.TextItem(
                    integer_text(int(matrix.counts[row, column])),
                    color=colours.base if dark else colours.text,
                    anchor=(0.5, 0.5),
                )
                text.setPos(column + 0.5, row + 0.5)
                plot.addItem(text)
        plot.getViewBox().setRange(QRectF(0, 0, size, size), padding=0.02)
        right = int(np.trace(matrix.counts))
        total = int(matrix.counts.sum())
        share = _share(right, total)
        self._count.setText(
            tr("{right} of {total} right ({share}), {name}").format(
                right=integer_text(right), total=integer_text(total), share=share, name=matrix.partition
            )
        )


def _share(part: int, whole: int) -> str:
    """Write a share in percent."""
    return f"{number_text(100 * part / whole if whole else None)} %"


def _scatter(points: Points, residuals: bool) -> Any:
    colour = QColor(getattr(theme().colours, points.partition))
    fill = QColor(colour)
    fill.setAlpha(110)
    x = points.predicted if residuals else points.truth
    y = points.predicted - points.truth if residuals else points.predicted
    return pg.ScatterPlotItem(
        x=x, y=y, data=np.arange(len(x)), symbol=MARKERS[points.partition], size=7, pen=pg.mkPen(colour, width=1),
        brush=pg.mkBrush(fill), hoverable=True, hoverSize=11, tip=lambda x, y, data: _tip(points, int(data)),
        name=points.partition,
    )  # fmt: skip


def _tip(points: Points, place: int) -> str:
    truth, predicted = float(points.truth[place]), float(points.predicted[place])
    return tr("{sample} · {partition}\nmeasured {truth}\npredicted {predicted}\nresidual {residual}").format(
        sample=points.names[place], partition=points.partition, truth=number_text(truth, 4),
        predicted=number_text(predicted, 4), residual=number_text(predicted - truth, 3),
    )  # fmt: skip


def _bounds(parts: list[Points], residuals: bool) -> QRectF:
    truth = np.concatenate([points.truth for points in parts])
    predicted = np.concatenate([points.predicted for points in parts])
    x, y = (predicted, predicted - truth) if residuals else (truth, predicted)
    if not residuals:
        x = y = np.concatenate([truth, predicted])
    left, right, low, high = float(x.min()), float(x.max()), float(y.min()), float(y.max())
    if residuals:
        high = max(abs(low), abs(high))
        low = -high
    return QRectF(left, low, max(right - left, 1e-9), max(high - low, 1e-9))
