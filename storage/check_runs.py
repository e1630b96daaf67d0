"""Checking run folders: documents readable and consistent, nothing left running, artifacts there and named."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from storage.artifacts import FOLDER as BINARIES
from storage.check_charts import check_charts
from storage.disk import Disk
from storage.errors import NotFound, StorageError
from storage.findings import Finding
from storage.inspection import EDITED, Inspection
from storage.layout import Layout, pipeline_number
from storage.reading import cut_short, is_behind_link, is_plain_file
from storage.records import PipelineRecord, RunConfig, RunSummary, has_classes, read_document, read_json, utc_now
from storage.scan import run_folders, run_signature
from storage.trash import Trash
from storage.trees import file_digest, file_signature

if TYPE_CHECKING:
    from storage.records import AnyRecord

_ENDED = ("completed", "failed")
_ON_ITS_WAY = timedelta(minutes=1)
_EDITED_BESIDE = 'If you changed it yourself, take it out of "digests" in pipeline.json, and "checksum" there.'
_MISSING = {"metrics.json": "metrics-missing", "predictions.csv": "predictions-missing"}
_COUNTS = {"successful": "completed", "failed": "failed", "interrupted": "interrupted"}


@dataclass(frozen=True)
class SeenPipeline:
    """A pipeline folder as its own document tells it; `busy` while a living process works on it or just ended it.

    `predictions` tells whether it has a predictions.csv that should be in the catalog, `classes` whether that holds
    labels, None where nobody said. `place` is where it lies, unless that is its run. `run_id` is empty where its run's
    document can't be read; `signature` is that of its own before it was read.
    """

    folder: str
    pipeline_id: str
    prediction_id: str
    status: str
    busy: bool = False
    predictions: bool = False
    classes: bool | None = None
    place: Path | None = None
    run_id: str = ""
    signature: str = ""


@dataclass
class _RunState:
    """What is known of one run folder while it is checked."""

    folder: Path
    sizes: dict[str, int]  # files in _binaries
    run_id: str = ""  # empty where run_config.json can't be read
    statuses: Counter[str] = field(default_factory=Counter)
    named: set[str] = field(default_factory=set)  # artifact files that a pipeline names
    told: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    damaged: bool = False  # a pipeline's document can't be read
    unsure: bool = False  # a pipeline may have other artifacts than its document names
    classes: bool | None = None  # whether the run is a classification
    artifacts: bool = True  # whether the artifacts are where they should be, and not deleted with the run
    busy: bool = False  # somebody may be storing artifacts that no document names yet


class RunsCheck:
    """Checks all runs. Afterwards `seen` are their pipelines and `lacking` completed ones without a document.

    `lacking` maps prediction ids to (name of the document, folder): whether it ever was there, the catalog knows.
    `complete` tells that every run could be read, so that what was not seen is gone. `signatures` are those of the run
    folders before they were read.
    """

    def __init__(self, inspection: Inspection, layout: Layout, disk: Disk, trash: Trash) -> None:
        self._inspection = inspection
        self._layout = layout
        self._disk = disk
        self._trash = trash
        self._alive: dict[str, bool] = {}
        self._run_ids: dict[str, str] = {}
        self.seen: list[SeenPipeline] = []
        self._lacking: list[tuple[str, str, Path]] = []
        self.signatures: dict[str, str] = {}
        self.complete = layout.runs.is_dir()

    @property
    def lacking(self) -> dict[str, list[tuple[str, Path]]]:
        found: dict[str, list[tuple[str, Path]]] = {}
        for prediction_id, name, folder in self._lacking:
            found.setdefault(prediction_id, []).append((name, folder))
        return found

    def expect(self) -> int:
        """How many steps this will take: one for each pipeline and each run."""
        count = 0
        for entry in self._runs():
            try:
                count += 1 + sum(pipeline_number(name) is not None for name in os.listdir(entry.path))
            except OSError:
                count += 1
        return count

    def _runs(self) -> list[os.DirEntry[str]]:
        try:
            return sorted(run_folders(self._layout), key=lambda entry: entry.name)
        except StorageError:
            return []

    def check(self) -> None:
        """Check every run folder."""
        for entry in self._runs():
            self._inspection.step("checking the runs")
            self._look_at(Path(entry.path))

    def _look_at(self, folder: Path) -> None:
        """Check a run. What is wrong must be so twice: somebody may just be moving it to the trash, or back."""
        seen, lacking, found = len(self.seen), len(self._lacking), len(self._inspection.findings)
        counted = self._inspection.checked.copy()
        with self._inspection.item(folder):
            self._check_run(folder)
        first = self._inspection.findings[found:]
        if not first and len(self._lacking) == lacking:
            return
        del self.seen[seen:], self._lacking[lacking:], self._inspection.findings[found:]
        self._inspection.checked = counted
        if folder.is_dir():
            with self._inspection.item(folder):
                self._check_run(folder)
            self._inspection.findings[found:] = [one for one in self._inspection.findings[found:] if one in first]

    def look_inside(self, content: Path, home: Path | None) -> tuple[list[Finding], list[SeenPipeline]]:
        """Check a deleted run, or with `home` a deleted pipeline of that run; what is damaged, and the pipelines.

        Neither counts among the runs of the workspace.
        """
        kept = self.seen, self._lacking, self._inspection.findings, self._inspection.checked.copy()
        self.seen, self._lacking, self._inspection.findings = [], [], []
        try:
            if home is None:
                self._check_run(content)
            else:
                there = home.is_dir() and not is_behind_link(home, self._layout.root)
                self._check_pipeline(
                    content, _RunState(home, _sizes(home / BINARIES) if there else {}, artifacts=there)
                )
            found = [
                one for one in self._inspection.findings if one.severity == "damage" or one.code == "trash-damaged"
            ]
            places = (content / one.pipeline_id if home is None else content for one in self.seen)
            return found, [replace(one, place=place) for one, place in zip(self.seen, places, strict=True)]
        finally:
            self.seen, self._lacking, self._inspection.findings, self._inspection.checked = kept
            self.signatures.pop(content.name, None)

    # ------------------------------------------------------------ a run

    def _check_run(self, folder: Path) -> None:
        self.signatures[folder.name] = run_signature(folder)
        self._inspection.checked["runs"] += 1
        config = self._read_config(folder)
        summary = self._read(folder / "run_summary.json", RunSummary, "summary-damaged")
        if config is not None:
            self._check_copy(folder, config)
            self._inspection.find_edited(folder / "run_config.json")
        if summary is not None:
            self._inspection.find_edited(folder / "run_summary.json")
        classes = has_classes(config.task_type if config else None)
        run_id = config.run_id if config else ""
        state = _RunState(folder, _sizes(folder / BINARIES), run_id, classes=classes)
        if summary is not None and summary.status == "running":
            state.busy = self._lives(summary.writer)
            if not state.busy:
                what = f"The run {folder.name} is said to be running; the process that wrote it has ended."
                self._inspection.find("run-left", folder, what)
        try:
            names = sorted(name for name in os.listdir(folder) if pipeline_number(name) is not None)
        except OSError:
            self.complete = False
            raise
        for name in names:
            path = folder / name
            self._inspection.step()
            with self._inspection.item(path):
                if path.is_dir() and not path.is_symlink():
                    self._check_pipeline(path, state)
        if summary is not None and summary.status != "running":
            self._compare_summary(folder, summary, state)
        self._check_orphans(state)

    def _read_config(self, folder: Path) -> RunConfig | None:
        """What was asked; a damaged one is told of by whether it can be made anew."""
        found = len(self._inspection.findings)
        config = self._read(folder / "run_config.json", RunConfig, "run-damaged")
        if config is None and not has_pipelines(folder):
            what = self._inspection.findings.pop().what
            assert len(self._inspection.findings) == found
            self._inspection.find("run-empty", folder / "run_config.json", what)
        return config

    def _check_copy(self, folder: Path, config: RunConfig) -> None:
        first = self._run_ids.setdefault(config.run_id, folder.name)
        if first != folder.name:
            what = f"{folder.name} and {first} have the same run id, {config.run_id}: one is a copy of the other."
            self._inspection.find("run-copied", folder, what)

    def _compare_summary(self, folder: Path, summary: RunSummary, state: _RunState) -> None:
        wrong = [
            f"{getattr(summary, name):,} {status}, {state.statuses[status]:,} are there"
            for name, status in _COUNTS.items()
            if getattr(summary, name) != state.statuses[status]
        ]
        if wrong and not state.damaged:
            self._inspection.find("summary-differs", folder / "run_summary.json", f"It says {'; '.join(wrong)}.")

    # ------------------------------------------------------------ a pipeline

    def _check_pipeline(self, folder: Path, state: _RunState) -> None:
        self._inspection.checked["pipelines"] += 1
        signature = file_signature(folder / "pipeline.json")
        record = self._read(folder / "pipeline.json", PipelineRecord, "pipeline-damaged")
        if record is None:
            state.damaged = state.unsure = True
            damaged = SeenPipeline(
                state.folder.name, folder.name, "", "damaged", run_id=state.run_id, signature=signature
            )
            self._note(damaged, state)
            return
        changed = self._inspection.find_edited(folder / "pipeline.json")
        state.unsure = state.unsure or changed or _names_none(record)
        lives = record.status == "running" and self._lives(record.writer)
        state.busy = state.busy or lives
        busy = lives or (_just_ended(record) and self._lives(record.writer))
        self._note(
            SeenPipeline(
                state.folder.name,
                folder.name,
                record.prediction_id,
                record.status,
                busy,
                predictions=record.thinned is None and bool(_size(folder, "predictions.csv").get("predictions.csv")),
                classes=state.classes if record.task_type is None else has_classes(record.task_type),
                run_id=state.run_id,
                signature=signature,
            ),
            state,
        )
        if record.id != folder.name:
            what = f"The folder {folder.name} was made as {record.id}."
            self._inspection.find("pipeline-renamed", folder, what)
        if record.status == "running" and not lives:
            what = f"{folder.name} is said to be running; the process that wrote it has ended."
            self._inspection.find("pipeline-left", folder, what)
        if not lives:
            self._check_documents(folder, record)
            if self._inspection.deep:
                self._check_digests(folder, record)
                check_charts(self._inspection, folder, record.digests)
        if state.artifacts:
            self._check_artifacts(folder, record, state)

    def _note(self, pipeline: SeenPipeline, state: _RunState) -> None:
        self.seen.append(pipeline)
        state.statuses[pipeline.status] += 1

    def _check_documents(self, folder: Path, record: PipelineRecord) -> None:
        try:
            metrics = read_json(folder / "metrics.json")
            if not isinstance(metrics, dict):
                self._inspection.find("document-damaged", folder / "metrics.json", "metrics.json holds no metrics.")
        except NotFound:
            self._miss(record, "metrics.json", folder)
        except StorageError as error:
            self._inspection.find("document-damaged", folder / "metrics.json", error.what)
        try:
            what = cut_short(folder / "predictions.csv")
            if what:
                self._inspection.find("document-damaged", folder / "predictions.csv", what)
        except FileNotFoundError:
            if record.thinned is None:
                self._miss(record, "predictions.csv", folder)

        self._check_there(folder, record)

    def _check_there(self, folder: Path, record: PipelineRecord) -> None:
        """Name what was beside pipeline.json and is gone; of a thinned pipeline it went on purpose."""
        gone = record.digests.keys() - {*os.listdir(folder), *_MISSING} if record.thinned is None else ()
        for name in sorted(gone):
            code = "chart-missing" if name.endswith(".png") else "file-missing"
            self._inspection.find(code, folder / name, f"{name} of {folder.name} is missing.")

    def _check_digests(self, folder: Path, record: PipelineRecord) -> None:
        """Name the files beside pipeline.json that are not what was written; charts are looked at by themselves."""
        for name, digest in record.digests.items():
            path = folder / name
            if not name.endswith(".png") and Path(name).name == name and is_plain_file(path):
                with self._inspection.item(path):
                    if file_digest(path) != digest:
                        what = f"{name} of {folder.name} was changed since it was written."
                        self._inspection.find(EDITED, path, what, advice=_EDITED_BESIDE)

    def _miss(self, record: PipelineRecord, name: str, folder: Path) -> None:
        if name in record.digests:
            self._inspection.find(_MISSING[name], folder / name, f"{name} of {folder.name} is missing.")
        elif record.status == "completed":
            self._lacking.append((record.prediction_id, name, folder))

    # ------------------------------------------------------------ artifacts

    def _check_artifacts(self, folder: Path, record: PipelineRecord, state: _RunState) -> None:
        if record.thinned is not None:
            self._check_thinned(folder, record.thinned.archive)
        for artifact in record.binaries():
            name = Path(artifact.path).name
            if artifact.path not in (f"../{BINARIES}/{name}", name):
                what = f"{folder.name} names an artifact at {artifact.path}, outside its run."
                self._inspection.find("artifact-outside", folder / "pipeline.json", what)
                continue
            state.named.add(name)
            if name in state.told:
                continue
            wrong = self._wrong_with(name, artifact.bytes, artifact.sha256, state)
            if wrong:
                state.told.add(name)
                code = "artifact-missing" if name not in state.sizes else "artifact-damaged"
                place = state.folder / BINARIES / name
                self._inspection.find(code, place, f"{name}, of {folder.name}, {wrong}.", bytes=artifact.bytes)

    def _check_thinned(self, folder: Path, archive: str) -> None:
        """What a thinned pipeline had lies elsewhere, unless somebody took that away for good."""
        if not (self._layout.root / archive).is_dir():
            what = f"{folder.name} was thinned; what it had is not in {archive} any more."
            self._inspection.find("thinned-lost", folder, what)

    def _wrong_with(self, name: str, size: int, sha256: str, state: _RunState) -> str:
        if state.sizes.get(name) != size:  # it may have been stored since the folder was listed
            state.sizes.update(_size(state.folder / BINARIES, name))
        if name not in state.sizes:
            return "is not there"
        if state.sizes[name] != size:
            return f"has {state.sizes[name]:,} bytes, {size:,} were stored"
        if not self._inspection.deep:
            return ""
        if name not in state.digests:
            with (state.folder / BINARIES / name).open("rb") as file:
                state.digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return "" if state.digests[name] == sha256 else "is not what was stored: its bytes have changed"

    def _check_orphans(self, state: _RunState) -> None:
        """Name the artifacts nobody names. Where a document can't be read or work goes on, nobody knows."""
        self._inspection.checked["artifacts"] += len(state.sizes)
        unnamed = state.sizes.keys() - state.named
        if state.unsure or state.busy or not unnamed:
            return
        kept = self._trash.kept_artifacts(state.folder.name)
        for name in sorted(unnamed - kept) if kept is not None else ():
            place, size = state.folder / BINARIES / name, state.sizes[name]
            self._inspection.find("artifact-orphan", place, f"No pipeline of the run names {name}.", bytes=size)

    # ------------------------------------------------------------ inside

    def _lives(self, writer: str) -> bool:
        if writer not in self._alive:
            self._alive[writer] = bool(writer) and self._disk.is_alive(writer)
        return self._alive[writer]

    def _read(self, path: Path, kind: type[AnyRecord], code: str) -> AnyRecord | None:
        try:
            return read_document(path, kind)
        except StorageError as error:
            missing = isinstance(error, NotFound)
            what = f"{path.name} of {path.parent.name} is missing." if missing else error.what
            self._inspection.find(code, path, what)
            return None


def _names_none(record: PipelineRecord) -> bool:
    """Whether a pipeline of our own training is said to have no fitted object, which none of them is without."""
    return record.status == "completed" and record.source is None and bool(record.steps) and not record.all_binaries()


def _just_ended(record: PipelineRecord) -> bool:
    """Whether its row may still be on its way into the catalog."""
    return record.completed_at is not None and abs(utc_now() - record.completed_at) < _ON_ITS_WAY


def ended(seen: Iterable[SeenPipeline]) -> list[SeenPipeline]:
    """Those of them that should have a row in the catalog."""
    return [one for one in seen if one.status in _ENDED and one.prediction_id]


def has_pipelines(folder: Path) -> bool:
    """Whether a run folder has a pipeline that tells what it is: of such a one run_config.json can be made anew."""
    names = (name for name in os.listdir(folder) if pipeline_number(name) is not None)
    for name in names:
        with suppress(StorageError):
            read_document(folder / name / "pipeline.json", PipelineRecord)
            return True
    return False


def _size(folder: Path, name: str) -> dict[str, int]:
    """The size of one file by its name; nothing where it is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = os.lstat(folder / name) if not folder.is_symlink() else os.lstat(folder)
        return {name: found.st_size} if stat.S_ISREG(found.st_mode) else {}
    return {}


def _sizes(folder: Path) -> dict[str, int]:
    """The files of a folder with their sizes; links and folders left out, and all where the folder is one."""
    if folder.is_symlink():
        return {}
    try:
        with os.scandir(folder) as entries:
            return {e.name: e.stat().st_size for e in entries if e.is_file(follow_symlinks=False)}
    except FileNotFoundError:
        return {}
