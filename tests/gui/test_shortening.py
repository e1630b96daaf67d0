"""Names that have too little room: what is left of them fits, and tells them apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QStyleOptionViewItem

from gui.panes.sheets import Sheet, folds_sheet
from gui.shortening import AROUND, shortened
from storage import Workspace
from tests.gui.test_window import apply_filter


@pytest.fixture(scope="module")
def metrics(qapp):
    return QFontMetrics(QFont())


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("pls SG1 n_components=4", "pls SG1", "…=4"),
        ("svr SG1 kernel=linear", "svr SG1", "…=linear"),
        ("0042_pls-SG1-n_components=4_b4c968", "0042_pls", "…_b4c968"),
        ("fermentation", "f", "n"),  # one word: cut in the middle
        ("a veryveryveryverylongword", "a", "word"),
    ],
)
def test_the_beginning_and_the_last_word_stay(metrics, text, begins, ends):
    room = int(metrics.horizontalAdvance(text) * 0.8)
    short = shortened(text, metrics, room)
    assert metrics.horizontalAdvance(short) <= room and "…" in short
    assert short.startswith(begins) and short.endswith(ends)


def test_a_column_of_a_metric_has_room_for_the_smallest_number_and_none_is_shown_in_part(qtbot, window, root):
    with Workspace.open(root) as other:
        pipeline = other.create_run("salt").add_pipeline({"model": "mean"}, name="tiny")
        pipeline.save_metrics({"test": {"rmse": 0.000321, "samples": 3}})
        pipeline.complete()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.session.rescan(lambda _: None)
    apply_filter(qtbot, window, "dataset_name = 'salt'")
    table, place = window.catalog.table, window.catalog.model.column("test_rmse")
    index = window.catalog.model.index(0, place)
    table.scrollTo(index)

    def shown():
        option = QStyleOptionViewItem()
        option.initFrom(table)
        option.widget, option.rect = table, table.visualRect(index)
        table.itemDelegateForIndex(index).initStyleOption(option, index)
        return option.text

    assert shown().endswith("0.000321")
    table.setColumnWidth(place, 50)
    assert shown() == "…"


def test_what_stands_in_the_last_column_is_seen_however_narrow_the_sheet_is(qtbot):
    sheet = Sheet(["Step", "Parameter", "Value"], "parameters")
    qtbot.addWidget(sheet)
    sheet.resize(320, 200)
    sheet.show()
    sheet.fill([("1. RandomForestRegressor", "min_weight_fraction_leaf", "0.0"), ("", "criterion", "squared_error")])
    left = sheet.columnViewportPosition(2)
    assert left + min(sheet.sizeHintForColumn(2), 96) <= sheet.viewport().width() and sheet.columnWidth(1) >= 56
    wide = Sheet([str(950 + n) for n in range(12)], "first rows")
    qtbot.addWidget(wide)
    wide.resize(320, 200)
    wide.show()
    wide.fill([tuple(str(0.123456 + n) for n in range(12))])  # a table of numbers is scrolled, and they are whole
    assert all(wide.columnWidth(n) >= wide.sizeHintForColumn(n) for n in range(12))


@given(st.text(st.characters(codec="latin-1"), max_size=60), st.integers(-5, 400))
def test_any_text_fits_or_is_as_it_was(metrics, text, room):
    short = shortened(text, metrics, room)
    assert short == text or metrics.horizontalAdvance(short) <= max(room, metrics.horizontalAdvance("…"))


def test_results_that_differ_in_the_middle_look_different_in_the_table(tmp_path, open_window):
    names = {"pls SNV n_components=4", "pls raw n_components=4"}
    with Workspace.create(tmp_path / "alike") as workspace:
        run = workspace.create_run("corn")
        for name in names:
            run.add_pipeline({"name": name}, name=name).complete()
        run.finalize()
    window = open_window(tmp_path / "alike")
    table, model = window.catalog.table, window.catalog.model
    shown = set()
    for row in range(2):
        option = QStyleOptionViewItem()
        table.initViewItemOption(option)
        option.rect.setWidth(140)
        table.cells.initStyleOption(option, model.index(row, model.column("pipeline_name")))
        shown.add(option.text)
    assert len(shown) == 2 and all("…" in text for text in shown)


def shown(sheet, row, column, left):
    """What is painted of a cell that begins at `left`."""
    option = QStyleOptionViewItem()
    sheet.initViewItemOption(option)
    option.rect = QRect(left, 0, sheet.columnWidth(column), sheet.rowHeight(row))
    sheet.itemDelegate().initStyleOption(option, sheet.model().index(row, column))
    return option.text, QRect(option.rect)


def test_a_number_that_the_edge_cuts_moves_into_sight_or_is_not_shown_at_all(qtbot):
    sheet = folds_sheet()
    qtbot.addWidget(sheet)
    sheet.resize(300, 100)
    sheet.fill([("1", 0.4823)], columns=["Fold", "RMSE"])
    sheet.show()
    width, edge, needed = sheet.columnWidth(1), sheet.viewport().width(), sheet.fontMetrics().horizontalAdvance("0.482")
    assert shown(sheet, 0, 1, edge - width) == ("0.482", QRect(edge - width, 0, width, sheet.rowHeight(0)))
    for visible, text in ((needed + AROUND, "0.482"), (needed // 2, "…")):
        told, rect = shown(sheet, 0, 1, edge - visible)
        assert told == text and sheet.viewport().rect().contains(rect)
        assert shown(sheet, 0, 1, visible - width)[0] == text
    assert sheet.item(0, 1).data(Qt.ItemDataRole.DisplayRole) == "0.482"  # for ears and the clipboard
