"""Check finds what is wrong, names it, and its repairs mend it without losing anything. Every damage is a real one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from storage import Cancelled, Conflict, Corrupt, Dataset, NotFound, Report, Workspace, check_workspace, plan_rescue
from storage.cli import main
from storage.findings import finding
from storage.records import utc_now
from tests.faults.changes import edit_json
from tests.storage.kills import killed_at
from tests.storage.samples import add_foreign_part

META, DATA, EDITS = (f"catalog/{name}.parquet" for name in ("predictions_meta", "predictions_data", "annotations"))


def fill(workspace: Workspace, count: int, name: str = "") -> list[str]:
    """Completed pipelines that share one artifact and have one of their own, and one that failed."""
    run = workspace.create_run("corn", name)
    ids = []
    for number in range(count):
        pipeline = run.add_pipeline({"model": "mean", "k": number}, name=f"p{number}")
        pipeline.save_artifact("scaler", np.zeros(300))
        pipeline.save_artifact("model", np.full(200, number))
        pipeline.save_metrics({"test": {"rmse": 1.0 + number, "samples": 2}})
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0 + number, 2.0]}))
        pipeline.complete()
        ids.append(pipeline.prediction_id)
    run.add_pipeline({"model": "none"}, name="broken").fail("too short")
    run.finalize()
    return ids


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "workspace"
    with Workspace.create(root) as workspace:
        ids = fill(workspace, 4)
        workspace.catalog.annotate(ids[:1], add_tags=["dear"], notes="keep this", stars=2)
        fill(workspace, 2, "second")
        workspace.catalog.compact()
        workspace.sync()
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "workspace")


def codes(report: Report) -> list[str]:
    return [one.code for one in report.findings]


def part(root: Path, dataset: str = META) -> Path:
    return sorted((root / dataset).glob("part-*.parquet"))[0]


def pipeline(root: Path, number: int = 1) -> Path:
    return next((root / "runs").glob(f"*_corn/{number:04d}_*"))


def artifact(root: Path) -> Path:
    record = json.loads((pipeline(root) / "pipeline.json").read_text())["artifacts"][1]
    return (pipeline(root) / record["path"]).resolve()


def cut_in_line(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(bytes(content))


def change_index(root: Path, *statements: str) -> None:
    """Change the index behind the back of Runshelf."""
    with closing(sqlite3.connect(root / "catalog/index.sqlite")) as file, file:
        for statement in statements:
            file.execute(statement)


def read_when_old_enough(root: Path) -> None:
    """Let the index read everything when nothing is so fresh that its time could not be trusted."""
    told = "SELECT signature FROM runs UNION ALL SELECT signature FROM pipelines"
    with Workspace.open(root) as workspace:
        while True:
            workspace.sync(full=True)
            with closing(sqlite3.connect(root / "catalog/index.sqlite")) as index:
                if ("",) not in index.execute(told).fetchall():
                    return


def results(root: Path) -> dict[str, tuple[object, ...]]:
    """Every result as anybody reads it: its row, its arrays, its edits."""
    with Workspace.open(root, read_only=True) as workspace:
        rows = workspace.catalog.search(limit=None)
        names = ("pipeline_id", "status", "test_rmse", "config", "tags", "notes", "stars", "run_date", "created_at")
        shown = [name for name in names if name in rows.columns]
        found = {}
        for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
            arrays = [a.y_pred.tolist() for a in workspace.catalog.arrays(row["prediction_id"])]
            found[row["prediction_id"]] = (*(row[name] for name in shown), str(arrays))
        return found


def repaired(root: Path, report: Report) -> str:
    with Workspace.open(root) as workspace:
        return workspace.plan_repair(report.findings).apply()


def test_a_sound_workspace_is_clean_and_was_really_looked_at(root: Path) -> None:
    def files() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}

    before = files()
    for deep in (False, True):
        report = check_workspace(root, deep=deep)
        assert report.findings == () and report.verdict == "clean"
        assert report.checked["runs"] == 2 and report.checked["pipelines"] == 8 and report.checked["results"] == 8
        assert report.checked["artifacts"] == 5 + 3 and report.checked["parts"] >= 3
        assert "Everything that was checked is sound" in report.sentence()
    assert files() == before
    with Workspace.open(root) as workspace:
        assert workspace.check().findings == ()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "newer workspace": (lambda root: (root / "runshelf.json").write_text('{"format_version": 9}'), "marker-newer"),
    "workspace document": (lambda root: (root / "runshelf.json").write_text("{"), "marker-damaged"),
    "manifest": (lambda root: (root / "catalog/manifest.json").write_text("[]"), "manifest-damaged"),
    "run document": (lambda root: (pipeline(root).parent / "run_config.json").write_text("{"), "run-damaged"),
    "pipeline document": (lambda root: (pipeline(root) / "pipeline.json").unlink(), "pipeline-damaged"),
    "metrics": (lambda root: (pipeline(root) / "metrics.json").write_text("{,"), "document-damaged"),
    "metrics gone": (lambda root: (pipeline(root) / "metrics.json").unlink(), "metrics-missing"),
    "predictions gone": (lambda root: (pipeline(root) / "predictions.csv").unlink(), "predictions-missing"),
    "failure gone": (lambda root: next(root.glob("runs/*/*_broken_*/error.log")).unlink(), "file-missing"),
    "predictions empty": (lambda root: (pipeline(root) / "predictions.csv").write_text(""), "document-damaged"),
    "predictions cut": (lambda root: cut_in_line(pipeline(root) / "predictions.csv"), "document-damaged"),
    "artifact gone": (lambda root: artifact(root).unlink(), "artifact-missing"),
    "artifact cut": (lambda root: os.truncate(artifact(root), 100), "artifact-damaged"),
    "folder renamed": (lambda root: pipeline(root).rename(pipeline(root).parent / "0001_x"), "pipeline-renamed"),
    "pipeline folder gone": (lambda root: shutil.rmtree(pipeline(root)), "folder-gone"),
    "run copied": (lambda root: shutil.copytree(pipeline(root).parent, root / "runs/copy"), "run-copied"),
    "standard folder gone": (lambda root: shutil.rmtree(root / "exports"), "folder-missing"),
    "link out": (lambda root: (root / "runs/out").symlink_to("/etc"), "odd-entry"),
    "pipe": (lambda root: os.mkfifo(root / "library/templates/pipe.json"), "odd-entry"),
    "stranger's file": (lambda root: (root / "runs/notes.txt").write_text("mine"), "foreign-entry"),
    "trash": (lambda root: (root / ".trash/2026-01-01_results_00000000").mkdir(), "trash-damaged"),
}


def test_making_an_index_to_compare_with_is_counted_among_the_steps(root):
    with Workspace.open(root):
        pass  # so that there is an index
    told = []
    check_workspace(root, lambda *how_far: told.append(how_far), deep=True)
    making = [(done, total) for done, total, text in told if text == "building the index from the files"]
    assert making and making[0][0] < making[0][1], "all was said to be done before it began"
    assert told[-1][0] == told[-1][1]


def test_of_a_run_whose_folder_is_gone_no_pipeline_is_looked_for(root, monkeypatch):
    with Workspace.open(root) as workspace:
        run = workspace.runs()[0]
        folder = workspace.layout.run(run.folder)
    shutil.rmtree(folder)
    asked = []
    really = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: asked.append(path) or really(path))
    assert "folder-gone" in codes(check_workspace(root))
    assert folder in asked and not [path for path in asked if path.parent == folder]


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_and_named_and_the_rest_is_checked(root: Path, name: str) -> None:
    damage, code = DAMAGES[name]
    damage(root)
    report = check_workspace(root)
    assert code in codes(report)
    one = next(one for one in report.findings if one.code == code)
    assert one.what and one.advice and not Path(one.place).is_absolute()
    assert report.checked["runs"] >= 2
    assert "unchecked" not in codes(report)


def test_a_chart_that_was_removed_is_noted(root: Path) -> None:
    with Workspace.open(root) as workspace:
        made = workspace.create_run("corn", "drawn").add_pipeline({"k": 1})
        made.save_chart("parity", Figure())
        made.complete()
        (made.folder / "parity.png").unlink()
        made.run.finalize()
        report = workspace.check()
    assert [(one.code, one.place) for one in report.findings] == [
        ("chart-missing", f"runs/{made.run.run_id}/{made.pipeline_id}/parity.png")
    ]
    assert report.verdict == "clean"


def test_a_note_that_was_written_over_is_no_text_that_an_index_must_know(root: Path) -> None:
    with Workspace.open(root) as workspace:
        one = workspace.catalog.ids()[-1]
        workspace.catalog.annotate([one], notes="zebra quagga")
        workspace.catalog.annotate([one], add_tags=["okapi"])
        plan = workspace.catalog.plan_delete(chosen=[one])
        plan.apply()
        workspace.rebuild_index()
        workspace.trash.restore(plan.trashed[0])
        assert workspace.check(deep=True).verdict == "clean" and workspace.catalog.ids("zebra okapi") == [one]


def manifest_gone(root: Path) -> None:
    (root / "catalog/manifest.json").unlink()


def manifest_torn(root: Path) -> None:
    os.truncate(root / "catalog/manifest.json", (root / "catalog/manifest.json").stat().st_size // 2)


def manifest_garbage(root: Path) -> None:
    (root / "catalog/manifest.json").write_bytes(bytes(100))


def with_history(root: Path) -> dict[str, tuple[object, ...]]:
    """A catalog that lost a run folder and a result, and has leftovers; returns what it has."""
    with Workspace.open(root) as workspace:
        stale = [(path, path.read_bytes()) for path in (root / "catalog").rglob("part-*.parquet")]
        workspace.catalog.plan_delete("test_rmse = 2").apply()
    shutil.rmtree(pipeline(root, 1))  # its row, tags and notes are in the catalog alone
    for path, content in stale:  # what a killed process had not yet removed
        path.write_bytes(content)
    return results(root)


@pytest.mark.parametrize("damage", [manifest_gone, manifest_torn, manifest_garbage])
@pytest.mark.parametrize("index", [True, False])
def test_the_catalog_is_made_again_from_its_parts(
    root: Path, damage: Callable[[Path], None], index: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    before = with_history(root)
    generation = json.loads((root / "catalog/manifest.json").read_text())["generation"]
    damage(root)
    torn = (root / "catalog/manifest.json").read_bytes() if damage is not manifest_gone else b""
    if not index:
        for path in (root / "catalog").glob("index.sqlite*"):
            path.unlink()
    assert codes(check_workspace(root))[0] == "manifest-damaged"
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0, capsys.readouterr().out
    assert results(root) == before
    assert {one.severity for one in check_workspace(root, deep=True).findings} <= {"note"}
    if torn:
        assert next((root / ".trash").rglob("manifest.json")).read_bytes() == torn
    if index or damage is manifest_torn:
        assert json.loads((root / "catalog/manifest.json").read_text())["generation"] > generation
    assert sorted(pd.read_parquet(root / META)["prediction_id"]) == sorted(before)  # once each, for every reader


def test_a_lost_manifest_is_made_again_by_the_next_opening(root: Path) -> None:
    before = with_history(root)
    with Workspace.open(root) as open_before:
        manifest_gone(root)
        with pytest.raises(Corrupt):  # it would be a catalog of one result
            open_before.create_run("wheat").add_pipeline({"k": 1}).complete()
    with Workspace.open(root) as workspace:
        assert any("made again" in notice for notice in workspace.notices)
        assert set(before) < set(workspace.catalog.ids())  # and the one that could not be committed
    assert check_workspace(root, deep=True).verdict == "clean"


def test_a_torn_manifest_and_a_damaged_part_are_both_mended(root: Path) -> None:
    before = results(root)
    manifest_torn(root)
    for dataset in (META, DATA):
        flip(part(root, dataset), 60)
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"


def test_a_rescue_remembers_which_parts_other_programs_wrote(root: Path) -> None:
    name = part(root, META).name
    table = pd.read_parquet(root / META / name).assign(test_rmse=0.25)
    theirs = add_foreign_part(root, "meta", table, replacing=name)
    edit_json(root / "catalog/manifest.json", generation="many")  # the rest can still be read
    rescue(root)
    told = {one["file"]: one for one in json.loads((root / "catalog/manifest.json").read_text())["meta"]}
    assert told[theirs]["foreign"] and not any(one["foreign"] for file, one in told.items() if file != theirs)
    with Workspace.open(root) as workspace:
        for metric in ("own", "other"):  # each writes the older parts anew, with a wider schema
            pipeline = workspace.create_run("oats").add_pipeline({"metric": metric})
            pipeline.save_metrics({"test": {metric: 1.0}})
            pipeline.complete()
        known = set(table["prediction_id"])
        rows = workspace.catalog.search(limit=None)
        assert set(rows[rows["prediction_id"].isin(known)]["test_rmse"]) == {0.25}


def test_a_manifest_of_a_newer_version_is_left_alone(root: Path) -> None:
    edit_json(root / "catalog/manifest.json", format=99)
    content = (root / "catalog/manifest.json").read_bytes()
    assert "manifest-newer" in codes(check_workspace(root))
    main(["check", "-w", str(root), "--repair", "--yes"])
    assert (root / "catalog/manifest.json").read_bytes() == content


@pytest.mark.parametrize("call", [2, 5, 8, 11, 14, 17, 20, 24, 28])
def test_a_rescue_that_is_killed_can_be_done_again(root: Path, call: int) -> None:
    before = with_history(root)
    manifest_torn(root)
    killed_at(call, rescue, root)
    if "manifest-damaged" in codes(check_workspace(root)):
        rescue(root)
    repaired(root, check_workspace(root))
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"


def rescue(root: Path) -> None:
    plan_rescue(root, check_workspace(root).findings).apply()


@pytest.mark.parametrize("left", ["all", "half", "nothing", "no index either"])
def test_a_damaged_workspace_document_is_written_anew(root: Path, left: str) -> None:
    before = results(root)
    with Workspace.open(root) as workspace:
        workspace.add_metric("bias_ratio", "Bias ratio", target=1.0)
    content = (root / "runshelf.json").read_bytes()
    (root / "runshelf.json").write_bytes({"all": content[:-3], "half": content[: len(content) // 2]}.get(left, b""))
    if left == "no index either":
        (root / "catalog/index.sqlite").unlink()
    with pytest.raises(Corrupt, match="--repair"):
        Workspace.open(root)
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0
    record = json.loads((root / "runshelf.json").read_text())
    if left == "no index either":
        assert record["workspace_id"] != json.loads(content)["workspace_id"]
    else:
        assert record["workspace_id"] == json.loads(content)["workspace_id"]
    if left == "all":
        assert record["metrics"] == json.loads(content)["metrics"]
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"


def test_a_workspace_that_lost_its_document_is_named_as_one(root: Path) -> None:
    (root / "runshelf.json").unlink()
    with pytest.raises(NotFound, match="lost"):
        Workspace.open(root)
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0
    assert check_workspace(root).verdict == "clean"


def test_a_missing_document_that_never_was_is_no_finding(root: Path) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.create_run("bare")
        run.add_pipeline({"model": "none"}).complete()
        run.finalize()
        workspace.sync()
    assert check_workspace(root).findings == ()


@pytest.mark.parametrize("kind", ["artifact", "part", "index"])
def test_only_the_deep_check_sees_a_changed_byte(root: Path, kind: str) -> None:
    if kind == "artifact":
        flip(artifact(root), 50)
    elif kind == "part":
        flip(part(root, DATA), 40)
    else:
        change_index(root, "UPDATE predictions SET prediction_id = 'another' WHERE key = 1")
    assert check_workspace(root).findings == ()
    found = codes(check_workspace(root, deep=True))
    assert found == [{"artifact": "artifact-damaged", "part": "part-damaged", "index": "index-differs"}[kind]]


def test_one_that_goes_wrong_hides_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of in one run: it is named and the other runs are checked."""
    from storage.check_runs import RunsCheck

    real = RunsCheck._check_copy

    def failing(self: RunsCheck, folder: Path, config: object) -> None:
        if folder.name.endswith("second"):
            raise ZeroDivisionError("nobody thought of this")
        real(self, folder, config)

    monkeypatch.setattr(RunsCheck, "_check_copy", failing)
    (pipeline(root) / "metrics.json").write_text("{,")
    assert {"unchecked", "document-damaged"} <= set(codes(check_workspace(root)))


def test_it_can_be_cancelled_and_says_what_it_found_until_then(root: Path) -> None:
    (root / "runshelf.json").write_text("{")
    seen = []

    def stop(done: int, total: int, text: str) -> None:
        seen.append((done, total))
        if done == 4:
            raise Cancelled()

    report = check_workspace(root, stop)
    assert report.cancelled and codes(report) == ["marker-damaged"]
    assert seen == [(n, seen[0][1]) for n in range(1, 5)]
    whole: list[tuple[int, int]] = []
    check_workspace(root, lambda done, total, text: whole.append((done, total)))
    assert whole[-1][0] == whole[-1][1]  # it comes to its end


def test_no_folder_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        check_workspace(tmp_path / "nowhere")
    with pytest.raises(NotFound):
        check_workspace(tmp_path)


# ---------------------------------------------------------------- repairs


def test_a_damaged_meta_part_is_put_aside_and_its_results_are_written_anew(root: Path) -> None:
    before = results(root)
    content = part(root).read_bytes()
    os.truncate(part(root), len(content) // 2)
    damaged = part(root)
    report = check_workspace(root)
    assert codes(report)[0] == "part-damaged" and report.verdict == "damaged"
    text = repaired(root, report)
    assert "put aside in the trash" in text and "written anew" in text
    assert check_workspace(root, deep=True).verdict == "clean"
    assert results(root) == before
    assert not damaged.exists() and list((root / ".trash").rglob(damaged.name))
    assert sorted(pd.read_parquet(root / META)["prediction_id"]) == sorted(before)  # once each, for every reader
    assert sorted(pd.read_parquet(root / DATA)["prediction_id"]) == sorted(k for k in before if before[k][-1] != "[]")


def test_a_damaged_data_part_is_filled_from_the_pipelines_own_files(root: Path) -> None:
    before = results(root)
    for path in (root / DATA).glob("*.parquet"):
        path.unlink()
    report = check_workspace(root)
    assert set(codes(report)) == {"part-missing"}
    repaired(root, report)
    assert results(root) == before and check_workspace(root, deep=True).findings == ()


def test_rows_whose_folders_are_gone_and_edits_come_from_the_index(root: Path) -> None:
    before = results(root)
    shutil.rmtree(pipeline(root, 2))
    (pipeline(root, 3) / "metrics.json").unlink()
    for dataset in (META, EDITS):
        for path in (root / dataset).glob("*.parquet"):
            flip(path, path.stat().st_size - 10)
    report = check_workspace(root)
    assert codes(report).count("part-damaged") >= 2
    repaired(root, report)
    assert results(root) == before
    assert codes(check_workspace(root, deep=True)) == ["folder-gone"]


def test_a_folder_that_is_gone_is_told_with_the_entries_of_the_trash_that_hold_it(root: Path) -> None:
    with Workspace.open(root) as workspace:
        first, second = (row.run_id for row in workspace.runs() if row.dataset_name == "corn")
        for one in (pipeline(root, 1), pipeline(root, 2)):
            workspace.plan_delete_pipeline(one.parent.name, one.name).apply()
        shutil.rmtree(pipeline(root, 3))  # not in the trash
        one_left = next(one for one in check_workspace(root).findings if one.code == "folder-gone")
        assert len(one_left.trash_ids) == 2 and "from the trash" in one_left.advice and not one_left.fix
        workspace.trash.plan_restore(one_left.trash_ids).apply()
        (left,) = (one for one in check_workspace(root).findings if one.code == "folder-gone")
        assert left.trash_ids == () and "trash" not in left.advice
        for run_id in (first, second):
            workspace.plan_delete_run(run_id).apply()
        gone = [one for one in check_workspace(root).findings if one.code == "folder-gone"]
        assert [len(one.trash_ids) for one in gone] == [1, 1]
        for one in gone:
            workspace.trash.plan_restore(one.trash_ids).apply()
        assert [one.trash_ids for one in check_workspace(root).findings if one.code == "folder-gone"] == [()]


def test_a_folder_that_is_gone_is_told_although_a_pipeline_elsewhere_is_damaged(root: Path) -> None:
    """Its own result is not said to be gone, wherever it lies; where it may be any, nothing is said."""

    def gone() -> list[tuple[str, str]]:
        found = check_workspace(root).findings
        return [(Path(one.place).name, one.what.split()[3]) for one in found if one.code == "folder-gone"]

    (pipeline(root) / "pipeline.json").write_text("{,")
    assert gone() == []
    with Workspace.open(root) as workspace:
        second = next(row.run_id for row in workspace.runs() if row.run_name == "second")
        workspace.plan_delete_run(second).apply()
        assert gone() == [(second, "3")]
        assert next(one for one in workspace.check().findings if one.code == "folder-gone").trash_ids
    shutil.rmtree(pipeline(root, 3))
    own = pipeline(root).parent
    assert sorted(gone()) == sorted([(own.name, "1"), (second, "3")])
    home = own.rename(own.with_name("elsewhere"))  # its document still says which run it is
    assert sorted(gone()) == sorted([(own.name, "1"), (second, "3")])
    document = (home / "run_config.json").read_text()
    (home / "run_config.json").write_text("{,")
    assert gone() == []
    home.rename(own)
    assert sorted(gone()) == sorted([(own.name, "1"), (second, "3")])
    (own / "run_config.json").write_text(document)
    damaged = next(own.glob("0001_*"))
    damaged.rename(damaged.with_name("0009_x"))
    assert gone() == [(second, "3")]


def test_what_was_deleted_does_not_come_back_with_a_repair(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse = 1").apply()
        gone = set(workspace.catalog.ids())
    assert check_workspace(root).findings == ()  # deleted on purpose: no row is missing
    for dataset in (META, EDITS):
        os.truncate(part(root, dataset), 10)
    repaired(root, check_workspace(root))
    assert set(results(root)) == gone


def test_edits_that_are_written_anew_keep_their_authors(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of edits from the index, and of deletions that only the trash still knows."""
    monkeypatch.setenv("LOGNAME", "ada")
    with Workspace.open(root) as workspace:
        name = workspace.catalog.ids("test_rmse = 3")[0]
        workspace.catalog.annotate([name], notes="sample 3 is an outlier")
    monkeypatch.setenv("LOGNAME", "grace")
    with Workspace.open(root) as workspace:
        gone = workspace.catalog.ids("test_rmse = 1")
        workspace.catalog.plan_delete("test_rmse = 1").apply()
    monkeypatch.setenv("LOGNAME", "edsger")  # who repairs wrote none of it
    for lost in ([], [root / "catalog/index.sqlite"]):
        for path in (*(root / EDITS).glob("*.parquet"), *lost):
            os.truncate(path, 10)
        repaired(root, check_workspace(root))
        edits = pd.read_parquet(root / EDITS).set_index("prediction_id")["by"]
        assert set(edits[gone]) == {"grace"}
        assert lost or edits[name] == "ada"


def test_a_torn_table_of_predictions_is_not_taken_for_the_truth(root: Path) -> None:
    """Cut within a line, and between two: metrics.json says how many samples were scored."""
    before = results(root)
    tables = [pipeline(root, number) / "predictions.csv" for number in (2, 3)]
    lines = [path.read_bytes().splitlines(keepends=True) for path in tables]
    tables[0].write_bytes(b"".join(lines[0][:2]) + b"2")
    tables[1].write_bytes(b"".join(lines[1][:2]))
    for path in (part(root), *(root / DATA).glob("*.parquet")):
        os.truncate(path, 100)
    (root / "catalog/index.sqlite").unlink()
    told = repaired(root, check_workspace(root))
    assert "breaks off within a line" in told
    assert "has 1 of the 2 test samples that were scored, and was taken in as it is" in told
    after = results(root)
    differing = {name for name in before if after[name] != before[name]}
    assert after.keys() == before.keys() and len(differing) == 2
    assert all(after[name][:-1] == before[name][:-1] for name in differing)  # what was measured is there
    assert sorted(str(after[name][-1]) for name in differing) == ["[[3.0]]", "[]"]
    assert tables[1].read_bytes() == b"".join(lines[1][:2])


def test_a_repair_says_what_it_could_not_bring_back(root: Path) -> None:
    """Without an index nothing else knows the edits; what lies in the trash as deleted stays deleted all the same."""
    with Workspace.open(root) as workspace:
        deleted = workspace.catalog.plan_delete("test_rmse = 2")
        deleted.apply()
        left = set(workspace.catalog.ids())
    for path in (root / EDITS).glob("*.parquet"):
        os.truncate(path, 10)
    os.truncate(part(root), 100)
    (root / "catalog/index.sqlite").unlink()
    told = repaired(root, check_workspace(root))
    assert "1 edit could not be recovered" in told
    assert set(results(root)) == left
    with Workspace.open(root) as workspace:
        assert "restored" in workspace.trash.restore(deleted.trashed[0])
        assert set(workspace.catalog.ids()) > left
        shutil.rmtree(pipeline(root, 1))
        os.truncate(part(root, DATA), 100)
    assert "row of predictions could not be recovered" in repaired(root, check_workspace(root))


def test_deleted_results_stay_deleted_where_manifest_and_edits_are_gone(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse = 2").apply()
        left = set(workspace.catalog.ids())
    for path in (root / "catalog/manifest.json", root / "catalog/index.sqlite", *(root / EDITS).glob("*.parquet")):
        path.unlink()
    assert set(results(root)) <= left
    repaired(root, check_workspace(root))
    assert set(results(root)) == left


def test_while_an_entry_of_the_trash_cannot_be_read_no_artifact_is_taken_for_unused(root: Path) -> None:
    with Workspace.open(root) as workspace:
        run_id = next(row.run_id for row in workspace.runs() if row.total == 5)
        own = artifact(root)
        entry = workspace.plan_delete_pipeline(run_id, pipeline(root).name)
        entry.apply()
        assert "artifact-orphan" not in codes(workspace.check())
        (root / ".trash" / entry.trashed[0] / "trash.json").write_bytes(b"{")
        assert "artifact-orphan" not in codes(workspace.check())
        repaired(root, workspace.check())
        assert own.is_file()


def test_a_pipe_called_as_a_lock_keeps_nobody_waiting(root: Path) -> None:
    with Workspace.open(root) as workspace:
        staging = workspace.layout.staging
    os.mkfifo(staging / "other-1-aaaaaaaa.lock")
    assert check_workspace(root).verdict != "damaged"
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 8 and not (staging / "other-1-aaaaaaaa.lock").exists()


def test_a_link_called_as_a_lock_is_named_and_not_followed(root: Path, tmp_path: Path) -> None:
    with Workspace.open(root) as workspace:
        lock = workspace.layout.staging / "lock-writers"
    lock.unlink(missing_ok=True)
    lock.symlink_to(tmp_path / "elsewhere")
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 8 and "lock-writers is a link" in " ".join(workspace.notices)
    assert not (tmp_path / "elsewhere").exists()


def test_results_the_catalog_lacks_are_taken_in(root: Path) -> None:
    before = results(root)
    with Workspace.open(root) as workspace:
        manifest = json.loads((root / "catalog/manifest.json").read_text())
        edit_json(root / "catalog/manifest.json", meta=[], generation=manifest["generation"] + 1)
        report = workspace.check()
        assert codes(report).count("row-missing") == 8
        assert codes(report).count("part-stray") == len(manifest["meta"])
        plan = workspace.plan_repair(report.findings)
        assert plan.steps[0].what == "Take 8 results into the catalog."
        assert "8 results taken into the catalog" in plan.apply()
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"
    assert len(pd.read_parquet(root / DATA)) == 6  # their arrays were there and are not there twice


def test_a_wrong_row_count_is_corrected(root: Path) -> None:
    manifest = json.loads((root / "catalog/manifest.json").read_text())
    manifest["meta"][0]["rows"] += 5
    del manifest["checksum"]
    (root / "catalog/manifest.json").write_text(json.dumps(manifest))
    report = check_workspace(root)
    assert "part-miscounted" in codes(report)
    repaired(root, report)
    assert check_workspace(root).findings == ()


def test_what_a_dead_process_left_running_is_marked(root: Path) -> None:
    """While the workspace is open for longer than the process that died."""
    with Workspace.open(root) as workspace:
        assert killed_at(60, train, root)
        report = workspace.check()
        assert {"pipeline-left", "run-left"} <= set(codes(report))
        text = workspace.plan_repair(report.findings).apply()
        assert "marked as interrupted" in text
        after = workspace.check()
        assert not {"pipeline-left", "run-left", "stale-file"} & set(codes(after))
        assert "interrupted" in {row.status for row in workspace.runs()}


def train(root: Path) -> None:
    """Work that dies half-way (see `killed_at`)."""
    with Workspace.open(root) as workspace:
        run = workspace.create_run("wheat")
        for number in range(100):
            run.add_pipeline({"k": number}, name=f"p{number}").save_artifact("model", np.full(100, number))


def test_somebody_at_work_is_left_alone(root: Path) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.create_run("wheat")
        run.add_pipeline({"k": 1}).save_artifact("model", np.zeros(100))  # named by no document yet
        assert check_workspace(root).findings == ()


def test_results_that_come_in_during_a_check_are_no_damage(root: Path) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.create_run("wheat")
        waiting = [run.add_pipeline({"k": number}) for number in range(20)]

        def train(done: int, total: int, text: str) -> None:
            if text == "checking the runs" and waiting:
                pipeline = waiting.pop()
                pipeline.save_artifact("model", np.full(50, len(waiting)))
                pipeline.save_metrics({"test": {"rmse": 1.0}})
                pipeline.complete()

        assert [one for one in check_workspace(root, train).findings if one.severity != "note"] == []
        assert not waiting


def test_a_run_that_is_deleted_during_a_check_is_no_damage(root: Path) -> None:
    with Workspace.open(root) as workspace:
        plans = [workspace.plan_delete_run(run.run_id) for run in workspace.runs()]

        def delete(done: int, total: int, text: str) -> None:
            if text == "checking the runs" and plans:
                plans.pop(0).apply()

        assert {one.code for one in check_workspace(root, delete).findings} <= {"folder-gone", "index-behind"}
        assert not plans


def test_parts_that_are_replaced_during_a_check_are_no_damage(root: Path) -> None:
    (pipeline(root) / "metrics.json").unlink()  # so that the parts are read once more, in the end
    with Workspace.open(root) as workspace:
        plans = [workspace.catalog.plan_delete("pipeline_name = 'p3'")]

        def replace(done: int, total: int, text: str) -> None:
            if text == "comparing the catalog with the runs" and plans:
                plans.pop().apply()

        before = part(root)
        assert "unreadable" not in codes(check_workspace(root, replace))
        assert not before.exists()
        assert codes(check_workspace(root)) == ["metrics-missing"]


@pytest.mark.parametrize("name", ["library", "library/templates", "catalog/archives", "catalog/archives/pipeline"])
def test_a_file_where_a_folder_should_be_is_named_and_hides_nothing(root: Path, name: str) -> None:
    shutil.rmtree(root / name)
    (root / name).write_text("x")
    (pipeline(root) / "metrics.json").unlink()
    found = {(one.code, one.place) for one in check_workspace(root).findings}
    assert ("unreadable", name) in found and "metrics-missing" in {code for code, _ in found}


def test_all_that_lies_in_the_trash_is_looked_at(root: Path) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.runs()[0].run_id
        name = workspace.pipelines(run)[0].pipeline_id
        workspace.library.save_filtered(run, name, "kept")
        workspace.library.plan_delete("filtered", "kept").apply()
        (archive,) = workspace.archive("filtered", run_id=run, pipeline_id=name)
        workspace.plan_delete_archive("filtered", archive.name).apply()
        workspace.plan_delete_pipeline(run, name).apply()
    assert "trash-damaged" not in codes(check_workspace(root, deep=True))
    for where, old, new in (
        ("*_library_*/content/library_metadata.json", "kept", "kopt"),
        ("*_file_*/content/metrics.json", "1.0", "1.5"),
        ("*_file_*/content/archive.json", '"tags": []', '"tags": ["x"]'),
        ("*_pipeline_*/content/metrics.json", "", ""),
    ):
        (path,) = (root / ".trash").glob(where)
        text = path.read_text()
        path.write_text(text.replace(old, new)) if old else path.unlink()
        named = {one.place for one in check_workspace(root, deep=True).findings if one.code == "trash-damaged"}
        assert named == {f".trash/{path.parent.parent.name}"}, where
        path.write_text(text)


def test_what_is_just_going_to_the_trash_is_no_damage(root: Path) -> None:
    with Workspace.open(root) as workspace:
        plan = workspace.plan_delete_run(workspace.runs()[0].run_id)
        plan.apply()
    record = root / ".trash" / plan.trashed[0] / "trash.json"
    edit_json(record, status="deleting")
    assert "trash-damaged" not in codes(check_workspace(root))
    os.utime(record, (0, 0))
    assert "trash-damaged" in codes(check_workspace(root))


def test_unused_artifacts_go_to_the_trash_and_can_be_put_back(root: Path) -> None:
    orphan = artifact(root)
    edit_json(pipeline(root) / "pipeline.json", artifacts=[])
    content = orphan.read_bytes()
    report = check_workspace(root)
    (one,) = (f for f in report.findings if f.code == "artifact-orphan")
    assert one.place == orphan.relative_to(root).as_posix() and one.bytes == len(content)
    assert "moved to the trash" in repaired(root, report)
    assert not orphan.exists() and check_workspace(root).findings == ()
    with Workspace.open(root) as workspace:
        (entry,) = workspace.trash.list()
        assert entry.bytes == len(content) and entry.problem is None
        workspace.trash.restore(entry.trash_id)
        assert orphan.read_bytes() == content and not workspace.trash.list()


def test_unused_artifacts_do_not_come_back_without_their_run(root: Path) -> None:
    orphan = artifact(root).parent / "Lonely_abcdef.pkl"
    orphan.write_bytes(b"nobody's")
    repaired(root, check_workspace(root))
    with Workspace.open(root) as workspace:
        (files,) = workspace.trash.list()
        deletion = workspace.plan_delete_run(orphan.parent.parent.name)
        deletion.apply()
        with pytest.raises(Conflict):
            workspace.trash.restore(files.trash_id)
        assert not orphan.parent.parent.exists()
        workspace.trash.restore(deletion.trashed[0])
        workspace.trash.restore(files.trash_id)
    assert orphan.read_bytes() == b"nobody's"


def test_artifacts_of_a_damaged_pipeline_are_no_orphans(root: Path) -> None:
    (pipeline(root) / "pipeline.json").write_text("{")
    assert "artifact-orphan" not in codes(check_workspace(root))


def test_a_lost_summary_is_written_from_the_pipelines(root: Path) -> None:
    path = pipeline(root).parent / "run_summary.json"
    before = json.loads(path.read_text())
    path.write_text('{"status": ')
    report = check_workspace(root)
    assert codes(report) == ["summary-damaged"]
    repaired(root, report)
    after = json.loads(path.read_text())
    assert {k: after[k] for k in ("status", "total", "successful", "failed", "best_pipeline", "statistics")} == {
        k: before[k] for k in ("status", "total", "successful", "failed", "best_pipeline", "statistics")
    }
    assert after["completed_at"] <= before["completed_at"]  # when it ended, not when it was mended
    assert next((root / ".trash").rglob("run_summary.json")).read_text() == '{"status": '
    assert check_workspace(root).findings == ()


def test_counts_that_no_longer_fit_are_told_and_can_be_brought_up(root: Path) -> None:
    shutil.rmtree(pipeline(root, 2))
    report = check_workspace(root)
    assert "summary-differs" in codes(report) and report.verdict == "clean"
    repaired(root, report)
    assert codes(check_workspace(root)) == ["folder-gone"]  # the artifact that it alone had went to the trash


def test_an_index_that_tells_otherwise_is_made_again(root: Path) -> None:
    read_when_old_enough(root)  # it has seen these folders and takes them for unchanged
    change_index(root, "DELETE FROM pipelines WHERE number = 1", "DELETE FROM predictions WHERE key = 1")
    report = check_workspace(root)
    assert codes(report) == ["index-differs", "index-differs"]
    repaired(root, report)
    assert check_workspace(root, deep=True).findings == ()
    (root / "catalog/index.sqlite").write_bytes(b"no database at all" * 100)
    assert codes(check_workspace(root)) == ["index-damaged"]
    for path in (root / "catalog").glob("index.sqlite*"):
        path.unlink()
    assert check_workspace(root).findings == ()  # a cache that is not there is nothing wrong


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE predictions SET test_rmse = test_rmse + 1e-9 WHERE key = 1",
        "UPDATE predictions SET names_text = config_text WHERE key = 2",
        "UPDATE annotations SET notes = 'keep that'",
        "UPDATE tags SET tag = 'dean'",
        "UPDATE runs SET metric_value = metric_value + 1",
        "UPDATE pipelines SET name = 'q1' WHERE name = 'p1'",
        "UPDATE parameters SET number = number + 1 WHERE number = 1",
        "UPDATE configs SET preprocessing = 'none' WHERE id IN (SELECT max(id) FROM configs)",
        "UPDATE row_groups SET last_id = 'a'",
        "UPDATE words_content SET c0 = 'other' WHERE id = 1",
    ],
)
def test_the_deep_check_compares_the_index_with_the_files_row_by_row(root: Path, change: str) -> None:
    read_when_old_enough(root)
    assert check_workspace(root, deep=True).findings == ()
    change_index(root, change)
    assert check_workspace(root).findings == ()
    report = check_workspace(root, deep=True)
    assert codes(report) == ["index-differs"]
    repaired(root, report)
    assert check_workspace(root, deep=True).findings == ()


def test_a_document_that_the_index_has_not_read_hides_nothing_else_of_it(root: Path) -> None:
    read_when_old_enough(root)
    place = pipeline(root) / "pipeline.json"
    place.with_suffix(".new").write_bytes(place.read_bytes())
    os.replace(place.with_suffix(".new"), place)
    change_index(root, "UPDATE predictions SET test_rmse = test_rmse + 1e-9 WHERE key = 1")
    assert codes(check_workspace(root, deep=True)) == ["index-differs", "index-behind"]


def test_documents_that_were_edited_are_told_of_until_the_index_has_read_them(root: Path) -> None:
    read_when_old_enough(root)
    assert check_workspace(root).findings == ()
    places = [pipeline(root, number) / "pipeline.json" for number in (1, 2)]
    edit_json(places[0], name="renamed")
    places[1].with_suffix(".new").write_text(places[1].read_text())
    os.replace(places[1].with_suffix(".new"), places[1])
    places[1].parent.touch()
    report = check_workspace(root)
    assert codes(report) == ["index-behind"] * 2 and report.verdict == "clean"
    assert {root / one.place for one in report.findings} == set(places) and "index sync" in report.findings[0].advice
    with Workspace.open(root) as workspace:
        assert codes(workspace.check()) == ["index-behind"] * 2
        workspace.sync(full=True)
        assert workspace.check().findings == ()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pipeline.json", '"number": 1', '"number": 7'),
        ("pipeline.json", '"k": 0', '"k": 5'),
        ("pipeline.json", '"name": "scaler"', '"name": "scaled"'),
        ("metrics.json", "1.0", "null"),
        ("metrics.json", '"samples": 2', '"samples": 3'),
        ("predictions.csv", "y_pred", "y_pred,"),
        ("../run_summary.json", '"total": 5', '"total": 6'),
        ("../run_config.json", '"dataset_name": "corn"', '"dataset_name": "born"'),
        ("../../../library/templates/kept.json", '"metrics": {}', '"metrics": {"test_rmse": 0.1}'),
    ],
)  # fmt: skip
def test_whatever_was_changed_in_a_document_is_named_and_may_be_taken_for_right(
    root: Path, name: str, old: str, new: str
) -> None:
    with Workspace.open(root) as workspace:
        workspace.library.save_template({"steps": [{"class": "sklearn.linear_model.Ridge"}]}, "kept")
    place = pipeline(root) / name
    text = place.read_text()
    assert old in text and check_workspace(root, deep=True).findings == ()
    place.write_text(text.replace(old, new, 1))
    found = check_workspace(root, deep=True).findings
    assert place.resolve().relative_to(root).as_posix() in {one.place for one in found}
    assert not any(one.fix == "remove orphans" for one in found)
    place.write_text(text, newline="\n")
    assert {*codes(check_workspace(root, deep=True))} <= {"index-behind"}


def test_a_pipeline_that_says_it_is_another_result_is_not_counted_twice_and_becomes_itself_again(root: Path) -> None:
    place = pipeline(root) / "pipeline.json"
    before = place.read_bytes()
    own = json.loads(before)["prediction_id"]
    place.write_bytes(before.replace(own.encode(), b"0192f0c1-0000-7000-8000-000000000001"))
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 8 and "under another id" in " ".join(workspace.notices)
    report = check_workspace(root)
    assert ("document-differs", place.relative_to(root).as_posix()) in {
        (one.code, one.place) for one in report.findings
    }
    repaired(root, report)
    assert place.read_bytes() == before and check_workspace(root, deep=True).findings == ()


def test_a_document_may_be_edited_by_who_takes_its_checksum_out_and_its_line_ends_are_nobodys(root: Path) -> None:
    place = pipeline(root) / "pipeline.json"
    text = place.read_text()
    assert ',\n  "checksum": "' in text
    place.write_text(text, newline="\r\n")
    assert "document-edited" not in codes(check_workspace(root, deep=True))
    place.write_text(text.partition(',\n  "checksum"')[0].replace('"k": 0', '"k": 5') + "\n}\n")
    assert "document-edited" not in codes(check_workspace(root, deep=True))


def test_an_index_that_lacks_what_could_not_be_read_is_not_what_is_wrong(root: Path) -> None:
    before = results(root)
    flip(part(root), part(root).stat().st_size // 2)
    with Workspace.open(root) as workspace:
        workspace.sync(full=True)
        workspace.rebuild_index()
    report = check_workspace(root)
    assert codes(report) == ["part-damaged"]
    repaired(root, report)
    assert results(root) == before and check_workspace(root, deep=True).findings == ()


def test_a_check_leaves_no_file_beside_the_index_whatever_is_wrong_with_it(root: Path) -> None:
    index = root / "catalog/index.sqlite"

    def beside() -> list[str]:
        return sorted(path.name for path in index.parent.glob("index.sqlite*"))

    sound = index.read_bytes()
    for content in (sound, b"no database at all" * 100, sound[: len(sound) // 2], sound[:100] + b"\0" * 4000, b""):
        index.write_bytes(content)
        for deep in (False, True):
            check_workspace(root, deep=deep)
        assert beside() == ["index.sqlite"] and index.read_bytes() == content
    index.write_bytes(sound)
    with Workspace.open(root) as workspace:  # what is not yet in the database itself counts, too
        fill(workspace, 1, "third")
        workspace.sync()
        there = beside()
        assert "index.sqlite-wal" in there and check_workspace(root, deep=True).findings == ()
        assert beside() == there


def test_results_of_another_process_leave_the_index_behind_for_a_moment(root: Path) -> None:
    frame = pd.read_parquet(root / META).tail(1).assign(prediction_id="0192f0c1-0000-7000-8000-000000000001")
    add_foreign_part(root, "meta", frame)
    report = check_workspace(root)
    assert {one.code for one in report.findings} == {"index-behind"} and report.verdict == "clean"


def test_unfinished_writes_are_swept_but_not_those_of_the_living(root: Path) -> None:
    stale = root / ".staging/host-999999-deadbeef"
    stale.mkdir(parents=True)
    (stale / "half.parquet").write_bytes(b"x" * 100)
    loose = pipeline(root) / ".metrics.json.0123abcd.tmp"
    loose.write_text("{")
    young = pipeline(root) / ".pipeline.json.0123abce.tmp"
    young.write_text("{")
    past = (utc_now() - timedelta(hours=3)).timestamp()
    os.utime(loose, (past, past))
    stray = root / META / "part-019344aa.parquet"
    shutil.copy(part(root), stray)
    with Workspace.open(root, read_only=True):
        report = check_workspace(root)
    places = {one.place: one for one in report.findings}
    assert set(places) == {p.relative_to(root).as_posix() for p in (stale, loose, stray)}
    assert places[stale.relative_to(root).as_posix()].bytes == 100
    repaired(root, report)
    assert not stale.exists() and not loose.exists() and not stray.exists() and young.exists()
    assert check_workspace(root).findings == ()


def test_old_trash_is_told_and_no_repair_empties_it(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse = 1").apply()
    (entry,) = (root / ".trash").iterdir()
    assert check_workspace(root).findings == ()
    edit_json(entry / "trash.json", deleted_at=(utc_now() - timedelta(days=31)).isoformat())
    report = check_workspace(root)
    assert codes(report) == ["trash-expired"] and report.verdict == "clean"
    with Workspace.open(root) as workspace:
        assert workspace.plan_repair(report.findings).steps == ()
    assert main(["check", "--repair", "--yes", "-w", str(root)]) == 0 and entry.exists()


def test_a_repair_refuses_when_things_changed_since_it_was_planned(root: Path) -> None:
    os.truncate(artifact(root), 0)
    edit_json(pipeline(root) / "pipeline.json", artifacts=[])
    with Workspace.open(root) as workspace:
        plan = workspace.plan_repair(workspace.check().findings)
        artifact_place = next((root / "runs").glob("*_corn/_binaries/*"))
        for path in artifact_place.parent.iterdir():
            path.write_bytes(b"somebody wrote this")
        with pytest.raises(Conflict):
            plan.apply()


@pytest.mark.parametrize("call", [1, 4, 8, 12, 16, 20, 24, 30])
def test_a_repair_that_is_killed_loses_nothing(root: Path, call: int) -> None:
    before = results(root)
    os.truncate(part(root), 100)
    killed_at(call, mend, root)
    repaired(root, check_workspace(root))
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"


def mend(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.plan_repair(check_workspace(root).findings).apply()


# ---------------------------------------------------------------- documents and arrays


def document(content: str | None, name: str = "run_config.json") -> Callable[[Path], object]:
    def damage(root: Path) -> object:
        path = pipeline(root).parent / name
        return path.unlink() if content is None else path.write_text(content)

    return damage


@pytest.mark.parametrize("content", [None, "{", "half"])
@pytest.mark.parametrize("catalog", [True, False])
def test_the_document_of_a_run_is_made_anew(root: Path, content: str | None, catalog: bool) -> None:
    before = results(root)
    place = pipeline(root).parent / "run_config.json"
    original = json.loads(place.read_text())
    damaged = place.read_text()[: place.stat().st_size // 2] if content == "half" else content
    if not catalog:
        shutil.rmtree(root / "catalog")
    document(damaged)(root)
    report = check_workspace(root)
    assert "run-damaged" in codes(report)
    repaired(root, report)
    repaired(root, check_workspace(root))
    record = json.loads(place.read_text())
    kept = ("run_id", "dataset_name", "run_name", "created_by", "created_at")
    assert {k: record[k] for k in kept} == {k: original[k] for k in kept}
    assert {p["pipeline_id"] for p in record["pipelines"]} == {p["pipeline_id"] for p in original["pipelines"]}
    if damaged is not None:
        assert next((root / ".trash").rglob("run_config.json")).read_text() == damaged
    assert check_workspace(root, deep=True).verdict == "clean"
    assert {k: v[:3] for k, v in results(root).items()} == {k: v[:3] for k, v in before.items()}


def test_a_run_without_its_document_gives_back_what_a_damaged_part_held(root: Path) -> None:
    before = results(root)
    document(None)(root)
    for path in (root / DATA).glob("*.parquet"):
        flip(path, 60)
    repaired(root, check_workspace(root, deep=True))
    assert results(root) == before and check_workspace(root, deep=True).verdict == "clean"


def test_a_run_of_another_workspace_is_taken_in(root: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "other") as other:
        ids = fill(other, 2, "theirs")
    folder = next((tmp_path / "other/runs").iterdir())
    shutil.copytree(folder, root / "runs" / folder.name)
    (root / "runs" / folder.name / "run_config.json").unlink()
    (root / "runs/strangers").mkdir()
    report = check_workspace(root)
    assert {"run-damaged", "row-missing", "run-empty"} <= set(codes(report))
    repaired(root, report)
    assert set(ids) <= set(results(root))
    assert os.listdir(root / "runs/strangers") == []


def test_documents_of_a_pipeline_are_written_anew_from_the_catalog(tmp_path: Path, dataset: Dataset) -> None:
    """As training writes them, byte by byte."""
    root = tmp_path / "trained"
    configs = [{"steps": [{"class": "sklearn.linear_model.Ridge", "params": {"alpha": a}}]} for a in (1.0, 2.0)]
    with Workspace.create(root) as workspace:
        workspace.run_batch(dataset, configs, charts=False)
        workspace.sync()
    folder = sorted((root / "runs").glob("*/0*"))[0]
    before = {name: (folder / name).read_bytes() for name in ("metrics.json", "predictions.csv")}
    text = before["metrics.json"].decode()
    damages: list[tuple[bytes | None, bytes | None]] = [
        (b"{,", b""),
        (None, None),
        (b"{,", before["predictions.csv"][:-1]),
        (b"{,", before["predictions.csv"][:-4]),
        (text.replace("0.", "1.", 1).encode(), before["predictions.csv"].replace(b"0.", b"1.", 1)),
    ]
    for damage in damages:
        for name, content in zip(before, damage, strict=True):
            (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
        report = check_workspace(root, deep=True)
        assert len(report.findings) == 2 and {one.fix for one in report.findings} == {"write documents"}
        assert "2 documents written anew" in repaired(root, report)
        assert {name: (folder / name).read_bytes() for name in before} == before
        assert check_workspace(root, deep=True).findings == ()
    kept = {path.read_bytes() for path in (root / ".trash").rglob("metrics.json")}
    assert kept == {content for content, _ in damages if content is not None}


@pytest.mark.parametrize("hollow", ["{}", '{"test": null}', '{"test": {}}', '{"zork": {"rmse": 1}}'])
def test_metrics_that_say_nothing_are_named_and_not_taken_for_the_truth(root: Path, hollow: str) -> None:
    before = results(root)
    (pipeline(root) / "metrics.json").write_text(hollow)
    edit_json(pipeline(root) / "pipeline.json", completed_at="2026-01-01T00:00:00.000Z")
    report = check_workspace(root, deep=True)
    assert codes(report) == ["document-differs"] and "has no test_rmse" in report.findings[0].what
    os.truncate(part(root), 100)
    repaired(root, check_workspace(root, deep=True))
    assert results(root) == before
    repaired(root, check_workspace(root, deep=True))
    assert check_workspace(root, deep=True).findings == ()


def test_times_are_compared_as_documents_can_say_them(root: Path) -> None:
    """Other programs put more digits into the catalog than a document has; a repair claims nothing of them."""
    (name,) = [path.name for path in (root / META).glob("*.parquet")]
    frame = pd.read_parquet(root / META)
    frame["created_at"] += pd.Timedelta(microseconds=230)
    add_foreign_part(root, "meta", frame, replacing=name)
    with Workspace.open(root) as workspace:
        ids = workspace.catalog.ids()
        assert {workspace.catalog.get(one)["created_at"].microsecond % 1000 for one in ids} == {230}
    assert check_workspace(root, deep=True).findings == ()
    place = pipeline(root) / "pipeline.json"
    before = place.read_bytes()
    one = finding("document-differs", place.relative_to(root).as_posix(), "It says another created_at.")
    with Workspace.open(root) as workspace:
        assert workspace.plan_repair([one]).apply() == "Nothing was as it had been found; nothing was changed."
    assert place.read_bytes() == before


def test_a_workspace_that_went_away_is_not_made_again(root: Path) -> None:
    before = results(root)
    with Workspace.open(root) as workspace:
        run = workspace.create_run("corn", "under way")
        at_work = run.add_pipeline({"k": 1})
        root.rename(root.parent / "unmounted")
        for change in (lambda: workspace.create_run("corn"), lambda: at_work.save_metrics({"test": {"rmse": 1.0}})):
            with pytest.raises(NotFound, match="not there any more"):
                change()
        assert not root.exists()
        (root.parent / "unmounted").rename(root)
        at_work.save_metrics({"test": {"rmse": 1.0}})
        at_work.complete()
        run.finalize()
    assert len(results(root)) == len(before) + 1


def test_a_document_that_the_catalog_lacks_stays_as_it_is(root: Path) -> None:
    place = next((root / "runs").glob("*_corn/*_broken_*")) / "metrics.json"
    place.write_text("{,")
    text = repaired(root, check_workspace(root))
    assert "left as it is" in text and place.read_text() == "{,"


def test_arrays_the_catalog_lost_are_taken_in_again(root: Path) -> None:
    before = results(root)
    manifest = json.loads((root / "catalog/manifest.json").read_text())
    edit_json(root / "catalog/manifest.json", data=[], generation=manifest["generation"] + 1)
    report = check_workspace(root)
    assert codes(report).count("arrays-missing") == 6
    assert "Predictions of 6 results" in repaired(root, report)
    assert results(root) == before and check_workspace(root, deep=True).findings == ()


# ---------------------------------------------------------------- the command line


def test_the_command_line_says_it_with_its_exit_code(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-w", str(root)]) == 0
    assert "No findings" in capsys.readouterr().out
    os.truncate(part(root), 100)
    assert main(["check", "-w", str(root), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found[0]["code"] == "part-damaged" and found[0]["fix"] and found[0]["place"].startswith(META)
    assert main(["check", "-w", str(root), "--repair", "--dry-run"]) == 1
    assert "dry run" in capsys.readouterr().out
    assert main(["check", "-w", str(root), "--repair", "--yes"]) == 0
    assert "put aside in the trash" in capsys.readouterr().out
    assert main(["check", "-w", str(root), "--deep"]) == 0
    assert main(["check", "-w", str(root / "runs")]) == 2
