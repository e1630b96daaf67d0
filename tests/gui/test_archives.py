"""Archiving and thinning in the window: looked at first, done as jobs, told on the page, and brought back."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog

from gui.dialogs.archive import ArchiveDialog
from gui.dialogs.plan_preview import PlanDialog
from gui.dialogs.thin import ThinDialog
from storage import Workspace
from tests.gui.test_tree import click, run_of_or_none
from tests.gui.test_window import Opener, apply_filter, focus
from tests.storage.samples import content_of


def shown(qtbot, window, kind: type[QDialog]) -> QDialog:
    """Wait for a dialog."""
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(kind)))
    return next(one for one in window.findChildren(kind) if one.isVisible())


def agree(qtbot, window) -> str:
    """Do what the plan that is shown says; return how the job ended."""
    dialog = shown(qtbot, window, PlanDialog)
    assert dialog.act.isEnabled(), dialog.text()
    with qtbot.waitSignal(window.jobs.ended) as ended:
        dialog.act.click()
    assert ended.args[0].state == "completed", ended.args[0].outcome
    return window.notice.text()


def archives_of(root) -> list[tuple[str, str]]:
    with Workspace.open(root, read_only=True) as other:
        return sorted((one.kind, one.pipeline_name) for one in other.archives())


def page_of(qtbot, window, name: str):
    """Select a pipeline of the catalog; return what its page tells of copies."""
    apply_filter(qtbot, window, f"pipeline_name = '{name}'")
    window.catalog.table.selectRow(0)
    details = window.details
    qtbot.waitUntil(lambda: details.details is not None and details.details.pipeline.name == name)
    return details._about.copies


# --- archiving ---


def test_a_archives_rows_after_showing_the_plan_and_their_pages_lead_there(qtbot, window, root):
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 1.15")
    focus(qtbot, window.catalog.table)
    window.catalog.table.selectAll()
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_A)
    dialog = shown(qtbot, window, ArchiveDialog)
    assert all(button.text().count(":") == 1 for button in dialog._kinds.buttons())
    dialog.choose("filtered")
    dialog.accept()
    plan = shown(qtbot, window, PlanDialog)
    assert plan.table.rowCount() == 2 and "catalog/archives/filtered" in plan.text()
    assert archives_of(root) == []
    assert "2 archives made." in agree(qtbot, window)
    assert archives_of(root) == [("filtered", "corn 0"), ("filtered", "corn 1")]
    copies = page_of(qtbot, window, "corn 1")
    qtbot.waitUntil(lambda: "configuration and metrics" in copies.words.text())
    assert copies.back.isHidden() and not copies.open.isHidden()
    assert window.details._head.copies.text() == "archived"
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        copies.open.click()
        qtbot.waitUntil(lambda: bool(opener.opened))
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert "/catalog/archives/filtered/corn" in opener.opened[0]
    assert page_of(qtbot, window, "corn 2").isHidden() and window.details._head.copies.isHidden()


def test_a_run_of_the_tree_is_archived_with_all_its_pipelines(qtbot, window, root):
    click(qtbot, window, window.tree.model.run_index(run_of_or_none(window, "wheat").run_id))
    window.pipelines.archive.trigger()
    shown(qtbot, window, ArchiveDialog).accept()
    agree(qtbot, window)
    assert {kind for kind, _ in archives_of(root)} == {"pipeline"} and len(archives_of(root)) == 11


def test_what_changed_since_it_was_shown_is_not_done(qtbot, window, root, problems):
    click(qtbot, window, window.tree.model.run_index(run_of_or_none(window, "corn").run_id))
    window.commands.make_room.trigger()
    shown(qtbot, window, ThinDialog).accept()
    dialog = shown(qtbot, window, PlanDialog)
    with Workspace.open(root) as other:
        other.catalog.annotate(other.catalog.ids("pipeline_name = 'corn 20'"), stars=3)
    with qtbot.waitSignal(window.jobs.ended) as ended:
        dialog.act.click()
    assert ended.args[0].state == "failed" and "nothing was done" in ended.args[0].outcome
    assert archives_of(root) == []
    for one in window.findChildren(QDialog):
        one.close()


# --- thinning ---


@pytest.mark.parametrize("archive", [True, False])
def test_room_is_made_from_the_storage_page_and_all_comes_back(qtbot, window, root, archive):
    before = content_of(root / "runs")
    window.show_pane(6)
    window.health.tabs.setCurrentWidget(window.health.storage)
    make_room, bring_back = window.health.storage.buttons
    make_room.click()
    dialog = shown(qtbot, window, ThinDialog)
    assert (dialog.by.currentText(), dialog.dataset.count()) == ("val_rmse", 3)
    dialog.keep.setText("")
    assert not dialog._show.isEnabled()
    dialog.keep.setText("2")
    if not archive:
        dialog.put_into_trash()
    dialog.accept()
    told = shown(qtbot, window, PlanDialog).text()
    assert "Copy 36 pipelines to" in told and "before" in told and "4 pipelines are kept whole" in told
    assert content_of(root / "runs") == before
    assert "36 pipelines thinned" in agree(qtbot, window)
    assert not list((root / "runs").glob("*/0003_*/predictions.csv")) and len(archives_of(root)) == 36 * archive
    bring_back.click()
    assert "36 pipelines brought back" in agree(qtbot, window)
    after = content_of(root / "runs")
    assert {name: data for name, data in after.items() if "run_summary" not in name} == {
        name: data for name, data in before.items() if "run_summary" not in name
    }


def test_the_page_of_a_thinned_pipeline_brings_it_back_alone(qtbot, window, root):
    with Workspace.open(root) as other:
        other.plan_thin(28, "test_rmse", "corn").apply()
    copies = page_of(qtbot, window, "corn 29")
    qtbot.waitUntil(lambda: "Thinned" in copies.words.text())
    assert "catalog/archives/pipeline" in copies.words.text() and "Archived" not in copies.words.text()
    mark = window.details._head.copies
    assert (mark.text(), mark.isHidden(), mark.toolTip()) == ("thinned", False, copies.words.text())
    copies.back.click()
    plan = shown(qtbot, window, PlanDialog)
    assert plan.table.rowCount() == 1
    assert "1 pipeline brought back" in agree(qtbot, window)
    qtbot.waitUntil(lambda: copies.back.isHidden())
    assert "Archived: the whole pipeline." in copies.words.text()
    other = page_of(qtbot, window, "corn 28")
    assert "Thinned" in other.words.text() and not other.back.isHidden()


def test_nothing_is_archived_or_thinned_where_nothing_can_be_written(qtbot, open_window, root):
    with Workspace.open(root) as other:
        other.plan_thin(29, "test_rmse", "corn").apply()
    window = open_window(root, read_only=True)
    copies = page_of(qtbot, window, "corn 29")
    commands = window.commands
    assert not window.pipelines.archive.isEnabled() and "reading only" in window.pipelines.archive.toolTip()
    why = {offer.text: offer.why_not for offer in commands.offers()}
    assert why["Make room"] == why["Bring back what was thinned"] == "The workspace is read only"
    for button in (*window.health.storage.buttons, copies.back):
        assert not button.isEnabled() and "reading only" in button.toolTip()
    assert copies.open.isEnabled()


def test_archiving_needs_a_selection(window):
    assert not window.pipelines.archive.isEnabled()
    assert "Select a pipeline or a run first." in window.pipelines.archive.toolTip()
