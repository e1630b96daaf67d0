"""Measure Runshelf against its budgets, each line beside a baseline taken in the same run.

    python3 start.py bench [--rows N] [--only NAME …] [--json FILE] [--readme] [--mlflow-python PATH]

Prints a table; `--readme` also puts it into README.md, with the date and the machine. Each group of lines runs in a
process of its own. MLflow is measured where an interpreter has it: this one, or that of `--mlflow-python`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.cases import Line
from tests.benchmarks.group import GROUPS
from tests.benchmarks.measure import ROOT
from tests.benchmarks.place import Place
from tests.benchmarks.report import Group, as_json, into_readme, markdown

MLFLOW_PYTHON = "RUNSHELF_MLFLOW_PYTHON"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the workspaces, measure the groups one after the other, tell."""
    options = _options(arguments)
    names = [name for name in GROUPS if not options.only or name in options.only]
    with tempfile.TemporaryDirectory(prefix="runshelf-bench-") as folder:
        place = Place(folder, options.rows, options.runs, options.mlflow_python)
        _prepare(place, {GROUPS[name] for name in names})
        groups = [_measured(name, place) for name in names]
    text = markdown(groups, options.rows)
    print(text)
    if options.json:
        options.json.write_text(as_json(groups, options.rows), "utf-8")
    if options.readme:
        into_readme(text)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="results of the large catalog")
    parser.add_argument("--runs", type=int, default=10_000, help="runs of the workspace that is synced")
    parser.add_argument("--only", nargs="+", choices=tuple(GROUPS), metavar="NAME", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, help="also write all values here")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--mlflow-python", default=os.environ.get(MLFLOW_PYTHON, ""), help="a Python that has MLflow")
    return parser.parse_args(arguments)


def _prepare(place: Place, wanted: set[str]) -> None:
    """Make the workspaces that are wanted, in processes of their own."""
    for name, folder, number in (("catalog", place.catalog, place.rows), ("runs", place.many_runs, place.runs)):
        if name in wanted:
            began = time.monotonic()
            flags = ["--runs"] if name == "runs" else []
            _child("workspaces", str(folder), str(number), *flags)
            _say(f"made a workspace of {number:,} {'runs' if flags else 'results'}, with its index", began)


def _measured(name: str, place: Place) -> Group:
    """What one group found. A group that breaks is one line that says so."""
    began = time.monotonic()
    result = Path(place.folder) / f"{name}.json"
    try:
        _child("group", name, json.dumps(asdict(place)), str(result))
        found = json.loads(result.read_text("utf-8"))
        group = Group(name, [Line(**line) for line in found["lines"]], found["memory"])
    except subprocess.CalledProcessError as error:
        words = (error.stderr or "").strip().splitlines()
        line = Line(name, "ms", "–", f"error: {words[-1] if words else error}", kept=False)
        group = Group(name, [line], None)
    _say(f"measured {name}", began)
    return group


def _child(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _say(text: str, began: float) -> None:
    print(f"{text} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
