"""Sudden ends: work that is done in a process which dies, as by kill -9, at one of its changes of the disk."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage import Workspace

_PRELOADED = ["tests.storage.kills", "storage.workspace", "storage.deletion", "storage.annotations", "storage.parts"]


def killed_at(call: int, work: Callable[..., None], *arguments: Any) -> bool:
    """Do `work` in a process that ends at its nth change of the disk; False if it came to its end before."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(_PRELOADED)
    process = context.Process(target=_until, args=(call, work, *arguments))
    process.start()
    process.join()
    assert process.exitcode in (0, 9), process.exitcode
    return process.exitcode == 9


def _until(call: int, work: Callable[..., None], *arguments: Any) -> None:
    left = [call]

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return function(*args, **named)

        return counted

    for name in ("replace", "rename", "fsync", "mkdir", "unlink"):
        setattr(os, name, counting(getattr(os, name)))
    work(*arguments)


# ---------------------------------------------------------------- what is killed


def edit(root: Path, prediction_id: str) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.annotate([prediction_id], notes="new", stars=3)


def delete(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse < 2.5").apply()


def restore(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.restore(workspace.catalog.trash()[0].trash_id)
