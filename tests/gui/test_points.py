"""What charts are made of."""

import numpy as np

from gui.models import points
from gui.models.points import chart_data
from storage import PredictionArrays


def part(partition, truth, predicted, fold=None, labels=()):
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    return PredictionArrays(partition, fold, np.arange(len(truth)), truth, predicted, list(labels), None)


def test_folds_of_a_partition_are_put_together_and_gaps_left_out():
    data = chart_data([part("val", [1, 2], [1, 2], 0), part("val", [3, np.nan], [3, 4], 1), part("test", [5], [6])])
    assert [(one.partition, one.total) for one in data.targets[0]] == [("val", 3), ("test", 1)]


def test_several_targets_give_a_chart_each():
    data = chart_data([part("test", [[1, 10], [2, 20]], [[1, 11], [2, 21]])])
    assert [one[0].truth.tolist() for one in data.targets] == [[1, 2], [10, 20]]


def test_many_points_are_thinned_out_and_still_counted(monkeypatch):
    monkeypatch.setattr(points, "MOST_POINTS", 100)
    (test,) = chart_data([part("test", range(1234), range(1234))]).targets[0]
    assert test.total == 1234
    assert len(test.truth) <= 100


def test_classes_give_a_matrix_of_observed_by_predicted():
    (matrix,) = chart_data([part("test", [0, 0, 1, 1], [0, 1, 1, 1], labels=("north", "south"))]).confusions
    assert matrix.counts.tolist() == [[1, 1], [0, 2]]
    assert matrix.labels == ["north", "south"]


def test_nothing_stored_is_an_empty_chart():
    assert chart_data([]).empty


def test_every_prediction_is_a_row_whatever_is_thinned_out(monkeypatch):
    monkeypatch.setattr(points, "MOST_POINTS", 10)
    data = chart_data([part("val", range(50), range(50), 3), part("test", range(20), range(20))])
    assert len(data.rows) == 70
    assert data.rows.of_sample(7).tolist() == [7, 57]  # val before test
    assert set(data.rows.folds[:50]) == {3.0} and np.isnan(data.rows.folds[50:]).all()
    shown = data.targets[0][0]
    assert data.rows.truth[shown.rows, 0].tolist() == shown.truth.tolist()


def test_names_sort_by_the_numbers_in_them():
    rows = chart_data([part("test", range(4), range(4))], {0: "s10", 1: "s9", 2: "S2b", 3: "s2"}).rows
    assert [rows.names[n] for n in np.argsort(rows.name_ranks)] == ["s2", "S2b", "s9", "s10"]


def test_errors_are_shares_of_a_partition_in_bins_that_all_partitions_have():
    val, test = chart_data([part("val", [0] * 8, range(8)), part("test", [0, 0], [7, 7])]).errors[0]
    assert val.edges.tolist() == test.edges.tolist()
    assert (val.shares.sum(), test.shares.sum()) == (100, 100)
    assert (val.mean, round(val.std, 6)) == (3.5, round(float(np.std(range(8), ddof=1)), 6))
    assert (test.mean, test.std, test.total) == (7, 0, 2)


def test_folds_have_mean_and_spread_and_a_missing_value_is_left_out():
    results = [{"fold": 0, "rmse": 1.0, "r2": 0.5, "samples": 4}, {"fold": 1, "rmse": 3.0, "r2": None, "samples": 4}]
    rmse, r2 = chart_data([part("val", [1], [1])], {}, {"fold_results": results}).folds
    assert (rmse.metric, rmse.numbers, rmse.mean, round(rmse.std, 6)) == ("rmse", [0, 1], 2.0, 1.414214)
    assert (r2.numbers, r2.mean) == ([0], 0.5) and np.isnan(r2.std)


def test_the_certainty_of_a_class_is_the_probability_of_what_was_predicted():
    block = part("test", [0, 1], [1, 1], labels=("a", "b"))
    block = PredictionArrays(
        "test", None, block.sample_indices, block.y_true, block.y_pred, ["a", "b"], np.array([[0.4, 0.6], [0.1, 0.9]])
    )
    assert chart_data([block]).rows.certainty().tolist() == [0.6, 0.9]


def test_points_carry_the_names_people_gave() -> None:
    (test,) = chart_data([part("test", [1, 2], [1, 2])], {0: "mixture-07"}).targets[0]
    assert test.names == ["mixture-07", "row 2"]
