"""What a check found, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.dialogs.plan_preview import PlanDialog
from gui.formats import counted, full_time_text, integer_text, tr
from gui.jobs import Job, Jobs
from gui.panes.health_page import Field, HealthPage, RowsModel, RowsTable
from gui.panes.health_work import Repaired, check, preview_repair, preview_restoration, repair, restore
from gui.plans import Preview
from gui.session import Session
from gui.theme import GRID, theme
from gui.widgets import EmptyState

if TYPE_CHECKING:
    from storage import Finding
    from storage import Report as CheckReport

SIGNS = {"damage": ("failed", "bad"), "warning": ("damaged", "warning"), "note": ("info", "muted")}


def severity_word(severity: str) -> str:
    """Say how bad a finding is."""
    return {"damage": tr("damage"), "warning": tr("warning"), "note": tr("note")}[severity]


def subject_of(one: Finding) -> tuple[str, str]:
    """Return the folders of the run and of the pipeline that a finding is about; empty where it is about none."""
    parts = one.place.split("/")
    if parts[0] != "runs" or len(parts) < 2 or one.code in ("foreign-entry", "odd-entry", "folder-gone"):
        return "", ""
    return parts[1], parts[2] if len(parts) > 2 and parts[2][:4].isdigit() else ""


def _tip(one: Finding) -> str:
    return "\n".join(part for part in (one.what, one.place, one.advice) if part)


def _mending_word(one: Finding) -> str:
    """What the button of a finding says; nothing where only the user can do something about it."""
    return tr("Fix…") if one.fix else tr("Restore…") if one.trash_ids else ""


def _mending_tip(one: Finding) -> str:
    if one.fix:
        return tr("Mend this finding; what will be done is shown first")
    return tr("Bring it back from the trash; what will be done is shown first") if one.trash_ids else one.advice


def _fields() -> list[Field]:
    return [
        Field(tr("Severity"), 96, lambda one: severity_word(one.severity), icon=lambda one: SIGNS[one.severity]),
        Field(tr("Kind"), 168, lambda one: one.title, tip=_tip, extra=True),
        Field(tr("What was found"), 0, lambda one: one.what, tip=_tip),
        Field(tr("Place"), 240, lambda one: one.place, tip=_tip, path=True, extra=True),
        Field("", 96, _mending_word, button=True, align=Qt.AlignmentFlag.AlignCenter, tip=_mending_tip),
    ]  # fmt: skip


class FindingsPage(HealthPage):
    """The findings of the last check in a table, each with what mends it; checking and mending are jobs.

    `subject_wanted` carries the folder of the run and that of the pipeline to go to, `delete_wanted` the same to move
    to the trash, `folder_wanted` the place of a finding below the workspace.
    """

    subject_wanted = Signal(str, str)
    delete_wanted = Signal(str, str)
    folder_wanted = Signal(str)

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._jobs = jobs
        self._job: Job | None = None
        self.report: CheckReport | None = None
        self.model = RowsModel(_fields(), self)
        self.table = RowsTable(self.model, "findingsTable", tr("Findings"))
        self._make_buttons()
        self._make_advice()
        self._empty = EmptyState("", "")
        self._begin = self._empty.offer(tr("Check now"), self.check, primary=True)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.table)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._top())
        layout.addWidget(self._progress)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._advice_box)
        self.table.button_pressed.connect(self._fix_row)
        self.table.activated_row.connect(self._enter_row)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_advice())
        jobs.changed.connect(self._advance)
        jobs.ended.connect(self._over)
        self.clear()

    # --- making ---

    def _make_buttons(self) -> None:
        self.summary = QLabel()
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.check_button = QPushButton(tr("Check now"))
        self.check_button.setToolTip(tr("Compare names, sizes, documents and counts; takes seconds"))
        self.deep_button = QPushButton(tr("Check deeply"))
        self.deep_button.setToolTip(tr("Read every byte that has a checksum; takes as long as reading the workspace"))
        self.cancel_button = QPushButton(tr("Cancel"))
        theme().dress(self.cancel_button, "cancel")
        self.fix_all_button = QPushButton(tr("Fix all…"))
        self.fix_all_button.setToolTip(tr("Mend everything that can be mended; what will be done is shown first"))
        self.check_button.clicked.connect(lambda: self.check())
        self.deep_button.clicked.connect(lambda: self.check(deep=True))
        self.cancel_button.clicked.connect(self._cancel)
        self.fix_all_button.clicked.connect(lambda: self._plan(self._fixable()))
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress of the check"))
        kept = self._progress.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # nothing moves when a check begins
        self._progress.setSizePolicy(kept)

    def _top(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(GRID, GRID // 2, GRID, GRID // 2)
        row.setSpacing(GRID)
        row.addWidget(self.summary, 1)
        for button in (self.cancel_button, self.fix_all_button, self.deep_button, self.check_button):
            row.addWidget(button)
        return row

    def _make_advice(self) -> None:
        self._advice = QLabel()
        self._advice.setWordWrap(True)
        self._advice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._advice.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.go_button = QPushButton(tr("Show pipeline"))
        self.go_button.clicked.connect(lambda: self._go_to(self.table.currentIndex().row()))
        self.fix_button = QPushButton(tr("Fix this…"))
        self.fix_button.clicked.connect(lambda: self._fix_row(self.table.currentIndex().row()))
        self._advice_box = QFrame()
        row = QHBoxLayout(self._advice_box)
        row.setContentsMargins(GRID, GRID // 2, GRID, GRID // 2)
        row.addWidget(self._advice, 1)
        row.addWidget(self.go_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.fix_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._advice_box.setFixedHeight(6 * GRID)

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to."""
        if self._busy():
            return self.cancel_button
        return self.table if self.model.rows else self.check_button if self.report else self._begin

    # --- checking ---

    def read(self) -> None:
        """Findings are those of the last check; nothing is looked at unasked."""
        self._show()

    def clear(self) -> None:
        self.report, self._job = None, None
        self.model.put([])
        self._show()

    def check(self, *, deep: bool = False) -> None:
        """Check the workspace as a job, unless one is at it."""
        held = self.session.workspace
        if held is None or self._busy():
            return
        name = tr("Checking the workspace deeply") if deep else tr("Checking the workspace")
        self._job = self._jobs.start(
            name, partial(check, held.root, deep), kept=tr("nothing was changed"), done=partial(self._take, held.root)
        )
        self._show()

    def _take(self, root: object, report: CheckReport) -> str:
        """Show what a check found, if its workspace is still the one that is open."""
        held = self.session.workspace
        if held is not None and held.root == root:
            self.report = report
            self.model.put(report.findings)
        return report.sentence()

    def _busy(self) -> bool:
        return self._job is not None and not self._job.over

    def _cancel(self) -> None:
        if self._job is not None:
            self._jobs.cancel(self._job)

    def _advance(self, job: Job) -> None:
        if job is self._job and not job.over:
            self._progress.setRange(0, job.total)
            self._progress.setValue(job.done)

    def _over(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self._show()

    # --- what a finding is about ---

    def _enter_row(self, row: int) -> None:
        """Do what the button of a finding says; one without goes to the run or pipeline that it is about."""
        if 0 <= row < len(self.model.rows):
            one = self.model.rows[row]
            if _mending_word(one):
                self._fix_row(row)
            elif subject_of(one)[0]:
                self._go_to(row)

    def _go_to(self, row: int) -> None:
        if 0 <= row < len(self.model.rows):
            self.subject_wanted.emit(*subject_of(self.model.rows[row]))

    def menu_for(self, row: int) -> QMenu:
        """Make the menu of a finding."""
        one: Finding = self.model.rows[row]
        run, pipeline = subject_of(one)
        menu = QMenu(self.table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if run:
            menu.addAction(_show_words(pipeline), lambda: self._go_to(row))
        if one.place:
            menu.addAction(tr("Open folder"), lambda: self.folder_wanted.emit(one.place))
        menu.addAction(tr("Copy details"), lambda: QGuiApplication.clipboard().setText(_tip(one)))
        if one.fix:
            menu.addSeparator()
            menu.addAction(tr("Fix this…"), lambda: self._fix_row(row)).setEnabled(self.may_write and not self._busy())
        elif one.trash_ids:
            menu.addSeparator()
            restore = menu.addAction(tr("Restore from the trash…"), lambda: self._fix_row(row))
            restore.setEnabled(self.may_write and not self._busy())
        if one.code == "pipeline-damaged":
            delete = menu.addAction(tr("Delete folder to trash"), lambda: self.delete_wanted.emit(run, pipeline))
            delete.setEnabled(self.may_write and not self._busy())
        return menu

    def _show_menu(self, row: int, at: QPoint) -> None:
        self.menu_for(row).popup(at)

    # --- mending ---

    def _fixable(self) -> list[Finding]:
        return [one for one in self.model.rows if one.fix]

    def _fix_row(self, row: int) -> None:
        one = self.model.rows[row] if 0 <= row < len(self.model.rows) else None
        if one is not None and one.fix:
            self._plan([one])
        elif one is not None and one.trash_ids and self.may_write and not self._busy():
            work, ask = partial(preview_restoration, one.trash_ids), partial(self._ask_restoring, one.trash_ids)
            self.session.query(work, ask)

    def _plan(self, findings: Sequence[Finding]) -> None:
        """Show what mending these findings would do."""
        if findings and self.may_write and not self._busy():
            self.session.query(partial(preview_repair, findings), partial(self._ask, findings))

    def _ask(self, findings: Sequence[Finding], preview: Preview) -> None:
        note = tr("What is damaged or unused goes to the trash first. What has changed meanwhile is left as it is.")
        dialog = PlanDialog(preview.title, preview.steps, tr("Repair"), self, note=note)
        dialog.accepted.connect(lambda: self._repair(findings))
        dialog.open()

    def _ask_restoring(self, trash_ids: Sequence[str], preview: Preview) -> None:
        dialog = PlanDialog(preview.title, preview.steps, tr("Restore"), self)
        dialog.accepted.connect(
            lambda: self._mend(tr("Restoring from the trash"), tr("what was restored stays"), restore, trash_ids)
        )
        dialog.open()

    def _repair(self, findings: Sequence[Finding]) -> None:
        self._mend(tr("Repairing the workspace"), tr("what was repaired stays"), repair, findings)

    def _mend(self, name: str, kept: str, work: Callable[..., Repaired], what: Sequence[object]) -> None:
        """Have something done about findings as a job, which then checks again."""
        held = self.session.workspace
        if held is None or self._busy():
            return
        deep = self.report is not None and self.report.deep
        done = partial(self._repaired, held.root)
        self._job = self._jobs.start(name, partial(work, held.root, what, deep), kept=kept, done=done)
        self._show()

    def _repaired(self, root: object, repaired: Repaired) -> str:
        self._take(root, repaired.report)
        return repaired.text

    # --- showing ---

    def _show(self) -> None:
        self.keep_keyboard(self._show_state)

    def _show_state(self) -> None:
        busy, held = self._busy(), self.session.workspace
        for button in (self.check_button, self.deep_button):
            button.setEnabled(held is not None and not busy)
        self.cancel_button.setVisible(busy)
        self._progress.setRange(0, 0)
        self._progress.setVisible(busy)
        fixable = len(self._fixable())
        self.fix_all_button.setVisible(bool(fixable))
        self.fix_all_button.setEnabled(self.may_write and not busy)
        self.summary.setText(self._summary())
        self.summary.setToolTip(self._tip())
        self._show_empty()
        self._pages.setCurrentIndex(1 if self.model.rows else 0)
        self._advice_box.setVisible(bool(self.model.rows))
        self._show_advice()

    def _summary(self) -> str:
        if self._job is not None and not self._job.over:
            return tr("{name}…").format(name=self._job.name)
        if self.report is None:
            return ""  # it is said below, in large
        counts = self.report.counts
        words = [
            tr("{n} damaged").format(n=integer_text(counts["damage"])) if counts["damage"] else "",
            _count(counts["warning"], tr("1 warning"), tr("{n} warnings")),
            _count(counts["note"], tr("1 note"), tr("{n} notes")),
        ]
        text = tr("No findings")
        if self.report.findings:
            found = counted(len(self.report.findings), "{n} finding", "{n} findings")
            text = tr("{found}: {kinds}").format(found=found, kinds=", ".join(word for word in words if word))
        ended = tr("cancelled {clock}") if self.report.cancelled else tr("checked {clock}")
        return f"{text} · {ended.format(clock=_clock(self.report.at))}"

    def _looked_at(self, checked: Mapping[str, int]) -> str:
        runs = counted(checked.get("runs", 0), "{n} run", "{n} runs")
        pipelines = counted(checked.get("pipelines", 0), "{n} pipeline", "{n} pipelines")
        results = counted(checked.get("results", 0), "{n} result", "{n} results")
        return tr("{runs}, {pipelines} and {results} of the catalog.").format(
            runs=runs, pipelines=pipelines, results=results
        )

    def _tip(self) -> str:
        return "" if self.report is None else f"{self.report.sentence()}\n{full_time_text(self.report.at)}"

    def _show_empty(self) -> None:
        unknown = self.report is None or self.report.cancelled
        self._begin.setVisible(self.session.workspace is not None and unknown and not self._busy())
        if self.session.workspace is None:
            self._empty.say(tr("No workspace is open"), tr("Open one to check it."))
        elif self._busy():
            self._empty.say(tr("Checking…"), tr("Go on working; what is found is shown here when it is done."))
        elif self.report is None:
            text = tr("A check compares folders, catalog and index and changes nothing. Checking takes seconds.")
            self._empty.say(tr("Not checked yet"), text)
        elif self.report.cancelled:
            self._empty.say(tr("Cancelled"), tr("Nothing was found until then. Check again to look at everything."))
        else:
            self._empty.say(tr("Everything that was checked is sound"), self._looked_at(self.report.checked))

    def _show_advice(self) -> None:
        row = self.table.currentIndex().row()
        one = self.model.rows[row] if 0 <= row < len(self.model.rows) else None
        self._advice.setText("" if one is None else f"{one.what} {one.advice}")
        self._advice.setAccessibleName(self._advice.text())
        run, pipeline = subject_of(one) if one is not None else ("", "")
        self.go_button.setVisible(bool(run))
        self.go_button.setText(_show_words(pipeline))
        self.fix_button.setVisible(one is not None and bool(one.fix or one.trash_ids))
        self.fix_button.setText(tr("Fix this…") if one is None or one.fix else tr("Restore…"))
        self.fix_button.setEnabled(self.may_write and not self._busy())
        self.fix_button.setToolTip("" if self.may_write else tr("The workspace is open for reading only."))


def _show_words(pipeline: str) -> str:
    return tr("Show pipeline") if pipeline else tr("Show run")


def _count(number: int, one: str, several: str) -> str:
    return "" if not number else one if number == 1 else several.format(n=integer_text(number))


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M")
