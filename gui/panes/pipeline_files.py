"""The files of a pipeline, those of its run that it shares with others among them: open one, or show where it lies."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from gui.formats import bytes_text, tr
from gui.panes.sheets import Sheet
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import PipelineDetails


BINARIES = "_binaries"  # the folder of a run for what its pipelines share


class Files(QWidget):
    """A double-click or Enter opens a file with the program the desktop has for it.

    A fitted step is not opened, which might run it: its folder is shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._folder: Path | None = None
        self._paths: list[Path] = []
        self._shared: set[Path] = set()
        self._sheet = Sheet([tr("File"), tr("Size")], tr("Files of the pipeline"), right_from=1)
        self._sheet.activated.connect(lambda index: self._open_or_show(self._paths[index.row()]))
        self._sheet.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._sheet.customContextMenuRequested.connect(self._show_menu)
        self._sheet.itemSelectionChanged.connect(self._enable)
        self._open_button = QPushButton(tr("Open"))
        theme().dress(self._open_button, "file")
        self._open_button.clicked.connect(lambda: self._open_or_show(self.chosen()))
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
        shared = _shared_files(details)
        own = [(entry.name, entry.path, entry.bytes) for entry in details.files]
        self._paths = [path for _, path, _ in (*own, *shared)]
        self._shared = {path for _, path, _ in shared}
        icons = ["image" if path.suffix == ".png" else "file" for path in self._paths]
        self._sheet.fill([(name, bytes_text(size)) for name, _, size in (*own, *shared)], icons=icons)
        self._button.setEnabled(bool(details.files))
        self._enable()

    def chosen(self) -> Path | None:
        """Return the selected file."""
        rows = sorted({index.row() for index in self._sheet.selectedIndexes()})
        return self._paths[rows[0]] if rows and rows[0] < len(self._paths) else None

    def _enable(self) -> None:
        path = self.chosen()
        self._open_button.setEnabled(path is not None and path not in self._shared)

    def _open_or_show(self, path: Path | None) -> None:
        if path is not None:
            _open(path.parent if path in self._shared else path)

    def _show_menu(self, at: QPoint) -> None:
        path = self.chosen()
        if path is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if path not in self._shared:
            menu.addAction(tr("Open"), partial(_open, path))
        menu.addAction(tr("Show in folder"), partial(_open, path.parent))
        menu.addAction(tr("Copy path"), partial(QGuiApplication.clipboard().setText, str(path)))
        menu.popup(self._sheet.viewport().mapToGlobal(at))


def _shared_files(details: PipelineDetails) -> list[tuple[str, Path, int]]:
    """Name, place and size of the fitted steps and samples that a pipeline names of its run's folder."""
    record = details.pipeline
    if record is None or details.deleted:
        return []
    run = details.folder.parent
    found = {one.path: one for one in record.binaries() if PurePosixPath(one.path).parts[:-1] == ("..", BINARIES)}
    return [(path[3:], run / path[3:], one.bytes) for path, one in found.items()]


def _open(path: Path | None) -> None:
    if path is not None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
