"""The window as people use it."""

from PySide6.QtCore import QObject, QPoint, QRect, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication, QPalette
from PySide6.QtWidgets import QMessageBox, QTableView, QTabWidget, QTreeView, QWidget

from gui.dialogs.messages import ErrorDialog
from gui.dialogs.palette import CommandDialog
from gui.formats import MISSING
from gui.query_box import QueryBox
from gui.selection import Picked
from gui.theme import theme
from gui.window import MainWindow
from gui.window_shape import on_screen
from storage import Workspace
from tests.gui.holding import held
from tests.gui.samples import fill


def names(window: MainWindow) -> list[str]:
    model = window.catalog.model
    column = model.column("pipeline_name")
    return [model.index(row, column).data() for row in range(model.rowCount())]


def apply_filter(qtbot, window: MainWindow, text: str) -> None:
    with qtbot.waitSignal(window.catalog.model.listed):
        window.query.setText(text)
        qtbot.keyClick(window.query, Qt.Key.Key_Return)


def focus(qtbot, widget: QWidget) -> None:
    """Give a widget the keyboard, as a click on it would."""
    widget.window().activateWindow()
    widget.setFocus()
    qtbot.waitUntil(lambda: widget.hasFocus() and QGuiApplication.focusWindow() is widget.window().windowHandle())


def select(qtbot, window: MainWindow, row: int) -> str:
    """Select a row of the catalog by hand; return its prediction id once the details show it."""
    window.catalog.table.selectRow(row)
    chosen = window.catalog.model.row(row)
    qtbot.waitUntil(
        lambda: window.details.details is not None and window.details.details.pipeline_id == chosen["pipeline_id"]
    )
    return chosen["prediction_id"]


# --- finding things ---


def test_scripts_and_screen_readers_find_the_panes(window):
    panes = {
        "workspaceTree": QTreeView,
        "catalogTable": QTableView,
        "queryEdit": QueryBox,
        "jobsTable": QTreeView,
        "detailTabs": QTabWidget,
    }
    for name, kind in panes.items():
        found = window.findChildren(kind, name)
        assert len(found) == 1, name
        assert found[0].accessibleName(), name


def test_a_filter_narrows_the_catalog_and_is_counted(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'wheat' and test_rmse < 1.25")
    assert sorted(names(window)) == ["wheat 0", "wheat 1", "wheat 2"]
    assert window.status._listed.text().startswith("3 of 41")
    assert window.settings.queries == ["dataset_name = 'wheat' and test_rmse < 1.25"]


def test_a_wrong_filter_is_told_under_the_word_and_the_table_stays(qtbot, window):
    window.query.setText("test_rmse < 2 and test_rmze > 1")
    with qtbot.waitSignal(window.catalog.model.refused):
        qtbot.keyClick(window.query, Qt.Key.Key_Return)
    assert "test_rmze" in window.query.problem_text()
    word = window.query.fontMetrics().horizontalAdvance("test_rmse < 2 and ")
    assert window.query.problem_place().x() >= window.query.mapTo(window, window.query.rect().topLeft()).x() + word
    assert window.catalog.model.rowCount() == 41
    told, tabs = window.query._error, window.centre.tabs
    qtbot.waitUntil(lambda: told.mapTo(window, told.rect().bottomLeft()).y() < tabs.mapTo(window, QPoint(0, 0)).y())
    qtbot.keyClick(window.query, Qt.Key.Key_Backspace)
    assert window.query.refusal.isVisible() and not told.isVisible()  # nothing jumps while it is mended
    window.query.setText("test_rmse < 2")
    assert window.query.problem_text() == ""


def test_where_nothing_matches_the_order_stays_as_it_was(qtbot, window):
    """Chosen or not; and where a query brought its own, as that of all results is."""

    def sorted_by(text):
        apply_filter(qtbot, window, text)
        return window.catalog.sort_button.text(), window.catalog.sorting.text()

    best, newest = ("Best by val_rmse", "val_rmse"), ("Best by", "Created")
    assert sorted_by("test_rmse < 0") == best
    assert sorted_by("status = 'failed'") == sorted_by("status = 'failed' and test_rmse < 0") == newest
    assert sorted_by("order by pipeline_name")[1] == "Pipeline"
    assert sorted_by("test_rmse < 0") == best
    window.catalog.sort_by("test_r2", descending=True)
    assert sorted_by("test_rmse < -1") == ("Best by test_r2", "test_r2")


def test_what_a_filter_hides_stays_in_the_details_and_they_say_so(qtbot, window):
    head, several = window.details._head, window.details._differences
    select(qtbot, window, 0)
    apply_filter(qtbot, window, "dataset_name = 'nothing'")
    qtbot.waitUntil(head.hidden.isVisible)
    assert window.details.details is not None and "filter hides it" in head.hidden.whole()
    apply_filter(qtbot, window, "")
    qtbot.waitUntil(head.hidden.isHidden)
    window.catalog.sort_by("test_rmse", descending=False)
    qtbot.waitUntil(lambda: window.catalog.sorting.text() == "test_rmse" and window.tasks.idle)
    rows = [window.catalog.model.row(number) for number in range(3)]
    window.selection.choose([Picked(row["run_id"], row["pipeline_id"], row["prediction_id"]) for row in rows])
    qtbot.waitUntil(lambda: several.isVisible() and window.tasks.idle)
    apply_filter(qtbot, window, f"prediction_id = '{rows[0]['prediction_id']}'")
    qtbot.waitUntil(several.hidden.isVisible)
    assert several.hidden.text() == "2 of them are not in the table: the filter hides them."
    window.selection.choose(window.selection.chosen[:1])
    qtbot.waitUntil(several.hidden.isHidden)
    assert head.isVisible() and head.hidden.isHidden()


def test_nothing_found_offers_to_clear_the_filter(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'nothing'")
    assert window.catalog._no_match.isVisible()
    assert "dataset_name = 'nothing'" in window.catalog._no_match.text()
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(window.query, Qt.Key.Key_Escape)
        assert window.query.selectedText() == window.query.text() != ""
        qtbot.keyClick(window.query, Qt.Key.Key_Escape)
    assert window.catalog.table.isVisible()


def test_up_and_down_walk_through_earlier_queries(qtbot, window):
    for text in ("test_rmse < 2", "test_rmse < 3"):
        apply_filter(qtbot, window, text)
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down):
        qtbot.keyClick(window.query, key)
        seen.append(window.query.text())
    assert seen == ["test_rmse < 3", "test_rmse < 2", "test_rmse < 3"]


def test_a_click_on_a_title_sorts_best_first_and_the_next_one_turns_it_round(qtbot, window):
    header = window.catalog.table.horizontalHeader()
    place = window.catalog.model.column("test_r2")
    first = []
    for _ in range(2):
        with qtbot.waitSignal(window.catalog.model.listed):
            header.sectionClicked.emit(place)
        first.append(names(window)[0])
    assert first[0] in ("corn 0", "wheat 0")  # R²: higher is better
    assert first[1] == "corn 29"


# --- selection is one thing ---


def test_a_row_selected_in_the_catalog_is_selected_in_tree_and_details(qtbot, window):
    apply_filter(qtbot, window, "pipeline_name = 'corn 7'")
    select(qtbot, window, 0)
    tree = window.tree
    qtbot.waitUntil(lambda: tree.model.pipeline(tree.tree.currentIndex()) is not None)
    assert tree.model.pipeline(tree.tree.currentIndex()).name == "corn 7"
    view = tree.tree
    qtbot.waitUntil(lambda: view.viewport().rect().contains(view.visualRect(view.currentIndex()).center()))
    assert window.details._head._name.whole() == "corn 7"


def test_a_pipeline_selected_in_the_tree_is_selected_in_the_catalog(qtbot, window):
    model = window.tree.model
    run = next(index for one in model.tree.known if "wheat" in (index := model.run_index(one.run_id)).data())
    window.tree.tree.expand(run)
    qtbot.waitUntil(lambda: window.tree.model.rowCount(run) > 3)
    window.tree.tree.setCurrentIndex(window.tree.model.index(3, 0, run))
    table = window.catalog.table
    qtbot.waitUntil(lambda: table.currentIndex().isValid() and window.details.details is not None)
    assert window.catalog.model.row(table.currentIndex().row())["pipeline_name"] == "wheat 3"
    assert window.details._head._name.whole() == "wheat 3"


def test_one_can_go_back_and_forward_through_selections(qtbot, window):
    first, second = select(qtbot, window, 2), select(qtbot, window, 5)
    window.commands.back.trigger()
    assert window.selection.current.prediction_id == first
    qtbot.waitUntil(lambda: window.catalog.table.currentIndex().row() == 2)
    window.commands.forward.trigger()
    assert window.selection.current.prediction_id == second


def test_what_another_program_adds_appears_and_selection_and_scroll_stay(qtbot, window, root):
    chosen = select(qtbot, window, 20)
    window.catalog.table.verticalScrollBar().setValue(10)
    top = window.catalog.model.row(10)["prediction_id"]
    with Workspace.open(root) as other:
        fill(other, "oats", 2)
    with qtbot.waitSignal(window.catalog.model.listed):
        pass  # the window looks by itself every two seconds
    model = window.catalog.model
    assert model.rowCount() == 43
    assert model.row(window.catalog.table.currentIndex().row())["prediction_id"] == chosen
    assert model.row(window.catalog.table.verticalScrollBar().value())["prediction_id"] == top
    qtbot.waitUntil(lambda: len(window.tree.model.tree.known) == 3)


# --- details ---


def test_details_show_metrics_files_and_a_chart(qtbot, window):
    apply_filter(qtbot, window, "pipeline_name = 'corn 5'")
    select(qtbot, window, 0)
    metrics = window.details._summary._metrics
    rows = {metrics.item(row, 0).text(): metrics.item(row, 3).text() for row in range(metrics.rowCount())}
    assert rows["RMSE"] == "1.50"
    files = [window.details._files._sheet.item(row, 0).text() for row in range(window.details._files._sheet.rowCount())]
    assert {"metrics.json", "pipeline.json", "predictions.csv"} <= set(files)
    scatters = [item for item in window.details.charts.items() if type(item).__name__ == "ScatterPlotItem"]
    assert [len(item.points()) for item in scatters] == [3]


class Opener(QObject):
    """Stands where the desktop would open a file."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toLocalFile())


def test_files_and_their_folder_are_opened_by_the_desktop(qtbot, window):
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        select(qtbot, window, 0)
        files = window.details._files
        files._sheet.activated.emit(files._sheet.model().index(0, 0))
        files._button.click()
    finally:
        QDesktopServices.unsetUrlHandler("file")
    folder = window.details.details.folder
    assert opener.opened == [str(folder / files._sheet.item(0, 0).text()), str(folder)]


def test_a_pipeline_without_predictions_says_why_where_its_samples_would_be(qtbot, window):
    apply_filter(qtbot, window, "status = 'failed'")
    select(qtbot, window, 0)
    samples = window.details.samples
    window.details.tabs.setCurrentWidget(window.details._samples_place)
    qtbot.waitUntil(lambda: samples._empty.isVisible())
    assert "this pipeline failed" in samples._empty.text() and not samples.table.isVisible()
    apply_filter(qtbot, window, "")
    select(qtbot, window, 0)
    qtbot.waitUntil(lambda: samples.table.isVisible())
    assert not samples._empty.isVisible()


def test_a_failed_pipeline_says_why_and_the_text_can_be_copied(qtbot, window):
    apply_filter(qtbot, window, "status = 'failed'")
    select(qtbot, window, 0)
    box = window.details._summary._error
    assert box.isVisible()
    assert "the spectra are too short" in box._title.text()
    box.copy_button.click()
    assert "ValueError" in QGuiApplication.clipboard().text()
    model = window.catalog.model
    assert model.index(0, model.column("test_rmse")).data() == MISSING


def test_copied_rows_have_full_precision(qtbot, window):
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 1.15")
    window.catalog.table.selectAll()
    QGuiApplication.clipboard().clear()
    window.catalog.rows.copy_rows()
    qtbot.waitUntil(lambda: "\t" in QGuiApplication.clipboard().text())
    title, *rows = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert [row[title.index("test_rmse")] for row in rows] == ["1.0", "1.1"]


# --- the window itself ---


def test_layout_columns_and_tab_are_as_they_were_left(qtbot, open_window, root):
    window = open_window(root)
    window.details_dock.hide()
    window.catalog.columns.show_column("model_type", False)
    window.catalog.table.setColumnWidth(window.catalog.model.column("pipeline_name"), 333)
    with qtbot.waitSignal(window.catalog.model.listed):
        window.catalog.sort_by("created_at", descending=True)
    window.details.tabs.setCurrentIndex(3)
    window.close()
    again = open_window(root)
    assert again.details_dock.isHidden()
    assert again.catalog.table.isColumnHidden(again.catalog.model.column("model_type"))
    assert again.catalog.table.columnWidth(again.catalog.model.column("pipeline_name")) == 333
    assert again.catalog.model.listing.view.order == "-created_at"
    assert again.details.tabs.currentIndex() == 3
    again.commands.reset.trigger()
    assert again.details_dock.isVisible()
    assert not again.catalog.table.isColumnHidden(again.catalog.model.column("model_type"))


def test_where_the_first_window_stands_is_the_systems_choice(window):
    assert not window.testAttribute(Qt.WidgetAttribute.WA_Moved)  # put at 0, 0 its title would be off the screen


def test_a_window_saved_on_a_screen_that_is_gone_comes_back_to_one_that_is_there():
    screens = [QRect(0, 0, 1920, 1080)]
    assert on_screen(QRect(100, 100, 1280, 800), screens) == QRect(100, 100, 1280, 800)
    for lost in (QRect(3000, 200, 1280, 800), QRect(100, -900, 1280, 800), QRect(0, 0, 5000, 3000)):
        assert screens[0].contains(on_screen(lost, screens))


def test_the_theme_changes_at_once_and_is_remembered(window):
    seen = {}
    for choice in ("dark", "light"):
        window.commands.themes[choice].trigger()
        seen[choice] = window.palette().color(QPalette.ColorRole.Window).lightness()
        assert window.settings.theme == choice
        assert window.details.charts._plot.backgroundBrush().color().name() == theme().colours.base
    assert seen["dark"] < 80 < 200 < seen["light"]


def test_without_a_workspace_the_window_offers_to_open_one(open_window):
    window = open_window()
    assert window.welcome.isVisible()
    assert not window.commands.new_run.isEnabled()
    assert not window.query.isEnabled()
    assert window.tree._no_workspace.isVisible() and not window.tree.tree.isVisible()


def test_at_first_the_keyboard_is_in_the_table(qtbot, window):
    window.activateWindow()
    qtbot.waitUntil(lambda: window.focusWidget() is window.catalog.table)


def test_without_rows_the_keyboard_is_in_the_query_box_at_first(qtbot, open_window, tmp_path):
    window = open_window()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.open_workspace(tmp_path / "fresh", create=True)
    assert window.focusWidget() is window.query


def test_a_workspace_that_cannot_be_opened_is_explained_and_the_welcome_page_shown(qtbot, open_window, tmp_path):
    window = open_window()
    window.open_workspace(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)))
    dialog = window.findChild(ErrorDialog)
    assert "nowhere" in dialog.problem.what
    assert dialog.problem.advice
    dialog.close()
    assert window.welcome.isVisible()
    assert window.settings.recent == []


def test_a_new_workspace_says_what_to_do_first(qtbot, open_window, tmp_path):
    window = open_window()
    with qtbot.waitSignal(window.catalog.model.listed):
        window.open_workspace(tmp_path / "fresh", create=True)
    assert window.catalog._no_runs.isVisible()
    assert window.commands.new_run.isEnabled()
    assert window.windowTitle().startswith("fresh")
    assert window.settings.recent == [str(tmp_path / "fresh")]


def test_every_command_can_be_run_by_typing_a_part_of_its_name(qtbot, window):
    window.commands.commands.trigger()
    dialog = window.findChild(CommandDialog)
    dialog._edit.setText("go to jobs")
    qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert window.jobs_dock.isVisible()


def test_keys_lead_where_they_should(window):
    keys = {action.text().replace("&", ""): action.shortcut().toString() for action in window.commands.all()}
    assert keys["Go to the query"] == "Ctrl+L"
    assert keys["New run…"] == "Ctrl+N"
    assert keys["Open workspace…"] == "Ctrl+O"
    assert keys["Rescan"] == "F5"
    assert keys["Keys"] == "F1"
    assert [action.shortcut().toString() for action in window.commands.panes] == [f"Ctrl+{n}" for n in range(1, 8)]


def test_the_same_problem_is_told_once(qtbot, window):
    from gui.tasks import Problem

    for _ in range(3):
        window.tell(Problem("The disk is gone.", "Plug it in.", "", "known"))
    assert len(window.findChildren(ErrorDialog)) == 1
    assert window.findChildren(QMessageBox) == []
    window.findChild(ErrorDialog).close()


def test_the_first_arrow_key_in_the_table_selects_its_first_row(qtbot, window):
    window.show_pane(2)
    assert window.selection.current is None
    for row in (0, 1):
        qtbot.keyClick(window.catalog.table, Qt.Key.Key_Down)
        assert window.catalog.table.chosen.rows().rows(9) == [row]


def test_a_selected_run_leaves_no_pipeline_in_the_details(qtbot, window):
    window.catalog.table.selectRow(3)
    qtbot.waitUntil(lambda: window.details.details is not None)
    tree = window.tree
    tree.select_run(window.selection.current.run_id)
    qtbot.waitUntil(lambda: window.details.details is None)
    assert window.selection.current is None and len(tree.selected_runs()) == 1
    window.commands.back.trigger()
    qtbot.waitUntil(lambda: window.details.details is not None)


# --- opening ---


def test_while_it_is_opened_the_middle_says_what_is_done_and_how_far_it_is(qtbot, open_window, root):
    (root / "catalog" / "index.sqlite").unlink(missing_ok=True)
    window = open_window()
    window.opening._late.setInterval(0)
    seen = []
    window.centre.currentChanged.connect(lambda place: seen.append(window.centre.currentWidget()))
    with qtbot.waitSignal(window.catalog.model.listed):
        window.open_workspace(root)
    assert seen == [window.on_its_way, window.centre.tabs]
    assert window.on_its_way.text() == "Opening workspace Building the index from the files, 100 %"
    assert window.on_its_way.bar.value() == window.on_its_way.bar.maximum() == 41


def test_an_opening_is_given_up_and_what_was_shown_before_comes_back(qtbot, open_window, root, tmp_path):
    window = open_window()
    window.opening._late.setInterval(0)
    opening = []

    def give_up(place):
        if window.centre.currentWidget() is window.on_its_way:
            opening.append(window.on_its_way.text())
            window.on_its_way.cancel.click()

    window.centre.currentChanged.connect(give_up)
    window.open_workspace(root)
    qtbot.waitUntil(lambda: bool(opening) and window.tasks.idle)
    assert window.session.workspace is None and window.centre.currentWidget() is window.welcome
    assert opening == ["Opening workspace Reading the workspace…"]
    window.centre.currentChanged.disconnect(give_up)
    with qtbot.waitSignal(window.catalog.model.listed):
        window.open_workspace(root)  # its place was let go of
    window.centre.currentChanged.connect(give_up)
    with Workspace.create(tmp_path / "another"):
        pass
    window.open_workspace(tmp_path / "another")
    qtbot.waitUntil(lambda: len(opening) == 2 and window.tasks.idle)
    assert window.session.workspace.root == root and window.centre.currentWidget() is window.centre.tabs


def test_the_comparison_opened_on_a_selection_compares_it_at_once(qtbot, window):
    window.catalog.table.setFocus()
    window.catalog.table.selectRow(0)
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: len(window.selection.chosen) == 2)
    qtbot.mouseClick(
        window.centre.tabs.tabBar(), Qt.MouseButton.LeftButton, pos=window.centre.tabs.tabBar().tabRect(1).center()
    )
    assert window.comparison.pipelines == window.selection.chosen
    assert "Nothing" not in window.compare.first.text()  # while they are read
    qtbot.waitUntil(lambda: len(window.compare.pipelines) == 2)
    window.comparison.clear()  # what was put away stays away, and is offered
    assert window.comparison.pipelines == () and window.compare.compare_selected.isVisible()
    assert "2 pipelines selected" in window.compare.first.text()


def test_esc_leads_back_from_the_comparison(qtbot, window):
    window.catalog.table.selectRow(0)
    window.centre.show_comparison()
    focus(qtbot, window.centre.tabs.tabBar())
    qtbot.keyClick(window.compare, Qt.Key.Key_Escape)
    assert window.centre.tabs.currentIndex() == 0
    qtbot.waitUntil(window.catalog.table.hasFocus)


def test_details_of_another_pipeline_are_dimmed_while_those_wanted_are_read(qtbot, window):
    select(qtbot, window, 0)
    qtbot.waitUntil(lambda: window.details.details is not None)
    chosen = window.catalog.model.row(1)["pipeline_id"]
    with held(qtbot, window.session):
        window.catalog.table.selectRow(1)
        qtbot.waitUntil(window.details.veil.isVisible)
    qtbot.waitUntil(lambda: window.details.details.pipeline_id == chosen)
    assert not window.details.veil.isVisible()
