"""What a program or a person waits for before anything is asked: importing the package, one whole command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.cases import Case, at_most
from tests.benchmarks.measure import process
from tests.benchmarks.place import Place


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """Whole processes, beside Python doing nothing."""
    bare = process("-c", "pass")
    best = process("-m", "storage", "catalog", "best", "test_rmse", "-w", str(place.catalog))
    yield [
        Case("`import storage`, whole process", process("-c", "import storage"), {"bare Python": bare}, at_most(300)),
        Case(
            f"`runshelf catalog best`, whole process, {place.rows:,} rows",
            best,
            {"bare Python": bare, "importing pandas": process("-c", "import pandas")},
            at_most(600),
        ),
    ]
