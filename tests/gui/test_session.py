"""The one holder of a workspace and its two doors."""

import threading

import pytest

from gui.session import Session
from gui.tasks import Tasks
from storage import Workspace
from tests.gui.samples import fill


@pytest.fixture
def session(qtbot, root):
    tasks = Tasks()
    made = Session(tasks)
    made.adopt(Workspace.open(root))
    yield made
    made.close()
    tasks.close()


def test_a_question_is_answered_from_the_workspace_on_its_own_thread(qtbot, session):
    answers = []
    session.query(lambda workspace: (workspace.catalog.count(), threading.current_thread().name), answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    count, thread = answers[0]
    assert count == 41
    assert thread.startswith("runshelf-workspace")


def test_of_one_topic_only_the_newest_question_is_answered(qtbot, session):
    answers = []
    for number in range(20):
        session.query(lambda workspace, number=number: number, answers.append, topic="same")
    session.query(lambda workspace: "end", answers.append)
    qtbot.waitUntil(lambda: "end" in answers)
    assert answers == [19, "end"]


def test_an_answer_for_a_closed_workspace_is_dropped(qtbot, session, root):
    answers = []
    session.query(lambda workspace: "late", answers.append)
    session.close()
    with qtbot.waitSignal(session.opened):
        session.open(root)
    session.query(lambda workspace: "new", answers.append)
    qtbot.waitUntil(lambda: bool(answers))
    assert answers == ["new"]


def test_a_change_is_told_to_everybody(qtbot, session):
    with qtbot.waitSignal(session.changed):
        session.change(lambda workspace: fill(workspace, "oats", 1))


def test_what_another_program_adds_is_noticed(qtbot, session, root):
    with Workspace.open(root) as other:
        fill(other, "oats", 1)
    with qtbot.waitSignal(session.changed):
        session.sync()


def test_of_two_workspaces_opened_in_a_row_the_last_one_is_held(qtbot, session, root, tmp_path):
    opened = []
    session.opened.connect(lambda: opened.append(session.workspace.name))
    session.open(tmp_path / "first", create=True)
    session.open(tmp_path / "second", create=True)
    qtbot.waitUntil(lambda: "second" in opened)
    assert opened == ["second"]


def test_closing_does_not_wait_for_long_work(qtbot, session):
    begun = threading.Event()

    def endless(workspace, report):
        begun.set()
        while True:
            report(0, 1, "")

    session._ask(endless, lambda value: None)
    assert begun.wait(5)
    session.close()  # a test that hangs here fails
    assert session.workspace is None


def test_a_workspace_that_cannot_be_opened_leaves_the_old_one(qtbot, session, tmp_path):
    told = []
    session.open(tmp_path / "nowhere", told.append)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].kind == "known"
    assert session.workspace is not None
    assert session.workspace.name == "workspace"
