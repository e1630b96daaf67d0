"""How the tree puts runs together: by day, dataset or name, narrowed by words; plain values."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from gui.formats import status_word, tr

if TYPE_CHECKING:
    from storage import PipelineRow, RunRow, Workspace

By = Literal["date", "dataset", "name"]
ORDERS: tuple[By, ...] = ("date", "dataset", "name")
FLAT = 1000  # rows of one parent that are shown in one piece: to lay more out at once would make the window wait
SIZE = 500  # rows of one range, where there are more


@dataclass(frozen=True)
class Arrangement:
    """Which runs the tree shows and how: grouped `by`, those that all the words of `text` occur in."""

    by: By = "date"
    text: str = ""
    deleted: bool = False


@dataclass(frozen=True)
class Group:
    """Runs that have something in common, newest first."""

    by: By
    name: str
    runs: tuple[RunRow, ...]


@dataclass(frozen=True)
class Page:
    """Pipelines of one run: `rows` are those from number `first` of its list on."""

    run_id: str
    first: int
    rows: tuple[PipelineRow, ...]


@dataclass(frozen=True)
class Tree:
    """All that the tree shows: the groups in order, with the pages of pipelines that were asked for.

    `known` are all runs there are, before narrowing; `homes` says in which group a run is.
    """

    arrangement: Arrangement
    known: tuple[RunRow, ...]
    groups: tuple[Group, ...]
    homes: dict[str, int]
    pages: tuple[Page, ...] = field(default=())


def fetch_tree(
    arrangement: Arrangement,
    wanted: Sequence[tuple[str, int, int]],
    known: tuple[RunRow, ...] | None,
    workspace: Workspace,
) -> Tree:
    """Read the runs, unless they are `known`, and pages of pipelines (run id, first, length).

    Runs on the workspace's thread. A run that is gone has no pages.
    """
    runs = known if known is not None else tuple(workspace.runs(deleted=arrangement.deleted))
    numbered = {word: workspace.folders_with(word) for word in arrangement.text.split()}
    groups = group_runs(narrow(runs, arrangement.text, numbered), arrangement.by)
    homes = {run.run_id: number for number, group in enumerate(groups) for run in group.runs}
    there = {run.run_id for run in runs if run.folder}
    pages = tuple(fetch_page(*page, workspace) for page in wanted if page[0] in there)
    return Tree(arrangement, runs, groups, homes, pages)


def fetch_page(run_id: str, first: int, length: int, workspace: Workspace) -> Page:
    """Read a page of the pipelines of a run; runs on the workspace's thread."""
    return Page(run_id, first, tuple(workspace.pipelines(run_id, first, length)))


def fetch_page_of(run_id: str, pipeline_id: str, total: int, workspace: Workspace) -> Page:
    """Read the page that a pipeline is on; runs on the workspace's thread.

    Pipelines are in the order of their numbers, which have gaps where some were deleted: so it is looked for by
    halving, beginning where it would be without gaps.
    """
    if total <= FLAT:
        return fetch_page(run_id, 0, FLAT, workspace)
    digits = pipeline_id.partition("_")[0]
    number = int(digits) if digits.isdecimal() else 1
    low, high = 0, (total - 1) // SIZE
    place = min(max(0, number - 1) // SIZE, high)
    while True:
        page = fetch_page(run_id, place * SIZE, SIZE, workspace)
        if page.rows and page.rows[0].number <= number and (page.rows[-1].number >= number or place == high):
            return page
        if not page.rows or page.rows[0].number > number:
            high = place - 1
        else:
            low = place + 1
        if low > high:
            return page
        place = (low + high) // 2


def narrow(runs: Iterable[RunRow], text: str, numbered: Mapping[str, Container[str]]) -> list[RunRow]:
    """Return the runs that every word of `text` occurs in: in dataset, name, id, folder, day or status.

    `numbered` are the folders that a word belongs to because it is the number of a pipeline there.
    """
    words = text.split()
    return [run for run in runs if not words or _fits(run, words, numbered)]


def _fits(run: RunRow, words: Sequence[str], numbered: Mapping[str, Container[str]]) -> bool:
    told = _words(run)
    return all(word.casefold() in told or run.folder in numbered.get(word, ()) for word in words)


def _words(run: RunRow) -> str:
    told = [run.dataset_name, run.run_name, run.run_id, run.folder, run.date, status_word(run.status)]
    told += [status_word("failed")] if run.failed else []
    told += [status_word("damaged")] if run.problem or damaged_count(run) else []
    return "\n".join(told).casefold()


def damaged_count(run: RunRow) -> int:
    """How many pipelines of a completed run can't be read; of one that is trained or was stopped it isn't known."""
    if run.status != "completed" or not run.folder:
        return 0
    return max(0, run.total - run.successful - run.failed - run.interrupted)


def damage(runs: Iterable[RunRow]) -> tuple[int, int]:
    """Return how many runs are damaged themselves, and how many pipelines of the others are."""
    damaged = own = 0
    for run in runs:
        if is_damaged(run):
            damaged += 1
        else:
            own += damaged_count(run)
    return damaged, own


def is_damaged(run: RunRow) -> bool:
    """Whether documents of the run itself can't be read; a whole copy of another run isn't damaged."""
    return run.status == "damaged" or (bool(run.problem) and not run.dataset_name)


def group_runs(runs: Sequence[RunRow], by: By) -> tuple[Group, ...]:
    """Put runs together; days newest first, names by the alphabet and those without one at the end."""
    found: dict[str, list[RunRow]] = {}
    for run in runs:
        name = {"date": run.date, "dataset": run.dataset_name, "name": run.run_name}[by]
        found.setdefault(name, []).append(run)
    names = sorted(found, reverse=True) if by == "date" else sorted(found, key=lambda name: (not name, name.casefold()))
    return tuple(Group(by, name, tuple(found[name])) for name in names)


def group_text(group: Group, today: date | None = None) -> str:
    """Call a group as people do: "Today", "Yesterday", "2026-11-20", the dataset or the name."""
    if not group.name:
        return {"date": tr("No date"), "dataset": tr("No dataset"), "name": tr("No name")}[group.by]
    if group.by != "date":
        return group.name
    now = today or date.today()
    named = {now.isoformat(): tr("Today"), (now - timedelta(days=1)).isoformat(): tr("Yesterday")}
    return named.get(group.name, group.name)


def run_text(run: RunRow, by: By | None = None) -> str:
    """Call a run by its day, its dataset and the name people gave it, without what its group says already."""
    parts = [
        run.date if by != "date" else "",
        " · ".join(
            name for name in (run.dataset_name if by != "dataset" else "", run.run_name if by != "name" else "") if name
        ),
    ]
    return "  ".join(part for part in parts if part) or run.folder or run.run_id


def run_in_words(run: RunRow) -> str:
    """Call a run within a sentence, where `run_text` would leave a gap."""
    return " ".join(run_text(run).split())
