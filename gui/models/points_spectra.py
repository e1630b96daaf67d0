"""Spectra as they are drawn, prepared away from the GUI thread: axis rising, thinned out, outliers told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gui.models.points_rows import Numbers

if TYPE_CHECKING:
    from storage import Spectra, Workspace

MOST_LINES = 500  # more can't be told apart; those unlike the others are always among them
ORDINARY, SUSPICIOUS, OUTLYING = 0, 1, 2


@dataclass(frozen=True)
class SpectralLines:
    """The spectra of a run with those that are drawn.

    `axis` (features,) rises; `columns` put the values of a spectrum in its order. `places` (k,) are the samples drawn,
    `values` (k, features) float32 what is drawn of them, from `low` to `high`. `kinds` (n,) tell ordinary samples (0)
    from those beyond the 95 % (1) and the 99 % limit (2).
    """

    spectra: Spectra
    axis: Numbers
    columns: Numbers | slice
    places: Numbers
    values: Numbers
    low: float
    high: float
    kinds: Numbers

    def place_of(self, sample: int) -> int | None:
        """Return where a sample is among the spectra, None if it is not."""
        found = np.flatnonzero(self.spectra.sample_indices == sample)
        return int(found[0]) if len(found) else None

    def line(self, place: int) -> Numbers:
        """Return one spectrum in the order of the axis."""
        return np.asarray(self.spectra.values[place][self.columns])

    def target(self, number: int) -> Numbers:
        """Return what was measured of a target, or the codes of the classes, one for each sample."""
        y = self.spectra.y
        return np.asarray(y if y.ndim == 1 else y[:, min(number, y.shape[1] - 1)])


def fetch_spectra(run_id: str, pipeline_id: str | None, workspace: Workspace) -> SpectralLines:
    """Read the data of a run and prepare it; runs on the workspace's thread. Raises what `Workspace.spectra` does."""
    return spectral_lines(workspace.spectra(run_id, pipeline_id))


def spectral_lines(spectra: Spectra) -> SpectralLines:
    """Prepare spectra for drawing."""
    kinds = np.zeros(len(spectra.values), dtype=np.int8)
    if spectra.outliers is not None:
        kinds[spectra.outliers.suspicious] = SUSPICIOUS
        kinds[spectra.outliers.outlying] = OUTLYING
    columns = _rising(spectra.axis)
    places = _thinned(kinds)
    values = np.ascontiguousarray(spectra.values[places][:, columns])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    return SpectralLines(
        spectra, np.asarray(spectra.axis[columns], dtype=float), columns, places, values, low, high, kinds
    )  # fmt: skip


def _rising(axis: Numbers) -> Numbers | slice:
    if len(axis) < 2 or (np.diff(axis) >= 0).all():
        return slice(None)
    if (np.diff(axis) <= 0).all():
        return slice(None, None, -1)
    return np.argsort(axis, kind="stable")


def _thinned(kinds: Numbers) -> Numbers:
    """Choose the samples to draw: the outliers, the suspicious ones as far as there is room, and some of the others."""
    if len(kinds) <= MOST_LINES:
        return np.arange(len(kinds))
    chosen: list[int] = []
    for kind in (OUTLYING, SUSPICIOUS, ORDINARY):
        these = np.flatnonzero(kinds == kind)
        room = max(0, MOST_LINES - len(chosen))
        if len(these) > room:
            these = these[np.linspace(0, len(these) - 1, room).round().astype(int)] if room else these[:0]
        chosen += these.tolist()
    return np.asarray(sorted(chosen), dtype=int)
