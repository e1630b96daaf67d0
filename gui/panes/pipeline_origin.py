"""Where a result comes from, in sections: result, dataset, run, template, environment; with the way to its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.formats import tr
from gui.panes.facts import dataset_of, origin_sections
from gui.panes.sheets import Sheet
from gui.query_text import equals
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
        self._run, self._dataset = "", ""
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.addWidget(self.sheet, 1)
        layout.addLayout(row)

    def show_details(self, details: PipelineDetails) -> None:
        """Show where this pipeline comes from."""
        rows: list[tuple[str, str]] = []
        headings: list[int] = []
        for title, lines in origin_sections(details):
            headings.append(len(rows))
            rows += [(title, ""), *lines]
        self.sheet.fill(rows, headings=headings)
        self._run, self._dataset = details.run_id, dataset_of(details)
        self.show_run.setEnabled(details.run is not None)
        self.find_run.setEnabled(bool(self._run))
        self.find_dataset.setEnabled(bool(self._dataset))
