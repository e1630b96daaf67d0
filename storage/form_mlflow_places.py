"""Where the artifacts of MLflow runs lie now, what files they are, and what the MLmodel beside a model says.

Recorded places are often absolute and dead, or on a server: folders are found below the source by the ids they are
called by. Nothing outside is looked at, no link is followed, and no model is opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from storage.errors import StorageError
from storage.foreign import ForeignFile
from storage.form_mlflow_records import readable
from storage.reading import read_pieces

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
_FITTED = frozenset(
    {".pkl", ".pickle", ".joblib", ".skops", ".cloudpickle", ".dill", ".pt", ".pth", ".h5", ".keras", ".onnx"}
)
_MLMODEL, _ARTIFACTS = "MLmodel", "artifacts"
_MAX_LEVELS = 6  # below the source down to the folder of a run
_MAX_DEEP = 50  # below the artifacts of one
_MAX_FOLDERS = 200_000
_MAX_YAML = 32 * 1024 * 1024  # bytes; a model with two thousand features has some hundred thousand
_PLAIN_LINE = re.compile(  # of a word, words, a place, or a whole number
    r"([a-z_]+): (?:'([^'\\]*)'|([A-Za-z/](?:[A-Za-z0-9_./%@=+~ -]|:(?=[^ ]))*(?<! )|[0-9a-f]{32})|(\d{1,18}))"
)
_GOES_ON = frozenset(" \t-")  # the line before was not the whole value
_REMOTE = re.compile(r"(?!file:|mlflow-artifacts:)([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # one letter is a drive


class Places:
    """The folders below `base` that are called by the ids of runs and models."""

    def __init__(self, base: Path, ids: Collection[str]) -> None:
        self._found: dict[str, list[str]] = {}
        waiting, looked = [(str(base), 0)], 0
        while waiting and looked < _MAX_FOLDERS:
            folder, level = waiting.pop()
            looked += 1
            for name in subfolders(folder):
                path = f"{folder}/{name}"
                if name in ids:
                    self._found.setdefault(name, []).append(path)
                elif level < _MAX_LEVELS and not name.startswith("."):
                    waiting.append((path, level + 1))

    def artifacts(self, id: str, uri: str, problems: list[str]) -> Path | None:
        """The artifacts folder of a run or model: of several that with files, and that most like the recorded place."""
        recorded = [part for part in unquote(uri).replace("\\", "/").split("/") if part][:-1]
        found = [f"{one}/{_ARTIFACTS}" for one in self._found.get(id, ()) if _ARTIFACTS in subfolders(one)]
        if len(found) > 1:
            found.sort(key=lambda one: (_is_empty(one), -_alike(one.split("/")[:-1], recorded), one))
        elif not found and any(os.path.islink(f"{one}/{_ARTIFACTS}") for one in self._found.get(id, ())):
            problems.append("Its artifacts are behind a link and are left out.")
        return Path(found[0]) if found else None


@dataclass
class Artifacts:
    """The files of one run by what they are; `models` is what its MLmodel documents tell, by their folders."""

    artifacts: list[tuple[str, Path]] = field(default_factory=list)
    charts: list[ForeignFile] = field(default_factory=list)
    files: list[ForeignFile] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of all files."""
        return [*(name for name, _ in self.artifacts), *(one.name for one in (*self.charts, *self.files))]

    def add(self, folder: Path, below: str, problems: list[str]) -> None:
        """Take in all files of a folder; `below` stands before their names."""
        names = _files_below(str(folder), problems)
        models = {name[: -len(_MLMODEL)] for name in names if name.rpartition("/")[2] == _MLMODEL}
        for name in names:
            path, called = folder / name, f"{below}{readable(name)}"
            ending = os.path.splitext(name)[1].lower()
            if any(name.startswith(model) for model in models) or ending in _FITTED:
                self.artifacts.append((called, path))
            else:
                (self.charts if ending in _IMAGES else self.files).append(ForeignFile(called, path))
        for model in sorted(models):
            said = read_yaml(folder / model / _MLMODEL, problems)
            if isinstance(said, dict):
                self.models[f"{below}{readable(model)}".rstrip("/")] = told_by(said)


def told_by(mlmodel: dict[Any, Any]) -> dict[str, Any]:
    """What an MLmodel document tells: flavors, versions, the module that loads it, features and their number."""
    flavors = mlmodel.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    told: dict[str, Any] = {"flavors": sorted(str(one) for one in flavors)}
    for key in ("mlflow_version", "model_uuid", "model_id", "utc_time_created", "run_id"):
        if isinstance(mlmodel.get(key), (str, int, float)):
            told[key] = str(mlmodel[key])
    for name, flavor in flavors.items():
        for key, value in flavor.items() if isinstance(flavor, dict) else ():
            if str(key) in ("python_version", "loader_module", "serialization_format", f"{name}_version"):
                told[str(key)] = str(value)[:200]
    signature = mlmodel.get("signature")
    features = _features(signature.get("inputs")) if isinstance(signature, dict) else None
    return told if features is None else {**told, "n_features": features}


def read_yaml(path: Path, problems: list[str]) -> Any:
    """A YAML document of plain values, nothing in it executed. Of a damaged one what can be read, and a problem."""
    import yaml

    flat: dict[str, Any] = {}
    try:
        data = b"".join(read_pieces(path, "file"))
        if len(data) > _MAX_YAML:
            problems.append(f"{_called(path)} is too large to be read.")
            return None
        flat, rest = _lines_apart(data.decode("utf-8"))
        nested = _nested(rest) if rest else None
        if isinstance(nested, dict):
            return {**flat, **nested}
        if nested is None or not flat:
            return flat or nested
        problems.append(f"{_called(path)} is damaged; what could be read of it is used.")
    except StorageError as error:
        problems.append(error.what)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" near line {mark.line + 1} of what is no plain line" if mark else ""
        problems.append(f"{_called(path)} is no valid YAML{place}.")
    return flat or None


@lru_cache(maxsize=256)
def _nested(document: str) -> Any:
    import yaml

    return yaml.load(document, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _lines_apart(document: str) -> tuple[dict[str, Any], str]:
    """The lines `key: value` of a document that need no YAML, and the rest, which many documents have in common.

    MLflow writes such lines by the hundred thousand, and reading them as YAML is most of the time.
    """
    flat: dict[str, Any] = {}
    rest, lines = [], document.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        found = None if following[:1] in _GOES_ON else _PLAIN_LINE.fullmatch(line)
        if found is None:
            rest.append(line)
        elif found[4] is not None:
            flat[found[1]] = int(found[4])
        else:
            flat[found[1]] = found[2] if found[2] is not None else None if found[3] == "null" else found[3]
    return flat, "\n".join(rest).strip("\n")


def is_remote(uri: str) -> bool:
    """Whether a recorded place is in a bucket or the like; what a tracking server keeps may lie in the source."""
    return _REMOTE.match(uri) is not None


def shown(uri: str) -> str:
    """A recorded place as a problem may show it: without who may enter there."""
    return re.sub(r"//[^/@]*@", "//", uri)[:300]


def subfolders(folder: str | Path) -> list[str]:
    """The names of the real folders directly in a folder, sorted; none where it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _files_below(folder: str, problems: list[str]) -> list[str]:
    """The places of all files below a folder, sorted; what is no file and no folder is a problem."""
    found, waiting = [], [("", 0)]
    while waiting:
        place, level = waiting.pop()
        try:
            with os.scandir(f"{folder}/{place}") as entries:
                for entry in entries:
                    name = f"{place}{entry.name}"
                    if entry.is_file(follow_symlinks=False):
                        found.append(name)
                    elif not entry.is_dir(follow_symlinks=False):
                        kind = "a link" if entry.is_symlink() else "neither file nor folder"
                        problems.append(f"The artifact {readable(name)} is {kind} and is left out.")
                    elif level < _MAX_DEEP:
                        waiting.append((f"{name}/", level + 1))
                    else:
                        problems.append(f"The folder {readable(name)[:200]} lies too deep and is left out.")
        except OSError as error:
            problems.append(f"The artifacts {readable(place) or 'of this run'} can't be read: {error.strerror}.")
    return sorted(found)


def _features(inputs: Any) -> int | None:
    """How many features a signature has: its columns, or the width of its one tensor."""
    try:
        columns = json.loads(inputs) if isinstance(inputs, str) else inputs
        if len(columns) == 1 and "tensor-spec" in columns[0]:
            width = int(columns[0]["tensor-spec"]["shape"][-1])
            return width if width > 0 else None
        return len(columns) if isinstance(columns, list) and columns else None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def _alike(path: list[str], recorded: list[str]) -> int:
    """How many parts, from the end, two places share."""
    shared = 0
    for one, other in zip(reversed(path), reversed(recorded), strict=False):
        if one != other:
            break
        shared += 1
    return shared


def _called(path: Path) -> str:
    return readable("/".join(path.parts[-3:]))
