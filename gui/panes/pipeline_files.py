"""The files of a pipeline: open one, or show where it lies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from gui.formats import bytes_text, tr
from gui.panes.sheets import Sheet
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import PipelineDetails


class Files(QWidget):
    """A double-click or Enter opens a file with the program the desktop has for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._folder: Path | None = None
        self._paths: list[Path] = []
        self._sheet = Sheet([tr("File"), tr("Size")], tr("Files of the pipeline"), right_from=1)
        self._sheet.activated.connect(lambda index: _open(self._paths[index.row()]))
        self._sheet.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._sheet.customContextMenuRequested.connect(self._show_menu)
        self._sheet.itemSelectionChanged.connect(self._enable)
        self._open_button = QPushButton(tr("Open"))
        theme().dress(self._open_button, "file")
        self._open_button.clicked.connect(lambda: _open(self.chosen()))
        self._button = QPushButton(tr("Open folder"))
        theme().dress(self._button, "folder")
        self._button.clicked.connect(lambda: _open(self._folder))
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(GRID)
        row.addWidget(self._open_button)
        row.addWidget(self._button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.addWidget(self._sheet, 1)
        layout.addLayout(row)

    def show_details(self, details: PipelineDetails) -> None:
        """List the files of this pipeline."""
        self._folder = None if details.deleted else details.folder
        self._paths = [entry.path for entry in details.files]
        icons = ["image" if entry.path.suffix == ".png" else "file" for entry in details.files]
        self._sheet.fill([(entry.name, bytes_text(entry.bytes)) for entry in details.files], icons=icons)
        self._button.setEnabled(bool(details.files))
        self._enable()

    def chosen(self) -> Path | None:
        """Return the selected file."""
        rows = sorted({index.row() for index in self._sheet.selectedIndexes()})
        return self._paths[rows[0]] if rows and rows[0] < len(self._paths) else None

    def _enable(self) -> None:
        self._open_button.setEnabled(self.chosen() is not None)

    def _show_menu(self, at: QPoint) -> None:
        path = self.chosen()
        if path is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Open"), partial(_open, path))
        menu.addAction(tr("Show in folder"), partial(_open, path.parent))
        menu.addAction(tr("Copy path"), partial(QGuiApplication.clipboard().setText, str(path)))
        menu.popup(self._sheet.viewport().mapToGlobal(at))


def _open(path: Path | None) -> None:
    if path is not None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
