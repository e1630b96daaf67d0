"""When a result is much worse on test than in validation: by size, by the scatter of the folds, by direction."""

import pytest

from storage import worsening
from storage.metrics import metric_for
from storage.worse_on_test import is_much_worse


@pytest.mark.parametrize(
    "name, val, test, much",
    [
        ("rmse", 1.10, 8.20, True),
        ("rmse", 1.10, 2.20, False),  # exactly twice
        ("rmse", 8.20, 1.10, False),  # better
        ("r2", 0.99, 0.70, True),
        ("r2", 0.99, 0.80, False),
        ("accuracy", 0.95, -3.0, True),
        ("rpd", 11.0, 3.8, False),  # no score out of 1: nobody can say how much is much
        ("bias", 0.03, 6.57, False),  # near a target by chance
        ("rmse", float("nan"), 8.2, False),
        ("rmse", 1.1, float("inf"), False),
    ],
)
def test_an_error_counts_by_its_ratio_and_a_score_by_its_difference(name, val, test, much):
    assert is_much_worse(metric_for(name), val, test) is much


def test_what_the_folds_differ_by_among_themselves_is_no_news():
    told = {"val": {"rmse": 1.0, "mae": 1.0}, "test": {"rmse": 2.5, "mae": 9.0}}
    found = worsening(told, "regression")
    assert found is not None and (found.metric.name, found.val, found.test) == ("rmse", 1.0, 2.5)
    folds = {"mean_rmse": 1.0, "std_rmse": 0.6, "fold_results": [{}] * 5}
    assert worsening({**told, "cross_validation": folds}, "regression") is None  # up to 2.8 is the scatter of folds
    assert worsening({**told, "cross_validation": {**folds, "std_rmse": 0.4}}) is not None
    assert worsening({**told, "cross_validation": {**folds, "fold_results": [{}] * 2}}) is not None  # too few to tell


def test_the_main_metric_of_the_task_decides_and_what_is_missing_says_nothing():
    told = {"val": {"accuracy": 0.9, "f1": 0.9}, "test": {"accuracy": 0.85, "f1": 0.1}}
    assert worsening(told, "classification") is None
    assert worsening({"val": {"f1": 0.9}, "test": {"f1": 0.1}}, "classification").metric.name == "f1"
    for nothing in (
        {},
        {"val": {"rmse": 1.0}},
        {"val": None, "test": {"rmse": True}},
        {"val": {"rmse": "1"}, "test": 3},
    ):
        assert worsening(nothing, "regression") is None
