"""The pipelines that are compared side by side, with the one they are measured against."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from gui.selection import Picked

FEWEST, MOST = 2, 50


class Comparison(QObject):
    """Up to fifty pipelines in the order they were added; the first is the baseline until another is made it.

    `changed` is emitted once for each real change. A pipeline keeps its colour as long as it is compared.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pipelines: tuple[Picked, ...] = ()
        self.baseline: Picked | None = None
        self._places: dict[Picked, int] = {}

    def put(self, pipelines: Sequence[Picked], baseline: Picked | None = None) -> None:
        """Compare exactly these, the first fifty of them; those compared before keep their colour."""
        wanted = tuple(dict.fromkeys(pipelines))[:MOST]
        base = baseline if baseline in wanted else (self.baseline if self.baseline in wanted else None)
        base = base or (wanted[0] if wanted else None)
        if (wanted, base) == (self.pipelines, self.baseline):
            return
        self._places = {one: place for one, place in self._places.items() if one in wanted}
        for one in wanted:
            if one not in self._places:
                self._places[one] = self._free_place()
        self.pipelines, self.baseline = wanted, base
        self.changed.emit()

    def add(self, pipelines: Sequence[Picked]) -> None:
        """Compare these too."""
        self.put((*self.pipelines, *pipelines))

    def remove(self, pipelines: Sequence[Picked]) -> None:
        """Compare these no more."""
        self.put([one for one in self.pipelines if one not in pipelines])

    def measure_against(self, baseline: Picked) -> None:
        """Make one of the compared pipelines the baseline."""
        self.put(self.pipelines, baseline)

    def clear(self) -> None:
        """Compare nothing."""
        self.put(())

    def place(self, pipeline: Picked) -> int:
        """Return the number that decides colour, marker and dashes of a pipeline."""
        return self._places.get(pipeline, 0)

    def _free_place(self) -> int:
        taken = set(self._places.values())
        return next(place for place in range(MOST + 1) if place not in taken)
