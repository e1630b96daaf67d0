"""A real window on real workspaces in temporary folders.

A test fails by a Qt warning nobody expected, by a thread or process that outlives its window, and by a file that the
window touches on its own thread. How long the work on that thread takes is noted and told at the end.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QSettings, Qt, QtMsgType
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from pytestqt.wait_signal import SignalBlocker
from shiboken6 import isValid

from gui.settings import Settings
from gui.tasks import Problem
from gui.window import MainWindow
from storage import Workspace
from tests.gui.guards import Watchdog, unwatched, watched_files, workers
from tests.gui.samples import fill
from tests.gui.starting import Starter

LONGEST = pytest.StashKey[list[tuple[float, str]]]()
SLOW = 0.05  # seconds
PATIENCE_MS = 30_000
MOST_TOLD = 10
HARMLESS = tuple(
    f"This plugin does not support {what}" for what in ("propagateSizeHints()", "raise()", "grabbing the keyboard")
)


class PatientBot(QtBot):
    """Waits longer than a busy machine needs: a test that fails for want of time tells nothing."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = PATIENCE_MS) -> None:
        try:
            super().waitUntil(callback, timeout=timeout)
        except TimeoutError as error:
            _tell_state(error)
            raise

    def waitSignal(self, signal: object, *, timeout: int = PATIENCE_MS, **options: object) -> SignalBlocker:
        return super().waitSignal(signal, timeout=timeout, **options)


def _tell_state(error: BaseException) -> None:
    """Add to an error what the windows and the threads were doing: it may be one that comes once in a hundred runs."""
    error.add_note(f"held down: {QGuiApplication.keyboardModifiers()}, {QGuiApplication.mouseButtons()}")
    for window in (one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible()):
        rows = [*window.catalog.table.chosen.rows().ranges()]
        error.add_note(f"selected: {window.selection.current}, rows {rows}; idle: {window.tasks.idle}")
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        error.add_note(file.read())


@pytest.fixture
def qtbot(qapp, request: pytest.FixtureRequest) -> PatientBot:
    return PatientBot(request)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for locks and sockets, whose path is as short as that of a socket must be."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(autouse=True)
def own_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, runtime: Path
) -> None:
    """Caches and settings go to the test's own folder, never to the user's; numbers look the same everywhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    QLocale.setDefault(QLocale("en_US"))
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture(autouse=True)
def keys_released(qapp) -> Iterator[None]:
    """Shift or Ctrl of a simulated click stays down until the next one, and then rows are selected another way."""
    yield
    if QGuiApplication.keyboardModifiers():
        QTest.keyRelease(QWindow(), Qt.Key.Key_Shift)
    assert not QGuiApplication.keyboardModifiers()


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp, qtlog) -> Iterator[None]:
    before = workers()
    with watched_files() as touched:
        yield
    warnings = [record.message for record in qtlog.records if record.type != QtMsgType.QtDebugMsg]
    assert [message for message in warnings if message not in HARMLESS] == []
    assert sorted(workers() - before) == []
    assert touched == [], "The window touched files on its own thread."


@pytest.fixture(autouse=True)
def watchdog(qapp, request: pytest.FixtureRequest) -> Iterator[Watchdog]:
    """Measures what holds the window up. The tests of its pace judge it; of all others the longest are told."""
    dog = Watchdog()
    yield dog
    dog.close()
    request.config.stash.setdefault(LONGEST, []).append((dog.longest, request.node.nodeid))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the main paths out where there is no real window to see them in."""
    if os.environ["QT_QPA_PLATFORM"].startswith(("offscreen", "minimal")):
        left_out = [item for item in items if item.get_closest_marker("window")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    slow = sorted((entry for entry in config.stash.get(LONGEST, []) if entry[0] > SLOW), reverse=True)
    if slow:
        terminalreporter.section(f"the window's thread was busy for more than {SLOW * 1000:.0f} ms at a time")
        for seconds, test in slow[:MOST_TOLD]:
            terminalreporter.line(f"{seconds * 1000:6.0f} ms  {test}")
        if len(slow) > MOST_TOLD:
            terminalreporter.line(f"… and in {len(slow) - MOST_TOLD} more tests")


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
    with unwatched():
        return shutil.copytree(filled, tmp_path / "workspace", copy_function=shutil.copyfile)


@pytest.fixture
def starter(tmp_path: Path, runtime: Path) -> Starter:
    """Starts the application as processes of their own."""
    return Starter(tmp_path, runtime)


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

    def open_one(root: Path | None = None, *, read_only: bool = False) -> MainWindow:
        window = MainWindow(Workspace.open(root, read_only=read_only) if root else None, settings)
        windows.append(window)
        window.tasks.unhandled.connect(problems.append)
        window.show()
        qtbot.waitUntil(lambda: window.details.charts is not None)
        if root is not None:
            qtbot.waitUntil(lambda: window.catalog.model.listing is not None and window.tree.model.rowCount() > 0)
        return window

    yield open_one
    for window in windows:
        for job in window.jobs.busy():
            window.jobs.cancel(job)
        qtbot.waitUntil(lambda window=window: not window.jobs.busy())
        window.close()
        window.deleteLater()
    # Now and not in the next test, whose window would find a thousand widgets to be dressed beside its own.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not any(isValid(window) for window in windows)


@pytest.fixture
def window(open_window: Callable[..., MainWindow], root: Path) -> MainWindow:
    """A window on the filled workspace."""
    return open_window(root)
