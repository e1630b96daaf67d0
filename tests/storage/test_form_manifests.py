"""Results with manifests and objects named by their digests become records with everything in them."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from storage import form_manifests, form_results
from tests.storage.foreign_sources import PAYLOAD, blocks, entries, pipelines, read, real, scores, steps
from tests.storage.samples import content_of

CONFIG = "pls_a1b2c3"
UID = "11111111-2222-3333-4444-555555555555"


def write(root: Path, uid: str = UID, created: str = "2025-10-04T23:50:00+02:00", **more: Any) -> dict[str, Any]:
    """One configuration of two models with its manifest; returns what the manifest says."""
    results = root / "results"
    stored = [(1, "MinMaxScaler_1"), (2, "y_StandardScaler"), (4, "folds_KFold.csv")]
    stored += [(5, "PLS-5_1.pkl"), (5, "PLS-5_2.pkl"), (6, "PLS-12_1.pkl"), (6, "PLS-12_2.pkl")]
    artifacts: list[dict[str, Any]] = []
    for step, name in stored:
        data = PAYLOAD + name.encode()
        digest = hashlib.sha256(data).hexdigest()
        path = f"objects/{digest[:2]}/{digest}.joblib"
        (results / "artifacts" / path).parent.mkdir(parents=True, exist_ok=True)
        (results / "artifacts" / path).write_bytes(data)
        artifacts.append(
            {
                "hash": f"sha256:{digest}",
                "name": name,
                "path": path,
                "format": "joblib",
                "format_version": "sklearn==1.5.2",
                "step": step,
                "saved_at": f"2025-10-04T23:5{step}:00+02:00",
            }
        )
    chart = results / "outputs" / f"corn_{CONFIG}" / "2D_Chart.png"
    chart.parent.mkdir(parents=True, exist_ok=True)
    chart.write_bytes(b"png")
    artifacts.append({"name": "2D_Chart.png", "path": "/home/gone/outputs/2D_Chart.png", "type": "chart_output"})
    told = {"uid": uid, "name": CONFIG, "dataset": "corn", "created_at": created, "pipeline": {"steps": steps()}}
    told |= {"version": "1.0", "artifacts": artifacts, "predictions": [], **more}
    folder = results / "pipelines" / uid
    folder.mkdir(parents=True)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    (results / "datasets" / "corn").mkdir(parents=True, exist_ok=True)
    (results / "datasets" / "corn" / "index.yaml").write_text(f"dataset: corn\npipelines:\n  {CONFIG}: {uid}\n")
    (results / "corn" / CONFIG).mkdir(parents=True, exist_ok=True)
    (results / "corn" / CONFIG / "pipeline.json").write_text(json.dumps(steps()))
    both = [*entries(CONFIG, 5, "PLS-5", pipeline_uid=uid), *entries(CONFIG, 6, "PLS-12", pipeline_uid=uid)]
    (results / "corn" / "predictions.json").write_text(json.dumps(both))
    return told


def test_a_manifest_its_objects_charts_and_scores_are_one_record_for_each_model(tmp_path: Path) -> None:
    write(tmp_path)
    before = content_of(tmp_path)
    (run,), problems = read(form_manifests, tmp_path)
    assert not problems and form_results.find(tmp_path) is None
    assert (run.dataset_name, run.date) == ("corn", date(2025, 10, 4))
    assert [one.id for one in run.pipelines] == [f"{UID}/5/PLS-5", f"{UID}/6/PLS-12"]
    twelve = run.pipelines[1]
    assert [(one.name, one.step, one.fold) for one in twelve.artifacts] == [
        ("MinMaxScaler_1", 0, None),
        ("y_StandardScaler", 1, None),
        ("PLS-12_1.pkl", 4, 0),
        ("PLS-12_2.pkl", 4, 1),
    ]
    for one in twelve.artifacts:
        assert one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest()
    assert [one.name for one in twelve.charts] == ["2D_Chart.png"]
    assert [one.name for one in twelve.files] == ["folds_KFold.csv"]
    assert twelve.original["uid"] == UID and twelve.environment == {"sklearn": "1.5.2"}
    assert twelve.document["manifest"]["version"] == "1.0"
    assert scores(twelve)["rmse", "val", "1"] == 7.2
    assert len(blocks(twelve)) == 9 and not twelve.problems
    assert content_of(tmp_path) == before and not Path("/tmp/runshelf-was-here").exists()


def test_an_object_is_found_by_its_digest_and_a_missing_one_is_named(tmp_path: Path) -> None:
    told = write(tmp_path)
    moved, gone = told["artifacts"][3], told["artifacts"][4]
    objects = tmp_path / "results" / "artifacts"
    (objects / moved["path"]).rename(objects / "elsewhere.bin")
    (objects / gone["path"]).unlink()
    (objects / "objects" / "stray.bin").write_bytes(b"of nobody")
    runs, problems = read(form_manifests, tmp_path)
    five = pipelines(runs)[0]
    found = next(one for one in five.artifacts if one.name == moved["name"])
    assert found.path.name == "elsewhere.bin" and f"sha256:{found.sha256}" == moved["hash"]
    assert any("PLS-5_2.pkl" in one and "is not there" in one for one in five.problems)
    assert problems == ["artifacts/objects/stray.bin belongs to no pipeline and is left out."]


def test_nothing_leads_out_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "secret.pkl").write_bytes(b"secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    outside = [{"name": "a", "path": "../../secret.pkl", "step": 1, "hash": digest}]
    outside += [{"name": "b", "path": str(tmp_path / "secret.pkl"), "step": 1}, {"name": "..", "path": ".."}]
    write(tmp_path, artifacts=outside, dataset="/../..")
    (tmp_path / "results" / "artifacts" / "link.pkl").symlink_to(tmp_path / "secret.pkl")
    runs, problems = read(form_manifests, tmp_path)
    assert not [file for one in pipelines(runs) for file in (*one.artifacts, *one.files) if "secret" in file.path.name]
    assert any("link.pkl is a link" in one for one in problems)


def test_a_damaged_or_hostile_manifest_is_kept_as_a_file_and_the_predictions_are_read(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "results" / "pipelines" / UID / "manifest.yaml"
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )
    for text in ("uid: [", "!!python/object/apply:os.system ['touch /tmp/runshelf-was-here']", bomb):
        path.write_text(text)
        (run,), _ = read(form_manifests, tmp_path)
        assert [one.config_name for one in run.pipelines] == [CONFIG, CONFIG]  # by the index of the dataset
        assert all("manifest.yaml" in [file.name for file in one.files] for one in run.pipelines)
        assert all(len(blocks(one)) == 9 and one.problems and one.config == steps() for one in run.pipelines)
    assert not Path("/tmp/runshelf-was-here").exists()


def test_a_configuration_without_a_manifest_is_read_from_what_there_is(tmp_path: Path) -> None:
    write(tmp_path)
    results = tmp_path / "results"
    (results / "corn" / "rf_000000").mkdir()
    (results / "corn" / "rf_000000" / "pipeline.json").write_text(json.dumps(steps((3,))))
    told = json.loads((results / "corn" / "predictions.json").read_text())
    told += entries("rf_000000", 5, "PLS-3")
    (results / "corn" / "predictions.json").write_text(json.dumps(told))
    runs, _ = read(form_manifests, tmp_path)
    lone = next(one for one in pipelines(runs) if one.config_name == "rf_000000")
    assert lone.steps[-1][2] == {"k": 3} and len(blocks(lone)) == 9
    assert lone.problems == ["There is no manifest of rf_000000; its date is that of its files."]


def test_manifests_of_a_later_version_are_read(tmp_path: Path) -> None:
    told = write(tmp_path)
    items = [
        {"artifact_id": f"x:{i}", "content_hash": one["hash"], "path": one["path"], "step_index": one["step"]}
        | {"fold_id": None if one["step"] < 5 else i % 2, "class_name": one["name"].split("_")[0]}
        for i, one in enumerate(told["artifacts"][:-1])
    ]
    path = tmp_path / "results" / "pipelines" / UID / "manifest.yaml"
    path.write_text(yaml.safe_dump({**told, "artifacts": {"schema_version": "2.0", "items": items}}))
    twelve = pipelines(read(form_manifests, tmp_path)[0])[1]
    assert [(one.name, one.fold) for one in twelve.artifacts if one.step == 4] == [("PLS-12", 1), ("PLS-12", 0)]


def test_real_results_are_read_whole_and_left_as_they_are() -> None:
    source = real("results_manifest_2025-10")
    before = content_of(source)
    runs, problems = read(form_manifests, source)
    found = {(one.config_name, one.original["model_name"]): one for one in pipelines(runs)}
    assert not problems and not [one.problems for one in found.values() if one.problems]
    told = [one for path in source.rglob("predictions.json") for one in json.loads(path.read_text())]
    assert len(told) == 69
    for one in told:
        pipeline = found[one["config_name"], one["model_name"]]
        assert pipeline.original["uid"] == one["pipeline_uid"]
        assert pipeline.model_type == ("PLSRegression" if "PLS" in one["model_name"] else "RandomForestClassifier")
        block = blocks(pipeline)[one["partition"], one["fold_id"]]
        for name in ("y_true", "y_pred"):
            assert np.array_equal(getattr(block, name), np.ravel(json.loads(one[name])))
        assert block.sample_indices.tolist() == json.loads(one["sample_indices"])
        for partition in ("train", "val", "test"):
            assert scores(pipeline)[one["metric"], partition, one["fold_id"]] == one[f"{partition}_score"]
    taken = {file.path for one in found.values() for file in (*one.artifacts, *one.charts, *one.files)}
    documents = ("predictions.json", "pipeline.json", "manifest.yaml", "index.yaml")
    assert taken == {path for path in source.rglob("*") if path.is_file() and path.name not in documents}
    objects = {file for one in found.values() for file in (*one.artifacts, *one.files) if file.sha256}
    assert objects and all(one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest() for one in objects)
    assert content_of(source) == before


def test_two_manifests_of_one_name_have_the_predictions_of_their_own(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "results" / "corn" / "predictions.json"
    first = json.loads(path.read_text())
    write(tmp_path, "99999999-0000", "2025-10-05T08:00:00Z")
    later = [{**one, "id": "later", "test_score": 9.0} for one in json.loads(path.read_text())]
    path.write_text(json.dumps([*later, *first]))
    runs, _ = read(form_manifests, tmp_path)
    assert [run.date.day for run in runs] == [4, 5]
    assert [scores(run.pipelines[0])["rmse", "test", "0"] for run in runs] == [5.3, 9.0]
    assert [len(run.pipelines) for run in runs] == [2, 2]
