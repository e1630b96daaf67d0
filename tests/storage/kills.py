"""Sudden ends: work that is done in a process which dies, as by kill -9, at one of its changes of the disk."""

from __future__ import annotations

import gc
import inspect
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from storage import Workspace
from storage.process import PRELOADED

_PRELOADED = [
    *PRELOADED,  # there is one server for all
    "tests.storage.kills",
    "storage.workspace",
    "storage.deletion",
    "storage.annotations",
    "storage.parts",
    "storage.library",
    "storage.run_deletion",
    "storage.thinning",
    "storage.migration",
]


def processes() -> Any:
    """Return a context whose processes are forks of one that has imported what they use, where there are forks."""
    if os.name != "posix":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def killed_at(call: int, work: Callable[..., None], *arguments: Any) -> bool:
    """Do `work` in a process that ends at its nth change of the disk; False if it came to its end before."""
    process = processes().Process(target=_until, args=(call, work, *arguments))
    process.start()
    process.join()
    assert process.exitcode in (0, 9), process.exitcode
    return process.exitcode == 9


def _until(call: int, work: Callable[..., None], *arguments: Any) -> None:
    gc.freeze()  # what came with the fork is shared as long as nobody looks through it
    left = [call]

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return function(*args, **named)

        return counted

    prepared = inspect.isgeneratorfunction(work)
    doing = work(*arguments) if prepared else None
    if prepared:
        next(doing)  # what is done before its `yield` is not counted
    for name in ("replace", "rename", "fsync", "mkdir", "unlink"):
        setattr(os, name, counting(getattr(os, name)))
    if prepared:
        next(doing, None)
    else:
        work(*arguments)


# ---------------------------------------------------------------- what is killed


def edit(root: Path, prediction_id: str) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.annotate([prediction_id], notes="new", stars=3)


def delete(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse < 2.5").apply()


def migrate_whole(root: Path, source: Path) -> None:
    """As `migrate`, to be done by several at once."""
    for _ in migrate(root, source):
        pass


def migrate(root: Path, source: Path) -> Iterator[None]:
    """Carry over what lies in a source of the form that the tests have for themselves."""
    import storage.forms
    from tests.storage.test_migration import Diary

    storage.forms.FORMS = (Diary(),)
    with Workspace.open(root) as workspace:
        migration = workspace.migration(source)
        yield
        migration.carry(lambda *_: None)
