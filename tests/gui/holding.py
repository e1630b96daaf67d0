"""Answers that come late: the workspace's thread is held until a test has done what somebody does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytestqt.qtbot import QtBot

from gui.session import Session

SECONDS = 60  # after which a test that forgot to let go fails instead of hanging


@contextmanager
def held(qtbot: QtBot, session: Session) -> Iterator[None]:
    """Let all that is asked within be answered only at the end, and wait until it is."""
    let_go = hold(session)
    try:
        yield
        answers: list[None] = []
        session.query(lambda workspace: None, answers.append)
    finally:
        let_go()
    qtbot.waitUntil(lambda: bool(answers))


def hold(session: Session) -> Callable[[], None]:
    """Hold the workspace's thread once it comes to this; return what lets it go on."""
    event = threading.Event()
    session.query(lambda workspace: event.wait(SECONDS), lambda _: None, quiet=True)
    return event.set
