"""The dialog that asks as what results are archived."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QDialog, QDialogButtonBox, QRadioButton, QWidget

from gui.formats import counted, tr
from gui.theme import GRID
from gui.widgets import dialog_column, heading

KINDS = ("filtered", "pipeline", "best_predictions")


def kind_words(kind: str) -> tuple[str, str]:
    """Call a kind of archive, and say what is copied."""
    return {
        "filtered": (tr("&Filtered result"), tr("configuration and metrics")),
        "pipeline": (tr("&Pipeline"), tr("everything, with the trained model, predictions and charts")),
        "best_predictions": (tr("P&redictions"), tr("the predictions alone, also where the folder is gone")),
    }[kind]


class ArchiveDialog(QDialog):
    """Asks for the kind; `kind` is the answer. What will be done is shown by the dialog that follows."""

    def __init__(self, count: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Archive"))
        self.setMinimumWidth(480)
        self._kinds = QButtonGroup(self)
        layout = dialog_column(self)
        layout.addWidget(heading(counted(count, "Archive {n} result", "Archive {n} results")))
        for number, kind in enumerate(KINDS):
            text, copied = kind_words(kind)
            button = QRadioButton(tr("{kind}: {what}").format(kind=text, what=copied))
            self._kinds.addButton(button, number)
            layout.addWidget(button)
        self.choose("pipeline")
        buttons = QDialogButtonBox()
        show = buttons.addButton(tr("Show what will be done"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        show.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addStretch(1)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)
        self._kinds.button(KINDS.index(self.kind)).setFocus()

    @property
    def kind(self) -> str:
        """The kind that is chosen."""
        return KINDS[self._kinds.checkedId()]

    def choose(self, kind: str) -> None:
        """Choose a kind."""
        self._kinds.button(KINDS.index(kind)).setChecked(True)
