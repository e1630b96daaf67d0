"""What the command line prints: tables for people, JSON and CSV for programs; errors and progress go to stderr."""

from __future__ import annotations

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

from storage.errors import QueryError, StorageError
from storage.exports import csv_line
from storage.markdown import one_line
from storage.metrics import metric_for
from storage.records import plain


class Format(StrEnum):
    """How a listing is printed."""

    table = "table"
    json = "json"
    csv = "csv"


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format: Format, empty: str) -> None:
    """Print rows. JSON and CSV have full precision and every row; `empty` is said where a table has none."""
    if format is Format.json:
        print(json.dumps([{c: plain(row.get(c)) for c in columns} for row in rows], indent=2, ensure_ascii=False))
    elif format is Format.csv:
        print(_csv(rows, columns), end="")
    elif not rows:
        print(empty)
    else:
        _print_table(rows, columns)


def show_facts(facts: Mapping[str, Any], format: Format) -> None:
    """Print one thing as a list of names and values."""
    if format is Format.json:
        print(json.dumps(plain(dict(facts)), indent=2, ensure_ascii=False))
    elif format is Format.csv:
        print(_csv([facts], list(facts)), end="")
    else:
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            print(f"{name:<{width}}  {_shown(value, name)}")


def show_error(error: StorageError) -> None:
    """Print an error as a sentence and an advice; under a wrong query a mark shows the place."""
    print(f"Error: {visible(error.what)}", file=sys.stderr)
    if isinstance(error, QueryError) and error.text:
        print(f"  {visible(error.text)}\n  {' ' * error.position}{'^' * max(1, error.length)}", file=sys.stderr)
    if error.advice:
        print(visible(error.advice), file=sys.stderr)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on stderr, with time left, that vanishes at the end; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, text="")

        def report(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total or None, text=text)

        yield report


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(csv_line([row.get(c) for c in columns]))
    return buffer.getvalue()


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        number = any(isinstance(row.get(column), (int, float)) for row in rows)
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*(Text(_shown(row.get(column), column)) for column in columns))
    # Output that goes to a file or another program is not broken at some terminal's width.
    Console(width=None if sys.stdout.isatty() else 400, highlight=False).print(table)


def _shown(value: Any, column: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        metric = metric_for(column)
        return f"{value:.{metric.digits + 1 if metric else 4}g}"
    return visible(str(value))


def visible(text: str) -> str:
    """Text from elsewhere as a terminal shows it: control characters, which would steer it, are named."""
    return "\n".join(one_line(line) if _steers(line) else line for line in text.split("\n"))


def _steers(line: str) -> bool:
    return any(unicodedata.category(one) in ("Cc", "Cf", "Cs") and one != "\t" for one in line)
