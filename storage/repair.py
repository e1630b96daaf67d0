"""Repairs of what a check found, as a plan: every repair looks again before it touches anything, and loses nothing.

What is damaged or unused goes to the trash first. What is no longer as it was found is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage import findings as kinds
from storage.artifacts import FOLDER as BINARIES
from storage.catalog import Catalog
from storage.check import temporary_files
from storage.disk import Disk
from storage.errors import Corrupt, NotFound, StorageError
from storage.findings import FIXES, Finding, count
from storage.index import Index
from storage.intake import take_arrays, take_in
from storage.layout import Layout, pipeline_number
from storage.manifest import DATASETS, ManifestFile
from storage.plan import Plan, Report, Step
from storage.quarantine import move_aside
from storage.reading import stamp
from storage.records import PipelineRecord, RunSummary, read_document
from storage.recovery import end_abandoned, interrupt
from storage.rescue import RESCUES
from storage.runs import Run
from storage.trash import FILES, Trash

if TYPE_CHECKING:
    from storage.documents_anew import DocumentsAnew

_SENTENCES = {
    kinds.END_WRITERS: (
        "Take the process of {one} for ended; what it began is marked as interrupted or taken in.",
        "Take {n} processes of other machines for ended; what they began is marked as interrupted or taken in.",
    ),
    kinds.MEND_PARTS: (
        "Put the damaged part {one} aside in the trash; write what it held anew from the run folders and the index.",
        "Put {n} damaged parts aside in the trash; write what they held anew from the run folders and the index.",
    ),
    kinds.COUNT_PARTS: ("Correct the row count of {one}.", "Correct the row counts of {n} parts."),
    kinds.REBUILD_INDEX: ("Make the index again from the files.", "Make the index again from the files."),
    kinds.MARK_INTERRUPTED: ("Mark {one} as interrupted.", "Mark {n} runs and pipelines as interrupted."),
    kinds.TAKE_IN: ("Take {one} into the catalog.", "Take {n} results into the catalog."),
    kinds.TAKE_ARRAYS: (
        "Take the predictions of {one} into the catalog.",
        "Take the predictions of {n} pipelines into the catalog.",
    ),
    kinds.WRITE_RUNS: (
        "Write run_config.json of {run} anew; a damaged one goes to the trash first.",
        "Write run_config.json of {n} runs anew; damaged ones go to the trash first.",
    ),
    kinds.WRITE_DOCUMENTS: (
        "Write {one} of {run} anew from the catalog; a damaged one goes to the trash first.",
        "Write {n} documents of pipelines anew from the catalog; damaged ones go to the trash first.",
    ),
    kinds.WRITE_SUMMARIES: (
        "Write the summary of {run} anew; a damaged one goes to the trash first.",
        "Write {n} run summaries anew; damaged ones go to the trash first.",
    ),
    kinds.REMOVE_ORPHANS: (
        "Move the artifact {one}, which no pipeline names, to the trash.",
        "Move {n} artifacts that no pipeline names to the trash.",
    ),
    kinds.SWEEP: ("Remove {one}, an unfinished write.", "Remove {n} unfinished writes."),
}
_ORDER = (  # parts early: what the index still knows of them is gone once it is made again
    kinds.WRITE_RUNS,  # a run without its document gives nothing back
    kinds.MEND_PARTS,
    kinds.COUNT_PARTS,
    kinds.REBUILD_INDEX,
    kinds.END_WRITERS,
    kinds.MARK_INTERRUPTED,
    kinds.TAKE_IN,
    kinds.TAKE_ARRAYS,
    kinds.WRITE_DOCUMENTS,
    kinds.WRITE_SUMMARIES,
    kinds.REMOVE_ORPHANS,
    kinds.SWEEP,
)
_MARKED = ("run or pipeline", "runs and pipelines", "marked as interrupted")
_WRITTEN = ("run summary", "run summaries", "written anew")
_CONFIGS = (
    "run document", "run documents",
    "written anew as the pipelines tell, which know no description; what was damaged lies in the trash",
)  # fmt: skip
_DOCUMENTS = ("document", "documents", "written anew from the catalog")
assert set(_ORDER) == set(FIXES) - set(RESCUES) == set(_SENTENCES)


@dataclass(frozen=True)
class Repairs:
    """The repairs of one workspace; what it takes for them that others do is handed over.

    `recover` brings order after processes that ended, `sync` brings the index up to the files.
    """

    layout: Layout
    disk: Disk
    index: Index
    catalog: Catalog
    rebuild_index: Callable[[Report], object]
    recover: Callable[[Report], object]
    sync: Callable[[], object]

    def plan(self, findings: Sequence[Finding]) -> Plan:
        """A plan that mends these findings; those without a fix are left out."""
        grouped = {fix: [one for one in findings if one.fix == fix] for fix in _ORDER}
        chosen = {fix: found for fix, found in grouped.items() if found}
        title = f"Repair {count(sum(len(found) for found in chosen.values()), 'finding')}"
        steps = tuple(Step(_sentence(fix, found), sum(one.bytes for one in found)) for fix, found in chosen.items())
        places = [self.layout.root / one.place for one in findings if one.fix not in ("", kinds.REBUILD_INDEX)]
        return Plan(title, steps, lambda: [stamp(place) for place in places], lambda report: self._do(chosen, report))

    def _do(self, chosen: dict[str, list[Finding]], report: Report) -> str:
        done: list[str] = []
        for number, (fix, found) in enumerate(chosen.items()):
            report(number, len(chosen), _sentence(fix, found))
            places = [self.layout.root / one.place for one in found]
            done += [text for text in self._one(fix, places, report) if text]
        self.sync()
        report(len(chosen), len(chosen), "done")
        text = "; ".join(done)
        return f"{text[:1].upper()}{text[1:]}." if text else "Nothing was as it had been found; nothing was changed."

    def _one(self, fix: str, places: list[Path], report: Report) -> Iterator[str]:
        def quiet(done: int, total: int, text: str) -> None:
            report(0, 0, text)

        match fix:
            case kinds.MEND_PARTS:
                yield self._mend({place.name for place in places}, quiet)
            case kinds.COUNT_PARTS:
                yield self._count_parts({place.name for place in places})
            case kinds.REBUILD_INDEX:
                self.rebuild_index(quiet)
                yield "the index was made again"
            case kinds.MARK_INTERRUPTED:
                yield from self._each(places, self._mark, _MARKED, quiet)
            case kinds.END_WRITERS:
                buried = sum(self.disk.bury(place.name.removesuffix(".lock")) for place in places)
                self.recover(quiet)
                yield f"{count(buried, 'process', 'processes')} taken for ended" if buried else ""
            case kinds.WRITE_RUNS:
                yield from self._each(places, self._documents.write_run, _CONFIGS, quiet)
                self.sync()
            case kinds.TAKE_ARRAYS:
                yield self._take_arrays(places)
            case kinds.WRITE_DOCUMENTS:
                yield from self._each(places, self._documents.write_document, _DOCUMENTS, quiet)
            case kinds.TAKE_IN:
                yield self._take_in(places, quiet)
            case kinds.WRITE_SUMMARIES:
                yield from self._each(places, self._write_summary, _WRITTEN, quiet)
            case kinds.REMOVE_ORPHANS:
                yield self._remove_orphans(places)
            case kinds.SWEEP:
                yield self._sweep(places)

    def _each(
        self, places: Sequence[Path], change: Callable[[Path], bool], done: tuple[str, str, str], report: Report
    ) -> Iterator[str]:
        """Make a change at each place; what can't be is named and the others go on."""
        changed = 0
        for place in places:
            report(0, 0, "")
            try:
                changed += change(place)
            except StorageError as error:
                yield f"{place.name} is left as it is: {error.what.rstrip('.')}"
        if changed:
            yield f"{count(changed, *done[:2])} {done[2]}"

    # ------------------------------------------------------------ one kind each

    def _run(self, folder: Path) -> Run:
        return Run.open(self.layout, self.disk, self.catalog, folder)

    def _mark(self, place: Path) -> bool:
        """Mark what a process that is gone left running: a pipeline folder, or a run folder whose pipelines ended."""
        if place.parent == self.layout.runs:
            summary = read_document(place / "run_summary.json", RunSummary)
            dead = summary.status == "running" and not self.disk.is_alive(summary.writer)
            return dead and end_abandoned(self._run(place))
        record = read_document(place / "pipeline.json", PipelineRecord)
        dead = record.status == "running" and not self.disk.is_alive(record.writer)
        return dead and interrupt(self._run(place.parent), place.name)

    def _mend(self, names: set[str], report: Report) -> str:
        from storage.mending import Mending

        return Mending(self.layout, self.disk, self.index, self.catalog).mend(names, report)

    def _take_in(self, places: Sequence[Path], report: Report) -> str:
        done = take_in(self.layout, self.disk, self.catalog, places, report)
        return ", ".join([f"{count(done.results, 'result')} taken into the catalog", *done.problems])

    @property
    def _documents(self) -> DocumentsAnew:
        from storage.documents_anew import DocumentsAnew

        return DocumentsAnew(self.layout, self.disk, self.catalog)

    def _take_arrays(self, places: Sequence[Path]) -> str:
        done = take_arrays(self.layout, self.disk, self.catalog, places)
        return ", ".join([f"predictions of {count(done.results, 'result')} taken into the catalog", *done.problems])

    def _write_summary(self, place: Path) -> bool:
        """Bring run_summary.json up to the pipelines; the times of the run stay, as far as they are known."""
        run = self._run(place.parent)
        with self.disk.lock("runs"):
            try:
                if read_document(place, RunSummary).status == "running":
                    return False
                run.recount()
                return True
            except NotFound:
                pass
            except Corrupt:
                move_aside(self.layout, self.disk, f"Damaged summary of {run.folder.name}", [place])
            new = run.finalize()
            ends = [p.record.completed_at for p in run.pipelines() if p.record.completed_at is not None]
            if ends:
                seconds = round((max(ends) - new.started_at).total_seconds(), 3)
                new = new.model_copy(update={"completed_at": max(ends), "duration_seconds": seconds})
                self.disk.write(place, new.to_json())
        return True

    def _count_parts(self, names: set[str]) -> str:
        from storage.parts import Parts

        parts = Parts(self.layout, self.disk, ManifestFile(self.layout, self.disk), lambda commit: None)
        changed = parts.count_again(names)
        self.catalog.sync()
        return f"{count(changed, 'row count')} corrected" if changed else ""

    def _remove_orphans(self, places: Sequence[Path]) -> str:
        with self.disk.lock("runs"):
            unused = {folder: self._unused(folder) for folder in {place.parent.parent for place in places}}
            doomed = [place for place in places if place.name in unused[place.parent.parent]]
            record = move_aside(self.layout, self.disk, "Artifacts that no pipeline named", doomed, FILES)
        return f"{count(len(record.sha256), 'unused artifact')} moved to the trash" if record else ""

    def _unused(self, folder: Path) -> set[str]:
        """The artifacts of a run that nothing names; none where somebody works or a document can't be read."""
        try:
            summary = read_document(folder / "run_summary.json", RunSummary)
            records = [
                read_document(path / "pipeline.json", PipelineRecord)
                for path in folder.iterdir()
                if pipeline_number(path.name) is not None and path.is_dir() and not path.is_symlink()
            ]
        except (StorageError, OSError):
            return set()
        working = [summary.writer] if summary.status == "running" else []
        working += [record.writer for record in records if record.status == "running"]
        if any(self.disk.is_alive(writer) for writer in working):
            return set()
        named = {Path(artifact.path).name for record in records for artifact in record.binaries()}
        kept = Trash(self.layout, self.disk).kept_artifacts(folder.name)
        if kept is None:
            return set()
        return {path.name for path in (folder / BINARIES).iterdir() if path.is_file()} - named - kept

    def _sweep(self, places: Sequence[Path]) -> str:
        """Remove what dead writers left; parts that don't count go to the trash, for nobody knows whose they are."""
        swept = self.disk.sweep()
        loose = set(temporary_files(self.layout)) & set(places)
        self.disk.remove_files(loose)
        with self.disk.lock("catalog"):
            manifest = ManifestFile(self.layout, self.disk).read()
            live = {self.layout.part_folder(d) / part.file for d in DATASETS for part in getattr(manifest, d)}
            folders = [self.layout.part_folder(dataset) for dataset in DATASETS]
            strays = [place for place in places if place.parent in folders and place not in live]
            record = move_aside(self.layout, self.disk, "Parts that did not count", strays)
        done = [f"{count(swept + len(loose), 'unfinished write')} removed"] if swept or loose else []
        done += [f"{count(len(record.sha256), 'uncounted part')} moved to the trash"] if record else []
        return ", ".join(done)


def _sentence(fix: str, found: Sequence[Finding]) -> str:
    single, several = _SENTENCES[fix]
    place = Path(found[0].place)
    return (single if len(found) == 1 else several).format(n=f"{len(found):,}", one=place.name, run=place.parent.name)
