"""Workspaces with a store of tables become records with everything in them, and nothing is made beside the store."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import form_folders, form_manifests, form_results, form_store
from tests.storage.foreign_sources import PAYLOAD, blocks, entries, pipelines, read, real, scores, steps
from tests.storage.samples import content_of

DIGEST = hashlib.sha256(PAYLOAD).hexdigest()
TABLES = {
    "runs": "run_id, name, config, status, created_at, summary, error, project_id",
    "projects": "project_id, name",
    "pipelines": "pipeline_id, run_id, name, expanded_config, dataset_name, status, created_at, completed_at, "
    "metric, duration_ms, error",
    "chains": "chain_id, pipeline_id, steps, model_step_idx, model_class, model_name, fold_artifacts, shared_artifacts",
    "predictions": "prediction_id, pipeline_id, chain_id, dataset_name, model_name, model_class, fold_id, partition, "
    "val_score, test_score, train_score, metric, task_type, n_samples, n_features, scores",
    "artifacts": "artifact_id, artifact_path, content_hash, operator_class, artifact_type",
    "logs": "log_id, pipeline_id, message",
}


def fill(database: sqlite3.Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def write(root: Path) -> sqlite3.Connection:
    """A run of two pipelines, of which the second failed; returns the open store, which has to be committed."""
    root.mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(root / "store.sqlite")
    for table, columns in TABLES.items():
        store.execute(f"CREATE TABLE {table} ({columns})")
    summary = json.dumps({"native_results_dir": "/home/gone/native_results/n-1"})
    fill(store, "runs", run_id="r1", name="study", created_at="2025-12-04 23:50:00", summary=summary, project_id="p1")
    fill(store, "projects", project_id="p1", name="Fat")
    for own, status, error in (("a", "completed", None), ("b", "failed", "It broke.")):
        told: dict[str, Any] = {"run_id": "r1", "name": f"pls_{own}", "expanded_config": json.dumps(steps((12,)))}
        told |= {"dataset_name": "corn", "status": status, "error": error, "created_at": "2025-12-04 23:51:00"}
        fill(store, "pipelines", pipeline_id=own, completed_at="2025-12-04 23:52:00", duration_ms=1500, **told)
    chain: dict[str, Any] = {"fold_artifacts": '{"fold_0": "x0", "final": "x1"}', "shared_artifacts": '{"1": ["x2"]}'}
    fill(store, "chains", chain_id="c", pipeline_id="a", model_class="PLS-12", model_name="PLS-12", steps="[]", **chain)
    fill(store, "logs", log_id="l1", pipeline_id="a", message="fitted")
    for artifact_id, name, kind in (("x0", "PLSRegression", "model"), ("x1", "Pipeline", "model")):
        path = f"{DIGEST[:2]}/{DIGEST}.joblib"
        fill(store, "artifacts", artifact_id=artifact_id, artifact_path=path, content_hash=DIGEST, operator_class=name)
        store.execute("UPDATE artifacts SET artifact_type = ? WHERE artifact_id = ?", (kind, artifact_id))
    fill(store, "artifacts", artifact_id="x2", artifact_path="no/where.pkl", content_hash=DIGEST, artifact_type="t")
    store.execute("UPDATE artifacts SET operator_class = 'MinMaxScaler' WHERE artifact_id = 'x2'")
    (root / "artifacts" / DIGEST[:2]).mkdir(parents=True)
    (root / "artifacts" / DIGEST[:2] / f"{DIGEST}.joblib").write_bytes(PAYLOAD)
    write_predictions(root, store)
    return store


def write_predictions(root: Path, store: sqlite3.Connection) -> None:
    rows = []
    for one in [*entries("", 6, "PLS-12"), *entries("", 6, "PLS-12", fold_id="final")[:3]]:
        own = f"{one['id']}-{one['partition']}-{one['fold_id']}"
        told = {key: one[key] for key in ("partition", "fold_id", "model_name", "metric", "task_type", "n_samples")}
        told |= {f"{part}_score": one[f"{part}_score"] for part in ("train", "val", "test")}
        further = json.dumps({"val": {"r2": 0.5, "rmse": one["val_score"]}, "test": {"r2": None}})
        fill(store, "predictions", prediction_id=own, pipeline_id="a", chain_id="c", scores=further, **told)
        store.execute("UPDATE predictions SET dataset_name = 'corn'")
        values = [1.0, 2.0, 3.0, 4.0]
        row = {"prediction_id": own, "y_true": values, "y_true_shape": [2, 2], "y_pred": values, "y_pred_shape": [2, 2]}
        rows.append({**row, "sample_indices": [4, 5], "weights": [0.5, 0.5], "X": None})
    (root / "arrays").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), root / "arrays" / "corn.parquet")


def write_beside(root: Path) -> None:
    """A native result of the run and two exported bundles, of which one names nothing that is known."""
    folder = root / "native_results" / "n-1"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "0.joblib").write_bytes(PAYLOAD)
    (folder / "predictions.parquet").write_bytes(b"PAR1")
    artifacts = [{"uri": "artifacts/0.joblib", "content_fingerprint": DIGEST}]
    told = {"run_id": "n-1", "selected_variant": "pls_b_refit", "nirs4all_version": "1.4", "artifacts": artifacts}
    (folder / "manifest.json").write_text(json.dumps(told))
    (root / "exports").mkdir()
    for name, uid in (("best.n4a", "n-1"), ("other.n4a", "unknown")):
        with zipfile.ZipFile(root / "exports" / name, "w") as bundle:
            bundle.writestr("manifest.json", json.dumps({"pipeline_uid": uid, "dagml_selected_variant": "pls_b_refit"}))


def test_a_chain_is_a_record_with_its_run_scores_arrays_and_artifacts(tmp_path: Path) -> None:
    with closing(write(tmp_path / "w")) as store:
        store.commit()
    before = content_of(tmp_path)
    (run,), problems = read(form_store, tmp_path)
    assert not problems and not any(form.find(tmp_path) for form in (form_results, form_manifests, form_folders))
    assert (run.dataset_name, run.date, run.run_name) == ("corn", date(2025, 12, 4), "study")
    done, failed = run.pipelines
    assert (done.id, done.name, done.status, done.tags) == ("a/c", "pls_a PLS-12", "completed", ("Fat",))
    assert (failed.id, failed.status, failed.error) == ("b", "failed", "It broke.")
    assert done.created_at == datetime(2025, 12, 4, 23, 51, tzinfo=UTC) and done.duration_seconds == 1.5
    assert (done.steps[-1][1:], done.model_type) == (
        ("sklearn.cross_decomposition._pls.PLSRegression", {"k": 12}),
        "PLSRegression",
    )
    found = scores(done)
    assert found["rmse", "test", "final"] == 6.3 and found["r2", "val", "1"] == 0.5
    assert len(found) == 4 * 4 and ("r2", "test", "1") not in found
    block = blocks(done)["val", "avg"]
    assert (block.sample_indices.tolist(), block.y_pred.tolist()) == ([4, 5], [[1.0, 2.0], [3.0, 4.0]])
    assert len(blocks(done)) == 12
    assert [(one.name, one.step, one.fold, one.sha256) for one in done.artifacts] == [
        ("MinMaxScaler.joblib", 0, None, DIGEST),  # by its digest: its path leads nowhere
        ("PLS-12.joblib", 4, 0, DIGEST),
        ("PLS-12.joblib", 4, None, DIGEST),
    ]
    assert done.document["logs"] == [{"log_id": "l1", "pipeline_id": "a", "message": "fitted"}]
    assert done.document["run"]["run_id"] == "r1" and done.document["weights"]["0"] == [0.5, 0.5]
    assert content_of(tmp_path) == before and not Path("/tmp/runshelf-was-here").exists()


def test_changes_that_wait_in_the_log_are_read_and_nothing_is_made_beside(tmp_path: Path) -> None:
    with closing(write(tmp_path)) as store:
        store.commit()
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("UPDATE pipelines SET name = 'renamed' WHERE pipeline_id = 'a'")
        store.commit()  # and stays open: the change is in the log alone
        assert (tmp_path / "store.sqlite-wal").stat().st_size
        before = content_of(tmp_path)
        runs, problems = read(form_store, tmp_path)
        assert not problems and pipelines(runs)[0].config_name == "renamed"
        assert content_of(tmp_path) == before


def test_native_results_and_bundles_belong_to_what_they_name(tmp_path: Path) -> None:
    with closing(write(tmp_path)) as store:
        store.commit()
    write_beside(tmp_path)
    runs, problems = read(form_store, tmp_path)
    done, named = pipelines(runs)
    assert not problems
    assert [one.name for one in named.files] == [
        "n-1/manifest.json",
        "n-1/predictions.parquet",
        "best.n4a",
        "other.n4a",
    ]
    assert [(one.name, one.sha256) for one in named.artifacts] == [("n-1/artifacts/0.joblib", DIGEST)]
    assert named.environment == {"nirs4all": "1.4"} and not done.files


def test_what_is_damaged_or_missing_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    with closing(write(tmp_path)) as store:
        store.execute("DROP TABLE projects")
        store.execute("DROP TABLE logs")
        store.execute("ALTER TABLE pipelines DROP COLUMN duration_ms")
        fill(
            store, "predictions", prediction_id="lone", pipeline_id="zz", model_name="RF", fold_id="0", partition="val"
        )
        store.commit()
    (tmp_path / "artifacts" / "stray.pkl").write_bytes(b"of nobody")
    (tmp_path / "artifacts" / DIGEST[:2] / f"{DIGEST}.joblib").unlink()
    path = tmp_path / "arrays" / "corn.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    runs, problems = read(form_store, tmp_path)
    found = {one.id: one for one in pipelines(runs)}
    assert sorted(found) == ["a/c", "b", "zz/RF"]
    done = found["a/c"]
    assert len(done.scores) == 16 and not blocks(done) and not done.artifacts
    assert any("corn.parquet is damaged" in one for one in done.problems)
    assert sum("was recorded and is not there" in one for one in done.problems) == 3
    assert problems == ["artifacts/stray.pkl belongs to no pipeline and is left out."]


def test_a_damaged_store_and_another_database_are_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as other:
        other.execute("CREATE TABLE runs (run_id)")
    (tmp_path / "text.sqlite").write_text("no database")
    assert form_store.find(tmp_path) is None
    with closing(write(tmp_path / "w")) as store:
        store.commit()
    path = tmp_path / "w" / "store.sqlite"
    place = form_store.find(tmp_path)
    assert place == tmp_path / "w"
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4000)
    assert form_store.find(tmp_path) == place  # damaged, and said to be
    problems: list[str] = []
    assert list(form_store.runs(place, problems)) == []
    assert any("store.sqlite can't be read" in one for one in problems)


@pytest.mark.parametrize("name", ["a/b", "../corn"])
def test_arrays_are_found_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    with closing(write(tmp_path)) as store:
        store.execute("UPDATE predictions SET dataset_name = ?", (name,))
        store.commit()
    done = pipelines(read(form_store, tmp_path)[0])[0]
    assert len(blocks(done)) == 12 and not done.problems


def test_a_real_workspace_is_read_whole_and_left_as_it_is() -> None:
    source = real("workspace_v1.4.10")
    before = content_of(source)
    runs, problems = read(form_store, source)
    found = {one.original["pipeline_id"]: one for one in pipelines(runs)}
    assert not problems and not [one.problems for one in found.values() if one.problems]
    arrays = {one["prediction_id"]: one for p in source.glob("arrays/*") for one in pq.read_table(p).to_pylist()}
    with closing(sqlite3.connect(f"file:{source}/store.sqlite?mode=ro&immutable=1", uri=True)) as store:
        store.row_factory = sqlite3.Row
        told = store.execute("SELECT * FROM predictions").fetchall()
        config = dict(store.execute("SELECT pipeline_id, expanded_config FROM pipelines").fetchall())
    assert len(told) == len(arrays) == 81
    for one in told:
        pipeline = found[one["pipeline_id"]]
        block = blocks(pipeline)[one["partition"], one["fold_id"]]
        for name in ("y_true", "y_pred", "sample_indices"):
            assert getattr(block, name).tolist() == arrays[one["prediction_id"]][name]
        there = scores(pipeline)
        for partition in ("train", "val", "test"):
            if one[f"{partition}_score"] is not None:
                assert there[one["metric"], partition, one["fold_id"]] == one[f"{partition}_score"]
        for partition, metrics in json.loads(one["scores"]).items():
            assert (
                metrics.items()
                <= {m: v for (m, p, f), v in there.items() if (p, f) == (partition, one["fold_id"])}.items()
            )
    assert {own: json.loads(text) for own, text in config.items()} == {own: p.config for own, p in found.items()}
    taken = {file for one in found.values() for file in (*one.artifacts, *one.charts, *one.files)}
    beside = {path for top in ("artifacts", "native_results", "exports") for path in (source / top).rglob("*")}
    assert {one.path for one in taken} == {path for path in beside if path.is_file()}
    assert all(one.sha256 in ("", hashlib.sha256(one.path.read_bytes()).hexdigest()) for one in taken)
    assert content_of(source) == before
