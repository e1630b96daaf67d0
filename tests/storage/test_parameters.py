"""Pipeline parameters: flattened from configurations, asked for in queries, of files and of objects alike."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from storage import Dataset, QueryError, Workspace
from storage.parameters import Parameter, fold, parameters_of, words_of
from tests.storage.samples import add_foreign_part


def test_parameters_are_named_by_class_wherever_they_stand() -> None:
    config = json.dumps(
        [
            {"operator": "scatter", "class": "chemotools.scatter.StandardNormalVariate", "params": {"copy": True}},
            {
                "class": "sklearn.multioutput.MultiOutputRegressor",
                "params": {
                    "estimator": {"class": "sklearn.linear_model.Ridge", "params": {"alpha": 0.5}},
                    "n_jobs": None,
                },
            },
        ]
    )
    assert set(parameters_of(config)) == {
        Parameter("StandardNormalVariate.copy", None, "true"),
        Parameter("scatter.copy", None, "true"),
        Parameter("MultiOutputRegressor.estimator", None, "Ridge"),
        Parameter("Ridge.alpha", 0.5, "0.5"),
        Parameter("MultiOutputRegressor.n_jobs", None, None),
    }
    assert "StandardNormalVariate" in words_of(config) and "alpha=0.5" in words_of(config)
    assert parameters_of('{"layers": 3, "net": {"width": 10**9}}') == []  # no JSON
    assert parameters_of('{"layers": 3, "net": {"width": 64, "sizes": [1, 2]}}') == [
        Parameter("layers", 3.0, "3"),
        Parameter("net.width", 64.0, "64"),
        Parameter("net.sizes", None, "[1, 2]"),
    ]


@pytest.mark.parametrize(
    "text", ["", "[", "null", "3", '"x"', "[" * 5000, '{"a": NaN, "b": 1e999, "c": [[[]]]}', "[[1]]"]
)
def test_any_text_may_stand_for_a_configuration(text: str) -> None:
    assert all(isinstance(one, Parameter) for one in parameters_of(text))
    assert isinstance(words_of(text), str)


def test_results_are_found_by_their_parameters(workspace: Workspace, dataset: Dataset) -> None:
    models = [make_pipeline(StandardScaler(), Ridge(alpha=alpha)) for alpha in (0.1, 1.0, 10.0)]
    workspace.run_batch(dataset, [*models, MultiOutputRegressor(Ridge(alpha=5, solver="svd"))], charts=False)
    run = workspace.create_run("corn")
    free = run.add_pipeline({"model": "my network", "layers": 3}, name="free")
    free.save_metrics({"test": {"rmse": 1.0}})
    free.complete()
    count = workspace.catalog.count
    assert count("Ridge.alpha >= 1") == count("alpha >= 1") == 3
    assert count("ridge.ALPHA between 1 and 5") == 2 and count("Ridge.alpha in (0.1, 10)") == 2
    assert count("Ridge.solver = 'SVD'") == count("solver ~ 'sv'") == 1
    assert count("Ridge.alpha != 1") == count("not Ridge.alpha = 1") == 4  # also what has no such step
    assert count("StandardScaler.with_mean = true and Ridge.alpha < 5") == 2
    assert count("Ridge.alpha is null") == count("layers >= 3") == 1
    assert count("Ridge.alpha > test_rmse * 0 + 1") == 1  # the one with alpha 5 failed, and has no test_rmse
    found = workspace.catalog.search("Ridge.alpha * 2 as twice and twice > 1 order by Ridge.alpha desc")
    assert found["twice"].tolist() == [20.0, 10.0, 2.0]
    assert count("standardscaler") == 3 and count("my network") == 1  # free words
    groups = workspace.catalog.group(["Ridge.alpha"], ["test_rmse"])
    assert {row["Ridge.alpha"]: row["results"] for row in groups} == {0.1: 1, 1.0: 1, 5.0: 1, 10.0: 1, None: 1}
    assert count("Ridge.alpha is not null") == 4 and count("not Ridge.alpha is null") == 4
    assert count("Ridge.alpha = '5'") == count("Ridge.alpha = 5") == 1
    with pytest.raises(QueryError, match=r"no parameter 'Ridge.alfa'.*Did you mean Ridge.alpha"):
        count("Ridge.alfa > 1")
    assert json.loads(workspace.catalog.config(free.prediction_id) or "") == {"model": "my network", "layers": 3}


def test_a_pipeline_is_found_by_its_number_and_by_its_id(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for number in range(1, 13):
        pipeline = run.add_pipeline({"k": number}, name="Größe PLS-a" if number == 12 else "0003 folds")
        pipeline.save_metrics({"test": {"rmse": number / 10}})
        pipeline.complete()
    other = workspace.create_run("wheat").add_pipeline({"k": 0}, name="")
    other.complete()
    workspace.sync()
    catalog = workspace.catalog
    wanted = next(row for row in catalog.rows(catalog.keys()) if str(row["pipeline_id"]).startswith("0012"))
    one = wanted["prediction_id"]

    def found(text: str) -> list[str]:
        return catalog.ids(text)

    assert found("0012") == found("0012 größe") == found(wanted["pipeline_id"]) == found("0012_grosse-pls") == [one]
    assert found("'0012_'") == [one] and found("0012_other") == found("0013") == found("1200") == []
    assert set(found("0001")) == set(catalog.ids("pipeline_id ~ '0001_'")) and len(found("0001 wheat")) == 1
    assert catalog.count("0003") == 11  # also where it stands in a name
    assert catalog.count("not 0012") == 12 and catalog.count("test_rmse < 1.15 and 0012") == 0
    assert [row["results"] for row in catalog.group(["dataset_name"], [], "0012")] == [1]
    assert catalog.best_values(["test_rmse"], "0012")["corn"]["test_rmse"].value == 1.2
    assert workspace.folders_with("0012") == workspace.folders_with("0012_GRÖSSE") == {run.folder.name}
    assert len(workspace.folders_with("0001")) == 2
    assert workspace.folders_with("0013") == workspace.folders_with("corn") == workspace.folders_with("0012_x") == set()


def test_parameters_outlive_the_run_folder_and_come_from_anywhere(workspace: Workspace) -> None:
    config = json.dumps([{"class": "mylab.PLS", "params": {"n_components": 8}}])
    rows = pd.DataFrame({"prediction_id": ["p1", "p2"], "config": [config, "no JSON but words"], "test_rmse": [1.0, 2]})
    add_foreign_part(workspace.root, "meta", rows)
    workspace.sync()
    assert workspace.catalog.count("PLS.n_components is null") == 1
    assert workspace.catalog.ids("PLS.n_components >= 8") == ["p1"] and workspace.catalog.ids("words") == ["p2"]
    workspace.rebuild_index()
    assert workspace.catalog.parameters() == ["PLS.n_components"]


def test_results_are_found_by_their_preprocessing(workspace: Workspace, dataset: Dataset) -> None:
    models = [
        Ridge(),
        make_pipeline(StandardScaler(), Ridge()),
        make_pipeline(MinMaxScaler(), StandardScaler(), Ridge()),
    ]
    workspace.run_batch(dataset, models, charts=False)
    run = workspace.create_run("corn")
    for config in ({"model": "mean"}, {"model": "mean", "preprocessing": "by hand"}):
        run.add_pipeline(config).complete()
    catalog = workspace.catalog
    both = "MinMaxScaler → StandardScaler"
    assert catalog.count("preprocessing = 'none'") == catalog.count("preprocessing is null") == 1
    assert catalog.count(f"preprocessing = '{both}'") == catalog.count(f"PREPROCESSING = '{both.lower()}'") == 1
    assert catalog.count("preprocessing ~ 'standardscaler'") == 2
    assert catalog.count(f"preprocessing in ('none', '{both}', 'by hand')") == 3
    assert catalog.count("not preprocessing ~ 'minmax'") == 4 and catalog.count("preprocessing = 5") == 0
    found = catalog.values(catalog.keys("order by preprocessing"), ["preprocessing"])["preprocessing"]
    assert found == [both, "StandardScaler", "by hand", "none", None]
    assert {row["preprocessing"]: row["results"] for row in catalog.group(["preprocessing"], [])}[both] == 1
    workspace.rebuild_index()
    assert catalog.count(f"preprocessing = '{both}'") == 1
    offered = [one.text for one in catalog.complete("preprocessing = 'M", 18).suggestions]
    assert offered == [f"'{both}'"]
    assert "preprocessing" in [one.text for one in catalog.complete("prep", 4).suggestions]
    with pytest.raises(QueryError, match="Did you mean preprocessing"):
        catalog.count("preprocesing = 'none'")


def test_text_that_looks_like_a_number_is_found_as_text(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for mode in ("5", "nan", "Ärger", "plain"):
        pipeline = run.add_pipeline({"mode": mode})
        pipeline.save_metrics({"test": {"rmse": 1.0}})
        pipeline.complete()
    count = workspace.catalog.count
    assert count("mode = '5'") == count("mode = 'NaN'") == count("mode = 'ÄRGER'") == count("mode in ('ärger')") == 1
    (first,) = workspace.catalog.ids("mode = 'plain'")
    workspace.catalog.annotate([first], notes='{"mode":"other"}')  # looks like a configuration, and is none
    other = run.add_pipeline({"mode": "other"})
    other.complete()
    assert workspace.catalog.ids("mode = 'other'") == [other.prediction_id]


def test_folding_knows_every_alphabet() -> None:
    assert fold("GRÖSSE Étude Ǆ") == fold("grösse étude ǆ") and fold("ÉTUDE") == "etude" and fold("ΣΊΣΥΦΟΣ")
