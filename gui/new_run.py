"""The New run dialog: which data, what to predict, which pipelines, and how.

It reads nothing itself: the preview of the data and the count of pipelines come from other threads.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui import inquiries
from gui.formats import integer_text, tr
from gui.panes.sheets import HEADER_HEIGHT, Sheet
from gui.settings import Settings, documents_folder
from gui.tasks import Problem, Task, Tasks
from gui.theme import GRID, ROW_HEIGHT, theme
from gui.widgets import (
    CONFIG_SUFFIXES,
    DATA_SUFFIXES,
    DropTarget,
    ElidedLabel,
    combo_box,
    dropped_files,
    form_layout,
    heading,
)

if TYPE_CHECKING:
    from storage import DataPreview, RunRequest

SHARE, COLUMN, NONE = range(3)


class NewRunDialog(QDialog):
    """Asks for everything a training run needs. `request()` is what was asked for; `previewed` and `counted` tell
    that an answer from elsewhere has arrived (or failed, then it is said in place)."""

    previewed = Signal()
    counted = Signal()

    def __init__(
        self, tasks: Tasks, settings: Settings, data: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tasks, self._settings = tasks, settings
        self._data: Path | None = None
        self._preview_task: Task | None = None
        self._count_task: Task | None = None
        self.count = 0
        self.setWindowTitle(tr("New run"))
        self.setAcceptDrops(True)
        self.resize(880, 640)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        columns.addLayout(self._make_data(), 1)
        columns.addLayout(self._make_pipelines(), 1)
        self._message = QLabel(" ")
        self._message.setObjectName("muted")
        self._message.setWordWrap(True)
        self.start_button = QPushButton(tr("Start training"))
        self.start_button.setDefault(True)
        self.start_button.clicked.connect(self.accept)
        close = QPushButton(tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.setSpacing(GRID)
        bottom.addWidget(self._message, 1)
        bottom.addWidget(close)
        bottom.addWidget(self.start_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(columns, 1)
        layout.addLayout(bottom)
        self.finished.connect(self._stop_asking)
        tasks.start(inquiries.shipped, self._offer_shipped, lambda problem: self._say(problem.what), quiet=True)
        if data is not None:
            self.set_data(data)
        self._check()

    # --- the two halves ---

    def _make_data(self) -> QVBoxLayout:
        self._drop = DropTarget(DATA_SUFFIXES)
        self._drop.dropped.connect(lambda paths: self.set_data(paths[0]))
        self._file = ElidedLabel(tr("Drop a CSV, Parquet or NumPy file here"))
        choose = QPushButton(tr("Choose file…"))
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose_data)
        row = QHBoxLayout(self._drop)
        row.setContentsMargins(12, GRID, GRID, GRID)
        row.addWidget(self._file, 1)
        row.addWidget(choose)
        self._sheet = Sheet([], tr("First rows of the data"))
        self._sheet.setFixedHeight(HEADER_HEIGHT + 6 * ROW_HEIGHT)
        self.target = combo_box(tr("Column to predict; several with commas between"), editable=True)
        self.id_column = combo_box(tr("Column with the names of the samples"))
        self.task = combo_box(tr("Kind of task"))
        for text, value in ((tr("found from the data"), None), (tr("Regression"), "regression"),
                            (tr("Classification"), "classification")):  # fmt: skip
            self.task.addItem(text, value)
        self.split = combo_box(tr("How the test set is chosen"))
        self.split.addItems([tr("Random share"), tr("By a column"), tr("No test set: cross-validation alone")])
        self.test_size = QDoubleSpinBox()
        self.test_size.setRange(0.05, 0.9)
        self.test_size.setSingleStep(0.05)
        self.test_size.setValue(0.25)
        self.test_size.setAccessibleName(tr("Share of samples kept for the test"))
        self.split_column = combo_box(tr("Column that says train or test"))
        self.split.currentIndexChanged.connect(self._check)
        self.target.editTextChanged.connect(self._check)
        split = QHBoxLayout()
        split.setSpacing(GRID)
        split.addWidget(self.split, 1)
        split.addWidget(self.test_size)
        split.addWidget(self.split_column, 1)
        self.units = QLineEdit()
        self.units.setPlaceholderText(tr("for example %, mg/kg"))
        form = form_layout()
        form.addRow(tr("Predict"), self.target)
        form.addRow(tr("Sample names"), self.id_column)
        form.addRow(tr("Test set"), split)
        form.addRow(tr("Task"), self.task)
        form.addRow(tr("Units"), self.units)
        self._shape = QLabel(" ")
        self._shape.setObjectName("muted")
        half = QVBoxLayout()
        half.setSpacing(GRID)
        half.addWidget(heading(tr("Data")))
        half.addWidget(self._drop)
        half.addWidget(self._shape)
        half.addWidget(self._sheet)
        half.addLayout(form)
        half.addStretch(1)
        return half

    def _make_pipelines(self) -> QVBoxLayout:
        self.configs = QListWidget()
        self.configs.setAccessibleName(tr("Configuration files"))
        self.configs.setFrameShape(QListWidget.Shape.NoFrame)
        self.configs.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.configs.itemChanged.connect(lambda _: self._ask_count())
        self.configs.setMinimumHeight(5 * ROW_HEIGHT)
        add = QPushButton(tr("Add files…"))
        add.setAutoDefault(False)
        theme().dress(add, "add")
        add.clicked.connect(self._choose_configs)
        self._counted = QLabel(tr("No pipelines chosen"))
        self._counted.setObjectName("muted")
        row = QHBoxLayout()
        row.addWidget(self._counted, 1)
        row.addWidget(add)
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("optional, for example protein-study"))
        self.description = QLineEdit()
        self.description.setPlaceholderText(tr("optional: what is this run for?"))
        self.jobs = QSpinBox()
        self.jobs.setRange(1, 64)
        self.jobs.setValue(max(1, self._settings.run_jobs))
        self.jobs.setToolTip(tr("How many pipelines are trained at the same time"))
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setToolTip(tr("The same seed gives the same splits and the same results"))
        self.again = QCheckBox(tr("Train again what was trained before"))
        numbers = QHBoxLayout()
        numbers.setSpacing(GRID)
        for box in (self.jobs, self.seed, self.test_size):
            box.setMinimumHeight(ROW_HEIGHT)
        self.seed.setMinimumWidth(96)
        numbers.addWidget(self.jobs)
        numbers.addSpacing(GRID)
        numbers.addWidget(QLabel(tr("Seed")))
        numbers.addWidget(self.seed)
        numbers.addStretch(1)
        form = form_layout()
        form.addRow(tr("Run name"), self.name)
        form.addRow(tr("Description"), self.description)
        form.addRow(tr("Parallel"), numbers)
        form.addRow("", self.again)
        for widget, name in ((self.name, tr("Run name")), (self.description, tr("Description")),
                             (self.jobs, tr("Pipelines trained at a time")), (self.seed, tr("Seed")),
                             (self.units, tr("Units of the target"))):  # fmt: skip
            widget.setAccessibleName(name)
        half = QVBoxLayout()
        half.setSpacing(GRID)
        half.addWidget(heading(tr("Pipelines")))
        half.addWidget(self.configs, 1)
        half.addLayout(row)
        half.addWidget(heading(tr("Run")))
        half.addLayout(form)
        return half

    # --- data ---

    def set_data(self, path: Path) -> None:
        """Take a data file and ask for its preview."""
        self._data = path
        self._file.put(str(path))
        self._shape.setText(tr("Reading…"))
        if self._preview_task is not None:
            self._tasks.drop(self._preview_task)
        self._preview_task = self._tasks.start(partial(inquiries.preview, path), self._show_preview, self._no_preview)
        self._check()

    def _show_preview(self, preview: DataPreview) -> None:
        self._preview_task = None
        self._shape.setText(
            tr("{rows} samples, {columns} columns").format(
                rows=integer_text(preview.n_rows), columns=integer_text(preview.n_columns)
            )
        )
        width = max((len(row) for row in preview.head), default=0)
        self._sheet.fill(preview.head, columns=preview.columns[:width])
        self.target.clear()
        self.target.addItems(preview.columns)
        self.target.setCurrentText(preview.target or "")
        for combo, guess in ((self.id_column, preview.id_column), (self.split_column, preview.split_column)):
            combo.clear()
            combo.addItem(tr("none"), None)
            for column in preview.columns:
                combo.addItem(column, column)
            combo.setCurrentIndex(max(0, combo.findData(guess)))
        self.split.setCurrentIndex(COLUMN if preview.split_column else SHARE)
        self._check()
        self.previewed.emit()

    def _no_preview(self, problem: Problem) -> None:
        self._preview_task, self._data = None, None
        self._shape.setText(" ")
        self._sheet.fill([], columns=[])
        self._say(f"{problem.what} {problem.advice}")
        self.start_button.setEnabled(False)
        self.previewed.emit()

    def _choose_data(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in DATA_SUFFIXES)
        folder = self._settings.data_folder or documents_folder()
        name, _ = QFileDialog.getOpenFileName(self, tr("Data file"), folder, tr("Data ({kinds})").format(kinds=kinds))
        if name:
            self._settings.data_folder = str(Path(name).parent)
            self.set_data(Path(name))

    # --- pipelines ---

    def add_config(self, path: Path, *, chosen: bool = True) -> None:
        """Offer a configuration file, chosen or not."""
        item = QListWidgetItem(path.stem.replace("-", " ").replace("_", " "))
        item.setData(Qt.ItemDataRole.UserRole, str(path))
        item.setToolTip(str(path))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
        self.configs.addItem(item)
        if chosen:
            self._ask_count()

    def chosen_configs(self) -> list[Path]:
        """Return the configuration files that are ticked."""
        items = (self.configs.item(row) for row in range(self.configs.count()))
        return [
            Path(item.data(Qt.ItemDataRole.UserRole)) for item in items if item.checkState() == Qt.CheckState.Checked
        ]

    def _offer_shipped(self, paths: list[Path]) -> None:
        for path in paths:
            self.add_config(path, chosen=False)

    def _choose_configs(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in CONFIG_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(
            self, tr("Pipeline configurations"), documents_folder(), tr("Configurations ({kinds})").format(kinds=kinds)
        )
        for name in names:
            self.add_config(Path(name))

    def _ask_count(self) -> None:
        if self._count_task is not None:
            self._tasks.drop(self._count_task)
            self._count_task = None
        paths = self.chosen_configs()
        self.count = 0
        self._check()
        if not paths:
            self._counted.setText(tr("No pipelines chosen"))
            return
        self._counted.setText(tr("Counting…"))
        self._count_task = self._tasks.start(partial(inquiries.count_configs, paths), self._show_count, self._no_count)

    def _show_count(self, count: int) -> None:
        self._count_task, self.count = None, count
        self._counted.setText(tr("1 pipeline") if count == 1 else tr("{n} pipelines").format(n=integer_text(count)))
        self._check()
        self.counted.emit()

    def _no_count(self, problem: Problem) -> None:
        self._count_task = None
        self._counted.setText(tr("Not readable"))
        self._say(f"{problem.what} {problem.advice}")
        self.counted.emit()

    # --- the whole ---

    def request(self) -> RunRequest:
        """Return what was asked for."""
        from storage import RunRequest

        assert self._data is not None
        split = self.split.currentIndex()
        return RunRequest(
            data=self._data,
            target=self._targets(),
            id_column=self.id_column.currentData(),
            split_column=self.split_column.currentData() if split == COLUMN else None,
            test_size=self.test_size.value() if split == SHARE else None,
            task=self.task.currentData(),
            pipelines=self.chosen_configs(),
            run_name=self.name.text().strip(),
            description=self.description.text().strip(),
            units=self.units.text().strip(),
            jobs=self.jobs.value(),
            seed=self.seed.value(),
            again=self.again.isChecked(),
        )

    def accept(self) -> None:
        if self.start_button.isEnabled():
            self._settings.run_jobs = self.jobs.value()
            super().accept()

    def message(self) -> str:
        """Return what the dialog says is missing or wrong."""
        return self._message.text().strip()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files(event, (*DATA_SUFFIXES, *CONFIG_SUFFIXES)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for path in dropped_files(event, CONFIG_SUFFIXES):
            self.add_config(path)
        if data := dropped_files(event, DATA_SUFFIXES):
            self.set_data(data[0])
        event.acceptProposedAction()

    def _targets(self) -> list[str]:
        text = self.target.currentText().strip()
        if self.target.findText(text, Qt.MatchFlag.MatchExactly) >= 0:
            return [text]  # a column may have a comma in its name
        return [part.strip() for part in text.split(",") if part.strip()]

    def _check(self) -> None:
        """Enable what can be used, and say what is still missing."""
        self.test_size.setVisible(self.split.currentIndex() == SHARE)
        self.split_column.setVisible(self.split.currentIndex() == COLUMN)
        missing = ""
        if self._data is None:
            missing = tr("Choose a data file.")
        elif not self._targets():
            missing = tr("Choose the column to predict.") if self._preview_task is None else ""
        elif not self.count:
            missing = tr("Choose at least one set of pipelines.") if not self.chosen_configs() else ""
        ready = self._data is not None and bool(self._targets()) and self.count > 0 and self._preview_task is None
        self._say(missing)
        self.start_button.setEnabled(ready)
        self.start_button.setText(
            tr("Train {n} pipelines").format(n=integer_text(self.count)) if self.count > 1 else tr("Start training")
        )

    def _say(self, text: str) -> None:
        self._message.setText(text or " ")

    def _stop_asking(self) -> None:
        for task in (self._preview_task, self._count_task):
            if task is not None:
                self._tasks.drop(task)
