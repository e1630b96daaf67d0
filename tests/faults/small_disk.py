"""Fills a disk that is really small, in a process of its own: `python -m tests.faults.small_disk FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from storage import DiskFull, Run, Workspace


def add(run: Run, number: int, size: int = 10_000) -> str:
    """Add a result that takes some room; returns its id when it was acknowledged."""
    pipeline = run.add_pipeline({"k": number}, name=f"p{number}")
    pipeline.save_artifact("noise", np.random.default_rng(number).bytes(size))
    pipeline.save_metrics({"test": {"rmse": float(number)}})
    pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0]}))
    pipeline.complete()
    return pipeline.prediction_id


def main(folder: Path) -> None:
    root = folder / "workspace"
    acknowledged = []
    with Workspace.create(root) as workspace:
        run = workspace.create_run("large")
        add(run, 0, 1_000_000)
        run.finalize()
        workspace.plan_delete_run(run.run_id).apply()  # into the trash: it takes room still
        run = workspace.create_run("corn")
        try:
            for number in range(10_000):
                acknowledged.append(add(run, number))
        except DiskFull as error:
            print(error)
        assert len(acknowledged) > 10
        try:
            add(run, -1)
            raise AssertionError("there was room")
        except DiskFull:
            pass
        assert set(workspace.catalog.ids()) >= set(acknowledged)
    with Workspace.open(root) as workspace:  # as full as before
        assert set(workspace.catalog.ids()) >= set(acknowledged)
        assert all(workspace.catalog.arrays(one) for one in acknowledged)
        assert not workspace.read_only, workspace.notices
        assert workspace.trash.plan_empty().apply()
        acknowledged.append(add(workspace.create_run("corn"), 0))
    with Workspace.open(root) as workspace:
        assert set(workspace.catalog.ids()) >= set(acknowledged)
        found = [one for one in workspace.check(deep=True).findings if one.severity != "note"]
        assert found == [], found
    print(f"{len(acknowledged)} results are there")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
