"""The paged table, on a real workspace."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from gui.models import catalog as models
from gui.models import listings
from gui.models.catalog import CatalogModel
from gui.models.listings import View
from gui.session import Session
from gui.tasks import Tasks
from storage import Workspace

WARN = QAbstractItemModelTester.FailureReportingMode.Warning  # and a Qt warning fails the test


@pytest.fixture
def session(qtbot, root):
    tasks = Tasks()
    made = Session(tasks)
    made.adopt(Workspace.open(root))
    yield made
    made.close()
    tasks.close()


@pytest.fixture
def table(qtbot, session, monkeypatch):
    monkeypatch.setattr(listings, "PAGE", 4)  # 41 rows make many pages
    monkeypatch.setattr(models, "PAGES_KEPT", 3)
    model = CatalogModel(session)
    model.tester = QAbstractItemModelTester(model, WARN)
    return model


def listed(qtbot, model, *view):
    with qtbot.waitSignal(model.listed):
        model.ask(View(*view))
    qtbot.waitUntil(lambda: model.listing.complete)
    return model


def texts(model, key):
    column = model.column(key)
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_a_page_shows_dots_then_its_values_and_is_asked_for_once(qtbot, table):
    listed(qtbot, table, "", "test_rmse")
    asked = []
    query = table._session.query
    cell = table.index(30, table.column("pipeline_name"))

    def noting(fetch, *args, **kwargs):
        query(fetch, *args, **kwargs)
        asked.append(fetch.args[2])
        cell.data()  # painted again while the page is on its way

    table._session.query = noting
    assert cell.data() == "…"
    with qtbot.waitSignal(table.dataChanged):
        cell.data()
    assert cell.data().startswith(("corn", "wheat"))
    with qtbot.waitSignal(table.dataChanged):
        table.index(20, 0).data()
    assert asked == [[7], [5]]


def test_of_a_long_listing_the_first_rows_come_at_once_and_stay(qtbot, table):
    counts = []
    table.listed.connect(lambda: counts.append(table.rowCount()))
    table.completed.connect(lambda: counts.append(table.rowCount()))
    resets = []
    table.modelReset.connect(lambda: resets.append(True))
    listed(qtbot, table, "", "test_rmse")
    assert counts == [8, 41]
    assert resets == [True]
    assert table.listing.total == 41


def test_pages_not_looked_at_are_let_go(qtbot, table):
    listed(qtbot, table, "", "test_rmse")
    for row in (10, 20, 30, 40):
        if table.row(row) is None:
            with qtbot.waitSignal(table.dataChanged):
                pass
    assert table.row(40) is not None
    assert len(table._pages) <= 3


@pytest.mark.parametrize(("order", "first"), [("test_rmse", "corn 0"), ("-test_rmse", "corn 29")])
def test_sorting_is_a_new_query(qtbot, table, order, first):
    listed(qtbot, table, "dataset_name = 'corn'", order)
    assert table.index(0, table.column("pipeline_name")).data() == first


def test_without_a_wish_the_best_comes_first_with_a_mark(qtbot, table):
    listed(qtbot, table, "dataset_name = 'corn'", "")
    best = table.index(0, table.column("val_rmse"))
    assert best.data() == "▼ 1.00"
    assert best.data(Qt.ItemDataRole.FontRole).bold()
    second = table.index(1, table.column("val_rmse"))
    assert second.data() == "1.10"
    assert second.data(Qt.ItemDataRole.FontRole) is None


def test_the_best_is_marked_when_the_worst_comes_first(qtbot, table):
    listed(qtbot, table, "dataset_name = 'wheat' and status = 'completed'", "-test_rmse")
    while table.row(9) is None:
        with qtbot.waitSignal(table.dataChanged):
            pass
    assert table.index(9, table.column("test_rmse")).data() == "▼ 1.00"


def test_what_was_selected_is_found_again_after_sorting_and_filtering(qtbot, table):
    listed(qtbot, table, "", "test_rmse")
    chosen = table.row(2)["prediction_id"]
    listed(qtbot, table, "", "-test_rmse", chosen, chosen)
    assert table.row(table.listing.current_row)["prediction_id"] == chosen
    assert table.listing.top_row == table.listing.current_row
    listed(qtbot, table, "dataset_name = 'nothing'", "", chosen)
    assert table.listing.current_row == -1


def test_missing_values_are_a_dash_and_copies_are_exact(qtbot, table):
    listed(qtbot, table, "status = 'failed'", "")
    assert texts(table, "test_rmse") == ["–"]
    listed(qtbot, table, "dataset_name = 'corn'", "test_rmse")
    assert table.index(1, table.column("test_rmse")).data(Qt.ItemDataRole.UserRole) == 1.1


def test_a_wrong_filter_is_refused_with_its_place(qtbot, table):
    with qtbot.waitSignal(table.refused) as told:
        table.ask(View("test_rmse < 1 and nonsense = 2", ""))
    assert told.args[0].position == 18
