"""Sorting by several columns, choosing columns, selecting by query, and groups, as people use them."""

import threading

import pandas as pd
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QMenu

from gui.models import listings
from gui.models.columns import SORT_ROLE
from gui.models.listings import Unknown, View, fetch_listing
from gui.models.row_set import RowSet
from gui.panes import catalog_selection, catalog_table
from gui.panes.column_chooser import ColumnChooser
from gui.selection import Picked
from gui.theme import theme
from storage import Workspace, metric_for
from tests.gui.holding import held, hold
from tests.gui.test_window import apply_filter, focus, names


def click(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    header = window.catalog.table.titles
    place = window.catalog.model.column(key)
    window.catalog.table.setColumnHidden(place, False)
    window.catalog.table.scrollTo(window.catalog.model.index(0, place))
    at = QPoint(header.sectionViewportPosition(place) + 20, header.height() // 2)
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, modifier, at)


def signs(window):
    model = window.catalog.model
    found = {
        column.key: model.headerData(place, Qt.Orientation.Horizontal, SORT_ROLE)
        for place, column in enumerate(model.columns)
    }
    return {key: sign for key, sign in found.items() if sign is not None}


def chosen_names(window):
    return [names(window)[row] for row in window.catalog.table.chosen.rows().rows(100)]


@pytest.mark.parametrize(
    ("key", "row", "shift"), [(Qt.Key.Key_End, 40, False), (Qt.Key.Key_Home, 0, False), (Qt.Key.Key_End, 40, True)]
)
def test_ctrl_end_and_ctrl_home_go_to_the_last_and_first_row_and_stay_in_their_column(qtbot, window, key, row, shift):
    table = window.catalog.table
    window.resize(700, 500)
    table.selectRow(20)
    here = table.currentIndex()
    held_down = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(table, key, held_down | Qt.KeyboardModifier.ShiftModifier if shift else held_down)
    assert (table.currentIndex().row(), table.currentIndex().column()) == (row, here.column())
    assert table.horizontalScrollBar().maximum() > 0 and table.horizontalScrollBar().value() == 0
    assert [*table.chosen.rows().ranges()] == [(20 if shift else row, row + 1)]


@pytest.mark.parametrize("all_first", [False, True])
@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
def test_home_selects_the_first_row_also_where_somebody_is_there_already(qtbot, window, modifier, all_first):
    table = window.catalog.table
    focus(qtbot, table)
    table.chosen.setCurrentIndex(window.catalog.model.index(0, 0), table.chosen.SelectionFlag.NoUpdate)
    if all_first:
        table.selectAll()
    qtbot.keyClick(table, Qt.Key.Key_Home, modifier)
    assert [*table.chosen.rows().ranges()] == [(0, 1)]
    qtbot.waitUntil(lambda: len(window.selection.chosen) == 1)


# --- sorting ---


def test_shift_and_click_sorts_by_further_columns_and_their_rank_is_told(qtbot, window):
    click(qtbot, window, "dataset_name")
    click(qtbot, window, "test_r2", Qt.KeyboardModifier.ShiftModifier)
    assert names(window)[0] == "corn 0" and names(window)[29:31] == ["corn 29", "wheat 0"]
    assert signs(window) == {"dataset_name": (False, 1), "test_r2": (True, 2)}
    assert "sorted by Dataset, then test_r2" in window.status._listed.text()
    click(qtbot, window, "test_r2", Qt.KeyboardModifier.ShiftModifier)
    assert names(window)[0] == "corn 29"
    click(qtbot, window, "test_r2", Qt.KeyboardModifier.ShiftModifier)
    assert signs(window) == {"dataset_name": (False, 0)}
    assert window.settings.order == "dataset_name"


def test_the_same_by_keyboard(qtbot, window):
    table, model = window.catalog.table, window.catalog.model
    table.setFocus()
    for key, press in (("dataset_name", window.catalog.rows.sort), ("test_r2", window.catalog.rows.then)):
        table.setCurrentIndex(model.index(0, model.column(key)))
        with qtbot.waitSignal(model.listed):
            press.trigger()
    assert model.listing.view.order == "dataset_name,-test_r2"
    table.setCurrentIndex(model.index(0, model.column("dataset_name")))
    with qtbot.waitSignal(model.listed):
        window.catalog.rows.unsort.trigger()
    assert model.listing.view.order == "-test_r2"


def test_an_order_in_the_query_is_shown_and_gives_way_to_a_click(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn' order by test_rmse desc")
    assert names(window)[0] == "corn 29"
    assert signs(window) == {"test_rmse": (True, 0)}
    click(qtbot, window, "test_r2")
    assert window.query.text() == "dataset_name = 'corn'"
    assert signs(window) == {"test_r2": (True, 0)}


def test_a_column_that_the_query_computes_is_seen(qtbot, window):
    apply_filter(qtbot, window, "test_rmse - test_r2 as gap and gap > 1 order by gap")
    model, place = window.catalog.model, window.catalog.model.column("gap")
    assert not window.catalog.table.isColumnHidden(place)
    assert model.index(0, place).data() == "1.10"


# --- columns ---


@pytest.fixture
def chooser(window) -> ColumnChooser:
    window.catalog.rows.columns.trigger()
    return window.findChild(ColumnChooser)


def test_a_column_is_found_by_name_and_ticked(qtbot, window, chooser):
    place = window.catalog.model.column("config_hash")
    qtbot.keyClicks(chooser.edit, "hash")
    assert next(item.text() for item in chooser._items() if not item.isHidden()) == "Configuration hash"
    qtbot.keyClick(chooser.edit, Qt.Key.Key_Down)
    chooser.list.setCurrentItem(next(item for item in chooser._items() if item.text() == "Configuration hash"))
    qtbot.keyClick(chooser.list, Qt.Key.Key_Space)
    assert not window.catalog.table.isColumnHidden(place)
    chooser.reset_wanted.emit()
    assert window.catalog.table.isColumnHidden(place)


def test_columns_are_put_in_order_by_keyboard_and_stay_so(qtbot, window, open_window, root, chooser):
    assert window.catalog.columns.shown_keys()[:3] == ["pipeline_name", "status", "model_type"]
    chooser.list.setCurrentRow(chooser.keys().index("model_type"))
    for _ in range(chooser.list.currentRow()):  # the last step is in vain: nothing goes before a pinned column
        qtbot.keyClick(chooser.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert window.catalog.columns.shown_keys()[:3] == ["pipeline_name", "model_type", "status"]
    chooser.accept()
    window.close()
    assert open_window(root).catalog.columns.shown_keys()[:3] == ["pipeline_name", "model_type", "status"]


def test_columns_stay_as_they_were_put_while_a_query_computes_others(qtbot, window):
    table, model = window.catalog.table, window.catalog.model
    table.setColumnWidth(model.column("pipeline_name"), 222)
    window.catalog.columns.show_column("model_type", False)
    for text in ("test_rmse - test_r2 as gap", ""):
        apply_filter(qtbot, window, text)
        assert table.columnWidth(model.column("pipeline_name")) == 222
        assert table.isColumnHidden(model.column("model_type"))
        assert ("gap" in window.catalog.columns.shown_keys()) == bool(text)


# --- selecting ---


def test_all_are_selected_while_the_listing_is_still_coming(qtbot, window, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 4)
    model = window.catalog.model
    with qtbot.waitSignal(model.completed):
        with qtbot.waitSignal(model.listed):
            window.catalog.sort_by("test_rmse", descending=False)
        assert not model.listing.complete
        window.catalog.table.selectAll()
    assert len(window.catalog.table.chosen.rows()) == 41
    assert "41 selected" in window.status._listed.text()


def test_sorting_by_the_current_column_again_turns_it_round(qtbot, window):
    table, model = window.catalog.table, window.catalog.model
    table.selectRow(0)
    table.setCurrentIndex(model.index(0, model.column("test_rmse")))
    orders = []
    for _ in range(2):
        with qtbot.waitSignal(model.listed):
            window.catalog.rows.sort.trigger()
        orders.append(window.catalog.sorting.keys()[0])
        assert table.currentIndex().column() == model.column("test_rmse")
    assert orders[0].name == orders[1].name == "test_rmse" and orders[0] != orders[1]


@pytest.mark.parametrize("most", [50, 0])  # held by Qt, and kept by ourselves because it is in too many pieces
def test_rows_are_selected_by_a_query_inverted_and_found_again_after_sorting(qtbot, window, monkeypatch, most):
    monkeypatch.setattr(catalog_table, "MOST_RANGES", most)
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    dialog = window.catalog.rows.ask_where()
    dialog.query.setText("test_rmse < 1.15 or test_rmse > 3.85")
    with qtbot.waitSignal(window.catalog.selecting.selected):
        qtbot.keyClick(dialog.query, Qt.Key.Key_Return)
    assert sorted(chosen_names(window)) == ["corn 0", "corn 1", "corn 29"]
    assert "3 selected" in window.status._listed.text()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("test_rmse", descending=True)
    assert chosen_names(window) == ["corn 29", "corn 1", "corn 0"]
    window.catalog.rows.invert.trigger()
    assert len(chosen_names(window)) == 27 and "corn 29" not in chosen_names(window)


def test_a_wrong_query_is_told_in_the_dialog_at_its_place(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    dialog = window.catalog.rows.ask_where()
    dialog.query.setText("test_rmze < 2")
    qtbot.keyClick(dialog.query, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "test_rmze" in dialog.query.problem_text())
    assert dialog.isVisible()
    word = dialog.query.mapTo(dialog, QPoint(dialog.query.width() // 3, 0)).x()
    assert dialog.query.problem_place().x() < word
    dialog.close()


def test_rows_are_put_to_a_scattered_selection_and_a_plain_click_ends_it(qtbot, window, monkeypatch):
    monkeypatch.setattr(catalog_table, "MOST_RANGES", 0)
    table, model = window.catalog.table, window.catalog.model
    with qtbot.waitSignal(window.catalog.selecting.selected):
        window.catalog.selecting.select_where("test_rmse < 1.15", print)
    before = len(table.chosen.rows())
    free = next(row for row in range(41) if row not in table.chosen.rows())

    def press(row, modifier=Qt.KeyboardModifier.NoModifier):
        at = table.visualRect(model.index(row, 0)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, at)

    press(free, Qt.KeyboardModifier.ControlModifier)
    assert len(table.chosen.rows()) == before + 1
    press(free, Qt.KeyboardModifier.ControlModifier)
    assert len(table.chosen.rows()) == before
    press(free)
    assert table.chosen.rows().rows(10) == [free]


# --- the selection of the window ---


def chosen_elsewhere(window):
    return sorted(one.pipeline_id.split("_")[1] for one in window.selection.chosen)


def test_selected_rows_are_the_selection_of_the_window(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    table, model = window.catalog.table, window.catalog.model
    told = []
    window.selection.chosen_changed.connect(lambda: told.append(window.selection.chosen_total))
    for row, modifier in ((2, Qt.KeyboardModifier.NoModifier), (5, Qt.KeyboardModifier.ControlModifier)):
        at = table.visualRect(model.index(row, 0)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, at)
    assert chosen_elsewhere(window) == ["corn-2", "corn-5"]
    assert window.selection.current.prediction_id == model.row(5)["prediction_id"]
    assert told == [1, 2]  # each once
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, at)
    assert chosen_elsewhere(window) == ["corn-2"]
    qtbot.waitUntil(lambda: window.selection.current.prediction_id == model.row(2)["prediction_id"])


def test_rows_that_are_not_loaded_are_told_too_and_of_many_the_first(qtbot, window, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 4)
    monkeypatch.setattr(catalog_selection, "MOST_CHOSEN", 20)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=False)
    window.catalog.selecting.select_all()
    qtbot.waitUntil(lambda: window.selection.chosen_total == 41)
    expected = window.catalog.model.keys[:20]
    answers = []
    window.session.query(lambda workspace: workspace.catalog.ids_of(expected), answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    assert [one.prediction_id for one in window.selection.chosen] == answers[0]


@pytest.mark.parametrize("most", [50, 0])
def test_what_is_selected_elsewhere_is_selected_here_as_far_as_it_is_listed(qtbot, window, monkeypatch, most):
    monkeypatch.setattr(catalog_table, "MOST_RANGES", most)
    rows = [window.catalog.model.row(row) for row in (1, 4, 9)]
    picked = [Picked(row["run_id"], row["pipeline_id"], row["prediction_id"]) for row in rows]
    window.selection.choose(picked)
    window.selection.pick(picked[1])
    qtbot.waitUntil(lambda: window.catalog.table.chosen.rows().rows(9) == [1, 4, 9])
    assert window.catalog.table.currentIndex().row() == 4
    assert window.selection.chosen == tuple(picked)  # it came back unchanged
    apply_filter(qtbot, window, f"prediction_id = '{picked[1].prediction_id}'")
    assert len(window.selection.chosen) == 3 and len(window.catalog.table.chosen.rows()) == 1
    window.query.put("")  # and no Enter, which would go to the first row
    qtbot.waitUntil(lambda: len(window.catalog.table.chosen.rows()) == 3)


def test_a_row_selected_by_hand_stays_when_what_was_selected_elsewhere_is_found_late(qtbot, window):
    table, model = window.catalog.table, window.catalog.model
    asked, answers, elsewhere = threading.Event(), [], model.row(5)
    window.session.query(lambda workspace: asked.wait(10), answers.append)
    window.selection.pick(Picked(*(elsewhere[key] for key in ("run_id", "pipeline_id", "prediction_id"))))
    table.setCurrentIndex(model.index(0, 0))
    window.session.query(lambda workspace: None, answers.append)  # behind the question for the row of the other
    asked.set()
    qtbot.waitUntil(lambda: len(answers) == 2)
    assert table.chosen.rows().rows(9) == [0] and table.currentIndex().row() == 0
    assert window.selection.current.prediction_id == model.row(0)["prediction_id"]


def test_a_row_selected_by_hand_stays_when_rows_selected_before_are_read_late(qtbot, window, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 4)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=False)
    table, model = window.catalog.table, window.catalog.model
    go_on = hold(window.session)
    with qtbot.waitSignal(model.listed):
        window.catalog.refresh()
        read = hold(window.session)
        table.chosen.choose(RowSet([36, 40]))  # not loaded: who they are must be asked
        go_on()
    with held(qtbot, window.session):
        table.selectRow(1)
        read()
    assert [one.prediction_id for one in window.selection.chosen] == [model.row(1)["prediction_id"]]
    assert table.chosen.rows().rows(9) == [1]


def test_a_row_selected_by_hand_stays_when_the_rest_is_listed_that_should_have_been_selected(
    qtbot, window, monkeypatch
):
    monkeypatch.setattr(listings, "PAGE", 4)
    table, model = window.catalog.table, window.catalog.model
    with qtbot.waitSignal(model.completed):
        with qtbot.waitSignal(model.listed):
            window.catalog.sort_by("test_rmse", descending=False)
        assert not model.listing.complete
        table.selectAll()
        table.selectRow(1)
    assert table.chosen.rows().rows(99) == [1]


def test_selected_rows_are_compared_over_their_folds(qtbot, window):
    window.catalog.table.selectRow(0)
    window.catalog.table.chosen.choose(RowSet([0, 3]))
    window.commands.compare_folds.trigger()
    assert len(window.comparison.pipelines) == 3
    assert window.centre.tabs.currentIndex() == 1
    qtbot.waitUntil(lambda: window.compare.folds.isVisible())


def test_the_best_are_seen_after_sorting_also_where_the_rest_is_listed_later(qtbot, window, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 15)
    window.resize(1280, 500)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=True)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=False)
    window.catalog.table.selectRow(0)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=True)
    assert window.catalog.table.currentIndex().row() > 30 and window.catalog.table.rowAt(0) == 0


def test_where_the_selected_row_lies_is_said_after_sorting(qtbot, window):
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("test_rmse", descending=False)
    window.catalog.table.selectRow(0)
    assert "row 1 selected" in window.status._listed.text()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("test_rmse", descending=True)
    (row,) = window.catalog.table.chosen.rows().rows(9)
    assert row > 30 and f"row {row + 1} selected" in window.status._listed.text()


# --- the best values ---


@pytest.fixture
def folds(window, qtbot, root):
    """Results whose folds differ: by 0.2 at the best one, which has 4 of them."""
    with Workspace.open(root) as other:
        run = other.create_run("rye")
        for name, rmse, bias in (("a", 1.0, 0.4), ("b", 1.002, 0.3), ("c", 1.08, -0.1), ("d", 1.2, 2.0)):
            pipeline = run.add_pipeline({"name": name}, name=name)
            folds = {"folds": 4, "std_rmse": 0.2, "fold_results": [{"fold": n, "rmse": rmse} for n in range(4)]}
            pipeline.save_metrics({"val": {"rmse": rmse}, "test": {"bias": bias}, "cross_validation": folds})
            pipeline.save_predictions(
                pd.DataFrame({"partition": "val", "fold": [0, 1, 2, 3], "y_true": 1.0, "y_pred": 1.0 + rmse})
            )
            pipeline.complete()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.session.rescan(lambda _: None)
    window.catalog.columns.show_column("test_bias", True)
    apply_filter(qtbot, window, "dataset_name = 'rye' order by pipeline_name")
    qtbot.waitUntil(lambda: "val_rmse" in window.catalog.model._best)
    return window.catalog.model


def column(model, key):
    return [model.index(row, model.column(key)).data() for row in range(model.rowCount())]


def test_the_best_of_every_metric_is_marked_whatever_is_sorted_by(window, folds):
    assert column(folds, "val_rmse") == ["▼ 1.00", "≈ 1.00", "≈ 1.08", "1.20"]
    assert column(folds, "test_bias") == ["0.400", "0.300", "◆ −0.100", "2.00"]  # nearest to nothing
    tips = [folds.index(row, folds.column("val_rmse")).data(Qt.ItemDataRole.ToolTipRole) for row in range(4)]
    assert "The best" in tips[0] and "digits shown" in tips[1] and "one standard error, 0.10" in tips[2]
    assert "best" not in tips[3]


def test_the_best_of_very_many_is_found_one_column_after_the_other(qtbot, window, folds, monkeypatch):
    monkeypatch.setattr("gui.models.catalog.MARKED_AT_ONCE", 0)
    asked = []
    query = window.session.query
    monkeypatch.setattr(
        window.session, "query", lambda *given, **named: (asked.append(named.get("topic")), query(*given, **named))
    )
    apply_filter(qtbot, window, "dataset_name = 'rye' and val_rmse > 1.05 order by pipeline_name")
    qtbot.waitUntil(lambda: column(folds, "val_rmse")[0] == "▼ 1.08" and column(folds, "test_bias")[0] == "◆ −0.100")
    assert asked.count("best") > 1


def test_marks_stay_when_the_same_rows_are_listed_again(qtbot, window, folds):
    for again in (lambda: window.query.put(window.query.text()), lambda: window.session.rescan(lambda _: None)):
        with qtbot.waitSignal(window.catalog.model.listed):
            again()
        assert column(folds, "val_rmse") == ["▼ 1.00", "≈ 1.00", "≈ 1.08", "1.20"]
        asked = folds._best_of[0]
        assert asked is folds.listing  # and they are looked for in what is listed now
    apply_filter(qtbot, window, "dataset_name = 'rye' and val_rmse > 1.05 order by pipeline_name")
    qtbot.waitUntil(lambda: column(folds, "val_rmse")[0] == "▼ 1.08")


def test_the_best_of_each_dataset_is_marked(qtbot, window, folds):
    apply_filter(qtbot, window, "dataset_name in ('rye', 'corn') order by val_rmse desc")
    qtbot.waitUntil(lambda: len(folds._best.get("val_rmse", {})) == 2)
    rows = [folds.row(row) for row in range(folds.rowCount())]
    marked = {row["dataset_name"] for row, text in zip(rows, column(folds, "val_rmse"), strict=True) if "▼" in text}
    assert marked == {"rye", "corn"}
    best = folds.index(folds.rowCount() - 1, folds.column("val_rmse")).data(Qt.ItemDataRole.ToolTipRole)
    assert f"best of {rows[-1]['dataset_name']}" in best


def test_marks_are_for_all_that_is_listed_and_not_for_what_is_loaded(qtbot, window, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 4)
    with qtbot.waitSignal(window.catalog.model.completed):
        window.catalog.sort_by("test_rmse", descending=True)
    qtbot.waitUntil(lambda: "val_rmse" in window.catalog.model._best)
    loaded = [row for row in range(41) if window.catalog.model.loaded(row) is not None]
    assert len(loaded) < 41
    assert not any(text.startswith("▼") for text in column(window.catalog.model, "val_rmse")[: len(loaded)])
    assert {name: best.value for name, best in window.catalog.model._best["val_rmse"].items()} == {
        "corn": 1.0,
        "wheat": 1.0,
    }


def test_the_spread_over_folds_is_written_behind_the_value_and_remembered(qtbot, window, folds, open_window, root):
    table, place = window.catalog.table, folds.column("val_rmse")
    before = table.columnWidth(place)
    window.catalog.show_spread(True)
    assert column(folds, "val_rmse")[3] == "1.20 ± 0.20"
    assert column(folds, "test_bias")[3] == "2.00"  # not measured on folds
    assert table.columnWidth(place) > before
    window.catalog.show_spread(False)
    assert (column(folds, "val_rmse")[3], table.columnWidth(place)) == ("1.20", before)
    window.catalog.show_spread(True)
    window.close()
    assert open_window(root).catalog.model.spread_shown


# --- groups ---


def group(qtbot, window, *by):
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.catalog.grouping.group(by)
    return window.catalog.grouping.table


def test_groups_show_counts_and_the_best_with_its_mark(qtbot, window):
    table = group(qtbot, window, "dataset_name")
    assert table.isVisible() and not window.catalog.table.isVisible()
    titles = [column.title for column in table.groups.columns]
    cells = {title: [table.groups.index(row, place).data() for row in (0, 1)] for place, title in enumerate(titles)}
    assert cells["Dataset"] == ["corn", "wheat"]
    assert (cells["Results"], cells["Failed"]) == (["30", "11"], ["0", "1"])
    assert cells["best test_rmse"] == ["▼ 1.00", "▼ 1.00"]
    assert cells["mean test_rmse"] == ["2.45", "1.45"]
    table.horizontalHeader().sort_wanted.emit(list(cells).index("mean test_rmse"), False)
    assert table.groups.index(0, 0).data() == "wheat"


def marks(table, key):
    """Return the mark of each group in a column, by what it is grouped by."""
    place = [column.key for column in table.groups.columns].index(key)
    rows = range(table.groups.rowCount())
    texts = {tuple(table.groups.index(row, n).data() for n in range(len(table.groups.by))): row for row in rows}
    return {by: table.groups.index(row, place).data().partition(" ")[0] for by, row in texts.items()}


def tip(table, key, row=None):
    place = [column.key for column in table.groups.columns].index(key)
    if row is None:
        return table.groups.headerData(place, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    return table.groups.index(row, place).data(Qt.ItemDataRole.ToolTipRole)


def test_the_best_of_each_dataset_is_marked_and_none_where_groups_mix_datasets(qtbot, window, root):
    with Workspace.open(root) as other:
        for dataset, model, error in (("corn", "a", 0.5), ("rye", "a", 9.0), ("rye", "b", 8.0), ("rye", "c", 8.0)):
            pipeline = other.create_run(dataset, model).add_pipeline({"model": model}, name=model)
            pipeline.save_metrics({"test": {"rmse": error}})
            pipeline.complete()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.session.rescan(lambda _: None)
    table = group(qtbot, window, "dataset_name", "run_id")
    marked = sorted(by for by, sign in marks(table, "best_test_rmse").items() if sign == "▼")
    assert [(dataset, run[-1]) for dataset, run in marked] == [
        ("corn", "a"),
        ("rye", "b"),
        ("rye", "c"),
        ("wheat", "d"),
    ]
    table = group(qtbot, window, "run_id")  # each run is of one dataset
    assert sorted(by for by, sign in marks(table, "best_test_rmse").items() if sign == "▼") == [
        (run,) for _, run in marked
    ]
    row = next(row for row in range(6) if table.groups.index(row, 0).data() == marked[1][1])
    assert "The best of rye among these groups" in tip(table, "best_test_rmse", row)
    table = group(qtbot, window, "status")
    assert "▼" not in marks(table, "best_test_rmse").values()
    assert "results of several datasets" in tip(table, "best_test_rmse")
    assert "several datasets" not in tip(table, "mean_test_rmse") and tip(table, "results") is None
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.query.put("dataset_name = 'rye'")
    assert list(marks(table, "best_test_rmse").values()) == ["▼"]
    assert "several datasets" not in tip(table, "best_test_rmse")


def test_what_is_best_near_a_value_and_what_looks_the_same_is_marked_in_groups():
    from gui.models.groups import GroupsModel

    model = GroupsModel()
    names = ("model", "results", "best_test_bias", "best_test_r2")
    values = [("a", 1, 0.30, 0.91234), ("b", 1, 0.10, 0.91229), ("c", 1, 0.10, 0.5), ("d", 1, None, None)]
    rows = [dict(zip(names, one, strict=True)) | {"dataset_name": "corn"} for one in values]
    metrics = {name: metric_for(name) for name in ("test_bias", "test_r2")}
    model.show(["model"], rows, metrics)
    shown = [[model.index(row, place).data() for row in range(4)] for place in (2, 3)]
    assert shown == [["0.300", "◆ 0.100", "◆ 0.100", "–"], ["▲ 0.912", "≈ 0.912", "0.500", "–"]]
    assert "As good as the best" in model.index(1, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert [column.key for column in model.columns] == list(names)


def test_entering_a_group_narrows_the_query_to_it(qtbot, window):
    apply_filter(qtbot, window, "test_rmse < 2 or status = 'failed'")
    table = group(qtbot, window, "dataset_name", "status")
    table.setCurrentIndex(table.groups.index(1, 0))
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert window.query.text() == (
        "(test_rmse < 2 or status = 'failed') and dataset_name = 'wheat' and status = 'completed'"
    )
    assert window.catalog.table.isVisible()
    assert window.catalog.model.rowCount() == 10


def test_groups_follow_the_query_and_the_metrics_chosen(qtbot, window):
    table = group(qtbot, window, "dataset_name")
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.query.put("dataset_name = 'wheat'")
    assert table.groups.rowCount() == 1
    chooser = window.catalog.choose_columns()
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        chooser.ticked.emit("test_r2", True)
    assert "best_test_r2" in [column.key for column in table.groups.columns]
    chooser.close()


def test_the_group_menu_offers_any_text_column_and_a_second_one(qtbot, window):
    group(qtbot, window, "dataset_name")
    menu = QMenu(window)
    window.catalog.grouping.offer(menu)
    texts = [action.text() for action in menu.actions()]
    assert texts[:5] == ["No groups", "Dataset", "Model", "Run", "Configuration"]
    then = next(action.menu() for action in menu.actions() if action.text() == "Then by")
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        next(action for action in then.actions() if action.text() == "Status").trigger()
    assert window.catalog.grouping.table.groups.rowCount() == 3
    assert window.catalog.group_button.text() == "Group by Dataset, Status"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("note", "There are no notes yet. Select a result and press N to write one."),
        ("test_rmse < 2 and tags has 'final'", "There are no tags yet. Select results and press T to give them some."),
        ("stars > 2", "There are no stars yet. Select a result and press S to give it one."),
    ],
)
def test_nothing_found_tells_that_nobody_wrote_any_yet_and_how_it_is_done(qtbot, window, query, told):
    apply_filter(qtbot, window, query)
    assert window.catalog._no_match.text().endswith(told)
    window.session.change(lambda ws: ws.catalog.annotate(ws.catalog.ids("")[:1], notes="wet", stars=1, add_tags=["x"]))
    qtbot.waitUntil(lambda: "yet" not in window.catalog._no_match.text() or window.catalog.model.rowCount() == 1)
    apply_filter(qtbot, window, "stars > 1 and test_rmse > 0")
    assert window.catalog._no_match.text().endswith("The highest stars there is 1.")


def test_nothing_found_tells_the_nearest_value(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 0.2")
    words = [label.text() for label in window.catalog._no_match.findChildren(QLabel)]
    assert any("The lowest test_rmse there is 1.000." in text for text in words)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("dataset = cron", "No prediction has dataset cron; there is corn."),
        ("test_rmse > 0 and dataset = 'Wheat'", "No prediction has dataset Wheat; there is wheat."),
        ("dataset = zzz", "No prediction has dataset zzz; there are corn, wheat."),
        ("dataset ~ 'hea' and dataset = corn", ""),
    ],
)
def test_nothing_found_tells_the_texts_that_are_like_what_was_asked_for(qtbot, window, query, told):
    apply_filter(qtbot, window, query)
    words = "\n".join(label.text() for label in window.catalog._no_match.findChildren(QLabel))
    assert told in words and ("there" in words) == bool(told)


def test_of_many_texts_those_that_begin_alike_are_told(tmp_path):
    with Workspace.create(tmp_path / "many") as workspace:
        run = workspace.create_run("oats")
        for name in [*(f"a{n:03}" for n in range(60)), "PLSRegression", "Ridge"]:
            pipeline = run.add_pipeline({"name": name}, name=name)
            pipeline.save_metrics({})
            pipeline.complete()
        near = fetch_listing(View("pipeline = PSL", ""), None, workspace).nearest
        assert near == Unknown("pipeline", "PSL", ("PLSRegression",))


def test_what_is_best_near_a_value_is_sorted_by_its_distance(qtbot, window, root):
    with Workspace.open(root) as other:
        run = other.create_run("oats")
        for bias in (0.3, -0.1, -2.0):
            pipeline = run.add_pipeline({"bias": bias}, name=f"bias {bias}")
            pipeline.save_metrics({"test": {"bias": bias}})
            pipeline.complete()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.session.rescan(lambda _: None)
    apply_filter(qtbot, window, "dataset_name = 'oats'")
    click(qtbot, window, "test_bias")
    assert names(window) == ["bias -0.1", "bias 0.3", "bias -2.0"]
    assert window.catalog.model.index(0, window.catalog.model.column("test_bias")).data() == "◆ −0.100"
    click(qtbot, window, "test_bias")
    assert names(window) == ["bias -2.0", "bias -0.1", "bias 0.3"]
    assert window.catalog.model.index(1, window.catalog.model.column("test_bias")).data() == "◆ −0.100"


# --- waiting for an answer ---


def test_rows_look_stale_while_a_new_query_takes_long_and_nothing_moves(qtbot, window):
    table, veil = window.catalog.table, window.catalog.veil
    place = table.geometry()
    with held(qtbot, window.session):
        window.catalog.refresh()  # the same query: what is shown is not out of date
        assert not veil.late.isActive()
        window.query.put("dataset_name = 'wheat'")
        assert veil.late.isActive() and not veil.isVisible()
        qtbot.waitUntil(veil.isVisible)
        assert veil.geometry() == window.catalog._pages.rect() and table.geometry() == place
        window.catalog.resize(window.catalog.width(), window.catalog.height() - 50)
        assert veil.geometry() == window.catalog._pages.rect()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 11)
    assert not veil.isVisible() and not veil.late.isActive()
    with held(qtbot, window.session):
        window.query.put("nonsense = 3")
        qtbot.waitUntil(veil.isVisible)
    qtbot.waitUntil(veil.isHidden)  # it can't be read: what is shown stays


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_current_cell_of_the_catalog_is_framed(qtbot, window, colours):
    window.commands.themes[colours].trigger()
    table, accent = window.catalog.table, QColor(theme().colours.accent)

    def framed() -> list[bool]:
        picture = table.viewport().grab().toImage()
        cells = [table.visualRect(table.model().index(1, column)) for column in shown]
        return [picture.pixelColor(cell.center().x(), cell.top()) == accent for cell in cells]

    titles = table.titles
    shown = [titles.logicalIndex(place) for place in range(titles.count())]
    shown = [column for column in shown if not titles.isSectionHidden(column)][:3]
    focus(qtbot, table)
    table.setCurrentIndex(table.model().index(1, shown[0]))
    assert framed() == [True, False, False]
    qtbot.keyClick(table, Qt.Key.Key_Right)
    assert framed() == [False, True, False]
