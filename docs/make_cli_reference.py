"""Writes docs/cli.md from the commands themselves: verbs, arguments, options, examples, and the shape of the output.

    python docs/make_cli_reference.py

A test fails where the page is not what this writes, and where a listing prints other columns than the page says.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any

import typer

from storage import cli_catalog, cli_check, cli_keep, cli_library, cli_migrate, cli_runs, cli_trust
from storage.archives import Archive
from storage.cli import app
from storage.findings import Finding
from storage.library_items import LibraryItem
from storage.listing import PipelineRow, RunRow
from storage.schema import FIXED_COLUMNS
from storage.trash import TrashEntry
from storage.trust import TrustedDigest

PAGE = Path(__file__).with_name("cli.md")
_WORDS = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    Path: "text",
    NoneType: "null",
}
_RESULT = {name: kind if name == "prediction_id" else f"{kind} or null" for name, kind in FIXED_COLUMNS.items()}
_RESULT |= {"<metric>": "number or null"}
_OWN = {  # what is no field of a dataclass
    "tags": "text, with commas",
    "best_<metric>": "number or null",
    "mean_<metric>": "number or null",
    "std_<metric>": "number or null",
}
_GROUP = {"<by>": "text, number or null", "results": "integer", "completed": "integer", "failed": "integer"}
_SPREAD = {name: _OWN[name] for name in ("best_<metric>", "mean_<metric>", "std_<metric>")}
_EACH = {
    "metric": "text", "best": "text", "dataset_name": "text or null", "value": "number or null",
    "pipeline_name": "text or null", "model_type": "text or null", "run_id": "text or null",
    "pipeline_id": "text or null", "prediction_id": "text or null",
}  # fmt: skip

HEAD = """# The command line

<!-- made by docs/make_cli_reference.py; a test compares -->

`runshelf` without a verb, or with a folder alone, opens the window. The workspace of a verb is that of `-w PATH`
(before the verb or after it), else `$RUNSHELF_WORKSPACE`, else the folder one stands in or one above it.
`python -m storage` is the same command. On a Linux desktop `runshelf --install-desktop` puts it among the user's
programs, where `runshelf.json` then opens its workspace; `--uninstall-desktop` takes that away. How filters are written
is told in [query-language.md](query-language.md), what to do with the verbs in [guide.md](guide.md).

What a verb has to say goes to stdout; errors, notices and progress go to stderr. Progress is a bar that vanishes at the
end; where stderr is no terminal there is none. `--dry-run` tells what would be done and changes nothing. What deletes
asks first; where nobody can answer it is refused, unless `--yes` is said. `runshelf --install-completion` sets up the
completion of verbs and options in the shell (tried in bash); `--show-completion` prints the script for it alone.

| exit code | |
|---|---|
| 0 | done |
| 1 | the work failed; a pipeline failed; `check` found damage or a warning; what was loaded predicts something else |
| 2 | wrong use: an option, a filter, a name; `check`: it could not be checked |
| 130 | stopped by Ctrl+C |
"""
JSON_HEAD = """## Output for programs

Every listing prints as `--format json`, `csv` or `table`. JSON is a list of objects; an empty list where there is
nothing. Columns are the same in JSON and CSV, always all of them and in this order; the table shows some. Between
versions columns are added, not renamed, and their types stay. Numbers have full precision; what is not a number (NaN,
infinite) is null. A `time` is text such as `2026-11-20T14:03:00.123Z`, a `date` such as `2026-11-20`. In CSV null is
empty, and text that a spreadsheet would take for a formula gets a `'` before it.
"""


def _type(hint: Any) -> str:
    """The JSON type of an annotation, in words."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin is typing.Literal:
        return "text"
    if inner and origin not in (list, tuple, dict, Mapping):
        return " or ".join(_type(one) for one in inner)
    return _WORDS.get(hint, "text")


def _fields(columns: Sequence[str], made_of: type) -> dict[str, str]:
    hints = typing.get_type_hints(made_of, include_extras=True)
    return {name: _OWN.get(name) or _type(hints[name]) for name in columns}


def _texts(columns: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(columns, "text")


# What each listing prints for programs: column → type. <metric> stands for every metric column, <by> for those asked.
LISTINGS: dict[str, dict[str, str]] = {
    "runs list": _fields(cli_runs.RUN_FACTS, RunRow),
    "runs show": _fields(cli_runs.PIPELINE_FACTS, PipelineRow),
    "runs verify": {
        **dict.fromkeys(cli_runs.VERIFIED_COLUMNS, "text or null"),
        "pipeline_id": "text",
        "loaded": "boolean",
        "outcome": "text",
        "verdict": "text",
    },
    "catalog best": _RESULT,
    "catalog search": {**_RESULT, "<computed>": "text, number or null"},
    "catalog list": _RESULT,
    "catalog columns": _texts(("name", "kind", "best")),
    "catalog summary": {**_GROUP, **_SPREAD},
    "catalog compare": {
        "dataset_name": "text or null",
        "results": "integer",
        "best_<metric>": "number",
        "prediction_id": "text",
        "mean_<metric>": "number",
    },
    "library list": _fields(cli_library.FACTS, LibraryItem),
    "metrics list": _texts(("name", "title", "best", "of")),
    "trash list": _fields(cli_catalog.TRASH_FACTS, TrashEntry),
    "trust list": _fields(cli_trust.COLUMNS, TrustedDigest),
    "archive list": _fields(cli_keep.ARCHIVE_FACTS, Archive),
    "check": _fields(cli_check.EVERYTHING, Finding),
}
EACH = _EACH
# One object, not a list of them.
FACTS: dict[str, dict[str, str]] = {
    "run": {
        "run_id": "text or null", "status": "text", "total": "integer", "completed": "integer", "failed": "integer",
        "skipped": "list of `name`, `run_id`, `pipeline_id`", "failures": "list of `pipeline_id`, `name`, `message`",
    },
    "migrate": {
        "source": "text", "forms": "text", "there_before": "integer",
        **{f"found_{name}": "integer" for name in cli_migrate.FOUND},
        **{f"carried_{name}": "integer" for name in cli_migrate.CARRIED},
        "left_out": "list of texts", "failed": "list of texts", "differences": "list of texts", "report": "text",
    },
    "library show": {**_fields(cli_library.FACTS, LibraryItem), "<metric>": "number or null"},
    "index status": {
        "path": "text", "current": "boolean", "generation": "integer", "parts": "integer", "predictions": "integer",
        "runs": "integer", "pipelines": "integer", "bytes": "integer",
    },
}  # fmt: skip
_REMARKS = {
    "runs verify": "`outlook` and `foreseen` are null of what can't be loaded; `outcome` is reproduces, differs, not "
    "compared or not loaded.",
    "catalog best": "`<metric>` stands for every metric column of the workspace. With `--each` the columns are "
    + ", ".join(f"`{name}` ({kind})" for name, kind in EACH.items())
    + ".",
    "catalog search": "`<computed>` stands for the columns that the filter makes with `as`.",
    "catalog summary": "`<by>` are the columns that were asked for, `<metric>` the metrics; `best_<metric>` is left "
    "out where nobody knows what is best.",
    "run": "In CSV `skipped` and `failures` are counts. With `--dry-run` the object has `dataset_name` and `task_type` "
    "(text), `n_samples`, `n_features`, `n_train` and `n_test` (integers), `pipelines` (a list of names), `skipped` as "
    "here, `ignored_columns`, `left_out` and `unfit` (lists of names); in CSV these lists are counts.",
    "migrate": "In CSV `left_out`, `failed` and `differences` are counts.",
    "check": "`severity` is damage, warning or note. An empty list is a workspace in which nothing was found.",
}


def verbs() -> Iterator[tuple[str, Any]]:
    """Every verb with its command, in the order of the application: `("runs list", …)`."""
    yield from _walk(typer.main.get_command(app), ())


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _walk(inner, (*path, name))
    else:
        yield " ".join(path), command


def example(command: Any) -> str:
    """The example in the help of a verb, empty where there is none."""
    found = re.search(r"Example: `(runshelf [^`]+)`", command.help or "")
    return found[1] if found else ""


def reference() -> str:
    """The whole page."""
    text = [HEAD]
    group = ""
    for name, command in sorted(verbs(), key=lambda one: " " in one[0]):
        if " " in name and name.partition(" ")[0] != group:
            group = name.partition(" ")[0]
            text.append(f"## {group}\n\n{_group_help(group)}\n")
        elif not group and len(text) == 1:
            text.append("## Verbs of their own\n")
        text.append(_verb(name, command))
    text.append(JSON_HEAD)
    text += [_shape(name, columns) for name, columns in LISTINGS.items()]
    text.append("Four verbs print one object:\n")
    text += [_shape(name, columns) for name, columns in FACTS.items()]
    return "\n".join(text).rstrip() + "\n"


def _group_help(name: str) -> str:
    return str(typer.main.get_command(app).commands[name].help)  # type: ignore[attr-defined]


def _verb(name: str, command: Any) -> str:
    said = (command.help or "").partition("Example:")[0].strip()
    own = [one for one in command.params if one.name not in ("workspace", "help")]
    usage = " ".join(_usage(one) for one in own if one.param_type_name == "argument" or one.required)
    text = [f"### runshelf {name}\n", f"{said}\n", f"```text\nrunshelf {name} {usage}".rstrip() + "\n```\n"]
    if own:
        text += ["| | default | |", "|---|---|---|", *(_row(one) for one in own), ""]
    if any(one.name == "workspace" for one in command.params):
        text.append("And `--workspace`, `-w`.\n")
    text.append(f"Example: `{example(command)}`\n")
    return "\n".join(text)


def _usage(parameter: Any) -> str:
    if parameter.param_type_name != "argument":
        return f"{parameter.opts[0]} {parameter.name.upper()}"
    several = parameter.nargs == -1
    text = parameter.name.upper() + ("…" if several else "")
    return text if parameter.required else f"[{text}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        called = f"`{parameter.name.upper()}`"
    else:
        called = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
    words = (parameter.help or "").replace("|", "\\|")
    return f"| {called} | {_default(parameter)} | {words} |"


def _default(parameter: Any) -> str:
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    if parameter.required:
        return "required"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if value not in (None, "", (), []) else ""


def _shape(name: str, columns: Mapping[str, str]) -> str:
    rows = [f"| `{column}` | {kind} |" for column, kind in columns.items()]
    remark = [_REMARKS[name], ""] if name in _REMARKS else []
    return "\n".join([f"### JSON of {name}\n", *remark, "| column | type |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"Wrote {PAGE}.")
