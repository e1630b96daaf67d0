"""The verbs that work on results: tagging, deleting and restoring, exporting, metrics of one's own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from storage import Workspace
from storage.cli import main
from tests.storage.samples import fill


@pytest.fixture
def filled(root: Path) -> Path:
    with Workspace.create(root) as workspace:
        fill(workspace, 4)
    return root


def run(root: Path, *arguments: object) -> int:
    return main([*(str(argument) for argument in arguments), "-w", str(root)])


def test_results_are_tagged_and_found_again(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(filled, "catalog", "annotate", "test_rmse < 3", "--tag", "final", "--stars", 4, "--dry-run") == 0
    assert "2 results would be changed" in capsys.readouterr().out
    assert run(filled, "catalog", "annotate", "test_rmse < 3", "--tag", "final", "--stars", 4, "--note", "good") == 0
    assert "2 results changed, of 2 that match" in capsys.readouterr().out
    assert run(filled, "catalog", "search", "tags has 'final'", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["tags"], row["stars"], row["notes"]) for row in rows] == [("final", 4, "good")] * 2
    assert run(filled, "catalog", "list", "--limit", 3) == 0
    assert "final" in capsys.readouterr().out
    assert run(filled, "catalog", "annotate", "final", "--untag", "final", "--note", "", "--stars", 0) == 0
    capsys.readouterr()
    assert run(filled, "catalog", "search", "tags has 'final'") == 0
    assert "No result matches." in capsys.readouterr().out
    assert run(filled, "catalog", "annotate", "final") == 2


def test_deleting_is_looked_at_agreed_to_and_taken_back(
    filled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(filled, "catalog", "delete", "test_rmse > 2", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "Delete 2 results" in said and "Nothing was changed" in said
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody is there to agree
    assert run(filled, "catalog", "delete", "test_rmse > 2") == 2
    assert run(filled, "catalog", "delete", "test_rmse > 2", "--yes") == 0
    assert run(filled, "trash", "list", "--format", "json") == 0
    (entry,) = json.loads(capsys.readouterr().out.split("trash.\n")[-1])
    assert (entry["title"], entry["rows"]) == ("test_rmse > 2", 2)
    assert len(pd.read_parquet(filled / "catalog/predictions_meta.parquet")) == 2
    assert run(filled, "trash", "restore", entry["trash_id"]) == 0
    assert "2 results restored" in capsys.readouterr().out
    assert run(filled, "catalog", "delete", "nothing like it", "--yes") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(filled, "trash", "restore", "nothing") == 2


def test_a_view_goes_to_a_file(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "best.csv"
    assert (
        run(filled, "catalog", "export", path, "test_rmse < 4", "--order-by", "-test_rmse", "--column", "test_rmse")
        == 0
    )
    assert pd.read_csv(path)["test_rmse"].tolist() == [3.0, 2.0, 1.0]
    assert run(filled, "catalog", "export", path) == 1 and "exists already" in capsys.readouterr().err


def test_metrics_and_columns_are_told(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(filled, "metrics", "add", "SER", "--title", "Standard error", "--lower-is-better") == 0
    assert run(filled, "metrics", "add", "picp", "--target", 0.95) == 0
    assert "nearest to 0.95 is best" in capsys.readouterr().out
    assert run(filled, "metrics", "list", "--format", "json") == 0
    known = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (known["ser"]["best"], known["ser"]["of"]) == ("lower", "this workspace")
    assert (known["r2"]["best"], known["bias"]["best"]) == ("higher", "nearest to 0")
    assert run(filled, "catalog", "columns", "--format", "json") == 0
    kinds = {row["name"]: row["kind"] for row in json.loads(capsys.readouterr().out)}
    assert (kinds["test_rmse"], kinds["created_at"], kinds["k"]) == ("metric", "time", "parameter")
    assert kinds["preprocessing"] == "parameter"
    for wrong in (["x"], ["x", "--lower-is-better", "--target", 1], ["--", "-", "--lower-is-better"]):
        assert run(filled, "metrics", "add", *wrong) == 2


def test_merging_and_looking_again_say_what_they_did(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.open(filled) as workspace:
        fill(workspace, 8)
    assert run(filled, "catalog", "compact") == 0
    assert "part files merged away" in capsys.readouterr().out
    assert run(filled, "index", "sync") == 0
    assert "The index was" in capsys.readouterr().out
    assert run(filled, "catalog", "summary", "--by", "k", "--by", "dataset_name", "--filter", "test_rmse < 3") == 0
    assert capsys.readouterr().out.count("corn") == 2


def test_a_run_goes_to_the_trash_and_back(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.open(filled) as workspace:
        run_id = workspace.runs()[0].run_id
    assert run(filled, "runs", "delete", run_id, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "to the trash" in said and "bytes" in said and (filled / "runs" / run_id).is_dir()
    assert run(filled, "runs", "delete", run_id) == 2  # nobody is here to agree
    assert run(filled, "runs", "delete", run_id, "--yes") == 0 and not (filled / "runs" / run_id).exists()
    assert run(filled, "catalog", "delete", "test_rmse = 1", "--yes") == 0
    capsys.readouterr()
    assert run(filled, "trash", "list", "--format", "json") == 0
    entries = {entry["kind"]: entry["trash_id"] for entry in json.loads(capsys.readouterr().out)}
    assert set(entries) == {"run", "results"}
    assert run(filled, "trash", "restore", entries["run"]) == 0 and (filled / "runs" / run_id).is_dir()
    assert run(filled, "trash", "empty", "--older-than", 1, "--yes") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(filled, "trash", "empty", "--dry-run") == 0 and len(list((filled / ".trash").iterdir())) == 1
    assert run(filled, "trash", "empty", "--yes") == 0 and list((filled / ".trash").iterdir()) == []
    assert run(filled, "trash", "restore", entries["results"]) == 2
    assert run(filled, "runs", "delete", "nothing", "--yes") == 2
