"""What PyInstaller could not find, as far as it matters: such a bundle fails later, on somebody else's machine.

Most of what it misses are optional parts of libraries that are not installed, or names of objects that it takes for
modules. What is installed and was not found is a fault of the bundle; so is what our own modules import and is nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.machinery import PathFinder

OWN = ("storage", "gui", "resources")
_LIBRARY = re.compile(r"Library not found: could not resolve '(?P<library>[^']+)', dependency of '(?P<file>[^']+)'")
_HIDDEN = re.compile(r"Hidden import \"(?P<name>[^\"]+)\" not found")
_MODULE = re.compile(r"^missing module named '?(?P<name>[^' ]+)'? - imported by (?P<importers>.+)$", re.MULTILINE)
_IMPORTER = re.compile(r"(?P<name>[^\s,()]+) \((?P<how>[^)]+)\)")


def missing_libraries(log: str, is_left_out: Callable[[str], bool]) -> list[str]:
    """Sentences about libraries that a file in the bundle needs and that were not found, from PyInstaller's log."""
    needs = {(match["library"], match["file"]) for match in _LIBRARY.finditer(log)}
    return [f"{library} is missing, which {file} needs." for library, file in sorted(needs) if not is_left_out(file)]


def missing_modules(warnings: str, log: str, unwanted: tuple[str, ...]) -> list[str]:
    """Sentences about modules that should be in the bundle, from PyInstaller's list of warnings and its log."""
    sentences = []
    for match in _MODULE.finditer(warnings):
        name = match["name"]
        importers = list(_IMPORTER.finditer(match["importers"]))
        ours = [one["name"] for one in importers if one["name"].split(".")[0] in OWN and one["how"] == "top-level"]
        if _is_there(name, unwanted) or (ours and not _is_there(name.split(".")[0], ())):
            by = ours[0] if ours else importers[0]["name"] if importers else "somebody"
            sentences.append(f"The module {name} is missing, which {by} imports.")
    hidden = sorted({match["name"] for match in _HIDDEN.finditer(log)})
    return sentences + [
        f"The module {name} is missing, which a hook asks for." for name in hidden if _is_there(name, unwanted)
    ]


def _is_there(name: str, unwanted: tuple[str, ...]) -> bool:
    """Whether a module is installed here and wanted; nothing is imported to find out."""
    parts = name.split(".")
    if any(".".join(parts[: n + 1]) in unwanted for n in range(len(parts))):
        return False
    path = None
    for n in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: n + 1]), path)
        if spec is None or (n + 1 < len(parts) and spec.submodule_search_locations is None):
            return False
        path = list(spec.submodule_search_locations or [])
    return True
