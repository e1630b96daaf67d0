"""Plans as they are shown before anything happens, and applied only while they are still what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gui.formats import tr
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Plan


@dataclass(frozen=True)
class Preview:
    """A plan as it is shown: plain values."""

    title: str
    steps: tuple[tuple[str, int], ...]


def preview_of(plan: Plan) -> Preview:
    """Return what a plan shows."""
    return Preview(plan.title, tuple((step.what, step.bytes) for step in plan.steps))


def apply_shown(plan: Plan, shown: Preview, report: Report) -> str:
    """Apply a plan that was made anew, if it is the one that somebody agreed to. Raises Conflict if it is not."""
    from storage import Conflict

    if preview_of(plan) != shown:
        raise Conflict(tr("Something changed since this was shown; nothing was done."), advice=tr("Look again."))
    return plan.apply(report)
