"""Choosing the axes of parallel coordinates, and selecting a pipeline by its line or point."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from gui.formats import tr
from gui.models.explored import Explored
from gui.panes.column_chooser import Choice, ColumnChooser
from gui.panes.explore_options import title_of
from gui.selection import Picked, Selection


def ask_axes(
    explored: Explored, shown: Callable[[], list[str]], put: Callable[[list[str]], None], parent: QWidget
) -> ColumnChooser:
    """Ask which axes to draw and in which order; `shown` tells those drawn now, `put` gets others (none: the usual)."""
    chooser = ColumnChooser(tr("Axes"), tr("Standard axes"), parent, pins=False)
    chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def fill() -> None:
        rest = [key for key in explored.axes if key not in shown()]
        chooser.fill([Choice(key, title_of(key), key in shown()) for key in (*shown(), *rest)])

    def tick(key: str, wanted: bool) -> None:
        there = {*shown(), key} if wanted else {*shown()} - {key}
        order = chooser.keys()
        put([one for one in order if one in there])

    def reset() -> None:
        put([])
        fill()

    chooser.ticked.connect(tick)
    chooser.moved.connect(lambda keys: put([key for key in keys if key in shown()]))
    chooser.reset_wanted.connect(reset)
    fill()
    chooser.open()
    return chooser


def select_point(selection: Selection, picked: Picked, further: bool) -> None:
    """Select the pipeline of a line or point; with `further` beside the others, or no longer."""
    if not further:
        selection.choose((picked,))
        selection.pick(picked)
        return
    others = tuple(one for one in selection.chosen if one != picked)
    if picked not in selection.chosen:
        selection.choose((*others, picked))
        selection.pick(picked)
    else:
        selection.choose(others)
        if others:
            selection.pick(others[-1])
