"""The demo data: what is written is the published data, in a form a run can use."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

import resources
from storage.configs import load_configs
from storage.demo import create_demo, write_demo_data
from storage.errors import Cancelled


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    return {dataset.name: dataset for dataset in write_demo_data(tmp_path_factory.mktemp("data"))}


def test_fermentation_has_the_calibration_and_the_34_measured_times(datasets):
    dataset = datasets["fermentation"]
    table = pd.read_csv(dataset.data)
    assert table["split"].value_counts().to_dict() == {"train": 21, "test": 34}
    assert table[dataset.id_column].is_unique
    spectra = table.drop(columns=["sample_id", "split", dataset.target])
    wavenumbers = spectra.columns.astype(float)
    assert wavenumbers.is_monotonic_increasing
    assert (wavenumbers.min(), wavenumbers.max()) == (950, 1499)
    assert np.isfinite(spectra.to_numpy()).all()
    assert (spectra.std(axis=1) > 0).all(), "a placeholder was taken for a spectrum"


def test_coffee_has_three_origins_in_equal_parts(datasets):
    table = pd.read_csv(datasets["coffee"].data)
    assert table["origin"].value_counts().to_dict() == {"Brasil": 20, "Ethiopia": 20, "Vietnam": 20}
    assert table.shape == (60, 2 + 1841)


def test_the_published_calibration_error_is_found_again(datasets):
    """The authors of the data report a mean absolute error of 0.92 g/L with six PLS components."""
    table = pd.read_csv(datasets["fermentation"].data).query("split == 'train'")
    grid = load_configs([str(resources.path("configs/regression-pls.yaml"))])
    config = next(
        config
        for config in grid
        if [name for name, _ in config.steps] == ["linear", "SG1", "PLSRegression"]
        and config.steps[-1][1].params["n_components"] == 6
    )
    spectra = table.drop(columns=["sample_id", "split", "glucose"]).to_numpy()
    scores = cross_val_score(config.build(), spectra, table["glucose"], cv=10, scoring="neg_mean_absolute_error")
    assert -scores.mean() == pytest.approx(0.923, abs=0.001)


def test_what_is_the_same_is_not_written_again(datasets):
    before = {name: dataset.data.stat() for name, dataset in datasets.items()}
    write_demo_data(next(iter(datasets.values())).data.parent)
    for name, dataset in datasets.items():
        assert dataset.data.stat().st_mtime_ns == before[name].st_mtime_ns
        assert dataset.data.stat().st_ino == before[name].st_ino


def test_progress_counts_the_pipelines_of_both_datasets(tmp_path, datasets):
    seen = []

    def report(done, total, text):
        seen.append((done, total))
        if done:
            raise Cancelled()

    with pytest.raises(Cancelled):
        create_demo(tmp_path, report)
    count = {name: len(load_configs(dataset.request().pipelines)) for name, dataset in datasets.items()}
    assert seen[-1] == (1, count["fermentation"] + count["coffee"])
