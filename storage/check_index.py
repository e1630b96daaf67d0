"""Checking the index against the files: quickly by its counts and signatures, deeply row by row with one made anew."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage.catalog import Catalog
from storage.check_runs import SeenPipeline
from storage.disk import Disk
from storage.errors import DiskFull
from storage.findings import count
from storage.following import Following
from storage.index import Index
from storage.index_facts import UNREADABLE, IndexFacts, differences, read_index
from storage.inspection import Inspection
from storage.layout import Layout
from storage.manifest import DATASETS
from storage.marker import read_marker
from storage.metrics import Metrics
from storage.scan import run_signature

if TYPE_CHECKING:
    from storage.check_catalog import CatalogCheck

_NAMED = 3  # runs named in one sentence
_STEPS_OF_MAKING = 100  # of an index made anew, which takes longer than all else
_EDITED_TOLD = 20  # one by one, of documents that were changed
_READ_AGAIN = "It is read when its run is opened; to read all again: runshelf index sync."


class IndexCheck:
    """Checks one index; `catalog` was checked before.

    `seen` are the pipelines as their documents tell them, `signatures` those of run folders before they were read. An
    index that is missing or of another version is made again by itself, and one that is behind catches up.
    """

    def __init__(
        self,
        inspection: Inspection,
        layout: Layout,
        catalog: CatalogCheck,
        seen: Sequence[SeenPipeline],
        signatures: Mapping[str, str],
    ) -> None:
        self._inspection = inspection
        self._layout = layout
        self._catalog = catalog
        self._seen = seen
        self._signatures = signatures

    def check(self, path: Path, workspace_id: str) -> None:
        """Compare what the index at `path` says with the files."""
        try:
            self._check(path, workspace_id)
        except UNREADABLE as error:
            self._inspection.find("index-damaged", path, f"The index can't be read: {error}.")

    def _check(self, path: Path, workspace_id: str) -> None:
        facts = read_index(path, workspace_id, deep=self._inspection.deep)
        if facts.state == "damaged":
            self._inspection.find("index-damaged", path, f"The index can't be read: {facts.problem}.")
        elif facts.state == "busy":
            self._inspection.find("index-busy", path, "Another program is writing to the index.")
        elif facts.state == "readable" and self._catalog.mark():
            before = len(self._inspection.findings)
            self._compare(path, facts)
            differs = any(one.code == "index-differs" for one in self._inspection.findings[before:])
            if self._inspection.deep and not differs and facts.mark == self._catalog.mark():
                self._compare_deeply(path, workspace_id)

    def _compare(self, path: Path, facts: IndexFacts) -> None:
        if facts.mark != self._catalog.mark_now():
            self._inspection.find("index-behind", path, "The index reflects an earlier state of the catalog.")
        elif facts.mark == self._catalog.mark():
            self._compare_ids(path, facts)
        self._compare_pipelines(path, facts)

    def _compare_ids(self, path: Path, facts: IndexFacts) -> None:
        if (ids := self._catalog.ids()) is None:
            return
        if facts.predictions != len(ids):
            if not self._inspection.deep and self._catalog.finds_damage("meta"):
                return  # it lacks what could not be read
            what = f"The index has {count(facts.predictions, 'result')}, the catalog {len(ids):,}."
            self._inspection.find("index-differs", path, what)
        elif self._inspection.deep and set(facts.ids) != ids:
            self._inspection.find("index-differs", path, "The index has other results than the catalog.")

    # ------------------------------------------------------------ runs and pipelines

    def _compare_pipelines(self, path: Path, facts: IndexFacts) -> None:
        """What differs in a run that the index takes for unchanged will not be noticed by itself."""
        there = {(one.folder, one.pipeline_id): one.status for one in self._seen}
        busy = {one.folder for one in self._seen if one.busy}
        told = facts.pipelines
        wrong = [name for name in there.keys() | told.keys() if there.get(name) != told.get(name)]
        counted = Counter(folder for folder, _ in wrong if folder not in busy)
        stuck = self._unchanged(counted, facts)
        for code, folders in (("index-differs", stuck), ("index-behind", counted.keys() - stuck)):
            if folders:
                pipelines = count(sum(counted[folder] for folder in folders), "pipeline")
                named = ", ".join(sorted(folders)[:_NAMED]) + (" and others" if len(folders) > _NAMED else "")
                what = f"The index tells of {pipelines} otherwise than the folders do, in {named}."
                self._inspection.find(code, path, what)
        self._find_edited(facts, [one for one in self._seen if one.folder not in busy])

    def _find_edited(self, facts: IndexFacts, seen: Sequence[SeenPipeline]) -> None:
        """Name the documents that were changed by hand: in a run whose own are as they were nobody looks at them."""
        changed = [
            one
            for one in seen
            if one.status == facts.pipelines.get((one.folder, one.pipeline_id))  # else it was told
            and facts.documents[one.folder, one.pipeline_id] not in ("", one.signature)
        ]
        stuck = self._unchanged({one.folder for one in changed}, facts)
        places = [self._layout.run(one.folder) / one.pipeline_id for one in changed if one.folder in stuck]
        for place in places[:_EDITED_TOLD]:
            what = f"pipeline.json of {place.name} was changed since the index read it."
            self._inspection.find("index-behind", place / "pipeline.json", what, advice=_READ_AGAIN)
        if len(places) > _EDITED_TOLD:
            what = f"{len(places) - _EDITED_TOLD:,} more pipeline.json were changed since the index read them."
            self._inspection.find("index-behind", self._layout.runs, what, advice=_READ_AGAIN)

    def _unchanged(self, folders: Iterable[str], facts: IndexFacts) -> set[str]:
        """Those of these runs that the index takes for unchanged, before and now."""
        same = {f for f in folders if facts.runs.get(f) and facts.runs[f] == self._signatures.get(f)}
        return {f for f in same if facts.runs[f] == run_signature(self._layout.run(f))}

    # ------------------------------------------------------------ row by row

    def _compare_deeply(self, path: Path, workspace_id: str) -> None:
        """Find what no page and no count gives away, such as a flipped bit in a value: make an index and compare."""
        if not all(self._catalog.is_whole(dataset) for dataset in DATASETS):  # it may know what a damaged part had
            return
        with tempfile.TemporaryDirectory(prefix="runshelf-check-", ignore_cleanup_errors=True) as folder:
            told = []
            for subject, rows in differences(path, self._make_anew(Path(folder), workspace_id), Path(folder) / "kept"):
                self._inspection.step("comparing the index with the files", 0)
                told += [f"{subject} ({rows:,})"] if rows else []
        if told:
            what = f"The index tells otherwise than the files do: {', '.join(told)}."
            self._inspection.find("index-differs", path, what)

    def _make_anew(self, cache: Path, workspace_id: str) -> Path:
        """An index made from the files, in a folder that is no part of the workspace. Raises DiskFull."""
        disk = Disk(self._layout.root, self._layout.staging, read_only=True)
        index = Index(self._layout.index, workspace_id, disk, writable=False, cache=cache)
        try:
            metrics = Metrics(read_marker(self._layout.root).metrics)
            catalog = Catalog(self._layout, disk, index, metrics, lambda: following.refill())
            following = Following(self._layout, disk, index, catalog, lambda text: None)
            following.report = self._inspection.part_of(_STEPS_OF_MAKING)
            following.sync()
            following.report(1, 1, "")  # it may have had little to tell
            for file, ranges in self._catalog.places_of_arrays():
                index.parts.put_ranges(file, ranges)
            if index.path is None:
                raise DiskFull("There is no room to make an index to compare with.", cache, "Make room, check again.")
            return index.path
        finally:
            index.close()
