"""Is it better? What the folds that pipelines share tell about their difference from the baseline, and how surely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QColor, QPainter
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.formats import MISSING, number_text, tr
from gui.models.columns import LEFT, RIGHT
from gui.panes.compare_table import NOWHERE, AnyIndex, CompareModel, CompareTable, word_colour
from gui.theme import GRID, theme
from gui.widgets import combo_box, dress_spin_box

if TYPE_CHECKING:
    from storage import FoldComparison, FoldComparisons, FoldScores

VERDICT, MEAN, DIFFERENCE, CHANCES = range(4)  # what matters most is in sight however narrow it is
PARTS = Qt.ItemDataRole.UserRole + 21
WIDTHS = (142, 110, 86, 72)  # a whole verdict beside the names, in a window of the usual width
TYPING_MS = 400
SURE = 0.95


def percent(share: float) -> str:
    """Write a probability in percent, never rounded to certainty."""
    if 0.99 < share < 1.0:
        return "> 99 %"
    return "< 1 %" if 0.0 < share < 0.01 else f"{100 * share:.0f} %"


def verdict_word(pair: FoldComparison | None) -> str:
    """Say a verdict in a word, with a sign."""
    if pair is None:
        return tr("baseline")
    if pair.verdict in ("unclear", "none"):
        return tr("? can't tell") if pair.verdict == "unclear" else tr("✕ not comparable")
    most = max(pair.better or 0.0, pair.equivalent or 0.0, pair.worse or 0.0)
    if most >= SURE:
        words = {"better": tr("+ better"), "worse": tr("− worse"), "equivalent": tr("≈ the same")}
    else:
        words = {
            "better": tr("+ probably better"), "worse": tr("− probably worse"), "equivalent": tr("≈ probably the same")
        }  # fmt: skip
    return words[pair.verdict]


class FoldsModel(CompareModel):
    """Columns: the verdict in words, mean and spread over the folds, difference, and the three probabilities."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: FoldComparisons | None = None
        self._pairs: dict[str, FoldComparison] = {}
        self._scores: dict[str, FoldScores] = {}

    def show_found(self, found: FoldComparisons | None) -> None:
        """Show what the folds tell."""
        self.beginResetModel()
        self.found = found
        self._pairs = {pair.prediction_id: pair for pair in found.pairs} if found is not None else {}
        self._scores = {one.prediction_id: one for one in found.scores} if found is not None else {}
        self.endResetModel()

    def pair(self, row: int) -> FoldComparison | None:
        """Return the comparison of a pipeline with the baseline."""
        return self._pairs.get(self.pipelines[row].picked.prediction_id)

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(WIDTHS)

    def title(self, section: int, role: int) -> Any:
        titles = (tr("Verdict"), tr("Fold mean ± sd"), tr("Difference"), tr("Chances"))
        if role == Qt.ItemDataRole.DisplayRole:
            return titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if section in (MEAN, DIFFERENCE) else LEFT
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole) and section == CHANCES:
            return tr("How probably it is better, practically the same, and worse")
        if role == Qt.ItemDataRole.ToolTipRole and section == MEAN:
            return tr("The mean of the folds. The catalog has one value over the samples of all folds together.")
        return None

    def sort_key(self, row: int, column: int) -> float | None:
        pair, score = self.pair(row), self._scores.get(self.pipelines[row].picked.prediction_id)
        if column == MEAN:
            return score.mean if score is not None else None
        if pair is None:
            return 0.0  # the baseline, which stays on top
        return pair.difference if column == DIFFERENCE else pair.better

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.pipelines) or self.found is None:
            return None
        pair = self.pair(index.row())
        column = index.column()
        if role == Qt.ItemDataRole.ToolTipRole and column == VERDICT:
            return self.sentence(index.row())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole, Qt.ItemDataRole.ToolTipRole):
            return self._text(index.row(), column, pair)
        if role == PARTS and pair is not None and pair.better is not None:
            return pair.better, pair.equivalent, pair.worse
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column in (MEAN, DIFFERENCE) else LEFT
        if role == Qt.ItemDataRole.ForegroundRole and column == VERDICT:
            sure = pair is not None and pair.verdict in ("better", "worse", "equivalent")
            return None if sure else QBrush(word_colour("muted"))
        return None

    def sentence(self, row: int) -> str:
        """Return what is known of a pipeline, in a sentence."""
        pair = self.pair(row)
        if pair is not None:
            return pair.sentence
        score = self._scores.get(self.pipelines[row].picked.prediction_id)
        return (score.problem if score is not None else "") or tr("The others are measured against this one.")

    def _text(self, row: int, column: int, pair: FoldComparison | None) -> str:
        score = self._scores.get(self.pipelines[row].picked.prediction_id)
        if column == MEAN:
            if score is None or score.mean is None:
                return MISSING
            spread = f" ± {number_text(score.std, 2)}" if score.std is not None else ""
            return number_text(score.mean) + spread
        if column == VERDICT:
            return verdict_word(pair)
        if pair is None:
            return MISSING
        if column == DIFFERENCE:
            sign = "+" if pair.difference is not None and pair.difference > 0 else ""
            return sign + number_text(pair.difference)
        if pair.better is None or pair.equivalent is None or pair.worse is None:
            return MISSING
        return tr("better {b}, same {s}, worse {w}").format(
            b=percent(pair.better), s=percent(pair.equivalent), w=percent(pair.worse)
        )


class ChancesDelegate(QStyledItemDelegate):
    """Paints three probabilities as one bar in three parts; each says its percent where it has room."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        parts = index.data(PARTS)
        if parts is None:
            super().paint(painter, option, index)
            return
        styled = QStyleOptionViewItem(option)
        self.initStyleOption(styled, index)
        styled.text = ""
        styled.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, styled, painter, styled.widget)
        rect = QRectF(option.rect).adjusted(6, 5, -6, -5)
        colours = theme().colours
        painter.save()
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        at = rect.left()
        for share, colour in zip(parts, ("good", "scroll", "bad"), strict=True):
            part = QRectF(at, rect.top(), share * rect.width(), rect.height())
            at += part.width()
            if part.width() < 1:
                continue
            painter.fillRect(part.adjusted(0, 0, -1, 0), QColor(getattr(colours, colour)))
            text = percent(share)
            if painter.fontMetrics().horizontalAdvance(text) + 4 < part.width():
                painter.setPen(QColor(colours.text if colour == "scroll" else colours.base))
                painter.drawText(part, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


class DifferenceBox(QDoubleSpinBox):
    """A difference that doesn't matter, written as short as can be; 0 leaves it to be chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Difference that doesn't matter"))
        self.setToolTip(
            tr("Half the width of the region of practical equivalence. At 0 it is chosen to suit the metric.")
        )
        self.setDecimals(8)
        self.setRange(0.0, 1e9)
        self.setSpecialValueText(tr("automatic"))
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setMinimumWidth(112)
        dress_spin_box(self)

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "g", 6)


class FoldsView(QWidget):
    """Choose a metric and what difference doesn't matter; read how surely each pipeline is better or worse.

    `wanted` asks for the comparison again, by `chosen_metric` and `rope`.
    """

    picked = Signal(object)
    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paper")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = FoldsModel(self)
        self.table = CompareTable(self.model, tr("How surely each pipeline is better than the baseline"))
        self.table.setItemDelegateForColumn(CHANCES, ChancesDelegate(self.table))
        for column, width in enumerate(WIDTHS):
            self.table.setColumnWidth(column, width)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.picked.connect(self.picked)
        self._metric = combo_box(tr("Metric to compare by"))
        self._metric.setSizePolicy(self.table.sizePolicy().Policy.Fixed, self.table.sizePolicy().Policy.Fixed)
        self._metric.setMinimumContentsLength(14)
        self._rope = DifferenceBox()
        self._says = QLabel()
        self._says.setObjectName("muted")
        self._says.setWordWrap(True)
        self._says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._says.setMinimumHeight(4 * self._says.fontMetrics().lineSpacing() + GRID)
        self.verdict = QLabel()
        self.verdict.setAccessibleName(tr("Verdict on the current pipeline"))
        self.verdict.setWordWrap(True)
        self.verdict.setContentsMargins(GRID, GRID, GRID, GRID)
        self.verdict.setMinimumHeight(2 * self.verdict.fontMetrics().lineSpacing() + 2 * GRID)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.wanted)
        self._metric.currentIndexChanged.connect(lambda _: self._ask_anew())
        self._rope.valueChanged.connect(lambda _: self._typing.start())
        bar = QHBoxLayout()
        bar.setContentsMargins(GRID, GRID, GRID, 4)
        bar.setSpacing(GRID)
        bar.addWidget(QLabel(tr("Metric")))
        bar.addWidget(self._metric)
        bar.addSpacing(GRID)
        bar.addWidget(QLabel(tr("Differences up to")))
        bar.addWidget(self._rope)
        bar.addWidget(QLabel(tr("don't matter")))
        bar.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        self._says.setContentsMargins(GRID, 0, GRID, GRID)
        layout.addWidget(self._says)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.verdict)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._say_verdict())
        self.model.modelReset.connect(self._say_verdict)
        theme().changed.connect(self.table.viewport().update)

    @property
    def chosen_metric(self) -> str:
        """The metric to compare by."""
        return str(self._metric.currentData() or "")

    @property
    def rope(self) -> float | None:
        """The difference that doesn't matter, None to have it chosen."""
        return self._rope.value() or None

    def offer(self, metrics: list[tuple[str, str]]) -> None:
        """Offer metrics as (name, title); the one chosen before stays if it is among them."""
        if [self._metric.itemData(n) for n in range(self._metric.count())] == [name for name, _ in metrics]:
            return
        before = self.chosen_metric
        self._metric.blockSignals(True)
        self._metric.clear()
        for name, title in metrics:
            self._metric.addItem(title, name)
        self._metric.setCurrentIndex(max(0, self._metric.findData(before)))
        self._metric.blockSignals(False)

    def show_found(self, found: FoldComparisons) -> None:
        """Show what the folds tell."""
        self.model.show_found(found)
        for column in (MEAN, DIFFERENCE):  # as wide as what is in them, which a width of one's own may exceed
            needed = self.table.sizeHintForColumn(column) + GRID
            self.table.setColumnWidth(column, max(self.table.columnWidth(column), needed))
        reason = {"chosen": tr("as you chose")}.get(found.rope_reason, found.rope_reason)
        self._says.setText(
            tr(
                "How probably each pipeline is better than {name} (+), practically the same (≈) or worse (−), by "
                "{metric} over shared folds. Differences up to {rope} ({reason}) count as the same. Means are those of "
                "the folds; the catalog's value is over all their samples together."
            ).format(name=found.baseline_name, metric=found.title, rope=number_text(found.rope), reason=reason)
        )

    def refuse(self, what: str) -> None:
        """Say why there is nothing to show."""
        self.model.show_found(None)
        self._says.setText(what)

    def _say_verdict(self) -> None:
        row = self.table.currentIndex().row()
        told = self.model.found is not None and 0 <= row < len(self.model.pipelines)
        self.verdict.setText(self.model.sentence(row) if told else "")

    def _ask_anew(self) -> None:
        """Another metric has another unit: what doesn't matter is chosen again."""
        self._rope.blockSignals(True)
        self._rope.setValue(0.0)
        self._rope.blockSignals(False)
        self.wanted.emit()
