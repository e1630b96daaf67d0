"""The menu of views: choosing one, saving what is shown as one, and keeping them in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QMenu, QToolButton, QWidget

from gui.formats import tr
from gui.theme import theme
from gui.views import SavedView, built_in_views, drop_view, own_views, put_view
from gui.widgets import dialog_column

if TYPE_CHECKING:
    from gui.panes.catalog import CatalogPane


class Views(QObject):
    """Knows the view that is shown, with a button and a menu for all of them.

    `done` tells in words what happened, with what undoes it. `charts_of` and `show_charts` let the charts of what is
    listed be part of a view; whoever has them sets both.
    """

    done = Signal(str, object)

    def __init__(self, pane: CatalogPane) -> None:
        super().__init__(pane)
        self._pane, self._settings = pane, pane.settings
        self._save: QAction | None = None
        self._group: QActionGroup | None = None
        self._named: set[QAction] = set()
        self.charts_of: Callable[[], dict[str, Any]] = dict
        self.show_charts: Callable[[dict[str, Any]], None] = lambda charts: None
        self.menu = QMenu(tr("&Views"), pane)
        self.button = QToolButton()
        self.button.setObjectName("flat")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setAccessibleName(tr("View of the catalog"))
        self.button.setToolTip(tr("Named views: query, order, columns and groups (Ctrl+Shift+V)"))
        self.button.setMenu(self.menu)
        theme().dress(self.button, "view")
        self.current: SavedView | None = None
        self.recall()

    def all(self) -> list[SavedView]:
        """Return every view, built-in ones first."""
        return [*built_in_views(), *own_views(self._settings)]

    def find(self, name: str) -> SavedView | None:
        """Return the view of that name (or key, of a built-in one)."""
        return next((one for one in self.all() if name in (one.key, one.name) and name), None)

    def recall(self) -> None:
        """Call what is shown by the view that is remembered."""
        chosen = self.find(self._settings.view or "best")
        # A window opens on everything: a view with a query of its own is for choosing.
        self.current = chosen if chosen is not None and not chosen.query else None
        self._fill()

    def names_one(self, action: QAction) -> bool:
        """Whether an action of the menu is called by a view alone, which says nothing where other commands are."""
        return action in self._named

    def open(self, view: SavedView) -> None:
        """Show a view."""
        self.current = view
        self._settings.view = view.key or view.name
        self._pane.show_view(view)
        if view.charts:
            self.show_charts(dict(view.charts))
        self.refresh()

    def refresh(self) -> None:
        """Say which view is shown, and whether it was changed."""
        view = self.current
        changed = view is not None and not self._pane.as_view(view.name).same(view)
        words = tr("View: {name}, changed") if changed else tr("View: {name}")
        self.button.setText(words.format(name=view.name) if view is not None else tr("View"))
        if self._save is not None:
            self._save.setEnabled(changed and view is not None and not view.key)

    def offer(self) -> None:
        """Open the menu."""
        self.menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))

    def offer_in(self, menu: QMenu) -> None:
        """Offer the views in the menu of somebody else, who may delete it with all that is in it."""
        part = menu.addMenu(tr("&Views"))
        for view in self.all():
            part.addAction(view.name.replace("&", "&&"), partial(self.open, view))

    def ask_name(self, rename: SavedView | None = None) -> NameDialog:
        """Ask what to call the view that is shown, or how to rename one."""
        title = tr("Rename view") if rename is not None else tr("Save view as")
        taken = [one.name for one in self.all() if rename is None or one.name != rename.name]
        dialog = NameDialog(title, rename.name if rename is not None else "", taken, self._pane)
        dialog.accepted.connect(lambda: self._keep(dialog.name(), rename))
        dialog.open()
        return dialog

    def drop(self, view: SavedView) -> None:
        """Delete a view of the user's own; that can be undone."""
        drop_view(self._settings, view.name)
        self._change(view.name, None)

        def undo() -> None:
            put_view(self._settings, view)
            self._change("", view)

        self.done.emit(tr("Deleted the view {name}.").format(name=view.name), undo)

    def save(self) -> None:
        """Keep what is shown now as the current view of the user's own."""
        before = self.current
        if before is None or before.key:
            return
        put_view(self._settings, self._as_view(before.name), before.name)
        self._change(before.name, self.find(before.name))

        def undo() -> None:
            put_view(self._settings, before, before.name)
            self._change(before.name, before)

        self.done.emit(tr("Saved the view {name}.").format(name=before.name), undo)

    def _again(self) -> None:
        if self.current is not None:
            self.open(self.current)

    def _keep(self, name: str, rename: SavedView | None) -> None:
        view = replace(rename, name=name) if rename is not None else self._as_view(name)
        put_view(self._settings, view, rename.name if rename is not None else "")
        if rename is None or (self.current is not None and self.current.name == rename.name):
            self.current = view
            self._settings.view = name
        self._fill()

    def _as_view(self, name: str) -> SavedView:
        return replace(self._pane.as_view(name), charts=self.charts_of())

    def _change(self, name: str, view: SavedView | None) -> None:
        """A view is another one now, or gone."""
        if self.current is not None and self.current.name == name:
            self.current = view
            self._settings.view = view.name if view is not None else ""
        self._fill()

    def _fill(self) -> None:
        menu, own = self.menu, own_views(self._settings)
        menu.clear()
        self._group, self._named = QActionGroup(menu), set()
        for view in built_in_views():
            self._offer_view(view)
        if own:
            menu.addSeparator()
        for view in own:
            self._offer_view(view)
        menu.addSeparator()
        menu.addAction(tr("Save view as…"), self.ask_name)
        self._save = menu.addAction(tr("Save changes to this view"), self.save)
        menu.addAction(tr("Show this view as it was"), self._again)
        for title, act in ((tr("Rename a view"), self.ask_name), (tr("Delete a view"), self.drop)):
            part = menu.addMenu(title)
            part.setEnabled(bool(own))
            for view in own:
                self._named.add(part.addAction(view.name.replace("&", "&&"), partial(act, view)))
        self.refresh()

    def _offer_view(self, view: SavedView) -> None:
        action = self.menu.addAction(view.name.replace("&", "&&"), partial(self.open, view))
        self._named.add(action)
        action.setCheckable(True)
        if self._group is not None:
            self._group.addAction(action)
        chosen = self.current
        action.setChecked(chosen is not None and (chosen.key, chosen.name) == (view.key, view.name))


class NameDialog(QDialog):
    """Asks for a name that isn't taken."""

    def __init__(self, title: str, name: str, taken: list[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(360)
        self._taken = {one.casefold() for one in taken}
        self.edit = QLineEdit(name)
        self.edit.setObjectName("viewName")
        self.edit.setAccessibleName(tr("Name of the view"))
        self.edit.selectAll()
        self._words = QLabel()
        self._words.setObjectName("bad")
        buttons = QDialogButtonBox()
        self._save = buttons.addButton(title, QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setText(tr("Save"))
        self._save.setDefault(True)
        buttons.addButton(tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.edit.textChanged.connect(lambda _: self._check())
        layout = dialog_column(self)
        for widget in (QLabel(tr("Name of the view")), self.edit, self._words, buttons):
            layout.addWidget(widget)
        self._check()

    def name(self) -> str:
        """Return the name."""
        return self.edit.text().strip()

    def _check(self) -> None:
        taken = self.name().casefold() in self._taken
        self._words.setText(tr("There is a view of that name already.") if taken else "")
        self._save.setEnabled(bool(self.name()) and not taken)
