"""catalog/manifest.json: which part files count. Reading it and sweeping what it doesn't name needs no Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from storage.checksums import FIELD, is_changed, with_checksum
from storage.disk import Disk
from storage.errors import Corrupt, NotFound, StorageError, TooNew
from storage.layout import Layout
from storage.reading import is_plain_folder, read_bytes
from storage.records import MAX_DOCUMENT_BYTES, Manifest, parse_document

DATASETS = ("meta", "data", "annotations")
MANIFEST_FORMAT = 1
_LOCK = "catalog"


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
            data = read_bytes(self._layout.manifest, "document", MAX_DOCUMENT_BYTES)
        except NotFound:
            return Manifest()
        found = parse_document(data, self._layout.manifest, Manifest)
        if found.format > MANIFEST_FORMAT:
            raise TooNew(
                f"The catalog was written by a newer Runshelf (format {found.format}).",
                self._layout.manifest,
                "Update Runshelf to open it.",
            )
        if found.checksum_of == found.generation and is_changed(data):
            what = "manifest.json is damaged: it was changed since it was written."
            raise Corrupt(what, self._layout.manifest, "Make it again from the part files: runshelf check --repair.")
        return found

    def write(self, manifest: Manifest) -> None:
        """Replace the manifest, durably; the parts it names are in place."""
        own = manifest.model_copy(update={"checksum_of": manifest.generation})
        data = own.model_dump_json(indent=1, exclude={FIELD})
        self._disk.write(self._layout.manifest, with_checksum(f"{data}\n".encode()))

    def announce(self, before: Manifest, after: Manifest) -> None:
        """Say which parts a commit adds and takes away, before it does; what was left of earlier ones stays said."""
        changed = _places(before) ^ _places(after)
        self._disk.announce(_LOCK, sorted({*self._disk.announced(_LOCK), *changed}))

    def sweep(self) -> None:
        """Remove the part files that a commit was about to add or take away and the manifest doesn't name.

        A writer at work holds the lock from its first rename to its end, so none is disturbed. What can't be removed,
        for another program reads it, is removed by a later sweep. A part that nobody announced is left for a check to
        name: an older manifest may have been put back. Where there is no manifest nothing is removed: see `orphans`.
        """
        with self._disk.lock(_LOCK):
            announced = self._disk.announced(_LOCK)
            if not announced or not self._layout.manifest.exists():
                return
            live, left = _places(self.read()), False
            for place in announced:
                path = self._part(place) if place not in live else None
                try:
                    self._disk.remove_files([path] if path is not None else [])
                except StorageError:
                    left = True
            if not left:  # else what was announced stays said
                self._disk.announce(_LOCK, [])

    def orphans(self) -> list[Path]:
        """The part files of Runshelf's own that lie where no manifest is: it was lost, or a first commit was killed."""
        if self._layout.manifest.exists() or self._layout.catalog.is_symlink():
            return []
        return [path for dataset in DATASETS for path in self._own_files(dataset)]

    def _part(self, place: str) -> Path | None:
        """A part file as it was announced; None where it is none, or is not there."""
        dataset, _, name = place.partition("/")
        if dataset not in DATASETS or not name or Path(name).name != name or "\0" in name:
            return None
        path = self._layout.part_folder(dataset) / name
        return path if is_plain_folder(path.parent) and path.suffix == ".parquet" and path.is_file() else None

    def _own_files(self, dataset: str) -> list[Path]:
        folder = self._layout.part_folder(dataset)
        return [path for path in _files(folder) if path.name.startswith("part-")]


def _places(manifest: Manifest) -> set[str]:
    """The parts that count, each as data set and name."""
    return {f"{dataset}/{part.file}" for dataset in DATASETS for part in getattr(manifest, dataset)}


def _files(folder: Path) -> Iterator[Path]:
    if is_plain_folder(folder):
        yield from (path for path in folder.iterdir() if path.suffix == ".parquet" and path.is_file())
