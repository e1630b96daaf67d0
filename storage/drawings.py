"""The charts of reports: where shapes and texts lie, for a template to write them as SVG.

Plain shapes in place of pictures of matplotlib: they take the colours of the page, light or dark, are a tenth of the
size, come out the same every time, and need no font of their own. Lengths are in units of the drawing, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from storage.wording import PARTITION_WORDS, counted, number, shortened

MOST_POINTS = 1_500  # of one kind in one drawing; more can't be told apart and only make the file large
WIDTH, HEIGHT = 520, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 34, 12, 48
_ROW, _NAMES, _NAME_LETTERS = 26, 240, 30
_MOST_BINS = 30
_TIME_LABELS = ((2 * 86_400, "%Y-%m-%d"), (43_200, "%m-%d %H:%M"), (300, "%H:%M"), (0, "%H:%M:%S"))
_SMALLEST, _LARGEST = 1e-100, 1e100  # beyond these the arithmetic of an axis leaves the range of a double
FENCE = 3.0  # interquartile ranges beyond the quartiles (J. W. Tukey, "Exploratory Data Analysis", 1977: far out)

Anchor = Literal["start", "middle", "end"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """An SVG path; `style` is the class that gives it its colour: train, val, test, dots, bar, whisker, grid, …"""

    path: str
    style: str


@dataclass(frozen=True)
class Text:
    """A text at a place; `turned` ones run upwards."""

    x: str
    y: str
    text: str
    anchor: Anchor = "middle"
    style: str = ""
    turned: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart; `caption` says what is seen and what is left out, `legend` pairs styles with words."""

    kind: ClassVar[str] = "drawing"
    title: str
    caption: str
    width: int
    height: int
    shapes: tuple[Shape, ...]
    texts: tuple[Text, ...]
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Bar:
    """A row of a chart with names: a value, what it may vary by, and how it is told."""

    name: str
    value: float
    spread: float | None = None
    told: str = ""


class _Axis:
    """Values on a line of the drawing, with round numbers as ticks."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        span, largest = high - low, max(abs(low), abs(high))
        self.wide = span > 1e-9 * largest and span > _SMALLEST  # else there is nothing to tell apart
        margin = 0.04 * span if self.wide else max(0.1 * largest, _SMALLEST) if largest else 1.0
        self.low, self.high, self.start, self.end = low - margin, high + margin, start, end

    def at(self, values: ArrayLike) -> Floats:
        share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Places and labels of round numbers."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [place * step for place in range(first, last + 1)]
        return [(float(self.at(value)), _tick_label(value, step)) for value in values]


def _tick_label(value: float, step: float) -> str:
    if 1e-4 <= step < 1e6:
        return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}".replace("-", "−")
    return f"{value + 0.0:.3g}".replace("-", "−")


# ---------------------------------------------------------------- charts


def parity(by_partition: Sequence[tuple[str, Floats, Floats]], title: str, quantity: str, caption: str = "") -> Drawing:
    """Predicted against measured, with the line where they are equal; a partition has a colour and a mark."""
    ends = [end for _, true, pred in by_partition for end in (true.min(), true.max(), pred.min(), pred.max())]
    x, y = _axes(min(ends), max(ends), min(ends), max(ends))
    shapes = [Shape(f"M{_c(x.start)} {_c(y.start)}L{_c(x.end)} {_c(y.end)}", "equal")]
    for name, true, pred in by_partition:
        shapes.append(Shape(_points(x.at(_some(true)), y.at(_some(pred)), name), name))
    legend = tuple((name, f"{PARTITION_WORDS[name]} ({len(true):,})") for name, true, _ in by_partition)
    thinned = any(len(true) > MOST_POINTS for _, true, _ in by_partition)
    caption += f" At most {MOST_POINTS:,} samples of a kind are drawn." if thinned else ""
    return _framed(title, caption.strip(), x, y, shapes, f"measured {quantity}", f"predicted {quantity}", legend)


def confusion(counts: NDArray[np.int64], labels: Sequence[str], title: str, caption: str) -> Drawing:
    """Counts of true against predicted class; the deeper the colour the larger the share of the true class."""
    side = min(64.0, max(24.0, 300 / len(labels)))
    left, top = 120.0, 12.0
    shapes, texts = [], []
    for row, own in enumerate(counts):
        for column, count in enumerate(own):
            share = int(count) / max(int(own.sum()), 1)
            x, y = left + column * side, top + row * side
            shapes.append(Shape(_box(x + 1, y + 1, side - 2, side - 2), f"share s{math.ceil(share * 5)}"))
            style = "count dark" if share > 0.6 else "count"
            texts.append(Text(_c(x + side / 2), _c(y + side / 2 + 4), str(int(count)), style=style))
    bottom = top + side * len(labels)
    for place, label in enumerate(labels):
        middle = place * side + side / 2
        texts.append(Text(_c(left - 8), _c(top + middle + 4), shortened(label, 16), "end"))
        texts.append(Text(_c(left + middle), _c(bottom + 16), shortened(label, max(3, int(side / 6.5)))))
    width = max(left + side * len(labels) + 12, 320)
    texts.append(Text(_c(left + side * len(labels) / 2), _c(bottom + 38), "predicted", style="axis"))
    texts.append(Text("14", _c((top + bottom) / 2), "true", style="axis", turned=True))
    return Drawing(title, caption, math.ceil(width), math.ceil(bottom + 48), tuple(shapes), tuple(texts))


def histogram(values: Floats, title: str, quantity: str) -> Drawing:
    """How often values occur; those far out are counted in the caption, for they would hide all others."""
    low, high = within_fences(values)
    kept = values[(values >= low) & (values <= high)]
    x = _Axis(low, high, _LEFT, WIDTH - _RIGHT)
    bins = min(_MOST_BINS, math.ceil(2 * len(kept) ** (1 / 3))) if x.wide else 1  # the rule of Rice University
    counts, edges = np.histogram(kept, bins=bins, range=(low, high) if x.wide else (x.low, x.high))
    y = _Axis(0.0, float(counts.max()), HEIGHT - _BOTTOM, _TOP)
    y.low = 0.0
    xs, ys = x.at(edges), y.at(counts)
    path = ""
    for left, right, top in zip(xs[:-1], xs[1:], ys, strict=True):
        path += _box(left + 0.5, top, max(right - left - 1, 0.5), y.start - top) if top < y.start else ""
    return _framed(title, far_out(values), x, y, [Shape(path, "bar")], quantity, "results")


def over_time(moments: Floats, values: Floats, best: Floats, title: str, quantity: str, caption: str) -> Drawing:
    """Results in the order they were made, by seconds since 1970, and the best one until then as a line with steps."""
    low, high = within_fences(np.concatenate([values, best]))
    seconds = moments - moments[0]
    x = _Axis(0.0, float(seconds[-1]) or 1.0, _LEFT, WIDTH - _RIGHT)
    y = _Axis(float(low), float(high), HEIGHT - _BOTTOM, _TOP)
    there = (values >= y.low) & (values <= y.high)
    dots = Shape(_points(x.at(_some(seconds[there])), y.at(_some(values[there])), "dots"), "dots")
    steps = np.flatnonzero(np.diff(best, prepend=np.nan) != 0)
    xs, ys = x.at(seconds[steps]), np.clip(y.at(best[steps]), y.end, y.start)
    line = f"M{_c(xs[0])} {_c(ys[0])}" + "".join(f"H{_c(a)}V{_c(b)}" for a, b in zip(xs[1:], ys[1:], strict=True))
    shapes = [dots, Shape(f"{line}H{_c(float(x.at(seconds[-1])))}", "line")]
    legend = (("dots", "results"), ("line", "best until then"))
    told = f"{caption} {far_out(values)}".strip()
    ticks = _time_ticks(float(moments[0]), float(seconds[-1]), x)
    return _framed(title, told, x, y, shapes, "", quantity, legend, ticks)


def agreement(val: Floats, test: Floats, title: str, quantity: str, caption: str) -> Drawing:
    """Values on test samples against those in validation, with the line where they are equal."""
    x, y = _axes(*within_fences(val), *within_fences(test))
    there = (val >= x.low) & (val <= x.high) & (test >= y.low) & (test <= y.high)
    shapes = [Shape(_points(x.at(_some(val[there])), y.at(_some(test[there])), "dots"), "dots")]
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low < high:
        (left, right), (bottom, top) = x.at([low, high]), y.at([low, high])
        shapes.insert(0, Shape(f"M{_c(left)} {_c(bottom)}L{_c(right)} {_c(top)}", "equal"))
    left_out = int((~there).sum())
    told = f"{caption} {counted(left_out, 'result')} far out not drawn." if left_out else caption
    return _framed(title, told, x, y, shapes, f"{quantity} in validation", f"{quantity} on test")


def whiskers(rows: Sequence[Bar], title: str, quantity: str, caption: str) -> Drawing:
    """A value a row, with its spread to both sides."""
    spreads = [row.spread or 0.0 for row in rows]
    low = min(row.value - spread for row, spread in zip(rows, spreads, strict=True))
    high = max(row.value + spread for row, spread in zip(rows, spreads, strict=True))
    x = _Axis(low, high, _NAMES, WIDTH + 60 - _RIGHT)
    lines, dots = "", ""
    for place, (row, spread) in enumerate(zip(rows, spreads, strict=True)):
        y = _TOP + _ROW * place + _ROW / 2
        a, b, middle = (float(x.at(value)) for value in (row.value - spread, row.value + spread, row.value))
        lines += f"M{_c(a)} {_c(y)}H{_c(b)}" if spread else ""
        dots += f"M{_c(middle)} {_c(y)}h0"
    return _named(rows, title, caption, x, [Shape(lines, "whisker"), Shape(dots, "mean")], quantity)


def bars(rows: Sequence[Bar], title: str, quantity: str, caption: str) -> Drawing:
    """A bar from zero for each row."""
    x = _Axis(0.0, max(row.value for row in rows) or 1.0, _NAMES, WIDTH + 60 - _RIGHT - 40)
    x.low = 0.0
    path, texts = "", []
    for place, row in enumerate(rows):
        y = _TOP + _ROW * place
        end = float(x.at(row.value))
        path += _box(x.start, y + 5, max(end - x.start, 1.0), _ROW - 10)
        texts.append(Text(_c(end + 6), _c(y + _ROW / 2 + 4), row.told, "start"))
    return _named(rows, title, caption, x, [Shape(path, "bar")], quantity, texts)


# ---------------------------------------------------------------- what they share


def drawable(values: Floats) -> NDArray[np.bool_]:
    """Which values can be drawn: finite ones that are not beyond all measure."""
    return np.isfinite(values) & (np.abs(values) < _LARGEST)


def within_fences(values: Floats) -> tuple[float, float]:
    """The range of the values that are not far out; with few of them their whole range. One must be drawable."""
    finite = values[drawable(values)]
    if len(finite) < 8:
        return float(finite.min()), float(finite.max())
    first, third = np.quantile(finite, [0.25, 0.75])
    reach = FENCE * (third - first)
    kept = finite[(finite >= first - reach) & (finite <= third + reach)]
    return float(kept.min()), float(kept.max())


def far_out(values: Floats) -> str:
    """Say how many values a chart leaves out because they are far from the others, and the farthest."""
    low, high = within_fences(values)
    beyond = values[(values < low) | (values > high)]
    if not len(beyond):
        return ""
    farthest = beyond[np.argmax(np.abs(beyond - np.median(values)))]
    return f"{counted(len(beyond), 'result')} far out not drawn, up to {number(float(farthest))}."


def _axes(left: float, right: float, low: float, high: float) -> tuple[_Axis, _Axis]:
    return _Axis(left, right, _LEFT, WIDTH - _RIGHT), _Axis(low, high, HEIGHT - _BOTTOM, _TOP)


def _framed(
    title: str,
    caption: str,
    x: _Axis,
    y: _Axis,
    shapes: Sequence[Shape],
    x_title: str,
    y_title: str,
    legend: tuple[tuple[str, str], ...] = (),
    x_ticks: Sequence[tuple[float, str]] | None = None,
) -> Drawing:
    """A drawing with two axes."""
    across, up = x_ticks if x_ticks is not None else x.ticks(), y.ticks()
    grid = "".join(f"M{_c(x.start)} {_c(at)}H{_c(x.end)}" for at, _ in up)
    grid += "".join(f"M{_c(at)} {_c(y.start)}V{_c(y.end)}" for at, _ in across)
    texts = [
        *(Text(_c(at), _c(y.start + 17), label) for at, label in across),
        *(Text(_c(x.start - 7), _c(at + 4), label, "end") for at, label in up),
        Text(_c((x.start + x.end) / 2), _c(HEIGHT - 8), shortened(x_title, 70), style="axis"),
        Text("14", _c((y.start + y.end) / 2), shortened(y_title, 42), style="axis", turned=True),
    ]
    frame = Shape(_box(x.start, y.end, x.end - x.start, y.start - y.end), "frame")
    all_shapes = (Shape(grid, "grid"), *shapes, frame)
    return Drawing(title, caption, WIDTH, HEIGHT, all_shapes, tuple(t for t in texts if t.text), legend)


def _named(
    rows: Sequence[Bar],
    title: str,
    caption: str,
    x: _Axis,
    shapes: Sequence[Shape],
    quantity: str,
    more: Sequence[Text] = (),
) -> Drawing:
    """A drawing with a name for each row and one axis below."""
    bottom = _TOP + _ROW * len(rows)
    ticks = x.ticks(5)
    grid = "".join(f"M{_c(at)} {_c(bottom)}V{_c(_TOP)}" for at, _ in ticks)
    texts = [
        *(
            Text(_c(_NAMES - 10), _c(_TOP + _ROW * place + _ROW / 2 + 4), shortened(row.name, _NAME_LETTERS), "end")
            for place, row in enumerate(rows)
        ),
        *(Text(_c(at), _c(bottom + 17), label) for at, label in ticks),
        Text(_c((x.start + x.end) / 2), _c(bottom + 38), quantity, style="axis"),
        *more,
    ]
    all_shapes = (Shape(grid, "grid"), *(shape for shape in shapes if shape.path))
    return Drawing(title, caption, WIDTH + 60, bottom + 46, all_shapes, tuple(texts))


def _time_ticks(first: float, span: float, x: _Axis) -> list[tuple[float, str]]:
    """A few moments from the first until `span` seconds later, to the day or the second as these are apart."""
    shape = next(shape for least, shape in _TIME_LABELS if span >= least)
    labels: list[tuple[float, str]] = []
    for part in [i / 4 for i in range(5)] if span else [0.0]:
        label = f"{datetime.fromtimestamp(first + span * part, UTC):{shape}}"
        if not labels or label != labels[-1][1]:
            labels.append((float(x.at(span * part)), label))
    return labels


def _points(xs: Floats, ys: Floats, style: str) -> str:
    """Marks as one path: a dot or a square is a line of no length with such an end, a triangle is drawn."""
    mark = "l4 7h-8z" if style == "val" else "h0"
    rise = 4 if style == "val" else 0
    return "".join(f"M{_c(x)} {_c(y - rise)}{mark}" for x, y in zip(xs, ys, strict=True))


def _some(values: Floats) -> Floats:
    """All values, or so many of them as a drawing takes, evenly taken."""
    if len(values) <= MOST_POINTS:
        return values
    chosen: Floats = values[np.linspace(0, len(values) - 1, MOST_POINTS).astype(int)]
    return chosen


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_c(x)} {_c(y)}h{_c(width)}v{_c(height)}h{_c(-width)}z"


def _c(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.1f}".removesuffix(".0") if round(value, 1) else "0"
