"""Following the files: the index of a workspace brought up to its catalog and its run folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from storage.catalog import Catalog
from storage.disk import UPDATE, Disk
from storage.errors import Corrupt, TooNew
from storage.index import Index
from storage.layout import Layout
from storage.plan import Report
from storage.reading import is_plain_folder
from storage.scan import changed_runs, run_folders, run_signature, scan_run
from storage.trees import file_signature


class Following:
    """Brings one index up to the files of its workspace; `tell` is called with what the user should know.

    `report` may be set for a while: it hears how far an index is that is filled, and may raise Cancelled.
    """

    def __init__(
        self, layout: Layout, disk: Disk, index: Index, catalog: Catalog, tell: Callable[[str], object]
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._index = index
        self._catalog = catalog
        self._tell = tell
        self._damage_told = self._away_told = False
        self.report: Report = lambda done, total, text: None
        self._noted = False  # whether a look at one run found what no `sync` has told of yet
        self._named = False  # whether damaged pipelines were looked up since the start

    def sync(self, full: bool = False) -> bool:
        """Bring the index up to the files; True if anything changed. `full` looks at every document again."""
        noted, self._noted = self._noted, False
        changed = self._catalog.ask_index(lambda: self._sync(full))
        self._pass_on()
        return changed or noted

    def scan(self, full: bool = False) -> bool:
        """Bring the index up to the run folders alone; True if anything changed."""
        return self._catalog.ask_index(lambda: self._scan(full))

    def read_edited(self, folder: str, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Read a run again if documents of these pipelines of it are not as the index read them; whether they were.

        Of those that ended: where some are at work `sync` looks. It tells of what changed, too.
        """
        place = self._layout.run(folder)
        ended = [row for row in rows if row["status"] != "running"]
        edited = any(file_signature(f"{place}/{row['pipeline_id']}/pipeline.json") != row["signature"] for row in ended)
        if not (edited and self._disk.is_there() and is_plain_folder(place)):
            return False
        self._noted = self._catalog.ask_index(lambda: self._read(place)) or self._noted
        return True

    def _read(self, place: Path) -> bool:
        scan = scan_run(place, run_signature(place), self._index.runs.pipeline_signatures(place.name))
        changed = self._index.runs.put_run(scan.run, scan.changed, scan.gone)
        return self._index.runs.name_damaged() or changed

    def _scan(self, full: bool) -> bool:
        if not self._disk.is_there():
            return False
        known = self._index.runs.run_signatures()
        changed = False
        found = changed_runs(self._layout, known, self._index.runs.pipeline_signatures, full)
        for scan in found:
            changed = self._index.runs.put_run(scan.run, scan.changed, scan.gone) or changed
        if is_plain_folder(self._layout.runs):  # a root that is unmounted makes nothing disappear
            gone = set(known) - {entry.name for entry in run_folders(self._layout)}
            self._index.runs.remove_runs(gone)
            changed = changed or bool(gone)
        return changed

    def refill(self) -> None:
        """Fill an index that was just started again."""
        self._follow_catalog()
        self._scan(full=False)
        self._index.runs.name_damaged()
        self._pass_on()

    def _sync(self, full: bool) -> bool:
        changed = self._follow_catalog()
        changed = self._scan(full) or changed
        if changed or not self._named:
            changed = self._index.runs.name_damaged() or changed
            self._named = True
        return self._index.changed_elsewhere() or changed  # another process may have noted it already

    def _follow_catalog(self) -> bool:
        """Bring the results up to the manifest; with a damaged or newer one they stay, and nothing is written.

        They stay, too, while the folder of the workspace is away. Raises NotFound where there is nothing to show then.
        """
        if not self._disk.is_there():
            return self._stay()
        back, self._away_told = self._away_told, False
        if back:  # news in any case: what was asked meanwhile could not be read
            self._tell(f"{self._layout.root} is there again.")
        try:
            return self._catalog.follow_manifest(self.report) or back
        except (Corrupt, TooNew) as error:
            if not self._damage_told:
                mend = "it is mended: runshelf check --repair does it"
                until = "Runshelf is updated" if isinstance(error, TooNew) else mend
                self._tell(f"{error.what} Results are shown as last known; nothing is written until {until}.")
            self._damage_told = True
            self._disk.only_read(UPDATE if isinstance(error, TooNew) else "Mend it: runshelf check --repair.")
            return False

    def _stay(self) -> bool:
        if self._index.unfilled:
            self._disk.check_there()
        if not self._away_told:
            root = self._layout.root
            self._tell(f"{root} is not there any more. Results are shown as last known until it is back.")
        self._away_told = True
        return False

    def _pass_on(self) -> None:
        for notice in self._index.notices:
            self._tell(notice)
        self._index.notices.clear()
