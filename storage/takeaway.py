"""Taking results away as files: a pipeline as a folder that explains itself, the best predictions as flat CSV files.

Nothing that is there is written over. A folder outside the workspace is filled beside its place and renamed, as inside.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage.catalog import Catalog
from storage.copies import Report, copied_size, copy_pipeline, dated_name, read_metrics, run_config_of
from storage.destinations import chosen_folder, is_inside
from storage.disk import Disk, Draft, new_folder, replaced_file
from storage.errors import BadInput, Conflict, Exists, NotFound
from storage.exports import harmless
from storage.findings import count
from storage.flat_predictions import FlatPredictions
from storage.layout import Layout, checked_name, folder_part, pipeline_folder
from storage.plan import Plan, Step
from storage.reading import is_plain_file
from storage.readmes import model_card
from storage.records import PipelineRecord, has_classes

if TYPE_CHECKING:
    from storage.predictions import PredictionArrays


class Takeaway:
    """Exports of one workspace."""

    def __init__(self, layout: Layout, disk: Disk, catalog: Catalog, predictions: FlatPredictions) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog
        self._predictions = predictions

    # ------------------------------------------------------------ a pipeline

    def pipeline(
        self,
        run_folder: Path,
        pipeline_id: str,
        destination: Path | None,
        name: str,
        report: Report | None,
        *,
        create: bool = False,
    ) -> Path:
        """Write a pipeline to a new folder; see Workspace.export_pipeline."""
        folder = pipeline_folder(run_folder, pipeline_id)
        run = run_config_of(run_folder)
        path = self._free_place(run_folder, pipeline_id, destination, name, create)
        with self._new_folder(path) as draft:
            record = copy_pipeline(draft, folder, report or (lambda done, total, text: None))
            arrays, find = predictions_in(folder, record), self._catalog.metrics.find
            card = model_card(run, record, read_metrics(folder), sorted(draft.files), arrays, find)
            draft.write("README.md", card.encode(errors="replace"))
        return path

    def plan_pipeline(self, run_folder: Path, pipeline_id: str, destination: Path | None, name: str) -> Plan:
        """A plan that writes a pipeline to a new folder; see Workspace.plan_export_pipeline."""
        folder = pipeline_folder(run_folder, pipeline_id)
        path = self._free_place(run_folder, pipeline_id, destination, name, create=False)
        files, size = copied_size(folder)
        steps = (
            Step(f"Copy {count(files, 'file')} to {path}.", size),
            Step("Write a README.md beside them that says what it is, how good it is, and how to load it."),
        )

        def work(report: Report) -> str:
            return f"Exported to {self.pipeline(run_folder, pipeline_id, destination, name, report)}."

        return Plan(f"Export {pipeline_id}", steps, lambda: (path.exists(), copied_size(folder)), work)

    def _free_place(
        self, run_folder: Path, pipeline_id: str, destination: Path | None, name: str, create: bool
    ) -> Path:
        first = checked_name(name, "export") if name else dated_name(run_folder, run_config_of(run_folder))
        path = chosen_folder(self._layout, destination, self._layout.exports, create=create) / f"{first}_{pipeline_id}"
        if os.path.lexists(path):
            raise Exists(f"{path} is there already.", path, "Open that one, or give this export another name.")
        return path

    @contextmanager
    def _new_folder(self, path: Path) -> Iterator[Draft]:
        if not is_inside(path, self._layout.root):
            with new_folder(path) as draft:
                yield draft
            return
        with self._disk.draft(path.parent) as draft:
            yield draft
            self._disk.place_draft(draft, path)

    # ------------------------------------------------------------ predictions

    def best_predictions(self, metric: str, n: int, dataset: str | None, destination: Path | None) -> list[Path]:
        """Write the predictions of the best results; see Workspace.export_best_predictions."""
        home = self._home_of_predictions(destination)
        return [self._write_new(home, name, data) for name, data in self._best(metric, n, dataset)]

    def plan_best_predictions(self, metric: str, n: int, dataset: str | None, destination: Path | None) -> Plan:
        """A plan that writes the predictions of the best results; see Workspace.plan_export_best_predictions."""
        home = self._home_of_predictions(destination)
        found = list(self._best(metric, n, dataset))
        steps = tuple(
            Step(f"{'Write' if new else 'Leave, the same is there:'} {path}.", len(data) if new else 0)
            for path, new, data in ((*self._free_name(home, name, data), data) for name, data in found)
        )

        def work(report: Report) -> str:
            written = self.best_predictions(metric, n, dataset, destination)
            return f"{count(len(written), 'file')} in {home}."

        def look() -> object:
            return [self._free_name(home, name, data) for name, data in self._best(metric, n, dataset)]

        return Plan(f"Export the best predictions by {metric}", steps, look, work)

    def _home_of_predictions(self, destination: Path | None) -> Path:
        return chosen_folder(self._layout, destination, self._layout.exports / "best_predictions")

    def _best(self, metric: str, n: int, dataset: str | None) -> Iterator[tuple[str, bytes]]:
        """The names of files, without an ending, and the predictions of the best results, best first."""
        none = True
        for row in self._catalog.best_of_each(metric, n, dataset):
            data = self._predictions.of(row["prediction_id"])
            if data is not None:
                none = False
                first = f"{folder_part(row['dataset_name'], 80)}_{row['run_date']}"
                yield f"{first}_{folder_part(row['pipeline_id'], 80)}", _harmless(data)
        if none:
            raise NotFound(
                f"No result with {metric} has predictions" + (f" for {dataset}." if dataset else "."),
                advice="Choose another metric or dataset.",
            )

    def _free_name(self, home: Path, name: str, data: bytes) -> tuple[Path, bool]:
        """The first name that is free, and True; or that of a file with the same content, and False."""
        for number in range(1, 1_000):
            path = home / f"{name if number == 1 else f'{name}~{number}'}.csv"
            if not os.path.lexists(path):
                return path, True
            if is_plain_file(path) and path.stat().st_size == len(data) and _digest(path.read_bytes()) == _digest(data):
                return path, False
        raise Conflict(f"There are too many files named {name}.", home, "Move some of them away.")

    def _write_new(self, home: Path, name: str, data: bytes) -> Path:
        """Write a file under the first name that is free; one that is there with the same content is taken for it."""
        while True:
            path, new = self._free_name(home, name, data)
            if not new:
                return path
            if not is_inside(path, self._layout.root):
                with replaced_file(path, new=True) as file:
                    file.write(data)
                return path
            self._disk.make_folders([home])
            if self._disk.write_new(path, data):
                return path  # else another process was quicker


def predictions_in(folder: Path, record: PipelineRecord) -> list[PredictionArrays]:
    """The predictions of a pipeline; none where they can't be read: the card then says nothing of them."""
    from storage.predictions import read_csv

    path = folder / "predictions.csv"
    if not is_plain_file(path):
        return []
    try:
        return read_csv(path, has_classes(record.task_type))
    except (OSError, ValueError, BadInput):
        return []


def _harmless(data: bytes) -> bytes:
    """A table for spreadsheets: names of samples and classes that would be run as formulas are made harmless."""
    rows = list(csv.reader(io.StringIO(data.decode())))
    safe = [[cell if _is_number(cell) else harmless(cell) for cell in row] for row in rows]
    if safe == rows:
        return data
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(safe)
    return written.getvalue().encode()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
