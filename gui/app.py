"""The application around the window: look, settings, crash log, and what to open first."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import signal
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLibraryInfo, QLocale, QStandardPaths, QTranslator
from PySide6.QtWidgets import QApplication

from gui.settings import Settings
from gui.tasks import problem_from
from gui.theme import application_icon, theme
from gui.window import MainWindow

LOG = logging.getLogger("runshelf.window")
CRASH_LOG = "crash.log"


def main(argv: Sequence[str]) -> int:
    """Open the window as the command line asks; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gui", description="Open the Runshelf window.")
    parser.add_argument("workspace", nargs="?", type=Path, help="the workspace to open; without it, the last one")
    return run_app(parser.parse_args(list(argv)).workspace)


def run_app(path: Path | None) -> int:
    """Show the window on the workspace at `path`, else on the last one, until it is closed."""
    app = _application()
    settings = Settings()
    keep_crash_log()
    window = MainWindow(settings=settings)
    sys.excepthook = _tell_crash(window)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    window.show()
    wanted = path or (Path(settings.reopen) if settings.reopen else None)
    if wanted is not None:
        window.open_workspace(wanted.absolute())
    return app.exec()


def _application() -> QApplication:
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["runshelf"])
    app.setApplicationName("Runshelf")
    app.setOrganizationName("Runshelf")
    app.setDesktopFileName("runshelf")
    app.setWindowIcon(application_icon())
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(QLocale(), "qtbase", "_", folder):  # the dialogs Qt brings
        app.installTranslator(translator)
    theme()
    return app


def keep_crash_log() -> Path:
    """Write crashes, also those of native code, to a file in the user's data folder; return its path."""
    place = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)) / CRASH_LOG
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(place, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except OSError:
        faulthandler.enable()
        return place  # without a log the window still works
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    if handler.stream is not None:
        faulthandler.enable(handler.stream)
    return place


class _tell_crash:  # noqa: N801 - used as a function with a window in it
    """Log an unexpected exception and show it; the window lives on."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._window.close()
            return
        LOG.critical("unexpected", exc_info=(kind, error, trace))
        sys.__excepthook__(kind, error, trace)
        self._window.tell(problem_from(error))
