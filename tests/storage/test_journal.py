"""Large work is noted before its first step: what was cut short is finished by the next open, or never began."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Cancelled, Conflict, Workspace, check_workspace
from tests.storage.samples import fill, fill_with_models


def notes(root: Path) -> list[Path]:
    return sorted((root / ".staging").glob("plan-*"))


def delete_two_runs(root: Path) -> None:
    with Workspace.open(root) as workspace:
        for run in workspace.runs():
            workspace.plan_delete_run(run.run_id).apply()


def test_work_that_was_given_up_is_not_finished_later(root: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
        fill(workspace, 1, "wheat")
        delete_two_runs(root)

        def stop(done: int, total: int, text: str) -> None:
            if done == 1:
                raise Cancelled

        with pytest.raises(Cancelled):
            workspace.trash.plan_empty().apply(stop)
        assert len(workspace.trash.list()) == 1 and notes(root) == []
    with Workspace.open(root) as workspace:
        assert len(workspace.trash.list()) == 1


def test_the_note_of_a_living_process_is_left_alone_and_of_a_dead_one_is_told(root: Path) -> None:
    with Workspace.create(root) as workspace:
        note = {
            "kind": "remove",
            "title": "Empty the trash",
            "begun_at": "2026-11-20T10:00:00Z",
            "payload": {"entries": []},
        }
        path = root / ".staging" / "plan-1.json"
        path.write_text(json.dumps({**note, "writer": workspace._disk.writer}))
        with Workspace.open(root) as other:
            assert other.notices == [] and path.exists()
        path.write_text(json.dumps({**note, "writer": "nobody", "payload": {}}))
        report = check_workspace(root)
        assert [one.code for one in report.findings] == ["plan-unfinished"]
        with Workspace.open(root) as other:
            assert "does not say all of it" in other.notices[0] and path.exists()
        path.write_text(json.dumps({**note, "writer": "nobody", "kind": "of tomorrow"}))
        with Workspace.open(root) as other:
            assert other.notices == [] and path.exists()
        path.write_text(json.dumps({**note, "writer": "nobody"}))
        with Workspace.open(root) as other:
            assert "finished now" in other.notices[0] and not path.exists()
        path.write_bytes(b"{")
        assert [one.code for one in check_workspace(root).findings] == ["stale-file"]


def test_restoring_compacting_and_importing_can_be_looked_at_first(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace, 2)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    workspace.library.save_pipeline(run_id, pipeline_id, "kept")
    package = workspace.library.export_zip("pipeline", "kept", tmp_path / "kept.zip")
    plan = workspace.library.plan_import(package)
    assert "kept 2" in plan.steps[0].what and plan.bytes > 0 and len(workspace.library.list()) == 1
    assert "'kept 2'" in plan.apply() and len(workspace.library.list()) == 2
    stale = workspace.library.plan_import(package)
    package.write_bytes(package.read_bytes() + b" ")
    with pytest.raises(Conflict):
        stale.apply()

    pipeline = workspace.plan_delete_pipeline(run_id, pipeline_id)
    pipeline.apply()
    run = workspace.plan_delete_run(run_id)
    run.apply()
    back = workspace.trash.plan_restore([*pipeline.trashed, *run.trashed])
    assert [step.what.split()[0] for step in back.steps] == ["Bring", "Bring"] and workspace.runs() == []
    back.apply()
    assert workspace.count_pipelines(run_id) == 2 and workspace.trash.list() == []

    for _ in range(10):
        fill(workspace, 1)
    plan = workspace.catalog.plan_compact()
    rows = workspace.catalog.search(order_by="prediction_id").drop(columns="folder_exists")
    parts = len(workspace.catalog.manifest().meta)
    assert any("of meta" in step.what for step in plan.steps) and plan.bytes > 0
    plan.apply()
    assert len(workspace.catalog.manifest().meta) < parts and workspace.catalog.plan_compact().steps == ()
    assert rows.equals(workspace.catalog.search(order_by="prediction_id").drop(columns="folder_exists"))
