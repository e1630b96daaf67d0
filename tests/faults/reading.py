"""Every verb on a workspace that can't be written to, read or refused: `python -m tests.faults.reading FOLDER`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from storage import ReadOnly, Workspace, check_workspace
from storage.cli import main as command
from tests.faults.changes import CHANGES, pipeline_of, rebuild_index, run_of, sign, sync
from tests.faults.states import answers
from tests.faults.watching import Call, watched

ELSEWHERE = (
    rebuild_index,
    sync,
    sign,
)  # the index is kept in the user's cache; what can't be signed is stored unsigned


def readings(workspace: Workspace) -> dict[str, Callable[[], Any]]:
    """Every verb that reads."""
    catalog, library = workspace.catalog, workspace.library
    run_id, pipeline_id = run_of(workspace, "corn"), pipeline_of(workspace, "corn")
    ids = catalog.ids("dataset_name = 'corn'")
    keys = catalog.keys()
    return {
        "answers": lambda: answers(workspace),
        "details": lambda: workspace.details(run_id, pipeline_id).arrays,
        "deleted_details": lambda: workspace.deleted_details(ids[0]),
        "summary": lambda: workspace.summary(run_id),
        "run": lambda: workspace.run(run_id).pipelines()[0].metrics(),
        "place_of": lambda: workspace.place_of(ids[0]),
        "count_pipelines": lambda: workspace.count_pipelines(run_id),
        "folders_with": lambda: workspace.folders_with("0001"),
        "load": lambda: workspace.load(run_id, pipeline_id).model,
        "foresee": lambda: workspace.foresee(run_id, pipeline_id),
        "check": lambda: workspace.check(deep=True).checked["results"],
        "usage": lambda: workspace.usage(),
        "index_status": lambda: workspace.index_status(),
        "session_report": lambda: workspace.session_report(),
        "chains": lambda: workspace.compare_chains(ids, ids[0]),
        "sample_errors": lambda: workspace.sample_errors(ids, "test"),
        "best": lambda: len(catalog.best("test_rmse")),
        "global_best": lambda: len(catalog.global_best()),
        "search": lambda: len(catalog.search("test_rmse < 3")) + 1,
        "summary by": lambda: len(catalog.summary()),
        "group": lambda: catalog.group(["dataset_name"], ["test_rmse"]),
        "best_values": lambda: catalog.best_values(["test_rmse"]),
        "complete": lambda: catalog.complete("test_", 5),
        "config": lambda: catalog.config(ids[0]),
        "values": lambda: catalog.values(keys, ["test_rmse"]),
        "parameters": lambda: catalog.parameters_of(keys),
        "columns": lambda: catalog.columns(),
        "arrays": lambda: catalog.arrays(ids[0]),
        "tags": lambda: catalog.tags(),
        "library": lambda: library.get("filtered", "kept"),
        "library config": lambda: library.config("template", "ridge"),
        "verify": lambda: library.verify("filtered", "kept") == [],
        "sync": lambda: workspace.sync() or True,
        "archives": lambda: workspace.archives(),
        "trash": lambda: workspace.trash.list(),
    }


def read(root: Path, read_only: bool = False) -> None:
    """Open a workspace that can't be written to and read all of it: nothing tries to write."""
    tried: list[Call] = []
    with watched(root, tried.append), Workspace.open(root, read_only) as workspace:
        assert workspace.read_only
        assert read_only or any("reading only" in one for one in workspace.notices), workspace.notices
        for name, ask in readings(workspace).items():
            assert ask(), name
        found = check_workspace(root)
        assert found.verdict == "clean", found.findings
    assert tried == [], tried


def change(root: Path) -> None:
    """Try every change: each is refused, with an advice."""
    with Workspace.open(root) as workspace:
        for one in CHANGES:
            if one in ELSEWHERE:
                continue
            try:
                for _ in one(workspace):
                    pass
            except ReadOnly as error:
                assert error.what and error.advice, one.__name__
                continue
            raise AssertionError(f"{one.__name__} was not refused")


def command_line(root: Path) -> None:
    """Try what the command line says to it: a sentence and a code."""
    for words, code in {
        "catalog best test_rmse": 0,
        "check": 0,
        "library list": 0,
        "library delete filtered kept --yes": ReadOnly.exit_code,
        "trash empty --yes": ReadOnly.exit_code,
        "catalog compact": ReadOnly.exit_code,
    }.items():
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            ended = command(["-w", str(root), *words.split()])
        assert ended == code, (words, ended, said.getvalue())
        assert "Traceback" not in said.getvalue() and said.getvalue().strip(), said.getvalue()


if __name__ == "__main__":
    for work in (read, change, command_line):
        work(Path(sys.argv[1]))
    print(f"read as {os.geteuid()}")
