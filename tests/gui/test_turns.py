"""Work in turns: each piece in a turn of its own, in their order, and none for an owner that is gone."""

from functools import partial

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from gui.turns import in_turns


def test_each_piece_has_a_turn_of_its_own(qtbot):
    owner, done, turns = QObject(), [], []
    dispatcher = QApplication.instance().eventDispatcher()

    def turn() -> None:
        turns.append(len(done))

    dispatcher.awake.connect(turn)
    in_turns(owner, [lambda: done.append(1), lambda: done.append(2), lambda: done.append(3)])
    assert done == []
    qtbot.waitUntil(lambda: len(done) == 3)
    dispatcher.awake.disconnect(turn)
    assert done == [1, 2, 3]
    assert {1, 2} <= set(turns)  # the loop went round between them


def test_nothing_is_done_for_an_owner_that_is_gone(qtbot):
    owner, done = QObject(), []

    def first() -> None:
        done.append(1)
        owner.deleteLater()
        QApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)

    in_turns(owner, [first, lambda: done.append(2)])
    qtbot.waitUntil(lambda: done == [1])
    later: list[int] = []
    in_turns(QApplication.instance(), [partial(later.append, number) for number in range(3)])
    qtbot.waitUntil(lambda: len(later) == 3)  # turns in which the second piece would have come
    assert done == [1]
