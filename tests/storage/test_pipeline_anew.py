"""A pipeline.json that is damaged or gone is made again, with the very models that were its own, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Dataset, Workspace, check_workspace
from tests.faults.changes import edit_json

PLS = {"class": "sklearn.cross_decomposition.PLSRegression"}
CONFIG = {
    "name": "pls",
    "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, PLS],
    "grid": {"PLSRegression__n_components": [2, 3]},
}
RIDGE = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
NOT_IN_THE_CATALOG = {"writer", "completed_at", "duration_seconds", "template", "digests"}


@pytest.fixture
def trained(workspace: Workspace, dataset: Dataset) -> list[Path]:
    """The documents of two pipelines that share a scaler, and of one with nothing but a model of its own."""
    outcome = workspace.run_batch(dataset, [CONFIG, RIDGE], charts=False)
    assert outcome.completed == 3
    documents = sorted((workspace.root / "runs" / outcome.run_id).glob("0*/pipeline.json"))
    for path in documents:  # what has just ended may still be on its way, and isn't compared
        edit_json(path, completed_at="2026-01-01T00:00:00.000Z")
    return documents


def repair(workspace: Workspace) -> str:
    return workspace.plan_repair(check_workspace(workspace.root).findings).apply()


def told(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    document.pop("checksum", None)
    for one in document["artifacts"]:  # who made them can't be told again
        one.pop("signature", None)
        one.pop("key_id", None)
    return document


@pytest.mark.parametrize("kept", [None, 0, 0.1, 0.5, 0.9, 1], ids=str)
def test_it_says_what_it_said_and_the_models_predict_as_before(
    workspace: Workspace, trained: list[Path], kept: float | None
) -> None:
    for path in trained:
        before, size = told(path), path.stat().st_size
        if kept is None:
            path.unlink()
        else:
            os.truncate(path, int(size * kept) - (kept == 1) * 2)
        assert "pipeline-damaged" in [one.code for one in check_workspace(workspace.root).findings]
        assert "1 document written anew" in repair(workspace)
        after = told(path)
        told_again = before.keys() - NOT_IN_THE_CATALOG
        assert {name: after[name] for name in told_again} == {name: before[name] for name in told_again}
        assert check_workspace(workspace.root, deep=True).verdict == "clean"
        row = next(row for row in workspace.pipelines(path.parent.parent.name) if row.pipeline_id == path.parent.name)
        assert row.status == "completed"
        loaded = workspace.load(path.parent.parent.name, path.parent.name)
        assert loaded.verdict.outcome == "reproduces" and loaded.verdict.samples == 16
    put_aside = [] if kept is None else sorted(workspace.root.glob(".trash/*/**/pipeline.json"))
    assert len(put_aside) == (0 if kept is None else len(trained))


def test_of_two_damaged_ones_no_model_is_guessed(workspace: Workspace, trained: list[Path]) -> None:
    first, second, third = trained
    before = told(third)
    for path in (first, second):
        path.write_bytes(b"{")
    said = repair(workspace)
    assert said.count("is left as it is: Which artifacts of the run are those of") == 2
    assert first.read_bytes() == second.read_bytes() == b"{" and told(third) == before
    binaries = first.parent.parent / "_binaries"
    assert len(list(binaries.glob("PLSRegression_*"))) == 2  # nothing that may be theirs is taken away


def test_one_whose_models_no_step_names_is_left_alone(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    pipeline = run.add_pipeline({"model": "mean"}, name="own")
    pipeline.save_artifact("scaler", np.zeros(3))
    pipeline.save_metrics({"test": {"rmse": 1.0}})
    pipeline.complete()
    bare = run.add_pipeline({"model": "none", "k": 2}, name="bare")
    bare.save_metrics({"test": {"rmse": 2.0}})
    bare.complete()
    run.finalize()
    document = pipeline.folder / "pipeline.json"
    document.write_bytes(b"")
    assert "is not known" in repair(workspace) and document.read_bytes() == b""
    document.unlink()
    for path in (run.folder / "_binaries").iterdir():
        path.unlink()
    assert "1 document written anew" in repair(workspace)
    assert told(document)["template"] == {"model": "mean"} and not told(document)["artifacts"]


def test_one_that_says_something_else_than_the_catalog_is_named_and_corrected(
    workspace: Workspace, trained: list[Path]
) -> None:
    assert check_workspace(workspace.root, deep=True).verdict == "clean"
    before = told(trained[0])
    changes: list[dict[str, Any]] = [{"seed": 7}, {"name": "other"}, {"steps": told(trained[1])["steps"]}]
    for change in changes:
        trained[0].write_text(json.dumps(told(trained[0]) | change))
        report = check_workspace(workspace.root, deep=True)
        (one,) = [one for one in report.findings if one.code == "document-differs"]
        assert one.place.endswith("pipeline.json") and f"says another {next(iter(change))} than" in one.what
        workspace.plan_repair(report.findings).apply()
        assert told(trained[0]) == before and check_workspace(workspace.root, deep=True).verdict == "clean"


@pytest.mark.parametrize("archive", [True, False], ids=["archived", "in the trash"])
@pytest.mark.parametrize("kept", [0, 0.5, 0.9], ids=str)
def test_a_thinned_one_is_made_again_from_its_copy_or_not_at_all(
    workspace: Workspace, trained: list[Path], kept: float, archive: bool
) -> None:
    """Shared artifacts are still there: without the copy nothing tells that predictions are missing on purpose."""
    workspace.plan_thin(1, "test_rmse", archive=archive).apply()
    thinned = [path for path in trained if told(path)["thinned"]]
    assert len(thinned) == 2
    before = told(thinned[0])
    os.truncate(thinned[0], cut := int(thinned[0].stat().st_size * kept))
    copies = workspace.root / before["thinned"]["archive"]
    copies.rename(away := workspace.root / "away")
    assert "thinned" in (said := repair(workspace)) or "is not known" in said
    assert thinned[0].stat().st_size == cut
    away.rename(copies)
    assert "1 document written anew" in repair(workspace)
    after = told(thinned[0])
    assert after["thinned"].pop("at") and before["thinned"].pop("at") and after == before
    assert check_workspace(workspace.root, deep=True).verdict == "clean"
    workspace.plan_unthin().apply()
    assert workspace.load(thinned[0].parent.parent.name, thinned[0].parent.name).verdict.outcome == "reproduces"


def test_a_run_made_again_tells_the_seed_and_where_its_configurations_came_from(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "grid.json").write_text(json.dumps(CONFIG))
    outcome = workspace.run_batch(dataset, [tmp_path / "grid.json"], seed=7, charts=False)
    place = workspace.root / "runs" / outcome.run_id / "run_config.json"
    before = json.loads(place.read_text())
    place.write_text("{")
    assert "what was damaged lies in the trash" in repair(workspace)
    after = json.loads(place.read_text())
    assert after["global_params"] == {"seed": 7} and after["pipelines"] == before["pipelines"]
