"""The page of a pipeline: its steps, samples, metrics, origin, and what is left when its folder is gone."""

import json
import shutil

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QListWidget

from gui.formats import MISSING
from gui.models.points import chart_data
from gui.models.samples import SamplesModel
from gui.panes import sheets
from gui.panes.facts import configuration_text, origin_sections, split_words
from gui.panes.pipeline_chain import ChainView
from gui.panes.sheets import folds_sheet, gap_of
from storage import ChainStep, PredictionArrays, Workspace
from tests.gui.holding import held
from tests.gui.test_window import Opener
from tests.gui.trained import (
    PLS,
    SAMPLES,
    pipeline_page,  # noqa: F401 - a fixture, as are those below
    trained_root,  # noqa: F401
    trained_workspace,  # noqa: F401
)

NESTED = ChainStep(
    "ColumnTransformer", "sklearn.compose.ColumnTransformer", {"remainder": "drop", "n_jobs": None},
    frozenset({"remainder"}),
    (
        ChainStep("scale", "sklearn.preprocessing.StandardScaler", {"with_mean": True, "columns": ["a"]}, frozenset()),
        ChainStep("reduce", "sklearn.decomposition.PCA", {"n_components": 3, "tol": 0.0}, frozenset({"n_components"})),
    ),
)  # fmt: skip
MODEL = ChainStep("Ridge", "sklearn.linear_model.Ridge", {"alpha": 2.0, "tol": 1e-4}, frozenset({"alpha"}))


def texts(sheet, column: int = 0) -> list[str]:
    return [sheet.item(row, column).text() for row in range(sheet.rowCount()) if sheet.item(row, column) is not None]


def facts(sheet) -> dict[str, str]:
    return {sheet.item(n, 0).text(): sheet.item(n, 1).text() for n in range(sheet.rowCount()) if sheet.item(n, 1)}


# --- the chain ---


def test_the_steps_are_drawn_as_boxes_and_lead_to_their_parameters(qtbot, page):
    page.show("pls")
    chain = page.pane._summary.chain
    assert [step.title for step in chain.steps] == ["StandardScaler", "PLSRegression"]
    assert chain.text() == "StandardScaler → PLSRegression (n_components=3)"
    qtbot.mouseClick(chain, Qt.MouseButton.LeftButton, pos=chain.boxes()[1].center())
    parameters = page.pane._parameters
    assert page.pane.tabs.currentWidget() is parameters
    row = parameters.currentRow()
    assert [parameters.item(row, n).text() for n in range(3)] == ["2. PLSRegression", "n_components", "3"]


def test_keys_go_along_the_chain_and_tell_where_one_is(qtbot, page):
    page.show("pls")
    chain = page.pane._summary.chain
    assert "StandardScaler → PLSRegression" in chain.accessibleName()
    qtbot.keyClick(chain, Qt.Key.Key_Right)
    assert "step 2 of 2" in chain.accessibleDescription() and "n_components = 3" in chain.accessibleDescription()
    qtbot.keyClick(chain, Qt.Key.Key_Right)  # stays at the last
    with qtbot.waitSignal(chain.step_chosen) as chosen:
        qtbot.keyClick(chain, Qt.Key.Key_Return)
    assert chosen.args == [1]


def test_a_chain_wraps_where_it_is_narrow_and_no_box_is_cut(qtbot):
    chain = ChainView()
    qtbot.addWidget(chain)
    chain.show()
    chain.show_steps((NESTED, MODEL, MODEL, MODEL))
    heights = {}
    for width in (1200, 300):
        chain.resize(width, chain.heightForWidth(width))
        boxes = chain.boxes()
        heights[width] = len({box.top() for box in boxes})
        assert all(box.right() <= width and box.bottom() <= chain.height() for box in boxes)
        assert not any(a.intersects(b) for n, a in enumerate(boxes) for b in boxes[n + 1 :])
    assert heights[1200] < heights[300]


def test_steps_within_a_step_are_shown_with_it(qtbot):
    from gui.panes.facts import parameter_rows, step_tip

    chain = ChainView()
    qtbot.addWidget(chain)
    chain.show_steps((NESTED, MODEL))
    lines = [line.text for line in chain._lines(NESTED)]
    assert lines[0] == "ColumnTransformer"
    assert "› scale: StandardScaler" in lines and "› reduce: PCA (n_components=3)" in lines
    found = parameter_rows((NESTED, MODEL))
    names = [row[0] for row in found.rows if row[0]]
    assert names[:3] == [
        "1. ColumnTransformer", "1. ColumnTransformer › scale: StandardScaler", "1. ColumnTransformer › reduce: PCA",
    ]  # fmt: skip
    assert found.rows[found.starts[1]][0] == "2. Ridge"
    assert [found.rows[row][1] for row in range(len(found.rows)) if row not in found.defaults] == [
        "remainder", "n_components", "alpha",
    ]  # fmt: skip
    assert "• n_components = 3" in step_tip(NESTED)


def test_the_copied_configuration_can_be_trained_again(page):
    page.show("pls")
    page.pane._summary.copy.click()
    copied = json.loads(QGuiApplication.clipboard().text())
    assert copied["steps"][1] == PLS["steps"][1] and copied["cv"] == PLS["cv"]
    page.pane._summary.chain.copy_wanted.emit(True)
    assert QGuiApplication.clipboard().text() == "StandardScaler → PLSRegression (n_components=3)"


# --- metrics ---


def test_metrics_have_a_column_for_each_partition_and_the_gap_knows_which_end_is_best(page):
    page.show("pls")
    sheet = page.pane._summary._metrics
    assert [sheet.horizontalHeaderItem(n).text() for n in range(5)] == ["Metric", "train", "val", "test", "worse by"]
    told = page.pane.details.metrics
    row = texts(sheet).index("R²")
    worse = told["test"]["r2"] < told["train"]["r2"]
    assert (sheet.item(row, 4).text()[0] == "−") == (not worse)
    assert all(" " not in sheet.item(row, 4).text() for row in range(sheet.rowCount())), "as all other numbers have it"
    assert sheet.item(row, 4).data(Qt.ItemDataRole.UserRole) == pytest.approx(told["train"]["r2"] - told["test"]["r2"])


def test_the_gap_is_worse_or_better_by_direction_and_by_target():
    def gap(name, train, test):
        found = gap_of(name, {"train": {name: train}, "val": {}, "test": {name: test}})
        return (found.worse, pytest.approx(found.value)) if found is not None else None

    assert gap("rmse", 1.0, 1.5) == (True, 0.5)
    assert gap("r2", 0.8, 0.9) == (False, 0.1)
    assert gap("bias", 0.1, -0.4) == (True, 0.3)  # nearer to zero is best
    assert gap("accuracy", 1.0, 1.0) == (False, 0.0)
    assert sheets._cell_text(gap_of("r2", {"train": {"r2": 1.0}, "val": {"r2": 1.0}, "test": {}}), "gap") == "="
    assert gap("nobody_knows", 1.0, 2.0) is None
    assert gap("samples", 10, 5) is None


# --- samples ---


def test_the_table_of_samples_has_every_prediction(qtbot, page):
    page.show("pls")
    model = page.pane.samples.model
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.QtTest)
    partitions = [model.index(row, 4).data() for row in range(model.rowCount())]
    assert {name: partitions.count(name) for name in ("train", "val", "test")} == {"train": 45, "val": 45, "test": 15}
    assert [column.title for column in model.columns] == [
        "Sample", "Measured", "Predicted", "Residual", "Partition", "Fold",
    ]  # fmt: skip
    page.show("trees")
    assert [column.title for column in model.columns] == [
        "Sample", "True", "Predicted", "Right", "Probability", "Partition", "Fold",
    ]  # fmt: skip


def test_in_a_pane_of_the_first_width_the_numbers_of_samples_are_seen_whole(qtbot, page):
    page.show("pls")
    page.pane.resize(372, 700)
    page.pane.tabs.setCurrentIndex(1)
    table = page.pane.samples.table
    qtbot.waitUntil(lambda: table.isVisible() and table.viewport().width() > 300)
    seen = table.viewport().width()
    assert all(table.columnViewportPosition(place) + table.columnWidth(place) <= seen for place in range(4))


def test_samples_sort_by_a_click_numbers_in_names_too_and_the_largest_errors_first(page):
    page.show("pls")
    samples, model = page.pane.samples, page.pane.samples.model
    header = samples.table.horizontalHeader()
    header.sectionClicked.emit(3)
    residuals = np.abs((model.rows.predicted - model.rows.truth)[model.order, 0])
    assert (np.diff(residuals) <= 0).all()
    header.sectionClicked.emit(0)
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert names == sorted(names, key=lambda name: int(name[1:]))
    page.show("ridge")
    assert model.sorted_by == (0, False)  # stays from one pipeline to the next


def test_a_row_of_the_table_highlights_point_and_spectrum(qtbot, page):
    page.show("pls")
    page.show_spectra()
    samples = page.pane.samples
    page.pane.tabs.setCurrentIndex(1)
    samples.table.setFocus()
    qtbot.keyClick(samples.table, Qt.Key.Key_Down)
    qtbot.keyClick(samples.table, Qt.Key.Key_Down)
    row = samples.current_row()
    assert page.selection.sample.index == samples.model.rows.samples[row]
    assert page.selection.sample.name == samples.model.rows.names[row]
    assert page.pane.charts.plot.sample == page.selection.sample.index
    assert page.pane.charts.plot._ring
    assert page.pane.charts.caption().startswith(page.selection.sample.name)


def test_a_sample_selected_elsewhere_is_found_in_the_table_but_not_one_of_another_dataset(page):
    from gui.selection import Sample

    page.show("pls")
    samples = page.pane.samples
    page.selection.point(Sample("barley", 20, "s20"))
    assert samples.model.rows.samples[samples.current_row()] == 20
    assert samples.model.rows.partition(samples.current_row()) in ("val", "test")
    page.selection.point(Sample("wheat", 21, "s21"))
    assert samples.current_row() is None
    assert page.pane.charts.plot.sample is None


def test_copied_samples_have_full_precision(page):
    page.show("pls")
    samples = page.pane.samples
    samples.table.selectAll()
    QGuiApplication.clipboard().clear()
    samples.copy_rows()
    page.wait(lambda: "\t" in QGuiApplication.clipboard().text())
    title, *lines = QGuiApplication.clipboard().text().splitlines()
    assert title.split("\t")[:4] == ["Sample", "Measured", "Predicted", "Residual"]
    assert len(lines) == len(samples.model.rows)
    row = int(samples.model.order[0])
    assert float(lines[0].split("\t")[1]) == samples.model.rows.truth[row, 0]


def test_fifty_thousand_samples_sort_at_once():
    import time

    random = np.random.default_rng(1)
    truth = random.normal(size=50_000)
    arrays = [PredictionArrays("test", None, np.arange(50_000), truth, truth + random.normal(size=50_000))]
    data = chart_data(arrays, {n: f"plot {n % 977}-{n}" for n in range(50_000)})
    model = SamplesModel()
    model.show(data.rows, ["yield"])
    for column in (0, 2, 4):
        took = []
        for _ in range(3):
            began = time.thread_time()
            model.click(column)
            took.append(time.thread_time() - began)
        assert min(took) * 1000 < 50
    assert len(model.order) == 50_000


# --- where it comes from ---


def test_the_origin_tells_dataset_run_template_and_environment_in_sections(page):
    picked = page.show("pls")
    sections = dict(origin_sections(page.pane.details))
    assert list(sections) == ["Result", "Dataset", "Run", "Template", "Environment"]
    data = dict(sections["Dataset"])
    assert (data["Name"], data["Target"], data["Units"]) == ("barley", "protein", "%")
    assert data["Shape"] == f"{SAMPLES} samples × 120 columns"
    assert data["Split"] == "45 train, 15 test (25.0 % at random, seed 0)"
    assert len(data["SHA-256 of the file"]) == 64 and data["File"].endswith("barley.csv")
    assert dict(sections["Run"])["Run"] == picked.run_id
    assert dict(sections["Template"])["Name"] == "pls"
    assert {"python", "scikit-learn"} <= set(dict(sections["Environment"]))


def test_the_origin_leads_to_its_run_and_to_all_results_of_run_and_dataset(qtbot, page):
    picked = page.show("pls")
    origin = page.pane._about
    with qtbot.waitSignal(page.pane.run_wanted) as run:
        origin.show_run.click()
    assert run.args == [picked.run_id]
    for button, condition in (
        (origin.find_run, f"run_id = '{picked.run_id}'"),
        (origin.find_dataset, "dataset_name = 'barley'"),
    ):
        with qtbot.waitSignal(page.pane.query_wanted) as query:
            button.click()
        assert query.args == [condition]
        with Workspace.open(page.root, read_only=True) as workspace:
            assert workspace.catalog.count(condition) == 2


def test_a_split_by_column_is_told_as_one():
    assert split_words({"column": "set", "train": 40, "test": 10}) == "40 train, 10 test (by the column set)"
    assert split_words({}) == ""


# --- what is left of deleted and damaged ones ---


def test_a_pipeline_whose_run_folder_is_deleted_shows_what_the_catalog_knows(page):
    picked = page.picked("pls")
    with Workspace.open(page.root) as workspace:
        shutil.rmtree(workspace.run(picked.run_id).folder)
    page.session.rescan(lambda news: None)
    page.show("pls")
    page.wait(lambda: page.pane.details.deleted)
    pane = page.pane
    assert pane._head._where.whole().startswith("folder deleted")
    assert [step.title for step in pane._summary.chain.steps] == ["StandardScaler", "PLSRegression"]
    metrics = pane._summary._metrics
    row = texts(metrics).index("RMSE")
    assert all(metrics.item(row, column).text() != MISSING for column in (1, 2, 3))
    assert len(pane.samples.model.rows) == 105
    pane.charts.choose("folds")
    assert len(pane.charts.plot.spread.values) == 4
    assert "config_hash" not in facts(pane._about.sheet) and len(facts(pane._about.sheet)["Configuration hash"]) == 64
    config = json.loads(configuration_text(pane.details))
    assert config["steps"][1]["params"]["n_components"] == 3
    pane.charts.choose("spectra")
    page.wait(lambda: pane.charts._note.isVisible() and "The run is deleted" in pane.charts._note.text())
    assert pane._files._sheet.rowCount() == 0 and not pane._files._button.isEnabled()


def test_the_fitted_steps_are_among_the_files_and_never_opened(page):
    opener = Opener()
    page.show("pls")
    files = page.pane._files
    row = next(row for row, name in enumerate(texts(files._sheet)) if name.startswith("_binaries/PLSRegression_"))
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        files._sheet.selectRow(row)
        assert not files._open_button.isEnabled()
        files._sheet.activated.emit(files._sheet.model().index(row, 0))
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert opener.opened == [str(page.pane.details.folder.parent / "_binaries")]


@pytest.mark.parametrize("name", ["pipeline.json", "metrics.json", "predictions.csv"])
def test_a_damaged_part_is_told_with_its_reason_and_the_rest_is_shown(page, name):
    picked = page.picked("pls")
    with Workspace.open(page.root) as workspace:
        folder = workspace.run(picked.run_id).folder / picked.pipeline_id
    (folder / name).write_text("{ broken", encoding="utf-8")
    page.show("pls")
    pane = page.pane
    assert pane._summary.chain.steps and len(pane.samples.model.rows) == 105
    assert name in texts(pane._files._sheet)
    if name != "predictions.csv":  # whose numbers the catalog has as well
        assert name in pane._summary._problems.text() and pane._summary._problems.isVisible()
    if name == "pipeline.json":
        assert pane._head._where.whole().startswith("damaged")
        row = texts(pane._summary._metrics).index("RMSE")
        assert pane._summary._metrics.item(row, 3).text() != MISSING


def test_what_nobody_knows_is_said(page):
    from dataclasses import replace

    picked = page.picked("pls")
    page.selection.pick(replace(picked, pipeline_id="0099_gone", prediction_id=""))
    page.wait(lambda: "0099_gone is gone" in page.pane._empty.text())
    assert page.pane._pages.currentWidget() is page.pane._empty


# --- several ---


def test_several_selected_show_what_they_differ_in_and_offer_to_compare(qtbot, page):
    first, second = page.show("pls"), page.picked("ridge")
    page.selection.choose([first, second])
    sheet = page.pane._differences.sheet
    page.wait(lambda: sheet.rowCount() > 4)
    assert page.pane._pages.currentWidget() is page.pane._differences
    told = facts(sheet)
    assert told["Model"] == "PLSRegression (0001), Ridge (0002)"
    assert told["StandardScaler"] == "only in 0001" and told["Ridge"] == "only in 0002"
    assert page.pane._differences._title.whole() == "2 selected: 0001, 0002"
    assert " to " in told["test_rmse"] and "best: " in told["test_rmse"]
    assert "Dataset" not in told  # they share it
    line = next(row for row in range(sheet.rowCount()) if sheet.item(row, 0).text() == "Model")
    sheet.setColumnWidth(0, sheet.viewport().width() - 90)
    sheet.horizontalHeader().resizeSection(1, 80)
    assert sheet.rowHeight(line) >= 2 * sheet.fontMetrics().lineSpacing()  # in the width there is it takes two lines
    with qtbot.waitSignal(page.pane.compare_wanted):
        page.pane._differences.compare.click()
    page.pane._differences.single.click()
    assert page.pane._summary.isVisible()
    page.selection.choose([first])
    assert page.pane._pages.currentIndex() == 1


# --- large, quick and calm ---


def test_the_charts_open_in_a_window_of_their_own_and_come_back(qtbot, page):
    page.show("pls")
    pane, charts = page.pane, page.pane.charts
    pane.preview()
    large = pane._place.enlarged
    assert large.isVisible() and large.isAncestorOf(charts) and large.windowTitle().startswith("pls")
    page.show("ridge")
    assert large.windowTitle().startswith("ridge")
    qtbot.keyClick(large, Qt.Key.Key_Space)
    assert pane._place.enlarged is None
    assert pane.isAncestorOf(charts) and charts.isVisible()
    charts.enlarge.click()
    assert pane._place.enlarged is not None


def test_from_the_large_charts_one_walks_on_in_the_list(qtbot, page):
    names = QListWidget()
    qtbot.addWidget(names)
    names.addItems(["pls", "ridge"])
    names.setCurrentRow(0)
    names.show()
    names.activateWindow()
    names.setFocus()
    page.wait(names.hasFocus)
    page.show("pls")
    page.pane.preview()
    qtbot.keyClick(page.pane.charts.plot, Qt.Key.Key_Down)
    assert names.currentRow() == 1
    qtbot.keyClick(page.pane.charts.plot, Qt.Key.Key_Escape)
    assert page.pane._place.enlarged is None


def test_run_and_queries_of_the_origin_arrive_in_the_window(qtbot, window):
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.details.details is not None)
    run_id = window.details.details.run_id
    window.details._about.show_run.click()
    qtbot.waitUntil(lambda: window.tree.tree.currentIndex() == window.tree.model.run_index(run_id))
    with qtbot.waitSignal(window.catalog.model.listed):
        window.details._about.find_run.click()
    assert window.query.text() == f"run_id = '{run_id}'"


def test_only_the_last_of_many_quick_selections_is_shown(qtbot, page):
    shown = []
    page.show("pls")
    show = page.pane._head.show_details
    page.pane._head.show_details = lambda details: (shown.append(details.pipeline_id), show(details))
    picked = [page.picked(name) for name in ("ridge", "pls", "trees", "ridge", "trees")]
    for one in picked:
        page.selection.pick(one)
    page.wait(lambda: page.pane.details.pipeline_id == picked[-1].pipeline_id)
    assert shown == [picked[-1].pipeline_id]


def test_nothing_is_shown_late_when_nothing_is_selected_any_more(qtbot, page):
    page.show("pls")
    with held(qtbot, page.session):
        page.selection.pick(page.picked("ridge"))
        page.selection.pick(None)
    assert page.pane.details is None


def test_zoom_and_place_in_the_table_stay_when_the_disk_is_looked_at_again(qtbot, page):
    page.show("pls")
    plot, samples = page.pane.charts.plot, page.pane.samples
    QApplication.processEvents()
    plot.getPlotItem().getViewBox().scaleBy((0.2, 0.2))
    QApplication.processEvents()  # other numbers on the axes take other room
    before = plot.getPlotItem().getViewBox().viewRect()
    samples.table.selectRow(30)
    found = page.pane._found
    page.session.changed.emit()
    page.wait(lambda: page.pane._found is not found)
    assert plot.getPlotItem().getViewBox().viewRect() == before
    assert samples.table.currentIndex().row() == 30


def test_columns_of_folds_are_seen_whole_or_not_at_all(qtbot):
    sheet = folds_sheet()
    qtbot.addWidget(sheet)
    sheet.resize(330, 200)
    sheet.show()
    sheet.fill([("0", *(0.123 * n for n in range(9)))], columns=["Fold", *(f"Metric {n}" for n in range(9))])
    for width in (330, 401):
        sheet.resize(width, 200)
        ends = {sheet.columnViewportPosition(n) + sheet.columnWidth(n) for n in range(9)}
        assert sheet.viewport().width() in ends
