"""The plot all charts are made of: in the colours of the theme, with labels, markers and a picture to take away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetrics, QGuiApplication, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QMenu, QWidget
from shiboken6 import delete, isValid

from gui.charts.number_axis import NumberAxis
from gui.formats import tr
from gui.shortening import shortened
from gui.theme import theme

pg.setConfigOptions(antialias=True)
MARGINS = (4, 4, 6, 4)  # between what is written and the frame that shows where the keyboard is
LABEL_MARGINS = 10  # pixels that Qt leaves around the text
LEAST_LABEL = 24  # pixels of an axis; a chart that was never laid out has less
MARKERS = {"train": "o", "val": "t1", "test": "s"}
# A marker for each pipeline. There is one more of them than of colours, so that the two repeat together only after
# fifty-six; of those that share a colour the dashes differ too.
SYMBOLS = ("o", "s", "t1", "d", "t", "p", "h", "star")
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """One chart. A subclass (or its owner) sets `draw`, which is called for new data and for a new theme.

    `image_wanted` asks for a picture to be written somewhere; the owner, which may touch files, does it.
    """

    image_wanted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False, axisItems={side: NumberAxis(side) for side in ("left", "bottom")})
        # A menu is made all the same, which is nobody's: it would outlive the chart.
        unused = self.getPlotItem().ctrlMenu
        self.destroyed.connect(lambda: delete(unused) if isValid(unused) else None)
        self.setAccessibleName(name)
        self.hideButtons()
        self.getPlotItem().setContentsMargins(*MARGINS)
        self.setFrameShape(self.Shape.NoFrame)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.draw: Callable[[], None] = lambda: None
        self._faded = False
        self._names: dict[str, str] = {}
        self.fits = False  # whether what is drawn is fitted into another size: not where somebody moved it
        box = self.getPlotItem().getViewBox()
        box.sigResized.connect(self._resized)
        box.sigRangeChangedManually.connect(self._note_moved)
        theme().changed.connect(self._recolour)
        self._dress()

    def redraw(self) -> None:
        """Draw everything again, in the colours of now."""
        self._faded = False
        self.getPlotItem().clear()
        self._dress()
        self.draw()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self.viewport())
            painter.setPen(QPen(QColor(theme().colours.accent), 1))
            painter.drawRect(self.viewport().rect().adjusted(0, 0, -1, -1))
            painter.end()

    def label(self, bottom: str, left: str) -> None:
        """Name both axes; a name that is longer than its axis is shortened."""
        self._names = {"bottom": bottom, "left": left}
        self._write_labels()

    def fit_data(self) -> None:
        """Bring what is drawn into sight, for subclasses; done again in another size as long as it `fits`."""

    def _resized(self) -> None:
        if self.plotItem is not None:  # else it is closed
            self._write_labels()
            if self.fits:
                self.fit_data()

    def _note_moved(self) -> None:
        self.fits = False

    def _write_labels(self) -> None:
        box = self.getPlotItem().getViewBox()
        for side, text in self._names.items():
            axis = self.getAxis(side)
            room = int(box.width() if side == "bottom" else box.height()) - LABEL_MARGINS
            fitting = shortened(text, QFontMetrics(axis.label.font()), room) if room > LEAST_LABEL else text
            if fitting != axis.labelText or axis.labelStyle.get("color") != theme().colours.muted:
                self.getPlotItem().setLabel(side, fitting, color=theme().colours.muted)

    def grid(self, *, x: bool = True, y: bool = True) -> None:
        """Draw faint lines at the ticks."""
        self.getPlotItem().showGrid(x=x, y=y, alpha=0.12)

    def ticks(self, side: str, names: list[str] | None, offset: float = 0.0) -> None:
        """Write names at 0, 1, 2, … plus `offset` along an axis; None goes back to numbers."""
        marks = None if names is None else [[(number + offset, name) for number, name in enumerate(names)]]
        self.getAxis(side).setTicks(marks)

    def line(self, x: Any, y: Any, colour: str, *, width: float = 1.5, place: int = 0, faded: bool = False) -> Any:
        """Add a line; `place` chooses its dashes past the seventh colour."""
        item = self.plot(x, y, pen=pen(colour, width, place=place, alpha=70 if faded else 255))
        return item

    def guide(self, at: float, *, angle: float = 0.0) -> Any:
        """Add a dashed line of reference: 0 degrees is level, 90 upright, 45 the diagonal through the origin."""
        dashes = pg.mkPen(theme().colours.muted, width=1, style=Qt.PenStyle.DashLine)
        place: Any = (at, at) if angle not in (0.0, 90.0) else at
        item = pg.InfiniteLine(pos=place, angle=angle, pen=dashes)
        self.addItem(item)
        return item

    def fit(self, bounds: QRectF, padding: float = 0.05) -> None:
        """Show exactly these bounds."""
        self.getPlotItem().getViewBox().setRange(bounds, padding=padding)

    def copy_picture(self) -> None:
        """Put a picture of the chart on the clipboard, without anything that tells where the keyboard is."""
        from gui.charts.picture import image_of

        QGuiApplication.clipboard().setImage(image_of(self))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._faded:
            self.redraw()

    def _recolour(self) -> None:
        """Take on the colours of now; what is drawn out of sight does so as soon as it is seen again."""
        if self.plotItem is None:  # closed: pyqtgraph has let go of all it held, and nothing is drawn any more
            return
        self._faded = True
        if self.isVisible():
            self.redraw()
        else:
            self._dress()

    def _dress(self) -> None:
        colours = theme().colours
        self.setBackground(colours.base)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(colours.line))
            axis.setTextPen(pg.mkPen(colours.muted))

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Show all"), self.getPlotItem().autoRange)
        menu.addAction(tr("Copy picture"), self.copy_picture)
        menu.addAction(tr("Save picture…"), self.image_wanted.emit)
        menu.popup(self.mapToGlobal(at))


def pen(colour: str, width: float = 1.0, *, place: int = 0, alpha: int = 255) -> QPen:
    """Return a pen; `place` chooses its dashes, so that colours that repeat stay apart."""
    shade = QColor(colour)
    shade.setAlpha(alpha)
    made: QPen = pg.mkPen(shade, width=width, style=DASHES[place // 7 % len(DASHES)])
    return made


def symbol(place: int) -> str:
    """Return the marker of the pipeline at a place."""
    return SYMBOLS[place % len(SYMBOLS)]
