"""Results that the catalog lost or never heard of are taken in by the next opening: all, once, and quickly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from storage import Cancelled, Workspace, intake
from storage.check import check_workspace
from tests.storage.kills import killed_at
from tests.storage.samples import fill

COUNT = 30


def lose_results(root: Path) -> int:
    """Make the catalog forget all results, as one from a backup would; returns its generation."""
    path = root / "catalog/manifest.json"
    manifest = json.loads(path.read_text())
    manifest = {**manifest, "meta": [], "data": [], "generation": manifest["generation"] + 1}
    path.write_text(json.dumps(manifest))
    for part in [*root.glob("catalog/predictions_*/part-*.parquet")]:
        part.unlink()
    return int(manifest["generation"])


def generation(root: Path) -> int:
    return int(json.loads((root / "catalog/manifest.json").read_text())["generation"])


def rows(root: Path) -> list[str]:
    return sorted(pd.read_parquet(root / "catalog/predictions_meta.parquet")["prediction_id"])


def open_in_small_steps(root: Path) -> None:
    intake.AT_ONCE = 4
    Workspace.open(root).close()


@pytest.fixture
def ids(root: Path) -> list[str]:
    """The results of a workspace that its catalog lost."""
    with Workspace.create(root) as workspace:
        found = fill(workspace, COUNT // 2, "corn") + fill(workspace, COUNT // 2, "wheat")
    lose_results(root)
    return found


def test_all_come_back_once_and_with_one_commit(root: Path, ids: list[str]) -> None:
    before = generation(root)
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == ids and workspace.notices == []
        assert all(len(workspace.catalog.arrays(one)) == 1 for one in ids)
    assert rows(root) == ids
    assert generation(root) == before + 1
    assert check_workspace(root, deep=True).verdict == "clean"


def test_what_was_deleted_on_purpose_stays_deleted(root: Path, ids: list[str]) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.annotate(ids[1:2], notes="kept")
        workspace.catalog.plan_delete("test_rmse < 2.5").apply()
        kept = sorted(workspace.catalog.ids())
        assert len(kept) == COUNT - 4
    lose_results(root)
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == kept
    assert rows(root) == kept


def test_a_copied_run_adds_nothing(root: Path, ids: list[str]) -> None:
    for folder in list((root / "runs").iterdir()):
        shutil.copytree(folder, folder.with_name(f"copy of {folder.name}"))
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == ids
    assert rows(root) == ids


def test_what_can_not_be_read_is_named_and_the_others_go_on(root: Path, ids: list[str]) -> None:
    damaged, unfit, *_ = sorted(root.glob("runs/*/00*"))
    (damaged / "metrics.json").write_text("{ torn")
    document = json.loads((unfit / "pipeline.json").read_text())
    (unfit / "pipeline.json").write_text(json.dumps({**document, "seed": 10**30}))  # no column can hold it
    with Workspace.open(root) as workspace:
        assert len(workspace.catalog.ids()) == COUNT - 2
        for folder in (damaged, unfit):
            assert any(folder.name in notice for notice in workspace.notices)
    assert rows(root) == sorted(set(ids) - {document["prediction_id"], _prediction(damaged)})


def _prediction(folder: Path) -> str:
    return str(json.loads((folder / "pipeline.json").read_text())["prediction_id"])


def test_many_that_can_not_be_read_are_counted(root: Path, ids: list[str]) -> None:
    for path in root.glob("runs/*/00*/metrics.json"):
        path.write_text("{ torn")
    with Workspace.open(root) as workspace:
        assert len(workspace.notices) < 10 and f"{COUNT - 5} more" in workspace.notices[-1]


def test_arrays_that_are_there_are_not_doubled(root: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 4)
    path = root / "catalog/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "meta": [], "generation": 99}))
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == ids
    assert len(pd.read_parquet(root / "catalog/predictions_data.parquet")) == 4


@pytest.mark.parametrize("call", [5, 30, 60, 90])
def test_a_kill_in_the_middle_loses_and_doubles_nothing(root: Path, ids: list[str], call: int) -> None:
    killed_at(call, open_in_small_steps, root)
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == ids
        assert all(len(workspace.catalog.arrays(one)) == 1 for one in ids)
    assert rows(root) == ids


def test_the_opening_tells_how_far_it_is_and_can_be_given_up(root: Path, ids: list[str]) -> None:
    heard: list[tuple[int, int]] = []

    def give_up(done: int, total: int, text: str) -> None:
        heard.append((done, total))
        if done == COUNT // 2:
            raise Cancelled()

    with pytest.raises(Cancelled):
        Workspace.open(root, report=give_up)
    assert heard[-1] == (COUNT // 2, COUNT)
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.ids()) == ids
