"""One window per workspace, also for processes that start at the same time or were killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gui.one_window import OneWindow, claim, raise_other
from storage import Workspace

STAY = """
if shown.session.workspace is not None and not state:
    state["open"] = True
    shown.opening._alone.wanted.connect(lambda: say("raised"))
    say("open")
if shown.notice.text().endswith("in front now."):
    say(shown.notice.text())
    shown.close()
"""


def start_again(starter, *arguments: str) -> int:
    """Start the application as people do and wait until it ends by itself."""
    command = [sys.executable, "-m", "gui", *arguments]
    return subprocess.run(command, env=starter.environment, cwd=starter.folder, timeout=60).returncode


def end(process: subprocess.Popen[str]) -> list[str]:
    """Ask the application to end; return the lines it still printed."""
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=60)[0].splitlines()


def test_a_second_start_raises_the_window_that_is_there_and_ends(starter, root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    with starter.running(STAY, str(root)) as first:
        assert first.stdout.readline() == "open\n"
        assert start_again(starter, str(root)) == 0
        assert start_again(starter, str(link)) == 0  # the same folder by another name
        assert start_again(starter) == 0  # without a name it is the last one
        assert end(first) == ["raised"] * 3
        assert first.returncode == 0


def test_two_starts_at_once_end_in_one_window(starter, root):
    with starter.running(STAY, str(root)) as one, starter.running(STAY, str(root)) as other:
        one_said, other_said = one.stdout.readline(), other.stdout.readline()
        assert sorted((one_said, other_said)) == ["", "open\n"]  # the other has ended without opening it
        first, second = (one, other) if one_said else (other, one)
        assert second.wait(60) == 0
        end(first)
        assert first.returncode == 0


def test_a_killed_window_is_taken_over_and_another_workspace_has_a_window_of_its_own(starter, root, tmp_path):
    Workspace.create(tmp_path / "another").close()
    with starter.running(STAY, str(root)) as killed:
        assert killed.stdout.readline() == "open\n"
        killed.kill()
        killed.wait(60)
    with (
        starter.running(STAY, str(root)) as first,
        starter.running(STAY, str(tmp_path / "another")) as second,
    ):
        assert first.stdout.readline() == "open\n"
        assert second.stdout.readline() == "open\n"
        assert (end(first), end(second)) == ([], [])


def test_a_window_keeps_what_it_has_when_another_one_has_what_it_wants(qtbot, starter, window, root, tmp_path):
    Workspace.create(tmp_path / "another").close()
    with starter.running(STAY, str(tmp_path / "another")) as other:
        assert other.stdout.readline() == "open\n"
        window.open_workspace(tmp_path / "another")
        qtbot.waitUntil(lambda: "another is open in another window" in window.notice.text())
        assert window.session.workspace.root == root
        assert end(other) == ["raised"]
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(tmp_path / "another")
    assert window.session.workspace.root == tmp_path / "another"


def test_closing_a_workspace_or_opening_another_lets_others_have_it(qtbot, open_window, root, tmp_path):
    Workspace.create(tmp_path / "another").close()
    window = open_window()
    for path in (root, tmp_path / "another"):
        with qtbot.waitSignal(window.session.opened):
            window.open_workspace(path)
        assert claim(path).taken
    first = claim(root)
    assert not first.taken
    first.release()
    window.commands.close.trigger()
    again = claim(tmp_path / "another")
    assert not again.taken
    again.release()


def test_without_a_place_for_locks_a_workspace_opens_all_the_same(qtbot, open_window, root, tmp_path, monkeypatch):
    nowhere = tmp_path / "file"
    nowhere.touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(nowhere))
    monkeypatch.setattr("tempfile.tempdir", str(nowhere))
    assert claim(root).address == ""
    assert not raise_other(root)
    window = open_window()
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(root)


@pytest.mark.parametrize("silent", [True, False])
def test_a_window_that_hangs_is_not_waited_for(qtbot, open_window, root, monkeypatch, silent):
    monkeypatch.setattr("gui.one_window.ANSWER_MS", 200)
    held = claim(root)  # by a window that never answers, or does not even listen
    if silent:
        import socket

        ear = socket.socket(socket.AF_UNIX)
        ear.bind(held.address)
        ear.listen()
    window = open_window()
    with qtbot.waitSignal(window.session.opened):
        window.open_workspace(root)
    held.release()
    if silent:
        ear.close()
        Path(held.address).unlink()


def test_opening_the_workspace_that_is_open_opens_it_anew(qtbot, open_window, root):
    window = open_window()
    for _ in range(2):
        with qtbot.waitSignal(window.session.opened):
            window.open_workspace(root)
    assert isinstance(window.opening._alone, OneWindow)
    assert claim(root).taken
