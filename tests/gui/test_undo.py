"""One way back for the whole window: what was done last, in whatever pane, is taken back first."""

from PySide6.QtCore import Qt

from gui import undo
from gui.undo import Undo
from storage import Workspace
from tests.gui.test_annotating import marks
from tests.gui.test_tree import click, opened
from tests.gui.test_window import focus


def test_the_last_deed_goes_first_and_each_only_once():
    taken: list[str] = []
    said: list[str] = []
    deeds = Undo()
    deeds.said.connect(said.append)
    first = deeds.push("first", lambda: taken.append("first"))
    deeds.push("second", lambda: taken.append("second"))
    assert deeds.next_text() == "second"
    deeds.take_back()
    deeds.take_back(first)
    deeds.take_back(first)
    assert taken == ["second", "first"]
    assert said == ["There is nothing to undo."]


def test_of_very_many_deeds_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(undo, "KEPT", 3)
    taken: list[int] = []
    deeds = Undo()
    for number in range(5):
        deeds.push(str(number), lambda number=number: taken.append(number))
    for _ in range(5):
        deeds.take_back()
    assert taken == [4, 3, 2]


def test_ctrl_z_takes_back_deeds_of_different_panes_in_turn(qtbot, window, root):
    run = opened(qtbot, window, "corn")
    click(qtbot, window, window.tree.model.index(0, 0, run))
    focus(qtbot, window.tree.tree)
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_S)
    assert marks(root, "corn 0")[2] == 1
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: window.tree.model.rowCount(run) == 29)
    assert "moved to the trash" in window.commands.undo.toolTip()
    qtbot.keyClick(window.tree.tree, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.tree.model.rowCount(run) == 30)
    assert marks(root, "corn 0")[2] == 1
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert marks(root, "corn 0")[2] is None


def test_another_workspace_begins_with_nothing_to_undo(qtbot, window, tmp_path):
    window.undo.push("something", lambda: None)
    Workspace.create(tmp_path / "other").close()
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(tmp_path / "other")
    assert window.undo.next_text() == ""
