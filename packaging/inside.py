"""Goes through the window from inside, for packaging/smoke.py and packaging/start_up.py.

    runshelf-inside packaging/inside.py paint WORKSPACE
    runshelf-inside packaging/inside.py use WORKSPACE DATA GRID FOLDER

`runshelf-inside` runs this in the bundle, Python runs it in the source tree. `paint` prints as JSON when the window was
painted first (nanoseconds of the monotonic clock) and which heavy libraries were loaded by then. `use` trains as the
window does, cancels a training, looks at the charts, exports and reports into FOLDER; it prints a sentence for each and
ends with 1 at the first that does not come true.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

import gui.app
import gui.window
from gui.dialogs.messages import RecordDialog
from gui.window import MainWindow

HEAVY = ("pandas", "sklearn", "scipy", "matplotlib", "pyarrow.dataset", "pyqtgraph")
PATIENCE = 300.0  # seconds for one step, also on a machine that is busy
LOOK_MS = 20
Steps = Iterator[tuple[str, Callable[[], bool]]]


class Painted(MainWindow):
    """The window, which closes once it is painted and what it loads afterwards is loaded."""

    found: dict[str, Any] = {}  # noqa: RUF012 - of the one window there is

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.installEventFilter(self)
        QTimer.singleShot(int(PATIENCE * 1000), self.close)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint and watched is self and not self.found:
            self.found["loaded"] = [name for name in HEAVY if name in sys.modules]
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.found["painted"] = time.monotonic_ns()
        self._end_at_rest()

    def _end_at_rest(self, calm: int = 0) -> None:
        calm = calm + 1 if self.tasks.idle else 0
        QTimer.singleShot(LOOK_MS, self.close if calm == 5 else lambda: self._end_at_rest(calm))


class User:
    """Takes one step after the other in the window, each when the one before came true."""

    def __init__(self, application: QApplication, steps: Callable[[MainWindow], Steps]) -> None:
        self._application = application
        self._make_steps = steps
        self._window: MainWindow | None = None
        self._steps: Steps = iter(())
        self._wish: tuple[str, Callable[[], bool]] = ("the window opens", lambda: self._window is not None)
        self._since = time.monotonic()
        self.done = False
        self._clock = QTimer()
        self._clock.timeout.connect(self._look)
        self._clock.start(LOOK_MS)

    def _look(self) -> None:
        sentence, holds = self._wish
        try:
            self._find_window()
            if holds():
                print(f"{sentence} ({time.monotonic() - self._since:.1f} s)", flush=True)
                self._go_on()
            elif time.monotonic() - self._since > PATIENCE:
                self._fail(f"within {PATIENCE:.0f} s")
        except Exception as error:  # whatever it is, it ends here with the step it was met at
            self._fail(repr(error))

    def _find_window(self) -> None:
        if self._window is None:
            windows = (one for one in self._application.topLevelWidgets() if isinstance(one, MainWindow))
            self._window = next(windows, None)
            if self._window is not None:
                self._steps = self._make_steps(self._window)

    def _go_on(self) -> None:
        self._since = time.monotonic()
        wish = next(self._steps, None)
        if wish is not None:
            self._wish = wish
            return
        self.done = True
        self._clock.stop()
        if self._window is not None:
            self._window.close()

    def _fail(self, why: str) -> None:
        print(f"It did not come true that {self._wish[0]}: {why}", flush=True)
        self._clock.stop()
        if self._window is None:
            self._application.exit(1)
        else:
            self._window.leave()


def paint(workspace: Path) -> int:
    """Show the window until it is painted; print when that was, and what was loaded by then."""
    vars(gui.app)["MainWindow"] = Painted
    code = gui.app.run_app(workspace)
    print(json.dumps(Painted.found), flush=True)
    return code


def use(workspace: Path, data: Path, grid: Path, folder: Path) -> int:
    """Open the workspace in a window and go through what people do with it."""
    application = QApplication(["runshelf"])
    user = User(application, lambda window: steps(window, workspace, data, grid, folder))
    code = gui.app.run_app(workspace)
    return code if user.done else 1


def steps(window: MainWindow, workspace: Path, data: Path, grid: Path, folder: Path) -> Steps:
    """What is done, and after each what should come true."""
    yield from _train(window, workspace, data, grid)
    yield from _look_at_charts(window, folder / "window.png")
    yield from _take_away(window, workspace, folder)
    window.check(deep=True)
    yield "a deep check ends", lambda: window.tasks.idle and not window.jobs.busy()
    window.show_about()
    yield "the versions are told", lambda: any(one.isVisible() for one in window.findChildren(RecordDialog))


def _train(window: MainWindow, workspace: Path, data: Path, grid: Path) -> Steps:
    from storage import RunRequest

    rows = window.catalog.model
    yield "the results of the workspace are listed", lambda: rows.rowCount() > 0
    before = rows.rowCount()
    wanted = RunRequest(data=data, target=["protein"], pipelines=[grid], run_name="window", jobs=2, again=True)
    training = window.jobs.train(workspace, wanted)
    yield "the window trains pipelines in a child process", lambda: training.state == "completed"
    yield "what was trained is listed", lambda: rows.rowCount() > before
    again = wanted.model_copy(update={"run_name": "cancelled", "jobs": 1})
    stopped = window.jobs.train(workspace, again)
    yield "another training makes progress", lambda: stopped.done > 0
    window.jobs.cancel(stopped)
    yield "the training that was cancelled ends as cancelled", lambda: stopped.state == "cancelled"


def _look_at_charts(window: MainWindow, picture: Path) -> Steps:
    window.catalog.table.selectRow(0)
    yield "the charts of the details are made", lambda: window.details.charts is not None and window.tasks.idle
    window.centre.toggle_explore()
    for number in range(window.details.tabs.count()):
        window.details.tabs.setCurrentIndex(number)
        yield f"page {number + 1} of the details is drawn", lambda: window.tasks.idle
    yield "the charts of all results are drawn", lambda: window.tasks.idle
    window.grab().save(str(picture))
    yield "a picture of the window has many colours", lambda: _colours(picture) > 100


def _take_away(window: MainWindow, workspace: Path, folder: Path) -> Steps:
    from gui.exports import ExportRequest
    from gui.reporting import Subject

    for name in ("rows.parquet", "rows.csv"):
        job = window.jobs.export(workspace, ExportRequest(folder / name, "", "-created_at", ()))
        yield f"{name} is exported", lambda job=job: job.state == "completed"  # type: ignore[misc]
    window.pipelines.reporting.write((Subject("dataset", "barley"),))
    report = window.jobs.jobs[0]
    yield "a report of the dataset is written", lambda: report.state == "completed"


def _colours(picture: Path) -> int:
    """How many colours a picture has, every other point looked at; one that is not drawn has few."""
    image = QImage(str(picture))
    return len({image.pixel(x, y) for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)})


def main(arguments: list[str]) -> int:
    """Do what is asked for."""
    verb, *places = arguments
    return paint(*map(Path, places)) if verb == "paint" else use(*map(Path, places))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
