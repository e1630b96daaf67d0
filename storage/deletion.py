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
from storage.errors import StorageError
from storage.part_files import ANNOTATION_SCHEMA, DATA_SCHEMA, conform, table_of
from storage.plan import Plan, Report, Step

if TYPE_CHECKING:
    from storage.index import Index
    from storage.parts import Parts
    from storage.trash import Trash, TrashRecord


def plan_delete(parts: Parts, trash: Trash, index: Index, filter: str, ids: Callable[[], list[str]]) -> Plan:
    """A plan that deletes the results `ids` gives; `filter` is what people called them."""
    found = sorted(ids())
    count = "1 result" if len(found) == 1 else f"{len(found):,} results"
    manifest = parts.manifest()
    touched = [part for dataset in ("meta", "data") for part in getattr(manifest, dataset)] if found else []

    def work(report: Report) -> str:
        delete(parts, trash, index, filter, found, report)
        return f"{count} deleted; they can be restored from the trash."

    steps = (
        Step(f"Copy the rows and arrays of {count} to the trash."),
        Step(
            f"Write the parts that hold them anew ({len(touched)} parts are looked at).", sum(p.bytes for p in touched)
        ),
        Step("Their run folders stay where they are."),
    )
    return Plan(f"Delete {count}: {filter}", steps if found else (), lambda: sorted(ids()), work)


def delete(parts: Parts, trash: Trash, index: Index, title: str, ids: list[str], report: Report) -> None:
    """Delete results; they are in the trash when they are gone."""
    if not ids:
        return
    report(0, 3, "copying to the trash")
    record = trash.put_results(title, {name: parts.read_rows(name, ids) for name in ("meta", "data")})
    report(1, 3, "writing parts anew")
    try:
        edits = marked(ids, index.parts.annotations(ids), deleted=True)
        parts.remove(ids, table_of(edits, ANNOTATION_SCHEMA))
    except StorageError:
        trash.discard(record)
        raise
    report(2, 3, "noting it")
    trash.mark(record, "deleted")
    report(3, 3, "done")


def restore(parts: Parts, trash: Trash, index: Index, record: TrashRecord) -> int:
    """Bring an entry of the trash back into the catalog; results that are there already are left as they are."""
    meta, data = trash.read(record, "meta"), trash.read(record, "data")
    trash.mark(record, "restoring")
    ids = meta.column("prediction_id").to_pylist()
    with index.change() as connection:
        there = pa.array(list(index.results.known_ids(connection, ids)), pa.string())
    meta = meta.filter(pc.invert(pc.is_in(meta.column("prediction_id"), there)))
    data = data.filter(pc.invert(pc.is_in(data.column("prediction_id"), there)))
    fresh = meta.column("prediction_id").to_pylist()
    if fresh:
        edits = marked(fresh, index.parts.annotations(fresh), deleted=False)
        parts.add(meta, conform(data, DATA_SCHEMA), table_of(edits, ANNOTATION_SCHEMA))
    trash.discard(record)
    return len(fresh)


def settle(parts: Parts, trash: Trash) -> None:
    """Settle entries that a killed process left half-way, by where their rows are now."""
    for record in trash.list():
        if record.status == "deleted":
            continue
        ids = trash.read(record, "meta").column("prediction_id").to_pylist()
        there = parts.read_rows("meta", ids).num_rows
        if there == len(ids):
            trash.discard(record)  # not deleted yet, or restored already
        else:
            trash.mark(record, "deleted")
