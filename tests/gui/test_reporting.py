"""Reports of runs and datasets are written from the tree, the table and the palette, and opened."""

from contextlib import contextmanager

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices

from gui.reporting import Subject, write_reports
from storage import Cancelled, NotFound
from tests.gui.test_manners import say
from tests.gui.test_tree import click, run_of_or_none
from tests.gui.test_window import Opener, apply_filter, focus


@contextmanager
def opening():
    """What the desktop is asked to open meanwhile."""
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "open")
    try:
        yield opener.opened
    finally:
        QDesktopServices.unsetUrlHandler("file")


def select_groups(qtbot, window, *names: str) -> None:
    """Select datasets in the tree, where runs are put together by them."""
    focus(qtbot, window.tree.tree)
    modifier = Qt.KeyboardModifier.NoModifier
    for node in window.tree.model.groups():
        if node.row.name in names:
            click(qtbot, window, window.tree.model.find(node.key), modifier)
            modifier = Qt.KeyboardModifier.ControlModifier


def test_r_on_a_run_writes_its_report_and_the_notice_opens_it(qtbot, window, root):
    run = run_of_or_none(window, "corn").run_id
    focus(qtbot, window.tree.tree)
    click(qtbot, window, window.tree.model.run_index(run))
    with qtbot.waitSignal(window.jobs.ended) as ended:
        qtbot.keyClick(window.tree.tree, Qt.Key.Key_R)
    job, folder = ended.args[0], root / "catalog" / "reports"
    assert (job.state, job.done, job.total) == ("completed", 1, 1)
    assert {path.name for path in folder.iterdir()} == {f"{run}.html", f"{run}.md"}
    assert window.notice.text() == f"Wrote 1 report to {folder}"
    assert window.notice._act.text() == "Open report"
    with opening() as opened:
        window.notice._act.click()
    assert opened == [str(folder / f"{run}.html")]
    assert "corn" in (folder / f"{run}.md").read_text()


def test_r_in_the_table_reports_on_the_run_of_the_row(qtbot, window, root):
    apply_filter(qtbot, window, "pipeline_name = 'wheat 4'")
    focus(qtbot, window.catalog.table)
    window.catalog.table.selectRow(0)
    with qtbot.waitSignal(window.jobs.ended) as ended:
        qtbot.keyClick(window.catalog.table, Qt.Key.Key_R)
    assert ended.args[0].page.stem == run_of_or_none(window, "wheat").run_id


def test_datasets_are_reported_from_their_groups_in_the_tree(qtbot, window, root):
    with qtbot.waitSignal(window.tree.model.listed):
        window.tree.orders["dataset"].trigger()
    select_groups(qtbot, window, "corn")
    with qtbot.waitSignal(window.jobs.ended) as ended:
        window.pipelines.report.trigger()
    folder = root / "catalog" / "reports"
    assert ended.args[0].page == folder / "corn_dataset.html"
    select_groups(qtbot, window, "corn", "wheat")
    with qtbot.waitSignal(window.jobs.ended):
        window.pipelines.report.trigger()
    assert (folder / "wheat_dataset.html").is_file() and (folder / "wheat_dataset.md").is_file()
    assert window.notice.text() == f"Wrote 2 reports to {folder}"
    with opening() as opened:
        window.notice._act.click()
    assert opened == [str(folder)], "of several the folder is shown"


def test_the_palette_reports_on_any_dataset_and_on_that_of_the_selection(qtbot, window, root):
    dialog = say(qtbot, window, "report wheat")
    assert dialog.texts()[0] == "Report on dataset wheat"
    with qtbot.waitSignal(window.jobs.ended) as ended:
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert ended.args[0].name == "Reporting on wheat"
    assert ended.args[0].page.name == "wheat_dataset.html"
    click(qtbot, window, window.tree.model.run_index(run_of_or_none(window, "corn").run_id))
    dialog = say(qtbot, window, "write report on dataset")
    with qtbot.waitSignal(window.jobs.ended) as ended:
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    assert ended.args[0].page.name == "corn_dataset.html"


def test_a_report_whose_place_is_taken_is_refused_in_a_sentence(qtbot, window, problems, root):
    folder = root / "catalog" / "reports"
    folder.mkdir(exist_ok=True)
    (folder / "corn_dataset.html").write_text("mine")
    with qtbot.waitSignal(window.jobs.ended) as ended:
        window.pipelines.report_on("corn")
    assert ended.args[0].state == "failed" and "is not this report" in ended.args[0].outcome
    assert (folder / "corn_dataset.html").read_text() == "mine"


def test_of_several_reports_those_that_can_be_written_are_and_none_after_it_is_stopped(root):
    told = []
    subjects = (Subject("run", "gone"), Subject("dataset", "corn"))
    written = write_reports(root, subjects, lambda *news: told.append(news))
    assert [page.name for page in written.pages] == ["corn_dataset.html"]
    assert written.text().endswith("1 was not written, because: There is no run 'gone'.")
    assert list(dict.fromkeys(told)) == [(0, 2, "gone"), (1, 2, "corn"), (2, 2, "")]
    with pytest.raises(NotFound):
        write_reports(root, subjects[:1], lambda *news: None)

    def stop(done: int, total: int, text: str) -> None:
        if done == 1:
            raise Cancelled()

    with pytest.raises(Cancelled):
        write_reports(root, (Subject("dataset", "corn"), Subject("dataset", "wheat")), stop)
    assert not (root / "catalog" / "reports" / "wheat_dataset.html").exists()


@pytest.mark.parametrize("others", [(), (Subject("dataset", "wheat"),)])
def test_a_report_can_be_stopped_within(root, others):
    told = []

    def stop(done: int, total: int, text: str) -> None:
        told.append((done, total, text))
        if len(told) == 5:
            raise Cancelled()

    with pytest.raises(Cancelled):
        write_reports(root, (Subject("dataset", "corn"), *others), stop)
    assert told[-1] == ((0, 2, "corn") if others else (2, told[-1][1], told[-1][2]))
    folder = root / "catalog" / "reports"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_what_cannot_be_reported_says_why(window, open_window, root):
    assert not window.pipelines.report.isEnabled()
    assert window.pipelines.report_dataset.toolTip().endswith("Select a dataset, a run or a pipeline first.")
    reader = open_window(root, read_only=True)
    reader.catalog.table.selectRow(0)
    assert "reading only" in reader.pipelines.report.toolTip()
    (offer,) = [one for one in reader.commands.offers() if one.text == "Report on dataset corn"]
    assert offer.why_not == "The workspace is read only"
