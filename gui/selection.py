"""What is selected: one pipeline for the whole window, with the way back through earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

HISTORY = 100


@dataclass(frozen=True)
class Picked:
    """One pipeline; `prediction_id` is empty when it has no row in the catalog."""

    run_id: str
    pipeline_id: str
    prediction_id: str


class Selection(QObject):
    """The one selected pipeline. Panes set it and follow it; none keeps a selection of its own.

    `changed` is emitted once for each real change, never for setting what is selected already.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.current: Picked | None = None
        self._past: list[Picked] = []
        self._future: list[Picked] = []

    def pick(self, picked: Picked | None) -> None:
        """Select a pipeline, or nothing."""
        if picked == self.current:
            return
        if self.current is not None:
            self._past = [*self._past, self.current][-HISTORY:]
        self._future.clear()
        self._set(picked)

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

    def clear(self) -> None:
        """Forget the selection and its history, as for another workspace."""
        self._past.clear()
        self._future.clear()
        if self.current is not None:
            self._set(None)

    def _set(self, picked: Picked | None) -> None:
        self.current = picked
        self.changed.emit()
