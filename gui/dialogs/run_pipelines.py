"""The pipelines of a new run: templates of the library, shipped grids and files, each with what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui import inquiries
from gui.formats import MISSING, counted, integer_text, tr
from gui.models.columns import RIGHT
from gui.session import Session
from gui.settings import documents_folder
from gui.tasks import Task
from gui.theme import GRID, ROW_HEIGHT, theme
from gui.widgets import CONFIG_SUFFIXES, EnterButton, heading

if TYPE_CHECKING:
    from storage import ConfigPreview, LibraryItem, RunRequest

Group = Literal["asked", "library", "shipped", "files"]
GRID_ROWS_SHOWN = 200


@dataclass(eq=False)
class Source:
    """Where pipelines come from: a file, or configurations as a request holds them; what they come to, once known."""

    title: str
    path: Path | None = None
    configs: list[dict[str, Any]] = field(default_factory=list)
    found: list[ConfigPreview] | None = None
    problem: str = ""
    remembered: bool = False  # chosen the last time: it is no loss if it is gone

    @property
    def count(self) -> int:
        """How many pipelines it makes."""
        return sum(config.count for config in self.found or [])

    @property
    def tip(self) -> str:
        """Where it comes from."""
        return str(self.path) if self.path is not None else self.title

    def unfit(self, task: str | None) -> int:
        """How many of its pipelines are made for another task."""
        return sum(config.unfit(task) for config in self.found or [])


class _Configurations(QTreeWidget):
    """Lines under headings; the keys for moving stop at the lines alone."""

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        found, moves = super().moveCursor(action, modifiers), QAbstractItemView.CursorAction
        back = action in (moves.MoveUp, moves.MovePageUp, moves.MovePrevious)
        while found.isValid() and not found.flags() & Qt.ItemFlag.ItemIsSelectable:
            if action == moves.MoveLeft:
                return self.currentIndex()  # a heading is no place to go up to
            found = self.indexAbove(found) if back else self.indexBelow(found)
        return found if found.isValid() else self.currentIndex()


class PipelineChoice(QWidget):
    """The other half of the New run dialog. `changed` follows every choice, `counted` an answer about sources."""

    changed = Signal()
    counted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._tasks: list[Task] = []
        self._over = False
        self._estimate = ""
        self._task: str | None = None
        self._wanted: set[Path] = set()  # files to be ticked once they are offered
        self._sources: dict[int, Source] = {}
        self._make_tree()
        self._details = QPlainTextEdit()
        self._details.setObjectName("framed")
        self._details.setReadOnly(True)
        self._details.setTabChangesFocus(True)
        self._details.setAccessibleName(tr("Steps and grid of the selected configuration"))
        self._details.setPlaceholderText(tr("Select a configuration to see its steps and grid."))
        self._details.setFixedHeight(6 * ROW_HEIGHT)
        self.add = EnterButton(tr("&Add files…"))
        self.add.setAutoDefault(False)
        theme().dress(self.add, "add")
        self.add.clicked.connect(self._choose_files)
        self.total = QLabel(tr("No pipelines chosen"))
        self.total.setObjectName("muted")
        row = QHBoxLayout()
        row.addWidget(self.total, 1)
        row.addWidget(self.add)
        half = QVBoxLayout(self)
        half.setContentsMargins(0, 0, 0, 0)
        half.setSpacing(GRID)
        title = heading(tr("P&ipelines"))
        title.setBuddy(self.tree)
        half.addWidget(title)
        half.addWidget(self.tree, 1)
        half.addWidget(self._details)
        half.addLayout(row)
        self._tasks.append(session.tasks.start(inquiries.shipped, self._offer_shipped, quiet=True))
        session.query(inquiries.templates, self._offer_templates, quiet=True)

    def _make_tree(self) -> None:
        self.tree = _Configurations()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([tr("Configuration"), tr("Pipelines")])
        self.tree.setAccessibleName(tr("Configurations to train"))
        self.tree.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(16)
        self.tree.setRootIsDecorated(False)
        self.tree.setItemsExpandable(False)
        self.tree.setStyleSheet(f"QTreeView::item {{ height: {ROW_HEIGHT}px; }}")
        self.tree.setMinimumHeight(8 * ROW_HEIGHT)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 80)
        self.tree.headerItem().setTextAlignment(1, RIGHT)
        titles: dict[Group, str] = {
            "asked": tr("Chosen pipelines"), "library": tr("Templates of the library"),
            "shipped": tr("Grids that come with Runshelf"), "files": tr("Files"),
        }  # fmt: skip
        self._groups: dict[Group, QTreeWidgetItem] = {}
        for group, text in titles.items():
            item = QTreeWidgetItem(self.tree, [text])
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
            item.setHidden(True)
            self._groups[group] = item
        self.tree.itemChanged.connect(self._tick)
        self.tree.currentItemChanged.connect(lambda *_: self._show_details())

    def _tick(self, item: QTreeWidgetItem) -> None:
        """Go to what was ticked, so that one sees its steps."""
        if item.checkState(0) == Qt.CheckState.Checked:
            self.tree.setCurrentItem(item)
        self._count()

    # --- offering ---

    def add_file(self, path: Path, *, remembered: bool = False) -> None:
        """Offer a configuration file and choose it; one that is offered already is chosen."""
        known = next((item for item, source in self._items() if source.path == path), None)
        if known is not None:
            known.setCheckState(0, Qt.CheckState.Checked)
        else:
            self._wanted.add(path)
            self._offer("files", [Source(_title(path), path, remembered=remembered)])

    def fill(self, wanted: RunRequest) -> None:
        """Choose what a request asks for."""
        if wanted.configs:
            names = {str(config.get("pipeline_name") or config.get("name") or "") for config in wanted.configs}
            title = names.pop() if len(names) == 1 else tr("{n} pipelines").format(n=integer_text(len(wanted.configs)))
            self._offer("asked", [Source(title, configs=wanted.configs)], chosen=True)
        for path in wanted.pipelines:
            self.add_file(path)

    def remember(self, paths: Sequence[Path]) -> None:
        """Choose the files that were chosen the last time, those that are still there."""
        for path in paths:
            self.add_file(path, remembered=True)

    def _offer_shipped(self, paths: list[Path]) -> None:
        self._offer("shipped", [Source(_title(path), path) for path in paths])

    def _offer_templates(self, items: list[LibraryItem]) -> None:
        if self._over:
            return
        self._offer("library", [Source(item.name, item.path) for item in items])
        if not items:
            text = tr("None yet. Save a pipeline as a template to have it here.")
            none = QTreeWidgetItem(self._groups["library"], [text])
            none.setFlags(Qt.ItemFlag.NoItemFlags)
            none.setFirstColumnSpanned(True)
            self._groups["library"].setHidden(False)
            self._groups["library"].setExpanded(True)

    def _offer(self, group: Group, sources: Sequence[Source], *, chosen: bool = False) -> None:
        if not sources:
            return
        parent = self._groups[group]
        parent.setHidden(False)
        parent.setExpanded(True)
        self.tree.blockSignals(True)
        for source in sources:
            for _, known in self._items():
                if source.path is not None and known.path == source.path:
                    if known is self._current():
                        self.tree.setCurrentIndex(QModelIndex())
                    self._take_away(known)  # the same file, added as wanted before its group was known
            item = QTreeWidgetItem(parent, [source.title, "…"])
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = chosen or (source.path is not None and source.path in self._wanted)
            item.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            item.setTextAlignment(1, RIGHT)
            item.setToolTip(0, source.tip)
            number = len(self._sources) + 1
            self._sources[number] = source
            item.setData(0, Qt.ItemDataRole.UserRole, number)
        self.tree.blockSignals(False)
        if self._current() is None:  # one sees the steps of what is ticked from the beginning, too
            checked = (item for item, _ in self._items() if item.checkState(0) == Qt.CheckState.Checked)
            if (first := next(checked, None)) is not None:
                self.tree.setCurrentItem(first)
        contents = [source.path if source.path is not None else source.configs for source in sources]
        work = partial(inquiries.describe, contents)
        self._tasks.append(self._session.tasks.start(work, partial(self._describe, sources)))
        self._count()

    def _take_away(self, source: Source) -> None:
        item = next((item for item, known in self._items() if known is source), None)
        if item is not None:
            parent = item.parent()
            assert parent is not None
            parent.removeChild(item)
            parent.setHidden(parent.childCount() == 0)

    def _describe(self, sources: Sequence[Source], found: list[list[ConfigPreview] | str]) -> None:
        for source, answer in zip(sources, found, strict=True):
            if isinstance(answer, str) and source.remembered:
                self._take_away(source)
            elif isinstance(answer, str):
                source.problem, source.found = answer, []
            else:
                source.found = answer
        self.tree.blockSignals(True)
        for item, source in self._items():
            if source in sources:
                item.setText(1, MISSING if source.problem else integer_text(source.count))
                self._dress(item, source)
        self.tree.blockSignals(False)
        self._count()
        self._show_details()
        self.counted.emit()

    def _dress(self, item: QTreeWidgetItem, source: Source) -> None:
        """Show what is wrong with a source, or that it is made for another task."""
        doubt = source.problem or unfit_text(source.unfit(self._task), self._task)
        item.setIcon(0, theme().icon("damaged", "warning") if doubt else QIcon())
        item.setToolTip(0, doubt or source.tip)
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{source.title}. {doubt}" if doubt else None)

    def _choose_files(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in CONFIG_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(
            self, tr("Pipeline configurations"), documents_folder(), tr("Configurations ({kinds})").format(kinds=kinds)
        )
        for name in names:
            self.add_file(Path(name))

    # --- what was chosen ---

    def chosen(self) -> list[Source]:
        """Return the sources that are ticked."""
        return [source for item, source in self._items() if item.checkState(0) == Qt.CheckState.Checked]

    def answer(self) -> dict[str, Any]:
        """Return the fields of a RunRequest that are chosen here."""
        chosen = self.chosen()
        return {
            "pipelines": [source.path for source in chosen if source.path is not None],
            "configs": [config for source in chosen for config in source.configs],
        }

    @property
    def count(self) -> int:
        """How many pipelines are chosen, as far as known."""
        return sum(source.count for source in self.chosen())

    def counts(self) -> dict[str, int]:
        """Return how many pipelines are chosen of each configuration."""
        counts: dict[str, int] = {}
        for source in self.chosen():
            for config in source.found or []:
                counts[config.name] = counts.get(config.name, 0) + config.count
        return counts

    def missing(self) -> str:
        """Say what is still to be chosen, empty if nothing."""
        chosen = self.chosen()
        if any(source.found is None for source in chosen):
            return tr("Counting the pipelines…")
        return "" if chosen else tr("Choose at least one set of pipelines.")

    def wrong(self) -> str:
        """Say what can't be trained of what is chosen, empty if nothing."""
        return next((source.problem for source in self.chosen() if source.problem), "")

    def set_task(self, task: str | None) -> None:
        """Show which sources are not made for a task; None where it is not known."""
        if task != self._task:
            self._task = task
            self.tree.blockSignals(True)
            for item, source in self._items():
                self._dress(item, source)
            self.tree.blockSignals(False)
            self._show_details()

    def doubt(self) -> str:
        """Say that pipelines are chosen which are not made for the task, empty if there are none."""
        return unfit_text(sum(source.unfit(self._task) for source in self.chosen()), self._task)

    def estimate(self, text: str) -> None:
        """Say beside the total how long it may take."""
        self._estimate = text
        self._show_total()

    def drop_tasks(self) -> None:
        """Want no answers any more."""
        self._over = True
        for task in self._tasks:
            self._session.tasks.drop(task)

    # --- showing ---

    def _items(self) -> list[tuple[QTreeWidgetItem, Source]]:
        """The lines that stand for something to train; a line that says there is nothing has no number."""
        found = []
        for group in self._groups.values():
            for row in range(group.childCount()):
                item = group.child(row)
                number = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
                if item is not None and number is not None:
                    found.append((item, self._sources[number]))
        return found

    def _count(self) -> None:
        self._show_total()
        self.changed.emit()

    def _show_total(self) -> None:
        chosen, count = self.chosen(), self.count
        if not chosen:
            text = tr("No pipelines chosen")
        elif any(source.found is None for source in chosen):
            text = tr("Counting…")
        else:
            text = tr("1 pipeline") if count == 1 else tr("{n} pipelines").format(n=integer_text(count))
            text = f"{text}, {self._estimate}" if self._estimate else text
        self.total.setText(text)

    def _current(self) -> Source | None:
        current = self.tree.currentItem()
        return next((source for item, source in self._items() if item is current), None)

    def _show_details(self) -> None:
        source = self._current()
        doubt = unfit_text(source.unfit(self._task), self._task) if source is not None else ""
        text = source_text(source) if source is not None else ""
        self._details.setPlainText(f"{doubt}\n\n{text}" if doubt else text)


def unfit_text(count: int, task: str | None) -> str:
    """Say that pipelines are not made for a task, empty for none of them."""
    if not count:
        return ""
    if task == "regression":
        return counted(
            count, "{n} pipeline is made for classification and likely to fail: the target asks for regression.",
            "{n} pipelines are made for classification and likely to fail: the target asks for regression.",
        )  # fmt: skip
    return counted(
        count, "{n} pipeline is made for regression and likely to fail: the target asks for classification.",
        "{n} pipelines are made for regression and likely to fail: the target asks for classification.",
    )  # fmt: skip


def source_text(source: Source) -> str:
    """Say what a source comes to: steps, grid, folds of each of its configurations."""
    if source.problem:
        return source.problem
    return "\n\n".join(config_text(config) for config in (source.found or [])[:GRID_ROWS_SHOWN])


def config_text(config: ConfigPreview) -> str:
    """Say what a configuration comes to."""
    count = tr("1 pipeline") if config.count == 1 else tr("{n} pipelines").format(n=integer_text(config.count))
    folds = tr("cross-validated {cv}").format(cv=config.cv) if config.cv else tr("not cross-validated")
    lines = [f"{config.name}: {count}, {folds}"]
    if config.description:
        lines.append(config.description)
    lines.append(" → ".join(config.steps))
    lines += [f"{name}: {', '.join(values)}" for name, values in config.grid]
    return "\n".join(lines)


def _title(path: Path) -> str:
    return path.stem.replace("-", " ").replace("_", " ")
