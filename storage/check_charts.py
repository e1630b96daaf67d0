"""Checking charts: by the digest a pipeline has of each, else by the checksums within a PNG file."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path

from storage.inspection import Inspection
from storage.reading import read_pieces
from storage.trees import read_tree

_MARK = b"\x89PNG\r\n\x1a\n"
_END = b"IEND"
_FRAME = 12  # bytes around what a piece holds: its length, its name, its checksum


def check_charts(inspection: Inspection, folder: Path, digests: Mapping[str, str]) -> None:
    """Read every chart of a pipeline; one that is cut short or changed is named. `digests` are theirs, by name."""
    for name in read_tree(folder).files:
        if name.endswith(".png") and "/" not in name:
            with inspection.item(folder / name):
                data = b"".join(read_pieces(folder / name, "chart"))
                if not is_whole(data) or digests.get(name) not in (None, hashlib.sha256(data).hexdigest()):
                    what = f"{name} of {folder.name} is damaged: it is not what was drawn."
                    inspection.find("chart-damaged", folder / name, what)


def is_whole(data: bytes) -> bool:
    """Whether a PNG file has all its pieces, each with its checksum, up to the last one."""
    place, name = len(_MARK), b""
    while data.startswith(_MARK) and name != _END and place + _FRAME <= len(data):
        length = int.from_bytes(data[place : place + 4])
        name, end = data[place + 4 : place + 8], place + 8 + length
        if int.from_bytes(data[end : end + 4]) != zlib.crc32(data[place + 4 : end]):
            return False
        place = end + 4
    return name == _END and place == len(data)
