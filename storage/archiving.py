"""Making archives: copies of results in `catalog/archives/`, whole or not there, and none of the same content twice."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.archives import (
    DATA,
    DERIVED,
    DOCUMENT,
    PIPELINE_LETTERS,
    RUN,
    Archive,
    ArchiveRecord,
    Archives,
    folders_in,
    read_archive,
    wrong_with,
)
from storage.catalog import Catalog
from storage.copies import (
    ARCHIVE,
    CONFIG,
    config_of,
    copy_pipeline,
    dated_name,
    ended,
    read_metrics,
    run_config_of,
)
from storage.disk import Disk, Draft, user_name
from storage.errors import BadInput, Cancelled, Conflict, DiskFull, NotFound, ReadOnly, StorageError
from storage.findings import count
from storage.flat_predictions import FlatPredictions
from storage.folder_deletion import free_place
from storage.index import Index
from storage.journal import Journal
from storage.layout import Layout, folder_part
from storage.library_items import LibrarySource
from storage.packages import PackedFile
from storage.places import Places
from storage.plan import Plan, Report, Step
from storage.provenance import note_pipeline
from storage.readmes import model_card
from storage.records import PipelineRecord, read_document, to_json, utc_now
from storage.restoration import TrashBin
from storage.takeaway import predictions_in
from storage.trees import listing_digest, read_tree

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 200  # pipelines whose arrays are held at a time
_TOLD = 20  # pipelines that are steps of their own
_NAMED = 3
_WORDS = {"filtered": "configuration and metrics", "pipeline": "all", "best_predictions": "predictions"}


@dataclass(frozen=True)
class Chosen:
    """A result to be archived: its prediction, and its folder below runs/ as far as it is there."""

    prediction_id: str
    folder: str = ""
    pipeline_id: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no folder below runs/: a note of what is to be done may be anybody's."""
        for name in filter(None, (self.folder, self.pipeline_id)):
            if Path(name).name != name or name == "..":
                raise ValueError(f"{name!r} is no folder of a run.")

    @property
    def title(self) -> str:
        return f"{self.pipeline_id} of {self.folder}" if self.folder else self.prediction_id


@dataclass
class Archived:
    """What came of archiving: folders of archives by prediction, how many are new, what could not be."""

    paths: dict[str, Path]
    new: int = 0
    problems: list[str] | None = None

    def sentence(self) -> str:
        """What came of it, in a sentence or two."""
        old = len(self.paths) - self.new
        said = f"{count(self.new, 'archive')} made" + (
            f", {old:,} {'was' if old == 1 else 'were'} there already" if old else ""
        )
        problems = self.problems or []
        more = f" And {len(problems) - _NAMED:,} more." if len(problems) > _NAMED else ""
        return f"{said}." + "".join(f" {one}" for one in problems[:_NAMED]) + more


class Archiving:
    """Makes the archives of one workspace. `archives` reads them."""

    def __init__(
        self, layout: Layout, disk: Disk, catalog: Catalog, archives: Archives, predictions: FlatPredictions
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog
        self._archives = archives
        self._predictions = predictions
        self._journal = Journal(layout, disk)
        self.last: list[Path] = []  # what the plan that was applied last made or found

    # ------------------------------------------------------------ planning

    def plan(self, kind: str, chosen: Callable[[], Sequence[Chosen]]) -> Plan:
        """A plan that archives what `chosen` gives; `last` has the folders then. Raises NotFound, BadInput."""
        home = self._archives.home(kind)
        found = list(chosen())
        sizes = {one: self._bytes(kind, one) for one in found}
        note = {"kind": kind, "chosen": [vars(one) for one in found]}
        title = f"Archive {_WORDS[kind]} of {count(len(found), 'result')}"

        def work(report: Report) -> str:
            self._disk.check_there()
            free = shutil.disk_usage(self._layout.root).free
            if sum(sizes.values()) > free:
                advice = "Make room, or archive less."
                raise DiskFull(f"{sum(sizes.values()):,} bytes are needed, {free:,} are free.", home, advice)
            with self._journal.noted("archive", title, note):
                came = self.make(kind, found, report)
            self.last = list(came.paths.values())
            if came.problems and not came.paths:
                raise Conflict(came.problems[0], home, "Nothing was archived.")
            return came.sentence()

        where = home.relative_to(self._layout.root).as_posix()
        return Plan(
            title, tuple(_steps(sizes, where)), lambda: [(one, self._bytes(kind, one)) for one in chosen()], work
        )

    def finish(self, payload: Mapping[str, Any], report: Report) -> str:
        """Archive what a note names, as far as it is not archived already."""
        return self.make(payload["kind"], [Chosen(**one) for one in payload["chosen"]], report).sentence()

    def _bytes(self, kind: str, one: Chosen) -> int:
        folder = self._folder(one)
        try:
            if folder is None:
                return 0
            if kind == "pipeline":
                record = read_document(folder / "pipeline.json", PipelineRecord)
                shared = {artifact.sha256: artifact.bytes for artifact in record.binaries()}
                return read_tree(folder).bytes + sum(shared.values())
            names = ("metrics.json", "pipeline.json") if kind == "filtered" else ("predictions.csv",)
            return sum(size for name, size in read_tree(folder).files.items() if name in names)
        except StorageError:
            return 0  # what is wrong with it is told when it is copied

    def _folder(self, one: Chosen) -> Path | None:
        return self._layout.run(one.folder) / one.pipeline_id if one.folder else None

    # ------------------------------------------------------------ making

    def make(self, kind: str, chosen: Iterable[Chosen], report: Report) -> Archived:
        """Archive results; what is archived already, the same, is left. What can't be is named and the others go on."""
        came = Archived({}, problems=[])
        wanted = list(chosen)
        done = 0
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            data = self._catalog.stored_arrays.rows([one.prediction_id for one in some]) if kind == "pipeline" else None
            for one in some:
                report(done, len(wanted), f"archiving {one.title}")
                done += 1
                try:
                    path, new = self.make_one(kind, one, self._layout.archives(kind), data)
                except (Cancelled, DiskFull, ReadOnly):
                    raise
                except StorageError as error:
                    came.problems = [*(came.problems or []), f"{one.title} is left out: {error.what}"]
                    continue
                came.paths[one.prediction_id] = path
                came.new += new
        report(len(wanted), len(wanted), "done")
        return came

    def make_one(self, kind: str, one: Chosen, home: Path, data: pa.Table | None) -> tuple[Path, bool]:
        """Archive one result; returns its folder and whether that is new. `data` has the rows of its arrays."""
        with self._disk.draft(home) as draft:
            name = self.fill(draft, kind, one, data)
            draft.sync()  # not while others wait
            with self._disk.lock("archives"):
                same = self._same(draft, home, name)
                if same is not None:
                    return same, False
                path = free_place(home, name)
                self._disk.place_draft(draft, path)
                return path, True

    def fill(self, draft: Draft, kind: str, one: Chosen, data: pa.Table | None, below: str = "") -> str:
        """Write an archive into a draft, or in a folder `below` it; returns the name it should have."""
        folder = self._folder(one)
        record = ArchiveRecord(kind=kind, name="", created_at=utc_now(), created_by=user_name())
        if folder is not None:
            pipeline = ended(folder)
            note_pipeline(record, folder, pipeline)
            run = run_config_of(folder.parent)
            first = dated_name(folder.parent, run)
            record.run_date = run.run_id[:10] if run is not None else ""
        else:
            row = self._catalog.get(one.prediction_id)
            record.source = _source_of_row(row)
            first = f"{folder_part(str(row['dataset_name']), 80)}_{row['run_date']}"
            record.run_date = str(row["run_date"] or "")
        record.name = f"{first}_{folder_part(record.source.pipeline_id, PIPELINE_LETTERS)}"
        if kind == "best_predictions":
            csv = self._predictions.of(one.prediction_id)
            if csv is None:
                raise NotFound(f"{one.title} has no predictions.", folder, "Choose another result.")
            draft.write(f"{below}predictions.csv", csv)
        elif folder is None:
            raise NotFound(
                f"The folder of {record.source.pipeline_id} is gone.", advice="Its predictions can be archived."
            )
        elif kind == "filtered":
            draft.write(f"{below}{CONFIG}", to_json(config_of(pipeline)))
            draft.write(f"{below}metrics.json", to_json(dict(read_metrics(folder))))
        else:
            self._fill_pipeline(draft, folder, one, data, below)
        self._seal(draft, record, below)
        return record.name

    def _fill_pipeline(self, draft: Draft, folder: Path, one: Chosen, data: pa.Table | None, below: str) -> None:
        import pyarrow.compute as pc

        record = copy_pipeline(draft, folder, lambda done, total, text: None, below)
        draft.copy(below + DOCUMENT, folder / "pipeline.json")
        run = run_config_of(folder.parent)
        if run is not None:
            draft.copy(below + RUN, folder.parent / "run_config.json")
        if data is not None:
            own = data.filter(pc.equal(data["prediction_id"], one.prediction_id))
            if own.num_rows:
                draft.write(below + DATA, _parquet(own))
        names = sorted(name.removeprefix(below) for name in draft.files if name.startswith(below))
        arrays, find = predictions_in(folder, record), self._catalog.metrics.find
        card = model_card(run, record, read_metrics(folder), names, arrays, find)
        draft.write(f"{below}README.md", card.encode(errors="replace"))

    def _seal(self, draft: Draft, record: ArchiveRecord, below: str) -> None:
        own = {name.removeprefix(below): file for name, file in draft.files.items() if name.startswith(below)}
        record.files = [PackedFile(path=n, sha256=f.sha256, bytes=f.bytes) for n, f in sorted(own.items())]
        record.bytes = sum(file.bytes for file in record.files)
        record.digest = listing_digest({file.path: file.sha256 for file in record.files if file.path not in DERIVED})
        draft.write(below + ARCHIVE, record.to_json())

    def _same(self, draft: Draft, home: Path, name: str) -> Path | None:
        """An archive of the same content that is whole, if there is one: by its name, for it may have many beside."""
        new = read_archive(draft.folder)
        for path in folders_in(home):
            if path.name == name or path.name.startswith(f"{name}~"):
                try:
                    old = read_archive(path)
                    same = (old.digest, old.source.prediction_id) == (new.digest, new.source.prediction_id)
                    if same and not wrong_with(path, old, deep=True):
                        return path
                except StorageError:
                    continue  # a damaged one is none; the check names it
        return None


def _steps(sizes: Mapping[Chosen, int], where: str) -> Iterable[Step]:
    if len(sizes) <= _TOLD:
        yield from (Step(f"Copy {one.title} to {where}.", size) for one, size in sizes.items())
        return
    for folder in sorted({one.folder for one in sizes}):
        own = [size for one, size in sizes.items() if one.folder == folder]
        of = f" of {folder}" if folder else " whose folders are gone"
        yield Step(f"Copy {count(len(own), 'result')}{of} to {where}.", sum(own))


def _source_of_row(row: Mapping[str, Any]) -> LibrarySource:
    names = LibrarySource.model_fields
    return LibrarySource(**{name: row[name] for name in names if row.get(name) is not None})


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def choose(
    catalog: Catalog,
    index: Index,
    places: Places,
    run_id: str,
    pipeline_id: str,
    filter: str,
    metric: str,
    n: int,
    dataset: str | None,
    prediction_ids: Sequence[str] = (),
) -> Callable[[], list[Chosen]]:
    """What finds the results to be archived, now and once more when that is done. Raises BadInput, NotFound."""
    if sum(bool(one) for one in (run_id, filter.strip(), metric, prediction_ids)) != 1:
        advice = "Name a run (and a pipeline of it), a filter, a metric, or ids."
        raise BadInput("What to archive was not said, or more than once.", advice=advice)

    def of_run() -> list[Chosen]:
        folder = places.folder_of(run_id)
        rows = catalog.ask_index(lambda: index.runs.pipelines(folder))
        ended = [row for row in rows if row["status"] not in ("running", "damaged")]
        wanted = [row for row in ended if pipeline_id in ("", row["pipeline_id"])]
        if not wanted:
            raise NotFound(
                f"There is no ended pipeline '{pipeline_id}' in {run_id}.".replace(" ''", ""), advice="List it."
            )
        return [Chosen(row["prediction_id"], folder, row["pipeline_id"]) for row in wanted]

    def of_catalog() -> list[Chosen]:
        if metric:
            ids = [row["prediction_id"] for row in catalog.best_of_each(metric, n, dataset)]
        else:
            ids = list(dict.fromkeys(prediction_ids)) or sorted(catalog.ids(filter))
        return [Chosen(one, *(places.of_prediction(one) or ("", ""))) for one in ids]

    return of_run if run_id else of_catalog


def plan_delete(layout: Layout, trash: TrashBin, archive: Archive, needed: int) -> Plan:
    """A plan that moves an archive to the trash; `needed` thinned pipelines have their arrays and models there."""
    where = archive.path.relative_to(layout.root).as_posix()
    steps = [Step(f"Move {where} to the trash.", read_tree(archive.path).bytes)]
    if needed:
        steps.append(
            Step("A thinned pipeline has its arrays and models there: until it is restored they can't come back.")
        )

    def look() -> object:
        return read_tree(archive.path) if archive.path.is_dir() else None

    return trash.plan_put(trash.new_record("file", archive.name), archive.path, steps, look)
