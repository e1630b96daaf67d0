"""Whatever happened, in whatever order, by whomever: the kept index, a rebuilt one and DuckDB give the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage import Workspace
from storage.moments import to_microseconds
from storage.records import new_id
from tests.storage.kills import delete, edit, killed_at
from tests.storage.samples import add_foreign_part, fill

META = "catalog/predictions_meta.parquet"

ACTIONS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "append",
                "metric",
                "merge",
                "reopen",
                "forget",
                "other",
                "foreign",
                "foreign edit",
                "replace",
                "replace edits",
            ]
        ),
        st.tuples(st.sampled_from(["tag", "note", "delete", "restore"]), st.integers(0, 5)),
        st.tuples(st.sampled_from(["killed edit", "killed deletion"]), st.integers(0, 40)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(actions=["replace", "metric", "metric"])
@given(actions=ACTIONS)
def test_kept_index_equals_rebuilt_index_equals_duckdb(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Any]
) -> None:
    root = tmp_path_factory.mktemp("any") / "workspace"
    workspace = Workspace.create(root)
    fill(workspace, 2)
    for step, action in enumerate(actions):
        workspace = act(workspace, root, step, action)
    with workspace:
        workspace.sync()
        kept = everything(workspace)
        workspace.rebuild_index()
        rebuilt = everything(workspace)
        assert kept == rebuilt
        assert kept == by_duckdb(root, workspace)
        for row in kept[:3]:
            assert {block.partition for block in workspace.catalog.arrays(row[0])} <= {"test"}


def act(workspace: Workspace, root: Path, step: int, action: Any) -> Workspace:
    name, number = action if isinstance(action, tuple) else (action, 0)
    catalog = workspace.catalog
    ids = sorted(catalog.ids())
    chosen = ids[number::3]
    match name:
        case "append":
            fill(workspace, 2)
        case "metric":
            pipeline = workspace.create_run("corn").add_pipeline({"step": step})
            pipeline.save_metrics({"test": {f"own{step}": step, "rmse": step / 3}})
            pipeline.complete()
        case "merge":
            catalog.compact()
        case "reopen":
            workspace.close()
            return Workspace.open(root)
        case "forget":
            (root / "catalog/index.sqlite").unlink(missing_ok=True)
        case "other":
            with Workspace.open(root) as other:
                fill(other, 1, "wheat")
        case "foreign":
            rows = pd.DataFrame({"prediction_id": [new_id(), new_id()], "test_rmse": [0.5, None], "odd": [step, 2]})
            add_foreign_part(root, "meta", rows)
        case "foreign edit" if ids:
            moments = pd.to_datetime(["2099-01-01T00:00:00Z"] * len(ids[:2]))
            edits = {"prediction_id": ids[:2], "tags": [["theirs", "x"]] * len(ids[:2]), "at": moments}
            add_foreign_part(root, "annotations", pd.DataFrame(edits))
        case "replace" if ids:  # another program corrects a value, as we never would
            part = catalog.manifest().meta[0].file
            table = pd.read_parquet(root / META / part)
            add_foreign_part(root, "meta", table.assign(test_rmse=step + 0.25), replacing=part)
        case "replace edits" if catalog.manifest().annotations:  # also back to what was before
            part = catalog.manifest().annotations[0].file
            table = pd.read_parquet(root / "catalog/annotations.parquet" / part)
            add_foreign_part(root, "annotations", table.assign(notes="corrected"), replacing=part)
        case "tag":
            catalog.annotate(chosen, add_tags=[f"tag{step}"], stars=number)
        case "note":
            catalog.annotate(chosen, notes=f"note {step}")
        case "delete":
            catalog.plan_delete(f"test_rmse > {number} and test_rmse < 6").apply()
        case "restore" if catalog.trash():
            catalog.restore(catalog.trash()[-1].trash_id)
        case "killed edit" if ids:
            killed_at(number, edit, root, ids[0])
        case "killed deletion":
            killed_at(number, delete, root)
            workspace.sync()  # else what was deleted is listed until the next look, and can't be edited
    return workspace


def everything(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Every row with the columns that all ways of asking know, in a form that compares."""
    rows = workspace.catalog.rows(workspace.catalog.keys(order_by="prediction_id"))
    names = ("prediction_id", "dataset_name", "pipeline_id", "test_rmse", "config_hash", "tags", "notes", "stars")
    noted = [row["noted_at"] and to_microseconds(row["noted_at"]) for row in rows]
    return [(*(row[name] for name in names), at) for row, at in zip(rows, noted, strict=True)]


def by_duckdb(root: Path, workspace: Workspace) -> list[tuple[Any, ...]]:
    """The same from the parts that count: what a killed process placed and didn't commit is swept at the next open."""
    manifest = workspace.catalog.manifest()
    if not manifest.meta:
        return []
    paths = [str(root / META / part.file) for part in manifest.meta]
    edited = [str(root / "catalog/annotations.parquet" / part.file) for part in manifest.annotations]
    edits = f"read_parquet({edited}, union_by_name=true)"
    if not edited:
        edits = "(select '' as prediction_id, ['']::varchar[] as tags, '' as notes, 0 as stars, now() as \"at\")"
    with duckdb.connect() as connection:
        columns = {row[0] for row in connection.sql(f"describe from {edits}").fetchall()}
        notes, stars = (name if name in columns else "null" for name in ("notes", "stars"))
        latest = 'row_number() over (partition by prediction_id order by "at" desc) = 1'
        parts = f"read_parquet({paths}, union_by_name=true)"
        known = {row[0] for row in connection.sql(f"describe from {parts}").fetchall()}  # a foreign part may lack some
        ours = (name if name in known else "null" for name in ("dataset_name", "pipeline_id", "test_rmse"))
        hashes = "config_hash" if "config_hash" in known else "null"
        sql = (
            f"select prediction_id, {', '.join(ours)}, {hashes}, "
            "nullif(array_to_string(tags, ', '), ''), notes, stars, "
            'case when len(tags) > 0 or notes is not null or stars is not null then epoch_us("at") end '
            f"from {parts} left join "
            f'(select prediction_id, tags, {notes} as notes, {stars} as stars, "at" from {edits} qualify {latest}) '
            "using (prediction_id) order by prediction_id"
        )
        return connection.sql(sql).fetchall()
