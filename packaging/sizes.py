"""How large the bundle is, by component, as a table between two marks in packaging/README.md."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

BEGIN, END = "<!-- sizes: begin -->", "<!-- sizes: end -->"
INSIDE = "_internal"
OWN = {"storage", "gui", "resources"}
# Components by how a first folder or file below the bundle's folder begins; the first that fits.
COMPONENTS = (
    ("Qt and PySide6", ("PySide6", "shiboken6", "libQt6", "libicu", "libpyside6", "libshiboken6")),
    ("pyarrow", ("pyarrow", "libarrow", "libparquet")),
    ("scipy", ("scipy",)),
    ("scikit-learn", ("sklearn", "scikit_learn", "joblib", "threadpoolctl", "narwhals")),
    ("chemotools", ("chemotools", "ikpls", "cvmatrix")),
    ("pandas", ("pandas", "dateutil", "tzdata", "pytz")),
    ("numpy", ("numpy",)),
    ("matplotlib", ("matplotlib", "mpl_toolkits", "pylab", "PIL", "pillow", "contourpy", "fontTools", "kiwisolver")),
    ("SQLAlchemy", ("sqlalchemy",)),
    ("pyqtgraph", ("pyqtgraph",)),
    ("Python", ("libpython", "python3", "lib-dynload", "base_library", "encodings", "Python")),
)


def sizes(folder: Path) -> dict[str, int]:
    """Bytes on disk of each component of a bundle, largest first; a file that is linked to counts once."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            found[component(path.relative_to(folder).as_posix())] += path.stat().st_size
    return dict(found.most_common())


def component(place: str) -> str:
    """The component that a file belongs to, by its place in the bundle."""
    parts = PurePosixPath(place).parts
    if parts[0] != INSIDE:
        return "the programs"
    first = parts[1]
    if first in OWN or first.startswith("runshelf-"):
        return "Runshelf itself"
    name = next((name for name, starts in COMPONENTS if first.startswith(starts)), None)
    if name is None and len(parts) == 2 and first.endswith((".pyc", ".zip")):
        return "Python"  # the standard library's modules lie beside the packages
    if name is None and parts[1] in sys.stdlib_module_names:
        return "Python"
    if name is None and (".so" in first or first.endswith((".dll", ".dylib"))):
        return "libraries of the system"
    return name or "everything else"


def table(found: dict[str, int], platform: str) -> str:
    """The sizes as Markdown."""
    total = sum(found.values())
    lines = [f"{platform}: {_mb(total)} in all.", "", "| component | size |", "|---|---:|"]
    lines += [f"| {name} | {_mb(size)} |" for name, size in found.items()]
    return "\n".join(lines)


def put_into(readme: Path, text: str) -> None:
    """Put a text between the marks of a file, in place of what stands there."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme.name} lacks the marks {BEGIN} and {END}.")
    new = f"{before}{BEGIN}\n{text}\n{END}{after}"
    staged = readme.with_name(f".{readme.name}.new")
    staged.write_text(new, encoding="utf-8")
    os.replace(staged, readme)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
