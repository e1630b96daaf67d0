"""The verbs of the library: keep, look, load, describe, rename, take away as a zip file, bring in, delete."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from storage.cli_options import DryRunOption, FormatOption, WorkspaceOption, YesOption, carry_out, open_workspace
from storage.errors import BadInput
from storage.output import Format, progress, show_facts, show_rows
from storage.records import to_json

if TYPE_CHECKING:
    from storage.library_items import LibraryItem
    from storage.loading import LoadedPipeline

library_app = typer.Typer(help="What you chose to keep, always as a copy.", no_args_is_help=True)
COLUMNS = ("kind", "name", "dataset_name", "model_type", "metric_name", "metric_value", "tags", "bytes", "problem")
FACTS = (
    "kind", "name", "description", "tags", "created_at", "created_by", "run_id", "pipeline_id", "prediction_id",
    "dataset_name", "pipeline_name", "config_hash", "model_type", "metric_name", "metric_value", "bytes", "digest",
    "problem", "path",
)  # fmt: skip


class Kind(StrEnum):
    """What a library item is."""

    template = "template"
    filtered = "filtered"
    pipeline = "pipeline"
    fullrun = "fullrun"


KindArgument = Annotated[Kind, typer.Argument(help="template, filtered, pipeline or fullrun.")]
NameArgument = Annotated[str, typer.Argument(help="As `library list` names it.")]
DescriptionOption = Annotated[str | None, typer.Option(help="What it is, for whoever finds it.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="A word to find it by; again for several.")]


@library_app.command("list")
def library_list(
    text: Annotated[str, typer.Argument(help="Words that must all be in name, description, tags or model.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="Only items of this kind.")] = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """What is in the library.

    Example: `runshelf library list --kind template`
    """
    with open_workspace(workspace) as opened:
        rows = [_row(item) for item in opened.library.list(kind.value if kind else None, text)]
        nothing = "Nothing in the library matches." if text or kind else "The library is empty. Keep something with:"
        columns = COLUMNS if format is Format.table else FACTS
        show_rows(rows, columns, format, nothing if text or kind else f"{nothing} runshelf library save.")


@library_app.command("show")
def library_show(
    kind: KindArgument, name: NameArgument, workspace: WorkspaceOption = None, format: FormatOption = Format.table
) -> None:
    """Everything that is known of an item.

    Example: `runshelf library show pipeline corn-best --format json`
    """
    with open_workspace(workspace) as opened:
        item = opened.library.get(kind.value, name)
        row = _row(item)
        show_facts({**{name: row[name] for name in FACTS}, **item.metrics}, format)


@library_app.command("save")
def library_save(
    kind: KindArgument,
    name: Annotated[str, typer.Argument(help="A name of its own in the library.")],
    run_id: Annotated[str, typer.Option("--run", help="The run, as `runs list` names it.")] = "",
    pipeline_id: Annotated[str, typer.Option("--pipeline", help="The pipeline, as `runs show` names it.")] = "",
    config: Annotated[Path | None, typer.Option(help="Of a template: a configuration file (JSON or YAML).")] = None,
    description: DescriptionOption = None,
    tag: TagOption = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Keep a copy of a configuration, of a result, of a pipeline with its files, or of a whole run.

    Example: `runshelf library save pipeline corn-best --run 2026-11-20_corn --pipeline 0003_pls_a1b2c3`
    """
    if config is not None and (kind is not Kind.template or run_id or pipeline_id):
        raise BadInput("A configuration file can be kept as a template only.", advice="Say template, without --run.")
    if config is None and (not run_id or (not pipeline_id and kind is not Kind.fullrun)):
        raise BadInput("It was not said what to keep.", advice="Say --run and --pipeline, or for a template --config.")
    told = (description or "", tag or [])
    with open_workspace(workspace) as opened:
        library = opened.library
        if dry_run:
            source = _only_config(config) if config is not None else (run_id, pipeline_id)
            carry_out(library.plan_save(kind.value, name, source, *told), dry_run, yes=True)
            return
        if config is not None:
            item = library.save_template(_only_config(config), name, *told)
        else:
            with progress("Copying") as report:
                item = library.save(kind.value, name, run_id, pipeline_id, *told, report)
        print(f"Kept as {kind} '{item.name}', {item.bytes:,} bytes.")


@library_app.command("describe")
def library_describe(
    kind: KindArgument,
    name: NameArgument,
    description: DescriptionOption = None,
    tag: TagOption = None,
    rename: Annotated[str, typer.Option(help="Another name.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Change description, tags or name of an item; what is not said stays.

    Example: `runshelf library describe pipeline corn-best --description "For the plant" --tag checked`
    """
    if description is None and tag is None and not rename:
        raise BadInput("It was not said what to change.", advice="Say --description, --tag or --rename.")
    with open_workspace(workspace) as opened:
        if description is not None or tag is not None:
            opened.library.describe(kind.value, name, description, tag)
        item = opened.library.rename(kind.value, name, rename) if rename else opened.library.get(kind.value, name)
        print(f"Changed {kind} '{item.name}'.")


@library_app.command("load")
def library_load(
    kind: KindArgument,
    name: NameArgument,
    pipeline_id: Annotated[str, typer.Option("--pipeline", help="Of a full run: which pipeline of it.")] = "",
    to: Annotated[
        Path | None, typer.Option("--to", help="Of a configuration: a new JSON file; else it is shown.")
    ] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load it this once, whoever made it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Load a fitted pipeline and say whether it predicts as before; of a template or result write its configuration.

    Ends with 1 when the pipeline can't be loaded or predicts something else.

    Example: `runshelf library load template corn-pls --to corn-pls.json`
    """
    fitted = kind in (Kind.pipeline, Kind.fullrun)
    if to is not None and fitted:
        raise BadInput(f"A {kind} is loaded, not written.", advice="Take it away with: runshelf library export.")
    if pipeline_id and kind is not Kind.fullrun:
        raise BadInput(f"A {kind} is one pipeline.", advice="Leave out --pipeline.")
    with open_workspace(workspace) as opened:
        if fitted:
            loaded = cast("LoadedPipeline", opened.library.load(kind.value, name, pipeline_id or None, trust=trust))
            print(f"{loaded.foreseen}\n{loaded.verdict}")
            if loaded.verdict.outcome == "differs":
                raise typer.Exit(1)
            return
        if to is None:
            print(to_json(opened.library.config(kind.value, name)).decode(), end="")
            return
        written = opened.library.export_config(kind.value, name, to)
        print(f"Wrote {to}, {written:,} bytes.")


@library_app.command("delete")
def library_delete(
    kind: KindArgument,
    name: NameArgument,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Move an item to the trash. `trash restore` brings it back.

    Example: `runshelf library delete template corn-pls --yes`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.library.plan_delete(kind.value, name), dry_run, yes)


@library_app.command("export")
def library_export(
    kind: KindArgument,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="The zip file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Pack an item into a zip file that can be imported elsewhere.

    Example: `runshelf library export pipeline corn-best corn-best.zip`
    """
    with open_workspace(workspace) as opened, progress("Packing") as report:
        path = opened.library.export_zip(kind.value, name, file, report, overwrite)
    print(f"Wrote {path}, {path.stat().st_size:,} bytes.")


@library_app.command("import")
def library_import(
    file: Annotated[Path, typer.Argument(help="A zip file that `library export` wrote.")],
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take a zip file into the library. It is checked whole before anything is written, and nothing in it is run.

    Example: `runshelf library import corn-best.zip`
    """
    with open_workspace(workspace) as opened:
        if dry_run:
            carry_out(opened.library.plan_import(file), dry_run, yes=True)
            return
        with progress("Importing") as report:
            item = opened.library.import_zip(file, report)
    print(f"Imported as {item.kind} '{item.name}', {item.bytes:,} bytes.")


def _only_config(path: Path) -> dict[str, Any]:
    """The one configuration of a file, its grid not expanded. Raises BadInput, NotFound."""
    from storage.configs import read_configs

    found = read_configs(path)
    if len(found) != 1:
        raise BadInput(f"{path.name} has {len(found)} configurations.", path, "Keep each from a file of its own.")
    return found[0]


def _row(item: LibraryItem) -> dict[str, Any]:
    return {**vars(item), "tags": ", ".join(item.tags), "path": str(item.path)}
