"""Checking the library: its documents readable, its items what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from storage.copies import METADATA
from storage.errors import StorageError
from storage.inspection import Inspection
from storage.layout import Layout
from storage.library_items import LIBRARY_KINDS, LibraryItem, Shelf, wrong_with


def count_library(layout: Layout) -> int:
    """How many items the library has."""
    count = 0
    for kind in LIBRARY_KINDS:
        with suppress(StorageError):  # that it can't be read is a finding
            count += sum(1 for _ in _items(Shelf(layout), kind))
    return count


def check_library(inspection: Inspection, layout: Layout) -> None:
    """Look at every item, the deep check at every byte; one that goes away meanwhile is left out."""
    shelf = Shelf(layout)
    for kind in LIBRARY_KINDS:
        with inspection.item(shelf.home(kind)):
            for name, path in _items(shelf, kind):
                inspection.step("checking the library")
                with inspection.item(path):
                    inspection.checked["library items"] += 1
                    _check_one(inspection, shelf.item(kind, name))


def _items(shelf: Shelf, kind: str) -> Iterator[tuple[str, Path]]:
    """Name and place of every item of a kind; links are left out: the tree's check names them."""
    for name in shelf.names(kind):
        try:
            path = shelf.place(kind, name)
        except StorageError:
            continue  # no name of an item
        if not path.is_symlink() and (path.is_file() if kind == "template" else path.is_dir()):
            yield name, path


def _check_one(inspection: Inspection, item: LibraryItem) -> None:
    wrong = item.problem or (wrong_with(item) if inspection.deep and item.kind != "template" else "")
    if wrong:
        inspection.find("library-damaged", item.path, f"{wrong} It is the {item.kind} '{item.name}' of the library.")
    inspection.find_edited(item.path if item.kind == "template" else item.path / METADATA)
