"""Where the demo will be made: told before it is, and changed if somebody wants it elsewhere."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from gui.formats import short_path, tr
from gui.settings import documents_folder
from gui.theme import GRID
from gui.widgets import dialog_column, heading

FOLDER = "runshelf-demo"
WIDTH = 460  # pixels of the sentence; the middle of a longer path is left out


class DemoPlace(QWidget):
    """Says in a sentence in which `folder` the demo will be made, and lets it be changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = QLabel()
        self.sentence.setObjectName("muted")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.change = QToolButton()
        self.change.setObjectName("flat")
        self.change.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.change.setText(tr("Change…"))
        self.change.setToolTip(tr("Have the demo made in another folder"))
        self.change.clicked.connect(lambda: self._choose())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        row.addStretch(1)
        row.addWidget(self.sentence)
        row.addWidget(self.change)
        row.addStretch(1)
        self.put(Path(documents_folder()) / FOLDER)

    def put(self, folder: Path) -> None:
        """Have the demo made in this folder."""
        self.folder = folder
        sentence = tr("The demo will be made in {folder}")
        words = sentence.format(folder=short_path(str(folder)))
        middle = Qt.TextElideMode.ElideMiddle
        self.sentence.setText(self.sentence.fontMetrics().elidedText(words, middle, WIDTH))
        self.sentence.setToolTip(sentence.format(folder=folder))
        self.sentence.setAccessibleName(words)

    def put_within(self, place: Path) -> None:
        """Have the demo made in a folder of its own within a place, unless that is one already."""
        self.put(place if place.name == FOLDER else place / FOLDER)

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Make the demo in"), str(self.folder.parent))
        if chosen:
            self.put_within(Path(chosen))


class DemoDialog(QDialog):
    """Asks, away from the welcome page, whether to make the demo; `place` has the folder."""

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Try the demo"))
        self.place = DemoPlace()
        self.place.put(folder)
        words = QLabel(tr("It trains 73 small pipelines on real spectra, which takes a minute or two, and opens them."))
        words.setWordWrap(True)
        buttons = QDialogButtonBox()
        buttons.addButton(tr("Make the demo"), QDialogButtonBox.ButtonRole.AcceptRole).setDefault(True)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        layout.addWidget(heading(tr("A workspace to look around in")))
        layout.addWidget(words)
        layout.addWidget(self.place, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)
