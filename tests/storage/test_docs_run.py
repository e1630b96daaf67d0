"""Every block of README.md and docs/ that is a program is run, in its order; the others say that they are none.

The rule: ```sh and ```python are run, anything else (text, yaml, json) is not. A page is run in a folder of its own,
beside the demo data and the shipped configurations, as in a clone; the shell goes on where its last block ended. A date
in the name of a run is the day the page is run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from storage import Workspace
from storage.demo import write_demo_data

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ID = re.compile(r"\b2026-\d\d-\d\d_(?=fermentation)")
MAKE_THEIR_OWN = {"README.md", "guide.md"}  # the others speak of a workspace that is there
MANY = "n_components: [2, 4, 6, 8]"
GRID = """
- name: pls
  steps: [{class: sklearn.cross_decomposition.PLSRegression}]
- name: too many
  steps: [{class: sklearn.cross_decomposition.PLSRegression, params: {n_components: 5000}}]
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text("utf-8"))


def messages() -> list[str]:
    """The parts of the messages in the guide's table that stand in the sources word by word."""
    shown = re.findall(
        r"^\| (?:lines that end in )?\*(.+?)\* \|", (ROOT / "docs" / "guide.md").read_text("utf-8"), re.MULTILINE
    )
    return [part for one in shown for part in (piece.strip() for piece in one.split("…")) if len(part) > 3]


def programs(page: Path) -> list[tuple[str, str]]:
    return [one for one in blocks(page) if one[0] in ("sh", "python")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_says_what_it_is(page: Path) -> None:
    assert page.read_text("utf-8").count("\n```") == 2 * len(blocks(page))
    assert {language for language, _ in blocks(page)} <= {"sh", "python", "text", "yaml", "json"}


def test_the_messages_of_the_guide_are_those_of_the_program() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "storage").glob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", sources)
    assert len(messages()) > 15
    assert [one for one in messages() if one not in re.sub(r"\{[^{}]*\}", "…", joined)] == []


@pytest.fixture
def place(tmp_path: Path, commands: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a clone, with `runshelf` on the path; nothing opens a browser."""
    folder = tmp_path / "clone"
    write_demo_data(folder / "demo" / "data")
    shutil.copytree(ROOT / "resources" / "configs", folder / "resources" / "configs")
    grid = folder / "resources" / "configs" / "regression-pls.yaml"
    shipped = grid.read_text("utf-8")
    assert shipped.count(MANY) == 1  # of which README.md speaks of 4, and the largest is what may ask too much
    grid.write_text(shipped.replace(MANY, "n_components: [4, 8]"), "utf-8")
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def names(place: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the Python of a page may speak of: an open workspace with a run, and what one would train."""
    if request.node.callspec.params["page"].name in MAKE_THEIR_OWN:
        yield {}
        return
    from storage import load_configs, load_dataset
    from storage.requests import RunRequest

    (place / "grid.yaml").write_text(GRID)
    data = place / "demo" / "data" / "fermentation.csv"
    monkeypatch.setenv("RUNSHELF_WORKSPACE", str(place / "my-workspace"))
    with Workspace.create(place / "my-workspace") as ws:
        asked = RunRequest(
            data=data, target=["glucose"], split_column="split", pipelines=[place / "grid.yaml"], charts=False
        )
        outcome = ws.run_request(asked)
        assert (outcome.completed, outcome.failed) == (1, 1)
        ws.catalog.annotate(ws.catalog.ids("status = 'completed'"), add_tags=["seen"])
        dataset = load_dataset(data, ["glucose"], split_column="split")
        pipelines = load_configs([place / "grid.yaml"])[:1]
        yield {"ws": ws, "run_id": outcome.run_id, "dataset": dataset, "pipelines": pipelines}


@pytest.mark.filterwarnings(
    "ignore:The inplace keyword in DataFrame.drop:DeprecationWarning"
)  # how duckdb calls pandas
@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a POSIX shell")
@pytest.mark.parametrize("page", [page for page in PAGES if programs(page)], ids=lambda page: page.name)
def test_the_programs_of_a_page_run(page: Path, place: Path, names: dict[str, Any], tmp_path: Path) -> None:
    shell_at, mark = str(place), tmp_path / "stands"
    for language, text in programs(page):
        code = RUN_ID.sub(f"{date.today():%Y-%m-%d}_", text)
        if language == "python":
            exec(compile(code, f"{page.name}: {code.splitlines()[0]}", "exec"), names)
            continue
        script = f"{code}\npwd >'{mark}'\n"
        ended = subprocess.run(["sh", "-euc", script], cwd=shell_at, capture_output=True, text=True)
        assert ended.returncode == 0, f"{code}\n{ended.stdout}{ended.stderr}"
        shell_at = mark.read_text().strip()
