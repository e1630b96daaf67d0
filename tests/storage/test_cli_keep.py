"""The verbs that keep and take away: archive, thin, export, and what only tells with --dry-run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import Workspace
from storage.cli import main
from tests.storage.samples import content_of, fill_with_models


@pytest.fixture
def run_id(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RUNSHELF_WORKSPACE", str(workspace.root))
    return fill_with_models(workspace, 3)


def test_archives_are_made_listed_and_deleted(
    workspace: Workspace, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    best = ["archive", "add", "pipeline", "--best", "test_rmse", "-n", "2"]
    assert main([*best, "--dry-run"]) == 0 and "dry run" in capsys.readouterr().out and workspace.archives() == []
    assert main(best) == 2  # nobody is here to agree
    assert main([*best, "--yes"]) == 0 and "2 archives made" in capsys.readouterr().out
    assert main(["archive", "list", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["metric_value"] for one in sorted(listed, key=lambda one: one["name"])] == [1.0, 2.0]
    assert main(["archive", "list", "--kind", "filtered"]) == 0 and "no archives" in capsys.readouterr().out
    assert main(["archive", "delete", "pipeline", listed[0]["name"], "-y"]) == 0 and len(workspace.archives()) == 1
    for wrong in (["add", "pipeline"], ["add", "nonsense", "--run", run_id], ["delete", "pipeline", "x", "-y"]):
        assert main(["archive", *wrong]) == 2


def test_thinning_tells_before_it_does_and_is_undone(
    workspace: Workspace, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content_of(workspace.root / "runs")
    thin = ["thin", "--keep", "1", "--metric", "test_rmse"]
    assert main([*thin, "--dry-run"]) == 0
    assert "bytes in these runs before" in capsys.readouterr().out and content_of(workspace.root / "runs") == before
    assert main([*thin, "--to-trash", "--yes"]) == 0 and content_of(workspace.root / "runs") != before
    assert main(["thin", "--undo", "--yes"]) == 0 and content_of(workspace.root / "runs") == before
    assert main([*thin, "--yes"]) == 0
    assert main(["thin", "--undo", "--run", run_id, "--yes"]) == 0 and content_of(workspace.root / "runs") == before
    for wrong in (
        ["--keep", "1"],
        [],
        ["--undo", "--keep", "1"],
        ["--undo", "--pipeline", "x"],
        ["--metric", "test_rmse"],
    ):
        assert main(["thin", *wrong]) == 2


def test_exports_say_where_they_went(
    workspace: Workspace, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    assert main(["export", "pipeline", run_id, pipeline_id, "--to", str(tmp_path), "--name", "for Ann"]) == 0
    assert (tmp_path / f"for Ann_{pipeline_id}" / "README.md").is_file() and "for Ann" in capsys.readouterr().out
    assert main(["export", "pipeline", run_id, pipeline_id, "--to", str(tmp_path), "--name", "a/b"]) == 2
    capsys.readouterr()
    assert main(["export", "best", "test_rmse", "-n", "2"]) == 0
    assert all(Path(line).is_file() for line in capsys.readouterr().out.splitlines())
    assert main(["export", "session", "--since", "2020-01-01"]) == 0
    assert "3 results in 1 run" in Path(capsys.readouterr().out.strip()).read_text()
    assert main(["export", "session", "--run", "nothing"]) == 2


def test_what_only_tells(workspace: Workspace, run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.plan_delete_run(run_id).apply()
    (entry,) = workspace.trash.list()
    for told in (["trash", "restore", entry.trash_id], ["trash", "empty"]):
        assert main([*told, "--dry-run"]) == 0 and "dry run" in capsys.readouterr().out
        assert len(workspace.trash.list()) == 1
    assert main(["catalog", "compact", "--dry-run"]) == 0 and "nothing to do" in capsys.readouterr().out
    assert main(["trash", "restore", entry.trash_id]) == 0 and "restored" in capsys.readouterr().out
    assert main(["catalog", "best", "--each", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["metric"], row["best"], row["value"]) == ("test_rmse", "lower", 1.0)
    assert main(["catalog", "best", "--each", "--per-dataset"]) == 0 and "corn" in capsys.readouterr().out
    for wrong in (["catalog", "best"], ["catalog", "best", "test_rmse", "--each"]):
        assert main(wrong) == 2
