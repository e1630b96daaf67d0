"""Sources of other programs for tests: the real ones where they are at hand, and small ones that a test writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.foreign import ForeignArrays, ForeignPipeline, ForeignRun, Form

FOLDS = ("0", "1", "avg")
PAYLOAD = b"cos\nsystem\n(S'touch /tmp/runshelf-was-here'\ntR."  # a pickle that would do something


def real(name: str) -> Path:
    """A folder of real results of an earlier program, which lies beside the repository or is not there."""
    for parent in Path(__file__).resolve().parents:
        if (folder := parent / "shared" / "legacy" / name).is_dir():
            return folder
    pytest.skip("the real results of earlier programs (shared/legacy) are not on this computer")


def read(form: Form, folder: Path) -> tuple[list[ForeignRun], list[str]]:
    """All runs in or at a folder, and what could not be read."""
    place = form.find(folder)
    assert place is not None
    problems: list[str] = []
    return list(form.runs(place, problems)), problems


def pipelines(runs: list[ForeignRun]) -> list[ForeignPipeline]:
    return [pipeline for run in runs for pipeline in run.pipelines]


def blocks(pipeline: ForeignPipeline) -> dict[tuple[str, str], ForeignArrays]:
    """The arrays of a pipeline by partition and fold."""
    found = list(pipeline.arrays())
    by_place = {(one.partition, one.fold): one for one in found}
    assert len(by_place) == len(found)
    return by_place


def scores(pipeline: ForeignPipeline) -> dict[tuple[str, str, str], float]:
    """The scores of a pipeline by metric, partition and fold."""
    by_place = {(one.metric, one.partition, one.fold): one.value for one in pipeline.scores}
    assert len(by_place) == len(pipeline.scores)
    return by_place


def steps(components: tuple[int, ...] = (5, 12)) -> list[Any]:
    """A configuration of a scaler, a chart, folds and a model for each number of components."""
    return [
        "sklearn.preprocessing._data.MinMaxScaler",
        {"y_processing": {"class": "sklearn.preprocessing._data.StandardScaler"}},
        "chart_2d",
        {"class": "sklearn.model_selection._split.KFold", "params": {"n_splits": 2}},
        *(
            {
                "name": f"PLS-{n}",
                "model": {"class": "sklearn.cross_decomposition._pls.PLSRegression", "params": {"k": n}},
            }
            for n in components
        ),
    ]


def entries(config: str, step: int, model: str, **more: Any) -> list[dict[str, Any]]:
    """Prediction entries of a model: two folds and their mean, three partitions of two samples each."""
    found = []
    for f, fold in enumerate(FOLDS):
        for p, partition in enumerate(("train", "val", "test")):
            found.append(
                {
                    "id": f"{model.lower()}x{fold}",
                    "dataset_name": "corn",
                    "config_name": config,
                    "step_idx": step,
                    "op_counter": f + 1,
                    "model_name": model,
                    "model_classname": "PLSRegression" if fold == "avg" else model,
                    "model_path": "" if fold == "avg" else f"corn/{config}/{step}_{model}_{f + 1}.pkl",
                    "fold_id": fold,
                    "sample_indices": json.dumps([2 * p, 2 * p + 1]),
                    "weights": "[0.5, 0.5]",
                    "partition": partition,
                    "y_true": "[[1.5], [2.5]]",
                    "y_pred": json.dumps([[1.0 + f], [2.0 + p]]),
                    "train_score": step + f + 0.1,
                    "val_score": step + f + 0.2,
                    "test_score": step + f + 0.3,
                    "metric": "rmse",
                    "task_type": "regression",
                    "n_samples": 2,
                    "n_features": 7,
                    "best_params": "{}",
                }
                | more
            )
    return found
