"""What other programs left is carried over: all of it, nothing run, nothing changed there, and found again."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import storage.forms
from storage import Cancelled, Untrusted, Workspace, check_workspace
from storage.carrying import divided
from storage.cli import main
from storage.foreign import ForeignArrays, ForeignFile, ForeignPipeline, ForeignRun, ForeignScore
from tests.storage.kills import killed_at, migrate, migrate_whole, processes
from tests.storage.samples import content_of

DAY = date(2019, 3, 4)
MADE = datetime(2019, 3, 4, 22, 30, 0, 935230, tzinfo=UTC)  # more digits than a document has
SAID = MADE.replace(microsecond=935000)


class Diary:
    """A form for these tests: a file `diary.json` with a list of models, and files beside it."""

    name, title = "diary", "diaries"

    def find(self, folder: Path) -> Path | None:
        return folder if (folder / "diary.json").is_file() else None

    def runs(self, place: Path, problems: list[str]) -> Iterator[ForeignRun]:
        said = json.loads((place / "diary.json").read_text("utf-8"))
        problems += said["problems"]
        yield ForeignRun("corn/../../x", DAY, [_pipeline(place, one) for one in said["models"]], created_at=MADE)


def _pipeline(place: Path, said: dict[str, Any]) -> ForeignPipeline:
    folds = ["0", "1", "avg", "w_avg"] if said["folds"] else ["final"]
    arrays = [
        ForeignArrays(partition, fold, np.arange(4) + 10 * number, np.arange(4) / 3, np.arange(4) / 7 + number)
        for number, fold in enumerate(folds)
        for partition in ("train", "val", "test")
        if fold != "final" or partition != "val"
    ]
    return ForeignPipeline(
        said["name"], said["name"], {"uid": said["name"]}, MADE, MADE, 2.5, said["status"], said.get("error", ""),
        config={"model": said["name"], "deep": [1, {"a": None}]},
        steps=[("transformer", "sklearn.preprocessing.MinMaxScaler", {}), ("model", "a.B", {"n": said["n"]})],
        model_type="B", task_type="regression", metric="mse",
        scores=[ForeignScore("mse", float(n) + said["n"], partition, fold)
                for n, fold in enumerate(folds) for partition in ("train", "val", "test")]
        + [ForeignScore("loss", 0.5, best=0.25), ForeignScore("odd", float("nan"), "test", folds[0])],
        arrays=lambda: arrays,
        artifacts=[ForeignFile("scaler", place / "scaler.pkl", said.get("sha256", ""), 0),
                   ForeignFile("model", place / f"{said['name']}.joblib", "", 1, 0)],
        charts=[ForeignFile("a/chart [1].png", place / "chart [1].png")],
        files=[ForeignFile("metrics.json", place / "chart [1].png")],
        tags=tuple(said.get("tags", ())), notes=said.get("notes", ""),
    )  # fmt: skip


class Payload:
    """An object whose loading would make a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


MODELS = [
    {"name": "first", "folds": True, "n": 3, "status": "completed", "tags": ["old"], "notes": "from the <b>diary</b>"},
    {"name": "second", "folds": False, "n": 5, "status": "completed"},
    {"name": "../third", "folds": False, "n": 5, "status": "failed", "error": "ValueError: no\nsuch thing"},
]


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source of three models of which every artifact would run something."""
    monkeypatch.setattr(storage.forms, "FORMS", (*storage.forms.FORMS, Diary()))
    place = tmp_path / "old"
    place.mkdir()
    write(place, MODELS)
    for name in ("scaler.pkl", "first.joblib", "second.joblib"):
        (place / name).write_bytes(pickle.dumps((Payload(tmp_path / "ran"), name)))
    (place / "chart [1].png").write_bytes(b"\x89PNG no picture")
    (tmp_path / "third.joblib").write_bytes(b"outside")  # which "../third" names
    return place


def write(place: Path, models: list[dict[str, Any]]) -> None:
    (place / "diary.json").write_text(json.dumps({"models": models, "problems": ["A page is torn."]}), "utf-8")


def rows_of(root: Path) -> dict[str, dict[str, Any]]:
    with Workspace.open(root) as workspace:
        return {row["pipeline_name"]: row for row in workspace.catalog.rows(workspace.catalog.keys("", "created_at"))}


def test_all_is_carried_over_and_found_again_and_nothing_is_run(diary: Path, root: Path, tmp_path: Path) -> None:
    before = content_of(diary)
    with Workspace.create(root) as workspace:
        migration = workspace.migration(diary)
        plan = migration.plan()
        assert "Carry 3 pipelines" in plan.steps[0].what and "untrusted" in plan.steps[0].what
        assert [step.what for step in plan.steps[1:]] == ["Leave out: A page is torn."]
        assert "3 pipelines carried over into 1 run" in plan.apply()
        done = migration.done
        assert (done.failed, done.left_out, done.differences) == ([], ["A page is torn."], [])
        assert done.report is not None and "found again with equal value" in done.report.read_text("utf-8")
        assert json.loads(done.report.with_suffix(".json").read_text("utf-8"))["carried"]["artifacts"] == 6
    assert not (tmp_path / "ran").exists() and content_of(diary) == before
    assert check_workspace(root, deep=True).findings == ()
    rows = rows_of(root)
    assert set(rows) == {"first", "second", "../third"}
    first = rows["first"]
    assert (first["dataset_name"], first["run_date"], first["created_at"]) == ("corn-..-..-x", str(DAY), SAID)
    assert first["tags"] == "old" and first["notes"] == "from the <b>diary</b>"
    assert first["test_mse"] == 5.0 and first["logged_loss"] == 0.5 and first["best_loss"] == 0.25
    assert first["cross_validation_mean_mse"] == 3.5
    assert rows["second"]["test_mse"] == 5.0 and rows["../third"]["status"] == "failed"
    with Workspace.open(root) as workspace:
        arrays = workspace.catalog.arrays(first["prediction_id"])
        assert {(one.partition, one.fold_id) for one in arrays} == {
            *((p, fold) for p in ("train", "val", "test") for fold in (0, 1)), ("train", None), ("test", None)
        }  # fmt: skip
        folder = workspace.run(first["run_id"]).folder / first["pipeline_id"]
        assert (folder / "averages.csv").is_file() and (folder / "metrics~2.json").is_file()
        assert json.loads((folder / "source.json").read_text("utf-8"))["config"] == {
            "model": "first",
            "deep": [1, {"a": None}],
        }
        with pytest.raises(Untrusted):
            workspace.load(first["run_id"], first["pipeline_id"])
    assert not (tmp_path / "ran").exists()
    with (folder / "averages.csv").open("a") as file:
        file.write("\n")
    assert [Path(one.place).name for one in check_workspace(root, deep=True).findings] == ["averages.csv"]


def test_two_that_migrate_the_same_at_once_carry_it_over_once(diary: Path, root: Path) -> None:
    Workspace.create(root).close()
    both = [processes().Process(target=migrate_whole, args=(root, diary)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    assert len(list(root.glob("runs/*/0*/pipeline.json"))) == len(rows_of(root)) == 3
    assert check_workspace(root, deep=True).verdict == "clean"


@pytest.mark.parametrize("large", [16_000_000, 3])
def test_one_that_was_stopped_goes_on_and_repeats_nothing(
    diary: Path, root: Path, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.artifacts._AT_ONCE", large)

    def stop(done: int, total: int, text: str) -> None:
        if done == 1:
            raise Cancelled

    with Workspace.create(root) as workspace:
        with pytest.raises(Cancelled):
            workspace.migration(diary).carry(stop)
        ids = {row.prediction_id for row in workspace.pipelines(workspace.runs()[0].run_id)}
        assert len(ids) == 1
        done = workspace.migration(diary).carry(lambda *_: None)
        assert (done.before, done.carried["pipelines"]) == (1, 2) and done.differences == []
        run = workspace.runs()[0]
        assert ids < {row.prediction_id for row in workspace.pipelines(run.run_id)}
        assert (run.total, run.status) == (3, "completed")
        again = workspace.migration(diary).carry(lambda *_: None)
        assert (again.before, again.carried) == (3, {}) and again.differences == []
    assert len(rows_of(root)) == 3


def test_what_is_not_as_recorded_is_told_and_left_out_and_what_was_changed_is_noticed(
    diary: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(diary, [{**MODELS[0], "sha256": "0" * 64}, *MODELS[1:]])
    (diary / "second.joblib").unlink()
    command = ["migrate", str(diary), "--into", str(root)]
    assert main([*command, "--dry-run"]) == 0 and not root.exists()
    assert "Carry 3 pipelines" in capsys.readouterr().out
    assert main([*command, "--yes", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["carried_pipelines"] == 3 and said["differences"] == [] and said["failed"] == []
    assert [line.partition(":")[0] for line in said["left_out"][1:]] == ["scaler of first", "model of second"]
    assert main([*command, "--verify-only"]) == 0
    assert "Every value of 3 pipelines was found again" in capsys.readouterr().out
    (csv,) = root.glob("runs/*/*_second_*/predictions.csv")
    csv.write_text(csv.read_text("utf-8").replace("0.14285714285714285", "0.14285714285714282"), "utf-8")
    assert main([*command, "--verify-only"]) == 1
    assert "second: Predictions of train have other values." in capsys.readouterr().err
    (means,) = root.glob("runs/*/*_first_*/averages.csv")
    means.write_text(means.read_text("utf-8").replace("3.142857142857143", "3.142857142857144"), "utf-8")
    assert main([*command, "--verify-only"]) == 1
    assert "first: Predictions of" in capsys.readouterr().err
    assert main(["migrate", str(root / "runs"), "-w", str(root)]) == 2


def test_the_mean_over_the_folds_stands_for_the_model_only_where_there_is_none() -> None:
    def block(partition: Any, fold: str) -> ForeignArrays:
        return ForeignArrays(partition, fold, np.arange(2), np.zeros(2), np.ones(2))

    kept, averages = divided([block("test", "avg"), block("test", "w_avg"), block("val", "avg"), block("val", "3")])
    assert [(one.partition, one.fold_id) for one in kept] == [("test", None), ("val", 3)]
    assert [(one.partition, one.fold) for one in averages] == [("test", "w_avg"), ("val", "avg")]
    kept, averages = divided([block("test", "avg"), block("test", "final")])
    assert [one.fold_id for one in kept] == [None] and [one.fold for one in averages] == ["avg"]


def test_a_kill_at_any_change_of_the_disk_loses_nothing_and_doubles_nothing(
    diary: Path, root: Path, tmp_path: Path
) -> None:
    write(diary, [{**MODELS[0], "notes": ""}, MODELS[2]])
    Workspace.create(root).close()
    fresh = tmp_path / "fresh"
    shutil.copytree(root, fresh)
    for call in itertools.count(step=1 if "RUNSHELF_ALL_FAULTS" in os.environ else 17):
        killed = killed_at(call, migrate, root, diary)
        with Workspace.open(root) as workspace:
            done = workspace.migration(diary).carry(lambda *_: None)
            assert (done.failed, done.differences) == ([], []), call
            assert done.before + done.carried.get("pipelines", 0) == 2
            assert workspace.catalog.count() == len(list(root.glob("runs/*/0*/pipeline.json"))) == 2, call
        if not killed:
            break
        shutil.rmtree(root)
        shutil.copytree(fresh, root)
    assert call > 40 and check_workspace(root, deep=True).verdict == "clean"
