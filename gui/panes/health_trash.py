"""The trash: what was deleted, by whom and when; bringing it back, and removing it for good."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from gui.dialogs.plan_preview import PlanDialog
from gui.formats import MISSING, bytes_text, counted, full_time_text, integer_text, time_text, tr
from gui.jobs import Jobs
from gui.models.columns import RIGHT
from gui.panes.health_page import Field, HealthPage, RowsModel, RowsTable
from gui.panes.health_work import preview_removal, remove_from_trash
from gui.plans import Preview
from gui.session import Session
from gui.tasks import Problem
from gui.theme import GRID, theme
from gui.widgets import EmptyState

if TYPE_CHECKING:
    from storage import TrashEntry, Workspace

KIND_SIGNS = {"results": "data", "run": "folder", "pipeline": "run", "library": "workspace"}


def kind_word(kind: str) -> str:
    """Say what kind of thing was deleted."""
    words = {
        "results": tr("results"), "run": tr("run"), "pipeline": tr("pipeline"), "library": tr("library item"),
        "thinning": tr("thinned pipelines"),
        "file": tr("file"), "files": tr("files"), "aside": tr("damaged files"), "": tr("unreadable"),
    }  # fmt: skip
    return words.get(kind, kind)


def _sign(entry: TrashEntry) -> tuple[str, str]:
    return ("damaged", "warning") if entry.problem else (KIND_SIGNS.get(entry.kind, "file"), "muted")


def _tip(entry: TrashEntry) -> str:
    rows = counted(entry.rows, "{n} result", "{n} results") if entry.rows else ""
    return "\n".join(part for part in (entry.title, entry.origin, rows, entry.problem or "") if part)


def _when(entry: TrashEntry) -> str:
    return full_time_text(entry.deleted_at)


def _fields() -> list[Field]:
    return [
        Field(tr("What"), 0, lambda one: one.title, tip=_tip, icon=_sign),
        Field(tr("Kind"), 112, lambda one: kind_word(one.kind), tip=_tip, extra=True),
        Field(tr("Deleted"), 144, lambda one: time_text(one.deleted_at), tip=_when, extra=True),
        Field(tr("By"), 112, lambda one: one.deleted_by or MISSING, extra=True),
        Field(tr("Size"), 96, lambda one: bytes_text(one.bytes), RIGHT),
        Field("", 96, lambda one: "" if one.problem else tr("Restore"), button=True,
              align=Qt.AlignmentFlag.AlignCenter, tip=lambda one: one.problem or tr("Bring it back where it was")),
    ]  # fmt: skip


class TrashPage(HealthPage):
    """The entries of the trash, newest first. `listed` tells that they were read."""

    listed = Signal()

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._jobs = jobs
        self._restoring: set[str] = set()
        self.model = RowsModel(_fields(), self)
        self.table = RowsTable(self.model, "trashTable", tr("Trash"))
        self.restore_button = QPushButton(tr("Restore"))
        self.remove_button = QPushButton(tr("Remove for good…"))
        self.empty_button = QPushButton(tr("Empty trash…"))
        theme().dress(self.restore_button, "back")
        self.restore_button.clicked.connect(self._restore_chosen)
        self.remove_button.clicked.connect(lambda: self._plan(self.chosen()))
        self.empty_button.clicked.connect(lambda: self._plan(self.model.rows))
        self.summary = QLabel()
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.setContentsMargins(GRID, GRID // 2, GRID, GRID // 2)
        row.setSpacing(GRID)
        row.addWidget(self.summary, 1)
        for button in (self.restore_button, self.remove_button, self.empty_button):
            row.addWidget(button)
        self._empty = EmptyState("", "")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self._pages, 1)
        self.table.button_pressed.connect(lambda number: self._restore([self.model.rows[number]]))
        self.table.activated_row.connect(lambda number: self._restore([self.model.rows[number]]))
        self.table.deleted_row.connect(lambda _: self._plan(self.chosen()))
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())
        self.clear()

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, None while there is nothing."""
        return self.table if self.model.rows else None

    def chosen(self) -> list[TrashEntry]:
        """Return the selected entries."""
        return [self.model.rows[row] for row in self.table.chosen()]

    # --- showing ---

    def read(self) -> None:
        self.session.query(fetch_trash, self._take, self._fail, topic="trash", quiet=True)

    def clear(self) -> None:
        self._restoring.clear()
        self._put([])
        if self.session.workspace is None:
            self._empty.say(tr("No workspace is open"), tr("Open one to see its trash."))

    def _take(self, entries: Sequence[TrashEntry]) -> None:
        self.keep_keyboard(partial(self._put, entries))
        self.listed.emit()

    def _put(self, entries: Sequence[TrashEntry]) -> None:
        if list(entries) != self.model.rows:
            self.model.put(entries)
        text = tr("What you delete lies here for thirty days and can be restored.")
        self._empty.say(tr("The trash is empty"), text)
        self._pages.setCurrentIndex(1 if entries else 0)
        count = len(entries)
        words = tr("1 entry") if count == 1 else tr("{n} entries").format(n=integer_text(count))
        size = bytes_text(sum(entry.bytes for entry in entries))
        self.summary.setText(tr("{entries}, {size}").format(entries=words, size=size) if count else "")
        self._show_buttons()

    def _fail(self, problem: Problem) -> None:
        if problem.kind != "known":
            self.session.tasks.unhandled.emit(problem)
            return
        self._put([])
        self._empty.say(tr("The trash can't be read"), f"{problem.what} {problem.advice}")

    def _show_buttons(self) -> None:
        chosen, may = self.chosen(), self.may_write
        self.restore_button.setEnabled(may and any(not entry.problem for entry in chosen))
        self.remove_button.setEnabled(may and bool(chosen))
        self.empty_button.setEnabled(may and bool(self.model.rows))

    # --- doing ---

    def _restore_chosen(self) -> None:
        self._restore(self.chosen())

    def _restore(self, entries: Sequence[TrashEntry]) -> None:
        """Bring entries back, one after the other; those that can't be are left, and why is told."""
        for entry in entries:
            if not entry.problem and self.may_write and entry.trash_id not in self._restoring:
                self._restoring.add(entry.trash_id)
                self.session.change(
                    partial(restore, entry.trash_id),
                    partial(self._restored, entry.trash_id),
                    partial(self._not_restored, entry.trash_id),
                )

    def _restored(self, trash_id: str, text: str) -> None:
        self._restoring.discard(trash_id)
        self.said.emit(text)

    def _not_restored(self, trash_id: str, problem: Problem) -> None:
        self._restoring.discard(trash_id)
        self.session.tasks.unhandled.emit(problem)

    def _plan(self, entries: Sequence[TrashEntry]) -> None:
        """Show what removing these entries for good would do."""
        ids = [entry.trash_id for entry in entries]
        if ids and self.may_write:
            self.session.query(partial(preview_removal, ids), partial(self._ask, ids))

    def _ask(self, ids: Sequence[str], preview: Preview) -> None:
        all_of_it = len(ids) == len(self.model.rows)
        verb = tr("Empty trash") if all_of_it else tr("Remove for good")
        note = tr("This can't be undone.")
        dialog = PlanDialog(preview.title, preview.steps, verb, self, note=note)
        dialog.accepted.connect(lambda: self._remove(ids, verb))
        dialog.open()

    def _remove(self, ids: Sequence[str], verb: str) -> None:
        held = self.session.workspace
        if held is not None:
            name = tr("Emptying the trash") if verb == tr("Empty trash") else tr("Removing from the trash")
            self._jobs.start(name, partial(remove_from_trash, held.root, ids), kept=tr("what was removed is gone"))


def fetch_trash(workspace: Workspace) -> list[TrashEntry]:
    """Ask for the entries of the trash; runs on the workspace's thread."""
    return workspace.trash.list()


def restore(trash_id: str, workspace: Workspace) -> str:
    """Bring an entry back; runs on the workspace's thread."""
    return workspace.trash.restore(trash_id)
