"""Named views: what is listed, in which order, with which columns and groups, under one name."""

from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from gui.views import SavedView, own_views, put_view
from storage import Workspace
from tests.gui.holding import held
from tests.gui.samples import fill
from tests.gui.test_window import apply_filter, focus, names


@pytest.fixture
def views(window):
    return window.catalog.views


def choose(qtbot, window, name):
    action = next(one for one in window.catalog.views.menu.actions() if one.text() == name)
    with qtbot.waitSignal(window.catalog.model.listed):
        action.trigger()


def save_as(qtbot, window, name):
    dialog = window.catalog.views.ask_name()
    dialog.edit.setText(name)
    dialog.accept()


def test_a_view_brings_query_order_columns_and_groups_back(qtbot, window, views):
    assert views.button.text() == "View: Best"
    apply_filter(qtbot, window, "dataset_name = 'corn'")
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("test_r2", descending=False)
    window.catalog.columns.show_column("model_type", False)
    window.catalog.columns.pin("dataset_name", True)
    assert views.button.text() == "View: Best, changed"
    save_as(qtbot, window, "Corn, worst")
    assert views.button.text() == "View: Corn, worst"
    choose(qtbot, window, "Best")
    assert window.query.text() == "" and len(names(window)) == 41
    assert "model_type" in window.catalog.columns.shown_keys()
    choose(qtbot, window, "Corn, worst")
    assert names(window)[0] == "corn 29" and len(names(window)) == 30
    assert window.catalog.columns.shown_keys()[:2] == ["pipeline_name", "dataset_name"]
    assert "model_type" not in window.catalog.columns.shown_keys()


def test_built_in_views_show_what_they_say(qtbot, window, views):
    choose(qtbot, window, "Failed")
    assert names(window) == ["wheat broken"]
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        views.open(views.find("by_dataset"))
    assert window.catalog.grouping.table.isVisible()
    assert window.query.text() == ""
    choose(qtbot, window, "Newest")
    assert window.catalog.table.isVisible()
    assert window.catalog.model.listing.view.order == "-created_at"


def test_a_view_without_groups_takes_them_off_while_its_rows_are_still_read(qtbot, window, views):
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.catalog.grouping.group(("dataset_name",))
    assert window.catalog.grouping.table.isVisible()
    with held(qtbot, window.session):
        next(one for one in window.commands.offers() if one.text == "View With notes").act()
        assert window.catalog.table.isVisible() and views.button.text() == "View: With notes"
    qtbot.waitUntil(lambda: window.tasks.idle)


def test_a_view_with_columns_that_are_gone_opens_with_the_rest(qtbot, window, settings, views):
    columns = [{"key": "vanished", "width": 90, "shown": True}, {"key": "test_r2", "width": 99, "shown": True}]
    put_view(settings, SavedView("Old", order="-vanished,test_r2", columns=tuple(columns), group_by=("vanished",)))
    with qtbot.waitSignal(window.catalog.model.listed):
        views.open(views.find("Old"))
    assert window.catalog.model.listing.view.order == "test_r2"
    assert "test_r2" in window.catalog.columns.shown_keys()
    assert window.catalog.table.columnWidth(window.catalog.model.column("test_r2")) == 99
    qtbot.waitUntil(lambda: window.catalog.grouping.by == ())
    assert window.catalog.table.isVisible()


def test_a_view_lists_what_has_notes_by_when_they_were_written(qtbot, window, views):
    model = window.catalog.model
    first, last = model.row(3)["prediction_id"], model.row(1)["prediction_id"]
    for one in (first, last):
        with qtbot.waitSignals([window.session.changed, model.listed]):
            window.session.change(partial(lambda one, ws: ws.catalog.annotate([one], notes="promising"), one))
    choose(qtbot, window, "With notes")
    assert [model.row(place)["prediction_id"] for place in range(model.rowCount())] == [last, first]
    assert window.catalog.columns.shown_keys()[:3] == ["pipeline_name", "notes", "noted_at"]
    assert views.button.text() == "View: With notes"
    assert model.index(0, model.column("noted_at")).data().startswith("today")


def test_views_are_renamed_saved_again_and_deleted_and_that_is_undone(qtbot, window, settings, views):
    save_as(qtbot, window, "Mine")
    dialog = views.ask_name(views.find("Mine"))
    save = next(one for one in dialog.findChild(QDialogButtonBox).buttons() if one.text() == "Save")
    dialog.edit.setText("best")
    assert not save.isEnabled()  # there is one of that name
    dialog.edit.setText("Ours")
    dialog.accept()
    assert [one.name for one in own_views(settings)] == ["Ours"]
    window.catalog.columns.show_column("model_type", False)
    views.save()
    assert views.button.text() == "View: Ours"
    views.drop(views.find("Ours"))
    assert own_views(settings) == []
    assert "Ours" in window.notice.text()
    window.notice._act.click()
    assert [one.name for one in own_views(settings)] == ["Ours"]


def test_views_and_groups_are_there_again_the_next_time(qtbot, window, open_window, root, views):
    with qtbot.waitSignal(window.catalog.grouping.arrived):
        window.catalog.grouping.group(("dataset_name",))
    save_as(qtbot, window, "In groups")
    window.close()
    again = open_window(root)
    qtbot.waitUntil(lambda: again.catalog.grouping.table.isVisible())
    assert again.catalog.views.button.text() == "View: In groups"
    assert again.catalog.grouping.table.groups.rowCount() == 2


def test_the_menu_opens_by_key_and_its_views_are_commands(qtbot, window, views):
    focus(qtbot, window.catalog.table)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_V, both)
    assert views.menu.isVisible()
    views.menu.close()
    offered = [offer.text for offer in window.commands.offers()]
    assert "View Starred" in offered and "Save view as" in offered
    assert "Starred" not in offered  # not twice


def test_another_workspace_has_its_own_order_columns_and_view(qtbot, window, root, tmp_path):
    catalog = window.catalog

    def go_to(place, rows):
        window.open_workspace(place)
        qtbot.waitUntil(lambda: catalog.model.rowCount() == rows and window.session.workspace.root == place)

    catalog.views.open(catalog.views.find("newest"))
    qtbot.waitUntil(lambda: catalog.model.listing.view.order == "-created_at")
    catalog.columns.show_column("model_type", False)
    other = tmp_path / "other"
    with Workspace.create(other) as workspace:
        fill(workspace, "oats", 4)
    go_to(other, 4)
    assert catalog.model.listing.view.order == "val_rmse"
    assert "model_type" in catalog.columns.shown_keys()
    assert catalog.views.button.text() == "View: Best"
    go_to(root, 41)
    assert catalog.model.listing.view.order == "-created_at"
    assert "model_type" not in catalog.columns.shown_keys()
    assert catalog.views.button.text() == "View: Newest, changed"


def test_what_is_sorted_by_when_a_workspace_is_opened_again_is_shown(qtbot, window, open_window, root, views):
    choose(qtbot, window, "With notes")
    window.close()
    again = open_window(root)
    assert "sorted by Noted" in again.status._listed.text()
    assert again.catalog.columns.shown_keys()[:2] == ["pipeline_name", "noted_at"]
    choose(qtbot, again, "Newest")
    assert "noted_at" not in again.catalog.columns.shown_keys()
