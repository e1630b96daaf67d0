"""The one holder of a Workspace, with two doors: `query` and `change`.

One worker thread per open workspace owns it; nothing else in the window ever touches it. Replies come back on the
GUI thread. Every request has a number; one that belongs to an older workspace, or was asked again since, is dropped by
it, and a late reply is never looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from gui.tasks import Problem, Progress, Report, Task, Tasks, workers

if TYPE_CHECKING:
    from storage import Workspace

T = TypeVar("T")
SYNC_MS = (1000, 2000)  # between two looks at the disk: the shortest time, and the longest
SYNC_SHARE = 10  # of the workspace's thread, at most one part in so many is spent looking


@dataclass(frozen=True)
class Opened:
    """What the window may know of the workspace without asking: plain values, read once."""

    root: Path
    name: str
    read_only: bool
    notices: tuple[str, ...]


@dataclass
class _Room:
    """A workspace and the single thread that owns it; plain, so that work may hold it."""

    worker: ThreadPoolExecutor
    workspace: Workspace | None = None

    def held(self) -> Workspace:
        assert self.workspace is not None
        return self.workspace

    def shut(self) -> None:
        """Close the workspace, on its own thread."""
        if self.workspace is not None:
            self.workspace.close()
            self.workspace = None


def _new_room() -> _Room:
    return _Room(workers(1, "runshelf-workspace"))


def _opened(workspace: Workspace) -> Opened:
    return Opened(workspace.root, workspace.name, workspace.read_only, tuple(workspace.notices))


class Session(QObject):
    """Holds at most one open workspace and passes questions and changes to its thread.

    `opened` and `closed` tell which workspace is held; `changed` that something in it is no longer as it was shown;
    `noticed` what the user should know of it that was not known when it was opened.
    """

    opened = Signal()
    closed = Signal()
    changed = Signal()
    noticed = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = tasks
        self.workspace: Opened | None = None
        self._room: _Room | None = None
        self._opening: tuple[_Room, Task] | None = None
        self._leaving: list[_Room] = []  # let go of, perhaps still closing
        self._under_way: set[int] = set()
        self._latest: dict[str, Task] = {}
        self._trouble = ""
        self._notices = 0  # how many of the workspace's were told
        self._clock = QTimer(self)
        self._clock.setInterval(SYNC_MS[0])
        self._clock.timeout.connect(self.sync)

    # --- opening and closing ---

    def open(
        self,
        path: Path,
        failed: Callable[[Problem], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        *,
        create: bool = False,
    ) -> None:
        """Open (or create) the workspace at `path`; on failure the one held before stays.

        `progress` hears of it only where the index is built first, or much that a process left is put in order.
        """
        room = _new_room()

        def work(report: Report) -> Opened:
            from storage import Workspace  # here, because it takes a third of a second before the first paint

            room.workspace = Workspace.create(path) if create else Workspace.open(path, report=report)
            return _opened(room.workspace)

        def refuse(problem: Problem) -> None:
            self._opening = None
            self._leave(room)
            if failed is not None:
                failed(problem)
            else:
                self.tasks.unhandled.emit(problem)

        self.give_up_opening()
        task = self.tasks.start(work, lambda known: self._hold(room, known), refuse, progress, executor=room.worker)
        self._opening = (room, task)

    def adopt(self, workspace: Workspace) -> None:
        """Hold a workspace that somebody opened already; from now on it belongs to the session."""
        room = _new_room()
        room.workspace = workspace
        self._hold(room, _opened(workspace))

    def close(self) -> None:
        """Let go of the workspace and wait until its thread has ended, and those of all before it."""
        self.give_up_opening()
        held = self._release()
        for room in self._leaving:
            room.worker.shutdown(wait=True)
        self._leaving.clear()
        if held:
            self.closed.emit()

    def _leave(self, room: _Room) -> None:
        """Close a workspace on its own thread, without waiting for it."""
        room.worker.submit(room.shut)
        room.worker.shutdown(wait=False)
        self._leaving.append(room)

    def give_up_opening(self) -> None:
        """Forget a workspace that is being opened: somebody wants another one, or none; the one held before stays."""
        if self._opening is not None:
            room, task = self._opening
            self._opening = None
            self.tasks.drop(task)
            self._leave(room)

    def _hold(self, room: _Room, known: Opened) -> None:
        self._opening = None
        self._release()
        self._room, self.workspace = room, known
        self._notices = len(known.notices)
        self._clock.start()
        self.opened.emit()

    def _release(self) -> bool:
        room, self._room, self.workspace = self._room, None, None
        self._clock.stop()
        for number in self._under_way:
            self.tasks.drop_number(number)  # long work stops at its next report
        self._under_way.clear()
        self._latest.clear()
        if room is None:
            return False
        self._leave(room)
        return True

    # --- the two doors ---

    def query(
        self,
        fn: Callable[[Workspace], T],
        done: Callable[[T], None],
        failed: Callable[[Problem], None] | None = None,
        *,
        topic: str = "",
        quiet: bool = False,
    ) -> None:
        """Ask the workspace something and get the answer in `done`.

        Questions of one `topic` supersede each other: only the newest is answered. Nothing happens without a workspace.
        """
        self._ask(lambda workspace, report: fn(workspace), done, failed, topic=topic, quiet=quiet)

    def change(
        self,
        fn: Callable[[Workspace], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[Problem], None] | None = None,
    ) -> None:
        """Change the workspace, then tell everybody through `changed`."""

        def finish(value: T) -> None:
            if done is not None:
                done(value)
            self.changed.emit()

        self._ask(lambda workspace, report: fn(workspace), finish, failed)

    def sync(self) -> None:
        """Look whether another program changed the workspace; `changed` follows if so. Quiet and cheap."""
        if "sync" in self._latest:
            return  # still looking; starting over would never end on a slow disk
        self._ask(_timed_sync, self._synced, self._not_synced, topic="sync", quiet=True)

    def rescan(self, done: Callable[[bool], None]) -> None:
        """Look at the disk now, refresh in any case, and say in `done` whether anything was new."""

        def finish(news: bool) -> None:
            done(news)
            self.changed.emit()

        self._ask(lambda workspace, report: workspace.sync(full=True), finish)

    def rebuild_index(
        self,
        progress: Callable[[Progress], None],
        done: Callable[[], None],
        failed: Callable[[Problem], None] | None = None,
    ) -> None:
        """Build the index again from the files."""

        def finish(_: None) -> None:
            done()
            self.changed.emit()

        self._ask(lambda workspace, report: workspace.rebuild_index(report), finish, failed, progress)

    def _synced(self, answer: tuple[bool, float, list[str]]) -> None:
        news, seconds, notices = answer
        fresh, self._notices = notices[self._notices :], len(notices)
        if fresh:
            self.noticed.emit("\n".join(fresh))
        self._clock.setInterval(int(min(max(SYNC_MS[0], SYNC_SHARE * 1000 * seconds), SYNC_MS[1])))
        self._trouble = ""
        if news:
            self.changed.emit()

    def _not_synced(self, problem: Problem) -> None:
        """Tell a lasting trouble once, not every two seconds."""
        if problem.what != self._trouble and problem.kind != "cancelled":
            self._trouble = problem.what
            self.tasks.unhandled.emit(problem)

    def _ask(
        self,
        fn: Callable[[Workspace, Report], T],
        done: Callable[[T], None],
        failed: Callable[[Problem], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        *,
        topic: str = "",
        quiet: bool = False,
    ) -> None:
        room = self._room
        if room is None:
            return
        if topic and topic in self._latest:
            superseded = self._latest.pop(topic)
            self._under_way.discard(superseded.number)
            self.tasks.drop(superseded)

        def forget() -> None:
            self._under_way.discard(task.number)
            self._latest.pop(topic, None)

        def deliver(value: T) -> None:
            forget()
            done(value)

        def refuse(problem: Problem) -> None:
            forget()
            if failed is not None:
                failed(problem)
            elif problem.kind != "cancelled":
                self.tasks.unhandled.emit(problem)

        # The work holds the plain room, never this object.
        task = self.tasks.start(_bound(room, fn), deliver, refuse, progress, executor=room.worker, quiet=quiet)
        self._under_way.add(task.number)
        if topic:
            self._latest[topic] = task


def _timed_sync(workspace: Workspace, report: Report) -> tuple[bool, float, list[str]]:
    began = time.perf_counter()
    return workspace.sync(), time.perf_counter() - began, list(workspace.notices)


def _bound(room: _Room, fn: Callable[[Workspace, Report], T]) -> Callable[[Report], T]:
    return lambda report: fn(room.held(), report)
