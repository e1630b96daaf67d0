"""Loading models again: as they were, from everywhere; what somebody else made is refused, or safe."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Corrupt, Dataset, NotFound, Untrusted, Workspace, from_arrays, load_exported
from storage.configs import PipelineConfig
from storage.loading import LoadedPipeline
from storage.trust import Keyring
from tests.storage.hostile import corpus
from tests.storage.samples import fill_with_models, regression_arrays

PLS = {"class": "sklearn.cross_decomposition.PLSRegression", "params": {"n_components": 3}}
SAFE = {"name": "pls", "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, PLS]}
UNSAFE = {
    "name": "spline",
    "steps": [{"class": "sklearn.preprocessing.SplineTransformer"}, {"class": "sklearn.linear_model.Ridge"}],
}
TREE = {"name": "tree", "steps": [{"class": "sklearn.tree.DecisionTreeClassifier"}]}
LOGISTIC = {"name": "logistic", "steps": [{"class": "sklearn.linear_model.LogisticRegression"}]}


def trained(workspace: Workspace, dataset: Dataset, *configs: dict[str, Any]) -> tuple[str, list[str]]:
    outcome = workspace.run_batch(dataset, list(configs), charts=False)
    assert not outcome.failures
    return outcome.run_id, [row.pipeline_id for row in workspace.pipelines(outcome.run_id)]


def become_another_user(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    Keyring().sign("00" * 32)


def test_a_pipeline_is_loaded_as_it_was_and_says_so(workspace: Workspace, dataset: Dataset) -> None:
    run_id, (first, second) = trained(workspace, dataset, SAFE, UNSAFE)
    for pipeline_id in (first, second):
        loaded = workspace.load(run_id, pipeline_id)
        rows = workspace.catalog.arrays(loaded.record.prediction_id)
        final = next(one for one in rows if one.partition == "test")
        assert np.allclose(loaded.model.predict(dataset.X[final.sample_indices]).ravel(), final.y_pred, rtol=1e-12)
        assert loaded.verdict.outcome == "reproduces" and loaded.verdict.samples == 16
        assert loaded.foreseen.outlook == "same" and set(loaded.trusted_as) == {"own"}
    samples = list((workspace.root / "runs" / run_id / "_binaries").glob("samples_*.npy"))
    assert len(samples) == 1
    with pytest.raises(NotFound):
        workspace.load(run_id, "../x")


def test_classes_are_compared_as_labels_and_probabilities(workspace: Workspace) -> None:
    X, y = regression_arrays()
    data = from_arrays("corn", X, np.where(y > 0, "north", "south"), test=np.arange(30) >= 20, target="origin")
    run_id, ids = trained(workspace, data, TREE, LOGISTIC)
    for pipeline_id in ids:
        assert workspace.load(run_id, pipeline_id).verdict.outcome == "reproduces"
    document = workspace.root / "runs" / run_id / ids[1] / "pipeline.json"
    told = json.loads(document.read_text())
    told["samples"]["probabilities"][0] = [0.5, 0.5]
    document.write_text(json.dumps(told))
    assert "probabilities differ by" in workspace.load(run_id, ids[1]).verdict.text
    told["samples"]["labels"] = ["north"] * len(told["samples"]["labels"])
    document.write_text(json.dumps(told))
    assert "get another class" in workspace.load(run_id, ids[1]).verdict.text


def test_a_model_that_predicts_something_else_is_told_by_how_much(workspace: Workspace, dataset: Dataset) -> None:
    run_id, (first,) = trained(workspace, dataset, SAFE)
    document = workspace.root / "runs" / run_id / first / "pipeline.json"
    told = json.loads(document.read_text())
    was = np.asarray(told["samples"]["predicted"])
    was.flat[3] += 0.25
    told["samples"]["predicted"] = was.tolist()
    document.write_text(json.dumps(told))
    verdict = workspace.load(run_id, first).verdict
    assert (verdict.outcome, verdict.text) == ("differs", "Differs by up to 0.25 % on 16 stored samples.")
    told["samples"] = None
    document.write_text(json.dumps(told))
    assert workspace.load(run_id, first).verdict.outcome == "not compared"


def test_other_versions_are_told_before_anything_is_unpickled(workspace: Workspace, dataset: Dataset) -> None:
    run_id, (first,) = trained(workspace, dataset, SAFE)
    document = workspace.root / "runs" / run_id / first / "pipeline.json"
    told = json.loads(document.read_text())
    now = told["environment"]["scikit-learn"].split(".")
    for version, outlook in ((".".join([*now[:2], "99"]), "patch"), ("0.24.2", "differs")):
        told["environment"]["scikit-learn"] = version
        document.write_text(json.dumps(told))
        foreseen = workspace.foresee(run_id, first)
        assert foreseen.outlook == outlook and f"scikit-learn {version}" in str(foreseen)
    told["steps"][0]["class"] = "nowhere_installed.Scaler"
    document.write_text(json.dumps(told))
    assert "nowhere_installed is not installed" in str(workspace.foresee(run_id, first))


def test_what_somebody_else_made_is_refused_safe_or_trusted(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, ids = trained(workspace, dataset, SAFE, UNSAFE)
    before = [workspace.load(run_id, one).model.predict(dataset.X).tolist() for one in ids]
    for name, pipeline_id in zip(("safe", "other"), ids, strict=True):
        workspace.library.save_pipeline(run_id, pipeline_id, name)
        workspace.library.export_zip("pipeline", name, tmp_path / f"{name}.zip")
    become_another_user(monkeypatch, tmp_path / "ann")
    with Workspace.create(tmp_path / "hers") as hers:
        for name in ("safe", "other"):
            hers.library.import_zip(tmp_path / f"{name}.zip")
        safe = hers.library.load("pipeline", "safe")
        assert isinstance(safe, LoadedPipeline) and set(safe.trusted_as) == {"known-safe"}
        assert safe.model.predict(dataset.X).tolist() == before[0] and safe.verdict.outcome == "reproduces"
        with pytest.raises(Untrusted) as refused:
            hers.library.load("pipeline", "other")
        assert "scipy.interpolate" in refused.value.what and "runshelf trust add" in refused.value.advice
        once = hers.library.load("pipeline", "other", trust=True)
        assert isinstance(once, LoadedPipeline) and "asked for" in once.trusted_as
        with pytest.raises(Untrusted):
            hers.library.load("pipeline", "other")
        digests = refused.value.advice.split()[-1:]
        hers.trust(digests, "Bob's, by mail")
        later = hers.library.load("pipeline", "other")
        assert isinstance(later, LoadedPipeline) and later.model.predict(dataset.X).tolist() == before[1]
        assert later.verdict.outcome == "reproduces" and "trusted" in later.trusted_as
        hers.untrust([digests[0][:10]])
        with pytest.raises(Untrusted):
            hers.library.load("pipeline", "other")


def test_a_byte_that_changed_is_noticed_whoever_signed(workspace: Workspace, dataset: Dataset) -> None:
    run_id, (first,) = trained(workspace, dataset, SAFE)
    binaries = workspace.root / "runs" / run_id / "_binaries"
    scaler = next(binaries.glob("StandardScaler_*.pkl"))
    good = scaler.read_bytes()
    for bad in (good[:-9] + bytes([good[-9] ^ 1]) + good[-8:], good[:-1], good + b"x"):
        scaler.write_bytes(bad)
        with pytest.raises(Corrupt):
            workspace.load(run_id, first, trust=True)
    scaler.write_bytes(good)
    samples = next(binaries.glob("samples_*.npy"))
    samples.write_bytes(samples.read_bytes()[:-1] + b"x")
    assert workspace.load(run_id, first).verdict.outcome == "not compared"
    assert {one.code for one in workspace.check(deep=True).findings} == {"artifact-damaged"}
    samples.unlink()
    assert {one.code for one in workspace.check().findings} == {"artifact-missing"}


def test_stored_samples_belong_to_their_pipelines(workspace: Workspace, dataset: Dataset) -> None:
    run_id, (first,) = trained(workspace, dataset, SAFE)
    assert workspace.check(deep=True).findings == ()
    workspace.library.save_pipeline(run_id, first, "kept")
    workspace.library.save_fullrun(run_id, "all")
    workspace.plan_delete_pipeline(run_id, first).apply()
    assert "artifact-orphan" not in {one.code for one in workspace.check().findings}
    for loaded in (workspace.library.load("pipeline", "kept"), workspace.library.load("fullrun", "all", first)):
        assert isinstance(loaded, LoadedPipeline) and loaded.verdict.outcome == "reproduces"
    with pytest.raises(NotFound):
        workspace.library.load("fullrun", "all")


def test_configurations_load_as_what_is_to_be_built(workspace: Workspace) -> None:
    workspace.library.save_template(SAFE, "mine")
    config = workspace.library.load("template", "mine")
    assert isinstance(config, PipelineConfig)
    assert [name for name, _ in config.build().steps] == ["StandardScaler", "PLSRegression"]


def test_an_export_loads_without_a_workspace_by_both_ways_of_its_readme(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    run_id, (first,) = trained(workspace, dataset, SAFE)
    made = workspace.export_pipeline(run_id, first, tmp_path)
    expected = workspace.load(run_id, first).model.predict(dataset.X)
    assert load_exported(made).verdict.outcome == "reproduces"
    np.save(tmp_path / "X.npy", dataset.X)
    blocks = [part.partition("```")[0] for part in (made / "README.md").read_text().split("```python\n")[1:]]
    assert len(blocks) == 2
    for code in blocks:
        code += "import numpy; numpy.save('../p.npy', model.predict(numpy.load('../X.npy')))"
        subprocess.run(
            [sys.executable, "-c", code], cwd=made, check=True, env={**os.environ, "PYTHONWARNINGS": "error"}
        )
        assert np.load(tmp_path / "p.npy").tolist() == expected.tolist()


def test_hostile_artifacts_are_run_by_nothing_that_looks_or_copies(workspace: Workspace, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    run_id = fill_with_models(workspace, 1)
    (row,) = workspace.pipelines(run_id)
    folder = workspace.root / "runs" / run_id / row.pipeline_id
    told = json.loads((folder / "pipeline.json").read_text())
    bad = corpus(canary)["system 5"]
    for artifact in told["artifacts"]:
        (folder / artifact["path"]).write_bytes(bad)
        artifact |= {"sha256": hashlib.sha256(bad).hexdigest(), "bytes": len(bad)}
    told["samples"] = {**told["artifacts"][0], "rows": [0], "predicted": [1.0]}
    (folder / "pipeline.json").write_text(json.dumps(told))
    workspace.sync(full=True)
    workspace.check(deep=True)
    workspace.usage()
    workspace.details(run_id, row.pipeline_id)
    workspace.export_pipeline(run_id, row.pipeline_id)
    workspace.library.save_pipeline(run_id, row.pipeline_id, "kept")
    workspace.library.save_fullrun(run_id, "all")
    workspace.library.verify("pipeline", "kept")
    workspace.library.export_zip("pipeline", "kept", tmp_path / "kept.zip")
    workspace.library.import_zip(tmp_path / "kept.zip")
    assert "system" in str(workspace.foresee(run_id, row.pipeline_id).names)
    for load in (lambda: workspace.load(run_id, row.pipeline_id),
                 lambda: workspace.library.load("pipeline", "kept"),
                 lambda: workspace.library.load("fullrun", "all", row.pipeline_id)):  # fmt: skip
        with pytest.raises(Untrusted, match="system"):
            load()
    assert not canary.exists()
    workspace.load(run_id, row.pipeline_id, trust=True)  # somebody said so
    assert canary.exists()
