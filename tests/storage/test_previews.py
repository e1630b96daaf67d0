"""Looking before training says what training then finds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import resources
from storage import BadInput, load_configs, load_dataset, preview_configs, preview_data, shipped_configs


def test_a_preview_guesses_the_roles(spectra_csv: Path) -> None:
    preview = preview_data(spectra_csv)
    assert (preview.id_column, preview.split_column, preview.target) == ("sample_id", "split", "protein")
    assert preview.task == "regression" and preview.n_rows == 30 and preview.columns[0] == "sample_id"
    assert preview.head[0][0] == "s00"


@pytest.mark.parametrize("size", [0.05, 0.1, 0.25, 0.33, 0.5])
@pytest.mark.parametrize("target", ["protein", "origin"])
def test_the_counts_are_those_of_the_split(spectra_csv: Path, size: float, target: str) -> None:
    preview = preview_data(spectra_csv)
    if target == "origin" and size == 0.05:
        size = 0.1  # two classes need two samples
    data = load_dataset(spectra_csv, [target], test_size=size)
    assert preview.split_counts(None, size) == (len(data.train_rows), len(data.test_rows))
    by_column = load_dataset(spectra_csv, [target], split_column="split")
    assert preview.split_counts("split", None) == (len(by_column.train_rows), len(by_column.test_rows)) == (24, 6)
    assert preview.split_counts(None, None) == (30, 0)
    assert preview.split_counts("origin", None) is None  # says neither train nor test
    assert preview.n_features(["sample_id", target]) == len(by_column.features)


def test_the_target_is_described(spectra_csv: Path) -> None:
    table = pd.read_csv(spectra_csv)
    table.loc[3, "protein"] = None
    table.to_csv(spectra_csv, index=False)
    described = preview_data(spectra_csv).described
    protein, origin = described["protein"], described["origin"]
    assert (protein.task, protein.missing, sum(protein.counts)) == ("regression", 1, 29)
    assert (protein.edges[0], protein.edges[-1]) == (table["protein"].min(), table["protein"].max())
    assert dict(origin.classes) == table["origin"].value_counts().to_dict() and origin.task == "classification"


def test_some_spectra_are_drawn_in_order_of_their_axis(tmp_path: Path) -> None:
    path = tmp_path / "reversed.csv"
    columns = {str(4000 - n): [n / 10 + row for row in range(100)] for n in range(1000)}
    pd.DataFrame({"y": range(100), **columns}).to_csv(path, index=False)
    preview = preview_data(path)
    assert len(preview.spectra) <= 40 and len(preview.axis) <= 500
    assert preview.axis == tuple(sorted(preview.axis)) and (preview.axis[0], preview.axis[-1]) == (3001.0, 4000.0)
    assert preview.spectra[0][0] == pytest.approx(99.9) and preview.spectra[-1][-1] == 99.0


@pytest.mark.parametrize("name", ["regression-pls.yaml", "regression-other-models.yaml", "classification.yaml"])
def test_configurations_are_counted_and_their_grid_is_said(name: str) -> None:
    path = Path(str(resources.path(f"configs/{name}")))
    found = preview_configs(path)
    assert sum(config.count for config in found) == len(load_configs([path]))
    if name == "regression-pls.yaml":
        (pls,) = found
        grid = dict(pls.grid)
        assert grid["PLSRegression__n_components"] == ("2", "4", "6", "8")
        assert grid["preprocessing"][:3] == ("none", "SNV", "MSC") and "linear + SG1" in grid["preprocessing"][-1]
        assert pls.cv == "5-fold" and pls.steps[-1] == "PLSRegression(scale=False)"


def test_configurations_of_a_request_are_called_as_their_pipelines_were() -> None:
    entry = {"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}], "pipeline_name": "ridge 7"}
    assert [(config.name, config.count) for config in preview_configs([entry])] == [("ridge 7", 1)]
    with pytest.raises(BadInput):
        preview_configs([{"name": "empty", "steps": []}])


def test_wavelengths_are_no_targets_unless_there_is_nothing_else(tmp_path: Path) -> None:
    both, plain, bare = (tmp_path / f"{name}.csv" for name in ("both", "plain", "bare"))
    both.write_text("protein,900,910\n1.5,0.1,0.2\n2.5,0.3,0.4\n")
    plain.write_text("protein,density\n1.5,0.1\n2.5,0.3\n")
    bare.write_text("1,2\n1.5,0.1\n2.5,0.3\n")
    assert [preview_data(path).targets for path in (both, plain, bare)] == [
        ["protein"], ["protein", "density"], ["1", "2"],
    ]  # fmt: skip


def test_a_grid_for_another_task_is_told_by_its_models_before_training(tmp_path: Path) -> None:
    shipped = {path.stem: preview_configs(path) for path in shipped_configs()}
    unfit = {name: [sum(one.unfit(task) for one in found) for task in ("regression", "classification")]
             for name, found in shipped.items()}  # fmt: skip
    assert unfit == {"regression-pls": [0, 28], "regression-other-models": [0, 24], "classification": [21, 0]}
    models = {"name": "m", "steps": [{"class": "sklearn.linear_model.Ridge"}],
              "grid": {"Ridge": [{"class": "sklearn.svm.SVC"}, {"class": "sklearn.model_selection.GridSearchCV"}]},
              "cv": None}  # fmt: skip
    (mixed,) = preview_configs([models])
    assert (mixed.count, mixed.unfit("regression"), mixed.unfit("classification"), mixed.unfit(None)) == (2, 1, 0, 0)
