"""The lazy tree model: groups of runs, the runs, and their pipelines, fetched in pages when they are looked at.

Nothing has more than a thousand rows beneath it: where there are more, ranges stand between, so that a run of a
hundred thousand pipelines opens as quickly as one of ten, at any place. A refresh moves nothing that is still there:
rows come and go by their ids, so selection, scroll and open branches stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, Qt, Signal

from gui.dragging import MIME, Carried, pack
from gui.formats import tr
from gui.models.columns import LEFT, RIGHT, AnyIndex
from gui.models.run_groups import FLAT, SIZE, Arrangement, Group, Page, Tree, fetch_page, fetch_page_of, fetch_tree
from gui.models.run_nodes import (
    Key,
    Node,
    leads_to,
    may_have_children,
    page_of,
    picked_pipelines,
    picked_runs,
    ranges_of_places,
    renumber,
    run_children,
)
from gui.models.run_rows import group_data, pipeline_data, range_data, ranges_of, run_data
from gui.selection import Picked
from gui.session import Session

if TYPE_CHECKING:
    from storage import PipelineRow, RunRow

Flag = Qt.ItemFlag
MOST_PAGES = 40  # of pipelines kept up to date; branches closed longer ago are fetched again when they are opened


class RunsModel(QAbstractItemModel):
    """Groups of runs over runs over pipelines. `listing` comes before each refresh, `listed` after it.

    While rows come or go by a refresh, and by nobody's hand, `moving` is true.
    """

    listing = Signal()
    listed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.arrangement = Arrangement()
        self.tree: Tree | None = None
        self._pages: dict[tuple[str, int], Page] = {}
        self._nodes: dict[int, Node] = {}
        self._by_key: dict[Key, Node] = {}
        self._serial = 0
        self._asking: set[Key] = set()
        self._root = Node(("root",), None, None, 0, fetched=True)
        self.moving = False
        self._shown = FLAT  # groups, from the first on; more when somebody goes down there
        self._at_work: dict[str, str] = {}  # how far the runs are that are trained here
        self._between = False  # of begin and end of a change: who asks for more then has to ask again

    # --- contents ---

    def ask(self) -> None:
        """Read the runs again, and the pages of pipelines that are open."""
        self._ask(None)

    def arrange(self, arrangement: Arrangement) -> None:
        """Show the runs otherwise: grouped by something else, or fewer of them."""
        known = self.tree.known if self.tree is not None and arrangement.deleted == self.arrangement.deleted else None
        self.arrangement = arrangement
        self._ask(known)

    def clear(self) -> None:
        """Show nothing, as without a workspace."""
        self.tree = None
        self._pages.clear()
        self._start_over()

    def follow(self, at_work: dict[str, str]) -> None:
        """Say of these runs how far they are."""
        changed = dict(self._at_work.items() ^ at_work.items())
        self._at_work = at_work
        for run_id in changed:
            node = self._by_key.get(("run", run_id))
            if node is not None:
                index = self.createIndex(node.place, 1, node.serial)
                self.dataChanged.emit(index, index)

    def groups(self) -> list[Node]:
        """Return the nodes of the groups."""
        return list(self._root.children)

    def node(self, index: AnyIndex) -> Node | None:
        """Return the node at an index."""
        return self._nodes.get(index.internalId()) if index.isValid() else None

    def run(self, index: AnyIndex) -> RunRow | None:
        """Return the run at, or above, an index."""
        node = self.node(index)
        return node.run() if node is not None else None

    def pipeline(self, index: AnyIndex) -> PipelineRow | None:
        """Return the pipeline at an index, None for anything else."""
        node = self.node(index)
        return node.row if node is not None and node.kind == "pipeline" else None

    def find(self, key: Key) -> QModelIndex:
        """Return the index of a key, invalid where nothing is shown by it."""
        node = self._by_key.get(key)
        return self._index_of(node) if node is not None else QModelIndex()

    def run_index(self, run_id: str) -> QModelIndex:
        """Return the index of a run, opened up to there; invalid where it isn't shown."""
        home = self.tree.homes.get(run_id) if self.tree is not None else None
        if home is None:
            return QModelIndex()
        if home >= len(self._root.children):
            self._show_groups(home + 1)
        node: Node | None = self._root.children[home]
        while node is not None and node.kind != "run":
            self._fill(node)
            node = next((one for one in node.children if leads_to(one, run_id)), None)
        return self._index_of(node) if node is not None else QModelIndex()

    def reveal(self, picked: Picked, done: Callable[[QModelIndex], None]) -> None:
        """Fetch what is needed and call `done` with the index of a pipeline, or of its run where it isn't there."""
        index = self.find(("pipeline", picked.run_id, picked.pipeline_id))
        run_index = self.run_index(picked.run_id)
        node = self.node(run_index)
        if index.isValid() or node is None or not node.row.folder:
            done(index if index.isValid() else run_index)
            return

        def take(page: Page) -> None:
            self._take_page(page)
            found = self.find(("pipeline", picked.run_id, picked.pipeline_id))
            done(found if found.isValid() else self.run_index(picked.run_id))

        work = partial(fetch_page_of, picked.run_id, picked.pipeline_id, node.row.total)
        self._session.query(work, take, lambda _: done(self.run_index(picked.run_id)), topic="reveal", quiet=True)

    def forget_closed(self, is_open: Callable[[QModelIndex], bool]) -> None:
        """Let go of pages in branches that are closed, where there are many; they are fetched again when opened."""
        self.moving = True
        holders = [node for node in self._nodes.values() if node.fetched and page_of(node) is not None]
        for node in holders[: max(0, len(holders) - MOST_PAGES)]:
            if not is_open(self._index_of(node)):
                self._pages.pop(page_of(node), None)  # type: ignore[arg-type]
                self._remove(node, 0, len(node.children))
                node.fetched = False
        self.moving = False

    # --- asking and taking ---

    def _ask(self, known: tuple[RunRow, ...] | None) -> None:
        wanted = [
            (*page, FLAT if node.kind == "run" else SIZE)
            for node in self._nodes.values()
            if node.fetched and (page := page_of(node)) is not None
        ]
        work = partial(fetch_tree, self.arrangement, wanted, known)
        self._session.query(work, self._take, topic="tree", quiet=True)

    def _take(self, tree: Tree) -> None:
        self.listing.emit()
        fresh = self.tree is None or self.tree.arrangement != tree.arrangement
        self.tree = tree
        self._pages.update({(page.run_id, page.first): page for page in tree.pages})
        self.moving = True
        if fresh:
            self._start_over()
        self._merge(self._root)
        self.moving = False
        self.listed.emit()

    def _take_page(self, page: Page) -> None:
        """Put a page where it belongs, opening what is above it."""
        self._pages[page.run_id, page.first] = page
        node = self.node(self.run_index(page.run_id))
        if node is None:
            return
        if node.row.total > FLAT:
            self._fill(node)
            number = page.first // SIZE
            node = node.children[number] if number < len(node.children) else None
        if node is not None:
            self._fill(node)

    def _start_over(self) -> None:
        self.beginResetModel()
        self._nodes, self._by_key = {}, {}
        self._root = Node(("root",), None, None, 0, fetched=True)
        self._asking.clear()
        self._shown = FLAT
        self.endResetModel()

    def _rows_of(self, node: Node) -> list[tuple[Key, Any]] | None:
        """Return what belongs beneath a node, None where it has to be fetched first."""
        if node.kind == "root":
            groups = self.tree.groups[: self._shown] if self.tree is not None else ()
            return [(("group", one.by, one.name), one) for one in groups]
        row = node.row
        if node.kind == "group" and len(row.runs) > FLAT:
            parts = ranges_of(row, len(row.runs), newest_first=True)
            return [(("range", *node.key[1:], str(part.number)), part) for part in parts]
        if node.kind == "group":
            return run_children(row.runs)
        if node.kind == "range" and isinstance(row.owner, Group):
            return run_children(row.owner.runs[row.first : row.stop])
        if node.kind == "run" and row.total > FLAT:
            parts = ranges_of(row, row.total, newest_first=False)
            return [(("range", "run", row.run_id, str(part.number)), part) for part in parts]
        place = page_of(node)
        page = self._pages.get(place) if place is not None else None
        if page is None:
            return None
        return [(("pipeline", page.run_id, one.pipeline_id), one) for one in page.rows]

    def _show_groups(self, count: int) -> None:
        """Show so many groups at least; there may be one for each run."""
        self._shown = max(self._shown, count)
        self._merge(self._root)

    # --- bringing rows up to date ---

    def _fill(self, node: Node) -> None:
        """Show what is beneath a node if it is known."""
        if self._rows_of(node) is not None:
            node.fetched = True
            self._merge(node)

    def _merge(self, node: Node) -> None:
        """Bring the children of a node up to date, and theirs, by removing, ordering and inserting rows."""
        wanted = self._rows_of(node)
        if wanted is None:
            node.fetched = False
            wanted = []
        keys = {key for key, _ in wanted}
        for first, stop in ranges_of_places(node.children, lambda one: one.key not in keys):
            self._remove(node, first, stop)
        self._order(node, [key for key, _ in wanted])
        self._insert_missing(node, wanted)
        rows = dict(wanted)
        changed = [one for one in node.children if one.row is not rows[one.key] and one.row != rows[one.key]]
        for one in node.children:
            one.row = rows[one.key]
        if changed:
            ends = (changed[0], 0), (changed[-1], 1)
            self.dataChanged.emit(*(self.createIndex(one.place, column, one.serial) for one, column in ends))
        for one in node.children:
            if one.fetched:
                self._merge(one)

    def _remove(self, node: Node, first: int, stop: int) -> None:
        if first >= stop:
            return
        self._between = True
        self.beginRemoveRows(self._index_of(node), first, stop - 1)
        gone = node.children[first:stop]
        del node.children[first:stop]
        renumber(node, first)
        self.endRemoveRows()
        self._between = False
        for one in gone:
            self._forget(one)

    def _forget(self, node: Node) -> None:
        del self._nodes[node.serial]
        if self._by_key.get(node.key) is node:
            del self._by_key[node.key]
        for one in node.children:
            self._forget(one)

    def _order(self, node: Node, keys: Sequence[Key]) -> None:
        """Put the children in the order of `keys`, which only another program can have changed."""
        places = {key: place for place, key in enumerate(keys)}
        if all(places[a.key] < places[b.key] for a, b in zip(node.children, node.children[1:], strict=False)):
            return
        self.layoutAboutToBeChanged.emit()
        node.children.sort(key=lambda one: places[one.key])
        renumber(node, 0)
        for old in self.persistentIndexList():
            moved = self._nodes.get(old.internalId())
            if moved is not None and moved.parent is node:
                self.changePersistentIndex(old, self.createIndex(moved.place, old.column(), moved.serial))
        self.layoutChanged.emit()

    def _insert_missing(self, node: Node, wanted: Sequence[tuple[Key, Any]]) -> None:
        there = {one.key for one in node.children}
        if len(there) == len(wanted):
            return
        place = 0
        while place < len(wanted):
            if wanted[place][0] in there:
                place += 1
                continue
            stop = place
            while stop < len(wanted) and wanted[stop][0] not in there:
                stop += 1
            self._between = True
            self.beginInsertRows(self._index_of(node), place, stop - 1)
            node.children[place:place] = [self._new_node(key, row, node) for key, row in wanted[place:stop]]
            renumber(node, place)
            self.endInsertRows()
            self._between = False
            place = stop

    def _new_node(self, key: Key, row: Any, parent: Node) -> Node:
        self._serial += 1
        node = Node(key, row, parent, self._serial)
        self._nodes[node.serial] = self._by_key[key] = node
        return node

    # --- what the view asks ---

    def _index_of(self, node: Node) -> QModelIndex:
        return QModelIndex() if node.parent is None else self.createIndex(node.place, 0, node.serial)

    def _parent_node(self, parent: AnyIndex) -> Node | None:
        if not parent.isValid():
            return self._root
        return self._nodes.get(parent.internalId()) if parent.column() == 0 else None

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's own
        node = self._parent_node(parent)
        if node is None or not 0 <= column < 2 or not 0 <= row < len(node.children):
            return QModelIndex()
        return self.createIndex(row, column, node.children[row].serial)

    def parent(self, index: AnyIndex = QModelIndex()) -> Any:  # noqa: B008
        node = self.node(index)
        return self._index_of(node.parent) if node is not None and node.parent is not None else QModelIndex()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        node = self._parent_node(parent)
        return len(node.children) if node is not None else 0

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 2

    def hasChildren(self, parent: AnyIndex = QModelIndex()) -> bool:  # noqa: B008
        node = self._parent_node(parent)
        return node is not None and (bool(node.children) or (not node.fetched and may_have_children(node)))

    def canFetchMore(self, parent: AnyIndex) -> bool:
        node = self._parent_node(parent)
        if node is self._root and self.tree is not None:
            return not self._between and self._shown < len(self.tree.groups)
        if node is None or node.fetched or self._between:
            return False
        return may_have_children(node) and node.key not in self._asking

    def fetchMore(self, parent: AnyIndex) -> None:
        node = self._parent_node(parent)
        if node is None or not self.canFetchMore(parent):
            return
        if node is self._root:
            self._show_groups(self._shown + FLAT)
            return
        self._fill(node)
        place = page_of(node)
        if node.fetched or place is None:
            return
        key = node.key
        self._asking.add(key)

        def take(page: Page) -> None:
            self._asking.discard(key)
            self._take_page(page)

        work = partial(fetch_page, *place, FLAT if node.kind == "run" else SIZE)
        self._session.query(work, take, lambda _: self._asking.discard(key), quiet=True)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        node = self.node(index)
        if node is None:
            return Flag.NoItemFlags
        flags = Flag.ItemIsSelectable | Flag.ItemIsEnabled
        if node.kind in ("run", "pipeline"):
            flags |= Flag.ItemIsDragEnabled
        return flags | Flag.ItemNeverHasChildren if node.kind == "pipeline" else flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return (tr("Run and pipeline"), tr("Best"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if section == 0 else RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and section == 1:
            return self._best_tip()
        return None

    def _best_tip(self) -> str:
        """Say by which metrics the values in the second column are judged."""
        runs = self.tree.known if self.tree is not None else ()
        names = sorted({run.metric_name for run in runs if run.metric_name})
        said = tr("The best value of each run, by the metric it is judged by")
        return f"{said}: {', '.join(names)}" if names else said

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node(index)
        if node is None:
            return None
        if node.kind == "run":
            by = self.tree.arrangement.by if self.tree is not None else "date"
            return run_data(node.row, by, index.column(), role, self._at_work.get(node.row.run_id, ""))
        shown = {"group": group_data, "range": range_data, "pipeline": pipeline_data}[node.kind]
        return shown(node.row, index.column(), role)  # type: ignore[operator]

    # --- dragging ---

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        nodes = [node for index in indexes if index.column() == 0 and (node := self.node(index)) is not None]
        root = self._session.workspace.root if self._session.workspace is not None else Path()
        text = "\n".join(str(self._index_of(node).data()) for node in nodes)
        return pack(Carried(root, tuple(picked_pipelines(nodes)), tuple(picked_runs(nodes))), text)
