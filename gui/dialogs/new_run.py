"""The New run dialog: which data, what to predict, which pipelines, and how.

It reads nothing itself: what it shows of data, pipelines and history comes from other threads.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui import inquiries
from gui.dialogs.run_data import DataChoice
from gui.dialogs.run_pipelines import PipelineChoice
from gui.formats import duration_text, integer_text, tr
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem
from gui.theme import GRID, theme
from gui.widgets import (
    CONFIG_SUFFIXES,
    DATA_SUFFIXES,
    EnterButton,
    dialog_column,
    dress_spin_box,
    dropped_files,
    form_layout,
    heading,
)

if TYPE_CHECKING:
    from storage import RunRequest

MAX_SEED = 2**31 - 1


class NewRunDialog(QDialog):
    """Asks for everything a training run needs; `request()` is what was asked for.

    `data` is a file to begin with, `request` a whole request to fill in, its data perhaps left empty. `previewed` and
    `counted` tell that an answer from elsewhere has arrived, or that there is none, which is then said in place.
    """

    previewed = Signal()
    counted = Signal()

    def __init__(
        self,
        session: Session,
        settings: Settings,
        data: Path | None = None,
        parent: QWidget | None = None,
        *,
        request: RunRequest | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._settings = session, settings
        self._times: dict[str, float] = {}  # mean seconds of a fit by configuration, on this dataset
        self._timed = ""  # the dataset they are of
        self._over = False
        self.setWindowTitle(tr("New run"))
        self.setAcceptDrops(True)
        self.resize(1000, 712)
        self.data = DataChoice(session.tasks, settings)
        self.pipelines = PipelineChoice(session)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        columns.addWidget(self.data, 1)
        right = QVBoxLayout()
        right.setSpacing(GRID)
        right.addWidget(self.pipelines, 1)
        right.addWidget(heading(tr("Run")))
        right.addLayout(self._make_run())
        columns.addLayout(right, 1)
        layout = dialog_column(self, 12)
        layout.addLayout(columns, 1)
        layout.addLayout(self._make_bottom())
        self.data.previewed.connect(self._previewed)
        self.pipelines.counted.connect(self.counted)
        for part in (self.data, self.pipelines):
            part.changed.connect(self._check)
        self.finished.connect(self._stop_asking)
        if request is not None:
            self._fill(request)
        if data is not None:
            self.data.set_data(data)
        self._check()

    def _make_run(self) -> QFormLayout:
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("optional, for example protein-study"))
        self.description = QLineEdit()
        self.description.setPlaceholderText(tr("optional: what is this run for?"))
        self.jobs = QSpinBox()
        self.jobs.setRange(1, 64)
        self.jobs.setValue(max(1, self._settings.run_jobs))
        self.jobs.setToolTip(tr("How many pipelines are trained at the same time"))
        self.seed = QSpinBox()
        self.seed.setRange(0, MAX_SEED)
        self.seed.setMinimumWidth(96)
        self.seed.setToolTip(tr("The same seed gives the same splits and the same results"))
        self.again = QCheckBox(tr("Train a&gain what was trained before"))
        seed_label = QLabel(tr("See&d"))
        seed_label.setBuddy(self.seed)
        numbers = QHBoxLayout()
        numbers.setSpacing(GRID)
        numbers.addWidget(self.jobs)
        numbers.addSpacing(GRID)
        numbers.addWidget(seed_label)
        numbers.addWidget(self.seed)
        numbers.addStretch(1)
        parallel = QLabel(tr("Para&llel"))
        parallel.setBuddy(self.jobs)
        form = form_layout()
        form.addRow(tr("Run &name"), self.name)
        form.addRow(tr("Descripti&on"), self.description)
        form.addRow(parallel, numbers)
        form.addRow("", self.again)
        for widget, name in ((self.name, tr("Run name")), (self.description, tr("Description")),
                             (self.jobs, tr("Pipelines trained at a time")), (self.seed, tr("Seed"))):  # fmt: skip
            widget.setAccessibleName(name)
        for box in (self.jobs, self.seed):
            dress_spin_box(box)
        self.name.textChanged.connect(self._check)
        self.jobs.valueChanged.connect(self._check)
        return form

    def _make_bottom(self) -> QHBoxLayout:
        self._sign = QLabel()
        self._sign.setFixedWidth(16)
        self._sign.hide()
        self._message = QLabel(" ")
        self._message.setWordWrap(True)
        self._message.setMinimumHeight(2 * 18)
        self.start_button = QPushButton(tr("Start training"))
        self.start_button.setDefault(True)
        self.start_button.clicked.connect(self.accept)
        close = EnterButton(tr("&Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.setSpacing(GRID)
        bottom.addWidget(self._sign)
        bottom.addWidget(self._message, 1)
        bottom.addWidget(self.start_button)
        bottom.addWidget(close)
        return bottom

    # --- filling ---

    def _fill(self, wanted: RunRequest) -> None:
        self.name.setText(wanted.run_name)
        self.description.setText(wanted.description)
        self.jobs.setValue(wanted.jobs)
        self.seed.setValue(wanted.seed)
        self.again.setChecked(wanted.again)
        self.pipelines.fill(wanted)
        self.data.fill(wanted)

    def _previewed(self) -> None:
        known = self._settings.run_choices.get(str(self.data.path))
        if isinstance(known, dict) and not self.pipelines.chosen():
            self.pipelines.remember([Path(text) for text in known.get("pipelines", []) if isinstance(text, str)])
        self.previewed.emit()

    # --- the whole ---

    def request(self) -> RunRequest:
        """Return what was asked for."""
        from storage import RunRequest

        return RunRequest(
            **self.data.answer(),
            **self.pipelines.answer(),
            run_name=self.name.text().strip(),
            description=self.description.text().strip(),
            jobs=self.jobs.value(),
            seed=self.seed.value(),
            again=self.again.isChecked(),
        )

    def accept(self) -> None:
        if not self.start_button.isEnabled():
            return
        self._settings.run_jobs = self.jobs.value()
        if self.data.path is not None:
            left_out = {"data", "configs", "run_name", "pipeline_names", "description", "again", "dataset_name"}
            choices = self.request().model_dump(mode="json", exclude=left_out)
            self._settings.remember_choices(self.data.path, choices)
        super().accept()

    def message(self) -> str:
        """Return what the dialog says is missing or wrong."""
        return self._message.text().strip()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event, (*DATA_SUFFIXES, *CONFIG_SUFFIXES)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for path in dropped_files(event, CONFIG_SUFFIXES):
            self.pipelines.add_file(path)
        if data := dropped_files(event, DATA_SUFFIXES):
            self.data.set_data(data[0])
        event.acceptProposedAction()

    def _check(self) -> None:
        """Enable what can be used, and say what is still missing or wrong."""
        wrong = self.data.wrong() or self.pipelines.wrong() or self._wrong_names()
        missing = self.data.missing() or self.pipelines.missing()
        self.pipelines.set_task(self.data.task_asked())
        doubt = "" if missing else self.pipelines.doubt()
        self._message.setText(wrong or missing or doubt or " ")
        self._sign.setVisible(bool(wrong or doubt))
        if wrong or doubt:
            self._sign.setPixmap(theme().icon("damaged", "warning").pixmap(16, 16))
        self.start_button.setEnabled(not wrong and not missing and self.pipelines.count > 0)
        count = self.pipelines.count
        self.start_button.setText(
            tr("&Train {n} pipelines").format(n=integer_text(count)) if count > 1 else tr("S&tart training")
        )
        self._ask_times()
        self._show_estimate()

    def _wrong_names(self) -> str:
        if self.data.preview is None:
            return ""  # the names are checked by what was loaded with it
        from storage import StorageError, checked_name

        try:
            for text, what in ((self.data.dataset_name.text().strip(), "dataset"), (self.name.text().strip(), "run")):
                if text:
                    checked_name(text, what)
        except StorageError as error:
            return f"{error.what} {error.advice}".strip()
        return ""

    # --- how long it may take ---

    def _ask_times(self) -> None:
        dataset = self.data.dataset_name.text().strip()
        if self.data.preview is not None and dataset and dataset != self._timed:
            self._timed = dataset
            self._session.query(
                partial(inquiries.fit_times, dataset), self._take_times, self._no_times, topic="fit times", quiet=True
            )

    def _take_times(self, times: dict[str, float]) -> None:
        if not self._over:
            self._times = times
            self._show_estimate()

    def _no_times(self, problem: Problem) -> None:
        self._take_times({})

    def _show_estimate(self) -> None:
        seconds = inquiries.seconds_for(self.pipelines.counts(), self._times, self.jobs.value())
        self.pipelines.estimate(
            "" if seconds is None else tr("about {time} by what was trained before").format(time=duration_text(seconds))
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        self._stop_asking()  # one that is closed before it was shown does not finish
        super().closeEvent(event)

    def _stop_asking(self) -> None:
        self._over = True
        self.data.drop_task()
        self.pipelines.drop_tasks()
