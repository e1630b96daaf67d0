"""What a folder holds, how large it is, its digests, and whether it is as it was. Links are named, never followed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.errors import StorageError, os_errors
from storage.reading import read_pieces

_FRESH_NS = 20_000_000  # a time stamp this close to the look may not move with the next change


@dataclass(frozen=True)
class Tree:
    """The content of a folder by path below it, with "/" between the names; `odd` are links, sockets and the like."""

    files: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(self.files.values())


def read_tree(folder: Path) -> Tree:
    """Everything below a folder. Raises what the disk says."""
    files: dict[str, int] = {}
    folders: list[str] = []
    odd: list[str] = []
    waiting = [""]
    with os_errors(f"read the folder {folder.name}", folder):
        while waiting:
            place = waiting.pop()
            with os.scandir(folder / place) as entries:
                for entry in entries:
                    name = f"{place}/{entry.name}" if place else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                        waiting.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        files[name] = entry.stat(follow_symlinks=False).st_size
                    else:
                        odd.append(name)
    return Tree(dict(sorted(files.items())), sorted(folders), sorted(odd))


def tree_bytes(path: Path) -> int:
    """The size of a file, or of all files below a folder. Raises what the disk says."""
    if path.is_dir() and not path.is_symlink():
        return read_tree(path).bytes
    with os_errors(f"read {path.name}", path):
        return os.stat(path, follow_symlinks=False).st_size


def listing_digest(digests: Mapping[str, str]) -> str:
    """One sha256 for many files: that of the lines `<sha256>  <path>`, sorted by path, as `sha256sum` writes them."""
    lines = "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 of a file, read piece by piece. Raises what `read_pieces` does."""
    digest = hashlib.sha256()
    for piece in read_pieces(path, "file"):
        digest.update(piece)
    return digest.hexdigest()


def tree_signature(path: Path) -> str:
    """A digest of names, sizes and times of all below a folder: another one where something was changed."""
    told = hashlib.sha256()
    try:
        tree = read_tree(path)
        for name, size in tree.files.items():
            told.update(
                f"{name}\0{size}\0{os.stat(path / name, follow_symlinks=False).st_mtime_ns}\n".encode(errors="replace")
            )
    except (OSError, StorageError):
        return ""
    return told.hexdigest()


def file_signature(*paths: Path | str) -> str:
    """Times, sizes and inodes of files and folders: the same as long as none changed.

    The time of the last change of any kind counts, too, where there is one: an editor may set the other back. Empty
    when one is too fresh to be trusted; the size of a folder itself does not count.
    """
    start = time.time_ns()
    found = []
    for path in paths:
        try:
            known = os.stat(path, follow_symlinks=False)
        except OSError:
            found.append("-")
            continue
        changed = known.st_mtime_ns if os.name == "nt" else known.st_ctime_ns
        if max(known.st_mtime_ns, changed) >= start - _FRESH_NS:
            return ""
        size = 0 if stat.S_ISDIR(known.st_mode) else known.st_size
        found.append(f"{known.st_mtime_ns}.{changed}.{size}.{known.st_ino}")
    return ":".join(found)
