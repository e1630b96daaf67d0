"""Make the pictures of the documentation: every part of the window, light and dark, at scale 1 and a few at scale 2.

    python docs/make_screenshots.py WORKSPACE [--folder FOLDER] [--only NAME ...] [--scale 1 2]

Needs a display; `xvfb-run -a` provides one where there is none. The pictures go to docs/images/. The workspace is
copied first, so that nothing in it changes. A new picture is one more function below `scene`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QBuffer, QEvent, QEventLoop, QItemSelectionModel, QSettings, QSize, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QDialog, QWidget

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = str(Path(__file__).resolve())
sys.path.insert(0, str(ROOT))

from gui.settings import Settings  # noqa: E402
from gui.tasks import Problem  # noqa: E402
from gui.theme import Choice, theme  # noqa: E402
from gui.window import MainWindow  # noqa: E402
from storage import Workspace  # noqa: E402

DATA = Path("demo") / "data" / "fermentation.csv"  # as it shall be read in the pictures
SIZE, LARGE = QSize(1280, 800), QSize(1920, 1080)
PATIENCE_MS = 60_000
CALM_MS = 250  # nothing was painted for so long: it has come to rest
COLOURS, COLOURS_KEPT = 256, 64  # of a picture, and how many of them exactly; more only make it larger


class Stage:
    """A window on the workspace, and ways to wait until it shows something."""

    def __init__(self, app: QApplication, root: Path, window: MainWindow, size: QSize) -> None:
        self.app, self.root, self.window = app, root, window
        window.resize(size)
        window.show()

    def open(self) -> None:
        """Open the workspace and wait until its results are listed."""
        self.window.open_workspace(self.root)
        self.wait(lambda: self.window.catalog.model.rowCount() > 0 and self.window.details.charts is not None)

    def select(self, *rows: int) -> None:
        """Select rows of the catalog and wait for their details."""
        table = self.window.catalog.table
        table.selectRow(rows[0])
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row in rows[1:]:
            table.selectionModel().select(table.model().index(row, 0), flags)
        self.rest()

    def query(self, text: str) -> None:
        """Filter the catalog."""
        self.window.query.put(text)
        self.rest()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Let the window work until it is `ready`; gives up with an error after a minute."""
        late: list[bool] = []
        QTimer.singleShot(PATIENCE_MS, lambda: late.append(True))
        while not ready():
            if late:
                raise SystemExit("The window did not get ready.")
            self.app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)

    def rest(self) -> None:
        """Wait until nothing is being worked on and nothing has been painted for a moment."""
        watcher = _Painted(self.app)
        self.wait(lambda: self.window.tasks.idle and not self.window.jobs.busy() and watcher.calm)
        self.app.removeEventFilter(watcher)

    def dialog(self) -> QDialog:
        """Return the dialog that is shown, when it has come to rest."""
        self.wait(lambda: any(one.isVisible() for one in self.window.findChildren(QDialog)))
        self.rest()
        return next(one for one in self.window.findChildren(QDialog) if one.isVisible())


class _Painted(QTimer):
    """Becomes `calm` when nothing was painted for a moment."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.calm = False
        self.setSingleShot(True)
        self.setInterval(CALM_MS)
        self.timeout.connect(self._settle)
        app.installEventFilter(self)
        self.start()

    def _settle(self) -> None:
        self.calm = True

    def eventFilter(self, watched: object, event: QEvent) -> bool:  # noqa: N802 - Qt's own name
        if event.type() == QEvent.Type.Paint:
            self.calm = False
            self.start()
        return False


@dataclass(frozen=True)
class Scene:
    """What a picture shows: `show` brings it about and returns the widget to be drawn."""

    name: str
    show: Callable[[Stage], QWidget]
    size: QSize
    scales: tuple[int, ...]


SCENES: list[Scene] = []


def scene(size: QSize = SIZE, scales: tuple[int, ...] = (1,)) -> Callable[[Callable[[Stage], QWidget]], object]:
    """Add a function as a scene; it is drawn at these scales."""

    def add(show: Callable[[Stage], QWidget]) -> object:
        SCENES.append(Scene(show.__name__.replace("_", "-"), show, size, scales))
        return show

    return add


# ---------------------------------------------------------------- the scenes


@scene(scales=(1, 2))
def window(stage: Stage) -> QWidget:
    with Workspace.open(stage.root) as workspace:
        best = workspace.catalog.ids_of(workspace.catalog.keys("", "val_rmse", limit=3))
        workspace.catalog.annotate(best[1:], stars=1)
    stage.open()
    stage.select(0)
    return stage.window


@scene(size=LARGE)
def window_large(stage: Stage) -> QWidget:
    stage.open()
    stage.window.centre.toggle_explore()
    stage.select(0)
    return stage.window


@scene()
def welcome(stage: Stage) -> QWidget:
    stage.window.settings.recent = [str(stage.root), str(stage.root.with_name("wheat-2025"))]
    stage.window.show_workspace()
    stage.rest()
    return stage.window


@scene()
def nothing_yet(stage: Stage) -> QWidget:
    stage.window.open_workspace(stage.root.with_name("my-workspace"), create=True)
    stage.wait(lambda: stage.window.session.workspace is not None)
    stage.rest()
    return stage.window


@scene()
def no_match(stage: Stage) -> QWidget:
    stage.open()
    stage.query("test_rmse < 0.00001")
    return stage.window


@scene(scales=(1, 2))
def compare(stage: Stage) -> QWidget:
    stage.open()
    stage.select(0, 3, 8)
    stage.window.compare_chosen()
    stage.rest()
    return stage.window


@scene()
def explore(stage: Stage) -> QWidget:
    stage.open()
    stage.window.centre.toggle_explore()
    stage.select(0)
    return stage.window


@scene()
def library(stage: Stage) -> QWidget:
    stage.open()
    stage.select(0)
    picked = stage.window.selection.current
    if picked is not None:
        with Workspace.open(stage.root) as workspace:
            workspace.library.save_template((picked.run_id, picked.pipeline_id), "first choice", "The best so far")
            workspace.library.save_pipeline(picked.run_id, picked.pipeline_id, "for the plant", "Checked by two people")
    stage.window.rescan()
    stage.window.show_pane(5)
    stage.rest()
    return stage.window


@scene()
def health(stage: Stage) -> QWidget:
    stage.open()
    stage.window.check()
    stage.wait(lambda: bool(stage.window.jobs.jobs) and not stage.window.jobs.busy())
    stage.rest()
    return stage.window


@scene()
def jobs(stage: Stage) -> QWidget:
    from storage import RunRequest, shipped_configs

    stage.open()
    stage.window.show_pane(4)
    wanted = next(path for path in shipped_configs() if path.stem == "regression-pls")
    job = stage.window.jobs.train(stage.root, RunRequest(data=DATA, target=[first_target(DATA)], pipelines=[wanted]))
    stage.wait(lambda: job.done >= 5 or job.over)
    stage.app.processEvents()
    return stage.window


@scene()
def new_run(stage: Stage) -> QWidget:
    stage.open()
    stage.window.new_run(DATA)
    return stage.dialog()


@scene()
def palette(stage: Stage) -> QWidget:
    stage.open()
    stage.window.settings.recent_commands = ["Keys", "Rescan"]
    stage.window.show_commands()
    return stage.dialog()


@scene()
def keys(stage: Stage) -> QWidget:
    stage.open()
    stage.window.show_keys()
    return stage.dialog()


@scene()
def error(stage: Stage) -> QWidget:
    stage.window.tell(
        Problem(
            "Could not save corn-best: the disk is full.", "Free 12 MB and try again.", "[Errno 28] No space", "known"
        )
    )
    return stage.dialog()


def first_target(data: Path) -> str:
    """Name the column of a data file that Runshelf itself would propose as the target."""
    from storage import preview_data

    return str(preview_data(data).target)


# ---------------------------------------------------------------- taking them


def main(arguments: list[str]) -> int:
    """Take the pictures, each scale in a process of its own; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", nargs="+", default=[], help="names of scenes")
    parser.add_argument("--scale", nargs="+", default=["1", "2"])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # this is the process of one scale
    asked = parser.parse_args(arguments)
    asked.workspace, asked.folder = asked.workspace.absolute(), asked.folder.absolute()
    os.chdir(ROOT)
    for needed in (asked.workspace, DATA):
        if not needed.exists():
            parser.error(f"{needed} is not there; start.py makes the demo")
    if not asked.here:
        codes = [
            subprocess.run(
                [
                    sys.executable,
                    SCRIPT,
                    str(asked.workspace),
                    "--folder",
                    str(asked.folder),
                    "--here",
                    "--scale",
                    scale,
                    *(["--only", *asked.only] if asked.only else []),
                ],
                env={**os.environ, "QT_SCALE_FACTOR": scale, "QT_LOGGING_RULES": "qt.qpa.*=false"},
            ).returncode
            for scale in asked.scale
        ]
        return max(codes)
    asked.folder.mkdir(parents=True, exist_ok=True)
    scale = float(asked.scale[0])
    app = QApplication(["runshelf"])
    app.setCursorFlashTime(0)
    for one in SCENES:
        if (asked.only and one.name not in asked.only) or (not asked.only and scale not in one.scales):
            continue
        for choice in ("light", "dark"):
            with stage_for(app, asked.workspace, choice, one.size) as stage:
                mark = "" if scale == 1 else f"@{scale:g}x"
                path = asked.folder / f"{one.name}-{choice}{mark}.png"
                shown = one.show(stage)
                save(shown.grab(), path)
                print(f"{path.name}: {path.stat().st_size // 1024} KB", flush=True)
    return 0


@contextmanager
def stage_for(app: QApplication, workspace: Path, choice: Choice, size: QSize) -> Iterator[Stage]:
    """Have a window on a copy of the workspace, with settings of its own, and close it at the end."""
    with tempfile.TemporaryDirectory() as place:  # the user's own settings are neither read nor written
        os.environ["HOME"] = os.environ["USERPROFILE"] = place  # paths are shown as "~/…"
        root = shutil.copytree(workspace, Path(place) / workspace.name)
        Workspace.open(root).close()  # an index of another version is made anew now, and not told of in the pictures
        settings = Settings(QSettings(str(Path(place) / "settings.ini"), QSettings.Format.IniFormat))
        settings.theme = choice
        theme().choose(choice)
        window = MainWindow(settings=settings)
        stage = Stage(app, root, window, size)
        yield stage
        for dialog in window.findChildren(QDialog):
            dialog.close()
        window.jobs.cancel_all()
        stage.wait(lambda: not window.jobs.busy())
        window.close()
        window.deleteLater()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def save(pixmap: QPixmap, path: Path) -> None:
    """Write a picture with few colours, which is a third of its size and looks the same.

    The most frequent colours stay as they are; of the others there are those that lie closest to all.
    """
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    picture = Image.open(BytesIO(bytes(buffer.data().data()))).convert("RGB")
    counts = picture.getcolors(picture.width * picture.height) or []
    frequent = [colour for _, colour in sorted(counts, reverse=True)[:COLOURS_KEPT]]
    near = picture.quantize(COLOURS - len(frequent), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    places = np.asarray(near) + np.uint8(len(frequent))
    pixels = np.asarray(picture)
    for place, colour in enumerate(frequent):
        places[(pixels == colour).all(axis=2)] = place
    few = Image.fromarray(places, "P")
    few.putpalette([part for colour in frequent for part in colour] + (near.getpalette() or []))
    few.save(path, optimize=True)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))
