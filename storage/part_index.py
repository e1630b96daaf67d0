"""How the index keeps up with the parts: rows, edits and places of arrays, taken from what is new in the manifest.

A commit of this process is followed at once. Commits of others are found by the manifest: only parts not seen before
are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from storage.errors import Cancelled, Locked, StorageError
from storage.manifest import DATASETS
from storage.records import Manifest, PartRecord
from storage.schema import ANNOTATION_COLUMNS, sql_values

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.index import Index
    from storage.part_files import Range
    from storage.parts import Commit, Parts
    from storage.plan import Report

_CHUNK = 10_000
_TAGS = ", "  # between the tags of a row, as people see them


def _silent(done: int, total: int, text: str) -> None:
    """A report that nobody hears."""


class _Told:
    """Tells how far the rows of new parts are taken in."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._done, self._total = report, 0, total

    def each(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Pass tables on; each is told of once it is taken in."""
        self._tell()
        for table in tables:
            yield table
            self._done += table.num_rows
            self._tell()

    def _tell(self) -> None:
        self._report(min(self._done, self._total), self._total, "building the index from the files")


class PartIndex:
    """What an index knows of the parts."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._looked_again = False  # at parts that could not be read when they were last looked at

    def mark(self) -> str:
        """The mark of the manifest this index reflects; compare with `manifest_mark`."""
        return self._index.fact("manifest")

    # ------------------------------------------------------------ following this process

    def follow(self, commit: Commit) -> None:
        """Take in one commit, if the index stood at the commit before it; else the next sync will."""
        with suppress(Locked), self._index.change() as connection:
            if self.mark() != manifest_mark(commit.before):
                return
            if commit.meta is not None and commit.meta.num_rows:
                self._index.results.insert([commit.meta], commit.meta.num_rows)
            if commit.removed:
                self._index.results.remove(connection, commit.removed)
            if commit.annotations is not None:
                self._take_annotations(connection, commit.annotations)
            self._change_parts(connection, commit)
            for file, ranges in commit.ranges.items():
                self.put_ranges(file, ranges)

    def _change_parts(self, connection: Connection, commit: Commit) -> None:
        """Note which parts a commit took away and brought."""
        for dataset in DATASETS:
            old = {part.file for part in getattr(commit.before, dataset)}
            new = {part.file: part for part in getattr(commit.after, dataset)}
            gone = [(dataset, file) for file in old if file not in new]
            if gone:
                connection.exec_driver_sql("DELETE FROM parts WHERE dataset = ? AND file = ?", gone)
                connection.exec_driver_sql("DELETE FROM row_groups WHERE file = ?", [(file,) for _, file in gone])
            rows = [(dataset, file, part.rows) for file, part in new.items() if file not in old and dataset != "data"]
            if rows:
                connection.exec_driver_sql("INSERT OR REPLACE INTO parts (dataset, file, rows) VALUES (?, ?, ?)", rows)
        self._index.set_fact("manifest", manifest_mark(commit.after))

    # ------------------------------------------------------------ following others

    def sync(
        self, manifest_now: Callable[[], Manifest], parts_of: Callable[[], Parts], report: Report = _silent
    ) -> bool:
        """Bring the index up to the manifest, reading only parts not seen yet; True if anything changed.

        A damaged part is named in the index's `notices`, at every opening, and looked at again then: it may have been
        brought back from a copy. The others work. When `report` raises Cancelled, nothing of it was done.
        """
        if self.mark() == manifest_mark(manifest_now()) and (self._looked_again or not self.has_problems()):
            self._looked_again = True
            return False
        self._looked_again = True
        parts = parts_of()  # not before it is needed: it brings the Parquet library with it
        with self._index.filling(), self._index.change() as connection:
            manifest = manifest_now()  # again: an older one would take back what another process noted meanwhile
            problems = self._take_in_parts(connection, manifest, parts, report)
            while problems and manifest_mark(manifest) != manifest_mark(manifest_now()):  # merged away, not damaged
                manifest = manifest_now()
                problems = self._take_in_parts(connection, manifest, parts, report)
            if not problems:
                self._drop_deleted(connection, manifest, parts)
            self._set_parts(connection, manifest, problems)
        self._index.results.analyze()
        self._index.write_ahead()
        lost = {"meta": "Its results are missing from the list.", "annotations": "Its tags and notes are missing."}
        for (dataset, _), what in problems.items():
            self._index.notice(f"{what} {lost[dataset]}")
        return True

    def _take_in_parts(
        self, connection: Connection, manifest: Manifest, parts: Parts, report: Report
    ) -> dict[tuple[str, str], str]:
        """Take in the parts not seen yet; returns what is wrong with those that can't be read."""
        p = self._index.tables.parts
        rows = connection.execute(select(p.c.dataset, p.c.file).where(p.c.problem.is_(None)))
        seen = {(row.dataset, row.file) for row in rows}
        problems: dict[tuple[str, str], str] = {}
        if self._edits_were_replaced(seen, manifest):
            self._forget_edits(connection)
            seen = {(dataset, file) for dataset, file in seen if dataset != "annotations"}
        told = _Told(report, sum(part.rows for part in manifest.meta if ("meta", part.file) not in seen))
        for dataset in ("meta", "annotations"):
            for part in getattr(manifest, dataset):
                if (dataset, part.file) in seen:
                    continue
                try:
                    if dataset == "meta":
                        self._take_in_meta(connection, part, parts, told)
                    else:
                        self._take_annotations(connection, parts.files.read("annotations", part))
                except Cancelled:
                    raise
                except StorageError as error:
                    problems[dataset, part.file] = error.what
        return problems

    def _edits_were_replaced(self, seen: set[tuple[str, str]], manifest: Manifest) -> bool:
        """Whether edits that were taken in are gone, by something else than merging: a backup, another program."""
        live = {("annotations", part.file): part for part in manifest.annotations}
        gone = {one for one in seen if one[0] == "annotations" and one not in live}
        fresh = [part for one, part in live.items() if one not in seen]
        return bool(gone) and not (fresh and all(part.merged for part in fresh))

    def _forget_edits(self, connection: Connection) -> None:
        p = self._index.predictions
        connection.execute(delete(self._index.tables.annotations))
        connection.execute(delete(self._index.tables.tags))
        edited = or_(p.c.tags.is_not(None), p.c.notes.is_not(None), p.c.stars.is_not(None))
        blank = dict.fromkeys((*ANNOTATION_COLUMNS, "note_text"))
        connection.execute(p.update().where(edited).values(blank))

    def _take_in_meta(self, connection: Connection, part: PartRecord, parts: Parts, told: _Told) -> None:
        """Insert the rows that are not there yet, and bring the others up to this part unless it merely merged them."""
        results = self._index.results
        if results.is_empty():
            results.insert(told.each(parts.files.batches(part)), part.rows)
            return
        names = [one for one in parts.files.ids("meta", part).to_pylist() if one is not None]
        known = set(results.known_ids(connection, names))
        if part.merged and len(known) == len(names):
            return
        if not part.merged:
            results.remove(connection, list(known))
            known.clear()
        batches = told.each(parts.files.batches(part, verify=False))
        results.insert((_without(table, known) for table in batches), part.rows)

    def _drop_deleted(self, connection: Connection, manifest: Manifest, parts: Parts) -> None:
        """Remove rows that no live part holds; told from the count, so that it costs nothing when there are none."""
        results = self._index.results
        if results.count_all() == sum(part.rows for part in manifest.meta):
            return
        live: set[str] = set()
        try:
            for part in manifest.meta:
                live.update(parts.files.ids("meta", part).to_pylist())
        except StorageError:
            return  # a part that can't be read may hold them
        column = self._index.predictions.c.prediction_id
        results.remove(connection, [one for one in connection.execute(select(column)).scalars() if one not in live])

    def _set_parts(self, connection: Connection, manifest: Manifest, problems: Mapping[tuple[str, str], str]) -> None:
        """Note which parts this index reflects; what was known of a data part's row groups stays while it lives."""
        p, groups = self._index.tables.parts, self._index.tables.row_groups
        files = [part.file for part in manifest.data]
        mapped = set(connection.execute(select(p.c.file).where(p.c.dataset == "data")).scalars())
        for file in mapped.difference(files):
            connection.execute(delete(groups).where(groups.c.file == file))
        connection.execute(delete(p).where(or_(p.c.dataset != "data", p.c.file.not_in(files))))
        rows = [
            {"dataset": dataset, "file": one.file, "rows": one.rows, "problem": problems.get((dataset, one.file))}
            for dataset in ("meta", "annotations")
            for one in getattr(manifest, dataset)
        ]
        if rows:
            connection.execute(insert(p).prefix_with("OR REPLACE"), rows)
        self._index.set_fact("manifest", manifest_mark(manifest))

    def has_problems(self) -> bool:
        """Whether a part of the catalog could not be read."""
        return bool(self._problems())

    def _problems(self) -> dict[tuple[str, str], str]:
        p = self._index.tables.parts
        rows = self._index.ask(select(p.c.dataset, p.c.file, p.c.problem).where(p.c.problem.is_not(None)))
        return {(row["dataset"], row["file"]): row["problem"] for row in rows}

    # ------------------------------------------------------------ annotations

    def _take_annotations(self, connection: Connection, table: pa.Table) -> None:
        """Take in edits: of each prediction the latest counts."""
        a = self._index.tables.annotations
        rows = list(_edits(table))
        if not rows:
            return
        statement = upsert(a)
        fresh = {column.name: statement.excluded[column.name] for column in a.c if not column.primary_key}
        later = statement.excluded.at >= a.c.at
        connection.execute(statement.on_conflict_do_update(["prediction_id"], set_=fresh, where=later), rows)
        self.apply_annotations(connection, [row["prediction_id"] for row in rows])

    def apply_annotations(self, connection: Connection, ids: Sequence[str]) -> None:
        """Put the edits of these predictions into their rows."""
        a, p = self._index.tables.annotations, self._index.predictions
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            statement = select(p.c.key, a.c.tags, a.c.notes, a.c.stars, a.c.at).join_from(
                a, p, p.c.prediction_id == a.c.prediction_id
            )
            found = connection.execute(statement.where(a.c.prediction_id.in_(chunk))).all()
            words = [_words(row.tags, row.notes) for row in found]
            texts = self._index.texts.ids(text for text in words if text)
            change = p.update().where(p.c.key == bindparam("k"))
            change = change.values(
                tags=bindparam("t"),
                notes=bindparam("n"),
                stars=bindparam("s"),
                noted_at=bindparam("a"),
                note_text=bindparam("w"),
            )
            values = [
                {**_noted(row.tags, row.notes, row.stars, row.at), "k": row.key, "w": texts.get(text or "")}
                for row, text in zip(found, words, strict=True)
            ]
            if values:
                connection.execute(change, values)
            self._index.texts.put_tags(connection, {row.key: split_tags(row.tags) for row in found})

    def annotations(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The latest edit of each of these predictions that was ever edited."""
        a = self._index.tables.annotations
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), _CHUNK):
            rows = self._index.ask(select(a).where(a.c.prediction_id.in_(ids[start : start + _CHUNK])))
            found.update((row["prediction_id"], row) for row in rows)
        return found

    def all_annotations(self) -> dict[str, dict[str, Any]]:
        """The latest edit of every prediction that was ever edited, also of those that are deleted."""
        return {row["prediction_id"]: row for row in self._index.ask(select(self._index.tables.annotations))}

    def has_annotations(self) -> bool:
        return bool(self._index.raw(("SELECT 1 FROM annotations LIMIT 1", ())))

    # ------------------------------------------------------------ where arrays lie

    def places(self, prediction_id: str) -> tuple[set[str], dict[str, list[int]]]:
        """The data parts whose row groups are known, and of these the row groups that may hold a prediction."""
        p, g = self._index.tables.parts, self._index.tables.row_groups
        mapped = {row["file"] for row in self._index.ask(select(p.c.file).where(p.c.dataset == "data"))}
        inside = and_(g.c.first_id <= prediction_id, g.c.last_id >= prediction_id)
        statement = select(g.c.file, g.c.row_group).where(or_(inside, g.c.first_id.is_(None)))
        found: dict[str, list[int]] = {}
        for row in self._index.ask(statement.order_by(g.c.file, g.c.row_group)):
            found.setdefault(row["file"], []).append(row["row_group"])
        return mapped, found

    def note_ranges(self, file: str, ranges: Sequence[Range]) -> None:
        """Note the row groups of a data part if that can be done now; they are found without, only slower."""
        with suppress(DatabaseError, Locked):
            self.put_ranges(file, ranges)

    def put_ranges(self, file: str, ranges: Sequence[Range]) -> None:
        """Note the row groups of a data part."""
        rows = [(file, group, first, last) for group, (first, last) in enumerate(ranges)]
        with self._index.change() as connection:
            known = ("data", file, len(ranges))
            connection.exec_driver_sql("INSERT OR REPLACE INTO parts (dataset, file, rows) VALUES (?, ?, ?)", known)
            if rows:
                connection.exec_driver_sql("INSERT OR REPLACE INTO row_groups VALUES (?, ?, ?, ?)", rows)


def manifest_mark(manifest: Manifest) -> str:
    """What tells one state of the catalog from another: the generation and the names of the parts."""
    parts = (*manifest.meta, *manifest.data, *manifest.annotations)
    names = "\0".join(part.file for part in parts)
    return f"{manifest.generation}:{hashlib.sha256(names.encode()).hexdigest()[:16]}"


def split_tags(tags: str | None) -> list[str]:
    """The tags of a row, from the text people see."""
    return tags.split(_TAGS) if tags else []


def join_tags(tags: Sequence[str]) -> str:
    """Tags as the text people see."""
    return _TAGS.join(tags)


def _without(table: pa.Table, known: set[str]) -> pa.Table:
    """`table` without the rows of predictions that are known."""
    if not known:
        return table
    import pyarrow as pa

    return table.filter(pa.array([one not in known for one in table.column("prediction_id").to_pylist()]))


def _edits(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The edits of a table as rows of the index; what another program left out is as if it had never been edited."""
    names = ("prediction_id", "tags", "notes", "stars", "deleted", "at", "by")
    kinds = {"at": "time", "stars": "integer"}
    columns: dict[str, list[Any]] = {}
    for name in names:
        position = table.schema.get_field_index(name)
        if position < 0:
            columns[name] = [None] * table.num_rows
        elif name in kinds:
            columns[name] = sql_values(table.column(position), kinds[name]) or [None] * table.num_rows
        else:
            columns[name] = table.column(position).to_pylist()
    for values in zip(*(columns[name] for name in names), strict=True):
        row = dict(zip(names, values, strict=True))
        if not isinstance(row["prediction_id"], str):
            continue
        tags = row["tags"] if isinstance(row["tags"], list) else [row["tags"]] if row["tags"] else []
        row["tags"] = join_tags([str(tag) for tag in tags if tag]) or None
        row["notes"] = str(row["notes"]) if row["notes"] else None
        row["stars"] = row["stars"] or None
        row["deleted"] = int(bool(row["deleted"]))
        row["at"] = row["at"] or 0
        row["by"] = str(row["by"]) if row["by"] else None
        yield row


def _noted(tags: str | None, notes: str | None, stars: int | None, at: int) -> dict[str, Any]:
    """What a row says of its latest edit; one that left nothing behind, or has no date, has no time either."""
    return {"t": tags, "n": notes, "s": stars, "a": (at or None) if tags or notes or stars else None}


def _words(tags: str | None, notes: str | None) -> str | None:
    return "\n".join(filter(None, (tags, notes))) or None
