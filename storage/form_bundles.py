"""What lies beside a store: native results, each a folder with its own manifest, and bundles that were exported.

Both name what they come from by ids: the pipeline they are of, or a run, of which they say what was selected.
"""

from __future__ import annotations

import json
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage.errors import StorageError
from storage.foreign import ForeignFile, ForeignPipeline
from storage.form_files import CHARTS, PLAIN, Source, as_dict, as_list, digest_of, read_json_file, speakable

NATIVE, EXPORTS = "native_results", "exports"
_MANIFEST = "manifest.json"
_IDS = ("pipeline_uid", "pipeline_id", "chain_id", "prediction_id", "dagml_run_id", "run_id")
_SELECTED = ("dagml_selected_variant", "selected_variant", "model_name", "config_name")
_LISTS = ("config_names", "variant_names", "model_names")
_FORMATS = frozenset({"schema_version", "bundle_format_version", "format_version"})  # of the manifest itself
_MOST = 4 * 1024 * 1024  # bytes of the manifest of a bundle


@dataclass
class Beside:
    """Files that belong together to one pipeline; `ids` say to which, `selected` which of several."""

    ids: list[str]
    selected: list[str]
    files: list[ForeignFile] = field(default_factory=list)
    artifacts: list[ForeignFile] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def read_beside(source: Source, problems: list[str]) -> list[Beside]:
    """The native results and bundles of a workspace."""
    return [*_native(source, problems), *_exports(source)]


def give(beside: Beside, pipelines: list[ForeignPipeline]) -> None:
    """Give what belongs together to the pipeline it says was selected, else to the first."""
    owner = pipelines[0]
    for selected in beside.selected:
        names = {selected, selected.removesuffix("_refit")}
        if match := next((one for one in pipelines if names & {one.config_name, one.original.get("model_name")}), None):
            owner = match
            break
    owner.environment |= beside.environment
    step = max(len(owner.steps) - 1, 0)
    owner.files += beside.files
    owner.artifacts += [replace(one, step=step) for one in beside.artifacts]


def _native(source: Source, problems: list[str]) -> Iterator[Beside]:
    for folder in source.folders(NATIVE):
        at = posixpath.join(NATIVE, folder)
        told: dict[str, Any] = {}
        if _MANIFEST in source.files(at):
            try:
                told = as_dict(read_json_file(source.path(posixpath.join(at, _MANIFEST))))
            except StorageError as error:
                problems.append(f"{at}: {error.what} It is kept as a file.")
        found = _told(told, folder)
        digests = {
            str(record.get("uri") or record.get("path") or ""): digest_of(record.get("content_fingerprint"))
            for record in map(as_dict, as_list(told.get("artifacts")))
        }
        for place in source.below(at):
            inner = posixpath.relpath(place, at)
            file = ForeignFile(speakable(f"{folder}/{inner}"), source.path(place), digests.get(inner, ""))
            ending = posixpath.splitext(inner)[1].lower()
            plain = inner not in digests and (ending in PLAIN or ending in CHARTS or not ending)
            (found.files if plain else found.artifacts).append(file)
        yield found


def _exports(source: Source) -> Iterator[Beside]:
    for place in source.below(EXPORTS):
        path = source.path(place)
        found = _told(_bundle_manifest(path), posixpath.splitext(posixpath.basename(place))[0])
        found.files.append(ForeignFile(speakable(posixpath.relpath(place, EXPORTS)), path))
        yield found


def _told(told: Mapping[str, Any], called: str) -> Beside:
    ids = [str(told[key]) for key in _IDS if told.get(key)]
    selected = [str(told[key]) for key in _SELECTED if told.get(key)]
    lists = [str(one) for key in _LISTS for one in as_list(told.get(key))]
    versions = {
        key.removesuffix("_version"): value
        for key, value in told.items()
        if key.endswith("_version") and key not in _FORMATS and isinstance(value, str)
    }
    return Beside([*ids, called, *lists], [*selected, *lists, called], environment=versions)


def _bundle_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a bundle, which is a zip file; empty for what has none. Nothing is unpacked."""
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as bundle:
            info = bundle.getinfo(_MANIFEST)
            return as_dict(json.loads(bundle.read(info))) if info.file_size <= _MOST else {}
    except (KeyError, OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return {}
    except RecursionError:
        return {}
