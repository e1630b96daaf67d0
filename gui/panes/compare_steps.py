"""The steps of the compared pipelines side by side: what was added, removed, moved or changed against the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QFont, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QSplitter, QVBoxLayout, QWidget

from gui.formats import MISSING, parameter_text, tr
from gui.models.columns import LEFT
from gui.panes.compare_table import NOWHERE, AnyIndex, CellDelegate, CompareModel, CompareTable, word_colour
from gui.panes.facts import UNSET, first_words
from gui.panes.sheets import Sheet
from gui.theme import GRID, ROW_HEIGHT, theme

if TYPE_CHECKING:
    from storage import ChainGrid, ChainStep, ParamChange, StepDiff

SIGNS = {"same": "=", "added": "+", "removed": "−", "moved": "↕", "changed": "≠"}
COLOURS = {"same": "muted", "added": "good", "removed": "bad", "moved": "accent", "changed": "warning"}
NARROWEST, NARROW, WIDEST = 112, 80, 280
WHOLE = 168  # pixels, at which a column is readable: rather so narrow than cut by the edge


def kind_word(kind: str) -> str:
    """Say what became of a step."""
    words = {
        "same": tr("same"),
        "added": tr("added"),
        "removed": tr("removed"),
        "moved": tr("moved"),
        "changed": tr("changed"),
    }
    return words[kind]


def change_words(diff: StepDiff) -> list[str]:
    """Say in a few words each what differs within a step: parameters from old to new, and steps within it."""
    words = [change_text(change) for change in diff.changes]
    for part in diff.parts:
        if part.kind == "same":
            continue
        step = part.new or part.old
        assert step is not None
        within = ", ".join(change_words(part))
        words.append(f"{SIGNS[part.kind]} {step.title}" + (f" ({within})" if within else ""))
    return words


def change_text(change: ParamChange) -> str:
    """Write a parameter as it was and as it is."""
    return f"{change.name} {parameter_text(change.old)} → {parameter_text(change.new)}"


def chosen_text(step: ChainStep) -> str:
    """Write the parameters somebody chose, and the steps within."""
    within = ", ".join(part.title for part in step.parts)
    return "; ".join(words for words in (first_words(step), within) if words)


def cell_words(diff: StepDiff | None, *, baseline: bool) -> str:
    """Say in one line what became of a step; of the baseline's own step, what it is."""
    if diff is None:
        return ""
    step = diff.new or diff.old
    assert step is not None
    if baseline:
        return chosen_text(step) or tr("defaults")
    if diff.kind == "same":
        return f"{SIGNS['same']} {kind_word('same')}"
    if diff.kind == "added":
        rest = chosen_text(step)
    elif diff.kind == "moved" and diff.old_place is not None and diff.new_place is not None:
        place = tr("step {old} → {new}").format(old=diff.old_place + 1, new=diff.new_place + 1)
        rest = ", ".join([place, *change_words(diff)])
    else:
        rest = ", ".join(change_words(diff))
    said = f"{SIGNS[diff.kind]} {kind_word(diff.kind)}"
    return f"{said}: {rest}" if rest else said


def detail_rows(diff: StepDiff, prefix: str = "") -> list[tuple[str, str, str]]:
    """List parameters of a step (name, in the baseline, in this pipeline): those that differ, else those chosen."""
    if diff.old is None or diff.new is None:
        step = diff.new or diff.old
        assert step is not None
        rows = []
        for key, value in step.params.items():
            if value != UNSET and (step.chosen is None or key in step.chosen):
                told = parameter_text(value)
                rows.append((prefix + key, *((MISSING, told) if diff.old is None else (told, MISSING))))
        empty = tr("only defaults")
        name = prefix.removesuffix(" › ") or step.title
        return rows or [(name, *((MISSING, empty) if diff.old is None else (empty, MISSING)))]
    rows = [
        (prefix + c.name, _with_default(c.old, c.old_chosen), _with_default(c.new, c.new_chosen)) for c in diff.changes
    ]
    for part in diff.parts:
        if part.kind != "same":
            step = part.new or part.old
            assert step is not None
            rows += detail_rows(part, f"{prefix}{step.title} › ")
    if not rows and not prefix:
        chosen = diff.new.chosen if diff.new.chosen is not None else frozenset(diff.new.params)
        rows = [(key, *(parameter_text(v),) * 2) for key, v in diff.new.params.items() if key in chosen and v != UNSET]
    return rows


def _with_default(value: Any, chosen: bool | None) -> str:
    text = parameter_text(value)
    return tr("{value} (default)").format(value=text) if chosen is False else text


class StepsModel(CompareModel):
    """Columns are the steps of all chains together: those that differ first, then the others, each in their order.

    Where that is not the order of the chains, titles say at which place a step stands.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid: ChainGrid | None = None
        self._number: dict[str, int] = {}
        self._order: list[int] = []  # the row of the grid that each column shows
        self._differing = 0  # so many columns have something that differs

    def show_grid(self, grid: ChainGrid) -> None:
        """Show what became of each step."""
        self.beginResetModel()
        self.grid = grid
        self._number = {chain.prediction_id: number for number, chain in enumerate(grid.chains)}
        differs = [any(cell is not None and cell.kind != "same" for cell in row.cells) for row in grid.rows]
        self._order = sorted(range(len(grid.rows)), key=lambda place: not differs[place])
        self._differing = sum(differs)
        self.endResetModel()

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        if parent.isValid() or self.grid is None:
            return 0
        return len(self.grid.rows) or 1

    def diff(self, row: int, column: int) -> StepDiff | None:
        """Return what became of a step in a pipeline."""
        number = self._number.get(self.pipelines[row].picked.prediction_id) if row < len(self.pipelines) else None
        if self.grid is None or number is None or column >= len(self._order):
            return None
        return self.grid.rows[self._order[column]].cells[number]

    def differs(self, column: int) -> bool:
        """Whether some pipeline differs in this step."""
        return column < self._differing

    def problem(self, row: int) -> str:
        """Say why the steps of a pipeline are not known."""
        number = self._number.get(self.pipelines[row].picked.prediction_id)
        return self.grid.chains[number].problem if self.grid is not None and number is not None else ""

    def title(self, section: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ForegroundRole and self._order and not self.differs(section):
            return QBrush(word_colour("muted"))
        if self.grid is None or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return self._title(self._order[section]) if section < len(self._order) else tr("Steps")

    def _title(self, number: int) -> str:
        """Call a step; with its place in the baseline, or in the first chain that has it, where columns mix them."""
        assert self.grid is not None
        row = self.grid.rows[number]
        if self._order == sorted(self._order):
            return row.title
        cells = (cell for cell in row.cells if cell is not None)
        places = (cell.old_place if cell.old_place is not None else cell.new_place for cell in cells)
        place = next((place for place in places if place is not None), None)
        return tr("{place}. {step}").format(place=place + 1, step=row.title) if place is not None else row.title

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.pipelines):
            return None
        baseline = self.pipelines[index.row()].baseline
        diff = self.diff(index.row(), index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole):
            return cell_words(diff, baseline=baseline) or (self.problem(index.row()) if index.column() == 0 else "")
        if role == Qt.ItemDataRole.ToolTipRole and diff is not None:
            rows = [
                f"{name}: {old} → {new}" if old != new else f"{name}: {new}" for name, old, new in detail_rows(diff)
            ]
            step = diff.new or diff.old
            return "\n".join([step.class_name or step.title if step is not None else "", *rows[:20]])
        if role == Qt.ItemDataRole.ForegroundRole:
            kind = diff.kind if diff is not None else "same"
            return (
                None
                if baseline and diff is not None and self.differs(index.column())
                else QBrush(word_colour(COLOURS[kind]))
            )
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT
        if role == Qt.ItemDataRole.FontRole and baseline and self.differs(index.column()):
            font = QFont()
            font.setBold(True)
            return font
        return None


class StepsView(QWidget):
    """The grid of steps, and below it the parameters of the one somebody is at."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = StepsModel(self)
        self.table = CompareTable(self.model, tr("Steps of the compared pipelines"))
        self.table.setItemDelegate(CellDelegate(self.table))
        self.table.setWordWrap(True)  # a change is shown whole
        self.table.verticalHeader().setMinimumSectionSize(ROW_HEIGHT)
        self.table.picked.connect(self.picked)
        self._what = QLabel()
        self._what.setObjectName("heading")
        self.details = Sheet(
            [tr("Parameter"), tr("Baseline"), tr("This pipeline")], tr("What differs in the current step")
        )
        below = QWidget()
        below.setObjectName("paper")
        below.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inside = QVBoxLayout(below)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        self._what.setContentsMargins(GRID, 6, GRID, 6)
        inside.addWidget(self._what)
        inside.addWidget(self.details, 1)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(self.table)
        self.split.addWidget(below)
        self.split.setSizes([420, 180])
        self.split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.split)
        self.table.selectionModel().currentChanged.connect(lambda now, _before: self._describe(now))
        self.model.modelReset.connect(lambda: self._describe(self.table.currentIndex()))
        theme().changed.connect(self.table.viewport().update)

    def show_grid(self, grid: ChainGrid) -> None:
        """Show what became of each step; the widths fit the words."""
        self.model.show_grid(grid)
        self._fit()
        self._describe(self.table.currentIndex())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self.model.rowCount():
            QTimer.singleShot(0, self, self._fit)  # once the table has its size, too

    def _fit(self) -> None:
        """Give each step what its words need, but no more than lets whole columns be seen."""
        table, columns = self.table, self.model.columnCount()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.resizeColumnsToContents()
        differs = [self.model.differs(column) for column in range(columns)]
        wanted = [
            max(NARROWEST if differs[column] else NARROW, table.columnWidth(column) + 8) for column in range(columns)
        ]
        widest = self._widest([width for width, own in zip(wanted, differs, strict=True) if own] or wanted)
        for column, width in enumerate(wanted):
            table.setColumnWidth(column, min(widest, width))
        table.yielding = sum(not own for own in differs) % max(1, columns)
        table.resizeRowsToContents()
        for row in range(self.model.rowCount()):
            if table.rowHeight(row) > ROW_HEIGHT:  # lines of two rows would look like those of one
                table.setRowHeight(row, table.rowHeight(row) + GRID)
        table.fit_names()

    def _widest(self, wanted: list[int]) -> int:
        """How wide a column may be so that as many as can be read are seen whole."""
        room = self.table.viewport().width()
        shared = room // max(1, min(len(wanted), room // WHOLE))
        return WIDEST if sum(min(WIDEST, width) for width in wanted) <= room else min(WIDEST, max(WHOLE, shared))

    def _describe(self, index: QModelIndex) -> None:
        """List the parameters of the current step; of a step that isn't there, all that differs in the pipeline."""
        if not index.isValid() or index.row() >= len(self.model.pipelines):
            self._what.setText(tr("Go to a step to see its parameters."))
            self.details.fill([])
            return
        one, diff = self.model.pipelines[index.row()], self.model.diff(index.row(), index.column())
        step = (diff.new or diff.old) if diff is not None else None
        if diff is None or step is None or not self.table.hasFocus():  # somebody picked the pipeline, not a step
            self._describe_all(index.row())
            return
        word = tr("the baseline") if one.baseline else kind_word(diff.kind)
        self._what.setText(tr("{step} in {name}: {word}").format(step=step.title, name=one.label, word=word))
        self.details.fill(detail_rows(diff) or [(tr("no parameters"), MISSING, MISSING)])

    def _describe_all(self, row: int) -> None:
        """List all that differs between a pipeline and the baseline."""
        one = self.model.pipelines[row]
        found = [self.model.diff(row, column) for column in range(self.model.columnCount())]
        rows: list[tuple[str, str, str]] = []
        for diff in found:
            step = (diff.new or diff.old) if diff is not None else None
            if diff is not None and step is not None and diff.kind != "same":
                own = detail_rows(diff, f"{step.title} › ")
                rows += own or [(step.title, "", kind_word(diff.kind))]
        if one.baseline:
            self._what.setText(tr("{name} is the baseline").format(name=one.label))
        elif rows:
            self._what.setText(tr("All that differs in {name}").format(name=one.label))
        else:
            self._what.setText(tr("{name} has the same steps as the baseline").format(name=one.label))
        self.details.fill([] if one.baseline else rows)
