"""The window's first paint, and its rows on the screen, beside a bare window of PySide6.

    python -m tests.benchmarks.painting bare
    python -m tests.benchmarks.painting real WORKSPACE

shows one without a screen, prints as JSON when what was painted (nanoseconds of the monotonic clock) and the memory,
and ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.benchmarks.cases import Case, at_most, within
from tests.benchmarks.measure import ROOT, peak_memory
from tests.benchmarks.place import Place

BARE = "bare PySide6 window"
TIMES = 5
PATIENCE_MS = 60_000


@contextmanager
def cases(place: Place) -> Iterator[list[Case]]:
    """From the start of the process; settings are kept in a folder of their own, so that each is as the first."""
    folder = place.own("painting")
    bare, real = _Shows(folder, "bare"), _Shows(folder, "real", str(place.catalog))
    what = f"window on a workspace of {place.rows:,} results"
    beside = {BARE: lambda: bare.times("painted")}
    memory = {BARE: lambda: bare.values("memory")}
    at_rest = f"{what}: memory at rest, the chart library loaded"
    yield [
        Case(f"{what}: first paint", lambda: real.times("painted"), beside, within(4, BARE) & at_most(600)),
        Case(f"{what}: the best rows painted", lambda: real.times("rows"), beside, within(4, BARE) & at_most(600)),
        Case(f"{what}: memory then", lambda: real.values("memory"), memory, at_most(150, "MB"), unit="MB"),
        Case(at_rest, lambda: real.values("memory_at_rest"), memory, unit="MB"),
    ]


class _Shows:
    """Some windows of one kind, shown when they are first asked about."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self._arguments = arguments

    @cached_property
    def _found(self) -> list[dict[str, float]]:
        return [self._show(number) for number in range(-1, TIMES)][1:]  # the first warms the disk

    def _show(self, number: int) -> dict[str, float]:
        own = str(self._folder / f"{self._arguments[0]}{number}")
        places = {"XDG_CONFIG_HOME": own, "XDG_DATA_HOME": own, "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, "-m", "tests.benchmarks.painting", *self._arguments]
        start = time.monotonic_ns()
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **places})
        if done.returncode or not done.stdout.strip():
            raise RuntimeError((done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1])
        found = json.loads(done.stdout.strip().splitlines()[-1])
        return {name: value if "memory" in name else (value - start) / 1e6 for name, value in found.items()}

    def times(self, name: str) -> list[float]:
        if any(name not in one for one in self._found):
            raise RuntimeError(f"no rows within {PATIENCE_MS // 1000} s")
        return [one[name] for one in self._found]

    values = times


def show_bare() -> dict[str, Any]:
    """A main window with a label in it, until it is painted."""
    from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

    app = QApplication(["bare"])
    found: dict[str, Any] = {}

    class Window(QMainWindow):
        def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)
            found.setdefault("painted", time.monotonic_ns())
            app.exit()

    window = Window()
    window.setCentralWidget(QLabel("bare"))
    window.resize(1280, 800)
    window.show()
    app.exec()
    return {**found, "memory": peak_memory(children=False)}


def show_real(workspace: Path) -> dict[str, Any]:
    """The application as `python -m gui WORKSPACE` starts it, until its rows are painted and it has come to rest."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    import gui.app

    found: dict[str, Any] = {}

    class Watched(gui.app.MainWindow):
        """The window, and a look at what is painted of it."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._rows = self.catalog.table.viewport()
            self.installEventFilter(self)
            self._rows.installEventFilter(self)
            QTimer.singleShot(PATIENCE_MS, self.close)

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Paint:
                if watched is self:
                    QTimer.singleShot(0, lambda: found.setdefault("painted", time.monotonic_ns()))
                elif watched is self._rows and self.catalog.model.rowCount() and "rows" not in found:
                    found["rows"] = 0
                    QTimer.singleShot(0, self._painted)
            return False

        def _painted(self) -> None:
            found["rows"] = time.monotonic_ns()
            found["memory"] = peak_memory(children=False)
            self._end_at_rest()

        def _end_at_rest(self, calm: int = 0) -> None:
            """End when nothing has been at work five times in a row."""
            calm = calm + 1 if self.tasks.idle else 0
            QTimer.singleShot(50, self.close if calm == 5 else lambda: self._end_at_rest(calm))

    gui.app.MainWindow = Watched  # type: ignore[misc]
    gui.app.run_app(workspace)
    return {**found, "memory_at_rest": peak_memory(children=False)}


def main() -> int:
    """Show the window that is asked for and print what was found."""
    found = show_bare() if sys.argv[1] == "bare" else show_real(Path(sys.argv[2]))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
