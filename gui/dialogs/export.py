"""The dialog that asks what to take away and where to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QStackedWidget,
    QWidget,
)
from shiboken6 import isValid

from gui.exports import free_name, look_at
from gui.formats import counted, integer_text, tr
from gui.settings import Settings, documents_folder
from gui.tasks import Task, Tasks
from gui.theme import GRID
from gui.widgets import FIELD_HEIGHT, Form, dialog_column

SUFFIXES = (".csv", ".parquet")
TITLE_WIDTH = 72


class ExportDialog(QDialog):
    """Asks what to take away: pipelines with their files to a folder, or rows of the table to a file.

    `rows` are how many are selected and listed, `columns` how many are shown and known; None where there is no table.
    `pipelines` are how many would go with their files, `note` says which of the selected ones do not and why; where
    none does, rows of the selected ones are proposed. `takes_pipelines` says which of the two was chosen; of rows
    `selection_only`, `shown_only` and `path()` are the answer, and `overwrite` that somebody agreed to replace the
    file; of pipelines it is `folder()`. With `tasks` the dialog looks whether the folder is there, and
    `creates` says that somebody agreed to make it.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        rows: tuple[int, int] | None,
        columns: tuple[int, int],
        parent: QWidget,
        *,
        pipelines: int = 0,
        which: str = "",
        note: str = "",
        tasks: Tasks | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._agreed, self._taken = Path(), Path()
        self._tasks, self._missing = tasks, Path()
        self._looking: Task | None = None
        self.creates = False
        self.setWindowTitle(tr("Export"))
        self.setMinimumWidth(560)
        self._start = settings.export_folder or documents_folder()
        texts = (_files_text(pipelines, which), tr("Rows of the table"))
        self._what, what_row = _either(texts, first=self._files_first(pipelines, rows), enabled=pipelines > 0)
        self._what.buttons()[1].setEnabled(rows is not None)
        top = Form()
        top.setHorizontalSpacing(16)
        top.addRow(_title(tr("Export")), what_row)
        self.note = _dress_hint(QLabel(note))
        if note:
            top.addRow("", self.note)
            self._what.buttons()[0].setToolTip(note)
        self._forms = QStackedWidget()
        self._forms.addWidget(self._make_folder_form())
        self._forms.addWidget(self._make_row_form(name, rows or (0, 0), columns))
        if note and not pipelines and rows is not None and rows[0]:
            self._rows.buttons()[0].setChecked(True)
        buttons = QDialogButtonBox()
        self._export = buttons.addButton(tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self._export.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self, 12)
        layout.addLayout(top)
        layout.addWidget(self._forms)
        layout.addWidget(buttons)
        self._format.currentIndexChanged.connect(self._put_suffix)
        self._path.textChanged.connect(self._check)
        self._folder.textChanged.connect(self._check)
        self._what.idToggled.connect(self._choose_what)
        self._choose_what()
        if tasks is not None:
            proposed = self.path()
            tasks.start(partial(free_name, proposed), partial(self._put_free, proposed), quiet=True)

    def _files_first(self, pipelines: int, rows: tuple[int, int] | None) -> bool:
        """Whether pipelines are proposed: one always, several unless rows were wanted the last time."""
        return pipelines == 1 or (pipelines > 0 and (rows is None or self._settings.export_what != "rows"))

    def _make_folder_form(self) -> QWidget:
        self._folder = QLineEdit(self._start)
        self._folder.setAccessibleName(tr("Folder"))
        self._folder_hint = QLabel()
        form = _form()
        form.addRow(_title(tr("Into folder")), _with_button(self._folder, self._choose_folder))
        form.addRow("", _dress_hint(self._folder_hint))
        page = QWidget()
        page.setLayout(form)
        return page

    def _make_row_form(self, name: str, rows: tuple[int, int], columns: tuple[int, int]) -> QWidget:
        selected, listed = (integer_text(count) for count in rows)
        some = tr("The selected one") if rows[0] == 1 else tr("The {n} selected").format(n=selected)
        texts = (some, tr("All {n} listed").format(n=listed))
        self._rows, rows_row = _either(texts, first=rows[0] > 1, enabled=rows[0] > 0)
        shown, known = (integer_text(count) for count in columns)
        texts = (tr("The {n} shown").format(n=shown), tr("All {n}").format(n=known))
        self._columns, columns_row = _either(texts, first=True, enabled=True)
        self._format = QComboBox()
        self._format.addItems([tr("CSV, for spreadsheets"), tr("Parquet, for programs")])
        self._format.setAccessibleName(tr("Format"))
        self._path = QLineEdit(str(Path(self._start) / f"{name}{SUFFIXES[0]}"))
        self._path.setAccessibleName(tr("File"))
        self._hint = QLabel()
        form = _form()
        form.addRow(_title(tr("Rows")), rows_row)
        form.addRow(tr("Columns"), columns_row)
        form.addRow(tr("Format"), self._format)
        form.addRow(tr("File"), _with_button(self._path, self._choose))
        form.addRow("", _dress_hint(self._hint))
        page = QWidget()
        page.setLayout(form)
        return page

    @property
    def takes_pipelines(self) -> bool:
        """Whether pipelines with their files are wanted, and not rows."""
        return self._what.checkedId() == 0

    def choose_pipelines(self, wanted: bool) -> None:
        """Choose pipelines with their files, or rows."""
        self._what.button(0 if wanted else 1).setChecked(True)

    def folder(self) -> Path:
        """Return the folder to put the pipelines' own folders in."""
        return Path(self._folder.text().strip())

    def _home(self) -> Path:
        """Return the folder everything goes to."""
        return self.folder() if self.takes_pipelines else self.path().parent

    def put_folder(self, folder: Path) -> None:
        """Propose a folder."""
        self._folder.setText(str(folder))

    @property
    def selection_only(self) -> bool:
        """Whether the selected rows alone are wanted."""
        return self._rows.checkedId() == 0

    @property
    def shown_only(self) -> bool:
        """Whether the columns shown alone are wanted."""
        return self._columns.checkedId() == 0

    @property
    def overwrite(self) -> bool:
        """Whether replacing a file of this name was agreed to, in the dialog that chose it."""
        return self.path() == self._agreed

    def path(self) -> Path:
        """Return the file to write."""
        return Path(self._path.text().strip())

    def put_path(self, path: Path, *, agreed: bool = False) -> None:
        """Propose a file; `agreed` when somebody was asked whether it may be replaced."""
        self._agreed = path if agreed else Path()
        self._path.setText(str(path))

    def accept(self) -> None:
        """Look first whether folder and file are there; stay where the one is to be made or the other replaced."""
        folder, file = self._home(), None if self.takes_pipelines else self.path()
        self.creates = self._missing == folder
        if file is not None and file == self._taken:
            self._agreed = file  # that it is there stood on the button
        if self._tasks is None or self.creates or (file is not None and self.overwrite):
            self._accept()
            return
        self._export.setEnabled(False)
        take = partial(self._take_look, folder, file)
        self._looking = self._tasks.start(partial(look_at, folder, file), take, quiet=True)

    def _take_look(self, folder: Path, file: Path | None, found: tuple[bool, bool]) -> None:
        there, taken = found
        if (folder, file) != (self._home(), None if self.takes_pipelines else self.path()):
            self.accept()  # somebody chose another one meanwhile
        elif there and not taken:
            self._accept()
        else:
            if file is not None and taken:
                self._taken = file
            else:
                self._missing = folder
            self._check()
            self._export.setDefault(True)  # it was not while it could not be pressed
            self._export.setFocus()

    def _put_free(self, proposed: Path, free: Path) -> None:
        """Propose a name that no file has, unless somebody gave another one meanwhile."""
        if isValid(self) and self.path() == proposed:
            self.put_path(free)

    def reject(self) -> None:
        if self._tasks is not None and self._looking is not None:
            self._tasks.drop(self._looking)
        super().reject()

    def _accept(self) -> None:
        self._settings.export_what = "pipelines" if self.takes_pipelines else "rows"
        self._settings.export_folder = str(self._home())
        super().accept()

    def _choose_what(self, *_: object) -> None:
        self._forms.setCurrentIndex(0 if self.takes_pipelines else 1)
        self._what.buttons()[0 if self.takes_pipelines else 1].setFocus()  # Qt takes the first
        self._check()

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Export into folder"), self._folder.text())
        if chosen:
            self.put_folder(Path(chosen))

    def _choose(self) -> None:
        kinds = ";;".join((tr("CSV (*.csv)"), tr("Parquet (*.parquet)")))
        chosen, kind = QFileDialog.getSaveFileName(self, tr("Export to"), self._path.text(), kinds)
        if chosen:
            path = Path(chosen)
            named = path.suffix.lower() in SUFFIXES
            suffix = SUFFIXES[1] if "parquet" in kind else SUFFIXES[0]
            # With an ending put to it, it is another file than the one that was agreed to.
            self.put_path(path if named else path.with_name(path.name + suffix), agreed=named)

    def _put_suffix(self, number: int) -> None:
        path = self.path()
        if path.suffix.lower() in (*SUFFIXES, ""):
            self._path.setText(str(path.with_suffix(SUFFIXES[number])))

    def _check(self) -> None:
        folder = self._home()
        missing = self._tasks is not None and self._missing == folder
        taken = not self.takes_pipelines and self._taken not in (Path(), self._agreed) and self._taken == self.path()
        words = tr("Create it and export") if missing else tr("Replace it and export") if taken else tr("Export")
        self._export.setText(words)
        none = tr("There is no folder {folder} yet.").format(folder=folder) if missing else ""
        if taken:
            none = tr("There is a file {file} already.").format(file=self.path().name)
        if self.takes_pipelines:
            good = bool(self._folder.text().strip()) and self.folder().is_absolute()
            self._export.setEnabled(good)
            self._folder_hint.setText(
                none
                or tr("Each pipeline gets a folder of its own: predictions, metrics, trained model, charts, a README.")
                if good
                else tr("Give the whole path of a folder.")
            )
            return
        path = self.path()
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            self._format.blockSignals(True)
            self._format.setCurrentIndex(SUFFIXES.index(suffix))
            self._format.blockSignals(False)
        good = suffix in SUFFIXES and path.is_absolute()
        self._export.setEnabled(good)
        self._hint.setText(
            none or tr("Text that a spreadsheet would take for a formula gets an apostrophe before it.")
            if good and suffix == ".csv"
            else ""
            if good
            else tr("Give a whole path that ends in .csv or .parquet.")
        )


def _files_text(pipelines: int, which: str) -> str:
    if pipelines == 1 and which:
        return tr("{name} with its files").format(name=which)
    if pipelines:
        return counted(pipelines, "The pipeline with its files", "The {n} pipelines with their files")
    return tr("Pipelines with their files")


def _form() -> QFormLayout:
    form = Form()
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(12)
    return form


def _title(text: str) -> QLabel:
    """Make the title of the widest row, by which the rows of all forms stand in line."""
    label = QLabel(text)
    label.setMinimumWidth(TITLE_WIDTH)
    return label


def _with_button(edit: QLineEdit, act: Callable[[], None]) -> QHBoxLayout:
    choose = QPushButton(tr("Choose…"))
    choose.setAutoDefault(False)
    choose.clicked.connect(lambda: act())
    place = QHBoxLayout()
    place.setSpacing(GRID)
    place.addWidget(edit, 1)
    place.addWidget(choose)
    return place


def _dress_hint(hint: QLabel) -> QLabel:
    hint.setObjectName("muted")
    hint.setWordWrap(True)
    return hint


def _either(texts: tuple[str, str], *, first: bool, enabled: bool) -> tuple[QButtonGroup, QHBoxLayout]:
    """Make two radio buttons beside each other, numbered 0 and 1; `enabled` says whether the first can be chosen."""
    row = QHBoxLayout()
    row.setSpacing(16)
    buttons = [QRadioButton(text) for text in texts]
    group = QButtonGroup(buttons[0])
    for number, button in enumerate(buttons):
        button.setMinimumHeight(FIELD_HEIGHT)  # in line with its title
        group.addButton(button, number)
        row.addWidget(button)
    row.addStretch(1)
    buttons[0].setEnabled(enabled)
    buttons[0 if first else 1].setChecked(True)
    return group, row
