"""Training from the window: the dialog, the job, its end, and stopping it."""

import json

import pytest
from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QMessageBox

from gui.dialogs import ErrorDialog
from storage import Workspace, demo
from tests.gui.samples import write_config, write_data

MINUTE = 60_000


@pytest.fixture
def dialog(qtbot, window, tmp_path):
    """The New run dialog with a data file that was read."""
    asked = window.new_run(write_data(tmp_path))
    qtbot.waitSignal(asked.previewed).wait() if asked.target.count() == 0 else None
    return asked


def choose(qtbot, dialog, config):
    with qtbot.waitSignal(dialog.counted):
        dialog.add_config(config)


def test_a_run_is_asked_for_trained_and_shown(qtbot, window, dialog, tmp_path):
    assert dialog.target.currentText() == "protein"
    assert dialog.id_column.currentText() == "sample_id"
    assert not dialog.start_button.isEnabled()
    choose(qtbot, dialog, write_config(tmp_path, 3))
    assert dialog.start_button.text() == "Train 3 pipelines"
    dialog.name.setText("first try")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    job = window.jobs.jobs[0]
    assert (job.state, job.outcome) == ("completed", "3 completed")
    assert any("ridge" in line for line in job.log)
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 44)
    qtbot.waitUntil(lambda: window.tree.model.rowCount() == 3)
    assert "barley" in window.tree.model.index(0, 0).data()
    assert "3 completed" in window.notice.text()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.notice._act.click()  # Show results
    assert window.catalog.model.rowCount() == 3


def test_shipped_grids_are_offered(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.configs.count() >= 3)
    dialog.configs.item(0).setCheckState(Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: dialog.count > 10)
    assert dialog._counted.text() == f"{dialog.count} pipelines"


def test_what_cannot_be_read_is_said_in_place(qtbot, dialog, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    choose(qtbot, dialog, broken)
    assert "broken.json" in dialog.message()
    assert not dialog.start_button.isEnabled()
    with qtbot.waitSignal(dialog.previewed):
        dialog.set_data(tmp_path / "missing.csv")
    assert "missing.csv" in dialog.message()


def test_a_job_that_cannot_begin_says_why(qtbot, window, dialog, tmp_path, problems):
    choose(qtbot, dialog, write_config(tmp_path, 1))
    dialog.target.setEditText("no such column")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    assert window.jobs.jobs[0].state == "failed"
    told = window.findChild(ErrorDialog)
    assert "no such column" in told.text()
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


def test_the_demo_is_made_and_opened(qtbot, open_window, tmp_path, monkeypatch):
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda kind: str(tmp_path))
    whole = demo.DemoDataset.request

    def short(dataset):  # the shipped grids take half a minute, and are tested elsewhere
        kind = {"regression": "DummyRegressor", "classification": "DummyClassifier"}[dataset.task]
        config = tmp_path / f"{kind}.json"
        config.write_text(json.dumps({"name": kind, "steps": [{"class": f"sklearn.dummy.{kind}"}]}), encoding="utf-8")
        return whole(dataset).model_copy(update={"pipelines": [config]})

    monkeypatch.setattr(demo.DemoDataset, "request", short)
    window = open_window()
    with qtbot.waitSignal(window.catalog.model.listed, timeout=MINUTE):
        window.commands.demo.trigger()
    assert window.session.workspace.root.is_relative_to(tmp_path / "runshelf-demo")
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 2)
    assert {row["dataset_name"] for row in map(window.catalog.model.row, range(2))} == {"fermentation", "coffee"}


def test_quitting_while_training_asks_once_stops_and_then_quits(qtbot, window, dialog, tmp_path):
    choose(qtbot, dialog, write_config(tmp_path, 400))
    dialog.start_button.click()
    qtbot.waitUntil(lambda: window.jobs.jobs[0].done >= 1, timeout=MINUTE)
    for _ in range(2):
        assert not window.close()
    questions = window.findChildren(QMessageBox)
    assert len(questions) == 1
    stop = next(button for button in questions[0].buttons() if button.text() == "Stop and quit")
    stop.click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=MINUTE)
    assert window.jobs.jobs[0].state == "cancelled"
    assert window.session.workspace is None
