"""The measured spectra of all samples, coloured by what was measured or by partition, with outliers marked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QWidget

from gui.charts.lines import LineField, LineGroup
from gui.charts.sample_plot import REACH, RIGHT_TOP, SamplePlot, free_corner
from gui.formats import integer_text, number_text, tr
from gui.models.points_rows import Numbers
from gui.models.points_spectra import ORDINARY, OUTLYING, SUSPICIOUS, SpectralLines
from gui.theme import pipeline_colour, theme

MOST_NAMED = 6  # classes in the legend
AIR = 12  # pixels around the legend
MOST_LEGEND = 0.55  # of the height of the chart, that the legend may take from the lines


class SpectralPlot(SamplePlot):
    """What the charts of spectra have in common: their marks are samples, told by their place among the spectra."""

    @property
    def lines(self) -> SpectralLines | None:
        """The spectra, None until they are read."""
        return self.shown.spectra

    def why_empty(self) -> str:
        if self.shown.spectra is not None:
            return ""
        return self.shown.problem or tr("Reading the data…")

    def tip(self, mark: int) -> str:
        assert self.lines is not None
        spectra = self.lines.spectra
        value = float(self.lines.target(self.shown.target)[mark])
        words = spectra.labels[int(value)] if spectra.labels and np.isfinite(value) else number_text(value, 4)
        pieces = [
            f"{spectra.sample_names[mark]} · {tr('test') if spectra.test[mark] else tr('train')}",
            f"{self.shown.target_name or ', '.join(spectra.target)} {words} {spectra.units}".strip(),
        ]
        found = spectra.outliers
        if found is not None:
            pieces.append(kind_words(int(self.lines.kinds[mark])))
            numbers = number_text(float(found.t2[mark])), number_text(float(found.q[mark]))
            pieces.append(tr("T² {t2}, Q {q}").format(t2=numbers[0], q=numbers[1]))
        return "\n".join(pieces)

    def sample_of(self, marks: Numbers) -> Numbers:
        assert self.lines is not None
        return np.asarray(self.lines.spectra.sample_indices[marks])

    def choose(self, mark: int) -> None:
        self.pointed.emit(int(self.sample_of(np.array([mark]))[0]), -1)


class SpectraPlot(SpectralPlot):
    """One line a sample. The selected sample is drawn on top, thick, with its name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Spectra of all samples"), parent)
        self._corner = RIGHT_TOP
        self.grid()

    def draw_data(self) -> None:
        lines = self.lines
        if lines is None:
            return
        spectra = lines.spectra
        along = axis_words(spectra.axis_unit) if spectra.axis_known else tr("column number")
        self.label(along, tr("measured signal"))
        groups, entries = [], []
        for words, pen, places in self._groups(lines):
            if words:
                entries.append((words, _clear(pen)))
            if len(places):
                groups.append(LineGroup(lines.values[np.searchsorted(lines.places, places)], pen))
        bounds = self._bounds(lines)
        self.addItem(LineField(lines.axis, groups, bounds))
        drawn = lines.values[:: max(1, len(lines.values) // 50)]
        self._corner = free_corner(np.tile(lines.axis, len(drawn)), drawn.ravel(), bounds)
        self.legend(entries, self._corner)

    def fit_data(self) -> None:
        if self.lines is not None:
            self.fit(self._with_legend(self.lines), padding=0.03)

    @staticmethod
    def _bounds(lines: SpectralLines) -> QRectF:
        wide, high = max(lines.axis[-1] - lines.axis[0], 1e-9), max(lines.high - lines.low, 1e-9)
        return QRectF(lines.axis[0], lines.low, wide, high)

    def _with_legend(self, lines: SpectralLines) -> QRectF:
        """Return the bounds of the lines and, where the legend would lie over some of them, of room for it."""
        bounds, box, legend = self._bounds(lines), self.getPlotItem().getViewBox(), self._legend
        if legend is None or not len(lines.values) or min(box.width(), box.height()) < legend.height():
            return bounds
        right, low = self._corner
        across = (lines.axis - bounds.left()) / bounds.width()
        share = (legend.width() + AIR) / box.width()
        below = lines.values[:, across > 1 - share if right else across < share]
        below = below[np.isfinite(below)]
        if not len(below):
            return bounds
        free = float(below.min()) - bounds.top() if low else bounds.bottom() - float(below.max())
        part = min((legend.height() + AIR) / box.height(), MOST_LEGEND)
        room = max(0.0, (part * bounds.height() - free) / (1 - part))
        return bounds.adjusted(0, -room, 0, 0) if low else bounds.adjusted(0, 0, 0, room)

    def caption(self) -> str:
        lines = self.lines
        if lines is None:
            return ""
        text = tr("{n} samples, {m} columns").format(
            n=integer_text(len(lines.spectra.values)), m=integer_text(len(lines.axis))
        )
        if len(lines.places) < len(lines.spectra.values):
            text += tr(", {k} drawn").format(k=integer_text(len(lines.places)))
        found = lines.spectra.outliers
        if found is not None and self.shown.outliers:
            text += ", " + tr("outliers by PCA, components: {n}").format(n=found.components)
        return text

    def ordered(self) -> Numbers:
        return self.lines.places if self.lines is not None else np.empty(0, dtype=int)

    def at(self, scene_place: QPointF) -> int | None:
        lines, box = self.lines, self.getPlotItem().getViewBox()
        if lines is None or not len(lines.places) or not box.sceneBoundingRect().contains(scene_place):
            return None
        place = box.mapSceneToView(scene_place)
        wide, high = box.viewPixelSize()
        near = np.searchsorted(lines.axis, (place.x() - 3 * wide, place.x() + 3 * wide))
        seen = slice(max(0, int(near[0]) - 1), int(near[1]) + 1)
        far = distances(lines.axis[seen] / wide, lines.values[:, seen] / high, place.x() / wide, place.y() / high)
        found = int(np.argmin(far))
        return int(lines.places[found]) if far[found] <= REACH else None

    # --- drawing ---

    def _groups(self, lines: SpectralLines) -> Iterator[tuple[str, QPen, Numbers]]:
        """Say which lines are drawn how, and what the legend says of them; the outliers last, above the others."""
        marked = self.shown.outliers and lines.spectra.outliers is not None
        plain = lines.places[lines.kinds[lines.places] == ORDINARY] if marked else lines.places
        yield from self._coloured(lines, plain)
        if marked:
            for kind, colour, style in (
                (SUSPICIOUS, theme().colours.warning, Qt.PenStyle.DotLine),
                (OUTLYING, theme().colours.bad, Qt.PenStyle.DashLine),
            ):
                places = lines.places[lines.kinds[lines.places] == kind]
                count = integer_text(int((lines.kinds == kind).sum()))
                yield f"{kind_words(kind)}: {count}", pg.mkPen(colour, width=1.6, style=style), places

    def _coloured(self, lines: SpectralLines, places: Numbers) -> Iterator[tuple[str, QPen, Numbers]]:
        spectra, values = lines.spectra, lines.target(self.shown.target)[places]
        if self.shown.colouring == "partition":
            for name, mine in (("train", ~spectra.test[places]), ("test", spectra.test[places])):
                if mine.any():
                    yield name, _thin(getattr(theme().colours, name)), places[mine]
        elif spectra.labels:
            for code, label in enumerate(spectra.labels):
                yield label if code < MOST_NAMED else "", _thin(pipeline_colour(code)), places[values == code]
        else:
            yield from self._shaded(places, values)

    def _shaded(self, places: Numbers, values: Numbers) -> Iterator[tuple[str, QPen, Numbers]]:
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        steps, shades = np.zeros(len(values)), theme().colours.ramp
        if high > low:
            steps = np.nan_to_num((values - low) / (high - low) * len(shades)).clip(0, len(shades) - 1)
        told = {0: low, len(shades) - 1: high}
        for step, colour in enumerate(shades):
            words = number_text(told[step]) if step in told else ""
            words = f"{self.shown.target_name} {words}".strip() if step == 0 else words
            yield words, _thin(colour), places[steps.astype(int) == step]

    def _draw_ring(self) -> None:
        for item in self._ring:
            self.removeItem(item)
        self._ring = []
        lines = self.lines
        place = lines.place_of(self.sample) if lines is not None and self.sample is not None else None
        if lines is None or place is None:
            return
        values, colours = lines.line(place), theme().colours
        self._put_on_top(pg.PlotCurveItem(lines.axis, values, pen=pg.mkPen(colours.base, width=5)))
        self._put_on_top(pg.PlotCurveItem(lines.axis, values, pen=pg.mkPen(colours.text, width=2.2)))
        peak = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
        self.name_tag(float(lines.axis[peak]), float(values[peak]), lines.spectra.sample_names[place])


def distances(axis: Numbers, values: Numbers, x: float, y: float) -> Numbers:
    """Return how far a place is from each line (k, m) over `axis`, all in pixels; no number counts as far away."""
    if len(axis) < 2:
        return np.asarray(np.nan_to_num(np.hypot(axis[0] - x, values[:, 0] - y), nan=np.inf))
    start_x, start_y = axis[:-1], values[:, :-1]
    run, rise = np.diff(axis), np.diff(values, axis=1)
    length = np.maximum(run**2 + rise**2, 1e-12)
    along = (((x - start_x) * run + (y - start_y) * rise) / length).clip(0, 1)
    far = np.hypot(start_x + along * run - x, start_y + along * rise - y)
    nearest: Numbers = np.nan_to_num(far, nan=np.inf).min(axis=1)
    return nearest


def axis_words(unit: str) -> str:
    """Say what is along the axis of spectra, whose unit is empty where it is not known."""
    if not unit:
        return tr("spectral axis")
    words = {"cm⁻¹": tr("wavenumber [{unit}]"), "eV": tr("energy [{unit}]"), "THz": tr("frequency [{unit}]")}
    return words.get(unit, tr("wavelength [{unit}]")).format(unit=unit)


def kind_words(kind: int) -> str:
    """Say what kind of sample one is among the spectra."""
    return {
        ORDINARY: tr("like the others"),
        SUSPICIOUS: tr("suspicious (95 %)"),
        OUTLYING: tr("outlier (99 %)"),
    }[kind]


def _clear(pen: QPen) -> QPen:
    """Return a line as a legend shows it: thick enough to see its colour."""
    made: QPen = pg.mkPen(pen.color(), width=2, style=pen.style())
    return made


def _thin(colour: str) -> QPen:
    """Return a line of one pixel, whatever the zoom; it covers what is below: half seen it would be hard to see."""
    return QPen(QColor(colour), 0)
