"""The dialog that asks as what, and under which names, something is kept in the library."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.edits import split_tags
from gui.formats import integer_text, tr
from gui.kept import KINDS, Names, Thing, Wish
from gui.shortening import shortened
from gui.theme import GRID, ROW_HEIGHT
from gui.widgets import Form, dialog_column

LABEL_WIDTH = 160
ROWS_SHOWN = 8  # names that are seen without scrolling


def kind_title(kind: str) -> str:
    """Call a kind of the library as its tab does."""
    return {
        "template": tr("Templates"), "filtered": tr("Filtered"),
        "pipeline": tr("Pipelines"), "fullrun": tr("Full runs"),
    }[kind]  # fmt: skip


def kind_words(kind: str) -> tuple[str, str]:
    """Call one thing of a kind, and say what is kept of it."""
    return {
        "template": (tr("&Template"), tr("the steps and parameters alone, to run them on other data")),
        "filtered": (tr("&Filtered result"), tr("steps, parameters and metrics")),
        "pipeline": (tr("&Pipeline"), tr("everything, with the trained model, predictions and charts")),
        "fullrun": (tr("Full r&un"), tr("the whole run with all its pipelines")),
    }[kind]


class KeepDialog(QDialog):
    """Asks for the kind, a name for each thing, and words about them; `wishes()` is the answer.

    Of the things in `names` the first `pipelines` are pipelines, the others whole runs.
    """

    def __init__(self, names: Names, pipelines: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keep in library"))
        self.setMinimumWidth(520)
        self._names = names
        self._pipelines = range(pipelines)
        self._runs = range(pipelines, len(names.things))
        self._kinds = QButtonGroup(self)
        layout = dialog_column(self)
        self._add_kinds(layout, has_pipelines=pipelines > 0)
        self.edits: list[QLineEdit] = []
        self._area = QScrollArea()
        self._area.setObjectName("names")
        self._area.setStyleSheet("#names, #names > QWidget > QWidget { background: transparent; }")
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setAccessibleName(tr("Names"))
        layout.addSpacing(GRID)
        layout.addWidget(self._area, 1)
        self._problem = QLabel(" ")
        self._problem.setObjectName("bad")
        self._problem.setWordWrap(True)
        layout.addWidget(self._problem)
        layout.addLayout(self._make_words())
        buttons = QDialogButtonBox()
        self._keep = buttons.addButton(tr("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        self._keep.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._kinds.idToggled.connect(lambda _, on: self._fill() if on else None)
        self._fill()

    def _add_kinds(self, layout: QVBoxLayout, *, has_pipelines: bool) -> None:
        for number, kind in enumerate(KINDS):
            text, kept = kind_words(kind)
            button = QRadioButton(tr("{kind}: {what}").format(kind=text, what=kept))
            button.setEnabled(has_pipelines or kind == "fullrun")
            self._kinds.addButton(button, number)
            layout.addWidget(button)
        wanted = "pipeline" if has_pipelines else "fullrun"
        self._kinds.button(KINDS.index(wanted)).setChecked(True)

    def _make_words(self) -> QFormLayout:
        self.description = QPlainTextEdit()
        self.description.setObjectName("framed")
        self.description.setAccessibleName(tr("Description"))
        self.description.setPlaceholderText(tr("What it is good for"))
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(3 * ROW_HEIGHT)
        self.tags = QLineEdit()
        self.tags.setAccessibleName(tr("Tags"))
        self.tags.setPlaceholderText(tr("Commas between several"))
        form = Form()
        form.setSpacing(GRID)
        self._labels = [QLabel(tr("Description")), QLabel(tr("Tags"))]
        for label, edit in zip(self._labels, (self.description, self.tags), strict=True):
            label.setBuddy(edit)
            form.addRow(label, edit)
        return form

    @property
    def kind(self) -> str:
        """The kind that is chosen."""
        return KINDS[self._kinds.checkedId()]

    def choose(self, kind: str) -> None:
        """Choose a kind."""
        self._kinds.button(KINDS.index(kind)).setChecked(True)

    def wishes(self) -> list[Wish]:
        """Return what is to be kept."""
        words = (self.description.toPlainText().strip(), split_tags(self.tags.text()))
        pairs = zip(self._things(), self.edits, strict=True)
        return [Wish(thing, self.kind, edit.text().strip(), *words) for thing, edit in pairs]

    def problem_text(self) -> str:
        """Return what is wrong with the names."""
        return self._problem.text().strip()

    def _things(self) -> list[Thing]:
        return [self._names.things[place] for place in (self._runs if self.kind == "fullrun" else self._pipelines)]

    def _fill(self) -> None:
        """Ask for the names of the things of this kind."""
        places = self._runs if self.kind == "fullrun" else self._pipelines
        form = Form()
        form.setContentsMargins(0, 0, GRID if len(places) > ROWS_SHOWN else 0, 0)
        form.setSpacing(GRID)
        # All fields begin at the same place.
        width = LABEL_WIDTH if len(places) > 1 else max(label.sizeHint().width() for label in self._labels)
        for label in self._labels:
            label.setFixedWidth(width)
        self.edits = []
        for place in places:
            thing = self._names.things[place]
            edit = QLineEdit(self._names.free[self.kind][place])
            edit.setAccessibleName(tr("Name for {thing}").format(thing=thing.text))
            edit.textChanged.connect(lambda _: self._check())
            self.edits.append(edit)
            text = shortened(thing.text, self.fontMetrics(), LABEL_WIDTH)
            label = QLabel(text if len(places) > 1 else tr("Name"))
            label.setFixedWidth(width)
            label.setToolTip(thing.text)
            form.addRow(label, edit)
        page = QWidget()
        page.setLayout(form)
        self._area.setWidget(page)
        rows = min(len(self.edits), ROWS_SHOWN)
        self._area.setFixedHeight(rows * (ROW_HEIGHT + 2 + GRID))
        if self.edits:
            self.edits[0].setFocus()
            self.edits[0].selectAll()
        self._check()

    def _check(self) -> None:
        from storage import NameRefused, checked_name

        texts = [edit.text().strip() for edit in self.edits]
        problem = "" if texts else tr("There is nothing to keep.")
        for edit, text in zip(self.edits, texts, strict=True):
            wrong = ""
            try:
                name = checked_name(text, "library").casefold()
                if name in self._names.taken[self.kind]:
                    wrong = tr("There is one called {name} already. Choose another name.").format(name=text)
                elif sum(name == other.casefold() for other in texts) > 1:
                    wrong = tr("The name {name} occurs twice. Give each another one.").format(name=text)
            except NameRefused as error:
                wrong = error.what
            edit.setProperty("wrong", bool(wrong))
            edit.style().unpolish(edit)
            edit.style().polish(edit)
            problem = problem or wrong
        self._problem.setText(problem or " ")
        self._keep.setEnabled(not problem)
        count = len(self.edits)
        self._keep.setText(tr("Keep") if count <= 1 else tr("Keep {n}").format(n=integer_text(count)))
