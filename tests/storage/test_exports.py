"""Rows taken away: CSV that no spreadsheet runs, Parquet that any program reads, all or nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from storage import BadInput, Cancelled, Exists, Workspace, harmless
from tests.storage.samples import fill


def test_a_view_is_exported_as_it_is_seen(workspace: Workspace, tmp_path: Path) -> None:
    ids = fill(workspace, 5)
    workspace.catalog.annotate(ids[:1], notes="=HYPERLINK(1)\nand more", add_tags=["@home"])
    query, columns = (
        "test_rmse * 2 as twice and test_rmse < 4",
        ["pipeline_name", "twice", "notes", "tags", "created_at"],
    )
    seen = workspace.catalog.search(query, "-test_rmse")
    for name in ("view.csv", "view.parquet"):
        assert workspace.catalog.export(tmp_path / name, query, "-test_rmse", columns) == 3
    with (tmp_path / "view.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == columns and [float(row["twice"]) for row in rows] == seen["twice"].tolist() == [6, 4, 2]
    assert (rows[2]["notes"], rows[2]["tags"], rows[0]["notes"]) == ("'=HYPERLINK(1)\nand more", "'@home", "")
    table = pd.read_parquet(tmp_path / "view.parquet")
    assert table["twice"].tolist() == [6, 4, 2] and table["notes"].iloc[2] == "=HYPERLINK(1)\nand more"
    assert table["created_at"].tolist() == seen["created_at"].tolist()
    assert workspace.catalog.export(tmp_path / "two.csv", ids=ids[3:]) == 2


def test_an_export_is_whole_or_not_there(workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 2)
    path = tmp_path / "view.csv"
    path.write_text("dear to somebody")
    with pytest.raises(Exists):
        workspace.catalog.export(path)

    def stop(done: int, total: int, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        workspace.catalog.export(path, report=stop, overwrite=True)
    assert path.read_text() == "dear to somebody" and list(tmp_path.glob(".*")) == []
    for wrong in ({"path": tmp_path / "view.xlsx"}, {"path": tmp_path / "x.csv", "columns": ["nothing"]}):
        with pytest.raises(BadInput):
            workspace.catalog.export(**wrong)  # type: ignore[arg-type]
    assert workspace.catalog.export(path, overwrite=True) == 2
    assert path.read_text("utf-8-sig").startswith('"prediction_id"')


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@sum", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("plain - text") == "plain - text" and harmless(-1.5) == -1.5
