"""Looking whether a workspace is sound: the folder tree, unfinished writes and the trash; runs and catalog beside it.

Nothing is changed and nothing is executed. The fast check compares names, sizes, documents and counts; the deep one
reads every byte that has a checksum. It needs no index, no manifest and no readable workspace document: what is
damaged is a finding, and the rest is checked.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from storage.check_archives import check_archives, count_archives
from storage.check_catalog import CatalogCheck
from storage.check_index import IndexCheck
from storage.check_library import check_library, count_library
from storage.check_runs import RunsCheck
from storage.check_trash import TrashCheck
from storage.disk import NOTE, Disk
from storage.errors import Cancelled, Corrupt, NotFound, StorageError, TooNew, in_a_sentence
from storage.findings import Report
from storage.inspection import Inspection
from storage.journal import NoteRecord
from storage.layout import LOG, MARKER, Layout, from_the_top, pipeline_number
from storage.manifest import DATASETS
from storage.marker import is_newer, read_marker
from storage.plan import Report as Progress
from storage.reading import is_behind_link
from storage.records import read_document
from storage.trash import Trash

TEMPORARY = re.compile(r"\.(.+\.[0-9a-f]{8}|[0-9a-f]{12})\.tmp")  # beside its target, on its way to another disk
TEMPORARY_AGE = timedelta(hours=1)
_LATER_ROOTS = ("workflows", "experiments", "experiments-archive", "configs", "developers")
_AT_ROOT = frozenset({MARKER, "runs", "exports", "library", "catalog", ".trash", ".staging", *_LATER_ROOTS})
_IN_CATALOG = frozenset({"manifest.json", "reports", "archives"})
_INDEX_FILE = re.compile(r"index\.sqlite(-wal|-shm|-journal)?")
_PART_FILE = re.compile(r".+\.parquet")  # those of other programs are told of by name, with the catalog
_IN_RUN = frozenset({"run_config.json", "run_summary.json", LOG, "_binaries", "_numbers"})
_SYSTEM = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory", ".git", ".gitignore", ".gitattributes"})
_TOLD = 3  # names in one finding


@in_a_sentence
def check_workspace(root: Path | str, report: Progress | None = None, deep: bool = False) -> Report:
    """Check the workspace at a folder without opening it. Raises NotFound where there is none."""
    root = from_the_top(root)
    if not root.is_dir():
        raise NotFound(f"There is no folder {root}.", root, "Check the path.")
    if not os.path.lexists(root / MARKER) and not (root / "runs").is_dir():
        raise NotFound(f"{root} is not a workspace.", root, "Make one with: runshelf init FOLDER.")
    layout = Layout(root)
    index = None if layout.catalog.is_symlink() else layout.index  # a link is named, not followed
    return check(layout, Disk(root, layout.staging, read_only=True), index, report, deep)


def check(layout: Layout, disk: Disk, index: Path | None, report: Progress | None = None, deep: bool = False) -> Report:
    """Check a workspace; `index` is where its index lies, None for one in memory.

    `report` may raise Cancelled: then what was found until then is returned. Raises NotFound where the workspace is
    away, or went away meanwhile: that is no damage.
    """
    disk.check_there()
    inspection = Inspection(layout.root, report, deep, disk.check_there)
    try:
        _check(inspection, layout, disk, index)
    except Cancelled:
        return inspection.result(cancelled=True)
    disk.check_there()
    return inspection.result(cancelled=False)


def _check(inspection: Inspection, layout: Layout, disk: Disk, index: Path | None) -> None:
    trash = Trash(layout, disk)
    catalog = CatalogCheck(inspection, layout, disk, trash)
    runs = RunsCheck(inspection, layout, disk, trash)
    inspection.expect(3 + runs.expect() + catalog.expect() + count_archives(layout) + count_library(layout))
    inspection.step("looking at the folder tree")
    workspace_id = _check_marker(inspection, layout)
    with inspection.item(layout.root):
        _check_tree(inspection, layout)
    inspection.step("looking for unfinished writes")
    with inspection.item(layout.staging):
        _check_staging(inspection, layout, disk)
    runs.check()  # before the catalog: what ended until now must have its row then
    inspection.step("looking at the trash")
    deleted = TrashCheck(inspection, layout, trash, runs)
    with inspection.item(layout.trash):
        deleted.check()
    catalog.check_parts()
    catalog.compare(runs.seen, runs.lacking, runs.complete, deleted.deleted)
    if index is not None and workspace_id:
        with inspection.item(index):
            IndexCheck(inspection, layout, catalog, runs.seen, runs.signatures).check(index, workspace_id)
    check_archives(inspection, layout)
    check_library(inspection, layout)
    with inspection.item(layout.catalog):
        catalog.check_strays()  # last: a writer may have been committing a part when they were first seen


# ---------------------------------------------------------------- the tree


def _check_marker(inspection: Inspection, layout: Layout) -> str:
    """Check runshelf.json; returns the workspace's id, empty when it can't be read."""
    try:
        record = read_marker(layout.root)
        if is_newer(record):
            inspection.find("marker-newer", layout.marker, "The workspace was made by a newer Runshelf.")
        inspection.find_edited(layout.marker, "marker-edited")  # which people are told to edit
        return record.workspace_id
    except TooNew as error:
        inspection.find("marker-newer", layout.marker, error.what)
    except (Corrupt, NotFound) as error:
        inspection.find("marker-damaged", layout.marker, error.what)
    except StorageError as error:
        inspection.find("unreadable", layout.marker, error.what)
    return ""


def _check_tree(inspection: Inspection, layout: Layout) -> None:
    for folder in layout.folders():
        behind = is_behind_link(folder.parent, layout.root)  # the link is named
        if folder not in (layout.trash, layout.staging) and not behind and not os.path.lexists(folder):
            inspection.find("folder-missing", folder, f"The folder {folder.name} is not there.")
    ours = {one for folder in layout.folders() for one in (folder, *folder.parents) if layout.root in one.parents}
    for folder in sorted(ours):
        if os.path.lexists(folder) and not folder.is_symlink() and not folder.is_dir():
            advice = "Move it away: the folder is made again when the workspace is opened for writing."
            inspection.find("unreadable", folder, f"{folder.name} is no folder.", advice=advice)
    _check_folder(inspection, layout.root, _AT_ROOT)
    parts = {layout.part_folder(dataset).name for dataset in DATASETS}
    _check_folder(inspection, layout.catalog, _IN_CATALOG | parts, _INDEX_FILE)
    for folder in (layout.library, layout.exports, layout.catalog / "reports", layout.catalog / "archives"):
        if not is_behind_link(folder, layout.root):
            _check_links(inspection, folder)
    for dataset in DATASETS if not layout.catalog.is_symlink() else ():
        _check_folder(inspection, layout.part_folder(dataset), frozenset(), _PART_FILE)
    for entry in _entries(layout.runs):
        if entry.is_dir(follow_symlinks=False) and entry.name[0] not in "._":
            with inspection.item(Path(entry.path)):
                _check_run_folder(inspection, Path(entry.path))
    _check_folder(inspection, layout.runs, frozenset(), folders=True)


def _check_run_folder(inspection: Inspection, folder: Path) -> None:
    foreign, odd = [], []
    for entry in _entries(folder):
        if _is_odd(entry):
            odd.append(entry.name)
        elif entry.name == LOG and entry.is_dir(follow_symlinks=False):
            foreign.append(entry.name)
        elif entry.name in _IN_RUN or entry.name in _SYSTEM or TEMPORARY.fullmatch(entry.name):
            continue
        elif not (pipeline_number(entry.name) is not None and entry.is_dir(follow_symlinks=False)):
            foreign.append(entry.name)
    _tell(inspection, folder, foreign, odd)


def _check_folder(
    inspection: Inspection,
    folder: Path,
    known: frozenset[str] | set[str],
    pattern: re.Pattern[str] | None = None,
    *,
    folders: bool = False,
) -> None:
    """Name what lies in a folder and is not Runshelf's; with `folders` every real folder is."""
    foreign, odd = [], []
    for entry in _entries(folder):
        named = entry.name in known | _SYSTEM or TEMPORARY.fullmatch(entry.name) is not None
        ours = named or (pattern is not None and pattern.fullmatch(entry.name) is not None)
        ours = ours or (folders and entry.is_dir(follow_symlinks=False))
        if _is_odd(entry):
            odd.append(entry.name)
        elif not ours:
            foreign.append(entry.name)
    _tell(inspection, folder, foreign, odd)


def _check_links(inspection: Inspection, folder: Path) -> None:
    """Name the links and devices anywhere below a folder where people may keep what they like."""
    for place, folders, files in os.walk(folder):
        odd = [name for name in (*folders, *files) if _is_odd_path(os.path.join(place, name))]
        _tell(inspection, Path(place), [], odd)


def _tell(inspection: Inspection, folder: Path, foreign: list[str], odd: list[str]) -> None:
    if foreign:
        words = "lies here that Runshelf did not make" if len(foreign) == 1 else "lie here that Runshelf did not make"
        inspection.find("foreign-entry", folder, f"{_names(foreign)} {words}.")
    for name in odd:
        inspection.find("odd-entry", folder / name, f"{name} is {_kind_of(folder / name)}.")


def _names(names: list[str]) -> str:
    told = sorted(names)[:_TOLD]
    more = len(names) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more else "")


def _is_odd(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False))


def _is_odd_path(path: str) -> bool:
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _kind_of(path: Path) -> str:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return f"a link to {os.readlink(path)}"
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


# ---------------------------------------------------------------- unfinished writes and the trash


def _check_staging(inspection: Inspection, layout: Layout, disk: Disk) -> None:
    for entry in _entries(layout.staging):
        if entry.name.startswith(NOTE):
            with inspection.item(Path(entry.path)):
                _check_note(inspection, Path(entry.path), disk)
            continue
        writer = entry.name.removesuffix(".lock")
        if writer != entry.name and disk.life(writer) == "unknown":
            inspection.find("writer-unknown", Path(entry.path), unknown_sentence(disk, writer))
        if entry.name.startswith("lock-") or _is_odd(entry) or disk.is_alive(writer):
            continue
        if entry.is_dir(follow_symlinks=False) or not (layout.staging / writer).is_dir():
            size = sum(os.lstat(path).st_size for path in files_below(Path(entry.path)))
            what = f"A process that has ended left {entry.name} behind."
            inspection.find("stale-file", Path(entry.path), what, bytes=size)
    for path in temporary_files(layout):
        inspection.find("stale-file", path, f"{path.name} was never finished.", bytes=os.lstat(path).st_size)


def unknown_sentence(disk: Disk, writer: str) -> str:
    """Who may or may not be at work, for people."""
    return f"{disk.owner(writer)} may be at work here, or have ended without a word: nobody can tell from this machine."


def _check_note(inspection: Inspection, path: Path, disk: Disk) -> None:
    try:
        note = read_document(path, NoteRecord)
    except NotFound:
        return  # done meanwhile
    except StorageError as error:
        inspection.find("stale-file", path, error.what)
        return
    if not disk.is_alive(note.writer):
        inspection.find("plan-unfinished", path, f"“{note.title}” was cut short: its process has ended.")


def temporary_files(layout: Layout) -> list[Path]:
    """Copies beside their targets that are old enough for nobody to be at work on them."""
    youngest = time.time() - TEMPORARY_AGE.total_seconds()
    found = []
    for folder, folders, files in os.walk(layout.root):
        folders[:] = [name for name in folders if name not in (".staging", ".trash", ".git", "_numbers")]
        for path in (Path(folder, name) for name in files if TEMPORARY.fullmatch(name)):
            with suppress(FileNotFoundError):
                if os.lstat(path).st_mtime < youngest:
                    found.append(path)
    return found


def files_below(path: Path) -> Iterable[Path]:
    """The files below a folder, or the file itself; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        for folder, _, files in os.walk(path):
            yield from (Path(folder, name) for name in files)
    elif os.path.lexists(path):
        yield path
