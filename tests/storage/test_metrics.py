"""Metrics: direction, names, columns, a workspace's own, and values against their definitions."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics as sk

from storage.errors import BadInput
from storage.metrics import (
    MAIN_METRIC,
    Metric,
    Metrics,
    column_name,
    flatten,
    lower_is_better,
    metric_for,
)
from storage.records import MetricRecord, WorkspaceRecord
from storage.schema import PREDICTION_COLUMNS
from storage.scores import classification_metrics, regression_metrics

BUILT_IN = list(Metrics())
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
CLUSTERING = {
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "calinski_harabasz_score",
    "completeness_score",
    "consensus_score",
    "davies_bouldin_score",
    "fowlkes_mallows_score",
    "homogeneity_score",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "rand_score",
    "silhouette_score",
    "v_measure_score",
}


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
        ("TEST_RMSE", True),
        ("R²", False),
        ("Cohen's kappa", False),
        ("root_mean_squared_error", True),
        ("mean_test_neg_root_mean_squared_error", False),
        ("std_test_neg_root_mean_squared_error", True),
        ("split0_test_r2", False),
        ("mean_fit_time", True),
        ("oof_roc_auc_ovr_weighted", False),
        ("test_f1_macro_std", True),
        ("cal_r2_mean", False),
        ("test__rmse", True),
        ("test_top_5_accuracy", False),
        ("test_brier_score", True),
        ("negative_likelihood_ratio", True),
        ("neg_log_likelihood", True),
    ],
)
def test_direction(column: str, lower: bool) -> None:
    assert lower_is_better(column) is lower


@pytest.mark.parametrize(
    "column",
    [
        "test_my_own",
        "created_at",
        "std",
        "neg_recall",  # of the class "neg", or negated?
        "neg_bias",
        "rmse_score",  # a score is better when higher, an RMSE when lower
        "accuracy_loss",
        "rmse_samples",
        "rank_test_accuracy",
        "test_1 - r2",
        "neg_" * 2000 + "rmse",
    ],
)
def test_an_unknown_direction_is_asked_for(column: str) -> None:
    assert metric_for(column) is None
    with pytest.raises(BadInput):
        lower_is_better(column)


def test_no_word_after_a_metric_is_guessed() -> None:
    """A target's name can't be told from a word that turns the direction round, so neither is read."""
    for word in ("protein", "gap", "drop", "rank", "improvement", "ratio"):
        for metric in ("rmse", "accuracy"):
            assert metric_for(f"test_{metric}_{word}") is None
            assert metric_for(f"test_{metric}_-_{word}") is None


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("test_rmse__protein", "RMSE protein"),
        ("RMSE__dry_matter_std", "RMSE dry matter std"),
        ("val_rmse_1", "RMSE 1"),
        ("f1_class_0", "F1 class 0"),
        ("precision_at_5", "Precision at 5"),
        ("test_f1_macro", "F1 macro"),
        ("top_5_accuracy", "Top-5 accuracy"),
        ("neg_rmse", "Negative RMSE"),
        ("r2_std", "R² spread"),
        ("val_r2", "R²"),
    ],
)
def test_titles_tell_what_differs(column: str, title: str) -> None:
    found = metric_for(column)
    assert found is not None and found.title == title
    assert metric_for(found.name) == found


@pytest.mark.parametrize("metric", BUILT_IN, ids=lambda m: m.name)
def test_names(metric: Metric) -> None:
    assert column_name(metric.name) == metric.name
    assert metric_for(metric.name) is metric_for(metric.title) is metric
    assert (metric.lower_is_better is None) is (metric.target is not None)


def test_no_fixed_column_of_the_catalog_is_taken_for_a_metric() -> None:
    assert [name for name in PREDICTION_COLUMNS if metric_for(name)] == []


def test_the_directions_are_those_of_scikit_learn() -> None:
    """Scorers are better when higher; functions say it by their ending (scikit-learn's user guide, 3.4.1)."""
    lower = dict.fromkeys(sk.get_scorer_names(), False)
    for name in sk.__all__:
        ending = name.rsplit("_", 1)[-1]
        if ending in ("score", "error", "loss", "deviance"):
            lower[name] = ending != "score"
    unknown = {name for name in lower if metric_for(name) is None}
    assert unknown == CLUSTERING
    wrong = {name for name in lower.keys() - unknown if lower_is_better(name) is not lower[name]}
    assert not wrong


PREFIXES = st.sampled_from(
    [
        "train",
        "val",
        "test",
        "cross_validation",
        "validation",
        "cv",
        "oof",
        "cal",
        "prediction",
        "fold_3",
        "split0",
        "max",
    ]
)
NAMES = st.sampled_from([metric.name for metric in BUILT_IN])


@given(st.lists(PREFIXES, max_size=3), NAMES, st.booleans())
def test_where_it_was_computed_never_changes_what_is_best(prefixes: list[str], name: str, upper: bool) -> None:
    column = "_".join([*prefixes, name])
    found, metric = metric_for(column.upper() if upper else column), metric_for(name)
    assert found is not None and metric is not None
    assert (found.lower_is_better, found.target) == (metric.lower_is_better, metric.target)


@given(st.lists(PREFIXES, max_size=2), NAMES, st.booleans())
def test_a_spread_is_better_when_lower(prefixes: list[str], name: str, before: bool) -> None:
    column = "_".join([*prefixes, *(["std", name] if before else [name, "std"])])
    assert lower_is_better(column)
    assert Metrics().best(column).target is None


def test_a_metric_of_the_workspace_goes_before_a_built_in_one() -> None:
    record = WorkspaceRecord.model_validate_json(
        """{"metrics": [
            {"name": "ser", "lower_is_better": true},
            {"name": "picp", "title": "PICP", "target": 0.9, "digits": 2},
            {"name": "rmse", "lower_is_better": false},
            {"name": "corr", "lower_is_better": true},
            {"name": "test_accuracy_drop", "lower_is_better": true}
        ]}"""
    )
    own = Metrics([*record.metrics, Metric("My loss", "My loss", False)])
    assert own.find("test_ser") == Metric("ser", "ser", True)
    assert own.best("cross_validation_mean_picp") == Metric("picp", "PICP", None, 2, 0.9)
    assert own.find("test_root_mean_squared_error") == Metric("rmse", "RMSE", False)
    assert own.lower_is_better("val_my_loss") is False and own.lower_is_better("val_corr")
    assert own.lower_is_better("test_accuracy_drop") and own.find("val_accuracy_drop") is None
    assert own.find("test_mae") is metric_for("mae") is not None
    added = ["ser", "picp", "corr", "test_accuracy_drop", "my_loss"]
    assert [m.name for m in own] == [m.name for m in BUILT_IN] + added
    assert lower_is_better("rmse") and metric_for("ser") is None, "other workspaces are not touched"


@given(st.text(max_size=12) | st.lists(PREFIXES | st.text("ab_1", max_size=3)).map("_".join))
def test_the_advice_makes_a_metric_known(column: str) -> None:
    assume(metric_for(column) is None)
    with pytest.raises(BadInput) as error:
        Metrics().best(column)
    said = re.fullmatch(r"Say which with: runshelf metrics add (\w+) --lower-is-better\.", error.value.advice)
    assert said is not None
    assume(column_name(column) != "m_")  # not a letter in it
    assert Metrics([MetricRecord(name=said[1], lower_is_better=True)]).lower_is_better(column)


@given(st.text() | st.text("aA1_² \n", max_size=5))
def test_a_record_is_named_as_its_column(name: str) -> None:
    if column_name(name) == name:
        assert MetricRecord(name=name).name == name
    else:
        with pytest.raises(ValidationError):
            MetricRecord(name=name)


@pytest.mark.parametrize(
    "wrong", [{"lower_is_better": True, "target": 0.0}, {"digits": 16}, {"digits": -1}, {"target": math.nan}]
)
def test_a_record_that_contradicts_itself_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        MetricRecord(name="ser", **wrong)


def is_better(metric: Metric, value: float, other: float) -> bool:
    if metric.target is not None:
        return abs(value - metric.target) < abs(other - metric.target)
    return value < other if metric.lower_is_better else value > other


def test_best_is_what_better_predictions_get() -> None:
    random = np.random.default_rng(0)
    true = random.normal(size=200)
    noise = random.normal(size=200)
    close, far = (regression_metrics(true, true + size * (noise + 0.5)) for size in (0.1, 2.0))

    classes = random.integers(0, 3, 200)
    shares = [random.dirichlet(np.ones(3), 200) + size * np.eye(3)[classes] for size in (2.0, 0.1)]
    sure, unsure = (
        classification_metrics(classes, share.argmax(axis=1), 3, share / share.sum(axis=1, keepdims=True))
        for share in shares
    )
    assert len(close) == 6 and len(sure) == 8
    for good, bad in ((close, far), (sure, unsure)):
        for name, value in good.items():
            assert is_better(Metrics().best(f"test_{name}"), value, bad[name]), name


def test_results_are_judged_by_the_main_metric_of_their_task() -> None:
    assert [Metrics().main(task).name for task in MAIN_METRIC] == ["rmse", "accuracy"]
    assert Metrics([Metric("rmse", "Error", True)]).main("regression").title == "Error"


def test_the_documentation_lists_every_metric_with_its_direction() -> None:
    table = DOCS.read_text("utf-8").split("## What is known")[1].split("## ")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines() if row.startswith("|")]
    told: dict[str, bool | float] = {}
    for _, lower, higher, near in cells[2:]:
        told |= dict.fromkeys(re.findall(r"`(\w+)`", lower), True)
        told |= dict.fromkeys(re.findall(r"`(\w+)`", higher), False)
        told |= {name: float(value) for name, value in re.findall(r"`(\w+)`[^,]* ([\d.]+)", near)}
    known = {m.name: m.lower_is_better if m.target is None else m.target for m in BUILT_IN}
    assert told == known


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


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2 * n, max_size=2 * n), min_size=2, max_size=30)
    )
)
def test_regression_agrees_with_scikit_learn(rows: list[list[float]]) -> None:
    true, pred = np.hsplit(np.array(rows), 2)
    found = regression_metrics(true, pred)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(true, pred))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(true, pred))
    if "r2" in found:
        assume(np.ptp(true, axis=0).min() > 1e-3)  # below that both are made of rounding
        assert found["r2"] == pytest.approx(sk.r2_score(true, pred))
    if true.shape[1] == 1:
        assert regression_metrics(true[:, 0], pred[:, 0]) == pytest.approx(found)


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
