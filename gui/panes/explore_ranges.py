"""Ranges on parallel axes by keyboard: from which value to which, or which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from gui.formats import tr
from gui.panes.explore_options import title_of
from gui.theme import GRID
from gui.widgets import dialog_column

if TYPE_CHECKING:
    from gui.models.axis import Axis

Range = tuple[float, float]


class RangesDialog(QDialog):
    """Asks for a range on each axis; those of times stay as they are. `wanted` carries all by the key of their axis."""

    wanted = Signal(dict)

    def __init__(self, axes: Sequence[Axis], ranges: Mapping[str, Range], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Ranges"))
        self.resize(460, 380)
        self._axes = [axis for axis in axes if axis.kind != "time"]
        self.edits: dict[str, tuple[QLineEdit, ...]] = {}
        self._kept = {key: one for key, one in ranges.items() if all(axis.key != key for axis in self._axes)}
        grid = QGridLayout()
        grid.setSpacing(GRID)
        for row, axis in enumerate(self._axes):
            grid.addWidget(QLabel(title_of(axis.key)), row, 0)
            self.edits[axis.key] = self._make_edits(axis, ranges.get(axis.key))
            for place, edit in enumerate(self.edits[axis.key]):
                grid.addWidget(edit, row, 1 + place, 1, 2 if axis.names else 1)
        inside = QWidget()
        inside.setLayout(grid)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        self._words = QLabel(tr("Empty means any. Names with commas between."))
        self._words.setObjectName("muted")
        buttons = QDialogButtonBox()
        narrow = buttons.addButton(tr("Show only these"), QDialogButtonBox.ButtonRole.AcceptRole)
        narrow.setDefault(True)
        clear = buttons.addButton(tr("Clear all"), QDialogButtonBox.ButtonRole.ResetRole)
        clear.setAutoDefault(False)
        clear.clicked.connect(self._clear)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        layout = dialog_column(self)
        for widget in (area, self._words, buttons):
            layout.addWidget(widget)

    def _make_edits(self, axis: Axis, wanted: Range | None) -> tuple[QLineEdit, ...]:
        if axis.names:
            edit = QLineEdit()
            edit.setAccessibleName(tr("Names on {axis}").format(axis=axis.key))
            edit.setPlaceholderText(", ".join(name for name in axis.names[:4] if name))
            if wanted is not None:
                inside = [name for place, name in enumerate(axis.names) if wanted[0] <= place <= wanted[1]]
                edit.setText(", ".join(name or tr("others") for name in inside))
            return (edit,)
        edits = []
        for place, words in enumerate((tr("{axis} from"), tr("{axis} to"))):
            edit = QLineEdit(f"{wanted[place]:.10g}" if wanted is not None else "")
            edit.setAccessibleName(words.format(axis=axis.key))
            edit.setPlaceholderText(f"{axis.bounds[place]:.4g}")
            edits.append(edit)
        return tuple(edits)

    def ranges(self) -> dict[str, Range]:
        """Return what was asked for. Raises ValueError, with the name of the axis, for what is no number or name."""
        found = dict(self._kept)
        for axis in self._axes:
            texts = [edit.text().strip() for edit in self.edits[axis.key]]
            if not any(texts):
                continue
            found[axis.key] = _names(axis, texts[0]) if axis.names else _numbers(axis, texts)
        return found

    def _take(self) -> None:
        try:
            ranges = self.ranges()
        except ValueError as error:
            self._words.setObjectName("bad")
            self._words.setText(tr("{axis} has no such value. Correct it and try again.").format(axis=error))
            self._words.style().polish(self._words)
            return
        self.wanted.emit(ranges)
        self.accept()

    def _clear(self) -> None:
        self.wanted.emit({})
        self.accept()


def _names(axis: Axis, text: str) -> Range:
    """Names that stand side by side are one range; others can't be chosen on one axis."""
    known = [name or tr("others") for name in axis.names]
    places = sorted(known.index(name) if name in known else -1 for name in map(str.strip, text.split(",")) if name)
    if not places or places[0] < 0 or places[-1] - places[0] != len(places) - 1:
        raise ValueError(axis.key)
    return places[0] - 0.5, places[-1] + 0.5


def _numbers(axis: Axis, texts: Sequence[str]) -> Range:
    low, high = (_number(text, axis) if text else bound for text, bound in zip(texts, axis.bounds, strict=True))
    if low > high:
        raise ValueError(axis.key)
    return low, high


def _number(text: str, axis: Axis) -> float:
    try:
        return float(text)
    except ValueError:
        value, sound = QLocale().toDouble(text)
        if not sound:
            raise ValueError(axis.key) from None
        return value
