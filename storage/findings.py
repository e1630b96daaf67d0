"""What a check found: each finding has a name, a place, how bad it is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Severity = Literal["damage", "warning", "note"]
Verdict = Literal["clean", "warnings", "damaged"]


@dataclass(frozen=True)
class Kind:
    """One kind of finding. `fix` is the repair that mends it, empty where only the user can."""

    title: str
    severity: Severity
    advice: str
    fix: str = ""


WRITE_MARKER = "write workspace document"
REBUILD_CATALOG = "rebuild catalog"
REBUILD_INDEX = "rebuild index"
END_WRITERS = "end writers"
SWEEP = "sweep"
MARK_INTERRUPTED = "mark interrupted"
TAKE_IN = "take in"
MEND_PARTS = "mend parts"
COUNT_PARTS = "count parts"
TAKE_ARRAYS = "take in arrays"
WRITE_RUNS = "write run documents"
WRITE_SUMMARIES = "write summaries"
WRITE_DOCUMENTS = "write documents"
REMOVE_ORPHANS = "remove orphans"

_COPY = "Bring it back from a copy if there is one."
_FROM_CATALOG = "Write it anew from the catalog, which has the result; a damaged one goes to the trash first."

KINDS: dict[str, Kind] = {
    # the tree
    "marker-damaged": Kind(
        "Workspace document", "damage", "Write it anew: runshelf check --repair.", WRITE_MARKER
    ),
    "marker-edited": Kind(
        "Changed workspace document", "note", 'If you changed it yourself, take its line "checksum" out, too.'
    ),
    "folder-missing": Kind("Missing folder", "warning", "It is made again when the workspace is opened for writing."),
    "foreign-entry": Kind("Foreign files", "note", "Runshelf leaves them alone. Move them elsewhere if they disturb."),
    "odd-entry": Kind("Link or device", "note", "Runshelf never follows it. Put real files there if it is to count."),
    "stale-file": Kind("Unfinished write", "warning", "Remove it: nothing names it.", SWEEP),
    "writer-unknown": Kind(
        "Writer on another machine", "warning",
        "If Runshelf does not run there any more, end it: runshelf check --repair.", END_WRITERS,
    ),
    "plan-unfinished": Kind("Unfinished plan", "warning", "Open the workspace for writing: that finishes it."),
    "unreadable": Kind("Can't be read", "damage", "Check the permissions and the disk."),
    "unchecked": Kind("Could not be checked", "damage", "Report this with the place and the words."),
    # the catalog
    "manifest-damaged": Kind(
        "Catalog manifest", "damage", "Make it again from the part files: runshelf check --repair.", REBUILD_CATALOG
    ),
    "marker-newer": Kind("Newer workspace", "warning", "Update Runshelf to change it."),
    "manifest-newer": Kind("Newer catalog", "damage", "Update Runshelf to check and open it."),
    "part-missing": Kind(
        "Missing catalog part", "damage", "Write its results anew from the run folders.", MEND_PARTS
    ),
    "part-damaged": Kind(
        "Damaged catalog part", "damage", "Put it aside and write its results anew from the run folders.", MEND_PARTS
    ),
    "part-miscounted": Kind("Row count of a part", "warning", "Correct the number in the manifest.", COUNT_PARTS),
    "part-stray": Kind(
        "Part that does not count", "warning", "Remove it: other programs would count its rows twice.", SWEEP
    ),
    "rows-twice": Kind("Results listed twice", "note", "Other programs count them twice; Runshelf counts the newest."),
    "arrays-missing": Kind(
        "Predictions not in the catalog", "damage", "Take them in from the pipeline's predictions.csv.", TAKE_ARRAYS
    ),
    "row-missing": Kind("Result not in the catalog", "warning", "Take it into the catalog.", TAKE_IN),
    "folder-gone": Kind(
        "Run folder gone", "note", "The catalog keeps its results. Bring the folder back to have its files."
    ),
    # runs
    "run-damaged": Kind(
        "Damaged run", "damage", "Write run_config.json anew from its pipelines and the catalog.", WRITE_RUNS
    ),
    "run-empty": Kind("Folder that is no run", "damage", f"{_COPY} Else move it out of runs/."),
    "run-copied": Kind("Copied run folder", "note", "Keep one of the two, or move the copy out of the workspace."),
    "run-left": Kind("Run left running", "warning", "Its process is gone: end it.", MARK_INTERRUPTED),
    "summary-damaged": Kind("Damaged run summary", "damage", "Write it anew from the pipelines.", WRITE_SUMMARIES),
    "summary-differs": Kind(
        "Run summary out of step", "note", "It was right when the run ended; write it anew if folders were removed.",
        WRITE_SUMMARIES,
    ),
    "pipeline-damaged": Kind(
        "Damaged pipeline", "damage", "Write pipeline.json anew from the catalog, which has its result.",
        WRITE_DOCUMENTS,
    ),
    "pipeline-left": Kind(
        "Pipeline left running", "warning", "Its process is gone: mark it as interrupted.", MARK_INTERRUPTED
    ),
    "pipeline-renamed": Kind("Renamed pipeline folder", "note", "Give the folder its name back."),
    "metrics-missing": Kind("Missing metrics", "damage", _FROM_CATALOG, WRITE_DOCUMENTS),
    "predictions-missing": Kind("Missing predictions", "damage", _FROM_CATALOG, WRITE_DOCUMENTS),
    "document-damaged": Kind("Damaged document", "damage", _FROM_CATALOG, WRITE_DOCUMENTS),
    "document-differs": Kind("Document unlike the catalog", "damage", _FROM_CATALOG, WRITE_DOCUMENTS),
    "document-edited": Kind(
        "Changed document", "warning",
        'If you changed it yourself, take its line "checksum" out, too. Else bring it back from a copy.',
    ),
    "artifact-missing": Kind("Missing artifact", "damage", "Bring it back from a copy, or train the pipeline again."),
    "artifact-damaged": Kind("Damaged artifact", "damage", "Bring it back from a copy, or train the pipeline again."),
    "artifact-outside": Kind("Artifact outside its run", "damage", "Don't load it: somebody changed pipeline.json."),
    "artifact-orphan": Kind("Unused artifact", "note", "No pipeline names it: move it to the trash.", REMOVE_ORPHANS),
    "archive-damaged": Kind("Damaged archive", "damage", "Archive it anew if it is in runs/, or bring back a copy."),
    "library-damaged": Kind("Damaged library item", "damage", "Keep it anew from its run, or bring back a copy."),
    "chart-damaged": Kind("Damaged chart", "warning", "The numbers behind it are not affected: train it again."),
    "chart-missing": Kind(
        "Missing chart", "note", "The numbers behind it are not affected: the same training draws it again."
    ),
    "file-missing": Kind("Missing file", "warning", "Bring it back from a copy, or train the pipeline again."),
    "thinned-lost": Kind(
        "Thinned for good", "note", "Metrics and configuration are there: train it again to have arrays and models."
    ),
    # the rest
    "index-damaged": Kind("Damaged index", "warning", "Make it again from the files.", REBUILD_INDEX),
    "index-differs": Kind("Index out of step", "warning", "Make it again from the files.", REBUILD_INDEX),
    "index-behind": Kind("Index behind", "note", "It catches up when the workspace is next looked at."),
    "index-busy": Kind("Index in use", "note", "Check again when the other program is done."),
    "trash-damaged": Kind("Damaged trash entry", "warning", "It can't be restored as it is. Empty it to be rid of it."),
    "trash-expired": Kind(  # no repair: nothing is removed for good but by whom wants that, and a clock may be wrong
        "Old trash", "note", "It is older than thirty days: restore it, or empty the trash of what is old."
    ),
}  # fmt: skip
FIXES = tuple(dict.fromkeys(kind.fix for kind in KINDS.values() if kind.fix))


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    `place` is the path below the workspace, with slashes; `what` one sentence; `fix` the name of the repair that
    mends it, empty where there is none; `bytes` how much lies there. `trash_ids` are the entries of the trash that
    bring it back: no repair does, for it may have been deleted on purpose.
    """

    code: str
    title: str
    place: str
    severity: Severity
    what: str
    advice: str = ""
    fix: str = ""
    bytes: int = 0
    trash_ids: tuple[str, ...] = ()


def finding(
    code: str, place: str, what: str, *, advice: str = "", bytes: int = 0, trash_ids: Sequence[str] = ()
) -> Finding:
    """Make a finding of a known kind; an `advice` given takes the place of the kind's own."""
    kind = KINDS[code]
    advice = advice or kind.advice
    return Finding(code, kind.title, place, kind.severity, what, advice, kind.fix, bytes, tuple(trash_ids))


@dataclass(frozen=True)
class Report:
    """What a check found and how much it looked at; of a cancelled one, what it found until then."""

    findings: tuple[Finding, ...]
    checked: dict[str, int]
    at: datetime
    seconds: float
    deep: bool = False
    cancelled: bool = False
    counts: dict[Severity, int] = field(init=False)

    def __post_init__(self) -> None:
        counts: dict[Severity, int] = {"damage": 0, "warning": 0, "note": 0}
        for one in self.findings:
            counts[one.severity] += 1
        object.__setattr__(self, "counts", counts)

    @property
    def verdict(self) -> Verdict:
        """The worst there is; notes alone are clean."""
        return "damaged" if self.counts["damage"] else "warnings" if self.counts["warning"] else "clean"

    @property
    def fixable(self) -> tuple[Finding, ...]:
        """The findings that a repair mends."""
        return tuple(one for one in self.findings if one.fix)

    def sentence(self) -> str:
        """What came out, in a sentence or two."""
        looked = ", ".join(count(number, word.removesuffix("s"), word) for word, number in self.checked.items())
        words = {"damage": ("damaged", "damaged"), "warning": ("warning", ""), "note": ("note", "")}
        kinds = ", ".join(count(number, *words[severity]) for severity, number in self.counts.items() if number)
        found = f"{count(len(self.findings), 'finding')}: {kinds}" if kinds else "No findings"
        ended = "Cancelled before the end. " if self.cancelled else ""
        sound = "" if self.findings or self.cancelled else " Everything that was checked is sound."
        return f"{ended}{found}.{sound} Checked {looked} in {self.seconds:.1f} s."


def count(number: int, one: str, many: str = "") -> str:
    """A number with its word: "1 result", "12 results"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
