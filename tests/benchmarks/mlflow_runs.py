"""Time MLflow's search over many runs: `PYTHON mlflow_runs.py FOLDER RUNS DATASET`, with an interpreter that has it.

The runs are put straight into the tables that MLflow made, for logging ten thousand takes minutes. Each has the
parameters and metrics that a row of our catalog has. Prints milliseconds as JSON.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

PARAMS = ("dataset", "model_type", "pipeline_name", "config_hash", "seed")
METRICS = tuple(f"{p}_{m}" for p in ("train", "val", "test") for m in ("rmse", "mae", "r2", "bias", "sep", "rpd"))
NOW = 1_780_000_000_000  # milliseconds since 1970


def fill(database: Path, experiment: str, runs: int, dataset: str) -> None:
    """Insert runs; every twentieth is of the dataset that will be asked for."""
    chosen = random.Random(1)
    with closing(sqlite3.connect(database)) as connection, connection:
        for number in range(runs):
            name = dataset if number % 20 == 0 else f"dataset{number % 20}"
            _insert(connection, experiment, number, name, chosen)


def _insert(connection: sqlite3.Connection, experiment: str, number: int, dataset: str, chosen: random.Random) -> None:
    run, moment = uuid.UUID(int=chosen.getrandbits(128)).hex, NOW + number
    _row(
        connection, "runs", run_uuid=run, name=f"run{number}", source_type="LOCAL", source_name="", entry_point_name="",
        user_id="anna", status="FINISHED", start_time=moment, end_time=moment, source_version="",
        lifecycle_stage="active", artifact_uri=f"file:///artifacts/{run}", experiment_id=int(experiment),
    )  # fmt: skip
    _row(connection, "tags", key="mlflow.runName", value=f"run{number}", run_uuid=run)
    for key in PARAMS:
        _row(connection, "params", key=key, value=dataset if key == "dataset" else f"{key}{number}", run_uuid=run)
    for key in METRICS:
        values = {"key": key, "value": chosen.gammavariate(2, 1), "timestamp": moment, "step": 0, "is_nan": 0}
        _row(connection, "metrics", **values, run_uuid=run)
        _row(connection, "latest_metrics", **values, run_uuid=run)


def _row(connection: sqlite3.Connection, table: str, **values: Any) -> None:
    names, places = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"insert into {table} ({names}) values ({places})", tuple(values.values()))


def measured(work: Callable[[], Any], times: int) -> Iterator[float]:
    """Milliseconds of each call, after one more."""
    for number in range(times + 1):
        start = time.perf_counter()
        work()
        if number:
            yield (time.perf_counter() - start) * 1e3


def main() -> int:
    """Make the store, fill it, ask."""
    import mlflow

    folder, runs, dataset = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
    fill(folder / "mlflow.db", experiment, runs, dataset)

    def search(most: int) -> Any:
        where = f"params.dataset = '{dataset}'"
        order = ["metrics.test_rmse ASC"]
        return mlflow.search_runs([experiment], filter_string=where, order_by=order, max_results=most)

    assert len(search(50)) == min(50, -(-runs // 20))
    found = {"search": list(measured(lambda: search(50), 7)), "search_all": list(measured(lambda: search(50_000), 3))}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
