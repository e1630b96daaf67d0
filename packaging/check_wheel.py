"""Check what pip gets: `python packaging/check_wheel.py`.

Builds the wheel and the sdist, and a wheel from the sdist, which must hold the same files. Then installs the wheel
into new environments: without Qt, where `import storage` and the command line work and `runshelf` says how to add the
window; and with `[gui]`, where the window opens. Takes some minutes; needs a package index for pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
# What a wheel without which Runshelf would fail only later, and what is none of its business.
NEEDED = (
    "storage/py.typed", "gui/py.typed", "resources/icons/runshelf.svg", "resources/configs/regression-pls.yaml",
    "resources/templates/report.html.j2", "resources/desktop/runshelf.desktop", "resources/desktop/runshelf.xml",
)  # fmt: skip
OWN = ("storage/", "gui/", "resources/")
FOREIGN = ("tests/", "packaging/", "docs/", "demo/", "start.py")
OPEN_AND_CLOSE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
application = QApplication([])
from gui import app
from gui.window import MainWindow
def look():
    for window in application.topLevelWidgets():
        if isinstance(window, MainWindow) and window.isVisible():
            print("window", flush=True)
            window.close()
clock = QTimer()
clock.timeout.connect(look)
clock.start(50)
sys.exit(app.main([]))
"""


class Failed(Exception):
    """Something that a user of the wheel would meet; the message is the sentence to show."""


class Installed:
    """A new environment with the wheel in it, used from a folder where the sources are not."""

    def __init__(self, folder: Path, wheel: Path, extra: str = "") -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        scripts = "Scripts" if os.name == "nt" else "bin"
        self.scripts = folder / "venv" / scripts
        self.run("python", "-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, f"runshelf{extra} @ {wheel.as_uri()}")

    def run(self, program: str, *arguments: str | Path, expect: int = 0) -> str:
        """Run a program of the environment; returns what it printed, both kinds."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        places = {
            "XDG_CONFIG_HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder),
            "QT_QPA_PLATFORM": "offscreen",
        }
        done = subprocess.run(
            [self.scripts / program, *arguments], cwd=self.folder, env={**kept, **places}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", timeout=1200,
        )  # fmt: skip
        if done.returncode != expect:
            words = " ".join([program, *map(str, arguments)])
            raise Failed(f"`{words}` ended with {done.returncode} instead of {expect}:\n{done.stdout[-3000:]}")
        return done.stdout


def build(folder: Path) -> tuple[Path, Path]:
    """Build the wheel and the sdist from a copy of what git knows of, so that nothing else gets into them."""
    source = folder / "source"
    for name in _tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    _make_wheel(source, folder / "wheel")
    maker = folder / "maker"
    venv.create(maker, with_pip=True)
    python = maker / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "setuptools>=77"], check=True)
    script = "import setuptools.build_meta as maker, sys; maker.build_sdist(sys.argv[1])"
    (folder / "sdist").mkdir()
    subprocess.run([python, "-c", script, folder / "sdist"], cwd=source, check=True, stdout=subprocess.DEVNULL)
    return _only(folder / "wheel", "*.whl"), _only(folder / "sdist", "*.tar.gz")


def compare(wheel: Path, sdist: Path, folder: Path) -> None:
    """The sdist makes the same wheel; both have what is needed, and nothing else."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    _make_wheel(_only(folder / "unpacked", "runshelf-*"), folder / "again")
    names, again = _names(wheel), _names(_only(folder / "again", "*.whl"))
    if names != again:
        raise Failed(f"The sdist makes another wheel; only one of both has {', '.join(sorted(names ^ again))}.")
    if missing := [name for name in NEEDED if name not in names]:
        raise Failed(f"The wheel lacks {', '.join(missing)}.")
    if foreign := [name for name in names if name.startswith(FOREIGN)]:
        raise Failed(f"The wheel has {', '.join(foreign)}, which is not for users.")
    if lost := sorted({name for name in _tracked() if name.startswith(OWN) and name.endswith(".py")} - names):
        raise Failed(f"The wheel lacks {', '.join(lost)}.")


def try_without_qt(folder: Path, wheel: Path) -> None:
    """Without Qt everything but the window works, and the window says how to add it."""
    plain = Installed(folder, wheel)
    plain.run("python", "-c", "import storage; storage.Workspace; storage.load_dataset")
    plain.run("runshelf", "init", "there")
    plain.run("runshelf", "check", "-w", "there")
    said = plain.run("runshelf", "there/", expect=2)
    if "pip install 'runshelf[gui]'" not in said:
        raise Failed(f"Without Qt `runshelf` does not say how to add it, but: {said}")


def try_with_window(folder: Path, wheel: Path) -> None:
    """With the extra the window opens and closes."""
    if "window" not in Installed(folder, wheel, "[gui]").run("python", "-c", OPEN_AND_CLOSE):
        raise Failed("With runshelf[gui] no window opened.")


def main() -> int:
    """Check everything; 1 if something is wrong."""
    with tempfile.TemporaryDirectory(prefix="runshelf-wheel-") as name:
        folder = Path(name)
        try:
            began = time.monotonic()
            wheel, sdist = build(folder)
            _told("Wheel and sdist are built", began)
            compare(wheel, sdist, folder)
            _told("The sdist makes the same wheel, which has what is needed and no more", began)
            try_without_qt(folder / "plain", wheel)
            _told("Without Qt all but the window works, which says how to add it", began)
            try_with_window(folder / "window", wheel)
            _told("With runshelf[gui] the window opens", began)
        except (Failed, subprocess.CalledProcessError) as error:
            print(f"  ✗ {error}", file=sys.stderr)
            return 1
    return 0


def _told(sentence: str, began: float) -> None:
    print(f"  ✓ {sentence} ({time.monotonic() - began:.0f} s)", flush=True)


def _make_wheel(source: Path, folder: Path) -> None:
    """As pip does it for a user: in an environment of its own, with what pyproject.toml asks for."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        folder,
        source,
    ]
    subprocess.run(command, check=True, cwd=folder.parent)


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/RECORD")}


def _tracked() -> list[str]:
    """The files that git knows of; others that lie about by chance are no part of the project."""
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in told.split("\0") if name and (ROOT / name).is_file()]


if __name__ == "__main__":
    sys.exit(main())
