"""How it looks: enough contrast, switched live, sharp on every screen, and one sees where the keyboard is."""

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QAction, QImage, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QListWidget,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QTableWidget,
    QTabWidget,
    QToolButton,
    QTreeWidget,
    QVBoxLayout,
    QWidget,
)

import resources
from gui.charts.heat_map import HIGH, LOW, heat_map
from gui.charts.plot import symbol
from gui.charts.spectra import _thin
from gui.comparison import MOST
from gui.theme import DARK, LIGHT, Colours, pipeline_colour, theme
from gui.window_shape import on_screen

GROUNDS = ("window", "base", "alternate", "selected", "hover")
TEXTS = ("text", "muted")
# What is left of red, green and blue (linear) to people who lack one kind of cone: G. Machado et al. 2009, at its most.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TO_XYZ = [[0.4339, 0.3762, 0.1899], [0.2127, 0.7152, 0.0721], [0.0178, 0.1095, 0.8727]]  # as shares of white
MARKS = ("accent", "good", "bad", "warning")  # signs and lines, and now and then a word


def linear(colour: str) -> np.ndarray:
    """Red, green and blue as amounts of light, 0 to 1."""
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour: str, sight: str) -> np.ndarray:
    """A colour as CIE L*a*b* has it, in which 2 can just be told apart, as people with some sight see it."""
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ np.clip(np.asarray(SIGHTS[sight]) @ linear(colour), 0, 1), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2.2 defines it."""

    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_marks_stand_out_from_their_grounds(colours: Colours):
    pairs = [(mark, ground) for mark in (*TEXTS, *MARKS) for ground in GROUNDS]
    pairs += [("on_accent", "accent"), ("bad", "bad_ground"), ("text", "bad_ground")]
    poor = {pair: contrast(*(getattr(colours, name) for name in pair)) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < (4.5 if pair[0] not in MARKS else 4.4)} == {}
    assert contrast(colours.scroll, colours.base) >= 3  # what is pulled at a scroll bar


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_and_maps_of_charts_stand_out_from_their_ground(colours: Colours):
    drawn = (*colours.ramp, *colours.cycle, colours.train, colours.val, colours.test)
    assert {one: contrast(one, colours.base) for one in drawn if contrast(one, colours.base) < 3} == {}
    assert [*colours.ramp] == sorted(colours.ramp, key=lambda one: contrast(one, "#000000"))  # low to high by lightness
    assert min(contrast(colours.neutral, one) for one in (LOW, HIGH, colours.scroll)) >= 2  # told from what is wrong


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_pipelines_and_partitions_are_told_apart_with_any_colour_vision(colours: Colours, sight: str):
    near = {}
    for group in (colours.cycle, (colours.train, colours.val, colours.test)):
        for one, other in combinations(group, 2):
            near[one, other] = float(np.linalg.norm(lab(one, sight) - lab(other, sight)))
    assert {pair: far for pair, far in near.items() if far < 10} == {}


def test_colour_is_never_the_only_sign_of_a_pipeline():
    assert len({symbol(place) for place in range(8)}) == 8
    assert len({(pipeline_colour(place), symbol(place)) for place in range(MOST)}) == MOST


def test_a_good_row_of_the_map_is_no_hole_in_the_dark(qtbot):
    theme().choose("dark")
    try:
        plot = heat_map()
        qtbot.addWidget(plot)
        plot.resize(400, 300)
        plot.show_values(np.zeros((2, 5)), np.zeros(5, dtype=bool), ["a", "b"], 1.0, "", one_sided=False)
        plot.show()
        place = plot.mapFromScene(plot.getPlotItem().getViewBox().mapViewToScene(QPointF(2.5, 1.5)))
        seen = plot.grab().toImage().pixelColor(place).name()
        assert contrast(seen, DARK.base) >= 3
    finally:
        theme().choose("system")


def test_the_lines_of_spectra_cover_what_is_below_them():
    for colour in (*LIGHT.ramp, *DARK.ramp):
        assert _thin(colour).color().alpha() == 255  # half seen, none would have the contrast of its colour


def test_the_colours_of_the_system_are_followed_at_once_unless_some_were_chosen(qapp):
    look, hints = theme(), qapp.styleHints()
    look.choose("system")
    try:
        for scheme, dark in ((Qt.ColorScheme.Dark, True), (Qt.ColorScheme.Light, False)):
            hints.colorSchemeChanged.emit(scheme)  # as when the system changes
            assert look.dark is dark
        look.choose("light")
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        assert not look.dark
    finally:
        look.choose("system")


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_icons_are_drawn_for_the_pixels_of_the_screen(scale):
    """An icon has as many pixels as it covers, never fewer that are blown up."""
    names = [entry.name.removesuffix(".svg") for entry in resources.path("icons").iterdir()]
    assert len(names) > 20
    for name in names:
        pixmap = theme().icon(name).pixmap(QSize(16, 16), scale)
        assert pixmap.width() >= round(16 * scale), name
    image = QImage(QSize(round(32 * scale), round(32 * scale)), QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    theme().icon("completed").paint(painter, QRect(8, 8, 16, 16))
    painter.end()
    dark = [image.pixelColor(x, y).lightness() for x in range(image.width()) for y in range(image.height())]
    assert min(dark) < 100


def things_to_focus(page: QWidget) -> list[QWidget]:
    """One of every kind of widget that takes the keyboard, as the window uses them."""
    primary, flat, tabs, table, tree, rows = (
        QPushButton("a"), QToolButton(), QTabWidget(), QTableWidget(2, 2), QTreeWidget(), QListWidget()
    )  # fmt: skip
    primary.setProperty("primary", True)
    flat.setObjectName("flat")
    flat.setText("x")
    tabs.addTab(QWidget(), "tab")
    rows.addItems(["a", "b"])
    spin, combo, area = QSpinBox(), QComboBox(), QPlainTextEdit()
    combo.addItems(["a", "b"])
    spin.setReadOnly(False)
    parts = [QPushButton("a"), primary, flat, QCheckBox("a"), QRadioButton("a"), QLineEdit("a"), spin, combo, area,
             table, tree, rows, tabs]  # fmt: skip
    layout = QVBoxLayout(page)
    for part in parts:
        layout.addWidget(part)
    flat.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return [*parts[:-1], tabs.tabBar()]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_one_sees_which_widget_has_the_keyboard(qtbot, choice):
    theme().choose(choice)
    page, elsewhere = QWidget(), QPushButton("elsewhere")
    parts = things_to_focus(page)
    page.layout().addWidget(elsewhere)
    qtbot.addWidget(page)
    page.show()
    page.activateWindow()
    QApplication.setCursorFlashTime(0)  # a caret that stands still is no sign of the keyboard here
    unseen = []
    for part in parts:
        pictures = []
        for focused in (elsewhere, part):
            focused.setFocus(Qt.FocusReason.TabFocusReason)
            qtbot.waitUntil(focused.hasFocus)
            picture = part.grab().toImage()
            pictures.append(picture)
        changed = sum(
            pictures[0].pixel(x, y) != pictures[1].pixel(x, y)
            for x in range(pictures[0].width()) for y in range(pictures[0].height())
        )  # fmt: skip
        if changed < 30:
            unseen.append(f"{type(part).__name__} {changed}")
    theme().choose("system")
    assert unseen == []


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_a_menu_has_an_edge_and_shows_where_one_is(qtbot, choice):
    theme().choose(choice)
    menu = QMenu()
    qtbot.addWidget(menu)
    menu.addActions([QAction(word, menu) for word in ("one", "two", "three")])
    menu.ensurePolished()
    menu.resize(menu.sizeHint())
    menu.setActiveAction(menu.actions()[1])
    picture = menu.grab().toImage()
    rows = [menu.actionGeometry(action).center().y() for action in menu.actions()]
    edge, plain, active = (picture.pixelColor(x, y).name() for x, y in ((0, rows[0]), (4, rows[0]), (4, rows[1])))
    ground = theme().colours.base
    theme().choose("system")
    assert contrast(edge, ground) >= 3
    assert plain != active


def test_after_a_switch_all_looks_as_if_it_had_begun_in_that_theme(qtbot):
    pictures = {}
    for began, ended in (("dark", "dark"), ("light", "dark"), ("light", "light"), ("dark", "light")):
        theme().choose(began)
        qtbot.waitUntil(lambda: not theme().switching)
        window, page = QMainWindow(), QWidget()
        theme().mark(window)
        dock = QDockWidget("dock", window)
        first, *_ = things_to_focus(page)
        ticked, hidden = QCheckBox("ticked"), QComboBox()
        ticked.setChecked(True)
        for part in (ticked, hidden):
            page.layout().addWidget(part)
        hidden.hide()
        window.setCentralWidget(page)
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        qtbot.addWidget(window)
        window.show()
        window.activateWindow()
        first.setFocus()
        qtbot.waitUntil(first.hasFocus)
        theme().choose(ended)
        qtbot.waitUntil(lambda: not theme().switching)
        hidden.show()
        pictures[began, ended] = window.grab().toImage()
        window.close()
    theme().choose("system")
    assert pictures["dark", "dark"] == pictures["light", "dark"]
    assert pictures["light", "light"] == pictures["dark", "light"]
    assert pictures["dark", "dark"] != pictures["light", "light"]


def test_a_window_is_put_where_its_title_can_be_reached():
    left, right = QRect(0, 0, 1920, 1080), QRect(1920, 200, 1280, 1024)
    on_right = QRect(2000, 300, 1200, 800)
    assert on_screen(on_right, [left, right]) == on_right
    assert left.contains(on_screen(on_right, [left]))  # the right one was taken away
    above, half = QRect(100, -300, 900, 700), QRect(1500, 100, 900, 700)
    assert left.contains(on_screen(above, [left]))
    assert on_screen(half, [left, right]) == half  # over both of them is where somebody put it
    assert left.contains(on_screen(QRect(0, 0, 3000, 900), [left]))
    small = QRect(0, 0, 800, 600)
    assert small.contains(on_screen(QRect(10, 10, 1280, 800), [small]))
