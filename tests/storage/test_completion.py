"""Completion: what may come at a place in a query, from the grammar and from what the catalog holds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import QueryError, Workspace
from tests.storage.samples import fill


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    ids = fill(workspace, 3)
    fill(workspace, 1, "it's wheat")
    workspace.catalog.annotate(ids[:2], add_tags=["final", "Größe"])
    return workspace


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("", "test_rmse", "column"),
        ("TEST_r", "test_rmse", "column"),
        ("rmse", "test_rmse", "column"),
        ("k", "k", "parameter"),
        ("test_rmse ", "between", "operator"),
        ("dataset_name ", "~", "operator"),
        ("tags ", "has", "operator"),
        ("created", "created_at", "column"),
        ("created > ", "yesterday", "value"),
        ("created_at >= la", "last week", "value"),
        ("noted", "noted_at", "column"),
        ("noted_at ", "last 7 days", "keyword"),
        ("noted_at last 7 days ", "and", "keyword"),
        ("noted >= ", "yesterday", "value"),
        ("dataset_name con", "contains", "operator"),
        ("tags has ", "'final'", "value"),
        ("tags has 'GR", "'Größe'", "value"),
        ("dataset_name = ", "'corn'", "value"),
        ("dataset_name = 'it", "'it''s wheat'", "value"),
        ("dataset_name in ('corn', ", "'it''s wheat'", "value"),
        ("dataset_name not in (", "'corn'", "value"),
        ("k = ", "2", "value"),
        ("model = ", "'mean'", "value"),
        ("test_rmse < 2 ", "and", "keyword"),
        ("test_rmse < 2 a", "and", "keyword"),
        ("test_rmse < 2 and (", "dataset_name", "column"),
        ("test_rmse < 2 order by test_rmse ", "best", "keyword"),
        ("test_rmse < 2 o", "order by", "keyword"),
    ],
)
def test_what_may_come_next_is_suggested(filled: Workspace, text: str, expected: str, kind: str) -> None:
    found = filled.catalog.complete(text, len(text))
    assert (expected, kind) in [(one.text, one.kind) for one in found.suggestions]


def test_columns_are_suggested_by_what_stands_above_them(filled: Workspace) -> None:
    titled, named = (filled.catalog.complete(text, len(text)) for text in ("dataset = ", "dataset_name = "))
    assert titled.suggestions == named.suggestions != ()
    for title, column in (("Dataset", "dataset_name"), ("Configuration", "config_name"), ("Folds", "n_folds")):
        assert column in [one.text for one in filled.catalog.complete(title, len(title)).suggestions]


def test_both_ends_of_a_range_are_times_where_a_time_is_compared(filled: Workspace) -> None:
    first, second = (f"created_at between {text}" for text in ("", "today and "))
    one, other = (filled.catalog.complete(text, len(text)).suggestions for text in (first, second))
    assert one == other != ()


def test_accepting_replaces_what_was_begun(filled: Workspace) -> None:
    text = "dataset_name = 'co and test_rmse < 3"
    found = filled.catalog.complete(text, text.index(" and"))
    (one,) = found.suggestions
    assert text[: found.start] + one.text + text[found.end :] == "dataset_name = 'corn' and test_rmse < 3"
    middle = filled.catalog.complete("test_rms < 3", 6)
    assert (middle.start, middle.end) == (0, 8)


def test_where_the_text_is_wrong_nothing_is_suggested(filled: Workspace) -> None:
    assert filled.catalog.complete("test_rmse < ) ", 14).suggestions == ()
    assert filled.catalog.complete("dataset_name = 'corn", 20).suggestions[0].text == "'corn'"
    assert filled.catalog.complete("dataset_name = 'rye", 19).suggestions == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), steps=st.integers(1, 7))
def test_a_query_made_of_suggestions_alone_reads(filled: Workspace, data: st.DataObject, steps: int) -> None:
    """Each text that grows by accepting is a query, or one that was not finished yet; never a wrong one."""
    text = ""
    for _ in range(steps):
        found = filled.catalog.complete(text, len(text))
        if not found.suggestions:
            break
        one = data.draw(st.sampled_from(found.suggestions))
        text = text[: found.start] + one.text + " "
    try:
        filled.catalog.count(text)
    except QueryError as error:
        unfinished = error.position >= len(text.rstrip()) - 12
        assert unfinished or "needs a comparison" in error.what or "Only numbers" in error.what, (text, error)
