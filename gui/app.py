"""The application around the window: look, settings, crash log, and what to open first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

import resources
from gui.crash import LOG, CrashLog, Signals, crash_folder, record_everything
from gui.one_window import raise_other
from gui.settings import Settings
from gui.tasks import problem_from
from gui.theme import application_icon, theme
from gui.welcome import WORKSPACE_FILE
from gui.window import MainWindow
from storage import VERSION


def main(argv: Sequence[str]) -> int:
    """Open the window as the command line asks; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="runshelf" if getattr(sys, "frozen", False) else "python -m gui", description="Open the Runshelf window."
    )
    parser.add_argument("workspace", nargs="?", type=Path, help="the workspace to open; without it, the last one")
    parser.add_argument("--version", action="version", version=f"runshelf {VERSION}")
    parser.add_argument("--install-desktop", action="store_true", help="put it among the programs of a Linux desktop")
    parser.add_argument("--uninstall-desktop", action="store_true", help="take it away again")
    wanted = parser.parse_args(list(argv))
    if wanted.install_desktop or wanted.uninstall_desktop:
        return _change_desktop(install=wanted.install_desktop)
    return run_app(wanted.workspace)


def _change_desktop(*, install: bool) -> int:
    from storage import StorageError, install_desktop, uninstall_desktop

    try:
        for file in install_desktop() if install else uninstall_desktop():
            print(file)
    except StorageError as error:
        print(f"{error.what} {error.advice}", file=sys.stderr)
        return error.exit_code
    return 0


def workspace_folder(path: Path) -> Path:
    """Return the workspace that is meant: its folder, also where its document was opened or dropped."""
    return path.absolute().parent if path.name == WORKSPACE_FILE else path


def run_app(path: Path | None) -> int:
    """Show the window on the workspace at `path`, else on the last one, until it is closed.

    If another window has that workspace, it comes to the front instead.
    """
    path = workspace_folder(path) if path is not None else None
    app = _application()
    settings = Settings()
    wanted = path or (Path(settings.reopen) if settings.reopen else None)
    if wanted is not None and raise_other(wanted):
        return 0
    log = CrashLog(crash_folder())
    crash = log.open()
    record_everything()
    window = MainWindow(settings=settings)
    sys.excepthook = _tell_crash(window)
    signals = Signals(app)
    signals.interrupted.connect(window.close)
    signals.terminated.connect(window.leave)
    window.show()
    if crash is not None:
        window.offer_crash(crash)
    if wanted is not None:
        window.opening.at_start(wanted.absolute(), named=path is not None)
    code = app.exec()
    signals.close()
    qInstallMessageHandler(None)
    log.close()
    return code


def _application() -> QApplication:
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["runshelf"])
    app.setApplicationName("Runshelf")
    app.setOrganizationName("Runshelf")
    app.setDesktopFileName("runshelf")
    app.setWindowIcon(application_icon())
    QLocale.setDefault(locale_for_people(QLocale()))
    translate(app, QLocale())
    theme()
    return app


def locale_for_people(locale: QLocale) -> QLocale:
    """Return the locale to write numbers in; that of C, which groups no digits, is for programs."""
    spoken = locale.language() != QLocale.Language.C
    return locale if spoken else QLocale(QLocale.Language.English, QLocale.Country.UnitedStates)


def translate(app: QApplication, locale: QLocale, folder: str = "") -> bool:
    """Show the texts in the language of `locale`; return whether Runshelf's own texts are there in it.

    They are looked for in `folder`, else among the translations that ship with Runshelf.
    """
    own, qt = QTranslator(app), QTranslator(app)
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(qt)  # the dialogs Qt brings
    if not own.load(locale, "runshelf", "_", folder or str(resources.path("translations"))):
        return False
    return app.installTranslator(own)


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
