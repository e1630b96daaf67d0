"""What a loss of power may undo: from the order of the calls alone, whatever the file system makes of it.

The page cache is gone then. A file has the bytes it had when it was last synced, a folder the names; a rename may reach
the disk before the bytes of what is renamed. So there is an order to be kept, and it can be told from a record.

SQLite's files are left out, for the index is a cache and SQLite syncs them itself; so is run.log, which is no result,
and so are locks, which end with the process that holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.faults.watching import Call

_FREE = re.compile(r"index\.sqlite.*|run\.log|lock(-.*)?|.*\.lock|\.nfs.*")
_NOTE = re.compile(r"plan-.*\.json")  # of all that lies in staging only the notes of the journal outlive a writer
_TEMPORARY = re.compile(r"\..+\.tmp")
_PARTS = (".parquet",)


def undone_by_power_loss(calls: Iterable[Call]) -> list[str]:
    """What the calls of one change leave to luck when it has returned, in sentences; none where all is in order.

    Nothing is written under its own name. Nothing takes a name before its bytes and all below it are synced; nothing
    goes into a folder whose own name may be lost; the manifest is named after the parts are, durably; and every name is
    synced before the change returns.
    """
    unsynced: set[Path] = set()  # files whose bytes were not synced since
    names: dict[Path, set[str]] = {}  # by folder, names that came or went and were not synced since
    wrong: list[str] = []

    def renamed(call: Call) -> None:
        assert call.target is not None
        for file in (call.path, *call.files):
            if file in unsynced:
                wrong.append(f"{call.target.name} took its name before {file.name} was synced")
                unsynced.discard(file)
        for folder in call.folders:
            if any(not _FREE.fullmatch(name) for name in names.pop(folder, ())):
                wrong.append(f"{call.target.name} took its name before the folder {folder.name} was synced")
        home = call.target.parent
        if home.name in names.get(home.parent, ()) and not _is_passing(home):
            wrong.append(f"{call.target.name} took its name in {home.name}, whose own was not synced")
        if call.target.name == "manifest.json" and call.target.parent.name == "catalog":
            loose = [f for f in names if f.suffix in _PARTS and f.parent == call.target.parent and names[f]]
            wrong.extend(f"the manifest took its name before the folder {folder.name} was synced" for folder in loose)

    for call in calls:
        match call.what:
            case "write":
                if not _FREE.fullmatch(call.path.name):
                    if not _is_passing(call.path) and call.path not in unsynced:
                        wrong.append(f"{call.path.name} is written under its own name")
                    unsynced.add(call.path)
                    names.setdefault(call.path.parent, set()).add(call.path.name)
            case "sync":
                unsynced.discard(call.path)
                names.pop(call.path, None)
            case "mkdir":
                names.setdefault(call.path.parent, set()).add(call.path.name)
            case "remove":
                unsynced.discard(call.path)
                names.get(call.path.parent, set()).discard(call.path.name)
            case "rename" | "link":
                assert call.target is not None
                renamed(call)
                unsynced = {_moved(call, path) for path in unsynced}
                names = {_moved(call, folder): found for folder, found in names.items()}
                names.setdefault(call.target.parent, set()).add(call.target.name)
                if call.what == "rename":
                    names.setdefault(call.path.parent, set()).add(call.path.name)
    wrong += [f"{path.name} was not synced before the end" for path in sorted(unsynced) if not _is_passing(path)]
    for folder, found in names.items():
        lost = sorted(name for name in found if not _is_passing(folder / name))
        wrong += [f"the folder {folder.name} was not synced after {name} came or went" for name in lost]
    return wrong


def _moved(call: Call, path: Path) -> Path:
    """Where a path is after a rename; a link leaves it where it was."""
    if call.what == "rename" and call.target is not None and path.is_relative_to(call.path):
        return call.target / path.relative_to(call.path)
    return path


def _is_passing(path: Path) -> bool:
    """Whether it is no loss when it comes back or goes: what lies in staging, or on its way to its name."""
    if _FREE.fullmatch(path.name) or any(_TEMPORARY.fullmatch(name) for name in path.parts):
        return True
    return ".staging" in path.parts[:-1] and not (path.parent.name == ".staging" and _NOTE.fullmatch(path.name))
