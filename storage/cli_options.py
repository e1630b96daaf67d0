"""What the verbs of the command line share: which workspace is meant, how lists are printed, how plans are applied."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from storage.errors import BadInput
from storage.output import Format, progress, visible

if TYPE_CHECKING:
    from storage.plan import Plan
    from storage.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace; else $RUNSHELF_WORKSPACE, else the folder one stands in."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people, or for programs.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]

workspace_before_verb: ContextVar[Path | None] = ContextVar("workspace_before_verb", default=None)


def open_workspace(path: Path | None) -> Workspace:
    """Open the workspace that is meant; what it has to tell goes to stderr."""
    from storage.workspace import Workspace

    workspace = Workspace.open(workspace_path(path))
    for notice in workspace.notices:
        print(notice, file=sys.stderr)
    workspace.notices.clear()
    return workspace


def workspace_path(path: Path | None) -> Path:
    """The folder of the workspace that is meant. Raises NotFound."""
    from storage.marker import find_workspace

    given = path or workspace_before_verb.get() or os.environ.get("RUNSHELF_WORKSPACE")
    return Path(given) if given else find_workspace(Path.cwd())


def carry_out(plan: Plan, dry_run: bool, yes: bool, to: IO[str] | None = None) -> None:
    """Show a plan and, unless it is a dry run, apply it once the user agrees; what is said goes to stdout or `to`."""

    def say(text: str) -> None:
        print(visible(text), file=to or sys.stdout)

    say(plan.title)
    for step in plan.steps:
        say(f"  {step.what}" + (f" {step.bytes:,} bytes." if step.bytes else ""))
    if not plan.steps:
        say("There is nothing to do.")
        return
    if dry_run:
        say("Nothing was changed: this was a dry run.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Nobody is here to agree.", advice="Say --yes, or look first with --dry-run.")
        typer.confirm("Do it?", abort=True)
    with progress(plan.title) as report:
        done = plan.apply(report)
    say(done)


def say_stopping(seconds: float) -> None:
    """Say what Ctrl+C does, where what is at work may take so long to come to its end."""
    text = f"Stopping: what is at work has {seconds:.0f} s to finish its fold. Press Ctrl+C again to end it at once."
    print(text, file=sys.stderr)


class cancellable:  # noqa: N801  reads as a clause
    """Ctrl+C ends a command with a sentence; what was finished is kept."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if kind is KeyboardInterrupt:
            print("Stopped. Finished pipelines are kept; the same command goes on from here.", file=sys.stderr)
            raise typer.Exit(130)
