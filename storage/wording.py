"""How reports say numbers, times, sizes, and what is best of a metric; the same on every machine and in every language.

The window says the same in the language of its user.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from storage.metrics import Metric, Metrics

MISSING = "–"
PARTITION_WORDS = {"val": "validation", "test": "test", "train": "training"}  # those first that results are judged by
_ROUNDING = 1e-12  # what is left of a zero after floating-point sums


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits; "–" where there is none."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) < _ROUNDING:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, digits - 1 - magnitude)}f}" if -4 <= magnitude < 7 else f"{value:.{digits - 1}e}"


def with_spread(value: float | None, spread: float | None, digits: int = 3) -> str:
    """`1.10 ± 0.21`, the value alone where no spread is known."""
    told = number(value, digits)
    return told if spread is None or math.isnan(spread) or told == MISSING else f"{told} ± {number(spread, 2)}"


def counted(n: int, one: str, many: str = "") -> str:
    """`1 result`, `2,000 results`."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def duration(seconds: float | None) -> str:
    """A duration with the two units that matter."""
    if seconds is None or math.isnan(seconds):
        return MISSING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{number(seconds, 2)} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def size(count: int) -> str:
    """A number of bytes with the unit that suits it."""
    told, unit = in_unit(count)
    return f"{number(told)} {unit}" if unit else f"{count:,} bytes"


def in_unit(count: int) -> tuple[float, str]:
    """A number of bytes in the unit that suits it, and that unit; none for a few bytes."""
    told, unit = float(count), ""
    for larger in ("kB", "MB", "GB", "TB"):
        if told < 1000:
            break
        told, unit = told / 1000, larger
    return told, unit


def moment(when: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return MISSING if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def direction(metric: Metric | None) -> str:
    """What is best of a metric, in words."""
    if metric is not None and metric.target is not None:
        return f"nearest to {metric.target:g} is best"
    lower = None if metric is None else metric.lower_is_better
    return {True: "lower is better", False: "higher is better", None: ""}[lower]


def by_relevance(names: Iterable[str], main: str, metrics: Metrics) -> list[str]:
    """Names of metrics: the main one, then as the registry has them, then by name those it doesn't know."""
    order = {metric.name: place for place, metric in enumerate(metrics)}

    def place(name: str) -> tuple[bool, int, str]:
        metric = metrics.find(name)
        return name != main, order.get(metric.name, len(order)) if metric else len(order), name

    return sorted(set(names), key=place)


def first_line(text: str) -> str:
    """The first line that says anything."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def with_units(name: str, units: str) -> str:
    """A quantity with its units, unless its name ends with them anyway."""
    return name if not units or name.rstrip().endswith((f"({units})", f"[{units}]")) else f"{name} ({units})"
