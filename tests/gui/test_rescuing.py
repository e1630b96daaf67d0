"""A workspace that lost what makes it one is not the end: its repair is offered, and it opens."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from gui.dialogs.messages import ErrorDialog
from gui.dialogs.plan_preview import PlanDialog
from storage import check_workspace


def asked(qtbot, window, kind: type):
    qtbot.waitUntil(lambda: bool(window.findChildren(kind)))
    return window.findChildren(kind)[-1]


def test_a_workspace_without_its_document_is_repaired_and_opened(qtbot, open_window, root):
    (root / "runshelf.json").write_text('{"schema_version"', encoding="utf-8")
    (root / "catalog" / "manifest.json").write_bytes(b"")
    window = open_window()
    window.open_workspace(root)
    dialog = asked(qtbot, window, PlanDialog)
    assert "runshelf.json is damaged" in dialog.findChild(QLabel, "title").text()
    assert "runshelf.json" in dialog.text() and "manifest" in dialog.text() and "2 steps" in dialog.text()
    assert (root / "catalog" / "manifest.json").read_bytes() == b""  # looking at a plan does nothing
    dialog.act.click()
    qtbot.waitUntil(lambda: window.session.workspace is not None and window.catalog.model.listing is not None)
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 41)
    assert not window.session.workspace.read_only and check_workspace(root).verdict == "clean"
    assert not window.findChildren(ErrorDialog)


def test_who_does_not_want_the_repair_keeps_what_was_shown(qtbot, open_window, root):
    (root / "runshelf.json").unlink()
    window = open_window()
    window.open_workspace(root)
    asked(qtbot, window, PlanDialog).reject()
    assert window.welcome.isVisible() and window.session.workspace is None and not window.jobs.jobs
    assert not (root / "runshelf.json").exists()


def test_what_is_no_workspace_is_told_and_nothing_is_offered(qtbot, open_window, tmp_path):
    (tmp_path / "photos").mkdir()
    window = open_window()
    window.open_workspace(tmp_path / "photos")
    assert "is not a workspace" in asked(qtbot, window, ErrorDialog).problem.what
    assert not window.findChildren(PlanDialog) and not any((tmp_path / "photos").iterdir())
