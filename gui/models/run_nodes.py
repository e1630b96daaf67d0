"""The nodes of the tree: one for each row that was looked at, with what follows from its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gui.models.run_groups import FLAT, Group
from gui.selection import Picked

if TYPE_CHECKING:
    from storage import RunRow

Key = tuple[str, ...]


@dataclass(eq=False, slots=True)
class Node:
    """One row of the tree. `row` is a Group, RunRow, Range or PipelineRow; `fetched` says the children are known."""

    key: Key
    row: Any
    parent: Node | None
    serial: int
    place: int = 0
    children: list[Node] = field(default_factory=list)
    fetched: bool = False

    @property
    def kind(self) -> str:
        """What it is: root, group, run, range or pipeline."""
        return self.key[0]

    def path(self) -> tuple[int, ...]:
        """Its places from the top down, by which nodes are in the order of the tree."""
        return (*self.parent.path(), self.place) if self.parent is not None else ()

    def run(self) -> RunRow | None:
        """The run it is or belongs to."""
        if self.kind == "run":
            return self.row  # type: ignore[no-any-return]
        if self.kind in ("group", "root"):
            return None
        return self.parent.run() if self.parent is not None else None


def picked_pipelines(nodes: Sequence[Node]) -> Iterator[Picked]:
    """Go through the pipelines among nodes."""
    for node in nodes:
        if node.kind == "pipeline":
            yield Picked(node.row.run_id, node.row.pipeline_id, node.row.prediction_id)


def picked_runs(nodes: Sequence[Node]) -> Iterator[str]:
    """Go through the ids of the runs among nodes."""
    for node in nodes:
        if node.kind == "run":
            yield node.row.run_id


def run_children(rows: Sequence[RunRow]) -> list[tuple[Key, Any]]:
    return [(("run", row.run_id), row) for row in rows]


def page_of(node: Node) -> tuple[str, int] | None:
    """Return the page of pipelines that is directly beneath a node."""
    if node.kind == "run" and node.row.total <= FLAT:
        return node.row.run_id, 0
    if node.kind == "range" and not isinstance(node.row.owner, Group):
        return node.row.owner.run_id, node.row.first
    return None


def may_have_children(node: Node) -> bool:
    if node.kind == "run":
        return bool(node.row.folder) and node.row.total > 0
    return node.kind in ("group", "range")


def leads_to(node: Node, run_id: str) -> bool:
    """Whether a run is this node, or lies in this range of runs."""
    if node.kind == "run":
        return bool(node.row.run_id == run_id)
    part = node.row
    return any(run.run_id == run_id for run in part.owner.runs[part.first : part.stop])


def ranges_of_places(nodes: Sequence[Node], which: Callable[[Node], bool]) -> list[tuple[int, int]]:
    """Return the ranges of places at which `which` holds, the last first, so that they can be taken out in turn."""
    found: list[tuple[int, int]] = []
    for place in reversed(range(len(nodes))):
        if which(nodes[place]):
            if found and found[-1][0] == place + 1:
                found[-1] = (place, found[-1][1])
            else:
                found.append((place, place + 1))
    return found


def renumber(node: Node, first: int) -> None:
    for place, one in enumerate(node.children[first:], first):
        one.place = place
