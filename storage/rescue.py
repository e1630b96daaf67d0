"""Rescue: runshelf.json and the catalog's manifest made anew, where a workspace can't be opened for want of them.

It needs neither of them, and no index. What can be read of a damaged document is taken from it; the rest comes from
the part files, whose footers and ids tell what they are, and from what the index remembers. Whatever is damaged or
left out is copied to the trash first. Killed at any point, the next rescue does the same once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from storage.disk import Disk
from storage.errors import Corrupt, NotFound, StorageError, TooNew
from storage.findings import REBUILD_CATALOG, WRITE_MARKER, Finding, count
from storage.index_facts import Remembered, remembered
from storage.layout import Layout
from storage.manifest import DATASETS, ManifestFile
from storage.marker import is_left_of_workspace, is_newer, read_marker
from storage.plan import Plan, Report, Step
from storage.quarantine import copy_aside
from storage.reading import read_bytes, stamp
from storage.records import Manifest, PartRecord, WorkspaceRecord, read_document, readable_part
from storage.trash import Trash

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.part_files import PartFiles

RESCUES = (WRITE_MARKER, REBUILD_CATALOG)
_UNKNOWN = "unknown"  # as the digest of a footer it never fits: such a part is damaged for whoever reads it
_NO_EDIT: dict[str, Any] = {"tags": [], "notes": None, "stars": None}
_STEPS = {
    WRITE_MARKER: "Write runshelf.json anew; a damaged one goes to the trash first.",
    REBUILD_CATALOG: "Make the catalog's manifest again from its part files; what is left out goes to the trash first.",
}


def plan_rescue(root: Path | str, findings: Sequence[Finding] | None = None) -> Plan:
    """A plan that mends what keeps a workspace from being opened or written; without steps where nothing does.

    It is made from the findings of a check; without them it looks for itself, which takes no time.
    """
    layout = Layout(Path(root).absolute())
    needed = _needed(layout) if findings is None else {one.fix for one in findings}
    chosen = [fix for fix in RESCUES if fix in needed]

    def work(report: Report) -> str:
        disk = Disk(layout.root, layout.staging)
        disk.make_folders(layout.folders())
        disk.open()
        try:
            done = []
            for number, fix in enumerate(chosen):
                report(number, len(chosen), _STEPS[fix])
                done.append(write_marker_anew(layout, disk) if fix == WRITE_MARKER else rebuild_catalog(layout, disk))
            report(len(chosen), len(chosen), "done")
        finally:
            disk.close()
        return " ".join(text for text in done if text) or "Nothing was as it had been found; nothing was changed."

    steps = tuple(Step(_STEPS[fix]) for fix in chosen)
    title = "Make the workspace one that can be opened again"
    return Plan(title, steps, lambda: [stamp(path) for path in (layout.marker, layout.manifest)], work)


def _needed(layout: Layout) -> set[str]:
    """The rescues that a folder needs; none where it is no workspace, or one of a newer Runshelf."""
    needed = set()
    try:
        if is_newer(read_marker(layout.root)):
            return set()
    except TooNew:
        return set()
    except (NotFound, Corrupt):
        if not is_left_of_workspace(layout.root):
            return set()
        needed.add(WRITE_MARKER)
    manifest = ManifestFile(layout, Disk(layout.root, layout.staging, read_only=True))
    if layout.catalog.is_symlink():  # it is not followed, so nothing is mended behind it
        return needed
    with suppress(TooNew):
        if not _is_sound(manifest.read) or manifest.orphans():
            needed.add(REBUILD_CATALOG)
    return needed


# ---------------------------------------------------------------- runshelf.json


def write_marker_anew(layout: Layout, disk: Disk) -> str:
    """Write runshelf.json anew if it is damaged or gone; returns what was done, and what follows from it."""
    with disk.lock("workspace"):
        if _is_sound(lambda: read_document(layout.marker, WorkspaceRecord)):
            return ""
        read = readable_part(_bytes_of(layout.marker))
        index = remembered(layout.index).workspace_id
        known: dict[str, Any] = {name: read[name] for name in ("created_at", "metrics") if name in read}
        name = read.get("workspace_id") or index
        record = _record_of({**known, **({"workspace_id": name} if name else {})})
        copy_aside(layout, disk, "Damaged runshelf.json", [layout.marker])
        disk.write(layout.marker, record.to_json())
    told = ["runshelf.json was written anew"]
    if record.workspace_id != name:
        told.append("the workspace has a new id, so its index is made again when it is opened")
    if "allowed_modules" not in read or read["allowed_modules"]:
        told.append("modules that were allowed have to be allowed again")
    if "metrics" not in read or [*read][-1] == "metrics":  # of which the end may be lost
        told.append("metrics of its own have to be added again")
    return "; ".join(told) + "."


def _record_of(known: dict[str, Any]) -> WorkspaceRecord:
    """The document with what of this fits."""
    metrics = known.pop("metrics", [])
    record = WorkspaceRecord()
    for name, value in known.items():
        with suppress(ValidationError):
            record = record.model_copy(update={name: getattr(WorkspaceRecord.model_validate({name: value}), name)})
    for metric in metrics if isinstance(metrics, list) else ():
        with suppress(ValidationError):
            record.metrics = [*record.metrics, *WorkspaceRecord.model_validate({"metrics": [metric]}).metrics]
    return record


# ---------------------------------------------------------------- the catalog


@dataclass
class _Found:
    """What the parts of a catalog were found to be: those that count from now on, and those that don't."""

    live: dict[str, list[PartRecord]] = field(default_factory=lambda: {dataset: [] for dataset in DATASETS})
    written: list[tuple[Path, Path]] = field(default_factory=list)  # staged, to be placed
    dropped: list[Path] = field(default_factory=list)
    damaged: int = 0


def rebuild_catalog(layout: Layout, disk: Disk) -> str:
    """Make the manifest again if it is damaged or lost; returns what was done.

    Of results that lie in several parts, the newest part's count. What was deleted stays deleted, as far as the edits
    can be read. A damaged part is named, too, so that a check finds it and its repair brings back what it held.
    """
    with disk.lock("catalog"):
        file = ManifestFile(layout, disk)
        if _is_sound(file.read) and not file.orphans():
            return ""
        lost = not layout.manifest.exists()
        read = readable_part(_bytes_of(layout.manifest))
        found = _Rebuilding(layout, disk, read, remembered(layout.index)).look()
        said = read.get("generation")
        generation = max(said if isinstance(said, int) else 0, remembered(layout.index).generation) + 1
        copy_aside(layout, disk, "The manifest of the catalog and parts it lacked", [layout.manifest, *found.dropped])
        disk.place(found.written)
        file.write(Manifest(generation=generation).model_copy(update=found.live))
        disk.remove_files(found.dropped)
    parts = sum(len(one) for one in found.live.values())
    rows = sum(part.rows for part in found.live["meta"])
    why = "was not there" if lost else "was damaged"
    told = [f"catalog/manifest.json {why}: it was made again from {count(parts, 'part')} with {count(rows, 'result')}"]
    if found.dropped:
        told.append(f"{count(len(found.dropped), 'part')} whose results lie in newer ones moved to the trash")
    if found.damaged:
        told.append(f"{count(found.damaged, 'damaged part')} to be mended: check again")
    return "; ".join(told) + "."


class _Rebuilding:
    """Looks which part files are to count, without a manifest."""

    def __init__(self, layout: Layout, disk: Disk, read: dict[str, Any], index: Remembered) -> None:
        from storage.part_files import PartFiles

        self._layout = layout
        self._files = PartFiles(layout, disk)
        self._disk = disk
        self._described = {dataset: _described(read.get(dataset)) for dataset in DATASETS}
        self._index = index
        self._found = _Found()

    def look(self) -> _Found:
        """Look at every part, the newest first."""
        from storage.part_files import deleted_in

        edits = [record for record, _ in self._sound("annotations")]
        self._found.live["annotations"] += edits
        deleted = deleted_in(self._files.read("annotations", part) for part in reversed(edits))
        deleted |= self._say_again(edits, deleted)
        for dataset in ("data", "meta"):
            seen: set[str | None] = set()
            for record, ids in self._sound(dataset):
                self._take(dataset, record, ids.to_pylist(), seen, deleted)
        for parts in self._found.live.values():
            parts.reverse()  # the oldest first, as they were written
        return self._found

    def _say_again(self, edits: Sequence[PartRecord], deleted: Collection[str]) -> set[str]:
        """Write down which results are deleted where that was lost; they lie in the trash."""
        from storage.part_files import ANNOTATION_SCHEMA, table_of

        lost = lost_deletions(self._layout, self._disk, self._files, edits, deleted)
        if lost:
            staged, record = self._files.write("annotations", table_of(lost, ANNOTATION_SCHEMA))
            self._found.live["annotations"].insert(0, record)
            self._found.written.append((staged, self._files.path("annotations", record)))
        return {str(one["prediction_id"]) for one in lost}

    def _take(
        self, dataset: str, record: PartRecord, ids: list[str | None], seen: set[str | None], deleted: Collection[str]
    ) -> None:
        """Let a part count, or what of it no newer part has and nobody deleted."""
        keep = [one is None or not (one in seen or one in deleted) for one in ids]
        seen.update(one for one in ids if one is not None)
        if all(keep):
            self._found.live[dataset].append(record)
            return
        self._found.dropped.append(self._files.path(dataset, record))
        if any(keep):
            import pyarrow as pa

            table: pa.Table = self._files.read(dataset, record).filter(pa.array(keep))
            staged, rest = self._files.write(dataset, table)
            self._found.live[dataset].append(rest.model_copy(update={"foreign": record.foreign}))
            self._found.written.append((staged, self._files.path(dataset, rest)))

    def _sound(self, dataset: str) -> list[tuple[PartRecord, pa.ChunkedArray]]:
        """The sound parts, the newest first. Damaged and missing ones count already, as what they are."""
        described = self._described[dataset]
        sound = []
        for name in self._names(dataset):
            known = described.get(name)
            try:
                record, ids = self._files.record_of(dataset, name)
                if known is not None and known.sha256 != record.sha256:
                    raise Corrupt(f"{name} is not what was written.")
            except StorageError:
                self._found.damaged += 1
                self._found.live[dataset].append(self._damaged(dataset, name, known))
                continue
            foreign = known.foreign or not known.footer if known else not name.startswith("part-")
            merged = known is not None and known.merged
            sound.append((record.model_copy(update={"merged": merged, "foreign": foreign}), ids))
        return sound

    def _names(self, dataset: str) -> list[str]:
        """The files that are parts, the newest first: Runshelf's own, and others that manifest or index name."""
        folder = self._layout.part_folder(dataset)
        there = (
            [p.name for p in folder.glob("*.parquet") if p.is_file() and not p.is_symlink()] if folder.is_dir() else []
        )
        told = {file for of, file in self._index.parts if of == dataset} | self._described[dataset].keys()
        ours = {name for name in there if name.startswith("part-") or name in told}
        ours |= self._described[dataset].keys()  # one that is not there is missing: its results are brought back
        return sorted(ours, key=lambda name: (name.startswith("part-"), name), reverse=True)

    def _damaged(self, dataset: str, name: str, known: PartRecord | None) -> PartRecord:
        """The record of a part that is damaged or missing: whoever reads it, or checks it fast, finds it so."""
        if known is not None:
            return known.model_copy(update={"footer": _UNKNOWN})
        size = (self._layout.part_folder(dataset) / name).stat().st_size
        return PartRecord(file=name, rows=0, bytes=size, sha256=_UNKNOWN, footer=_UNKNOWN)


def lost_deletions(
    layout: Layout, disk: Disk, files: PartFiles, edits: Sequence[PartRecord], deleted: Collection[str]
) -> list[dict[str, Any]]:
    """Edits that say again what lies in the trash as deleted results and is not among the `deleted` ones.

    Tags, notes and stars are those of the latest of the `edits`; they are signed by who deleted the results.
    """
    gone = {name: told for name, told in Trash(layout, disk).deleted_results().items() if name not in deleted}
    last: dict[str, dict[str, Any]] = {}
    for part in edits if gone else ():
        for row in files.read("annotations", part).to_pylist():
            name = row["prediction_id"]
            if name in gone and (name not in last or row["at"] >= last[name]["at"]):
                last[name] = row
    return [
        {**last.get(name, _NO_EDIT), "prediction_id": name, "deleted": True, "at": at, "by": by}
        for name, (at, by) in gone.items()
    ]


def _described(told: Any) -> dict[str, PartRecord]:
    """The parts that a damaged manifest still describes whole, by file."""
    found: dict[str, PartRecord] = {}
    for one in told if isinstance(told, list) else ():
        with suppress(ValidationError):
            record = PartRecord.model_validate(one)
            if Path(record.file).name == record.file and record.file.endswith(".parquet") and len(record.sha256) == 64:
                found[record.file] = record
    return found


def _is_sound(read: Callable[[], object]) -> bool:
    """Whether a document can be read. One of a newer Runshelf, or on a disk that fails, is not for us to mend."""
    try:
        read()
    except (Corrupt, NotFound):
        return False
    return True


def _bytes_of(path: Path) -> bytes:
    try:
        return read_bytes(path, path.name)
    except NotFound:
        return b""
