"""The dialog that asks how many of the best pipelines stay whole, by which metric, and where the rest goes."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gui.formats import tr
from gui.theme import GRID
from gui.widgets import Form, dialog_column, heading

AT_FIRST, MOST = 5, 1_000_000  # pipelines of each dataset that stay whole
NUMBER_WIDTH = 96


@dataclass(frozen=True)
class Choices:
    """By what pipelines can be judged, the most telling first, and the datasets there are."""

    metrics: tuple[str, ...]
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class ThinWish:
    """How many of the best of each dataset, or of one, stay whole; the rest goes to the archives or to the trash."""

    keep: int
    metric: str
    dataset: str | None = None
    archive: bool = True


class ThinDialog(QDialog):
    """Asks what to thin; `wish()` is the answer. What will be done is shown by the dialog that follows."""

    def __init__(self, choices: Choices, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Make room"))
        self.setMinimumWidth(520)
        words = QLabel(
            tr(
                "The metrics of all pipelines stay; predictions, charts and fitted steps only of the best. "
                "What has a star or a tag, or is in the library, stays whole, too."
            )
        )
        words.setWordWrap(True)
        buttons = QDialogButtonBox()
        self._show = buttons.addButton(tr("Show what will be done"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self._show.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        layout.addWidget(heading(tr("Keep only the best pipelines whole")))
        layout.addWidget(words)
        layout.addSpacing(GRID)
        layout.addLayout(self._make_form(choices))
        layout.addStretch(1)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)
        self.keep.setFocus()
        self.keep.selectAll()

    def _make_form(self, choices: Choices) -> QFormLayout:
        self.keep = QLineEdit(str(AT_FIRST))
        self.keep.setValidator(QIntValidator(0, MOST, self.keep))
        self.keep.setFixedWidth(NUMBER_WIDTH)
        self.keep.textChanged.connect(lambda _: self._check())
        self.by = QComboBox()
        self.by.addItems(list(choices.metrics))
        self.dataset = QComboBox()
        self.dataset.addItem(tr("All datasets"), None)
        for name in choices.datasets:
            self.dataset.addItem(name, name)
        self._places = QButtonGroup(self)
        places = QVBoxLayout()
        places.setSpacing(GRID // 2)
        for number, text in enumerate((tr("in the &archives"), tr("in the &trash, until that is emptied"))):
            button = QRadioButton(text)
            self._places.addButton(button, number)
            places.addWidget(button)
        self._places.button(0).setChecked(True)
        form = Form()
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.addRow(tr("&Best of each dataset"), self.keep)
        form.addRow(tr("By the &metric"), self.by)
        form.addRow(tr("&Of"), self.dataset)
        form.addRow(tr("Copies of the rest"), places)
        for field, name in (
            (self.keep, tr("Best of each dataset")), (self.by, tr("By the metric")), (self.dataset, tr("Of")),
        ):  # fmt: skip
            field.setAccessibleName(name)
        return form

    def wish(self) -> ThinWish:
        """Return what is asked for."""
        archive = self._places.checkedId() == 0
        return ThinWish(int(self.keep.text()), self.by.currentText(), self.dataset.currentData(), archive)

    def put_into_trash(self) -> None:
        """Choose the trash for the copies."""
        self._places.button(1).setChecked(True)

    def _check(self) -> None:
        self._show.setEnabled(self.keep.hasAcceptableInput())
