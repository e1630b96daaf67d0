"""The tree of runs and their pipelines."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTreeView, QVBoxLayout, QWidget

from gui.formats import tr
from gui.runs_model import RunsModel
from gui.selection import Picked, Selection
from gui.session import Session
from gui.theme import theme


class WorkspaceTree(QWidget):
    """Shows the runs, follows the selection and sets it; `query_wanted` asks the catalog to list a run."""

    query_wanted = Signal(str)

    def __init__(self, session: Session, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._selection = session, selection
        self.model = RunsModel(session, self)
        self._placing = False
        self._fresh = True
        self._in_view = False
        self.tree = QTreeView()
        tree = self.tree
        tree.setObjectName("workspaceTree")
        tree.setAccessibleName(tr("Runs and their pipelines"))
        tree.setModel(self.model)
        tree.setUniformRowHeights(True)
        tree.setAllColumnsShowFocus(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._show_menu)
        tree.setStyleSheet("QTreeView::item { height: 26px; }")
        tree.setIndentation(12)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, 56)
        header.setSectionsMovable(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(tree)
        tree.selectionModel().currentChanged.connect(self._pick)
        selection.changed.connect(self._follow)
        session.opened.connect(self._start_over)
        session.closed.connect(self._start_over)
        session.changed.connect(self.model.ask)
        self.model.listed.connect(self._listed)
        self.model.rowsAboutToBeInserted.connect(self._note_place)
        self.model.rowsInserted.connect(self._keep_place)
        theme().changed.connect(tree.viewport().update)

    def show_run(self, run_id: str) -> None:
        """List the pipelines of a run in the catalog."""
        self.query_wanted.emit("run_id = '{}'".format(run_id.replace("'", "''")))

    def _start_over(self) -> None:
        self.model.clear()
        self._fresh = True
        if self._session.workspace is not None:
            self.model.ask()

    def _listed(self) -> None:
        if self._fresh and self.model.rowCount():
            self._fresh = False
            self.tree.expand(self.model.index(0, 0))
        if self._selection.current is not None and not self.tree.currentIndex().isValid():
            self._follow()

    def _pick(self, index: QModelIndex) -> None:
        if self._placing:
            return
        run, pipeline = self.model.run(index), self.model.pipeline(index)
        if run is not None and pipeline is not None:
            self._selection.pick(Picked(run.run_id, pipeline.pipeline_id, pipeline.prediction_id))

    def _follow(self) -> None:
        picked = self._selection.current
        if picked is None:
            self._place(QModelIndex())
            return
        here, run = self.model.pipeline(self.tree.currentIndex()), self.model.run(self.tree.currentIndex())
        if here is None or run is None or (run.run_id, here.pipeline_id) != (picked.run_id, picked.pipeline_id):
            self.model.reveal(picked, self._place)

    def _place(self, index: QModelIndex) -> None:
        self._placing = True
        self.tree.setCurrentIndex(index)
        if index.isValid():
            self.tree.scrollTo(index)
        else:
            self.tree.selectionModel().clear()
        self._placing = False

    def _note_place(self) -> None:
        shown = self.tree.visualRect(self.tree.currentIndex())
        self._in_view = self._in_view or (shown.isValid() and self.tree.viewport().rect().intersects(shown))

    def _keep_place(self) -> None:
        # Rows that arrive above push the current one away; once the view has laid them out it is brought back.
        QTimer.singleShot(0, self, self._show_current)

    def _show_current(self) -> None:
        if self._in_view and self.tree.currentIndex().isValid():
            self.tree.scrollTo(self.tree.currentIndex())
        self._in_view = False

    def _show_menu(self, at: QPoint) -> None:
        index = self.tree.indexAt(at)
        run, pipeline = self.model.run(index), self.model.pipeline(index)
        if run is None:
            return
        menu = QMenu(self)
        menu.addAction(tr("Show this run in the catalog")).triggered.connect(lambda: self.show_run(run.run_id))
        text = str(index.siblingAtColumn(0).data())
        menu.addAction(tr("Copy name")).triggered.connect(lambda: QGuiApplication.clipboard().setText(text))
        name = pipeline.pipeline_id if pipeline is not None else run.run_id
        menu.addAction(tr("Copy id")).triggered.connect(lambda: QGuiApplication.clipboard().setText(name))
        menu.exec(self.tree.viewport().mapToGlobal(at))
