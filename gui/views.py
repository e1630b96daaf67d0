"""Views of the catalog that have a name: what is listed, in which order, with which columns, in which groups.

They belong to the user and not to one workspace: somebody who compares methods the same way in every project sets a
view up once, and a workspace that is only read, or shared with colleagues, is left as it is. A view says nothing that
another workspace couldn't show: columns it doesn't have are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gui.formats import tr
from gui.settings import Settings

MOST_VIEWS = 100


@dataclass(frozen=True)
class SavedView:
    """A view: a query, an order ("" for the best known), columns (none for the standard ones), groups, charts.

    `key` tells built-in views apart, whose names are translated; it is empty for people's own. Of those with standard
    columns, the ones that are `first` come before the others.
    """

    name: str
    query: str = ""
    order: str = ""
    columns: tuple[Mapping[str, Any], ...] = ()
    group_by: tuple[str, ...] = ()
    spread: bool = False
    charts: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    first: tuple[str, ...] = ()

    def same(self, other: SavedView) -> bool:
        """Whether the other one shows the same: widths and charts don't matter."""
        return (self.query, self.order, self.group_by, self.spread, _shown(self.columns)) == (
            other.query, other.order, other.group_by, other.spread, _shown(other.columns),
        )  # fmt: skip


def built_in_views() -> list[SavedView]:
    """Return the views that are always there."""
    return [
        SavedView(tr("Best"), key="best"),
        SavedView(tr("Newest"), order="-created_at", key="newest"),
        SavedView(tr("Starred"), query="stars >= 1", order="-stars", key="starred"),
        SavedView(
            tr("With notes"),
            query="notes is not null",
            order="-noted_at",
            key="with_notes",
            first=("notes", "noted_at"),
        ),
        SavedView(tr("Failed"), query="status = 'failed'", order="-created_at", key="failed"),
        SavedView(tr("By dataset"), group_by=("dataset_name",), key="by_dataset"),
        SavedView(tr("By model"), group_by=("model_type",), key="by_model"),
    ]


def own_views(settings: Settings) -> list[SavedView]:
    """Read the user's own views; what can't be understood is left out."""
    found = [_read(entry) for entry in settings.views if isinstance(entry, dict)]
    return [one for one in found if one is not None]


def put_view(settings: Settings, view: SavedView, instead_of: str = "") -> None:
    """Keep a view, in place of the one called so, else at the end."""
    views = own_views(settings)
    names = [one.name for one in views]
    place = names.index(instead_of) if instead_of in names else len(views)
    _write(settings, [*views[:place], replace(view, key=""), *views[place + 1 :]])


def drop_view(settings: Settings, name: str) -> None:
    """Forget a view of the user's own."""
    _write(settings, [one for one in own_views(settings) if one.name != name])


def _write(settings: Settings, views: Sequence[SavedView]) -> None:
    settings.views = [
        {name: value for name, value in asdict(one).items() if name not in ("key", "first")}
        for one in views[:MOST_VIEWS]
    ]


def _read(entry: Mapping[str, Any]) -> SavedView | None:
    name, columns, group_by, charts = (entry.get(key) for key in ("name", "columns", "group_by", "charts"))
    if not isinstance(name, str) or not name.strip():
        return None
    return SavedView(
        name,
        str(entry.get("query") or ""),
        str(entry.get("order") or ""),
        tuple(one for one in columns if isinstance(one, dict)) if isinstance(columns, list) else (),
        tuple(str(one) for one in group_by) if isinstance(group_by, list) else (),
        bool(entry.get("spread")),
        charts if isinstance(charts, dict) else {},
    )


def _shown(columns: Sequence[Mapping[str, Any]]) -> list[tuple[Any, bool]]:
    """What tells arrangements apart: columns in order, where those nobody chose come and go by themselves."""
    told = [one for one in columns if one.get("shown") or not one.get("chosen", True)]
    return [(one.get("key"), bool(one.get("pinned"))) for one in told]
