"""Real workspaces in temporary folders, and small real data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage import Dataset, Workspace, from_arrays
from tests.storage.samples import regression_arrays


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Caches and settings outside the workspace go to the test's own folder, never to the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("RUNSHELF_WORKSPACE", raising=False)


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for PATH with `runshelf` in it, which starts at once."""
    folder = tmp_path_factory.mktemp("bin")
    warm, address = Path(__file__).with_name("warm.py"), folder / "socket"
    (folder / "runshelf").write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{warm}" "{address}" "$@"\n')
    (folder / "runshelf").chmod(0o755)
    serving = [sys.executable, "-m", "tests.storage.warm", str(address)]
    environment = os.environ | {"PYTHONPATH": str(warm.parents[2])}
    with subprocess.Popen(serving, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        yield folder
        server.kill()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    with Workspace.create(root) as made:
        yield made


@pytest.fixture
def dataset() -> Dataset:
    """30 samples, 12 features, 6 of the samples for testing."""
    X, y = regression_arrays()
    return from_arrays("corn", X, y, test=np.arange(30) >= 24, target="protein", units="%")


@pytest.fixture
def spectra_csv(tmp_path: Path) -> Path:
    """A data file with an id, a split, a numeric and a text target, and wavelengths as columns."""
    X, y = regression_arrays()
    table = pd.DataFrame(X, columns=[f"{1100 + 2 * i}" for i in range(X.shape[1])])
    table.insert(0, "sample_id", [f"s{i:02d}" for i in range(len(X))])
    table.insert(1, "split", ["train"] * 24 + ["test"] * 6)
    table.insert(2, "protein", y)
    table.insert(3, "origin", ["north" if value > 0 else "south" for value in y])
    path = tmp_path / "corn.csv"
    table.to_csv(path, index=False)
    return path
