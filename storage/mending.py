"""Mending the catalog: damaged parts are put aside and what they held is written anew, in one commit.

Results come from the pipelines' own files; of pipelines whose folders are gone the index still knows the row, and
it knows the tags and notes. The damaged files stay in the trash: what could not be recovered is in them alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from storage.catalog import Catalog
from storage.catalog_row import catalog_row
from storage.disk import Disk
from storage.errors import Corrupt, StorageError
from storage.findings import count
from storage.index import Index
from storage.intake import readable_arrays
from storage.layout import Layout
from storage.manifest import DATASETS, ManifestFile
from storage.metrics import PARTITIONS, flatten
from storage.moments import from_microseconds
from storage.part_files import ANNOTATION_SCHEMA, DATA_SCHEMA, META_SCHEMA, deleted_in, moments_in, table_of
from storage.part_index import split_tags
from storage.parts import Parts
from storage.pipelines import Pipeline
from storage.plan import Report
from storage.predictions import to_rows
from storage.quarantine import copy_aside
from storage.records import PartRecord
from storage.rescue import lost_deletions
from storage.runs import Run
from storage.scan import run_folders

_ENDED = ("completed", "failed")
_BATCH = 2_000  # results turned into tables at a time


@dataclass
class _Found:
    """What was recovered so far."""

    meta: list[dict[str, Any]] = field(default_factory=list)
    data: list[pa.Table] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    edits: list[dict[str, Any]] = field(default_factory=list)
    arrays: int = 0
    problems: list[str] = field(default_factory=list)

    def pack(self) -> None:
        """Keep the arrays as a table, which takes a tenth of the room."""
        if self.rows:
            self.data.append(table_of(self.rows, DATA_SCHEMA))
            self.rows = []


class Mending:
    """Mends the parts of one workspace's catalog."""

    def __init__(self, layout: Layout, disk: Disk, index: Index, catalog: Catalog) -> None:
        self._layout = layout
        self._disk = disk
        self._index = index
        self._catalog = catalog
        # What follows the index is left to the next sync: what it knows of the damaged parts is needed until then.
        self._parts = Parts(layout, disk, ManifestFile(layout, disk), lambda commit: None)

    def mend(self, names: Collection[str], report: Report) -> str:
        """Put those of the named parts aside that are damaged or gone, and write anew what they held.

        Returns what was done, in a sentence; empty when none of them is damaged. Raises Corrupt when another part
        can't be read: what is missing is then not known.
        """
        with self._parts.locked():
            damaged = self._damaged(names)
            if not any(damaged.values()):
                return ""
            sound = {d: [p for p in getattr(self._parts.manifest(), d) if p not in damaged[d]] for d in DATASETS}
            there = {d: self._ids(d, sound[d]) for d in ("meta", "data")}
            found = _Found()
            if damaged["annotations"]:
                found.edits = list(self._lost_edits(sound["annotations"]))
                known = self._deleted(sound["annotations"], found.edits)
                found.edits += lost_deletions(self._layout, self._disk, self._parts.files, sound["annotations"], known)
            if damaged["meta"] or damaged["data"]:
                deleted = self._deleted(sound["annotations"], found.edits)
                self._take_from_folders(found, there, deleted, report)
                self._take_from_index(found, there["meta"], deleted)
                found.pack()
            files = [self._parts.files.path(dataset, part) for dataset in DATASETS for part in damaged[dataset]]
            record = copy_aside(self._layout, self._disk, "Damaged parts of the catalog", files)
            self._parts.add(
                _meta_table(found.meta),
                pa.concat_tables([DATA_SCHEMA.empty_table(), *found.data]),
                table_of(found.edits, ANNOTATION_SCHEMA),
                without={dataset: [part.file for part in damaged[dataset]] for dataset in DATASETS},
            )
        self._catalog.sync()
        return _sentence(damaged, found, record is not None)

    def _damaged(self, names: Collection[str]) -> dict[str, list[PartRecord]]:
        manifest = self._parts.manifest()
        return {
            dataset: [
                part
                for part in getattr(manifest, dataset)
                if part.file in names and self._parts.files.problem(dataset, part, deep=True) not in ("", "miscounted")
            ]
            for dataset in DATASETS
        }

    def _ids(self, dataset: str, parts: Sequence[PartRecord]) -> set[str]:
        found: set[str] = set()
        for part in parts:
            try:
                found.update(self._parts.files.ids(dataset, part).to_pylist())
            except StorageError as error:
                raise Corrupt(f"{error.what} It was not among the findings.", error.path, "Check again.") from error
        return found

    # ------------------------------------------------------------ edits

    def _lost_edits(self, sound: Sequence[PartRecord]) -> Iterator[dict[str, Any]]:
        """The edits that the index knows and the sound parts don't have."""
        there: dict[str, int] = {}
        for part in sound:
            table = self._parts.files.read("annotations", part)
            for name, at in zip(table.column("prediction_id").to_pylist(), moments_in(table), strict=True):
                there[name] = max(there.get(name, 0), at)
        known = self._catalog.ask_index(self._index.parts.all_annotations)
        for name, row in known.items():
            if int(row["at"] or 0) > there.get(name, -1):
                yield {
                    "prediction_id": name,
                    "tags": split_tags(row["tags"]),
                    "notes": row["notes"],
                    "stars": row["stars"],
                    "deleted": bool(row["deleted"]),
                    "at": from_microseconds(int(row["at"] or 0)),
                    "by": row["by"],
                }

    def _deleted(self, sound: Sequence[PartRecord], recovered: Sequence[Mapping[str, Any]]) -> set[str]:
        """The predictions that somebody deleted: they are not to come back."""
        found = deleted_in(self._parts.files.read("annotations", part) for part in sound)
        return found | {str(row["prediction_id"]) for row in recovered if row["deleted"]}

    # ------------------------------------------------------------ results

    def _take_from_folders(
        self, found: _Found, there: Mapping[str, set[str]], deleted: Collection[str], report: Report
    ) -> None:
        known = set(self._catalog.ids())
        runs = run_folders(self._layout)
        for number, entry in enumerate(runs):
            report(number, len(runs), "reading results from the run folders")
            try:
                run = Run.open(self._layout, self._disk, self._catalog, self._layout.run(entry.name))
            except StorageError as error:
                found.problems.append(error.what.rstrip("."))
                continue
            for pipeline in run.pipelines():
                if pipeline.record.status in _ENDED and pipeline.prediction_id not in deleted:
                    self._take(found, pipeline, there, known)

    def _take(
        self, found: _Found, pipeline: Pipeline, there: Mapping[str, set[str]], known: Collection[str] = ()
    ) -> None:
        """Take what is not `there`; of a pipeline without metrics the index, if it is `known` there, knows more."""
        name = pipeline.prediction_id
        try:
            if name not in there["meta"] and (_tells(pipeline.metrics()) or name not in known):
                found.meta.append(catalog_row(pipeline.run.config, pipeline.record, pipeline.metrics()))
                there["meta"].add(name)
        except StorageError as error:
            found.problems.append(f"{pipeline.pipeline_id} was left out: {error.what.rstrip('.')}")
            return
        arrays = readable_arrays(pipeline, found.problems, doubted=True) if name not in there["data"] else []
        if arrays:
            found.rows += to_rows(name, arrays)
            found.arrays += 1
            there["data"].add(name)
            if len(found.rows) >= _BATCH:
                found.pack()

    def _take_from_index(self, found: _Found, there: Collection[str], deleted: Collection[str]) -> None:
        """The rows of results whose folders are gone, as the index knows them from before."""
        names = {*META_SCHEMA.names, *(c.name for c in self._catalog.columns() if c.kind == "number")}
        lost = [one for one in self._catalog.ids() if one not in there and one not in deleted]
        for row in self._catalog.ask_index(lambda: self._index.results.rows(self._index.results.keys_of(lost))):
            kept = {name: value for name, value in row.items() if name in names}
            day = kept.get("run_date")
            kept["run_date"] = date.fromisoformat(str(day)[:10]) if day else None
            kept["config"] = self._catalog.config(str(row["prediction_id"]))
            found.meta.append(kept)


def _tells(metrics: Mapping[str, Any]) -> bool:
    """Whether there is a number in a metrics.json; of one that was emptied the index knows more."""
    return bool(flatten({name: values for name, values in metrics.items() if name in PARTITIONS}))


def _meta_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table: the fixed columns and a number for each metric that any of them has."""
    metrics = dict.fromkeys(name for row in rows for name in row if META_SCHEMA.get_field_index(name) < 0)
    return table_of(rows, pa.schema([*META_SCHEMA, *((name, pa.float64()) for name in metrics)]))


def _sentence(damaged: Mapping[str, Sequence[PartRecord]], found: _Found, kept: bool) -> str:
    parts = count(sum(len(parts) for parts in damaged.values()), "damaged part")
    done = [f"{parts} put aside in the trash" if kept else f"{parts} taken out of the manifest"]
    for number, word in ((len(found.meta), "result"), (found.arrays, "prediction array"), (len(found.edits), "edit")):
        if number:
            done.append(f"{count(number, word)} written anew")
    return ", ".join([*done, *_losses(damaged, found), *found.problems])


def _losses(damaged: Mapping[str, Sequence[PartRecord]], found: _Found) -> Iterator[str]:
    """What the damaged parts held that is not there again. Rows that did not count any more may be among it."""
    again = {
        "meta": len(found.meta),
        "data": sum(table.num_rows for table in found.data),
        "annotations": len(found.edits),
    }
    for dataset, word in (("meta", "result"), ("data", "row of predictions"), ("annotations", "edit")):
        parts = damaged[dataset]
        if any(part.rows == 0 for part in parts):  # its record was lost, too
            yield f"how many {_SEVERAL[word]} could not be recovered is not known"
        elif (lost := sum(part.rows for part in parts) - again[dataset]) > 0:
            yield f"{count(lost, word, _SEVERAL[word])} could not be recovered"


_SEVERAL = {"result": "results", "row of predictions": "rows of predictions", "edit": "edits"}
