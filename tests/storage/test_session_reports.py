"""Session reports: what was done since a moment or in some runs, as data and as Markdown; nothing written over."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from storage import NotFound, Workspace
from storage.records import utc_now
from tests.storage.samples import fill, fill_with_models


def test_a_report_tells_what_was_done_since_a_moment(workspace: Workspace) -> None:
    fill(workspace, 2, name="old")
    old = max(row["created_at"] for row in workspace.catalog.rows(workspace.catalog.keys()))
    since = old + timedelta(milliseconds=1)
    while utc_now() < since:
        pass
    run_id = fill_with_models(workspace, 2, "wheat")
    run = workspace.create_run("corn", "bad")
    run.add_pipeline({"k": 1}, name="x").fail("no | luck")
    run.finalize()
    workspace.library.save_filtered(run_id, workspace.pipelines(run_id)[0].pipeline_id, "dear")
    workspace.archive("filtered", run_id=run_id)
    workspace.catalog.plan_delete("test_rmse = 2 and dataset_name = 'wheat'").apply()
    report = workspace.session_report(since)
    assert {one["run_id"] for one in report["runs"]} == {run_id, run.run_id}
    assert report["results"] == {"new": 2, "completed": 1, "failed": 1}
    (best,) = report["best"]
    assert (best["dataset_name"], best["metric"], best["value"]) == ("wheat", "test_rmse", 1.0)
    assert [one["message"] for one in report["failures"]] == ["no | luck"]
    assert [one["name"] for one in report["kept"]] == ["dear"] and len(report["archived"]) == 2
    assert [one["kind"] for one in report["deleted"]] == ["results"]
    path = workspace.export_session_report(since)
    again = workspace.export_session_report(since)
    assert path.parent == workspace.root / "exports" / "session_reports" and path != again
    assert json.loads(path.with_suffix(".json").read_text())["best"] == report["best"]
    text = path.read_text()
    for told in ("2 results in 2 runs", "no \\| luck", "## Best of each dataset", "dear", "| wheat |"):
        assert told in text


def test_a_report_of_chosen_runs_tells_of_these_alone(workspace: Workspace) -> None:
    fill(workspace, 2)
    fill(workspace, 3, "wheat")
    corn = workspace.runs("corn")[0].run_id
    report = workspace.session_report(run_ids=[corn])
    assert [one["run_id"] for one in report["runs"]] == [corn] and report["results"]["new"] == 2
    assert report["kept"] == report["deleted"] == [] and report["since"] is None
    assert workspace.session_report()["results"]["new"] == 5  # since today began
    assert workspace.session_report(utc_now() + timedelta(days=1))["runs"] == []
    with pytest.raises(NotFound):
        workspace.session_report(run_ids=["nothing"])
