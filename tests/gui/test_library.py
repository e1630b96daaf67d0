"""The library: what was kept is found, described, run again and taken away; what is dropped on it is kept."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton

from gui.dialogs.keep import KeepDialog
from gui.dialogs.new_run import NewRunDialog
from gui.dragging import MIME, Carried, pack, unpack
from gui.kept import KINDS
from gui.models.library import LibraryModel, column_number
from gui.selection import Picked
from storage import Workspace, load_dataset
from tests.gui.samples import write_config, write_data
from tests.gui.test_tree import click, opened, run_of_or_none
from tests.gui.test_window import focus

KEEPING = """
import sys
from storage import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    workspace.library.save_template({"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}, sys.argv[2])
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A workspace with three real ridge regressions on barley, made once; tests get copies."""
    folder = tmp_path_factory.mktemp("trained")
    with Workspace.create(folder / "workspace") as workspace:
        data = load_dataset(write_data(folder), ["protein"], id_column="sample_id")
        workspace.run_batch(data, [write_config(folder, 3)], run_name="first", charts=False)
    return folder / "workspace"


@pytest.fixture
def root(trained, tmp_path) -> Path:
    return shutil.copytree(trained, tmp_path / "workspace")


@pytest.fixture
def pipelines(root) -> list[Picked]:
    with Workspace.open(root) as other:
        (run,) = other.runs()
        return [Picked(row.run_id, row.pipeline_id, row.prediction_id) for row in other.pipelines(run.run_id)]


def names(window, kind: str) -> list[str]:
    return [item.name for item in window.library.pages[kind].model.items]


def drag(window, mime: QMimeData, at: QPoint) -> bool:
    """Drag something over the library and drop it at a place, as Qt would; returns whether it was taken."""
    buttons = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(at, *buttons)
    QApplication.sendEvent(window.library, enter)
    move = QDragMoveEvent(at, *buttons)
    QApplication.sendEvent(window.library, move)
    if not (enter.isAccepted() and move.isAccepted()):
        return False
    drop = QDropEvent(QPointF(at), *buttons)
    QApplication.sendEvent(window.library, drop)
    return drop.isAccepted()


def tab_place(window, kind: str) -> QPoint:
    bar = window.library.tabs.tabBar()
    return bar.mapTo(window.library, bar.tabRect(KINDS.index(kind)).center())


def kept(root, kind: str) -> list[str]:
    with Workspace.open(root, read_only=True) as other:
        return [item.name for item in other.library.list(kind)]


@pytest.fixture
def shelf(qtbot, root, pipelines, open_window):
    """A window on a library with a template, a pipeline and a full run."""
    with Workspace.open(root) as other:
        first = pipelines[0]
        other.library.save_template((first.run_id, first.pipeline_id), "start", "for the first look", ("nir",))
        other.library.save_pipeline(first.run_id, first.pipeline_id, "the best")
        other.library.save_fullrun(first.run_id, "all of barley")
    window = open_window(root)
    qtbot.waitUntil(lambda: names(window, "fullrun") == ["all of barley"])
    window.library.show_item("template", "start")
    return window


def test_going_to_the_library_goes_to_what_is_kept(shelf):
    shelf.show_pane(1)
    shelf.show_pane(5)
    assert shelf.focusWidget() is shelf.library.pages["template"].table


# --- keeping by drag ---


def test_a_drag_from_the_tree_onto_a_tab_keeps_a_copy_of_that_kind(qtbot, window, root, pipelines):
    run = opened(qtbot, window, "barley")
    click(qtbot, window, window.tree.model.index(0, 0, run))
    mime = window.tree.model.mimeData(window.tree.tree.selectionModel().selectedIndexes())
    assert drag(window, mime, tab_place(window, "pipeline"))
    qtbot.waitUntil(lambda: len(names(window, "pipeline")) == 1)
    (name,) = kept(root, "pipeline")
    assert f"as {name}" in window.notice.text()
    assert window.library.pages["pipeline"].current().name == name
    shutil.rmtree(root / "runs" / run_of_or_none(window, "barley").folder)
    with Workspace.open(root) as other:
        assert other.library.verify("pipeline", name) == []  # a copy needs no run
    window.notice._act.click()
    qtbot.waitUntil(lambda: names(window, "pipeline") == [])


def test_a_tab_is_shown_only_once_something_is_held_over_its_title(qtbot, window, root, pipelines):
    library, mime = window.library, pack(Carried(root, tuple(pipelines[:1])))
    buttons = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    library.tabs.setCurrentIndex(KINDS.index("template"))
    QApplication.sendEvent(library, QDragEnterEvent(tab_place(window, "pipeline"), *buttons))
    QApplication.sendEvent(library, QDragMoveEvent(tab_place(window, "pipeline"), *buttons))
    QApplication.sendEvent(library, QDragMoveEvent(library.rect().center(), *buttons))
    assert library.tabs.currentIndex() == KINDS.index("template") and not library._hovering.isActive()
    QApplication.sendEvent(library, QDragMoveEvent(tab_place(window, "pipeline"), *buttons))
    qtbot.waitUntil(lambda: library.tabs.currentIndex() == KINDS.index("pipeline"))


def test_a_run_becomes_a_full_run_and_is_refused_on_other_tabs(qtbot, window, root, pipelines):
    mime = pack(Carried(root, runs=(pipelines[0].run_id,)))
    assert not drag(window, mime, tab_place(window, "template"))
    assert drag(window, mime, window.library.rect().center())
    qtbot.waitUntil(lambda: names(window, "fullrun") == ["barley first"])
    assert window.library.tabs.currentIndex() == KINDS.index("fullrun")


@pytest.mark.parametrize("selected", [0, 1])
def test_rows_of_the_table_are_dragged_whether_they_were_selected_or_not(qtbot, window, selected):
    table = window.catalog.table
    places = [table.visualRect(window.catalog.model.index(row, 1)).center() for row in (0, 1)]
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=places[selected])
    dragged = []
    table.drag_wanted.disconnect()
    table.drag_wanted.connect(lambda: dragged.append(window.pipelines.carried()))
    qtbot.mousePress(table.viewport(), Qt.MouseButton.LeftButton, pos=places[0])
    qtbot.mouseMove(table.viewport(), places[0] + QPoint(0, 40))
    qtbot.mouseRelease(table.viewport(), Qt.MouseButton.LeftButton, pos=places[1])
    (carried,) = dragged
    again = unpack(pack(carried), carried.root)
    assert [one.prediction_id for one in again.pipelines] == [window.catalog.model.row(0)["prediction_id"]]
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=places[1])
    assert table.chosen.rows().rows(9) == [1]


def test_what_is_not_ours_or_of_another_workspace_is_not_taken(window, tmp_path):
    strange = QMimeData()
    strange.setData(MIME, b"[1")
    foreign = pack(Carried(tmp_path / "elsewhere", (Picked("a", "b", "c"),)))
    for mime in (strange, foreign, QMimeData()):
        assert not drag(window, mime, window.library.rect().center())


# --- finding and changing ---


def test_words_are_looked_for_on_all_tabs_and_enter_goes_where_they_are(qtbot, shelf):
    focus(qtbot, shelf.library.filter)
    shelf.library.filter.setText("BEST")
    qtbot.waitUntil(lambda: names(shelf, "template") == [] and names(shelf, "fullrun") == [])
    qtbot.keyClick(shelf.library.filter, Qt.Key.Key_Return)
    assert shelf.library.tabs.currentIndex() == KINDS.index("pipeline")
    assert shelf.library.pages["pipeline"].current().name == "the best"


def test_a_template_that_is_used_is_listed_once_and_chosen(qtbot, shelf):
    shelf.library.items.use.trigger()
    qtbot.waitUntil(lambda: shelf.findChild(NewRunDialog) is not None)
    choice = shelf.findChild(NewRunDialog).pipelines
    qtbot.waitUntil(lambda: not choice._groups["library"].isHidden())
    qtbot.waitUntil(lambda: all(source.found is not None for _, source in choice._items()))
    lines = [(item.parent(), item.checkState(0)) for item, source in choice._items() if source.title == "start"]
    assert lines == [(choice._groups["library"], Qt.CheckState.Checked)]
    assert [group for group, item in choice._groups.items() if not item.isHidden()] == ["library", "shipped"]
    assert choice.count == 1
    assert choice.tree.currentItem().text(0) == "start"
    assert "1 pipeline" in choice._details.toPlainText() and "Ridge" in choice._details.toPlainText()


def test_name_tags_and_description_are_written_in_their_cells(qtbot, shelf, root):
    page = shelf.library.pages["template"]
    for column, text in (("description", "for Monday"), ("tags", "nir, raw"), ("name", "begin")):
        page.write(column)
        box = page.table.findChild(QLineEdit)
        box.setText(text)
        qtbot.keyClick(box, Qt.Key.Key_Return)
        cell = lambda column=column: page.model.index(0, column_number(column)).data()  # noqa: E731
        qtbot.waitUntil(lambda cell=cell, text=text: cell() == text)
    with Workspace.open(root) as other:
        (item,) = other.library.list("template")
    assert (item.name, item.description, item.tags) == ("begin", "for Monday", ("nir", "raw"))
    qtbot.waitUntil(lambda: page.current() is not None and page.current().name == "begin")
    shelf.commands.undo.trigger()
    qtbot.waitUntil(lambda: names(shelf, "template") == ["start"])


def test_a_name_that_cannot_be_is_told_and_nothing_changes(qtbot, shelf, problems):
    page = shelf.library.pages["template"]
    page.model.setData(page.model.index(0, 0), "a/b")
    qtbot.waitUntil(lambda: bool(problems))
    assert "'/'" in problems[0].what
    assert names(shelf, "template") == ["start"]


def test_del_moves_to_the_trash_and_undo_brings_it_back(qtbot, shelf, root):
    table = shelf.library.pages["template"].table
    focus(qtbot, table)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: names(shelf, "template") == [])
    assert kept(root, "template") == []
    assert shelf.library.pages["template"].empty.isVisible()
    shelf.notice._act.click()
    qtbot.waitUntil(lambda: names(shelf, "template") == ["start"])


def test_what_another_program_keeps_appears_by_itself(qtbot, shelf, root):
    subprocess.run([sys.executable, "-c", KEEPING, str(root), "from outside"], check=True)
    qtbot.waitUntil(lambda: names(shelf, "template") == ["from outside", "start"], timeout=4000)
    assert shelf.library.pages["template"].current().name == "start"


def test_a_damaged_item_is_shown_with_its_reason_and_the_others_work(qtbot, shelf, root):
    (root / "library" / "trained" / "pipeline" / "the best" / "library_metadata.json").write_text("{", "utf-8")
    model = shelf.library.pages["pipeline"].model
    qtbot.waitUntil(lambda: bool(model.items[0].problem), timeout=4000)
    assert "damaged" in model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    shelf.library.show_item("pipeline", "the best")
    assert "library_metadata.json" in shelf.library._words.whole()
    assert not shelf.library.items.use.isEnabled() and shelf.library.items.delete.isEnabled()
    shelf.library.show_item("template", "start")
    assert shelf.library.items.use.isEnabled()


# --- using and taking away ---


@pytest.mark.parametrize(("kind", "name", "count"), [("template", "start", 1), ("fullrun", "all of barley", 3)])
def test_an_item_is_loaded_into_a_new_run(qtbot, shelf, kind, name, count):
    shelf.library.show_item(kind, name)
    shelf.library.pages[kind].table.setFocus()
    shelf.library.pages[kind].table.enter_wanted.emit()
    qtbot.waitUntil(lambda: shelf.findChild(NewRunDialog) is not None)
    dialog = shelf.findChild(NewRunDialog)
    qtbot.waitUntil(lambda: dialog.pipelines.missing() == "" and dialog.pipelines.count == count)
    answer = dialog.pipelines.answer()
    configs = answer["configs"] or [json.loads(path.read_text("utf-8")) for path in answer["pipelines"]]
    assert len(configs) == count and configs[0]["steps"][-1]["class"].endswith("Ridge")
    dialog.reject()


def test_the_kind_of_the_tab_is_proposed_for_keeping(qtbot, window):
    window.catalog.table.selectRow(0)
    for kind, place in (("template", 0), ("fullrun", 3)):
        window.library._keep_buttons[place].click()
        qtbot.waitUntil(lambda: window.findChild(KeepDialog) is not None)
        dialog = window.findChild(KeepDialog)
        assert dialog.kind == kind
        dialog.reject()
        qtbot.waitUntil(lambda: window.findChild(KeepDialog) is None)


def test_the_kind_of_the_tab_is_proposed_where_the_keyboard_is_in_it(qtbot, window):
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.pipelines.keep.isEnabled())
    for place, kind in ((window.library.tabs.tabBar(), "template"), (window.catalog.table, "pipeline")):
        focus(qtbot, place)
        window.pipelines.keep.trigger()
        qtbot.waitUntil(lambda: window.findChild(KeepDialog) is not None)
        dialog = window.findChild(KeepDialog)
        assert dialog.kind == kind
        dialog.reject()
        qtbot.waitUntil(lambda: window.findChild(KeepDialog) is None)


def test_the_fields_of_the_question_what_to_keep_are_below_each_other(qtbot, window):
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.pipelines.keep.isEnabled())
    window.pipelines.keep.trigger()
    qtbot.waitUntil(lambda: window.findChild(KeepDialog) is not None)
    dialog = window.findChild(KeepDialog)
    qtbot.waitUntil(dialog.edits[0].isVisible)
    places = [
        (edit.mapTo(dialog, edit.rect().topLeft()).x(), edit.mapTo(dialog, edit.rect().bottomRight()).x())
        for edit in (dialog.edits[0], dialog.description, dialog.tags)
    ]
    assert len(set(places)) == 1
    assert all(button.text().count(":") == 1 for button in dialog._kinds.buttons())
    dialog.close()


def test_the_source_of_an_item_is_selected(qtbot, shelf, pipelines, root):
    shelf.library.items.source.trigger()
    qtbot.waitUntil(lambda: shelf.selection.current == pipelines[0])
    shelf.library.show_item("fullrun", "all of barley")
    shelf.library.items.source.trigger()
    qtbot.waitUntil(lambda: shelf.tree.selected_runs() == [pipelines[0].run_id])


def test_an_item_goes_out_as_zip_and_comes_back_by_drop(qtbot, shelf, root, tmp_path):
    item = shelf.library.pages["template"].current()
    with qtbot.waitSignal(shelf.jobs.ended):
        shelf.library.items.pack_item(item, tmp_path / "start")
    assert str(tmp_path / "start.zip") in shelf.notice.text()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "start.zip"))])
    with qtbot.waitSignal(shelf.jobs.ended) as ended:
        assert drag(shelf, mime, shelf.library.rect().center())
    assert ended.args[0].state == "completed"
    qtbot.waitUntil(lambda: len(names(shelf, "template")) == 2)
    assert shelf.library.pages["template"].current().name != "start"


def test_the_model_keeps_the_rules_of_qt_whatever_comes_and_goes(qtbot, shelf):
    model = LibraryModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    items = list(shelf.library._items)
    for some in (items, items[1:], [], items[::-1], items[:1]):
        model.put(some)
        assert sorted(item.name for item in model.items) == sorted(item.name for item in some)
    model.put(items)
    model.sort(column_number("bytes"), Qt.SortOrder.DescendingOrder)
    assert [item.kind for item in model.items] == ["fullrun", "pipeline", "template"]
    assert tester.model() is model


def test_a_window_that_starts_without_a_workspace_asks_for_nothing_to_be_kept(open_window):
    library = open_window().library
    assert all("No workspace is open" in page.empty.text() for page in library.pages.values())
    assert not any(button.isVisible() for button in library.findChildren(QPushButton))
