"""Charts of what the catalog lists: parallel coordinates, a metric against a parameter, and which parameter matters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QStackedWidget, QVBoxLayout, QWidget

from gui.formats import counted, integer_text, number_text, tr
from gui.models.explored import Explored, fetch_explored, rank, usual_axes, usual_parameter
from gui.panes.catalog import CatalogPane
from gui.panes.column_chooser import ColumnChooser
from gui.panes.explore_axes import ask_axes, select_point
from gui.panes.explore_options import KINDS, ExploreOptions, title_of
from gui.panes.explore_ranges import RangesDialog
from gui.query_text import narrowed
from gui.selection import Selection
from gui.session import Session
from gui.settings import Settings
from gui.tasks import Problem, Task
from gui.theme import theme
from gui.widgets import EmptyState, scrolled

if TYPE_CHECKING:
    from gui.charts.colouring import Colouring, Legend
    from gui.charts.parallel import ParallelPlot
    from gui.charts.parameter import ParameterPage
    from storage import Importance

LEAST_CHART = 180  # pixels
Range = tuple[float, float]


class ExplorePane(QWidget):
    """Follows what is listed, and nothing while it is hidden.

    A range that is chosen on an axis becomes a condition of the query. The lines outside it stay, faded, so that the
    range can be moved: what is drawn is what the query lists without the ranges, until somebody writes another one.
    """

    def __init__(
        self,
        session: Session,
        selection: Selection,
        catalog: CatalogPane,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._selection, self._catalog, self._settings = session, selection, catalog, settings
        self.explored = Explored()
        self.ranges: dict[str, Range] = {}
        self.ranking: list[Importance] = []
        self._ranking_asked: Task | None = None
        self._chosen: dict[str, Any] = dict(settings.explore)
        self._base, self._composed = "", ""  # the query without and with the ranges
        self._narrowing = False
        self._stale = True
        self._ready = False
        self.parallel: ParallelPlot | None = None
        self.parameters: ParameterPage | None = None
        self.legend: Legend | None = None
        self.setObjectName("explorePane")
        self.options = ExploreOptions()
        self.options.show_kind("parameter" if self._chosen.get("kind") == "parameter" else "parallel")
        self.empty = EmptyState(tr("Nothing to draw yet"), tr("Charts of what is listed appear here."))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.options)
        self._pages.setMinimumHeight(LEAST_CHART)  # at which it can be read; where there is less room it is scrolled
        layout.addWidget(scrolled(self._pages), 1)
        self._connect()

    def _connect(self) -> None:
        self._catalog.model.listed.connect(self._listed)
        self._session.opened.connect(self._forget)
        self._session.closed.connect(self._forget)
        self._selection.changed.connect(self._highlight)
        self._selection.chosen_changed.connect(self._highlight)
        self.options.changed.connect(self._choose)
        self.options.axes_wanted.connect(self.choose_axes)
        self.options.ranges_wanted.connect(self.choose_ranges)
        self.options.clear_wanted.connect(lambda: self.set_ranges({}))
        self.options.close_wanted.connect(self._catalog.charts_wanted)
        self._catalog.views.charts_of = lambda: dict(self._chosen)
        self._catalog.views.show_charts = self._restore
        theme().changed.connect(self._recolour)

    @property
    def first(self) -> QWidget:
        """What the keyboard goes to: the chart, else the choice of charts."""
        shown = self._pages.currentWidget()
        if self.parameters is not None and shown is self.parameters:
            return self.parameters.plot
        return self.options.kinds if shown is None or shown is self.empty else shown

    def show_parameters(self) -> None:
        """Show which parameter matters."""
        self.options.kinds.setCurrentIndex(KINDS.index("parameter"))

    def load_charts(self) -> None:
        """Let the charts be made when somebody looks; not before the first paint because they need pyqtgraph."""
        self._ready = True
        self._refresh()

    def _make_legend(self) -> Legend:
        from gui.charts.colouring import Legend

        legend = Legend()
        self.options.legend_place.addWidget(legend)
        return legend

    def _make_parallel(self) -> ParallelPlot:
        from gui.charts.parallel import ParallelPlot

        plot = ParallelPlot()
        plot.tip = self._tip
        plot.image_wanted.connect(partial(self._save_picture, plot))
        plot.pointed.connect(self._point)
        plot.ranged.connect(self._ranged)
        plot.arranged.connect(lambda keys: self._put("axes", keys))
        plot.turned.connect(self._turn)
        plot.dropped.connect(lambda key: self._put("axes", [one for one in self._axes() if one != key]))
        plot.ranges_wanted.connect(self.choose_ranges)
        self._pages.addWidget(plot)
        self.setTabOrder(self.options.colour, plot)
        return plot

    def _make_parameters(self) -> ParameterPage:
        from gui.charts.parameter import ParameterPage

        page = ParameterPage()
        plot = page.plot
        plot.tip = lambda point: self._tip(int(plot.rows[point]))
        plot.image_wanted.connect(partial(self._save_picture, plot))
        plot.pointed.connect(lambda point: self._point(int(plot.rows[point]), False))
        plot.walked.connect(self._walk)
        page.ranking.wanted.connect(self._look_at)
        self._pages.addWidget(page)
        self.setTabOrder(self.options.colour, page.ranking)
        self.setTabOrder(page.ranking, page.plot)
        return page

    # --- what is listed ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._catalog.charts_button.setChecked(event.size().height() > 1)
        if event.oldSize().height() <= 1:
            self._refresh()

    def _listed(self) -> None:
        listing = self._catalog.model.listing
        if listing is None:
            return
        narrowing, self._narrowing = self._narrowing, False
        if listing.view.filter != self._composed:  # somebody wrote another query
            self._base = self._composed = listing.view.filter
            self.ranges = {}
        elif narrowing:
            return
        self._stale = True
        self._refresh()

    def _forget(self) -> None:
        if self._ranking_asked is not None:
            self._session.tasks.drop(self._ranking_asked)
            self._ranking_asked = None
        self.explored, self.ranges, self.ranking = Explored(), {}, []
        self._base = self._composed = ""
        self._stale = True
        self.options.offer(self.explored, "")
        self._draw()

    def _refresh(self) -> None:
        """Read what is listed if that is news and somebody looks."""
        listing = self._catalog.model.listing
        if not self._stale or listing is None or not self.isVisible() or self.height() <= 1 or not self._ready:
            return
        self._stale = False
        if self.options.kind == "parallel" and self.parallel is None:
            self.parallel = self._make_parallel()  # now, and not together with drawing it
        work = partial(fetch_explored, self._base, listing.view.order)
        self._session.query(work, self._take, self._refuse, topic="explore", quiet=True)

    def _recolour(self) -> None:
        """Colour what is drawn for another ground; when nobody looks, at the next look."""
        if self.isVisible() and self.explored:
            self._draw()
        else:
            self._stale = True

    def _take(self, explored: Explored) -> None:
        self.explored = explored
        self.ranges = {key: one for key, one in self.ranges.items() if key in explored.axes}
        self.options.offer(explored, self._sorted_by())
        self._draw()
        self._ask_ranking()

    def _refuse(self, problem: Problem) -> None:
        self._stale = True
        if problem.position < 0 and problem.kind != "cancelled":  # of a wrong query the listing tells
            self._session.tasks.unhandled.emit(problem)

    def _ask_ranking(self) -> None:
        """Find out which parameter matters; beside the workspace's thread, for the library takes a while to load."""
        metric = self._metric()
        if self.options.kind != "parameter" or metric not in self.explored.axes or not self._ready:
            return
        if self._ranking_asked is not None:
            self._session.tasks.drop(self._ranking_asked)
        work = partial(rank, self.explored, metric, self.explored.inside(self.ranges))
        self._ranking_asked = self._session.tasks.start(work, self._take_ranking, quiet=True)

    def _take_ranking(self, ranking: list[Importance]) -> None:
        self._ranking_asked = None
        self.ranking = ranking
        if self.options.kind == "parameter":
            self._draw()

    # --- what is chosen ---

    def _sorted_by(self) -> str:
        sorts = self._catalog.sorting.keys()
        return sorts[0].name if sorts else ""

    def _axes(self) -> list[str]:
        """Name the axes of parallel coordinates: those chosen, as far as they are there, else the usual ones."""
        chosen = [key for key in self._chosen.get("axes") or () if key in self.explored.axes]
        return chosen if len(chosen) > 1 else usual_axes(self.explored, self._sorted_by())

    def _metric(self) -> str:
        if not self.explored:
            return self._chosen.get("y") or self._sorted_by()
        return self.options.choose(self.options.measure, self._chosen.get("y") or self._sorted_by())

    def _parameter(self) -> str:
        wanted = self._chosen.get("x")
        if wanted not in self.explored.axes:
            ranked = (one.name for one in self.ranking if one.name in self.explored.axes)
            wanted = next(ranked, "") or usual_parameter(self.explored, self._metric())
        return self.options.choose(self.options.parameter, wanted)

    def _choose(self, name: str) -> None:
        combos: dict[str, QComboBox] = {
            "x": self.options.parameter,
            "y": self.options.measure,
            "colour": self.options.colour,
        }
        if name == "kind":
            self._chosen["kind"] = self.options.kind
            self._ask_ranking()
        elif name in combos:
            self._chosen[name] = combos[name].currentData()
            self._chosen.pop({"x": "log_x", "y": "log_y"}.get(name, ""), None)
            if name == "y":
                self._ask_ranking()
        else:
            self._chosen[name] = {"log_x": self.options.log_x, "log_y": self.options.log_y}[name].isChecked()
        self._draw()

    def _put(self, name: str, value: Any) -> None:
        self._chosen[name] = value
        self._draw()

    def _turn(self, key: str) -> None:
        turned = set(self._chosen.get("turned") or ()) ^ {key}
        self._put("turned", sorted(turned))

    def _look_at(self, key: str) -> None:
        """Show the parameter that was chosen in the ranking."""
        if key in self.explored.axes:
            self._chosen.pop("log_x", None)
            self._put("x", key)

    def _restore(self, charts: dict[str, Any]) -> None:
        self._chosen = dict(charts)
        self.options.show_kind("parameter" if charts.get("kind") == "parameter" else "parallel")
        self._ask_ranking()
        if self.explored:
            self._draw()

    def choose_axes(self) -> ColumnChooser:
        """Ask which axes to draw and in which order."""
        return ask_axes(self.explored, self._axes, partial(self._put, "axes"), self)

    # --- ranges ---

    def choose_ranges(self) -> RangesDialog:
        """Ask for ranges by keyboard."""
        dialog = RangesDialog([self.explored.axes[key] for key in self._axes()], self.ranges, self)
        dialog.wanted.connect(self.set_ranges)
        dialog.open()
        return dialog

    def set_ranges(self, ranges: dict[str, Range]) -> None:
        """Choose these ranges and put them into the query."""
        self.ranges = {key: one for key, one in ranges.items() if key in self.explored.axes}
        self._draw()
        self._narrow()
        self._ask_ranking()

    def _ranged(self, key: str, wanted: Range | None, moving: bool) -> None:
        self.ranges.pop(key, None)
        if wanted is not None:
            self.ranges[key] = wanted
        self._say()
        if not moving:
            self._narrow()

    def _narrow(self) -> None:
        conditions = [self.explored.axes[key].condition(*self.ranges[key]) for key in self.ranges]
        conditions = [one for one in conditions if one]
        composed = narrowed(self._base, " and ".join(conditions)) if conditions else self._base
        if composed != self._composed:
            self._composed, self._narrowing = composed, True
            self._catalog.query.put(composed)

    # --- drawing ---

    def _draw(self) -> None:
        if not self._ready:
            return
        if not self.explored:
            self.empty.say(tr("Nothing to draw yet"), tr("Charts of what is listed appear here."))
            self._pages.setCurrentWidget(self.empty)
            if self.legend is not None:
                self.legend.put(None)
            self._say()
            return
        colouring = self._colouring()
        self.legend = self.legend or self._make_legend()
        self.legend.put(colouring)
        if self.options.kind == "parallel":
            self.parallel = self.parallel or self._make_parallel()
            self._pages.setCurrentWidget(self.parallel)
            turned = self._chosen.get("turned") or ()
            self.parallel.show_axes(self.explored, self._axes(), turned, colouring, self.ranges)
        else:
            self.parameters = self.parameters or self._make_parameters()
            self._pages.setCurrentWidget(self.parameters)
            self._draw_scatter(self.parameters, colouring)
        self._highlight()
        self._say()

    def _draw_scatter(self, page: ParameterPage, colouring: Colouring) -> None:
        metric, parameter = self._metric(), self._parameter()
        page.ranking.put(self.ranking, metric, parameter)
        datasets = self.explored.axes.get("dataset_name")
        inside = self.explored.inside(self.ranges)
        page.tell_datasets(len(set(datasets.values[inside])) if datasets is not None else 1)
        if metric not in self.explored.axes or parameter not in self.explored.axes:
            return
        x, y = self.explored.axes[parameter], self.explored.axes[metric]
        log_x = bool(self._chosen.get("log_x", x.log)) and not x.names
        log_y = bool(self._chosen.get("log_y", y.log)) and not y.names
        for box, on, axis in ((self.options.log_x, log_x, x), (self.options.log_y, log_y, y)):
            box.setChecked(on)
            box.setEnabled(not axis.names and axis.bounds[1] > 0)
        page.plot.show_axes(self.explored.within(x, self.ranges), y, colouring, (log_x, log_y))

    def _colouring(self) -> Colouring:
        from gui.charts.colouring import colour_by, plain_colouring

        key = self.options.choose(self.options.colour, self._chosen.get("colour") or self._sorted_by())
        axis = self.explored.axes.get(key)
        return colour_by(axis) if axis is not None else plain_colouring(len(self.explored))

    def _say(self) -> None:
        count, total = len(self.explored), self.explored.total
        shown = integer_text(count)
        text = counted(count, "{n} result", "{n} results")
        if total > count:
            text = tr("a sample of {n} of {total}").format(n=shown, total=integer_text(total))
        if self.ranges and self.explored:
            inside = integer_text(int(self.explored.inside(self.ranges).sum()))
            words = tr("{inside} of {n} within the ranges")
            if total > count:
                words = tr("{inside} of a sample of {n} of {total} within the ranges")
            text = words.format(inside=inside, n=shown, total=integer_text(total))
        self.options.caption.put(text if count else "")
        self.options.clear.setVisible(bool(self.ranges))

    def _tip(self, row: int) -> str:
        """Name a result, with what it has on the axes."""
        from gui.charts.parallel_axes import value_text

        keys = self._axes() if self.options.kind == "parallel" else [self._parameter(), self._metric()]
        lines = [self.explored.titles[row]]
        for key in keys:
            axis = self.explored.axes[key]
            value = float(axis.values[row])
            text = value_text(axis, value) if value == value else number_text(None)
            lines.append(tr("{name}: {value}").format(name=title_of(key), value=text))
        return "\n".join(lines)

    # --- selection ---

    def _highlight(self) -> None:
        if not self._ready or not self.explored:
            return
        chosen = self.explored.rows_of(self._selection.chosen)
        current = self._selection.current
        here = self.explored.rows_of([current]) if current is not None else []
        if self.options.kind == "parallel" and self.parallel is not None:
            self.parallel.highlight(chosen, here[0] if here else -1)
        elif self.parameters is not None:
            self.parameters.plot.highlight(chosen, here[0] if here else -1)

    def _point(self, row: int, further: bool) -> None:
        select_point(self._selection, self.explored.picked[row], further)

    def _walk(self, across: int, down: int) -> None:
        current = self._selection.current
        here = self.explored.rows_of([current]) if current is not None else []
        if self.parameters is None:
            return
        row = self.parameters.plot.neighbour(here[0] if here else -1, across or -down)
        if row >= 0:
            self._point(row, False)

    # --- keeping ---

    def _save_picture(self, plot: Any) -> None:
        from gui.charts.picture import ask_for_picture

        name = Path(self._session.workspace.name).name if self._session.workspace is not None else "runshelf"
        ask_for_picture(plot, f"{name}-{self.options.kind}", self._session.tasks, self._settings)

    def save(self) -> None:
        """Remember what was chosen."""
        self._settings.explore = self._chosen
