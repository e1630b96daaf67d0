"""A damaged pipeline is no dead end: it is found, shown as far as it is known, run again, and deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from gui.models.catalog import CatalogModel
from gui.panes.health_page import short_path
from storage import Workspace
from tests.gui.test_tree import click, opened
from tests.gui.test_window import apply_filter, select


@pytest.fixture
def broken(root: Path) -> Path:
    """The folder of the third pipeline of corn, whose document is damaged."""
    folder = next((root / "runs").glob("*_corn/0003_*"))
    (folder / "pipeline.json").write_text('{"id": ', encoding="utf-8")
    return folder


@pytest.fixture
def window(open_window, root, broken):
    """A window on a workspace with a damaged pipeline that it knows of."""
    with Workspace.open(root) as other:
        other.sync(full=True)
    return open_window(root)


def shown(window, folder: Path) -> bool:
    details = window.details.details
    return details is not None and details.pipeline_id == folder.name


def status_cell(model: CatalogModel, row: int, role: int) -> object:
    return model.index(row, [column.key for column in model.columns].index("status")).data(role)


def finding(qtbot, window):
    """Check the workspace and select what is found of the damaged pipeline."""
    window.check()
    page = window.health.findings
    qtbot.waitUntil(lambda: page.report is not None and not page._busy())
    (row,) = [number for number, one in enumerate(page.model.rows) if one.code == "pipeline-damaged"]
    page.table.selectRow(row)
    return page, row


def test_from_the_tree_it_shows_what_the_catalog_knows_with_the_damage_first(qtbot, window, broken):
    run = opened(qtbot, window, "corn")
    index = window.tree.model.index(2, 0, run)
    assert index.data() == "0003  corn 2" and window.tree.model.index(2, 1, run).data() != "–"
    click(qtbot, window, index)
    qtbot.waitUntil(lambda: shown(window, broken))
    summary = window.details._summary
    assert window.details._head._where.whole().startswith("damaged")
    assert "pipeline.json is damaged" in summary._problems.text()
    assert summary._problems.y() < summary.chain.y() and summary._metrics.rowCount() > 0
    assert window.details.details.arrays


def test_a_pipeline_of_a_damaged_run_shows_all_that_its_own_files_tell(qtbot, open_window, root):
    folder = next((root / "runs").glob("*_corn"))
    document = (folder / "run_config.json").read_bytes()
    (folder / "run_config.json").write_bytes(document[: len(document) // 2])
    window = open_window(root)
    apply_filter(qtbot, window, "dataset = corn")
    select(qtbot, window, 0)
    qtbot.waitUntil(lambda: window.details.details is not None and bool(window.details.details.arrays))
    summary = window.details._summary
    assert summary._metrics.rowCount() > 0
    assert "run_config.json is damaged: it breaks off in line" in summary._problems.text()


def test_the_catalog_says_damaged_and_show_in_catalog_selects_the_row(qtbot, window, broken):
    click(qtbot, window, window.tree.model.index(2, 0, opened(qtbot, window, "corn")))
    qtbot.waitUntil(lambda: shown(window, broken))
    window.pipelines.show_in_catalog.trigger()
    model, table = window.catalog.model, window.catalog.table
    qtbot.waitUntil(lambda: model.rowCount() == 30 and len(table.chosen.rows()) == 1)
    row = table.currentIndex().row()
    assert model.row(row)["pipeline_id"] == broken.name
    assert status_cell(model, row, Qt.ItemDataRole.DisplayRole) == "damaged"


@pytest.mark.parametrize("way", ["button", "menu"])
def test_a_finding_leads_to_its_pipeline(qtbot, window, broken, way):
    page, row = finding(qtbot, window)
    if way == "button":
        page.go_button.click()
    else:
        page.menu_for(row).actions()[0].trigger()
    qtbot.waitUntil(lambda: shown(window, broken))
    qtbot.waitUntil(lambda: window.tree.tree.currentIndex().data() == "0003  corn 2")


def test_a_finding_is_copied_and_its_folder_deleted_and_brought_back(qtbot, window, broken):
    page, row = finding(qtbot, window)
    actions = {action.text(): action for action in page.menu_for(row).actions()}
    assert list(actions) == ["Show pipeline", "Open folder", "Copy details", "", "Fix this…", "Delete folder to trash"]
    actions["Copy details"].trigger()
    assert f"{broken.name}/pipeline.json" in QGuiApplication.clipboard().text()
    actions["Delete folder to trash"].trigger()
    qtbot.waitUntil(lambda: "trash" in window.notice.text())
    assert not broken.exists()
    window.commands.undo.trigger()
    qtbot.waitUntil(broken.exists)


def test_a_workspace_whose_disk_goes_away_is_shown_as_last_known_until_it_is_back(qtbot, window, root):
    model = window.catalog.model
    qtbot.waitUntil(lambda: model.rowCount() > 0)
    count, away = model.rowCount(), root.with_name("unmounted")
    root.rename(away)
    window.session.sync()
    qtbot.waitUntil(lambda: "is not there any more. Results are shown as last known" in window.notice.text())
    apply_filter(qtbot, window, "dataset = corn")
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: "is not there any more" in window.details._empty.text())
    window.health.show_trash()
    window.health_dock.show()
    qtbot.waitUntil(lambda: "is not there any more" in window.health.trash._empty.text())
    templates = window.library.pages["template"]
    qtbot.waitUntil(lambda: templates.empty.isVisible() and "is not there any more" in templates.empty.text())
    assert not any(button.isVisible() for button in templates.empty.findChildren(QPushButton))
    apply_filter(qtbot, window, "")
    assert model.rowCount() == count
    away.rename(root)
    window.session.sync()
    qtbot.waitUntil(lambda: window.notice.text() == f"{root} is there again.")
    assert model.rowCount() == count
    qtbot.waitUntil(lambda: window.details.details is not None and not window.details.details.problems)
    qtbot.waitUntil(lambda: templates.empty.text().startswith("No templates yet"))
    assert any(button.isVisible() for button in templates.empty.findChildren(QPushButton))


def test_rescan_finds_a_document_that_was_edited_by_hand(qtbot, open_window, root):
    window = open_window(root)
    folder = next((root / "runs").glob("*_corn/0003_*"))
    (folder / "pipeline.json").write_text('{"id": ', encoding="utf-8")
    window.rescan()
    run = opened(qtbot, window, "corn")
    qtbot.waitUntil(lambda: "damaged" in str(window.tree.model.index(2, 0, run).data(Qt.ItemDataRole.ToolTipRole)))


def test_a_place_is_shortened_around_the_name_of_the_pipeline_or_the_run():
    place = "runs/2026-11-27_fermentation/0020_svr-SG2-kernel=rbf_e587a5/pipeline.json"
    for most, text in (
        (90, place), (50, "…/0020_svr-SG2-kernel=rbf_e587a5/pipeline.json"),
        (36, "…/0020_svr-SG2-kernel=rbf_e587a5/…"), (30, "0020_svr-SG2-kernel=rbf_e587a5"),
    ):  # fmt: skip
        assert short_path(place, lambda text, most=most: len(text) <= most) == text
    place = "runs/2026-11-27_fermentation/run_config.json"
    assert short_path(place, lambda text: len(text) < 43) == "…/2026-11-27_fermentation/run_config.json"
    assert short_path(place, lambda text: len(text) < 40) == "…/2026-11-27_fermentation/…"
    part = "catalog/predictions_meta.parquet/part-1.parquet"
    assert short_path(part, lambda text: len(text) < 30) == "…/part-1.parquet"


def test_a_damaged_run_says_why_where_it_is_selected_and_leads_to_health(qtbot, open_window, root):
    document = next((root / "runs").glob("*_corn")) / "run_config.json"
    document.write_bytes(document.read_bytes()[:100])
    window = open_window(root)
    qtbot.waitUntil(lambda: window.status.damaged.text() == "1 run damaged")
    model, details = window.tree.model, window.details
    runs = [model.index(row, 0, model.index(group, 0)) for group in range(model.rowCount())
            for row in range(model.rowCount(model.index(group, 0)))]  # fmt: skip
    for run in sorted(runs, key=lambda run: bool(model.run(run).problem)):
        click(qtbot, window, run)
        assert details._check.isVisible() == bool(model.run(run).problem)
    assert "run_config.json is damaged" in details._empty.text()
    details._check.setFocus()
    qtbot.keyClick(details._check, Qt.Key.Key_Return)
    findings = window.health.findings
    qtbot.waitUntil(lambda: findings.isVisible() and findings.report is not None and not findings._busy())
    with Workspace.open(root) as mended:
        mended.plan_repair(findings.report.findings).apply()
    window.session.sync()
    qtbot.waitUntil(lambda: " completed, " in details._empty.text() and not details._check.isVisible())
    apply_filter(qtbot, window, "dataset = wheat")
    select(qtbot, window, 0)
    qtbot.waitUntil(lambda: details.details is not None)
    window.selection.pick(None)
    assert "No pipeline selected" in details._empty.text() and not details._check.isVisible()
