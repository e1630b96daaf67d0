"""A workspace with every kind of file, made once, and copies of it to be harmed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import specimen


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the workspace and the settings of its user. Not to be changed."""
    place = tmp_path_factory.mktemp("specimen")
    specimen.make(place)
    return place


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the workspace, its user's settings in force."""
    place = shutil.copytree(made, tmp_path / "copy")
    with specimen.settings_in(place):
        yield place / "workspace"
