"""What the views of errors share: the data, the names with the error on the selected sample, and walking about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSplitter, QWidget

from gui.formats import MISSING, number_text, tr
from gui.models.columns import RIGHT
from gui.models.compared import Compared
from gui.panes.compare_table import AnyIndex, LegendModel, legend
from gui.theme import GRID

if TYPE_CHECKING:
    from gui.models.overlay import Numbers
    from storage import SampleErrors


class ErrorsModel(LegendModel):
    """The names, and the error of each pipeline on the selected sample."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._errors: dict[str, float] = {}
        self._sample = ""
        self._classes = False

    def show_errors(self, sample: str, errors: dict[str, float], *, classes: bool) -> None:
        """Show the errors on a sample; an empty name shows none."""
        self.beginResetModel()
        self._sample, self._errors, self._classes = sample, errors, classes
        self.endResetModel()

    def columnCount(self, parent: Any = None) -> int:
        return 2

    def title(self, section: int, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Pipeline"), self._sample or tr("Error"))[section]
        return RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and section == 1 else None

    def sort_key(self, row: int, column: int) -> float | None:
        return self._errors.get(self.pipelines[row].picked.prediction_id) if column == 1 else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if index.column() == 0:
            return super().data(index, role)
        error = self._errors.get(self.pipelines[index.row()].picked.prediction_id)
        if role == Qt.ItemDataRole.DisplayRole:
            return number_text(error) if error is None or not self._classes else answer_text(error)
        if role == Qt.ItemDataRole.UserRole:
            return error
        return RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None


class ErrorsView(QWidget):
    """What both views of errors share: the data, the current pipeline and the selected sample.

    `picked` tells which pipeline somebody went to, `sampled` which sample, by its place in the errors,
    `picture_wanted` that a picture of the chart is to be saved.
    """

    picked = Signal(object)
    sampled = Signal(int)
    picture_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.errors: SampleErrors | None = None
        self.plot: Any = None  # made by load_charts
        self.pipelines: list[Compared] = []
        self.current = -1
        self.sample = -1
        self.model = ErrorsModel(self)
        self.table = legend(self.model)
        self.table.setColumnHidden(1, True)
        self.table.picked.connect(self.picked)
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.note.setContentsMargins(GRID, 2, GRID, 4)

    def show_errors(self, errors: SampleErrors, pipelines: Sequence[Compared], unit: str) -> None:
        """Show the errors of these pipelines."""
        self.errors = errors
        by_id = {one.picked.prediction_id: one for one in pipelines}
        self.pipelines = [by_id[one] for one in errors.prediction_ids if one in by_id]
        self.unit = unit
        self.sample = -1
        self.model.put(self.pipelines)
        self._draw()

    def point(self, current: int, sample: int) -> None:
        """Let a pipeline stand out and mark a sample, by their places in the errors; -1 for none."""
        self.current, self.sample = current, sample
        errors = self.errors
        if errors is not None:
            here = 0 <= sample < len(errors.samples)
            own = dict(zip(errors.prediction_ids, errors.values[sample], strict=True)) if here else {}
            self.model.show_errors(errors.sample_names[sample] if here else "", own, classes=errors.classes)
            self.table.setColumnHidden(1, not here)
        if 0 <= current < len(self.pipelines):
            self.table.show_current(self.pipelines[current].picked)
        self._mark()

    def walk(self, across: int, down: int) -> None:
        """Go to a neighbouring sample or pipeline."""
        if self.errors is None:
            return
        if down and self.pipelines:
            number = min(max(0, self.current + down), len(self.pipelines) - 1)
            self.picked.emit(self.pipelines[number].picked)
        if across and len(order := self._order()):
            places = [int(place) for place in order]
            at = places.index(self.sample) + across if self.sample in places else 0
            self.sampled.emit(places[min(max(0, at), len(places) - 1)])

    def tip(self, pipeline: int, sample: int) -> str:
        """Say what a pipeline did with a sample."""
        assert self.errors is not None
        errors = self.errors
        error = float(errors.values[sample, pipeline])
        lines = [f"{errors.sample_names[sample]} · {self.pipelines[pipeline].label}"]
        if errors.classes:
            lines.append(tr("true: {label}").format(label=errors.labels[int(errors.truth[sample])]))
            lines.append(tr("wrong in {share} of its predictions").format(share=f"{100 * error:.0f} %"))
        else:
            truth = float(errors.truth[sample])
            lines.append(tr("measured {value}").format(value=number_text(truth, 4)))
            lines.append(tr("predicted {value}").format(value=number_text(truth + error, 4)))
            lines.append(tr("residual {value}").format(value=number_text(error)))
        if errors.outliers[sample]:
            lines.append(
                tr("an outlier in {share} of the pipelines").format(share=share_text(errors.share_outlying[sample]))
            )
        return "\n".join(lines)

    def problems_text(self) -> str:
        """Say which pipelines are not shown, and why."""
        errors = self.errors
        if errors is None or not errors.problems:
            return ""
        names = {one.picked.prediction_id: one.label for one in self.pipelines}
        said = [f"{names.get(one, one)}: {why}" for one, why in errors.problems.items()]
        more = tr(" and {n} more").format(n=len(said) - 3) if len(said) > 3 else ""
        return tr("Not shown: {list}{more}").format(list=" ".join(said[:3]), more=more)

    def load_charts(self) -> None:
        """Make the chart; it loads pyqtgraph."""
        raise NotImplementedError

    def _order(self) -> Numbers:
        """Return the samples in the order one walks along them."""
        raise NotImplementedError

    def _draw(self) -> None:
        raise NotImplementedError

    def _mark(self) -> None:
        raise NotImplementedError


def beside(main: QWidget, names: QWidget, widths: tuple[int, int], *, grow: int = 0) -> QSplitter:
    """Put the names beside a chart or list; with `grow` 1 they take an equal part of a wider window."""
    split = QSplitter(Qt.Orientation.Horizontal)
    split.addWidget(main)
    split.addWidget(names)
    split.setStretchFactor(0, 1)
    split.setStretchFactor(1, grow)
    split.setSizes(list(widths))
    split.setCollapsible(0, False)
    return split


def answer_text(error: float) -> str:
    """Say whether a class was right or wrong, or how often it was wrong of several times."""
    if error != error:
        return MISSING
    return {0.0: tr("right"), 1.0: tr("wrong")}.get(error) or tr("{share} wrong").format(share=share_text(error))


def share_text(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:.0f} %"
