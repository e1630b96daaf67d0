"""The PNG charts beside a pipeline: parity and residuals for numbers, a confusion matrix for classes.

Drawn with matplotlib's own objects, never pyplot, so that any thread may draw and no window system is needed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import TightLayoutEngine

from storage.predictions import PredictionArrays
from storage.wording import with_units

DPI = 100
# Okabe and Ito's colour-blind-safe hues, orange dark enough for white, and a marker each; the window uses the same.
STYLES = {"train": ("#0072B2", "o", "train"), "val": ("#B87F00", "^", "validation"), "test": ("#009E73", "s", "test")}


def charts(arrays: Sequence[PredictionArrays], title: str, target: str, units: str = "") -> dict[str, Figure]:
    """The charts of one pipeline by file name. Several targets share a chart."""
    if not arrays:
        return {}
    if arrays[0].labels:
        return {"confusion_matrix": confusion_matrix(arrays, title)}
    axis = with_units(target, units)
    return {"parity": parity(arrays, title, axis), "residuals": residuals(arrays, title, axis)}


def png(figure: Any) -> bytes:
    """One of these charts as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.canvas.print_png(buffer)  # the same bytes as by `savefig`, which draws everything once more before
    return buffer.getvalue()


def parity(arrays: Sequence[PredictionArrays], title: str, axis: str) -> Figure:
    """Predicted against measured, with the line where they are equal."""
    figure, axes = _figure(title)
    low, high = np.inf, -np.inf
    for name, true, pred in _by_partition(arrays):
        _points(axes, name, true, pred)
        low, high = min(low, true.min(), pred.min()), max(high, true.max(), pred.max())
    margin = 0.04 * (high - low) or 1.0
    axes.plot([low - margin, high + margin], [low - margin, high + margin], color="0.5", linewidth=1, zorder=0)
    axes.set(xlabel=f"measured {axis}", ylabel=f"predicted {axis}")
    axes.legend(frameon=False)
    return figure


def residuals(arrays: Sequence[PredictionArrays], title: str, axis: str) -> Figure:
    """Predicted minus measured, against predicted."""
    figure, axes = _figure(title)
    for name, true, pred in _by_partition(arrays):
        _points(axes, name, pred, pred - true)
    axes.axhline(0.0, color="0.5", linewidth=1, zorder=0)
    axes.set(xlabel=f"predicted {axis}", ylabel="predicted − measured")
    axes.legend(frameon=False)
    return figure


def confusion_matrix(arrays: Sequence[PredictionArrays], title: str) -> Figure:
    """Counts of true against predicted class: of the test samples, else cross-validated, else of the training."""
    from sklearn.metrics import confusion_matrix as count

    partition = next(name for name in ("test", "val", "train") if any(a.partition == name for a in arrays))
    chosen = [a for a in arrays if a.partition == partition]
    labels = chosen[0].labels
    true = np.concatenate([a.y_true for a in chosen])
    pred = np.concatenate([a.y_pred for a in chosen])
    matrix = count(true, pred, labels=np.arange(len(labels)))
    figure, axes = _figure(f"{title} ({STYLES[partition][2]})")
    axes.imshow(matrix, cmap="Blues")
    for (row, column), value in np.ndenumerate(matrix):
        dark = value > matrix.max() / 2
        axes.text(column, row, str(value), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


def _figure(title: str) -> tuple[Figure, Any]:
    layout = TightLayoutEngine(rect=None)  # type: ignore[arg-type] # within a rect, be it the whole, it is found twice
    figure = Figure(figsize=(4.8, 4.2), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title if len(title) < 60 else f"{title[:57]}…", fontsize=9)
    return figure, axes


def _by_partition(arrays: Sequence[PredictionArrays]) -> list[tuple[str, Any, Any]]:
    found = []
    for name in STYLES:
        chosen = [a for a in arrays if a.partition == name]
        if chosen:
            true = np.concatenate([a.y_true.ravel() for a in chosen])
            pred = np.concatenate([a.y_pred.ravel() for a in chosen])
            found.append((name, true, pred))
    return found


def _points(axes: Any, partition: str, x: Any, y: Any) -> None:
    colour, marker, label = STYLES[partition]
    axes.scatter(x, y, s=22, c=colour, marker=marker, label=label, alpha=0.85, linewidths=0)
