"""The application as a process of its own, with a script that looks at it from inside while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# `look()` is called again and again while the application runs; a script that never ends fails instead of hanging.
DRIVER = """
import os, signal, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from gui import app
from gui.dialogs.messages import ErrorDialog, RecordDialog
from gui.window import MainWindow

application = QApplication([])
state = {{}}

def window():
    return next((widget for widget in application.topLevelWidgets() if isinstance(widget, MainWindow)), None)

def say(*words):
    print(*words, flush=True)

def look():
    shown = window()
    if shown is None:
        return
{look}
    if not shown.isVisible():
        clock.stop()  # the script closed it; what it says is said once

clock = QTimer()
clock.timeout.connect(look)
clock.start(20)
QTimer.singleShot(int(os.environ.get("RUNSHELF_LONGEST", 60_000)), lambda: os._exit(3))
sys.exit(app.main(sys.argv[1:]))
"""


class Starter:
    """Starts the application with settings, data and caches of its own below `folder`."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.folder = folder
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
        own = {name: str(folder / name) for name in names}
        own |= {"XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(REPOSITORY), "QT_QPA_PLATFORM": "offscreen"}
        self.environment = {**os.environ, **own}

    def run(self, look: str, *arguments: str) -> str:
        """Run it to its end; return what it printed."""
        done = subprocess.run(
            self._command(look, arguments), env=self.environment, capture_output=True, text=True, timeout=90,
            cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def running(self, look: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Have it running; its end is waited for, and brought about if need be."""
        with subprocess.Popen(
            self._command(look, arguments), env=self.environment, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    @property
    def log(self) -> str:
        """What the crash log holds."""
        (file,) = (self.folder / "XDG_DATA_HOME").rglob("crash.log")
        return file.read_text(encoding="utf-8")

    def _command(self, look: str, arguments: tuple[str, ...]) -> list[str]:
        indented = "\n".join(f"    {line}" for line in look.strip("\n").splitlines())
        return [sys.executable, "-c", DRIVER.format(look=indented), *arguments]
