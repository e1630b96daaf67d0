"""The verb that looks whether a workspace is sound and mends what it can: check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storage.cli_options import DryRunOption, FormatOption, WorkspaceOption, YesOption, carry_out, workspace_path
from storage.errors import StorageError
from storage.output import Format, progress, show_error, show_rows

if TYPE_CHECKING:
    from storage.findings import Report

COLUMNS = ("severity", "title", "place", "what", "advice")
EVERYTHING = ("severity", "code", "title", "place", "what", "advice", "fix", "bytes")
FOUND, NOT_CHECKED = 1, 2


def check_command(
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte that has a checksum.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Look whether everything in the workspace is sound; nothing is changed unless `--repair` says so.

    Ends with 0 when there is no damage and no warning, 1 when there is, 2 when it could not be checked.

    Example: `runshelf check --deep`
    """
    try:
        root = workspace_path(workspace)
        report = _repair(root, deep, dry_run, yes, format) if repair else _look(root, deep)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise typer.Exit(130) from None
    except StorageError as error:
        show_error(error)
        raise typer.Exit(NOT_CHECKED) from error
    _show(report, format)
    if report.verdict != "clean":
        raise typer.Exit(FOUND)


def _look(root: Path, deep: bool) -> Report:
    from storage.check import check_workspace

    with progress("Checking") as report:
        return check_workspace(root, report, deep)


def _repair(root: Path, deep: bool, dry_run: bool, yes: bool, format: Format) -> Report:
    """Mend what can be mended; returns what a check finds after that, with a dry run what it found before."""
    from storage.rescue import plan_rescue
    from storage.workspace import Workspace

    found = _look(root, deep)
    rescue = plan_rescue(root, found.findings)
    if rescue.steps:  # without it nothing else can be mended
        if format is Format.table:
            _show(found, format)
            print()
        carry_out(rescue, dry_run, yes, sys.stdout if format is Format.table else sys.stderr)
        if dry_run:
            return found
        found = _look(root, deep)
    with Workspace.open(root, read_only=dry_run) as opened:
        plan = opened.plan_repair(found.findings)
        if not plan.steps:
            return found
        if format is Format.table:
            _show(found, format)
            print()
        carry_out(plan, dry_run, yes, sys.stdout if format is Format.table else sys.stderr)
    return found if dry_run else _look(root, deep)


def _show(report: Report, format: Format) -> None:
    rows = [vars(one) for one in report.findings]
    if format is Format.table:
        if rows:
            show_rows(rows, COLUMNS, format, "")
        print(report.sentence())
    else:
        show_rows(rows, EVERYTHING, format, "")
