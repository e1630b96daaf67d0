"""Long work for the health of a workspace, as jobs: checking, repairing, measuring, emptying the trash.

Plain functions for other threads. Those that change something open the workspace anew, for their own thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gui.plans import Preview, preview_of
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Finding, Usage, Workspace
    from storage import Report as CheckReport


@dataclass(frozen=True)
class Repaired:
    """What a repair did, in a sentence, and what a check found after it."""

    text: str
    report: CheckReport


def check(root: Path, deep: bool, report: Report) -> CheckReport:
    """Check a workspace; one that is cancelled tells what it found until then."""
    from storage import check_workspace

    return check_workspace(root, report, deep)


def preview_repair(findings: Sequence[Finding], workspace: Workspace) -> Preview:
    """Plan a repair, to be looked at; what keeps everything else from being mended comes first and by itself."""
    from storage import plan_rescue

    rescue = plan_rescue(workspace.root, findings)
    return preview_of(rescue if rescue.steps else workspace.plan_repair(findings))


def repair(root: Path, findings: Sequence[Finding], deep: bool, report: Report) -> Repaired:
    """Mend findings, then check again."""
    from storage import Workspace, check_workspace, plan_rescue

    rescue = plan_rescue(root, findings)
    if rescue.steps:
        text = rescue.apply(report)
    else:
        with Workspace.open(root) as workspace:
            text = workspace.plan_repair(findings).apply(report)
    return Repaired(text, check_workspace(root, report, deep))


def preview_restoration(trash_ids: Sequence[str], workspace: Workspace) -> Preview:
    """Plan to bring entries of the trash back, to be looked at."""
    return preview_of(workspace.trash.plan_restore(trash_ids))


def restore(root: Path, trash_ids: Sequence[str], deep: bool, report: Report) -> Repaired:
    """Bring entries of the trash back, then check again."""
    from storage import Workspace, check_workspace

    with Workspace.open(root) as workspace:
        text = workspace.trash.plan_restore(trash_ids).apply(report)
    return Repaired(text, check_workspace(root, report, deep))


def measure(root: Path, report: Report) -> Usage:
    """Measure what takes how much room."""
    from storage import measure_workspace

    return measure_workspace(root, report)


def preview_removal(trash_ids: Sequence[str], workspace: Workspace) -> Preview:
    """Plan to remove entries of the trash, to be looked at."""
    return preview_of(workspace.trash.plan_remove(trash_ids))


def remove_from_trash(root: Path, trash_ids: Sequence[str], report: Report) -> str:
    """Remove these entries of the trash for good."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        return workspace.trash.plan_remove(trash_ids).apply(report)
