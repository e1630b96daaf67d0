"""Generated results as workspaces on disk: parts, the manifest that names them, and run folders with their documents.

python -m tests.benchmarks.workspaces FOLDER ROWS          a large catalog, without run folders
python -m tests.benchmarks.workspaces FOLDER RUNS --runs   many runs of a few pipelines, with their folders
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from tests.benchmarks.generate import Results, data_table, meta_table
from tests.benchmarks.grid import MOST_ARRAYS

PART_ROWS = {"meta": 262_144, "data": 25_000}
ROW_GROUP = {"meta": 65_536, "data": 512}
PER_RUN = 3  # pipelines of a run in a workspace of many runs


def make_catalog(folder: Path, rows: int) -> None:
    """A workspace whose catalog has so many results; up to 100,000 of them have arrays."""
    from storage import Workspace

    Workspace.create(folder).close()
    meta = meta_table(Results(rows))
    ids = meta["prediction_id"].combine_chunks()
    add_parts(folder, meta, data_table(ids.slice(0, MOST_ARRAYS)))


def make_runs(folder: Path, runs: int) -> None:
    """A workspace of so many runs with their folders, all in the catalog."""
    from storage import Workspace

    Workspace.create(folder).close()
    meta = meta_table(Results(runs * PER_RUN, per_run=PER_RUN))
    add_run_folders(folder, meta)
    add_parts(folder, meta)


def add_results(folder: Path, rows: int, after: int) -> None:
    """One more run of so many results, as another program leaves them: its folder, then its catalog part.

    `after` results are there already.
    """
    meta = meta_table(Results(rows, start=-(-after // rows) * rows, per_run=rows))
    add_run_folders(folder, meta, age=0)
    add_parts(folder, meta, data_table(meta["prediction_id"].combine_chunks()))


# ---------------------------------------------------------------- parts


def add_parts(folder: Path, meta: pa.Table, data: pa.Table | None = None) -> None:
    """Commit rows as the documentation tells another program to: the files, then the manifest, under the lock."""
    catalog = folder / "catalog"
    with FileLock(folder / ".staging/lock-catalog"):
        path = catalog / "manifest.json"
        manifest = json.loads(path.read_bytes()) if path.exists() else {"format": 1, "generation": 0}
        for name, table in (("meta", meta), ("data", data)):
            manifest.setdefault(name, [])
            if table is not None:
                manifest[name] += _write_parts(catalog / f"predictions_{name}.parquet", table, name)
        manifest.setdefault("annotations", [])
        manifest["generation"] += 1
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(manifest, indent=1), "utf-8")
        os.replace(fresh, path)


def _write_parts(folder: Path, table: pa.Table, kind: str) -> Iterator[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    for start in range(0, table.num_rows, PART_ROWS[kind]):
        path = folder / f"part-{time.time_ns():x}-{secrets.token_hex(4)}.parquet"  # in the order of their making
        rows = table.slice(start, PART_ROWS[kind])
        pq.write_table(rows, path, row_group_size=ROW_GROUP[kind], compression="zstd", write_page_checksum=True)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield {"file": path.name, "rows": rows.num_rows, "bytes": path.stat().st_size, "sha256": digest}


# ---------------------------------------------------------------- run folders


def add_run_folders(folder: Path, meta: pa.Table, age: int = 3600) -> None:
    """The folders and documents of all runs in these rows; `age` in seconds is what their time stamps say.

    Documents as young as the scan that reads them are read once more the next time, which would not be the usual case.
    """
    wanted = ["run_id", "run_name", "dataset_name", "task_type", "created_at", "pipeline_id", "prediction_id"]
    wanted += ["pipeline_name", "config_name", "config_hash", "config", "model_type", "status", "val_rmse"]
    moment = time.time() - age
    runs: dict[str, list[dict[str, Any]]] = {}
    for row in meta.select(wanted).to_pylist():
        runs.setdefault(row["run_id"], []).append(row)
    for run_id, rows in runs.items():
        _write_run(folder / "runs" / run_id, rows, moment)


def _write_run(folder: Path, rows: list[dict[str, Any]], moment: float) -> None:
    from storage.records import RunConfig, RunSummary

    first = rows[0]
    shared = {name: first[name] for name in ("run_id", "run_name", "dataset_name", "task_type", "created_at")}
    planned = [{"pipeline_id": row["pipeline_id"], "status": row["status"]} for row in rows]
    good = sum(row["status"] == "completed" for row in rows)
    times = {"started_at": first["created_at"], "completed_at": rows[-1]["created_at"], "duration_seconds": 60.0}
    counts = {"total": len(rows), "successful": good, "failed": len(rows) - good}
    for row in rows:
        _write_pipeline(folder / row["pipeline_id"], row, moment)
    _write(folder / "run_config.json", RunConfig(**shared, pipelines=planned).to_json(), moment)
    _write(folder / "run_summary.json", RunSummary(status="completed", **times, **counts).to_json(), moment)
    os.utime(folder, (moment, moment))


def _write_pipeline(folder: Path, row: dict[str, Any], moment: float) -> None:
    from storage.records import PipelineRecord

    number = int(row["pipeline_id"].partition("_")[0])
    ids = {"id": row["pipeline_id"], "number": number, "prediction_id": row["prediction_id"]}
    named = {"name": row["pipeline_name"], "config_name": row["config_name"], "hash": row["config_hash"]}
    same = {name: row[name] for name in ("status", "created_at", "model_type", "task_type")}
    template = {"steps": json.loads(row["config"])}
    record = PipelineRecord(**ids, **named, **same, template=template, completed_at=row["created_at"])
    folder.mkdir(parents=True)
    _write(folder / "pipeline.json", record.to_json(), moment)
    _write(folder / "metrics.json", json.dumps({"val": {"rmse": row["val_rmse"]}}).encode(), moment)
    os.utime(folder, (moment, moment))


def _write(path: Path, content: bytes, moment: float) -> None:
    path.write_bytes(content)
    os.utime(path, (moment, moment))


def main() -> int:
    """Make one workspace and its index."""
    from storage import Workspace

    parser = argparse.ArgumentParser(description="Make a workspace to measure with.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int, help="results, or with --runs runs")
    parser.add_argument("--runs", action="store_true", help="make run folders too")
    options = parser.parse_args()
    (make_runs if options.runs else make_catalog)(options.folder, options.number)
    Workspace.open(options.folder).close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
