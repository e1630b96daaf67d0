"""A real window on real workspaces in temporary folders.

A Qt warning nobody expected fails the test, and so does a thread of ours that outlives its window.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QLocale, QSettings, QtMsgType

from gui.settings import Settings
from gui.tasks import Problem
from gui.window import MainWindow
from storage import Workspace
from tests.gui.samples import fill

HARMLESS = tuple(
    f"This plugin does not support {what}" for what in ("propagateSizeHints()", "raise()", "grabbing the keyboard")
)


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Caches and settings go to the test's own folder, never to the user's; numbers look the same everywhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    QLocale.setDefault(QLocale("en_US"))
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(autouse=True)
def nothing_left_behind(qtlog) -> Iterator[None]:
    yield
    warnings = [record.message for record in qtlog.records if record.type != QtMsgType.QtDebugMsg]
    assert [message for message in warnings if message not in HARMLESS] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("runshelf")] == []


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two runs, made once; tests get copies."""
    root = tmp_path_factory.mktemp("made") / "workspace"
    with Workspace.create(root) as workspace:
        fill(workspace, "corn", 30)
        fill(workspace, "wheat", 10, name="second", failing=True)
    return root


@pytest.fixture
def root(filled: Path, tmp_path: Path) -> Path:
    """A workspace of 41 pipelines, one of them failed, that a test may change."""
    return shutil.copytree(filled, tmp_path / "workspace")


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def problems() -> list[Problem]:
    """What the window told of during the test."""
    return []


@pytest.fixture
def open_window(qtbot, settings: Settings, problems: list[Problem]) -> Iterator[Callable[..., MainWindow]]:
    """Open a window, on a workspace if one is given, and wait until it shows everything; closed at the end."""
    windows: list[MainWindow] = []

    def open_one(root: Path | None = None) -> MainWindow:
        window = MainWindow(Workspace.open(root) if root else None, settings)
        windows.append(window)
        window.tasks.unhandled.connect(problems.append)
        window.show()
        qtbot.waitUntil(lambda: window.details.charts is not None, timeout=10_000)
        if root is not None:
            qtbot.waitUntil(lambda: window.catalog.model.listing is not None and window.tree.model.rowCount() > 0)
        return window

    yield open_one
    for window in windows:
        for job in window.jobs.busy():
            window.jobs.cancel(job)
        qtbot.waitUntil(lambda window=window: not window.jobs.busy(), timeout=20_000)
        window.close()
        window.deleteLater()


@pytest.fixture
def window(open_window: Callable[..., MainWindow], root: Path) -> MainWindow:
    """A window on the filled workspace."""
    return open_window(root)
