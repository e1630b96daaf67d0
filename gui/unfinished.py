"""Training that a window began: noted until it ends, so that the start after a crash can offer the rest of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from gui.jobs import Job, Jobs
from gui.settings import Settings

if TYPE_CHECKING:
    from storage import RunRequest

LARGEST = 1_000_000  # characters; the settings are read at each start, and are no place for more


@dataclass(frozen=True)
class BrokenOff:
    """Training that did not come to its end: what its job was called, where it trained, and what was asked for.

    Of the demo there is no request, and `root` is the folder it was being made in.
    """

    name: str
    root: Path
    request: RunRequest | None

    def done_by(self, job: Job) -> bool:
        """Whether a job brought it to its end."""
        if job.state != "completed" or self.request is None:
            return job.state == "completed" and job.demo == self.root
        asked = self.request.model_copy(update={"again": False})
        return job.root == self.root and job.request in (asked, self.request)


class Unfinished(QObject):
    """Keeps the training of this window that has not ended in the settings, under the number of its process."""

    def __init__(self, jobs: Jobs, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._settings = jobs, settings
        jobs.began.connect(lambda _: self._note())
        jobs.ended.connect(lambda _: self._note())

    def taken(self, processes: Iterable[int]) -> list[BrokenOff]:
        """Return what windows that are gone had begun and not ended, first begun first; it is told once."""
        found = [one for process in processes for one in self._settings.take_unfinished(process)]
        return [one for known in found if (one := _read(known)) is not None]

    def _note(self) -> None:
        begun = [known for job in reversed(self._jobs.busy()) if (known := _entry(job)) is not None]
        fits = len(json.dumps(begun)) <= LARGEST
        self._settings.keep_unfinished(os.getpid(), begun if fits else [])


def _entry(job: Job) -> dict[str, Any] | None:
    """Write down a job; None where it doesn't train."""
    if job.demo is not None:
        return {"name": job.name, "root": str(job.demo), "request": None}
    if job.request is None:
        return None
    return {"name": job.name, "root": str(job.root), "request": job.request.model_dump(mode="json")}


def _read(known: Any) -> BrokenOff | None:
    """Read one entry; None where it can't be understood."""
    from storage import RunRequest, StorageError

    try:
        asked = known["request"]
        request = RunRequest.model_validate(asked) if asked is not None else None
        return BrokenOff(str(known["name"]), Path(known["root"]), request)
    except (KeyError, TypeError, ValueError, StorageError):
        return None
