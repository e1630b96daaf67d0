"""Self-contained copies of pipelines and runs: what the library keeps and what an export takes along.

Copies, never links: what a file was copied from may go. Every artifact is compared with its sha256 while it is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.artifacts import artifact_path
from storage.disk import Draft
from storage.errors import BadInput, Conflict, Corrupt, NotFound, StorageError
from storage.layout import folder_part, pipeline_number
from storage.records import (
    ArtifactRecord,
    PipelineRecord,
    RunConfig,
    SamplesRecord,
    document_json,
    read_document,
    read_json,
    to_json,
)
from storage.trees import Tree, read_tree

CONFIG = "config.json"
METADATA = "library_metadata.json"
ARTIFACTS = "artifacts"
ARCHIVE = "archive.json"
SOURCE = "source"  # documents as they were, byte by byte
_OWN_NAMES = frozenset({CONFIG, METADATA, ARTIFACTS, ARCHIVE, SOURCE, "README.md"})
Report = Callable[[int, int, str], None]


@dataclass
class _Pace:
    """Tells how many bytes of all are copied."""

    report: Report
    total: int
    done: int = 0

    def begin(self, name: str) -> Callable[[int], None]:
        """The name of the next file; what is returned counts its bytes."""

        def count(size: int) -> None:
            self.done += size
            self.report(min(self.done, self.total), self.total, f"copying {name}")

        return count


def copy_pipeline(draft: Draft, folder: Path, report: Report, below: str = "") -> PipelineRecord:
    """Copy a pipeline's folder and, into `artifacts/`, what it names of its run's `_binaries/`; returns its record.

    The copy's pipeline.json names the artifacts where they are in the copy, and config.json can be run again. It goes
    into the draft, or to the path that begins with `below`. Raises NotFound, Conflict for one that is still at work or
    was thinned, Corrupt where an artifact is missing or not what was stored.
    """
    record, tree, sources = _what_is_copied(folder)
    pace = _Pace(report, tree.bytes + sum(a.bytes for _, a in sources.values()))
    for name in tree.folders:
        draft.make_folder(below + _renamed(name))
    for name in tree.files:
        if name != "pipeline.json":
            draft.copy(below + _renamed(name), folder / name, pace.begin(name))
    for name, (source, artifact) in sources.items():
        _copy_artifact(draft, f"{below}{ARTIFACTS}/{name}", source, artifact, pace)
    document = read_json(folder / "pipeline.json")
    samples = document.get("samples")
    for artifact in [*document.get("artifacts", []), *([samples] if samples else [])]:
        artifact["path"] = f"{ARTIFACTS}/{Path(artifact['path']).name}"
    draft.write(f"{below}pipeline.json", document_json(document))
    if record.template:
        draft.write(below + CONFIG, to_json(config_of(record)))
    return record


def copied_size(folder: Path) -> tuple[int, int]:
    """How many files a copy of a pipeline takes from its run, and their bytes; raises for one that can't be copied."""
    _, tree, sources = _what_is_copied(folder)
    return len(tree.files) + len(sources), tree.bytes + sum(artifact.bytes for _, artifact in sources.values())


def copy_run(draft: Draft, folder: Path, report: Report) -> list[PipelineRecord]:
    """Copy a whole run folder as it is; returns the records of its pipelines, damaged ones left out.

    config.json has the configurations of all pipelines, to be run again. Raises NotFound or Corrupt where
    run_config.json can't be read, Corrupt where an artifact that a pipeline names is missing or not what was stored.
    """
    read_document(folder / "run_config.json", RunConfig)  # without it the copy would be none of a run
    tree = _plain_tree(folder)
    pace = _Pace(report, tree.bytes)
    for name in tree.folders:
        draft.make_folder(_renamed(name))
    for name in tree.files:
        draft.copy(_renamed(name), folder / name, pace.begin(name))
    records = list(_records(folder, tree.folders))
    for record in records:
        for artifact in record.binaries():
            name = artifact_path(folder / "pipeline", artifact).relative_to(folder).as_posix()  # its id may be any text
            if name not in draft.files or draft.files[name].sha256 != artifact.sha256:
                raise _damaged(artifact, folder / name)
    configs = [config_of(record) for record in records if record.template]
    if configs:
        draft.write(CONFIG, to_json(configs))
    return records


def config_of(record: PipelineRecord) -> dict[str, Any]:
    """The configuration of a pipeline as a file would say it, under the name of this one pipeline of its grid."""
    config = {key: value for key, value in record.template.items() if key != "config_file"}
    return {**config, "name": record.name or config.get("name", "")} if config else {}


def run_config_of(run_folder: Path) -> RunConfig | None:
    """run_config.json, None for a run whose document is damaged: its pipelines may be whole."""
    try:
        return read_document(run_folder / "run_config.json", RunConfig)
    except (NotFound, Corrupt):
        return None


def dated_name(run_folder: Path, run: RunConfig | None) -> str:
    """`corn_2026-11-20`, the beginning of the name of a copy."""
    if run is None:
        return run_folder.name
    date = run.run_id[:10] if run.run_id[:4].isdigit() else run.created_at.date().isoformat()
    return f"{folder_part(run.dataset_name, 80) or 'dataset'}_{folder_part(date)}"


def ended(folder: Path) -> PipelineRecord:
    """The record of a pipeline that is not at work. Raises NotFound, Corrupt, Conflict."""
    if not folder.is_dir():
        raise NotFound(f"The folder of {folder.name} is gone.", folder, "Its row in the catalog stays.")
    record = read_document(folder / "pipeline.json", PipelineRecord)
    if record.status == "running":
        raise Conflict(f"{record.id} is still being trained.", folder, "Wait until it has ended.")
    return record


def read_metrics(folder: Path) -> Mapping[str, Any]:
    """metrics.json of a pipeline, empty where there is none. Raises Corrupt."""
    try:
        found = read_json(folder / "metrics.json")
    except NotFound:
        return {}
    return found if isinstance(found, dict) else {}


def _what_is_copied(
    folder: Path,
) -> tuple[PipelineRecord, Tree, dict[str, tuple[Path, ArtifactRecord | SamplesRecord]]]:
    """The record of a pipeline, its folder, and the artifacts it names of its run, by name."""
    record = ended(folder)
    if record.thinned is not None:
        advice = "Bring that back first: runshelf thin --undo."
        raise Conflict(f"{record.id} was thinned: what it had lies in {record.thinned.archive}.", folder, advice)
    sources = {Path(a.path).name: (artifact_path(folder, a), a) for a in record.binaries()}
    return record, _plain_tree(folder), sources


def _copy_artifact(
    draft: Draft, name: str, source: Path, artifact: ArtifactRecord | SamplesRecord, pace: _Pace
) -> None:
    try:
        written = draft.copy(name, source, pace.begin(source.name))
    except (NotFound, BadInput) as error:
        raise _damaged(artifact, source) from error
    if written.sha256 != artifact.sha256:
        raise _damaged(artifact, source)


def _damaged(artifact: ArtifactRecord | SamplesRecord, path: Path) -> Corrupt:
    return Corrupt(
        f"The artifact {path.name} ({artifact.name}) is missing or not what was stored.",
        path,
        "Bring it back from a copy, or keep another pipeline.",
    )


def _plain_tree(folder: Path) -> Tree:
    """The content of a folder. Raises BadInput where there is something that can't be copied."""
    tree = read_tree(folder)
    if tree.odd:
        raise BadInput(f"{tree.odd[0]} is a link or a device, not a file.", folder / tree.odd[0], "Put a file there.")
    return tree


def _renamed(name: str) -> str:
    """A name in the copy: what is called as something of ours gets another name."""
    first, slash, rest = name.partition("/")
    return f"{first}~source{slash}{rest}" if first in _OWN_NAMES else name


def _records(folder: Path, folders: Iterable[str]) -> Iterable[PipelineRecord]:
    for name in folders:
        if "/" not in name and pipeline_number(name) is not None:
            try:
                yield read_document(folder / name / "pipeline.json", PipelineRecord)
            except StorageError:
                continue  # named by the check; the copy has it as it is
