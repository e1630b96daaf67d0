"""Taking rows of the catalog away as a file: what is asked for, the dialog that asks, and the work."""

from __future__ import annotations

from dataclasses import dataclass
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
    QVBoxLayout,
    QWidget,
)

from gui.formats import integer_text, tr
from gui.settings import Settings, documents_folder
from gui.tasks import Report
from gui.theme import GRID

SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class ExportRequest:
    """Which rows and columns go where; `ids` is None for all rows that match."""

    path: Path
    filter: str
    order: str
    columns: tuple[str, ...]
    ids: tuple[str, ...] | None = None
    overwrite: bool = False


def write_export(root: Path, request: ExportRequest, report: Report) -> int:
    """Write the file and return how many rows it has; the workspace is opened anew, for this thread, to read it."""
    from storage import Workspace

    with Workspace.open(root, read_only=True) as workspace:
        return workspace.catalog.export(
            request.path,
            request.filter,
            request.order,
            request.columns,
            request.ids,
            report,
            overwrite=request.overwrite,
        )


class ExportDialog(QDialog):
    """Asks which rows and columns to export and to which file.

    `rows` are how many are selected and listed, `columns` how many are shown and known.
    `selection_only`, `shown_only` and `path()` are the answer; `overwrite` that somebody agreed to replace the file.
    """

    def __init__(
        self, settings: Settings, name: str, rows: tuple[int, int], columns: tuple[int, int], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._agreed = Path()
        self.setWindowTitle(tr("Export"))
        self.setMinimumWidth(520)
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
        folder = settings.export_folder or documents_folder()
        self._path = QLineEdit(str(Path(folder) / f"{name}{SUFFIXES[0]}"))
        self._path.setAccessibleName(tr("File"))
        choose = QPushButton(tr("Choose…"))
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        place = QHBoxLayout()
        place.setSpacing(GRID)
        place.addWidget(self._path, 1)
        place.addWidget(choose)
        self._hint = QLabel()
        self._hint.setObjectName("muted")
        self._hint.setWordWrap(True)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(12)
        form.addRow(tr("Rows"), rows_row)
        form.addRow(tr("Columns"), columns_row)
        form.addRow(tr("Format"), self._format)
        form.addRow(tr("File"), place)
        form.addRow("", self._hint)
        buttons = QDialogButtonBox()
        self._export = buttons.addButton(tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self._export.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(buttons)
        self._format.currentIndexChanged.connect(self._put_suffix)
        self._path.textChanged.connect(self._check)
        self._check()

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
        self._settings.export_folder = str(self.path().parent)
        super().accept()

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
        path = self.path()
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            self._format.blockSignals(True)
            self._format.setCurrentIndex(SUFFIXES.index(suffix))
            self._format.blockSignals(False)
        good = suffix in SUFFIXES and path.is_absolute()
        self._export.setEnabled(good)
        self._hint.setText(
            tr("Text that a spreadsheet would take for a formula gets an apostrophe before it.")
            if good and suffix == ".csv"
            else ""
            if good
            else tr("Give a whole path that ends in .csv or .parquet.")
        )


def _either(texts: tuple[str, str], *, first: bool, enabled: bool) -> tuple[QButtonGroup, QHBoxLayout]:
    """Make two radio buttons beside each other, numbered 0 and 1; `enabled` says whether the first can be chosen."""
    row = QHBoxLayout()
    row.setSpacing(16)
    buttons = [QRadioButton(text) for text in texts]
    group = QButtonGroup(buttons[0])
    for number, button in enumerate(buttons):
        group.addButton(button, number)
        row.addWidget(button)
    row.addStretch(1)
    buttons[0].setEnabled(enabled)
    buttons[0 if first else 1].setChecked(True)
    return group, row
