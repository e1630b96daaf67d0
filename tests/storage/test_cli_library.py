"""The verbs of the library, from keeping to taking away and bringing in elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Workspace
from storage.cli import main
from tests.storage.samples import fill
from tests.storage.test_cli_catalog import run


def told(capsys: pytest.CaptureFixture[str], root: Path, *arguments: object) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(root, "library", "list", *arguments, "--format", "json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_pipeline_is_kept_described_packed_and_brought_into_another_workspace(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
        run_id = workspace.runs()[0].run_id
        pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    which = ("--run", run_id, "--pipeline", pipeline_id)
    assert run(root, "library", "save", "pipeline", "best", *which, "--tag", "plant", "--description", "Mine") == 0
    assert run(root, "library", "save", "filtered", "numbers", *which) == 0
    assert run(root, "library", "save", "pipeline", "best", *which) == 1  # never written over
    assert run(root, "library", "describe", "pipeline", "best", "--rename", "the best", "--tag", "final") == 0
    (item,) = told(capsys, root, "final")
    assert (item["name"], item["tags"]) == ("the best", "final")
    package = tmp_path / "best.zip"
    assert run(root, "library", "export", "pipeline", "the best", package) == 0
    assert run(root, "library", "export", "pipeline", "the best", package) == 1
    Workspace.create(tmp_path / "other").close()
    assert main(["-w", str(tmp_path / "other"), "library", "import", str(package)]) == 0
    (there,) = told(capsys, tmp_path / "other")
    assert {key: there[key] for key in ("kind", "name", "bytes")} == {
        key: item[key] for key in ("kind", "name", "bytes")
    }
    assert run(root, "library", "show", "pipeline", "the best", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["pipeline_id"] == pipeline_id
    assert run(root, "library", "delete", "pipeline", "the best", "--dry-run") == 0
    assert len(told(capsys, root)) == 2
    assert run(root, "library", "delete", "pipeline", "the best", "--yes") == 0
    assert [one["name"] for one in told(capsys, root)] == ["numbers"]


def test_a_template_is_kept_from_a_file_with_its_grid(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(root).close()
    config = {
        "name": "pls",
        "steps": [{"class": "sklearn.cross_decomposition.PLSRegression"}],
        "grid": {"PLSRegression.n_components": [1, 2, 3]},
    }
    file = tmp_path / "pls.json"
    file.write_text(json.dumps(config))
    assert run(root, "library", "save", "template", "pls", "--config", file) == 0
    assert [one["kind"] for one in told(capsys, root, "--kind", "template")] == ["template"]
    with Workspace.open(root) as workspace:
        assert workspace.library.config("template", "pls")["grid"] == config["grid"]
    file.write_text(json.dumps([config, config]))
    assert run(root, "library", "save", "template", "two", "--config", file) == 2
    assert run(root, "library", "save", "pipeline", "two", "--config", file) == 2
    assert run(root, "library", "save", "template", "nothing") == 2
    assert run(root, "library", "show", "template", "nowhere") == 2
