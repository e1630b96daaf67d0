"""Quitting while jobs run: asks once, stops them safely, then closes the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox

from gui.formats import tr

if TYPE_CHECKING:
    from gui.window import MainWindow


class Leaving:
    """The way out of a window. `decided` once somebody chose to stop the jobs and quit."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._question: QMessageBox | None = None
        self.decided = False

    def ask(self) -> None:
        """Ask whether to stop the jobs that run; a second time while the question is open does nothing."""
        if self.decided or self._question is not None:
            return
        busy = self._window.jobs.busy()
        question = QMessageBox(self._window)
        question.setWindowTitle(tr("Quit Runshelf"))
        question.setIcon(QMessageBox.Icon.Question)
        question.setText(tr("A job is running.") if len(busy) == 1 else tr("{n} jobs are running.").format(n=len(busy)))
        kept = ", ".join(dict.fromkeys(job.kept for job in busy if job.kept))
        stops = tr("Quitting stops it") if len(busy) == 1 else tr("Quitting stops them")
        question.setInformativeText(f"{stops}; {kept}." if kept else f"{stops}.")
        stop = question.addButton(tr("Stop and quit"), QMessageBox.ButtonRole.AcceptRole)
        stay = question.addButton(tr("Keep working"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(stay)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._question = question

        def answer() -> None:
            self._question = None
            if question.clickedButton() is stop:
                self.leave()

        question.finished.connect(lambda _: answer())
        question.open()

    def leave(self) -> None:
        """Stop what runs; the window closes when the last job has ended."""
        self.decided = True
        for dialog in self._window.findChildren(QDialog):
            dialog.close()
        if not self._window.jobs.busy():
            self._window.close()
            return
        self._window.notice.say(tr("Stopping what runs, then Runshelf quits…"), stay=True)
        self._window.jobs.cancel_all()
