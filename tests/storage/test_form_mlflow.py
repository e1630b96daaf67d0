"""Stores of MLflow are read as they were left: every value is found again, nothing is run and nothing is changed."""

from __future__ import annotations

import json
import math
import os
import pickle
import sqlite3
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import form_mlflow
from storage.foreign import ForeignPipeline, ForeignRun
from storage.form_mlflow_metrics import placed
from storage.form_mlflow_records import KEPT_POINTS
from storage.form_mlflow_steps import said, steps_of
from storage.records import to_json
from tests.storage.samples import content_of

START = 1_700_000_000_000
PLS, AUTO, SEARCH, FAILED, GONE = (digit * 32 for digit in "abcde")
MODEL, LONELY = "m-" + "1" * 32, "m-" + "2" * 32
STEPS = "[('standardscaler', StandardScaler()), ('ridge', Ridge(alpha=2.0))]"
MLMODEL = """artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    sklearn_version: 1.9.1
mlflow_version: 3.17.2
run_id: {run}
signature:
  inputs: '[{{"type": "double", "name": "a", "required": true}}, {{"type": "double",
    "name": "b", "required": true}}]'
  params: null
"""
RUNS: dict[str, dict[str, Any]] = {
    PLS: {
        "name": "plain pls", "status": "FINISHED", "experiment": "1",
        "params": {"n_components": "5", "scale": "True", "prep/window": "11", "rate": "1e-4", "code": "007"},
        "tags": {"mlflow.note.content": "first **try**", "mlflow.user": "ann", "keep": "", "starred": "True",
                 "who": "Ann", "nested/tag": "x", "mlflow.parentRunId": AUTO},
        "metrics": {"val_rmse": [(i, 1 / (i + 1) + 0.5 * (i == 19)) for i in range(20)], "test/r2": [(0, 0.9)],
                    "train_rmse": [(0, math.nan)], "loss": [(0, math.inf)], "odd": [(0, 3.0), (1, 1.0), (2, 2.0)]},
        "datasets": [("corn_nir", "training", {"lab": "B"})],
    },
    AUTO: {
        "name": "auto", "status": "FINISHED", "experiment": "1",
        "params": {"steps": STEPS, "ridge": "Ridge(alpha=2.0)", "ridge__alpha": "2.0", "ridge__max_iter": "None",
                   "standardscaler__with_std": "True", "ridge__random_state": "3", "verbose": "False"},
        "tags": {"estimator_class": "sklearn.pipeline.Pipeline", "mlflow.user": "ann"},
        "metrics": {"training_r2_score": [(0, 0.99)], "mean_squared_error_X_test": [(0, 0.01)]},
        "datasets": [("dataset", "train", {})],
    },
    SEARCH: {
        "name": "search", "status": "KILLED", "experiment": "1",
        "params": {"estimator": f"Pipeline(steps={STEPS})", "cv": "3", "dataset": "oats"},
        "tags": {"estimator_class": "sklearn.model_selection._search.GridSearchCV"},
        "metrics": {}, "datasets": [],
    },
    FAILED: {"name": "", "status": "FAILED", "experiment": "2", "params": {}, "tags": {}, "metrics": {},
             "datasets": []},
    GONE: {"name": "gone", "status": "FINISHED", "experiment": "1", "params": {"x": "1"}, "tags": {}, "metrics": {},
           "datasets": [], "deleted": True},
}  # fmt: skip
EXPERIMENTS = {"1": ("corn/protein", "active"), "2": ("wheat", "active"), "3": ("trashed", "deleted")}
_STATUS = {"FINISHED": 3, "FAILED": 4, "KILLED": 5, "RUNNING": 1}


class Payload:
    """An object whose loading would make a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture(params=["files", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same experiments in each kind of store, with artifacts whose recorded places are dead."""
    root = tmp_path / "old"
    root.mkdir()
    (write_files if request.param == "files" else write_database)(root)
    return root


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_artifacts(folder: Path, run: str, marker: Path, model: Path | None = None) -> None:
    write(folder / "plots" / "parity [1].png", b"\x89PNG " + run.encode())
    write(folder / "notes.txt", "hello")
    model = model or folder / "model"
    write(model / "MLmodel", MLMODEL.format(run=run))
    write(model / "model.pkl", pickle.dumps(Payload(marker)))


def write_files(root: Path) -> None:
    for id, (name, stage) in EXPERIMENTS.items():
        folder = root / "mlruns" / (".trash/" if stage == "deleted" else "") / id
        write(folder / "meta.yaml", f"artifact_location: file:///home/x/mlruns/{id}\nexperiment_id: '{id}'\n"
                                    f"lifecycle_stage: {stage}\nname: {name}\ncreation_time: {START}\n")  # fmt: skip
        if stage == "deleted":
            write(folder / ("f" * 32) / "meta.yaml", f"run_id: {'f' * 32}\nexperiment_id: '{id}'\nartifact_uri: x\n")
    write(root / "mlruns/1/tags/mlflow.note.content", "All of corn")
    for number, (id, run) in enumerate(RUNS.items()):
        folder = root / "mlruns" / run["experiment"] / id
        at = START + 60_000 * number
        write(folder / "meta.yaml",
              f"artifact_uri: file:///home/x/mlruns/{run['experiment']}/{id}/artifacts\nend_time: {at + 2500}\n"
              f"experiment_id: '{run['experiment']}'\nrun_id: {id}\nrun_name: {run['name'] or chr(39) * 2}\n"
              f"lifecycle_stage: {'deleted' if run.get('deleted') else 'active'}\nstart_time: {at}\n"
              f"status: {_STATUS[run['status']]}\ntags: []\nuser_id: ann\nsource_type: 4\n")  # fmt: skip
        for kind in ("params", "tags"):
            for key, value in run[kind].items():
                write(folder / kind / key, value)
        for key, points in run["metrics"].items():
            write(folder / "metrics" / key, "".join(f"{at + step} {value} {step}\n" for step, value in points))
        for name, context, tags in run["datasets"]:
            write(root / f"mlruns/{run['experiment']}/datasets/{name}1/meta.yaml", json.dumps(dataset_of(name)))
            told = {"source_type": "DATASET", "source_id": f"{name}1", "destination_type": "RUN",
                    "tags": {"mlflow.data.context": context, **tags}}  # fmt: skip
            write(folder / "inputs" / f"{name}2" / "meta.yaml", json.dumps(told))
    write_artifacts(root / f"mlruns/1/{PLS}/artifacts", PLS, root.parent / "ran")
    model = root / f"mlruns/1/models/{MODEL}"
    write_artifacts(root / f"mlruns/1/{AUTO}/artifacts", AUTO, root.parent / "ran", model / "artifacts")
    for id, run_id in ((MODEL, AUTO), (LONELY, "")):
        write(model.parent / id / "meta.yaml",
              f"model_id: {id}\nname: ridge\nsource_run_id: {run_id or 'null'}\nstatus: 2\nexperiment_id: '1'\n"
              f"artifact_location: mlflow-artifacts:/1/models/{id}/artifacts\n"
              f"creation_timestamp: {START}\n")  # fmt: skip
    write(model / "metrics" / "test_r2", f"{START} 0.5 0 {AUTO} corn_nir abc\n")
    write(model / "params" / "alpha", "2.0")
    write(root / f"mlruns/1/{AUTO}/outputs/{MODEL}/meta.yaml", "destination_type: MODEL_OUTPUT\nstep: 7\n")
    write(model.parent / LONELY / "artifacts" / "MLmodel", MLMODEL.format(run=""))


def dataset_of(name: str) -> dict[str, str]:
    return {"name": name, "digest": "abc", "source_type": "local", "source": '{"uri": "corn.csv"}',
            "schema": "{}", "profile": '{"num_rows": 60}'}  # fmt: skip


def write_database(root: Path, modern: bool = True, name: str = "tracking.db") -> None:
    """A database as MLflow 3 leaves it, or with the fewest columns and tables that ever were."""
    database = sqlite3.connect(root / name)
    nan = ", is_nan BOOLEAN" if modern else ""
    database.executescript(f"""
        CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
        CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
                           lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
        CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT{nan});
    """)
    if modern:
        database.executescript("""
            CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
            CREATE TABLE datasets (dataset_uuid TEXT, name TEXT, digest TEXT, dataset_source_type TEXT,
                                   dataset_source TEXT, dataset_schema TEXT, dataset_profile TEXT);
            CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT,
                                 destination_id TEXT, step BIGINT);
            CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
            CREATE TABLE logged_models (model_id TEXT, experiment_id INTEGER, name TEXT, artifact_location TEXT,
                creation_timestamp_ms BIGINT, status INTEGER, lifecycle_stage TEXT, source_run_id TEXT);
            CREATE TABLE logged_model_metrics (model_id TEXT, metric_name TEXT, metric_timestamp_ms BIGINT,
                metric_step BIGINT, metric_value FLOAT, run_id TEXT, dataset_name TEXT, dataset_digest TEXT);
            CREATE TABLE logged_model_params (model_id TEXT, param_key TEXT, param_value TEXT);
        """)
        database.execute("INSERT INTO experiment_tags VALUES ('mlflow.note.content', 'All of corn', 1)")
        for id, run_id in ((MODEL, AUTO), (LONELY, None)):
            place = f"mlflow-artifacts:/1/models/{id}/artifacts"
            row = (id, 1, "ridge", place, START, 2, "active", run_id)
            database.execute("INSERT INTO logged_models VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        row = (MODEL, "test_r2", START, 0, 0.5, AUTO, "corn_nir", "abc")
        database.execute("INSERT INTO logged_model_metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.execute("INSERT INTO logged_model_params VALUES (?, 'alpha', '2.0')", (MODEL,))
        row = ("o", "RUN_OUTPUT", AUTO, "MODEL_OUTPUT", MODEL, 7)
        database.execute("INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)", row)
    for id, (title, stage) in EXPERIMENTS.items():
        place = f"file:///home/x/mlruns/{id}"
        database.execute("INSERT INTO experiments VALUES (?, ?, ?, ?)", (int(id), title, place, stage))
    trashed = ("f" * 32, "", "ann", "FINISHED", START, START, "active", "", 3)
    database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", trashed)
    for number, (id, run) in enumerate(RUNS.items()):
        at, of = START + 60_000 * number, run["experiment"]
        stage, uri = "deleted" if run.get("deleted") else "active", f"file:///home/x/mlruns/{of}/{id}/artifacts"
        row = (id, run["name"], "ann", run["status"], at, at + 2500, stage, uri, int(of))
        database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        for kind in ("params", "tags"):
            rows = [(key, value, id) for key, value in run[kind].items()]
            database.executemany(f"INSERT INTO {kind} VALUES (?, ?, ?)", rows)
        for key, points in run["metrics"].items():
            for step, value in points:
                stored = 0.0 if math.isnan(value) else min(value, 1.7976931348623157e308)
                row = (key, stored, at + step, id, step, math.isnan(value))[: 6 if modern else 5]
                database.execute(f"INSERT INTO metrics VALUES ({', '.join('?' * len(row))})", row)
        for one, context, tags in run["datasets"] if modern else ():
            database.execute(
                "INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?)", (f"{one}1", *dataset_of(one).values())
            )
            row = (f"{one}2", "DATASET", f"{one}1", "RUN", id, 0)
            database.execute("INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)", row)
            rows = [(f"{one}2", key, value) for key, value in {"mlflow.data.context": context, **tags}.items()]
            database.executemany("INSERT INTO input_tags VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    write_artifacts(root / f"kept/1/{PLS}/artifacts", PLS, root.parent / "ran")
    model = root / f"kept/1/models/{MODEL}/artifacts"
    write_artifacts(root / f"kept/1/{AUTO}/artifacts", AUTO, root.parent / "ran", model)
    write(root / f"kept/1/models/{LONELY}/artifacts/MLmodel", MLMODEL.format(run=""))


def read(place: Path) -> tuple[dict[str, ForeignPipeline], list[ForeignRun], list[str]]:
    problems: list[str] = []
    found = form_mlflow.find(place)
    assert found is not None
    runs = list(form_mlflow.runs(found, problems))
    return {one.id: one for run in runs for one in run.pipelines}, runs, problems


def test_every_value_is_found_again_and_nothing_is_run_or_changed(store: Path) -> None:
    before = content_of(store)
    pipelines, _, _ = read(store)
    assert content_of(store) == before and not (store.parent / "ran").exists()
    assert set(pipelines) == {PLS, AUTO, SEARCH, FAILED, LONELY}
    for number, (id, run) in enumerate(RUNS.items()):
        if run.get("deleted"):
            continue
        one, at = pipelines[id], START + 60_000 * number
        assert {key: str(value) for key, value in one.config.items()} == run["params"]
        assert one.document["tags"] == run["tags"]
        assert one.created_at == datetime.fromtimestamp(at / 1000, UTC) and one.duration_seconds == 2.5
        assert (one.document["start_time"], one.document["end_time"]) == (at, at + 2500)
        assert one.created_by == "ann" and one.original["run_id"] == id
        history = one.document.get("history", {})
        assert set(history) == set(run["metrics"])
        for key, points in run["metrics"].items():
            columns = history[key]
            told = list(zip(columns["step"], map(float, columns["value"]), columns["time"], strict=True))
            np.testing.assert_equal(told, [(step, value, at + step) for step, value in points])
        last = sorted(str(points[-1][1]) for points in run["metrics"].values())
        assert sorted(str(score.value) for score in one.scores) == last


def test_names_of_metrics_tell_their_partition_and_the_best_over_steps_is_kept(store: Path) -> None:
    pipelines, _, _ = read(store)
    scores = {(one.metric, one.partition): one for one in pipelines[PLS].scores}
    assert set(scores) == {("rmse", "val"), ("r2", "test"), ("rmse", "train"), ("loss", ""), ("odd", "")}
    assert scores["rmse", "val"].value == 0.55 and scores["rmse", "val"].best == pytest.approx(1 / 19)
    assert scores["odd", ""].best is None  # nobody knows which end is best
    assert pipelines[PLS].document["over_steps"]["odd"] == {"values": 3, "min": 1.0, "max": 3.0}
    assert pipelines[PLS].document["history"]["loss"]["value"] == ["inf"]
    assert b'"inf"' in to_json(pipelines[PLS].document)
    assert {(one.metric, one.partition) for one in pipelines[AUTO].scores} == {
        ("r2_score", "train"), ("mean_squared_error", "test"),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), [
    ("val_rmse", ("rmse", "val", "")), ("validation/r2", ("r2", "val", "")), ("test-mae", ("mae", "test", "")),
    ("eval_loss", ("loss", "test", "")), ("training_score", ("score", "train", "")),
    ("Train_Acc", ("Acc", "train", "")), ("mean_squared_error_X_test", ("mean_squared_error", "test", "")),
    ("accuracy_test", ("accuracy", "test", "")), ("fold_2_val_rmse", ("rmse", "val", "2")),
    ("val_rmse_fold_10", ("rmse", "val", "10")), ("train_time", ("train_time", "", "")),
    ("fold_1_rmse", ("fold_1_rmse", "", "")), ("valuation", ("valuation", "", "")), ("test", ("test", "", "")),
    ("validation_0-rmse", ("validation_0-rmse", "", "")), ("mean_test_score", ("mean_test_score", "", "")),
])  # fmt: skip
def test_what_a_metric_name_tells(name: str, expected: tuple[str, str, str]) -> None:
    assert placed(name) == expected


def test_two_names_for_one_metric_stay_two_metrics(tmp_path: Path) -> None:
    write_files(tmp_path)
    for key, value in (("train_mae", 1), ("training_mae", 2)):
        write(tmp_path / f"mlruns/2/{FAILED}/metrics/{key}", f"1 {value} 0\n")
    scores = read(tmp_path)[0][FAILED].scores
    assert [(one.metric, one.partition, one.value) for one in scores] == [("mae", "train", 1), ("training_mae", "", 2)]


def test_parameters_tell_steps_model_and_seed(store: Path) -> None:
    pipelines, _, _ = read(store)
    assert pipelines[AUTO].steps == [
        ("transformer", "StandardScaler", {"with_std": True}),
        ("model", "Ridge", {"alpha": 2.0, "max_iter": None, "random_state": 3}),
    ]
    assert (pipelines[AUTO].model_type, pipelines[AUTO].seed) == ("Ridge", 3)
    assert pipelines[SEARCH].steps[0][1].endswith("GridSearchCV") and pipelines[SEARCH].model_type == "Ridge"
    assert (pipelines[PLS].steps, pipelines[PLS].model_type) == ([], "sklearn")  # all that its MLmodel tells
    assert pipelines[PLS].environment["sklearn_version"] == "1.9.1" and pipelines[PLS].n_features == 2
    assert [pipelines[id].task_type for id in (PLS, SEARCH)] == ["regression", None]


def test_texts_of_parameters_are_taken_apart_and_never_evaluated(tmp_path: Path) -> None:
    calls = f"[('a', __import__('os').mkdir({str(tmp_path / 'ran')!r}))]"
    assert steps_of({"steps": calls}, {}) == ([], "") and not (tmp_path / "ran").exists()
    assert steps_of({"steps": "[('a', " + "(" * 50_000 + ")]"}, {}) == ([], "")
    assert steps_of({"model": "sklearn.svm.SVC(C=1)", "C": "1"}, {}) == (
        [("model", "sklearn.svm.SVC", {"C": 1})],
        "SVC",
    )
    assert [said(text) for text in ("5", "0.5", "True", "None", "007", "1e-4", "-0", "nan", "9" * 30, "")] == [
        5, 0.5, True, None, "007", "1e-4", "-0", "nan", "9" * 30, "",
    ]  # fmt: skip


def test_runs_are_put_together_by_dataset_experiment_and_day(store: Path) -> None:
    pipelines, runs, _ = read(store)
    day = datetime.fromtimestamp(START / 1000, UTC).astimezone().date()
    told = {(run.dataset_name, run.run_name, run.date): {one.id for one in run.pipelines} for run in runs}
    assert told == {
        ("corn_nir", "corn/protein", day): {PLS},
        ("corn/protein", "", day): {AUTO, LONELY},  # "dataset" is what MLflow calls one that has no name
        ("oats", "corn/protein", day): {SEARCH},
        ("wheat", "", day): {FAILED},
    }
    corn = next(run for run in runs if run.dataset_name == "corn_nir")
    assert (corn.description, corn.dataset_path, corn.created_by) == ("All of corn", "corn.csv", "ann")
    assert pipelines[PLS].n_samples == 60
    assert pipelines[PLS].document["datasets"][0]["tags"] == {"mlflow.data.context": "training", "lab": "B"}


def test_status_name_tags_notes_and_parents(store: Path) -> None:
    pipelines, _, _ = read(store)
    states = {id: pipelines[id].status for id in (PLS, SEARCH, FAILED, LONELY)}
    assert states == {PLS: "completed", SEARCH: "interrupted", FAILED: "failed", LONELY: "completed"}
    assert pipelines[PLS].name == "plain pls" and pipelines[FAILED].name == FAILED[:8]
    assert pipelines[PLS].tags == ("keep", "starred") and pipelines[PLS].notes == "first **try**"
    assert pipelines[PLS].original["parent_run_id"] == AUTO


def test_artifacts_are_found_by_their_ids_wherever_they_were(store: Path) -> None:
    pipelines, _, _ = read(store)
    one = pipelines[PLS]
    assert [file.name for file in one.artifacts] == ["model/MLmodel", "model/model.pkl"]
    assert [file.name for file in one.charts] == ["plots/parity [1].png"]
    assert [file.name for file in one.files] == ["notes.txt"]
    assert one.charts[0].path.read_bytes() == b"\x89PNG " + PLS.encode()
    auto = pipelines[AUTO]
    assert [(file.name, file.step) for file in auto.artifacts] == [("ridge/MLmodel", 1), ("ridge/model.pkl", 1)]
    assert auto.original["model_ids"] == [MODEL] and auto.document["models"][0]["step"] == 7
    assert auto.document["models"][0]["metrics"][0]["value"] == 0.5
    assert auto.document["models"][0]["params"] == {"alpha": "2.0"}
    assert [file.name for file in pipelines[LONELY].artifacts] == ["ridge/MLmodel"]
    assert all(file.path.is_relative_to(store) for one in pipelines.values() for file in one.artifacts)


def test_what_was_deleted_is_counted_and_left_out(store: Path) -> None:
    _, _, problems = read(store)
    assert "The experiment trashed was deleted in MLflow and is left out with 1 run." in problems
    assert "1 run was deleted in MLflow and is left out." in problems


def test_artifacts_elsewhere_are_named_once_for_each_run_or_experiment(tmp_path: Path) -> None:
    write_database(tmp_path)
    database = sqlite3.connect(tmp_path / "tracking.db")
    database.execute("UPDATE runs SET artifact_uri = 's3://me:secret@bucket/' || run_uuid WHERE name = 'search'")
    database.commit()
    database.close()
    pipelines, _, problems = read(tmp_path)
    assert pipelines[SEARCH].problems == [f"Its artifacts lie at s3://bucket/{SEARCH} and are left out."]
    told = "No artifacts of the experiment wheat are here; MLflow kept them at file:///home/x/mlruns/2."
    assert told in problems and not any("corn" in one for one in problems)


def test_links_devices_and_damage_are_problems_and_the_rest_is_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "old", tmp_path / "outside"
    write_files(root)
    write(outside / "secret", "x")
    run = root / f"mlruns/1/{PLS}"
    (run / "params" / "linked").symlink_to(outside / "secret")
    (run / "artifacts" / "linked.png").symlink_to(outside / "secret")
    (root / "mlruns/1" / ("9" * 32)).symlink_to(run)
    os.mkfifo(run / "tags" / "pipe")
    write(Path(os.fsdecode(os.fsencode(run) + b"/artifacts/caf\xe9.png")), b"\x89PNG")
    write(run / "metrics" / "torn", f"{START} 1.5 0\n{START} not\n{START} 2.5 1\n")
    write(run / "artifacts/model/MLmodel", "flavors: [\n")
    write(root / f"mlruns/2/{FAILED}/meta.yaml", "run_name: !!python/object/apply:os.mkdir [ran]\nstatus: 3\n  x")
    pipelines, _, problems = read(root)
    told = " ".join(pipelines[PLS].problems)
    for name in (
        "params/linked is a link",
        "linked.png is a link",
        "tags/pipe is neither",
        "torn has 1 line",
        "MLmodel is no",
    ):
        assert name in told
    assert any("9" * 32 in one for one in problems)
    assert [one.value for one in pipelines[PLS].scores if one.metric == "torn"] == [2.5]
    assert "metrics/torn" in [one.name for one in pipelines[PLS].files]  # with what is no value
    assert "caf\ufffd.png" in [one.name for one in pipelines[PLS].charts]
    assert len(pipelines[PLS].artifacts) == 2 and "x" not in pipelines[PLS].config.values()
    assert pipelines[FAILED].problems and pipelines[FAILED].document["tags"] == {}


def test_a_long_history_is_thinned_and_its_extremes_stay_exact(tmp_path: Path) -> None:
    write_files(tmp_path)
    n = 5 * KEPT_POINTS
    lines = "".join(f"{START + i} {(i - 777) ** 2} {i}\n" for i in range(n))
    write(tmp_path / f"mlruns/2/{FAILED}/metrics/val_mse", lines)
    one = read(tmp_path)[0][FAILED]
    steps = one.document["history"]["val_mse"]["step"]
    assert KEPT_POINTS < len(steps) <= 2 * KEPT_POINTS and len(set(np.diff(steps))) == 1
    assert one.document["over_steps"]["val_mse"] == {"values": n, "min": 0.0, "max": float((n - 1 - 777) ** 2)}
    assert (one.scores[0].value, one.scores[0].best) == ((n - 1 - 777) ** 2, 0.0)
    assert [file.name for file in one.files] == ["metrics/val_mse"]  # all of it


def test_an_old_database_and_one_that_is_named_itself_are_read(tmp_path: Path) -> None:
    write_database(tmp_path, modern=False)
    pipelines, runs, _ = read(tmp_path / "tracking.db")
    assert set(pipelines) == {PLS, AUTO, SEARCH, FAILED} and len(pipelines[PLS].artifacts) == 2
    assert {run.dataset_name for run in runs} == {"corn/protein", "oats", "wheat"}


def test_writes_that_wait_in_a_log_are_read_and_nothing_is_made(tmp_path: Path) -> None:
    write_database(tmp_path)
    writer = sqlite3.connect(tmp_path / "tracking.db")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE runs SET name = 'renamed' WHERE run_uuid = ?", (PLS,))
    writer.commit()
    before = content_of(tmp_path)
    assert any(name.endswith("-wal") for name in before)
    assert read(tmp_path)[0][PLS].name == "renamed"
    assert content_of(tmp_path) == before
    writer.close()


def test_a_damaged_database_gives_what_can_be_read(tmp_path: Path) -> None:
    write_database(tmp_path)
    path = tmp_path / "tracking.db"
    database = sqlite3.connect(path)
    database.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(f"k{i}", "v" * 500, PLS) for i in range(2000)])
    database.commit()
    size = database.execute("PRAGMA page_size").fetchone()[0]
    database.close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // size // 2 * size])
    pipelines, _, problems = read(tmp_path)
    assert pipelines[PLS].config["n_components"] == 5
    assert any("tags of tracking.db is damaged" in one for one in problems)


def test_a_run_in_two_stores_is_read_once(tmp_path: Path) -> None:
    write_files(tmp_path)
    write_database(tmp_path)
    problems: list[str] = []
    ids = [one.id for run in form_mlflow.runs(tmp_path, problems) for one in run.pipelines]
    assert len(ids) == len(set(ids)) == 5
    assert "4 runs of mlruns were read from another store already." in problems


def test_stores_are_found_by_what_is_in_them(tmp_path: Path, store: Path) -> None:
    assert form_mlflow.find(store.parent) == store.parent
    other = tmp_path / "other"
    write(other / "mlflow.db", b"SQLite format 3\0 and no more")
    write(other / "mlruns" / "0" / "meta.yaml", "name: nothing of the kind\n")
    sqlite3.connect(other / "books.db").executescript("CREATE TABLE runs (id TEXT)")
    assert form_mlflow.find(other) is None and form_mlflow.find(other / "mlflow.db") is None


def test_an_experiment_alone_or_renamed_folders_are_read(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "mlruns").rename(tmp_path / "results of [2024]")
    assert set(read(tmp_path / "results of [2024]")[0]) == {PLS, AUTO, SEARCH, FAILED, LONELY}
    assert set(read(tmp_path / "results of [2024]" / "1")[0]) == {PLS, AUTO, SEARCH, LONELY}


def test_times_that_are_none_leave_a_day(tmp_path: Path) -> None:
    write_database(tmp_path)
    database = sqlite3.connect(tmp_path / "tracking.db")
    database.execute("UPDATE runs SET start_time = NULL, end_time = 'soon' WHERE run_uuid = ?", (PLS,))
    database.execute("UPDATE runs SET start_time = 1e300 WHERE run_uuid = ?", (SEARCH,))
    database.commit()
    database.close()
    pipelines, runs, _ = read(tmp_path)
    assert pipelines[PLS].created_at is None and pipelines[PLS].completed_at is None
    assert {run.date.year for run in runs} == {datetime.fromtimestamp(START / 1000, zoneinfo.ZoneInfo("UTC")).year}
