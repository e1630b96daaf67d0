"""A short soak on every run of the tests; see `soak` for a long one."""

from __future__ import annotations

from pathlib import Path

from tests.faults.soak import soak
from tests.storage.conftest import own_cache

__all__ = ["own_cache"]


def test_what_was_acknowledged_is_there_after_random_ends(tmp_path: Path) -> None:
    counted = soak(tmp_path, seconds=8, workers=2, seed=5, calm=2)
    assert counted["acknowledged"] and counted["kills"]
