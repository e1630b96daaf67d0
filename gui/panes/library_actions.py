"""What can be done with items of the library: the actions, and the work they start."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.deleting import restore
from gui.dialogs.keep import kind_title
from gui.formats import counted, tr
from gui.jobs import Jobs
from gui.panes.library_table import LibraryTab
from gui.selection import Picked, Selection
from gui.session import Session
from gui.settings import Settings, documents_folder
from gui.shelving import delete_items, edit_item, fetch_configs, has_source, pack_item, unpack_item
from gui.theme import theme

if TYPE_CHECKING:
    from storage import LibraryItem


class LibraryActions(QObject):
    """The actions on the selected items of the tab that `page` gives.

    `item_wanted` carries kind and name of an item to be shown, `use_wanted` what to run, as configurations or the path
    of a template, `run_wanted` a run to go to; `done` says in words what happened, with what undoes it.
    """

    item_wanted = Signal(str, str)
    use_wanted = Signal(list)
    run_wanted = Signal(str)
    done = Signal(str, object)

    def __init__(
        self,
        page: Callable[[], LibraryTab],
        session: Session,
        selection: Selection,
        jobs: Jobs,
        settings: Settings,
        pane: QWidget,
    ) -> None:
        super().__init__(pane)
        self._page, self._pane = page, pane
        self._session, self._selection, self._jobs, self._settings = session, selection, jobs, settings
        action = self._action
        self.use = action(tr("&Use in a new run…"), self.use_item, icon="run")
        self.source = action(tr("Show &source"), self.show_source)
        self.rename = action(tr("Re&name"), lambda: page().write("name"))
        self.describe = action(tr("Edit &description"), lambda: page().write("description"))
        self.tags = action(tr("Edit &tags"), lambda: page().write("tags"))
        self.pack = action(tr("&Export zip…"), self.ask_pack)
        self.unpack = action(tr("&Import zip…"), self.ask_unpack, icon="open")
        self.open = action(tr("&Open folder"), self._open_folder)
        self.delete = action(tr("Delete from library to trash"), self.delete_items, keys="Del")

    def _action(self, text: str, act: Callable[[], object], *, icon: str = "", keys: str = "") -> QAction:
        made = QAction(text, self)
        made.triggered.connect(lambda _checked=False: act())
        if keys:
            made.setShortcut(QKeySequence(keys))
            made.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        if icon:
            theme().dress(made, icon)
        return made

    def by_rank(self) -> list[QAction | None]:
        """Return what can be done, as a menu shows it; None is a line."""
        return [
            self.use, self.source, None, self.rename, self.describe, self.tags, None,
            self.pack, self.unpack, self.open, None, self.delete,
        ]  # fmt: skip

    def update(self, item: LibraryItem | None) -> None:
        """Enable what can be done with an item; the rest says in its tip why not."""
        held = self._session.workspace
        writable = held is not None and not held.read_only
        sound = item is not None and item.problem is None
        for action, possible in (
            (self.use, sound and writable), (self.source, item is not None and bool(item.run_id)),
            (self.rename, item is not None and writable), (self.describe, sound and writable),
            (self.tags, sound and writable), (self.pack, sound), (self.unpack, writable),
            (self.open, item is not None), (self.delete, item is not None and writable),
        ):  # fmt: skip
            plain = action.text().replace("&", "").rstrip("…")
            reason = "" if possible else self._why_not(item)
            action.setEnabled(possible)
            action.setProperty("reason", reason)
            action.setToolTip(f"{plain}\n{reason}" if reason else plain)

    def _why_not(self, item: LibraryItem | None) -> str:
        held = self._session.workspace
        if held is None:
            return tr("Open a workspace first.")
        if held.read_only:
            return tr("The workspace is open for reading only.")
        return (item.problem or tr("It is not known where it came from.")) if item else tr("Select an item first.")

    # --- doing ---

    def use_item(self) -> None:
        """Ask for a new run with the configurations of the current item.

        A template goes by its file, which the dialog offers anyway: so it is there once, and chosen.
        """
        item = self._page().current()
        if item is None or not self.use.isEnabled():
            return
        if item.kind == "template":
            self.use_wanted.emit([item.path])
        else:
            self._session.query(partial(fetch_configs, item.kind, item.name), self.use_wanted.emit)

    def show_source(self) -> None:
        """Select the pipeline or the run that the current item was made from."""
        item = self._page().current()
        if item is None:
            return

        before = self._selection.current

        def show(there: bool) -> None:
            if self._selection.current != before:
                return  # somebody selected something else meanwhile
            if not there:
                self.done.emit(tr("What it was made from is not there any more."), None)
            elif item.pipeline_id:
                self._selection.pick(Picked(item.run_id, item.pipeline_id, item.prediction_id))
            else:
                self.run_wanted.emit(item.run_id)

        self._session.query(partial(has_source, item.run_id, item.prediction_id), show)

    def delete_items(self) -> None:
        """Move the selected items to the trash."""
        items = tuple((item.kind, item.name) for item in self._page().chosen())
        if not items:
            return
        what = items[0][1] if len(items) == 1 else counted(len(items), "{n} item", "{n} items")
        text = tr("{what} moved from the library to the trash.").format(what=what)

        def tell(trashed: tuple[str, ...]) -> None:
            self.done.emit(text, partial(self._restore, trashed))

        self._session.change(partial(delete_items, items), tell)

    def _restore(self, trashed: tuple[str, ...]) -> None:
        self._session.change(partial(restore, trashed), lambda _: self.done.emit(tr("Back in the library."), None))

    def edit(self, item: LibraryItem, column: str, text: str) -> None:
        def tell(edited: LibraryItem) -> None:
            if column == "name":
                self.item_wanted.emit(edited.kind, edited.name)
            before = {"name": item.name, "tags": ", ".join(item.tags), "description": item.description}[column]
            words = {
                "name": tr("Renamed to {name}."), "tags": tr("Tagged {name}."), "description": tr("Described {name}."),
            }[column].format(name=edited.name)  # fmt: skip
            self.done.emit(words, partial(self._session.change, partial(edit_item, edited, column, before)))

        self._session.change(partial(edit_item, item, column, text), tell)

    def ask_pack(self) -> None:
        """Ask where to, and write the current item to a zip file."""
        item = self._page().current()
        if item is None:
            return
        folder = Path(self._settings.export_folder or documents_folder())
        chosen, _ = QFileDialog.getSaveFileName(
            self._pane, tr("Export to zip"), str(folder / f"{item.name}.zip"), tr("Zip (*.zip)")
        )
        if chosen:
            self.pack_item(item, Path(chosen))

    def pack_item(self, item: LibraryItem, path: Path) -> None:
        """Write an item to a zip file, replacing what is there."""
        held = self._session.workspace
        if held is not None:
            self._settings.export_folder = str(path.parent)
            path = path if path.suffix.lower() == ".zip" else path.with_name(f"{path.name}.zip")
            work = partial(pack_item, held.root, item.kind, item.name, path)
            name = tr("Exporting {name}").format(name=item.name)
            told = tr("Exported {name} to {path}").format(name=item.name, path=path)
            self._jobs.start(
                name, work, kept=tr("no file was written"), done=lambda _: told, lane="export", speaks=True
            )

    def ask_unpack(self) -> None:
        """Ask for zip files and put what is in them into the library."""
        folder = self._settings.export_folder or documents_folder()
        chosen, _ = QFileDialog.getOpenFileNames(self._pane, tr("Import zip"), folder, tr("Zip (*.zip)"))
        self.unpack_items([Path(path) for path in chosen])

    def unpack_items(self, paths: list[Path]) -> None:
        """Put what is in zip files into the library."""
        held = self._session.workspace
        if held is None or held.read_only:
            return
        for path in paths:

            def end(item: LibraryItem, file: str = path.name) -> str:
                self.item_wanted.emit(item.kind, item.name)
                words = tr("Imported {file} as {name}, in {kind}")
                return words.format(file=file, name=item.name, kind=kind_title(item.kind))

            name = tr("Importing {name}").format(name=path.name)
            work = partial(unpack_item, held.root, path)
            self._jobs.start(name, work, kept=tr("nothing was added"), done=end, speaks=True)

    def _open_folder(self) -> None:
        item = self._page().current()
        if item is not None:
            folder = item.path.parent if item.kind == "template" else item.path
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
