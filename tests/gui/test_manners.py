"""Manners: menus, palette and key sheet, the keyboard, names for screen readers, workspaces of late."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAction, QGuiApplication, QImage, QKeySequence
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDockWidget,
    QFileDialog,
    QMenu,
    QPushButton,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QWidget,
)

from gui.commands import action_text
from gui.dialogs.key_sheet import KeysDialog, sheet_text
from gui.dialogs.messages import RecordDialog
from gui.dialogs.palette import CommandDialog, Found, Offer, closeness, found
from gui.dialogs.plan_preview import PlanDialog
from gui.theme import GRID
from gui.window import MainWindow
from storage import Workspace
from tests.gui.test_window import focus

WARN = QAbstractItemModelTester.FailureReportingMode.Warning


def say(qtbot, window: MainWindow, words: str) -> CommandDialog:
    """Open the palette and type."""
    window.commands.commands.trigger()
    dialog = next(one for one in window.findChildren(CommandDialog) if one.isVisible())
    qtbot.keyClicks(dialog._edit, words)
    return dialog


# --- menus, palette, key sheet ---


def test_every_command_is_in_a_menu_and_every_menu_behind_the_button_for_all(window):
    commands = window.commands
    listed = [action for _, action in commands.in_menus()]
    assert [action.text() for action in commands.all() if action not in listed] == []
    behind = [action.menu() for action in commands.more_menu.actions() if action.menu()]
    assert behind == commands.menus
    titles = [action_text(menu.menuAction()) for menu in behind]
    assert [titles[0], titles[1], titles[-1]] == ["Workspace", "Edit", "Help"]
    assert all(menu.title() for menu in window.findChildren(QMenu) if menu.menuAction() in commands.more_menu.actions())


def test_no_two_commands_of_the_window_have_the_same_key(window):
    keys: dict[str, str] = {}
    for action in window.findChildren(QAction):
        if action.shortcutContext() not in (Qt.ShortcutContext.WindowShortcut, Qt.ShortcutContext.ApplicationShortcut):
            continue
        for key in action.shortcuts():
            assert keys.setdefault(key.toString(), action.text()) == action.text()


def test_words_are_found_in_any_order_and_letters_with_others_between():
    offers = [Offer(text, int) for text in ("Go to jobs", "Go to runs", "New run", "Open workspace", "Rebuild index")]
    assert [offer.text for offer in found(offers, "jobs go", [])] == ["Go to jobs"]
    assert [offer.text for offer in found(offers, "run", [])] == ["New run", "Go to runs", "Rebuild index"]
    assert [offer.text for offer in found(offers, "opzk", [])] == []
    assert [offer.text for offer in found(offers, "opsp", [])] == ["Open workspace"]
    offers = [Offer("The ham elsewhere", print, quiet=True), Offer("Dark colours", print, known_as="theme appearance")]
    assert [offer.text for offer in found(offers, "theme", [])] == ["Dark colours"], "words come before letters"
    assert closeness("zzz", "Go to jobs") is None
    assert closeness("jobs", "Go to jobs") > closeness("obs", "Go to jobs") > closeness("jbs", "Go to jobs")


def test_what_was_used_lately_comes_first_and_what_cannot_be_done_says_why(qtbot, open_window):
    window = open_window()
    dialog = say(qtbot, window, "keys")
    qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    sheet = window.findChild(KeysDialog)
    qtbot.waitUntil(sheet.isVisible)
    sheet.close()
    dialog = say(qtbot, window, "")
    assert dialog.texts()[0] == "Keys"
    qtbot.keyClicks(dialog._edit, "new run")
    index = dialog._model.index(0, 0)
    assert index.data() == "New run"
    assert "Open a workspace first" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert dialog.isVisible()  # it stays, as nothing could be done
    dialog.close()


def test_the_palette_leads_to_workspaces_queries_and_views(qtbot, window, tmp_path):
    Workspace.create(tmp_path / "barley").close()
    window.settings.recent = [*window.settings.recent, str(tmp_path / "barley")]
    window.settings.remember_query("test_rmse < 1.15")
    dialog = say(qtbot, window, "1.15 rmse")
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert window.query.text() == "test_rmse < 1.15"
    wanted = window.catalog.views.all()[-1]
    dialog = say(qtbot, window, f"view {wanted.name}")
    assert dialog.texts()[0] == f"View {wanted.name}"
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert window.catalog.views.current == wanted
    dialog = say(qtbot, window, "open barley")
    with qtbot.waitSignal(window.session.opened):
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert window.session.workspace.name == "barley"


def test_the_palette_puts_the_best_first_by_any_metric(qtbot, window):
    dialog = say(qtbot, window, "rmse")
    assert dialog.texts()[:2] == ["Best by val_rmse", "Best by test_rmse"]
    dialog._edit.clear()
    qtbot.keyClicks(dialog._edit, "best by r2")
    assert dialog.texts()[0] == "Best by val_r2"
    with qtbot.waitSignal(window.catalog.model.listed):
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert window.catalog.sort_button.text() == "Best by val_r2"


def test_arrows_move_in_the_palette_and_a_click_runs(qtbot, window):
    dialog = say(qtbot, window, "go to")
    wanted = dialog.texts()[2]
    for key in (
        Qt.Key.Key_Down,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_Down,
        Qt.Key.Key_Down,
    ):
        qtbot.keyClick(dialog._edit, key)
    assert dialog._list.currentIndex().data() == wanted
    qtbot.keyClicks(dialog._edit, " jobs")
    place = dialog._list.visualRect(dialog._model.index(0, 0)).center()
    qtbot.mouseClick(dialog._list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.jobs_dock.isVisible()


def test_the_model_of_the_palette_keeps_the_rules(qtmodeltester):
    model = Found()
    qtmodeltester.check(model, force_py=False)
    model.put([Offer("a", int), Offer("b", int)])
    model.put([])


def test_f10_opens_the_menu_of_all_commands_and_the_arrows_go_through_it(qtbot, window):
    focus(qtbot, window.catalog.table)
    qtbot.keyClick(window.catalog.table, Qt.Key.Key_F10)
    menu = window.commands.more_menu
    assert menu.isVisible() and menu.activeAction() is menu.actions()[0]
    menu.close()


def test_the_sheet_of_keys_is_by_place_can_be_searched_and_copied(qtbot, window):
    window.commands.keys.trigger()
    sheet = window.findChild(KeysDialog)
    groups = {group.title: dict(group.rows) for group in window.commands.key_groups()}
    assert groups["Run"]["New run"] == "Ctrl+N"
    assert groups["In the query box"]["Go to the first row listed"] == "↓, Enter once more"
    assert {"Bring back from the trash", "Remove from the trash for good"} <= set(groups["In the health pane"])
    bar = sheet._sheet.verticalScrollBar()
    qtbot.keyClick(sheet._edit, Qt.Key.Key_PageDown)
    assert bar.value() == bar.pageStep() > 0
    qtbot.keyClick(sheet._edit, Qt.Key.Key_PageUp)
    assert bar.value() == 0
    qtbot.keyClicks(sheet._edit, "row listed")
    shown = [item.text(0) for top, items in sheet._rows for item in items if not item.isHidden() and not top.isHidden()]
    assert shown == ["Go to the first row listed"]
    sheet.findChild(QWidget, "copyKeys").click()
    assert QGuiApplication.clipboard().text() == sheet_text(window.commands.key_groups())
    assert "Ctrl+N" in QGuiApplication.clipboard().text()
    sheet.close()


def test_a_question_mark_shows_the_keys_wherever_no_text_is_typed(qtbot, window):
    with qtbot.waitSignal(window.jobs.ended):  # so that jobs are listed
        window.jobs.start("short", lambda report: None)
    for number, part in ((1, window.tree.tree), (2, window.catalog.table), (3, window.details.tabs),
                         (4, window.jobs_pane.table), (4, window.jobs_pane.log), (5, window.library.tabs.tabBar()),
                         (6, window.health.tabs.tabBar()), (7, window.compare.tabs.tabBar())):  # fmt: skip
        window.show_pane(number)
        focus(qtbot, part)
        qtbot.keyClick(part, Qt.Key.Key_Question)  # however a keyboard brings it about
        (sheet,) = (one for one in window.findChildren(KeysDialog) if one.isVisible())
        sheet.close()
    for box in (window.query, window.library.filter):
        focus(qtbot, box)
        qtbot.keyClicks(box, "?")
        assert box.text() == "?" and not [one for one in window.findChildren(KeysDialog) if one.isVisible()]


def test_about_tells_the_versions_to_copy(qtbot, window):
    window.commands.about.trigger()
    qtbot.waitUntil(lambda: window.findChild(RecordDialog) is not None)
    dialog = window.findChild(RecordDialog)
    dialog.copy.click()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("Runshelf 0.")
    assert "scikit-learn" in text
    dialog.close()


# --- the keyboard, and who cannot see ---


def may_be_focused(widget: QWidget) -> bool:
    return (
        widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        and widget.focusProxy() is None and not isinstance(widget.parentWidget(), QTabBar)
    )  # fmt: skip


def show_everything(qtbot, window: MainWindow) -> None:
    """Have all docks and a selection, so that there is as much to reach as there can be."""
    for dock in window.findChildren(QDockWidget):
        dock.show()
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.details.details is not None and window.tasks.active == 0)


def test_tab_reaches_every_part_of_the_window_and_is_caught_nowhere(qtbot, window):
    show_everything(qtbot, window)
    window.activateWindow()
    window.query.setFocus()
    qtbot.waitUntil(window.query.hasFocus)
    seen: list[QWidget] = []
    for _ in range(400):
        here = QApplication.focusWidget()
        if here in seen:
            break
        seen.append(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is window.query, f"caught in {QApplication.focusWidget()}"
    for dock in (one for one in window.findChildren(QDockWidget) if not window._out_of_sight(one)):
        assert any(dock.isAncestorOf(widget) for widget in seen), dock.windowTitle()
    assert window.catalog.table in seen
    missed = [w for w in window.findChildren(QWidget) if may_be_focused(w) and w not in seen
              and w.window() is window and not window._out_of_sight(w)]  # fmt: skip
    assert [f"{type(widget).__name__} {widget.accessibleName()}" for widget in missed] == []


def name_of(widget: QWidget) -> str:
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface is not None else ""


def unnamed(top: QWidget) -> list[str]:
    parts = [w for w in top.findChildren(QWidget) if may_be_focused(w) and not isinstance(w, QScrollBar)]
    parts = [w.parentWidget() if isinstance(w.parentWidget(), QTabWidget) else w for w in parts]  # which has the name
    return [f"{type(w).__name__} {w.objectName()} in {type(w.parent()).__name__}" for w in parts if not name_of(w)]


def test_everything_that_takes_the_keyboard_has_a_name(qtbot, window):
    show_everything(qtbot, window)
    window.compare_chosen()
    wrong = set(unnamed(window))
    for show in (window.show_commands, window.show_keys, window.opening.ask_new, window.new_run,
                 window.catalog.rows.ask_export, window.catalog.choose_columns, window.pipelines.archive.trigger,
                 window.commands.make_room.trigger):  # fmt: skip
        show()
        qtbot.waitUntil(lambda: window.tasks.active == 0)
        for dialog in window.findChildren(QDialog):
            wrong |= set(unnamed(dialog))
            dialog.close()
    assert sorted(wrong) == []


# --- workspaces of late ---


@pytest.fixture
def late(settings, root, tmp_path):
    """Three workspaces of late: one that is there, one that is gone, and another one."""
    Workspace.create(tmp_path / "other").close()
    settings.recent = [str(root), str(tmp_path / "gone"), str(tmp_path / "other")]
    return settings


def test_the_list_of_the_welcome_page_takes_the_room_there_is(qtbot, open_window, late):
    window = open_window()
    page, recent = window.welcome, window.welcome.recent
    for width in (1100, 1280, 1900):
        window.resize(width, 800)
        qtbot.waitUntil(lambda width=width: window.width() == width)
        left = recent.mapTo(page, recent.rect().topLeft()).x()
        right = page.width() - recent.mapTo(page, recent.rect().topRight()).x()
        assert min(left, right) >= 4 * GRID and abs(left - right) <= 2
        assert recent.visualItemRect(recent.item(0)).width() == recent.viewport().width()


def test_the_welcome_page_lists_workspaces_of_late_and_opens_one_by_key(qtbot, open_window, late, root):
    window = open_window()
    recent = window.welcome.recent
    said = [recent.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert [text.partition(",")[0] for text in said] == ["workspace", "gone", "other"]
    qtbot.waitUntil(lambda: recent.item(1).data(Qt.ItemDataRole.AccessibleTextRole).endswith("not found"))
    window.activateWindow()
    recent.setFocus()
    qtbot.waitUntil(recent.hasFocus)
    qtbot.keyClick(recent, Qt.Key.Key_Down)
    qtbot.keyClick(recent, Qt.Key.Key_Delete)
    assert [recent.item(row).text() for row in range(recent.count())] == ["workspace", "other"]
    with qtbot.waitSignal(window.session.opened):
        qtbot.keyClick(recent, Qt.Key.Key_Return)
    assert window.session.workspace.name == "other"
    assert [path.rpartition("/")[2] for path in late.recent] == ["other", "workspace"]


def test_who_is_here_for_the_first_time_is_offered_the_demo(qtbot, open_window, settings, root):
    window = open_window()
    ways = {button.text(): button.property("primary") for button in window.welcome.findChildren(QPushButton)}
    assert ways == {"Open workspace…": False, "New workspace…": False, "Try the demo": True}
    assert window.welcome.text().startswith("Welcome to Runshelf")
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(root)
    window.opening.close()
    qtbot.waitUntil(window.welcome.isVisible)
    ways = {button.text(): button.property("primary") for button in window.welcome.findChildren(QPushButton)}
    assert ways == {"Open workspace…": True, "New workspace…": False, "Try the demo": False}
    assert window.welcome.text().startswith("No workspace is open")


def test_where_the_demo_will_be_made_is_said_before_and_can_be_changed(qtbot, open_window, tmp_path, monkeypatch):
    window = open_window()
    place = window.welcome.demo
    assert place.isVisible() and place.sentence.text().endswith("runshelf-demo")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    place.change.click()
    assert place.folder == tmp_path / "runshelf-demo" and str(tmp_path) in place.sentence.toolTip()
    (button,) = (one for one in window.welcome.findChildren(QPushButton) if one.text() == "Try the demo")
    for act, folder in (
        (button.click, tmp_path / "runshelf-demo"),
        (lambda: accept_demo(window, tmp_path / "other"), tmp_path / "other" / "runshelf-demo"),
    ):
        act()
        qtbot.waitUntil(lambda folder=folder: (folder / "workspace" / "runshelf.json").exists())
        (job,) = window.jobs.busy()
        assert not button.isEnabled() and not place.isVisible()
        empty = (window.welcome, window.tree._no_workspace, *(page.empty for page in window.library.pages.values()))
        assert all(page.text().startswith("The demo is being made") for page in empty)
        window.jobs.cancel(job)
        qtbot.waitUntil(lambda: not window.jobs.busy())
        assert all(page.text().startswith("No workspace is open") for page in empty[1:])
        assert button.isEnabled() and place.isVisible()


def test_enter_and_delete_beside_the_list_of_workspaces_do_nothing_to_it(qtbot, open_window, late):
    window = open_window()
    recent, wanted = window.welcome.recent, []
    window.welcome.wanted.connect(wanted.append)
    focus(qtbot, window.library.filter)
    qtbot.keyClick(window.library.filter, Qt.Key.Key_Return)
    qtbot.keyClick(window.library.filter, Qt.Key.Key_Delete)
    assert wanted == [] and recent.count() == 3


def test_the_welcome_page_has_the_keyboard_where_people_begin(qtbot, open_window, late):
    window = open_window()
    assert window.focusWidget() is window.welcome.recent
    window.settings.recent = []
    window.welcome.refresh()
    window.welcome.begin()
    assert window.focusWidget().text() == "Try the demo"


def test_a_long_path_on_an_empty_page_does_not_push_its_pane_wider(qtbot, open_window):
    page = open_window().details._empty
    before = page.minimumSizeHint().width()
    words = f"The workspace {'/a-rather-long-name' * 12} is not there any more."
    page.say(words, "Mount its disk, or move it back.")
    assert page.minimumSizeHint().width() <= max(before, 320) and words in page.text()


def test_enter_presses_the_way_that_has_the_keyboard(qtbot, open_window):
    window = open_window()
    pressed = []
    button = window.welcome.offer("Another way", lambda: pressed.append(True))
    qtbot.waitUntil(button.isVisible)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.keyClick(button, Qt.Key.Key_Enter)
    assert pressed == [True, True]


def accept_demo(window, place):
    """Have the demo made from the menu, in another place than the one that is proposed."""
    dialog = window.ask_demo()
    assert dialog.place.folder == window.welcome.demo.folder
    dialog.place.put_within(place)
    dialog.accept()


def test_a_click_on_a_workspace_of_late_opens_it(qtbot, open_window, late, root):
    recent = open_window().welcome.recent
    with qtbot.waitSignal(recent.window().session.opened):
        place = recent.visualItemRect(recent.item(0)).center()
        qtbot.mouseClick(recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert recent.window().session.workspace.root == root


def test_the_menu_marks_what_is_gone_and_clears_the_list(qtbot, open_window, late, root, tmp_path):
    window = open_window(root)
    menu = window.commands.recent_menu
    menu.aboutToShow.emit()
    assert [action.text().rpartition("/")[2] for action in menu.actions()[:3]] == ["workspace", "gone", "other"]
    qtbot.waitUntil(lambda: menu.actions()[1].text().endswith("(not found)"))
    assert "not found" not in menu.actions()[2].text()
    menu.actions()[-1].trigger()
    assert late.recent == [str(root)]


# --- shape ---


def test_an_arrangement_saved_with_other_docks_does_not_hide_the_new_ones(open_window, root, settings):
    window = open_window(root)
    window.tree_dock.hide()
    settings.save_window(window.saveGeometry(), window.saveState(0))  # as a version with other docks saved it
    again = open_window(root)
    assert again.tree_dock.isVisible()
    assert again.library_dock.isVisible()
    assert not again.details_dock.isFloating()


def test_a_floating_dock_of_a_screen_that_is_gone_comes_back(open_window, root, settings):
    window = open_window(root)
    window.details_dock.setFloating(True)
    window.details_dock.move(9000, 9000)
    window.close()
    dock = open_window(root).details_dock
    assert dock.isFloating()
    assert dock.screen().availableGeometry().intersects(dock.geometry())


def test_the_menu_of_a_key_is_shown_as_the_platform_writes_it(window):
    groups = {title for title, rows in ((group.title, group.rows) for group in window.commands.key_groups()) if rows}
    assert {"Workspace", "Edit", "View", "Run", "Help"} <= groups
    native = QKeySequence("Ctrl+K").toString(QKeySequence.SequenceFormat.NativeText)
    assert dict(next(g.rows for g in window.commands.key_groups() if g.title == "Help"))["Commands"] == native


# --- panes ---


def test_panes_keep_their_sizes_whatever_is_shown(qtbot, window):
    window.resize(1280, 800)
    window.resizeDocks([window.tree_dock, window.details_dock], [320, 380], Qt.Orientation.Horizontal)
    window.resizeDocks([window.tree_dock, window.library_dock], [300, 420], Qt.Orientation.Vertical)
    docks = (window.tree_dock, window.library_dock, window.details_dock)
    qtbot.waitUntil(lambda: docks[0].width() == 320 and docks[0].height() < docks[1].height())
    window._shape.note()

    def sizes() -> list[tuple[int, int]]:
        return [(dock.width(), dock.height()) for dock in docks]

    before = sizes()
    for pane in (4, 6):
        window.show_pane(pane)
        qtbot.waitUntil(lambda: window.tree_dock.height() < before[0][1])
        assert [width for width, _ in sizes()] == [width for width, _ in before]
    window.jobs_dock.hide()
    window.health_dock.hide()
    qtbot.waitUntil(lambda: sizes() == before)
    window.centre.setCurrentIndex(1)
    window.show_pane(7)
    assert sizes() == before
    assert window.centralWidget().minimumSizeHint().width() <= 400, "nothing shown there can push the docks"


def test_what_comes_below_has_room_the_first_time_and_then_what_somebody_gave_it(qtbot, window):
    window.resize(1280, 800)
    window.show_pane(6)
    qtbot.waitUntil(lambda: window.health_dock.height() >= 240)
    window.resizeDocks([window.health_dock], [150], Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: window.health_dock.height() == 150)
    window._shape.note()
    window.health_dock.hide()
    window.show_pane(4)
    qtbot.waitUntil(lambda: window.jobs_dock.isVisible() and window.jobs_dock.height() == 150)
    window._shape.save()
    assert window.settings.height_below == 150
    window.reset_layout()
    window.show_pane(6)
    qtbot.waitUntil(lambda: window.health_dock.height() >= 240)


def test_f6_goes_round_the_panes_and_tab_from_the_query_to_the_table(qtbot, window):
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.details.details is not None)
    focus(qtbot, window.query)
    qtbot.keyClick(window.query, Qt.Key.Key_Tab)
    assert window.catalog.table.hasFocus()
    seen = []
    for _ in range(5):
        window.commands.next_pane.trigger()
        seen.append(next(name for name in ("details", "top", "tree", "library", "catalog")
                         if getattr(window, name).isAncestorOf(window.focusWidget())))  # fmt: skip
    assert seen == ["details", "top", "tree", "library", "catalog"]
    window.commands.pane_before.trigger()
    assert window.library.isAncestorOf(window.focusWidget())


@pytest.mark.parametrize("count", [0, 1, 4, 500])
def test_a_plan_is_as_high_as_its_steps_and_can_be_made_larger(qtbot, window, count):
    step = ("Move runs/2026-11-28_corn to the trash: 30 pipelines, which are as many as make two lines of it.", 10)
    dialog = PlanDialog("Do it", [step] * count, "Do it", window, note="What is damaged goes to the trash first.")
    dialog.open()
    qtbot.waitExposed(dialog)
    table = dialog.table
    empty = table.viewport().height() - table.verticalHeader().length()
    assert empty == 0 if 0 < count < 10 else empty < 0 or not count
    assert dialog.height() < (260 if count < 2 else 760)
    before = dialog.height(), table.height()
    dialog.resize(dialog.width() + 100, dialog.height() + 100)
    qtbot.waitUntil(lambda: table.height() == before[1] + 100)
    dialog.reject()


def test_commands_are_found_by_their_own_words_first(qtbot, window):
    offers = [Offer("Trash", print, known_as="rest"), Offer("Show the trash", print, known_as="restore rest run the"),
              Offer("Run the rest", print), Offer("Restore", print)]  # fmt: skip
    assert found(offers, "run the rest", [])[0].text == "Run the rest"
    assert [one.text for one in found(offers, "rest", [])][:2] == ["Restore", "Run the rest"]
    offers = window.commands.offers()
    assert found(offers, "run the rest", [])[0].text == "Run the rest of what was stopped"
    for typed in ("matter", "parameter"):
        first = found(offers, typed, [])[0]
        assert first.text == "Show which parameter matters"
    first.act()
    assert window.centre.shows_charts() and window.explore.options.kind == "parameter"


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGBX8888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
    return lines[:, : image.width(), :3].astype(int)


@pytest.mark.parametrize("kind", ["parallel", "parameter"])
def test_tab_goes_only_to_what_can_be_seen_and_shows_it_there(qtbot, window, kind):
    table, explore = window.catalog.table, window.explore
    window.show_pane(4)
    window.show_pane(6)  # in front of the jobs
    table.selectRow(0)
    (window.commands.explore if kind == "parallel" else window.commands.parameters).trigger()
    charts = {"parallel": lambda: [explore.parallel], "parameter": lambda: [explore.parameters.ranking, explore.first]}
    qtbot.waitUntil(lambda: explore.first.isVisible() and explore.first is not explore.options.kinds)
    qtbot.waitUntil(lambda: window.details.details is not None and window.tasks.active == 0)
    focus(qtbot, table)
    here, seen = table, []
    while here not in seen:
        seen.append(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
        parts = [here, *here.findChildren(QWidget)]  # a chart is hidden by its own canvas
        assert any(not part.visibleRegion().isEmpty() for part in parts), f"{here} {here.accessibleName()}"
        with_keyboard = pixels(window.grab().toImage())
        here.clearFocus()
        changed = np.abs(pixels(window.grab().toImage()) - with_keyboard).sum(axis=2)
        assert (changed > 150).sum() >= 20, f"{here} {here.accessibleName()}"
        here.setFocus(Qt.FocusReason.TabFocusReason)
    assert any(window.health.isAncestorOf(widget) for widget in seen)
    order = [explore.options.kinds, *charts[kind](), window.details.tabs.tabBar()]
    assert [one for one in seen if one in order] == order


def test_f6_goes_to_what_is_shown_of_the_details_and_to_the_charts(qtbot, window):
    table, details = window.catalog.table, window.details
    focus(qtbot, table)
    window.commands.panes[2].trigger()
    assert table.hasFocus(), "with nothing selected there is nothing to go to"
    table.selectRow(0)
    qtbot.waitUntil(lambda: details.details is not None)
    window.commands.panes[2].trigger()
    assert details.tabs.tabBar().hasFocus()
    table.selectAll()
    table.setFocus()
    qtbot.waitUntil(lambda: details._differences.isVisible())
    window.commands.next_pane.trigger()
    assert details._differences.sheet.hasFocus()
    table.setFocus()
    window.commands.explore.trigger()
    qtbot.waitUntil(lambda: window.explore.parallel is not None and window.explore.parallel.isVisible())
    window.commands.next_pane.trigger()
    assert window.explore.parallel.hasFocus()
    window.commands.close.trigger()
    qtbot.waitUntil(lambda: window.session.workspace is None)
    window.top.workspace.setFocus()
    window.commands.next_pane.trigger()
    assert window.library.isAncestorOf(window.focusWidget())
    window.commands.next_pane.trigger()
    assert window.welcome.isAncestorOf(window.focusWidget())


def test_pressing_the_button_of_a_notice_gives_the_keyboard_back(qtbot, window):
    done = []
    focus(qtbot, window.catalog.table)
    for button in (window.notice._act, window.notice._close):
        window.notice.say("1 run deleted.", "Undo", lambda: done.append("undone"))
        focus(qtbot, button)
        qtbot.keyClick(button, Qt.Key.Key_Space)
        assert window.catalog.table.hasFocus() and not window.notice.isVisible()
    assert done == ["undone"]


def test_closing_a_workspace_gives_the_keyboard_to_the_welcome_page(qtbot, window):
    focus(qtbot, window.catalog.table)
    window.commands.close.trigger()
    qtbot.waitUntil(lambda: window.session.workspace is None)
    qtbot.waitUntil(lambda: window.welcome.isAncestorOf(window.focusWidget()))


def test_a_page_of_the_comparison_is_gone_to_by_its_name(qtbot, window):
    window.catalog.table.selectRow(0)
    window.compare_chosen()
    window.catalog.table.selectRow(1)
    window.compare_chosen()
    dialog = say(qtbot, window, "better")
    qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.compare.folds.isVisible())
