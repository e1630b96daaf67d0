"""The comparison: pipelines side by side, on results that were really trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication
from pytestqt.qtbot import QtBot
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from gui.comparison import Comparison
from gui.models.overlay import MOST_COLUMNS, MOST_POINTS, gathered, ordered, thinned
from gui.panes.compare import FOLDS, METRICS, PARITY, SAMPLES, STEPS, ComparePane
from gui.panes.pipeline_differences import Differences, fetch_differences
from gui.selection import Picked, Sample, Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Tasks
from gui.theme import ROW_HEIGHT, theme
from storage import SampleErrors, Workspace, from_arrays
from tests.gui.holding import held

STRANGE = 17  # the sample whose value was written down wrongly


def regression() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    spectra = random.normal(size=(60, 6))
    return spectra, spectra @ np.arange(6) + 0.1 * random.normal(size=60)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with four regressions that differ in their steps, two classifications, and one on other data."""
    root = tmp_path_factory.mktemp("trained") / "workspace"
    spectra, truth = regression()
    names = [f"vial {n}" for n in range(60)]
    wrong = truth.copy()
    wrong[STRANGE] += 60
    corn = from_arrays("corn", spectra, wrong, sample_ids=names, target="protein", units="%")
    with Workspace.create(root) as workspace:
        pipelines = {
            "plain": [StandardScaler(), Ridge(alpha=1.0)],
            "strong": [StandardScaler(), Ridge(alpha=5000.0)],
            "longer": [MinMaxScaler(), StandardScaler(), Ridge(alpha=1.0)],
            "turned": [StandardScaler(), MinMaxScaler(), Ridge(alpha=1.0)],
        }
        workspace.run_batch(corn, list(pipelines.values()), pipeline_names=list(pipelines), charts=False)
        wheat = from_arrays("wheat", spectra, 2 * truth, target="moisture")
        workspace.run_batch(wheat, [Ridge()], pipeline_names=["elsewhere"], charts=False)
        origin = from_arrays("origin", spectra, np.where(truth > 0, "north", "south"))
        models = [LogisticRegression(), LogisticRegression(C=1e-4)]
        workspace.run_batch(origin, models, pipeline_names=["free", "bound"], charts=False)
    return root


class Bench:
    """The pane with what it needs of a window."""

    def __init__(self, qtbot: QtBot, root: Path, settings: Settings) -> None:
        self.qtbot = qtbot
        self.tasks = Tasks()
        self.problems: list[object] = []
        self.tasks.unhandled.connect(self.problems.append)
        self.session, self.selection, self.comparison = Session(self.tasks), Selection(), Comparison()
        self.pane = ComparePane(self.session, self.selection, self.comparison, settings)
        qtbot.addWidget(self.pane)
        self.pane.resize(900, 700)
        self.pane.show()
        qtbot.waitExposed(self.pane)
        for load in self.pane.chart_loads():
            load()
        self.session.adopt(Workspace.open(root))
        rows: list[list[dict[str, str]]] = []
        self.session.query(lambda workspace: workspace.catalog.rows(workspace.catalog.keys()), rows.append)
        qtbot.waitUntil(lambda: bool(rows))
        self.picks = {
            row["pipeline_name"]: Picked(row["run_id"], row["pipeline_id"], row["prediction_id"]) for row in rows[0]
        }

    def compare(self, *names: str) -> None:
        self.comparison.put([self.picks[name] for name in names])
        self.wait(STEPS)

    def wait(self, tab: int) -> None:
        """Go to a tab and wait until it shows what is compared now."""
        self.pane.tabs.setCurrentIndex(tab)
        wanted = {(one, one == self.comparison.baseline) for one in self.comparison.pipelines}
        self.qtbot.waitUntil(lambda: {(one.picked, one.baseline) for one in self.pane.pipelines} == wanted)
        self.qtbot.waitUntil(lambda: self.tasks.active == 0 and tab not in self.pane._stale)

    def close(self) -> None:
        self.pane.close()
        self.session.close()
        self.tasks.close()


@pytest.fixture
def bench(qtbot: QtBot, trained: Path, tmp_path: Path, settings: Settings) -> Iterator[Bench]:
    made = Bench(qtbot, shutil.copytree(trained, tmp_path / "trained"), settings)
    yield made
    made.close()
    assert made.problems == []


def row_of(pane: ComparePane, model: object, name: str) -> int:
    return [one.label for one in model.pipelines].index(name)  # type: ignore[attr-defined]


def cells(model: object, row: int) -> dict[str, str]:
    """The words of a row by the titles of the columns, without the place of a step."""
    across = Qt.Orientation.Horizontal
    return {
        str(model.headerData(column, across)).rpartition(". ")[2]: str(model.index(row, column).data() or "")  # type: ignore[attr-defined]
        for column in range(model.columnCount())  # type: ignore[attr-defined]
    }


def test_it_says_what_to_do_until_two_are_compared(bench: Bench) -> None:
    assert "press C" in bench.pane.first.text()  # type: ignore[attr-defined]
    bench.comparison.add([bench.picks["plain"]])
    assert "One pipeline is set aside" in bench.pane.first.text()  # type: ignore[attr-defined]
    bench.comparison.add([bench.picks["strong"]])
    bench.wait(STEPS)
    assert bench.pane.first is bench.pane.steps.table
    bench.comparison.clear()
    assert "Nothing to compare" in bench.pane.first.text()  # type: ignore[attr-defined]


def test_steps_are_aligned_and_say_what_became_of_them(bench: Bench) -> None:
    bench.compare("plain", "strong", "longer")
    model = bench.pane.steps.model
    assert cells(model, 0) == {"MinMaxScaler": "", "StandardScaler": "defaults", "Ridge": "defaults"}
    strong = cells(model, row_of(bench.pane, model, "strong"))
    assert strong == {"MinMaxScaler": "", "StandardScaler": "= same", "Ridge": "≠ changed: alpha 1 → 5000"}
    assert cells(model, row_of(bench.pane, model, "longer"))["MinMaxScaler"] == "+ added"
    # Against the longer one, the others lack a step, or have it elsewhere.
    bench.comparison.put([*bench.comparison.pipelines, bench.picks["turned"]], bench.picks["longer"])
    bench.wait(STEPS)
    assert model.pipelines[0].label == "longer"
    assert cells(model, row_of(bench.pane, model, "plain"))["MinMaxScaler"] == "− removed"
    turned = list(cells(model, row_of(bench.pane, model, "turned")).values())
    assert sum(words.startswith("↕ moved") for words in turned) == 1
    assert any("step 1 → 2" in words or "step 2 → 1" in words for words in turned)


def test_what_is_selected_is_compared_from_the_empty_page(bench: Bench) -> None:
    button = bench.pane.compare_selected
    assert not button.isVisible()
    bench.selection.choose([bench.picks["plain"], bench.picks["strong"]])
    assert button.isVisible() and button.text() == "Compare the 2 selected"
    with bench.qtbot.waitSignal(bench.pane.compare_wanted):
        button.click()
    bench.selection.choose([bench.picks["plain"]])
    assert not button.isVisible() and "press C" in bench.pane.first.text()  # type: ignore[attr-defined]


def test_others_that_are_selected_than_compared_are_offered_instead(bench: Bench) -> None:
    button = bench.pane.compare_instead
    bench.compare("plain", "strong")
    bench.selection.choose([bench.picks["strong"], bench.picks["plain"]])
    assert not button.isVisible()
    bench.selection.choose([bench.picks["plain"], bench.picks["turned"]])
    assert button.isVisible() and button.text() == "Compare the 2 selected instead"
    with bench.qtbot.waitSignal(bench.pane.compare_wanted):
        button.click()
    bench.selection.choose([bench.picks["plain"]])
    assert not button.isVisible()


def test_more_than_can_be_compared_are_offered_and_not_compared_unasked(bench: Bench) -> None:
    bench.selection.choose([bench.picks["plain"], bench.picks["strong"]], 51)
    with bench.qtbot.assertNotEmitted(bench.pane.compare_wanted):
        bench.pane.begin()
    assert bench.pane.compare_selected.text() == "Compare the first 50 selected"


def test_steps_that_differ_come_first_and_names_with_numbers_take_the_room_there_is(bench: Bench) -> None:
    bench.compare("plain", "strong")
    model, table = bench.pane.steps.model, bench.pane.steps.table
    across = Qt.Orientation.Horizontal
    assert [model.headerData(column, across) for column in range(2)] == ["2. Ridge", "1. StandardScaler"]
    assert model.headerData(1, across, Qt.ItemDataRole.ForegroundRole) is not None
    assert model.headerData(0, Qt.Orientation.Vertical) == "0001  plain"
    long = "a name that is longer than what is usual for the names of pipelines"
    table._model.pipelines = [replace(one, label=long) for one in table._model.pipelines]
    table.resize(400, 300)
    narrow = table.verticalHeader().width()
    table.resize(1500, 300)
    table.fit_names()
    assert narrow < 250 and table.verticalHeader().width() > table.fontMetrics().horizontalAdvance(long)


def test_rows_of_several_lines_keep_apart(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.panes.compare_steps.WIDEST", 60)
    bench.compare("plain", "strong")
    table, row = bench.pane.steps.table, row_of(bench.pane, bench.pane.steps.model, "strong")
    needed = table.sizeHintForRow(row)
    assert needed > ROW_HEIGHT, "of few lines"
    assert table.rowHeight(row) == needed + 8


def test_steps_are_seen_whole_rather_than_cut_by_the_edge(bench: Bench) -> None:
    bench.compare("plain", "strong")
    steps, table = bench.pane.steps, bench.pane.steps.table
    steps._widest([280, 280, 280])
    room = table.viewport().width()
    widest = steps._widest([room, room, room])
    assert 168 <= widest <= 280 and (room % widest <= room // widest or widest == 280)
    assert steps._widest([100, 120]) == 280


def test_going_to_a_step_lists_its_parameters(bench: Bench) -> None:
    bench.compare("plain", "strong")
    steps = bench.pane.steps
    steps.table.setFocus()
    bench.qtbot.waitUntil(steps.table.hasFocus)
    row = row_of(bench.pane, steps.model, "strong")
    steps.table.setCurrentIndex(steps.model.index(row, 0))
    shown = [steps.details.item(0, column).text() for column in range(3)]
    assert shown == ["alpha", "1 (default)", "5000"]
    assert bench.selection.current == bench.picks["strong"]


def test_keys_choose_the_baseline_and_take_pipelines_out(bench: Bench) -> None:
    bench.compare("plain", "strong", "longer")
    table, model = bench.pane.steps.table, bench.pane.steps.model
    table.setFocus()
    bench.qtbot.waitUntil(table.hasFocus)
    table.setCurrentIndex(model.index(row_of(bench.pane, model, "longer"), 0))
    bench.qtbot.keyClick(table, Qt.Key.Key_B)
    assert bench.comparison.baseline == bench.picks["longer"]
    bench.wait(STEPS)
    assert model.pipelines[0].label == "longer"
    table.setCurrentIndex(model.index(row_of(bench.pane, model, "strong"), 0))
    bench.qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert bench.comparison.pipelines == (bench.picks["plain"], bench.picks["longer"])


def test_metrics_say_what_is_best_and_how_much_better_or_worse(bench: Bench) -> None:
    bench.compare("strong", "plain")
    bench.wait(METRICS)
    model = bench.pane.metrics.model
    base, plain = model.pipelines[0].row, model.pipelines[1].row
    shown = cells(model, 1)
    assert shown["RMSE"].startswith("▼ ") and shown["RMSE"].endswith("better), the best")
    assert "(▲ " in shown["R²"] and "better" in shown["R²"]
    assert "the best" not in cells(model, 0)["RMSE"]
    column = list(shown).index("RMSE")
    bars = [model.cell(row, column) for row in (0, 1)]
    assert bars[0] is not None and bars[1] is not None
    assert bars[1].end - bars[1].start == pytest.approx(plain["val_rmse"] / base["val_rmse"])
    bench.pane.strip.partition_buttons["train"].click()
    assert model.value(1, column) == plain["train_rmse"]
    table = bench.pane.metrics.table
    table.selectRow(1)
    bench.qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert repr(plain["train_rmse"]) in QGuiApplication.clipboard().text().split("\t")


def test_what_predicts_something_else_is_neither_better_nor_worse(bench: Bench) -> None:
    bench.compare("plain", "elsewhere", "strong")
    bench.wait(METRICS)
    model = bench.pane.metrics.model
    other = row_of(bench.pane, model, "elsewhere")
    assert cells(model, other)["RMSE"].endswith("(of moisture)")
    assert [n for n in range(3) if "the best" in cells(model, n)["RMSE"]] == [row_of(bench.pane, model, "plain")]
    chosen, found = [bench.picks[name] for name in ("plain", "elsewhere")], list[Differences]()
    bench.session.query(partial(fetch_differences, chosen, 2), found.append)
    bench.qtbot.waitUntil(lambda: bool(found))
    assert list(found[0].columns["target"]) == ["protein", "moisture"]
    assert found[0].metrics and all(one.best is None for one in found[0].metrics)


def test_columns_of_metrics_are_whole_however_wide_the_table_is(bench: Bench) -> None:
    bench.compare("strong", "plain")
    bench.wait(METRICS)
    table = bench.pane.metrics.table
    for width in (600, 790):
        table.resize(width, 300)
        whole, rest = divmod(table.viewport().width(), table.columnWidth(0))
        assert whole >= 2 and rest <= 16


def test_rows_are_sorted_below_the_baseline(bench: Bench) -> None:
    bench.compare("longer", "strong", "plain")
    bench.wait(METRICS)
    table, model = bench.pane.metrics.table, bench.pane.metrics.model
    column = list(cells(model, 0)).index("RMSE")
    table.horizontalHeader().sectionClicked.emit(column)
    assert [one.label for one in model.pipelines] == ["longer", "plain", "strong"]
    table.horizontalHeader().sectionClicked.emit(column)
    assert [one.label for one in model.pipelines] == ["longer", "strong", "plain"]
    assert (model.value(1, column) or 0) > (model.value(2, column) or 0)


def place_of(plot: object, x: float, y: float) -> QPointF:
    return plot.getPlotItem().getViewBox().mapViewToScene(QPointF(x, y))  # type: ignore[attr-defined]


def test_predictions_lie_over_each_other_and_a_click_selects_pipeline_and_sample(bench: Bench) -> None:
    bench.compare("plain", "strong")
    bench.wait(PARITY)
    view, plot = bench.pane.parity, bench.pane.parity.plot
    assert plot is not None and len(plot.xs) == 2 * 60
    blocks: list[object] = []
    work = bench.picks["strong"].prediction_id
    bench.session.query(lambda workspace: workspace.catalog.arrays(work), blocks.append)
    bench.qtbot.waitUntil(lambda: bool(blocks))
    predicted = {
        int(i): float(value)
        for block in blocks[0]  # type: ignore[attr-defined]
        if block.partition == "val"
        for i, value in zip(block.sample_indices, block.y_pred, strict=True)
    }
    own = plot.owners == 1
    assert plot.ys[own] == pytest.approx([predicted[n] for n in range(60)])
    drawn = next(item for item in plot.getPlotItem().items if isinstance(item, pg.ScatterPlotItem))
    lines = {spot.pen().color().name(QColor.NameFormat.HexArgb) for spot in drawn.points()}
    assert lines == {f"#ff{one.colour[1:]}" for one in plot.pipelines}  # however much shows through within
    point = int(np.flatnonzero(own)[STRANGE])
    at = place_of(plot, plot.xs[point], plot.ys[point])
    assert "vial 17 · strong" in plot.tip(plot.point_at(at))
    plot.pointed.emit(plot.point_at(at))
    assert bench.selection.current == bench.picks["strong"]
    assert bench.selection.sample == Sample("corn", STRANGE, "vial 17")
    assert plot.current == 1 and len(plot._rings[0]) == 2  # what both say of the sample
    assert cells(view.model, 0).keys() == {"Pipeline", "vial 17"}
    bench.qtbot.keyClick(plot, Qt.Key.Key_Up)
    assert bench.selection.current == bench.picks["plain"]
    bench.qtbot.keyClick(plot, Qt.Key.Key_Left)
    truth = regression()[1]
    assert bench.selection.sample is not None and bench.selection.sample.index == int(np.argsort(truth)[-1])


def test_samples_that_every_pipeline_gets_wrong_are_marked_and_listed(bench: Bench) -> None:
    bench.compare("plain", "longer", "turned")
    bench.wait(SAMPLES)
    view, plot = bench.pane.samples, bench.pane.samples.plot
    assert plot is not None and plot.values.shape == (3, 60)
    assert plot.getAxis("bottom").labelText == "60 samples, as in the data file; errors in protein (%)"
    assert np.flatnonzero(plot.outliers).tolist() == [STRANGE]
    assert [view.outliers.item(0, column).text() for column in (0, 2)] == ["vial 17", "100 %"]
    view.outliers.setCurrentCell(0, 0)
    assert bench.selection.sample == Sample("corn", STRANGE, "vial 17")
    assert plot.column == STRANGE
    # The other way round: what is selected elsewhere is marked here.
    bench.selection.point(Sample("corn", 3))
    assert plot.column == 3 and view.outliers.currentRow() == -1
    bench.selection.point(Sample("wheat", 4))
    assert plot.column == -1
    # Worst first: the outlier is in the first column, and a click there selects it.
    view.order.setCurrentIndex(view.order.findData("worst"))
    point = plot.point_at(place_of(plot, 0.5, 1.5))
    plot.pointed.emit(point)
    assert (bench.selection.current, bench.selection.sample) == (
        bench.picks["longer"],
        Sample("corn", STRANGE, "vial 17"),
    )


def test_other_data_are_left_out_of_the_charts_with_the_reason(bench: Bench) -> None:
    bench.compare("plain", "elsewhere")
    bench.wait(SAMPLES)
    assert "elsewhere: It was trained on wheat, not on corn." in bench.pane.samples.note.text()
    assert np.isnan(bench.pane.samples.plot.values[1]).all()  # type: ignore[union-attr]
    bench.wait(FOLDS)
    row = row_of(bench.pane, bench.pane.folds.model, "elsewhere")
    assert cells(bench.pane.folds.model, row)["Verdict"] == "✕ not comparable"
    assert "was trained on wheat" in bench.pane.folds.model.sentence(row)


def test_whether_it_is_better_is_said_with_its_probability(bench: Bench) -> None:
    bench.compare("plain", "strong", "longer")
    bench.wait(FOLDS)
    folds, model = bench.pane.folds, bench.pane.folds.model
    strong, longer = row_of(bench.pane, model, "strong"), row_of(bench.pane, model, "longer")
    assert model.pair(longer) is not None and model.pair(longer).verdict == "equivalent"  # type: ignore[union-attr]
    verdict = cells(model, longer)["Verdict"]
    assert verdict.startswith("≈ the same")
    room = folds.table.columnWidth(0) - 16
    assert folds.table.fontMetrics().horizontalAdvance("≈ probably the same") <= room  # the longest verdict
    for column in range(model.columnCount()):
        words = (
            folds.table.horizontalHeader()
            .fontMetrics()
            .horizontalAdvance(model.title(column, Qt.ItemDataRole.DisplayRole))
        )
        assert words + 16 <= folds.table.columnWidth(column)
    folds.table.setCurrentIndex(model.index(longer, 0))
    assert folds.verdict.text() == model.sentence(longer) and "equivalent" in folds.verdict.text()
    before = model.found
    folds._metric.setCurrentIndex(folds._metric.findData("r2"))
    bench.qtbot.waitUntil(lambda: model.found is not before and model.found is not None)
    assert model.found is not None and model.found.metric == "r2"
    # With a difference that large nothing matters any more.
    before = model.found
    folds._rope.setValue(1e6)
    bench.qtbot.waitUntil(lambda: model.found is not before)
    assert model.found is not None and model.found.rope == 1e6
    assert model.pair(strong).verdict == "equivalent"  # type: ignore[union-attr]


def test_classes_are_compared_by_the_share_of_right_answers(bench: Bench) -> None:
    bench.compare("free", "bound")
    bench.wait(PARITY)
    plot = bench.pane.parity.plot
    assert plot is not None and plot.joined and plot.names == ["north", "south"]
    free = plot.ys[plot.owners == 0]
    rows: list[list[dict[str, float]]] = []
    bench.session.query(
        lambda workspace: workspace.catalog.rows([workspace.catalog.find(bench.picks["free"].prediction_id)]),
        rows.append,
    )
    bench.qtbot.waitUntil(lambda: bool(rows))
    assert free.mean() == pytest.approx(rows[0][0]["val_balanced_accuracy"])
    assert "free\nnorth" in plot.tip(0)
    bench.wait(SAMPLES)
    assert bench.pane.samples.plot.one_sided  # type: ignore[union-attr]
    bench.wait(FOLDS)
    assert bench.pane.folds.chosen_metric == "accuracy"


def test_late_errors_are_not_shown_for_another_partition(bench: Bench) -> None:
    bench.compare("plain", "strong")
    bench.pane.show_partition("val")
    bench.wait(METRICS)
    with held(bench.qtbot, bench.session):
        bench.pane.tabs.setCurrentIndex(SAMPLES)
        bench.pane.tabs.setCurrentIndex(METRICS)
        bench.pane.show_partition("train")
    bench.wait(SAMPLES)
    assert bench.pane.samples.errors is not None and bench.pane.samples.errors.partition == "train"


@pytest.mark.parametrize("tab", [STEPS, PARITY, FOLDS])
def test_a_late_answer_is_not_shown_for_others_than_it_is_of(bench: Bench, tab: int) -> None:
    bench.compare("plain", "strong", "longer")
    bench.wait(METRICS)
    bench.pane._stale.add(tab)
    with held(bench.qtbot, bench.session):
        bench.pane.tabs.setCurrentIndex(tab)
        bench.pane.tabs.setCurrentIndex(METRICS)
        bench.comparison.measure_against(bench.picks["longer"])
        bench.comparison.remove([bench.picks["plain"]])
    assert tab in bench.pane._stale
    bench.wait(tab)
    wanted = {bench.picks[name].prediction_id for name in ("strong", "longer")}
    if tab == STEPS:
        assert len(bench.pane.steps.model.pipelines) == 2
    elif tab == PARITY:
        assert bench.pane.parity.errors is not None and set(bench.pane.parity.errors.prediction_ids) == wanted
    else:
        found = bench.pane.folds.model.found
        assert found is not None and found.baseline_name == "longer"
        assert {pair.prediction_id for pair in found.pairs} < wanted


def test_what_is_compared_meanwhile_is_not_taken_for_deleted(bench: Bench) -> None:
    bench.compare("plain", "strong")
    others = [bench.picks["longer"], bench.picks["turned"]]
    with held(bench.qtbot, bench.session):
        bench.session.changed.emit()  # news: the facts are asked for
        bench.pane.hide()
        bench.comparison.put(others)
    assert list(bench.comparison.pipelines) == others
    bench.pane.show()
    bench.wait(METRICS)
    assert [one.picked for one in bench.pane.pipelines] == others


def test_results_that_are_deleted_are_compared_no_more(bench: Bench) -> None:
    bench.compare("plain", "strong", "longer")
    gone = bench.picks["strong"].prediction_id
    bench.session.change(lambda workspace: workspace.catalog.plan_delete(chosen=[gone]).apply())
    bench.qtbot.waitUntil(lambda: len(bench.comparison.pipelines) == 2)
    bench.wait(STEPS)
    assert [one.label for one in bench.pane.steps.model.pipelines] == ["plain", "longer"]


def test_both_appearances_are_drawn_and_the_tab_is_remembered(bench: Bench, settings: Settings) -> None:
    names = ("plain", "strong", "longer", "turned", "elsewhere")
    bench.compare(*names)
    bench.comparison.measure_against(bench.picks["elsewhere"])
    for tab in (METRICS, PARITY, SAMPLES, FOLDS):
        bench.wait(tab)
        for look in ("dark", "light"):
            theme().choose(look)  # type: ignore[arg-type]
            assert not bench.pane.grab().isNull()
            colours = theme().colours
            assert [one.colour for one in bench.pane.pipelines] == list(colours.cycle[: len(names)])
            sign = bench.pane.strip.baseline_button.icon().pixmap(24, 24).toImage()
            assert sign.pixelColor(sign.width() // 2, sign.height() // 2).name() == colours.cycle[4]
    bench.pane.save()
    assert settings.compare_tab == FOLDS


def test_a_chart_is_saved_as_a_picture(bench: Bench, tmp_path: Path) -> None:
    bench.compare("plain", "strong")
    assert bench.pane.ask_picture() is None and not bench.pane.save_picture.isEnabled()
    bench.wait(PARITY)
    dialog = bench.pane.ask_picture()
    assert dialog is not None
    dialog.fileSelected.emit(str(tmp_path / "parity.png"))
    dialog.close()
    bench.qtbot.waitUntil((tmp_path / "parity.png").exists)


def test_thinned_out_points_and_columns_keep_what_matters() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(5000, 50))
    values[1234] += 40
    everywhere = values.mean(axis=1) > 10
    errors = SampleErrors(
        tuple(f"p{n}" for n in range(50)), tuple("p" * 50), "val", "corn", False, np.arange(5000),
        [str(n) for n in range(5000)], random.normal(size=5000), values, everywhere * 1.0, everywhere,
    )  # fmt: skip
    shown = thinned(errors, 50)
    assert len(shown) * 50 <= 1.2 * MOST_POINTS and 1234 in shown
    assert len(thinned(errors, 1)) > len(shown)
    columns = gathered(errors, ordered(errors, "row"))
    assert len(columns) <= MOST_COLUMNS and 1234 in columns and (np.diff(columns) > 0).all()
    assert ordered(errors, "worst")[0] == 1234


@pytest.mark.parametrize("tab", [STEPS, METRICS, PARITY, FOLDS])
def test_the_models_keep_to_the_rules(bench: Bench, tab: int, qtmodeltester: Callable[..., None]) -> None:
    bench.compare("plain", "strong", "longer")
    bench.wait(tab)
    qtmodeltester.check(bench.pane.table().model())  # type: ignore[attr-defined]
