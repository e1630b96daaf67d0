"""Loss of power: what the order of writing, syncing and naming leaves to luck is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import Workspace
from tests.faults.changes import CHANGES, REPAIRS, Change, sync
from tests.faults.durability import undone_by_power_loss
from tests.faults.states import Recording, record_steps
from tests.faults.watching import Call

Recorded = Callable[[Change], Recording]
ROOT = Path("/w")
STAGED = ROOT / ".staging" / "host-1" / "a"
RUN = ROOT / "runs" / "run"
CATALOG = ROOT / "catalog"
PART = CATALOG / "predictions_meta.parquet" / "part-1.parquet"
MANIFEST = CATALOG / "manifest.json"


def written(target: Path, staged: Path = STAGED) -> list[Call]:
    """A file as it is to be written."""
    return [Call("write", staged), Call("sync", staged), Call("rename", staged, target), Call("sync", target.parent)]


ORDERS: dict[str, tuple[list[Call], str]] = {
    "in order": (written(RUN / "a.json"), ""),
    "parts, then the manifest": ([*written(PART), *written(MANIFEST)], ""),
    "named before it is synced": (
        [
            Call("write", STAGED),
            Call("rename", STAGED, RUN / "a.json"),
            Call("sync", RUN / "a.json"),
            Call("sync", RUN),
        ],
        "a.json took its name before a was synced",
    ),
    "written once more after it was synced": (
        [Call("write", STAGED), Call("sync", STAGED), Call("write", STAGED), *written(RUN / "a.json")[2:]],
        "a.json took its name before a was synced",
    ),
    "linked before it is synced": (
        [Call("write", STAGED), Call("link", STAGED, RUN / "a.json"), Call("sync", RUN), Call("remove", STAGED)],
        "a.json took its name before a was synced",
    ),
    "its folder is not synced": (
        written(RUN / "a.json")[:-1],
        "the folder run was not synced after a.json came or went",
    ),
    "its folder is synced before": (
        [*written(RUN / "a.json")[:2], Call("sync", RUN), Call("rename", STAGED, RUN / "a.json")],
        "the folder run was not synced after a.json came or went",
    ),
    "the folder it left is not synced": (
        [Call("rename", RUN / "0001", ROOT / ".trash" / "x" / "content"), Call("sync", ROOT / ".trash" / "x")],
        "the folder run was not synced after 0001 came or went",
    ),
    "the manifest before the folder of its parts": (
        [*written(PART)[:-1], *written(MANIFEST), Call("sync", PART.parent)],
        "the manifest took its name before the folder predictions_meta.parquet was synced",
    ),
    "a folder with a file that is not synced": (
        [
            Call("write", STAGED / "b"),
            Call("sync", STAGED),
            Call("rename", STAGED, RUN, folders=(STAGED,), files=(STAGED / "b",)),
            Call("sync", RUN.parent),
        ],
        "run took its name before b was synced",
    ),
    "a folder that is not synced itself": (
        [
            Call("write", STAGED / "b"),
            Call("sync", STAGED / "b"),
            Call("rename", STAGED, RUN, folders=(STAGED,), files=(STAGED / "b",)),
            Call("sync", RUN.parent),
        ],
        "run took its name before the folder a was synced",
    ),
    "a new folder that may be lost with all in it": (
        [Call("mkdir", RUN), *written(RUN / "a.json"), Call("sync", RUN.parent)],
        "a.json took its name in run, whose own was not synced",
    ),
    "a new folder that is not synced at all": (
        [Call("mkdir", RUN)],
        "the folder runs was not synced after run came or went",
    ),
    "a note of the journal that may be lost": (
        written(ROOT / ".staging" / "plan-1.json")[:-1],
        "the folder .staging was not synced after plan-1.json came or went",
    ),
    "written in its place": (
        [Call("write", RUN / "a.json"), Call("sync", RUN / "a.json"), Call("sync", RUN)],
        "a.json is written under its own name",
    ),
}


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_left_to_luck_is_told_and_nothing_else(name: str) -> None:
    calls, told = ORDERS[name]
    assert undone_by_power_loss(calls) == ([told] if told else [])


@pytest.mark.parametrize("change", [*CHANGES, *REPAIRS], ids=lambda change: change.__name__)
def test_every_change_is_durable_when_it_returns(recorded: Recorded, change: Change) -> None:
    calls = recorded(change).calls
    placed = [call for call in calls if call.what in ("rename", "link", "remove")]
    assert placed or change is sync  # else there was nothing to do, and nothing is proved
    assert undone_by_power_loss(calls) == []


def test_a_new_workspace_is_durable_when_it_is_there(tmp_path: Path) -> None:
    root = tmp_path / "above" / "workspace"
    assert undone_by_power_loss(record_steps(tmp_path, lambda: Workspace.create(root).close()).calls) == []
