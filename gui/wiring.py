"""Who listens to whom: the signals of the panes and what the window does with them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from gui.formats import tr

if TYPE_CHECKING:
    from gui.window import MainWindow


def connect(window: MainWindow) -> None:
    """Connect everything in a window; its panes are made."""
    _connect_panes(window)
    _connect_library(window)
    # From the query straight to what it lists, on to its charts, and to what is selected of it.
    order = [window.query, window.catalog.table, *window.explore.options.in_order(), window.details.tabs]
    for before, after in pairwise(order):
        QWidget.setTabOrder(before, after)


def _connect_panes(window: MainWindow) -> None:
    window.session.opened.connect(window.show_workspace)
    window.session.closed.connect(window.show_workspace)
    window.session.noticed.connect(window.tell_notice)
    window.session.opened.connect(window.selection.clear)
    window.session.closed.connect(window.selection.clear)
    window.session.opened.connect(window.comparison.clear)
    window.session.closed.connect(window.comparison.clear)
    window.catalog.charts_wanted.connect(window.centre.toggle_explore)
    window.details.compare_wanted.connect(window.compare_chosen)
    window.compare.compare_wanted.connect(window.compare_chosen)
    window.centre.comparison_shown.connect(window.compare.begin)
    window.catalog.rows_selected.hidden_changed.connect(window.details.show_hidden)
    rows = window.catalog.rows
    window.details.offer_remarks([rows.star, rows.stars, rows.tag, rows.note])
    window.details.query_wanted.connect(window.query.put)
    window.details.run_wanted.connect(lambda _: window.show_pane(1))
    window.details.run_wanted.connect(window.tree.select_run)
    window.details.said.connect(window.notice.say)
    window.tasks.unhandled.connect(window.tell)
    window.tasks.active_changed.connect(window.show_pace)
    window.catalog.described.connect(window.status.describe)
    window.catalog.said.connect(window.notice.say)
    window.catalog.new_run_wanted.connect(window.new_run)
    window.catalog.migrate_wanted.connect(window.migrating.ask)
    model = window.catalog.model
    model.listed.connect(lambda: window.tree.tell_results(model.listing is not None and model.listing.total > 0))
    window.tree.migrate_wanted.connect(window.migrating.ask)
    window.tree.query_wanted.connect(window.query.put)
    window.tree.details_wanted.connect(lambda: window.show_pane(3))
    window.tree.new_run_wanted.connect(lambda: window.new_run())
    window.jobs.ended.connect(window.job_ended)
    window.jobs.changed.connect(lambda _: window.tree.model.follow(window.jobs.runs_at_work()))
    window.training.started.connect(lambda _: window.show_jobs())
    for happened in (window.training.started, window.jobs.ended):
        for pane in (window.tree, window.library, window.welcome):
            happened.connect(lambda _, tell=pane.tell_making: tell(window.jobs.makes_demo()))
    window.jobs_pane.new_run_wanted.connect(lambda: window.new_run())
    window.jobs_pane.rerun_wanted.connect(window.training.rerun_job)
    window.jobs_pane.rest_wanted.connect(window.training.run_rest)
    window.jobs_pane.results_wanted.connect(window.show_results)
    window.jobs_pane.picked.connect(window.selection.pick)
    window.catalog.export_wanted.connect(window.export)
    window.catalog.annotating.done.connect(window.tell_deed)
    window.undo.said.connect(window.notice.say)
    window.session.opened.connect(window.undo.clear)
    window.session.closed.connect(window.undo.clear)
    commands, storage = window.commands, window.health.storage
    storage.offer(commands.make_room, tr("Keep predictions, charts and fitted steps only of the best pipelines"))
    storage.offer(commands.bring_back, tr("Show what was taken away and can be put back, byte by byte"))
    window.details.charts_wanted.connect(window.load_charts)
    window.details.back_wanted.connect(window.pipelines.thinning.ask_back)
    window.details.folder_wanted.connect(window.pipelines.open_place)
    window.health.said.connect(window.notice.say)
    window.health.findings.subject_wanted.connect(window.pipelines.go_to)
    window.health.findings.delete_wanted.connect(window.pipelines.delete_at)
    window.health.findings.folder_wanted.connect(window.pipelines.open_place)
    for told in (window.tree.runs_chosen, window.tree.damage_told):  # a run may be mended, or its workspace left
        told.connect(lambda *_: window.details.explain_run(window.tree.selected_run()))
    window.details.check_wanted.connect(window.check)
    window.tree.damage_told.connect(window.status.tell_damage)
    window.status.damage_clicked.connect(window.check)
    window.status.clicked.connect(lambda: window.show_pane(4))


def _connect_library(window: MainWindow) -> None:
    library, keeping = window.library, window.pipelines.keeping
    library.take_wanted.connect(keeping.take)
    library.keep_wanted.connect(window.pipelines.ask_keep)
    library.items.use_wanted.connect(window.training.run_configs)
    library.items.run_wanted.connect(window.tree.select_run)
    library.items.done.connect(window.tell_deed)
    keeping.kept.connect(library.show_item)
    window.pipelines.keep.enabledChanged.connect(library.allow_keeping)
    library.allow_keeping(window.pipelines.keep.isEnabled())
