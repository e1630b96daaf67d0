"""Eight processes write to one workspace, parts are merged meanwhile, and a window looks at it: nothing is lost.

RUNSHELF_WRITERS=8 RUNSHELF_RESULTS=500 pytest tests/faults/test_many_writers.py
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

from storage import Workspace, check_workspace
from tests.gui.starting import REPOSITORY, Starter
from tests.storage.conftest import own_cache
from tests.storage.kills import processes

__all__ = ["own_cache"]
WRITERS = int(os.environ.get("RUNSHELF_WRITERS", "4"))
RESULTS = int(os.environ.get("RUNSHELF_RESULTS", "12"))
WATCH = """
from PySide6.QtWidgets import QLabel
if shown.session.workspace is not None:
    if "opened" not in state:
        state.update(opened=True, texts=set())
        say("opened")
    state["texts"] |= {label.text() for label in shown.findChildren(QLabel)}
    stop = os.path.exists(os.environ["STOP"])
    if not stop and not shown.tasks.active:
        shown.rescan()
    if stop and not shown.tasks.active:
        for text in state["texts"]:
            say("text", text.replace(chr(10), " "))
        say("rows", shown.catalog.model.rowCount())
        shown.close()
"""


def write(root: Path, number: int, diary: Path) -> None:
    """Add results, one after the other, half of them to a run that all share; what is committed is written down."""
    with Workspace.open(root) as workspace, diary.open("w") as told:
        for result in range(RESULTS):
            run = workspace.create_run("corn", "shared" if result % 2 else f"of {number}")
            pipeline = run.add_pipeline({"writer": number, "k": result}, name=f"{number}-{result}")
            value = number + result / 1000
            pipeline.save_metrics({"test": {"rmse": value}})
            pipeline.save_predictions(pd.DataFrame({"y_true": [1.0], "y_pred": [value]}))
            pipeline.complete()
            told.write(json.dumps({"id": pipeline.prediction_id, "value": value}) + "\n")
            told.flush()
            if result % 10 == 9:
                workspace.catalog.compact()


def test_nothing_is_lost_and_nobody_is_told_of_locks(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    Workspace.create(root).close()
    runtime = Path(tempfile.mkdtemp(prefix="rs-"))  # a short path: sockets lie there
    (tmp_path / "user").mkdir()
    starter = Starter(tmp_path / "user", runtime)
    starter.environment |= {
        "PYTHONPATH": str(REPOSITORY),
        "STOP": str(tmp_path / "stop"),
        "RUNSHELF_LONGEST": "3600000",
    }
    began = time.monotonic()
    with starter.running(WATCH, str(root)) as window:
        assert window.stdout is not None and window.stdout.readline() == "opened\n"
        diaries = [tmp_path / f"writer-{number}.jsonl" for number in range(WRITERS)]
        at_work = [processes().Process(target=write, args=(root, n, diary)) for n, diary in enumerate(diaries)]
        for process in at_work:
            process.start()
        for process in at_work:
            process.join()
        (tmp_path / "stop").touch()
        said, problems = window.communicate(timeout=120)
    shutil.rmtree(runtime, ignore_errors=True)
    seconds = time.monotonic() - began
    assert [process.exitcode for process in at_work] == [0] * WRITERS
    assert window.returncode == 0 and "Traceback" not in problems, problems
    assert "lock" not in said.lower() and "in use" not in said, said
    told = [json.loads(line) for diary in diaries for line in diary.read_text().splitlines()]
    expected = {one["id"]: one["value"] for one in told}
    assert len(expected) == WRITERS * RESULTS
    with Workspace.open(root) as workspace:
        rows = workspace.catalog.search(limit=None)
        assert dict(zip(rows["prediction_id"], rows["test_rmse"], strict=True)) == expected
        parts = len(workspace.catalog.manifest().meta)
    files = duckdb.sql(f"select prediction_id, test_rmse from '{root}/catalog/predictions_meta.parquet/*.parquet'")
    assert dict(files.fetchall()) == expected
    assert check_workspace(root, deep=True).verdict == "clean"
    print(f"{len(expected)} results of {WRITERS} processes in {seconds:.0f} s; {parts} parts")
