"""Small results and data for the window to show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from storage import Workspace


def fill(workspace: Workspace, dataset: str, count: int, name: str = "", *, failing: bool = False) -> list[str]:
    """Add `count` pipelines whose errors grow with their number, and one that failed; return the prediction ids."""
    run = workspace.create_run(dataset, name)
    ids = []
    for number in range(count):
        pipeline = run.add_pipeline({"model": "mean", "k": number}, name=f"{dataset} {number}")
        error = 1.0 + number / 10
        scores = {"rmse": error, "r2": 1.0 - number / 100, "samples": 3}
        pipeline.save_metrics({"test": scores, "val": scores})
        pipeline.save_predictions(
            pd.DataFrame({"partition": "test", "y_true": [1.0, 2.0, 3.0], "y_pred": [1.0 + error, 2.0, 3.0]})
        )
        pipeline.complete()
        ids.append(pipeline.prediction_id)
    if failing:
        pipeline = run.add_pipeline({"model": "broken"}, name=f"{dataset} broken")
        try:
            raise ValueError("the spectra are too short")
        except ValueError as error:
            pipeline.fail(error)
        ids.append(pipeline.prediction_id)
    run.finalize()
    workspace.sync()
    return ids


def write_data(folder: Path, samples: int = 40, features: int = 6) -> Path:
    """Write a CSV with an id, a target that can be learnt, and a few features."""
    random = np.random.default_rng(3)
    spectra = random.normal(size=(samples, features))
    table = pd.DataFrame(spectra, columns=[f"{900 + 10 * n}" for n in range(features)])
    table.insert(0, "sample_id", [f"s{n:02d}" for n in range(samples)])
    table.insert(1, "protein", spectra @ np.arange(features) + 0.1 * random.normal(size=samples))
    path = folder / "barley.csv"
    table.to_csv(path, index=False)
    return path


def write_config(folder: Path, count: int) -> Path:
    """Write a grid of `count` ridge regressions."""
    grid = {"Ridge__alpha": [float(n + 1) for n in range(count)]}
    config = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}], "grid": grid}
    path = folder / "ridges.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
