"""The lazy tree model: runs, and in each its pipelines, fetched in pages when they are looked at.

A refresh moves nothing that is still there: rows come and go one by one, so selection, scroll and open branches stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt, Signal

from gui.columns import LEFT, RIGHT, STATUS_COLOURS, AnyIndex
from gui.formats import MISSING, STATUS_ICONS, number_text, status_word, tr
from gui.selection import Picked
from gui.session import Session
from gui.theme import theme
from storage import metric_for

if TYPE_CHECKING:
    from storage import PipelineRow, RunRow, Workspace

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


@dataclass(frozen=True)
class Tree:
    """All runs, newest first, with their ids, and the pipelines of those that were looked at."""

    runs: list[RunRow]
    ids: frozenset[str]
    branches: dict[str, Branch]


def fetch_branch(run_id: str, length: int, workspace: Workspace) -> Branch:
    """Read the first `length` pipelines of a run; runs on the workspace's thread."""
    return Branch(workspace.count_pipelines(run_id), workspace.pipelines(run_id, 0, length))


def fetch_tree(loaded: Sequence[tuple[str, int]], workspace: Workspace) -> Tree:
    """Read all runs, and the pipelines of those that were looked at; runs on the workspace's thread."""
    runs = workspace.runs()
    ids = frozenset(run.run_id for run in runs)
    return Tree(
        runs, ids, {run_id: fetch_branch(run_id, length, workspace) for run_id, length in loaded if run_id in ids}
    )


class RunsModel(QAbstractItemModel):
    """Runs, newest first, over their pipelines by number. `listed` follows each refresh."""

    listed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: list[RunRow] = []  # all there are
        self._nodes: list[RunNode] = []  # those shown so far, from the first on
        self._by_serial: dict[int, RunNode] = {}
        self._serial = 0
        self._asking: set[str] = set()
        self._moving = False  # rows are coming or going: whoever asks for more meanwhile has to wait

    # --- contents ---

    def ask(self) -> None:
        """Read the runs again, and the pipelines shown."""
        loaded = [(node.row.run_id, max(PAGE, len(node.pipelines))) for node in self._nodes if node.count is not None]
        self._session.query(partial(fetch_tree, loaded), self._take, topic="tree", quiet=True)

    def clear(self) -> None:
        """Show nothing, as without a workspace."""
        self._rows = []
        self._start_over()

    def run(self, index: AnyIndex) -> RunRow | None:
        """Return the run at, or above, an index."""
        node = self._node(index) or (self._node(index.parent()) if index.isValid() else None)
        return node.row if node is not None else None

    def pipeline(self, index: AnyIndex) -> PipelineRow | None:
        """Return the pipeline at an index, None for a run."""
        if not index.isValid() or index.internalId() == 0:
            return None
        return self._by_serial[index.internalId()].pipelines[index.row()]

    def reveal(self, picked: Picked, done: Callable[[QModelIndex], None]) -> None:
        """Fetch as far as needed and call `done` with the index of a pipeline, or of its run when it lies too deep."""
        place = next((place for place, row in enumerate(self._rows) if row.run_id == picked.run_id), REVEAL_LIMIT)
        if place >= REVEAL_LIMIT:
            done(QModelIndex())
            return
        self._show(place + 1)
        node = self._nodes[place]
        found = self._find(node, picked.pipeline_id)
        if found.isValid() or not node.more():
            done(found if found.isValid() else self.index(node.place, 0))
            return

        def take(branch: Branch) -> None:
            if node.serial in self._by_serial:
                self._merge_branch(node, branch)
                found = self._find(node, picked.pipeline_id)
                done(found if found.isValid() else self.index(node.place, 0))

        length = max(REVEAL_LIMIT, len(node.pipelines))
        self._session.query(partial(fetch_branch, node.row.run_id, length), take, topic="reveal", quiet=True)

    def _find(self, node: RunNode, pipeline_id: str) -> QModelIndex:
        for place, row in enumerate(node.pipelines):
            if row.pipeline_id == pipeline_id:
                return self.createIndex(place, 0, node.serial)
        return QModelIndex()

    # --- refreshing ---

    def _take(self, answer: Tree) -> None:
        self._merge_runs(answer)
        for node in self._nodes:
            if node.row.run_id in answer.branches:
                self._merge_branch(node, answer.branches[node.row.run_id])
        self._show(min(PAGE, len(self._rows)))
        self.listed.emit()

    def _merge_runs(self, answer: Tree) -> None:
        """Bring the runs shown up to date; what lies below them is merely noted, so this is quick with any number."""
        for place in reversed(range(len(self._nodes))):
            if self._nodes[place].row.run_id not in answer.ids:
                self._remove_run(place)
        self._rows = answer.runs
        shown = {node.row.run_id for node in self._nodes}
        place = 0
        while place < len(self._nodes):
            row = answer.runs[place]
            if row.run_id == self._nodes[place].row.run_id:
                self._nodes[place].row = row
            elif row.run_id in shown:
                self._start_over()  # the order itself changed, which only another program can do
                return
            else:
                self._insert_run(place, row)
            place += 1
        if self._nodes:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._nodes) - 1, 1))

    def _start_over(self) -> None:
        self.beginResetModel()
        self._nodes, self._by_serial = [], {}
        self._asking.clear()
        self.endResetModel()

    def _remove_run(self, place: int) -> None:
        self._begin(self.beginRemoveRows, QModelIndex(), place, place)
        node = self._nodes.pop(place)
        self._number_from(place)
        self._end(self.endRemoveRows)
        del self._by_serial[node.serial]

    def _insert_run(self, place: int, row: RunRow) -> None:
        self._begin(self.beginInsertRows, QModelIndex(), place, place)
        self._nodes.insert(place, self._new_node(row))
        self._number_from(place)
        self._end(self.endInsertRows)

    def _number_from(self, place: int) -> None:
        for number, node in enumerate(self._nodes[place:], place):
            node.place = number

    def _new_node(self, row: RunRow) -> RunNode:
        self._serial += 1
        node = RunNode(row, self._serial)
        self._by_serial[node.serial] = node
        return node

    def _show(self, count: int) -> None:
        """Show the first `count` runs at least."""
        first = len(self._nodes)
        if count > first:
            self._begin(self.beginInsertRows, QModelIndex(), first, count - 1)
            self._nodes.extend(self._new_node(row) for row in self._rows[first:count])
            self._number_from(first)
            self._end(self.endInsertRows)

    def _merge_branch(self, node: RunNode, branch: Branch) -> None:
        """Bring the pipelines of a run up to date; numbers only grow, so new ones come at the end."""
        node.count = branch.count
        if len(branch.rows) < min(branch.count, len(node.pipelines)):
            self.ask()  # more was fetched since this was asked for
            return
        parent = self.index(node.place, 0)
        wanted = {row.pipeline_id for row in branch.rows}
        for place in reversed(range(len(node.pipelines))):
            if node.pipelines[place].pipeline_id not in wanted:
                self._begin(self.beginRemoveRows, parent, place, place)
                del node.pipelines[place]
                self._end(self.endRemoveRows)
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
            self._begin(self.beginRemoveRows, parent, 0, len(node.pipelines) - 1)
            node.pipelines = []
            self._end(self.endRemoveRows)
        self._extend(node, rows)

    def _extend(self, node: RunNode, rows: Sequence[PipelineRow]) -> None:
        if rows:
            first = len(node.pipelines)
            self._begin(self.beginInsertRows, self.index(node.place, 0), first, first + len(rows) - 1)
            node.pipelines.extend(rows)
            self._end(self.endInsertRows)

    def _begin(
        self, begin: Callable[[QModelIndex, int, int], None], parent: QModelIndex, first: int, last: int
    ) -> None:
        self._moving = True
        begin(parent, first, last)

    def _end(self, end: Callable[[], None]) -> None:
        end()
        self._moving = False

    # --- what the view asks ---

    def _node(self, index: AnyIndex) -> RunNode | None:
        if not index.isValid() or index.internalId() != 0:
            return None
        return self._nodes[index.row()]

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
            return len(self._nodes)
        node = self._node(parent) if parent.column() == 0 else None
        return len(node.pipelines) if node is not None else 0

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 2

    def hasChildren(self, parent: AnyIndex = QModelIndex()) -> bool:  # noqa: B008
        if not parent.isValid():
            return bool(self._nodes)
        node = self._node(parent) if parent.column() == 0 else None
        return node is not None and (bool(node.pipelines) or node.more())

    def canFetchMore(self, parent: AnyIndex) -> bool:
        if not parent.isValid():
            return not self._moving and len(self._nodes) < len(self._rows)
        node = self._node(parent) if parent.column() == 0 else None
        return node is not None and not self._moving and node.more() and node.row.run_id not in self._asking

    def fetchMore(self, parent: AnyIndex) -> None:
        if not self.canFetchMore(parent):
            return
        if not parent.isValid():
            self._show(min(len(self._rows), len(self._nodes) + PAGE))
            return
        node = self._node(parent)
        assert node is not None
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
        node, pipeline = self._node(index), self.pipeline(index)
        if node is not None:
            return _run_data(node.row, index.column(), role)
        return _pipeline_data(pipeline, index.column(), role) if pipeline is not None else None


def _run_data(run: RunRow, column: int, role: int) -> Any:
    counts = tr("{total} pipelines: {good} completed, {bad} failed, {cut} interrupted").format(
        total=run.total, good=run.successful, bad=run.failed, cut=run.interrupted
    )
    return _data(run, run_text(run), counts, column, role)


def _pipeline_data(pipeline: PipelineRow, column: int, role: int) -> Any:
    text = f"{pipeline.number:04d}  {pipeline.name}".rstrip()
    return _data(pipeline, text, f"{pipeline.model_type}  {pipeline.pipeline_id}".strip(), column, role)


def _data(row: RunRow | PipelineRow, text: str, more: str, column: int, role: int) -> Any:
    """Answer for a row of either kind; `more` is said in its tip."""
    if role == Qt.ItemDataRole.DisplayRole:
        return text if column == 0 else _metric_text(row)
    if role == Qt.ItemDataRole.ToolTipRole:
        score = f"{row.metric_name} = {row.metric_value!r}" if row.metric_name and row.metric_value is not None else ""
        return "\n".join(line for line in (text, status_word(row.status), more, score, row.problem) if line)
    if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
        return f"{text}, {status_word(row.status)}"
    if role == Qt.ItemDataRole.DecorationRole and column == 0:
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
