"""Deleting results from the catalog and bringing them back: the rows go to the trash, whole, before they are taken.

The parts that hold them are written anew and the deletion is noted as an edit, in one commit: that is the moment
they are gone. A process killed before leaves them where they were, one killed after leaves them in the trash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from storage.annotations import marked
from storage.errors import NotFound, StorageError
from storage.part_files import ANNOTATION_SCHEMA, DATA_SCHEMA, conform, table_of
from storage.plan import Applied, Plan, Report, Step

if TYPE_CHECKING:
    from storage.index import Index
    from storage.parts import Parts
    from storage.trash import Trash, TrashRecord


def plan_delete(
    parts: Parts, trash: Trash, index: Index, filter: str, ids: Callable[[], list[str]], sync: Callable[[], object]
) -> Plan:
    """A plan that deletes the results `ids` gives; `filter` is what people called them."""
    found = sorted(ids())
    count = "1 result" if len(found) == 1 else f"{len(found):,} results"
    manifest = parts.manifest()
    touched = [part for dataset in ("meta", "data") for part in getattr(manifest, dataset)] if found else []

    def work(report: Report) -> Applied:
        trashed = delete(parts, trash, index, filter, found, sync, report)
        return Applied(f"{count} deleted; they can be restored from the trash.", (trashed,) if trashed else ())

    steps = (
        Step(f"Copy the rows and arrays of {count} to the trash."),
        Step(
            f"Write the parts that hold them anew ({len(touched)} parts are looked at).", sum(p.bytes for p in touched)
        ),
        Step("Their run folders stay where they are."),
    )
    return Plan(f"Delete {count}: {filter}", steps if found else (), lambda: sorted(ids()), work)


def delete(
    parts: Parts,
    trash: Trash,
    index: Index,
    title: str,
    ids: list[str],
    sync: Callable[[], object],
    report: Report,
) -> str:
    """Delete results; they are in the trash when they are gone. Returns the trash id, empty where none was deleted.

    The catalog is held all the while: whoever settles the trash sees this before or after, never in between.
    """
    if not ids:
        return ""
    with parts.locked():
        sync()
        report(0, 3, "copying to the trash")
        record = trash.put_results(title, {name: parts.read_rows(name, ids) for name in ("meta", "data")})
        report(1, 3, "writing parts anew")
        try:
            edits = marked(ids, index.parts.annotations(ids), deleted=True)
            parts.remove(ids, table_of(edits, ANNOTATION_SCHEMA))
        except StorageError:
            settle_one(parts, trash, record)  # the commit may have been done before what went wrong
            raise
        trash.mark(record, "deleted")
    report(3, 3, "done")
    return record.trash_id


def restore(parts: Parts, trash: Trash, index: Index, record: TrashRecord, sync: Callable[[], object]) -> int:
    """Bring an entry of the trash back into the catalog; results that are there already are left as they are."""
    with parts.locked():
        record = trash.get(record.trash_id)  # another process may have restored it meanwhile
        sync()
        meta, data = trash.read(record, "meta"), trash.read(record, "data")
        trash.mark(record, "restoring")
        ids = meta.column("prediction_id").to_pylist()
        meta, data = (_missing(parts, name, table, ids) for name, table in (("meta", meta), ("data", data)))
        fresh = meta.column("prediction_id").to_pylist()
        if fresh:
            edits = marked(fresh, index.parts.annotations(fresh), deleted=False)
            parts.add(meta, conform(data, DATA_SCHEMA), table_of(edits, ANNOTATION_SCHEMA))
        trash.discard(record)
        return len(fresh)


def _missing(parts: Parts, dataset: str, table: pa.Table, ids: list[str]) -> pa.Table:
    """The rows of `table` whose predictions are not in a data set, by its files and not by the index."""
    there = parts.read_rows(dataset, ids).column("prediction_id").combine_chunks()
    return table.filter(pc.invert(pc.is_in(table.column("prediction_id"), there)))


def settle(parts: Parts, trash: Trash) -> list[str]:
    """Settle entries that a killed process left half-way; returns what went wrong with those that can't be."""
    problems = []
    for record in trash.records("results"):
        if record.status != "deleted":
            try:
                with parts.locked():
                    settle_one(parts, trash, trash.get(record.trash_id))
            except NotFound:
                continue  # another process did it
            except StorageError as error:
                problems.append(error.what)
    return problems


def settle_one(parts: Parts, trash: Trash, record: TrashRecord) -> None:
    """Settle an entry by where its rows are now. The catalog is held."""
    if record.status == "deleted":
        return
    ids = trash.read(record, "meta").column("prediction_id").to_pylist()
    if parts.read_rows("meta", ids).num_rows == len(ids):
        trash.discard(record)  # not deleted yet, or restored already
    else:
        trash.mark(record, "deleted")
