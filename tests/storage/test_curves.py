"""ROC curves, against scikit-learn's own figures."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from storage import PredictionArrays, roc_curves


def arrays(classes: int, folds: int = 3) -> list[PredictionArrays]:
    random = np.random.default_rng(5)
    found = []
    for fold in range(folds):
        truth = np.arange(20) % classes
        probabilities = random.dirichlet(np.ones(classes), 20) + 0.7 * np.eye(classes)[truth]
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        labels = [f"class {code}" for code in range(classes)]
        predicted = probabilities.argmax(axis=1).astype(float)
        index = np.arange(20) + 20 * fold
        found.append(PredictionArrays("val", fold, index, truth.astype(float), predicted, labels, probabilities))
    return found


def test_each_class_against_the_rest_with_their_mean() -> None:
    blocks = arrays(3)
    found = roc_curves(blocks, "val")
    truth = np.concatenate([block.y_true for block in blocks])
    shares = np.concatenate([block.probabilities for block in blocks if block.probabilities is not None])
    assert [curve.label for curve in found.curves] == blocks[0].labels
    assert [curve.auc for curve in found.curves] == pytest.approx(
        [roc_auc_score(truth == code, shares[:, code]) for code in range(3)]
    )
    assert found.macro is not None
    assert found.macro.auc == pytest.approx(roc_auc_score(truth, shares, multi_class="ovr"))
    for curve in (*found.curves, found.macro):
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(curve.fpr) >= 0).all() and (np.diff(curve.tpr) >= 0).all()


def test_two_classes_have_one_curve() -> None:
    found = roc_curves(arrays(2), "val")
    assert [curve.label for curve in found.curves] == ["class 1"] and found.macro is None


@pytest.mark.parametrize(
    ("blocks", "partition", "reason"),
    [
        (arrays(3), "test", "no predictions"),
        ([PredictionArrays("val", 0, np.arange(2), np.ones(2), np.ones(2))], "val", "predicts numbers"),
        ([PredictionArrays("val", 0, np.arange(2), np.ones(2), np.ones(2), ["a", "b"])], "val", "no class probab"),
        (
            [PredictionArrays("val", 0, np.arange(2), np.ones(2), np.ones(2), ["a", "b"], np.full((2, 2), 0.5))],
            "val",
            "one class",
        ),
    ],
)
def test_what_has_no_curve_says_why(blocks: list[PredictionArrays], partition: str, reason: str) -> None:
    found = roc_curves(blocks, partition)
    assert found.curves == () and reason in found.problem
