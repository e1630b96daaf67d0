"""Which parameter matters: shares that can be worked out by hand, and what must not mislead."""

import numpy as np
import pytest

from storage import BadInput, Workspace
from storage.importance import rank_parameters


def shares(*args):
    return {one.name: one.share for one in rank_parameters(*args)}


def test_a_parameter_that_decides_everything_comes_before_one_that_decides_nothing():
    rng = np.random.default_rng(1)
    depth = [1.0, 2.0, 3.0, 4.0] * 25
    noise = rng.permutation(["a", "b"] * 50).tolist()
    metric = [value + 0.01 * rng.random() for value in depth]
    ranking = rank_parameters(metric, {"noise": noise, "Tree.max_depth": depth})
    assert [one.name for one in ranking] == ["Tree.max_depth", "noise"]
    assert ranking[0].share > 0.9 and ranking[0].chance < 1e-10
    assert ranking[1].share < 0.1 and ranking[1].chance > 0.01
    assert (ranking[0].levels, ranking[0].results) == (4, 100)


def test_the_share_is_omega_squared_of_the_ranks():
    metric, groups = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0], ["a"] * 3 + ["b"] * 3
    # Ranks 1, 2, 4 and 3, 5, 6: means 7/3 and 14/3, between 49/6, within 14/3 + 14/3, F with 1 and 4 degrees.
    f = (49 / 6) / ((14 / 3 + 14 / 3) / 4)
    assert shares(metric, {"model": groups})["model"] == pytest.approx((f - 1) / (f - 1 + 6))


def test_many_values_alone_explain_nothing():
    rng = np.random.default_rng(2)
    metric, alpha = rng.random(400).tolist(), rng.random(400).tolist()
    assert shares(metric, {"Ridge.alpha": alpha})["Ridge.alpha"] < 0.05


def test_a_diverged_model_and_an_easier_dataset_do_not_decide():
    parameter = [1.0, 2.0] * 20
    metric = [1.0 + 0.1 * value + n / 4000 for n, value in enumerate(parameter)]
    metric[0] = 1e9
    assert shares(metric, {"p": parameter})["p"] > 0.5
    datasets = ["easy"] * 20 + ["hard"] * 20
    for n in range(20, 40):
        metric[n] += 50
    assert shares(metric, {"p": parameter}, datasets)["p"] > 0.5
    assert shares(metric, {"p": parameter})["p"] < 0.4  # without knowing of the datasets


def test_what_has_no_value_does_not_count_and_what_never_differs_is_left_out():
    metric = [float(n) for n in range(10)] + [None] * 5
    own = [n % 2 for n in range(10)] + [1] * 5
    ranking = rank_parameters(metric, {"own": own, "few": [1, 2, 1] + [None] * 12, "same": [3] * 15})
    assert [(one.name, one.results) for one in ranking] == [("own", 10)]


def test_what_few_results_have_comes_last_however_much_it_explains():
    rng = np.random.default_rng(3)
    metric = [float(n) for n in rng.permutation(60)]
    kernel = ["low" if value < 30 else "high" for value in metric[:8]] + [None] * 52
    ranking = rank_parameters(metric, {"SVR.kernel": kernel, "model": ["a", "b", "c"] * 20})
    assert [(one.name, one.covers_few, one.results, one.total) for one in ranking] == [
        ("model", False, 60, 60), ("SVR.kernel", True, 8, 60),
    ]  # fmt: skip
    assert ranking[1].share > 0.5 > ranking[0].share


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "ws") as made:
        run = made.create_run("corn")
        for number in range(12):
            step = {"class": "sklearn.linear_model.Ridge", "params": {"alpha": float(number % 3), "tol": 0.1}}
            steps = [{"class": "sklearn.preprocessing.StandardScaler", "params": {}}, step]
            pipeline = run.add_pipeline({"steps": steps if number % 2 else steps[1:]}, name=f"p{number}")
            folds = {"folds": 4, "std_rmse": 0.5 + number}
            rmse = 1.0 + number % 3 + number / 100
            pipeline.save_metrics({"val": {"rmse": rmse, "bias": 0.5 - number / 10}, "cross_validation": folds})
            pipeline.complete()
        run.finalize()
        made.sync()
        yield made


def test_the_catalog_ranks_the_parameters_of_what_matches(workspace):
    ranking = workspace.catalog.parameter_importance("val_rmse")
    assert ranking[0].name == "Ridge.alpha" and ranking[0].share > 0.7
    assert "Ridge.tol" not in [one.name for one in ranking]
    assert workspace.catalog.parameter_importance("val_rmse", "Ridge.alpha = 1") == []
    with pytest.raises(BadInput):
        workspace.catalog.parameter_importance("val_nonsense")


def test_of_many_results_a_sample_counts_and_not_the_best(workspace):
    keys, total = workspace.catalog.sample("", "best:val_rmse", 8)
    values = workspace.catalog.values(keys, ["val_rmse"])["val_rmse"]
    assert (len(keys), total) == (8, 12) and values == sorted(values)
    assert max(values) > 3.0  # the eight best are below
    assert sorted(workspace.catalog.sample("", "-val_rmse", 8)[0]) == sorted(keys)
    assert workspace.catalog.sample("val_rmse < 2", "val_rmse", 8) == (
        workspace.catalog.keys("val_rmse < 2", "val_rmse"),
        4,
    )
    (alpha, *_) = workspace.catalog.parameter_importance("val_rmse", limit=8)
    assert (alpha.name, alpha.total, alpha.levels) == ("Ridge.alpha", 8, 3) and alpha.share > 0.7
    with pytest.raises(BadInput):
        workspace.catalog.parameter_importance("fit_seconds")


def test_columns_parameters_and_steps_are_read_in_the_order_of_the_keys(workspace):
    catalog = workspace.catalog
    keys = catalog.keys("", "-val_rmse", 3)
    found = catalog.values(keys, ["pipeline_name", "val_rmse", "created_at", "Ridge.alpha"])
    assert found["pipeline_name"] == ["p11", "p8", "p5"]
    assert found["Ridge.alpha"] == [2.0, 2.0, 2.0]
    assert all(one.tzinfo is not None for one in found["created_at"])
    assert catalog.values([10**9], ["val_rmse"]) == {"val_rmse": [None]}
    assert catalog.parameters_of(keys) == {}  # of these three all are the same
    keys = catalog.keys("", "val_rmse", 5)
    assert catalog.parameters_of(keys) == {"Ridge.alpha": [0.0, 0.0, 0.0, 0.0, 1.0]}
    assert catalog.values(keys, ["preprocessing"])["preprocessing"][:2] == ["none", "StandardScaler"]


@pytest.mark.parametrize("few", [5_000, 3])  # from the index, and from the parts
def test_best_values_come_with_the_spread_of_the_result_that_has_them(workspace, monkeypatch, few):
    monkeypatch.setattr("storage.catalog.FEW", few)
    found = workspace.catalog.best_values(["val_rmse", "val_bias", "val_nonsense", "n_folds"])["corn"]
    assert set(found) == {"val_rmse", "val_bias"}
    assert (found["val_rmse"].value, found["val_rmse"].spread) == (1.0, 0.5)
    assert found["val_bias"].value == pytest.approx(0.0)  # nearest to nothing, not the lowest
    assert workspace.catalog.best_values(["val_rmse"], "Ridge.alpha = 2")["corn"]["val_rmse"].value == pytest.approx(
        3.02
    )
    assert workspace.catalog.best_values(["val_rmse"], "val_rmse > 100") == {}


@pytest.mark.parametrize("few, filter", [(5_000, ""), (3, ""), (3, "notes is null")])  # index, parts, index in one pass
def test_what_is_best_is_told_for_each_dataset_apart(workspace, monkeypatch, few, filter):
    run = workspace.create_run("milk")
    for number, rmse in enumerate((70.0, 50.0, 60.0, None)):
        pipeline = run.add_pipeline({"steps": []}, name=f"m{number}")
        values = {"rmse": rmse, "bias": (-3.0, 4.0, -2.0)[number]} if rmse is not None else {"mae": 1.0}
        pipeline.save_metrics({"val": values})
        pipeline.complete()
    run.finalize()
    workspace.sync()
    monkeypatch.setattr("storage.catalog.FEW", few)
    found = workspace.catalog.best_values(["val_rmse", "val_bias"], filter)
    assert {name: best["val_rmse"].value for name, best in found.items()} == {"corn": 1.0, "milk": 50.0}
    assert found["milk"]["val_bias"].value == -2.0  # nearest to nothing
    assert found["corn"]["val_bias"].value == pytest.approx(0.0)
