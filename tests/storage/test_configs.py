"""Configurations: files, grids, hashes, and what may be built from somebody's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

from storage.configs import from_object, load_configs, shipped_configs
from storage.errors import BadInput
from storage.estimators import build_splitter, class_path, task_of_class

BAGGING = {"class": "sklearn.ensemble.BaggingRegressor"}
FEATURES = {"class": "sklearn.cluster.FeatureAgglomeration"}
LAUGHS = "name: &l0 [ha]\n" + "".join(f"x{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
SCALER = {"class": "sklearn.preprocessing.StandardScaler"}
PLS = {"class": "sklearn.cross_decomposition.PLSRegression"}


def digest(source: Any) -> str:
    (config,) = from_object(source)
    return config.digest(config.build(seed=3))


def write(tmp_path: Path, content: Any, name: str = "config.json") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_grid_makes_every_combination_with_a_readable_name(tmp_path: Path) -> None:
    config = {
        "name": "pls",
        "steps": [{"name": "pre", **SCALER}, PLS],
        "grid": {
            "pre": [None, {"class": "chemotools.scatter.StandardNormalVariate"}, [SCALER, {"name": "mm", **SCALER}]],
            "PLSRegression__n_components": [2, 3],
        },
    }
    configs = load_configs([write(tmp_path, config)])
    assert [c.name for c in configs] == [
        "pls raw n_components=2",
        "pls raw n_components=3",
        "pls SNV n_components=2",
        "pls SNV n_components=3",
        "pls SS+mm n_components=2",
        "pls SS+mm n_components=3",
    ]
    built = [c.build() for c in configs]
    assert [len(p.steps) for p in built] == [1, 1, 2, 2, 3, 3]
    assert [p.steps[-1][1].n_components for p in built] == [2, 3] * 3


@pytest.mark.parametrize("path", shipped_configs(), ids=lambda p: p.stem)
def test_shipped_grids_build(path: Path) -> None:
    configs = load_configs([path])
    pipelines = [config.build() for config in configs]
    digests = {config.digest(pipeline) for config, pipeline in zip(configs, pipelines, strict=True)}
    assert len(digests) == len({config.name for config in configs}) == len(configs)


def test_estimators_from_python_are_told_apart_by_name() -> None:
    sources = [
        PLSRegression(n_components=3),
        PLSRegression(),
        make_pipeline(StandardScaler(with_std=False), Ridge(2.0)),
    ]
    names = [config.name for source in sources for config in from_object(source)]
    assert names == ["PLSR n_components=3", "PLSR", "SS with_std=False Ridge alpha=2.0"]


def test_the_hash_is_of_what_is_computed() -> None:
    same = [
        {"steps": [SCALER, {**PLS, "params": {"n_components": 5}}]},
        {"name": "other", "steps": [{**SCALER, "name": "s"}, {**PLS, "params": {"scale": True, "n_components": 5}}]},
        make_pipeline(StandardScaler(), PLSRegression(n_components=5)),
        [StandardScaler(), PLSRegression(5)],
    ]
    assert len({digest(source) for source in same}) == 1
    other = {"steps": [SCALER, {**PLS, "params": {"n_components": 6}}]}
    no_folds = {**same[0], "cv": None}
    assert len({digest(same[0]), digest(other), digest(no_folds)}) == 3


def test_the_runs_seed_is_not_part_of_the_hash_but_a_chosen_one_is() -> None:
    (config,) = from_object(RandomForestRegressor())
    assert config.digest(config.build(1)) == config.digest(config.build(2))
    assert config.build(1).steps[0][1].random_state == 1
    (chosen,) = from_object(RandomForestRegressor(random_state=9))
    assert chosen.build(1).steps[0][1].random_state == 9
    assert chosen.digest(chosen.build(1)) != config.digest(config.build(1))


@pytest.mark.parametrize(
    "estimator",
    [
        AdaBoostRegressor(estimator=Ridge(alpha=0.5), n_estimators=3),
        make_pipeline(FunctionTransformer(np.log1p), MinMaxScaler(feature_range=(0, 2)), Ridge()),
    ],
    ids=["nested", "function and tuple"],
)
def test_the_recorded_template_builds_the_same_pipeline(estimator: Any) -> None:
    (config,) = from_object(estimator)
    template = json.loads(json.dumps(config.template()))
    (again,) = from_object(template)
    assert again.digest(again.build()) == config.digest(config.build())
    assert repr(again.build()) == repr(config.build())


@pytest.mark.parametrize(
    ("config", "said", "advised"),
    [
        ({"steps": [{"class": "os.system"}]}, "not under an allowed module", "allow"),
        ({"steps": [{"class": "sklearn.linear_model.Rigde"}]}, "no class Rigde", "Ridge"),
        ({"steps": [{"class": "sklearn.nothing.Ridge"}]}, "no module", "spelling"),
        ({"steps": [{"class": "sklearn.base.clone"}]}, "no class", ""),
        ({"steps": [{"class": "sklearn.model_selection.KFold"}]}, "no scikit-learn estimator", ""),
        ({"steps": [{**PLS, "params": {"n_component": 2}}]}, "no parameter 'n_component'", "n_components"),
        (
            {
                "steps": [
                    {
                        "class": "sklearn.preprocessing.FunctionTransformer",
                        "params": {"func": {"function": "os.system"}},
                    }
                ]
            },
            "function os.system is not allowed",
            "ufuncs",
        ),
        ({"step": [PLS]}, "unknown key 'step'", "steps"),
        ({"steps": []}, "steps", ""),
        ({"steps": [PLS], "grid": {}}, "grid of 'config' is empty", "values"),
        ({"steps": [PLS], "grid": {"PLSRegression__n_components": []}}, "has no values", "one value"),
        ({"steps": [PLS], "grid": {"Ridge__alpha": [1]}}, "names the step 'Ridge'", "PLSRegression"),
        ({"steps": [PLS], "grid": {"PLSRegression": [None]}}, "without steps", ""),
        ({"steps": [PLS], "grid": {"PLSRegression": [{**PLS, "parms": {}}]}}, "parms", "params"),
        ({"steps": [{**BAGGING, "params": {"estimator": {**PLS, "parms": {}}}}]}, "not written as a step", "params"),
        ({"steps": [{**PLS, "params": {"n_components": {"float": "x"}}}]}, "is no value", "numbers"),
        ({"steps": [{**PLS, "params": {"n_components": {"array": [[1], [1, 2]]}}}]}, "is no value", "numbers"),
        ({"steps": [{**FEATURES, "params": {"memory": "cache"}}]}, "'memory'", "Leave it out"),
        ("steps: [{class: sklearn.linear_model.Ridge, params: {alpha: 2026-01-01}}]", "kind date", "number"),
        ("steps: [{class: sklearn.linear_model.Ridge, params: {alpha: 2026-99-99}}]", "not valid YAML", ""),
        ("steps: [{class: sklearn.linear_model.Ridge, params: {alpha: !!bool maybe}}]", "not valid YAML", ""),
        ("steps: [{class: sklearn.linear_model.Ridge, params: {alpha: &a [*a]}}]", "too deep", "Simplify"),
        (LAUGHS, "holds too much", "Simplify"),
        ("steps: [unclosed", "not valid YAML", ""),
        ("- 1\n- 2", "holds no pipeline configuration", ""),
        ("", "holds no pipeline configuration", ""),
    ],
)
def test_a_wrong_configuration_is_a_sentence(tmp_path: Path, config: Any, said: str, advised: str) -> None:
    path = write(tmp_path, config, "config.yaml" if isinstance(config, str) else "config.json")
    with pytest.raises(BadInput) as caught:
        for each in load_configs([path]):
            each.build()
    assert said in caught.value.what
    assert advised in caught.value.advice


def test_another_module_can_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylab.py").write_text(
        "from sklearn.base import BaseEstimator\n"
        "class Mean(BaseEstimator):\n    def fit(self, X, y): return self\n    def predict(self, X): return X[:, 0]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (config,) = from_object({"steps": [{"class": "mylab.Mean"}]})
    with pytest.raises(BadInput):
        config.build()
    assert type(config.build(allowed=("sklearn", "mylab")).steps[0][1]).__name__ == "Mean"


@pytest.mark.parametrize("place", ["step", "parameter", "cv"])
def test_nothing_but_estimators_is_ever_made(tmp_path: Path, place: str) -> None:
    """scikit-learn's modules hold other classes too, and making one may already empty a file."""
    victim = tmp_path / "thesis.txt"
    victim.write_text("precious")
    opened = {"class": "sklearn.datasets._kddcup99.GzipFile", "params": {"filename": str(victim), "mode": "w"}}
    with pytest.raises(BadInput):
        if place == "cv":
            build_splitter(opened, "regression", 0)
        else:
            step = opened if place == "step" else {**BAGGING, "params": {"estimator": opened}}
            from_object({"steps": [step]})[0].build()
    assert victim.read_text() == "precious"


def test_kernels_and_inner_splitters_are_built() -> None:
    kernel = {"class": "sklearn.gaussian_process.kernels.RBF", "params": {"length_scale": 2.0}}
    process = {"class": "sklearn.gaussian_process.GaussianProcessRegressor", "params": {"kernel": kernel}}
    search = {
        "class": "sklearn.model_selection.GridSearchCV",
        "params": {"estimator": PLS, "param_grid": {}, "cv": {"class": "sklearn.model_selection.KFold"}},
    }
    for step in (process, search):
        (config,) = from_object({"steps": [step]})
        (again,) = from_object(config.template())
        assert config.digest(config.build()) == again.digest(again.build())


def test_no_cross_validation_and_infinite_values_are_kept() -> None:
    assert from_object({"steps": [Ridge()], "cv": None})[0].cv is None
    (config,) = from_object({"steps": [{**PLS, "params": {"tol": float("inf")}}]})
    assert json.dumps(config.template()["steps"][0]["params"]) == '{"tol": {"float": "inf"}}'


@pytest.mark.parametrize(("kind", "task"), [("classifier", "classification"), ("regressor", "regression")])
def test_what_a_model_is_made_for_is_told_as_scikit_learn_has_it(kind: str, task: str) -> None:
    told = {class_path(model): task_of_class(class_path(model)) for _, model in all_estimators(type_filter=kind)}
    assert {path: found for path, found in told.items() if found != task} == {}
    others = (class_path(cls) for kind in ("transformer", "cluster") for _, cls in all_estimators(type_filter=kind))
    assert {path for path in others if task_of_class(path) == task} <= set(told)
