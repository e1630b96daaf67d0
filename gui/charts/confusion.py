"""How often each class was taken for each: counts, and shares of the true class as colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent
from PySide6.QtWidgets import QWidget

from gui.charts.sample_plot import SamplePlot
from gui.charts.shown import share_text
from gui.formats import integer_text, tr
from gui.models.points import Confusion
from gui.models.points_rows import Numbers
from gui.theme import theme

MOST_WRITTEN = 12  # classes; with more the cells are too small for numbers
MOST_WITH_SHARES = 6
ARROWS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
}  # fmt: skip


class ConfusionPlot(SamplePlot):
    """The matrix of one partition. `cell_chosen` tells the partition and the rows in the cell that somebody chose.

    Arrow keys go from cell to cell, Enter chooses; the frame shows where one is, the thin one where the sample is.
    """

    cell_chosen = Signal(str, object, str)  # partition, rows, words for what they are

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Confusion matrix"), parent)
        self.getPlotItem().getViewBox().invertY(True)
        self.getAxis("left").setWidth(None)  # names of classes take what they need
        self.setMouseEnabled(x=False, y=False)
        self.cell: tuple[int, int] | None = None

    @property
    def matrix(self) -> Confusion | None:
        """The matrix of the chosen partition, or of the last there is."""
        every = self.shown.data.confusions
        found = [one for one in every if one.partition == self.shown.partition]
        return next(iter(found or every[-1:]), None)

    def why_empty(self) -> str:
        return super().why_empty() or ("" if self.matrix is not None else tr("No predicted classes are known here."))

    def draw_data(self) -> None:
        matrix = self.matrix
        if matrix is None:
            return
        size = len(matrix.labels)
        if self.cell is not None and max(self.cell) >= size:
            self.cell = None
        shares = matrix.counts / np.maximum(matrix.counts.sum(axis=1, keepdims=True), 1)
        colours = theme().colours
        ground = pg.ColorMap([0.0, 1.0], [QColor(colours.base), QColor(getattr(colours, matrix.partition))])
        image = pg.ImageItem(shares.T, levels=(0.0, 1.0))
        image.setColorMap(ground)
        self.addItem(image)
        self.label(tr("predicted"), tr("true"))
        for side in ("left", "bottom"):
            self.ticks(side, matrix.labels, 0.5)
        if size <= MOST_WRITTEN:
            self._write(matrix, shares)
        self.fit(QRectF(0, 0, size, size), padding=0.02)

    def caption(self) -> str:
        matrix = self.matrix
        if matrix is None:
            return ""
        right, total = int(np.trace(matrix.counts)), int(matrix.counts.sum())
        return tr("{right} of {total} right ({share}), {name}").format(
            right=integer_text(right), total=integer_text(total), share=share_text(right, total), name=matrix.partition
        )

    def cell_words(self, cell: tuple[int, int]) -> str:
        """Say what a cell tells."""
        matrix = self.matrix
        assert matrix is not None
        truth, predicted = cell
        count, whole = int(matrix.counts[cell]), int(matrix.counts[truth].sum())
        return tr("{count} of {whole} {truth} taken for {predicted} ({share})").format(
            count=integer_text(count), whole=integer_text(whole), truth=matrix.labels[truth],
            predicted=matrix.labels[predicted], share=share_text(count, whole),
        )  # fmt: skip

    def choose_cell(self, cell: tuple[int, int]) -> None:
        """Choose the samples of a cell."""
        matrix = self.matrix
        if matrix is None:
            return
        self.cell = cell
        self._draw_ring()
        rows = self._rows_of(cell)
        if len(rows):
            self.cell_chosen.emit(matrix.partition, rows, f"{matrix.partition} · {self.cell_words(cell)}")

    # --- drawing ---

    def _write(self, matrix: Confusion, shares: Numbers) -> None:
        colours = theme().colours
        size = len(matrix.labels)
        font = QFont(self.font())
        font.setPointSizeF(max(6.0, self.font().pointSizeF() * (1.0 if size <= MOST_WITH_SHARES else 0.85)))
        for row, column in np.ndindex(size, size):
            text = integer_text(int(matrix.counts[row, column]))
            if size <= MOST_WITH_SHARES and matrix.counts[row].sum():
                text += f"\n{share_text(float(shares[row, column]), 1)}"
            ground = blend(colours.base, getattr(colours, matrix.partition), float(shares[row, column]))
            item = pg.TextItem(text, color=readable(ground), anchor=(0.5, 0.5))
            item.setFont(font)
            item.textItem.document().setDefaultTextOption(_centred())
            item.textItem.setTextWidth(item.textItem.document().idealWidth())
            item.updateTextPos()
            item.setPos(column + 0.5, row + 0.5)
            self.addItem(item)

    def _draw_ring(self) -> None:
        for item in self._ring:
            self.removeItem(item)
        self._ring = []
        matrix = self.matrix
        if matrix is None:
            return
        if self.cell is not None:
            self._frame(self.cell, theme().colours.accent, Qt.PenStyle.SolidLine, 0.02)
        sample = self.sample_cell()
        if sample is not None:
            self._frame(sample, theme().colours.text, Qt.PenStyle.DashLine, 0.06)

    def sample_cell(self) -> tuple[int, int] | None:
        """Return the cell the selected sample is in, true class first."""
        matrix, rows = self.matrix, self.shown.data.rows
        if matrix is None or self.sample is None or not len(rows):
            return None
        mine = [row for row in rows.of_sample(self.sample) if rows.partition(int(row)) == matrix.partition]
        if not mine or not np.isfinite([rows.truth[mine[0], 0], rows.predicted[mine[0], 0]]).all():
            return None
        return int(rows.truth[mine[0], 0]), int(rows.predicted[mine[0], 0])

    def _frame(self, cell: tuple[int, int], colour: str, style: Qt.PenStyle, inset: float) -> None:
        row, column = cell
        left, right = column + inset, column + 1 - inset
        top, bottom = row + inset, row + 1 - inset
        x, y = [left, right, right, left, left], [top, top, bottom, bottom, top]
        self._put_on_top(pg.PlotCurveItem(x, y, pen=pg.mkPen(colour, width=2, style=style)))

    def _rows_of(self, cell: tuple[int, int]) -> Numbers:
        matrix, rows = self.matrix, self.shown.data.rows
        assert matrix is not None
        here = rows.of_partition(matrix.partition)
        mine = (rows.truth[here, 0] == cell[0]) & (rows.predicted[here, 0] == cell[1])
        return np.asarray(here[mine])

    # --- finding ---

    def cell_at(self, scene_place: QPointF) -> tuple[int, int] | None:
        """Return the cell under a place of the scene, true class first."""
        matrix, box = self.matrix, self.getPlotItem().getViewBox()
        if matrix is None or not box.sceneBoundingRect().contains(scene_place):
            return None
        place = box.mapSceneToView(scene_place)
        cell = int(np.floor(place.y())), int(np.floor(place.x()))
        return cell if min(cell) >= 0 and max(cell) < len(matrix.labels) else None

    def _click(self, event: Any) -> None:
        cell = self.cell_at(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.choose_cell(cell)

    def tip_at(self, scene_place: QPointF) -> str:
        cell = self.cell_at(scene_place)
        return self.cell_words(cell) if cell is not None else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        matrix, key = self.matrix, Qt.Key(event.key())
        if matrix is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cell is not None:
            self.choose_cell(self.cell)
        elif matrix is not None and key in ARROWS and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            down, right = ARROWS[key]
            row, column = self.cell or (-down if down > 0 else 0, -right if right > 0 else 0)
            last = len(matrix.labels) - 1
            self.cell = (min(max(0, row + down), last), min(max(0, column + right), last))
            self.setAccessibleDescription(self.cell_words(self.cell))
            self._draw_ring()
        else:
            event.ignore()


def blend(first: str, second: str, share: float) -> QColor:
    """Return the colour between two, 0 the first and 1 the second."""
    a, b = QColor(first), QColor(second)
    parts = [round(x + share * (y - x)) for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True)]  # type: ignore[index]
    return QColor(*parts)


def readable(ground: QColor) -> str:
    """Return black or white, whichever stands out more (contrast as WCAG 2.1 defines it)."""
    light = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground.getRgbF()[:3]]  # type: ignore[index]
    luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


def _centred() -> Any:
    from PySide6.QtGui import QTextOption

    return QTextOption(Qt.AlignmentFlag.AlignHCenter)
