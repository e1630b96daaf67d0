"""The Parquet catalog on disk: which part files count, and every change to them.

Three data sets (meta, data, annotations), each a folder that pandas, Polars, DuckDB, Dask and Spark read as one
table. A change writes new parts outside the folders, renames them in, and then replaces the manifest: that
replacement is the commit. All parts of `meta` have one schema, so that a reader that looks at the first only is
right. Parts are merged in the background, eight of a size into one, so that few are ever live.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from storage.disk import Disk, discard
from storage.errors import Corrupt, Locked, NotFound, StorageError
from storage.layout import Layout
from storage.manifest import DATASETS, ManifestFile
from storage.part_files import (
    ANNOTATION_SCHEMA,
    DATA_SCHEMA,
    META_SCHEMA,
    SCHEMAS,
    PartFiles,
    Range,
    conform,
    ranges_of,
    readable,
    table_of,
)
from storage.records import Manifest, PartRecord

FAN_OUT = 8  # parts of one size that are merged into one: at most 7 live parts for each power of 8
MAX_MERGED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Commit:
    """One change that came to be, for the index to follow: the manifests, and what differs between them.

    `meta` and `annotations` are rows that were added, `removed` ids of rows that are gone, `ranges` the row groups of
    new data parts by file.
    """

    before: Manifest
    after: Manifest
    meta: pa.Table | None = None
    annotations: pa.Table | None = None
    removed: Sequence[str] = ()
    ranges: Mapping[str, list[Range]] = field(default_factory=dict)


Follow = Callable[[Commit], None]
Found = TypeVar("Found")


class Parts:
    """The catalog's parts of one workspace.

    `follow` is called with each commit while the catalog is still locked, so that an index can follow in their order.
    """

    def __init__(self, layout: Layout, disk: Disk, manifest: ManifestFile, follow: Follow) -> None:
        self._disk = disk
        self._manifest = manifest
        self.files = PartFiles(layout, disk)
        self._follow = follow
        self._schema: tuple[int, pa.Schema] | None = None
        self._uniform: tuple[int, pa.Schema] | None = None  # at that generation every part had that schema

    # ------------------------------------------------------------ looking

    def manifest(self) -> Manifest:
        """The manifest as it is now; an empty one where none was written yet."""
        return self._manifest.read()

    def look(self, find: Callable[[Manifest], Found]) -> Found:
        """What is found in the parts that count; looked for again where one of them was merged away meanwhile."""
        while True:
            manifest = self.manifest()
            try:
                return find(manifest)
            except NotFound:
                if self.manifest().generation == manifest.generation:
                    raise

    def read_columns(self, columns: Sequence[str]) -> pa.Table:
        """These columns of all rows of meta; what some part lacks is null there. Damaged parts are left out."""
        while True:
            manifest = self.manifest()
            tables, missing = [readable(pa.table({}), columns)], False
            for part in manifest.meta:
                try:
                    tables.append(readable(self.files.read_meta(part, columns), columns))
                except NotFound:
                    missing = True
                except Corrupt:
                    continue  # sync has named it to the user
            if not missing or self.manifest().generation == manifest.generation:
                return pa.concat_tables(tables)
            # A part was merged away meanwhile: once more, with those that are live now.

    def read_rows(self, dataset: str, ids: Sequence[str]) -> pa.Table:
        """The rows of these predictions. Raises Corrupt or NotFound: what can't be read might be among them."""
        wanted = pa.array(ids, pa.string())
        return self.look(lambda manifest: self._rows_in(manifest, dataset, wanted))

    def _rows_in(self, manifest: Manifest, dataset: str, wanted: pa.Array) -> pa.Table:
        schema = self._current_schema(manifest) if dataset == "meta" else SCHEMAS[dataset]
        found = [schema.empty_table()]
        for part in getattr(manifest, dataset):
            mask = pc.is_in(self.files.ids(dataset, part), wanted)
            if pc.any(mask).as_py():
                found.append(conform(self.files.read(dataset, part).filter(mask), schema))
        return pa.concat_tables(found)

    def those_in(self, dataset: str, ids: Sequence[str]) -> set[str]:
        """Those of these predictions that have rows there. A damaged part has none: mending writes them anew."""
        wanted, found = set(ids), set[str]()
        first, last = min(ids), max(ids)
        for part in getattr(self.manifest(), dataset):
            with suppress(StorageError):
                edges = self.files.ranges(dataset, part)
                if any(low is None or high is None or (low <= last and high >= first) for low, high in edges):
                    table = self.files.read(dataset, part, ["prediction_id"], verify=False)
                    found |= wanted.intersection(table.column(0).to_pylist() if table.num_columns else ())
        return found

    # ------------------------------------------------------------ changing

    def append(self, meta_rows: Sequence[dict[str, Any]], data_rows: Sequence[dict[str, Any]]) -> Manifest:
        """Commit rows to meta and data together, durably; returns the new manifest.

        Raises StorageError with the old state intact.
        """
        with self._disk.lock("catalog"):
            schema = self._meta_schema(self._to_change(), meta_rows)
            return self.add(table_of(meta_rows, schema), table_of(data_rows, DATA_SCHEMA))

    def add(
        self,
        meta: pa.Table,
        data: pa.Table,
        annotations: pa.Table | None = None,
        *,
        without: Mapping[str, Collection[str]] | None = None,
    ) -> Manifest:
        """Commit tables to the data sets together, durably; empty ones add nothing.

        The parts named in `without`, by data set, do not count any more; then the index does not follow and has to be
        synced.
        """
        with self._disk.lock("catalog"):
            before = self._to_change()
            dropped = {dataset: set((without or {}).get(dataset, ())) for dataset in DATASETS}
            kept = {d: [p for p in getattr(before, d) if p.file not in dropped[d]] for d in DATASETS}
            schema = _wider(self._current_schema(before), meta.schema)
            uniform = not meta.num_rows or self._all_have(before, schema)
            widened = {} if uniform else self._widen(kept["meta"], schema)
            tables = {"meta": conform(meta, schema), "data": data, "annotations": annotations}
            added = {d: self.files.write(d, t) for d, t in tables.items() if t is not None and t.num_rows}
            live = {d: kept[d] + ([added[d][1]] if d in added else []) for d in DATASETS}
            live["meta"] = [widened.get(p.file, (None, p))[1] for p in live["meta"]]
            after = self._next(before, live)
            files = [(staged, self.files.path("meta", part)) for staged, part in widened.values()]
            # Arrays first: where the first commit of all is cut short, no row lies there without them.
            ordered = [(dataset, *added[dataset]) for dataset in ("data", "meta", "annotations") if dataset in added]
            files += [(staged, self.files.path(dataset, part)) for dataset, staged, part in ordered]
            self._commit(files, before, after)
            self._advance(before, after)
            if meta.num_rows:
                self._schema = self._uniform = (after.generation, schema)
            ranges = {added["data"][1].file: ranges_of(data)} if "data" in added else {}
            if without is None:
                self._follow(Commit(before, after, tables["meta"], annotations, ranges=ranges))
            return after

    def count_again(self, names: Collection[str]) -> int:
        """Correct the row counts of these sound parts in the manifest; returns how many were wrong."""
        with self._disk.lock("catalog"):
            before = self.manifest()
            wrong = 0
            live: dict[str, list[PartRecord]] = {dataset: [] for dataset in DATASETS}
            for dataset in DATASETS:
                for part in getattr(before, dataset):
                    if part.file in names and self.files.problem(dataset, part) == "miscounted":
                        part = part.model_copy(update={"rows": self.files.read(dataset, part, []).num_rows})
                        wrong += 1
                    live[dataset].append(part)
            if wrong:
                self._commit([], before, self._next(before, live))
            return wrong

    def annotate(self, rows: Callable[[], Sequence[dict[str, Any]]]) -> int:
        """Commit edits, durably; `rows` makes them from the state they are based on, which can't change meanwhile."""
        with self._disk.lock("catalog"):
            made = rows()
            if made:
                empty = DATA_SCHEMA.empty_table()
                self.add(META_SCHEMA.empty_table(), empty, table_of(made, ANNOTATION_SCHEMA))
            return len(made)

    def remove(self, ids: Sequence[str], annotations: pa.Table) -> Manifest:
        """Delete the rows of predictions from meta and data, and note it as an edit, in one commit.

        The parts that hold them are written anew. Raises Corrupt where a damaged part may hold one of them.
        """
        return self._remove(("meta", "data"), ids, annotations)

    def remove_arrays(self, ids: Sequence[str]) -> Manifest:
        """Delete the rows of predictions from data alone, otherwise as `remove`."""
        return self._remove(("data",), ids, None)

    def _remove(self, datasets: Sequence[str], ids: Sequence[str], annotations: pa.Table | None) -> Manifest:
        wanted = pa.array(ids, pa.string())
        with self._disk.lock("catalog"):
            before = self._to_change()
            live: dict[str, list[PartRecord]] = {"annotations": list(before.annotations)}
            files: list[tuple[Path, Path]] = []
            gone: dict[str, list[PartRecord]] = {"meta": [], "data": []}
            ranges: dict[str, list[Range]] = {}

            def take(dataset: str, table: pa.Table, sources: Sequence[PartRecord] = ()) -> None:
                staged, part = self.files.write(dataset, table)
                live[dataset].append(_from(sources, part) if sources else part)
                files.append((staged, self.files.path(dataset, part)))
                if dataset == "data":
                    ranges[part.file] = ranges_of(table)

            for dataset in datasets:
                live[dataset] = []
                for old in getattr(before, dataset):
                    mask = pc.is_in(self.files.ids(dataset, old), wanted)
                    if not pc.any(mask).as_py():
                        live[dataset].append(old)
                        continue
                    kept = self.files.read(dataset, old).filter(pc.invert(mask))
                    gone[dataset].append(old)
                    if kept.num_rows:
                        take(dataset, kept, [old])
            if annotations is not None:
                take("annotations", annotations)
            elif not any(gone.values()):
                return before
            after = self._next(before, live)
            self._commit(files, before, after)
            self._advance(before, after)
            self._follow(Commit(before, after, None, annotations, list(ids) if "meta" in datasets else (), ranges))
            return after

    def locked(self) -> AbstractContextManager[None]:
        """Hold off every other change of the catalog; re-entrant in one thread."""
        return self._disk.lock("catalog")

    def _to_change(self) -> Manifest:
        """The manifest that a change starts from. Raises Corrupt where it was lost: then no part would count."""
        found = self.manifest()
        if not found.generation and self._manifest.orphans():
            advice = "Open the workspace again: it is made again from the parts."
            raise Corrupt("catalog/manifest.json is not there any more.", advice=advice)
        return found

    def _next(self, before: Manifest, live: Mapping[str, list[PartRecord]]) -> Manifest:
        return before.model_copy(update={"generation": before.generation + 1, **live})

    def _advance(self, before: Manifest, after: Manifest) -> None:
        """What was known of the columns holds for the next generation too."""
        if self._schema and self._schema[0] == before.generation:
            self._schema = (after.generation, self._schema[1])
        if self._uniform and self._uniform[0] == before.generation:
            self._uniform = (after.generation, self._uniform[1])

    def _commit(self, files: Sequence[tuple[Path, Path]], before: Manifest, after: Manifest) -> None:
        """Put the new parts in place, commit, and remove the parts that are replaced by it.

        What a kill leaves of that, or can't be removed now, the next commit or open sweeps.
        """
        self._manifest.announce(before, after)
        try:
            self._disk.place(files)
            self._manifest.write(after)
        except BaseException:
            # Programs that read the folder as it stands would count a part that was never committed.
            if self.manifest().generation < after.generation:
                self._disk.remove_files(path for _, path in files)
            raise
        finally:
            with suppress(StorageError):  # the commit stands, or has failed for a better reason
                self._manifest.sweep()

    # ------------------------------------------------------------ columns

    def _meta_schema(self, manifest: Manifest, rows: Iterable[dict[str, Any]]) -> pa.Schema:
        """The schema all parts must have from now on: today's, and a double for each column that is new."""
        schema = self._current_schema(manifest)
        for name in dict.fromkeys(name for row in rows for name in row):
            if schema.get_field_index(name) < 0:
                schema = schema.append(pa.field(name, pa.float64()))
        return schema

    def _current_schema(self, manifest: Manifest) -> pa.Schema:
        """The schema of the live parts; parts of other programs may differ, then it is the union."""
        if self._schema and self._schema[0] == manifest.generation:
            return self._schema[1]
        schema = META_SCHEMA
        for part in manifest.meta:
            with suppress(StorageError, OSError, pa.ArrowException):
                schema = _wider(schema, self.files.schema_of("meta", part))
        self._schema = (manifest.generation, schema)
        return schema

    def _all_have(self, manifest: Manifest, schema: pa.Schema) -> bool:
        """Whether every part is known to have that schema already: so it is right after a commit of this process."""
        return self._uniform is not None and self._uniform[0] == manifest.generation and self._uniform[1] == schema

    def _widen(self, parts: list[PartRecord], schema: pa.Schema) -> dict[str, tuple[Path, PartRecord]]:
        """Rewrite the parts that lack a column of `schema`, to staging; returns them by their old name."""
        widened: dict[str, tuple[Path, PartRecord]] = {}
        for part in parts:
            try:
                if self.files.schema_of("meta", part).names != schema.names:
                    staged, wide = self.files.write("meta", conform(self.files.read("meta", part), schema))
                    widened[part.file] = staged, _from([part], wide)
            except (StorageError, pa.ArrowException, OSError):
                continue  # damaged: stays as it is, for check to repair
        return widened

    # ------------------------------------------------------------ housekeeping

    def mergeable(self) -> list[tuple[str, list[PartRecord]]]:
        """What compacting would merge now, in order: the data set and its parts, merged ones among them."""
        found: list[tuple[str, list[PartRecord]]] = []
        manifest = self.manifest()
        for dataset in DATASETS:
            parts: list[PartRecord] = list(getattr(manifest, dataset))
            while group := _mergeable(parts):
                found.append((dataset, group))
                size, rows = sum(part.bytes for part in group), sum(part.rows for part in group)
                merged = PartRecord(file=f"merged-{len(found)}", rows=rows, bytes=size, sha256="")
                parts = [*(part for part in parts if part not in group), merged]
        return found

    def compact(self) -> int:
        """Merge parts of like size until few are left; returns how many were merged away.

        Parts never change, so merging needs no lock; only the swap takes it, and is dropped if a part has gone.
        """
        merged = 0
        try:
            with self._disk.lock("compaction", timeout=0):
                for dataset in DATASETS:
                    while group := _mergeable(getattr(self.manifest(), dataset)):
                        if not self._merge(dataset, group):
                            break
                        merged += len(group) - 1
        except Locked:
            pass  # another process is at it
        return merged

    def _merge(self, dataset: str, group: list[PartRecord]) -> bool:
        try:
            tables = [self.files.read(dataset, part) for part in group]
            schema = SCHEMAS[dataset] if dataset != "meta" else self._current_schema(self.manifest())
            merged = pa.concat_tables([conform(table, schema) for table in tables])
        except (Corrupt, NotFound):
            return False
        if dataset == "data":
            merged = merged.sort_by("prediction_id")  # the sort is stable; a prediction lies in one row group, or two
        staged, part = self.files.write(dataset, merged)
        names = {old.file for old in group}
        with self._disk.lock("catalog"):
            before = self.manifest()
            live: list[PartRecord] = getattr(before, dataset)
            stale = dataset == "meta" and self._current_schema(before).names != schema.names
            if stale or not names <= {p.file for p in live}:
                discard(staged)
                return False
            place = next(i for i, p in enumerate(live) if p.file in names)
            kept = [p for p in live if p.file not in names]
            part = _from(group, part)
            after = self._next(before, {dataset: [*kept[:place], part, *kept[place:]]})
            self._commit([(staged, self.files.path(dataset, part))], before, after)
            self._advance(before, after)
            self._follow(Commit(before, after, ranges={part.file: ranges_of(merged)} if dataset == "data" else {}))
        return True


def _from(sources: Iterable[PartRecord], part: PartRecord) -> PartRecord:
    """A part that was written anew from others.

    An index that knows all its results need not read it, unless another program wrote one of the others: that may have
    changed values, and there may be indexes that have not seen them when the part is written anew once more.
    """
    foreign = any(one.foreign or not one.footer for one in sources)
    return part.model_copy(update={"merged": not foreign, "foreign": foreign})


def _wider(schema: pa.Schema, other: pa.Schema) -> pa.Schema:
    """`schema` with the columns of `other` that it lacks after its own."""
    for one in other:
        if schema.get_field_index(one.name) < 0:
            schema = schema.append(pa.field(one.name, one.type))
    return schema


def _mergeable(parts: list[PartRecord]) -> list[PartRecord]:
    """The first eight or more parts of like size (the same power of eight), unless they are large."""
    levels: dict[int, list[PartRecord]] = {}
    for part in parts:
        levels.setdefault(max(part.rows, 1).bit_length() // 3, []).append(part)
    for _, group in sorted(levels.items()):
        if len(group) >= FAN_OUT and sum(part.bytes for part in group) <= MAX_MERGED_BYTES:
            return group
    return []
