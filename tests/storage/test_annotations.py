"""Tags, notes and stars: kept beside the results, the latest counts, whoever wrote it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from storage import BadInput, NotFound, QueryError, ReadOnly, Workspace
from tests.storage.samples import add_foreign_part, fill

EDITS = "catalog/annotations.parquet"


def test_an_edit_is_found_kept_and_taken_back(root: Path) -> None:
    with Workspace.create(root) as workspace:
        first, second, _ = fill(workspace, 3)
        catalog = workspace.catalog
        assert catalog.annotate([first, second], add_tags=["final", "Größe"], stars=4) == 2
        assert catalog.annotate([first], remove_tags=["FINAL"], notes="an outlier\nin sample 3") == 1
        assert catalog.annotate([first], add_tags=["größe"]) == 0  # it is there, in other letters
    with Workspace.open(root) as workspace:
        catalog = workspace.catalog
        assert (catalog.get(first)["tags"], catalog.get(first)["notes"]) == ("Größe", "an outlier\nin sample 3")
        assert catalog.ids("tags has 'final'") == catalog.ids("tags = 'Final'") == [second]
        assert catalog.ids("notes ~ 'Outlier'") == catalog.ids("outlier") == [first]
        assert set(catalog.ids("grosse or größe")) == {first, second} == set(catalog.ids("stars >= 4"))
        assert catalog.tags() == [("Größe", 2), ("final", 1)]
        catalog.annotate([first, second], remove_tags=["final", "größe"], notes="", stars=0)
        assert catalog.count("tags is null and notes is null and stars is null") == 3 and catalog.tags() == []


def test_what_people_note_stands_alone_for_the_results_that_have_it(workspace: Workspace) -> None:
    noted, tagged, starred, named = fill(workspace, 4)
    catalog = workspace.catalog
    catalog.annotate([noted], notes="an outlier in sample 3")
    catalog.annotate([tagged], add_tags=["final"])
    catalog.annotate([starred], stars=2)
    catalog.annotate([named], add_tags=["no star"])
    assert catalog.ids("note") == catalog.ids("Notes") == catalog.ids("notes and p0") == [noted]
    assert set(catalog.ids("tag")) == set(catalog.ids("tags")) == {tagged, named}
    assert set(catalog.ids("star")) == {starred, named}, "the word itself is found as well"
    assert set(catalog.ids("not notes")) == {tagged, starred, named}
    assert catalog.ids("'note'") == []
    with pytest.raises(QueryError, match="needs a comparison") as refused:
        catalog.ids("Status")
    assert "status is not null" in refused.value.advice


def test_an_edit_never_doubles_a_row(workspace: Workspace) -> None:
    ids = fill(workspace, 3)
    for i in range(30):
        workspace.catalog.annotate(ids[:1], notes=f"version {i}")
    workspace.catalog.close()
    assert len(pd.read_parquet(workspace.root / "catalog/predictions_meta.parquet")) == 3
    assert workspace.catalog.get(ids[0])["notes"] == "version 29"
    workspace.rebuild_index()
    assert workspace.catalog.get(ids[0])["notes"] == "version 29"
    latest = f"select max_by(notes, \"at\") from '{workspace.root}/{EDITS}/*.parquet'"
    assert duckdb.sql(latest).fetchall() == [("version 29",)]


def test_an_edit_of_another_program_counts_if_it_is_later(workspace: Workspace) -> None:
    ids = fill(workspace, 2)
    workspace.catalog.annotate(ids, notes="ours")
    now = datetime.now(UTC)
    moments = [now + timedelta(days=400), now - timedelta(days=400)]
    add_foreign_part(
        workspace.root, "annotations", pd.DataFrame({"prediction_id": ids, "notes": "theirs", "at": moments})
    )
    assert workspace.sync()
    assert [workspace.catalog.get(one)["notes"] for one in ids] == ["theirs", "ours"]
    workspace.catalog.annotate(ids, notes="ours again")  # later than theirs, though their clock was ahead
    workspace.rebuild_index()
    assert workspace.catalog.count("notes = 'ours again'") == 2


def test_a_note_is_found_by_when_it_was_written_and_not_by_when_it_was_trained(workspace: Workspace) -> None:
    old, today, blank, gone = fill(workspace, 4)
    catalog = workspace.catalog
    long_ago = datetime(2020, 5, 17, 12, tzinfo=UTC)
    edits = {"prediction_id": [old, blank], "notes": ["theirs", None], "tags": [[], []], "at": [long_ago] * 2}
    add_foreign_part(workspace.root, "annotations", pd.DataFrame(edits))
    workspace.sync()
    catalog.annotate([today, gone], notes="ours")
    catalog.annotate([gone], notes="")
    assert catalog.ids("notes is not null and noted_at last 7 days") == [today] == catalog.ids("noted today")
    assert catalog.ids("noted_at < 2020-06-01") == [old] == catalog.ids("noted_at = 2020-05-17")
    assert set(catalog.ids("noted_at is null")) == {blank, gone}
    assert catalog.ids("theirs last 7 days") == [old]  # the words alone speak of the training
    assert catalog.rows(catalog.keys("noted_at is not null", "-noted_at"))[1]["noted_at"] == long_ago
    assert [row["results"] for row in catalog.group(["model_type"], [], "noted_at last 7 days")] == [1]
    catalog.export(workspace.root / "noted.parquet", "noted_at is not null", "noted_at", ["notes", "noted_at"])
    exported = pd.read_parquet(workspace.root / "noted.parquet")
    assert list(exported["notes"]) == ["theirs", "ours"] and exported["noted_at"][0] == long_ago


def test_edits_may_come_before_their_results(workspace: Workspace) -> None:
    add_foreign_part(workspace.root, "annotations", pd.DataFrame({"prediction_id": ["p1"], "tags": [["early"]]}))
    workspace.sync()
    add_foreign_part(workspace.root, "meta", pd.DataFrame({"prediction_id": ["p1", "p2"], "test_rmse": [1.0, 2.0]}))
    workspace.sync()
    assert workspace.catalog.ids("tags has 'early'") == ["p1"]


def test_wrong_edits_are_refused_and_change_nothing(workspace: Workspace) -> None:
    (one,) = fill(workspace, 1)
    for wrong in ({"add_tags": ["a, b"]}, {"add_tags": [" "]}, {"add_tags": ["x" * 51]}, {"stars": 6}):
        with pytest.raises(BadInput):
            workspace.catalog.annotate([one], **wrong)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        workspace.catalog.annotate([one, "nothing"], stars=1)
    assert workspace.catalog.count("stars is null and tags is null") == 1
    with Workspace.open(workspace.root, read_only=True) as reader, pytest.raises(ReadOnly):
        reader.catalog.annotate([one], stars=1)


def test_two_at_once_lose_no_tag(root: Path) -> None:
    with Workspace.create(root) as workspace:
        (one,) = fill(workspace, 1)

        def tag(letter: str) -> None:
            with Workspace.open(root) as other:
                for i in range(5):
                    other.catalog.annotate([one], add_tags=[f"{letter}{i}"])

        threads = [threading.Thread(target=tag, args=(letter,)) for letter in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        workspace.sync()
        assert len(workspace.catalog.get(one)["tags"].split(", ")) == 15
