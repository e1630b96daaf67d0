"""What takes how much room in a workspace, and how much sharing equal artifacts saves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.artifacts import FOLDER as BINARIES
from storage.errors import NotFound, StorageError, in_a_sentence
from storage.layout import Layout, from_the_top, pipeline_number
from storage.plan import Report
from storage.reading import is_behind_link, is_plain_folder
from storage.records import PipelineRecord, RunSummary, read_document
from storage.runs import artifact_statistics
from storage.scan import run_folders

AreaName = Literal[
    "runs", "artifacts", "parts", "index", "archives", "library", "exports", "trash", "staging", "other"
]  # fmt: skip


@dataclass(frozen=True)
class Area:
    """One part of a workspace: how many bytes its files have, and how many files they are."""

    name: AreaName
    bytes: int
    files: int


@dataclass(frozen=True)
class Usage:
    """What takes how much room; `saved` are bytes that equal artifacts, stored once, do not take."""

    areas: tuple[Area, ...]
    saved: int

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(area.bytes for area in self.areas)

    @property
    def files(self) -> int:
        """How many files there are."""
        return sum(area.files for area in self.areas)

    def area(self, name: AreaName) -> Area:
        """One area by its name."""
        return next(area for area in self.areas if area.name == name)

    @property
    def saved_share(self) -> float:
        """Which share of the artifacts' bytes sharing saves, 0 to 1."""
        named = self.area("artifacts").bytes + self.saved
        return self.saved / named if named else 0.0


def usage(layout: Layout, index: Path | None, report: Report | None = None) -> Usage:
    """Measure a workspace; `index` is where its index lies. `report` may raise Cancelled."""
    tell = report or (lambda done, total, text: None)
    sums: dict[AreaName, list[int]] = {name: [0, 0] for name in AreaName.__args__}  # type: ignore[attr-defined]

    def count(name: AreaName, sizes: Iterator[int]) -> None:
        for size in sizes:
            sums[name][0] += size
            sums[name][1] += 1

    def below(folder: Path, without: tuple[str, ...] | set[str] = ()) -> Iterator[int]:
        return iter(()) if is_behind_link(folder, layout.root) else _sizes(folder, without)

    runs = run_folders(layout)
    saved = 0
    for number, entry in enumerate(runs):
        tell(number, len(runs), "measuring the runs")
        count("artifacts", below(Path(entry.path, BINARIES)))
        count("runs", below(Path(entry.path), without=(BINARIES,)))
        saved += _saved(Path(entry.path))
    tell(len(runs), len(runs), "measuring the rest")
    index_names = {f"index.sqlite{suffix}" for suffix in ("", "-wal", "-shm", "-journal")}
    count("parts", (size for dataset in ("meta", "data", "annotations") for size in below(layout.part_folder(dataset))))
    count("parts", _file_sizes([layout.manifest]))
    if index is not None:
        count("index", _file_sizes(index.with_name(index.name + s) for s in ("", "-wal", "-shm", "-journal")))
    count("archives", (size for name in ("archives", "reports") for size in below(layout.catalog / name)))
    named: dict[AreaName, Path] = {
        "library": layout.library, "exports": layout.exports, "trash": layout.trash, "staging": layout.staging,
    }  # fmt: skip
    locks = set() if is_behind_link(layout.staging, layout.root) else _locks(layout.staging)
    for name, folder in named.items():
        count(name, below(folder, without=locks if name == "staging" else ()))
    known = {path.name for path in (layout.runs, layout.catalog, *named.values())}
    count("other", below(layout.root, without=known))
    count("other", _file_sizes(layout.staging / name for name in locks))
    parts = {layout.part_folder(dataset).name for dataset in ("meta", "data", "annotations")}
    count("other", below(layout.catalog, without={*parts, *index_names, "archives", "reports", layout.manifest.name}))
    return Usage(tuple(Area(name, size, files) for name, (size, files) in sums.items()), saved)


@in_a_sentence
def measure_workspace(root: Path | str, report: Report | None = None) -> Usage:
    """Measure the workspace at a folder without opening it. Raises NotFound where there is none."""
    layout = Layout(from_the_top(root))
    if not layout.marker.is_file():
        raise NotFound(f"{root} is not a workspace.", layout.root, "Check the path.")
    return usage(layout, layout.index, report)


def _sizes(folder: Path, without: tuple[str, ...] | set[str] = ()) -> Iterator[int]:
    """The sizes of the files below a folder; links are not followed, what goes away meanwhile is left out."""
    waiting: list[tuple[str | Path, bool]] = [(folder, True)]
    while waiting:
        place, top = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = [entry for entry in entries if not (top and entry.name in without)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, False))
            elif entry.is_file(follow_symlinks=False):
                yield from _file_sizes([Path(entry.path)])


def _locks(staging: Path) -> set[str]:
    """The lock files of writers and of what they write: they stay, and nothing is unfinished because of them."""
    return {path.name for path in (*staging.glob("lock-*"), *staging.glob("*.lock"))}


def _file_sizes(paths: Iterator[Path] | list[Path]) -> Iterator[int]:
    for path in paths:
        try:
            yield os.stat(path, follow_symlinks=False).st_size
        except FileNotFoundError:
            continue


def _saved(folder: Path) -> int:
    """What sharing saves in a run: as its summary says when it ended, else from its pipelines as they are now."""
    try:
        summary = read_document(folder / "run_summary.json", RunSummary)
        if summary.status != "running":
            return summary.statistics.bytes_saved
    except StorageError:
        pass
    records = []
    try:
        for name in os.listdir(folder):
            if pipeline_number(name) is not None and is_plain_folder(folder / name):
                records.append(read_document(folder / name / "pipeline.json", PipelineRecord))
    except (StorageError, OSError):
        return 0  # of a damaged run nobody knows
    return artifact_statistics(records).bytes_saved
