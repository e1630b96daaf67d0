"""Thinning: metrics of all pipelines stay, arrays and models of the best alone; the rest can be brought back.

What is taken away is archived first, whole: in `catalog/archives/`, or in an entry of the trash. Then pipeline.json
says where, and after that the files go, and the rows of arrays in one commit of the catalog. A process killed on the
way is finished by the next open, which does the same once more: what is done already is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.archives import DOCUMENT, archived_data, folders_in, read_archive, read_file, wrong_with
from storage.archiving import Archiving, Chosen
from storage.artifacts import FOLDER as BINARIES
from storage.catalog import Catalog
from storage.copies import ARTIFACTS
from storage.disk import Disk
from storage.errors import (
    BadInput,
    Cancelled,
    Conflict,
    Corrupt,
    DiskFull,
    NotFound,
    ReadOnly,
    StorageError,
    os_errors,
)
from storage.findings import count
from storage.index import Index
from storage.journal import Journal, Work
from storage.layout import Layout, pipeline_number
from storage.plan import Applied, Plan, Report, Step
from storage.records import (
    PipelineRecord,
    RunConfig,
    RunSummary,
    ThinnedRecord,
    document_json,
    read_document,
    read_json,
    utc_now,
)
from storage.runs import Run
from storage.trash import THINNED, Trash, TrashRecord
from storage.trees import tree_signature
from storage.wording import size

if TYPE_CHECKING:
    import pyarrow as pa

_PREDICTIONS, _CHART = "predictions.csv", ".png"
_AT_ONCE = 200  # pipelines whose arrays are held at a time
_NAMED = 3
_README, _LISTED = 4_000, 300  # bytes that the README of a copy takes, and each file in its listing


@dataclass(frozen=True)
class Sizes:
    """Bytes by kind."""

    predictions: int = 0
    charts: int = 0
    artifacts: int = 0
    copies: int = 0

    @property
    def bytes(self) -> int:
        """All but the copies that are made."""
        return self.predictions + self.charts + self.artifacts


@dataclass(frozen=True)
class _Look:
    """What thinning was planned from: the pipelines to be thinned, sizes now and then, how many are kept."""

    chosen: tuple[Chosen, ...]
    before: Sizes
    after: Sizes
    kept: int
    unjudged: int  # which lack the metric


@dataclass(frozen=True)
class _Copied:
    """A pipeline whose files are back: what is left to do, its rows of arrays and its document as it was."""

    path: Path
    data: pa.Table | None
    document: bytes


@dataclass(frozen=True)
class Thinning:
    """Thins pipelines of one workspace and brings them back.

    `kept_elsewhere` are prediction ids that the library holds; `check_idle` refuses a run at work; `sync` brings the
    index up to the files.
    """

    layout: Layout
    disk: Disk
    index: Index
    catalog: Catalog
    archiving: Archiving
    kept_elsewhere: Callable[[], set[str]]
    check_idle: Callable[[str], None]
    sync: Callable[[], object]

    # ------------------------------------------------------------ planning

    def plan(self, keep: int, metric: str, dataset: str | None, archive: bool) -> Plan:
        """A plan that thins all but the best of each dataset; see Workspace.plan_thin."""
        if keep < 0:
            raise BadInput(f"The best {keep} can't be kept.", advice="Give 0 or more.")
        found = self._look(keep, metric, dataset)
        title = f"Thin {count(len(found.chosen), 'pipeline')}"

        def work(report: Report) -> Applied:
            note = {"chosen": [vars(one) for one in found.chosen], "archive": archive, "trash_id": ""}
            if not archive:
                note["trash_id"] = self._trash.new_record(THINNED, title).trash_id
            with self._journal.noted("thin", title, note) as noted:
                return self._thin(note, report, noted)

        look = lambda: self._look(keep, metric, dataset)  # noqa: E731
        return Plan(title, tuple(_steps(found, metric, archive)) if found.chosen else (), look, work)

    @property
    def _journal(self) -> Journal:
        return Journal(self.layout, self.disk)

    @property
    def _trash(self) -> Trash:
        return Trash(self.layout, self.disk)

    def _look(self, keep: int, metric: str, dataset: str | None) -> _Look:
        self.sync()
        best = self.catalog.best_of_each(metric, max(keep, 1), dataset)  # raises for a metric nobody knows, too
        kept = {row["prediction_id"] for row in best} if keep else set()
        kept |= set(self.catalog.ids("stars >= 1 or tags is not null")) | self.kept_elsewhere()
        judged = set(self.catalog.ids(f"{metric} is not null"))  # of others nobody knows whether they are good
        there = self.catalog.ask_index(lambda: self.index.runs.completed(dataset))
        rows = [row for row in there if row["prediction_id"] in judged and row["thinned"] is None]
        left = {folder for folder in {row["folder"] for row in rows} if self._is_left(folder)}
        chosen = tuple(
            Chosen(row["prediction_id"], row["folder"], row["pipeline_id"])
            for row in rows
            if row["prediction_id"] not in kept and row["folder"] not in left
        )
        with os_errors("look at the pipelines", self.layout.runs):  # one may be deleted at this moment
            before, after = self._sizes(chosen)
        unjudged = sum(row["prediction_id"] not in judged and row["thinned"] is None for row in there)
        return _Look(chosen, before, after, len(rows) - len(chosen), unjudged)

    def _is_left(self, folder: str) -> bool:
        """Whether a run is at work or damaged: of such a one nothing is taken away."""
        try:
            self.check_idle(folder)
            read_document(self.layout.run(folder) / "run_config.json", RunConfig)
        except StorageError:
            return True
        return False

    def _sizes(self, chosen: Sequence[Chosen]) -> tuple[Sizes, Sizes]:
        """What the runs of these pipelines take now, and what when these are thinned."""
        thin = {(one.folder, one.pipeline_id) for one in chosen}
        now, then = [0, 0, 0], [0, 0, 0]
        copies = 0
        for folder in sorted({one.folder for one in chosen}):
            stored, named = dict[str, int](), dict[str, int]()
            for name, record in _pipelines(self.layout.run(folder)):
                path = self.layout.run(folder) / name
                sizes = _own_sizes(path)
                own = {a.sha256: a.bytes for a in record.binaries()}
                stored |= own
                going = (folder, name) in thin
                named |= {} if going else own
                for number, own_size in enumerate(sizes):
                    now[number] += own_size
                    then[number] += 0 if going else own_size
                copies += sum(own.values()) + _documents(path, sizes) if going else 0
            now[2] += sum(stored.values())
            then[2] += sum(named.values())
        return Sizes(now[0], now[1], now[2]), Sizes(then[0], then[1], then[2], copies)

    # ------------------------------------------------------------ thinning

    def finish(self, note: Mapping[str, Any], report: Report) -> str:
        """Thin what a note names, once more where it was done already."""
        return self._thin(note, report, Work()).sentence

    def _thin(self, note: Mapping[str, Any], report: Report, work: Work) -> Applied:
        chosen = [Chosen(**one) for one in note["chosen"]]
        whole = [one for one in chosen if not self._is_thinned(one)]
        places, problems = self._keep_copies(whole, note, report)
        if problems and len(problems) == len(chosen):
            raise Conflict(problems[0], advice="Nothing was thinned.")
        work.no_way_back()
        quietly = _not_cancelled(report)
        by_run: dict[str, list[Chosen]] = {}
        for one in chosen:
            by_run.setdefault(one.folder, []).append(one)
        done = 0
        for number, (folder, those) in enumerate(by_run.items()):
            quietly(number, len(by_run), f"thinning {folder}")
            done += self._thin_run(folder, those, places)
        thinned = [one.prediction_id for one in chosen if self._is_thinned(one)]
        if thinned:
            self.catalog.stored_arrays.take_away(thinned)
        self.sync()
        quietly(len(by_run), len(by_run), "done")
        where = "the trash" if note["trash_id"] else "the archives"
        said = f"{count(done, 'pipeline')} thinned; what they had lies in {where}, to be brought back."
        return Applied(" ".join([said, *problems[:_NAMED]]), (note["trash_id"],) if note["trash_id"] else ())

    def _keep_copies(
        self, chosen: Sequence[Chosen], note: Mapping[str, Any], report: Report
    ) -> tuple[dict[str, str], list[str]]:
        """Copy what pipelines have; the folders of the copies below the workspace, and what can't be copied."""
        if note["archive"]:
            came = self.archiving.make("pipeline", chosen, report)
            paths, problems = came.paths, came.problems or []
        else:
            paths, problems = self._put_into_trash(chosen, note["trash_id"], report)
        return {one: path.relative_to(self.layout.root).as_posix() for one, path in paths.items()}, problems

    def _put_into_trash(
        self, chosen: Sequence[Chosen], trash_id: str, report: Report
    ) -> tuple[dict[str, Path], list[str]]:
        content = self.layout.trash / trash_id / "content"
        problems: list[str] = []
        if chosen and not content.is_dir():
            title = f"arrays and models of {count(len(chosen), 'thinned pipeline')}"
            record = self._trash.new_record(THINNED, title).model_copy(
                update={"trash_id": trash_id, "status": "deleted"}
            )
            with self.disk.draft(self.layout.trash) as draft:
                draft.make_folder("content")
                for number, one in enumerate(chosen):
                    report(number, len(chosen), f"copying {one.title}")
                    if number % _AT_ONCE == 0:
                        some = chosen[number : number + _AT_ONCE]
                        data = self.catalog.stored_arrays.rows([other.prediction_id for other in some])
                    try:
                        self.archiving.fill(draft, "pipeline", one, data, f"content/{_folder_name(one)}/")
                    except (Cancelled, DiskFull, ReadOnly):
                        raise
                    except StorageError as error:
                        draft.discard(f"content/{_folder_name(one)}")
                        problems.append(f"{one.title} is left as it is: {error.what}")
                if len(problems) == len(chosen):
                    return {}, problems
                record.bytes = sum(file.bytes for file in draft.files.values())
                draft.write("trash.json", record.to_json())
                self.disk.place_draft(draft, content.parent)
        return {one.prediction_id: p for one in chosen if (p := content / _folder_name(one)).is_dir()}, problems

    def _thin_run(self, folder: str, chosen: Sequence[Chosen], places: Mapping[str, str]) -> int:
        """Thin pipelines of one run, and remove the artifacts that none of its whole pipelines names."""
        with self.disk.lock("runs"):
            thinned = [self._thin_one(one, places.get(one.prediction_id)) for one in chosen]
            records = [record for record in thinned if record is not None]
            doomed = {Path(artifact.path).name for record in records for artifact in record.all_binaries()}
            home = self.layout.run(folder)
            kept = self._needed(home) if doomed else None
            if kept is not None:
                self.disk.remove_files(home / BINARIES / name for name in sorted(doomed - kept))
            with suppress(NotFound, Corrupt):
                Run.open(self.layout, self.disk, self.catalog, home).recount(always=True)
        return len(records)

    def _thin_one(self, one: Chosen, place: str | None) -> PipelineRecord | None:
        """Say in pipeline.json that a pipeline is thinned, then remove its files; None where it stays as it is."""
        path = self.layout.run(one.folder) / one.pipeline_id
        try:
            record = read_document(path / "pipeline.json", PipelineRecord)
        except StorageError:
            return None  # it was deleted or damaged meanwhile
        if record.prediction_id != one.prediction_id:
            return None
        if record.thinned is None:
            if place is None or self._is_left(one.folder):
                return None
            record = record.model_copy(update={"thinned": ThinnedRecord(at=utc_now(), archive=place)})
            self.disk.write(path / "pipeline.json", record.to_json())
        archived = _archived_files(self.layout.root / record.thinned.archive) if record.thinned else set()
        self.disk.remove_files(p for p in sorted(path.iterdir()) if _goes(p.name) and p.name in archived)
        return record

    def _needed(self, folder: Path) -> set[str] | None:
        """The artifacts that something in a run still needs; None where that can't be told: then all are left."""
        if self._is_left(folder.name):
            return None
        try:
            summary = read_document(folder / "run_summary.json", RunSummary)
            if summary.status == "running" and self.disk.is_alive(summary.writer):
                return None
            names = [p.name for p in folder.iterdir() if pipeline_number(p.name) is not None]
            records = [read_document(folder / name / "pipeline.json", PipelineRecord) for name in names]
        except (StorageError, OSError):
            return None
        named = {Path(a.path).name for record in records for a in record.binaries()}
        kept = self._trash.kept_artifacts(folder.name)
        return None if kept is None else named | kept

    def _is_thinned(self, one: Chosen) -> bool:
        try:
            path = self.layout.run(one.folder) / one.pipeline_id / "pipeline.json"
            return read_document(path, PipelineRecord).thinned is not None
        except StorageError:
            return False

    # ------------------------------------------------------------ bringing back

    def plan_undo(self, run_id: str, folder: str, pipeline_id: str) -> Plan:
        """A plan that brings back what thinned pipelines had; see Workspace.plan_unthin."""

        def look() -> list[tuple[Chosen, str]]:
            self.sync()
            rows = [row for row in self._thinned() if folder in ("", row["folder"])]
            return [
                (Chosen(row["prediction_id"], row["folder"], row["pipeline_id"]), row["thinned"])
                for row in rows
                if pipeline_id in ("", row["pipeline_id"])
            ]

        found = look()
        if pipeline_id and not found:
            raise NotFound(f"{pipeline_id} of {run_id} is not thinned.", advice="Nothing has to be brought back.")
        title = f"Bring back what {count(len(found), 'thinned pipeline')} had" if found else "No pipeline is thinned"
        steps = tuple(
            Step(f"Copy {place} back to runs/{one.folder}/{one.pipeline_id}.", self._size(place))
            for one, place in found
        )

        def look_closely() -> object:
            return [(one, place, tree_signature(self.layout.root / place)) for one, place in look()]

        chosen = [vars(one) for one, _ in found]
        return Plan(title, steps, look_closely, lambda report: self.undo(chosen, title, report))

    def undo(self, chosen: Sequence[Mapping[str, Any]], title: str, report: Report) -> str:
        """Bring back what these pipelines had, noted in the journal."""
        note = {"chosen": list(chosen)}
        with self._journal.noted("unthin", title, note):
            return self.finish_undo(note, report)

    def finish_undo(self, note: Mapping[str, Any], report: Report) -> str:
        """Bring back what the pipelines of a note had; what is back already is left. Each is checked before."""
        chosen = [Chosen(**one) for one in note["chosen"]]
        done, problems = 0, list[str]()
        for start in range(0, len(chosen), _AT_ONCE):
            with self.disk.lock("runs"):
                copied: list[_Copied] = []
                for number, one in enumerate(chosen[start : start + _AT_ONCE], start):
                    report(number, len(chosen), f"bringing back {one.title}")
                    try:
                        copied += self._copy_back(one)
                    except (Cancelled, DiskFull, ReadOnly):
                        raise
                    except StorageError as error:
                        problems.append(f"{one.title} is left as it is: {error.what}")
                self._end_thinned(copied)
                done += len(copied)
        for folder in dict.fromkeys(one.folder for one in chosen):
            with suppress(NotFound, Corrupt):
                Run.open(self.layout, self.disk, self.catalog, self.layout.run(folder)).recount(always=True)
        self.sync()
        report(len(chosen), len(chosen), "done")
        if problems and not done:
            raise Conflict(problems[0], advice="Look at the archive with: runshelf check --deep.")
        return " ".join([f"{count(done, 'pipeline')} brought back.", *problems[:_NAMED]])

    def restore_entry(self, record: TrashRecord, report: Report) -> str:
        """Bring back what all pipelines had that an entry of the trash keeps; then the entry goes."""
        content = self._trash.content(record)
        prefix = content.relative_to(self.layout.root).as_posix() + "/"
        self.sync()
        rows = self._thinned()
        chosen = [
            vars(Chosen(row["prediction_id"], row["folder"], row["pipeline_id"]))
            for row in rows
            if row["thinned"].startswith(prefix)
        ]
        if not chosen and not all(self._is_back(folder) for folder in folders_in(content)):
            advice = "Restore their runs first, if they are in the trash."
            raise Conflict(f"The pipelines of {record.title} are not there.", content, advice)
        said = self.undo(chosen, f"Restore {record.title}", report)
        if not any(row["thinned"].startswith(prefix) for row in self._thinned()):
            self._trash.discard(record)
        return said

    def _is_back(self, archive: Path) -> bool:
        """Whether the pipeline that an archive was made of is there whole: a killed process had put it back."""
        name = read_archive(archive).source.prediction_id
        place = self.catalog.ask_index(lambda: self.index.results.place_of(name))
        if place is None:
            return False
        return read_document(self.layout.run(place[0]) / place[1] / "pipeline.json", PipelineRecord).thinned is None

    def _thinned(self) -> list[dict[str, Any]]:
        return self.catalog.ask_index(lambda: self.index.runs.all_thinned())

    def _copy_back(self, one: Chosen) -> list[_Copied]:
        """Write the files and artifacts of a pipeline that are not there; nothing for one that is not thinned.

        All of its archive is checked before. Raises Conflict where another file has the name of one.
        """
        path = self.layout.run(one.folder) / one.pipeline_id
        now = read_document(path / "pipeline.json", PipelineRecord)
        thinned = now.thinned
        if thinned is None:
            return []
        now.to_json()  # raises TooNew before anything is changed
        archive = self.layout.root / thinned.archive
        if ".." in Path(thinned.archive).parts or not archive.is_dir():
            advice = "Bring that back from a copy."
            raise NotFound(f"What it had is not in {thinned.archive} any more.", archive, advice)
        record = read_archive(archive)
        wrong = wrong_with(archive, record, deep=True)
        if wrong or record.source.prediction_id != one.prediction_id:
            advice = "Bring it back from a copy."
            raise Corrupt(f"{wrong or 'Another pipeline'}, in {thinned.archive}.", archive, advice)
        for file in record.files:
            first, slash, name = file.path.partition("/")
            if first == ARTIFACTS and slash:
                target = path.parent / BINARIES / name
                self.disk.make_folder(target.parent)
            elif not slash and _goes(first):
                target = path / first
            else:
                continue
            data = read_file(archive, record, file.path)
            if not self.disk.write_new(target, data) and target.read_bytes() != data:
                raise Conflict(f"There is another {target.name} in its place.", target, "Move that away first.")
        return [_Copied(path, archived_data(archive, record), read_file(archive, record, DOCUMENT))]

    def _end_thinned(self, copied: Sequence[_Copied]) -> None:
        """Put arrays back into the catalog with one commit; then the documents say that nothing is thinned any more."""
        tables = [one.data for one in copied if one.data is not None]
        if tables:
            import pyarrow as pa

            self.catalog.stored_arrays.put_back(pa.concat_tables(tables, promote_options="default"))
        for one in copied:
            self._write_document(one.path, one.document)

    def _write_document(self, path: Path, original: bytes) -> None:
        """Put pipeline.json back as it was, byte by byte, unless somebody changed it since."""
        now = read_json(path / "pipeline.json")
        now.pop("thinned", None)
        before = json.loads(original)
        before.pop("thinned", None)
        known = PipelineRecord.model_validate(before).model_dump_json(by_alias=True, exclude={"thinned"})
        same = PipelineRecord.model_validate(now).model_dump_json(by_alias=True, exclude={"thinned"}) == known
        self.disk.write(path / "pipeline.json", original if same else document_json(now))

    def _size(self, place: str) -> int:
        with suppress(StorageError):
            return read_archive(self.layout.root / place).bytes
        return 0


def _goes(name: str) -> bool:
    """Whether thinning takes a file of a pipeline's folder away."""
    return name == _PREDICTIONS or name.endswith(_CHART)


def _folder_name(one: Chosen) -> str:
    return f"{one.folder}_{one.pipeline_id}"


def _archived_files(archive: Path) -> set[str]:
    """What an archive has a copy of, as files of the pipeline's folder; nothing where it can't be read."""
    try:
        return {file.path for file in read_archive(archive).files}
    except StorageError:
        return set()


def _own_sizes(path: Path) -> tuple[int, int]:
    files = [p for p in path.iterdir() if p.is_file()]
    predictions = sum(p.stat().st_size for p in files if p.name == _PREDICTIONS)
    return predictions, sum(p.stat().st_size for p in files if p.name.endswith(_CHART))


def _documents(path: Path, sizes: tuple[int, int]) -> int:
    """About how many bytes a copy takes beside artifacts: the pipeline's files, and what tells where it is from."""
    files = {one.name: one.stat().st_size for one in path.iterdir() if one.is_file()}
    run = path.parent / "run_config.json"
    told = files.get("pipeline.json", 0) + (run.stat().st_size if run.is_file() else 0)
    arrays = sizes[0]  # the rows of the catalog are about as large as the CSV
    return sum(files.values()) + told + arrays + _README + _LISTED * (len(files) + 6)


def _pipelines(folder: Path) -> Iterable[tuple[str, PipelineRecord]]:
    for path in sorted(folder.iterdir()):
        if pipeline_number(path.name) is not None:
            with suppress(StorageError):
                yield path.name, read_document(path / "pipeline.json", PipelineRecord)


def _steps(found: _Look, metric: str, archive: bool) -> Iterable[Step]:
    where = "catalog/archives/pipeline" if archive else "the trash"
    pipelines = count(len(found.chosen), "pipeline")
    yield Step(f"Copy {pipelines} to {where}: about {size(found.after.copies)} more there.")
    for name, before, after in (
        ("predictions", found.before.predictions, found.after.predictions),
        ("charts", found.before.charts, found.after.charts),
        ("fitted steps that no other pipeline shares", found.before.artifacts, found.after.artifacts),
    ):
        yield Step(f"Remove their {name}: {size(before)} in these runs before, {size(after)} after.", before - after)
    kept = "1 pipeline is" if found.kept == 1 else f"{found.kept:,} pipelines are"
    yield Step(f"Remove their arrays from the catalog; their rows and metrics stay. {kept} kept whole.")
    if found.unjudged:
        others = "1 pipeline has" if found.unjudged == 1 else f"{found.unjudged:,} pipelines have"
        yield Step(f"{others} no {metric}: nobody knows whether they are good, and they stay whole.")
    yield Step(_in_all(found.before.bytes - found.after.bytes, found.after.copies, archive))


def _in_all(freed: int, copies: int, archive: bool) -> str:
    """How much room there is at once, and how much when the copies are gone, too."""
    how = "move the archives to another disk" if archive else "empty the trash"
    if copies > freed and archive:
        how += ", or keep the copies in the trash and empty that"
    now = f"{size(copies - freed)} more" if copies > freed else f"{size(freed - copies)} less"
    return f"In all the workspace takes about {now} until you {how}; from then on {size(freed)} less than now."


def _not_cancelled(report: Report) -> Report:
    """Tell, and take no Cancelled for an answer: what was begun here has to come to its end."""

    def tell(done: int, total: int, text: str) -> None:
        with suppress(Cancelled):
            report(done, total, text)

    return tell
