"""Taking results away as files: a pipeline as a folder that explains itself, the best predictions as flat CSV files.

Nothing that is there is written over. A folder outside the workspace is filled beside its place and renamed, as inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage.catalog import Catalog
from storage.copies import Report, copy_pipeline, dated_name, read_metrics, run_config_of
from storage.destinations import chosen_folder, is_inside
from storage.disk import Disk, Draft, new_folder, replaced_file
from storage.errors import BadInput, Conflict, Exists, NotFound
from storage.flat_predictions import FlatPredictions
from storage.layout import Layout, checked_name, folder_part, pipeline_folder
from storage.readmes import model_card
from storage.records import PipelineRecord

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
        first = checked_name(name, "export") if name else dated_name(run_folder, run)
        path = chosen_folder(self._layout, destination, self._layout.exports, create=create) / f"{first}_{pipeline_id}"
        if path.exists():
            raise Exists(f"{path} is there already.", path, "Open that one, or give this export another name.")
        with self._new_folder(path) as draft:
            record = copy_pipeline(draft, folder, report or (lambda done, total, text: None))
            arrays, find = predictions_in(folder, record), self._catalog.metrics.find
            card = model_card(run, record, read_metrics(folder), sorted(draft.files), arrays, find)
            draft.write("README.md", card.encode(errors="replace"))
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
        home = chosen_folder(self._layout, destination, self._layout.exports / "best_predictions")
        found = self._catalog.best_of_each(metric, n, dataset)
        written = []
        for row in found:
            data = self._predictions.of(row["prediction_id"])
            if data is not None:
                name = f"{folder_part(row['dataset_name'], 80)}_{row['run_date']}_{folder_part(row['pipeline_id'], 80)}"
                written.append(self._write_new(home, name, data))
        if not written:
            raise NotFound(
                f"No result with {metric} has predictions" + (f" for {dataset}." if dataset else "."),
                advice="Choose another metric or dataset.",
            )
        return written

    def _write_new(self, home: Path, name: str, data: bytes) -> Path:
        """Write a file under the first name that is free; one that is there with the same content is taken for it."""
        for number in range(1, 1_000):
            path = home / f"{name if number == 1 else f'{name}~{number}'}.csv"
            if path.is_file():
                if path.stat().st_size == len(data) and _digest(path.read_bytes()) == _digest(data):
                    return path
            elif is_inside(path, self._layout.root):
                self._disk.make_folders([home])
                if self._disk.write_new(path, data):
                    return path
            else:
                with replaced_file(path, new=True) as file:
                    file.write(data)
                return path
        raise Conflict(f"There are too many files named {name}.", home, "Move some of them away.")


def predictions_in(folder: Path, record: PipelineRecord) -> list[PredictionArrays]:
    """The predictions of a pipeline; none where they can't be read: the card then says nothing of them."""
    from storage.predictions import read_csv

    path = folder / "predictions.csv"
    try:
        return read_csv(path, None if record.task_type is None else record.task_type == "classification")
    except (OSError, ValueError, BadInput):
        return []


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
