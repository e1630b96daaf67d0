"""The files of a source: what its folders hold, and its documents, read tolerantly and never changed.

Links, devices and the like are named as problems and never followed; a recorded path that leads out of the source is
none. A damaged document is a problem, and what can be read of it is used.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from storage.errors import Corrupt, StorageError
from storage.reading import read_pieces
from storage.trees import file_digest

CHARTS = frozenset({".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp", ".pdf", ".html"})
PLAIN = frozenset({".csv", ".json", ".yaml", ".yml", ".txt", ".md", ".log", ".tsv", ".xlsx", ".parquet", ".n4a"})
_MAX_YAML = 32 * 1024 * 1024  # bytes; a manifest has some thousand
_MAX_VALUES = 5_000_000  # what a document unfolds into, aliases counted as often as they are used
_MAX_LEVELS = 200
_HALVES = re.compile(rb"\\u[dD]")  # half a character, which JSON can have and UTF-8 can't


class Source:
    """Looks into one folder of a source. Each folder is read once; what is no file and no folder goes to `problems`."""

    def __init__(self, root: Path, problems: list[str]) -> None:
        self.root, self._problems = root, problems
        self._known: dict[str, tuple[dict[str, int], list[str]]] = {}
        self._digests: dict[str, dict[str, str]] = {}

    def path(self, place: str) -> Path:
        """The path of a place below the folder."""
        return self.root / place if place else self.root

    def files(self, place: str = "") -> list[str]:
        """The names of the files directly in a folder, sorted; none where there is no such folder."""
        return list(self._look(place)[0]) if self.has_folder(place) else []

    def folders(self, place: str = "") -> list[str]:
        """The names of the folders directly in a folder, sorted."""
        return self._look(place)[1] if self.has_folder(place) else []

    def has_folder(self, place: str) -> bool:
        """Whether there is such a folder, reached by real folders alone."""
        if not place or place in self._known:
            return True
        if place.startswith("/"):
            return False
        parent, name = posixpath.split(place)
        return self.has_folder(parent) and name in self._look(parent)[1]

    def file(self, *parts: str) -> str | None:
        """The place of a file that was recorded, if it is there: below the folder, and reached by no link."""
        recorded = [part.replace("\\", "/") for part in parts]
        place = posixpath.normpath(posixpath.join(*recorded))
        if place.startswith(("../", "/")) or "\0" in place:
            return None
        parent, name = posixpath.split(place)
        return place if self.has_folder(parent) and name in self._look(parent)[0] else None

    def below(self, place: str) -> Iterator[str]:
        """The places of all files below a folder, in order."""
        waiting = [place]
        while waiting:
            folder = waiting.pop()
            yield from (posixpath.join(folder, name) for name in self.files(folder))
            waiting += [posixpath.join(folder, name) for name in reversed(self.folders(folder))]

    def by_digest(self, digest: str, place: str) -> str | None:
        """The file below a folder that has a sha256: one whose name begins or ends with its digits, else any."""
        if not digest or not self.has_folder(place):
            return None
        if place not in self._digests:
            self._digests[place] = {name: "" for name in self.below(place)}
        known = self._digests[place]
        for name in sorted(known, key=lambda name: digest[:6] not in posixpath.basename(name)):
            if not known[name]:
                try:
                    known[name] = file_digest(self.path(name))
                except StorageError as error:
                    known[name] = "-"
                    self._problems.append(error.what)
            if known[name] == digest:
                return name
        return None

    def leave_out(self, places: Iterable[str]) -> None:
        """Name files as problems that belong to nothing that is carried over."""
        self._problems += [f"{speakable(one)} belongs to no pipeline and is left out." for one in places]

    def _look(self, place: str) -> tuple[dict[str, int], list[str]]:
        if (known := self._known.get(place)) is not None:
            return known
        files: dict[str, int] = {}
        folders: list[str] = []
        try:
            with os.scandir(self.path(place)) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        files[entry.name] = entry.stat(follow_symlinks=False).st_size
                    else:
                        kind = "a link" if entry.is_symlink() else "neither file nor folder"
                        self._problems.append(
                            f"{speakable(posixpath.join(place, entry.name))} is {kind} and is left out."
                        )
        except OSError as error:
            self._problems.append(f"The folder {speakable(place or self.root.name)} can't be read: {error.strerror}.")
        self._known[place] = (files, folders)
        return files, folders


def peek(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of a file; nothing where it can't be read."""
    try:
        return next(iter(read_pieces(path, "file")), b"")[:size]
    except StorageError:
        return b""


def subfolders(folder: Path, most: int = 1_000) -> list[Path]:
    """Real folders directly in a folder, sorted, up to a number; none where it can't be read."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [folder / name for name in names[:most]]


# ---------------------------------------------------------------- documents


def read_json_file(path: Path) -> Any:
    """A JSON document. Raises Corrupt or what the disk says."""
    data = b"".join(read_pieces(path, "file"))
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{path.name} is damaged: {error}.", path, "Restore it from a copy.") from error
    return _speakable_values(found) if _HALVES.search(data) else found


def read_yaml_file(path: Path) -> Any:
    """A YAML document of plain values; nothing in it is executed. Raises Corrupt or what the disk says."""
    import yaml

    data = b"".join(read_pieces(path, "file"))
    if len(data) > _MAX_YAML:
        raise Corrupt(f"{path.name} is too large to be read as YAML.", path, "Look at it by hand.")
    try:
        found = yaml.load(data, Loader=_yaml_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise Corrupt(f"{path.name} is no valid YAML{place}.", path, "Restore it from a copy.") from error
    if not _is_small(found):
        raise Corrupt(f"{path.name} unfolds into more than anybody writes.", path, "Look at it by hand.")
    return found


@cache
def _yaml_loader() -> Any:
    """A safe loader, the quick one where it can be had, that leaves times as they are written."""
    import yaml

    quick: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    timestamp = "tag:yaml.org,2002:timestamp"

    class Plain(quick):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != timestamp]
            for first, resolvers in quick.yaml_implicit_resolvers.items()
        }

    for tag in (timestamp, "tag:yaml.org,2002:binary"):
        Plain.add_constructor(tag, lambda loader, node: str(loader.construct_scalar(node)))
    return Plain


def read_entries(path: Path, problems: list[str]) -> list[dict[str, Any]]:
    """The entries of a JSON list, or of the list a document holds; of a damaged one those before the damage."""
    data = b"".join(read_pieces(path, "file"))
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        found = list(_readable(data))
        problems.append(f"{path.parent.name}/{path.name} is damaged ({error}); {len(found)} entries could be read.")
    if _HALVES.search(data):
        found = _speakable_values(found)
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if lists else list(found.values())
    entries = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if isinstance(found, list) and len(entries) < len(found):
        problems.append(f"{len(found) - len(entries)} entries of {path.parent.name}/{path.name} are no entries.")
    return entries


def _readable(data: bytes) -> Iterator[Any]:
    """The elements of a list in JSON, up to where it is damaged."""
    text, decoder = data.decode("utf-8", errors="replace"), json.JSONDecoder()
    position = text.find("[") + 1
    while position:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield value


def _is_small(found: Any) -> bool:
    """Whether a document stays of a size: aliases may unfold into more than any memory holds."""
    waiting, seen = [(found, 0)], 0
    while waiting:
        value, level = waiting.pop()
        seen += 1
        if seen > _MAX_VALUES or level > _MAX_LEVELS:
            return False
        if isinstance(value, dict):
            waiting += [(one, level + 1) for one in value.values()]
        elif isinstance(value, (list, tuple, set)):
            waiting += [(one, level + 1) for one in value]
    return True


def speakable(text: str) -> str:
    """A text that can be written as UTF-8: of a name that is none, and of half a character, a question mark is left."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _speakable_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {speakable(key): _speakable_values(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_speakable_values(one) for one in value]
    return speakable(value) if isinstance(value, str) else value


def unfolded(value: Any) -> Any:
    """What JSON text says, where it says something; any other value as it is."""
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return _speakable_values(found) if "\\ud" in value.lower() else found
    return value


def as_dict(value: Any) -> dict[str, Any]:
    """A mapping as it is or from JSON text; empty for anything else."""
    found = unfolded(value)
    return {str(key): one for key, one in found.items()} if isinstance(found, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list as it is or from JSON text; empty for anything else."""
    found = unfolded(value)
    return list(found) if isinstance(found, (list, tuple)) else []


def whole(value: Any) -> int | None:
    """A whole number from a number or a text; None for what is none."""
    if type(value) is int:
        return value
    if value is None:
        return None
    try:
        number = float(value)
        return int(number) if number.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None


def moment(value: Any, zone: tzinfo | None = None) -> datetime | None:
    """A moment in the zone it was recorded in; without one in `zone`, else in that of this computer. None for none."""
    if value is None or value == "":
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        if found.tzinfo is not None:
            return found
        return found.replace(tzinfo=zone) if zone is not None else found.astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def file_moment(path: Path) -> datetime:
    """When a file was last changed: all that is left to go by where no moment was recorded."""
    try:
        return datetime.fromtimestamp(path.stat(follow_symlinks=False).st_mtime).astimezone()
    except (OSError, ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)


def digest_of(value: Any) -> str:
    """A sha256 from the text it is recorded as, with or without its kind before; empty for what is none."""
    text = str(value or "").strip().lower().rpartition(":")[2]
    return text if len(text) == 64 and not text.strip("0123456789abcdef") else ""


def named(mapping: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first value of those names that is there and says something."""
    for name in names:
        value = mapping.get(name)
        if value is not None and value != "":
            return value
    return None
