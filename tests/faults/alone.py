"""Commands in a mount namespace of their own, where disks can be mounted that nobody else sees and that go with it."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def mounted(mount: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m COMMAND` after a shell command that mounts something. Skips where nobody may."""
    if problem := _problem():
        pytest.skip(problem)
    python = shlex.join([sys.executable, "-m", *map(str, command)])
    return _unshare(f"{mount} && exec {python}")


def _unshare(shell: str) -> subprocess.CompletedProcess[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["unshare", "--mount", *user, "sh", "-c", shell],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=300,
    )  # fmt: skip


@functools.cache
def _problem() -> str:
    """Why nothing can be mounted here; empty where it can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    tried = _unshare("mount -t tmpfs -o size=1M tmpfs /mnt")
    return f"nothing can be mounted: {tried.stderr.strip()}" if tried.returncode else ""
