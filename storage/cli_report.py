"""The verbs that write reports: of a run, of a dataset."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from storage.cli_options import WorkspaceOption, open_workspace
from storage.output import progress

report_app = typer.Typer(help="Write what came out, as a page to look at and as Markdown.", no_args_is_help=True)


class ReportFormat(StrEnum):
    """As what a report is written."""

    html = "html"
    md = "md"


FormatsOption = Annotated[
    list[ReportFormat] | None, typer.Option("--format", help="Only this one; else both are written.")
]
ToOption = Annotated[Path | None, typer.Option(help="A folder; else catalog/reports of the workspace.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Show it in the browser.")]


@report_app.command("run")
def report_run(
    run_id: Annotated[str, typer.Argument(help="As `runs list` names it.")],
    format: FormatsOption = None,
    to: ToOption = None,
    open: OpenOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a report of a run; one that is there is made anew.

    Example: `runshelf report run 2026-11-20_corn --open`
    """
    with open_workspace(workspace) as opened:
        with progress(f"Reporting on {run_id}") as report:
            paths = opened.report_run(run_id, _formats(format), to, report)
        _tell(paths, open)


@report_app.command("dataset")
def report_dataset(
    name: Annotated[str, typer.Argument(help="The dataset's name.")],
    format: FormatsOption = None,
    to: ToOption = None,
    open: OpenOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a report of all results on a dataset; one that is there is made anew.

    Example: `runshelf report dataset corn --format md --to .`
    """
    with open_workspace(workspace) as opened:
        with progress(f"Reporting on {name}") as report:
            paths = opened.report_dataset(name, _formats(format), to, report)
        _tell(paths, open)


def _formats(asked: list[ReportFormat] | None) -> list[str]:
    return [one.value for one in asked or ReportFormat]


def _tell(paths: list[Path], open: bool) -> None:
    for path in paths:
        print(path)
    if not open:
        return
    import webbrowser

    if not webbrowser.open(paths[0].as_uri()):
        print("No browser was found to show it.", file=sys.stderr)
