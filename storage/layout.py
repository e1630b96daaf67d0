"""Names and paths: where everything in a workspace lies, and which names may become folders.

The only module that knows the folder tree. It computes; it neither reads nor writes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from storage.errors import NameRefused, NotFound

LOG = "run.log"
MARKER = "runshelf.json"
MAX_NAME_BYTES = 80  # date + dataset + run name stay under the 255 bytes of every file system
HASH_DIGITS = 6
TRASH = ".trash"

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
_PIPELINE_FOLDER = re.compile(r"([0-9]{4,9})_.+")
_NUMBERED = re.compile(r"([0-9]{4,9})(_.*)?")


def checked_name(name: str, kind: str) -> str:
    """Return `name` in the form used everywhere (Unicode NFC), or raise NameRefused.

    A checked name is one folder name on Linux, macOS and Windows alike: no separators or control characters,
    no device names, no leading `.` or `_` (machine folders), no trailing dot or space, at most 80 bytes.
    `kind` names the thing in the message ("dataset", "run").
    """
    advice = f"Use letters, digits, spaces, '-' or '_' for the {kind} name, for example corn or wheat_2026."
    normal = unicodedata.normalize("NFC", name)
    if not normal.strip():
        raise NameRefused(f"The {kind} name is empty.", advice=advice)
    shown = ascii(name) if any(unicodedata.category(c).startswith("C") for c in normal) else f"'{name}'"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in normal):
        raise NameRefused(f"The {kind} name {shown} has invisible characters.", advice=advice)
    if found := _FORBIDDEN.search(normal):
        raise NameRefused(f"The {kind} name {shown} has the character '{found.group()}'.", advice=advice)
    if normal[0] in "._" or normal[-1] in ". " or normal[0] == " ":
        raise NameRefused(f"The {kind} name {shown} starts or ends with a dot, space or underscore.", advice=advice)
    if _RESERVED.fullmatch(normal):
        raise NameRefused(f"The {kind} name {shown} is a device name on Windows.", advice=advice)
    if len(normal.encode()) > MAX_NAME_BYTES:
        raise NameRefused(f"The {kind} name is longer than {MAX_NAME_BYTES} bytes: '{normal[:30]}…'.", advice=advice)
    return normal


def folder_part(name: str, limit: int = 40) -> str:
    """Make a readable piece of a folder name from any text; the text itself is kept in the document."""
    text = unicodedata.normalize("NFC", name)
    text = "".join("-" if unicodedata.category(c)[0] in "CZ" or c in '<>:"/\\|?*' else c for c in text)
    text = re.sub(r"-{2,}", "-", text).strip("-._ ")
    while len(text.encode()) > limit:
        text = text[:-1].rstrip("-._ ")
    return text


def file_part(name: str) -> str:
    """A file name from any text, without its ending; what has to be changed gets digits that tell it from others."""
    part = folder_part(name, 120)
    if _RESERVED.fullmatch(part):
        part = f"of-{part}"
    if part == name:
        return part
    return f"{part or 'unnamed'}_{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:HASH_DIGITS]}"


def pipeline_folder_name(number: int, name: str, digest: str) -> str:
    """`0001_baseline_a1b2c3`: number, readable name if any, first digits of the configuration's hash."""
    parts = [f"{number:04d}", folder_part(name), digest[:HASH_DIGITS]]
    return "_".join(part for part in parts if part)


def pipeline_number(folder_name: str) -> int | None:
    """The number a pipeline folder carries, or None for any other folder."""
    match = _PIPELINE_FOLDER.fullmatch(folder_name)
    return int(match.group(1)) if match else None


def pipeline_folder(run_folder: Path, pipeline_id: str) -> Path:
    """The folder of a pipeline, which is there and lies in that of its run. Raises NotFound, whatever the id may be."""
    folder = run_folder / pipeline_id
    if pipeline_number(pipeline_id) is None or Path(pipeline_id).name != pipeline_id:
        raise NotFound(f"There is no pipeline '{pipeline_id}' in {run_folder.name}.", run_folder, "List the run.")
    if not folder.is_dir() or folder.is_symlink():
        raise NotFound(f"The folder of {pipeline_id} is gone.", folder, "Its row in the catalog stays.")
    return folder


def numbered(word: str) -> str | None:
    """The digits of a word that is a pipeline's number, or begins its id, as both are written: `0050`, `0050_pls`."""
    match = _NUMBERED.fullmatch(word)
    return match.group(1) if match else None


def run_folder_name(date: str, dataset_name: str, run_name: str) -> str:
    """`2026-11-20_corn_study`. Never parsed back: the names are in run_config.json."""
    return "_".join(part for part in (date, dataset_name, run_name) if part)


def from_the_top(path: Path | str) -> Path:
    """The path of a workspace from the top. Raises NameRefused as `check_text` does."""
    place = Path(path).absolute()
    check_text(place)
    return place


def check_text(name: Path | str) -> None:
    """Raise NameRefused for a name that is no text, as bytes that are no UTF-8: documents and SQLite hold none such."""
    try:
        str(name).encode()
    except UnicodeEncodeError as error:
        shown = str(name).encode(errors="backslashreplace").decode()
        raise NameRefused(f"{shown} is no text.", advice="Give it a name in UTF-8.") from error


@dataclass(frozen=True)
class Layout:
    """The paths of one workspace."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def library(self) -> Path:
        return self.root / "library"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog"

    @property
    def manifest(self) -> Path:
        return self.catalog / "manifest.json"

    @property
    def index(self) -> Path:
        return self.catalog / "index.sqlite"

    @property
    def staging(self) -> Path:
        return self.root / ".staging"

    @property
    def trash(self) -> Path:
        return self.root / TRASH

    @property
    def reports(self) -> Path:
        return self.catalog / "reports"

    def part_folder(self, dataset: str) -> Path:
        """The folder of part files of `meta`, `data` or `annotations`."""
        name = "annotations.parquet" if dataset == "annotations" else f"predictions_{dataset}.parquet"
        return self.catalog / name

    def archives(self, kind: str) -> Path:
        """The folder of the archives of a kind: filtered, pipeline or best_predictions."""
        return self.catalog / "archives" / kind

    def run(self, folder: str) -> Path:
        return self.runs / folder

    def folders(self) -> list[Path]:
        """Every folder a new workspace starts with."""
        library = self.library
        return [
            self.runs,
            self.exports / "best_predictions",
            self.exports / "session_reports",
            library / "templates",
            *(library / "trained" / kind for kind in ("filtered", "pipeline", "fullrun")),
            self.part_folder("meta"),
            self.part_folder("data"),
            self.part_folder("annotations"),
            self.reports,
            *(self.archives(kind) for kind in ("filtered", "pipeline", "best_predictions")),
            self.trash,
            self.staging,
        ]
