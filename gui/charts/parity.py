"""Measured against predicted, and the residuals over what was predicted: one mark for each sample."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QWidget

from gui.charts.number_axis import EqualAxis, has_one_scale
from gui.charts.sample_plot import LEFT_WIDTH, SamplePlot, scatter
from gui.charts.shown import all_hidden, predictions_text
from gui.formats import tr
from gui.models.points import Points
from gui.models.points_rows import PARTITIONS, Numbers


class ParityPlot(SamplePlot):
    """Predicted over measured; on the diagonal they are the same.

    Both axes show the same range, and with the same scale unless the chart is so small that half of it would be empty.
    """

    equal = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Parity chart: predicted over measured"), parent)
        self.getPlotItem().setAxisItems({side: EqualAxis(side) for side in ("left", "bottom")})
        self.getAxis("left").setWidth(LEFT_WIDTH)
        self._dress()
        self.grid()
        self.words = tr("measured"), tr("predicted")
        self.guide_angle = 45.0

    def parts(self) -> list[Points]:
        """Return the points that are not hidden."""
        if self.shown.target >= len(self.shown.data.targets):
            return []
        every = self.shown.data.targets[self.shown.target]
        return [points for points in every if points.partition not in self.shown.hidden and len(points.truth)]

    def draw_data(self) -> None:
        parts = self.parts()
        self.label(self.shown.axis_text(self.words[0]), self.shown.axis_text(self.words[1]))
        self.guide(0.0, angle=self.guide_angle)
        for points in parts:
            self.addItem(scatter(points, *self._xy(points.truth, points.predicted)))
        if parts:
            self.stand_for(np.concatenate([points.rows for points in parts]))

    def fit_data(self) -> None:
        self.setAspectLocked(self.equal and has_one_scale(self.getPlotItem().getViewBox()))
        if parts := self.parts():
            truth, predicted = (np.concatenate([getattr(p, name) for p in parts]) for name in ("truth", "predicted"))
            self.fit(self.bounds(truth, predicted))

    def places(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        data, target = self.shown.data.rows, self.shown.target
        if not len(rows) or target >= data.truth.shape[1]:
            return super().places(rows)
        visible = np.array([name not in self.shown.hidden for name in PARTITIONS])[data.partitions[rows]]
        truth = np.where(visible, data.truth[rows, target], np.nan)
        return self._xy(truth, data.predicted[rows, target])

    def bounds(self, truth: Numbers, predicted: Numbers) -> QRectF:
        """Return what has to be in sight: the same range both ways."""
        low, high = _range(np.concatenate([truth, predicted]))
        return QRectF(low, low, high - low, high - low)

    def caption(self) -> str:
        parts = self.parts()
        total, drawn = sum(points.total for points in parts), sum(len(points.truth) for points in parts)
        text = predictions_text(total, self.shown.data.rows, [points.partition for points in parts])
        if drawn < total:
            text += tr(", every {k}th drawn").format(k=-(-total // max(1, drawn)))
        return text

    def why_empty(self) -> str:
        return super().why_empty() or ("" if self.parts() else all_hidden())

    def _xy(self, truth: Numbers, predicted: Numbers) -> tuple[Numbers, Numbers]:
        return truth, predicted


class ResidualsPlot(ParityPlot):
    """What is left (predicted minus measured) over what was predicted."""

    equal = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Residuals chart: predicted minus measured, over predicted"))
        self.words = tr("predicted"), tr("residual")
        self.guide_angle = 0.0

    def bounds(self, truth: Numbers, predicted: Numbers) -> QRectF:
        left, right = _range(predicted)
        high = max(float(np.abs(predicted - truth).max()), 1e-9)
        return QRectF(left, -high, right - left, 2 * high)

    def _xy(self, truth: Numbers, predicted: Numbers) -> tuple[Numbers, Numbers]:
        return np.where(np.isnan(truth), np.nan, predicted), predicted - truth


def _range(values: Numbers) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1e-9)
