"""What all tests share: a machine that is busy is no reason to fail; the files that take longest come first."""

import os
import shutil
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# Where processes share the cores, threads that wait for each other by spinning take what all of them need: fitting a
# small model then takes three times the computing. To be set before any library is loaded, and for children too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

ON_RECORDED_CHANGES = ("test_kills.py", "test_disk_full.py", "test_power_loss.py")  # each is recorded once a process
# Each runs in one process. What is not here takes so little that the processes come to their ends together.
LONGEST_FIRST = (
    *ON_RECORDED_CHANGES, "test_docs_run.py", "test_jobs.py", "test_cli.py", "test_process.py",
    "test_deadly_pipelines.py", "test_new_run.py", "test_runner.py", "test_cli_tour.py", "test_thinning.py",
    "test_app.py", "test_pace.py", "test_migration.py", "test_same_answers.py", "test_content.py", "test_index.py",
    "test_runs.py",
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


@pytest.hookimpl(optionalhook=True)  # where pytest-xdist is
def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., object]) -> object:
    """As `--dist loadfile`, but that what looks at the same recorded changes goes to one process."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LoadSubject(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "recorded changes" if file.endswith(ON_RECORDED_CHANGES) else file

    return LoadSubject(config, log)
