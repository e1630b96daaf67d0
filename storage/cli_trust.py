"""The verbs about trust: whose artifacts may be loaded."""

from __future__ import annotations

from typing import Annotated

import typer

from storage.cli_options import DryRunOption, FormatOption
from storage.output import Format, show_rows

trust_app = typer.Typer(help="Whose fitted models may be loaded: list, add and remove digests.", no_args_is_help=True)
COLUMNS = ("sha256", "at", "by", "why")


@trust_app.command("list")
def trust_list(format: FormatOption = Format.table) -> None:
    """List the artifacts of others that you trust.

    Example: `runshelf trust list`
    """
    from storage.trust import Keyring

    rows = [dict(one) for one in Keyring().trusted()]
    show_rows(rows, COLUMNS, format, "You trust no artifacts but your own and those of known-safe types.")


@trust_app.command("add")
def trust_add(
    digests: Annotated[list[str], typer.Argument(help="sha256 of artifacts, as pipeline.json and refusals name them.")],
    why: Annotated[str, typer.Option(help="Who made them, and how you know.")] = "",
) -> None:
    """Trust artifacts from now on: they may run any program when they are loaded.

    Example: `runshelf trust add 3f0a… --why "from Ann, by phone"`
    """
    from storage.trust import Keyring

    new = Keyring().trust(digests, why)
    print(f"{len(new)} artifacts are trusted now." if new else "They were trusted before.")


@trust_app.command("remove")
def trust_remove(
    digests: Annotated[list[str], typer.Argument(help="The first digits of their sha256 will do.")],
    dry_run: DryRunOption = False,
) -> None:
    """Trust artifacts no longer.

    Example: `runshelf trust remove 3f0a`
    """
    from storage.trust import Keyring

    if dry_run:
        for one in Keyring().named(digests):
            print(f"{one.sha256} would be trusted no longer.")
        print("Nothing was changed: this was a dry run.")
        return
    gone = Keyring().untrust(digests)
    print(f"{len(gone)} artifacts are trusted no longer.")
