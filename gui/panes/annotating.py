"""Tags, notes and stars of the selected results: asking for them, writing them, and taking that back."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
)
from shiboken6 import isValid

from gui.edits import Edit, Edited, apply_edit, split_tags, undo_edits
from gui.formats import integer_text, tr
from gui.models.row_set import RowSet
from gui.selection import Selection
from gui.theme import GRID
from gui.widgets import dialog_column

if TYPE_CHECKING:
    from gui.panes.catalog import CatalogPane
    from storage import Workspace

MOST_STARS = 5
MOST_EDITED = 50_000  # they are written and kept for Undo one by one


class Annotating(QObject):
    """Edits what is selected: rows of the table, or pipelines selected elsewhere that the table does not list.

    `done` tells in words what happened, with what undoes it.
    """

    done = Signal(str, object)

    def __init__(self, pane: CatalogPane, selection: Selection) -> None:
        super().__init__(pane)
        self._pane, self._selection = pane, selection
        self._drafts: dict[object, str] = {}  # notes that were written and not saved, by what they are about
        pane.model.edited.connect(self._edit_cell)

    # --- asking ---

    def chosen_ids(self) -> tuple[str, ...]:
        """Return the ids of the selected results; nothing where the rows of the table itself are meant.

        They are meant while the keyboard is there, and where they are too many to be known one by one.
        """
        table, selection = self._pane.table, self._selection
        if (table.hasFocus() and len(table.chosen.rows())) or selection.chosen_total > len(selection.chosen):
            return ()
        return tuple(one.prediction_id for one in selection.chosen if one.prediction_id)

    def count(self) -> int:
        """How many results an edit would concern."""
        ids = self.chosen_ids()
        return len(ids) if ids else len(self._pane.table.chosen.rows())

    def ask_tags(self) -> TagDialog | None:
        """Ask for tags to add or take away."""
        count = self.count()
        if not count or not self._may():
            return None
        dialog = TagDialog(count, self._pane)
        dialog.accepted.connect(lambda: self._edit(dialog.edit()))
        self._pane.session.query(fetch_tags, lambda tags: dialog.offer(tags) if isValid(dialog) else None, quiet=True)
        dialog.open()
        return dialog

    def ask_notes(self) -> NotesDialog | None:
        """Ask for notes; those of a single result are shown to be changed."""
        count, ids = self.count(), self.chosen_ids()
        if not count or not self._may():
            return None
        rows = self._pane.table.chosen.rows()
        values = self._pane.model.loaded(rows.rows(1)[0]) if count == 1 == len(rows) else None
        if values is not None and ids and values["prediction_id"] != ids[0]:
            values = None  # the table has another one selected
        name, notes = (str((values or {}).get(key) or "") for key in ("pipeline_name", "notes"))
        about = (count, ids[:1] or tuple(one for _, one in self._pane.selecting.chosen().known[:1]))
        dialog = NotesDialog(count, name, notes, self._pane)
        dialog.take_up(self._drafts.pop(about, ""))
        dialog.accepted.connect(lambda: self._edit(Edit(notes=dialog.text())))
        dialog.rejected.connect(lambda: self._keep_draft(about, dialog))
        if len(ids) == 1 and values is None:
            work = partial(fetch_notes, ids[0])
            self._pane.session.query(work, lambda text: dialog.offer(text) if isValid(dialog) else None, quiet=True)
        dialog.open()
        return dialog

    def _keep_draft(self, about: tuple[int, tuple[str, ...]], dialog: NotesDialog) -> None:
        if about[1] and dialog.unsaved:
            self._drafts[about] = dialog.text()
            self.done.emit(tr("The note was not saved. Open it again to go on with what was written."), None)

    def toggle_star(self) -> None:
        """Give the selected results a star, or take their stars away if the current one has any."""
        if ids := self.chosen_ids():
            if self._may():
                current = self._selection.current
                first = current.prediction_id if current is not None else ids[-1]
                self._pane.session.change(partial(toggle_stars, ids, first), self._tell)
            return
        index = self._pane.table.currentIndex()
        values = self._pane.model.loaded(index.row()) if index.isValid() else None
        self._edit(Edit(stars=0 if (values or {}).get("stars") else 1))

    def give_stars(self, row: int, stars: int) -> None:
        """Give the result of a row so many stars, or take them away with 0."""
        self._edit(Edit(stars=stars), RowSet([row, row + 1]))

    def ask_stars(self) -> QMenu:
        """Offer one to five stars, and none; the digits choose."""
        menu = QMenu(self._pane)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for stars in range(MOST_STARS, 0, -1):
            menu.addAction(f"&{stars}  {'★' * stars}", partial(self._edit, Edit(stars=stars)))
        menu.addAction(tr("&0  no stars"), partial(self._edit, Edit(stars=0)))
        view = QApplication.focusWidget()
        if not isinstance(view, QAbstractItemView):
            view = self._pane.table
        menu.popup(view.viewport().mapToGlobal(view.visualRect(view.currentIndex()).bottomLeft()))
        return menu

    # --- doing ---

    def _may(self) -> bool:
        held = self._pane.session.workspace
        return held is not None and not held.read_only

    def _edit(self, edit: Edit, rows: RowSet | None = None) -> None:
        ids = self.chosen_ids() if rows is None else ()
        if ids and self._may():
            self._pane.session.change(partial(edit_results, ids, edit), self._tell)
            return
        chosen = self._pane.selecting.chosen()
        keys, wanted = chosen.keys, rows if rows is not None else chosen.rows
        if len(wanted) > MOST_EDITED:
            words = tr("{n} results are too many to edit at once. Select at most {most}.")
            text = words.format(n=integer_text(len(wanted)), most=integer_text(MOST_EDITED))
            self.done.emit(text, None)
        elif len(wanted) and self._may():
            self._pane.session.change(lambda workspace: apply_edit(wanted.keys(keys), edit, workspace), self._tell)

    def _edit_cell(self, row: int, column: str, text: str) -> None:
        edit = Edit(tags=split_tags(text)) if column == "tags" else Edit(notes=text)
        self._edit(edit, RowSet([row, row + 1]))

    def _tell(self, edited: Edited) -> None:
        if not edited.changed:
            self.done.emit(tr("Nothing changed: it was so already."), None)
            return
        edit = edited.edit
        for name, written in (("tags", edit.add_tags), ("notes", edit.notes), ("stars", edit.stars)):
            if written:
                self._pane.columns.reveal(name)

        text = edit_text(edited)

        def tell(_: object) -> None:
            self.done.emit(tr("Undone: {what}").format(what=text), None)

        def undo() -> None:
            self._pane.session.change(partial(undo_edits, edited.undo), tell)

        self.done.emit(text, undo)


def edit_results(ids: Sequence[str], edit: Edit, workspace: Workspace) -> Edited:
    """Edit results by their ids, as far as the catalog has them; runs on the workspace's thread."""
    keys = array("q", (key for one in ids if (key := workspace.catalog.find(one)) is not None))
    return apply_edit(keys, edit, workspace)


def toggle_stars(ids: Sequence[str], first: str, workspace: Workspace) -> Edited:
    """Give results a star, or take their stars away if one of them has any; runs on the workspace's thread."""
    key = workspace.catalog.find(first)
    found = workspace.catalog.rows([key]) if key is not None else []
    return edit_results(ids, Edit(stars=0 if found and found[0].get("stars") else 1), workspace)


def fetch_notes(prediction_id: str, workspace: Workspace) -> str:
    """Read the notes of a result; runs on the workspace's thread."""
    key = workspace.catalog.find(prediction_id)
    return str(workspace.catalog.rows([key])[0].get("notes") or "") if key is not None else ""


def fetch_tags(workspace: Workspace) -> list[str]:
    """Name every tag there is, the most used first; runs on the workspace's thread."""
    return [tag for tag, _ in workspace.catalog.tags()]


def edit_text(edited: Edited) -> str:
    """Say what an edit did."""
    edit, n = edited.edit, integer_text(edited.changed)
    results = tr("1 result") if edited.changed == 1 else tr("{n} results").format(n=n)
    if edit.stars is not None:
        if not edit.stars:
            return tr("Took the stars of {results} away.").format(results=results)
        return tr("Gave {results} {stars}.").format(results=results, stars="★" * edit.stars)
    if edit.notes is not None:
        words = tr("Noted on {results}.") if edit.notes.strip() else tr("Removed the notes of {results}.")
        return words.format(results=results)
    if edit.add_tags:
        return tr("Tagged {results}: {tags}.").format(results=results, tags=", ".join(edit.add_tags))
    return tr("Took tags of {results} away: {tags}.").format(results=results, tags=", ".join(edit.remove_tags))


class TagDialog(QDialog):
    """Asks for tags, with commas between; one after a minus is taken away. Known tags are offered while typing."""

    def __init__(self, count: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Tag"))
        self.setMinimumWidth(400)
        what = tr("Tags for 1 result") if count == 1 else tr("Tags for {n} results").format(n=integer_text(count))
        self.edit_box = QLineEdit()
        self.edit_box.setObjectName("tagEdit")
        self.edit_box.setPlaceholderText(tr("final, outlier"))
        self.edit_box.setAccessibleName(what)
        self._known = QStringListModel(self)
        completer = _LastTag(self.edit_box)
        completer.setModel(self._known)
        self.edit_box.setCompleter(completer)
        if (popup := completer.popup()) is not None:
            popup.setObjectName("suggestions")  # for its border
        hint = QLabel(tr("Commas between several. A minus before one takes it away: -outlier"))
        hint.setObjectName("muted")
        buttons = QDialogButtonBox()
        self._save = buttons.addButton(tr("Tag"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self._save.setDefault(True)
        self._save.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.edit_box.textChanged.connect(lambda _: self._save.setEnabled(self.edit() != Edit()))
        layout = dialog_column(self)
        for widget in (QLabel(what), self.edit_box, hint):
            layout.addWidget(widget)
        layout.addSpacing(GRID)
        layout.addWidget(buttons)

    def offer(self, tags: Sequence[str]) -> None:
        """Offer these tags while somebody types."""
        self._known.setStringList(list(tags))

    def edit(self) -> Edit:
        """Return what was asked for."""
        tags = split_tags(self.edit_box.text())
        minus = tuple(tag[1:].strip() for tag in tags if tag.startswith("-") and tag[1:].strip())
        return Edit(add_tags=tuple(tag for tag in tags if not tag.startswith("-")), remove_tags=minus)


class _LastTag(QCompleter):
    """Completes the tag at the end instead of the whole line."""

    def __init__(self, box: QLineEdit) -> None:
        super().__init__(box)
        self._box = box
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)

    def splitPath(self, path: str) -> list[str]:
        return [path.rpartition(",")[2].strip().removeprefix("-") or "\0"]  # nothing typed: nothing offered

    def pathFromIndex(self, index: object) -> str:
        before, comma, last = self._box.text().rpartition(",")
        chosen = str(index.data()) if hasattr(index, "data") else ""
        return f"{before}{comma}{' ' if comma else ''}{'-' if last.strip().startswith('-') else ''}{chosen}"


class _NotesBox(QPlainTextEdit):
    """Several lines of text, saved by Ctrl+Enter."""

    saved = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.saved.emit()
        else:
            super().keyPressEvent(event)


class NotesDialog(QDialog):
    """Asks for notes, of one result by its `name`; Ctrl+Enter saves them."""

    def __init__(self, count: int, name: str, notes: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Notes"))
        self.resize(480, 280)
        several = tr("Notes for {n} results. They take the place of those there are.").format(n=integer_text(count))
        single = tr("Notes for {name}").format(name=name) if name else tr("Notes for 1 result")
        what = single if count == 1 else several
        self._saved = notes
        self.edit_box = _NotesBox(notes)
        self.edit_box.saved.connect(self.accept)
        self.edit_box.setAccessibleName(what)
        self.edit_box.setTabChangesFocus(True)
        self.edit_box.setObjectName("framed")
        buttons = QDialogButtonBox()
        save = buttons.addButton(tr("Save notes"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        save.setProperty("primary", True)
        keys = QLabel(tr("Ctrl+Enter saves, Enter begins a line"))
        keys.setObjectName("muted")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        layout.addWidget(QLabel(what))
        layout.addWidget(self.edit_box, 1)
        below = QHBoxLayout()
        below.addWidget(keys)
        below.addWidget(buttons, 1)
        layout.addLayout(below)
        self.edit_box.moveCursor(QTextCursor.MoveOperation.End)  # one goes on writing behind what is there
        self.edit_box.setFocus()

    def offer(self, notes: str) -> None:
        """Show the notes there are, unless somebody began to write."""
        self._saved = notes
        if not self.edit_box.toPlainText():
            self.edit_box.setPlainText(notes)
            self.edit_box.moveCursor(QTextCursor.MoveOperation.End)

    def take_up(self, draft: str) -> None:
        """Show what was written before and not saved, if there is any."""
        if draft:
            self.edit_box.setPlainText(draft)
            self.edit_box.moveCursor(QTextCursor.MoveOperation.End)

    @property
    def unsaved(self) -> bool:
        """Whether there is text that is not what is saved."""
        return bool(self.text().strip()) and self.text() != self._saved

    def text(self) -> str:
        """Return the notes."""
        return self.edit_box.toPlainText()
