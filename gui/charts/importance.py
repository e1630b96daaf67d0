"""Which parameter matters: the parameters with how much of a metric each explains, as a list with bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gui.formats import integer_text, number_text, tr
from gui.models.columns import LEFT, RIGHT, TITLES, AnyIndex
from gui.theme import ROW_HEIGHT, theme

if TYPE_CHECKING:
    from storage import Importance

SHARE = Qt.ItemDataRole.UserRole
UNSURE = 0.05  # from which chance on a share says nothing
BAR = 10


class ImportanceTable(QTableWidget):
    """One row for each parameter, most important first. `wanted` tells which one somebody wants to look at."""

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setAccessibleName(tr("Which parameter matters"))
        self.setObjectName("importanceTable")
        for place, title in enumerate((tr("Parameter"), tr("Explains"), tr("Results"))):
            item = QTableWidgetItem(title)
            item.setTextAlignment(RIGHT if place else LEFT)
            self.setHorizontalHeaderItem(place, item)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setMinimumSectionSize(48)
        self.setColumnWidth(1, 96)
        self.setColumnWidth(2, 72)
        self.setItemDelegateForColumn(1, _Bar(self))
        self._filling = False
        self.currentCellChanged.connect(lambda *_: self._tell())

    def put(self, ranking: Sequence[Importance], metric: str, chosen: str) -> None:
        """Show what explains a metric; the `chosen` parameter is the current one."""
        self._filling = True
        self.setRowCount(len(ranking))
        for row, one in enumerate(ranking):
            name = QTableWidgetItem(tr(TITLES[one.name]) if one.name in TITLES else one.name)
            name.setData(SHARE, one.name)
            tip = importance_words(one, metric)
            share = QTableWidgetItem(tr("{percent} %").format(percent=round(100 * one.share)))
            share.setData(SHARE, one.share if one.chance < UNSURE and not one.covers_few else -one.share)
            share.setTextAlignment(RIGHT)
            results = QTableWidgetItem(integer_text(one.results))
            results.setTextAlignment(RIGHT)
            for place, item in enumerate((name, share, results)):
                item.setToolTip(tip)
                if one.covers_few:
                    item.setForeground(QColor(theme().colours.muted))
                self.setItem(row, place, item)
            if one.name == chosen:
                self.setCurrentCell(row, 0)
        self._filling = False

    def names(self) -> list[str]:
        """Name the parameters shown, most important first."""
        items = (self.item(row, 0) for row in range(self.rowCount()))
        return [str(item.data(SHARE)) for item in items if item is not None]

    def _tell(self) -> None:
        item = self.item(self.currentRow(), 0)
        if item is not None and not self._filling:
            self.wanted.emit(str(item.data(SHARE)))


class _Bar(QStyledItemDelegate):
    """A bar from the left with the share written at the right; faint where it is chance or is of few results."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().paint(painter, option, index)
        share = float(index.data(SHARE) or 0.0)
        colour = QColor(theme().colours.accent)
        colour.setAlpha(255 if share > 0 else 70)
        left, width = option.rect.left() + 8, option.rect.width() - 56
        place = QRectF(left, option.rect.center().y() - BAR / 2 + 1, width, BAR)
        painter.save()
        painter.fillRect(place, QColor(theme().colours.hover))
        place.setWidth(width * abs(share))
        painter.fillRect(place, colour)
        painter.restore()


def importance_words(one: Importance, metric: str) -> str:
    """Say in sentences what a parameter explains."""
    words = tr(
        "{name} explains {percent} % of the differences in {metric} among the {n} of {total} results that have it."
    ).format(
        name=tr(TITLES.get(one.name, one.name)),
        percent=round(100 * one.share),
        metric=metric,
        n=integer_text(one.results),
        total=integer_text(one.total),
    )
    doubt = tr("So much could be chance.") if one.chance >= UNSURE else ""
    few = tr("It comes last because few results have it.") if one.covers_few else ""
    how = tr("{levels} different values; ranks within each dataset; p = {chance}.").format(
        levels=integer_text(one.levels), chance=number_text(one.chance, 2)
    )
    return "\n".join(line for line in (words, doubt, few, how) if line)
