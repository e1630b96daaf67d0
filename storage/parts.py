"""The Parquet catalog on disk: part files and the manifest that says which of them count.

Three data sets (meta, data, annotations), each a folder that pandas, Polars, DuckDB, Dask and Spark read as one
table. An append writes one part per data set outside the folder, renames them in, and then replaces the manifest:
that replacement is the commit. All parts of `meta` have one schema, so that a reader that looks at the first only
is right. Parts are merged in the background, eight of a size into one, so that few are ever live.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.disk import Disk
from storage.errors import BadInput, Corrupt, Locked, NotFound, StorageError, TooNew, os_errors
from storage.layout import Layout
from storage.records import Manifest, PartRecord, new_id, read_document

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays

MANIFEST_FORMAT = 1
FAN_OUT = 8  # parts of one size that are merged into one: at most 7 live parts for each power of 8
MAX_MERGED_BYTES = 256 * 1024 * 1024
SMALL_ROWS = 64  # below this, compressing costs more time than it saves room; merging does it later
VERIFIED_BYTES = 32 * 1024 * 1024  # parts up to this are verified the first time they are read
ROW_GROUP = {"meta": 65_536, "data": 512, "annotations": 65_536}
DATASETS = ("meta", "data", "annotations")

META_SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("dataset_name", pa.string()),
        ("run_id", pa.string()),
        ("run_date", pa.date32()),
        ("pipeline_id", pa.string()),
        ("pipeline_name", pa.string()),
        ("config_name", pa.string()),
        ("config_hash", pa.string()),
        ("model_type", pa.string()),
        ("task_type", pa.string()),
        ("status", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("n_samples", pa.int64()),
        ("n_features", pa.int64()),
        ("n_folds", pa.int64()),
        ("fit_seconds", pa.float64()),
        ("created_by", pa.string()),
        ("run_name", pa.string()),
        ("data_hash", pa.string()),
        ("seed", pa.int64()),
    ]
)
DATA_SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("partition", pa.string()),
        ("fold_id", pa.int64()),
        ("n_targets", pa.int64()),
        ("sample_indices", pa.list_(pa.int64())),
        ("y_true", pa.list_(pa.float64())),
        ("y_pred", pa.list_(pa.float64())),
        ("labels", pa.list_(pa.string())),
        ("probabilities", pa.list_(pa.float64())),
    ]
)


class Parts:
    """The part files of one workspace's catalog."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._schema: tuple[int, pa.Schema] | None = None
        self._uniform: tuple[int, pa.Schema] | None = None  # at that generation every part had that schema
        self._verified: set[str] = set()
        self._footers: dict[str, pq.ParquetFile] = {}

    # ------------------------------------------------------------ looking

    def manifest(self) -> Manifest:
        """The manifest as it is now; an empty one where none was written yet."""
        try:
            found = read_document(self._layout.manifest, Manifest)
        except NotFound:
            return Manifest()
        if found.format > MANIFEST_FORMAT:
            raise TooNew(
                f"The catalog was written by a newer Runshelf (format {found.format}).",
                self._layout.manifest,
                "Update Runshelf to open it.",
            )
        return found

    def path(self, dataset: str, part: PartRecord) -> Path:
        """Where a part lies. A manifest can't name a file outside its data set's folder."""
        if Path(part.file).name != part.file or part.file in ("", ".", ".."):
            raise Corrupt(f"The manifest names a part '{part.file}'.", self._layout.manifest, "Run a check.")
        return self._layout.part_folder(dataset) / part.file

    def read(
        self, dataset: str, part: PartRecord, columns: Sequence[str] | None = None, *, verify: bool = True
    ) -> pa.Table:
        """Read a part, or those of `columns` that it has; raises Corrupt when it is damaged, NotFound when gone.

        With `verify` all its bytes must be as the manifest says; without, that is looked at once, if it isn't large,
        and the checksums of the pages read must hold.
        """
        path = self.path(dataset, part)
        try:
            if verify:
                _verify(path, part)
            else:
                self._verify_once(path, part)
            if columns is not None:
                have = set(pq.read_schema(path).names)
                columns = [name for name in columns if name in have]
            return pq.read_table(path, columns=columns, partitioning=None, page_checksum_verification=True)
        except FileNotFoundError as error:
            raise NotFound(f"The catalog part {part.file} is not there.", path, "Run: runshelf check.") from error
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"The catalog part {part.file} can't be read: {error}.", path, "Run a check.") from error

    def read_meta(self, part: PartRecord, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a part of meta; see `read`."""
        return self.read("meta", part, columns)

    def arrays(self, prediction_id: str) -> list[PredictionArrays]:
        """The arrays of one prediction, read from the row groups that can hold it."""
        from storage.predictions import from_row

        live = self.manifest().data
        names = {part.file for part in live}
        self._footers = {name: file for name, file in list(self._footers.items()) if name in names}
        rows: list[dict[str, Any]] = []
        failed: StorageError | None = None
        for part in live:
            try:
                rows += self._rows_of(part, prediction_id)
            except StorageError as error:  # of no matter if the rows lie in another part
                failed = error
        if failed is not None and not rows:
            raise failed
        return [from_row(row) for row in rows]

    def _rows_of(self, part: PartRecord, prediction_id: str) -> list[dict[str, Any]]:
        file = self._footer(part)
        column = file.schema_arrow.get_field_index("prediction_id")
        found: list[dict[str, Any]] = []
        for group in range(file.metadata.num_row_groups):
            stats = file.metadata.row_group(group).column(column).statistics
            if stats is not None and stats.has_min_max and not stats.min <= prediction_id <= stats.max:
                continue
            try:
                ids = file.read_row_group(group, columns=["prediction_id"]).column(0)
                mask = pc.equal(ids, prediction_id)
                if pc.any(mask).as_py():
                    found += file.read_row_group(group).filter(mask).to_pylist()
            except (pa.ArrowException, OSError) as error:
                path = self.path("data", part)
                raise Corrupt(f"The catalog part {part.file} can't be read: {error}.", path, "Run a check.") from error
        return found

    def _footer(self, part: PartRecord) -> pq.ParquetFile:
        if part.file not in self._footers:
            path = self.path("data", part)
            try:
                self._verify_once(path, part)
                self._footers[part.file] = pq.ParquetFile(path, page_checksum_verification=True)
            except FileNotFoundError as error:
                raise NotFound(f"The catalog part {part.file} is not there.", path, "Run a check.") from error
            except (pa.ArrowException, OSError) as error:
                raise Corrupt(f"The catalog part {part.file} can't be read: {error}.", path, "Run a check.") from error
        return self._footers[part.file]

    def _schema_of(self, part: PartRecord) -> pa.Schema:
        path = self.path("meta", part)
        self._verify_once(path, part)
        return pq.read_schema(path)

    def _verify_once(self, path: Path, part: PartRecord) -> None:
        """Verify a part the first time it is read, unless it is so large that reading it all would be felt."""
        if part.file not in self._verified and path.stat().st_size <= VERIFIED_BYTES:
            _verify(path, part)
            self._verified.add(part.file)

    # ------------------------------------------------------------ appending

    def append(
        self,
        meta_rows: Sequence[dict[str, Any]],
        data_rows: Sequence[dict[str, Any]],
        committed: Callable[[Manifest, Manifest, pa.Table], None] | None = None,
    ) -> Manifest:
        """Commit rows to meta and data together, durably; returns the new manifest.

        `committed(before, after, meta)` is called while the catalog is still locked, so that an index can follow in
        the order of commits. Raises StorageError with the old state intact.
        """
        with self._disk.lock("catalog"):
            before = self.manifest()
            schema = self._meta_schema(before, meta_rows)
            meta = _table(meta_rows, schema)
            widened = {} if self._all_have(before, schema) else self._widen(before.meta, schema)
            added = {"meta": self._write("meta", meta)}
            if data_rows:
                added["data"] = self._write("data", _table(data_rows, DATA_SCHEMA))
            after = before.model_copy(
                update={
                    "generation": before.generation + 1,
                    "meta": [widened.get(p.file, (None, p))[1] for p in before.meta] + [added["meta"][1]],
                    "data": before.data + ([added["data"][1]] if data_rows else []),
                }
            )
            files = [(staged, self.path("meta", part)) for staged, part in widened.values() if staged]
            files += [(staged, self.path(dataset, part)) for dataset, (staged, part) in added.items()]
            self._commit(files, after)
            self._disk.remove_files(self.path("meta", p) for p in before.meta if p.file in widened)
            self._schema = self._uniform = (after.generation, schema)
            if committed:
                committed(before, after, meta)
            return after

    def _meta_schema(self, manifest: Manifest, rows: Iterable[dict[str, Any]]) -> pa.Schema:
        """The schema all parts must have from now on: today's, and a double for each column that is new."""
        schema = self._current_schema(manifest)
        for row in rows:
            for name in row:
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
                for field in self._schema_of(part):
                    if schema.get_field_index(field.name) < 0:
                        schema = schema.append(pa.field(field.name, field.type))
        self._schema = (manifest.generation, schema)
        return schema

    def _all_have(self, manifest: Manifest, schema: pa.Schema) -> bool:
        """Whether every part is known to have that schema already: so it is right after a commit of this process."""
        return self._uniform is not None and self._uniform[0] == manifest.generation and self._uniform[1] == schema

    def _widen(self, parts: list[PartRecord], schema: pa.Schema) -> dict[str, tuple[Path | None, PartRecord]]:
        """Rewrite the parts that lack a column of `schema`, to staging; returns them by their old name."""
        widened: dict[str, tuple[Path | None, PartRecord]] = {}
        for part in parts:
            try:
                if self._schema_of(part).names != schema.names:
                    widened[part.file] = self._write("meta", conform(self.read("meta", part), schema))
            except (StorageError, pa.ArrowException, OSError):
                continue  # damaged: stays as it is, for check to repair
        return widened

    def _write(self, dataset: str, table: pa.Table) -> tuple[Path, PartRecord]:
        """Write a part to staging."""
        name = f"part-{new_id()}.parquet"
        staged = self._disk.staging_path(name)
        small = table.num_rows < SMALL_ROWS
        try:
            with os_errors("save to the catalog", self._layout.part_folder(dataset)):
                pq.write_table(
                    table,
                    staged,
                    row_group_size=ROW_GROUP[dataset],
                    compression="none" if small else "zstd",
                    write_page_checksum=True,
                    use_dictionary=not small,
                    write_statistics=["prediction_id"] if small or dataset == "data" else True,
                )
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        with staged.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return staged, PartRecord(file=name, rows=table.num_rows, bytes=staged.stat().st_size, sha256=digest)

    def _commit(self, files: Sequence[tuple[Path, Path]], manifest: Manifest) -> None:
        try:
            self._disk.place(files)
            self._disk.write(self._layout.manifest, (manifest.model_dump_json(indent=1) + "\n").encode())
        except BaseException:
            # Programs that read the folder as it stands would count a part that was never committed.
            if self.manifest().generation < manifest.generation:
                self._disk.remove_files(path for _, path in files)
            raise

    # ------------------------------------------------------------ housekeeping

    def compact(self, committed: Callable[[Manifest, Manifest], None] | None = None) -> int:
        """Merge parts of like size until few are left; returns how many were merged away.

        Parts never change, so merging needs no lock; only the swap takes it, and is dropped if a part has gone.
        """
        merged = 0
        try:
            with self._disk.lock("compaction", timeout=0):
                for dataset in DATASETS:
                    while group := _mergeable(getattr(self.manifest(), dataset)):
                        if not self._merge(dataset, group, committed):
                            break
                        merged += len(group) - 1
        except Locked:
            pass  # another process is at it
        return merged

    def _merge(
        self, dataset: str, group: list[PartRecord], committed: Callable[[Manifest, Manifest], None] | None
    ) -> bool:
        try:
            tables = [self.read(dataset, part) for part in group]
            schema = tables[0].schema if dataset != "meta" else self._current_schema(self.manifest())
            merged = pa.concat_tables([conform(table, schema) for table in tables])
        except (Corrupt, NotFound):
            return False
        staged, part = self._write(dataset, merged)
        names = {old.file for old in group}
        with self._disk.lock("catalog"):
            before = self.manifest()
            live: list[PartRecord] = getattr(before, dataset)
            stale = dataset == "meta" and self._current_schema(before).names != schema.names
            if stale or not names <= {p.file for p in live}:
                staged.unlink(missing_ok=True)
                return False
            kept = [p for p in live if p.file not in names]
            after = before.model_copy(update={"generation": before.generation + 1, dataset: [*kept, part]})
            self._commit([(staged, self.path(dataset, part))], after)
            if self._schema and self._schema[0] == before.generation:
                self._schema = (after.generation, self._schema[1])
            if self._uniform and self._uniform[0] == before.generation:
                self._uniform = (after.generation, self._uniform[1])
            self._disk.remove_files(self.path(dataset, old) for old in group)
            for name in names:
                self._footers.pop(name, None)
            if committed:
                committed(before, after)
        return True

    def sweep(self) -> list[str]:
        """Remove part files that the manifest doesn't name: what a killed writer left.

        A writer at work holds the lock from its first rename to its commit, so none is disturbed. Only files named
        as Runshelf names its own are touched; a stranger's file is left where it is.
        """
        swept: list[str] = []
        with self._disk.lock("catalog"):
            manifest = self.manifest()
            for dataset in DATASETS:
                live = {part.file for part in getattr(manifest, dataset)}
                folder = self._layout.part_folder(dataset)
                strays = [p for p in _files(folder) if p.name.startswith("part-") and p.name not in live]
                self._disk.remove_files(strays)
                swept += [path.name for path in strays]
        return swept


def _verify(path: Path, part: PartRecord) -> None:
    """Raise Corrupt if a part's bytes are not what the manifest says; a damaged footer can abort the whole process."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != part.sha256:
        raise Corrupt(f"The catalog part {part.file} is damaged.", path, "Run: runshelf check --repair.")


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with exactly the columns of `schema`: missing ones null, others cast. Raises Corrupt if one can't be."""
    columns = []
    for field in schema:
        position = table.schema.get_field_index(field.name)
        if position < 0:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table.column(position).cast(field.type))
        except pa.ArrowException as error:
            raise Corrupt(f"The catalog column {field.name} holds values of another kind: {error}.") from error
    return pa.Table.from_arrays(columns, schema=schema)


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pydict({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise BadInput(f"The catalog can't hold this result: {error}.", advice="Look at its numbers.") from error


def _mergeable(parts: list[PartRecord]) -> list[PartRecord]:
    """The first eight or more parts of like size (the same power of eight), unless they are large."""
    levels: dict[int, list[PartRecord]] = {}
    for part in parts:
        levels.setdefault(max(part.rows, 1).bit_length() // 3, []).append(part)
    for _, group in sorted(levels.items()):
        if len(group) >= FAN_OUT and sum(part.bytes for part in group) <= MAX_MERGED_BYTES:
            return group
    return []


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.suffix == ".parquet" and path.is_file())
