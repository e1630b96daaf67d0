"""What charts are made of."""

import numpy as np

from gui import points
from gui.points import chart_data
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


def test_points_carry_the_names_people_gave() -> None:
    (test,) = chart_data([part("test", [1, 2], [1, 2])], {0: "mixture-07"}).targets[0]
    assert test.names == ["mixture-07", "row 2"]
