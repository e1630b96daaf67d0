"""Runshelf among the programs of a Linux desktop: its entry, its icon, and the type of runshelf.json.

They lie in the user's own data (XDG_DATA_HOME), for a program that was installed by pip or unpacked somewhere; a
package of the system brings them by itself. The entry names this program by its path, so it is made anew when that
moves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import resources
from storage.disk import remove_outside, write_atomic
from storage.errors import BadInput

ENTRY = "desktop/runshelf.desktop"
# What is installed where below the data folder, and what it is among the resources.
PLACES = {
    "applications/runshelf.desktop": ENTRY,
    "icons/hicolor/scalable/apps/runshelf.svg": "icons/runshelf.svg",
    "mime/packages/runshelf.xml": "desktop/runshelf.xml",
}
# Programs that bring the desktop's own indexes up to date, and the folders these are of.
REFRESHING = {"update-desktop-database": "applications", "update-mime-database": "mime"}
_QUOTED = '"`$\\'  # what is escaped between quotes in an Exec line


def install_desktop() -> list[Path]:
    """Put Runshelf among the programs of the desktop; returns the files written. Raises BadInput where it can't be."""
    folder = _data_folder()
    written = []
    for place, source in PLACES.items():
        text = resources.path(source).read_text(encoding="utf-8")
        if source == ENTRY:
            text = with_program(text, program())
        write_atomic(folder / place, text.encode())
        written.append(folder / place)
    _refresh(folder)
    return written


def uninstall_desktop() -> list[Path]:
    """Take it away again; returns the files removed, none where there were none."""
    folder = _data_folder()
    removed = [folder / place for place in PLACES if remove_outside(folder / place)]
    if removed:
        _refresh(folder)
    return removed


def program() -> list[str]:
    """The command that opens the window: the program of the bundle, the script that pip made, or else Python's."""
    here = Path(sys.executable)
    if getattr(sys, "frozen", False):
        return [str(here.with_name("runshelf"))]
    script = here.with_name("runshelf")  # of the environment: what the interpreter links to is another folder
    return [str(script)] if script.is_file() else [str(here), "-m", "gui"]


def with_program(entry: str, command: list[str]) -> str:
    """The desktop entry, starting this command."""
    words = " ".join(_quoted(word) for word in command)
    lines = [f"Exec={words} %f" if line.startswith("Exec=") else line for line in entry.splitlines()]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """A word of an Exec line; the file has escapes of its own, so that a backslash is written four times."""
    inside = "".join(f"\\{c}" if c in _QUOTED else c for c in word).replace("\\", "\\\\").replace("%", "%%")
    return f'"{inside}"'


def _data_folder() -> Path:
    if not sys.platform.startswith("linux"):
        raise BadInput("Desktop entries are for Linux.", advice="Start Runshelf from where it was installed.")
    given = os.environ.get("XDG_DATA_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"


def _refresh(folder: Path) -> None:
    """Let the desktop know; without these programs it notices by itself, or at the next login."""
    for tool, place in REFRESHING.items():
        if (found := shutil.which(tool)) is not None and (folder / place).is_dir():
            subprocess.run([found, str(folder / place)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
