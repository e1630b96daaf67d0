"""Where runs and pipelines lie: from their ids to their folders, as far as these are there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from storage.catalog import Catalog
from storage.errors import NotFound
from storage.index import Index
from storage.layout import Layout
from storage.reading import is_behind_link, is_plain_folder


class Places:
    """The places of one workspace."""

    def __init__(self, layout: Layout, index: Index, catalog: Catalog) -> None:
        self._layout = layout
        self._index = index
        self._catalog = catalog

    def folder_of(self, run_id: str) -> str:
        """The name of a run's folder. Raises NotFound, also where it lies behind a link: that is not followed."""
        folder = self._catalog.ask_index(lambda: self._index.runs.folder_of(run_id))
        if folder is None and run_id and run_id[:1] not in (".", "_") and Path(run_id).name == run_id:
            folder = run_id if is_plain_folder(self._layout.run(run_id)) else None
        if folder is None or is_behind_link(self._layout.run(folder), self._layout.root):
            raise NotFound(f"There is no run '{run_id}'.", self._layout.runs, "List them with: runshelf runs list.")
        return folder

    def run(self, run_id: str) -> Path:
        """The folder of a run. Raises NotFound."""
        return self._layout.run(self.folder_of(run_id))

    def of_new(self, run_id: str) -> Path | None:
        """The folder of a run that is to be made or gone on with, also where that was renamed.

        None where a run of this id was made and its folder is gone: what the catalog and the trash have of it must not
        be taken for another's.
        """
        with suppress(NotFound):
            if (folder := self.run(run_id)).exists():
                return folder
        return None if self._catalog.knows_run(run_id) else self._layout.run(run_id)

    def of_prediction(self, prediction_id: str) -> tuple[str, str] | None:
        """Run id and pipeline id of a prediction whose folder is there, else None."""
        return self._catalog.ask_index(lambda: self._index.results.place_of(prediction_id))

    def pipeline(self, prediction_id: str) -> Path | None:
        """The folder of a prediction's pipeline, if it is there."""
        place = self.of_prediction(prediction_id)
        return self.run(place[0]) / place[1] if place is not None else None
