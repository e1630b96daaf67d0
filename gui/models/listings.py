"""What the catalog lists: a View is the wish, a Listing the answer. The functions run on the workspace's thread."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gui.formats import integer_text, number_text, tr
from gui.models.row_set import RowSet
from gui.query_text import (
    SortKey,
    loosened,
    marks_asked,
    order_text,
    sort_keys,
    split_order,
    text_literal,
    texts_asked,
    unquoted,
)

if TYPE_CHECKING:
    from storage import CatalogColumn, Completion, Metric, Workspace

PAGE = 128
HEAD_PAGES = 2
Page = list[dict[str, Any] | None]
ALIKE, LIKE = 3, 0.65  # texts that are told instead of one there is not, and how like it they must be
FEW = 50  # values are offered at once
TELLING = ("val_rmse", "val_accuracy", "test_rmse", "test_accuracy")  # choosing by the test set would be peeking


@dataclass(frozen=True)
class Chosen:
    """Selected rows of a table with these keys; `known` are ids of some of them, to see that keys mean the same."""

    rows: RowSet
    keys: array[int]
    known: tuple[tuple[int, str], ...] = ()

    def chosen_keys(self) -> array[int]:
        """The keys of the selected rows; not for the GUI thread when there are many."""
        return self.rows.keys(self.keys)


@dataclass(frozen=True)
class View:
    """What to list and how (`order` is a text of sort keys by rank; "" for the best known default).

    `shown` is the order of what is listed now, which stays the default where nothing matches. `current` and `top` are
    prediction ids to find again in the new listing, and so are the `chosen` rows. An order in the filter itself goes
    before `order`.
    """

    filter: str
    order: str
    current: str = ""
    top: str = ""
    chosen: Chosen | None = None
    shown: str = ""


@dataclass(frozen=True)
class Best:
    """The best value of a metric among what is listed.

    `error` is its standard error over the folds of the result that has it: their sample standard deviation divided by
    the root of their number; None where there are no folds.
    """

    value: float
    error: float | None = None


@dataclass(frozen=True)
class Nearest:
    """For a query that matches nothing: the value of `column` that comes nearest to one of its conditions."""

    column: str
    value: Any
    lowest: bool


@dataclass(frozen=True)
class Unknown:
    """For a query that matches nothing: a text that no result has in `column`, and those there are most like it."""

    column: str
    text: str
    known: tuple[str, ...]


@dataclass(frozen=True)
class Unmarked:
    """For a query that matches nothing: the column of tags, notes or stars that it asks for, where nobody gave any."""

    column: str


@dataclass(frozen=True)
class Listing:
    """The answer to a View: all keys in order, and the first pages to be painted.

    `view.order` is the order it really has; `condition` is the filter without an order of its own. `best` are the best
    values of the metric sorted by, by dataset, as far as they are known at once. `marked` names what people gave any
    result at all, of tags and stars; it is known when the listing is `complete`.
    """

    view: View
    condition: str
    columns: tuple[CatalogColumn, ...]
    computed: tuple[str, ...]
    keys: array[int]
    total: int
    best: dict[str, Best]
    current_row: int
    selected: RowSet
    top_row: int
    pages: dict[int, Page]
    complete: bool = True
    nearest: Nearest | Unknown | Unmarked | None = None
    own_order: bool = False
    marked: frozenset[str] = frozenset()

    @property
    def sorts(self) -> tuple[SortKey, ...]:
        """The columns sorted by, by rank."""
        return sort_keys(self.view.order)

    @property
    def filter_for_rows(self) -> str:
        """The filter that rows need to be read with: the condition where it computes columns."""
        return self.condition if self.computed else ""


def fetch_listing(view: View, limit: int | None, workspace: Workspace) -> Listing:
    """Query the catalog for a View.

    With a `limit` it stops there and is quick at any size; if more match, the listing is not `complete`.
    """
    catalog = workspace.catalog
    columns = tuple(catalog.columns())
    computed = tuple(catalog.computed(view.filter))  # here a wrong filter is refused, with its place in the text
    condition, own = split_order(view.filter)
    order = _order(view, own, condition, {column.name for column in columns} | set(computed), columns, workspace)
    keys = catalog.keys(condition, order, limit=limit)
    complete = limit is None or len(keys) < limit
    current, selected = _selected(view, keys, workspace)
    top = max(0, rows_of((view.top,), keys, workspace)[0]) if view.top else 0
    columns += computed_columns(computed)
    listing = Listing(
        replace(view, order=order),
        condition,
        columns,
        computed,
        keys,
        catalog.count() if view.filter and complete else len(keys),
        _best(workspace, condition, order, columns, keys),
        current,
        selected,
        top,
        {},
        complete,
        _nearest(condition, workspace) if not keys and view.filter else None,
        bool(own),
        _marked(workspace) if complete else frozenset(),
    )
    return replace(listing, pages=fetch_pages(keys, listing.filter_for_rows, [top // PAGE, top // PAGE + 1], workspace))


def fetch_best(condition: str, names: Sequence[str], workspace: Workspace) -> dict[str, dict[str, Best]]:
    """Find the best value of each of these metrics for each dataset, among the results that match."""
    found: dict[str, dict[str, Best]] = {}
    for dataset, values in workspace.catalog.best_values(names, condition).items():
        for name, one in values.items():
            error = one.spread / one.folds**0.5 if one.spread is not None and one.folds else None
            found.setdefault(name, {})[dataset] = Best(one.value, error)
    return found


def fetch_pages(keys: array[int], filter: str, pages: Sequence[int], workspace: Workspace) -> dict[int, Page]:
    """Read whole pages of rows; pages past the end are left out, and a row that is gone is None."""
    found: dict[int, Page] = {}
    for page in pages:
        if wanted := keys[page * PAGE : (page + 1) * PAGE]:
            rows = {row["key"]: row for row in workspace.catalog.rows(wanted, filter)}
            found[page] = [rows.get(key) for key in wanted]
    return found


def fetch_where(keys: array[int], condition: str, query: str, workspace: Workspace) -> RowSet:
    """Find the rows of a listing that a further query matches. Raises QueryError with its place in that query."""
    from storage import QueryError

    wanted, _ = split_order(query)
    before = f"({condition}) and (" if condition.strip() else "("
    try:
        return RowSet.matching(keys, workspace.catalog.keys(f"{before}{wanted})", ""))
    except QueryError as error:
        place = min(max(0, error.position - len(before)), len(query))
        raise QueryError(error.what, place, error.length, error.advice) from error


def fetch_ids(keys: Sequence[int], workspace: Workspace) -> list[str]:
    """Look up the prediction ids of rows; those that are gone are left out."""
    return workspace.catalog.ids_of(keys)


def rows_of(prediction_ids: Sequence[str], keys: array[int], workspace: Workspace) -> list[int]:
    """Find in which row each prediction is, -1 for those not listed."""
    wanted = [workspace.catalog.find(one) if one else None for one in prediction_ids]
    if len(wanted) == 1:
        try:
            return [keys.index(wanted[0])] if wanted[0] is not None else [-1]
        except ValueError:
            return [-1]
    seeking = set(wanted)
    found = {key: row for row, key in enumerate(keys) if key in seeking} if wanted else {}
    return [found.get(key, -1) if key is not None else -1 for key in wanted]


def computed_columns(names: Sequence[str]) -> tuple[CatalogColumn, ...]:
    """Make columns of numbers for what a filter computes."""
    from storage import CatalogColumn

    return tuple(CatalogColumn(name, "number", None) for name in names)


def default_order(filter: str, columns: Sequence[CatalogColumn], shown: str, workspace: Workspace) -> str:
    """Put the best first by the most telling metric that what is listed has, else the newest.

    Where nothing is listed the order stays as it was `shown`, or is that of all results.
    """
    metrics = {column.name: column.metric for column in columns if column.metric is not None}
    for name in TELLING:
        metric = metrics.get(name)
        if metric is None or metric.lower_is_better is None:
            continue
        order = name if metric.lower_is_better else f"-{name}"
        first = workspace.catalog.rows(workspace.catalog.keys(filter, order, limit=1))
        if not first and filter:
            return shown or default_order("", columns, "", workspace)
        if first and first[0].get(name) is not None:  # what is missing sorts last
            return order
    return "-created_at"


def _order(
    view: View, own: str, condition: str, known: set[str], columns: Sequence[CatalogColumn], workspace: Workspace
) -> str:
    """Choose the order: the query's own, else the one wished for as far as its columns exist, else the best known."""
    metrics = {column.name: column.metric for column in columns}
    wished, shown = (
        order_text([_plain(key, metrics.get(key.name)) for key in sort_keys(order) if key.name in known])
        for order in (own or view.order, view.shown)
    )
    return wished or default_order(condition, columns, shown, workspace)


def _plain(key: SortKey, metric: Metric | None) -> SortKey:
    """Say a direction instead of "best" where the best is one end."""
    if not key.best or (metric is not None and metric.target is not None):
        return key
    return SortKey(key.name, metric is not None and metric.lower_is_better is False)


def _selected(view: View, keys: array[int], workspace: Workspace) -> tuple[int, RowSet]:
    """Find the current row and all selected ones again."""
    current = rows_of((view.current,), keys, workspace)[0]
    if view.chosen is None:
        return current, RowSet.of([(current, current + 1)] if current >= 0 else [])
    if any(workspace.catalog.find(known) != key for key, known in view.chosen.known):
        return current, RowSet()  # the index was made again and its keys mean other rows
    return current, RowSet.matching(keys, view.chosen.chosen_keys())


def _best(
    workspace: Workspace, condition: str, order: str, columns: Sequence[CatalogColumn], keys: array[int]
) -> dict[str, Best]:
    """Find the best value of the metric sorted by first, for the dataset that has it; nothing for any other column."""
    first = sort_keys(order)[0]
    metric = next((column.metric for column in columns if column.name == first.name), None)
    if metric is None or (metric.lower_is_better is None and metric.target is None) or not keys:
        return {}
    best_first = first.best or metric.lower_is_better is not first.falling
    if metric.target is not None:
        best_first = first.best
    key = keys[0] if best_first else workspace.catalog.keys(condition, f"best:{first.name}", limit=1)[0]
    row = workspace.catalog.rows([key])[0]
    value = row.get(first.name)
    return {row.get("dataset_name") or "": Best(value)} if value is not None else {}


def _marked(workspace: Workspace) -> frozenset[str]:
    """Name the columns of people's marks that any result has a value in."""
    stars = workspace.catalog.keys("stars is not null", "", limit=1)
    return frozenset([*(["tags"] if workspace.catalog.tags() else []), *(["stars"] if stars else [])])


def _nearest(condition: str, workspace: Workspace) -> Nearest | Unknown | Unmarked | None:
    """Find the condition that leaves nothing over, and the value, or the texts, nearest to what it asks for."""
    from storage import QueryError

    for column in marks_asked(condition):
        if not workspace.catalog.keys(f"{column} is not null", "", limit=1):
            return Unmarked(column)
    for name, sign, rest in loosened(condition):
        lowest = sign.startswith("<")
        try:
            keys = workspace.catalog.keys(rest, name if lowest else f"-{name}", limit=1)
        except QueryError:
            continue  # more than a plain comparison
        found = workspace.catalog.rows(keys, rest)
        if found and sign != "=" and found[0].get(name) is not None:
            return Nearest(name, found[0][name], lowest)
    for name, text, part in texts_asked(condition):
        known = _texts_like(name, text, workspace)
        there = any(text.casefold() in one.casefold() if part else text == one for one in known)
        if known and not there:
            return Unknown(name, text, known)
    return None


def _texts_like(name: str, text: str, workspace: Workspace) -> tuple[str, ...]:
    """Find the texts of a column that are most like one, the likest first; where none is like it, the first ones.

    Of a column that has many only those that begin as it does are looked at: each is a step in the index.
    """
    begins = [text[:n] for n in range(4)]
    found: dict[str, None] = {}
    for start in dict.fromkeys(one for begin in begins for one in (begin, begin.lower(), begin.upper())):
        before = f"{name} = {text_literal(start)[:-1]}"
        offered = workspace.catalog.complete(before, len(before)).suggestions
        found.update({unquoted(one.text): None for one in offered if one.kind == "value"})
        if not start and len(offered) < FEW:
            break  # these are all there are
    like = {one: _likeness(text.casefold(), one.casefold()) for one in found}
    least = 1.0 if any(one >= 1.0 for one in like.values()) else LIKE
    alike = sorted((one for one in found if like[one] >= least), key=lambda one: -like[one])
    return tuple((alike or sorted(found))[:ALIKE])


def _likeness(text: str, other: str) -> float:
    """Tell from 0 to 1 how much a text has in common with another or its beginning; more than 1 if it is in it."""
    from difflib import SequenceMatcher

    if text in other:
        return 1.0 + len(text) / len(other)
    return max(SequenceMatcher(None, text, one).ratio() for one in (other, other[: len(text)]))


def fetch_completion(text: str, position: int, workspace: Workspace) -> Completion:
    """Find out what may come next in a query; runs on the workspace's thread."""
    return workspace.catalog.complete(text, position)


def no_match_text(listing: Listing) -> str:
    """Say that nothing matches a query, and which value comes nearest to what it asks for."""
    text = tr("None of {total} predictions fits  {query}").format(
        total=integer_text(listing.total), query=listing.view.filter
    )
    near = listing.nearest
    if near is None:
        return text
    if isinstance(near, Unknown):
        return f"{text}\n{_unknown_text(near)}"
    if isinstance(near, Unmarked):
        return f"{text}\n{_unmarked_text(near)}"
    words = tr("The lowest {column} there is {value}.") if near.lowest else tr("The highest {column} there is {value}.")
    value = integer_text(near.value) if isinstance(near.value, int) else number_text(near.value, 4)
    return f"{text}\n{words.format(column=near.column, value=value)}"


def _unmarked_text(near: Unmarked) -> str:
    """Say that nobody wrote anything of a kind about a result yet, and how it is done."""
    return {
        "notes": tr("There are no notes yet. Select a result and press N to write one."),
        "tags": tr("There are no tags yet. Select results and press T to give them some."),
        "stars": tr("There are no stars yet. Select a result and press S to give it one."),
    }[near.column]


def _unknown_text(near: Unknown) -> str:
    """Say that no result has a text, and what there is instead."""
    words = tr("No prediction has {column} {text}; there is {known}.")
    if len(near.known) > 1:
        words = tr("No prediction has {column} {text}; there are {known}.")
    return words.format(column=near.column, text=near.text, known=", ".join(near.known))
