"""The health pane on real workspaces: what is wrong is shown and mended, what was deleted comes back."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QWidget

from gui.dialogs.palette import CommandDialog
from gui.dialogs.plan_preview import PlanDialog
from gui.jobs import AT_A_TIME, Jobs
from gui.panes.health import HealthPane
from gui.panes.health_findings import subject_of
from gui.panes.health_page import RowsTable, button_area
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem, Tasks
from gui.theme import ROW_HEIGHT
from storage import Workspace, check_workspace
from tests.gui.samples import fill
from tests.gui.test_window import focus

Open = Callable[[Path], HealthPane]


@pytest.fixture
def pane_on(qtbot, settings: Settings, problems: list[Problem]) -> Iterator[Open]:
    """A health pane on a workspace, as a window would hold it."""
    made: list[tuple[HealthPane, Session, Jobs, Tasks]] = []

    def open_one(root: Path) -> HealthPane:
        tasks = Tasks()
        session, jobs = Session(tasks), Jobs(tasks)
        tasks.unhandled.connect(problems.append)
        jobs.ended.connect(lambda _: session.sync())
        pane = HealthPane(session, jobs, settings)
        pane.resize(1000, 500)
        made.append((pane, session, jobs, tasks))
        pane.show()
        session.open(root)
        qtbot.waitUntil(lambda: session.workspace is not None)
        return pane

    yield open_one
    for pane, session, jobs, tasks in made:
        for job in jobs.busy():
            jobs.cancel(job)
        qtbot.waitUntil(lambda jobs=jobs: not jobs.busy())
        pane.close()
        pane.deleteLater()
        session.close()
        jobs.close()
        tasks.close()


@pytest.fixture
def pane(pane_on: Open, root: Path) -> HealthPane:
    return pane_on(root)


def part(root: Path) -> Path:
    return sorted((root / "catalog/predictions_meta.parquet").glob("part-*.parquet"))[0]


def check(qtbot, pane: HealthPane) -> list[str]:
    """Press the button and wait for what comes; return the codes of the findings."""
    before = pane.findings.report
    qtbot.mouseClick(pane.findings.check_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.findings.report is not before and pane.findings.check_button.isEnabled())
    return [one.code for one in pane.findings.report.findings]


def dialog(qtbot, parent: QWidget) -> PlanDialog:
    qtbot.waitUntil(lambda: bool(parent.findChildren(PlanDialog)))
    return parent.findChildren(PlanDialog)[-1]


def press_cell(qtbot, table: RowsTable, row: int) -> None:
    cell = table.visualRect(table.model().index(row, table.model().columnCount() - 1))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=button_area(cell).center())


def show(qtbot, pane: HealthPane, page: QWidget) -> None:
    pane.tabs.setCurrentIndex(pane.pages.index(page))
    qtbot.waitUntil(page.isVisible)


# --- findings ---


def test_nothing_is_checked_unasked_and_a_sound_workspace_says_so(qtbot, pane):
    page = pane.findings
    assert page.report is None and not pane._settings.store.value("health/checked")
    assert "Not checked yet" in page._empty.text() and page._empty.isVisible()
    assert pane.first is page._begin and page._begin.text() == "Check now"
    qtbot.mouseClick(page._begin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.report is not None)
    assert not page._begin.isVisible() and pane.first is page.check_button
    assert check(qtbot, pane) == []
    assert "Everything that was checked is sound 2 runs, 41 pipelines and 41 results" in page._empty.text()
    assert page._empty.isVisible() and not page.fix_all_button.isVisible()
    assert pane.tabs.tabText(0) == "Findings"


def test_findings_are_told_by_sign_word_and_sentence_and_one_is_mended_by_its_button(qtbot, qtmodeltester, pane, root):
    os.truncate(part(root), 100)
    (root / "runs/out").symlink_to("/etc")
    assert check(qtbot, pane) == ["part-damaged", "odd-entry"]
    page = pane.findings
    model = page.model
    qtmodeltester.check(model)
    assert [model.index(row, 0).data() for row in range(2)] == ["damage", "note"]
    assert all(model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) is not None for row in range(2))
    assert "is damaged" in model.index(0, 2).data() and part(root).name in model.index(0, 3).data()
    assert [model.index(row, 4).data() for row in range(2)] == ["Fix…", ""]
    assert pane.tabs.tabText(0) == "Findings (2)" and pane.first is page.table
    assert "2 findings: 1 damaged, 1 note" in page.summary.text() and "damaged" in page._advice.text()
    assert page.report.sentence().startswith("2 findings: 1 damaged, 1 note. Checked ")  # as the notice says it
    press_cell(qtbot, page.table, 1)  # nothing mends a link
    press_cell(qtbot, page.table, 0)
    asked = dialog(qtbot, page)
    assert "in the trash" in asked.text() and "1 step" in asked.text()
    assert check_workspace(root).verdict == "damaged"  # looking at a plan does nothing
    report = page.report
    asked.act.click()
    qtbot.waitUntil(lambda: page.report is not report)
    assert [one.code for one in page.report.findings] == ["odd-entry"]
    with Workspace.open(root, read_only=True) as workspace:
        assert workspace.catalog.count() == 41


def test_fix_all_mends_everything_that_can_be_mended(qtbot, pane, root):
    os.truncate(part(root), 100)
    shutil.copy(part(root), part(root).with_name("part-00.parquet"))
    stale = root / ".staging/host-999999-deadbeef"
    stale.mkdir()
    assert set(check(qtbot, pane)) == {"part-damaged", "part-stray", "stale-file"}
    pane.findings.fix_all_button.click()
    asked = dialog(qtbot, pane.findings)
    assert "3 steps" not in asked.text() and "2 steps" in asked.text()  # two kinds of repair
    report = pane.findings.report
    asked.accept()
    qtbot.waitUntil(lambda: pane.findings.report is not report)
    assert pane.findings.report.findings == () and not stale.exists()
    assert pane.findings._jobs.jobs[0].state == "completed" and "written anew" in pane.findings._jobs.jobs[0].outcome


def test_a_run_folder_that_is_in_the_trash_is_restored_by_its_finding(qtbot, pane, root):
    with Workspace.open(root) as workspace:
        run_id = next(row.run_id for row in workspace.runs() if row.dataset_name == "wheat")
        workspace.plan_delete_run(run_id).apply()
    page = pane.findings
    assert check(qtbot, pane) == ["folder-gone"]
    page.table.selectRow(0)
    assert page.model.index(0, 4).data() == page.fix_button.text() == "Restore…" and page.fix_button.isVisible()
    assert "from the trash" in page._advice.text()
    assert not page.fix_all_button.isVisible(), "it may have been deleted on purpose"
    press_cell(qtbot, page.table, 0)
    asked = dialog(qtbot, page)
    assert asked.windowTitle().startswith("Restore")
    before = page.report
    asked.accept()
    qtbot.waitUntil(lambda: page.report is not before and page.check_button.isEnabled())
    assert page.report.findings == () and (root / "runs" / run_id).is_dir()


def test_a_damaged_manifest_is_made_again_while_the_workspace_is_open(qtbot, pane, root):
    os.truncate(root / "catalog/manifest.json", 60)
    assert "manifest-damaged" in check(qtbot, pane)
    page = pane.findings
    qtbot.mouseClick(page.fix_all_button, Qt.MouseButton.LeftButton)
    report, asked = page.report, dialog(qtbot, page)
    assert "Make the catalog's manifest again" in asked.text()
    asked.act.click()
    qtbot.waitUntil(lambda: page.report is not report)
    assert "manifest-damaged" not in [one.code for one in page.report.findings] and not page.report.counts["damage"]
    with Workspace.open(root) as workspace:
        assert workspace.catalog.count() == 41 and not workspace.read_only


def test_it_is_worked_by_keyboard(qtbot, pane, root):
    shutil.copy(part(root), part(root).with_name("part-00.parquet"))
    check(qtbot, pane)
    pane.activateWindow()
    pane.first.setFocus()
    qtbot.keyClick(pane.findings.table, Qt.Key.Key_Return)
    asked = dialog(qtbot, pane.findings)
    report = pane.findings.report
    qtbot.keyClick(asked, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: pane.findings.report is not report)
    assert pane.findings.report.findings == ()


def test_enter_on_a_finding_does_what_its_button_says(qtbot, pane, root):
    file = next(file for run in (root / "runs").iterdir() for file in run.glob("*.json"))
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    check(qtbot, pane)
    rows = pane.findings.model.rows
    row = next(n for n, one in enumerate(rows) if one.fix and subject_of(one)[0])
    gone = QSignalSpy(pane.findings.subject_wanted)
    pane.findings.table.selectRow(row)
    qtbot.keyClick(pane.findings.table, Qt.Key.Key_Return)
    dialog(qtbot, pane.findings).reject()
    assert gone.count() == 0


def test_a_check_can_be_cancelled(qtbot, pane):
    """One that waits for its turn, so that it can't be over before it is cancelled."""
    page, let_go = pane.findings, threading.Event()
    for number in range(AT_A_TIME["work"]):
        page._jobs.start(f"in the way {number}", lambda report: let_go.wait(20))
    pane.check(deep=True)
    assert page.cancel_button.isVisible() and not page.check_button.isEnabled() and page._progress.isVisible()
    qtbot.mouseClick(page.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.check_button.isEnabled)
    let_go.set()
    assert not page.cancel_button.isVisible() and not page._progress.isVisible()
    assert page.report is None and page._jobs.jobs[0].state == "cancelled"


def test_a_workspace_open_for_reading_is_checked_and_not_mended(qtbot, pane_on, root):
    os.truncate(root / "catalog/manifest.json", 3)
    shutil.copy(part(root), part(root).with_name("part-00.parquet"))
    pane = pane_on(root)
    assert pane.findings.session.workspace.read_only
    codes = check(qtbot, pane)
    assert "manifest-damaged" in codes
    assert not pane.findings.fix_button.isEnabled() and not pane.findings.fix_all_button.isEnabled()


def test_another_workspace_has_no_findings_of_the_one_before(qtbot, pane, root, tmp_path):
    (root / "runs/out").symlink_to("/etc")
    assert check(qtbot, pane) == ["odd-entry"]
    Workspace.create(tmp_path / "other").close()
    with qtbot.waitSignal(pane.findings.session.opened):
        pane.findings.session.open(tmp_path / "other")
    assert pane.findings.report is None and pane.findings.model.rows == []
    assert pane.tabs.tabText(0) == "Findings"


# --- storage ---


def test_storage_is_measured_when_it_is_looked_at_and_again_after_changes(qtbot, pane, root):
    page = pane.storage
    assert page.usage is None  # hidden: nothing is read
    show(qtbot, pane, page)
    qtbot.waitUntil(lambda: page.usage is not None)
    titles = {row.title: row for row in page.model.rows}
    assert titles["All"].files == page.usage.files and titles["Runs"].bytes == page.usage.area("runs").bytes
    whole, *areas = page.model.rows  # above the others: there it is never cut by the edge
    assert whole is titles["All"] and whole.bytes == sum(row.bytes for row in areas)
    assert "nothing is saved by sharing" in page.saved.text()
    before = page.usage
    with Workspace.open(root) as other:
        run = other.create_run("corn", "shared")
        for number in range(3):
            pipeline = run.add_pipeline({"k": number})
            pipeline.save_artifact("scaler", list(range(5000)))
            pipeline.complete()
        run.finalize()
    qtbot.waitUntil(lambda: page.usage is not before)
    assert page.usage.saved > 0
    assert "saves" in page.saved.text() and "67 %" in page.saved.text()


# --- trash ---


@pytest.fixture
def deleted(root: Path) -> list[str]:
    """Two entries of the trash; their ids, newest first."""
    with Workspace.open(root) as workspace:
        workspace.catalog.plan_delete("test_rmse < 1.25").apply()
        run = workspace.runs(dataset="wheat")[0]
        workspace.plan_delete_run(run.run_id).apply()
        return [entry.trash_id for entry in workspace.trash.list()]


def test_the_trash_lists_every_kind_and_gives_back(qtbot, pane_on, deleted, root):
    pane = pane_on(root)
    page = pane.trash
    show(qtbot, pane, page)
    qtbot.waitUntil(lambda: [entry.trash_id for entry in page.model.rows] == deleted)
    assert [page.model.index(row, 1).data() for row in range(2)] == ["run", "results"]
    assert page.model.index(0, 2).data().startswith("today ") and page.model.index(0, 3).data()
    assert pane.tabs.tabText(2) == "Trash (2)" and pane.first is page.table
    said = QSignalSpy(pane.said)
    press_cell(qtbot, page.table, 0)
    qtbot.waitUntil(lambda: len(page.model.rows) == 1)
    assert "restored" in said.at(0)[0]
    page.table.selectRow(0)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._empty.isVisible())
    with Workspace.open(root, read_only=True) as workspace:
        assert workspace.catalog.count() == 41 and len(workspace.runs()) == 2


def test_the_keyboard_goes_to_the_list_of_the_trash_and_stays_there_when_things_are_restored(
    qtbot, open_window, deleted, root
):
    window = open_window(root)
    window.activateWindow()
    window.catalog.table.setFocus()
    qtbot.waitUntil(window.catalog.table.hasFocus)
    page, bar = window.health.trash, window.health.tabs.tabBar()
    window.commands.trash.trigger()
    qtbot.waitUntil(page.table.hasFocus)
    assert page.table.currentIndex().row() == 0 and len(page.model.rows) == 2
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(page.model.rows) == 1 and window.tasks.active == 0)
    assert page.table.hasFocus() and page.table.chosen() == [0]
    page.restore_button.setFocus()
    qtbot.keyClick(page.restore_button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._empty.isVisible() and window.tasks.active == 0)
    assert bar.hasFocus() and bar.currentIndex() == 2


def test_from_the_list_of_commands_the_keyboard_comes_to_the_trash_also_where_it_was_empty_at_first(
    qtbot, open_window, root
):
    window = open_window(root)
    page, bar = window.health.trash, window.health.tabs.tabBar()
    window.activateWindow()
    window.show_commands()
    dialog = window.findChild(CommandDialog)
    qtbot.keyClicks(dialog._edit, "Show the trash")
    qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.focusWidget() is bar and window.tasks.active == 0 and page._empty.isVisible())
    with Workspace.open(root) as other:
        other.plan_delete_run(other.runs(dataset="wheat")[0].run_id).apply()
    window.session.sync()
    qtbot.waitUntil(lambda: window.focusWidget() is page.table)
    assert page.table.chosen() == [0]


def test_the_keyboard_comes_to_the_trash_also_while_the_window_is_not_in_front(qtbot, open_window, deleted, root):
    window, other = open_window(root), QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    window.commands.trash.trigger()
    qtbot.waitUntil(lambda: len(window.health.trash.model.rows) == 2 and window.tasks.active == 0)
    assert window.focusWidget() is window.health.trash.table


def test_emptying_the_trash_shows_what_goes_first(qtbot, pane_on, deleted, root):
    pane = pane_on(root)
    page = pane.trash
    show(qtbot, pane, page)
    qtbot.waitUntil(lambda: len(page.model.rows) == 2)
    page.table.selectRow(1)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    asked = dialog(qtbot, page)
    assert "test_rmse < 1.25" in asked.text() and asked.act.text() == "Remove for good"
    asked.reject()
    page.empty_button.click()
    qtbot.waitUntil(lambda: any(d.isVisible() for d in page.findChildren(PlanDialog)))
    asked = next(d for d in page.findChildren(PlanDialog) if d.isVisible())
    assert asked.act.text() == "Empty trash" and "2 steps" in asked.text()
    assert len(list((root / ".trash").iterdir())) == 2
    asked.accept()
    qtbot.waitUntil(lambda: not list((root / ".trash").iterdir()))
    qtbot.waitUntil(lambda: not page._jobs.busy())
    page.expire()
    qtbot.waitUntil(lambda: page._empty.isVisible())
    assert "The trash is empty" in page._empty.text()


def test_a_damaged_entry_says_why_it_cannot_come_back(qtbot, pane_on, deleted, root):
    (root / ".trash" / deleted[0] / "trash.json").write_text("{")
    pane = pane_on(root)
    page = pane.trash
    show(qtbot, pane, page)
    qtbot.waitUntil(lambda: len(page.model.rows) == 2)
    row = next(n for n, entry in enumerate(page.model.rows) if entry.problem)
    page.table.selectRow(row)
    assert page.model.index(row, 5).data() == "" and not page.restore_button.isEnabled()
    assert "damaged" in page.model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole)


# --- index ---


def test_the_index_page_tells_its_state_and_makes_it_again(qtbot, pane, root):
    page = pane.index
    show(qtbot, pane, page)
    qtbot.waitUntil(lambda: page.value("predictions") == "41")
    assert page.value("current") == "✓ current" and page.value("runs") == "2"
    assert page.value("path") == str(root / "catalog/index.sqlite")
    made = (root / "catalog/index.sqlite").stat().st_mtime_ns
    said = QSignalSpy(pane.said)
    qtbot.mouseClick(page.rebuild_button, Qt.MouseButton.LeftButton)
    assert not page.rebuild_button.isEnabled() and page._progress.isVisible()
    qtbot.waitUntil(page.rebuild_button.isEnabled)
    assert "rebuilt" in said.at(0)[0] and not page._progress.isVisible()
    qtbot.waitUntil(lambda: page.value("predictions") == "41")
    assert (root / "catalog/index.sqlite").stat().st_mtime_ns > made
    with Workspace.open(root) as other:
        fill(other, "oats", 2)
    qtbot.waitUntil(lambda: page.value("predictions") == "43")


# --- the pane ---


def test_everything_has_a_name_and_the_page_is_remembered(qtbot, pane, settings):
    for table in pane.findChildren(RowsTable):
        assert table.accessibleName() and table.objectName()
    assert pane.tabs.accessibleName()
    pane.tabs.setCurrentIndex(2)
    pane.save()
    assert settings.health_tab == 2


def test_buttons_in_cells_do_nothing_beside_their_edge(qtbot, pane_on, deleted, root):
    pane = pane_on(root)
    show(qtbot, pane, pane.trash)
    qtbot.waitUntil(lambda: len(pane.trash.model.rows) == 2)
    table = pane.trash.table
    cell = table.visualRect(table.model().index(0, 5))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell.topLeft() + QPoint(1, 1))
    assert not pane.trash._restoring


def test_findings_and_what_is_offered_are_seen_whole_beside_charts_in_a_small_window(qtbot, window, root):
    window.resize(1280, 800)
    window.centre.toggle_explore()
    findings, trash = window.health.findings, window.health.trash
    window.show_pane(6)
    qtbot.waitUntil(lambda: window.health_dock.height() >= 270)
    for page, last in ((findings, findings._begin), (trash, trash._empty._text)):
        show(qtbot, window.health, page)
        qtbot.waitUntil(lambda last=last: last.visibleRegion().boundingRect() == last.rect())
    part(root).write_bytes(b"damaged")
    for number in range(4):
        (root / "runs" / f"stray {number}.txt").write_text("")
    window.check()
    qtbot.waitUntil(lambda: findings.report is not None and not findings._busy())
    box = findings._advice_box
    qtbot.waitUntil(lambda: box.isVisible() and box.visibleRegion().boundingRect() == box.rect())
    assert findings.table.viewport().visibleRegion().boundingRect().height() >= 3 * ROW_HEIGHT
    assert window.catalog.table.viewport().visibleRegion().boundingRect().height() >= 3 * ROW_HEIGHT
    window.health_dock.setFixedHeight(150)
    qtbot.waitUntil(lambda: findings.visibleRegion().boundingRect().height() < findings.height())  # scrolled, not cut
    assert findings.table.viewport().height() >= 3 * ROW_HEIGHT


def test_enter_on_the_title_of_the_trash_goes_into_its_list(qtbot, window, root):
    run = window.tree.model.groups()[0].row.runs[0]
    window.tree.select_run(run.run_id)
    focus(qtbot, window.tree.tree)
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_Delete)
    window.health_dock.show()
    window.health.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: window.health.trash.first is not None)
    bar = window.health.tabs.tabBar()
    focus(qtbot, bar)
    qtbot.keyClick(bar, Qt.Key.Key_Return)
    assert window.health.trash.isAncestorOf(window.focusWidget())
