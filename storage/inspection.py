"""One check under way: what it has found and counted so far, how far it is, and that nothing stops it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import Cancelled, NotFound, StorageError
from storage.findings import KINDS, Finding, Report, finding
from storage.layout import TRASH
from storage.plan import Report as Progress
from storage.records import utc_now, was_changed

EDITED = "document-edited"
CHECK_AGAIN = "Restore it and check again: what can be mended is mended there."
_COUNTED = ("runs", "pipelines", "artifacts", "parts", "results")


class Away(NotFound):
    """The workspace went away while it was looked at."""


class Inspection:
    """Collects findings below `root`. Any error in an `item` becomes a finding, and the next item is looked at.

    Only `Cancelled`, which `report` raises, ends it early, and `Away`: what is missing while the workspace is away
    tells nothing of it. `check_there` raises NotFound then.
    """

    def __init__(self, root: Path, report: Progress | None, deep: bool, check_there: Callable[[], None]) -> None:
        self.root = root
        self._check_there = check_there
        self.deep = deep
        self.findings: list[Finding] = []
        self.checked: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        self._report = report or (lambda done, total, text: None)
        self._started = time.monotonic()
        self._done = 0
        self._total = 0
        self._text = ""

    # ------------------------------------------------------------ how far it is

    def expect(self, steps: int) -> None:
        """Say that so many steps more are to come."""
        self._total += steps

    def step(self, text: str = "", steps: int = 1) -> None:
        """Say that a step is done; `text` when something else begins. Raises Cancelled, Away."""
        self._check_away()
        self._text = text or self._text
        self._done += steps
        self._report(min(self._done, self._total), self._total, self._text)

    def part_of(self, steps: int) -> Progress:
        """Expect so many steps, and return a report that does them as far as the work it is given to is done."""
        self.expect(steps)
        counted = 0

        def report(done: int, total: int, text: str) -> None:
            nonlocal counted
            reached = max(counted, steps * done // total) if total else counted
            counted, more = reached, reached - counted
            self.step(text, more)

        return report

    # ------------------------------------------------------------ what it finds

    def find(
        self,
        code: str,
        place: Path | str,
        what: str,
        *,
        advice: str = "",
        bytes: int = 0,
        trash_ids: Sequence[str] = (),
    ) -> None:
        """Note a finding. What lies in the trash is told as a damaged entry: nothing is mended there."""
        self._check_away()
        told = self.relative(place)
        if told.startswith(f"{TRASH}/") and told.count("/") > 1:
            if KINDS[code].severity != "damage" and code not in (EDITED, "chart-damaged"):
                return
            code, told, advice = "trash-damaged", "/".join(told.split("/")[:2]), CHECK_AGAIN
        self.findings.append(finding(code, told, what, advice=advice, bytes=bytes, trash_ids=trash_ids))

    def find_edited(self, document: Path, code: str = EDITED) -> bool:
        """Note whether a document was changed since Runshelf wrote it; False where it was not, or can't be read."""
        with suppress(StorageError):
            if was_changed(document):
                what = f"{document.name} of {document.parent.name} was changed since it was written."
                self.find(code, document, what)
                return True
        return False

    def relative(self, place: Path | str) -> str:
        """A place as it is told: below the workspace, with slashes."""
        path = Path(place)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(place)

    @contextmanager
    def item(self, place: Path) -> Iterator[None]:
        """Look at one thing: whatever goes wrong with it is a finding, unless it went away meanwhile."""
        try:
            yield
            self._check_away()
        except (Cancelled, Away):
            raise
        except (StorageError, OSError) as error:
            if os.path.lexists(place) and not _is_gone(error):
                what = (
                    error.what if isinstance(error, StorageError) else f"{place.name} can't be read: {error.strerror}."
                )
                self.find("unreadable", place, what, advice=error.advice if isinstance(error, StorageError) else "")
        except Exception as error:  # one thing that can't be checked must not hide the others
            self.find("unchecked", place, f"{place.name} could not be checked: {type(error).__name__}: {error}.")

    def _check_away(self) -> None:
        try:
            self._check_there()
        except NotFound as error:
            raise Away(error.what, error.path, error.advice) from error

    def result(self, cancelled: bool) -> Report:
        """All of it, the worst first."""
        worse = {one.place for one in self.findings if one.severity == "damage"}  # that those were changed is clear
        told = [one for one in self.findings if one.code != EDITED or one.place not in worse]
        worst = {"damage": 0, "warning": 1, "note": 2}
        ordered = sorted(told, key=lambda one: (worst[one.severity], one.title, one.place))
        seconds = time.monotonic() - self._started
        return Report(tuple(ordered), dict(self.checked), utc_now(), seconds, self.deep, cancelled)


def _is_gone(error: StorageError | OSError) -> bool:
    """Whether an error tells of a file that somebody took away while it was looked at."""
    if isinstance(error, NotFound):
        return error.path is not None and not os.path.lexists(error.path)
    return isinstance(error, FileNotFoundError)
