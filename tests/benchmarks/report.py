"""The results as a Markdown table, as JSON, and between the markers of README.md."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Line
from tests.benchmarks.measure import ROOT, spread

MARKS = ("<!-- benchmark: begin -->", "<!-- benchmark: end -->")
PACKAGES = ("pyarrow", "pandas", "polars", "duckdb", "sqlalchemy", "scikit-learn")


@dataclass(frozen=True)
class Group:
    """What one child process found: its lines, and the most memory it had for what is ours, in MiB."""

    name: str
    lines: list[Line]
    memory: float | None


def markdown(groups: Sequence[Group], rows: int) -> str:
    """The caption, the table and the memory of each group."""
    head = "| what | measured | beside it | budget | kept |\n|---|---|---|---|---|\n"
    body = "".join(_row(line) for group in groups for line in group.lines)
    return f"{_caption(rows)}\n{head}{body}\n{_memory(groups)}"


def _row(line: Line) -> str:
    kept = {True: "yes", False: "**no**", None: "–"}[line.kept]
    ours = line.ours if isinstance(line.ours, str) else spread(line.ours, line.unit)
    beside = "<br>".join(_beside(name, values, line) for name, values in line.beside.items()) or "–"
    return f"| {_cell(line.what)} | {_cell(ours)} | {_cell(beside)} | {line.budget} | {kept} |\n"


def _beside(name: str, values: list[float] | str, line: Line) -> str:
    """A baseline, and how many times its median ours is."""
    if isinstance(values, str):
        return f"{name}: {values}"
    base = statistics.median(values)
    ratio = ""
    if isinstance(line.ours, list) and base > 0:
        times = statistics.median(line.ours) / base
        ratio = f", ×{times:.2g}" if times < 10 else f", ×{times:,.0f}"
    return f"{name} {spread(values, line.unit)}{ratio}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _caption(rows: int) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        f"Measured {date.today().isoformat()} on {machine}, catalog of {rows:,} results; median and range of several "
        "calls. × is our median divided by that of the baseline.\n"
    )


def _memory(groups: Sequence[Group]) -> str:
    known = [f"{group.name} {group.memory:,.0f} MB" for group in groups if group.memory is not None]
    return f"Most memory of the process, baselines aside: {', '.join(known)}.\n" if known else ""


def as_json(groups: Sequence[Group], rows: int) -> str:
    """All values of all calls, with what they were measured on."""
    whole: dict[str, Any] = {
        "date": date.today().isoformat(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "rows": rows,
        "groups": [asdict(group) for group in groups],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def into_readme(text: str, readme: Path = ROOT / "README.md") -> None:
    """Put the table between the markers of README.md."""
    pattern = re.compile(re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1]), re.DOTALL)
    block = f"{MARKS[0]}\n{text}{MARKS[1]}"
    readme.write_text(pattern.sub(lambda _: block, readme.read_text("utf-8")), "utf-8")
