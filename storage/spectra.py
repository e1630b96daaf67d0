"""The measured data behind a run, as curves: axis, matrix, names, and which of them look unlike the others.

Nothing is stored twice: the data file of the run is read again, and shown only if it still is what was trained on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.datasets import Dataset, load_dataset
from storage.errors import Conflict, NotFound

if TYPE_CHECKING:
    from storage.records import DatasetSource

MAX_COMPONENTS = 10
EXPLAINED = 0.99
FEWEST_SAMPLES = 5
MAX_FITTED = 500  # rows the model of what is usual is made from; more would take seconds and change nothing
_LEVELS = (0.95, 0.99)
_NORMAL = (1.6448536269514722, 2.3263478740408408)  # the normal quantiles of these levels


@dataclass(frozen=True)
class SpectralOutliers:
    """How far each sample is from the others, within and beside their common variation.

    `t2` is Hotelling's T² in the space of the components, `q` the squared residual beside it; limits are for 95 % and
    99 %, NaN where they are not defined (nothing is left beside the components).
    """

    components: int
    explained: float
    scores: NDArray[np.float64]
    t2: NDArray[np.float64]
    q: NDArray[np.float64]
    t2_limits: tuple[float, float]
    q_limits: tuple[float, float]

    @property
    def outlying(self) -> NDArray[np.bool_]:
        """The samples beyond a 99 % limit."""
        return self._beyond(1)

    @property
    def suspicious(self) -> NDArray[np.bool_]:
        """The samples beyond a 95 % limit, but not beyond the 99 % one."""
        return np.asarray(self._beyond(0) & ~self._beyond(1))

    def _beyond(self, level: int) -> NDArray[np.bool_]:
        return np.asarray((self.t2 > self.t2_limits[level]) | (self.q > self.q_limits[level]))


@dataclass(frozen=True)
class Spectra:
    """The data of a run. `axis` (features,) holds the column names where they are numbers, else 0, 1, 2, …

    `values` is (samples, features) float32; `sample_indices` are the numbers that stored predictions use; `y` holds
    codes into `labels` for classes. `axis_unit` is empty where the columns don't tell it. `outliers` is None for fewer
    than five samples.
    """

    axis: NDArray[np.float64]
    axis_known: bool
    values: NDArray[np.float32]
    sample_indices: NDArray[np.int64]
    sample_names: list[str]
    y: NDArray[np.float64]
    labels: list[str]
    target: list[str]
    units: str
    test: NDArray[np.bool_]
    path: str
    outliers: SpectralOutliers | None
    axis_unit: str = ""


def read_spectra(
    source: DatasetSource, names: Mapping[int, str], task: str | None, data: Path | None = None
) -> Spectra:
    """Read the data a run was trained on, from its own file or from another copy of it, `data`.

    `names` are the sample names that the run's predictions tell. Raises NotFound where the file is gone or never was,
    Conflict where it is not, or no more, what the run was trained on, BadInput for a file that can't be read.
    """
    if data is None and not source.path:
        raise NotFound(
            "The data of this run came from a program, not from a file.", advice="Name a file with the same data."
        )
    path = Path(data if data is not None else source.path)
    if not os.path.isfile(path):  # a damaged document may say anything
        raise NotFound(
            f"The data file {path.name} is not where it was: {path}.", path, "Put it back, or name another copy of it."
        )
    column, size, seed = (source.split.get(key) for key in ("column", "test_size", "seed"))
    id_column = (source.model_extra or {}).get("id_column")
    dataset = load_dataset(
        path,
        source.target,
        id_column=id_column if isinstance(id_column, str) else None,
        name="data",  # of no matter here; a file may be called what no dataset can be
        split_column=column if isinstance(column, str) else None,
        test_size=size if isinstance(size, float) and not column else None,
        task=task,
        units=source.units,
        seed=seed if isinstance(seed, int) else 0,
        leave_out_incomplete=(source.model_extra or {}).get("leave_out_incomplete") is True,
    )
    _check_same(dataset, source, path)
    return _spectra(dataset, names)


def spectral_outliers(values: NDArray[Any]) -> SpectralOutliers | None:
    """Find samples unlike the others by principal components; None for fewer than five, or where all are the same.

    As many components as explain 99 % of the variance, at most ten. The limit of T² comes from the F distribution
    (J. E. Jackson, "A User's Guide to Principal Components", 1991, section 1.7.2), that of the residuals Q from J. E.
    Jackson and G. S. Mudholkar, "Control Procedures for Residuals Associated With Principal Component Analysis",
    Technometrics 21 (1979). Of more than 500 samples the components are made from 500, evenly chosen.
    """
    from scipy import stats
    from sklearn.decomposition import PCA

    X = np.asarray(values, dtype=np.float64)
    if len(X) < FEWEST_SAMPLES:
        return None
    fitted = X[np.unique(np.linspace(0, len(X) - 1, min(len(X), MAX_FITTED)).round().astype(int))]
    if not np.ptp(fitted, axis=0).any():  # all samples are the same
        return None
    model = PCA(svd_solver="full").fit(fitted)
    variances = np.asarray(model.explained_variance_)
    total = float(variances.sum())
    shares = np.cumsum(variances) / total
    count = min(int(np.searchsorted(shares, EXPLAINED) + 1), MAX_COMPONENTS, len(fitted) - 2)
    centred = X - model.mean_
    loadings = model.components_[:count]
    scores = centred @ loadings.T
    t2 = (scores**2 / variances[:count]).sum(axis=1)
    q = ((centred - scores @ loadings) ** 2).sum(axis=1)
    n = len(fitted)
    t2_limits = [count * (n - 1) / (n - count) * float(stats.f.ppf(level, count, n - count)) for level in _LEVELS]
    q_limits = [_q_limit(variances[count:], total, normal, stats) for normal in _NORMAL]
    return SpectralOutliers(
        count, float(shares[count - 1]), scores, t2, q, (t2_limits[0], t2_limits[1]), (q_limits[0], q_limits[1])
    )  # fmt: skip


def _q_limit(left: NDArray[np.float64], total: float, normal: float, stats: Any) -> float:
    """The limit of Q from the variances of the components left out; NaN where they are nothing but rounding."""
    first, second, third = (float((left**power).sum()) for power in (1, 2, 3))
    if first <= 1e-12 * total:
        return math.nan
    h = 1 - 2 * first * third / (3 * second**2)
    if h <= 0:  # the approximation doesn't hold; a scaled χ² does (P. Nomikos, J. MacGregor, Technometrics 37, 1995)
        level = stats.norm.cdf(normal)
        return float(second / first * stats.chi2.ppf(level, first**2 / second))
    inner = normal * math.sqrt(2 * second * h**2) / first + 1 + second * h * (h - 1) / first**2
    return float(first * inner ** (1 / h))


def _check_same(dataset: Dataset, source: DatasetSource, path: Path) -> None:
    """Refuse data that is not what was trained on: neither the same file nor the same numbers in another file."""
    if source.sha256 and dataset.sha256 == source.sha256:
        return
    if source.data_hash and dataset.data_hash() == source.data_hash:
        return
    own = source.path and Path(source.path) == path
    what = f"{path.name} has changed since the run." if own else f"{path.name} is not what this run was trained on."
    raise Conflict(what, path, "Name a copy of the file as it was then.")


def _spectra(dataset: Dataset, names: Mapping[int, str]) -> Spectra:
    axis, known = _axis(dataset.features)
    named = [names.get(row, own) for row, own in enumerate(dataset.sample_ids)]
    return Spectra(
        axis, known, dataset.X.astype(np.float32), np.arange(len(dataset.X)), named, dataset.y.astype(np.float64),
        dataset.labels, dataset.target, dataset.units, dataset.test, dataset.path, spectral_outliers(dataset.X),
        dataset.axis_unit,
    )  # fmt: skip


def _axis(features: Sequence[str]) -> tuple[NDArray[np.float64], bool]:
    try:
        axis = np.array([float(feature) for feature in features])
    except ValueError:
        return np.arange(len(features), dtype=np.float64), False
    return axis, bool(np.isfinite(axis).all())
