"""Tags, notes and stars: written by key, in place, on many at once, and taken back."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit

from gui.panes import annotating
from gui.panes.annotating import NotesDialog
from storage import Workspace
from tests.gui.holding import held
from tests.gui.test_window import apply_filter, focus, names


def marks(root, name):
    with Workspace.open(root) as other:
        (row,) = other.catalog.rows(other.catalog.keys(f"pipeline_name = '{name}'"))
        return row["tags"], row["notes"], row["stars"]


@pytest.fixture
def three(qtbot, window):
    """The rows corn 0 to corn 2 are listed and selected, the keyboard is in the table."""
    apply_filter(qtbot, window, "dataset_name = 'corn' and test_rmse < 1.25")
    focus(qtbot, window.catalog.table)
    window.catalog.table.selectAll()
    return window


def changed(qtbot, window):
    """Wait until a change is made and the catalog shows it."""
    return qtbot.waitSignals([window.session.changed, window.catalog.model.listed])


def test_t_tags_what_is_selected_and_undo_gives_each_its_own_back(qtbot, three, root):
    catalog = three.catalog
    with changed(qtbot, three):
        three.session.change(lambda ws: ws.catalog.annotate([catalog.model.row(0)["prediction_id"]], add_tags=["old"]))
    catalog.table.selectAll()
    qtbot.keyClick(catalog.table, Qt.Key.Key_T)
    dialog = catalog.findChild(QLineEdit, "tagEdit").window()
    dialog.edit_box.setText("final, -old")
    with changed(qtbot, three):
        qtbot.keyClick(dialog.edit_box, Qt.Key.Key_Return)
    assert [marks(root, f"corn {n}")[0] for n in (0, 1, 2)] == ["final"] * 3
    place = catalog.model.column("tags")
    assert not catalog.table.isColumnHidden(place)
    assert catalog.model.index(0, place).data() == "final"
    assert "Tagged 3 results: final" in three.notice.text()
    with changed(qtbot, three):
        three.notice._act.click()
    assert [marks(root, f"corn {n}")[0] for n in (0, 1, 2)] == ["old", None, None]
    qtbot.waitUntil(lambda: three.notice.text().startswith("Undone: Tagged 3 results: final"))


def test_s_gives_a_star_and_takes_it_away(qtbot, three, root):
    seen = []
    for _ in range(2):
        with changed(qtbot, three):
            qtbot.keyClick(three.catalog.table, Qt.Key.Key_S)
        seen.append(marks(root, "corn 1")[2])
    assert seen == [1, None]
    menu = three.catalog.annotating.ask_stars()
    with changed(qtbot, three):
        next(action for action in menu.actions() if "4" in action.text()).trigger()
    menu.close()
    assert marks(root, "corn 1")[2] == 4
    assert three.catalog.model.index(1, three.catalog.model.column("stars")).data() == "★★★★"
    with changed(qtbot, three):
        three.commands.undo.trigger()
    assert marks(root, "corn 1")[2] is None


def test_a_star_is_seen_before_the_name_whichever_columns_are_in_sight(qtbot, three):
    model = three.catalog.model
    place = model.column("pipeline_name")
    with changed(qtbot, three):
        three.session.change(lambda ws: ws.catalog.annotate([model.row(1)["prediction_id"]], stars=1, notes="wet"))
    cell = model.index(1, place)
    assert [model.index(row, place).data() for row in (0, 1, 2)] == ["corn 0", "★ corn 1", "corn 2"]
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "corn 1, with 1 star and a note: wet"
    assert cell.data(Qt.ItemDataRole.ToolTipRole).endswith("★\n\nwet")
    with changed(qtbot, three):
        three.session.change(lambda ws: ws.catalog.annotate([model.row(1)["prediction_id"]], stars=3, notes=""))
    cell = model.index(1, place)
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "corn 1, with 3 stars"


def test_a_note_left_without_saving_is_there_when_it_is_opened_again(qtbot, three):
    three.catalog.table.selectRow(1)
    dialog = three.catalog.annotating.ask_notes()
    qtbot.keyClicks(dialog.edit_box, "half a note")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert "not saved" in three.notice.text()
    three.catalog.table.selectRow(0)
    other = three.catalog.annotating.ask_notes()
    assert other.text() == ""
    other.reject()
    three.catalog.table.selectRow(1)
    again = three.catalog.annotating.ask_notes()
    assert again.text() == "half a note"
    again.accept()


def test_n_writes_notes(qtbot, three, root):
    three.catalog.table.selectRow(1)
    dialog = three.catalog.annotating.ask_notes()
    dialog.edit_box.setPlainText("too many components\nsee the residuals")
    with changed(qtbot, three):
        qtbot.keyClick(dialog.edit_box, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert marks(root, "corn 1")[1] == "too many components\nsee the residuals"
    again = three.catalog.annotating.ask_notes()
    assert "Notes for corn 1" in [label.text() for label in again.findChildren(QLabel)]
    assert again.text() == "too many components\nsee the residuals"
    again.close()


def test_tags_are_written_in_their_cell(qtbot, three, root):
    table, model = three.catalog.table, three.catalog.model
    place = model.column("tags")
    three.catalog.columns.show_column("tags", True)
    for text in ("a, b", "b, c"):
        table.setCurrentIndex(model.index(1, place))
        qtbot.keyClick(table, Qt.Key.Key_F2)
        box = table.findChild(QLineEdit)
        box.setText(text)
        with changed(qtbot, three):
            qtbot.keyClick(box, Qt.Key.Key_Return)
    assert marks(root, "corn 1")[0] == "b, c"
    assert marks(root, "corn 0")[0] is None  # selected or not: a cell is one cell


def test_what_somebody_is_writing_is_not_lost_to_news(qtbot, three, root):
    table, model = three.catalog.table, three.catalog.model
    three.catalog.columns.show_column("notes", True)
    table.setCurrentIndex(model.index(1, model.column("notes")))
    qtbot.keyClick(table, Qt.Key.Key_F2)
    box = table.findChild(QLineEdit)
    qtbot.keyClicks(box, "half a tho")
    three.session.changed.emit()
    assert table.findChild(QLineEdit) is box and box.text() == "half a tho"
    with qtbot.waitSignal(model.listed):
        qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_what_somebody_began_to_write_is_not_lost_to_news_that_come_late(qtbot, three):
    table, model = three.catalog.table, three.catalog.model
    three.catalog.columns.show_column("notes", True)
    table.setCurrentIndex(model.index(1, model.column("notes")))
    with held(qtbot, three.session):
        three.session.changed.emit()
        qtbot.keyClick(table, Qt.Key.Key_F2)
        box = table.findChild(QLineEdit)
        qtbot.keyClicks(box, "half a tho")
    assert table.findChild(QLineEdit) is box and box.text() == "half a tho"
    with qtbot.waitSignal(model.listed):  # what was put off
        qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_marks_that_another_program_made_are_shown_by_themselves(qtbot, open_window, root):
    with Workspace.open(root) as other:
        other.catalog.annotate(other.catalog.ids("pipeline_name = 'wheat 9'"), stars=2)
    window = open_window(root)
    qtbot.waitUntil(lambda: "stars" in window.catalog.columns.shown_keys())
    assert "tags" not in window.catalog.columns.shown_keys()
    keys = window.catalog.columns.shown_keys()  # it pushes no metric out of sight
    assert keys.index("stars") > max(keys.index(key) for key in keys if key.startswith(("test_", "val_")))


def test_nothing_is_written_to_a_workspace_for_reading_only(open_window, root):
    window = open_window(root, read_only=True)
    window.catalog.table.selectRow(0)
    assert window.catalog.annotating.ask_tags() is None
    assert not window.catalog.rows.star.isEnabled()
    index = window.catalog.model.index(0, window.catalog.model.column("tags"))
    assert not window.catalog.model.flags(index) & Qt.ItemFlag.ItemIsEditable


def test_letters_in_the_query_box_stay_letters(qtbot, three):
    focus(qtbot, three.query)
    three.query.clear()
    qtbot.keyClicks(three.query, "tns")
    assert three.query.text() == "tns"
    assert names(three)


def test_more_than_can_be_taken_back_is_not_edited_at_once(qtbot, three, monkeypatch):
    monkeypatch.setattr(annotating, "MOST_EDITED", 2)
    qtbot.keyClick(three.catalog.table, Qt.Key.Key_S)
    assert three.notice.text() == "3 results are too many to edit at once. Select at most 2."


@pytest.mark.parametrize("late", [False, True])
def test_one_goes_on_writing_behind_the_notes_there_are(qtbot, window, late):
    dialog = NotesDialog(1, "corn 3", "" if late else "old", window)
    if late:
        dialog.offer("old")
    qtbot.keyClicks(dialog.edit_box, " new")
    assert dialog.text() == "old new"
    dialog.accept()
