"""The actions on pipelines and runs, from the tree, the table and the menus."""

import pandas as pd
import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from gui import deleting
from gui.dialogs.keep import KeepDialog
from gui.dialogs.plan_preview import PlanDialog
from gui.models.run_groups import run_in_words
from gui.selection import Picked, Selection
from storage import Workspace
from tests.gui.test_annotating import marks
from tests.gui.test_tree import click, opened, run_of_or_none
from tests.gui.test_window import Opener, apply_filter, focus


@pytest.fixture
def corn(qtbot, window):
    """The run of corn is unfolded, the keyboard in the tree."""
    run = opened(qtbot, window, "corn")
    focus(qtbot, window.tree.tree)
    return run


def pick(qtbot, window, run, *places: int) -> None:
    modifier = Qt.KeyboardModifier.NoModifier
    for place in places:
        click(qtbot, window, window.tree.model.index(place, 0, run), modifier)
        modifier = Qt.KeyboardModifier.ControlModifier


def pipelines_of(root, run_id: str) -> int:
    with Workspace.open(root, read_only=True) as other:
        return other.count_pipelines(run_id)


def trash_of(root) -> list[str]:
    with Workspace.open(root) as other:
        return [entry.kind for entry in other.trash.list()]


# --- tags, notes and stars from the tree ---


def test_what_the_table_does_not_list_is_tagged_and_starred_from_the_tree(qtbot, window, corn, root):
    apply_filter(qtbot, window, "dataset_name = 'wheat'")
    pick(qtbot, window, corn, 1, 3)
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_T)
    dialog = window.catalog.findChild(QLineEdit, "tagEdit")
    dialog.setText("final")
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    focus(qtbot, window.tree.tree)
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_S)
    assert [marks(root, f"corn {n}")[0::2] for n in (1, 2, 3)] == [("final", 1), (None, None), ("final", 1)]
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_S)
    assert marks(root, "corn 3")[2] is None


def test_notes_of_a_pipeline_not_listed_are_shown_to_be_changed(qtbot, window, corn, root):
    with Workspace.open(root) as other:
        other.catalog.annotate(other.catalog.ids("pipeline_name = 'corn 2'"), notes="look again")
    apply_filter(qtbot, window, "dataset_name = 'wheat'")
    pick(qtbot, window, corn, 2)
    dialog = window.catalog.annotating.ask_notes()
    qtbot.waitUntil(lambda: dialog.text() == "look again")
    dialog.close()


# --- deleting and undoing ---


def test_del_on_a_run_moves_its_folder_to_the_trash_and_undo_brings_it_back(qtbot, window, corn, root):
    known = run_of_or_none(window, "corn")
    click(qtbot, window, corn)
    with qtbot.waitSignals([window.session.changed, window.tree.model.listed]):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_Delete)
    assert run_of_or_none(window, "corn") is None
    assert trash_of(root) == ["run"]
    assert f"{run_in_words(known)} moved to the trash" in window.notice.text() and "corn" in window.notice.text()
    with qtbot.waitSignals([window.session.changed, window.tree.model.listed]):
        window.notice._act.click()
    assert run_of_or_none(window, "corn").run_id == known.run_id
    assert pipelines_of(root, known.run_id) == 30


def test_del_in_the_table_deletes_results_and_leaves_the_folders(qtbot, window, root):
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 1.25")
    focus(qtbot, window.catalog.table)
    window.catalog.table.selectAll()
    with qtbot.waitSignals([window.session.changed, window.catalog.model.listed]):
        qtbot.keyClick(window.catalog.table, Qt.Key.Key_Delete)
    assert "3 results moved to the trash" in window.notice.text()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 0)
    assert pipelines_of(root, run_of_or_none(window, "corn").run_id) == 30
    with qtbot.waitSignals([window.session.changed, window.catalog.model.listed]):
        window.commands.undo.trigger()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 3)


def test_results_that_were_deleted_are_selected_nowhere_any_more_and_the_next_one_is(qtbot, window):
    table, several = window.catalog.table, window.details._differences
    apply_filter(qtbot, window, "dataset_name = 'corn'")

    def name_of(row: int) -> str:
        return window.catalog.model.row(row)["pipeline_name"]

    table.selectRow(1)
    focus(qtbot, table)
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: several.isVisible() and window.tasks.idle)
    chosen = [*map(name_of, table.chosen.rows().rows(9))]
    assert chosen == ["corn 1", "corn 2"]
    with qtbot.waitSignals([window.session.changed, window.catalog.model.listed]):
        qtbot.keyClick(table, Qt.Key.Key_Delete)
    qtbot.waitUntil(several.isHidden)
    assert [*map(name_of, table.chosen.rows().rows(9))] == ["corn 3"] and table.currentIndex().row() == 1
    assert window.selection.chosen == (window.selection.current,) and window.selection.chosen_total == 1
    qtbot.waitUntil(lambda: window.tasks.idle)
    assert window.details.details.pipeline_id == window.selection.current.pipeline_id
    window.commands.undo.trigger()  # what comes back is selected again
    qtbot.waitUntil(lambda: several.isVisible() and [*map(name_of, table.chosen.rows().rows(9))] == chosen)


def test_what_is_left_of_the_selected_ones_stays_selected():
    one, two, three = (Picked("run", f"000{n}", f"id {n}") for n in (1, 2, 3))
    selection = Selection()
    selection.choose([one, two, three])
    selection.pick(three)
    selection.drop({"id 1", "id 3"})
    assert (selection.current, selection.chosen, selection.chosen_total) == (two, (two,), 1)
    selection.choose([one, two], 5000)
    selection.drop({"id 1"})
    assert (selection.chosen, selection.chosen_total) == ((two,), 4999)


def test_several_runs_are_shown_before_they_are_deleted(qtbot, window, root):
    for dataset in ("corn", "wheat"):
        modifier = Qt.KeyboardModifier.ControlModifier
        click(qtbot, window, window.tree.model.run_index(run_of_or_none(window, dataset).run_id), modifier)
    assert len(window.tree.selected_runs()) == 2
    window.pipelines.delete_folder.trigger()
    qtbot.waitUntil(lambda: window.findChild(PlanDialog) is not None)
    dialog = window.findChild(PlanDialog)
    assert len(window.tree.model.tree.known) == 2
    with qtbot.waitSignals([window.session.changed, window.tree.model.listed]):
        dialog.act.click()
    assert window.tree.model.tree.known == ()
    with qtbot.waitSignals([window.session.changed, window.tree.model.listed]):
        window.commands.undo.trigger()
    assert len(window.tree.model.tree.known) == 2


def test_many_results_are_deleted_as_a_job(qtbot, window, monkeypatch):
    monkeypatch.setattr(deleting, "MOST_RESULTS", 5)
    monkeypatch.setattr(deleting, "MOST_WAITED_FOR", 5)
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    window.catalog.table.selectAll()
    window.pipelines.delete_results.trigger()
    qtbot.waitUntil(lambda: window.findChild(PlanDialog) is not None)
    with qtbot.waitSignal(window.jobs.ended) as ended:
        window.findChild(PlanDialog).act.click()
    assert "30 results moved to the trash" in ended.args[0].outcome
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 0)
    window.commands.undo.trigger()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 30)


# --- taking away and keeping ---


def test_the_best_model_and_its_predictions_are_taken_away_as_files(qtbot, window, corn, tmp_path):
    pick(qtbot, window, corn, 0)
    dialog = window.pipelines.ask_export()
    assert dialog.takes_pipelines
    dialog.put_folder(tmp_path / "away")
    dialog.accept()
    qtbot.waitUntil(lambda: dialog._export.text() == "Create it and export")
    with qtbot.waitSignal(window.jobs.ended) as ended:
        dialog.accept()
    job = ended.args[0]
    assert job.state == "completed"
    (folder,) = (tmp_path / "away").iterdir()
    assert window.notice.text() == f"Exported 1 pipeline to {folder}"
    assert pd.read_csv(folder / "predictions.csv")["y_pred"].tolist() == [2.0, 2.0, 3.0]
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        window.notice._act.click()
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert opener.opened == [str(tmp_path / "away")]
    focus(qtbot, window.catalog.table)
    again = window.catalog.rows.ask_export()
    assert again.takes_pipelines and again.folder() == tmp_path / "away"
    again.put_folder(tmp_path / "away")
    with qtbot.waitSignal(window.jobs.ended) as ended:
        again.accept()
    assert ended.args[0].state == "failed" and "is there already" in ended.args[0].outcome


def test_k_keeps_pipelines_under_names_that_are_checked_while_typing(qtbot, window, corn, root):
    pick(qtbot, window, corn, 0, 1)
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: window.findChild(KeepDialog) is not None)
    dialog = window.findChild(KeepDialog)
    assert [edit.text() for edit in dialog.edits] == ["corn 0", "corn 1"]
    dialog.choose("filtered")
    dialog.edits[1].setText("corn 0")
    assert "twice" in dialog.problem_text() and not dialog._keep.isEnabled()
    dialog.edits[1].setText("a/b")
    assert "'/'" in dialog.problem_text()
    dialog.edits[1].setText("second")
    dialog.description.setPlainText("a good start")
    dialog.tags.setText("nir, final")
    with qtbot.waitSignal(window.session.changed):
        dialog.accept()
    with Workspace.open(root) as other:
        items = other.library.list("filtered")
    assert [(item.name, item.description, item.tags) for item in items] == [
        ("corn 0", "a good start", ("nir", "final")), ("second", "a good start", ("nir", "final")),
    ]  # fmt: skip
    with qtbot.waitSignal(window.session.changed):
        window.commands.undo.trigger()
    with Workspace.open(root) as other:
        assert other.library.list() == []


# --- the rest ---


def test_names_and_ids_are_copied_and_folders_opened(qtbot, window, corn, root):
    pick(qtbot, window, corn, 2, 5)
    window.pipelines.copy_name.trigger()
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == "corn 2\ncorn 5")
    window.pipelines.copy_id.trigger()
    assert [text[:4] for text in QGuiApplication.clipboard().text().split()] == ["0003", "0006"]
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        window.pipelines.open_folder.trigger()
        qtbot.waitUntil(lambda: bool(opener.opened))
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert QUrl.fromLocalFile(opener.opened[0]).fileName().startswith("0006")


def test_from_the_table_to_the_tree_and_back(qtbot, window):
    apply_filter(qtbot, window, "pipeline_name = 'wheat 4'")
    window.catalog.table.selectRow(0)
    window.tree.filter.setText("corn")
    qtbot.waitUntil(lambda: len(window.tree.model.tree.homes) == 1)
    window.pipelines.show_in_tree.trigger()
    view = window.tree.tree
    qtbot.waitUntil(lambda: view.currentIndex().isValid() and view.currentIndex().data() == "0005  wheat 4")
    with qtbot.waitSignal(window.catalog.model.listed):
        window.pipelines.show_in_catalog.trigger()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 11)


def test_actions_say_why_they_can_do_nothing(qtbot, window, corn):
    pipelines = window.pipelines
    click(qtbot, window, corn)
    assert pipelines.compare.toolTip().endswith("Select a pipeline first.")
    assert not pipelines.compare.isEnabled() and pipelines.delete_folder.isEnabled()
    assert not pipelines.rerun.isEnabled() and "failed" in pipelines.rerun.toolTip()
    click(qtbot, window, window.tree.model.run_index(run_of_or_none(window, "wheat").run_id))
    assert pipelines.rerun.isEnabled()
    assert any(action is pipelines.keep for _, action in window.commands.in_menus())


def test_the_menu_of_the_tree_has_what_the_menus_have(qtbot, window, corn):
    pick(qtbot, window, corn, 0)
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_Menu)
    window.tree._show_menu(window.tree.tree.viewport().rect().bottomLeft())
    menu = window.tree.findChild(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)
    shown = {action for action in menu.actions() if action.text()}
    assert shown <= {action for _, action in window.commands.in_menus()}
    assert window.pipelines.compare in shown
    menu.close()


def test_the_menu_of_a_group_of_runs_has_only_what_can_be_done_with_it(qtbot, window):
    tree, model = window.tree.tree, window.tree.model

    def menu_of(by):
        window.tree.orders[by].trigger()
        qtbot.waitUntil(lambda: model.node(model.index(0, 0)).row.by == by)
        click(qtbot, window, model.index(0, 0))
        qtbot.keyClick(tree, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
        return QApplication.activePopupWidget()

    menu = menu_of("date")
    (fold,) = menu.actions()
    assert tree.isExpanded(tree.currentIndex()) == (fold.text() == "&Collapse")
    before = tree.isExpanded(tree.currentIndex())
    fold.trigger()
    assert tree.isExpanded(tree.currentIndex()) is not before
    menu.close()
    menu = menu_of("dataset")
    assert window.pipelines.report_dataset in menu.actions() and all(one.isEnabled() for one in menu.actions())
    menu.close()


@pytest.mark.parametrize("key", ["Menu", "Shift+F10"])
def test_the_key_of_the_menu_means_the_current_row(qtbot, window, corn, key):
    """Qt tells of it where that row is below the header, as if there were none."""

    def press(view):
        if key == "Menu":  # as the window system does
            at = view.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle).center()
            QApplication.sendEvent(view, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, view.mapToGlobal(at)))
        else:
            qtbot.keyClick(view, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)

    tree = window.tree.tree
    click(qtbot, window, corn)
    tree.expand(tree.currentIndex())
    before = tree.currentIndex()
    with qtbot.waitSignal(window.tree.menu_wanted) as asked:
        press(tree)
    assert tree.currentIndex() == before
    assert tree.indexAt(tree.viewport().mapFromGlobal(asked.args[0])) == before
    QApplication.activePopupWidget().close()
    table = window.catalog.table
    column = window.catalog.model.column("pipeline_name")
    table.setCurrentIndex(window.catalog.model.index(1, column))
    name = table.currentIndex().data()
    press(table)
    menu = QApplication.activePopupWidget()
    assert any(f"pipeline_name = '{name}'" in action.text() for action in menu.actions())
    menu.close()


def test_keys_go_to_a_number_without_its_zeros_and_press_the_button_they_are_on(qtbot, window, corn):
    tree = window.tree.tree
    click(qtbot, window, corn)
    tree.expand(tree.currentIndex())
    qtbot.keyClicks(tree, "3")
    assert tree.currentIndex().data().startswith("0003")
    window.show_pane(6)
    check = window.health.findings._begin
    focus(qtbot, check)
    with qtbot.waitSignal(window.jobs.began):
        qtbot.keyClick(check, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.health.findings.report is not None)
    assert window.focusWidget() is window.health.findings.first  # and not what comes after a button that went


def test_nothing_can_be_changed_in_a_workspace_for_reading_only(open_window, root):
    window = open_window(root, read_only=True)
    window.catalog.table.selectRow(0)
    pipelines = window.pipelines
    for action in (pipelines.delete_folder, pipelines.delete_results, pipelines.keep, pipelines.run_again):
        assert not action.isEnabled() and "reading only" in action.toolTip()
    assert pipelines.compare.isEnabled() and window.catalog.rows.export.isEnabled()
