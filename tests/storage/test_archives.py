"""Archives: copies that survive their run, found from the catalog row, never twice, never half, damage named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from storage import BadInput, Conflict, NotFound, Workspace, check_workspace
from storage.archives import archived_artifact, archived_data, read_archive
from tests.storage.samples import content_of, fill, fill_with_models


def test_an_archive_outlives_its_run_and_is_found_from_the_catalog_row(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 2)
    first, second = workspace.pipelines(run_id)
    pipeline = workspace.run(run_id).pipeline(first.pipeline_id)
    pipeline_folder = workspace.root / "runs" / run_id / first.pipeline_id
    (pipeline_folder / "parity.png").write_bytes(b"a chart")
    before = workspace.details(run_id, first.pipeline_id)
    document = (pipeline_folder / "pipeline.json").read_bytes()
    plan = workspace.plan_archive("pipeline", run_id=run_id, pipeline_id=first.pipeline_id)
    assert len(plan.steps) == 1 and plan.bytes > 0 and workspace.archives() == []
    assert plan.apply() == "1 archive made."
    (archive,) = workspace.archives()
    assert archive.name == f"corn_{run_id[:10]}_{first.pipeline_id}" and archive.problem is None
    assert (archive.run_id, archive.prediction_id, archive.metric_value) == (run_id, first.prediction_id, 1.0)
    workspace.plan_delete_run(run_id).apply()
    workspace.trash.plan_empty().apply()
    assert workspace.archives(second.prediction_id) == [] and workspace.archives(first.prediction_id) == [archive]
    after = workspace.deleted_details(first.prediction_id)
    assert after.deleted and after.archive == archive.path and after.problems == []
    assert after.metrics == before.metrics and after.sample_names == before.sample_names
    assert [a.y_pred.tolist() for a in after.arrays] == [a.y_pred.tolist() for a in before.arrays]
    assert [chart.read_bytes() for chart in after.charts] == [b"a chart"]
    assert after.pipeline is not None and after.run is not None and after.run.run_id == run_id
    for old, new in zip(pipeline.record.artifacts, after.pipeline.artifacts, strict=True):
        assert len(archived_artifact(archive.path, new)) == old.bytes
    record = read_archive(archive.path)
    data = archived_data(archive.path, record)
    assert data is not None and set(data["prediction_id"].to_pylist()) == {first.prediction_id}
    assert (archive.path / "source" / "pipeline.json").read_bytes() == document
    assert workspace.deleted_details(second.prediction_id).archive is None
    assert check_workspace(workspace.root, deep=True).verdict == "clean"


def test_the_same_content_is_recognised_and_other_content_stands_beside(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 2)
    made = workspace.archive("pipeline", run_id=run_id)
    before = content_of(workspace.root / "catalog" / "archives")
    assert workspace.archive("pipeline", run_id=run_id) == made
    assert workspace.plan_archive("pipeline", run_id=run_id).apply() == "0 archives made, 2 were there already."
    assert content_of(workspace.root / "catalog" / "archives") == before
    pipeline_id = made[0].pipeline_id
    (workspace.root / "runs" / run_id / pipeline_id / "notes.txt").write_text("new")
    (again,) = workspace.archive("pipeline", run_id=run_id, pipeline_id=pipeline_id)
    assert again.name == f"{made[0].name}~2"
    assert content_of(workspace.root / "catalog" / "archives").items() > before.items()
    (made[1].path / "metrics.json").unlink()  # a damaged one is none
    pipeline_id = made[1].pipeline_id
    assert workspace.archive("pipeline", run_id=run_id, pipeline_id=pipeline_id)[0].name.endswith("~2")


def test_a_query_or_a_metric_chooses_and_every_kind_has_its_content(workspace: Workspace) -> None:
    ids = fill(workspace, 3)
    fill(workspace, 2, "wheat")
    best = workspace.archive("best_predictions", metric="test_r2", n=1)
    assert [archive.dataset_name for archive in best] == ["corn", "wheat"]
    source = workspace.root / "runs" / best[0].run_id / best[0].pipeline_id
    assert (best[0].path / "predictions.csv").read_bytes() == (source / "predictions.csv").read_bytes()
    filtered = workspace.archive("filtered", filter="dataset_name = 'corn' and test_rmse < 2.5")
    assert len(filtered) == 2 and {p.name for p in filtered[0].path.iterdir()} == {
        "archive.json", "config.json", "metrics.json",
    }  # fmt: skip
    assert len(workspace.archives(kind="filtered")) == 2 and len(workspace.archives(dataset="wheat")) == 1
    assert {one.kind for one in workspace.archives(ids[0])} == {"filtered", "best_predictions"}
    shutil.rmtree(workspace.root / "runs")
    (workspace.root / "runs").mkdir()
    workspace.sync()
    last = workspace.archive("best_predictions", filter=f"prediction_id = '{ids[2]}'")  # the catalog has them still
    assert b"y_pred" in (last[0].path / "predictions.csv").read_bytes() and last[0].pipeline_id
    with pytest.raises(Conflict, match="is gone"):
        workspace.archive("pipeline", filter="dataset_name = 'wheat'")
    for wrong in ({}, {"filter": " "}, {"run_id": "x", "metric": "y"}, {"metric": "test_rmse", "n": 0}):
        with pytest.raises(BadInput):
            workspace.plan_archive("pipeline", **wrong)
    with pytest.raises(NotFound):
        workspace.plan_archive("nonsense", metric="test_rmse")


def test_what_cannot_be_archived_is_named_and_the_others_go_on(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 2)
    document = workspace.root / "runs" / run_id / workspace.pipelines(run_id)[0].pipeline_id / "pipeline.json"
    name = Path(json.loads(document.read_text())["artifacts"][1]["path"]).name
    (workspace.root / "runs" / run_id / "_binaries" / name).write_bytes(b"other")
    said = workspace.plan_archive("pipeline", run_id=run_id).apply()
    assert said.startswith("1 archive made. ") and "left out" in said and len(workspace.archives()) == 1


def test_the_check_names_a_damaged_archive(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 1)
    (archive,) = workspace.archive("pipeline", run_id=run_id)

    def codes(deep: bool = False) -> list[str]:
        return [one.code for one in check_workspace(workspace.root, deep=deep).findings]

    csv = archive.path / "predictions.csv"
    good = csv.read_bytes()
    csv.write_bytes(bytes(len(good)))
    assert codes() == [] and codes(deep=True) == ["archive-damaged"]
    csv.unlink()
    assert codes() == ["archive-damaged"]
    csv.write_bytes(good)
    (archive.path / "more.txt").write_text("x")
    assert codes() == ["archive-damaged"]
    (archive.path / "more.txt").unlink()
    document = archive.path / "archive.json"
    text = document.read_text()
    document.write_text(text.replace('"predictions.csv"', '"../../x.csv"'))
    assert codes() == ["archive-damaged"] and "outside" in str(workspace.archives()[0].problem)
    document.write_text(text)
    assert codes(deep=True) == []
    plan = workspace.plan_delete_archive("pipeline", archive.name)
    plan.apply()
    assert workspace.archives() == []
    workspace.trash.restore(plan.trashed[0])
    assert workspace.archives() == [archive]
