"""The pages without a workspace: what Runshelf keeps, the ways to begin, the workspaces of late; and one on its way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QProgressBar,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.dialogs.demo import DemoPlace
from gui.formats import short_path, tr
from gui.settings import Settings
from gui.tasks import Progress, Report, Tasks
from gui.theme import GRID, theme
from gui.widgets import EmptyState, MenuKeys, heading

WORKSPACE_FILE = "runshelf.json"
WIDTH, HEIGHT = 560, 44
PATH_ROLE, GONE_ROLE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


def look_for(paths: list[str], report: Report) -> list[bool]:
    """Say of each path whether a workspace is there now; a path may be far away, so this runs elsewhere."""
    return [(Path(path) / WORKSPACE_FILE).is_file() for path in paths]


class WelcomePage(EmptyState):
    """Offers to open, make or try a workspace, and lists those of late; `wanted` names the one to open.

    Who has not been here before is told what Runshelf is for, and offered the demo first.
    """

    wanted = Signal(object)

    def __init__(self, tasks: Tasks, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("", "", parent)
        self._open_way: QPushButton | None = None
        self._demo_way: QPushButton | None = None
        self._making = False  # the demo
        self._tasks, self._settings = tasks, settings
        self.recent = QListWidget()
        self.recent.setObjectName("recentList")
        self.recent.setAccessibleName(tr("Recent workspaces"))
        self.recent.setItemDelegate(_RecentDelegate(self.recent))
        self.recent.setUniformItemSizes(True)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.recent.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        MenuKeys(self.recent)
        self.recent.setMouseTracking(True)
        self.recent.customContextMenuRequested.connect(self._show_menu)
        self.recent.itemClicked.connect(self._open)
        # Enter alone is what the platform may not take for an activation.
        for keys, act in (("Return", self._open_current), ("Enter", self._open_current), ("Del", self._forget_current)):
            shortcut = QShortcut(QKeySequence(keys), self.recent, act)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)  # given to the constructor PySide forgets it
        self._title_of_recent = heading(tr("Recent workspaces"))
        self.demo = DemoPlace()
        self.below.addWidget(self.demo)
        within = QWidget()
        within.setMaximumWidth(WIDTH)
        column = QVBoxLayout(within)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addSpacing(2 * GRID)
        column.addWidget(self._title_of_recent)
        column.addWidget(self.recent)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(within, 100)  # all there is, in a window too narrow for its width
        row.addStretch(1)
        self.below.addLayout(row)

    def offer_ways(
        self, open_one: Callable[[], object], make_one: Callable[[], object], try_demo: Callable[[], object]
    ) -> None:
        """Add the buttons for the ways to begin."""
        self._open_way = self.offer(tr("Open workspace…"), open_one)
        self.offer(tr("New workspace…"), make_one)
        self._demo_way = self.offer(tr("Try the demo"), try_demo)
        self._demo_way.setToolTip(tr("Trains 73 small pipelines on real spectra; takes a minute or two"))

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, which people want next: a workspace of late, else the demo."""
        return self.recent if self.recent.count() else self._demo_way

    def begin(self) -> None:
        """Give the keyboard to what people want next."""
        if (first := self.first) is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh(self) -> None:
        """Show the workspaces of late as they are known, then mark those that are not there any more."""
        paths = self._settings.recent
        self._greet(first=not paths)
        self.recent.clear()
        for path in paths:
            item = QListWidgetItem(Path(path).name or path)
            item.setData(PATH_ROLE, path)
            item.setToolTip(path)
            self._name(item, gone=False)
            self.recent.addItem(item)
        self.recent.setFixedHeight(HEIGHT * min(len(paths), 6) + 2 * self.recent.frameWidth() + 2)
        for part in (self.recent, self._title_of_recent):
            part.setVisible(bool(paths))
        if paths:
            self.recent.setCurrentRow(0)
            self._tasks.start(partial(look_for, paths), partial(self._mark, paths), quiet=True)

    def tell_making(self, making: bool) -> None:
        """Say whether the demo is being made; it is not offered meanwhile."""
        self._making = making
        self._greet(first=not self._settings.recent)

    def _greet(self, *, first: bool) -> None:
        if self._demo_way is not None:
            self._demo_way.setEnabled(not self._making)
        self.demo.setVisible(not self._making)
        if self._making:
            self.say(
                tr("The demo is being made"),
                tr("It trains some pipelines on real spectra, which takes a minute or two, and is opened when ready."),
            )
        elif first:
            self.say(
                tr("Welcome to Runshelf"),
                tr(
                    "Train many pipelines, find the best result, see why it is the best, and take it with you. "
                    "The demo trains some on real spectra and is the quickest way to look around. "
                    "For your own data make a workspace: a plain folder where everything is kept."
                ),
            )
        else:
            self.say(
                tr("No workspace is open"),
                tr(
                    "A workspace is a folder where Runshelf keeps runs, results and everything needed to find them "
                    "again."
                ),
            )
        for way, foremost in ((self._open_way, not first), (self._demo_way, first)):
            if way is not None and way.property("primary") != foremost:
                way.setProperty("primary", foremost)
                way.style().polish(way)  # by which the style sheet looks again

    def _mark(self, paths: list[str], there: list[bool]) -> None:
        known = dict(zip(paths, there, strict=True))
        for row in range(self.recent.count()):
            item = self.recent.item(row)
            self._name(item, gone=not known.get(item.data(PATH_ROLE), True))

    def _name(self, item: QListWidgetItem, *, gone: bool) -> None:
        item.setData(GONE_ROLE, gone)
        words = [item.text(), short_path(item.data(PATH_ROLE)), *([tr("not found")] if gone else [])]
        item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(words))

    def _open(self, item: QListWidgetItem) -> None:
        self.wanted.emit(Path(item.data(PATH_ROLE)))

    def _open_current(self) -> None:
        if (item := self.recent.currentItem()) is not None:
            self._open(item)

    def _forget_current(self) -> None:
        if (item := self.recent.currentItem()) is not None:
            row = self.recent.currentRow()
            self._settings.recent = [path for path in self._settings.recent if path != item.data(PATH_ROLE)]
            self.refresh()
            self.recent.setCurrentRow(min(row, self.recent.count() - 1))

    def _show_menu(self, at: QPoint) -> None:
        if (row := self.recent.indexAt(at).row()) >= 0:
            self.recent.setCurrentRow(row)
        item = self.recent.currentItem()
        menu = QMenu(self.recent)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        path = Path(item.data(PATH_ROLE))
        menu.addAction(tr("Open"), self._open_current)
        menu.addAction(tr("Show folder"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))).setEnabled(
            not item.data(GONE_ROLE)
        )
        menu.addSeparator()
        menu.addAction(tr("Remove from this list"), self._forget_current)
        menu.popup(self.recent.viewport().mapToGlobal(at))


class OpeningPage(EmptyState):
    """Says which workspace is being opened, what is done for it and how far that is; `cancelled` gives it up."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "", parent)
        self._name = self._words = ""
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(WIDTH // 2)
        self.bar.setAccessibleName(tr("Progress of the opening"))
        self.below.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        self.cancel = self.offer(tr("Cancel"), self.cancelled.emit)

    def begin(self, name: str) -> None:
        """Show that a workspace is being opened."""
        self._words = tr("Reading the workspace")
        self._name = name
        self.tell(Progress(0, 0, ()))

    def tell(self, progress: Progress) -> None:
        """Show what is done and how far it is."""
        if progress.lines:
            own = {"building the index from the files": tr("Building the index from the files")}
            self._words = own.get(progress.lines[-1], progress.lines[-1])
        words = tr("{text}…").format(text=self._words)
        if progress.total:
            percent = 100 * progress.done // progress.total
            words = tr("{text}, {percent} %").format(text=self._words, percent=percent)
        self.say(tr("Opening {name}").format(name=self._name), words)
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)


class _RecentDelegate(QStyledItemDelegate):
    """A workspace in two lines: its name, and the muted path, with a word when nothing is there."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, HEIGHT)  # as wide as the list

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        look = theme()
        style = option.widget.style()
        option.text = ""
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        gone = bool(index.data(GONE_ROLE))
        inside = option.rect.adjusted(12, 4, -12, -4)
        painter.save()
        icon = look.icon("deleted" if gone else "workspace", "muted" if gone else "text")
        icon.paint(painter, QRect(inside.left(), inside.center().y() - 8, 16, 16))
        lines = inside.adjusted(28, 0, 0, 0)
        half = lines.height() // 2
        upper, lower = QRect(lines.topLeft(), QSize(lines.width(), half)), lines.adjusted(0, half, 0, 0)
        if gone:
            word = tr("not found")
            width = option.fontMetrics.horizontalAdvance(word)
            painter.setPen(QColor(look.colours.warning))
            painter.drawText(upper, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, word)
            upper.setRight(upper.right() - width - GRID)
        middle, left = Qt.TextElideMode.ElideMiddle, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(look.colours.muted if gone else look.colours.text))
        painter.drawText(upper, left, option.fontMetrics.elidedText(str(index.data()), middle, upper.width()))
        painter.setPen(QColor(look.colours.muted))
        path = short_path(str(index.data(PATH_ROLE)))
        painter.drawText(lower, left, option.fontMetrics.elidedText(path, middle, lower.width()))
        painter.restore()
