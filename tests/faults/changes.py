"""The changes that are killed, refused room and recorded: one for every public verb that writes.

Each is a generator: what is done before its `yield` only leads up to the change, what comes after is the change.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from storage import NotFound, Pipeline, Workspace
from storage import findings as kinds
from storage.trust import Keyring
from tests.storage.samples import fill, fill_with_models

Change = Callable[[Workspace], Iterator[None]]
SHA = "ab" * 32


def make(root: Path) -> None:
    """A workspace with something of everything: two runs, edits, a library, archives, exports, a full trash."""
    with Workspace.create(root) as workspace:
        run_id = fill_with_models(workspace, 3)
        for row in workspace.pipelines(run_id):
            (root / "runs" / run_id / row.pipeline_id / "parity.png").write_bytes(b"chart" * 40)
        ids = fill(workspace, 6, "wheat")  # as many parts as are merged
        wheat = run_of(workspace, "wheat")
        workspace.catalog.annotate(ids[:1], add_tags=["dear"], notes="keep this", stars=2)
        workspace.library.save_template({"steps": [{"class": "sklearn.linear_model.Ridge"}]}, "ridge")
        workspace.library.save_filtered(wheat, pipeline_of(workspace, "wheat"), "kept")
        workspace.library.export_zip("filtered", "kept", root.parent / "kept.zip")
        workspace.archive("filtered", run_id=wheat, pipeline_id=pipeline_of(workspace, "wheat"))
        workspace.catalog.plan_delete("test_rmse = 6").apply()
        workspace.plan_delete_pipeline(wheat, pipeline_of(workspace, "wheat", 4)).apply()
        workspace.sync()


def run_of(workspace: Workspace, dataset: str) -> str:
    """The run of a dataset. Raises NotFound when it is not there."""
    found = workspace.runs(dataset)
    if not found:
        raise NotFound(f"There is no run of {dataset}.")
    return found[-1].run_id


def pipeline_of(workspace: Workspace, dataset: str, number: int = 1) -> str:
    """A pipeline of the run of a dataset. Raises NotFound when it is not there."""
    for row in workspace.pipelines(run_of(workspace, dataset)):
        if row.number == number:
            return row.pipeline_id
    raise NotFound(f"There is no pipeline {number}.")


def started(workspace: Workspace) -> Pipeline:
    """A pipeline that is trained."""
    return workspace.create_run("oats").add_pipeline({"model": "mean"}, name="new")


# ---------------------------------------------------------------- training


def create_run(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.create_run("barley", "first", "a description")


def reopen_run(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.create_run("corn", description="another description")


def add_pipeline(workspace: Workspace) -> Iterator[None]:
    run = workspace.create_run("oats")
    yield
    run.add_pipeline({"model": "mean"}, name="new")


def save_artifact(workspace: Workspace) -> Iterator[None]:
    pipeline = started(workspace)
    yield
    pipeline.save_artifact("scaler", np.zeros(300))


def save_metrics(workspace: Workspace) -> Iterator[None]:
    pipeline = started(workspace)
    yield
    pipeline.save_metrics({"test": {"rmse": 0.5, "samples": 3}})


def save_predictions(workspace: Workspace) -> Iterator[None]:
    pipeline = started(workspace)
    yield
    pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.5, 2.0]}))


def save_chart(workspace: Workspace) -> Iterator[None]:
    from matplotlib.figure import Figure

    pipeline = started(workspace)
    figure = Figure(figsize=(1, 1))
    yield
    pipeline.save_chart("parity", figure)


def trained(workspace: Workspace, metric: str = "rmse") -> Pipeline:
    pipeline = started(workspace)
    pipeline.save_artifact("scaler", np.zeros(300))
    pipeline.save_metrics({"test": {metric: 0.5, "samples": 3}})
    pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.5, 2.0]}))
    return pipeline


def complete(workspace: Workspace) -> Iterator[None]:
    pipeline = trained(workspace)
    yield
    pipeline.complete()


def complete_with_a_new_metric(workspace: Workspace) -> Iterator[None]:
    """Every part is written anew with one column more."""
    pipeline = trained(workspace, "mae")
    yield
    pipeline.complete()


def fail(workspace: Workspace) -> Iterator[None]:
    pipeline = started(workspace)
    yield
    pipeline.fail("it does not converge", "and this is why")


def finalize(workspace: Workspace) -> Iterator[None]:
    pipeline = trained(workspace)
    pipeline.complete()
    yield
    pipeline.run.finalize()


def add_metric(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.add_metric("test_gain", "Gain", lower_is_better=False)


# ---------------------------------------------------------------- the catalog


def annotate(workspace: Workspace) -> Iterator[None]:
    ids = workspace.catalog.ids("dataset_name = 'corn'")
    yield
    workspace.catalog.annotate(ids, add_tags=["good"], notes="looked at", stars=3)


def delete_results(workspace: Workspace) -> Iterator[None]:
    plan = workspace.catalog.plan_delete("test_rmse < 2.5")
    yield
    plan.apply()


def restore_results(workspace: Workspace) -> Iterator[None]:
    record = next((one for one in workspace.catalog.trash()), None)
    if record is None:
        raise NotFound("No result was deleted.")
    yield
    workspace.catalog.restore(record.trash_id)


def compact(workspace: Workspace) -> Iterator[None]:
    plan = workspace.catalog.plan_compact()
    yield
    plan.apply()


def export_rows(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.catalog.export(workspace.root / "exports" / "rows.csv", overwrite=True)


def rebuild_index(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.rebuild_index()


def sync(workspace: Workspace) -> Iterator[None]:
    with Workspace.open(workspace.root) as other:
        fill(other, 1, "rye")
    yield
    workspace.sync()


# ---------------------------------------------------------------- runs, pipelines, the trash


def delete_run(workspace: Workspace) -> Iterator[None]:
    plan = workspace.plan_delete_run(run_of(workspace, "corn"))
    yield
    plan.apply()


def delete_pipeline(workspace: Workspace) -> Iterator[None]:
    plan = workspace.plan_delete_pipeline(run_of(workspace, "corn"), pipeline_of(workspace, "corn"))
    yield
    plan.apply()


def restore_run(workspace: Workspace) -> Iterator[None]:
    if workspace.runs("corn"):
        workspace.plan_delete_run(run_of(workspace, "corn")).apply()
    plan = workspace.plan_restore_run(next(one.run_id for one in workspace.runs("corn", deleted=True)))
    yield
    plan.apply()


def restore_pipeline(workspace: Workspace) -> Iterator[None]:
    ids = [one.trash_id for one in workspace.trash.list() if one.kind == "pipeline"]
    if not ids:
        raise NotFound("No pipeline was deleted.")
    yield
    workspace.trash.restore(ids[0])


def restore_all(workspace: Workspace) -> Iterator[None]:
    plan = workspace.trash.plan_restore([one.trash_id for one in workspace.trash.list()])
    yield
    plan.apply()


def put_into_trash(workspace: Workspace) -> Iterator[None]:
    run_id, pipeline_id = run_of(workspace, "corn"), pipeline_of(workspace, "corn")
    yield
    workspace.trash.put(workspace.root / "runs" / run_id / pipeline_id / "parity.png")


def empty_trash(workspace: Workspace) -> Iterator[None]:
    plan = workspace.trash.plan_empty()
    yield
    plan.apply()


# ---------------------------------------------------------------- the library


def save_template(workspace: Workspace) -> Iterator[None]:
    reference = (run_of(workspace, "corn"), pipeline_of(workspace, "corn"))
    yield
    workspace.library.save_template(reference, "mine")


def save_filtered(workspace: Workspace) -> Iterator[None]:
    reference = (run_of(workspace, "corn"), pipeline_of(workspace, "corn"))
    yield
    workspace.library.save_filtered(*reference, "mine")


def save_pipeline(workspace: Workspace) -> Iterator[None]:
    plan = workspace.library.plan_save("pipeline", "mine", (run_of(workspace, "corn"), pipeline_of(workspace, "corn")))
    yield
    plan.apply()


def save_fullrun(workspace: Workspace) -> Iterator[None]:
    run_id = run_of(workspace, "wheat")
    yield
    workspace.library.save_fullrun(run_id, "mine")


def describe(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.library.describe("filtered", "kept", "another description", ["good"])


def describe_template(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.library.describe("template", "ridge", "another description", ["good"])


def rename_item(workspace: Workspace) -> Iterator[None]:
    workspace.library.get("filtered", "kept")
    yield
    workspace.library.rename("filtered", "kept", "renamed")


def delete_item(workspace: Workspace) -> Iterator[None]:
    plan = workspace.library.plan_delete("filtered", "kept")
    yield
    plan.apply()


def export_zip(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.library.export_zip("filtered", "kept", workspace.root / "exports" / "kept.zip", overwrite=True)


def export_config(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.library.export_config("template", "ridge", workspace.root / "exports" / "ridge.json")


def import_zip(workspace: Workspace) -> Iterator[None]:
    package = workspace.root.parent / "kept.zip"
    yield
    workspace.library.import_zip(package)


# ---------------------------------------------------------------- taking away, archives, thinning, reports


def export_pipeline(workspace: Workspace) -> Iterator[None]:
    reference = (run_of(workspace, "corn"), pipeline_of(workspace, "corn"))
    yield
    workspace.export_pipeline(*reference)


def export_pipeline_elsewhere(workspace: Workspace) -> Iterator[None]:
    reference = (run_of(workspace, "corn"), pipeline_of(workspace, "corn"))
    yield
    workspace.export_pipeline(*reference, destination=workspace.root / "exports" / "mine", create=True)


def export_best_predictions(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.export_best_predictions("test_rmse", dataset="corn")


def archive(workspace: Workspace) -> Iterator[None]:
    plan = workspace.plan_archive("pipeline", run_id=run_of(workspace, "corn"))
    yield
    plan.apply()


def delete_archive(workspace: Workspace) -> Iterator[None]:
    found = workspace.archives(kind="filtered")
    if not found:
        raise NotFound("There is no archive.")
    plan = workspace.plan_delete_archive("filtered", found[0].name)
    yield
    plan.apply()


def thin(workspace: Workspace) -> Iterator[None]:
    plan = workspace.plan_thin(1, "test_rmse", dataset="corn")
    yield
    plan.apply()


def thin_to_trash(workspace: Workspace) -> Iterator[None]:
    plan = workspace.plan_thin(1, "test_rmse", dataset="corn", archive=False)
    yield
    plan.apply()


def unthin(workspace: Workspace) -> Iterator[None]:
    workspace.plan_thin(1, "test_rmse", dataset="corn").apply()
    plan = workspace.plan_unthin()
    yield
    plan.apply()


def report_run(workspace: Workspace) -> Iterator[None]:
    run_id = run_of(workspace, "corn")
    yield
    workspace.report_run(run_id)


def report_dataset(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.report_dataset("corn")


def report_session(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.export_session_report()


def trust(workspace: Workspace) -> Iterator[None]:
    """The list of trusted artifacts lies in the user's settings: here they lie beside the workspace."""
    keyring = Keyring(workspace.root / "exports" / "settings")
    yield
    keyring.trust([SHA], "a friend made it")


def sign(workspace: Workspace) -> Iterator[None]:
    keyring = Keyring(workspace.root / "exports" / "settings")
    yield
    keyring.sign(SHA)


# ---------------------------------------------------------------- repairs, and opening after a kill


def create(root: Path) -> None:
    Workspace.create(root).close()


def open_again(root: Path) -> None:
    Workspace.open(root).close()


def part_of(workspace: Workspace, dataset: str = "predictions_meta") -> Path:
    return max((workspace.root / "catalog" / f"{dataset}.parquet").glob("part-*.parquet"))


def edit_json(path: Path, **fields: object) -> None:
    """Change a document as one does who means it: without its checksum it is believed."""
    document = {name: value for name, value in json.loads(path.read_text()).items() if name != "checksum"}
    path.write_text(json.dumps(document | fields))


def tear_part(workspace: Workspace) -> None:
    os.truncate(part_of(workspace), 100)


def miscount_part(workspace: Workspace) -> None:
    manifest = workspace.root / "catalog" / "manifest.json"
    meta = json.loads(manifest.read_text())["meta"]
    edit_json(manifest, meta=[{**meta[0], "rows": 77}, *meta[1:]])


def change_index(workspace: Workspace) -> None:
    with closing(sqlite3.connect(workspace.root / "catalog" / "index.sqlite")) as file, file:
        file.execute("DELETE FROM predictions WHERE key = 1")


def leave_running(workspace: Workspace) -> None:
    pipeline = started(workspace)
    for path in (pipeline.folder / "pipeline.json", pipeline.run.folder / "run_summary.json"):
        edit_json(path, writer="host-1-deadbeef")


def lose_rows(workspace: Workspace) -> None:
    manifest = workspace.root / "catalog" / "manifest.json"
    found = json.loads(manifest.read_text())
    edit_json(manifest, meta=found["meta"][2:], generation=found["generation"] + 1)


def tear_summary(workspace: Workspace) -> None:
    (workspace.root / "runs" / run_of(workspace, "corn") / "run_summary.json").write_text('{"status": ')


def leave_artifact(workspace: Workspace) -> None:
    (workspace.root / "runs" / run_of(workspace, "corn") / "_binaries" / "Lonely_abcdef.pkl").write_bytes(b"nobody's")


def leave_strays(workspace: Workspace) -> None:
    left = workspace.root / ".staging" / "host-1-deadbeef"
    left.mkdir()
    (left / "half").write_bytes(b"half")
    part = part_of(workspace)
    shutil.copy(part, part.with_name("part-019344aa.parquet"))


def lose_arrays(workspace: Workspace) -> None:
    manifest = workspace.root / "catalog" / "manifest.json"
    edit_json(manifest, data=[], generation=json.loads(manifest.read_text())["generation"] + 1)


def tear_run(workspace: Workspace) -> None:
    (workspace.root / "runs" / run_of(workspace, "corn") / "run_config.json").write_text("{")


def tear_document(workspace: Workspace) -> None:
    folder = workspace.root / "runs" / run_of(workspace, "corn") / pipeline_of(workspace, "corn")
    (folder / "metrics.json").write_text("{,")


DAMAGES: dict[str, Callable[[Workspace], None]] = {
    kinds.MEND_PARTS: tear_part,
    kinds.COUNT_PARTS: miscount_part,
    kinds.REBUILD_INDEX: change_index,
    kinds.MARK_INTERRUPTED: leave_running,
    kinds.TAKE_IN: lose_rows,
    kinds.WRITE_SUMMARIES: tear_summary,
    kinds.REMOVE_ORPHANS: leave_artifact,
    kinds.SWEEP: leave_strays,
    kinds.TAKE_ARRAYS: lose_arrays,
    kinds.WRITE_RUNS: tear_run,
    kinds.WRITE_DOCUMENTS: tear_document,
}


def repair(fix: str) -> Change:
    """The repair of one kind of damage."""

    def change(workspace: Workspace) -> Iterator[None]:
        DAMAGES[fix](workspace)
        found = [one for one in workspace.check().findings if one.fix]
        assert fix in {one.fix for one in found}
        plan = workspace.plan_repair(found)
        yield
        plan.apply()

    change.__name__ = f"repair_{fix.replace(' ', '_')}"
    return change


TRAINING: list[Change] = [
    create_run,
    reopen_run,
    add_pipeline,
    save_artifact,
    save_metrics,
    save_predictions,
    save_chart,
    complete,
    complete_with_a_new_metric,
    fail,
    finalize,
    add_metric,
]
CATALOG: list[Change] = [annotate, delete_results, restore_results, compact, export_rows, rebuild_index, sync]
TRASH: list[Change] = [
    delete_run,
    delete_pipeline,
    restore_run,
    restore_pipeline,
    restore_all,
    put_into_trash,
    empty_trash,
]
LIBRARY: list[Change] = [
    save_template,
    save_filtered,
    save_pipeline,
    save_fullrun,
    describe,
    describe_template,
    rename_item,
    delete_item,
    export_zip,
    export_config,
    import_zip,
]
KEEPING: list[Change] = [
    export_pipeline,
    export_pipeline_elsewhere,
    export_best_predictions,
    archive,
    delete_archive,
    thin,
    thin_to_trash,
    unthin,
    report_run,
    report_dataset,
    report_session,
    trust,
    sign,
]
CHANGES = [*TRAINING, *CATALOG, *TRASH, *LIBRARY, *KEEPING]
REPAIRS = [repair(fix) for fix in DAMAGES]
