"""The verbs of runs: list, show, load again and compare, delete, bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storage.cli_options import DryRunOption, FormatOption, WorkspaceOption, YesOption, carry_out, open_workspace
from storage.errors import NotFound, StorageError
from storage.output import Format, progress, show_rows

if TYPE_CHECKING:
    from storage.workspace import Workspace

runs_app = typer.Typer(help="List runs, look at one, delete one, bring it back.", no_args_is_help=True)
RUN_COLUMNS = ("run_id", "status", "total", "successful", "failed", "interrupted", "metric_name", "metric_value")
RUN_FACTS = (
    *RUN_COLUMNS, "dataset_name", "run_name", "date", "created_at", "task_type", "folder", "problem",
)  # fmt: skip
PIPELINE_COLUMNS = ("pipeline_id", "name", "status", "model_type", "metric_name", "metric_value")
PIPELINE_FACTS = (*PIPELINE_COLUMNS, "run_id", "number", "prediction_id", "thinned", "problem")
VERIFIED_COLUMNS = ("pipeline_id", "loaded", "outlook", "foreseen", "outcome", "verdict")
RunArgument = Annotated[str, typer.Argument(help="As `runs list` names it.")]


@runs_app.command("list")
def runs_list(
    dataset: Annotated[str | None, typer.Option(help="Only runs of this dataset.")] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Also runs whose folder is gone; the catalog has their results.")
    ] = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """List runs, newest first.

    Example: `runshelf runs list --dataset corn`
    """
    with open_workspace(workspace) as opened:
        rows = [vars(row) for row in opened.runs(dataset, deleted=deleted)]
        columns = RUN_COLUMNS if format is Format.table else RUN_FACTS
        show_rows(rows, columns, format, "There are no runs yet. Start one with: runshelf run.")


@runs_app.command("show")
def runs_show(
    run_id: RunArgument,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Show the pipelines of a run.

    Example: `runshelf runs show 2026-11-20_corn`
    """
    with open_workspace(workspace) as opened:
        rows = [vars(row) for row in opened.pipelines(run_id)]
        columns = PIPELINE_COLUMNS if format is Format.table else PIPELINE_FACTS
        show_rows(rows, columns, format, "This run has no pipelines.")


@runs_app.command("verify")
def runs_verify(
    run_id: RunArgument,
    pipeline_ids: Annotated[list[str] | None, typer.Argument(help="Only these; else all completed ones.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load them this once, whoever made them.")] = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Load fitted pipelines and say whether they predict their stored samples as before.

    Ends with 1 when one can't be loaded or predicts something else.

    Example: `runshelf runs verify 2026-11-20_corn`
    """
    with open_workspace(workspace) as opened:
        ids = pipeline_ids or [row.pipeline_id for row in opened.pipelines(run_id) if row.status == "completed"]
        with progress("Loading") as report:
            rows = []
            for done, pipeline_id in enumerate(ids):
                report(done, len(ids), pipeline_id)
                rows.append(_verified(opened, run_id, pipeline_id, trust))
    show_rows(rows, VERIFIED_COLUMNS, format, "This run has no completed pipelines.")
    if any(row["outcome"] in ("differs", "not loaded") for row in rows):
        raise typer.Exit(1)


def _verified(opened: Workspace, run_id: str, pipeline_id: str, trust: bool) -> dict[str, Any]:
    """One line of `runs verify`; a pipeline that can't be loaded is told and hides no other."""
    try:
        loaded = opened.load(run_id, pipeline_id, trust)
    except NotFound:
        raise
    except StorageError as error:
        return {"pipeline_id": pipeline_id, "loaded": False, "outcome": "not loaded", "verdict": str(error)}
    return {
        "pipeline_id": pipeline_id,
        "loaded": True,
        "outlook": loaded.foreseen.outlook,
        "foreseen": str(loaded.foreseen),
        "outcome": loaded.verdict.outcome,
        "verdict": str(loaded.verdict),
    }


@runs_app.command("delete")
def runs_delete(
    run_id: RunArgument,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Move a run to the trash; its results stay in the catalog. `runs restore` brings it back.

    Example: `runshelf runs delete 2026-11-20_corn --dry-run`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.plan_delete_run(run_id), dry_run, yes)


@runs_app.command("restore")
def runs_restore(
    run_id: Annotated[str, typer.Argument(help="As `runs list` named it; of several in the trash the newest.")],
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Bring a deleted run back from the trash.

    Example: `runshelf runs restore 2026-11-20_corn --dry-run`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.plan_restore_run(run_id), dry_run, yes=True)
