"""A workspace with every kind of file in it, made by the real runner; what it answers; what may be done to it.

It lies in a folder of its own with the user's settings beside it, so that one `copytree` copies both.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from storage import Corrupt, Workspace, from_arrays
from storage.cli import main
from tests.storage.samples import regression_arrays

NOTE = ".staging/note-00000000-0000-7000-8000-000000000000.json"


def make(place: Path, charts: bool = True) -> Path:
    """Make `place/workspace` and, beside it, the settings of its user; returns the workspace's folder."""
    root = place / "workspace"
    spectra, y = regression_arrays()
    with settings_in(place), Workspace.create(root) as workspace:
        corn = from_arrays("corn", spectra, y, test=np.arange(30) >= 24, target="protein", units="%")
        grid = [make_pipeline(StandardScaler(), Ridge(alpha=alpha)) for alpha in (0.1, 1.0, 10.0)]
        names = ["weak", "middle", "strong"]
        words = {"run_name": "study", "description": "<b>first</b>"}
        run = workspace.run_batch(corn, grid, pipeline_names=names, charts=charts, **words).run_id
        wheat = from_arrays("wheat", spectra, np.where(y > 0, "north", "south"), target="origin")
        workspace.run_batch(wheat, [LogisticRegression(), StandardScaler()], charts=False)  # the second one fails
        gone = workspace.run_batch(corn, [Ridge(alpha=77.0)], run_name="gone", charts=False).run_id
        first, second, third = workspace.pipelines(run)
        workspace.catalog.annotate([first.prediction_id], add_tags=["dear"], notes="keep <i>this</i>", stars=2)
        library = workspace.library
        library.save("template", "ridge", run, first.pipeline_id)
        library.save("filtered", "numbers", run, first.pipeline_id)
        library.save("pipeline", "best", run, first.pipeline_id)
        library.save("fullrun", "study", run)
        library.save("filtered", "away", run, second.pipeline_id)
        library.plan_delete("filtered", "away").apply()
        library.export_zip("pipeline", "best", place / "best.zip")
        for kind in ("filtered", "pipeline", "best_predictions"):
            workspace.archive(kind, run_id=run, pipeline_id=first.pipeline_id)
        workspace.export_pipeline(run, first.pipeline_id)
        workspace.export_best_predictions("test_rmse")
        workspace.export_session_report(run_ids=[run])
        workspace.report_run(run)
        workspace.plan_delete_run(gone).apply()
        workspace.catalog.plan_delete(f"pipeline_id = '{third.pipeline_id}'").apply()
        workspace.trust(["ab" * 32], "a colleague's")
        workspace.catalog.compact()
        workspace.sync()
    return root


@contextmanager
def settings_in(place: Path) -> Any:
    """The user's settings and caches lie in `place` meanwhile."""
    before = {name: os.environ.get(name) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    os.environ["XDG_CONFIG_HOME"], os.environ["XDG_CACHE_HOME"] = str(place / "config"), str(place / "cache")
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


# ---------------------------------------------------------------- what it answers


def answers(workspace: Workspace) -> dict[str, Any]:
    """What everybody asks of a workspace, by item: `run NAME`, `pipeline RUN/ID`, `result ID`, `library KIND/NAME` …"""
    told: dict[str, Any] = {}
    for run in workspace.runs():
        told[f"run {run.folder}"] = run
        for row in workspace.pipelines(run.run_id):
            told[f"pipeline {run.folder}/{row.pipeline_id}"] = row
            details = workspace.details(run.run_id, row.pipeline_id)
            shown = [(one.partition, one.fold_id, one.y_true.tolist(), one.y_pred.tolist()) for one in details.arrays]
            told[f"details {run.folder}/{row.pipeline_id}"] = (details.metrics, shown, details.error, details.problems)
    rows = workspace.catalog.search(limit=None, order_by="prediction_id")
    for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
        told[f"result {row['prediction_id']}"] = {name: value for name, value in row.items() if value is not None}
        told[f"arrays {row['prediction_id']}"] = _arrays(workspace, row["prediction_id"])
    for item in workspace.library.list():
        told[f"library {item.kind}/{item.name}"] = replace(item, path=Path())
    for archive in workspace.archives():
        told[f"archive {archive.kind}/{archive.name}"] = replace(archive, path=Path())
    for entry in workspace.trash.list():
        told[f"trash {entry.trash_id}"] = entry
    return told


def _arrays(workspace: Workspace, prediction_id: str) -> Any:
    try:
        found = workspace.catalog.arrays(prediction_id)
    except Corrupt as error:
        return type(error)
    return [(one.partition, one.fold_id, one.y_true.tolist(), one.y_pred.tolist()) for one in found]


def told(root: Path) -> dict[str, Any]:
    """The answers of a workspace that is opened for reading."""
    with Workspace.open(root, read_only=True) as workspace:
        return answers(workspace)


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The items that are there on one side alone, or are told of otherwise."""
    return {item for item in before.keys() | after.keys() if before.get(item) != after.get(item)}


def command(*arguments: object) -> tuple[int, str]:
    """Run a command of the command line here; its exit code, and what it said. Nothing but a sentence may escape it."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    said = out.getvalue() + err.getvalue()
    assert "Traceback" not in said and "bug" not in said.lower(), said
    return code, said


def look_round(root: Path) -> list[int]:
    """What people look at first, as they do from the command line; the exit codes."""
    looks = (("runs", "list"), ("catalog", "best", "test_rmse"), ("library", "list"), ("trash", "list"))
    run = next((root / "runs").glob("*_study"), None)
    shown = [("runs", "show", run.name)] if run is not None else []
    return [command(*look, "-w", root)[0] for look in (*looks, *shown)]


# ---------------------------------------------------------------- the kinds of files


@dataclass(frozen=True)
class Kind:
    """A kind of file: one of that kind, the finding that damage to it becomes, how many folders above it that is told.

    `touches` are the items whose answers may be others then, `cold` those while the index is made anew as well.
    """

    where: str
    code: str
    above: int = 0
    touches: tuple[str, ...] = ()
    cold: tuple[str, ...] = ()

    def file(self, root: Path) -> Path:
        """The file of that kind in a workspace."""
        return sorted(root.glob(self.where))[0]

    def place(self, root: Path) -> str:
        """Where the finding is said to be."""
        return (self.file(root) / "/".join([".."] * self.above)).resolve().relative_to(root.resolve()).as_posix()


_STUDY, _FIRST, _ARCHIVE = "runs/*_study", "runs/*_study/0001*", "catalog/archives"
_OF_RUN = ("run *_study", "details *_study/*", "pipeline *_study/*")
_OF_FIRST = ("details *_study/0001*", "pipeline *_study/0001*", "run *_study")
KINDS = {
    "manifest": Kind("catalog/manifest.json", "manifest-damaged", 0, ("arrays *",), ("*",)),
    "part of meta": Kind(
        "catalog/predictions_meta.parquet/*", "part-damaged", 0, (), ("result *", "arrays *", "pipeline *")
    ),
    "part of data": Kind("catalog/predictions_data.parquet/*", "part-damaged", 0, ("arrays *",)),
    "part of annotations": Kind("catalog/annotations.parquet/*", "part-damaged", 0, (), ("result *",)),
    "index": Kind("catalog/index.sqlite", "index-damaged"),
    "run_config.json": Kind(f"{_STUDY}/run_config.json", "run-damaged", 0, (*_OF_RUN, "result *")),
    "run_summary.json": Kind(f"{_STUDY}/run_summary.json", "summary-damaged", 0, ("run *_study",)),
    "pipeline.json": Kind(f"{_FIRST}/pipeline.json", "pipeline-damaged", 0, _OF_FIRST, ("result *",)),
    "metrics.json": Kind(f"{_FIRST}/metrics.json", "document-damaged", 0, ("details *_study/0001*",)),
    "chart": Kind(f"{_FIRST}/parity.png", "chart-damaged"),
    "artifact": Kind(f"{_STUDY}/_binaries/Ridge*", "artifact-damaged"),
    "samples": Kind(f"{_STUDY}/_binaries/samples*", "artifact-damaged"),
    "archive.json": Kind(f"{_ARCHIVE}/pipeline/*/archive.json", "archive-damaged", 1, ("archive pipeline/*",)),
    "archived document": Kind(f"{_ARCHIVE}/pipeline/*/pipeline.json", "archive-damaged", 1),
    "archived artifact": Kind(f"{_ARCHIVE}/pipeline/*/artifacts/*", "archive-damaged", 2),
    "archived rows": Kind(f"{_ARCHIVE}/pipeline/*/source/*.parquet", "archive-damaged", 2),
    "archived chart": Kind(f"{_ARCHIVE}/pipeline/*/parity.png", "archive-damaged", 1),
    "archived numbers": Kind(f"{_ARCHIVE}/filtered/*/metrics.json", "archive-damaged", 1),
    "archived predictions": Kind(f"{_ARCHIVE}/best_predictions/*/predictions.csv", "archive-damaged", 1),
    "template": Kind("library/templates/ridge.json", "library-damaged", 0, ("library template/*",)),
    "library metadata": Kind(
        "library/trained/filtered/*/library_metadata.json", "library-damaged", 1, ("library filtered/*",)
    ),
    "kept numbers": Kind("library/trained/filtered/*/metrics.json", "library-damaged", 1),
    "kept document": Kind("library/trained/pipeline/*/pipeline.json", "library-damaged", 1),
    "kept artifact": Kind("library/trained/pipeline/*/artifacts/*", "library-damaged", 2),
    "kept run": Kind("library/trained/fullrun/*/run_config.json", "library-damaged", 1),
    "trash.json": Kind(".trash/*_library_*/trash.json", "trash-damaged", 1, ("trash *_library_*",)),
    "trash.json of results": Kind(".trash/*_results_*/trash.json", "trash-damaged", 1, ("trash *_results_*",)),
    "deleted results": Kind(".trash/*_results_*/meta.parquet", "trash-damaged", 1),
    "deleted metrics": Kind(".trash/*_run_*/content/*/metrics.json", "trash-damaged", 3),
    "deleted artifact": Kind(".trash/*_run_*/content/_binaries/*", "trash-damaged", 3),
    "deleted library item": Kind(".trash/*_library_*/content/config.json", "trash-damaged", 2),
}
# No check names these, and why that is so. Nothing that Runshelf answers is read from them.
UNNAMED = {
    "run.log": f"{_STUDY}/run.log",  # lines for people, written to the end; no document
    "export": "exports/*_weak_*/pipeline.json",  # taken away: Runshelf does not know whether it was changed on purpose
    "exported predictions": "exports/best_predictions/*.csv",
    "session report": "exports/session_reports/*.json",
    "report": "catalog/reports/*.html",  # made anew at any time
}
