"""One quantity of many results, as the charts of the catalog draw it along an axis.

Importing this module loads numpy, so it is not imported before the first paint.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gui.formats import plain_text
from gui.query_text import none_of, one_of

if TYPE_CHECKING:
    from storage import Metric

MOST_NAMES = 24  # on one axis; what is rarer is "others"
WHOLE_SECONDS = 600  # length of a time axis from which ends of ranges are whole seconds
WIDE = 100.0  # largest to smallest value from which an axis is logarithmic
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One quantity of all results: `values` (n,), NaN where it is missing; with `names` they are places in these.

    `kind` is "metric", "parameter", "number", "time" or "name". The last of `names` is "" where it stands for all rarer
    ones.
    """

    key: str
    values: Numbers
    names: tuple[str, ...] = ()
    kind: str = "number"
    metric: Metric | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        there = self.values[np.isfinite(self.values)]
        return (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)

    @property
    def log(self) -> bool:
        """Whether it is drawn by powers of ten."""
        low, high = self.bounds
        return not self.names and self.kind != "time" and low > 0 and high / low >= WIDE

    def heights(self) -> Numbers:
        """Return the values from 0 (lowest) to 1 (highest), as they are drawn."""
        return self.at(self.values)

    def at(self, values: Numbers) -> Numbers:
        """Return where values are drawn."""
        low, high = self.bounds
        if self.names:
            return (values + 0.5) / len(self.names)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log(np.maximum(values, 1e-300))
            low, high = float(np.log(low)), float(np.log(high))
        return (values - low) / (high - low) if high > low else np.where(np.isfinite(values), 0.5, np.nan)

    def value_at(self, height: float) -> float:
        """Return the value drawn at a height; among names, their place."""
        low, high = self.bounds
        if self.names:
            return height * len(self.names) - 0.5
        if self.log:
            return float(np.exp(np.log(low) + height * (np.log(high) - np.log(low))))
        return low + height * (high - low)

    @property
    def told(self) -> NDArray[np.bool_]:
        """Which results have a value."""
        return np.isfinite(self.values)

    def inside(self, low: float, high: float) -> NDArray[np.bool_]:
        """Tell which results lie within a range."""
        return (self.values >= low) & (self.values <= high)

    def of(self, which: NDArray[np.bool_]) -> Axis:
        """Return the axis of some results; the others have no value on it."""
        return replace(self, values=np.where(which, self.values, np.nan))

    def condition(self, low: float, high: float) -> str:
        """Write the condition that holds for what lies within a range."""
        if self.names:
            return self._names_condition(low, high)
        least, most = self.bounds
        if low <= least and high >= most:
            return f"{self.key} is not null"
        first, last = (self._written(one) for one in (low, high))
        if low <= least or high >= most:
            return f"{self.key} <= {last}" if low <= least else f"{self.key} >= {first}"
        return f"{self.key} = {first}" if low == high else f"{self.key} between {first} and {last}"

    def _names_condition(self, low: float, high: float) -> str:
        chosen = [name for place, name in enumerate(self.names) if low <= place <= high]
        others = [name for name in self.names if name not in chosen]
        if not others:
            return f"{self.key} is not null"
        if "" not in chosen:
            return one_of(self.key, chosen)
        return f"{self.key} is not null and {none_of(self.key, others)}"  # the rarer ones: whatever isn't one of these

    def _written(self, value: float) -> str:
        """Write an end of a range."""
        if self.kind != "time":
            return f"{value:.10g}"
        moment = datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        return f"'{moment}'" if "." in moment else moment  # parts of a second are only read in quotes

    def range_of(self, one: float, other: float) -> tuple[float, float]:
        """Return the range between two values; among names it is so wide that there is a name in it."""
        low, high = sorted((self.rounded(one), self.rounded(other)))
        if self.names:
            near = float(min(max(round((low + high) / 2), 0), len(self.names) - 1))
            if math.floor(high) < math.ceil(low):
                return min(low, near), max(high, near)
        return low, high

    def rounded(self, value: float) -> float:
        """Return a value with no more digits than a mouse can tell apart, but the lowest and highest as they are."""
        low, high = self.bounds
        if self.names or value in (low, high) or not value:
            return value
        if self.kind == "time":
            return float(round(value)) if high - low > WHOLE_SECONDS else round(value, 6)
        finer = max(0, int(np.log10(max(abs(low), abs(high)) / (high - low)))) if high > low else 0
        return float(f"{value:.{4 + finer}g}")

    def parting(self) -> tuple[bytes, float]:
        """Return how the results are parted, the same where two axes part them alike, and how much; 0: not at all."""
        there = self.told
        levels, places = np.unique(self.values[there], return_inverse=True)
        parted = np.where(there, 0, -1)
        parted[there] = places
        return parted.tobytes(), float(there.mean() * np.log(min(len(levels), 10))) if len(levels) > 1 else 0.0


def make_axis(key: str, values: Sequence[Any], kind: str, metric: Metric | None = None) -> Axis:
    """Make an axis of raw values: numbers where all of them are, else names, the most frequent first."""
    if kind == "time":
        numbers = [np.nan if one is None else one.timestamp() for one in values]
        return Axis(key, np.array(numbers, dtype=np.float64), kind=kind)
    if kind != "name" and all(one is None or isinstance(one, (int, float)) for one in values):
        return Axis(
            key, np.array([np.nan if one is None else one for one in values], dtype=np.float64), (), kind, metric
        )
    texts = [None if one is None else _name(one) for one in values]
    counted = Counter(one for one in texts if one is not None)
    often = [name for name, _ in counted.most_common(MOST_NAMES)]
    names = often if len(counted) <= MOST_NAMES else [*often[:-1], ""]
    place = {name: number for number, name in enumerate(names)}
    rest = float(len(names) - 1)
    numbers = [np.nan if one is None else float(place.get(one, rest)) for one in texts]
    return Axis(key, np.array(numbers, dtype=np.float64), tuple(names), kind, metric)


def _name(value: Any) -> str:
    """Write a value as a query finds it again."""
    return plain_text(value).removesuffix(".0") if isinstance(value, float) else str(value)
