"""A dry run of any verb says what would be done and writes nothing; the verb then does that."""

from __future__ import annotations

import runpy
import shlex
import shutil
from pathlib import Path

import pytest

from storage import Workspace
from storage.cli import main
from tests.storage.samples import content_of, fill, fill_with_models
from tests.storage.test_form_results import write as write_results

VERBS = dict(runpy.run_path(str(Path(__file__).parents[2] / "docs" / "make_cli_reference.py"))["verbs"]())
GRID = (
    "name: ridge\nsteps: [{class: sklearn.linear_model.Ridge}]\ngrid: {Ridge__alpha: [1.0, 2.0]}\ncv: {n_splits: 3}\n"
)

# The arguments of each verb, and what a dry run of it says. {…} are names in the workspace of `place`.
SAID = {
    "run": ("{data} --target protein --split-column split --pipelines {grid}", "Train 2 pipelines on spectra"),
    "check": ("--repair", "Put the damaged part"),
    "thin": ("--keep 1 --metric test_rmse", "1 pipeline is kept whole"),
    "migrate": ("{old}", "Carry 2 pipelines of corn"),
    "runs delete": ("{run}", "Move"),
    "runs restore": ("{gone}", "Restore"),
    "catalog annotate": ("\"pipeline_name = 'ridge 0'\" --tag paper", "1 result"),
    "catalog delete": ("\"pipeline_name = 'ridge 0'\"", "1 result"),
    "catalog compact": ("", "Merge small part files"),
    "library save": ("pipeline other --run {run} --pipeline {pipeline}", "files to library/trained/pipeline/other"),
    "library delete": ("template kept", "Move"),
    "library import": ("{zip}", "library/templates/kept 2"),
    "trash restore": ("{trashed}", "Restore"),
    "trash empty": ("", "Remove"),
    "archive add": ("pipeline --best test_rmse", "catalog/archives/pipeline"),
    "archive delete": ("filtered {archive}", "Move catalog/archives/filtered"),
    "export pipeline": ("{run} {pipeline} --to {away}", "Copy 5 files to"),
    "export best": ("test_rmse --to {away}", "Write"),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A workspace with something for every verb, and the names of it."""
    folder = tmp_path_factory.mktemp("dry")
    root = folder / "workspace"
    rows = "\n".join(f"{'test' if i > 20 else 'train'},{i / 3},{i % 7},{i % 5},{i % 3}" for i in range(30))
    (folder / "spectra.csv").write_text(f"split,protein,1100,1102,1104\n{rows}\n")
    (folder / "grid.yaml").write_text(GRID)
    write_results(folder / "old")
    with Workspace.create(root) as workspace:
        run = fill_with_models(workspace, 2)
        pipeline = workspace.pipelines(run)[0].pipeline_id
        workspace.library.save_template({"steps": [{"class": "sklearn.linear_model.Ridge"}]}, "kept")
        workspace.library.export_zip("template", "kept", folder / "kept.zip")
        (archive,) = workspace.archive("filtered", run_id=run, pipeline_id=pipeline)
        fill(workspace, 9, "wheat")
        (gone,) = (row.run_id for row in workspace.runs() if row.run_id != run)
        workspace.plan_delete_run(gone).apply()
        (entry,) = workspace.trash.list()
    return folder, {
        "data": str(folder / "spectra.csv"), "grid": str(folder / "grid.yaml"),
        "old": str(folder / "old"), "zip": str(folder / "kept.zip"),
        "run": run, "pipeline": pipeline, "gone": gone, "trashed": entry.trash_id, "archive": archive.name,
    }  # fmt: skip


def record(folder: Path) -> dict[str, str]:
    """What is there, apart from who has the workspace open, and from caches."""
    apart = ("workspace/.staging/", "cache/", "cache")
    return {name: digest for name, digest in content_of(folder).items() if not name.startswith(apart)}


def test_every_verb_with_a_dry_run_is_looked_at_here() -> None:
    with_dry_run = {verb for verb, command in VERBS.items() if any("--dry-run" in one.opts for one in command.params)}
    assert with_dry_run - {"trust remove"} == set(SAID)


@pytest.mark.parametrize("verb", SAID)
def test_a_dry_run_says_what_is_then_done_and_writes_nothing(
    verb: str, place: tuple[Path, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, names = place
    root, away = tmp_path / "workspace", tmp_path / "away"
    shutil.copytree(made / "workspace", root)
    away.mkdir()
    if verb == "check":
        part = next((root / "catalog" / "predictions_meta.parquet").glob("*.parquet"))
        part.write_bytes(part.read_bytes()[:-100])
    words, said = SAID[verb]
    command = [*verb.split(), *(one.format(**names, away=away) for one in shlex.split(words)), "-w", str(root)]
    before = record(tmp_path)
    ended = main([*command, "--dry-run"])
    told = capsys.readouterr().out
    assert ended == (1 if verb == "check" else 0), told
    assert said in told and "Nothing was changed: this was a dry run." in told, told
    assert record(tmp_path) == before
    main([*command, *(["--yes"] if any("--yes" in one.opts for one in VERBS[verb].params) else [])])
    assert record(tmp_path) != before, capsys.readouterr()
