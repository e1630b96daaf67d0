"""The verb that carries over what other programs left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storage.cli_options import (
    DryRunOption,
    FormatOption,
    WorkspaceOption,
    YesOption,
    cancellable,
    carry_out,
    open_workspace,
)
from storage.errors import BadInput
from storage.output import Format, progress, show_facts

if TYPE_CHECKING:
    from storage.migration import Carried
    from storage.workspace import Workspace

FOUND = ("runs", "datasets", "pipelines", "scores", "artifacts", "charts", "files")
CARRIED = ("pipelines", "scores", "predictions", "artifacts", "charts", "files", "bytes")
NAMED = 10  # things left out or failed that are told one by one; the report has all


def migrate_command(
    source: Annotated[Path, typer.Argument(help="A folder with what another program left.")],
    into: Annotated[Path | None, typer.Option(help="The workspace; it is made where there is none.")] = None,
    run_name: Annotated[str, typer.Option(help="A name for all runs that are made.")] = "",
    verify_only: Annotated[bool, typer.Option("--verify-only", help="Compare what was carried over before.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Carry over runs, results, artifacts and charts that another program left; nothing there is run or changed.

    Ends with 1 if anything could not be carried over or differs from the source.

    Example: `runshelf migrate old-results --into my-workspace --dry-run`
    """
    if into is not None and workspace is not None:
        raise BadInput("The workspace was named twice.", advice="Say --into alone.")
    place = into or workspace
    if verify_only:
        with open_workspace(place) as opened, progress("Comparing") as report:
            carried = opened.migration(source, run_name).verify(report)
        _tell(carried, format)
        return
    with _workspace(place, source, dry_run) as opened, cancellable():
        migration = opened.migration(source, run_name)
        with progress(f"Reading {source.name}"):
            plan = migration.plan()
        carry_out(plan, dry_run, yes, sys.stdout if format is Format.table else sys.stderr)
    if migration.done.report is not None:
        _tell(migration.done, format)


@contextmanager
def _workspace(place: Path | None, source: Path, dry_run: bool) -> Iterator[Workspace]:
    """The workspace that is meant. One that is not there yet is made, for a dry run somewhere else and for a moment."""
    from storage.forms import detect
    from storage.workspace import Workspace

    if place is None or place.exists():
        with open_workspace(place) as opened:
            yield opened
        return
    detect(source)  # nothing is made for what can't be read
    print(f"{place} will be made." if dry_run else f"Made the workspace {place}.", file=sys.stderr)
    with ExitStack() as stack:
        root = Path(stack.enter_context(TemporaryDirectory())) / "workspace" if dry_run else place
        yield stack.enter_context(Workspace.create(root))


def _tell(carried: Carried, format: Format) -> None:
    """Say what came of it, and end with 1 if not all is well."""
    if format is Format.table:
        for title, lines in (
            ("could not be carried over", carried.failed),
            ("left out", carried.left_out),
            ("different from the source", carried.differences or []),
        ):
            for line in lines[:NAMED]:
                print(f"{title}: {line}", file=sys.stderr)
            if len(lines) > NAMED:
                print(f"… and {len(lines) - NAMED:,} more {title}.", file=sys.stderr)
        if carried.differences == []:
            n = carried.found["pipelines"]
            print(f"Every value of {n:,} pipeline{'' if n == 1 else 's'} was found again, equal to the source.")
        if carried.report is not None:
            print(f"The report is {carried.report}.")
    else:
        show_facts(facts_of(carried, format), format)
    if carried.failed or carried.differences:
        raise typer.Exit(1)


def facts_of(carried: Carried, format: Format) -> dict[str, Any]:
    """What came of it, for programs; in CSV what was left out, failed and differs is counted."""
    lists = {"left_out": carried.left_out, "failed": carried.failed, "differences": carried.differences or []}
    return {
        "source": str(carried.source),
        "forms": ", ".join(carried.forms),
        "there_before": carried.before,
        **{f"found_{name}": carried.found.get(name, 0) for name in FOUND},
        **{
            f"carried_{name}": carried.carried.get(name, 0)
            for name in carried.found
            if name not in ("runs", "datasets")
        },
        **{name: lines if format is Format.json else len(lines) for name, lines in lists.items()},
        "report": str(carried.report or ""),
    }
