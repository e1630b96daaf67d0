"""What lies elsewhere of a pipeline: that it was thinned or archived, with the ways back and there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.formats import full_time_text, tr
from gui.theme import GRID, theme

if TYPE_CHECKING:
    from storage import Archive, PipelineDetails


class CopiesLine(QWidget):
    """Hidden where there are no copies. `back_wanted` carries run and pipeline, `folder_wanted` a folder."""

    back_wanted = Signal(str, str)
    folder_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._run, self._pipeline = "", ""
        self._folder: Path | None = None
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAccessibleName(tr("Where copies of it lie"))
        self.back = QPushButton(tr("Bring back…"))
        self.back.clicked.connect(lambda: self.back_wanted.emit(self._run, self._pipeline))
        self.open = QPushButton(tr("Open archive"))
        theme().dress(self.open, "open")
        self.open.clicked.connect(lambda: self.folder_wanted.emit(str(self._folder)))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self.back, self.open):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.words)
        layout.addLayout(row)
        self.hide()

    def show_copies(self, details: PipelineDetails, archives: Sequence[Archive], *, may_write: bool) -> None:
        """Show what was thinned away of a pipeline, and its archives."""
        self._run, self._pipeline = details.run_id, details.pipeline_id
        thinned = _thinned(details)
        there = details.archive if thinned is not None else None
        self._folder = there or next((one.path for one in archives if one.path != there), None)
        words = copies_words(details, archives)
        self.words.setText(words)
        self.back.setVisible(thinned is not None)
        self.back.setEnabled(may_write and there is not None)
        self.back.setToolTip(_back_tip(may_write, there is not None))
        self.open.setVisible(self._folder is not None)
        self.open.setToolTip(str(self._folder or ""))
        self.setVisible(bool(words))


def copies_words(details: PipelineDetails, archives: Sequence[Archive]) -> str:
    """Say that a pipeline was thinned or archived, and where its copies lie; nothing where it was neither."""
    thinned, lines = _thinned(details), []
    others = [one for one in archives if thinned is None or one.path != details.archive]
    if thinned is not None:
        words = tr("Thinned {when}: its predictions, charts and fitted steps lie in {place}.")
        lines.append(words.format(when=full_time_text(thinned.at), place=thinned.archive))
    if others:
        kinds = ", ".join(dict.fromkeys(kind_title(one.kind) for one in others))
        lines.append(tr("Archived: {kinds}.").format(kinds=kinds))
    return "\n".join(lines)


def copies_word(details: PipelineDetails, archives: Sequence[Archive]) -> str:
    """Say the same in a word."""
    return tr("thinned") if _thinned(details) is not None else tr("archived") if archives else ""


def _thinned(details: PipelineDetails) -> Any:
    """Return the record of its thinning, None where it has all it had."""
    return details.pipeline.thinned if details.pipeline is not None and not details.deleted else None


def kind_title(kind: str) -> str:
    """Call a kind of archive."""
    return {
        "filtered": tr("configuration and metrics"), "pipeline": tr("the whole pipeline"),
        "best_predictions": tr("predictions"),
    }[kind]  # fmt: skip


def _back_tip(may_write: bool, there: bool) -> str:
    if not may_write:
        return tr("The workspace is open for reading only.")
    if not there:
        return tr("The copy is not there any more. Bring that back first.")
    return tr("Put back what it had; what will be done is shown first")
