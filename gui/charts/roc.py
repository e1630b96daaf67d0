"""ROC curves of one partition: one class against the rest, with the area under each, and their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QWidget

from gui.charts.plot import DASHES, pen
from gui.charts.sample_plot import SamplePlot
from gui.formats import integer_text, number_text, tr
from gui.models.points_rows import Numbers
from gui.theme import pipeline_colour, theme

if TYPE_CHECKING:
    from storage import RocCurve, RocCurves

MOST_NAMED = 8  # curves in the legend; of more the best and the worst are of interest, on hover
DIGITS = 3


class RocPlot(SamplePlot):
    """The ring shows where the selected sample's probability of its true class lies on that class's curve."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("ROC curves: true positive over false positive rate"), parent)
        self.grid()

    @property
    def curves(self) -> RocCurves | None:
        """The curves of the chosen partition, None while they are being made."""
        roc = self.shown.roc
        if roc is None:
            return None
        return roc.get(self.shown.partition) or next(iter(reversed(roc.values())), None)

    def why_empty(self) -> str:
        if super().why_empty():
            return super().why_empty()
        if self.shown.data.rows.probabilities is None:
            return tr("This model gives no class probabilities, so it has no ROC curve.")
        if self.shown.roc is None:
            return tr("Computing the curves…")
        return self.curves.problem if self.curves is not None else tr("There are no predictions.")

    def draw_data(self) -> None:
        curves = self.curves
        if curves is None:
            return
        self.label(tr("false positive rate"), tr("true positive rate"))
        self.guide(0.0, angle=45.0)
        entries = []
        for place, curve in enumerate(curves.curves):
            how = _pen(place)
            self.plot(curve.fpr, curve.tpr, pen=how)
            entries.append((_words(curve), how))
        entries = entries[:MOST_NAMED]
        if curves.macro is not None:
            how = pg.mkPen(theme().colours.text, width=2.4, style=Qt.PenStyle.DashLine)
            self.plot(curves.macro.fpr, curves.macro.tpr, pen=how)
            entries.append((tr("mean (macro) {auc}").format(auc=number_text(curves.macro.auc, DIGITS)), how))
        self.legend(entries, (1, 1))  # where curves leave room
        self.fit(QRectF(0, 0, 1, 1), padding=0.03)

    def caption(self) -> str:
        curves = self.curves
        if curves is None or not curves.curves:
            return ""
        whole = sum(curve.samples for curve in curves.curves)
        return tr("area under the curve, {partition}, {n} positive samples").format(
            partition=curves.partition, n=integer_text(whole)
        )

    def places(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        data, curves = self.shown.data.rows, self.curves
        x, y = super().places(rows)
        if curves is None or data.probabilities is None:
            return x, y
        here = data.of_partition(curves.partition)
        drawn = {curve.label for curve in curves.curves}
        for place, row in enumerate(rows):
            if data.partition(int(row)) != curves.partition or not np.isfinite(data.truth[row, 0]):
                continue
            code = int(data.truth[row, 0]) if len(data.labels) > 2 else 1
            if data.labels[code] in drawn:
                x[place], y[place] = _rates(
                    data.truth[here, 0] == code, data.probabilities[here, code], data.probabilities[row, code]
                )
        return x, y


def _rates(positive: Numbers, score: Numbers, threshold: float) -> tuple[float, float]:
    """Return the false and the true positive rate when everything from `threshold` up is called positive."""
    called = score >= threshold
    return float(called[~positive].mean()), float(called[positive].mean())


def _pen(place: int) -> QPen:
    made = pen(pipeline_colour(place), 1.8)
    made.setStyle(DASHES[place % len(DASHES)])
    made.setColor(QColor(pipeline_colour(place)))
    return made


def _words(curve: RocCurve) -> str:
    return f"{curve.label} {number_text(curve.auc, DIGITS)}"
