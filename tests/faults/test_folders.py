"""Folders that people take away, rename and edit, while a workspace is open and while it is not; a root that goes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from storage import NotFound, StorageError, Workspace, check_workspace
from tests.faults.specimen import answers, changed, command, look_round, told
from tests.storage.samples import content_of


def study(root: Path) -> Path:
    return next((root / "runs").glob("*_study"))


def first(root: Path) -> Path:
    return next(study(root).glob("0001*"))


def edited(root: Path) -> None:
    """Somebody corrects the description by hand, with an editor that replaces the file."""
    path = study(root) / "run_config.json"
    document = {**json.loads(path.read_text()), "run_name": "renamed by hand"}
    path.with_suffix(".new").write_text(json.dumps(document))
    path.with_suffix(".new").rename(path)


# By what is done: who does it, what the run and its first pipeline then are said to be, the finding that names it.
HANDS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "run removed": (lambda root: shutil.rmtree(study(root)), "gone", "folder-gone"),
    "run renamed": (lambda root: study(root).rename(root / "runs/another name"), "renamed", ""),
    "run moved out": (lambda root: study(root).rename(root.parent / "elsewhere"), "gone", "folder-gone"),
    "run edited": (edited, "edited", ""),
    "pipeline removed": (lambda root: shutil.rmtree(first(root)), "pipeline gone", "folder-gone"),
    "pipeline renamed": (lambda root: first(root).rename(study(root) / "0001_x"), "renamed too", "pipeline-renamed"),
    "artifacts removed": (lambda root: shutil.rmtree(study(root) / "_binaries"), "", "artifact-missing"),
    "all documents removed": (lambda root: [p.unlink() for p in study(root).glob("*.json")], "damaged", "run-damaged"),
}  # fmt: skip


@pytest.mark.parametrize("is_open", [True, False], ids=["while open", "while closed"])
@pytest.mark.parametrize("hand", HANDS)
def test_what_people_do_to_folders_is_shown_and_loses_no_result(root: Path, hand: str, is_open: bool) -> None:
    work, becomes, code = HANDS[hand]
    opened = Workspace.open(root)
    before = answers(opened)
    if not is_open:
        opened.close()
    work(root)
    if not is_open:
        opened = Workspace.open(root)
    with opened as workspace:
        workspace.sync(full=True)
        now = answers(workspace)
        results = {item for item in before if item.startswith(("arrays", "library", "archive", "trash", "run *_wheat"))}
        assert not changed(before, now) & results
        assert {item for item in now if item.startswith("result")} == {i for i in before if i.startswith("result")}
        runs = {run.folder: run for run in workspace.runs()}
        there = [run for folder, run in runs.items() if not folder.endswith("_wheat")]
        gone = [run for run in workspace.runs(deleted=True) if run.status == "folder deleted"]
        if becomes == "gone":
            assert there == [] and len(gone) == 2  # and the one in the trash
        else:
            (run,) = there
            assert len(gone) == 1
            assert {
                "renamed": run.folder == "another name",
                "edited": run.run_name == "renamed by hand",
                "pipeline gone": len(workspace.pipelines(run.run_id)) == 2,
                "renamed too": workspace.pipelines(run.run_id)[0].pipeline_id == "0001_x",
                "damaged": bool(run.problem),
            }.get(becomes, True)
    found = check_workspace(root, deep=True)
    assert code in {"", *(one.code for one in found.findings)} and "unchecked" not in {o.code for o in found.findings}
    assert set(look_round(root)) == {0}


def test_a_root_that_goes_away_purges_nothing(root: Path) -> None:
    """The disk is unmounted under an open window, which goes on asking, and comes back."""
    away = root.with_name("unmounted")
    with Workspace.open(root) as workspace:
        before = answers(workspace)
        root.rename(away)
        for _ in range(2):
            workspace.sync()
            shown = {f"result {one}" for one in workspace.catalog.ids()}
            assert shown == {item for item in before if item[:6] == "result"}, "it is shown as last known"
        assert len([text for text in workspace.notices if "not there any more" in text]) == 1
        nothing = (workspace.check, workspace.usage, workspace.archives, workspace.trash.list, workspace.library.list)
        for ask in nothing:  # which would look like damage, or as if it were empty
            with pytest.raises(NotFound, match="not there any more"):
                ask()
        with suppress(StorageError):
            workspace.runs()
        with suppress(StorageError):
            workspace.create_run("new")
        if root.exists():  # whatever was made there must not stand in the way of the disk
            shutil.rmtree(root)
        away.rename(root)
        workspace.sync()
        assert not changed(before, answers(workspace))
    assert not changed(before, told(root))
    assert not [one for one in check_workspace(root, deep=True).findings if one.severity != "note"]
    assert command("runs", "list", "-w", away)[0] == 2


AWAY: dict[str, Callable[[Path, Path], object]] = {
    "gone": lambda root, other: None,
    "an empty mount point": lambda root, other: root.mkdir(),
    "another workspace": lambda root, other: shutil.copytree(other, root),
}
CHANGES: dict[str, Callable[[Workspace], object]] = {
    "annotate": lambda w: w.catalog.annotate(w.catalog.ids()[:1], stars=1),
    "delete results": lambda w: w.catalog.plan_delete("", w.catalog.ids()[:1]).apply(),
    "create a run": lambda w: w.create_run("new"),
    "rebuild": lambda w: w.rebuild_index(),
    "compact": lambda w: w.catalog.compact(),
    "report": lambda w: w.export_session_report(),
    "archive": lambda w: w.archive("filtered", run_id=w.runs()[0].run_id),
    "add a metric": lambda w: w.add_metric("kappa", lower_is_better=False),
}


@pytest.mark.parametrize("instead", AWAY)
def test_nothing_is_written_to_what_lies_where_the_workspace_was(root: Path, tmp_path: Path, instead: str) -> None:
    with Workspace.create(tmp_path / "other") as other:
        other.create_run("wheat").finalize()
    away = root.with_name("unmounted")
    with Workspace.open(root) as workspace:
        before = answers(workspace)
        root.rename(away)
        AWAY[instead](root, tmp_path / "other")
        there = content_of(root) if root.exists() else None
        for name, change in CHANGES.items():
            with pytest.raises(NotFound, match="not there any more"):
                change(workspace)
            workspace.sync()
            shown = {f"result {one}" for one in workspace.catalog.ids()}
            assert shown == {item for item in before if item[:6] == "result"}, name
            assert (content_of(root) if root.exists() else None) == there, name
        if root.exists():
            shutil.rmtree(root)
        away.rename(root)
        workspace.sync()
        assert not changed(before, answers(workspace))
    assert not changed(before, told(root))


def test_a_root_that_goes_away_with_its_index_is_an_error_and_not_empty(root: Path) -> None:
    with Workspace.open(root) as workspace:
        before = answers(workspace)
        workspace._index.unfilled = True  # as after an error of the disk, where SQLite has to begin anew
        root.rename(root.with_name("unmounted"))
        with pytest.raises(NotFound, match="not there any more"):
            workspace.catalog.ids()
        root.with_name("unmounted").rename(root)
        assert not changed(before, answers(workspace))


@pytest.mark.skipif(os.name == "nt", reason="a file has no time of its last change there")
def test_a_document_edited_in_place_is_read_again_though_its_times_were_set_back(root: Path) -> None:
    path = study(root) / "run_config.json"
    with Workspace.open(root) as workspace:
        while not workspace._index.runs.run_signatures()[study(root).name]:
            workspace.sync()  # documents this fresh are read again anyway
        known = path.stat()
        path.write_text(path.read_text().replace('"run_name": "study"', '"run_name": "STUDY"'))
        os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))
        assert path.stat().st_size == known.st_size
        workspace.sync()
        assert "STUDY" in [run.run_name for run in workspace.runs()]


def test_runs_that_are_unmounted_alone_purge_nothing(root: Path) -> None:
    """Or the folder of the parts, or of everything but the marker."""
    before = told(root)
    for name in ("runs", "catalog/predictions_data.parquet", "catalog/predictions_meta.parquet"):
        (root / name).rename(root.parent / "away")
        with Workspace.open(root, read_only=True) as workspace:
            workspace.sync(full=True)
            assert len(workspace.catalog.ids()) == len([item for item in before if item.startswith("result")])
        (root.parent / "away").rename(root / name)
    with Workspace.open(root) as workspace:
        assert not changed(before, answers(workspace))
    assert not [one for one in check_workspace(root, deep=True).findings if one.severity != "note"]


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


def test_without_hard_links_a_name_is_there_with_all_its_content_or_not_at_all(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT and some network shares; a kill is an exception that nobody catches."""
    no_links(monkeypatch)
    with Workspace.open(root) as workspace:
        run = workspace.runs()[0].run_id
        pipeline = workspace.pipelines(run)[0].pipeline_id
        with monkeypatch.context() as killed:
            killed.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                workspace.library.save_template((run, pipeline), "mine")
        assert not list((root / "library").rglob("mine*"))
        workspace.library.save_template((run, pipeline), "mine")
        with pytest.raises(StorageError):
            workspace.library.save_template((run, pipeline), "mine")
    assert check_workspace(root, deep=True).verdict == "clean"


def test_without_hard_links_one_of_many_gets_a_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_links(monkeypatch)
    with Workspace.open(root) as workspace, ThreadPoolExecutor(8) as pool:
        names = [workspace.root / "exports" / f"{number}.txt" for number in range(20)]
        tries = [(name, who) for name in names for who in range(8)]
        won = list(pool.map(lambda one: workspace._disk.write_new(one[0], str(one[1]).encode()), tries))
        winners = {name: str(who) for (name, who), did in zip(tries, won, strict=True) if did}
        assert sum(won) == len(names) and all(name.read_text() == winners[name] for name in names)


def test_a_lock_makes_no_folder_where_the_workspace_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.open(root) as workspace:
        staged = workspace._disk._make_staging

        def and_then_it_goes() -> None:
            staged()
            if root.exists():
                root.rename(root.with_name("unmounted"))

        monkeypatch.setattr(workspace._disk, "_make_staging", and_then_it_goes)
        with pytest.raises(NotFound):
            workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
        assert not root.exists()
        root.with_name("unmounted").rename(root)


def test_what_a_lock_made_where_the_workspace_was_is_taken_away_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, away = os.mkdir, root.with_name("unmounted")

    def it_goes_before(path: str | Path, *more: int) -> None:
        if Path(path) == root / ".staging" and not away.exists():
            root.rename(away)
        make(path, *more)

    with Workspace.open(root) as workspace:
        monkeypatch.setattr(os, "mkdir", it_goes_before)  # of FileLock, after the folder was looked at
        with pytest.raises(NotFound):
            workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
        assert not root.exists()
        monkeypatch.undo()
        away.rename(root)
        assert workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)


@pytest.mark.parametrize("step", range(0, 24, 3))
def test_a_workspace_that_goes_and_comes_back_while_it_is_checked_is_not_damaged(root: Path, step: int) -> None:
    """What is missing in between tells nothing of it: the check ends as soon as it sees that the workspace is away."""
    away, done = root.with_name("unmounted"), iter(range(1_000))

    def goes_and_comes(*_: object) -> None:
        count = next(done)
        if count == step:
            root.rename(away)
        elif away.exists():
            away.rename(root)

    with Workspace.open(root) as workspace, pytest.raises(NotFound, match="not there any more"):
        workspace.check(goes_and_comes, deep=True)


def test_a_note_that_names_a_folder_outside_takes_nothing_in(root: Path) -> None:
    with Workspace.open(root) as workspace:
        before = workspace.archives()
    name = json.loads((first(root) / "pipeline.json").read_text())["prediction_id"]
    shutil.copytree(study(root), root.parent / "outside")
    chosen = {"prediction_id": name, "folder": "../../outside", "pipeline_id": first(root).name}
    note = {"schema_version": 1, "kind": "archive", "title": "T", "writer": "x-1-00000000",
            "begun_at": "2026-11-29T08:00:00.000Z", "payload": {"kind": "pipeline", "chosen": [chosen]}}  # fmt: skip
    (root / ".staging").mkdir(exist_ok=True)
    (root / ".staging/plan-01a22660-f905-75f1-b64a-0f0b4ff12cd8.json").write_text(json.dumps(note))
    with Workspace.open(root) as workspace:
        assert workspace.archives() == before
        assert any("does not say all of it" in text for text in workspace.notices)


@pytest.mark.parametrize("kind", ["restore", "thin", "archive"])
def test_a_note_of_names_that_no_file_can_have_stops_nobody(root: Path, kind: str) -> None:
    long = "x" * 300
    payload = {"trash_ids": [long], "archive": True, "trash_id": "", "kind": "pipeline",
               "chosen": [{"prediction_id": "p", "folder": long, "pipeline_id": long}]}  # fmt: skip
    note = {"schema_version": 1, "kind": kind, "title": "T", "writer": "x-1-00000000",
            "begun_at": "2026-11-29T08:00:00.000Z", "payload": payload}  # fmt: skip
    (root / ".staging").mkdir(exist_ok=True)
    (root / ".staging/plan-01a22660-f905-75f1-b64a-0f0b4ff12cd8.json").write_text(json.dumps(note))
    code, out = command("runs", "list", "-w", root)
    assert code == 0 and "Traceback" not in out
    assert "Traceback" not in command("check", "--repair", "--yes", "-w", root)[1]


def test_a_path_that_no_file_can_have_is_refused_in_a_sentence(root: Path) -> None:
    for asked in (("library", "import", "x" * 300), ("migrate", "x" * 300, "--yes"), ("check", "-w", "x" * 300)):
        code, out = command(*asked, *(() if asked[0] == "check" else ("-w", root)))
        assert code != 0 and "Traceback" not in out and "bug" not in out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems make no such names")
def test_a_workspace_below_a_name_that_is_no_text_is_refused_and_not_made(root: Path, tmp_path: Path) -> None:
    below = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    for words in (("init", f"{below}/new"), ("runs", "list", "-w", below), ("check", "-w", below)):
        if words[0] == "runs":
            shutil.copytree(root, below)
        code, out = command(*words)
        assert code == 2 and "\\udcff" in out and "is no text" in out and not os.path.exists(f"{below}/new")
