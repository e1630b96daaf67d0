"""Which columns are shown, room to spare for the names, a narrow status as a sign, and a note seen in its row."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStyleOptionViewItem

from gui.panes.catalog_table import SIGN_WIDTH
from gui.panes.column_layout import SPARE, WIDTHS
from storage import Workspace
from tests.gui.test_window import apply_filter, select


@pytest.fixture
def table(window):
    return window.catalog.table


def width(window, key):
    return window.catalog.table.columnWidth(window.catalog.model.column(key))


def widen(qtbot, window, room):
    """Make the table so wide that there is this much room beside its columns as they are at least."""
    table, model = window.catalog.table, window.catalog.model
    shown = [column.key for place, column in enumerate(model.columns) if not table.isColumnHidden(place)]
    least = sum(WIDTHS.get(key, 0) if key in SPARE else width(window, key) for key in shown)
    edge = table.width() - table.viewport().width()
    table.window().resize(table.window().width() + least + room + edge - table.width(), table.window().height())
    qtbot.waitUntil(lambda: abs(table.viewport().width() - least - room) < 30)


def test_room_goes_to_the_pipeline_and_then_to_the_other_names(qtbot, window, table):
    widen(qtbot, window, 100)
    assert width(window, "pipeline_name") == pytest.approx(WIDTHS["pipeline_name"] + 100, abs=30)
    assert width(window, "dataset_name") == WIDTHS["dataset_name"]
    widen(qtbot, window, 300)
    assert width(window, "pipeline_name") == SPARE["pipeline_name"]
    assert WIDTHS["dataset_name"] < width(window, "dataset_name") <= SPARE["dataset_name"]
    widen(qtbot, window, 0)
    assert width(window, "dataset_name") == WIDTHS["dataset_name"]


def test_names_give_way_so_that_no_column_stands_half_in_sight(qtbot, window, table):
    widen(qtbot, window, 0)
    table.window().resize(table.window().width() - 16, table.window().height())
    header, room = table.horizontalHeader(), table.viewport().width()
    shown = [place for place in window.catalog.columns.order() if not table.isColumnHidden(place)]
    edges = [(header.sectionViewportPosition(place), table.columnWidth(place)) for place in shown]
    assert not [left for left, width in edges if left < room < left + width]
    assert WIDTHS["pipeline_name"] - 24 <= width(window, "pipeline_name") < WIDTHS["pipeline_name"]


def test_a_width_somebody_chose_stays_and_is_remembered_and_the_others_get_the_room(
    qtbot, window, table, open_window, root
):
    table.setColumnWidth(window.catalog.model.column("pipeline_name"), 190)
    widen(qtbot, window, 100)
    assert width(window, "pipeline_name") == 190
    assert width(window, "dataset_name") > WIDTHS["dataset_name"]
    window.close()
    again = open_window(root)
    assert width(again, "pipeline_name") == 190
    assert (
        again.settings.columns
        and {one["key"]: one["width"] for one in again.settings.columns}["dataset_name"] == WIDTHS["dataset_name"]
    )


def test_a_narrow_status_is_a_sign_that_is_read_out(window, table):
    place = window.catalog.model.column("status")
    index = window.catalog.model.index(0, place)
    assert width(window, "status") < SIGN_WIDTH
    assert index.data() == index.data(Qt.ItemDataRole.ToolTipRole) == "completed"
    for wide, text in ((False, ""), (True, "completed")):
        option = QStyleOptionViewItem()
        option.rect.setWidth(SIGN_WIDTH if wide else width(window, "status"))
        table.cells.initStyleOption(option, index)
        assert (option.text, option.icon.isNull()) == (text, False)


def test_a_note_is_seen_in_the_row_and_read_in_the_tip(qtbot, window):
    model, chosen = window.catalog.model, select(qtbot, window, 2)
    cell = model.index(2, model.column("pipeline_name"))
    assert cell.data(Qt.ItemDataRole.DecorationRole) is None
    with qtbot.waitSignal(model.listed):
        window.session.change(lambda workspace: workspace.catalog.annotate([chosen], notes="wet sample"))
    cell = model.index(2, model.column("pipeline_name"))
    assert not cell.data(Qt.ItemDataRole.DecorationRole).isNull()
    assert "wet sample" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole).endswith("with a note: wet sample")
    assert model.index(3, cell.column()).data(Qt.ItemDataRole.DecorationRole) is None


@pytest.fixture
def two_tasks(tmp_path):
    """Results of a regression and, in another dataset, of a classification."""
    root = tmp_path / "two"
    with Workspace.create(root) as workspace:
        for dataset, metric in (("corn", "rmse"), ("coffee", "accuracy")):
            run = workspace.create_run(dataset)
            for number in range(3):
                pipeline = run.add_pipeline({"k": number}, name=f"{dataset} {number}")
                pipeline.save_metrics({part: {metric: 0.5 + number / 10} for part in ("val", "test")})
                pipeline.complete()
            run.finalize()
    return root


def metrics_shown(window):
    return {key for key in window.catalog.columns.shown_keys() if key.startswith(("val_", "test_"))}


def test_the_metrics_shown_are_those_of_what_is_listed_until_somebody_chooses_some(qtbot, open_window, two_tasks):
    window = open_window(two_tasks)
    columns, model = window.catalog.columns, window.catalog.model
    assert metrics_shown(window) == {"val_rmse", "test_rmse", "val_accuracy", "test_accuracy"}
    columns.reveal("notes")  # somebody wrote a note, made a column wider and moved one
    window.catalog.table.setColumnWidth(model.column("pipeline_name"), 190)
    columns.arrange(["pipeline_name", "dataset_name", "status"])
    apply_filter(qtbot, window, "dataset_name = 'coffee'")
    assert metrics_shown(window) == {"val_accuracy", "test_accuracy"}
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    assert metrics_shown(window) == {"val_rmse", "test_rmse"}
    assert columns.shown_keys()[:2] == ["pipeline_name", "dataset_name"]
    columns.show_column("test_rmse", True)
    window.close()
    window = open_window(two_tasks)
    apply_filter(qtbot, window, "dataset_name = 'coffee'")
    assert metrics_shown(window) == {"val_accuracy", "test_accuracy", "test_rmse"}


def test_groups_show_the_main_metric_of_each_task_and_none_that_no_group_has(qtbot, open_window, two_tasks):
    window = open_window(two_tasks)
    table = window.catalog.grouping.table
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.catalog.grouping.group(("dataset_name",))
    keys = [column.key for column in table.groups.columns]
    assert keys[4:6] == ["best_val_rmse", "best_val_accuracy"]
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        apply_filter(qtbot, window, "dataset_name = 'coffee'")
    keys = [column.key for column in table.groups.columns]
    assert keys[4:6] == ["best_val_accuracy", "best_test_accuracy"] and not any("rmse" in key for key in keys)


def offered(window):
    """The titles in the menu "Best by", and in the one under it."""
    menu = window.catalog.sort_button.menu()
    menu.aboutToShow.emit()
    further = [action.menu() for action in menu.actions() if action.menu()]
    titles = [action.text().split("  ")[-1] for action in menu.actions() if not action.isSeparator()]
    return titles, [action.text().split("  ")[-1] for one in further for action in one.actions()]


def test_the_metrics_that_are_shown_come_first_in_the_menu_of_the_best(window):
    title = window.catalog.model.columns[window.catalog.model.column("val_rmse")].title
    first, further = offered(window)
    assert title in first and not further and "Other metrics" not in first
    window.catalog.columns.show_column("val_rmse", False)
    first, further = offered(window)
    assert further == [title] and title not in first
    assert first[-1] == "Newest first"
