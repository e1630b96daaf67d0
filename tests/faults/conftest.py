"""What every fault befalls: a workspace with something of everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.changes import Change, make
from tests.faults.states import Recording, record
from tests.storage.conftest import own_cache

__all__ = ["own_cache"]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to be copied, never to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("of-base")))
        root = tmp_path_factory.mktemp("base") / "workspace"
        make(root)
    return root


@pytest.fixture(scope="session")
def recorded(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Change], Recording]:
    """Changes as they were made, each made once for all tests."""
    made: dict[Change, Recording] = {}

    def of(change: Change) -> Recording:
        if change not in made:
            made[change] = record(base, tmp_path_factory.mktemp(change.__name__) / "made", change)
        return made[change]

    return of
