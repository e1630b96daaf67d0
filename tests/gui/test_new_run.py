"""Training from the window: the dialog, the job, its end, and stopping it."""

import json
from pathlib import Path

import pandas as pd
import pytest
from PySide6.QtCore import QStandardPaths, Qt

from gui.crash import Crash
from gui.dialogs.demo import DemoDialog
from gui.dialogs.messages import ErrorDialog
from gui.panes.facts import origin_sections
from gui.panes.pipeline_differences import fetch_differences
from gui.selection import Picked
from gui.theme import theme
from storage import RunRequest, Workspace, demo
from tests.gui.samples import write_config, write_data
from tests.gui.test_window import focus

MINUTE = 60_000


@pytest.fixture
def dialog(qtbot, window, tmp_path):
    """The New run dialog with a data file that was read."""
    asked = window.new_run(write_data(tmp_path))
    qtbot.waitUntil(lambda: asked.data.preview is not None and bool(find(asked, "regression pls")))
    qtbot.waitUntil(lambda: all(source.found is not None for _, source in asked.pipelines._items()))
    return asked


def find(dialog, title):
    """The line of a configuration, None if it is not offered."""
    return next((item for item, source in dialog.pipelines._items() if source.title == title), None)


def choose(qtbot, dialog, config):
    with qtbot.waitSignal(dialog.counted):
        dialog.pipelines.add_file(config)


def test_a_run_is_asked_for_trained_and_shown(qtbot, window, dialog, tmp_path):
    assert dialog.data.target.currentText() == "protein"
    assert dialog.data.id_column.currentText() == "sample_id"
    assert "40 samples" in dialog.data._shape.text() and "6 of them to learn from" in dialog.data._shape.text()
    assert not dialog.start_button.isEnabled()
    choose(qtbot, dialog, write_config(tmp_path, 3))
    assert dialog.start_button.text() == "&Train 3 pipelines"
    dialog.name.setText("first try")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    job = window.jobs.jobs[0]
    assert (job.state, job.outcome) == ("completed", "3 completed")
    assert any("ridge" in line for line in job.log)
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 44)
    qtbot.waitUntil(lambda: window.tree.model.run_index(job.run_id).isValid())
    assert "barley" in window.tree.model.run_index(job.run_id).data()
    assert "3 completed" in window.notice.text()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.notice._act.click()  # Show results
    assert window.catalog.model.rowCount() == 3


def test_wavelengths_are_not_offered_as_targets_but_can_be_written(dialog):
    target = dialog.data.target
    assert [target.itemText(place) for place in range(target.count())] == ["sample_id", "protein"]
    target.setEditText("900")
    assert dialog.data.targets() == ["900"] and dialog.data.wrong() == ""


def test_a_name_written_while_the_file_is_read_stays(qtbot, window, tmp_path):
    asked = window.new_run(write_data(tmp_path))
    asked.data.dataset_name.selectAll()
    qtbot.keyClicks(asked.data.dataset_name, "spring barley")
    qtbot.waitUntil(lambda: asked.data.preview is not None)
    assert asked.data.answer()["dataset_name"] == "spring barley"
    asked.data.set_data(write_data(tmp_path))
    assert asked.data.answer()["dataset_name"] == "barley"  # of another file it is not the name


def test_results_for_other_columns_of_a_file_get_a_dataset_of_their_own(qtbot, window, tmp_path):
    path = write_data(tmp_path)
    table = pd.read_csv(path)
    table.assign(**{"fat (g/100g)": 2 * table["protein"]}).to_csv(path, index=False)
    asked = window.new_run(path)
    qtbot.waitUntil(lambda: asked.data.preview is not None)
    assert asked.data.answer()["dataset_name"] == "barley"
    asked.data.target.setCurrentText("protein")
    assert asked.data.answer()["dataset_name"] == "barley protein"
    asked.data.target.setCurrentText("fat (g/100g)")
    assert asked.data.answer()["dataset_name"] == "barley fat -g-100g"
    asked.data.dataset_name.selectAll()
    qtbot.keyClicks(asked.data.dataset_name, "mine")
    asked.data.target.setCurrentText("protein")
    assert asked.data.answer()["dataset_name"] == "mine"


@pytest.mark.parametrize("share", [0.4, None])
def test_a_split_column_counts_more_than_what_was_asked_for_without_the_file(qtbot, window, tmp_path, share):
    data = write_data(tmp_path)
    table = pd.read_csv(data)
    table.insert(1, "split", ["test" if row % 3 == 0 else "train" for row in range(len(table))])
    table.to_csv(data, index=False)
    dialog = window.new_run(request=RunRequest(data=Path(), target=["protein"], test_size=share))
    with qtbot.waitSignal(dialog.previewed):
        dialog.data.set_data(data)
    assert dialog.data.answer()["split_column"] == "split" and dialog.data.answer()["test_size"] is None
    assert dialog.data._split_words.text() == "26 samples train, 14 test"
    asked = RunRequest(data=data, target=["protein"], test_size=share)  # with the file in mind
    dialog = window.new_run(request=asked)
    qtbot.waitUntil(lambda: dialog.data.preview is not None)
    assert dialog.data.answer()["split_column"] is None and dialog.data.answer()["test_size"] == share


def test_units_stand_at_the_axis_and_of_several_targets_none_is_proposed(qtbot, window, tmp_path):
    table = pd.read_csv(write_data(tmp_path)).rename(columns=lambda name: f"{name} nm" if name.isdigit() else name)
    data = tmp_path / "units.csv"
    table.assign(grade=[row % 2 for row in range(len(table))]).to_csv(data, index=False)
    dialog = window.new_run(data)
    choose(qtbot, dialog, write_config(tmp_path, 3))
    qtbot.waitUntil(lambda: dialog.data.preview is not None)
    assert dialog.data.target.currentText() == "" and not dialog.start_button.isEnabled()
    assert dialog.message() == "Choose the column to predict."
    dialog.data.sketch.setCurrentIndex(2)
    assert dialog.data.sketch.spectra_plot.getPlotItem().getAxis("bottom").labelText == "wavelength [nm]"
    for target, task in (("grade", "Classification"), ("protein", "Regression")):
        dialog.data.target.setCurrentText(target)
        assert dialog.start_button.isEnabled() and dialog.data.task.itemText(0) == f"{task} (found)"


def test_shipped_grids_are_offered_with_their_counts_and_grids(qtbot, dialog):
    pls, other = find(dialog, "regression pls"), find(dialog, "regression other models")
    assert (pls.text(1), other.text(1)) == ("28", "24")
    pls.setCheckState(0, Qt.CheckState.Checked)
    assert dialog.pipelines.total.text() == "28 pipelines"
    other.setCheckState(0, Qt.CheckState.Checked)
    assert dialog.start_button.text() == "&Train 52 pipelines"
    dialog.pipelines.tree.setCurrentItem(pls)
    assert "PLSRegression__n_components: 2, 4, 6, 8" in dialog.pipelines._details.toPlainText()


def test_the_split_is_said_with_its_counts(dialog):
    data = dialog.data
    assert data._split_words.text() == "30 samples train, 10 test"
    data.test_size.setValue(0.5)
    assert data._split_words.text() == "20 samples train, 20 test"
    data.split.setCurrentIndex(2)
    assert data._split_words.text() == "all 40 samples train"
    data.split.setCurrentIndex(1)
    data.split_column.setCurrentIndex(data.split_column.findData("sample_id"))
    assert "must say train or test" in dialog.message() and not dialog.start_button.isEnabled()


def test_the_target_and_the_spectra_are_drawn(dialog):
    sketch = dialog.data.sketch
    sketch.setCurrentIndex(2)
    (drawn,) = sketch.spectra_plot.listDataItems()
    assert len(drawn.xData) == 40 * 7  # each spectrum, and a gap after it
    assert "40 of 40 spectra, from 900 to 950" in sketch.spectra_plot.accessibleDescription()
    sketch.setCurrentIndex(1)
    assert "40 values from" in sketch.target_plot.accessibleDescription()
    dialog.data.target.setEditText("sample_id")
    assert "40 classes" in sketch.target_plot.accessibleDescription()
    dialog.data.target.setEditText("nothing of this name")
    assert not sketch.isTabEnabled(1) and "no column" in dialog.message()


def test_a_request_fills_the_dialog_and_comes_back_as_it_was(qtbot, window, tmp_path):
    data, config = write_data(tmp_path), write_config(tmp_path, 3)
    inline = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}], "cv": {"n_splits": 3},
              "pipeline_name": "ridge 7"}  # fmt: skip
    asked = RunRequest(
        data=data, target=["protein"], id_column="sample_id", test_size=0.4, task="regression", units="%",
        dataset_name="rye", pipelines=[config], configs=[inline], run_name="again", description="why", jobs=3, seed=9,
        again=True,
    )  # fmt: skip
    dialog = window.new_run(request=asked)
    qtbot.waitUntil(dialog.start_button.isEnabled)
    assert dialog.start_button.text() == "&Train 4 pipelines"
    assert dialog.request() == asked


def test_the_last_choices_for_a_file_are_remembered(qtbot, window, dialog, tmp_path):
    config = write_config(tmp_path, 2)
    choose(qtbot, dialog, config)
    find(dialog, "classification").setCheckState(0, Qt.CheckState.Checked)
    dialog.data.units.setText("g/kg")
    dialog.data.split.setCurrentIndex(2)
    dialog.accepted.disconnect()  # asking is enough here
    dialog.accept()
    next_one = window.new_run(write_data(tmp_path))
    qtbot.waitUntil(lambda: next_one.data.preview is not None and bool(find(next_one, "classification")))
    assert next_one.data.units.text() == "g/kg" and next_one.data.split.currentIndex() == 2
    assert find(next_one, "classification").checkState(0) == Qt.CheckState.Checked
    assert find(next_one, "ridges").checkState(0) == Qt.CheckState.Checked


def test_templates_of_the_library_are_offered(qtbot, window, root, tmp_path):
    with Workspace.open(root) as workspace:
        config = {"name": "my ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}
        workspace.library.save_template(config, "mine")
    dialog = window.new_run(write_data(tmp_path))
    qtbot.waitUntil(lambda: find(dialog, "mine") is not None and find(dialog, "mine").text(1) == "1")
    find(dialog, "mine").setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(dialog.start_button.isEnabled)
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    assert window.jobs.jobs[0].outcome == "1 completed"


def test_what_cannot_be_read_is_said_in_place(qtbot, dialog, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    choose(qtbot, dialog, broken)
    assert "broken.json" in dialog.message()
    assert not dialog.start_button.isEnabled()
    dialog.name.setText("a/b")
    find(dialog, "broken").setCheckState(0, Qt.CheckState.Unchecked)
    assert "a/b" in dialog.message()
    with qtbot.waitSignal(dialog.previewed):
        dialog.data.set_data(tmp_path / "missing.csv")
    assert "missing.csv" in dialog.message()


def test_enter_presses_the_buttons_beside_start(qtbot, dialog):
    for button in (dialog.data.choose, dialog.pipelines.add):
        button.clicked.disconnect()  # the dialog of the system is not to open
        focus(qtbot, button)
        with qtbot.waitSignal(button.clicked):
            qtbot.keyClick(button, Qt.Key.Key_Return)
    assert dialog.isVisible()


def test_a_job_that_cannot_begin_says_why(qtbot, window, dialog, tmp_path, problems):
    choose(qtbot, dialog, write_config(tmp_path, 1))
    write_data(tmp_path).write_text("sample_id,protein\ns1,1.0\ns2,2.0\n", encoding="utf-8")  # changed behind its back
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    assert window.jobs.jobs[0].state == "failed"
    told = window.findChild(ErrorDialog)
    assert "no numeric columns" in told.text()
    assert told.problem.kind == "known"
    told.close()


def test_a_job_can_be_cancelled_and_what_was_finished_stays(qtbot, window, dialog, tmp_path, root):
    choose(qtbot, dialog, write_config(tmp_path, 400))
    dialog.start_button.click()
    job = window.jobs.jobs[0]
    qtbot.waitUntil(lambda: job.done >= 2, timeout=MINUTE)
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        window.jobs_pane.cancel_button.click()
    assert job.state == "cancelled"
    with Workspace.open(root, read_only=True) as workspace:
        run = next(run for run in workspace.runs() if run.dataset_name == "barley")
        assert 2 <= run.successful < 400
        assert run.status != "running"


def test_the_demo_is_made_once_and_opened_and_is_not_told_to_be_broken_off_any_more(
    qtbot, open_window, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda kind: str(tmp_path))
    whole = demo.DemoDataset.request

    def short(dataset):  # the shipped grids take half a minute, and are tested elsewhere
        kind = {"regression": "DummyRegressor", "classification": "DummyClassifier"}[dataset.task]
        config = tmp_path / f"{kind}.json"
        config.write_text(json.dumps({"name": kind, "steps": [{"class": f"sklearn.dummy.{kind}"}]}), encoding="utf-8")
        return whole(dataset).model_copy(update={"pipelines": [config]})

    monkeypatch.setattr(demo.DemoDataset, "request", short)
    settings.keep_unfinished(1, [{"name": "Making the demo", "root": str(tmp_path / "runshelf-demo"), "request": None}])
    window = open_window()
    window.offer_crash(Crash("", tmp_path / "crash.log", (1,)))
    assert window.crash_notice.isVisible()
    with qtbot.waitSignal(window.catalog.model.listed, timeout=MINUTE):
        window.commands.demo.trigger()
        asked = window.findChild(DemoDialog)
        assert asked.place.folder == tmp_path / "runshelf-demo"
        asked.accept()
        (job,) = window.jobs.jobs
        window.jobs_dock.hide()
        window.try_demo(asked.place.folder)  # once more: what is under way comes to the front
        assert window.jobs.jobs == [job] and window.jobs_dock.isVisible()
    assert (job.done, job.total) == (2, 2)  # one bar over both datasets
    assert window.session.workspace.root.is_relative_to(tmp_path / "runshelf-demo")
    assert not window.crash_notice.isVisible()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 2)
    assert {row["dataset_name"] for row in map(window.catalog.model.row, range(2))} == {"fermentation", "coffee"}


def test_a_run_that_was_broken_off_is_told_until_its_rest_was_run(qtbot, window, settings, tmp_path):
    request = RunRequest(
        data=write_data(tmp_path), target=["protein"], pipelines=[write_config(tmp_path, 2)], again=True
    )
    root = window.session.workspace.root
    one = {"name": "Training barley", "root": str(root), "request": request.model_dump(mode="json")}
    settings.keep_unfinished(1, [one])
    window.offer_crash(Crash("", tmp_path / "crash.log", (1,)))
    other = request.model_copy(update={"run_name": "other"})
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        window.training.start(root, other)
    assert "Training barley was broken off" in window.crash_notice.text()
    focus(qtbot, window.catalog.table)
    while window.focusWidget() is not window.crash_notice._act:
        window.commands.next_pane.trigger()
        assert window.focusWidget() is not window.catalog.table, "F6 goes through the bar"
    window.health_dock.show()
    window.health_dock.raise_()
    window.jobs_dock.show()
    qtbot.waitUntil(lambda: not window.health_dock.visibleRegion().isEmpty())
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        window.commands.rest.trigger()  # is what the bar offers
        assert not window.commands.rest.isEnabled() and not window.crash_notice.isVisible()
        qtbot.waitUntil(lambda: not window.jobs_dock.visibleRegion().isEmpty())
    assert window.health_dock.visibleRegion().isEmpty()


def test_samples_without_a_value_are_named_and_can_be_left_out(qtbot, window, tmp_path):
    data = write_data(tmp_path)
    table = pd.read_csv(data).astype({"920": object})
    table.loc[[5, 9], "920"] = "n.d."
    table.to_csv(data, index=False)
    dialog = window.new_run(data)
    choose(qtbot, dialog, write_config(tmp_path, 1))
    qtbot.waitUntil(lambda: dialog.data.preview is not None)
    assert dialog.message() == "2 samples lack a value; the first is s05, in the column 920."
    assert not dialog.start_button.isEnabled()
    assert dialog.data.leave_out.text() == "Lea&ve out the 2 samples without a value"
    dialog.data.leave_out.click()
    assert dialog.message() == "" and dialog.data._split_words.text() == "28 samples train, 10 test"
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    assert window.jobs.jobs[0].outcome == "1 completed"
    run_id = window.jobs.jobs[0].run_id
    with Workspace.open(window.session.workspace.root, read_only=True) as workspace:
        (pipeline,) = workspace.pipelines(run_id)
        told = dict(
            line for _, lines in origin_sections(workspace.details(run_id, pipeline.pipeline_id)) for line in lines
        )
    assert told["Left out"] == "2 samples without a value"


def test_grids_for_another_task_are_marked_and_a_run_with_failures_has_no_plain_tick(qtbot, window, dialog, tmp_path):
    classes, ridges = find(dialog, "classification"), find(dialog, "regression pls")
    assert "21 pipelines are made for classification" in classes.toolTip(0) and not classes.icon(0).isNull()
    assert "regression-pls" in ridges.toolTip(0) and ridges.icon(0).isNull()
    dialog.data.task.setCurrentIndex(2)
    assert classes.icon(0).isNull() and "made for regression" in ridges.toolTip(0)
    dialog.data.task.setCurrentIndex(0)
    config = {"name": "both", "steps": [{"class": "sklearn.linear_model.Ridge"}],
              "grid": {"Ridge": [{"class": "sklearn.linear_model.Ridge"}, {"class": "sklearn.svm.SVC"}]}}  # fmt: skip
    path = tmp_path / "both.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    choose(qtbot, dialog, path)
    assert dialog.message().startswith("1 pipeline is made for classification and likely to fail")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    job = window.jobs.jobs[0]
    qtbot.waitUntil(lambda: window.tree.model.run_index(job.run_id).isValid())
    shown = window.tree.model.run_index(job.run_id)
    qtbot.waitUntil(lambda: "1 failed" in shown.data(Qt.ItemDataRole.AccessibleTextRole))
    partly = theme().icon("partly", "warning").cacheKey()
    assert shown.data(Qt.ItemDataRole.DecorationRole).cacheKey() == partly
    assert window.jobs_pane.model.index(0, 0).data(Qt.ItemDataRole.DecorationRole).cacheKey() == partly


def test_arrow_keys_stop_at_configurations_and_not_at_headings(qtbot, dialog):
    tree, lines = dialog.pipelines.tree, dialog.pipelines._items()
    tree.setCurrentItem(None)
    focus(qtbot, tree)
    seen = []
    down, up, left, home = Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Home
    for key, count in ((down, 1), (up, 1), (down, len(lines)), (left, 1), (home, 1)):
        for _ in range(count):
            qtbot.keyClick(tree, key)
            seen.append(tree.currentItem())
    places = [next(n for n, (item, _) in enumerate(lines) if item is one) for one in seen]
    last = len(lines) - 1
    assert places == [0, 0, *range(1, last + 1), last, last, 0]


def test_the_same_pipeline_with_another_seed_is_told_apart_by_it(qtbot, window, tmp_path):
    asked = RunRequest(
        data=write_data(tmp_path), target=["protein"], pipelines=[write_config(tmp_path, 1)], test_size=0.25
    )
    root = window.session.workspace.root
    for seed in (0, 5):
        with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
            window.training.start(root, asked.model_copy(update={"seed": seed}))
    with Workspace.open(root, read_only=True) as workspace:
        rows = workspace.catalog.rows(workspace.catalog.keys("dataset_name = 'barley'", "seed"))
        chosen = [Picked(str(row["run_id"]), str(row["pipeline_id"]), str(row["prediction_id"])) for row in rows]
        found = fetch_differences(chosen, 2, workspace)
    assert len({one.run_id for one in chosen}) == 1 and {row["pipeline_name"] for row in rows} == {"ridge"}
    assert {seed: len(who) for seed, who in found.columns["seed"].items()} == {"0": 1, "5": 1}
    titles = {column.key: column.title for column in window.catalog.model.columns}
    assert titles["seed"] == "Seed"
