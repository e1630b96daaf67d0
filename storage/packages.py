"""Library items as zip packages, out and in. A package from elsewhere is checked whole before anything is written.

A package is a zip file with `package.json` and everything of the item below `content/`. package.json names each file
with its sha256 and size, and the digest of that listing. Nothing in a package is ever unpickled here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pydantic import Field

from storage.disk import Draft, replaced_file
from storage.errors import BadInput, Corrupt, DiskFull, Exists, NameRefused, TooNew
from storage.layout import checked_name
from storage.reading import read_pieces
from storage.records import MAX_DOCUMENT_BYTES, AnyRecord, Document, Moment, Record, first_reason, utc_now
from storage.trees import listing_digest, read_tree
from storage.version import VERSION

PACKAGE_VERSION = 1
MANIFEST = "package.json"
MAX_FILES = 500_000
MAX_RATIO = 200  # times larger than packed; nothing we pack comes near
_RATIO_FROM = 64 * 1024 * 1024  # bytes unpacked; below it the ratio is of no matter
_MAX_LEVELS = 16
_CONTENT = "content/"
_PIECE = 1024 * 1024
_HEADER = 30  # bytes before the name of an entry (PKWARE APPNOTE 4.3.7)
_STORED = (".pkl", ".png", ".zip", ".gz", ".joblib", ".npz")  # packed already, or nothing to gain
_REFUSED = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
# What zipfile and zlib raise for damaged and hostile files; RuntimeError for encrypted ones, and for deep JSON.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError)
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
Report = Callable[[int, int, str], None]


class PackedFile(Record):
    """One file of a package."""

    path: str
    sha256: str
    bytes: int


class PackageRecord(Document):
    """package.json: what is in a package."""

    format: str = "runshelf-library"
    version: int = PACKAGE_VERSION
    kind: str
    name: str
    created_at: Moment
    app_version: str = ""
    files: list[PackedFile] = Field(default_factory=list)
    folders: list[str] = Field(default_factory=list)
    digest: str = ""


# ---------------------------------------------------------------- out


def write_package(
    path: Path, kind: str, name: str, item: Path, digest: str, overwrite: bool, report: Report
) -> PackageRecord:
    """Pack an item, a folder or a template's file. Raises Exists, NameRefused, Corrupt where its digest is wrong.

    `digest` is what its files were when it was saved, empty where nobody noted that. The same item makes the same
    bytes, times apart.
    """
    if os.path.lexists(path) and not overwrite:
        raise Exists(f"{path} exists already.", path, "Choose another name, or say that it may be replaced.")
    folder, names, folders = _content_of(item)
    for one in (*names, *folders):
        _check_name(one, item)
    total, done = sum(names.values()), 0
    files: list[PackedFile] = []
    with replaced_file(path, new=not overwrite) as target, zipfile.ZipFile(target, "w", allowZip64=True) as package:
        for one in folders:
            package.writestr(_info(f"{_CONTENT}{one}/"), b"")
        for one in names:
            sha256, size = hashlib.sha256(), 0
            info = _info(_CONTENT + one)
            info.compress_type = _packing(folder / one)
            with package.open(info, "w", force_zip64=names[one] > 2**31) as entry:
                for piece in read_pieces(folder / one, "file"):
                    entry.write(piece)
                    sha256.update(piece)
                    size += len(piece)
                    done += len(piece)
                    report(min(done, total), total, f"packing {one}")
            files.append(PackedFile(path=one, sha256=sha256.hexdigest(), bytes=size))
        own = {file.path: file.sha256 for file in files if file.path != "library_metadata.json"}
        if digest and listing_digest(own) != digest:
            raise Corrupt(f"{name} is not what was saved: its files were changed.", item, "Look at it with a check.")
        record = PackageRecord(
            kind=kind, name=name, created_at=utc_now(), app_version=VERSION, files=files, folders=folders
        )
        record.digest = listing_digest({file.path: file.sha256 for file in files})
        package.writestr(_info(MANIFEST), record.to_json(), zipfile.ZIP_DEFLATED)
    return record


def _content_of(item: Path) -> tuple[Path, dict[str, int], list[str]]:
    """The folder, files with sizes, and folders to be packed."""
    if not item.is_dir():
        return item.parent, {item.name: item.stat().st_size}, []
    tree = read_tree(item)
    if tree.odd:
        raise BadInput(f"{tree.odd[0]} is a link or a device, not a file.", item / tree.odd[0], "Put a file there.")
    return item, tree.files, tree.folders


def _packing(path: Path) -> int:
    """How a file is packed: not at all where that gains nothing, or so much that it would be taken for a bomb."""
    if path.name.endswith(_STORED):
        return zipfile.ZIP_STORED
    first = next(read_pieces(path, "file"), b"")
    bomb = len(first) >= _PIECE and len(zlib.compress(first)) * MAX_RATIO < 2 * len(first)
    return zipfile.ZIP_STORED if bomb else zipfile.ZIP_DEFLATED


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    mode = stat.S_IFDIR | 0o755 if name.endswith("/") else stat.S_IFREG | 0o644
    info.external_attr = mode << 16
    return info


# ---------------------------------------------------------------- in


class Package:
    """A package that is looked at. `open_package` gives one that is checked."""

    def __init__(self, path: Path, zip_file: zipfile.ZipFile, record: PackageRecord) -> None:
        self.path = path
        self.record = record
        self._zip = zip_file

    def read(self, name: str) -> bytes:
        """A document of it, whole. Raises Corrupt where it is missing or larger than a document."""
        file = next((file for file in self.record.files if file.path == name), None)
        if file is None or file.bytes > MAX_DOCUMENT_BYTES:
            raise Corrupt(f"{self.path.name} has no {name} that could be read.", self.path, "Ask for a new package.")
        return b"".join(self._pieces(file))

    def document(self, name: str, kind: type[AnyRecord]) -> AnyRecord:
        """One of its JSON documents. Raises Corrupt."""
        try:
            return kind.model_validate_json(self.read(name))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"{name}: {first_reason(error)}") from error

    def verify(self, report: Report) -> None:
        """Read every file and compare it with its digest; nothing is written. Raises Corrupt."""
        total, done = sum(file.bytes for file in self.record.files), 0
        for file in self.record.files:
            for piece in self._pieces(file):
                done += len(piece)
                report(done, total, f"checking {file.path}")

    def unpack(self, draft: Draft, report: Report) -> None:
        """Write everything into a draft, compared with its digests once more. Raises Corrupt, DiskFull."""
        total, done = sum(file.bytes for file in self.record.files), 0
        for folder in self.record.folders:
            draft.make_folder(folder)
        for file in self.record.files:
            draft.fill(file.path, self._pieces(file))
            done += file.bytes
            report(done, total, f"unpacking {file.path}")

    def _pieces(self, file: PackedFile) -> Iterator[bytes]:
        """The content of a file; stops at its first byte too many. Raises Corrupt."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(_CONTENT + file.path) as entry:
                while piece := entry.read(_PIECE):
                    size += len(piece)
                    if size > file.bytes:
                        raise self._damaged(f"{file.path} is larger than it says")
                    digest.update(piece)
                    yield piece
        except _UNREADABLE as error:
            raise self._damaged(f"{file.path} can't be unpacked: {error}") from error
        if size != file.bytes or digest.hexdigest() != file.sha256:
            raise self._damaged(f"{file.path} is not what was packed")

    def _damaged(self, reason: str) -> Corrupt:
        return Corrupt(f"{self.path.name} is damaged: {reason}.", self.path, "Ask for a new package.")


def open_package(path: Path, file: IO[bytes], room: int) -> Package:
    """Look at a package: its table of contents, names, sizes and package.json; nothing is unpacked.

    `room` is how many bytes the disk has. Raises BadInput for what is no package or would not stay in its folder,
    Corrupt, TooNew, NameRefused, DiskFull.
    """
    try:
        package = zipfile.ZipFile(file)
    except _UNREADABLE as error:
        raise BadInput(f"{path.name} is no zip package: {error}.", path, "Choose a package of the library.") from error
    infos = package.infolist()
    _check_sizes(path, infos, package.start_dir, room)
    for info in infos:
        _check_entry(path, info)
    record = _read_record(path, package, infos)
    _check_listing(path, infos, record)
    return Package(path, package, record)


def _check_sizes(path: Path, infos: list[zipfile.ZipInfo], end: int, room: int) -> None:
    """Refuse a file that would unpack to endlessly much; its entries end before `end`."""
    if len(infos) > MAX_FILES:
        raise BadInput(f"{path.name} has {len(infos):,} entries.", path, f"At most {MAX_FILES:,} are taken.")
    packed, unpacked = sum(i.compress_size for i in infos), sum(i.file_size for i in infos)
    for info in sorted(infos, key=lambda info: info.header_offset, reverse=True):
        if info.header_offset + _HEADER + info.compress_size > end:
            raise BadInput(f"{path.name} names the same bytes twice: its entries overlap.", path, "Don't use it.")
        end = info.header_offset
    if unpacked > _RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1):
        raise BadInput(
            f"{path.name} would unpack to {unpacked:,} bytes, more than {MAX_RATIO} times its size.",
            path,
            "Don't use it.",
        )
    if unpacked > room:
        raise DiskFull(
            f"{path.name} needs {unpacked:,} bytes and the disk has {room:,}.", path, "Make room and try again."
        )


def _check_entry(path: Path, info: zipfile.ZipInfo) -> None:
    """Refuse what could write elsewhere or is no plain file."""
    if info.filename != info.orig_filename:
        raise BadInput(f"{path.name} has a name that means two things: {info.orig_filename!r}.", path, "Don't use it.")
    if info.filename != MANIFEST:
        if not info.filename.startswith(_CONTENT):
            raise BadInput(f"{path.name} has {info.filename!r} outside its content.", path, "Don't use it.")
        _check_name(info.filename.removeprefix(_CONTENT).removesuffix("/"), path)
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode) if info.create_system == 3 else 0
    if kind not in (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG):
        raise BadInput(f"{path.name} has a link or device: {info.filename!r}.", path, "Don't use it.")
    if info.flag_bits & 0x1:
        raise BadInput(f"{path.name} is encrypted.", path, "Unpack it and pack it without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"{path.name} is packed in a way that is not taken.", path, "Pack it as an ordinary zip file.")


def _check_name(name: str, path: Path) -> None:
    """Refuse a path that is not plainly below its folder on every system."""
    parts = name.split("/")
    for part in parts:
        reason = (
            "leads out of its folder"
            if part in ("", ".", "..")
            else "has characters that not every system takes"
            if _REFUSED.search(part) or any(unicodedata.category(c) in ("Cc", "Cs", "Cn", "Zl", "Zp") for c in part)
            else "ends with a dot or a space"
            if part[-1] in ". "
            else "is a device name on Windows"
            if _DEVICE.fullmatch(part)
            else "is too long"
            if len(part.encode("utf-8", "replace")) > 255 or len(parts) > _MAX_LEVELS
            else ""
        )
        if reason:
            raise NameRefused(f"The name {name[:120]!a} in {path.name} {reason}.", path, "Don't use it.")


def _read_record(path: Path, package: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> PackageRecord:
    own = [info for info in infos if info.filename == MANIFEST]
    if len(own) != 1 or own[0].file_size > MAX_DOCUMENT_BYTES:
        raise BadInput(f"{path.name} is no package of a library: it has no {MANIFEST}.", path, "Choose another file.")
    try:
        with package.open(own[0]) as entry:
            data = entry.read(MAX_DOCUMENT_BYTES + 1)
        record = PackageRecord.model_validate_json(data)
    except _UNREADABLE as error:
        raise Corrupt(f"{MANIFEST} of {path.name} is damaged: {first_reason(error)}.", path, "Ask anew.") from error
    if record.format != "runshelf-library":
        raise BadInput(f"{path.name} is no package of a library.", path, "Choose another file.")
    if record.version > PACKAGE_VERSION or record.schema_version > record.current_schema:
        raise TooNew(f"{path.name} was made by a newer Runshelf.", path, "Update Runshelf to import it.")
    checked_name(record.name, "library")
    return record


def _check_listing(path: Path, infos: list[zipfile.ZipInfo], record: PackageRecord) -> None:
    """What package.json names and what the zip file holds must be the same, each name once in any case."""

    def damaged(reason: str) -> Corrupt:
        return Corrupt(f"{path.name} is damaged: {reason}.", path, "Ask for a new package.")

    sizes = {i.filename.removeprefix(_CONTENT): i.file_size for i in infos if i.filename != MANIFEST and not i.is_dir()}
    folders = {i.filename.removeprefix(_CONTENT).removesuffix("/") for i in infos if i.is_dir()}
    named = [file.path for file in record.files]
    if len(named) != len(sizes) or set(named) != set(sizes) or set(record.folders) != folders:
        raise damaged(f"{MANIFEST} and its content name different files")
    if len(infos) != 1 + len(named) + len(record.folders):
        raise damaged("a name is there twice")
    wrong = next((file.path for file in record.files if sizes[file.path] != file.bytes), None)
    if wrong is not None:
        raise damaged(f"{wrong} has another size than {MANIFEST} says")
    if not {above for name in (*named, *folders) for above in _above(name)} <= folders:
        raise damaged("a folder is not named")
    seen: set[str] = set()
    for name in (*named, *record.folders):
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise BadInput(f"{path.name} has two names that some systems take for one: {name}.", path, "Don't use it.")
        seen.add(folded)
    if listing_digest({file.path: file.sha256 for file in record.files}) != record.digest:
        raise damaged(f"the digest in {MANIFEST} is wrong")


def _above(name: str) -> set[str]:
    parts = name.split("/")
    return {"/".join(parts[:n]) for n in range(1, len(parts))}
