"""Bringing along what another program left, in the window: asked, looked at first, done as a job, reported."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

import storage.forms
from gui.dialogs.messages import ErrorDialog
from gui.dialogs.migrate import MigrateDialog
from gui.dialogs.plan_preview import PlanDialog
from storage import Workspace
from tests.gui.test_archives import agree, shown
from tests.storage.samples import content_of
from tests.storage.test_migration import MODELS, Diary, write


@pytest.fixture
def diary(tmp_path, monkeypatch):
    """A source of two models."""
    monkeypatch.setattr(storage.forms, "FORMS", (*storage.forms.FORMS, Diary()))
    place = tmp_path / "old"
    place.mkdir()
    write(place, MODELS[:2])
    for name in ("scaler.pkl", "first.joblib", "second.joblib", "chart [1].png"):
        (place / name).write_bytes(name.encode())
    return place


def test_an_empty_workspace_offers_to_migrate_and_shows_what_came(qtbot, open_window, tmp_path, diary):
    root = tmp_path / "new"
    Workspace.create(root).close()
    window = open_window()
    window.open_workspace(root)
    before = content_of(diary)
    qtbot.waitUntil(lambda: window.catalog._no_runs.isVisible())
    next(one for one in window.catalog._no_runs.findChildren(QPushButton) if one.text() == "Migrate…").click()
    dialog = shown(qtbot, window, MigrateDialog)
    assert not dialog.show_plan.isEnabled()
    dialog.folder.setText(str(diary))
    dialog.run_name.setText("from-paper")
    dialog.accept()
    plan = shown(qtbot, window, PlanDialog)
    assert "Carry 2 pipelines of corn" in plan.text() and "A page is torn." in plan.text()
    assert not list((root / "runs").iterdir())
    said = agree(qtbot, window)
    assert "2 pipelines carried over into 1 run." in said
    qtbot.waitUntil(lambda: window.catalog.model.rowCount() == 2)
    assert window.catalog.model.row(0)["run_name"] == "from-paper"
    assert (
        next(job.file.name for job in window.jobs.jobs if job.file).startswith("migration_old_")
        and content_of(diary) == before
    )


def test_enter_goes_on_with_the_folder_that_is_named(qtbot, window, diary):
    window.migrating.ask()
    dialog = shown(qtbot, window, MigrateDialog)
    qtbot.waitUntil(dialog.folder.hasFocus)
    qtbot.keyClicks(dialog.folder, str(diary))
    qtbot.keyClick(dialog.folder, Qt.Key.Key_Return)
    plan = shown(qtbot, window, PlanDialog)
    assert "Carry 2 pipelines of corn" in plan.text()
    plan.reject()


def test_a_folder_with_nothing_to_migrate_is_told(qtbot, window, root):
    with qtbot.waitSignal(window.jobs.ended) as ended:
        window.migrating.look(root / "runs")
    assert ended.args[0].state == "failed"
    dialog = shown(qtbot, window, ErrorDialog)
    assert "No results that Runshelf can read" in dialog.text()
    dialog.close()


def test_nothing_is_migrated_where_nothing_can_be_written(open_window, root):
    window = open_window(root, read_only=True)
    assert not window.commands.migrate.isEnabled()
    window.migrating.ask()
    assert not window.findChildren(MigrateDialog)
