"""Measured against predicted for all compared pipelines at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from gui.formats import integer_text, tr
from gui.panes.compare_errors import ErrorsView, beside, share_text

if TYPE_CHECKING:
    from gui.charts.many_points import ManyPoints
    from gui.models.overlay import Numbers


class ParityView(ErrorsView):
    """Measured against predicted for all pipelines at once; of classes, the share of right answers in each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot: ManyPoints | None
        self._samples: Any = ()  # the sample of each point drawn of all pipelines, -1 for none
        self._ahead: Any = ()  # the samples drawn of the current pipeline
        self._place = QStackedLayout()
        left = QWidget()
        left.setLayout(self._place)
        self.split = beside(left, self.table, (600, 220))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.split, 1)
        layout.addWidget(self.note)

    def load_charts(self) -> None:
        """Make the plot; it loads pyqtgraph."""
        if self.plot is None:
            from gui.charts.many_points import many_points

            self.plot = many_points()
            self.plot.tip = self._tip
            self.plot.pointed.connect(self._point)
            self.plot.walked.connect(self.walk)
            self.plot.image_wanted.connect(self.picture_wanted)
            self._place.addWidget(self.plot)
            self._draw()

    def _draw(self) -> None:
        errors, plot = self.errors, self.plot
        if errors is None or plot is None:
            return
        import numpy as np

        from gui.models.overlay import recalls, thinned

        count = len(self.pipelines)
        if errors.classes:
            shares = recalls(errors)
            classes = len(errors.labels)
            self._samples, self._ahead = np.full(classes * count, -1), np.full(classes, -1)
            x, y = np.tile(np.arange(classes, dtype=float), count), shares.T.ravel()
            words = (tr("true class"), tr("share of right answers"))
            plot.front = None
            owners = np.repeat(np.arange(count), classes)
            plot.show_points(self.pipelines, x, y, owners, words, list(errors.labels), joined=True)
            text = tr("{n} samples of {k} classes").format(n=integer_text(len(errors.samples)), k=classes)
        else:
            shown, self._ahead = thinned(errors, count), thinned(errors, 2)
            self._samples = np.tile(shown, count)
            x, y = np.tile(errors.truth[shown], count), (errors.truth[shown, None] + errors.values[shown]).T.ravel()
            words = (f"{tr('measured')}{self.unit}", f"{tr('predicted')}{self.unit}")
            plot.front = self._points_of
            plot.show_points(self.pipelines, x, y, np.repeat(np.arange(count), len(shown)), words)
            text = tr("{n} samples").format(n=integer_text(len(errors.samples)))
            if len(shown) < len(errors.samples):
                drawn = tr(", {n} of them drawn, {k} of the current pipeline")
                text += drawn.format(n=integer_text(len(shown)), k=integer_text(len(self._ahead)))
        self.note.setText(" · ".join(part for part in (text, self.problems_text()) if part))
        self._mark()

    def _points_of(self, pipeline: int) -> tuple[Numbers, Numbers]:
        """Return measured and predicted values of one pipeline."""
        assert self.errors is not None
        truth = self.errors.truth[self._ahead]
        return truth, truth + self.errors.values[self._ahead, pipeline]

    def _mark(self) -> None:
        errors = self.errors
        if self.plot is None or errors is None:
            return
        import numpy as np

        xs = ys = np.zeros(0)
        if self.sample >= 0 and not errors.classes:
            ys = errors.truth[self.sample] + errors.values[self.sample]
            ys = ys[np.isfinite(ys)]
            xs = np.full(len(ys), errors.truth[self.sample])
        self.plot.highlight(self.current, xs, ys)

    def _order(self) -> Numbers:
        import numpy as np

        from gui.models.overlay import ordered

        return np.zeros(0, int) if self.errors is None or self.errors.classes else ordered(self.errors, "truth")

    def _sample(self, point: int) -> int:
        """Return the sample of a point, -1 where it is that of a class."""
        ahead = point - len(self._samples)
        return int(self._ahead[ahead] if ahead >= 0 else self._samples[point])

    def _tip(self, point: int) -> str:
        assert self.plot is not None and self.errors is not None
        pipeline, sample = self.plot.owner(point), self._sample(point)
        if sample >= 0:
            return self.tip(pipeline, sample)
        label, share = point % len(self.errors.labels), self.plot.height_of(point)
        return tr("{name}\n{label}: {share} right").format(
            name=self.pipelines[pipeline].label, label=self.errors.labels[label], share=share_text(share)
        )

    def _point(self, point: int) -> None:
        assert self.plot is not None
        sample = self._sample(point)
        self.picked.emit(self.pipelines[self.plot.owner(point)].picked)
        if sample >= 0:
            self.sampled.emit(sample)
