"""The errors of the compared pipelines on every sample as a map, with the samples that are outliers everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from gui.formats import integer_text, number_text, tr
from gui.panes.compare_errors import ErrorsView, beside, share_text
from gui.panes.sheets import Sheet
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from gui.charts.heat_map import HeatMap
    from gui.models.overlay import Numbers


class SamplesView(ErrorsView):
    """The map of errors, and below it the samples that are outliers everywhere."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot: HeatMap | None
        self._shown: Any = ()
        self._listed: list[int] = []
        self.order = QComboBox()
        self.order.setAccessibleName(tr("Order of the samples"))
        for text, key in (
            (tr("as in the data file"), "row"),
            (tr("by measured value"), "truth"),
            (tr("worst first"), "worst"),
        ):
            self.order.addItem(text, key)
        self.order.currentIndexChanged.connect(lambda _: self._draw())
        self._key = QLabel()
        self._key.setObjectName("muted")
        self._key.setWordWrap(True)  # beside wide docks
        self._key.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        bar = QHBoxLayout()
        bar.setContentsMargins(GRID, 4, GRID, 4)
        bar.setSpacing(GRID)
        bar.addWidget(QLabel(tr("Samples")))
        bar.addWidget(self.order)
        bar.addWidget(self._key, 1)
        self._title = QLabel()
        self._title.setObjectName("heading")
        self._title.setContentsMargins(GRID, 6, GRID, 6)
        self.outliers = Sheet(
            [tr("Sample"), tr("Measured"), tr("Outlier in"), tr("Mean error")],
            tr("Samples that are outliers everywhere"),
            right_from=1,
        )
        self.outliers.currentCellChanged.connect(lambda row, *_: self._go(row))
        listed = QWidget()
        inside = QVBoxLayout(listed)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self._title)
        inside.addWidget(self.outliers, 1)
        self._place = QStackedLayout()
        above = QWidget()
        above.setLayout(self._place)
        above.setMinimumHeight(120)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(above)
        self.split.addWidget(beside(listed, self.table, (390, 250), grow=1))
        self.split.setSizes([380, 220])
        self.split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.split, 1)
        layout.addWidget(self.note)
        theme().changed.connect(self._say_key)

    def load_charts(self) -> None:
        """Make the map; it loads pyqtgraph."""
        if self.plot is None:
            from gui.charts.heat_map import heat_map

            self.plot = heat_map()
            self.plot.tip = lambda point: self.tip(*self._at(point))
            self.plot.pointed.connect(self._point)
            self.plot.walked.connect(self.walk)
            self.plot.image_wanted.connect(self.picture_wanted)
            self._place.addWidget(self.plot)
            self._draw()

    def _draw(self) -> None:
        errors = self.errors
        if errors is None or self.plot is None:
            return
        from gui.models.overlay import colour_limit, gathered, ordered

        order = ordered(errors, str(self.order.currentData()))
        self._shown = gathered(errors, order)
        words = tr("{n} samples, {order}").format(n=integer_text(len(order)), order=self.order.currentText())
        if len(self._shown) < len(order):
            words += tr("; of neighbours the worst is drawn")
        if not errors.classes and self.unit:
            words += tr("; errors in {what}").format(what=self.unit.strip())
        limit = 1.0 if errors.classes else colour_limit(errors.values)
        self.plot.show_values(
            errors.values[self._shown].T, errors.outliers[self._shown], [one.label for one in self.pipelines], limit,
            words, one_sided=errors.classes,
        )  # fmt: skip
        self._list_outliers()
        self._say_key()
        self.note.setText(self.problems_text())
        self.note.setVisible(bool(self.problems_text()))
        self._mark()

    def _list_outliers(self) -> None:
        assert self.errors is not None
        import numpy as np

        errors = self.errors
        self._listed = [int(place) for place in np.flatnonzero(errors.outliers)]
        self._listed.sort(key=lambda place: -float(np.nanmean(np.abs(errors.values[place]))))
        rows = []
        for place in self._listed:
            truth = errors.labels[int(errors.truth[place])] if errors.classes else float(errors.truth[place])
            mean = float(np.nanmean(errors.values[place]))
            rows.append((errors.sample_names[place], truth, share_text(errors.share_outlying[place]), mean))
        with QSignalBlocker(self.outliers):
            self.outliers.fill(rows)
            self.outliers.setCurrentCell(-1, -1)
        self._title.setText(
            tr("Outliers everywhere: {n}").format(n=integer_text(len(rows)))
            if rows
            else tr("No sample is an outlier everywhere")
        )

    def _say_key(self) -> None:
        """Explain the colours."""
        if self.errors is None:
            return
        from gui.charts.heat_map import HIGH, LOW

        high = f"<span style='color:{HIGH}'>■</span>"
        if self.errors.classes:
            self._key.setText(f"{high} {tr('wrong')}   ▼ {tr('outlier everywhere')}")
            return
        from gui.models.overlay import colour_limit

        limit = number_text(colour_limit(self.errors.values), 2)
        low = f"<span style='color:{LOW}'>■</span>"
        self._key.setText(
            f"{low} {tr('too low')} (−{limit})   {high} {tr('too high')} (+{limit})   ▼ {tr('outlier everywhere')}"
        )

    def _mark(self) -> None:
        if self.plot is None or self.errors is None:
            return
        import numpy as np

        place = np.flatnonzero(np.asarray(self._shown) == self.sample)
        self.plot.highlight(self.current, int(place[0]) if len(place) else -1)
        row = self._listed.index(self.sample) if self.sample in self._listed else -1
        if row != self.outliers.currentRow():
            with QSignalBlocker(self.outliers):
                self.outliers.setCurrentCell(row, 0 if row >= 0 else -1)

    def _order(self) -> Numbers:
        import numpy as np

        return np.asarray(self._shown, dtype=int)

    def _at(self, point: int) -> tuple[int, int]:
        row, column = divmod(point, len(self._shown))
        return row, int(self._shown[column])

    def _point(self, point: int) -> None:
        pipeline, sample = self._at(point)
        self.picked.emit(self.pipelines[pipeline].picked)
        self.sampled.emit(sample)

    def _go(self, row: int) -> None:
        if 0 <= row < len(self._listed):
            self.sampled.emit(self._listed[row])
