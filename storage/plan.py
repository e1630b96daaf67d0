"""Plan: what a destructive or large piece of work will do, before it does it.

A plan is looked at (`steps`, `bytes`), then applied once. It refuses when what it was made from has changed
meanwhile. `--dry-run` prints it, the window previews it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.errors import Conflict

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Step:
    """One thing a plan will do, in a sentence, and how many bytes it concerns."""

    what: str
    bytes: int = 0


class Applied(NamedTuple):
    """What a plan did: a sentence, and the trash ids that bring it back."""

    sentence: str
    trashed: tuple[str, ...] = ()


@dataclass
class Plan:
    """Ordered steps and the work behind them.

    `look` gives what the plan was made from: it must be the same when the plan is applied. `work` does all of it and
    returns the sentence that says what was done. After it was applied, `trashed` are the trash ids that undo it.
    """

    title: str
    steps: tuple[Step, ...]
    look: Callable[[], object]
    work: Callable[[Report], str | Applied]
    trashed: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._seen = self.look()
        self._applied = False

    @property
    def bytes(self) -> int:
        """How many bytes all steps together concern."""
        return sum(step.bytes for step in self.steps)

    def apply(self, report: Report | None = None) -> str:
        """Do it; returns a sentence. Raises Conflict if anything it was made from is different now."""
        if self._applied:
            raise Conflict("This plan was applied already.", advice="Make a new one.")
        if self.look() != self._seen:
            raise Conflict("Something changed since this was planned; nothing was done.", advice="Look again.")
        self._applied = True
        done = self.work(report or (lambda done, total, text: None))
        if isinstance(done, Applied):
            self.trashed = list(done.trashed)
            return done.sentence
        return done
