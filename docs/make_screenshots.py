"""Make the pictures of the documentation: the window on a workspace, light and dark, 1280 × 800.

    python docs/make_screenshots.py WORKSPACE [FOLDER]

Needs a display; `xvfb-run -a` provides one where there is none. The pictures go to docs/images/.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, QTimer
from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gui.settings import Settings  # noqa: E402
from gui.theme import Choice, theme  # noqa: E402
from gui.window import MainWindow  # noqa: E402

SIZE = QSize(1280, 800)
PATIENCE_MS = 20_000


def main(arguments: list[str]) -> int:
    """Take both pictures; returns the exit code."""
    if not arguments:
        print(__doc__)
        return 2
    folder = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(["runshelf"])
    with tempfile.TemporaryDirectory() as place:  # the user's own settings are neither read nor written
        store = QSettings(str(Path(place) / "settings.ini"), QSettings.Format.IniFormat)
        window = MainWindow(settings=Settings(store))
        window.resize(SIZE)
        window.show()
        window.open_workspace(Path(arguments[0]).absolute())
        wait_until(app, lambda: window.catalog.model.rowCount() > 0 and window.details.charts is not None)
        window.catalog.table.selectRow(0)
        wait_until(app, lambda: window.details.details is not None)
        choices: tuple[Choice, ...] = ("light", "dark")
        for choice in choices:
            theme().choose(choice)
            settle(app)
            window.grab().save(str(folder / f"window-{choice}.png"))
            print(folder / f"window-{choice}.png")
        window.close()
    return 0


def wait_until(app: QApplication, ready: Callable[[], bool]) -> None:
    """Let the window work until `ready`; gives up with an error after twenty seconds."""
    late: list[bool] = []
    QTimer.singleShot(PATIENCE_MS, lambda: late.append(True))
    while not ready():
        if late:
            raise SystemExit("The window did not get ready.")
        app.processEvents()


def settle(app: QApplication, milliseconds: int = 600) -> None:
    """Let layouts and repaints come to rest."""
    over: list[bool] = []
    QTimer.singleShot(milliseconds, lambda: over.append(True))
    while not over:
        app.processEvents()


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))
