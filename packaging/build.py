"""Build the bundle of this platform: `python3 start.py bundle` installs what that needs and calls this.

    python packaging/build.py [--deb] [--no-smoke] [--wheel]

The bundle is dist/runshelf. What it weighs is written into packaging/README.md; what PyInstaller could not find, and is
used, fails the build; then the bundle is tried as packaging/smoke.py says. `--deb` packs it for Debian and Ubuntu,
`--wheel` checks the wheel too.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
BUILD = ROOT / "build"
MADE = BUILD / "made"
WORK = BUILD / "work"
LOG = BUILD / "bundle.log"
WARNINGS = WORK / "runshelf" / "warn-runshelf.txt"
DIST = ROOT / "dist"
BUNDLE = DIST / "runshelf"


def main(arguments: Sequence[str]) -> int:
    """Build, look, weigh and try; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python3 start.py bundle", description="Build the bundle of this platform.")
    parser.add_argument("--deb", action="store_true", help="pack it for Debian and Ubuntu, too")
    parser.add_argument("--wheel", action="store_true", help="check wheel and sdist, too")
    parser.add_argument("--no-smoke", action="store_true", help="don't try the bundle")
    wanted = parser.parse_args(list(arguments))
    began = time.monotonic()
    if not build():
        return 1
    print(f"Built in {time.monotonic() - began:.0f} s", flush=True)
    weigh()
    if not wanted.no_smoke and _run("smoke.py"):
        return 1
    if wanted.deb and _run("linux/deb.py"):
        return 1
    return _run("check_wheel.py") if wanted.wheel else 0


def build() -> bool:
    """Let PyInstaller build the bundle; False, and sentences, where it failed or missed something that is used."""
    import contents
    import icons
    import unresolved

    print("Building the bundle; this takes some minutes", flush=True)
    icons.make_all(MADE)
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--workpath", str(WORK), "--distpath", str(DIST)]
    environment = {**os.environ, "RUNSHELF_ROOT": str(ROOT), "RUNSHELF_MADE": str(MADE)}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        code = subprocess.run(
            [*command, str(PACKAGING / "runshelf.spec")], cwd=ROOT, env=environment, stdout=log, stderr=log
        ).returncode
    said = LOG.read_text(encoding="utf-8", errors="replace")
    if code:
        print(f"{said[-3000:]}\nPyInstaller failed; the whole story is in {LOG}.", file=sys.stderr)
        return False
    missing = unresolved.missing_libraries(said, contents.is_left_out)
    missing += unresolved.missing_modules(WARNINGS.read_text(encoding="utf-8"), said, contents.UNWANTED)
    for sentence in missing:
        print(sentence, file=sys.stderr)
    return not missing


def weigh() -> None:
    """Print what the bundle weighs, and keep it in the README."""
    import sizes

    text = sizes.table(sizes.sizes(BUNDLE), f"{platform.system()} {platform.machine()}, Python {_python()}")
    print(text, flush=True)
    sizes.put_into(PACKAGING / "README.md", text)


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _run(script: str) -> int:
    return subprocess.run([sys.executable, str(PACKAGING / script)], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
