"""How much a metric differs from fold to fold: each fold, their mean, and one standard deviation to either side."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from gui.charts.sample_plot import REACH, SamplePlot
from gui.formats import number_text, tr
from gui.models.points import FoldSpread
from gui.theme import theme
from storage import metric_for

DIGITS = 4


class FoldsPlot(SamplePlot):
    """One mark for each fold. The ring is around the fold in which the selected sample was held out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Metric in each cross-validation fold"), parent)
        self.grid(x=False)

    @property
    def spread(self) -> FoldSpread | None:
        """The metric that is shown: the chosen one if the pipeline has it, else its first."""
        found = [one for one in self.shown.data.folds if one.metric == self.shown.metric]
        return next(iter(found or self.shown.data.folds), None)

    def why_empty(self) -> str:
        return "" if self.shown.data.folds else tr("This pipeline was not cross-validated.")

    def draw_data(self) -> None:
        spread = self.spread
        if spread is None:
            return
        colours = theme().colours
        self.label(tr("fold"), metric_title(spread.metric))
        self.ticks("bottom", [str(number) for number in spread.numbers])
        if math.isfinite(spread.std):
            band = QColor(colours.val)
            band.setAlpha(40)
            limits = (spread.mean - spread.std, spread.mean + spread.std)
            area = pg.LinearRegionItem(limits, orientation="horizontal", movable=False, brush=band, pen=pg.mkPen(None))
            area.setZValue(-10)
            self.addItem(area, ignoreBounds=True)
        self.guide(spread.mean)
        x = np.arange(len(spread.values))
        self.addItem(
            pg.ScatterPlotItem(x=x, y=spread.values, symbol="d", size=12, pen=pg.mkPen(colours.val),
                               brush=pg.mkBrush(colours.val))
        )  # fmt: skip
        self.fit(self._bounds(spread), padding=0.08)

    def caption(self) -> str:
        spread = self.spread
        if spread is None:
            return ""
        metric = metric_for(spread.metric)
        digits = metric.digits if metric is not None else 3
        if not math.isfinite(spread.std):
            return tr("one fold: {value}").format(value=number_text(spread.mean, digits))
        return tr("mean {mean} ± {std} (sd of {n} folds)").format(
            mean=number_text(spread.mean, digits), std=number_text(spread.std, 2), n=len(spread.values)
        )

    def _draw_ring(self) -> None:
        for item in self._ring:
            self.removeItem(item)
        self._ring = []
        spread, rows = self.spread, self.shown.data.rows
        if spread is None or self.sample is None or not len(rows):
            return
        mine = rows.of_sample(self.sample)
        folds = {int(fold) for fold in rows.folds[mine] if math.isfinite(fold)}
        places = [n for n, number in enumerate(spread.numbers) if number in folds]
        if places:
            self.ring(np.array(places, dtype=float), spread.values[places], rows.names[int(mine[0])])

    def at(self, scene_place: QPointF) -> int | None:
        return None  # a fold is no sample

    def tip_at(self, scene_place: QPointF) -> str:
        spread, box = self.spread, self.getPlotItem().getViewBox()
        if spread is None:
            return ""
        place = box.mapSceneToView(scene_place)
        wide, high = box.viewPixelSize()
        far = np.hypot((np.arange(len(spread.values)) - place.x()) / wide, (spread.values - place.y()) / high)
        near = int(np.argmin(far))
        if far[near] > REACH:
            return ""
        return tr("fold {fold}: {metric} {value}").format(
            fold=spread.numbers[near], metric=metric_title(spread.metric),
            value=number_text(float(spread.values[near]), DIGITS),
        )  # fmt: skip

    @staticmethod
    def _bounds(spread: FoldSpread) -> QRectF:
        reach = spread.std if math.isfinite(spread.std) else 0.0
        low = min(float(spread.values.min()), spread.mean - reach)
        high = max(float(spread.values.max()), spread.mean + reach)
        if not high > low:
            low, high = low - 0.5, high + 0.5
        return QRectF(-0.5, low, len(spread.values), high - low)


def metric_title(name: str) -> str:
    """Say what a metric is called."""
    metric = metric_for(name)
    return metric.title if metric is not None else name
