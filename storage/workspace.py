"""The façade: one object that is a workspace, whatever the program that uses it.

Open it, ask it, change it, close it. Opening brings order: what a killed process left unfinished is marked, what it
finished without telling the catalog is taken in, what it staged is swept.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import platformdirs

from storage.catalog import Catalog
from storage.disk import LOCK_TIMEOUT, UPDATE, Disk, make_root, writer_prefix
from storage.errors import (
    BadInput,
    Corrupt,
    DiskFull,
    Exists,
    Locked,
    NotFound,
    ReadOnly,
    StorageError,
    TooNew,
    in_sentences,
)
from storage.following import Following
from storage.index import Index
from storage.layout import MARKER, Layout, from_the_top, pipeline_folder
from storage.listing import (
    PipelineDetails,
    PipelineRow,
    RunRow,
    deleted_details,
    pipeline_details,
    pipeline_row,
    run_row,
    sample_names,
)
from storage.manifest import ManifestFile
from storage.marker import is_newer, note_metric, read_marker, write_marker
from storage.metrics import Metrics
from storage.places import Places
from storage.records import (
    DatasetSource,
    RunSummary,
    WorkspaceRecord,
    read_document,
)
from storage.recovery import Finishers, Recovery
from storage.runs import Run

if TYPE_CHECKING:
    from storage.archives import Archive, Archives
    from storage.archiving import Archiving
    from storage.chains import Chain, ChainGrid
    from storage.comparison import FoldComparisons, FoldScores
    from storage.configs import PipelineConfig
    from storage.control import Control
    from storage.datasets import Dataset
    from storage.findings import Finding
    from storage.findings import Report as CheckReport
    from storage.flat_predictions import FlatPredictions
    from storage.library import Library
    from storage.loading import LoadedPipeline
    from storage.migration import Migration
    from storage.pipelines import Pipeline
    from storage.plan import Plan
    from storage.reloading import Foreseen
    from storage.reports import Reports
    from storage.requests import OnPipeline, Remainder, Report, RunOutcome, RunPreview, RunRequest
    from storage.reruns import Which
    from storage.restoration import TrashBin
    from storage.run_deletion import RunDeletion
    from storage.sample_errors import SampleErrors
    from storage.spectra import Spectra
    from storage.takeaway import Takeaway
    from storage.thinning import Thinning
    from storage.trust import TrustedDigest
    from storage.usage import Usage

_PATIENCE = 20.0  # seconds an opening waits for whoever holds a lock
_NO_FOLDER = (BadInput, Exists)  # one of its own is a link, or something else


@in_sentences
class Workspace:
    """A workspace folder. Use `create` or `open`; close it, or use it as a context manager."""

    def __init__(self, root: Path, record: WorkspaceRecord, read_only: bool) -> None:
        self.root = root
        self.record = record
        self.notices: list[str] = []
        self._marker_read = (0, 0, 0)  # what told runshelf.json from others when it was last read
        self.layout = Layout(root)
        self._disk = Disk(root, self.layout.staging, read_only, self._is_own, self._read_marker)
        self._own_changes = 0
        self._open_runs: dict[str, Run] = {}
        cache = platformdirs.user_cache_path("runshelf") / "index"
        writable = not (read_only or self.layout.catalog.is_symlink() or self.layout.staging.is_symlink())
        self._index = Index(self.layout.index, record.workspace_id, self._disk, writable=writable, cache=cache)
        self.metrics = Metrics(record.metrics)
        self.catalog = Catalog(self.layout, self._disk, self._index, self.metrics, lambda: self._following.refill())
        self._mend_index = self.catalog._mend_index
        self._following = Following(self.layout, self._disk, self._index, self.catalog, self.notices.append)
        self._places = Places(self.layout, self._index, self.catalog)

    # ------------------------------------------------------------ life

    @classmethod
    def create(cls, path: Path | str) -> Workspace:
        """Make a new workspace in an empty or new folder, and open it. Raises Exists, ReadOnly, DiskFull."""
        root = _place(path)
        if (root / MARKER).exists():
            raise Exists(f"{root} is a workspace already.", root, "Open it instead.")
        make_root(root)
        layout = Layout(root)
        disk = Disk(root, layout.staging)
        disk.make_folders(layout.folders())
        disk.open()
        try:
            write_marker(layout, disk)
        finally:
            disk.close()
        return cls.open(root)

    @classmethod
    def open(cls, path: Path | str, read_only: bool = False, report: Report | None = None) -> Workspace:
        """Open the workspace at a folder. Raises NotFound, Corrupt or TooNew, or what `report` does.

        Where nothing can be written, or may be for a newer Runshelf made it, it opens read-only and says so in
        `notices`. `report` hears how far the index is,
        where it is built first, and of results that are taken into the catalog; nothing is lost when it stops the
        opening.
        """
        root = _place(path)
        record = read_marker(root)
        denied = not read_only and not os.access(root, os.W_OK)
        newer = is_newer(record)
        workspace = cls(root, record, read_only or denied or newer)
        if newer:
            workspace._disk.only_read(UPDATE)
            workspace.notices.append(
                f"{root} was made by a newer Runshelf: it is open for reading only, as far as this one understands it."
            )
        if denied:
            workspace.notices.append(f"{root} can't be written to: it is open for reading only.")
        workspace._start(report or (lambda done, total, text: None))
        return workspace

    def _start(self, report: Report) -> None:
        """Take up work: announce the writer, sweep, bring the index up to date, recover.

        For whoever holds a lock for long, as one that was stopped does, it waits no longer than `_PATIENCE`.
        """
        self._disk.patience = _PATIENCE
        try:
            self._take_up(report)
        finally:
            self._disk.patience = LOCK_TIMEOUT

    def _take_up(self, report: Report) -> None:
        if not self.read_only:
            try:
                self._disk.make_folders(self.layout.folders())
                self._disk.open()
                self._rescue_catalog()
            except (ReadOnly, DiskFull, Locked, *_NO_FOLDER) as error:
                self._disk.close()
                self._disk.read_only = True
                self.notices.append(f"{error.what} The workspace is open for reading only.")
        try:
            with self._following_told(report):
                self.sync()
            if not self.read_only:
                self._recover(report)
        except (TooNew, DiskFull, ReadOnly, Locked) as error:
            self.notices.append(str(error))
        except BaseException:
            self.close()
            raise

    def _rescue_catalog(self) -> None:
        """Make a manifest that was lost again from the parts: without one nothing says that they count."""
        if not ManifestFile(self.layout, self._disk).orphans():
            return
        from storage.rescue import rebuild_catalog

        self.notices += [text for text in (rebuild_catalog(self.layout, self._disk),) if text]

    def _is_own(self) -> bool:
        """Whether the workspace that lies there now is the one that was opened."""
        try:
            return read_document(self.layout.marker, WorkspaceRecord).workspace_id == self.record.workspace_id
        except StorageError:
            return False

    def _recover(self, report: Report) -> None:
        """Bring order after processes that ended, and tell what was done."""
        scan, finishers = self._following.scan, self._finishers()
        recovery = Recovery(self.layout, self._disk, self._index, self.catalog, scan, report, finishers)
        recovery.recover()
        self.notices += recovery.notices

    @contextmanager
    def _following_told(self, report: Report) -> Iterator[None]:
        """Let `report` hear, and stop, what brings the index up to the files meanwhile."""
        before, self._following.report = self._following.report, report
        try:
            yield
        finally:
            self._following.report = before

    def _finishers(self) -> Finishers:
        """What finishes large work that a killed process left, by the kind of its note."""
        return {
            "remove": lambda payload, report: self.trash.finish_removal(payload, report),
            "archive": lambda payload, report: self._archiving.finish(payload, report),
            "thin": lambda payload, report: self._thinning.finish(payload, report),
            "unthin": lambda payload, report: self._thinning.finish_undo(payload, report),
            "restore": lambda payload, report: self.trash.finish_restoration(payload, report),
        }

    def close(self) -> None:
        """Finalize the runs this object made that are still open, and let go of everything."""
        try:
            for run in self._open_runs.values():
                if self.read_only or not run.folder.is_dir() or run.summary().status != "running":
                    continue
                if not any(pipeline.record.status == "running" for pipeline in run.pipelines()):
                    with suppress(DiskFull, ReadOnly):
                        run.finalize()  # else the next open marks what was left, then ends the run
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
    def read_only(self) -> bool:
        """Whether nothing of it can be changed."""
        return self._disk.read_only

    @property
    def name(self) -> str:
        """What people call it: the folder's name."""
        return self.root.name

    # ------------------------------------------------------------ keeping up with the files

    def sync(self, full: bool = False) -> bool:
        """Bring the index up to the files; cheap when nothing changed. True if anything did.

        `full` looks at every document again, also in runs that seem unchanged.
        """
        self._read_marker()
        return self._following.sync(full)

    def _read_marker(self) -> None:
        """Learn of metrics that another process added, and that a newer Runshelf took the workspace over."""
        with suppress(OSError, NotFound, Corrupt):
            found = os.stat(self.layout.marker)
            changed = (found.st_ino, found.st_mtime_ns, found.st_size)
            if changed == self._marker_read or not self._disk.is_there():
                return
            try:
                record = read_marker(self.root)
                newer = is_newer(record)
                self._know(record)
            except TooNew:
                newer = True
            self._marker_read = changed
            if newer and not self.read_only:
                self._disk.only_read(UPDATE)
                self.notices.append(f"A newer Runshelf changed {self.root} meanwhile: it is only read from now on.")

    def _know(self, record: WorkspaceRecord) -> None:
        self.record = record
        self.metrics = self.catalog.metrics = Metrics(record.metrics)

    def rebuild_index(self, report: Report | None = None) -> None:
        """Make the index again from the files. Other processes see the old one until it is done."""
        self._disk.check_there()
        if report:
            report(0, 1, "reading the catalog and the run folders")
        with self._following_told(report or self._following.report):
            self.catalog.ask_index(lambda: self._index.fill_anew(self._following.refill))
            self.sync()
        if report:
            report(1, 1, "index rebuilt")

    def index_status(self) -> dict[str, Any]:
        """Where the index lies, what it holds, and whether it reflects the catalog as it is now."""
        path = self._index.path
        manifest = self.catalog.manifest()
        return {
            "path": str(path) if path else "memory",
            "current": self.catalog.is_current(),
            "generation": manifest.generation,
            "parts": len(manifest.meta),
            **self._index.statistics(),
            "bytes": path.stat().st_size if path and path.exists() else 0,
        }

    # ------------------------------------------------------------ health

    def check(self, report: Report | None = None, deep: bool = False) -> CheckReport:
        """Look whether everything is sound; nothing is changed. The deep check reads every byte that has a checksum.

        `report` may raise Cancelled: then what was found until then is returned. Raises NotFound where the workspace is
        away. See also `check_workspace`.
        """
        from storage.check import check

        return check(self.layout, self._disk, self._index.path, report, deep)

    def plan_repair(self, findings: Sequence[Finding]) -> Plan:
        """A plan that mends findings of a check; what is damaged goes to the trash first."""
        from storage.repair import Repairs

        return Repairs(
            self.layout,
            self._disk,
            self._index,
            self.catalog,
            self.rebuild_index,
            self._recover,
            lambda: self.sync(full=True),  # what was written anew in a run that ended tells nothing of itself
        ).plan(findings)

    def usage(self, report: Report | None = None) -> Usage:
        """What takes how much room, and how much sharing equal artifacts saves. `report` may raise Cancelled."""
        from storage.usage import usage

        self._disk.check_there()
        return usage(self.layout, self._index.path, report)

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
        """Make today's run of a dataset and name, or reopen it. Raises NameRefused for names unfit for a folder.

        Where a run of today and these names was deleted, the new one is another: its id has a suffix.
        """
        run = Run.create(
            self.layout,
            self._disk,
            self.catalog,
            self._places,
            dataset,
            name,
            description,
            source,
            task_type,
            global_params,
        )
        self._open_runs[run.folder.name] = run
        return run

    def run(self, run_id: str) -> Run:
        """A run by its id (or folder name). Raises NotFound."""
        return Run.open(self.layout, self._disk, self.catalog, self._places.run(run_id))

    def runs(self, dataset: str | None = None, *, deleted: bool = False) -> list[RunRow]:
        """All runs, or those of a dataset, newest first, with their counts and best result.

        With `deleted` also those whose folder is gone or never was: the catalog still has their results.
        """
        self._follow_own()
        rows = self.catalog.ask_index(lambda: self._index.runs.rows(dataset))
        if deleted:
            rows = [*rows, *self._deleted_runs({row["run_id"] for row in rows}, dataset)]
            rows.sort(key=lambda row: row["date"], reverse=True)
        return [run_row(row) for row in rows]

    def _follow_own(self) -> None:
        """Bring the index up where this program itself made or ended something since."""
        changes = sum(run.changes for run in self._open_runs.values()) + len(self._open_runs)
        if changes != self._own_changes:
            self._own_changes = changes
            self.sync()

    def _deleted_runs(self, there: set[str], dataset: str | None) -> list[dict[str, Any]]:
        blank = {"folder": "", "status": "folder deleted", "interrupted": 0, "problem": None}
        found = [{**blank, **row} for row in self.catalog.runs() if row["run_id"] not in there]
        return [row for row in found if dataset is None or row["dataset_name"] == dataset]

    def pipelines(self, run_id: str, offset: int = 0, limit: int | None = None) -> list[PipelineRow]:
        """The pipelines of a run by number, each with the metric it is judged by, as their documents are now.

        Raises NotFound.
        """
        self._follow_own()
        folder = self._places.folder_of(run_id)

        def ask() -> list[dict[str, Any]]:
            return self.catalog.ask_index(lambda: self._index.runs.pipelines(folder, offset, limit))

        rows = ask()
        if self._following.read_edited(folder, rows):
            rows = ask()
        return [pipeline_row(row, run_id) for row in rows]

    def folders_with(self, word: str) -> set[str]:
        """The run folders with a pipeline of this number (`0050`), or whose id begins so; none for any other word."""
        return self.catalog.ask_index(lambda: self._index.runs.folders_with(word))

    def count_pipelines(self, run_id: str) -> int:
        """How many pipelines a run has. Raises NotFound."""
        folder = self._places.folder_of(run_id)
        return self.catalog.ask_index(lambda: self._index.runs.pipeline_count(folder))

    def place_of(self, prediction_id: str) -> tuple[str, str] | None:
        """Run id and pipeline id of a prediction whose folder is there, else None."""
        return self._places.of_prediction(prediction_id)

    def summary(self, run_id: str) -> RunSummary:
        """run_summary.json of a run. Raises NotFound or Corrupt."""
        return read_document(self._places.run(run_id) / "run_summary.json", RunSummary)

    def details(self, run_id: str, pipeline_id: str) -> PipelineDetails:
        """All there is to see of one pipeline. Raises NotFound when its folder is gone; damage goes to `problems`."""
        self._disk.check_there()
        folder = self._places.run(run_id)
        return pipeline_details(
            folder, run_id, pipeline_id, lambda config: Run(self.layout, self._disk, self.catalog, folder, config)
        )

    def deleted_details(self, prediction_id: str) -> PipelineDetails:
        """All there is still to see of a pipeline whose folder is gone: from its archive, else from the catalog.

        Raises NotFound where the catalog has no row of it, and where the whole workspace is away.
        """
        self._disk.check_there()
        found = self._archives.list(prediction_id, kind="pipeline")
        archive = next((one.path for one in found if one.problem is None), None)
        return deleted_details(self.catalog, prediction_id, archive)

    # ------------------------------------------------------------ keeping, deleting, taking away

    @functools.cached_property
    def library(self) -> Library:
        """What was chosen to be kept."""
        from storage.library import Library

        return Library(self.layout, self._disk, self.trash, self._places.folder_of, self._run_deletion.check_idle)

    @functools.cached_property
    def trash(self) -> TrashBin:
        """What was deleted and can be brought back."""
        from storage.restoration import TrashBin

        rows = lambda: self.catalog.ask_index(lambda: self._index.runs.rows())  # noqa: E731
        bring_back = lambda record, report: self._thinning.restore_entry(record, report)  # noqa: E731
        return TrashBin(self.layout, self._disk, self.catalog, rows, self.sync, bring_back)

    @functools.cached_property
    def _run_deletion(self) -> RunDeletion:
        from storage.run_deletion import RunDeletion

        unfinished = lambda: self.catalog.ask_index(self._index.runs.unfinished)  # noqa: E731
        return RunDeletion(self.layout, self._disk, unfinished, self.trash)

    def plan_delete_run(self, run_id: str) -> Plan:
        """A plan that moves a run to the trash; its results stay in the catalog. Raises NotFound, Locked."""
        self.sync()
        return self._run_deletion.plan_run(self._places.folder_of(run_id))

    def plan_restore_run(self, run_id: str) -> Plan:
        """A plan that brings a deleted run back; of several with that id the one deleted last. Raises NotFound."""
        return self.trash.plan_restore([self.trash.newest_run(run_id)])

    def plan_delete_pipeline(self, run_id: str, pipeline_id: str) -> Plan:
        """A plan that moves a pipeline to the trash; its number is never given again. Raises NotFound, Locked."""
        self.sync()
        return self._run_deletion.plan_pipeline(self._places.folder_of(run_id), pipeline_id)

    def export_pipeline(
        self,
        run_id: str,
        pipeline_id: str,
        destination: Path | None = None,
        name: str = "",
        report: Report | None = None,
        *,
        create: bool = False,
    ) -> Path:
        """Write a pipeline with all it needs to a new folder in exports/, or in `destination`; returns that folder.

        With `create` a destination that isn't there is made.
        It is called by dataset, date and pipeline, or by `name` and pipeline. Raises NotFound, Exists, NameRefused,
        Corrupt where an artifact is not what was stored, Conflict while it is still trained.
        """
        return self._takeaway().pipeline(
            self._places.run(run_id), pipeline_id, destination, name, report, create=create
        )

    def plan_export_pipeline(
        self, run_id: str, pipeline_id: str, destination: Path | None = None, name: str = ""
    ) -> Plan:
        """A plan that does what `export_pipeline` does, and raises what it raises."""
        return self._takeaway().plan_pipeline(self._places.run(run_id), pipeline_id, destination, name)

    def export_best_predictions(
        self, metric: str, n: int = 1, dataset: str | None = None, destination: Path | None = None
    ) -> list[Path]:
        """Write the predictions of the n best results of each dataset, or of one, as CSV files; best first.

        They go to exports/best_predictions/ or `destination`; one that is there already, the same, is left. Raises
        BadInput for a metric of which nobody knows what is best.
        """
        self.sync()
        return self._takeaway().best_predictions(metric, n, dataset, destination)

    def plan_export_best_predictions(
        self, metric: str, n: int = 1, dataset: str | None = None, destination: Path | None = None
    ) -> Plan:
        """A plan that does what `export_best_predictions` does, and raises what it raises."""
        self.sync()
        return self._takeaway().plan_best_predictions(metric, n, dataset, destination)

    def _takeaway(self) -> Takeaway:
        from storage.takeaway import Takeaway

        return Takeaway(self.layout, self._disk, self.catalog, self._flat_predictions)

    def session_report(self, since: datetime | None = None, run_ids: Sequence[str] = ()) -> dict[str, Any]:
        """What was done since a moment, or in some runs, as plain data; by itself, since today began where one is.

        Raises NotFound for a run that is not there.
        """
        from storage.session_reports import beginning_of_today, chosen_runs, session_report

        self.sync()
        if since is None and not run_ids:
            since = beginning_of_today()
        recent = set(self.catalog.runs_since(since)) if since is not None else set()
        runs = chosen_runs(self.runs(deleted=True), run_ids, recent, since)
        beside = () if since is None else (self.library.list(), self.archives(), self.trash.list())
        return session_report(self.layout, self.catalog, runs, since, *beside)

    def export_session_report(self, since: datetime | None = None, run_ids: Sequence[str] = ()) -> Path:
        """Write a `session_report` to exports/session_reports/ as Markdown, its data beside it; returns the path."""
        from storage.session_reports import write_session_report

        return write_session_report(self.layout, self._disk, self.session_report(since, run_ids))

    # ------------------------------------------------------------ loading

    def load(self, run_id: str, pipeline_id: str, trust: bool = False) -> LoadedPipeline:
        """Load a fitted pipeline that predicts as before; `trust` loads it this once, whoever made it.

        It comes with what was expected of loading it and with what came of predicting its stored samples again.
        Raises NotFound, Corrupt where an artifact is not what was stored, Untrusted for what somebody else made and
        that names what is not known to do no harm, Conflict where it can't be read with what is installed here, or
        where thinning took its fitted steps away: then it says where they are and how they come back.
        """
        from storage.loading import load_folder

        return load_folder(pipeline_folder(self._places.run(run_id), pipeline_id), trust=trust)

    def foresee(self, run_id: str, pipeline_id: str) -> Foreseen:
        """What loading a pipeline will come to with what is installed here; nothing is unpickled.

        Raises NotFound, and Conflict where thinning took its fitted steps away.
        """
        from storage.loading import foresee_folder

        return foresee_folder(pipeline_folder(self._places.run(run_id), pipeline_id))

    def trust(self, digests: Sequence[str], why: str = "") -> list[TrustedDigest]:
        """Trust artifacts by their sha256 from now on, in every workspace of this user; returns those that are new."""
        from storage.trust import Keyring

        return Keyring().trust(digests, why)

    def trusted(self) -> list[TrustedDigest]:
        """The artifacts of others that this user trusts, oldest first."""
        from storage.trust import Keyring

        return Keyring().trusted()

    def untrust(self, digests: Sequence[str]) -> list[TrustedDigest]:
        """Trust artifacts no longer; the first digits of their sha256 will do. Raises NotFound, BadInput."""
        from storage.trust import Keyring

        return Keyring().untrust(digests)

    # ------------------------------------------------------------ from other programs

    def migration(self, source: Path | str, run_name: str = "") -> Migration:
        """What carries over the results that another program left in a folder: `plan`, `carry`, `verify`.

        The form is recognised by what lies there; `run_name` names all runs that are made. Nothing of it is run or
        unpickled, nothing in it is changed. What was carried over before is left: one that was stopped goes on.
        """
        from storage.migration import Migration

        self.sync()
        return Migration(self.layout, self._disk, self.catalog, self._places, self.sync, Path(source), run_name)

    # ------------------------------------------------------------ reports

    def report_run(
        self,
        run_id: str,
        formats: Sequence[str] = ("html", "md"),
        to: Path | None = None,
        report: Report | None = None,
    ) -> list[Path]:
        """Write a report of a run, as HTML and Markdown or one of them; returns the files, in the order of `formats`.

        They go to catalog/reports/ or the folder `to`, called by the run; those made before are replaced. Raises
        NotFound, BadInput, Exists where a file of that name is something else. `report` may raise Cancelled: then no
        file is touched.
        """
        self.sync()
        return self._reports.run(self.run(run_id), formats, to, report)

    def report_dataset(
        self,
        name: str,
        formats: Sequence[str] = ("html", "md"),
        to: Path | None = None,
        report: Report | None = None,
    ) -> list[Path]:
        """Write a report of all results of a dataset over all runs, called `<dataset>_dataset`; see `report_run`."""
        self.sync()
        return self._reports.dataset(name, formats, to, report)

    @property
    def _reports(self) -> Reports:
        from storage.reports import Reports

        return Reports(self.layout, self._disk, self.catalog, self._places)

    # ------------------------------------------------------------ archives

    def archives(
        self,
        prediction_id: str | None = None,
        *,
        kind: str | None = None,
        run_id: str | None = None,
        dataset: str | None = None,
        pipeline_id: str | None = None,
    ) -> list[Archive]:
        """The archived copies that are all of what is given, newest first; they outlive the deletion of their run.

        With a `pipeline_id` only folders that are named after it are looked into, which is quick among many.
        """
        self._disk.check_there()
        return self._archives.list(prediction_id, kind=kind, run_id=run_id, dataset=dataset, pipeline_id=pipeline_id)

    def plan_archive(
        self,
        kind: str,
        *,
        run_id: str = "",
        pipeline_id: str = "",
        filter: str = "",
        metric: str = "",
        n: int = 1,
        dataset: str | None = None,
        prediction_ids: Sequence[str] = (),
    ) -> Plan:
        """A plan that copies results to catalog/archives/: `filtered` (configuration and metrics), `pipeline` (all of
        it), or `best_predictions` (predictions alone).

        Those of a run, or one pipeline of it, those that match a filter, the n best of each dataset by a metric, or
        those of these ids.
        Content that is archived already is recognised and left. Raises BadInput, NotFound.
        """
        from storage.archiving import choose

        self.sync()
        chosen = choose(
            self.catalog, self._index, self._places, run_id, pipeline_id, filter, metric, n, dataset, prediction_ids
        )
        return self._archiving.plan(kind, chosen)

    def archive(self, kind: str, *, report: Report | None = None, **chosen: Any) -> list[Archive]:
        """Archive at once what `plan_archive` would; returns the archives, new ones and those that were there."""
        plan = self.plan_archive(kind, **chosen)
        plan.apply(report)
        return [self._archives.get(kind, path.name) for path in self._archiving.last]

    def plan_delete_archive(self, kind: str, name: str) -> Plan:
        """A plan that moves an archive to the trash. Raises NotFound."""
        from storage.archiving import plan_delete

        archive = self._archives.get(kind, name)
        place = archive.path.relative_to(self.root).as_posix()
        needed = self.catalog.ask_index(lambda: self._index.runs.thinned_to(place))
        return plan_delete(self.layout, self.trash, archive, needed)

    @functools.cached_property
    def _archives(self) -> Archives:
        from storage.archives import Archives

        return Archives(self.layout)

    @functools.cached_property
    def _archiving(self) -> Archiving:
        from storage.archiving import Archiving

        return Archiving(self.layout, self._disk, self.catalog, self._archives, self._flat_predictions)

    @property
    def _flat_predictions(self) -> FlatPredictions:
        from storage.flat_predictions import FlatPredictions

        return FlatPredictions(self.layout, self.catalog, self._archives, self.place_of)

    # ------------------------------------------------------------ thinning

    def plan_thin(self, keep: int, metric: str, dataset: str | None = None, *, archive: bool = True) -> Plan:
        """A plan that keeps the metrics of all, arrays and models of the `keep` best pipelines of each dataset.

        What has a star or a tag, or lies in the library, is kept whole, too, and so is what has no such metric. What
        the others lose goes to the archives first, or else to the trash; both bring it back. Raises BadInput for a
        metric of which nobody knows what is best.
        """
        return self._thinning.plan(keep, metric, dataset, archive)

    def plan_unthin(self, run_id: str = "", pipeline_id: str = "") -> Plan:
        """A plan that brings back what thinned pipelines had, byte by byte: of all runs, one, or one pipeline of it.

        Raises NotFound for a pipeline that is not thinned.
        """
        self.sync()
        return self._thinning.plan_undo(run_id, self._places.folder_of(run_id) if run_id else "", pipeline_id)

    def _kept_in_library(self) -> set[str]:
        """The predictions of pipelines and whole runs that lie in the library."""
        items = self.library.list()
        runs = {run_id for item in items if item.kind == "fullrun" and (run_id := item.run_id)}
        of_runs = (self.catalog.ids("run_id = '{}'".format(one.replace("'", "''"))) for one in sorted(runs))
        return {item.prediction_id for item in items} | {one for ids in of_runs for one in ids}

    @functools.cached_property
    def _thinning(self) -> Thinning:
        from storage.thinning import Thinning

        return Thinning(
            self.layout,
            self._disk,
            self._index,
            self.catalog,
            self._archiving,
            self._kept_in_library,
            self._run_deletion.check_idle,
            self.sync,
        )

    # ------------------------------------------------------------ comparing

    def fold_scores(self, prediction_ids: Sequence[str], metric: str) -> list[FoldScores]:
        """The score of each pipeline in each fold of its cross-validation. Raises BadInput, NotFound."""
        from storage.comparison import fold_scores

        return fold_scores(self.catalog, prediction_ids, metric)

    def compare_folds(
        self, prediction_ids: Sequence[str], metric: str, baseline: str, rope: float | None = None
    ) -> FoldComparisons:
        """How likely each pipeline is better than a baseline, over shared folds; see `storage.comparison`.

        `rope` is the difference that is of no practical importance, in the unit of the metric.
        """
        from storage.comparison import compare_folds

        return compare_folds(self.catalog, prediction_ids, metric, baseline, rope)

    def chains(self, prediction_ids: Sequence[str]) -> list[Chain]:
        """The steps of pipelines, also of those whose folder is gone. Raises NotFound for an unknown prediction."""
        from storage.recorded_steps import recorded_chain

        return [recorded_chain(self.catalog, self._places, one) for one in dict.fromkeys(prediction_ids)]

    def compare_chains(self, prediction_ids: Sequence[str], baseline: str) -> ChainGrid:
        """The steps of pipelines side by side, each compared with those of the baseline."""
        from storage.chains import compare_chains

        ids = list(dict.fromkeys(prediction_ids))
        ids = ids if baseline in ids else [baseline, *ids]
        return compare_chains(self.chains(ids), ids.index(baseline))

    def sample_errors(self, prediction_ids: Sequence[str], partition: str = "val", target: int = 0) -> SampleErrors:
        """The residuals of pipelines by sample, and the samples that are outliers everywhere."""
        from storage.sample_errors import sample_errors

        return sample_errors(self.catalog, self._names_of_samples, prediction_ids, partition, target)

    def spectra(self, run_id: str, pipeline_id: str | None = None, data: Path | None = None) -> Spectra:
        """The data a run, or one pipeline of it, was trained on, read from its file or another copy of it.

        Raises NotFound where run or file is gone, Conflict where the file is not what was trained on, BadInput.
        """
        from storage.spectra import read_spectra

        run = self.run(run_id)
        pipelines = run.pipelines() if pipeline_id is None else [run.pipeline(pipeline_id)]
        named = (sample_names(pipeline.folder / "predictions.csv") for pipeline in pipelines)
        source = run.config.dataset_source if pipeline_id is None else pipelines[0].record.dataset_source
        names = next((names for names in named if names), {})
        return read_spectra(source, names, run.config.task_type, data)

    def _names_of_samples(self, prediction_id: str) -> dict[int, str]:
        folder = self._places.pipeline(prediction_id)
        return sample_names(folder / "predictions.csv") if folder is not None else {}

    # ------------------------------------------------------------ metrics

    def add_metric(
        self,
        name: str,
        title: str = "",
        *,
        lower_is_better: bool | None = None,
        target: float | None = None,
        digits: int = 3,
    ) -> None:
        """Tell what is best of a metric: a low value, a high one, or the nearest to `target`; kept in runshelf.json.

        One of that name is replaced, a built-in one overridden. Raises BadInput for a name or number that can't be.
        """
        self._know(note_metric(self.layout, self._disk, name, title, lower_is_better, target, digits))

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
        on_pipeline: OnPipeline | None = None,
        control: Control | None = None,
        left: Remainder | None = None,
    ) -> RunOutcome:
        """Run pipelines on a dataset and record each; returns what came of it.

        `pipelines` are configurations, dicts, paths of configuration files, or scikit-learn estimators. `jobs` run at
        a time. Work done before on the same data, split and seed is skipped and named, unless `again`. `on_pipeline`
        is called with a PipelineEvent for each that ends; through `control` another thread pauses or stops the batch.
        Raises BadInput before anything is written, or Cancelled when `on_progress` raised it or `control` was
        cancelled; the run is then consistent. `left` is for a batch that has this process for itself, which it may end.
        """
        from storage.runner import run_batch

        self.sync()
        try:
            return run_batch(
                self.layout,
                self._disk,
                self.catalog,
                self._places,
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
                on_pipeline=on_pipeline,
                control=control,
                left=left,
            )
        finally:
            self._disk.check_held()  # else SQLite would try for a minute what can't be
            self.sync()

    def pipelines_of_process(self, pid: int, since: datetime) -> list[Pipeline]:
        """The pipelines that a process of this machine has made since a moment, by their own documents."""
        self.sync()
        rows = self.catalog.ask_index(lambda: self._index.runs.of_writer(writer_prefix(pid)))
        found = [self.run(row["folder"]).pipeline(row["pipeline_id"]) for row in rows]
        return [pipeline for pipeline in found if pipeline.record.created_at >= since]

    def preview_run(self, request: RunRequest) -> RunPreview:
        """What `run_request` would do; nothing is trained or written. Raises what it does."""
        from storage.runner import preview_batch

        dataset, planned = _asked_for(request)
        self.sync()
        return preview_batch(
            self.catalog,
            dataset,
            planned,
            pipeline_names=request.pipeline_names,
            seed=request.seed,
            again=request.again,
            allowed_modules=self.record.allowed_modules,
        )

    def run_request(
        self,
        request: RunRequest,
        report: Report | None = None,
        *,
        on_pipeline: OnPipeline | None = None,
        control: Control | None = None,
        left: Remainder | None = None,
    ) -> RunOutcome:
        """Run a batch as the command line and the window ask for it; see `run_batch`."""
        dataset, planned = _asked_for(request)
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
            on_pipeline=on_pipeline,
            control=control,
            left=left,
        )

    def rerun_request(self, run_id: str, only: Which = "failed", *, same_data: bool = True) -> RunRequest:
        """The request that trains pipelines of a run again: those that "failed", "all", or some by their ids.

        With `same_data` the file they were trained on must be there unchanged. Raises NotFound when it is not or when
        there is nothing to do, BadInput for pipelines that can't be asked for again.
        """
        from storage.reruns import rerun_request

        return rerun_request(self.run(run_id), only, same_data=same_data)


def _place(path: Path | str) -> Path:
    """A path from the top, without `..`, which no file of a workspace may have; links are followed where one is.

    Raises NameRefused as `from_the_top`.
    """
    place = from_the_top(path)
    return place.resolve() if ".." in place.parts else place


def _asked_for(request: RunRequest) -> tuple[Dataset, list[PipelineConfig]]:
    """The data and the pipelines of a request."""
    from storage.configs import inline_configs, load_configs
    from storage.datasets import load_dataset

    if not request.pipelines and not request.configs:
        raise BadInput("No pipeline configuration was named.", advice="Name at least one JSON or YAML file.")
    planned = [*load_configs(request.pipelines), *inline_configs(request.configs)]
    dataset = load_dataset(
        request.data,
        request.target,
        name=request.dataset_name,
        id_column=request.id_column,
        split_column=request.split_column,
        test_size=request.test_size,
        leave_out_incomplete=request.leave_out_incomplete,
        task=request.task,
        units=request.units,
        seed=request.seed,
    )
    return dataset, planned
