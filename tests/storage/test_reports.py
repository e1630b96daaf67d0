"""Reports: what they say is what the catalog says, whatever values hold comes out as text, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from storage import BadInput, Cancelled, Dataset, Exists, NotFound, ReadOnly, Workspace, from_arrays
from storage.cli import main
from storage.drawings import Bar, Drawing, agreement, bars, confusion, histogram, over_time, parity, whiskers
from storage.markdown import one_line
from storage.report_blocks import Cell, Column, Report, Sentence, facts, section, table
from storage.reports import render
from tests.storage.samples import content_of, fill, regression_arrays

RIDGE = {
    "name": "ridge",
    "steps": [{"class": "sklearn.preprocessing.StandardScaler"}, {"class": "sklearn.linear_model.Ridge"}],
    "grid": {"Ridge__alpha": [0.1, 1.0, 10.0, 1000.0]},
}
FAILS = {"name": "broken", "steps": [{"class": "sklearn.svm.SVR", "params": {"C": -1.0}}]}
HOSTILE = "<script>alert('x')</script>|a&amp;b`c` **d** [e](f) \u202egnp.exe\n# g $h$ \\ ~~i~~"
MARKUP = [
    "]]>",
    "-->",
    "</svg>",
    "</style>",
    "1. a",
    "2) b",
    "- c",
    "+",
    "---",
    "===",
    "&lt;",
    "{{ 7 * 7 }}",
    "\x00\x1b[31m",
]
NAMES = st.text(st.characters(codec="utf-8"), max_size=40).filter(str.strip) | st.sampled_from([HOSTILE, *MARKUP])


class Page(HTMLParser):
    """The elements and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)


def markdown_texts(text: str) -> Iterator[str]:
    """The texts of a Markdown page as a reader sees them; fails where there is any markup but what reports have."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        assert token.type != "html_block" or token.content.startswith("<!-- runshelf-report ")
        assert token.type not in ("code_block", "fence", "blockquote_open", "ordered_list_open", "lheading")
        if token.type == "inline":
            assert {one.type for one in token.children or ()} <= {"text", "text_special", "strong_open", "strong_close"}
            yield "".join(one.content for one in token.children or ())


@pytest.fixture
def run_id(workspace: Workspace, dataset: Dataset) -> str:
    """A run of four pipelines that complete and one that fails."""
    outcome = workspace.run_batch(dataset, [RIDGE, FAILS], run_name="study", description="For Ann", charts=False)
    assert (outcome.completed, outcome.failed) == (4, 1)
    return outcome.run_id


# ---------------------------------------------------------------- what they say


def test_a_run_report_says_what_was_asked_what_came_out_and_what_failed(workspace: Workspace, run_id: str) -> None:
    html, md = workspace.report_run(run_id)
    home = workspace.root / "catalog" / "reports"
    assert (html, md) == (home / f"{run_id}.html", home / f"{run_id}.md")
    assert {path.name for path in home.iterdir()} == {html.name, md.name}
    text = md.read_text("utf-8")
    said = list(markdown_texts(text))
    for told in ("For Ann", "target: protein (%)", "samples × features: 30 × 12", "seed: 0", "task: regression"):
        assert told in said
    assert "4 of 5 pipelines completed" in text
    assert "completed: 4" in said and "failed: 1" in said and any(one.startswith("scikit-learn: ") for one in said)
    assert said[said.index("Ridge.alpha") + 1] == "0.1, 1, 10, 1000"
    best = workspace.catalog.best_rows("val_rmse", "corn", 10)
    places = [said.index(row["pipeline_id"], said.index("RMSE validation")) for row in best]
    assert places == sorted(places) and len(places) == 4
    first = best[0]
    spread = f"{first['val_rmse']:#.3g} ± {first['cross_validation_std_rmse']:#.2g}"
    assert said[said.index("RMSE validation") :].count(spread) == 1 and f"{first['test_rmse']:#.3g}" in said
    errors = [row.pipeline_id for row in workspace.pipelines(run_id) if row.status == "failed"]
    message = workspace.summary(run_id).errors[0].message
    assert said[said.index(errors[0]) - 2 : said.index(errors[0])] == ["1", one_line(message)]
    statistics = workspace.summary(run_id).statistics
    assert any(one.startswith(f"fitted objects: {statistics.artifact_count}, ") for one in said)
    assert any(one.startswith("saved by storing equal ones once: ") for one in said)
    generation = workspace.catalog.manifest().generation
    assert said[-1].startswith("Made ") and said[-1].endswith(
        f"from the catalog of workspace, generation {generation}."
    )


def test_the_page_needs_no_other_file_and_says_the_same(workspace: Workspace, run_id: str) -> None:
    (path,) = workspace.report_run(run_id, ["html"])
    text = path.read_text("utf-8")
    page = Page(text)
    assert page.open == [] and not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not any(name in ("src", "href", "style") or name.startswith("on") for name, _ in page.attributes)
    assert "prefers-color-scheme: dark" in text and "@import" not in text and "url(" not in text
    assert page.tags.count("svg") >= 2 and {"training (24)", "validation (24)", "test (6)"} <= set(page.texts)
    (md,) = workspace.report_run(run_id, ["md"])
    tables = [line.split(" | ")[1] for line in md.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(tables) > 10 and page.tags.count("tr") == len(tables)


def test_a_report_made_again_takes_the_place_of_the_one_before(workspace: Workspace, run_id: str) -> None:
    def without_moment(path: Path) -> str:
        return re.sub(r"Made \S+ \S+ UTC", "", path.read_text("utf-8"))

    paths = workspace.report_run(run_id) + workspace.report_dataset("corn")
    before = [without_moment(path) for path in paths]
    assert workspace.report_run(run_id) + workspace.report_dataset("corn") == paths
    assert [without_moment(path) for path in paths] == before
    fill(workspace, 1)
    workspace.report_dataset("corn")
    assert without_moment(paths[3]) != before[3]
    assert len(list(paths[0].parent.iterdir())) == 4


def test_a_run_that_has_not_ended_and_damaged_documents_are_told_of(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    pipeline = run.add_pipeline({"k": 1}, name="first")
    pipeline.save_metrics({"test": {"rmse": 1.5}})
    pipeline.complete()
    run.add_pipeline({"k": 2}, name="second").fail("it broke\nhere")
    (path,) = workspace.report_run(run.run_id, ["md"])
    text = path.read_text("utf-8")
    assert "has not ended" in text and "| 1 | it broke |" in text and "test RMSE 1.50 (lower is better)" in text
    damaged = (run.folder / "run_summary.json", pipeline.folder / "pipeline.json")
    documents = {place: place.read_bytes() for place in damaged}
    for place in damaged:
        place.write_text("{")
    (path,) = workspace.report_run(run.run_id, ["md"])
    assert "missing or damaged" in path.read_text("utf-8") and "test RMSE 1.50" in path.read_text("utf-8")
    for place, content in documents.items():
        place.write_bytes(content)


def test_a_run_without_results_and_one_of_unknown_metrics_have_reports(workspace: Workspace) -> None:
    empty = workspace.create_run("empty")
    empty.finalize()
    run = workspace.create_run("odd")
    pipeline = run.add_pipeline({"k": 1})
    pipeline.save_metrics({"test": {"wibble": 1.0}})
    pipeline.complete()
    run.finalize()
    for one in (empty, run):
        for path in workspace.report_run(one.run_id):
            assert "No result has a metric that it could be ranked by" in path.read_text("utf-8")
    assert "1 result, 1 completed" in workspace.report_dataset("odd", ["md"])[0].read_text("utf-8")


def test_a_dataset_report_tells_of_all_its_runs_and_of_no_other(workspace: Workspace, dataset: Dataset) -> None:
    first = workspace.run_batch(dataset, [RIDGE, FAILS], run_name="first", charts=False).run_id
    forest = {"name": "knn", "steps": [{"class": "sklearn.neighbors.KNeighborsRegressor"}]}
    second = workspace.run_batch(dataset, [forest], run_name="second", charts=False).run_id
    fill(workspace, 3, "wheat")
    html, md = workspace.report_dataset("corn")
    assert md == workspace.root / "catalog" / "reports" / "corn_dataset.md"
    text = md.read_text("utf-8")
    said = list(markdown_texts(text))
    assert "6 results, 5 completed, 1 failed." in text and "wheat" not in text
    runs = said[said.index("Runs") :]
    assert runs[runs.index(first) + 2 : runs.index(first) + 5] == ["5", "4", "1"]
    assert runs[runs.index(second) + 2 : runs.index(second) + 5] == ["1", "1", "0"]
    types = said[said.index("Model types") : said.index("Validation and test")]
    for model in ("Ridge", "KNeighborsRegressor"):
        best = next(row for row in workspace.catalog.best_rows("val_rmse", "corn") if row["model_type"] == model)
        assert best["pipeline_id"] in types and f"{best['val_rmse']:#.3g}" in types
    assert "1 pipeline failed in 1 run." in said
    assert any(one.startswith(f"{first}/0005_broken") for one in said)
    page = Page(html.read_text("utf-8"))
    assert page.open == [] and page.tags.count("figure") >= 4
    with pytest.raises(NotFound):
        workspace.report_dataset("nothing")


def test_the_best_over_time_only_gets_better_and_ends_at_the_best(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for place, value in enumerate([3.0, 4.0, 2.0, 2.5, 1.0, 1.0]):
        pipeline = run.add_pipeline({"k": place}, name=f"p{place}")
        pipeline.save_metrics({"test": {"rmse": value}})
        pipeline.complete()
    run.finalize()
    said = list(markdown_texts(workspace.report_dataset("corn", ["md"])[0].read_text("utf-8")))
    steps = said[said.index("The best over time") + 1 : said.index("Runs")]
    assert [one for one in steps if re.fullmatch(r"\d\.\d\d", one)] == ["1.00", "2.00", "3.00"]
    assert steps[-1] == "3 times a result was better than all before."


def test_what_is_much_worse_on_test_is_marked(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for place, test in enumerate([9.0, 1.1]):
        pipeline = run.add_pipeline({"k": place}, name=f"p{place}")
        folds = {"folds": 5, "mean_rmse": 1.0, "std_rmse": 0.1, "fold_results": [{"rmse": 1.0}] * 5}
        pipeline.save_metrics({"val": {"rmse": 1.0 + place}, "test": {"rmse": test}, "cross_validation": folds})
        pipeline.complete()
    run.finalize()
    workspace.sync()
    text = workspace.report_run(run.run_id, ["md"])[0].read_text("utf-8")
    assert "9.00 (!)" in text and "1.10 (!)" not in text and "can't be trusted" in text
    (page,) = workspace.report_run(run.run_id, ["html"])
    assert 'class="number bad">9.00<' in page.read_text("utf-8")


def test_classes_are_shown_as_a_confusion_matrix(workspace: Workspace) -> None:
    X, y = regression_arrays()
    labels = np.where(y > 0, "north & <south>", "west")
    dataset = from_arrays("origins", X, labels, test=np.arange(30) >= 20, target="origin")
    config = {"name": "logistic", "steps": [{"class": "sklearn.linear_model.LogisticRegression"}]}
    run_id = workspace.run_batch(dataset, [config], charts=False).run_id
    html, md = workspace.report_run(run_id)
    page = Page(html.read_text("utf-8"))
    assert page.texts.count("north & <south>") == 1 and "10 test samples." in page.texts
    assert "validation Accuracy" in md.read_text("utf-8") and "higher is better" in md.read_text("utf-8")


# ---------------------------------------------------------------- where they go


def test_reports_go_to_a_folder_that_is_named_and_never_over_what_is_none(
    workspace: Workspace, run_id: str, tmp_path: Path
) -> None:
    assert workspace.report_run(run_id, ["md"], tmp_path) == [tmp_path / f"{run_id}.md"]
    assert not list((workspace.root / "catalog" / "reports").iterdir())
    assert workspace.report_run(run_id, ["md"], tmp_path)
    other = tmp_path / "corn_dataset.html"
    other.write_text("my own page")
    (tmp_path / "corn_dataset.md").mkdir()
    for formats in (["html"], ["md"]):
        with pytest.raises(Exists):
            workspace.report_dataset("corn", formats, tmp_path)
    assert other.read_text() == "my own page"
    for wrong in ("runs", "catalog", "."):
        with pytest.raises(BadInput):
            workspace.report_run(run_id, ["md"], workspace.root / wrong)
    for wrong in (["pdf"], []):
        with pytest.raises(BadInput):
            workspace.report_run(run_id, wrong)
    with pytest.raises(NotFound):
        workspace.report_run(run_id, ["md"], tmp_path / "none")
    with pytest.raises(NotFound):
        workspace.report_run("2026-01-01_none")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_workspace_that_is_read_only_is_reported_elsewhere(root: Path, tmp_path: Path) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
        run_id = workspace.runs()[0].run_id
    with Workspace.open(root, read_only=True) as workspace:
        with pytest.raises(ReadOnly):
            workspace.report_run(run_id)
        assert all(path.is_file() for path in workspace.report_run(run_id, to=tmp_path))


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("kind", ["run", "dataset"])
def test_a_report_that_is_cancelled_anywhere_leaves_what_was_there(
    workspace: Workspace, run_id: str, tmp_path: Path, kind: str, outside: bool
) -> None:
    to = tmp_path / "elsewhere" if outside else None
    if to is not None:
        to.mkdir()
    home = to or workspace.layout.reports
    told: list[tuple[int, int, str]] = []

    def write(stop_at: int | None = None) -> list[Path]:
        told.clear()

        def report(done: int, total: int, text: str) -> None:
            told.append((done, total, text))
            if len(told) == stop_at:
                raise Cancelled

        make, name = (workspace.report_run, run_id) if kind == "run" else (workspace.report_dataset, "corn")
        return make(name, to=to, report=report)

    with pytest.raises(Cancelled):
        write(1)
    assert not home.exists() or list(home.iterdir()) == []
    paths = write()
    count = len(told)
    assert [done for done, total, _ in told[1:]] == list(range(told[-1][1] + 1)) and told[-1][0] == told[-1][1]
    titles = [text for _, _, text in told[1:-1]]
    assert all(f"## {title}" in paths[1].read_text("utf-8") for title in titles) and "The best pipeline" in titles
    for path in paths:
        path.write_bytes(path.read_bytes() + b"<!-- the one before -->")
    before = content_of(workspace.root), content_of(home)
    for stop_at in range(1, count + 1):
        with pytest.raises(Cancelled):
            write(stop_at)
        assert (content_of(workspace.root), content_of(home)) == before
    write()
    assert content_of(home) != before[1]


def test_the_command_line_writes_reports(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 2)
        run_id = workspace.runs()[0].run_id
    assert main(["report", "run", run_id, "-w", str(root)]) == 0
    home = root / "catalog" / "reports"
    assert capsys.readouterr().out.split("\n") == [str(home / f"{run_id}.html"), str(home / f"{run_id}.md"), ""]
    assert main(["report", "dataset", "corn", "--format", "md", "--to", str(tmp_path), "-w", str(root)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "corn_dataset.md")
    assert main(["report", "run", "none", "-w", str(root)]) != 0
    assert main(["report", "run", run_id, "--format", "pdf", "-w", str(root)]) == 2


# ---------------------------------------------------------------- whatever values hold


def report_of(name: str, other: str) -> Report:
    """A report that has two texts everywhere."""
    rows = [[other, Cell(name, "bad")], [Cell(other, "best"), "1"]]
    blocks = (
        facts({"fact": name, f"about {other}": "y"}),
        table([Column("a"), Column(name, True)], rows, f"Note: {name}"),
        Sentence(other),
        whiskers([Bar(name, 1.0, 0.5), Bar(other, 2.0, 0.1)], name, other, name),
    )
    return Report(f"Run {name}", other, f"Made {name}", "runshelf-report x", name, (section("S", *blocks),))


@settings(deadline=None, max_examples=150)
@given(NAMES, NAMES)
def test_whatever_a_value_holds_comes_out_as_text(name: str, other: str) -> None:
    page, plain = (Page(render(report, "html")) for report in (report_of(name, other), report_of("a", "b")))
    assert page.open == [] and page.tags == plain.tags
    assert [attribute for attribute, _ in page.attributes] == [attribute for attribute, _ in plain.attributes]
    said, told = (
        list(markdown_texts(render(report, "md"))) for report in (report_of(name, other), report_of("a", "b"))
    )
    assert len(said) == len(told)
    for text in (name, other):
        shown = one_line(text)
        assert shown in page.texts and shown in said
    assert f"Run {one_line(name)}" in page.texts and f"Run {one_line(name)}" in said


def test_hostile_names_of_everything_come_out_as_text(workspace: Workspace) -> None:
    run = workspace.create_run("corn", description=HOSTILE)
    for place in range(2):
        pipeline = run.add_pipeline({"steps": [HOSTILE], "k": HOSTILE * (place + 1)}, name=f"{HOSTILE}{place}")
        pipeline.save_metrics({"test": {"rmse": 1.0 + place, HOSTILE: 1.0}})
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.5, 2.5]}))
        pipeline.complete(model_type=HOSTILE, environment={HOSTILE: HOSTILE})
    run.add_pipeline({"k": 0}, name="x").fail(HOSTILE)
    run.finalize()
    for html, md in (workspace.report_run(run.run_id), workspace.report_dataset("corn")):
        page = Page(html.read_text("utf-8"))
        assert page.open == [] and "script" not in page.tags and "\u202e" not in html.read_text("utf-8")
        assert page.texts.count(one_line(HOSTILE)) >= 2
        assert list(markdown_texts(md.read_text("utf-8"))).count(one_line(HOSTILE)) >= 2


# ---------------------------------------------------------------- charts

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e99, max_value=1e99)


def numbers_of(drawing: Drawing) -> list[float]:
    paths = " ".join(shape.path for shape in drawing.shapes)
    assert "nan" not in paths and "inf" not in paths
    return [float(one) for text in drawing.texts for one in (text.x, text.y)]


@settings(deadline=None, max_examples=100)
@given(st.lists(NUMBERS, min_size=3, max_size=40))
def test_charts_of_any_numbers_stay_within_their_frame(values: list[float]) -> None:
    some = np.array(values)
    other = some[::-1].copy()
    moments = 1.7e9 + np.arange(len(some)) * 3600.0
    drawings = [
        parity([("val", some, other)], "t", "q"),
        histogram(some, "t", "q"),
        over_time(moments, some, np.minimum.accumulate(some), "t", "q", ""),
        agreement(some, other, "t", "q", ""),
        whiskers([Bar("a", value, 0.5) for value in values], "t", "q", ""),
        bars([Bar("a", abs(value), told="1") for value in values], "t", "q", ""),
    ]
    for drawing in drawings:
        found = numbers_of(drawing)
        assert min(found) >= 0 and max(found) <= max(drawing.width, drawing.height)
        assert drawing.texts  # an axis without a single label tells nothing


def test_a_chart_has_round_ticks_and_leaves_out_what_is_far_out() -> None:
    drawing = histogram(np.array([*np.linspace(0.0, 10.0, 50), 1e6]), "t", "RMSE")
    labels = [text.text for text in drawing.texts]
    assert {"0", "2", "4", "6", "8", "10"} <= set(labels) and "1 result far out not drawn" in drawing.caption
    matrix = confusion(np.array([[3, 1], [0, 2]]), ["a", "b"], "t", "c")
    assert [text.text for text in matrix.texts if text.style.startswith("count")] == ["3", "1", "0", "2"]
