"""Which folder things that are taken away go to."""

from __future__ import annotations

import os
from pathlib import Path

from storage.errors import BadInput, NotFound
from storage.layout import Layout
from storage.reading import is_behind_link


def chosen_folder(layout: Layout, destination: Path | None, usual: Path, *, create: bool = False) -> Path:
    """The folder that was chosen, else the usual one; with `create` it need not be there yet.

    Raises NotFound, and BadInput for a folder among the workspace's own, exports and the usual one apart.
    """
    if destination is None:
        if is_behind_link(usual, layout.root):
            raise BadInput(f"{usual} is a link to somewhere else.", usual, "Put the folder there, or name another.")
        return usual
    home = Path(destination).absolute()
    inside = home / "x"
    if is_inside(inside, layout.root) and not (is_inside(inside, layout.exports) or is_inside(inside, usual)):
        raise BadInput(f"{home} is a folder of the workspace's own.", home, "Choose exports, or one outside.")
    if not home.is_dir() and not create:
        raise NotFound(f"There is no folder {home}.", home, "Make it, or choose another.")
    return home


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path lies below a folder, links followed."""
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents
