"""Looking at a plan before it is done: what will happen, step by step, and how many bytes it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gui.formats import bytes_text, integer_text, tr
from gui.models.columns import LEFT, RIGHT
from gui.theme import GRID, ROW_HEIGHT
from gui.widgets import dialog_column

SHOWN = 500  # steps; nobody reads more, and each is a line to be laid out
WIDTH, MOST_STEPS_HEIGHT = 600, 520  # pixels, the first time it is seen


class PlanDialog(QDialog):
    """Shows the steps of a plan with their sizes and asks whether to do them; accepted when `verb` is pressed.

    A plan without steps has nothing to accept. `note` says what will not happen, or how to take it back;
    `sized` says what is done with the {size} that the steps have together.
    """

    def __init__(
        self,
        title: str,
        steps: Sequence[tuple[str, int]],
        verb: str,
        parent: QWidget | None = None,
        *,
        note: str = "",
        sized: str = "",
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(verb.rstrip("…"))
        self._steps = list(steps)
        self._sized = sized or tr(", {size} in all")
        heading = QLabel(title)
        heading.setObjectName("title")
        heading.setWordWrap(True)
        self.table = _step_table(self._steps)
        total = QLabel(self._total())
        total.setObjectName("muted")
        total.setWordWrap(True)
        hint = QLabel(note)
        hint.setWordWrap(True)
        hint.setVisible(bool(note))
        buttons = QDialogButtonBox()
        self.act = QPushButton(verb.rstrip("…"))
        buttons.addButton(self.act, QDialogButtonBox.ButtonRole.AcceptRole)
        stay = buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self.act.setEnabled(bool(self._steps))
        (self.act if self._steps else stay).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        for part in (heading, self.table, total, hint):
            layout.addWidget(part, 1 if part is self.table else 0)
        layout.addSpacing(GRID // 2)
        layout.addWidget(buttons)
        self.resize(WIDTH, self.sizeHint().height())
        self._fitted = False
        self.table.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """Be as high as the steps need, now that their texts are laid out; first, for it is put in the middle then."""
        if not self._fitted:
            self._fitted = True
            self._fit()
        super().showEvent(event)

    def _fit(self) -> None:
        layout, table = self.layout(), self.table
        assert layout is not None
        layout.activate()
        table.resizeRowsToContents()
        wanted = table.horizontalHeader().height() + table.verticalHeader().length() + 2 * table.frameWidth()
        wanted = min(wanted, MOST_STEPS_HEIGHT)
        table.setMinimumHeight(min(wanted, 4 * ROW_HEIGHT))
        layout.activate()
        self.resize(WIDTH, self.height() + wanted - table.height())

    def text(self) -> str:
        """Return what is shown: one line for each step, then the total."""
        return "\n".join([*(what for what, _ in self._steps), self._total()])

    def _total(self) -> str:
        count = len(self._steps)
        if not count:
            return tr("There is nothing to do.")
        bytes_ = sum(size for _, size in self._steps)
        words = tr("1 step") if count == 1 else tr("{n} steps").format(n=integer_text(count))
        hidden = tr("; the first {n} are shown").format(n=integer_text(SHOWN)) if count > SHOWN else ""
        concerned = self._sized.format(size=bytes_text(bytes_)) if bytes_ else ""
        return f"{words}{concerned}{hidden}"


class _Roomy(QStyledItemDelegate):
    """Leaves so much room around a text of several lines that it is seen where the next one begins."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Any) -> QSize:
        return super().sizeHint(option, index) + QSize(0, GRID)


def _step_table(steps: Sequence[tuple[str, int]]) -> QTableWidget:
    shown = steps[:SHOWN]
    table = QTableWidget(len(shown), 2)
    table.setObjectName("planSteps")
    table.setAccessibleName(tr("What will be done"))
    for column, (title, align) in enumerate(((tr("What will be done"), LEFT), (tr("Size"), RIGHT))):
        item = QTableWidgetItem(title)
        item.setTextAlignment(align)
        table.setHorizontalHeaderItem(column, item)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(True)
    table.setItemDelegate(_Roomy(table))
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.resizeSection(1, 96)
    for row, (what, size) in enumerate(shown):
        for column, (text, align) in enumerate(((what, LEFT), (bytes_text(size) if size else "", RIGHT))):
            item = QTableWidgetItem(text)
            item.setTextAlignment(align)
            item.setToolTip(text)
            table.setItem(row, column, item)
    rows = table.verticalHeader()
    rows.setMinimumSectionSize(ROW_HEIGHT)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    if len(shown):
        table.selectRow(0)
    return table
