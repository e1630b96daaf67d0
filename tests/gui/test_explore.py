"""The charts of what is listed: ranges that filter the table, one selection, and which parameter matters."""

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QPicture, QWheelEvent

from gui.models import explored
from gui.models.axis import MOST_NAMES, make_axis
from gui.panes.explore import LEAST_CHART
from storage import Workspace
from tests.gui.test_window import apply_filter, focus, names, select


@pytest.fixture(scope="session")
def ridges(tmp_path_factory):
    """A workspace in which alpha decides, and the model and another parameter do not."""
    root = tmp_path_factory.mktemp("made") / "ridges"
    with Workspace.create(root) as workspace:
        run = workspace.create_run("corn")
        for number in range(24):
            model = ("Ridge", "Lasso")[number % 2]
            params = {"alpha": 10.0 ** (number // 2 % 4), "tol": 0.1 * (number % 3)}
            pipeline = run.add_pipeline(
                {"steps": [{"class": f"sklearn.linear_model.{model}", "params": params}]}, name=f"p{number:02d}"
            )
            error = 1.0 + number // 2 % 4 + number / 100
            pipeline.save_metrics({"val": {"rmse": error}, "test": {"rmse": 2 * error}})
            pipeline.complete()
        run.finalize()
    return root


@pytest.fixture
def window(open_window, ridges):
    return open_window(ridges)


@pytest.fixture
def pane(qtbot, window):
    show(qtbot, window)
    return window.explore


def show(qtbot, window):
    if not window.catalog.charts_button.isChecked():
        window.commands.explore.trigger()
    qtbot.waitUntil(lambda: len(window.explore.explored) > 0 and window.explore.parallel is not None)
    qtbot.waitUntil(lambda: window.explore.parallel.height() > 100 and not window.explore.parallel._front.busy)


def place(plot, key, value):
    """Return the pixel of a value on an axis."""
    axis = next(one for one in plot.axes if one.key == key)
    down = plot.down_of(plot._drawn(axis, axis.at(np.array([float(value)]))))[0]
    return QPoint(round(plot.left_of(plot.axes.index(axis))), round(down))


def drag(qtbot, plot, start, stop, *, release=True):
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=start)
    for share in (0.5, 1.0):
        qtbot.mouseMove(plot.viewport(), start + (stop - start) * share)
    if release:
        qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=stop)


def wheel(plot, turn):
    """Turn the wheel over a chart; return whether the chart took that."""
    at, none = plot.viewport().rect().center(), Qt.MouseButton.NoButton
    event = QWheelEvent(
        QPointF(at), QPointF(plot.viewport().mapToGlobal(at)), QPoint(), QPoint(0, turn), none,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    plot.wheelEvent(event)
    return event.isAccepted()


def seen(plot):
    """Return how much of the height of a chart can be seen."""
    return plot.viewport().visibleRegion().boundingRect().height()


def test_the_lines_keep_a_height_they_can_be_read_at_while_jobs_are_shown(qtbot, window, pane):
    window.resize(1280, 800)
    window.show_pane(4)
    qtbot.waitUntil(lambda: 0 < window.jobs_dock.height() < 220)
    qtbot.waitUntil(lambda: seen(pane.parallel) >= LEAST_CHART)
    window.centre.split.setSizes([sum(window.centre.split.sizes()) - 160, 160])
    qtbot.waitUntil(lambda: seen(pane.parallel) < LEAST_CHART)
    assert pane.parallel.height() >= LEAST_CHART, "where there is less room it is scrolled"
    assert not wheel(pane.parallel, -120), "the wheel is for what it lies in"


def test_charts_shown_beside_jobs_get_what_they_need(qtbot, window):
    window.resize(1280, 800)
    window.show_pane(4)
    qtbot.waitUntil(lambda: window.jobs_dock.height() > 220)
    show(qtbot, window)
    qtbot.waitUntil(lambda: window.jobs_dock.height() < 220)
    assert seen(window.explore.parallel) >= LEAST_CHART


def test_nothing_is_read_while_the_charts_are_hidden(qtbot, window):
    apply_filter(qtbot, window, "model_type = 'Ridge'")
    assert len(window.explore.explored) == 0
    show(qtbot, window)
    assert len(window.explore.explored) == 12
    assert window.catalog.charts_button.isChecked()
    window.commands.explore.trigger()
    assert not window.catalog.charts_button.isChecked()
    apply_filter(qtbot, window, "")
    qtbot.waitUntil(lambda: window.tasks.active == 0)
    assert len(window.explore.explored) == 12


def test_a_range_fades_lines_while_it_is_dragged_and_then_filters_the_table(qtbot, window, pane):
    plot = pane.parallel
    low, high = place(plot, "val_rmse", 1.0) + QPoint(0, 3), place(plot, "val_rmse", 2.5)
    drag(qtbot, plot, low, high, release=False)
    assert 0 < plot._inside.sum() < 24 and len(names(window)) == 24
    wanted = {title for title, inside in zip(pane.explored.titles, plot._inside, strict=True) if inside}
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=high)
    assert window.query.text().startswith("val_rmse <= ")  # it began at the lowest value
    assert set(names(window)) == wanted
    assert len(pane.explored) == 24  # the others stay, faded
    assert f"{len(wanted)} of 24" in pane.options.caption.whole()
    with qtbot.waitSignal(window.catalog.model.listed):
        pane.options.clear.click()
    assert window.query.text() == "" and len(names(window)) == 24


def test_ranges_on_several_axes_join_the_query_that_was_there(qtbot, window, pane):
    apply_filter(qtbot, window, "val_rmse < 3.5 or pipeline_name = 'p00'")
    qtbot.waitUntil(lambda: len(pane.explored) == 18)
    with qtbot.waitSignal(window.catalog.model.listed):
        pane.set_ranges({"model_type": (0.5, 1.5), "vanished": (0.0, 1.0), "Ridge.alpha": (1.0, 10.0)})
    kept = pane.explored.axes["model_type"].names[1]
    assert window.query.text().startswith("(val_rmse < 3.5 or pipeline_name = 'p00') and ")
    assert f"model_type = '{kept}'" in window.query.text() and "Ridge.alpha <= 10" in window.query.text()
    apply_filter(qtbot, window, "val_rmse < 3")
    qtbot.waitUntil(lambda: len(pane.explored) == 12)
    assert pane.ranges == {}  # a query somebody wrote is the new ground


def test_a_range_is_moved_and_taken_away_by_mouse(qtbot, window, pane):
    plot = pane.parallel
    pane.set_ranges({"val_rmse": (2.0, 3.0)})
    qtbot.waitUntil(lambda: len(names(window)) < 24)
    before = set(names(window))
    middle = place(plot, "val_rmse", 2.5)
    with qtbot.waitSignal(window.catalog.model.listed):
        drag(qtbot, plot, middle, middle - QPoint(0, 40))
    low, high = plot.ranges["val_rmse"]
    assert low > 2.0 and high - low == pytest.approx(1.0, abs=0.05)
    assert set(names(window)) != before
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place(plot, "val_rmse", (low + high) / 2))
    assert len(names(window)) == 24


def test_ranges_are_chosen_by_keyboard(qtbot, window, pane):
    focus(qtbot, pane.parallel)
    with qtbot.waitSignal(pane.parallel.ranges_wanted):
        qtbot.keyClick(pane.parallel, Qt.Key.Key_Return)
    dialog = pane.choose_ranges()
    dialog.edits["val_rmse"][1].setText("1.05")
    dialog.edits["model_type"][0].setText("Nonsense")
    dialog._take()
    assert dialog.isVisible() and "model_type" in dialog._words.text()
    dialog.edits["model_type"][0].setText("Ridge")
    with qtbot.waitSignal(window.catalog.model.listed):
        dialog._take()
    assert names(window) == ["p00"]


@pytest.fixture
def mixed(tmp_path):
    """A workspace with axes of every kind: rare names, numbers and texts on one axis, preprocessing, and what lacks."""
    root = tmp_path / "mixed"
    snv = {"class": "chemotools.scatter.StandardNormalVariate"}
    with Workspace.create(root) as workspace:
        run = workspace.create_run("corn")
        for number in range(30):
            gamma = ("scale", 0.1 + number / 3, None)[number % 3]
            before = ([], [snv], [snv, {"class": "sklearn.preprocessing.StandardScaler"}])[number // 10]
            steps = [*before, {"class": "sklearn.svm.SVR", "params": {"gamma": gamma, "C": 1.5**number}}]
            pipeline = run.add_pipeline({"steps": steps, "name": f"c{number}"}, name=f"p{number}")
            pipeline.save_metrics({"val": {"rmse": 1.0 + number / 7}} if number % 5 else {"test": {"rmse": 1.0}})
            pipeline.complete()
        run.add_pipeline({"model": "mean"}, name="without steps").complete()
        run.finalize()
    return root


def test_what_is_within_a_range_of_any_axis_is_what_its_condition_lists(qtbot, open_window, mixed):
    window = open_window(mixed)
    show(qtbot, window)
    pane, model = window.explore, window.catalog.model
    axes = pane.explored.axes
    assert {"preprocessing", "config_name", "created_at", "SVR.gamma", "SVR.C", "val_rmse"} <= set(axes)
    assert axes["config_name"].names[-1] == "" and "0.43333333333333335" in axes["SVR.gamma"].names
    heights = [(0.0, 1.0), (0.0, 0.4), (0.35, 0.8), (0.501, 0.502), (0.97, 1.0)]
    asked = [(key, *axis.range_of(*map(axis.value_at, ends))) for key, axis in axes.items() for ends in heights]
    conditions = [axes[key].condition(low, high) for key, low, high in asked]
    listed = []
    window.session.query(lambda workspace: [set(workspace.catalog.ids(one)) for one in conditions], listed.append)
    qtbot.waitUntil(lambda: bool(listed))
    for (key, low, high), condition, ids in zip(asked, conditions, listed[0], strict=True):
        inside = axes[key].inside(low, high)
        assert {pane.explored.picked[row].prediction_id for row in np.flatnonzero(inside)} == ids, condition
        assert inside.any() or not axes[key].names, condition
    pane.set_ranges({"preprocessing": (0.5, 1.5)})
    qtbot.waitUntil(lambda: model.rowCount() == 10)
    assert window.query.text() == f"preprocessing = '{axes['preprocessing'].names[1]}'"


def test_preprocessing_is_chosen_with_the_mouse_and_a_view_brings_it_back(qtbot, open_window, mixed):
    window = open_window(mixed)
    show(qtbot, window)
    pane, plot = window.explore, window.explore.parallel
    pane._put("axes", ["preprocessing", "val_rmse"])
    names_there = pane.explored.axes["preprocessing"].names
    start, stop = (place(plot, "preprocessing", at) for at in (0.0, 1.0))
    with qtbot.waitSignal(window.catalog.model.listed):
        drag(qtbot, plot, start + QPoint(0, 4), stop - QPoint(0, 4))
    kept = names_there[:2]
    assert window.query.text() == f"preprocessing in ('{kept[0]}', '{kept[1]}')"
    assert len(names(window)) == 20
    view = window.catalog.as_view("Two of three")
    with qtbot.waitSignal(window.catalog.model.listed):
        pane.options.clear.click()
    assert len(names(window)) == 31
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.show_view(view)
    assert len(names(window)) == 20


def test_the_dialog_leaves_alone_what_it_does_not_ask_for(qtbot, open_window, mixed):
    window = open_window(mixed)
    show(qtbot, window)
    pane = window.explore
    pane._put("axes", ["config_name", "created_at"])
    times = pane.explored.axes["created_at"]
    last = float(len(pane.explored.axes["config_name"].names) - 1)
    pane.ranges = {"created_at": times.bounds, "config_name": (last - 0.5, last + 0.5)}
    dialog = pane.choose_ranges()
    assert dialog.edits["config_name"][0].text() == "others"
    with qtbot.waitSignal(dialog.wanted) as told:
        dialog._take()
    assert told.args == [{"created_at": times.bounds, "config_name": (last - 0.5, last + 0.5)}]


def test_a_line_is_selected_everywhere_by_a_click_and_shown_when_selected_elsewhere(qtbot, window, pane):
    plot = pane.parallel
    row = pane.explored.titles.index("p09")
    last = len(plot.axes) - 1
    x = (plot.left_of(last - 1) + plot.left_of(last)) / 2
    y = plot.down_of(plot._heights[row, [last - 1, last]]).mean()
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    qtbot.waitUntil(lambda: bool(window.catalog.table.chosen.rows()))  # the first is current by the keyboard alone
    chosen = window.catalog.model.row(window.catalog.table.currentIndex().row())["prediction_id"]
    assert window.selection.current.prediction_id == chosen
    assert plot.chosen == [pane.explored.rows_of([window.selection.current])[0]]
    wanted = select(qtbot, window, 5)
    assert pane.explored.picked[plot.current].prediction_id == wanted
    assert "val_rmse" in plot.tip(plot.current)


def test_axes_are_moved_turned_and_chosen(qtbot, window, pane, open_window, ridges):
    plot = pane.parallel
    keys = [axis.key for axis in plot.axes]
    title = QPoint(round(plot.left_of(0)), 10)
    drag(qtbot, plot, title, QPoint(round(plot.left_of(2)) + 20, 10))
    assert [axis.key for axis in plot.axes][:3] == [*keys[1:3], keys[0]]
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(plot.left_of(0)), 10))
    assert plot.inverted == {keys[1]}
    focus(qtbot, plot)
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    now = [axis.key for axis in plot.axes]
    assert now != keys
    chooser = pane.choose_axes()
    chooser.ticked.emit(now[0], False)
    assert [axis.key for axis in plot.axes] == now[1:]
    chooser.close()
    window.close()
    again = open_window(ridges)
    show(qtbot, again)
    assert [axis.key for axis in again.explore.parallel.axes] == now[1:]


def test_the_parameter_that_matters_comes_first_and_is_drawn(qtbot, window, pane):
    pane.options.kinds.setCurrentIndex(1)
    qtbot.waitUntil(lambda: pane.parameters is not None and pane.parameters.ranking.rowCount() > 0)
    ranking, plot = pane.parameters.ranking, pane.parameters.plot
    assert set(ranking.names()[:2]) == {"Ridge.alpha", "Lasso.alpha"}
    assert "model_type" in ranking.names()[2:]
    assert plot.bottom_axis.key == ranking.names()[0] and plot.left_axis.key == "val_rmse"
    assert len(plot.rows) == 12 and plot.log[0]
    points = [one for one in plot.getPlotItem().items if isinstance(one, pg.ScatterPlotItem) and one not in plot._rings]
    drawn = {spot.pen().color().name() for one in points for spot in one.points()}
    assert drawn and drawn <= set(plot.colouring.colours)  # their outlines, not thinned by what shows through
    assert ranking.item(0, 2).text() == "12" and ranking.item(ranking.names().index("model_type"), 2).text() == "24"
    assert not pane.parameters.note.isVisible()  # all are of one dataset
    ranking.setCurrentCell(ranking.names().index("model_type"), 0)
    assert plot.bottom_axis.key == "model_type" and len(plot.rows) == 24
    assert {plot.getAxis(side).autoSIPrefixScale for side in ("bottom", "left")} == {1.0}  # no "(x0.001)" at a title
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert window.selection.current in pane.explored.picked
    first = window.selection.current
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert window.selection.current != first


def test_a_plot_may_be_resized_before_it_shows_anything(qtbot):
    from gui.charts.parameter import ParameterPlot

    plot = ParameterPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show()
    qtbot.waitExposed(plot)
    assert plot.bottom_axis is None


@pytest.mark.parametrize("low, high", [(-2.0, 1.02), (0.04, 0.11), (0.0, 0.9), (-9.0, 12.0), (1.7, 2.6)])
def test_ticks_of_a_logarithmic_axis_keep_their_distance_and_are_round(low, high):
    from gui.charts.log_axis import log_ticks, power_text

    for size in (120.0, 180.0, 600.0):
        ticks = log_ticks(low, high, size, 22.0)
        assert ticks and low <= ticks[0] and ticks[-1] <= high
        assert np.diff(ticks).min(initial=9.0) * size / (high - low) >= 21.9
        assert all(len(power_text(10.0**tick)) <= 6 for tick in ticks)
    assert [power_text(one) for one in (0.03, 1e6, 2e-9)] == ["0.03", "10⁶", "2·10⁻⁹"]


def test_at_most_so_many_are_drawn_and_that_is_said(qtbot, window, monkeypatch):
    monkeypatch.setattr(explored, "MOST", 10)
    show(qtbot, window)
    assert window.explore.options.caption.whole() == "a sample of 10 of 24"
    titles = list(window.explore.explored.titles)
    assert len(titles) == 10 and titles != [f"p{n:02d}" for n in range(10)]  # not the best, as the table has them
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("val_rmse", descending=True)
    qtbot.waitUntil(lambda: list(window.explore.explored.titles) != titles)
    assert sorted(window.explore.explored.titles) == sorted(titles)  # the same ones in another order
    low, high = window.explore.explored.axes["val_rmse"].bounds
    window.explore.set_ranges({"val_rmse": (low, (low + high) / 2)})
    assert window.explore.options.caption.whole().endswith("of a sample of 10 of 24 within the ranges")


def test_names_that_are_rare_are_others_and_missing_values_are_no_numbers():
    axis = make_axis("config_name", [f"c{n}" for n in range(40)] + ["often"] * 3 + [None], "name")
    assert (len(axis.names), axis.names[0], axis.names[-1]) == (MOST_NAMES, "often", "")
    assert np.isnan(axis.values[-1]) and axis.values[39] == MOST_NAMES - 1
    assert make_axis("SVR.gamma", ["scale", 0.1, None], "parameter").names == ("scale", "0.1")
    assert make_axis("Ridge.alpha", [1e-3, 1.0, 100.0], "parameter").log
    assert not make_axis("test_r2", [-0.5, 0.0, 0.9], "metric").log


@pytest.mark.parametrize("alone", [0.004, 812.0])
def test_the_axis_of_a_single_result_is_about_its_value(qtbot, alone):
    from gui.charts.colouring import plain_colouring
    from gui.charts.parameter import ParameterPlot

    plot = ParameterPlot()
    qtbot.addWidget(plot)
    x, y = make_axis("alpha", [2.0], "parameter"), make_axis("val_rmse", [alone], "metric")
    plot.show_axes(x, y, plain_colouring(1), (False, False))
    low, high = plot.getPlotItem().getViewBox().viewRange()[1]
    assert 0 < low < alone < high and 0.2 * alone < high - low < alone


def test_a_list_of_choices_is_as_wide_as_what_is_chosen_where_there_is_room(qtbot, window, pane):
    pane.show_parameters()
    combo = pane.options.parameter
    combo.addItem("PLSRegression n_components", "long")
    combo.setCurrentIndex(combo.count() - 1)
    whole = combo.fontMetrics().horizontalAdvance(combo.currentText())
    pane.options.setFixedWidth(1200)
    qtbot.waitUntil(lambda: combo.width() > whole)
    pane.options.setFixedWidth(420)
    qtbot.waitUntil(lambda: combo.geometry().right() < 420 and pane.options.colour.geometry().right() < 420)


def test_names_along_an_axis_are_whole_or_short_and_never_alike_nor_over_each_other(qtbot):
    from gui.charts.tick_names import fitting_names

    metrics = QFontMetrics(QGuiApplication.font())
    names = ["SavitzkyGolay", "StandardNormalVariate → SavitzkyGolay", "StandardNormalVariate", "AsLs", "none",
             "SparseGaussian", "pls_" + 30 * "x"]  # fmt: skip
    assert fitting_names(names, 800, 80, metrics) == (names, False)
    assert fitting_names(names, 40, 800, metrics) == (names, True)
    short = ["SavitzkyGolay", "SNV→SG", "SNV", "AsLs", "none", "SparseGaussian"]
    assert fitting_names(names[:-1], 40, 150, metrics) == (short, True)
    cut, upright = fitting_names(names, 40, 150, metrics)
    assert upright and len(set(cut)) == len(names) and cut[:-1] == short
    assert max(metrics.horizontalAdvance(one) for one in cut) <= 150
    crowded, _ = fitting_names(names, metrics.height() / 2, 150, metrics)
    assert [bool(one) for one in crowded] == [True, False, True, False, True, False, True]


def test_the_whole_name_is_told_where_it_is_shortened(qtbot):
    from gui.charts.colouring import plain_colouring
    from gui.charts.parameter import ParameterPlot

    plot = ParameterPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    names = [f"StandardNormalVariate → {word}Smoothing" for word in ("Kalman", "Savitzky", "Gaussian", "Box")]
    x, y = make_axis("preprocessing", names, "name"), make_axis("val_rmse", [1.0, 2.0, 3.0, 4.0], "metric")
    plot.show_axes(x, y, plain_colouring(4), (False, False))
    plot.show()
    qtbot.waitExposed(plot)
    axis = plot.getAxis("bottom")
    assert axis.upright and axis.height() < 200
    box, below = plot.getPlotItem().getViewBox(), axis.sceneBoundingRect().center().y()
    for number, name in enumerate(x.names):
        assert plot.name_at(QPointF(box.mapViewToScene(QPointF(number, 1.0)).x(), below)) == name
    assert plot.name_at(box.mapViewToScene(QPointF(1, 2.0))) == ""


def test_upright_names_at_the_edges_are_drawn_however_far_they_would_reach_lying(qtbot):
    from gui.charts.colouring import plain_colouring
    from gui.charts.parameter import ParameterPlot

    plot = ParameterPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 300)
    names = [f"{word} and centred" for word in ("Kalman", "Savitzky", "Gaussian", "Box", "Median", "Wiener", "Spline")]
    x, y = make_axis("preprocessing", names, "name"), make_axis("val_rmse", [float(n) for n in range(7)], "metric")
    plot.show_axes(x, y, plain_colouring(7), (False, False))
    plot.show()
    qtbot.waitExposed(plot)
    axis = plot.getAxis("bottom")
    painter = QPainter(picture := QPicture())
    drawn = axis.generateDrawSpecs(painter)[2]
    painter.end()
    assert axis.upright and not picture.isNull() and len(drawn) == len(names)


def test_one_result_is_told_as_one(qtbot, window, pane):
    apply_filter(qtbot, window, "pipeline_name = 'p03'")
    qtbot.waitUntil(lambda: pane.options.caption.whole() == "1 result")
    assert window.status._listed.text().startswith("1 of 24 predictions")


def test_nothing_of_one_workspace_is_left_in_the_charts_of_an_empty_one(qtbot, window, pane, tmp_path):
    assert pane.options.caption.whole() and pane.legend.accessibleName()
    Workspace.create(tmp_path / "empty").close()
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(tmp_path / "empty")
    assert pane._pages.currentWidget() is pane.empty, "at once, not when the new rows are there"
    qtbot.waitUntil(lambda: window.tasks.idle)
    told = (pane.options.caption.whole(), pane.legend.accessibleName(), pane.options.colour.count())
    assert told == ("", "", 0)
    assert pane._pages.currentWidget() is pane.empty
