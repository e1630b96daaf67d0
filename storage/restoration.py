"""The trash as people use it: look, bring back, empty. Whatever was deleted, it is one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.catalog import Catalog
from storage.disk import Disk
from storage.errors import BadInput, Cancelled, Conflict, DiskFull, NotFound, StorageError
from storage.folder_deletion import FolderDeletion, free_place
from storage.journal import Journal
from storage.layout import Layout
from storage.plan import Applied, Plan, Report, Step
from storage.quarantine import put_back
from storage.reading import is_behind_link
from storage.trash import ASIDE, FILES, KEPT_DAYS, THINNED, Trash, TrashEntry, TrashRecord
from storage.trees import tree_signature

if TYPE_CHECKING:
    import builtins


class TrashBin:
    """The trash of one workspace. `runs` are the runs of the index, `sync` brings it up to the files.

    `bring_back` puts arrays and models back into the pipelines that were thinned.
    """

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        catalog: Catalog,
        runs: Callable[[], Iterable[dict[str, Any]]],
        sync: Callable[[], object],
        bring_back: Callable[[TrashRecord, Report], str],
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog
        self._runs = runs
        self._sync = sync
        self._bring_back = bring_back
        self._trash = Trash(layout, disk)
        self._journal = Journal(layout, disk)
        self._folders = FolderDeletion(layout, disk, catalog, self._trash)

    # ------------------------------------------------------------ looking

    def list(self) -> builtins.list[TrashEntry]:
        """Every entry, newest first; a damaged one says in `problem` what is wrong. Raises NotFound without a disk."""
        self._disk.check_there()
        return [*self._trash.list()]

    def expired(self, days: int = KEPT_DAYS) -> builtins.list[TrashEntry]:
        """The entries that were deleted so many days ago or earlier. Raises NotFound without its disk."""
        self._disk.check_there()
        return [*self._trash.expired(days)]

    def newest_run(self, run_id: str) -> str:
        """The trash id of the run that was deleted last under a run id or folder name. Raises NotFound."""
        for record in self._trash.records("run"):
            if run_id in (record.run_id, Path(record.origin).name):
                return record.trash_id
        raise NotFound(f"There is no run '{run_id}' in the trash.", self._layout.trash, "List it: runshelf trash list.")

    def kept_artifacts(self, run_folder: str) -> set[str] | None:
        """The file names in `runs/<run_folder>/_binaries` that deleted pipelines still need; None if nobody knows."""
        return self._trash.kept_artifacts(run_folder)

    # ------------------------------------------------------------ deleting

    def put(self, path: Path, title: str = "", kind: str = "file", **facts: Any) -> str:
        """Move a file or folder of the workspace to the trash; returns the trash id. Raises NotFound."""
        record = self._trash.new_record(kind, title or path.name).model_copy(update=facts)
        return self._folders.put_away(record, path).trash_id

    def plan_put(
        self,
        record: TrashRecord,
        path: Path,
        steps: Sequence[Step],
        look: Callable[[], object],
        guard: Callable[[], None] = lambda: None,
    ) -> Plan:
        """A plan that moves a file or folder to the trash; `guard` refuses in the last moment."""

        def work(report: Report) -> Applied:
            report(0, 1, f"moving {path.name} to the trash")
            self._sync()
            trash_id = self._folders.put_away(record, path, guard).trash_id
            self._sync()
            report(1, 1, "done")
            return Applied(f"{_named(record)} is in the trash; it can be restored.", (trash_id,))

        named = _named(record)
        return Plan(f"Delete {named[0].lower()}{named[1:]}", tuple(steps), look, work)

    def new_record(self, kind: str, title: str) -> TrashRecord:
        """The record of an entry to be made."""
        return self._trash.new_record(kind, title)

    # ------------------------------------------------------------ bringing back

    def restore(self, trash_id: str) -> str:
        """Bring back what an entry holds; returns the sentence that says so.

        Where its place was taken meanwhile, a run, file or library item comes back under a free name. Raises NotFound,
        Conflict where it can't come back yet, Corrupt for a damaged entry.
        """
        record = self._trash.get(trash_id)
        if record.kind == "results":
            count = self._catalog.restore(trash_id)
            return "1 result restored." if count == 1 else f"{count:,} results restored."
        if record.kind in (FILES, ASIDE):
            return self._put_back(record)
        if record.kind == THINNED:
            return self._bring_back(record, lambda done, total, text: None)
        place = self._folders.bring_back(trash_id, self._place_of)
        self._sync()
        if place.name != Path(record.origin).name:
            return f"{_named(record)} restored as {_shown(place)}, for its old name is taken."
        return f"{_named(record)} restored."

    def plan_restore(self, trash_ids: Sequence[str]) -> Plan:
        """A plan that brings back what these entries hold, runs before their pipelines. Raises NotFound.

        What can't come back stays in the trash and is named; where nothing could, that is raised.
        """
        found = [self._trash.get(one) for one in dict.fromkeys(trash_ids)]
        records = sorted(found, key=lambda record: record.kind != "run")
        ids = [record.trash_id for record in records]
        title = f"Restore {records[0].title}" if len(records) == 1 else f"Restore {len(records):,} things"

        def look() -> object:
            there = {entry.trash_id: entry for entry in self.list()}
            taken = [bool(one.origin) and (self._layout.root / one.origin).exists() for one in records]
            return [there.get(one) for one in ids], taken

        def work(report: Report) -> str:
            with self._journal.noted("restore", title, {"trash_ids": ids}):
                return self.finish_restoration({"trash_ids": ids}, report)

        return Plan(title, tuple(Step(_bringing_back(one), one.bytes) for one in records), look, work)

    def finish_restoration(self, payload: Mapping[str, Any], report: Report) -> str:
        """Bring back what a note names, as far as it is in the trash still; returns what was done, in sentences."""
        said, errors = list[str](), list[StorageError]()
        ids = payload["trash_ids"]
        for done, trash_id in enumerate(ids):
            report(done, len(ids), "restoring")
            try:
                said.append(self.restore(trash_id))
            except NotFound as error:
                errors += [error] if (self._layout.trash / trash_id).exists() else []  # else it is back already
            except Cancelled:
                raise
            except StorageError as error:
                errors.append(error)
        report(len(ids), len(ids), "done")
        if errors and not said:
            raise errors[0]
        return " ".join([*said, *(error.what for error in errors)])

    def _put_back(self, record: TrashRecord) -> str:
        if record.kind == ASIDE:
            raise Conflict(
                f"{record.title} can't be restored: it was put aside because it was damaged.",
                self._trash.content(record),
                "Look at it there, or take it from a copy.",
            )
        with self._disk.lock("trash"), self._disk.lock("runs"):  # the run it belongs to stays where it is
            count = put_back(self._layout, self._disk, self._trash.get(record.trash_id))
        return "1 file restored." if count == 1 else f"{count:,} files restored."

    def _place_of(self, record: TrashRecord) -> Path:
        old = Path(record.origin)
        if old.is_absolute() or ".." in old.parts or not old.name:
            raise BadInput(f"{record.trash_id} says it was at '{old}'.", advice="Move it back by hand.")
        if is_behind_link(self._layout.root / old.parts[0], self._layout.root):
            raise BadInput(f"{old.parts[0]} is a link to somewhere else.", advice="Put the folder itself there.")
        if record.kind == "run":
            return free_place(self._layout.runs, old.name)
        if record.kind == "pipeline":
            return self._place_of_pipeline(record, old)
        place = self._layout.root / old
        if record.kind == "library" and old.parts[:1] != ("library",):
            raise BadInput(f"{record.trash_id} says it was in {old.parent}.", advice="Move it back by hand.")
        if not place.parent.is_dir():
            raise Conflict(
                f"The folder {old.parent.as_posix()} of {old.name} is not there.", place.parent, "Make it again first."
            )
        return free_place(place.parent, place.name)

    def _place_of_pipeline(self, record: TrashRecord, old: Path) -> Path:
        """In its run, also if that was renamed meanwhile: it needs the artifacts there."""
        self._sync()
        made = record.run_created_at
        same = [row["folder"] for row in self._runs() if made is None or row["created_at"] == made]
        home = old.parent.name if old.parent.name in same else same[0] if same and made is not None else None
        if home is None:
            raise Conflict(
                f"The run of {old.name} is not there: {old.parent.name}.",
                self._layout.runs / old.parent.name,
                "Restore the run first, if it is in the trash.",
            )
        place = self._layout.run(home) / old.name
        if place.exists():
            raise Conflict(f"There is a {old.name} in {home} again.", place, "Move that one away first.")
        return place

    # ------------------------------------------------------------ emptying

    def plan_empty(self, older_than_days: int | None = None) -> Plan:
        """A plan that removes everything in the trash for good, or what was deleted so many days ago or earlier.

        Raises BadInput for a negative number of days.
        """
        if older_than_days is not None and older_than_days < 0:
            raise BadInput(f"{older_than_days} days ago is not yet.", advice="Give 0 days or more.")

        def chosen() -> builtins.list[TrashEntry]:
            return self.list() if older_than_days is None else self.expired(older_than_days)

        which = "" if older_than_days is None else f" of what is older than {older_than_days} days"
        return self._plan_removal(f"Empty the trash{which}", chosen)

    def plan_remove(self, trash_ids: Sequence[str]) -> Plan:
        """A plan that removes these entries for good. Raises NotFound."""
        wanted = dict.fromkeys(trash_ids)
        missing = set(wanted) - {entry.trash_id for entry in self.list()}
        if missing:
            raise NotFound(f"There is no '{min(missing)}' in the trash.", self._layout.trash, "List it again.")
        return self._plan_removal(
            "Remove from the trash", lambda: [entry for entry in self.list() if entry.trash_id in wanted]
        )

    def _plan_removal(self, title: str, chosen: Callable[[], builtins.list[TrashEntry]]) -> Plan:
        entries = chosen()

        noted = {"entries": [{"trash_id": entry.trash_id, "kind": entry.kind} for entry in entries]}

        def work(report: Report) -> str:
            with ExitStack() as stack:
                with suppress(DiskFull):  # emptying the trash is how room is made: then it goes on without a note
                    stack.enter_context(self._journal.noted("remove", title, noted))
                return self.finish_removal(noted, report)

        steps = tuple(Step(f"Remove {entry.title} for good.", entry.bytes) for entry in entries)

        def look() -> object:
            return [(entry.trash_id, tree_signature(self._layout.trash / entry.trash_id)) for entry in chosen()]

        return Plan(title, steps, look, work)

    def finish_removal(self, payload: Mapping[str, Any], report: Report) -> str:
        """Remove for good what a note names; what is gone already is no error."""
        entries = payload["entries"]
        for done, entry in enumerate(entries):
            report(done, len(entries), f"removing {entry['trash_id']}")
            lock = "catalog" if entry["kind"] == "results" else "trash"  # whoever restores it holds the same
            with self._disk.lock(lock):
                self._trash.remove(entry["trash_id"])
        report(len(entries), len(entries), "done")
        count = "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"
        return f"{count} removed for good."


def _bringing_back(record: TrashRecord) -> str:
    """What restoring an entry does, as a step of a plan."""
    if record.kind == "results":
        return f"Put the rows of {record.title} back into the catalog."
    return f"Bring {record.title} back to {record.origin}." if record.origin else f"Put {record.title} back."


def _named(record: TrashRecord) -> str:
    """What was deleted, to begin a sentence with."""
    word = {"run": "Run ", "pipeline": "Pipeline ", "library": "", "file": "File "}.get(record.kind, "")
    return f"{word}{record.title}" if word else f"{record.title[:1].upper()}{record.title[1:]}"


def _shown(place: Path) -> str:
    return place.name.removesuffix(".json")
