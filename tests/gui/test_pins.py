"""Pinned columns stay at the left, and everything works on them as on any other."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit

from gui.panes.column_chooser import ColumnChooser
from tests.gui.test_window import focus


@pytest.fixture
def table(qtbot, window):
    """The table, narrow and scrolled sideways."""
    for key in ("config_hash", "run_id", "tags", "notes"):
        window.catalog.columns.show_column(key, True)
    scroll(qtbot, window, 300)
    return window.catalog.table


def scroll(qtbot, window, value):
    bar = window.catalog.table.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() >= value)
    bar.setValue(value)


def cell(window, row, key):
    return window.catalog.model.index(row, window.catalog.model.column(key))


def pixels(window, index):
    table = window.catalog.table
    return table.viewport().grab(table.visualRect(index)).toImage()


def test_the_name_of_the_pipeline_stays_while_the_rest_is_scrolled(qtbot, window):
    bar = window.catalog.table.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    index = cell(window, 3, "pipeline_name")
    before = pixels(window, index)
    bar.setValue(bar.maximum())
    assert bar.value() > 0 and window.catalog.table.pins.active
    assert window.catalog.table.visualRect(index).left() == 0
    edge = window.catalog.table.visualRect(index).right()
    after = pixels(window, index)
    inner = before.rect().adjusted(0, 0, -4, 0)  # the line at the edge is there only when scrolled
    assert after.copy(inner) == before.copy(inner)
    assert window.catalog.table.indexAt(QPoint(edge - 5, 5)).column() == index.column()


def test_a_click_on_a_pinned_cell_selects_its_row_and_scrolls_nothing(qtbot, window, table):
    at = table.visualRect(cell(window, 4, "pipeline_name")).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert table.chosen.rows().rows(9) == [4]
    assert table.currentIndex() == cell(window, 4, "pipeline_name")
    assert window.selection.current.prediction_id == window.catalog.model.row(4)["prediction_id"]
    assert table.horizontalScrollBar().value() == 300


def test_a_cell_one_walks_to_is_never_below_the_pinned_ones(qtbot, window, table):
    focus(qtbot, table)
    table.setCurrentIndex(cell(window, 0, "created_at"))
    while table.currentIndex() != cell(window, 0, "status"):
        qtbot.keyClick(table, Qt.Key.Key_Left)
        rect = table.visualRect(table.currentIndex())
        assert rect.left() >= (table.pins.width() if table.pins.active else 0)


def test_pinned_tags_are_edited_in_place_and_undone(qtbot, window, table):
    window.catalog.columns.pin("tags", True)
    scroll(qtbot, window, 300)
    assert table.pins.places == (window.catalog.model.column("pipeline_name"), window.catalog.model.column("tags"))
    focus(qtbot, table)
    table.setCurrentIndex(cell(window, 2, "tags"))
    qtbot.keyClick(table, Qt.Key.Key_F2)
    editor = table.viewport().findChild(QLineEdit)
    assert table.is_editing() and table.visualRect(cell(window, 2, "tags")).contains(editor.geometry())
    name = window.catalog.model.row(2)["pipeline_name"]
    qtbot.keyClicks(editor, "final")
    with qtbot.waitSignal(window.session.changed):
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: cell(window, 2, "tags").data() == "final")
    assert window.catalog.model.row(2)["pipeline_name"] == name
    with qtbot.waitSignal(window.session.changed):
        window.notice._act.click()
    qtbot.waitUntil(lambda: cell(window, 2, "tags").data() == "–")


def test_a_click_on_a_pinned_title_sorts(qtbot, window, table):
    titles = table.pins.over
    assert titles.isVisible()
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.mouseClick(titles.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(30, titles.height() // 2))
    assert window.catalog.model.listing.view.order == "pipeline_name"
    titles.resizeSection(window.catalog.model.column("pipeline_name"), 210)
    assert table.columnWidth(window.catalog.model.column("pipeline_name")) == 210


def test_what_is_pinned_is_remembered_and_comes_first(qtbot, window, open_window, root):
    window.catalog.rows.columns.trigger()
    chooser = window.findChild(ColumnChooser)
    place = chooser.keys().index("dataset_name")
    chooser.list.setCurrentRow(place)
    qtbot.keyClick(chooser.list, Qt.Key.Key_P)
    assert window.catalog.columns.shown_keys()[:3] == ["pipeline_name", "dataset_name", "status"]
    chooser.accept()
    window.catalog.columns.pin("pipeline_name", False)
    window.close()
    again = open_window(root)
    assert again.catalog.columns.shown_keys()[:2] == ["dataset_name", "pipeline_name"]
    assert again.catalog.table.pins.places == (again.catalog.model.column("dataset_name"),)


def test_a_column_that_is_dragged_before_the_pinned_ones_goes_behind_them(window):
    titles = window.catalog.table.titles
    titles.moveSection(titles.visualIndex(window.catalog.model.column("model_type")), 0)
    assert window.catalog.columns.shown_keys()[:2] == ["pipeline_name", "model_type"]


def test_pinned_columns_wider_than_the_table_scroll_with_the_others(qtbot, window, table):
    table.setColumnWidth(window.catalog.model.column("pipeline_name"), table.viewport().width())
    assert not table.pins.active
    assert table.visualRect(cell(window, 0, "pipeline_name")).left() == -300


def test_a_click_on_a_star_gives_it_and_on_the_last_takes_all_away(qtbot, window, monkeypatch):
    from gui.panes import catalog

    window.catalog.columns.show_column("stars", True)
    table, index = window.catalog.table, cell(window, 1, "stars")
    table.scrollTo(index)
    for expected in ("★★★", "–"):
        at = table.visualRect(index).topLeft() + QPoint(8 + int(2.5 * table.fontMetrics().horizontalAdvance("★")), 12)
        monkeypatch.setattr(catalog.QCursor, "pos", lambda at=at: table.viewport().mapToGlobal(at))
        with qtbot.waitSignal(window.session.changed):
            qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
        qtbot.waitUntil(lambda expected=expected: cell(window, 1, "stars").data() == expected)
