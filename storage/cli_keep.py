"""The verbs that keep results and take them away: archive, thin, export."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from storage.cli_options import DryRunOption, FormatOption, WorkspaceOption, YesOption, carry_out, open_workspace
from storage.errors import BadInput
from storage.output import Format, progress, show_rows

archive_app = typer.Typer(help="Copies of results that survive the deletion of their run.", no_args_is_help=True)
export_app = typer.Typer(help="Take pipelines, predictions and reports away as files.", no_args_is_help=True)

ARCHIVE_COLUMNS = ("kind", "name", "dataset_name", "metric_name", "metric_value", "bytes", "created_at", "problem")
ARCHIVE_FACTS = (*ARCHIVE_COLUMNS, "run_id", "pipeline_id", "pipeline_name", "prediction_id", "model_type", "path")
Kind = Literal["filtered", "pipeline", "best_predictions"]
KindArgument = Annotated[Kind, typer.Argument(help="filtered (configuration, metrics), pipeline, or best_predictions.")]
RunOption = Annotated[str, typer.Option(help="The results of this run, as `runs list` names it.")]
PipelineOption = Annotated[str, typer.Option(help="With --run: this pipeline alone.")]
DatasetOption = Annotated[str | None, typer.Option(help="Only results of this dataset.")]
ToOption = Annotated[Path | None, typer.Option("--to", help="A folder; else exports/ of the workspace.")]


# ---------------------------------------------------------------- archives


@archive_app.command("add")
def archive_add(
    kind: KindArgument,
    run: RunOption = "",
    pipeline: PipelineOption = "",
    filter: Annotated[str, typer.Option(help="The results that match, as in `catalog search`.")] = "",
    best: Annotated[str, typer.Option(metavar="METRIC", help="The best of each dataset by this metric.")] = "",
    n: Annotated[int, typer.Option("-n", min=1, help="With --best: how many of each dataset.")] = 1,
    dataset: Annotated[str | None, typer.Option(help="With --best: of this dataset alone.")] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Copy results to catalog/archives; what is archived already, the same, is left.

    Example: `runshelf archive add pipeline --best test_rmse -n 3 --dry-run`
    """
    with open_workspace(workspace) as opened:
        chosen = {"run_id": run, "pipeline_id": pipeline, "filter": filter, "metric": best}
        carry_out(opened.plan_archive(kind, n=n, dataset=dataset, **chosen), dry_run, yes)


@archive_app.command("list")
def archive_list(
    kind: Annotated[Kind | None, typer.Option(help="Only archives of this kind.")] = None,
    run: Annotated[str | None, typer.Option(help="Only archives of this run.")] = None,
    prediction: Annotated[str | None, typer.Option(help="Only archives of this prediction id.")] = None,
    dataset: DatasetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """List archives, newest first.

    Example: `runshelf archive list --dataset corn`
    """
    with open_workspace(workspace) as opened:
        found = opened.archives(prediction, kind=kind, run_id=run, dataset=dataset)
        columns = ARCHIVE_COLUMNS if format is Format.table else ARCHIVE_FACTS
        show_rows([vars(one) for one in found], columns, format, "There are no archives.")


@archive_app.command("delete")
def archive_delete(
    kind: KindArgument,
    name: Annotated[str, typer.Argument(help="As `archive list` names it.")],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Move an archive to the trash.

    Example: `runshelf archive delete pipeline corn_2026-11-20_0001_pls_a1b2c3 --dry-run`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.plan_delete_archive(kind, name), dry_run, yes)


# ---------------------------------------------------------------- thinning


def thin_command(
    keep: Annotated[int | None, typer.Option(min=0, help="How many of each dataset stay whole.")] = None,
    metric: Annotated[str, typer.Option(help="By which they are judged, such as test_rmse.")] = "",
    dataset: DatasetOption = None,
    to_trash: Annotated[bool, typer.Option("--to-trash", help="Keep the rest in the trash, not in archives.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back what thinned pipelines had.")] = False,
    run: Annotated[str, typer.Option(help="With --undo: of this run alone.")] = "",
    pipeline: Annotated[str, typer.Option(help="With --undo and --run: of this pipeline alone.")] = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Keep the metrics of all pipelines, arrays and models of the best; what is starred, tagged or kept stays whole.

    Example: `runshelf thin --keep 5 --metric test_rmse --dry-run`
    """
    if undo == (keep is not None or bool(metric)) or (not undo and (keep is None or not metric)):
        advice = "Say --keep and --metric, or --undo alone."
        raise BadInput("What to thin was not said.", advice=advice)
    if pipeline and not run:
        raise BadInput(f"Of which run {pipeline} is was not said.", advice="Say --run, too.")
    with open_workspace(workspace) as opened:
        if undo:
            plan = opened.plan_unthin(run, pipeline)
        else:
            plan = opened.plan_thin(keep or 0, metric, dataset, archive=not to_trash)
        carry_out(plan, dry_run, yes)


# ---------------------------------------------------------------- exports


@export_app.command("pipeline")
def export_pipeline(
    run: Annotated[str, typer.Argument(help="As `runs list` names it.")],
    pipeline: Annotated[str, typer.Argument(help="As `runs show` names it.")],
    to: ToOption = None,
    name: Annotated[str, typer.Option(help="What the folder begins with; else dataset and date.")] = "",
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a pipeline with all it needs to a new folder.

    Example: `runshelf export pipeline 2026-11-20_corn 0001_pls_a1b2c3 --name "for Ann"`
    """
    with open_workspace(workspace) as opened:
        if dry_run:
            carry_out(opened.plan_export_pipeline(run, pipeline, to, name), dry_run, yes=True)
            return
        with progress(f"Exporting {pipeline}") as report:
            path = opened.export_pipeline(run, pipeline, to, name, report)
        print(path)


@export_app.command("best")
def export_best(
    metric: Annotated[str, typer.Argument(help="A metric column, such as test_rmse.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many of each dataset.")] = 1,
    dataset: DatasetOption = None,
    to: ToOption = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the predictions of the best results of each dataset as CSV files.

    Example: `runshelf export best test_rmse -n 3 --dataset corn`
    """
    with open_workspace(workspace) as opened:
        if dry_run:
            carry_out(opened.plan_export_best_predictions(metric, n, dataset, to), dry_run, yes=True)
            return
        for path in opened.export_best_predictions(metric, n, dataset, to):
            print(path)


@export_app.command("session")
def export_session(
    since: Annotated[datetime | None, typer.Option(help="Local time, such as 2026-11-20T09:00; else today.")] = None,
    run: Annotated[list[str] | None, typer.Option(help="These runs alone; again for several.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write what was done to exports/session_reports, as Markdown and JSON.

    Example: `runshelf export session --since 2026-11-20`
    """
    with open_workspace(workspace) as opened:
        print(opened.export_session_report(since.astimezone() if since else None, run or ()))
