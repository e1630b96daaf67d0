"""Texts of the query language that the window puts together."""

import pytest

from gui.query_text import (
    SortKey,
    also_sorted_by,
    equals,
    loosened,
    narrowed,
    order_text,
    sort_keys,
    split_order,
    texts_asked,
)
from storage import Workspace


def test_a_further_key_is_added_turned_round_and_taken_off():
    keys = sort_keys("test_rmse")
    seen = []
    for _ in range(3):
        keys = also_sorted_by(keys, SortKey("test_r2", True))
        seen.append(order_text(keys))
    assert seen == ["test_rmse,-test_r2", "test_rmse,test_r2", "test_rmse"]
    assert also_sorted_by(keys, SortKey("test_rmse")) == (SortKey("test_rmse", True),)  # alone it stays


@pytest.mark.parametrize(
    ("query", "condition", "order"),
    [
        ("a < 1 order by test_r2 desc, -x, y best", "a < 1", "-test_r2,-x,best:y"),
        ("order by test_rmse", "", "test_rmse"),
        ("pipeline_name = 'order by x'", "pipeline_name = 'order by x'", ""),
        ("a < 1 order by test_rmse +", "a < 1 order by test_rmse +", ""),  # wrong: whoever reads it will say so
    ],
)
def test_an_order_in_the_query_is_taken_apart(query, condition, order):
    assert split_order(query) == (condition, order)


def test_narrowing_keeps_alternatives_together_and_the_order_last():
    assert narrowed("", "b = 2") == "b = 2"
    assert narrowed("a < 1", "b = 2") == "a < 1 and b = 2"
    assert narrowed("a < 1 or c = 3 order by a", "b = 2") == "(a < 1 or c = 3) and b = 2 order by a"


@pytest.mark.parametrize("name", ["plain", "it's", "back\\slash", "a\\'b", 'say "x"', "tail\\"])
def test_any_name_can_be_asked_for(root, name):
    with Workspace.open(root) as workspace:
        pipeline = workspace.create_run("oats").add_pipeline({"model": "mean"})
        pipeline.save_metrics({})
        pipeline.complete(config_name=name)
        assert workspace.catalog.count(equals("config_name", name)) == 1


def test_comparisons_with_numbers_are_let_go_of_one_by_one():
    assert loosened("test_rmse < 0.1 and name = 'x < 1' and test_r2 >= 2") == [
        ("test_rmse", "<", "test_rmse is not null and name = 'x < 1' and test_r2 >= 2"),
        ("test_r2", ">=", "test_rmse < 0.1 and name = 'x < 1' and test_r2 is not null"),
    ]
    assert loosened("test_rmse > 2 * train_rmse") == []


def test_texts_that_are_asked_for_are_found_bare_and_in_quotes():
    asked = "model = PSL and (dataset=='cr''on' or name ~ \"a = b\") and test_rmse < 1 and tags has good and k = 3"
    assert texts_asked(asked) == [
        ("model", "PSL", False), ("dataset", "cr'on", False), ("name", "a = b", True), ("tags", "good", False),
    ]  # fmt: skip
