"""What a folder holds: files with their sizes, folders, and what is neither. Links are named, never followed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.errors import os_errors


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
