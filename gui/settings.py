"""What the window remembers between sessions, typed.

Kept in a readable INI file through QSettings. A value that can't be understood counts as not there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

T = TypeVar("T")
RECENT_KEPT = 10
QUERIES_KEPT = 50
CHOICES_KEPT = 20
COMMANDS_KEPT = 10
WORKSPACES_KEPT = 30  # whose catalog is shown again as it was left


class Entry(Generic[T]):
    """One remembered value under `key`, stored as JSON; of another type than its default it counts as missing."""

    def __init__(self, key: str, default: T) -> None:
        self._key, self._default = key, default

    @overload
    def __get__(self, owner: None, kind: type[Settings]) -> Entry[T]: ...
    @overload
    def __get__(self, owner: Settings, kind: type[Settings]) -> T: ...
    def __get__(self, owner: Settings | None, kind: type[Settings]) -> T | Entry[T]:
        return self if owner is None else self._read(owner, self._key)

    def _read(self, owner: Settings, key: str) -> T:
        text = owner.store.value(key)
        if not isinstance(text, str):
            return self._default
        try:
            value = json.loads(text)
        except ValueError:
            return self._default
        return value if isinstance(value, type(self._default)) else self._default

    def __set__(self, owner: Settings, value: T) -> None:
        owner.store.setValue(self._key, json.dumps(value))


class OwnEntry(Entry[T]):
    """One value remembered for each workspace; without a workspace it is its default, and nothing is kept."""

    @overload
    def __get__(self, owner: None, kind: type[Settings]) -> Entry[T]: ...
    @overload
    def __get__(self, owner: Settings, kind: type[Settings]) -> T: ...
    def __get__(self, owner: Settings | None, kind: type[Settings]) -> T | Entry[T]:
        if owner is None:
            return self
        return self._read(owner, f"{owner.own}/{self._key}") if owner.own else self._default

    def __set__(self, owner: Settings, value: T) -> None:
        if owner.own:
            owner.store.setValue(f"{owner.own}/{self._key}", json.dumps(value))


class Settings:
    """Everything remembered, one attribute each; how the catalog is shown, for each workspace its own."""

    theme = Entry("window/theme", "system")
    recent = Entry[list[str]]("workspaces/recent", [])
    reopen = Entry("workspaces/reopen", "")
    queries = Entry[list[str]]("catalog/queries", [])
    arranged = Entry[list[str]]("catalog/arranged", [])  # workspaces that have values of their own, latest first
    recent_commands = Entry[list[str]]("commands/recent", [])
    columns = OwnEntry[list[dict[str, Any]]]("columns", [])
    order = OwnEntry("order", "")
    group_by = OwnEntry[list[str]]("group_by", [])
    views = Entry[list[dict[str, Any]]]("catalog/views", [])
    view = OwnEntry("view", "")
    fold_spread = Entry("catalog/fold_spread", False)
    explore = Entry[dict[str, Any]]("explore/choice", {})
    catalog_split = Entry[list[int]]("catalog/split", [])
    library_tab = Entry("library/tab", 0)
    tree_by = Entry("tree/by", "date")
    tree_deleted = Entry("tree/deleted", False)
    left_heights = Entry[list[int]]("window/left_heights", [])
    height_below = Entry("window/height_below", 0)
    width = Entry("window/width", 0)
    group_metrics = Entry[list[str]]("catalog/group_metrics", [])
    export_folder = Entry("catalog/export_folder", "")
    export_what = Entry("catalog/export_what", "")
    detail_tab = Entry("details/tab", 0)
    detail_split = Entry[list[int]]("details/split", [])
    detail_charts = Entry[dict[str, Any]]("details/charts", {})
    picture_folder = Entry("details/picture_folder", "")
    health_tab = Entry("health/tab", 0)
    jobs_split = Entry[list[int]]("jobs/split", [])
    run_jobs = Entry("training/jobs", 1)
    data_folder = Entry("training/data_folder", "")
    compare_tab = Entry("compare/tab", 0)
    compare_partition = Entry("compare/partition", "val")
    run_choices = Entry[dict[str, Any]]("training/choices", {})

    def __init__(self, store: QSettings | None = None) -> None:
        self.store = store or QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "Runshelf", "Runshelf")
        self.own = ""  # where the values of the workspace that is open are

    # Geometry is Qt's own, opaque bytes.

    def geometry(self) -> QByteArray:
        """The size and place of the window, empty if never saved."""
        return self._bytes("window/geometry")

    def docks(self) -> QByteArray:
        """The arrangement of docks and tool bars, empty if never saved."""
        return self._bytes("window/docks")

    def save_window(self, geometry: QByteArray, docks: QByteArray) -> None:
        """Remember size, place and docks."""
        self.store.setValue("window/geometry", geometry)
        self.store.setValue("window/docks", docks)

    def forget_window(self) -> None:
        """Forget size, place and docks."""
        self.store.remove("window/geometry")
        self.store.remove("window/docks")
        self.store.remove("window/left_heights")
        self.store.remove("window/height_below")
        self.store.remove("window/width")

    def keep_unfinished(self, process: int, begun: list[dict[str, Any]]) -> None:
        """Keep what a process is training, at once: it may be killed any moment. With nothing its place is given up."""
        key = f"unfinished/{process}"
        if begun:
            self.store.setValue(key, json.dumps(begun))
        elif self.store.contains(key):
            self.store.remove(key)
        else:
            return
        self.store.sync()

    def take_unfinished(self, process: int) -> list[Any]:
        """Return what a process was training and forget it."""
        found = Entry[list[Any]](f"unfinished/{process}", []).__get__(self, Settings)
        self.keep_unfinished(process, [])
        return found

    def remember_workspace(self, root: Path) -> None:
        """Put a workspace in front of the recent ones, to be opened again next time."""
        text = str(root)
        self.recent = [text, *(other for other in self.recent if other != text)][:RECENT_KEPT]
        self.reopen = text

    def enter_workspace(self, root: Path | None) -> None:
        """Read and keep from now on the values of this workspace; those of one not open for long are forgotten."""
        self.own = ""
        if root is None:
            return
        self.own = "workspace-" + hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        known = [self.own, *(other for other in self.arranged if other != self.own)]
        for old in known[WORKSPACES_KEPT:]:
            self.store.remove(old)
        self.arranged = known[:WORKSPACES_KEPT]

    def remember_query(self, text: str) -> None:
        """Put a query in front of the history."""
        self.queries = [text, *(other for other in self.queries if other != text)][:QUERIES_KEPT]

    def remember_command(self, text: str) -> None:
        """Put a command in front of those used lately."""
        self.recent_commands = [text, *(other for other in self.recent_commands if other != text)][:COMMANDS_KEPT]

    def remember_choices(self, data: Path, choices: dict[str, Any]) -> None:
        """Remember how a data file was trained on, for the next time."""
        others = {path: known for path, known in self.run_choices.items() if path != str(data)}
        self.run_choices = {str(data): choices, **dict(list(others.items())[: CHOICES_KEPT - 1])}

    def _bytes(self, key: str) -> QByteArray:
        value = self.store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()


def documents_folder() -> str:
    """The folder where people keep their documents."""
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
