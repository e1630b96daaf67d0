"""The catalog: parts and manifest read by other programs, an index that may be lost, finding and reading."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import NotFound, ReadOnly, Workspace, check_workspace, plan_rescue
from storage.errors import BadInput, Corrupt, DiskFull
from storage.part_files import THREADED_ROWS
from storage.records import Manifest, new_id
from tests.storage.samples import add_foreign_part, fill

META = "catalog/predictions_meta.parquet"
DATA = "catalog/predictions_data.parquet"


def everything(workspace: Workspace) -> pd.DataFrame:
    return workspace.catalog.search(order_by="prediction_id")


def duck(root: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.sql(
            sql.format(meta=f"'{root}/{META}/*.parquet'", data=f"'{root}/{DATA}/*.parquet'")
        ).fetchall()


def follow_by(workspace: Workspace, manifest_now: Callable[[], Manifest]) -> None:
    """Bring the index up to a manifest that is read in another moment."""
    workspace._index.parts.sync(manifest_now, lambda: workspace.catalog._parts)


@pytest.mark.parametrize("rows", [1, THREADED_ROWS])
def test_a_part_is_read_whole_and_in_the_columns_it_has(workspace: Workspace, rows: int) -> None:
    """Small ones without threads, large ones with them."""
    files = workspace.catalog._parts.files
    ids = [f"{number:06}" for number in range(rows)]
    made = pa.table({"prediction_id": ids, "test_rmse": np.arange(rows, dtype=float), "a.b": ids})
    folder = workspace.root / META
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, folder / "ours.parquet", row_group_size=1000)
    part, _ = files.record_of("meta", "ours.parquet")
    assert files.read("meta", part).equals(made)
    assert files.read("meta", part, ["test_rmse", "absent", "a.b"]).equals(made.select(["test_rmse", "a.b"]))
    twice = pa.table([made.column(0), made.column(1), made.column(1)], names=["prediction_id", "x", "x"])
    pq.write_table(twice, folder / "theirs.parquet")
    part, _ = files.record_of("meta", "theirs.parquet")
    assert files.read("meta", part, ["prediction_id"]).num_rows == rows
    for columns in (None, ["x"]):
        with pytest.raises(Corrupt, match="several columns are called x"):
            files.read("meta", part, columns)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask has not followed pandas there yet
def test_other_programs_read_the_folders_as_tables_and_agree(workspace: Workspace) -> None:
    """pandas, Polars, DuckDB and Dask, without our help, on every row of both data sets, also after a new metric."""
    import dask.dataframe as dd

    ids = fill(workspace, 20)
    pipeline = workspace.create_run("wheat").add_pipeline({"k": "new"})
    pipeline.save_metrics({"test": {"rpd": 2.5}})
    pipeline.complete()
    workspace.catalog.close()  # no merging behind while the others read
    for folder, columns in ((META, ["test_rmse", "test_rpd", "config"]), (DATA, ["y_true", "y_pred"])):
        path = workspace.root / folder
        read = {
            "pandas": pd.read_parquet(path),
            "polars": pl.read_parquet(path / "*.parquet").to_pandas(),
            "duckdb": duckdb.connect().sql(f"from read_parquet('{path}/*.parquet')").df(),
            "dask": dd.read_parquet(path).compute(scheduler="sync"),
        }
        rows = {
            name: sorted(
                (row[0], *(None if np.ndim(v) == 0 and pd.isna(v) else np.asarray(v).tolist() for v in row[1:]))
                for row in table[["prediction_id", *columns]].itertuples(index=False, name=None)
            )
            for name, table in read.items()
        }
        assert {row[0] for row in rows["pandas"]} >= set(ids)
        assert rows["polars"] == rows["duckdb"] == rows["dask"] == rows["pandas"]
    assert read["pandas"].set_index("prediction_id").loc[ids[0], "y_true"].tolist() == [1.0, 2.0, 3.0]


def test_a_new_metric_appears_for_old_and_new_rows(workspace: Workspace) -> None:
    fill(workspace, 3)
    pipeline = workspace.create_run("corn").add_pipeline({"k": "new"})
    pipeline.save_metrics({"test": {"rpd": 2.5}, "odd": {"Größe of it": 1}})
    pipeline.complete()
    for meta in (
        pd.read_parquet(workspace.root / META),
        pl.read_parquet(workspace.root / META / "*.parquet").to_pandas(),
    ):
        assert len(meta) == 4
        assert meta["test_rpd"].notna().sum() == 1 and meta["test_rmse"].notna().sum() == 3
    assert workspace.catalog.best("test_rpd")["test_rpd"].tolist() == [2.5]
    assert workspace.catalog.count("odd_gr_e_of_it = 1") == 1


def test_best_knows_the_direction_and_the_dataset(workspace: Workspace) -> None:
    fill(workspace, 4)
    fill(workspace, 6, "wheat")
    assert workspace.catalog.best("test_rmse", n=2)["test_rmse"].tolist() == [1.0, 1.0]
    assert workspace.catalog.best("test_r2", dataset="wheat", n=1)["test_r2"].tolist() == [1.0]
    assert len(workspace.catalog.best("test_rmse", dataset="corn")) == 4
    assert workspace.catalog.best("test_rmse", dataset="rye").empty
    with pytest.raises(BadInput):
        workspace.catalog.best("test_nothing")
    with pytest.raises(BadInput):
        workspace.catalog.best("val_r2")  # known as a metric, but no result has it


def test_search_filters_sorts_and_pages(workspace: Workspace) -> None:
    fill(workspace, 10)
    found = workspace.catalog.search(
        "test_rmse > 3 and dataset_name = 'corn'", order_by="-test_rmse", limit=3, offset=1
    )
    assert found["test_rmse"].tolist() == [9.0, 8.0, 7.0]
    assert found["folder_exists"].all() and str(found["created_at"].dtype).endswith("UTC]")


def test_a_query_may_compute_and_order(workspace: Workspace) -> None:
    fill(workspace, 6)
    found = workspace.catalog.search("test_rmse * 2 + test_r2 as weird and weird > 4 order by weird desc", limit=2)
    assert found["weird"].tolist() == pytest.approx([12.5, 10.6])
    assert workspace.catalog.search("test_rmse > 99 test_rmse - test_r2 as gap")["gap"].tolist() == []


def test_arrays_are_read_by_id(workspace: Workspace) -> None:
    ids = fill(workspace, 30)  # some parts merged, some not
    workspace.catalog.compact()
    more = fill(workspace, 2, "wheat")
    for place, prediction_id in enumerate([*ids, *more]):
        (block,) = workspace.catalog.arrays(prediction_id)
        assert block.y_pred.tolist() == [1.0 + (place if place < 30 else place - 30), 2.0, 3.0]
        assert block.partition == "test" and block.sample_indices.tolist() == [0, 1, 2]
    assert workspace.catalog.arrays("nothing") == []


def test_few_parts_are_ever_live(workspace: Workspace) -> None:
    fill(workspace, 70)
    workspace.catalog.compact()
    manifest = json.loads((workspace.root / "catalog/manifest.json").read_text())
    assert len(manifest["meta"]) <= 14 and sum(part["rows"] for part in manifest["meta"]) == 70
    on_disk = {path.name for path in (workspace.root / META).iterdir()}
    assert on_disk == {part["file"] for part in manifest["meta"]}
    assert len(everything(workspace)) == 70 and workspace.index_status()["current"]


@pytest.mark.parametrize(
    "harm", ["deleted", "garbage", "empty", "other version", "other program", "cut", "flipped page"]
)
def test_the_index_may_be_lost_in_any_way(root: Path, harm: str) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 40)
        before, runs = everything(workspace), workspace.runs()
    index = root / "catalog/index.sqlite"
    content = index.read_bytes()
    if harm == "deleted":
        index.unlink()
    elif harm in ("garbage", "empty", "cut"):
        index.write_bytes({"garbage": os.urandom(9000), "empty": b"", "cut": content[: len(content) // 2]}[harm])
    elif harm == "flipped page":
        index.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    elif harm == "other version":
        with sqlite3.connect(index) as connection:
            connection.execute("update facts set value='0' where key='version'")
    else:
        index.unlink()
        with sqlite3.connect(index) as connection:
            connection.execute("create table customers (name text)")
    with Workspace.open(root) as workspace:
        pd.testing.assert_frame_equal(everything(workspace), before)
        assert workspace.runs() == runs
        quiet = harm in ("deleted", "empty")  # an empty file is a new index
        assert bool(workspace.notices) is not quiet, workspace.notices
        assert workspace.notices == [] or "No results were affected" in workspace.notices[0]


def test_the_index_may_be_deleted_while_open(workspace: Workspace) -> None:
    fill(workspace, 5)
    before = everything(workspace)
    for path in (workspace.root / "catalog").glob("index.sqlite*"):
        path.unlink()
    pd.testing.assert_frame_equal(everything(workspace), before)
    assert len(workspace.runs()) == 1 and (workspace.root / "catalog/index.sqlite").exists()


def test_another_process_is_followed(root: Path) -> None:
    """Two workspaces on one folder, as the window and a script are: each sees what the other commits."""
    with Workspace.create(root) as window, Workspace.open(root) as script:
        fill(script, 3)
        assert window.sync() and len(everything(window)) == 3
        assert not window.sync()
        fill(window, 2, "wheat")
        script.sync()
        assert len(everything(script)) == 5 and len(script.runs()) == 2


def test_a_result_the_index_lacks_is_looked_for_in_the_parts(workspace: Workspace) -> None:
    """Another process may have made the index again from what the catalog was before one's own result."""
    fill(workspace, 1)
    row = pd.read_parquet(workspace.root / META).assign(prediction_id=new_id(), pipeline_name="unknown to the index")
    add_foreign_part(workspace.root, "meta", row)
    assert workspace.catalog.get(row["prediction_id"][0])["pipeline_name"] == "unknown to the index"


def test_a_part_of_another_program_is_taken_in(workspace: Workspace) -> None:
    """By the documented format alone: a part with fewer columns of other types, and an entry in the manifest."""
    import hashlib

    fill(workspace, 2)
    foreign = pd.DataFrame(
        {
            "prediction_id": [new_id(), new_id()],
            "dataset_name": ["rye", "rye"],
            "created_at": pd.to_datetime(["2026-01-01T00:00:00Z"] * 2),
            "test_rmse": np.array([0.25, 9], dtype="float32"),
            "test_special": [1, 2],
        }
    )
    path = workspace.root / META / "foreign.parquet"
    foreign.to_parquet(path, index=False)
    manifest_path = workspace.root / "catalog/manifest.json"
    manifest = json.loads(manifest_path.read_text())
    content = path.read_bytes()
    entry = {"file": path.name, "rows": 2, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["meta"].append(entry)
    manifest["generation"] += 1
    manifest_path.write_text(json.dumps(manifest))
    assert workspace.sync()
    assert workspace.catalog.best("test_rmse", n=1)["test_rmse"].tolist() == [0.25]
    assert workspace.catalog.count("created_at < 2026-02-01 and test_special >= 1") == 2
    fill(workspace, 8, "oat")  # the next commits and merges keep it
    workspace.catalog.compact()
    meta = pd.read_parquet(workspace.root / META)
    assert len(meta) == 12 and meta["test_special"].notna().sum() == 2


def test_a_damaged_part_is_named_and_the_others_work(root: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 3)
    manifest = json.loads((root / "catalog/manifest.json").read_text())
    damaged = root / META / manifest["meta"][1]["file"]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 0x40
    damaged.write_bytes(content)
    (root / "catalog/index.sqlite").unlink()
    with Workspace.open(root) as workspace:
        assert sorted(everything(workspace)["prediction_id"]) == sorted([ids[0], ids[2]])
        assert any(damaged.name in notice for notice in workspace.notices)


def test_a_row_outlives_its_folder(workspace: Workspace) -> None:
    import shutil

    ids = fill(workspace, 2)
    shutil.rmtree(workspace.root / "runs" / workspace.runs()[0].folder)
    assert workspace.sync()
    assert workspace.runs() == []
    found = everything(workspace)
    assert sorted(found["prediction_id"]) == sorted(ids) and not found["folder_exists"].any()
    assert workspace.catalog.arrays(ids[0])[0].y_true.tolist() == [1.0, 2.0, 3.0]


def test_reading_while_parts_are_merged(workspace: Workspace) -> None:
    ids = fill(workspace, 20)
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            if len(workspace.catalog.arrays(ids[3])) != 1:
                wrong.append("arrays")

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        fill(workspace, 9)
        workspace.catalog.compact()
    stop.set()
    reader.join()
    assert not wrong


def test_summaries_agree_with_duckdb(workspace: Workspace) -> None:
    fill(workspace, 9)
    fill(workspace, 4, "wheat")
    workspace.create_run("wheat").add_pipeline({"k": "bad"}).fail("no")
    workspace.catalog.close()
    found = workspace.catalog.summary("dataset_name", ["test_rmse", "test_r2"])
    assert found["dataset_name"].tolist() == ["corn", "wheat"] and found["failed"].tolist() == [0, 1]
    expected = duck(
        workspace.root,
        "select dataset_name, count(*), min(test_rmse), max(test_r2), avg(test_rmse), stddev_samp(test_rmse) "
        "from read_parquet({meta}) group by 1 order by 1",
    )
    columns = ["dataset_name", "results", "best_test_rmse", "best_test_r2", "mean_test_rmse", "std_test_rmse"]
    for row, other in zip(found[columns].itertuples(index=False, name=None), expected, strict=True):
        assert row == pytest.approx(other)
    assert "best_test_rmse" in workspace.catalog.summary()
    with pytest.raises(BadInput):
        workspace.catalog.summary("nothing")


def test_one_configuration_across_datasets(workspace: Workspace) -> None:
    fill(workspace, 2)
    fill(workspace, 3, "wheat")
    digest = workspace.catalog.search("pipeline_name = 'p1'")["config_hash"].iloc[0]
    found = workspace.catalog.compare_datasets(digest, "test_r2")
    assert sorted(found["dataset_name"]) == ["corn", "wheat"] and found["results"].tolist() == [1, 1]
    assert found["best_test_r2"].tolist() == [0.9, 0.9]
    assert workspace.catalog.compare_datasets("unknown", "test_r2").empty
    with pytest.raises(BadInput):
        workspace.catalog.compare_datasets(digest, "test_nothing")
    with pytest.raises(BadInput):
        workspace.catalog.compare_datasets(digest, "seed")


def test_get_names_what_is_missing(workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        workspace.catalog.get("nothing")


@pytest.mark.parametrize("where", ["part", "manifest"])
def test_a_full_disk_leaves_no_part_that_others_would_count(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ids = fill(workspace, 2)
    pipeline = workspace.create_run("corn").add_pipeline({"k": 9})
    pipeline.save_metrics({"test": {"own": 1}})  # a new column: every part is written anew

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "part":
        monkeypatch.setattr("pyarrow.parquet.write_table", full)
    else:
        replace = os.replace
        monkeypatch.setattr(os, "replace", lambda a, b: full() if "manifest" in str(b) else replace(a, b))
    with pytest.raises(DiskFull):
        pipeline.complete()
    monkeypatch.undo()
    assert sorted(pd.read_parquet(workspace.root / META)["prediction_id"]) == sorted(ids)
    pipeline.commit()  # as the next open does
    assert len(pd.read_parquet(workspace.root / META)) == len(everything(workspace)) == 3


def test_what_a_killed_commit_left_is_swept_and_no_other_part(root: Path) -> None:
    """Of a part that nobody was about to add or take away an older manifest may just say nothing."""
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 2)
        older = (root / "catalog/manifest.json").read_bytes()
        workspace.catalog.annotate(ids, add_tags=["later"])
        newer = (root / "catalog/manifest.json").read_bytes()
    (stray, _) = sorted((root / META).iterdir())
    (root / META / "part-stray.parquet").write_bytes(stray.read_bytes())
    (root / ".staging/lock-catalog-announced").write_text("meta/part-stray.parquet\nmeta/../../x.parquet\nmeta/part-")
    with Workspace.open(root):
        assert sorted(pd.read_parquet(root / META)["prediction_id"]) == sorted(ids)
    (root / "catalog/manifest.json").write_bytes(older)
    with Workspace.open(root) as workspace:
        assert not workspace.catalog.tags()
        assert "part-stray" in {one.code for one in workspace.check().findings}
    (root / "catalog/manifest.json").write_bytes(newer)
    with Workspace.open(root) as workspace:
        assert workspace.catalog.tags() == [("later", 2)]


def test_a_part_that_others_hold_open_is_removed_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: the commit stands, and so does every one after it."""
    unlink = Path.unlink

    def held(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == META.rpartition("/")[2]:
            raise PermissionError(errno.EACCES, "is open in another program", str(path))
        unlink(path, missing_ok=missing_ok)

    with Workspace.create(root) as workspace:
        ids = fill(workspace, 2)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", held)
            workspace.catalog.plan_delete(chosen=ids[:1]).apply()
            workspace.catalog.annotate(ids[1:], add_tags=["kept"])
        assert len(list((root / META).iterdir())) > len(workspace.catalog.manifest().meta)
        workspace.catalog.annotate(ids[1:], stars=3)
        names = {part.file for part in workspace.catalog.manifest().meta}
        assert {path.name for path in (root / META).iterdir()} == names


@pytest.mark.parametrize(
    "change", [('"annotations"', '"bnnotations"'), ('"meta"', '"meua"'), ('"file": "p', '"file": "q')]
)
def test_a_changed_byte_of_the_manifest_is_named_and_takes_nothing_away(root: Path, change: tuple[str, str]) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 2)
        workspace.catalog.annotate(ids, add_tags=["dear"])
    manifest = root / "catalog/manifest.json"
    before = {path: path.read_bytes() for path in (root / "catalog").rglob("part-*")}
    manifest.write_text(manifest.read_text().replace(*change, 1))
    with Workspace.open(root) as workspace:
        assert workspace.read_only and "changed since" in workspace.notices[0] and workspace.catalog.count() == 2
    report = check_workspace(root)
    assert "manifest-damaged" in {one.code for one in report.findings}
    assert {path: path.read_bytes() for path in (root / "catalog").rglob("part-*")} == before
    plan_rescue(root, report.findings).apply()
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 2 and workspace.catalog.tags() == [("dear", 2)]


@pytest.mark.parametrize("harm", ["cut", "flipped", "elsewhere"])
def test_damage_keeps_nobody_from_going_on(root: Path, harm: str) -> None:
    """A new metric, new arrays and merging work beside a damaged part; only its own rows are missing."""
    with Workspace.create(root) as workspace:
        first, second = fill(workspace, 2)
    manifest = json.loads((root / "catalog/manifest.json").read_text())
    for dataset, folder in (("meta", META), ("data", DATA)):
        part = root / folder / manifest[dataset][0]["file"]
        content = bytearray(part.read_bytes())
        content[len(content) // 3] ^= 0x40
        part.write_bytes(content[: len(content) // 2] if harm == "cut" else content)
        if harm == "elsewhere":
            manifest[dataset][0]["file"] = "../../somewhere.parquet"
    del manifest["checksum"]
    (root / "catalog/manifest.json").write_text(json.dumps(manifest))
    with Workspace.open(root) as workspace:
        assert len(workspace.catalog.arrays(second)) == 1
        with pytest.raises(Corrupt):
            workspace.catalog.arrays(first)
        pipeline = workspace.create_run("rye").add_pipeline({"k": 1})
        pipeline.save_metrics({"test": {"own": 1}})
        pipeline.complete()
        workspace.catalog.compact()
        assert workspace.catalog.count("test_own = 1") == 1


def test_a_metric_never_takes_the_place_of_a_column(workspace: Workspace) -> None:
    pipeline = workspace.create_run("corn").add_pipeline({"k": 1})
    pipeline.save_metrics({"run": {"id": 3}, "fit": {"seconds": 3}, "test": {"huge": 10**400, "rmse": 1}})
    pipeline.complete()
    row = workspace.catalog.get(pipeline.prediction_id)
    assert (row["run_id"], row["fit_seconds"], row["test_rmse"]) == (pipeline.run.run_id, None, 1.0)


def test_an_old_manifest_takes_nothing_back(workspace: Workspace) -> None:
    """The manifest is read again once nobody else can change the index: what was read before may be old."""
    fill(workspace, 1)
    old = workspace.catalog.manifest()
    fill(workspace, 1, "wheat")
    manifests = iter([old])
    follow_by(workspace, lambda: next(manifests, workspace.catalog.manifest()))
    assert workspace.index_status()["current"] and workspace.catalog.count() == 2


def test_a_part_merged_away_meanwhile_is_no_damage(workspace: Workspace) -> None:
    fill(workspace, 16)
    old = workspace.catalog.manifest()
    workspace.catalog.compact()
    workspace._index.start_again()
    manifests = iter([old, old])
    follow_by(workspace, lambda: next(manifests, workspace.catalog.manifest()))
    assert workspace.catalog.count() == 16 and not workspace._index.notices


def test_an_interrupted_question_spoils_no_later_one(workspace: Workspace) -> None:
    """Ctrl+C in the middle of a statement ends SQLAlchemy's connection; finalizing the run still needs the index."""
    fill(workspace, 2)
    with pytest.raises(KeyboardInterrupt), workspace._index.change() as changing:
        changing.invalidate(KeyboardInterrupt())
        raise KeyboardInterrupt
    fill(workspace, 1, "wheat")
    assert workspace.catalog.count() == 3 and workspace.index_status()["current"]


@pytest.mark.parametrize("content", [b"", b"{ torn", b"[]"])
def test_a_damaged_manifest_shows_what_is_known_and_writes_nothing(root: Path, content: bytes) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 3)
    (root / "catalog/manifest.json").write_bytes(content)
    with Workspace.open(root) as workspace:
        assert workspace.read_only and "manifest.json is damaged" in workspace.notices[0]
        assert workspace.catalog.count() == 3 and len(workspace.runs()) == 1
        workspace.sync()
        assert len(workspace.notices) == 1  # said once
        with pytest.raises(ReadOnly):
            workspace.create_run("corn")
    assert (root / "catalog/manifest.json").read_bytes() == content


def test_a_damaged_footer_stops_neither_appends_nor_summaries(root: Path) -> None:
    """A wrong byte in a footer makes the Parquet reader end the process, unless the part is verified before."""
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
    manifest = json.loads((root / "catalog/manifest.json").read_text())
    damaged = root / META / manifest["meta"][0]["file"]
    content = bytearray(damaged.read_bytes())
    for place in range(len(content) - 400, len(content) - 12):
        content[place] ^= 0x11
    damaged.write_bytes(content)
    with Workspace.open(root) as workspace:
        pipeline = workspace.create_run("wheat").add_pipeline({"k": 1})
        pipeline.save_metrics({"test": {"brand_new": 1.0}})
        pipeline.complete()
        assert workspace.catalog.count("test_brand_new = 1") == 1
        assert workspace.catalog.summary("dataset_name", ["test_rmse"])["results"].sum() == 2


def test_a_foreign_part_may_have_types_of_its_own(workspace: Workspace) -> None:
    """Other writers have other habits: narrow floats, times without a zone or finer than ours, categories, no ids."""
    fill(workspace, 3)
    stamps = pd.to_datetime(["2026-01-01T00:00:00.123456789", "2026-01-02", None], format="ISO8601")
    table = pd.DataFrame(
        {
            "prediction_id": ["b4", "a2", None],
            "dataset_name": pd.Categorical(["rye", "corn", "rye"]),
            "status": ["completed"] * 3,
            "created_at": stamps,
            "run_date": ["2026-01-01", None, None],
            "n_samples": [3.0, 4.0, None],
            "seed": np.array([1, 2, 3], dtype="int8"),
            "test_rmse": np.array([0.25, 9, 1], dtype="float32"),
            "test_r2": ["high", "0.5", ""],
            "test_count": [1, 2, 3],
            "comment": ["free", "text", "here"],
        }
    )
    add_foreign_part(workspace.root, "meta", table)
    pl.from_pandas(table.assign(prediction_id=["c1", "c2", "c3"])).write_parquet(workspace.root / "polars.parquet")
    add_foreign_part(
        workspace.root, "meta", pd.read_parquet(workspace.root / "polars.parquet", dtype_backend="pyarrow")
    )
    assert workspace.sync() and workspace.notices == []
    catalog = workspace.catalog
    for _ in range(2):
        row = catalog.get("b4")
        assert (row["dataset_name"], row["n_samples"], row["seed"], row["test_rmse"]) == ("rye", 3, 1, 0.25)
        assert row["created_at"].isoformat() == "2026-01-01T00:00:00.123456+00:00" and row["test_r2"] is None
        assert catalog.count() == 8 and catalog.count("created_at < '2026-01-02 12:00' and test_count >= 1") == 4
        groups = {row["dataset_name"]: row for row in catalog.group(["dataset_name"], ["test_rmse", "test_r2"])}
        assert groups["rye"]["best_test_rmse"] == 0.25 and groups["corn"]["results"] == 5
        old = catalog.group(["seed"], [], "created_at < '2026-01-02 12:00' and seed = 2")
        assert old == [{"seed": 2, "results": 2, "completed": 2, "failed": 0}]
        fill(workspace, 12, "oat")  # others are merged and get a new column beside them
        pipeline = workspace.create_run("corn").add_pipeline({"k": 1})
        pipeline.save_metrics({"test": {"brand_new": 1}})
        pipeline.complete()
        catalog.plan_delete("dataset_name = 'oat' or test_brand_new = 1").apply()
        catalog.compact()
        workspace.rebuild_index()
