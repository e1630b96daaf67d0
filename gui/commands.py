"""All commands of the window with their keys, and the menus they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu
from shiboken6 import isValid

from gui.dialogs.key_sheet import KeyGroup
from gui.dialogs.palette import Offer
from gui.formats import short_path, tr
from gui.menus import fill_menu
from gui.panes.compare import FOLDS
from gui.session import Opened
from gui.theme import Choice, theme
from gui.welcome import look_for

if TYPE_CHECKING:
    from gui.window import MainWindow


class Commands:
    """The actions of a window. Each is in a menu and in the command list, and works by key."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._all: list[QAction] = []
        self._make()
        self._make_themes()
        self._all.extend([*window.catalog.rows.all(), *window.compare.all()])
        window.undo.changed.connect(self._name_undo)
        self._fill_menus()

    def all(self) -> list[QAction]:
        """Return every command."""
        return list(self._all)

    def show_workspace(self, held: Opened | None) -> None:
        """Enable what can be done with the workspace that is open."""
        rows = self._window.catalog.rows
        for action in (
            self.rescan,
            self.rebuild,
            self.check,
            self.check_deeply,
            self.trash,
            self.close,
            self.focus_query,
            self.views,
            self.spread,
            self.parameters,
            self.compare_folds,
            *rows.all(),
        ):
            action.setEnabled(held is not None)
        for action in (self.new_run, self.migrate, self.make_room, self.bring_back):
            action.setEnabled(held is not None and not held.read_only)
        self._window.pipelines.update()

    def offers(self) -> list[Offer]:
        """Return what the palette finds: the commands of the menus, and workspaces and queries of late."""
        known_as = self._also_known_as()
        offers = [
            Offer(action_text(action), action.trigger, title, keys_text(action), self._why_not(action),
                  known_as=known_as.get(action, ""))
            for title, action in self.in_menus() if not self._window.catalog.views.names_one(action)
        ]  # fmt: skip
        recent = self._window.settings.recent
        offers += [Offer(tr("Open {path}").format(path=path), partial(self._open_recent, path),
                         tr("Recent workspace"), quiet=True) for path in recent]  # fmt: skip
        if self._window.session.workspace is not None:
            offers += [Offer(text, partial(self._window.query.put, text), tr("Query of late"), quiet=True)
                       for text in self._window.settings.queries]  # fmt: skip
            views = self._window.catalog.views
            offers += [Offer(tr("View {name}").format(name=view.name), partial(views.open, view),
                             tr("Named view"), quiet=True) for view in views.all()]  # fmt: skip
            metrics = self._window.catalog.sorting.best_first()
            offers += [Offer(tr("Best by {column}").format(column=column.title), act, tr("Sort"), known_as=words,
                             quiet=True) for column, act, words in metrics]  # fmt: skip
            tabs = self._window.compare.tabs
            none = "" if self._window.comparison.pipelines else tr("Nothing is compared yet")
            offers += [Offer(tabs.tabText(place), partial(self._window.show_comparison, place), tr("Comparison"),
                             why_not=none, quiet=True) for place in range(tabs.count())]  # fmt: skip
            report = self._window.pipelines.report_on
            why_not = self._why_not(self.new_run)  # where nothing can be written
            offers += [Offer(tr("Report on dataset {name}").format(name=name), partial(report, name), tr("Dataset"),
                             why_not=why_not, quiet=True)
                       for name in self._window.pipelines.datasets()]  # fmt: skip
        return offers

    def _also_known_as(self) -> dict[QAction, str]:
        """Return the words that people of other programs would look for commands by."""
        pipelines, rows = self._window.pipelines, self._window.catalog.rows
        return {
            **dict.fromkeys(self.themes.values(), tr("theme appearance dark light mode settings preferences")),
            self.focus_query: tr("search find filter"),
            self.migrate: tr("import bring along mlflow nirs4all old results"),
            self.make_room: tr("thin free space disk storage full"),
            self.bring_back: tr("unthin restore recover"),
            pipelines.archive: tr("copy backup"),
            self.trash: tr("delete deleted restore recover undelete bin"),
            pipelines.delete_folder: tr("remove trash bin"),
            pipelines.delete_results: tr("remove"),
            pipelines.load: tr("verify reload reproduce trust pickle"),
            pipelines.report: tr("summary html markdown"),
            pipelines.report_dataset: tr("summary html markdown"),
            self.reset: tr("settings docks panes window"),
            rows.columns: tr("settings table"),
            rows.groups[-1]: tr("ungroup"),
            rows.export: tr("save download csv zip"),
            self.rescan: tr("refresh reload"),
            self.check: tr("health repair damaged"),
            self.keys: tr("shortcuts keyboard settings"),
            self.new_run: tr("train start"),
            self.parameters: tr("parameters importance chart explains"),
            self.rest: tr("resume continue go on cancelled interrupted"),
            self.quit: tr("exit"),
        }

    def in_menus(self) -> list[tuple[str, QAction]]:
        """Return every command with the title of its menu, in the order of the menus."""
        listed: dict[QAction, str] = {}
        for menu in self.menus:
            for action in _leaves(menu):
                listed.setdefault(action, action_text(menu.menuAction()))
        return [(title, action) for action, title in listed.items()]

    def key_groups(self) -> list[KeyGroup]:
        """Return the sheet of keys by menu, then what keys do in one place only."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for title, action in self.in_menus():
            if keys_text(action):
                rows.setdefault(title, []).append((action_text(action), keys_text(action)))
        return [*(KeyGroup(title, tuple(pairs)) for title, pairs in rows.items()), *self._local_keys()]

    def _local_keys(self) -> list[KeyGroup]:
        return [
            KeyGroup(tr("In the query box"), (
                (tr("Earlier queries, and back to what was typed"), "↑, ↓"),
                (tr("List of earlier queries"), "Alt+↓"),
                (tr("Go to the first row listed"), tr("↓, Enter once more")),
                (tr("Select the query, then clear it (↑ brings it back)"), tr("Esc, Esc")),
                (tr("What may come next"), "Ctrl+Space, Tab"),
            )),
            KeyGroup(tr("In the catalog"), (
                (tr("Sort by a column"), tr("Click on its title")),
                (tr("Sort by a further column"), tr("Shift+click on its title")),
                (tr("Write tags or notes in their cell"), "F2"),
                (tr("The menu of a row"), tr("Menu key, Shift+F10")),
            )),
            KeyGroup(tr("In the comparison"), (
                (tr("From pipeline to pipeline, from sample to sample"), "↑, ↓, ←, →"),
                (tr("Sort by a column"), tr("Click on its title")),
                (tr("Back to the catalog"), "Esc"),
            )),
            KeyGroup(tr("In the jobs"), (
                (tr("Pause or resume, cancel"), tr("Space, Del")),
                (tr("Show the pipeline"), tr("Enter")),
            )),
            KeyGroup(tr("In the runs"), (
                (tr("List a run in the catalog, see the details of a pipeline"), tr("Enter")),
                (tr("Filter the runs"), "Ctrl+F"),
                (tr("Go to a pipeline by its number"), tr("Digits")),
                (tr("Delete runs and pipelines to the trash"), tr("Del")),
            )),
            KeyGroup(tr("In the library"), (
                (tr("Use an item in a new run"), tr("Enter")),
                (tr("Write name, tags or description in their cell"), "F2"),
                (tr("Delete items to the trash"), tr("Del")),
            )),
            KeyGroup(tr("In the health pane"), (
                (tr("Mend a finding, else show its run or pipeline"), tr("Enter")),
                (tr("Bring back from the trash"), tr("Enter")),
                (tr("Remove from the trash for good"), tr("Del")),
            )),
            KeyGroup(tr("In parallel coordinates"), (
                (tr("From axis to axis"), "←, →"),
                (tr("Move the axis"), "Ctrl+←, Ctrl+→"),
                (tr("Turn the axis round"), "I"),
                (tr("Ranges of the axes"), tr("Enter")),
                (tr("Clear the range, remove the axis"), "Esc, Del"),
            )),
            KeyGroup(tr("In the details"), (
                (tr("Open the selected file, the parameters of a step"), tr("Enter")),
                (tr("From sample to sample in a chart"), "←, →"),
                (tr("The next kind of chart"), tr("Page Up, Page Down")),
                (tr("Sort the samples by the current column"), "Ctrl+."),
            )),
            KeyGroup(tr("On the welcome page"), (
                (tr("Open the workspace"), tr("Enter")),
                (tr("Remove it from the list"), tr("Del")),
            )),
            KeyGroup(tr("Everywhere"), (
                (tr("From one part of the window to the next"), "Tab, Shift+Tab"),
                (action_text(self._window.catalog.rows.export), _key_text(self._export_anywhere.key())),
                (tr("The menu of all commands"), _key_text(self._open_menu.key())),
            )),
        ]  # fmt: skip

    def _why_not(self, action: QAction) -> str:
        """Say why an action is not possible now; empty if it is."""
        if action.isEnabled():
            return ""
        held = self._window.session.workspace
        if held is None:
            return tr("Open a workspace first")
        if reason := action.property("reason"):
            return str(reason).rstrip(".")
        return tr("The workspace is read only") if held.read_only else tr("Nothing is selected to do it with")

    # --- making ---

    def _make(self) -> None:
        window = self._window
        self.new_run = self._action(tr("&New run…"), lambda: window.new_run(), "Ctrl+N", "run")
        self.open = self._action(tr("&Open workspace…"), window.opening.ask, "Ctrl+O", "open")
        self.create = self._action(tr("New &workspace…"), window.opening.ask_new, "Ctrl+Shift+N", "new")
        self.demo = self._action(tr("Try the &demo…"), lambda: window.ask_demo())
        self.rescan = self._action(tr("&Rescan"), window.rescan, "F5", "rescan")
        self.rebuild = self._action(tr("Rebuild &index"), window.rebuild_index)
        self.check = self._action(tr("C&heck the workspace"), window.check)
        self.check_deeply = self._action(tr("Check &deeply"), partial(window.check, True))
        self.trash = self._action(tr("Show the &trash"), window.show_trash)
        self.migrate = self._action(tr("Mi&grate from another program…"), window.migrating.ask)
        thinning = window.pipelines.thinning
        self.make_room = self._action(tr("&Make room…"), thinning.ask)
        self.bring_back = self._action(tr("&Bring back what was thinned…"), lambda: thinning.ask_back())
        self.close = self._action(tr("&Close workspace"), window.opening.close, "Ctrl+W")
        self.quit = self._action(tr("&Quit"), window.close, "Ctrl+Q")
        self.focus_query = self._action(tr("Go to the &query"), window.focus_query, "Ctrl+L", "search")
        self.focus_query.setShortcuts([QKeySequence("Ctrl+L"), QKeySequence("Ctrl+F")])
        self.commands = self._action(tr("Co&mmands…"), window.show_commands, "Ctrl+K", "commands")
        self.back = self._action(tr("&Back to the previous selection"), window.selection.back, "Alt+Left", "back")
        self.forward = self._action(
            tr("&Forward to the next selection"), window.selection.forward, "Alt+Right", "forward"
        )
        self.panes = [
            self._action(tr("Go to runs"), partial(window.show_pane, 1), "Ctrl+1"),
            self._action(tr("Go to catalog"), partial(window.show_pane, 2), "Ctrl+2"),
            self._action(tr("Go to details"), partial(window.show_pane, 3), "Ctrl+3"),
            self._action(tr("Go to jobs"), partial(window.show_pane, 4), "Ctrl+4"),
            self._action(tr("Go to library"), partial(window.show_pane, 5), "Ctrl+5"),
            self._action(tr("Go to health"), partial(window.show_pane, 6), "Ctrl+6"),
            self._action(tr("Go to comparison"), partial(window.show_pane, 7), "Ctrl+7"),
        ]
        self.next_pane = self._action(tr("Next pane"), partial(window.step_pane, 1), "F6")
        self.pane_before = self._action(tr("Previous pane"), partial(window.step_pane, -1), "Shift+F6")
        self.explore = self._action(
            tr("Show or hide the &charts of the list"), window.centre.toggle_explore, "Ctrl+Shift+C"
        )
        self.parameters = self._action(tr("Show which paramete&r matters"), self._show_parameters)
        self.views = self._action(tr("&Views…"), window.catalog.views.offer, "Ctrl+Shift+V", "view")
        self.spread = self._action(tr("Show or hide the fold &spread"), self._toggle_spread)
        self.compare_folds = self._action(tr("Compare over &folds"), self._compare_folds)
        self.reset = self._action(tr("Reset &layout"), window.reset_layout)
        self.pause = self._action(tr("&Pause or resume training"), window.jobs.toggle_pause, "Ctrl+P", "pause")
        self.rest = self._action(tr("Run the re&st of what was stopped"), self._run_rest)
        self.rest.setProperty("reason", tr("Nothing was stopped before its end"))
        for told in (window.jobs.began, window.jobs.ended, window.jobs.cleared):
            told.connect(self.offer_rest)
        self.offer_rest()
        self.cancel_jobs = self._action(tr("Cancel all jobs"), window.jobs.cancel_all, "", "cancel")
        # E alone works in the table and the tree, where it takes no letter away; this is what other programs have.
        self._export_anywhere = QShortcut(QKeySequence("Ctrl+E"), window, window.catalog.rows.export.trigger)
        self._open_menu = QShortcut(QKeySequence("F10"), window, window.top.show_more)
        self.undo = self._action(tr("&Undo"), window.undo.take_back, "Ctrl+Z")
        self.keys = self._action(tr("&Keys"), window.show_keys, "F1", "info")
        self.keys.setShortcuts([*self.keys.shortcuts(), QKeySequence("?")])  # where text is typed it is a letter
        self.about = self._action(tr("&About Runshelf"), window.show_about)

    def _make_themes(self) -> None:
        group = QActionGroup(self._window)
        self.themes: dict[Choice, QAction] = {}
        choices: tuple[tuple[Choice, str], ...] = (
            ("system", tr("Colours of the system")), ("light", tr("Light colours")), ("dark", tr("Dark colours")),
        )  # fmt: skip
        for choice, text in choices:
            action = self._action(text, partial(self._choose_theme, choice))
            action.setCheckable(True)
            action.setChecked(theme().choice == choice)
            group.addAction(action)
            self.themes[choice] = action

    def _choose_theme(self, choice: Choice) -> None:
        self._window.settings.theme = choice
        theme().choose(choice)

    def _action(self, text: str, act: Callable[[], object], keys: str = "", icon: str = "") -> QAction:
        action = QAction(text, self._window)
        action.triggered.connect(lambda _checked=False: act())
        if keys:
            action.setShortcut(QKeySequence(keys))
        if icon:
            theme().dress(action, icon)
        self._window.addAction(action)
        self._all.append(action)
        return action

    # --- menus ---

    def _fill_menus(self) -> None:
        window, rows, pipelines = self._window, self._window.catalog.rows, self._window.pipelines
        self.workspace_menu = QMenu(tr("&Workspace"), window)
        self.workspace_menu.addActions([self.open, self.create, self.demo])
        self.recent_menu = self.workspace_menu.addMenu(tr("Re&cent workspaces"))
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        self.workspace_menu.addSeparator()
        self.workspace_menu.addActions([self.rescan, self.rebuild, self.check, self.check_deeply, self.trash])
        self.workspace_menu.addSeparator()
        self.workspace_menu.addActions([self.migrate, self.make_room, self.bring_back])
        self.workspace_menu.addSeparator()
        self.workspace_menu.addActions([self.close, self.quit])
        self.edit_menu = QMenu(tr("&Edit"), window)
        for actions in (
            [self.undo], [rows.copy, pipelines.copy_name, pipelines.copy_id],
            [rows.select_all, rows.select_where, rows.invert],
        ):  # fmt: skip
            self.edit_menu.addActions(actions)
            self.edit_menu.addSeparator()
        self.edit_menu.addAction(self.focus_query)
        self.pipeline_menu = QMenu(tr("&Pipeline"), window)
        fill_menu(self.pipeline_menu, [
            pipelines.compare, self.compare_folds, pipelines.preview, None,
            rows.tag, rows.note, rows.star, rows.stars, None, pipelines.keep, pipelines.archive,
            rows.export, None,
            pipelines.show_in_catalog, pipelines.show_in_tree, pipelines.open_folder, pipelines.load, None,
            pipelines.delete_results, pipelines.delete_folder,
        ])  # fmt: skip
        self.pipeline_menu.addSeparator()
        _submenu(self.pipeline_menu, tr("Co&mparison"), window.compare.all())
        self.library_menu = QMenu(tr("&Library"), window)
        fill_menu(self.library_menu, window.library.items.by_rank())
        self.view_menu = QMenu(tr("&View"), window)
        docks = (
            window.tree_dock, window.library_dock, window.details_dock, window.jobs_dock, window.health_dock,
        )  # fmt: skip
        _submenu(self.view_menu, tr("&Go to"), [*self.panes, self.next_pane, self.pane_before])
        _submenu(self.view_menu, tr("Show &panes"), [dock.toggleViewAction() for dock in docks])
        self.view_menu.addActions([self.explore, self.parameters])
        self.view_menu.addActions([self.back, self.forward])
        self.view_menu.addSeparator()
        self.view_menu.addAction(self.views)
        self.view_menu.addMenu(window.catalog.views.menu)
        self.view_menu.addActions([rows.columns, self.spread])
        _submenu(self.view_menu, tr("&Sort"), [rows.sort, rows.then, rows.unsort])
        _submenu(self.view_menu, tr("Group &by"), rows.groups)
        self.view_menu.addSeparator()
        _submenu(self.view_menu, tr("C&olours"), list(self.themes.values()))
        self.view_menu.addAction(self.reset)
        self.run_menu = QMenu(tr("&Run"), window)
        again = [pipelines.rerun, pipelines.run_again, pipelines.run_elsewhere]
        fill_menu(
            self.run_menu,
            [
                self.new_run,
                None,
                *again,
                None,
                pipelines.report,
                pipelines.report_dataset,
                None,
                self.pause,
                self.rest,
                self.cancel_jobs,
            ],
        )
        self.help_menu = QMenu(tr("&Help"), window)
        self.help_menu.addActions([self.commands, self.keys, self.about])
        self.menus = [
            self.workspace_menu, self.edit_menu, self.pipeline_menu, self.library_menu, self.view_menu, self.run_menu,
            self.help_menu,
        ]  # fmt: skip
        self.more_menu = QMenu(window)
        self.more_menu.addAction(self.commands)
        self.more_menu.addSeparator()
        for menu in self.menus:
            self.more_menu.addMenu(menu)
        # Where the platform has one menu for all programs, the same menus are there too.
        bar = window.menuBar()
        if bar.isNativeMenuBar():
            for menu in self.menus:
                bar.addMenu(menu)
        else:
            bar.hide()

    def _toggle_spread(self) -> None:
        catalog = self._window.catalog
        catalog.show_spread(not catalog.model.spread_shown)

    def _compare_folds(self) -> None:
        """Compare the selected pipelines by what their shared folds tell."""
        self._window.compare_chosen()
        self._window.compare.tabs.setCurrentIndex(FOLDS)

    def _show_parameters(self) -> None:
        """Show the charts of what is listed, and of them the one of the parameters."""
        centre = self._window.centre
        centre.show_catalog()
        if not centre.shows_charts():
            centre.toggle_explore()
        self._window.explore.show_parameters()

    def _run_rest(self) -> None:
        """Train what the last job that was stopped left undone, else what a crash broke off."""
        if (job := self._window.jobs.stopped()) is None:
            self._window.crash_notice.do()
        else:
            self._window.training.run_rest(job)

    def offer_rest(self, *_: object) -> None:
        """Enable running the rest where something was stopped or broken off."""
        self.rest.setEnabled(self._window.jobs.stopped() is not None or self._window.broken_off)

    def _name_undo(self) -> None:
        """Say in the tip what Undo would take back."""
        self.undo.setToolTip(self._window.undo.next_text() or tr("Undo"))

    def _fill_recent(self) -> None:
        """List the workspaces of late; those that are not there any more are marked as soon as that is known."""
        menu, paths = self.recent_menu, self._window.settings.recent
        menu.clear()
        for number, path in enumerate(paths, 1):
            text = short_path(path).replace("&", "&&")
            menu.addAction(f"&{number}  {text}" if number < 10 else text, partial(self._open_recent, path))
        menu.addSeparator()
        clear = menu.addAction(tr("Clear this list"), self._window.opening.forget_recent)
        clear.setEnabled(bool(paths))
        shown = menu.actions()[: len(paths)]

        def mark(there: list[bool]) -> None:
            for action, known in zip(shown, there, strict=True):
                if isValid(action) and not known:
                    action.setText(tr("{path} (not found)").format(path=action.text()))

        if paths:
            self._window.tasks.start(partial(look_for, paths), mark, quiet=True)

    def _open_recent(self, path: str) -> None:
        self._window.open_workspace(Path(path))


def action_text(action: QAction) -> str:
    """Return what an action is called, without the sign for its letter."""
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


def keys_text(action: QAction) -> str:
    """Return the keys of an action as the platform writes them."""
    return ", ".join(map(_key_text, action.shortcuts()))


def _key_text(key: QKeySequence) -> str:
    return key.toString(QKeySequence.SequenceFormat.NativeText)


def _submenu(menu: QMenu, title: str, actions: Sequence[QAction]) -> None:
    menu.addMenu(title).addActions(actions)


def _leaves(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _leaves(inner)
        elif not action.isSeparator() and action.text():
            yield action
