"""Files that ship with Runshelf: icons, and pipeline grids to start from."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def path(name: str) -> Traversable:
    """Where a shipped file lies, such as `path("configs/regression-pls.yaml")`; it is also there in a frozen app."""
    return files(__name__).joinpath(*name.split("/"))
