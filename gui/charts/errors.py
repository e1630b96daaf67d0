"""How the errors spread: a histogram of the residuals of each partition with the normal curve of the same spread."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QWidget

from gui.charts.number_axis import NumberAxis
from gui.charts.plot import MARKERS
from gui.charts.sample_plot import LEFT_WIDTH, SamplePlot
from gui.charts.shown import all_hidden, predictions_text
from gui.formats import number_text, tr
from gui.models.points import Errors
from gui.models.points_rows import PARTITIONS, Numbers
from gui.theme import theme

LINES = {"train": Qt.PenStyle.SolidLine, "val": Qt.PenStyle.DashLine, "test": Qt.PenStyle.DotLine}
MOST_TICKS = 600  # marks of single samples below the bars; more would be a bar of their own
CURVE_POINTS = 160
STRIP = 0.05  # height of the marks of one partition, as a share of the highest bar


class ShareAxis(NumberAxis):
    """An axis of shares: below zero are marks of samples, and no numbers."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        texts = super().tickStrings(values, scale, spacing)
        return [text if value >= 0 else "" for value, text in zip(values, texts, strict=True)]


class ErrorsPlot(SamplePlot):
    """Residuals in bins, in percent of the samples of their partition; below the bars each sample has its own mark."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Distribution of the errors: predicted minus measured"), parent)
        self.getPlotItem().setAxisItems({"left": ShareAxis("left")})
        self.getAxis("left").setWidth(LEFT_WIDTH)
        self.grid()
        self._strips: dict[str, float] = {}

    def parts(self) -> list[Errors]:
        """Return the partitions that are not hidden."""
        every = self.shown.data.errors
        if self.shown.target >= len(every):
            return []
        return [one for one in every[self.shown.target] if one.partition not in self.shown.hidden]

    def draw_data(self) -> None:
        parts = self.parts()
        self.label(self.shown.axis_text(tr("residual")), tr("samples (%)"))
        self.guide(0.0, angle=90.0)
        # The curve of errors that are all but alike is higher than any share can be.
        top = min(100.0, max((max(one.shares.max(), _normal(one)[1].max()) for one in parts), default=1.0))
        self._strips = {one.partition: -(n + 1) * STRIP * top for n, one in enumerate(parts)}
        for one in parts:
            self._draw_bars(one)
            self._draw_curve(one)
        self._draw_samples(parts)
        if parts:
            edges = parts[0].edges
            low = min(self._strips.values(), default=0.0) - STRIP * top
            self.fit(QRectF(edges[0], low, edges[-1] - edges[0], top - low))
            self.legend([(self._words(one), line(one.partition)) for one in parts])

    def places(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        data, target = self.shown.data.rows, self.shown.target
        if not len(rows) or target >= data.truth.shape[1]:
            return super().places(rows)
        heights = np.array([self._strips.get(name, np.nan) for name in PARTITIONS])[data.partitions[rows]]
        return data.predicted[rows, target] - data.truth[rows, target], heights

    def caption(self) -> str:
        total = sum(one.total for one in self.parts())
        words = predictions_text(total, self.shown.data.rows, [one.partition for one in self.parts()])
        return tr("{predictions}; thin: normal curve").format(predictions=words)

    def why_empty(self) -> str:
        return super().why_empty() or ("" if self.parts() else all_hidden())

    def _draw_bars(self, one: Errors) -> None:
        fill = QColor(getattr(theme().colours, one.partition))
        fill.setAlpha(45)
        self.plot(
            one.edges, one.shares, stepMode="center", fillLevel=0, brush=pg.mkBrush(fill), pen=line(one.partition)
        )

    def _draw_curve(self, one: Errors) -> None:
        if one.std > 0:
            self.plot(*_normal(one), pen=line(one.partition, 1.0))

    def _draw_samples(self, parts: list[Errors]) -> None:
        if self.shown.target >= len(self.shown.data.targets):
            return
        here = {one.partition for one in parts}
        points = [one for one in self.shown.data.targets[self.shown.target] if one.partition in here]
        if sum(len(one.rows) for one in points) > MOST_TICKS or not points:
            return
        for one in points:
            colour = getattr(theme().colours, one.partition)
            x, y = self.places(one.rows)
            marks = pg.ScatterPlotItem(
                x=x, y=y, symbol=MARKERS[one.partition], size=6, pen=pg.mkPen(colour), brush=None
            )  # fmt: skip
            self.addItem(marks)
        self.stand_for(np.concatenate([one.rows for one in points]))

    @staticmethod
    def _words(one: Errors) -> str:
        return tr("{partition}: {mean} ± {std}").format(
            partition=one.partition, mean=number_text(one.mean, 2), std=number_text(one.std, 2)
        )


def _normal(one: Errors) -> tuple[Numbers, Numbers]:
    """The normal curve with the mean and the spread of some errors, in percent of them in each bin; 0 for no spread."""
    x = np.linspace(one.edges[0], one.edges[-1], CURVE_POINTS)
    if not one.std > 0:
        return x, np.zeros(CURVE_POINTS)
    height = 100 * (one.edges[1] - one.edges[0]) / (one.std * math.sqrt(2 * math.pi))
    return x, height * np.exp(-0.5 * ((x - one.mean) / one.std) ** 2)


def line(partition: str, width: float = 1.8) -> QPen:
    """Return the line of a partition: its hue, and dashes of its own."""
    made: QPen = pg.mkPen(getattr(theme().colours, partition), width=width, style=LINES[partition])
    return made
