"""Results that lie whole in their folders and that the catalog lacks, taken in: many with one commit.

A process that was killed leaves them, and so does a catalog that was lost. Each commit is whole by itself: what came
before a kill is in, and the next pass takes the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.catalog import Catalog
from storage.catalog_row import Result, catalog_row
from storage.disk import Disk
from storage.errors import BadInput, StorageError
from storage.layout import Layout
from storage.pipelines import Pipeline
from storage.plan import Report
from storage.records import was_changed
from storage.runs import Run

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays

AT_ONCE = 1_000  # results with one commit
_SAMPLES = 500_000  # predictions held until they are committed, whatever the results are: some 100 MB
_ENDED = ("completed", "failed")


@dataclass
class Intake:
    """How many results were taken in, and what could not be, each with its reason."""

    results: int = 0
    problems: list[str] = field(default_factory=list)


def take_in(layout: Layout, disk: Disk, catalog: Catalog, folders: Sequence[Path], report: Report) -> Intake:
    """Commit the results of these pipeline folders that the catalog lacks; those deleted on purpose stay deleted.

    What can't be read is named and the others go on. Raises Corrupt while a part of the catalog can't be read, for
    then nobody knows what is missing, or what `report` does; what was committed until then stands.
    """
    done, batch, samples = Intake(), list[Result](), 0
    for number, pipeline in enumerate(_ended(layout, disk, catalog, folders, done)):
        report(number, len(folders), "reading results from the run folders")
        try:
            row = catalog_row(pipeline.run.config, pipeline.record, pipeline.metrics())
        except StorageError as error:
            done.problems.append(f"{pipeline.pipeline_id} was left out: {error.what.rstrip('.')}")
            continue
        if was_changed(pipeline.folder / "pipeline.json") and catalog.has_another(row):
            why = "its pipeline.json was changed, and the catalog has its result under another id"
            done.problems.append(f"{pipeline.pipeline_id} was left out: {why}")
            continue
        found = Result(row, readable_arrays(pipeline, done.problems))
        batch.append(found)
        samples += sum(len(one.sample_indices) for one in found.arrays)
        if len(batch) == AT_ONCE or samples >= _SAMPLES:
            _commit(catalog, batch, done)
            batch, samples = [], 0
    if batch:
        _commit(catalog, batch, done)
    return done


def take_arrays(layout: Layout, disk: Disk, catalog: Catalog, folders: Sequence[Path]) -> Intake:
    """Put the predictions of these pipeline folders into the catalog, where it has their rows and no predictions.

    Raises Corrupt while a part of the catalog can't be read.
    """
    from storage.part_files import DATA_SCHEMA, table_of
    from storage.predictions import to_rows

    done, rows = Intake(), list[dict[str, Any]]()

    def commit() -> None:
        if rows:
            catalog.stored_arrays.put_back(table_of(rows, DATA_SCHEMA))
            rows.clear()

    for pipeline in _ended(layout, disk, catalog, folders, done):
        found = readable_arrays(pipeline, done.problems, doubted=True)
        rows += to_rows(pipeline.prediction_id, found) if pipeline.record.thinned is None else []
        done.results += bool(found)
        if sum(len(row["sample_indices"]) for row in rows) >= _SAMPLES:
            commit()
    commit()
    return done


def readable_arrays(pipeline: Pipeline, problems: list[str], *, doubted: bool = False) -> list[PredictionArrays]:
    """The predictions in a pipeline's folder; none, and why among the `problems`, where they can't be read.

    Where they are `doubted`, for something else was damaged, it is told if there are fewer than were scored.
    """
    try:
        found = pipeline.arrays()
        if doubted and (short := pipeline.shortfall()):
            problems.append(f"predictions.csv of {pipeline.pipeline_id} has {short}, and was taken in as it is")
        return found
    except StorageError as error:
        problems.append(f"the predictions of {pipeline.pipeline_id} were left out: {error.what.rstrip('.')}")
        return []


def _ended(layout: Layout, disk: Disk, catalog: Catalog, folders: Sequence[Path], done: Intake) -> Iterator[Pipeline]:
    """The pipelines of these folders that came to an end, run by run."""
    for place, those in groupby(sorted(folders), lambda folder: folder.parent):
        try:
            run = Run.open(layout, disk, catalog, place)
        except StorageError as error:
            done.problems.append(error.what.rstrip("."))
            continue
        for folder in those:
            try:
                pipeline = run.pipeline(folder.name)
            except StorageError as error:
                done.problems.append(error.what.rstrip("."))
                continue
            if pipeline.record.status in _ENDED:
                yield pipeline


def _commit(catalog: Catalog, results: Sequence[Result], done: Intake) -> None:
    try:
        done.results += catalog.append_all(results)
    except BadInput as error:  # the catalog can't hold one of them: the halves tell which
        if len(results) == 1:
            done.problems.append(f"{results[0].row['pipeline_id']} was left out: {error.what.rstrip('.')}")
            return
        middle = len(results) // 2
        _commit(catalog, results[:middle], done)
        _commit(catalog, results[middle:], done)
