"""Anything at all through the readers: an answer or a sentence. What once went wrong is an example for ever."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage import QueryError, StorageError, Workspace
from storage.archives import ArchiveRecord
from storage.catalog_row import catalog_row
from storage.journal import NoteRecord
from storage.library_items import LibraryRecord, parse_template
from storage.metrics import flatten
from storage.pipelines import read_predictions
from storage.records import Manifest, PipelineRecord, RunConfig, RunSummary, WorkspaceRecord, read_document, read_json
from storage.trash import TrashRecord
from tests.faults.specimen import settings_in
from tests.storage.samples import content_of

KINDS = [
    WorkspaceRecord, RunConfig, RunSummary, PipelineRecord, Manifest, NoteRecord, LibraryRecord, ArchiveRecord,
    TrashRecord,
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def workspace(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = shutil.copytree(made, tmp_path_factory.mktemp("fuzzing") / "copy")
    with settings_in(place), Workspace.open(place / "workspace") as opened:
        yield opened


# ---------------------------------------------------------------- queries

Meaning = Callable[[dict[str, Any]], bool]
NUMBERS = ("test_rmse", "val_rmse", "train_r2", "seed", "n_samples", "val_accuracy")
TEXTS = ("pipeline_name", "dataset_name", "status", "model_type")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
VALUES = st.sampled_from([0.0, 0.1, 0.5, 1.0, 24.0, 30.0, 1e-9, 1e12]) | st.floats(-100, 100).map(lambda f: round(f, 6))


@st.composite
def simple(draw: st.DrawFn) -> tuple[str, Meaning]:
    """One condition, and what it means of a row; what is missing fulfils none."""
    kind = draw(st.sampled_from(["number", "text", "null", "between", "in", "contains"]))
    if kind in ("number", "between"):
        name, low, high = draw(st.sampled_from(NUMBERS)), draw(VALUES), draw(VALUES)
        if kind == "between":
            return f"{name} between {low!r} and {high!r}", lambda r: r[name] is not None and low <= r[name] <= high
        sign = draw(st.sampled_from([*COMPARE, "!="]))
        if sign == "!=":
            return f"{name} != {low!r}", lambda r: r[name] is None or r[name] != low
        return f"{name} {sign} {low!r}", lambda r: r[name] is not None and COMPARE[sign](r[name], low)
    if kind == "null":
        name, no = draw(st.sampled_from([*NUMBERS, *TEXTS])), draw(st.booleans())
        return f"{name} is {'not ' if no else ''}null", lambda r: (r[name] is not None) is no
    name = draw(st.sampled_from(TEXTS))
    words = draw(
        st.lists(st.sampled_from(["weak", "Ridge", "corn", "wheat", "failed", "it's", "100%", "_"]), min_size=1)
    )
    quoted = ["'{}'".format(word.replace("'", "''")) for word in words]
    if kind == "in":
        return f"{name} in ({', '.join(quoted)})", lambda r: r[name] in words
    if kind == "contains":
        return f"{name} ~ {quoted[0]}", lambda r: r[name] is not None and words[0].casefold() in r[name].casefold()
    return f"{name} = {quoted[0]}", lambda r: r[name] == words[0]


def joined(inner: st.SearchStrategy[tuple[str, Meaning]]) -> st.SearchStrategy[tuple[str, Meaning]]:
    both = st.tuples(inner, inner)
    return (
        both.map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda r: p[0][1](r) and p[1][1](r)))
        | both.map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda r: p[0][1](r) or p[1][1](r)))
        | inner.map(lambda p: (f"not ({p[0]})", lambda r: not p[1](r)))
    )


@given(st.recursive(simple(), joined, max_leaves=6))
@settings(max_examples=80)
def test_a_query_means_what_plain_python_says(workspace: Workspace, asked: tuple[str, Meaning]) -> None:
    text, meaning = asked
    catalog = workspace.catalog
    rows = catalog.rows(catalog.keys())
    expected = {row["prediction_id"] for row in rows if meaning(row)}
    assert set(catalog.ids(text)) == expected, text


ALPHABET = "abct_()'\"<>=!~ 0129.-,\\%;[]{}*+/\n"
WORDS = [
    "test_rmse",
    "and",
    "or",
    "not",
    "in",
    "between",
    "is",
    "null",
    "order by",
    "best",
    "last",
    "days",
    "as",
    "1e999",
]


@given(
    st.text(ALPHABET, max_size=40)
    | st.text(max_size=30)
    | st.lists(st.sampled_from(WORDS) | st.text(ALPHABET, max_size=4), max_size=12).map(" ".join)
)
@settings(max_examples=80)
@example("test_rmse < " + "9" * 400)
@example("\ud800")
@example("test_rmse < 1\0")
@example("created_at > 9999-12-31")
@example("last 99999999999999999999 days")
def test_any_text_is_a_result_or_an_error_with_its_place(workspace: Workspace, text: str) -> None:
    for ask in (workspace.catalog.search, workspace.catalog.count, lambda t: workspace.catalog.summary(filter=t)):
        try:
            ask(text)
        except QueryError as error:
            assert 0 <= error.position <= len(text) and error.length >= 0
        except StorageError as error:
            assert error.what
    workspace.catalog.complete(text, len(text))


# ---------------------------------------------------------------- documents


def fields_of(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the names that a document has, and anything in them."""
    return st.dictionaries(st.sampled_from(sorted(kind.model_fields)), JSON, max_size=8)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_any_bytes_are_a_document_or_corrupt(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "document.json"

    @given(st.binary(max_size=60) | (JSON | fields_of(kind)).map(lambda value: json.dumps(value).encode()))
    @settings(max_examples=40)
    @example(b"\xef\xbb\xbf{}")
    @example(b'{"created_at": "9999-12-31T23:59:59-14:00"}')
    @example(b'{"created_at": 1e300}')
    def read(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(StorageError):
            assert read_document(path, kind).model_dump_json()
        with suppress(StorageError):
            read_json(path)
        with suppress(StorageError):
            parse_template(data, path)

    read()


@given(JSON)
@settings(max_examples=80)
@example({"test": {"rmse": 10**400}})
@example({"test": {"rmse": True, "RMSE": 1.0}})
@example({"cross_validation": {"folds": 10**30, "fold_results": [[]]}})
def test_any_metrics_become_a_row_of_finite_numbers(found: Any) -> None:
    metrics = found if isinstance(found, dict) else {"test": found}
    run = RunConfig(run_id="2026-01-01_x", dataset_name="x")
    row = catalog_row(run, PipelineRecord(id="0001_x", number=1, prediction_id="x"), metrics)
    flat = flatten(metrics)
    assert all(isinstance(value, float) and math.isfinite(value) for value in flat.values() if value is not None)
    assert row["prediction_id"] == "x" and row["dataset_name"] == "x"


CELLS = st.text(max_size=6) | st.sampled_from(["1", "nan", "inf", "-1", "1_0", "9" * 400, "", '"', "test", "0.5", "\0"])
HEADS = st.lists(
    st.sampled_from(
        ["sample_id", "partition", "fold", "y_true", "y_pred", "sample_index", "p_a", "y_true_b", "y_pred_b"]
    )
    | st.text(max_size=4),
    max_size=8,
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    head = draw(HEADS)
    rows = draw(st.lists(st.lists(CELLS, min_size=len(head), max_size=len(head) + 1), max_size=5))
    return "\n".join(",".join(row) for row in [head, *rows]).encode(errors="replace")


def test_any_table_of_predictions_is_arrays_or_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"

    @given(tables() | st.binary(max_size=80), st.sampled_from([None, True, False]))
    @settings(max_examples=100)
    @example(b"y_true,y_pred\n1,2\n", None)
    @example(b"y_true,y_pred,sample_index\n1,2,99999999999999999999\n", None)
    @example(b"y_true,y_pred,fold\n1,2,1e400\n", None)
    @example(b"y_true,y_pred,fold\n1,2,1.5\n", False)
    @example(b"y_true,y_true,y_pred\n1,2,3\n", None)
    @example(b"", True)
    def read(data: bytes, classes: bool | None) -> None:
        path.write_bytes(data)
        with suppress(StorageError):
            for block in read_predictions(path, classes):
                assert len(block.y_true) == len(block.y_pred) == len(block.sample_indices)

    read()


# ---------------------------------------------------------------- packages


def test_a_package_with_anything_changed_is_refused_or_the_same(workspace: Workspace) -> None:
    """Bytes overwritten, taken out, put in, cut off: as a bad line or a hostile hand would."""
    package = workspace.root.parent / "best.zip"
    whole, broken = package.read_bytes(), workspace.root.parent / "broken.zip"
    with zipfile.ZipFile(package) as opened:
        names = [info.header_offset for info in opened.infolist()]
    original = workspace.library.get("pipeline", "best").digest
    outside = content_of(workspace.root.parent / "config")
    places = st.integers(0, len(whole) - 1) | st.sampled_from(names) | st.integers(len(whole) - 2000, len(whole) - 1)

    @given(places, st.integers(0, 40), st.binary(max_size=40))
    @settings(max_examples=60)
    def take_in(at: int, without: int, put: bytes) -> None:
        broken.write_bytes(whole[:at] + put + whole[at + without :])
        before = [item.name for item in workspace.library.list()]
        try:
            item = workspace.library.import_zip(broken)
        except StorageError:
            assert [one.name for one in workspace.library.list()] == before
        else:
            assert item.digest == original and workspace.library.verify(item.kind, item.name) == []
            workspace.library.plan_delete(item.kind, item.name).apply()

    take_in()
    assert content_of(workspace.root.parent / "config") == outside
