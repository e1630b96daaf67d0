"""What is selected: pipelines and a sample for the whole window, with the way back through earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from storage import Workspace

HISTORY = 100
MOST_CHOSEN = 1000  # more than that is worked with by its rows in the table, never one by one


@dataclass(frozen=True)
class Picked:
    """One pipeline; `prediction_id` is empty when it has no row in the catalog."""

    run_id: str
    pipeline_id: str
    prediction_id: str


@dataclass(frozen=True)
class Sample:
    """One measured sample of a dataset: its row there, counted from 0, and what people call it."""

    dataset_name: str
    index: int
    name: str = ""


class Selection(QObject):
    """The selected pipelines, of which one is current, and the selected sample. Panes set them and follow them.

    `changed` tells of the current pipeline, `chosen_changed` of all that are selected, `sample_changed` of the sample;
    each is emitted once for each real change, never for setting what is selected already.
    """

    changed = Signal()
    chosen_changed = Signal()
    sample_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.current: Picked | None = None
        self.chosen: tuple[Picked, ...] = ()
        self.chosen_total = 0  # how many are selected, also where they are too many to be in `chosen`
        self.sample: Sample | None = None
        self._past: list[Picked] = []
        self._future: list[Picked] = []
        self._dropped: tuple[frozenset[str], tuple[Picked, ...], int, Picked | None] | None = None
        self._instead: Picked | None = None  # of what was dropped, selected by itself

    def pick(self, picked: Picked | None) -> None:
        """Make a pipeline the current one, or none; it is the only one selected unless it was among them."""
        if picked == self.current:
            return
        if self.current is not None:
            self._past = [*self._past, self.current][-HISTORY:]
        self._future.clear()
        self._set(picked)

    def choose(self, chosen: Sequence[Picked], total: int | None = None) -> None:
        """Select several pipelines; of more than a thousand the first ones, and `total` says how many."""
        some = tuple(chosen[:MOST_CHOSEN])
        count = len(chosen) if total is None else total
        if (some, count) != (self.chosen, self.chosen_total):
            self.chosen, self.chosen_total = some, count
            self.chosen_changed.emit()

    def point(self, sample: Sample | None) -> None:
        """Select a sample, or none."""
        if sample != self.sample:
            self.sample = sample
            self.sample_changed.emit()

    def back(self) -> None:
        """Select again what was selected before."""
        if self._past:
            if self.current is not None:
                self._future.append(self.current)
            self._set(self._past.pop())

    def forward(self) -> None:
        """Undo `back`."""
        if self._future:
            if self.current is not None:
                self._past.append(self.current)
            self._set(self._future.pop())

    def drop(self, gone: Collection[str]) -> None:
        """Select no longer what is gone from the catalog, by prediction ids, and lead back to none of it."""
        known = {one.prediction_id for one in (*self.chosen, *((self.current,) if self.current is not None else ()))}
        if not known.isdisjoint(gone):
            self._dropped = (frozenset(gone), self.chosen, self.chosen_total, self.current)
        self._past = [one for one in self._past if one.prediction_id not in gone]
        self._future = [one for one in self._future if one.prediction_id not in gone]
        left = tuple(one for one in self.chosen if one.prediction_id not in gone)
        if left != self.chosen:
            told = len(self.chosen) - len(left)
            untold = max(0, self.chosen_total - len(self.chosen) - len(gone) + told) if left else 0
            self.choose(left, len(left) + untold)
        if self.current is not None and self.current.prediction_id in gone:
            self._set(left[-1] if left else None)

    def stand_in(self) -> None:
        """What is selected now is so only because what was is gone."""
        self._instead = self.current

    def bring_back(self, results: Collection[str]) -> None:
        """Select again what was when these results went, unless something else is selected by now."""
        if self._dropped is None or self._dropped[0].isdisjoint(results):
            return
        if self.current not in (None, self._instead):
            return
        _, chosen, total, current = self._dropped
        self._dropped = None
        self.choose(chosen, total)
        self.pick(current)

    def clear(self) -> None:
        """Forget the selection and its history, as for another workspace."""
        self._past.clear()
        self._future.clear()
        self._dropped = None
        self.point(None)
        if self.current is not None:
            self._set(None)
        self.choose(())

    def _set(self, picked: Picked | None) -> None:
        self.current = picked
        if picked is None or picked not in self.chosen:
            self.choose((picked,) if picked is not None else ())
        self.changed.emit()


def fetch_labels(pipelines: Sequence[Picked], workspace: Workspace) -> list[str]:
    """Find out what pipelines are called, by their id where they have no name; runs on the workspace's thread."""
    keys = {one: workspace.catalog.find(one.prediction_id) for one in pipelines if one.prediction_id}
    rows = workspace.catalog.rows([key for key in keys.values() if key is not None])
    names = {row["prediction_id"]: row.get("pipeline_name") for row in rows}
    return [str(names.get(one.prediction_id) or one.pipeline_id) for one in pipelines]
