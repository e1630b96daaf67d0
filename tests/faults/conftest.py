"""What faults befall: a workspace with something of everything, and one with every kind of file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import specimen
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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the workspace of every kind of file and the settings of its user. Not to be changed."""
    place = tmp_path_factory.mktemp("specimen")
    specimen.make(place)
    return place


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that workspace, its user's settings in force."""
    place = shutil.copytree(made, tmp_path / "copy")
    with specimen.settings_in(place):
        yield place / "workspace"
