"""Runs and pipelines in the index: what the folders said when they were last looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update
from sqlalchemy.engine import Connection

from storage.layout import numbered
from storage.moments import from_microseconds, to_microseconds
from storage.parameters import fold
from storage.text_index import begins_with_id

if TYPE_CHECKING:
    from storage.index import Index


_COUNTED = {"successful": "completed", "failed": "failed", "interrupted": "interrupted"}


class RunIndex:
    """The run and pipeline tables of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def run_signatures(self) -> dict[str, str]:
        """The signature of each run folder as it was last read."""
        r = self._index.tables.runs
        return dict(self._index.raw(self._index.prepared(select(r.c.folder, r.c.signature))))

    def pipeline_signatures(self, folder: str) -> dict[str, str]:
        """The signature of each pipeline folder of a run as it was last read."""
        p = self._index.tables.pipelines
        rows = self._index.ask(select(p.c.pipeline_id, p.c.signature).where(p.c.folder == folder))
        return {row["pipeline_id"]: row["signature"] for row in rows}

    def put_run(self, run: Mapping[str, Any], changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> bool:
        """Note one run folder: its own row, pipelines that were read anew, and pipelines that are gone.

        True if anything is different from what was noted before; signatures alone are no difference.
        """
        p, r = self._index.tables.pipelines, self._index.tables.runs
        with self._index.change() as connection:
            before = self._index.ask(select(r).where(r.c.folder == run["folder"]))
            before += self._index.ask(select(p).where(p.c.folder == run["folder"])) if changed else []
            if changed:
                connection.execute(insert(p).prefix_with("OR REPLACE"), [dict(row) for row in changed])
            for pipeline_id in gone:
                connection.execute(delete(p).where(and_(p.c.folder == run["folder"], p.c.pipeline_id == pipeline_id)))
            counted = {**_timed(run), **self._counts(run["folder"])}
            connection.execute(insert(r).prefix_with("OR REPLACE"), counted)
        known = {_unsigned(row) for row in before}
        return bool(gone) or any(_unsigned(row) not in known for row in (counted, *changed))

    def name_damaged(self) -> bool:
        """Note of damaged pipelines which results they are, as the catalog has them; True if anything was noted.

        Their own documents can't say it any more.
        """
        p, r, c = self._index.tables.pipelines, self._index.tables.runs, self._index.predictions
        statement = (
            select(p.c.folder, p.c.pipeline_id, c.c.prediction_id, c.c.pipeline_name, c.c.model_type)
            .join_from(p, r, r.c.folder == p.c.folder)
            .join(c, and_(c.c.run_id == r.c.run_id, c.c.pipeline_id == p.c.pipeline_id))
            .where(p.c.status == "damaged", p.c.prediction_id == "")
        )
        found = self._index.ask(statement)
        if not found:
            return False
        with self._index.change() as connection:
            for row in found:
                known = {
                    "prediction_id": row["prediction_id"],
                    "name": row["pipeline_name"] or "",
                    "model_type": row["model_type"] or "",
                }
                same = and_(p.c.folder == row["folder"], p.c.pipeline_id == row["pipeline_id"])
                connection.execute(update(p).where(same).values(known))
        return True

    def _counts(self, folder: str) -> dict[str, int]:
        """How many pipelines a run has, from the pipelines themselves."""
        p = self._index.tables.pipelines
        statement = select(p.c.status, func.count().label("n")).where(p.c.folder == folder).group_by(p.c.status)
        found = {row["status"]: row["n"] for row in self._index.ask(statement)}
        counted = {name: found.get(status, 0) for name, status in _COUNTED.items()}
        return {"total": sum(found.values()), **counted}

    def remove_runs(self, folders: Iterable[str]) -> None:
        with self._index.change() as connection:
            for folder in folders:
                self._forget_run(connection, folder)

    def _forget_run(self, connection: Connection, folder: str) -> None:
        connection.execute(delete(self._index.tables.runs).where(self._index.tables.runs.c.folder == folder))
        connection.execute(delete(self._index.tables.pipelines).where(self._index.tables.pipelines.c.folder == folder))

    def folder_of(self, run_id: str) -> str | None:
        """The folder of a run; where a copy has the same id, the one whose name is the id."""
        r = self._index.tables.runs
        statement = select(r.c.folder).where(r.c.run_id == run_id).order_by((r.c.folder == run_id).desc(), r.c.folder)
        found = self._index.ask(statement.limit(1))
        return str(found[0]["folder"]) if found else None

    def rows(self, dataset: str | None = None) -> list[dict[str, Any]]:
        """Runs, newest first, with their counts.

        A copied folder has the id of its original: it goes by its folder's name and says so.
        """
        r = self._index.tables.runs
        statement = select(r).order_by(r.c.date.desc(), r.c.created_at.desc(), r.c.folder)
        if dataset is not None:
            statement = statement.where(r.c.dataset_name == dataset)
        names = [column.name for column in r.c]
        rows = self._index.raw(self._index.prepared(statement))
        return _told_apart([_dated(dict(zip(names, row, strict=True))) for row in rows])

    def pipelines(self, folder: str, offset: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Pipelines of a run folder by number, each with the columns of its catalog row that exist."""
        own = self._index.tables.pipelines.c
        numbers = [c for c in self._index.columns.values() if c.info["kind"] == "number"]
        statement = (
            select(*own, *numbers)
            .join_from(
                self._index.tables.pipelines,
                self._index.predictions,
                self._index.predictions.c.prediction_id == self._index.tables.pipelines.c.prediction_id,
                isouter=True,
            )
            .where(self._index.tables.pipelines.c.folder == folder)
            .order_by(self._index.tables.pipelines.c.number, self._index.tables.pipelines.c.pipeline_id)
            .offset(offset)
        )
        return self._index.ask(statement.limit(limit) if limit is not None else statement)

    def folders_with(self, word: str) -> set[str]:
        """The run folders that have a pipeline with this number, or one whose id begins so; none for other words."""
        folded, r, p = fold(word), self._index.tables.runs, self._index.tables.pipelines
        digits = numbered(folded)
        if digits is None:
            return set()
        own = and_(p.c.folder == r.c.folder, p.c.number == int(digits))  # by the index that their order has
        there = exists().where(own, begins_with_id(p.c.pipeline_id, digits, folded))
        return {row["folder"] for row in self._index.ask(select(r.c.folder).where(there))}

    def pipeline_count(self, folder: str) -> int:
        p = self._index.tables.pipelines
        return int(self._index.ask(select(func.count().label("n")).where(p.c.folder == folder))[0]["n"])

    def thinned(self, prediction_id: str) -> str | None:
        """Where the arrays and models of a thinned pipeline lie, below the workspace; None for one that has its own."""
        p = self._index.tables.pipelines
        found = self._index.ask(select(p.c.thinned).where(p.c.prediction_id == prediction_id))
        return next((row["thinned"] for row in found if row["thinned"]), None)

    def thinned_to(self, place: str) -> int:
        """How many thinned pipelines have their arrays and models at a place below the workspace."""
        p = self._index.tables.pipelines
        return int(self._index.ask(select(func.count().label("n")).where(p.c.thinned == place))[0]["n"])

    def all_thinned(self) -> list[dict[str, Any]]:
        """Every thinned pipeline, with its prediction and where its arrays and models lie."""
        p = self._index.tables.pipelines
        columns = (p.c.folder, p.c.pipeline_id, p.c.prediction_id, p.c.thinned)
        statement = select(*columns).where(p.c.thinned.is_not(None)).order_by(p.c.folder, p.c.number)
        return self._index.ask(statement)

    def completed(self, dataset: str | None) -> list[dict[str, Any]]:
        """Every completed pipeline of a dataset, or of all, with its prediction, by run and number."""
        p, r = self._index.tables.pipelines, self._index.tables.runs
        columns = (p.c.folder, p.c.pipeline_id, p.c.prediction_id, p.c.thinned)
        statement = select(*columns).join_from(p, r, p.c.folder == r.c.folder).where(p.c.status == "completed")
        if dataset is not None:
            statement = statement.where(r.c.dataset_name == dataset)
        return self._index.ask(statement.order_by(p.c.folder, p.c.number))

    def uncommitted(self) -> list[dict[str, Any]]:
        """Pipelines that ended, by their own document, have no row in the catalog, and had none deleted."""
        return self._lacking(self._index.tables.pipelines.c.status.in_(("completed", "failed")))

    def unfinished(self) -> list[dict[str, Any]]:
        """Pipelines and the writers that were working on them."""
        p = self._index.tables.pipelines
        return self._index.ask(select(p.c.folder, p.c.pipeline_id, p.c.writer).where(p.c.status == "running"))

    def of_writer(self, prefix: str) -> list[dict[str, Any]]:
        """Pipelines whose writer's name begins so, in the order of their numbers."""
        p = self._index.tables.pipelines
        chosen = select(p.c.folder, p.c.pipeline_id).where(p.c.writer.startswith(prefix, autoescape=True))
        return self._index.ask(chosen.order_by(p.c.folder, p.c.number))

    def unfinished_runs(self) -> list[dict[str, Any]]:
        """Runs that were never finalized, and their writers."""
        r = self._index.tables.runs
        return self._index.ask(select(r.c.folder, r.c.writer).where(r.c.status == "running"))

    def _lacking(self, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
        p = self._index.tables.pipelines
        a = self._index.tables.annotations
        there = exists().where(self._index.predictions.c.prediction_id == p.c.prediction_id)
        deleted = exists().where(and_(a.c.prediction_id == p.c.prediction_id, a.c.deleted == 1))
        statement = select(p.c.folder, p.c.pipeline_id, p.c.writer)
        return self._index.ask(statement.where(and_(condition, ~there, ~deleted)))


def _told_apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    originals: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row["folder"] != row["run_id"], row["folder"])):
        originals.setdefault(row["run_id"], row["folder"])
    for row in rows:
        original = originals[row["run_id"]]
        if row["folder"] != original:
            row["problem"] = row["problem"] or f"This folder is a copy of {original}: both have the same run id."
            row["run_id"] = row["folder"]
    return rows


def _timed(row: Mapping[str, Any]) -> dict[str, Any]:
    moment = row["created_at"]
    return {**row, "created_at": to_microseconds(moment) if moment is not None else None}


def _unsigned(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in row.items() if name != "signature"))


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    if row["created_at"] is not None:
        row["created_at"] = from_microseconds(row["created_at"])
    return row
