"""Metrics: direction, columns, and values against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from storage.errors import BadInput
from storage.metrics import classification_metrics, flatten, lower_is_better, metric_for, regression_metrics


@pytest.mark.parametrize(
    ("column", "lower"),
    [
        ("test_rmse", True),
        ("val_r2", False),
        ("train_accuracy", False),
        ("rpd", False),
        ("cross_validation_mean_r2", False),
        ("cross_validation_std_r2", True),
        ("test_log_loss", True),
    ],
)
def test_direction(column: str, lower: bool) -> None:
    assert lower_is_better(column) is lower


@pytest.mark.parametrize("column", ["test_bias", "test_my_own", "created_at"])
def test_an_unknown_direction_is_asked_for(column: str) -> None:
    with pytest.raises(BadInput):
        lower_is_better(column)


def test_flatten_keeps_numbers_that_are_metrics() -> None:
    metrics = {
        "test": {"rmse": 0.5, "samples": 10, "note": "x", "r2": None, "ok": True, "My Metric": 1},
        "cross_validation": {"folds": 5, "mean_rmse": 0.6, "fold_results": [{"rmse": 1}]},
        "comment": "text",
    }
    assert flatten(metrics) == {"test_rmse": 0.5, "test_my_metric": 1.0, "cross_validation_mean_rmse": 0.6}


def test_regression_values() -> None:
    true, pred = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 2.5, 3.5, 4.5])
    found = regression_metrics(true, pred)
    assert found["rmse"] == found["mae"] == found["bias"] == 0.5
    assert found["r2"] == pytest.approx(1 - 4 * 0.25 / 5)
    assert found["sep"] == 0 and "rpd" not in found  # a constant shift has no scatter
    noisy = regression_metrics(true, np.array([1.1, 1.9, 3.2, 3.9]))
    assert noisy["rpd"] == pytest.approx(true.std(ddof=1) / noisy["sep"])
    assert "r2" not in regression_metrics(true[:1], pred[:1])


def test_classification_values() -> None:
    true, pred = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    shares = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]])
    found = classification_metrics(true, pred, 2, shares)
    assert found["accuracy"] == found["balanced_accuracy"] == 0.75
    assert found["roc_auc"] == 1.0
    assert found["log_loss"] == pytest.approx(-np.mean([math.log(p) for p in (0.9, 0.4, 0.8, 0.9)]))
    one_class = classification_metrics(np.array([1, 1]), np.array([1, 1]), 2, shares[:2])
    assert "roc_auc" not in one_class and one_class["accuracy"] == 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_classification_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, pred = np.array(pairs).T
    found = classification_metrics(true, pred, 4)
    macro = {"average": "macro", "labels": np.unique(true), "zero_division": 0.0}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, pred))
    assert found["recall"] == found["balanced_accuracy"] == pytest.approx(sk.recall_score(true, pred, **macro))
    assert found["precision"] == pytest.approx(sk.precision_score(true, pred, **macro))
    assert found["f1"] == pytest.approx(sk.f1_score(true, pred, **macro))
    if len({*true, *pred}) > 1:
        assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(true, pred), abs=1e-12)
    assert "mcc" not in classification_metrics(true, pred, 4, brief=True)


def test_titles() -> None:
    found = metric_for("val_r2")
    assert found is not None and found.title == "R²"
    assert metric_for("pipeline_name") is None
