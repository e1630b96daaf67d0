"""Links, loops, pipes, sockets and devices in the place of files and folders, and beside them, at every level.

Every verb that reads or writes ends, and the kernel saw nothing of what the links lead to being opened or changed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from storage import Exists, NotFound, StorageError, Workspace, check_workspace, measure_workspace
from tests.faults.kernel_watch import watched
from tests.faults.specimen import KINDS, UNNAMED, answers
from tests.faults.test_writers import left_behind

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what was opened is asked of Linux")

SECONDS = 120  # what ends at all has ended by then, on any machine
RUN, FIRST, KEPT = "runs/*_study", "runs/*_study/0001*", "library/trained/pipeline/best"
ARCHIVE = "catalog/archives/pipeline/*"
FILES = [kind.where for kind in KINDS.values()] + [*UNNAMED.values(), f"{FIRST}/predictions.csv", f"{KEPT}/config.json"]
FOLDERS = [
    "runs", RUN, FIRST, f"{RUN}/_binaries", "catalog", "catalog/predictions_meta.parquet",
    "catalog/predictions_data.parquet", "catalog/annotations.parquet", "catalog/archives", "catalog/archives/pipeline",
    ARCHIVE, f"{ARCHIVE}/artifacts", "catalog/reports", "library", "library/templates", "library/trained/pipeline",
    KEPT, f"{KEPT}/artifacts", ".trash", ".trash/*_library_*", ".trash/*_run_*/content", ".staging", "exports",
]  # fmt: skip


def link_to_file(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "file")


def loop(path: Path, outside: Path) -> None:
    path.symlink_to(path)


def up(path: Path, outside: Path) -> None:
    path.symlink_to(path.parent)


def pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(path.parent, os.O_RDONLY)  # the name of a socket must be short
        try:
            one.bind(f"/proc/self/fd/{here}/{path.name[:40]}")
        finally:
            os.close(here)


def endless(path: Path, outside: Path) -> None:
    """/dev/zero, where one may be made."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(path)


ODD = [link_to_file, loop, up, pipe, unix_socket, endless]


@contextmanager
def bounded() -> Iterator[None]:
    """Whatever blocks ends the test, and says where."""

    def stop(*_: object) -> None:
        raise TimeoutError("something reads without end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def everything(root: Path, *, writing: bool) -> None:
    """Ask everything, and change what can be changed; what is refused with a sentence is refused."""
    with suppress(StorageError):
        check_workspace(root, deep=True)
    with suppress(StorageError):
        measure_workspace(root)
    try:
        workspace = Workspace.open(root, read_only=not writing)
    except StorageError:
        return
    with workspace:
        asks: list[Callable[[], object]] = [lambda: workspace.sync(full=True), lambda: answers(workspace)]
        asks += [lambda: workspace.check(deep=True), workspace.session_report]
        library = workspace.library
        for item in library.list():
            asks += [lambda item=item: library.verify(item.kind, item.name)]
            asks += [lambda item=item: library.load(item.kind, item.name)]
            asks += [lambda item=item: library.config(item.kind, item.name)]
        if writing:
            asks += _changes(workspace)
        for ask in asks:
            with suppress(StorageError):
                ask()


def _first(workspace: Workspace, run_id: str) -> str:
    with suppress(StorageError):
        for row in workspace.pipelines(run_id, limit=1):
            return row.pipeline_id
    return "0001_none"


def _changes(workspace: Workspace) -> list[Callable[[], object]]:
    library, place = workspace.library, workspace.root.parent
    for run in workspace.runs()[:2]:
        ids = (run.run_id, _first(workspace, run.run_id))
        changes = [
            lambda ids=ids: workspace.export_pipeline(*ids, name=f"taken {ids[0]}"),
            lambda ids=ids: workspace.archive("pipeline", run_id=ids[0], pipeline_id=ids[1]),
            lambda ids=ids: library.save("pipeline", f"kept {ids[0]}", *ids),
            lambda ids=ids: library.save("fullrun", f"kept {ids[0]}", *ids),
            lambda ids=ids: workspace.load(*ids),
            lambda ids=ids: workspace.report_run(ids[0]),
        ]
    return [
        *(changes if workspace.runs() else ()),
        lambda: workspace.export_best_predictions("test_rmse"),
        lambda: library.export_zip("pipeline", "best", place / "out.zip"),
        lambda: workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1),
        workspace.catalog.compact,
        lambda: [workspace.trash.plan_restore([one.trash_id]).apply() for one in workspace.trash.list()],
        lambda: workspace.plan_repair(workspace.check().findings).apply(),
        workspace.rebuild_index,
        lambda: library.plan_delete("pipeline", "best").apply(),
        lambda: [workspace.plan_delete_run(run.run_id).apply() for run in workspace.runs()],
        lambda: workspace.trash.plan_remove([one.trash_id for one in workspace.trash.list()]).apply(),
    ]


@pytest.fixture
def outside(root: Path, tmp_path: Path) -> Path:
    """A folder beside the workspace that nothing in it may reach."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "file").write_text("precious")
    return place


def rooms(where: list[str]) -> list[list[str]]:
    """The folders in groups of such that are replaced at once: none lies in another."""
    found: list[list[str]] = []
    for one in where:
        for group in found:
            if not any(f"{one}/".startswith(f"{other}/") for other in group):
                group.append(one)
                break
        else:
            found.append([one])
    return found


@pytest.mark.parametrize("kinds", [ODD[:3], ODD[3:]], ids=["links", "others"])
def test_odd_things_beside_the_files_are_left_alone(
    root: Path, outside: Path, kinds: list[Callable[[Path, Path], None]]
) -> None:
    """One of each in every folder there is, called as a pipeline and as a document."""
    for place in [Path(place) for place, _, _ in os.walk(root)]:
        for number, odd in enumerate(kinds):
            odd(place / f"000{number}_odd_a1b2c3", outside)
            odd(place / f"odd{number}.json", outside)
    with bounded(), watched(outside) as seen:
        everything(root, writing=False)
        everything(root, writing=True)
    assert seen == []
    assert (outside / "file").read_text() == "precious"


@pytest.mark.parametrize("where", [FILES[::3], FILES[1::3], FILES[2::3]], ids=["some", "others", "the rest"])
def test_files_that_are_links_lead_nowhere(root: Path, outside: Path, where: list[str]) -> None:
    """Each is a link to what it was, so that following it would go well."""
    for number, pattern in enumerate(where):
        for path in sorted(root.glob(pattern))[:1]:
            path.rename(outside / f"{number} {path.name}")
            path.symlink_to(outside / f"{number} {path.name}")
    with bounded(), watched(outside) as seen:
        everything(root, writing=False)
        everything(root, writing=True)
    assert seen == []


@pytest.mark.parametrize("odd", [pipe, endless], ids=lambda odd: odd.__name__)
def test_files_that_never_end_are_not_read(root: Path, outside: Path, odd: Callable[[Path, Path], None]) -> None:
    for pattern in FILES:
        for path in sorted(root.glob(pattern))[:1]:
            path.unlink()
            odd(path, outside)
    with bounded():
        everything(root, writing=False)
        everything(root, writing=True)


@pytest.mark.parametrize("where", rooms(FOLDERS), ids=" ".join)
def test_folders_that_are_links_lead_nowhere(root: Path, outside: Path, where: list[str]) -> None:
    for number, path in enumerate([sorted(root.glob(one))[0] for one in where]):
        shutil.move(path, outside / f"{number} {path.name}")
        path.symlink_to(outside / f"{number} {path.name}")
    with bounded(), watched(outside) as seen:
        everything(root, writing=True)
    assert seen == []


def a_folder(path: Path, outside: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("odd", [*ODD, a_folder], ids=lambda odd: odd.__name__)
def test_what_lies_where_a_log_was_is_left_alone_and_stops_no_work(
    tmp_path: Path, odd: Callable[[Path, Path], None]
) -> None:
    root, outside = tmp_path / "workspace", tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    left_behind(root)
    log = next((root / "runs").glob("2*")) / "run.log"
    odd(log, outside)
    with bounded(), Workspace.open(root) as workspace:
        assert [run.status for run in workspace.runs()] == ["interrupted"]
        run = workspace.create_run("corn")  # the one of today, opened again
        run.add_pipeline({"k": 9}).complete()
        run.finalize()
        assert run.folder == log.parent
        assert [one.what for one in workspace.check().findings if "run.log" in one.what]
        assert not any("could not" in notice for notice in workspace.notices)
    assert stat.S_IFMT(os.lstat(log).st_mode) != stat.S_IFREG and (outside / "file").read_text() == "precious"


def test_a_destination_that_is_a_link_is_followed_to_its_end_or_refused(root: Path, tmp_path: Path) -> None:
    loop(around := tmp_path / "around", tmp_path)
    (nowhere := tmp_path / "rows.csv").symlink_to(tmp_path / "not there.csv")
    with Workspace.open(root) as workspace:
        run = workspace.runs()[0]
        pipeline_id = _first(workspace, run.run_id)
        takes: list[Callable[[], object]] = [
            lambda: workspace.export_pipeline(run.run_id, pipeline_id, around),
            lambda: workspace.export_best_predictions("test_rmse", destination=around),
            lambda: workspace.report_run(run.run_id, to=around),
        ]
        for take in takes:
            with pytest.raises(NotFound):
                take()
        with pytest.raises(Exists):
            workspace.catalog.export(nowhere)
    assert nowhere.is_symlink()


def test_a_staging_folder_that_becomes_a_link_meanwhile_leads_nowhere(root: Path, outside: Path) -> None:
    with Workspace.open(root) as workspace:
        staging = root / ".staging"
        mine = workspace._disk.writer
        for place in (staging / mine, staging):
            shutil.rmtree(place)
            place.symlink_to(outside)
            for change in _changes(workspace):
                with suppress(StorageError):
                    change()
            with pytest.raises(StorageError, match="link"):
                workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
            assert [one.name for one in outside.iterdir()] == ["file"]
            place.unlink()
            place.mkdir()


@pytest.mark.parametrize("odd", [pipe, loop, link_to_file], ids=lambda odd: odd.__name__)
def test_what_is_no_folder_in_the_place_of_one_keeps_nobody_from_looking(
    root: Path, outside: Path, odd: Callable[[Path, Path], None]
) -> None:
    for where in (
        "runs",
        ".trash",
        ".staging",
        "exports",
        "library/templates",
        "catalog/archives/pipeline",
        "catalog/reports",
    ):
        place, kept = root / where, root.parent / "kept"
        place.rename(kept)
        odd(place, outside)
        with Workspace.open(root) as workspace:
            assert workspace.runs() and workspace.catalog.count(), where
        place.unlink()
        kept.rename(place)
