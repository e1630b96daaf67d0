"""The predictions of a result as one flat CSV file, from wherever they are: its folder, the catalog, an archive."""

from __future__ import annotations

from collections.abc import Callable

from storage.archives import Archives, read_archive, read_file
from storage.catalog import Catalog
from storage.errors import NotFound, StorageError
from storage.layout import Layout
from storage.reading import is_behind_link, is_plain_file, read_bytes

_NAME = "predictions.csv"


class FlatPredictions:
    """Finds predictions. `place_of` tells the run folder and pipeline folder of a prediction, if it is there."""

    def __init__(
        self, layout: Layout, catalog: Catalog, archives: Archives, place_of: Callable[[str], tuple[str, str] | None]
    ) -> None:
        self._layout = layout
        self._catalog = catalog
        self._archives = archives
        self._place_of = place_of

    def of(self, prediction_id: str) -> bytes | None:
        """predictions.csv of a result as its pipeline wrote it, else made from the arrays in the catalog."""
        place = self._place_of(prediction_id)
        if place is not None:
            path = self._layout.run(place[0]) / place[1] / _NAME
            if is_plain_file(path) and not is_behind_link(path, self._layout.root):
                return read_bytes(path, "predictions")
        return self._from_archive(prediction_id) or self._from_catalog(prediction_id)

    def _from_archive(self, prediction_id: str) -> bytes | None:
        for archive in self._archives.list(prediction_id, kind="pipeline"):
            try:
                return read_file(archive.path, read_archive(archive.path), _NAME)
            except StorageError:
                continue  # the catalog may have them still
        return None

    def _from_catalog(self, prediction_id: str) -> bytes | None:
        try:
            arrays = self._catalog.arrays(prediction_id)
        except NotFound:  # it was thinned
            return None
        if not arrays:
            return None
        from storage.predictions import to_frame

        count = max(int(block.sample_indices.max(initial=-1)) for block in arrays) + 1
        targets = [str(i + 1) for i in range(arrays[0].y_true.shape[1] if arrays[0].y_true.ndim > 1 else 1)]
        return bytes(to_frame(arrays, [str(i) for i in range(count)], targets).to_csv(index=False).encode())
