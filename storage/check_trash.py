"""Checking the trash: its entries readable, and with the deep check what lies in them sound.

What is found within an entry is told of the entry as a whole, for nothing is mended in the trash.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.archives import folders_in, read_archive
from storage.archives import wrong_with as wrong_with_archive
from storage.check_runs import RunsCheck, SeenPipeline
from storage.copies import ARCHIVE, METADATA
from storage.errors import StorageError
from storage.inspection import CHECK_AGAIN, Inspection
from storage.layout import Layout
from storage.library_items import Shelf
from storage.library_items import wrong_with as wrong_with_item
from storage.pipelines import read_predictions
from storage.reading import is_behind_link, is_plain_file
from storage.records import was_changed
from storage.trash import ASIDE, FILES, KEPT_DAYS, THINNED, Trash, TrashEntry, TrashRecord
from storage.trees import file_digest

_MOVING_SECONDS = 60  # how long something may take to go to the trash or come back


class TrashCheck:
    """Checks the trash of one workspace; `deleted` are the pipelines that lie in it, as the deep check saw them."""

    def __init__(self, inspection: Inspection, layout: Layout, trash: Trash, runs: RunsCheck) -> None:
        self._inspection = inspection
        self._layout = layout
        self._trash = trash
        self._runs = runs
        self._inside: dict[str, Callable[[TrashRecord], Iterator[str]]] = {
            "results": self._in_results,
            "run": self._in_runs,
            "pipeline": self._in_runs,
            "library": self._in_library,
            "file": self._in_file,
            THINNED: self._in_archives,
            FILES: self._in_files,
            ASIDE: self._in_files,
        }
        self.deleted: list[SeenPipeline] = []

    def check(self) -> None:
        """Look at every entry."""
        expired = {entry.trash_id for entry in self._trash.expired(KEPT_DAYS)}
        for entry in self._trash.list():
            place = self._layout.trash / entry.trash_id
            with self._inspection.item(place):
                self._inspection.find_edited(place / "trash.json")
                if entry.problem and entry.kind != ASIDE and not self._on_its_way(place):
                    self._inspection.find("trash-damaged", place, entry.problem, bytes=entry.bytes)
                elif self._inspection.deep and (wrong := self._wrong_inside(entry, place)):
                    advice = "" if entry.kind == "results" else CHECK_AGAIN
                    self._inspection.find("trash-damaged", place, wrong, advice=advice, bytes=entry.bytes)
                elif entry.trash_id in expired:
                    what = f"“{entry.title}” was deleted more than {KEPT_DAYS} days ago."
                    self._inspection.find("trash-expired", place, what, bytes=entry.bytes)

    def _wrong_inside(self, entry: TrashEntry, place: Path) -> str:
        """What is wrong with what lies in an entry, in a sentence; empty where nothing is."""
        if entry.kind not in self._inside or (entry.problem and entry.kind != ASIDE):
            return ""
        self._inspection.step()
        try:
            record = self._trash.get(entry.trash_id)
            if is_behind_link(self._trash.content(record), self._layout.root):
                return "content is a link, which is not followed."
            found = [*self._inside[entry.kind](record)]
        except StorageError as error:
            found = [error.what]
        if not found or not place.is_dir():  # it may have been restored meanwhile
            return ""
        more = f" And {len(found) - 1:,} more." if len(found) > 1 else ""
        return f"{found[0]}{more}"

    def _on_its_way(self, place: Path) -> bool:
        """Whether an entry is gone by now, or was marked so lately that a living process is likely to be at it."""
        try:
            marked = os.lstat(place / "trash.json").st_mtime
            if self._trash.get(place.name).status == "deleted":  # it may have come to its end since it was listed
                return all(entry.problem is None for entry in self._trash.list() if entry.trash_id == place.name)
            return time.time() - marked < _MOVING_SECONDS
        except FileNotFoundError:
            return not place.exists()
        except StorageError:
            return False

    # ------------------------------------------------------------ within an entry

    def _in_results(self, record: TrashRecord) -> Iterator[str]:
        if wrong := self._trash.damage(record.trash_id):
            yield wrong

    def _in_runs(self, record: TrashRecord) -> Iterator[str]:
        """A deleted run or pipeline, checked as one that lies in its place."""
        content = self._trash.content(record)
        home = (self._layout.root / record.origin).parent if record.kind == "pipeline" else None
        findings, seen = self._runs.look_inside(content, home)
        yield from (one.what for one in findings)
        for one in seen:
            if one.place is not None and one.predictions:
                try:
                    read_predictions(one.place / "predictions.csv", one.classes)
                except StorageError as error:
                    yield error.what
        self.deleted += seen

    def _in_library(self, record: TrashRecord) -> Iterator[str]:
        content, origin = self._trash.content(record), Path(record.origin)
        kind = "template" if origin.parent.name == "templates" else origin.parent.name
        item = Shelf(self._layout).read(kind, origin.stem if kind == "template" else origin.name, content)
        document = content if kind == "template" else content / METADATA
        wrong = item.problem or (wrong_with_item(item) if kind != "template" else "") or _wrong_with(document)
        if wrong:
            yield wrong

    def _in_archives(self, record: TrashRecord) -> Iterator[str]:
        for path in folders_in(self._trash.content(record)):
            yield from self._in_archive(path)

    def _in_archive(self, path: Path) -> Iterator[str]:
        if wrong := wrong_with_archive(path, read_archive(path), deep=True):
            yield f"{wrong}, in {path.name}."
        if wrong := _wrong_with(path / ARCHIVE):
            yield wrong

    def _in_file(self, record: TrashRecord) -> Iterator[str]:
        """A file or folder that was deleted by itself; of an archive all is known that was in it."""
        content = self._trash.content(record)
        if "archives" in Path(record.origin).parts[:2] and content.is_dir():
            yield from self._in_archive(content)

    def _in_files(self, record: TrashRecord) -> Iterator[str]:
        for name, digest in record.sha256.items():
            path = self._trash.content(record) / name
            if not is_plain_file(path):
                yield f"{name} is not there."
            elif file_digest(path) != digest:
                yield f"{name} is not what was put there: its bytes have changed."


def _wrong_with(document: Path) -> str:
    return f"{document.name} was changed since it was written." if was_changed(document) else ""
