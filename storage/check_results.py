"""Checking results against the pipelines' own documents: what the catalog says of each, its metrics and its arrays.

The catalog was checked before, so what differs was changed in the documents. Only parts that were
found sound are read, one batch of rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.check_runs import SeenPipeline, ended
from storage.errors import NotFound, StorageError
from storage.inspection import Inspection
from storage.layout import Layout
from storage.metrics import PARTITIONS, flatten
from storage.pipeline_anew import as_the_catalog_says
from storage.reading import cut_short
from storage.records import PartRecord, PipelineRecord, read_document, read_json

if TYPE_CHECKING:
    from storage.part_files import PartFiles
    from storage.predictions import PredictionArrays

_PIPELINE, _METRICS, _PREDICTIONS = "pipeline.json", "metrics.json", "predictions.csv"


class ResultsCheck:
    """Compares what sound parts have with what the pipelines' folders have."""

    def __init__(
        self, inspection: Inspection, layout: Layout, files: PartFiles, sound: Mapping[str, Sequence[PartRecord]]
    ) -> None:
        self._inspection = inspection
        self._layout = layout
        self._files = files
        self._sound = sound

    def find_arrays_missing(self, seen: Sequence[SeenPipeline], rows: Collection[str]) -> None:
        """Name the pipelines whose row is in the catalog and whose predictions are not: the folder has them."""
        wanted = {one.prediction_id: one for one in ended(seen) if one.predictions and not one.busy}
        left = wanted.keys() & rows
        for part in self._sound["data"] if left else ():
            column = self._files.read("data", part, ["prediction_id"], verify=False).column(0)
            left -= set(column.unique().to_pylist())
        for name in sorted(left):
            one = wanted[name]
            with self._inspection.item(self._place(one)):
                if self._arrays(one):  # a table of no rows has none
                    what = f"The catalog has the result of {one.pipeline_id} and not its predictions."
                    self._inspection.find("arrays-missing", self._place(one), what)

    def compare(self, seen: Sequence[SeenPipeline]) -> None:
        """Compare every metric and every array with the documents; one step for each part."""
        known = {one.prediction_id: one for one in ended(seen) if not one.busy}
        told: set[str] = set()
        for part in reversed(self._sound["meta"]):  # of results that are there twice the newest counts
            self._inspection.step("comparing metrics with their documents")
            for row in self._rows("meta", part):
                name = str(row["prediction_id"])
                if name in known and name not in told:
                    told.add(name)
                    with self._inspection.item(self._place(known[name])):
                        self._compare_pipeline(known[name], row)
                        self._compare_metrics(known[name], row)
        for part in self._sound["data"]:
            self._inspection.step("comparing arrays with their documents")
            for name, rows in _together(self._rows("data", part)):
                if name in known and known[name].predictions:
                    with self._inspection.item(self._place(known[name])):
                        self._compare_arrays(known[name], rows)

    def _rows(self, dataset: str, part: PartRecord) -> Iterator[dict[str, Any]]:
        with self._inspection.item(self._layout.part_folder(dataset) / part.file):
            for table in self._files.tables(dataset, part):
                yield from table.to_pylist()

    def _place(self, one: SeenPipeline) -> Path:
        return one.place or self._layout.run(one.folder) / one.pipeline_id

    def _arrays(self, one: SeenPipeline) -> list[PredictionArrays]:
        from storage.pipelines import read_predictions

        return read_predictions(self._place(one) / _PREDICTIONS, one.classes)

    def _compare_pipeline(self, one: SeenPipeline, row: Mapping[str, Any]) -> None:
        place = self._place(one) / _PIPELINE
        try:
            record = read_document(place, PipelineRecord)
        except StorageError:
            return  # the look at the run has told of it
        told = as_the_catalog_says(record, row, row.get("config"))
        wrong = [name for name, value in told if value != getattr(record, name)]
        if wrong:
            self._tell_differing(one, place, wrong)

    def _compare_metrics(self, one: SeenPipeline, row: Mapping[str, Any]) -> None:
        from storage.part_files import META_SCHEMA

        place = self._place(one) / _METRICS
        try:
            found = read_json(place)
        except (NotFound, StorageError):
            return  # the look at the run has told of it
        told = flatten(found) if isinstance(found, dict) else {}
        wrong = [
            name
            for name, value in told.items()
            if name not in META_SCHEMA.names and name in row and not _same(value, row[name])
        ]
        known = [name for name, value in row.items() if value is not None and _is_metric(name) and name not in told]
        if wrong:
            self._tell_differing(one, place, wrong)
        elif known:
            what = f"{place.name} of {one.pipeline_id} has no {known[0]}, which the catalog has."
            self._inspection.find("document-differs", place, what)

    def _tell_differing(self, one: SeenPipeline, place: Path, wrong: Sequence[str]) -> None:
        what = f"{place.name} of {one.pipeline_id} says another {wrong[0]} than the catalog"
        more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        self._inspection.find("document-differs", place, f"{what}{more}.")

    def _compare_arrays(self, one: SeenPipeline, rows: Sequence[Mapping[str, Any]]) -> None:
        from storage.predictions import differ, from_row

        place = self._place(one) / _PREDICTIONS
        if cut_short(place):
            return  # the look at the run has told of it
        try:
            own = self._arrays(one)
        except StorageError as error:
            self._inspection.find("document-damaged", place, error.what)
            return
        wrong = differ([from_row(row) for row in rows], own)
        if wrong:
            what = f"{_PREDICTIONS} of {one.pipeline_id} {wrong} than the catalog."
            self._inspection.find("document-differs", place, what)


def _is_metric(column: str) -> bool:
    """Whether a column is what training computes, and no fact nor anything of another program."""
    return column.startswith(tuple(f"{partition}_" for partition in PARTITIONS))


def _same(one: float, other: Any) -> bool:
    """Whether two metrics are the same; no value and no number are one."""
    missing = [value is None or not math.isfinite(value) for value in (one, other)]
    return all(missing) or (not any(missing) and one == other)


def _together(rows: Iterator[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of arrays by prediction: they lie together as they were written."""
    name, held = "", list[dict[str, Any]]()
    for row in rows:
        if row["prediction_id"] != name and held:
            yield name, held
            held = []
        name = str(row["prediction_id"])
        held.append(row)
    if held:
        yield name, held
