"""An axis that goes by powers of ten, with ticks that never run into each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gui.charts.number_axis import NumberAxis

UP, ACROSS = 22.0, 52.0  # pixels that a number needs on an upright axis, and on a level one
STEPS = ((1, 2, 5), (1, 3), (1,))  # within a power of ten, as many as have room
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class LogAxis(NumberAxis):
    """Like any axis while it isn't in logarithmic mode."""

    def logTickValues(self, minVal: float, maxVal: float, size: float, stdTicks: Any) -> list[tuple[Any, list[float]]]:
        room = ACROSS if self.orientation in ("bottom", "top") else UP
        return [(None, log_ticks(minVal, maxVal, size, room))]

    def logTickStrings(self, values: list[float], scale: float, spacing: Any) -> list[str]:
        return [power_text(10.0**value * scale) for value in values]


def log_ticks(low: float, high: float, size: float, room: float) -> list[float]:
    """Choose ticks from `low` to `high`, both logarithms, on an axis of `size` pixels, at least `room` pixels apart."""
    if not (high > low and size > 0):
        return []
    decade = size / (high - low)
    if high - low < 0.7:  # 1, 2 and 5 may all lie outside
        return _even_ticks(low, high, size, room)
    powers = range(math.floor(low), math.ceil(high) + 1)
    for steps in STEPS:
        gaps = np.diff(np.log10([*steps, 10])) * decade
        if gaps.min() >= room:
            ticks = [power + math.log10(step) for power in powers for step in steps]
            return [tick for tick in ticks if low <= tick <= high]
    every = math.ceil(room / decade)
    return [float(power) for power in powers if power % every == 0 and low <= power <= high]


def _even_ticks(low: float, high: float, size: float, room: float) -> list[float]:
    """Choose round values at even distances, as near to each other as the upper end has room for."""
    first, last = 10.0**low, 10.0**high
    least = last - 10.0 ** (high - room * (high - low) / size)  # the values of the last `room` pixels
    if not math.isfinite(least) or least <= 0:
        return []
    magnitude = 10.0 ** math.floor(math.log10(least))
    step = next(one * magnitude for one in (1, 2, 5, 10) if one * magnitude >= least)
    values = np.arange(math.ceil(first / step), math.floor(last / step) + 1) * step
    return [math.log10(value) for value in values if value > 0]


def power_text(value: float) -> str:
    """Write a value of an axis: plain where that is short, else with a power of ten."""
    if 1e-4 <= abs(value) < 1e5:
        return f"{value:.6g}"
    mantissa, power = f"{value:.3e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    raised = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return raised if mantissa == "1" else f"{mantissa}·{raised}"
