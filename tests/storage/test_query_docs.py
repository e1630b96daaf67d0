"""Every example in docs/query-language.md is asked of a workspace, and finds what it is there for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage import Workspace

PAGE = Path(__file__).parents[2] / "docs" / "query-language.md"
ROW = re.compile(r"^\| (`.*?) \|", re.MULTILINE)
ONLY_SIGNS = re.compile(r"(!?[=<>~]+|not|not in|not between|is not null|\( … \)|and|or)")


def examples() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    written = [one for row in ROW.findall(text) for one in re.findall(r"`([^`]+)`", row)]
    return [one for one in [*written, *re.findall(r"`(order by [^`]+)`", text)] if not ONLY_SIGNS.fullmatch(one)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    classes = [("PLSRegression", {"n_components": 8}), ("SVR", {"kernel": "rbf"})]
    with Workspace.create(tmp_path_factory.mktemp("docs") / "ws") as made:
        run = made.create_run("corn")
        for name, params in classes:
            steps = [
                {"class": "chemotools.scatter.RobustNormalVariate", "name": "scatter", "params": {"window_size": 5}},
                {"class": f"sklearn.some.{name}", "params": params},
            ]
            pipeline = run.add_pipeline({"steps": steps}, name=f"snv {name}")
            pipeline.save_metrics({part: {"rmse": 0.4, "r2": 0.95} for part in ("train", "val", "test")})
            pipeline.complete()
        run.finalize()
        made.sync()
        yield made


@pytest.mark.parametrize("text", examples())
def test_an_example_of_the_page_can_be_asked(workspace: Workspace, text: str) -> None:
    query = f"test_rmse - train_rmse as gap {text}" if "gap" in text and " as " not in text else text
    assert workspace.catalog.count(query) <= 2


def test_the_page_has_its_examples() -> None:
    assert {"created = yesterday", "pipeline_name contains 'snv'", "last 7 days", "a and b"} <= set(examples())
    assert len(examples()) > 25
