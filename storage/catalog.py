"""The catalog: one row per result, forever. Appending, finding the best, filtering, and reading arrays.

The Parquet parts are the record, the index answers. Whatever happens to the index, the answer is the same: it is
made again from the parts and the question asked once more.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, and_
from sqlalchemy.exc import DatabaseError

from storage.errors import BadInput, Locked, NotFound, StorageError
from storage.index import Index, manifest_mark
from storage.metrics import MAIN_METRIC, Metric, flatten, lower_is_better, metric_for
from storage.query import compile_filter, compile_order, compile_query
from storage.records import PipelineRecord, RunConfig

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from storage.parts import Parts
    from storage.predictions import PredictionArrays

Answer = TypeVar("Answer")
COMPACT_ABOVE = 24  # live parts of a data set; more of them slow plain readers down


@dataclass(frozen=True)
class CatalogColumn:
    """A column of the catalog; `metric` is set where the column is a registered metric."""

    name: str
    kind: str
    metric: Metric | None


class Catalog:
    """The catalog of one workspace. `refill` is called after the index had to be started again."""

    def __init__(self, parts: Parts, index: Index, refill: Callable[[], None]) -> None:
        self._parts = parts
        self._index = index
        self._refill = refill
        self._compaction: threading.Thread | None = None

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
        manifest = self._parts.append([catalog_row(run, record, metrics)], rows, self._follow_append)
        if max(len(manifest.meta), len(manifest.data)) > COMPACT_ABOVE:
            self._compact_behind()

    def _follow_append(self, before: Any, after: Any, meta: pa.Table) -> None:
        # Should the index turn out damaged: the commit stands, and the next question starts the index again.
        with suppress(DatabaseError):
            self._index.follow_append(before, after, meta)

    def compact(self) -> int:
        """Merge small parts; returns how many were merged away."""
        return self._parts.compact(self._index.follow_merge)

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
        return self.ask_index(lambda: self._index.sync(self._parts.manifest, self._parts.read_meta))

    def is_current(self) -> bool:
        """Whether the index reflects the manifest as it is now."""
        return self.ask_index(lambda: self._index.follows() == manifest_mark(self._parts.manifest()))

    # ------------------------------------------------------------ asking

    def columns(self) -> list[CatalogColumn]:
        """Every column of the catalog, fixed ones first, then metrics in the order they appeared."""
        return [
            CatalogColumn(name, column.info["kind"], metric_for(name) if column.info["kind"] == "number" else None)
            for name, column in self._index.columns.items()
        ]

    def keys(
        self, filter: str = "", order_by: str = "-created_at", limit: int | None = None, offset: int = 0
    ) -> array[int]:
        """Keys of the rows that match, in order; a key is good until the index is made again.

        An order in the filter itself goes before `order_by`.
        """

        def ask() -> array[int]:
            columns = self._index.columns
            query = compile_query(filter, columns)
            order = query.order or compile_order(order_by, {**columns, **query.computed})
            if not query.order:
                self._index.ensure_sorted(_sort_names(order_by))
            return self._index.keys(query.condition, order, limit, offset)

        return self.ask_index(ask)

    def rows(self, keys: Sequence[int], filter: str = "") -> list[dict[str, Any]]:
        """The rows of these keys, every column, in this order; times are aware, what is missing is None.

        Columns that `filter` computes (`test_rmse - train_rmse as gap`) are added.
        """
        return self.ask_index(
            lambda: self._index.rows(keys, compile_query(filter, self._index.columns).computed if filter else {})
        )

    def computed(self, filter: str) -> list[str]:
        """The names of the columns a filter computes. Raises QueryError."""
        return self.ask_index(lambda: list(compile_query(filter, self._index.columns).computed))

    def count(self, filter: str = "") -> int:
        """How many rows match."""
        return self.ask_index(lambda: self._index.count(compile_filter(filter, self._index.columns)))

    def find(self, prediction_id: str) -> int | None:
        """The key of a prediction, or None."""
        return self.ask_index(lambda: self._index.find(prediction_id))

    def get(self, prediction_id: str) -> dict[str, Any]:
        """The row of a prediction. Raises NotFound."""
        key = self.find(prediction_id)
        if key is None:
            raise NotFound(f"There is no prediction {prediction_id} in the catalog.", advice="Look it up with: search.")
        return self.rows([key])[0]

    def best_rows(self, metric: str, dataset: str | None = None, n: int = 10) -> list[dict[str, Any]]:
        """The n best rows by a metric column, best first; rows without the metric don't count.

        The metric's direction is known from the registry. Raises BadInput for one that has none or isn't there.
        """
        lower = lower_is_better(metric)

        def ask() -> list[dict[str, Any]]:
            columns = self._index.columns
            if metric not in columns:
                known = ", ".join(c.name for c in self.columns() if c.metric)
                raise BadInput(f"No result has the metric '{metric}'.", advice=f"There are: {known or 'none yet'}.")
            column = columns[metric]
            conditions: list[ColumnElement[bool]] = [column.is_not(None)]
            if dataset is not None:
                conditions.append(columns["dataset_name"] == dataset)
            self._index.ensure_sorted(["dataset_name", metric] if dataset is not None else [metric])
            keys = self._index.keys(and_(*conditions), [column.asc() if lower else column.desc()], n, 0)
            return self._index.rows(keys)

        return self.ask_index(ask)

    def best(self, metric: str, dataset: str | None = None, n: int = 10) -> pd.DataFrame:
        """The n best results by a metric column such as `test_rmse`, best first, as a DataFrame."""
        return self._frame(self.best_rows(metric, dataset, n))

    def search(
        self, filter: str = "", order_by: str = "-created_at", limit: int | None = None, offset: int = 0
    ) -> pd.DataFrame:
        """The results that match a filter, as a DataFrame; see `storage.query` for the language."""
        return self._frame(self.rows(self.keys(filter, order_by, limit, offset), filter), self.computed(filter))

    def arrays(self, prediction_id: str) -> list[PredictionArrays]:
        """y_true, y_pred and the rest of one prediction, by partition and fold, without reading the others."""
        for attempt in (1, 2):
            try:
                return self._parts.arrays(prediction_id)
            except NotFound:  # a part was merged away between looking and reading
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def done_before(self, config_hash: str, data_hash: str, seed: int, dataset: str) -> tuple[str, str] | None:
        """Where (run folder, pipeline) the same configuration, data, split and seed lie completed, or None."""
        return self.ask_index(lambda: self._index.done_before(config_hash, data_hash, seed, dataset))

    def summary(self, by: str = "dataset_name", metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per value of a column: how many results, and best, mean and spread of metric columns.

        Left to itself it takes the metrics results are judged by. Raises BadInput for a column that isn't there.
        """
        import pandas as pd

        from storage import aggregates

        known = [column.name for column in self.columns()]
        if metrics is None:
            judged = [f"{p}_{m}" for m in MAIN_METRIC.values() for p in ("val", "test")]
            metrics = [name for name in judged if name in known]
        for name in (by, *metrics):
            if name not in known:
                raise BadInput(f"There is no column '{name}'.", advice=f"Columns are {', '.join(known[:8])}, …")
        return pd.DataFrame(aggregates.summary(self._parts, by, metrics))

    def compare_datasets(self, config_hash: str, metric: str) -> pd.DataFrame:
        """How one configuration did on each dataset, best first. Raises BadInput for a metric without direction."""
        import pandas as pd

        from storage import aggregates

        columns = ["dataset_name", "results", f"best_{metric}", "prediction_id", f"mean_{metric}"]
        return pd.DataFrame(aggregates.compare_datasets(self._parts, config_hash, metric), columns=columns)

    def _frame(self, rows: list[dict[str, Any]], computed: Sequence[str] = ()) -> pd.DataFrame:
        import pandas as pd

        columns = [*(column.name for column in self.columns()), *computed]
        return pd.DataFrame(rows, columns=[*columns, "folder_exists"])

    def ask_index(self, question: Callable[[], Answer]) -> Answer:
        """Ask the index; if it turns out damaged or deleted, make it again from the files and ask once more."""
        if self._index.vanished():
            self._index.start_again("was deleted")
            self._refill()
        try:
            self._index.revive()
            self._index.refresh()
            return question()
        except DatabaseError as error:
            if "locked" in str(error.orig):
                raise Locked("The index is in use by another program.", self._index.path, "Try again.") from error
        self._index.start_again("was damaged")
        self._refill()
        return question()


def catalog_row(run: RunConfig, record: PipelineRecord, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The catalog row of one pipeline: what its documents say, metrics flattened; a metric takes no column of ours."""
    return {
        **flatten(metrics),
        "prediction_id": record.prediction_id,
        "dataset_name": run.dataset_name,
        "run_id": run.run_id,
        "run_name": run.run_name,
        "run_date": date.fromisoformat(run.run_id[:10]) if _starts_with_date(run.run_id) else run.created_at.date(),
        "pipeline_id": record.id,
        "pipeline_name": record.name,
        "config_name": record.config_name or record.name,
        "config_hash": record.hash,
        "model_type": record.model_type,
        "task_type": record.task_type or run.task_type,
        "status": record.status,
        "created_at": record.created_at,
        "n_samples": record.n_samples,
        "n_features": record.n_features,
        "n_folds": record.n_folds,
        "fit_seconds": record.fit_seconds,
        "created_by": record.created_by,
        "data_hash": record.dataset_source.data_hash or None,
        "seed": record.seed,
    }


def _starts_with_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _sort_names(order_by: str) -> list[str]:
    names = [part.strip().removeprefix("-").removeprefix("best:") for part in order_by.split(",")]
    return [name for name in names if name]
