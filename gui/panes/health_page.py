"""What the pages of the health pane share: they are read when they are looked at, and their tables have buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractItemModel as ItemModel
from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.models.columns import LEFT, AnyIndex
from gui.session import Session
from gui.theme import HEADER_HEIGHT, ROW_HEIGHT, theme
from gui.widgets import MenuKeys


class HealthPage(QWidget):
    """A page that is read when somebody looks at it, and again when the workspace has changed."""

    said = Signal(str)  # what happened, for the line at the bottom of the window
    left = Signal()  # what had the keyboard is gone, and nothing else on the page takes it

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._stale = True
        session.opened.connect(self._start_over)
        session.closed.connect(self._start_over)
        session.changed.connect(self.expire)

    def expire(self) -> None:
        """What is shown may be out of date."""
        self._stale = True
        if self.isVisible():
            self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._look()

    def read(self) -> None:
        """Ask for what is shown."""
        raise NotImplementedError

    def clear(self) -> None:
        """Show nothing: another workspace is open, or none."""
        raise NotImplementedError

    @property
    def first(self) -> QWidget | None:
        """What the keyboard goes to, None where nothing on the page takes it."""
        raise NotImplementedError

    @property
    def may_write(self) -> bool:
        """Whether the workspace can be changed."""
        return self.session.workspace is not None and not self.session.workspace.read_only

    def keep_keyboard(self, show: Callable[[], object]) -> None:
        """Show something else. Where that takes away what has the keyboard, the page keeps it.

        Qt would give it to whatever comes next in the window.
        """
        focus = self.window().focusWidget()
        show()
        if focus is None or not self.isAncestorOf(focus) or (focus.isVisibleTo(self) and focus.isEnabled()):
            return
        if (first := self.first) is not None:
            first.setFocus()
        else:
            self.left.emit()

    def _look(self) -> None:
        self._stale = False
        if self.session.workspace is not None:
            self.read()

    def _start_over(self) -> None:
        self.clear()
        self.expire()


@dataclass(frozen=True)
class Field:
    """A column of a small table: its title, how wide it is (0 takes what is left), and what it shows of a row."""

    title: str
    width: int
    text: Callable[[Any], str]
    align: Qt.AlignmentFlag = LEFT
    tip: Callable[[Any], str] | None = None
    icon: Callable[[Any], tuple[str, str]] | None = None  # the name and the colour of the sign before the text
    button: bool = False  # pressed rather than read; an empty text is no button
    share: Callable[[Any], float | None] | None = None  # 0 to 1, drawn as a bar
    path: bool = False  # shortened in the middle, for its end says most
    least: int = 160  # pixels, of a column that takes what is left
    extra: bool = False  # left out where there is no room for it


LEAST_ROWS = 3
_OWN_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete)
SHARE_ROLE = Qt.ItemDataRole.UserRole + 1


class RowsModel(QAbstractTableModel):
    """Some rows as a table; every value is there already."""

    def __init__(self, fields: Sequence[Field], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.fields = list(fields)
        self.rows: list[Any] = []

    def put(self, rows: Sequence[Any]) -> None:
        """Show these rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.fields)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(self.fields):
            if role == Qt.ItemDataRole.DisplayRole:
                return self.fields[section].title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self.fields[section].align
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        field, row = self.fields[index.column()], self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return field.text(row)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return field.tip(row) if field.tip is not None else field.text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return field.align
        if role == Qt.ItemDataRole.DecorationRole and field.icon is not None:
            return _icon(field.icon(row))
        if role == SHARE_ROLE and field.share is not None:
            return field.share(row)
        return None


def _icon(sign: tuple[str, str]) -> QIcon | None:
    return theme().icon(*sign) if sign[0] else None


class ButtonCells(QStyledItemDelegate):
    """Paints a column of small buttons; `pressed` is emitted with the row of one that was clicked."""

    pressed = Signal(int)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        whole = QStyleOptionViewItem(option)
        text = str(index.data() or "")
        self.initStyleOption(whole, index)
        whole.text = ""
        if whole.widget is not None:
            style = whole.widget.style()
            style.drawControl(style.ControlElement.CE_ItemViewItem, whole, painter, whole.widget)
        if not text:
            return
        colours = theme().colours
        over = bool(whole.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.accent if over else colours.line), 1))
        painter.setBrush(QColor(colours.hover if over else colours.base))
        painter.drawRoundedRect(button_area(whole.rect).toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setPen(QColor(colours.text))
        painter.drawText(whole.rect, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def editorEvent(self, event: QEvent, model: ItemModel, option: QStyleOptionViewItem, index: AnyIndex) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent) and index.data():
            point: QPoint = event.position().toPoint()
            if event.button() == Qt.MouseButton.LeftButton and button_area(option.rect).contains(point):
                self.pressed.emit(index.row())
                return True
        return super().editorEvent(event, model, option, index)


class PathCells(QStyledItemDelegate):
    """Shortens paths so that the name of what they are about is seen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        margin = option.widget.style().pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, option.widget) + 1
        room = option.rect.width() - 2 * margin
        option.text = short_path(option.text, lambda text: option.fontMetrics.horizontalAdvance(text) <= room)
        option.textElideMode = Qt.TextElideMode.ElideMiddle


def short_path(path: str, fits: Callable[[str], bool]) -> str:
    """Leave out folders of a path until it fits: last of all a pipeline's own, or a run's, else the last name."""
    parts = path.split("/")
    place = len(parts) - 1
    if parts[0] == "runs" and place:
        place = 2 if place > 1 and parts[2][:1].isdigit() else 1
    before, after = ("…/" if place else ""), ("/…" if place + 1 < len(parts) else "")
    rest = "/".join(parts[place:])
    shorter = (path, f"{before}{rest}", f"{before}{parts[place]}{after}", parts[place])
    return next((text for text in shorter if fits(text)), parts[place])


def button_area(cell: QRect) -> QRect:
    """The part of a cell that is its button."""
    return cell.adjusted(4, 3, -4, -3)


class BarCells(QStyledItemDelegate):
    """Paints a share as a bar."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        whole = QStyleOptionViewItem(option)
        self.initStyleOption(whole, index)
        whole.text = ""
        if whole.widget is not None:
            style = whole.widget.style()
            style.drawControl(style.ControlElement.CE_ItemViewItem, whole, painter, whole.widget)
        share = index.data(SHARE_ROLE)
        if share is None:
            return
        area = whole.rect.toRectF().adjusted(8, 0, -8, 0)
        bar = area.adjusted(0, area.height() / 2 - 4, 0, 4 - area.height() / 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme().colours.line))
        painter.drawRoundedRect(bar, 3, 3)
        if share > 0:
            bar.setWidth(max(3.0, bar.width() * float(share)))
            painter.setBrush(QColor(theme().colours.accent))
            painter.drawRoundedRect(bar, 3, 3)
        painter.restore()


class RowsTable(QTableView):
    """A table of such rows; `activated_row` is emitted when Enter is pressed on one or one is double-clicked."""

    activated_row = Signal(int)
    menu_wanted = Signal(int, QPoint)  # the row, and where on the screen
    deleted_row = Signal(int)
    button_pressed = Signal(int)

    def __init__(self, model: RowsModel, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields = model.fields
        self.setModel(model)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setMinimumHeight(HEADER_HEIGHT + LEAST_ROWS * ROW_HEIGHT + 2 * self.frameWidth())
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        for column, field in enumerate(model.fields):
            if field.width:
                header.resizeSection(column, field.width)
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
            if field.button:
                cells = ButtonCells(self)
                cells.pressed.connect(self.button_pressed)
                self.setItemDelegateForColumn(column, cells)
            elif field.path:
                self.setItemDelegateForColumn(column, PathCells(self))
            elif field.share is not None:
                self.setItemDelegateForColumn(column, BarCells(self))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask_menu)
        MenuKeys(self)
        self.doubleClicked.connect(lambda index: self.activated_row.emit(index.row()))
        model.modelReset.connect(self._keep_place)
        theme().changed.connect(self.viewport().update)
        self._place = 0
        self.selectionModel().currentChanged.connect(self._note_place)

    def sizeHint(self) -> QSize:
        """As low as it may be: a page that is scrolled takes what its parts wish for, not what they need."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        room = self.viewport().width() - sum(field.width or field.least for field in self._fields if not field.extra)
        for column, field in enumerate(self._fields):
            if field.extra:
                room -= field.width
                self.setColumnHidden(column, room < 0)
        super().resizeEvent(event)

    def _ask_menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if index.isValid():
            self.setCurrentIndex(index)
            self.menu_wanted.emit(index.row(), self.viewport().mapToGlobal(at))

    def chosen(self) -> list[int]:
        """Return the rows that are selected, from the top."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _OWN_KEYS:
            event.accept()  # they mean a row here, whatever they do elsewhere in the window
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        if row >= 0 and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated_row.emit(row)
        elif row >= 0 and event.key() == Qt.Key.Key_Delete:
            self.deleted_row.emit(row)
        else:
            super().keyPressEvent(event)

    def _note_place(self, current: QModelIndex, previous: QModelIndex) -> None:
        if current.isValid():
            self._place = current.row()

    def _keep_place(self) -> None:
        count = self.model().rowCount()
        if count:
            self.selectRow(min(self._place, count - 1))
