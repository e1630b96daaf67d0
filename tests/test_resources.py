"""The shipped grids: what a newcomer runs first has to work."""

from pathlib import Path

import pytest

import resources
from storage.configs import load_configs

GRIDS = {"regression-pls.yaml": 28, "regression-other-models.yaml": 24, "classification.yaml": 21}


def test_all_grids_are_listed_here():
    assert {entry.name for entry in resources.path("configs").iterdir() if entry.name.endswith(".yaml")} == set(GRIDS)


@pytest.mark.parametrize(("name", "count"), GRIDS.items())
def test_a_shipped_grid_expands_to_different_pipelines_that_can_be_built(name, count):
    configs = load_configs([Path(str(resources.path(f"configs/{name}")))])
    assert len({config.name for config in configs}) == count
    assert len({config.digest(config.build()) for config in configs}) == count
