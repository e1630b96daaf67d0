"""Sudden ends: work that is done in a process which dies, as by kill -9, at one of its changes of the disk."""

from __future__ import annotations

import inspect
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from storage import Workspace

_PRELOADED = [
    "pandas",  # which is what takes its time, as does the next
    "pyarrow.dataset",
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


def restore(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.restore(workspace.catalog.trash()[0].trash_id)


def delete_run(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.plan_delete_run(workspace.runs()[0].run_id)
        yield
        plan.apply()


def delete_pipeline(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        run_id = workspace.runs()[0].run_id
        plan = workspace.plan_delete_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id)
        yield
        plan.apply()


def restore_all(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        entries = workspace.trash.list()
        yield
        for entry in entries:
            workspace.trash.restore(entry.trash_id)


def save_pipeline(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        run_id = workspace.runs()[0].run_id
        pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
        yield
        workspace.library.save_pipeline(run_id, pipeline_id, "kept")


def rename_item(root: Path, old: str, new: str) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        yield
        workspace.library.rename("pipeline", old, new)


def empty_trash(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.trash.plan_empty()
        yield
        plan.apply()


def restore_planned(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.trash.plan_restore([entry.trash_id for entry in workspace.trash.list()])
        yield
        plan.apply()


def archive_run(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.plan_archive("pipeline", run_id=workspace.runs()[0].run_id)
        yield
        plan.apply()


def thin(root: Path, archive: bool = True) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.plan_thin(1, "test_rmse", archive=archive)
        yield
        plan.apply()


def thin_to_trash(root: Path) -> Iterator[None]:
    yield from thin(root, archive=False)


def unthin(root: Path) -> Iterator[None]:
    with Workspace.open(root) as workspace:
        plan = workspace.plan_unthin()
        yield
        plan.apply()


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
