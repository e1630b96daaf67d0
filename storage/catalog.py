"""The catalog: one row per result, forever. Appending, finding the best, filtering, editing, and reading arrays.

The Parquet parts are the record, the index answers. Whatever happens to the index, the answer is the same: it is
made again from the parts and the question asked once more.
"""

from __future__ import annotations

import functools
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, and_
from sqlalchemy.exc import DatabaseError

from storage.best_values import BestValues, best_of_all, best_values, known_best
from storage.catalog_row import Result, catalog_row
from storage.completion import Completion, complete
from storage.disk import Disk
from storage.errors import BadInput, Conflict, Corrupt, NotFound, StorageError, in_sentences
from storage.expressions import equal_names, kind_of, sort_names
from storage.grammar import quote
from storage.index import Index
from storage.ladder import Ladder
from storage.layout import Layout
from storage.manifest import ManifestFile
from storage.metrics import Metric, Metrics, best_in_words, spread_column
from storage.moments import from_microseconds, may_speak_of_now
from storage.parameters import PREPROCESSING
from storage.part_index import manifest_mark
from storage.prediction_index import KeyQuery
from storage.query import Query, best_first, compile_columns, compile_order, compile_query
from storage.records import Manifest, PipelineRecord, RunConfig
from storage.schema import FIXED_COLUMNS
from storage.sources import Source
from storage.trash import Trash

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from storage.importance import Importance
    from storage.parts import Commit, Parts
    from storage.plan import Plan
    from storage.predictions import PredictionArrays
    from storage.stored_arrays import StoredArrays
    from storage.trash import TrashRecord

Answer = TypeVar("Answer")
Report = Callable[[int, int, str], None]
GLOBAL_BEST_COLUMNS = (
    "metric", "best", "dataset_name", "value", "pipeline_name", "model_type", "run_id", "pipeline_id", "prediction_id",
)  # fmt: skip
_NAMED = 3  # of the results that are deleted
_MOST = 2**62  # what SQLite takes for a number of rows
EDITED_AT_ONCE = 20_000
MAX_QUERIES = 256  # questions that are kept ready
FEW = 5_000  # rows that the index gives one by one as quickly as the parts do together
COMPACT_ABOVE = 24  # live parts of a data set; more of them slow plain readers down


@dataclass(frozen=True)
class CatalogColumn:
    """A column of the catalog; `metric` is set where the column is a registered metric."""

    name: str
    kind: str
    metric: Metric | None


@in_sentences
class Catalog:
    """The catalog of one workspace. `refill` is called after the index had to be started again."""

    def __init__(self, layout: Layout, disk: Disk, index: Index, metrics: Metrics, refill: Callable[[], None]) -> None:
        self._layout = layout
        self._disk = disk
        self._manifest = ManifestFile(layout, disk)
        self._index = index
        self._trash = Trash(layout, disk)
        self._metrics = metrics
        ladder = Ladder(index, refill)
        self.ask_index, self._mend_index = ladder.ask, ladder.mend
        self._compaction: threading.Thread | None = None
        self._queries: dict[tuple[str, str, int | None, int], KeyQuery] = {}
        self._queries_at: tuple[int, int, int] | None = None  # the state of the index they were made for

    @property
    def metrics(self) -> Metrics:
        """What is best of each metric, in this workspace."""
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._queries.clear()

    @functools.cached_property
    def _parts(self) -> Parts:
        """The parts; not before they are read or written, for they bring the Parquet library with them."""
        from storage.parts import Parts

        return Parts(self._layout, self._disk, self._manifest, self._follow)

    # ------------------------------------------------------------ writing

    def append(
        self,
        run: RunConfig,
        record: PipelineRecord,
        metrics: Mapping[str, Any],
        arrays: Sequence[PredictionArrays] = (),
    ) -> None:
        """Commit one result, its row and its arrays together, durably. A result that is there already is left."""
        from storage.predictions import to_rows

        if self.find(record.prediction_id) is not None:
            return
        rows = to_rows(record.prediction_id, arrays)
        self._compact_if_many(self._parts.append([catalog_row(run, record, metrics)], rows))

    def append_all(self, results: Sequence[Result]) -> int:
        """Commit many results with one commit, durably; returns how many there were to commit.

        Those that are there already or were deleted on purpose are left, and so are arrays that are there without
        their row. Raises Corrupt while a part can't be read: what is missing is then not known.
        """
        from storage.predictions import to_rows

        with self._parts.locked():
            self.sync()
            if self.ask_index(self._index.parts.has_problems):
                raise Corrupt(
                    "A part of the catalog can't be read.",
                    self._layout.manifest,
                    "Mend it: runshelf check --deep --repair.",
                )
            given = {one.row["prediction_id"]: one for one in reversed(results)}  # a copied run has the same ids
            left = self.ask_index(lambda: self._known(list(given)) | self._deleted(list(given)))
            names = sorted(given.keys() - left)
            if names:  # an index that was changed by others may lack what the parts have
                names = sorted(set(names) - self._parts.those_in("meta", names))
            new = [given[name] for name in names]
            if not new:
                return 0
            there = self._parts.those_in("data", names)
            arrays = ((one.row["prediction_id"], one.arrays) for one in new if one.row["prediction_id"] not in there)
            rows = [row for name, blocks in arrays for row in to_rows(name, blocks)]
            manifest = self._parts.append([one.row for one in new], rows)
        self._compact_if_many(manifest)
        return len(new)

    def has_another(self, row: Mapping[str, Any]) -> bool:
        """Whether the pipeline of a row that the catalog lacks has one there, under another id."""
        asked = f"run_id = {quote(row['run_id'])} and pipeline_id = {quote(row['pipeline_id'])}"
        return bool(self.keys(asked, "created_at", limit=1)) and self.find(row["prediction_id"]) is None

    def _follow(self, commit: Commit) -> None:
        # Should the index turn out damaged or find no room: the commit stands, and the next question starts it again.
        try:
            self._index.parts.follow(commit)
        except DatabaseError:
            self._index.unfilled = True

    def annotate(
        self,
        prediction_ids: Sequence[str],
        *,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        notes: str | None = None,
        stars: int | None = None,
    ) -> int:
        """Change tags, notes or stars of results, durably; returns how many were changed.

        What is not given stays; empty notes and 0 stars take them away. Raises NotFound for an id that is not in the
        catalog, BadInput for a tag, note or number of stars that can't be.
        """
        edit = {"add_tags": add_tags, "remove_tags": remove_tags, "notes": notes, "stars": stars}
        return self.annotate_each(dict.fromkeys(prediction_ids, edit))

    def annotate_each(self, edits: Mapping[str, Mapping[str, Any]]) -> int:
        """As `annotate`, with an edit of its own for each result: what `annotate` takes, by prediction id."""
        from storage.annotations import edited

        ids = list(edits)
        self.sync()
        self._check_known(ids)
        changed = 0
        for start in range(0, len(ids), EDITED_AT_ONCE):  # others may write in between
            chunk = ids[start : start + EDITED_AT_ONCE]

            def rows(chunk: Sequence[str] = chunk) -> list[dict[str, Any]]:
                self.sync()
                there = self._known(chunk)  # what was deleted meanwhile is not edited back into being
                known = self._index.parts.annotations(chunk)
                return edited({one: edits[one] for one in chunk if one in there}, known)

            changed += self._parts.annotate(rows)
        if len(self._manifest.read().annotations) > COMPACT_ABOVE:
            self._compact_behind()
        return changed

    def _check_known(self, ids: Sequence[str]) -> None:
        there = self.ask_index(lambda: self._known(ids))
        missing = next((one for one in ids if one not in there), None)
        if missing is not None:
            raise NotFound(f"There is no prediction {missing} in the catalog.", advice="Look it up with: search.")

    def _known(self, ids: Sequence[str]) -> set[str]:
        with self._index.change() as connection:
            return set(self._index.results.known_ids(connection, ids))

    def _deleted(self, ids: Sequence[str]) -> set[str]:
        return {name for name, edit in self._index.parts.annotations(ids).items() if edit["deleted"]}

    def plan_delete(self, filter: str = "", chosen: Sequence[str] | None = None) -> Plan:
        """A plan that deletes the rows and arrays of all results that match; run folders stay where they are.

        Of the `chosen` ids instead, as far as they are there, with `filter` as what people call them. They can be
        brought back with `restore`. Raises BadInput for an empty filter alone: that would be everything.
        """
        from storage.deletion import plan_delete

        if chosen is None and not filter.strip():
            raise BadInput("Which results are to be deleted was not said.", advice="Give a filter.")

        def ids() -> list[str]:
            self.sync()
            return self.ids(filter) if chosen is None else sorted(self._known(chosen))

        title = filter or self._called(chosen or ())
        return plan_delete(self._parts, self._trash, self._index, title, ids, self.sync)

    def _called(self, ids: Sequence[str]) -> str:
        """What results chosen by hand are called: by the names of the first ones."""
        keys = [key for one in ids[:_NAMED] if (key := self.find(one)) is not None]
        names = [str(row["pipeline_name"] or row["config_name"] or row["prediction_id"]) for row in self.rows(keys)]
        more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
        return f"{', '.join(names)}{more}" or "chosen ones"

    def trash(self) -> list[TrashRecord]:
        """Which results were deleted and can be brought back, newest first."""
        return self._trash.records("results")

    def restore(self, trash_id: str) -> int:
        """Bring deleted results back; returns how many. Raises NotFound, or Corrupt where the entry is damaged."""
        from storage.deletion import restore

        return restore(self._parts, self._trash, self._index, self._trash.get(trash_id), self.sync)

    def compact(self) -> int:
        """Merge small parts; returns how many were merged away."""
        return self._parts.compact()

    def plan_compact(self) -> Plan:
        """A plan that merges small parts. Killed at any point it has merged some or not: the results are the same."""
        from storage.plan import Plan, Step

        def look() -> list[tuple[str, list[str]]]:
            return [(dataset, [part.file for part in group]) for dataset, group in self._parts.mergeable()]

        def work(report: Report) -> str:
            report(0, 1, "merging parts")
            merged = self.compact()
            report(1, 1, "done")
            return f"{merged:,} part files merged away."

        steps = (
            Step(
                f"Merge {len(group)} parts of {dataset}, {sum(p.rows for p in group):,} rows, into one.",
                sum(p.bytes for p in group),
            )
            for dataset, group in self._parts.mergeable()
        )
        return Plan("Merge small part files", tuple(steps), look, work)

    def _compact_if_many(self, manifest: Manifest) -> None:
        if max(len(manifest.meta), len(manifest.data)) > COMPACT_ABOVE:
            self._compact_behind()

    def _compact_behind(self) -> None:
        """Merge small parts in a thread of its own; one at a time."""
        if self._compaction is None or not self._compaction.is_alive():
            self._compaction = threading.Thread(target=self.tidy, name="runshelf-compaction")
            self._compaction.start()

    def tidy(self) -> None:
        """Merge small parts if that can be done now; results are safe without, and the next time is soon."""
        with suppress(StorageError):
            self.compact()

    def close(self) -> None:
        """Wait for work behind to end."""
        if self._compaction is not None:
            self._compaction.join()

    def sync(self) -> bool:
        """Bring the index up to the parts; True if anything changed."""
        return self.ask_index(self.follow_manifest)

    def follow_manifest(self, report: Report | None = None) -> bool:
        """Bring the index up to the parts, without its ladder; True if anything changed."""
        return self._index.parts.sync(self._manifest.read, lambda: self._parts, report or (lambda *_: None))

    def manifest(self) -> Manifest:
        """Which part files count now. Raises Corrupt or TooNew."""
        return self._manifest.read()

    def settle(self) -> list[str]:
        """Bring order after a killed process: remove strays, settle what a deletion left half-way.

        Returns what can't be settled, in sentences.
        """
        self._manifest.sweep()
        if any(record.status != "deleted" for record in self._trash.records("results")):
            from storage.deletion import settle

            return settle(self._parts, self._trash)
        return []

    def is_current(self) -> bool:
        """Whether the index reflects the manifest as it is now."""
        return self.ask_index(lambda: self._index.parts.mark() == manifest_mark(self._manifest.read()))

    # ------------------------------------------------------------ asking

    def columns(self) -> list[CatalogColumn]:
        """Every column of the catalog, fixed ones first, then metrics in the order they appeared."""
        return [
            CatalogColumn(name, kind, self.metrics.find(name) if kind == "number" else None)
            for name, kind in ((name, column.info["kind"]) for name, column in self._index.columns.items())
        ]

    def parameters(self) -> list[str]:
        """The names of all pipeline parameters that queries may speak of, such as `PLSRegression.n_components`."""
        return self.ask_index(self._index.texts.parameter_names)

    def tags(self) -> list[tuple[str, int]]:
        """Every tag and how many results have it, the most used first."""
        return self.ask_index(self._index.texts.known_tags)

    def complete(self, text: str, position: int) -> Completion:
        """What may come at a place in a query that is being written: columns, parameters, operators, values."""
        return self.ask_index(lambda: complete(text, position, self._index, self.metrics))

    def keys(
        self, filter: str = "", order_by: str = "-created_at", limit: int | None = None, offset: int = 0
    ) -> array[int]:
        """Keys of the rows that match, in order; a key is good until the index is made again.

        An order in the filter itself goes before `order_by`.
        """

        asked = (filter, order_by, None if limit is None else min(limit, _MOST), min(offset, _MOST))
        return self.ask_index(lambda: self._index.results.keys(self._key_query(*asked)))

    def sample(self, filter: str, order_by: str, most: int) -> tuple[array[int], int]:
        """Keys of at most so many of the rows that match, in order, and how many match.

        Of more rows it is a random sample, for the first ones in an order tell nothing of the others; it is the same
        each time, whatever the order.
        """
        keys = self.keys(filter, order_by)
        if len(keys) <= most:
            return keys, len(keys)
        import numpy as np

        ordered = np.frombuffer(keys, dtype=np.int64)
        chosen = np.random.default_rng(0).choice(np.sort(ordered), most, replace=False, shuffle=False)
        return array("q", ordered[np.isin(ordered, chosen)].tobytes()), len(keys)

    def _key_query(self, filter: str, order_by: str, limit: int | None, offset: int) -> KeyQuery:
        """The question for keys, made once as long as nothing changes: a window asks the same again and again."""
        state = self._index.state()
        if self._queries_at != state:
            self._queries.clear()
        asked = (filter, order_by, limit, offset)
        found = self._queries.get(asked)
        if found is None:
            query = self._compile(filter)
            order = query.order or compile_order(order_by, self._source(), query.computed)
            fixed = equal_names(query.condition)
            self._index.results.ensure_sorted([*fixed, *sort_names(order)])
            found = self._index.results.key_query(query.condition, order, limit, offset, narrow=bool(fixed))
            if not may_speak_of_now(filter):  # `last 7 days` means another moment next time
                self._queries_at = self._index.state()
                if len(self._queries) >= MAX_QUERIES:
                    self._queries.clear()
                self._queries[asked] = found
        return found

    def rows(self, keys: Sequence[int], filter: str = "") -> list[dict[str, Any]]:
        """The rows of these keys, every column, in this order; times are aware, what is missing is None.

        Columns that `filter` computes (`test_rmse - train_rmse as gap`) are added.
        """
        return self.ask_index(lambda: self._index.results.rows(keys, self._compile(filter).computed if filter else {}))

    def values(self, keys: Sequence[int], names: Sequence[str], filter: str = "") -> dict[str, list[Any]]:
        """Columns, computed ones of `filter`, and parameters, for the rows of these keys: much quicker than whole rows.

        Each list has one value for each key; None where there is none, or the row is gone. Times are aware.
        """

        def fetch() -> dict[str, list[Any]]:
            computed = self._compile(filter).computed if filter else {}
            wanted = compile_columns(names, self._source(), computed)
            columns = self._index.results.values_by_key(keys, wanted)
            found = dict(zip(names, columns, strict=True))
            for name, column in zip(names, wanted, strict=True):
                if kind_of(column) == "time":
                    found[name] = [None if one is None else from_microseconds(one) for one in found[name]]
            return found

        return self.ask_index(fetch)

    def parameters_of(self, keys: Sequence[int]) -> dict[str, list[float | str | None]]:
        """The parameters that differ among the rows of these keys, each with one value for each key.

        A number where it is one, else its text; None where a row has no such parameter. Where a pipeline has several
        it is the smallest, as in queries.
        """
        return self.ask_index(lambda: self._index.texts.parameters_of(keys))

    def computed(self, filter: str) -> list[str]:
        """The names of the columns a filter computes. Raises QueryError."""
        return self.ask_index(lambda: list(self._compile(filter).computed))

    def count(self, filter: str = "") -> int:
        """How many rows match."""
        return self.ask_index(lambda: self._index.results.count(self._compile(filter).condition))

    def ids(self, filter: str = "") -> list[str]:
        """The prediction ids of all rows that match, in no order."""
        return self.ask_index(lambda: self._index.results.ids(self._compile(filter).condition))

    def ids_of(self, keys: Sequence[int]) -> list[str]:
        """The prediction ids of these keys, in this order; a key that is gone is left out."""
        return self.ask_index(lambda: self._index.results.ids_of(keys))

    def find(self, prediction_id: str) -> int | None:
        """The key of a prediction, or None."""
        return self.ask_index(lambda: self._index.results.find(prediction_id))

    def get(self, prediction_id: str) -> dict[str, Any]:
        """The row of a prediction. Raises NotFound."""

        def ask() -> list[dict[str, Any]]:
            with self._index.snapshot():
                key = self._index.results.find(prediction_id)
                return [] if key is None else self._index.results.rows([key])

        found = self.ask_index(ask)
        if not found:  # another process may have made the index again from what there was before
            self.sync()
            found = self.ask_index(ask)
        if found:
            return found[0]
        raise NotFound(f"There is no prediction {prediction_id} in the catalog.", advice="Look it up with: search.")

    def config(self, prediction_id: str) -> str | None:
        """The configuration of a prediction as JSON text (steps with their parameters), None if nobody noted it."""
        return self.ask_index(lambda: self._index.texts.config(prediction_id))

    def runs_since(self, moment: datetime) -> list[str]:
        """The ids of the runs that have results of a moment or later."""
        local = moment.astimezone().replace(microsecond=0)  # queries speak of whole seconds, where the user is
        keys = self.keys(f"created_at >= '{local:%Y-%m-%d %H:%M:%S}'", "created_at")
        found = self.values(keys, ["run_id", "created_at"])
        pairs = zip(found["run_id"], found["created_at"], strict=True)
        return [run for run in dict.fromkeys(run for run, at in pairs if at is not None and at >= moment) if run]

    def best_rows(self, metric: str, dataset: str | None = None, n: int = 10) -> list[dict[str, Any]]:
        """The n best rows by a metric column, best first; rows without the metric don't count.

        What is best of it is known from the registry. Raises BadInput for one of which nobody knows, or that isn't
        there.
        """

        def ask() -> list[dict[str, Any]]:
            columns = self._index.columns
            if metric not in columns:
                known = ", ".join(c.name for c in self.columns() if c.metric)
                raise BadInput(f"No result has the metric '{metric}'.", advice=f"There are: {known or 'none yet'}.")
            column = columns[metric]
            order = best_first(column, self.metrics.best(metric))
            conditions: list[ColumnElement[bool]] = [column.is_not(None)]
            if dataset is not None:
                conditions.append(columns["dataset_name"] == dataset)
            names = sort_names([order])
            self._index.results.ensure_sorted(["dataset_name", *names] if dataset is not None and names else names)
            query = self._index.results.key_query(and_(*conditions), [order], n, 0, narrow=True)
            return self._index.results.rows(self._index.results.keys(query))

        return self.ask_index(ask)

    def best_of_each(self, metric: str, n: int, dataset: str | None = None) -> list[dict[str, Any]]:
        """The n best rows of every dataset, or of one, as `best_rows` has them. Raises BadInput."""
        if n < 1:
            raise BadInput(f"The best {n} can't be found.", advice="Ask for 1 or more.")
        rows = self.group(["dataset_name"], []) if dataset is None else [{"dataset_name": dataset}]
        names = sorted(str(row["dataset_name"]) for row in rows if row["dataset_name"] is not None)
        return [row for name in names for row in self.best_rows(metric, name, n)]

    def best(self, metric: str, dataset: str | None = None, n: int = 10) -> pd.DataFrame:
        """The n best results by a metric column such as `test_rmse`, best first, as a DataFrame."""
        return self._frame(self.best_rows(metric, dataset, n))

    def global_best(self, metrics: Sequence[str] | None = None, per: str = "all") -> pd.DataFrame:
        """The best result of all by each metric, or with `per="dataset"` that of each dataset, as a DataFrame.

        Columns are metric, best (what is: lower, higher, nearest to 0), dataset_name, value, and whose it is. A metric
        of which nobody knows what is best has a row that says "unknown" and no value. Without `metrics` it is all there
        are. Raises BadInput for a column that isn't there.
        """
        import pandas as pd

        return pd.DataFrame(self.global_best_rows(metrics, per), columns=list(GLOBAL_BEST_COLUMNS))

    def global_best_rows(self, metrics: Sequence[str] | None = None, per: str = "all") -> list[dict[str, Any]]:
        """The rows of `global_best`, in the order of the metrics."""
        from storage.aggregates import best_ids

        if per not in ("all", "dataset"):
            raise BadInput(f"The best per '{per}' is not known.", advice="Ask per all or per dataset.")
        self.sync()
        there = [name for name, column in self._index.columns.items() if column.info["kind"] == "number"]
        names = (
            [name for name in there if name not in FIXED_COLUMNS] if metrics is None else list(dict.fromkeys(metrics))
        )
        missing = next((name for name in names if name not in there), None)
        if missing is not None:
            raise BadInput(f"No result has the metric '{missing}'.", advice="Name a metric column, such as test_rmse.")
        found = best_ids(self._parts, names, self.metrics)
        if per == "all":
            found = best_of_all(found, self.metrics)
        rows: list[dict[str, Any]] = []
        for name in names:
            own = [one for one in found if one[0] == name]
            said = best_in_words(self.metrics.find(name))
            rows += [{**self.get(one), "metric": name, "best": said, "value": value} for _, _, one, value in own]
            if said == "unknown":
                rows.append({"metric": name, "best": said})
        return [{name: row.get(name) for name in GLOBAL_BEST_COLUMNS} for row in rows]

    def search(
        self, filter: str = "", order_by: str = "-created_at", limit: int | None = None, offset: int = 0
    ) -> pd.DataFrame:
        """The results that match a filter, as a DataFrame; see `storage.query` for the language."""
        return self._frame(self.rows(self.keys(filter, order_by, limit, offset), filter), self.computed(filter))

    def arrays(self, prediction_id: str) -> list[PredictionArrays]:
        """y_true, y_pred and the rest of one prediction, by partition and fold, without reading the others.

        Raises NotFound for a pipeline that was thinned, Corrupt.
        """
        found = self.stored_arrays.read(prediction_id)
        if not found and (place := self.ask_index(lambda: self._index.runs.thinned(prediction_id))):
            raise NotFound(
                f"The arrays of {prediction_id} were taken away when its pipeline was thinned.",
                self._layout.root / place,
                f"They lie in {place}; bring them back with: runshelf thin --undo.",
            )
        return found

    @property
    def stored_arrays(self) -> StoredArrays:
        """The arrays of many predictions."""
        from storage.stored_arrays import StoredArrays

        return StoredArrays(self._parts, self._index, self.ask_index)

    def done_before(self, config_hash: str, data_hash: str, seed: int, dataset: str) -> tuple[str, str] | None:
        """Where (run folder, pipeline) the same configuration, data, split and seed lie completed, or None."""
        return self.ask_index(lambda: self._index.results.done_before(config_hash, data_hash, seed, dataset))

    def knows_run(self, run_id: str) -> bool:
        """Whether there was a run of this id: it has results, or lies in the trash."""
        if self.ask_index(lambda: self._index.results.has_run(run_id)):
            return True
        return any(record.run_id == run_id for record in self._trash.records("run"))

    # ------------------------------------------------------------ over many rows

    def group(
        self, by: Sequence[str], metrics: Sequence[str] | None = None, filter: str = "", *, datasets: bool = False
    ) -> list[dict[str, Any]]:
        """One row per group of the results that match: how many, completed, failed; best, mean, spread of metrics.

        `by` are columns, columns that `filter` computes, or pipeline parameters. The keys of a row are these,
        `results`, `completed`, `failed`, and `best_<metric>`, `mean_<metric>`, `std_<metric>` (n - 1); largest groups
        first. `best_` is left out where nobody knows what is best; of a metric with a target it is the smallest
        distance. Left to itself it takes the metrics results are judged by. With `datasets` the key `dataset_name` is
        there in any case: the one dataset of a group ("" for none), None where the group has results of several,
        of which no value is the best. Raises BadInput for what isn't there.
        """
        from storage.groups import Groups

        groups = Groups(self._index, lambda: self._parts, self._source, self.ask_index)
        return groups.group(list(dict.fromkeys(by)), metrics, filter, datasets)

    def table(self, names: Sequence[str], filter: str = "") -> pa.Table:
        """Columns of all results that match, in no order, as a pyarrow table: quicker than `values` for many of them.

        Raises QueryError for a column that isn't there.
        """
        from storage.groups import Groups

        return Groups(self._index, lambda: self._parts, self._source, self.ask_index).columns(names, filter)

    def best_values(self, metrics: Sequence[str], filter: str = "") -> BestValues:
        """The best value of each metric column, by dataset, among the results that match, with its spread over folds.

        `found["corn"]["test_rmse"]`: what is best on one dataset says nothing about another. The spread is None where
        it isn't known. Columns that aren't there, have no value, or of which nobody knows what is best are left out.
        """
        known = self._index.columns
        there = [name for name in dict.fromkeys(metrics) if name in known and known[name].info["kind"] == "number"]
        beside = [*(spread_column(name) or "" for name in there), "n_folds"]
        names = list(dict.fromkeys(["dataset_name", *there, *(name for name in beside if name in known)]))
        keys = self.keys(filter, "", FEW + 1)
        if len(keys) <= FEW:  # quicker than to load the Parquet library
            return best_values(self.values(keys, names, filter), there, self.metrics)
        from storage.groups import Groups

        groups = Groups(self._index, lambda: self._parts, self._source, self.ask_index)
        found = groups.best_values(names, there, filter)
        if found is not None:
            return found
        known_metrics = {name: metric for name in there if (metric := known_best(self.metrics, name)) is not None}
        return self.ask_index(lambda: self._index.results.best_values(self._compile(filter).condition, known_metrics))

    def parameter_importance(self, metric: str, filter: str = "", limit: int = 5_000) -> list[Importance]:
        """How much of the differences in a metric each parameter explains among the results that match, most first.

        Of more than `limit` results a random sample counts. See `storage.importance`. Raises BadInput for a metric
        column that isn't there or of which nobody knows what is best.
        """
        from storage.importance import rank_parameters

        if metric not in self._index.columns:
            raise BadInput(f"No result has the metric '{metric}'.", advice="Name a metric column, such as test_rmse.")
        keys, _ = self.sample(filter, f"best:{metric}", limit)  # in an order that has an index of its own
        told = ("model_type", PREPROCESSING)
        columns = self.values(keys, [metric, "dataset_name", *told], filter)
        own = {**{name: columns[name] for name in told}, **self.parameters_of(keys)}
        return rank_parameters(columns[metric], own, columns["dataset_name"])

    def summary(self, by: str = "dataset_name", metrics: Sequence[str] | None = None, filter: str = "") -> pd.DataFrame:
        """`group` by one column, as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.group([by], metrics, filter))

    def runs(self) -> list[dict[str, Any]]:
        """Every run the catalog has results of, whether its folder is there or not: names, counts, best result."""
        from storage import aggregates

        return aggregates.runs(self._parts, self.metrics)

    def compare_datasets(self, config_hash: str, metric: str) -> pd.DataFrame:
        """How one configuration did on each dataset, best first. Raises BadInput for a metric without direction."""
        import pandas as pd

        from storage import aggregates

        if metric not in self._index.columns:
            raise BadInput(f"No result has the metric '{metric}'.", advice="Name a metric column, such as test_rmse.")
        columns = ["dataset_name", "results", f"best_{metric}", "prediction_id", f"mean_{metric}"]
        found = aggregates.compare_datasets(self._parts, config_hash, metric, self.metrics)
        return pd.DataFrame(found, columns=columns)

    def export(
        self,
        path: Path | str,
        filter: str = "",
        order_by: str = "-created_at",
        columns: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        report: Report | None = None,
        *,
        overwrite: bool = False,
        create: bool = False,
    ) -> int:
        """Write the rows that match to a .csv or .parquet file, all at once; returns how many.

        `ids` restricts it to these predictions, `columns` to these and in this order. In a CSV, text that a
        spreadsheet would take for a formula is made harmless. With `create` the file's folder is made if it isn't
        there. Raises BadInput, Exists unless `overwrite`, or what `report` does.
        """
        from storage.exports import export_rows

        made = self.ask_index(self._index.made)
        keys = self.keys(filter, order_by)
        if ids is not None:
            chosen = set(self.ask_index(lambda: self._index.results.keys_of(ids)))
            keys = array("q", (key for key in keys if key in chosen))
        computed = self.ask_index(lambda: self._compile(filter).computed)
        kinds = {c.name: c.kind for c in self.columns()} | {name: kind_of(one) for name, one in computed.items()}
        names = list(columns or kinds)
        unknown = next((name for name in names if name not in kinds), None)
        if unknown is not None:
            raise BadInput(f"There is no column '{unknown}'.", advice=f"Columns are {', '.join(list(kinds)[:8])}, …")

        def fetch(some: Sequence[int]) -> list[Sequence[Any]]:
            with self._index.snapshot():
                if self._index.made() != made:
                    raise Conflict(
                        "The index was made again meanwhile; nothing was written.", advice="Export once more."
                    )
                computed = self._compile(filter).computed if filter else {}
                return self._index.results.values_at(some, compile_columns(names, self._source(), computed))

        ready = report or (lambda done, total, text: None)
        wanted = {name: kinds[name] for name in names}
        return export_rows(
            Path(path), keys, wanted, lambda some: self.ask_index(lambda: fetch(some)), overwrite, ready, create=create
        )

    def _frame(self, rows: list[dict[str, Any]], computed: Sequence[str] = ()) -> pd.DataFrame:
        import pandas as pd

        columns = [*(column.name for column in self.columns()), *computed]
        return pd.DataFrame(rows, columns=[*columns, "folder_exists"])

    # ------------------------------------------------------------ the index

    def _source(self) -> Source:
        """What queries may speak of now."""
        texts = self._index.texts
        return Source(
            self._index.columns,
            self.metrics,
            texts.word,
            texts.tagged,
            texts.parameter,
            texts.spoken_names,
            self._index.results.damaged,
        )

    def _compile(self, filter: str) -> Query:
        return compile_query(filter, self._source())
