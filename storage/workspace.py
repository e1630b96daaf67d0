"""The façade: one object that is a workspace, whatever the program that uses it.

Open it, ask it, change it, close it. Opening brings order: what a killed process left unfinished is marked, what it
finished without telling the catalog is taken in, what it staged is swept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import platformdirs

from storage.catalog import Catalog
from storage.disk import Disk, make_root
from storage.errors import BadInput, Corrupt, Exists, Locked, NotFound, ReadOnly, StorageError, TooNew
from storage.index import Index
from storage.layout import MARKER, Layout
from storage.parts import Parts
from storage.predictions import PredictionArrays
from storage.records import DatasetSource, PipelineRecord, RunConfig, RunSummary, WorkspaceRecord, read_document
from storage.runs import Run, key_metric
from storage.scan import changed_runs, run_folders

if TYPE_CHECKING:
    from storage.datasets import Dataset
    from storage.runner import Report, RunOutcome, RunRequest

FORMAT_VERSION = 1


@dataclass(frozen=True)
class RunRow:
    """A run as lists show it. `problem` says what is damaged, if anything."""

    run_id: str
    folder: str
    dataset_name: str
    run_name: str
    date: str
    created_at: datetime | None
    status: str
    total: int
    successful: int
    failed: int
    interrupted: int
    metric_name: str | None
    metric_value: float | None
    task_type: str
    problem: str | None


@dataclass(frozen=True)
class PipelineRow:
    """A pipeline as lists show it, with the metric it is judged by."""

    run_id: str
    pipeline_id: str
    number: int
    name: str
    status: str
    model_type: str
    prediction_id: str
    metric_name: str | None
    metric_value: float | None
    problem: str | None


@dataclass(frozen=True)
class FileEntry:
    """A file of a pipeline folder."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True)
class PipelineDetails:
    """Everything a pipeline folder holds, as far as it can be read; `problems` say what could not."""

    run_id: str
    pipeline_id: str
    folder: Path
    run: RunConfig | None = None
    pipeline: PipelineRecord | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    files: list[FileEntry] = field(default_factory=list)
    charts: list[Path] = field(default_factory=list)
    error: str = ""
    arrays: list[PredictionArrays] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Workspace:
    """A workspace folder. Use `create` or `open`; close it, or use it as a context manager."""

    def __init__(self, root: Path, record: WorkspaceRecord, read_only: bool) -> None:
        self.root = root
        self.record = record
        self.read_only = read_only
        self.notices: list[str] = []
        self.layout = Layout(root)
        self._disk = Disk(root, self.layout.staging, read_only)
        self._open_runs: dict[str, Run] = {}
        self._parts = Parts(self.layout, self._disk)
        cache = platformdirs.user_cache_path("runshelf") / "index"
        self._index = Index(self.layout.index, record.workspace_id, writable=not read_only, cache=cache)
        self.catalog = Catalog(self._parts, self._index, self._refill)

    # ------------------------------------------------------------ life

    @classmethod
    def create(cls, path: Path | str) -> Workspace:
        """Make a new workspace in an empty or new folder, and open it. Raises Exists, ReadOnly, DiskFull."""
        root = Path(path).absolute()
        if (root / MARKER).exists():
            raise Exists(f"{root} is a workspace already.", root, "Open it instead.")
        make_root(root)
        layout = Layout(root)
        disk = Disk(root, layout.staging)
        disk.make_folders(layout.folders())
        disk.open()
        try:
            disk.write(layout.marker, WorkspaceRecord(format_version=FORMAT_VERSION).to_json())
        finally:
            disk.close()
        return cls.open(root)

    @classmethod
    def open(cls, path: Path | str, read_only: bool = False) -> Workspace:
        """Open the workspace at a folder. Raises NotFound, Corrupt or TooNew.

        Where nothing can be written it opens read-only and says so in `notices`.
        """
        root = Path(path).absolute()
        if not root.is_dir():
            raise NotFound(
                f"There is no folder {root}.", root, "Check the path, or make a workspace with: runshelf init."
            )
        if not (root / MARKER).is_file():
            raise NotFound(f"{root} is not a workspace.", root, "Make one with: runshelf init FOLDER.")
        record = read_document(root / MARKER, WorkspaceRecord)
        if record.format_version > FORMAT_VERSION:
            raise TooNew(f"{root} was made by a newer Runshelf.", root, "Update Runshelf to open it.")
        denied = not read_only and not os.access(root, os.W_OK)
        workspace = cls(root, record, read_only or denied)
        if denied:
            workspace.notices.append(f"{root} can't be written to: it is open for reading only.")
        workspace._start()
        return workspace

    def _start(self) -> None:
        """Take up work: announce the writer, sweep, bring the index up to date, recover."""
        if not self.read_only:
            try:
                self._disk.make_folders(self.layout.folders())
                self._disk.open()
            except ReadOnly as error:
                self.read_only = self._disk.read_only = True
                self.notices.append(f"{error.what} The workspace is open for reading only.")
        try:
            self.sync()
            if not self.read_only:
                self._recover()
        except TooNew as error:
            self.notices.append(str(error))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Finalize the runs this object made that are still open, and let go of everything."""
        try:
            for run in self._open_runs.values():
                if not self.read_only and run.folder.is_dir() and run.summary().status == "running":
                    run.finalize()
        finally:
            self._open_runs.clear()
            self.catalog.close()
            self._disk.close()
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What people call it: the folder's name."""
        return self.root.name

    # ------------------------------------------------------------ keeping up with the files

    def sync(self, full: bool = False) -> bool:
        """Bring the index up to the files; cheap when nothing changed. True if anything did.

        `full` looks at every document again, also in runs that seem unchanged.
        """
        changed = self.catalog.ask_index(lambda: self._sync(full))
        self._take_index_notices()
        return changed

    def _sync(self, full: bool) -> bool:
        changed = self._index.sync(self._parts.manifest(), self._parts.read_meta)
        changed = self._scan(full) or changed
        return self._index.changed_elsewhere() or changed  # another process may have noted it already

    def _scan(self, full: bool) -> bool:
        known = self._index.run_signatures()
        changed = False
        found = changed_runs(self.layout, known, self._index.pipeline_signatures, full)
        for scan in found:
            changed = self._index.put_run(scan.run, scan.changed, scan.gone) or changed
        if self.layout.runs.is_dir():  # a root that is unmounted makes nothing disappear
            gone = set(known) - {entry.name for entry in run_folders(self.layout)}
            self._index.remove_runs(gone)
            changed = changed or bool(gone)
        return changed

    def _refill(self) -> None:
        """Fill an index that was just started again."""
        self._index.sync(self._parts.manifest(), self._parts.read_meta)
        self._scan(full=True)
        self._take_index_notices()

    def _take_index_notices(self) -> None:
        self.notices += self._index.notices
        self._index.notices.clear()

    def rebuild_index(self, report: Report | None = None) -> None:
        """Delete the index and make it again from the files."""
        if report:
            report(0, 1, "reading the catalog and the run folders")
        self._index.start_again()
        self._refill()
        if report:
            report(1, 1, "index rebuilt")

    def index_status(self) -> dict[str, Any]:
        """Where the index lies, what it holds, and whether it reflects the catalog as it is now."""
        path = self._index.path
        manifest = self._parts.manifest()
        return {
            "path": str(path) if path else "memory",
            "current": self.catalog.is_current(),
            "generation": manifest.generation,
            "parts": len(manifest.meta),
            **self._index.statistics(),
            "bytes": path.stat().st_size if path and path.exists() else 0,
        }

    def _recover(self) -> None:
        """Bring order after a killed process. One opener does it; another that comes meanwhile goes on without."""
        try:
            with self._disk.lock("recovery", timeout=0):
                if self._disk.sweep():
                    self._parts.sweep()
                self._mark_interrupted()
                self._take_in_uncommitted()
                self._end_abandoned_runs()
        except Locked:
            return

    def _mark_interrupted(self) -> None:
        found = self._dead(self._index.unfinished())
        for row in found:
            run = self._run_at(row["folder"])
            if run is not None:
                pipeline = run.pipeline(row["pipeline_id"])
                if pipeline.record.status == "running":
                    pipeline.interrupt()
                    run.log(f"{row['pipeline_id']} was interrupted: its process ended")
        if found:
            count = "One pipeline" if len(found) == 1 else f"{len(found)} pipelines"
            self.notices.append(f"{count} of an earlier session did not finish: shown as interrupted.")
            self._scan(full=False)

    def _take_in_uncommitted(self) -> None:
        """Commit results that are whole on disk and whose row is missing because their writer died before.

        With a damaged part in the catalog nobody knows which rows are missing: then it is left to a repair.
        """
        self.catalog.sync()
        if self._index.has_problems():
            return
        for row in self._dead(self._index.uncommitted()):
            run = self._run_at(row["folder"])
            if run is None:
                continue
            try:
                run.pipeline(row["pipeline_id"]).commit()
            except StorageError as error:
                self.notices.append(f"{row['folder']}/{row['pipeline_id']} could not be taken in: {error.what}")

    def _end_abandoned_runs(self) -> None:
        """Finalize runs whose writer is gone: interrupted if anything asked for is missing, else completed."""
        for row in self._dead(self._index.unfinished_runs()):
            run = self._run_at(row["folder"])
            if run is None or any(p.record.status == "running" for p in run.pipelines()):
                continue
            begun = {pipeline.record.name for pipeline in run.pipelines()}
            missing = [p for p in run.config.pipelines if not p.pipeline_id and p.name not in begun]
            run.finalize("interrupted" if missing else None)
            run.log("finalized by a later session")
        self._scan(full=False)

    def _dead(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if not self._disk.is_alive(row["writer"])]

    def _run_at(self, folder: str) -> Run | None:
        """The run of a folder, or None when its document can't be read."""
        try:
            return Run.open(self.layout, self._disk, self.catalog, self.layout.run(folder))
        except (NotFound, Corrupt):
            return None

    # ------------------------------------------------------------ runs

    def create_run(
        self,
        dataset: str,
        name: str = "",
        description: str = "",
        *,
        source: DatasetSource | None = None,
        task_type: str | None = None,
        global_params: Mapping[str, Any] | None = None,
    ) -> Run:
        """Make today's run of a dataset and name, or reopen it. Raises NameRefused for names unfit for a folder."""
        run = Run.create(
            self.layout, self._disk, self.catalog, dataset, name, description, source, task_type, global_params
        )
        self._open_runs[run.folder.name] = run
        return run

    def run(self, run_id: str) -> Run:
        """A run by its id (or folder name). Raises NotFound."""
        return Run.open(self.layout, self._disk, self.catalog, self.layout.run(self._folder_of(run_id)))

    def runs(self, dataset: str | None = None) -> list[RunRow]:
        """All runs, or those of a dataset, newest first."""
        return [_run_row(row) for row in self.catalog.ask_index(lambda: self._index.runs(dataset))]

    def pipelines(self, run_id: str, offset: int = 0, limit: int | None = None) -> list[PipelineRow]:
        """The pipelines of a run by number, each with the metric it is judged by. Raises NotFound."""
        folder = self._folder_of(run_id)
        rows = self.catalog.ask_index(lambda: self._index.pipelines(folder, offset, limit))
        return [_pipeline_row(row, run_id) for row in rows]

    def count_pipelines(self, run_id: str) -> int:
        """How many pipelines a run has. Raises NotFound."""
        folder = self._folder_of(run_id)
        return self.catalog.ask_index(lambda: self._index.pipeline_count(folder))

    def place_of(self, prediction_id: str) -> tuple[str, str] | None:
        """Run id and pipeline id of a prediction whose folder is there, else None."""
        return self.catalog.ask_index(lambda: self._index.place_of(prediction_id))

    def summary(self, run_id: str) -> RunSummary:
        """run_summary.json of a run. Raises NotFound or Corrupt."""
        return read_document(self.layout.run(self._folder_of(run_id)) / "run_summary.json", RunSummary)

    def details(self, run_id: str, pipeline_id: str) -> PipelineDetails:
        """All there is to see of one pipeline. Raises NotFound when its folder is gone; damage goes to `problems`."""
        run_folder = self.layout.run(self._folder_of(run_id))
        folder = run_folder / pipeline_id
        if Path(pipeline_id).name != pipeline_id or not folder.is_dir():
            raise NotFound(f"The folder of {pipeline_id} is gone.", folder, "Its row in the catalog stays.")
        problems: list[str] = []
        config = _tolerant(lambda: read_document(run_folder / "run_config.json", RunConfig), problems)
        record = _tolerant(lambda: read_document(folder / "pipeline.json", PipelineRecord), problems)
        metrics: dict[str, Any] = {}
        arrays: list[PredictionArrays] = []
        if config is not None and record is not None:
            pipeline = Run(self.layout, self._disk, self.catalog, run_folder, config).pipeline(pipeline_id)
            metrics = _tolerant(pipeline.metrics, problems) or {}
            arrays = _tolerant(lambda: self._arrays_of(pipeline), problems) or []
        files = _files(folder)
        error = folder / "error.log"
        return PipelineDetails(
            run_id,
            pipeline_id,
            folder,
            config,
            record,
            metrics,
            files,
            [entry.path for entry in files if entry.name.endswith(".png")],
            error.read_text("utf-8", errors="replace") if error.is_file() else "",
            arrays,
            problems,
        )

    def _arrays_of(self, pipeline: Any) -> list[PredictionArrays]:
        """Arrays from the catalog, which is quickest; from the pipeline's own file where the catalog has none."""
        try:
            found = self.catalog.arrays(pipeline.prediction_id)
        except StorageError:
            found = []
        return found or pipeline.arrays()

    def _folder_of(self, run_id: str) -> str:
        rows = self.catalog.ask_index(lambda: self._index.runs(run_id=run_id))
        if rows:
            return str(rows[0]["folder"])
        if Path(run_id).name == run_id and self.layout.run(run_id).is_dir():
            return run_id
        raise NotFound(f"There is no run '{run_id}'.", self.layout.runs, "List them with: runshelf runs list.")

    # ------------------------------------------------------------ training

    def run_batch(
        self,
        dataset: Dataset,
        pipelines: Sequence[Any],
        *,
        run_name: str = "",
        pipeline_names: Sequence[str] = (),
        description: str = "",
        jobs: int = 1,
        seed: int = 0,
        again: bool = False,
        charts: bool = True,
        on_progress: Report | None = None,
    ) -> RunOutcome:
        """Run pipelines on a dataset and record each; returns what came of it.

        `pipelines` are configurations, dicts, paths of configuration files, or scikit-learn estimators. `jobs` run at
        a time. Work done before on the same data, split and seed is skipped and named, unless `again`. Raises
        BadInput before anything is written, or Cancelled when `on_progress` raised it; the run is then consistent.
        """
        from storage.runner import run_batch

        self.sync()
        try:
            return run_batch(
                self.layout,
                self._disk,
                self.catalog,
                dataset,
                pipelines,
                run_name=run_name,
                pipeline_names=pipeline_names,
                description=description,
                jobs=jobs,
                seed=seed,
                again=again,
                charts=charts,
                allowed_modules=self.record.allowed_modules,
                report=on_progress,
            )
        finally:
            self.sync()

    def run_request(self, request: RunRequest, report: Report | None = None) -> RunOutcome:
        """Run a batch as the command line and the window ask for it; see `run_batch`."""
        from storage.configs import load_configs
        from storage.datasets import load_dataset

        if not request.pipelines:
            raise BadInput("No pipeline configuration was named.", advice="Name at least one JSON or YAML file.")
        planned = load_configs(request.pipelines)
        dataset = load_dataset(
            request.data,
            request.target,
            name=request.dataset_name,
            id_column=request.id_column,
            split_column=request.split_column,
            test_size=request.test_size,
            task=request.task,
            units=request.units,
            seed=request.seed,
        )
        return self.run_batch(
            dataset,
            planned,
            run_name=request.run_name,
            pipeline_names=request.pipeline_names,
            description=request.description,
            jobs=request.jobs,
            seed=request.seed,
            again=request.again,
            charts=request.charts,
            on_progress=report,
        )


def find_workspace(start: Path) -> Path:
    """The workspace folder one stands in or above. Raises NotFound."""
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file():
            return folder
    raise NotFound(
        f"{start} is not in a workspace.", start, "Name one with -w FOLDER, set RUNSHELF_WORKSPACE, or: runshelf init."
    )


def _tolerant(read: Callable[[], Any], problems: list[str]) -> Any:
    try:
        return read()
    except StorageError as error:
        problems.append(error.what)
        return None


def _files(folder: Path) -> list[FileEntry]:
    with os.scandir(folder) as entries:
        found = [
            FileEntry(e.name, Path(e.path), e.stat(follow_symlinks=False).st_size)
            for e in entries
            if e.is_file(follow_symlinks=False) and not e.name.startswith(".")
        ]
    return sorted(found, key=lambda entry: entry.name)


def _run_row(row: dict[str, Any]) -> RunRow:
    return RunRow(**{name: row[name] for name in RunRow.__dataclass_fields__})


def _pipeline_row(row: dict[str, Any], run_id: str) -> PipelineRow:
    name = key_metric(row, None)
    return PipelineRow(
        run_id=run_id,
        pipeline_id=row["pipeline_id"],
        number=row["number"],
        name=row["name"],
        status=row["status"],
        model_type=row["model_type"],
        prediction_id=row["prediction_id"],
        metric_name=name,
        metric_value=row[name] if name else None,
        problem=row["problem"],
    )
