"""Jobs in a real window: pausing, failures, training again, other long work, quitting in the middle."""

from __future__ import annotations

import dataclasses
import json
import threading
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QMessageBox, QStyleOptionViewItem

from gui.dialogs.messages import ErrorDialog
from gui.dialogs.new_run import NewRunDialog
from gui.formats import MISSING
from gui.jobs import Job, time_left_text
from gui.models.jobs import FAILED_SHOWN, FINISHED_SHOWN, JobsModel
from gui.tasks import Progress
from gui.theme import theme
from storage import NotFound, PipelineEvent, RunRequest, Workspace
from tests.gui.samples import write_config, write_data
from tests.gui.test_window import select

MINUTE = 60_000


@pytest.fixture
def licence(tmp_path):
    """The file without which the pipelines called "licensed" fail."""
    return tmp_path / "licence"


@pytest.fixture
def allowing(root):
    """The workspace, where the tests' own estimators may be used."""
    with Workspace.open(root) as workspace:
        workspace.record.allowed_modules.append("tests")
        workspace._disk.write(workspace.layout.marker, workspace.record.to_json())
    return root


def request_for(folder, count, licence=None, **more):
    """Ask for `count` ridge regressions, and two that need a licence."""
    grid = {"NeedsFile__alpha": [1.0, 2.0]}
    step = {"class": "tests.estimators.NeedsFile", "params": {"needed": str(licence)}}
    configs = [{"name": "licensed", "steps": [step], "grid": grid}] if licence is not None else []
    return RunRequest(
        data=write_data(folder), target=["protein"], test_size=0.25, pipelines=[write_config(folder, count)],
        configs=configs, charts=False, **more,
    )  # fmt: skip


def train(qtbot, window, request):
    """Train to the end."""
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        return window.training.start(window.session.workspace.root, request)


def test_jobs_that_were_shown_by_training_are_not_shown_at_the_next_start(qtbot, open_window, root, tmp_path):
    def at_next_start(window, *, asked):
        train(qtbot, window, request_for(tmp_path, 1))
        assert window.jobs_dock.isVisible()
        if asked:
            window.show_pane(4)
        window.close()
        return open_window(root)

    again = at_next_start(open_window(root), asked=False)
    assert again.jobs_dock.isHidden() and again.tree_dock.isVisible()
    again = at_next_start(again, asked=True)
    assert again.jobs_dock.isVisible()
    again = at_next_start(again, asked=False)
    assert again.jobs_dock.isVisible(), "they were there before"


def test_show_results_goes_to_the_first_of_them(qtbot, window, tmp_path):
    select(qtbot, window, 3)
    job = train(qtbot, window, request_for(tmp_path, 1))
    window.centre.show_comparison()
    window.jobs_pane.results_wanted.emit(job.run_id)
    qtbot.waitUntil(lambda: window.selection.current.run_id == job.run_id)
    qtbot.waitUntil(lambda: window.details.details.run_id == job.run_id)
    assert window.catalog.table.isVisible() and window.catalog.table.currentIndex().row() == 0


def barley(root):
    """What there is of the runs on the test's own data: statuses by pipeline name."""
    with Workspace.open(root, read_only=True) as workspace:
        return workspace.catalog.search("dataset_name = 'barley'", order_by="pipeline_name")


def test_the_time_left_is_that_of_the_piece_of_work_under_way():
    job = Job("demo")
    for done in range(50):
        job.advance(Progress(done, 50, ()))
    assert job.seconds_left() is not None
    job.advance(Progress(1, 20, ()))  # a second run has begun
    assert job.seconds_left() is None
    job.advance(Progress(2, 20, ()))
    assert job.seconds_left() < 60


def test_a_job_that_waits_says_so_in_the_place_of_its_log(qtbot, window):
    gate, pane = threading.Event(), window.jobs_pane
    jobs = [window.jobs.start(name, lambda report: report(1, 2, "begun") or gate.wait(60), lane="export")
            for name in ("first", "second")]  # fmt: skip
    try:
        qtbot.waitUntil(lambda: jobs[0].log == ["begun"])
        assert pane.selected() is jobs[1] and jobs[1].state == "waiting"
        assert not pane.log.toPlainText() and pane.log.placeholderText().startswith("It waits until another job")
        pane.table.setCurrentIndex(pane.model.index(1, 0))
        assert pane.log.toPlainText() == "begun"
    finally:
        gate.set()
    qtbot.waitUntil(lambda: not window.jobs.busy())
    assert time_left_text(jobs[0]).startswith("took ")


def test_a_job_whose_turn_has_come_runs_also_before_it_tells_anything(qtbot, window):
    gate, pane = threading.Event(), window.jobs_pane
    job = window.jobs.start("silent", lambda report: gate.wait(60), lane="export")
    try:
        qtbot.waitUntil(lambda: job.state == "running")
        assert "waits" not in pane.log.placeholderText()
    finally:
        gate.set()
    qtbot.waitUntil(lambda: not window.jobs.busy())


def test_time_left_and_time_taken_are_told_apart():
    job = Job("long")
    for done in range(50):
        job.advance(Progress(done, 100, ()))
    assert time_left_text(job) == "1.0 s left"
    job.advance(Progress(100, 100, ()))
    assert time_left_text(job) == MISSING, "what is done then is not counted, and may be long"


def test_of_what_came_of_a_pipeline_the_number_is_never_cut_and_the_tip_has_all(qtbot, window, root):
    pane, job = window.jobs_pane, window.jobs.start("training", lambda report: None)
    event = PipelineEvent("run", "0001_x_abcdef", "x", "completed", "id", "val_balanced_accuracy", 0.9123, seconds=2.0)
    job.news.put(event)
    qtbot.waitUntil(lambda: job.over)
    window.jobs._take_news(job)
    index = pane.model.index(0, 1, pane.model.index(0, 0))
    assert index.siblingAtColumn(2).data() == "took 2.0 s"
    option = QStyleOptionViewItem()
    option.initFrom(pane.table)
    option.widget, option.rect = pane.table, QRect(0, 0, 120, 26)
    pane.table.itemDelegateForIndex(index).initStyleOption(option, index)
    assert option.text.startswith("val") and option.text.endswith("… 0.912")
    assert "val Balanced accuracy 0.912" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_pause_and_resume_by_button_and_key(qtbot, window, tmp_path, root):
    pane, line = window.jobs_pane, window.status._job
    job = window.training.start(root, request_for(tmp_path, 30))
    qtbot.waitUntil(lambda: len(job.finished) >= 2, timeout=MINUTE)
    pane.pause_button.click()
    assert job.state == "pausing"
    qtbot.waitUntil(lambda: job.state == "paused", timeout=MINUTE)
    done = len(barley(root))
    qtbot.waitUntil(lambda: job.done == done)  # the last news may still be on their way
    left = job.seconds_left()
    seen = []
    window.jobs.changed.connect(lambda _: seen.append(job.done))
    qtbot.waitUntil(lambda: len(seen) >= 15, timeout=MINUTE)  # as many looks at the child
    assert len(barley(root)) == done < 30
    assert job.seconds_left() == pytest.approx(left, rel=0.01)  # a pause does not make it slower
    assert (pane.pause_button.text(), line.pause.toolTip()) == ("&Resume", "Resume this job")
    assert "paused" in line.name.text()
    line.pause.click()
    qtbot.waitUntil(lambda: job.state == "running" and not job.control.resting, timeout=MINUTE)
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: job.state == "paused", timeout=MINUTE)
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    assert job.state == "cancelled" and job.outcome == "Cancelled; finished pipelines are kept."
    assert done <= len(barley(root)) == len(job.finished) < 30
    assert pane.rest_button.isEnabled() and window.commands.rest.isEnabled()
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        window.commands.rest.trigger()  # what the button does
    assert len(barley(root)) == 30
    assert not window.commands.rest.isEnabled(), "it is taken up"
    skipped = [event for event in window.jobs.jobs[0].finished if event.status == "skipped"]
    assert len(skipped) == len(job.finished)


def test_results_appear_while_training_runs(qtbot, window, tmp_path, root):
    """In the table, in the tree and under the job, before it has ended."""
    job = window.training.start(root, request_for(tmp_path, 60))
    branch = window.jobs_pane.model.index(0, 0)
    qtbot.waitUntil(lambda: window.jobs_pane.model.rowCount(branch) >= 2, timeout=MINUTE)
    window.jobs.pause(job)
    qtbot.waitUntil(lambda: job.state == "paused", timeout=MINUTE)
    trained = len(job.finished)
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 41 + trained)
    shown = window.jobs_pane.model.index(0, 1).data()  # the same in the tree, though not all have begun
    assert shown.endswith("/60")
    qtbot.waitUntil(lambda: window.tree.model.run_index(job.run_id).siblingAtColumn(1).data() == shown)
    first = window.jobs_pane.model.index(0, 0, branch)
    assert "ridge alpha=" in first.data() and "val RMSE" in first.siblingAtColumn(1).data()
    window.jobs.cancel(job)


def test_failures_are_shown_with_their_traceback_and_run_again_once_mended(qtbot, window, tmp_path, allowing, licence):
    job = train(qtbot, window, request_for(tmp_path, 3, licence))
    assert job.outcome == "3 completed, 2 failed"
    pane = window.jobs_pane
    failed = pane.model.index(0, 0, pane.model.index(0, 0))  # failures stand first
    assert "licensed" in failed.data() and failed.siblingAtColumn(3).data().startswith("failed: RuntimeError")
    pane.table.setCurrentIndex(failed)
    assert pane.copy_button.text() == "&Copy traceback"
    pane.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "Traceback (most recent call last)" in copied and "the licence file" in copied
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)  # the same pipeline is selected everywhere
    assert window.selection.current.pipeline_id == pane.pipeline().pipeline_id
    licence.touch()
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        pane.rerun_button.click()
    again = window.jobs.jobs[0]
    assert again is not job and again.outcome == "2 completed"
    assert sorted(event.name for event in again.finished) == sorted(event.name for event in job.failed)
    assert (barley(allowing)["status"] == "completed").sum() == 5


def test_an_old_run_is_asked_for_again_or_on_another_dataset(qtbot, window, tmp_path, allowing, licence):
    run_id = train(qtbot, window, request_for(tmp_path, 3, licence)).run_id
    window.training.run_again(run_id, "failed")
    qtbot.waitUntil(lambda: len(window.findChildren(NewRunDialog)) == 1)
    dialog = window.findChild(NewRunDialog)
    qtbot.waitUntil(dialog.start_button.isEnabled)
    assert dialog.start_button.text() == "&Train 2 pipelines"
    dialog.reject()
    qtbot.waitUntil(lambda: not window.findChildren(NewRunDialog))
    other = tmp_path / "other"
    other.mkdir()
    data = write_data(other, samples=60).rename(other / "oats.csv")
    window.training.run_elsewhere(run_id)
    qtbot.waitUntil(lambda: len(window.findChildren(NewRunDialog)) == 1)
    dialog = window.findChild(NewRunDialog)
    assert dialog.message() == "Choose a data file." and not dialog.start_button.isEnabled()
    dialog.data.set_data(data)
    qtbot.waitUntil(dialog.start_button.isEnabled)
    assert (dialog.data.target.currentText(), dialog.data.dataset_name.text()) == ("protein", "oats")
    licence.touch()
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        dialog.start_button.click()
    assert window.jobs.jobs[0].outcome == "5 completed"
    with Workspace.open(allowing, read_only=True) as workspace:
        assert workspace.catalog.count("dataset_name = 'oats' and status = 'completed'") == 5


def test_what_cannot_be_run_again_is_told(qtbot, window, tmp_path, allowing, licence):
    request = request_for(tmp_path, 1, licence)
    run_id = train(qtbot, window, request).run_id
    request.data.unlink()
    window.training.rerun(run_id)
    qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is not None)
    told = window.findChild(ErrorDialog)
    assert "is gone" in told.problem.what and told.problem.advice
    told.close()


# --- other long work ---


def count_runs(root: Path, report) -> str:
    with Workspace.open(root, read_only=True) as workspace:
        runs = workspace.runs()
    for number, run in enumerate(runs):
        report(number, len(runs), run.run_id)
    return f"{len(runs)} runs"


def write_list(path: Path, report) -> Path:
    path.write_text("a list", encoding="utf-8")
    return path


def fail(report) -> None:
    raise NotFound("There is nothing to check.", advice="Train something first.")


def work_until(stopped: threading.Event, report) -> None:
    while not stopped.wait(0.01):
        report(1, 2, "working")


def test_any_long_work_is_a_job_with_a_log_and_an_outcome(qtbot, window, root, tmp_path):
    with qtbot.waitSignal(window.jobs.ended):
        job = window.jobs.start("Counting", partial(count_runs, root))
        assert window.jobs.running("Counting") is job
    assert (job.state, job.outcome, job.value) == ("completed", "2 runs", "2 runs")
    assert any("wheat" in line for line in job.log) and window.jobs.running("Counting") is None
    assert "Counting: 2 runs" in window.notice.text()
    with qtbot.waitSignal(window.jobs.ended):
        job = window.jobs.start("Listing", partial(write_list, tmp_path / "list.txt"), done=lambda path: path.name)
    assert (job.outcome, job.file) == ("list.txt", tmp_path / "list.txt")
    assert window.notice._act.text() == "Show folder"
    window.jobs_pane.clear_button.click()
    assert window.jobs.jobs == [] and window.jobs_pane._pages.currentIndex() == 0


def test_a_job_that_fails_is_told_by_the_window_or_by_its_owner(qtbot, window):
    with qtbot.waitSignal(window.jobs.ended):
        job = window.jobs.start("Checking", fail)
    assert (job.state, job.outcome) == ("failed", "There is nothing to check.")
    window.findChild(ErrorDialog).close()
    qtbot.waitUntil(lambda: not window.findChildren(ErrorDialog))
    told = []
    with qtbot.waitSignal(window.jobs.ended):
        window.jobs.start("Checking", fail, failed=told.append)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].advice == "Train something first." and not window.findChildren(ErrorDialog)


def test_quitting_asks_once_for_all_jobs_and_leaves_everything_whole(qtbot, window, tmp_path, root):
    stopped = threading.Event()
    training = window.training.start(root, request_for(tmp_path, 60))
    checking = window.jobs.start("Checking", partial(work_until, stopped), kept="what was found is not")
    qtbot.waitUntil(lambda: len(training.finished) >= 1 and checking.state == "running", timeout=MINUTE)
    window.jobs.pause(training)
    qtbot.waitUntil(lambda: training.state == "paused", timeout=MINUTE)
    for _ in range(2):
        assert not window.close()
    (question,) = window.findChildren(QMessageBox)
    assert question.text() == "2 jobs are running."
    assert "finished pipelines are kept" in question.informativeText()
    next(button for button in question.buttons() if button.text() == "Stop and quit").click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=MINUTE)
    assert (training.state, checking.state) == ("cancelled", "cancelled") and window.session.workspace is None
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs("barley")
        assert run.status == "cancelled" and run.successful == workspace.catalog.count("dataset_name = 'barley'")
        config = json.loads((root / "runs" / run.folder / "run_config.json").read_text())
    assert len(config["pipelines"]) == 60  # what was asked for stays on record


def test_the_tree_of_jobs_is_a_well_behaved_model(qtbot, qtmodeltester, window, tmp_path, allowing, licence):
    model = JobsModel(window.jobs)
    qtmodeltester.check(model)
    train(qtbot, window, request_for(tmp_path, 2, licence))
    with qtbot.waitSignal(window.jobs.ended):
        window.jobs.start("Checking", partial(count_runs, allowing))
    assert (model.rowCount(), model.rowCount(model.index(1, 0))) == (2, 4)
    qtmodeltester.check(model)
    window.jobs.clear_ended()
    assert model.rowCount() == 0


def test_a_long_run_shows_its_failures_and_its_newest_pipelines(qtbot, qtmodeltester, window, root, tmp_path):
    """However many come: a tree lays all its rows out again for each, and the window must not wait for it."""
    job = window.training.start(root, request_for(tmp_path, 60))
    model = JobsModel(window.jobs)
    qtmodeltester.check(model)
    branch = model.index(0, 0)
    qtbot.waitUntil(lambda: len(job.finished) >= 1, timeout=MINUTE)
    done = job.finished[0]
    for first in range(0, 900, 150):  # as they come from the child, in heaps
        for number in range(first, first + 150):
            status = "failed" if number % 3 == 0 else "completed"
            job.news.put(dataclasses.replace(done, name=f"p{number}", status=status))
        window.jobs._take_news(job)
        texts = [model.index(row, 0, branch).data() for row in range(model.rowCount(branch))]
        assert len(set(texts)) == len(texts)
    assert model.rowCount(branch) == FAILED_SHOWN + FINISHED_SHOWN + 1
    shown = [model.pipeline(model.index(row, 0, branch)) for row in range(model.rowCount(branch))]
    assert (shown[0].name, shown[FAILED_SHOWN - 1].name, shown[FAILED_SHOWN].name) == ("p897", "p300", "p899")
    assert shown[-1] is None
    hidden = len(job.failed) + len(job.finished) - FAILED_SHOWN - FINISHED_SHOWN
    assert model.index(model.rowCount(branch) - 1, 0, branch).data() == f"{hidden} earlier ones"
    window.jobs.cancel(job)


def test_the_count_beside_a_bar_is_not_printed_over_it(qtbot, window):
    pane, gate = window.jobs_pane, threading.Event()
    job = window.jobs.start("many", lambda report: report(950_000, 1_000_000, "") or gate.wait(60))
    try:
        qtbot.waitUntil(lambda: job.total == 1_000_000)
        window.show_pane(4)
        place = pane.table.visualRect(pane.model.index(0, 1))
        words = pane.table.fontMetrics().horizontalAdvance("950,000/1,000,000")
        picture = pane.table.viewport().grab(place).toImage()
        middle = place.height() // 2
        accent = QColor(theme().colours.accent)
        coloured = [x for x in range(picture.width()) if picture.pixelColor(x, middle) == accent]
        assert coloured and max(coloured) < place.width() - words
    finally:
        gate.set()
    qtbot.waitUntil(lambda: not window.jobs.busy())
