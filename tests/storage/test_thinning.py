"""Thinning: metrics of all, arrays and models of the best; what was taken away comes back byte by byte."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from storage import BadInput, Conflict, Dataset, NotFound, Workspace, check_workspace, load_exported
from storage.cli import main
from storage.records import DatasetSource, PipelineRecord, read_document
from storage.trees import tree_bytes
from storage.wording import size
from tests.faults.changes import edit_json
from tests.storage.samples import content_of, fill, fill_with_models, regression_arrays

CHART = (  # the smallest picture there is
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)
IN_RUN = ("pipeline.json", "metrics.json")


def make(workspace: Workspace, count: int = 4) -> str:
    """A run with models and charts; returns its id."""
    run_id = fill_with_models(workspace, count)
    for row in workspace.pipelines(run_id):
        (workspace.root / "runs" / run_id / row.pipeline_id / "parity.png").write_bytes(CHART)
    return run_id


def state(workspace: Workspace) -> tuple[dict[str, str], list[dict[str, object]], list[dict[str, object]]]:
    """All that thinning may change: the run folders, and the rows of the catalog."""
    workspace.sync()
    ids = workspace.catalog.ids()
    data = workspace.catalog.stored_arrays.rows(ids).sort_by("prediction_id").to_pylist()
    rows = workspace.catalog.rows(workspace.catalog.keys(order_by="prediction_id"))
    return content_of(workspace.root / "runs"), data, rows


@pytest.mark.parametrize("archive", [True, False])
def test_the_best_stay_whole_and_the_others_come_back_byte_by_byte(workspace: Workspace, archive: bool) -> None:
    run_id = make(workspace)
    rows = workspace.pipelines(run_id)
    before = state(workspace)
    summary = workspace.summary(run_id)
    plan = workspace.plan_thin(1, "test_rmse", archive=archive)
    assert state(workspace) == before and plan.bytes > 0
    told = "\n".join(step.what for step in plan.steps)
    assert "Copy 3 pipelines" in told and "predictions" in told and "before" in told and "1 pipeline is kept" in told
    said = plan.apply()
    assert said.startswith("3 pipelines thinned") and bool(plan.trashed) is not archive
    home = workspace.root / "runs" / run_id
    assert {p.name for p in (home / rows[1].pipeline_id).iterdir()} == set(IN_RUN)
    assert {p.name for p in (home / rows[0].pipeline_id).iterdir()} == {"predictions.csv", "parity.png", *IN_RUN}
    kept = json.loads((home / rows[0].pipeline_id / "pipeline.json").read_text())["artifacts"]
    assert {p.name for p in (home / "_binaries").iterdir()} == {Path(a["path"]).name for a in kept}
    assert workspace.summary(run_id).statistics.artifact_count == len(kept) < summary.statistics.artifact_count
    assert workspace.catalog.count() == 4 and workspace.catalog.search()["test_rmse"].notna().all()
    assert [bool(row.thinned) for row in workspace.pipelines(run_id)] == [False, True, True, True]
    with pytest.raises(NotFound) as caught:
        workspace.catalog.arrays(rows[1].prediction_id)
    place = workspace.pipelines(run_id)[1].thinned
    assert place and place in caught.value.advice
    assert workspace.catalog.arrays(rows[0].prediction_id)
    details = workspace.details(run_id, rows[1].pipeline_id)  # the page has them from the copy
    assert details.archive == workspace.root / place and details.arrays and details.charts and not details.problems
    assert workspace.fold_scores([rows[1].prediction_id], "rmse")[0].problem
    assert check_workspace(workspace.root, deep=True).verdict == "clean"
    assert check_workspace(workspace.root, deep=True).findings == ()
    with pytest.raises(Conflict, match="thinned"):
        workspace.export_pipeline(run_id, rows[1].pipeline_id)
    assert workspace.plan_thin(1, "test_rmse", archive=archive).steps == ()

    if archive:
        back = workspace.plan_unthin(run_id, rows[1].pipeline_id)
        assert back.apply() == "1 pipeline brought back." and workspace.catalog.arrays(rows[1].prediction_id)
        assert workspace.plan_unthin().apply() == "2 pipelines brought back."
    else:
        workspace.trash.restore(plan.trashed[0])
        assert workspace.trash.list() == []
    assert state(workspace) == before and workspace.summary(run_id) == summary
    assert check_workspace(workspace.root, deep=True).findings == ()
    with pytest.raises(NotFound):
        workspace.plan_unthin(run_id, rows[1].pipeline_id)


def test_a_run_without_models_is_known_to_be_thinned_also_where_it_was_indexed_long_ago(root: Path) -> None:
    with Workspace.create(root) as one:
        fill(one, 3)
        for path in (root / "runs").glob("*"):  # as if an hour ago: then the index trusts what it knows of a run
            for each in (path / "run_config.json", path / "run_summary.json", path):
                os.utime(each, (each.stat().st_atime, each.stat().st_mtime - 3600))
        one.sync()
        with Workspace.open(root) as two:
            two.plan_thin(1, "test_rmse").apply()
        assert one.plan_unthin().apply() == "2 pipelines brought back."
        assert one.plan_unthin().steps == ()


def test_what_somebody_cares_for_is_kept(workspace: Workspace) -> None:
    run_id = make(workspace, 6)
    rows = workspace.pipelines(run_id)
    workspace.catalog.annotate([rows[5].prediction_id], stars=1)
    workspace.catalog.annotate([rows[4].prediction_id], add_tags=["final"])
    workspace.library.save_filtered(run_id, rows[3].pipeline_id, "kept")
    wheat = fill_with_models(workspace, 3, "oats")
    workspace.library.save_fullrun(wheat, "all of it")
    other = workspace.create_run("wheat")
    pipeline = other.add_pipeline({"k": 1})
    pipeline.save_metrics({"test": {"accuracy": 0.5}})  # not judged by this metric: nobody knows how good it is
    pipeline.complete()
    busy = workspace.create_run("corn", "busy")
    for i in range(2):
        pipeline = busy.add_pipeline({"k": i})
        pipeline.save_metrics({"test": {"rmse": 50.0 + i}})
        pipeline.complete()
    plan = workspace.plan_thin(2, "test_rmse")
    plan.apply()
    assert [row.pipeline_id for row in workspace.pipelines(run_id) if row.thinned] == [rows[2].pipeline_id]
    assert not any(row.thinned for run in (busy.run_id, wheat) for row in workspace.pipelines(run))
    for wrong in (("nonsense", 1), ("test_rmse", -1)):
        with pytest.raises(BadInput):
            workspace.plan_thin(wrong[1], wrong[0])


def test_a_plan_is_refused_when_something_else_is_best_now(workspace: Workspace) -> None:
    run_id = make(workspace, 3)
    plan = workspace.plan_thin(1, "test_rmse")
    workspace.catalog.annotate([workspace.pipelines(run_id)[2].prediction_id], stars=3)
    before = state(workspace)
    with pytest.raises(Conflict):
        plan.apply()
    assert state(workspace) == before and workspace.archives() == []


def test_a_damaged_pipeline_stays_and_a_damaged_archive_is_not_brought_back(workspace: Workspace) -> None:
    run_id = make(workspace, 3)
    rows = workspace.pipelines(run_id)
    document = workspace.root / "runs" / run_id / rows[2].pipeline_id / "pipeline.json"
    name = Path(json.loads(document.read_text())["artifacts"][1]["path"]).name
    (workspace.root / "runs" / run_id / "_binaries" / name).write_bytes(b"other")
    assert "left out" in workspace.plan_thin(1, "test_rmse").apply()
    assert [bool(row.thinned) for row in workspace.pipelines(run_id)] == [False, True, False]
    assert (document.parent / "predictions.csv").exists()
    (archive,) = workspace.archives()
    (archive.path / "predictions.csv").write_bytes(b"else")
    before = state(workspace)
    with pytest.raises(Conflict, match="not what was archived"):
        workspace.plan_unthin().apply()
    assert state(workspace) == before
    plan = workspace.plan_delete_archive("pipeline", archive.name)
    assert any("thinned" in step.what for step in plan.steps)
    plan.apply()
    workspace.trash.plan_empty().apply()
    assert "thinned-lost" in [one.code for one in check_workspace(workspace.root).findings]
    assert "was thinned" in workspace.details(run_id, rows[1].pipeline_id).problems[0]


def test_what_a_newer_version_says_of_a_thinned_pipeline_stays_as_it_is(workspace: Workspace) -> None:
    run_id = make(workspace)
    workspace.plan_thin(1, "test_rmse").apply()
    place = workspace.root / "runs" / run_id / workspace.pipelines(run_id)[3].pipeline_id
    edit_json(place / "pipeline.json", schema_version=99, later={"a": 1})
    before = content_of(place)
    assert "3 pipelines" not in (said := workspace.plan_unthin().apply()) and "newer Runshelf" in said
    assert content_of(place) == before


def test_a_run_that_was_renamed_is_brought_back_where_it_is(workspace: Workspace) -> None:
    run_id = make(workspace, 2)
    before = content_of(workspace.root / "runs" / run_id)
    workspace.plan_thin(1, "test_rmse").apply()
    (workspace.root / "runs" / run_id).rename(workspace.root / "runs" / "mine")
    workspace.sync()
    workspace.plan_unthin(run_id).apply()
    assert content_of(workspace.root / "runs" / "mine") == before


def test_an_entry_whose_pipelines_are_back_already_goes(workspace: Workspace) -> None:
    """As after a kill between bringing them back and removing the entry."""
    make(workspace)
    before = state(workspace)
    (entry,) = (plan := workspace.plan_thin(1, "test_rmse", archive=False)).apply() and plan.trashed
    assert workspace.plan_unthin().apply() == "3 pipelines brought back."
    assert state(workspace) == before and [one.trash_id for one in workspace.trash.list()] == [entry]
    workspace.trash.restore(entry)
    assert workspace.trash.list() == [] and state(workspace) == before


def test_stored_samples_stay_for_the_best_and_come_back_for_the_others(workspace: Workspace, dataset: Dataset) -> None:
    steps = [{"class": "sklearn.linear_model.Ridge", "params": {"alpha": alpha}} for alpha in (0.1, 1e6)]
    outcome = workspace.run_batch(dataset, [{"name": f"p{i}", "steps": [one]} for i, one in enumerate(steps)])
    before = state(workspace)
    workspace.plan_thin(1, "test_rmse").apply()
    best, other = workspace.pipelines(outcome.run_id)
    assert (best.thinned, bool(other.thinned)) == (None, True)
    assert check_workspace(workspace.root, deep=True).findings == ()
    assert workspace.load(outcome.run_id, best.pipeline_id) is not None
    (archive,) = workspace.archives(other.prediction_id)
    assert load_exported(archive.path) is not None  # an archive is laid out as an export
    workspace.plan_unthin().apply()
    assert state(workspace) == before and workspace.load(outcome.run_id, other.pipeline_id) is not None


@pytest.mark.parametrize("archive", [True, False])
def test_a_thinned_pipeline_that_is_loaded_says_where_it_lies_and_what_brings_it_back(
    root: Path, archive: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace.create(root) as workspace:
        run_id = fill_with_models(workspace, 2)
        workspace.plan_thin(1, "test_rmse", archive=archive).apply()
        best, other = workspace.pipelines(run_id)
        for look in (workspace.load, workspace.foresee):
            with pytest.raises(Conflict, match="was thinned") as caught:
                look(run_id, other.pipeline_id)
            assert other.thinned and other.thinned in caught.value.what
    here = ["-w", str(root)]
    assert main([*here, "runs", "verify", run_id, "--format", "json"]) == 1
    lines = {line["pipeline_id"]: line for line in json.loads(capsys.readouterr().out)}
    assert lines[best.pipeline_id]["loaded"] is True  # a thinned one hides no other
    assert other.thinned in lines[other.pipeline_id]["verdict"]
    said = caught.value.advice.partition("runshelf ")[2]
    assert said and said in lines[other.pipeline_id]["verdict"]
    assert main([*here, *shlex.split(said), "--yes"]) == 0
    with Workspace.open(root) as workspace:
        assert workspace.load(run_id, other.pipeline_id).model is not None


def test_a_thinned_pipeline_of_which_the_archive_is_gone_says_so(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace, 2)
    workspace.plan_thin(1, "test_rmse").apply()
    (archive,) = workspace.archives()
    workspace.plan_delete_archive("pipeline", archive.name).apply()
    with pytest.raises(Conflict, match=r"not in .* any more") as caught:
        workspace.load(run_id, workspace.pipelines(run_id)[1].pipeline_id)
    assert "--undo" not in caught.value.advice


def test_a_run_that_is_kept_open_stores_again_what_was_thinned_away_meanwhile(root: Path) -> None:
    X, y = regression_arrays()
    fitted = Ridge(alpha=3.0).fit(X, y)
    with Workspace.create(root) as workspace:
        run = workspace.create_run("corn", source=DatasetSource(target=["protein"], shape=list(X.shape)))

        def add(name: str, rmse: float) -> str:
            pipeline = run.add_pipeline([Ridge(alpha=3.0)], name=name, record={"task_type": "regression"})
            pipeline.save_artifact("ridge", fitted)
            pipeline.record.samples = run.artifacts.save_samples(X[:3])
            for one in pipeline.record.binaries():
                assert (run.folder / "_binaries" / Path(one.path).name).is_file()
            pipeline.save_metrics({"test": {"rmse": rmse}})
            pipeline.save_predictions(pd.DataFrame({"y_true": y, "y_pred": fitted.predict(X)}))
            pipeline.complete()
            return pipeline.pipeline_id

        first = add("first", 1.0)
        run.finalize()
        with Workspace.open(root) as other:  # somebody else thins
            other.plan_thin(0, "test_rmse").apply()
        assert list((run.folder / "_binaries").iterdir()) == []
        second = add("second", 0.5)
        run.finalize()
        assert (workspace.load(run.run_id, second).model.predict(X) == fitted.predict(X)).all()
        workspace.plan_unthin(run.run_id, first).apply()
        assert workspace.load(run.run_id, first).model is not None
    assert check_workspace(root, deep=True).verdict == "clean"


def test_the_plan_says_how_much_room_the_copies_take_and_refuses_where_one_was_changed(workspace: Workspace) -> None:
    make(workspace, 6)
    plan = workspace.plan_thin(1, "test_rmse")
    (foreseen,) = re.findall(r"about ([\d.]+) kB more there", plan.steps[0].what)
    assert "kB more until you move the archives to another disk" in plan.steps[-1].what
    assert f"from then on {size(sum(step.bytes for step in plan.steps))} less than now" in plan.steps[-1].what
    assert workspace.plan_unthin().title == "No pipeline is thinned"
    plan.apply()
    there = tree_bytes(workspace.root / "catalog" / "archives")
    assert abs(float(foreseen) * 1000 - there) < 0.2 * there
    back = workspace.plan_unthin()
    (changed, *_) = workspace.root.glob("catalog/archives/pipeline/*/predictions.csv")
    changed.write_bytes(changed.read_bytes().replace(b"1", b"2"))
    with pytest.raises(Conflict, match="changed since"):
        back.apply()


def test_nothing_is_taken_from_a_damaged_run_and_what_lacks_the_metric_is_told(workspace: Workspace) -> None:
    whole, damaged = make(workspace, 3), fill_with_models(workspace, 2, "corn", "damaged")
    other = workspace.create_run("wheat")
    for number in range(2):
        pipeline = other.add_pipeline(name=f"wheat {number}")
        pipeline.save_metrics({"val": {"accuracy": 0.5 + number / 4}})
        pipeline.complete()
    workspace.sync()
    (workspace.root / "runs" / damaged / "run_config.json").write_text("{ torn")
    plan = workspace.plan_thin(1, "test_rmse")
    assert "2 pipelines have no test_rmse: nobody knows" in "\n".join(step.what for step in plan.steps)
    plan.apply()
    assert not any(one.thinned for one in records(workspace, damaged)) and any(
        one.thinned for one in records(workspace, whole)
    )
    assert workspace.plan_unthin().apply()
    assert workspace.plan_unthin().steps == ()


def records(workspace: Workspace, run_id: str) -> list[PipelineRecord]:
    return [read_document(one, PipelineRecord) for one in workspace.root.glob(f"runs/{run_id}/*/pipeline.json")]


def test_bringing_back_what_is_gone_for_good_is_given_up_at_the_next_opening(root: Path) -> None:
    """It was noted and killed; a process that was open meanwhile emptied the trash that held the copies."""
    with Workspace.create(root) as workspace:
        run_id = make(workspace)
        workspace.plan_thin(1, "test_rmse", archive=False).apply()
        rows = workspace.catalog.rows(workspace.catalog.keys())
        chosen = [{"prediction_id": row["prediction_id"], "folder": run_id, "pipeline_id": row["pipeline_id"]}
                  for row in rows]  # fmt: skip
        workspace.trash.plan_empty().apply()
    note = {"schema_version": 1, "kind": "unthin", "title": "T", "writer": "x-1-00000000",
            "begun_at": "2026-11-29T08:00:00.000Z", "payload": {"chosen": chosen}}  # fmt: skip
    path = root / ".staging/plan-01a22660-f905-75f1-b64a-0f0b4ff12cd8.json"
    path.write_text(json.dumps(note))
    with Workspace.open(root) as workspace:
        assert any("is given up" in text for text in workspace.notices)
    assert not path.exists() and check_workspace(root, deep=True).verdict == "clean"
