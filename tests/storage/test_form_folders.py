"""Workspaces of run folders, with scores and arrays in Parquet, become records with everything in them."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from storage import form_folders, form_manifests, form_results
from tests.storage.foreign_sources import PAYLOAD, blocks, entries, pipelines, read, real, scores, steps
from tests.storage.samples import content_of

PIPELINE = "0001_pls_a1b2c3"


def write_run(root: Path, run: str = "2025-11-04_corn", binaries: str = "_binaries") -> Path:
    """A run folder with one configuration of two models; returns the folder of the pipeline."""
    folder = root / "runs" / run / PIPELINE
    folder.mkdir(parents=True)
    place = folder.parent / "_binaries" if binaries == "_binaries" else root / binaries / "corn"
    place.mkdir(parents=True, exist_ok=True)
    artifacts = []
    for step, name in [(1, "MinMaxScaler_1"), (5, "PLS-5_1.pkl"), (5, "PLS-5_2.pkl"), (6, "PLS-12_1.pkl")]:
        digest = hashlib.sha256(PAYLOAD + name.encode()).hexdigest()
        path = place / f"{name.split('_')[0]}_{digest[:6]}.joblib"
        path.write_bytes(PAYLOAD + name.encode())
        artifacts.append({"hash": f"sha256:{digest}", "name": name, "path": path.name, "step": step})
    told: dict[str, Any] = {"uid": f"uid of {run}", "pipeline_id": PIPELINE, "name": "pls_a1b2c3", "dataset": "corn"}
    told |= {"created_at": f"{run[:10]}T23:50:00+00:00", "pipeline": {"steps": steps()}, "artifacts": artifacts}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(told))
    (folder / "pipeline.json").write_text(json.dumps(steps()))
    (folder / "2D_Chart.png").write_bytes(b"png")
    (folder / "folds_KFold.csv").write_text("fold_0\n1\n")
    (folder.parent / f"Best_prediction_{PIPELINE}_PLS-12_pls-12x0.csv").write_text("a")
    return folder


def write_predictions(root: Path, told: list[dict[str, Any]] | None = None, kind: Any = None) -> None:
    """corn.meta.parquet and corn.arrays.parquet, in which equal arrays are stored once."""
    told = [*entries(PIPELINE, 5, "PLS-5"), *entries(PIPELINE, 6, "PLS-12")] if told is None else told
    arrays: dict[str, dict[str, Any]] = {}
    rows = []
    for entry in told:
        row = {
            key: value for key, value in entry.items() if key not in ("y_true", "y_pred", "sample_indices", "weights")
        }
        for name in ("y_true", "y_pred", "sample_indices", "weights"):
            values = json.loads(entry[name])
            flat = [float(one) for one in np.ravel(values)]
            array_id = f"array_{flat}"
            arrays[array_id] = {"array_id": array_id, "array_data": flat}
            row[f"{name}_id"] = array_id
        rows.append(
            {**row, "pipeline_uid": entry.get("pipeline_uid", PIPELINE), "id": f"{row['id']}{row['partition']}"}
        )
    pq.write_table(pa.Table.from_pylist(rows), root / "corn.meta.parquet")
    schema = pa.schema([("array_id", pa.large_string()), ("array_data", kind or pa.large_list(pa.float64()))])
    pq.write_table(pa.Table.from_pylist(list(arrays.values()), schema=schema), root / "corn.arrays.parquet")


@pytest.mark.parametrize("kind", [None, pa.list_(pa.float32()), pa.list_(pa.float64())])
def test_run_folders_and_tables_are_one_record_for_each_model(tmp_path: Path, kind: Any) -> None:
    write_run(tmp_path)
    write_predictions(tmp_path, kind=kind)
    before = content_of(tmp_path)
    (run,), problems = read(form_folders, tmp_path)
    assert not problems and form_results.find(tmp_path) is None and form_manifests.find(tmp_path) is None
    assert (run.dataset_name, run.date, run.run_name) == ("corn", date(2025, 11, 4), "")
    assert [one.id for one in run.pipelines] == [
        f"2025-11-04_corn/{PIPELINE}/5/PLS-5",
        f"2025-11-04_corn/{PIPELINE}/6/PLS-12",
    ]
    five, twelve = run.pipelines
    assert [(one.name, one.step, one.fold) for one in five.artifacts] == [
        ("MinMaxScaler_1", 0, None),
        ("PLS-5_1.pkl", 4, 0),
        ("PLS-5_2.pkl", 4, 1),
    ]
    assert [[file.name for file in one.files] for one in run.pipelines] == [
        ["folds_KFold.csv"],
        ["folds_KFold.csv", f"Best_prediction_{PIPELINE}_PLS-12_pls-12x0.csv"],
    ]
    assert [one.name for one in twelve.charts] == ["2D_Chart.png"]
    assert scores(twelve)["rmse", "train", "0"] == 6.1
    block = blocks(twelve)["test", "avg"]
    assert (block.y_pred.tolist(), block.sample_indices.tolist()) == ([3.0, 4.0], [4, 5])
    assert twelve.document["weights"]["avg"] == [0.5, 0.5] and not twelve.problems
    assert content_of(tmp_path) == before


def test_the_same_pipeline_on_two_days_has_the_predictions_of_its_day(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_run(tmp_path, "2025-11-05_corn_again")
    told = entries(PIPELINE, 5, "PLS-5")
    write_predictions(tmp_path, [*told, *[{**one, "id": "n", "test_score": 9.0} for one in told]])
    runs, _ = read(form_folders, tmp_path)
    assert [(one.date.day, one.run_name) for one in runs] == [(4, ""), (5, "again")]
    assert [scores(run.pipelines[0])["rmse", "test", "0"] for run in runs] == [5.3, 9.0]
    write_predictions(tmp_path, told)  # written over: they are of the last
    runs, _ = read(form_folders, tmp_path)
    assert [len(run.pipelines[0].scores) for run in runs] == [0, 9]


def test_run_folders_of_other_versions_are_read(tmp_path: Path) -> None:
    write_run(tmp_path, "corn", "binaries")
    path = tmp_path / "runs" / "corn" / PIPELINE / "manifest.yaml"
    path.write_text(path.read_text().replace("cornT23:50:00+00:00", "2025-12-01T08:00:00"))
    told = [*entries(PIPELINE, 5, "PLS-5"), *entries(PIPELINE, 6, "PLS-12")]
    (tmp_path / "corn.json").write_text(json.dumps(told))
    (run,), problems = read(form_folders, tmp_path)
    assert not problems and run.date == date(2025, 12, 1)
    assert [len(one.artifacts) for one in run.pipelines] == [3, 2]
    assert [len(blocks(one)) for one in run.pipelines] == [9, 9]


@pytest.mark.parametrize("name", ["corn.meta.parquet", "corn.arrays.parquet"])
def test_a_damaged_table_is_named_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    write_run(tmp_path)
    write_predictions(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-20])
    (run,), problems = read(form_folders, tmp_path)
    counts = [(len(one.artifacts), len(one.scores), len(blocks(one))) for one in run.pipelines]
    assert counts == ([(3, 0, 0), (2, 0, 0)] if "meta" in name else [(3, 9, 0), (2, 9, 0)])
    told = [*problems, *run.pipelines[0].problems]
    assert any(f"{name} is damaged" in one for one in told)


def test_predictions_of_a_folder_that_is_gone_and_a_folder_without_any_are_kept(tmp_path: Path) -> None:
    write_run(tmp_path)
    write_predictions(tmp_path, entries("0007_gone_ffffff", 5, "PLS-5", pipeline_uid="0007_gone_ffffff"))
    runs, _ = read(form_folders, tmp_path)
    found = {(one.config_name, one.original["model_name"]): one for one in pipelines(runs)}
    assert len(blocks(found["0007_gone_ffffff", "PLS-5"])) == 9
    assert found["0007_gone_ffffff", "PLS-5"].problems
    assert found["pls_a1b2c3", "PLS-5"].status == "completed"  # its models are there


def test_a_real_workspace_is_read_whole_and_left_as_it_is() -> None:
    source = real("workspace_v0.4.2")
    before = content_of(source)
    runs, problems = read(form_folders, source)
    found = {(one.original["pipeline_id"], one.original["model_name"]): one for one in pipelines(runs)}
    assert not problems and not [one.problems for one in found.values() if one.problems]
    count = 0
    for path in source.glob("*.meta.parquet"):
        stored = pq.read_table(str(path).replace(".meta.", ".arrays.")).to_pylist()
        arrays = {one["array_id"]: one["array_data"] for one in stored}
        for one in pq.read_table(path).to_pylist():
            count += 1
            pipeline = found[one["config_name"], one["model_name"]]
            block = blocks(pipeline)[one["partition"], one["fold_id"]]
            for name in ("y_true", "y_pred", "sample_indices"):
                assert getattr(block, name).tolist() == arrays[one[f"{name}_id"]]
            for partition in ("train", "val", "test"):
                assert scores(pipeline)[one["metric"], partition, one["fold_id"]] == one[f"{partition}_score"]
    assert count == 69
    taken = {file.path for one in found.values() for file in (*one.artifacts, *one.charts, *one.files)}
    documents = ("pipeline.json", "manifest.yaml")
    there = {path for path in (source / "runs").rglob("*") if path.is_file() and path.name not in documents}
    assert taken == there
    objects = {file for one in found.values() for file in one.artifacts}
    assert objects and all(one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest() for one in objects)
    assert content_of(source) == before
