"""Predictions in their three forms: arrays, table, catalog rows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import PredictionArrays, Workspace
from storage.errors import BadInput
from storage.predictions import from_frame, from_row, read_csv, to_frame, to_rows

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


FOLD_TABLES = {
    "regression": "sample_id,partition,fold,y_true,y_pred,sample_index\na,val,0,1.5,2.25,3\nb,val,1,0.1,0.3,4\n",
    "no folds": "sample_id,partition,fold,y_true,y_pred,sample_index\na,test,,1.5,2.25,3\n",
    "some folds": "sample_id,partition,fold,y_true,y_pred\na,val,0,1.5,2.25\nb,test,,0.1,0.3\n",
    "bare": "y_true,y_pred\n1,2\n3,4\n",
    "targets": "y_true_a,y_true_b,y_pred_b,y_pred_a\n1,2,3,4\n5,6,7,8\n",
    "no value": "y_true,y_pred\n1,\n3,4\n",
    "blank line": "y_true,y_pred\n1,2\n\n3,4\n",
    "quoted": 'sample_id,y_true,y_pred\n"a, ""b""",1,2\n',
    "mark": "\ufeffy_true,y_pred\n1,2\n",
    "other line ends": "y_true,y_pred\r\n1,2\r\n3,4\r\n",
    "text": "y_true,y_pred\nyes,no\nno,no\n",
    "number-like text": "y_true,y_pred\n1_0,2_0\n2_0,2_0\n",
    "classes": "partition,fold,y_true,y_pred,p_1,p_NA\nval,0,1,NA,0.5,0.5\nval,1,NA,NA,0.25,0.75\n",
}


@pytest.mark.parametrize("text", FOLD_TABLES.values(), ids=FOLD_TABLES)
def test_a_file_is_read_as_pandas_reads_it(tmp_path: Path, text: str) -> None:
    path, classes = tmp_path / "predictions.csv", True if "p_NA" in text else None
    path.write_bytes(text.encode())
    kinds = {"sample_id": str, "partition": str} | ({"y_true": str, "y_pred": str} if classes else {})
    table = pd.read_csv(io.StringIO(text.removeprefix("\ufeff")), dtype=kinds, keep_default_na=not classes)
    same(read_csv(path, classes), from_frame(table, classes))


@pytest.mark.parametrize("text", ["", "y\n1\n", "y_true,y_pred\n1,high\n", "y_true,y_pred,sample_index\n1,2,0\n1,2,\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises((ValueError, BadInput)):
        read_csv(path, classes=False)
