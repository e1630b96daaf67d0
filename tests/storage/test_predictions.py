"""Predictions in their three forms: arrays, table, catalog rows."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import PredictionArrays, Workspace
from storage.errors import BadInput
from storage.predictions import from_frame, from_row, to_frame, to_rows

IDS = [f"s{i}" for i in range(40)]
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)


def same(left: list[PredictionArrays], right: list[PredictionArrays]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert (a.partition, a.fold_id, a.labels) == (b.partition, b.fold_id, b.labels)
        np.testing.assert_array_equal(a.sample_indices, b.sample_indices)
        np.testing.assert_array_equal(a.y_true, b.y_true)
        np.testing.assert_array_equal(a.y_pred, b.y_pred)
        if a.probabilities is None:
            assert b.probabilities is None
        else:
            np.testing.assert_array_equal(a.probabilities, b.probabilities)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=40), st.sampled_from([None, 0, 3]))
def test_regression_survives_csv_and_rows_to_the_last_bit(pairs: list[tuple[float, float]], fold: int | None) -> None:
    true, pred = np.array(pairs).T
    blocks = [PredictionArrays("val", fold, np.arange(len(pairs)), true, pred)]
    text = to_frame(blocks, IDS, ["y"]).to_csv(index=False)
    same(from_frame(pd.read_csv(io.StringIO(text)), classes=False), blocks)
    same([from_row(row) for row in to_rows("id", blocks)], blocks)


def test_classes_and_probabilities_survive() -> None:
    labels = ["1", "NA", "=cmd", "Brasil"]  # text that readers like to take for something else
    shares = np.full((4, 4), 0.25)
    codes = np.arange(4.0)
    blocks = [PredictionArrays("val", f, np.arange(4), codes, codes[::-1].copy(), labels, shares) for f in (0, 1)]
    text = to_frame(blocks, IDS, ["origin"]).to_csv(index=False)
    table = pd.read_csv(
        io.StringIO(text), dtype={"y_true": str, "y_pred": str}, keep_default_na=False, na_values={"fold": [""]}
    )
    same(from_frame(table, classes=True), blocks)
    same([from_row(row) for row in to_rows("id", blocks)], blocks)


def test_several_targets_survive() -> None:
    values = np.arange(8.0).reshape(4, 2)
    blocks = [PredictionArrays("test", None, np.arange(4), values, values + 1)]
    table = to_frame(blocks, IDS, ["fat", "water"])
    assert {"y_true_fat", "y_pred_water"} <= set(table.columns)
    same(from_frame(table, classes=False), blocks)
    same([from_row(row) for row in to_rows("id", blocks)], blocks)


def test_a_table_without_predictions_is_refused() -> None:
    with pytest.raises(BadInput):
        from_frame(pd.DataFrame({"y": [1.0]}))


def test_targets_are_matched_by_name_and_wrong_values_are_a_sentence(workspace: Workspace) -> None:
    table = pd.DataFrame({"y_true_a": [1.0], "y_true_b": [2.0], "y_pred_b": [2.5], "y_pred_a": [1.5]})
    (block,) = from_frame(table)
    assert (block.y_true.tolist(), block.y_pred.tolist()) == ([[1.0, 2.0]], [[1.5, 2.5]])
    with pytest.raises(BadInput):
        from_frame(table.rename(columns={"y_pred_b": "y_pred_c"}))
    pipeline = workspace.create_run("corn").add_pipeline({"k": 1})
    with pytest.raises(BadInput):
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0], "y_pred": ["high"]}))
