"""The command line driven by a shell script, from making a workspace to bringing a run back byte by byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

HERE = Path(__file__).parent
GRID = """
name: ridge
steps:
  - class: sklearn.preprocessing.StandardScaler
  - class: sklearn.linear_model.Ridge
grid:
  Ridge__alpha: [0.1, 1.0, 100.0]
cv: {n_splits: 3}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script for a POSIX shell")
def test_the_tour_of_the_command_line(spectra_csv: Path, commands: Path, tmp_path: Path) -> None:
    place = tmp_path / "tour with spaces"
    place.mkdir()
    spectra_csv.rename(place / "data.csv")
    (place / "grid.yaml").write_text(GRID)
    environment = os.environ | {
        "PYTHON": sys.executable,
        "PYTHONPATH": str(HERE.parents[1]),
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
    }
    ended = subprocess.run(
        ["sh", str(HERE / "cli_tour.sh"), str(place)], env=environment, capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("The tour is over: ")
    assert ended.stderr == ""  # no progress where nobody looks, and nothing to complain of

    def told(name: str) -> Any:
        return json.loads((place / f"{name}.json").read_text("utf-8"))

    meta = f"read_parquet('{place}/first/catalog/predictions_meta.parquet/*.parquet')"
    (best,) = told("best")
    expected = duckdb.sql(f"select pipeline_id, val_rmse from {meta} order by val_rmse limit 1").fetchall()
    assert [(best["pipeline_id"], best["val_rmse"])] == expected
    assert told("run")["completed"] == len(told("pipelines")) == len(told("catalog")) == 3
    assert told("tagged")[0]["prediction_id"] == best["prediction_id"] and len(told("tagged")) == 1
    assert (place / "summary.csv").read_text().startswith("alpha,results,")

    (there,) = told("second")
    assert (there["kind"], there["name"], there["pipeline_id"]) == ("pipeline", "best", best["pipeline_id"])
    assert "Reproduces: " in (place / "loaded.txt").read_text()
    second = f"read_parquet('{place}/second/catalog/predictions_meta.parquet/*.parquet')"
    assert duckdb.sql(f"select config_hash, val_rmse from {second}").fetchall() == [
        (best["config_hash"], best["val_rmse"])
    ]
    assert told("again_run")["completed"] == 1

    taken = {path.name for path in (place / "away").iterdir()}
    assert f"tour_{best['pipeline_id']}" in taken and f"{told('run')['run_id']}.html" in taken
    assert sum(name.endswith(".csv") for name in taken) == 2
    assert [one["pipeline_id"] for one in told("archives")] == [best["pipeline_id"]]
    assert "dry run" in (place / "thin.txt").read_text()
    assert told("none") == [] and [one["kind"] for one in told("trash")] == ["run"]
    assert (place / "before.txt").read_text().count("\n") > 10
    assert told("check") == []
