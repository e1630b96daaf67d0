"""Measuring: the time of a call or of a whole process, and the most memory a process has had."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEBIBYTE = 1024 * 1024

Sampler = Callable[[], list[float]]


def milliseconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def timed(work: Callable[[], Any], times: int = 15, warmup: int = 1, seconds: float = 5.0) -> Sampler:
    """What measures `work`: milliseconds of up to `times` calls, after `warmup` more.

    It stops early when `seconds` are over, for at a million rows some baselines take that long once. A warm-up that
    took all the time counts, so that there is always a value.
    """

    def sample() -> list[float]:
        deadline = time.perf_counter() + seconds
        found: list[float] = []
        for i in range(warmup + times):
            taken = milliseconds(work)
            over = time.perf_counter() > deadline
            if i >= warmup or over:
                found.append(taken)
            if over:
                break
        return found

    return sample


def process(*arguments: str, times: int = 9, python: str = sys.executable) -> Sampler:
    """What measures a whole Python process, from its start to its end."""

    def run() -> None:
        subprocess.run([python, *arguments], check=True, capture_output=True, cwd=ROOT)

    return timed(run, times, seconds=20)


def output_of(*arguments: str, python: str = sys.executable) -> str:
    """The last line that a Python process prints. Raises RuntimeError with its last words where it fails."""
    done = subprocess.run([python, *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise RuntimeError(words[-1] if words else f"ended with {done.returncode}")
    return done.stdout.strip().splitlines()[-1]


def peak_memory(children: bool = True) -> float | None:
    """The most memory this process, or with `children` any it waited for, has had, in MiB; None where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN) if children else (resource.RUSAGE_SELF,)
    most = max(resource.getrusage(one).ru_maxrss for one in who)
    return most / MEBIBYTE if sys.platform == "darwin" else most / 1024  # macOS counts bytes


def spread(values: list[float], unit: str) -> str:
    """Median and range, for example `4.1 ms (3.9–6.0)`."""
    middle = statistics.median(values)
    scale, unit = (1e-3, "s") if unit == "ms" and middle >= 10_000 else (1.0, unit)
    digits = _digits(middle * scale)
    around = f" ({min(values) * scale:,.{digits}f}–{max(values) * scale:,.{digits}f})" if len(values) > 1 else ""
    return f"{middle * scale:,.{digits}f} {unit}{around}"


def _digits(value: float) -> int:
    """Decimals that leave two or three figures that mean something."""
    return 0 if value >= 100 else 1 if value >= 1 else 2 if value >= 0.1 else 3
