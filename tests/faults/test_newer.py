"""What a newer Runshelf wrote: it is read as far as can be, nothing of it is written over, what is unknown survives."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest

from storage import ReadOnly, StorageError, TooNew, Workspace, check_workspace
from tests.faults.changes import CHANGES, Change
from tests.faults.specimen import KINDS, answers, changed, command, look_round, told
from tests.faults.states import copy
from tests.storage.samples import content_of

# By kind: what says the version.
VERSIONS = {
    "run_config.json": "schema_version", "run_summary.json": "schema_version", "pipeline.json": "schema_version",
    "library metadata": "schema_version", "archive.json": "schema_version", "trash.json": "schema_version",
}  # fmt: skip


def rewrite(path: Path, **fields: object) -> bytes:
    """Change a document as another program would; its bytes then."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return path.read_bytes()


def do_everything(workspace: Workspace) -> None:
    """Whatever changes documents; what is refused is refused."""
    library, trash = workspace.library, workspace.trash
    changes = [
        lambda: library.describe("filtered", "numbers", description="another"),
        lambda: library.rename("filtered", "numbers", "figures"),
        lambda: library.plan_delete("filtered", "figures").apply(),
        lambda: workspace.plan_thin(1, "test_rmse").apply(),
        lambda: [trash.plan_restore([entry.trash_id]).apply() for entry in trash.list()],
        lambda: workspace.plan_repair(workspace.check(deep=True).findings).apply(),
        lambda: [workspace.plan_delete_run(run.run_id).apply() for run in workspace.runs()],
    ]
    for change in changes:
        with suppress(StorageError):
            change()


def test_newer_documents_are_shown_and_stay_byte_by_byte(root: Path) -> None:
    before = told(root)
    newer = {rewrite(KINDS[kind].file(root), **{field: 99}, later={"a": [1]}) for kind, field in VERSIONS.items()}
    assert set(look_round(root)) == {0}
    assert {item for item in before if item[:6] == "result"} <= set(told(root))
    assert not [one for one in check_workspace(root).findings if one.code == "unchecked"]
    with Workspace.open(root) as workspace:
        do_everything(workspace)
    kept = {hashlib.sha256(content).hexdigest() for content in newer}
    assert kept <= set(content_of(root).values()), "one was written over"


def test_unknown_fields_survive_what_this_version_writes(root: Path) -> None:
    kinds = ("run_config.json", "run_summary.json", "pipeline.json", "library metadata", "trash.json", "manifest")
    for kind in kinds:
        rewrite(KINDS[kind].file(root), from_the_future={"kind": kind})
    rewrite(root / "runshelf.json", from_the_future={"kind": "marker"})
    with Workspace.open(root) as workspace:
        do_everything(workspace)
        workspace.add_metric("kappa", lower_is_better=False)
        workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
        run = workspace.create_run("corn", "after")
        run.add_pipeline({"model": "mean"}).complete()
        run.finalize()
        workspace.catalog.compact()
    found = {json.loads(path.read_text()).get("from_the_future", {}).get("kind") for path in documents(root)}
    assert {*kinds, "marker"} - {"trash.json"} <= found  # a trash entry that was restored is no more


def documents(root: Path) -> list[Path]:
    """The documents of a workspace that are objects."""
    found = [path for path in root.rglob("*.json") if isinstance(json.loads(path.read_text()), dict)]
    return [path for path in found if isinstance(json.loads(path.read_text()).get("from_the_future", {}), dict)]


def test_a_newer_workspace_is_read_as_far_as_can_be_and_not_written(root: Path) -> None:
    before = told(root)
    rewrite(root / "runshelf.json", format_version=2)
    content = content_of(root)
    with Workspace.open(root) as workspace:
        assert workspace.read_only and "newer Runshelf" in workspace.notices[0]
        assert not changed(before, answers(workspace))
        with pytest.raises(ReadOnly) as refused:
            workspace.create_run("corn")
        assert refused.value.advice == "Update Runshelf to change it."
        do_everything(workspace)
    code, said = command("runs", "list", "-w", root)
    assert code == 0 and "newer Runshelf" in said
    assert command("tag", "corn", "-w", root)[0] != 0
    check_workspace(root, deep=True)
    assert command("check", "--repair", "-w", root)[0] in (0, 1, 2)
    assert content_of(root) == content


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_workspace_that_becomes_newer_meanwhile_is_written_to_no_more(
    base: Path, tmp_path: Path, change: Change
) -> None:
    root = copy(base, tmp_path / "copy")
    with Workspace.open(root) as workspace:
        steps = change(workspace)
        next(steps)
        understood = {} if len(change.__name__) % 2 else {"metrics": {"rmse": "lower"}}
        rewrite(root / "runshelf.json", format_version=2, **understood)
        content = content_of(root)
        with suppress(ReadOnly):
            next(steps, None)
        taken_away = {name for name in content_of(root) if name.startswith("exports/")}  # to where somebody said
        assert {
            name: found for name, found in content_of(root).items() if name not in taken_away - set(content)
        } == content


def test_a_newer_workspace_that_is_not_understood_is_refused_and_stays(root: Path) -> None:
    rewrite(root / "runshelf.json", format_version=2, metrics={"rmse": "lower"})
    content = content_of(root)
    with pytest.raises(TooNew):
        Workspace.open(root)
    for words in (("runs", "list"), ("check", "--repair", "--yes")):
        code, said = command(*words, "-w", root)
        assert code in (1, 2) and "newer Runshelf" in said
    assert content_of(root) == content


def test_a_newer_catalog_is_shown_as_known_and_not_written(root: Path) -> None:
    manifest = root / "catalog/manifest.json"
    before, newer = told(root), rewrite(manifest, format=2)
    parts = {name: digest for name, digest in content_of(root / "catalog").items() if name.endswith(".parquet")}
    with Workspace.open(root) as workspace:
        assert any("newer Runshelf" in notice for notice in workspace.notices)
        ids = workspace.catalog.ids()
        assert {item for item in before if item[:6] == "result"} == {f"result {one}" for one in ids}
        with pytest.raises(StorageError) as refused:
            workspace.catalog.annotate(ids[:1], stars=1)
        assert refused.value.advice.startswith("Update Runshelf")
        with suppress(StorageError):
            run = workspace.create_run("corn", "later")
            run.add_pipeline({"model": "mean"}).complete()
        with suppress(StorageError):
            workspace.catalog.compact()
        assert len(workspace.runs()) >= 2
    assert manifest.read_bytes() == newer
    assert {n: d for n, d in content_of(root / "catalog").items() if n.endswith(".parquet")} == parts
    assert "manifest-newer" in {one.code for one in check_workspace(root).findings}


def test_a_newer_index_is_left_or_made_anew_with_the_same_answers(root: Path) -> None:
    import sqlite3
    from contextlib import closing

    before = told(root)
    with closing(sqlite3.connect(root / "catalog/index.sqlite")) as index, index:
        index.execute("UPDATE facts SET value = '999' WHERE key = 'version'")
    with Workspace.open(root) as workspace:
        assert not changed(before, answers(workspace))
