"""Taking things back: what was done last, in whatever pane, is undone first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from gui.formats import tr

KEPT = 100


@dataclass(frozen=True)
class Deed:
    """One thing that was done, in a sentence, and what begins to take it back."""

    text: str
    take_back: Callable[[], object]


class Undo(QObject):
    """The deeds that can be taken back, the newest last. `changed` tells that there are others now.

    `said` carries what there is to tell when nothing was taken back.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._deeds: list[Deed] = []

    def push(self, text: str, take_back: Callable[[], object]) -> Deed:
        """Remember how to take back what was just done; of very many the oldest are forgotten."""
        deed = Deed(text, take_back)
        self._deeds = [*self._deeds, deed][-KEPT:]
        self.changed.emit()
        return deed

    def next_text(self) -> str:
        """Say what would be taken back next, nothing if there is nothing."""
        return self._deeds[-1].text if self._deeds else ""

    def take_back(self, deed: Deed | None = None) -> None:
        """Take back the last deed, or this one if it wasn't taken back already."""
        wanted = deed if deed is not None else (self._deeds[-1] if self._deeds else None)
        if wanted is None or not any(one is wanted for one in self._deeds):
            self.said.emit(tr("There is nothing to undo."))
            return
        self._deeds = [one for one in self._deeds if one is not wanted]
        self.changed.emit()
        wanted.take_back()

    def clear(self) -> None:
        """Forget everything, as for another workspace."""
        if self._deeds:
            self._deeds = []
            self.changed.emit()
