"""Where a pipeline's charts are: below its details or in a window; fetches what only some charts need."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from gui.formats import tr
from gui.panes.facts import pipeline_name, target_names, task_of, why_no_charts
from gui.panes.pipeline_reading import Found, data_key, roc_of
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem, Task

if TYPE_CHECKING:
    from gui.charts.enlarged import Enlarged
    from gui.charts.page import Charts
    from gui.models.points_spectra import SpectralLines
    from storage import RocCurves


class ChartPlace(QWidget):
    """Holds the charts once they are loaded. Signals are those of the charts; `picture_written` tells a file.

    The spectra of a run are read once and kept until a pipeline of other data is shown.
    """

    pointed = Signal(int, int)
    cell_chosen = Signal(str, object, str)
    picture_written = Signal(Path)

    def __init__(self, session: Session, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._settings = session, settings
        self.charts: Charts | None = None
        self.enlarged: Enlarged | None = None
        self._found: Found | None = None
        self._spectra_of: tuple[Any, ...] = ()
        self._roc_task: Task | None = None
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._put_back = QPushButton(tr("Put the charts back"))
        self._put_back.clicked.connect(self.preview)
        self._put_back.hide()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._put_back, 0, Qt.AlignmentFlag.AlignCenter)

    def load(self) -> Charts:
        """Make the charts, if they are not there yet; loads pyqtgraph."""
        if self.charts is None:
            from gui.charts.page import Charts

            charts = self.charts = Charts(self._settings)
            charts.pointed.connect(self.pointed)
            charts.cell_chosen.connect(self.cell_chosen)
            charts.roc_wanted.connect(self._ask_roc)
            charts.spectra_wanted.connect(self._ask_spectra)
            charts.enlarge_wanted.connect(self.preview)
            charts.picture_wanted.connect(self._save_picture)
            self._layout.addWidget(charts)
        return self.charts

    def save(self) -> None:
        """Remember what was chosen, and put the charts back where they belong."""
        if self.enlarged is not None:
            self.enlarged.close()
        if self.charts is not None:
            self.charts.save()

    @property
    def wants_roc(self) -> bool:
        """Whether somebody looks at ROC curves."""
        return self.charts is not None and self.charts.kind == "roc"

    def show_found(self, found: Found) -> None:
        """Draw the charts of a pipeline."""
        self._found = found
        if self.charts is None:
            return
        details = found.details
        if self._spectra_of and data_key(details) != self._spectra_of:
            self._spectra_of = ()
            self.charts.show_spectra(None)
        if self._roc_task is not None:
            self._session.tasks.drop(self._roc_task)
            self._roc_task = None
        targets, units = target_names(details)
        self.charts.show_data(found.data, why_no_charts(details), targets, units, task_of(details), found.roc)
        self._name_window()

    # --- large ---

    def preview(self) -> None:
        """Show the charts large in a window of their own, or put them back; keys up and down go on in the list."""
        if self.enlarged is not None:
            self.enlarged.close()
            return
        from gui.charts.enlarged import Enlarged

        charts = self.load()
        focus = QApplication.focusWidget()
        walker = focus if focus is not None and not self.isAncestorOf(focus) else None
        self.enlarged = Enlarged(walker, self.window())
        self.enlarged.left.connect(self._take_back)
        self.enlarged.hold(charts)
        self._put_back.show()
        self._name_window()
        self.enlarged.show()
        charts.plot.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _take_back(self) -> None:
        window, self.enlarged = self.enlarged, None
        self._put_back.hide()
        if self.charts is not None:
            self._layout.addWidget(self.charts)
            self.charts.show()
        if window is not None and window.walker is not None:
            window.walker.setFocus(Qt.FocusReason.OtherFocusReason)

    def _name_window(self) -> None:
        if self.enlarged is not None:
            self.enlarged.setWindowTitle(
                pipeline_name(self._found.details) if self._found is not None else tr("Charts")
            )

    # --- what only some charts need ---

    def _ask_roc(self) -> None:
        if self._found is None or self._roc_task is not None:
            return
        arrays = self._found.details.arrays
        self._roc_task = self._session.tasks.start(lambda report: roc_of(arrays), self._take_roc, quiet=True)

    def _take_roc(self, roc: dict[str, RocCurves]) -> None:
        self._roc_task = None
        if self.charts is not None:
            self.charts.show_roc(roc)

    def _ask_spectra(self) -> None:
        if self._found is None:
            return
        from gui.models.points_spectra import fetch_spectra

        details = self._found.details
        key = data_key(details)
        if key == self._spectra_of:
            return  # asked for already
        self._spectra_of = key
        work = partial(fetch_spectra, details.run_id, None if details.deleted else details.pipeline_id)
        take, refuse = partial(self._take_spectra, key), partial(self._refuse_spectra, key)
        self._session.query(work, take, refuse, topic="spectra", quiet=True)

    def _take_spectra(self, key: tuple[Any, ...], lines: SpectralLines) -> None:
        if key == self._spectra_of and self.charts is not None:
            self.charts.show_spectra(lines)

    def _refuse_spectra(self, key: tuple[Any, ...], problem: Problem) -> None:
        if key == self._spectra_of and self.charts is not None:
            words = f"{problem.what} {problem.advice}".strip()
            if self._found is not None and self._found.details.run is None and self._found.details.deleted:
                words = tr("The run is deleted, and with it the note of which data it was trained on.")
            self.charts.show_spectra(None, words)
        if problem.kind == "bug":
            self._session.tasks.unhandled.emit(problem)

    def _save_picture(self, plot: Any, kind: str) -> None:
        from gui.charts.picture import ask_for_picture

        name = f"{self._found.details.pipeline_id}_{kind}.png" if self._found is not None else f"{kind}.png"
        ask_for_picture(plot, name, self._session.tasks, self._settings, self.picture_written.emit)
