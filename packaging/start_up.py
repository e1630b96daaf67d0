"""Measure the first painted window of the bundle beside that of the sources: `python packaging/start_up.py WORKSPACE`.

Both run in turns on the same workspace, each time with settings of their own; the first turn warms the disk, lets
Python keep what it compiled, and does not count. Prints each pair, both medians and their ratio; ends with 1 where the
bundle takes more than 1.5 times as long, or loads before the first paint what should come after it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smoke import BUNDLE, INSIDE, LATE, SCRIPT, with_inside

ROOT = Path(__file__).resolve().parent.parent
MOST = 1.5


def first_paint(command: list[str], workspace: Path, home: Path, platform: str) -> float:
    """Seconds from the start of the process to the first painted window. Raises SystemExit for a window that fails."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": platform}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else the sources are compiled anew each time, and seem slower
    began = time.monotonic_ns()
    done = subprocess.run(
        [*command, "paint", str(workspace)], env={**environment, **dict.fromkeys(names, str(home))}, cwd=home,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"{command[-1]} failed: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    if early := sorted(set(LATE) & set(found["loaded"])):
        raise SystemExit(f"{command[-1]} loads before the first paint: {', '.join(early)}.")
    return float(found["painted"] - began) / 1e9


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="First paint of the bundle and of the sources, in turns.")
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--platform", default="offscreen", help="how Qt draws, such as xcb")
    wanted = parser.parse_args()
    programs = ([str(BUNDLE / INSIDE.name), str(SCRIPT)], [sys.executable, str(SCRIPT)])
    pairs = []
    with tempfile.TemporaryDirectory(prefix="runshelf-start-") as name, with_inside(BUNDLE, INSIDE):
        home = Path(name) / "home"
        for turn in range(wanted.turns + 1):
            pair = tuple(
                first_paint(command, wanted.workspace.absolute(), home, wanted.platform) for command in programs
            )
            if turn:
                pairs.append(pair)
                print(f"bundle {pair[0]:.2f} s, sources {pair[1]:.2f} s, ×{pair[0] / pair[1]:.2f}", flush=True)
    bundle, own = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"median: bundle {bundle:.2f} s, sources {own:.2f} s, ratio of the pairs ×{ratio:.2f} (at most ×{MOST})")
    return 1 if ratio > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
