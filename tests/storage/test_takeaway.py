"""Taking results away: folders that explain themselves and predict as before, flat CSVs; nothing written over."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage import (
    BadInput,
    Cancelled,
    Corrupt,
    Exists,
    NameRefused,
    NotFound,
    ReadOnly,
    Workspace,
    from_arrays,
    load_configs,
    load_dataset,
)
from storage.cli import main
from tests.storage.samples import content_of, fill, fill_with_models, regression_arrays


def test_an_exported_pipeline_explains_itself_and_predicts_as_before(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace)
    first, second = (row.pipeline_id for row in workspace.pipelines(run_id))
    made = workspace.export_pipeline(run_id, first)
    assert made == workspace.root / "exports" / f"corn_{run_id[:10]}_{first}"
    named = workspace.export_pipeline(run_id, first, tmp_path, "for Ann")
    assert named == tmp_path / f"for Ann_{first}" and content_of(named) == content_of(made)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    source = workspace.root / "runs" / run_id / first
    for name in ("metrics.json", "predictions.csv"):
        assert (made / name).read_bytes() == (source / name).read_bytes()
    (config,) = load_configs([made / "config.json"])
    assert config.name == "ridge 0" and config.build(0).steps[1][1].alpha == 1.0
    readme = (made / "README.md").read_text()
    for told in ("# ridge 0", "dataset: corn", "target: protein", "| rmse | 1 |", "StandardScaler", "--seed 0"):
        assert told in readme
    code = readme.partition("```python\n")[2].partition("```")[0]
    X, _ = regression_arrays()
    np.save(tmp_path / "X.npy", X)
    code += "import numpy; numpy.save('p.npy', model.predict(numpy.load('../X.npy')))"
    subprocess.run([sys.executable, "-c", code], cwd=named, check=True, env={**os.environ, "PYTHONWARNINGS": "error"})
    assert np.load(named / "p.npy").tolist() == pd.read_csv(made / "predictions.csv")["y_pred"].tolist()
    with pytest.raises(Exists):
        workspace.export_pipeline(run_id, first)
    assert workspace.export_pipeline(run_id, second) != made


def test_an_export_is_whole_or_not_there(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    before = content_of(workspace.root / "exports")

    def stop(done: int, total: int, text: str) -> None:
        raise Cancelled

    for place in (None, tmp_path):
        with pytest.raises(Cancelled):
            workspace.export_pipeline(run_id, pipeline_id, place, report=stop)
    with pytest.raises(NameRefused):
        workspace.export_pipeline(run_id, pipeline_id, name="../up")
    for wrong in ("runs", "library", "catalog/archives", "."):
        with pytest.raises(BadInput):
            workspace.export_pipeline(run_id, pipeline_id, workspace.root / wrong)
    with pytest.raises(NotFound):
        workspace.export_pipeline(run_id, pipeline_id, tmp_path / "none")
    for missing in ("0009_x", "..", "../x"):
        with pytest.raises(NotFound):
            workspace.export_pipeline(run_id, missing)
    for artifact in (workspace.root / "runs" / run_id / "_binaries").iterdir():
        artifact.write_bytes(b"other")
    with pytest.raises(Corrupt):
        workspace.export_pipeline(run_id, pipeline_id)
    assert content_of(workspace.root / "exports") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["workspace"]


def test_from_a_workspace_that_is_read_only_things_go_elsewhere(root: Path, tmp_path: Path) -> None:
    with Workspace.create(root) as workspace:
        run_id = fill_with_models(workspace)
        pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    with Workspace.open(root, read_only=True) as workspace:
        with pytest.raises(ReadOnly):
            workspace.export_pipeline(run_id, pipeline_id)
        assert workspace.export_pipeline(run_id, pipeline_id, tmp_path).is_dir()


def test_text_from_elsewhere_is_no_markup_in_a_readme(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    pipeline = run.add_pipeline({"k": 1}, name="<script>|`x`\n# big")
    pipeline.save_metrics({"test": {"rm|se<b>": 1.0}})
    pipeline.save_artifact("```\n'''", [1], 0)
    pipeline.complete()
    readme = (workspace.export_pipeline(run.run_id, pipeline.pipeline_id) / "README.md").read_text()
    assert readme.startswith("# \\<script\\>\\|\\`x\\` \\# big\n") and "| rm\\|se\\<b\\> | 1 |" in readme
    assert readme.count("```") == 4  # the two blocks of code, their beginnings and ends


def test_the_best_predictions_of_each_dataset_as_flat_files(workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 4)
    fill(workspace, 2, "wheat")
    paths = workspace.export_best_predictions("test_r2", 2)
    home = workspace.root / "exports" / "best_predictions"
    assert [p.name.split("_")[0] for p in paths] == ["corn", "corn", "wheat", "wheat"]
    assert all(p.parent == home for p in paths) and {p.name for p in home.iterdir()} == {p.name for p in paths}
    best = workspace.catalog.best_rows("test_r2", "corn", 1)[0]
    source = workspace.root / "runs" / best["run_id"] / best["pipeline_id"] / "predictions.csv"
    assert paths[0].read_bytes() == source.read_bytes()
    assert workspace.export_best_predictions("test_r2", 2) == paths  # the same again makes no second file
    paths[0].write_text("somebody wrote here")
    assert workspace.export_best_predictions("test_r2", 1, "corn")[0].name == f"{paths[0].stem}~2.csv"
    assert paths[0].read_text() == "somebody wrote here"
    shutil.rmtree(workspace.root / "runs")  # the catalog has them still
    (workspace.root / "runs").mkdir()
    workspace.sync()
    (outside,) = workspace.export_best_predictions("test_rmse", 1, "wheat", tmp_path)
    table = pd.read_csv(outside)
    assert table["y_pred"].tolist() == [1.0, 2.0, 3.0] and table["sample_index"].tolist() == [0, 1, 2]
    for wrong in (("nonsense", 1), ("test_rmse", 0)):
        with pytest.raises(BadInput):
            workspace.export_best_predictions(*wrong)
    with pytest.raises(NotFound):
        workspace.export_best_predictions("test_rmse", 1, "barley")


def test_an_export_says_what_a_document_from_elsewhere_said(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    path = workspace.root / "runs" / run_id / "run_config.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "dataset_name": "../../up", "run_id": "9999/../x"}))
    assert workspace.export_pipeline(run_id, pipeline_id).parent == workspace.root / "exports"
    path.write_bytes(b"{")
    assert workspace.export_pipeline(run_id, pipeline_id).name == f"{run_id}_{pipeline_id}"


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_code_of_a_model_card_predicts_as_the_model_did(workspace: Workspace, tmp_path: Path, task: str) -> None:
    X, y = regression_arrays()
    labels = np.where(y > 0, "north", "south")
    dataset = from_arrays("corn", X, y if task == "regression" else labels, test=np.arange(30) >= 24, target="protein")
    models = {"regression": "cross_decomposition.PLSRegression", "classification": "linear_model.LogisticRegression"}
    config = {"steps": [{"class": "chemotools.scatter.StandardNormalVariate"}, {"class": f"sklearn.{models[task]}"}]}
    run_id = workspace.run_batch(dataset, [config], charts=False).run_id
    folder = workspace.export_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id)
    code = (folder / "README.md").read_text().rpartition("```python\n")[2].partition("```")[0]  # without Runshelf
    assert "its 12 features" in code and "# predicted = model.predict(X)" in code
    np.save(tmp_path / "X.npy", X)
    code = code.replace("# predicted", f"import numpy\nX = numpy.load({str(tmp_path / 'X.npy')!r})\npredicted")
    code += f"numpy.save({str(tmp_path / 'p.npy')!r}, predicted)"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, env={**os.environ, "PYTHONWARNINGS": "error"})
    table = pd.read_csv(folder / "predictions.csv")
    table = table[table["partition"] != "val"].sort_values("sample_index")
    assert np.load(tmp_path / "p.npy").ravel().tolist() == table["y_pred"].tolist()


def test_a_model_card_says_what_the_model_can_not_be_trusted_for(workspace: Workspace) -> None:
    X, y = regression_arrays()
    y[24:] += 500  # what it is tested on is beyond all it was trained on
    dataset = from_arrays("corn", X, y, test=np.arange(30) >= 24, target="protein", units="%")
    config = {"steps": [{"class": "sklearn.neighbors.KNeighborsRegressor", "params": {"n_neighbors": 3}}]}
    run_id = workspace.run_batch(dataset, [config], charts=False).run_id
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    card = (workspace.export_pipeline(run_id, pipeline_id) / "README.md").read_text()
    low, high = y[:24].min(), y[:24].max()
    assert f"protein was between {low:.4g} and {high:.4g} %; of 6 test samples 6 lay outside." in card
    assert "RMSE is much worse on test (" in card and "only 24 training samples and 6 test samples" in card
    metrics = workspace.details(run_id, pipeline_id).metrics
    folds = metrics["cross_validation"]
    assert f"| {folds['mean_rmse']:.6g} ± {folds['std_rmse']:.3g} | lower is better |" in card
    assert "over 5 folds." in card and "n_neighbors = 3; by default algorithm = auto" in card


def test_a_model_card_of_classes_names_them_and_what_was_not_done(workspace: Workspace) -> None:
    X, y = regression_arrays()
    dataset = from_arrays("corn", X, np.where(y > 0, "north|", "<south>"), target="origin")
    config = {"steps": [{"class": "sklearn.naive_bayes.GaussianNB"}], "cv": None}
    run_id = workspace.run_batch(dataset, [config], charts=False).run_id
    card = (workspace.export_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id) / "README.md").read_text()
    south = int((y <= 0).sum())
    assert f"\\<south\\> {south}, north\\| {30 - south}." in card
    assert "It was not cross-validated." in card and "It was not tested on samples that were held back." in card


def test_the_command_of_the_card_trains_it_again(
    workspace: Workspace, spectra_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge", "params": {"alpha": 3.0}}]}
    dataset = load_dataset(spectra_csv, ["protein"], id_column="sample_id", split_column="split")
    run_id = workspace.run_batch(dataset, [config], charts=False, seed=7).run_id
    folder = workspace.export_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id, tmp_path)
    (line,) = re.findall(r"^runshelf run .*$", (folder / "README.md").read_text(), re.MULTILINE)
    words = shlex.split(line)[1:]
    places = {spectra_csv.name: str(spectra_csv), "config.json": str(folder / "config.json")}
    assert main([*(places.get(word, word) for word in words), "-w", str(workspace.root), "--dry-run"]) == 0
    assert f"done before as {workspace.pipelines(run_id)[0].pipeline_id}" in capsys.readouterr().out
