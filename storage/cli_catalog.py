"""The verbs that look results up and work on them: catalog, metrics, trash, index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storage.annotations import check_edit
from storage.cli_options import DryRunOption, FormatOption, WorkspaceOption, YesOption, carry_out, open_workspace
from storage.errors import BadInput
from storage.metrics import best_in_words, column_name
from storage.output import Format, progress, show_facts, show_rows
from storage.parameters import PREPROCESSING

if TYPE_CHECKING:
    from storage.catalog import Catalog
    from storage.workspace import Workspace

catalog_app = typer.Typer(help="Find results, tag them, take them away.", no_args_is_help=True)
metrics_app = typer.Typer(help="What is best of each metric.", no_args_is_help=True)
trash_app = typer.Typer(help="What was deleted and can be brought back.", no_args_is_help=True)
index_app = typer.Typer(help="The index that makes lists instant; it can always be made again.", no_args_is_help=True)

BEST_COLUMNS = ("pipeline_name", "model_type", "dataset_name")
SEARCH_COLUMNS = ("run_id", "pipeline_id", "model_type", "dataset_name", "status", "created_at")
TRASH_COLUMNS = ("trash_id", "kind", "title", "rows", "bytes", "deleted_at", "problem")
TRASH_FACTS = (*TRASH_COLUMNS, "origin", "deleted_by")
FilterArgument = Annotated[str, typer.Argument(help="For example: test_rmse < 0.5 and dataset_name = 'corn'")]
OrderOption = Annotated[str, typer.Option(help="Column; -column for descending; best:column for the best first.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000_000, help="At most so many.")]
OffsetOption = Annotated[int, typer.Option(min=0, max=10**15, help="Skip so many first.")]


# ---------------------------------------------------------------- finding


@catalog_app.command("best")
def catalog_best(
    metric: Annotated[str, typer.Argument(help="A metric column, such as test_rmse; none with --each.")] = "",
    dataset: Annotated[str | None, typer.Option(help="Only results of this dataset.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1_000_000, help="How many.")] = 10,
    each: Annotated[bool, typer.Option("--each", help="The best one by every metric there is.")] = False,
    per_dataset: Annotated[bool, typer.Option("--per-dataset", help="With --each: on every dataset.")] = False,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """The best results by a metric, best first; which direction is better is known.

    Example: `runshelf catalog best test_rmse --dataset corn -n 5`
    """
    if each == bool(metric) or (per_dataset and not each):
        raise BadInput("By which metric was not said.", advice="Name a metric, or say --each.")
    with open_workspace(workspace) as opened:
        if not each:
            show_best(opened, metric, dataset, n, format)
            return
        rows = opened.catalog.global_best_rows(per="dataset" if per_dataset or dataset is not None else "all")
        rows = [row for row in rows if dataset is None or row["dataset_name"] in (dataset, None)]
        show_rows(rows, list(rows[0]) if rows else [], format, "There are no results yet.")


def show_best(workspace: Workspace, metric: str, dataset: str | None, n: int, format: Format) -> None:
    """Print the best results by a metric."""
    rows = workspace.catalog.best_rows(metric, dataset, n)
    partners = [f"{p}_{metric.partition('_')[2]}" for p in ("val", "test")]
    known = [column.name for column in workspace.catalog.columns()]
    others = [name for name in partners if name in known and name != metric]
    columns = [*BEST_COLUMNS, metric, *others, "run_id", "pipeline_id"]
    columns = columns if format is Format.table else known
    show_rows(rows, columns, format, f"No result has {metric}" + (f" for {dataset}." if dataset else "."))


@catalog_app.command("search")
def catalog_search(
    filter: FilterArgument = "",
    order_by: OrderOption = "-created_at",
    limit: LimitOption = 50,
    offset: OffsetOption = 0,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """The results that match a filter.

    Example: `runshelf catalog search "PLSRegression.n_components >= 8 and test_r2 > 0.9" --order-by best:test_rmse`
    """
    with open_workspace(workspace) as opened:
        _show_found(opened.catalog, filter, order_by, limit, offset, format)


@catalog_app.command("list")
def catalog_list(
    order_by: OrderOption = "-created_at",
    limit: LimitOption = 50,
    offset: OffsetOption = 0,
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """All results, newest first.

    Example: `runshelf catalog list --limit 20`
    """
    with open_workspace(workspace) as opened:
        _show_found(opened.catalog, "", order_by, limit, offset, format)


def _show_found(catalog: Catalog, filter: str, order_by: str, limit: int, offset: int, format: Format) -> None:
    rows = catalog.rows(catalog.keys(filter, order_by, limit, offset), filter)
    known = [*(column.name for column in catalog.columns()), *catalog.computed(filter)]
    asked = [name for name in known if name in filter or name in order_by]
    edits = [name for name in ("tags", "stars") if any(row[name] for row in rows)]
    columns = list(dict.fromkeys([*SEARCH_COLUMNS, *edits, *asked]))
    show_rows(rows, columns if format is Format.table else known, format, "No result matches.")


@catalog_app.command("columns")
def catalog_columns(workspace: WorkspaceOption = None, format: FormatOption = Format.table) -> None:
    """What filters may speak of: columns, metrics with what is best, pipeline parameters.

    Example: `runshelf catalog columns`
    """
    with open_workspace(workspace) as opened:
        rows: list[dict[str, Any]] = [
            {
                "name": c.name,
                "kind": "metric" if c.metric else c.kind,
                "best": best_in_words(c.metric) if c.metric else "",
            }
            for c in opened.catalog.columns()
        ]
        parameters = [PREPROCESSING, *opened.catalog.parameters()]
        rows += [{"name": name, "kind": "parameter", "best": ""} for name in parameters]
        show_rows(rows, ("name", "kind", "best"), format, "")


@catalog_app.command("summary")
def catalog_summary(
    by: Annotated[list[str] | None, typer.Option(help="One row per value of this column; again for several.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Metric column; again for several.")] = None,
    filter: Annotated[str, typer.Option(help="Only results that match.")] = "",
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """How many results there are, and best, mean and spread of metrics, by any columns.

    Example: `runshelf catalog summary --by model_type --metric val_rmse`
    """
    with open_workspace(workspace) as opened:
        rows = opened.catalog.group(by or ["dataset_name"], metric, filter)
        show_rows(rows, list(rows[0]) if rows else [], format, "There are no results yet.")


@catalog_app.command("compare")
def catalog_compare(
    config_hash: Annotated[str, typer.Argument(help="As `catalog best --format json` shows it.")],
    metric: Annotated[str, typer.Argument(help="A metric column, such as test_rmse.")],
    workspace: WorkspaceOption = None,
    format: FormatOption = Format.table,
) -> None:
    """How one configuration did on each dataset, best first.

    Example: `runshelf catalog compare 3c301edf… test_rmse`
    """
    with open_workspace(workspace) as opened:
        table = opened.catalog.compare_datasets(config_hash, metric)
        whole = table.astype(object).where(table.notna(), None)
        rows = [dict(zip(whole.columns, values, strict=True)) for values in whole.itertuples(index=False, name=None)]
        show_rows(rows, list(whole.columns), format, "No result has that configuration and metric.")


# ---------------------------------------------------------------- working on results


@catalog_app.command("annotate")
def catalog_annotate(
    filter: FilterArgument,
    tag: Annotated[list[str] | None, typer.Option(help="Add this tag; again for several.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take this tag away; again for several.")] = None,
    note: Annotated[str | None, typer.Option(help="The note; an empty one takes it away.")] = None,
    stars: Annotated[int | None, typer.Option(min=0, max=5, help="0 to 5.")] = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tag, note or star all results that match.

    Example: `runshelf catalog annotate "test_r2 > 0.95" --tag final --stars 5`
    """
    if not (tag or untag or note is not None or stars is not None):
        raise BadInput("What to change was not said.", advice="Use --tag, --untag, --note or --stars.")
    with open_workspace(workspace) as opened:
        ids = opened.catalog.ids(filter)
        if dry_run:
            check_edit([*(tag or ()), *(untag or ())], note)
            print(f"{_results(len(ids))} would be changed. Nothing was changed: this was a dry run.")
            return
        changed = opened.catalog.annotate(ids, add_tags=tag or (), remove_tags=untag or (), notes=note, stars=stars)
        print(f"{_results(changed)} changed, of {len(ids)} that match.")


@catalog_app.command("delete")
def catalog_delete(
    filter: FilterArgument,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Delete the rows of all results that match, to the trash. Run folders stay where they are.

    Example: `runshelf catalog delete "status = 'failed'" --dry-run`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.catalog.plan_delete(filter), dry_run, yes)


@catalog_app.command("export")
def catalog_export(
    file: Annotated[Path, typer.Argument(help="A new .csv or .parquet file.")],
    filter: FilterArgument = "",
    order_by: OrderOption = "-created_at",
    column: Annotated[list[str] | None, typer.Option(help="Only this column; again for several.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write all results that match to a file.

    Example: `runshelf catalog export best.csv "test_r2 > 0.9" --order-by best:test_rmse`
    """
    with open_workspace(workspace) as opened:
        with progress(f"Writing {file.name}") as report:
            count = opened.catalog.export(file, filter, order_by, column, report=report)
        print(f"{_results(count)} written to {file}.")


@catalog_app.command("compact")
def catalog_compact(dry_run: DryRunOption = False, workspace: WorkspaceOption = None) -> None:
    """Merge small part files now; it happens by itself, too.

    Example: `runshelf catalog compact --dry-run`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.catalog.plan_compact(), dry_run, yes=True)


# ---------------------------------------------------------------- metrics, trash, index


@metrics_app.command("list")
def metrics_list(workspace: WorkspaceOption = None, format: FormatOption = Format.table) -> None:
    """Every metric that is known, and what is best of it.

    Example: `runshelf metrics list`
    """
    with open_workspace(workspace) as opened:
        own = {metric.name for metric in opened.record.metrics}
        rows = [
            {
                "name": m.name,
                "title": m.title,
                "best": best_in_words(m),
                "of": "this workspace" if m.name in own else "",
            }
            for m in opened.metrics
        ]
        show_rows(rows, ("name", "title", "best", "of"), format, "")


@metrics_app.command("add")
def metrics_add(
    name: Annotated[str, typer.Argument(help="As in its column, without the partition: ser for test_ser.")],
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
    lower: Annotated[bool, typer.Option("--lower-is-better", help="The lowest value is best.")] = False,
    higher: Annotated[bool, typer.Option("--higher-is-better", help="The highest value is best.")] = False,
    target: Annotated[float | None, typer.Option(help="The value nearest to this is best.")] = None,
    digits: Annotated[int, typer.Option(min=0, max=15, help="Significant digits that are shown.")] = 3,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell what is best of a metric of your own, for this workspace.

    Example: `runshelf metrics add ser --title SER --lower-is-better`
    """
    if lower + higher + (target is not None) != 1:
        raise BadInput(
            "What is best was not said, or more than once.",
            advice="Say one of --lower-is-better, --higher-is-better, --target.",
        )
    with open_workspace(workspace) as opened:
        best = None if target is not None else lower
        opened.add_metric(name, title, lower_is_better=best, target=target, digits=digits)
        print(f"{column_name(name)} is known now: {best_in_words(opened.metrics.best(name))} is best.")


@trash_app.command("list")
def trash_list(workspace: WorkspaceOption = None, format: FormatOption = Format.table) -> None:
    """What was deleted and can be brought back, newest first.

    Example: `runshelf trash list`
    """
    with open_workspace(workspace) as opened:
        rows = [vars(entry) for entry in opened.trash.list()]
        show_rows(rows, TRASH_COLUMNS if format is Format.table else TRASH_FACTS, format, "The trash is empty.")


@trash_app.command("restore")
def trash_restore(
    trash_id: Annotated[list[str], typer.Argument(help="As `trash list` names it; several go, too.")],
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Bring back what was deleted: results, a run, a pipeline, an item of the library.

    Example: `runshelf trash restore 2026-11-21_run_1a2b3c4d`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.trash.plan_restore(trash_id), dry_run, yes=True)


@trash_app.command("empty")
def trash_empty(
    older_than: Annotated[
        int | None, typer.Option(min=0, help="Only what was deleted so many days ago or earlier.")
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Remove what is in the trash for good.

    Example: `runshelf trash empty --older-than 30 --yes`
    """
    with open_workspace(workspace) as opened:
        carry_out(opened.trash.plan_empty(older_than), dry_run, yes)


@index_app.command("status")
def index_status(workspace: WorkspaceOption = None, format: FormatOption = Format.table) -> None:
    """Where the index lies, what it holds, and whether it is current.

    Example: `runshelf index status --format json`
    """
    with open_workspace(workspace) as opened:
        show_facts(opened.index_status(), format)


@index_app.command("sync")
def index_sync(workspace: WorkspaceOption = None) -> None:
    """Look at every document again and bring the index up to it; opening does this for what seems changed.

    Example: `runshelf index sync`
    """
    with open_workspace(workspace) as opened:
        print("The index was brought up to date." if opened.sync(full=True) else "The index was current.")


@index_app.command("rebuild")
def index_rebuild(workspace: WorkspaceOption = None) -> None:
    """Make the index anew from the files.

    Example: `runshelf index rebuild`
    """
    with open_workspace(workspace) as opened:
        with progress("Rebuilding") as report:
            opened.rebuild_index(report)
        rows = opened.index_status()["predictions"]
        print(f"The index is made anew: {rows} results.")


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count:,} results"
