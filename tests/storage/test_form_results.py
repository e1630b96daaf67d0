"""Results as folders of numbered pickles become records with everything in them."""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import form_results
from storage.form_files import moment
from tests.storage.foreign_sources import (
    PAYLOAD,
    blocks,
    entries,
    pipelines,
    read,
    real,
    scores,
    steps,
)
from tests.storage.samples import content_of

CONFIG = "pls_a1b2c3"


def write(root: Path, told: list[dict[str, Any]] | None = None) -> Path:
    """One configuration of two models on one dataset; returns its folder."""
    folder = root / "results" / "corn" / CONFIG
    folder.mkdir(parents=True)
    (folder / "pipeline.json").write_text(json.dumps(steps()))
    names = {1: ["MinMaxScaler_1.pkl"], 2: ["y_StandardScaler.pkl"], 3: ["2D_Chart.png"], 4: ["folds_KFold.csv"]}
    names |= {5: ["PLS-5_1.pkl", "PLS-5_2.pkl"], 6: ["PLS-12_1.joblib", "PLS-12_2.pkl"]}
    for step, of_step in names.items():
        for name in of_step:
            (folder / f"{step}_{name}").write_bytes(PAYLOAD + name.encode())
    binaries = {
        str(step): [
            {"relative_path": f"{step}_{name}", "step": step, "saved_at": f"2025-03-04T23:5{step}:00"}
            for name in of_step
        ]
        for step, of_step in names.items()
    }
    metadata = {"dataset_name": "corn", "created_at": "2025-03-04T23:50:00", "session_id": "s-1", "binaries": binaries}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    told = [*entries(CONFIG, 5, "PLS-5"), *entries(CONFIG, 6, "PLS-12")] if told is None else told
    (folder.parent / "predictions.json").write_text(json.dumps(told))
    return folder


def test_each_model_of_a_configuration_is_one_record_with_all_that_came_of_it(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder.parent / f"03-04_Report_best_run_{CONFIG}_PLS-12_[pls-12x0].csv").write_text("a")
    before = content_of(tmp_path)
    (run,), problems = read(form_results, tmp_path)
    assert not problems
    assert (run.dataset_name, run.date) == ("corn", date(2025, 3, 4))
    five, twelve = run.pipelines
    assert [one.id for one in run.pipelines] == [f"corn/{CONFIG}/5/PLS-5", f"corn/{CONFIG}/6/PLS-12"]
    assert [(operator, path.rpartition(".")[2]) for operator, path, _ in twelve.steps] == [
        ("transformer", "MinMaxScaler"),
        ("y_processing", "StandardScaler"),
        ("chart_2d", ""),
        ("splitter", "KFold"),
        ("model", "PLSRegression"),
    ]
    assert (twelve.steps[-1][2], twelve.model_type, twelve.config) == ({"k": 12}, "PLSRegression", steps())
    assert [(one.name, one.step, one.fold) for one in twelve.artifacts] == [
        ("1_MinMaxScaler_1.pkl", 0, None),
        ("2_y_StandardScaler.pkl", 1, None),
        ("6_PLS-12_1.joblib", 4, 0),
        ("6_PLS-12_2.pkl", 4, 1),
    ]
    assert [one.name for one in five.artifacts][2:] == ["5_PLS-5_1.pkl", "5_PLS-5_2.pkl"]
    for one in run.pipelines:
        assert [chart.name for chart in one.charts] == ["3_2D_Chart.png"]
        assert one.created_at == datetime(2025, 3, 4, 23, 50).astimezone()
        assert one.completed_at == datetime(2025, 3, 4, 23, 56).astimezone()
        assert (one.metric, one.task_type, one.n_features, one.status) == ("rmse", "regression", 7, "completed")
    assert [len([f for f in one.files if "Report" in f.name]) for one in run.pipelines] == [0, 1]
    assert scores(twelve)["rmse", "test", "avg"] == 8.3 and len(twelve.scores) == 9
    block = blocks(twelve)["val", "1"]
    assert block.sample_indices.tolist() == [2, 3]
    assert (block.y_true.tolist(), block.y_pred.tolist()) == ([1.5, 2.5], [2.0, 3.0])
    assert {"id": "pls-12x1", "partition": "val", "fold": "1"} in twelve.original["predictions"]
    assert content_of(tmp_path) == before and not Path("/tmp/runshelf-was-here").exists()


def test_times_keep_their_zone_and_those_without_are_of_this_computer() -> None:
    told = moment("2025-03-04T23:50:00+09:00")
    assert told is not None and told.date() == date(2025, 3, 4) and told.utcoffset() is not None
    assert moment("2025-03-04 23:50:00") == datetime(2025, 3, 4, 23, 50).astimezone()
    assert moment("not yet") is None


def test_codes_are_called_by_their_texts_and_other_classes_are_labels(tmp_path: Path) -> None:
    classes = {"task_type": "multiclass_classification", "metric": "accuracy"}
    told = entries(CONFIG, 5, "PLS-5", **classes, y_true="[[1.0], [0.0]]", y_pred="[[2.0], [0.0]]")
    told += entries(CONFIG, 6, "PLS-12", **classes, y_true='["b", "a"]', y_pred=["a", "a"])
    write(tmp_path, told)
    codes, texts = pipelines(read(form_results, tmp_path)[0])
    block = blocks(codes)["test", "0"]
    assert (block.labels, block.y_true.tolist(), block.y_pred.tolist()) == (["0", "1", "2"], [1, 0], [2, 0])
    block = blocks(texts)["test", "0"]
    assert (block.labels, block.y_true.tolist(), block.y_pred.tolist()) == (["a", "b"], [1, 0], [0, 0])


def test_probabilities_and_several_targets_keep_their_shape(tmp_path: Path) -> None:
    told = entries(CONFIG, 5, "PLS-5", y_true=[[1, 2], [3, 4]], y_pred="[[1.5, 2.5], [3.5, 4.5]]")
    told += entries(
        CONFIG, 6, "PLS-12", task_type="classification", y_true=[0, 1], y_pred=[0, 1], y_proba=[[0.9, 0.1], [0.2, 0.8]]
    )
    write(tmp_path, told)
    targets, classes = pipelines(read(form_results, tmp_path)[0])
    assert blocks(targets)["train", "0"].y_pred.tolist() == [[1.5, 2.5], [3.5, 4.5]]
    shares = blocks(classes)["train", "0"].probabilities
    assert shares is not None and shares.tolist() == [[0.9, 0.1], [0.2, 0.8]]


def test_what_is_missing_or_odd_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    told = [*entries(CONFIG, 5, "PLS-5"), *entries(CONFIG, 6, "PLS-12")]
    told[0] |= {"y_true": None, "y_pred": None}  # nothing was kept of it
    told[1] |= {"y_pred": "[[1.0], [2.0"}
    told[2] |= {"y_pred": "[[1.0]]"}
    told[3] |= {"partition": "elsewhere"}
    told[4] |= {"sample_indices": None, "val_score": None, "fold_id": 1, "surprise": {"a": 1}}
    told[5] |= {"sample_indices": "[0.5, 1]"}
    told += entries("gone_ffffff", 5, "PLS-5")
    folder = write(tmp_path, told)
    os.remove(folder / "6_PLS-12_2.pkl")
    os.symlink("/etc/passwd", folder / "7_secret.pkl")
    os.mkfifo(folder / "pipe.pkl")
    runs, problems = read(form_results, tmp_path)
    five, twelve, gone = pipelines(sorted(runs, key=lambda run: run.date))
    found = blocks(five)
    assert sorted(found) == [("test", "avg"), ("train", "avg"), ("val", "1"), ("val", "avg")]
    assert found["val", "1"].sample_indices.tolist() == [0, 1]
    assert ("rmse", "val", "1") in scores(five)  # from an entry of another partition of the fold
    assert len([one for one in five.problems if "can't be read" in one]) == 3
    assert any("'elsewhere'" in one for one in five.problems)
    assert any("6_PLS-12_2.pkl was recorded" in one for one in twelve.problems)
    assert five.document["each prediction"][4]["surprise"] == {"a": 1}
    assert any("7_secret.pkl is a link" in one for one in problems) and any("pipe.pkl" in one for one in problems)
    assert not [one for p in (five, twelve) for one in (*p.artifacts, *p.files) if "secret" in one.name]
    assert gone.config_name == "gone_ffffff" and len(blocks(gone)) == 9 and gone.problems


def test_names_that_are_no_text_can_be_told_and_their_files_are_kept(tmp_path: Path) -> None:
    folder = write(tmp_path, [{**one, "surprise": "\ud800"} for one in entries(CONFIG, 5, "PLS-5")])
    odd = os.path.join(os.fsencode(folder), b"5_PLS-5_\xff.pkl")
    with open(odd, "wb") as file:
        file.write(PAYLOAD)
    (run,), problems = read(form_results, tmp_path)
    one = run.pipelines[0]
    assert [file.path.read_bytes() for file in one.artifacts if file.name == "5_PLS-5_?.pkl"] == [PAYLOAD]
    told = [one.document, one.original, one.problems, problems, [file.name for file in one.artifacts]]
    assert json.dumps(told, ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["pipeline.json", "metadata.json"])
def test_a_damaged_document_is_kept_as_a_file(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path)
    (folder / name).write_bytes(b'{"a": [1, \xff')
    (run,), problems = read(form_results, tmp_path)
    assert len(run.pipelines) == 2 and not problems
    for one in run.pipelines:
        assert name in [file.name for file in one.files] and any("damaged" in problem for problem in one.problems)
        assert len(one.artifacts) == 4 and len(blocks(one)) == 9


def test_of_damaged_predictions_those_before_the_damage_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path)
    path = folder.parent / "predictions.json"
    path.write_bytes(path.read_bytes()[:-100])
    (run,), problems = read(form_results, tmp_path)
    assert [len(blocks(one)) for one in run.pipelines] == [9, 8]
    assert any("17 entries" in one for one in problems)
    assert "predictions.json" in [file.name for one in run.pipelines for file in one.files]


def test_a_configuration_run_again_is_two_records(tmp_path: Path) -> None:
    told = entries(CONFIG, 5, "PLS-5")
    again = [{**one, "id": "again", "test_score": 9.0} for one in told]
    write(tmp_path, [*told, *told, *again])  # what stands there twice counts once
    found = [one for one in pipelines(read(form_results, tmp_path)[0]) if one.scores]
    assert [one.id for one in found] == [f"corn/{CONFIG}/5/PLS-5", f"corn/{CONFIG}/5/PLS-5~2"]
    assert [scores(one)["rmse", "test", "0"] for one in found] == [5.3, 9.0]


def test_a_model_without_any_result_was_interrupted(tmp_path: Path) -> None:
    folder = write(tmp_path, entries(CONFIG, 5, "PLS-5"))
    for path in folder.glob("6_*"):
        path.unlink()
    assert [one.status for one in pipelines(read(form_results, tmp_path)[0])] == ["completed", "interrupted"]


def test_other_folders_are_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "predictions.json").write_text('{"a": 1}')
    assert form_results.find(tmp_path) is None
    assert form_results.find(tmp_path / "nowhere") is None


def test_real_results_are_read_whole_and_left_as_they_are() -> None:
    source = real("results_v0.3.1")
    before = content_of(source)
    runs, problems = read(form_results, source)
    found = {(one.config_name, one.original["model_name"]): one for one in pipelines(runs)}
    assert not problems and not [one.problems for one in found.values() if one.problems]
    told = [one for path in source.rglob("predictions.json") for one in json.loads(path.read_text())]
    assert len(told) == 69
    for one in told:
        pipeline = found[one["config_name"], one["model_name"]]
        block = blocks(pipeline)[one["partition"], one["fold_id"]]
        for name in ("y_true", "y_pred"):
            assert np.array_equal(getattr(block, name), np.ravel(json.loads(one[name])))
        assert block.sample_indices.tolist() == json.loads(one["sample_indices"])
        for partition in ("train", "val", "test"):
            assert scores(pipeline)[one["metric"], partition, one["fold_id"]] == one[f"{partition}_score"]
        assert one["id"] in [ids["id"] for ids in pipeline.original["predictions"]]
    taken = {file.path for one in found.values() for file in (*one.artifacts, *one.charts, *one.files)}
    documents = ("predictions.json", "pipeline.json", "metadata.json")
    assert taken == {path for path in source.rglob("*") if path.is_file() and path.name not in documents}
    assert content_of(source) == before


def test_of_scores_that_differ_that_of_the_own_partition_counts_and_the_other_is_kept(tmp_path: Path) -> None:
    told = entries(CONFIG, 5, "PLS-5")
    told[0] |= {"val_score": 77.0, "scores": '{"test": {"r2": 0.9, "per": {"a": 1}}, "bias": 0.5}'}
    write(tmp_path, told)
    one = pipelines(read(form_results, tmp_path)[0])[0]
    found = scores(one)
    assert found["rmse", "val", "0"] == 5.2
    assert (found["r2", "test", "0"], found["per_a", "test", "0"], found["bias", "train", "0"]) == (0.9, 1.0, 0.5)
    (other,) = one.document["scores that differ"]
    assert (other["partition"], other["value"]) == ("val", 77.0)
