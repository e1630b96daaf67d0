"""Where a result comes from, in sections, with the way to its run; and whether its fitted pipeline still loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.formats import tr
from gui.panes.facts import dataset_of, origin_sections
from gui.panes.pipeline_copies import CopiesLine
from gui.panes.sheets import Sheet
from gui.query_text import equals
from gui.reloading import Reloading
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import PipelineDetails


class Origin(QWidget):
    """`run_wanted` asks to show a run in the tree, `query_wanted` to look for results in the catalog."""

    run_wanted = Signal(str)
    query_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._run, self._pipeline, self._dataset = "", "", ""
        self._reloading: Reloading | None = None
        self.sheet = Sheet([tr("What"), tr("Value")], tr("Where this result comes from"))
        self.show_run = QPushButton(tr("Show run"))
        self.show_run.setToolTip(tr("Show the run in the tree"))
        theme().dress(self.show_run, "runs")
        self.show_run.clicked.connect(lambda: self.run_wanted.emit(self._run))
        self.find_run = QPushButton(tr("Find its results"))
        self.find_run.setToolTip(tr("List all results of this run in the catalog"))
        self.find_run.clicked.connect(lambda: self.query_wanted.emit(equals("run_id", self._run)))
        self.find_dataset = QPushButton(tr("Find dataset"))
        self.find_dataset.setToolTip(tr("List all results on this dataset in the catalog"))
        self.find_dataset.clicked.connect(lambda: self.query_wanted.emit(equals("dataset_name", self._dataset)))
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(GRID)
        for button in (self.show_run, self.find_run, self.find_dataset):
            row.addWidget(button)
        row.addStretch(1)
        self.loading = QLabel()
        self.loading.setWordWrap(True)
        self.loading.setTextFormat(Qt.TextFormat.PlainText)  # what a pickle names is anything
        self.loading.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.loading.setContentsMargins(12, 0, 12, 0)
        self.loading.setAccessibleName(tr("Whether it still loads"))
        self.loading.hide()
        self.try_loading = QPushButton(tr("Does it still load?"))
        self.try_loading.setToolTip(tr("Load it in a process of its own and predict its stored samples again"))
        self.trust = QPushButton(tr("Trust and load…"))
        self.trust.clicked.connect(self._trust)
        self.trust.hide()
        below = QHBoxLayout()
        below.setContentsMargins(12, 0, 12, 0)
        below.setSpacing(GRID)
        for button in (self.try_loading, self.trust):
            below.addWidget(button)
        below.addStretch(1)
        self.copies = CopiesLine()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.addWidget(self.sheet, 1)
        layout.addWidget(self.copies)
        layout.addLayout(row)
        layout.addWidget(self.loading)
        layout.addLayout(below)

    def offer_loading(self, reloading: Reloading, action: QAction) -> None:
        """Let this action find out whether the pipeline still loads, and show what is known of that."""
        self._reloading = reloading
        self.try_loading.clicked.connect(action.trigger)
        reloading.changed.connect(self._show_loading)

    def show_details(self, details: PipelineDetails) -> None:
        """Show where this pipeline comes from."""
        rows: list[tuple[str, str]] = []
        headings: list[int] = []
        for title, lines in origin_sections(details):
            headings.append(len(rows))
            rows += [(title, ""), *lines]
        self.sheet.fill(rows, headings=headings)
        self._run, self._pipeline, self._dataset = details.run_id, details.pipeline_id, dataset_of(details)
        self.show_run.setEnabled(details.run is not None)
        self.find_run.setEnabled(bool(self._run))
        self.find_dataset.setEnabled(bool(self._dataset))
        self.try_loading.setEnabled(self._reloading is not None and not details.deleted)
        self._show_loading()

    def _show_loading(self) -> None:
        if self._reloading is not None:
            known = self._reloading.known((self._run, self._pipeline))
            self.loading.setText(known.text())
            self.loading.setVisible(bool(known.text()))
            self.trust.setVisible(known.refused is not None)

    def _trust(self) -> None:
        if self._reloading is not None:
            self._reloading.ask_trust((self._run, self._pipeline))
