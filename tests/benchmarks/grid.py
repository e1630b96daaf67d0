"""What the generated catalog is of: twenty datasets, and a thousand configurations as users' grids give them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DATASET = "corn"  # the one of DATASETS that the cases ask for
DATASETS = (
    "corn", "wheat_2025", "wheat_2026", "barley", "soil-carbon", "soil-nitrogen", "milk-fat", "milk-protein", "tablets",
    "diesel-cetane", "diesel-density", "gasoline", "apples-brix", "mango-dry-matter", "olive oil", "wood-lignin",
    "coffee-origin", "meat-species", "honey-adulteration", "fermentation",
)  # fmt: skip
CLASSIFICATION = ("coffee-origin", "meat-species", "honey-adulteration")
MOST_ARRAYS = 100_000  # predictions that have arrays, at most
SAMPLES = 30
METRICS = ("rmse", "mae", "r2", "bias", "sep", "rpd")

Step = tuple[str, dict[str, Any]]


def _derivative(window: int, order: int) -> Step:
    path = "chemotools.derivative.SavitzkyGolay"
    return path, {"window_size": window, "polynomial_order": 2, "derivate_order": order}


_SCATTER: Step = ("chemotools.scatter.StandardNormalVariate", {})
_PREPROCESSING: dict[str, list[Step]] = {
    "raw": [],
    "scaled": [("sklearn.preprocessing.StandardScaler", {})],
    "SNV": [_SCATTER],
    "MSC": [("chemotools.scatter.MultiplicativeScatterCorrection", {"method": "mean"})],
    **{f"SG{window}d{order}": [_derivative(window, order)] for window in (7, 15, 31) for order in (1, 2)},
    **{f"SNV SG{window}": [_SCATTER, _derivative(window, 1)] for window in (7, 15)},
}


@dataclass(frozen=True)
class Configuration:
    """One configuration of the grid: what its columns in the catalog say."""

    name: str
    config_name: str
    model_type: str
    text: str  # the steps as JSON
    digest: str


def configurations() -> list[Configuration]:
    """Every configuration of the grid, always the same ones."""
    return [_configuration(name, before, model) for name, before in _PREPROCESSING.items() for model in _models()]


def _models() -> Iterator[Step]:
    for count, scale in itertools.product(range(1, 31), (False, True)):
        yield "sklearn.cross_decomposition.PLSRegression", {"n_components": count, "scale": scale}
    for exponent in range(-4, 6):
        yield "sklearn.linear_model.Ridge", {"alpha": 10.0**exponent}
    for penalty, width in itertools.product((0.1, 1.0, 10.0, 100.0), ("scale", "auto")):
        yield "sklearn.svm.SVR", {"C": penalty, "gamma": width, "kernel": "rbf"}
    for trees, depth in itertools.product((100, 300), (None, 8)):
        yield "sklearn.ensemble.RandomForestRegressor", {"max_depth": depth, "n_estimators": trees}
    for neighbors in (3, 5):
        yield "sklearn.neighbors.KNeighborsRegressor", {"n_neighbors": neighbors}


def _configuration(name: str, before: list[Step], model: Step) -> Configuration:
    steps = [{"class": path, "params": params} for path, params in (*before, model)]
    text = json.dumps(steps)
    model_type = model[0].rpartition(".")[2]
    shown = " ".join(f"{key}={value}" for key, value in model[1].items())
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Configuration(f"{model_type} {name} {shown}", f"grid {name} {model_type}", model_type, text, digest)
