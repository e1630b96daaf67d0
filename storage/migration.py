"""Carrying over what other programs left: looked at first, done pipeline by pipeline, found again afterwards.

Each pipeline appears in its run complete or not at all, and says in pipeline.json which of the source it is. A
migration that was stopped, however, goes on where it was when it is asked for again. The source is only read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.annotations import MAX_NOTES, checked_tag
from storage.carrying import (
    AVERAGED,
    SOURCE,
    averages_csv,
    config_digest,
    divided,
    key_of,
    metrics_of,
    predictions_csv,
    record_fields,
    source_document,
)
from storage.catalog import Catalog
from storage.catalog_row import Result, catalog_row
from storage.disk import Disk, Draft
from storage.errors import BadInput, Cancelled, Corrupt, NotFound, StorageError
from storage.findings import count
from storage.foreign import ForeignFile, ForeignPipeline, ForeignRun, Form
from storage.forms import detect
from storage.intake import take_in
from storage.layout import Layout, checked_name, file_part, folder_part, pipeline_folder_name, pipeline_number
from storage.migration_reports import write_report
from storage.pipelines import Pipeline
from storage.places import Places
from storage.plan import Plan, Report, Step
from storage.predictions import PredictionArrays
from storage.records import ArtifactRecord, DatasetSource, PipelineRecord, new_id, read_json, to_json
from storage.runs import Run
from storage.trees import file_signature, tree_signature
from storage.verifying import differences

AT_ONCE = 200  # pipelines with one commit
_SAMPLES = 500_000  # predictions held until they are committed
_OWN = frozenset({"pipeline.json", "metrics.json", "predictions.csv", AVERAGED, SOURCE, "error.log"})


@dataclass
class Carried:
    """What came of a migration: counts of what was found, was carried, and was there before, and what went wrong.

    `problems` says what of the source can't be read, `skipped` what was left out besides; `failed` names the pipelines
    that could not be carried over; `differences` is what a comparison with the source found, None before it.
    """

    source: Path
    forms: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)
    before: int = 0
    problems: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    differences: list[str] | None = None
    report: Path | None = None
    seconds: float = 0.0

    @property
    def left_out(self) -> list[str]:
        """What was not carried over and why, beside whole pipelines."""
        return [*self.problems, *self.skipped]

    def sentence(self) -> str:
        """What was done, in a sentence."""
        n, there = self.carried.get("pipelines", 0), f" {self.before:,} were there before." if self.before else ""
        wrong = f" {count(len(self.failed), 'pipeline')} could not be carried over." if self.failed else ""
        unlike = f" {count(len(self.differences), 'difference')} from the source." if self.differences else ""
        return f"{count(n, 'pipeline')} carried over into {count(len(self.runs), 'run')}.{there}{wrong}{unlike}"


@dataclass
class _Found:
    """One run of the source with its form."""

    form: Form
    place: Path
    run: ForeignRun


class Migration:
    """Carries what lies in one source into one workspace."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        catalog: Catalog,
        places: Places,
        sync: Callable[[], object],
        source: Path,
        run_name: str = "",
    ) -> None:
        self._layout, self._disk, self._catalog, self._places, self._sync = layout, disk, catalog, places, sync
        self._source = source.absolute()
        self._run_name = checked_name(run_name, "run") if run_name else ""
        self.done = Carried(self._source)
        self._seen: tuple[str, list[_Found], list[str]] | None = None

    # ------------------------------------------------------------ looking

    def _read(self) -> list[_Found]:
        """Everything in the source; read anew only where something in it has changed since."""
        signature = source_signature(self._source)
        if self._seen is None or self._seen[0] != signature:
            forms, problems = detect(self._source), list[str]()
            found = [_Found(form, place, run) for form, place in forms for run in form.runs(place, problems)]
            self._seen = signature, found, problems
            self.done.forms = [form.title for form, _ in forms]
            self.done.found = counts_of(found)
        self._tell_problems()
        return self._seen[1]

    def _tell_problems(self) -> None:
        """Note what can't be read; of predictions that is known when they were wanted."""
        assert self._seen is not None
        _, found, problems = self._seen
        of_pipelines = (f"{one.id}: {what}" for run in found for one in run.run.pipelines for what in one.problems)
        self.done.problems = list(dict.fromkeys([*problems, *of_pipelines]))

    def plan(self) -> Plan:
        """A plan that carries everything over. Raises NotFound, BadInput where nothing is recognised."""
        steps = [self._step(one) for one in self._read()]
        steps += [Step(f"Leave out: {why}") for why in self.done.problems]

        def look() -> object:
            return source_signature(self._source)

        def work(report: Report) -> str:
            self.carry(report)
            return self.done.sentence()

        titles = " and ".join(self.done.forms)
        return Plan(f"Migrate {self._source.name} ({titles})", tuple(steps), look, work)

    def _step(self, one: _Found) -> Step:
        folder = self._folder_of(one.run)
        there = known_keys(folder) if folder is not None else {}
        new = [p for p in one.run.pipelines if key_of(one.form.name, p) not in there]
        what = f"Carry {count(len(new), 'pipeline')} of {one.run.dataset_name}, {one.run.date.isoformat()}"
        if len(new) < len(one.run.pipelines):
            what += f" ({len(one.run.pipelines) - len(new):,} are there already)"
        artifacts = sum(len(p.artifacts) for p in new)
        what += f" with {count(artifacts, 'artifact')}, which stay untrusted." if artifacts else "."
        return Step(what, sum(_size(file.path) for p in new for file in _files(p)))

    def _names_of(self, run: ForeignRun) -> tuple[str, str]:
        """Names of dataset and run that may be folders; the names of the source stand in its documents."""
        run_name = self._run_name or (folder_part(run.run_name, 80) if run.run_name else "")
        return folder_part(run.dataset_name, 80) or "dataset", run_name

    def _folder_of(self, run: ForeignRun) -> Path | None:
        """The folder these pipelines were carried into before, if any."""
        dataset, run_name = self._names_of(run)
        for folder in self._layout.runs.glob(f"{run.date.isoformat()}_*"):
            with suppress(StorageError):
                document = read_json(folder / "run_config.json")
                if (document.get("dataset_name"), document.get("run_name")) == (dataset, run_name):
                    return folder
        return None

    # ------------------------------------------------------------ carrying

    def carry(self, report: Report) -> Carried:
        """Carry over what is not there yet, compare all of it with the source, and write a report.

        One that can't be carried over is named and the others go on. Raises what `report` does, what was carried until
        then stands; Locked while another process migrates into this workspace for long, for both would carry the same.
        """
        began = time.monotonic()
        found = self._read()
        with self._disk.lock("migration"):
            self._carry(found, report)
        self._sync()
        self.done.seconds = time.monotonic() - began
        self.verify(report)
        self.done.report = write_report(self._layout, self._disk, self.done)
        return self.done

    def _carry(self, found: list[_Found], report: Report) -> None:
        total, number = self.done.found["pipelines"], 0
        for one in found:
            batch = _Batch(self, self._open_run(one.run), one)
            self.done.runs.append(batch.run.run_id)
            try:
                for pipeline in one.run.pipelines:
                    report(number, total, f"carrying {pipeline.name}")
                    number += 1
                    batch.carry(pipeline)
            except BaseException:
                batch.break_off()
                self._sync()
                raise
            batch.end(report)

    def _open_run(self, run: ForeignRun) -> Run:
        dataset, run_name = self._names_of(run)
        return Run.create(
            self._layout,
            self._disk,
            self._catalog,
            self._places,
            dataset,
            run_name,
            run.description,
            DatasetSource(path=run.dataset_path),
            day=run.date,
            created_at=run.created_at,
            created_by=run.created_by,
        )

    # ------------------------------------------------------------ finding again

    def verify(self, report: Report) -> Carried:
        """Compare the source with what was carried over; writes nothing.

        Every prediction, score, artifact, chart and file of every pipeline is looked at. What differs or is missing
        is told in sentences; none is well.
        """
        found = self._read()
        total, number, wrong = self.done.found["pipelines"], 0, []
        for one in found:
            folder = self._folder_of(one.run)
            there = known_keys(folder) if folder is not None else {}
            for pipeline in one.run.pipelines:
                report(number, total, f"comparing {pipeline.name}")
                number += 1
                place = there.get(key_of(one.form.name, pipeline))
                if place is None:
                    wrong.append(f"{pipeline.id} was not carried over.")
                else:
                    wrong += [f"{pipeline.id}: {what}" for what in differences(pipeline, place)]
        report(total, total, "compared")
        self._tell_problems()
        self.done.differences = wrong
        return self.done


class _Batch:
    """Carries the pipelines of one run and commits them together."""

    def __init__(self, migration: Migration, run: Run, found: _Found) -> None:
        self._disk, self._catalog, self._done = migration._disk, migration._catalog, migration.done
        self._layout = migration._layout
        self.run, self._found = run, found
        self._known = known_keys(run.folder)
        self._waiting: list[Result] = []
        self._samples = 0
        self._ended = run.config.created_at

    def carry(self, pipeline: ForeignPipeline) -> None:
        """Carry one over, unless it is there."""
        if pipeline.completed_at is not None:
            self._ended = max(self._ended, pipeline.completed_at)
        key = key_of(self._found.form.name, pipeline)
        if key in self._known:
            self._done.before += 1
            return
        try:
            self._carry(pipeline, key)
        except (Cancelled, KeyboardInterrupt):
            raise
        except StorageError as error:
            self._done.failed.append(f"{pipeline.id}: {error.what}")
        if len(self._waiting) >= AT_ONCE or self._samples >= _SAMPLES:
            self.commit()

    def _carry(self, pipeline: ForeignPipeline, key: str) -> None:
        given = list(pipeline.arrays())
        arrays, averages = divided(given)
        fields = record_fields(pipeline, arrays, self.run.config.task_type)
        metrics = metrics_of(pipeline.scores, arrays)
        with self._disk.draft(self.run.folder) as draft:
            kept = self._copied(draft, pipeline)
            artifacts = list(self._adopted(pipeline))
            if arrays:
                draft.write("predictions.csv", predictions_csv(arrays))
            if averages:
                draft.write(AVERAGED, averages_csv(averages))
            if metrics:
                draft.write("metrics.json", to_json(metrics))
            if pipeline.error:
                draft.write("error.log", pipeline.error.rstrip().encode(errors="replace") + b"\n")
            draft.write(SOURCE, source_document(self._found.form.name, self._found.place.name, pipeline, kept))
            self._place(draft, pipeline, key, fields, artifacts, metrics, arrays)
        self._count(pipeline, given, kept)

    def _adopted(self, pipeline: ForeignPipeline) -> Iterator[ArtifactRecord]:
        """The artifacts, stored once each; one that is gone, or not what was recorded, is told and left out."""
        for one in pipeline.artifacts:
            with self._leaving_out(pipeline, one):
                artifact = self.run.artifacts.adopt(one.path, one.name, one.step, one.fold)
                _compare(one, artifact.sha256)
                yield artifact

    def _copied(self, draft: Draft, pipeline: ForeignPipeline) -> dict[str, dict[str, Any]]:
        """Copy charts and other files beside the documents; returns where each is from, with its digest."""
        copied: dict[str, dict[str, Any]] = {}
        for one in (*pipeline.charts, *pipeline.files):
            name = _free(file_part(one.name.replace("/", "-")), copied)
            with self._leaving_out(pipeline, one):
                written = draft.copy(name, one.path)
                copied[name] = {"name": one.name, "sha256": written.sha256, "bytes": written.bytes}
                _compare(one, written.sha256)
        return copied

    @contextmanager
    def _leaving_out(self, pipeline: ForeignPipeline, file: ForeignFile) -> Iterator[None]:
        try:
            yield
        except (Corrupt, NotFound, BadInput) as error:
            self._done.skipped.append(f"{file.name} of {pipeline.id}: {error.what}")

    def _place(
        self,
        draft: Draft,
        pipeline: ForeignPipeline,
        key: str,
        fields: Mapping[str, Any],
        artifacts: Sequence[Any],
        metrics: Mapping[str, Any],
        arrays: Sequence[PredictionArrays],
    ) -> None:
        number, digest = self.run.claim_number(), config_digest(pipeline)
        folder = self.run.folder / pipeline_folder_name(number, pipeline.name, digest)
        told = {name: value for name, value in fields.items() if value is not None}
        record = PipelineRecord.model_validate(
            {
                "id": folder.name,
                "number": number,
                "prediction_id": new_id(),
                "hash": digest,
                "writer": self._disk.writer,
                "dataset_source": self.run.config.dataset_source,
                "artifacts": artifacts,
                "source": {"form": self._found.form.name, "id": pipeline.id, "key": key},
                "created_at": self.run.config.created_at,
                "digests": {name: written.sha256 for name, written in draft.files.items()},
                **told,
            }
        )
        draft.write("pipeline.json", record.to_json())
        self._disk.place_draft(draft, folder)
        self._known[key] = folder
        if record.status in ("completed", "failed"):
            self._waiting.append(Result(catalog_row(self.run.config, record, metrics), arrays))
            self._samples += sum(len(one.sample_indices) for one in arrays)

    def _count(self, pipeline: ForeignPipeline, given: Sequence[Any], kept: Mapping[str, Any]) -> None:
        counts = self._done.carried
        for name, number in _counts(pipeline).items():
            counts[name] = counts.get(name, 0) + number
        counts["predictions"] = counts.get("predictions", 0) + sum(len(one.sample_indices) for one in given)
        counts["bytes"] = counts.get("bytes", 0) + sum(_size(one.path) for one in _files(pipeline))

    def commit(self) -> None:
        """Put what was carried into the catalog."""
        if self._waiting:
            self._catalog.append_all(self._waiting)
            self._waiting, self._samples = [], 0

    def break_off(self) -> None:
        """Leave the run as far as it came."""
        self.commit()
        self.run.finalize("interrupted")

    def end(self, report: Report) -> None:
        """End the run as it ended, and take in what a killed process carried and did not commit."""
        self.commit()
        pipelines = {p.record.source.key: p for p in self.run.pipelines() if p.record.source is not None}
        lacking = [
            p.folder
            for p in pipelines.values()
            if p.record.status in ("completed", "failed") and self._catalog.find(p.prediction_id) is None
        ]
        if lacking:
            take_in(self._layout, self._disk, self._catalog, lacking, report)
        self._annotate(pipelines)
        self.run.finalize("completed", self._ended)

    def _annotate(self, pipelines: Mapping[str, Pipeline]) -> None:
        """Tags and notes of the source; a result that somebody has tagged or noted here since stays as it is."""
        edits: dict[str, dict[str, Any]] = {}
        for pipeline in self._found.run.pipelines:
            there = pipelines.get(key_of(self._found.form.name, pipeline))
            if there is not None and (pipeline.tags or pipeline.notes):
                edits[there.prediction_id] = self._edit(pipeline)
        keys = [key for one in edits if (key := self._catalog.find(one)) is not None]
        untouched = [row for row in self._catalog.rows(keys) if not row.get("tags") and not row.get("notes")]
        self._catalog.annotate_each({row["prediction_id"]: edits[row["prediction_id"]] for row in untouched})

    def _edit(self, pipeline: ForeignPipeline) -> dict[str, Any]:
        """Tags and notes as far as they can be such here; source.json has them as they were."""
        tags = []
        for tag in pipeline.tags:
            with suppress(BadInput):
                tags.append(checked_tag(tag))
        return {"add_tags": tags, "notes": pipeline.notes[:MAX_NOTES] or None}


# ---------------------------------------------------------------- files


def _files(pipeline: ForeignPipeline) -> list[ForeignFile]:
    return [*pipeline.artifacts, *pipeline.charts, *pipeline.files]


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _compare(file: ForeignFile, sha256: str) -> None:
    if file.sha256 and file.sha256 != sha256:
        raise Corrupt("it is not what was recorded.", file.path, "Look for a copy.")


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that is neither taken, in any case, nor one of ours."""
    used = {one.casefold() for one in (*taken, *_OWN)}
    stem, dot, ending = name.rpartition(".")
    for number in range(1, 10_000):
        tried = name if number == 1 else f"{stem or name}~{number}{dot}{ending if stem else ''}"
        if tried.casefold() not in used:
            return tried
    raise Corrupt(f"There are too many files named {name}.", advice="Give them other names.")


# ---------------------------------------------------------------- what is there


def source_signature(source: Path) -> str:
    """Another text where a file of a source was changed, added or removed."""
    return tree_signature(source) if source.is_dir() else file_signature(source, source.with_name(f"{source.name}-wal"))


def known_keys(run_folder: Path) -> dict[str, Path]:
    """The folders of the pipelines of a run that were carried over, by their keys."""
    found: dict[str, Path] = {}
    try:
        folders = sorted(path for path in run_folder.iterdir() if pipeline_number(path.name) is not None)
    except OSError:
        return found
    for folder in folders:
        with suppress(StorageError):
            source = read_json(folder / "pipeline.json").get("source")
            if isinstance(source, dict) and source.get("key"):
                found[str(source["key"])] = folder
    return found


def counts_of(found: Sequence[_Found]) -> dict[str, int]:
    """How much there is."""
    total = {"runs": len(found), "pipelines": 0, "artifacts": 0, "charts": 0, "files": 0, "scores": 0}
    for one in found:
        for pipeline in one.run.pipelines:
            for name, number in _counts(pipeline).items():
                total[name] += number
    total["datasets"] = len({one.run.dataset_name for one in found})
    return total


def _counts(pipeline: ForeignPipeline) -> dict[str, int]:
    return {
        "pipelines": 1,
        "artifacts": len(pipeline.artifacts),
        "charts": len(pipeline.charts),
        "files": len(pipeline.files),
        "scores": len(pipeline.scores),
    }
