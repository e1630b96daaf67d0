"""Runs and pipelines as folders: made, filled, ended. What is on disk is the result; the catalog row follows it.

A run is a date, a dataset and perhaps a name. Any number of processes may add pipelines to one run: a number is
claimed by an exclusive `mkdir` in `_numbers/` and never used again, even when its folder is deleted.
"""

from __future__ import annotations

import hashlib
import json
import platform
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.artifacts import Artifacts
from storage.catalog import Catalog
from storage.disk import Disk, user_name
from storage.errors import BadInput, Conflict, NotFound, StorageError, in_sentences, os_errors
from storage.layout import LOG, Layout, checked_name, pipeline_folder_name, pipeline_number, run_folder_name
from storage.metrics import flatten, key_metric, metric_for
from storage.pipelines import Pipeline
from storage.places import Places
from storage.records import (
    BestPipeline,
    DatasetSource,
    PipelineRecord,
    PlannedPipeline,
    RunConfig,
    RunFailure,
    RunStatistics,
    RunSummary,
    Status,
    new_id,
    plain,
    read_document,
    utc_now,
)
from storage.version import VERSION

if TYPE_CHECKING:
    pass

_NUMBERS = "_numbers"


@in_sentences
class Run:
    """One run folder. Made by `Workspace.create_run`; safe to share between threads."""

    def __init__(self, layout: Layout, disk: Disk, catalog: Catalog, folder: Path, config: RunConfig) -> None:
        self.layout = layout
        self.disk = disk
        self.catalog = catalog
        self.folder = folder
        self.config = config
        self.artifacts = Artifacts(disk, folder, self.log)
        self.changes = 0  # that were made through this object: whoever lists runs looks whether there are new ones
        self._last_number = 0
        self._lock = threading.Lock()

    @property
    def run_id(self) -> str:
        return self.config.run_id

    # ------------------------------------------------------------ making

    @classmethod
    def create(
        cls,
        layout: Layout,
        disk: Disk,
        catalog: Catalog,
        places: Places,
        dataset_name: str,
        run_name: str = "",
        description: str = "",
        source: DatasetSource | None = None,
        task_type: Any = None,
        global_params: Mapping[str, Any] | None = None,
        *,
        day: date | None = None,
        created_at: datetime | None = None,
        created_by: str = "",
    ) -> Run:
        """Make today's run folder of that dataset and name, or reopen it if it is there, also under another name.

        An id is used once: where the run was deleted, the new one has a suffix. A run that was made elsewhere has the
        `day` and the moment, and perhaps the name, of then.
        """
        dataset_name = checked_name(dataset_name, "dataset")
        run_name = checked_name(run_name, "run") if run_name else ""
        config = RunConfig(
            run_id="",
            dataset_name=dataset_name,
            run_name=run_name,
            created_at=created_at or utc_now(),
            created_by=created_by or user_name(),
            description=description,
            dataset_source=source or DatasetSource(),
            task_type=task_type,
            global_params=dict(plain(dict(global_params or {}))),
            app_version=VERSION,
            python_version=platform.python_version(),
        )
        base = run_folder_name((day or date.today()).isoformat(), dataset_name, run_name)
        for attempt in range(1, 1000):
            # Two different pairs of names can make the same folder name: the second gets a suffix.
            folder = places.of_new(base if attempt == 1 else f"{base}~{attempt}")
            if folder is None:
                continue
            run = cls._make_or_open(layout, disk, catalog, folder, config)
            if (run.config.dataset_name, run.config.run_name) == (dataset_name, run_name):
                run._reopen(config)
                return run
        raise Conflict(f"There are too many runs named {base}.", layout.runs, "Use another name.")

    @classmethod
    def _make_or_open(cls, layout: Layout, disk: Disk, catalog: Catalog, folder: Path, config: RunConfig) -> Run:
        config = config.model_copy(update={"run_id": folder.name})
        summary = RunSummary(writer=disk.writer, started_at=config.created_at)
        if not folder.exists():
            files = [("run_config.json", config.to_json()), ("run_summary.json", summary.to_json())]
            try:
                disk.place_folder(folder, files)
                disk.make_folder(folder / _NUMBERS)
                return cls(layout, disk, catalog, folder, config)
            except StorageError:
                if not folder.exists():  # else another process made it in the same moment
                    raise
        return cls.open(layout, disk, catalog, folder)

    @classmethod
    def open(cls, layout: Layout, disk: Disk, catalog: Catalog, folder: Path) -> Run:
        """Open a run folder that exists. Raises NotFound or Corrupt."""
        return cls(layout, disk, catalog, folder, read_document(folder / "run_config.json", RunConfig))

    def _reopen(self, asked: RunConfig) -> None:
        """Say that work goes on in this run; a description or data source given now is taken over."""
        with self.disk.lock("runs"):
            update: dict[str, Any] = {}
            if asked.description:
                update["description"] = asked.description
            if asked.dataset_source.data_hash:
                update |= {"dataset_source": asked.dataset_source, "task_type": asked.task_type}
            if asked.global_params:
                update["global_params"] = {**self.config.global_params, **asked.global_params}
            fresh = read_document(self.folder / "run_config.json", RunConfig)
            self.config = fresh.model_copy(update=update)
            if self.config != fresh:
                self.disk.write(self.folder / "run_config.json", self.config.to_json())
            summary = self.summary()
            if summary.status != "running" or not self.disk.is_alive(summary.writer):
                summary = summary.model_copy(update={"status": "running", "writer": self.disk.writer})
                self.disk.write(self.folder / "run_summary.json", summary.to_json())

    def plan(self, names: Sequence[tuple[str, str]]) -> None:
        """Note the pipelines (name, configuration file) this run is about to do: a kill leaves what was asked."""
        with self.disk.lock("runs"):
            config = read_document(self.folder / "run_config.json", RunConfig)
            planned = [PlannedPipeline(pipeline_id="", name=n, config_file=f, status="planned") for n, f in names]
            config.pipelines = [*config.pipelines, *planned]
            self.config = config
            self.disk.write(self.folder / "run_config.json", config.to_json())

    # ------------------------------------------------------------ pipelines

    def add_pipeline(self, config: Any = None, name: str = "", *, record: Mapping[str, Any] | None = None) -> Pipeline:
        """Make the folder of a new pipeline, numbered one above the highest ever used in this run.

        `config` is whatever describes it: a configuration, a dict, or a scikit-learn estimator. `record` are further
        fields of pipeline.json, for those who know them. Raises NameRefused, BadInput, or what the disk says.
        """
        fields = {**_described(config), **(record or {})}
        number = self.claim_number()
        digest = fields["hash"]
        folder = self.folder / pipeline_folder_name(number, name, digest)
        document = PipelineRecord.model_validate(
            {
                "id": folder.name,
                "number": number,
                "prediction_id": new_id(),
                "name": name,
                "writer": self.disk.writer,
                "created_by": user_name(),
                "task_type": self.config.task_type,
                "dataset_source": self.config.dataset_source,
                **fields,
            }
        )
        self.disk.place_folder(folder, [("pipeline.json", document.to_json())])
        self.changes += 1
        return Pipeline(self, folder, document)

    def claim_number(self) -> int:
        """The next number; exactly one of all processes gets it, and never twice."""
        numbers = self.folder / _NUMBERS
        with self._lock:
            if self._last_number == 0:
                self.disk.make_folder(numbers)
                self._last_number = self._highest_used()
            number = self._last_number + 1
            while not self.disk.make_folder(numbers / f"{number:04d}"):
                number = max(number + 1, self._highest_used() + 1)
            self._last_number = number
            return number

    def _highest_used(self) -> int:
        with os_errors(f"look into {self.folder.name}", self.folder):
            claimed = (int(p.name) for p in (self.folder / _NUMBERS).iterdir() if p.name.isdecimal())
            folders = (pipeline_number(p.name) or 0 for p in self.folder.iterdir())
            return max(max(claimed, default=0), max(folders, default=0))

    def pipelines(self) -> list[Pipeline]:
        """The pipelines of this run by number, from their documents; damaged ones are left out. Raises NotFound."""
        found = []
        with os_errors(f"look into {self.folder.name}", self.folder):
            folders = sorted(self.folder.iterdir())
        for folder in folders:
            if pipeline_number(folder.name) is not None and not folder.is_symlink():
                try:
                    found.append(Pipeline(self, folder, read_document(folder / "pipeline.json", PipelineRecord)))
                except StorageError:
                    continue  # named by scan and check
        return found

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """One pipeline by its folder name. Raises NotFound or Corrupt."""
        if pipeline_number(pipeline_id) is None or Path(pipeline_id).name != pipeline_id:
            raise NotFound(f"There is no pipeline '{pipeline_id}' in {self.folder.name}.", self.folder, "List the run.")
        folder = self.folder / pipeline_id
        return Pipeline(self, folder, read_document(folder / "pipeline.json", PipelineRecord))

    # ------------------------------------------------------------ ending

    def summary(self) -> RunSummary:
        """run_summary.json as it is now; a fresh one when it is missing."""
        try:
            return read_document(self.folder / "run_summary.json", RunSummary)
        except NotFound:
            return RunSummary(writer=self.disk.writer, started_at=self.config.created_at)

    def finalize(self, status: Status | None = None, ended: datetime | None = None) -> RunSummary:
        """Write what came out, counted from the pipelines' own documents; may be called again.

        Left to itself the status is interrupted if a pipeline was and did not come to its end in another try, else
        completed, and the run ended now.
        """
        with self.disk.lock("runs"):
            pipelines = self.pipelines()
            old = self.summary()
            ended = ended or utc_now()
            counted = self._counted(pipelines, ended)
            came_to_end = {p.record.hash for p in pipelines if p.record.status in ("completed", "failed")}
            cut = any(p.record.status == "interrupted" and p.record.hash not in came_to_end for p in pipelines)
            summary = old.model_copy(
                update={
                    "status": status or ("interrupted" if cut else "completed"),
                    "completed_at": ended,
                    "duration_seconds": round((ended - old.started_at).total_seconds(), 3),
                    **counted,
                }
            )
            self._note_pipelines([pipeline.record for pipeline in pipelines])
            self.disk.write(self.folder / "run_summary.json", summary.to_json())
            self.changes += 1
            return summary

    def recount(self, *, always: bool = False) -> None:
        """Bring the counts of a run that has ended up to the pipelines that are there: some were deleted or restored.

        How and when it ended stays as it is. With `always` the summary is written even where it says the same: an index
        looks at the documents of a run's pipelines only where that of the run is another one.
        """
        with self.disk.lock("runs"):
            old = self.summary()
            if old.status != "running":
                summary = old.model_copy(update=self._counted(self.pipelines(), old.completed_at or utc_now()))
                if always or summary != old:
                    self.disk.write(self.folder / "run_summary.json", summary.to_json())

    def _counted(self, pipelines: Sequence[Pipeline], ended: datetime) -> dict[str, Any]:
        """The fields of run_summary.json that follow from the pipelines."""
        records = [pipeline.record for pipeline in pipelines]
        failures = [r for r in records if r.status == "failed"]
        return {
            "total": len(records),
            "successful": sum(r.status == "completed" for r in records),
            "failed": len(failures),
            "interrupted": sum(r.status == "interrupted" for r in records),
            "best_pipeline": _best(pipelines, self.config.task_type),
            "statistics": artifact_statistics(records),
            "errors": [RunFailure(pipeline_id=r.id, message=r.error, at=r.completed_at or ended) for r in failures],
        }

    def _note_pipelines(self, records: Sequence[PipelineRecord]) -> None:
        """Bring the list in run_config.json up to what is there: planned ones that never began stay listed."""
        config = read_document(self.folder / "run_config.json", RunConfig)
        begun = {r.name for r in records}
        listed = [
            PlannedPipeline(
                pipeline_id=r.id, name=r.name, config_file=str(r.template.get("config_file", "")), status=r.status
            )
            for r in records
        ]
        waiting = [p for p in config.pipelines if not p.pipeline_id and p.name not in begun]
        config.pipelines = [*listed, *waiting]
        self.config = config
        self.disk.write(self.folder / "run_config.json", config.to_json())

    def log(self, text: str) -> None:
        """Add a line to run.log, with the time; what is no file in its place is left alone, and named by a check."""
        moment = datetime.now().astimezone().isoformat(timespec="seconds")
        lines = "".join(f"{moment}  {line}\n" for line in text.splitlines())
        with suppress(BadInput):
            self.disk.append(self.folder / LOG, lines)


def _described(config: Any) -> dict[str, Any]:
    """What a configuration of any kind says for pipeline.json: its hash, and steps and template where it has them."""
    from_file = isinstance(config, Mapping)
    if config is None or (from_file and not config.get("steps")):
        document = plain(dict(config or {}))
        named = {key: value for key, value in document.items() if key != "name"}
        return {"hash": _json_hash(named), "template": document, "model_type": str(document.get("model", ""))}
    from storage.configs import describe

    return describe(config)


def _json_hash(document: Any) -> str:
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    except TypeError as error:
        raise BadInput(
            f"The configuration can't be recorded: {error}.", advice="Use numbers, texts and lists."
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()


def _best(pipelines: Sequence[Pipeline], task_type: str | None) -> BestPipeline | None:
    """The best completed pipeline by the key metric; the first of equals."""
    scored: list[tuple[str, str, float]] = []
    for pipeline in pipelines:
        if pipeline.record.status != "completed":
            continue
        try:
            flat = flatten(pipeline.metrics())
        except StorageError:
            continue
        name = key_metric(flat, pipeline.record.task_type or task_type)
        if name is not None:
            scored.append((name, pipeline.record.id, flat[name]))
    if not scored:
        return None
    name = max({n for n, _, _ in scored}, key=lambda n: sum(s[0] == n for s in scored))
    metric = metric_for(name)
    sign = 1 if metric and metric.lower_is_better else -1
    value, pipeline_id = min(((v, i) for n, i, v in scored if n == name), key=lambda pair: sign * pair[0])
    return BestPipeline(pipeline_id=pipeline_id, metric_name=name, metric_value=value)


def artifact_statistics(records: Sequence[PipelineRecord]) -> RunStatistics:
    """How many artifacts pipelines of one run name, what they take on disk, and what storing equal ones once saves."""
    artifacts = [artifact for record in records if record.thinned is None for artifact in record.artifacts]
    stored = {artifact.sha256: artifact.bytes for artifact in artifacts}
    total = sum(artifact.bytes for artifact in artifacts)
    return RunStatistics(
        artifact_count=len(stored), bytes=sum(stored.values()), bytes_saved=total - sum(stored.values())
    )
