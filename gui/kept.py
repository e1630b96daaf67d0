"""What is kept in the library: as which kind, under which names, and the work. It is always a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gui.dragging import Carried
from gui.formats import integer_text, tr
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Workspace

KINDS = ("template", "filtered", "pipeline", "fullrun")


@dataclass(frozen=True)
class Thing:
    """Something to be kept: a pipeline, or a whole run where `pipeline_id` is empty. `text` is what people call it."""

    run_id: str
    pipeline_id: str = ""
    prediction_id: str = ""
    text: str = ""


@dataclass(frozen=True)
class Wish:
    """What to keep as which kind under which name."""

    thing: Thing
    kind: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """What the things are called, free names for each by kind, and all that are taken, in lower case, by kind."""

    things: tuple[Thing, ...]
    free: dict[str, tuple[str, ...]]
    taken: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Kept:
    """What was kept, as kind and name, and what was wrong with what was not."""

    items: tuple[tuple[str, str], ...]
    problems: tuple[str, ...] = ()


def fetch_names(things: Sequence[Thing], workspace: Workspace) -> Names:
    """Find out what things are called and which names are free; runs on the workspace's thread."""
    runs = {run.run_id: run for run in workspace.runs()}
    named = []
    for thing in things:
        run = runs.get(thing.run_id)
        dataset, run_name = (run.dataset_name, run.run_name) if run is not None else ("", "")
        text = _pipeline_name(thing, workspace) if thing.pipeline_id else f"{dataset} {run_name}".strip()
        named.append(replace(thing, text=text or thing.pipeline_id or thing.run_id))
    taken = {kind: frozenset(item.name.casefold() for item in workspace.library.list(kind)) for kind in KINDS}
    free = {kind: tuple(workspace.library.free_name(kind, thing.text) for thing in named) for kind in KINDS}
    return Names(tuple(named), {kind: _different(names, taken[kind]) for kind, names in free.items()}, taken)


def _pipeline_name(thing: Thing, workspace: Workspace) -> str:
    key = workspace.catalog.find(thing.prediction_id) if thing.prediction_id else None
    found = workspace.catalog.rows([key]) if key is not None else []
    return str(found[0].get("pipeline_name") or "") if found else ""


def _different(names: Sequence[str], taken: frozenset[str]) -> tuple[str, ...]:
    """Number names that occur twice, so that all can be used together."""
    found: list[str] = []
    for name in names:
        tried, number = name, 1
        while tried.casefold() in taken or tried.casefold() in {one.casefold() for one in found}:
            number += 1
            tried = f"{name} {number}"
        found.append(tried)
    return tuple(found)


def keep(wishes: Sequence[Wish], workspace: Workspace, report: Report | None = None) -> Kept:
    """Copy things to the library; runs on the workspace's thread or that of a job.

    What can't be kept is told of and the others go on; if nothing can, what was wrong with the first is raised.
    """
    from storage import Cancelled, StorageError

    kept: list[tuple[str, str]] = []
    problems: list[str] = []
    first: StorageError | None = None
    for number, wish in enumerate(wishes):
        if report is not None:
            report(number, len(wishes), wish.name)
        try:
            kept.append((wish.kind, _keep_one(wish, workspace, report if len(wishes) == 1 else None)))
        except Cancelled:
            raise
        except StorageError as error:
            first = first or error
            problems.append(error.what)
    if first is not None and not kept:
        raise first
    return Kept(tuple(kept), tuple(problems))


def _keep_one(wish: Wish, workspace: Workspace, report: Report | None) -> str:
    library, thing = workspace.library, wish.thing
    words = (wish.description, wish.tags)
    return library.save(wish.kind, wish.name, thing.run_id, thing.pipeline_id, *words, report=report).name


def keep_as_job(root: Path, wishes: Sequence[Wish], report: Report) -> Kept:
    """Keep things with a workspace of its own, for the thread of a job."""
    from storage import Workspace

    with Workspace.open(root) as workspace:
        return keep(wishes, workspace, report)


def let_go(items: Sequence[tuple[str, str]], workspace: Workspace) -> None:
    """Move items of the library to the trash; runs on the workspace's thread."""
    for kind, name in reversed(items):
        workspace.library.plan_delete(kind, name).apply()


def kept_text(kept: Kept) -> str:
    """Say what was kept, and what not."""
    if len(kept.items) == 1:
        text = tr("Kept in the library as {name}.").format(name=kept.items[0][1])
    else:
        text = tr("Kept {n} in the library.").format(n=integer_text(len(kept.items)))
    if kept.problems:
        missed = tr("{n} could not be kept: {why}").format(n=integer_text(len(kept.problems)), why=kept.problems[0])
        text = f"{text} {missed}"
    return text


def things_of(carried: Carried, kind: str) -> list[Thing]:
    """Return what of a drag or a selection can be kept as a kind: of a pipeline its run, where whole runs are kept."""
    if kind == "fullrun":
        runs = dict.fromkeys([*carried.runs, *(one.run_id for one in carried.pipelines)])
        return [Thing(run_id) for run_id in runs]
    return [Thing(one.run_id, one.pipeline_id, one.prediction_id) for one in carried.pipelines]
