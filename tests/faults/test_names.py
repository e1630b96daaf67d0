"""Any text through every door that takes a name: refused before anything is written, or made safe and found again."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from storage import Exists, StorageError, Workspace
from storage.runs import Run
from tests.faults.specimen import settings_in
from tests.storage.test_layout import HOSTILE

ODD = [
    *HOSTILE, "../../outside", "/etc/outside", "..", ".", "", "a\0b", "C:\\outside", "\\\\server\\share", "\ud800",
    "x" * 255, "é" * 200, "CON", "com¹.txt", "trailing.", "trailing ", "caf\u00e9", "cafe\u0301", "CORN", "corn", "~",
    "$HOME", "%TEMP%", "a/b", "-rf", "\u202egpj.exe", "new\nline", "lock-catalog", "_binaries", "run_config.json",
]  # fmt: skip
NAMES = st.text(max_size=60) | st.text("./\\:\0aA~ _-é", max_size=12) | st.sampled_from(ODD)


@pytest.fixture(scope="module")
def workspace(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = shutil.copytree(made, tmp_path_factory.mktemp("names") / "copy")
    with settings_in(place), Workspace.open(place / "workspace") as opened:
        yield opened


def same(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def dataset(workspace: Workspace, name: str) -> Path:
    run = workspace.create_run(name)
    assert run.config.dataset_name == same(name) and workspace.run(run.run_id).folder == run.folder
    return run.folder


def run_name(workspace: Workspace, name: str) -> Path:
    run = workspace.create_run("corn", name)
    assert run.config.run_name == same(name)
    return run.folder


def pipeline(workspace: Workspace, name: str) -> Path:
    run = workspace.create_run("doors")
    made = run.add_pipeline({"model": "mean"}, name=name)
    assert made.folder.parent == run.folder and run.pipeline(made.folder.name).record.name in (name, same(name))
    return made.folder


def artifact(workspace: Workspace, name: str) -> Path:
    made = _shared(workspace).add_pipeline({"model": "mean"})
    made.save_artifact(name, np.zeros(3))
    (stored,) = made.record.artifacts
    return (made.folder / stored.path).resolve()


def chart(workspace: Workspace, name: str) -> Path:
    made = _shared(workspace).add_pipeline({"model": "mean"})
    made.save_chart(name, Figure((1, 1)))
    (stored,) = made.folder.glob("*.png")
    return stored


def template(workspace: Workspace, name: str) -> Path:
    config = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
    return _kept(workspace, workspace.library.save_template(config, name), name)


def kept(workspace: Workspace, name: str) -> Path:
    run_id, pipeline_id = _first(workspace)
    return _kept(workspace, workspace.library.save("filtered", name, run_id, pipeline_id), name)


def renamed(workspace: Workspace, name: str) -> Path:
    before = workspace.library.list("filtered")[0].name
    return _kept(workspace, workspace.library.rename("filtered", before, name), name)


def export(workspace: Workspace, name: str) -> Path:
    return workspace.export_pipeline(*_first(workspace), name=name)


def _kept(workspace: Workspace, item: Any, name: str) -> Path:
    assert item.name == same(name) and workspace.library.get(item.kind, item.name).path == item.path
    return Path(item.path)


def _first(workspace: Workspace) -> tuple[str, str]:
    run = next(run for run in workspace.runs() if run.run_name == "study")
    return run.run_id, workspace.pipelines(run.run_id)[0].pipeline_id


def _shared(workspace: Workspace) -> Run:
    return workspace.create_run("shared")


DOORS: list[Callable[[Workspace, str], Path]] = [
    dataset, run_name, pipeline, artifact, chart, template, kept, renamed, export,
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_name_is_refused_or_becomes_one_safe_place(workspace: Workspace, door: Callable[..., Path]) -> None:
    beside = sorted(path.name for path in workspace.root.parent.iterdir())

    @settings(max_examples=15)
    @given(NAMES)
    def through(name: str) -> None:
        before = sorted(path.name for path in workspace.root.iterdir())
        with suppress(StorageError):
            made = door(workspace, name)
            assert made.exists() and not made.is_symlink() and workspace.root in made.resolve().parents
            assert len(made.name.encode()) <= 255 and made.name == made.name.rstrip(". ")
            assert not any(unicodedata.category(c) in ("Cc", "Cs") or c in '<>:"/\\|?*' for c in made.name)
        assert sorted(path.name for path in workspace.root.iterdir()) == before

    for name in ODD:
        through = example(name)(through)
    through()
    assert sorted(path.name for path in workspace.root.parent.iterdir()) == beside


@given(NAMES)
@settings(max_examples=20)
def test_asking_for_a_name_that_is_none_is_a_sentence(workspace: Workspace, name: str) -> None:
    run_id, _ = _first(workspace)
    asks: list[Callable[[], object]] = [
        lambda: workspace.run(name),
        lambda: workspace.pipelines(name),
        lambda: workspace.details(run_id, name),
        lambda: workspace.load(name, name),
        lambda: workspace.export_pipeline(run_id, name),
        lambda: workspace.plan_delete_pipeline(run_id, name),
        lambda: workspace.library.get("pipeline", name),
        lambda: workspace.library.load("fullrun", "study", name),
        lambda: workspace.plan_delete_archive("pipeline", name),
        lambda: workspace.trash.plan_restore([name]),
        lambda: workspace.catalog.arrays(name),
        lambda: workspace.untrust([name]),
        lambda: workspace.add_metric(name),
    ]
    for ask in asks:
        with suppress(StorageError):
            ask()


def test_twins_in_case_or_form_are_one_name(workspace: Workspace) -> None:
    """Where a disk tells them apart and where it doesn't: the second one never gets a folder of its own beside."""
    assert dataset(workspace, "caf\u00e9") == dataset(workspace, "cafe\u0301")
    template(workspace, "Twin")
    for twin in ("twin", "TWIN"):
        with pytest.raises(Exists):
            template(workspace, twin)
