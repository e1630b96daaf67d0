"""What may come next in a query is offered while one types, and is never in the way."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QToolButton, QToolTip

from tests.gui.test_window import focus


@pytest.fixture
def box(qtbot, window):
    focus(qtbot, window.query)
    return window.query


def type_until(qtbot, box, text, wanted):
    qtbot.keyClicks(box, text)
    qtbot.waitUntil(lambda: wanted in box.suggestions().texts())


def test_a_query_is_written_from_suggestions(qtbot, box, window):
    type_until(qtbot, box, "dataset_n", "dataset_name")
    qtbot.keyClick(box, Qt.Key.Key_Tab)
    assert box.text() == "dataset_name "
    qtbot.waitUntil(lambda: "=" in box.suggestions().texts())  # what comes next is offered at once
    type_until(qtbot, box, "= ", "'corn'")
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == "dataset_name = 'corn'"
    assert box.hasFocus()


def test_enter_runs_the_query_while_nothing_is_chosen(qtbot, box, window):
    type_until(qtbot, box, "test_r", "test_rmse")
    with qtbot.waitSignal(box.applied):
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == "test_r"
    assert box.suggestions().texts() == []


def test_arrows_go_into_the_list_only_while_it_is_open(qtbot, box):
    box.history = ["test_rmse < 2"]
    type_until(qtbot, box, "test_r", "test_rmse")
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.text() == "test_r"
    assert box.suggestions().currentIndex().row() == len(box.suggestions().texts()) - 1
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert (box.text(), box.suggestions().texts()) == ("test_r", [])
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.text() == "test_rmse < 2"


def test_ctrl_and_space_asks_for_them(qtbot, box):
    qtbot.keyClick(box, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "test_rmse" in box.suggestions().texts())
    qtbot.keyClick(box, Qt.Key.Key_Return)  # the first one is chosen already
    assert box.text().strip() == "prediction_id"


def test_a_late_answer_is_not_shown(qtbot, box, window):
    answers = []
    box.completion_wanted.connect(lambda text, at: answers.append(text))
    window.session.query(lambda workspace: workspace.catalog.complete("test_r", 6), answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    qtbot.keyClicks(box, "data")
    box.offer("test_r", answers[0])
    assert "test_rmse" not in box.suggestions().texts()


def test_what_was_offered_for_an_earlier_text_is_never_taken(qtbot, box):
    type_until(qtbot, box, "model_type ", "=")
    box.insert("= PLS")  # quicker than the answer
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Tab):
        qtbot.keyClick(box, key)
        assert (box.text(), box.hasFocus()) == ("model_type = PLS", True)
    with qtbot.waitSignal(box.applied):
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.text() == "model_type = PLS"


def test_a_mistake_is_told_once_the_list_is_gone(qtbot, box, window):
    type_until(qtbot, box, "test_rmze < 1 and test_r", "test_rmse")
    with qtbot.waitSignal(window.catalog.model.refused):
        pass  # after a pause in typing
    assert box.problem_text() == ""
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert "test_rmze" in box.problem_text()


def test_earlier_queries_and_views_are_listed_below_the_box(qtbot, box, window):
    box.history = ["test_rmse < 2", "dataset_name = 'corn'"]
    qtbot.keyClick(box, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    menu = box.findChild(QMenu)
    assert [action.text() for action in menu.actions()][:2] == box.history
    offered = menu.actions()[-1].menu().actions()
    assert [action.text() for action in offered] == [view.name for view in window.catalog.views.all()]
    with qtbot.waitSignal(window.catalog.model.listed):
        menu.actions()[1].trigger()
    with qtbot.waitSignal(menu.destroyed):
        menu.close()
    assert box.text() == "dataset_name = 'corn'" and window.catalog.model.rowCount() == 30
    window.catalog.columns.show_column("model_type", False)
    assert window.catalog.views.button.text().endswith("changed")  # the menu of views outlives the list
    assert window.catalog.views.menu.actions()[0].text() == "Best"


def test_enter_on_what_is_listed_and_ctrl_down_lead_to_the_first_row(qtbot, box, window):
    table = window.catalog.table
    with qtbot.waitSignal(window.catalog.model.listed):
        box.setText("dataset_name = 'wheat'")
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.hasFocus()
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(table.hasFocus)
    assert table.currentIndex().row() == 0
    qtbot.keyClick(table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(box.hasFocus)
    box.setText("dataset_name = 'corn' order by test_rmse desc")
    qtbot.keyClick(box, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)  # it isn't listed yet
    qtbot.waitUntil(table.hasFocus)
    assert table.currentIndex().row() == 0 and window.catalog.model.row(0)["pipeline_name"] == "corn 29"


def test_down_leads_from_a_finished_filter_to_the_first_row(qtbot, box, window):
    box.history = ["test_rmse < 2"]
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClicks(box, "dataset_name = 'wheat'")
        qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.waitUntil(window.catalog.table.hasFocus)
    assert window.catalog.table.currentIndex().row() == 0
    assert box.text() == "dataset_name = 'wheat'"


def test_walking_back_down_the_history_brings_back_what_was_typed(qtbot, box):
    box.history = ["test_rmse < 2", "dataset_name = 'corn'"]
    box.setText("stars")
    for key, shown in (
        (Qt.Key.Key_Up, "test_rmse < 2"),
        (Qt.Key.Key_Up, "dataset_name = 'corn'"),
        (Qt.Key.Key_Down, "test_rmse < 2"),
        (Qt.Key.Key_Down, "stars"),
    ):
        qtbot.keyClick(box, key)
        assert box.text() == shown
    assert box.hasFocus()


def test_half_a_condition_is_no_mistake_while_one_types(qtbot, box, window):
    with qtbot.waitSignal(window.catalog.model.refused):
        qtbot.keyClicks(box, "test_rmse <")  # the text is tried after a pause
    assert not box.property("wrong")
    below = window.centre.mapTo(window, QPoint()).y()
    qtbot.waitUntil(lambda: bool(box.property("wrong")))
    assert not box.refusal.isVisible() and box.accessibleDescription()
    assert window.centre.mapTo(window, QPoint()).y() == below
    assert QToolTip.text()
    qtbot.keyClicks(box, " 2 and")
    assert not box.property("wrong")
    qtbot.waitUntil(lambda: not QToolTip.text())
    with qtbot.waitSignal(window.catalog.model.refused):
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.property("wrong")


def test_what_is_wrong_is_told_once_one_goes_elsewhere_and_goes_with_the_workspace(qtbot, box, window):
    with qtbot.waitSignal(window.catalog.model.refused):
        qtbot.keyClicks(box, "test_rmze < 1 ")
    qtbot.waitUntil(lambda: bool(box.property("wrong")))
    window.catalog.table.setFocus()
    assert "test_rmze" in box.problem_text()
    buttons = [one for one in box.findChildren(QToolButton) if one.property("opacity") is not None]
    opaque = sum(one.property("opacity") > 0 for one in buttons)
    window.commands.close.trigger()
    qtbot.waitUntil(lambda: window.session.workspace is None)
    assert box.text() == "" and not box.refusal.isVisible()
    qtbot.waitUntil(lambda: sum(one.property("opacity") > 0 for one in buttons) == opaque - 1)  # nothing to clear
