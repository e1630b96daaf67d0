"""The dialog that asks where another program's results lie."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from gui.formats import tr
from gui.theme import GRID
from gui.widgets import Form, dialog_column, heading


class MigrateDialog(QDialog):
    """Asks for the folder and a name for the runs. What will be done is shown by the dialog that follows."""

    def __init__(self, place: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Migrate"))
        self.setMinimumWidth(560)
        words = QLabel(
            tr(
                "Runs, predictions, metrics, models and charts of nirs4all (0.3 to 1.4) and of MLflow (2 and 3) are "
                "copied into this workspace. Nothing in the folder is changed or run."
            )
        )
        words.setWordWrap(True)
        self.folder = QLineEdit(place)
        self.folder.setAccessibleName(tr("Folder with the results"))
        self.folder.textChanged.connect(lambda _: self._check())
        browse = QPushButton(tr("Choose…"))
        browse.clicked.connect(self._browse)
        browse.setAutoDefault(False)  # Enter goes on with the folder that is named
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        self.run_name = QLineEdit()
        self.run_name.setAccessibleName(tr("Name of the runs"))
        self.run_name.setPlaceholderText(tr("the names they have there"))
        form = Form()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.addRow(tr("&Folder with the results"), row)
        form.addRow(tr("&Name of the runs"), self.run_name)
        label = form.labelForField(row)
        if isinstance(label, QLabel):
            label.setBuddy(self.folder)
        buttons = QDialogButtonBox()
        self.show_plan = buttons.addButton(tr("Show what will be done"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self.show_plan.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        layout.addWidget(heading(tr("Bring along what another program left")))
        layout.addWidget(words)
        layout.addSpacing(GRID)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)
        self._check()

    def source(self) -> Path:
        """Return the folder asked for."""
        return Path(self.folder.text().strip()).expanduser()

    def _check(self) -> None:
        self.show_plan.setEnabled(bool(self.folder.text().strip()))

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder with the results"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)
