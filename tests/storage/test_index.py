"""The index as a cache: where it lies, how it survives, and that its questions take the short way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage import Cancelled, Conflict, Workspace
from storage.mounts import bsd_mounts, file_system_of, is_network_folder, linux_mounts
from storage.records import PartRecord
from tests.storage.kills import processes
from tests.storage.samples import add_foreign_part, fill

MOUNTS = """\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
90 22 0:45 / /home rw - nfs4 server:/export rw,vers=4.2
91 90 0:46 / /home/lab\\040data rw - xfs /dev/sdb rw
92 22 0:47 / /mnt/share rw - fuse.sshfs me@host: rw
"""


@pytest.fixture
def large(root: Path) -> Workspace:
    """Enough rows that a wrong plan would be felt, written as another program would."""
    count = 20_000
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "prediction_id": [f"p{i:06}" for i in range(count)],
            "dataset_name": [f"d{i % 20}" for i in range(count)],
            "model_type": [("Ridge", "PLSRegression")[i % 2] for i in range(count)],
            "run_id": [f"r{i // 100}" for i in range(count)],
            "config": [
                f'[{{"class": "m.PLSRegression", "params": {{"n_components": {i % 30}}}}}]' for i in range(count)
            ],
            "test_rmse": random.gamma(2, 1, count),
            "test_r2": np.where(np.arange(count) % 10, random.random(count), np.nan),
        }
    )
    Workspace.create(root).close()
    add_foreign_part(root, "meta", table)
    return Workspace.open(root)


def plan(workspace: Workspace, filter: str, order_by: str, limit: int | None = 50) -> list[str]:
    """How SQLite says that it will answer a question for keys: all its steps."""
    query = workspace.catalog._key_query(filter, order_by, limit, 0)
    asked = [query.whole] if query.first is None else [query.first]
    with workspace._index.lock:
        return [row[3] for sql, values in asked for row in workspace._index.raw((f"EXPLAIN QUERY PLAN {sql}", values))]


@pytest.mark.parametrize(
    ("filter", "order_by"),
    [
        ("", "test_rmse"),
        ("", "-test_rmse"),
        ("", "best:test_r2"),
        ("", "-created_at"),
        ("dataset_name = 'd3'", "test_rmse"),
        ("dataset_name = 'd3' and test_rmse is not null", "best:test_rmse"),
        ("dataset_name = 'd3' and test_r2 > 0.9", "-test_r2"),
    ],
)
def test_a_sorted_list_comes_from_an_index_and_is_never_sorted(large: Workspace, filter: str, order_by: str) -> None:
    with large:
        steps = plan(large, filter, order_by)
        assert any("USING" in step and "INDEX by_" in step for step in steps), steps
        assert not any("TEMP B-TREE" in step for step in steps), steps


def test_an_index_to_sort_by_is_made_in_small_pieces_and_all_else_has_its_large_cache(large: Workspace) -> None:
    raw: Any = large._index.connection.connection.dbapi_connection
    usual = [raw.execute(f"PRAGMA {name}").fetchone() for name in ("temp_store", "cache_size")]
    said: list[str] = []
    raw.set_trace_callback(said.append)
    large.catalog.keys("", "test_r2")
    raw.set_trace_callback(None)
    made = next(place for place, sql in enumerate(said) if sql.startswith("CREATE INDEX"))
    assert "PRAGMA temp_store=FILE" in said[:made] and "PRAGMA cache_size=-2000" in said[:made]
    assert [raw.execute(f"PRAGMA {name}").fetchone() for name in ("temp_store", "cache_size")] == usual


def test_questions_beside_the_results_use_their_indexes(large: Workspace) -> None:
    """A join without an index on its other side is what makes a tracker quadratic."""
    with large:
        index = large._index
        asked: list[str] = []
        with index.lock:
            index.connection.connection.dbapi_connection.set_trace_callback(asked.append)  # type: ignore[union-attr]
            large.catalog.rows(large.catalog.keys(limit=5))
            large.catalog.arrays("p000100")
            large.place_of("p000100")
            large.catalog.done_before("hash", "data", 0, "d1")
            large.runs()
            large.catalog.ids("tags has 'x' and PLSRegression.n_components = 3")
            index.connection.connection.dbapi_connection.set_trace_callback(None)  # type: ignore[union-attr]
            steps = [
                row[3]
                for sql in dict.fromkeys(asked)
                if sql.startswith("SELECT")
                for row in index.raw((f"EXPLAIN QUERY PLAN {sql}", ()))
            ]
        whole = [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]
        small = (
            "SCAN sqlite_master",
            "SCAN runs",
            "SCAN texts",
            "SCAN parameter_names",
            "SCAN CONSTANT ROW",
            "SCAN row_groups",
            "SCAN parts",
        )
        assert steps and not [step for step in whole if not step.startswith(small)], whole


def test_many_new_rows_are_told_to_the_planner(large: Workspace) -> None:
    with large:
        known = large._index.raw(("SELECT DISTINCT tbl FROM sqlite_stat1", ()))
        assert ("predictions",) in known


def test_every_order_agrees_with_pandas(large: Workspace) -> None:
    with large:
        table = pd.read_parquet(large.root / "catalog/predictions_meta.parquet")
        for filter, order, kept in (
            ("", "-test_r2,test_rmse", table),
            ("model_type = 'Ridge'", "test_rmse", table[table["model_type"] == "Ridge"]),
            (
                "model_type = 'Ridge' and test_rmse > 12",
                "test_rmse",
                table.query("model_type == 'Ridge' and test_rmse > 12"),
            ),
        ):
            names = [name.removeprefix("-") for name in order.split(",")]
            rising = [not name.startswith("-") for name in order.split(",")]
            expected = kept.sort_values(names, ascending=rising)["prediction_id"].tolist()
            for limit, offset in ((None, 0), (20, 0), (20, 300), (15_000, 3)):
                keys = large.catalog.keys(filter, order, limit, offset)
                found = [row["prediction_id"] for row in large.catalog.rows(keys)]
                assert found == expected[offset:][:limit], (filter, order, limit, offset)


@pytest.mark.parametrize("harm", ["replaced by an older one", "replaced by garbage", "no room"])
def test_the_index_may_be_harmed_while_open(root: Path, harm: str) -> None:
    with Workspace.create(root) as workspace:
        path = root / "catalog/index.sqlite"
        fill(workspace, 2)
        shutil.copyfile(path, root / "old.sqlite")
        ids = fill(workspace, 3, "wheat")
        if harm == "no room":
            raw = workspace._index.connection.connection.dbapi_connection
            raw.execute(f"PRAGMA max_page_count={raw.execute('PRAGMA page_count').fetchone()[0]}")  # type: ignore[union-attr]
            ids += fill(workspace, 40, "rye")
        else:
            if "garbage" in harm:
                (root / "old.sqlite").write_bytes(os.urandom(5000))
            os.replace(root / "old.sqlite", path)
        assert workspace.catalog.count() == len(ids) + 2
        workspace.sync()
        assert len(workspace.notices) <= 1 and all("No results were affected" in one for one in workspace.notices)
        assert workspace.notices or "older" in harm  # an older one is only brought up to date
        assert workspace.index_status()["current"]
        if harm == "no room":
            assert workspace._index.path is not None and root not in workspace._index.path.parents


def look(root: Path, times: int) -> list[int]:
    with Workspace.open(root) as workspace:
        return [workspace.catalog.count() for _ in range(times)]


def test_an_index_that_is_deleted_is_made_again_once_for_all(root: Path) -> None:
    """Several processes look while it goes away: each finds every result, each time."""
    with Workspace.create(root) as workspace:
        fill(workspace, 30)
        with processes().Pool(3) as pool:
            looking = [pool.apply_async(look, (root, 300)) for _ in range(3)]
            for _ in range(4):
                for path in (root / "catalog").glob("index.sqlite*"):
                    path.unlink(missing_ok=True)
                assert workspace.catalog.count() == 30
            assert {count for one in looking for count in one.get(60)} == {30}


def test_a_key_is_never_given_to_another_result(workspace: Workspace) -> None:
    fill(workspace, 3)
    keys = workspace.catalog.keys()
    workspace.catalog.plan_delete("test_rmse = 3").apply()
    fill(workspace, 2, "wheat")
    assert {row["dataset_name"] for row in workspace.catalog.rows(keys)} == {"corn"}


def test_on_another_machine_and_under_another_name_it_works_at_once(root: Path, tmp_path: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 3)
        workspace.catalog.annotate(ids, add_tags=["kept"])
        before = workspace.catalog.rows(workspace.catalog.keys())
    moved = tmp_path / "elsewhere" / "other name"
    shutil.copytree(root, moved)
    shutil.rmtree(root)
    with Workspace.open(moved) as workspace:
        assert workspace.notices == [] and workspace.catalog.rows(workspace.catalog.keys()) == before
        assert len(workspace.catalog.arrays(ids[1])) == 1 and workspace.runs()[0].total == 3
        fill(workspace, 1)
    for path in moved.rglob("*"):
        if path.is_file() and path.suffix in (".sqlite", ".json"):
            assert str(root).encode() not in path.read_bytes(), path


def test_a_folder_on_another_machine_is_known_by_its_mount() -> None:
    found = {
        p: file_system_of(p, linux_mounts(MOUNTS)) for p in ("/home/me/w", "/home/lab data/w", "/homes", "/mnt/share")
    }
    assert found == {"/home/me/w": "nfs4", "/home/lab data/w": "xfs", "/homes": "ext4", "/mnt/share": "fuse.sshfs"}
    listed = "/dev/disk3s1 on / (apfs, local, journaled)\n//me@nas/lab on /Volumes/lab (smbfs, nodev, nosuid)\n"
    assert file_system_of("/Volumes/lab/w", bsd_mounts(listed)) == "smbfs"
    assert file_system_of("/Users/me", bsd_mounts(listed)) == "apfs"
    assert not is_network_folder(Path(__file__).parent)


def test_a_workspace_on_a_share_keeps_its_index_at_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 2)
    monkeypatch.setattr("storage.index.is_network_folder", lambda folder: True)
    with Workspace.open(root) as workspace:
        assert workspace._index.path is not None and root not in workspace._index.path.parents
        assert sorted(workspace.catalog.ids()) == sorted(ids) and "another machine" in workspace.notices[0]
        fill(workspace, 1)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 3 and workspace.notices == []  # told once


def test_where_no_file_can_be_made_the_index_is_in_memory(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 2)
    for path in (root / "catalog").glob("index.sqlite*"):
        path.unlink()
    (root / "catalog/index.sqlite/in the way").mkdir(parents=True)
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no folder"))
    with Workspace.open(root) as workspace:
        assert "kept in memory" in workspace.notices[0] and len(workspace.notices) == 1
        ids += fill(workspace, 2)
        workspace.catalog.annotate(ids, add_tags=["x"])
        assert sorted(workspace.catalog.ids("tags has 'x'")) == sorted(ids) and len(workspace.runs()) == 1


SCRIPT = """
import sys
from storage import Cancelled, Conflict, Workspace
from tests.storage.samples import fill
with Workspace.open(sys.argv[1]) as workspace:
    fill(workspace, int(sys.argv[2]), "script")
"""


def test_a_script_appends_while_a_window_looks_and_the_command_line_asks(root: Path) -> None:
    """Three processes: nobody waits for another for long, nobody sees half a result, nobody misses one."""
    with Workspace.create(root) as window:
        fill(window, 5)
        script = subprocess.Popen([sys.executable, "-c", SCRIPT, str(root), "120"], cwd=Path(__file__).parents[2])
        seen = [5]
        while script.poll() is None:
            window.sync()
            rows = window.catalog.rows(window.catalog.keys(order_by="test_rmse"))
            assert all(row["test_rmse"] is not None and row["prediction_id"] for row in rows)
            seen.append(len(rows))
            if len(seen) in (3, 30):
                command = [sys.executable, "-m", "storage", "catalog", "best", "test_rmse", "-w", str(root)]
                assert subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[2], check=True).stdout
        assert script.returncode == 0
        window.sync()
        assert seen == sorted(seen) and window.catalog.count() == 125 and window.notices == []
        assert window.count_pipelines(next(r.run_id for r in window.runs() if r.dataset_name == "script")) == 120


def test_sqlite_is_new_enough_for_words() -> None:
    assert sqlite3.sqlite_version_info >= (3, 34)


@pytest.mark.parametrize(("summary", "day"), [("whole", "2026-03-04"), ("gone", "2026-02-01"), ("{", "2026-02-01")])
def test_a_run_whose_configuration_is_damaged_keeps_its_day(workspace: Workspace, summary: str, day: str) -> None:
    folder = workspace.root / "runs" / "2026-02-01_corn"
    folder.mkdir(parents=True)
    (folder / "run_config.json").write_text('{"run_id": "2026-0', "utf-8")
    if summary != "gone":
        whole = '{"schema_version": 1, "status": "completed", "started_at": "2026-03-04T10:00:00Z"}'
        (folder / "run_summary.json").write_text(whole if summary == "whole" else summary, "utf-8")
    workspace.sync(full=True)
    (row,) = workspace.runs()
    assert row.date == day and row.problem and row.dataset_name == ""


def test_building_the_index_tells_how_far_it_is_and_can_be_given_up(workspace: Workspace, root: Path) -> None:
    fill(workspace, 30)
    ids = sorted(workspace.catalog.ids())
    index = workspace.index_status()["path"]
    workspace.close()
    heard: list[tuple[int, int, str]] = []

    def listen(done: int, total: int, text: str) -> None:
        heard.append((done, total, text))

    def give_up(done: int, total: int, text: str) -> None:
        if done:
            raise Cancelled()

    Path(index).unlink()
    with pytest.raises(Cancelled):
        Workspace.open(root, report=give_up)
    with Workspace.open(root, report=listen) as again:
        assert sorted(again.catalog.ids()) == ids
    assert (heard[0][:2], heard[-1][:2]) == ((0, 30), (30, 30)) and heard[0][2] == "building the index from the files"
    heard.clear()
    with Workspace.open(root, report=listen) as again:
        assert heard == []  # there was nothing to build
        again.rebuild_index(listen)
    assert (30, 30, "building the index from the files") in heard


def test_who_has_the_index_open_sees_the_old_one_until_it_is_made_again(large: Workspace, root: Path) -> None:
    with large, Workspace.open(root) as other:
        there = os.stat(root / "catalog" / "index.sqlite").st_ino
        seen: list[tuple[int, str]] = []
        best = large.catalog.best_rows("test_rmse", n=1)[0]["prediction_id"]

        def look(done: int, total: int, text: str) -> None:
            seen.append((other.catalog.count(), other.catalog.best_rows("test_rmse", n=1)[0]["prediction_id"]))

        large.rebuild_index(look)
        assert len(seen) > 2 and set(seen) == {(20_000, best)}
        other.sync()
        assert other.catalog.get(best) == large.catalog.get(best)
        assert os.stat(root / "catalog" / "index.sqlite").st_ino == there
        assert not large.notices and not other.notices


def test_a_rebuild_that_is_cancelled_under_others_leaves_the_old_index(large: Workspace, root: Path) -> None:
    def stop(done: int, total: int, text: str) -> None:
        if done:
            raise Cancelled

    with large, Workspace.open(root) as other:
        made = other._index.made()
        with pytest.raises(Cancelled):
            large.rebuild_index(stop)
        assert large._index.made() == other._index.made() == made
        assert large.catalog.count() == other.catalog.count() == 20_000


def test_a_damaged_index_is_sound_after_a_rebuild_though_others_have_it_open(large: Workspace, root: Path) -> None:
    """A page is said to be free, and is not."""
    path = root / "catalog" / "index.sqlite"
    large.close()
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    last = len(content) // size + 1
    for place, number in ((28, last), (32, last), (36, 2)):  # how many pages; the list of free ones, and its length
        content[place : place + 4] = number.to_bytes(4, "big")
    free = b"".join(number.to_bytes(4, "big") for number in (0, 1, 3))  # no further list; one page; the third
    path.write_bytes(content + free.ljust(size, b"\0"))
    with Workspace.open(root) as workspace, Workspace.open(root) as other:
        workspace.rebuild_index()
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert workspace.catalog.count() == other.catalog.count() == 20_000


def test_an_export_notices_that_another_process_made_the_index_again(large: Workspace, root: Path) -> None:
    """The keys of its rows mean others then."""
    path = root.parent / "rows.csv"
    with large, Workspace.open(root) as other:

        def disturb(done: int, total: int, text: str) -> None:
            if 0 < done < total:
                other.rebuild_index()

        with pytest.raises(Conflict, match="nothing was written"):
            large.catalog.export(path, report=disturb)
        assert not path.exists()
        assert large.catalog.export(path) == 20_000


def test_arrays_are_found_while_somebody_merges_the_parts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the manifest and the reading, the parts that it names are merged away."""
    with Workspace.create(root) as workspace, Workspace.open(root) as other:
        ids = fill(workspace, 9)
        parts = other.catalog._parts
        read = parts.files.ids

        def merged_meanwhile(dataset: str, part: PartRecord) -> Any:
            monkeypatch.undo()
            assert workspace.catalog.compact() > 0
            return read(dataset, part)

        monkeypatch.setattr(parts.files, "ids", merged_meanwhile)
        found = other.catalog.stored_arrays.rows(ids)
        assert sorted(found.column("prediction_id").to_pylist()) == sorted(ids)
