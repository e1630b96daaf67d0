"""Run and pipeline folders: claimed once, whole, never merged; artifacts stored once."""

from __future__ import annotations

import json
import pickle
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from storage import Conflict, NameRefused, NotFound, Workspace
from storage.artifacts import Artifacts, read_artifact
from storage.errors import BadInput, Corrupt
from storage.layout import pipeline_number
from tests.storage.kills import processes
from tests.storage.samples import fill

TODAY = date.today().isoformat()


def test_a_pipeline_folder_holds_what_was_saved(workspace: Workspace) -> None:
    run = workspace.create_run("wheat_sample1", name="protein study", description="why")
    pipeline = run.add_pipeline({"model": "mean", "k": 1}, name="base line")
    folder = workspace.root / "runs" / f"{TODAY}_wheat_sample1_protein study" / pipeline.pipeline_id
    assert (
        folder.name.startswith("0001_base-line_")
        and json.loads((folder / "pipeline.json").read_text())["status"] == "running"
    )
    pipeline.save_artifact("model", {"mean": 2.0})
    pipeline.save_metrics({"test": {"rmse": 0.5, "samples": 2}})
    pipeline.save_predictions(pd.DataFrame({"sample_id": ["a", "b"], "y_true": [1.0, 2.0], "y_pred": [1.5, 2.5]}))
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    pipeline.save_chart("parity", figure)
    pipeline.complete()
    record = json.loads((folder / "pipeline.json").read_text())
    assert record["status"] == "completed" and len(record["hash"]) == 64 and record["completed_at"].endswith("Z")
    assert {p.name for p in folder.iterdir()} == {"pipeline.json", "metrics.json", "predictions.csv", "parity.png"}
    assert (folder / record["artifacts"][0]["path"]).read_bytes() == pickle.dumps({"mean": 2.0}, protocol=5)
    assert list(pd.read_csv(folder / "predictions.csv")["y_pred"]) == [1.5, 2.5]
    run.finalize()
    config = json.loads((run.folder / "run_config.json").read_text())
    summary = json.loads((run.folder / "run_summary.json").read_text())
    assert (config["dataset_name"], config["run_name"]) == ("wheat_sample1", "protein study")
    assert summary["best_pipeline"] == {
        "pipeline_id": pipeline.pipeline_id,
        "metric_name": "test_rmse",
        "metric_value": 0.5,
    }
    assert (summary["status"], summary["successful"]) == ("completed", 1)


def test_the_same_day_dataset_and_name_is_the_same_run(workspace: Workspace) -> None:
    first = workspace.create_run("corn", "study")
    first.add_pipeline({"k": 1}).complete()
    first.finalize()
    again = workspace.create_run("corn", "study")
    assert again.folder == first.folder
    assert again.add_pipeline({"k": 2}).record.number == 2


def test_names_that_make_one_folder_name_are_kept_apart(workspace: Workspace) -> None:
    """'corn' + 'a_b' and 'corn_a' + 'b' both make 2026-…_corn_a_b: neither is merged into the other."""
    first, second = workspace.create_run("corn", "a_b"), workspace.create_run("corn_a", "b")
    assert first.folder != second.folder
    assert workspace.create_run("corn_a", "b").folder == second.folder
    workspace.sync()
    assert {(r.dataset_name, r.run_name) for r in workspace.runs()} == {("corn", "a_b"), ("corn_a", "b")}


@pytest.mark.parametrize("name", ["../../x", "CON", "", "a/b"])
def test_a_hostile_name_writes_nothing(workspace: Workspace, name: str) -> None:
    before = sorted(workspace.root.parent.rglob("*"))
    with pytest.raises(NameRefused):
        workspace.create_run(name)
    if name:
        with pytest.raises(NameRefused):
            workspace.create_run("corn", name)
    assert sorted(workspace.root.parent.rglob("*")) == before


def test_a_number_is_never_used_again(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    first = [run.add_pipeline({"k": i}) for i in range(3)]
    assert [p.record.number for p in first] == [1, 2, 3]
    shutil.rmtree(first[2].folder)
    assert run.add_pipeline({"k": 9}).record.number == 4
    shutil.rmtree(run.folder / "_numbers")  # an archive that drops empty folders
    assert workspace.create_run("corn").add_pipeline({"k": 10}).record.number == 5


def add_many(root: str, count: int, worker: int) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.create_run("corn", "crowd")
        for i in range(count):
            pipeline = run.add_pipeline({"worker": worker, "i": i}, name=f"w{worker}")
            pipeline.save_artifact("shared", np.arange(50))
            pipeline.save_metrics({"test": {"rmse": worker + i / 1000}})
            pipeline.save_predictions(pd.DataFrame({"y_true": np.arange(40.0), "y_pred": np.full(40, float(i))}))
            pipeline.complete()


def test_eight_processes_add_to_one_run(root: Path) -> None:
    Workspace.create(root).close()
    context = processes()
    workers = [context.Process(target=add_many, args=(str(root), 5, worker)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    (run,) = (root / "runs").iterdir()
    folders = [p for p in run.iterdir() if pipeline_number(p.name)]
    assert sorted(pipeline_number(p.name) or 0 for p in folders) == list(range(1, 41))
    assert all(len(pd.read_csv(p / "predictions.csv")) == 40 for p in folders)
    assert len(list((run / "_binaries").iterdir())) == 1
    meta = pd.read_parquet(root / "catalog/predictions_meta.parquet")
    assert len(meta) == meta["prediction_id"].nunique() == meta["pipeline_id"].nunique() == 40
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 40 and workspace.index_status()["current"]
        (row,) = workspace.runs()
        assert (row.status, row.total, row.successful) == ("completed", 40, 40)
        assert workspace.notices == []


def test_a_failure_is_a_result(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    pipeline = run.add_pipeline({"k": 1})
    pipeline.fail(ValueError("singular matrix\nwith details"), "Traceback …")
    assert (pipeline.folder / "error.log").read_text() == "Traceback …\n"
    assert workspace.catalog.search("status = 'failed'")["pipeline_id"].tolist() == [pipeline.pipeline_id]
    with pytest.raises(Conflict):
        pipeline.complete()
    summary = run.finalize()
    assert summary.errors[0].message == "ValueError: singular matrix" and summary.failed == 1


def test_equal_artifacts_are_stored_once(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for i in range(4):
        pipeline = run.add_pipeline({"k": i})
        pipeline.save_artifact("scaler", {"mean": list(range(100))})
        pipeline.save_artifact("model", {"k": i})
        pipeline.complete()
    statistics = run.finalize().statistics
    assert len(list((run.folder / "_binaries").iterdir())) == statistics.artifact_count == 5
    assert statistics.bytes_saved == 3 * len(pickle.dumps({"mean": list(range(100))}, protocol=5))


def test_artifacts_that_share_digits_are_kept_apart_and_verified(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one digit in the name collisions are certain; each object must come back as it was stored."""
    monkeypatch.setattr("storage.artifacts.HASH_DIGITS", 1)
    run = workspace.create_run("corn")
    artifacts = Artifacts(workspace._disk, run.folder)
    pipeline = run.add_pipeline({"k": 1})
    records = [artifacts.save(f"a{i}", i) for i in range(60)]
    assert len({r.path for r in records}) == 60
    assert [pickle.loads(read_artifact(pipeline.folder, r)) for r in records] == list(range(60))
    path = pipeline.folder / records[0].path
    path.write_bytes(b"other")
    with pytest.raises(Corrupt):
        read_artifact(pipeline.folder, records[0])
    with pytest.raises(Corrupt):
        read_artifact(pipeline.folder, records[1].model_copy(update={"path": "../../../secret.pkl"}))


def test_fields_a_newer_version_wrote_survive_finalize(workspace: Workspace) -> None:
    fill(workspace, 1)
    folder = workspace.root / "runs" / workspace.runs()[0].folder
    for name in ("run_config.json", "run_summary.json"):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, "from_the_future": 7}))
    workspace.run(folder.name).finalize()
    for name in ("run_config.json", "run_summary.json"):
        assert json.loads((folder / name).read_text())["from_the_future"] == 7


def test_an_end_stands_and_a_description_must_be_data(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    pipeline = run.add_pipeline({"k": 1})
    pipeline.complete()
    pipeline.interrupt("cancelled")  # Ctrl+C a moment too late
    assert run.pipeline(pipeline.pipeline_id).record.status == "completed"
    with pytest.raises(BadInput):
        run.add_pipeline({"model": object()})


def test_a_run_whose_folder_goes_meanwhile_is_not_found(workspace: Workspace) -> None:
    """Another process may delete it at any moment; whoever looks is told in a sentence."""
    fill(workspace, 1)
    run = workspace.run(workspace.runs()[0].run_id)
    shutil.rmtree(run.folder)
    with pytest.raises(NotFound):
        run.pipelines()
    with pytest.raises(NotFound):
        run.add_pipeline({"k": 1})
    with pytest.raises(NotFound):
        workspace.rerun_request(run.run_id)
