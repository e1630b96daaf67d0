"""One Parquet file of the catalog: what its columns are, how it is written, read and verified.

A part never changes once it is named in the manifest. Its record there has its size, its sha256, and the sha256 of
its footer: with the footer known to be whole, the checksums of the pages read tell the rest.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.disk import Disk, discard
from storage.errors import BadInput, Corrupt, NotFound, os_errors
from storage.layout import Layout
from storage.moments import within_years
from storage.reading import is_behind_link, is_plain_file
from storage.records import PartRecord, new_id
from storage.schema import is_number_type

SMALL_ROWS = 64  # below this, compressing costs more time than it saves room; merging does it later
THREADED_ROWS = 10_000  # below this, starting threads takes longer than reading the columns one after the other
VERIFIED_BYTES = 32 * 1024 * 1024  # parts without a footer digest are verified whole up to this, once
_BATCH_ROWS = 50_000
ROW_GROUP = {"meta": 65_536, "data": 512, "annotations": 65_536}

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
        ("config", pa.string()),
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
ANNOTATION_SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("notes", pa.string()),
        ("stars", pa.int64()),
        ("deleted", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("by", pa.string()),
    ]
)
SCHEMAS = {"meta": META_SCHEMA, "data": DATA_SCHEMA, "annotations": ANNOTATION_SCHEMA}

Range = tuple[str | None, str | None]  # the first and the last prediction_id of a row group, where known


class PartFiles:
    """The part files of one workspace, one at a time."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._verified: set[str] = set()
        self._open: dict[str, pq.ParquetFile] = {}

    def path(self, dataset: str, part: PartRecord) -> Path:
        """Where a part lies. A manifest can't name a file outside its data set's folder."""
        if Path(part.file).name != part.file or part.file in ("", ".", ".."):
            raise Corrupt(f"The manifest names a part '{part.file}'.", self._layout.manifest, "Run a check.")
        path = self._layout.part_folder(dataset) / part.file
        odd = os.path.lexists(path) and not is_plain_file(path)  # it would lead elsewhere, or never end
        if odd or is_behind_link(path.parent, self._layout.root):
            raise Corrupt(f"The catalog part {part.file} is a link or a device.", path, "Put the file itself there.")
        return path

    # ------------------------------------------------------------ reading

    def read(
        self, dataset: str, part: PartRecord, columns: Sequence[str] | None = None, *, verify: bool = True
    ) -> pa.Table:
        """Read a part, or those of `columns` that it has; raises Corrupt when it is damaged, NotFound when gone.

        With `verify` all its bytes must be as the manifest says; without, its footer and the pages that are read.
        """
        path = self.path(dataset, part)
        with self._reading(dataset, part):
            if verify:
                _verify(path, part)
            else:
                self._verify_once(path, part)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                have = Counter(file.schema_arrow.names)
                if columns is not None:
                    columns = [name for name in columns if name in have]
                if twice := [name for name in (have if columns is None else columns) if have[name] > 1]:
                    raise pa.ArrowInvalid(f"several columns are called {twice[0]}")
                return _sane(part, file.read(columns, use_threads=file.metadata.num_rows >= THREADED_ROWS))

    def read_meta(self, part: PartRecord, columns: Sequence[str]) -> pa.Table:
        """These columns of a part of meta, whatever the case of their names, of the rows that have an id."""
        wanted, path = {name.lower() for name in columns}, self.path("meta", part)
        with self._reading("meta", part):
            self._verify_once(path, part)
            footer = pq.read_metadata(path)
            known = footer.schema.to_arrow_schema().names
            if "prediction_id" not in known:
                raise _without_ids(part, path)
            place = known.index("prediction_id")
            stats = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
        names = [name for name in known if name.lower() in wanted]
        if all(one is not None and one.null_count == 0 for one in stats):
            return self.read("meta", part, names, verify=False)
        table = self.read("meta", part, [*names, "prediction_id"], verify=False)
        return table.filter(pc.is_valid(table.column("prediction_id")))

    @contextmanager
    def _reading(self, dataset: str, part: PartRecord) -> Iterator[None]:
        """What goes wrong when a part is read, by what it means."""
        path = self.path(dataset, part)
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"The catalog part {part.file} is not there.", path, "Run: runshelf check.") from error
        except (pa.ArrowException, OSError) as error:
            raise _damaged(part, path, error) from error

    def batches(self, part: PartRecord, *, verify: bool = True) -> Iterator[pa.Table]:
        """The rows of a meta part that have an id, a bounded number at a time. Raises as `read`."""
        path = self.path("meta", part)
        with self._reading("meta", part):
            if verify:
                _verify(path, part)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                if "prediction_id" not in file.schema_arrow.names:
                    raise _without_ids(part, path)
                for batch in file.iter_batches(_BATCH_ROWS):
                    table = _sane(part, pa.Table.from_batches([batch]))
                    ids = table.column("prediction_id")
                    yield table.filter(pc.is_valid(ids)) if ids.null_count else table

    def tables(self, dataset: str, part: PartRecord) -> Iterator[pa.Table]:
        """All rows of a part of any data set, a bounded number at a time. Raises as `read`."""
        path = self.path(dataset, part)
        with self._reading(dataset, part):
            self._verify_once(path, part)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(ROW_GROUP["data"]):
                    yield _sane(part, pa.Table.from_batches([batch]))

    def ids(self, dataset: str, part: PartRecord) -> pa.ChunkedArray:
        """The prediction_id of each row, all bytes of the part verified. Raises as `read`, Corrupt without such ids."""
        table = self.read(dataset, part, ["prediction_id"])
        if table.num_columns == 0:
            raise _without_ids(part, self.path(dataset, part))
        with self._reading(dataset, part):
            return table.column(0).cast(pa.string())

    def schema_of(self, dataset: str, part: PartRecord) -> pa.Schema:
        """The columns of a part. Raises Corrupt, pyarrow's errors or OSError."""
        path = self.path(dataset, part)
        self._verify_once(path, part)
        return pq.read_schema(path)

    def rows_of(self, part: PartRecord, prediction_id: str, groups: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of one prediction in these row groups of a data part."""
        file = self._opened("data", part)
        found: list[dict[str, Any]] = []
        with self._reading("data", part):
            for group in groups:
                # Comparing in Arrow would make a scalar of the id, and that imports pandas: 0.2 s for 0.2 ms.
                ids = file.read_row_group(group, columns=["prediction_id"]).column(0).to_pylist()
                places = [place for place, one in enumerate(ids) if one == prediction_id]
                if places:
                    table = file.read_row_group(group).slice(places[0], places[-1] - places[0] + 1)
                    found += [row for row in table.to_pylist() if row["prediction_id"] == prediction_id]
        return found

    def ranges(self, dataset: str, part: PartRecord) -> list[Range]:
        """The first and last prediction_id of each row group of a part, as its footer tells."""
        file = self._opened(dataset, part)
        column = file.schema_arrow.get_field_index("prediction_id")
        found: list[Range] = []
        for group in range(file.metadata.num_row_groups):
            stats = file.metadata.row_group(group).column(column).statistics if column >= 0 else None
            if stats is not None and stats.has_min_max and isinstance(stats.min, str):
                found.append((stats.min, stats.max))
            else:
                found.append((None, None))
        return found

    def _opened(self, dataset: str, part: PartRecord) -> pq.ParquetFile:
        if part.file not in self._open:
            path = self.path(dataset, part)
            with self._reading(dataset, part):
                self._verify_once(path, part)
                self._open[part.file] = pq.ParquetFile(path, page_checksum_verification=True)
        return self._open[part.file]

    def keep_open(self, live: Collection[str]) -> None:
        """Let go of every file that is not `live` any more."""
        for name in self._open.keys() - set(live):
            self._open.pop(name, None)

    def problem(self, dataset: str, part: PartRecord, *, deep: bool = False) -> str:
        """What is wrong with a part, in a few words; "missing", "miscounted", or empty where it is sound.

        The fast look compares its size, its footer and its rows; the deep one every byte and every page.
        """
        try:
            path = self.path(dataset, part)
        except Corrupt as error:
            return error.what
        try:
            size = path.stat().st_size
            if size != part.bytes:
                return f"it has {size:,} bytes, {part.bytes:,} were written"
            if deep or (not part.footer and size <= VERIFIED_BYTES):
                _verify(path, part)
            elif part.footer:
                _verify_footer(path, part)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                if "prediction_id" not in file.schema_arrow.names:
                    return "it has no column prediction_id"
                for _ in file.iter_batches(_BATCH_ROWS) if deep else ():
                    pass
                return "" if file.metadata.num_rows == part.rows else "miscounted"
        except FileNotFoundError:
            return "missing"
        except Corrupt:
            return "its bytes have changed"
        except (pa.ArrowException, OSError) as error:
            return str(error)

    def record_of(self, dataset: str, file: str) -> tuple[PartRecord, pa.ChunkedArray]:
        """The record of a part that no manifest describes, and the prediction_id of each of its rows.

        Every page is read. Raises Corrupt or NotFound.
        """
        bare = PartRecord(file=file, rows=0, bytes=0, sha256="")
        path = self.path(dataset, bare)
        with self._reading(dataset, bare):
            with path.open("rb") as opened:
                sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                if "prediction_id" not in parquet.schema_arrow.names:
                    raise _without_ids(bare, path)
                place = parquet.schema_arrow.names.index("prediction_id")
                ids = [batch.column(place).cast(pa.string()) for batch in parquet.iter_batches(_BATCH_ROWS)]
            size = path.stat().st_size
            rows = sum(len(one) for one in ids)
        record = PartRecord(file=file, rows=rows, bytes=size, sha256=sha256, footer=_footer_digest(path))
        return record, pa.chunked_array(ids, pa.string())

    def _verify_once(self, path: Path, part: PartRecord) -> None:
        """Verify, the first time a part is read, what pyarrow relies on: a wrong byte there ends the process."""
        if part.file in self._verified:
            return
        if part.footer:
            _verify_footer(path, part)
        elif path.stat().st_size <= VERIFIED_BYTES:
            _verify(path, part)
        self._verified.add(part.file)

    # ------------------------------------------------------------ writing

    def write(self, dataset: str, table: pa.Table) -> tuple[Path, PartRecord]:
        """Write a part to staging, to be placed by a commit."""
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
                with staged.open("rb") as file:
                    whole = hashlib.file_digest(file, "sha256").hexdigest()
                size, footer = staged.stat().st_size, _footer_digest(staged)
        except BaseException:
            discard(staged)
            raise
        return staged, PartRecord(file=name, rows=table.num_rows, bytes=size, sha256=whole, footer=footer)


def moments_in(edits: pa.Table) -> list[int]:
    """The times of edits in microseconds; 0 where another program wrote none."""
    if "at" not in edits.column_names:
        return [0] * edits.num_rows
    return [one or 0 for one in edits.column("at").cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()]


def deleted_in(edits: Iterable[pa.Table]) -> set[str]:
    """The predictions that somebody deleted: the latest of these edits says so, of equal times the last one."""
    latest: dict[str, tuple[int, bool]] = {}
    for table in edits:
        flags = table.column("deleted").to_pylist() if "deleted" in table.column_names else [False] * table.num_rows
        names = table.column("prediction_id").to_pylist()
        for name, at, flag in zip(names, moments_in(table), flags, strict=True):
            if at >= latest.get(name, (0, False))[0]:
                latest[name] = (at, bool(flag))
    return {name for name, (_, flag) in latest.items() if flag}


def ranges_of(table: pa.Table) -> list[Range]:
    """What `PartFiles.ranges` will say of a data part that is written from `table`."""
    ids = table.column("prediction_id")
    found: list[Range] = []
    for start in range(0, len(ids), ROW_GROUP["data"]):
        edges = pc.min_max(ids.slice(start, ROW_GROUP["data"])).as_py()
        found.append((edges["min"], edges["max"]))
    return found


def _sane(part: PartRecord, table: pa.Table) -> pa.Table:
    """A table without what Python can't tell, which another program may have written: odd times, text that is none."""
    if part.footer and not part.foreign:
        return table
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, within_years(column))
        elif pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                known = column.cast(pa.large_binary()).to_pylist()
                text = [None if one is None else one.decode(errors="replace") for one in known]
                table = table.set_column(place, field.name, pa.array(text, field.type))
    return table


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with exactly the columns of `schema`: missing ones null, others cast. Raises Corrupt if one can't be."""
    columns = []
    for field in schema:
        position = table.schema.get_field_index(field.name)
        if position < 0:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(_cast(table.column(position), field.type))
        except pa.ArrowException as error:
            raise Corrupt(f"The catalog column {field.name} holds values of another kind: {error}.") from error
    return pa.Table.from_arrays(columns, schema=schema)


def readable(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """These columns of a part of meta in the types they have everywhere; what can't be read as such is null."""
    found = {}
    places = {name.lower(): place for place, name in enumerate(table.column_names)}
    for name in columns:
        place, field = places.get(name.lower(), -1), META_SCHEMA.get_field_index(name)
        kind = META_SCHEMA.field(field).type if field >= 0 else pa.float64()
        found[name] = pa.nulls(table.num_rows, kind)
        if place >= 0 and (field >= 0 or is_number_type(table.schema.field(place).type)):
            with suppress(pa.ArrowException):
                found[name] = _cast(table.column(place), kind)
        if pa.types.is_floating(kind) and pc.any(pc.is_nan(found[name])).as_py():
            found[name] = pc.if_else(pc.is_nan(found[name]), None, found[name])  # no value, as in the index
    return pa.table(found)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column as another type; only times lose something by it, what is finer than a microsecond."""
    return column.cast(kind, safe=not pa.types.is_timestamp(kind))


def table_of(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of that schema. Raises BadInput for a value that doesn't fit."""
    try:
        return pa.Table.from_pydict({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise BadInput(f"The catalog can't hold this result: {error}.", advice="Look at its numbers.") from error


def _verify(path: Path, part: PartRecord) -> None:
    """Raise Corrupt if a part's bytes are not what the manifest says."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != part.sha256:
        raise Corrupt(f"The catalog part {part.file} is damaged.", path, "Run: runshelf check --repair.")


def _verify_footer(path: Path, part: PartRecord) -> None:
    if path.stat().st_size != part.bytes or _footer_digest(path) != part.footer:
        raise Corrupt(f"The catalog part {part.file} is damaged.", path, "Run: runshelf check --repair.")


def _footer_digest(path: Path) -> str:
    """The sha256 of a Parquet file's footer: its metadata, their length, and the mark at the end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        with suppress(OSError):
            file.seek(size - 8)
            length = int.from_bytes(file.read(4), "little") + 8
            file.seek(max(0, size - length))
        return hashlib.sha256(file.read()).hexdigest()


def _damaged(part: PartRecord, path: Path, error: Exception) -> Corrupt:
    return Corrupt(
        f"The catalog part {part.file} can't be read: {error}.", path, "Mend it: runshelf check --deep --repair."
    )


def _without_ids(part: PartRecord, path: Path) -> Corrupt:
    return Corrupt(f"The catalog part {part.file} has no column prediction_id.", path, "It is left out.")
