"""What the charts of one pipeline show: its data, and the choices people made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from gui.formats import counted, integer_text, number_text, tr
from gui.models.points import ChartData
from gui.models.points_rows import PARTITIONS, SampleRows

if TYPE_CHECKING:
    from gui.models.points_spectra import SpectralLines
    from storage import RocCurves

Colouring = Literal["target", "partition"]
DIGITS = 4


@dataclass(frozen=True)
class Shown:
    """Everything a chart draws from. `partition` is for charts of one partition, `hidden` for those of several.

    `roc` (by partition) and `spectra` come later than the rest, when somebody looks at them, and are None until then;
    `problem` says why there are no spectra.
    """

    data: ChartData = field(default_factory=ChartData)
    hidden: frozenset[str] = frozenset()
    target: int = 0
    target_name: str = ""
    units: str = ""
    partition: str = "test"
    metric: str = ""
    why_empty: str = ""
    roc: dict[str, RocCurves] | None = None
    spectra: SpectralLines | None = None
    problem: str = ""
    colouring: Colouring = "target"
    outliers: bool = True

    def axis_text(self, word: str) -> str:
        """Name an axis: what is on it, of which target, in which unit."""
        return f"{word} {self.target_name}".strip() + (f" ({self.units})" if self.units else "")


def row_words(rows: SampleRows, row: int, target: int) -> list[str]:
    """Say what is known of a row, in pieces: sample and partition, then its values."""
    if rows.labels:
        truth, predicted = rows.label(rows.truth[row, 0]), rows.label(rows.predicted[row, 0])
        pieces = [tr("true {label}").format(label=truth), tr("predicted {label}").format(label=predicted)]
        certainty = rows.certainty()
        if certainty is not None:
            pieces.append(tr("with probability {p}").format(p=number_text(float(certainty[row]), 3)))
    else:
        truth_value, value = float(rows.truth[row, target]), float(rows.predicted[row, target])
        pieces = [
            tr("measured {value}").format(value=number_text(truth_value, DIGITS)),
            tr("predicted {value}").format(value=number_text(value, DIGITS)),
            tr("residual {value}").format(value=number_text(value - truth_value, 3)),
        ]
    return [f"{rows.names[row]} · {rows.partition(row)}", *pieces]


def row_line(rows: SampleRows, row: int, target: int) -> str:
    """Say the same in a line."""
    name, *pieces = row_words(rows, row, target)
    if rows.labels:
        return f"{name}, {', '.join(pieces)}"
    truth, predicted = float(rows.truth[row, target]), float(rows.predicted[row, target])
    return tr("{name}, {truth} → {predicted}, residual {residual}").format(
        name=name, truth=number_text(truth, DIGITS), predicted=number_text(predicted, DIGITS),
        residual=number_text(predicted - truth, 3),
    )  # fmt: skip


def predictions_text(total: int, rows: SampleRows, partitions: Sequence[str]) -> str:
    """Say how many predictions are drawn, and of how many samples: one may be predicted in several partitions."""
    places = [PARTITIONS.index(name) for name in partitions]
    samples = len(np.unique(rows.samples[np.isin(rows.partitions, places)]))
    if samples >= total:
        return counted(total, "{n} sample", "{n} samples")
    words = tr("{n} predicted values of {m} samples")
    return words.format(n=integer_text(total), m=integer_text(samples))


def all_hidden() -> str:
    """Say why a chart of several partitions is empty."""
    return tr("All partitions are hidden: show one with the buttons above.")


def share_text(part: float, whole: float) -> str:
    """Write a share in percent."""
    if whole and not part:
        return "0 %"
    return f"{number_text(100 * part / whole if whole else None)} %"
