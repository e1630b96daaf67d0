"""The command line `runshelf`: each verb is one method of the public door.

Exit codes: 0 done, 1 the work failed, 2 wrong use, 130 stopped by Ctrl+C.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storage.cli_catalog import catalog_app, index_app, metrics_app, show_best, trash_app
from storage.cli_check import check_command
from storage.cli_keep import archive_app, export_app, thin_command
from storage.cli_library import library_app
from storage.cli_migrate import migrate_command
from storage.cli_options import (
    DryRunOption,
    FormatOption,
    WorkspaceOption,
    cancellable,
    open_workspace,
    say_stopping,
    workspace_before_verb,
)
from storage.cli_report import report_app
from storage.cli_runs import runs_app
from storage.cli_trust import trust_app
from storage.errors import BadInput, StorageError, from_os_error
from storage.metrics import MAIN_METRIC
from storage.output import Format, progress, show_error, show_facts, visible
from storage.version import VERSION

if TYPE_CHECKING:
    from storage.requests import RunOutcome, RunPreview

app = typer.Typer(
    name="runshelf",
    help="Find the best result you ever got, see why, and take it with you. "
    "`runshelf [FOLDER]` opens the window on a workspace.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(runs_app, name="runs")
app.add_typer(catalog_app, name="catalog")
app.add_typer(library_app, name="library")
app.add_typer(metrics_app, name="metrics")
app.add_typer(report_app, name="report")
app.add_typer(trash_app, name="trash")
app.add_typer(index_app, name="index")
app.add_typer(trust_app, name="trust")
app.add_typer(archive_app, name="archive")
app.add_typer(export_app, name="export")

_COMPLETING = "_RUNSHELF_COMPLETE"  # by which the shell asks for what may come: then nothing stands in the arguments
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Known errors are sentences, anything else is shown as a bug."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _use_utf8()
    try:
        if _COMPLETING not in os.environ and _wants_window(arguments):
            return _open_window(arguments)
        app(args=_spread_lists(_take_workspace(arguments)), prog_name="runshelf")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except StorageError as error:
        show_error(error)
        return error.exit_code
    except OSError as error:  # such as a name that is too long for any file
        place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else Path()
        told = from_os_error(error, "do that", place)
        show_error(told)
        return told.exit_code
    except Exception:
        traceback.print_exc()
        print("This is a bug in Runshelf; please report it with the lines above.", file=sys.stderr)
        return 1
    return 0


def _use_utf8() -> None:
    """Names and marks are Unicode, also where the console thinks otherwise; where there is none, they go nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  until the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _wants_window(arguments: list[str]) -> bool:
    """`runshelf` and `runshelf FOLDER` open the window; everything else is a verb or an option."""
    verbs = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    verbs |= {group.name for group in app.registered_groups}
    if not arguments:
        return True
    first = arguments[0]
    return len(arguments) == 1 and not first.startswith("-") and first not in verbs and _looks_like_path(first)


def _looks_like_path(text: str) -> bool:
    return os.sep in text or "/" in text or text in (".", "..") or Path(text).exists()


def _take_workspace(arguments: list[str]) -> list[str]:
    """`-w PATH VERB …` names the workspace for whichever verb comes; returns the rest."""
    rest, given = arguments, None
    for option in ("-w", "--workspace"):
        if arguments[:1] == [option] and len(arguments) > 2:
            rest, given = arguments[2:], Path(arguments[1])
        elif len(arguments) > 1 and arguments[0].startswith(f"{option}="):
            rest, given = arguments[1:], Path(arguments[0].partition("=")[2])
    workspace_before_verb.set(given)
    return rest


def _spread_lists(arguments: list[str]) -> list[str]:
    """`run DATA --pipelines a.yaml b.yaml` means `--pipelines a.yaml --pipelines b.yaml`."""
    if arguments[:1] != ["run"] or len(arguments) < 2 or arguments[1].startswith("-"):
        return arguments
    spread = arguments[:2]
    option = ""
    for argument in arguments[2:]:
        if argument.startswith("-"):
            option = argument if argument in ("--pipelines", "--pipeline-names", "--target") else ""
        elif option and spread[-1] != option:
            spread.append(option)
        spread.append(argument)
    return spread


def _open_window(arguments: list[str]) -> int:
    if sys.platform == "linux" and not any(os.environ.get(n) for n in _DISPLAYS):
        raise StorageError(
            "There is no display to open a window on.",
            advice="Work with the verbs (runshelf --help), or set DISPLAY and try again.",
        )
    try:
        from gui.app import run_app
    except ImportError as error:
        raise BadInput(
            f"The window needs Qt, which is not installed ({error}).",
            advice="Install it with: pip install 'runshelf[gui]'.",
        ) from error
    return int(run_app(Path(arguments[0]) if arguments else None))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"runshelf {VERSION}")
        raise typer.Exit


def _install_desktop(wanted: bool) -> None:
    if wanted:
        from storage.desktop import install_desktop

        _list_files("Installed", install_desktop())
        raise typer.Exit


def _uninstall_desktop(wanted: bool) -> None:
    if wanted:
        from storage.desktop import uninstall_desktop

        _list_files("Removed", uninstall_desktop())
        raise typer.Exit


def _list_files(done: str, files: list[Path]) -> None:
    for file in files:
        print(f"{done} {file}")
    if not files:
        print("Runshelf is not on the desktop.")


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    install_desktop: Annotated[
        bool,
        typer.Option(
            "--install-desktop",
            callback=_install_desktop,
            is_eager=True,
            help="Put Runshelf among the programs of a Linux desktop, for this user.",
        ),
    ] = False,
    uninstall_desktop: Annotated[
        bool,
        typer.Option("--uninstall-desktop", callback=_uninstall_desktop, is_eager=True, help="Take it away again."),
    ] = False,
) -> None:
    pass


# ---------------------------------------------------------------- making and running


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Make a workspace.

    Example: `runshelf init my-workspace`
    """
    from storage.workspace import Workspace

    with Workspace.create(folder) as workspace:
        print(f"Made the workspace {workspace.root}.")


@app.command()
def run(
    data: Annotated[Path, typer.Argument(help="CSV, Parquet or NumPy file, one row per sample.")],
    target: Annotated[list[str], typer.Option(help="Column to predict; again for several.")],
    pipelines: Annotated[list[Path], typer.Option(help="Configuration file (JSON or YAML); again for several.")],
    id: Annotated[str | None, typer.Option("--id", help="Column that names the samples.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column that says train or test.")] = None,
    test_size: Annotated[float | None, typer.Option(help="Share of the samples held back for testing.")] = None,
    leave_out_incomplete: Annotated[
        bool, typer.Option("--leave-out-incomplete", help="Leave out samples that lack a value of target or spectrum.")
    ] = False,
    task: Annotated[str | None, typer.Option(help="regression or classification; else told from the target.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of the dataset; else the file's name.")] = None,
    run_name: Annotated[str, typer.Option(help="Name of the run.")] = "",
    pipeline_names: Annotated[list[str] | None, typer.Option(help="A name for each pipeline, in order.")] = None,
    description: Annotated[str, typer.Option(help="What this run is for.")] = "",
    units: Annotated[str, typer.Option(help="Units of the target.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Pipelines at a time.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of folds, splits and models.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Also run what was run before on the same data.")] = False,
    charts: Annotated[bool, typer.Option(help="Draw charts beside each pipeline.")] = True,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Train pipelines on a data file and record every result.

    Example: `runshelf run corn.csv --target protein --test-size 0.25 --pipelines pls.yaml --jobs 2`
    """
    from storage.process import run_in_child
    from storage.requests import RunRequest

    if task not in (None, "regression", "classification"):
        raise BadInput(f"'{task}' is no task.", advice="Use --task regression or --task classification.")
    request = RunRequest(
        data=data,
        target=target,
        id_column=id,
        split_column=split_column,
        test_size=test_size,
        leave_out_incomplete=leave_out_incomplete,
        task=task,  # type: ignore[arg-type]
        dataset_name=dataset,
        pipelines=pipelines,
        run_name=run_name,
        pipeline_names=pipeline_names or [],
        description=description,
        units=units,
        jobs=jobs,
        seed=seed,
        again=again,
        charts=charts,
    )
    with open_workspace(workspace) as opened, cancellable():
        if dry_run:
            _show_preview(opened.preview_run(request), format)
            return
        with progress(f"Training on {dataset or data.stem}") as report:
            outcome = run_in_child(opened.root, request, report, tied=True, on_interrupt=say_stopping)
        _show_outcome(outcome, format)
    if outcome.failed:
        raise typer.Exit(1)


def _show_preview(preview: RunPreview, format: Format) -> None:
    if format is not Format.table:
        facts = {
            **vars(preview),
            "ignored_columns": list(preview.ignored_columns),
            "left_out": list(preview.left_out),
            "unfit": list(preview.unfit),
        }
        if format is Format.json:
            facts |= {"pipelines": list(preview.pipelines), "skipped": [vars(one) for one in preview.skipped]}
        else:
            facts |= {
                name: len(facts[name]) for name in ("pipelines", "skipped", "ignored_columns", "left_out", "unfit")
            }
        show_facts(facts, format)
        return
    n, unfit = len(preview.pipelines), set(preview.unfit)
    print(
        f"Train {n} pipeline{'' if n == 1 else 's'} on {preview.dataset_name}: {preview.n_samples} samples, "
        f"{preview.n_features} features, {preview.task_type}, {preview.n_train} train, {preview.n_test} test"
    )
    for name in preview.pipelines:
        print(f"  {name}" + (f" (not made for {preview.task_type}: it is likely to fail)" if name in unfit else ""))
    for skipped in preview.skipped:
        print(f"  Skip {skipped.name}: done before as {skipped.pipeline_id} in {skipped.run_id}.")
    if preview.ignored_columns:
        print(f"Columns not used: {', '.join(preview.ignored_columns)}.")
    if preview.left_out:
        print(f"Samples left out, as they lack a value: {', '.join(preview.left_out)}.")
    print("Nothing was changed: this was a dry run.")


def _show_outcome(outcome: RunOutcome, format: Format) -> None:
    if format is not Format.table:
        facts = {
            "run_id": outcome.run_id,
            "status": outcome.status,
            "total": outcome.total,
            "completed": outcome.completed,
            "failed": outcome.failed,
            "skipped": [vars(s) for s in outcome.skipped] if format is Format.json else len(outcome.skipped),
            "failures": [vars(f) for f in outcome.failures] if format is Format.json else len(outcome.failures),
        }
        show_facts(facts, format)
        return
    for skipped in outcome.skipped:
        print(f"Skipped {skipped.name}: done before as {skipped.pipeline_id} in {skipped.run_id}.")
    if not outcome.run_id:
        print("Nothing to do: every pipeline was run before on these data. Use --again to run them anew.")
        return
    for failure in outcome.failures:
        told = visible(f"Failed {failure.name}: {failure.message} (see {failure.pipeline_id}/error.log)")
        print(told, file=sys.stderr)
    print(f"{outcome.run_id}: {outcome.completed} completed, {outcome.failed} failed, {len(outcome.skipped)} skipped.")
    best = outcome.summary.best_pipeline if outcome.summary else None
    if best:
        print(f"Best by {best.metric_name}: {best.pipeline_id} with {best.metric_value:.4g}.")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Gets the folders data and workspace.")],
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Pipelines at a time.")] = 2,
) -> None:
    """Make a workspace with two real datasets and train the shipped pipelines on them.

    Example: `runshelf demo demo`
    """
    from storage.demo import demo_workspace, write_demo_data
    from storage.workspace import Workspace

    datasets = write_demo_data(folder / "data")
    with Workspace.open(demo_workspace(folder)) as workspace, cancellable():
        for dataset in datasets:
            with progress(f"Training on {dataset.name}") as report:
                outcome = workspace.run_request(dataset.request(jobs), report)
            done = len(outcome.skipped)
            print(
                f"{dataset.name}: {outcome.completed} pipelines trained"
                + (f", {done} were done before." if done else ".")
            )
            show_best(workspace, f"val_{MAIN_METRIC[dataset.task]}", dataset.name, 5, Format.table)
            print()
        print(f"The workspace is {workspace.root}.")


app.command("check")(check_command)
app.command("thin")(thin_command)
app.command("migrate")(migrate_command)
