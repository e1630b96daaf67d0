"""Small read-only tables of the details pane: filled at once, copied as text, never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from gui.formats import MINUS, MISSING, ROUNDING, integer_text, number_text, plain_text, tr
from gui.models.columns import LEFT, RIGHT
from gui.panes.sort_header import Titles
from gui.shortening import Cells
from gui.theme import HEADER_HEIGHT, ROW_HEIGHT, theme
from storage import metric_for

PARTITIONS = ("train", "val", "test")
NARROWEST, WIDEST, AIR = 56, 200, 8  # of columns, and what they have beside their texts
MOST_NAMES = 2  # columns before the last one, of what is a list of names with something about each
LAST_AT_LEAST = 96  # of the last column, where the names before it can give way
NUMBER_WIDTH, GAP_WIDTH, NAME_WIDTH = 58, 66, 66  # at least
PLAIN_FROM = 1e-3  # smaller numbers are written with a power of ten, which is shorter


class Sheet(QTableWidget):
    """A read-only table; the cell's whole value is in its tip, and Ctrl+C copies what is selected."""

    def __init__(
        self, titles: Sequence[str], name: str, *, right_from: int = 99, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(titles), parent)
        self._right_from = right_from
        self.setHorizontalHeader(Titles(self))
        self.setItemDelegate(Cells(self))
        self.setHorizontalHeaderLabels(list(titles))
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setFixedHeight(HEADER_HEIGHT)
        self.horizontalHeader().setStretchLastSection(True)
        self._align_titles()

    def fill(
        self,
        rows: Sequence[Sequence[Any]],
        *,
        columns: Sequence[str] | None = None,
        icons: Sequence[str] = (),
        muted: Sequence[int] = (),
        headings: Sequence[int] = (),
    ) -> None:
        """Replace all rows, and the columns too if given; numbers are written with their metric's digits.

        `icons` go before the first cells, the rows numbered in `muted` are of less interest, and those in `headings`
        are the titles of what follows.
        """
        self.clearSpans()
        if columns is not None:
            self.setColumnCount(len(columns))
            self.setHorizontalHeaderLabels(list(columns))
            self._align_titles()
        self.setRowCount(len(rows))
        titles = [str(self.model().headerData(n, Qt.Orientation.Horizontal)) for n in range(self.columnCount())]
        for row, values in enumerate(rows):
            for column, value in enumerate(values):
                item = self._item(value, titles[column], column)
                if column == 0 and row < len(icons):
                    item.setIcon(theme().icon(icons[row], "muted"))
                if row in muted:
                    item.setForeground(QColor(theme().colours.muted))
                self.setItem(row, column, item)
        for row in headings:
            self._make_heading(row)
        self._fit_columns()

    def fit_height(self) -> None:
        """Take exactly the height of the rows, for a sheet inside something that scrolls."""
        self.setFixedHeight(HEADER_HEIGHT + self.rowCount() * ROW_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.selected_text())
            return
        super().keyPressEvent(event)

    def selected_text(self) -> str:
        """Return the selected rows as lines of tab-separated values, in full precision."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return "\n".join("\t".join(self._values(row)) for row in rows)

    def _values(self, row: int) -> list[str]:
        items = [self.item(row, column) for column in range(self.columnCount())]
        return [plain_text(item.data(Qt.ItemDataRole.UserRole)) if item is not None else "" for item in items]

    def _fit_columns(self) -> None:
        """Give each column what it needs and some air where there is room; the names yield what is too much for all."""
        self.resizeColumnsToContents()
        needed = [self.columnWidth(column) for column in range(self.columnCount())]
        room = self.viewport().width()
        air = 0 if sum(needed) <= room < sum(needed) + AIR * len(needed) else AIR
        widths = [min(WIDEST, max(NARROWEST, width + air)) for width in needed[:-1]]
        if widths:
            left = room - sum(widths[1:]) - max(NARROWEST, needed[-1])
            widths[0] = max(widths[0], min(needed[0] + air, left))
            if len(widths) <= MOST_NAMES:  # a table of many columns is scrolled
                self._give_way(widths, room - min(max(NARROWEST, needed[-1]), LAST_AT_LEAST))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)

    def _give_way(self, widths: list[int], room: int) -> None:
        """Let the widest give way, one like the other, until all have room: what stands last is seen, too."""
        over = sum(widths) - room
        while over > 0 and max(widths) > NARROWEST:
            widest = max(widths)
            those = [place for place, width in enumerate(widths) if width == widest]
            next_wide = max((width for width in widths if width < widest), default=NARROWEST)
            less = min(widest - max(next_wide, NARROWEST), -(-over // len(those)))
            for place in those:
                widths[place] -= less
            over = sum(widths) - room

    def _make_heading(self, row: int) -> None:
        item = self.item(row, 0)
        if item is not None:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            item.setBackground(QColor(theme().colours.window))
        if self.columnCount() > 1:
            self.setSpan(row, 0, 1, self.columnCount())

    def _align_titles(self) -> None:
        for column in range(self.columnCount()):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setTextAlignment(RIGHT if column >= self._right_from else LEFT)

    def _item(self, value: Any, title: str, column: int) -> QTableWidgetItem:
        item = QTableWidgetItem(_cell_text(value, title))
        tip = value.tip if isinstance(value, Gap) else None
        if isinstance(value, Gap):
            value = value.value if value.worse else -value.value
        value = value.value if isinstance(value, _Named) else value
        item.setData(Qt.ItemDataRole.UserRole, value)
        item.setToolTip(plain_text(value) if tip is None else tip)
        if tip is not None:
            item.setData(Qt.ItemDataRole.AccessibleTextRole, tip)
        right = column >= self._right_from or isinstance(value, (int, float))
        item.setTextAlignment(RIGHT if right else LEFT)
        return item


class MetricsSheet(Sheet):
    """Metrics by partition, and how much worse they are where the model was not trained.

    The columns are always the same, so that nothing moves from one pipeline to the next.
    """

    def fill_metrics(self, metrics: dict[str, Any]) -> None:
        """Show `metrics.json` as rows of metrics and columns of partitions; what is not there shows "–"."""
        parts = {name: metrics[name] if isinstance(metrics.get(name), dict) else {} for name in PARTITIONS}
        names: list[str] = []
        for values in parts.values():
            names.extend(name for name, value in values.items() if name not in names and _is_number(value))
        names.sort(key=lambda name: name == "samples")  # counts below what is measured
        rows = [
            (metric_title(name), *(_Named(name, values.get(name)) for values in parts.values()), gap_of(name, parts))
            for name in names
        ]
        self.fill(rows, columns=[tr("Metric"), *PARTITIONS, tr("worse by")])
        titles = self.horizontalHeader()
        titles.setStretchLastSection(False)
        titles.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, self.columnCount()):
            titles.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            least = NUMBER_WIDTH if column <= len(PARTITIONS) else GAP_WIDTH
            self.setColumnWidth(column, max(least, self.sizeHintForColumn(column), titles.sectionSizeHint(column)))
        # The names give way, and then the page scrolls sideways: half a number is a wrong number.
        self.setMinimumWidth(NAME_WIDTH + sum(self.columnWidth(column) for column in range(1, self.columnCount())))
        item = self.horizontalHeaderItem(self.columnCount() - 1)
        if item is not None:
            item.setToolTip(tr("How much worse it is on test samples, else val, than on those of train; with − better"))


@dataclass(frozen=True)
class Gap:
    """How much a metric differs between the samples trained with and others: `value` is never negative."""

    name: str
    value: float
    worse: bool
    tip: str


def gap_of(name: str, parts: Mapping[str, Mapping[str, Any]]) -> Gap | None:
    """Return how far test (else val) is from train; None where a value is missing or nobody knows which end is best."""
    metric = metric_for(name)
    there = next((one for one in ("test", "val") if _is_number(parts[one].get(name))), "")
    if metric is None or not there or not _is_number(parts["train"].get(name)) or name == "samples":
        return None
    train, other = float(parts["train"][name]), float(parts[there][name])
    if metric.target is not None:
        further = abs(other - metric.target) - abs(train - metric.target)
    elif metric.lower_is_better is not None:
        further = (other - train) * (1 if metric.lower_is_better else -1)
    else:
        return None
    if abs(further) < ROUNDING:
        return Gap(name, 0.0, False, tr("{there} is as good as train").format(there=there))
    words = (
        tr("{there} is worse than train by {value}") if further > 0 else tr("{there} is better than train by {value}")
    )
    tip = words.format(there=there, value=plain_text(abs(further)))
    return Gap(name, abs(further), further > 0, tip)


class _Named:
    """A number that knows which metric it is, because here metrics are the rows."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value


class FoldsSheet(Sheet):
    """Folds and their metrics: as many whole columns as there is room for, the others further to the right."""

    def _fit_columns(self) -> None:
        self.resizeColumnsToContents()
        titles, room, taken, whole = self.horizontalHeader(), self.viewport().width(), 0, 0
        widths = [max(NUMBER_WIDTH, self.columnWidth(column)) for column in range(self.columnCount())]
        while whole < len(widths) and taken + widths[whole] <= room:
            taken += widths[whole]
            whole += 1
        titles.setStretchLastSection(whole == len(widths))
        air = min(AIR, (room - taken) // whole) if whole == len(widths) else (room - taken) // max(1, whole)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width + (air if column < whole else 0))
        if whole < len(widths):
            self.setColumnWidth(0, self.columnWidth(0) + room - taken - air * whole)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()


def metrics_sheet() -> MetricsSheet:
    """Make the sheet of metrics by partition."""
    return MetricsSheet([tr("Metric"), *PARTITIONS], tr("Metrics by partition"), right_from=1)


def folds_sheet() -> Sheet:
    """Make the sheet of cross-validation folds."""
    return FoldsSheet([tr("Fold")], tr("Results of each cross-validation fold"), right_from=1)


def metric_title(name: str) -> str:
    """Say what a metric of `metrics.json` is called."""
    metric = metric_for(name)
    return metric.title if metric is not None else name.replace("_", " ").capitalize()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _small_text(value: float) -> str:
    """Write a number near 0 in few letters: 9.1e-4."""
    if value < 0:
        return MINUS + _small_text(-value)
    mantissa, power = QLocale().toString(value, "e", 1).split("e")
    return f"{mantissa}e{int(power)}"


def _cell_text(value: Any, title: str) -> str:
    if isinstance(value, _Named):
        small = isinstance(value.value, float) and ROUNDING <= abs(value.value) < PLAIN_FROM
        return _small_text(value.value) if small else _cell_text(value.value, value.name)
    if isinstance(value, Gap):
        if not value.value:
            return "="
        text = _small_text(value.value) if ROUNDING <= value.value < PLAIN_FROM else number_text(value.value, 2)
        return text if value.worse else f"{MINUS}{text}"
    if value is None:
        return MISSING
    if isinstance(value, float):
        metric = metric_for(title)
        return number_text(value, metric.digits if metric is not None else 3)
    return integer_text(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
