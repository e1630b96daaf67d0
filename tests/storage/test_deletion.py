"""Deleting results: planned, to the trash, back again; killed at any moment nothing is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pandas as pd
import pytest

from storage import BadInput, Conflict, Corrupt, NotFound, Workspace
from tests.storage.samples import fill

META = "catalog/predictions_meta.parquet"
DATA = "catalog/predictions_data.parquet"


def ids_in(root: Path, folder: str) -> set[str]:
    return set(pd.read_parquet(root / folder)["prediction_id"])


def test_deleted_results_are_gone_for_every_reader_and_can_be_restored(workspace: Workspace) -> None:
    ids = fill(workspace, 6)
    workspace.catalog.annotate(ids[:2], add_tags=["dear"], notes="keep this")
    before = workspace.catalog.get(ids[0])
    plan = workspace.catalog.plan_delete("test_rmse < 2.5")
    assert plan.title.startswith("Delete 2 results") and plan.bytes > 0
    assert workspace.catalog.count() == 6  # a plan is looked at first
    assert "2 results deleted" in plan.apply()
    assert ids_in(workspace.root, META) == ids_in(workspace.root, DATA) == set(ids[2:])
    assert workspace.catalog.arrays(ids[0]) == [] and workspace.catalog.tags() == []
    (entry,) = workspace.catalog.trash()
    assert (entry.rows, entry.title, entry.status) == (2, "test_rmse < 2.5", "deleted")
    assert workspace.catalog.restore(entry.trash_id) == 2
    assert ids_in(workspace.root, META) == set(ids) and workspace.catalog.trash() == []
    after = workspace.catalog.get(ids[0])
    own = {"key", "noted_at"}  # restoring is an edit of its own, as what deleted it was
    assert {**after, **dict.fromkeys(own)} == {**before, **dict.fromkeys(own)}
    assert workspace.catalog.arrays(ids[0])[0].y_true.tolist() == [1.0, 2.0, 3.0]


def test_results_chosen_by_hand_are_called_by_their_names_in_the_trash(workspace: Workspace) -> None:
    ids = fill(workspace, 6)
    names = [workspace.catalog.get(one)["pipeline_name"] for one in ids]
    workspace.catalog.plan_delete(chosen=ids[:1]).apply()
    workspace.catalog.plan_delete(chosen=ids[1:]).apply()
    titles = {entry.title for entry in workspace.catalog.trash()}
    assert titles == {names[0], f"{', '.join(names[1:4])} and 2 more"}


def test_a_deleted_result_stays_deleted_though_its_folder_is_there(root: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 3)
        workspace.catalog.plan_delete("test_rmse = 1").apply()
    for path in (root / "catalog").glob("index.sqlite*"):
        path.unlink()
    with Workspace.open(root) as workspace:
        workspace.sync(full=True)
        assert sorted(workspace.catalog.ids()) == sorted(ids[1:])
        assert workspace.count_pipelines(workspace.runs()[0].run_id) == 3


def test_opening_meanwhile_takes_nothing_from_a_deletion(root: Path) -> None:
    """Opening settles what dead processes left in the trash: a deletion that is being done is not that."""
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 12)
        stop = threading.Event()

        def open_again_and_again() -> None:
            while not stop.is_set():
                Workspace.open(root).close()

        opener = threading.Thread(target=open_again_and_again)
        opener.start()
        try:
            for i in range(6):
                workspace.catalog.plan_delete(f"test_rmse = {i + 1}").apply()
        finally:
            stop.set()
            opener.join()
        assert len(workspace.catalog.trash()) == 6 and workspace.catalog.count() == 6
        for entry in workspace.catalog.trash():
            workspace.catalog.restore(entry.trash_id)
        assert sorted(workspace.catalog.ids()) == sorted(ids) == sorted(ids_in(root, META))


def test_what_two_restore_is_there_once(root: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 5)
        workspace.catalog.plan_delete("test_rmse > 0").apply()
        (entry,) = workspace.catalog.trash()
        found: list[object] = []

        def bring_back() -> None:
            with Workspace.open(root) as other:
                try:
                    found.append(other.catalog.restore(entry.trash_id))
                except NotFound as error:
                    found.append(type(error))

        threads = [threading.Thread(target=bring_back) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.count(5) == 1 and len(pd.read_parquet(root / META)) == len(pd.read_parquet(root / DATA)) == 5
        workspace.sync()
        assert sorted(workspace.catalog.ids()) == sorted(ids)


def test_a_damaged_trash_restores_nothing_wrong(workspace: Workspace) -> None:
    fill(workspace, 2)
    workspace.catalog.plan_delete("test_rmse = 1").apply()
    (entry,) = workspace.catalog.trash()
    path = workspace.root / ".trash" / entry.trash_id / "data.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Corrupt):
        workspace.catalog.restore(entry.trash_id)
    assert workspace.catalog.count() == 1 and len(workspace.catalog.trash()) == 1


def test_a_plan_refuses_when_what_it_was_made_from_changed(workspace: Workspace) -> None:
    fill(workspace, 2)
    plan = workspace.catalog.plan_delete("dataset_name = 'corn'")
    with Workspace.open(workspace.root) as other:
        fill(other, 1)
    with pytest.raises(Conflict):
        plan.apply()
    assert workspace.catalog.count() == 3
    again = workspace.catalog.plan_delete("dataset_name = 'corn'")
    again.apply()
    with pytest.raises(Conflict):
        again.apply()
    assert workspace.catalog.count() == 0 and workspace.catalog.plan_delete("dataset_name = 'corn'").steps == ()
    with pytest.raises(BadInput):
        workspace.catalog.plan_delete(" ")
    with pytest.raises(NotFound):
        workspace.catalog.restore("../../etc")


def test_what_cannot_be_read_cannot_be_deleted(workspace: Workspace) -> None:
    """A damaged part might hold one of the rows: nothing is changed, and nothing stays in the trash."""
    fill(workspace, 3)
    part = sorted((workspace.root / DATA).iterdir())[0]
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.write_bytes(content)
    with pytest.raises(Corrupt):
        workspace.catalog.plan_delete("test_rmse < 3").apply()
    assert workspace.catalog.count() == 3 and workspace.catalog.trash() == []
    assert list((workspace.root / ".trash").iterdir()) == []
