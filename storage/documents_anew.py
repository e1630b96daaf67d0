"""Documents of runs and pipelines written anew from what else is known: other documents, and the catalog.

What is damaged is copied to the trash first. A document that is sound by now is left as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storage.archives import DOCUMENT, Archives, folders_in, read_archive, wrong_with
from storage.artifacts import FOLDER as BINARIES
from storage.catalog import Catalog
from storage.disk import Disk
from storage.errors import Conflict, Corrupt, NotFound, StorageError
from storage.grammar import quote
from storage.layout import Layout, pipeline_number
from storage.listing import sample_names
from storage.metrics import PARTITIONS, flatten
from storage.part_files import META_SCHEMA
from storage.pipeline_anew import as_the_catalog_says, pipeline_record_anew
from storage.pipelines import Pipeline
from storage.predictions import PredictionArrays, differ, to_frame
from storage.quarantine import copy_aside
from storage.reading import is_plain_file, read_bytes
from storage.records import (
    PipelineRecord,
    PlannedPipeline,
    RunConfig,
    RunSummary,
    ThinnedRecord,
    read_document,
    read_json,
    readable_part,
    to_json,
    utc_now,
    was_changed,
)
from storage.runs import Run
from storage.trash import THINNED, Trash

_PREDICTIONS = "predictions.csv"
_SECTIONS = (*PARTITIONS, "cross_validation")


class DocumentsAnew:
    """Writes documents of one workspace anew."""

    def __init__(self, layout: Layout, disk: Disk, catalog: Catalog) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog

    # ------------------------------------------------------------ runs

    def write_run(self, place: Path) -> bool:
        """Write run_config.json anew, from its readable part, its pipelines and the catalog; False if it is sound."""
        folder = place.parent
        with self._disk.lock("runs"):
            with suppress(Corrupt, NotFound):
                read_document(place, RunConfig)
                return False
            records = _records(folder)
            if not records:
                raise Conflict(f"No pipeline of {folder.name} tells what it is.", folder, "Move it out of runs/.")
            config = self._config_of(folder, records)
            with suppress(NotFound):
                for name, value in readable_part(read_bytes(place, place.name)).items():
                    config = _with(config, name, value)
            self._keep_damaged(place)
            self._disk.write(place, config.to_json())
        Run.open(self._layout, self._disk, self._catalog, folder).log("run_config.json was written anew by a repair")
        return True

    def _config_of(self, folder: Path, records: Sequence[PipelineRecord]) -> RunConfig:
        """What the pipelines of a run, the catalog and, when they are silent, the name of its folder tell."""
        row = self._row_of(records)
        first = min(records, key=lambda record: record.created_at)
        versions = first.environment
        return RunConfig(
            run_id=str(row.get("run_id") or folder.name),
            dataset_name=str(row.get("dataset_name") or _after_date(folder.name)),
            run_name=str(row.get("run_name") or ""),
            created_at=self._started(folder) or first.created_at,
            created_by=first.created_by or str(row.get("created_by") or ""),
            dataset_source=first.dataset_source,
            task_type=first.task_type,
            app_version=str(versions.get("runshelf") or ""),
            python_version=str(versions.get("python") or ""),
            global_params={} if first.seed is None else {"seed": first.seed},
            pipelines=[
                PlannedPipeline(
                    pipeline_id=r.id, name=r.name, status=r.status, config_file=str(r.template.get("config_file", ""))
                )
                for r in records
            ],
        )

    def _started(self, folder: Path) -> datetime | None:
        """When a run was begun, as its summary says; None where that can't be read."""
        with suppress(StorageError):
            return read_document(folder / "run_summary.json", RunSummary).started_at
        return None

    def _row_of(self, records: Sequence[PipelineRecord]) -> Mapping[str, Any]:
        for record in records:
            with suppress(NotFound):
                return self._catalog.get(record.prediction_id)
        return {}

    # ------------------------------------------------------------ pipelines

    def write_document(self, place: Path) -> bool:
        """Write a document of a pipeline anew from the catalog: pipeline.json, metrics.json or predictions.csv.

        False if it is as that says. Raises NotFound where the catalog does not have it.
        """
        run = Run.open(self._layout, self._disk, self._catalog, place.parent.parent)
        if place.name == "pipeline.json":
            return self._write_pipeline(run, place)
        pipeline = run.pipeline(place.parent.name)
        with self._disk.lock("runs"):
            content = self._metrics(pipeline) if place.name == "metrics.json" else self._predictions(pipeline)
            if content is None:
                return False
            self._keep_damaged(place)
            self._disk.write(place, content)
            self._note_digest(pipeline, place.name, content)
        with suppress(StorageError):
            run.recount(always=True)
        run.log(f"{place.name} of {pipeline.pipeline_id} was written anew from the catalog by a repair")
        return True

    def _note_digest(self, pipeline: Pipeline, name: str, content: bytes) -> None:
        """Say in pipeline.json what a file beside it is now, unless nobody knows whether the rest of it is right."""
        document = pipeline.folder / "pipeline.json"
        if was_changed(document):
            return
        digests = {**pipeline.record.digests, name: hashlib.sha256(content).hexdigest()}
        record = pipeline.record.model_copy(update={"digests": digests})
        self._disk.write(document, record.to_json())

    def _write_pipeline(self, run: Run, place: Path) -> bool:
        """Write pipeline.json anew; False if it is sound and says what the catalog does.

        Raises Conflict where its artifacts are not known.
        """
        folder = place.parent
        with self._disk.lock("runs"):
            record = self._corrected(run, place) or self._again(run, place)
            if record is None:
                return False
            self._keep_damaged(place)
            self._disk.write(place, record.to_json())
        with suppress(StorageError):  # a summary that can't be read is written anew by itself
            run.recount(always=True)
        run.log(f"{place.name} of {folder.name} was written anew from the catalog by a repair")
        return True

    def _corrected(self, run: Run, place: Path) -> PipelineRecord | None:
        """A document that can be read, as the catalog says it; None where it can't be read, or says just that."""
        with suppress(Corrupt, NotFound):
            record = read_document(place, PipelineRecord)
            row = self._row_of([record]) or self._row_in(run, place.parent.name)
            told = as_the_catalog_says(record, row, self._catalog.config(str(row["prediction_id"])))
            return told if told != record else None
        return None

    def _again(self, run: Run, place: Path) -> PipelineRecord | None:
        """A document that can't be read, made again; None where it can."""
        read: dict[str, Any] = {}
        with suppress(Corrupt, NotFound):
            read_document(place, PipelineRecord)
            return None
        with suppress(NotFound):
            read = readable_part(read_bytes(place, place.name))
        row = self._row_in(run, place.parent.name)
        name = str(row["prediction_id"])
        config, copied = self._catalog.config(name), self._copied(place.parent, name)
        if copied is not None:
            return as_the_catalog_says(copied, row, config)
        others, free = self._others(run)
        arrays = self._catalog.arrays(name)
        return pipeline_record_anew(place.parent, read, row, config, arrays, others, free)

    def _copied(self, folder: Path, prediction_id: str) -> PipelineRecord | None:
        """The document as an archive of the pipeline has it, or the entry of the trash that thinning made.

        Where its predictions are gone it was thinned: then it names the copy that has them.
        """
        for copy in self._copies(prediction_id):
            with suppress(StorageError):
                archive = read_archive(copy)
                if archive.source.prediction_id != prediction_id or wrong_with(copy, archive, deep=True):
                    continue
                record = read_document(copy / DOCUMENT, PipelineRecord)
                had = any(file.path == _PREDICTIONS for file in archive.files)
                if had and not (folder / _PREDICTIONS).exists():
                    place = copy.relative_to(self._layout.root).as_posix()
                    record.thinned = ThinnedRecord(at=archive.created_at or utc_now(), archive=place)
                return record
        return None

    def _copies(self, prediction_id: str) -> Iterator[Path]:
        """The folders that may hold a copy of a pipeline, newest archives first."""
        yield from (one.path for one in Archives(self._layout).list(prediction_id, kind="pipeline"))
        trash = Trash(self._layout, self._disk)
        for record in trash.records(THINNED):
            yield from folders_in(trash.content(record))

    def _row_in(self, run: Run, pipeline_id: str) -> Mapping[str, Any]:
        """The row of a pipeline whose own document can't say which it is."""
        catalog = self._catalog
        asked = f"run_id = {quote(run.config.run_id)} and pipeline_id = {quote(pipeline_id)}"
        rows = catalog.rows(catalog.keys(asked, "created_at", limit=2))
        if len(rows) != 1:
            raise NotFound("The catalog has no result of it.", run.folder / pipeline_id, "Bring it back from a copy.")
        return rows[0]

    def _others(self, run: Run) -> tuple[list[PipelineRecord], set[str]]:
        """The sound pipelines of a run, and the files in its `_binaries/` that neither they nor deleted ones name.

        Where more than one is damaged, none of those files is said to be any one's.
        """
        folders = [path for path in run.folder.iterdir() if pipeline_number(path.name) is not None]
        others = _records(run.folder)
        if len(folders) - len(others) > 1:
            return others, set()
        named = {Path(one.path).name for record in others for one in record.all_binaries()}
        kept = Trash(self._layout, self._disk).kept_artifacts(run.folder.name)
        if kept is None:
            return others, set()
        named |= kept
        binaries = run.folder / BINARIES
        there = {path.name for path in binaries.iterdir() if is_plain_file(path)} if binaries.is_dir() else set()
        return others, there - named

    def _metrics(self, pipeline: Pipeline) -> bytes | None:
        """metrics.json as the catalog has it; what that lacks, folds and counts, is computed from the arrays again.

        It counts only if it gives the very metrics of the catalog: a program may have had others of its own.
        """
        row = self._catalog.get(pipeline.prediction_id)
        told = {
            name: float(value)
            for name, value in row.items()
            if name not in META_SCHEMA.names and _section(name) and isinstance(value, (int, float))
        }
        if not told:
            raise NotFound("The catalog has no metrics of it.", pipeline.folder, "Bring it back from a copy.")
        with suppress(StorageError):
            own = read_json(pipeline.folder / "metrics.json")
            if isinstance(own, dict) and {k: v for k, v in flatten(own).items() if k in told} == told:
                return None
        found: dict[str, dict[str, Any]] = {}
        computed = self._computed(pipeline)
        mine = flatten(computed)
        if mine.keys() >= told.keys() and all(_near(mine[name], value) for name, value in told.items()):
            found = {section: dict(values) for section, values in computed.items()}
        for name, value in told.items():
            section = _section(name)
            found.setdefault(section, {})[name.removeprefix(f"{section}_")] = value
        return to_json(found)

    def _computed(self, pipeline: Pipeline) -> dict[str, Any]:
        """What the arrays of a pipeline score, as training does it; empty where they can't be scored so."""
        from storage.training import score

        try:
            arrays = self._catalog.arrays(pipeline.prediction_id)
            return score(arrays) if arrays else {}
        except (StorageError, ValueError, TypeError):
            return {}

    def _predictions(self, pipeline: Pipeline) -> bytes | None:
        arrays = self._catalog.arrays(pipeline.prediction_id)
        if not arrays:
            raise NotFound("The catalog has no predictions of it.", pipeline.folder, "Bring it back from a copy.")
        with suppress(StorageError, OSError):
            own = pipeline.arrays()  # which reads the file only where it is one
            if not differ(arrays, own) and (pipeline.folder / _PREDICTIONS).read_bytes().endswith(b"\n"):
                return None
        targets = pipeline.record.dataset_source.target or pipeline.run.config.dataset_source.target
        width = arrays[0].y_true.shape[1] if arrays[0].y_true.ndim > 1 else 1
        if len(targets) != width:
            targets = [str(number + 1) for number in range(width)]
        return to_frame(arrays, self._names(pipeline, arrays), targets).to_csv(index=False).encode()

    def _names(self, pipeline: Pipeline, arrays: Sequence[PredictionArrays]) -> dict[int, str]:
        """What the samples are called: as other pipelines on the same data call them, else by their numbers."""
        wanted = {int(i) for block in arrays for i in block.sample_indices}
        data = pipeline.record.dataset_source.data_hash
        for other in pipeline.run.pipelines():
            if other.pipeline_id != pipeline.pipeline_id and data and other.record.dataset_source.data_hash == data:
                names = sample_names(other.folder / _PREDICTIONS)
                if names.keys() >= wanted:
                    return names
        return {i: str(i) for i in wanted}

    def _keep_damaged(self, place: Path) -> None:
        copy_aside(self._layout, self._disk, f"Damaged {place.name} of {place.parent.name}", [place])


def _records(folder: Path) -> list[PipelineRecord]:
    found = []
    for path in sorted(folder.iterdir()):
        if pipeline_number(path.name) is not None:
            with suppress(StorageError):
                found.append(read_document(path / "pipeline.json", PipelineRecord))
    return found


def _with(config: RunConfig, name: str, value: Any) -> RunConfig:
    """A configuration with a field as a damaged document says it, where that fits; unknown ones are kept."""
    if name in ("run_id", "dataset_name") and not value:
        return config
    if name == "pipelines":
        told = {p.pipeline_id: p for p in config.pipelines}
        value = [*_planned(value, told), *(p.model_dump() for p in told.values())]
    with suppress(ValidationError):
        return RunConfig.model_validate({**config.model_dump(), name: value})
    return config


def _planned(value: Any, told: dict[str, PlannedPipeline]) -> list[Any]:
    """The pipelines a damaged document names, each taken out of those `told` otherwise."""
    found = []
    for one in value if isinstance(value, list) else ():
        with suppress(ValidationError):
            planned = PlannedPipeline.model_validate(one)
            if planned.pipeline_id:
                told.pop(planned.pipeline_id, None)
            found.append(planned.model_dump())
    return found


def _after_date(name: str) -> str:
    """What a run folder's name tells when nothing else does: all after its date."""
    with suppress(ValueError):
        date.fromisoformat(name[:10])
        return name[10:].strip("_") or name
    return name


def _section(column: str) -> str:
    """The part of metrics.json that a column comes from."""
    return next((one for one in _SECTIONS if column.startswith(f"{one}_")), "")


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1e-12)
