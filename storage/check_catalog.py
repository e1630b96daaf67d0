"""Checking the catalog: the manifest against its part files, results against run folders, the index against both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.check_results import ResultsCheck
from storage.check_runs import SeenPipeline, ended
from storage.disk import Disk
from storage.errors import Corrupt, NotFound, StorageError, TooNew
from storage.inspection import Inspection
from storage.layout import Layout
from storage.manifest import DATASETS, ManifestFile
from storage.part_index import manifest_mark
from storage.reading import is_behind_link
from storage.records import Manifest, PartRecord, was_changed
from storage.trash import Trash

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.part_files import PartFiles, Range

_RUNS_TOLD = 20  # one by one, of those whose folders are gone
_HEARTBEAT = 10_000  # results
_ATTEMPTS = 3  # at reading a catalog that others write to


class CatalogCheck:
    """Checks the catalog of one workspace; `check_parts` comes first."""

    def __init__(self, inspection: Inspection, layout: Layout, disk: Disk, trash: Trash) -> None:
        self._inspection = inspection
        self._layout = layout
        self._trash = trash
        self._file = ManifestFile(layout, disk)
        self._disk = disk
        self._manifest: Manifest | None = None
        self._files: PartFiles | None = None
        self._sound: dict[str, list[PartRecord]] = {dataset: [] for dataset in DATASETS}
        self._meta: pa.Table | None = None  # prediction_id and run_id of every result in a sound part
        self._strays: list[Path] = []

    def expect(self) -> int:
        """How many steps this will take; looking at the parts again once the runs are known counts as one."""
        try:
            self._manifest = self._file.read()
        except TooNew as error:
            self._inspection.find("manifest-newer", self._layout.manifest, error.what)
            return 2
        except StorageError as error:
            code = "manifest-damaged" if isinstance(error, Corrupt | NotFound) else "unreadable"
            self._inspection.find(code, self._layout.manifest, error.what)
            return 2
        if not self._layout.manifest.exists() and self._unnamed():
            what = "manifest.json is not there, so none of the catalog's parts count."
            self._inspection.find("manifest-damaged", self._layout.manifest, what)
            self._manifest = None
            return 2
        return 2 + sum(len(getattr(self._manifest, dataset)) for dataset in DATASETS)

    def is_whole(self, dataset: str) -> bool:
        """Whether every part of a data set is sound."""
        return self._manifest is not None and len(self._sound[dataset]) == len(getattr(self._manifest, dataset))

    def mark(self) -> str:
        """The mark of the manifest that was checked, empty where there is none."""
        return manifest_mark(self._manifest) if self._manifest is not None else ""

    def mark_now(self) -> str:
        """The mark of the manifest as it is now."""
        return manifest_mark(self._file.read())

    def ids(self) -> set[str] | None:
        """The ids of all results; None where not all of them could be read."""
        if self._meta is None or not self.is_whole("meta"):
            return None
        return set(_flat(self._meta).to_pylist()) - {None}

    def finds_damage(self, dataset: str) -> bool:
        """Whether a part that looks sound is not when all of its bytes are read; what is wrong becomes a finding."""
        folder = self._layout.part_folder(dataset)
        whole = [self._check_part(dataset, one, folder / one.file, deep=True) for one in self._sound[dataset]]
        return not all(whole)

    def places_of_arrays(self) -> list[tuple[str, list[Range]]]:
        """The first and last id in each row group of the parts with arrays."""
        assert self._files is not None
        return [(part.file, self._files.ranges("data", part)) for part in self._sound["data"]]

    # ------------------------------------------------------------ the parts

    def check_parts(self) -> None:
        """Check every part that the manifest names; once more when a part was replaced while that was done."""
        self._inspection.step("checking the catalog")
        for _ in range(_ATTEMPTS):
            with self._inspection.item(self._layout.manifest):
                self._manifest = self._file.read() if self._manifest is not None else None  # as it is now
            self._strays = self._unnamed()
            if self._manifest is None:
                return
            before, found = self._manifest, len(self._inspection.findings)
            self._check_named()
            with self._inspection.item(self._layout.part_folder("meta")):
                self._meta = self._read("meta", ["prediction_id", "run_id", "pipeline_id"])
            with self._inspection.item(self._layout.manifest):
                self._manifest = self._file.read()
            if all(part in getattr(self._manifest, d) for d in DATASETS for part in getattr(before, d)):
                self._manifest = before
                break
            del self._inspection.findings[found:]  # a part that was merged meanwhile may have been missed
        else:
            self._meta = None  # of a catalog that is never at rest nothing can be concluded
        if self._meta is not None:
            self._inspection.checked["results"] = self._meta.num_rows
            self._check_twice(self._meta)

    def _check_named(self) -> None:
        from storage.part_files import PartFiles

        self._files = PartFiles(self._layout, self._disk)
        self._inspection.checked["parts"] = 0
        for dataset in DATASETS:
            self._sound[dataset] = []
            for part in getattr(self._manifest, dataset):
                self._inspection.step()
                place = self._layout.part_folder(dataset) / part.file
                with self._inspection.item(place):
                    self._inspection.checked["parts"] += 1
                    if self._check_part(dataset, part, place, self._inspection.deep):
                        self._sound[dataset].append(part)

    def _check_part(self, dataset: str, part: PartRecord, place: Path, deep: bool) -> bool:
        """Whether a part is sound; what is wrong with it becomes a finding."""
        assert self._files is not None
        wrong = self._files.problem(dataset, part, deep=deep)
        if wrong == "missing":
            what = f"{part.file} is named in the manifest and not there: {_held(dataset, part.rows)} can't be read."
            self._inspection.find("part-missing", place, what)
        elif wrong == "miscounted":
            self._inspection.find("part-miscounted", place, f"The manifest says {part.file} has {part.rows:,} rows.")
            return True
        elif wrong:
            what = f"{part.file} with {_held(dataset, part.rows)} is damaged: {wrong}."
            self._inspection.find("part-damaged", place, what, bytes=part.bytes)
        return not wrong

    def _read(self, dataset: str, columns: Sequence[str]) -> pa.Table:
        import pyarrow as pa

        from storage.part_files import conform

        assert self._files is not None
        schema = pa.schema([(name, pa.string()) for name in columns])
        tables = [schema.empty_table()]
        for part in self._sound[dataset]:
            with self._inspection.item(self._layout.part_folder(dataset) / part.file):
                tables.append(conform(self._files.read(dataset, part, columns, verify=False), schema))
        return pa.concat_tables(tables)

    def _check_twice(self, meta: pa.Table) -> None:
        import pyarrow.compute as pc

        twice = meta.num_rows - pc.count_distinct(meta.column("prediction_id"), mode="all").as_py()
        if twice:
            what = f"{_results(twice)} {'is' if twice == 1 else 'are'} in the catalog more than once."
            self._inspection.find("rows-twice", self._layout.part_folder("meta"), what)

    # ------------------------------------------------------------ part files that do not count

    def _unnamed(self) -> list[Path]:
        found = []
        for dataset in DATASETS:
            folder = self._layout.part_folder(dataset)
            live = {part.file for part in getattr(self._manifest, dataset)} if self._manifest else set()
            if folder.is_dir() and not is_behind_link(folder, self._layout.root):
                found += [path for path in sorted(folder.glob("*.parquet")) if path.name not in live and path.is_file()]
        return found

    def check_strays(self) -> None:
        """Name the part files that were not in the manifest when the check began and are not in it now."""
        if self._manifest is None:
            return
        self._manifest = self._file.read()
        still = set(self._unnamed())
        for path in self._strays:
            if path in still and not path.is_symlink():
                ours = path.name.startswith("part-")
                what = f"{path.name} is not named in the manifest, so Runshelf does not count it; other programs do."
                self._inspection.find("part-stray" if ours else "foreign-entry", path, what, bytes=path.stat().st_size)

    # ------------------------------------------------------------ results and run folders

    def compare(
        self,
        seen: Sequence[SeenPipeline],
        lacking: Mapping[str, list[tuple[str, Path]]],
        complete: bool,
        deleted: Sequence[SeenPipeline] = (),
    ) -> None:
        """Compare the results with the pipelines that were seen; with a damaged part nobody knows what is missing.

        The documents of `deleted` ones are compared, too.
        """
        self._inspection.step("comparing the catalog with the runs")
        if self._meta is None or self._manifest is None:
            return
        if self.is_whole("meta") and self.is_whole("annotations"):  # which were deleted on purpose stands in the edits
            with self._inspection.item(self._layout.catalog):
                self._find_rows_missing(seen)
        if complete:
            with self._inspection.item(self._layout.catalog):
                self._find_folders_gone(self._meta, seen)
        with self._inspection.item(self._layout.catalog):
            self._find_documents_missing(lacking)
        with self._inspection.item(self._layout.catalog):
            self._compare_results(seen, deleted)

    def _compare_results(self, seen: Sequence[SeenPipeline], deleted: Sequence[SeenPipeline]) -> None:
        """Compare the results with the documents of their pipelines; the deep check every number of them."""
        assert self._files is not None and self._meta is not None
        check = ResultsCheck(self._inspection, self._layout, self._files, self._sound)
        if self.is_whole("data"):
            check.find_arrays_missing(seen, set(_flat(self._meta).to_pylist()))
        if self._inspection.deep:
            self._inspection.expect(sum(len(self._sound[dataset]) for dataset in ("meta", "data")))
            check.compare([*deleted, *seen])  # of copies the one in its place counts

    def _find_rows_missing(self, seen: Sequence[SeenPipeline]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        assert self._meta is not None
        wanted = [one for one in ended(seen) if not one.busy]
        there = pc.is_in(pa.array([one.prediction_id for one in wanted], pa.string()), _flat(self._meta))
        without = [one for one, has in zip(wanted, there.to_pylist(), strict=True) if not has]
        deleted = self._deleted({one.prediction_id for one in without}) if without else set()
        others = self._under_other_ids(without)
        for one in without:
            if one.prediction_id in others:
                what = f"pipeline.json of {one.pipeline_id} says another prediction_id than the catalog."
                self._inspection.find("document-differs", self._document(one), what)
            elif one.prediction_id not in deleted:
                place = self._layout.run(one.folder) / one.pipeline_id
                what = f"{one.pipeline_id} {one.status} and the catalog does not have it."
                self._inspection.find("row-missing", place, what)

    def _under_other_ids(self, without: Sequence[SeenPipeline]) -> set[str]:
        """The ids of those of them whose document was changed and whose pipeline has its row under another one."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not without or self._meta is None:
            return set()
        runs = pa.array({_name(one)[0] for one in without}, pa.string())
        rows = self._meta.filter(pc.is_in(self._meta["run_id"], runs))
        there = {*zip(rows["run_id"].to_pylist(), rows["pipeline_id"].to_pylist(), strict=True)}
        known = [one for one in without if _name(one) in there]
        return {one.prediction_id for one in known if was_changed(self._document(one))}

    def _document(self, one: SeenPipeline) -> Path:
        return self._layout.run(one.folder) / one.pipeline_id / "pipeline.json"

    def _deleted(self, ids: set[str]) -> set[str]:
        """Those of these predictions that somebody deleted from the catalog."""
        from storage.part_files import deleted_in

        assert self._files is not None
        read = self._files.read
        return ids & deleted_in(read("annotations", part, verify=False) for part in self._sound["annotations"])

    def _find_folders_gone(self, meta: pa.Table, seen: Sequence[SeenPipeline]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        there = pa.array([one.prediction_id for one in seen], pa.string())
        gone = meta.filter(pc.invert(pc.is_in(meta.column("prediction_id"), there)))
        names = [*zip(gone["run_id"].to_pylist(), gone["pipeline_id"].to_pylist(), strict=True)]
        damaged = {_name(one): one for one in seen if one.status == "damaged"}
        odd = [damaged[name] for name in damaged.keys() - set(names)]  # renamed, or the catalog never had it
        if self._may_be_of_any_run(odd, meta):
            return
        hidden = {_name(one)[0] for one in odd}  # of these runs they may be any pipeline
        lost: dict[str, list[str]] = {}
        runs_there: dict[str, bool] = {}  # where a run is gone nobody has to look for each of its pipelines
        for number, (run, pipeline) in enumerate(names):
            if number % _HEARTBEAT == 0:
                self._inspection.step(steps=0)  # so that it can be stopped
            if run in hidden or (run, pipeline) in damaged:
                continue
            if run and run not in runs_there:
                runs_there[run] = self._layout.run(run).is_dir()
            made_since = run and pipeline and runs_there[run] and (self._layout.run(run) / pipeline).is_dir()
            if not made_since:
                lost.setdefault(run or "", []).append(pipeline or "")
        kept = self._kept(lost) if lost else {}
        if len(lost) > _RUNS_TOLD:
            what = f"The folders of {_results(sum(map(len, lost.values())))} of {len(lost):,} runs are gone."
            self._find_gone(self._layout.runs, what, list(chain.from_iterable(kept.values())))
            return
        for run, pipelines in lost.items():
            what = f"The folders of {_results(len(pipelines))} of the run {run} are gone."
            self._find_gone(self._layout.run(run) if run else self._layout.runs, what, kept[run])

    def _may_be_of_any_run(self, damaged: Sequence[SeenPipeline], meta: pa.Table) -> bool:
        """Whether some damaged pipeline is of a run that neither says which it is, nor has the name of one."""
        import pyarrow.compute as pc

        loose = {one.folder for one in damaged if not one.run_id}
        return bool(loose) and not loose <= set(pc.unique(meta["run_id"]).to_pylist())

    def _find_gone(self, place: Path, what: str, trash_ids: Sequence[str]) -> None:
        advice = "The catalog keeps its results. Restore it from the trash to have its files." if trash_ids else ""
        self._inspection.find("folder-gone", place, what, advice=advice, trash_ids=trash_ids)

    def _kept(self, lost: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """The entries of the trash that hold what each run has lost: the run itself, or pipelines of one that is there.

        Of a run that is gone the entry deleted last counts; a pipeline can't come back without its run.
        """
        whole = {entry.trash_id for entry in self._trash.list() if not entry.problem}
        found: dict[str, list[str]] = {run: [] for run in lost}
        there = {run: bool(run) and self._layout.run(run).is_dir() for run in lost}
        for record in self._trash.records():
            if record.trash_id not in whole or record.kind not in ("run", "pipeline"):
                continue
            origin = Path(record.origin)
            folder = origin.name if record.kind == "run" else origin.parent.name
            run = record.run_id if record.run_id in lost else folder
            if record.kind == "run" and not there.get(run, True) and not found[run]:
                content = self._trash.content(record)
                if any(pipeline and (content / pipeline).is_dir() for pipeline in lost[run]):
                    found[run].append(record.trash_id)
            elif record.kind == "pipeline" and there.get(run) and origin.name in lost[run]:
                found[run].append(record.trash_id)
        return found

    def _find_documents_missing(self, lacking: Mapping[str, list[tuple[str, Path]]]) -> None:
        """A document that is not there was lost if the catalog has what stood in it; else it never was written."""
        if not lacking:
            return
        wanted = {name: {one for one, lost in lacking.items() if any(n == name for n, _ in lost)}
                  for name in ("metrics.json", "predictions.csv")}  # fmt: skip
        had = {"metrics.json": self._with_metrics(wanted["metrics.json"]),
               "predictions.csv": self._with_arrays(wanted["predictions.csv"])}  # fmt: skip
        codes = {"metrics.json": "metrics-missing", "predictions.csv": "predictions-missing"}
        for prediction_id, lost in lacking.items():
            for name, folder in lost:
                if prediction_id in had[name]:
                    self._inspection.find(codes[name], folder / name, f"{name} of {folder.name} is missing.")

    def _with_metrics(self, ids: set[str]) -> set[str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        from storage.part_files import META_SCHEMA

        found: set[str] = set()
        for part in self._sound["meta"] if ids else ():
            assert self._files is not None
            table = self._files.read("meta", part, verify=False)
            table = table.filter(pc.is_in(table.column("prediction_id"), pa.array(sorted(ids), pa.string())))
            metrics = [name for name in table.column_names if name not in META_SCHEMA.names]
            for row in table.select(["prediction_id", *metrics]).to_pylist():
                if any(row[name] is not None for name in metrics):
                    found.add(row["prediction_id"])
        return found

    def _with_arrays(self, ids: set[str]) -> set[str]:
        return ids & set(self._read("data", ["prediction_id"]).column(0).to_pylist()) if ids else set()


def _name(one: SeenPipeline) -> tuple[str, str]:
    """By which run and name the catalog knows a pipeline, unless its folder was renamed."""
    return one.run_id or one.folder, one.pipeline_id


def _flat(table: pa.Table) -> Any:
    return table.column("prediction_id").combine_chunks()


def _held(dataset: str, rows: int) -> str:
    """What the rows of a part are, counted."""
    return _results(rows) if dataset == "meta" else "1 row" if rows == 1 else f"{rows:,} rows"


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count:,} results"
