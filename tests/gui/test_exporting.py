"""Rows go to files as they are seen, as a job that can be stopped."""

import csv

import pandas as pd
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from gui.dialogs.export import ExportDialog
from gui.panes import catalog_selection, row_actions
from gui.widgets import FIELD_HEIGHT
from storage import Workspace
from tests.gui.test_window import apply_filter, focus, select


@pytest.fixture
def dialog(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 1.25")
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("test_rmse", descending=True)
    window.catalog.table.selectRow(1)
    dialog = window.catalog.rows.ask_export()
    assert dialog.takes_pipelines  # one is selected: what people want of one is its files
    dialog.choose_pipelines(False)
    return dialog


@pytest.mark.parametrize("place", ["table", "details", "query"])
def test_ctrl_e_asks_at_once_what_to_export_wherever_one_is(qtbot, window, place):
    select(qtbot, window, 1)  # until the details are there, they can't have the keyboard
    here = {"table": window.catalog.table, "details": window.details._summary, "query": window.query}[place]
    focus(qtbot, here)
    qtbot.keyClick(here, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    (dialog,) = window.findChildren(ExportDialog)
    assert dialog.isVisible() and window.query.text() == ""
    dialog.reject()


def test_e_takes_the_row_somebody_is_at_where_none_is_selected(qtbot, window):
    table = window.catalog.table
    focus(qtbot, table)
    table.clearSelection()
    table.chosen.setCurrentIndex(window.catalog.model.index(0, 0), table.chosen.SelectionFlag.NoUpdate)
    qtbot.keyClick(table, Qt.Key.Key_E)
    (dialog,) = window.findChildren(ExportDialog)
    assert dialog.takes_pipelines and window.selection.chosen_total == 1
    dialog.reject()


def test_of_results_whose_run_folder_is_gone_rows_are_proposed_and_it_is_said_why(qtbot, window, root):
    with Workspace.open(root) as other:
        (run,) = other.runs(dataset="wheat")
        other.plan_delete_run(run.run_id).apply()
    window.session.sync()
    qtbot.waitUntil(lambda: run.run_id not in {one.run_id for one in window.tree.model.tree.known})
    apply_filter(qtbot, window, "dataset_name = 'wheat' and status = 'completed'")
    select(qtbot, window, 0)
    dialog = window.catalog.rows.ask_export()
    assert not dialog.takes_pipelines and dialog.selection_only and not dialog._what.button(0).isEnabled()
    assert dialog.note.text() == "The folder of its run is not there: the catalog alone has the result."
    dialog.reject()


def test_of_more_than_are_known_one_by_one_the_dialog_says_which_go_with_their_files(qtbot, window, monkeypatch):
    monkeypatch.setattr(catalog_selection, "MOST_CHOSEN", 3)
    window.catalog.table.selectAll()
    qtbot.waitUntil(lambda: window.selection.chosen_total == 41)
    dialog = window.catalog.rows.ask_export()
    assert dialog.note.text() == "With their files go the first 3 of the 41 selected ones; rows go of all."
    dialog.reject()


def test_e_on_groups_says_what_to_do(qtbot, window):
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.catalog.grouping.group(("dataset_name",))
    focus(qtbot, window.catalog.grouping.table)
    qtbot.keyClick(window.catalog.grouping.table, Qt.Key.Key_E)
    assert "Enter lists the results of a group" in window.notice.text()
    assert not window.findChildren(ExportDialog)


def export(qtbot, window, dialog):
    with qtbot.waitSignal(window.jobs.ended) as ended:
        dialog.accept()
    return ended.args[0]


def test_what_is_seen_is_written_in_its_order(qtbot, window, dialog, tmp_path):
    dialog.put_path(tmp_path / "best.csv")
    assert not dialog.selection_only  # one row is selected by being looked at
    job = export(qtbot, window, dialog)
    with (tmp_path / "best.csv").open(encoding="utf-8-sig", newline="") as file:
        title, *rows = csv.reader(file)
    assert title == window.catalog.columns.shown_keys()
    assert [row[title.index("pipeline_name")] for row in rows] == ["corn 2", "corn 1", "corn 0"]
    assert job.outcome == f"Exported 3 rows to {tmp_path / 'best.csv'}"
    assert window.notice.text() == job.outcome


def test_a_selection_with_all_columns_goes_to_parquet(qtbot, window, dialog, tmp_path):
    dialog._rows.button(0).click()
    dialog._columns.button(1).click()
    dialog.put_path(tmp_path / "best.csv")
    dialog._format.setCurrentIndex(1)
    assert dialog.path().name == "best.parquet"
    export(qtbot, window, dialog)
    table = pd.read_parquet(tmp_path / "best.parquet")
    assert table["pipeline_name"].tolist() == ["corn 1"]
    assert len(table.columns) == len(window.catalog.model.columns)


def test_a_folder_chosen_while_another_is_looked_at_is_looked_at_itself(qtbot, window, dialog, tmp_path):
    dialog.put_path(tmp_path / "best.csv")
    dialog.accept()
    dialog.put_path(tmp_path / "nowhere" / "best.csv")
    qtbot.waitUntil(lambda: dialog._missing == tmp_path / "nowhere")
    assert dialog.isVisible() and not window.jobs.jobs
    assert dialog._export.isDefault() and "Create" in dialog._export.text()  # Enter goes on, it doesn't give up


def test_a_file_is_replaced_only_if_that_was_agreed_to(qtbot, window, dialog, problems, tmp_path):
    place = tmp_path / "there.csv"
    place.write_text("mine")
    dialog.put_path(place)
    dialog.accept()
    qtbot.waitUntil(lambda: dialog._export.text() == "Replace it and export")
    assert dialog.isVisible() and place.read_text() == "mine" and "there.csv already" in dialog._hint.text()
    dialog.put_path(tmp_path / "free.csv")
    assert dialog._export.text() == "Export", "another file, another answer"
    dialog.put_path(place)
    assert export(qtbot, window, dialog).state == "completed"
    assert place.read_text() != "mine"
    place.write_text("mine")
    again = window.catalog.rows.ask_export()
    again.choose_pipelines(False)
    again.put_path(place, agreed=True)
    assert export(qtbot, window, again).state == "completed"
    assert place.read_text() != "mine"


def test_a_name_is_proposed_that_no_file_has(qtbot, window, tmp_path):
    window.settings.export_folder = str(tmp_path)
    taken = window.catalog.rows.ask_export()
    qtbot.waitUntil(lambda: window.tasks.idle)
    taken.path().write_text("mine")
    (tmp_path / f"{taken.path().stem}-2.csv").write_text("mine too")
    again = window.catalog.rows.ask_export()
    qtbot.waitUntil(lambda: again.path() == tmp_path / f"{taken.path().stem}-3.csv")


def test_of_one_pipeline_its_files_are_proposed_also_after_rows_were_exported(qtbot, window, dialog, tmp_path):
    dialog.put_path(tmp_path / "rows.csv")
    export(qtbot, window, dialog)
    assert window.catalog.rows.ask_export().takes_pipelines


def test_a_folder_that_is_not_there_is_made_once_somebody_agrees(qtbot, window, dialog, tmp_path):
    dialog.put_path(tmp_path / "new" / "best.csv")
    dialog.accept()
    qtbot.waitUntil(lambda: dialog._export.text() == "Create it and export")
    assert dialog.isVisible() and not (tmp_path / "new").exists()
    dialog.put_path(tmp_path / "best.csv")
    assert dialog._export.text() == "Export", "another folder, another answer"
    dialog.put_path(tmp_path / "new" / "best.csv")
    assert export(qtbot, window, dialog).state == "completed"
    assert (tmp_path / "new" / "best.csv").exists()
    window.catalog.table.selectAll()
    again = window.catalog.rows.ask_export()
    assert not again.takes_pipelines and again.path().parent == tmp_path / "new", "as it was the last time"
    again.close()


def test_the_keyboard_begins_at_what_is_ticked(dialog):
    assert dialog.focusWidget() is dialog._what.checkedButton()


def test_titles_stand_in_line_with_what_is_chosen(dialog):
    for group in (dialog._what, dialog._rows):
        assert all(button.minimumHeight() == FIELD_HEIGHT for button in group.buttons())


def test_a_path_that_is_none_cannot_be_exported_to(dialog):
    for text in ("", "best.csv", "/tmp/best.xlsx"):
        dialog._path.setText(text)
        assert not dialog._export.isEnabled()
    dialog.close()


def test_copied_text_is_no_formula_and_stays_in_its_cell(qtbot, window, root):
    with Workspace.open(root) as other:
        pipeline = other.create_run("oats").add_pipeline({"model": "mean"}, name="odd")
        pipeline.save_metrics({"test": {"rmse": 1.0, "bias": -0.5}})
        pipeline.complete(config_name="=1+1")
        other.catalog.annotate([pipeline.prediction_id], notes="two\nlines")
    with qtbot.waitSignal(window.catalog.model.listed):
        window.session.rescan(lambda _: None)
    apply_filter(qtbot, window, "pipeline_name = 'odd'")
    for key in ("config_name", "notes", "test_bias"):
        window.catalog.columns.show_column(key, True)
    focus(qtbot, window.catalog.table)
    window.catalog.table.selectAll()
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "\t" in QGuiApplication.clipboard().text())
    assert window.notice.text() == "1 row copied."
    title, row = (line.split("\t") for line in QGuiApplication.clipboard().text().splitlines())
    cells = dict(zip(title, row, strict=True))
    assert (cells["config_name"], cells["notes"], cells["test_bias"]) == ("'=1+1", "two lines", "-0.5")


def test_of_more_rows_than_are_copied_one_is_told(qtbot, window, monkeypatch):
    monkeypatch.setattr(row_actions, "ROWS_COPIED", 2)
    count = window.catalog.model.rowCount()
    focus(qtbot, window.catalog.table)
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: f"The first 2 of {count} rows were copied." in window.notice.text())
    assert len(QGuiApplication.clipboard().text().splitlines()) == 3
