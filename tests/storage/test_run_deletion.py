"""Deleting runs and pipelines: to the trash and back byte by byte, killed at any moment, while others look on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from storage import Conflict, Locked, NotFound, Workspace
from tests.storage.samples import content_of, fill, fill_with_models


def test_a_deleted_run_is_gone_at_once_and_comes_back_byte_by_byte(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    before, seen = content_of(workspace.root / "runs"), workspace.runs()
    plan = workspace.plan_delete_run(run_id)
    assert plan.bytes == sum(p.stat().st_size for p in (workspace.root / "runs").rglob("*") if p.is_file())
    assert workspace.runs() == seen and plan.trashed == []  # a plan is looked at first
    assert "restored" in plan.apply()
    assert workspace.runs() == [] and not (workspace.root / "runs" / run_id).exists()
    assert workspace.catalog.count() == 2 and not workspace.catalog.search()["folder_exists"].any()
    assert [row.status for row in workspace.runs(deleted=True)] == ["folder deleted"]
    (entry,) = workspace.trash.list()
    assert [entry.trash_id] == plan.trashed and (entry.kind, entry.origin) == ("run", f"runs/{run_id}")
    assert entry.bytes == plan.bytes and entry.problem is None
    workspace.trash.restore(entry.trash_id)
    assert content_of(workspace.root / "runs") == before and workspace.runs() == seen
    assert workspace.trash.list() == [] and workspace.catalog.search()["folder_exists"].all()


def test_a_deleted_pipeline_takes_its_number_along_and_leaves_what_it_shares(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 3)
    first = workspace.pipelines(run_id)[0]
    document = json.loads((workspace.root / "runs" / run_id / first.pipeline_id / "pipeline.json").read_text())
    needed = {Path(artifact["path"]).name for artifact in document["artifacts"]}
    before = content_of(workspace.root / "runs")
    assert workspace.runs()[0].metric_value == 1.0 and len(needed) == 2
    plan = workspace.plan_delete_pipeline(run_id, first.pipeline_id)
    plan.apply()
    (row,) = workspace.runs()
    assert (row.total, row.successful, row.metric_value) == (2, 2, 2.0)
    assert workspace.summary(run_id).total == 2 and workspace.count_pipelines(run_id) == 2
    assert (
        content_of(workspace.root / "runs" / run_id / "_binaries").items()
        <= {name.removeprefix(f"{run_id}/_binaries/"): digest for name, digest in before.items()}.items()
    )
    assert workspace.trash.kept_artifacts(run_id) == needed
    assert "restored" in workspace.trash.restore(plan.trashed[0])
    assert content_of(workspace.root / "runs") == before and workspace.runs()[0].metric_value == 1.0
    workspace.plan_delete_pipeline(run_id, workspace.pipelines(run_id)[2].pipeline_id).apply()
    again = workspace.run(run_id).add_pipeline({"k": 9})
    assert again.record.number == 4  # a number is never given twice
    again.fail("enough")


def test_a_run_that_is_being_written_is_left_alone(root: Path) -> None:
    with Workspace.create(root) as writer:
        run = writer.create_run("corn")
        pipeline = run.add_pipeline({"k": 1})
        with Workspace.open(root) as other:
            for plan in (
                lambda: other.plan_delete_run(run.run_id),
                lambda: other.plan_delete_pipeline(run.run_id, pipeline.pipeline_id),
            ):
                with pytest.raises(Locked):
                    plan()
            pipeline.save_metrics({"test": {"rmse": 1.0}})
            pipeline.complete()
            run.finalize()
            plan = other.plan_delete_run(run.run_id)
            writer.create_run("corn")  # at work again, between look and deed
            with pytest.raises((Locked, Conflict)):
                plan.apply()
        assert run.folder.is_dir() and writer.trash.list() == []


def test_a_damaged_run_can_be_deleted_too(workspace: Workspace) -> None:
    fill(workspace, 1)
    (folder,) = (workspace.root / "runs").iterdir()
    (folder / "run_config.json").write_bytes(b"\0\0")
    before = content_of(workspace.root / "runs")
    plan = workspace.plan_delete_run(folder.name)
    plan.apply()
    assert workspace.runs() == []
    workspace.trash.restore(plan.trashed[0])
    assert content_of(workspace.root / "runs") == before and workspace.runs()[0].problem


def test_what_changed_since_it_was_looked_at_is_not_deleted(workspace: Workspace) -> None:
    fill(workspace, 1)
    run_id = workspace.runs()[0].run_id
    plan = workspace.plan_delete_run(run_id)
    (workspace.root / "runs" / run_id / "notes.txt").write_text("written meanwhile")
    with pytest.raises(Conflict):
        plan.apply()
    assert workspace.trash.list() == [] and len(workspace.runs()) == 1
    for wrong in ("nothing", "../catalog", ".trash"):
        with pytest.raises(NotFound):
            workspace.plan_delete_run(wrong)
        with pytest.raises(NotFound):
            workspace.plan_delete_pipeline(run_id, wrong)


def test_an_id_whose_run_was_deleted_or_renamed_is_no_other_runs(workspace: Workspace) -> None:
    runs, (first,) = workspace.root / "runs", fill(workspace, 1)
    run_id = workspace.runs()[0].run_id
    (runs / run_id).rename(runs / "renamed")
    workspace.sync()
    (second,) = fill(workspace, 1)  # goes on in it, wherever it lies
    assert [(row.folder, row.run_id, row.total) for row in workspace.runs()] == [("renamed", run_id, 2)]
    plan = workspace.plan_delete_run(run_id)
    plan.apply()
    (third,) = fill(workspace, 1)
    workspace.trash.restore(plan.trashed[0])
    assert {row.run_id: row.total for row in workspace.runs()} == {run_id: 2, f"{run_id}~2": 1}
    assert workspace.place_of(first) != workspace.place_of(second) and workspace.place_of(third)[0] == f"{run_id}~2"
    assert workspace.check(deep=True).findings == ()
    shutil.rmtree(runs / "renamed")
    workspace.sync()
    empty = workspace.create_run("corn", name="empty")  # of it there are no results: the trash alone knows it
    empty.finalize()
    workspace.plan_delete_run(empty.run_id).apply()
    assert workspace.create_run("corn", name="empty").run_id == f"{empty.run_id}~2"
    assert workspace.create_run("corn").run_id == f"{run_id}~2"  # a folder that was removed by hand; gone on with


def test_a_place_that_was_taken_meanwhile_costs_nobody_anything(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    pipeline = workspace.plan_delete_pipeline(run_id, pipeline_id)
    pipeline.apply()
    run = workspace.plan_delete_run(run_id)
    run.apply()
    with pytest.raises(Conflict, match="is not there"):  # first the run, then its pipeline
        workspace.trash.restore(pipeline.trashed[0])
    other = fill(workspace, 1, name="other") and workspace.runs()[0].folder
    (workspace.root / "runs" / other).rename(workspace.root / "runs" / run_id)
    new = content_of(workspace.root / "runs" / run_id)
    with pytest.raises(Conflict):  # a run of that name, but not the one it is of
        workspace.trash.restore(pipeline.trashed[0])
    assert f"{run_id}~2" in workspace.trash.restore(run.trashed[0])
    workspace.trash.restore(pipeline.trashed[0])
    assert content_of(workspace.root / "runs" / run_id) == new
    assert (workspace.root / "runs" / f"{run_id}~2" / pipeline_id / "pipeline.json").is_file()
    assert len(workspace.runs()) == 2 and workspace.trash.list() == []


def test_a_pipeline_comes_back_into_its_run_under_a_new_name(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    plan = workspace.plan_delete_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id)
    plan.apply()
    (workspace.root / "runs" / run_id).rename(workspace.root / "runs" / "my best run")
    assert workspace.trash.kept_artifacts("my best run")
    workspace.trash.restore(plan.trashed[0])
    assert workspace.count_pipelines(run_id) == 2 and workspace.runs()[0].folder == "my best run"


def test_links_are_moved_as_they_are(workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 1)
    run_id = workspace.runs()[0].run_id
    (tmp_path / "dear.txt").write_text("not ours")
    (workspace.root / "runs" / run_id / "link").symlink_to(tmp_path)
    plan = workspace.plan_delete_run(run_id)
    plan.apply()
    workspace.trash.plan_empty().apply()
    assert (tmp_path / "dear.txt").read_text() == "not ours" and workspace.trash.list() == []
    shutil.rmtree(workspace.root / ".trash")
    assert workspace.trash.list() == []
