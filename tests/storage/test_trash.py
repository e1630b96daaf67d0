"""The trash as one list: everything that was deleted, damaged entries too; brought back or removed for good."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import BadInput, Conflict, Corrupt, NotFound, ReadOnly, StorageError, TooNew, Workspace
from tests.storage.samples import content_of, fill, fill_with_models


def change_record(workspace: Workspace, trash_id: str, **fields: object) -> None:
    path = workspace.root / ".trash" / trash_id / "trash.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def delete_one_of_each(workspace: Workspace) -> dict[str, str]:
    """Trash ids by kind."""
    run_id = fill_with_models(workspace, 3)
    first, second, _ = (row.pipeline_id for row in workspace.pipelines(run_id))
    workspace.library.save_filtered(run_id, first, "kept")
    file = workspace.root / "exports" / "old.csv"
    file.write_text("1")
    plans = {
        "results": workspace.catalog.plan_delete("test_rmse = 2"),
        "pipeline": workspace.plan_delete_pipeline(run_id, second),
        "library": workspace.library.plan_delete("filtered", "kept"),
    }
    for plan in plans.values():
        plan.apply()
    ids = {kind: plan.trashed[0] for kind, plan in plans.items()}
    ids["file"] = workspace.trash.put(file)
    fill(workspace, 1, "wheat")
    run = workspace.plan_delete_run(workspace.runs("wheat")[0].run_id)
    run.apply()
    return {**ids, "run": run.trashed[0]}


def test_every_kind_is_listed_newest_first_and_comes_back(workspace: Workspace) -> None:
    ids = delete_one_of_each(workspace)
    entries = workspace.trash.list()
    assert entries[0].kind == "run" and entries[-1].kind == "results"
    assert {entry.kind: entry.trash_id for entry in entries} == ids
    assert all(e.problem is None and e.bytes > 0 and e.age and e.age < timedelta(minutes=5) for e in entries)
    assert [record.trash_id for record in workspace.catalog.trash()] == [ids["results"]]
    said = {kind: workspace.trash.restore(trash_id) for kind, trash_id in ids.items()}
    assert said["results"] == "1 result restored." and said["library"] == "Filtered result 'kept' restored."
    assert workspace.trash.list() == [] and workspace.catalog.count() == 4
    assert (len(workspace.runs()), workspace.runs("corn")[0].total) == (2, 3)
    assert workspace.library.get("filtered", "kept").problem is None
    assert (workspace.root / "exports" / "old.csv").read_text() == "1"
    for trash_id in (ids["run"], "../runs", ""):
        with pytest.raises(NotFound):
            workspace.trash.restore(trash_id)


def test_what_was_kept_again_under_the_name_stays(workspace: Workspace) -> None:
    for text in ("old", "new"):
        workspace.library.save_template({"steps": [{"class": "sklearn.linear_model.Ridge"}]}, "corn", text)
        if text == "old":
            (trash_id,) = (plan := workspace.library.plan_delete("template", "corn")).apply() and plan.trashed
    assert workspace.trash.restore(trash_id) == "Template 'corn' restored as corn~2, for its old name is taken."
    assert [item.description for item in workspace.library.list()] == ["new", "old"]


def test_emptying_is_planned_and_takes_what_is_old_enough(workspace: Workspace) -> None:
    ids = delete_one_of_each(workspace)
    change_record(workspace, ids["results"], deleted_at=days_ago(31))
    change_record(workspace, ids["run"], deleted_at=days_ago(29))
    assert [entry.trash_id for entry in workspace.trash.expired()] == [ids["results"]]
    assert {entry.trash_id for entry in workspace.trash.expired(29)} == {ids["results"], ids["run"]}
    plan = workspace.trash.plan_empty(30)
    assert len(plan.steps) == 1 and plan.bytes > 0 and len(workspace.trash.list()) == 5
    assert plan.apply() == "1 entry removed for good." and plan.trashed == []
    chosen = workspace.trash.plan_remove([ids["run"], ids["run"]])
    rest = workspace.trash.plan_empty()
    chosen.apply()
    with pytest.raises(Conflict):  # it was made for one more
        rest.apply()
    assert {entry.kind for entry in workspace.trash.list()} == {"pipeline", "library", "file"}
    workspace.trash.plan_empty().apply()
    assert workspace.trash.list() == [] and list((workspace.root / ".trash").iterdir()) == []
    assert workspace.trash.plan_empty().steps == ()
    with pytest.raises(BadInput):
        workspace.trash.plan_empty(-1)
    with pytest.raises(NotFound):
        workspace.trash.plan_remove(["nothing"])


def test_a_damaged_entry_is_shown_with_its_reason_and_the_others_work(workspace: Workspace) -> None:
    ids = delete_one_of_each(workspace)
    trash = workspace.root / ".trash"
    (trash / ids["run"] / "trash.json").write_bytes(b"{")
    (trash / ids["results"] / "data.parquet").unlink()
    (trash / ids["file"] / "content").unlink()
    (trash / "somebody's").mkdir()
    change_record(workspace, ids["library"], schema_version=99)
    change_record(workspace, ids["pipeline"], kind="thinned")
    problems = {entry.trash_id: entry.problem or "" for entry in workspace.trash.list()}
    assert "move it back by hand" in problems[ids["run"]] and "data.parquet is missing" in problems[ids["results"]]
    assert "content is missing" in problems[ids["file"]] and "trash.json" in problems["somebody's"]
    assert "newer" in problems[ids["library"]]
    for kind, error in (
        ("run", Corrupt),
        ("results", NotFound),
        ("file", Corrupt),
        ("library", TooNew),
        ("pipeline", TooNew),
    ):
        before = content_of(workspace.root)
        with pytest.raises(error):
            workspace.trash.restore(ids[kind])
        assert (
            content_of(workspace.root / "runs").items()
            <= {k.removeprefix("runs/"): v for k, v in before.items()}.items()
        )
    workspace.trash.plan_empty().apply()
    assert list(trash.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "origin"),
    [
        ("file", "../outside.txt"),
        ("file", "/outside.txt"),
        ("library", "runs/x"),
        ("library", "../x.json"),
        ("file", "nowhere/x"),
        ("pipeline", "../../x"),
        ("file", "exports/x\0"),
        ("run", f"runs/{'x' * 300}"),
        ("file", "x/" * 2000 + "x"),
    ],
)
def test_an_entry_that_says_it_was_elsewhere_goes_nowhere(workspace: Workspace, kind: str, origin: str) -> None:
    file = workspace.root / "exports" / "x"
    file.write_text("1")
    trash_id = workspace.trash.put(file)
    change_record(workspace, trash_id, kind=kind, origin=origin)
    before = content_of(workspace.root.parent)
    with pytest.raises(StorageError):
        workspace.trash.restore(trash_id)
    with pytest.raises(StorageError):
        workspace.trash.plan_restore([trash_id]).apply()
    assert content_of(workspace.root.parent) == before
    assert (workspace.root / ".trash" / trash_id / "content").read_text() == "1"


def test_nothing_is_deleted_where_nothing_can_be_written(root: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
        trash_id = workspace.trash.put(_file(workspace))
    with Workspace.open(root, read_only=True) as workspace:
        assert len(workspace.trash.list()) == 1
        for work in (
            workspace.plan_delete_run(workspace.runs()[0].run_id).apply,
            workspace.trash.plan_empty().apply,
            lambda: workspace.trash.restore(trash_id),
        ):
            with pytest.raises(ReadOnly):
                work()


def _file(workspace: Workspace) -> Path:
    path = workspace.root / "exports" / "x"
    path.write_text("1")
    return path
