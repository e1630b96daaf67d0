"""The data of a new run: which file, what is in it, what to predict, and which samples test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from gui import inquiries
from gui.dialogs.data_sketch import DataSketch
from gui.formats import counted, integer_text, tr
from gui.settings import Settings, documents_folder
from gui.tasks import Problem, Task, Tasks
from gui.theme import GRID
from gui.widgets import (
    DATA_SUFFIXES,
    DropTarget,
    ElidedLabel,
    EnterButton,
    combo_box,
    dress_spin_box,
    form_layout,
    heading,
)

if TYPE_CHECKING:
    from storage import ColumnPreview, DataPreview, Incomplete, RunRequest

SHARE, COLUMN, NONE = range(3)
NOWHERE = Path()


class DataChoice(QWidget):
    """One half of the New run dialog. `changed` follows every choice, `previewed` an answer about the file."""

    changed = Signal()
    previewed = Signal()

    def __init__(self, tasks: Tasks, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tasks, self._settings = tasks, settings
        self._task: Task | None = None
        self._wanted: RunRequest | None = None  # what to fill in once the file is known
        self._refused = ""  # why the file can't be read
        self.path: Path | None = None
        self.preview: DataPreview | None = None
        half = QVBoxLayout(self)
        half.setContentsMargins(0, 0, 0, 0)
        half.setSpacing(GRID)
        half.addWidget(heading(tr("Data")))
        half.addWidget(self._make_file())
        self._shape = QLabel(" ")
        self._shape.setObjectName("muted")
        half.addWidget(self._shape)
        self.sketch = DataSketch()
        half.addWidget(self.sketch, 1)
        half.addLayout(self._make_form())
        self._check()

    def _make_file(self) -> DropTarget:
        drop = DropTarget(DATA_SUFFIXES)
        drop.dropped.connect(lambda paths: self.set_data(paths[0]))
        self._file = ElidedLabel(tr("Drop a CSV, Parquet or NumPy file here"))
        self.choose = EnterButton(tr("C&hoose data…"))
        self.choose.setAutoDefault(False)
        self.choose.clicked.connect(self._choose)
        row = QHBoxLayout(drop)
        row.setContentsMargins(12, GRID, GRID, GRID)
        row.addWidget(self._file, 1)
        row.addWidget(self.choose)
        return drop

    def _make_form(self) -> Any:
        self.target = combo_box(tr("Column to predict; several with commas between"), editable=True)
        self.id_column = combo_box(tr("Column with the names of the samples"))
        self.task = combo_box(tr("Kind of task"))
        for text, value in ((tr("found from the data"), None), (tr("Regression"), "regression"),
                            (tr("Classification"), "classification")):  # fmt: skip
            self.task.addItem(text, value)
        self.dataset_name = QLineEdit()
        self.dataset_name.setAccessibleName(tr("Name of the dataset"))
        self.dataset_name.setPlaceholderText(tr("the file's name"))
        self.units = QLineEdit()
        self.units.setAccessibleName(tr("Units of the target"))
        self.units.setPlaceholderText(tr("for example %, mg/kg"))
        self.target.currentTextChanged.connect(lambda _: self._name_task())
        self.target.currentTextChanged.connect(lambda _: self._name_dataset())
        self.target.currentTextChanged.connect(lambda _: self._name_units())
        self.leave_out = QCheckBox()
        self.leave_out.setVisible(False)
        self.leave_out.toggled.connect(self._check)
        self._split_words = QLabel(" ")
        self._split_words.setObjectName("muted")
        form = form_layout()
        form.addRow(tr("&Predict"), self.target)
        form.addRow(tr("&Units"), self.units)
        form.addRow(tr("Tas&k"), self.task)
        form.addRow(tr("Test &set"), self._make_split())
        form.addRow("", self._split_words)
        form.addRow("", self.leave_out)
        form.addRow(tr("Sample na&mes"), self.id_column)
        form.addRow(tr("Datas&et"), self.dataset_name)
        label = form.labelForField(self._split_row)
        if isinstance(label, QLabel):
            label.setBuddy(self.split)
        for combo in (self.id_column, self.task, self.split, self.split_column):
            combo.currentIndexChanged.connect(self._check)
        for edit in (self.dataset_name, self.units):
            edit.textChanged.connect(self._check)
        self.target.editTextChanged.connect(self._check)
        self.test_size.valueChanged.connect(self._check)
        return form

    def _make_split(self) -> QWidget:
        self.split = combo_box(tr("How the test set is chosen"))
        self.split.addItems([tr("Random share"), tr("By a column"), tr("None: cross-validation alone")])
        self.test_size = QDoubleSpinBox()
        self.test_size.setRange(0.05, 0.9)
        self.test_size.setSingleStep(0.05)
        self.test_size.setValue(0.25)
        dress_spin_box(self.test_size)
        self.test_size.setAccessibleName(tr("Share of samples kept for the test"))
        self.split_column = combo_box(tr("Column that says train or test"))
        self._split_row = QWidget()
        row = QHBoxLayout(self._split_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.split, 1)
        row.addWidget(self.test_size)
        row.addWidget(self.split_column, 1)
        return self._split_row

    # --- the file ---

    def set_data(self, path: Path) -> None:
        """Take a data file and ask what is in it; how it was trained on the last time is filled in."""
        self.path, self.preview, self._refused = path, None, ""
        self._file.put(str(path))
        self.leave_out.setVisible(False)
        self.units.setModified(False)
        self.dataset_name.setText(path.stem)  # now, so that what somebody writes while it is read stays
        self._shape.setText(tr("Reading…"))
        self.drop_task()
        self._task = self._tasks.start(partial(inquiries.preview, path), self._show, self._refuse)
        self._check()

    def fill(self, wanted: RunRequest) -> None:
        """Fill in what a request asks for; columns as soon as a file is there that has them."""
        self._wanted = wanted
        self.units.setText(wanted.units)
        if wanted.data != NOWHERE:
            self.set_data(wanted.data)
        elif self.preview is not None:
            self._apply(self.preview, wanted)

    def drop_task(self) -> None:
        """Want no answer any more."""
        if self._task is not None:
            self._tasks.drop(self._task)
            self._task = None

    def _choose(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in DATA_SUFFIXES)
        folder = self._settings.data_folder or documents_folder()
        name, _ = QFileDialog.getOpenFileName(self, tr("Data file"), folder, tr("Data ({kinds})").format(kinds=kinds))
        if name:
            self._settings.data_folder = str(Path(name).parent)
            self.set_data(Path(name))

    def _show(self, preview: DataPreview) -> None:
        self._task, self.preview = None, preview
        self.target.blockSignals(True)
        self.target.clear()
        self.target.addItems(preview.targets)  # another column can be written there
        self.target.setCurrentText(preview.target or "")
        self.target.blockSignals(False)
        for combo, guess in ((self.id_column, preview.id_column), (self.split_column, preview.split_column)):
            fill_columns(combo, list(preview.described), guess)
        self.split.setCurrentIndex(COLUMN if preview.split_column else SHARE)
        wanted = self._wanted or self._last_time(preview.path)
        if wanted is not None:
            self._apply(preview, wanted)
        self.sketch.show_preview(preview)
        self._name_task()
        self._name_dataset()
        self._name_units()
        self._check()
        self.previewed.emit()

    def _described_target(self) -> ColumnPreview | None:
        targets = self.targets()
        return self.preview.described.get(targets[0]) if self.preview is not None and targets else None

    def task_asked(self) -> str | None:
        """Return the kind of task that is chosen or found, None where neither is known."""
        column = self._described_target()
        found = column.task if column is not None else None
        return (self.task.currentData() or found) if self.targets() else None

    def _name_task(self) -> None:
        """Say which kind of task the values of the chosen target are found to be."""
        column = self._described_target()
        words = {"regression": tr("Regression (found)"), "classification": tr("Classification (found)")}
        found = words.get(column.task) if column is not None else None
        self.task.setItemText(0, found or tr("found from the data"))

    def _name_dataset(self) -> None:
        """Propose a name; with the target where others may be meant: within a dataset results are ranked together."""
        preview = self.preview
        if preview is None or self.path is None or self.dataset_name.isModified():
            return
        last = self._wanted or self._last_time(preview.path)
        if last is not None and last.data == preview.path and last.dataset_name and last.target == self.targets():
            self.dataset_name.setText(last.dataset_name)
            return
        others = set(preview.described) - {preview.id_column, preview.split_column, *self.targets()}
        told = bool(others) and set(self.targets()) <= set(preview.columns)
        about = "".join(c if c.isalnum() or c in " -_" else "-" for c in " ".join(self.targets())) if told else ""
        self.dataset_name.setText(f"{self.path.stem} {about}".strip(" -_"))

    def _name_units(self) -> None:
        """Propose the units that the name of the target tells, unless others were asked for with that target."""
        if self.preview is None or self.units.isModified():
            return
        last = self._wanted or self._last_time(self.preview.path)
        if last is not None and last.target == self.targets():
            self.units.setText(last.units)
            return
        column = self._described_target()
        told = column.units if column is not None else ""
        self.units.setText(told or (self._wanted.units if self._wanted is not None else ""))

    def _last_time(self, path: Path) -> RunRequest | None:
        known = self._settings.run_choices.get(str(path))
        if not isinstance(known, dict):
            return None
        from pydantic import ValidationError

        from storage import RunRequest

        try:
            return RunRequest.model_validate({**known, "data": path})
        except ValidationError:
            return None  # written by another version

    def _apply(self, preview: DataPreview, wanted: RunRequest) -> None:
        """Choose what is wanted, as far as the file has it.

        What was asked for without this file in mind doesn't overrule a column of the file that says train or test.
        """
        columns = set(preview.columns)
        told = preview.split_column is not None and wanted.data != preview.path
        if wanted.target and columns.issuperset(wanted.target):
            self.target.setEditText(", ".join(wanted.target))
        if wanted.id_column in columns:
            choose_column(self.id_column, wanted.id_column)
        if wanted.split_column in columns:
            self.split.setCurrentIndex(COLUMN)
            choose_column(self.split_column, wanted.split_column)
        elif wanted.split_column is None and not told:
            self.split.setCurrentIndex(SHARE if wanted.test_size else NONE)
            self.test_size.setValue(wanted.test_size or self.test_size.value())
        self.leave_out.setChecked(wanted.leave_out_incomplete)
        self.task.setCurrentIndex(max(0, self.task.findData(wanted.task)))
        self.units.setText(wanted.units)

    def _refuse(self, problem: Problem) -> None:
        self._task, self.path = None, None
        self._refused = f"{problem.what} {problem.advice}".strip()
        self._shape.setText(" ")
        self.sketch.clear()
        self._check()
        self.previewed.emit()

    # --- what was chosen ---

    def targets(self) -> list[str]:
        """Return the columns to predict."""
        text = self.target.currentText().strip()
        if self.target.findText(text, Qt.MatchFlag.MatchExactly) >= 0:
            return [text]  # a column may have a comma in its name
        return [part.strip() for part in text.split(",") if part.strip()]

    def answer(self) -> dict[str, Any]:
        """Return the fields of a RunRequest that are chosen here."""
        split = self.split.currentIndex()
        return {
            "data": self.path,
            "target": self.targets(),
            "id_column": self.id_column.currentData(),
            "split_column": self.split_column.currentData() if split == COLUMN else None,
            "test_size": self.test_size.value() if split == SHARE else None,
            "leave_out_incomplete": self.leave_out.isChecked(),
            "task": self.task.currentData(),
            "dataset_name": self.dataset_name.text().strip() or None,
            "units": self.units.text().strip(),
        }

    def missing(self) -> str:
        """Say what is still to be chosen, empty if nothing."""
        if self.path is None:
            return self._refused or tr("Choose a data file.")
        if self.preview is None:
            return tr("Reading the data…")
        return "" if self.targets() else tr("Choose the column to predict.")

    def wrong(self) -> str:
        """Say what could not be trained on as it is chosen, empty if nothing."""
        if self.preview is None or not self.targets():
            return self._refused
        unknown = [column for column in self.targets() if column not in self.preview.columns]
        if unknown:
            return tr("The file has no column '{name}'.").format(name=unknown[0])
        if lacking := self._lacking_text(self.preview):
            return lacking
        if self.split.currentIndex() == COLUMN:
            return self._wrong_split(self.preview)
        return ""

    def _incomplete(self, preview: DataPreview) -> Incomplete:
        """Find the samples that lack a value of what is chosen."""
        split = self.split_column.currentData() if self.split.currentIndex() == COLUMN else None
        roles = [*self.targets(), self.id_column.currentData(), split]
        return preview.incomplete(self.targets(), [role for role in roles if role])

    def _lacking_text(self, preview: DataPreview) -> str:
        """Say which samples lack a value, empty where none does or they are left out."""
        found = self._incomplete(preview)
        id_column = self.id_column.currentData()
        if len(found.rows) == preview.n_rows:
            columns = [*(c for c in self.targets() if c in preview.gaps), *([found.column] if found.column else [])]
            return tr("No sample has all its values; see the column {name}.").format(name=columns[0])
        if self.leave_out.isChecked() or not len(found.rows):
            return ""
        first = found.in_target if len(found.in_target) else found.in_features
        column = next((c for c in self.targets() if first[0] in preview.gaps.get(c, ())), found.column)
        return tr("{lacking}; the first is {sample}, in the column {name}.").format(
            lacking=counted(len(found.rows), "{n} sample lacks a value", "{n} samples lack a value"),
            sample=preview.sample_name(int(first[0]), id_column),
            name=column,
        )

    def _offer_leave_out(self, n: int, of: int) -> None:
        """Offer to leave out the samples that lack a value, where there are such and others."""
        self.leave_out.setText(
            counted(n, "Lea&ve out the {n} sample without a value", "Lea&ve out the {n} samples without a value")
        )
        self.leave_out.setVisible(0 < n < of)

    def _wrong_split(self, preview: DataPreview) -> str:
        chosen = self.split_column.currentData()
        if chosen is None:
            return tr("Choose the column that says which samples are for the test.")
        described = preview.described.get(chosen)
        if described is not None and described.split is None:
            return tr("The column {name} must say train or test in every row.").format(name=chosen)
        return ""

    def _check(self) -> None:
        split = self.split.currentIndex()
        self.test_size.setVisible(split == SHARE)
        self.split_column.setVisible(split == COLUMN)
        if self.preview is not None and self.path is not None:
            answer = self.answer()
            roles = [*answer["target"], answer["id_column"], answer["split_column"]]
            features = self.preview.n_features([role for role in roles if role])
            shape = tr("{rows} samples, {columns} columns, {features} of them to learn from").format(
                rows=integer_text(self.preview.n_rows),
                columns=integer_text(self.preview.n_columns),
                features=integer_text(features),
            )
            if self.preview.from_windows:
                shape = tr("{shape}; text read as Windows-1252").format(shape=shape)
            self._shape.setText(shape)
            lacking = self._incomplete(self.preview).rows.tolist()
            self._offer_leave_out(len(lacking), self.preview.n_rows)
            left_out = lacking if answer["leave_out_incomplete"] else []
            self._split_words.setText(self._split_text(self.preview, answer, left_out) or " ")
            self.sketch.show_target(answer["target"][0] if answer["target"] else "", answer["units"])
        self.changed.emit()

    def _split_text(self, preview: DataPreview, answer: dict[str, Any], left_out: Sequence[int]) -> str:
        counts = preview.split_counts(answer["split_column"], answer["test_size"], left_out)
        if counts is None or (self.split.currentIndex() == COLUMN and answer["split_column"] is None):
            return ""
        train, test = (integer_text(count) for count in counts)
        if not counts[1]:
            return tr("all {train} samples train").format(train=train)
        return tr("{train} samples train, {test} test").format(train=train, test=test)


def fill_columns(combo: QComboBox, columns: list[str], chosen: str | None) -> None:
    """Offer columns, or none of them."""
    combo.clear()
    combo.addItem(tr("none"), None)
    for column in columns:
        combo.addItem(column, column)
    choose_column(combo, chosen)


def choose_column(combo: QComboBox, name: str | None) -> None:
    """Choose a column, also one that is not usually offered."""
    if name is not None and combo.findData(name) < 0:
        combo.addItem(name, name)
    combo.setCurrentIndex(combo.findData(name) if name is not None else 0)
