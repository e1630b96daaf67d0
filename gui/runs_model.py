"""The lazy tree model: runs, and in each its pipelines, fetched in pages when they are looked at.

A refresh moves nothing that is still there: rows come and go one by one, so selection, scroll and open branches stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt, Signal

from gui.formats import MISSING, STATUS_ICONS, number_text, status_word, tr
from gui.models import LEFT, RIGHT, STATUS_COLOURS, AnyIndex
from gui.selection import Picked
from gui.session import Session
from gui.theme import theme
from storage import PipelineRow, RunRow, Workspace, metric_for

PAGE = 256
REVEAL_LIMIT = 20 * PAGE  # beyond it the run is shown instead: a tree of more rows would make the window wait


@dataclass
class RunNode:
    """A run in the tree and as many of its pipelines as were looked at."""

    row: RunRow
    serial: int
    place: int = 0
    pipelines: list[PipelineRow] = field(default_factory=list)
    count: int | None = None  # unknown until first asked

    def more(self) -> bool:
        """Whether there are pipelines not fetched yet."""
        return len(self.pipelines) < self.count if self.count is not None else self.row.total > 0


@dataclass(frozen=True)
class Branch:
    """The pipelines of one run from the first on, and how many there are in all."""

    count: int
    rows: list[PipelineRow]


def fetch_branch(run_id: str, length: int, workspace: Workspace) -> Branch:
    """Read the first `length` pipelines of a run; runs on the workspace's thread."""
    return Branch(workspace.count_pipelines(run_id), workspace.pipelines(run_id, 0, length))


def fetch_tree(loaded: Sequence[tuple[str, int]], workspace: Workspace) -> tuple[list[RunRow], dict[str, Branch]]:
    """Read all runs, and the pipelines of those that were looked at."""
    runs = workspace.runs()
    here = {run.run_id for run in runs}
    return runs, {run_id: fetch_branch(run_id, length, workspace) for run_id, length in loaded if run_id in here}


class RunsModel(QAbstractItemModel):
    """Runs, newest first, over their pipelines by number. `listed` follows each refresh."""

    listed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runs: list[RunNode] = []
        self._by_serial: dict[int, RunNode] = {}
        self._serial = 0
        self._shown = 0
        self._asking: set[str] = set()

    # --- contents ---

    def ask(self) -> None:
        """Read the runs again, and the pipelines shown."""
        loaded = [(node.row.run_id, max(PAGE, len(node.pipelines))) for node in self._runs if node.count is not None]
        self._session.query(partial(fetch_tree, loaded), self._take, topic="tree", quiet=True)

    def clear(self) -> None:
        """Show nothing, as without a workspace."""
        self.beginResetModel()
        self._runs, self._by_serial, self._shown = [], {}, 0
        self._asking.clear()
        self.endResetModel()

    def run(self, index: AnyIndex) -> RunRow | None:
        """Return the run at, or above, an index."""
        node = self._node(index) or (self._node(index.parent()) if index.isValid() else None)
        return node.row if node is not None else None

    def pipeline(self, index: AnyIndex) -> PipelineRow | None:
        """Return the pipeline at an index, None for a run."""
        if not index.isValid() or index.internalId() == 0:
            return None
        return self._by_serial[index.internalId()].pipelines[index.row()]

    def runs_known(self) -> int:
        """How many runs the workspace has, shown or not."""
        return len(self._runs)

    def reveal(self, picked: Picked, done: Callable[[QModelIndex], None]) -> None:
        """Fetch as far as needed and call `done` with the index of a pipeline, or of its run when it lies too deep."""
        node = next((node for node in self._runs if node.row.run_id == picked.run_id), None)
        if node is None:
            done(QModelIndex())
            return
        if node.place >= self._shown:
            self._show(node.place + 1)
        found = self._find(node, picked.pipeline_id)
        if found.isValid() or not node.more():
            done(found if found.isValid() else self.index(node.place, 0))
            return

        def take(branch: Branch) -> None:
            if node.serial in self._by_serial:
                self._merge_branch(node, branch)
                found = self._find(node, picked.pipeline_id)
                done(found if found.isValid() else self.index(node.place, 0))

        self._session.query(partial(fetch_branch, node.row.run_id, REVEAL_LIMIT), take, topic="reveal", quiet=True)

    def _find(self, node: RunNode, pipeline_id: str) -> QModelIndex:
        for place, row in enumerate(node.pipelines):
            if row.pipeline_id == pipeline_id:
                return self.createIndex(place, 0, node.serial)
        return QModelIndex()

    # --- refreshing ---

    def _take(self, answer: tuple[list[RunRow], dict[str, Branch]]) -> None:
        rows, branches = answer
        self._merge_runs(rows)
        for node in self._runs:
            if node.row.run_id in branches:
                self._merge_branch(node, branches[node.row.run_id])
        if self._shown < min(PAGE, len(self._runs)):
            self._show(min(PAGE, len(self._runs)))
        self.listed.emit()

    def _merge_runs(self, rows: list[RunRow]) -> None:
        wanted = {row.run_id for row in rows}
        for place in reversed(range(len(self._runs))):
            if self._runs[place].row.run_id not in wanted:
                self._remove_run(place)
        here = {node.row.run_id for node in self._runs}
        if [row.run_id for row in rows if row.run_id in here] != [node.row.run_id for node in self._runs]:
            self.clear()  # the order itself changed, which only another program can do
            here = set()
        everything = self._shown == len(self._runs)
        for place, row in enumerate(rows):
            if row.run_id in here:
                self._runs[place].row = row
                continue
            visible = place < self._shown or (everything and place == self._shown < PAGE)
            self._insert_run(place, row, visible)
        for place, node in enumerate(self._runs):
            node.place = place
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(self._shown - 1, 1))

    def _remove_run(self, place: int) -> None:
        visible = place < self._shown
        if visible:
            self.beginRemoveRows(QModelIndex(), place, place)
            self._shown -= 1
        node = self._runs.pop(place)
        for after in self._runs[place:]:
            after.place -= 1
        if visible:
            self.endRemoveRows()
        del self._by_serial[node.serial]

    def _insert_run(self, place: int, row: RunRow, visible: bool) -> None:
        self._serial += 1
        node = RunNode(row, self._serial, place)
        self._by_serial[node.serial] = node
        if not visible:
            self._runs.insert(place, node)
            return
        self.beginInsertRows(QModelIndex(), place, place)
        self._runs.insert(place, node)
        for after in self._runs[place + 1 :]:
            after.place += 1
        self._shown += 1
        self.endInsertRows()

    def _merge_branch(self, node: RunNode, branch: Branch) -> None:
        """Bring the pipelines of a run up to date; numbers only grow, so new ones come at the end."""
        node.count = branch.count
        parent = self.index(node.place, 0)
        wanted = {row.pipeline_id for row in branch.rows}
        for place in reversed(range(len(node.pipelines))):
            if node.pipelines[place].pipeline_id not in wanted:
                self.beginRemoveRows(parent, place, place)
                del node.pipelines[place]
                self.endRemoveRows()
        kept = len(node.pipelines)
        if [row.pipeline_id for row in branch.rows[:kept]] != [row.pipeline_id for row in node.pipelines]:
            self._replace_branch(node, parent, branch.rows)
            return
        if kept:
            node.pipelines[:kept] = branch.rows[:kept]
            self.dataChanged.emit(self.createIndex(0, 0, node.serial), self.createIndex(kept - 1, 1, node.serial))
        self._extend(node, branch.rows[kept:])

    def _replace_branch(self, node: RunNode, parent: QModelIndex, rows: list[PipelineRow]) -> None:
        if node.pipelines:
            self.beginRemoveRows(parent, 0, len(node.pipelines) - 1)
            node.pipelines = []
            self.endRemoveRows()
        self._extend(node, rows)

    def _extend(self, node: RunNode, rows: Sequence[PipelineRow]) -> None:
        if rows:
            first = len(node.pipelines)
            self.beginInsertRows(self.index(node.place, 0), first, first + len(rows) - 1)
            node.pipelines.extend(rows)
            self.endInsertRows()

    def _show(self, count: int) -> None:
        self.beginInsertRows(QModelIndex(), self._shown, count - 1)
        self._shown = count
        self.endInsertRows()

    # --- what the view asks ---

    def _node(self, index: AnyIndex) -> RunNode | None:
        if not index.isValid() or index.internalId() != 0:
            return None
        return self._runs[index.row()]

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's own
        if not 0 <= column < 2 or row < 0 or row >= self.rowCount(parent):
            return QModelIndex()
        node = self._node(parent)
        return self.createIndex(row, column, node.serial if node is not None else 0)

    def parent(self, index: AnyIndex = QModelIndex()) -> Any:  # noqa: B008
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(self._by_serial[index.internalId()].place, 0, 0)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return self._shown
        node = self._node(parent) if parent.column() == 0 else None
        return len(node.pipelines) if node is not None else 0

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 2

    def hasChildren(self, parent: AnyIndex = QModelIndex()) -> bool:  # noqa: B008
        if not parent.isValid():
            return self._shown > 0
        node = self._node(parent) if parent.column() == 0 else None
        return node is not None and (bool(node.pipelines) or node.more())

    def canFetchMore(self, parent: AnyIndex) -> bool:
        if not parent.isValid():
            return self._shown < len(self._runs)
        node = self._node(parent) if parent.column() == 0 else None
        return node is not None and node.more() and node.row.run_id not in self._asking

    def fetchMore(self, parent: AnyIndex) -> None:
        if not parent.isValid():
            self._show(min(len(self._runs), self._shown + PAGE))
            return
        node = self._node(parent)
        if node is None or node.row.run_id in self._asking:
            return
        run_id = node.row.run_id
        first = len(node.pipelines)
        self._asking.add(run_id)

        def take(branch: Branch) -> None:
            self._asking.discard(run_id)
            if node.serial in self._by_serial and len(node.pipelines) == first:
                node.count = branch.count
                self._extend(node, branch.rows)

        self._session.query(partial(_fetch_page, run_id, first), take, lambda _: self._asking.discard(run_id))

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Run and pipeline"), tr("Best"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if section == 0 else RIGHT
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if index.column() == 0 else RIGHT
        node = self._node(index)
        row: RunRow | PipelineRow
        if node is not None:
            row, text = node.row, run_text(node.row)
        else:
            row = self._by_serial[index.internalId()].pipelines[index.row()]
            text = f"{row.number:04d}  {row.name}".rstrip()
        if role == Qt.ItemDataRole.DisplayRole:
            return text if index.column() == 0 else _metric_text(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row, text)
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == 0:
            return f"{text}, {status_word(row.status)}"
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return theme().icon(STATUS_ICONS.get(row.status, "info"), STATUS_COLOURS.get(row.status, "muted"))
        return None


def _fetch_page(run_id: str, first: int, workspace: Workspace) -> Branch:
    return Branch(workspace.count_pipelines(run_id), workspace.pipelines(run_id, first, PAGE))


def run_text(run: RunRow) -> str:
    """Call a run by its day, its dataset and the name people gave it."""
    name = f"{run.dataset_name} · {run.run_name}" if run.run_name else run.dataset_name
    return f"{run.date}  {name or run.folder}".strip()


def _metric_text(row: RunRow | PipelineRow) -> str:
    if row.metric_value is None or not row.metric_name:
        return MISSING
    metric = metric_for(row.metric_name)
    return number_text(row.metric_value, metric.digits if metric is not None else 3)


def _tip(row: RunRow | PipelineRow, text: str) -> str:
    lines = [text, status_word(row.status)]
    if isinstance(row, RunRow):
        lines.append(
            tr("{total} pipelines: {good} completed, {bad} failed, {cut} interrupted").format(
                total=row.total, good=row.successful, bad=row.failed, cut=row.interrupted
            )
        )
    else:
        lines.append(f"{row.model_type}  {row.pipeline_id}")
    if row.metric_name and row.metric_value is not None:
        lines.append(f"{row.metric_name} = {row.metric_value!r}")
    if row.problem:
        lines.append(row.problem)
    return "\n".join(lines)
