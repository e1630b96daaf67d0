"""The charts of one pipeline: which there are for its task, the choices above them, and the chosen one.

Importing this module loads pyqtgraph, so the window does it after its first paint. A chart is made when it is first
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QStackedLayout, QTabBar, QToolButton, QVBoxLayout, QWidget

from gui.charts.confusion import ConfusionPlot
from gui.charts.errors import ErrorsPlot
from gui.charts.folds import FoldsPlot
from gui.charts.options import Options
from gui.charts.outlier_map import OutlierMap
from gui.charts.parity import ParityPlot, ResidualsPlot
from gui.charts.roc import RocPlot
from gui.charts.sample_plot import SamplePlot
from gui.charts.shown import Shown, row_line
from gui.charts.spectra import SpectraPlot
from gui.formats import tr
from gui.models.points import ChartData
from gui.settings import Settings
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from gui.models.points_spectra import SpectralLines
    from storage import RocCurves

MAKERS: dict[str, Callable[[], SamplePlot]] = {
    "parity": ParityPlot, "residuals": ResidualsPlot, "errors": ErrorsPlot, "confusion": ConfusionPlot, "roc": RocPlot,
    "folds": FoldsPlot, "spectra": SpectraPlot, "map": OutlierMap,
}  # fmt: skip
KINDS = {
    "regression": ("parity", "residuals", "errors", "folds", "spectra"),
    "classification": ("confusion", "roc", "folds", "spectra"),
}


def kind_title(kind: str) -> str:
    """Say what a kind of chart is called."""
    return {
        "parity": tr("Parity"), "residuals": tr("Residuals"), "errors": tr("Errors"), "folds": tr("Folds"),
        "confusion": tr("Confusion"), "roc": tr("ROC"), "spectra": tr("Spectra"),
    }[kind]  # fmt: skip


class Charts(QWidget):
    """Shows a ChartData; what was chosen (kind, partitions, …) stays from one pipeline to the next, and is remembered.

    `pointed` tells the sample somebody chose and its row in SampleRows (-1: none), `cell_chosen` the partition, rows
    and words of a cell of the confusion matrix. `roc_wanted` and `spectra_wanted` ask for what only those charts need;
    `show_roc` and `show_spectra` answer. `picture_wanted` asks to save the plot that comes with it.
    """

    pointed = Signal(int, int)
    cell_chosen = Signal(str, object, str)
    roc_wanted = Signal()
    spectra_wanted = Signal()
    picture_wanted = Signal(object, str)
    enlarge_wanted = Signal()

    def __init__(self, settings: Settings | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Charts of the selected pipeline"))
        self._settings = settings or Settings()
        self._chosen: dict[str, Any] = dict(self._settings.detail_charts)
        self._task = "regression"
        self._shown = Shown(why_empty=tr("Select a pipeline to see its charts."))
        self._sample: tuple[int, int] | None = None
        self._plots: dict[str, SamplePlot] = {}
        self.kinds = QTabBar()
        self.kinds.setAccessibleName(tr("Kind of chart"))
        self.kinds.setDrawBase(False)
        self.kinds.setExpanding(False)
        self.kinds.setUsesScrollButtons(True)
        self._fill_kinds()
        self.kinds.currentChanged.connect(self._choose_kind)
        self.options = Options(self._chosen)
        self.options.changed.connect(self._apply)
        self._note = QLabel()
        self._note.setObjectName("muted")
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._note.setWordWrap(True)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._note)
        self._words = ElidedLabel()
        self._words.setObjectName("muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, 4, GRID, 4)
        layout.setSpacing(4)
        layout.addLayout(self._make_bar())
        layout.addWidget(self.options)
        layout.addLayout(self._pages, 1)
        layout.addWidget(self._words)
        theme().changed.connect(self._say)
        self._apply()

    # --- what is shown ---

    def show_data(
        self, data: ChartData, why_empty: str, targets: Sequence[str] = (), units: str = "", task: str = "",
        roc: dict[str, RocCurves] | None = None,
    ) -> None:  # fmt: skip
        """Draw the charts of a pipeline, or say why there are none; `targets` name what was predicted."""
        classes = bool(data.confusions) or task == "classification"
        if classes != (self._task == "classification"):
            self._task = "classification" if classes else "regression"
            self._fill_kinds()
        unnamed = range(len(targets), len(data.targets))
        alone = len(data.targets) == 1  # then nobody has to tell it from others
        names = [*targets, *("" if alone else tr("target {n}").format(n=n + 1) for n in unnamed)]
        self._shown = replace(self._shown, data=data, why_empty=why_empty, units=units, roc=roc)
        self.options.offer(data, names)
        self._apply()

    def show_roc(self, roc: dict[str, RocCurves]) -> None:
        """Take the ROC curves that were asked for."""
        self._shown = replace(self._shown, roc=roc)
        self._apply()

    def show_spectra(self, lines: SpectralLines | None, problem: str = "") -> None:
        """Take the spectra that were asked for, or why there are none; None and no problem asks again when needed."""
        if lines is not self._shown.spectra or problem != self._shown.problem:
            self._shown = replace(self._shown, spectra=lines, problem=problem)
            self._apply()

    def mark(self, sample: int | None, row: int = -1) -> None:
        """Highlight a sample in every chart; `row` is the one of its rows that is told of, -1 the first."""
        self._sample = None if sample is None else (sample, row)
        self.plot.mark(sample)
        self._say()

    @property
    def kind(self) -> str:
        """Which kind of chart is chosen."""
        return str(self.kinds.tabData(self.kinds.currentIndex()))

    def choose(self, kind: str) -> None:
        """Show a kind of chart, if the task has it."""
        if kind in KINDS[self._task]:
            self.kinds.setCurrentIndex(KINDS[self._task].index(kind))

    @property
    def plot(self) -> SamplePlot:
        """The chart that is chosen, made if it is looked at for the first time."""
        kind = "map" if self.kind == "spectra" and self.options.map_chosen else self.kind
        if kind not in self._plots:
            plot = self._plots[kind] = MAKERS[kind]()
            plot.pointed.connect(self.pointed)
            plot.image_wanted.connect(self.ask_picture)
            if isinstance(plot, ConfusionPlot):
                plot.cell_chosen.connect(self.cell_chosen)
            self._pages.addWidget(plot)
        return self._plots[kind]

    @property
    def _plot(self) -> SamplePlot:
        return self.plot

    def items(self) -> list[Any]:
        """Return what is drawn, for those who want to look closer."""
        return list(self.plot.getPlotItem().items)

    def caption(self) -> str:
        """Return the line below the chart."""
        return self._words.whole()

    def ask_picture(self) -> None:
        """Ask for a picture of the chosen chart to be saved."""
        self.picture_wanted.emit(self.plot, self.kind)

    def save(self) -> None:
        """Remember what was chosen."""
        self._settings.detail_charts = self._chosen

    # --- making ---

    def _make_bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setSpacing(0)
        bar.addWidget(self.kinds, 1)
        self.enlarge = self._tool("enlarge", tr("Enlarge the charts"))
        self.enlarge.clicked.connect(self.enlarge_wanted)
        more = self._tool("more", tr("More about this chart"))
        menu = QMenu(more)
        menu.addAction(tr("Show all"), lambda: self.plot.redraw())
        menu.addAction(tr("Copy picture"), lambda: self.plot.copy_picture())
        menu.addAction(tr("Save picture…"), self.ask_picture)
        more.setMenu(menu)
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        bar.addWidget(self.enlarge)
        bar.addWidget(more)
        return bar

    def _tool(self, icon: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setObjectName("chartTool")
        button.setAccessibleName(name)
        button.setToolTip(name)
        theme().dress(button, icon)
        return button

    def _fill_kinds(self) -> None:
        self.kinds.blockSignals(True)
        while self.kinds.count():
            self.kinds.removeTab(0)
        for kind in KINDS[self._task]:
            self.kinds.setTabData(self.kinds.addTab(kind_title(kind)), kind)
        wanted = self._chosen.get(self._task)
        self.kinds.setCurrentIndex(KINDS[self._task].index(wanted) if wanted in KINDS[self._task] else 0)
        self.kinds.blockSignals(False)

    # --- drawing ---

    def _choose_kind(self) -> None:
        self._chosen[self._task] = self.kind
        self._apply()

    def _apply(self) -> None:
        """Draw the chosen chart with the choices made; ask for what is missing."""
        self.options.show_for(self.kind)
        shown = self.options.applied(self._shown)
        plot = self.plot
        plot.sample = self._sample[0] if self._sample is not None else None
        plot.show_data(shown)
        why = plot.why_empty()
        self._note.setText(why)
        self._pages.setCurrentWidget(self._note if why else plot)
        self._say()
        if self.kind == "roc" and self._shown.roc is None and shown.data.rows.probabilities is not None:
            self.roc_wanted.emit()
        if self.kind == "spectra" and self._shown.spectra is None and not self._shown.problem:
            self.spectra_wanted.emit()

    def _say(self) -> None:
        """Write what is drawn, and what is selected, in the line below."""
        plot = self.plot
        words = "" if plot.why_empty() else plot.caption()
        rows = self._shown.data.rows
        if self._sample is not None:
            sample, row = self._sample
            if not 0 <= row < len(rows) or rows.samples[row] != sample:
                mine = rows.of_sample(sample)
                row = int(mine[0]) if len(mine) else -1
            if row >= 0:
                words = row_line(rows, row, self.options.target)
        self._words.put(words or " ")
        plot.setAccessibleDescription(words)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        if event.key() in steps:
            count = self.kinds.count()
            self.kinds.setCurrentIndex((self.kinds.currentIndex() + steps[Qt.Key(event.key())]) % count)
            return
        super().keyPressEvent(event)
