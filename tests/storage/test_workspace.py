"""Opening, keeping up, and bringing order after a killed process."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from storage import Exists, NotFound, ReadOnly, Workspace
from storage.marker import find_workspace
from storage.scan import run_signature
from storage.trees import file_signature
from tests.storage.samples import fill


def test_create_makes_the_whole_tree(workspace: Workspace) -> None:
    for folder in (
        "runs",
        "exports/best_predictions",
        "library/trained/pipeline",
        "catalog/archives/filtered",
        ".trash",
    ):
        assert (workspace.root / folder).is_dir()
    assert json.loads((workspace.root / "runshelf.json").read_text())["format_version"] == 1


def test_create_takes_no_folder_with_something_in_it(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    for path in (tmp_path / "full", tmp_path / "full" / "thesis.txt", workspace.root):
        with pytest.raises(Exists):
            Workspace.create(path)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_creation_that_was_killed_can_be_repeated(root: Path) -> None:
    (root / "catalog" / "reports").mkdir(parents=True)
    (root / ".staging").mkdir()
    (root / ".staging" / "lock-writers").touch()
    with Workspace.create(root) as workspace:
        assert workspace.runs() == []


def test_open_says_what_is_no_workspace(tmp_path: Path, workspace: Workspace) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(NotFound) as caught:
            Workspace.open(path)
        assert "runshelf init" in caught.value.advice
    marker = workspace.root / "runshelf.json"
    marker.write_text(marker.read_text().replace('"format_version": 1', '"format_version": 99'))
    with Workspace.open(workspace.root) as newer:
        assert newer.read_only and "newer Runshelf" in newer.notices[0]


def test_a_workspace_is_found_from_below(workspace: Workspace, tmp_path: Path) -> None:
    assert find_workspace(workspace.root / "runs") == workspace.root
    with pytest.raises(NotFound):
        find_workspace(tmp_path)


def test_a_moved_workspace_is_the_same(root: Path, tmp_path: Path) -> None:
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 3)
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.move(root, moved)
    with Workspace.open(moved) as workspace:
        assert workspace.notices == []
        assert workspace.catalog.search()["folder_exists"].all()
        row = workspace.pipelines(workspace.runs()[0].run_id)[0]
        details = workspace.details(row.run_id, row.pipeline_id)
        assert details.sample_names == {}  # this table came without names
        assert details.folder.is_relative_to(moved) and details.arrays[0].y_true.tolist() == [1.0, 2.0, 3.0]
        assert workspace.catalog.arrays(ids[2])


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="drops root to show what a colleague without rights sees"
)
def test_a_folder_without_rights_opens_for_reading(root: Path, tmp_path: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
    code = (
        "import os, sys; from storage import Workspace\n"
        "with Workspace.open(sys.argv[1], read_only=True) as ws: ws.catalog.search()  # loads all code\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "with Workspace.open(sys.argv[1]) as ws: print(ws.read_only, len(ws.catalog.search()), ws.notices)"
    )
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    found = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False)
    assert found.stdout.startswith("True 2 "), found.stderr
    assert "reading only" in found.stdout
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


def test_read_only_on_wish_changes_nothing(root: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    with Workspace.open(root, read_only=True) as workspace:
        assert len(workspace.catalog.best("test_rmse")) == 2
        with pytest.raises(ReadOnly):
            workspace.create_run("corn")
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


KILLED = """
import os, sys, pandas as pd
from storage import Workspace
ws = Workspace.open(sys.argv[1])
run = ws.create_run("corn", "killed")
run.plan([("done", ""), ("whole", ""), ("half", ""), ("never", "")])
def work(name):
    p = run.add_pipeline({"name": name}, name=name)
    p.save_metrics({"test": {"rmse": 1.5}})
    p.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.5]}))
    return p
work("done").complete()
whole = work("whole")
whole._write_end("completed", {})          # on disk, and killed before the catalog heard of it
half = run.add_pipeline({"name": "half"}, name="half")
ws._disk.staging_path("part").write_bytes(b"torn")
(ws.root / "catalog/predictions_meta.parquet/part-stray.parquet").write_bytes(b"stray")
ws._disk.announce("catalog", ["meta/part-stray.parquet"])  # as a commit does before it begins
print("ready", flush=True)
os.kill(os.getpid(), 9)
"""


def test_order_is_brought_after_a_kill(root: Path) -> None:
    Workspace.create(root).close()
    child = subprocess.run([sys.executable, "-c", KILLED, str(root)], capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL and "ready" in child.stdout, child.stderr
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs()
        assert run.status == "interrupted" and (run.total, run.successful, run.interrupted) == (3, 2, 1)
        assert {p.name: p.status for p in workspace.pipelines(run.run_id)} == {
            "done": "completed",
            "whole": "completed",
            "half": "interrupted",
        }
        assert sorted(workspace.catalog.search()["pipeline_name"]) == ["done", "whole"]
        assert all(len(workspace.catalog.arrays(i)) == 1 for i in workspace.catalog.search()["prediction_id"])
        assert any("interrupted" in notice for notice in workspace.notices)
    assert not (root / "catalog/predictions_meta.parquet/part-stray.parquet").exists()
    assert [p.name for p in (root / ".staging").iterdir() if not p.name.startswith("lock-")] == []
    assert len(pd.read_parquet(root / "catalog/predictions_meta.parquet")) == 2
    with Workspace.open(root) as workspace:
        assert workspace.notices == []  # said once


def test_a_living_writer_is_left_alone(root: Path) -> None:
    with Workspace.create(root) as script:
        pipeline = script.create_run("corn").add_pipeline({"k": 1})
        with Workspace.open(root) as window:
            assert window.pipelines(window.runs()[0].run_id)[0].status == "running"
        pipeline.complete()
        assert script.catalog.count("status = 'completed'") == 1


def test_changes_are_found_though_times_are_equal(root: Path) -> None:
    """A document that changes within one tick of the clock, or whose time is set back, is seen all the same."""
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
        folder = root / "runs" / workspace.runs()[0].folder
        path = folder / "run_summary.json"
        text = path.read_text()
        path.write_text(text.replace('"status": "completed"', '"status": "cancelled"'))
        os.utime(path, (time.time() - 9e8, time.time() - 9e8))
        workspace.sync()
        assert workspace.runs()[0].status == "cancelled"


def test_a_document_that_was_edited_is_shown_as_it_is_when_its_run_is_opened(root: Path) -> None:
    """Nothing of the run itself tells of it, so that a list of all runs would have to look at every pipeline."""

    def shown(workspace: Workspace) -> list[tuple[str, str]]:
        return [(row.name, row.status) for row in workspace.pipelines(run_id, 0, 2)]

    with Workspace.create(root) as workspace:
        run = workspace.create_run("corn")
        folders = []
        for number in range(3):
            pipeline = run.add_pipeline({"model": "mean", "k": number}, name=f"p{number}")
            pipeline.complete()
            folders.append(pipeline.folder)
        run.finalize()
        run_id = run.run_id
        while not all(file_signature(path / "pipeline.json") and run_signature(run.folder) for path in folders):
            pass  # until the index may take them for unchanged
    with Workspace.open(root) as workspace:
        workspace.sync(full=True)
        before = shown(workspace)
        assert before == [("p0", "completed"), ("p1", "completed")] and not workspace.sync()
        for place, name in ((folders[0], "first"), (folders[1], "second")):
            document = place / "pipeline.json"
            change(document, name=name)
            if name == "second":  # by the clock of another machine
                os.utime(document, (4_102_444_800, 4_102_444_800))
        assert not workspace.sync() and shown(workspace) == [("first", "completed"), ("second", "completed")]
        assert workspace.sync() and not workspace.sync()  # the list of runs may be another one, too
        (folders[0] / "pipeline.json").write_text("{,")
        while not file_signature(folders[0] / "pipeline.json"):
            pass  # of one that was read while it was fresh the next change is seen when it is not any more
        assert shown(workspace)[0] == ("p0", "damaged")  # as the catalog has it
        shutil.rmtree(folders[1])
        assert [row.pipeline_id for row in workspace.pipelines(run_id, 0, 2)] == [folders[0].name, folders[2].name]
        assert workspace.count_pipelines(run_id) == 2
        root.rename(away := root.with_name("away"))
        assert len(workspace.pipelines(run_id)) == 2  # as last known
        away.rename(root)


def test_a_fresh_process_reads_everything(root: Path) -> None:
    """Nothing works only because something else was imported before."""
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
    code = (
        "import sys; from storage import Workspace\n"
        "with Workspace.open(sys.argv[1]) as ws:\n"
        "    row = ws.pipelines(ws.runs()[0].run_id)[0]\n"
        "    print(ws.details(row.run_id, row.pipeline_id).arrays[0].y_true.tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=False)
    assert found.stdout == "[1.0, 2.0, 3.0]\n", found.stderr


def test_a_copied_run_folder_is_shown_as_what_it_is(workspace: Workspace) -> None:
    fill(workspace, 2)
    folder = workspace.root / "runs" / workspace.runs()[0].folder
    shutil.copytree(folder, folder.with_name("backup of corn"))
    folder.rename(folder.with_name("renamed"))
    workspace.sync()
    original, copy = sorted(workspace.runs(), key=lambda run: run.problem is not None)
    assert (original.folder, original.run_id) == ("backup of corn", folder.name)  # neither has its first name: by name
    assert (copy.folder, copy.run_id) == ("renamed", "renamed") and "copy of backup of corn" in (copy.problem or "")
    for run in (original, copy):
        (first, _) = workspace.pipelines(run.run_id)
        assert workspace.details(run.run_id, first.pipeline_id).folder.parent.name == run.folder
    assert workspace.catalog.count() == 2


def test_a_damaged_run_is_shown_and_the_rest_works(workspace: Workspace) -> None:
    fill(workspace, 1, "corn")
    fill(workspace, 2, "wheat")
    runs = {run.dataset_name: workspace.root / "runs" / run.folder for run in workspace.runs()}
    (runs["corn"] / "run_config.json").write_text("{ torn")
    (next(p for p in runs["wheat"].iterdir() if p.name.startswith("0001")) / "pipeline.json").unlink()
    workspace.sync(full=True)
    by_folder = {run.folder: run for run in workspace.runs()}
    assert "run_config.json is damaged" in (by_folder[runs["corn"].name].problem or "")
    assert by_folder[runs["wheat"].name].problem is None
    damaged, good = workspace.pipelines(runs["wheat"].name)
    assert damaged.status == "damaged" and damaged.problem == "pipeline.json is missing."
    assert good.status == "completed"
    assert damaged.prediction_id == workspace.catalog.ids(f"pipeline_id = '{damaged.pipeline_id}'")[-1]
    assert damaged.metric_value is not None  # as the catalog still has it
    rows = {row["pipeline_id"]: row for row in workspace.catalog.rows(workspace.catalog.keys("dataset_name = 'wheat'"))}
    assert [(row["folder_exists"], row["folder_damaged"]) for _, row in sorted(rows.items())] == [
        (True, True), (True, False),
    ]  # fmt: skip
    for query, count in (
        ("status = 'damaged'", 1), ("status != 'damaged'", 2), ("status in ('damaged', 'failed')", 1),
        ("status = 'completed'", 3), ("dataset_name = 'corn' and status = damaged", 0),
    ):  # fmt: skip
        assert workspace.catalog.count(query) == count, query
    assert workspace.catalog.group(["dataset_name"], [], "status = 'damaged'")[0]["dataset_name"] == "wheat"
    details = workspace.details(damaged.run_id, damaged.pipeline_id)
    assert details.problems and details.pipeline is None


def test_links_are_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 1)
    (tmp_path / "outside").mkdir()
    (workspace.root / "runs" / "link").symlink_to(tmp_path / "outside")
    (workspace.root / "runs" / "loop").symlink_to(workspace.root / "runs")
    workspace.sync(full=True)
    assert len(workspace.runs()) == 1


def change(path: Path, **fields: object) -> None:
    """Change fields of a JSON document behind Runshelf's back."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.fixture
def outside(tmp_path: Path) -> dict[Path, bytes]:
    """Files beside the workspace that nothing in it may ever reach."""
    (tmp_path / "outside").mkdir()
    for name in ("uv.lock", "app.sqlite", "notes.txt"):
        (tmp_path / "outside" / name).write_text("precious")
    return {path: path.read_bytes() for path in (tmp_path / "outside").iterdir()}


@pytest.mark.parametrize("hostile", ["writer", "long writer", "workspace id", "staging", "log", "index"])
def test_a_hostile_workspace_reaches_nothing_outside(root: Path, outside: dict[Path, bytes], hostile: str) -> None:
    """A workspace may come from anybody: neither its documents nor its links lead to other files."""
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
    folder = next(iter(outside)).parent
    (document,) = root.glob("runs/*/0001*/pipeline.json")
    writer = {"writer": str(folder / "uv"), "long writer": "x" * 5000}.get(hostile, "")
    change(document, status="running", writer=writer)
    if hostile == "workspace id":
        change(root / "runshelf.json", workspace_id=str(folder / "app"))
    places = {"staging": (".staging", folder), "index": ("catalog/index.sqlite", folder / "app.sqlite")}
    places["log"] = (str(document.parents[1].relative_to(root) / "run.log"), folder / "notes.txt")
    if hostile in places:
        link, target = root / places[hostile][0], places[hostile][1]
        shutil.rmtree(link) if link.is_dir() else link.unlink(missing_ok=True)
        link.symlink_to(target)
    for read_only in (True, False):
        with Workspace.open(root, read_only=read_only) as workspace:
            assert workspace.catalog.count() == 1
    assert {path: path.read_bytes() for path in folder.iterdir()} == outside


def test_strange_folders_and_dates_hide_nothing(workspace: Workspace) -> None:
    fill(workspace, 1, "corn")
    fill(workspace, 1, "wheat")
    corn, wheat = (workspace.root / "runs" / run.folder for run in sorted(workspace.runs(), key=lambda r: r.folder))
    (corn / ("9" * 40 + "_x")).mkdir()
    change(wheat / "run_config.json", created_at="0001-01-01T00:00:00+14:00")
    workspace.sync(full=True)
    assert {run.folder: bool(run.problem) for run in workspace.runs()} == {corn.name: False, wheat.name: True}
    assert len(workspace.pipelines(corn.name)) == 1


def test_a_folder_that_can_not_be_read_is_shown(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(workspace, 1, "corn")
    fill(workspace, 1, "wheat")
    scandir = os.scandir

    def denied(path: str | Path) -> object:
        if "corn" in str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    workspace.sync(full=True)
    assert sorted(bool(run.problem) for run in workspace.runs()) == [False, True]


def test_a_document_of_a_newer_version_stops_no_recovery(root: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
    newer, ours = sorted(root.glob("runs/*/0*/pipeline.json"))
    change(newer, status="running", writer="", schema_version=9)
    change(ours, status="running", writer="", future=1)
    before = newer.read_bytes()
    with Workspace.open(root) as workspace:
        assert any("newer Runshelf" in notice for notice in workspace.notices)
    assert newer.read_bytes() == before
    assert {"status": "interrupted", "future": 1}.items() <= json.loads(ours.read_text()).items()


def test_a_run_with_a_pipeline_left_open_is_not_called_complete(root: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
        workspace.create_run("corn").add_pipeline({"k": 2})
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs()
        assert (run.status, run.interrupted) == ("interrupted", 1)


def test_a_full_disk_can_be_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("storage.disk.Disk.make_folders", lambda *_: None)
    monkeypatch.setattr(os, "mkdir", full)
    with Workspace.open(root) as workspace:
        assert workspace.read_only and "disk is full" in workspace.notices[0]
        assert workspace.catalog.count() == 2


def test_a_workspace_is_made_and_written_from_the_folder_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside").mkdir()
    monkeypatch.chdir(tmp_path / "beside")
    Workspace.create("../ws").close()
    with Workspace.open("../ws") as workspace:
        assert workspace.root == tmp_path.resolve() / "ws"
        fill(workspace, 1)
        assert workspace.catalog.count() == 1
