"""The tree of runs: how they are put together, lazily, live, and whatever happens to their folders."""

import json
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from gui.models.run_groups import FLAT, SIZE, Arrangement, Group, group_runs, group_text, run_in_words, run_text
from gui.models.run_rows import MUTED_ROLE
from gui.models.runs import RunsModel
from gui.selection import Picked
from gui.session import Session
from gui.tasks import Tasks
from gui.widgets import first_button
from gui.window import MainWindow
from storage import RunRow, Workspace
from tests.gui.holding import held
from tests.gui.samples import fill
from tests.gui.test_window import focus

WARN = QAbstractItemModelTester.FailureReportingMode.Warning  # and a Qt warning fails the test
MANY = 10_000
ADDING = """
import sys
from storage import Workspace
from tests.gui.samples import fill
with Workspace.open(sys.argv[1]) as workspace:
    fill(workspace, sys.argv[2], 2)
"""


@pytest.fixture(scope="session")
def large(tmp_path_factory) -> Path:
    """A workspace with ten thousand pipelines in one run and fifteen hundred further runs; only looked at."""
    root = tmp_path_factory.mktemp("large") / "workspace"
    with Workspace.create(root) as workspace:
        fill(workspace, "corn", 1)
    run = next((root / "runs").iterdir())
    first = next(path for path in run.iterdir() if path.name.startswith("0001"))
    record = json.loads((first / "pipeline.json").read_text("utf-8"))
    for number in range(2, MANY + 1):
        folder = run / f"{number:04d}_a1b2c3"
        folder.mkdir()
        copy = {**record, "id": folder.name, "name": f"corn {number - 1}", "prediction_id": f"p{number}"}
        copy["status"] = "interrupted"  # else opening would take each into the catalog
        (folder / "pipeline.json").write_text(json.dumps(copy), "utf-8")
    config = json.loads((run / "run_config.json").read_text("utf-8"))
    for number in range(1500):
        day = date(2020, 1, 1) + timedelta(days=number)
        folder = root / "runs" / f"{day}_oats"
        folder.mkdir()
        started = datetime.combine(day, datetime.min.time()).isoformat() + "Z"
        copy = {**config, "run_id": folder.name, "dataset_name": "oats", "created_at": started, "pipelines": []}
        (folder / "run_config.json").write_text(json.dumps(copy), "utf-8")
        shutil.copy(run / "run_summary.json", folder)
    with Workspace.open(root):
        pass
    return root


@pytest.fixture
def start(qtbot):
    """Make a model on a workspace, checked by Qt's own tester."""
    made = []

    def model_on(root: Path, **arrangement) -> RunsModel:
        tasks = Tasks()
        session = Session(tasks)
        made.append((session, tasks))
        session.adopt(Workspace.open(root))
        model = RunsModel(session)
        model.arrangement = Arrangement(**arrangement)
        model.tester = QAbstractItemModelTester(model, WARN)
        with qtbot.waitSignal(model.listed):
            model.ask()
        return model

    yield model_on
    for session, tasks in made:
        session.close()
        tasks.close()


def row(**fields) -> RunRow:
    plain = dict.fromkeys(RunRow.__dataclass_fields__, "") | {"total": 0, "failed": 0, "status": "completed"}
    return RunRow(**{**plain, "problem": None, "run_id": str(fields), **fields})


def refresh(qtbot, model) -> None:
    with qtbot.waitSignal(model.listed):
        model._session.change(lambda workspace: workspace.sync(), lambda _: model.ask())


def run_of(model, dataset: str):
    assert model.tree is not None
    return model.run_index(next(run.run_id for run in model.tree.known if run.dataset_name == dataset))


def fetch(qtbot, model, index) -> None:
    if model.canFetchMore(index):
        model.fetchMore(index)
    qtbot.waitUntil(lambda: model.rowCount(index) > 0)


# --- putting together ---


def test_runs_are_grouped_as_people_speak_of_them():
    runs = [row(date="2026-11-21", dataset_name="wheat"), row(date="2026-11-19", dataset_name="Corn", run_name="x")]
    today = date(2026, 11, 21)
    assert [group_text(group, today) for group in group_runs(runs, "date")] == ["Today", "2026-11-19"]
    assert group_text(Group("date", "2026-11-20", ()), today) == "Yesterday"
    assert [group_text(group) for group in group_runs(runs, "dataset")] == ["Corn", "wheat"]
    assert [group_text(group) for group in group_runs(runs, "name")] == ["x", "No name"]
    assert [run_text(runs[1], by) for by in ("date", "dataset", "name")] == [
        "Corn · x", "2026-11-19  x", "2026-11-19  Corn",
    ]  # fmt: skip


def test_pipelines_are_fetched_when_they_are_looked_at(qtbot, start, root):
    model = start(root)
    run = run_of(model, "corn")
    assert model.hasChildren(run) and model.rowCount(run) == 0
    fetch(qtbot, model, run)
    assert model.rowCount(run) == 30
    assert model.index(0, 0, run).data() == "0001  corn 0"
    assert model.index(0, 0, run).parent() == run


def test_a_refresh_adds_rows_and_moves_none(qtbot, start, root):
    model = start(root, by="dataset")
    run = run_of(model, "corn")
    fetch(qtbot, model, run)
    third = QPersistentModelIndex(model.index(2, 0, run))
    resets, inserted = [], []
    model.modelReset.connect(lambda: resets.append(True))
    model.rowsInserted.connect(lambda parent, first, last: inserted.append((parent.data(), first, last)))
    with Workspace.open(root) as other:
        fill(other, "oats", 1)
        fill(other, "corn", 2, name="more")
    refresh(qtbot, model)
    assert resets == []
    shown = [one for one in inserted if one[0] in (None, "corn")]
    assert shown == [(None, 1, 1), ("corn", 0, 0)]  # a group between corn and wheat, a run above the other one
    assert third.isValid() and third.data() == "0003  corn 2"


def test_ten_thousand_pipelines_stand_in_ranges_and_any_is_revealed(qtbot, start, large):
    model = start(large, by="dataset")
    run = run_of(model, "corn")
    model.fetchMore(run)
    assert model.rowCount(run) == MANY // SIZE
    assert model.index(1, 0, run).data() == "501 – 1,000"
    assert len(model._nodes) < FLAT
    found = []
    model.reveal(Picked(model.run(run).run_id, "7777_a1b2c3", "p7777"), found.append)
    qtbot.waitUntil(lambda: bool(found))
    assert found[0].data() == "7777  corn 7776"
    assert found[0].parent().data() == "7,501 – 8,000"
    assert sum(model.rowCount(model.index(place, 0, run)) for place in range(model.rowCount(run))) == SIZE
    model.reveal(Picked("gone", "gone", ""), found.append)
    assert not found[1].isValid()


def test_many_runs_stand_in_ranges_of_which_the_oldest_keep_theirs(qtbot, start, large):
    model = start(large, by="dataset")
    group = next(index for place in range(2) if (index := model.index(place, 0)).data() == "oats")
    model.fetchMore(group)
    assert [model.index(place, 0, group).data() for place in range(3)] == ["1 – 500", "501 – 1,000", "1,001 – 1,500"]
    oldest = model.run_index("2020-01-01_oats")
    assert oldest.data() == "2020-01-01" and oldest.parent() == model.index(2, 0, group)


def test_the_words_narrow_runs_by_name_dataset_and_status(qtbot, start, root):
    model = start(root)

    def found(text: str) -> list[str]:
        with qtbot.waitSignal(model.listed):
            model.arrange(Arrangement(text=text))
        return sorted(run.dataset_name for group in model.tree.groups for run in group.runs)

    assert found("") == ["corn", "wheat"]
    assert found("WHE sec") == ["wheat"]
    assert found("failed") == ["wheat"]  # a pipeline of it did
    assert found("rye") == []


def test_the_tree_keeps_the_rules_of_qt_while_it_grows_and_shrinks(qtbot, start, root):
    model = start(root)
    fetch(qtbot, model, run_of(model, "corn"))
    with Workspace.open(root) as other:
        fill(other, "oats", 6)
    refresh(qtbot, model)
    fetch(qtbot, model, run_of(model, "oats"))
    shutil.rmtree(next((root / "runs").glob("*_corn")))
    refresh(qtbot, model)
    assert [run.dataset_name for run in model.tree.known] == ["oats", "wheat"]
    model._session.close()
    model.clear()
    assert model.rowCount() == 0


# --- in the window ---


def click(qtbot, window, index, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    view = window.tree.tree
    view.scrollTo(index)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, view.visualRect(index).center())


def opened(qtbot, window, dataset: str):
    """Unfold a run and return its index once its pipelines are there."""
    run = run_of(window.tree.model, dataset)
    window.tree.tree.expand(run)
    qtbot.waitUntil(lambda: window.tree.model.rowCount(run) > 0)
    return run


def test_what_another_program_adds_appears_by_itself_where_one_sees_it(qtbot, window, root):
    run = opened(qtbot, window, "corn")
    click(qtbot, window, window.tree.model.index(3, 0, run))
    subprocess.run([sys.executable, "-c", ADDING, str(root), "oats"], check=True)
    qtbot.waitUntil(lambda: run_of_or_none(window, "oats") is not None, timeout=4000)
    view = window.tree.tree
    assert view.isExpanded(run_of(window.tree.model, "corn"))
    assert view.currentIndex().data() == "0004  corn 3"
    assert window.selection.current.pipeline_id == window.tree.model.pipeline(view.currentIndex()).pipeline_id
    qtbot.waitUntil(lambda: view.in_view(view.currentIndex()))
    assert view.visualRect(run_of(window.tree.model, "oats")).isValid()


def run_of_or_none(window, dataset: str):
    return next((run for run in window.tree.model.tree.known if run.dataset_name == dataset), None)


def test_a_run_selected_by_hand_stays_current_when_a_pipeline_selected_before_is_found_late(qtbot, window):
    model, tree = window.tree.model, window.tree.tree
    corn, wheat = run_of_or_none(window, "corn"), run_of_or_none(window, "wheat")
    rows = (window.catalog.model.row(number) for number in range(window.catalog.model.rowCount()))
    other = next(row for row in rows if row["dataset_name"] == "wheat")
    for run in (corn, wheat):
        tree.collapse(model.run_index(run.run_id))
    assert not model.find(("pipeline", other["run_id"], other["pipeline_id"])).isValid()
    with held(qtbot, window.session):
        window.selection.pick(Picked(*(other[key] for key in ("run_id", "pipeline_id", "prediction_id"))))
        click(qtbot, window, model.run_index(corn.run_id))
    assert model.node(tree.currentIndex()).row.run_id == corn.run_id
    assert window.tree.selected_runs() == [corn.run_id]


def test_a_run_says_how_far_it_is_while_another_program_trains_it(qtbot, window, root):
    model = window.tree.model
    with Workspace.open(root) as other:
        run = other.create_run("rye")
        for number in range(3):
            pipeline = run.add_pipeline({"model": "mean", "k": number}, name=f"rye {number}")
            if number < 2:
                pipeline.save_metrics({"test": {"rmse": 1.0 + number, "samples": 3}})
                pipeline.complete()
        qtbot.waitUntil(lambda: model.run_index(run.run_id).siblingAtColumn(1).data() == "2 done", timeout=4000)
        assert "running" in model.run_index(run.run_id).data(Qt.ItemDataRole.AccessibleTextRole)
        pipeline.save_metrics({"test": {"rmse": 0.5, "samples": 3}})
        pipeline.complete()
        run.finalize()
        qtbot.waitUntil(lambda: model.run_index(run.run_id).siblingAtColumn(1).data() == "0.500", timeout=4000)


def test_a_run_folder_renamed_by_hand_stays_open_and_selected(qtbot, window, root):
    run = opened(qtbot, window, "wheat")
    click(qtbot, window, window.tree.model.index(2, 0, run))
    known = run_of_or_none(window, "wheat")
    (root / "runs" / known.folder).rename(root / "runs" / "my favourite")
    qtbot.waitUntil(lambda: run_of_or_none(window, "wheat").folder == "my favourite", timeout=4000)
    run = window.tree.model.run_index(known.run_id)
    assert window.tree.tree.isExpanded(run)
    assert window.tree.tree.currentIndex() == window.tree.model.index(2, 0, run)
    qtbot.waitUntil(lambda: getattr(window.details.details, "folder", None) is not None)
    assert window.tree.model.index(2, 0, run).data() == "0003  wheat 2"


def test_damage_is_shown_with_its_reason_and_the_rest_works(qtbot, window, root):
    run = opened(qtbot, window, "corn")
    wheat = run_of_or_none(window, "wheat")
    broken = next((root / "runs").glob("*_corn/0002_*"))
    (broken / "pipeline.json").write_text("{", "utf-8")
    (root / "runs" / wheat.folder / "run_config.json").write_text("[]", "utf-8")
    window.session.rescan(lambda news: None)
    model = window.tree.model
    qtbot.waitUntil(
        lambda: bool(model.run(model.run_index(wheat.folder)) and model.run(model.run_index(wheat.folder)).problem)
    )
    damaged = model.run_index(wheat.folder)
    assert damaged.data(MUTED_ROLE) == "damaged", "the sentence would be cut off in a narrow tree"
    assert group_text(model.node(damaged.parent()).row) == "Today", "it stays where it was"
    assert "run_config.json" in damaged.data(Qt.ItemDataRole.ToolTipRole)
    assert "run_config.json" in damaged.data(Qt.ItemDataRole.AccessibleTextRole)
    with Workspace.open(root) as other:
        other.sync(full=True)
    qtbot.waitUntil(lambda: bool(model.index(1, 0, run).data(MUTED_ROLE)), timeout=4000)
    assert model.index(1, 0, run).data(MUTED_ROLE) == "damaged"
    assert "pipeline.json" in model.index(1, 0, run).data(Qt.ItemDataRole.ToolTipRole)
    assert model.index(2, 0, run).data() == "0003  corn 2"
    assert "1 damaged" in run_of(model, "corn").data(MUTED_ROLE)
    assert window.status.damaged.text() == "1 run, 1 pipeline damaged"
    assert "1 run, 1 pipeline" in window.status.damaged.toolTip()
    window.tree.only_damaged.trigger()
    qtbot.waitUntil(lambda: model.tree.arrangement.text == "damaged")
    window.status.damaged.click()
    qtbot.waitUntil(lambda: len(window.health.findings.model.rows) > 0)
    assert window.health_dock.isVisible()


def test_several_pipelines_are_selected_together_and_a_run_selects_none(qtbot, window):
    run = opened(qtbot, window, "corn")
    model, view = window.tree.model, window.tree.tree
    click(qtbot, window, model.index(1, 0, run))
    click(qtbot, window, model.index(4, 0, run), Qt.KeyboardModifier.ShiftModifier)
    assert [one.pipeline_id[:4] for one in window.selection.chosen] == ["0002", "0003", "0004", "0005"]
    assert window.selection.current.pipeline_id.startswith("0005")
    click(qtbot, window, model.index(5, 0, run), Qt.KeyboardModifier.ControlModifier)
    click(qtbot, window, model.index(1, 0, run), Qt.KeyboardModifier.ControlModifier)
    assert [one.pipeline_id[:4] for one in window.selection.chosen] == ["0003", "0004", "0005", "0006"]
    click(qtbot, window, run)
    assert window.selection.chosen == () and window.tree.selected_runs() == [model.run(run).run_id]
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert window.query.text() == f"run_id = '{model.run(run).run_id}'"


def test_digits_go_to_the_pipeline_of_that_number(qtbot, window):
    run = opened(qtbot, window, "corn")
    click(qtbot, window, window.tree.model.index(0, 0, run))
    focus(qtbot, window.tree.tree)
    qtbot.keyClicks(window.tree.tree, "0017")
    assert window.selection.current.pipeline_id.startswith("0017")
    with qtbot.waitSignal(window.tree.details_wanted):
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_Return)


def test_pipelines_selected_elsewhere_are_selected_in_the_tree(qtbot, window):
    run = opened(qtbot, window, "corn")
    window.tree.tree.selectionModel().clear()
    rows = [window.tree.model.index(place, 0, run) for place in (2, 6)]
    chosen = [Picked(p.run_id, p.pipeline_id, p.prediction_id) for p in map(window.tree.model.pipeline, rows)]
    window.selection.choose(chosen)
    window.selection.pick(chosen[1])
    selected = window.tree.tree.selectionModel()
    qtbot.waitUntil(lambda: sorted(index.row() for index in selected.selectedRows()) == [2, 6])
    assert window.tree.tree.currentIndex() == rows[1]
    assert window.selection.chosen == tuple(chosen)


def test_another_grouping_keeps_branches_selection_and_is_remembered(qtbot, window):
    run = opened(qtbot, window, "wheat")
    click(qtbot, window, window.tree.model.index(1, 0, run))
    with qtbot.waitSignal(window.tree.model.listed):
        window.tree.orders["dataset"].trigger()
    model, view = window.tree.model, window.tree.tree
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["corn", "wheat"]
    run = run_of(model, "wheat")
    assert view.isExpanded(run) and view.isExpanded(run.parent())
    qtbot.waitUntil(lambda: view.currentIndex().data() == "0002  wheat 1")
    assert view.selectionModel().isSelected(view.currentIndex())
    assert window.settings.tree_by == "dataset"


def test_the_filter_box_narrows_leads_into_the_tree_and_on_to_the_catalog(qtbot, window):
    box, view = window.tree.filter, window.tree.tree
    window.activateWindow()
    with qtbot.waitSignal(window.tree.model.listed):
        qtbot.keyClicks(box, "wheat")
    assert view.model().rowCount() == 1 and view.isExpanded(view.model().index(0, 0))
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(box.hasFocus)
    box.setText("wheat broken")  # no number, which could be that of the day
    qtbot.waitUntil(window.tree._no_match.isVisible)
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert window.catalog.model.row(0)["pipeline_name"] == "wheat broken"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: view.isVisible() and len(window.tree.model.tree.homes) == 2)


def test_the_filter_box_finds_pipelines_by_number_here_and_in_the_catalog(qtbot, window):
    box, tree = window.tree.filter, window.tree
    window.activateWindow()
    with qtbot.waitSignal(tree.model.listed):
        box.setText("0025")
    assert [run.dataset_name for run in tree.model.tree.groups[0].runs] == ["corn"]  # wheat has no so many
    box.setText("0025 wheat 0")
    qtbot.waitUntil(tree._no_match.isVisible)
    box.setText("0025 'x")
    qtbot.waitUntil(lambda: tree.model.arrangement.text == "0025 'x")
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert window.catalog.model.rowCount() == 0
    box.setText("0025_corn-24 24")
    with qtbot.waitSignal(window.catalog.model.listed):
        tree._look_in_catalog()
    assert [window.catalog.model.row(0)["pipeline_name"]] == ["corn 24"] and window.catalog.model.rowCount() == 1


def test_deleted_runs_are_shown_on_wish(qtbot, window, root):
    wheat = run_of_or_none(window, "wheat")
    shutil.rmtree(root / "runs" / wheat.folder)
    qtbot.waitUntil(lambda: run_of_or_none(window, "wheat") is None, timeout=4000)
    with qtbot.waitSignal(window.tree.model.listed):
        window.tree.show_deleted.trigger()
    index = window.tree.model.run_index(wheat.run_id)
    assert "folder deleted" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert not window.tree.model.hasChildren(index)


def test_results_without_any_run_folder_are_told_of_and_their_runs_are_shown_on_wish(qtbot, root, settings):
    for folder in (root / "runs").iterdir():
        shutil.rmtree(folder)
    window = MainWindow(Workspace.open(root), settings)
    qtbot.addWidget(window)
    window.show()
    tree = window.tree
    qtbot.waitUntil(lambda: tree._pages.currentWidget() is tree._no_folders)
    assert "has results" in tree._no_folders.text() and "No runs yet" not in tree._no_folders.text()
    with qtbot.waitSignal(tree.model.listed):
        first_button(tree._no_folders).click()
    assert tree.show_deleted.isChecked() and tree._pages.currentWidget() is tree.tree
    assert {node.row.dataset_name for node in tree.model._nodes.values() if node.kind == "run"} == {"corn", "wheat"}
    qtbot.waitUntil(lambda: window.details.charts is not None)


def test_a_large_run_opens_without_holding_the_window_up(qtbot, open_window, large):
    window = open_window(large)
    model, view = window.tree.model, window.tree.tree
    run = run_of(model, "corn")
    last = Picked(model.run(run).run_id, f"{MANY}_a1b2c3", f"p{MANY}")
    window.selection.pick(last)
    qtbot.waitUntil(lambda: model.pipeline(view.currentIndex()) is not None)
    assert model.pipeline(view.currentIndex()).pipeline_id == last.pipeline_id
    qtbot.waitUntil(lambda: view.in_view(view.currentIndex()))
    assert sum(node.kind == "pipeline" for node in model._nodes.values()) <= SIZE


def test_a_run_that_is_narrowed_away_is_gone_to_all_the_same(qtbot, window):
    tree = window.tree
    runs = {run.run_id: run.dataset_name for group in tree.model.groups() for run in group.row.runs}
    wanted = next(run_id for run_id, dataset in runs.items() if dataset == "wheat")
    tree.filter.setText("corn")
    qtbot.waitUntil(lambda: not tree.model.run_index(wanted).isValid())
    window.details.run_wanted.emit(wanted)
    qtbot.waitUntil(lambda: tree.selected_runs() == [wanted])
    assert tree.filter.text() == ""


def test_of_a_run_its_details_say_what_came_of_it_and_lead_to_its_results(qtbot, window):
    tree, told = window.tree, window.details._empty
    run = next(run for group in tree.model.groups() for run in group.row.runs if run.dataset_name == "corn")
    tree.select_run(run.run_id)
    qtbot.waitUntil(lambda: run_in_words(run) in told.text())
    assert f"{run.total} pipelines: {run.successful} completed" in told.text() and "Best " in told.text()
    first_button(told).click()
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == run.total)
    assert window.query.text() == f"run_id = '{run.run_id}'"
