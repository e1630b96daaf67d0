"""Data files: what is read, what is refused, and the hash that recognises the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage import from_arrays, load_dataset
from storage.errors import BadInput, NameRefused, NotFound, StorageError
from storage.previews import preview_data


def test_a_csv_of_spectra(spectra_csv: Path) -> None:
    dataset = load_dataset(spectra_csv, ["protein"], split_column="split")
    assert (dataset.name, dataset.task_type) == ("corn", "regression")
    assert dataset.X.shape == (30, 12) and dataset.features[0] == "1100"
    assert dataset.sample_ids[:2] == ["s00", "s01"]
    assert list(dataset.test_rows) == [24, 25, 26, 27, 28, 29]
    assert dataset.ignored == ["origin"]


def test_text_targets_are_classes_and_the_split_keeps_their_shares(spectra_csv: Path) -> None:
    dataset = load_dataset(spectra_csv, ["origin"], test_size=0.5, seed=1)
    assert dataset.task_type == "classification" and dataset.labels == ["north", "south"]
    shares = [np.mean(dataset.y[rows]) for rows in (dataset.train_rows, dataset.test_rows)]
    assert abs(shares[0] - shares[1]) < 0.1


@pytest.mark.parametrize("kind", ["parquet", "npz", "semicolon", "tab"])
def test_other_formats_give_the_same_data(spectra_csv: Path, tmp_path: Path, kind: str) -> None:
    table = pd.read_csv(spectra_csv)
    path = tmp_path / {"parquet": "corn.parquet", "npz": "corn.npz", "semicolon": "c.csv", "tab": "c.tsv"}[kind]
    if kind == "parquet":
        table.to_parquet(path)
    elif kind == "npz":
        np.savez(path, X=table.iloc[:, 4:].to_numpy(), protein=table["protein"].to_numpy())
    elif kind == "semicolon":
        table.to_csv(path, index=False, sep=";", decimal=",")
    else:
        table.to_csv(path, index=False, sep="\t")
    expected = load_dataset(spectra_csv, ["protein"])
    found = load_dataset(path, ["protein"], name="corn")
    assert np.array_equal(found.X, expected.X) and np.array_equal(found.y, expected.y)
    assert found.data_hash() == expected.data_hash()


def test_the_hash_changes_with_data_split_and_target_only(spectra_csv: Path) -> None:
    base = load_dataset(spectra_csv, ["protein"], split_column="split")
    renamed = load_dataset(spectra_csv, ["protein"], split_column="split", name="maize", units="%")
    assert renamed.data_hash() == base.data_hash()
    others = [
        load_dataset(spectra_csv, ["protein"]),
        load_dataset(spectra_csv, ["origin"], split_column="split"),
        load_dataset(spectra_csv, ["protein"], test_size=0.2, seed=1),
        load_dataset(spectra_csv, ["protein"], test_size=0.2, seed=2),
        from_arrays("corn", base.X + 1e-12, base.y, test=base.test, target="protein"),
    ]
    assert len({base.data_hash(), *(other.data_hash() for other in others)}) == 6


def test_wrong_data_is_a_sentence_with_advice(spectra_csv: Path, tmp_path: Path) -> None:
    table = pd.read_csv(spectra_csv)
    gaps = table.copy()
    gaps.loc[[3, 5], "1104"] = np.nan
    no_target = table.copy()
    no_target.loc[2, "protein"] = np.nan
    words = table.assign(split="maybe")
    files = {"gaps": gaps, "no_target": no_target, "words": words, "empty": table.iloc[:0], "one": table.iloc[:1]}
    for name, content in files.items():
        content.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "picture.png").write_bytes(b"x")

    def said(error: type[StorageError], file: str, target: str = "protein", **options: object) -> str:
        with pytest.raises(error) as caught:
            load_dataset(tmp_path / file, [target], **options)  # type: ignore[arg-type]
        assert caught.value.advice
        return str(caught.value)

    assert "2 of 30 samples" in said(BadInput, "gaps.csv") and "sample s03, column 1104" in said(BadInput, "gaps.csv")
    assert "s02" in said(BadInput, "no_target.csv")
    assert "says 'maybe'" in said(BadInput, "words.csv", split_column="split")
    assert "Did you mean 'protein'" in said(BadInput, "corn.csv", target="protien")
    assert "no rows" in said(BadInput, "empty.csv")
    assert "Fewer than two" in said(BadInput, "one.csv")
    assert "could not be read" in said(BadInput, "broken.parquet")
    assert "not a kind" in said(BadInput, "picture.png")
    assert "not there" in said(NotFound, "nothing.csv")
    assert "is text" in said(BadInput, "corn.csv", target="origin", task="regression")
    assert "between 0 and 1" in said(BadInput, "corn.csv", test_size=3.0)
    assert "CON" in said(NameRefused, "corn.csv", name="CON")


def test_wavelengths_may_have_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "german.csv"
    path.write_text("\ufeffProbe;Eiweiß;1100;1100,5;1101\nä1;1,5;0,1;0,2;0,3\nä2;2,5;0,4;0,5;0,6\n", encoding="utf-8")
    data = load_dataset(path, ["Eiweiß"], id_column="Probe")
    assert data.features == ["1100", "1100.5", "1101"] and data.X[1].tolist() == [0.4, 0.5, 0.6]
    assert data.sample_ids == ["ä1", "ä2"] and data.y.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("unit", "written"),
    [(" nm", "nm"), ("nm", "nm"), (" um", "µm"), (" cm-1", "cm⁻¹"), (" cm⁻¹", "cm⁻¹"), (" 1/cm", "cm⁻¹"), ("", "")],
)
def test_wavelengths_may_have_their_unit_and_what_has_none_is_the_target(
    tmp_path: Path, unit: str, written: str
) -> None:
    path = tmp_path / "protein.csv"
    names = ["sample", *(f"{1000 + 4 * n}.5{unit}" for n in range(4)), "protein"]
    path.write_text(",".join(names) + "\na,0.1,0.2,0.3,0.4,12.5\nb,0.2,0.3,0.4,0.5,13.5\n", encoding="utf-8")
    preview = preview_data(path)
    assert preview.target == "protein" and len(preview.features) == 4
    assert preview.axis == (1000.5, 1004.5, 1008.5, 1012.5)
    data = load_dataset(path, ["protein"])
    assert data.features == ["1000.5", "1004.5", "1008.5", "1012.5"]
    assert data.axis_unit == preview.axis_unit == written


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        (["protein"], "protein"),
        (["grade", "protein"], None),
        (["grade", "y"], "y"),
        (["variety", "protein"], "protein"),
        (["variety"], "variety"),
        (["variety", "site"], None),
    ],
)
def test_a_target_is_proposed_only_where_no_other_can_be_meant(
    tmp_path: Path, columns: list[str], target: str | None
) -> None:
    path = tmp_path / "several.csv"
    words = {"variety": ["a", "b"], "site": ["n", "s"]}
    table = {"sample": ["s1", "s2"], "1000": [0.1, 0.2], "1004": [0.3, 0.4]}
    pd.DataFrame({**table, **{name: words.get(name, [1.5, 2.5]) for name in columns}}).to_csv(path, index=False)
    assert preview_data(path).target == target


@pytest.mark.parametrize(
    ("X", "y", "more"),
    [
        (np.zeros((0, 3)), [], {}),
        ([["a"]] * 4, [1, 2, 3, 4], {}),
        (np.eye(4), 5, {}),
        (np.eye(4), np.zeros((4, 2, 2)), {}),
        (np.eye(4), [1, 2, 3, 4], {"test": [True]}),
        (np.eye(4), [1, 2, 3, 4], {"sample_ids": ["a"]}),
    ],
)
def test_wrong_arrays_are_a_sentence(X: Any, y: Any, more: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        from_arrays("corn", X, y, **more)
    assert caught.value.advice


def test_samples_that_lack_a_value_are_told_at_once_and_left_out_where_that_is_asked_for(spectra_csv: Path) -> None:
    table = pd.read_csv(spectra_csv).astype({"1104": object, "1106": object})
    table.loc[4, "1104"], table.loc[7, "1106"] = "n.d.", "<LOD"
    table.loc[7, "1108"] = table.loc[2, "protein"] = None
    table.to_csv(spectra_csv, index=False)
    preview = preview_data(spectra_csv)
    found = preview.incomplete(["protein"], ["protein", "sample_id", "split"])
    assert (found.in_target.tolist(), found.in_features.tolist(), found.column) == ([2], [4, 7], "1104")
    assert preview.sample_name(7, "sample_id") == "s07" and preview.sample_name(7, None) == "7"
    with pytest.raises(BadInput, match=r"2 of 30 samples have .* sample s04, column 1104"):
        load_dataset(spectra_csv, ["protein"], split_column="split")
    data = load_dataset(spectra_csv, ["protein"], split_column="split", leave_out_incomplete=True)
    assert data.left_out == ["s02", "s04", "s07"] and data.sample_ids[:4] == ["s00", "s01", "s03", "s05"]
    assert (len(data.train_rows), len(data.test_rows)) == preview.split_counts("split", None, found.rows) == (21, 6)
    assert np.array_equal(data.X[2], table.loc[3].iloc[4:].to_numpy(dtype=float))
    by_size = load_dataset(spectra_csv, ["protein"], test_size=0.25, leave_out_incomplete=True)
    assert (len(by_size.train_rows), len(by_size.test_rows)) == preview.split_counts(None, 0.25, found.rows)
    table["1120"] = None
    table.to_csv(spectra_csv, index=False)
    with pytest.raises(BadInput, match=r"No sample .* has all its values.*column 1104|column 1120"):
        load_dataset(spectra_csv, ["protein"], leave_out_incomplete=True)


def test_gaps_among_decimal_commas_leave_the_other_numbers(tmp_path: Path) -> None:
    path = tmp_path / "german.csv"
    rows = [
        "Probe;Eiweiß;1100;1100,5",
        "a1;1,5;0,1;0,2",
        "a2;n.d.;0,4;<0,1",
        "a3;3,5;;0,5",
        "a4;4,5;0,6;0,7",
        "a5;5,5;1;1",
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    data = load_dataset(path, ["Eiweiß"], id_column="Probe", leave_out_incomplete=True)
    assert data.sample_ids == ["a1", "a4", "a5"] and data.X.tolist() == [[0.1, 0.2], [0.6, 0.7], [1.0, 1.0]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encodings_that_spreadsheets_save(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "excel.csv"
    rows = ["Probe;Eiweiß (%);1100;1102;1104", "Müller 1;11,5;0,1;0,2;0,3", "Müller 2;12,5;0,4;0,5;0,6"]
    path.write_text("\n".join(rows), encoding=encoding)
    preview = preview_data(path)
    assert "Eiweiß (%)" in preview.columns and preview.from_windows == (encoding == "cp1252")
    data = load_dataset(path, ["Eiweiß (%)"], id_column="Probe")
    assert data.sample_ids[0] == "Müller 1" and data.X[1].tolist() == [0.4, 0.5, 0.6]


def test_sample_names_and_units_are_proposed_as_laboratories_write_them(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    for names, found in ((("P1", "P2"), "Probe"), (("P1", "P1"), None)):
        path.write_text(f"Probe,Eiweiß (%),1100,1102\n{names[0]},1.5,1,2\n{names[1]},2.5,3,4\n", encoding="utf-8")
        preview = preview_data(path)
        assert preview.id_column == load_dataset(path, ["Eiweiß (%)"]).id_column == found
        assert preview.described["Eiweiß (%)"].units == "%" and preview.described["Probe"].units == ""
