"""The head and the first page of a pipeline: whole numbers, a warning, what people noted, and who differs in what."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt

from gui.edits import Edit
from gui.panes.annotating import edit_results
from gui.panes.pipeline_differences import numbers_of, values_text
from gui.panes.pipeline_reading import Remarks
from gui.panes.sheets import metrics_sheet
from tests.gui.test_pipeline_page import texts
from tests.gui.test_window import focus
from tests.gui.trained import (
    pipeline_page,  # noqa: F401 - a fixture, as are those below
    trained_root,  # noqa: F401
    trained_workspace,  # noqa: F401
)


def test_no_number_is_cut_however_narrow_the_page_is(qtbot):
    sheet = metrics_sheet()
    qtbot.addWidget(sheet)
    sheet.resize(200, 300)
    sheet.show()
    values = {"rmse": 0.00071234, "mae": -123456.7, "max_error": 0.012345, "samples": 123456, "mse": 1.5e-9}
    sheet.fill_metrics({"train": values, "val": values, "test": {name: 2 * one for name, one in values.items()}})
    metrics = sheet.fontMetrics()
    for row in range(sheet.rowCount()):
        for column in range(1, 5):
            text = sheet.item(row, column).text()
            assert metrics.horizontalAdvance(text) + 6 <= sheet.columnWidth(column), text
    assert sheet.item(texts(sheet).index("RMSE"), 1).text() == "7.1e-4"
    assert sheet.width() >= metrics.horizontalAdvance("Samples") + sum(sheet.columnWidth(n) for n in range(1, 5))


def test_a_result_that_fails_on_test_is_told_in_a_sentence(page):
    page.show("pls")
    summary = page.pane._summary
    details = page.pane.details
    shown = {"val": {"rmse": 1.1, "r2": 0.99}, "test": {"rmse": 8.2, "r2": 0.98}}
    summary.show_details(replace(details, metrics=shown))
    assert summary.warning.isVisible()
    assert summary.warning.text().startswith("⚠ Much worse on test than in validation: RMSE 8.20 against 1.10.")
    summary.show_details(replace(details, metrics={**shown, "test": {"rmse": 1.2}}))
    assert not summary.warning.isVisible()


def test_stars_tags_and_notes_stand_in_the_head_and_follow_an_edit(page):
    picked = page.show("pls")
    line = page.pane._head.remarks
    assert "no tags, no notes" in line.text()
    edit = Edit(add_tags=("good",), notes="<b>as written</b>\nsecond line", stars=2)
    page.session.change(partial(edit_results, (picked.prediction_id,), edit), lambda _: None)
    page.wait(lambda: "★★" in line.text())
    assert line.text() == "★★  #good\n<b>as written</b>\nsecond line"
    line.show_remarks(Remarks(notes="one line\n" * 50, known=True))
    assert line.text().count("\n") == 3 and line.text().endswith("…")  # the head stays a head
    assert line.textFormat() == Qt.TextFormat.PlainText and line.wordWrap()


def test_who_has_a_value_is_counted_where_they_are_many_and_runs_tell_equal_numbers_apart():
    assert values_text({"1": ["0003"], "100": ["0001", "0002"]}, named=True) == "100 (0001, 0002), 1 (0003)"
    assert values_text({"1": ["0003"], "100": ["0001", "0002"]}, named=False) == "100 (2), 1 (1)"
    rows = [
        {"pipeline_id": f"{number}_x", "run_id": run} for number, run in (("0001", "a"), ("0001", "b"), ("0002", "b"))
    ]
    assert numbers_of(rows) == ["0001 a", "0001 b", "0002"]


def test_keys_change_notes_where_they_are_shown(qtbot, window):
    window.catalog.table.selectRow(0)
    line = window.details._head.remarks
    qtbot.waitUntil(lambda: "no notes" in line.text())
    focus(qtbot, line)
    qtbot.keyClick(line, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: line.text().startswith("★"))
