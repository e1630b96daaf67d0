"""What a workspace answers, and the states a change takes it through.

A kill leaves what is in the page cache: what is on the disk, for all that look at it, between two calls. So the change
is made once, and the workspace is kept as it is before each of its calls. Kept are hard links, which have the inode
and the times that the index goes by; only what is changed in place is copied.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage import Workspace
from storage.check import TEMPORARY
from storage.trees import file_digest
from tests.faults.changes import Change
from tests.faults.watching import Call, watched

Answers = dict[str, Any]
_IN_PLACE = re.compile(r"index\.sqlite.*|run\.log|lock(-.*)?|.*\.lock")
_TOLD = {  # documents that say when something was done; all else that they say is in the lists
    "runs": {"run_config.json", "run_summary.json", "pipeline.json", "run.log"},
    "library": {"library_metadata.json"},
    "catalog/archives": {"archive.json", "README.md", "predictions_data.parquet"},
}
_MOMENT = re.compile(r"datetime\.datetime\([^)]*\)|\d{4}-\d\d-\d\d[T_]\d[\d:.]*Z?")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=_)[0-9a-f]{8}\b|[0-9a-f]{64}")


def answers(workspace: Workspace) -> Answers:
    """All that a workspace can be asked, but for the moments at which recovery ends what was cut short."""
    workspace.sync()
    catalog, runs = workspace.catalog, workspace.runs(deleted=True)
    rows = catalog.rows(catalog.keys(order_by="prediction_id"))
    arrays = catalog.stored_arrays.rows(catalog.ids()).sort_by(
        [("prediction_id", "ascending"), ("fold_id", "ascending")]
    )
    there = [run for run in runs if run.folder]
    return {
        "runs": sorted(map(repr, runs)),
        "pipelines": [repr(one) for run in there for one in workspace.pipelines(run.run_id)],
        "rows": [repr({k: v for k, v in row.items() if k != "key"}) for row in rows],
        "arrays": [repr(row) for row in arrays.to_pylist()],
        "library": [repr(_placed(item, workspace.root)) for item in workspace.library.list()],
        "trash": sorted(repr(dataclasses.replace(one, trash_id="", deleted_at=None)) for one in workspace.trash.list()),
        "archives": sorted(repr(_placed(one, workspace.root)) for one in workspace.archives()),
        "metrics": [repr(one) for one in workspace.record.metrics],
        "files": files_of(workspace.root),
    }


def _placed(thing: Any, root: Path) -> Any:
    return dataclasses.replace(thing, path=thing.path.relative_to(root), created_at=None)


def files_of(root: Path) -> dict[str, str]:
    """The digest of every file of runs, exports, reports, library and archives, as far as no list tells of it."""
    found = {}
    for home in ("runs", "exports", "library", "catalog/reports", "catalog/archives"):
        for folder, folders, names in os.walk(root / home):
            folders[:] = [name for name in folders if name != "_numbers"]  # a number may be lost, never given twice
            for name in names:
                if name not in _TOLD.get(home, ()) and not TEMPORARY.fullmatch(name) and not _IN_PLACE.fullmatch(name):
                    path = Path(folder, name)
                    found[path.relative_to(root).as_posix()] = file_digest(path)
    return found


def masked(state: Answers) -> Answers:
    """Answers without what differs when the same is done another time: moments, and ids made of them."""
    text = {key: repr(sorted(value.items()) if isinstance(value, dict) else value) for key, value in state.items()}
    return {key: _ID.sub("ID", _MOMENT.sub("MOMENT", value)) for key, value in text.items() if key != "files"}


def keep(root: Path, target: Path) -> None:
    """Keep a workspace as it is now; see above."""

    def link(source: str, copy: str) -> None:
        if _IN_PLACE.fullmatch(os.path.basename(source)) or ".staging" in source:
            shutil.copy2(source, copy)
        else:
            os.link(source, copy)

    shutil.copytree(root, target, copy_function=link)


def signature(root: Path) -> dict[str, tuple[int, int, int]]:
    """What tells two states apart, but for what is in unfinished writes: nobody reads them, whatever is in them."""
    found: dict[str, tuple[int, int, int]] = {}
    folders = [""]
    while folders:
        place = folders.pop()
        staging = place.split("/")[0] == ".staging"
        if not staging:
            found[place] = (0, 0, 0)
        with os.scandir(root / place) as entries:
            for entry in entries:
                name = f"{place}/{entry.name}" if place else entry.name
                if entry.is_dir():
                    folders.append(name)
                elif staging and not (place == ".staging" and entry.name.startswith("plan-")):
                    continue
                elif TEMPORARY.fullmatch(entry.name):
                    found[name] = (0, 0, 0)
                elif not entry.name.endswith("-shm") and not _is_lock(entry.name):
                    stat = entry.stat(follow_symlinks=False)
                    found[name] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _is_lock(name: str) -> bool:
    return name.startswith("lock-") or name.endswith(".lock")


@dataclasses.dataclass
class Recording:
    """A change that was made: its calls, and each state of the workspace with the number of the call that follows it.

    The first state is that before the change, the last that when it has returned; equal ones are kept once.
    """

    calls: list[Call] = dataclasses.field(default_factory=list)
    states: list[tuple[int, Path]] = dataclasses.field(default_factory=list)


def record(base: Path, home: Path, change: Change) -> Recording:
    """Make a change in a copy of a workspace, which is open before and stays so."""
    root = copy(base, home)
    with Workspace.open(root) as workspace:
        steps = change(workspace)
        next(steps)
        return record_steps(root, lambda: next(steps, None))


def record_steps(root: Path, steps: Callable[[], object]) -> Recording:
    """Make a change of the folder `root`."""
    made = Recording()
    last: Any = None

    def note() -> None:
        nonlocal last
        now = signature(root)
        if now != last:
            last = now
            made.states.append((len(made.calls), root.parent / f"before-{len(made.calls)}" / root.name))
            keep(root, made.states[-1][1])

    def told(call: Call) -> None:
        note()
        made.calls.append(call)

    with watched(root, told):
        steps()
    note()
    return made


def copy(base: Path, home: Path) -> Path:
    """Copy a workspace with what lies beside it; returns the copy."""
    return shutil.copytree(base.parent, home, dirs_exist_ok=True) / base.name
