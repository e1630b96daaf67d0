"""Deleting runs and pipelines: what a plan for it says, and when it is refused. Their rows in the catalog stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.disk import Disk
from storage.errors import Locked, NotFound, StorageError
from storage.layout import Layout, pipeline_number
from storage.plan import Plan, Step
from storage.records import PipelineRecord, RunConfig, RunSummary, read_document
from storage.restoration import TrashBin
from storage.trees import read_tree

_STAY = Step("What the catalog says of it stays.")


class RunDeletion:
    """Plans deletions in `runs/`. `unfinished` gives the pipelines that are said to be running, as the files tell."""

    def __init__(
        self, layout: Layout, disk: Disk, unfinished: Callable[[], Iterable[Mapping[str, Any]]], trash: TrashBin
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._unfinished = unfinished
        self._trash = trash

    def plan_run(self, folder: str) -> Plan:
        """A plan that moves a run to the trash. Raises Locked when a living process writes to it."""
        path = self._layout.run(folder)
        self.check_idle(folder)
        tree = read_tree(path)
        pipelines = [name for name in tree.folders if "/" not in name and pipeline_number(name) is not None]
        count = "1 pipeline" if len(pipelines) == 1 else f"{len(pipelines):,} pipelines"
        record = self._trash.new_record("run", f"{folder} ({count})")
        with suppress(StorageError):
            config = read_document(path / "run_config.json", RunConfig)
            record = record.model_copy(update={"run_id": config.run_id, "run_created_at": config.created_at})
        step = Step(f"Move runs/{folder} to the trash: {count}, {len(tree.files):,} files.", tree.bytes)
        return self._trash.plan_put(
            record, path, (step, _STAY), lambda: read_tree(path), lambda: self.check_idle(folder)
        )

    def plan_pipeline(self, folder: str, pipeline_id: str) -> Plan:
        """A plan that moves a pipeline to the trash; what it shares with others in `_binaries` stays.

        Raises NotFound, or Locked while a living process works on it.
        """
        path = self._layout.run(folder) / pipeline_id
        if pipeline_number(pipeline_id) is None or Path(pipeline_id).name != pipeline_id or not path.is_dir():
            raise NotFound(f"There is no pipeline '{pipeline_id}' in {folder}.", path, "List the run.")
        self.check_idle(folder, pipeline_id)
        record = self._trash.new_record("pipeline", f"{pipeline_id} of {folder}")
        with suppress(StorageError):
            config = read_document(path.parent / "run_config.json", RunConfig)
            record = record.model_copy(update={"run_id": config.run_id, "run_created_at": config.created_at})
        with suppress(StorageError):
            artifacts = read_document(path / "pipeline.json", PipelineRecord).binaries()
            record = record.model_copy(update={"artifacts": sorted({Path(a.path).name for a in artifacts})})
        tree = read_tree(path)
        step = Step(f"Move runs/{folder}/{pipeline_id} to the trash: {len(tree.files):,} files.", tree.bytes)
        kept = Step(f"Its {len(record.artifacts)} fitted steps stay in {folder}/_binaries.")
        steps = (step, kept, _STAY) if record.artifacts else (step, _STAY)
        return self._trash.plan_put(
            record, path, steps, lambda: read_tree(path), lambda: self.check_idle(folder, pipeline_id)
        )

    def check_idle(self, folder: str, pipeline_id: str | None = None) -> None:
        """Refuse with Locked while a living process writes to a run, or to one pipeline of it."""
        rows = [row for row in self._unfinished() if row["folder"] == folder]
        writers = {row["writer"] for row in rows if pipeline_id in (None, row["pipeline_id"])}
        if pipeline_id is None:
            with suppress(StorageError):  # a run that is damaged may be deleted too
                summary = read_document(self._layout.run(folder) / "run_summary.json", RunSummary)
                writers |= {summary.writer} if summary.status == "running" else set()
        if any(self._disk.is_alive(writer) for writer in writers):
            raise Locked(
                f"{pipeline_id or folder} is being written.",
                self._layout.run(folder),
                "Wait until it has ended, or cancel it first.",
            )
