"""A full disk: one DiskFull, the old state or the new one, and all goes on when there is room. And one that fails.

From some call on every one that needs room is refused: every few calls, or from each with RUNSHELF_ALL_FAULTS in the
environment. Then a disk that is really small. A disk that fails refuses all, removing too.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from storage import DiskFull, StorageError, Workspace
from tests.faults.alone import mounted
from tests.faults.changes import (
    CHANGES,
    REPAIRS,
    Change,
    archive,
    compact,
    empty_trash,
    finalize,
    rebuild_index,
    reopen_run,
    restore_all,
    sign,
    sync,
    unthin,
)
from tests.faults.states import Recording, answers, copy, masked
from tests.faults.test_kills import ALL, OF_FILES, SOUND, once_more, settled, third
from tests.faults.watching import Call, watched

Recorded = Callable[[Change], Recording]
ONE_BY_ONE = (archive, empty_trash, restore_all, unthin)  # of many things, what was done before there was no room stays
COPIED_FIRST = {"thin": "archives", "thin_to_trash": "trash"}  # the copies stay; the pipelines are as they were
UNSEEN = (reopen_run, finalize, compact, rebuild_index, sign, sync)  # nothing of it is in lists


def needs_room(call: Call) -> bool:
    return call.what != "remove"


def full_from(number: int) -> Callable[[Call], None]:
    """Refuse every call that needs room, from one of them on."""
    left = [number]

    def told(call: Call) -> None:
        left[0] -= 1
        if left[0] < 0 and needs_room(call):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return told


def failing_from(number: int) -> Callable[[Call], None]:
    """Refuse every call, from one of them on, as a disk does that was taken for broken."""
    left = [number]

    def told(call: Call) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    return told


def chosen(change: Change, made: Recording) -> list[int]:
    """The calls from which on there is no room: each that needs some, or one, another for every change."""
    wanting = [number for number, call in enumerate(made.calls) if needs_room(call)]
    if ALL or not wanting:
        return wanting
    return [wanting[zlib.crc32(change.__name__.encode()) % len(wanting)]]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_room_from_any_call_on(recorded: Recorded, base: Path, tmp_path: Path, change: Change) -> None:
    made = recorded(change)
    for number in chosen(change, made):
        root = copy(base, tmp_path / f"{number}")
        with Workspace.open(root) as workspace:
            steps = change(workspace)
            next(steps)
            before = answers(workspace)
            refused = no_room_for(steps, root, number)
            was_made = answers(workspace) != before
            assert was_made or refused or change in UNSEEN
            if number % 2:
                once_more(workspace, change, was_made)
        if number % 2 == 0:
            assert old_or_new(root, made, change), f"no room from {made.calls[number]} on"


def old_or_new(root: Path, made: Recording, change: Change) -> bool:
    """Whether a workspace is as before a change or after it, once opened; what is done one by one may be between."""
    old, new, state = (masked(settled(one)) for one in (made.states[0][1], made.states[-1][1], root))
    for one in (old, new, state):
        one.pop(COPIED_FIRST.get(change.__name__, ""), None)
    return change in ONE_BY_ONE or not third(state, old, new, change.__name__ in OF_FILES)


@pytest.mark.parametrize("change", REPAIRS, ids=lambda change: change.__name__)
def test_a_repair_without_room_is_done_when_there_is_some(
    recorded: Recorded, base: Path, tmp_path: Path, change: Change
) -> None:
    for number in chosen(change, recorded(change)):
        root = copy(base, tmp_path / f"{number}")
        with Workspace.open(root) as workspace:
            steps = change(workspace)
            next(steps)
            no_room_for(steps, root, number)
            workspace.plan_repair(workspace.check().findings).apply()
            assert {one.code for one in workspace.check().findings} <= SOUND


def no_room_for(steps: Iterator[None], root: Path, number: int) -> bool:
    """Make a change without room from a call on; whether it was refused, which it is in one sentence."""
    with watched(root, full_from(number)):
        try:
            next(steps, None)
        except DiskFull as error:
            assert "full" in error.what and error.advice
            return True
    return False


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_disk_that_fails_for_good_is_told_in_a_sentence(
    recorded: Recorded, base: Path, tmp_path: Path, change: Change
) -> None:
    made = recorded(change)
    for number in chosen(change, made):
        root = copy(base, tmp_path / f"{number}")
        with Workspace.open(root) as workspace:
            steps = change(workspace)
            next(steps)
            with watched(root, failing_from(number)), suppress(StorageError):  # any other error is one of ours
                next(steps, None)
        assert old_or_new(root, made, change), f"all fails from {made.calls[number]} on"


def test_a_disk_that_is_really_small_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    done = mounted(f"mount -t tmpfs -o size=3M tmpfs {tmp_path}", "tests.faults.small_disk", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stdout and "results are there" in done.stdout
