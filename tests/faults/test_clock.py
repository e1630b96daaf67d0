"""Clocks that stand still, go back or are ahead: changes are found, order is by sequence."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import Workspace, check_workspace
from storage.records import new_id
from tests.faults.specimen import answers, changed
from tests.storage.samples import fill

YEAR = 365 * 86400 * 10**9
STAMPS: dict[str, Callable[[int], int]] = {
    "equal": lambda before: before,
    "back": lambda before: before - YEAR,
    "long ago": lambda before: 0,
    "ahead": lambda before: before + 50 * YEAR,
}


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_changed_document_is_found_whatever_its_time_says(root: Path, stamp: str) -> None:
    """A synced folder sets times as it likes. The size may be the same as well: then the inode tells."""
    with Workspace.open(root) as workspace:
        workspace.sync()
        for where in ("run_config.json", "run_summary.json"):
            path = next(root.glob(f"runs/*_study/{where}"))
            old = os.stat(path)
            document = json.loads(path.read_text())
            field = "run_name" if "config" in where else "status"
            document[field] = {"study": "STUDY", "completed": "cancelled"}[document[field]]
            path.with_suffix(".new").write_text(json.dumps(document, indent=2).ljust(old.st_size))
            os.replace(path.with_suffix(".new"), path)
            os.utime(path, ns=(old.st_atime_ns, STAMPS[stamp](old.st_mtime_ns)))
            workspace.sync()
        run = next(run for run in workspace.runs() if run.folder.endswith("_study"))
        assert (run.run_name, run.status) == ("STUDY", "cancelled")
        report = next(root.glob("library/trained/filtered/*/library_metadata.json"))
        old = os.stat(report)
        report.write_text(report.read_text().replace('"description": ""', '"description": "x"'))
        os.utime(report, ns=(old.st_atime_ns, STAMPS[stamp](old.st_mtime_ns)))
        assert workspace.library.get("filtered", "numbers").description == "x"


@pytest.mark.parametrize("stamp", STAMPS)
def test_all_times_of_all_files_may_be_the_same(root: Path, stamp: str) -> None:
    """As after a copy that does not keep them, or a restored backup."""
    with Workspace.open(root) as workspace:
        before = answers(workspace)
    moment = STAMPS[stamp](time.time_ns())
    for path in root.rglob("*"):
        os.utime(path, ns=(moment, moment), follow_symlinks=False)
    with Workspace.open(root) as workspace:
        workspace.sync(full=True)
        assert not changed(before, answers(workspace))
    assert not [one for one in check_workspace(root, deep=True).findings if one.severity != "note"]


def test_a_clock_that_goes_back_changes_no_order(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set back by a year between two results: numbers and ids go on, and the later edit counts."""
    with Workspace.open(root) as workspace:
        first = fill(workspace, 2, "rye")
        ids = [new_id() for _ in range(3)]
        workspace.catalog.annotate(first[:1], notes="early", stars=1)
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() - YEAR)
        second = fill(workspace, 2, "rye")
        ids += [new_id() for _ in range(3)]
        assert ids == sorted(ids) and [*first, *second] == sorted([*first, *second])
        (folder,) = {path.parent for path in root.glob("runs/*_rye/0*")}
        assert sorted(path.name[:4] for path in folder.glob("0*")) == ["0001", "0002", "0003", "0004"]
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs("rye")
        assert [row.prediction_id for row in workspace.pipelines(run.run_id)] == [*first, *second]
        workspace.rebuild_index()
        assert set(workspace.catalog.ids("dataset_name = 'rye'")) == {*first, *second}
    assert not [one for one in check_workspace(root, deep=True).findings if one.severity != "note"]


def test_an_edit_made_by_a_clock_that_was_set_back_still_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from storage import annotations
    from storage.records import utc_now

    with Workspace.open(root) as workspace:
        (one, *_) = workspace.catalog.ids()
        workspace.catalog.annotate([one], notes="first")
        monkeypatch.setattr(annotations, "utc_now", lambda: utc_now() - timedelta(days=400))
        workspace.catalog.annotate([one], notes="second")
        assert workspace.catalog.get(one)["notes"] == "second"
        workspace.rebuild_index()
        assert workspace.catalog.get(one)["notes"] == "second"
