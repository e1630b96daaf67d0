"""All commands of the window with their keys, and the menus they are in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from gui.formats import tr
from gui.session import Opened
from gui.theme import Choice, theme

if TYPE_CHECKING:
    from gui.window import MainWindow


class Commands:
    """The actions of a window. Each is in a menu and in the command list, and works by key."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._all: list[QAction] = []
        self._make()
        self._make_themes()
        self._all.extend(window.catalog.rows.all())
        window.addAction(window.catalog.rows.undo)
        self._fill_menus()

    def all(self) -> list[QAction]:
        """Return every command."""
        return list(self._all)

    def show_workspace(self, held: Opened | None) -> None:
        """Enable what can be done with the workspace that is open."""
        rows = self._window.catalog.rows
        for action in (self.rescan, self.rebuild, self.close, self.focus_query, *rows.all()):
            action.setEnabled(held is not None)
        for action in (self.new_run, rows.tag, rows.note, rows.star, rows.stars):
            action.setEnabled(held is not None and not held.read_only)

    def other_keys(self) -> list[tuple[str, str]]:
        """Return what keys do that are no commands."""
        return [
            (tr("Earlier and later queries (in the query box)"), "↑, ↓"),
            (tr("Clear the query (in the query box)"), "Esc"),
            (tr("What may come next (in the query box)"), "Ctrl+Space, Tab"),
            (tr("Sort by a further column"), tr("Shift+click on its title")),
            (tr("Write tags or notes in their cell"), "F2"),
            (tr("Open the selected file (in the details)"), "Enter"),
        ]

    # --- making ---

    def _make(self) -> None:
        window = self._window
        self.new_run = self._action(tr("&New run…"), lambda: window.new_run(), "Ctrl+N", "run")
        self.open = self._action(tr("&Open workspace…"), window.open_dialog, "Ctrl+O", "open")
        self.create = self._action(tr("New &workspace…"), window.create_dialog, "Ctrl+Shift+N", "new")
        self.demo = self._action(tr("Try the &demo"), window.try_demo)
        self.rescan = self._action(tr("&Rescan"), window.rescan, "F5", "rescan")
        self.rebuild = self._action(tr("Rebuild &index"), window.rebuild_index)
        self.close = self._action(tr("&Close workspace"), window.close_workspace, "Ctrl+W")
        self.quit = self._action(tr("&Quit"), window.close, "Ctrl+Q")
        self.focus_query = self._action(tr("Go to the &query"), window.focus_query, "Ctrl+L", "search")
        self.commands = self._action(tr("Co&mmands…"), window.show_commands, "Ctrl+K", "commands")
        self.back = self._action(tr("Selection &before"), window.selection.back, "Alt+Left", "back")
        self.forward = self._action(tr("Selection &after"), window.selection.forward, "Alt+Right", "forward")
        self.panes = [
            self._action(tr("Go to runs"), partial(window.show_pane, 1), "Ctrl+1"),
            self._action(tr("Go to catalog"), partial(window.show_pane, 2), "Ctrl+2"),
            self._action(tr("Go to details"), partial(window.show_pane, 3), "Ctrl+3"),
            self._action(tr("Go to jobs"), partial(window.show_pane, 4), "Ctrl+4"),
            self._action(tr("Go to library"), partial(window.show_pane, 5), "Ctrl+5"),
            self._action(tr("Go to comparison"), partial(window.show_pane, 7), "Ctrl+7"),
        ]
        self.explore = self._action(
            tr("Show or hide the &charts of the list"), window.centre.toggle_explore, "Ctrl+Shift+C"
        )
        self.reset = self._action(tr("Reset &layout"), window.reset_layout)
        self.cancel_jobs = self._action(tr("Cancel all jobs"), window.jobs.cancel_all, "", "cancel")
        self.keys = self._action(tr("&Keys"), window.show_keys, "F1", "info")

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
        window = self._window
        self.workspace_menu = QMenu(window)
        self.workspace_menu.addActions([self.open, self.create, self.demo])
        self.recent_menu = self.workspace_menu.addMenu(tr("Recent workspaces"))
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        self.workspace_menu.addSeparator()
        self.workspace_menu.addActions([self.rescan, self.rebuild, self.close])
        self.view_menu = QMenu(tr("View"), window)
        docks = (window.tree_dock, window.library_dock, window.details_dock, window.jobs_dock)
        self.view_menu.addActions([dock.toggleViewAction() for dock in docks])
        self.view_menu.addSeparator()
        self.view_menu.addActions(list(self.themes.values()))
        self.view_menu.addSeparator()
        self.view_menu.addActions([*self.panes, self.explore, self.back, self.forward])
        self.view_menu.addSeparator()
        self.view_menu.addActions([self._window.catalog.rows.columns, self.reset])
        self.more_menu = QMenu(window)
        self.more_menu.addActions([self.commands, self.focus_query])
        self.more_menu.addSeparator()
        self.more_menu.addMenu(self.view_menu)
        self.more_menu.addAction(self.cancel_jobs)
        self.more_menu.addSeparator()
        self.more_menu.addActions([self.keys, self.quit])
        # Where the platform has one menu for all programs, the same menus are there too.
        bar = window.menuBar()
        if bar.isNativeMenuBar():
            self.workspace_menu.setTitle(tr("Workspace"))
            bar.addMenu(self.workspace_menu)
            bar.addMenu(self.view_menu)
        else:
            bar.hide()

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for text in self._window.settings.recent:
            action = self.recent_menu.addAction(text)
            action.triggered.connect(partial(self._open_recent, text))
        if self.recent_menu.isEmpty():
            self.recent_menu.addAction(tr("None yet")).setEnabled(False)

    def _open_recent(self, text: str, _checked: bool = False) -> None:
        self._window.open_workspace(Path(text))
