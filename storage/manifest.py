"""catalog/manifest.json: which part files count. Reading it and sweeping what it doesn't name needs no Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from storage.disk import Disk
from storage.errors import NotFound, TooNew
from storage.layout import Layout
from storage.records import Manifest, read_document

DATASETS = ("meta", "data", "annotations")
MANIFEST_FORMAT = 1


class ManifestFile:
    """The manifest of one workspace's catalog: replacing it is the commit."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk

    def read(self) -> Manifest:
        """The manifest as it is now; an empty one where none was written yet. Raises Corrupt or TooNew."""
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
        as Runshelf names its own are touched; a stranger's file is left where it is.
        """
        swept: list[str] = []
        with self._disk.lock("catalog"):
            manifest = self.read()
            for dataset in DATASETS:
                live = {part.file for part in getattr(manifest, dataset)}
                folder = self._layout.part_folder(dataset)
                strays = [p for p in _files(folder) if p.name.startswith("part-") and p.name not in live]
                self._disk.remove_files(strays)
                swept += [path.name for path in strays]
        return swept


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.suffix == ".parquet" and path.is_file())
