"""Small results and data that several tests use, and parts as other programs write them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from storage import Workspace
from storage.records import DatasetSource


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


def add_foreign_part(root: Path, dataset: str, table: pd.DataFrame | pa.Table, replacing: str = "") -> str:
    """Add a part as another program would, by the documented format alone; returns its name."""
    folder = (
        root / "catalog" / ("annotations.parquet" if dataset == "annotations" else f"predictions_{dataset}.parquet")
    )
    manifest_path = root / "catalog" / "manifest.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {"format": 1, "generation": 0}
    path = folder / f"foreign-{manifest['generation'] + 1}.parquet"
    made = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    pyarrow.parquet.write_table(made, path)
    content = path.read_bytes()
    entry = {
        "file": path.name,
        "rows": len(table),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest[dataset] = [part for part in manifest.get(dataset, []) if part["file"] != replacing] + [entry]
    manifest["generation"] += 1
    manifest_path.with_suffix(".new").write_text(json.dumps(manifest))
    os.replace(manifest_path.with_suffix(".new"), manifest_path)
    if replacing:
        (folder / replacing).unlink()
    return path.name


def fill_with_models(workspace: Workspace, count: int = 2, dataset: str = "corn", name: str = "") -> str:
    """Add a run of `count` fitted pipelines of two steps, which share the first; returns the run id."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = regression_arrays()
    run = workspace.create_run(dataset, name, source=DatasetSource(target=["protein"], shape=list(X.shape)))
    for i in range(count):
        steps = [StandardScaler(), Ridge(alpha=10.0**i)]
        pipeline = run.add_pipeline(steps, name=f"ridge {i}", record={"seed": 0, "task_type": "regression"})
        fitted = make_pipeline(*steps).fit(X, y)
        for number, (step, value) in enumerate(fitted.steps):
            pipeline.save_artifact(step, value, number)
        pipeline.save_metrics({"test": {"rmse": 1.0 + i, "samples": len(y)}})
        pipeline.save_predictions(pd.DataFrame({"y_true": y, "y_pred": fitted.predict(X)}))
        pipeline.complete()
    run.finalize()
    workspace.sync()
    return run.run_id


def content_of(folder: Path) -> dict[str, str]:
    """Every file below a folder with its sha256, and every folder; locks and the index apart: they are no content."""
    return {
        path.relative_to(folder).as_posix(): "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if "lock-" not in path.name and "index.sqlite" not in path.name
    }
