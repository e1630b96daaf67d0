"""Small results and data that several tests use."""

from __future__ import annotations

import numpy as np
import pandas as pd

from storage import Workspace


def regression_arrays(samples: int = 30, features: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A linear relation with little noise: good models have a small error, the mean has a large one."""
    random = np.random.default_rng(7)
    X = random.normal(size=(samples, features))
    return X, X @ np.arange(features) + 0.1 * random.normal(size=samples)


def fill(workspace: Workspace, count: int, dataset: str = "corn", name: str = "") -> list[str]:
    """Add `count` completed pipelines with metrics and predictions; returns their prediction ids."""
    run = workspace.create_run(dataset, name)
    ids = []
    for i in range(count):
        pipeline = run.add_pipeline({"model": "mean", "k": i}, name=f"p{i}")
        pipeline.save_metrics({"test": {"rmse": 1.0 + i, "r2": 1.0 - 0.1 * i, "samples": 3}})
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0, 3.0], "y_pred": [1.0 + i, 2.0, 3.0]}))
        pipeline.complete()
        ids.append(pipeline.prediction_id)
    run.finalize()
    workspace.sync()
    return ids
