"""Checking archives: their documents readable, their files those that were archived."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from storage.archives import ARCHIVE_KINDS, folders_in, read_archive, wrong_with
from storage.copies import ARCHIVE
from storage.errors import StorageError
from storage.inspection import Inspection
from storage.layout import Layout


def count_archives(layout: Layout) -> int:
    """How many archives there are."""
    count = 0
    for kind in ARCHIVE_KINDS:
        with suppress(StorageError):  # that it can't be read is a finding
            count += sum(1 for _ in folders_in(layout.archives(kind)))
    return count


def check_archives(inspection: Inspection, layout: Layout) -> None:
    """Compare every archive with its listing; one that goes away meanwhile is left out."""
    for kind in ARCHIVE_KINDS:
        with inspection.item(layout.archives(kind)):
            for path in folders_in(layout.archives(kind)):
                inspection.step("checking the archives")
                with inspection.item(path):
                    inspection.checked["archives"] += 1
                    _check_one(inspection, path)


def _check_one(inspection: Inspection, path: Path) -> None:
    try:
        wrong = wrong_with(path, read_archive(path), deep=inspection.deep)
    except StorageError as error:
        if path.is_dir():
            inspection.find("archive-damaged", path, error.what)
        return
    if wrong:
        inspection.find("archive-damaged", path, f"{wrong}, in the archive {path.name}.")
    inspection.find_edited(path / ARCHIVE)
