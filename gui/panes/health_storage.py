"""What takes how much room, how much sharing equal artifacts saves, and the state of the index."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.formats import MISSING, bytes_text, integer_text, tr
from gui.models.columns import RIGHT
from gui.panes.health_page import Field, HealthPage, RowsModel, RowsTable
from gui.panes.health_work import measure
from gui.session import Session
from gui.tasks import Problem, Progress, Task
from gui.theme import GRID, theme
from gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from storage import Usage, Workspace

REST = 10  # measuring takes at most one part in so many of the time
SHORTEST_REST_MS = 2000
BAR_WIDTH = 200


@dataclass(frozen=True)
class AreaRow:
    """One line of the table: an area, or all of them."""

    title: str
    tip: str
    bytes: int
    files: int
    share: float | None


def area_titles() -> dict[str, tuple[str, str]]:
    """What the areas are called, and what lies in each."""
    return {
        "artifacts": (tr("Artifacts"), tr("Fitted objects of all pipelines; equal ones are stored once in a run")),
        "runs": (tr("Runs"), tr("Documents, predictions and charts of all pipelines")),
        "parts": (tr("Catalog"), tr("The Parquet parts of results, arrays and edits")),
        "index": (tr("Index"), tr("A cache; it can be made again at any time")),
        "archives": (tr("Archives and reports"), tr("Copies that survive the deletion of their runs")),
        "library": (tr("Library"), tr("Templates and pipelines that were kept")),
        "exports": (tr("Exports"), tr("What was taken away")),
        "trash": (tr("Trash"), tr("What was deleted and can be restored")),
        "staging": (tr("Unfinished writes"), tr("What is being written now")),
        "other": (tr("Other files"), tr("Locks, the marker of the workspace, and what Runshelf did not make")),
    }


def usage_rows(usage: Usage) -> list[AreaRow]:
    """The lines of the table, the sum first, then the largest area; empty areas are left out."""
    whole = usage.bytes or 1
    areas = sorted(usage.areas, key=lambda area: area.bytes, reverse=True)
    rows = [AreaRow(*area_titles()[a.name], a.bytes, a.files, a.bytes / whole) for a in areas if a.files]
    return [AreaRow(tr("All"), tr("Everything in the workspace"), usage.bytes, usage.files, None), *rows]


def saved_text(usage: Usage) -> str:
    """Say what sharing equal artifacts saves."""
    if not usage.saved:
        return tr("No two pipelines of a run have an artifact in common, so nothing is saved by sharing.")
    words = tr("Storing equal artifacts once saves {size}: {share} % of what they would take.")
    return words.format(size=bytes_text(usage.saved), share=round(100 * usage.saved_share))


class StoragePage(HealthPage):
    """Measures the workspace when somebody looks, and again after changes, at a pace that leaves the disk to others."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.usage: Usage | None = None
        self._task: Task | None = None
        self._again = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._go_on)
        self.model = RowsModel(
            [
                Field(tr("What"), 176, lambda row: row.title, tip=lambda row: row.tip),
                Field(tr("Share"), BAR_WIDTH, _share_text, tip=_share_text, share=lambda row: row.share,
                      extra=True),
                Field(tr("Size"), 104, lambda row: bytes_text(row.bytes), RIGHT,
                      tip=lambda row: tr("{n} bytes").format(n=integer_text(row.bytes))),
                Field(tr("Files"), 104, lambda row: integer_text(row.files), RIGHT),
                Field("", 0, lambda row: "", least=0),
            ],
            self,
        )  # fmt: skip
        self.table = RowsTable(self.model, "storageTable", tr("What takes how much room"))
        self.saved = QLabel()
        self.saved.setObjectName("muted")
        self.saved.setWordWrap(True)
        self.saved.setContentsMargins(GRID, GRID // 2, GRID, GRID // 2)
        self.saved.setMinimumHeight(4 * GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.table, 1)
        self.buttons: list[QPushButton] = []
        self._below = QHBoxLayout()
        self._below.setContentsMargins(0, 0, GRID, 0)
        self._below.setSpacing(GRID)
        self._below.addWidget(self.saved, 1)
        layout.addLayout(self._below)
        self.clear()

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to."""
        return self.table

    def offer(self, action: QAction, tip: str) -> None:
        """Make a button that does what an action of the window does, where somebody looks for room."""
        button = QPushButton(action.text().replace("&", ""))
        button.clicked.connect(action.trigger)
        follow = partial(self._follow, button, action, tip)
        for told in (action.changed, self.session.opened, self.session.closed):
            told.connect(follow)
        follow()
        self._below.addWidget(button)
        self.buttons.append(button)

    def _follow(self, button: QPushButton, action: QAction, tip: str) -> None:
        why = tr("Open a workspace first.")
        if self.session.workspace is not None:
            why = tr("The workspace is open for reading only.")
        button.setEnabled(action.isEnabled())
        button.setToolTip(tip if action.isEnabled() else why)

    def read(self) -> None:
        held = self.session.workspace
        if self._task is not None or self._rest.isActive():
            self._again = True
        elif held is not None:
            self._again = False
            took = time.monotonic()
            self._task = self.session.tasks.start(
                partial(measure, held.root), partial(self._put, took), self._fail, quiet=True
            )

    def clear(self) -> None:
        if self._task is not None:
            self.session.tasks.drop(self._task)
        self._task, self.usage, self._again = None, None, False
        self._rest.stop()
        self.model.put([])
        measuring = self.session.workspace is not None
        self.saved.setText(tr("Measuring…") if measuring else tr("No workspace is open."))

    def _put(self, began: float, usage: Usage) -> None:
        self.usage = usage
        self.model.put(usage_rows(usage))
        self.saved.setText(saved_text(usage))
        self._pause(began)

    def _fail(self, problem: Problem) -> None:
        self.saved.setText(f"{problem.what} {problem.advice}".strip())
        self._pause(time.monotonic())

    def _pause(self, began: float) -> None:
        self._task = None
        self._rest.start(max(SHORTEST_REST_MS, int(REST * 1000 * (time.monotonic() - began))))

    def _go_on(self) -> None:
        if self._again:
            self.expire()


def _share_text(row: AreaRow) -> str:
    return "" if row.share is None else tr("{share} %").format(share=round(100 * row.share))


class IndexPage(HealthPage):
    """The state of the index, and the button that makes it again."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.status: dict[str, Any] = {}
        self._rebuilding = False
        self._values: dict[str, QLabel] = {}
        form = QFormLayout()
        form.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        form.setHorizontalSpacing(2 * GRID)
        form.setVerticalSpacing(GRID)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for key, title in self._titles().items():
            value = ElidedLabel() if key == "path" else QLabel()
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label = QLabel(title)
            label.setObjectName("muted")
            self._values[key] = value
            form.addRow(label, value)
        self.rebuild_button = QPushButton(tr("Rebuild index"))
        theme().dress(self.rebuild_button, "rescan")
        self.rebuild_button.clicked.connect(self.rebuild)
        hint = QLabel(tr("The index is a cache made from the files. Making it again loses nothing."))
        hint.setObjectName("muted")
        hint.setWordWrap(True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress of rebuilding"))
        self._progress.setMaximumWidth(BAR_WIDTH)
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self.rebuild_button)
        row.addWidget(self._progress)
        row.addWidget(hint, 1)
        inside = QWidget()
        inside.setObjectName("paper")
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(form)
        layout.addStretch(1)
        scroll = QScrollArea()  # in a low dock what is told scrolls, and what can be done stays in sight
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll)
        outer.addLayout(row)
        self.clear()

    @staticmethod
    def _titles() -> dict[str, str]:
        return {
            "current": tr("State"),
            "predictions": tr("Results"),
            "runs": tr("Runs"),
            "pipelines": tr("Pipelines"),
            "generation": tr("Version of the catalog"),
            "parts": tr("Parts"),
            "bytes": tr("Size"),
            "path": tr("Place"),
        }

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to."""
        return self.rebuild_button

    def read(self) -> None:
        self.session.query(fetch_status, self._put, self._fail, topic="index status", quiet=True)

    def clear(self) -> None:
        self.status = {}
        self._rebuilding = False
        for value in self._values.values():
            _say(value, MISSING)
        self._show_progress()

    def rebuild(self) -> None:
        """Make the index again from the files."""
        if self.session.workspace is None or self._rebuilding:
            return
        self._rebuilding = True
        self._show_progress()
        self.session.rebuild_index(self._advance, self._rebuilt, self._not_rebuilt)

    def value(self, key: str) -> str:
        """Return what is shown of a fact."""
        label = self._values[key]
        return label.whole() if isinstance(label, ElidedLabel) else label.text()

    def _put(self, status: dict[str, Any]) -> None:
        self.status = status
        for key, label in self._values.items():
            _say(label, _status_text(key, status[key]))

    def _fail(self, problem: Problem) -> None:
        for key, label in self._values.items():
            _say(label, problem.what if key == "current" else MISSING)

    def _advance(self, progress: Progress) -> None:
        self._progress.setRange(0, progress.total if progress.total > 1 else 0)
        self._progress.setValue(progress.done)

    def _rebuilt(self) -> None:
        self._rebuilding = False
        self._show_progress()
        self.said.emit(tr("The index was rebuilt from the files."))

    def _not_rebuilt(self, problem: Problem) -> None:
        self._rebuilding = False
        self._show_progress()
        if problem.kind != "cancelled":
            self.session.tasks.unhandled.emit(problem)

    def _show_progress(self) -> None:
        self.rebuild_button.setEnabled(self.session.workspace is not None and not self._rebuilding)
        policy = self._progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(policy)
        self._progress.setRange(0, 0)
        self._progress.setVisible(self._rebuilding)


def fetch_status(workspace: Workspace) -> dict[str, Any]:
    """Ask for the state of the index; runs on the workspace's thread."""
    return workspace.index_status()


def _status_text(key: str, value: Any) -> str:
    if key == "current":
        return tr("✓ current") if value else tr("◌ catching up")
    if key == "bytes":
        return bytes_text(int(value))
    if key == "path":
        return tr("kept in memory") if value == "memory" else str(Path(str(value)))
    return integer_text(int(value))


def _say(label: QLabel, text: str) -> None:
    if isinstance(label, ElidedLabel):
        label.put(text)
    else:
        label.setText(text)
