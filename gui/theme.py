"""How the window looks: a light and a dark palette, one accent, and single-colour icons tinted to match.

Colours are named by what they are for. The chart colours have the hues of Okabe and Ito, which people with any kind of
colour vision can tell apart; train, val and test keep theirs everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, Protocol, cast

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

import resources
from gui.dressing import Dressing

Choice = Literal["system", "light", "dark"]
ROW_HEIGHT = 26
HEADER_HEIGHT = 28
GRID = 8
TRAIN, VAL, TEST = "#0072b2", "#e69f00", "#009e73"  # Okabe and Ito
VAL_ON_WHITE = "#b87f00"  # the same hue, in the PNG charts too
# Okabe and Ito's colours for pipelines and groups, those first that differ most on either ground; black is left out.
# Orange, sky blue and yellow are lost on white: there they are darker, and far enough from each other and from the
# first four in lightness to be told apart without the hue.
ON_DARK = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
ON_WHITE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#4a2e00", "#3c99dc", "#5f5c00")
# Nine steps of viridis (S. van der Walt, N. Smith, E. Firing; CC0), which grow lighter evenly and are ordered the same
# by people with any colour vision: the part of it of which thin lines stand out from the ground.
DEEP = ("#440154", "#481b6d", "#46337f", "#3f4889", "#365d8d", "#2e6f8e", "#26818e", "#20928c", "#20a386")
BRIGHT = ("#2d718e", "#25838e", "#1f978b", "#24aa83", "#3dbc74", "#65cb5e", "#95d840", "#cae11f", "#fde725")


@dataclass(frozen=True)
class Colours:
    """The colours of one appearance, as #rrggbb.

    `ramp` goes from low to high values, `neutral` is the middle of a map between two hues, where nothing is wrong;
    `cycle` are those of pipelines and groups.
    """

    window: str
    base: str
    alternate: str
    text: str
    muted: str
    line: str
    scroll: str
    accent: str
    on_accent: str
    selected: str
    hover: str
    good: str
    bad: str
    warning: str
    bad_ground: str
    train: str
    val: str
    test: str
    neutral: str
    ramp: tuple[str, ...]
    cycle: tuple[str, ...]


LIGHT = Colours(
    window="#f4f5f7", base="#ffffff", alternate="#fafbfc", text="#1c2128", muted="#5b6471", line="#dcdfe4",
    scroll="#8e95a1",
    accent="#0b62bd", on_accent="#ffffff", selected="#d9e8fb", hover="#e9ecf0",
    good="#1a7346", bad="#b3261e", warning="#8f5700", bad_ground="#fdefee",
    train=TRAIN, val=VAL_ON_WHITE, test=TEST, neutral="#ffffff", ramp=DEEP, cycle=ON_WHITE,
)  # fmt: skip
DARK = Colours(
    window="#1d2025", base="#15171b", alternate="#191c20", text="#e3e6ea", muted="#a1aab6", line="#343942",
    scroll="#676f7c",
    accent="#5aa9f8", on_accent="#0c1116", selected="#1e3b5d", hover="#2a2f37",
    good="#5fc48f", bad="#f2877e", warning="#e3ac4e", bad_ground="#35201f",
    train=TRAIN, val=VAL, test=TEST, neutral="#d5d9de", ramp=BRIGHT, cycle=ON_DARK,
)  # fmt: skip

# Where each colour stands in the palette. The style sheet names these places, so that it is the same in every
# appearance; those after the empty line are drawn with by nobody else.
PLACES = {
    "window": "Window", "base": "Base", "alternate": "AlternateBase", "text": "Text", "muted": "PlaceholderText",
    "line": "Mid", "hover": "Light", "accent": "Link", "selected": "Highlight", "bad": "BrightText",

    "on_accent": "LinkVisited", "scroll": "Shadow", "warning": "ToolTipText", "bad_ground": "ToolTipBase",
}  # fmt: skip
PICTURES = {"tick": "tick", "down": "down", "up": "up", "close": "dock-close", "float": "dock-float"}
SHEET = """
QToolTip {{ color: {text}; background: {base}; border: 1px solid {line}; padding: 4px 6px; }}
QMenu {{ border: 1px solid {scroll}; }}
QMenu::separator {{ background: {line}; height: 1px; margin: 3px 0; }}
QMainWindow::separator {{ background: {window}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QToolBar {{ background: {window}; border: 0; border-bottom: 1px solid {line}; padding: 6px 8px; spacing: 8px; }}
QToolBar QToolButton, QToolButton#flat {{ border: 1px solid transparent; border-radius: 5px; padding: 4px 8px; }}
QToolBar QToolButton:hover, QToolButton#flat:hover, QToolButton#flat:checked {{ background: {hover}; }}
QToolButton#flat {{ padding: 4px 6px; }}
QToolButton#flat[popupMode="2"] {{ padding-right: 18px; }}
QToolButton#flat::menu-indicator {{ subcontrol-position: right center; right: 4px; }}
QToolBar QToolButton:focus, QToolButton#flat:focus {{ border-color: {accent}; }}
QToolBar QToolButton#workspaceButton {{ font-weight: 600; padding-right: 20px; }}
QToolButton#workspaceButton::menu-indicator {{ subcontrol-position: right center; right: 6px; }}
QToolButton#chartTool {{ border: 1px solid transparent; border-radius: 5px; padding: 3px; }}
QToolButton#chartTool:hover {{ background: {hover}; }}
QToolButton#chartTool:focus {{ border-color: {accent}; }}
QToolButton#moreButton::menu-indicator, QToolButton#chartTool::menu-indicator {{ image: none; width: 0; }}
QStatusBar {{ background: {window}; border-top: 1px solid {line}; color: {muted}; }}
QStatusBar::item {{ border: 0; }}
QStatusBar QToolButton#flat {{ padding: 1px 6px; }}
QDockWidget {{ font-weight: 600; titlebar-close-icon: url("{close}"); titlebar-normal-icon: url("{float}"); }}
[dark="true"] QDockWidget {{ titlebar-close-icon: url("{dark_close}"); titlebar-normal-icon: url("{dark_float}"); }}
QDockWidget > QWidget {{ font-weight: 400; }}
QDockWidget::title {{ background: {window}; padding: 6px 8px; border-bottom: 1px solid {line}; }}
QHeaderView {{ background: {window}; }}
QHeaderView::section {{ background: {window}; color: {muted}; border: 0; border-bottom: 1px solid {line};
  border-right: 1px solid {line}; padding: 4px 8px; }}
QHeaderView::section:hover {{ color: {text}; }}
QHeaderView::up-arrow, QHeaderView::down-arrow {{ subcontrol-origin: border; subcontrol-position: top center;
  width: 8px; height: 8px; }}
QTableView QTableCornerButton::section {{ background: {window}; border: 0; border-bottom: 1px solid {line};
  border-right: 1px solid {line}; }}
QAbstractScrollArea::corner {{ background: {base}; border: 0; }}
QTableView, QTreeView, QListView, QPlainTextEdit {{ border: 1px solid {base}; background: {base};
  alternate-background-color: {alternate};
  selection-background-color: {selected}; selection-color: {text}; outline: 0; }}
QTableView:focus, QTreeView:focus, QListView:focus, QPlainTextEdit:focus {{ border-color: {accent}; }}
QTableView::item {{ padding: 0 5px; border: 0; }}
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected {{ background: {selected};
  color: {text}; }}
QListView::item {{ height: 26px; padding: 0 4px; }}
QListView#suggestions {{ border: 1px solid {line}; }}
QPlainTextEdit#framed {{ border: 1px solid {line}; border-radius: 5px; padding: 2px 4px; }}
QPlainTextEdit#framed:focus {{ border-color: {accent}; }}
QRadioButton {{ spacing: 6px; }}
QRadioButton::indicator {{ width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 8px;
  background: {base}; }}
QRadioButton::indicator:checked {{ width: 6px; height: 6px; border: 5px solid {accent}; background: {on_accent}; }}
QRadioButton::indicator:focus {{ border-color: {accent}; }}
QRadioButton::indicator:checked:focus {{ background: {text}; }}
QRadioButton::indicator:disabled {{ border-color: {line}; }}
QTreeView::item:hover:!selected, QListView::item:hover:!selected {{ background: {hover}; }}
QTabWidget::pane {{ border: 0; border-top: 1px solid {line}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QTabBar::tab {{ color: {muted}; padding: 6px 8px; border: 0; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:focus {{ color: {text}; }}
QTabBar::tab:selected:focus {{ border: 1px solid {accent}; border-bottom-width: 2px; padding: 5px 7px 6px 7px; }}
QTabWidget#detailTabs QTabBar::tab, QTabWidget#libraryTabs QTabBar::tab {{ padding: 6px 5px; }}
QTabWidget#detailTabs QTabBar::tab:selected:focus, QTabWidget#libraryTabs QTabBar::tab:selected:focus {{
  padding: 5px 4px 6px 4px; }}
QTabBar, QPushButton, QToolButton {{ outline: 0; }}
QLineEdit {{ background: {base}; border: 1px solid {line}; border-radius: 5px;
  padding: 3px 6px; min-height: 20px; selection-background-color: {selected}; selection-color: {text}; }}
QTableView QLineEdit {{ border-color: {accent}; border-radius: 0; padding: 0 4px; min-height: 0; }}
QComboBox QLineEdit {{ border: 0; padding: 0; min-height: 0; }}
QLineEdit:focus {{ border-color: {accent}; }}
QLineEdit[wrong="true"] {{ border-color: {bad}; }}
QComboBox {{ background: {base}; border: 1px solid {line}; border-radius: 5px; padding: 3px 6px; min-height: 20px; }}
QComboBox:hover {{ background: {hover}; }}
QComboBox:editable {{ background: {base}; }}
QComboBox:focus {{ border-color: {accent}; }}
QComboBox:disabled {{ color: {muted}; background: {window}; }}
QComboBox::drop-down {{ border: 0; width: 20px; }}
QComboBox::down-arrow {{ image: url("{down}"); width: 12px; height: 12px; }}
[dark="true"] QComboBox::down-arrow {{ image: url("{dark_down}"); }}
QComboBox QAbstractItemView {{ border: 1px solid {line}; }}
QAbstractSpinBox {{ background: {base}; border: 1px solid {line}; border-radius: 5px; padding: 3px 6px;
  min-height: 20px; selection-background-color: {selected}; selection-color: {text}; }}
QAbstractSpinBox:focus {{ border-color: {accent}; }}
QAbstractSpinBox:disabled {{ color: {muted}; background: {window}; }}
QAbstractSpinBox QLineEdit {{ background: transparent; border: 0; padding: 0; min-height: 0; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: border; width: 20px; border: 0; }}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 2px 2px 0 0; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 2px 2px 0; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {hover}; border-radius: 3px; }}
QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: 10px; height: 10px; }}
QAbstractSpinBox::down-arrow {{ image: url("{down}"); width: 10px; height: 10px; }}
[dark="true"] QAbstractSpinBox::up-arrow {{ image: url("{dark_up}"); }}
[dark="true"] QAbstractSpinBox::down-arrow {{ image: url("{dark_down}"); }}
QPushButton {{ background: {base}; border: 1px solid {line}; border-radius: 5px; padding: 5px 12px; min-height: 18px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: {window}; }}
QPushButton:default, QPushButton[primary="true"] {{ background: {accent}; color: {on_accent}; border-color: {accent}; }}
QPushButton:default:focus, QPushButton[primary="true"]:focus {{ border: 2px solid {text}; padding: 4px 11px; }}
QPushButton:default:disabled, QPushButton[primary="true"]:disabled {{ background: {hover}; color: {muted};
  border-color: {line}; }}
QScrollBar:vertical {{ background: {base}; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: {base}; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {scroll}; border: 3px solid {base}; border-radius: 6px; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QCheckBox::indicator, QListView::indicator, QTreeView::indicator {{
  width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 3px;
  background: {base}; }}
QCheckBox::indicator:checked, QListView::indicator:checked, QTreeView::indicator:checked {{
  background: {accent}; border-color: {accent};
  image: url("{tick}"); }}
[dark="true"] QCheckBox::indicator:checked, [dark="true"] QListView::indicator:checked,
[dark="true"] QTreeView::indicator:checked {{ image: url("{dark_tick}"); }}
QCheckBox:focus, QRadioButton:focus {{ text-decoration: underline; }}
QCheckBox::indicator:focus {{ border-color: {accent}; }}
QProgressBar {{ background: {hover}; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}
QScrollArea {{ border: 0; background: {base}; }}
QScrollArea#summary {{ border: 1px solid {base}; }}
QScrollArea#summary:focus {{ border-color: {accent}; }}
QScrollArea > QWidget > QWidget {{ background: {base}; }}
QLabel#title {{ font-size: 15px; font-weight: 600; }}
QLabel#heading {{ color: {muted}; font-weight: 600; }}
QLabel#muted {{ color: {muted}; }}
QLabel#bad {{ color: {bad}; }}
QLabel#warning {{ color: {warning}; }}
QLabel#refusal {{ color: {bad}; background: {bad_ground}; border: 1px solid {bad}; border-radius: 5px;
  padding: 4px 8px; }}
QFrame#errorBox {{ background: {bad_ground}; border: 1px solid {bad}; border-radius: 5px; }}
QFrame#errorBox QPlainTextEdit {{ background: transparent; }}
QFrame#errorBox QAbstractScrollArea::corner {{ background: transparent; }}
QFrame#errorBox QScrollBar {{ background: transparent; }}
QFrame#notice {{ background: {selected}; border: 0; border-top: 1px solid {line}; }}
QFrame#dropTarget {{ background: {base}; border: 1px dashed {muted}; border-radius: 8px; }}
QFrame#dropTarget[over="true"] {{ border: 1px solid {accent}; background: {selected}; }}
QFrame#panel {{ background: {base}; border: 1px solid {line}; border-radius: 5px; }}
QWidget#paper {{ background: {base}; }}
"""


class HasIcon(Protocol):
    """An action or a button."""

    def setIcon(self, icon: QIcon, /) -> None: ...
    @property
    def destroyed(self) -> object: ...


class Theme(QObject):
    """The appearance of the whole application; `changed` is part of a switch between light and dark.

    What is drawn by hand listens to `changed` and takes the colours of now; widgets are dressed anew by the theme.
    """

    changed = Signal()
    _only: ClassVar[Theme | None] = None

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._dressing = Dressing(app)
        self.choice: Choice = "system"
        self.colours = LIGHT
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._dressed: dict[int, tuple[HasIcon, str, str]] = {}
        Theme._only = self  # before anything repaints, which asks for the theme
        app.setStyle("Fusion")
        # Small and local: the platform's own font, with figures of one width so that columns of numbers align.
        font = app.font()
        font.setFeature(QFont.Tag("tnum"), 1)
        app.setFont(font)
        app.styleHints().colorSchemeChanged.connect(self._follow_system)
        app.setPalette(_palette(self.colours))
        app.setStyleSheet(_sheet())

    @property
    def dark(self) -> bool:
        """Whether the dark colours are shown."""
        return self.colours is DARK

    @property
    def switching(self) -> bool:
        """Whether some widgets still have the colours of before; those in sight are the first to change."""
        return self._dressing.busy

    def choose(self, choice: Choice) -> None:
        """Show light, dark, or what the system shows; takes effect at once."""
        schemes = {"system": Qt.ColorScheme.Unknown, "light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self.choice = choice
        self._app.styleHints().setColorScheme(schemes[choice])
        self._follow_system(self._app.styleHints().colorScheme())

    def icon(self, name: str, colour: str = "text") -> QIcon:
        """Return an icon tinted with one of the named colours; drawn once for each appearance."""
        tint = str(getattr(self.colours, colour))
        if (name, tint) not in self._icons:
            self._icons[name, tint] = _tinted(name, tint)
        return self._icons[name, tint]

    def dress(self, target: HasIcon, name: str, colour: str = "text") -> None:
        """Give an action or button an icon that keeps in step with the appearance."""
        number = id(target)
        self._dressed[number] = (target, name, colour)
        cast(QObject, target).destroyed.connect(lambda: self._dressed.pop(number, None))
        target.setIcon(self.icon(name, colour))

    @contextmanager
    def undressed(self) -> Iterator[None]:
        """Leave the style sheet off while many widgets are put into each other: Qt would look it up at every step."""
        sheet = self._app.styleSheet()
        self._app.setStyleSheet("")
        try:
            yield
        finally:
            self._app.setStyleSheet(sheet)

    def mark(self, window: QWidget) -> None:
        """Tell a window and all that belongs to it which pictures of the style sheet are theirs."""
        window.setProperty("dark", self.dark)

    def _follow_system(self, scheme: Qt.ColorScheme) -> None:
        wanted = self.choice
        if wanted == "system":
            wanted = "dark" if scheme == Qt.ColorScheme.Dark else "light"
        colours = DARK if wanted == "dark" else LIGHT
        if colours is not self.colours:
            self.colours = colours
            self._switch()

    def _switch(self) -> None:
        self._dressing.hold()
        self._app.setPalette(_palette(self.colours))
        QApplication.sendPostedEvents(None, QEvent.Type.ApplicationPaletteChange)  # by which the widgets learn of it
        for window in self._app.topLevelWidgets():
            self.mark(window)
        self.changed.emit()
        self._dressing.start([partial(self._put_icon, number) for number in self._dressed])

    def _put_icon(self, number: int) -> None:
        if number in self._dressed:  # else it is gone by now
            target, name, colour = self._dressed[number]
            target.setIcon(self.icon(name, colour))


def theme() -> Theme:
    """Return the theme of this application, made at first use."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if Theme._only is None or not isValid(Theme._only):  # gone with an application before this one
        return Theme(app)
    return Theme._only


def pipeline_colour(place: int) -> str:
    """Return the colour of the pipeline (or group) at a place, #rrggbb, as it is now; they repeat after the seventh."""
    cycle = theme().colours.cycle
    return cycle[place % len(cycle)]


def application_icon() -> QIcon:
    """Return the icon of Runshelf itself, in its own colours."""
    return _tinted("runshelf", "#000000", sizes=(16, 24, 32, 48, 64, 128, 256))


def _tinted(name: str, colour: str, sizes: tuple[int, ...] = (16, 20, 24, 32, 48, 64)) -> QIcon:
    """Draw an icon in every size that 16 and 24 logical pixels come to on screens of usual scales."""
    from PySide6.QtSvg import QSvgRenderer

    svg = resources.path(f"icons/{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(svg.replace("currentColor", colour).encode())
    icon = QIcon()
    for size in sizes:
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        icon.addPixmap(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else it is washed out in a selected row
    return icon


def _sheet() -> str:
    """Return the style sheet, which names colours by their place in the palette."""
    places = {name: re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "-", place).lower() for name, place in PLACES.items()}
    places |= {name: place.replace("tool-tip", "tooltip") for name, place in places.items()}
    files = {
        mark + key: str(resources.path(f"icons/{name}-{look}.svg")).replace("\\", "/")
        for look, mark in (("light", ""), ("dark", "dark_"))
        for key, name in PICTURES.items()
    }
    return SHEET.format(**{name: f"palette({place})" for name, place in places.items()}, **files)


def _palette(colours: Colours) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for key, name in (
        *((role[place], name) for name, place in PLACES.items()),
        (role.WindowText, "text"), (role.Button, "window"), (role.ButtonText, "text"),
        (role.HighlightedText, "text"), (role.Accent, "accent"), (role.Midlight, "hover"), (role.Dark, "line"),
    ):  # fmt: skip
        palette.setColor(key, QColor(getattr(colours, name)))
    for key in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(group.Disabled, key, QColor(colours.muted))
    return palette
