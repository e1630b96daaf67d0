"""The arrays of predictions in the data parts: of one found without reading the others, of many taken away and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import Corrupt, StorageError
from storage.index import Index
from storage.part_files import DATA_SCHEMA, META_SCHEMA, conform
from storage.parts import Parts
from storage.predictions import PredictionArrays, from_row
from storage.records import PartRecord

_MEND = "Ask whoever wrote them, or delete this result."


class StoredArrays:
    """Reads arrays from the parts; the index tells where they can lie, and is asked through `ask`."""

    def __init__(self, parts: Parts, index: Index, ask: Callable[[Callable[[], Any]], Any]) -> None:
        self._parts = parts
        self._index = index
        self._ask = ask

    def read(self, prediction_id: str) -> list[PredictionArrays]:
        """The arrays of a prediction by partition and fold; none where it has none. Raises Corrupt or NotFound."""
        rows = self._parts.look(lambda live: self._rows(prediction_id, live.data))
        try:
            return [from_row(row) for row in rows]
        except (ValueError, TypeError, OverflowError) as error:  # another program wrote them
            raise Corrupt(f"The arrays of {prediction_id} are no such arrays: {error}.", None, _MEND) from error

    def rows(self, prediction_ids: Sequence[str]) -> pa.Table:
        """The rows of these predictions in the data parts, as they are. Raises Corrupt where a part can't be read."""
        return self._parts.read_rows("data", prediction_ids)

    def take_away(self, prediction_ids: Sequence[str]) -> None:
        """Remove the arrays of these predictions, in one commit; their rows of meta stay. Raises Corrupt."""
        self._parts.remove_arrays(prediction_ids)

    def put_back(self, table: pa.Table) -> None:
        """Add rows of arrays; predictions that have some already are left as they are. Raises Corrupt."""
        with self._parts.locked():
            ids = table.column("prediction_id").to_pylist()
            there = self.rows(ids).column("prediction_id").combine_chunks()
            missing = table.filter(pc.invert(pc.is_in(table.column("prediction_id"), there)))
            if missing.num_rows:
                self._parts.add(META_SCHEMA.empty_table(), conform(missing, DATA_SCHEMA))

    def _rows(self, prediction_id: str, live: Sequence[PartRecord]) -> list[dict[str, Any]]:
        """The rows of a prediction in the data parts, from the row groups that the index says can hold it."""
        files = self._parts.files
        files.keep_open({part.file for part in live})
        mapped, places = self._ask(lambda: self._index.parts.places(prediction_id))
        rows: list[dict[str, Any]] = []
        failed: StorageError | None = None
        for part in live:
            try:
                if part.file not in mapped:
                    ranges = files.ranges("data", part)
                    places[part.file] = [
                        group
                        for group, (first, last) in enumerate(ranges)
                        if first is None or last is None or first <= prediction_id <= last
                    ]
                    self._index.parts.note_ranges(part.file, ranges)
                if part.file in places:
                    rows += files.rows_of(part, prediction_id, places[part.file])
            except StorageError as error:  # of no matter if the rows lie in another part
                failed = error
        if failed is not None and not rows:
            raise failed
        return rows
