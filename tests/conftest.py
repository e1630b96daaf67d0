"""What all tests share: a machine that is busy is no reason to fail; the files that take longest come first."""

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Each runs in one process. What is not here takes so little that the processes come to their ends together.
LONGEST_FIRST = (
    "test_kills.py", "test_docs_run.py", "test_jobs.py", "test_cli.py", "test_process.py", "test_deadly_pipelines.py",
    "test_new_run.py", "test_runner.py", "test_cli_tour.py", "test_thinning.py", "test_app.py", "test_pace.py",
    "test_migration.py", "test_same_answers.py", "test_content.py", "test_index.py", "test_runs.py",
)  # fmt: skip
FONTS = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes one place for what matplotlib knows of fonts: each test has caches of its own, and looking
    through all fonts takes a second, in every process that has one."""
    if "MPLCONFIGDIR" not in os.environ:
        config.stash[FONTS] = os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="runshelf-fonts-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(FONTS, ""):
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ["MPLCONFIGDIR"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
