"""Cases: what is measured, what it is measured beside, and which budget it must keep.

All that is ours in a group is measured first, then the memory is noted, then come the baselines: what DuckDB or
pandas need is not counted as ours. One case that fails is told in its line and the others go on.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.measure import Sampler, peak_memory

Medians = Mapping[str, float]


@dataclass(frozen=True)
class Budget:
    """What was promised: in words, and as a test of our median and those of the baselines."""

    text: str = "–"
    keeps: Callable[[float, Medians], bool] | None = None

    def __and__(self, other: Budget) -> Budget:
        """Both budgets at once."""
        mine, theirs = self.keeps, other.keeps
        assert mine is not None and theirs is not None
        return Budget(f"{self.text}, {other.text}", lambda ours, beside: mine(ours, beside) and theirs(ours, beside))


def at_most(limit: float, unit: str = "ms") -> Budget:
    """No more than `limit`."""
    return Budget(f"≤ {limit:g} {unit}", lambda ours, beside: ours <= limit)


def at_least(limit: float, unit: str) -> Budget:
    """No less than `limit`."""
    return Budget(f"≥ {limit:g} {unit}", lambda ours, beside: ours >= limit)


def within(times: float, baseline: str) -> Budget:
    """No more than so many times the baseline of that name."""
    return Budget(f"≤ {times:g}× {baseline}", lambda ours, beside: ours <= times * beside[baseline])


@dataclass(frozen=True)
class Case:
    """One line of the table. `same` tells whether ours and the baselines give the same answer, where they can."""

    what: str
    ours: Sampler
    beside: Mapping[str, Sampler] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    unit: str = "ms"
    same: Callable[[], bool] | None = None


@dataclass
class Line:
    """One case as measured: values of each call, or the error in their place."""

    what: str
    unit: str
    budget: str
    ours: list[float] | str
    beside: dict[str, list[float] | str] = field(default_factory=dict)
    kept: bool | None = None  # None: there is no budget, or it can't be told


class NotInstalled(Exception):
    """A baseline needs a program that is not here: no error, but nothing to compare with."""


def measure(cases: Sequence[Case]) -> tuple[list[Line], float | None]:
    """Measure all cases; returns their lines and the most memory ours had, in MiB."""
    lines = [Line(case.what, case.unit, case.budget.text, _values(case.ours)) for case in cases]
    memory = peak_memory()
    for case, line in zip(cases, lines, strict=True):
        line.beside = {name: _values(sampler) for name, sampler in case.beside.items()}
        answered = not any(isinstance(values, str) for values in (line.ours, *line.beside.values()))
        if answered and case.same is not None:
            wrong = _differs(case.same)
            line.ours = wrong or line.ours
        line.kept = _kept(case.budget, line)
    return lines, memory


def _values(sampler: Sampler) -> list[float] | str:
    try:
        return [round(value, 5) for value in sampler()]
    except NotInstalled:
        return "not installed"
    except Exception as error:  # a line that can't be measured says so, and the others go on
        return _told(error)


def _told(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return f"error: {words[0] if words else type(error).__name__}"


def _differs(same: Callable[[], bool]) -> str:
    """What is wrong with the answers; empty where they agree."""
    try:
        return "" if same() else "error: the answers differ"
    except Exception as error:  # see _values
        return _told(error)


def _kept(budget: Budget, line: Line) -> bool | None:
    if budget.keeps is None:
        return None
    if isinstance(line.ours, str):
        return False
    medians = dict(_medians(line.beside))
    try:
        return budget.keeps(statistics.median(line.ours), medians)
    except KeyError:  # the baseline it is held against could not be measured
        return None


def _medians(beside: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, values in beside.items():
        if isinstance(values, list):
            yield name, statistics.median(values)
