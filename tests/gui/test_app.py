"""The application as a program of its own."""

import subprocess
import sys

import pytest

from storage import Workspace
from tests.gui.samples import write_config, write_data

SAY_WHAT_IS_OPEN = """
if shown.details.details is not None:
    say(shown.windowTitle(), shown.catalog.model.rowCount(), shown.details.details.problems)
    shown.close()
elif shown.catalog.model.rowCount() and not shown.selection.current:
    shown.catalog.table.selectRow(0)
"""
FAIL = """
told = shown.findChild(ErrorDialog)
if told is None:
    raise ZeroDivisionError("a fault of ours")
say(told.problem.kind)
told.close()
shown.close()
"""
CRASH = """
import faulthandler
if shown.catalog.model.rowCount():
    faulthandler._sigsegv()
"""
KILL = """
if shown.catalog.model.rowCount():
    os.kill(os.getpid(), signal.SIGKILL)
"""
SAY_THE_OFFER = """
text = shown.crash_notice.text()
dialog = shown.findChild(RecordDialog)
if text and dialog is None and not state:
    state["asked"] = True
    say(text)
    shown.crash_notice._act.click()
elif dialog is not None and dialog.isVisible():
    say("record:", dialog.text())
    dialog.close()
    shown.close()
elif shown.session.workspace is not None and not text:
    say("nothing")
    shown.close()
"""
TRAIN_AND_CRASH = """
from pathlib import Path
from storage import RunRequest
if shown.session.workspace is not None and not state:
    where = Path(os.environ["TRAINED_IN"])
    request = RunRequest(data=where / "barley.csv", target=["protein"], test_size=0.25, charts=False,
                         pipelines=[where / "ridges.json"], again=True)
    state["job"] = shown.training.start(shown.session.workspace.root, request)
elif state and state["job"].finished:
    os.kill(os.getpid(), signal.SIGKILL)
"""
RUN_THE_REST = """
notice, jobs = shown.crash_notice, shown.jobs.jobs
if notice.text() and shown.session.workspace is not None and not jobs:
    say(notice.text())
    say(notice._act.text(), "|", notice._also.text())
    notice._act.click()
elif jobs and jobs[0].over:
    say(jobs[0].name, jobs[0].outcome, "skipped" if jobs[0].value.skipped else "from the beginning")
    say("still offered:", notice._act.isHidden(), notice._also.isHidden())
    shown.close()
"""
MAKE_THE_DEMO_AND_CRASH = """
from pathlib import Path
if not state:
    shown.try_demo(Path(os.environ["DEMO_IN"]))
    state["begun"] = True
elif shown.jobs.jobs[0].done >= 3:
    os.kill(os.getpid(), signal.SIGKILL)
"""
GO_ON_WITH_THE_DEMO = """
notice, jobs = shown.crash_notice, shown.jobs.jobs
if notice.text() and not jobs:
    say(notice.text())
    notice._act.click()
elif jobs and not jobs[0].over and jobs[0].done >= 4 and not state:
    state["seen"] = True
    say(jobs[0].name, "in", jobs[0].demo)
    shown.jobs_pane.table.setCurrentIndex(shown.jobs_pane.table.model().index(0, 0))
    shown.jobs.cancel(jobs[0])
elif jobs and jobs[0].over:
    say(jobs[0].state, shown.jobs_pane.rest_button.isEnabled())
    shown.close()
"""
END_BY_SIGNAL = """
if shown.session.workspace is not None and not state:
    state["sent"] = True
    os.kill(os.getpid(), signal.SIGTERM)
"""
WITHOUT_CONSOLE = """
import os, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
application = QApplication([])
from gui.__main__ import occupy_streams, start
from gui.window import MainWindow
occupy_streams()
with open({told!r}, "w") as file:
    assert file.fileno() > 2 and sys.stdout is None
def look():
    for window in application.topLevelWidgets():
        if isinstance(window, MainWindow) and window.session.workspace is not None:
            with open({told!r}, "w") as file:
                file.write("open")
            window.close()
clock = QTimer()
clock.timeout.connect(look)
clock.start(20)
sys.exit(start())
"""
SAY_THE_WELCOME = """
if shown.notice.text():
    say(shown.welcome.isVisible(), shown.notice.text(), [w.problem.what for w in shown.findChildren(ErrorDialog)])
    say(shown.settings.recent)
    shown.close()
"""
HEAVY = {
    "joblib",
    "lark",
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyqtgraph",
    "scipy",
    "sklearn",
    "sqlalchemy",
}
LOOK_AT_THE_FIRST_PAINT = f"""
import os, sys
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
import gui.window
from gui import app
from gui.qt_classes import MODULES
from gui.window import MainWindow

def say_what_is_loaded(when):
    print(when, sorted({HEAVY} & set(sys.modules)), flush=True)

class Looker(QObject):
    painted = False

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and isinstance(watched, MainWindow) and not self.painted:
            self.painted = True
            say_what_is_loaded("at the first paint:")
            self.window = watched
            self.startTimer(20)
        return False

    def timerEvent(self, event):
        if self.window.isVisible() and self.window.details.charts is not None:
            say_what_is_loaded("with the charts:")
            self.window.close()

def look_at_the_classes(report):
    made = [module for module in MODULES if set(dir(module)) <= set(vars(module))]
    print("when the library is loaded, all classes are made in", [one.__name__ for one in made], flush=True)
    load(report)

load, gui.window._load_chart_library = gui.window._load_chart_library, look_at_the_classes
application = QApplication([])
looker = Looker()
application.installEventFilter(looker)
QTimer.singleShot(60_000, lambda: os._exit(3))
sys.exit(app.main([]))
"""


def test_it_opens_the_workspace_named_and_the_same_one_next_time(starter, root):
    assert starter.run(SAY_WHAT_IS_OPEN, str(root)) == "workspace — Runshelf 41 []\n"
    assert starter.run(SAY_WHAT_IS_OPEN) == "workspace — Runshelf 41 []\n"


def test_the_document_of_a_workspace_opens_its_folder(starter, root):
    assert starter.run(SAY_WHAT_IS_OPEN, str(root / "runshelf.json")) == "workspace — Runshelf 41 []\n"


@pytest.mark.skipif(sys.platform == "win32", reason="closing them takes a shell of Unix")
def test_without_a_console_it_opens_and_ends_and_no_file_is_taken_for_one(starter, root, tmp_path):
    told = tmp_path / "told"
    script = WITHOUT_CONSOLE.format(told=str(told))
    command = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", script, str(root)]
    done = subprocess.run(command, env=starter.environment, cwd=starter.folder, timeout=90)
    assert done.returncode == 0
    assert told.read_text() == "open"


def test_the_desktop_entry_is_made_and_taken_away(starter):
    if sys.platform.startswith("linux"):
        entry = starter.folder / "XDG_DATA_HOME" / "applications" / "runshelf.desktop"
        for option, there in (("--install-desktop", True), ("--uninstall-desktop", False)):
            done = subprocess.run([sys.executable, "-m", "gui", option], env=starter.environment, cwd=starter.folder)
            assert (done.returncode, entry.exists()) == (0, there)


def test_a_fault_of_ours_is_told_and_logged_and_the_window_lives_on(starter):
    assert starter.run(FAIL) == "bug\n"
    assert "ZeroDivisionError: a fault of ours" in starter.log


def test_after_a_crash_the_next_start_offers_what_was_recorded_and_the_one_after_does_not(starter, root):
    with starter.running(CRASH, str(root)) as crashed:
        assert crashed.wait(60) != 0
    said = starter.run(SAY_THE_OFFER)
    assert said.startswith("Runshelf ended unexpectedly last time.")
    assert "record: Runshelf " in said
    assert "Fatal Python error: Segmentation fault" in said
    assert starter.run(SAY_THE_OFFER) == "nothing\n"


def test_a_window_that_was_killed_left_no_record_but_is_told_of(starter, root):
    with starter.running(KILL, str(root)) as killed:
        assert killed.wait(60) != 0
    said = starter.run(SAY_THE_OFFER)
    assert said.startswith("Runshelf ended unexpectedly last time.")
    assert said.endswith("record: \n")


def test_training_that_a_crash_broke_off_is_told_at_the_next_start_and_its_rest_is_run(starter, root, tmp_path):
    write_data(tmp_path)
    write_config(tmp_path, 40)
    starter.environment["TRAINED_IN"] = str(tmp_path)
    with starter.running(TRAIN_AND_CRASH, str(root)) as killed:
        assert killed.wait(60) != 0
    said = starter.run(RUN_THE_REST, str(root)).splitlines()
    assert said[:3] == [
        "Runshelf ended unexpectedly last time. What was saved is safe.",
        "Training barley was broken off; finished pipelines are kept.",
        "Run the rest | Show what was recorded",
    ]
    assert said[3].startswith("Training barley ") and said[3].endswith(" skipped")
    assert said[4] == "still offered: True False"
    assert starter.run(SAY_THE_OFFER) == "nothing\n"  # neither the crash nor what was trained


def test_a_demo_that_a_crash_broke_off_is_told_of_and_gone_on_with(starter, tmp_path):
    starter.environment["DEMO_IN"] = str(tmp_path / "demo")
    with starter.running(MAKE_THE_DEMO_AND_CRASH) as killed:
        assert killed.wait(60) != 0
    said = starter.run(GO_ON_WITH_THE_DEMO).splitlines()
    assert said[1] == "Making the demo was broken off; finished pipelines are kept."
    assert said[2:] == [f"Making the demo in {tmp_path / 'demo'}", "cancelled True"]  # with a rest to run
    with Workspace.open(tmp_path / "demo" / "workspace") as workspace:
        trained = [row["pipeline_name"] for row in workspace.catalog.rows(workspace.catalog.keys("status = completed"))]
    assert len(trained) >= 4 and len(set(trained)) == len(trained)  # none of them was trained twice


def test_the_wish_of_the_system_to_end_is_a_clean_end(starter, root):
    assert starter.run(END_BY_SIGNAL, str(root)) == ""
    assert starter.run(SAY_THE_OFFER, str(root)) == "nothing\n"


def test_a_workspace_that_is_gone_at_the_next_start_stays_known(starter, root):
    starter.run(SAY_WHAT_IS_OPEN, str(root))
    root.rename(root.with_name("elsewhere"))
    shown, recent = starter.run(SAY_THE_WELCOME).splitlines()
    assert shown.startswith(f"True There is no folder {root}.")
    assert shown.endswith("[]")  # no dialog in the way
    assert recent == f"['{root}']"


def test_what_takes_long_to_load_is_loaded_after_the_first_paint(starter):
    done = subprocess.run(
        [sys.executable, "-c", LOOK_AT_THE_FIRST_PAINT], env=starter.environment, capture_output=True, text=True,
        timeout=90, cwd=starter.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "at the first paint: []",
        "when the library is loaded, all classes are made in ['PySide6.QtCore', 'PySide6.QtGui', 'PySide6.QtWidgets']",
        "with the charts: ['numpy', 'pyqtgraph']",
    ]
