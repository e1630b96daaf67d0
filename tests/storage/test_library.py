"""The library: always a copy, whole or not there, never written over; what is damaged is named and the rest works."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import (
    LIBRARY_KINDS,
    BadInput,
    Cancelled,
    Conflict,
    Corrupt,
    Exists,
    Locked,
    NameRefused,
    NotFound,
    TooNew,
    Workspace,
    checked_name,
    load_configs,
)
from tests.storage.samples import content_of, fill, fill_with_models

GRID = {
    "name": "ridge",
    "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, {"class": "sklearn.linear_model.Ridge"}],
    "grid": {"Ridge__alpha": [0.1, 1.0, 10.0]},
}


def save_all(workspace: Workspace) -> tuple[str, str]:
    """One item of each kind, named by its kind; returns run and pipeline."""
    run_id = fill_with_models(workspace, name="study")
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    library = workspace.library
    library.save_template((run_id, pipeline_id), "template", "First try", ["Old", "α"])
    library.save_filtered(run_id, pipeline_id, "filtered")
    library.save_pipeline(run_id, pipeline_id, "pipeline")
    library.save_fullrun(run_id, "fullrun")
    return run_id, pipeline_id


def test_what_was_kept_stays_when_its_source_is_gone(workspace: Workspace) -> None:
    run_id, pipeline_id = save_all(workspace)
    run = workspace.root / "runs" / run_id
    source = content_of(run)
    items = {item.kind: item for item in workspace.library.list()}
    assert tuple(items) == LIBRARY_KINDS and not any(item.problem for item in items.values())
    for kind, item in items.items():
        assert (item.name, item.run_id, item.dataset_name, item.model_type) == (kind, run_id, "corn", "Ridge")
        assert (item.metric_name, item.metric_value, item.metrics) == ("test_rmse", 1.0, {"test_rmse": 1.0})
        assert item.pipeline_id == (pipeline_id if kind != "fullrun" else "") and item.run_name == "study"
        assert item.created_at and item.created_by and item.bytes > 0
    shutil.rmtree(run)  # copies, not links
    assert not any(p.is_symlink() or p.stat().st_nlink > 1 for p in items["fullrun"].path.rglob("*") if p.is_file())
    for kind in LIBRARY_KINDS:
        assert workspace.library.verify(kind, kind) == []
        configs = load_configs([workspace.library.config_path(kind, kind)])
        assert [c.name for c in configs] == ["ridge 0", "ridge 1"][: 2 if kind == "fullrun" else 1]
        built = [config.build(0).steps[-1][1].alpha for config in configs]
        assert built == [1.0, 10.0][: len(built)]
    kept = {
        k: v for k, v in content_of(items["fullrun"].path).items() if k not in ("library_metadata.json", "config.json")
    }
    assert kept == source
    assert isinstance(workspace.library.config("fullrun", "fullrun"), list)
    assert workspace.library.config("template", "template") == workspace.library.config("pipeline", "pipeline")


def test_a_kept_pipeline_has_all_it_needs_and_nothing_was_unpickled(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    with monkeypatch.context() as patch:
        patch.setattr("pickle.loads", lambda *a: pytest.fail("unpickled"))
        patch.setattr("pickle.load", lambda *a: pytest.fail("unpickled"))
        item = workspace.library.save_pipeline(run_id, pipeline_id, "kept")
    folder = workspace.root / "runs" / run_id / pipeline_id
    for name in ("metrics.json", "predictions.csv"):
        assert (item.path / name).read_bytes() == (folder / name).read_bytes()
    before = json.loads((folder / "pipeline.json").read_text())
    after = json.loads((item.path / "pipeline.json").read_text())
    assert len(after["artifacts"]) == 2
    for old, new in zip(before.pop("artifacts"), after.pop("artifacts"), strict=True):
        data = (item.path / new["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == old["sha256"] == new["sha256"]
        assert data == (folder / old["path"]).read_bytes() and new["path"].startswith("artifacts/")
    assert before.pop("checksum") != after.pop("checksum") and before == after
    listing = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(item.path).as_posix()}\n"
        for p in sorted(item.path.rglob("*"), key=lambda p: p.relative_to(item.path).as_posix())
        if p.is_file() and p.name != "library_metadata.json"
    )
    assert item.digest == hashlib.sha256(listing.encode()).hexdigest()


def test_nothing_is_written_over(workspace: Workspace) -> None:
    run_id, pipeline_id = save_all(workspace)
    before = content_of(workspace.root / "library")
    library = workspace.library
    for kind, again in {
        "template": lambda name: library.save_template(GRID, name),
        "filtered": lambda name: library.save_filtered(run_id, pipeline_id, name),
        "pipeline": lambda name: library.save_pipeline(run_id, pipeline_id, name),
        "fullrun": lambda name: library.save_fullrun(run_id, name),
    }.items():
        for name in (kind, kind.upper()):  # one name on Windows and macOS
            with pytest.raises(Exists) as refused:
                again(name)
            assert f"'{library.free_name(kind, name)}'" in refused.value.advice
        for name in ("../up", "", "con", ".hidden", "a/b", "x" * 200):
            with pytest.raises(NameRefused):
                again(name)
        with pytest.raises(Exists):
            again("other") and library.rename(kind, "other", kind)
        library.plan_delete(kind, "other").apply()
    assert content_of(workspace.root / "library") == before


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=120), kind=st.sampled_from(LIBRARY_KINDS))
def test_a_free_name_is_safe_and_free_whatever_it_is_made_from(
    shared_workspace: Workspace, text: str, kind: str
) -> None:
    library = shared_workspace.library
    name = library.free_name(kind, text)
    assert checked_name(name, "library") == name
    assert name.casefold() not in {item.name.casefold() for item in library.list(kind)}
    assert library.free_name(kind, "taken") == ("taken 2" if kind == "template" else "taken")


@pytest.fixture(scope="module")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with Workspace.create(tmp_path_factory.mktemp("library") / "workspace") as made:
        made.library.save_template(GRID, "taken")
        yield made


def test_items_are_described_renamed_found_and_deleted(workspace: Workspace) -> None:
    save_all(workspace)
    library = workspace.library
    for kind in LIBRARY_KINDS:
        item = library.describe(kind, kind, description="Straße nach Süden", tags=["Final", " 2026 ", "Final"])
        assert (item.description, item.tags) == ("Straße nach Süden", ("Final", "2026"))
        assert library.describe(kind, kind).tags == ("Final", "2026")  # what is not given stays
        renamed = library.rename(kind, kind, kind.upper())  # a change of case alone
        renamed = library.rename(kind, renamed.name, f"best {kind}")
        assert renamed == dataclasses.replace(item, name=f"best {kind}", path=renamed.path, bytes=renamed.bytes)
        assert library.verify(kind, renamed.name) == []
        with pytest.raises(NotFound):
            library.get(kind, kind)
    assert len(library.list(text="STRASSE final")) == len(library.list(text="ridge corn")) == 4
    assert [i.kind for i in library.list(text="best pipeline")] == ["pipeline"] and library.list(text="north") == []
    with pytest.raises(BadInput):
        library.describe("template", "best template", tags=["a,b"])
    plan = library.plan_delete("pipeline", "best pipeline")
    library.describe("pipeline", "best pipeline", description="changed meanwhile")
    with pytest.raises(Conflict):
        plan.apply()
    before = content_of(workspace.root / "library")
    for kind in LIBRARY_KINDS:
        plan = library.plan_delete(kind, f"best {kind}")
        assert plan.bytes > 0
        plan.apply()
        assert library.list(kind) == []
        workspace.trash.restore(plan.trashed[0])
    assert content_of(workspace.root / "library") == before


def test_templates_are_plain_configurations_that_run(workspace: Workspace) -> None:
    library = workspace.library
    item = library.save_template(GRID, "grid", tags=["x"])
    assert library.config("template", "grid") == GRID and len(load_configs([item.path])) == 3
    from sklearn.linear_model import Ridge

    library.save_template({"name": "object", "steps": [Ridge(alpha=3.0)]}, "object")
    assert load_configs([library.config_path("template", "object")])[0].build(0).steps[0][1].alpha == 3.0
    # one that somebody put there
    (workspace.root / "library" / "templates" / "by hand.json").write_text(json.dumps({**GRID, "description": "Mine"}))
    found = library.get("template", "by hand")
    assert (found.description, found.problem, found.created_at) == ("Mine", None, None)
    assert library.describe("template", "by hand", tags=["tagged"]).tags == ("tagged",)
    assert library.config("template", "by hand")["grid"] == GRID["grid"]
    fill(workspace, 1)
    run_id = workspace.runs()[0].run_id
    for wrong in ({}, {"name": "x"}, {"steps": []}, {"steps": [{"class": 3}]}, {**GRID, "gird": {}}):
        with pytest.raises(BadInput):
            library.save_template(wrong, "wrong")
    with pytest.raises(BadInput):  # recorded, but nothing that can be run
        library.save_template((run_id, workspace.pipelines(run_id)[0].pipeline_id), "wrong")
    assert [item.name for item in library.list()] == ["by hand", "grid", "object"]


def test_damaged_items_are_listed_with_the_reason_and_the_rest_works(workspace: Workspace, tmp_path: Path) -> None:
    run_id, pipeline_id = save_all(workspace)
    library, home = workspace.library, workspace.root / "library"
    for name in ("garbage", "empty", "other", "no-pipeline"):
        library.save_pipeline(run_id, pipeline_id, name)
    trained = home / "trained" / "pipeline"
    (trained / "garbage" / "library_metadata.json").write_bytes(b"\xff{")
    shutil.rmtree(trained / "empty")
    (trained / "empty").mkdir()
    document = json.loads((trained / "other" / "library_metadata.json").read_text())
    (trained / "other" / "library_metadata.json").write_text(json.dumps({**document, "kind": "fullrun"}))
    (trained / "no-pipeline" / "pipeline.json").unlink()
    (trained / "link").symlink_to(tmp_path)
    templates = home / "templates"
    for name, text in {"broken": "{", "list": "[]", "text": '"x"', "deep": "[" * 100_000, "no": '{"steps": 3}'}.items():
        (templates / f"{name}.json").write_text(text)
    problems = {item.name: item.problem for item in library.list() if item.problem}
    assert set(problems) == {"garbage", "empty", "other", "no-pipeline", "link", "broken", "list", "text", "deep", "no"}
    assert "damaged" in problems["garbage"] and "not there" in problems["empty"] and "fullrun" in problems["other"]
    assert library.verify("pipeline", "garbage") == [problems["garbage"]]
    assert {item.name for item in library.list() if not item.problem} == set(LIBRARY_KINDS)
    for name in ("garbage", "empty", "link"):
        with pytest.raises(Corrupt):
            library.describe("pipeline", name, tags=["x"])
        with pytest.raises(Corrupt):
            library.export_zip("pipeline", name, tmp_path / "x.zip")
        library.plan_delete("pipeline", name).apply()
    assert list(tmp_path.glob("*.zip")) == [] and len(library.list("pipeline")) == 3
    artifact = next((library.get("pipeline", "pipeline").path / "artifacts").iterdir())
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"!")
    assert library.verify("pipeline", "pipeline") == ["Its files are not what was saved."]
    with pytest.raises(Corrupt):
        library.export_zip("pipeline", "pipeline", tmp_path / "x.zip")
    for kind, name in (("pipeline", "nothing"), ("pipeline", "../filtered/filtered"), ("sort", "x"), ("template", "")):
        with pytest.raises(NotFound):
            library.get(kind, name)
    config = library.config_path("filtered", "filtered")
    for text in ("5", '"x"', "null", "{"):
        config.write_text(text)
        with pytest.raises(Corrupt):
            library.config("filtered", "filtered")


def test_a_name_in_another_form_is_the_same_name(workspace: Workspace) -> None:
    ridge = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
    (workspace.root / "library" / "templates" / "re\u0301.json").write_text(json.dumps(ridge))
    with pytest.raises(Exists):
        workspace.library.save_template(ridge, "r\u00e9")
    assert workspace.library.free_name("template", "r\u00e9") == "r\u00e9 2"


def test_a_template_with_several_configurations_is_renamed_like_any(workspace: Workspace) -> None:
    ridge = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
    (workspace.root / "library" / "templates" / "two.json").write_text(json.dumps([ridge, ridge]))
    assert workspace.library.rename("template", "two", "both").problem is None
    assert workspace.library.config("template", "both") == [ridge, ridge]


def test_what_a_newer_version_noted_is_kept_and_never_written_over(workspace: Workspace) -> None:
    save_all(workspace)
    path = workspace.root / "library" / "trained" / "filtered" / "filtered" / "library_metadata.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "signed_by": "me"}))
    workspace.library.describe("filtered", "filtered", description="changed")
    assert json.loads(path.read_text())["signed_by"] == "me"
    path.write_text(json.dumps({**document, "schema_version": 99}))
    assert workspace.library.get("filtered", "filtered").problem is None
    with pytest.raises(TooNew):
        workspace.library.describe("filtered", "filtered", description="mine")
    assert workspace.library.rename("filtered", "filtered", "other").name == "other"


def test_a_damaged_or_busy_source_is_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace)
    library, run = workspace.library, workspace.root / "runs" / run_id
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    artifact = next(p for p in (run / "_binaries").iterdir() if p.name.startswith("StandardScaler"))
    whole = artifact.read_bytes()
    (tmp_path / "secret").write_bytes(whole)

    def refused(error: type[Exception]) -> None:
        for save in (
            lambda: library.save_pipeline(run_id, pipeline_id, "x"),
            lambda: library.save_fullrun(run_id, "x"),
        ):
            with pytest.raises(error):
                save()

    artifact.write_bytes(whole[:-1] + b"!")
    refused(Corrupt)
    artifact.unlink()
    refused(Corrupt)
    os.mkfifo(artifact)
    refused((Corrupt, BadInput))  # type: ignore[arg-type]
    artifact.unlink()
    artifact.symlink_to(tmp_path / "secret")
    refused((Corrupt, BadInput))  # type: ignore[arg-type]
    artifact.unlink()
    artifact.write_bytes(whole)
    document = json.loads((run / pipeline_id / "pipeline.json").read_text())
    document["artifacts"][0]["path"] = "../../../../secret"
    (run / pipeline_id / "pipeline.json").write_text(json.dumps(document))
    refused(Corrupt)
    document["artifacts"][0]["path"] = f"../_binaries/{artifact.name}"
    (run / pipeline_id / "pipeline.json").write_text(json.dumps({**document, "id": "../../elsewhere"}))
    library.save_fullrun(run_id, "named strangely")  # the check tells of it
    library.plan_delete("fullrun", "named strangely").apply()
    config = (run / "run_config.json").read_bytes()
    for damaged in (b"{", b""):
        (run / "run_config.json").write_bytes(damaged)
        with pytest.raises(Corrupt):
            library.save_fullrun(run_id, "x")
    (run / "run_config.json").write_bytes(config)
    for missing in ((run_id, "0099_x"), (run_id, "../x"), ("nothing", pipeline_id)):
        with pytest.raises(NotFound):
            library.save_filtered(*missing, "x")
    busy = workspace.create_run("corn").add_pipeline({"k": 1})
    with pytest.raises(Conflict):
        library.save_pipeline(run_id, busy.pipeline_id, "x")
    with pytest.raises(Locked):
        library.save_fullrun(run_id, "x")
    assert library.list() == [] and not any(p.name != "writers.lock" for p in _unfinished(workspace))


def test_who_cancels_leaves_nothing_behind(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int, text: str) -> None:
        told.append((done, total))
        raise Cancelled

    for save in (
        lambda: workspace.library.save_fullrun(run_id, "x", report=stop),
        lambda: workspace.library.save_pipeline(run_id, workspace.pipelines(run_id)[0].pipeline_id, "x", report=stop),
    ):
        with pytest.raises(Cancelled):
            save()
    assert len(told) == 2 and all(0 < done <= total for done, total in told)
    assert workspace.library.list() == [] and _unfinished(workspace) == []


def test_files_called_as_ours_are_kept_under_another_name(workspace: Workspace) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    for name in ("config.json", "library_metadata.json", "README.md"):
        (workspace.root / "runs" / run_id / pipeline_id / name).write_text("mine")
    item = workspace.library.save_pipeline(run_id, pipeline_id, "x")
    assert item.problem is None and {p.read_text() for p in item.path.glob("*~source")} == {"mine"}
    assert len(list(item.path.glob("*~source"))) == 3


def _unfinished(workspace: Workspace) -> list[Path]:
    """What lies in staging beside locks and the folder of this writer."""
    staging = workspace.root / ".staging"
    return [p for p in staging.rglob("*") if "lock" not in p.name and p.parent != staging]
