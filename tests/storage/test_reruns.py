"""From a run back to the request: what failed, all of it, the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage import BadInput, Corrupt, NotFound, RunRequest, Workspace
from tests.storage.samples import fill

GRID = {
    "name": "ridge",
    "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, {"class": "sklearn.linear_model.Ridge"}],
    "grid": {"Ridge__alpha": [0.1, 1.0], "StandardScaler": [None, {"class": "sklearn.preprocessing.MinMaxScaler"}]},
}


@pytest.fixture
def licence(tmp_path: Path) -> Path:
    """The file without which one pipeline fails."""
    return tmp_path / "licence"


@pytest.fixture
def ran(root: Path, spectra_csv: Path, licence: Path) -> Any:
    """A workspace with a run of five pipelines, one of which failed, and the request it came from."""
    with Workspace.create(root) as workspace:
        workspace.record.allowed_modules.append("tests")
        workspace._disk.write(workspace.layout.marker, workspace.record.to_json())
        licensed = {"name": "licensed", "steps": [{"class": "tests.estimators.NeedsFile",
                                                   "params": {"needed": str(licence)}}]}  # fmt: skip
        request = RunRequest(
            data=spectra_csv, target=["protein"], id_column="origin", test_size=0.2, units="%", seed=3, jobs=2,
            dataset_name="maize", run_name="first", description="why", configs=[GRID, licensed], charts=False,
        )  # fmt: skip
        yield workspace, request, workspace.run_request(request).run_id


def test_rerunning_what_failed_trains_just_that_and_works_after_mending(ran: Any, licence: Path) -> None:
    workspace, asked, run_id = ran
    again = workspace.rerun_request(run_id)
    same = ("data", "target", "test_size", "seed", "units", "dataset_name", "run_name", "description", "jobs")
    assert {name: getattr(again, name) for name in same} == {name: getattr(asked, name) for name in same}
    assert again.id_column == "origin"  # not what would be guessed
    assert [config["pipeline_name"] for config in again.configs] == ["licensed"]
    assert workspace.run_request(again).failed == 1  # nothing was mended
    licence.touch()
    outcome = workspace.run_request(workspace.rerun_request(run_id))
    assert (outcome.run_id, outcome.completed, outcome.failed, outcome.skipped) == (run_id, 1, 0, [])
    with pytest.raises(NotFound, match=r"No pipeline .* failed"):
        workspace.rerun_request(run_id)  # it was completed in the same run


def test_all_of_a_run_gives_the_same_results_under_the_same_names(ran: Any) -> None:
    workspace, _, run_id = ran
    before = workspace.catalog.search("status = 'completed'", order_by="pipeline_name")
    again = workspace.rerun_request(run_id, "all").model_copy(update={"run_name": "second"})
    assert again.again and len(again.configs) == 5
    outcome = workspace.run_request(again)
    after = workspace.catalog.search(f"status = 'completed' and run_id = '{outcome.run_id}'", order_by="pipeline_name")
    for column in ("pipeline_name", "config_name", "config_hash", "val_rmse", "test_rmse"):
        assert after[column].tolist() == before[column].tolist()


def test_some_pipelines_by_their_ids(ran: Any) -> None:
    workspace, _, run_id = ran
    chosen = [row.pipeline_id for row in workspace.pipelines(run_id)][:2]
    assert len(workspace.rerun_request(run_id, chosen).configs) == 2
    with pytest.raises(NotFound, match="0099"):
        workspace.rerun_request(run_id, ["0099_nothing_aaaaaa"])


def test_what_is_damaged_is_asked_for_as_the_catalog_has_it(ran: Any) -> None:
    workspace, _, run_id = ran
    first, second, *_ = workspace.pipelines(run_id)
    whole = workspace.rerun_request(run_id, [first.pipeline_id])
    for row in (first, second):
        (workspace.root / "runs" / run_id / row.pipeline_id / "pipeline.json").write_text("{")
    again = workspace.rerun_request(run_id, [first.pipeline_id])
    assert again.model_copy(update={"configs": []}) == whole.model_copy(update={"configs": []})
    (asked,), (expected,) = again.configs, whole.configs
    assert (asked["pipeline_name"], asked["cv"]) == (expected["pipeline_name"], expected["cv"])
    assert [step["class"] for step in asked["steps"]] == [step["class"] for step in expected["steps"]]
    assert asked["steps"][-1]["params"]["alpha"] == expected["steps"][-1]["params"]["alpha"]
    assert len(workspace.rerun_request(run_id, "all").configs) == 5
    outcome = workspace.run_request(again.model_copy(update={"run_name": "second"}))
    same = workspace.catalog.search(f"pipeline_name = '{first.name}'")
    assert outcome.completed == 1 and same["test_rmse"].nunique() == 1 and len(same) == 2
    workspace.catalog.plan_delete(chosen=[second.prediction_id]).apply()
    with pytest.raises(NotFound, match="can't be read"):
        workspace.rerun_request(run_id, [second.pipeline_id])  # now nobody knows it


def test_other_data_than_before_is_told(ran: Any, spectra_csv: Path) -> None:
    workspace, _, run_id = ran
    text = spectra_csv.read_text()
    spectra_csv.write_text(text.replace("s00", "s99"))
    with pytest.raises(NotFound) as caught:
        workspace.rerun_request(run_id)
    assert "no longer what" in caught.value.what and caught.value.advice
    spectra_csv.unlink()
    with pytest.raises(NotFound, match="is gone"):
        workspace.rerun_request(run_id)
    assert workspace.rerun_request(run_id, same_data=False).target == ["protein"]


@pytest.mark.parametrize("fields", [{"split": {"test_size": "x"}}, {"split": {"column": 5}}, {"path": "x" * 5000}])
def test_a_damaged_record_is_told_and_is_no_bug(ran: Any, fields: dict[str, Any]) -> None:
    workspace, _, run_id = ran
    chosen = workspace.pipelines(run_id)[0].pipeline_id
    path = workspace.root / "runs" / run_id / chosen / "pipeline.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "dataset_source": {**document["dataset_source"], **fields}}))
    with pytest.raises((Corrupt, NotFound)):
        workspace.rerun_request(run_id, [chosen])


def test_what_a_script_recorded_cannot_be_asked_for(workspace: Workspace) -> None:
    fill(workspace, 2)
    (run,) = workspace.runs()
    with pytest.raises(NotFound, match="came from a script"):
        workspace.rerun_request(run.run_id, "all")
    with pytest.raises(BadInput, match="no configuration"):
        workspace.rerun_request(run.run_id, "all", same_data=False)


def test_samples_left_out_are_left_out_again(root: Path, spectra_csv: Path) -> None:
    lines = spectra_csv.read_text(encoding="utf-8").splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:-1], "n.d."])
    spectra_csv.write_text("\n".join(lines), encoding="utf-8")
    asked = RunRequest(data=spectra_csv, target=["protein"], configs=[GRID], leave_out_incomplete=True, charts=False)
    with Workspace.create(root) as workspace:
        assert workspace.preview_run(asked).left_out == ("s02",)
        run_id = workspace.run_request(asked).run_id
        run = workspace.run(run_id)
        assert run.config.dataset_source.shape == [29, 12]
        assert "lack a value: s02" in (run.folder / "run.log").read_text(encoding="utf-8")
        again = workspace.rerun_request(run_id, "all")
        assert again.leave_out_incomplete
        assert len(workspace.run_request(again.model_copy(update={"again": False})).skipped) == 4
        (pipeline, *_) = workspace.pipelines(run_id)
        assert len(workspace.spectra(run_id, pipeline.pipeline_id).values) == 29
