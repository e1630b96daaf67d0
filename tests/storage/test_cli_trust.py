"""The verbs about trust and loading: digests listed, added and removed; models loaded and compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage import Dataset, Workspace
from storage.cli import main

DIGEST = "c3" * 32
RIDGE = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
SPLINE = {"name": "spline", "steps": [{"class": "sklearn.preprocessing.SplineTransformer"}, *RIDGE["steps"]]}


def test_digests_are_trusted_and_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "list"]) == 0
    assert "You trust no artifacts but your own" in capsys.readouterr().out
    assert main(["trust", "add", DIGEST, "--why", "from Ann"]) == 0
    assert "1 artifacts are trusted now." in capsys.readouterr().out
    assert main(["trust", "add", DIGEST]) == 0
    capsys.readouterr()
    assert main(["trust", "list", "--format", "json"]) == 0
    assert [(row["sha256"], row["why"]) for row in json.loads(capsys.readouterr().out)] == [(DIGEST, "from Ann")]
    assert main(["trust", "add", "c3"]) == 2 and main(["trust", "remove", "ff"]) == 2
    assert main(["trust", "remove", "ff", "--dry-run"]) == 2
    capsys.readouterr()
    assert main(["trust", "remove", "c3c3", "--dry-run"]) == 0
    assert f"{DIGEST} would be trusted no longer." in capsys.readouterr().out
    assert main(["trust", "list", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1, "a dry run changes nothing"
    assert main(["trust", "remove", "c3c3"]) == 0
    capsys.readouterr()
    assert main(["trust", "list", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "sha256,at,by,why\n"


def test_the_models_of_a_run_are_loaded_and_compared(
    root: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Workspace.create(root) as workspace:
        run_id = workspace.run_batch(dataset, [RIDGE, SPLINE], charts=False).run_id
        ids = [row.pipeline_id for row in workspace.pipelines(run_id)]
    assert main(["runs", "verify", run_id, "-w", str(root), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["pipeline_id"], row["outlook"], row["outcome"]) for row in rows] == [
        (one, "same", "reproduces") for one in ids
    ]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "ann"))
    assert main(["runs", "verify", run_id, "-w", str(root)]) == 1
    told = capsys.readouterr().out
    assert "not loaded" in told and "runshelf trust add" in told and "reproduces" in told
    assert main(["runs", "verify", run_id, ids[0], "-w", str(root)]) == 0
    assert main(["runs", "verify", run_id, ids[1], "--trust", "-w", str(root)]) == 0
    document = root / "runs" / run_id / ids[0] / "pipeline.json"
    record = json.loads(document.read_text())
    record["samples"]["predicted"] = (np.asarray(record["samples"]["predicted"]) + 1).tolist()
    document.write_text(json.dumps(record))
    capsys.readouterr()
    assert main(["runs", "verify", run_id, ids[0], "-w", str(root)]) == 1
    assert "Differs by up to 1 %" in capsys.readouterr().out
    assert main(["runs", "verify", run_id, "nothing", "-w", str(root)]) == 2
