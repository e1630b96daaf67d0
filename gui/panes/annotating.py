"""Tags, notes and stars of the selected results: asking for them, writing them, and taking that back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from gui.edits import Edit, Edited, apply_edit, split_tags, undo_edits
from gui.formats import integer_text, tr
from gui.row_set import RowSet
from gui.theme import GRID

if TYPE_CHECKING:
    from gui.panes.catalog import CatalogPane
    from storage import Workspace

MOST_STARS = 5
MOST_EDITED = 50_000  # they are written and kept for Undo one by one


class Annotating(QObject):
    """Edits what is selected. `done` tells in words what happened, with what undoes it."""

    done = Signal(str, object)

    def __init__(self, pane: CatalogPane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._undo: Callable[[], None] | None = None
        pane.session.closed.connect(self._forget)
        pane.session.opened.connect(self._forget)
        pane.model.edited.connect(self._edit_cell)

    # --- asking ---

    def ask_tags(self) -> TagDialog | None:
        """Ask for tags to add or take away."""
        count = len(self._pane.table.chosen.rows())
        if not count or not self._may():
            return None
        dialog = TagDialog(count, self._pane)
        dialog.accepted.connect(lambda: self._edit(dialog.edit()))
        self._pane.session.query(fetch_tags, lambda tags: dialog.offer(tags) if isValid(dialog) else None, quiet=True)
        dialog.open()
        return dialog

    def ask_notes(self) -> NotesDialog | None:
        """Ask for notes; those of a single result are shown to be changed."""
        rows = self._pane.table.chosen.rows()
        if not len(rows) or not self._may():
            return None
        values = self._pane.model.loaded(rows.rows(1)[0]) if len(rows) == 1 else None
        dialog = NotesDialog(len(rows), str((values or {}).get("notes") or ""), self._pane)
        dialog.accepted.connect(lambda: self._edit(Edit(notes=dialog.text())))
        dialog.open()
        return dialog

    def toggle_star(self) -> None:
        """Give the selected results a star, or take their stars away if the current one has any."""
        index = self._pane.table.currentIndex()
        values = self._pane.model.loaded(index.row()) if index.isValid() else None
        self._edit(Edit(stars=0 if (values or {}).get("stars") else 1))

    def ask_stars(self) -> QMenu:
        """Offer one to five stars, and none; the digits choose."""
        menu = QMenu(self._pane)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for stars in range(MOST_STARS, 0, -1):
            menu.addAction(f"&{stars}  {'★' * stars}", partial(self._edit, Edit(stars=stars)))
        menu.addAction(tr("&0  no stars"), partial(self._edit, Edit(stars=0)))
        table = self._pane.table
        menu.popup(table.viewport().mapToGlobal(table.visualRect(table.currentIndex()).bottomLeft()))
        return menu

    def undo(self) -> None:
        """Take back the last edit."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()
        else:
            self.done.emit(tr("There is nothing to undo."), None)

    # --- doing ---

    def _may(self) -> bool:
        held = self._pane.session.workspace
        return held is not None and not held.read_only

    def _edit(self, edit: Edit, rows: RowSet | None = None) -> None:
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

        def undo() -> None:
            self._undo = None
            self._pane.session.change(partial(undo_edits, edited.undo), lambda _: self.done.emit(tr("Undone."), None))

        self._undo = undo
        self.done.emit(edit_text(edited), undo)

    def _forget(self) -> None:
        self._undo = None


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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(GRID)
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
    """Asks for notes; Ctrl+Enter saves them."""

    def __init__(self, count: int, notes: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Notes"))
        self.resize(480, 280)
        several = tr("Notes for {n} results. They take the place of those there are.").format(n=integer_text(count))
        what = tr("Notes for 1 result") if count == 1 else several
        self.edit_box = _NotesBox(notes)
        self.edit_box.saved.connect(self.accept)
        self.edit_box.setAccessibleName(what)
        self.edit_box.setTabChangesFocus(True)
        self.edit_box.setObjectName("framed")
        buttons = QDialogButtonBox()
        save = buttons.addButton(tr("Save notes"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        save.setProperty("primary", True)
        save.setToolTip(tr("Ctrl+Enter"))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(GRID)
        layout.addWidget(QLabel(what))
        layout.addWidget(self.edit_box, 1)
        layout.addWidget(buttons)
        self.edit_box.setFocus()

    def text(self) -> str:
        """Return the notes."""
        return self.edit_box.toPlainText()
