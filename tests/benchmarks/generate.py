"""Results of any number in seconds, as the tables of a catalog; the same arguments give the same results.

The columns are those of docs/folder-tree.md. Nothing of storage is used, only what its documentation promises to any
program, so that the benchmark also shows that the promise is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tests.benchmarks.grid import CLASSIFICATION, DATASETS, METRICS, SAMPLES, configurations

START = np.datetime64("2026-01-05T08:00:00", "us")
EVERY = 19_000_000  # microseconds from one result to the next: a million take seven months

META_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("prediction_id", "dataset_name", "run_id")),
        ("run_date", pa.date32()),
        *((name, pa.string()) for name in ("pipeline_id", "pipeline_name", "config_name", "config_hash")),
        *((name, pa.string()) for name in ("model_type", "task_type", "status")),
        ("created_at", pa.timestamp("us", tz="UTC")),
        *((name, pa.int64()) for name in ("n_samples", "n_features", "n_folds")),
        ("fit_seconds", pa.float64()),
        *((name, pa.string()) for name in ("created_by", "run_name", "data_hash")),
        ("seed", pa.int64()),
        ("config", pa.string()),
        *((f"{partition}_{name}", pa.float64()) for partition in ("train", "val", "test") for name in METRICS),
        *((f"cross_validation_{name}_rmse", pa.float64()) for name in ("mean", "std")),
        *((f"{partition}_accuracy", pa.float64()) for partition in ("val", "test")),
    ]
)
DATA_SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("partition", pa.string()),
        ("fold_id", pa.int64()),
        ("n_targets", pa.int64()),
        ("sample_indices", pa.list_(pa.int64())),
        ("y_true", pa.list_(pa.float64())),
        ("y_pred", pa.list_(pa.float64())),
        ("labels", pa.list_(pa.string())),
        ("probabilities", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True)
class Results:
    """Which results to make: `rows` of them, the first being number `start` of the workspace, in runs of `per_run`."""

    rows: int
    start: int = 0
    per_run: int = 250


# ---------------------------------------------------------------- values


def uuids(moments: np.ndarray, random: np.random.Generator) -> pa.Array:
    """UUIDv7 texts for times in microseconds: 48 bits of milliseconds, then random ones; they sort as the times do."""
    raw = random.integers(0, 256, (len(moments), 16), dtype=np.uint8)
    raw[:, :6] = (moments // 1000).astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    raw[:, 6] = raw[:, 6] & 0x0F | 0x70
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(moments), 36), ord("-"), np.uint8)
    places = [i for i in range(36) if i not in (8, 13, 18, 23)]
    text[:, places] = digits[np.stack([raw >> 4, raw & 15], axis=2).reshape(-1, 32)]
    ends = np.arange(len(moments) + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(len(moments), pa.py_buffer(ends), pa.py_buffer(text))


def meta_table(wanted: Results) -> pa.Table:
    """The rows of meta, oldest first."""
    random = np.random.default_rng(wanted.start + 1)
    number = np.arange(wanted.start, wanted.start + wanted.rows)
    run = number // wanted.per_run
    dataset = run % len(DATASETS)
    config = random.integers(0, len(configurations()), wanted.rows)
    moments = START.astype(np.int64) + number * EVERY + random.integers(0, EVERY // 2, wanted.rows)
    failed = random.random(wanted.rows) < 0.02
    classes = np.isin(dataset, [DATASETS.index(name) for name in CLASSIFICATION])
    columns: dict[str, Any] = {
        "prediction_id": uuids(moments, random),
        "created_at": pa.array(moments.view("datetime64[us]")),
        "task_type": _choice(classes, ["regression", "classification"]),
        "status": _choice(failed, ["completed", "failed"]),
        "fit_seconds": random.lognormal(-2, 1.2, wanted.rows),
        "created_by": _choice(run % 3, ["anna", "ben", "chris"]),
        "n_folds": np.full(wanted.rows, 5),
        "seed": np.zeros(wanted.rows, np.int64),
        **_of_datasets(dataset),
        **_of_configs(config),
        **_metrics(config, failed, classes, random),
    }
    columns |= _of_runs(run, moments, columns["dataset_name"], wanted)
    columns["pipeline_id"] = _pipeline_ids(number % wanted.per_run + 1, columns)
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in META_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=META_SCHEMA)


def _choice(which: np.ndarray, values: list[str]) -> pa.Array:
    """One of few texts for each row."""
    return pa.DictionaryArray.from_arrays(which.astype(np.int32), pa.array(values)).cast(pa.string())


def _of_datasets(dataset: np.ndarray) -> dict[str, Any]:
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in DATASETS]
    return {
        "dataset_name": _choice(dataset, list(DATASETS)),
        "data_hash": _choice(dataset, hashes),
        "n_samples": 60 + 17 * dataset,
        "n_features": 200 + 100 * (dataset % 7),
    }


def _of_configs(config: np.ndarray) -> dict[str, Any]:
    known = configurations()
    return {
        "pipeline_name": _choice(config, [one.name for one in known]),
        "config_name": _choice(config, [one.config_name for one in known]),
        "config_hash": _choice(config, [one.digest for one in known]),
        "model_type": _choice(config, [one.model_type for one in known]),
        "config": _choice(config, [one.text for one in known]),
    }


def _of_runs(run: np.ndarray, moments: np.ndarray, dataset: pa.Array, wanted: Results) -> dict[str, Any]:
    """A run is of the day of its first result and has that in its id."""
    began = START.astype(np.int64) + run * wanted.per_run * EVERY
    day = pa.array(began.view("datetime64[us]")).cast(pa.date32())
    name = pc.binary_join_element_wise("study", pa.array(run).cast(pa.string()), "-")
    return {
        "run_date": day,
        "run_name": name,
        "run_id": pc.binary_join_element_wise(day.cast(pa.string()), dataset, name, "_"),
    }


def _pipeline_ids(number: np.ndarray, columns: dict[str, Any]) -> pa.Array:
    """`0001_PLSRegression_a1b2c3`."""
    padded = pc.utf8_lpad(pa.array(number).cast(pa.string()), 4, "0")
    digest = pc.utf8_slice_codeunits(columns["config_hash"], 0, 6)
    return pc.binary_join_element_wise(padded, columns["model_type"], digest, "_")


def _metrics(
    config: np.ndarray, failed: np.ndarray, classes: np.ndarray, random: np.random.Generator
) -> dict[str, pa.Array]:
    """Metrics that hang together: some configurations are better, and testing is a bit worse than training."""
    rows, columns = len(config), {}
    talent = random.gamma(3, 0.2, int(config.max(initial=0)) + 1)[config]
    for place, partition in enumerate(("train", "val", "test")):
        rmse = talent * random.gamma(8, 0.1 + 0.03 * place, rows)
        r2 = 1 - rmse**2 / 4
        values = (rmse, 0.8 * rmse, r2, random.normal(0, 0.05, rows), 0.99 * rmse, 2 / rmse)
        columns |= {f"{partition}_{name}": value for name, value in zip(METRICS, values, strict=True)}
    columns["cross_validation_mean_rmse"] = columns["val_rmse"] * 0.97
    columns["cross_validation_std_rmse"] = columns["val_rmse"] * 0.1
    found = {name: pa.array(value, mask=failed | classes) for name, value in columns.items()}
    for partition in ("val", "test"):
        accuracy = np.round(np.clip(1 - talent / 2 + random.normal(0, 0.05, rows), 0.2, 1), 3)
        found[f"{partition}_accuracy"] = pa.array(accuracy, mask=failed | ~classes)
    return found


def data_table(ids: pa.Array, seed: int = 0) -> pa.Table:
    """The arrays of predictions: one row each, of their test samples."""
    random = np.random.default_rng(seed)
    rows = len(ids)
    ends = pa.array(np.arange(rows + 1, dtype=np.int32) * SAMPLES)
    true = random.gamma(4, 2, rows * SAMPLES)
    columns = {
        "prediction_id": ids,
        "partition": _choice(np.zeros(rows), ["test"]),
        "n_targets": np.ones(rows, np.int64),
        "sample_indices": pa.ListArray.from_arrays(ends, pa.array(np.tile(np.arange(SAMPLES), rows))),
        "y_true": pa.ListArray.from_arrays(ends, pa.array(true)),
        "y_pred": pa.ListArray.from_arrays(ends, pa.array(true + random.normal(0, 0.4, len(true)))),
    }
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in DATA_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=DATA_SCHEMA)
