"""catalog/manifest.json: which part files count. Reading it and sweeping what it doesn't name needs no Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from storage.disk import Disk
from storage.errors import Corrupt, NotFound, TooNew
from storage.layout import Layout
from storage.reading import is_plain_folder
from storage.records import Manifest, read_document

DATASETS = ("meta", "data", "annotations")
MANIFEST_FORMAT = 1


class ManifestFile:
    """The manifest of one workspace's catalog: replacing it is the commit."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk

    def read(self) -> Manifest:
        """The manifest as it is now; an empty one where none was written yet.

        Raises Corrupt or TooNew, NotFound where the whole workspace is not there any more.
        """
        self._disk.check_there()
        if self._layout.catalog.is_symlink():
            raise Corrupt("The catalog is a link: it is not followed.", self._layout.catalog, "Put the folder there.")
        try:
            found = read_document(self._layout.manifest, Manifest)
        except NotFound:
            return Manifest()
        if found.format > MANIFEST_FORMAT:
            raise TooNew(
                f"The catalog was written by a newer Runshelf (format {found.format}).",
                self._layout.manifest,
                "Update Runshelf to open it.",
            )
        return found

    def write(self, manifest: Manifest) -> None:
        """Replace the manifest, durably; the parts it names are in place."""
        self._disk.write(self._layout.manifest, (manifest.model_dump_json(indent=1) + "\n").encode())

    def sweep(self) -> list[str]:
        """Remove part files that the manifest doesn't name: what a killed writer left.

        A writer at work holds the lock from its first rename to its commit, so none is disturbed. Only files named
        as Runshelf names its own are touched; a stranger's file is left where it is. Where there is no manifest
        nothing is: see `orphans`.
        """
        swept: list[str] = []
        with self._disk.lock("catalog"):
            if not self._layout.manifest.exists():
                return swept
            manifest = self.read()
            for dataset in DATASETS:
                live = {part.file for part in getattr(manifest, dataset)}
                strays = [path for path in self._own_files(dataset) if path.name not in live]
                self._disk.remove_files(strays)
                swept += [path.name for path in strays]
        return swept

    def orphans(self) -> list[Path]:
        """The part files of Runshelf's own that lie where no manifest is: it was lost, or a first commit was killed."""
        if self._layout.manifest.exists() or self._layout.catalog.is_symlink():
            return []
        return [path for dataset in DATASETS for path in self._own_files(dataset)]

    def _own_files(self, dataset: str) -> list[Path]:
        folder = self._layout.part_folder(dataset)
        return [path for path in _files(folder) if path.name.startswith("part-")]


def _files(folder: Path) -> Iterator[Path]:
    if is_plain_folder(folder):
        yield from (path for path in folder.iterdir() if path.suffix == ".parquet" and path.is_file())
