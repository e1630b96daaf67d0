"""kill -9 at every call of every change: the old state or the new one, and whatever was acknowledged is there.

A change is made once, its states are kept, and opened as the next process would find them (see `states`): some of each
change, or with RUNSHELF_ALL_FAULTS in the environment all of all, and then the change is made again from each of them.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from storage import Catalog, Library, Pipeline, Run, StorageError, TrashBin, Workspace, check_workspace
from storage import findings as kinds
from storage.findings import FIXES, Report
from storage.trust import Keyring
from tests.faults import changes
from tests.faults.changes import CHANGES, DAMAGES, REPAIRS, TRAINING, TRASH, Change, create, open_again
from tests.faults.states import Answers, Recording, answers, copy, masked, record, record_steps

Recorded = Callable[[Change], Recording]
Kept = tuple[int, Path]
ALL = "RUNSHELF_ALL_FAULTS" in os.environ
SOUND = {
    "folder-gone",  # a pipeline of the workspace was deleted, on purpose
    "artifact-orphan",  # stored for a pipeline that did not come to its end, which is interrupted
}
LEFT = SOUND | {
    "stale-file",  # the folder of the writer that is dead
    "plan-unfinished",  # its note in the journal
    "part-stray",  # a part that was not committed, or was replaced by the commit
    "trash-damaged",  # an entry that was made and not filled, or emptied and not removed
    "index-behind",
}
LEFT_BY_TRAINING = LEFT | {"run-left", "pipeline-left", "row-missing"}
LEFT_IN_RUNS = LEFT | {"summary-differs"}  # the pipeline is in its new place, the counts of its run follow
NOT_IN_PLACE = {  # of what can't be opened, what opening does by itself, another machine's process
    kinds.WRITE_MARKER,
    kinds.REBUILD_CATALOG,
    kinds.END_WRITERS,
}
OF_FILES = {  # several files, each for itself the old one or the new one
    "fail",  # error.log tells why, then pipeline.json that it is so: between the two it is interrupted, with a reason
    "report_run",  # a format each
    "report_dataset",
    "report_session",
}


def some(states: Sequence[Kept], most: int = 3) -> Sequence[Kept]:
    """All of them where all are wanted, else a few, evenly."""
    if ALL or len(states) <= most:
        return states
    return [states[number * len(states) // most] for number in range(most)]


def codes(root: Path) -> set[str]:
    found: Report = check_workspace(root)
    return {one.code for one in found.findings}


def left_by(change: Change) -> set[str]:
    return LEFT_BY_TRAINING if change in TRAINING else LEFT_IN_RUNS if change in TRASH else LEFT


def settled(root: Path, again: Change | None = None, old: Answers | None = None) -> Answers:
    """What a workspace answers once it was opened after a kill; then the change is made `again`."""
    with Workspace.open(root) as workspace:
        assert not any("can't" in notice or "could not" in notice for notice in workspace.notices)
        found = answers(workspace)
        assert {one.code for one in workspace.check().findings} <= SOUND
        if again is not None:
            once_more(workspace, again, found != old)
    return found


def once_more(workspace: Workspace, change: Change, was_made: bool) -> None:
    """Make a change again; where it was made before it may be refused, in a sentence."""
    try:
        for _ in change(workspace):
            pass
    except StorageError:
        assert was_made


def third(state: Answers, old: Answers, new: Answers, each_file: bool) -> list[str]:
    """Where a state is neither the old one nor the new one; with `each_file` every file is so for itself."""
    if each_file:
        known = old.get("files", {}).items() | new.get("files", {}).items()
        if strange := state.get("files", {}).items() - known:
            return sorted(name for name, _ in strange)
        old, new, state = ({**one, "files": None} for one in (old, new, state))
    if state in (old, new):
        return []
    return [key for key in state if state[key] != old[key]] + [key for key in state if state[key] != new[key]]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_kill_at_any_call_leaves_the_old_state_or_the_new(recorded: Recorded, change: Change) -> None:
    made = recorded(change)
    chosen = some(made.states[1:-1])
    found = {call: codes(root) for call, root in chosen}
    old, new = settled(made.states[0][1]), settled(made.states[-1][1])
    is_new = False
    for number, (call, root) in enumerate(chosen):
        state = settled(root, change if ALL or number == len(chosen) // 2 else None, old)
        what = f"killed before call {call}: {made.calls[call]}"
        assert found[call] <= left_by(change), what
        assert not third(state, old, new, change.__name__ in OF_FILES), what
        assert state != old or not is_new or old == new, f"{what}: what was done is undone"
        is_new = state == new


def test_a_kill_while_a_workspace_is_made_leaves_none_or_one(tmp_path: Path) -> None:
    root = tmp_path / "made" / "workspace"
    root.mkdir(parents=True)
    made = record_steps(root, lambda: create(root))
    for _, left in some(made.states):
        if not (left / "runshelf.json").exists():
            create(left)
        assert settled(left)["rows"] == []


@pytest.mark.parametrize(
    "name", ["complete", "delete_results", "thin", *(["delete_pipeline", "restore_all"] if ALL else [])]
)
def test_a_kill_while_order_is_brought_after_a_kill_loses_nothing(base: Path, tmp_path: Path, name: str) -> None:
    first = record(base, tmp_path / "made", getattr(changes, name))
    unsettled = [root for _, root in first.states[1:-1] if codes(root) - SOUND - {"stale-file"}]
    for number, killed in enumerate(unsettled if ALL else unsettled[len(unsettled) // 2 :][:1]):
        root = copy(killed, tmp_path / f"{number}")
        made = record_steps(root, functools.partial(open_again, root))
        expected = settled(made.states[-1][1])
        for call, left in some(made.states[:-1]):
            assert settled(left) == expected, call


@pytest.mark.parametrize("change", REPAIRS, ids=lambda change: change.__name__)
def test_a_repair_that_is_killed_at_any_call_is_done_by_the_next(recorded: Recorded, change: Change) -> None:
    assert set(DAMAGES) | NOT_IN_PLACE == set(FIXES)
    made = recorded(change)
    results = ("runs", "pipelines", "rows", "arrays", "library", "archives", "files")
    expected = settled(made.states[-1][1])
    for call, root in some(made.states[:-1]):
        with Workspace.open(root) as workspace:
            workspace.plan_repair(workspace.check().findings).apply()
            found = answers(workspace)
            assert {one.code for one in workspace.check().findings} <= SOUND, call
        assert {key: found[key] for key in results} == {key: expected[key] for key in results}, call


READING = {
    Workspace: "archives chains check close compare_chains compare_folds count_pipelines deleted_details "
    "details fold_scores folders_with foresee index_status library load name pipelines pipelines_of_process place_of "
    "preview_run read_only run runs sample_errors session_report spectra summary usage rerun_request",
    Catalog: "arrays best best_of_each best_rows best_values columns compare_datasets complete computed config "
    "count find get global_best global_best_rows group has_another ids ids_of is_current keys knows_run manifest "
    "metrics parameter_importance parameters parameters_of rows runs runs_since sample search stored_arrays summary "
    "table tags trash values done_before",
    Library: "config config_path free_name get list load verify",
    TrashBin: "expired kept_artifacts list newest_run new_record",
    Run: "pipeline pipelines run_id summary open",
    Pipeline: "arrays metrics pipeline_id prediction_id shortfall",
    Keyring: "judge named path trusted",
}
INSIDE = {  # parts of the changes that are made here, or the same by another name
    Workspace: "run_batch run_request migration plan_export_best_predictions plan_export_pipeline untrust trust "
    "trusted",
    Catalog: "annotate_each append append_all close compact follow_manifest settle tidy sync",
    Library: "plan_import save save_pipeline",
    TrashBin: "finish_removal finish_restoration plan_put plan_remove",
    Run: "claim_number create log plan recount",
    Pipeline: "commit interrupt save_arrays shortfall",
    Keyring: "untrust",
}


@pytest.mark.parametrize("kind", READING, ids=lambda kind: kind.__name__)
def test_every_public_verb_reads_or_is_among_the_changes(kind: type) -> None:
    called = set(re.findall(r"\.(\w+)\(", inspect.getsource(changes)))
    public = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
    known = set(READING[kind].split()) | set(INSIDE[kind].split())
    assert public - known <= called and known <= public


CALLS = ("rename", "renameat2", "link", "fsync", "unlink")


@pytest.mark.parametrize("name", ["delete_results", *(["complete", "thin"] if ALL else [])])
def test_a_process_that_is_really_killed_leaves_what_was_foreseen(
    recorded: Recorded, base: Path, tmp_path: Path, name: str
) -> None:
    """By the system itself, at a few of its own calls: so the states that were kept are those that a kill leaves."""
    change = getattr(changes, name)
    made = recorded(change)
    old, new = (masked(settled(root)) for root in (made.states[0][1], made.states[-1][1]))
    whole = traced(copy(base, tmp_path / "whole"), name)
    begin, end = whole.index("begin"), whole.index("done")
    for number in range(begin + 1, end) if ALL else (begin + (end - begin) // 3, begin + (end - begin) * 2 // 3):
        root = copy(base, tmp_path / f"{number}")
        call = whole[number]
        assert "done" not in traced(root, name, f"{call}:signal=SIGKILL:when={whole[: number + 1].count(call)}")
        assert codes(root) <= left_by(change)
        assert not third(masked(settled(root)), old, new, each_file=False), number


def traced(root: Path, name: str, kill: str = "") -> list[str]:
    """Make a change under strace; returns what it said and the calls it made, in order. Skips where nobody may."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    log = root.parent / "strace.log"
    options = [
        "-f",
        "-o",
        str(log),
        "-e",
        f"trace=write,{','.join(CALLS)}",
        *(["-e", f"inject={kill}"] if kill else []),
    ]
    command = ["strace", *options, sys.executable, "-m", "tests.faults.one_change", str(root), name]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    if "+++" not in text:
        pytest.skip(f"nothing can be traced: {done.stderr.strip()}")
    found = re.findall(rf'^\d+ +(?:write\(1, "(\w+)|({"|".join(CALLS)})\()', text, re.MULTILINE)
    return [word or call for word, call in found]
